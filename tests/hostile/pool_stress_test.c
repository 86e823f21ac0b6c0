/* A pool under everything at once: threads that start and cancel calls, threads that answer host methods, handles of the
 * plugin that come and go meanwhile, a shutdown in the middle. Every call that was started ends exactly once, whatever
 * happened, and nothing is left behind. The order of things is the system's; what is tried is drawn from a seed. */
#include "helper.h"
#include "meter.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { STARTERS = 3, CALLS = 40, ROUNDS = 24, WAITING = STARTERS * CALLS * 2 };

typedef struct stress {
    wplug_pool *pool;
    wplug_plugin *actor;
    atomic_uint seed;
    atomic_int tried, started, ended, cancelled;
    atomic_bool is_over;
    pthread_mutex_t lock;
    wplug_request *waiting[WAITING];
    int waiting_count;
    meter memory; /* the pool's and the plugin's */
} stress;

static uint32_t next_random(uint32_t *random) {
    *random = *random * 1664525 + 1013904223;
    return *random >> 8;
}

static void keep(void *user, wplug_request *request) {
    stress *self = user;
    pthread_mutex_lock(&self->lock);
    if (self->waiting_count < WAITING) self->waiting[self->waiting_count++] = wplug_request_retain(request);
    pthread_mutex_unlock(&self->lock);
}

static void answer_from_inner(void *user, wplug_task task, wplug_result *result) {
    wplug_request_result(user, result->status == WPLUG_OK ? result->json : "null");
    wplug_request_release(user);
}

static void start_inner(void *user, wplug_request *request) {
    wplug_runtime *runtime = wplug_request_runtime(request);
    wplug_request_retain(request);
    wplug_plugin *actor = wplug_plugin_retain(wplug_request_plugin(request));
    assert_non_null(actor);
    if (wplug_call_start(runtime, actor, "act", "\"sleep 1\\nanswer 1\"", NULL, answer_from_inner, request,
                         NULL, NULL) != WPLUG_OK)
        wplug_request_release(request);
    wplug_plugin_release(actor);
}

static void call_inner(void *user, wplug_request *request) {
    stress *self = user;
    wplug_status status = wplug_pool_call(self->pool, wplug_request_plugin(request), "act",
                                          "\"yield\\nanswer 1\"", NULL, NULL, NULL);
    if (status == WPLUG_OK) wplug_request_result(request, "1");
}

static wplug_status start_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    wplug_runtime_set_method(runtime, "keep", keep, user);
    wplug_runtime_set_method(runtime, "call", call_inner, user);
    return wplug_runtime_set_method(runtime, "start", start_inner, user);
}

static void count_end(void *user, wplug_task task, wplug_result *result) {
    stress *self = user;
    atomic_fetch_add(&self->ended, 1);
    if (result->status == WPLUG_CANCELLED) atomic_fetch_add(&self->cancelled, 1);
}

static void start_one(stress *self, uint32_t *random, wplug_task *task) {
    static const char *const scripts[] = {
        "answer 1",
        "ask echo 1\nwait\nanswer 1",
        "ask keep 1\nask keep 2\nwait\nwait\nanswer 1",
        "ask start 1\nwait\nanswer 1",
        "ask call 1\nwait\nanswer 1",
        "sleep 1\nanswer 1",
        "trap",
        "spin",
    };
    char *params = script(scripts[next_random(random) % 8]);
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 3000000;
    /* Some run out of time, in the queue too, where others cancel them at the same moment. */
    if (next_random(random) % 3 == 0) limits.time_ns = 1 + next_random(random) % 500000;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    options.priority = (int)(next_random(random) % 5) - 2;
    *task = 0;
    wplug_status status =
        wplug_pool_call_start(self->pool, self->actor, "act", params, &options, count_end, self, task, NULL);
    free(params);
    if (status == WPLUG_OK)
        atomic_fetch_add(&self->started, 1);
    else
        assert_true(status == WPLUG_BUSY || status == WPLUG_GONE);
    atomic_fetch_add(&self->tried, 1);
    if (status == WPLUG_BUSY) sched_yield();
}

