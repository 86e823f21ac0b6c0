/* Owns what POSIX systems (Linux, Android, macOS, iOS, the BSDs) share of the calls to the operating system: the time of
 * day, pages, files. Where they differ, each has a file of its own: os_posix.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE /* MAP_ANON */
#endif
#include "base/os_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* ---- Clocks ---- */

uint64_t posix_clock_ns(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t os_realtime_ns(void) {
    return posix_clock_ns(CLOCK_REALTIME);
}

void os_sleep_until(uint64_t deadline_ns) {
    uint64_t now = os_monotonic_ns();
    if (deadline_ns <= now) return;
    uint64_t wait = deadline_ns - now;
    const uint64_t longest = (uint64_t)NS_PER_S * 3600 * 24; /* fits every time_t; waking early is allowed */
    if (wait > longest) wait = longest;
    struct timespec duration = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)};
    nanosleep(&duration, NULL);
}

/* ---- Randomness ---- */

base_status posix_random_from_device(void *data, size_t size) {
    uint8_t *next = data;
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0) return BASE_IO;
    while (size > 0) {
        ssize_t count = read(file, next, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        next += count;
        size -= (size_t)count;
    }
    close(file);
    return size == 0 ? BASE_OK : BASE_IO;
}

/* ---- Pages ---- */

/* The size the system maps; 0 where that would be more than half of all addresses, which 32-bit systems might give: pointers into
 * such a block could not be subtracted. An empty block takes a page, so that it has an address. */
static size_t whole_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size == 0) return page;
    if (size > SIZE_MAX / 2 - (page - 1)) return 0;
    return (size + page - 1) / page * page;
}

void *os_pages_alloc(size_t size) {
    size_t mapped = whole_pages(size);
    if (mapped == 0) return NULL;
    void *pages = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void os_pages_free(void *pages, size_t size) {
    if (pages) munmap(pages, whole_pages(size));
}

void *os_pages_resize(void *pages, size_t old_size, size_t new_size) {
    if (!pages) return os_pages_alloc(new_size);
    size_t old_mapped = whole_pages(old_size);
    size_t new_mapped = whole_pages(new_size);
    if (new_mapped == 0) return NULL;
    if (new_mapped != old_mapped) {
        pages = posix_resize_mapping(pages, old_mapped, new_mapped);
        if (!pages) return NULL;
    }
    /* What a shrinking block leaves in its last page must not come back when it grows again. */
    if (new_size < old_size) {
        size_t stale_end = old_size < new_mapped ? old_size : new_mapped;
        memset((uint8_t *)pages + new_size, 0, stale_end - new_size);
    }
    return pages;
}

/* ---- Files ---- */

/* strerror, because its thread-safe variants differ between systems; for codes that the system itself gave,
 * the C libraries we build with return constant text. */
static base_status fail_io(base_error *error, const char *action, const char *path) {
    int reason = errno;
    return base_fail(error, reason == ENOENT ? BASE_NOT_FOUND : BASE_IO, "cannot %s '%s': %s", action, path,
                     strerror(reason));
}

static base_status fail_too_large(base_error *error, const char *path, size_t max_size) {
    return base_fail(error, BASE_LIMIT, "'%s' is larger than the limit of %zu bytes", path, max_size);
}

/* Reads up to one byte over the limit, so that files that grow or have no size (pipes) are caught too. */
static base_status read_all(int file, const char *path, size_t max_size, base_buffer *out,
                            base_error *error) {
    enum { READ_AHEAD = 64 * 1024 };
    size_t start = out->size;
    for (;;) {
        if (out->size - start > max_size) return fail_too_large(error, path, max_size);
        if (base_buffer_reserve(out, out->capacity > out->size ? 1 : READ_AHEAD) != BASE_OK)
            return base_fail_no_memory(error);
        ssize_t count = read(file, out->data + out->size, out->capacity - out->size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_io(error, "read", path);
        if (count == 0) return BASE_OK;
        out->size += (size_t)count;
    }
}

base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail_io(error, "open", path);
    base_status status = BASE_OK;
    struct stat info;
    if (fstat(file, &info) != 0) {
        status = fail_io(error, "read", path);
    } else if (S_ISREG(info.st_mode) && info.st_size > 0) {
        /* One allocation for the whole file, and a byte more to see its end. */
        if ((uint64_t)info.st_size > max_size)
            status = fail_too_large(error, path, max_size);
        else if (base_buffer_reserve(out, (size_t)info.st_size + 1) != BASE_OK)
            status = base_fail_no_memory(error);
    }
    size_t start = out->size;
    if (status == BASE_OK) status = read_all(file, path, max_size, out, error);
    if (status != BASE_OK) out->size = start;
    close(file);
    return status;
}
