#!/usr/bin/env bash
# Runs one test of one file in an empty folder: run.sh FILE test_NAME, with the variables that lib.sh names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
file=$1
name=$2
folder=$(mktemp -d)
cleanup() {
    # Whatever a failed test left running in the background ends with it.
    local children
    children=$(jobs -p)
    # shellcheck disable=SC2086 # one word a process
    [ -z "$children" ] || kill $children 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"
exec </dev/null
source "$here/lib.sh"
source "$file"
"$name"
