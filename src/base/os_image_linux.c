/* Owns images of memory on Linux and Android: a file in memory that can be mapped privately, and a table that says which
 * pages of a mapping are private copies.
 *
 *     image->file    |####|    |####|####|            a memfd, pages of zeros left out; size in whole pages
 *     image->bytes   the same, mapped for reading: where a reset takes the bytes from
 *     a copy         |####|    |##x#|####|............  x: a private page, since the guest wrote to it         */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MAP_ANONYMOUS, pread */
#endif
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__ANDROID__)
#include <android/api-level.h>
#endif

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif

struct os_image {
    base_allocator allocator;
    const uint8_t *bytes;
    size_t size; /* whole pages */
    size_t page;
    int file;
    int page_table; /* /proc/self/pagemap, or -1 */
    pid_t process;  /* the one whose pages that describes */
};

/* An entry of /proc/self/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#define ENTRY_PRESENT   ((uint64_t)1 << 63)
#define ENTRY_SWAPPED   ((uint64_t)1 << 62)
#define ENTRY_FROM_FILE ((uint64_t)1 << 61)
enum { ENTRIES_AT_ONCE = 256 };

/* A file in memory, or a negative number. Android ends a process that makes a system call which the system's own library
 * does not make: it has had this one since level 30. */
static int new_file(void) {
#if defined(__ANDROID__)
    if (android_get_device_api_level() < 30) return -1;
#endif
    return (int)syscall(SYS_memfd_create, "wplug", MFD_CLOEXEC);
}

