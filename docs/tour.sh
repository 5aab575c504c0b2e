#!/usr/bin/env bash
# Everything Keyway does with keys, on its own token and on SoftHSM2, step by step. Each step checks
# what it claims, with openssl, pkcs11-tool or curl where they can judge it, and the tour ends at the
# first that fails.
#
#   docs/tour.sh [--on keyway|softhsm] [--in DIR] [--profile release|debug] [--size MIB] [STEP...]
#
# Steps, all of them if none is named: text letter agree rotate revoke seal report openssl authority
# share exchange maintain log. `rotate` and `revoke` go on from `text` and `letter`, `share` and `exchange`
# from `authority`. DIR is made anew and kept; without it the tour leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/prerequisites.sh

all_steps="text letter agree rotate revoke seal report openssl authority share exchange maintain log"
providers= kept= profile=release mebibytes=1024 steps=
while [ $# != 0 ]; do
    case "$1" in
        --on) providers="$providers $2"; shift ;;
        --in) kept=$2; shift ;;
        --profile) profile=$2; shift ;;
        --size) mebibytes=$2; shift ;;
        *) case " $all_steps " in
            *" $1 "*) steps="$steps $1" ;;
            *) die "usage: docs/tour.sh [--on keyway|softhsm] [--in DIR] [--profile release|debug] [--size MIB] [STEP...]
the steps are: $all_steps" ;;
        esac ;;
    esac
    shift
done
steps=${steps:-$all_steps}
providers=${providers:-keyway softhsm}
need_packages opensc softhsm2 libengine-pkcs11-openssl openssl curl ca-certificates time

keyway=$PWD/target/$profile/keyway
[ -x "$keyway" ] || die "$keyway is not there: run ./quickstart.sh (or cargo build --workspace) first"

servers=
trap 'for one in $servers; do kill $one 2> /dev/null || :; done; [ -n "$kept" ] || rm -rf "$tour"' EXIT
if [ -z "$kept" ]; then
    tour=$(mktemp -d)
else
    if [ -e "$kept" ] && [ ! -e "$kept/made-by-keyway" ]; then
        die "$kept exists and this script did not make it; move it away first"
    fi
    rm -rf "$kept"
    mkdir -p "$kept"
    tour=$(cd "$kept" && pwd)
fi
touch "$tour/made-by-keyway"
(umask 077 && printf 123456 > "$tour/pin" && printf 12345678 > "$tour/so-pin")
# The journal of foreign tokens lies with the rest, and so does the lock.
mkdir -m 700 "$tour/run-dir"
export XDG_STATE_HOME=$tour/state XDG_RUNTIME_DIR=$tour/run-dir
export KEYWAY_PIN_FILE=$tour/pin KEYWAY_SO_PIN_FILE=$tour/so-pin

title() { printf '\n== %s\n' "$*"; }
step() { number=$((number + 1)); printf '\n-- (%s) %s\n' $number "$*"; }
result() { printf '   => %s\n' "$*"; }
# run COMMAND...: a command as a user types it, in the folder of its files, and what it says.
run() {
    printf '   $ %s\n' "$*" | plain
    "$@" 2>&1 | sed -u 's/^/   /' | plain
    return "${PIPESTATUS[0]}"
}
plain() { sed -u "s,$dir/,,g; s,$tour/,,g; s,$keyway,keyway,; s,with_token \\([a-z]*\\),openssl \\1 -engine pkcs11,"; }
kw() { run "$keyway" "$@"; }
# refused CODE TEXT ARGUMENT...: the command fails with that exit code and says that.
refused() {
    local code=$1 text=$2 rc=0
    shift 2
    kw "$@" > "$dir/refused" || rc=$?
    cat "$dir/refused"
    [ $rc = "$code" ] || die "keyway $1 answered exit code $rc, not $code"
    grep -q -- "$text" "$dir/refused" || die "keyway $1 was refused, but not because of '$text'"
}
same() { cmp "$dir/$1" "$dir/$2" || die "$1 and $2 differ"; }

