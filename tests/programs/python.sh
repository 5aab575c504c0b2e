# python-pkcs11 and PyKCS11, with the cryptography package as the witness. They lie in a virtual
# environment under target/, which tests/prepare-programs.sh makes.

python=$PWD/target/programs/python/bin/python
check "a token is made" new_token
check "tests/prepare-programs.sh has run" "$python" -c "import cryptography, pkcs11, PyKCS11"
with() { says "$2 agrees" "$python" "tests/programs/python/with_$1.py" "$module" "$work/pin" "$2"; }
check "python-pkcs11: RSA PKCS#1, PSS and OAEP" with pkcs11 rsa
check "python-pkcs11: ECDSA on three curves" with pkcs11 ecdsa
check "python-pkcs11: Ed25519" with pkcs11 ed25519
check "python-pkcs11: AES-GCM and AES-CBC, whole and in parts" with pkcs11 aes
check "python-pkcs11: digests and HMAC" with pkcs11 hash
check "python-pkcs11: AES key wrap" with pkcs11 wrap
check "python-pkcs11: ECDH" with pkcs11 derive
check "python-pkcs11: objects are found and destroyed" with pkcs11 search
check "python-pkcs11: 8 threads sign in sessions of their own" with pkcs11 threads
check "PyKCS11: RSA PKCS#1, PSS and OAEP with a label" with pykcs11 rsa
check "PyKCS11: ECDSA" with pykcs11 ecdsa
check "PyKCS11: AES-GCM and AES-CTR" with pykcs11 aes
check "PyKCS11: digest in parts, random numbers" with pykcs11 hash
check "PyKCS11: AES key wrap" with pykcs11 wrap
check "PyKCS11: ECDH" with pykcs11 derive
check "PyKCS11: objects are made, changed, found and destroyed" with pykcs11 search

# The authority, whose certificates cryptography follows to the root (it can since version 42).
authority() { (cd "$work" && "$keyway" --module "$module" --token test --pin-file "$work/pin" "$@"); }
witness=$PWD/tests/authority/witness.py
witness() { (cd "$work" && "$python" "$witness" "$@"); }
certify() {
    authority ca init root --path-len 1 --out root.pem &&
        authority ca init web --parent root --path-len 0 --permit dns:example.com --out web.pem &&
        witness request p384 www &&
        authority ca issue --ca web --csr www.csr --profile tls-server --san-from-request --out www.pem
}
check "keyway ca certifies a request of cryptography" certify
check "cryptography: the path to the root is valid" says path witness chain www.example.com www.pem web.pem root.pem
