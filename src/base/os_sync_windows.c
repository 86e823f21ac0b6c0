/* Owns threads and their meeting points on Windows. */
#include "base/os.h"
#include "base/os_sync.h"

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <process.h>

enum { NS_PER_MS = 1000000, STACK_SIZE = 2 << 20 };

/* The system's own number, which is never 0. */
uintptr_t os_thread_id(void) {
    return GetCurrentThreadId();
}

/* The lock is one that looks again a few times before it goes to sleep. Neither it nor the condition has anything to
 * be freed. */
struct os_signal {
    SRWLOCK lock;
    CONDITION_VARIABLE news;
    bool has_news;
    base_allocator allocator;
};

base_status os_signal_new(const base_allocator *allocator, os_signal **out) {
    os_signal *signal = base_alloc_zeroed(allocator, 1, sizeof *signal);
    *out = signal;
    if (!signal) return BASE_NO_MEMORY;
    InitializeSRWLock(&signal->lock);
    InitializeConditionVariable(&signal->news);
    signal->allocator = allocator ? *allocator : *base_default_allocator();
    return BASE_OK;
}

void os_signal_free(os_signal *signal) {
    if (!signal) return;
    base_allocator allocator = signal->allocator;
    base_free(&allocator, signal, sizeof *signal);
}

void os_signal_lock(os_signal *signal) {
    AcquireSRWLockExclusive(&signal->lock);
}

void os_signal_unlock(os_signal *signal) {
    ReleaseSRWLockExclusive(&signal->lock);
}

void os_signal_set(os_signal *signal) {
    signal->has_news = true;
    WakeConditionVariable(&signal->news);
}

/* How long to wait at most, rounded up, so that nobody spins through the last millisecond. A day fits; the caller looks
 * again. */
static DWORD wait_ms(uint64_t deadline_ns, uint64_t now) {
    if (deadline_ns == UINT64_MAX) return INFINITE;
    const uint64_t longest = (uint64_t)1000 * 3600 * 24;
    uint64_t wait = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return (DWORD)(wait < longest ? wait : longest);
}

bool os_signal_wait(os_signal *signal, uint64_t deadline_ns) {
    AcquireSRWLockExclusive(&signal->lock);
    while (!signal->has_news) {
        uint64_t now = os_monotonic_ns();
        if (now >= deadline_ns) break;
        SleepConditionVariableSRW(&signal->news, &signal->lock, wait_ms(deadline_ns, now), 0);
    }
    bool had_news = signal->has_news;
    signal->has_news = false;
    ReleaseSRWLockExclusive(&signal->lock);
    return had_news;
}

/* ---- Threads ---- */

struct os_thread {
    HANDLE thread;
    void (*run)(void *user);
    void *user;
    base_allocator allocator;
};

static unsigned __stdcall run_thread(void *user) {
    os_thread *thread = user;
    thread->run(thread->user);
    return 0;
}

/* Windows has no signals to block. The thread is the C library's, because callbacks may call that. */
base_status os_thread_start(const base_allocator *allocator, void (*run)(void *user), void *user,
                            os_thread **out) {
    *out = NULL;
    os_thread *thread = base_alloc_zeroed(allocator, 1, sizeof *thread);
    if (!thread) return BASE_NO_MEMORY;
    thread->run = run;
    thread->user = user;
    thread->allocator = allocator ? *allocator : *base_default_allocator();
    thread->thread =
        (HANDLE)_beginthreadex(NULL, STACK_SIZE, run_thread, thread, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread->thread) {
        base_free(allocator, thread, sizeof *thread);
        return BASE_IO;
    }
    *out = thread;
    return BASE_OK;
}

void os_thread_join(os_thread *thread) {
    WaitForSingleObject(thread->thread, INFINITE);
    CloseHandle(thread->thread);
    base_allocator allocator = thread->allocator;
    base_free(&allocator, thread, sizeof *thread);
}

/* Those that the process may run on, in its group of at most 64. A process whose threads are in several groups is told
 * of none, and may run on all. */
unsigned os_processor_count(void) {
    DWORD_PTR ours = 0, all = 0;
    unsigned count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all))
        for (; ours != 0; ours &= ours - 1) count++;
    if (count == 0) count = (unsigned)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return count > 0 ? count : 1;
}
