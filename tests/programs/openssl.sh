# OpenSSL 3.0 through libengine-pkcs11-openssl: certificates, signatures, TLS.
#
# libp11 0.4.12, below the engine, gives up on a token that holds an Ed25519 key (SoftHSM2's too),
# so this token has none.

check "a token is made" new_token
openssl_with_engine
echo "a text to sign" > "$work/text"
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "P-384 is generated" user --keypairgen --key-type EC:secp384r1 --id 03 --label p384

verified() { openssl dgst "$@" -signature "$work/sig" "$work/text"; }
for name in rsa p256 p384; do
    certificate() { certify $name && openssl verify -CAfile "$work/$name.crt" "$work/$name.crt"; }
    check "openssl makes a certificate with $name" certificate
    signature() { engine dgst -sha256 -sign "$(uri $name)" -out "$work/sig" "$work/text" && openssl x509 -in "$work/$name.crt" -pubkey -noout > "$work/pub" && verified -sha256 -verify "$work/pub"; }
    check "openssl signs a file with $name" signature
    page() {
        (cd "$work" && OPENSSL_CONF=$work/openssl.cnf exec openssl s_server -engine pkcs11 -keyform engine -key "$(uri $name)" \
            -cert $name.crt -accept 127.0.0.1:0 -WWW) > "$work/server.log" 2>&1 &
        server=$!
        local port=
        for _ in $(seq 100); do
            port=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' "$work/server.log")
            [ -z "$port" ] || break
            sleep 0.1
        done
        fetch() { curl -sS --fail --noproxy '*' "$@" --cacert "$work/$name.crt" "https://localhost:$port/text" | cmp - "$work/text"; }
        fetch --tlsv1.3 && fetch --tls-max 1.2
        local rc=$?
        [ $rc = 0 ] || cat "$work/server.log"
        kill $server
        wait $server 2>/dev/null
        return $rc
    }
    check "openssl serves TLS 1.3 and 1.2 with $name" page
done
