/* The libuv adapter in real loops: calls end, times pass, threads answer, the loop goes on while guests compute
 * and ends when nothing is left, and attaching and detaching leave nothing behind. */
#include "hostile/helper.h"
#include "hostile/meter.h"

#include "wplug/wplug_uv.h"

typedef struct fixture {
    uv_loop_t loop;
    wplug_runtime *runtime;
    wplug_plugin *actor;
    wplug_uv *attachment;
    wplug_request *kept;
    record ends; /* the names of calls, in the order in which they end */
    call_end spinning;
    wplug_task task;
    uv_check_t check;
    int iterations, detached;
    uint64_t fuel, most_fuel; /* of the spinning call: up to the last iteration, most in one iteration */
    uv_pipe_t pipe[2];
    int received;
    uv_thread_t thread;
} fixture;

#define FIXTURE fixture *self = *state

static wplug_uv *attach(uv_loop_t *loop, wplug_runtime *runtime, const wplug_uv_options *options) {
    wplug_uv *attachment;
    wplug_error error;
    if (wplug_uv_attach(loop, runtime, options, &attachment, &error) != WPLUG_OK)
        fail_msg("%s", error.message);
    assert_int_equal(error.status, WPLUG_OK);
    return attachment;
}

static int set_up(void **state) {
    fixture *self = calloc(1, sizeof *self);
    uv_loop_init(&self->loop);
    self->runtime = new_runtime();
    self->actor = load(ACTOR, NULL);
    wplug_runtime_set_method(self->runtime, "echo", echo, NULL);
    self->attachment = attach(&self->loop, self->runtime, NULL);
    *state = self;
    return 0;
}

static void run(fixture *self) {
    assert_int_equal(uv_run(&self->loop, UV_RUN_DEFAULT), 0);
}

static int tear_down(void **state) {
    fixture *self = *state;
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    run(self);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    wplug_plugin_release(self->actor);
    free(self);
    return 0;
}

static wplug_task start_forever(fixture *self, const char *commands, call_end *ending) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    return start_with(self->runtime, self->actor, &options, commands, ending);
}

static void end_forever(fixture *self, wplug_task task, call_end *ending) {
    assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_OK);
    run(self);
    expect_ending(ending, WPLUG_CANCELLED);
}

/* ---- Calls and the loop's end ---- */

static void calls_complete_and_then_the_loop_ends(void **state) {
    FIXTURE;
    call_end endings[50] = {{0, 0, NULL}};
    for (int i = 0; i < 50; i++)
        start(self->runtime, self->actor, "ask echo [1]\nwait\nyield\nanswer 1", &endings[i]);
    run(self);
    for (int i = 0; i < 50; i++) expect_ending(&endings[i], WPLUG_OK);
    assert_int_equal(wplug_uv_status(self->attachment), WPLUG_OK);
}

static void a_loop_ends_when_an_attached_runtime_has_nothing_to_do(void **state) {
    FIXTURE;
    run(self);
    run(self);
    assert_int_equal(uv_loop_alive(&self->loop), 0);
}

static void calls_started_before_the_runtime_is_attached_run(void **state) {
    FIXTURE;
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    call_end ending = {0, 0, NULL};
    start(self->runtime, self->actor, "answer 1", &ending);
    self->attachment = attach(&self->loop, self->runtime, NULL);
    run(self);
    expect_ending(&ending, WPLUG_OK);
}

/* A call that is started when the loop is about to end keeps it going. */
static void start_one_more(void *user, wplug_task task, wplug_result *result) {
    fixture *self = user;
    note(&self->ends, "%s\n", result->json);
    wplug_error error;
    if (++self->iterations < 5)
        assert_int_equal(wplug_call_start(self->runtime, self->actor, "act", "\"yield\\nanswer 7\"", NULL,
                                          start_one_more, self, NULL, &error),
                         WPLUG_OK);
}

static void on_start_timer(uv_timer_t *timer) {
    wplug_result *result = NULL;
    fixture *self = timer->data;
    result = act(self->runtime, self->actor, "answer 6"); /* blocks the loop for a while */
    start_one_more(self, 0, result);
    wplug_result_release(result);
    uv_close((uv_handle_t *)timer, NULL);
}

