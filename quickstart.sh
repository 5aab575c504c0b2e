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

docs/tour.sh --in demo text letter agree rotate revoke openssl authority

demo=$PWD/demo
printf '\n== What you need next:\n'
cat <<NEXT
export KEYWAY_CONF=$demo/keyway.toml KEYWAY_TOKEN=demo KEYWAY_PIN_FILE=$demo/pin
target/release/keyway key list                      # the keys of the demonstration token
target/release/keyway key create NAME --algorithm aes-256
target/release/keyway --help                        # everything else, with examples
pkcs11-tool --module target/release/libkeyway_pkcs11.so -L -O    # or any other PKCS#11 program
NEXT
