/* Owns threads and their meeting points on POSIX systems. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity, adaptive mutexes */
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* pthread_cond_timedwait_relative_np */
#endif
#include "base/os.h"
#include "base/os_sync.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

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

/* The locks are held for so short a time that to go to sleep for one costs more than to look again. */
static int mutex_init(pthread_mutex_t *mutex) {
#if defined(__GLIBC__)
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);
    if (failed) return failed;
    failed = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    if (!failed) failed = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
#else
    return pthread_mutex_init(mutex, NULL);
#endif
}

base_status os_signal_new(const base_allocator *allocator, os_signal **out) {
    *out = NULL;
    const base_allocator apart = base_apart(allocator);
    os_signal *signal = base_alloc_zeroed(&apart, 1, sizeof *signal);
    if (!signal) return BASE_NO_MEMORY;
    signal->allocator = allocator ? *allocator : *base_default_allocator();
    if (mutex_init(&signal->lock)) {
        base_free(&apart, signal, sizeof *signal);
        return BASE_IO;
    }
    if (cond_init(&signal->news)) {
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
            if (os_monotonic_ns() >= deadline_ns) break;
            cond_wait_until(&signal->news, &signal->lock, deadline_ns);
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

unsigned os_processor_count(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (unsigned)CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}
