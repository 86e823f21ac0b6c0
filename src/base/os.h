/* The only door to the operating system: clocks, randomness, pages, files. Each platform has
 * files of its own with the same functions; those for POSIX systems share what they can (os_posix.h). */
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

/* An immutable image of memory, of which any number of copies can be mapped that share what they do not change. Any
 * thread.
 *
 *      os_image_map:  |== the image: private, copied on write ==|-- `reserve` bytes of zeros --|
 *
 * BASE_UNSUPPORTED where the system has no such thing, or none left: callers then copy. The image's pages that hold
 * nothing but zeros cost nothing. */
typedef struct os_image os_image;
base_status os_image_new(const base_allocator *allocator, const void *bytes, size_t size, os_image **out);
/* What was mapped before stays as it is, and can be freed, but not be reset. NULL is fine. */
void os_image_free(os_image *image);
const uint8_t *os_image_bytes(const os_image *image); /* to be read; whole pages of them */
size_t os_image_size(const os_image *image);          /* likewise, so not less than it was made with */
/* Free it with os_pages_free(pages, size of the image + reserve); it cannot be resized. NULL on failure. */
void *os_image_map(const os_image *image, size_t reserve);
/* Makes the first `size` bytes of a mapped copy (which may reach into the reserve) what they were when it was mapped,
 * to the last page. What was changed stays resident where it is not more than `keep` bytes, so that it costs no faults
 * next time. False where the system refuses: the copy is then of no use any more. */
bool os_image_reset(const os_image *image, void *pages, size_t size, size_t keep);

/* Asks the C library to give the system back what it holds free of its heap, where it can be asked. */
void os_heap_trim(void);

/* Reads a whole file into `out` (appending). Errors name the path and the system's reason; files over `max_size`
 * bytes are refused with BASE_LIMIT. */
base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error);

#endif
