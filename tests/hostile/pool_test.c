/* Pools: calls from any thread run on the pool's threads, spread over them, bounded, cancelled and shut down wherever they
 * are; completion callbacks come where the program wants them. */
#include "helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { GATES = 4096 };

/* What a pool's host methods share: all of it is used on several threads. */
typedef struct fixture {
    wplug_pool *pool;
    wplug_plugin *actor;
    wplug_runtime *runtimes[16];
    pthread_t threads[16];
    atomic_int started, stopped;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    wplug_request *kept[GATES]; /* by `keep`, for the test to answer */
    int kept_count;
    bool is_open; /* the gate that `block` waits at */
    int at_gate;
    atomic_int wakes;
    pthread_mutex_t log_lock;
    record log;
} fixture;

#define FIXTURE fixture *self = *state

static void keep(void *user, wplug_request *request) {
    fixture *self = user;
    pthread_mutex_lock(&self->lock);
    self->kept[self->kept_count++] = wplug_request_retain(request);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* Keeps its thread until the test opens the gate. */
static void block(void *user, wplug_request *request) {
    fixture *self = user;
    pthread_mutex_lock(&self->lock);
    self->at_gate++;
    pthread_cond_broadcast(&self->changed);
    while (!self->is_open) pthread_cond_wait(&self->changed, &self->lock);
    self->at_gate--;
    pthread_mutex_unlock(&self->lock);
    wplug_request_result(request, "1");
}

static void await(fixture *self, const int *count, int least) {
    pthread_mutex_lock(&self->lock);
    while (*count < least) pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void open_gate(fixture *self) {
    pthread_mutex_lock(&self->lock);
    self->is_open = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void answer_kept(fixture *self, int index) {
    wplug_request_result(self->kept[index], "1");
    wplug_request_release(self->kept[index]);
    self->kept[index] = NULL;
}

/* Which thread runs the call: its number. */
static void tell_thread(void *user, wplug_request *request) {
    fixture *self = user;
    char json[16];
    int thread = 0;
    while (!pthread_equal(self->threads[thread], pthread_self())) thread++;
    assert_ptr_equal(wplug_request_runtime(request), self->runtimes[thread]);
    snprintf(json, sizeof json, "%d", thread);
    wplug_request_result(request, json);
}

static wplug_status start_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    fixture *self = user;
    self->runtimes[thread] = runtime;
    self->threads[thread] = pthread_self();
    wplug_runtime_set_method(runtime, "keep", keep, self);
    wplug_runtime_set_method(runtime, "block", block, self);
    wplug_runtime_set_method(runtime, "thread", tell_thread, self);
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    atomic_fetch_add(&self->started, 1);
    return WPLUG_OK;
}

static void stop_thread(void *user, unsigned thread) {
    fixture *self = user;
    assert_true(pthread_equal(self->threads[thread], pthread_self()));
    atomic_fetch_add(&self->stopped, 1);
}

static wplug_pool_options options_of(fixture *self, unsigned threads) {
    wplug_pool_options options;
    wplug_pool_options_init(&options);
    options.threads = threads;
    options.start = start_thread;
    options.stop = stop_thread;
    options.thread_user = self;
    return options;
}

static void new_pool(fixture *self, const wplug_pool_options *options) {
    wplug_error error;
    if (wplug_pool_new(options, &self->pool, &error) != WPLUG_OK) fail_msg("%s", error.message);
}

static void new_pool_of(fixture *self, unsigned threads) {
    wplug_pool_options options = options_of(self, threads);
    new_pool(self, &options);
}

static int set_up(void **state) {
    fixture *self = calloc(1, sizeof *self);
    self->actor = load(ACTOR, NULL);
    pthread_mutex_init(&self->lock, NULL);
    pthread_mutex_init(&self->log_lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    fixture *self = *state;
    assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
    assert_int_equal(self->started, self->stopped);
    for (int i = 0; i < self->kept_count; i++) wplug_request_release(self->kept[i]);
    wplug_plugin_release(self->actor);
    pthread_mutex_destroy(&self->lock);
    pthread_mutex_destroy(&self->log_lock);
    pthread_cond_destroy(&self->changed);
    free(self);
    return 0;
}

/* ---- Calls that tell when they have ended ---- */

typedef struct ending {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
    wplug_task task;
    wplug_result *result;
    pthread_t thread;
} ending;

static void init_ending(ending *to) {
    memset(to, 0, sizeof *to);
    pthread_mutex_init(&to->lock, NULL);
    pthread_cond_init(&to->changed, NULL);
}

static void note_end(void *user, wplug_task task, wplug_result *result) {
    ending *own = user;
    pthread_mutex_lock(&own->lock);
    own->count++;
    own->task = task;
    wplug_result_release(own->result);
    own->result = wplug_result_retain(result);
    own->thread = pthread_self();
    pthread_cond_broadcast(&own->changed);
    pthread_mutex_unlock(&own->lock);
}

/* Waits for the end, and for it to be this one. */
static void expect_end_of(ending *own, wplug_status status) {
    pthread_mutex_lock(&own->lock);
    while (own->count == 0) pthread_cond_wait(&own->changed, &own->lock);
    pthread_mutex_unlock(&own->lock);
    assert_int_equal(own->count, 1);
    if (own->result->status != status) {
        fail_msg("expected %s, got %s: %s", wplug_status_name(status), wplug_status_name(own->result->status),
                 own->result->message);
    }
    wplug_result_release(own->result);
    pthread_mutex_destroy(&own->lock);
    pthread_cond_destroy(&own->changed);
}

static wplug_status try_call(fixture *self, const wplug_call_options *options, const char *commands,
                             ending *to, wplug_task *task, wplug_error *error) {
    char *params = script(commands);
    init_ending(to);
    wplug_status status =
        wplug_pool_call_start(self->pool, self->actor, "act", params, options, note_end, to, task, error);
    free(params);
    return status;
}

static wplug_task start_in(fixture *self, const wplug_call_options *options, const char *commands,
                           ending *to) {
    wplug_error error;
    wplug_task task;
    if (try_call(self, options, commands, to, &task, &error) != WPLUG_OK) fail_msg("%s", error.message);
    assert_int_not_equal(task, 0);
    return task;
}

static wplug_result *call_in(fixture *self, const char *commands) {
    char *params = script(commands);
    wplug_result *result;
    wplug_error error;
    wplug_status status = wplug_pool_call(self->pool, self->actor, "act", params, NULL, &result, &error);
    free(params);
    if (!result) fail_msg("%s", error.message);
    assert_int_equal(status, result->status);
    return result;
}

static void expect_answer(fixture *self, const char *commands, const char *json) {
    wplug_result *result = call_in(self, commands);
    if (result->status != WPLUG_OK) fail_msg("%s", result->message);
    assert_string_equal(result->json, json);
    wplug_result_release(result);
}

static wplug_stats stats_of(fixture *self) {
    wplug_stats stats = {.size = sizeof stats};
    assert_int_equal(wplug_pool_stats(self->pool, &stats), WPLUG_OK);
    return stats;
}

/* ---- Calls ---- */

static void a_call_runs_on_one_of_the_pools_threads(void **state) {
    FIXTURE;
    new_pool_of(self, 2);
    assert_int_equal(self->started, 2);
    expect_answer(self, "ask echo [1]\nwait\nlast", "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[1]}");
    ending end;
    wplug_task task = start_in(self, NULL, "answer 7", &end);
    pthread_mutex_lock(&end.lock);
    while (end.count == 0) pthread_cond_wait(&end.changed, &end.lock);
    pthread_mutex_unlock(&end.lock);
    assert_int_equal(end.task, task);
    assert_string_equal(end.result->json, "7");
    assert_true(pthread_equal(end.thread, self->threads[0]) || pthread_equal(end.thread, self->threads[1]));
    expect_end_of(&end, WPLUG_OK);
    wplug_result *result = call_in(self, "trap");
    assert_int_equal(result->status, WPLUG_TRAP);
    wplug_result_release(result);
}

static void a_pool_has_as_many_threads_as_there_are_processors(void **state) {
    FIXTURE;
    wplug_error error;
    assert_int_equal(wplug_pool_new(NULL, &self->pool, &error), WPLUG_OK);
    wplug_result *result = call_in(self, "answer 1");
    assert_int_equal(result->status, WPLUG_OK);
    wplug_result_release(result);
}

static void a_thread_that_has_nothing_to_run_takes_the_next_call(void **state) {
    FIXTURE;
    enum { THREADS = 4 };
    new_pool_of(self, THREADS);
    ending ends[THREADS];
    /* Each of these calls keeps its whole thread, so there must be one on each. */
    for (int i = 0; i < THREADS; i++) start_in(self, NULL, "ask block 1\nwait\nanswer 1", &ends[i]);
    await(self, &self->at_gate, THREADS);
    open_gate(self);
    for (int i = 0; i < THREADS; i++) expect_end_of(&ends[i], WPLUG_OK);
}

static void calls_that_wait_keep_no_thread(void **state) {
    FIXTURE;
    enum { CALLS = 500 };
    static ending ends[CALLS];
    new_pool_of(self, 2);
    for (int i = 0; i < CALLS; i++)
        start_in(self, NULL, "ask keep 1\nwait\nask echo 1\nwait\nanswer 1", &ends[i]);
    await(self, &self->kept_count, CALLS);
    expect_answer(self, "answer 3", "3");
    for (int i = CALLS; i-- > 0;) answer_kept(self, i);
    for (int i = 0; i < CALLS; i++) expect_end_of(&ends[i], WPLUG_OK);
    wplug_stats stats = stats_of(self);
    assert_int_equal(stats.ended[WPLUG_OK], CALLS + 1);
    assert_int_equal(stats.started, CALLS + 1);
    assert_int_equal(stats.host_calls, 2 * CALLS);
    assert_int_equal(stats.answer_ns.count, 2 * CALLS);
    assert_int_equal(stats.call_ns.count, CALLS + 1);
    assert_in_range(stats.tasks_high, CALLS / 2, CALLS + 2);
}

static void who_is_busy_takes_calls_beside_its_own(void **state) {
    FIXTURE;
    new_pool_of(self, 1);
    ending forever, other;
    wplug_task task = start_in(self, NULL, "spin", &forever);
    start_in(self, NULL, "ask echo 1\nwait\nanswer 1", &other);
    expect_end_of(&other, WPLUG_OK);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_OK);
    expect_end_of(&forever, WPLUG_CANCELLED);
}

static void the_queue_has_an_end(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.queue_capacity = 3;
    new_pool(self, &options);
    ending blocking, ends[3], refused;
    start_in(self, NULL, "ask block 1\nwait\nanswer 1", &blocking);
    await(self, &self->at_gate, 1);
    for (int i = 0; i < 3; i++) start_in(self, NULL, "answer 1", &ends[i]);
    wplug_error error;
    wplug_task task = 5;
    assert_int_equal(try_call(self, NULL, "answer 1", &refused, &task, &error), WPLUG_BUSY);
    expect_contains(error.message, "3 calls wait");
    assert_int_equal(task, 0);
    wplug_stats stats = stats_of(self);
    assert_int_equal(stats.queued, 3);
    assert_int_equal(stats.queued_high, 3);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(wplug_pool_call(self->pool, self->actor, "act", NULL, NULL, NULL, NULL), WPLUG_BUSY);
    open_gate(self);
    for (int i = 0; i < 3; i++) expect_end_of(&ends[i], WPLUG_OK);
    expect_end_of(&blocking, WPLUG_OK);
    assert_int_equal(refused.count, 0);
    expect_answer(self, "answer 4", "4");
    assert_int_equal(stats_of(self).queued, 0);
}

typedef struct crowd {
    fixture *self;
    atomic_int accepted, refused, ended;
} crowd;

static void count_end(void *user, wplug_task task, wplug_result *result) {
    crowd *all = user;
    assert_int_equal(result->status, WPLUG_OK);
    atomic_fetch_add(&all->ended, 1);
}

static void *start_a_hundred(void *user) {
    crowd *all = user;
    for (int i = 0; i < 100; i++) {
        wplug_status status = wplug_pool_call_start(all->self->pool, all->self->actor, "act", "\"answer 1\"",
                                                    NULL, count_end, all, NULL, NULL);
        assert_true(status == WPLUG_OK || status == WPLUG_BUSY);
        atomic_fetch_add(status == WPLUG_OK ? &all->accepted : &all->refused, 1);
    }
    return NULL;
}

static void the_queue_takes_as_many_as_it_has_places_for_from_many_threads(void **state) {
    FIXTURE;
    enum { THREADS = 4, PLACES = 150 };
    wplug_pool_options options = options_of(self, 1);
    options.queue_capacity = PLACES;
    new_pool(self, &options);
    ending blocking;
    start_in(self, NULL, "ask block 1\nwait\nanswer 1", &blocking);
    await(self, &self->at_gate, 1);
    crowd all = {.self = self};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, start_a_hundred, &all);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(all.accepted, PLACES);
    assert_int_equal(all.refused, THREADS * 100 - PLACES);
    wplug_stats stats = stats_of(self);
    assert_int_equal(stats.queued, PLACES);
    assert_int_equal(stats.queued_high, PLACES);
    assert_int_equal(stats.refused, all.refused);
    open_gate(self);
    expect_end_of(&blocking, WPLUG_OK);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    assert_int_equal(all.ended, PLACES);
    stats = stats_of(self);
    assert_int_equal(stats.started, PLACES + 1);
    assert_int_equal(stats.ended[WPLUG_OK], PLACES + 1);
}

static void note_order(void *user, wplug_task task, wplug_result *result) {
    record *order = user;
    note(order, "%s", result->json); /* one thread runs all of them */
}

static void urgent_calls_leave_the_queue_first(void **state) {
    FIXTURE;
    new_pool_of(self, 1);
    ending blocking;
    record order = {""};
    start_in(self, NULL, "ask block 1\nwait\nanswer 1", &blocking);
    await(self, &self->at_gate, 1);
    static const int priorities[] = {WPLUG_PRIORITY_LOWEST, WPLUG_PRIORITY_NORMAL, WPLUG_PRIORITY_HIGHEST,
                                     WPLUG_PRIORITY_NORMAL, WPLUG_PRIORITY_HIGHEST};
    for (int i = 0; i < 5; i++) {
        wplug_call_options options;
        wplug_call_options_init(&options);
        options.priority = priorities[i];
        char params[32];
        snprintf(params, sizeof params, "\"answer %d\"", i);
        assert_int_equal(wplug_pool_call_start(self->pool, self->actor, "act", params, &options, note_order,
                                               &order, NULL, NULL),
                         WPLUG_OK);
    }
    open_gate(self);
    expect_end_of(&blocking, WPLUG_OK);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    assert_string_equal(order.text, "24130");
}

static void what_is_wrong_with_a_call_is_told_at_once(void **state) {
    FIXTURE;
    new_pool_of(self, 1);
    wplug_error error;
    wplug_task task = 5;
    wplug_call_options none = {0}, options;
    assert_int_equal(
        wplug_pool_call_start(self->pool, self->actor, "act", "{", NULL, NULL, NULL, &task, &error),
        WPLUG_BAD_JSON);
    assert_int_equal(task, 0);
    assert_int_equal(
        wplug_pool_call_start(self->pool, self->actor, NULL, NULL, NULL, NULL, NULL, NULL, &error),
        WPLUG_MISUSE);
    expect_contains(error.message, "method is NULL");
    assert_int_equal(wplug_pool_call_start(self->pool, NULL, "act", NULL, NULL, NULL, NULL, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "plugin is NULL");
    assert_int_equal(
        wplug_pool_call_start(self->pool, self->actor, "act", NULL, &none, NULL, NULL, NULL, &error),
        WPLUG_MISUSE);
    wplug_call_options_init(&options);
    options.priority = 7;
    assert_int_equal(wplug_pool_call(self->pool, self->actor, "act", NULL, &options, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "priority is 7");
    assert_int_equal(wplug_pool_call_start(NULL, self->actor, "act", NULL, NULL, NULL, NULL, NULL, &error),
                     WPLUG_MISUSE);
    expect_contains(error.message, "pool is NULL");
    assert_int_equal(wplug_pool_call(NULL, self->actor, "act", NULL, NULL, NULL, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_cancel(NULL, 1), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_cancel(self->pool, 0), WPLUG_GONE);
    assert_int_equal(wplug_pool_cancel(self->pool, UINT64_MAX), WPLUG_GONE);
    assert_int_equal(wplug_pool_dispatch(NULL), 0);
    assert_int_equal(wplug_pool_dispatch(self->pool), 0);
    assert_int_equal(wplug_pool_shutdown(NULL, true), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_free(NULL), WPLUG_OK);
    assert_int_equal(wplug_pool_stats(self->pool, NULL), WPLUG_MISUSE);
    wplug_stats stats = {.size = 0};
    assert_int_equal(wplug_pool_stats(self->pool, &stats), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_new(NULL, NULL, &error), WPLUG_MISUSE);
    wplug_pool_options empty = {.size = 0};
    wplug_pool *pool;
    assert_int_equal(wplug_pool_new(&empty, &pool, &error), WPLUG_MISUSE);
    assert_null(pool);
    expect_contains(error.message, "wplug_pool_options_init");
    assert_int_equal(stats_of(self).queued_high, 0);
}

static wplug_status fail_on_second(void *user, wplug_runtime *runtime, unsigned thread) {
    atomic_fetch_add((atomic_int *)user, 1);
    return thread == 1 ? WPLUG_NOT_FOUND : WPLUG_OK;
}

static void count_stop(void *user, unsigned thread) {
    atomic_fetch_sub((atomic_int *)user, 1);
}

static void a_thread_that_cannot_be_set_up_makes_no_pool(void **state) {
    FIXTURE;
    atomic_int running = 0;
    wplug_pool_options options = options_of(self, 3);
    options.start = fail_on_second;
    options.stop = count_stop;
    options.thread_user = &running;
    wplug_error error;
    assert_int_equal(wplug_pool_new(&options, &self->pool, &error), WPLUG_NOT_FOUND);
    assert_null(self->pool);
    expect_contains(error.message, "thread 1");
    assert_int_equal(running, 1); /* the one that failed was not stopped, the others were */
}

/* ---- Host methods and callbacks ---- */

static void call_the_pool(void *user, wplug_request *request) {
    fixture *self = user;
    wplug_result *result = call_in(self, "ask thread 1\nwait\nlast");
    /* On this very thread, or it could wait for itself. */
    char json[64];
    int thread = 0;
    while (!pthread_equal(self->threads[thread], pthread_self())) thread++;
    snprintf(json, sizeof json, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%d}", thread);
    assert_string_equal(result->json, json);
    wplug_result_release(result);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_free(self->pool), WPLUG_MISUSE);
    wplug_request_result(request, "1");
}

static void answer_with_result(void *user, wplug_task task, wplug_result *result) {
    wplug_request_result(user, result->json);
    wplug_request_release(user);
}

static void start_in_pool(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_pool_call_start(self->pool, self->actor, "act", "\"answer 8\"", NULL,
                                           answer_with_result, wplug_request_retain(request), NULL, NULL),
                     WPLUG_OK);
}

static void start_here(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_call_start(wplug_request_runtime(request), self->actor, "act", "\"answer 9\"",
                                      NULL, answer_with_result, wplug_request_retain(request), NULL, NULL),
                     WPLUG_OK);
}

static wplug_status start_calling_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    wplug_runtime_set_method(runtime, "block pool", call_the_pool, user);
    wplug_runtime_set_method(runtime, "start in pool", start_in_pool, user);
    return wplug_runtime_set_method(runtime, "start here", start_here, user);
}

