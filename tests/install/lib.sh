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
