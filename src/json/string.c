/* Owns decoding and comparing strings. A string's inside is runs of bytes that stand for themselves, and
 * escapes. */
#include "json/internal.h"

/* The run of `text` before its first backslash. */
static size_t plain_run(base_bytes text) {
    const uint8_t *backslash = text.size > 0 ? memchr(text.data, '\\', text.size) : NULL;
    return backslash ? (size_t)(backslash - text.data) : text.size;
}

static void drop(base_bytes *text, size_t count) {
    text->data += count;
    text->size -= count;
}

static uint32_t hex_value(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - (uint32_t)'0';
    return (digit | 0x20u) - 'a' + 10;
}

/* The unit of a \uXXXX escape at the start of `text`; false where there is none. */
static bool peek_unit(base_bytes text, uint32_t *unit) {
    if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u') return false;
    *unit = 0;
    for (int i = 2; i < 6; i++) *unit = *unit << 4 | (hex_value(text.data[i]) & 0xF);
    return true;
}

static size_t encode_utf8(uint32_t character, uint8_t out[4]) {
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xC0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xE0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (character & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (character & 0x3F));
    return 4;
}

/* Takes a \u escape, or two that are a surrogate pair. Half a pair becomes U+FFFD. */
static size_t take_unicode_escape(base_bytes *text, uint32_t unit, uint8_t out[4]) {
    uint32_t low;
    drop(text, 6);
    if (unit < 0xD800 || unit > 0xDFFF) return encode_utf8(unit, out);
    if (unit <= 0xDBFF && peek_unit(*text, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        drop(text, 6);
        return encode_utf8(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
    }
    return encode_utf8(0xFFFD, out);
}

/* Takes the escape that `text` starts with and gives what it stands for; returns that one's size. */
static size_t take_escape(base_bytes *text, uint8_t out[4]) {
    uint32_t unit;
    if (peek_unit(*text, &unit)) return take_unicode_escape(text, unit, out);
    uint8_t letter = text->size > 1 ? text->data[1] : '\\';
    drop(text, text->size > 1 ? 2 : 1);
    switch (letter) {
    case 'b': out[0] = '\b'; break;
    case 'f': out[0] = '\f'; break;
    case 'n': out[0] = '\n'; break;
    case 'r': out[0] = '\r'; break;
    case 't': out[0] = '\t'; break;
    default: out[0] = letter; break;
    }
    return 1;
}

/* Decodes into `out`, or only counts where it is NULL. Decoded text is never longer than the escaped. */
static size_t decode(base_bytes inside, uint8_t *out) {
    size_t size = 0;
    while (inside.size > 0) {
        size_t run = plain_run(inside);
        if (out) memcpy(out + size, inside.data, run);
        size += run;
        drop(&inside, run);
        if (inside.size == 0) break;
        uint8_t character[4];
        size_t count = take_escape(&inside, character);
        if (out) memcpy(out + size, character, count);
        size += count;
    }
    return size;
}

bool json_key_equals(base_bytes key, base_bytes name) {
    /* An escape is longer than what it stands for. Most keys are told from most names here. */
    if (key.size < name.size) return false;
    if (name.size > 0 && key.data[0] != name.data[0] && key.data[0] != '\\') return false;
    while (key.size > 0) {
        size_t run = plain_run(key);
        if (run > name.size || (run > 0 && memcmp(key.data, name.data, run) != 0)) return false;
        drop(&key, run);
        if (run > 0) drop(&name, run);
        if (key.size == 0) break;
        uint8_t character[4];
        size_t count = take_escape(&key, character);
        if (count > name.size || memcmp(character, name.data, count) != 0) return false;
        drop(&name, count);
    }
    return name.size == 0;
}

bool json_string_equals(base_bytes value, base_bytes text) {
    base_bytes inside;
    return json_string_inside(value, &inside) && json_key_equals(inside, text);
}

bool json_string_equals_text(base_bytes value, const char *text) {
    return json_string_equals(value, base_bytes_from_text(text));
}

bool json_string_plain(base_bytes value, base_bytes *inside) {
    return json_string_inside(value, inside) && plain_run(*inside) == inside->size;
}

size_t json_string_size(base_bytes value) {
    base_bytes inside;
    return json_string_inside(value, &inside) ? decode(inside, NULL) : 0;
}

static base_status fail_no_string(base_bytes value, base_error *error) {
    return base_fail(error, BASE_INVALID, "expected a string, found %s", json_kind_name(json_kind_of(value)));
}

base_status json_read_key(base_bytes key, base_buffer *out, base_error *error) {
    if (key.size == 0) return BASE_OK;
    if (base_buffer_reserve(out, key.size) != BASE_OK) return base_fail_no_memory(error);
    out->size += decode(key, out->data + out->size);
    return BASE_OK;
}

base_status json_read_string(base_bytes value, base_buffer *out, base_error *error) {
    base_bytes inside;
    if (!json_string_inside(value, &inside)) return fail_no_string(value, error);
    return json_read_key(inside, out, error);
}

base_status json_copy_string(base_bytes value, void *buffer, size_t capacity, size_t *size,
                             base_error *error) {
    base_bytes inside;
    if (!json_string_inside(value, &inside)) return fail_no_string(value, error);
    *size = decode(inside, NULL);
    if (*size > capacity)
        return base_fail(error, BASE_LIMIT, "the string has %zu bytes, at most %zu are allowed", *size,
                         capacity);
    if (*size > 0) decode(inside, buffer);
    return BASE_OK;
}

size_t json_utf8_size(base_bytes text, bool *valid) {
    return json_utf8_length(text.data, text.data + text.size, valid);
}
