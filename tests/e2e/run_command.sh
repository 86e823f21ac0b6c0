# wplug run: WASI commands with the process's own stdio, and single exported functions.

test_stdin_goes_to_stdout_byte_for_byte() {
    head -c 2000000 /dev/urandom >input
    wplug run "$GUESTS/cat.wasm" <input
    expect_status 0
    cmp input out || broken "the copy differs"
    expect_err_has "copied 2000000 bytes"
}

test_stdin_may_be_a_pipe_that_is_slow() {
    mkfifo pipe
    {
        echo one
        sleep 0.3
        echo two
    } >pipe &
    wplug run "$GUESTS/cat.wasm" <pipe
    expect_status 0
    expect_out "$(printf 'one\ntwo')"
}

test_stdout_may_be_a_pipe_whose_reader_is_slow() {
    head -c 300000 /dev/urandom >input
    status=0
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" run "$GUESTS/cat.wasm" <input 2>err | {
        sleep 0.3
        cat >out
    }
    cmp input out || broken "the copy differs"
}

test_arguments_reach_the_command_in_order_options_and_all() {
    wplug run "$GUESTS/args.wasm" one --fuel '' 'two words' -- -x
    expect_status 0
    expect_out "$(printf 'arg one\narg --fuel\narg \narg two words\narg --\narg -x')"
}

test_the_command_sees_only_the_environment_that_it_is_given() {
    SECRET=1 wplug run --env A=1 --env B= "$GUESTS/args.wasm"
    expect_status 0
    expect_out "$(printf 'env A=1\nenv B=')"
}

test_the_exit_code_is_passed_on() {
    for code in 0 1 2 42 255; do
        wplug run "$GUESTS/status.wasm" "$code"
        expect_status "$code"
        expect_empty out
        expect_empty err
    done
}

test_an_exit_code_that_does_not_fit_is_no_success() {
    wplug run "$GUESTS/status.wasm" 256
    expect_status 255
    wplug run "$GUESTS/status.wasm" -1
    expect_status 255
}

test_status_134_a_trap_with_a_named_backtrace() {
    wplug run "$GUESTS/trap.wasm"
    expect_status 134
    expect_err_has unreachable
    expect_err_matches '^    at inner_function '
    expect_err_matches '^    at outer_function '
    expect_err_matches '^    at (__main_void|__original_main|main|_start) '
}

test_status_143_the_command_raises_sigterm() {
    wplug run "$GUESTS/raise.wasm"
    expect_status 143
}

test_status_124_out_of_fuel() {
    wplug run --fuel 1M "$GUESTS/spin.wasm"
    expect_status 124
    expect_err_has fuel
}

test_status_124_out_of_time() {
    wplug run --timeout 100ms "$GUESTS/spin.wasm"
    expect_status 124
    expect_err_has "100 ms"
}

test_status_124_out_of_time_while_it_waits_for_stdin() {
    mkfifo pipe
    exec 9<>pipe
    wplug run --timeout 100ms "$GUESTS/cat.wasm" <&9
    expect_status 124
}

test_status_124_out_of_stack() {
    wplug run "$GUESTS/recurse.wasm"
    expect_status 124
    expect_err_has stack
}

test_status_124_out_of_table_elements() {
    wplug run --limit table=100 "$GUESTS/tables.wasm"
    expect_status 124
    expect_err_has table
    wplug run "$GUESTS/tables.wasm"
    expect_status 0
}

test_the_stacks_limits_can_be_set() {
    # Each of the guest's calls takes at least the eight bytes of its return address.
    wplug run --limit stack=64K --limit depth=1M "$GUESTS/recurse.wasm"
    expect_status 124
    expect_err_has 65536
    wplug run --limit stack=64M --limit depth=1000 "$GUESTS/recurse.wasm"
    expect_status 124
    expect_err_has 1000
}

test_memory_is_limited_when_asked() {
    wplug run --memory 8M "$GUESTS/grow.wasm"
    # The program notices the refusal and ends well.
    expect_status 0
    expect_out refused
    expect_err_matches '^had [4-7] MiB$'
}

test_status_126_what_does_not_load() {
    wplug run nowhere.wasm
    expect_status 126
    expect_err_has nowhere.wasm
    echo text >text.wasm
    wplug run text.wasm
    expect_status 126
    wplug run "$GUESTS/unknown_imports.wasm"
    expect_status 126
    expect_err_has env.launch_rocket
    wplug run "$GUESTS/no_start.wasm"
    expect_status 126
    expect_err_has _start
}

