# A plugin in Go without a kit (plugins/go-hello) on wplug.
source "$ROOT/tests/interop/lib.sh"
need go-hello.wasm
plugin=$INTEROP/go-hello.wasm

test_a_method_answers() {
    wplug call "$plugin" ping
    expect_status 0
    expect_out '"pong"'
}

test_params_the_log_and_errors_arrive() {
    wplug call "$plugin" hello '"Ad\u00e9"'
    expect_status 0
    expect_out '"Hello, Adé!"'
    expect_err_has "greeting Adé"
    wplug call "$plugin" hello 3
    expect_status 4
    expect_err_has "-32602"
}

test_a_host_method_is_called() {
    wplug call --host 'echo=tr a-z A-Z' "$plugin" echo '["abc",1]'
    expect_status 0
    expect_out '["ABC",1]'
}

# The start of Go's runtime costs some two million units; one that asked again and again would spend a hundred
# times as many in these seconds.
test_waiting_costs_next_to_nothing() {
    wplug call --fuel 5M --host 'echo=sleep 2; cat' "$plugin" echo 1
    expect_status 0
    wplug call --async --fuel 5M --host 'echo=sleep 2; cat' "$plugin" echo 1
    expect_status 0
}
