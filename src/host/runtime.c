/* Owns the runtime: stepping, waiting, waking, its callbacks and host methods. Scheduling's bookkeeping is in
 * queue.c, what a task does in its turn in task.c. */
#include "host/host.h"

#define DEFAULT_SLICE_FUEL 100000
#define DEFAULT_POOL_SIZE  32
#define CROWD              10000 /* so many tasks at once leave memory that is worth to be given back */

/* ---- Making and freeing ---- */

wplug_status wplug_runtime_new(const wplug_runtime_options *options, wplug_runtime **out,
                               wplug_error *error) {
    if (!out) return host_fail(error, WPLUG_MISUSE, "wplug_runtime_new: out is NULL");
    *out = NULL;
    wplug_runtime_options own;
    if (!host_read_struct(&own, sizeof own, options)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_runtime_options: call wplug_runtime_options_init first");
    }
    base_allocator allocator = host_allocator(own.allocator);
    const base_allocator apart = base_apart(&allocator);
    wplug_runtime *runtime = base_alloc_zeroed(&apart, 1, sizeof *runtime);
    if (!runtime) return host_no_memory(error);
    wplug_status status;
    runtime->mailbox = host_mailbox_new(&allocator, &status);
    if (status) {
        base_free(&apart, runtime, sizeof *runtime);
        return status == WPLUG_NO_MEMORY
                   ? host_no_memory(error)
                   : host_fail(error, status, "the system gives no lock for the runtime");
    }
    runtime->mailbox->runtime = runtime;
    runtime->allocator = allocator;
    runtime->magic = HOST_RUNTIME_MAGIC;
    runtime->slice_fuel = own.slice_fuel ? own.slice_fuel : DEFAULT_SLICE_FUEL;
    if (runtime->slice_fuel > INT64_MAX / 2) runtime->slice_fuel = INT64_MAX / 2;
    host_ids_init(&runtime->ids, 0, 1, 1);
    runtime->pool.member_limit = own.pool_size ? (size_t)own.pool_size : DEFAULT_POOL_SIZE;
    if (own.pool_size == WPLUG_NO_POOL) runtime->pool.member_limit = 0;
    *out = runtime;
    return host_ok(error);
}

/* Answers on their way are for tasks that are no more. */
static void close_mailbox(wplug_runtime *runtime) {
    host_mailbox *mailbox = runtime->mailbox;
    os_signal_lock(mailbox->signal);
    mailbox->runtime = NULL;
    mailbox->wake = NULL;
    os_signal_unlock(mailbox->signal);
    host_mailbox_deliver(runtime);
    host_mailbox_release(mailbox);
}

void host_runtime_end_tasks(wplug_runtime *runtime) {
    runtime->is_closing = true;
    while (runtime->tasks) {
        host_task *task = runtime->tasks;
        host_task_end(task, WPLUG_CANCELLED, "the %s",
                      runtime->worker ? "pool was shut down" : "runtime was freed");
        host_task_report(task);
        host_task_free(task);
    }
}

wplug_status wplug_runtime_free(wplug_runtime *runtime) {
    if (!runtime) return WPLUG_OK;
    wplug_status status = host_enter(runtime, "wplug_runtime_free", NULL);
    if (status) return status;
    if (runtime->depth > 0 || runtime->is_closing) return WPLUG_MISUSE;
    host_runtime_end_tasks(runtime);
    host_pool_trim(runtime);
    close_mailbox(runtime);
    base_allocator allocator = runtime->allocator;
    for (size_t i = 0; i < runtime->method_count; i++) {
        base_free(&allocator, runtime->methods[i].name, runtime->methods[i].name_size + 1);
    }
    base_free(&allocator, runtime->methods, runtime->method_capacity * sizeof *runtime->methods);
    host_queue_free(runtime);
    runtime->magic = HOST_DEAD;
    const base_allocator apart = base_apart(&allocator);
    base_free(&apart, runtime, sizeof *runtime);
    return WPLUG_OK;
}

