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
    binutils \
    build-essential \
    ca-certificates \
    chromium \
    curl \
    firefox-esr \
    gnutls-bin \
    libengine-pkcs11-openssl \
    libnss3-tools \
    nodejs \
    openjdk-17-jdk-headless \
    opensc \
    openssl \
    python3 \
    softhsm2

say "== formatting and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --quiet -- --deny warnings

say "== tests"
cargo build --workspace --quiet
cargo test --workspace --quiet

say "== programs"
tests/programs.sh debug

if [ -n "$full" ]; then
    say "== the same, optimised, and the quickstart"
    cargo test --workspace --release --quiet
    ./quickstart.sh
fi
say "all tests passed"
