#!/usr/bin/env bash
# The installed tree works from another place than it was installed to.
source "$(dirname "$0")/lib.sh"
cp -R "$PREFIX" "$folder/elsewhere"
PREFIX=$folder/elsewhere
PKG_CONFIG_PATH=$(find_installed wplug.pc)
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags --libs wplug)
# The paths are below the new place, or lead there through "..".
for path in $(tr ' ' '\n' <<<"$flags" | sed -nE 's/^-[IL]//p'); do
    [[ $(cd "$path" && pwd -P) == $(cd "$PREFIX" && pwd -P)/* ]] || broken "pkg-config names $path"
done
"$PREFIX/bin/wplug" --version >/dev/null
