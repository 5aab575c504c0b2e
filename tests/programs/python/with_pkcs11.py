"""python-pkcs11 on the token, against the cryptography package: with_pkcs11.py MODULE PIN-FILE JOB."""

import concurrent.futures
import pathlib
import secrets
import sys

import pkcs11
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, keywrap, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11 import KDF, MGF, Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.util import ec as ec_util
from pkcs11.util.rsa import encode_rsa_public_key

TEXT = b"a text to sign"
VISIBLE = {Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}


def refuses(error, call):
    try:
        call()
    except error:
        return True
    return False


def ec_pair(session, curve):
    """A pair of the token, and the public half for cryptography."""
    parameters = {Attribute.EC_PARAMS: ec_util.encode_named_curve_parameters(curve)}
    domain = session.create_domain_parameters(KeyType.EC, parameters, local=True)
    public, private = domain.generate_keypair()
    return public, private, serialization.load_der_public_key(ec_util.encode_ec_public_key(public))


def rsa_job(session):
    public, private = session.generate_keypair(KeyType.RSA, 2048)
    theirs = serialization.load_der_public_key(encode_rsa_public_key(public))
    signature = private.sign(TEXT, mechanism=Mechanism.SHA256_RSA_PKCS)
    theirs.verify(signature, TEXT, rsa_padding.PKCS1v15(), hashes.SHA256())
    pss = rsa_padding.PSS(rsa_padding.MGF1(hashes.SHA384()), 48)
    parameters = (Mechanism.SHA384, MGF.SHA384, 48)
    signature = private.sign(TEXT, mechanism=Mechanism.SHA384_RSA_PKCS_PSS, mechanism_param=parameters)
    theirs.verify(signature, TEXT, pss, hashes.SHA384())
    assert public.verify(TEXT, signature, mechanism=Mechanism.SHA384_RSA_PKCS_PSS, mechanism_param=parameters)
    oaep = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    parameters = (Mechanism.SHA256, MGF.SHA256, None)
    assert private.decrypt(theirs.encrypt(TEXT, oaep), mechanism_param=parameters) == TEXT


def ecdsa_job(session):
    for curve, digest, mechanism in [
        ("secp256r1", hashes.SHA256(), Mechanism.ECDSA_SHA256),
        ("secp384r1", hashes.SHA384(), Mechanism.ECDSA_SHA384),
        ("secp521r1", hashes.SHA512(), Mechanism.ECDSA_SHA512),
    ]:
        _, private, theirs = ec_pair(session, curve)
        signature = private.sign(TEXT, mechanism=mechanism)
        theirs.verify(ec_util.encode_ecdsa_signature(signature), TEXT, ec.ECDSA(digest))


def ed25519_job(session):
    # The curve's name as a PrintableString, which the specification allows beside the OID.
    parameters = {Attribute.EC_PARAMS: b"\x13\x0cedwards25519"}
    domain = session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True)
    public, private = domain.generate_keypair(mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN)
    point = public[Attribute.EC_POINT]
    theirs = ed25519.Ed25519PublicKey.from_public_bytes(point[-32:])
    theirs.verify(private.sign(TEXT, mechanism=Mechanism.EDDSA), TEXT)


def aes_job(session):
    for bits in (128, 192, 256):
        key = session.generate_key(KeyType.AES, bits, template=VISIBLE)
        value = key[Attribute.VALUE]
        nonce, aad, iv = secrets.token_bytes(12), b"header", secrets.token_bytes(16)
        for length in (0, 1, 16, 100_000):
            text = secrets.token_bytes(length)
            gcm = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, aad)}
            sealed = key.encrypt(text, **gcm)
            assert sealed == AESGCM(value).encrypt(nonce, text, aad)
            assert key.decrypt(sealed, **gcm) == text
            damaged = bytes([sealed[0] ^ 1]) + sealed[1:]
            assert refuses(pkcs11.PKCS11Error, lambda: key.decrypt(damaged, **gcm))
            assert refuses(InvalidTag, lambda: AESGCM(value).decrypt(nonce, damaged, aad))
            cipher = Cipher(algorithms.AES(value), modes.CBC(iv)).encryptor()
            padder = padding.PKCS7(128).padder()
            theirs = cipher.update(padder.update(text) + padder.finalize()) + cipher.finalize()
            assert key.encrypt(text, mechanism_param=iv) == theirs
            chunks = (text[at : at + 7777] for at in range(0, length, 7777))
            assert b"".join(key.encrypt(chunks, mechanism_param=iv)) == theirs
            assert key.decrypt(theirs, mechanism_param=iv) == text


