#!/usr/bin/env bash
# Tests that wplug and others work together: the Rust framework of the crates wasmi-plugin-hdk and
# wasmi-plugin-pdk, whose host runs plugins of the C kit and whose plugins run here, and plugins in Go and
# AssemblyScript without a kit.
#
# Builds them into build/release/interop. Rust is installed where it is missing (Debian 12, root or sudo); Go
# (1.21 or later) and AssemblyScript (npm) are left out, and their tests skipped, where they are not there.
# The registries of crates and npm packages are asked for the versions in the lock files. Arguments go to
# CMake.
source "$(dirname "$0")/common.sh"

out=$PWD/build/release/interop
mkdir -p "$out"

# build_rust_plugin NAME: plugins/NAME. Without a compiled standard library for the target, that is built too,
# and linked with Debian's C library, as what rustup brings has it in itself.
build_rust_plugin() {
    local options=() flags=()
    if [ "$standard_library" = source ]; then
        clang-19 --target=wasm32-wasi -O2 -c -o "$out/no_threads.o" tests/interop/no_threads.c
        options=(-Zbuild-std=std,panic_abort)
        flags=(-Clinker=wasm-ld-19 -Clink-self-contained=no -L/usr/lib/wasm32-wasi
               -Clink-arg=/usr/lib/wasm32-wasi/crt1-command.o "-Clink-arg=$out/no_threads.o")
    fi
    RUSTC=$rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="${flags[*]}" \
        "$cargo" build --quiet --release --locked --target wasm32-wasip1 --target-dir "$out/cargo" \
        --manifest-path "plugins/$1/Cargo.toml" ${options[@]+"${options[@]}"}
    cp "$out/cargo/wasm32-wasip1/release/$1.wasm" "$out/$1.wasm"
}

build_rust_host() {
    RUSTC=$rustc "$cargo" build --quiet --release --locked --target-dir "$out/cargo" \
        --manifest-path tests/interop/host/Cargo.toml
    cp "$out/cargo/release/interop-host" "$out/interop-host"
}

build_go_plugin() {
    local version
    version=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    if [ "${version:-0}" -lt 21 ]; then
        say "Go 1.21 or later is not there: go-hello is left out"
        return
    fi
    say "Building go-hello"
    (cd plugins/go-hello &&
        GOTOOLCHAIN=local GOOS=wasip1 GOARCH=wasm go build -trimpath -ldflags=-s -o "$out/go-hello.wasm" .)
}

build_assemblyscript_plugin() {
    local version
    version=$(node --version 2>/dev/null | sed -nE 's/^v([0-9]+).*/\1/p')
    if [ "${version:-0}" -lt 20 ] || ! command -v npm >/dev/null 2>&1; then
        say "node 20 or later and npm are not there: assemblyscript-hello is left out"
        return
    fi
    say "Building assemblyscript-hello"
    local folder=$out/assemblyscript-hello
    mkdir -p "$folder"
    cp plugins/assemblyscript-hello/* "$folder"
    (cd "$folder" && npm ci --silent --no-audit --no-fund && npm run --silent build)
    cp "$folder/assemblyscript-hello.wasm" "$out"
}

rm -f "$out"/*.wasm "$out/interop-host"
install_missing "${TEST_PACKAGES[@]}"
if ! find_rust wasm32-wasip1; then
    install_missing rustc-web cargo-web rust-web-src
    find_rust wasm32-wasip1 || fail "there is no Rust with the target wasm32-wasip1 or the source of its standard library"
fi
say "Building the Rust host with $("$rustc" --version)"
build_rust_host
say "Building rust-test-plugin"
build_rust_plugin rust-test-plugin
build_go_plugin
build_assemblyscript_plugin
run_cmake_build release all -DWPLUG_INTEROP=ON "$@"
say "Testing"
ctest --preset release --parallel "$(nproc)" --label-regex '^interop$' </dev/null
