/* Owns the measurement of calls per second on one thread and on two. A thread has a runtime of its own; the
 * plugin is shared. */
#include "host_bench.h"
#include "measure.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WARM_UP = 200, MOST_THREADS = 2 };

typedef struct round {
    wplug_plugin *plugin;
    pthread_barrier_t begin;
    atomic_bool over;
} round;

typedef struct worker {
    round *round;
    pthread_t thread;
    uint64_t calls, cpu_ns, wall_ns;
} worker;

static void *work(void *user) {
    worker *w = user;
    wplug_runtime *runtime = new_runtime(NULL);
    for (int i = 0; i < WARM_UP; i++) call(runtime, w->round->plugin, "ping", NULL, WPLUG_OK, "\"pong\"");
    pthread_barrier_wait(&w->round->begin);
    uint64_t cpu = thread_cpu_ns(), wall = wplug_monotonic_ns();
    uint64_t calls = 0; /* not in `w`, whose neighbour is the other thread's */
    while (!atomic_load_explicit(&w->round->over, memory_order_relaxed)) {
        call(runtime, w->round->plugin, "ping", NULL, WPLUG_OK, "\"pong\"");
        calls++;
    }
    w->calls = calls;
    w->cpu_ns = thread_cpu_ns() - cpu;
    w->wall_ns = wplug_monotonic_ns() - wall;
    wplug_runtime_free(runtime);
    return NULL;
}

static void run_round(wplug_plugin *plugin, unsigned threads, uint64_t ms) {
    static const char *const names[MOST_THREADS + 1] = {"", "one", "two"};
    round r = {.plugin = plugin};
    worker workers[MOST_THREADS] = {{0}};
    if (pthread_barrier_init(&r.begin, NULL, threads + 1) != 0) stop("no barrier");
    for (unsigned i = 0; i < threads; i++) {
        workers[i].round = &r;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) stop("no thread");
    }
    pthread_barrier_wait(&r.begin);
    sleep_ms(ms);
    atomic_store(&r.over, true);
    uint64_t calls = 0, cpu = 0, wall = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        calls += workers[i].calls;
        cpu += workers[i].cpu_ns;
        wall += workers[i].wall_ns / threads;
    }
    pthread_barrier_destroy(&r.begin);
    print_rate(names[threads], threads, calls, cpu, wall);
}

void measure_threads(const char *plugin_path, uint64_t round_ms, size_t rounds) {
    wplug_plugin *plugin = load(plugin_path, NULL);
    for (size_t i = 0; i < rounds; i++) {
        for (unsigned threads = 1; threads <= MOST_THREADS; threads++) run_round(plugin, threads, round_ms);
    }
    wplug_plugin_release(plugin);
}
