# wplug call --host on Windows: commands for cmd.exe, made of the program child.c, which stands at $CHILD.

plugin=$PLUGINS/test-plugin.wasm
ask=$GUESTS/ask.wasm
# As Windows names it; wine has this machine's files on drive Z.
child="Z:${CHILD//\//\\}"

test_a_host_method_is_called_as_often_as_the_plugin_likes() {
    wplug call --host "echo=$child cat" --trace "$plugin" many_echo 5
    expect_status 0
    [ "$(grep -cF '"method":"echo"' err)" -eq 5 ] || broken "expected five requests of echo"
}

test_params_go_in_and_the_result_comes_out() {
    wplug call --quiet --host "first=$child cat" --host "second=$child count" "$ask" go '"abc"'
    expect_status 0
    expect_out_has '"result":"abc"'
    # Params as the plugin wrote them, five bytes with the quotes, and a line feed.
    expect_out_has '"result":6'
}

test_a_command_is_cmds() {
    # Builtins, variables and quotes are the shell's; so is a program's name with a blank in it, in quotes.
    mkdir 'a folder'
    cp "$CHILD" 'a folder/child.exe'
    wplug call --host 'first=if "a b"=="a b" (echo "%WPLUG_METHOD%") else (echo 0)' \
        --host 'second="a folder\child.exe" say "\"two words\""' "$ask" go
    expect_status 0
    expect_out_has '"result":"first"'
    expect_out_has '"result":"two words"'
}

test_commands_run_at_the_same_time() {
    # Each waits for the other: one after the other they would wait for ever.
    wplug call --timeout 100 --host "first=$child meet one two" --host "second=$child meet two one" "$ask" go
    expect_status 0
    [ "$(grep -o '"result":1' out | wc -l)" -eq 2 ] || broken "expected two results"
}

test_a_command_learns_who_asks() {
    wplug call --name asker --id 6ba7b810-9dad-41d1-80b4-00c04fd430c8 \
        --host "first=$child variables" --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_has '"first asker 6ba7b810-9dad-41d1-80b4-00c04fd430c8"'
}

test_a_name_that_cmd_would_act_on_starts_no_command() {
    wplug call --name 'a&echo 7' --host 'first=echo %WPLUG_PLUGIN%' --host 'second=echo 2' "$ask" go
    expect_status 0
    expect_out_has 'cannot start the command for first'
    expect_out_lacks '"result":7'
}

test_a_status_other_than_0_is_an_error_with_what_it_said() {
    wplug call --host "first=$child fail 3 \"disk on fire\"" --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_has '-32000'
    expect_out_has 'exited with status 3'
    expect_out_has 'disk on fire'
    # The person at the terminal sees it too.
    expect_err_has 'disk on fire'
}

test_a_missing_program_is_an_error_with_the_shells_words() {
    wplug call --host 'first=no-such-program-anywhere' --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_matches 'exited with status [1-9]'
    expect_out_has 'no-such-program-anywhere'
}

test_output_that_is_not_json_is_an_error_of_the_method() {
    wplug call --host "first=$child say oops" --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_has '-32603'
    expect_out_has 'not JSON'
}

test_only_the_start_of_a_long_complaint_is_quoted() {
    wplug call --quiet --host "first=$child repeat 100000" --host "second=$child cat" "$ask" go
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
    wplug call --host "first=$child say 1" --host "second=$child say 2" "$ask" go @params.json
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
    wplug call --host "blob=type big.json" --host "check=$child count" "$GUESTS/relay.wasm" go
    expect_status 0
    expect_out 5000003
}

test_a_result_over_the_message_limit_is_an_error_and_ends_the_command() {
    wplug call --limit message=10K --host "first=$child flood" --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_has 'more than a message may be long'
}

# Prints the processes that have a word among their arguments.
processes_with() {
    local folder
    for folder in /proc/[0-9]*; do
        ! tr '\0' '\n' <"$folder/cmdline" 2>/dev/null | grep -qxF -e "$1" || echo "${folder#/proc/}"
    done
}

test_a_process_left_behind_does_not_hold_up_the_answer() {
    local file=left-$$ left
    wplug call --timeout 100 --host "first=$child leave $file" --host "second=$child cat" "$ask" go
    expect_status 0
    expect_out_has '"result":1'
    left=$(processes_with "$file")
    [ -n "$left" ] || broken "what was left behind does not go on"
    kill "$left"
}

test_commands_are_killed_with_what_they_started_when_the_call_ends() {
    # The second answers when the first has started another; the guest then waits for the first, until it is out of time.
    local file=family-$$ tries=500
    wplug call --timeout 15 --host "first=$child family $file" --host "second=$child meet other $file" "$ask" go
    expect_status 7
    [ -e "$file" ] || broken "the process was not started within the time"
    # What is killed goes when the system gets to it, which may be a moment after the command has ended.
    while [ -n "$(processes_with "$file")" ] && [ $((tries--)) -gt 0 ]; do sleep 0.02; done
    [ -z "$(processes_with "$file")" ] || broken "a process still runs"
}

test_a_hundred_requests_in_flight_take_turns() {
    wplug call --timeout 250 --host "work=$child cat" "$GUESTS/fan.wasm" go 100
    expect_status 0
    # The sum of 0 to 99.
    expect_out 4950
}
