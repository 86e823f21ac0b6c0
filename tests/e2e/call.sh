# wplug call: results, params, logs, and an exit status for each way a call can end.

plugin=$PLUGINS/test-plugin.wasm

test_ping_answers_pong() {
    wplug call "$plugin" ping
    expect_status 0
    expect_out '"pong"'
}

test_get_random_number_differs_from_call_to_call() {
    wplug call "$plugin" get_random_number
    expect_status 0
    expect_out_matches '^[0-9]{1,20}$'
    cp out first
    wplug call "$plugin" get_random_number
    expect_status 0
    ! cmp -s out first || broken "two random 64-bit numbers are equal"
}

test_get_time_is_the_systems_time_in_seconds() {
    local before after
    before=$(date +%s)
    wplug call "$plugin" get_time
    after=$(date +%s)
    expect_status 0
    expect_out_matches '^[0-9]+$'
    local told
    told=$(cat out)
    [ "$told" -ge "$before" ] && [ "$told" -le "$after" ] || broken "$told is not within $before..$after"
}

test_sleep_answers_null_after_that_time_and_not_before() {
    local before after
    before=$(date +%s%N)
    wplug call "$plugin" sleep 300
    after=$(date +%s%N)
    expect_status 0
    expect_out null
    [ $((after - before)) -ge 300000000 ] || broken "came back after $((after - before)) ns"
}

test_many_echo_calls_the_host_method_for_each() {
    wplug call --host 'echo=cat' --trace "$plugin" many_echo 5
    expect_status 0
    [ "$(grep -cF '"method":"echo"' err)" -eq 5 ] || broken "expected five requests of echo"
}

test_prime_sieve_counts_primes() {
    # There are 1229 primes below 10000.
    wplug call "$plugin" prime_sieve 10000
    expect_status 0
    expect_out '{"count":1229,"limit":10000}'
}

# ---- Params ------------------------------------------------------------------------------------------------

mirror=$GUESTS/mirror.wasm

test_params_default_to_null() {
    wplug call "$mirror" anything
    expect_status 0
    expect_out null
}

test_params_pass_through_untouched() {
    local params='{"big":18446744073709551615,"huge":1e400,"text":"\u00e9 \ud834\udd1e \"quoted\"","list":[1,2.50,true,null]}'
    wplug call "$mirror" anything "$params"
    expect_status 0
    expect_out "$params"
}

test_params_may_be_a_negative_number() {
    wplug call "$mirror" anything -5
    expect_status 0
    expect_out -5
}

test_params_come_from_a_file() {
    echo '{"from":"file"}' >params.json
    wplug call "$mirror" anything @params.json
    expect_status 0
    expect_out '{"from":"file"}'
}

test_paths_and_params_may_hold_any_characters() {
    cp "$PLUGINS/hello.wasm" 'h€.wasm'
    printf '{"name":"Zoë 日本"}' >'p€.json'
    # A locale of UTF-8, because wine takes arguments to be in the locale's.
    LC_ALL=C.UTF-8 wplug call 'h€.wasm' hello '@p€.json'
    expect_status 0
    expect_out '"Hello, Zoë 日本!"'
    LC_ALL=C.UTF-8 wplug call 'h€.wasm' hello '{"name":"ß"}'
    expect_out '"Hello, ß!"'
}

test_params_come_from_standard_input() {
    wplug call "$mirror" anything - <<<'{"from":"stdin"}'
    expect_status 0
    expect_out '{"from":"stdin"}'
}

test_params_on_several_lines_reach_the_plugin_on_one() {
    printf '{\n  "a": [1,\r\n\t2],\n  "b": "x\\ny"\n}\n' >params.json
    wplug call "$mirror" anything @params.json
    expect_status 0
    [ "$(wc -l <out)" -eq 1 ] || broken "the result has several lines"
    [ "$(tr -d ' \t' <out)" = '{"a":[1,2],"b":"x\ny"}' ] || broken "other params arrived"
}

test_params_of_megabytes_come_back_whole() {
    {
        printf '["'
        head -c 3000000 /dev/zero | tr '\0' x
        printf '"]\n'
    } >params.json
    wplug call "$mirror" anything @params.json
    expect_status 0
    cmp params.json out || broken "the result differs"
}

