#!/usr/bin/env bash
# Counts which instructions follow one another in many programs, and chooses the pairs anew:
#
#     bench/pairs/count.sh [KERNEL...]    # KERNEL: not all kernels, only these, and no large module
#
# The programs are the kernels, the plugins, and the large Go module. Builds in build/bench; leaves the counts
# in build/bench/pairs/counts and the choice in build/bench/pairs/pairs.def. src/engine/pairs.def stays as it is.
# bench/README.md tells more.
source "$(dirname "$0")/../../scripts/common.sh"

build=$PWD/build/bench
pairs=$build/pairs
counts=$pairs/counts

# count KIND NAME COMMAND...: runs the command, and its counts go to counts/KIND/NAME.
count() {
    local kind=$1 name=$2
    shift 2
    mkdir -p "$counts/$kind"
    WPLUG_PAIRS_OUT=$counts/$kind/$name "$@" >/dev/null </dev/null || fail "$name went wrong: $*"
    [ -s "$counts/$kind/$name" ] || fail "$name left no counts"
}

say "wplug, counting"
cmake -G Ninja -S . -B "$pairs" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS="-DWPLUG_COUNT_PAIRS=\\\"$PWD/bench/pairs/count_pairs.h\\\"" \
    -DCMAKE_C_FLAGS_RELEASE="-O1 -DNDEBUG" -DWPLUG_DISPATCH=switch -DWPLUG_TESTS=OFF -DWPLUG_BENCH=ON >/dev/null
cmake --build "$pairs" --target wplug_bench wplug plugins
rm -rf "$counts"

# With all their rounds: in a few, what makes the data to work on would be most of what runs.
say "Kernels"
bench/kernels/build.sh "$build/kernels" "$@"
while read -r name language rounds _; do
    case $name in '' | '#'*) continue ;; esac
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    [ -f "$build/kernels/$name.wasm" ] || continue # build.sh has said why
    count "$language" "$name" "$pairs/bench/wplug_bench" run wplug "$build/kernels/$name.wasm" "$rounds" 1
done <bench/kernels/kernels.txt

say "Plugins"
call() {
    local name=$1
    shift
    count plugins "$name" "$pairs/bin/wplug" call "$@"
}
test_plugin=$pairs/plugins/test-plugin.wasm
call ping "$test_plugin" ping
call discover "$test_plugin" rpc.discover
call many_echo --host echo=cat "$test_plugin" many_echo 1000
call prime_sieve "$test_plugin" prime_sieve 1000
call textstats --files . "$pairs/plugins/textstats.wasm" analyze '{"path":"README.md"}'
call qrcode "$pairs/plugins/qrcode.wasm" svg '{"text":"https://example.org"}'

if [ $# -eq 0 ] && command -v go >/dev/null 2>&1; then
    say "A large Go module"
    mkdir -p "$build/modules"
    (cd bench/modules/go_packages &&
        GOOS=wasip1 GOARCH=wasm go build -trimpath -o "$build/modules/go_packages.wasm" .)
    count go go_packages "$pairs/bench/wplug_bench" load wplug "$build/modules/go_packages.wasm" 1
fi

say "The choice: $pairs/pairs.def"
python3 bench/pairs/choose.py "$counts" src/engine/pairs.def >"$pairs/pairs.def"
