/* Owns threads and their meeting points on POSIX systems; where these differ: os_posix.h. */
#include "base/os_posix.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

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

base_status os_signal_new(const base_allocator *allocator, os_signal **out) {
    *out = NULL;
    const base_allocator apart = base_apart(allocator);
    os_signal *signal = base_alloc_zeroed(&apart, 1, sizeof *signal);
    if (!signal) return BASE_NO_MEMORY;
    signal->allocator = allocator ? *allocator : *base_default_allocator();
    if (posix_mutex_init(&signal->lock)) {
        base_free(&apart, signal, sizeof *signal);
        return BASE_IO;
    }
    if (posix_condition_init(&signal->news)) {
        pthread_mutex_destroy(&signal->lock);
        base_free(&apart, signal, sizeof *signal);
        return BASE_IO;
    }
    *out = signal;
    return BASE_OK;
}

void os_signal_free(os_signal *signal) {
    if (!signal) return;
    pthread_cond_destroy(&signal->news);
    pthread_mutex_destroy(&signal->lock);
    const base_allocator allocator = signal->allocator, apart = base_apart(&allocator);
    base_free(&apart, signal, sizeof *signal);
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
            const uint64_t longest =
                (uint64_t)NS_PER_S * 3600 * 24; /* fits every time_t; then it looks again */
            uint64_t now = os_monotonic_ns();
            if (now >= deadline_ns) break;
            uint64_t wait = deadline_ns - now;
            posix_condition_wait(&signal->news, &signal->lock, wait < longest ? wait : longest);
        }
    }
    bool had_news = signal->has_news;
    signal->has_news = false;
    pthread_mutex_unlock(&signal->lock);
    return had_news;
}

/* ---- Threads ---- */

struct os_thread {
    pthread_t thread;
    void (*run)(void *user);
    void *user;
    base_allocator allocator;
};

static void *run_thread(void *user) {
    os_thread *thread = user;
    thread->run(thread->user);
    return NULL;
}

/* Some C libraries give new threads little stack; callbacks nest. */
static int set_stack_size(pthread_attr_t *attributes) {
    const size_t least = (size_t)2 << 20;
    size_t size;
    int failed = pthread_attr_getstacksize(attributes, &size);
    return failed || size >= least ? failed : pthread_attr_setstacksize(attributes, least);
}

base_status os_thread_start(const base_allocator *allocator, void (*run)(void *user), void *user,
                            os_thread **out) {
    *out = NULL;
    os_thread *thread = base_alloc_zeroed(allocator, 1, sizeof *thread);
    if (!thread) return BASE_NO_MEMORY;
    thread->run = run;
    thread->user = user;
    thread->allocator = allocator ? *allocator : *base_default_allocator();
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (!failed) {
        /* The mask is inherited, so it is set here for as long as it takes. */
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = set_stack_size(&attributes);
        if (!failed) failed = pthread_create(&thread->thread, &attributes, run_thread, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (failed) {
        base_free(allocator, thread, sizeof *thread);
        return failed == ENOMEM ? BASE_NO_MEMORY : BASE_IO;
    }
    *out = thread;
    return BASE_OK;
}

void os_thread_join(os_thread *thread) {
    pthread_join(thread->thread, NULL);
    base_allocator allocator = thread->allocator;
    base_free(&allocator, thread, sizeof *thread);
}
