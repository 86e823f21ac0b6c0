/* Owns threads' meeting points on POSIX systems. */
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* pthread_cond_timedwait_relative_np */
#endif
#include "base/os.h"
#include "base/os_sync.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

/* Each thread has its own; only the address matters, so nothing is ever written. */
static _Thread_local const char here;

uintptr_t os_thread_id(void) {
    return (uintptr_t)&here;
}

struct os_signal {
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool has_news;
    base_allocator allocator;
};

/* Waits are against the monotonic clock, so that setting the time of day cannot stretch them. Apple's
 * condition variables know no clocks but have a wait for a duration instead. */
static int cond_init(pthread_cond_t *cond) {
#if defined(__APPLE__)
    return pthread_cond_init(cond, NULL);
#else
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed) return failed;
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed) failed = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed;
#endif
}

static void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline_ns) {
    uint64_t now = os_monotonic_ns();
    if (deadline_ns <= now) return;
    const uint64_t longest = (uint64_t)NS_PER_S * 3600 * 24; /* fits every time_t; the caller looks again */
    uint64_t wait = deadline_ns - now < longest ? deadline_ns - now : longest;
#if defined(__APPLE__)
    struct timespec duration = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)};
    pthread_cond_timedwait_relative_np(cond, lock, &duration);
#else
    uint64_t end = now + wait;
    struct timespec time = {(time_t)(end / NS_PER_S), (long)(end % NS_PER_S)};
    pthread_cond_timedwait(cond, lock, &time);
#endif
}

base_status os_signal_new(const base_allocator *allocator, os_signal **out) {
    *out = NULL;
    os_signal *signal = base_alloc_zeroed(allocator, 1, sizeof *signal);
    if (!signal) return BASE_NO_MEMORY;
    signal->allocator = allocator ? *allocator : *base_default_allocator();
    if (pthread_mutex_init(&signal->lock, NULL)) {
        base_free(allocator, signal, sizeof *signal);
        return BASE_IO;
    }
    if (cond_init(&signal->news)) {
        pthread_mutex_destroy(&signal->lock);
        base_free(allocator, signal, sizeof *signal);
        return BASE_IO;
    }
    *out = signal;
    return BASE_OK;
}

void os_signal_free(os_signal *signal) {
    if (!signal) return;
    pthread_cond_destroy(&signal->news);
    pthread_mutex_destroy(&signal->lock);
    base_allocator allocator = signal->allocator;
    base_free(&allocator, signal, sizeof *signal);
}

void os_signal_lock(os_signal *signal) {
    pthread_mutex_lock(&signal->lock);
}

void os_signal_unlock(os_signal *signal) {
    pthread_mutex_unlock(&signal->lock);
}

void os_signal_set(os_signal *signal) {
    signal->has_news = true;
    pthread_cond_signal(&signal->news);
}

bool os_signal_wait(os_signal *signal, uint64_t deadline_ns) {
    pthread_mutex_lock(&signal->lock);
    while (!signal->has_news) {
        if (deadline_ns == UINT64_MAX) {
            pthread_cond_wait(&signal->news, &signal->lock);
        } else {
            if (os_monotonic_ns() >= deadline_ns) break;
            cond_wait_until(&signal->news, &signal->lock, deadline_ns);
        }
    }
    bool had_news = signal->has_news;
    signal->has_news = false;
    pthread_mutex_unlock(&signal->lock);
    return had_news;
}
