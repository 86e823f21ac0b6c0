/* The methods of the plugins that come with wplug, each as its README describes it. */
#include "tests.h"

int hello_main(void);
int test_plugin_main(void);
int textstats_main(void);
int qrcode_main(void);

static const char *call(int (*plugin)(void), const char *method, const char *params) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"");
    world_send(method);
    world_send("\",\"params\":");
    world_send(params);
    world_send("}\n");
    assert_int_equal(world_run_main(plugin), 0);
    const char *answer = strstr(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":77,");
    assert_non_null(answer);
    return answer + strlen("{\"jsonrpc\":\"2.0\",\"id\":77,");
}

/* Calls a method in a world of its own. */
static void assert_answer(int (*plugin)(void), const char *method, const char *params, const char *expected) {
    world_end();
    world_begin();
    const char *answer = call(plugin, method, params);
    char line[1000];
    assert_true(strlen(expected) < sizeof line - 3);
    strcpy(line, expected);
    strcat(line, "}\n");
    assert_string_equal(answer, line);
}

/* ---- hello ---- */

static void hello_greets(void **state) {
    assert_answer(hello_main, "hello", "null", "\"result\":\"Hello, world!\"");
    assert_answer(hello_main, "hello", "{\"name\":\"Ada\"}", "\"result\":\"Hello, Ada!\"");
}

/* ---- test-plugin ---- */

static void ping_answers_pong(void **state) {
    assert_answer(test_plugin_main, "ping", "null", "\"result\":\"pong\"");
}

static void get_random_number_gives_all_64_bits(void **state) {
    static const uint64_t highest[] = {UINT64_MAX};
    world_random_is(highest, 1);
    assert_string_equal(call(test_plugin_main, "get_random_number", "null"),
                        "\"result\":18446744073709551615}\n");
}

static void get_time_gives_seconds(void **state) {
    assert_answer(test_plugin_main, "get_time", "null", "\"result\":1700000000");
}

static void sleep_takes_at_least_as_long_as_asked(void **state) {
    assert_answer(test_plugin_main, "sleep", "1500", "\"result\":null");
    assert_int_equal(world_now_ms(), 1500);
}

/* Gives back a call's params; to call 3 `wrong_value` instead, where that is set. */
static const char *wrong_value;

static void echo_host(const char *line) {
    if (!strstr(line, "\"method\":\"echo\"")) return;
    char answer[200] = "{\"jsonrpc\":\"2.0\",\"id\":"; /* and zeros */
    const char *id = strstr(line, "\"id\":") + 5, *params = strstr(line, "\"params\":") + 9;
    bool spoil = strncmp(id, "3,", 2) == 0;
    memcpy(answer + strlen(answer), id, strcspn(id, ","));
    strcat(answer, ",\"result\":");
    if (spoil && wrong_value)
        strcat(answer, wrong_value);
    else
        memcpy(answer + strlen(answer), params, strlen(params) - 1);
    strcat(answer, "}\n");
    world_send(answer);
}

static void many_echo_calls_the_host_so_often(void **state) {
    wrong_value = NULL;
    world_on_line(echo_host);
    assert_string_equal(call(test_plugin_main, "many_echo", "{\"n\":20}"), "\"result\":null}\n");
    assert_non_null(
        strstr(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\",\"params\":0}\n"));
    assert_non_null(
        strstr(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":19,\"method\":\"echo\",\"params\":19}\n"));
    assert_null(strstr(world_output(), "\"id\":20,"));
}

static void many_echo_notices_a_wrong_echo(void **state) {
    wrong_value = "4";
    world_on_line(echo_host);
    assert_string_equal(call(test_plugin_main, "many_echo", "[20]"),
                        "\"error\":{\"code\":-32000,\"message\":\"the echo of 3 is 4\"}}\n");
}

