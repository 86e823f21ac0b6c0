#!/usr/bin/env bash
# fuzz_one.sh PROGRAM SEEDS SECONDS: fuzzes that long from the seeds on, without keeping what it learns. Fails on a
# finding, and says where it is: PROGRAM with that file as its argument shows it again.
set -euo pipefail
program=$1 seeds=$2 seconds=$3
name=$(basename "$program")
findings=$(dirname "$program")/findings
[ -n "$(ls "$seeds")" ] || { echo "error: no seeds in $seeds" >&2; exit 1; }
mkdir -p "$findings"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
corpus=$scratch/corpus log=$scratch/log
mkdir "$corpus"
if "$program" -max_total_time="$seconds" -timeout=20 -max_len=2000 -print_final_stats=1 \
    -artifact_prefix="$findings/$name-" "$corpus" "$seeds" >"$log" 2>&1 </dev/null; then
    status=0
else
    status=$?
fi
if [ "$status" -eq 0 ]; then
    echo "$name: $(grep -a 'number_of_executed_units' "$log" | grep -o '[0-9]*$') runs in $seconds s, no finding"
else
    grep -av 'NEW\|REDUCE\|^INFO' "$log" | tail -n 60
    echo "$name: a finding, in $findings"
fi
exit "$status"
