# Plugins of the C kit on a host of the Rust framework (host/).
source "$ROOT/tests/interop/lib.sh"
need interop-host

on_rust() {
    launch "$INTEROP/interop-host" "$PLUGINS/$1.wasm" "${@:2}"
}

test_the_six_methods_work() {
    expect_six_methods on_rust test-plugin
}

test_an_unknown_method_is_an_error() {
    on_rust test-plugin nothing_like_it
    expect_status 4
    expect_err_has MethodNotFound
}

test_params_of_the_wrong_type_are_an_error() {
    on_rust test-plugin sleep '"long"'
    expect_status 4
    expect_err_has InvalidParams
}

test_an_error_of_a_host_method_is_the_plugin_s() {
    on_rust fanout first '[["nobody","pause"],"no number"]'
    expect_status 4
    expect_err_has "none of 2 methods has a result"
}

test_params_arrive_by_name_and_by_position() {
    on_rust hello hello '{"name":"Ada"}'
    expect_out '"Hello, Ada!"'
    on_rust hello hello '["Grace \u00e9\""]'
    expect_out '"Hello, Grace é\"!"'
}

test_many_calls_and_timers_are_under_way_at_once() {
    on_rust fanout gather '{"methods":["echo","pause","nobody"],"params":20,"ms":100000}'
    expect_status 0
    expect_out '{"echo":{"result":20},"nobody":{"error":"Method not found"},"pause":{"result":20}}'
}

test_a_timer_goes_off_while_the_host_is_silent() {
    on_rust fanout gather '{"methods":["pause"],"params":3000,"ms":100}'
    expect_status 0
    expect_out '{"pause":{"late":true}}'
}

test_a_plugin_describes_itself() {
    on_rust test-plugin rpc.discover
    expect_status 0
    expect_out_has '"title":"test-plugin"'
    expect_out_has '"name":"prime_sieve"'
}

test_a_large_result_arrives() {
    on_rust test-plugin prime_sieve 3000000
    expect_status 0
    expect_out '{"count":216816,"limit":3000000}'
}