/* The numbers of primes up to powers of ten: OEIS A006880. */
static void prime_sieve_counts_primes(void **state) {
    assert_answer(test_plugin_main, "prime_sieve", "[0]", "\"result\":{\"count\":0,\"limit\":0}");
    assert_answer(test_plugin_main, "prime_sieve", "[1]", "\"result\":{\"count\":0,\"limit\":1}");
    assert_answer(test_plugin_main, "prime_sieve", "[2]", "\"result\":{\"count\":1,\"limit\":2}");
    assert_answer(test_plugin_main, "prime_sieve", "[3]", "\"result\":{\"count\":2,\"limit\":3}");
    assert_answer(test_plugin_main, "prime_sieve", "[4]", "\"result\":{\"count\":2,\"limit\":4}");
    assert_answer(test_plugin_main, "prime_sieve", "[9]", "\"result\":{\"count\":4,\"limit\":9}");
    assert_answer(test_plugin_main, "prime_sieve", "[10]", "\"result\":{\"count\":4,\"limit\":10}");
    assert_answer(test_plugin_main, "prime_sieve", "1000", "\"result\":{\"count\":168,\"limit\":1000}");
    assert_answer(test_plugin_main, "prime_sieve", "1000000",
                  "\"result\":{\"count\":78498,\"limit\":1000000}");
    assert_answer(
        test_plugin_main, "prime_sieve", "100000001",
        "\"error\":{\"code\":-32602,\"message\":\"Invalid params: \\\"limit\\\" must be an integer from 0 to "
        "100000000, but is 100000001\"}");
}

/* ---- textstats ---- */

/* Answers one call of read_file after the other with what is in here, up to NULL. */
static const char *const *pieces;

static void file_host(const char *line) {
    static char answer[500];
    if (!strstr(line, "\"method\":\"read_file\"") || !*pieces) return;
    const char *id = strstr(line, "\"id\":") + 5;
    memset(answer, 0, sizeof answer);
    strcpy(answer, "{\"jsonrpc\":\"2.0\",\"id\":");
    memcpy(answer + strlen(answer), id, strcspn(id, ","));
    strcat(answer, ",");
    strcat(answer, *pieces++);
    strcat(answer, "}\n");
    world_send(answer);
}

static const char *analyze(const char *const *answers, const char *params) {
    world_end();
    world_begin();
    pieces = answers;
    world_on_line(file_host);
    return call(textstats_main, "analyze", params);
}

static void a_file_may_come_as_one_string(void **state) {
    static const char *const whole[] = {"\"result\":\"one two\\ntwo\\n\"", NULL};
    assert_string_equal(
        analyze(whole, "[\"a.txt\"]"),
        "\"result\":{\"path\":\"a.txt\",\"bytes\":12,\"lines\":2,\"words\":3,\"characters\":12,"
        "\"top_words\":[{\"word\":\"two\",\"count\":2},{\"word\":\"one\",\"count\":1}],"
        "\"reading_time_seconds\":1}}\n");
    assert_non_null(strstr(world_output(),
                           "\"method\":\"read_file\",\"params\":{\"path\":\"a.txt\",\"offset\":0,\"length\":"
                           "262144}}\n"));
    assert_null(strstr(world_output(), "progress"));
}

static void a_file_may_come_in_pieces_with_progress(void **state) {
    static const char *const parts[] = {"\"result\":{\"content\":\"caf\u00e9 wo\",\"size\":14}",
                                        "\"result\":{\"content\":\"rd caf\u00e9\",\"eof\":true}", NULL};
    assert_string_equal(
        analyze(parts, "{\"path\":\"b\",\"piece_size\":8}"),
        "\"result\":{\"path\":\"b\",\"bytes\":16,\"lines\":1,\"words\":3,\"characters\":14,"
        "\"top_words\":[{\"word\":\"caf\u00e9\",\"count\":2},{\"word\":\"word\",\"count\":1}],"
        "\"reading_time_seconds\":1}}\n");
    assert_non_null(strstr(world_output(), "\"offset\":0,\"length\":8}"));
    assert_non_null(strstr(
        world_output(), "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"path\":\"b\",\"done\":8,"
                        "\"total\":14}}\n"));
    assert_non_null(strstr(world_output(), "\"offset\":8,\"length\":8}"));
}

static void the_end_may_be_told_by_size_or_by_an_empty_piece(void **state) {
    static const char *const by_size[] = {"\"result\":{\"content\":\"ab\",\"size\":4}",
                                          "\"result\":{\"content\":\"cd\",\"size\":4}", NULL};
    assert_non_null(strstr(analyze(by_size, "[\"f\"]"), "\"bytes\":4,"));
    static const char *const by_nothing[] = {"\"result\":{\"content\":\"ab\"}",
                                             "\"result\":{\"content\":\"\"}", NULL};
    assert_non_null(strstr(analyze(by_nothing, "[\"f\"]"), "\"bytes\":2,"));
    assert_non_null(strstr(world_output(), "\"done\":2,\"total\":null"));
}