static void calls_started_in_callbacks_of_the_loop_run(void **state) {
    FIXTURE;
    run(self);
    uv_timer_t timer = {.data = self};
    uv_timer_init(&self->loop, &timer);
    uv_timer_start(&timer, on_start_timer, 1, 0);
    run(self);
    assert_string_equal(self->ends.text, "6\n7\n7\n7\n7\n");
}

/* ---- Times ---- */

typedef struct sleeper {
    fixture *owner;
    const char *name;
    uint64_t wakes_at_ns;
} sleeper;

static void note_sleeper(void *user, wplug_task task, wplug_result *result) {
    sleeper *self = user;
    assert_int_equal(result->status, WPLUG_OK);
    assert_true(wplug_monotonic_ns() >= self->wakes_at_ns);
    note(&self->owner->ends, "%s ", self->name);
}

static void sleeps_end_in_the_order_of_their_times(void **state) {
    FIXTURE;
    static const struct {
        const char *name, *params;
        uint64_t ms;
    } calls[] = {{"long", "\"sleep 1200\\nanswer 1\"", 1200},
                 {"short", "\"sleep 5\\nanswer 1\"", 5},
                 {"middle", "\"sleep 600\\nanswer 1\"", 600}};
    sleeper sleepers[3];
    for (int i = 0; i < 3; i++) {
        sleepers[i] = (sleeper){self, calls[i].name, wplug_monotonic_ns() + calls[i].ms * 1000000};
        assert_int_equal(wplug_call_start(self->runtime, self->actor, "act", calls[i].params, NULL,
                                          note_sleeper, &sleepers[i], NULL, NULL),
                         WPLUG_OK);
    }
    run(self);
    assert_string_equal(self->ends.text, "short middle long ");
}

/* ---- Other threads ---- */

static void answer_kept(void *argument) {
    fixture *self = argument;
    assert_int_equal(wplug_request_result(self->kept, "[\"far\"]"), WPLUG_OK);
    wplug_request_release(self->kept);
}

static void answer_on_a_thread(void *user, wplug_request *request) {
    fixture *self = user;
    self->kept = wplug_request_retain(request);
    assert_int_equal(uv_thread_create(&self->thread, answer_kept, self), 0);
}

static void answers_from_another_thread_wake_the_loop(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "far", answer_on_a_thread, self);
    for (int i = 0; i < 200; i++) {
        /* Without a time limit there is no timer: only the answer can wake the loop. */
        call_end ending = {0, 0, NULL};
        start_forever(self, "ask far 1\nwait\nlast", &ending);
        run(self);
        assert_int_equal(uv_thread_join(&self->thread), 0);
        expect_contains(ending.result->json, "far");
        expect_ending(&ending, WPLUG_OK);
    }
}

static void run_loop(void *argument) {
    fixture *self = argument;
    self->iterations = uv_run(&self->loop, UV_RUN_DEFAULT);
}

static void attach_here(void *argument) {
    fixture *self = argument;
    wplug_uv *attachment;
    wplug_error error;
    self->iterations = (int)wplug_uv_attach(&self->loop, self->runtime, NULL, &attachment, &error);
    assert_null(attachment);
    expect_contains(error.message, "another thread");
}

static void on_a_thread(fixture *self, void (*function)(void *argument)) {
    uv_thread_t thread;
    assert_int_equal(uv_thread_create(&thread, function, self), 0);
    assert_int_equal(uv_thread_join(&thread), 0);
}

static void a_loop_on_a_wrong_thread_is_told(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    start(self->runtime, self->actor, "answer 1", &ending);
    on_a_thread(self, attach_here);
    assert_int_equal(self->iterations, WPLUG_MISUSE);
    on_a_thread(self, run_loop);
    assert_int_equal(self->iterations, 0);
    assert_int_equal(ending.count, 0);
    assert_int_equal(wplug_uv_status(self->attachment), WPLUG_MISUSE);
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    self->attachment = attach(&self->loop, self->runtime, NULL);
    run(self);
    assert_int_equal(wplug_uv_status(self->attachment), WPLUG_OK);
    expect_ending(&ending, WPLUG_OK);
}

/* ---- The loop goes on ---- */

