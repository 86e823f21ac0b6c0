# wplug inspect: what it says about good and bad files, as text and as JSON.

plugin=$PLUGINS/test-plugin.wasm

# expect_json TEXT: out is JSON and has this text in it. The command itself is the judge: it refuses params
# that are not JSON.
expect_json() {
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" call --quiet "$GUESTS/mirror.wasm" check @out >mirrored 2>mirror_err ||
        broken "not JSON: $(cat mirror_err)"
    expect_out_has "$1"
}

test_a_plugin_is_described_with_its_methods() {
    wplug inspect "$plugin"
    expect_status 0
    expect_empty err
    expect_out_matches "^file +$plugin\$"
    expect_out_matches '^kind +command$'
    expect_out_matches "^size +$(wc -c <"$plugin") bytes, [0-9]+ functions\$"
    expect_out_matches '^loads +yes$'
    expect_out_matches '^memory +[0-9]+ KiB at the start, '
    expect_out_matches '^features +'
    for method in ping get_random_number get_time sleep many_echo prime_sieve; do
        expect_out_matches "^  $method\\("
    done
    expect_out_matches '^  wasi_snapshot_preview1\.fd_read function '
    expect_out_matches '^  _start function '
    expect_out_matches '^  memory memory '
}

test_json_has_the_same_and_is_json() {
    wplug inspect --json "$plugin"
    expect_status 0
    expect_json '"loads":true'
    expect_out_has '"kind":"command"'
    expect_out_has "\"size\":$(wc -c <"$plugin")"
    expect_out_has '"discover":{'
    expect_out_has '"openrpc"'
    expect_out_lacks discover_error
    [ "$(wc -l <out)" -eq 1 ] || broken "expected one line"
}

test_a_plugin_that_does_not_describe_itself_is_fine() {
    wplug inspect "$GUESTS/refuse.wasm"
    expect_status 0
    expect_out_matches '^loads +yes$'
    expect_out_matches '^methods +unknown: .*no such colour'
    wplug inspect --json "$GUESTS/refuse.wasm"
    expect_status 0
    expect_json '"discover":null'
    expect_out_has '"discover_error":"'
}

test_a_plugin_that_spins_when_it_is_asked_is_given_up() {
    wplug inspect "$GUESTS/spin.wasm"
    expect_status 0
    expect_out_matches '^methods +unknown: '
}

test_static_runs_nothing() {
    wplug inspect --static "$GUESTS/spin.wasm"
    expect_status 0
    ! grep -q '^methods' out || broken "it was asked for its methods"
    wplug inspect --static --json "$plugin"
    expect_status 0
    expect_json '"discover":null'
    expect_out_lacks discover_error
}

test_memory_limits_of_the_module_are_told() {
    wplug inspect --static "$GUESTS/calc.wasm"
    expect_out_matches '^memory +64 KiB at the start, at most 256 KiB$'
    wplug inspect --static "$GUESTS/no_memory.wasm"
    expect_out_matches '^memory +none$'
}

test_features_beyond_webassembly_1_are_named() {
    wplug inspect --static "$GUESTS/spin.wasm"
    expect_out_matches '^features +none$'
}

test_exports_are_listed_with_kind_and_type() {
    wplug inspect --static "$GUESTS/calc.wasm"
    expect_out_matches '^  add function \(i32, i32\) -> \(i32\)$'
    expect_out_matches '^  swap function \(i32, i64\) -> \(i64, i32\)$'
    expect_out_matches '^  answer global '
}

test_a_library_would_be_refused_as_a_plugin_and_says_why() {
    wplug inspect "$GUESTS/calc.wasm"
    expect_status 3
    expect_out_matches '^kind +library$'
    expect_out_matches '^loads +no$'
    expect_out_has _start
    expect_out_has WPLUG_NO_START
}

test_a_reactor_is_called_one() {
    wplug inspect "$GUESTS/reactor.wasm"
    expect_status 3
    expect_out_matches '^kind +reactor$'
    expect_out_has WPLUG_REACTOR
}

test_unknown_imports_are_marked_and_refused() {
    wplug inspect "$GUESTS/unknown_imports.wasm"
    expect_status 3
    expect_out_matches '^  env\.launch_rocket function \(i32\) -> \(i32\)   NOT PROVIDED$'
    expect_out_matches '^  other\.counter global .*   NOT PROVIDED$'
    ! grep -q '^  wasi_snapshot_preview1.proc_exit.*NOT PROVIDED' out || broken "proc_exit is provided"
    expect_out_has WPLUG_UNKNOWN_IMPORTS
    wplug inspect --json "$GUESTS/unknown_imports.wasm"
    expect_status 3
    expect_json '"loads":false'
    wplug inspect --static --trap-unknown-imports "$GUESTS/unknown_function.wasm"
    expect_status 0
}

test_files_that_are_no_modules_are_described_as_such() {
    : >empty
    echo 'hello' >text
    head -c 500 "$plugin" >cut
    printf '\0asm\2\0\0\0' >version
    printf '\0asm\15\0\1\0' >component
    local file
    for file in empty:WPLUG_FILE_EMPTY text:WPLUG_NOT_WASM cut:WPLUG_TRUNCATED version:WPLUG_WASM_VERSION \
        component:WPLUG_COMPONENT; do
        wplug inspect "${file%:*}"
        expect_status 3
        expect_out_matches '^loads +no$'
        expect_out_has "${file#*:}"
        wplug inspect --json "${file%:*}"
        expect_status 3
        expect_json "${file#*:}"
    done
}

test_a_missing_file_is_an_error() {
    wplug inspect nowhere.wasm
    expect_status 1
    expect_empty out
    expect_err_has nowhere.wasm
}

test_names_that_would_steer_a_terminal_are_shown_harmless() {
    wplug inspect --static "$GUESTS/hostile_names.wasm"
    expect_status 0
    expect_out_has 'red\x1b[31m\x0aloads yes'
    ! grep -q "$(printf '\033')" out || broken "an escape character came through"
}
