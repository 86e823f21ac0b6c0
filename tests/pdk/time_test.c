/* Sleeping and timers, on each kind of host. */
#include "tests.h"

static void nap(wplug_request *request) {
    uint64_t before = wplug_monotonic_ns();
    wplug_sleep(wplug_param_uint64(request, "ms"));
    wplug_result_uint64(request, (wplug_monotonic_ns() - before) / 1000000);
}

typedef struct sequence {
    int64_t order;
    int left;
    wplug_timer *victim;
} sequence;

static void note(wplug_request *request, sequence *notes, int digit) {
    notes->order = notes->order * 10 + digit;
    if (--notes->left == 0) wplug_result_int64(request, notes->order);
}

static void first(wplug_request *request, void *user) {
    note(request, user, 1);
}

static void second(wplug_request *request, void *user) {
    note(request, user, 2);
}

static void third(wplug_request *request, void *user) {
    note(request, user, 3);
}

static void timers(wplug_request *request) {
    sequence *notes = wplug_alloc(request, sizeof *notes);
    notes->left = 4;
    wplug_after(request, 30, first, notes);
    wplug_after(request, 10, second, notes);
    wplug_after(request, 10, third, notes);
    wplug_after(request, 0, first, notes);
}

static void cancel_victim(wplug_request *request, void *user) {
    sequence *notes = user;
    wplug_timer_cancel(notes->victim);
    note(request, notes, 9);
}

static void cancelling(wplug_request *request) {
    sequence *notes = wplug_alloc(request, sizeof *notes);
    notes->left = 2;
    wplug_timer_cancel(NULL);
    wplug_timer_cancel(wplug_after(request, 5, first, notes));
    wplug_after(request, 10, cancel_victim, notes);
    notes->victim = wplug_after(request, 10, first, notes); /* is due, but not called, when it is cancelled */
    wplug_after(request, 20, second, notes);
}

static void tick(wplug_request *request, void *user) {
    sequence *notes = user;
    if (notes->left > 1) wplug_after(request, 7, tick, notes);
    note(request, notes, 1);
}

static void repeating(wplug_request *request) {
    sequence *notes = wplug_alloc(request, sizeof *notes);
    notes->left = 3;
    wplug_after(request, 7, tick, notes);
}

static void late(wplug_request *request, void *user) {
    (void)user;
    assert_null(request);
    wplug_log(WPLUG_LOG_INFO, "late");
}

static void leaves_a_timer(wplug_request *request) {
    wplug_after(NULL, 1000, late, NULL);
    wplug_result_null(request);
}

static void on_echo(wplug_request *request, wplug_host_call *call, void *user) {
    (void)call;
    note(request, user, 5);
}

static void timer_and_call(wplug_request *request) {
    sequence *notes = wplug_alloc(request, sizeof *notes);
    notes->left = 3;
    wplug_after(request, 10, first, notes);
    wplug_host_then(wplug_call_host(request, "echo"), on_echo, notes); /* answered after 20 ms */
    wplug_after(request, 30, third, notes);
}

static void far_away(wplug_request *request) {
    wplug_timer_cancel(wplug_after(request, UINT64_MAX, late, NULL));
    wplug_result_null(request);
}

static void clocks(wplug_request *request) {
    wplug_result_uint64(request, wplug_realtime_ns());
}

static void register_methods(void) {
    wplug_method("nap", nap, .params = {{"ms"}});
    wplug_method("timers", timers);
    wplug_method("cancelling", cancelling);
    wplug_method("repeating", repeating);
    wplug_method("leaves_a_timer", leaves_a_timer);
    wplug_method("timer_and_call", timer_and_call);
    wplug_method("far_away", far_away);
    wplug_method("clocks", clocks);
}

static void assert_result(const char *method, const char *params, const char *expected) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"");
    world_send(method);
    world_send("\",\"params\":");
    world_send(params);
    world_send("}\n");
    assert_int_equal(world_run(register_methods), 0);
    const char *answer = strstr(world_output(), "\"id\":77,\"result\":");
    assert_non_null(answer);
    answer += strlen("\"id\":77,\"result\":");
    assert_int_equal(strlen(answer), strlen(expected) + 2);
    assert_memory_equal(answer, expected, strlen(expected));
}

static void sleep_takes_at_least_that_long(void **state) {
    assert_result("nap", "[250]", "250");
    assert_int_equal(world_now_ms(), 250);
}

static void a_sleep_of_0_is_over_at_once(void **state) {
    assert_result("nap", "[0]", "0");
    assert_int_equal(world_now_ms(), 0);
}

static void timers_go_off_by_time_and_then_by_age(void **state) {
    for (int kind = WORLD_READS_WAIT; kind <= WORLD_CLOCKS_ONLY; kind++) {
        world_end();
        world_begin();
        world_is((world_kind)kind);
        world_send_after(1000, "");
        assert_result("timers", "null", "1231");
        assert_int_equal(world_now_ms(), 30);
    }
}

static void a_cancelled_timer_does_not_go_off(void **state) {
    world_send_after(1000, "");
    assert_result("cancelling", "null", "92");
}

static void a_callback_may_set_the_next_timer(void **state) {
    world_send_after(1000, "");
    assert_result("repeating", "null", "111");
    assert_int_equal(world_now_ms(), 21);
}

static void the_plugin_waits_for_a_timer_that_is_left(void **state) {
    assert_result("leaves_a_timer", "null", "null");
    assert_string_equal(world_log(), "info: late\n");
    assert_int_equal(world_now_ms(), 1000);
}

static void timers_run_out_when_the_input_has_ended(void **state) {
    assert_result("timers", "null", "1231");
    assert_int_equal(world_now_ms(), 30);
}

static void slow_echo(const char *line) {
    if (strstr(line, "\"method\":\"echo\""))
        world_send_after(20, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}\n");
}

static void answers_arrive_between_timers_on_every_kind_of_host(void **state) {
    for (int kind = WORLD_READS_WAIT; kind <= WORLD_CLOCKS_ONLY; kind++) {
        world_end();
        world_begin();
        world_is((world_kind)kind);
        world_on_line(slow_echo);
        world_send_after(1000, "");
        assert_result("timer_and_call", "null", "153");
        assert_true(world_now_ms() >= 30 && world_now_ms() < 35);
        assert_true(world_pauses() < 200); /* it does not spin */
    }
}

static void a_timer_may_be_as_far_away_as_there_are_milliseconds(void **state) {
    assert_result("far_away", "null", "null");
}

static void realtime_is_nanoseconds_since_1970(void **state) {
    assert_result("clocks", "null", "1700000000123456789");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(sleep_takes_at_least_that_long),
        WORLD_TEST(a_sleep_of_0_is_over_at_once),
        WORLD_TEST(timers_go_off_by_time_and_then_by_age),
        WORLD_TEST(a_cancelled_timer_does_not_go_off),
        WORLD_TEST(a_callback_may_set_the_next_timer),
        WORLD_TEST(the_plugin_waits_for_a_timer_that_is_left),
        WORLD_TEST(timers_run_out_when_the_input_has_ended),
        WORLD_TEST(answers_arrive_between_timers_on_every_kind_of_host),
        WORLD_TEST(a_timer_may_be_as_far_away_as_there_are_milliseconds),
        WORLD_TEST(realtime_is_nanoseconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
