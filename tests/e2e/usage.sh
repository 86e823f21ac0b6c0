# The command line itself: help, version, and what wrong usage gets.

test_help_of_the_command_lists_its_subcommands() {
    wplug --help
    expect_status 0
    expect_empty err
    expect_out_has "usage: wplug"
    for subcommand in call run inspect; do
        expect_out_matches "^  $subcommand "
    done
}

test_each_subcommand_has_help_with_options_and_exit_statuses() {
    for subcommand in call run inspect; do
        wplug "$subcommand" --help
        expect_status 0
        expect_empty err
        expect_out_has "usage: wplug $subcommand"
        expect_out_has "Options:"
        expect_out_has "Exit status"
        wplug "$subcommand" -h
        expect_status 0
    done
}

test_help_of_call_names_every_option_of_the_manual() {
    wplug call --help
    for option in $(sed -n '/^## wplug call/,/^## wplug run/p' "$ROOT/docs/command-line.md" |
        grep -oE '^\| `--[a-z-]+' | grep -oE '\-\-[a-z-]+'); do
        expect_out_has "$option"
    done
    expect_out_has --host # at least this one was looked for
}

test_every_option_is_in_the_manual() {
    for subcommand in call run inspect; do
        wplug "$subcommand" --help
        expect_status 0
        for option in $(grep -oE '^  --[a-z-]+' out); do
            grep -qF -e "\`$option" "$ROOT/docs/command-line.md" || broken "not in docs/command-line.md: $option"
        done
    done
}

test_version_is_the_projects() {
    wplug --version
    expect_status 0
    local version
    version=$(sed -nE 's/^project\(wplug VERSION ([0-9.]+).*/\1/p' "$ROOT/CMakeLists.txt")
    expect_out "wplug $version"
}

test_no_subcommand_is_wrong_usage() {
    wplug
    expect_status 2
    expect_empty out
    expect_err_has "a subcommand is missing"
    expect_err_has "wplug --help"
}

test_an_unknown_subcommand_is_named() {
    wplug frobnicate
    expect_status 2
    expect_err_has "unknown subcommand frobnicate"
}

test_an_unknown_option_is_named() {
    wplug --frobnicate
    expect_status 2
    expect_err_has "unknown option --frobnicate"
    for subcommand in call run inspect; do
        wplug "$subcommand" --frobnicate=3 x y
        expect_status 2
        expect_err_has "wplug $subcommand: unknown option --frobnicate"
        expect_err_has "wplug $subcommand --help"
        wplug "$subcommand" -x
        expect_status 2
        expect_err_has "unknown option -x"
    done
}

test_an_option_of_another_subcommand_is_unknown() {
    wplug run --host a=b x.wasm
    expect_status 2
    expect_err_has "unknown option --host"
    wplug inspect --fuel 5 x.wasm
    expect_status 2
    expect_err_has "unknown option --fuel"
}

test_missing_words_are_named() {
    wplug call
    expect_status 2
    expect_err_has "PLUGIN is missing"
    wplug call plugin.wasm
    expect_status 2
    expect_err_has "METHOD is missing"
    wplug run
    expect_status 2
    expect_err_has "FILE.wasm is missing"
    wplug inspect
    expect_status 2
    expect_err_has "PLUGIN is missing"
}

test_a_word_too_many_is_named() {
    wplug call plugin.wasm ping null surplus
    expect_status 2
    expect_err_has 'unexpected word "surplus"'
    wplug inspect plugin.wasm surplus
    expect_status 2
    expect_err_has 'unexpected word "surplus"'
}

test_an_option_without_its_value_is_named() {
    wplug call plugin.wasm ping --fuel
    expect_status 2
    expect_err_has "--fuel needs a value"
}

test_a_flag_with_a_value_is_wrong_usage() {
    wplug call --trace=yes plugin.wasm ping
    expect_status 2
    expect_err_has "--trace takes no value"
}

# expect_refused_value OPTION VALUE: the complaint names both.
expect_refused_value() {
    wplug call "$1" "$2" "$PLUGINS/test-plugin.wasm" ping
    expect_status 2
    expect_empty out
    expect_err_has "$1 wants"
    expect_err_has "\"$2\""
}

test_numbers_that_are_none_are_refused() {
    for value in "" x -1 0 1.5 5X 18446744073709551616 20000000000G " 1" 1KK; do
        expect_refused_value --fuel "$value"
        expect_refused_value --memory "$value"
    done
    for value in "" x -1 0 1d inf nan 1e3 0x10 "1 s" 0ns; do
        expect_refused_value --timeout "$value"
    done
    for value in "" x -1 18446744073709551616 0x 1K; do
        expect_refused_value --seed "$value"
    done
    for value in stack=0 depth= shoesize=3 stack 5; do
        expect_refused_value --limit "$value"
    done
    expect_refused_value --start-time tomorrow
    expect_refused_value --id 1234
    expect_refused_value --name ""
    expect_refused_value --host echo
    expect_refused_value --host =cat
    expect_refused_value --host echo=
    expect_refused_value --env PATH
    expect_refused_value --env =x
}

test_a_host_method_given_twice_is_wrong_usage() {
    wplug call --host echo=cat --host echo=tac "$PLUGINS/test-plugin.wasm" ping
    expect_status 2
    expect_err_has "a method not given before"
}

test_options_may_stand_behind_words_and_take_their_value_after_an_equals_sign() {
    wplug call "$PLUGINS/test-plugin.wasm" --fuel=1G ping --timeout 20s
    expect_status 0
    expect_out '"pong"'
}

test_two_dashes_end_the_options() {
    wplug call -- "$PLUGINS/test-plugin.wasm" ping
    expect_status 0
    expect_out '"pong"'
    wplug call -- --missing.wasm ping
    expect_status 3
    expect_err_has "--missing.wasm"
}

test_help_that_cannot_be_written_is_an_error() {
    [ -e /dev/full ] || return 0
    status=0
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$WPLUG" --help >/dev/full 2>err || status=$?
    expect_status 1
    expect_err_has "cannot write to standard output"
}
