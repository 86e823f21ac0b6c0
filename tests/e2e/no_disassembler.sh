# A build without the disassembler (WPLUG_DISASSEMBLER=OFF).

test_code_is_not_shown_and_why() {
    wplug inspect --code "$GUESTS/calc.wasm"
    expect_empty out
    expect_err_has 'this build of wplug has no disassembler'
    expect_status 3
}
