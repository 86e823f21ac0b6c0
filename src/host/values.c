/* Owns WebAssembly values and types as text, for single functions and for descriptions. Independent of the
 * locale: decimal fractions are read and written by the JSON room. */
#include "host/host.h"

#include <math.h>
#include <stdio.h>

static base_status write_types(const engine_valtype *types, uint32_t count, base_buffer *out) {
    base_status status = base_buffer_append_text(out, "(");
    for (uint32_t i = 0; i < count && !status; i++) {
        if (i > 0) status = base_buffer_append_text(out, ", ");
        if (!status) status = base_buffer_append_text(out, engine_type_name(types[i]).text);
    }
    return status ? status : base_buffer_append_text(out, ")");
}

base_status host_functype_write(const engine_functype *type, base_buffer *out) {
    base_status status = write_types(type->params, type->param_count, out);
    if (!status) status = base_buffer_append_text(out, " -> ");
    return status ? status : write_types(type->results, type->result_count, out);
}

/* ---- Reading ---- */

static int digit_value(char digit, unsigned radix) {
    int value = -1;
    if (digit >= '0' && digit <= '9')
        value = digit - '0';
    else if (digit >= 'a' && digit <= 'f')
        value = digit - 'a' + 10;
    else if (digit >= 'A' && digit <= 'F')
        value = digit - 'A' + 10;
    return value < (int)radix ? value : -1;
}

/* Digits to the end of the text. */
static bool read_magnitude(const char *text, uint64_t *out) {
    unsigned radix = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        radix = 16;
        text += 2;
    }
    if (!*text) return false;
    uint64_t value = 0;
    for (; *text; text++) {
        int digit = digit_value(*text, radix);
        if (digit < 0 || value > (UINT64_MAX - (unsigned)digit) / radix) return false;
        value = value * radix + (unsigned)digit;
    }
    *out = value;
    return true;
}

/* An integer of `bits` bits, signed or unsigned. */
static bool read_integer(const char *text, unsigned bits, uint64_t *out) {
    bool is_negative = *text == '-';
    uint64_t magnitude, sign_bit = (uint64_t)1 << (bits - 1);
    if (!read_magnitude(text + (*text == '-' || *text == '+'), &magnitude)) return false;
    if (is_negative && magnitude > sign_bit) return false;
    if (bits < 64 && magnitude >> bits) return false;
    uint64_t value = is_negative ? 0 - magnitude : magnitude;
    *out = bits < 64 ? value & (((uint64_t)1 << bits) - 1) : value;
    return true;
}

static bool read_number(const char *text, double *out) {
    const char *magnitude = text + (*text == '-' || *text == '+');
    double sign = *text == '-' ? -1.0 : 1.0;
    if (strcmp(magnitude, "inf") == 0) {
        *out = sign * (double)INFINITY;
        return true;
    }
    if (strcmp(magnitude, "nan") == 0) {
        *out = copysign((double)NAN, sign);
        return true;
    }
    base_bytes value;
    if (json_validate(base_bytes_from_text(magnitude), 0, &value, NULL) != BASE_OK) return false;
    if (json_read_double(value, out, NULL) != BASE_OK) return false;
    *out *= sign;
    return true;
}

/* 0x and 32 hex digits, the highest first. */
static bool read_vector(const char *text, uint64_t *cells) {
    if (strlen(text) != 34 || text[0] != '0' || text[1] != 'x') return false;
    cells[0] = cells[1] = 0;
    for (int i = 0; i < 32; i++) {
        int digit = digit_value(text[2 + i], 16);
        if (digit < 0) return false;
        uint64_t *cell = &cells[i < 16 ? 1 : 0];
        *cell = *cell << 4 | (unsigned)digit;
    }
    return true;
}

bool host_value_read(engine_valtype type, const char *text, uint64_t *cells) {
    double number;
    switch (type) {
    case ENGINE_I32: return read_integer(text, 32, cells);
    case ENGINE_I64: return read_integer(text, 64, cells);
    case ENGINE_F32:
        if (!read_number(text, &number)) return false;
        *cells = engine_cell_f32((float)number);
        return true;
    case ENGINE_F64:
        if (!read_number(text, &number)) return false;
        *cells = engine_cell_f64(number);
        return true;
    case ENGINE_V128: return read_vector(text, cells);
    default: *cells = 0; return strcmp(text, "null") == 0 && (type & ENGINE_TYPE_NULLABLE);
    }
}

/* ---- Writing ---- */

static base_status write_double(double value, base_buffer *out) {
    if (isnan(value)) return base_buffer_append_text(out, "nan");
    if (isinf(value)) return base_buffer_append_text(out, value < 0 ? "-inf" : "inf");
    json_writer writer;
    json_writer_init(&writer, out);
    json_write_double(&writer, value);
    return json_writer_finish(&writer, NULL);
}

/* The double that has the fewest decimal digits among those that become `value` as a float. */
static double shortest_double(float value) {
    for (int digits = 1; digits < 9; digits++) {
        char text[64], plain[64];
        snprintf(text, sizeof text, "%.*e", digits - 1, (double)value);
        /* Whatever the locale puts between the first digit and the others becomes a point. */
        size_t size = 0;
        for (const char *at = text; *at; at++) {
            bool keep = (*at >= '0' && *at <= '9') || *at == 'e' || *at == '-' || *at == '+';
            if (keep)
                plain[size++] = *at;
            else if (size > 0 && plain[size - 1] != '.')
                plain[size++] = '.';
        }
        double number;
        base_bytes span = {(const uint8_t *)plain, size};
        if (json_read_double(span, &number, NULL) == BASE_OK && (float)number == value) return number;
    }
    return value;
}

base_status host_value_write(engine_valtype type, const uint64_t *cells, base_buffer *out) {
    switch (type) {
    case ENGINE_I32: return base_buffer_appendf(out, "%d", (int)(int32_t)engine_i32(*cells));
    case ENGINE_I64: return base_buffer_appendf(out, "%lld", (long long)(int64_t)*cells);
    case ENGINE_F32: {
        float value = engine_f32(*cells);
        return write_double(isfinite(value) ? shortest_double(value) : (double)value, out);
    }
    case ENGINE_F64: return write_double(engine_f64(*cells), out);
    case ENGINE_V128:
        return base_buffer_appendf(out, "0x%016llx%016llx", (unsigned long long)cells[1],
                                   (unsigned long long)cells[0]);
    default: return base_buffer_append_text(out, *cells ? "ref" : "null");
    }
}
