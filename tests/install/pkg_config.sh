#!/usr/bin/env bash
# A program built with what pkg-config says runs, against the shared and against the static library.
source "$(dirname "$0")/lib.sh"
PKG_CONFIG_PATH=$(find_installed wplug.pc)
export PKG_CONFIG_PATH
libraries=$(pkg-config --variable=libdir wplug)

# shellcheck disable=SC2046 # several words
"$CC" -Wall -Werror "$ROOT/examples/minimal.c" -o shared $(pkg-config --cflags --libs wplug)
LD_LIBRARY_PATH=$libraries expect_greeting ./shared
readelf -d shared | grep -q 'NEEDED.*libwplug\.so' || broken "it was not linked with the shared library"

# shellcheck disable=SC2046
"$CC" -Wall -Werror $(pkg-config --cflags wplug) "$ROOT/examples/minimal.c" -o static \
    "$libraries/libwplug.a" $(pkg-config --libs-only-l --static wplug | sed 's/-lwplug//')
expect_greeting ./static
version=$(sed -nE 's/^project\(wplug VERSION ([0-9.]+).*/\1/p' "$ROOT/CMakeLists.txt")
[ "$(pkg-config --modversion wplug)" = "$version" ] ||
    broken "pkg-config tells another version"
