/* Several host calls and timers under way in one handler: waiting for any or all of them, with and without an
 * end to it, and what becomes of them when the handler answers early. */
#include "tests.h"

#include <stdio.h>

/* ---- A host ---- */

/* Answers each call with its own params after as many milliseconds as the method's name says, "after30";
 * refuses "refuse30" after as many, and says nothing to anything else. */
static void host(const char *line) {
    const char *refused = strstr(line, "\"method\":\"refuse"), *method = strstr(line, "\"method\":\"after");
    if (!refused && !method) return;
    unsigned long id = strtoul(strstr(line, "\"id\":") + 5, NULL, 10);
    unsigned long delay = strtoul(refused ? refused + 16 : method + 15, NULL, 10);
    const char *params = strstr(line, "\"params\":") + 9;
    char answer[200];
    if (refused)
        snprintf(answer, sizeof answer,
                 "{\"jsonrpc\":\"2.0\",\"id\":%lu,\"error\":{\"code\":7,\"message\":\"no\"}}\n", id);
    else
        snprintf(answer, sizeof answer, "{\"jsonrpc\":\"2.0\",\"id\":%lu,\"result\":%.*s}\n", id,
                 (int)strlen(params) - 1, params);
    world_send_after(delay, answer);
}

/* ---- A plugin ---- */

static wplug_host_call *call_host(wplug_request *request, const char *method, int64_t value) {
    wplug_host_call *call = wplug_call_host(request, method);
    wplug_write_int64(wplug_host_params(call), value);
    return call;
}

static int64_t result_of(wplug_host_call *call) {
    return wplug_value_int64(wplug_host_result(call));
}

enum { CALLS = 10, TIMERS = 2 };
static const char *const out_of_order[CALLS] = {"after50", "after10",  "after90", "after30", "after70",
                                                "after20", "after100", "after60", "after40", "after80"};

/* Ten calls and two timers: a list of what came, in order; timers are 100 and 101. */
static void fan_out(wplug_request *request) {
    wplug_wait set[CALLS + TIMERS] = {{0}};
    for (int i = 0; i < CALLS; i++) set[i].call = call_host(request, out_of_order[i], i);
    set[CALLS].timer = wplug_timer_start(request, 35);
    set[CALLS + 1].timer = wplug_timer_start(request, 75);
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    size_t left = CALLS + TIMERS;
    while (left > 0) {
        size_t ready = wplug_wait_any(set, CALLS + TIMERS, WPLUG_FOREVER), seen = 0;
        assert_true(ready > 0);
        for (int i = 0; i < CALLS + TIMERS; i++) {
            if (!set[i].ready) continue;
            wplug_write_int64(result, set[i].call ? result_of(set[i].call) : 100 + i - CALLS);
            set[i] = (wplug_wait){0};
            seen++;
        }
        assert_int_equal(seen, ready);
        left -= ready;
    }
    assert_int_equal(wplug_wait_any(set, CALLS + TIMERS, WPLUG_FOREVER), 0); /* nothing is left to wait for */
    wplug_end_array(result);
}

static void all(wplug_request *request) {
    wplug_wait set[CALLS] = {{0}};
    for (int i = 0; i < CALLS; i++) set[i].call = call_host(request, out_of_order[i], i);
    int64_t sum = 0;
    assert_true(wplug_wait_all(set, CALLS, 1000));
    for (int i = 0; i < CALLS; i++) {
        assert_true(set[i].ready);
        sum = sum * 10 + result_of(set[i].call);
    }
    wplug_result_int64(request, sum);
}

/* Those of ten that were answered in 55 ms. The others are left as they are. */
static void with_a_deadline(wplug_request *request) {
    wplug_wait set[CALLS] = {{0}};
    for (int i = 0; i < CALLS; i++) set[i].call = call_host(request, out_of_order[i], i);
    assert_false(wplug_wait_all(set, CALLS, 55));
    wplug_writer *result = wplug_result(request);
    wplug_begin_array(result);
    for (int i = 0; i < CALLS; i++) {
        if (set[i].ready) wplug_write_int64(result, result_of(set[i].call));
    }
    wplug_end_array(result);
}

static void first_of_three(wplug_request *request) {
    wplug_wait set[] = {{.call = call_host(request, "after30", 1)},
                        {.call = call_host(request, "after20", 2)},
                        {.timer = wplug_timer_start(request, 1000)}};
    assert_int_equal(wplug_wait_any(set, 3, WPLUG_FOREVER), 1);
    assert_true(set[1].ready);
    wplug_result_int64(request, result_of(set[1].call));
}

