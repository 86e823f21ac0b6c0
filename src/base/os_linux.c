/* Owns what Linux, Android included, has of its own among POSIX systems: see os_posix.h. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* mremap, sched_getaffinity, adaptive mutexes */
#endif
#include "base/os_posix.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By system call, because older Android libraries lack getrandom; kernels that lack it have the device. */
base_status os_random(void *data, size_t size) {
    uint8_t *next = data;
    while (size > 0) {
        long count = syscall(SYS_getrandom, next, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return posix_random_from_device(next, size);
        next += count;
        size -= (size_t)count;
    }
    return BASE_OK;
}

void *posix_resize_mapping(void *pages, size_t old_mapped, size_t new_mapped) {
    void *moved = mremap(pages, old_mapped, new_mapped, MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : moved;
}

#if defined(__GLIBC__)
#include <malloc.h>

void os_heap_trim(void) {
    malloc_trim(0);
}

/* The locks are held for so short a time that to go to sleep for one costs more than to look again. */
int posix_mutex_init(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);
    if (failed) return failed;
    failed = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    if (!failed) failed = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
}
#else
/* Other C libraries cannot be asked for either. */
void os_heap_trim(void) {}

int posix_mutex_init(pthread_mutex_t *mutex) {
    return pthread_mutex_init(mutex, NULL);
}
#endif

unsigned os_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (unsigned)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}