static void the_host_may_say_where_the_next_piece_begins(void **state) {
    static const char *const parts[] = {"\"result\":{\"content\":\"a\",\"next\":1000}",
                                        "\"result\":{\"content\":\"b\",\"eof\":true}", NULL};
    assert_non_null(strstr(analyze(parts, "[\"f\"]"), "\"bytes\":2,"));
    assert_non_null(strstr(world_output(), "\"offset\":1000,"));
}

static void progress_can_be_switched_off(void **state) {
    static const char *const parts[] = {"\"result\":{\"content\":\"a\"}", "\"result\":{\"content\":\"\"}",
                                        NULL};
    assert_non_null(strstr(analyze(parts, "{\"path\":\"f\",\"progress\":false}"), "\"bytes\":1,"));
    assert_null(strstr(world_output(), "\"method\":\"progress\""));
}

static void an_error_of_read_file_is_passed_on(void **state) {
    static const char *const error[] = {"\"error\":{\"code\":5,\"message\":\"no such file\",\"data\":\"f\"}",
                                        NULL};
    assert_string_equal(analyze(error, "[\"f\"]"),
                        "\"error\":{\"code\":5,\"message\":\"no such file\",\"data\":\"f\"}}\n");
}

static void a_host_that_answers_nonsense_is_told_so(void **state) {
    static const char *const number[] = {"\"result\":5", NULL};
    assert_string_equal(
        analyze(number, "[\"f\"]"),
        "\"error\":{\"code\":-32000,\"message\":\"unexpected answer of host method \\\"read_file\\\": the "
        "result must be an object, but is 5\"}}\n");
    static const char *const stuck[] = {"\"result\":{\"content\":\"a\",\"next\":0}", NULL};
    assert_string_equal(analyze(stuck, "[\"f\"]"), "\"error\":{\"code\":-32000,\"message\":\"read_file makes "
                                                   "no progress at offset 0 of \\\"f\\\"\"}}\n");
}

/* ---- qrcode ---- */

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) count++;
    return count;
}

static void modules_are_rows_of_zeros_and_ones(void **state) {
    const char *answer =
        call(qrcode_main, "modules", "{\"text\":\"01234567\",\"raise_level\":false,\"mask\":2}");
    const char *start =
        "\"result\":{\"version\":1,\"size\":21,\"level\":\"M\",\"mask\":2,\"rows\":[\"1111111";
    assert_memory_equal(answer, start, strlen(start));
    const char *rows = strstr(answer, "\"rows\":[") + 8;
    for (int y = 0; y < 21; y++, rows += 24) {
        assert_int_equal(rows[0], '"');
        assert_int_equal(strspn(rows + 1, "01"), 21);
        assert_int_equal(rows[22], '"');
    }
    assert_string_equal(rows - 1, "]}}\n");
}

static void a_picture_is_svg_with_the_colours_asked_for(void **state) {
    const char *answer =
        call(qrcode_main, "svg", "{\"text\":\"x\",\"border\":1,\"dark\":\"navy\",\"light\":\"#fffc\"}");
    const char *start =
        "\"result\":\"<svg xmlns=\\\"http://www.w3.org/2000/svg\\\" viewBox=\\\"0 0 23 23\\\" ";
    assert_memory_equal(answer, start, strlen(start));
    assert_non_null(strstr(answer, "fill=\\\"#fffc\\\"/><path fill=\\\"navy\\\" d=\\\"M1 1h7v1h-7z"));
    assert_non_null(strstr(answer, "\\\"/></svg>\"}\n"));
}

static void colours_that_are_none_stay_out_of_the_picture(void **state) {
    const char *const colours[] = {"", "#", "#12", "#12345g", "\\\"/><script>", "url(x)", "a b"};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        world_end();
        world_begin();
        char params[100] = "{\"text\":\"x\",\"dark\":\"";
        strcat(params, colours[i]);
        strcat(params, "\"}");
        const char *start =
            "\"error\":{\"code\":-32602,\"message\":\"Invalid params: \\\"dark\\\" must be a colour";
        assert_memory_equal(call(qrcode_main, "svg", params), start, strlen(start));
    }
}