static void nothing_in_time(wplug_request *request) {
    wplug_host_call *call = call_host(request, "after30", 5);
    assert_false(wplug_host_wait(call, 10));
    assert_false(wplug_host_wait(call, 10));
    assert_true(wplug_host_wait(call, 10)); /* the third ten of 30 */
    wplug_result_int64(request, result_of(call));
}

static void looks_only(wplug_request *request) {
    wplug_wait set = {.call = call_host(request, "after30", 6)};
    size_t looks = 0;
    for (; wplug_wait_any(&set, 1, 0) == 0; looks++) wplug_sleep(20);
    assert_int_equal(looks, 2);
    wplug_result_int64(request, result_of(set.call));
}

static void error_is_a_value(wplug_request *request) {
    wplug_wait set[] = {{.call = call_host(request, "refuse10", 1)},
                        {.call = call_host(request, "after20", 2)}};
    assert_true(wplug_wait_all(set, 2, WPLUG_FOREVER));
    const wplug_host_error *error = wplug_host_error_of(set[0].call);
    assert_non_null(error);
    assert_null(wplug_host_error_of(set[1].call));
    wplug_result_int64(request, error->code * 10 + result_of(set[1].call));
}

static void ended_timers(wplug_request *request) {
    wplug_timer *timer = wplug_timer_start(request, 10), *other = wplug_timer_start(NULL, 5);
    wplug_wait set[] = {{.timer = timer}, {.timer = other}};
    assert_true(wplug_wait_all(set, 2, 50));
    wplug_timer_cancel(other);
    wplug_timer_cancel(wplug_timer_start(request, 1));
    wplug_timer_start(NULL, 7); /* which nobody waits for, so neither does the plugin */
    wplug_result_null(request);
}

static void never_called(wplug_request *request, wplug_host_call *call, void *user) {
    (void)request, (void)call, (void)user;
    fail();
}

static void never_goes_off(wplug_request *request, void *user) {
    (void)request, (void)user;
    fail();
}

/* Answers at once, with everything that there is under way. */
static void early(wplug_request *request) {
    wplug_host_start(call_host(request, "after10", 1));
    wplug_host_then(call_host(request, "after20", 2), never_called, NULL);
    call_host(request, "after30", 3); /* not even sent */
    wplug_timer_start(request, 15);
    wplug_after(request, 25, never_goes_off, NULL);
    wplug_result_string(request, "early");
}

static void early_by_error(wplug_request *request) {
    wplug_host_then(call_host(request, "after20", 2), never_called, NULL);
    wplug_after(request, 25, never_goes_off, NULL);
    wplug_param_text(request, "name");
}

static void answer_now(wplug_request *request, void *user) {
    (void)user;
    wplug_result_string(request, "timer");
}

/* The first callback answers; the second is due at the same time, the others later. */
static void early_by_callback(wplug_request *request) {
    wplug_after(request, 5, answer_now, NULL);
    wplug_after(request, 5, never_goes_off, NULL);
    wplug_host_then(call_host(request, "after20", 1), never_called, NULL);
    wplug_host_then(call_host(request, "after30", 1), never_called, NULL);
}

static void wait_long(wplug_request *request) {
    wplug_result_int64(request, result_of(call_host(request, "after200", 8)));
}

static void gone(wplug_request *request) {
    wplug_wait set[] = {{.call = call_host(request, "silence", 1)},
                        {.call = call_host(request, "silence", 2)}};
    wplug_timer *timer = wplug_timer_start(request, 40);
    assert_int_equal(wplug_wait_any(set, 2, WPLUG_FOREVER), 2);
    assert_int_equal(wplug_host_error_of(set[0].call)->code, WPLUG_HOST_GONE);
    wplug_wait rest = {.timer = timer}; /* time passes all the same */
    assert_int_equal(wplug_wait_any(&rest, 1, WPLUG_FOREVER), 1);
    wplug_result_null(request);
}

static void failed_already(wplug_request *request) {
    wplug_param_text(request, "name");
    wplug_wait set = {.call = call_host(request, "after10", 1)};
    assert_int_equal(wplug_wait_any(&set, 1, WPLUG_FOREVER), 1);
    assert_int_equal(wplug_value_type(wplug_host_result(set.call)), WPLUG_TYPE_ABSENT);
}

/* Answers 0 where everything went well, whatever memory there was. */
static void under_pressure(wplug_request *request) {
    wplug_wait set[] = {{.call = call_host(request, "after10", 1)},
                        {.call = call_host(request, "after20", 2)},
                        {.timer = wplug_timer_start(request, 15)},
                        {.timer = wplug_timer_start(request, 5)}};
    while (wplug_wait_any(set, 4, 100) > 0) {
        for (int i = 0; i < 4; i++) {
            if (!set[i].ready) continue;
            if (set[i].call) result_of(set[i].call);
            set[i] = (wplug_wait){0};
        }
    }
    if (!wplug_failed(request)) wplug_result_int64(request, 0);
}

