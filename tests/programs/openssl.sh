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
        fetch() { curl -sS --fail --noproxy '*' "$@" --cacert "$work/$name.crt" "https://localhost:$port/text" | cmp - "$work/text"; }
        serve env -C "$work" OPENSSL_CONF="$work/openssl.cnf" openssl s_server -engine pkcs11 -keyform engine -key "$(uri $name)" \
            -cert $name.crt -accept 127.0.0.1:0 -WWW && fetch --tlsv1.3 && fetch --tls-max 1.2
        dismiss $?
    }
    check "openssl serves TLS 1.3 and 1.2 with $name" page
done

# Certificates of a CA, CMS, and TLS that demands them of both sides.
check "a CA is made" new_ca
check "a client's file is issued" issue_file plain
for name in rsa p256; do
    check "the CA signs a request of $name" issue $name
    cms_sign() {
        rm -f "$work/back"
        engine cms -sign -binary -nodetach -in "$work/text" -signer "$work/$name.crt" -inkey "$(uri $name)" -outform DER -out "$work/cms" &&
            openssl cms -verify -inform DER -in "$work/cms" -CAfile "$work/ca.crt" -out "$work/back" && cmp "$work/text" "$work/back"
    }
    check "CMS: $name signs, openssl verifies" cms_sign
    cms_decrypt() {
        rm -f "$work/back"
        openssl cms -encrypt -binary -aes256 -in "$work/text" -outform DER -out "$work/cms" "$work/$name.crt" &&
            engine cms -decrypt -inform DER -in "$work/cms" -recip "$work/$name.crt" -inkey "$(uri $name)" -out "$work/back" && cmp "$work/text" "$work/back"
    }
    check "CMS: openssl encrypts, $name decrypts" cms_decrypt
done

# demanding NAME OPTION...: a server with that certificate that demands one of its clients.
demanding() {
    serve env OPENSSL_CONF="$work/openssl.cnf" openssl s_server -cert "$work/$1.crt" "${@:2}" -accept 127.0.0.1:0 \
        -Verify 1 -verify_return_error -CAfile "$work/ca.crt" -www
}
# visit VERSION OPTION...: what the server says, once the client has verified it.
visit() {
    printf 'GET / HTTP/1.0\r\n\r\n' | OPENSSL_CONF=$work/openssl.cnf openssl s_client "-tls$1" "${@:2}" -connect "127.0.0.1:$port" \
        -servername localhost -verify_hostname localhost -verify_return_error -CAfile "$work/ca.crt" -ign_eof
}
in_token() { echo -cert "$work/$1.crt" -engine pkcs11 -keyform engine -key "$(uri "$1")"; }
in_file() { echo -cert "$work/$1.crt" -key "$work/$1.key"; }
for version in 1_2 1_3; do
    for name in rsa p256; do
        check "a server starts with $name" demanding $name $(in_token $name)
        check "TLS $version: $name serves a client with a key in a file" says "Subject: CN=plain" visit $version $(in_file plain)
        check "TLS $version: $name serves a client with a key in the token" says "Subject: CN=p256" visit $version $(in_token p256)
        check "TLS $version: and none without a certificate" refuse visit $version
        dismiss 0
        check "a server starts with a key in a file" demanding plain $(in_file plain)
        check "TLS $version: a client with $name is let in" says "Subject: CN=$name" visit $version $(in_token $name)
        dismiss 0
    done
done
