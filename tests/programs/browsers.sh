# NSS's own tools, Chromium and Firefox: client certificates from the token. A server in Node
# (OpenSSL) demands them and shows the subject; pictures of its pages are kept in
# target/screenshots.
#
# Chromium uses keys with CKA_PRIVATE false, which need no PIN; Firefox asks for the PIN, and
# firefox.py types it.

export HOME=$work/home
pictures=$PWD/target/screenshots
mkdir -p "$HOME/.pki/nssdb" "$work/firefox" "$pictures"
db=sql:$HOME/.pki/nssdb
head -c 64 /dev/urandom > "$work/noise"

check "a token is made" new_token
# profile DB: an NSS database that knows the module and trusts the server. FRIENDLY says that
# certificates are found without a login.
profile() {
    certutil -N -d "$1" --empty-password &&
        modutil -force -dbdir "$1" -add Keyway -libfile "$module" -mechanisms FRIENDLY &&
        certutil -A -d "$1" -n site -t C,, -a -i "$work/site.crt"
}
authority() {
    openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$1" -keyout "$work/$1.key" -out "$work/$1.crt" "${@:2}"
}
site() {
    authority site && authority localhost -CA "$work/site.crt" -CAkey "$work/site.key" \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE
}
check "openssl makes a server's certificate" site
check "modutil adds the module to Chromium's database" profile "$db"
check "modutil adds the module to a Firefox profile" profile "sql:$work/firefox"
check "modutil lists the module" says "Login Type: Login required" modutil -dbdir "$db" -list Keyway
check "modutil lists the token" says "token: test" modutil -dbdir "$db" -list

# client NAME OPTION...: certutil makes a key inside the token, an authority of that name certifies it.
client() {
    certutil -R -d "$db" -h test -f "$work/pin" -z "$work/noise" -Z SHA256 -s "CN=$1 of the token,O=Keyway" -a -o "$work/$1.csr" "${@:2}" &&
        openssl req -in "$work/$1.csr" -verify -noout &&
        authority "$1-authority" &&
        openssl x509 -req -in "$work/$1.csr" -CA "$work/$1-authority.crt" -CAkey "$work/$1-authority.key" -days 1 \
            -extfile <(echo extendedKeyUsage=clientAuth) -out "$work/$1.crt" &&
        certutil -A -d "$db" -h test -f "$work/pin" -n "$1" -t ,, -a -i "$work/$1.crt"
}
rsa="-k rsa -g 2048"
ec="-k ec -q nistp256"
open="--keyAttrFlags token,public,sensitive,unextractable"
for kind in rsa ec; do
    check "certutil makes a key with a PIN: $kind" client "$kind" ${!kind}
    check "certutil makes a key without one: $kind" client "open-$kind" ${!kind} $open
done
keys() { says "$1" certutil -K -d "$db" -h test -f "$2"; }
check "certutil logs in and lists the keys" keys "test:rsa" "$work/pin"
echo 654321 > "$work/wrong"
check "certutil with a wrong PIN does not" refuse keys "test:rsa" "$work/wrong"
check "certutil lists the token's certificates" says "test:open-ec  *u,u,u" certutil -L -d "$db" -h all -f "$work/pin"

node tests/programs/browsers/server.js "$work/localhost.crt" "$work/localhost.key" \
    "$work"/{rsa,ec,open-rsa,open-ec}-authority.crt > "$work/ports" 2> "$work/server.log" &
at_end "kill $!"
check "the server listens" eventually test -s "$work/ports"
read -r rsa_port ec_port open_rsa_port open_ec_port < "$work/ports"
no_certificate() { curl -sS --fail --noproxy '*' --cacert "$work/site.crt" "https://localhost:$rsa_port/"; }
check "the server refuses who has no certificate" refuse no_certificate

# chromium_shows NAME PORT: the page, with the certificate that a preference selects.
chromium_shows() {
    mkdir -p "$work/chromium-$1/Default"
    echo "{\"profile\":{\"managed_auto_select_certificate_for_urls\":[\"{\\\"pattern\\\":\\\"https://localhost:$2\\\",\\\"filter\\\":{}}\"]}}" \
        > "$work/chromium-$1/Default/Preferences"
    says "O=Keyway, CN=$1 of the token" \
        timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --no-proxy-server \
        --disable-background-networking --disable-component-update --disable-sync --user-data-dir="$work/chromium-$1" \
        --hide-scrollbars --window-size=640,240 --screenshot="$pictures/chromium-$1.png" --dump-dom "https://localhost:$2/" &&
        [ -s "$pictures/chromium-$1.png" ]
}
rm -f "$pictures"/*.png
check "Chromium shows an RSA client certificate" chromium_shows open-rsa "$open_rsa_port"
check "Chromium shows an EC client certificate" chromium_shows open-ec "$open_ec_port"

cat > "$work/firefox/user.js" <<'PREFERENCES'
user_pref("security.default_personal_cert", "Select Automatically");
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 0);
user_pref("browser.startup.page", 0);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
PREFERENCES
firefox_shows() {
    timeout 150 python3 tests/programs/browsers/firefox.py "$work/firefox" "$work/pin" 1 \
        "https://localhost:$rsa_port/" "$pictures/firefox-rsa.png" "https://localhost:$ec_port/" "$pictures/firefox-ec.png" > "$work/pages"
    local rc=$?
    cat "$work/pages"
    [ $rc = 0 ] && grep -q 'CN=rsa of the token' "$work/pages" && grep -q 'CN=ec of the token' "$work/pages"
}
check "Firefox asks for the PIN once and shows both client certificates" firefox_shows
