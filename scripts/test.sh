#!/usr/bin/env bash
# Everything that a clone needs to test itself: installs what is missing, builds the release, runs all tests.
# Arguments go to CMake, e.g. scripts/test.sh -DWPLUG_WERROR=ON
#
# The suites of test vectors from outside (WebAssembly specification, JSONTestSuite) are run where they are
# found: in $WPLUG_CONFORMANCE, else in ../shared/conformance. The package for browsers (web/) is tested where there are
# node and npm, in Node and in the browsers that are installed: Chromium, Firefox, both or none.
source "$(dirname "$0")/common.sh"

install_missing "${TEST_PACKAGES[@]}"
run_cmake_build release all "$@"

# CTest says which of the tests in browsers are skipped where this has nothing to make ready.
scripts/browsers.sh </dev/null || [ $? -eq 77 ]

find_conformance
if [ -n "$WPLUG_CONFORMANCE" ]; then
    say "Testing, with the vectors in $WPLUG_CONFORMANCE"
else
    say "Testing, WITHOUT the vectors from outside: those suites are skipped unless WPLUG_CONFORMANCE names them"
fi
ctest --preset release --parallel "$(nproc)" </dev/null

say "Testing the package for browsers in Node"
scripts/web.sh test </dev/null || [ $? -eq 77 ]
