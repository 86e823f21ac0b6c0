/* Threads' meeting points where there is one thread: nobody to lock out, nobody to wait for. */
#include "base/os.h"
#include "base/os_sync.h"

uintptr_t os_thread_id(void) {
    return 1;
}

struct os_signal {
    bool has_news;
    base_allocator allocator;
};

base_status os_signal_new(const base_allocator *allocator, os_signal **out) {
    os_signal *signal = base_alloc_zeroed(allocator, 1, sizeof *signal);
    *out = signal;
    if (!signal) return BASE_NO_MEMORY;
    signal->allocator = allocator ? *allocator : *base_default_allocator();
    return BASE_OK;
}

void os_signal_free(os_signal *signal) {
    if (!signal) return;
    base_allocator allocator = signal->allocator;
    base_free(&allocator, signal, sizeof *signal);
}

void os_signal_lock(os_signal *signal) {}
void os_signal_unlock(os_signal *signal) {}

void os_signal_set(os_signal *signal) {
    signal->has_news = true;
}

/* Without news there will be none while this function waits, so it does so for the time alone. */
bool os_signal_wait(os_signal *signal, uint64_t deadline_ns) {
    bool had_news = signal->has_news;
    signal->has_news = false;
    if (!had_news && deadline_ns != 0 && deadline_ns != UINT64_MAX) os_sleep_until(deadline_ns);
    return had_news;
}

base_status os_thread_start(const base_allocator *allocator, void (*run)(void *user), void *user,
                            os_thread **out) {
    *out = NULL;
    return BASE_IO;
}

/* There is none that could be joined. */
void os_thread_join(os_thread *thread) {}
