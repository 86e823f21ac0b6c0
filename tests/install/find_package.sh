#!/usr/bin/env bash
# A CMake project that says find_package(wplug) builds and runs, with the shared and with the static library.
source "$(dirname "$0")/lib.sh"
for kind in OFF ON; do
    cmake -G Ninja -S "$ROOT/tests/install/consumer" -B "static_$kind" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_PREFIX_PATH="$PREFIX" -DWPLUG_STATIC=$kind -DEXAMPLE="$ROOT/examples/minimal.c" >log 2>&1 ||
        broken "$(cat log)"
    cmake --build "static_$kind" >log 2>&1 || broken "$(cat log)"
    expect_greeting "static_$kind/minimal"
    expect_greeting "static_$kind/with_static"
    expect_greeting "static_$kind/with_shared"
    readelf -d "static_$kind/with_shared" | grep -q 'NEEDED.*libwplug\.so' || broken "wplug::shared is not the shared library"
    ! readelf -d "static_$kind/with_static" | grep -q 'NEEDED.*libwplug' || broken "wplug::static is not the static library"
done
readelf -d static_OFF/minimal | grep -q 'NEEDED.*libwplug\.so' || broken "not linked with the shared library"
! readelf -d static_ON/minimal | grep -q 'NEEDED.*libwplug' || broken "not linked with the static library"
