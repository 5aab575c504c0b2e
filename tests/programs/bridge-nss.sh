# An NSS database through the bridge (profile nss): certutil makes it and sees what the bridge made.
# Of what the bridge supplies, NSS 3.87 lacks SHA-3.
. tests/programs/bridge/common.sh

softoken=$(dpkg -L libnss3 | grep '/libsoftokn3.so$')
database=sql:$work/nss
mkdir "$work/nss"
bridged nss "$softoken" "arguments = \"configdir='$database' certPrefix='' keyPrefix='' secmod='secmod.db' flags= tokens=<0x2=[tokenDescription='test']>\""
certs() { certutil "$@" -d "$database" -f "$work/pin"; }

check "certutil makes a database" certs -N
check "the slot shows it" says "token model *: NSS 3" tool -L
check "a wrong PIN is refused" refuse tool --token-label test --login --pin 654321 -O
check "the bridge makes an RSA pair" user --keypairgen --key-type rsa:2048 --id 01 --label old
check "and a P-256 pair" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "and an AES key" user --keygen --key-type AES:32 --id 03 --label aes --sensitive
check "certutil shows the RSA key" says "rsa *01 *old" certs -K
check "certutil shows the P-256 key" says "ec *02 *p256" certs -K
check "the size of an RSA key is shown, which NSS does not keep" says "RSA 2048 bits" user -O --type pubkey --id 01
for id in 01 02; do check "public key $id is read" public user $id; done

check "RSA with SHA-256: openssl verifies it" signs user 01 SHA256-RSA-PKCS -sha256
check "RSA-PSS: openssl verifies it" signs user 01 SHA256-RSA-PKCS-PSS -sha256 $pss
check "ECDSA with SHA-384: openssl verifies it" signs user 02 ECDSA-SHA384 -sha384
check "RSA with SHA-3: openssl verifies it" signs user 01 SHA3-256-RSA-PKCS -sha3-256
check "which the bridge supplies" supplied SHA3_256_RSA_PKCS
check "RSA-PSS with SHA-3: openssl verifies it" signs user 01 SHA3-512-RSA-PKCS-PSS -sha3-512 $pss
check "ECDSA with SHA-3: openssl verifies it" signs user 02 ECDSA-SHA3-256 -sha3-256
check "which the bridge supplies" supplied ECDSA_SHA3_256
check "OAEP with SHA-256: decrypts what openssl made" opens_oaep user 01
check "AES-CBC: decrypts what it encrypted" opens_cbc user 03

# What certutil makes, and what comes from a file.
dd if=/dev/urandom of="$work/noise" bs=64 count=1 2> "$work/out"
check "certutil makes a key and its certificate" certs -S -x -n own -s CN=localhost -t ,, -k ec -q nistp256 -z "$work/noise" -v 1
check "the certificate is there through the bridge" says "label: *own" user -O --type cert
own_key() {
    own_id=$(user -O --type cert --label own | sed -n 's/^ *ID: *//p') && [ -n "$own_id" ] &&
        user --read-object --type cert --label own -o "$work/own.der" &&
        openssl x509 -inform DER -in "$work/own.der" -noout -pubkey -out "$work/$own_id.pem" &&
        signs user "$own_id" ECDSA-SHA256 -sha256
}
check "its key is found by the id of both, and signs" own_key
imported() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out "$work/file.der" &&
        openssl pkey -inform DER -in "$work/file.der" -pubout -out "$work/07.pem" &&
        user --write-object "$work/file.der" --type privkey --id 07 --label file && signs user 07 ECDSA-SHA256 -sha256
}
check "a key of openssl is imported, and signs" imported
check "certutil shows it" says "ec *07 *file" certs -K
restricted() { user --keygen --key-type AES:16 --id 08 --label no --allowed-mechanisms AES-CBC; }
check "what NSS cannot keep is refused, not dropped" refuse restricted
check "and the log says what" grep "does not know CKA_ALLOWED_MECHANISMS (profile nss)" "$work/log"
always() { user --keypairgen --key-type rsa:2048 --id 08 --label no --always-auth; }
check "so is a key that would ask for the PIN each time" refuse always
check "a child of a fork initialises the module again, logs in and signs" forks_well old

openssl_with_engine
for name in old p256; do
    certificate() { certify $name && openssl verify -CAfile "$work/$name.crt" "$work/$name.crt"; }
    check "openssl makes a certificate with $name" certificate
done
check "openssl serves TLS 1.3 with p256" pages p256
check "openssl serves TLS 1.3 with old" serve_page old
check "which answers" page
check "certutil changes the database beside it" certs -A -n beside -t ,, -a -i "$work/p256.crt"
check "so does a second program through the bridge" user --keypairgen --key-type EC:prime256v1 --id 09 --label second
check "which sees what certutil did" says "label: *beside" user -O --type cert
check "and the server goes on" page
dismiss 0

sunpkcs11
pair() { keytool -genkeypair "${store[@]}" -providername SunPKCS11-Keyway -dname CN=localhost "$@"; }
check "keytool generates RSA-2048 in the database" pair -alias rsa -keyalg RSA -keysize 2048
check "keytool generates P-256 in the database" pair -alias ec -keyalg EC -groupname secp256r1
check "certutil shows the certificate" says "^ec " certs -L
check "the programs compile" compile_java
run() { java -cp "$classes" "$1" "$work/java.cfg" "$work/pin" "${@:2}"; }
check "AES-GCM agrees with SunJCE" says "gcm agrees" run Secrets gcm
check "8 threads sign, SunRsaSign and SunEC verify" says "[1-9][0-9]* signatures verified" run Threads 8 2
check "nothing was lost or refused in the log" refuse grep -i "panic\|lost" "$work/log"
