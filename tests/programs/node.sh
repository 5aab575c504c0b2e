# Node with graphene-pk11, with node:crypto (OpenSSL) as the witness. The package lies under
# target/, where tests/prepare-programs.sh puts it.

packages=$PWD/target/programs/node
check "a token is made" new_token
check "tests/prepare-programs.sh has run" test -e "$packages/installed"
with() { says "$1 agrees" node tests/programs/node/tokens.js "$packages" "$module" "$work/pin" "$1"; }
check "RSA PKCS#1, PSS and OAEP" with rsa
check "ECDSA in parts, and over a digest" with ecdsa
check "AES-GCM, AES-CBC in parts" with aes
check "a digest in parts, HMAC" with hash
check "AES key wrap" with wrap
check "ECDH" with derive
check "objects are made, changed, found and destroyed" with search