def hash_job(session):
    assert session.digest(TEXT, mechanism=Mechanism.SHA3_256) == digest(hashes.SHA3_256())
    assert session.digest((TEXT[:3], TEXT[3:]), mechanism=Mechanism.SHA512) == digest(hashes.SHA512())
    value = secrets.token_bytes(32)
    key = session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.VALUE: value,
            Attribute.SIGN: True,
            Attribute.VERIFY: True,
        }
    )
    theirs = hmac.HMAC(value, hashes.SHA256())
    theirs.update(TEXT)
    assert key.sign(TEXT, mechanism=Mechanism.SHA256_HMAC) == theirs.finalize()


def digest(algorithm):
    theirs = hashes.Hash(algorithm)
    theirs.update(TEXT)
    return theirs.finalize()


def wrap_job(session):
    wrapping = session.generate_key(KeyType.AES, 256, template={**VISIBLE, Attribute.WRAP: True, Attribute.UNWRAP: True})
    key = session.generate_key(KeyType.AES, 192, template=VISIBLE)
    wrapped = wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP)
    assert keywrap.aes_key_unwrap(wrapping[Attribute.VALUE], wrapped) == key[Attribute.VALUE]
    again = wrapping.unwrap_key(
        ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=Mechanism.AES_KEY_WRAP, template=VISIBLE
    )
    assert again[Attribute.VALUE] == key[Attribute.VALUE]
    kept = session.generate_key(KeyType.AES, 256)
    assert refuses(pkcs11.PKCS11Error, lambda: wrapping.wrap_key(kept, mechanism=Mechanism.AES_KEY_WRAP))
    assert refuses(pkcs11.AttributeSensitive, lambda: kept[Attribute.VALUE])


def derive_job(session):
    for name, curve in [("secp256r1", ec.SECP256R1()), ("secp384r1", ec.SECP384R1())]:
        _, private, ours = ec_pair(session, name)
        theirs = ec.generate_private_key(curve)
        point = theirs.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        secret = private.derive_key(KeyType.AES, 256, mechanism_param=(KDF.NULL, None, point), template=VISIBLE)
        # PKCS#11: the truncation removes bytes from the leading end of the secret.
        assert secret[Attribute.VALUE] == theirs.exchange(ec.ECDH(), ours)[-32:]


def search_job(session):
    for number in range(20):
        session.generate_key(KeyType.AES, 128, label=f"search {number}", id=bytes([number]), store=True)
    assert [key.id for key in session.get_objects({Attribute.LABEL: "search 7"})] == [b"\x07"]
    assert session.get_key(object_class=ObjectClass.SECRET_KEY, id=b"\x08").label == "search 8"
    assert refuses(pkcs11.NoSuchKey, lambda: session.get_key(label="search 20"))
    keys = [key for key in session.get_objects({Attribute.KEY_TYPE: KeyType.AES}) if key.label.startswith("search")]
    assert len(keys) == 20
    for key in keys:
        key.destroy()
    assert not list(session.get_objects({Attribute.LABEL: "search 7"}))


def threads_job(session):
    _, private, theirs = ec_pair(session, "secp256r1")
    rsa_public, rsa_private = session.generate_keypair(KeyType.RSA, 2048)
    rsa_theirs = serialization.load_der_public_key(encode_rsa_public_key(rsa_public))

    def sign(number):
        text = f"{number}".encode()
        with session.token.open() as own:
            if number % 2:
                key = own.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA)
                signature = key.sign(text, mechanism=Mechanism.SHA256_RSA_PKCS)
                rsa_theirs.verify(signature, text, rsa_padding.PKCS1v15(), hashes.SHA256())
            else:
                key = own.get_key(object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.EC)
                signature = key.sign(text, mechanism=Mechanism.ECDSA_SHA256)
                theirs.verify(ec_util.encode_ecdsa_signature(signature), text, ec.ECDSA(hashes.SHA256()))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(sign, range(200)))


if __name__ == "__main__":
    module, pin_file, job = sys.argv[1:]
    token = pkcs11.lib(module).get_token(token_label="test")
    with token.open(rw=True, user_pin=pathlib.Path(pin_file).read_text()) as opened:
        globals()[f"{job}_job"](opened)
    print(f"{job} agrees")