test_params_that_are_not_json_are_wrong_usage() {
    for params in '{' 'hello' '' '{"a":}' '1 2' '"\x"'; do
        wplug call "$mirror" anything "$params"
        expect_status 2
        expect_empty out
        expect_err_has "PARAMS are not JSON"
    done
}

test_params_with_a_zero_byte_are_wrong_usage() {
    printf '"a\0b"' >params.json
    wplug call "$mirror" anything @params.json
    expect_status 2
    expect_err_has "PARAMS are not JSON"
}

test_a_missing_params_file_is_named() {
    wplug call "$mirror" anything @missing.json
    expect_status 1
    expect_err_has "missing.json"
}

# ---- The log and the trace ---------------------------------------------------------------------------------

test_log_lines_carry_the_plugins_name_and_short_id() {
    wplug call --id 6ba7b810-9dad-41d1-80b4-00c04fd430c8 "$mirror" anything '[1]'
    expect_status 0
    expect_err_matches '^mirror\[d430c8\] mirroring 3 bytes$'
    expect_out_lacks mirroring
}

test_name_replaces_the_files_name_in_the_log() {
    wplug call --name magpie "$mirror" anything
    expect_err_matches '^magpie\[[0-9a-f]{6}\] mirroring 4 bytes$'
}

test_the_id_differs_from_run_to_run() {
    wplug call "$mirror" anything
    cp err first
    wplug call "$mirror" anything
    ! cmp -s err first || broken "two random ids are equal"
}

test_quiet_leaves_out_the_log() {
    wplug call --quiet "$mirror" anything
    expect_status 0
    expect_empty err
}

test_control_characters_in_a_log_cannot_reach_the_terminal() {
    wplug call "$GUESTS/escape.wasm" anything
    expect_status 0
    expect_err_has '\x1b[31mred\x07'
    ! grep -q "$(printf '\033')" err || broken "an escape character came through"
}

test_trace_shows_each_message_in_both_directions() {
    wplug call --trace --name p --id 6ba7b810-9dad-41d1-80b4-00c04fd430c8 --host 'first=echo 1' --host 'second=echo 2' \
        "$GUESTS/ask.wasm" go '[7]'
    expect_status 0
    expect_err_has 'p[d430c8] <- {"jsonrpc":"2.0","id":0,"method":"go","params":[7]}'
    expect_err_has 'p[d430c8] -> {"jsonrpc":"2.0","id":0,"method":"first","params":[7]}'
    expect_err_has 'p[d430c8] -> {"jsonrpc":"2.0","id":1,"method":"second","params":[7]}'
    expect_err_has 'p[d430c8] <- {"jsonrpc":"2.0","id":0,"result":1}'
    expect_err_has 'p[d430c8] <- {"jsonrpc":"2.0","id":1,"result":2}'
    expect_err_matches '^p\[d430c8\] -> \{"jsonrpc":"2.0","id":0,"result":\['
    [ "$(grep -c '^p\[d430c8\] ' err)" -eq 6 ] || broken "expected six messages"
}

test_stats_tell_fuel_time_and_memory() {
    wplug call --stats "$plugin" ping
    expect_status 0
    expect_out '"pong"'
    expect_err_matches '^wplug: fuel [1-9][0-9]*, time [0-9.]+ ms, memory [1-9][0-9]* KiB$'
}

# ---- Arguments, environment, repeatable runs ---------------------------------------------------------------

test_arg_and_env_reach_the_plugin() {
    wplug call --arg one --arg 'two words' --env COLOUR=blue --env EMPTY= "$GUESTS/surroundings.wasm" anything
    expect_status 0
    expect_out "[\"$GUESTS/surroundings.wasm\",\"one\",\"two words\",\"COLOUR=blue\",\"EMPTY=\"]"
}

test_the_plugin_sees_nothing_of_the_environment_by_default() {
    SECRET=1 wplug call "$GUESTS/surroundings.wasm" anything
    expect_status 0
    expect_out '[]'
}

