/* Owns the calls to the operating system on Windows, 8 and later. Paths are UTF-8 on our side and UTF-16 on its. */
#include "base/os.h"

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602 /* GetSystemTimePreciseAsFileTime */
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <bcrypt.h>
#include <malloc.h>
#include <string.h>

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* ---- Clocks ---- */

uint64_t os_monotonic_ns(void) {
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second); /* a constant that lies in the process's memory */
    const uint64_t ticks = (uint64_t)count.QuadPart, frequency = (uint64_t)per_second.QuadPart;
    /* In two steps, because the ticks in nanoseconds overflow after a few hours. */
    return ticks / frequency * NS_PER_S + ticks % frequency * NS_PER_S / frequency;
}

uint64_t os_realtime_ns(void) {
    /* Windows counts tenths of microseconds since 1601-01-01. */
    const uint64_t from_1601_to_1970 = (uint64_t)11644473600 * 10000000;
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    const uint64_t ticks = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    return ticks > from_1601_to_1970 ? (ticks - from_1601_to_1970) * 100 : 0;
}

void os_sleep_until(uint64_t deadline_ns) {
    uint64_t now = os_monotonic_ns();
    if (deadline_ns <= now) return;
    uint64_t wait_ms = (deadline_ns - now) / NS_PER_MS + 1;
    const uint64_t longest_ms = (uint64_t)1000 * 3600 * 24; /* fits a DWORD; waking early is allowed */
    Sleep((DWORD)(wait_ms < longest_ms ? wait_ms : longest_ms));
}

/* ---- Randomness ---- */

base_status os_random(void *data, size_t size) {
    uint8_t *next = data;
    const size_t most = (size_t)1 << 30; /* a ULONG counts what is asked for */
    while (size > 0) {
        size_t piece = size < most ? size : most;
        if (BCryptGenRandom(NULL, next, (ULONG)piece, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0) return BASE_IO;
        next += piece;
        size -= piece;
    }
    return BASE_OK;
}

/* ---- Pages ----
 *
 *     a block:  |== committed: read and written ==|-- reserved: addresses alone, for growing in place --|
 *
 * Windows counts what is committed against memory and page file together, touched or not, but takes no page of either
 * before it is touched. Blocks cannot move without being copied, so one that has grown once gets addresses to
 * grow on.
 *
 * There are no images (os_image), so that memories are copied for each call. Windows can map a section to be copied on
 * write, but it would gain little and risk more: a view is counted in full all the same; the reserve of zeros must be
 * placed right behind it, where systems before Windows 10 1803 let another thread get in between; and which pages have
 * been copied is told only of those in the working set, so that a reset would have to compare whole memories, which
 * costs what copying them does. */

/* The size the system commits; 0 where it overflows. An empty block takes a page, so that it has an address. */
static size_t whole_pages(size_t size) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    size_t page = system.dwPageSize;
    if (size == 0) return page;
    if (size > SIZE_MAX - (page - 1)) return 0;
    return (size + page - 1) / page * page;
}

void *os_pages_alloc(size_t size) {
    size_t committed = whole_pages(size);
    return committed ? VirtualAlloc(NULL, committed, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) : NULL;
}

void os_pages_free(void *pages, size_t size) {
    if (pages) VirtualFree(pages, 0, MEM_RELEASE);
}

/* Commits the reserved addresses behind a block. False where there are not enough, or no memory. The addresses must be
 * the block's own: another one's may begin right behind it, and would be committed as readily. */
static bool grow_in_place(uint8_t *pages, size_t old_committed, size_t new_committed) {
    MEMORY_BASIC_INFORMATION behind;
    if (VirtualQuery(pages + old_committed, &behind, sizeof behind) != sizeof behind) return false;
    if (behind.State != MEM_RESERVE || behind.AllocationBase != pages) return false;
    size_t more = new_committed - old_committed;
    return behind.RegionSize >= more && VirtualAlloc(pages + old_committed, more, MEM_COMMIT, PAGE_READWRITE);
}

/* A block with as many addresses again behind it, so that growing in steps copies each byte a bounded number of
 * times; without, where addresses are scarce. */
