/* Memory: large messages, and every allocation failing in turn. */
#include "tests.h"

static const char *params_began, *params_ended;

static void text_length(wplug_request *request) {
    wplug_text text = wplug_param_text(request, "text");
    wplug_value params = wplug_params(request);
    params_began = params.json;
    params_ended = params.json + params.size;
    bool in_place = text.data > params_began && text.data + text.size < params_ended;
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    wplug_write_uint64(result, text.size);
    wplug_write_bool(result, in_place);
    wplug_end_array(result);
}

static void on_piece(wplug_request *request, wplug_host_call *call, void *user) {
    (void)user;
    wplug_text text = wplug_value_text(wplug_value_at(wplug_host_result(call), 0));
    wplug_result_text(request, text);
}

/* Uses its params after an answer that needs more room than the block they lie in. */
static void compare(wplug_request *request) {
    wplug_text text = wplug_param_text(request, "text");
    wplug_text answer = wplug_value_text(wplug_host_result(wplug_call_host(request, "large")));
    wplug_result_bool(request, wplug_text_is(text, "still here") && answer.size == 20000);
}

/* Does a bit of everything that allocates. */
static void everything(wplug_request *request) {
    wplug_text text = wplug_param_text(request, "text");
    wplug_log(WPLUG_LOG_INFO, "%.*s", WPLUG_TEXT(text));
    char *memory = wplug_alloc(request, 3000);
    if (memory) memory[2999] = 'x';
    wplug_format(request, "%.*s", WPLUG_TEXT(text));
    wplug_parse(request, "text", wplug_str("[1]"));
    for (wplug_each each = wplug_each_in(wplug_param(request, "object")); wplug_next(&each);) {
    }
    wplug_writer *params = wplug_notify_host("told");
    wplug_begin_array(params);
    wplug_write_textf(params, "%d", 5);
    wplug_end_array(params);
    wplug_host_call *call = wplug_call_host(request, "echo");
    wplug_writer *call_params = wplug_host_params(call);
    wplug_begin_array(call_params);
    wplug_write_text(call_params, text);
    wplug_end_array(call_params);
    wplug_host_error_of(call);
    wplug_host_then(wplug_call_host(request, "echo"), on_piece, NULL);
}

static void on_timer(wplug_request *request, void *user) {
    (void)user;
    wplug_write_string(wplug_error_with_data(request, 5, "%s", "with data"), "data");
}

static void timer(wplug_request *request) {
    wplug_after(request, 1, on_timer, NULL);
}

static void register_methods(void) {
    wplug_uses_host_method("echo", NULL);
    wplug_method("text_length", text_length, .params = {{"text"}});
    wplug_method("everything", everything, .params = {{"text"}, {"object", .optional = true}});
    wplug_method("timer", timer);
    wplug_method("compare", compare, .params = {{"text"}});
}

static void echo_host(const char *line) {
    if (!strstr(line, "\"method\":\"echo\"")) return;
    world_send(strstr(line, "\"id\":0") ? "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[\"an\\nswer\"]}\n"
                                        : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[\"an\\nswer\"]}\n");
}

/* Sends a request with a text of `size` bytes. */
static void send_large_request(size_t size) {
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"text_length\",\"params\":[\"");
    world_send_bytes(text, size);
    world_send("\"]}\n");
    free(text);
}

static void a_large_text_is_read_where_it_arrived(void **state) {
    send_large_request(20 << 20);
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[20971520,true]}\n");
}

static void a_large_text_may_come_in_small_pieces(void **state) {
    world_read_at_most(1000);
    send_large_request(300000);
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[300000,true]}\n");
}

static void large_host(const char *line) {
    char text[20001];
    if (!strstr(line, "\"method\":\"large\"")) return;
    memset(text, 'y', 20000);
    text[20000] = '\0';
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"");
    world_send(text);
    world_send("\"}\n");
}

static void params_stay_where_they_are_while_answers_arrive(void **state) {
    const size_t sizes[] = {1, 100, 4000, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        world_end();
        world_begin();
        world_read_at_most(sizes[i]);
        world_on_line(large_host);
        world_send("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"compare\",\"params\":[\"still here\"]}\n");
        assert_int_equal(world_run(register_methods), 0);
        assert_non_null(strstr(world_output(), "\"id\":5,\"result\":true"));
    }
}

static void a_message_too_large_for_memory_ends_the_plugin_with_a_log_line(void **state) {
    send_large_request(1 << 20);
    memory_fail_all_after(8); /* in the middle of growing the buffer for it */
    int code = world_run(register_methods);
    assert_true(memory_stop_failing());
    assert_int_equal(code, WPLUG_EXIT_NO_MEMORY);
    assert_string_equal(world_output(), "");
    assert_int_not_equal(strlen(world_log()), 0);
}

static const char request_line[] =
    "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"everything\",\"params\":[\"a\\ntext\",{\"k\\u0065y\":1}]}\n";

/* What a plugin may say whose memory fails at one place or for good: the right answer, an error, or nothing and an
 * exit code; but never two answers, and never nothing at all. */
static void assert_orderly_end(int code) {
    const char *answer = strstr(world_output(), "\"id\":9");
    if (!answer) {
        assert_true(code == WPLUG_EXIT_NO_MEMORY || code == WPLUG_EXIT_REGISTRATION);
        assert_int_not_equal(strlen(world_log()), 0);
        return;
    }
    assert_null(strstr(answer + 1, "\"id\":9"));
    bool right = strstr(answer, "\"result\":\"an\\nswer\"") != NULL;
    bool failed = strstr(answer, "\"error\":{\"code\":-32") != NULL;
    assert_true(right || failed);
}

static void fail_in_turn(void (*fail_after)(size_t), const char *line) {
    for (size_t allowed = 0; allowed < 1000; allowed++) {
        world_end();
        world_begin();
        world_on_line(echo_host);
        world_send(line);
        fail_after(allowed);
        int code = world_run(register_methods);
        if (!memory_stop_failing()) {
            assert_int_equal(code, 0);
            assert_true(allowed > 20);
            return;
        }
        assert_orderly_end(code);
    }
    fail();
}

static void each_allocation_may_fail_once(void **state) {
    fail_in_turn(memory_fail_one_after, request_line);
}

static void memory_may_run_out_anywhere(void **state) {
    fail_in_turn(memory_fail_all_after, request_line);
}

static void memory_may_run_out_in_discovery_and_timers(void **state) {
    const char *methods[] = {"rpc.discover", "timer"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t allowed = 0; allowed < 200; allowed++) {
            world_end();
            world_begin();
            world_send("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"");
            world_send(methods[i]);
            world_send("\"}\n");
            memory_fail_all_after(allowed);
            int code = world_run(register_methods);
            bool failed = memory_stop_failing();
            assert_true(failed || allowed > 10);
            if (failed) assert_int_equal(code == 0, strstr(world_output(), "\"id\":9") != NULL);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_large_text_is_read_where_it_arrived),
        WORLD_TEST(a_large_text_may_come_in_small_pieces),
        WORLD_TEST(params_stay_where_they_are_while_answers_arrive),
        WORLD_TEST(a_message_too_large_for_memory_ends_the_plugin_with_a_log_line),
        WORLD_TEST(each_allocation_may_fail_once),
        WORLD_TEST(memory_may_run_out_anywhere),
        WORLD_TEST(memory_may_run_out_in_discovery_and_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
