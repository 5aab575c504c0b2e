#!/usr/bin/env bash
# Our module, SoftHSM2, NSS softoken, Kryoptic and bare AWS-LC at the same work in one run, then
# SoftHSM2 through our bridge and directly; prints tables of ratios and draws the first as
# target/compare.svg.
#
#   benches/compare.sh [PART...]
#
# Parts, all but the last if none is named: operations generation full bridge many. `many` fills a
# token of ours with KEYS keys in memory (1000000 unless KEYS says otherwise), which takes minutes,
# and has five programs start on it: medians.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/prerequisites.sh
need_rust
need_packages build-essential libnss3 libnss3-tools softhsm2 opensc
[ $# != 0 ] || set -- operations generation full bridge

cargo build --release --quiet --package keyway-pkcs11
cargo bench --quiet --package keyway-pkcs11 --bench compare --no-run
work=$(mktemp -d)
memory=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work" "$memory"' EXIT
export COMPARE_KEYWAY=$PWD/target/release/libkeyway_pkcs11.so COMPARE_CHART=$PWD/target/compare.svg
softhsm=$(dpkg -L libsofthsm2 | grep '/softhsm/libsofthsm2.so$' | head -n 1)

# part NAME [KEYS [WRAPPER...]]
part() {
    COMPARE_PART=$1 COMPARE_KEYS=${2:-0} COMPARE_SOFTHSM=$softhsm \
        "${@:3}" cargo bench --quiet --package keyway-pkcs11 --bench compare
}

# tokens DIR: a token of ours and one of SoftHSM2 below it.
tokens() {
    printf 'token_dir = "%s"\n' "$1/tokens" > "$1/keyway.toml"
    export KEYWAY_CONF=$1/keyway.toml
    local ours="pkcs11-tool --module $COMPARE_KEYWAY --so-pin 12345678"
    $ours --init-token --slot 1 --label compare > /dev/null
    $ours --token-label compare --init-pin --login --login-type so --pin 123456 > /dev/null
    eval "$(softhsm/new-token.sh "$1/softhsm" compare 2> /dev/null)"
}

nss() {
    mkdir "$work/nss"
    printf 123456 > "$work/pin"
    certutil -N -d "sql:$work/nss" -f "$work/pin"
    COMPARE_NSS=$(dpkg -L libnss3 | grep '/libsoftokn3.so$' | head -n 1)
    COMPARE_NSS_PARAMETERS="configdir='sql:$work/nss' certPrefix='' keyPrefix='' secmod='secmod.db'"
    COMPARE_NSS_PARAMETERS="$COMPARE_NSS_PARAMETERS flags= tokens=<0x2=[tokenDescription='compare']>"
    export COMPARE_NSS COMPARE_NSS_PARAMETERS
}

# Kryoptic from the crate registry, with what it can do over the OpenSSL of this system.
kryoptic() {
    need_packages libclang1-14 libsqlite3-dev libssl-dev pkg-config
    mkdir -p target/kryoptic
    cat > target/kryoptic/Cargo.toml <<'END'
[package]
name = "kryoptic-module"
version = "0.0.0"
edition = "2024"
[lib]
path = "lib.rs"
crate-type = ["cdylib"]
[dependencies]
kryoptic-lib = { version = "=1.5.4", default-features = false, features = ["minimal", "dynamic"] }
[workspace]
END
    cat > target/kryoptic/lib.rs <<'END'
use kryoptic_lib::pkcs11::{CK_FUNCTION_LIST_PTR_PTR, CK_RV};
#[unsafe(no_mangle)]
pub extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    kryoptic_lib::fns::general::fn_get_function_list(list)
}
END
    LIBCLANG_PATH=/usr/lib/llvm-14/lib BINDGEN_EXTRA_CLANG_ARGS=-I$(gcc -print-file-name=include) \
        cargo build --release --quiet --manifest-path target/kryoptic/Cargo.toml || return
    local built=$PWD/target/kryoptic/target/release/libkryoptic_module.so
    export KRYOPTIC_CONF=$work/kryoptic.toml
    printf '[[slots]]\nslot = 1\ndbtype = "sqlite"\ndbargs = "%s"\n' "$work/kryoptic.sql" \
        > "$KRYOPTIC_CONF"
    local theirs="pkcs11-tool --module $built --so-pin 12345678"
    $theirs --init-token --slot 1 --label compare > /dev/null || return
    $theirs --slot 1 --init-pin --login --login-type so --pin 123456 > /dev/null || return
    export COMPARE_KRYOPTIC=$built
}

# The same SoftHSM2 token through the bridge: its module is copied, for one loaded twice is one.
bridge() {
    cp "$softhsm" "$work/inner.so"
    cat > "$work/bridge.toml" <<END
token_dir = "$work/none"
[[slot]]
id = 1
backend = "bridge"
module = "$work/inner.so"
token = "compare"
profile = "softhsm2"
END
    echo
    KEYWAY_CONF=$work/bridge.toml part bridge 1000
}

# The median of each column.
medians() {
    python3 -c 'import sys
print(*(sorted(column, key=float)[len(column) // 2] for column in zip(*map(str.split, sys.stdin))))'
}

many() {
    need_packages python3
    echo
    echo "| AES-256 keys in the token | load, C_Initialize, session | C_Login | find, encrypt | find by CKA_ID, CPU: first, again | memory |"
    echo "|---|---|---|---|---|---|"
    for keys in 10 10000 ${KEYS:-1000000}; do
        part fill "$keys"
        for _ in 1 2 3 4 5; do part many "$keys"; done | medians | while read -r keys opened login used first again resident; do
            echo "| $keys | $opened ms | $login ms | $used ms | $first µs, $again µs | $resident MiB |"
        done
    done
}

tokens "$work"
for one; do
    case "$one" in
        operations)
            nss
            kryoptic || say "without Kryoptic, which does not build or start here: see above"
            part operations
            ;;
        generation)
            COMPARE_PLACE="on the disk" part generation
            tokens "$memory"
            cc -shared -fPIC -o "$work/slow_disk.so" benches/slow_disk.c
            COMPARE_PLACE="where a flush takes 2 ms" part generation 0 \
                env LD_PRELOAD="$work/slow_disk.so"
            COMPARE_PLACE="in memory (tmpfs)" part generation
            rm -rf "${memory:?}"/*
            export KEYWAY_CONF=$work/keyway.toml SOFTHSM2_CONF=$work/softhsm/softhsm2.conf
            ;;
        full) part full 10000 ;;
        bridge) bridge ;;
        many) tokens "$memory"; many ;;
        *) die "no part $one: operations generation full bridge many" ;;
    esac
done
