# curl with a client certificate whose key is in the token, at servers that demand one.

check "a token is made" new_token
openssl_with_engine
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "a CA is made" new_ca
check "a server's file is issued" issue_file plain
for name in rsa p256; do check "the CA signs a request of $name" issue $name; done

# Its page shows the client's certificate.
check "openssl serves" serve openssl s_server -accept 127.0.0.1:0 -cert "$work/plain.crt" -key "$work/plain.key" \
    -CAfile "$work/ca.crt" -Verify 1 -verify_return_error -www

visit() { OPENSSL_CONF=$work/openssl.cnf fetch "$@" "https://localhost:$port/"; }
in_token() { visit --engine pkcs11 --cert "$work/$1.crt" --key-type ENG --key "$(uri "$1")" "${@:2}"; }
for name in rsa p256; do
    check "TLS 1.3: the server sees the certificate of $name" says "Subject: CN=$name" in_token $name --tlsv1.3
    check "TLS 1.2: the server sees the certificate of $name" says "Subject: CN=$name" in_token $name --tls-max 1.2
done
# Without --key-type curl takes a PKCS#11 URI for what it is.
named_alone() { visit --cert "$work/rsa.crt" --key "$(uri rsa)"; }
check "a URI alone says enough" says "Subject: CN=rsa" named_alone
check "no certificate, no page" refuse visit
wrong_key() { visit --engine pkcs11 --cert "$work/rsa.crt" --key-type ENG --key "$(uri p256)"; }
check "another key than the certificate's is refused" refuse wrong_key
wrong_pin() { printf 000000 > "$work/pin" && in_token rsa; local rc=$?; printf %s $pin > "$work/pin"; return $rc; }
check "a wrong PIN gets no page" refuse wrong_pin
check "and the right one does again" says "Subject: CN=rsa" in_token rsa
