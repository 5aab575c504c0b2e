# Installing: every file in its place, and the installed module used through p11-kit by a service
# user in the token directory's group. Playing other users takes root.

service_user 2750
prefix=$work/usr
# Staged under a prefix that is also where it runs; /etc and p11-kit's folder are the test's own.
as_cargo_says=${profile/#debug/dev}
places="PROFILE=$as_cargo_says PREFIX=$prefix SYSCONFDIR=$work/etc P11KITDIR=$work/config/pkcs11/modules"
# What test.sh has built; a part of it would be built anew, under the hands of the other tests.
export WHAT="--workspace --lib --bins --tests --examples"
check "make prepares pages and completions" make $places all
check "make installs" make $places install
installed() {
    local file missing=
    for file in bin/keyway bin/age-plugin-keyway lib/pkcs11/libkeyway_pkcs11.so share/man/man1/keyway.1.gz share/man/man1/keyway-key-create.1.gz \
        share/man/man5/keyway.toml.5.gz share/man/man8/libkeyway_pkcs11.8.gz share/bash-completion/completions/keyway \
        share/zsh/site-functions/_keyway share/fish/vendor_completions.d/keyway.fish; do
        [ -s "$prefix/$file" ] || missing="$missing $file"
    done
    echo "missing:$missing"
    [ -z "$missing" ] && [ "$(stat -c %a "$prefix/bin/keyway" "$prefix/lib/pkcs11/libkeyway_pkcs11.so" "$work/etc/keyway/keyway.toml" | paste -sd ' ')" = "755 644 644" ]
}
check "every file is in its place" installed
pages() {
    local page
    for page in "$prefix"/share/man/man*/*.gz; do
        zcat "$page" | groff -mandoc -Tascii -ww > "$work/page" 2> "$work/warnings"
        [ -s "$work/page" ] && [ ! -s "$work/warnings" ] || { echo "$page"; cat "$work/warnings"; return 1; }
    done
    zcat "$prefix/share/man/man1/keyway.1.gz" | grep -q 'rotate, suspend, revoke'
}
check "the manual pages are well formed" pages
bash_completes() {
    bash --norc -c '
        . "$1"
        COMP_WORDS=(keyway token "") COMP_CWORD=2
        _keyway keyway "" token
        printf "%s\n" "${COMPREPLY[@]}"' bash "$prefix/share/bash-completion/completions/keyway"
}
check "bash completes keyway token" says "^change-pin$" bash_completes
check "a changed configuration is there" eval 'echo "token_dir = \"$work/tokens\"" >> "$work/etc/keyway/keyway.toml" && cp "$work/etc/keyway/keyway.toml" "$work/before"'
again() { make $places install && cmp "$work/before" "$work/etc/keyway/keyway.toml"; }
check "installing again leaves it alone" again

# From here on nothing but what is installed.
export KEYWAY_CONF=$work/etc/keyway/keyway.toml
unset KEYWAY_MODULE KEYWAY_TOKEN
key() { "$prefix/bin/keyway" --token test --pin-file "$work/pin" "$@"; }
init() { KEYWAY_PIN_FILE=$work/pin KEYWAY_SO_PIN_FILE=$work/so-pin "$prefix/bin/keyway" token init --label test; }
check "keyway makes a token with the installed module" says "token test initialised" init
check "and a key" key key create web --algorithm ec-p256 --use sign
modes() { stat -c '%a %G' "$work"/tokens/* | sort -u | tee "$work/modes"; [ "$(cat "$work/modes")" = "640 $service_group" ]; }
check "its files are for the group to read" modes

# as USER COMMAND...: with p11-kit's configuration of this test, and a PIN.
chmod -R a+rX "$work/usr" "$work/etc" "$work/config"
as() {
    local who=$1
    shift
    local settings="XDG_CONFIG_HOME=$work/config KEYWAY_CONF=$KEYWAY_CONF GNUTLS_PIN=$pin"
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$who" -- env $settings "$@"
    else
        env $settings "$@"
    fi
}
check "p11-kit lists the module for $service_user" says "token: test" as "$service_user" p11-kit list-modules
key_url="pkcs11:token=test;object=web;type=private"
check "$service_user signs through p11-kit" says "Verifying against private key parameters... ok" \
    as "$service_user" p11tool --login --batch --test-sign "$key_url"
generate() { p11tool --login --batch --generate-privkey ecdsa --curve secp256r1 --label "$1" --id "$2" --outfile /dev/null "pkcs11:token=test"; }
export -f generate
if [ "$(id -u)" = 0 ]; then
    makes() { as "$1" bash -c 'generate "$1" "$2"' bash "$2" "$3"; }
    check "$service_user, who may only read, makes no key" refuse makes www-data theirs 11
    outside() { as nobody p11-kit list-modules > "$work/list" 2>&1; cat "$work/list"; ! grep -q "token: test" "$work/list"; }
    check "a user outside the group finds no token" outside
    check "and signs nothing" refuse as nobody p11tool --login --batch --test-sign "$key_url"
    check "nor reads a file" refuse as nobody cat "$work/tokens/token-1.db"

    # A directory of 2770, and a token that a member of the group makes.
    shared() {
        mkdir "$work/shared" && chgrp www-data "$work/shared" && chmod 2770 "$work/shared" &&
            echo "token_dir = \"$work/shared\"" > "$KEYWAY_CONF" &&
            as www-data pkcs11-tool --module "$prefix/lib/pkcs11/libkeyway_pkcs11.so" --init-token --slot 1 --label test --so-pin $so_pin &&
            as www-data pkcs11-tool --module "$prefix/lib/pkcs11/libkeyway_pkcs11.so" --token-label test --init-pin --login --login-type so --so-pin $so_pin --pin $pin
    }
    check "in a directory of 2770 a member of the group makes a token" shared
    check "and a key" makes www-data theirs 11
    check "which root uses" says "object=theirs" p11tool --provider "$prefix/lib/pkcs11/libkeyway_pkcs11.so" --list-all "pkcs11:token=test"
    all_modes() { [ "$(stat -c '%a %G' "$work"/shared/* | sort -u)" = "660 www-data" ]; }
    check "its files are for the group to read and write" all_modes
fi

uninstalled() { make $places uninstall && [ "$(find "$prefix" "$work/config" -type f | wc -l)" = 0 ] && [ -s "$KEYWAY_CONF" ]; }
check "make uninstall leaves the configuration and nothing else" uninstalled

# The Debian package, unpacked.
check "make builds a Debian package" make PROFILE=$as_cargo_says deb
deb=$(ls -t target/keyway_*.deb | head -n 1)
in_the_package() {
    dpkg-deb -x "$deb" "$work/deb" && dpkg-deb -e "$deb" "$work/control" && cat "$work/control/control" &&
        grep -qx /etc/keyway/keyway.toml "$work/control/conffiles" && [ -x "$work/control/postinst" ] &&
        [ -z "$(dpkg-deb -c "$deb" | grep -v ' root/root ')" ] &&
        ls "$work/deb/$(sed 's/^module: //' "$work/deb/usr/share/p11-kit/modules/keyway.module")"
}
check "it has the module where its p11-kit file says" in_the_package
runs() { "$work/deb/usr/bin/keyway" --version && KEYWAY_CONF=$KEYWAY_CONF "$work/deb/usr/bin/keyway" --module "$work"/deb/usr/lib/*/pkcs11/libkeyway_pkcs11.so token list; }
check "what it holds runs" runs
