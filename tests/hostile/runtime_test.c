/* The runtime: many calls on one thread, turns, times, waking, cancelling, callbacks that call back, misuse. */
#include "fixture.h"
#include "system.h"

#include <pthread.h>
#include <unistd.h>

static void keep(void *user, wplug_request *request) {
    fixture *self = user;
    self->kept[self->kept_count++] = wplug_request_retain(request);
}

static wplug_next step(fixture *self) {
    wplug_next next;
    assert_int_equal(wplug_runtime_step(self->runtime, 0, &next), WPLUG_OK);
    return next;
}

static wplug_limits unlimited_time(void) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    return limits;
}

static wplug_task start_unlimited(fixture *self, const char *commands, call_end *ending) {
    wplug_limits limits = unlimited_time();
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    return start_with(self->runtime, self->actor, &options, commands, ending);
}

/* ---- Turns ---- */

static void nothing_runs_before_the_first_step(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_task task = start(self->runtime, self->actor, "err hello\nanswer 1", &ending);
    assert_int_not_equal(task, 0);
    assert_int_equal(wplug_runtime_task_count(self->runtime), 1);
    assert_string_equal(self->log.text, "");
    assert_int_equal(ending.count, 0);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    assert_int_equal(ending.task, task);
    expect_ending(&ending, WPLUG_OK);
}

static void step_says_when_it_next_wants_to_run(void **state) {
    FIXTURE;
    assert_int_equal(step(self).when, WPLUG_IDLE);
    call_end ending = {0, 0, NULL};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    start_unlimited(self, "ask keep 1\nwait\nsleep 20\nanswer 1", &ending);
    wplug_next next = step(self);
    while (next.when == WPLUG_NOW) next = step(self);
    assert_int_equal(next.when, WPLUG_WOKEN);
    assert_int_equal(wplug_next_timeout_ms(&next), -1);
    assert_int_equal(wplug_request_result(self->kept[0], "1"), WPLUG_OK);
    wplug_request_release(self->kept[0]);
    uint64_t before = wplug_monotonic_ns();
    do next = step(self);
    while (next.when == WPLUG_NOW);
    assert_int_equal(next.when, WPLUG_AT);
    assert_true(next.at_ns > before && next.at_ns <= wplug_monotonic_ns() + 20000000);
    assert_in_range(wplug_next_timeout_ms(&next), 0, 20);
    /* Too early nothing happens; the step says the same again. */
    assert_int_equal(step(self).at_ns, next.at_ns);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    assert_true(wplug_monotonic_ns() >= next.at_ns);
    expect_ending(&ending, WPLUG_OK);
    assert_int_equal(step(self).when, WPLUG_IDLE);
}

static void timeouts_for_poll_are_rounded_up(void **state) {
    wplug_next now = {WPLUG_NOW, 0}, idle = {WPLUG_IDLE, 0}, past = {WPLUG_AT, 1};
    assert_int_equal(wplug_next_timeout_ms(&now), 0);
    assert_int_equal(wplug_next_timeout_ms(&idle), -1);
    assert_int_equal(wplug_next_timeout_ms(&past), 0);
    assert_int_equal(wplug_next_timeout_ms(NULL), 0);
    wplug_next at = {WPLUG_AT, wplug_monotonic_ns() + 5000000000};
    assert_in_range(wplug_next_timeout_ms(&at), 1, 5000);
    at.at_ns = UINT64_MAX;
    assert_int_equal(wplug_next_timeout_ms(&at), INT32_MAX);
}

static void calls_take_turns(void **state) {
    FIXTURE;
    /* One computes for ever; the others are served all the same. */
    call_end forever = {0, 0, NULL}, others[5] = {{0, 0, NULL}};
    wplug_task task = start_unlimited(self, "spin", &forever);
    for (int i = 0; i < 5; i++) start(self->runtime, self->actor, "ask echo 1\nwait\nanswer 1", &others[i]);
    for (int i = 0; i < 100; i++) step(self);
    for (int i = 0; i < 5; i++) expect_ending(&others[i], WPLUG_OK);
    assert_int_equal(forever.count, 0);
    assert_int_equal(wplug_runtime_task_count(self->runtime), 1);
    wplug_task_cancel(self->runtime, task);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    expect_ending(&forever, WPLUG_CANCELLED);
}

