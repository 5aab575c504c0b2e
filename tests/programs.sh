#!/usr/bin/env bash
# Real programs on the module. Every subject is one file in tests/programs/, runs on a fresh token
# of its own, and prints one line a check; what a program made is checked by another one that has
# no part in the token.
#
#   tests/programs.sh [debug|optimised|release] [SUBJECT...]      without a subject: all but the slow ones
set -u
cd "$(dirname "$0")/.."
profile=${1:-debug}
[ $# = 0 ] || shift
slow=" trixie "

subjects=$*
if [ -z "$subjects" ]; then
    for file in tests/programs/*.sh; do
        subject=$(basename "$file" .sh)
        case "$subject" in common) continue ;; esac
        case "$slow" in *" $subject "*) continue ;; esac
        subjects="$subjects $subject"
    done
fi

failed=
for subject in $subjects; do
    echo "-- $subject"
    SECONDS=0
    (
        . tests/programs/common.sh
        . "tests/programs/$subject.sh"
        summary "$subject"
    ) || failed="$failed $subject"
    echo "   $SECONDS s"
done
[ -z "$failed" ] || { echo "programs that failed:$failed"; exit 1; }
echo "all programs passed"
