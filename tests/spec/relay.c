/* Owns the second thread that every other slice may be handed to. */
#include "spec.h"

#include <pthread.h>
#include <stdlib.h>

struct spec_relay {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    spec_progress *work; /* not NULL while there is some */
    uint32_t slices;
    bool ends;
};

static void *relay_main(void *argument) {
    spec_relay *relay = argument;
    pthread_mutex_lock(&relay->lock);
    while (!relay->ends) {
        if (relay->work) {
            spec_run_slices(relay->work, relay->slices);
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

void spec_relay_run(spec_relay *relay, spec_progress *run, uint32_t slices) {
    pthread_mutex_lock(&relay->lock);
    relay->work = run;
    relay->slices = slices;
    pthread_cond_broadcast(&relay->changed);
    while (relay->work) pthread_cond_wait(&relay->changed, &relay->lock);
    pthread_mutex_unlock(&relay->lock);
}
