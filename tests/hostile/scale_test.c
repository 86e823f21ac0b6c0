/* The runtime at scale: thousands of calls that wait, calls within calls within calls, and ends that come within a slice
 * wherever a call is. What matters is counted, in slices and fuel, so that no machine is too slow for it. */
#include "fixture.h"

#define PATIENT   GUESTS "/patient.wasm"
#define ANSWER(x) "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":" x "}"

static wplug_stats stats_of(const wplug_runtime *runtime) {
    wplug_stats stats = {.size = sizeof stats};
    assert_int_equal(wplug_runtime_stats(runtime, &stats), WPLUG_OK);
    return stats;
}

static wplug_next step(fixture *self) {
    wplug_next next;
    assert_int_equal(wplug_runtime_step(self->runtime, 0, &next), WPLUG_OK);
    return next;
}

static void step_until_idle(fixture *self) {
    while (step(self).when == WPLUG_NOW) continue;
}

/* ---- Many ---- */

enum { MANY = 10000 };
static wplug_request *waiting[MANY];
static int waiting_count;

static void keep_many(void *user, wplug_request *request) {
    waiting[waiting_count++] = wplug_request_retain(request);
}

static void count_done(void *user, wplug_task task, wplug_result *result) {
    assert_int_equal(result->status, WPLUG_OK);
    ++*(int *)user;
}

static uint64_t slices_of_a_call(fixture *self) {
    uint64_t before = stats_of(self->runtime).slices;
    expect_result(self->runtime, self->actor, "ask echo 1\nwait\nanswer 1", "1");
    return stats_of(self->runtime).slices - before;
}

static void calls_that_wait_cost_nothing(void **state) {
    FIXTURE;
    waiting_count = 0;
    wplug_runtime_set_method(self->runtime, "keep", keep_many, NULL);
    wplug_plugin *patient = load(PATIENT, NULL);
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    limits.stack_bytes = 4096;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    uint64_t alone = slices_of_a_call(self);
    int done = 0;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(
            wplug_call_start(self->runtime, patient, "x", NULL, &options, count_done, &done, NULL, NULL),
            WPLUG_OK);
    }
    assert_int_equal(stats_of(self->runtime).ready, MANY);
    step_until_idle(self);
    assert_int_equal(waiting_count, MANY);
    wplug_stats stats = stats_of(self->runtime);
    assert_int_equal(stats.suspended, MANY);
    assert_int_equal(stats.ready, 0);
    assert_int_equal(stats.memory_bytes, MANY * 65536ull);
    /* Nobody has a turn who does not want one, neither for a step nor for the sake of another call. */
    for (int i = 0; i < 100; i++) assert_int_equal(step(self).when, WPLUG_WOKEN);
    assert_int_equal(stats_of(self->runtime).slices, stats.slices);
    assert_int_equal(slices_of_a_call(self), alone);
    /* One of them that is answered goes on alone. */
    uint64_t before = stats_of(self->runtime).slices;
    assert_int_equal(wplug_request_result(waiting[MANY / 2], "1"), WPLUG_OK);
    step_until_idle(self);
    assert_int_equal(done, 1);
    assert_int_equal(stats_of(self->runtime).slices - before, 1);
    for (int i = 0; i < MANY; i++) {
        if (i != MANY / 2) assert_int_equal(wplug_request_result(waiting[i], "1"), WPLUG_OK);
        wplug_request_release(waiting[i]);
    }
    step_until_idle(self);
    assert_int_equal(done, MANY);
    assert_int_equal(stats_of(self->runtime).slices, stats.slices + alone + MANY);
    assert_int_equal(stats_of(self->runtime).memory_bytes, 0);
    wplug_plugin_release(patient);
}

/* ---- Within each other ---- */

enum { DEPTH = 1000 };

/* Each host call starts the next call, and answers when that has ended: no C stack is used for it. */
static int begun;

static void answer_outer(void *user, wplug_task task, wplug_result *result) {
    assert_int_equal(result->status, WPLUG_OK);
    assert_int_equal(wplug_request_result(user, "1"), WPLUG_OK);
    wplug_request_release(user);
}

