#!/usr/bin/env bash
# The libraries offer the names of the public header and no others, so that they get on with any program.
source "$(dirname "$0")/lib.sh"
check_names libwplug wplug.h WPLUG_0.1
[ "$(wc -l <declared)" -gt 20 ] || broken "found too few declarations"

# A program asks for the version that it was linked with, so that it is told when it finds another library.
"$CC" -I"$PREFIX/include" "$ROOT/examples/minimal.c" -o shared -L"$(find_installed libwplug.so)" -lwplug
readelf -V shared | grep -q 'Name: WPLUG_0\.1 ' || broken "the program does not ask for the version WPLUG_0.1"
