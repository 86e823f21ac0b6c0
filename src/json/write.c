/* Owns writing JSON. Every value goes through value_begins, which checks that one may stand here and writes
 * the comma. */
#include "json/internal.h"

/* ---- State ---- */

static void fail(json_writer *writer, base_status status, const char *message) {
    if (writer->message) return;
    writer->status = status;
    writer->message = message;
}

static bool failed(const json_writer *writer) {
    return writer->message != NULL;
}

static void put(json_writer *writer, const void *data, size_t size) {
    if (failed(writer)) return;
    if (base_buffer_append(writer->out, data, size) != BASE_OK) fail(writer, BASE_NO_MEMORY, "out of memory");
}

static bool writer_in_object(const json_writer *writer) {
    uint32_t level = writer->depth - 1;
    return writer->depth > 0 && (writer->is_object[level / 8] >> (level % 8) & 1);
}

void json_writer_init(json_writer *writer, base_buffer *out) {
    writer->out = out;
    writer->start = out->size;
    writer->message = NULL;
    writer->status = BASE_OK;
    writer->depth = 0; /* the bits are written as containers open */
    writer->follows = writer->key_written = writer->complete = false;
}

base_status json_writer_finish(json_writer *writer, base_error *error) {
    if (writer->depth > 0) fail(writer, BASE_MISUSE, "a JSON container was begun but not ended");
    if (!writer->complete) fail(writer, BASE_MISUSE, "no JSON value was written");
    if (!failed(writer)) return BASE_OK;
    if (writer->out->size > writer->start) writer->out->size = writer->start;
    return base_fail(error, writer->status, "%s", writer->message);
}

/* Before every value: false where none may come or an earlier error makes it pointless. */
static bool value_begins(json_writer *writer) {
    if (failed(writer)) return false;
    if (writer->depth == 0) {
        if (writer->complete)
            fail(writer, BASE_MISUSE, "a second JSON value was written after the end of the first");
    } else if (writer_in_object(writer)) {
        if (!writer->key_written)
            fail(writer, BASE_MISUSE, "a value was written into a JSON object without a key");
    } else if (writer->follows) {
        put(writer, ",", 1);
    }
    return !failed(writer);
}

static void value_ends(json_writer *writer) {
    writer->follows = true;
    writer->key_written = false;
    writer->complete = writer->depth == 0;
}

static void write_token(json_writer *writer, const void *data, size_t size) {
    if (!value_begins(writer)) return;
    put(writer, data, size);
    value_ends(writer);
}

/* ---- Containers ---- */

static void begin(json_writer *writer, bool object) {
    if (!value_begins(writer)) return;
    if (writer->depth == JSON_DEPTH_CEILING) {
        fail(writer, BASE_LIMIT, "JSON is nested too deep to be written");
        return;
    }
    uint8_t bit = (uint8_t)(1u << (writer->depth % 8));
    uint8_t *bits = &writer->is_object[writer->depth / 8];
    if (writer->depth % 8 == 0) *bits = 0;
    *bits = object ? *bits | bit : *bits & (uint8_t)~bit;
    writer->depth++;
    writer->follows = writer->key_written = false;
    put(writer, object ? "{" : "[", 1);
}

static void end(json_writer *writer, bool object) {
    if (failed(writer)) return;
    if (writer->depth == 0 || writer_in_object(writer) != object) {
        fail(writer, BASE_MISUSE,
             object ? "a JSON object was ended that was not begun last"
                    : "a JSON array was ended that was not begun last");
        return;
    }
    if (writer->key_written) {
        fail(writer, BASE_MISUSE, "a JSON object was ended after a key without a value");
        return;
    }
    writer->depth--;
    put(writer, object ? "}" : "]", 1);
    value_ends(writer);
}

void json_begin_object(json_writer *writer) {
    begin(writer, true);
}

void json_end_object(json_writer *writer) {
    end(writer, true);
}

void json_begin_array(json_writer *writer) {
    begin(writer, false);
}

void json_end_array(json_writer *writer) {
    end(writer, false);
}

/* ---- Strings ---- */

static void put_escape(json_writer *writer, uint8_t byte) {
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 0xF]};
    size_t size = 2;
    switch (byte) {
    case '"':
    case '\\': escape[1] = (char)byte; break;
    case '\b': escape[1] = 'b'; break;
    case '\f': escape[1] = 'f'; break;
    case '\n': escape[1] = 'n'; break;
    case '\r': escape[1] = 'r'; break;
    case '\t': escape[1] = 't'; break;
    default: size = sizeof escape; break;
    }
    put(writer, escape, size);
}

/* The first byte that cannot go into a string as it is. */
static const uint8_t *skip_as_is(const uint8_t *next, const uint8_t *end) {
    for (;;) {
        next = json_skip_plain(next, end);
        if (next == end || *next < 0x80) return next;
        bool valid;
        size_t length = json_utf8_length(next, end, &valid);
        if (!valid) return next;
        next += length;
    }
}

static void put_quoted(json_writer *writer, base_bytes text) {
    put(writer, "\"", 1);
    if (text.size > 0) {
        const uint8_t *next = text.data, *text_end = text.data + text.size;
        while (next < text_end) {
            const uint8_t *run_end = skip_as_is(next, text_end);
            put(writer, next, (size_t)(run_end - next));
            next = run_end;
            if (next == text_end) break;
            if (*next < 0x80) {
                put_escape(writer, *next++);
            } else {
                bool valid;
                next += json_utf8_length(next, text_end, &valid);
                put(writer, "\xEF\xBF\xBD", 3);
            }
        }
    }
    put(writer, "\"", 1);
}