static void register_methods(void) {
    wplug_method("fan_out", fan_out);
    wplug_method("all", all);
    wplug_method("with_a_deadline", with_a_deadline);
    wplug_method("first_of_three", first_of_three);
    wplug_method("nothing_in_time", nothing_in_time);
    wplug_method("looks_only", looks_only);
    wplug_method("error_is_a_value", error_is_a_value);
    wplug_method("ended_timers", ended_timers);
    wplug_method("early", early);
    wplug_method("early_by_error", early_by_error, .params = {{"name"}});
    wplug_method("early_by_callback", early_by_callback);
    wplug_method("wait_long", wait_long);
    wplug_method("gone", gone);
    wplug_method("failed_already", failed_already, .params = {{"name"}});
    wplug_method("under_pressure", under_pressure);
}

/* ---- Helpers ---- */

static void send_request(const char *id, const char *method) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":");
    world_send(id);
    world_send(",\"method\":\"");
    world_send(method);
    world_send("\"}\n");
}

/* The method answers its request with `answer`, and says nothing in the log, on each kind of host. */
static void assert_answer(const char *method, const char *answer, uint64_t at_ms) {
    for (int kind = WORLD_READS_WAIT; kind <= WORLD_CLOCKS_ONLY; kind++) {
        world_end();
        world_begin();
        world_is((world_kind)kind);
        world_on_line(host);
        world_send_after(10000, ""); /* standard input does not end before that */
        send_request("0", method);
        assert_int_equal(world_run(register_methods), 0);
        char line[300];
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":0,%s}\n", answer);
        const char *output = world_output();
        assert_true(strlen(output) >= strlen(line));
        assert_string_equal(output + strlen(output) - strlen(line), line);
        assert_string_equal(world_log(), "");
        /* A host that knows clocks alone is asked every few milliseconds. */
        uint64_t late = world_now_ms() - at_ms;
        assert_true(kind == WORLD_CLOCKS_ONLY ? late < 15 : late == 0);
        assert_true(world_pauses() < 400); /* it does not spin */
    }
}

/* ---- Tests ---- */

static void ten_calls_and_two_timers_are_under_way_at_once(void **state) {
    (void)state;
    assert_answer("all", "\"result\":123456789",
                  100); /* each has its own result, in the order of the calls */
}

static void things_are_ready_in_the_order_in_which_they_come(void **state) {
    (void)state;
    world_on_line(host);
    world_send_after(10000, "");
    send_request("0", "fan_out");
    assert_int_equal(world_run(register_methods), 0);
    assert_non_null(strstr(world_output(), "\"result\":[1,5,3,100,8,0,7,4,101,9,2,6]"));
    assert_int_equal(world_now_ms(), 100);
    assert_string_equal(world_log(), "");
}

static void what_is_there_at_a_deadline_can_be_used(void **state) {
    (void)state;
    assert_answer("with_a_deadline", "\"result\":[0,1,3,5,8]", 55);
}

static void the_first_of_several_can_be_waited_for(void **state) {
    (void)state;
    assert_answer("first_of_three", "\"result\":2", 20);
}

static void one_call_can_be_waited_for_in_rounds(void **state) {
    (void)state;
    world_on_line(host);
    send_request("0", "nothing_in_time");
    assert_int_equal(world_run(register_methods), 0);
    assert_non_null(strstr(world_output(), "\"result\":5"));
    assert_int_equal(world_now_ms(), 30);
}

static void a_look_does_not_wait(void **state) {
    (void)state;
    world_on_line(host);
    send_request("0", "looks_only");
    assert_int_equal(world_run(register_methods), 0);
    assert_non_null(strstr(world_output(), "\"result\":6"));
    assert_int_equal(world_now_ms(), 40);
}

static void an_error_of_the_host_is_ready_like_a_result(void **state) {
    (void)state;
    assert_answer("error_is_a_value", "\"result\":72", 20);
}

static void timers_that_are_waited_for_keep_nothing_open(void **state) {
    (void)state;
    assert_answer("ended_timers", "\"result\":null", 10);
}

static void an_early_answer_cancels_what_is_under_way(void **state) {
    (void)state;
    assert_answer("early", "\"result\":\"early\"", 0);
    assert_null(strstr(world_output(), "after30"));
}

static void a_failed_parameter_cancels_what_is_under_way(void **state) {
    (void)state;
    assert_answer(
        "early_by_error",
        "\"error\":{\"code\":-32602,\"message\":\"Invalid params: \\\"name\\\" is missing: expected a "
        "string\"}",
        0);
}

