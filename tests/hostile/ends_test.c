/* Every way in which a call can end has its own status and a sentence, and the runtime serves the next call afterwards. */
#include "fixture.h"

/* Whatever the test did to it, the runtime still works. */
static int tear_down_and_ask(void **state) {
    fixture *self = *state;
    expect_result(self->runtime, self->actor, "ask echo 5\nwait\nlast",
                  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":5}");
    assert_int_equal(wplug_runtime_task_count(self->runtime), 0);
    wplug_plugin_release(self->actor);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    free(self);
    return 0;
}

/* ---- Answers ---- */

static void a_result_arrives_as_it_was_written(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "answer [ 1e400, 18446744073709551615,\"\\u00e4\\n\" ]",
                  "[ 1e400, 18446744073709551615,\"\\u00e4\\n\" ]");
}

static void a_result_tells_what_it_cost(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "answer 1");
    assert_string_equal(result->message, "");
    assert_string_equal(result->backtrace, "");
    assert_true(result->fuel_used > 1000);
    assert_true(result->time_ns > 0);
    assert_true(result->memory_bytes >= 1 << 20); /* the actor's buffers alone */
    assert_int_equal(result->memory_bytes % 65536, 0);
    uint64_t fuel = result->fuel_used;
    wplug_result_release(result);
    result = act(self->runtime, self->actor, "answer 1");
    assert_int_equal(result->fuel_used, fuel); /* fuel is a function of module and input */
    wplug_result_release(result);
}

static void an_error_arrives_with_code_message_and_data(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "fail -32602 no such thing");
    assert_int_equal(result->status, WPLUG_RPC_ERROR);
    assert_int_equal(result->code, -32602);
    assert_string_equal(result->error_message, "no such thing");
    assert_string_equal(result->data, "[1e400]");
    assert_int_equal(result->data_size, 7);
    assert_string_equal(result->json, "");
    expect_contains(result->message, "-32602");
    expect_contains(result->message, "no such thing");
    expect_contains(result->message, "\"actor\"");
    expect_contains(result->message, "\"act\"");
    wplug_result_release(result);
}

static void an_answer_without_a_line_end_counts_when_the_guest_returns(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "raw {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":7}", "7");
    expect_result(self->runtime, self->actor, "raw {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":8}\nexit 0", "8");
}

static void a_second_answer_is_ignored_and_noted_in_the_log(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "answer 1\nanswer 2", "1");
    expect_contains(self->log.text, "host: an answer with the id 0 was ignored");
}

static void a_wrong_id_is_ignored_noted_and_then_missed(void **state) {
    FIXTURE;
    expect_end(self->runtime, self->actor, "out {\"jsonrpc\":\"2.0\",\"id\":77,\"result\":1}\nwait",
               WPLUG_NO_ANSWER, "to an id that no request has");
    expect_contains(self->log.text, "host: an answer with the id 77 was ignored");
    expect_end(self->runtime, self->actor, "out {\"jsonrpc\":\"2.0\",\"id\":\"0\",\"result\":1}",
               WPLUG_RETURNED, "to an id that no request has");
}

static void the_guest_may_go_on_after_its_answer_and_read_the_end(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "answer 1\neof\nerr bye\nerrraw no line end", "1");
    assert_string_equal(self->log.text, "bye\nno line end\n");
}

static void a_guest_that_never_stops_after_its_answer_is_dropped(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "answer 1\nspin", "1");
    expect_result(self->runtime, self->actor, "answer 2\nsleep 3600000", "2");
    expect_result(self->runtime, self->actor, "answer 3\ntrap", "3");
    expect_result(self->runtime, self->actor, "answer 4\nout garbage\nflood 100000000", "4");
}

/* ---- Ends without an answer ---- */

static void a_trap_says_which_and_where(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "err before\ntrap");
    assert_int_equal(result->status, WPLUG_TRAP);
    expect_contains(result->message, "trapped: unreachable");
    expect_contains(result->backtrace, "(function ");
    expect_contains(result->backtrace, "    at _start");
    assert_string_equal(self->log.text, "before\n");
    wplug_result_release(result);
}

static void an_exit_says_its_code(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "exit 3");
    assert_int_equal(result->status, WPLUG_EXITED);
    assert_int_equal(result->exit_code, 3);
    expect_contains(result->message, "exited with code 3 before it answered");
    wplug_result_release(result);
    expect_end(self->runtime, self->actor, "exit 0", WPLUG_EXITED, "code 0");
}

static void a_raised_signal_is_told(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "raise 6");
    assert_int_equal(result->status, WPLUG_RAISED);
    assert_int_equal(result->exit_code, 134);
    expect_contains(result->message, "signal 6");
    wplug_result_release(result);
    expect_result(self->runtime, self->actor, "raise 27\nanswer 1", "1");
}

