/* Calling the host: waiting for it, going on in callbacks, several calls at once, and answers that never come. */
#include "tests.h"

static const char *answer_text(uint64_t id, const char *rest) {
    static char line[400];
    char digits[24];
    size_t count = 0, size;
    strcpy(line, "{\"jsonrpc\":\"2.0\",\"id\":");
    for (size = strlen(line); id > 0 || count == 0; id /= 10) digits[count++] = (char)('0' + id % 10);
    while (count > 0) line[size++] = digits[--count];
    line[size] = '\0';
    strcat(line, ",");
    strcat(line, rest);
    strcat(line, "}\n");
    return line;
}

/* ---- A host ---- */

/* Answers each call with its own params after as many milliseconds as the method's name says: "echo0", "echo9". */
static void echo_host(const char *line) {
    const char *method = strstr(line, "\"method\":\"echo");
    if (!method) return;
    uint64_t delay = strtoul(method + 14, NULL, 10);
    uint64_t id = strtoul(strstr(line, "\"id\":") + 5, NULL, 10);
    char rest[200] = "\"result\":"; /* and zeros */
    const char *params = strstr(line, "\"params\":") + 9;
    memcpy(rest + strlen(rest), params, strlen(params) - 1); /* all but the brace that closes the message */
    if (delay == 0)
        world_send(answer_text(id, rest));
    else
        world_send_after(delay, answer_text(id, rest));
}

static void refusing_host(const char *line) {
    if (strstr(line, "\"method\":\"echo"))
        world_send(
            answer_text(0, "\"error\":{\"code\":7,\"message\":\"no \\u00e9cho\",\"data\":{\"why\":[1]}}"));
}

/* ---- A plugin ---- */

static wplug_host_call *call_echo(wplug_request *request, const char *method, int64_t value) {
    wplug_host_call *call = wplug_call_host(request, method);
    wplug_writer *params = wplug_host_params(call);
    wplug_begin_array(params);
    wplug_write_int64(params, value);
    wplug_end_array(params);
    return call;
}

static int64_t value_of(wplug_host_call *call) {
    return wplug_value_int64(wplug_value_at(wplug_host_result(call), 0));
}

static void wait_once(wplug_request *request) {
    wplug_result_int64(request, value_of(call_echo(request, "echo5", 11)));
}

static void no_params(wplug_request *request) {
    wplug_result_value(request, wplug_host_result(wplug_call_host(request, "echo0")));
}

static void wait_often(wplug_request *request) {
    for (int64_t i = 0; i < 500; i++) {
        wplug_host_call *call = call_echo(request, "echo0", i);
        if (value_of(call) != i || wplug_host_id(call) != (uint64_t)i) wplug_fail(request, "wrong echo");
        wplug_host_free(call);
    }
    if (!wplug_failed(request)) wplug_result_null(request);
}

static void several_at_once(wplug_request *request) {
    wplug_host_call *slow = call_echo(request, "echo30", 1), *quick = call_echo(request, "echo10", 2);
    assert_int_equal(wplug_host_id(quick), UINT64_MAX);
    wplug_host_start(slow);
    wplug_host_start(quick);
    int64_t first = value_of(slow);
    assert_true(wplug_host_finished(quick));
    wplug_result_int64(request, first * 10 + value_of(quick));
}

typedef struct job {
    unsigned left;
    int64_t order; /* the answers' values as digits */
} job;

static void on_answer(wplug_request *request, wplug_host_call *call, void *user) {
    job *progress = user;
    progress->order = progress->order * 10 + value_of(call);
    wplug_host_free(call);
    if (--progress->left == 0) wplug_result_int64(request, progress->order);
}

static void answer_later(wplug_request *request) {
    job *progress = wplug_alloc(request, sizeof *progress);
    progress->left = 3;
    wplug_host_then(call_echo(request, "echo30", 1), on_answer, progress);
    wplug_host_then(call_echo(request, "echo10", 2), on_answer, progress);
    wplug_host_then(call_echo(request, "echo20", 3), on_answer, progress);
}

static void on_first(wplug_request *request, wplug_host_call *call, void *user) {
    (void)user;
    int64_t value = value_of(call);
    wplug_result_int64(request, value + value_of(call_echo(request, "echo5", 100)));
}