static void start_deeper(void *user, wplug_request *request) {
    fixture *self = user;
    if (++begun == DEPTH) {
        wplug_request_result(request, "1");
        return;
    }
    assert_int_equal(wplug_call_start(self->runtime, wplug_request_plugin(request), "x", NULL, NULL,
                                      answer_outer, wplug_request_retain(request), NULL, NULL),
                     WPLUG_OK);
}

static void calls_nest_a_thousand_deep_without_waiting_for_each_other(void **state) {
    FIXTURE;
    begun = 0;
    wplug_plugin *patient = load(PATIENT, NULL);
    wplug_runtime_set_method(self->runtime, "keep", start_deeper, self);
    assert_int_equal(wplug_call(self->runtime, patient, "x", NULL, NULL, NULL, NULL), WPLUG_OK);
    assert_int_equal(begun, DEPTH);
    assert_int_equal(stats_of(self->runtime).tasks_high, DEPTH);
    wplug_plugin_release(patient);
}

static void call_back(void *user, wplug_request *request) {
    fixture *self = user;
    int depth = atoi(wplug_request_params(request, NULL));
    char commands[64];
    /* By turns the same plugin and another one. */
    wplug_plugin *plugin = depth % 2 ? self->actor : wplug_request_plugin(request);
    snprintf(commands, sizeof commands, depth > 1 ? "ask deeper %d\nwait\nlast" : "answer %d", depth - 1);
    wplug_result *result = act(self->runtime, plugin, commands);
    assert_int_equal(result->status, WPLUG_OK);
    wplug_request_result(request, result->json);
    wplug_result_release(result);
}

static void host_methods_call_plugins_that_call_host_methods(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "deeper", call_back, self);
    wplug_plugin *other = load(ACTOR, NULL);
    char commands[64], expected[4096] = "0";
    snprintf(commands, sizeof commands, "ask deeper %d\nwait\nlast", WPLUG_NESTING_MAX - 1);
    for (int i = 0; i < WPLUG_NESTING_MAX - 1; i++) {
        char inner[4000];
        strcpy(inner, expected);
        snprintf(expected, sizeof expected, ANSWER("%s"), inner);
    }
    expect_result(self->runtime, other, commands, expected);
    wplug_plugin_release(other);
}

/* ---- Ends ---- */

typedef struct pipe_end {
    bool is_open;
    int reads;
} pipe_end;

static ptrdiff_t read_nothing(void *user, void *buffer, size_t size) {
    pipe_end *self = user;
    self->reads++;
    return self->is_open ? 0 : WPLUG_IO_WOULD_BLOCK;
}

static ptrdiff_t write_nothing(void *user, int fd, const void *bytes, size_t size) {
    return WPLUG_IO_WOULD_BLOCK;
}

static wplug_task start_limited(fixture *self, const char *commands, const wplug_limits *limits,
                                call_end *end) {
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = limits;
    return start_with(self->runtime, self->actor, &options, commands, end);
}

static wplug_task start_shout(fixture *self, wplug_plugin *shout, wplug_read_fn read, wplug_write_fn write,
                              const wplug_limits *limits, call_end *end) {
    static pipe_end pipe;
    wplug_command_options options;
    wplug_command_options_init(&options);
    options.limits = limits;
    options.read = read;
    options.write = write;
    options.stdio_user = &pipe;
    wplug_task task;
    assert_int_equal(wplug_command_start(self->runtime, shout, &options, keep_ending, end, &task, NULL),
                     WPLUG_OK);
    return task;
}

static wplug_task_info look_at(fixture *self, wplug_task task) {
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
    return info;
}

static void keep(void *user, wplug_request *request) {
    fixture *self = user;
    self->kept[self->kept_count++] = wplug_request_retain(request);
}

/* One task in each state that there is. */
enum { STATES = 6 };
static const wplug_task_state states[STATES] = {WPLUG_TASK_READY,         WPLUG_TASK_READY,
                                                WPLUG_TASK_SLEEPING,      WPLUG_TASK_WAITING_HOST,
                                                WPLUG_TASK_WAITING_STDIO, WPLUG_TASK_READY};

