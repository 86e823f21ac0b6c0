/* Owns the little JSON that the public header offers to host methods. */
#include "host/host.h"

wplug_status wplug_json_check(const char *text, size_t size, wplug_error *error) {
    if (!text) return host_fail(error, WPLUG_MISUSE, "wplug_json_check: text is NULL");
    base_error why;
    base_status status = json_validate((base_bytes){(const uint8_t *)text, size}, 0, NULL, &why);
    return status ? host_fail(error, WPLUG_BAD_JSON, "%s", why.message) : host_ok(error);
}

/* One reference token of a JSON Pointer, "~1" and "~0" decoded. False where it is longer than any that is
 * looked for. */
typedef struct pointer_token {
    base_bytes text;
    uint8_t decoded[256];
} pointer_token;

static bool read_token(const char **pointer, pointer_token *token) {
    const char *start = *pointer, *at = start;
    bool is_plain = true;
    for (; *at && *at != '/'; at++) is_plain = is_plain && *at != '~';
    *pointer = at;
    size_t length = (size_t)(at - start);
    if (is_plain) {
        token->text = (base_bytes){(const uint8_t *)start, length};
        return true;
    }
    size_t size = 0;
    for (size_t i = 0; i < length && size < sizeof token->decoded; i++) {
        char byte = start[i];
        if (byte == '~' && i + 1 < length && (start[i + 1] == '0' || start[i + 1] == '1')) {
            byte = start[++i] == '0' ? '~' : '/';
        } else if (byte == '~') {
            return false; /* RFC 6901, section 3: no other escapes */
        }
        token->decoded[size++] = (uint8_t)byte;
    }
    token->text = (base_bytes){token->decoded, size};
    return size < sizeof token->decoded;
}

/* RFC 6901, section 4: digits without leading zeros. */
static bool read_index(base_bytes text, size_t *out) {
    if (text.size == 0 || text.size > 9 || (text.size > 1 && text.data[0] == '0')) return false;
    size_t index = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        index = index * 10 + (text.data[i] - '0');
    }
    *out = index;
    return true;
}

wplug_status wplug_json_find(const char *text, size_t size, const char *pointer, const char **value,
                             size_t *value_size) {
    if (!text || !pointer || !value || !value_size) return WPLUG_MISUSE;
    base_bytes at;
    if (json_validate((base_bytes){(const uint8_t *)text, size}, 0, &at, NULL) != BASE_OK)
        return WPLUG_BAD_JSON;
    while (*pointer) {
        if (*pointer++ != '/') return WPLUG_NOT_FOUND;
        pointer_token token;
        if (!read_token(&pointer, &token)) return WPLUG_NOT_FOUND;
        size_t index;
        bool found = false;
        if (json_kind_of(at) == JSON_OBJECT)
            found = json_find(at, token.text, &at);
        else if (read_index(token.text, &index))
            found = json_at(at, index, &at);
        if (!found) return WPLUG_NOT_FOUND;
    }
    *value = (const char *)at.data;
    *value_size = at.size;
    return WPLUG_OK;
}

/* ---- Strings ---- */

wplug_status wplug_json_decode_string(const char *value, size_t size, char *out, size_t capacity,
                                      size_t *needed) {
    if (!value || (!out && capacity > 0)) return WPLUG_MISUSE;
    if (capacity > 0) out[0] = 0;
    base_bytes string;
    base_bytes text = {(const uint8_t *)value, size};
    if (json_validate(text, 0, &string, NULL) != BASE_OK || json_kind_of(string) != JSON_STRING) {
        return WPLUG_BAD_JSON;
    }
    size_t decoded_size = json_string_size(string);
    if (needed) *needed = decoded_size;
    if (decoded_size >= capacity) return WPLUG_OK;
    json_copy_string(string, out, capacity, &decoded_size, NULL);
    out[decoded_size] = 0;
    return WPLUG_OK;
}

/* A destination that may be too small: counts everything and keeps what fits. */
typedef struct text_sink {
    char *out;
    size_t capacity;
    size_t needed;
} text_sink;

static void sink_put(text_sink *sink, const void *bytes, size_t size) {
    if (sink->needed < sink->capacity && size <= sink->capacity - sink->needed) {
        memcpy(sink->out + sink->needed, bytes, size);
    }
    sink->needed += size;
}

/* The length of the UTF-8 sequence at `at`, or 0 where it is none (Unicode 15, table 3-7). */
static size_t utf8_length(const uint8_t *at, size_t size) {
    uint8_t first = at[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > size) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
    }
    if (first == 0xE0 && at[1] < 0xA0) return 0;
    if (first == 0xED && at[1] > 0x9F) return 0;
    if (first == 0xF0 && at[1] < 0x90) return 0;
    if (first == 0xF4 && at[1] > 0x8F) return 0;
    return length;
}

static void put_ascii(text_sink *sink, uint8_t byte) {
    static const char letters[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    static const char hex[] = "0123456789abcdef";
    for (const char *at = letters; *at; at += 2) {
        if (byte != (uint8_t)*at) continue;
        sink_put(sink, (const char[]){'\\', at[1]}, 2);
        return;
    }
    if (byte < 0x20)
        sink_put(sink, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
    else
        sink_put(sink, &byte, 1);
}

wplug_status wplug_json_encode_string(const char *bytes, size_t size, char *out, size_t capacity,
                                      size_t *needed) {
    static const uint8_t replacement[3] = {0xEF, 0xBF, 0xBD};
    if ((!bytes && size > 0) || (!out && capacity > 0)) return WPLUG_MISUSE;
    text_sink sink = {out, capacity, 0};
    sink_put(&sink, "\"", 1);
    for (size_t i = 0; i < size;) {
        const uint8_t *at = (const uint8_t *)bytes + i;
        size_t length = utf8_length(at, size - i);
        if (length == 1)
            put_ascii(&sink, *at);
        else if (length > 1)
            sink_put(&sink, at, length);
        else
            sink_put(&sink, replacement, sizeof replacement);
        i += length ? length : 1;
    }
    sink_put(&sink, "\"", 1);
    if (capacity > 0) out[sink.needed < capacity ? sink.needed : 0] = 0;
    if (needed) *needed = sink.needed;
    return WPLUG_OK;
}
