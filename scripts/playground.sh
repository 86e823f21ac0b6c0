#!/usr/bin/env bash
# The playground: a page in which plugins are loaded and called (web/playground). Installs what is missing, builds the
# plugins, the package and the page, and serves it on localhost until Ctrl+C.
#
#     scripts/playground.sh               serves it, and prints its address
#     scripts/playground.sh --build-only  leaves it in web/playground/dist: a folder for any static server
source "$(dirname "$0")/common.sh"

case ${1:-} in
'' | --build-only) ;;
*) fail "usage: scripts/playground.sh [--build-only]: see the top of this file" ;;
esac

# Node may come from elsewhere than Debian.
command -v npm >/dev/null 2>&1 || install_missing nodejs npm
install_missing "${BUILD_PACKAGES[@]}"

say "Plugins"
run_cmake_build release plugins
scripts/web.sh || exit

say "The page"
if ! cmp -s web/playground/package-lock.json web/playground/node_modules/.installed; then
    npm ci --prefix web/playground --no-audit --no-fund
    cp web/playground/package-lock.json web/playground/node_modules/.installed
fi
npm run --prefix web/playground build
say "Built web/playground/dist"
if [ "${1:-}" != --build-only ]; then
    say "Serving it; Ctrl+C ends that"
    npm run --silent --prefix web/playground preview
fi
