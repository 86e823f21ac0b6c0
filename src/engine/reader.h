/* Reading the binary format: bytes, LEB128 integers, names. Every read is bounded by `end`; one that fails
 * leaves `at` where the trouble is and says in `problem` what is wrong, in the specification's words. */
#ifndef WPLUG_ENGINE_READER_H
#define WPLUG_ENGINE_READER_H

#include "base/base.h"

typedef struct engine_reader {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t
        *module_end; /* an integer that `end` cuts is read on to here, for its own faults come first */
    const char *problem;
} engine_reader;

static inline engine_reader engine_reader_of(base_bytes bytes) {
    const uint8_t *end = bytes.data + bytes.size;
    return (engine_reader){.at = bytes.data, .end = end, .module_end = end};
}

/* A reader of a part of what `outer` reads. */
static inline engine_reader engine_reader_within(const engine_reader *outer, const uint8_t *at,
                                                 uint32_t size) {
    return (engine_reader){.at = at, .end = at + size, .module_end = outer->module_end};
}

/* What is wrong where `end` is met. The specification has another wording where the module goes on after it.
 */
#define ENGINE_UNEXPECTED_END "unexpected end of section or function"

/* The general forms, out of line. An integer of more bytes than its width needs, or with bits beyond its
 * width, is malformed. */
bool engine_read_u32_long(engine_reader *reader, uint32_t *out);
bool engine_read_u64_long(engine_reader *reader, uint64_t *out);
bool engine_read_s32_long(engine_reader *reader, int32_t *out);
bool engine_read_s33_long(engine_reader *reader, int64_t *out);
bool engine_read_s64_long(engine_reader *reader, int64_t *out);

/* `size` bytes as they are. */
bool engine_read_bytes(engine_reader *reader, uint32_t size, base_bytes *out);
/* A length and as many bytes of UTF-8. */
bool engine_read_name(engine_reader *reader, base_bytes *out);
/* The length of a vector or of bytes: at least one byte must follow for each. */
bool engine_read_length(engine_reader *reader, uint32_t *out);

static inline bool engine_read_byte(engine_reader *reader, uint8_t *out) {
    if (reader->at == reader->end) {
        reader->problem = ENGINE_UNEXPECTED_END;
        return false;
    }
    *out = *reader->at++;
    return true;
}

static inline bool engine_read_u32(engine_reader *reader, uint32_t *out) {
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    return engine_read_u32_long(reader, out);
}

static inline bool engine_read_u64(engine_reader *reader, uint64_t *out) {
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    return engine_read_u64_long(reader, out);
}

static inline bool engine_read_s32(engine_reader *reader, int32_t *out) {
    if (reader->at < reader->end && *reader->at < 0x40) {
        *out = *reader->at++;
        return true;
    }
    return engine_read_s32_long(reader, out);
}

static inline bool engine_read_s64(engine_reader *reader, int64_t *out) {
    if (reader->at < reader->end && *reader->at < 0x40) {
        *out = *reader->at++;
        return true;
    }
    return engine_read_s64_long(reader, out);
}

#endif