void json_write_key_bytes(json_writer *writer, base_bytes name) {
    if (failed(writer)) return;
    if (!writer_in_object(writer)) {
        fail(writer, BASE_MISUSE, "a key was written outside of a JSON object");
        return;
    }
    if (writer->key_written) {
        fail(writer, BASE_MISUSE, "a key was written into a JSON object after a key without a value");
        return;
    }
    if (writer->follows) put(writer, ",", 1);
    put_quoted(writer, name);
    put(writer, ":", 1);
    writer->key_written = true;
}

void json_write_key(json_writer *writer, const char *name) {
    json_write_key_bytes(writer, base_bytes_from_text(name));
}

void json_write_string(json_writer *writer, base_bytes text) {
    if (!value_begins(writer)) return;
    put_quoted(writer, text);
    value_ends(writer);
}

void json_write_text(json_writer *writer, const char *text) {
    if (text)
        json_write_string(writer, base_bytes_from_text(text));
    else
        json_write_null(writer);
}

/* ---- Numbers ---- */

static void write_integer(json_writer *writer, bool negative, uint64_t magnitude) {
    char text[24];
    size_t start = sizeof text;
    do {
        text[--start] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative) text[--start] = '-';
    write_token(writer, text + start, sizeof text - start);
}

void json_write_int64(json_writer *writer, int64_t value) {
    write_integer(writer, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_write_uint64(json_writer *writer, uint64_t value) {
    write_integer(writer, false, value);
}

/* A small piece of text under construction, large enough for every double: a sign, 17 digits, a point, up to
 * six zeros (or up to 21 places), an exponent. */
typedef struct number_text {
    char data[40];
    size_t size;
} number_text;

static void add_char(number_text *text, char letter) {
    text->data[text->size++] = letter;
}

/* Digits from `first` up to `last`, zeros where the digits have come to their end. */
static void add_digits(number_text *text, const json_digits *digits, int first, int last) {
    for (int i = first; i < last; i++)
        add_char(text, (char)(i < digits->count ? '0' + digits->digits[i] : '0'));
}

static void add_exponent(number_text *text, int exponent) {
    add_char(text, 'e');
    add_char(text, exponent < 0 ? '-' : '+');
    if (exponent < 0) exponent = -exponent;
    if (exponent >= 100) add_char(text, (char)('0' + exponent / 100));
    if (exponent >= 10) add_char(text, (char)('0' + exponent / 10 % 10));
    add_char(text, (char)('0' + exponent % 10));
}

/* The layout of ECMAScript's Number::toString: plain from 1e-6 to below 1e21, with an exponent elsewhere. */
static void add_double(number_text *text, const json_digits *digits) {
    int count = digits->count, point = digits->point;
    if (point > 21 || point <= -6) {
        add_digits(text, digits, 0, 1);
        if (count > 1) add_char(text, '.');
        add_digits(text, digits, 1, count);
        add_exponent(text, point - 1);
    } else if (point > 0) {
        add_digits(text, digits, 0, point);
        if (count > point) add_char(text, '.');
        add_digits(text, digits, point, count);
    } else {
        add_char(text, '0');
        add_char(text, '.');
        for (int i = point; i < 0; i++) add_char(text, '0');
        add_digits(text, digits, 0, count);
    }
}

void json_write_double(json_writer *writer, double value) {
    const double exact_integers = 9007199254740992.0; /* 2^53 */
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits >> 52 & 0x7FF) == 0x7FF) {
        fail(writer, BASE_INVALID, "NaN and infinities cannot be written as JSON");
        return;
    }
    bool negative = bits >> 63;
    double magnitude = negative ? -value : value;
    if (magnitude < exact_integers && (double)(uint64_t)magnitude == magnitude) {
        write_integer(writer, negative, (uint64_t)magnitude);
        return;
    }
    number_text text = {.size = 0};
    json_digits digits;
    json_shortest_digits(magnitude, &digits);
    if (negative) add_char(&text, '-');
    add_double(&text, &digits);
    write_token(writer, text.data, text.size);
}

/* ---- Words and raw values ---- */

void json_write_bool(json_writer *writer, bool value) {
    if (value)
        write_token(writer, "true", 4);
    else
        write_token(writer, "false", 5);
}

void json_write_null(json_writer *writer) {
    write_token(writer, "null", 4);
}

/* In valid JSON, line ends stand between tokens only; blanks serve there as well. */
static void blank_line_ends(uint8_t *data, size_t size) {
    for (int i = 0; i < 2; i++) {
        uint8_t *next = data, *data_end = data + size;
        while (next < data_end &&
               (next = memchr(next, i == 0 ? '\n' : '\r', (size_t)(data_end - next))) != NULL)
            *next++ = ' ';
    }
}

void json_write_raw(json_writer *writer, base_bytes value) {
    if (value.size == 0) {
        fail(writer, BASE_MISUSE, "an absent value was written as JSON");
        return;
    }
    if (!value_begins(writer)) return;
    put(writer, value.data, value.size);
    if (failed(writer)) return;
    blank_line_ends(writer->out->data + (writer->out->size - value.size), value.size);
    value_ends(writer);
}
