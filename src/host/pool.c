/* Owns pools: threads with a runtime each, and the one queue that they take calls from.
 *
 *     any thread                       lock                          a worker's thread
 *     wplug_pool_call_start ----> queue, deadlines  ---- poll ---->  runtime: runs it among its other tasks
 *     wplug_pool_cancel --------> ended, orders     ---- poll ---->  ends it
 *     wplug_pool_dispatch <------ finished        <----------------- call_ended
 *
 * A call is a complete task from the beginning, request and result included, that has no runtime yet; the worker
 * that takes it lets it join its own. While it waits, its place is in the pool's queue and its timer, set to the
 * deadline, in the pool's heap.
 *
 * A worker polls between two turns of its runtime and before it waits. One that has nothing ready takes a call at
 * once. One that has takes one more each time that all of its own have had a slice, but leaves those to others for
 * which a waiting worker was woken already. The lock is held for a few instructions at a time, never while
 * anything of the embedder's runs but its allocator.
 *
 * Calls can be as short as the way of a cache line from one processor to another is long, some twenty times over. So a
 * call takes the lock twice: to enter the queue, and when a worker takes it and, with the same grip, strikes out those
 * that have ended there. */
#include "host/host.h"

enum { DEFAULT_CAPACITY = 1024 };
#define STEP_NS ((uint64_t)1000 * 1000)

typedef enum call_state { CALL_QUEUED, CALL_RUNNING, CALL_ENDED } call_state;

typedef struct pool_call {
    wplug_pool *pool;
    host_task *task;
    wplug_task id;
    wplug_done_fn done;
    void *user;
    atomic_int state;    /* call_state */
    host_worker *worker; /* that runs it */
    bool is_cancelled;
    bool is_ordered;              /* in that worker's orders */
    struct pool_call *next;       /* in `ended`, `orders` or `finished`: never in two of them */
    struct pool_call *next_spent; /* in that worker's `spent` */
    wplug_result *result;         /* while it is in `finished` */
    struct pool_waiter *waiter;
} pool_call;

/* A thread that waits in wplug_pool_call. */
typedef struct pool_waiter {
    os_signal *signal;
    wplug_result *result;
} pool_waiter;

typedef enum pool_state { POOL_OPEN, POOL_DRAINING, POOL_STOPPING } pool_state;

struct host_worker {
    wplug_pool *pool;
    unsigned index;
    os_thread *thread;            /* NULL: it was not started, or was joined */
    _Atomic(uintptr_t) thread_id; /* 0 before it runs, and afterwards */
    wplug_runtime *runtime;       /* its thread only; NULL once it is freed */
    size_t turns;                 /* its thread only: since it last took a call */
    pool_call *spent;             /* its thread only: ended and told, to be struck out */
    host_mailbox *mailbox;        /* retained, so that it can be woken at any time */
    os_signal *stats_lock;
    wplug_stats stats;

    /* With the pool's lock. */
    size_t in_flight;  /* calls that it has taken and that have not ended */
    bool is_idle;      /* it waits, and can take a call */
    bool is_resting;   /* it waits, for whatever, */
    uint64_t until;    /* and looks again at that time */
    bool is_claimed;   /* it was woken for a call */
    pool_call *orders; /* of its calls, those to be cancelled */

    uint8_t apart[BASE_APART]; /* from the next worker's */
};

struct wplug_pool {
    base_allocator allocator;
    uint32_t magic;
    uint32_t capacity, calls_per_worker;
    wplug_runtime_options runtime_options;
    wplug_allocator runtime_allocator; /* where the options name one */
    wplug_pool_start_fn start;
    wplug_pool_stop_fn stop;
    void *thread_user;
    bool dispatches;
    wplug_wake_fn wake;
    void *wake_user;
    host_worker *workers;
    unsigned worker_count;

    os_signal *joining; /* a lock: who joins the threads */
    os_signal *lock;    /* the lock, and the event that a worker is ready */
    /* What there is for workers to look at: calls in the queue; and what cannot wait, which are ended calls,
     * orders, a state other than open. Read without the lock to see that there is nothing. */
    atomic_size_t queued, urgent;
    pool_state state;
    host_ids ids;
    host_levels queue;
    host_timers deadlines;
    unsigned claimed; /* workers that were woken for a call and have not looked yet */
    pool_call *ended; /* cancelled in the queue, to be reported by the next worker that looks */
    pool_call *finished, **last_finished;
    bool is_armed; /* the next one that is finished wakes the embedder */
    unsigned dispatching;
    unsigned ready_count;
    wplug_error start_error;
    wplug_stats stats; /* what no runtime counts */
};

