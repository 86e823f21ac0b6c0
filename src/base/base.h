/* The ground floor: status codes, one error type, allocator hooks, byte spans and growable buffers.
 *
 * Everything here compiles for the host and for the guest (the plugin kit uses the same sources), depends on the
 * freestanding part of libc alone, and never prints, exits or aborts. The operating system is in os.h. */
#ifndef WPLUG_BASE_H
#define WPLUG_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__MINGW32__) && !defined(__clang__)
/* Where GCC's `printf` means the one of Windows. Ours is the standard's everywhere. */
#define BASE_PRINTF(format_index, first_argument)                                                            \
    __attribute__((format(gnu_printf, format_index, first_argument)))
#elif defined(__GNUC__) || defined(__clang__)
#define BASE_PRINTF(format_index, first_argument)                                                            \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define BASE_PRINTF(format_index, first_argument)
#endif

/* What a function of the inner rooms reports. The public header has its own, larger list (wplug_status). */
typedef enum base_status {
    BASE_OK = 0,
    BASE_NO_MEMORY,   /* an allocation failed */
    BASE_MALFORMED,   /* the input breaks the grammar of its format */
    BASE_INVALID,     /* well-formed, but breaks a rule of validation */
    BASE_UNSUPPORTED, /* correct, but uses a feature that is off or not there */
    BASE_UNLINKABLE,  /* an import is missing or has another type */
    BASE_LIMIT,       /* a limit set by the embedder was reached */
    BASE_NOT_FOUND,   /* no such name, index or file */
    BASE_IO,          /* the operating system refused */
    BASE_MISUSE       /* the caller broke the rules of the interface */
} base_status;

/* An error with a sentence for a person. Fixed in size, so that it can be reported when memory has run out. */
typedef struct base_error {
    base_status status;
    char message[496];
} base_error;

/* Fills `error` (may be NULL) and returns `status`, so that a failing function can `return base_fail(...)`.
 * A message too long for the buffer is cut and ends in "...". */
base_status base_fail(base_error *error, base_status status, const char *format, ...) BASE_PRINTF(3, 4);
base_status base_fail_va(base_error *error, base_status status, const char *format, va_list arguments);

/* base_fail for a failed allocation. */
base_status base_fail_no_memory(base_error *error);

/* Allocation hook. Works as realloc does: pointer NULL allocates, new_size 0 frees and returns NULL; old_size is the
 * size of the block at `pointer` as it was asked for. Returns NULL on failure and then leaves the old block alone.
 * May be called from any thread that uses an object made with it. */
typedef struct base_allocator {
    void *(*resize)(void *user, void *pointer, size_t old_size, size_t new_size);
    void *user;
} base_allocator;

/* The C library's heap. */
const base_allocator *base_default_allocator(void);

/* All of these accept allocator NULL, meaning the default one. base_alloc of size 0 returns a unique pointer to one
 * byte; base_new returns zeroed memory; overflow of count * size is a failure. Frees accept NULL. */
void *base_alloc(const base_allocator *allocator, size_t size);
void *base_alloc_zeroed(const base_allocator *allocator, size_t count, size_t size);
void *base_resize(const base_allocator *allocator, void *pointer, size_t old_size, size_t new_size);
void base_free(const base_allocator *allocator, void *pointer, size_t size);

/* Bytes between what different threads write, or one writes and others read: next to each other in a cache line it would be
 * fetched anew each time. Apple's processors have lines of 128 bytes; x86's have 64, and like to fetch two of them. */
#if defined(__wasm__) || (defined(WPLUG_THREADS) && !WPLUG_THREADS)
enum { BASE_APART = 16 }; /* there is one thread; blocks stay aligned */
#else
enum { BASE_APART = 128 };
#endif
/* Blocks of `outer` (NULL: the default), which must outlive it, that are so far from all others. */
base_allocator base_apart(const base_allocator *outer);

/* A borrowed run of bytes; not terminated. */
typedef struct base_bytes {
    const uint8_t *data;
    size_t size;
} base_bytes;

#define BASE_LITERAL(text) ((base_bytes){(const uint8_t *)(text), sizeof(text) - 1})
base_bytes base_bytes_from_text(const char *text); /* NULL gives an empty span */
bool base_bytes_equal(base_bytes a, base_bytes b);
bool base_bytes_equal_text(base_bytes a, const char *text);

/* A growable byte buffer. Zero-initialised with an allocator (or NULL) it is empty and valid. Appends either succeed
 * whole or return BASE_NO_MEMORY and change nothing. */
typedef struct base_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    const base_allocator *allocator;
} base_buffer;

void base_buffer_init(base_buffer *buffer, const base_allocator *allocator);
void base_buffer_free(base_buffer *buffer);
base_status base_buffer_reserve(base_buffer *buffer, size_t more);
base_status base_buffer_append(base_buffer *buffer, const void *data, size_t size);
base_status base_buffer_append_byte(base_buffer *buffer, uint8_t byte);
base_status base_buffer_append_text(base_buffer *buffer, const char *text);
base_status base_buffer_appendf(base_buffer *buffer, const char *format, ...) BASE_PRINTF(2, 3);
base_status base_buffer_append_va(base_buffer *buffer, const char *format, va_list arguments);
/* Drops the first `count` bytes (all of them where there are fewer). */
void base_buffer_consume(base_buffer *buffer, size_t count);
base_bytes base_buffer_bytes(const base_buffer *buffer);

#endif