#define ASK(method) "out {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"" method "\"}\nwait\nlast"
#define ANSWER(x)   "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":" x "}"

static void host_methods_may_call_the_pool_and_their_own_runtime(void **state) {
    FIXTURE;
    for (unsigned threads = 1; threads <= 2; threads++) {
        wplug_pool_options options = options_of(self, threads);
        options.start = start_calling_thread;
        new_pool(self, &options);
        for (int i = 0; i < 5; i++) {
            expect_answer(self, ASK("block pool"), ANSWER("1"));
            expect_answer(self, ASK("start in pool"), ANSWER("8"));
            expect_answer(self, ASK("start here"), ANSWER("9"));
        }
        if (threads == 1) assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
    }
}

/* Calls that start each other in their completion callbacks, on threads that take one call at a time. */
typedef struct chain {
    fixture *self;
    wplug_plugin *plugin; /* a handle of its own */
    int left;
    wplug_task task;
} chain;

static void start_next(chain *own);

static void end_of_link(void *user, wplug_task task, wplug_result *result) {
    chain *own = user;
    fixture *self = own->self;
    assert_int_equal(result->status, WPLUG_OK);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_GONE);
    int thread = 0;
    while (!pthread_equal(self->threads[thread], pthread_self())) thread++;
    wplug_runtime *runtime = self->runtimes[thread];
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(runtime, task, &info), WPLUG_GONE);
    assert_int_equal(wplug_task_cancel(runtime, task), WPLUG_GONE);
    /* Steps the runtime inside of the callback, and so looks at the pool. */
    if (own->left % 3 == 0) expect_answer(self, "ask echo 1\nwait\nsleep 1\nanswer 5", "5");
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_GONE);
    start_next(own);
}