/* ---- Small things ---- */

static void lock(const wplug_pool *pool) {
    os_signal_lock(pool->lock);
}

static void unlock(const wplug_pool *pool) {
    os_signal_unlock(pool->lock);
}

static void raise_urgency(wplug_pool *pool) {
    atomic_fetch_add_explicit(&pool->urgent, 1, memory_order_relaxed);
}

static void lower_urgency(wplug_pool *pool) {
    atomic_fetch_sub_explicit(&pool->urgent, 1, memory_order_relaxed);
}

static bool is_urgent(const wplug_pool *pool) {
    return atomic_load_explicit(&pool->urgent, memory_order_relaxed) > 0;
}

static pool_call *call_of(host_task *task) {
    return task->done_user;
}

static void wake_worker(host_worker *worker) {
    if (worker) host_mailbox_wake(worker->mailbox);
}

/* The worker whose thread this is, or NULL. */
static host_worker *worker_here(const wplug_pool *pool) {
    uintptr_t here = os_thread_id();
    for (unsigned i = 0; i < pool->worker_count; i++) {
        if (atomic_load(&pool->workers[i].thread_id) == here) return &pool->workers[i];
    }
    return NULL;
}

static wplug_status check(const wplug_pool *pool, const char *function, wplug_error *error) {
    if (pool && pool->magic == HOST_POOL_MAGIC) return WPLUG_OK;
    return host_fail(error, WPLUG_MISUSE, "%s: the pool is %s", function, pool ? "freed, or none" : "NULL");
}

/* ---- The end of a call ---- */

static void publish_stats(host_worker *worker) {
    os_signal_lock(worker->stats_lock);
    host_stats_look(worker->runtime, &worker->stats);
    os_signal_unlock(worker->stats_lock);
}

static void free_call(pool_call *call) {
    wplug_pool *pool = call->pool;
    wplug_result_release(call->result);
    base_free(&pool->allocator, call, sizeof *call);
}

static void unlink_order(pool_call *call) {
    if (!call->is_ordered) return;
    pool_call **link = &call->worker->orders;
    while (*link != call) link = &(*link)->next;
    *link = call->next;
    call->is_ordered = false;
    lower_urgency(call->pool);
}

/* Puts it where wplug_pool_dispatch finds it. Whether the embedder is to be woken. With the lock. */
static bool put_finished(pool_call *call, wplug_result *result) {
    wplug_pool *pool = call->pool;
    call->result = wplug_result_retain(result);
    call->next = NULL;
    *pool->last_finished = call;
    pool->last_finished = &call->next;
    bool wakes = pool->is_armed;
    pool->is_armed = false;
    return wakes;
}

static void tell_waiter(pool_waiter *waiter, wplug_result *result) {
    waiter->result = wplug_result_retain(result);
    os_signal_lock(waiter->signal);
    os_signal_set(waiter->signal);
    os_signal_unlock(waiter->signal);
}

/* With the lock. */
static void strike_out(pool_call *call) {
    unlink_order(call);
    if (call->worker) call->worker->in_flight--;
    host_ids_drop(&call->pool->ids, call->id);
}

/* Strikes out the calls that have ended on this worker; the caller frees them when it has left the lock. With the lock. */
static pool_call *strike_out_spent(host_worker *worker) {
    pool_call *spent = worker->spent;
    worker->spent = NULL;
    for (pool_call *call = spent; call; call = call->next_spent) strike_out(call);
    return spent;
}

static void free_spent(pool_call *call) {
    while (call) {
        pool_call *next = call->next_spent;
        free_call(call);
        call = next;
    }
}

/* The result stays until wplug_pool_dispatch takes it. */
static void finish(pool_call *call, wplug_result *result) {
    wplug_pool *pool = call->pool;
    lock(pool);
    strike_out(call);
    bool wakes = put_finished(call, result);
    unlock(pool);
    if (wakes && pool->wake) pool->wake(pool->wake_user);
}