# new_tokens PROVIDER: the tokens 'demo' and 'peer', and what makes programs use them.
new_tokens() {
    case "$1" in
        keyway)
            mkdir "$tour/keyway"
            printf 'token_dir = "%s"\nfree_slot = "always"\n' "$tour/keyway" > "$tour/keyway.toml"
            KEYWAY_CONF=$tour/keyway.toml
            KEYWAY_MODULE=$PWD/target/$profile/libkeyway_pkcs11.so
            export KEYWAY_CONF KEYWAY_MODULE
            kw token init --label demo
            ;;
        softhsm)
            eval "$(SO_PIN=$(cat "$tour/so-pin") USER_PIN=$(cat "$tour/pin") \
                softhsm/new-token.sh "$tour/softhsm" demo 2>/dev/null)"
            KEYWAY_MODULE=$(dpkg -L libsofthsm2 | grep '/softhsm/libsofthsm2.so$' | head -n 1)
            export KEYWAY_MODULE
            ;;
        *) die "--on keyway or --on softhsm, not $1" ;;
    esac
    kw token init --label peer
    kw token list
    export KEYWAY_TOKEN=demo
    cat > "$dir/openssl.cnf" <<CONF
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $(dpkg -L libengine-pkcs11-openssl | grep '/engines-3/pkcs11.so$')
MODULE_PATH = $KEYWAY_MODULE
init = 0
[req]
distinguished_name = name
[name]
CONF
}

# with_token COMMAND [ARGUMENT...]: an openssl command that has the token's keys.
with_token() { OPENSSL_CONF=$dir/openssl.cnf openssl "$1" -engine pkcs11 "${@:2}"; }
# uri KEY: its RFC 7512 name, for programs other than keyway.
uri() { echo "pkcs11:token=demo;object=$1;type=private?pin-source=file:$tour/pin"; }

step_text() {
    step "AES-256: encrypt a text and decrypt it"
    echo "the quick brown fox" > "$dir/text"
    kw key create text --algorithm aes-256
    kw encrypt --key text --in "$dir/text" --out "$dir/text.kw"
    kw decrypt --in "$dir/text.kw" --out "$dir/text.back"
    same text text.back
    result "'$(cat "$dir/text.back")' came back from $(stat -c %s "$dir/text.kw") encrypted bytes"
}

step_letter() {
    step "RSA-2048: the same"
    echo "for your eyes only" > "$dir/letter"
    kw key create letter --algorithm rsa-2048
    kw encrypt --key letter --in "$dir/letter" --out "$dir/letter.kw"
    kw decrypt --in "$dir/letter.kw" --out "$dir/letter.back"
    same letter letter.back
    result "'$(cat "$dir/letter.back")' came back"
}

step_agree() {
    step "ephemeral Diffie-Hellman between two tokens; the keys never leave them"
    local group
    for group in x25519 ffdhe3072; do
        kw --token demo agree start --group $group --public-out "$dir/demo.public"
        kw --token peer agree start --group $group --public-out "$dir/peer.public"
        kw --token demo agree finish --peer "$dir/peer.public" --name "$group" | tee "$dir/demo.tag"
        kw --token peer agree finish --peer "$dir/demo.public" --name "$group" | tee "$dir/peer.tag"
        cmp <(grep confirmation "$dir/demo.tag") <(grep confirmation "$dir/peer.tag")
        demo_encrypts_for_peer "$group"
        result "$group: the confirmations are the same, and one token opened what the other encrypted"
    done
}

# demo_encrypts_for_peer KEY: both tokens hold the same key of that name.
demo_encrypts_for_peer() {
    echo "only the peer reads this" > "$dir/secret"
    kw --token demo encrypt --key "$1" --in "$dir/secret" --out "$dir/secret.kw"
    kw --token peer decrypt --in "$dir/secret.kw" --out "$dir/secret.back"
    same secret secret.back
}