/* 21 rows and a border of 1 are 23: 12 lines, two rows in each. */
static void text_has_two_rows_of_modules_in_each_line(void **state) {
    const char *answer = call(qrcode_main, "text", "{\"text\":\"x\",\"border\":1}");
    assert_int_equal(count_of(answer, "\\n"), 12);
    /* A light row over the upper edge of the finder pattern: its seven dark modules are lower halves. */
    const char *start = "\"result\":\" \u2584\u2584\u2584\u2584\u2584\u2584\u2584 ";
    assert_memory_equal(answer, start, strlen(start));
}

static void inverted_text_is_light_where_it_was_dark(void **state) {
    const char *answer = call(qrcode_main, "text", "{\"text\":\"x\",\"border\":0,\"invert\":true}");
    /* Both upper rows of the finder pattern: 1111111 over 1000001, then the separator. */
    const char *start = "\"result\":\" \u2584\u2584\u2584\u2584\u2584 \u2588";
    assert_memory_equal(answer, start, strlen(start));
}

static void a_text_that_fits_no_symbol_is_an_error_with_the_limit(void **state) {
    char params[3000] = "[\"";
    memset(params + 2, 'a', 2332);
    strcat(params, "\"]");
    assert_string_equal(
        call(qrcode_main, "modules", params),
        "\"error\":{\"code\":1,\"message\":\"the text is too long for a QR code of level M\",\"data\":"
        "{\"bytes\":2332,\"most_bytes\":2331}}}\n");
}

static void an_unknown_level_is_refused(void **state) {
    assert_answer(
        qrcode_main, "svg", "[\"x\",\"Z\"]",
        "\"error\":{\"code\":-32602,\"message\":\"Invalid params: \\\"level\\\" must be L, M, Q or H, but is "
        "\\\"Z\\\"\"}");
}

/* ---- All of them ---- */

static void every_plugin_describes_itself(void **state) {
    int (*const plugins[])(void) = {hello_main, test_plugin_main, textstats_main, qrcode_main};
    const char *const names[] = {"hello", "test-plugin", "textstats", "qrcode"};
    const size_t methods[] = {1, 6, 1, 3};
    for (size_t i = 0; i < 4; i++) {
        world_end();
        world_begin();
        const char *answer = call(plugins[i], "rpc.discover", "null");
        char start[100] = "\"result\":{\"openrpc\":\"1.3.2\",\"info\":{\"title\":\"";
        strcat(start, names[i]);
        assert_memory_equal(answer, start, strlen(start));
        assert_int_equal(count_of(answer, "\"paramStructure\":"), methods[i]);
        assert_int_equal(count_of(answer, "\"summary\":") >= methods[i], 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(hello_greets),
        WORLD_TEST(ping_answers_pong),
        WORLD_TEST(get_random_number_gives_all_64_bits),
        WORLD_TEST(get_time_gives_seconds),
        WORLD_TEST(sleep_takes_at_least_as_long_as_asked),
        WORLD_TEST(many_echo_calls_the_host_so_often),
        WORLD_TEST(many_echo_notices_a_wrong_echo),
        WORLD_TEST(prime_sieve_counts_primes),
        WORLD_TEST(a_file_may_come_as_one_string),
        WORLD_TEST(a_file_may_come_in_pieces_with_progress),
        WORLD_TEST(the_end_may_be_told_by_size_or_by_an_empty_piece),
        WORLD_TEST(the_host_may_say_where_the_next_piece_begins),
        WORLD_TEST(progress_can_be_switched_off),
        WORLD_TEST(an_error_of_read_file_is_passed_on),
        WORLD_TEST(a_host_that_answers_nonsense_is_told_so),
        WORLD_TEST(modules_are_rows_of_zeros_and_ones),
        WORLD_TEST(a_picture_is_svg_with_the_colours_asked_for),
        WORLD_TEST(colours_that_are_none_stay_out_of_the_picture),
        WORLD_TEST(text_has_two_rows_of_modules_in_each_line),
        WORLD_TEST(inverted_text_is_light_where_it_was_dark),
        WORLD_TEST(a_text_that_fits_no_symbol_is_an_error_with_the_limit),
        WORLD_TEST(an_unknown_level_is_refused),
        WORLD_TEST(every_plugin_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