static void a_return_without_an_answer_is_told(void **state) {
    FIXTURE;
    expect_end(self->runtime, self->actor, "return", WPLUG_RETURNED, "returned before it answered");
}

static void garbage_is_quoted(void **state) {
    FIXTURE;
    expect_end(self->runtime, self->actor, "out Hello, world!\nanswer 1", WPLUG_BAD_OUTPUT, "Hello, world!");
    expect_end(self->runtime, self->actor, "out {\"id\":0,\"result\":1}", WPLUG_BAD_OUTPUT,
               "{\"id\":0,\"result\":1}");
    expect_end(self->runtime, self->actor, "out [1,2]", WPLUG_BAD_OUTPUT, "stdout");
}

static void half_a_message_is_told_from_none(void **state) {
    FIXTURE;
    expect_end(self->runtime, self->actor, "raw {\"jsonrpc\":\"2.0\",\"id\":0,\"resu", WPLUG_BAD_OUTPUT,
               "\"resu");
    expect_end(self->runtime, self->actor, "raw {\"jsonrpc\":\"2.0\",\"id\":0,\nexit 0", WPLUG_BAD_OUTPUT,
               "\"id\":0,");
    expect_end(self->runtime, self->actor, "raw {\"jsonrpc\":\nwait", WPLUG_NO_ANSWER, "has no end");
}

static void a_guest_that_waits_for_nothing_is_found_out_at_once(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    expect_end_within(self->runtime, self->actor, &limits, "wait\nanswer 1", WPLUG_NO_ANSWER,
                      "no input can come");
    expect_end_within(self->runtime, self->actor, &limits, "ask echo 1\nwait\nwait", WPLUG_NO_ANSWER,
                      "no input can come");
}

/* ---- Limits ---- */

static wplug_limits some_limits(void) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    return limits;
}

static void fuel_is_limited(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.fuel = 1000000;
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "spin");
    assert_int_equal(result->status, WPLUG_FUEL_LIMIT);
    expect_contains(result->message, "1000000");
    expect_contains(result->backtrace, "    at ");
    assert_true(result->fuel_used >= 1000000 && result->fuel_used < 1010000);
    wplug_result_release(result);
}

static void time_is_limited_for_whoever_computes_sleeps_or_waits(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.time_ns = 20000000;
    expect_end_within(self->runtime, self->actor, &limits, "spin", WPLUG_TIME_LIMIT, "20 ms");
    expect_end_within(self->runtime, self->actor, &limits, "sleep 3600000", WPLUG_TIME_LIMIT, "20 ms");
}

static void memory_is_limited(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.memory_bytes = 8 << 20;
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "grow");
    assert_int_equal(result->status, WPLUG_MEMORY_LIMIT);
    assert_int_equal(result->memory_bytes, 8 << 20);
    expect_contains(result->message, "8388608");
    wplug_result_release(result);
    limits.memory_bytes = 65536;
    expect_end_within(self->runtime, self->actor, &limits, "answer 1", WPLUG_MEMORY_LIMIT, "from the start");
}

static void endless_recursion_reaches_the_stack_limit(void **state) {
    FIXTURE;
    wplug_result *result = act(self->runtime, self->actor, "recurse");
    assert_int_equal(result->status, WPLUG_STACK_LIMIT);
    expect_contains(result->message, "recurse");
    expect_contains(result->backtrace, "more");
    wplug_result_release(result);
    wplug_limits limits = some_limits();
    limits.depth = 50;
    expect_end_within(self->runtime, self->actor, &limits, "recurse", WPLUG_STACK_LIMIT, "50 calls");
    expect_result(self->runtime, self->actor, "answer 1", "1");
}

static void messages_are_limited(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.message_bytes = 10000;
    expect_end_within(self->runtime, self->actor, &limits, "big 10000", WPLUG_MESSAGE_LIMIT, "too large");
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "big 9000");
    assert_int_equal(result->status, WPLUG_OK);
    assert_int_equal(result->json_size, 9002);
    wplug_result_release(result);
}

static void a_message_of_100_mb_is_refused_without_being_kept(void **state) {
    FIXTURE;
    expect_end(self->runtime, self->actor, "big 100000000", WPLUG_MESSAGE_LIMIT, "too large");
}

static void a_message_of_100_mb_passes_where_it_is_allowed(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.message_bytes = 200 << 20;
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "big 100000000");
    assert_int_equal(result->status, WPLUG_OK);
    assert_int_equal(result->json_size, 100000002);
    assert_int_equal(strspn(result->json + 1, "y"), 100000000);
    wplug_result_release(result);
}

static void messages_nested_too_deep_are_refused(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.message_depth = 3;
    expect_end_within(self->runtime, self->actor, &limits, "answer [[[1]]]", WPLUG_MESSAGE_LIMIT,
                      "too large");
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "answer [[1]]");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_result_release(result);
}

