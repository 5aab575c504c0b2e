"""The cryptography package of Python on what the authority makes: witness.py JOB ARGUMENT...

request KIND NAME             a key and a request with it, in NAME.key and NAME.csr
ask CERTIFICATE ISSUER FILE   an OCSP request with a nonce
chain NAME CERTIFICATE...     a path from a server of this name to its root
list FILE ISSUER CERTIFICATE  a revocation list, and why the certificate stands in it
answer FILE ISSUER REQUEST    an OCSP answer to the request
"""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

KINDS = {
    "rsa": (lambda: rsa.generate_private_key(65537, 2048), hashes.SHA256()),
    "p384": (lambda: ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    "p521": (lambda: ec.generate_private_key(ec.SECP521R1()), hashes.SHA512()),
    "ed25519": (ed25519.Ed25519PrivateKey.generate, None),
}


def read(name):
    return pathlib.Path(name).read_bytes()


def certificate(name):
    return x509.load_pem_x509_certificate(read(name))


def verify(key, signature, message, hash_algorithm):
    """Raises when the signature is not the key's."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), hash_algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(hash_algorithm))
    else:
        key.verify(signature, message)


def extension(of, oid):
    return of.extensions.get_extension_for_oid(oid).value


def request(kind, name):
    make, hash_algorithm = KINDS[kind]
    key = make()
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    private = key.private_bytes(*pem, serialization.NoEncryption())
    pathlib.Path(name + ".key").write_bytes(private)
    names = x509.SubjectAlternativeName([x509.DNSName(f"{name}.example.com")])
    asked = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ).add_extension(names, critical=False)
    signed = asked.sign(key, hash_algorithm)
    pathlib.Path(name + ".csr").write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def ask(subject, issuer, out):
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(certificate(subject), certificate(issuer), hashes.SHA256())
    builder = builder.add_extension(x509.OCSPNonce(b"sixteen bytes of"), critical=False)
    pathlib.Path(out).write_bytes(builder.build().public_bytes(serialization.Encoding.DER))


def chain(name, *files):
    path = [certificate(file) for file in files]
    for subject, issuer in zip(path, path[1:] + path[-1:]):
        assert subject.issuer == issuer.subject
        body, hash_algorithm = subject.tbs_certificate_bytes, subject.signature_hash_algorithm
        verify(issuer.public_key(), subject.signature, body, hash_algorithm)
        own = extension(issuer, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
        above = extension(subject, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
        assert own.digest == above.key_identifier
        assert own == x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
        basic = extension(subject, ExtensionOID.BASIC_CONSTRAINTS)
        assert basic.ca == (subject is not path[0])
    names = extension(path[0], ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert names.get_values_for_type(x509.DNSName) == [name]
    print("signatures")
    try:
        from cryptography.x509 import verification
    except ImportError:  # before version 42
        return
    # It takes no Ed25519 certificates: the profile of the CA/Browser Forum has none.
    if any(isinstance(one.public_key(), ed25519.Ed25519PublicKey) for one in path):
        return
    builder = verification.PolicyBuilder().store(verification.Store(path[-1:]))
    checker = builder.build_server_verifier(x509.DNSName(name))
    assert checker.verify(path[0], path[1:-1])[-1] == path[-1]
    print("path")


def revocation_list(file, issuer, subject):
    crl, issuer, subject = x509.load_pem_x509_crl(read(file)), certificate(issuer), certificate(subject)
    body, hash_algorithm = crl.tbs_certlist_bytes, crl.signature_hash_algorithm
    verify(issuer.public_key(), crl.signature, body, hash_algorithm)
    assert crl.issuer == issuer.subject
    own = extension(issuer, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    assert extension(crl, ExtensionOID.AUTHORITY_KEY_IDENTIFIER).key_identifier == own.digest
    current = crl.next_update - crl.last_update
    assert datetime.timedelta(days=7, minutes=-5) < current <= datetime.timedelta(days=7)
    entry = crl.get_revoked_certificate_by_serial_number(subject.serial_number)
    reason = entry and entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    print(extension(crl, ExtensionOID.CRL_NUMBER).crl_number, reason and reason.name)


def answer(file, issuer, request):
    told, issuer = ocsp.load_der_ocsp_response(read(file)), certificate(issuer)
    asked = ocsp.load_der_ocsp_request(read(request))
    assert told.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    assert told.serial_number == asked.serial_number
    assert told.issuer_key_hash == asked.issuer_key_hash
    assert told.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"sixteen bytes of"
    # The authority's own key, or that of the certificate beside the answer, which it issued.
    signer = told.certificates[0] if told.certificates else issuer
    if told.certificates:
        body, hash_algorithm = signer.tbs_certificate_bytes, signer.signature_hash_algorithm
        verify(issuer.public_key(), signer.signature, body, hash_algorithm)
        assert ExtendedKeyUsageOID.OCSP_SIGNING in extension(signer, ExtensionOID.EXTENDED_KEY_USAGE)
    assert told.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest
    body, hash_algorithm = told.tbs_response_bytes, told.signature_hash_algorithm
    verify(signer.public_key(), told.signature, body, hash_algorithm)
    print(told.certificate_status.name, told.revocation_reason and told.revocation_reason.name)


JOBS = {"request": request, "ask": ask, "chain": chain, "list": revocation_list, "answer": answer}
JOBS[sys.argv[1]](*sys.argv[2:])
