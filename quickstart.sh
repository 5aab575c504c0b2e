#!/usr/bin/env bash
# Builds Keyway, makes demonstration tokens in ./demo, and shows the main job on two of them:
# Keyway's own and SoftHSM2's. Run it again at any time; ./demo is made anew.
set -euo pipefail
cd "$(dirname "$0")"
. .ci/prerequisites.sh

need_rust
need_packages build-essential opensc softhsm2 libengine-pkcs11-openssl openssl curl ca-certificates
say "building (a few minutes the first time) ..."
cargo build --release --quiet

keyway=$PWD/target/release/keyway
ours=$PWD/target/release/libkeyway_pkcs11.so
softhsm=$(dpkg -L libsofthsm2 | grep '/softhsm/libsofthsm2.so$' | head -n 1)
demo=$PWD/demo
if [ -e "$demo" ] && [ ! -e "$demo/made-by-quickstart" ]; then
    die "$demo exists and is not from this script; move it away first"
fi
rm -rf "$demo"
mkdir -p "$demo"
touch "$demo/made-by-quickstart"
printf 123456 > "$demo/pin"
printf 12345678 > "$demo/so-pin"
chmod 600 "$demo/pin" "$demo/so-pin"
export KEYWAY_PIN_FILE=$demo/pin KEYWAY_SO_PIN_FILE=$demo/so-pin

title() { printf '\n== %s\n' "$*"; }
step() { printf '\n-- %s\n' "$*"; }
run() { printf '   $ %s\n' "${*//$PWD\//}" | sed 's/with_token //'; "$@" 2>&1 | sed 's/^/   /'; return "${PIPESTATUS[0]}"; }
result() { printf '   => %s\n' "$*"; }

# show_main_job: steps 1 to 6 on the tokens 'demo' and 'peer' of $KEYWAY_MODULE.
show_main_job() {
    local dir=$1
    mkdir -p "$dir"
    export KEYWAY_TOKEN=demo

    step "(1) AES-256: encrypt a text and decrypt it"
    echo "the quick brown fox" > "$dir/text"
    run "$keyway" key create text --algorithm aes-256
    run "$keyway" encrypt --key text --in "$dir/text" --out "$dir/text.kw"
    run "$keyway" decrypt --in "$dir/text.kw" --out "$dir/text.back"
    cmp "$dir/text" "$dir/text.back"
    result "'$(cat "$dir/text.back")' came back from $(stat -c %s "$dir/text.kw") encrypted bytes"

    step "(2) RSA-2048: the same"
    run "$keyway" key create letter --algorithm rsa-2048
    run "$keyway" encrypt --key letter --in "$dir/text" --out "$dir/letter.kw"
    run "$keyway" decrypt --in "$dir/letter.kw" --out "$dir/letter.back"
    cmp "$dir/text" "$dir/letter.back"
    result "'$(cat "$dir/letter.back")' came back"

    step "(3) ephemeral Diffie-Hellman between two tokens; the keys never leave them"
    run "$keyway" --token demo agree start --group x25519 --public-out "$dir/demo.public"
    run "$keyway" --token peer agree start --group x25519 --public-out "$dir/peer.public"
    run "$keyway" --token demo agree finish --peer "$dir/peer.public" --name shared | tee "$dir/demo.tag"
    run "$keyway" --token peer agree finish --peer "$dir/demo.public" --name shared | tee "$dir/peer.tag"
    cmp <(grep confirmation "$dir/demo.tag") <(grep confirmation "$dir/peer.tag")
    echo "only the peer reads this" > "$dir/secret"
    run "$keyway" --token demo encrypt --key shared --in "$dir/secret" --out "$dir/secret.kw"
    run "$keyway" --token peer decrypt --key shared --in "$dir/secret.kw" --out "$dir/secret.back"
    cmp "$dir/secret" "$dir/secret.back"
    result "the confirmations are the same, and one token opened what the other encrypted: equal keys"

    step "(4) rotation: a new version protects, the old ciphertext still opens"
    run "$keyway" key rotate text
    run "$keyway" decrypt --in "$dir/text.kw" --out "$dir/text.again"
    cmp "$dir/text" "$dir/text.again"
    result "version 1's ciphertext opened after the rotation to version 2"

    step "(5) revocation"
    # A witness that keyway has no part in: openssl encrypts to the key, pkcs11-tool decrypts.
    run "$keyway" key export-public letter --out "$dir/letter.pem"
    openssl pkeyutl -encrypt -pubin -inkey "$dir/letter.pem" -in "$dir/text" \
        -out "$dir/letter.oaep" -pkeyopt rsa_padding_mode:oaep
    pkcs11_decrypt "$dir" || die "pkcs11-tool should decrypt before the revocation"
    result "before it, pkcs11-tool decrypts with the RSA key: '$(cat "$dir/letter.tool")'"
    run "$keyway" key revoke text --reason compromise --yes
    run "$keyway" key revoke letter --reason compromise --yes

    step "(6) decryption after revocation is refused"
    for ciphertext in text letter; do
        if run "$keyway" decrypt --in "$dir/$ciphertext.kw" --out "$dir/refused"; then
            die "keyway decrypted with a revoked key"
        fi
    done
    result "refused by keyway"
    if pkcs11_decrypt "$dir"; then
        die "pkcs11-tool decrypted with a revoked key"
    fi
    result "refused to pkcs11-tool: $(grep -o 'CKR_[A-Z_]*\|error: .*' "$dir/tool.log" | head -n 1)"
}