static void *start_many(void *user) {
    stress *self = user;
    uint32_t random = atomic_fetch_add(&self->seed, 77);
    wplug_task tasks[CALLS];
    for (int i = 0; i < CALLS; i++) {
        start_one(self, &random, &tasks[i]);
        if (next_random(&random) % 3 == 0) {
            wplug_status status =
                wplug_pool_cancel(self->pool, tasks[next_random(&random) % (unsigned)(i + 1)]);
            assert_true(status == WPLUG_OK || status == WPLUG_GONE);
        }
    }
    wplug_plugin_release(self->actor);
    return NULL;
}

static wplug_request *take_waiting(stress *self) {
    pthread_mutex_lock(&self->lock);
    wplug_request *request = self->waiting_count > 0 ? self->waiting[--self->waiting_count] : NULL;
    pthread_mutex_unlock(&self->lock);
    return request;
}

/* Answers, or drops, what was kept, until there is nothing more to come. */
static void *answer_many(void *user) {
    stress *self = user;
    uint32_t random = atomic_fetch_add(&self->seed, 77);
    for (;;) {
        bool is_over = self->is_over;
        wplug_request *request = take_waiting(self);
        if (!request && is_over) return NULL;
        if (!request) {
            sched_yield();
            continue;
        }
        /* Nobody else may have a handle any more. */
        wplug_plugin *actor = wplug_plugin_retain(wplug_request_plugin(request));
        assert_non_null(actor);
        if (next_random(&random) % 4) wplug_request_result(request, "[1]");
        wplug_request_release(request);
        wplug_plugin_release(actor);
    }
}

static void run_round(uint32_t seed) {
    static stress self;
    memset(&self, 0, sizeof self);
    uint32_t random = seed;
    self.seed = seed;
    pthread_mutex_init(&self.lock, NULL);
    wplug_allocator allocator = {metered_resize, &self.memory};
    wplug_plugin_options plugin;
    wplug_plugin_options_init(&plugin);
    plugin.allocator = &allocator;
    self.actor =
        load(ACTOR, &plugin); /* anew, so that threads translate the same functions at the same time */
    wplug_runtime_options runtime;
    wplug_runtime_options_init(&runtime);
    runtime.allocator = &allocator;
    wplug_pool_options options;
    wplug_pool_options_init(&options);
    options.runtime = &runtime;
    options.threads = 1 + next_random(&random) % 3;
    options.queue_capacity = 4 + next_random(&random) % 100;
    options.calls_per_thread = 1 + next_random(&random) % 40;
    options.start = start_thread;
    options.thread_user = &self;
    options.dispatch = next_random(&random) % 2;
    assert_int_equal(wplug_pool_new(&options, &self.pool, NULL), WPLUG_OK);
    pthread_t starters[STARTERS], answerers[2];
    for (int i = 0; i < STARTERS; i++) {
        wplug_plugin_retain(self.actor); /* for the thread */
        pthread_create(&starters[i], NULL, start_many, &self);
    }
    wplug_plugin_release(self.actor);
    for (int i = 0; i < 2; i++) pthread_create(&answerers[i], NULL, answer_many, &self);
    /* A third of the rounds runs to its end; the others are shut down while calls are started, some of them twice. */
    bool to_the_end = next_random(&random) % 3 == 0, drains = next_random(&random) % 2;
    int least = (int)(next_random(&random) % (STARTERS * CALLS / 2));
    while (!to_the_end && self.ended < least && self.tried < STARTERS * CALLS) {
        if (options.dispatch) wplug_pool_dispatch(self.pool);
        wplug_stats stats = {.size = sizeof stats};
        assert_int_equal(wplug_pool_stats(self.pool, &stats), WPLUG_OK);
        sched_yield();
    }
    if (!to_the_end) assert_int_equal(wplug_pool_shutdown(self.pool, drains), WPLUG_OK);
    for (int i = 0; i < STARTERS; i++) pthread_join(starters[i], NULL);
    assert_int_equal(wplug_pool_shutdown(self.pool, true), WPLUG_OK);
    wplug_stats stats = {.size = sizeof stats};
    assert_int_equal(wplug_pool_stats(self.pool, &stats), WPLUG_OK);
    assert_true(stats.ended[WPLUG_CANCELLED] >= (uint64_t)self.cancelled);
    assert_int_equal(stats.tasks, 0);
    assert_int_equal(stats.queued, 0);
    uint64_t ended = 0;
    for (int i = 0; i < WPLUG_STATUS_END; i++) ended += stats.ended[i];
    assert_int_equal(ended, stats.started);
    assert_true(ended >= (uint64_t)self.started); /* inner ones besides */
    assert_int_equal(wplug_pool_free(self.pool), WPLUG_OK);
    self.is_over = true;
    for (int i = 0; i < 2; i++) pthread_join(answerers[i], NULL);
    assert_int_equal(self.ended, self.started);
    pthread_mutex_destroy(&self.lock);
    assert_int_equal(self.memory.blocks, 0);
    assert_int_equal(self.memory.bytes, 0);
}

