#!/usr/bin/env bash
# Compares the engine with wasmtime on generated modules (tests/differential/README.md). Needs cargo.
#
#     scripts/differential.sh [COUNT] [SEED]      COUNT modules (50000), the first of seed SEED (1)
#     scripts/differential.sh --file FILE [SEED]  one module, run as that of SEED would be
#
# A module that differs is left in build/differential/ as SEED.wasm, with what differs in SEED.txt. Exits with 0 where
# nothing differs.
source "$(dirname "$0")/common.sh"

command -v cargo >/dev/null 2>&1 || fail "cargo is not there: differential tests need Rust"
results=$PWD/build/differential
run_cmake_build release wplug_engine_side
export WPLUG_ENGINE_SIDE=$PWD/build/release/tests
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$results/cargo}
cargo build --quiet --release --locked --manifest-path tests/differential/Cargo.toml
program=$CARGO_TARGET_DIR/release/wplug-differential

if [ "${1:-}" = --file ]; then
    exec "$program" --file "$2" "${3:-1}"
fi
status=0
"$program" "${1:-50000}" "${2:-1}" "$results" || status=$?
if [ -f "$results/current-seed" ]; then
    fail "it stopped in the middle of seed $(cat "$results/current-seed")"
fi
exit $status