static void a_blocking_call_returns_though_others_run_for_ever(void **state) {
    FIXTURE;
    call_end forever = {0, 0, NULL};
    start_unlimited(self, "spin", &forever);
    expect_result(self->runtime, self->actor, "sleep 1\nanswer 1", "1");
    assert_int_equal(forever.count, 0);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    expect_ending(&forever, WPLUG_CANCELLED);
}

static void equal_calls_get_equal_shares(void **state) {
    FIXTURE;
    enum { CALLS = 4 };
    call_end endings[CALLS] = {{0, 0, NULL}};
    wplug_task tasks[CALLS];
    for (int i = 0; i < CALLS; i++) tasks[i] = start_unlimited(self, "spin", &endings[i]);
    for (int i = 0; i < 30; i++) step(self);
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < CALLS; i++) {
        wplug_task_info info = {.size = sizeof info};
        assert_int_equal(wplug_task_inspect(self->runtime, tasks[i], &info), WPLUG_OK);
        assert_int_equal(info.state, WPLUG_TASK_READY);
        if (info.fuel_used < least) least = info.fuel_used;
        if (info.fuel_used > most) most = info.fuel_used;
    }
    assert_true(least > 29 * 90000ull && most - least < 10000);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    for (int i = 0; i < CALLS; i++) expect_ending(&endings[i], WPLUG_CANCELLED);
}

static wplug_task start_urgent(fixture *self, int priority, const char *commands, call_end *ending) {
    wplug_limits limits = unlimited_time();
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    options.priority = priority;
    return start_with(self->runtime, self->actor, &options, commands, ending);
}

static uint64_t fuel_used(fixture *self, wplug_task task) {
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
    return info.fuel_used;
}

static void an_urgent_call_gets_four_slices_for_each_one_below_it(void **state) {
    FIXTURE;
    call_end endings[3] = {{0, 0, NULL}};
    wplug_task low = start_urgent(self, WPLUG_PRIORITY_LOWEST, "spin", &endings[0]);
    wplug_task urgent = start_urgent(self, WPLUG_PRIORITY_HIGHEST, "spin", &endings[1]);
    wplug_task normal = start_urgent(self, WPLUG_PRIORITY_NORMAL, "spin", &endings[2]);
    for (int i = 0; i < 25; i++) step(self); /* 75 slices of 100,000 */
    /* What they did before they began to spin is less than half a slice. */
    assert_in_range(fuel_used(self, urgent), 6000000 - 50000, 6000000 + 50000);
    assert_in_range(fuel_used(self, normal), 1200000 - 50000, 1200000 + 50000);
    assert_in_range(fuel_used(self, low), 300000 - 50000, 300000 + 50000);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    for (int i = 0; i < 3; i++) expect_ending(&endings[i], WPLUG_CANCELLED);
}