wplug_status host_enter(const wplug_runtime *runtime, const char *function, wplug_error *error) {
    if (!runtime) return host_fail(error, WPLUG_MISUSE, "%s: the runtime is NULL", function);
    if (runtime->magic != HOST_RUNTIME_MAGIC) {
        return host_fail(error, WPLUG_MISUSE, "%s: the runtime was freed, or is none", function);
    }
    if (atomic_load(&runtime->mailbox->owner) != os_thread_id()) {
        return host_fail(error, WPLUG_MISUSE,
                         "%s: called on another thread than the one that the runtime belongs to (see "
                         "wplug_runtime_move_here)",
                         function);
    }
    if (host_mailbox_is_waking(runtime->mailbox)) {
        return host_fail(error, WPLUG_MISUSE, "%s: called from the wake callback", function);
    }
    return WPLUG_OK;
}

wplug_status wplug_runtime_move_here(wplug_runtime *runtime) {
    if (!runtime || runtime->magic != HOST_RUNTIME_MAGIC || runtime->depth > 0) return WPLUG_MISUSE;
    atomic_store(&runtime->mailbox->owner, os_thread_id());
    return WPLUG_OK;
}

void host_runtime_trim(wplug_runtime *runtime) {
    host_pool_trim(runtime);
    if (runtime->task_count == 0) host_queue_free(runtime);
    if (runtime->allocator.resize == base_default_allocator()->resize) os_heap_trim();
    runtime->most_tasks = runtime->task_count;
}

wplug_status wplug_runtime_trim(wplug_runtime *runtime) {
    wplug_status status = host_enter(runtime, "wplug_runtime_trim", NULL);
    if (!status) host_runtime_trim(runtime);
    return status;
}

/* ---- Stepping ---- */

static void fire_timers(wplug_runtime *runtime) {
    if (!host_timers_first(&runtime->timers)) return;
    uint64_t now = os_monotonic_ns();
    host_task *task;
    while ((task = host_queue_pop_due(runtime, now))) {
        if (task->is_busy)
            task->missed_turn = true;
        else
            host_queue_push_ready(runtime, task);
    }
}

static wplug_next next_step(const wplug_runtime *runtime) {
    if (runtime->ready.count > 0) return (wplug_next){WPLUG_NOW, 0};
    if (host_timers_first(&runtime->timers))
        return (wplug_next){WPLUG_AT, host_timers_next(&runtime->timers)};
    return (wplug_next){runtime->task_count > 0 ? WPLUG_WOKEN : WPLUG_IDLE, 0};
}

/* The embedder goes to do other things: from now on news must wake it, unless there are some already. */
static wplug_next leave(wplug_runtime *runtime) {
    host_mailbox *mailbox = runtime->mailbox;
    wplug_next next = next_step(runtime);
    os_signal_lock(mailbox->signal);
    if (mailbox->first_answer) next = (wplug_next){WPLUG_NOW, 0};
    mailbox->is_armed = next.when != WPLUG_NOW;
    os_signal_unlock(mailbox->signal);
    return next;
}

/* What other threads have brought. */
static void take_news(wplug_runtime *runtime) {
    host_mailbox_deliver(runtime);
    fire_timers(runtime);
    if (runtime->worker) host_worker_poll(runtime->worker);
}

static void take_turns(wplug_runtime *runtime, uint64_t budget_ns) {
    uint64_t end = 0;
    size_t turns = runtime->ready.count;
    if (budget_ns > 0) {
        uint64_t now = os_monotonic_ns();
        end = budget_ns > UINT64_MAX - now ? UINT64_MAX : now + budget_ns;
    }
    while (runtime->ready.count > 0 && !runtime->is_closing && (budget_ns > 0 || turns-- > 0)) {
        host_task_turn(host_queue_pop_ready(runtime));
        if (budget_ns == 0 && !runtime->worker) continue;
        if (budget_ns > 0 && os_monotonic_ns() >= end) return;
        take_news(runtime);
    }
}

