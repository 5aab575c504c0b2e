# OpenSSL 3.5 of Debian trixie through pkcs11-provider, and trixie's nginx with it, in the folder
# that tests/prepare-programs.sh trixie makes. What they do is checked by this machine's OpenSSL.
# Slow, and needs root for chroot.

root=$PWD/target/programs/trixie
check "tests/prepare-programs.sh trixie has run" test -e "$root/installed"
inside=/srv/$(basename "$work")
at_end "rm -rf '$root$inside'"
mkdir -p "$root$inside/tokens"
chmod 755 "$root$inside"
cp "$module" "$work/pin" "$root$inside"

# Two configurations for one token: by its path from outside, and from inside.
echo "token_dir = \"$root$inside/tokens\"" > "$KEYWAY_CONF"
echo "token_dir = \"$inside/tokens\"" > "$root$inside/keyway.toml"
cat > "$root$inside/openssl.cnf" <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
default = software
pkcs11 = token
[software]
activate = 1
[token]
pkcs11-module-path = $inside/libkeyway_pkcs11.so
pkcs11-module-token-pin = file:$inside/pin
pkcs11-module-encode-provider-uri-to-pem = true
activate = 1
[req]
distinguished_name = name
[name]
CONF
# A command in the folder; an array, so that a server in the background is its own process.
trixie=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin OPENSSL_CONF="$inside/openssl.cnf" KEYWAY_CONF="$inside/keyway.toml"
    sh -c 'cd "$0" && exec "$@"' "$inside")
trixie() { "${trixie[@]}" "$@"; }

check "a token is made" new_token
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label ec --usage-sign --usage-derive
check "Ed25519 is generated" user --keypairgen --key-type EC:edwards25519 --id 03 --label ed25519
check "it is OpenSSL 3.5" says "^OpenSSL 3.5" trixie openssl version
active() { says "name: PKCS#11 Provider" trixie openssl list -providers; }
check "the provider is active" active
check "a store of keys is listed" says "Total found: [1-9]" trixie openssl storeutl -noout -keys "pkcs11:token=test"

check "a test authority is made" new_ca
echo "a text to sign" > "$root$inside/text"
key() { echo "pkcs11:token=test;object=$1;type=private"; }
# request NAME: a request in the chroot, a certificate and the public key outside.
request() {
    trixie openssl req -new -sha256 -subj /CN=localhost -key "$(key "$1")" -out "$1.csr" &&
        cp "$root$inside/$1.csr" "$work" && by_ca "$1" && cp "$work/$1.crt" "$root$inside" &&
        openssl x509 -in "$work/$1.crt" -pubkey -noout > "$root$inside/$1.pub"
}
# signed OPTION...: what the chroot signed, verified outside.
signed() { openssl dgst "$@" -signature "$root$inside/sig" "$root$inside/text"; }
digest() { trixie openssl dgst -sha256 -sign "$(key "$1")" -out sig "${@:2}" text && signed -sha256 -verify "$root$inside/$1.pub" "${@:2}"; }
raw() {
    openssl dgst -sha256 -binary "$root$inside/text" > "$root$inside/digest" &&
        trixie openssl pkeyutl -sign -inkey "$(key "$1")" -in digest -out sig -pkeyopt digest:sha256 && signed -sha256 -verify "$root$inside/$1.pub"
}
for name in rsa ec; do
    check "a request and a certificate with $name" request $name
    check "dgst signs with $name" digest $name
    check "pkeyutl signs with $name" raw $name
done
check "RSA-PSS" digest rsa -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
ed25519() {
    trixie openssl pkey -in "pkcs11:token=test;object=ed25519;type=public" -pubin -pubout -out ed25519.pub &&
        trixie openssl pkeyutl -sign -rawin -inkey "$(key ed25519)" -in text -out sig &&
        openssl pkeyutl -verify -rawin -pubin -inkey "$root$inside/ed25519.pub" -in "$root$inside/text" -sigfile "$root$inside/sig"
}
check "Ed25519" ed25519
oaep() {
    local padding=(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256)
    openssl pkeyutl -encrypt -pubin -inkey "$root$inside/rsa.pub" "${padding[@]}" -in "$root$inside/text" -out "$root$inside/sealed" &&
        trixie openssl pkeyutl -decrypt -inkey "$(key rsa)" "${padding[@]}" -in sealed -out opened &&
        cmp "$root$inside/text" "$root$inside/opened"
}
check "RSA-OAEP decrypts" oaep
derive() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/peer.key" &&
        openssl pkey -in "$work/peer.key" -pubout -out "$root$inside/peer.pub" &&
        trixie openssl pkeyutl -derive -inkey "$(key ec)" -peerkey peer.pub -out secret &&
        openssl pkeyutl -derive -inkey "$work/peer.key" -peerkey "$root$inside/ec.pub" -out "$work/secret" &&
        cmp "$root$inside/secret" "$work/secret"
}
check "ECDH derives the same secret" derive
generate() {
    trixie openssl genpkey -propquery provider=pkcs11 -algorithm EC -pkeyopt group:P-384 -pkeyopt "pkcs11_uri:pkcs11:token=test;object=fresh;id=%09" &&
        says "never extractable, local" user -O --type privkey --label fresh && request fresh && digest fresh
}
check "genpkey generates P-384 inside the token" generate

fetch() { curl -sS --fail --noproxy '*' "$@" --cacert "$work/ca.crt" "https://localhost:$port/text" | cmp - "$root$inside/text"; }
both() { fetch --tlsv1.3 && fetch --tls-max 1.2; }
s_server() {
    serve "${trixie[@]}" openssl s_server -key "$(key "$1")" -cert "$1.crt" -accept 127.0.0.1:0 -WWW && both &&
        says "Verification: OK" trixie openssl s_client -brief -CAfile ca.crt -verify_return_error -connect "127.0.0.1:$port" < /dev/null
    dismiss $?
}
cp "$work/ca.crt" "$root$inside"
for name in rsa ec; do
    check "s_server serves TLS 1.3 and 1.2 with $name" s_server $name
done

# nginx takes the key from a PEM file that holds its URI; the provider writes and reads such files.
nginx() {
    trixie openssl pkey -in "$(key "$1")" -out "$1.pem" && grep -q 'PKCS#11 PROVIDER URI' "$root$inside/$1.pem" || return
    port=$(free_port)
    cat > "$root$inside/nginx.conf" <<CONF
daemon off;
user root;
worker_processes 2;
pid $inside/nginx.pid;
error_log stderr;
env OPENSSL_CONF;
env KEYWAY_CONF;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $inside/$1.crt;
        ssl_certificate_key $inside/$1.pem;
        root $inside;
    }
}
CONF
    "${trixie[@]}" nginx -c "$inside/nginx.conf" > "$work/server.log" 2>&1 &
    local server=$! rc=0
    eventually fetch --tlsv1.3 || rc=1
    for _ in $(seq 20); do both || rc=1; done
    [ $rc = 0 ] || cat "$work/server.log"
    kill $server
    wait $server 2> /dev/null
    return $rc
}
for name in rsa ec; do
    check "nginx serves TLS 1.3 and 1.2 with $name" nginx $name
done
