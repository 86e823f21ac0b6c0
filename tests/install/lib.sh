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

# check_names LIBRARY HEADER NODE: the library, shared and static, offers the functions that the header declares, and no
# other name; in the shared one each has the symbol version NODE.
check_names() {
    local library=$1 header=$PREFIX/include/wplug/$2 node=$3 shared static
    shared=$(find_installed "$library.so")/$library.so
    static=$(find_installed "$library.a")/$library.a
    # The node is itself a symbol, an absolute one.
    nm -D --with-symbol-versions --defined-only "$shared" | awk '$2 != "A" {print $3}' | sort -u >names_versions
    sed -n "s/@@$node\$//p" names_versions >names_shared
    diff <(sed "s/\$/@@$node/" names_shared) names_versions || broken "$library.so has names without the version $node (>)"
    nm -g --defined-only "$static" | awk 'NF == 3 {print $3}' | sort -u >names_static
    # Inline functions are the header's own.
    sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/\1/p' "$header" | sort -u >declared
    [ -s declared ] || broken "found no declarations in $2"
    # A declaration that the pattern (and cmake/symbols.cmake) does not understand would be missing on both sides.
    [ "$(grep -v '#define' "$header" | grep -ow WPLUG_API | wc -l)" -eq "$(wc -l <declared)" ] ||
        broken "$2 has a WPLUG_API whose function is not on its line"
    diff declared names_shared || broken "$library.so does not offer just what $2 declares (<)"
    diff declared names_static || broken "$library.a does not offer just what $2 declares (<)"
}