/* The completion callback of all the pool's tasks; runs on a worker's thread. */
static void call_ended(void *user, wplug_task id, wplug_result *result) {
    pool_call *call = user;
    host_worker *worker = call->worker;
    if (worker) publish_stats(worker);
    atomic_store(&call->state, CALL_ENDED);
    if (call->pool->dispatches && !call->waiter) {
        finish(call, result);
        return;
    }
    if (call->waiter)
        tell_waiter(call->waiter, result);
    else if (call->done)
        call->done(call->user, id, result);
    if (worker) {
        call->next_spent = worker->spent;
        worker->spent = call;
        return;
    }
    lock(call->pool);
    strike_out(call);
    unlock(call->pool);
    free_call(call);
}

/* The task was ended before a runtime had it. */
static void finish_unborn(pool_call *call) {
    wplug_pool *pool = call->pool;
    host_task *task = call->task;
    lock(pool);
    pool->stats.started++;
    host_stats_ended(&pool->stats, task);
    unlock(pool);
    call_ended(call, task->id, &task->result->public);
    host_task_free(task);
}

/* ---- The queue; all with the lock ---- */

static void put_in_queue(pool_call *call) {
    wplug_pool *pool = call->pool;
    host_levels_push(&pool->queue, &call->task->place);
    host_timers_set(&pool->deadlines, &call->task->timer, call->task->deadline);
    if (pool->queue.count > pool->stats.queued_high) pool->stats.queued_high = pool->queue.count;
    atomic_store_explicit(&pool->queued, pool->queue.count, memory_order_relaxed);
}

static void take_from_queue(pool_call *call) {
    wplug_pool *pool = call->pool;
    host_levels_remove(&pool->queue, &call->task->place);
    host_timers_clear(&pool->deadlines, &call->task->timer);
    atomic_store_explicit(&pool->queued, pool->queue.count, memory_order_relaxed);
}

static pool_call *next_in_queue(wplug_pool *pool) {
    host_place *place = host_levels_pop(&pool->queue);
    if (!place) return NULL;
    pool_call *call = call_of(HOST_TASK_OF(place, place));
    take_from_queue(call);
    return call;
}

/* Who waits and can take a call; of several the one with the fewest. It is not idle any more. */
static host_worker *claim_worker(wplug_pool *pool) {
    host_worker *best = NULL;
    for (unsigned i = 0; i < pool->worker_count; i++) {
        host_worker *worker = &pool->workers[i];
        if (worker->is_idle && (!best || worker->in_flight < best->in_flight)) best = worker;
    }
    if (!best) return NULL;
    best->is_idle = false;
    best->is_claimed = true;
    pool->claimed++;
    return best;
}

/* Somebody who waits, for things that any worker can do. NULL: all are awake, and will look. */
static host_worker *find_resting(wplug_pool *pool) {
    for (unsigned i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i].is_resting) return &pool->workers[i];
    }
    return NULL;
}

/* Somebody who waits, and must be woken to know of the queue's first deadline. NULL: one of those who wait does, or nobody
 * waits. Those who are awake do not count: a host method may keep them for any time. */
static host_worker *find_watcher(wplug_pool *pool) {
    uint64_t deadline = host_timers_next(&pool->deadlines);
    if (pool->claimed > 0) return NULL; /* who was woken for a call comes, and asks this again */
    for (unsigned i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i].is_resting && pool->workers[i].until <= deadline) return NULL;
    }
    return deadline == UINT64_MAX ? NULL : find_resting(pool);
}

/* ---- What workers do between turns ---- */

static bool has_room(const host_worker *worker) {
    return worker->runtime->depth <= 1 && worker->in_flight < worker->pool->calls_per_worker;
}

/* Whether it takes a call now; one that it was woken for it takes in any case. With the lock. */
static bool wants_call(host_worker *worker, bool was_claimed) {
    const wplug_pool *pool = worker->pool;
    size_t ready = worker->runtime->ready.count;
    if (pool->queue.count == 0 || !has_room(worker)) return false;
    return was_claimed || ready == 0 || (worker->turns >= ready && pool->queue.count > pool->claimed);
}

/* It is awake; whether it was woken for a call. With the lock. */
static bool come_back(host_worker *worker) {
    bool was_claimed = worker->is_claimed;
    if (was_claimed) worker->pool->claimed--;
    worker->is_claimed = worker->is_idle = worker->is_resting = false;
    return was_claimed;
}

/* A call that has to be reported without having run: cancelled, out of time, or all of them when the pool stops.
 * With the lock. */