step_rotate() {
    step "rotation: a new version protects, the old ciphertext still opens"
    kw key rotate text
    kw decrypt --in "$dir/text.kw" --out "$dir/text.again"
    same text text.again
    kw encrypt --key text --in "$dir/text" --out "$dir/text.2.kw"
    kw reencrypt --in "$dir/text.kw" --out "$dir/text.new"
    kw decrypt --in "$dir/text.new" --out "$dir/text.again"
    same text text.again
    result "version 1's ciphertext opened after the rotation, and went over to version 2"
}

step_revoke() {
    step "revocation: afterwards decryption is refused"
    # A witness that keyway has no part in: openssl encrypts to the key, pkcs11-tool decrypts.
    kw key export-public letter --out "$dir/letter.pem"
    openssl pkeyutl -encrypt -pubin -inkey "$dir/letter.pem" -in "$dir/letter" \
        -out "$dir/letter.oaep" -pkeyopt rsa_padding_mode:oaep
    pkcs11_tool_decrypts || die "pkcs11-tool should decrypt before the revocation: $(cat "$dir/tool.log")"
    result "before it, pkcs11-tool decrypts with the RSA key: '$(cat "$dir/letter.tool")'"
    kw key revoke text --reason compromise --yes
    kw key revoke letter --reason compromise --yes
    refused 5 compromised decrypt --in "$dir/text.kw" --out "$dir/none"
    refused 5 compromised decrypt --in "$dir/letter.kw" --out "$dir/none"
    [ ! -e "$dir/none" ] || die "a refused decryption left a file"
    if pkcs11_tool_decrypts; then
        die "pkcs11-tool decrypted with a revoked key"
    fi
    result "refused to pkcs11-tool, too: $(grep -o 'CKR_[A-Z_]*\|error: .*' "$dir/tool.log" | head -n 1)"
}

pkcs11_tool_decrypts() {
    pkcs11-tool --module "$KEYWAY_MODULE" --token-label demo --login --pin "$(cat "$tour/pin")" \
        --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA-1 --label letter \
        --input-file "$dir/letter.oaep" --output-file "$dir/letter.tool" > "$dir/tool.log" 2>&1
}

step_seal() {
    step "seal a file of $mebibytes MiB and open it again"
    head -c "${mebibytes}M" /dev/urandom > "$dir/image"
    kw key create bulk --algorithm aes-256
    sealed seal "$dir/image" --to bulk --out "$dir/image.age"
    [ "$(head -n 1 "$dir/image.age")" = age-encryption.org/v1 ] || die "that is not age's format"
    sealed open "$dir/image.age" --out "$dir/image.back"
    same image image.back
    rm "$dir/image" "$dir/image.age" "$dir/image.back"
}

# sealed ARGUMENT...: the command with its time and memory, which stays below 64 MiB.
sealed() {
    printf '   $ %s\n' "keyway $*" | plain
    command time -f '%e %M' -o "$dir/figures" "$keyway" "$@"
    local seconds kibibytes
    read -r seconds kibibytes < "$dir/figures"
    [ "$kibibytes" -lt 65536 ] || die "keyway $1 took $kibibytes KiB of memory"
    result "$seconds s, $(awk "BEGIN { printf \"%.0f\", $mebibytes * 1.048576 / ($seconds + 0.001) }") MB/s, at most $((kibibytes / 1024)) MiB of memory"
}

step_report() {
    step "a signed report of a compromise: suspended at once, revoked by maintain"
    kw key create security --algorithm ec-p256
    kw key export-public security --out "$dir/security.pem"
    kw key create backup --algorithm aes-256 --reporter "$dir/security.pem"
    echo "last year's books" > "$dir/books"
    kw encrypt --key backup --in "$dir/books" --out "$dir/books.kw"
    kw key report backup --evidence 'found in a core dump' --sign-with security --out "$dir/backup.report"
    kw maintain --reports "$dir/backup.report"
    refused 5 compromised decrypt --in "$dir/books.kw" --out "$dir/none"
    result "nobody typed revoke, and the key is"
}