static void wait_in_a_callback(wplug_request *request) {
    wplug_host_then(call_echo(request, "echo5", 1), on_first, NULL);
}

static void forgets_to_answer(wplug_request *request, wplug_host_call *call, void *user) {
    (void)request;
    (void)call;
    (void)user;
}

static void never_answers(wplug_request *request) {
    wplug_host_then(call_echo(request, "echo5", 1), forgets_to_answer, NULL);
}

static void look_at_the_error(wplug_request *request) {
    wplug_host_call *call = call_echo(request, "echo0", 1);
    const wplug_host_error *error = wplug_host_error_of(call);
    assert_non_null(error);
    wplug_result_textf(
        request, "%d %.*s %lld", (int)error->code, WPLUG_TEXT(error->message),
        (long long)wplug_value_int64(wplug_value_at(wplug_value_member(error->data, "why"), 0)));
}

static void careless(wplug_request *request) {
    wplug_text path = wplug_param_text(request, "path");
    wplug_host_call *call = wplug_call_host(request, "delete");
    wplug_write_text(wplug_host_params(call), path);
    wplug_value result = wplug_host_result(call);
    assert_int_equal(wplug_value_type(result), WPLUG_TYPE_ABSENT);
    assert_int_equal(wplug_value_int64(wplug_value_member(result, "count")), 0);
    wplug_result_null(request);
}

static void careless_after_an_error(wplug_request *request) {
    int64_t first = value_of(call_echo(request, "echo0", 1));
    value_of(call_echo(request, "echo0", first));
    wplug_result_null(request);
}

static void bad_params(wplug_request *request) {
    wplug_host_call *call = wplug_call_host(request, "echo0");
    wplug_begin_array(wplug_host_params(call));
    wplug_result_value(request, wplug_host_result(call));
}

static void tell(wplug_request *request) {
    wplug_writer *params = wplug_notify_host("progress");
    wplug_begin_object(params);
    wplug_member_int64(params, "done", 5);
    wplug_end_object(params);
    wplug_begin_object(wplug_notify_host("never_finished"));
    wplug_result_null(request);
}

static void on_background(wplug_request *request, wplug_host_call *call, void *user) {
    assert_null(request);
    wplug_log(WPLUG_LOG_INFO, "background: %lld", (long long)value_of(call) + *(int *)user);
}

static int offset = 1000;

static void background(wplug_request *request) {
    wplug_host_then(call_echo(NULL, "echo50", 5), on_background, &offset);
    wplug_result_null(request);
}

static void abandon(wplug_request *request) {
    wplug_host_call *call = call_echo(request, "echo5", 1);
    wplug_host_start(call);
    wplug_host_free(call);
    wplug_host_call *with_callback = call_echo(request, "echo40", 1);
    wplug_host_then(with_callback, on_answer, NULL); /* which would not survive being called */
    wplug_host_free(with_callback);
    wplug_result_null(request);
}

static void ping(wplug_request *request) {
    wplug_log(WPLUG_LOG_INFO, "ping");
    wplug_result_string(request, "pong");
}

static void register_methods(void) {
    wplug_method("wait_once", wait_once);
    wplug_method("no_params", no_params);
    wplug_method("wait_often", wait_often);
    wplug_method("several_at_once", several_at_once);
    wplug_method("answer_later", answer_later);
    wplug_method("wait_in_a_callback", wait_in_a_callback);
    wplug_method("never_answers", never_answers);
    wplug_method("look_at_the_error", look_at_the_error);
    wplug_method("careless", careless, .params = {{"path"}});
    wplug_method("careless_after_an_error", careless_after_an_error);
    wplug_method("bad_params", bad_params);
    wplug_method("tell", tell);
    wplug_method("background", background);
    wplug_method("abandon", abandon);
    wplug_method("ping", ping);
}

/* ---- Helpers ---- */

static void request(const char *id, const char *method) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":");
    world_send(id);
    world_send(",\"method\":\"");
    world_send(method);
    world_send("\"}\n");
}

static const char *run(const char *method, void (*host)(const char *)) {
    world_on_line(host);
    request("0", method);
    assert_int_equal(world_run(register_methods), 0);
    return world_output();
}