static void a_priority_out_of_range_is_misuse(void **state) {
    FIXTURE;
    wplug_error error;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.priority = WPLUG_PRIORITY_HIGHEST + 1;
    assert_int_equal(wplug_call(self->runtime, self->actor, "act", NULL, &options, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "priority is 3");
    wplug_command_options command;
    wplug_command_options_init(&command);
    command.priority = WPLUG_PRIORITY_LOWEST - 1;
    assert_int_equal(wplug_command(self->runtime, self->actor, &command, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "priority is -3");
    assert_int_equal(wplug_runtime_task_count(self->runtime), 0);
}

static void a_guest_that_yields_lets_others_go_first(void **state) {
    FIXTURE;
    call_end endings[2] = {{0, 0, NULL}};
    start(self->runtime, self->actor, "err a1\nyield\nerr a2\nanswer 1", &endings[0]);
    start(self->runtime, self->actor, "err b1\nanswer 1", &endings[1]);
    wplug_runtime_run(self->runtime);
    assert_string_equal(self->log.text, "a1\nb1\na2\n");
    expect_ending(&endings[0], WPLUG_OK);
    expect_ending(&endings[1], WPLUG_OK);
}

static void a_budget_bounds_a_step(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    wplug_task task = start_unlimited(self, "spin", &ending);
    wplug_next next;
    uint64_t before = wplug_monotonic_ns();
    assert_int_equal(wplug_runtime_step(self->runtime, 5000000, &next), WPLUG_OK);
    assert_true(wplug_monotonic_ns() - before >= 5000000);
    assert_int_equal(next.when, WPLUG_NOW);
    wplug_task_cancel(self->runtime, task);
    wplug_runtime_run(self->runtime);
    expect_ending(&ending, WPLUG_CANCELLED);
}

static void who_sleeps_shorter_wakes_first(void **state) {
    FIXTURE;
    call_end endings[2] = {{0, 0, NULL}};
    start(self->runtime, self->actor, "sleep 500\nerr late\nanswer 1", &endings[0]);
    start(self->runtime, self->actor, "sleep 5\nerr early\nanswer 1", &endings[1]);
    wplug_runtime_run(self->runtime);
    assert_string_equal(self->log.text, "early\nlate\n");
    for (int i = 0; i < 2; i++) expect_ending(&endings[i], WPLUG_OK);
}

static void many_sleepers_are_served(void **state) {
    FIXTURE;
    enum { CALLS = 200 };
    static call_end endings[CALLS];
    memset(endings, 0, sizeof endings);
    char commands[64];
    for (int i = 0; i < CALLS; i++) {
        snprintf(commands, sizeof commands, "sleep %d\nanswer %d", (i * 37) % 50, i);
        start(self->runtime, self->actor, commands, &endings[i]);
    }
    assert_int_equal(wplug_runtime_task_count(self->runtime), CALLS);
    wplug_runtime_run(self->runtime);
    for (int i = 0; i < CALLS; i++) {
        snprintf(commands, sizeof commands, "%d", i);
        assert_string_equal(endings[i].result->json, commands);
        expect_ending(&endings[i], WPLUG_OK);
    }
}

static void hostile_calls_do_not_disturb_those_beside_them(void **state) {
    FIXTURE;
    static const struct {
        const char *commands;
        wplug_status status;
    } hostile[] = {
        {"out garbage", WPLUG_BAD_OUTPUT},
        {"raw {\"jsonrpc\":\"2.0\",", WPLUG_BAD_OUTPUT},
        {"big 100000000", WPLUG_MESSAGE_LIMIT},
        {"wait", WPLUG_NO_ANSWER},
        {"answer 1\nanswer 2", WPLUG_OK},
        {"out {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":1}", WPLUG_RETURNED},
        {"exit 1", WPLUG_EXITED},
        {"raise 9", WPLUG_RAISED},
        {"trap", WPLUG_TRAP},
        {"recurse", WPLUG_STACK_LIMIT},
        {"grow", WPLUG_MEMORY_LIMIT},
        {"spin", WPLUG_FUEL_LIMIT},
        {"sleep 3600000", WPLUG_TIME_LIMIT},
        {"flood 100000000", WPLUG_LOG_LIMIT},
        {"unread 1000000", WPLUG_MESSAGE_LIMIT},
    };
    enum { KINDS = sizeof hostile / sizeof hostile[0] };
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 50000000;
    limits.time_ns = WPLUG_UNLIMITED; /* however slow the machine is */
    limits.memory_bytes = 16 << 20;
    limits.message_bytes = 100 << 10;
    limits.log_bytes = 1 << 20;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    wplug_runtime_set_log(self->runtime, NULL, NULL);
    call_end bad[KINDS] = {{0, 0, NULL}}, good[KINDS] = {{0, 0, NULL}};
    for (int i = 0; i < KINDS; i++) {
        if (hostile[i].status == WPLUG_TIME_LIMIT) limits.time_ns = 100000000;
        start_with(self->runtime, self->actor, &options, hostile[i].commands, &bad[i]);
        limits.time_ns = WPLUG_UNLIMITED;
        start(self->runtime, self->actor, "ask echo 1\nwait\nsleep 5\nask echo [2]\nwait\nlast", &good[i]);
    }
    wplug_runtime_run(self->runtime);
    for (int i = 0; i < KINDS; i++) {
        assert_string_equal(good[i].result->json, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[2]}");
        expect_ending(&good[i], WPLUG_OK);
        expect_ending(&bad[i], hostile[i].status);
    }
}

/* ---- Cancelling and looking ---- */

static void cancel_ends_a_call_wherever_it_is(void **state) {
    FIXTURE;
    static const char *const scripts[] = {"spin", "sleep 3600000", "ask keep 1\nwait", "answer 1"};
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    for (int i = 0; i < 4; i++) {
        call_end ending = {0, 0, NULL};
        wplug_task task = start_unlimited(self, scripts[i], &ending);
        if (i < 3) step(self), step(self); /* the last one has not even started */
        assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_OK);
        assert_int_equal(ending.count, 0);
        assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_GONE);
        wplug_task_info info = {.size = sizeof info};
        assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
        assert_int_equal(info.state, WPLUG_TASK_ENDING);
        step(self);
        expect_contains(ending.result->message, "cancelled");
        if (i < 3)
            expect_contains(ending.result->backtrace, "_start");
        else
            assert_string_equal(ending.result->backtrace, "");
        expect_ending(&ending, WPLUG_CANCELLED);
        assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_GONE);
        assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_GONE);
    }
    assert_int_equal(wplug_request_result(self->kept[0], "1"), WPLUG_GONE);
    wplug_request_release(self->kept[0]);
    assert_int_equal(step(self).when, WPLUG_IDLE);
}

