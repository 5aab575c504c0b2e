# openCryptoki's software token through the bridge (profile opencryptoki). Version 3.8.1, Debian's, has
# no elliptic curves there and no SHA-3.
#
# Its packages would start a service: test.sh unpacks them. Its paths are built in, so this runs where
# they seem to be installed, with a user group and a configuration of their own: a mount namespace,
# which root can have, and not in every container.
if [ -z "${OPENCRYPTOKI_IS_HERE:-}" ]; then
    mkdir "$work/place" "$work/lower"
    if ! unshare --mount --ipc mount -t overlay overlay -o "lowerdir=$work/lower:/etc" "$work/place" 2> "$work/out"; then
        echo "left out: openCryptoki's paths are built in, and this user may not mount over them"
        exit 0
    fi
    rm -rf "$work"
    export OPENCRYPTOKI_IS_HERE=1 profile
    exec unshare --mount --ipc bash -u -c '
        . tests/programs/common.sh
        . tests/programs/bridge-opencryptoki.sh
        summary bridge-opencryptoki'
fi
. tests/programs/bridge/common.sh

place=$work/place
seems_installed() {
    mkdir "$place" && mount -t tmpfs none "$place" && mkdir -p "$place/etc/opencryptoki" "$place/upper" "$place/aside" || return 1
    printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' > "$place/etc/opencryptoki/opencryptoki.conf"
    { grep -v '^pkcs11:' /etc/group; echo pkcs11:x:64998:root; } > "$place/etc/group"
    mount -t overlay overlay -o "lowerdir=$place/etc:/etc" /etc &&
        mount -t overlay overlay -o "lowerdir=/var,upperdir=$place/upper,workdir=$place/aside" /var &&
        mount -t tmpfs none /run || return 1
    if [ -e target/programs/opencryptoki.unpacked ]; then
        mount -t overlay overlay -o "lowerdir=$PWD/target/programs/usr:/usr" /usr || return 1
    fi
    mkdir -p /run/lock/opencryptoki/swtok /var/lib/opencryptoki/swtok/TOK_OBJ /var/log/opencryptoki
    chown -R root:pkcs11 /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki &&
        chmod -R 770 /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki
}
# With programs at its token it does not end by SIGTERM.
stop() { kill -9 "$(cat /run/pkcsslotd.pid)" && rm -f /run/pkcsslotd.pid /run/pkcsslotd.socket; }
start() { pkcsslotd && eventually test -s /run/pkcsslotd.pid && eventually test -e /run/pkcsslotd.socket; }
# The maker's PIN of the security officer has to be changed, and so has a PIN that the officer gave.
new_inner() {
    local own=(pkcs11-tool --module "$inner_module")
    "${own[@]}" --init-token --slot 0 --label test --so-pin 87654321 &&
        "${own[@]}" --token-label test --login --login-type so --so-pin 87654321 --change-pin --pin 87654321 --new-pin $so_pin &&
        "${own[@]}" --token-label test --init-pin --login --login-type so --so-pin $so_pin --pin 1234567 &&
        "${own[@]}" --token-label test --login --pin 1234567 --change-pin --new-pin $pin
}
at_end 'umount -l "$place"'
check "openCryptoki seems to be installed" seems_installed
bridged opencryptoki "$(ls /usr/lib/*/opencryptoki/libopencryptoki.so.0)"
check "pkcsslotd starts" start
at_end stop
check "a token is made" new_inner

check "pkcsconf shows it" says "Label: test" pkcsconf -t
check "the slot shows it" says "IBM SoftTok" tool -L
check "a wrong PIN is refused" refuse tool --token-label test --login --pin 654321 -O
check "the bridge makes an RSA pair" user --keypairgen --key-type rsa:2048 --id 01 --label old
check "which openCryptoki shows" says "never extractable, local" direct -O --type privkey --id 01
check "openCryptoki makes another" direct --keypairgen --key-type rsa:2048 --id 02 --label own
check "which is found through the bridge by its id" says "label: *own" user -O --type privkey --id 02
check "the bridge makes an AES key" user --keygen --key-type AES:32 --id 03 --label aes --sensitive
for id in 01 02; do check "public key $id is read" public user $id; done

check "RSA with SHA-256: openssl verifies it" signs user 01 SHA256-RSA-PKCS -sha256
check "RSA with SHA-224, which it lacks: openssl verifies it" signs user 01 SHA224-RSA-PKCS -sha224
check "and it refuses that" refuse sign direct 01 SHA224-RSA-PKCS
check "RSA with SHA-3, which it lacks: openssl verifies it" signs user 02 SHA3-256-RSA-PKCS -sha3-256
check "and it refuses that" refuse sign direct 02 SHA3-256-RSA-PKCS
check "RSA-PSS: openssl verifies it" signs user 01 SHA256-RSA-PKCS-PSS -sha256 $pss
check "RSA-PSS with SHA-3, which it lacks: openssl verifies it" signs user 01 SHA3-384-RSA-PKCS-PSS -sha3-384 $pss
check "OAEP with SHA-256: decrypts what openssl made" opens_oaep user 01
check "AES-CBC: decrypts what it encrypted" opens_cbc user 03
check "P-256 is not there, and that is said" refuse user --keypairgen --key-type EC:prime256v1 --id 04
restricted() { user --keygen --key-type AES:16 --id 08 --label no --allowed-mechanisms AES-CBC; }
check "what it cannot keep is refused, not dropped" refuse restricted
check "and the log says what" grep "does not know CKA_ALLOWED_MECHANISMS (profile opencryptoki)" "$work/log"
always() { user --keypairgen --key-type rsa:2048 --id 08 --label no --always-auth; }
check "so is a key that would ask for the PIN each time" refuse always
check "a child of a fork initialises the module again, logs in and signs" forks_well old

openssl_with_engine
certificate() { certify old && openssl verify -CAfile "$work/old.crt" "$work/old.crt"; }
check "openssl makes a certificate" certificate
check "openssl serves TLS 1.3" serve_page old
check "which answers" page
check "a second program makes a key" user --keypairgen --key-type rsa:2048 --id 09 --label second
check "the server goes on" page
check "pkcsslotd dies" stop
check "the server goes on, for it is not needed any more" page
check "another program is told" refuse user -O
check "pkcsslotd starts again" start
check "and so do programs" says "label: *second" user -O --type privkey
check "the server goes on" page
dismiss 0

sunpkcs11
check "keytool generates RSA-2048 in the token" keytool -genkeypair "${store[@]}" -providername SunPKCS11-Keyway \
    -dname CN=localhost -alias java -keyalg RSA -keysize 2048
signed_itself() {
    keytool -exportcert -rfc "${store[@]}" -alias java > "$work/java.crt" && openssl verify -CAfile "$work/java.crt" "$work/java.crt"
}
check "and signs its certificate" signed_itself
check "nothing panicked" refuse grep -i panic "$work/log"
