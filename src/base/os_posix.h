/* What POSIX leaves open, or some system has better. os_posix.c and os_sync_posix.c have what all these systems share;
 * os_linux.c (Android too), os_darwin.c (macOS, iOS) and os_unix.c (the BSDs and whatever else) have the rest: of os.h
 * and os_sync.h os_monotonic_ns, os_random, os_heap_trim and os_processor_count, and what is declared here. Linux and
 * os_unix.c have os_clock_posix.c in common. Nobody but these files includes this one. */
#ifndef WPLUG_BASE_OS_POSIX_H
#define WPLUG_BASE_OS_POSIX_H

#include <pthread.h>
#include <time.h>

#include "base/os.h"
#include "base/os_sync.h"

enum { NS_PER_S = 1000000000 };

/* Makes a block of whole pages longer or shorter, at the same place or at another; new bytes are zero. NULL on failure:
 * then the block is as it was. */
void *posix_resize_mapping(void *pages, size_t old_mapped, size_t new_mapped);

/* 0, or the system's error number. */
int posix_mutex_init(pthread_mutex_t *mutex);
int posix_condition_init(pthread_cond_t *condition);
/* Waits `ns` nanoseconds at most (more than none, a day at most), on the clock of os_monotonic_ns, so that setting the
 * time of day cannot stretch it. May return early for no reason. */
void posix_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t ns);

/* Shared by them, in os_posix.c. */
uint64_t posix_clock_ns(clockid_t clock);
base_status posix_random_from_device(void *data, size_t size);

#endif
