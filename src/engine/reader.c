/* Owns the general forms of what reader.h reads: integers of several bytes, and names. */
#include "engine/reader.h"

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif

/* Reads an integer of `bits` bits; with `bits` known the compiler makes one plain loop of it for each width.
 */
static ALWAYS_INLINE bool read_leb(engine_reader *reader, unsigned bits, bool is_signed, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        if (reader->at == reader->module_end) {
            reader->problem = ENGINE_UNEXPECTED_END;
            return false;
        }
        uint8_t byte = *reader->at;
        unsigned left = bits - shift;
        if (left < 7) {
            /* The last byte: what lies beyond the width must repeat the sign, or be zero. */
            unsigned beyond = (is_signed ? 0x7Fu << (left - 1) : 0x7Fu << left) & 0x7Fu;
            unsigned excess = byte & beyond;
            if (excess != 0 && !(is_signed && excess == beyond)) {
                reader->problem = "integer too large";
                return false;
            }
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        reader->at++;
        if (byte < 0x80) {
            if (is_signed && (byte & 0x40) != 0 && shift + 7 < 64) value |= UINT64_MAX << (shift + 7);
            *out = value;
            if (reader->at <= reader->end) return true;
            reader->at = reader->end;
            reader->problem = ENGINE_UNEXPECTED_END;
            return false;
        }
    }
    reader->problem = "integer representation too long";
    return false;
}

bool engine_read_u32_long(engine_reader *reader, uint32_t *out) {
    uint64_t value = 0;
    bool ok = read_leb(reader, 32, false, &value);
    *out = (uint32_t)value;
    return ok;
}

bool engine_read_u64_long(engine_reader *reader, uint64_t *out) {
    *out = 0;
    return read_leb(reader, 64, false, out);
}

bool engine_read_s32_long(engine_reader *reader, int32_t *out) {
    uint64_t value = 0;
    bool ok = read_leb(reader, 32, true, &value);
    *out = (int32_t)(uint32_t)value;
    return ok;
}

bool engine_read_s33_long(engine_reader *reader, int64_t *out) {
    uint64_t value = 0;
    bool ok = read_leb(reader, 33, true, &value);
    *out = (int64_t)value;
    return ok;
}

bool engine_read_s64_long(engine_reader *reader, int64_t *out) {
    uint64_t value = 0;
    bool ok = read_leb(reader, 64, true, &value);
    *out = (int64_t)value;
    return ok;
}

bool engine_read_bytes(engine_reader *reader, uint32_t size, base_bytes *out) {
    if ((size_t)(reader->end - reader->at) < size) {
        reader->problem = ENGINE_UNEXPECTED_END;
        return false;
    }
    *out = (base_bytes){reader->at, size};
    reader->at += size;
    return true;
}

bool engine_read_length(engine_reader *reader, uint32_t *out) {
    const uint8_t *start = reader->at;
    bool ok = engine_read_u32(reader, out);
    if (ok && (size_t)(reader->end - reader->at) >= *out) return true;
    if (ok || start == reader->end) reader->problem = "length out of bounds: " ENGINE_UNEXPECTED_END;
    reader->at = start;
    return false;
}

static bool is_continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

/* The bytes of the character at `text`, or 0 where it is none: overlong forms, surrogates and values above
 * 10FFFF included. The bounds of the second byte are those of the Unicode standard's table 3-7. */
static size_t utf8_length(const uint8_t *text, size_t size) {
    uint8_t first = text[0];
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size < length) return 0;
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(text[i])) return 0;
    return length;
}

bool engine_read_name(engine_reader *reader, base_bytes *out) {
    const uint8_t *start = reader->at;
    uint32_t size;
    if (!engine_read_length(reader, &size) || !engine_read_bytes(reader, size, out)) return false;
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(out->data + at, size - at);
        if (length == 0) {
            reader->at = start;
            reader->problem = "malformed UTF-8 encoding";
            return false;
        }
        at += length;
    }
    return true;
}