test_status_130_ctrl_c() {
    set -m # so that the shell does not have its background jobs ignore SIGINT
    mkfifo pipe
    exec 9<>pipe
    echo started >&9
    : >out
    last_command="wplug run cat.wasm (then INT)"
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" run "$GUESTS/cat.wasm" <&9 >out 2>err &
    local pid=$!
    while [ ! -s out ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    expect_status 130
}

test_a_reader_that_went_away_ends_the_command_like_a_native_one() {
    mkfifo pipe
    (exec <pipe) &
    {
        wait $! || true
        # shellcheck disable=SC2086 # the runner is a command with its options
        head -c 1000000 /dev/zero | ${WPLUG_RUNNER:-} "$WPLUG" run "$GUESTS/cat.wasm" 2>err || echo $? >status_file
    } >pipe
    status=0
    [ -f status_file ] && status=$(cat status_file)
    # 128 + SIGPIPE
    expect_status 141
}

test_time_passes_for_the_command() {
    wplug run "$GUESTS/clock.wasm" 50
    expect_status 0
    expect_out slept
}

test_a_seed_makes_randomness_repeatable() {
    wplug run --seed 7 "$GUESTS/random.wasm"
    expect_status 0
    expect_out_matches '^[0-9a-f]{32}$'
    cp out first
    wplug run --seed 7 "$GUESTS/random.wasm"
    cmp out first || broken "two runs with one seed differ"
    wplug run "$GUESTS/random.wasm"
    ! cmp -s out first || broken "a run without a seed gave the same bytes"
}

test_stats_tell_the_same_fuel_for_the_same_run() {
    wplug run --stats "$GUESTS/status.wasm" 0
    expect_status 0
    expect_err_matches '^wplug: fuel [1-9][0-9]*, '
    cp err first
    wplug run --stats "$GUESTS/status.wasm" 0
    [ "$(sed 's/,.*//' first)" = "$(sed 's/,.*//' err)" ] || broken "the fuel differs: $(cat first)"
}

# ---- Single functions --------------------------------------------------------------------------------------

calc=$GUESTS/calc.wasm

# expect_invoke RESULT EXPORT ARG...: prints exactly that.
expect_invoke() {
    local result=$1 export=$2
    shift 2
    wplug run --invoke "$export" "$calc" "$@"
    expect_status 0
    expect_empty err
    expect_out "$result"
}

test_invoke_takes_and_prints_every_kind_of_number() {
    expect_invoke 5 add 2 3
    expect_invoke -1 add 2 -3
    expect_invoke -2147483648 add 2147483647 1
    expect_invoke 17 add 0x10 1
    expect_invoke -2 multiply 9223372036854775807 2
    expect_invoke 0.75 half 1.5
    expect_invoke inf half inf
    expect_invoke 1.4142135623730951 root 2
    expect_invoke nan root -1
}

test_invoke_prints_several_results_one_a_line_and_none_as_nothing() {
    expect_invoke "$(printf '9000000000\n4')" swap 4 9000000000
    wplug run --invoke nothing "$calc"
    expect_status 0
    expect_empty out
}

test_invoke_passes_null_references() {
    expect_invoke null reference null
}

test_invoke_of_a_missing_export_is_wrong_usage() {
    wplug run --invoke subtract "$calc" 1 2
    expect_status 2
    expect_empty out
    expect_err_has subtract
}

test_invoke_of_something_that_is_no_function_is_wrong_usage() {
    wplug run --invoke answer "$calc"
    expect_status 2
    expect_err_has answer
}

test_invoke_with_arguments_that_do_not_fit_is_wrong_usage() {
    for arguments in "" "1" "1 2 3" "1 x" "1 1.5" "1 4294967296"; do
        # shellcheck disable=SC2086 # several arguments
        wplug run --invoke add "$calc" $arguments
        expect_status 2
        expect_empty out
        expect_err_matches '^wplug: '
    done
}

test_invoke_that_traps_says_where() {
    wplug run --invoke divide "$calc" 1 0
    expect_status 134
    expect_err_has "divide by zero"
    expect_err_matches '^    at inner_divide '
    expect_err_matches '^    at divide '
}

test_invoke_obeys_limits() {
    wplug run --fuel 10K --invoke spin "$calc"
    expect_status 124
}
