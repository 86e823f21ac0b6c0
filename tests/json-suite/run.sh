#!/usr/bin/env bash
# Runs the JSONTestSuite, which is looked for in $WPLUG_CONFORMANCE, else in ../shared/conformance.
#
#     tests/json-suite/run.sh FOLDER RUNNER...
#
# The suite is unpacked into FOLDER. RUNNER may be a program and another one to run it. Exits with 0 where nothing failed, 77 where the suite is not there.
source "$(dirname "$0")/../../scripts/common.sh"

folder=$1
shift
find_conformance
archive=$WPLUG_CONFORMANCE/json-test-suite.tar.xz
if [ -z "$WPLUG_CONFORMANCE" ] || [ ! -f "$archive" ]; then
    say "Skipped: the JSON test suite (json-test-suite.tar.xz) is neither in \$WPLUG_CONFORMANCE nor in" \
        "../shared/conformance"
    exit 77
fi
rm -rf "$folder"
mkdir -p "$folder"
tar -xJf "$archive" -C "$folder"
"$@" "$folder/test_parsing"