static void every_call_ends_exactly_once(void **state) {
    for (uint32_t seed = 1; seed <= ROUNDS; seed++) run_round(seed * 7919);
}

/* ---- Two reasons to end at the same moment ---- */

enum { DUE_CALLS = 40000, DUE_WINDOW = 64 };

typedef struct due_calls {
    wplug_pool *pool;
    atomic_bool is_over;
    atomic_uint_fast64_t tasks[DUE_WINDOW]; /* the last ones that were started */
    atomic_int ended[DUE_CALLS];
} due_calls;

static void count_one(void *user, wplug_task task, wplug_result *result) {
    atomic_fetch_add((atomic_int *)user, 1);
}

static void *cancel_many(void *user) {
    due_calls *self = user;
    for (unsigned i = 0; !atomic_load(&self->is_over); i++) {
        const wplug_status status = wplug_pool_cancel(self->pool, atomic_load(&self->tasks[i % DUE_WINDOW]));
        assert_true(status == WPLUG_OK || status == WPLUG_GONE);
        for (atomic_int pause = 0; pause < 100; pause++) continue; /* lets the lock go to others */
    }
    return NULL;
}

/* Both workers have their one call, so that all others run out of time in the queue. */
static void a_call_that_is_due_and_cancelled_ends_once(void **state) {
    static due_calls self;
    memset(&self, 0, sizeof self);
    wplug_plugin *actor = load(ACTOR, NULL);
    wplug_pool_options options;
    wplug_pool_options_init(&options);
    options.threads = 2;
    options.calls_per_thread = 1;
    assert_int_equal(wplug_pool_new(&options, &self.pool, NULL), WPLUG_OK);
    atomic_int sleepers = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(wplug_pool_call_start(self.pool, actor, "act", "\"sleep 600000\"", NULL, count_one,
                                               &sleepers, NULL, NULL),
                         WPLUG_OK);
    pthread_t canceller;
    assert_int_equal(pthread_create(&canceller, NULL, cancel_many, &self), 0);
    wplug_limits limits;
    wplug_limits_init(&limits);
    wplug_call_options call;
    wplug_call_options_init(&call);
    call.limits = &limits;
    for (int i = 0; i < DUE_CALLS; i++) {
        wplug_task task;
        wplug_status status;
        limits.time_ns = 1 + (uint64_t)(i % 16) * 20000;
        while ((status = wplug_pool_call_start(self.pool, actor, "act", "\"answer 1\"", &call, count_one,
                                               &self.ended[i], &task, NULL)) == WPLUG_BUSY)
            sched_yield();
        assert_int_equal(status, WPLUG_OK);
        atomic_store(&self.tasks[i % DUE_WINDOW], task);
    }
    atomic_store(&self.is_over, true);
    pthread_join(canceller, NULL);
    assert_int_equal(wplug_pool_shutdown(self.pool, false), WPLUG_OK);
    assert_int_equal(wplug_pool_free(self.pool), WPLUG_OK);
    for (int i = 0; i < DUE_CALLS; i++) assert_int_equal(self.ended[i], 1);
    assert_int_equal(sleepers, 2);
    wplug_plugin_release(actor);
}

/* ---- Memory that runs out ---- */

static void count_done(void *user, wplug_task task, wplug_result *result) {
    assert_true(result->status == WPLUG_OK || result->status == WPLUG_NO_MEMORY ||
                result->status == WPLUG_CANCELLED);
    atomic_fetch_add((atomic_int *)user, 1);
}

