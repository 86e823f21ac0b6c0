/* JSON (RFC 8259): a reader that hands out spans of the text it read, and a writer into a base_buffer.
 *
 * The reader has two steps. json_validate checks a whole text once: grammar, UTF-8, depth. After that every
 * value is a `base_bytes` span into that text, from its first to its last byte without white space around it,
 * and the functions below walk, look up and convert such spans. There is no tree, nothing is allocated (but
 * for the buffers that callers pass in) and nothing recurses. A span lives as long as the text it points
 * into. Because spans are the text itself, whatever is passed on keeps its digits and its escapes exactly as
 * they were written.
 *
 *     text   {"jsonrpc" : "2.0", "params" : [ 1e400 , "a\n" ] }
 *     value  |<-------------------------------------------->|   json_validate
 *     key      |<----->|           |<---->|                     inside the quotes, escapes as written
 *     value               |<->|              |<----------->|    with quotes and brackets
 *
 * An absent value is the empty span (size 0), whose kind is JSON_NONE; every reading function accepts it.
 * A span that no validated text contains gives senseless answers, but never a read outside the span.
 *
 * Strings. RFC 8259 allows escapes that are half of a surrogate pair ("\ud800"). They are valid here and pass
 * through untouched; where a string is decoded or compared, each such lone half stands for U+FFFD. "\u0000"
 * is valid and decodes to a zero byte, so a decoded string is bytes with a size, never zero-terminated text.
 *
 * Numbers are read and written the same way in every locale and on every platform, doubles correctly rounded.
 */
#ifndef WPLUG_JSON_H
#define WPLUG_JSON_H

#include "base/base.h"

/* Containers within containers. `[]` has depth 1, a plain number depth 0. */
#define JSON_DEFAULT_DEPTH 128u
#define JSON_DEPTH_CEILING 4096u /* no depth limit can be set higher than this; the writer's own limit */

