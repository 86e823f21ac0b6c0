/* Owns runs: slices of fuel, and the second thread that every other slice may be handed to. */
#include "spec.h"

#include <pthread.h>
#include <stdlib.h>

/* No script spends nearly as much: one that does is caught in a loop. */
static const int64_t most_fuel = INT64_C(20000000000);

/* Slices without progress: more than the longest stretch of code that is charged at once. */
static const uint32_t most_idle_slices = 1000000;

struct spec_relay {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    engine_exec *exec; /* not NULL while there is work */
    int64_t fuel;
    engine_outcome outcome;
    bool ends;
};

static void *relay_main(void *argument) {
    spec_relay *relay = argument;
    pthread_mutex_lock(&relay->lock);
    while (!relay->ends) {
        if (relay->exec) {
            relay->outcome = engine_exec_run(relay->exec, relay->fuel);
            relay->exec = NULL;
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

static engine_outcome run_on_relay(spec_relay *relay, engine_exec *exec, int64_t fuel) {
    pthread_mutex_lock(&relay->lock);
    relay->exec = exec;
    relay->fuel = fuel;
    pthread_cond_broadcast(&relay->changed);
    while (relay->exec) pthread_cond_wait(&relay->changed, &relay->lock);
    engine_outcome outcome = relay->outcome;
    pthread_mutex_unlock(&relay->lock);
    return outcome;
}

engine_outcome spec_run(const spec_options *options, engine_exec *exec) {
    int64_t fuel = options->slice ? options->slice : most_fuel;
    uint64_t used = 0;
    uint32_t idle = 0;
    for (uint64_t turn = 0;; turn++) {
        bool elsewhere = options->relay && turn % 2;
        engine_outcome outcome =
            elsewhere ? run_on_relay(options->relay, exec, fuel) : engine_exec_run(exec, fuel);
        if (outcome == ENGINE_FINISHED || outcome == ENGINE_TRAPPED) return outcome;
        idle = engine_exec_fuel_used(exec) == used ? idle + 1 : 0;
        used = engine_exec_fuel_used(exec);
        if (used >= (uint64_t)most_fuel || idle > most_idle_slices) return outcome;
    }
}
