# Builds the fuzzer: `. fuzz/build.sh` in the root of the repository; then $FUZZER is the program.
# What target/debug has of the dependencies is taken over: they are the same, and need not be
# compiled twice.
fuzz_target=$PWD/target/fuzz
if [ ! -d "$fuzz_target/debug" ] && [ -d target/debug/deps ]; then
    mkdir -p "$fuzz_target/debug/deps"
    cp -a target/debug/build target/debug/.fingerprint "$fuzz_target/debug/"
    find target/debug/deps -maxdepth 1 \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' -o -name '*.d' \) \
        ! -name '*keyway*' -exec cp -al -t "$fuzz_target/debug/deps" {} +
fi
RUSTC_WRAPPER=$PWD/fuzz/instrument.sh CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$fuzz_target \
    cargo build --quiet --locked --manifest-path fuzz/Cargo.toml
FUZZER=$fuzz_target/debug/keyway-fuzz