static pool_call *take_unborn(wplug_pool *pool, uint64_t now) {
    pool_call *call = pool->ended;
    if (call) {
        pool->ended = call->next;
        lower_urgency(pool);
        return call;
    }
    if (pool->state == POOL_STOPPING) {
        call = next_in_queue(pool);
    } else {
        host_timer *due = host_timers_pop_due(&pool->deadlines, now);
        if (due) take_from_queue(call = call_of(HOST_TASK_OF(due, timer)));
    }
    /* It is this thread's now, and too late to be cancelled. */
    if (call) atomic_store(&call->state, CALL_ENDED);
    return call;
}

static void report_unborn(wplug_pool *pool) {
    for (;;) {
        uint64_t now = os_monotonic_ns();
        lock(pool);
        pool_call *call = take_unborn(pool, now);
        bool is_stopping = pool->state == POOL_STOPPING, is_cancelled = call && call->is_cancelled;
        unlock(pool);
        if (!call) return;
        if (is_cancelled)
            host_task_end(call->task, WPLUG_CANCELLED, "it was cancelled");
        else if (is_stopping)
            host_task_end(call->task, WPLUG_CANCELLED, "the pool was shut down");
        else
            host_task_end_out_of_time(call->task);
        finish_unborn(call);
    }
}

static void obey_orders(host_worker *worker) {
    wplug_pool *pool = worker->pool;
    for (;;) {
        lock(pool);
        pool_call *call = worker->orders;
        if (call) unlink_order(call);
        unlock(pool);
        if (!call) return;
        if (atomic_load(&call->state) == CALL_ENDED) continue; /* it was quicker, and its task may be gone */
        host_task_end(call->task, WPLUG_CANCELLED, "it was cancelled");
        host_task_notice(call->task);
    }
}

/* Nested steps and waits come back when the runtime is closing. */
static void stop_tasks(host_worker *worker) {
    worker->runtime->is_closing = true;
    for (host_task *task = worker->runtime->tasks; task; task = task->next_task) {
        host_task_end(task, WPLUG_CANCELLED, "the pool was shut down");
    }
}

static void begin_call(host_worker *worker, pool_call *call) {
    if (host_task_join(call->task, worker->runtime) == WPLUG_OK) {
        host_task_launch(call->task);
        return;
    }
    host_task_end(call->task, WPLUG_NO_MEMORY, "out of memory for one more task");
    finish_unborn(call);
}

/* Whether the lock is worth taking. */
static bool has_to_look(const host_worker *worker) {
    const wplug_pool *pool = worker->pool;
    if (worker->is_resting || worker->spent) return true; /* only its own thread sets them */
    if (is_urgent(pool)) return true;
    return worker->turns >= worker->runtime->ready.count &&
           atomic_load_explicit(&pool->queued, memory_order_relaxed) > 0;
}

void host_worker_poll(host_worker *worker) {
    wplug_pool *pool = worker->pool;
    worker->turns++;
    if (!has_to_look(worker)) return;
    pool_call *call = NULL;
    lock(pool);
    pool_call *spent = strike_out_spent(worker);
    bool was_resting = worker->is_resting, was_claimed = come_back(worker);
    bool has_orders = worker->orders != NULL;
    bool has_unborn = pool->ended || (host_timers_first(&pool->deadlines) &&
                                      host_timers_next(&pool->deadlines) <= os_monotonic_ns());
    bool is_stopping = pool->state == POOL_STOPPING;
    if (!is_stopping && wants_call(worker, was_claimed)) {
        call = next_in_queue(pool);
        atomic_store(&call->state, CALL_RUNNING);
        call->worker = worker;
        worker->in_flight++;
        worker->turns = 0;
    }
    host_worker *watcher = was_resting ? find_watcher(pool) : NULL;
    unlock(pool);
    wake_worker(watcher);
    free_spent(spent);
    if (call) begin_call(worker, call);
    if (has_orders) obey_orders(worker);
    if (has_unborn) report_unborn(pool);
    if (is_stopping && !worker->runtime->is_closing) stop_tasks(worker);
}

