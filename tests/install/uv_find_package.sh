#!/usr/bin/env bash
# A CMake project that says find_package(wplug COMPONENTS uv) builds and runs, with the shared and the static library.
source "$(dirname "$0")/lib.sh"
for kind in OFF ON; do
    cmake -G Ninja -S "$ROOT/tests/install/consumer" -B "static_$kind" -DCMAKE_C_COMPILER="$CC" -DCOMPONENT=uv \
        -DCMAKE_PREFIX_PATH="$PREFIX" -DWPLUG_STATIC=$kind -DEXAMPLE="$ROOT/tests/install/consumer/uv.c" >log 2>&1 ||
        broken "$(cat log)"
    cmake --build "static_$kind" >log 2>&1 || broken "$(cat log)"
    expect_greeting "static_$kind/minimal"
done
readelf -d static_OFF/minimal | grep -q 'NEEDED.*libwplug_uv\.so' || broken "not linked with the shared library"
! readelf -d static_ON/minimal | grep -q 'NEEDED.*libwplug' || broken "not linked with the static library"

# A component that is not there is not found.
! cmake -G Ninja -S "$ROOT/tests/install/consumer" -B none -DCMAKE_C_COMPILER="$CC" -DCOMPONENT=none \
    -DCMAKE_PREFIX_PATH="$PREFIX" -DEXAMPLE="$ROOT/examples/minimal.c" >log 2>&1 || broken "found a component \"none\""
