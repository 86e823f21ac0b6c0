# wplug call --files: the host method read_file.

read=$GUESTS/read.wasm

test_files_gives_a_file_below_the_folder() {
    mkdir -p folder/sub
    printf 'line one\nline "two"\n' >folder/sub/text
    wplug call --files folder "$read" go '{"path":"sub/text"}'
    expect_status 0
    expect_out_has '"result":{"content":"line one\nline \"two\"\n","next":20,"size":20,"eof":true}'
    wplug call --files folder "$read" go '"sub/../sub/text"'
    expect_out_has '"next":20'
}

test_files_gives_pieces_that_end_with_whole_characters() {
    mkdir folder
    # a, then U+20AC (three bytes), then b: a piece of 4 holds "a€"; one of 5 from 1 holds the rest.
    printf 'xxxa\342\202\254b' >folder/text
    wplug call --files folder "$read" go '{"path":"text","offset":0,"length":5}'
    expect_out_has '"content":"xxxa","next":4,"size":8,"eof":false'
    wplug call --files folder "$read" go '{"path":"text","offset":4,"length":4}'
    expect_out_has '"content":"€b","next":8,"size":8,"eof":true'
    wplug call --files folder "$read" go '{"path":"text","offset":100,"length":4}'
    expect_out_has '"content":"","next":100,"size":8,"eof":true'
}

test_files_replaces_bytes_that_are_not_utf_8() {
    mkdir folder
    printf 'a\377b' >folder/text
    wplug call --files folder "$read" go '"text"'
    expect_out_has '"content":"a�b"'
}

test_files_hides_what_is_outside_of_the_folder() {
    mkdir folder outside folder-two
    echo secret | tee outside/text >folder-two/text
    ln -s ../outside/text folder/link
    ln -s ../outside folder/door
    local path
    for path in ../outside/text link door/text "$PWD/outside/text" ../folder-two/text folder/../../outside/text \
        missing '' . .. 'a\u0000b'; do
        wplug call --files folder "$read" go "{\"path\":\"$path\"}"
        expect_status 0
        expect_out_has '"error":{"code":-32000'
        expect_out_lacks secret
    done
    # What is outside and what is not there look the same.
    wplug call --files folder "$read" go '"../outside/text"'
    sed 's#../outside/text#X#' out >first
    wplug call --files folder "$read" go '"../outside/none"'
    sed 's#../outside/none#X#' out | cmp - first || broken "the answers differ"
}

test_files_gives_no_fifos_and_folders() {
    mkdir -p folder/sub
    mkfifo folder/pipe
    for path in sub pipe; do
        wplug call --timeout 20 --files folder "$read" go "\"$path\""
        expect_status 0
        expect_out_has 'not a regular file'
    done
}

test_files_refuses_wrong_params() {
    mkdir folder
    for params in null 5 '[]' '{}' '{"path":5}' '{"path":"a","offset":-1}' '{"path":"a","length":"5"}'; do
        wplug call --files folder "$read" go "$params"
        expect_status 0
        expect_out_has '"error":{"code":-32602'
    done
}

test_files_of_a_missing_folder_is_an_error() {
    wplug call --files missing "$read" go
    expect_status 1
    expect_err_has missing
    : >file
    wplug call --files file "$read" go
    expect_status 1
    expect_err_has "not a folder"
}
