/* Owns what Darwin (macOS, iOS and their kin) has of its own among POSIX systems: see os_posix.h. */
#if !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* the functions that end in _np */
#endif
#include "base/os_posix.h"

#include <mach/mach.h>
#include <malloc/malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The processor's counter in nanoseconds. CLOCK_MONOTONIC is not it: that one is made of the time of day and of the time
 * of the last start, in microseconds, and goes on while the device sleeps. This one stops then, as Linux' CLOCK_MONOTONIC
 * does, and is the one that posix_condition_wait goes by. */
uint64_t os_monotonic_ns(void) {
    return clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
}

/* Not getentropy: for iOS that is no public function. This one draws from the system's generator and cannot fail. */
base_status os_random(void *data, size_t size) {
    arc4random_buf(data, size);
    return BASE_OK;
}

/* There is no mremap. A longer block first asks for the addresses behind it. Where these are taken it moves: vm_copy
 * lets both blocks share the pages until one is changed, so that nothing is copied, and untouched pages stay so. */
void *posix_resize_mapping(void *pages, size_t old_mapped, size_t new_mapped) {
    uint8_t *end = (uint8_t *)pages + old_mapped;
    if (new_mapped <= old_mapped) {
        if (new_mapped < old_mapped) munmap((uint8_t *)pages + new_mapped, old_mapped - new_mapped);
        return pages;
    }
    size_t more = new_mapped - old_mapped;
    void *behind = mmap(end, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (behind == end) return pages;
    if (behind != MAP_FAILED) munmap(behind, more);

    void *moved = os_pages_alloc(new_mapped);
    if (!moved) return NULL;
    if (vm_copy(mach_task_self(), (vm_address_t)pages, old_mapped, (vm_address_t)moved) != KERN_SUCCESS)
        memcpy(moved, pages, old_mapped);
    munmap(pages, old_mapped);
    return moved;
}

void os_heap_trim(void) {
    malloc_zone_pressure_relief(NULL, 0);
}

int posix_mutex_init(pthread_mutex_t *mutex) {
    return pthread_mutex_init(mutex, NULL);
}

/* Conditions cannot be told a clock, and their timed wait is for the time of day. But there is a wait for a duration. */
int posix_condition_init(pthread_cond_t *condition) {
    return pthread_cond_init(condition, NULL);
}

void posix_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t ns) {
    struct timespec duration = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    pthread_cond_timedwait_relative_np(condition, mutex, &duration);
}

unsigned os_processor_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}
