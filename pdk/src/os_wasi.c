/* Owns the plugin kit's way to the operating system: WASI preview 1, by the functions that every wplug host
 * and the Rust host link. tests/pdk has a made-up world in its place. */
#include "pdk.h"

#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

pdk_io pdk_os_read(void *bytes, size_t capacity, size_t *count) {
    __wasi_iovec_t piece = {bytes, capacity};
    __wasi_size_t read = 0;
    __wasi_errno_t result = __wasi_fd_read(0, &piece, 1, &read);
    *count = read;
    if (result == __WASI_ERRNO_AGAIN) return PDK_IO_AGAIN;
    if (result != __WASI_ERRNO_SUCCESS) return PDK_IO_FAILED;
    return read > 0 ? PDK_IO_DONE : PDK_IO_END;
}

bool pdk_os_write(int stream, const void *bytes, size_t size) {
    const uint8_t *rest = bytes;
    while (size > 0) {
        __wasi_ciovec_t piece = {rest, size};
        __wasi_size_t written = 0;
        __wasi_errno_t result = __wasi_fd_write(stream, &piece, 1, &written);
        if (result == __WASI_ERRNO_AGAIN || (result == __WASI_ERRNO_SUCCESS && written == 0)) {
            pdk_os_yield();
            continue;
        }
        if (result != __WASI_ERRNO_SUCCESS) return false;
        rest += written;
        size -= written;
    }
    return true;
}

static __wasi_subscription_t clock_subscription(uint64_t timeout_ns) {
    __wasi_subscription_t subscription = {0};
    subscription.u.tag = __WASI_EVENTTYPE_CLOCK;
    subscription.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    subscription.u.u.clock.timeout = timeout_ns;
    return subscription;
}

pdk_io pdk_os_wait_for_input(uint64_t timeout_ns) {
    __wasi_subscription_t subscriptions[2] = {{0}};
    __wasi_event_t events[2];
    __wasi_size_t count = 0;
    subscriptions[0].u.tag = __WASI_EVENTTYPE_FD_READ;
    subscriptions[0].u.u.fd_read.file_descriptor = 0;
    subscriptions[1] = clock_subscription(timeout_ns);
    size_t size = timeout_ns == PDK_NO_DEADLINE ? 1 : 2;
    if (__wasi_poll_oneoff(subscriptions, events, size, &count) != __WASI_ERRNO_SUCCESS) return PDK_IO_FAILED;
    for (size_t i = 0; i < count; i++) {
        if (events[i].type == __WASI_EVENTTYPE_FD_READ) return PDK_IO_DONE;
    }
    return PDK_IO_AGAIN;
}

/* Told by whether it takes a subscription that is always due: standard output can be written. A host that
 * knows clocks alone refuses a poll without one. */
bool pdk_os_polls_input(void) {
    __wasi_subscription_t subscription = {0};
    __wasi_event_t event;
    __wasi_size_t count = 0;
    subscription.u.tag = __WASI_EVENTTYPE_FD_WRITE;
    subscription.u.u.fd_write.file_descriptor = 1;
    return __wasi_poll_oneoff(&subscription, &event, 1, &count) == __WASI_ERRNO_SUCCESS && count == 1 &&
           event.type == __WASI_EVENTTYPE_FD_WRITE && event.error == __WASI_ERRNO_SUCCESS;
}

void pdk_os_sleep(uint64_t duration_ns) {
    __wasi_subscription_t subscription = clock_subscription(duration_ns);
    __wasi_event_t event;
    __wasi_size_t count = 0;
    if (__wasi_poll_oneoff(&subscription, &event, 1, &count) != __WASI_ERRNO_SUCCESS) pdk_os_yield();
}

void pdk_os_yield(void) {
    (void)!__wasi_sched_yield();
}

static uint64_t read_clock(__wasi_clockid_t clock) {
    __wasi_timestamp_t now = 0;
    return __wasi_clock_time_get(clock, 1, &now) == __WASI_ERRNO_SUCCESS ? now : 0;
}

uint64_t pdk_os_monotonic_ns(void) {
    return read_clock(__WASI_CLOCKID_MONOTONIC);
}

uint64_t pdk_os_realtime_ns(void) {
    return read_clock(__WASI_CLOCKID_REALTIME);
}

bool pdk_os_random(void *bytes, size_t size) {
    return __wasi_random_get(bytes, size) == __WASI_ERRNO_SUCCESS;
}

const char *pdk_os_environment(const char *name) {
    return getenv(name);
}

_Noreturn void pdk_os_exit(int code) {
    __wasi_proc_exit((__wasi_exitcode_t)code);
}

bool pdk_os_takes_memory_back(void) {
    return true;
}

#ifdef __wasm_bulk_memory__
/* In place of the C library's loops: one instruction each, which the host carries out natively. They matter
 * for large messages, which realloc copies as they grow. */
void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    return __builtin_memmove(to, from, size);
}

void *memset(void *to, int byte, size_t size) {
    return __builtin_memset(to, byte, size);
}

/* Eight bytes at once: the first step sets the high bit of those that are `byte`, and perhaps of ones after
 * them. */
void *memchr(const void *bytes, int byte, size_t size) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    const unsigned char *next = bytes, wanted = (unsigned char)byte;
    for (; size >= 8; next += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        word ^= ones * wanted;
        uint64_t marks = (word - ones) & ~word & highs;
        if (marks) return (void *)(uintptr_t)(next + __builtin_ctzll(marks) / 8);
    }
    for (; size > 0; next++, size--) {
        if (*next == wanted) return (void *)(uintptr_t)next;
    }
    return NULL;
}
#endif
