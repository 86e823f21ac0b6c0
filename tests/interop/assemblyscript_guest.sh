# A plugin in AssemblyScript without a kit (plugins/assemblyscript-hello) on wplug.
source "$ROOT/tests/interop/lib.sh"
need assemblyscript-hello.wasm
plugin=$INTEROP/assemblyscript-hello.wasm

test_a_method_answers() {
    wplug call "$plugin" ping
    expect_status 0
    expect_out '"pong"'
}

test_params_the_log_and_errors_arrive() {
    wplug call "$plugin" hello '"Adé"'
    expect_status 0
    expect_out '"Hello, Adé!"'
    expect_err_has 'answering "hello"'
    wplug call "$plugin" hello 3
    expect_status 4
    expect_err_has "no such method, or not with these params"
}

test_a_host_method_is_called() {
    wplug call --host 'echo=tr a-z A-Z' "$plugin" echo '["abc",1]'
    expect_status 0
    expect_out '["ABC",1]'
}

test_a_message_of_many_reads_arrives() {
    printf '"%050000d"' 0 >params.json
    wplug call --host echo=cat "$plugin" echo @params.json
    expect_status 0
    cmp <(cat params.json; echo) out || broken "the echo differs"
}
