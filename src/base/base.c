/* Owns the ground floor's code: errors, allocation, spans, buffers, and the small formatter behind messages.
 *
 * The formatter is our own because the C library's would bring stdio into every plugin (and with it an import
 * of fd_seek, which not every host links), and because its output must not change with the locale. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

/* ---- Formatting ---- */

/* Where formatted text goes. Counts everything, stores what fits: first pass to measure, second to write. */
typedef struct text_sink {
    char *data;
    size_t capacity;
    size_t size;
} text_sink;

/* One conversion of a format, between its '%' and its letter. */
typedef struct conversion {
    bool left;
    bool zero;
    bool plus;
    bool space;
    bool alternate;
    size_t width;
    bool has_precision;
    size_t precision;
    enum {
        LENGTH_INT,
        LENGTH_CHAR,
        LENGTH_SHORT,
        LENGTH_LONG,
        LENGTH_LONG_LONG,
        LENGTH_SIZE,
        LENGTH_MAX
    } length;
} conversion;

static void sink_put(text_sink *sink, const char *data, size_t size) {
    if (sink->size < sink->capacity && size > 0) {
        size_t room = sink->capacity - sink->size;
        memcpy(sink->data + sink->size, data, size < room ? size : room);
    }
    sink->size += size;
}

static void sink_fill(text_sink *sink, char byte, size_t count) {
    for (size_t i = 0; i < count; i++) sink_put(sink, &byte, 1);
}

/* `body` with `prefix` (sign or 0x) before it, blank or zero filled to the width. */
static void sink_put_padded(text_sink *sink, const conversion *spec, const char *prefix, const char *body,
                            size_t size) {
    size_t prefix_size = strlen(prefix);
    size_t used = prefix_size + size;
    size_t fill = spec->width > used ? spec->width - used : 0;
    bool zeros = spec->zero && !spec->left && !spec->has_precision;
    if (!spec->left && !zeros) sink_fill(sink, ' ', fill);
    sink_put(sink, prefix, prefix_size);
    if (zeros) sink_fill(sink, '0', fill);
    sink_put(sink, body, size);
    if (spec->left) sink_fill(sink, ' ', fill);
}

static void format_unsigned(text_sink *sink, const conversion *spec, const char *prefix, uint64_t value,
                            unsigned base, bool upper) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[64];
    size_t start = sizeof text;
    size_t least = spec->has_precision ? spec->precision : 1;
    if (least > sizeof text) least = sizeof text;
    while (value > 0 || sizeof text - start < least) {
        text[--start] = digits[value % base];
        value /= base;
    }
    sink_put_padded(sink, spec, prefix, text + start, sizeof text - start);
}

static size_t parse_count(const char **format) {
    size_t count = 0;
    while (**format >= '0' && **format <= '9' && count < 100000)
        count = count * 10 + (size_t)(*(*format)++ - '0');
    return count;
}

/* A va_list in a struct, so that helpers can take it by address on every ABI. */
typedef struct argument_list {
    va_list list;
} argument_list;

static const char *parse_conversion(const char *format, conversion *spec, argument_list *arguments) {
    memset(spec, 0, sizeof *spec);
    for (;; format++) {
        if (*format == '-')
            spec->left = true;
        else if (*format == '0')
            spec->zero = true;
        else if (*format == '+')
            spec->plus = true;
        else if (*format == ' ')
            spec->space = true;
        else if (*format == '#')
            spec->alternate = true;
        else
            break;
    }
    if (*format == '*') {
        int width = va_arg(arguments->list, int);
        spec->left = spec->left || width < 0;
        spec->width = width < 0 ? 0u - (unsigned)width : (unsigned)width;
        format++;
    } else {
        spec->width = parse_count(&format);
    }
    if (*format == '.') {
        format++;
        spec->has_precision = true;
        if (*format == '*') {
            int precision = va_arg(arguments->list, int);
            spec->has_precision = precision >= 0;
            spec->precision = precision < 0 ? 0 : (unsigned)precision;
            format++;
        } else {
            spec->precision = parse_count(&format);
        }
    }
    if (*format == 'h') {
        spec->length = *++format == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
        if (spec->length == LENGTH_CHAR) format++;
    } else if (*format == 'l') {
        spec->length = *++format == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
        if (spec->length == LENGTH_LONG_LONG) format++;
    } else if (*format == 'z' || *format == 't') {
        spec->length = LENGTH_SIZE;
        format++;
    } else if (*format == 'j') {
        spec->length = LENGTH_MAX;
        format++;
    }
    return format;
}

static int64_t take_signed(const conversion *spec, argument_list *arguments) {
    switch (spec->length) {
    case LENGTH_CHAR: return (signed char)va_arg(arguments->list, int);
    case LENGTH_SHORT: return (short)va_arg(arguments->list, int);
    case LENGTH_LONG: return va_arg(arguments->list, long);
    case LENGTH_LONG_LONG: return va_arg(arguments->list, long long);
    case LENGTH_SIZE: return va_arg(arguments->list, ptrdiff_t);
    case LENGTH_MAX: return va_arg(arguments->list, intmax_t);
    default: return va_arg(arguments->list, int);
    }
}

