#!/usr/bin/env bash
# Installs what the tests need and runs them: formatting, lints, every test on Keyway's token and
# on SoftHSM2. `--full` has all of it in its long form on optimised programs, and more that takes
# long. No network but 127.0.0.1.
set -euo pipefail
cd "$(dirname "$0")"
. .ci/prerequisites.sh

full= profile=dev built=debug patience=1800
case "${1:-}" in
    "") ;;
    --full)
        full=1 profile=optimised built=optimised patience=5400
        # The module's suite also on slots that bridge to other modules; every point and every bit.
        export KEYWAY_TEST_BRIDGES=1 KEYWAY_TEST_LONG=1
        ;;
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
cargo fmt --manifest-path fuzz/Cargo.toml --check

say "== the client's tests and the programs; beside them the module's tests"
# One build of all: for a part of it cargo builds anew what that part wants less of.
cargo build --workspace --profile $profile --quiet --lib --bins --tests --examples --message-format=json \
    > target/build.json
tests/prepare-programs.sh
# tests PACKAGE...: their test programs. Whoever waits for something that never comes is named by
# the last lines.
tests() {
    local failed=0 directory program
    while IFS=$'\t' read -r directory program; do
        say "-- $(basename "${program%-*}")"
        (cd "$directory" && timeout $patience "$program" --quiet < /dev/null) || failed=1
    done < <(tests/built.py "$@" < target/build.json)
    return $failed
}
programs() { tests/programs.sh $built < /dev/null > target/programs.log 2>&1; }
# In its long form the module's suite alone takes longer than everything else.
beside() {
    local failed=0
    [ -n "$full" ] || programs || failed=1
    tests keyway-pkcs11 keyway-softhsm > target/module.log 2>&1 || failed=1
    return $failed
}
# In groups of their own, which end with this script. The fuzzer gets what nobody else takes.
set -m
beside < /dev/null &
beside=$!
{ [ -n "$full" ] || nice -n 15 fuzz/run.sh --short; } < /dev/null > target/fuzz.log 2>&1 &
fuzzing=$!
set +m
trap 'kill -- -$beside -$fuzzing 2> /dev/null || :' EXIT
tested=0
tests keyway || tested=$?
cargo test --workspace --profile $profile --quiet --doc || tested=$?
worked=0
[ -z "$full" ] || programs || worked=$?
wait $beside || worked=$?
fuzzed=0
wait $fuzzing || fuzzed=$?
trap - EXIT
cat target/programs.log target/module.log target/fuzz.log
[ $tested = 0 ] || die "tests of the client failed: see above the programs"
[ $worked = 0 ] || die "programs or tests of the module failed: see above the fuzzer"
[ $fuzzed = 0 ] || die "the fuzzer found something: see above, and target/fuzz/found"

if [ -n "$full" ]; then
    if [ "$(id -u)" = 0 ]; then
        say "== programs of Debian trixie"
        need_packages debootstrap
        tests/prepare-programs.sh trixie
        tests/programs.sh $built trixie
    else
        say "not root: the programs of Debian trixie are left out"
    fi
    say "== the module's suites under valgrind"
    tests/valgrind.sh $profile
    say "== every bit of a token's files, flipped"
    cargo test --workspace --profile $profile --quiet --test store flips -- --ignored --nocapture
    say "== fuzzing, and whether memory grows"
    fuzz/run.sh --prove
    fuzz/run.sh 20
    fuzz/run.sh --soak 2
    say "== the quickstart"
    ./quickstart.sh
fi
say "all tests passed"
