/* Owns the small services: texts, memory, clocks, randomness and the log. */
#include "pdk.h"

#include <string.h>

/* ---- Memory ---- */

enum { CHUNK_SIZE = 1024 - 3 * sizeof(size_t) };

struct pdk_chunk {
    pdk_chunk *next;
    size_t used, capacity;
    _Alignas(max_align_t) uint8_t data[];
};

static pdk_chunk *chunk_new(size_t capacity) {
    if (capacity > SIZE_MAX - sizeof(pdk_chunk)) return NULL;
    pdk_chunk *chunk = base_alloc(NULL, sizeof(pdk_chunk) + capacity);
    if (!chunk) return NULL;
    *chunk = (pdk_chunk){.capacity = capacity};
    return chunk;
}

void *pdk_arena_alloc(pdk_arena *arena, size_t size) {
    const size_t unit = _Alignof(max_align_t);
    if (size > SIZE_MAX - unit) return NULL;
    size = size == 0 ? unit : (size + unit - 1) / unit * unit;
    pdk_chunk *chunk = arena->chunks;
    if (!chunk || chunk->capacity - chunk->used < size) {
        pdk_chunk *fresh = chunk_new(size < CHUNK_SIZE ? CHUNK_SIZE : size);
        if (!fresh) return NULL;
        /* A big piece fills its chunk: what is left of the one before stays in use. */
        if (chunk && size >= CHUNK_SIZE) {
            fresh->next = chunk->next;
            chunk->next = fresh;
        } else {
            fresh->next = chunk;
            arena->chunks = fresh;
        }
        chunk = fresh;
    }
    void *piece = chunk->data + chunk->used;
    chunk->used += size;
    return memset(piece, 0, size);
}

char *pdk_arena_copy(pdk_arena *arena, const void *data, size_t size) {
    char *copy = size < SIZE_MAX ? pdk_arena_alloc(arena, size + 1) : NULL;
    if (copy && size > 0) memcpy(copy, data, size);
    return copy;
}

void pdk_arena_free(pdk_arena *arena) {
    while (arena->chunks) {
        pdk_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        base_free(NULL, chunk, sizeof(pdk_chunk) + chunk->capacity);
    }
}

void pdk_arena_empty(pdk_arena *arena) {
    pdk_chunk *kept = arena->chunks;
    if (!kept || kept->capacity != CHUNK_SIZE) {
        pdk_arena_free(arena);
        return;
    }
    arena->chunks = kept->next;
    pdk_arena_free(arena);
    kept->next = NULL;
    kept->used = 0;
    arena->chunks = kept;
}

pdk_block *pdk_block_share(pdk_block *block) {
    block->owners++;
    return block;
}

void pdk_block_release(pdk_block *block) {
    if (block && --block->owners == 0) base_free(NULL, block, sizeof(pdk_block) + block->capacity);
}

void *wplug_alloc(wplug_request *request, size_t size) {
    void *memory = pdk_arena_alloc(&request->arena, size);
    if (!memory) pdk_request_no_memory(request);
    return memory;
}

/* ---- Texts ---- */

wplug_text wplug_str(const char *string) {
    return (wplug_text){string ? string : "", string ? strlen(string) : 0};
}

bool wplug_text_equal(wplug_text a, wplug_text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool wplug_text_is(wplug_text text, const char *string) {
    if (!string) return text.size == 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != string[i] || string[i] == '\0') return false;
    }
    return string[text.size] == '\0';
}

wplug_text wplug_format(wplug_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_buffer buffer = {0};
    char *copy = NULL;
    size_t size = 0;
    if (base_buffer_append_va(&buffer, format, arguments) == BASE_OK) {
        size = buffer.size;
        copy = pdk_arena_copy(&request->arena, buffer.data, size);
    }
    base_buffer_free(&buffer);
    va_end(arguments);
    if (copy) return (wplug_text){copy, size};
    pdk_request_no_memory(request);
    return wplug_str("");
}

const char *wplug_c_string(wplug_request *request, wplug_text text) {
    char *copy = pdk_arena_copy(&request->arena, text.data, text.size);
    if (copy) return copy;
    pdk_request_no_memory(request);
    return "";
}

/* ---- Clocks and randomness ---- */

uint64_t wplug_realtime_ns(void) {
    return pdk_os_realtime_ns();
}

uint64_t wplug_monotonic_ns(void) {
    return pdk_os_monotonic_ns();
}

uint64_t pdk_deadline_in_ms(uint64_t milliseconds) {
    const uint64_t latest = PDK_NO_DEADLINE - 1;
    uint64_t now = pdk_os_monotonic_ns();
    return milliseconds > (latest - now) / 1000000 ? latest : now + milliseconds * 1000000;
}

void wplug_sleep(uint64_t milliseconds) {
    uint64_t deadline = pdk_deadline_in_ms(milliseconds);
    for (uint64_t now; (now = pdk_os_monotonic_ns()) < deadline;) pdk_os_sleep(deadline - now);
}

void wplug_random_bytes(void *bytes, size_t size) {
    if (pdk_os_random(bytes, size)) return;
    wplug_log(WPLUG_LOG_ERROR, "the host gives no random bytes");
    pdk_os_exit(WPLUG_EXIT_NO_RANDOM);
}

uint64_t wplug_random_uint64(void) {
    uint64_t number;
    wplug_random_bytes(&number, sizeof number);
    return number;
}

uint64_t wplug_random_below(uint64_t bound) {
    if (bound == 0) return 0;
    /* 2^64 numbers do not share out evenly: those over the last whole multiple of `bound` are drawn again. */
    uint64_t excess = (UINT64_MAX % bound + 1) % bound;
    uint64_t number;
    do number = wplug_random_uint64();
    while (number > UINT64_MAX - excess);
    return number % bound;
}

/* ---- The log ---- */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* `message` with the level before each of its lines. False where there is no memory. */
static bool append_lines(base_buffer *log, const char *level, base_bytes message) {
    size_t start = 0;
    do {
        const uint8_t *rest = message.size > 0 ? message.data + start : (const uint8_t *)"";
        size_t left = message.size - start;
        const uint8_t *stop = memchr(rest, '\n', left);
        size_t size = stop ? (size_t)(stop - rest) : left;
        if (base_buffer_appendf(log, "%s: %.*s\n", level, (int)size, (const char *)rest) != BASE_OK)
            return false;
        start += size + 1;
    } while (start < message.size);
    return true;
}

void wplug_log(wplug_level level, const char *format, ...) {
    if (level < pdk.log_level) return;
    if ((size_t)level >= sizeof level_names / sizeof *level_names) level = WPLUG_LOG_ERROR;
    va_list arguments;
    va_start(arguments, format);
    base_buffer message = {0}, log = {0};
    if (base_buffer_append_va(&message, format, arguments) == BASE_OK &&
        append_lines(&log, level_names[level], base_buffer_bytes(&message))) {
        pdk_os_write(2, log.data, log.size);
    } else {
        /* No memory for the message: its format still tells what it was about. */
        pdk_os_write(2, format, strlen(format));
        pdk_os_write(2, "\n", 1);
    }
    va_end(arguments);
    base_buffer_free(&message);
    base_buffer_free(&log);
}

void wplug_log_from(wplug_level level) {
    if (!pdk.log_level_fixed) pdk.log_level = level;
}