static uint64_t take_unsigned(const conversion *spec, argument_list *arguments) {
    switch (spec->length) {
    case LENGTH_CHAR: return (unsigned char)va_arg(arguments->list, unsigned);
    case LENGTH_SHORT: return (unsigned short)va_arg(arguments->list, unsigned);
    case LENGTH_LONG: return va_arg(arguments->list, unsigned long);
    case LENGTH_LONG_LONG: return va_arg(arguments->list, unsigned long long);
    case LENGTH_SIZE: return va_arg(arguments->list, size_t);
    case LENGTH_MAX: return va_arg(arguments->list, uintmax_t);
    default: return va_arg(arguments->list, unsigned);
    }
}

static void format_signed(text_sink *sink, const conversion *spec, int64_t value) {
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    format_unsigned(sink, spec, sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, false);
}

static void format_text(text_sink *sink, conversion *spec, const char *text) {
    if (!text) text = "(null)";
    size_t size = 0;
    while ((!spec->has_precision || size < spec->precision) && text[size]) size++;
    spec->zero = false;
    sink_put_padded(sink, spec, "", text, size);
}

/* Formats one conversion; false where its letter is not one of ours. */
static bool format_conversion(text_sink *sink, conversion *spec, char letter, argument_list *arguments) {
    switch (letter) {
    case 'd':
    case 'i': format_signed(sink, spec, take_signed(spec, arguments)); return true;
    case 'u': format_unsigned(sink, spec, "", take_unsigned(spec, arguments), 10, false); return true;
    case 'o': format_unsigned(sink, spec, "", take_unsigned(spec, arguments), 8, false); return true;
    case 'x':
    case 'X': {
        uint64_t value = take_unsigned(spec, arguments);
        const char *prefix = !spec->alternate || value == 0 ? "" : letter == 'x' ? "0x" : "0X";
        format_unsigned(sink, spec, prefix, value, 16, letter == 'X');
        return true;
    }
    case 'p':
        format_unsigned(sink, spec, "0x", (uintptr_t)va_arg(arguments->list, void *), 16, false);
        return true;
    case 'c': {
        char byte = (char)va_arg(arguments->list, int);
        spec->zero = false;
        sink_put_padded(sink, spec, "", &byte, 1);
        return true;
    }
    case 's': format_text(sink, spec, va_arg(arguments->list, const char *)); return true;
    case '%': sink_put(sink, "%", 1); return true;
    default: return false;
    }
}

/* What printf does, without floating point. A conversion that is not ours ends the formatting: from there on
 * the format appears as it is, because the size of its argument is unknown. */
static void format_into(text_sink *sink, const char *format, va_list list) {
    argument_list arguments;
    va_copy(arguments.list, list);
    while (*format) {
        size_t plain = strcspn(format, "%");
        sink_put(sink, format, plain);
        format += plain;
        if (!*format) break;
        conversion spec;
        const char *letter = parse_conversion(format + 1, &spec, &arguments);
        if (!format_conversion(sink, &spec, *letter, &arguments)) {
            sink_put(sink, format, strlen(format));
            break;
        }
        format = letter + 1;
    }
    va_end(arguments.list);
}

/* ---- Errors ---- */

base_status base_fail_va(base_error *error, base_status status, const char *format, va_list arguments) {
    if (!error) return status;
    /* Formatted aside first, so that a caller can wrap the message that is in `error` already. */
    char text[sizeof error->message];
    text_sink sink = {text, sizeof text - 1, 0};
    format_into(&sink, format, arguments);
    size_t size = sink.size;
    if (size > sink.capacity) {
        size = sink.capacity - 3;
        while (size > 0 && ((uint8_t)text[size] & 0xC0) == 0x80) size--; /* not inside a UTF-8 character */
        memcpy(text + size, "...", 3);
        size += 3;
    }
    memcpy(error->message, text, size);
    error->message[size] = '\0';
    error->status = status;
    return status;
}

base_status base_fail(base_error *error, base_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_fail_va(error, status, format, arguments);
    va_end(arguments);
    return status;
}

base_status base_fail_no_memory(base_error *error) {
    return base_fail(error, BASE_NO_MEMORY, "out of memory");
}

/* ---- Allocation ---- */

static void *heap_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    return realloc(pointer, new_size);
}

static const base_allocator heap_allocator = {heap_resize, NULL};

const base_allocator *base_default_allocator(void) {
    return &heap_allocator;
}

void *base_resize(const base_allocator *allocator, void *pointer, size_t old_size, size_t new_size) {
    if (!allocator) allocator = &heap_allocator;
    if (!pointer) {
        if (new_size == 0) return NULL;
        old_size = 0;
    } else if (old_size == 0) {
        old_size = 1; /* a block of size 0 was asked for as one byte, see base_alloc */
    }
    return allocator->resize(allocator->user, pointer, old_size, new_size);
}

