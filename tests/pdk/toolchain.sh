#!/usr/bin/env bash
# A plugin author's own CMake project, three lines long, builds with the kit's toolchain file.
# usage: toolchain.sh CMAKE PDK WORK-FOLDER CLANG
set -euo pipefail
cmake=$1 pdk=$2 work=$3 clang=$4

rm -rf "$work"
mkdir -p "$work/source"
cat >"$work/source/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(greeter C)
wplug_add_plugin(greeter greeter.c)
END
cat >"$work/source/greeter.c" <<'END'
#include <wplug_pdk.h>
static void greet(wplug_request *request) { wplug_result_string(request, "hi"); }
WPLUG_PLUGIN("greeter", "1.0") { wplug_method("greet", greet); }
END
"$cmake" -G Ninja -S "$work/source" -B "$work/build" -DCMAKE_TOOLCHAIN_FILE="$pdk/wplug-pdk-toolchain.cmake" \
    -DCMAKE_C_COMPILER="$clang"
"$cmake" --build "$work/build"
# The magic number and version of a WebAssembly module.
[ "$(od -An -tx1 -N8 "$work/build/greeter.wasm" | tr -d ' ')" = 0061736d01000000 ]
