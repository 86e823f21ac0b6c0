/* What the files of the JSON room share: the lexical level. Nothing here is for other rooms. */
#ifndef WPLUG_JSON_INTERNAL_H
#define WPLUG_JSON_INTERNAL_H

#include "json/json.h"

#include <string.h>

/* Not in WebAssembly: the C library's report of a failed assertion would bring stdio into every plugin. */
#if defined(__wasm__)
#define json_assert(condition) ((void)0)
#else
#include <assert.h>
#define json_assert(condition) assert(condition)
#endif

/* Length of the UTF-8 character at `next` (next < end), 1 to 4, by the table of well-formed sequences in the
 * Unicode standard (chapter 3, table 3-7). Where there is none, `*valid` is false and the result is the
 * length of the longest start of a character there, at least 1. */
static inline size_t json_utf8_length(const uint8_t *next, const uint8_t *end, bool *valid) {
    uint8_t lead = next[0];
    *valid = true;
    if (lead < 0x80) return 1;
    uint8_t least = 0x80, most = 0xBF; /* of the second byte */
    size_t length;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) least = 0xA0; /* overlong */
        if (lead == 0xED) most = 0x9F;  /* surrogates */
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) least = 0x90; /* overlong */
        if (lead == 0xF4) most = 0x8F;  /* above U+10FFFF */
    } else {
        *valid = false;
        return 1;
    }
    size_t available = (size_t)(end - next);
    for (size_t i = 1; i < length; i++) {
        if (i >= available || next[i] < least || next[i] > most) {
            *valid = false;
            return i;
        }
        least = 0x80;
        most = 0xBF;
    }
    return length;
}

/* The first of the bytes, in the order of memory, whose high bit is set in `marks`, a word that was read
 * there; 0 where the order is not known. */
static inline size_t json_first_marked(uint64_t marks) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    (void)marks;
    return 0;
#endif
}

/* The first byte that is not plain in a string: a quote, a backslash, a control character or not ASCII. Eight
 * bytes at once: each term sets the high bit of the bytes it looks for (and perhaps of bytes of more weight,
 * which come later where the order of bytes is little-endian; elsewhere the plain loop tells). */
static inline const uint8_t *json_skip_plain(const uint8_t *next, const uint8_t *end) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - next >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        uint64_t quote = (word ^ (ones * '"')) - ones;
        uint64_t backslash = (word ^ (ones * '\\')) - ones;
        uint64_t control = word - ones * 0x20;
        uint64_t marks = (word | quote | backslash | control) & highs;
        if (marks) {
            next += json_first_marked(marks);
            break;
        }
        next += 8;
    }
    while (next < end && *next >= 0x20 && *next < 0x80 && *next != '"' && *next != '\\') next++;
    return next;
}

/* The text between the quotes of a string value; false where the value is no string. */
static inline bool json_string_inside(base_bytes value, base_bytes *inside) {
    if (value.size < 2 || value.data[0] != '"') return false;
    *inside = (base_bytes){value.data + 1, value.size - 2};
    return true;
}

/* A double as decimal digits: 0.d1d2d3... times 10 to the power of `point`. */
enum { JSON_DOUBLE_DIGITS = 17 };
typedef struct json_digits {
    uint8_t digits[JSON_DOUBLE_DIGITS]; /* 0 to 9; the first and the last are not 0 */
    int count;
    int point;
} json_digits;

/* The shortest digits that read back as `value`, which is finite and greater than 0. */
void json_shortest_digits(double value, json_digits *result);

#endif