bool host_worker_rest(host_worker *worker, uint64_t *until) {
    wplug_pool *pool = worker->pool;
    publish_stats(worker);
    lock(pool);
    pool_call *spent = strike_out_spent(worker);
    bool is_outermost = worker->runtime->depth == 0;
    bool has_work = worker->orders || pool->ended || (is_outermost && wants_call(worker, false)) ||
                    (pool->state == POOL_STOPPING && !worker->runtime->is_closing);
    /* A worker that drains may have nothing left to wait for. */
    if (pool->state == POOL_DRAINING && is_outermost && worker->runtime->task_count == 0) has_work = true;
    if (!has_work) {
        worker->is_resting = true;
        worker->is_idle = is_outermost && has_room(worker);
        uint64_t next = host_timers_next(&pool->deadlines);
        if (next < *until) *until = next;
        worker->until = *until;
    }
    unlock(pool);
    free_spent(spent);
    return !has_work;
}

host_task *host_worker_find(const wplug_runtime *runtime, wplug_task id) {
    if (!runtime->worker) return NULL;
    wplug_pool *pool = runtime->worker->pool;
    lock(pool);
    const pool_call *call = host_ids_find(&pool->ids, id);
    bool is_here = call && atomic_load(&call->state) == CALL_RUNNING && call->worker == runtime->worker;
    host_task *task = is_here ? call->task : NULL;
    unlock(pool);
    return task;
}

/* ---- Workers' threads ---- */

static bool is_done(host_worker *worker) {
    wplug_pool *pool = worker->pool;
    if (!is_urgent(pool)) return false;
    lock(pool);
    bool is_done = worker->runtime->is_closing || (pool->state != POOL_OPEN && pool->queue.count == 0 &&
                                                   !pool->ended && worker->runtime->task_count == 0);
    unlock(pool);
    return is_done;
}

static wplug_status make_runtime(host_worker *worker, wplug_error *error) {
    wplug_pool *pool = worker->pool;
    wplug_status status = wplug_runtime_new(&pool->runtime_options, &worker->runtime, error);
    if (status) return status;
    worker->runtime->worker = worker;
    host_ids_init(&worker->runtime->ids, 0, worker->index + 1, pool->worker_count);
    worker->mailbox = worker->runtime->mailbox;
    atomic_fetch_add_explicit(&worker->mailbox->references, 1, memory_order_relaxed);
    status = pool->start ? pool->start(pool->thread_user, worker->runtime, worker->index) : WPLUG_OK;
    if (!status) return WPLUG_OK;
    return host_fail(error, status, "the start callback of the pool's thread %u failed: %s", worker->index,
                     wplug_status_text(status));
}

static void say_ready(host_worker *worker, wplug_status status, const wplug_error *error) {
    wplug_pool *pool = worker->pool;
    lock(pool);
    pool->ready_count++;
    if (status && !pool->start_error.status) pool->start_error = *error;
    os_signal_set(pool->lock);
    unlock(pool);
}

static void stop_runtime(host_worker *worker) {
    wplug_pool *pool = worker->pool;
    worker->runtime->is_closing = true;
    report_unborn(pool);
    host_runtime_end_tasks(worker->runtime);
    publish_stats(worker);
    worker->runtime->is_closing = false;
    wplug_runtime_free(worker->runtime);
    worker->runtime = NULL; /* the stop callback may still ask for calls */
    lock(pool);
    pool_call *spent = strike_out_spent(worker);
    unlock(pool);
    free_spent(spent);
}

static void run_worker(void *user) {
    host_worker *worker = user;
    const wplug_pool *pool = worker->pool;
    wplug_error error;
    atomic_store(&worker->thread_id, os_thread_id());
    wplug_status status = make_runtime(worker, &error);
    say_ready(worker, status, &error);
    while (!status) {
        wplug_next next;
        wplug_runtime_step(worker->runtime, STEP_NS, &next);
        if (is_done(worker)) break;
        if (next.when == WPLUG_NOW)
            publish_stats(worker);
        else
            wplug_runtime_wait(worker->runtime, UINT64_MAX);
    }
    if (worker->runtime) stop_runtime(worker);
    if (!status && pool->stop) pool->stop(pool->thread_user, worker->index);
    atomic_store(&worker->thread_id, 0);
}

/* ---- Making, shutting down, freeing ---- */

/* What wplug_pool_new got hold of so far. No thread runs any more. */
static void free_pool(wplug_pool *pool) {
    base_allocator allocator = pool->allocator;
    for (unsigned i = 0; pool->workers && i < pool->worker_count; i++) {
        host_worker *worker = &pool->workers[i];
        if (worker->mailbox) host_mailbox_release(worker->mailbox);
        os_signal_free(worker->stats_lock);
    }
    const base_allocator apart = base_apart(&allocator);
    base_free(&apart, pool->workers, pool->worker_count * sizeof *pool->workers);
    host_ids_free(&pool->ids, &allocator);
    host_timers_free(&pool->deadlines, &allocator);
    os_signal_free(pool->lock);
    os_signal_free(pool->joining);
    pool->magic = HOST_DEAD;
    base_free(&allocator, pool, sizeof *pool);
}