static void count_iteration(uv_check_t *check) {
    fixture *self = check->data;
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(self->runtime, self->task, &info), WPLUG_OK);
    if (info.fuel_used - self->fuel > self->most_fuel) self->most_fuel = info.fuel_used - self->fuel;
    self->fuel = info.fuel_used;
    if (++self->iterations == 100) uv_stop(&self->loop);
    uv_buf_t byte = uv_buf_init((char[]){'x'}, 1);
    assert_int_equal(uv_try_write((uv_stream_t *)&self->pipe[0], &byte, 1), 1);
}

static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *out) {
    static char byte;
    *out = uv_buf_init(&byte, 1);
}

static void count_byte(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
    fixture *self = stream->data;
    assert_in_range(size, 0, 1); /* 0: nothing there after all, says libuv */
    self->received += (int)size;
}

/* Attaches with a budget that any slice exceeds, so that a step is one slice of one task. */
static void attach_slice_by_slice(fixture *self) {
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    wplug_uv_options options;
    wplug_uv_options_init(&options);
    options.budget_ns = 1;
    self->attachment = attach(&self->loop, self->runtime, &options);
    run(self);
}

static void a_guest_that_computes_for_ever_leaves_the_loop_its_turns(void **state) {
    FIXTURE;
    attach_slice_by_slice(self);
    uv_file ends[2];
    assert_int_equal(uv_pipe(ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), 0);
    for (int i = 0; i < 2; i++) {
        uv_pipe_init(&self->loop, &self->pipe[i], 0);
        uv_pipe_open(&self->pipe[i], ends[1 - i]); /* the first one writes */
        self->pipe[i].data = self;
    }
    uv_read_start((uv_stream_t *)&self->pipe[1], give_buffer, count_byte);
    uv_check_init(&self->loop, &self->check);
    self->check.data = self;
    uv_check_start(&self->check, count_iteration);
    self->task = start_forever(self, "spin", &self->spinning);
    assert_int_not_equal(uv_run(&self->loop, UV_RUN_DEFAULT), 0);

    /* Each iteration was one slice, but for the first ones, in which the guest is made and started; what went
     * through the pipe in one iteration arrived in the next. */
    assert_int_equal(self->iterations, 100);
    assert_in_range(self->most_fuel, 100000, 101000);
    assert_in_range(self->fuel, 95 * 100000, 101 * 100000);
    assert_in_range(self->received, 98, 100);

    uv_close((uv_handle_t *)&self->check, NULL);
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&self->pipe[i], NULL);
    end_forever(self, self->task, &self->spinning);
}

static void count_iterations(uv_check_t *check) {
    (*(int *)check->data)++;
}

/* How many iterations a call with a hundred turns takes. */
static int iterations_of_a_hundred_turns(fixture *self) {
    int iterations = 0;
    uv_check_t check = {.data = &iterations};
    uv_check_init(&self->loop, &check);
    uv_check_start(&check, count_iterations);
    uv_unref((uv_handle_t *)&check);
    char commands[1000] = "";
    for (int i = 0; i < 100; i++) strcat(commands, "yield\n");
    call_end ending = {0, 0, NULL};
    start(self->runtime, self->actor, strcat(commands, "answer 1"), &ending);
    run(self);
    expect_ending(&ending, WPLUG_OK);
    uv_close((uv_handle_t *)&check, NULL);
    run(self);
    return iterations;
}

static void the_budget_says_how_much_runs_in_one_iteration(void **state) {
    FIXTURE;
    attach_slice_by_slice(self);
    assert_in_range(iterations_of_a_hundred_turns(self), 100, 110);
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    wplug_uv_options options;
    wplug_uv_options_init(&options);
    options.budget_ns = UINT64_MAX;
    self->attachment = attach(&self->loop, self->runtime, &options);
    assert_in_range(iterations_of_a_hundred_turns(self), 1, 5);
}

static void two_runtimes_share_a_loop(void **state) {
    FIXTURE;
    wplug_runtime *other = new_runtime();
    wplug_uv *attachment = attach(&self->loop, other, NULL);
    call_end forever = {0, 0, NULL}, endings[20] = {{0, 0, NULL}};
    wplug_task task = start_forever(self, "spin", &forever);
    for (int i = 0; i < 20; i++) start(other, self->actor, "sleep 1\nanswer 1", &endings[i]);
    while (wplug_runtime_task_count(other) > 0) assert_int_not_equal(uv_run(&self->loop, UV_RUN_ONCE), 0);
    for (int i = 0; i < 20; i++) expect_ending(&endings[i], WPLUG_OK);
    assert_int_equal(forever.count, 0);
    assert_int_equal(wplug_uv_detach(attachment, NULL, NULL), WPLUG_OK);
    assert_int_equal(wplug_runtime_free(other), WPLUG_OK);
    end_forever(self, task, &forever);
}

