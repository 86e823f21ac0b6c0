#!/usr/bin/env bash
# The libuv adapter: the names of its header and no others, its header in C and C++, and a need of libuv and libwplug.
source "$(dirname "$0")/lib.sh"
check_names libwplug_uv wplug_uv.h WPLUG_UV_0.1

shared=$(find_installed libwplug_uv.so)/libwplug_uv.so
readelf -d "$shared" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' | sort >needed
! grep -vE '^(libc|libwplug|libuv|ld-linux[-a-z0-9_]*)\.so' needed || broken "needs more: $(cat needed)"
readelf -d "$shared" | grep -q 'SONAME.*libwplug_uv\.so\.0\.1\]' || broken "the soname is not libwplug_uv.so.0.1"

# uv.h itself wants POSIX, so not the strict C standards.
echo '#include <wplug/wplug_uv.h>' >alone.c
for standard in gnu99 gnu11; do
    "$CC" -std=$standard -Wall -Wextra -Wstrict-prototypes -Werror -I"$PREFIX/include" -fsyntax-only alone.c
done
cp alone.c alone.cc
clang-19 -x c++ -std=gnu++11 -Wall -Wextra -Werror -I"$PREFIX/include" -fsyntax-only alone.cc