wplug_status wplug_runtime_step(wplug_runtime *runtime, uint64_t budget_ns, wplug_next *next) {
    if (next) *next = (wplug_next){WPLUG_IDLE, 0};
    wplug_status status = host_enter(runtime, "wplug_runtime_step", NULL);
    if (status) return status;
    if (runtime->is_closing) return WPLUG_GONE;
    if (runtime->depth >= WPLUG_NESTING_MAX) return WPLUG_TOO_DEEP;
    runtime->depth++;
    host_pool_sweep(runtime);
    /* Takes the news that it is about to look at. */
    os_signal_wait(runtime->mailbox->signal, 0);
    take_news(runtime);
    take_turns(runtime, budget_ns);
    runtime->depth--;
    if (runtime->task_count == 0 && runtime->most_tasks >= CROWD) host_runtime_trim(runtime);
    wplug_next when = leave(runtime);
    if (next) *next = when;
    return WPLUG_OK;
}

void host_runtime_news(wplug_runtime *runtime) {
    /* Inside a step its own end tells. */
    if (runtime->depth == 0 && !runtime->is_closing) host_mailbox_wake(runtime->mailbox);
}

/* ---- Waiting ---- */

wplug_status wplug_runtime_wait(wplug_runtime *runtime, uint64_t until_ns) {
    wplug_status status = host_enter(runtime, "wplug_runtime_wait", NULL);
    if (status) return status;
    if (runtime->is_closing) return WPLUG_GONE;
    wplug_next next = leave(runtime);
    if (next.when == WPLUG_NOW) return WPLUG_OK;
    if (next.when == WPLUG_AT && next.at_ns < until_ns) until_ns = next.at_ns;
    if (runtime->worker && !host_worker_rest(runtime->worker, &until_ns)) return WPLUG_OK;
    os_signal_wait(runtime->mailbox->signal, until_ns);
    return WPLUG_OK;
}

/* Blocking functions step on the embedder's behalf, and so make the last `next` it has seen a thing of the
 * past. */
static void tell_embedder(wplug_runtime *runtime) {
    if (runtime->depth == 0 && runtime->task_count > 0) host_mailbox_wake(runtime->mailbox);
}

wplug_status host_runtime_run_until(wplug_runtime *runtime, const bool *is_over) {
    wplug_status status = WPLUG_OK;
    while (!*is_over && !status) {
        /* One round at a time: others may be ready for ever. */
        wplug_next next;
        status = wplug_runtime_step(runtime, 0, &next);
        if (*is_over || status) break;
        if (next.when != WPLUG_NOW) status = wplug_runtime_wait(runtime, UINT64_MAX);
    }
    tell_embedder(runtime);
    return status;
}

/* Tasks whose turns are on the C stack cannot end before this function returns. */
static size_t idle_count(const wplug_runtime *runtime) {
    size_t count = 0;
    for (const host_task *task = runtime->tasks; task; task = task->next_task) count += task->is_busy;
    return count;
}

wplug_status wplug_runtime_run(wplug_runtime *runtime) {
    wplug_status status = host_enter(runtime, "wplug_runtime_run", NULL);
    if (status) return status;
    size_t rest = runtime->depth > 0 ? idle_count(runtime) : 0;
    while (runtime->task_count > rest && !status) {
        wplug_next next;
        status = wplug_runtime_step(runtime, UINT64_MAX, &next);
        if (!status && runtime->task_count > rest && next.when != WPLUG_NOW) {
            status = wplug_runtime_wait(runtime, UINT64_MAX);
        }
    }
    return status;
}

size_t wplug_runtime_task_count(const wplug_runtime *runtime) {
    if (host_enter(runtime, "wplug_runtime_task_count", NULL)) return 0;
    return runtime->task_count - runtime->reported_count;
}

/* ---- Waking ---- */

wplug_status wplug_runtime_set_wake(wplug_runtime *runtime, wplug_wake_fn wake, void *user) {
    wplug_status status = host_enter(runtime, "wplug_runtime_set_wake", NULL);
    if (status) return status;
    os_signal_lock(runtime->mailbox->signal);
    runtime->mailbox->wake = wake;
    runtime->mailbox->wake_user = user;
    os_signal_unlock(runtime->mailbox->signal);
    return WPLUG_OK;
}

