#!/usr/bin/env bash
# A program with a libuv loop, built with what pkg-config says, runs against the shared and against the static libraries.
source "$(dirname "$0")/lib.sh"
PKG_CONFIG_PATH=$(find_installed wplug_uv.pc)
export PKG_CONFIG_PATH
libraries=$(pkg-config --variable=libdir wplug_uv)
example=$ROOT/tests/install/consumer/uv.c

# shellcheck disable=SC2046 # several words
"$CC" -Wall -Werror "$example" -o shared $(pkg-config --cflags --libs wplug_uv)
LD_LIBRARY_PATH=$libraries expect_greeting ./shared
readelf -d shared | grep -q 'NEEDED.*libwplug_uv\.so' || broken "it was not linked with the shared library"

# shellcheck disable=SC2046
"$CC" -Wall -Werror $(pkg-config --cflags wplug_uv) "$example" -o static "$libraries/libwplug_uv.a" \
    "$libraries/libwplug.a" $(pkg-config --libs libuv) -lm
expect_greeting ./static
! readelf -d static | grep -q 'NEEDED.*libwplug' || broken "it was not linked with the static libraries"