/* ---- Detaching ---- */

static void count_detached(void *user) {
    fixture *self = user;
    self->detached++;
}

static void keep_request(void *user, wplug_request *request) {
    fixture *self = user;
    self->kept = wplug_request_retain(request);
}

static void calls_in_flight_survive_detaching(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "keep", keep_request, self);
    call_end endings[3] = {{0, 0, NULL}};
    start_forever(self, "ask keep 1\nwait\nanswer 1", &endings[0]);
    start_forever(self, "sleep 20\nanswer 2", &endings[1]);
    wplug_task spinning = start_forever(self, "spin", &endings[2]);
    while (self->kept == NULL) uv_run(&self->loop, UV_RUN_NOWAIT);
    assert_int_equal(wplug_uv_detach(self->attachment, count_detached, self), WPLUG_OK);
    assert_int_equal(wplug_uv_detach(self->attachment, count_detached, self), WPLUG_MISUSE);
    assert_int_equal(self->detached, 0);
    run(self); /* nothing but the handles' end is left in the loop */
    assert_int_equal(self->detached, 1);
    assert_int_equal(wplug_runtime_task_count(self->runtime), 3 - (size_t)endings[1].count);

    assert_int_equal(wplug_request_result(self->kept, "1"), WPLUG_OK);
    wplug_request_release(self->kept);
    self->attachment = attach(&self->loop, self->runtime, NULL);
    while (wplug_runtime_task_count(self->runtime) > 1) uv_run(&self->loop, UV_RUN_ONCE);
    expect_ending(&endings[0], WPLUG_OK);
    expect_ending(&endings[1], WPLUG_OK);
    end_forever(self, spinning, &endings[2]);
}

static void a_runtime_may_be_freed_as_soon_as_it_is_detached(void **state) {
    FIXTURE;
    call_end ending = {0, 0, NULL};
    start_forever(self, "sleep 100000\nanswer 1", &ending);
    uv_run(&self->loop, UV_RUN_NOWAIT);
    assert_int_equal(wplug_uv_detach(self->attachment, count_detached, self), WPLUG_OK);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    expect_ending(&ending, WPLUG_CANCELLED);
    run(self);
    assert_int_equal(self->detached, 1);
    self->runtime = new_runtime();
    self->attachment = attach(&self->loop, self->runtime, NULL);
}

static void detach_now(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_uv_detach(self->attachment, count_detached, self), WPLUG_OK);
    wplug_request_result(request, "1");
}

static void a_callback_of_the_runtime_may_detach_it(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "detach", detach_now, self);
    call_end ending = {0, 0, NULL};
    start(self->runtime, self->actor, "ask detach 1\nwait\nsleep 1\nanswer 1", &ending);
    run(self);
    assert_int_equal(self->detached, 1);
    assert_int_equal(ending.count, 0);
    assert_int_equal(wplug_runtime_run(self->runtime), WPLUG_OK); /* by hand, then */
    expect_ending(&ending, WPLUG_OK);
    self->attachment = attach(&self->loop, self->runtime, NULL);
}

static void a_loop_that_waits_for_an_answer_ends_with_the_attachment(void **state) {
    FIXTURE;
    wplug_runtime_set_method(self->runtime, "keep", keep_request, self);
    call_end ending = {0, 0, NULL};
    wplug_task task = start_forever(self, "ask keep 1\nwait\nanswer 1", &ending);
    while (self->kept == NULL) uv_run(&self->loop, UV_RUN_NOWAIT);
    /* Nobody answers; the loop has to stay for whoever might. */
    for (int i = 0; i < 10; i++) assert_int_not_equal(uv_run(&self->loop, UV_RUN_NOWAIT), 0);
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    run(self);
    self->attachment = attach(&self->loop, self->runtime, NULL);
    wplug_request *kept = self->kept;
    end_forever(self, task, &ending);
    wplug_request_release(kept);
}

/* ---- Errors ---- */

