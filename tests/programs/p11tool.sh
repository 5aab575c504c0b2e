# GnuTLS: p11tool, certtool, gnutls-serv and gnutls-cli; openssl and curl are the witnesses.
#
# p11tool 3.7.9 asks for an Ed25519 pair with CKM_EDDSA, which generates nothing; so pkcs11-tool
# makes that key.

check "a token is made" new_token
export GNUTLS_PIN=$pin
url="pkcs11:token=test"
p11() { p11tool --provider "$module" --login --batch "$@"; }
cert() { certtool --provider "$module" --load-privkey "$url;object=$1;type=private" --load-pubkey "$work/$1.pub" --template "$work/template" "${@:2}"; }
cat > "$work/template" <<TEMPLATE
cn = localhost
dns_name = localhost
tls_www_server
tls_www_client
signing_key
expiration_days = 1
TEMPLATE

check "the token is listed" says "token=test" p11tool --provider "$module" --list-tokens
check "mechanisms are listed" says "CKM_ECDSA_SHA256" p11tool --provider "$module" --list-mechanisms "$url"
check "RSA-2048 is generated" p11 --generate-privkey rsa --bits 2048 --label rsa --id 01 --outfile "$work/rsa.pub" "$url"
check "P-256 is generated" p11 --generate-privkey ecdsa --curve secp256r1 --label p256 --id 02 --outfile "$work/p256.pub" "$url"
check "pkcs11-tool makes an Ed25519 pair" user --keypairgen --key-type EC:edwards25519 --id 03 --label ed25519
check "its public key is read" p11 --export-pubkey "$url;object=ed25519;type=private" --outfile "$work/ed25519.pub"
for name in rsa p256; do
    # p11tool asks again, for ever, when it does not find the key.
    check "p11tool signs with $name and verifies" says "Verifying against public key in the token... ok" \
        p11 --test-sign "$url;object=$name;type=private"
done

id=0
for name in rsa p256 ed25519; do
    id=$((id + 1))
    check "openssl reads the public key of $name" openssl pkey -pubin -in "$work/$name.pub" -noout
    self_signed() { cert $name --generate-self-signed --outfile "$work/$name.crt" && openssl verify -CAfile "$work/$name.crt" "$work/$name.crt"; }
    check "certtool makes a certificate with $name: openssl verifies it" self_signed
    request() { cert $name --generate-request --outfile "$work/$name.csr" && openssl req -verify -noout -in "$work/$name.csr"; }
    check "certtool makes a request with $name: openssl verifies it" request
    check "the certificate is written" p11 --write --load-certificate "$work/$name.crt" --label $name --id 0$id "$url"
    read_back() { p11tool --provider "$module" --batch --export "$url;object=$name;type=cert" | openssl x509 -outform DER | cmp - <(openssl x509 -in "$work/$name.crt" -outform DER); }
    check "and read without login" read_back
done
check "all objects are listed" says "object=ed25519;type=private" p11 --list-all "$url"

gnutls_serves() {
    port=$(free_port)
    gnutls-serv --provider "$module" --http --port "$port" --require-client-cert --verify-client-cert --x509cafile "$work/plain.crt" \
        --x509certfile "$work/$1.crt" --x509keyfile "$url;object=$1;type=private" > "$work/server.log" 2>&1 &
    server=$!
    at_end "kill $server 2>/dev/null"
    eventually listens "$port"
}
# The client's key is in a file, in the token for gnutls-cli below.
check "a client's file is made" openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
    -subj /CN=plain -keyout "$work/plain.key" -out "$work/plain.crt"
for name in rsa p256 ed25519; do
    check "gnutls-serv starts with $name" gnutls_serves $name
    visit() { curl -sS --fail --noproxy '*' --cacert "$work/$name.crt" --cert "$work/plain.crt" --key "$work/plain.key" "https://localhost:$port/" "$@"; }
    check "it serves TLS 1.3 to curl" says "CN=plain" visit --tlsv1.3
    check "it serves TLS 1.2 to curl" says "CN=plain" visit --tls-max 1.2
    kill $server
done

# A client with a token key, at a server that has no part in the token.
cat "$work/rsa.crt" "$work/p256.crt" "$work/ed25519.crt" > "$work/clients.crt"
check "openssl serves" serve openssl s_server -accept 127.0.0.1:0 -cert "$work/plain.crt" -key "$work/plain.key" -www \
    -Verify 1 -verify_return_error -CAfile "$work/clients.crt"
for name in rsa p256 ed25519; do
    client() {
        # It leaves when nothing more is typed; so that goes on until the server, which answers and
        # closes, is done.
        exec {typed}< <(printf 'GET / HTTP/1.0\r\n\r\n'; exec sleep 20)
        local typing=$! rc=0
        gnutls-cli --provider "$module" --port "$port" --no-ca-verification localhost --priority "NORMAL:-VERS-ALL:+VERS-TLS1.$1" \
            --x509certfile "$work/$name.crt" --x509keyfile "$url;object=$name;type=private" <&$typed || rc=$?
        exec {typed}<&-
        kill $typing 2> /dev/null
        return $rc
    }
    shown() { openssl x509 -in "$work/$name.crt" -noout -serial | sed 's/serial=//; s/../&:/g; s/:$//' | tr A-F a-f; }
    for version in 2 3; do
        check "TLS 1.$version: openssl lets gnutls-cli in with $name" says "$(shown)" client $version
    done
done
