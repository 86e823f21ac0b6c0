#!/usr/bin/env bash
# Makes ready what the tests in browsers need besides the build: the package in web/, the playground, and playwright-core,
# which drives the Chromium and the Firefox that are installed and downloads none. The tests are then CTest's:
#
#     scripts/browsers.sh && ctest --preset release -L browser
#
#     scripts/browsers.sh measure [chromium|firefox]   tells how frames, stopping and calls do in time in a browser
#
# Exits with 77, and says why, where they cannot be run.
source "$(dirname "$0")/common.sh"

skip() {
    say "Skipped: tests in browsers: $*"
    exit 77
}

case ${1:-} in
'' | measure) ;;
*) fail "usage: scripts/browsers.sh [measure [BROWSER]]: see the top of this file" ;;
esac
for tool in node npm; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not there"
done
command -v chromium >/dev/null 2>&1 || command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 ||
    skip "no browser is there: apt-get install chromium firefox-esr"

scripts/playground.sh --build-only || exit
say "playwright-core"
install_playwright || skip "npm cannot install playwright-core"
if [ "${1:-}" = measure ]; then
    say "Measuring"
    node web/test/browser/run.js "${2:-chromium}" measure
fi
