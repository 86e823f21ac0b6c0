#!/usr/bin/env bash
# The host as a package for browsers and Node, in web/.
#
#     scripts/web.sh            builds web/dist: the host as WebAssembly, and the TypeScript
#     scripts/web.sh test       builds it, and the plugins, and runs the tests in Node
#     scripts/web.sh sizes      builds it and says how large it is
#
# Needs node (20 or later) and npm besides what scripts/build.sh installs; npm gets the TypeScript compiler of
# web/package-lock.json. Exits with 77, and says so, where these are not to be had. All of the interpreter is one
# function here, over which clang takes a minute or two.
source "$(dirname "$0")/common.sh"

skip() {
    say "Skipped: the package in web/: $*"
    exit 77
}

# The TypeScript compiler, where it is not there yet.
install_compiler() {
    local tool
    for tool in node npm; do
        command -v $tool >/dev/null 2>&1 || skip "$tool is not there"
    done
    [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || skip "node is older than 20"
    if ! cmp -s web/package-lock.json web/node_modules/.installed; then
        (cd web && npm ci --no-audit --no-fund) || skip "npm cannot install the TypeScript compiler"
        cp web/package-lock.json web/node_modules/.installed
    fi
}

build() {
    install_compiler
    install_missing "${BUILD_PACKAGES[@]}"
    say "The host"
    run_web_build switch wplug_web
    say "The package"
    rm -rf web/dist
    mkdir web/dist
    cp build/web-switch/web/wplug.wasm web/dist
    cp LICENSE web/LICENSE
    (cd web && npm run --silent build)
}

sizes() {
    local file
    for file in web/dist/*.wasm; do
        printf '%s: %s bytes, gzip %s, brotli %s\n' "$file" "$(wc -c <"$file")" "$(gzip -9 -c "$file" | wc -c)" \
            "$(node -e 'const z = require("zlib"), f = require("fs").readFileSync(process.argv[1]);
                        console.log(z.brotliCompressSync(f, { params: { [z.constants.BROTLI_PARAM_SIZE_HINT]: f.length,
                            [z.constants.BROTLI_PARAM_LGWIN]: 24 } }).length)' "$file")"
    done
}

case ${1:-build} in
build) build ;;
test)
    build
    cmake --preset release >/dev/null
    cmake --build --preset release --target plugins e2e_guests hostile_guests
    say "Tests in Node $(node --version)"
    (cd web && npm test --silent)
    ;;
sizes)
    build
    sizes
    ;;
*) fail "usage: scripts/web.sh [build|test|sizes]: see the top of this file" ;;
esac
