/* What textstats counts. Expected values are counted by hand from the rules in plugins/textstats/README.md. */
#include "tests.h"

#include "stats.h"

static stats *count(const char *text) {
    stats *counts = stats_new();
    assert_non_null(counts);
    assert_true(stats_feed(counts, text, strlen(text)));
    assert_true(stats_end(counts));
    return counts;
}

static void assert_counts(const char *text, uint64_t lines, uint64_t words, uint64_t characters) {
    stats *counts = count(text);
    assert_int_equal(stats_lines(counts), lines);
    assert_int_equal(stats_words(counts), words);
    assert_int_equal(stats_characters(counts), characters);
    assert_int_equal(stats_bytes(counts), strlen(text));
    stats_free(counts);
}

/* Checks the ranking against "word:count word:count ...". */
static void assert_ranking(const char *text, const char *expected) {
    stats *counts = count(text);
    stats_word top[STATS_TOP_WORDS];
    size_t size = stats_top_words(counts, top);
    char ranking[1024] = "";
    for (size_t i = 0; i < size; i++) {
        char number[24];
        size_t digits = 0;
        for (uint64_t left = top[i].count; left > 0 || digits == 0; left /= 10)
            number[digits++] = (char)('0' + left % 10);
        if (i > 0) strcat(ranking, " ");
        strncat(ranking, top[i].text, top[i].size);
        strcat(ranking, ":");
        while (digits > 0) strncat(ranking, &number[--digits], 1);
    }
    assert_string_equal(ranking, expected);
    stats_free(counts);
}

static void an_empty_text_has_nothing(void **state) {
    assert_counts("", 0, 0, 0);
    assert_ranking("", "");
}

static void a_last_line_without_line_end_counts(void **state) {
    assert_counts("one", 1, 1, 3);
    assert_counts("one\n", 1, 1, 4);
    assert_counts("one\ntwo", 2, 2, 7);
    assert_counts("\n\n", 2, 0, 2);
    assert_counts("a\r\nb\r\n", 2, 2, 6);
}

static void characters_are_code_points(void **state) {
    assert_counts("h\u00e9llo", 1, 1, 5);
    assert_counts("\u20ac", 1, 0, 1);
    assert_counts("\U0001F600", 1, 0, 1);
    assert_counts("\u4f60\u597d", 1, 2, 2);
}

static void apostrophes_and_hyphens_inside_belong_to_a_word(void **state) {
    assert_ranking("don't DON'T don\u2019t", "don't:3");
    assert_ranking("well-known 'quoted' --dashes-- trailing-", "dashes:1 quoted:1 trailing:1 well-known:1");
    assert_ranking("a--b", "a:1 b:1");
    assert_ranking("rock 'n' roll", "n:1 rock:1 roll:1");
}

static void case_does_not_matter(void **state) {
    assert_ranking("The the THE", "the:3");
    assert_ranking("\u00c9t\u00e9 \u00e9t\u00e9 \u00c9T\u00c9", "\u00e9t\u00e9:3");
    assert_ranking("\u041c\u0438\u0440 \u043c\u0438\u0440", "\u043c\u0438\u0440:2");
    assert_ranking("\u039b\u03cc\u03b3\u03bf\u03c2 \u039b\u038c\u0393\u039f\u03a3",
                   "\u03bb\u03cc\u03b3\u03bf\u03c3:2");
    assert_ranking("\u0141\u00f3d\u017a \u0142\u00f3d\u017a", "\u0142\u00f3d\u017a:2");
}

static void ties_are_ranked_alphabetically_and_ten_words_are_kept(void **state) {
    assert_ranking("b a c b", "b:2 a:1 c:1");
    assert_ranking("l k j i h g f e d c b a", "a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1 j:1");
    assert_ranking("ab a abc z z", "z:2 a:1 ab:1 abc:1");
}

static void punctuation_and_symbols_are_no_words(void **state) {
    assert_counts("-- ... \u2014 \u2026 \u201cx\u201d \u00ab\u00bb \u2192 +", 1, 1, 21);
    assert_ranking("foo_bar 3.14 a@b", "14:1 3:1 a:1 b:1 bar:1 foo:1");
}

