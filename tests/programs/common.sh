# What every subject of tests/programs.sh starts with, sourced in a subshell from the top folder:
#   $module  the module          $work  an empty folder, removed at the end
#   $pin $so_pin                 the PINs, also in the files $work/pin and $work/so-pin
#   KEYWAY_CONF                  a configuration whose tokens lie in $work/tokens
#   XDG_RUNTIME_DIR              where keyway's lock lies: nobody else's turn is waited for
#   check WHAT COMMAND...        one line a check; the output of a failed one is shown
#   at_end COMMAND               runs when the subject ends, the last first

module=$PWD/target/$profile/libkeyway_pkcs11.so
keyway=$PWD/target/$profile/keyway
pin=123456
so_pin=12345678
work=$(mktemp -d)
printf %s $pin > "$work/pin"
printf %s $so_pin > "$work/so-pin"
cat > "$work/keyway.toml" <<CONF
token_dir = "$work/tokens"
CONF
export KEYWAY_CONF=$work/keyway.toml
mkdir -m 700 "$work/run-dir"
export XDG_RUNTIME_DIR=$work/run-dir

cleaning=
at_end() { cleaning="$*; $cleaning"; }
trap 'eval "$cleaning"; rm -rf "$work"' EXIT

passed=0
failed=0
check() {
    local what=$1
    shift
    if "$@" > "$work/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        tail -n 60 "$work/out" | sed 's/^/        /'
    fi
}
refuse() { ! "$@"; }
# says TEXT COMMAND...: it succeeds and its output holds TEXT.
says() {
    local text=$1
    shift
    "$@" > "$work/said" 2>&1
    local rc=$?
    cat "$work/said"
    [ $rc = 0 ] && grep -q -- "$text" "$work/said"
}
summary() {
    echo "$1: $passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed != 0 ]
}

tool() { pkcs11-tool --module "$module" "$@"; }
user() { tool --token-label test --login --pin $pin "$@"; }
# new_token: the token "test", with both PINs.
new_token() {
    tool --init-token --slot 1 --label test --so-pin $so_pin &&
        tool --token-label test --init-pin --login --login-type so --so-pin $so_pin --pin $pin
}

# openssl_with_engine [INIT]: writes the configuration that loads the module into OpenSSL 3.0's
# engine. Servers that do not initialise an engine themselves need INIT 1.
openssl_with_engine() {
    cat > "$work/openssl.cnf" <<CONF
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $(dpkg -L libengine-pkcs11-openssl | grep '/engines-3/pkcs11.so$')
MODULE_PATH = $module
init = ${1:-0}
[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
subjectAltName = DNS:localhost
CONF
}
# sunpkcs11 [LINE...]: $work/java.cfg, which loads the module into Java and lets it read secret keys,
# and ${store[@]}, the options of Java's tools for it.
sunpkcs11() {
    cat > "$work/java.cfg" <<CONF
name = Keyway
library = $module
slot = 1
attributes(*, CKO_SECRET_KEY, *) = {
    CKA_SENSITIVE = false
    CKA_EXTRACTABLE = true
}
$(printf '%s\n' "$@")
CONF
    store=(-keystore NONE -storetype PKCS11 -storepass:file "$work/pin" -addprovider SunPKCS11 -providerArg "$work/java.cfg")
}
# compile_java: $classes, the programs of tests/programs/java, compiled once for each state of theirs.
compile_java() {
    classes=$PWD/target/programs/java-$(cat tests/programs/java/*.java | sha256sum | cut -c -16)
    [ ! -e "$classes" ] || return 0
    mkdir -p target/programs && javac -Werror -Xlint:all -d "$work/classes" tests/programs/java/*.java &&
        cp -r "$work/classes" "$classes-new" && mv "$classes-new" "$classes"
}
engine() { OPENSSL_CONF=$work/openssl.cnf openssl "$1" -engine pkcs11 -keyform engine "${@:2}"; }
# uri LABEL: the private key of that label, with the PIN's file (RFC 7512).
uri() { echo "pkcs11:token=test;object=$1;type=private?pin-source=file:$work/pin"; }
# certify LABEL: $work/LABEL.crt, a certificate for localhost that the key signs itself.
certify() { engine req -new -x509 -days 1 -sha256 -subj /CN=localhost -key "$(uri "$1")" -out "$work/$1.crt"; }

# new_ca: $work/ca.crt and its key, which no token has a part in.
new_ca() {
    openssl req -new -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=test CA" \
        -addext basicConstraints=critical,CA:true -keyout "$work/ca.key" -out "$work/ca.crt"
}
# by_ca NAME: the CA signs $work/NAME.csr, for localhost: $work/NAME.crt.
by_ca() {
    openssl req -verify -noout -in "$work/$1.csr" &&
        openssl x509 -req -days 1 -sha256 -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" \
            -extfile <(echo subjectAltName=DNS:localhost) -out "$work/$1.crt" &&
        openssl verify -CAfile "$work/ca.crt" "$work/$1.crt"
}
# issue LABEL: $work/LABEL.crt, which the CA makes from the token key's request; its CN is the label.
issue() { engine req -new -sha256 -subj "/CN=$1" -key "$(uri "$1")" -out "$work/$1.csr" && by_ca "$1"; }
# issue_file NAME: the same for a new P-256 key in $work/NAME.key.
issue_file() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$work/$1.key" -out "$work/$1.csr" && by_ca "$1"
}

# eventually COMMAND: tries it for twenty seconds.
eventually() {
    local n
    for n in $(seq 200); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}
listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# free_port: a port of 127.0.0.1 on which nobody listens.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        listens $port || break
    done
    echo $port
}
# serve COMMAND...: a server in the background, a program and no function, which takes a free port and
# says so; then its process is $server and its port $port. What it says is in a file of its own,
# where nothing of a server before it can be.
serve() {
    said_by_server=$(mktemp "$work/server-XXXXXX")
    "$@" > "$said_by_server" 2>&1 &
    server=$!
    at_end "kill $server 2> /dev/null"
    bound() { port=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p; s/^port //p' "$said_by_server"); [ -n "$port" ]; }
    eventually bound
}
# dismiss RC: ends that server; if RC is not 0, shows what it said. Returns RC.
dismiss() {
    kill "$server"
    wait "$server" 2> /dev/null
    [ "$1" = 0 ] || cat "$said_by_server"
    return "$1"
}
# fetch URL [OPTION...]: what a server for localhost says whose certificate the CA signed.
fetch() { curl -sS --fail --noproxy '*' --max-time 20 --cacert "$work/ca.crt" "$@"; }
# program NAME: where it is. What would start a service if it were installed, test.sh unpacks.
program() {
    PATH=$PATH:/usr/sbin command -v "$1" || PATH=$PWD/target/programs/usr/sbin:$PWD/target/programs/usr/bin command -v "$1" ||
        { echo "$1 is not here: ./test.sh brings it" >&2; return 1; }
}

# service_user MODE: $service_user of $service_group, whom a server's workers are if this is root;
# tokens lie in a directory of that mode and group.
service_user() {
    service_user=www-data
    service_group=www-data
    [ "$(id -u)" = 0 ] || service_user=$(id -un) service_group=$(id -gn)
    chmod 711 "$work"
    chmod 600 "$work/pin"
    mkdir "$work/tokens"
    chgrp "$service_group" "$work/tokens"
    chmod "$1" "$work/tokens"
}