/* Sets the state and waits for the threads that there are. Another thread that waits here already gets to know
 * of the state by its workers' ends. */
static void stop_workers(wplug_pool *pool, pool_state state) {
    lock(pool);
    if (pool->state == POOL_OPEN) raise_urgency(pool);
    if (pool->state < state) pool->state = state;
    unlock(pool);
    for (unsigned i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i].mailbox) wake_worker(&pool->workers[i]);
    }
    os_signal_lock(pool->joining);
    for (unsigned i = 0; i < pool->worker_count; i++) {
        if (pool->workers[i].thread) os_thread_join(pool->workers[i].thread);
        pool->workers[i].thread = NULL;
    }
    os_signal_unlock(pool->joining);
}

static wplug_status read_pool_options(const wplug_pool_options *options, wplug_pool_options *own,
                                      wplug_runtime_options *runtime, wplug_error *error) {
    if (!host_read_struct(own, sizeof *own, options)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_pool_options: call wplug_pool_options_init first");
    }
    if (!host_read_struct(runtime, sizeof *runtime, own->runtime)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_runtime_options: call wplug_runtime_options_init first");
    }
    runtime->size = sizeof *runtime;
    return WPLUG_OK;
}

static base_status make_parts(wplug_pool *pool) {
    const base_allocator *allocator = &pool->allocator;
    base_status status = os_signal_new(allocator, &pool->lock);
    if (!status) status = os_signal_new(allocator, &pool->joining);
    if (status) return status;
    const base_allocator apart = base_apart(allocator);
    pool->workers = base_alloc_zeroed(&apart, pool->worker_count, sizeof *pool->workers);
    if (!pool->workers) return BASE_NO_MEMORY;
    for (unsigned i = 0; i < pool->worker_count && !status; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].index = i;
        status = os_signal_new(allocator, &pool->workers[i].stats_lock);
    }
    return status;
}

/* Starts the threads, and waits until those that could be started are ready. */
static base_status start_workers(wplug_pool *pool) {
    unsigned started = 0;
    base_status status = BASE_OK;
    for (; started < pool->worker_count && !status; started += !status) {
        host_worker *worker = &pool->workers[started];
        status = os_thread_start(&pool->allocator, run_worker, worker, &worker->thread);
    }
    for (;;) {
        lock(pool);
        bool is_ready = pool->ready_count == started;
        unlock(pool);
        if (is_ready) return status;
        os_signal_wait(pool->lock, UINT64_MAX);
    }
}

wplug_status wplug_pool_new(const wplug_pool_options *options, wplug_pool **out, wplug_error *error) {
    if (!out) return host_fail(error, WPLUG_MISUSE, "wplug_pool_new: out is NULL");
    *out = NULL;
    wplug_pool_options own;
    wplug_runtime_options runtime;
    wplug_status failed = read_pool_options(options, &own, &runtime, error);
    if (failed) return failed;
    base_allocator allocator = host_allocator(runtime.allocator);
    wplug_pool *pool = base_alloc_zeroed(&allocator, 1, sizeof *pool);
    if (!pool) return host_no_memory(error);
    pool->allocator = allocator;
    pool->magic = HOST_POOL_MAGIC;
    pool->capacity = own.queue_capacity ? own.queue_capacity : DEFAULT_CAPACITY;
    pool->calls_per_worker = own.calls_per_thread ? own.calls_per_thread : DEFAULT_CAPACITY;
    pool->runtime_options = runtime;
    if (runtime.allocator) {
        pool->runtime_allocator = *runtime.allocator;
        pool->runtime_options.allocator = &pool->runtime_allocator;
    }
    pool->start = own.start;
    pool->stop = own.stop;
    pool->thread_user = own.thread_user;
    pool->dispatches = own.dispatch;
    pool->wake = own.wake;
    pool->wake_user = own.wake_user;
    pool->last_finished = &pool->finished;
    pool->is_armed = true;
    pool->worker_count = own.threads ? own.threads : os_processor_count();
    host_ids_init(&pool->ids, HOST_POOL_ID, 1, 1);
    base_status status = make_parts(pool);
    if (!status) {
        status = start_workers(pool);
        if (status || pool->start_error.status) stop_workers(pool, POOL_STOPPING);
    }
    wplug_error why = pool->start_error;
    if (status == BASE_NO_MEMORY) why.status = host_no_memory(&why);
    if (status && !why.status)
        host_fail(&why, WPLUG_SYSTEM, "the system gives no threads or locks for the pool");
    if (!why.status) {
        *out = pool;
        return host_ok(error);
    }
    free_pool(pool);
    return host_fail(error, why.status, "%s", why.message);
}