static void start_next(chain *own) {
    fixture *self = own->self;
    wplug_plugin *plugin = own->plugin;
    if (own->left-- > 0) {
        own->plugin = wplug_plugin_retain(plugin);
        assert_int_equal(wplug_pool_call_start(self->pool, plugin, "act", "\"answer 1\"", NULL, end_of_link,
                                               own, &own->task, NULL),
                         WPLUG_OK);
    } else {
        pthread_mutex_lock(&self->lock);
        self->at_gate++;
        pthread_cond_broadcast(&self->changed);
        pthread_mutex_unlock(&self->lock);
    }
    wplug_plugin_release(plugin);
}

static void completion_callbacks_may_start_calls_and_wait_for_some(void **state) {
    FIXTURE;
    enum { CHAINS = 6, LINKS = 40 };
    for (unsigned threads = 1; threads <= 3; threads++) {
        wplug_pool_options options = options_of(self, threads);
        options.calls_per_thread = 1;
        new_pool(self, &options);
        chain chains[CHAINS];
        self->at_gate = 0;
        for (int i = 0; i < CHAINS; i++) {
            chains[i] = (chain){self, wplug_plugin_retain(self->actor), LINKS, 0};
            start_next(&chains[i]);
        }
        await(self, &self->at_gate, CHAINS);
        assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
        assert_int_equal(stats_of(self).queued, 0);
        assert_int_equal(stats_of(self).ended[WPLUG_OK], stats_of(self).started);
        if (threads < 3) assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
    }
}

