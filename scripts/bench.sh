#!/usr/bin/env bash
# Measures the engine and the host and compares them with their peers; bench/README.md tells what and how.
#
#     scripts/bench.sh engine [OPTION]...   kernels: wplug in each way to build it, and other engines
#     scripts/bench.sh load [OPTION]...     modules: time until they can run, memory, size of the library
#     scripts/bench.sh suspend [OPTION]...  what stopping and going on costs
#     scripts/bench.sh host [OPTION]...     calls: time, memory, and other plugin frameworks
#     scripts/bench.sh designs [OPTION]...  kernels: the engine and a prototype of the other design for interpreters
#     scripts/bench.sh web [OPTION]...      the host as WebAssembly, in browsers: kernels and calls
#     scripts/bench.sh small                the build for small devices, on 32-bit Arm: size, and memory of a call
#     scripts/bench.sh all [--quick] [--repetitions N]
#
# Options: --quick measures less; --repetitions N more or less (5). Of `engine`: --kernel NAME (repeatable),
# only these kernels, and --engine NAME (repeatable), only these columns; of `load`: --engine; of `suspend`,
# `designs` and `web`: --kernel; of `host` and `web`: --figure NAME (repeatable), only these; more of `web`: bench/web/measure.mjs.
# `all` is all but `designs`, `web` and `small`.
#
# Builds in build/bench and leaves its results there: engine.txt, .json and .svg, and so on. The peers need
# cargo, and the large modules need cargo with the target wasm32-wasip1, and go: what is missing is left out
# with a message.
source "$(dirname "$0")/common.sh"

command=${1:-}
case $command in
engine | load | suspend | host | designs | web | small | all) shift ;;
*) fail "usage: scripts/bench.sh engine|load|suspend|host|designs|web|small|all [OPTION]...: see the top of this file" ;;
esac

build=$PWD/build/bench
mkdir -p "$build"

# build_wplug NAME COMPILER TARGETS [CMAKE_OPTION...]: the bench program, optimised as the presets do it.
build_wplug() {
    local name=$1 compiler=$2 targets=$3
    shift 3
    cmake -G Ninja -S . -B "$build/$name" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DWPLUG_TESTS=OFF -DWPLUG_BENCH=ON "$@" >/dev/null
    # shellcheck disable=SC2086 # the targets are words
    cmake --build "$build/$name" --target $targets
}

build_kernels() {
    say "Kernels"
    bench/kernels/build.sh "$build/kernels"
}

# The other engines. $peers stays empty where they cannot be built.
peers=
build_peers() {
    if ! command -v cargo >/dev/null 2>&1; then
        say "cargo is not there: wasm3, wasmi, stitch, WAMR, tinywasm and wasmtime are left out"
        return
    fi
    say "Peers: $(grep -c '^name' bench/peers/Cargo.lock) packages, built for speed: minutes at first"
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$build/cargo}
    # wasm3 and WAMR are C, and wasm3 needs clang's tail calls. bindgen needs libclang.
    CC=clang-19 CFLAGS=-O3 LIBCLANG_PATH=$(llvm-config-19 --libdir) \
        cargo build --quiet --release --locked --manifest-path bench/peers/Cargo.toml
    peers=$CARGO_TARGET_DIR/release/peers
    check_peers
}

# The other plugin frameworks. $host_peers stays empty where they cannot be built.
host_peers=
build_host_peers() {
    if ! command -v cargo >/dev/null 2>&1; then
        say "cargo is not there: the other plugin frameworks are left out"
        return
    fi
    say "Other plugin frameworks: $(grep -c '^name' bench/host/peers/Cargo.lock) packages, minutes at first"
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$build/cargo}
    cargo build --quiet --release --locked --manifest-path bench/host/peers/Cargo.toml
    host_peers=$CARGO_TARGET_DIR/release/host_peers
}

# What kernels import must get the same answers from all, and a wrong result must not pass for a time.
check_peers() {
    local check engine
    mkdir -p "$build/checks"
    for check in imports wrong trap; do
        wat2wasm bench/checks/$check.wat -o "$build/checks/$check.wasm"
    done
    for engine in $("$peers" list | cut -f 1); do
        "$peers" run "$engine" "$build/checks/imports.wasm" 1 1 >/dev/null ||
            fail "$engine answers a kernel's imports in another way: see bench/checks/imports.wat"
        for check in wrong trap; do
            if "$peers" run "$engine" "$build/checks/$check.wasm" 2 1 >/dev/null 2>&1; then
                fail "$engine does not notice bench/checks/$check.wat"
            fi
        done
    done
}