static void *alloc_with_room(size_t committed) {
    const bool has_addresses = sizeof(void *) > 4 && committed <= SIZE_MAX / 2;
    void *pages = has_addresses ? VirtualAlloc(NULL, 2 * committed, MEM_RESERVE, PAGE_READWRITE) : NULL;
    if (!pages) return VirtualAlloc(NULL, committed, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (VirtualAlloc(pages, committed, MEM_COMMIT, PAGE_READWRITE)) return pages;
    VirtualFree(pages, 0, MEM_RELEASE);
    return NULL;
}

void *os_pages_resize(void *pages, size_t old_size, size_t new_size) {
    if (!pages) return os_pages_alloc(new_size);
    const size_t old_committed = whole_pages(old_size), new_committed = whole_pages(new_size);
    if (new_committed == 0) return NULL;
    if (new_committed > old_committed) {
        if (grow_in_place(pages, old_committed, new_committed)) return pages;
        void *moved = alloc_with_room(new_committed);
        if (!moved) return NULL;
        memcpy(moved, pages, old_committed);
        os_pages_free(pages, old_size);
        return moved;
    }
    /* What goes must not come back when the block grows again: neither whole pages nor the rest of the last. */
    if (new_committed < old_committed &&
        !VirtualFree((uint8_t *)pages + new_committed, old_committed - new_committed, MEM_DECOMMIT))
        return NULL;
    if (new_size < old_size) {
        size_t stale_end = old_size < new_committed ? old_size : new_committed;
        memset((uint8_t *)pages + new_size, 0, stale_end - new_size);
    }
    return pages;
}

/* ---- The heap ---- */

void os_heap_trim(void) {
    _heapmin();
}

/* ---- Files ---- */

static base_status fail_io(base_error *error, const char *action, const char *path, DWORD reason) {
    wchar_t wide[128];
    char text[3 * 128 + 1] = "";
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, reason, 0,
                                  wide, sizeof wide / sizeof *wide, NULL);
    /* It ends in a full stop and a line end. */
    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.')) length--;
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text, (int)sizeof text - 1, NULL, NULL);
    text[size > 0 ? size : 0] = 0;
    const bool is_missing =
        reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND || reason == ERROR_INVALID_NAME;
    const base_status status = is_missing ? BASE_NOT_FOUND : BASE_IO;
    if (text[0] == 0) return base_fail(error, status, "cannot %s '%s': error %lu", action, path, reason);
    return base_fail(error, status, "cannot %s '%s': %s", action, path, text);
}

static base_status fail_too_large(base_error *error, const char *path, size_t max_size) {
    return base_fail(error, BASE_LIMIT, "'%s' is larger than the limit of %zu bytes", path, max_size);
}

static base_status open_file(const char *path, const base_allocator *allocator, HANDLE *out,
                             base_error *error) {
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (length <= 0) return fail_io(error, "open", path, GetLastError());
    const size_t size = (size_t)length * sizeof(wchar_t);
    wchar_t *wide = base_alloc(allocator, size);
    if (!wide) return base_fail_no_memory(error);
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, length);
    *out = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    const DWORD reason = GetLastError();
    base_free(allocator, wide, size);
    return *out == INVALID_HANDLE_VALUE ? fail_io(error, "open", path, reason) : BASE_OK;
}

/* Reads up to one byte over the limit, so that files that grow or have no size (pipes) are caught too. */
static base_status read_all(HANDLE file, const char *path, size_t max_size, base_buffer *out,
                            base_error *error) {
    enum { READ_AHEAD = 64 * 1024, READ_MOST = 1 << 30 };
    size_t start = out->size;
    for (;;) {
        if (out->size - start > max_size) return fail_too_large(error, path, max_size);
        if (base_buffer_reserve(out, out->capacity > out->size ? 1 : READ_AHEAD) != BASE_OK)
            return base_fail_no_memory(error);
        size_t room = out->capacity - out->size;
        DWORD count;
        if (!ReadFile(file, out->data + out->size, room < READ_MOST ? (DWORD)room : READ_MOST, &count,
                      NULL)) {
            const DWORD reason = GetLastError();
            /* That is how a pipe ends. */
            return reason == ERROR_BROKEN_PIPE ? BASE_OK : fail_io(error, "read", path, reason);
        }
        if (count == 0) return BASE_OK;
        out->size += count;
    }
}

base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error) {
    HANDLE file;
    base_status status = open_file(path, out->allocator, &file, error);
    if (status != BASE_OK) return status;
    LARGE_INTEGER size;
    if (GetFileType(file) == FILE_TYPE_DISK && GetFileSizeEx(file, &size) && size.QuadPart > 0) {
        /* One allocation for the whole file, and a byte more to see its end. */
        if ((uint64_t)size.QuadPart > max_size)
            status = fail_too_large(error, path, max_size);
        else if (base_buffer_reserve(out, (size_t)size.QuadPart + 1) != BASE_OK)
            status = base_fail_no_memory(error);
    }
    size_t start = out->size;
    if (status == BASE_OK) status = read_all(file, path, max_size, out, error);
    if (status != BASE_OK) out->size = start;
    CloseHandle(file);
    return status;
}
