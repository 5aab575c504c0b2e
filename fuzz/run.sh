#!/usr/bin/env bash
# Fuzzing. Builds the fuzzer and runs every target, or those that are named, which share the
# minutes. Prints for each how many inputs were run, how many C calls they made and what was found;
# fails if anything was. What is found lies in target/fuzz/found.
#
#   fuzz/run.sh MINUTES [TARGET...]
#   fuzz/run.sh --short        a minute and a half, the proof included: what ./test.sh runs
#   fuzz/run.sh --prove        shows that planted faults are found
#   fuzz/run.sh --soak MINUTES whether memory grows
#   fuzz/run.sh --keep         puts what earlier runs learned into fuzz/corpus, as little as will do
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '6,10s/^# *//p' fuzz/run.sh >&2; exit 2; }
[ $# -ge 1 ] || usage

. fuzz/build.sh
work=$PWD/target/fuzz
found=$work/found
mkdir -p "$found" "$work/corpus" "$work/logs"

# The sequences are what matters most.
share() {
    case "$1" in
        calls) echo 8 ;;
        calls-on-files | threads) echo 3 ;;
        *) echo 1 ;;
    esac
}

longest() {
    case "$1" in
        received | der | configuration) echo 4096 ;;
        *) echo 768 ;;
    esac
}

# One target for so many seconds; its log beside. Inputs are chosen without weighing what they have
# that is rare (-entropic): for sequences of calls the weighing takes longer than the calls.
fuzz() {
    local target=$1 seconds=$2 status=0
    mkdir -p "$work/corpus/$target" "fuzz/corpus/$target"
    "$FUZZER" "$target" "$work/corpus/$target" "fuzz/corpus/$target" -seed="$seed" -entropic=0 \
        -max_total_time="$seconds" -timeout=600 -rss_limit_mb=2048 -max_len="$(longest "$target")" \
        -artifact_prefix="$found/$target-" -print_final_stats=1 -verbosity=0 \
        > "$work/logs/$target" 2>&1 || status=$?
    return $status
}

number() { sed -n "s/^$2: *\([0-9]*\).*/\1/p" "$work/logs/$1" | tail -1; }

# one TARGET SECONDS: its line of the table.
one() {
    local target=$1 finding=nothing
    fuzz "$target" "$2" || finding=SOMETHING
    printf '%-16s %12s %14s  %s\n' "$target" \
        "$(number "$target" stat::number_of_executed_units)" \
        "$(number "$target" c-calls)" "$finding"
    [ $finding = nothing ] || { grep -v '^stat::' "$work/logs/$target" | tail -30; return 1; }
}

# run LANES SECONDS TARGET...: so many at once.
run() {
    local lanes=$1 seconds=$2 target all=0 failed=0
    shift 2
    for target in "$@"; do all=$((all + $(share "$target"))); done
    printf '%-16s %12s %14s  %s\n' target inputs 'C calls' found
    for target in "$@"; do
        if [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; then wait -n || failed=1; fi
        one "$target" $((lanes * seconds * $(share "$target") / all + 1)) &
    done
    while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
    return $failed
}

# Each fault is planted in the fuzzer, not in the module, and named by what has to be said of it.
prove() {
    local fault words log=$work/logs/fault failed=0
    while read -r fault words; do
        rm -rf "$work/faulty"
        mkdir "$work/faulty"
        if KEYWAY_FUZZ_FAULT=$fault "$FUZZER" calls "$work/faulty" fuzz/corpus/calls \
            -runs=1000000 -max_len=768 -artifact_prefix="$work/faulty/" -verbosity=0 > "$log" 2>&1; then
            echo "the planted fault $fault was NOT found"
            failed=1
        elif ! grep -q "$words" "$log"; then
            echo "the planted fault $fault ended otherwise:"
            tail -5 "$log"
            failed=1
        else
            echo "the planted fault $fault was found: $words"
        fi
    done << 'FAULTS'
answer the model differs: C_SignUpdate
state the model differs: C_Sign
handle the model differs
row not in its row
overrun deadly signal
leak a leak
FAULTS
    return $failed
}

# 0: another one at each run.
seed=0
mapfile -t every < <("$FUZZER" --targets)
case "$1" in
    --prove) prove ;;
    --short)
        prove
        seed=1
        run 1 75 "${every[@]}"
        ;;
    --soak)
        for target in calls threads; do
            "$FUZZER" --soak $((${2:-10} * 30)) $target fuzz/corpus/$target
        done
        ;;
    --keep)
        for target in "${every[@]}"; do
            small=$work/small/$target
            rm -rf "$small"
            mkdir -p "$small" "$work/corpus/$target"
            "$FUZZER" "$target" -merge=1 -max_len="$(longest "$target")" -verbosity=0 "$small" \
                "fuzz/corpus/$target" "$work/corpus/$target" > /dev/null 2>&1
            # The smallest ones, up to 24 KiB a target.
            rm -rf "fuzz/corpus/$target"
            mkdir -p "fuzz/corpus/$target"
            size=0
            while read -r bytes name; do
                size=$((size + bytes))
                [ $size -le 24576 ] || break
                cp "$small/$name" "fuzz/corpus/$target/${name:0:12}"
            done < <(cd "$small" && stat -c '%s %n' -- * | sort -n)
            echo "$target: $(ls "fuzz/corpus/$target" | wc -l) inputs"
        done
        ;;
    *[!0-9]* | '') usage ;;
    *)
        minutes=$1
        shift
        [ $# -gt 0 ] || set -- "${every[@]}"
        run "$(nproc)" $((minutes * 60)) "$@"
        ;;
esac