wplug_status wplug_pool_shutdown(wplug_pool *pool, bool drain) {
    wplug_status status = check(pool, "wplug_pool_shutdown", NULL);
    if (status || worker_here(pool)) return WPLUG_MISUSE;
    stop_workers(pool, drain ? POOL_DRAINING : POOL_STOPPING);
    return WPLUG_OK;
}

wplug_status wplug_pool_free(wplug_pool *pool) {
    if (!pool) return WPLUG_OK;
    wplug_status status = check(pool, "wplug_pool_free", NULL);
    if (status || worker_here(pool)) return WPLUG_MISUSE;
    lock(pool);
    bool is_dispatching = pool->dispatching > 0;
    unlock(pool);
    if (is_dispatching) return WPLUG_MISUSE;
    stop_workers(pool, POOL_STOPPING);
    wplug_pool_dispatch(pool);
    free_pool(pool);
    return WPLUG_OK;
}

/* ---- Calls ---- */

/* With the lock: whether it takes one more call. */
static wplug_status admit(wplug_pool *pool) {
    if (pool->state != POOL_OPEN) return WPLUG_GONE;
    if (pool->queue.count < pool->capacity) return WPLUG_OK;
    pool->stats.refused++;
    return WPLUG_BUSY;
}

static wplug_status refuse(const wplug_pool *pool, wplug_status status, wplug_error *error) {
    switch (status) {
    case WPLUG_GONE: return host_fail(error, status, "the pool was shut down");
    case WPLUG_BUSY:
        return host_fail(error, status, "the pool's queue is full: %u calls wait", pool->capacity);
    default: return host_no_memory(error);
    }
}

/* Puts a call into the queue. What is refused here stays the caller's. */
static wplug_status submit(wplug_pool *pool, pool_call *call, wplug_task *id, wplug_error *error) {
    host_worker *worker = NULL;
    lock(pool);
    wplug_status status = admit(pool);
    if (!status &&
        (host_timers_reserve(&pool->deadlines, pool->queue.count + 1, &pool->allocator) != BASE_OK ||
         !(call->id = call->task->id = host_ids_add(&pool->ids, call, &pool->allocator))))
        status = WPLUG_NO_MEMORY;
    if (!status) {
        if (id) *id = call->id;
        put_in_queue(call);
        worker = claim_worker(pool);
        if (!worker) worker = find_watcher(pool);
    }
    unlock(pool);
    wake_worker(worker);
    return status ? refuse(pool, status, error) : host_ok(error);
}

static pool_call *make_call(wplug_pool *pool, host_task *task, wplug_done_fn done, void *user,
                            pool_waiter *waiter) {
    pool_call *call = base_alloc_zeroed(&pool->allocator, 1, sizeof *call);
    if (!call) return NULL;
    call->pool = pool;
    call->task = task;
    call->done = done;
    call->user = user;
    call->waiter = waiter;
    task->done = call_ended;
    task->done_user = call;
    return call;
}

static wplug_status start_call(wplug_pool *pool, wplug_plugin *plugin, const char *method, const char *params,
                               const wplug_call_options *options, wplug_done_fn done, void *user,
                               pool_waiter *waiter, wplug_task *id, wplug_error *error) {
    if (!host_plugin_is_alive(plugin)) {
        return host_fail(error, WPLUG_MISUSE, "a pool's call: the plugin is %s",
                         plugin ? "freed, or none" : "NULL");
    }
    if (!method) return host_fail(error, WPLUG_MISUSE, "a pool's call: the method is NULL");
    wplug_status status = WPLUG_OK;
    /* A pool that is full says so before the work of making the call is done. */
    if (atomic_load_explicit(&pool->queued, memory_order_relaxed) >= pool->capacity) {
        lock(pool);
        status = admit(pool);
        unlock(pool);
        if (status) return refuse(pool, status, error);
    }
    host_task *task;
    status = host_call_make(&pool->allocator, plugin, method, params, options, &task, error);
    if (status) return status;
    pool_call *call = make_call(pool, task, done, user, waiter);
    status = call ? submit(pool, call, id, error) : host_no_memory(error);
    if (!status) return WPLUG_OK;
    if (call) free_call(call);
    host_task_free(task);
    return status;
}

