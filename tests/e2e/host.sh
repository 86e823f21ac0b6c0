# wplug call --host: host methods that are shell commands.

plugin=$PLUGINS/test-plugin.wasm
ask=$GUESTS/ask.wasm

test_params_go_in_and_the_result_comes_out() {
    wplug call --quiet --host 'first=tr a-z A-Z' --host 'second=wc -c' "$ask" go '"abc"'
    expect_status 0
    expect_out_has '"result":"ABC"'
    # Params as the plugin wrote them, five bytes with the quotes, and a line feed.
    expect_out_has '"result":6'
}

test_commands_run_at_the_same_time() {
    # Each waits for what the other writes: one after the other they would wait for ever.
    mkfifo one two
    wplug call --timeout 60 --host 'first=echo hello >one; read -r x <two; echo "\"$x\""' \
        --host 'second=read -r x <one; echo there >two; echo "\"$x\""' "$ask" go
    expect_status 0
    expect_out_has '"result":"there"'
    expect_out_has '"result":"hello"'
}

test_the_guest_goes_on_while_a_command_runs() {
    # The first command ends only after the second has: the answers come in that order.
    mkfifo gate
    wplug call --host 'first=read -r x <gate; echo 1' --host 'second=echo go >gate; echo 2' "$ask" go
    expect_status 0
    expect_out_has '"result":2'
}

test_a_command_learns_who_asks() {
    wplug call --name asker --id 6ba7b810-9dad-41d1-80b4-00c04fd430c8 \
        --host 'first=echo "\"$WPLUG_METHOD $WPLUG_PLUGIN $WPLUG_PLUGIN_ID\""' --host second=cat "$ask" go
    expect_status 0
    expect_out_has '"first asker 6ba7b810-9dad-41d1-80b4-00c04fd430c8"'
}

test_the_star_stands_for_all_other_methods() {
    wplug call --host 'first=echo 1' --host '*=echo "\"$WPLUG_METHOD\""' "$ask" go
    expect_status 0
    expect_out_has '"result":1'
    expect_out_has '"result":"second"'
}

test_a_method_that_nobody_provides_is_not_found() {
    wplug call --host first=cat "$ask" go
    expect_status 0
    expect_out_has '-32601'
}

test_no_output_means_null() {
    wplug call --host first=true --host second=cat "$ask" go 5
    expect_status 0
    expect_out_has '"result":null'
    expect_out_has '"result":5'
}

test_output_on_several_lines_is_fine() {
    wplug call --host "first=printf '[1,\n 2]\n'" --host second=cat "$ask" go
    expect_status 0
    [ "$(tr -d ' ' <out | grep -c '"result":\[1,2\]')" -eq 1 ] || broken "the result did not arrive"
}

test_output_that_is_not_json_is_an_error_of_the_method() {
    wplug call --host 'first=echo oops' --host second=cat "$ask" go
    expect_status 0
    expect_out_has '-32603'
    expect_out_has 'not JSON'
    expect_out_has first
}

test_a_status_other_than_0_is_an_error_with_what_it_said() {
    wplug call --host 'first=echo "disk on fire" >&2; exit 3' --host second=cat "$ask" go
    expect_status 0
    expect_out_has '-32000'
    expect_out_has 'exited with status 3'
    expect_out_has 'disk on fire'
    # The person at the terminal sees it too.
    expect_err_has 'disk on fire'
}

test_a_missing_program_is_an_error_with_the_shells_words() {
    wplug call --host 'first=no-such-program-anywhere' --host second=cat "$ask" go
    expect_status 0
    expect_out_has 'exited with status 127'
    expect_out_has 'no-such-program-anywhere'
}

test_a_command_ended_by_a_signal_is_an_error() {
    wplug call --host 'first=kill -9 $$' --host second=cat "$ask" go
    expect_status 0
    expect_out_has 'ended by signal 9'
}

test_only_the_start_of_a_long_complaint_is_quoted() {
    wplug call --quiet --host 'first=head -c 100000 /dev/zero | tr "\0" x >&2; exit 1' --host second=cat "$ask" go
    expect_status 0
    expect_out_has xxxxxxxx
    [ "$(wc -c <out)" -lt 3000 ] || broken "the error is too long"
}

test_a_command_need_not_read_its_params() {
    {
        printf '"'
        head -c 60000 /dev/zero | tr '\0' x
        printf '"'
    } >params.json
    wplug call --host 'first=exec <&-; echo 1' --host 'second=echo 2' "$ask" go @params.json
    expect_status 0
    expect_out_has '"result":1'
}

test_params_and_results_larger_than_a_pipe_go_through() {
    # 5 MiB in, 5 MiB out, both far beyond what a pipe holds.
    {
        printf '"'
        head -c 5000000 /dev/zero | tr '\0' x
        printf '"'
    } >big.json
    wplug call --host "blob=cat $PWD/big.json" --host "check=wc -c" "$GUESTS/relay.wasm" go
    expect_status 0
    expect_out 5000003
}

test_a_result_over_the_message_limit_is_an_error_and_ends_the_command() {
    wplug call --limit message=10K --host 'first=yes 1' --host second=cat "$ask" go
    expect_status 0
    expect_out_has 'more than a message may be long'
}

test_a_process_left_behind_does_not_hold_up_the_answer() {
    wplug call --timeout 100 --host 'first=sleep 1000 & echo $! >left; echo 1' --host second=cat "$ask" go
    expect_status 0
    expect_out_has '"result":1'
    kill "$(cat left)"
}

# A process that was killed may be a zombie until its parent has looked: dead all the same.
is_alive() {
    [ -r "/proc/$1/stat" ] && ! grep -q ') [ZX] ' "/proc/$1/stat"
}

test_commands_are_killed_with_what_they_started_when_the_call_ends() {
    last_command="wplug call (then TERM)"
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" call --host 'first=echo $$ >shell; sleep 1000 & echo $! >child; wait' \
        --host second=cat "$ask" go >out 2>err &
    local pid=$!
    while [ ! -s child ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    expect_status 143
    # What is killed goes when the system gets to it, which may be a moment after the command has ended.
    local tries=500
    for file in shell child; do
        while is_alive "$(cat $file)" && [ $((tries--)) -gt 0 ]; do sleep 0.02; done
        ! is_alive "$(cat $file)" || broken "the $file still runs"
    done
}

test_hundreds_of_requests_in_flight_take_turns() {
    wplug call --host 'work=read -r n; echo "$n"' "$GUESTS/fan.wasm" go 300
    expect_status 0
    # The sum of 0 to 299.
    expect_out 44850
}

test_notifications_run_the_command_and_get_no_answer() {
    wplug call --trace --host 'note=cat >noted' --host 'ready=until [ -s noted ]; do sleep 0.02; done' \
        "$GUESTS/notify.wasm" go
    expect_status 0
    expect_out '"done"'
    [ "$(cat noted)" = '["hello"]' ] || broken "the command did not get the params"
    # The plugin is sent its own request and the answer of `ready`, and nothing for the notification.
    [ "$(grep -cF -- '] <- ' err)" -eq 2 ] || broken "the notification was answered"
}
