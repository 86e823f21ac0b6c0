/* What threads need of the operating system: who am I, a lock, a way to sleep until another thread has news,
 * and new threads. Belongs to the door that os.h is; apart from it because only the host room needs threads. A platform
 * without threads has a file in which all of this is trivial. */
#ifndef WPLUG_BASE_OS_SYNC_H
#define WPLUG_BASE_OS_SYNC_H

#include "base/base.h"

/* A number that no other living thread has; never 0. */
uintptr_t os_thread_id(void);

/* A lock with an event: one thread waits for news, any thread brings some. */
typedef struct os_signal os_signal;

/* BASE_NO_MEMORY, BASE_IO. */
base_status os_signal_new(const base_allocator *allocator, os_signal **out);
/* Nobody may hold, set or await it any more. NULL is fine. */
void os_signal_free(os_signal *signal);

/* Mutual exclusion for a few instructions at a time. Not recursive. */
void os_signal_lock(os_signal *signal);
void os_signal_unlock(os_signal *signal);

/* There is news: the present or next os_signal_wait returns. The caller holds the lock. */
void os_signal_set(os_signal *signal);
/* Waits for news, takes it and returns true; false when the monotonic clock reads `deadline_ns` first
 * (UINT64_MAX: no such time; 0: never waits). The caller does not hold the lock. */
bool os_signal_wait(os_signal *signal, uint64_t deadline_ns);

/* ---- Threads ---- */

typedef struct os_thread os_thread;

/* Starts a thread that runs `run`, with all signals blocked, so that they go to the program's own threads, and
 * with a C stack of at least 2 MiB. BASE_NO_MEMORY; BASE_IO also where the platform has no threads. */
base_status os_thread_start(const base_allocator *allocator, void (*run)(void *user), void *user,
                            os_thread **out);
/* Waits until the thread has come back from `run`, and frees it. */
void os_thread_join(os_thread *thread);

/* How many threads the system runs at once for this process; at least 1. */
unsigned os_processor_count(void);

#endif
