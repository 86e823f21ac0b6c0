#!/usr/bin/env bash
# Makes wplug.c and wplug.h of the library, for programs that take these two files into their own sources.
# usage: scripts/amalgamate.sh [FOLDER]     FOLDER is build/amalgamation where none is given
#
# Needs awk, and git for the commit's name where there is one. scripts/amalgamate.awk does the work; here stands what goes in.
source "$(dirname "$0")/common.sh"
here=$PWD
folder=${1:-build/amalgamation}
mkdir -p "$folder"

# Files that are not for everyone, and the condition under which they are there; "no" for those that never are. All other .c
# files of the rooms are in.
conditions=(
    "base/os_posix.c: !defined(_WIN32)"
    "base/os_sync_posix.c: !defined(_WIN32)"
    "base/os_clock_posix.c: !defined(_WIN32) && !defined(__APPLE__)"
    "base/os_linux.c: defined(__linux__)"
    "base/os_image_linux.c: defined(__linux__)"
    "base/os_image_none.c: !defined(__linux__)"
    "base/os_darwin.c: defined(__APPLE__)"
    "base/os_unix.c: !defined(_WIN32) && !defined(__linux__) && !defined(__APPLE__)"
    "base/os_windows.c: defined(_WIN32)"
    "base/os_sync_windows.c: defined(_WIN32)"
    "base/os_wasm.c: no"
    "base/os_no_files.c: no"
    "base/os_sync_none.c: no"
    "engine/compact.c: no"
    "host/disassemble_none.c: no"
    "host/pool_none.c: no"
)
rooms=(base json rpc wasi host engine)

# condition_of FILE: leaves it in `condition`, empty where there is none.
condition_of() {
    local entry
    condition=
    for entry in "${conditions[@]}"; do
        [ "${entry%%:*}" != "$1" ] || condition=${entry#*: }
    done
}
for entry in "${conditions[@]}"; do
    [ -e "src/${entry%%:*}" ] || fail "scripts/amalgamate.sh has a condition for ${entry%%:*}, which is not there"
done

# Near the end comes the interpreter, which has macros by the hundred, and then what includes the system's own headers, which on
# Windows have macros like "far" and "ERROR".
sources=()
last=(engine/interpreter.c)
for room in "${rooms[@]}"; do
    for file in "src/$room"/*.c; do
        file=${file#src/}
        condition_of "$file"
        case $file:$condition in
        engine/interpreter.c: | *:no) ;;
        *:) sources+=("$file") ;;
        *) last+=("#if~${condition// /\~}" "$file" '#endif') ;;
        esac
    done
done

# What the build tells the compiler about the interpreter stands in the file as pragmas, below. When that changes, so must they.
# (-fomit-frame-pointer, for Apple's systems, no pragma can say.)
known='-fno-math-errno -ffp-contract=off -fno-gcse -fno-tree-slp-vectorize -msse2 -mfpmath=sse
-fomit-frame-pointer -fsanitize-address-use-after-return=never'
for option in $(sed -nE 's/.*SOURCE [^ ]*interpreter[^ ]* APPEND PROPERTY COMPILE_OPTIONS ([^)]*)\).*/\1/p' src/engine/CMakeLists.txt); do
    grep -qwF -e "$option" <<<"$known" || fail "src/engine/CMakeLists.txt gives the interpreter $option, of which
       scripts/amalgamate.sh does not know what becomes of it in one file"
done

version=$(sed -nE 's/^#define WPLUG_VERSION +"(.*)"$/\1/p' include/wplug/wplug.h)
commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
awk -v ROOT="$here" -v SOURCES="${sources[*]}" -v LAST="${last[*]}" -f scripts/amalgamate.awk >"$folder/body.tmp" || {
    rm -f "$folder/body.tmp"
    fail "scripts/amalgamate.awk failed"
}

{
    cat <<END
/* wplug $version, commit $commit: the host kit of a WebAssembly plugin framework in one file, made of the project's sources by
 * scripts/amalgamate.sh. Change those instead.
 *
 * Put this file and wplug.h beside your own sources, and compile it once, as C11 or later:
 *
 *     cc -O2 -DNDEBUG -c wplug.c
 *
 * Programs that use it link with -lm -pthread. Clang 19 makes the faster engine of it, in a quarter of a minute; GCC takes a whole
 * one, and with -fno-math-errno, which no pragma can say, guests' square roots cost less. The file defines the functions that
 * wplug.h declares, and no other name that a linker sees.
 *
$(sed 's/^/ * /; s/ *$//' LICENSE)
 */
END
    cat <<'END'

/* Asked of the system's headers, before the first of them. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE
#endif

/* What the project's own build tells the compiler about the interpreter (src/engine/CMakeLists.txt). Here it holds for all of
 * the file: GCC makes no inline function part of another that is compiled by other rules.
 * Then warnings that are nobody's mistake: callbacks have parameters that they do not need; headers have more inline functions
 * than are used; and GCC, seeing several files' functions at once, cannot follow a status or a count from one to the
 * other, and takes note of messages that snprintf would cut, as it is meant to. */
#if defined(__clang__)
#pragma clang fp contract(off)
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang diagnostic ignored "-Wunused-function"
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off", "no-gcse", "no-tree-slp-vectorize")
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#endif
#if defined(__FAST_MATH__)
#error "WebAssembly's floats are exact: compile this file without -ffast-math"
#endif
#if defined(__i386__) && !defined(__SSE2_MATH__)
#error "the x87 unit keeps more digits than WebAssembly allows: compile this file with -msse2 -mfpmath=sse"
#endif

#if defined(__GNUC__)
#define WPLUG_PRIVATE __attribute__((unused)) static
#else
#define WPLUG_PRIVATE static
#endif

#include "wplug.h"
END
    cat "$folder/body.tmp"
} >"$folder/wplug.c.tmp"
rm "$folder/body.tmp"
mv "$folder/wplug.c.tmp" "$folder/wplug.c"
cp include/wplug/wplug.h "$folder/wplug.h"
say "Made $folder/wplug.c and wplug.h: $(wc -l <"$folder/wplug.c") lines"
