#!/usr/bin/env bash
# Runs the official WebAssembly test suite, which is looked for in $WPLUG_CONFORMANCE, else in ../shared/conformance.
#
#     scripts/spec.sh [--build DIR] [--runner FILE] [--through COMMAND] [--same-as FILE] [OPTION_OF_THE_RUNNER]...
#     scripts/spec.sh --wasm tail|switch [--same-as FILE] [OPTION_OF_THE_RUNNER]...
#     scripts/spec.sh --every-way
#
# Builds the runner in build/release, or in DIR (a build folder that was configured before), or builds nothing and
# uses FILE, which COMMAND is put before (words, or a list of CMake's). The suite is unpacked into the build folder. The
# runner's options: tests/spec/main.c. With --same-as, every run must give the results, traps and memories that it gives
# with the runner FILE and without those options, and spend the same fuel.
# --wasm runs the engine as WebAssembly in Node: `switch` is what the package in web/ has, `tail` the other way to build it.
# --every-way builds the runner once for each dispatch scheme, in build/spec-SCHEME, and runs the suite with each: whole
# and in slices of 1, 7 and 1,000 units that move between threads, all of which must answer the same and spend the same fuel.
# Exits with 0 where nothing failed, 77 where the suite is not there.
source "$(dirname "$0")/common.sh"

# Tail calls need clang, and clang does not get done with this many computed gotos.
every_way() {
    local scheme compiler options
    for scheme in tail goto switch compact; do
        compiler=gcc
        [ $scheme != tail ] || compiler=clang-19
        cmake -G Ninja -S . -B build/spec-$scheme -DCMAKE_C_COMPILER=$compiler -DCMAKE_BUILD_TYPE=Release \
            -DWPLUG_DISPATCH=$scheme >/dev/null
        cmake --build build/spec-$scheme --target spec-runner
        for options in "" "--slice 1 --threads" "--slice 7 --threads" "--slice 1000 --threads"; do
            say "Dispatch by $scheme, options: ${options:-none}"
            # shellcheck disable=SC2086 # the options are words
            scripts/spec.sh --build build/spec-$scheme --runner build/spec-$scheme/tests/spec/spec-runner \
                --same-as build/spec-tail/tests/spec/spec-runner $options
        done
    done
}

if [ "${1:-}" = --every-way ]; then
    install_missing "${TEST_PACKAGES[@]}"
    every_way
    exit
fi

build=build/release
runner=
wasm=
reference=
command=()
reference_command=()
configured=no
while [ $# -ge 2 ]; do
    case $1 in
    --build) build=$2 configured=yes ;;
    --runner) runner=$2 ;;
    --through) IFS='; ' read -r -a command <<<"$2" && reference_command=("${command[@]}") ;;
    --wasm) wasm=$2 ;;
    --same-as) reference=$2 ;;
    *) break ;;
    esac
    shift 2
done

find_conformance
archive=$WPLUG_CONFORMANCE/wasm-spec-tests.tar.xz
if [ -z "$WPLUG_CONFORMANCE" ] || [ ! -f "$archive" ]; then
    say "Skipped: the WebAssembly test suite (wasm-spec-tests.tar.xz) is neither in \$WPLUG_CONFORMANCE nor in" \
        "../shared/conformance"
    exit 77
fi

if [ -n "$wasm" ]; then
    if ! command -v node >/dev/null 2>&1; then
        say "Skipped: node, to run the engine as WebAssembly in, is not there"
        exit 77
    fi
    install_missing "${TEST_PACKAGES[@]}"
    run_web_build "$wasm" spec-runner
    runner=build/web-$wasm/web/spec-runner.wasm
    command=(node web/tools/in_node.mjs)
elif [ -z "$runner" ]; then
    if [ $configured = yes ]; then
        cmake --build "$build" --target spec-runner
    else
        install_missing "${TEST_PACKAGES[@]}"
        run_cmake_build release spec-runner
    fi
    runner=$build/tests/spec/spec-runner
fi

# Several of us may unpack at the same time: each into a folder of its own, and the first to be done gives it its name.
suite=$build/spec-suite-$(cksum <"$archive" | cut -d ' ' -f 1)
if [ ! -d "$suite" ]; then
    mkdir -p "$build"
    unpacked=$(mktemp -d "$build/spec-suite.XXXXXX")
    tar -xJf "$archive" -C "$unpacked"
    mv -T "$unpacked" "$suite" 2>/dev/null || rm -rf "$unpacked"
fi

if [ -z "$reference" ]; then
    exec "${command[@]}" "$runner" "$@" "$suite"
fi
answers=$(mktemp -d)
trap 'rm -rf "$answers"' EXIT
"${reference_command[@]}" "$reference" --answers "$answers/reference" "$suite" >"$answers/reference.log" || {
    cat "$answers/reference.log"
    fail "the reference run failed"
}
"${command[@]}" "$runner" --answers "$answers/this" "$@" "$suite"
cmp "$answers/reference" "$answers/this" || {
    diff "$answers/reference" "$answers/this" | head -n 20
    fail "not the same answers"
}
say "$(wc -l <"$answers/this") answers, each the same"