test_a_seed_makes_runs_repeatable() {
    wplug call --seed 1 "$plugin" get_random_number
    expect_status 0
    cp out first
    wplug call --seed 1 "$plugin" get_random_number
    cmp out first || broken "two runs with one seed differ"
    wplug call --seed 2 "$plugin" get_random_number
    ! cmp -s out first || broken "another seed gave the same number"
}

test_start_time_sets_the_plugins_clock() {
    wplug call --start-time 1000000000 "$plugin" get_time
    expect_status 0
    expect_out 1000000000
}

test_with_a_seed_a_sleep_takes_no_time() {
    # Ten hours of sleep would run into the time limit, and into this test's.
    wplug call --seed 1 --timeout none "$plugin" sleep 36000000
    expect_status 0
    expect_out null
}

test_async_lets_a_read_of_an_empty_stdin_fail_with_eagain() {
    wplug call --async "$GUESTS/eagain.wasm" anything
    expect_status 0
    expect_out '"again"'
    # Without it the read would wait for what nobody sends.
    wplug call "$GUESTS/eagain.wasm" anything
    expect_status 6
}

# ---- How calls end -----------------------------------------------------------------------------------------

test_status_4_an_error_of_the_method() {
    wplug call "$GUESTS/refuse.wasm" paint
    expect_status 4
    expect_empty out
    expect_err_has "no such colour"
    expect_err_has "-32602"
    expect_err_has 'data: {"colour":"octarine"}'
}

test_status_4_an_unknown_method() {
    wplug call "$plugin" no_such_method
    expect_status 4
    expect_err_has "-32601"
    expect_err_has "no_such_method"
}

test_status_5_a_trap_with_a_named_backtrace() {
    wplug call "$GUESTS/crash.wasm" anything
    expect_status 5
    expect_empty out
    expect_err_matches '^crash\[[0-9a-f]{6}\] about to crash$'
    expect_err_has unreachable
    expect_err_matches '^    at crash_here '
}

test_status_6_a_return_without_an_answer() {
    wplug call "$GUESTS/silent.wasm" anything
    expect_status 6
    expect_empty out
    expect_err_has "leaving with 0"
}

test_status_6_an_exit_without_an_answer_names_its_code() {
    wplug call "$GUESTS/silent.wasm" anything 3
    expect_status 6
    expect_err_matches 'wplug: .*\b3\b'
}

test_status_6_output_that_is_no_message_is_quoted() {
    wplug call "$GUESTS/garbage.wasm" anything
    expect_status 6
    expect_empty out
    expect_err_has "hello, I am not JSON"
}

test_status_6_waiting_for_what_never_comes() {
    wplug call "$GUESTS/deaf.wasm" anything
    expect_status 6
    expect_err_matches '^wplug: '
}

test_status_7_out_of_fuel() {
    wplug call --fuel 1M "$GUESTS/spin.wasm" anything
    expect_status 7
    expect_err_has fuel
    expect_err_matches '^    at forever '
}

test_status_7_out_of_time() {
    wplug call --timeout 100ms "$GUESTS/spin.wasm" anything
    expect_status 7
    expect_err_has "100 ms"
}

test_status_7_out_of_time_while_it_sleeps() {
    wplug call --timeout 100ms "$plugin" sleep 30000
    expect_status 7
    expect_err_has "100 ms"
}

test_status_7_out_of_stack() {
    wplug call "$GUESTS/recurse.wasm" anything
    expect_status 7
    expect_err_has stack
}

test_status_7_a_limit_of_depth() {
    wplug call --limit depth=50 "$GUESTS/recurse.wasm" anything
    expect_status 7
}

test_status_7_out_of_memory() {
    wplug call --memory 64K "$plugin" ping
    expect_status 7
    expect_err_has memory
}

test_status_7_a_log_that_never_ends() {
    wplug call --quiet --limit log=100K "$GUESTS/babble.wasm" anything
    expect_status 7
    expect_err_has log
}

test_status_7_a_message_too_long() {
    printf '"%01000d"' 0 >params.json
    wplug call --limit message=500 "$mirror" anything @params.json
    expect_status 7
    expect_err_has message
}

