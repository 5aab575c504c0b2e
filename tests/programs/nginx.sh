# nginx, two workers of the user www-data, keys in a token that the group may only read: the master
# logs in, the workers come from fork. Without root the workers are the user who runs this.
#
# The package `nginx` would start a service: test.sh unpacks it, and this has its own configuration.

nginx=$(program nginx)
service_user 2750
check "a token is made" new_token
openssl_with_engine 1
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "a CA is made" new_ca
for name in rsa p256; do check "the CA signs a request of $name" issue $name; done

rsa_port=$(free_port)
p256_port=$(free_port)
# site LABEL PORT: its page names the worker that made it.
site() {
    cat <<CONF
    server {
        listen 127.0.0.1:$2 ssl;
        ssl_certificate $work/$1.crt;
        ssl_certificate_key "engine:pkcs11:$(uri "$1")";
        location / { return 200 "worker \$pid, \$ssl_protocol\\n"; }
    }
CONF
}
cat > "$work/nginx.conf" <<CONF
$([ "$(id -u)" != 0 ] || echo "user $service_user $service_group;")
worker_processes 2;
pid $work/nginx.pid;
error_log $work/nginx.log info;
# Workers lose every other variable.
env KEYWAY_CONF;
events {}
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
$(site rsa $rsa_port; site p256 $p256_port)
}
CONF
nginx() { OPENSSL_CONF=$work/openssl.cnf "$nginx" -c "$work/nginx.conf" -e "$work/nginx.log" "$@"; }
# stop SIGNAL: quit waits for the workers, stop ends them after a while.
stop() {
    [ -e "$work/nginx.pid" ] || return 0
    nginx -s "$1"
    eventually test ! -e "$work/nginx.pid"
}
at_end stop stop
start() { nginx && eventually test -s "$work/nginx.pid" && eventually listens $rsa_port && eventually listens $p256_port; }
check "nginx accepts the configuration" nginx -t
check "nginx starts" start

workers() { pgrep -P "$(cat "$work/nginx.pid")"; }
two_of_the_user() {
    ps -o user:20=,pid=,args= -p "$(workers | paste -sd,)"
    [ "$(workers | wc -l)" = 2 ] && [ "$(ps -o user:20= -p "$(workers | paste -sd,)" | sort | uniq -c | tr -s ' ')" = " 2 $service_user" ]
}
check "two workers run as $service_user" two_of_the_user
for name in rsa p256; do
    port=${name}_port
    check "a page over TLS 1.3 with $name" says "worker [0-9]*, TLSv1.3" fetch --tlsv1.3 "https://localhost:${!port}/"
    check "a page over TLS 1.2 with $name" says "worker [0-9]*, TLSv1.2" fetch --tls-max 1.2 "https://localhost:${!port}/"
done

# load FILE PORT: pages over new connections until there is no $work/loading; a line each.
load() { while [ -e "$work/loading" ]; do fetch "https://localhost:$2/" >> "$1" 2>&1 || echo "failed with $?" >> "$1"; done; }
reload_under_load() {
    touch "$work/loading"
    local loads= n before
    for n in 1 2; do
        load "$work/load-rsa-$n" $rsa_port & loads="$loads $!"
        load "$work/load-p256-$n" $p256_port & loads="$loads $!"
    done
    for n in 1 2 3 4 5; do
        before=$(workers)
        nginx -s reload
        renewed() { ! workers | grep -qxF "$before" && [ "$(workers | wc -l)" = 2 ]; }
        eventually renewed || return 1
    done
    until [ "$(cat "$work"/load-* | wc -l)" -ge 200 ]; do sleep 0.1; done
    rm "$work/loading"
    wait $loads
    cat "$work"/load-* > "$work/pages"
    grep -v '^worker [0-9]*, TLSv1.3$' "$work/pages"
    [ "$(grep -c '^worker' "$work/pages")" = "$(wc -l < "$work/pages")" ]
}
check "five reloads under load fail no request" reload_under_load
echo "        $(wc -l < "$work/pages") requests, $(grep -vc '^worker' "$work/pages") failed, by $(sort -u "$work/pages" | wc -l) workers"
many_workers() { [ "$(sort -u "$work/pages" | wc -l)" -ge 6 ]; }
check "workers of every generation answered" many_workers
check "the new workers run as $service_user" two_of_the_user
quiet() { ! grep -E '\[(alert|crit|emerg)\]' "$work/nginx.log"; }
check "nginx logged no trouble" quiet
check "nginx stops" stop quit

# Such a worker hangs: libp11 0.4.12 waits for a session that it did not get. The log says why.
closed() {
    chmod 700 "$work/tokens"
    echo "log = { level = \"warn\", to = \"$work/shared.log\" }" >> "$KEYWAY_CONF"
    : > "$work/shared.log"
    chmod 666 "$work/shared.log"
    start && ! fetch --max-time 5 "https://localhost:$rsa_port/" && cat "$work/shared.log" && grep -q "cannot list the token directory.*Permission denied" "$work/shared.log"
}
if [ "$(id -u)" = 0 ]; then
    check "workers without the group's rights serve nothing, and the log says why" closed
    check "nginx stops them" stop stop
fi
