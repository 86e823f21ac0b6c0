/* Owns the monotonic clock as POSIX has it, and the waits that go by it: for all systems but Darwin. */
#include "base/os_posix.h"

uint64_t os_monotonic_ns(void) {
    return posix_clock_ns(CLOCK_MONOTONIC);
}

int posix_condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    if (failed) return failed;
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!failed) failed = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed;
}

void posix_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t ns) {
    uint64_t end = os_monotonic_ns() + ns;
    struct timespec time = {(time_t)(end / NS_PER_S), (long)(end % NS_PER_S)};
    pthread_cond_timedwait(condition, mutex, &time);
}
