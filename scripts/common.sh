# Sourced by the other scripts: where the project is, how they speak, and how they get what is missing.
# Needs bash. Never reads standard input.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the parts need, as Debian 12 names it. Configuring includes the tests, so building needs their tools
# too: one build folder serves both.
BUILD_PACKAGES=(clang-19 lld-19 llvm-19 wasi-libc libclang-rt-19-dev-wasm32 libc6-dev cmake ninja-build
                pkg-config libcmocka-dev libuv1-dev wabt)
TEST_PACKAGES=("${BUILD_PACKAGES[@]}" xz-utils)
CI_PACKAGES=("${TEST_PACKAGES[@]}" gcc clang-format-19 libclang-rt-19-dev valgrind git chromium firefox-esr
             dpkg-dev file openjdk-17-jdk-headless)

say() {
    printf '\n==> %s\n' "$*"
}

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "need root to run: $*
       Run it as root, or install sudo."
    fi
}

# install_missing PACKAGE...: asks apt-get for those that are not there, and for nothing where all are.
install_missing() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        say "Not a Debian system: expecting the equivalents of $*"
        return
    fi
    local package
    local missing=()
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    say "Installing ${missing[*]}"
    as_root apt-get update -q </dev/null
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
}

# run_cmake_build PRESET TARGET [CMAKE_OPTION...]: configures and builds a preset.
run_cmake_build() {
    local preset=$1 target=$2
    shift 2
    cmake --preset "$preset" "$@" >/dev/null && cmake --build --preset "$preset" --target "$target"
}

# run_web_build NAME TARGET: the host as WebAssembly, in build/web-NAME. NAME is switch, as it is in the package, or tail, with
# the handlers as functions that call each other, to measure it by. Both need vectors.
run_web_build() {
    local features="-msimd128"
    [ "$1" != tail ] || features="-mtail-call;-msimd128"
    cmake -G Ninja -S . -B "build/web-$1" -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/wasm32-toolchain.cmake" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DWPLUG_WEB_FEATURES="$features" \
        -DWPLUG_TESTS=OFF -DWPLUG_WERROR=ON >/dev/null && cmake --build "build/web-$1" --target "$2"
}

# What drives the browsers that are installed; it downloads none.
install_playwright() {
    local folder=web/test/browser
    if ! cmp -s $folder/package-lock.json $folder/node_modules/.installed; then
        npm ci --prefix $folder --no-audit --no-fund && cp $folder/package-lock.json $folder/node_modules/.installed
    fi
}

# find_rust TARGET: sets rustc and cargo to a Rust that can build for it, and standard_library to where it has that from: its
# own compiled one, or the source, which RUSTC_BOOTSTRAP=1 and -Zbuild-std let it compile.
find_rust() {
    local candidate
    for candidate in rustc /usr/bin/rustc; do
        rustc=$(command -v "$candidate") || continue
        cargo=$(dirname "$rustc")/cargo
        if [ -d "$("$rustc" --print target-libdir --target "$1" 2>/dev/null)" ]; then
            standard_library=compiled
        elif [ -d "$("$rustc" --print sysroot)/lib/rustlib/src/rust/library/std" ]; then
            standard_library=source
        else
            continue
        fi
        return 0
    done
    return 1
}

# Where the test vectors from outside are: $WPLUG_CONFORMANCE, else ../shared/conformance, else nowhere
# (empty).
find_conformance() {
    if [ -z "${WPLUG_CONFORMANCE:-}" ] && [ -d ../shared/conformance ]; then
        WPLUG_CONFORMANCE=$(cd ../shared/conformance && pwd)
    fi
    export WPLUG_CONFORMANCE=${WPLUG_CONFORMANCE:-}
}