/* A pool with three calls, one of them cancelled. False where the pool could not be made. */
static bool use_pool(meter *self, wplug_plugin *actor) {
    wplug_allocator allocator = {metered_resize, self};
    wplug_runtime_options runtime;
    wplug_runtime_options_init(&runtime);
    runtime.allocator = &allocator;
    wplug_pool_options options;
    wplug_pool_options_init(&options);
    options.runtime = &runtime;
    options.threads = 2;
    options.dispatch = self->fail_at % 2;
    wplug_pool *pool;
    wplug_status status = wplug_pool_new(&options, &pool, NULL);
    if (status != WPLUG_OK) {
        assert_int_equal(status, WPLUG_NO_MEMORY);
        assert_null(pool);
        return false;
    }
    atomic_int done = 0;
    int started = 0;
    for (int i = 0; i < 3; i++) {
        wplug_task task;
        status = wplug_pool_call_start(pool, actor, "act", "\"sleep 1\\nanswer 1\"", NULL, count_done, &done,
                                       &task, NULL);
        if (status != WPLUG_OK) assert_int_equal(status, WPLUG_NO_MEMORY);
        started += status == WPLUG_OK;
        if (i == 1) wplug_pool_cancel(pool, task);
    }
    wplug_result *result;
    status = wplug_pool_call(pool, actor, "act", "\"answer 1\"", NULL, &result, NULL);
    if (status != WPLUG_OK) assert_int_equal(status, WPLUG_NO_MEMORY);
    wplug_result_release(result);
    assert_int_equal(wplug_pool_shutdown(pool, true), WPLUG_OK);
    assert_int_equal(wplug_pool_free(pool), WPLUG_OK);
    assert_int_equal(done, started);
    return true;
}

static void every_allocation_of_a_pool_fails_in_turn(void **state) {
    wplug_plugin *actor = load(ACTOR, NULL);
    for (int fail_for = 1; fail_for < 100; fail_for += 49) {
        for (long fail_at = 1;; fail_at++) {
            meter self = {.fail_at = fail_at, .fail_for = fail_for};
            bool is_made = use_pool(&self, actor);
            assert_int_equal(self.blocks, 0);
            assert_int_equal(self.bytes, 0);
            if (is_made && self.count < fail_at) break;
        }
    }
    wplug_plugin_release(actor);
}

/* Translated code and the snapshot, which two threads make at the same time. */
static void every_allocation_of_a_plugin_fails_in_turn_while_a_pool_calls_it(void **state) {
    for (long more = 1;; more++) {
        meter self = {.fail_at = 0};
        wplug_allocator allocator = {metered_resize, &self};
        wplug_plugin_options plugin;
        wplug_plugin_options_init(&plugin);
        plugin.allocator = &allocator;
        wplug_plugin *actor = load(ACTOR, &plugin);
        self.fail_at = self.count + more;
        wplug_pool_options options;
        wplug_pool_options_init(&options);
        options.threads = 2;
        wplug_pool *pool;
        assert_int_equal(wplug_pool_new(&options, &pool, NULL), WPLUG_OK);
        atomic_int done = 0;
        for (int i = 0; i < 4; i++) {
            assert_int_equal(wplug_pool_call_start(pool, actor, "act", "\"answer 1\"", NULL, count_done,
                                                   &done, NULL, NULL),
                             WPLUG_OK);
        }
        wplug_plugin_release(actor);
        assert_int_equal(wplug_pool_shutdown(pool, true), WPLUG_OK);
        assert_int_equal(wplug_pool_free(pool), WPLUG_OK);
        assert_int_equal(done, 4);
        assert_int_equal(self.blocks, 0);
        assert_int_equal(self.bytes, 0);
        if (self.count < self.fail_at) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_ends_exactly_once),
        cmocka_unit_test(a_call_that_is_due_and_cancelled_ends_once),
        cmocka_unit_test(every_allocation_of_a_pool_fails_in_turn),
        cmocka_unit_test(every_allocation_of_a_plugin_fails_in_turn_while_a_pool_calls_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
