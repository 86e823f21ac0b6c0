/* Owns the measurement of calls per second through a pool of one thread and of two. Calls come from the pool's own
 * threads: each that ends starts the next, so that the queue is never empty and no other thread takes part. */
#include "host_bench.h"
#include "measure.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { IN_FLIGHT = 64, WARM_UP = 400, MOST_THREADS = 2 };

/* What a thread counts, by itself, for the others' counting is not what is measured. */
typedef struct counter {
    atomic_size_t started, ended;
    uint8_t apart[128 - 2 * sizeof(atomic_size_t)];
} counter;

typedef struct pool_round {
    wplug_pool *pool;
    wplug_plugin *plugin;
    atomic_bool over;
    uint8_t apart[128];
    counter counters[MOST_THREADS + 1]; /* the last one is the main thread's */
} pool_round;

static _Thread_local counter *here;

static void count(atomic_size_t *one) {
    atomic_store_explicit(one, atomic_load_explicit(one, memory_order_relaxed) + 1, memory_order_release);
}

static size_t sum_ended(pool_round *r) {
    size_t sum = 0;
    for (int i = 0; i <= MOST_THREADS; i++)
        sum += atomic_load_explicit(&r->counters[i].ended, memory_order_acquire);
    return sum;
}

/* Ended ones are counted first: what they have started is among the started ones then. */
static bool all_have_ended(pool_round *r) {
    const size_t ended = sum_ended(r);
    size_t started = 0;
    for (int i = 0; i <= MOST_THREADS; i++)
        started += atomic_load_explicit(&r->counters[i].started, memory_order_acquire);
    return started == ended;
}

static wplug_status on_start(void *user, wplug_runtime *runtime, unsigned thread) {
    (void)runtime;
    here = &((pool_round *)user)->counters[thread];
    return WPLUG_OK;
}

static void start_one(pool_round *r);

static void on_end(void *user, wplug_task task, wplug_result *result) {
    pool_round *r = user;
    if (result->status != WPLUG_OK || strcmp(result->json, "\"pong\"") != 0)
        stop("ping ended with %s in a pool", wplug_status_name(result->status));
    if (!atomic_load_explicit(&r->over, memory_order_relaxed)) start_one(r);
    count(&here->ended);
}

static void start_one(pool_round *r) {
    count(&here->started);
    wplug_error error;
    if (wplug_pool_call_start(r->pool, r->plugin, "ping", NULL, NULL, on_end, r, NULL, &error) != WPLUG_OK)
        stop("%s", error.message);
}

static void run_round(wplug_plugin *plugin, unsigned threads, uint64_t ms) {
    static const char *const names[MOST_THREADS + 1] = {"", "pool_one", "pool_two"};
    pool_round r = {.plugin = plugin};
    wplug_pool_options options;
    wplug_error error;
    wplug_pool_options_init(&options);
    options.threads = threads;
    options.start = on_start;
    options.thread_user = &r;
    here = &r.counters[MOST_THREADS];
    if (wplug_pool_new(&options, &r.pool, &error) != WPLUG_OK) stop("%s", error.message);
    for (int i = 0; i < IN_FLIGHT; i++) start_one(&r);
    while (sum_ended(&r) < WARM_UP) sleep_ms(1);
    size_t before = sum_ended(&r);
    uint64_t cpu = cpu_ns(), wall = wplug_monotonic_ns();
    sleep_ms(ms);
    size_t calls = sum_ended(&r) - before;
    cpu = cpu_ns() - cpu;
    wall = wplug_monotonic_ns() - wall;
    atomic_store(&r.over, true);
    while (!all_have_ended(&r)) sleep_ms(1);
    wplug_pool_free(r.pool);
    print_rate(names[threads], threads, calls, cpu, wall);
}

void measure_pool(const char *plugin_path, uint64_t round_ms, size_t rounds) {
    wplug_plugin *plugin = load(plugin_path, NULL);
    for (size_t i = 0; i < rounds; i++) {
        for (unsigned threads = 1; threads <= MOST_THREADS; threads++) run_round(plugin, threads, round_ms);
    }
    wplug_plugin_release(plugin);
}