step_openssl() {
    step "OpenSSL signs with a key of the token"
    kw key create web --algorithm ec-p256 --use sign
    run with_token req -new -x509 -days 30 -sha256 -subj /CN=web -keyform engine -key "$(uri web)" \
        -out "$dir/self.pem"
    run with_token dgst -sha256 -keyform engine -sign "$(uri web)" -out "$dir/readme.sig" README.md
    kw key export-public web --out "$dir/web.pub"
    run openssl dgst -sha256 -verify "$dir/web.pub" -signature "$dir/readme.sig" README.md
    openssl verify -check_ss_sig -CAfile "$dir/self.pem" "$dir/self.pem" > "$dir/verify.log"
    result "plain openssl verifies the signature and the certificate, $(openssl x509 -in "$dir/self.pem" -noout -subject)"
}

step_authority() {
    step "a certificate authority in the token, and TLS with its certificate"
    kw ca init root --subject 'CN=Example Root,O=Example' --path-len 1 --out "$dir/root.pem"
    kw ca init issuing --parent root --path-len 0 --out "$dir/issuing.pem"
    certify demo www tls-server localhost --san dns:localhost
    run openssl req -in "$dir/www.csr" -noout -verify
    run openssl verify -CAfile "$dir/root.pem" -untrusted "$dir/issuing.pem" -purpose sslserver "$dir/www.pem"
    fetch_over_tls
    kw ca crl --ca root --out "$dir/root.crl"
    kw ca crl --ca issuing --out "$dir/issuing.crl"
    cat "$dir/root.crl" "$dir/issuing.crl" > "$dir/lists"
    openssl_checks_revocation || die "openssl should believe the certificate before it is revoked"
    kw ca revoke --cert "$dir/www.pem" --reason superseded --yes
    kw ca crl --ca issuing --out "$dir/issuing.crl"
    cat "$dir/root.crl" "$dir/issuing.crl" > "$dir/lists"
    if openssl_checks_revocation > "$dir/verify.log" 2>&1; then
        die "openssl believes a revoked certificate"
    fi
    grep -q "certificate revoked" "$dir/verify.log" || die "openssl refused for another reason: $(cat "$dir/verify.log")"
    result "openssl verify -crl_check: $(grep -o 'certificate revoked' "$dir/verify.log")"
    refused 7 revoked ca verify "$dir/www.pem" --root "$dir/root.pem" --intermediate "$dir/issuing.pem" \
        --crl "$dir/root.crl" --crl "$dir/issuing.crl"
}

# certify TOKEN KEY PROFILE NAME [OPTION...]: a key of that token, and its certificate in KEY.pem.
certify() {
    local token=$1 key=$2 for=$3 name=$4
    shift 4
    kw --token "$token" key create "$key" --algorithm ec-p256 --use sign
    kw --token "$token" csr create --key "$key" --subject "CN=$name" --out "$dir/$key.csr"
    kw ca issue --ca issuing --csr "$dir/$key.csr" --profile "$for" "$@" --chain --out "$dir/$key.pem"
}

openssl_checks_revocation() {
    run openssl verify -CAfile "$dir/root.pem" -untrusted "$dir/issuing.pem" -CRLfile "$dir/lists" \
        -crl_check_all "$dir/www.pem"
}

# wait_for_port PROCESS LOG WHERE: $port, once the process has written it into its log behind WHERE.
wait_for_port() {
    for _ in $(seq 200); do
        port=$(sed -n "s/.*$3\([1-9][0-9]*\).*/\1/p" "$2")
        [ -z "$port" ] || return 0
        kill -0 "$1" 2> /dev/null || die "no server started: $(cat "$2")"
        sleep 0.1
    done
    die "no server listens: $(cat "$2")"
}

# A page over TLS 1.3, served with the token's key 'www' and fetched by curl.
fetch_over_tls() {
    echo "served with a key that never left its token" > "$dir/page.txt"
    (cd "$dir" && exec env OPENSSL_CONF="$dir/openssl.cnf" openssl s_server -engine pkcs11 -keyform engine \
        -key "$(uri www)" -cert www.pem -cert_chain www.pem -accept 127.0.0.1:0 -tls1_3 -WWW) \
        > "$dir/server.log" 2>&1 &
    local server=$! port=
    servers="$servers $server"
    wait_for_port $server "$dir/server.log" 'ACCEPT .*:'
    curl --silent --show-error --fail --noproxy '*' --tlsv1.3 --cacert "$dir/root.pem" \
        "https://localhost:$port/page.txt" > "$dir/page.got"
    kill $server
    same page.txt page.got
    result "curl over TLS 1.3, which believes the root only: '$(cat "$dir/page.got")'"
}