static void start_in_each_state(fixture *self, wplug_plugin *shout, const wplug_limits *limits,
                                wplug_task tasks[STATES], call_end ends[STATES]) {
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    tasks[0] = start_limited(self, "spin", limits, &ends[0]);
    tasks[1] = start_limited(self, "yield\nspin", limits, &ends[1]);
    tasks[2] = start_limited(self, "sleep 3600000", limits, &ends[2]);
    tasks[3] = start_limited(self, "ask keep 1\nwait\nanswer 1", limits, &ends[3]);
    tasks[4] = start_shout(self, shout, read_nothing, NULL, limits, &ends[4]);
    for (int i = 0; i < 3; i++) step(self);
    tasks[5] = start_limited(self, "spin", limits, &ends[5]); /* has not run */
}

static void cancelled_calls_run_no_more(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    wplug_plugin *shout = load(GUESTS "/shout.wasm", NULL);
    wplug_task tasks[STATES];
    call_end ends[STATES] = {{0, 0, NULL}};
    start_in_each_state(self, shout, &limits, tasks, ends);
    for (int i = 0; i < STATES; i++) assert_int_equal(look_at(self, tasks[i]).state, states[i]);
    uint64_t fuel[STATES], slices = stats_of(self->runtime).slices;
    for (int i = 0; i < STATES; i++) fuel[i] = look_at(self, tasks[i]).fuel_used;
    for (int i = 0; i < STATES; i++) assert_int_equal(wplug_task_cancel(self->runtime, tasks[i]), WPLUG_OK);
    assert_int_equal(step(self).when, WPLUG_IDLE);
    assert_int_equal(stats_of(self->runtime).slices, slices);
    for (int i = 0; i < STATES; i++) {
        assert_int_equal(ends[i].result->fuel_used, fuel[i]);
        expect_ending(&ends[i], WPLUG_CANCELLED);
    }
    wplug_request_release(self->kept[0]);
    wplug_plugin_release(shout);
}

static void deadlines_end_calls_wherever_they_are(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = 200000000;
    wplug_plugin *shout = load(GUESTS "/shout.wasm", NULL);
    wplug_task tasks[STATES];
    call_end ends[STATES] = {{0, 0, NULL}};
    start_in_each_state(self, shout, &limits, tasks, ends);
    /* A step that begins after the deadlines ends all of them; none has one more slice. */
    uint64_t last = wplug_monotonic_ns() + limits.time_ns;
    while (wplug_monotonic_ns() < last) assert_int_equal(wplug_runtime_wait(self->runtime, last), WPLUG_OK);
    uint64_t slices = stats_of(self->runtime).slices;
    uint64_t fuel = stats_of(self->runtime).fuel;
    assert_int_equal(step(self).when, WPLUG_IDLE);
    assert_int_equal(stats_of(self->runtime).fuel, fuel);
    assert_true(stats_of(self->runtime).slices - slices <= STATES);
    for (int i = 0; i < STATES; i++) expect_ending(&ends[i], WPLUG_TIME_LIMIT);
    wplug_request_release(self->kept[0]);
    wplug_plugin_release(shout);
}

static void a_command_that_cannot_write_is_cancelled_and_runs_out_of_time(void **state) {
    FIXTURE;
    wplug_plugin *shout = load(GUESTS "/shout.wasm", NULL);
    wplug_limits limits;
    wplug_limits_init(&limits);
    call_end end = {0, 0, NULL};
    wplug_task task = start_shout(self, shout, NULL, write_nothing, &limits, &end);
    step_until_idle(self);
    assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_OK);
    assert_int_equal(step(self).when, WPLUG_IDLE);
    expect_ending(&end, WPLUG_CANCELLED);
    limits.time_ns = 5000000;
    end = (call_end){0, 0, NULL};
    start_shout(self, shout, NULL, write_nothing, &limits, &end);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    expect_ending(&end, WPLUG_TIME_LIMIT);
    wplug_plugin_release(shout);
}

