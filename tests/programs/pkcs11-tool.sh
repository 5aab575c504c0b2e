# OpenSC's pkcs11-tool: every kind of object and operation, with openssl as the witness.

echo "a text to sign" > "$work/text"
head -c 100000 /dev/urandom > "$work/long"
openssl dgst -sha256 -binary "$work/text" > "$work/text.sha256"
openssl dgst -sha384 -binary "$work/text" > "$work/text.sha384"

check "an empty slot is listed" says "uninitialized" tool -L
check "the token is initialised" tool --init-token --slot 1 --label test --so-pin $so_pin
check "the user PIN is set" tool --token-label test --init-pin --login --login-type so --so-pin $so_pin --pin $pin
check "a wrong PIN is refused" refuse tool --token-label test --login --pin 654321 -O
check "slots are listed" says "test" tool -L
check "mechanisms are listed" says "RSA-PKCS-OAEP" tool -M

check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256 --usage-sign --usage-derive
check "P-384 is generated" user --keypairgen --key-type EC:secp384r1 --id 03 --label p384
check "Ed25519 is generated" user --keypairgen --key-type EC:edwards25519 --id 04 --label ed25519
check "AES-256 is generated" user --keygen --key-type AES:32 --id 05 --label aes --extractable
check "an AES wrapping key is generated" user --keygen --key-type AES:32 --id 06 --label kek --usage-wrap
check "objects are listed" says "ed25519" user -O
check "public objects are listed without login" says "Public Key Object" tool --token-label test -O

public() { tool --token-label test --read-object --type pubkey --id "$1" -o "$work/$1.der" && openssl pkey -pubin -inform DER -in "$work/$1.der" -out "$work/$1.pem"; }
for id in 01 02; do check "public key $id is read by openssl" public $id; done

sign() { rm -f "$work/sig"; user --sign --id "$1" -m "$2" -i "$3" -o "$work/sig" "${@:4}"; }
verified() { openssl dgst "$@" -signature "$work/sig" "$work/text"; }
rsa_pkcs() { sign 01 SHA256-RSA-PKCS "$work/text" && verified -sha256 -verify "$work/01.pem"; }
check "RSA PKCS#1 signature: openssl verifies it" rsa_pkcs
rsa_pss() { sign 01 SHA256-RSA-PKCS-PSS "$work/text" && verified -sha256 -sigopt rsa_padding_mode:pss -verify "$work/01.pem"; }
check "RSA-PSS signature: openssl verifies it" rsa_pss
p256() { sign 02 ECDSA-SHA256 "$work/text" --signature-format openssl && verified -sha256 -verify "$work/02.pem"; }
check "ECDSA P-256 signature: openssl verifies it" p256
p256_raw() { sign 02 ECDSA "$work/text.sha256" --signature-format openssl && verified -sha256 -verify "$work/02.pem"; }
check "ECDSA P-256 over a digest: openssl verifies it" p256_raw
ed25519() { sign 04 EDDSA "$work/text" && user --verify --id 04 -m EDDSA -i "$work/text" --signature-file "$work/sig"; }
check "Ed25519 signs and verifies" ed25519
verify_rsa() { sign 01 SHA256-RSA-PKCS "$work/text" && says "Signature is valid" user --verify --id 01 -m SHA256-RSA-PKCS -i "$work/text" --signature-file "$work/sig"; }
check "RSA signature: the token verifies it" verify_rsa

oaep() {
    openssl pkeyutl -encrypt -pubin -inkey "$work/01.pem" -in "$work/text" -out "$work/oaep" \
        -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 &&
        user --decrypt --id 01 -m RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 -i "$work/oaep" -o "$work/back" &&
        cmp "$work/text" "$work/back"
}
check "OAEP with SHA-256: openssl encrypts, the token decrypts" oaep
cbc() {
    local iv=000102030405060708090a0b0c0d0e0f
    user --encrypt --id 05 -m AES-CBC-PAD --iv $iv -i "$work/long" -o "$work/cbc" &&
        user --decrypt --id 05 -m AES-CBC-PAD --iv $iv -i "$work/cbc" -o "$work/back" && cmp "$work/long" "$work/back"
}
check "AES-CBC-PAD of 100,000 bytes and back" cbc

wrap() { user --wrap -m AES-KEY-WRAP --id 06 --application-id 05 -o "$work/wrapped"; }
check "the AES key is wrapped" wrap
unwrap() { user --unwrap -m AES-KEY-WRAP --id 06 -i "$work/wrapped" --key-type AES: --application-id 07 --application-label again --extractable; }
check "and unwrapped" unwrap
same_key() {
    local iv=000102030405060708090a0b0c0d0e0f
    user --decrypt --id 07 -m AES-CBC-PAD --iv $iv -i "$work/cbc" -o "$work/back" && cmp "$work/long" "$work/back"
}
check "the unwrapped key decrypts what the first encrypted" same_key
derive() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/peer.pem" &&
        openssl pkey -in "$work/peer.pem" -pubout -outform DER -out "$work/peer.der" &&
        user --derive -m ECDH1-DERIVE --id 02 -i "$work/peer.der" -o "$work/derived" &&
        openssl pkeyutl -derive -inkey "$work/peer.pem" -peerkey "$work/02.pem" -out "$work/theirs" &&
        cmp "$work/derived" "$work/theirs"
}
check "ECDH: openssl derives the same secret" derive

no_errors() { user --test > "$work/test" 2>&1; local rc=$?; cat "$work/test"; [ $rc = 0 ] && grep -q '^No errors' "$work/test"; }
check "pkcs11-tool --test --login: no errors" no_errors
check "pkcs11-tool --test-fork" tool --test-fork

# pkcs11-tool 0.23 cannot read a P-384 public key, so it comes from a certificate (a key of libp11's
# token may not be Ed25519: openssl.sh says why).
openssl_with_engine
check "a key pair is deleted" user --delete-object --type privkey --id 04
p384() { certify p384 && openssl x509 -in "$work/p384.crt" -pubkey -noout > "$work/03.pem" && sign 03 ECDSA-SHA384 "$work/text" --signature-format openssl && verified -sha384 -verify "$work/03.pem"; }
check "ECDSA P-384 signature: openssl verifies it" p384