step_share() {
    step "central distribution: a key goes to another token, wrapped for its certificate"
    certify demo admin identity admin.example
    kw --token peer client enroll branch --subject CN=branch.example --csr "$dir/branch.csr"
    kw ca issue --ca issuing --csr "$dir/branch.csr" --profile recipient --chain --out "$dir/branch.pem"
    kw client trust "$dir/branch.pem" --trust "$dir/root.pem"
    kw key create fleet --algorithm aes-256 --shareable
    kw share fleet --to "$dir/branch.pem" --sign-with admin --cert "$dir/admin.pem" --trust "$dir/root.pem" \
        --out "$dir/fleet.share"
    kw --token peer receive "$dir/fleet.share" --with branch --trust "$dir/root.pem" --peer admin.example
    demo_encrypts_for_peer fleet
    result "the peer's token opened what the administrator's encrypted"
    refused 4 'received before' --token peer receive "$dir/fleet.share" --with branch --trust "$dir/root.pem"
    kw key create plain --algorithm aes-256
    refused 5 shareable share plain --to "$dir/branch.pem" --sign-with admin --cert "$dir/admin.pem" \
        --trust "$dir/root.pem" --out "$dir/none"
}

step_exchange() {
    step "authenticated key exchange with forward secrecy, over TCP"
    certify demo here identity here.example
    certify peer there identity there.example
    kw --token peer exchange listen --addr 127.0.0.1:0 --name with-here --sign-with there \
        --cert "$dir/there.pem" --trust "$dir/root.pem" --peer here.example > "$dir/listener.log" &
    local listener=$! port=
    servers="$servers $listener"
    wait_for_port $listener "$dir/listener.log" '127\.0\.0\.1:'
    kw --token demo exchange connect --addr "127.0.0.1:$port" --name with-there --sign-with here \
        --cert "$dir/here.pem" --trust "$dir/root.pem" --peer there.example
    wait $listener
    cat "$dir/listener.log"
    echo "only the two of us read this" > "$dir/secret"
    kw --token demo encrypt --key with-there --in "$dir/secret" --out "$dir/secret.kw"
    kw --token peer decrypt --key with-here --in "$dir/secret.kw" --out "$dir/secret.back"
    same secret secret.back
    result "each knows who the other is, and the session key lies in both tokens"
}

step_maintain() {
    step "maintenance: whatever is due"
    kw key create weekly --algorithm aes-256 --rotate-every 1s
    kw key create visitor --algorithm aes-256 --expire-after 1s
    sleep 2
    refused 5 deactivated encrypt --key visitor --in "$tour/pin" --out "$dir/none"
    result "an expired key stops by itself"
    kw maintain --dry-run
    kw maintain
    kw key show weekly | tee "$dir/weekly"
    grep -q 'version 2\|2 *active' "$dir/weekly" || die "weekly was not rotated"
}

step_log() {
    step "what became of the keys"
    kw key list
    kw log --verify > "$dir/log" || die "the log's chain is broken: $(tail -n 3 "$dir/log")"
    tail -n 4 "$dir/log"
    [ "$provider" != keyway ] || kw token check
}

for provider in $providers; do
    title "$(case $provider in keyway) echo "Keyway's own token" ;; *) echo SoftHSM2 ;; esac)"
    dir=$tour/files-$provider
    number=0
    mkdir "$dir"
    new_tokens "$provider"
    for one in $steps; do "step_$one"; done
    unset KEYWAY_MODULE KEYWAY_CONF KEYWAY_TOKEN
done
title "Done: $(echo $steps | wc -w) steps on$(printf ' %s' $providers)"