/* The last line of the output is the answer to the request. */
static void assert_answer(const char *expected) {
    const char *output = world_output(), *last = output;
    for (const char *end = output; (end = strchr(end, '\n')) && end[1]; end++) last = end + 1;
    char line[400] = "{\"jsonrpc\":\"2.0\",\"id\":0,";
    strcat(line, expected);
    strcat(line, "}\n");
    assert_string_equal(last, line);
}

/* ---- Tests ---- */

static void a_handler_waits_for_the_host(void **state) {
    assert_string_equal(run("wait_once", echo_host),
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo5\",\"params\":[11]}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":11}\n");
    assert_false(world_was_starved());
}

static void params_that_are_not_written_are_null(void **state) {
    assert_string_equal(run("no_params", echo_host),
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo0\",\"params\":null}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}\n");
}

static void calls_one_after_the_other_count_up_from_0(void **state) {
    run("wait_often", echo_host);
    assert_answer("\"result\":null");
    assert_non_null(strstr(world_output(), "\"id\":499,\"method\":\"echo0\",\"params\":[499]"));
}

static void calls_that_were_started_run_at_the_same_time(void **state) {
    run("several_at_once", echo_host);
    assert_answer("\"result\":12");
    assert_int_equal(world_now_ms(), 30);
}

static void callbacks_run_in_the_order_of_the_answers(void **state) {
    run("answer_later", echo_host);
    assert_answer("\"result\":231");
    assert_int_equal(world_now_ms(), 30);
}

static void a_callback_may_wait_too(void **state) {
    run("wait_in_a_callback", echo_host);
    assert_answer("\"result\":101");
}

static void callbacks_that_do_not_answer_are_noticed(void **state) {
    run("never_answers", echo_host);
    assert_answer("\"error\":{\"code\":-32603,\"message\":\"method \\\"never_answers\\\" returned without an "
                  "answer\"}");
}

static void an_error_of_the_host_becomes_the_request_s(void **state) {
    run("wait_once", refusing_host);
    assert_answer("\"error\":{\"code\":7,\"message\":\"no \u00e9cho\",\"data\":{\"why\":[1]}}");
}

static void an_error_of_the_host_can_be_looked_at(void **state) {
    run("look_at_the_error", refusing_host);
    assert_answer("\"result\":\"7 no \u00e9cho 1\"");
}

static void wrong_host(const char *line) {
    if (strstr(line, "\"method\":\"echo")) world_send(answer_text(0, "\"result\":[\"x\"]"));
}

static void an_answer_of_the_wrong_type_names_the_host_method(void **state) {
    run("wait_once", wrong_host);
    assert_answer("\"error\":{\"code\":-32000,\"message\":\"unexpected answer of host method \\\"echo5\\\": "
                  "\\\"[0]\\\" must "
                  "be an integer, but is a string\"}");
}

static void a_request_that_failed_calls_no_host_methods(void **state) {
    run("careless", echo_host);
    assert_string_equal(world_output(),
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32602,\"message\":\"Invalid "
                        "params: \\\"path\\\" is missing: expected a string\"}}\n");
}

static void a_request_that_failed_by_the_host_s_error_calls_it_no_more(void **state) {
    run("careless_after_an_error", refusing_host);
    assert_answer("\"error\":{\"code\":7,\"message\":\"no \u00e9cho\",\"data\":{\"why\":[1]}}");
    assert_null(strstr(world_output(), "\"id\":1,"));
    assert_string_equal(world_log(), "");
}

static void params_that_are_not_complete_are_not_sent(void **state) {
    run("bad_params", echo_host);
    assert_string_equal(
        world_output(),
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32603,\"message\":\"the params of "
        "host method \\\"echo0\\\" cannot be written: the value is not complete\"}}\n");
}

static void silent_host(const char *line) {
    (void)line;
}

static void an_input_that_ends_answers_the_calls_that_wait(void **state) {
    run("wait_once", silent_host);
    assert_true(world_was_starved());
    assert_answer("\"error\":{\"code\":-32001,\"message\":\"the host has closed standard input\"}");
}

static void an_input_that_ends_runs_the_callbacks_that_wait(void **state) {
    run("answer_later", silent_host);
    assert_answer("\"error\":{\"code\":-32001,\"message\":\"the host has closed standard input\"}");
}