static void a_pool_may_be_freed_as_soon_as_the_last_call_has_returned(void **state) {
    FIXTURE;
    for (int i = 0; i < 30; i++) {
        wplug_pool_options options = options_of(self, 1 + (unsigned)i % 3);
        options.dispatch = i % 2;
        new_pool(self, &options);
        expect_answer(self, "answer 1", "1");
        assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
        self->pool = NULL;
    }
}

static void trace_task(void *user, const wplug_trace *message) {
    fixture *self = user;
    pthread_mutex_lock(&self->log_lock);
    note(&self->log, "%llx %s %.*s\n", (unsigned long long)message->task, message->to_plugin ? "<" : ">",
         (int)message->text_size, message->text);
    pthread_mutex_unlock(&self->log_lock);
}

static void log_task(void *user, const wplug_log *line) {
    fixture *self = user;
    pthread_mutex_lock(&self->log_lock);
    note(&self->log, "%llx %s\n", (unsigned long long)line->task, line->text);
    pthread_mutex_unlock(&self->log_lock);
}

static wplug_status start_traced_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    wplug_runtime_set_log(runtime, log_task, user);
    return wplug_runtime_set_trace(runtime, trace_task, user);
}

static void logs_and_traces_name_the_pools_task(void **state) {
    FIXTURE;
    enum { CALLS = 8 };
    wplug_pool_options options = options_of(self, 2);
    options.start = start_traced_thread;
    new_pool(self, &options);
    ending ends[CALLS];
    wplug_task tasks[CALLS];
    char commands[64], line[128];
    for (int i = 0; i < CALLS; i++) {
        snprintf(commands, sizeof commands, "err hello\nanswer %d", i);
        tasks[i] = start_in(self, NULL, commands, &ends[i]);
        for (int j = 0; j < i; j++) assert_int_not_equal(tasks[i], tasks[j]);
    }
    for (int i = 0; i < CALLS; i++) expect_end_of(&ends[i], WPLUG_OK);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    for (int i = 0; i < CALLS; i++) {
        unsigned long long id = tasks[i];
        snprintf(line, sizeof line, "%llx < {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"act\"", id);
        expect_contains(self->log.text, line);
        snprintf(line, sizeof line, "%llx > {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%d}\n", id, i);
        expect_contains(self->log.text, line);
        snprintf(line, sizeof line, "%llx hello\n", id);
        expect_contains(self->log.text, line);
    }
}