static void who_lingers_is_bounded_and_cannot_be_cancelled_any_more(void **state) {
    FIXTURE;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.linger_ns = WPLUG_UNLIMITED;
    limits.linger_fuel = 300000;
    static const char *const scripts[] = {"answer 1\nspin", "answer 1\nsleep 3600000"};
    for (int i = 0; i < 2; i++) {
        if (i == 1) limits.linger_ns = 5000000;
        call_end end = {0, 0, NULL};
        wplug_task task = start_limited(self, scripts[i], &limits, &end);
        while (end.count == 0) step(self);
        wplug_stats stats = stats_of(self->runtime);
        assert_int_equal(stats.tasks, 0);
        assert_int_equal(stats.lingering, 1);
        assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_GONE);
        assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
        assert_int_equal(stats_of(self->runtime).lingering, 0);
        assert_true(stats_of(self->runtime).fuel - stats.fuel <= 400000);
        expect_ending(&end, WPLUG_OK);
    }
}

/* ---- Callbacks that take away what they stand on ---- */

static wplug_plugin *doomed;

static void take_everything_away(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_move_here(self->runtime), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_set_method(self->runtime, "away", NULL, NULL), WPLUG_OK);
    assert_int_equal(wplug_runtime_set_log(self->runtime, NULL, NULL), WPLUG_OK);
    assert_int_equal(wplug_runtime_set_trace(self->runtime, NULL, NULL), WPLUG_OK);
    wplug_plugin_release(doomed);
    assert_int_equal(wplug_task_cancel(self->runtime, wplug_request_task(request)), WPLUG_OK);
    assert_int_equal(wplug_request_result(request, "1"), WPLUG_GONE);
}

static void release_result(void *user, wplug_task task, wplug_result *result) {
    fixture *self = user;
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_MISUSE);
    assert_int_equal(wplug_task_stdio_ready(self->runtime, task), WPLUG_GONE);
    assert_int_equal(result->status, WPLUG_CANCELLED);
    self->inner.count++;
}

static void callbacks_may_take_away_what_they_stand_on(void **state) {
    FIXTURE;
    doomed = load(ACTOR, NULL);
    record trace = {""};
    wplug_runtime_set_trace(self->runtime, record_trace, &trace);
    wplug_runtime_set_method(self->runtime, "away", take_everything_away, self);
    assert_int_equal(wplug_call_start(self->runtime, doomed, "act",
                                      "\"ask away 1\\nerr x\\nwait\\nanswer 1\"", NULL, release_result, self,
                                      NULL, NULL),
                     WPLUG_OK);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK);
    assert_int_equal(self->inner.count, 1);
}

/* ---- Statistics ---- */

static uint64_t sum_of(const wplug_histogram *histogram) {
    uint64_t sum = 0;
    for (int i = 0; i < 64; i++) sum += histogram->buckets[i];
    return sum;
}

