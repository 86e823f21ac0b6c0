#!/usr/bin/env bash
# The Rust framework and its engine as WebAssembly, peers of the host in web/:
#
#     bench/web/rust/build.sh OUT_DIR
#
# Puts them into OUT_DIR with the modules of JavaScript that make engines of them for bench/web/measure.mjs: wasmi_plugin.js,
# wasmi.js. Needs a Rust with the target wasm32-unknown-unknown, or with the source of its standard library, as Debian's
# rustc-web, cargo-web and rust-web-src are; installs no Rust. Exits with 77, and says so, where there is none. cargo gets the
# packages of Cargo.lock. The first time takes some minutes.
out=${1:?usage: bench/web/rust/build.sh OUT_DIR}
mkdir -p "$out"
out=$(cd "$out" && pwd)
source "$(dirname "$0")/../../../scripts/common.sh"

target=wasm32-unknown-unknown
if ! find_rust $target; then
    say "The Rust framework is left out: there is no Rust for $target (apt-get install rustc-web cargo-web rust-web-src)"
    exit 77
fi
options=() linker=
if [ "$standard_library" = source ]; then
    options=(-Zbuild-std=std,panic_abort)
    linker=-Clinker=wasm-ld-19
    install_missing lld-19
fi
say "The Rust framework as WebAssembly, by $("$rustc" --version): $(grep -c '^name' bench/web/rust/Cargo.lock) packages"

# run_cargo COMMAND PACKAGE [ARGUMENT]...
run_cargo() {
    local command=$1 package=$2
    shift 2
    RUSTC=$rustc "$cargo" "$command" --quiet --locked --manifest-path bench/web/rust/Cargo.toml \
        --target-dir "$out/cargo" --package "wplug-web-$package" "$@"
}

# build PACKAGE: with vectors and without tail calls, as the host has them. With tail calls it was not measured.
build() {
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$linker -Ctarget-feature=+simd128" \
        run_cargo build "$1" --release --target $target ${options[@]+"${options[@]}"}
}

modules=$out/cargo/$target/release
build framework
cp "$modules/wplug_web_framework.wasm" "$out/framework.wasm"
run_cargo run bindings -- "$out/framework.wasm" "$out"
rm "$out/framework.wasm"
build engine
cp "$modules/wplug_web_engine.wasm" "$out/engine.wasm"
cp bench/web/rust/*.js "$out"