static void a_task_can_be_looked_at(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    static const char *const scripts[] = {"spin", "err hello\nsleep 3600000", "ask keep 1\nask keep 2\nwait"};
    static const wplug_task_state states[] = {WPLUG_TASK_READY, WPLUG_TASK_SLEEPING, WPLUG_TASK_WAITING_HOST};
    for (int i = 0; i < 3; i++) {
        call_end ending = {0, 0, NULL};
        wplug_task task = start_unlimited(self, scripts[i], &ending);
        for (int j = 0; j < 5; j++) step(self);
        wplug_task_info info = {.size = sizeof info};
        assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
        assert_int_equal(info.state, states[i]);
        assert_true(info.fuel_used > 0 && info.time_ns > 0 && info.memory_bytes > 0);
        assert_int_equal(info.host_calls, i == 2 ? 2 : 0);
        assert_int_equal(info.log_bytes, i == 1 ? 6 : 0);
        char *text;
        assert_int_equal(wplug_task_backtrace(self->runtime, task, &text), WPLUG_OK);
        expect_contains(text, "    at ");
        expect_contains(text, "_start");
        if (i == 1) expect_contains(text, "poll_oneoff");
        wplug_text_free(text);
        wplug_task_cancel(self->runtime, task);
        step(self);
        expect_ending(&ending, WPLUG_CANCELLED);
        assert_int_equal(wplug_task_backtrace(self->runtime, task, &text), WPLUG_GONE);
        assert_null(text);
    }
    wplug_request_release(self->kept[0]);
    wplug_request_release(self->kept[1]);
}

static void freeing_the_runtime_ends_all_calls_once(void **state) {
    FIXTURE;
    call_end endings[3] = {{0, 0, NULL}};
    start(self->runtime, self->actor, "spin", &endings[0]);
    start(self->runtime, self->actor, "sleep 3600000", &endings[1]);
    step(self);
    start(self->runtime, self->actor, "answer 1", &endings[2]);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    self->runtime = NULL;
    for (int i = 0; i < 3; i++) expect_ending(&endings[i], WPLUG_CANCELLED);
}

/* ---- Waking ---- */

static void count_wake(void *user) {
    ((fixture *)user)->wakes++;
}

static void the_embedder_is_woken_when_there_is_something_to_do(void **state) {
    FIXTURE;
    wplug_runtime_set_wake(self->runtime, count_wake, self);
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    call_end endings[3] = {{0, 0, NULL}};
    wplug_task task = start_unlimited(self, "ask keep 1\nwait\nanswer 1", &endings[0]);
    assert_int_equal(self->wakes, 1);
    start_unlimited(self, "ask keep 1\nwait\nanswer 1", &endings[1]);
    assert_int_equal(self->wakes, 1); /* once until it steps */
    while (step(self).when == WPLUG_NOW) assert_int_equal(self->wakes, 1);
    wplug_request_result(self->kept[0], "1");
    assert_int_equal(self->wakes, 2);
    while (step(self).when == WPLUG_NOW) assert_int_equal(self->wakes, 2);
    wplug_task_cancel(self->runtime, task); /* one of the two has ended */
    wplug_task_cancel(self->runtime, task + 1);
    while (step(self).when == WPLUG_NOW) continue;
    int wakes = self->wakes;
    wplug_runtime_wake(self->runtime);
    assert_int_equal(self->wakes, wakes + 1);
    wplug_runtime_set_wake(self->runtime, NULL, NULL);
    wplug_runtime_wake(self->runtime);
    assert_int_equal(self->wakes, wakes + 1);
    wplug_request_release(self->kept[0]);
    wplug_request_release(self->kept[1]);
    wplug_runtime_run(self->runtime);
    for (int i = 0; i < 2; i++) wplug_result_release(endings[i].result);
}