static void requests_that_are_too_long_are_refused_at_the_start(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.message_bytes = 100;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    char params[200];
    memset(params, '1', sizeof params);
    params[sizeof params - 1] = 0;
    wplug_error error;
    call_end ending = {0, 0, NULL};
    assert_int_equal(wplug_call_start(self->runtime, self->actor, "act", params, &options, keep_ending,
                                      &ending, NULL, &error),
                     WPLUG_MESSAGE_LIMIT);
    expect_contains(error.message, "too long");
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    assert_int_equal(ending.count, 0);
}

static void the_log_is_limited(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.log_bytes = 640;
    expect_end_within(self->runtime, self->actor, &limits, "flood 6400", WPLUG_LOG_LIMIT, "640");
    assert_int_equal(strlen(self->log.text), 640); /* all of it up to the limit, and no more */
    wplug_runtime_set_log(self->runtime, NULL, NULL);
    expect_end_within(self->runtime, self->actor, &limits, "flood 6400", WPLUG_LOG_LIMIT, "640");
    wplug_runtime_set_log(self->runtime, record_log, &self->log);
}

static void open_requests_are_limited(void **state) {
    FIXTURE;
    /* Handlers that answer at once never have any open. */
    wplug_limits limits = some_limits();
    limits.host_calls = 1;
    wplug_result *result = act_within(self->runtime, self->actor, &limits, "unread 10\nanswer 1");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_result_release(result);
}

static void answers_that_nobody_reads_are_limited(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.message_bytes = 1000;
    expect_end_within(self->runtime, self->actor, &limits, "unread 1000\nanswer 1", WPLUG_MESSAGE_LIMIT,
                      "does not read its input");
}

/* ---- Logs ---- */

static void log_lines_arrive_whole_and_are_cut_where_too_long(void **state) {
    FIXTURE;
    wplug_limits limits = some_limits();
    limits.log_line_bytes = 10;
    wplug_result *result =
        act_within(self->runtime, self->actor, &limits,
                   "errraw a\nerrraw b\nerr c\nerr \nerr 0123456789\nerr 0123456789x\nerrraw end\nanswer 1");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_result_release(result);
    assert_string_equal(self->log.text, "abc\n\n0123456789\n0123456789 (cut)\nend\n");
}

static void logs_and_messages_keep_their_order(void **state) {
    FIXTURE;
    record all = {""};
    wplug_runtime_set_log(self->runtime, record_log, &all);
    wplug_runtime_set_trace(self->runtime, record_trace, &all);
    wplug_result *result = act(self->runtime, self->actor,
                               "err one\ntell note 1\nerr two\nask echo 2\nerr three\nwait\nanswer 1");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_result_release(result);
    char *first_end = strchr(all.text, '\n');
    expect_contains(all.text, "< {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"act\",\"params\":");
    assert_string_equal(first_end + 1, "one\n"
                                       "> {\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":1}\n"
                                       "two\n"
                                       "> {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\",\"params\":2}\n"
                                       "< {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":2}\n"
                                       "three\n"
                                       "> {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}\n");
    wplug_runtime_set_trace(self->runtime, NULL, NULL);
    wplug_runtime_set_log(self->runtime, record_log, &self->log);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_and_ask)
    const struct CMUnitTest tests[] = {
        TEST(a_result_arrives_as_it_was_written),
        TEST(a_result_tells_what_it_cost),
        TEST(an_error_arrives_with_code_message_and_data),
        TEST(an_answer_without_a_line_end_counts_when_the_guest_returns),
        TEST(a_second_answer_is_ignored_and_noted_in_the_log),
        TEST(a_wrong_id_is_ignored_noted_and_then_missed),
        TEST(the_guest_may_go_on_after_its_answer_and_read_the_end),
        TEST(a_guest_that_never_stops_after_its_answer_is_dropped),
        TEST(a_trap_says_which_and_where),
        TEST(an_exit_says_its_code),
        TEST(a_raised_signal_is_told),
        TEST(a_return_without_an_answer_is_told),
        TEST(garbage_is_quoted),
        TEST(half_a_message_is_told_from_none),
        TEST(a_guest_that_waits_for_nothing_is_found_out_at_once),
        TEST(fuel_is_limited),
        TEST(time_is_limited_for_whoever_computes_sleeps_or_waits),
        TEST(memory_is_limited),
        TEST(endless_recursion_reaches_the_stack_limit),
        TEST(messages_are_limited),
        TEST(a_message_of_100_mb_is_refused_without_being_kept),
        TEST(a_message_of_100_mb_passes_where_it_is_allowed),
        TEST(messages_nested_too_deep_are_refused),
        TEST(requests_that_are_too_long_are_refused_at_the_start),
        TEST(the_log_is_limited),
        TEST(open_requests_are_limited),
        TEST(answers_that_nobody_reads_are_limited),
        TEST(log_lines_arrive_whole_and_are_cut_where_too_long),
        TEST(logs_and_messages_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
