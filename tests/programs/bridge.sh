# A SoftHSM2 token through the bridge: programs use its keys as they are, and with what SoftHSM2
# 2.6.1 lacks. SoftHSM2's own module and openssl are the witnesses.
. tests/programs/bridge/common.sh

softhsm=$(dpkg -L libsofthsm2 | grep '/softhsm/libsofthsm2.so$' | head -n 1)
new_inner() { SO_PIN=$so_pin USER_PIN=$pin softhsm/new-token.sh "$work/inner" test > "$work/inner.env" && grep -q SOFTHSM2_CONF "$work/inner.env"; }
check "a SoftHSM2 token is made" new_inner
. "$work/inner.env"
bridged softhsm2 "$softhsm"

check "the slot shows the inner token" says "SoftHSM v2" tool -L
check "a wrong PIN is refused" refuse tool --token-label test --login --pin 654321 -O
check "SoftHSM2 makes an RSA pair" direct --keypairgen --key-type rsa:2048 --id 01 --label old
check "which is there through the bridge" says "label: *old" user -O --type privkey
check "the bridge makes a P-256 pair" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "which SoftHSM2 shows: sensitive, made there" says "never extractable, local" direct -O --type privkey --id 02
check "the bridge makes an AES key" user --keygen --key-type AES:32 --id 03 --label aes --sensitive
for id in 01 02; do check "public key $id is read from SoftHSM2" public direct $id; done

check "ECDSA-SHA256, which SoftHSM2 lacks: openssl verifies it" signs user 02 ECDSA-SHA256 -sha256
check "and SoftHSM2 refuses it" refuse sign direct 02 ECDSA-SHA256
check "SHA3-256 with RSA, which SoftHSM2 lacks: openssl verifies it" signs user 01 SHA3-256-RSA-PKCS -sha3-256
check "and SoftHSM2 refuses it" refuse sign direct 01 SHA3-256-RSA-PKCS
check "RSA-PSS: openssl verifies it" signs user 01 SHA256-RSA-PKCS-PSS -sha256 $pss
check "OAEP with SHA-256, which SoftHSM2 lacks: decrypts what openssl made" opens_oaep user 01
check "and SoftHSM2 refuses it" refuse opens_oaep direct 01
iv=00112233445566778899aabbccddeeff
cbc() {
    user --encrypt -m AES-CBC-PAD --iv $iv --id 03 -i "$work/text" -o "$work/sealed" && rm -f "$work/back" &&
        direct --decrypt -m AES-CBC-PAD --iv $iv --id 03 -i "$work/sealed" -o "$work/back" && cmp "$work/text" "$work/back"
}
check "AES-CBC: the bridge encrypts, SoftHSM2 decrypts" cbc

openssl_with_engine
for name in old p256; do
    certificate() { certify $name && openssl verify -CAfile "$work/$name.crt" "$work/$name.crt"; }
    check "openssl makes a certificate with $name" certificate
    check "openssl serves TLS 1.3 with $name" pages $name
done

sunpkcs11
pair() { keytool -genkeypair "${store[@]}" -providername SunPKCS11-Keyway -dname CN=localhost "$@"; }
check "keytool generates RSA-2048 in SoftHSM2" pair -alias rsa -keyalg RSA -keysize 2048
check "keytool generates P-256 in SoftHSM2" pair -alias ec -keyalg EC -groupname secp256r1
check "the programs compile" compile_java
run() { java -cp "$classes" "$1" "$work/java.cfg" "$work/pin" "${@:2}"; }
check "AES-GCM agrees with SunJCE" says "gcm agrees" run Secrets gcm
check "8 threads sign, SunRsaSign and SunEC verify" says "[1-9][0-9]* signatures verified" run Threads 8 3
check "nothing was lost or refused in the log" refuse grep -i "panic\|lost" "$work/log"