static void *wake_soon(void *user) {
    usleep(5000);
    wplug_runtime_wake(user);
    return NULL;
}

static void waiting_ends_by_time(void **state) {
    FIXTURE;
    uint64_t before = wplug_monotonic_ns();
    step(self);
    assert_int_equal(wplug_runtime_wait(self->runtime, before + 10000000), WPLUG_OK);
    assert_true(wplug_monotonic_ns() >= before + 10000000);
}

static void waiting_ends_by_news_and_by_wake(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    step(self);
    pthread_t thread;
    pthread_create(&thread, NULL, wake_soon, self->runtime);
    assert_int_equal(wplug_runtime_wait(self->runtime, UINT64_MAX), WPLUG_OK);
    pthread_join(thread, NULL);
    call_end ending = {0, 0, NULL};
    start(self->runtime, self->actor, "answer 1", &ending);
    assert_int_equal(wplug_runtime_wait(self->runtime, UINT64_MAX), WPLUG_OK);
    wplug_runtime_run(self->runtime);
    expect_ending(&ending, WPLUG_OK);
}

static void *answer_soon(void *user) {
    usleep(3000);
    wplug_request_result(user, "1");
    wplug_request_release(user);
    return NULL;
}

/* An event loop made of nothing but a pipe: step, then sleep in poll until the wake callback writes. */
static int wake_pipe[2];
static void write_wake(void *user) {
    if (write(wake_pipe[1], "w", 1) != 1) abort();
}

static void an_event_loop_needs_step_and_wake_alone(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    assert_true(system_pipe(wake_pipe));
    wplug_runtime_set_wake(self->runtime, write_wake, NULL);
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    call_end ending = {0, 0, NULL};
    start_unlimited(self, "ask keep 1\nwait\nanswer 1", &ending);
    pthread_t thread;
    bool has_thread = false;
    while (ending.count == 0) {
        wplug_next next = step(self);
        if (self->kept_count == 1 && !has_thread) {
            has_thread = true;
            pthread_create(&thread, NULL, answer_soon, self->kept[0]);
        }
        char byte;
        if (next.when == WPLUG_WOKEN) assert_int_equal(read(wake_pipe[0], &byte, 1), 1);
    }
    pthread_join(thread, NULL);
    wplug_runtime_set_wake(self->runtime, NULL, NULL);
    wplug_runtime_run(self->runtime);
    expect_ending(&ending, WPLUG_OK);
    close(wake_pipe[0]);
    close(wake_pipe[1]);
}

/* ---- Callbacks that call back ---- */

static void call_inner(void *user, wplug_request *request) {
    fixture *self = user;
    wplug_result *result = act(self->runtime, self->actor, "ask echo [\"inner\"]\nwait\nanswer 7");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_request_result(request, result->json);
    wplug_result_release(result);
}

static void a_host_method_may_call_a_plugin_and_wait(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "inner", call_inner, self);
    expect_result(self->runtime, self->actor, "ask inner 1\nwait\nlast",
                  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":7}");
}

static void finish_request(void *user, wplug_task task, wplug_result *result) {
    wplug_request *request = user;
    wplug_request_result(request, result->json);
    wplug_request_release(request);
}

static void start_inner(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_call_start(wplug_request_runtime(request), self->actor, "act", "\"answer 8\"",
                                      NULL, finish_request, wplug_request_retain(request), NULL, NULL),
                     WPLUG_OK);
}

static void a_host_method_may_start_a_call_and_answer_when_it_ends(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "inner", start_inner, self);
    expect_result(self->runtime, self->actor, "ask inner 1\nwait\nlast",
                  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":8}");
}

static int depth, deepest;
static wplug_status last_status;

static void call_for_ever(void *user, wplug_request *request) {
    fixture *self = user;
    if (++depth > deepest) deepest = depth;
    wplug_error error;
    wplug_status status = wplug_call(self->runtime, self->actor, "act", "\"ask deeper 1\\nwait\\nanswer 1\"",
                                     NULL, NULL, &error);
    if (status != WPLUG_OK) last_status = status;
    wplug_request_result(request, "1");
    depth--;
}

