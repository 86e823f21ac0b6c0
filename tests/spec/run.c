/* Owns runs: slices of fuel, and the second thread that every other slice may be handed to. */
#include "spec.h"

#include <pthread.h>
#include <stdlib.h>

/* No script spends nearly as much: one that does is caught in a loop. */
static const int64_t most_fuel = INT64_C(20000000000);

/* Slices without progress: more than the longest stretch of code that is charged at once. */
static const uint32_t most_idle_slices = 1000000;

/* With two threads a run moves to the other one after each of its first slices, then less often: moving takes time. */
static const uint32_t often_moved = 256, later_stretch = 4096;

/* A run on its way. */
typedef struct spec_progress {
    engine_exec *exec;
    int64_t slice;
    uint64_t used; /* fuel, at the last look */
    uint32_t idle; /* slices since it changed */
    engine_outcome outcome;
    bool ended;
} spec_progress;

struct spec_relay {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    spec_progress *work; /* not NULL while there is some */
    uint32_t slices;
    bool ends;
};

/* Runs as many slices, or fewer where the run ends. */
static void run_slices(spec_progress *run, uint32_t slices) {
    for (uint32_t i = 0; i < slices && !run->ended; i++) {
        run->outcome = engine_exec_run(run->exec, run->slice);
        uint64_t used = engine_exec_fuel_used(run->exec);
        run->idle = used == run->used ? run->idle + 1 : 0;
        run->used = used;
        run->ended = run->outcome == ENGINE_FINISHED || run->outcome == ENGINE_TRAPPED ||
                     used >= (uint64_t)most_fuel || run->idle > most_idle_slices;
    }
}

static void *relay_main(void *argument) {
    spec_relay *relay = argument;
    pthread_mutex_lock(&relay->lock);
    while (!relay->ends) {
        if (relay->work) {
            run_slices(relay->work, relay->slices);
            relay->work = NULL;
            pthread_cond_broadcast(&relay->changed);
        }
        pthread_cond_wait(&relay->changed, &relay->lock);
    }
    pthread_mutex_unlock(&relay->lock);
    return NULL;
}

spec_relay *spec_relay_new(void) {
    spec_relay *relay = calloc(1, sizeof *relay);
    if (!relay) return NULL;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->changed, NULL);
    if (pthread_create(&relay->thread, NULL, relay_main, relay) == 0) return relay;
    free(relay);
    return NULL;
}

void spec_relay_free(spec_relay *relay) {
    if (!relay) return;
    pthread_mutex_lock(&relay->lock);
    relay->ends = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
    pthread_join(relay->thread, NULL);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

static void run_on_relay(spec_relay *relay, spec_progress *run, uint32_t slices) {
    pthread_mutex_lock(&relay->lock);
    relay->work = run;
    relay->slices = slices;
    pthread_cond_broadcast(&relay->changed);
    while (relay->work) pthread_cond_wait(&relay->changed, &relay->lock);
    pthread_mutex_unlock(&relay->lock);
}

engine_outcome spec_run(const spec_options *options, engine_exec *exec) {
    spec_progress run = {.exec = exec, .slice = options->slice ? options->slice : most_fuel};
    for (uint32_t turn = 0; !run.ended; turn++) {
        uint32_t slices = turn < often_moved ? 1 : later_stretch;
        if (options->relay && turn % 2)
            run_on_relay(options->relay, &run, slices);
        else
            run_slices(&run, slices);
    }
    return run.outcome;
}