static void look_and_cancel(void *user, wplug_request *request) {
    wplug_runtime *runtime = wplug_request_runtime(request);
    wplug_task_info info = {.size = sizeof info};
    wplug_task task = wplug_request_task(request);
    assert_int_equal(wplug_task_inspect(runtime, task, &info), WPLUG_OK);
    assert_int_equal(info.host_calls, 1);
    assert_int_equal(wplug_task_cancel(runtime, task), WPLUG_OK);
    assert_int_equal(wplug_task_cancel(runtime, task), WPLUG_GONE);
}

static wplug_status start_looking_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    return wplug_runtime_set_method(runtime, "look", look_and_cancel, user);
}

static void a_host_method_may_look_at_the_pools_task(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.start = start_looking_thread;
    new_pool(self, &options);
    ending end;
    start_in(self, NULL, "ask look 1\nwait\nanswer 1", &end);
    expect_end_of(&end, WPLUG_CANCELLED);
}

/* ---- Dispatching ---- */

static void count_wake(void *user) {
    fixture *self = user;
    pthread_mutex_lock(&self->lock);
    atomic_fetch_add(&self->wakes, 1);
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void await_wakes(fixture *self, int least) {
    pthread_mutex_lock(&self->lock);
    while (self->wakes < least) pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void misuse_in_dispatch(void *user, wplug_task task, wplug_result *result) {
    fixture *self = user;
    assert_int_equal(wplug_pool_free(self->pool), WPLUG_MISUSE);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_GONE);
    expect_answer(self, "answer 5", "5"); /* a call that is waited for needs no dispatching */
}

static void completion_callbacks_run_where_they_are_dispatched(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 2);
    options.dispatch = true;
    options.wake = count_wake;
    options.wake_user = self;
    new_pool(self, &options);
    ending ends[3];
    start_in(self, NULL, "answer 1", &ends[0]);
    await_wakes(self, 1);
    start_in(self, NULL, "answer 1", &ends[1]);
    expect_answer(self, "answer 2", "2");
    while (stats_of(self).ended[WPLUG_OK] < 3) sched_yield();
    assert_int_equal(ends[0].count + ends[1].count, 0);
    assert_int_equal(self->wakes, 1); /* once until it is dispatched */
    size_t count = 0;
    while (count < 2) count += wplug_pool_dispatch(self->pool);
    assert_int_equal(count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(pthread_equal(ends[i].thread, pthread_self()));
        expect_end_of(&ends[i], WPLUG_OK);
    }
    assert_int_equal(wplug_pool_call_start(self->pool, self->actor, "act", "\"answer 1\"", NULL,
                                           misuse_in_dispatch, self, NULL, NULL),
                     WPLUG_OK);
    while (wplug_pool_dispatch(self->pool) == 0) sched_yield();
    /* What nobody dispatched runs when the pool is freed. */
    start_in(self, NULL, "answer 1", &ends[2]);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    assert_int_equal(ends[2].count, 0);
    assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
    self->pool = NULL;
    expect_end_of(&ends[2], WPLUG_OK);
}

