# A TPM 2.0 through the bridge (profile tpm2): swtpm simulates it, tpm2-abrmd is its resource manager,
# tpm2-pkcs11 the module, which has no SHA-3 and makes no secret keys.
#
# The packages would start services: test.sh unpacks them.
. tests/programs/bridge/common.sh

for unpacked in "$PWD"/target/programs/usr/lib/*-linux-*; do
    export LD_LIBRARY_PATH=$unpacked:$unpacked/swtpm
done
tpm2_pkcs11=$(ls /usr/lib/*/pkcs11/libtpm2_pkcs11.so target/programs/usr/lib/*/pkcs11/libtpm2_pkcs11.so 2> "$work/out" | head -n 1)
bridged tpm2 "$(realpath "$tpm2_pkcs11")"

# The simulator takes commands at one port and orders at the next.
tpm_port=$(free_port)
while listens $((tpm_port + 1)); do tpm_port=$(free_port); done
tcti=swtpm:host=127.0.0.1,port=$tpm_port
mkdir "$work/tpm" "$work/store"
export TPM2_PKCS11_STORE=$work/store TPM2_PKCS11_TCTI=tabrmd:bus_type=session
bus() {
    dbus-daemon --session --fork --nopidfile --print-address=3 --print-pid=4 3> "$work/bus" 4> "$work/bus.pid" &&
        at_end "kill $(cat "$work/bus.pid")" && export DBUS_SESSION_BUS_ADDRESS="$(cat "$work/bus")"
}
start() {
    "$(program swtpm)" socket --tpm2 --tpmstate "dir=$work/tpm" --server "type=tcp,port=$tpm_port,bindaddr=127.0.0.1" \
        --ctrl "type=tcp,port=$((tpm_port + 1)),bindaddr=127.0.0.1" --flags not-need-init,startup-clear > "$work/swtpm.log" 2>&1 &
    tpm=$!
    eventually listens $((tpm_port + 1)) || return 1
    "$(program tpm2-abrmd)" --session --allow-root "--tcti=$tcti" > "$work/abrmd.log" 2>&1 &
    manager=$!
    at_end "kill $tpm $manager 2> /dev/null"
    eventually pkcs11-tool --module "$inner_module" -L
}
# An orderly end (TPM2_Shutdown, TPM_SU_CLEAR): after several others a TPM believes in an attack.
stop() {
    kill $manager
    wait $manager 2> "$work/out"
    printf '\x80\x01\0\0\0\x0c\0\0\x01\x45\0\0' > "/dev/tcp/127.0.0.1/$tpm_port"
    sleep 0.2
    kill $tpm
    wait $tpm 2> "$work/out"
    refuse listens $tpm_port
}
new_inner() {
    local own=(pkcs11-tool --module "$inner_module")
    "${own[@]}" --init-token --slot-index 0 --label test --so-pin $so_pin &&
        "${own[@]}" --token-label test --init-pin --login --login-type so --so-pin $so_pin --pin $pin
}
check "there is a bus" bus
check "the TPM and its resource manager start" start
check "a token is made" new_inner

check "the slot shows it" says "SW *TPM" tool -L
check "a wrong PIN is refused" refuse tool --token-label test --login --pin 654321 -O
check "the bridge makes an RSA pair" user --keypairgen --key-type rsa:2048 --id 01 --label old
check "and a P-256 pair" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "the module of the TPM shows them: made there" says "never extractable, local" direct -O --type privkey --id 02
check "and makes one" direct --keypairgen --key-type EC:prime256v1 --id 03 --label own
check "which is found through the bridge by its id" says "label: *own" user -O --type privkey --id 03
for id in 01 02 03; do check "public key $id is read" public user $id; done

check "RSA with SHA-256: openssl verifies it" signs user 01 SHA256-RSA-PKCS -sha256
check "ECDSA with SHA-256: openssl verifies it" signs user 02 ECDSA-SHA256 -sha256
check "ECDSA with SHA-384: openssl verifies it" signs user 03 ECDSA-SHA384 -sha384
check "RSA-PSS with SHA-3, which the module lacks: openssl verifies it" signs user 01 SHA3-256-RSA-PKCS-PSS -sha3-256 $pss
check "and it refuses that" refuse sign direct 01 SHA3-256-RSA-PKCS-PSS
check "RSA-PSS, which it has and does not announce: openssl verifies it" signs user 01 SHA256-RSA-PKCS-PSS -sha256 $pss
check "RSA with SHA-3, which it lacks: openssl verifies it" signs user 01 SHA3-256-RSA-PKCS -sha3-256
check "and it refuses that" refuse sign direct 01 SHA3-256-RSA-PKCS
check "ECDSA with SHA-3, which it lacks: openssl verifies it" signs user 02 ECDSA-SHA3-256 -sha3-256
check "and it refuses that" refuse sign direct 02 ECDSA-SHA3-256
check "OAEP with SHA-256: decrypts what openssl made" opens_oaep user 01
always() { user --keypairgen --key-type rsa:2048 --id 04 --label always --always-auth && public user 04; }
check "the bridge makes an RSA pair that asks for the PIN each time" always
check "which signs" signs user 04 SHA3-256-RSA-PKCS -sha3-256
forked() { refuse forks_well old && grep "so the PIN cannot be checked" "$work/log"; }
check "a child of a fork is refused its parent's login" forked
one_use() { user --keypairgen --key-type rsa:2048 --id 08 --label no --usage-sign; }
check "an RSA pair for one use is refused" refuse one_use
check "and the next use is fine" signs user 01 SHA256-RSA-PKCS -sha256

# A TPM makes token keys only. (OpenSSL's engine cannot be in one process with this module, with or
# without a bridge: its own use of OpenSSL goes to the engine.)
sunpkcs11 "attributes(generate, *, *) = {" "CKA_TOKEN = true" "}"
pair() { keytool -genkeypair "${store[@]}" -providername SunPKCS11-Keyway -dname CN=localhost -ext san=dns:localhost "$@"; }
check "keytool generates RSA-2048 in the TPM" pair -alias rsa -keyalg RSA -keysize 2048
check "keytool generates P-256 in the TPM" pair -alias ec -keyalg EC -groupname secp256r1
check "the programs compile" compile_java
run() { java -cp "$classes" "$1" "$work/java.cfg" "$work/pin" "${@:2}"; }
check "4 threads sign, SunRsaSign and SunEC verify" says "[1-9][0-9]* signatures verified" run Threads 4 2

certificate() {
    keytool -exportcert -rfc "${store[@]}" -alias "$1" > "$work/ca.crt" && openssl verify -CAfile "$work/ca.crt" "$work/ca.crt"
}
check "openssl verifies the certificate of Java's P-256 key" certificate ec
answers() { says TLSv1.3 fetch --tlsv1.3 "https://localhost:$port/"; }
check "Java serves TLS 1.3 with it" serve java -cp "$classes" TlsServer "$work/java.cfg" "$work/pin" ec last
check "and answers" answers
check "a second program signs beside it" signs user 01 SHA256-RSA-PKCS -sha256
check "the TPM goes off" stop
check "the server is told" refuse answers
check "the TPM starts again" start
check "the server goes on" eventually answers
check "and the log says how" grep "its module is initialised again" "$work/log"
check "other programs go on" signs user 02 ECDSA-SHA256 -sha256
dismiss 0
check "nothing panicked" refuse grep -i panic "$work/log"
