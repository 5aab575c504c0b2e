#!/usr/bin/env bash
# Installs under target/programs what tests/programs.sh needs beside Debian packages: the Python
# and Node packages, in the versions that requirements.txt and package-lock.json name. Needs a
# network only when those have changed.
#
#   tests/prepare-programs.sh [trixie]     with trixie: also a folder of that Debian; needs root
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p target/programs

wanted=tests/programs/python/requirements.txt
place=target/programs/python
if ! cmp -s "$wanted" "$place/requirements.txt"; then
    rm -rf "$place"
    /usr/bin/python3 -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
    cp "$wanted" "$place"
fi

wanted=tests/programs/node/package-lock.json
place=target/programs/node
if ! cmp -s "$wanted" "$place/installed"; then
    rm -rf "$place"
    mkdir "$place"
    cp tests/programs/node/package.json "$wanted" "$place"
    # Builds one package against the headers of the installed Node, where they are.
    [ ! -e /usr/include/node/node.h ] || export npm_config_nodedir=/usr
    npm ci --prefix "$place" --silent --no-audit --no-fund
    cp "$wanted" "$place/installed"
fi

[ "${1:-}" = trixie ] || exit 0
place=target/programs/trixie
if [ ! -e "$place/installed" ]; then
    rm -rf "$place"
    debootstrap --variant=minbase --include=ca-certificates,nginx-light,openssl,pkcs11-provider \
        trixie "$place" > target/programs/trixie.log 2>&1 || { tail target/programs/trixie.log; exit 1; }
    touch "$place/installed"
fi