static void endless_nesting_ends_with_a_status(void **state) {
    FIXTURE;
    depth = deepest = 0;
    wplug_runtime_set_method(self->runtime, "deeper", call_for_ever, self);
    expect_result(self->runtime, self->actor, "ask deeper 1\nwait\nanswer 1", "1");
    assert_int_equal(deepest, WPLUG_NESTING_MAX);
    assert_int_equal(last_status, WPLUG_TOO_DEEP);
}

static void cancel_caller(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_task_cancel(self->runtime, wplug_request_task(request)), WPLUG_OK);
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_GONE);
}

static void a_host_method_may_cancel_its_caller(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "suicide", cancel_caller, self);
    expect_end(self->runtime, self->actor, "ask suicide 1\nwait\nanswer 1", WPLUG_CANCELLED, "cancelled");
}

static void start_next(void *user, wplug_task task, wplug_result *result) {
    fixture *self = user;
    assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_GONE);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_MISUSE);
    start(self->runtime, self->actor, "answer 2", &self->inner);
}

static void a_completion_callback_may_start_the_next_call(void **state) {
    FIXTURE;
    assert_int_equal(wplug_call_start(self->runtime, self->actor, "act", "\"answer 1\"", NULL, start_next,
                                      self, NULL, NULL),
                     WPLUG_OK);
    wplug_runtime_run(self->runtime);
    assert_string_equal(self->inner.result->json, "2");
    expect_ending(&self->inner, WPLUG_OK);
}

static void run_others(void *user, wplug_request *request) {
    fixture *self = user;
    wplug_runtime_run(self->runtime); /* all but the one that asks */
    wplug_request_result(request, "1");
}

static void a_host_method_may_run_everything_else(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "run", run_others, self);
    call_end endings[3] = {{0, 0, NULL}};
    start(self->runtime, self->actor, "ask run 1\nwait\nerr first\nanswer 1", &endings[0]);
    start(self->runtime, self->actor, "sleep 5\nerr second\nanswer 1", &endings[1]);
    start(self->runtime, self->actor, "yield\nerr third\nanswer 1", &endings[2]);
    wplug_runtime_run(self->runtime);
    assert_string_equal(self->log.text, "third\nsecond\nfirst\n");
    for (int i = 0; i < 3; i++) expect_ending(&endings[i], WPLUG_OK);
}

static void step_in_log(void *user, const wplug_log *line) {
    fixture *self = user;
    note(&self->log, "%s\n", line->text);
    assert_int_equal(wplug_runtime_step(self->runtime, 0, NULL), WPLUG_OK);
}

static void step_in_trace(void *user, const wplug_trace *message) {
    fixture *self = user;
    assert_int_equal(wplug_runtime_step(self->runtime, 0, NULL), WPLUG_OK);
}

static void logs_and_traces_may_step_too(void **state) {
    FIXTURE;
    wplug_runtime_set_log(self->runtime, step_in_log, self);
    wplug_runtime_set_trace(self->runtime, step_in_trace, self);
    call_end endings[4] = {{0, 0, NULL}};
    for (int i = 0; i < 4; i++) {
        start(self->runtime, self->actor, "err a\nask echo 1\nerr b\nwait\nerrraw c\nanswer 1\nerrraw d",
              &endings[i]);
    }
    wplug_runtime_run(self->runtime);
    for (int i = 0; i < 4; i++) expect_ending(&endings[i], WPLUG_OK);
    assert_int_equal(strlen(self->log.text), 4 * 7);
    wplug_runtime_set_trace(self->runtime, NULL, NULL);
    wplug_runtime_set_log(self->runtime, NULL, NULL);
}

/* ---- Several plugins, several threads ---- */

static void *call_on_own_runtime(void *user) {
    wplug_runtime *runtime = new_runtime();
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    for (int i = 0; i < 20; i++) {
        wplug_result *result = act(runtime, user, "ask echo 1\nwait\nanswer 1");
        if (result->status != WPLUG_OK) abort();
        wplug_result_release(result);
    }
    wplug_runtime_free(runtime);
    wplug_plugin_release(user);
    return NULL;
}

static void a_plugin_is_shared_by_runtimes_on_several_threads(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, call_on_own_runtime, wplug_plugin_retain(self->actor));
    }
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

