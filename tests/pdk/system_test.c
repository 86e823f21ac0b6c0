/* The log, randomness, texts and memory of a request. */
#include "tests.h"

static void ping(wplug_request *request) {
    wplug_result_string(request, "pong");
}

static void logs(wplug_request *request) {
    wplug_log(WPLUG_LOG_DEBUG, "d");
    wplug_log(WPLUG_LOG_INFO, "i %s %5d|%-4u|%llx", "text", -7, 3u, 255ull);
    wplug_log(WPLUG_LOG_WARNING, "one\ntwo\n");
    wplug_log(WPLUG_LOG_ERROR, "%s", "");
    wplug_result_null(request);
}

static void quiet_logs(wplug_request *request) {
    wplug_log_from(WPLUG_LOG_ERROR);
    logs(request);
}

static void random_numbers(wplug_request *request) {
    wplug_writer *result = wplug_result(request);
    uint8_t bytes[3];
    wplug_random_bytes(bytes, sizeof bytes);
    wplug_begin_array(result);
    wplug_write_uint64(result, wplug_random_uint64());
    wplug_write_uint64(result, wplug_random_below(10));
    wplug_write_uint64(result, wplug_random_below(0));
    wplug_write_uint64(result, bytes[2]);
    wplug_end_array(result);
}

static void one_of_six(wplug_request *request) {
    wplug_result_uint64(request, wplug_random_below(6));
}

static void texts(wplug_request *request) {
    wplug_text text = wplug_format(request, "%s-%03d", "a", 7);
    bool good = wplug_text_is(text, "a-007") && wplug_text_equal(text, wplug_str("a-007")) &&
                !wplug_text_is(text, "a-00") && wplug_str(NULL).size == 0 &&
                strcmp(wplug_c_string(request, (wplug_text){"abc", 2}), "ab") == 0;
    wplug_result_bool(request, good);
}

static void memory(wplug_request *request) {
    static const size_t sizes[] = {0, 1, 15, 16, 17, 900, 1000, 1024, 5000, 3, 100000, 40};
    unsigned char *blocks[sizeof sizes / sizeof *sizes];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        blocks[i] = wplug_alloc(request, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t j = 0; j < sizes[i]; j++) assert_int_equal(blocks[i][j], i + 1);
    }
    wplug_result_null(request);
}

static void register_methods(void) {
    wplug_method("ping", ping);
    wplug_method("logs", logs);
    wplug_method("quiet_logs", quiet_logs);
    wplug_method("random_numbers", random_numbers);
    wplug_method("one_of_six", one_of_six);
    wplug_method("texts", texts);
    wplug_method("memory", memory);
}

static int run(const char *method) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"");
    world_send(method);
    world_send("\",\"params\":null}\n");
    return world_run(register_methods);
}

static void assert_result(const char *method, const char *expected) {
    char line[300] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":";
    strcat(line, expected);
    strcat(line, "}\n");
    assert_int_equal(run(method), 0);
    assert_string_equal(world_output(), line);
}

static void each_message_is_one_write_with_the_level_before_each_line(void **state) {
    run("logs");
    assert_string_equal(world_log(), "info: i text    -7|3   |ff\nwarning: one\nwarning: two\nerror: \n");
    assert_int_equal(world_log_writes(), 3);
}

static void messages_below_the_chosen_level_are_dropped(void **state) {
    run("quiet_logs");
    assert_string_equal(world_log(), "error: \n");
}

static void the_environment_has_the_last_word_on_the_level(void **state) {
    world_environment("WPLUG_LOG", "debug");
    run("quiet_logs");
    assert_memory_equal(world_log(), "debug: d\ninfo: ", 15);
}

static void an_unknown_level_in_the_environment_changes_nothing(void **state) {
    world_environment("WPLUG_LOG", "loud");
    run("logs");
    assert_memory_equal(world_log(), "info: ", 6);
}

static void random_numbers_are_the_host_s(void **state) {
    static const uint64_t numbers[] = {UINT64_MAX, 17};
    world_random_is(numbers, 2);
    assert_result("random_numbers", "[18446744073709551615,7,0,165]");
}

/* 2^64 is 4 more than a multiple of 6, so the four highest numbers would make 0 to 3 likelier. */
static void numbers_that_would_favour_some_are_drawn_again(void **state) {
    static const uint64_t numbers[] = {UINT64_MAX, UINT64_MAX - 3, UINT64_MAX - 4};
    world_random_is(numbers, 3);
    assert_result("one_of_six", "5");
    assert_int_equal(world_random_reads(), 3);
}

static void a_host_without_randomness_ends_the_plugin(void **state) {
    world_fail_random();
    assert_int_equal(run("one_of_six"), WPLUG_EXIT_NO_RANDOM);
    assert_string_equal(world_log(), "error: the host gives no random bytes\n");
}

static void texts_are_formatted_compared_and_terminated(void **state) {
    assert_result("texts", "true");
}

static void memory_of_a_request_is_zeroed_aligned_and_apart(void **state) {
    assert_result("memory", "null");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(each_message_is_one_write_with_the_level_before_each_line),
        WORLD_TEST(messages_below_the_chosen_level_are_dropped),
        WORLD_TEST(the_environment_has_the_last_word_on_the_level),
        WORLD_TEST(an_unknown_level_in_the_environment_changes_nothing),
        WORLD_TEST(random_numbers_are_the_host_s),
        WORLD_TEST(numbers_that_would_favour_some_are_drawn_again),
        WORLD_TEST(texts_are_formatted_compared_and_terminated),
        WORLD_TEST(memory_of_a_request_is_zeroed_aligned_and_apart),
    };
    const struct CMUnitTest leaving[] = {WORLD_TEST(a_host_without_randomness_ends_the_plugin)};
    return cmocka_run_group_tests(tests, NULL, NULL) + cmocka_run_group_tests(leaving, NULL, NULL);
}