static void statistics_count_what_happened(void **state) {
    FIXTURE;
    wplug_stats none = stats_of(self->runtime);
    wplug_stats zero = {.size = sizeof zero};
    assert_memory_equal(&none, &zero, sizeof none);
    wplug_result *result =
        act(self->runtime, self->actor, "err hello\nask echo [1]\ntell echo 2\nwait\nlast");
    uint64_t fuel = result->fuel_used, memory = result->memory_bytes;
    wplug_result_release(result);
    expect_end(self->runtime, self->actor, "trap", WPLUG_TRAP, "unreachable");
    expect_end(self->runtime, self->actor, "exit 3", WPLUG_EXITED, "code 3");
    expect_end(self->runtime, self->actor, "exit 4", WPLUG_EXITED, "code 4");
    wplug_stats stats = stats_of(self->runtime);
    assert_int_equal(stats.started, 4);
    assert_int_equal(stats.ended[WPLUG_OK], 1);
    assert_int_equal(stats.ended[WPLUG_TRAP], 1);
    assert_int_equal(stats.ended[WPLUG_EXITED], 2);
    assert_int_equal(stats.fresh_starts, 1);
    assert_int_equal(stats.snapshot_starts, 3);
    assert_int_equal(stats.reused_sandboxes, 2);
    assert_true(stats.slices >= 4);
    assert_true(stats.fuel >= fuel);
    assert_true(stats.guest_ns > 0 && stats.guest_ns <= stats.call_ns.sum + 4000000000);
    assert_int_equal(stats.host_calls, 2);
    assert_true(stats.method_ns > 0);
    /* Four requests and the answer to the guest's; the guest's request, notification and answer. */
    assert_int_equal(stats.messages_to_plugins, 5);
    assert_int_equal(stats.messages_from_plugins, 3);
    const char *written =
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"echo\",\"params\":[1]}\n"
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":2}\n" ANSWER(ANSWER("[1]")) "\n";
    assert_int_equal(stats.bytes_from_plugins, strlen(written));
    assert_true(stats.bytes_to_plugins > strlen(ANSWER("[1]")));
    assert_int_equal(stats.log_bytes, 6);
    assert_int_equal(stats.tasks + stats.ready + stats.suspended + stats.lingering + stats.memory_bytes, 0);
    assert_int_equal(stats.tasks_high, 1);
    assert_int_equal(stats.ready_high, 1);
    assert_int_equal(stats.memory_high, memory);
    assert_int_equal(stats.call_ns.count, 4);
    assert_int_equal(stats.wait_ns.count, 4);
    assert_int_equal(stats.guest.count, 4);
    assert_int_equal(stats.fuel_used.count, 4);
    assert_int_equal(stats.answer_ns.count, 1); /* a notification has none */
    assert_int_equal(sum_of(&stats.call_ns) + sum_of(&stats.answer_ns), 5);
    assert_true(stats.fuel_used.sum >= fuel);
    assert_true(stats.wait_ns.sum <= stats.call_ns.sum);
}

static void a_late_answer_is_counted_when_it_comes(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "keep", keep, self);
    call_end end = {0, 0, NULL};
    start(self->runtime, self->actor, "ask keep 1\nwait\nanswer 1", &end);
    step_until_idle(self);
    assert_int_equal(stats_of(self->runtime).answer_ns.count, 0);
    wplug_request_result(self->kept[0], "1");
    wplug_request_release(self->kept[0]);
    assert_int_equal(stats_of(self->runtime).answer_ns.count, 1);
    wplug_runtime_run(self->runtime);
    expect_ending(&end, WPLUG_OK);
}

static void statistics_fit_callers_of_other_versions(void **state) {
    FIXTURE;
    expect_result(self->runtime, self->actor, "answer 1", "1");
    struct {
        wplug_stats stats;
        uint64_t later;
    } longer = {.stats.size = sizeof longer, .later = 7};
    assert_int_equal(wplug_runtime_stats(self->runtime, &longer.stats), WPLUG_OK);
    assert_int_equal(longer.stats.size, sizeof longer);
    assert_int_equal(longer.stats.started, 1);
    assert_int_equal(longer.later, 0); /* which this version knows nothing of */
    wplug_stats shorter = {.size = offsetof(wplug_stats, ended), .slices = 99};
    assert_int_equal(wplug_runtime_stats(self->runtime, &shorter), WPLUG_OK);
    assert_int_equal(shorter.started, 1);
    assert_int_equal(shorter.slices, 99);
    shorter.size = 1;
    assert_int_equal(wplug_runtime_stats(self->runtime, &shorter), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_stats(self->runtime, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_runtime_stats(NULL, &shorter), WPLUG_MISUSE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(calls_that_wait_cost_nothing),
        TEST(calls_nest_a_thousand_deep_without_waiting_for_each_other),
        TEST(host_methods_call_plugins_that_call_host_methods),
        TEST(cancelled_calls_run_no_more),
        TEST(deadlines_end_calls_wherever_they_are),
        TEST(a_command_that_cannot_write_is_cancelled_and_runs_out_of_time),
        TEST(who_lingers_is_bounded_and_cannot_be_cancelled_any_more),
        TEST(callbacks_may_take_away_what_they_stand_on),
        TEST(statistics_count_what_happened),
        TEST(a_late_answer_is_counted_when_it_comes),
        TEST(statistics_fit_callers_of_other_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