wplug_status wplug_runtime_wake(wplug_runtime *runtime) {
    if (!runtime || runtime->magic != HOST_RUNTIME_MAGIC) return WPLUG_MISUSE;
    if (host_mailbox_is_waking(runtime->mailbox)) return WPLUG_MISUSE;
    host_mailbox_wake(runtime->mailbox);
    return WPLUG_OK;
}

/* ---- Callbacks and host methods ---- */

wplug_status wplug_runtime_set_log(wplug_runtime *runtime, wplug_log_fn log, void *user) {
    wplug_status status = host_enter(runtime, "wplug_runtime_set_log", NULL);
    if (status) return status;
    runtime->log = log;
    runtime->log_user = user;
    return WPLUG_OK;
}

wplug_status wplug_runtime_set_trace(wplug_runtime *runtime, wplug_trace_fn trace, void *user) {
    wplug_status status = host_enter(runtime, "wplug_runtime_set_trace", NULL);
    if (status) return status;
    runtime->trace = trace;
    runtime->trace_user = user;
    return WPLUG_OK;
}

wplug_status wplug_runtime_set_default_method(wplug_runtime *runtime, wplug_method_fn method, void *user) {
    wplug_status status = host_enter(runtime, "wplug_runtime_set_default_method", NULL);
    if (status) return status;
    runtime->default_method = method;
    runtime->default_user = user;
    return WPLUG_OK;
}

static int compare_names(base_bytes a, base_bytes b) {
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    if (order) return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

/* Where a method is, or where it would be put. */
static bool find_method(const wplug_runtime *runtime, base_bytes name, size_t *index) {
    size_t low = 0, high = runtime->method_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const host_method *method = &runtime->methods[middle];
        int order = compare_names(name, (base_bytes){(const uint8_t *)method->name, method->name_size});
        *index = middle;
        if (order == 0) return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *index = low;
    return false;
}

static wplug_status insert_method(wplug_runtime *runtime, size_t index, base_bytes name) {
    if (runtime->method_count == runtime->method_capacity) {
        size_t capacity = runtime->method_capacity ? runtime->method_capacity * 2 : 8;
        host_method *methods =
            base_resize(&runtime->allocator, runtime->methods, runtime->method_capacity * sizeof *methods,
                        capacity * sizeof *methods);
        if (!methods) return WPLUG_NO_MEMORY;
        runtime->methods = methods;
        runtime->method_capacity = capacity;
    }
    char *copy = base_alloc(&runtime->allocator, name.size + 1);
    if (!copy) return WPLUG_NO_MEMORY;
    memcpy(copy, name.data, name.size + 1);
    host_method *at = runtime->methods + index;
    memmove(at + 1, at, (runtime->method_count++ - index) * sizeof *at);
    *at = (host_method){copy, name.size, NULL, NULL};
    return WPLUG_OK;
}

static void remove_method(wplug_runtime *runtime, size_t index) {
    host_method *at = runtime->methods + index;
    base_free(&runtime->allocator, at->name, at->name_size + 1);
    memmove(at, at + 1, (--runtime->method_count - index) * sizeof *at);
}

wplug_status wplug_runtime_set_method(wplug_runtime *runtime, const char *name, wplug_method_fn method,
                                      void *user) {
    wplug_status status = host_enter(runtime, "wplug_runtime_set_method", NULL);
    if (status) return status;
    if (!name) return WPLUG_MISUSE;
    base_bytes key = base_bytes_from_text(name);
    size_t index;
    bool is_there = find_method(runtime, key, &index);
    if (!method) {
        if (is_there) remove_method(runtime, index);
        return WPLUG_OK;
    }
    if (!is_there) status = insert_method(runtime, index, key);
    if (status) return status;
    runtime->methods[index].method = method;
    runtime->methods[index].user = user;
    return WPLUG_OK;
}

bool host_runtime_find_method(const wplug_runtime *runtime, base_bytes name, wplug_method_fn *method,
                              void **user) {
    size_t index;
    if (find_method(runtime, name, &index)) {
        *method = runtime->methods[index].method;
        *user = runtime->methods[index].user;
        return true;
    }
    *method = runtime->default_method;
    *user = runtime->default_user;
    return runtime->default_method != NULL;
}