# Kernels as native code: wasm to C to clang -O2. wasm2c knows no vectors, and nobody answers imports.
build_native() {
    local runtime=/usr/share/wabt/wasm2c
    if ! command -v wasm2c >/dev/null 2>&1 || [ ! -d $runtime ]; then
        say "wasm2c is not there: native code is left out"
        return
    fi
    say "Kernels as native code"
    mkdir -p "$build/native"
    export build runtime
    # shellcheck disable=SC2016 # the inner shell expands
    find "$build/kernels" -maxdepth 1 -name '*.wasm' ! -name '*_simd.wasm' -print0 |
        xargs -0 -P 2 -n 1 bash -c '
        name=$(basename "$1" .wasm)
        program=$build/native/$name
        cmp -s "$1" "$program.wasm" && exit
        rm -f "$program"
        work=$program.work
        mkdir -p "$work"
        if wasm-objdump -x -j Import "$1" 2>/dev/null | grep -q "func\["; then
            echo "$name: imports functions, no native code"
        else
            wasm2c -n kernel "$1" -o "$work/module.c" &&
                clang-19 -w -O2 -I "$work" -I "$runtime" -o "$program" bench/native.c \
                    "$work/module.c" "$runtime/wasm-rt-impl.c" -lm || echo "$name: no native code"
        fi
        cp "$1" "$program.wasm"
        rm -rf "$work"' native
}

# The modules to load: plugins, and a large one beside the kernels in Rust and Go.
build_modules() {
    cmake --build "$build/wplug" --target plugins
    mkdir -p "$build/modules"
    if command -v go >/dev/null 2>&1; then
        say "A large Go module"
        (cd bench/modules/go_packages &&
            GOOS=wasip1 GOARCH=wasm go build -trimpath -o "$build/modules/go_packages.wasm" .)
    else
        say "go is not there: the largest module is left out"
    fi
}

# measure SCRIPT [OPTION]...
measure() {
    local script=$1
    shift
    say "Measuring"
    python3 "bench/$script.py" --build "$build" "$@"
}

run_engine() {
    say "wplug, in four ways"
    build_wplug wplug clang-19 wplug_bench
    build_wplug wplug-unmetered clang-19 wplug_bench -DWPLUG_METERING=OFF
    build_wplug wplug-gcc gcc wplug_bench
    build_wplug wplug-switch gcc wplug_bench -DWPLUG_DISPATCH=switch
    build_kernels
    build_native
    build_peers
    measure engine ${peers:+--peers "$peers"} "$@"
}

run_load() {
    say "wplug, by clang and by gcc"
    build_wplug wplug clang-19 "wplug_bench wplug_shared"
    build_wplug wplug-gcc gcc "wplug_bench wplug_shared"
    build_kernels
    build_modules
    build_peers
    measure load ${peers:+--peers "$peers"} "$@"
}

run_suspend() {
    say "wplug, by clang and by gcc"
    build_wplug wplug clang-19 wplug_bench
    build_wplug wplug-gcc gcc wplug_bench
    build_kernels
    measure suspend "$@"
}

run_host() {
    say "wplug"
    build_wplug wplug clang-19 "wplug_bench host_benches host_bench_plugins"
    build_host_peers
    measure host ${host_peers:+--peers "$host_peers"} "$@"
}

