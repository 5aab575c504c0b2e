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
