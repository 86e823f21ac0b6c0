/* The only door to the operating system: clocks, randomness, pages, files. Native hosts have os_posix.c; other
 * platforms have their own file with the same functions. */
#ifndef WPLUG_BASE_OS_H
#define WPLUG_BASE_OS_H

#include "base/base.h"

uint64_t os_monotonic_ns(void); /* never goes back; no fixed origin */
uint64_t os_realtime_ns(void);  /* since 1970-01-01 UTC */

/* Fills from the system's cryptographic source. BASE_IO where it fails. */
base_status os_random(void *data, size_t size);

/* Sleeps until the monotonic clock reads `deadline_ns`, or less long if the system wakes the thread early. */
void os_sleep_until(uint64_t deadline_ns);

/* Zeroed, page-aligned memory that costs nothing until it is touched. NULL on failure. `os_pages_resize` may move the
 * block; new bytes are zero; on failure it returns NULL and the old block stays. */
void *os_pages_alloc(size_t size);
void *os_pages_resize(void *pages, size_t old_size, size_t new_size);
void os_pages_free(void *pages, size_t size);

/* Reads a whole file into `out` (appending). Errors name the path and the system's reason; files over `max_size`
 * bytes are refused with BASE_LIMIT. */
base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error);

#endif
