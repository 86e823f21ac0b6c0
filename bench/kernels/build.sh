#!/usr/bin/env bash
# Compiles the kernels that kernels.txt lists:
#
#     bench/kernels/build.sh [--plugins] OUT_DIR [NAME...]
#
# to OUT_DIR/NAME.wasm; all of them where no NAME is given. The options are those of the plugin kit
# (pdk/wplug.cfg), so that the kernels are what plugins are. Kernels whose toolchain is missing (cargo with
# the target wasm32-wasip1; go) are left out with a message. CLANG names another clang than clang-19.
# --plugins makes plugins of those in C (plugin.c) and leaves the others alone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plugins=no
if [ "${1:-}" = --plugins ]; then
    plugins=yes
    shift
fi
if [ $# -lt 1 ]; then
    echo "usage: bench/kernels/build.sh [--plugins] OUT_DIR [NAME...]" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
export here out plugins CLANG=${CLANG:-clang-19}

# compile_c NAME SIMD: NAME_simd is NAME.c, compiled with vectors.
compile_c() {
    local source=$1 options=()
    if [ "$2" = simd ]; then
        source=${1%_simd}
        options=(-msimd128)
    fi
    options+=(-Wall -Wextra -Wshadow -Werror)
    if [ "$plugins" = yes ]; then
        "$CLANG" --config="$here/../../pdk/wplug.cfg" -std=gnu11 "${options[@]}" -Wno-missing-field-initializers \
            -Wno-unused-parameter -o "$out/$1.wasm" "$here/$source.c" "$here/plugin.c"
        return
    fi
    # In two steps: clang that links with -O runs binaryen's optimizer where there is one.
    "$CLANG" --target=wasm32-wasi -std=gnu11 -O2 -mbulk-memory -mmutable-globals -mnontrapping-fptoint \
        -msign-ext "${options[@]}" -c -o "$out/$1.o" "$here/$source.c"
    "$CLANG" --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--stack-first \
        -Wl,--gc-sections -Wl,--strip-debug -o "$out/$1.wasm" "$out/$1.o"
    rm "$out/$1.o"
}
export -f compile_c

# compile_rust NAME: the package NAME of the workspace rust/.
compile_rust() {
    local libraries
    libraries=$(rustc --print target-libdir --target wasm32-wasip1 2>/dev/null || true)
    if ! command -v cargo >/dev/null 2>&1 || [ ! -d "$libraries" ]; then
        echo "$1: left out, needs cargo and the target wasm32-wasip1" >&2
        return
    fi
    CARGO_TARGET_DIR=$out/cargo cargo build --quiet --release --locked --target wasm32-wasip1 --package "$1" \
        --manifest-path "$here/rust/Cargo.toml"
    cp "$out/cargo/wasm32-wasip1/release/$1.wasm" "$out/$1.wasm"
}

# compile_go NAME: the module in the folder NAME.
compile_go() {
    if ! command -v go >/dev/null 2>&1; then
        echo "$1: left out, needs go" >&2
        return
    fi
    (cd "$here/$1" && GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -o "$out/$1.wasm" .)
}

# lines LANGUAGE [NAME...]: "NAME SIMD" of the kernels in that language, those that were asked for.
lines() {
    awk -v language="$1" -v names=" ${*:2} " '
        /^#/ || NF == 0 { next }
        $2 == language && (names == "  " || index(names, " " $1 " ")) { print $1, $4 }' "$here/kernels.txt"
}

for name in "$@"; do
    if ! awk '{ print $1 }' "$here/kernels.txt" | grep -Fqx -e "$name"; then
        echo "error: kernels.txt has no kernel $name" >&2
        exit 2
    fi
done
lines c "$@" | xargs -r -P 2 -L 1 bash -c 'compile_c "$@"' compile_c
[ $plugins = no ] || exit 0
lines rust "$@" | while read -r name _; do compile_rust "$name" </dev/null; done
lines go "$@" | while read -r name _; do compile_go "$name" </dev/null; done
