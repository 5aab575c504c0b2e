#!/bin/sh
# A fresh SoftHSM2 token in DIR, labelled LABEL, and the line that makes a shell use it:
#
#   eval "$(softhsm/new-token.sh /tmp/demo demo)"
#
# The configuration is pinned and lies in DIR; the user's own is neither read nor written.
# SO_PIN and USER_PIN in the environment choose the PINs (12345678 and 123456 otherwise).
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 DIR LABEL" >&2
    exit 2
fi
if ! command -v softhsm2-util >/dev/null; then
    echo "$0: softhsm2-util not found: apt install softhsm2" >&2
    exit 1
fi

mkdir -p "$1/tokens"
directory=$(cd "$1" && pwd)
cat > "$directory/softhsm2.conf" <<CONF
directories.tokendir = $directory/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
CONF

SOFTHSM2_CONF=$directory/softhsm2.conf
export SOFTHSM2_CONF
softhsm2-util --init-token --free --label "$2" \
    --so-pin "${SO_PIN:-12345678}" --pin "${USER_PIN:-123456}" >&2
printf 'export SOFTHSM2_CONF=%s\n' "'$SOFTHSM2_CONF'"
