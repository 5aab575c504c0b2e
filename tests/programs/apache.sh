# Apache with mod_ssl: processes of the user www-data, keys in a token that the group may only read.
# Without root the processes are the user who runs this. apache2-bin has no service; this has its
# own configuration.

apache=$(program apache2)
service_user 2750
check "a token is made" new_token
openssl_with_engine
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "a CA is made" new_ca
check "a client's file is issued" issue_file plain
for name in rsa p256; do check "the CA signs a request of $name" issue $name; done

rsa_port=$(free_port)
p256_port=$(free_port)
site() {
    cat <<CONF
Listen 127.0.0.1:$2
<VirtualHost 127.0.0.1:$2>
    ServerName localhost
    SSLEngine on
    SSLCertificateFile $work/$1.crt
    SSLCertificateKeyFile "$(uri "$1")"
    SSLCACertificateFile $work/ca.crt
    <Location /client>
        SSLVerifyClient require
    </Location>
</VirtualHost>
CONF
}
mkdir "$work/pages"
echo "a page" > "$work/pages/page"
echo "a page for clients" > "$work/pages/client"
chmod -R a+rX "$work/pages"
modules=/usr/lib/apache2/modules
cat > "$work/apache.conf" <<CONF
ServerRoot $work
ServerName localhost
DefaultRuntimeDir $work
PidFile $work/apache.pid
ErrorLog $work/apache.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule ssl_module $modules/mod_ssl.so
$([ "$(id -u)" != 0 ] || printf 'User %s\nGroup %s\n' "$service_user" "$service_group")
StartServers 2
SSLCryptoDevice pkcs11
SSLSessionCache none
SSLSessionTickets off
DocumentRoot $work/pages
$(site rsa $rsa_port; site p256 $p256_port)
CONF
httpd() { OPENSSL_CONF=$work/openssl.cnf "$apache" -f "$work/apache.conf" "$@"; }
stop() {
    [ -e "$work/apache.pid" ] || return 0
    httpd -k graceful-stop
    eventually test ! -e "$work/apache.pid"
}
at_end stop
start() { httpd -k start && eventually test -e "$work/apache.pid" && eventually listens $rsa_port && eventually listens $p256_port; }
check "apache accepts the configuration" httpd -t
check "apache starts" start

processes() { pgrep -P "$(cat "$work/apache.pid")"; }
of_the_user() {
    ps -o user:20=,pid=,args= -p "$(processes | paste -sd,)"
    [ "$(ps -o user:20= -p "$(processes | paste -sd,)" | sort -u)" = "$service_user" ]
}
pages() {
    for name in rsa p256; do
        port=${name}_port
        check "a page over TLS 1.3 with $name$1" says "a page" fetch --tlsv1.3 "https://localhost:${!port}/page"
        check "a page over TLS 1.2 with $name$1" says "a page" fetch --tls-max 1.2 "https://localhost:${!port}/page"
    done
}
check "its processes run as $service_user" of_the_user
pages ""
check "a page for clients asks for a certificate" refuse fetch --tls-max 1.2 "https://localhost:$rsa_port/client"
check "and shows with one" says "for clients" fetch --tls-max 1.2 --cert "$work/plain.crt" --key "$work/plain.key" "https://localhost:$rsa_port/client"
renewed() { ! processes | grep -qxF "$before"; }
graceful() { before=$(processes); httpd -k graceful && eventually renewed; }
check "apache reloads" graceful
check "the new processes run as $service_user" of_the_user
pages " after it"
quiet() { ! grep -E '\[(ssl|core):(alert|crit|emerg)\]' "$work/apache.log"; }
check "apache logged no trouble" quiet
check "apache stops" stop
