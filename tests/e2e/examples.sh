# The example hosts do what their first comments say.

test_minimal_calls_a_method_and_answers_echo() {
    launch "$EXAMPLES/minimal" "$PLUGINS/test-plugin.wasm" prime_sieve 100
    expect_status 0
    expect_out '{"count":25,"limit":100}'
    launch "$EXAMPLES/minimal" "$PLUGINS/test-plugin.wasm" many_echo 10
    expect_status 0
    expect_out null
    launch "$EXAMPLES/minimal" "$PLUGINS/test-plugin.wasm" nonsense
    expect_status 1
    expect_err_has nonsense
    launch "$EXAMPLES/minimal"
    expect_status 1
    expect_err_has usage
}

# console LINE...: runs the console with three plugins and these lines as its input.
console() {
    launch "$EXAMPLES/console" "$PLUGINS/test-plugin.wasm" "$PLUGINS/textstats.wasm" "$PLUGINS/qrcode.wasm" \
        < <(printf '%s\n' "$@")
}

test_console_runs_calls_at_once_and_prints_each_when_it_is_done() {
    local lines=() i
    for i in $(seq 60); do lines+=('test-plugin sleep 1000'); done
    console "${lines[@]}" 'test-plugin ping'
    expect_status 0
    # The last call is done first.
    [ "$(head -n 1 out)" = '#61 "pong"' ] || broken "ping had to wait for the sleeps"
    [ "$(wc -l <out)" -eq 61 ] || broken "expected 61 results"
}

test_console_answers_host_methods_now_and_later() {
    printf 'one two\nthree\n' >text
    console 'test-plugin many_echo 20' 'textstats analyze {"path":"text"}' 'test-plugin prime_sieve 1000'
    expect_status 0
    expect_out_has '#3 {"count":168,"limit":1000}'
    expect_out_matches '^#2 .*"lines":2,"words":3'
    expect_out_matches '^#1 '
}

test_console_hides_other_folders() {
    console 'textstats analyze {"path":"../../etc/passwd"}'
    expect_status 1
    expect_out_has "no such file here"
}

test_console_goes_on_after_calls_that_fail() {
    console 'test-plugin nonsense' 'nobody ping' 'test-plugin ping' 'test-plugin ping {'
    expect_status 1
    expect_out_has 'nonsense'
    expect_out_has '#2 no such plugin'
    expect_out_has '#3 "pong"'
}
