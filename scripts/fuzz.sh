#!/usr/bin/env bash
# scripts/fuzz.sh [SECONDS]: builds the fuzz targets with the sanitizers and runs each for SECONDS (60 where not given:
# the nightly minute), one after the other, from the seeds in tests/fuzz/seeds on. Fails where one finds something.
source "$(dirname "$0")/common.sh"

seconds=${1:-60}
case $seconds in
    '' | *[!0-9]*) fail "usage: scripts/fuzz.sh [SECONDS]" ;;
esac

install_missing "${BUILD_PACKAGES[@]}" libclang-rt-19-dev
run_cmake_build fuzz fuzz

failed=()
for seeds in tests/fuzz/seeds/*/; do
    name=$(basename "$seeds")
    tests/fuzz/fuzz_one.sh "build/fuzz/tests/fuzz/${name}_fuzz" "$seeds" "$seconds" || failed+=("$name")
done
if [ ${#failed[@]} -ne 0 ]; then
    fail "findings: ${failed[*]}"
fi
say "No findings"
