# stunnel, which gives a plain service TLS with keys in the token: as a server, and as a client
# that shows a certificate. It drops root after it has read the keys.
#
# The package `stunnel4` would start a service: test.sh unpacks it.

stunnel=$(program stunnel4)
service_user 2750
check "a token is made" new_token
openssl_with_engine
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "a CA is made" new_ca
check "a file is issued" issue_file plain
for name in rsa p256; do check "the CA signs a request of $name" issue $name; done

# What is behind: client -> TLS with rsa or p256 -> TLS with p256 as the client -> this page, which
# shows the certificate that it got.
for name in rsa p256 outer; do declare "${name}_port=$(free_port)"; done
check "a server that demands a certificate" serve openssl s_server -accept 127.0.0.1:0 -cert "$work/plain.crt" \
    -key "$work/plain.key" -CAfile "$work/ca.crt" -Verify 1 -verify_return_error -www
demanding=$port

mkdir "$work/run"
[ "$(id -u)" != 0 ] || chown "$service_user" "$work/run"
# service NAME KEY OPTION...
service() {
    printf '[%s]\nengineNum = 1\ncert = %s\nkey = %s\n' "$1" "$work/$2.crt" "$(uri "$2")"
    printf '%s\n' "${@:3}"
}
cat > "$work/stunnel.conf" <<CONF
pid = $work/run/stunnel.pid
output = $work/run/stunnel.log
engine = pkcs11
$([ "$(id -u)" != 0 ] || printf 'setuid = %s\nsetgid = %s\n' "$service_user" "$service_group")
$(for name in rsa p256; do
    port=${name}_port
    service server-$name $name "accept = 127.0.0.1:${!port}" "connect = 127.0.0.1:$outer_port"
done
service client p256 "client = yes" "accept = 127.0.0.1:$outer_port" "connect = 127.0.0.1:$demanding" \
    "CAfile = $work/ca.crt" "verifyChain = yes" "checkHost = localhost")
CONF
stop() {
    [ -e "$work/run/stunnel.pid" ] || return 0
    kill "$(cat "$work/run/stunnel.pid")"
    eventually test ! -e "$work/run/stunnel.pid"
}
at_end stop
start() {
    OPENSSL_CONF=$work/openssl.cnf "$stunnel" "$work/stunnel.conf"
    eventually test -s "$work/run/stunnel.pid" && eventually listens $rsa_port && eventually listens $p256_port
    local rc=$?
    [ $rc = 0 ] || cat "$work/run/stunnel.log"
    return $rc
}
check "stunnel starts" start
runs_as() { ps -o user:20=,args= -p "$(cat "$work/run/stunnel.pid")" | grep "^$service_user "; }
check "it runs as $service_user" runs_as
for name in rsa p256; do
    port=${name}_port
    check "TLS 1.3 with $name, passed on with a client certificate" says "Subject: CN=p256" fetch --tlsv1.3 "https://localhost:${!port}/"
    check "TLS 1.2 with $name, passed on with a client certificate" says "Subject: CN=p256" fetch --tls-max 1.2 "https://localhost:${!port}/"
done
check "stunnel stops" stop