static void memory_comes_from_the_allocator_and_goes_back(void **state) {
    meter heap = {.fail_at = 1};
    wplug_allocator allocator = {metered_resize, &heap};
    wplug_uv_options options;
    wplug_uv_options_init(&options);
    options.allocator = &allocator;
    uv_loop_t loop;
    uv_loop_init(&loop);
    wplug_runtime *runtime = new_runtime();
    wplug_uv *attachment = (wplug_uv *)&heap;
    wplug_error error;
    assert_int_equal(wplug_uv_attach(&loop, runtime, &options, &attachment, &error), WPLUG_NO_MEMORY);
    assert_null(attachment);
    assert_int_equal(error.status, WPLUG_NO_MEMORY);
    expect_contains(error.message, "memory");
    assert_int_equal(heap.count, 1);
    assert_int_equal(uv_loop_close(&loop), 0); /* it left no handle */

    uv_loop_init(&loop);
    attachment = attach(&loop, runtime, &options);
    assert_int_equal(heap.blocks, 1);
    assert_int_equal(wplug_uv_detach(attachment, NULL, NULL), WPLUG_OK);
    assert_int_equal(heap.blocks, 1); /* libuv still holds the handles */
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(heap.blocks, 0);
    assert_int_equal(heap.bytes, 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
}

static void expect_misuse(uv_loop_t *loop, wplug_runtime *runtime, const wplug_uv_options *options,
                          const char *message) {
    wplug_uv *attachment = (wplug_uv *)loop;
    wplug_error error;
    assert_int_equal(wplug_uv_attach(loop, runtime, options, &attachment, &error), WPLUG_MISUSE);
    assert_null(attachment);
    assert_int_equal(error.status, WPLUG_MISUSE);
    expect_contains(error.message, message);
}

static void misuse_is_told(void **state) {
    FIXTURE;
    wplug_uv_options options = {.budget_ns = 5};
    expect_misuse(NULL, self->runtime, NULL, "loop");
    expect_misuse(&self->loop, NULL, NULL, "runtime");
    expect_misuse(&self->loop, self->runtime, &options, "init");
    assert_int_equal(wplug_uv_attach(&self->loop, self->runtime, NULL, NULL, NULL), WPLUG_MISUSE);
    assert_int_equal(wplug_uv_detach(NULL, NULL, NULL), WPLUG_OK);
    assert_int_equal(wplug_uv_status(NULL), WPLUG_MISUSE);
}

static void options_of_an_older_header_get_defaults(void **state) {
    FIXTURE;
    wplug_uv_options options;
    memset(&options, 0xFF, sizeof options);
    wplug_uv_options_init_sized(&options, offsetof(wplug_uv_options, budget_ns));
    assert_int_equal(options.budget_ns, UINT64_MAX); /* not part of that struct */
    assert_int_equal(wplug_uv_detach(self->attachment, NULL, NULL), WPLUG_OK);
    self->attachment = attach(&self->loop, self->runtime, &options);
    self->task = start_forever(self, "spin", &self->spinning);
    /* With the budget that is not there the first step would never end. */
    uv_run(&self->loop, UV_RUN_NOWAIT);
    end_forever(self, self->task, &self->spinning);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(calls_complete_and_then_the_loop_ends),
        TEST(a_loop_ends_when_an_attached_runtime_has_nothing_to_do),
        TEST(calls_started_before_the_runtime_is_attached_run),
        TEST(calls_started_in_callbacks_of_the_loop_run),
        TEST(sleeps_end_in_the_order_of_their_times),
        TEST(answers_from_another_thread_wake_the_loop),
        TEST(a_loop_on_a_wrong_thread_is_told),
        TEST(a_guest_that_computes_for_ever_leaves_the_loop_its_turns),
        TEST(the_budget_says_how_much_runs_in_one_iteration),
        TEST(two_runtimes_share_a_loop),
        TEST(calls_in_flight_survive_detaching),
        TEST(a_runtime_may_be_freed_as_soon_as_it_is_detached),
        TEST(a_callback_of_the_runtime_may_detach_it),
        TEST(a_loop_that_waits_for_an_answer_ends_with_the_attachment),
        cmocka_unit_test(memory_comes_from_the_allocator_and_goes_back),
        TEST(misuse_is_told),
        TEST(options_of_an_older_header_get_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