static bool is_zero(const uint8_t *bytes, size_t size) {
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static bool write_page(int file, const uint8_t *bytes, size_t size, size_t offset) {
    while (size > 0) {
        ssize_t count = pwrite(file, bytes, size, (off_t)offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes += count;
        size -= (size_t)count;
        offset += (size_t)count;
    }
    return true;
}

static bool fill_file(const os_image *image, const uint8_t *bytes, size_t size) {
    if (ftruncate(image->file, (off_t)image->size) != 0) return false;
    for (size_t at = 0; at < size; at += image->page) {
        size_t piece = size - at < image->page ? size - at : image->page;
        if (!is_zero(bytes + at, piece) && !write_page(image->file, bytes + at, piece, at)) return false;
    }
    return true;
}

void *os_image_map(const os_image *image, size_t reserve) {
    if (reserve > SIZE_MAX / 2) return NULL;
    uint8_t *pages = os_pages_alloc(image->size + reserve);
    if (!pages) return NULL;
    void *mapped = mmap(pages, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image->file, 0);
    if (mapped != MAP_FAILED) return pages;
    os_pages_free(pages, image->size + reserve);
    return NULL;
}

/* Reads entries of the page table from page `first` on. A child process that was forked has its parent's descriptor,
 * and must not believe it. */
static bool read_entries(const os_image *image, const uint8_t *first, uint64_t *entries, size_t count) {
    size_t wanted = count * sizeof *entries;
    off_t at = (off_t)((uintptr_t)first / image->page * sizeof *entries);
    ssize_t size;
    do size = pread(image->page_table, entries, wanted, at);
    while (size < 0 && errno == EINTR);
    return size == (ssize_t)wanted;
}

static bool is_private(uint64_t entry) {
    return (entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) && !(entry & ENTRY_FROM_FILE);
}

/* ---- Whether the system does what is expected of it ----
 *
 * A reset that leaves a page as it was shows what one call wrote to the next one. Emulators of processes (qemu-user) may hand the
 * kernel's table through as it is, with other addresses or another byte order than their programs have, and may take advice
 * for something to be left out; so may sandboxes that stand in for the kernel. So each image is tried once: of a copy and
 * a piece of reserve every other page is written to, and the others of the copy are read. */
enum { TRIED_PAGES = 64, TRIED_RESERVE = 16 };

static void touch_pages(uint8_t *pages, size_t page, size_t count, bool reads) {
    for (size_t i = 0; i < count; i++) {
        volatile uint8_t *first = pages + i * page;
        if (i % 2 == 0)
            *first ^= 0xFF;
        else if (reads)
            (void)*first;
    }
}

/* Of pages that were touched like that. */
static bool tells_private_pages(const os_image *image, const uint8_t *pages, size_t count) {
    uint64_t entries[TRIED_PAGES];
    if (!read_entries(image, pages, entries, count)) return false;
    for (size_t i = 0; i < count; i++) {
        if (is_private(entries[i]) != (i % 2 == 0)) return false;
    }
    return true;
}

/* Stops using the page table where it tells something else. False where pages cannot be let go either. */
static bool can_reset(os_image *image) {
    size_t count = image->size / image->page, reserve = TRIED_RESERVE * image->page;
    if (count > TRIED_PAGES) count = TRIED_PAGES;
    uint8_t *pages = os_image_map(image, reserve);
    if (!pages) return false;
    touch_pages(pages, image->page, count, true);
    touch_pages(pages + image->size, image->page, TRIED_RESERVE, false);
    if (image->page_table >= 0 && !(tells_private_pages(image, pages, count) &&
                                    tells_private_pages(image, pages + image->size, TRIED_RESERVE))) {
        close(image->page_table);
        image->page_table = -1;
    }
    bool works = madvise(pages, image->size + reserve, MADV_DONTNEED) == 0 &&
                 memcmp(pages, image->bytes, count * image->page) == 0 &&
                 is_zero(pages + image->size, reserve);
    os_pages_free(pages, image->size + reserve);
    return works;
}

base_status os_image_new(const base_allocator *allocator, const void *bytes, size_t size, os_image **out) {
    *out = NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size == 0 || size > SIZE_MAX / 2) return BASE_UNSUPPORTED;
    os_image *image = base_alloc(allocator, sizeof *image);
    if (!image) return BASE_NO_MEMORY;
    *image = (os_image){.allocator = allocator ? *allocator : *base_default_allocator(),
                        .size = (size + page - 1) / page * page,
                        .page = page,
                        .page_table = -1};
    image->file = new_file();
    if (image->file >= 0 && fill_file(image, bytes, size)) {
        void *mapped = mmap(NULL, image->size, PROT_READ, MAP_SHARED, image->file, 0);
        if (mapped != MAP_FAILED) image->bytes = mapped;
    }
    if (!image->bytes) {
        os_image_free(image);
        return BASE_UNSUPPORTED;
    }
    image->page_table = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    image->process = getpid();
    if (!can_reset(image)) {
        os_image_free(image);
        return BASE_UNSUPPORTED;
    }
    *out = image;
    return BASE_OK;
}

void os_image_free(os_image *image) {
    if (!image) return;
    if (image->bytes) munmap((void *)(uintptr_t)image->bytes, image->size);
    if (image->file >= 0) close(image->file);
    if (image->page_table >= 0) close(image->page_table);
    base_allocator allocator = image->allocator;
    base_free(&allocator, image, sizeof *image);
}

const uint8_t *os_image_bytes(const os_image *image) {
    return image->bytes;
}

size_t os_image_size(const os_image *image) {
    return image->size;
}

/* Puts back the pages that are private copies. False where they are more than `keep` bytes, or cannot be told from
 * others. */
static bool put_back(const os_image *image, uint8_t *pages, size_t size, size_t keep) {
    uint64_t entries[ENTRIES_AT_ONCE];
    size_t count = (size + image->page - 1) / image->page, kept = 0;
    for (size_t start = 0; start < count; start += ENTRIES_AT_ONCE) {
        size_t some = count - start < ENTRIES_AT_ONCE ? count - start : ENTRIES_AT_ONCE;
        if (!read_entries(image, pages + start * image->page, entries, some)) return false;
        for (size_t i = 0; i < some; i++) {
            if (!is_private(entries[i])) continue;
            kept += image->page;
            if (kept > keep) return false;
            size_t at = (start + i) * image->page;
            if (at < image->size)
                memcpy(pages + at, image->bytes + at, image->page);
            else
                memset(pages + at, 0, image->page);
        }
    }
    return true;
}

bool os_image_reset(const os_image *image, void *pages, size_t size, size_t keep) {
    if (image->page_table >= 0 && image->process == getpid() && put_back(image, pages, size, keep))
        return true;
    /* Private pages go: those of the image come from the file again, those of the reserve are zero. */
    size_t whole = (size + image->page - 1) / image->page * image->page;
    return whole == 0 || madvise(pages, whole, MADV_DONTNEED) == 0;
}
