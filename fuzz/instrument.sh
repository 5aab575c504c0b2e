#!/bin/sh
# rustc for cargo (RUSTC_WRAPPER): what is under test reports to libFuzzer which branches it takes;
# everything else is compiled as the main workspace compiles it.
case " $* " in
    *" --crate-name keyway_pkcs11 "* | *" --crate-name keyway "*)
        exec "$@" -Cpasses=sancov-module \
            -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
esac
exec "$@"