static void requests_that_come_while_a_handler_waits_are_served_after_it(void **state) {
    world_on_line(echo_host);
    request("0", "wait_once");
    request("1", "ping");
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_output(),
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo5\",\"params\":[11]}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":11}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"pong\"}\n");
}

static void requests_are_served_while_another_is_answered_later(void **state) {
    world_on_line(echo_host);
    request("0", "answer_later");
    request("1", "ping");
    assert_int_equal(world_run(register_methods), 0);
    const char *pong = strstr(world_output(), "\"pong\""), *later = strstr(world_output(), "\"result\":231");
    assert_non_null(pong);
    assert_non_null(later);
    assert_true(pong < later);
}

static void notifications_are_sent_when_complete(void **state) {
    assert_string_equal(run("tell", silent_host),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"done\":5}}\n"
                        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}\n");
    assert_string_equal(world_log(),
                        "error: notification \"never_finished\" is not sent: its value is not complete\n");
}

static void the_plugin_waits_for_calls_without_a_request(void **state) {
    run("background", echo_host);
    assert_string_equal(world_log(), "info: background: 1005\n");
    assert_int_equal(world_now_ms(), 50);
}

static void a_freed_call_is_forgotten(void **state) {
    run("abandon", echo_host);
    assert_non_null(strstr(world_output(), "\"result\":null"));
    assert_int_equal(world_now_ms(), 0); /* nothing was waited for */
    assert_false(world_was_starved());
}

static void stray_answers_are_logged_and_ignored(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":1}\n");
    run("ping", silent_host);
    assert_answer("\"result\":\"pong\"");
    assert_string_equal(world_log(), "warning: ignored an answer to no call: id 99\ninfo: ping\n");
}

static void broken_host(const char *line) {
    if (strstr(line, "\"method\":\"echo"))
        world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1,\"error\":{}}\n");
}

static void an_answer_that_is_no_message_ends_its_call(void **state) {
    run("wait_once", broken_host);
    assert_non_null(strstr(world_output(), "\"id\":0,\"error\":{\"code\":-32603,"));
}

static void every_kind_of_host_is_waited_for(void **state) {
    for (int kind = WORLD_READS_WAIT; kind <= WORLD_CLOCKS_ONLY; kind++) {
        world_end();
        world_begin();
        world_is((world_kind)kind);
        run("answer_later", echo_host);
        assert_answer("\"result\":231");
        assert_true(world_now_ms() >= 30 && world_now_ms() < 40);
        assert_true(world_pauses() < 200); /* it does not spin */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_handler_waits_for_the_host),
        WORLD_TEST(params_that_are_not_written_are_null),
        WORLD_TEST(calls_one_after_the_other_count_up_from_0),
        WORLD_TEST(calls_that_were_started_run_at_the_same_time),
        WORLD_TEST(callbacks_run_in_the_order_of_the_answers),
        WORLD_TEST(a_callback_may_wait_too),
        WORLD_TEST(callbacks_that_do_not_answer_are_noticed),
        WORLD_TEST(an_error_of_the_host_becomes_the_request_s),
        WORLD_TEST(an_error_of_the_host_can_be_looked_at),
        WORLD_TEST(an_answer_of_the_wrong_type_names_the_host_method),
        WORLD_TEST(a_request_that_failed_calls_no_host_methods),
        WORLD_TEST(a_request_that_failed_by_the_host_s_error_calls_it_no_more),
        WORLD_TEST(params_that_are_not_complete_are_not_sent),
        WORLD_TEST(an_input_that_ends_answers_the_calls_that_wait),
        WORLD_TEST(an_input_that_ends_runs_the_callbacks_that_wait),
        WORLD_TEST(requests_that_come_while_a_handler_waits_are_served_after_it),
        WORLD_TEST(requests_are_served_while_another_is_answered_later),
        WORLD_TEST(notifications_are_sent_when_complete),
        WORLD_TEST(the_plugin_waits_for_calls_without_a_request),
        WORLD_TEST(a_freed_call_is_forgotten),
        WORLD_TEST(stray_answers_are_logged_and_ignored),
        WORLD_TEST(an_answer_that_is_no_message_ends_its_call),
        WORLD_TEST(every_kind_of_host_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
