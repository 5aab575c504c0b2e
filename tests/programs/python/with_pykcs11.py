"""PyKCS11 on the token, against the cryptography package: with_pykcs11.py MODULE PIN-FILE JOB."""

import pathlib
import secrets
import sys

import PyKCS11
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TEXT = b"a text to sign"
P256 = bytes.fromhex("06082a8648ce3d030107")


def value(session, handle, attribute=PyKCS11.CKA_VALUE):
    return bytes(session.getAttributeValue(handle, [attribute])[0])


def refuses(code, call):
    try:
        call()
    except PyKCS11.PyKCS11Error as error:
        return error.value == code
    return False


def aes(session, bits, visible=True, *more):
    template = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
        (PyKCS11.CKA_VALUE_LEN, bits // 8),
        (PyKCS11.CKA_ENCRYPT, True),
        (PyKCS11.CKA_DECRYPT, True),
        (PyKCS11.CKA_SENSITIVE, not visible),
        (PyKCS11.CKA_EXTRACTABLE, visible),
        *more,
    ]
    return session.generateKey(template, PyKCS11.MechanismAESGENERATEKEY)


def ec_pair(session):
    public = [(PyKCS11.CKA_EC_PARAMS, P256), (PyKCS11.CKA_VERIFY, True)]
    private = [(PyKCS11.CKA_SIGN, True), (PyKCS11.CKA_DERIVE, True)]
    public, private = session.generateKeyPair(public, private, PyKCS11.MechanismECGENERATEKEYPAIR)
    point = value(session, public, PyKCS11.CKA_EC_POINT)[2:]  # without the head of the OCTET STRING
    return private, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def rsa_job(session):
    public = [(PyKCS11.CKA_MODULUS_BITS, 2048), (PyKCS11.CKA_PUBLIC_EXPONENT, (1, 0, 1)), (PyKCS11.CKA_VERIFY, True)]
    private = [(PyKCS11.CKA_SIGN, True), (PyKCS11.CKA_DECRYPT, True)]
    public, private = session.generateKeyPair(public, private)
    numbers = [
        int.from_bytes(value(session, public, attribute), "big")
        for attribute in (PyKCS11.CKA_PUBLIC_EXPONENT, PyKCS11.CKA_MODULUS)
    ]
    theirs = rsa.RSAPublicNumbers(*numbers).public_key()
    signature = bytes(session.sign(private, TEXT, PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS)))
    theirs.verify(signature, TEXT, padding.PKCS1v15(), hashes.SHA256())
    pss = PyKCS11.RSA_PSS_Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS_PSS, PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, 32)
    signature = bytes(session.sign(private, TEXT, pss))
    theirs.verify(signature, TEXT, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert session.verify(public, TEXT, signature, pss)
    assert not session.verify(public, TEXT + b"!", signature, pss)
    oaep = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, b"label")
    sealed = theirs.encrypt(TEXT, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"label"))
    assert bytes(session.decrypt(private, sealed, oaep)) == TEXT


def ecdsa_job(session):
    private, theirs = ec_pair(session)
    signature = bytes(session.sign(private, TEXT, PyKCS11.Mechanism(PyKCS11.CKM_ECDSA_SHA256)))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    theirs.verify(utils.encode_dss_signature(r, s), TEXT, ec.ECDSA(hashes.SHA256()))


def aes_job(session):
    key = aes(session, 256)
    nonce, block = secrets.token_bytes(12), secrets.token_bytes(16)
    for length in (1, 15, 16, 5000):  # PyKCS11 itself refuses an empty text
        text = secrets.token_bytes(length)
        gcm = PyKCS11.AES_GCM_Mechanism(nonce, b"header", 128)
        sealed = bytes(session.encrypt(key, text, gcm))
        assert sealed == AESGCM(value(session, key)).encrypt(nonce, text, b"header")
        assert bytes(session.decrypt(key, sealed, gcm)) == text
        ctr = PyKCS11.AES_CTR_Mechanism(128, block)
        theirs = Cipher(algorithms.AES(value(session, key)), modes.CTR(block)).encryptor()
        assert bytes(session.encrypt(key, text, ctr)) == theirs.update(text) + theirs.finalize()


def wrap_job(session):
    wrapping = aes(session, 256, True, (PyKCS11.CKA_WRAP, True), (PyKCS11.CKA_UNWRAP, True))
    key, kept = aes(session, 128), aes(session, 128, False)
    mechanism = PyKCS11.Mechanism(PyKCS11.CKM_AES_KEY_WRAP)
    wrapped = bytes(session.wrapKey(wrapping, key, mechanism))
    assert keywrap.aes_key_unwrap(value(session, wrapping), wrapped) == value(session, key)
    template = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
        (PyKCS11.CKA_SENSITIVE, False),
        (PyKCS11.CKA_EXTRACTABLE, True),
    ]
    assert value(session, session.unwrapKey(wrapping, wrapped, template, mechanism)) == value(session, key)
    assert refuses(PyKCS11.CKR_KEY_UNEXTRACTABLE, lambda: session.wrapKey(wrapping, kept, mechanism))


def derive_job(session):
    private, ours = ec_pair(session)
    theirs = ec.generate_private_key(ec.SECP256R1())
    point = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    template = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_GENERIC_SECRET),
        (PyKCS11.CKA_VALUE_LEN, 32),
        (PyKCS11.CKA_SENSITIVE, False),
        (PyKCS11.CKA_EXTRACTABLE, True),
    ]
    secret = session.deriveKey(private, template, PyKCS11.ECDH1_DERIVE_Mechanism(point))
    assert value(session, secret) == theirs.exchange(ec.ECDH(), ours)


def search_job(session):
    for number in range(20):
        content = [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA),
            (PyKCS11.CKA_TOKEN, True),
            (PyKCS11.CKA_LABEL, f"entry {number}"),
            (PyKCS11.CKA_VALUE, bytes([number])),
        ]
        session.createObject(content)
    (found,) = session.findObjects([(PyKCS11.CKA_LABEL, "entry 7")])
    assert value(session, found) == b"\x07"
    session.setAttributeValue(found, [(PyKCS11.CKA_LABEL, "renamed")])
    assert not session.findObjects([(PyKCS11.CKA_LABEL, "entry 7")])
    entries = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA)])
    assert len(entries) == 20
    for entry in entries:
        session.destroyObject(entry)
    assert not session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA)])


def hash_job(session):
    theirs = hashes.Hash(hashes.SHA384())
    theirs.update(TEXT)
    running = session.digestSession(PyKCS11.Mechanism(PyKCS11.CKM_SHA384))
    running.update(TEXT[:5])
    running.update(TEXT[5:])
    assert bytes(running.final()) == theirs.finalize()
    assert len(set(map(bytes, (session.generateRandom(32) for _ in range(50))))) == 50


if __name__ == "__main__":
    module, pin_file, job = sys.argv[1:]
    library = PyKCS11.PyKCS11Lib()
    library.load(module)
    (slot,) = library.getSlotList(tokenPresent=True)
    opened = library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    opened.login(pathlib.Path(pin_file).read_text())
    globals()[f"{job}_job"](opened)
    opened.logout()
    opened.closeSession()
    print(f"{job} agrees")