static void an_answer_in_a_callback_cancels_the_other_callbacks(void **state) {
    (void)state;
    assert_answer("early_by_callback", "\"result\":\"timer\"", 5);
}

static void answers_to_cancelled_calls_are_ignored_without_a_remark(void **state) {
    (void)state;
    world_on_line(host);
    send_request("0", "early");
    send_request("1", "wait_long"); /* all answers that "early" did not wait for come meanwhile */
    assert_int_equal(world_run(register_methods), 0);
    assert_non_null(strstr(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"early\"}"));
    assert_non_null(strstr(world_output(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":8}"));
    assert_string_equal(world_log(), "");
}

static void an_answer_too_many_is_remarked_on(void **state) {
    (void)state;
    world_on_line(host);
    send_request("0", "early");
    send_request("1", "wait_long");
    world_send_after(50, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}\n");
    world_send_after(50, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":1}\n");
    assert_int_equal(world_run(register_methods), 0);
    assert_string_equal(world_log(), "warning: ignored an answer to no call: id 0\n"
                                     "warning: ignored an answer to no call: id 77\n");
}

static void calls_that_can_get_no_answer_are_ready(void **state) {
    (void)state;
    world_on_line(host);
    send_request("0", "gone");
    assert_int_equal(world_run(register_methods), 0);
    assert_true(world_was_starved());
    assert_non_null(strstr(world_output(), "\"id\":0,\"result\":null"));
    assert_int_equal(world_now_ms(), 40);
}

static void calls_of_a_request_that_failed_are_ready(void **state) {
    (void)state;
    assert_answer(
        "failed_already",
        "\"error\":{\"code\":-32602,\"message\":\"Invalid params: \\\"name\\\" is missing: expected a "
        "string\"}",
        0);
}

static void requests_that_come_meanwhile_are_served_afterwards_in_order(void **state) {
    (void)state;
    world_on_line(host);
    world_send("[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"all\"},"
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"early\"}]\n");
    world_send_after(20, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"first_of_three\"}\n");
    assert_int_equal(world_run(register_methods), 0);
    const char *batch = strstr(world_output(), "["
                                               "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":123456789}"
                                               ",{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"early\"}]\n");
    assert_non_null(batch);
    assert_non_null(strstr(batch, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}"));
}

static void memory_may_run_out_while_things_are_under_way(void **state) {
    (void)state;
    void (*const fail_after[])(size_t) = {memory_fail_one_after, memory_fail_all_after};
    for (size_t way = 0; way < 2; way++) {
        bool failed = true;
        size_t allowed = 0;
        for (; failed && allowed < 500; allowed++) {
            world_end();
            world_begin();
            world_on_line(host);
            send_request("9", "under_pressure");
            fail_after[way](allowed);
            int code = world_run(register_methods);
            failed = memory_stop_failing();
            const char *answer = strstr(world_output(), "\"id\":9");
            if (answer)
                assert_null(strstr(answer + 1, "\"id\":9"));
            else
                assert_true(code == WPLUG_EXIT_NO_MEMORY || code == WPLUG_EXIT_REGISTRATION);
            if (!failed) assert_non_null(strstr(world_output(), "\"id\":9,\"result\":0"));
        }
        assert_true(allowed > 10 && allowed < 500);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(ten_calls_and_two_timers_are_under_way_at_once),
        WORLD_TEST(things_are_ready_in_the_order_in_which_they_come),
        WORLD_TEST(what_is_there_at_a_deadline_can_be_used),
        WORLD_TEST(the_first_of_several_can_be_waited_for),
        WORLD_TEST(one_call_can_be_waited_for_in_rounds),
        WORLD_TEST(a_look_does_not_wait),
        WORLD_TEST(an_error_of_the_host_is_ready_like_a_result),
        WORLD_TEST(timers_that_are_waited_for_keep_nothing_open),
        WORLD_TEST(an_early_answer_cancels_what_is_under_way),
        WORLD_TEST(a_failed_parameter_cancels_what_is_under_way),
        WORLD_TEST(an_answer_in_a_callback_cancels_the_other_callbacks),
        WORLD_TEST(answers_to_cancelled_calls_are_ignored_without_a_remark),
        WORLD_TEST(an_answer_too_many_is_remarked_on),
        WORLD_TEST(calls_that_can_get_no_answer_are_ready),
        WORLD_TEST(calls_of_a_request_that_failed_are_ready),
        WORLD_TEST(requests_that_come_meanwhile_are_served_afterwards_in_order),
        WORLD_TEST(memory_may_run_out_while_things_are_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
