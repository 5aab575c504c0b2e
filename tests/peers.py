"""Python's cryptography as a peer of keyway: signs and verifies, and reads and writes ciphertexts by
docs/ciphertext-format.md alone."""

import sys

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"keyway\x00\x01"
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512, "521": hashes.SHA512}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def parameters(scheme):
    """What sign and verify of cryptography want after message and signature."""
    if scheme == "rsa-pss":
        return [PSS, hashes.SHA256()]
    if scheme == "rsa-pkcs1":
        return [padding.PKCS1v15(), hashes.SHA256()]
    if scheme.startswith("ecdsa"):
        return [ec.ECDSA(HASHES[scheme[-3:]]())]
    return []


def sign(scheme, key, message, signature):
    key = serialization.load_pem_private_key(read(key), None)
    write(signature, key.sign(read(message), *parameters(scheme)))


def verify(scheme, key, message, signature):
    """Raises InvalidSignature."""
    key = serialization.load_pem_public_key(read(key))
    key.verify(read(signature), read(message), *parameters(scheme))


def mac(scheme, key, message, tag):
    made = hmac.HMAC(read(key), HASHES[scheme[-3:]]())
    made.update(read(message))
    write(tag, made.finalize())


def element(data):
    """Tag, content and rest of the first DER element."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    return tag, data[start : start + length], data[start + length :]


def elements(data):
    found = []
    while data:
        tag, content, data = element(data)
        found.append((tag, content))
    return found


def der(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def context_der(pairs):
    """SEQUENCE OF SEQUENCE { name, value }, sorted by name; nothing for no pair."""
    pairs = sorted(pair.split("=", 1) for pair in pairs)
    text = lambda part: der(0x0C, part.encode())
    inner = b"".join(der(0x30, text(name) + text(value)) for name, value in pairs)
    return der(0x30, inner) if pairs else b""


def data_key(key, fields):
    """The key of the body: the key itself, or the one that the header carries under RSA-OAEP."""
    wrapped = [content for tag, content in fields if tag == 0xA0]
    if not wrapped:
        return key
    (_, number), (_, wrapped) = elements(wrapped[0])
    chosen = {1: hashes.SHA1, 2: hashes.SHA256}[number[0]]
    oaep = padding.OAEP(mgf=padding.MGF1(chosen()), algorithm=chosen(), label=None)
    return serialization.load_pem_private_key(key, None).decrypt(wrapped, oaep)


def open_message(key, message, plain, *context):
    message = read(message)
    assert message[:8] == MAGIC
    tag, header, body = element(message[8:])
    assert tag == 0x30
    associated = message[: len(message) - len(body)] + context_der(context)
    fields = elements(header)
    nonce, optional = fields[5][1], fields[6:]
    cipher = AESGCM(data_key(read(key), optional))
    size = [int.from_bytes(content, "big") for tag, content in optional if tag == 0x82]
    if not size:
        return write(plain, cipher.decrypt(nonce, body, associated))
    opened, index = b"", 0
    while body:
        length = 12 + size[0] + 16
        piece, body = body[:length], body[length:]
        place = index.to_bytes(8, "big") + bytes([0 if body else 1])
        opened += cipher.decrypt(piece[:12], piece[12:], associated + place)
        index += 1
    write(plain, opened)


def seal_message(key, plain, message, name, identifier, *context):
    """An aes-gcm message for version 1 of a key."""
    nonce = b"twelve bytes"
    names = b"".join(der(0x0C, pair.split("=")[0].encode()) for pair in sorted(context))
    header = der(0x02, bytes([2 if context else 1])) + der(0x0A, b"\x01")
    header += der(0x0C, name.encode()) + der(0x02, b"\x01")
    header += der(0x04, bytes.fromhex(identifier)) + der(0x04, nonce)
    header += der(0xA1, names) if context else b""
    head = MAGIC + der(0x30, header)
    body = AESGCM(read(key)).encrypt(nonce, read(plain), head + context_der(context))
    write(message, head + body)


COMMANDS = {
    "sign": sign,
    "verify": verify,
    "mac": mac,
    "open": open_message,
    "seal": seal_message,
}
COMMANDS[sys.argv[1]](*sys.argv[2:])
