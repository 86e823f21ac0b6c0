# A plugin of the Rust kit (plugins/rust-test-plugin) on wplug.
source "$ROOT/tests/interop/lib.sh"
need rust-test-plugin.wasm
plugin=$INTEROP/rust-test-plugin.wasm

test_the_six_methods_work() {
    expect_six_methods wplug call --host echo=cat "$plugin"
}

test_the_six_methods_work_where_reads_answer_eagain() {
    expect_six_methods wplug call --async --host echo=cat "$plugin"
}

test_several_host_calls_and_a_timer_are_awaited_at_once() {
    # Each command waits for the one after it, so the answers come in the order c, b, a.
    mkfifo one two
    wplug call --async --timeout 120 --host echo=cat --host 'a=read -r x <one; cat' \
        --host 'b=read -r x <two; cat; echo go >one' --host 'c=cat; echo go >two' \
        "$plugin" at_once '[["a","b","c"],300]'
    expect_status 0
    expect_out_matches '^\{"answers":\["a","b","c"\],"slept":[0-9]+\}$'
    [[ $(cat out) =~ \"slept\":([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -ge 300 ] || broken "the timer went off too early"
}

test_an_unknown_method_is_an_error() {
    wplug call --async "$plugin" nothing_like_it
    expect_status 4
    expect_err_has "-32601"
}

test_params_of_the_wrong_type_are_an_error() {
    wplug call --async "$plugin" sleep '"long"'
    expect_status 4
    expect_err_has "-32602"
}

test_an_error_of_a_host_method_is_the_plugin_s() {
    wplug call --async --host 'echo=exit 3' "$plugin" many_echo 1
    expect_status 4
    expect_err_has "the command for echo exited with status 3"
}
