# Java 17 (SunPKCS11): keytool, jarsigner, a TLS server, secret keys, key agreement, threads.
# OpenSSL, curl and Java's software providers are the witnesses.

check "a token is made" new_token
sunpkcs11 "attributes(*, CKO_SECRET_KEY, CKK_GENERIC_SECRET) = {" \
    "    CKA_DERIVE = true" "    CKA_SIGN = true" "    CKA_VERIFY = true" "}"
# SunPKCS11 makes the pair itself, and so inside the token, if it is named.
pair() { keytool -genkeypair "${store[@]}" -providername SunPKCS11-Keyway -dname CN=localhost -ext san=dns:localhost "$@"; }
check "keytool generates RSA-2048" pair -alias rsa -keyalg RSA -keysize 2048
check "keytool generates P-256" pair -alias ec -keyalg EC -groupname secp256r1
in_token() { [ "$(user -O --type privkey | grep -c 'never extractable, local')" = 2 ]; }
check "both were made inside the token" in_token
check "keytool lists two entries" says "contains 2 entries" keytool -list "${store[@]}"

self_signed() { keytool -exportcert -rfc "${store[@]}" -alias "$1" -file "$work/$1.self" && openssl verify -check_ss_sig -CAfile "$work/$1.self" "$work/$1.self"; }
# chain NAME: a root and an intermediate authority of openssl certify the token's key.
authority() {
    openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=root -keyout "$work/root.key" -out "$work/root.crt" &&
        openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=middle -keyout "$work/middle.key" -out "$work/middle.crt" \
            -CA "$work/root.crt" -CAkey "$work/root.key" -addext basicConstraints=critical,CA:TRUE
}
check "openssl makes two authorities" authority
chain() {
    keytool -certreq "${store[@]}" -alias "$1" -file "$work/$1.csr" &&
        openssl req -in "$work/$1.csr" -verify -noout &&
        openssl x509 -req -in "$work/$1.csr" -CA "$work/middle.crt" -CAkey "$work/middle.key" -days 1 -copy_extensions copyall \
            -extfile <(echo subjectAltName=DNS:localhost) -out "$work/$1.crt" &&
        cat "$work/$1.crt" "$work/middle.crt" "$work/root.crt" > "$work/$1.chain" &&
        keytool -importcert -noprompt "${store[@]}" -alias "$1" -file "$work/$1.chain" &&
        says "chain length: 3" keytool -list -v "${store[@]}" -alias "$1"
}
for name in rsa ec; do
    check "keytool's certificate of $name: openssl verifies it" self_signed $name
    check "keytool imports a chain for $name" chain $name
done

text_jar() { echo "a text to sign" > "$work/text" && (cd "$work" && jar --create --file text.jar text); }
check "a jar is made" text_jar
signed_jar() {
    jarsigner "${store[@]}" -signedjar "$work/$1.jar" "$work/text.jar" "$1" &&
        keytool -importcert -noprompt -file "$work/root.crt" -keystore "$work/trust-$1" -storepass trusted -alias root &&
        says "^jar verified" jarsigner -verify -strict -keystore "$work/trust-$1" -storepass trusted "$work/$1.jar"
}
changed_jar() {
    (cd "$work" && echo "another text" > text && cp "$1.jar" changed.jar && jar --update --file changed.jar text) &&
        ! jarsigner -verify "$work/changed.jar" > "$work/verdict" && cat "$work/verdict" && grep -q 'digest error for text' "$work/verdict"
}
for name in rsa ec; do
    check "jarsigner signs with $name, and verifies without the token" signed_jar $name
    check "and refuses the jar once it is changed" changed_jar $name
done

check "the programs compile" compile_java
run() { java -cp "$classes" "$1" "$work/java.cfg" "$work/pin" "${@:2}"; }
check "AES-GCM agrees with SunJCE" says "gcm agrees" run Secrets gcm
check "AES-CBC agrees with SunJCE" says "cbc agrees" run Secrets cbc
check "HMAC agrees with SunJCE" says "hmac agrees" run Secrets hmac
check "ECDH agrees with SunEC" says "ecdh agrees" run Secrets ecdh
check "8 threads sign, SunRsaSign and SunEC verify" says "[1-9][0-9]* signatures verified" run Threads 8 3

java_options=
fetch() { curl -sS --fail --noproxy '*' "$@" --cacert "$work/root.crt" "https://localhost:$port/"; }
tls13() { says "TLSv1.3 TLS_AES" fetch --tlsv1.3; }
tls12() { says "TLSv1.2 TLS_ECDHE" fetch --tls-max 1.2; }
# handshakes ALIAS ORDER PROTOCOL...: the server's log shows if one fails.
handshakes() {
    serve java $java_options -cp "$classes" TlsServer "$work/java.cfg" "$work/pin" "$1" "$2"
    local rc=$?
    for protocol in "${@:3}"; do
        [ $rc != 0 ] || "$protocol" || rc=1
    done
    dismiss $rc
}
for name in rsa ec; do
    check "a TLS 1.3 and 1.2 server with $name" handshakes $name last tls13 tls12
    check "the same, with whatever the token offers" handshakes $name first tls13 tls12
done
rsa_exchange() { says "TLSv1.2 TLS_RSA_WITH_AES" fetch --tls-max 1.2 --ciphers AES128-GCM-SHA256; }
check "TLS 1.2 whose premaster secret the token decrypts" handshakes rsa last rsa_exchange

# Java 17 agrees on X25519 secrets, and derives extended master secrets (RFC 7627), in software only.
tls12_p256() { says "TLSv1.2 TLS_ECDHE" fetch --tls-max 1.2 --curves P-256; }
if tool -M 2>/dev/null | grep -qi 'TLS12-MASTER-KEY-DERIVE\|mechtype-0x3E0,'; then
    java_options=-Djdk.tls.useExtendedMasterSecret=false
    for name in rsa ec; do
        check "TLS 1.2 with $name and every secret of it in the token" handshakes $name alone tls12_p256
    done
fi