/* ---- Cancelling and deadlines ---- */

static void cancel_ends_a_call_wherever_it_is(void **state) {
    FIXTURE;
    new_pool_of(self, 2);
    ending ends[5];
    wplug_task tasks[5];
    static const char *const scripts[] = {"spin", "sleep 3600000", "ask keep 1\nwait"};
    for (int i = 0; i < 3; i++) tasks[i] = start_in(self, NULL, scripts[i], &ends[i]);
    await(self, &self->kept_count, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wplug_pool_cancel(self->pool, tasks[i]), WPLUG_OK);
        expect_end_of(&ends[i], WPLUG_CANCELLED);
        assert_int_equal(wplug_pool_cancel(self->pool, tasks[i]), WPLUG_GONE);
    }
    /* In the queue, while all threads are kept. */
    for (int i = 3; i < 5; i++) start_in(self, NULL, "ask block 1\nwait\nanswer 1", &ends[i]);
    await(self, &self->at_gate, 2);
    ending queued;
    wplug_task task = start_in(self, NULL, "answer 1", &queued);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_OK);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_GONE);
    assert_int_equal(stats_of(self).queued, 0);
    open_gate(self);
    expect_end_of(&queued, WPLUG_CANCELLED);
    for (int i = 3; i < 5; i++) expect_end_of(&ends[i], WPLUG_OK);
    assert_int_equal(stats_of(self).ended[WPLUG_CANCELLED], 4);
}

static void call_one_that_keeps(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_call(wplug_request_runtime(request), self->actor, "act",
                                "\"ask keep 1\\nwait\\nanswer 1\"", NULL, NULL, NULL),
                     WPLUG_OK);
    wplug_request_result(request, "1");
}

static wplug_status start_nesting_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    return wplug_runtime_set_method(runtime, "nest", call_one_that_keeps, user);
}

static void a_call_is_cancelled_while_its_thread_waits_inside_a_callback(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.start = start_nesting_thread;
    new_pool(self, &options);
    ending sleeper, outer, queued;
    wplug_task asleep = start_in(self, NULL, "sleep 3600000", &sleeper);
    wplug_task calling = start_in(self, NULL, "ask nest 1\nwait\nanswer 1", &outer);
    await(self, &self->kept_count, 1); /* the inner call's */
    assert_int_equal(wplug_pool_cancel(self->pool, asleep), WPLUG_OK);
    expect_end_of(&sleeper, WPLUG_CANCELLED);
    /* The thread takes no further call in there, but ends those that may not wait for it. */
    wplug_task task = start_in(self, NULL, "answer 1", &queued);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_OK);
    expect_end_of(&queued, WPLUG_CANCELLED);
    /* The call whose host method is on the stack ends as soon as that has returned. */
    assert_int_equal(wplug_pool_cancel(self->pool, calling), WPLUG_OK);
    answer_kept(self, 0);
    expect_end_of(&outer, WPLUG_CANCELLED);
}

static void a_time_limit_counts_in_the_queue(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.calls_per_thread = 1;
    new_pool(self, &options);
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = 20000000;
    wplug_call_options call;
    wplug_call_options_init(&call);
    call.limits = &limits;
    /* The thread waits for a host method, and may have no other call. */
    ending waiting, queued;
    start_in(self, NULL, "ask keep 1\nwait\nanswer 1", &waiting);
    await(self, &self->kept_count, 1);
    start_in(self, &call, "answer 1", &queued);
    expect_end_of(&queued, WPLUG_TIME_LIMIT);
    assert_int_equal(waiting.count, 0);
    /* And cancelling needs no free place either. */
    wplug_task task = start_in(self, NULL, "answer 1", &queued);
    assert_int_equal(wplug_pool_cancel(self->pool, task), WPLUG_OK);
    expect_end_of(&queued, WPLUG_CANCELLED);
    start_in(self, NULL, "answer 1", &queued);
    answer_kept(self, 0);
    expect_end_of(&waiting, WPLUG_OK);
    expect_end_of(&queued, WPLUG_OK);
}

