/* Owns the measurement of many calls that sleep at once.
 *
 * Call i is started, and stepped until it sleeps, between two readings of the clock; so it is known when it
 * is due:
 *
 *     started          sleeping                              due
 *        |<-- its first slices -->|                 |<- unknown by as much ->|
 *        earliest due - ms     latest due - ms      earliest           latest
 *
 * Sleeps are long enough that the first ends after the last one began, and their ends are in another order
 * than their starts. */
#include "host_bench.h"
#include "measure.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS ((uint64_t)1000000)

enum {
    AT_ONCE = 64,      /* calls that fill what the runtime keeps for further ones */
    TRIALS = 200,      /* calls that tell how long starting takes */
    MOST_STEPS = 1000, /* until a call sleeps */
    STRIDE = 7919      /* a prime: i * STRIDE modulo the count visits each number once */
};

typedef struct sleeper {
    uint64_t earliest, latest; /* when it is due */
    struct sleepers *all;
} sleeper;

typedef struct sleepers {
    size_t ended, ended_while_starting, wrong;
    wplug_status status; /* of the first wrong one */
    bool starting;
    uint64_t newest; /* the latest of the earliest due times of those that have ended */
    uint64_t disorder, early, guest_bytes;
    samples late;
} sleepers;

static void on_end(void *user, wplug_task task, wplug_result *result) {
    sleeper *each = user;
    sleepers *all = each->all;
    uint64_t now = wplug_monotonic_ns();
    all->ended++;
    if (result->status != WPLUG_OK || strcmp(result->json, "null") != 0) {
        if (all->wrong++ == 0) all->status = result->status;
        return;
    }
    if (all->starting) {
        all->ended_while_starting++;
        return;
    }
    if (now < each->earliest) all->early++;
    if (each->latest < all->newest) all->disorder++;
    if (each->earliest > all->newest) all->newest = each->earliest;
    samples_add(&all->late, now > each->latest ? now - each->latest : 0);
    all->guest_bytes = result->memory_bytes;
}

/* Starts a call and steps until it sleeps. False where it could not be started, or ended in another way. */
static bool start_one(wplug_runtime *runtime, wplug_plugin *plugin, sleeper *each, uint64_t ms) {
    sleepers *all = each->all;
    char params[40];
    snprintf(params, sizeof params, "{\"ms\":%" PRIu64 "}", ms);
    /* No time limit: the default one is a minute, of which the last calls' starts may take some. */
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    wplug_task task;
    size_t wrong_before = all->wrong;
    uint64_t before = wplug_monotonic_ns();
    wplug_status status =
        wplug_call_start(runtime, plugin, "sleep", params, &options, on_end, each, &task, NULL);
    if (status != WPLUG_OK) {
        all->status = status;
        return false;
    }
    wplug_task_info info = {.size = sizeof info};
    for (int step = 0; step < MOST_STEPS; step++) {
        wplug_runtime_step(runtime, 0, NULL);
        if (wplug_task_inspect(runtime, task, &info) != WPLUG_OK) break;
        if (info.state != WPLUG_TASK_SLEEPING) continue;
        each->earliest = before + ms * MS;
        each->latest = wplug_monotonic_ns() + ms * MS;
        return true;
    }
    if (all->wrong == wrong_before) stop("a call of sleep does not sleep");
    return false;
}

/* Nanoseconds on the clock for a call from its start to its end. */
static uint64_t try_out(wplug_runtime *runtime, wplug_plugin *plugin) {
    uint64_t before = wplug_monotonic_ns();
    for (int i = 0; i < TRIALS; i++) call(runtime, plugin, "sleep", "{\"ms\":0}", WPLUG_OK, "null");
    return (wplug_monotonic_ns() - before) / TRIALS;
}

static void fill_pool(wplug_runtime *runtime, wplug_plugin *plugin) {
    for (int i = 0; i < AT_ONCE; i++) {
        if (wplug_call_start(runtime, plugin, "sleep", "{\"ms\":10}", NULL, NULL, NULL, NULL, NULL) !=
            WPLUG_OK)
            stop("no memory");
    }
    wplug_runtime_run(runtime);
}

static void print_memory(const char *when, const counted *memory) {
    char word[40];
    snprintf(word, sizeof word, "rss_%s", when);
    print(word, resident_bytes());
    snprintf(word, sizeof word, "tables_%s", when);
    print(word, page_table_bytes());
    snprintf(word, sizeof word, "allocated_%s", when);
    print(word, memory->now);
}

void measure_suspended(const char *plugin_path, size_t count) {
    if (count % STRIDE == 0) stop("not a multiple of %d", STRIDE);
    counted memory = {0};
    wplug_allocator allocator = counting_allocator(&memory);
    wplug_plugin *plugin = load(plugin_path, &allocator);
    wplug_runtime *runtime = new_runtime(&allocator);
    sleepers all = {.starting = true};
    samples_init(&all.late, count);
    sleeper *each = allocate(count, sizeof *each);
    for (size_t i = 0; i < count; i++) each[i].all = &all;

    uint64_t one = try_out(runtime, plugin);
    uint64_t base_ms = 1000 + 4 * count * one / MS, span_ms = 1000 + 2 * count * one / MS;
    fill_pool(runtime, plugin);
    malloc_trim(0);
    print_memory("before", &memory);

    uint64_t start_cpu = cpu_ns();
    size_t started = 0;
    for (; started < count; started++) {
        uint64_t ms = base_ms + started * STRIDE % count * span_ms / count;
        if (!start_one(runtime, plugin, &each[started], ms)) break;
    }
    uint64_t started_cpu = cpu_ns();
    if (all.ended_while_starting > 0 || wplug_runtime_task_count(runtime) != started)
        stop("not all calls slept at once: starting took longer than the first sleep");
    print("suspended", started);
    if (started < count) print("refused", all.status);
    print_memory("peak", &memory);

    all.starting = false;
    size_t refused = all.wrong, ended_before = all.ended;
    wplug_runtime_run(runtime);
    if (all.wrong != refused) stop("a sleep ended with %s", wplug_status_name(all.status));
    if (all.ended - ended_before != started)
        stop("%zu calls never ended", started - (all.ended - ended_before));
    malloc_trim(0);
    print_memory("after", &memory);
    wplug_runtime_free(runtime);
    malloc_trim(0);
    print_memory("freed", &memory);
    if (started > 0) {
        print("start_cpu", (started_cpu - start_cpu) / started);
        print("disorder", all.disorder);
        print("early", all.early);
        print("late_median", samples_at(&all.late, 0.5));
        print("late_max", samples_at(&all.late, 1));
        print("guest", all.guest_bytes);
    }
    samples_free(&all.late);
    free(each);
    wplug_plugin_release(plugin);
    if (memory.now != 0) stop("%zu bytes were not given back", memory.now);
}