typedef enum json_kind {
    JSON_NONE = 0, /* an absent value, or a span that is no JSON value */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_kind;

/* ---- Reading ---- */

/* Checks that `text` is one JSON value, with white space around it or not, in strict UTF-8 (no overlong
 * forms, no surrogates, nothing above U+10FFFF, no byte order mark), nested at most `max_depth` deep (0 means
 * JSON_DEFAULT_DEPTH; more than JSON_DEPTH_CEILING counts as that). `value` (may be NULL) gets the value's
 * span.
 *
 * BASE_MALFORMED where the grammar or UTF-8 is broken, BASE_LIMIT where the nesting is too deep. The message
 * names the offset of the first byte that is wrong: "at byte 17: expected ',' or '}' after an object member".
 */
base_status json_validate(base_bytes text, uint32_t max_depth, base_bytes *value, base_error *error);

/* json_validate and json_find_all in one pass, for text that is expected to be an object: members[i] becomes
 * the member called names[i], or the empty span. On an error too the members are some spans of the text, or
 * empty. */
base_status json_validate_members(base_bytes text, uint32_t max_depth, base_bytes *value,
                                  const char *const *names, base_bytes *members, size_t count,
                                  base_error *error);

/* What a value is, told by its first byte. */
json_kind json_kind_of(base_bytes value);

/* The kind with an article, to put into messages: "a string", "an object", "null", "nothing". Static text. */
const char *json_kind_name(json_kind kind);

/* A place between the members of an object or the elements of an array. */
typedef struct json_iterator {
    const uint8_t *next;
    const uint8_t *end;
} json_iterator;

/* An iterator at the start of a container. Of anything else: one that yields nothing. */
json_iterator json_iterate(base_bytes container);

/* The next member, in the order written; false after the last. `key` is the span between the quotes, with its
 * escapes: compare it with json_key_equals. A key that occurs twice is yielded twice. */
bool json_next_member(json_iterator *iterator, base_bytes *key, base_bytes *value);

/* The next element of an array; false after the last. */
bool json_next_element(json_iterator *iterator, base_bytes *value);

/* Number of members or elements; 0 for anything else. Counting stops at `stop` (use SIZE_MAX for all). */
size_t json_count(base_bytes container, size_t stop);

/* The member called `name` (UTF-8, not escaped). Of several the last wins. Keys are compared decoded, so that
 * "m\u0065thod" is found as "method". False, and an empty span, where there is none or `object` is no object.
 */
bool json_find(base_bytes object, base_bytes name, base_bytes *value);
bool json_find_text(base_bytes object, const char *name, base_bytes *value);

/* Several look-ups in one pass: values[i] becomes the member called names[i], or the empty span. */
void json_find_all(base_bytes object, const char *const *names, base_bytes *values, size_t count);

/* The element at `index`, counted from 0. False, and an empty span, where there is none or `array` is no
 * array. */
bool json_at(base_bytes array, size_t index, base_bytes *value);

/* Whether a key span (from json_next_member), decoded, is `name`. */
bool json_key_equals(base_bytes key, base_bytes name);

/* Whether a value is a string and, decoded, is `text`. */
bool json_string_equals(base_bytes value, base_bytes text);
bool json_string_equals_text(base_bytes value, const char *text);

/* True where the value is a string without escapes; `inside` then is its text as it is: nothing to decode or
 * copy. */
bool json_string_plain(base_bytes value, base_bytes *inside);

/* Bytes that the string takes when decoded; 0 where the value is no string. Never more than the span's own
 * size. */
size_t json_string_size(base_bytes value);

/* Decodes a string and appends its bytes to `out`. BASE_INVALID where the value is of another kind; on any
 * error `out` is as before. */
base_status json_read_string(base_bytes value, base_buffer *out, base_error *error);

/* The same into the caller's memory: at most `capacity` bytes, no terminator, the count in `size`. BASE_LIMIT
 * where the string is longer; `size` then is what it needs. */
base_status json_copy_string(base_bytes value, void *buffer, size_t capacity, size_t *size,
                             base_error *error);

/* The same for a key span. `out` as before on any error. */
base_status json_read_key(base_bytes key, base_buffer *out, base_error *error);

/* Length in bytes of the UTF-8 character that `text` (at least one byte) starts with. Where it starts with
 * none, `valid` is false and the result is the length of what one U+FFFD stands for, at least 1. */
size_t json_utf8_size(base_bytes text, bool *valid);

/* Numbers. BASE_INVALID where the value is of another kind, or (for the integers) is not whole; BASE_LIMIT
 * where it is out of range. `out` is written on success alone. A number is whole by its value, however it is
 * written: 1e3, 5.0 and -0 are. Doubles are rounded to the nearest, ties to even; a number too small for a
 * double becomes the nearest subnormal or a zero with its sign, one that would round to an infinity (1e400)
 * is BASE_LIMIT. */
base_status json_read_int64(base_bytes value, int64_t *out, base_error *error);
base_status json_read_uint64(base_bytes value, uint64_t *out, base_error *error);
base_status json_read_double(base_bytes value, double *out, base_error *error);

base_status json_read_bool(base_bytes value, bool *out, base_error *error);

/* ---- Writing ---- */

/* Writes exactly one value, however nested, in compact form and on one line.
 *
 *     json_writer writer;
 *     json_writer_init(&writer, &buffer);
 *     json_begin_object(&writer);
 *     json_write_key(&writer, "count");
 *     json_write_uint64(&writer, 25);
 *     json_end_object(&writer);
 *     status = json_writer_finish(&writer, &error);
 *
 * Errors are sticky: the first one is remembered, all later writes do nothing, json_writer_finish reports it.
 * So nothing needs a check in between. Misuse is such an error too (BASE_MISUSE): a value in an object
 * without a key, a key outside an object, a second value at the top, ends that do not match their begins, an
 * unfinished container. */
typedef struct json_writer {
    base_buffer *out;
    size_t start;        /* out->size when the writer began */
    const char *message; /* what went wrong first; NULL while all is well */
    base_status status;
    uint32_t depth;                            /* open containers */
    bool follows;                              /* a sibling was written before: a comma comes first */
    bool key_written;                          /* a key waits for its value */
    bool complete;                             /* the one top-level value is there */
    uint8_t is_object[JSON_DEPTH_CEILING / 8]; /* bit d: the container at depth d + 1 is an object */
} json_writer;

/* Appends to `out`, which must stay and must not be written by others until the writer is finished. The
 * writer owns nothing: one that is not to be finished can just be forgotten (`out` then holds part of a
 * value). */
void json_writer_init(json_writer *writer, base_buffer *out);

/* BASE_OK where exactly one value was written whole. Otherwise the first error, and `out` is cut back to what
 * it held when the writer began. */
base_status json_writer_finish(json_writer *writer, base_error *error);

void json_begin_object(json_writer *writer);
void json_end_object(json_writer *writer);
void json_begin_array(json_writer *writer);
void json_end_array(json_writer *writer);

/* The key of the next member. Keys written twice are not noticed. */
void json_write_key(json_writer *writer, const char *name);
void json_write_key_bytes(json_writer *writer, base_bytes name);

/* A string. What JSON wants escaped is escaped; all else goes as it is. Bytes that are not UTF-8 are replaced
 * by U+FFFD, one for each longest run that begins a character but does not complete one (as browsers do), so
 * that whatever is logged or quoted gives valid JSON. The text variant takes zero-terminated text; NULL
 * writes null. */
void json_write_string(json_writer *writer, base_bytes text);
void json_write_text(json_writer *writer, const char *text);

void json_write_int64(json_writer *writer, int64_t value);
void json_write_uint64(json_writer *writer, uint64_t value);

/* The shortest digits that read back as the same double, in the form of ECMAScript's Number::toString (but -0
 * is written -0). NaN and infinities have no JSON form: BASE_INVALID. */
void json_write_double(json_writer *writer, double value);

void json_write_bool(json_writer *writer, bool value);
void json_write_null(json_writer *writer);

/* One JSON value that was validated before, byte for byte; only line ends in the white space between its
 * tokens become blanks, so that the output stays on one line. An empty span is BASE_MISUSE. */
void json_write_raw(json_writer *writer, base_bytes value);

#endif