static void keep_by_thread(void *user, wplug_request *request) {
    fixture *self = user;
    int thread = 0;
    while (!pthread_equal(self->threads[thread], pthread_self())) thread++;
    pthread_mutex_lock(&self->lock);
    self->kept[thread] = wplug_request_retain(request);
    self->kept_count++;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static wplug_status start_keeping_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    return wplug_runtime_set_method(runtime, "keep", keep_by_thread, user);
}

/* Two threads wait and may have no other call. The one that is woken to know of a deadline in the queue is then kept by a
 * host method: the other one has to know of it too. */
static void a_time_limit_counts_in_the_queue_whichever_thread_is_kept(void **state) {
    FIXTURE;
    for (int kept = 0; kept < 2; kept++) {
        wplug_pool_options options = options_of(self, 2);
        options.calls_per_thread = 1;
        options.start = start_keeping_thread;
        new_pool(self, &options);
        ending waiting[2], urgent, queued;
        self->kept_count = 0;
        self->is_open = false;
        for (int i = 0; i < 2; i++) start_in(self, NULL, "ask keep 1\nwait\nanswer 1", &waiting[i]);
        await(self, &self->kept_count, 2);
        while (stats_of(self).suspended < 2) sched_yield();
        wplug_limits limits;
        wplug_limits_init(&limits);
        wplug_call_options call;
        wplug_call_options_init(&call);
        call.limits = &limits;
        limits.time_ns = 50000000;
        start_in(self, &call, "answer 1", &queued);
        limits.time_ns = WPLUG_UNLIMITED;
        call.priority = WPLUG_PRIORITY_HIGHEST;
        start_in(self, &call, "ask block 1\nwait\nanswer 1", &urgent);
        answer_kept(self, kept);
        await(self, &self->at_gate, 1);
        expect_end_of(&queued, WPLUG_TIME_LIMIT);
        open_gate(self);
        answer_kept(self, 1 - kept);
        expect_end_of(&urgent, WPLUG_OK);
        for (int i = 0; i < 2; i++) expect_end_of(&waiting[i], WPLUG_OK);
        if (kept == 0) assert_int_equal(wplug_pool_free(self->pool), WPLUG_OK);
    }
}

/* ---- Shutting down ---- */

static void draining_lets_calls_end(void **state) {
    FIXTURE;
    new_pool_of(self, 2);
    enum { CALLS = 40 };
    ending ends[CALLS];
    for (int i = 0; i < CALLS; i++) start_in(self, NULL, "ask echo 1\nwait\nsleep 1\nanswer 1", &ends[i]);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    assert_int_equal(self->stopped, 2);
    for (int i = 0; i < CALLS; i++) assert_int_equal(ends[i].count, 1);
    for (int i = 0; i < CALLS; i++) expect_end_of(&ends[i], WPLUG_OK);
    ending late;
    wplug_error error;
    assert_int_equal(try_call(self, NULL, "answer 1", &late, NULL, &error), WPLUG_GONE);
    expect_contains(error.message, "shut down");
    assert_int_equal(wplug_pool_call(self->pool, self->actor, "act", NULL, NULL, NULL, NULL), WPLUG_GONE);
    wplug_stats stats = stats_of(self);
    assert_int_equal(stats.ended[WPLUG_OK], CALLS);
    assert_int_equal(stats.tasks + stats.ready + stats.suspended + stats.lingering + stats.memory_bytes, 0);
}

static void shutting_down_ends_calls_wherever_they_are(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 2);
    options.calls_per_thread = 2;
    new_pool(self, &options);
    static const char *const scripts[] = {"spin", "sleep 3600000", "ask keep 1\nwait",
                                          "spin", "answer 1",      "sleep 1\nanswer 1"};
    enum { CALLS = 24 };
    ending ends[CALLS];
    for (int i = 0; i < CALLS; i++) start_in(self, NULL, scripts[i % 4], &ends[i]);
    assert_int_equal(wplug_pool_shutdown(self->pool, false), WPLUG_OK);
    for (int i = 0; i < CALLS; i++) assert_int_equal(ends[i].count, 1);
    for (int i = 0; i < CALLS; i++) expect_end_of(&ends[i], WPLUG_CANCELLED);
    assert_int_equal(stats_of(self).ended[WPLUG_CANCELLED], CALLS);
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
}

static void start_sleeper(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_call_start(wplug_request_runtime(request), self->actor, "act", "\"sleep 3600000\"",
                                      NULL, NULL, NULL, NULL, NULL),
                     WPLUG_OK);
    wplug_request_result(request, "1");
}

static wplug_status start_sleeping_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    return wplug_runtime_set_method(runtime, "sleeper", start_sleeper, user);
}

static void the_last_ends_are_counted_too(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.start = start_sleeping_thread;
    new_pool(self, &options);
    expect_answer(self, "ask sleeper 1\nwait\nanswer 1", "1");
    assert_int_equal(wplug_pool_shutdown(self->pool, false), WPLUG_OK);
    wplug_stats stats = stats_of(self);
    assert_int_equal(stats.started, 2);
    assert_int_equal(stats.ended[WPLUG_OK], 1);
    assert_int_equal(stats.ended[WPLUG_CANCELLED], 1);
    assert_int_equal(stats.tasks + stats.ready + stats.suspended + stats.lingering + stats.memory_bytes, 0);
}

static void *drain(void *user) {
    assert_int_equal(wplug_pool_shutdown(user, true), WPLUG_OK);
    return NULL;
}