static void a_text_cut_anywhere_counts_the_same(void **state) {
    const char *text = "Na\u00efve caf\u00e9s don\u2019t \u4f60\u597d, well-known\nend\U0001F600";
    stats *whole = count(text);
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        stats *parts = stats_new();
        assert_true(stats_feed(parts, text, cut));
        assert_true(stats_feed(parts, text + cut, strlen(text) - cut));
        assert_true(stats_end(parts));
        assert_int_equal(stats_words(parts), stats_words(whole));
        assert_int_equal(stats_characters(parts), stats_characters(whole));
        stats_word a[STATS_TOP_WORDS], b[STATS_TOP_WORDS];
        size_t size = stats_top_words(parts, a);
        assert_int_equal(size, stats_top_words(whole, b));
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(a[i].size, b[i].size);
            assert_memory_equal(a[i].text, b[i].text, a[i].size);
        }
        stats_free(parts);
    }
    stats_free(whole);
}

static void broken_utf8_counts_as_characters_and_not_as_words(void **state) {
    assert_counts("a\xff\xfe"
                  "b",
                  1, 2, 4);
    assert_counts("\xe4\xbd", 1, 0, 1); /* a character that is never finished */
}

static void a_word_too_long_to_rank_is_counted(void **state) {
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text + 390, " short", 7);
    stats *counts = count(text);
    stats_word top[STATS_TOP_WORDS];
    assert_int_equal(stats_words(counts), 2);
    assert_int_equal(stats_top_words(counts, top), 1);
    assert_memory_equal(top[0].text, "short", 5);
    stats_free(counts);
}

static void reading_takes_a_minute_for_200_words(void **state) {
    const struct {
        size_t words;
        uint64_t seconds;
    } cases[] = {{0, 0}, {1, 1}, {200, 60}, {201, 61}, {1000, 300}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stats *counts = stats_new();
        for (size_t j = 0; j < cases[i].words; j++) assert_true(stats_feed(counts, "w ", 2));
        assert_true(stats_end(counts));
        assert_int_equal(stats_reading_seconds(counts), cases[i].seconds);
        stats_free(counts);
    }
}

static void many_different_words_are_all_counted(void **state) {
    stats *counts = stats_new();
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5000; i++) {
            char word[] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), (char)('a' + i / 676), ' '};
            assert_true(stats_feed(counts, word, 4));
        }
    }
    assert_true(stats_feed(counts, "aaa", 3));
    assert_true(stats_end(counts));
    stats_word top[STATS_TOP_WORDS];
    assert_int_equal(stats_top_words(counts, top), STATS_TOP_WORDS);
    assert_memory_equal(top[0].text, "aaa", 3);
    assert_int_equal(top[0].count, 3);
    assert_int_equal(top[9].count, 2);
    assert_int_equal(stats_words(counts), 10001);
    stats_free(counts);
}

static void running_out_of_memory_is_reported(void **state) {
    stats *counts = stats_new();
    memory_fail_all_after(0);
    bool fed = stats_feed(counts, "some words", 10);
    bool ended = stats_end(counts);
    assert_true(memory_stop_failing());
    assert_false(fed && ended);
    stats_free(counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_has_nothing),
        cmocka_unit_test(a_last_line_without_line_end_counts),
        cmocka_unit_test(characters_are_code_points),
        cmocka_unit_test(apostrophes_and_hyphens_inside_belong_to_a_word),
        cmocka_unit_test(case_does_not_matter),
        cmocka_unit_test(ties_are_ranked_alphabetically_and_ten_words_are_kept),
        cmocka_unit_test(punctuation_and_symbols_are_no_words),
        cmocka_unit_test(a_text_cut_anywhere_counts_the_same),
        cmocka_unit_test(broken_utf8_counts_as_characters_and_not_as_words),
        cmocka_unit_test(a_word_too_long_to_rank_is_counted),
        cmocka_unit_test(reading_takes_a_minute_for_200_words),
        cmocka_unit_test(many_different_words_are_all_counted),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
