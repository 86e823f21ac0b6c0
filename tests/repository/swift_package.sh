#!/usr/bin/env bash
# Package.swift names the library's sources for Apple's systems and for Linux, all of them and no others; and what Swift
# imports is the public header.
# usage: swift_package.sh ROOT    (whether it compiles, and works, scripts/swift.sh tests)
set -euo pipefail
cd "$1"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

broken() {
    printf '%s\n' "$*" >&2
    exit 1
}

# names PATTERN: the file names in quotes in the lines of Package.swift that match.
names() {
    grep -E "$1" Package.swift | grep -oE '"[a-z0-9_]+\.c"' | tr -d '"'
}

# What CMake compiles of src/base for a system: base.c, what all of POSIX has, the system's own, and its images.
expect() {
    local system=$1 pattern=$2
    shift 2
    { names '^let base = '; names "$pattern"; } | sort >"$folder/package"
    printf '%s\n' base.c os_posix.c os_sync_posix.c "$@" | sort >"$folder/expected"
    diff "$folder/expected" "$folder/package" || broken "Package.swift names other files of src/base for $system (>)"
    while read -r name; do
        [ -f "src/base/$name" ] || broken "there is no src/base/$name"
        grep -qE "[ (]$name[ )]" src/base/CMakeLists.txt || broken "src/base/CMakeLists.txt does not have $name"
    done <"$folder/package"
}
expect Linux 'let system = .*linux' os_linux.c os_clock_posix.c os_image_linux.c
expect Darwin 'let system = .*darwin' os_darwin.c os_image_none.c

# Each other room is compiled as a whole, as CMake does it.
for room in json rpc engine wasi host; do
    grep -q "\"src/$room\"" Package.swift || broken "Package.swift leaves out src/$room"
    for file in src/"$room"/*.c; do
        grep -qE "(^|[ (])$(basename "$file")($|[ )])" "src/$room/CMakeLists.txt" ||
            broken "$file would be in the Swift package, and is not in CMake's library"
    done
done

# Nothing is excluded that is not there.
sed -n '/exclude: \[/,/\]/p' Package.swift | grep -oE '"[^"]+"' | tr -d '"' >"$folder/excluded"
[ -s "$folder/excluded" ] || broken "found nothing that Package.swift excludes"
while read -r name; do
    [ -e "$name" ] || broken "Package.swift excludes $name, which is not there"
done <"$folder/excluded"

# SwiftPM takes everything for a source that is in a folder of sources.
while read -r name; do
    grep -qxF "$name" "$folder/excluded" || broken "Package.swift does not exclude $name, which is no source"
done < <(find src/json src/rpc src/engine src/wasi src/host -type f ! -name '*.[ch]' ! -name '*.def')

# What only other builds have is excluded: scripts/amalgamate.sh, whose file would not compile otherwise, knows these.
grep -oE '"(json|rpc|engine|wasi|host)/[a-z_]+\.c: no"' scripts/amalgamate.sh | sed -E 's|"(.*): no"|src/\1|' >"$folder/others"
[ -s "$folder/others" ] || broken "found nothing in scripts/amalgamate.sh that is not for everyone"
while read -r name; do
    grep -qxF "$name" "$folder/excluded" || broken "Package.swift does not exclude $name"
done <"$folder/others"

# The module is the header, and the header compiles as one.
printf '#include <wplug/wplug.h>\nint main(void) { return wplug_version() == 0; }\n' >"$folder/user.c"
clang-19 -fmodules -fmodules-cache-path="$folder/cache" -fmodule-map-file=include/module.modulemap -Iinclude -Wall -Werror \
    -Rmodule-import -fsyntax-only "$folder/user.c" 2>"$folder/said" || broken "$(cat "$folder/said")"
grep -q "importing module 'CWplug'" "$folder/said" || broken "the header is not the module CWplug: $(cat "$folder/said")"
