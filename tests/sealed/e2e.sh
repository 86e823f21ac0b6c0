#!/usr/bin/env bash
# The whole end-to-end suite with each run of the command, and of the example hosts, under `sealed`: nothing becomes
# executable after the program's start. e2e.sh SEALED FILE..., the suite's files, with the variables that its lib.sh names.
set -euo pipefail
sealed=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
report=$folder/report
"$sealed" "$report" /bin/true || exit $?
: >"$report"
export WPLUG_RUNNER="$sealed $report"

# run_test FILE FUNCTION: says "ok" or "FAILED", and then what the test said.
run_test() {
    local said
    if said=$(bash "$(dirname "$1")/run.sh" "$1" "$2" 2>&1); then
        printf 'ok %s\n' "$2"
    else
        printf 'FAILED %s\n%s\n' "$2" "$said"
    fi
}
export -f run_test

for file in "$@"; do
    sed -nE "s|^(test_[a-z0-9_]+)\(\) \{.*|$file \1|p" "$file"
done >"$folder/list"
xargs -P "$(nproc)" -L 1 bash -c 'run_test "$@"' run_test <"$folder/list" >"$folder/results"

# What is still running in the background of a test has been killed by now, and its tracer has nothing more to say.
expected=$(wc -l <"$folder/list")
passed=$(grep -c '^ok test_' "$folder/results" || true)
seals=$(grep -c '^sealed ' "$report" || true)
printf '%s of %s tests passed, %s programs sealed\n' "$passed" "$expected" "$seals"
grep -v '^ok test_' "$folder/results" || true
grep -v '^sealed ' "$report" | sort | uniq -c || true
# Each test runs the command at least once, but for a few that look at something else.
[ "$expected" -gt 0 ] && [ "$passed" -eq "$expected" ] && [ "$seals" -ge "$expected" ] && ! grep -qv '^sealed ' "$report"
