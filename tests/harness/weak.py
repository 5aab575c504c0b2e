"""Makes weak RSA keys as PEM files: exponent.pem, roca.pem, shared-a.pem and shared-b.pem."""
import secrets
from math import lcm, prod

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SMALL = [n for n in range(2, 168) if all(n % d for d in range(2, n))]


def write(name, p, q, e):
    d = pow(e, -1, lcm(p - 1, q - 1))
    crt = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    public = rsa.RSAPublicNumbers(e, p * q)
    key = rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(name + ".pem", "wb") as file:
        file.write(text)


def is_prime(n):
    """Miller and Rabin's test."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        x = pow(secrets.randbelow(n - 3) + 2, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def faulty_prime():
    """As the library of CVE-2017-15361 makes them: k * M + 65537^a mod M."""
    primorial = prod(SMALL)
    while True:
        k = (0b11 << 1022 | secrets.randbits(1022)) // primorial
        candidate = k * primorial + pow(65537, secrets.randbits(64), primorial)
        if candidate.bit_length() == 1024 and candidate >> 1022 == 3 and is_prime(candidate):
            return candidate


def primes():
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    return numbers.p, numbers.q


while True:
    p, q = primes()
    if (p - 1) % 3 and (q - 1) % 3:
        write("exponent", p, q, 3)
        break
write("roca", faulty_prime(), faulty_prime(), 65537)
(p, q), (_, other) = primes(), primes()
write("shared-a", p, q, 65537)
write("shared-b", p, other, 65537)