wplug_status wplug_pool_call_start(wplug_pool *pool, wplug_plugin *plugin, const char *method,
                                   const char *params, const wplug_call_options *options, wplug_done_fn done,
                                   void *user, wplug_task *task, wplug_error *error) {
    if (task) *task = 0;
    wplug_status status = check(pool, "wplug_pool_call_start", error);
    if (status) return status;
    return start_call(pool, plugin, method, params, options, done, user, NULL, task, error);
}

wplug_status wplug_pool_call(wplug_pool *pool, wplug_plugin *plugin, const char *method, const char *params,
                             const wplug_call_options *options, wplug_result **result, wplug_error *error) {
    if (result) *result = NULL;
    wplug_status status = check(pool, "wplug_pool_call", error);
    if (status) return status;
    const host_worker *here = worker_here(pool);
    if (here && here->runtime)
        return wplug_call(here->runtime, plugin, method, params, options, result, error);
    pool_waiter waiter = {NULL, NULL};
    base_status made = os_signal_new(&pool->allocator, &waiter.signal);
    if (made == BASE_NO_MEMORY) return host_no_memory(error);
    if (made) return host_fail(error, WPLUG_SYSTEM, "the system gives no lock to wait with");
    status = start_call(pool, plugin, method, params, options, NULL, NULL, &waiter, NULL, error);
    if (!status) os_signal_wait(waiter.signal, UINT64_MAX);
    os_signal_free(waiter.signal);
    if (status) return status;
    status = waiter.result->status;
    host_fail(error, status, "%s", waiter.result->message);
    if (result)
        *result = waiter.result;
    else
        wplug_result_release(waiter.result);
    return status;
}

wplug_status wplug_pool_cancel(wplug_pool *pool, wplug_task task) {
    wplug_status status = check(pool, "wplug_pool_cancel", NULL);
    if (status) return status;
    host_worker *worker = NULL;
    lock(pool);
    pool_call *call = host_ids_find(&pool->ids, task);
    call_state state = call ? (call_state)atomic_load(&call->state) : CALL_ENDED;
    if (state == CALL_ENDED || call->is_cancelled) {
        unlock(pool);
        return WPLUG_GONE;
    }
    call->is_cancelled = true;
    if (state == CALL_QUEUED) {
        take_from_queue(call);
        call->next = pool->ended;
        pool->ended = call;
        worker = find_resting(pool);
    } else {
        call->is_ordered = true;
        call->next = call->worker->orders;
        call->worker->orders = call;
        worker = call->worker;
    }
    raise_urgency(pool);
    unlock(pool);
    wake_worker(worker);
    return WPLUG_OK;
}

size_t wplug_pool_dispatch(wplug_pool *pool) {
    if (check(pool, "wplug_pool_dispatch", NULL)) return 0;
    lock(pool);
    pool_call *call = pool->finished;
    pool->finished = NULL;
    pool->last_finished = &pool->finished;
    pool->is_armed = true;
    pool->dispatching++;
    unlock(pool);
    size_t count = 0;
    while (call) {
        pool_call *next = call->next;
        if (call->done) call->done(call->user, call->id, call->result);
        free_call(call);
        call = next;
        count++;
    }
    lock(pool);
    pool->dispatching--;
    unlock(pool);
    return count;
}

wplug_status wplug_pool_stats(const wplug_pool *pool, wplug_stats *out) {
    wplug_status status = check(pool, "wplug_pool_stats", NULL);
    if (status) return status;
    if (!out || out->size < sizeof out->size) return WPLUG_MISUSE;
    lock(pool);
    wplug_stats sum = pool->stats;
    sum.queued = pool->queue.count;
    unlock(pool);
    for (unsigned i = 0; i < pool->worker_count; i++) {
        os_signal_lock(pool->workers[i].stats_lock);
        host_stats_add(&sum, &pool->workers[i].stats);
        os_signal_unlock(pool->workers[i].stats_lock);
    }
    host_write_struct(out, &sum, sizeof sum);
    return WPLUG_OK;
}
