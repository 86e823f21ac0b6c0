# Sourced by the tests of the installed library. They run in an empty folder of their own, with
#
#   PREFIX   where it is installed      ROOT   the project      BUILD   its build folder
#   CC       the C compiler             PLUGINS   the example plugins
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

broken() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The pkg-config file and the CMake package, wherever this system's libraries go.
find_installed() {
    local found
    found=$(find "$PREFIX" -name "$1" -print -quit)
    [ -n "$found" ] || broken "$1 is not installed"
    dirname "$found"
}

# expect_greeting PROGRAM: the program loads a plugin and calls it.
expect_greeting() {
    local said
    said=$("$1" "$PLUGINS/hello.wasm" hello '{"name":"Ada"}') || broken "$1 failed"
    [ "$said" = '"Hello, Ada!"' ] || broken "$1 said: $said"
}

# check_names LIBRARY HEADER: the library, shared and static, offers the functions that the header declares, and no other
# name.
check_names() {
    local library=$1 header=$PREFIX/include/wplug/$2 shared static
    shared=$(find_installed "$library.so")/$library.so
    static=$(find_installed "$library.a")/$library.a
    nm -D --defined-only "$shared" | awk '{print $3}' | sort -u >names_shared
    nm -g --defined-only "$static" | awk 'NF == 3 {print $3}' | sort -u >names_static
    # Inline functions are the header's own.
    sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/\1/p' "$header" | sort -u >declared
    [ -s declared ] || broken "found no declarations in $2"
    diff declared names_shared || broken "$library.so does not offer just what $2 declares (<)"
    diff declared names_static || broken "$library.a does not offer just what $2 declares (<)"
}