test_status_7_a_message_too_deep() {
    wplug call --limit message-depth=3 "$mirror" anything '[[[1]]]'
    expect_status 7
    expect_empty out
    expect_err_has "more than 3 deep"
    # The message itself is the first level.
    wplug call --limit message-depth=3 "$mirror" anything '[[1]]'
    expect_status 0
}

test_status_7_too_many_host_calls_at_once() {
    wplug call --limit host-calls=1 --host first=cat --host second=cat "$GUESTS/ask.wasm" go
    expect_status 7
    wplug call --limit host-calls=2 --host first=cat --host second=cat "$GUESTS/ask.wasm" go
    expect_status 0
}

test_a_long_log_line_is_cut() {
    wplug call --limit log-line=8 "$mirror" anything
    expect_status 0
    expect_err_matches '^mirror\[[0-9a-f]{6}\] mirrorin\.\.\.$'
}

# ---- Plugins that do not load ------------------------------------------------------------------------------

# expect_refused FILE TEXT: status 3, and stderr has the text.
expect_refused() {
    wplug call "$1" anything
    expect_status 3
    expect_empty out
    expect_err_has "$2"
}

test_status_3_a_missing_file_is_named() {
    expect_refused nowhere.wasm nowhere.wasm
}

test_status_3_a_folder() {
    mkdir folder
    expect_refused folder folder
}

test_status_3_an_empty_file() {
    : >empty.wasm
    expect_refused empty.wasm empty
}

test_status_3_a_text_file() {
    echo '#!/bin/sh' >text.wasm
    expect_refused text.wasm text.wasm
}

test_status_3_a_module_cut_off() {
    head -c 500 "$plugin" >cut.wasm
    expect_refused cut.wasm cut.wasm
}

test_status_3_a_reactor() {
    expect_refused "$GUESTS/reactor.wasm" _initialize
}

test_status_3_no_start() {
    expect_refused "$GUESTS/no_start.wasm" _start
}

test_status_3_unknown_imports_are_all_named() {
    expect_refused "$GUESTS/unknown_imports.wasm" env.launch_rocket
    expect_err_has env.open_door
    expect_err_has other.counter
    expect_err_lacks proc_exit
}

test_unknown_functions_may_trap_when_they_are_called_instead() {
    wplug call --trap-unknown-imports "$GUESTS/unknown_function.wasm" anything
    expect_status 5
    expect_err_has launch_rocket
}

# ---- Interruptions and outputs that fail -------------------------------------------------------------------

# interrupt SIGNAL COMMAND...: runs it, sends the signal once it has started to work, and sets $status.
interrupt() {
    local signal=$1
    shift
    last_command="$* (then $signal)"
    : >out
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" "$@" >out 2>err &
    local pid=$!
    while [ ! -s err ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    kill "-$signal" "$pid"
    status=0
    wait "$pid" || status=$?
}

test_ctrl_c_ends_a_call_cleanly() {
    set -m # so that the shell does not have its background jobs ignore SIGINT
    interrupt INT call --trace --timeout none "$plugin" sleep 600000
    expect_status 130
    expect_empty out
    expect_err_has "wplug: "
}

test_a_terminating_signal_ends_a_call_cleanly() {
    interrupt TERM call --trace --timeout none "$GUESTS/spin.wasm" anything
    expect_status 143
}

test_a_full_disk_is_an_error() {
    [ -e /dev/full ] || return 0
    status=0
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" call "$plugin" ping >/dev/full 2>err || status=$?
    expect_status 1
    expect_err_has "cannot write to standard output"
}

test_a_closed_stdout_is_an_error() {
    status=0
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" call "$plugin" ping >&- 2>err || status=$?
    expect_status 1
    expect_err_has "cannot write to standard output"
}

test_a_broken_pipe_is_an_error() {
    # The reader is gone before the first byte: the fifo's only reader closes at once.
    mkfifo pipe
    (exec <pipe) &
    status=0
    {
        wait $! || true
        # shellcheck disable=SC2086
        ${WPLUG_RUNNER:-} "$WPLUG" call "$plugin" ping 2>err || echo $? >status_file
    } >pipe
    [ -f status_file ] && status=$(cat status_file)
    expect_status 1
    expect_err_has "cannot write to standard output"
}
