#!/usr/bin/env bash
# The module's tests under valgrind: no access to memory that is not there, no jump on a value that
# was never set, nothing lost. Every kind of operation (tests/growth.rs), then the suites over the C
# interface, on our module alone.
#
#   tests/valgrind.sh [PROFILE [SUITE...]]     PROFILE: dev (the default) or optimised
#
# What valgrind does not see: allocations of the engine and small secrets come from arenas of the
# module (provider/src/ffi/memory), which are one mapping to it. growth.rs counts their blocks.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/prerequisites.sh
need_rust
need_packages build-essential python3 softhsm2 valgrind

profile=${1:-dev}
shift || :
suites=("$@")
if [ ${#suites[@]} = 0 ]; then
    suites=(mechanism misuse growth functions operation login object find session general)
fi
chosen=(--test growth)
for suite in "${suites[@]}"; do chosen+=(--test "$suite"); done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo test --quiet --workspace --profile "$profile" --no-run --message-format=json \
    "${chosen[@]}" > "$work/built.json"
# The path of each test program.
tests/built.py keyway-pkcs11 < "$work/built.json" | cut -f 2 > "$work/programs"

unset KEYWAY_TEST_BRIDGES KEYWAY_TEST_LONG
# Tests of timing out, of forks and of what other processes do are not what valgrind looks at; a
# derivation of a PIN takes it a second, so there is one of everything that is costly.
export KEYWAY_TEST_TARGET=keyway KEYWAY_TEST_OPERATIONS=${KEYWAY_TEST_OPERATIONS:-2000}
# The token that all tests copy, made at full speed.
program() { grep "/$1-[0-9a-f]*$" "$work/programs"; }
KEYWAY_TEST_OPERATIONS=10 "$(program growth)" --quiet > "$work/prepared" || {
    cat "$work/prepared"
    die "the tests fail without valgrind"
}
# one SUITE: under valgrind, and a line of what came of it.
one() {
    local suite=$1 began=$SECONDS status=0 passed
    (cd provider && valgrind --quiet --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite \
        --suppressions=tests/valgrind.supp --num-callers=30 --log-file="$work/$suite.log" \
        "$(program "$suite")" --test-threads=1 > "$work/$suite.out" 2>&1) || status=$?
    passed=$(sed -n 's/^test result: [^0-9]*\([0-9]*\) passed.*/\1/p' "$work/$suite.out")
    if [ $status = 0 ] && [ ! -s "$work/$suite.log" ]; then
        say "valgrind: $suite: ${passed:-0} tests, no error, $((SECONDS - began)) s"
    else
        tail -n 40 "$work/$suite.out"
        head -n 120 "$work/$suite.log"
        say "valgrind: $suite: exit $status"
        return 1
    fi
}
# As many at once as there are processors: valgrind has one thread run at a time.
failed=
for suite in "${suites[@]}"; do
    if [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; then wait -n || failed=1; fi
    one "$suite" &
done
while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
[ -z "$failed" ] || die "valgrind found something"
