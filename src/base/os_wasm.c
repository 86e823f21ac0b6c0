/* Owns what a host compiled to wasm32 asks of the page or program that it runs in: three functions of the
 * import module "wplug", and nothing else. There is no operating system below, so pages come from the heap.
 *
 *      now_monotonic() -> f64      milliseconds, never goes back, any origin    (performance.now)
 *      now_realtime() -> f64       milliseconds since 1970-01-01 UTC            (Date.now)
 *      random(pointer, size) -> i32   from a cryptographic source; 0: failed    (crypto.getRandomValues) */
#include "base/os.h"
#include "base/os_sync.h"

#include <stdlib.h>
#include <string.h>

#define IMPORTED(name) __attribute__((import_module("wplug"), import_name(name)))

IMPORTED("now_monotonic") extern double import_now_monotonic(void);
IMPORTED("now_realtime") extern double import_now_realtime(void);
IMPORTED("random") extern int import_random(void *data, size_t size);

enum { NS_PER_MS = 1000000 };

/* In two steps, because milliseconds since 1970 to the nanosecond are more than a double holds. */
static uint64_t ns_from_ms(double ms) {
    if (!(ms > 0)) return 0;
    const uint64_t whole = (uint64_t)ms;
    return whole * NS_PER_MS + (uint64_t)((ms - (double)whole) * NS_PER_MS);
}

uint64_t os_monotonic_ns(void) {
    return ns_from_ms(import_now_monotonic());
}

uint64_t os_realtime_ns(void) {
    return ns_from_ms(import_now_realtime());
}

base_status os_random(void *data, size_t size) {
    return size == 0 || import_random(data, size) ? BASE_OK : BASE_IO;
}

/* Nothing can sleep here: whoever may wait returns to the page instead. Waking early is allowed. */
void os_sleep_until(uint64_t deadline_ns) {}

/* The heap grows with memory.grow, joins freed blocks and uses them again; it never shrinks. Blocks are
 * aligned as malloc aligns, which is as much as anybody here needs. */
void *os_pages_alloc(size_t size) {
    return calloc(1, size ? size : 1);
}

void *os_pages_resize(void *pages, size_t old_size, size_t new_size) {
    if (!pages) return os_pages_alloc(new_size);
    uint8_t *moved = realloc(pages, new_size ? new_size : 1);
    if (moved && new_size > old_size) memset(moved + old_size, 0, new_size - old_size);
    return moved;
}

void os_pages_free(void *pages, size_t size) {
    free(pages);
}

/* Nobody takes memory back. */
void os_heap_trim(void) {}

unsigned os_processor_count(void) {
    return 1;
}
