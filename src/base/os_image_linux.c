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
 * A reset that leaves a page as it was shows what one call wrote to the next one. Emulators of processes (qemu-user) run
 * programs at other addresses than the kernel knows, and may hand its table through as it is, and may take advice for
 * something to be left out; so do sandboxes that stand in for the kernel. So each image is tried once, with a copy whose first
 * page and first page of reserve are written to. */

static bool is_reset(const os_image *image, const uint8_t *pages) {
    return memcmp(pages, image->bytes, image->page) == 0 && is_zero(pages + image->size, image->page);
}

static void scribble(const os_image *image, uint8_t *pages) {
    pages[0] ^= 0xFF;
    pages[image->size] ^= 0xFF;
}

static bool tells_private_pages(const os_image *image, const uint8_t *pages) {
    uint64_t first, reserve, last = 0;
    size_t last_page = image->size - image->page;
    if (last_page > 0) (void)*(const volatile uint8_t *)(pages + last_page); /* present, but not private */
    return read_entries(image, pages, &first, 1) && is_private(first) &&
           read_entries(image, pages + image->size, &reserve, 1) && is_private(reserve) &&
           (last_page == 0 || (read_entries(image, pages + last_page, &last, 1) && !is_private(last)));
}

/* Stops using the page table where it tells something else. False where pages cannot be let go either. */
static bool can_reset(os_image *image) {
    uint8_t *pages = os_image_map(image, image->page);
    if (!pages) return false;
    size_t size = image->size + image->page;
    scribble(image, pages);
    if (image->page_table >= 0 && !tells_private_pages(image, pages)) {
        close(image->page_table);
        image->page_table = -1;
    }
    bool works = madvise(pages, size, MADV_DONTNEED) == 0 && is_reset(image, pages);
    os_pages_free(pages, size);
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
