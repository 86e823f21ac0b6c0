# Sourced by run.sh before the file of a test. A test is a function test_NAME; it runs in an empty folder of
# its own.
#
#   WPLUG     the command under test          PLUGINS   the folder of the example plugins
#   GUESTS    the folder of the test guests   EXAMPLES  the folder of the example hosts
#   ROOT      the project                     LINE_CLIENT   a client for servers that speak in lines
#   CHILD     what host commands are made of on Windows
#   WPLUG_RUNNER (may be empty) is put before each run of the command, e.g. valgrind

# launch PROGRAM ARGUMENT...: runs it; its output is then in the files out and err, its status in $status.
# Standard input is empty unless the caller redirects it.
launch() {
    last_command="$(basename "$1") ${*:2}"
    status=0
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$@" >out 2>err || status=$?
}

wplug() {
    launch "$WPLUG" "$@"
}

# Prints the end of a file, cut to what a person reads.
excerpt() {
    printf -- '---- %s (%s bytes)\n' "$1" "$(wc -c <"$1")"
    head -c 2000 "$1"
    printf '\n'
}

broken() {
    local shown=${last_command:-}
    {
        printf '%s\n' "$*"
        printf 'command: %s\nstatus: %s\n' "${shown:0:400}" "${status:-}"
        [ -f out ] && excerpt out
        [ -f err ] && excerpt err
    } >&2
    exit 1
}

expect_status() {
    [ "$status" -eq "$1" ] || broken "expected status $1"
}

# The whole of standard output is this text and a line feed.
expect_out() {
    printf '%s\n' "$1" | cmp -s - out || broken "expected on stdout: $1"
}

expect_out_has() {
    grep -qF -e "$1" out || broken "expected somewhere on stdout: $1"
}

expect_out_matches() {
    grep -qE -e "$1" out || broken "expected a match on stdout of: $1"
}

expect_out_lacks() {
    ! grep -qF -e "$1" out || broken "not expected on stdout: $1"
}

expect_err_has() {
    grep -qF -e "$1" err || broken "expected somewhere on stderr: $1"
}

expect_err_matches() {
    grep -qE -e "$1" err || broken "expected a match on stderr of: $1"
}

expect_err_lacks() {
    ! grep -qF -e "$1" err || broken "not expected on stderr: $1"
}

expect_empty() {
    [ ! -s "$1" ] || broken "expected nothing in $1"
}