static void *use_foreign_runtime(void *user) {
    fixture *self = user;
    wplug_error error;
    wplug_result *result = (wplug_result *)1;
    assert_int_equal(wplug_call(self->runtime, self->actor, "act", NULL, NULL, &result, &error),
                     WPLUG_MISUSE);
    assert_null(result);
    expect_contains(error.message, "another thread");
    assert_int_equal(wplug_runtime_step(self->runtime, 0, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_move_here(self->runtime), WPLUG_OK);
    expect_result(self->runtime, self->actor, "answer 1", "1");
    return NULL;
}

static void a_runtime_belongs_to_one_thread_until_it_is_moved(void **state) {
    if (!HAS_THREADS) skip();
    FIXTURE;
    pthread_t thread;
    pthread_create(&thread, NULL, use_foreign_runtime, self);
    pthread_join(thread, NULL);
    assert_int_equal(wplug_runtime_step(self->runtime, 0, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_move_here(self->runtime), WPLUG_OK);
}

/* ---- Misuse ---- */

static wplug_status misuse_in_wake;
static void call_in_wake(void *user) {
    misuse_in_wake = wplug_runtime_step(user, 0, NULL);
}

static void the_wake_callback_must_not_call_the_library(void **state) {
    FIXTURE;
    wplug_runtime_set_wake(self->runtime, call_in_wake, self->runtime);
    wplug_runtime_wake(self->runtime);
    assert_int_equal(misuse_in_wake, WPLUG_MISUSE);
    wplug_runtime_set_wake(self->runtime, NULL, NULL);
}

static void nulls_are_misuse_with_a_sentence(void **state) {
    FIXTURE;
    wplug_error error;
    wplug_task task = 5;
    assert_int_equal(wplug_runtime_new(NULL, NULL, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_call_start(NULL, self->actor, "x", NULL, NULL, NULL, NULL, &task, &error),
                     WPLUG_MISUSE);
    assert_int_equal(task, 0);
    expect_contains(error.message, "runtime is NULL");
    assert_int_equal(wplug_call_start(self->runtime, NULL, "x", NULL, NULL, NULL, NULL, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "plugin is NULL");
    assert_int_equal(wplug_call_start(self->runtime, self->actor, NULL, NULL, NULL, NULL, NULL, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "method is NULL");
    assert_int_equal(wplug_call(self->runtime, NULL, "x", NULL, NULL, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_call: the plugin is NULL");
    assert_int_equal(wplug_command(self->runtime, NULL, NULL, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_command: the plugin is NULL");
    assert_int_equal(wplug_invoke(self->runtime, NULL, "x", NULL, 0, NULL, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_invoke: the plugin is NULL");
    assert_int_equal(wplug_call(self->runtime, self->actor, "x", "{", NULL, NULL, &error), WPLUG_BAD_JSON);
    expect_contains(error.message, "params");
    wplug_call_options options = {0};
    assert_int_equal(wplug_call(self->runtime, self->actor, "x", NULL, &options, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_call_options_init");
    wplug_limits limits = {0};
    wplug_call_options_init(&options);
    options.limits = &limits;
    assert_int_equal(wplug_call(self->runtime, self->actor, "x", NULL, &options, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_limits_init");
    assert_int_equal(wplug_runtime_step(NULL, 0, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_wait(NULL, 0), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_run(NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_wake(NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_move_here(NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_method(NULL, "x", echo, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_method(self->runtime, NULL, echo, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_default_method(NULL, echo, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_log(NULL, NULL, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_trace(NULL, NULL, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_wake(NULL, NULL, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_free(NULL), WPLUG_OK);
    assert_int_equal(wplug_runtime_task_count(NULL), 0);
    assert_int_equal(wplug_task_cancel(NULL, 1), WPLUG_MISUSE);
    assert_int_equal(wplug_task_cancel(self->runtime, 0), WPLUG_GONE);
    assert_int_equal(wplug_task_cancel(self->runtime, UINT64_MAX), WPLUG_GONE);
    assert_int_equal(wplug_task_stdio_ready(self->runtime, 12345), WPLUG_GONE);
    call_end ending = {0, 0, NULL};
    task = start(self->runtime, self->actor, "answer 1", &ending);
    assert_int_equal(wplug_task_inspect(self->runtime, task, NULL), WPLUG_MISUSE);
    wplug_task_info info = {0};
    assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_MISUSE);
    assert_int_equal(wplug_task_backtrace(self->runtime, task, NULL), WPLUG_MISUSE);
    char *text;
    assert_int_equal(wplug_task_backtrace(self->runtime, task, &text), WPLUG_OK);
    assert_string_equal(text, ""); /* it has not run */
    wplug_text_free(text);
    wplug_text_free(NULL);
    wplug_result_release(NULL);
    assert_null(wplug_result_retain(NULL));
    wplug_runtime_run(self->runtime);
    expect_ending(&ending, WPLUG_OK);
}

/* An allocator that gives nothing back, so that freed handles can be looked at. */
static void *resize_without_free(void *user, void *pointer, size_t old_size, size_t new_size) {
    if (new_size == 0) return NULL;
    void *fresh = malloc(new_size);
    if (pointer) memcpy(fresh, pointer, old_size < new_size ? old_size : new_size);
    void ***list = user;
    void **node = malloc(2 * sizeof *node);
    node[0] = fresh;
    node[1] = *list;
    *list = node;
    return fresh;
}

static void free_all(void **list) {
    while (list) {
        void **next = list[1];
        free(list[0]);
        free(list);
        list = next;
    }
}

static wplug_request *stale_request;
static void lend(void *user, wplug_request *request) {
    wplug_request_result(request, "1");
    stale_request = request;
}

static void freed_handles_are_noticed(void **state) {
    void **list = NULL;
    wplug_allocator allocator = {resize_without_free, &list};
    wplug_runtime_options runtime_options;
    wplug_runtime_options_init(&runtime_options);
    runtime_options.allocator = &allocator;
    wplug_plugin_options plugin_options;
    wplug_plugin_options_init(&plugin_options);
    plugin_options.allocator = &allocator;
    wplug_runtime *runtime;
    assert_int_equal(wplug_runtime_new(&runtime_options, &runtime, NULL), WPLUG_OK);
    wplug_plugin *actor = load(ACTOR, &plugin_options);
    wplug_runtime_set_method(runtime, "lend", lend, NULL);
    wplug_result *result = act(runtime, actor, "ask lend 1\nwait\nanswer 1");
    assert_int_equal(wplug_request_result(stale_request, "1"), WPLUG_MISUSE);
    assert_null(wplug_request_retain(stale_request));
    wplug_request_release(stale_request);
    wplug_result_release(result);
    assert_null(wplug_result_retain(result));
    wplug_result_release(result);
    wplug_plugin_release(actor);
    wplug_error error;
    assert_int_equal(wplug_call(runtime, actor, "act", NULL, NULL, NULL, &error), WPLUG_MISUSE);
    expect_contains(error.message, "freed");
    wplug_plugin_release(actor);
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
    assert_int_equal(wplug_runtime_step(runtime, 0, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_MISUSE);
    free_all(list);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_runs_before_the_first_step),
        TEST(step_says_when_it_next_wants_to_run),
        TEST(timeouts_for_poll_are_rounded_up),
        TEST(calls_take_turns),
        TEST(a_blocking_call_returns_though_others_run_for_ever),
        TEST(equal_calls_get_equal_shares),
        TEST(an_urgent_call_gets_four_slices_for_each_one_below_it),
        TEST(a_priority_out_of_range_is_misuse),
        TEST(a_guest_that_yields_lets_others_go_first),
        TEST(a_budget_bounds_a_step),
        TEST(who_sleeps_shorter_wakes_first),
        TEST(many_sleepers_are_served),
        TEST(hostile_calls_do_not_disturb_those_beside_them),
        TEST(cancel_ends_a_call_wherever_it_is),
        TEST(a_task_can_be_looked_at),
        TEST(freeing_the_runtime_ends_all_calls_once),
        TEST(the_embedder_is_woken_when_there_is_something_to_do),
        TEST(waiting_ends_by_time),
        TEST(waiting_ends_by_news_and_by_wake),
        TEST(an_event_loop_needs_step_and_wake_alone),
        TEST(a_host_method_may_call_a_plugin_and_wait),
        TEST(a_host_method_may_start_a_call_and_answer_when_it_ends),
        TEST(endless_nesting_ends_with_a_status),
        TEST(a_host_method_may_cancel_its_caller),
        TEST(a_completion_callback_may_start_the_next_call),
        TEST(a_host_method_may_run_everything_else),
        TEST(logs_and_traces_may_step_too),
        TEST(a_plugin_is_shared_by_runtimes_on_several_threads),
        TEST(a_runtime_belongs_to_one_thread_until_it_is_moved),
        TEST(the_wake_callback_must_not_call_the_library),
        TEST(nulls_are_misuse_with_a_sentence),
        TEST(freed_handles_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