static void a_draining_can_be_cut_short(void **state) {
    FIXTURE;
    new_pool_of(self, 2);
    ending end;
    start_in(self, NULL, "ask keep 1\nwait\nspin", &end);
    await(self, &self->kept_count, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, drain, self->pool);
    ending late;
    while (try_call(self, NULL, "answer 1", &late, NULL, NULL) != WPLUG_GONE) expect_end_of(&late, WPLUG_OK);
    assert_int_equal(wplug_pool_shutdown(self->pool, false), WPLUG_OK);
    pthread_join(thread, NULL);
    expect_end_of(&end, WPLUG_CANCELLED);
}

static void a_pool_that_was_shut_down_says_so_while_its_queue_is_full(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.queue_capacity = 1;
    new_pool(self, &options);
    ending blocking, queued, late;
    start_in(self, NULL, "ask block 1\nwait\nanswer 1", &blocking);
    await(self, &self->at_gate, 1);
    start_in(self, NULL, "answer 1", &queued);
    pthread_t thread;
    pthread_create(&thread, NULL, drain, self->pool);
    uint64_t refused = 0;
    while (try_call(self, NULL, "answer 1", &late, NULL, NULL) == WPLUG_BUSY) refused++;
    assert_int_equal(try_call(self, NULL, "answer 1", &late, NULL, NULL), WPLUG_GONE);
    assert_int_equal(stats_of(self).queued, 1);
    assert_int_equal(stats_of(self).refused, refused);
    open_gate(self);
    pthread_join(thread, NULL);
    expect_end_of(&blocking, WPLUG_OK);
    expect_end_of(&queued, WPLUG_OK);
}

static void ask_for_calls(void *user, unsigned thread) {
    fixture *self = user;
    ending late;
    assert_int_equal(wplug_pool_call(self->pool, self->actor, "act", NULL, NULL, NULL, NULL), WPLUG_GONE);
    assert_int_equal(try_call(self, NULL, "answer 1", &late, NULL, NULL), WPLUG_GONE);
    assert_int_equal(wplug_pool_shutdown(self->pool, false), WPLUG_MISUSE);
    stop_thread(user, thread);
}

static void a_thread_that_ends_gets_no_more_calls(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 2);
    options.stop = ask_for_calls;
    new_pool(self, &options);
    expect_answer(self, "answer 1", "1");
    assert_int_equal(wplug_pool_shutdown(self->pool, true), WPLUG_OK);
    assert_int_equal(self->stopped, 2);
}

static void call_a_spinner(void *user, wplug_request *request) {
    fixture *self = user;
    pthread_mutex_lock(&self->lock);
    self->at_gate++;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    wplug_error error;
    wplug_result *result;
    wplug_status status =
        wplug_call(wplug_request_runtime(request), self->actor, "act", "\"spin\"", NULL, &result, &error);
    wplug_result_release(result);
    if (status != WPLUG_GONE && status != WPLUG_CANCELLED) fail_msg("%s", error.message);
    /* Trying again does not help. */
    status = wplug_call(wplug_request_runtime(request), self->actor, "act", "\"spin\"", NULL, NULL, &error);
    assert_int_equal(status, WPLUG_GONE);
}

static wplug_status start_spinning_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    start_thread(user, runtime, thread);
    return wplug_runtime_set_method(runtime, "spinner", call_a_spinner, user);
}

static void shutting_down_reaches_calls_within_callbacks(void **state) {
    FIXTURE;
    wplug_pool_options options = options_of(self, 1);
    options.start = start_spinning_thread;
    new_pool(self, &options);
    ending end;
    start_in(self, NULL, "ask spinner 1\nwait\nanswer 1", &end);
    await(self, &self->at_gate, 1);
    assert_int_equal(wplug_pool_shutdown(self->pool, false), WPLUG_OK);
    expect_end_of(&end, WPLUG_CANCELLED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_call_runs_on_one_of_the_pools_threads),
        TEST(a_pool_has_as_many_threads_as_there_are_processors),
        TEST(a_thread_that_has_nothing_to_run_takes_the_next_call),
        TEST(calls_that_wait_keep_no_thread),
        TEST(who_is_busy_takes_calls_beside_its_own),
        TEST(the_queue_has_an_end),
        TEST(the_queue_takes_as_many_as_it_has_places_for_from_many_threads),
        TEST(urgent_calls_leave_the_queue_first),
        TEST(what_is_wrong_with_a_call_is_told_at_once),
        TEST(a_thread_that_cannot_be_set_up_makes_no_pool),
        TEST(host_methods_may_call_the_pool_and_their_own_runtime),
        TEST(completion_callbacks_may_start_calls_and_wait_for_some),
        TEST(a_pool_may_be_freed_as_soon_as_the_last_call_has_returned),
        TEST(logs_and_traces_name_the_pools_task),
        TEST(a_host_method_may_look_at_the_pools_task),
        TEST(completion_callbacks_run_where_they_are_dispatched),
        TEST(cancel_ends_a_call_wherever_it_is),
        TEST(a_call_is_cancelled_while_its_thread_waits_inside_a_callback),
        TEST(a_time_limit_counts_in_the_queue),
        TEST(a_time_limit_counts_in_the_queue_whichever_thread_is_kept),
        TEST(draining_lets_calls_end),
        TEST(shutting_down_ends_calls_wherever_they_are),
        TEST(the_last_ends_are_counted_too),
        TEST(a_draining_can_be_cut_short),
        TEST(a_pool_that_was_shut_down_says_so_while_its_queue_is_full),
        TEST(a_thread_that_ends_gets_no_more_calls),
        TEST(shutting_down_reaches_calls_within_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
