#!/usr/bin/env bash
# Our module, SoftHSM2 and bare AWS-LC at the same work in one run, then SoftHSM2 through our bridge
# and directly; prints tables of ratios.
#
#   benches/compare.sh [KEYS]      how many keys fill the token (10000; 0 leaves that part out)
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/prerequisites.sh
need_rust
need_packages build-essential softhsm2 opensc

cargo build --release --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'token_dir = "%s"\n' "$work/tokens" > "$work/keyway.toml"
export KEYWAY_CONF=$work/keyway.toml
COMPARE_KEYWAY=$PWD/target/release/libkeyway_pkcs11.so
COMPARE_SOFTHSM=$(dpkg -L libsofthsm2 | grep '/softhsm/libsofthsm2.so$' | head -n 1)
COMPARE_KEYS=${1:-10000}
export COMPARE_KEYWAY COMPARE_SOFTHSM COMPARE_KEYS
eval "$(softhsm/new-token.sh "$work/softhsm" compare 2>/dev/null)"
pkcs11-tool --module "$COMPARE_KEYWAY" --init-token --slot 1 --label compare --so-pin 12345678 >/dev/null
pkcs11-tool --module "$COMPARE_KEYWAY" --token-label compare --init-pin --login --login-type so \
    --so-pin 12345678 --pin 123456 >/dev/null
cargo bench --quiet -p keyway-pkcs11 --bench compare

# The same SoftHSM2 token through the bridge: its module is copied, for one loaded twice is one.
cp "$COMPARE_SOFTHSM" "$work/inner.so"
cat > "$work/keyway.toml" <<END
token_dir = "$work/none"
[[slot]]
id = 1
backend = "bridge"
module = "$work/inner.so"
token = "compare"
profile = "softhsm2"
END
echo
COMPARE_BRIDGED=$COMPARE_KEYWAY COMPARE_KEYS=$((COMPARE_KEYS < 1000 ? COMPARE_KEYS : 1000)) \
    cargo bench --quiet -p keyway-pkcs11 --bench compare
