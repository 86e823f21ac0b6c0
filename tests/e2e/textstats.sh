# textstats over real text: this repository's README.

test_textstats_counts_the_readme_as_wc_does() {
    wplug call --files "$ROOT" "$PLUGINS/textstats.wasm" analyze '{"path":"README.md"}'
    expect_status 0
    local readme=$ROOT/README.md
    expect_out_has "\"bytes\":$(wc -c <"$readme")"
    expect_out_has "\"lines\":$(wc -l <"$readme")"
    expect_out_matches '"words":[1-9][0-9]+'
    expect_out_has '"top_words":[{"word":'
    expect_out_matches '"reading_time_seconds":[1-9]'
}

test_textstats_reads_in_pieces_and_tells_its_progress() {
    wplug call --trace --files "$ROOT" "$PLUGINS/textstats.wasm" analyze \
        '{"path":"README.md","piece_size":1000}'
    expect_status 0
    local size pieces
    size=$(wc -c <"$ROOT/README.md")
    pieces=$(grep -cF '"method":"read_file"' err)
    [ "$pieces" -ge $((size / 1000)) ] || broken "read in $pieces pieces"
    grep -qF '"method":"progress"' err || broken "told nothing"
    expect_out_has "\"bytes\":$size"
}

test_textstats_of_a_missing_file_says_so() {
    wplug call --files "$ROOT" "$PLUGINS/textstats.wasm" analyze '{"path":"no/such/file"}'
    expect_status 4
    expect_err_has "no/such/file"
}
