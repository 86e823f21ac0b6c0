#!/usr/bin/env bash
# The installed library on Windows: a CMake project that says find_package(wplug) builds and runs, with the DLL and with the
# static library; the DLL exports the names of the public header and no others, and needs the system's DLLs alone.
source "$(dirname "$0")/lib.sh"

dll=$PREFIX/bin/libwplug-0.1.dll
[ -f "$dll" ] || broken "there is no $dll"
"$OBJDUMP" -p "$dll" >dll
sed -n '/Ordinal\/Name Pointer/,/^$/p' dll | sed -nE '1d;s/^.*[[:space:]]([A-Za-z_][A-Za-z0-9_]*)$/\1/p' | sort -u >exported
sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/\1/p' "$PREFIX/include/wplug/wplug.h" | sort -u >declared
[ "$(wc -l <declared)" -gt 20 ] || broken "found too few declarations"
diff declared exported || broken "the DLL does not export just what wplug.h declares (<)"
sed -nE 's/.*DLL Name: (.*)/\L\1/p' dll >needed
! grep -vxE 'kernel32\.dll|msvcrt\.dll|bcrypt\.dll' needed || broken "the DLL needs more than the system's: $(cat needed)"

for kind in OFF ON; do
    cmake -G Ninja -S "$ROOT/tests/install/consumer" -B "static_$kind" -DCMAKE_TOOLCHAIN_FILE="$TOOLCHAIN" \
        -Dwplug_DIR="$PREFIX/lib/cmake/wplug" -DWPLUG_STATIC=$kind -DEXAMPLE="$ROOT/examples/minimal.c" >log 2>&1 ||
        broken "$(cat log)"
    cmake --build "static_$kind" >log 2>&1 || broken "$(cat log)"
    [ $kind = ON ] || cp "$dll" "static_$kind" # Windows looks for DLLs where the program is
    # shellcheck disable=SC2086 # the runner is a command with its options
    said=$($RUNNER "./static_$kind/minimal.exe" "$PLUGINS/hello.wasm" hello '{"name":"Ada"}') || broken "it failed: $kind"
    # A program's text has Windows' line ends.
    [ "${said%$'\r'}" = '"Hello, Ada!"' ] || broken "it said: $said"
    "$OBJDUMP" -p "static_$kind/minimal.exe" >"exe_$kind"
done
grep -q 'DLL Name: libwplug-0.1.dll' exe_OFF || broken "not linked with the DLL"
! grep -q 'DLL Name: libwplug' exe_ON || broken "not linked with the static library"