# pkcs11_decrypt DIR: decrypts DIR/letter.oaep with the RSA key 'letter', without keyway.
pkcs11_decrypt() {
    pkcs11-tool --module "$KEYWAY_MODULE" --token-label demo --login --pin "$(cat "$demo/pin")" \
        --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA-1 --label letter \
        --input-file "$1/letter.oaep" --output-file "$1/letter.tool" > "$1/tool.log" 2>&1
}

title "Keyway's own token, in demo/keyway"
mkdir -p "$demo/keyway"
cat > "$demo/keyway.toml" <<CONF
token_dir = "$demo/keyway"
free_slot = "always"
CONF
export KEYWAY_CONF=$demo/keyway.toml KEYWAY_MODULE=$ours
run "$keyway" token init --label demo
run "$keyway" token init --label peer
run "$keyway" token list
show_main_job "$demo/files-keyway"

title "OpenSSL with a key in the token"
run "$keyway" --token demo key create web --algorithm ec-p256 --use sign
cat > "$demo/openssl.cnf" <<CONF
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $(dpkg -L libengine-pkcs11-openssl | grep '/engines-3/pkcs11.so$')
MODULE_PATH = $ours
init = 0
[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
subjectAltName = DNS:localhost
CONF
uri="pkcs11:token=demo;object=web;type=private?pin-source=file:$demo/pin"
with_token() { OPENSSL_CONF=$demo/openssl.cnf "$@"; }
step "a self-signed certificate"
run with_token openssl req -new -x509 -days 30 -sha256 -subj /CN=localhost -engine pkcs11 \
    -keyform engine -key "$uri" -out "$demo/web.pem"
result "$(openssl x509 -in "$demo/web.pem" -noout -subject -fingerprint -sha256 | tr '\n' ' ')"
step "a signature that plain openssl verifies"
run with_token openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$uri" \
    -out "$demo/readme.sig" README.md
openssl x509 -in "$demo/web.pem" -pubkey -noout > "$demo/web.pub"
run openssl dgst -sha256 -verify "$demo/web.pub" -signature "$demo/readme.sig" README.md
step "a page over TLS 1.3"
echo "signed in by a key that never left its token" > "$demo/page.txt"
(cd "$demo" && exec env OPENSSL_CONF="$demo/openssl.cnf" openssl s_server -engine pkcs11 \
    -keyform engine -key "$uri" -cert web.pem -accept 127.0.0.1:0 -tls1_3 -WWW) \
    > "$demo/server.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || :' EXIT
for _ in $(seq 100); do
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' "$demo/server.log")
    [ -z "$port" ] || break
    kill -0 $server 2>/dev/null || die "openssl s_server did not start: $(cat "$demo/server.log")"
    sleep 0.1
done
run curl --silent --show-error --fail --noproxy '*' --tlsv1.3 --cacert "$demo/web.pem" \
    "https://localhost:$port/page.txt"
kill $server
result "fetched by curl over TLS 1.3 with the certificate above"

title "The same on SoftHSM2, in demo/softhsm"
eval "$(SO_PIN=$(cat "$demo/so-pin") USER_PIN=$(cat "$demo/pin") softhsm/new-token.sh "$demo/softhsm" demo 2>/dev/null)"
export KEYWAY_MODULE=$softhsm
run "$keyway" token init --label peer
show_main_job "$demo/files-softhsm"

title "Done. What you need next:"
cat <<NEXT
export KEYWAY_CONF=$demo/keyway.toml KEYWAY_TOKEN=demo KEYWAY_PIN_FILE=$demo/pin
target/release/keyway key list                      # the keys of the demonstration token
target/release/keyway key create NAME --algorithm aes-256
target/release/keyway --help                        # everything else, with examples
pkcs11-tool --module target/release/libkeyway_pkcs11.so -L -O    # or any other PKCS#11 program
NEXT