# What the prototypes of bench/window fuse is chosen by what kernels ran without: all of them, or, for the columns named
# `unseen`, those that are not measured.
run_designs() {
    local layout kernel
    local seen=() unseen=()
    say "wplug, and the prototypes without fused handlers"
    build_wplug wplug clang-19 "wplug_bench window_stack_plain window_locals_plain"
    build_kernels
    local programs=$build/wplug/bench/window lists=$build/wplug/window
    for layout in stack=4,0,0 locals=3,2,4; do
        say "What to fuse: ${layout%=*}"
        mkdir -p "$lists/profiles/$layout"
        seen=() unseen=()
        while read -r kernel language rounds simd _; do
            if [ "$language $simd" != "c -" ]; then continue; fi
            "$programs/window_${layout%=*}_plain" profile "$build/kernels/$kernel.wasm" $((rounds / 8 + 1)) \
                "$lists/profiles/$layout/$kernel"
            seen+=("$lists/profiles/$layout/$kernel")
            if ! python3 bench/designs.py --is-measured "$kernel"; then
                unseen+=("$lists/profiles/$layout/$kernel")
            fi
        done <bench/kernels/kernels.txt
        python3 bench/window/generate.py choose "${layout#*=}" 800 1800 "${seen[@]}" >"$lists/${layout%=*}.txt"
        python3 bench/window/generate.py choose "${layout#*=}" 800 1800 "${unseen[@]}" >"$lists/${layout%=*}_unseen.txt"
    done
    say "The engine with pairs chosen without the kernels that are measured"
    bench/pairs/count.sh
    mkdir -p "$build/unseen/engine"
    rm -rf "$build/unseen/counts"
    cp -r "$build/pairs/counts" "$build/unseen/counts"
    for kernel in "$build"/unseen/counts/c/*; do
        if python3 bench/designs.py --is-measured "${kernel##*/}"; then rm "$kernel"; fi
    done
    python3 bench/pairs/choose.py "$build/unseen/counts" src/engine/pairs.def >"$build/unseen/engine/pairs.def"
    build_wplug wplug-unseen clang-19 wplug_bench -DCMAKE_C_FLAGS="-iquote$build/unseen"

    say "The prototypes: thousands of handlers each"
    build_wplug wplug clang-19 "wplug_bench window_stack window_stack_unseen window_locals window_locals_unseen"
    measure designs "$@"
}

run_web() {
    say "wplug, natively and as WebAssembly"
    build_wplug wplug clang-19 host_bench
    scripts/web.sh build
    run_web_build tail wplug_web
    run_cmake_build release plugins
    say "Kernels as plugins"
    bench/kernels/build.sh --plugins "$build/kernel-plugins"
    if ! install_playwright; then
        say "npm cannot install playwright-core, which drives browsers: in Node then"
        set -- --in node "$@"
    fi
    # What --peer names is measured besides.
    if bench/web/rust/build.sh "$build/web-rust"; then
        set -- --peer "framework=$build/web-rust/wasmi_plugin.js" \
            --peer "messages=$build/web-rust/wasmi_plugin.js?yields=messages" "$@"
    fi
    say "Measuring"
    node bench/web/measure.mjs "$@" | tee "$build/web.txt"
}

# Bytes of code and constants (text), and of constants with addresses in them (data), for each room.
run_small() {
    local limit=524288
    say "wplug for small devices, for Thumb-2"
    install_missing gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user
    run_cmake_build release plugins
    cmake -G Ninja -S . -B "$build/small" -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/toolchains/armhf-gcc.cmake" -DWPLUG_MINIMAL=ON \
        -DCMAKE_C_FLAGS="-mthumb -march=armv7-a -mfpu=vfpv3-d16" >/dev/null
    cmake --build "$build/small" --target footprint
    (cd "$build/small/src" && find . -name '*.c.o' -exec arm-linux-gnueabihf-size {} + | awk '
        BEGIN { printf "%-10s %8s %8s\n", "room", "text", "data" }
        $1 ~ /^[0-9]+$/ { split($6, part, "/"); text[part[2]] += $1; data[part[2]] += $2; texts += $1; datas += $2 }
        END {
            for (room in text) printf "%-10s %8d %8d\n", room, text[room], data[room] | "sort"
            close("sort")
            printf "%-10s %8d %8d   together %d bytes, of 150,000\n", "all", texts, datas, texts + datas
        }') | tee "$build/small.txt"
    read -r -a emulator <"$build/small/emulator"
    "${emulator[@]}" "$build/small/tests/footprint/footprint" build/release/plugins/test-plugin.wasm ping 3 $limit |
        tee -a "$build/small.txt"
}

install_missing "${BUILD_PACKAGES[@]}" gcc binutils python3 libclang1-19
case $command in
engine) run_engine "$@" ;;
load) run_load "$@" ;;
suspend) run_suspend "$@" ;;
host) run_host "$@" ;;
web) run_web "$@" ;;
small) run_small ;;
designs)
    install_missing valgrind
    run_designs "$@"
    ;;
all)
    run_engine "$@"
    run_load "$@"
    run_suspend "$@"
    run_host "$@"
    ;;
esac