void *base_alloc(const base_allocator *allocator, size_t size) {
    return base_resize(allocator, NULL, 0, size > 0 ? size : 1);
}

/* calloc knows which pages of a large block are zero already. For small ones malloc is better: in the C library of GNU it
 * takes what its thread has lately freed, without a lock, and calloc does not. */
#define SMALL_BLOCK ((size_t)4 << 10)

void *base_alloc_zeroed(const base_allocator *allocator, size_t count, size_t size) {
    if (size > 0 && count > SIZE_MAX / size) return NULL;
    bool is_heap = !allocator || allocator->resize == heap_resize;
    if (is_heap && count * size > SMALL_BLOCK) return calloc(count, size);
    void *pointer = base_alloc(allocator, count * size);
    if (pointer) memset(pointer, 0, count * size);
    return pointer;
}

void base_free(const base_allocator *allocator, void *pointer, size_t size) {
    base_resize(allocator, pointer, size, 0);
}

/* That much of nothing on both sides needs no particular alignment. */
static void *apart_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    const base_allocator *outer = user;
    if (new_size > SIZE_MAX - 2 * BASE_APART) return NULL;
    uint8_t *whole = pointer ? (uint8_t *)pointer - BASE_APART : NULL;
    size_t whole_old = pointer ? old_size + 2 * BASE_APART : 0;
    whole = base_resize(outer, whole, whole_old, new_size > 0 ? new_size + 2 * BASE_APART : 0);
    return whole ? whole + BASE_APART : NULL;
}

base_allocator base_apart(const base_allocator *outer) {
    return (base_allocator){apart_resize, (void *)(uintptr_t)outer};
}

/* ---- Spans ---- */

base_bytes base_bytes_from_text(const char *text) {
    return (base_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool base_bytes_equal(base_bytes a, base_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool base_bytes_equal_text(base_bytes a, const char *text) {
    return base_bytes_equal(a, base_bytes_from_text(text));
}

/* ---- Buffers ---- */

enum { BUFFER_FIRST_CAPACITY = 128 };

void base_buffer_init(base_buffer *buffer, const base_allocator *allocator) {
    *buffer = (base_buffer){NULL, 0, 0, allocator};
}

void base_buffer_free(base_buffer *buffer) {
    base_free(buffer->allocator, buffer->data, buffer->capacity);
    base_buffer_init(buffer, buffer->allocator);
}

base_status base_buffer_reserve(base_buffer *buffer, size_t more) {
    if (more <= buffer->capacity - buffer->size) return BASE_OK;
    if (more > SIZE_MAX - buffer->size) return BASE_NO_MEMORY;
    size_t capacity = buffer->size + more;
    size_t doubled = buffer->capacity <= SIZE_MAX / 2 ? buffer->capacity * 2 : SIZE_MAX;
    if (capacity < doubled) capacity = doubled;
    if (capacity < BUFFER_FIRST_CAPACITY) capacity = BUFFER_FIRST_CAPACITY;
    uint8_t *data = base_resize(buffer->allocator, buffer->data, buffer->capacity, capacity);
    if (!data) return BASE_NO_MEMORY;
    buffer->data = data;
    buffer->capacity = capacity;
    return BASE_OK;
}

base_status base_buffer_append(base_buffer *buffer, const void *data, size_t size) {
    if (size == 0) return BASE_OK;
    base_status status = base_buffer_reserve(buffer, size);
    if (status != BASE_OK) return status;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return BASE_OK;
}

base_status base_buffer_append_byte(base_buffer *buffer, uint8_t byte) {
    return base_buffer_append(buffer, &byte, 1);
}

base_status base_buffer_append_text(base_buffer *buffer, const char *text) {
    return base_buffer_append(buffer, text, text ? strlen(text) : 0);
}

base_status base_buffer_append_va(base_buffer *buffer, const char *format, va_list arguments) {
    text_sink measure = {NULL, 0, 0};
    format_into(&measure, format, arguments);
    base_status status = base_buffer_reserve(buffer, measure.size);
    if (status == BASE_OK && measure.size > 0) {
        text_sink sink = {(char *)(buffer->data + buffer->size), measure.size, 0};
        format_into(&sink, format, arguments);
        buffer->size += measure.size;
    }
    return status;
}

base_status base_buffer_appendf(base_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_status status = base_buffer_append_va(buffer, format, arguments);
    va_end(arguments);
    return status;
}

void base_buffer_consume(base_buffer *buffer, size_t count) {
    if (count >= buffer->size) {
        buffer->size = 0;
        return;
    }
    if (count == 0) return;
    memmove(buffer->data, buffer->data + count, buffer->size - count);
    buffer->size -= count;
}

base_bytes base_buffer_bytes(const base_buffer *buffer) {
    return (base_bytes){buffer->data, buffer->size};
}
