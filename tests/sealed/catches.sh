#!/usr/bin/env bash
# What `sealed` notices and what it lets be: catches.sh SEALED BREAKS TESTS. A program that breaks the seal dies of SIGSYS,
# and the report says how; without the runner the same program ends well. TESTS is the folder of the end-to-end suite.
set -euo pipefail
sealed=$1 breaks=$2 tests=$3
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

broken() {
    printf '%s\n' "$*" >&2
    [ ! -f report ] || cat report >&2
    exit 1
}

# run WAY...: $status, and the file report.
run() {
    rm -f report
    status=0
    "$sealed" report "$breaks" "$@" || status=$?
    [ "$status" -ne 77 ] || exit 77
}

# expect_well SEALS WAY...: nothing to complain of, and so many times the program was sealed.
expect_well() {
    run "${@:2}"
    [ "$status" -eq 0 ] || broken "$2: status $status"
    [ "$(grep -c "^sealed $breaks$" report)" -eq "$1" ] || broken "$2: not sealed $1 times"
    ! grep -q violation report || broken "$2: reported"
}

# expect_caught WHAT WAY...
expect_caught() {
    "$breaks" "${@:2}" || broken "$2: does not end well by itself"
    run "${@:2}"
    [ "$status" -eq 159 ] || broken "$2: status $status, not 159"
    grep -qx "violation: $1" report || broken "$2: not reported as \"$1\""
}

expect_well 1 none
expect_well 1 host_command
expect_well 2 again none
expect_caught 'mmap with PROT_EXEC' mmap
expect_caught 'mprotect with PROT_EXEC' mprotect
expect_caught 'pkey_mprotect with PROT_EXEC' pkey_mprotect
expect_caught 'shmat with SHM_EXEC' shmat
expect_caught 'personality with READ_IMPLIES_EXEC' personality
expect_caught "execve in the program's own process" exec
expect_caught 'mmap with PROT_EXEC' thread
expect_caught 'mmap with PROT_EXEC' child
expect_caught 'mmap with PROT_EXEC' again mmap

# A program whose stack is executable is not even begun.
clang-19 -z execstack -x c -o stack - <<<'int main(void) { return 0; }'
breaks=$folder/stack
expect_caught 'a page that is writable and executable'

# Of a suite, one program fails it, even one whose end nobody asks for.
mkdir suite
cp "$tests/run.sh" "$tests/lib.sh" suite
expect_suite() {
    # shellcheck disable=SC2016 # the suite's own variable
    printf 'test_one() { ${WPLUG_RUNNER:-} %s %s || true; }\n' "$breaks" "$1" >suite/one.sh
    status=0
    bash "$here/e2e.sh" "$sealed" "$folder/suite/one.sh" >said 2>&1 || status=$?
    [ "$status" -eq "$2" ] || broken "a suite that does \"$1\" ended with $status: $(cat said)"
}
breaks=$2
expect_suite none 0
expect_suite mmap 1
