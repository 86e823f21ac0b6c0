#!/usr/bin/env bash
# The installed plugin kit builds a plugin with one command, and the installed wplug calls it.
source "$(dirname "$0")/lib.sh"
clang-19 --config="$(find_installed wplug.cfg)/wplug.cfg" -o hello.wasm "$ROOT/plugins/hello/hello.c"
said=$("$PREFIX/bin/wplug" call hello.wasm hello '{"name":"Ada"}')
[ "$said" = '"Hello, Ada!"' ] || broken "it said: $said"
