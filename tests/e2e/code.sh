# wplug inspect --code and --function: modules' code as text.

# Offsets and instructions without what follows them: "57 local.get".
mnemonics() {
    sed -nE 's/^  0x([0-9a-f]+) +([a-z0-9_.]+).*/\1 \2/p' out
}

test_a_function_is_shown_with_what_is_to_be_known_of_it() {
    wplug inspect --function 1 "$GUESTS/code.wasm"
    expect_status 0
    expect_empty err
    # Two runs of locals in five bytes, then three instructions of two bytes, then the end: twelve. Where they begin is
    # asked for here, and shown to be right by the tests below.
    local code
    code=$(sed -nE 's/^  code    12 bytes at (0x[0-9a-f]+)$/\1/p' out)
    [ -n "$code" ] || broken "expected the size of the code"
    expect_out "$(
        cat <<END
function 1 \$twice
  export  "twice", "also twice"
  type    2 (param i32) (result i32)
  code    12 bytes at $code
  local   1..2 i64, 3 f32
$(printf '  0x%-7x local.get 0' $((code + 5)))
$(printf '  0x%-7x i32.const 1' $((code + 7)))
$(printf '  0x%-7x call 2  ;; $divide' $((code + 9)))
$(printf '  0x%-7x end' $((code + 11)))
END
    )"
}

test_functions_are_found_by_index_name_and_export() {
    local name
    for name in 1 twice 'also twice'; do
        wplug inspect --function "$name" "$GUESTS/code.wasm"
        expect_status 0
        [ "$(grep -c '^function ' out)" -eq 1 ] || broken "expected one function"
        expect_out_has 'function 1 $twice'
    done
    wplug inspect --function=divide "$GUESTS/code.wasm"
    expect_out_has 'function 2 $divide'
    wplug inspect --function fail "$GUESTS/code.wasm"
    expect_out_has 'function 3 $fail'
    wplug inspect --function 0 "$GUESTS/code.wasm"
    expect_status 0
    expect_out_has '  import  "wasi_snapshot_preview1" "sched_yield"'
    expect_out_lacks '  code'
}

test_all_functions_of_the_module_are_shown_and_no_imports() {
    wplug inspect --code "$GUESTS/code.wasm"
    expect_status 0
    [ "$(grep '^function ' out | tr '\n' ' ')" = 'function 1 $twice function 2 $divide function 3 $fail ' ] ||
        broken "expected functions 1 to 3"
    [ "$(grep -c '^$' out)" -eq 2 ] || broken "expected an empty line between functions"
    expect_out_lacks 'loads'
}

test_an_unknown_function_is_wrong_usage() {
    local name
    for name in 4 4294967296 99999999999999999999 nobody twic ''; do
        wplug inspect --function "$name" "$GUESTS/code.wasm"
        expect_status 2
        expect_empty out
    done
    wplug inspect --function nobody "$GUESTS/code.wasm"
    expect_err_has 'no function "nobody"'
    wplug inspect --code --json "$GUESTS/code.wasm"
    expect_status 2
    expect_err_has --json
    wplug inspect "$GUESTS/code.wasm" --function
    expect_status 2
}

test_every_instruction_reads_as_it_was_written() {
    sed -n '/;; begin$/,/;; end$/p' "$ROOT/tests/e2e/guests/instructions.wat" |
        sed -E '/;; (begin|end)$/d; s/^    //; s/^( *)unreachable /\1/; /^ *unreachable$/d' >written
    [ "$(wc -l <written)" -gt 500 ] || broken "the source has too few instructions"
    wplug inspect --function all "$GUESTS/instructions.wasm"
    expect_status 0
    sed -nE 's/^  0x.{8}//p' out | sed -E 's/  ;; .*//; /^ *unreachable$/d; $d' >read
    diff written read >differences || broken "$(head -20 differences)"
}

# wabt's disassembler, which shares nothing with ours, finds the same instructions in the same places. Its "local"
# lines are no instructions. Its names are the specification's in all that is compared here.
test_offsets_and_mnemonics_are_those_of_wasm_objdump() {
    local file compared=0
    for file in "$PLUGINS"/*.wasm "$GUESTS"/*.wasm; do
        wasm-objdump -d "$file" >objdump 2>objdump_err || continue # it may not know all that we do
        sed -nE 's/^ 0*([0-9a-f]+): ([0-9a-f]{2} )+ *\| *([a-z][a-z0-9_.]*)( .*)?$/\1 \3/p' objdump >theirs
        wplug inspect --code "$file"
        expect_status 0
        mnemonics >ours
        diff theirs ours >differences || broken "$file: $(head -20 differences)"
        [ -s ours ] && compared=$((compared + 1))
    done
    [ "$compared" -gt 20 ] || broken "compared $compared modules only"
}

test_a_traps_offset_is_that_of_the_instruction() {
    wplug run --invoke fail "$GUESTS/code.wasm"
    expect_status 134
    local inner outer
    inner=$(sed -nE 's/.*divide.*offset (0x[0-9a-f]+).*/\1/p' err | head -1)
    outer=$(sed -nE 's/.*function 3, offset (0x[0-9a-f]+).*/\1/p' err | head -1)
    [ -n "$inner" ] && [ -n "$outer" ] || broken "expected two offsets in a backtrace"
    wplug inspect --code "$GUESTS/code.wasm"
    expect_out_matches "^  $inner +i32\\.div_s\$"
    expect_out_matches "^  $outer +call 2  ;; .divide\$"
}

# (module (func i32.add)): eighteen bytes, then the code section's four, then no locals, and the instruction at 0x17.
invalid_module() {
    printf '\0asm\1\0\0\0\1\4\1\140\0\0\3\2\1\0\12\5\1\3\0'"$1"'\13'
}

test_code_that_is_refused_is_shown_and_the_reason_told() {
    invalid_module '\152' >invalid
    wplug inspect --code invalid
    expect_status 3
    expect_out_matches '^  0x17 +i32\.add$'
    expect_out_matches '^  0x18 +end$'
    expect_err_has 0x17
    expect_err_has 'type mismatch'
    # 0xF0 is no instruction: what follows it cannot be told.
    invalid_module '\360' >malformed
    wplug inspect --code malformed
    expect_status 3
    expect_out_matches '^  0x17 +;; cannot be read on from 0x17'
    expect_out_lacks end
    expect_err_has 0x17
}

test_files_without_code_have_none_to_show() {
    : >empty
    echo 'hello' >text
    head -c 500 "$PLUGINS/test-plugin.wasm" >cut
    local file
    for file in empty text cut; do
        wplug inspect --code "$file"
        expect_status 3
        expect_empty out
        [ -s err ] || broken "expected a reason"
    done
    wplug inspect --code nowhere.wasm
    expect_status 1
}

test_names_that_would_steer_a_terminal_are_shown_harmless() {
    wplug inspect --code "$GUESTS/hostile_names.wasm"
    expect_status 0
    expect_out_has '  export  "red\1b[31m\0aloads yes"'
    ! grep -q "$(printf '\033')" out || broken "an escape character came through"
}
