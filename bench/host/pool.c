/* Owns the measurement of calls per second through a pool of one thread and of two. Calls come from the pool's own
 * threads: each that ends starts the next, so that the queue is never empty and no other thread takes part. */
#include "host_bench.h"
#include "measure.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { IN_FLIGHT = 64, WARM_UP = 400, MOST_THREADS = 2 };

typedef struct pool_round {
    wplug_pool *pool;
    wplug_plugin *plugin;
    atomic_bool over;
    atomic_size_t ended;
    atomic_size_t in_flight;
} pool_round;

static void start_one(pool_round *r);

static void on_end(void *user, wplug_task task, wplug_result *result) {
    pool_round *r = user;
    if (result->status != WPLUG_OK || strcmp(result->json, "\"pong\"") != 0)
        stop("ping ended with %s in a pool", wplug_status_name(result->status));
    atomic_fetch_add_explicit(&r->ended, 1, memory_order_relaxed);
    if (!atomic_load_explicit(&r->over, memory_order_relaxed)) start_one(r);
    atomic_fetch_sub(&r->in_flight, 1);
}

static void start_one(pool_round *r) {
    atomic_fetch_add(&r->in_flight, 1);
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
    if (wplug_pool_new(&options, &r.pool, &error) != WPLUG_OK) stop("%s", error.message);
    for (int i = 0; i < IN_FLIGHT; i++) start_one(&r);
    while (atomic_load(&r.ended) < WARM_UP) sleep_ms(1);
    size_t before = atomic_load(&r.ended);
    uint64_t cpu = cpu_ns(), wall = wplug_monotonic_ns();
    sleep_ms(ms);
    size_t calls = atomic_load(&r.ended) - before;
    cpu = cpu_ns() - cpu;
    wall = wplug_monotonic_ns() - wall;
    atomic_store(&r.over, true);
    while (atomic_load(&r.in_flight) > 0) sleep_ms(1);
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
