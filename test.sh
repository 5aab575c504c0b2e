#!/usr/bin/env bash
# Installs what the tests need and runs them: formatting, lints, every test on Keyway's token and
# on SoftHSM2. `--full` adds what takes long. No network but 127.0.0.1.
set -euo pipefail
cd "$(dirname "$0")"
. .ci/prerequisites.sh

full=
case "${1:-}" in
    "") ;;
    --full) full=1 ;;
    *) die "usage: ./test.sh [--full]" ;;
esac

need_rust
need_packages \
    age \
    apache2-bin \
    binutils \
    build-essential \
    ca-certificates \
    chromium \
    curl \
    dbus-daemon \
    firefox-esr \
    gdb \
    gnutls-bin \
    groff-base \
    libengine-pkcs11-openssl \
    libglib2.0-0 \
    libitm1 \
    libnss3-tools \
    libpcre2-8-0 \
    libseccomp2 \
    libsqlite3-0 \
    libwrap0 \
    libyaml-0-2 \
    make \
    nodejs \
    openjdk-17-jdk-headless \
    opensc \
    openssh-client \
    openssl \
    p11-kit \
    procps \
    python3 \
    python3-cryptography \
    python3-venv \
    softhsm2 \
    time
# These would start services, or need what does; apache2-bin has none.
unpack_packages target/programs nginx openssh-server stunnel4 \
    libopencryptoki0 opencryptoki \
    libtpm2-pkcs11-1 libtpms0 libtss2-esys-3.0.2-0 libtss2-mu0 libtss2-rc0 libtss2-sys1 \
    libtss2-tcti-swtpm0 libtss2-tcti-tabrmd0 libtss2-tctildr0 swtpm swtpm-libs tpm2-abrmd
# Debian's package conflicts with a Node from elsewhere, which brings its own.
command -v npm >/dev/null || need_packages npm

say "== formatting and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --quiet -- --deny warnings

say "== the client's tests; beside them the programs, then the module's tests"
cargo build --workspace --quiet
cargo test --workspace --quiet --no-run
tests/prepare-programs.sh
# Whoever waits for something that never comes is named by the last lines.
tests() { timeout 3600 cargo test --quiet --no-fail-fast "$@"; }
beside() {
    local failed=0
    tests/programs.sh debug > target/programs.log 2>&1 || failed=1
    tests --workspace --exclude keyway > target/module.log 2>&1 || failed=1
    return $failed
}
# In a group of its own, which ends with this script.
set -m
beside < /dev/null &
beside=$!
set +m
trap 'kill -- -$beside 2> /dev/null || :' EXIT
tested=0
tests --package keyway || tested=$?
worked=0
wait $beside || worked=$?
trap - EXIT
cat target/programs.log target/module.log
[ $tested = 0 ] || die "tests of the client failed: see above the programs"
[ $worked = 0 ] || die "programs or tests of the module failed: see above"

if [ -n "$full" ]; then
    if [ "$(id -u)" = 0 ]; then
        say "== programs of Debian trixie"
        need_packages debootstrap
        tests/prepare-programs.sh trixie
        tests/programs.sh debug trixie
    else
        say "not root: the programs of Debian trixie are left out"
    fi
    say "== the quickstart, and the suites on the optimised module that it built"
    ./quickstart.sh
    export KEYWAY_TEST_MODULE=$PWD/target/release/libkeyway_pkcs11.so
    # With the module's suite on slots that bridge to other modules, and a minute of faults.
    KEYWAY_TEST_BRIDGES=1 KEYWAY_TEST_LONG=1 cargo test --workspace --profile optimised --quiet
    say "== every bit of a token's files, flipped"
    cargo test --workspace --profile optimised --quiet --test store flips -- --ignored --nocapture
fi
say "all tests passed"
