/* Owns values: how the scripts write them, and when a result is the one expected.
 *
 * A value is {"type": …, "value": …}. Numbers are decimal strings of their bits. References of the host are
 * numbers from 0; in a cell 0 is null, so that number n is cell n + 1. */
#include "spec.h"

#include "json/json.h"

typedef struct spec_number_type {
    const char *name;
    unsigned bits;
    bool is_float;
    engine_valtype type; /* 0 for types of lanes alone */
} spec_number_type;

static const spec_number_type number_types[] = {
    {"i32", 32, false, ENGINE_I32},
    {"i64", 64, false, ENGINE_I64},
    {"f32", 32, true, ENGINE_F32},
    {"f64", 64, true, ENGINE_F64},
    {"i8", 8, false, 0},
    {"i16", 16, false, 0},
};

static const spec_number_type *find_number_type(base_bytes name) {
    for (size_t i = 0; i < sizeof number_types / sizeof *number_types; i++)
        if (json_string_equals_text(name, number_types[i].name)) return &number_types[i];
    return NULL;
}

static uint64_t mask_of(unsigned bits) {
    return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

/* A decimal string; may have a minus sign. */
static bool read_number(base_bytes text, uint64_t *out) {
    base_bytes digits;
    if (!json_string_plain(text, &digits) || digits.size == 0) return false;
    bool negative = digits.data[0] == '-';
    uint64_t value = 0;
    for (size_t i = negative; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') return false;
        value = value * 10 + (uint64_t)(digits.data[i] - '0');
    }
    *out = negative ? 0 - value : value;
    return digits.size > (size_t)negative;
}

static base_bytes member(base_bytes object, const char *name) {
    base_bytes value;
    json_find_text(object, name, &value);
    return value;
}

static void put_bits(uint64_t cells[2], unsigned position, unsigned bits, uint64_t value) {
    cells[position / 64] |= (value & mask_of(bits)) << position % 64;
}

static uint64_t get_bits(const uint64_t cells[2], unsigned position, unsigned bits) {
    return cells[position / 64] >> position % 64 & mask_of(bits);
}

static bool is_host_reference(base_bytes type) {
    return json_string_equals_text(type, "externref") || json_string_equals_text(type, "hostref");
}

static unsigned read_vector(base_bytes value, uint64_t cells[2]) {
    const spec_number_type *lane_type = find_number_type(member(value, "lane_type"));
    if (!lane_type) return 0;
    json_iterator lanes = json_iterate(member(value, "value"));
    base_bytes lane;
    unsigned position = 0;
    for (; json_next_element(&lanes, &lane); position += lane_type->bits) {
        uint64_t bits;
        if (position >= 128 || !read_number(lane, &bits)) return 0;
        put_bits(cells, position, lane_type->bits, bits);
    }
    return position == 128 ? 2 : 0;
}

unsigned spec_read_argument(base_bytes value, uint64_t cells[2]) {
    cells[0] = cells[1] = 0;
    base_bytes type = member(value, "type"), text = member(value, "value");
    if (json_string_equals_text(type, "v128")) return read_vector(value, cells);
    if (json_string_equals_text(text, "null")) return 1;
    uint64_t number;
    if (!read_number(text, &number)) return 0;
    const spec_number_type *number_type = find_number_type(type);
    if (number_type && number_type->type) {
        cells[0] = number & mask_of(number_type->bits);
        return 1;
    }
    cells[0] = number + 1;
    return is_host_reference(type) ? 1 : 0;
}

/* The NaN patterns of the specification: canonical has the top bit of the payload alone, arithmetic has it.
 */
static bool is_nan(uint64_t value, unsigned bits, bool canonical) {
    unsigned payload = bits == 32 ? 23 : 52;
    uint64_t quiet = (uint64_t)1 << (payload - 1);
    uint64_t exponent = mask_of(bits - 1) & ~mask_of(payload);
    uint64_t wanted = exponent | quiet;
    return canonical ? (value & mask_of(bits - 1)) == wanted : (value & wanted) == wanted;
}

static bool number_matches(base_bytes text, const spec_number_type *type, uint64_t value) {
    value &= mask_of(type->bits);
    if (type->is_float && json_string_equals_text(text, "nan:canonical"))
        return is_nan(value, type->bits, true);
    if (type->is_float && json_string_equals_text(text, "nan:arithmetic"))
        return is_nan(value, type->bits, false);
    uint64_t wanted;
    return read_number(text, &wanted) && (wanted & mask_of(type->bits)) == value;
}

static bool vector_matches(base_bytes expected, const uint64_t *cells) {
    const spec_number_type *lane_type = find_number_type(member(expected, "lane_type"));
    if (!lane_type) return false;
    json_iterator lanes = json_iterate(member(expected, "value"));
    base_bytes lane;
    unsigned position = 0;
    for (; json_next_element(&lanes, &lane); position += lane_type->bits)
        if (position >= 128 || !number_matches(lane, lane_type, get_bits(cells, position, lane_type->bits)))
            return false;
    return position == 128;
}

static bool is_subtype_of_func(engine_valtype type) {
    uint32_t heap = type & ENGINE_HEAP_MASK;
    return heap == ENGINE_HEAP_FUNC || heap == ENGINE_HEAP_NOFUNC || !(heap & ENGINE_HEAP_ABSTRACT);
}

static bool reference_matches(base_bytes expected, engine_valtype type, uint64_t cell) {
    base_bytes wanted_type = member(expected, "type"), text = member(expected, "value");
    if (json_string_equals_text(text, "null")) return cell == 0;
    if (json_string_equals_text(wanted_type, "funcref")) return is_subtype_of_func(type) && cell != 0;
    if (!is_host_reference(wanted_type) || (type & ENGINE_HEAP_MASK) != ENGINE_HEAP_EXTERN || cell == 0)
        return false;
    uint64_t number;
    return json_kind_of(text) != JSON_STRING || (read_number(text, &number) && cell == number + 1);
}

static bool one_matches(base_bytes expected, engine_valtype type, const uint64_t *cells) {
    base_bytes wanted_type = member(expected, "type");
    if (json_string_equals_text(wanted_type, "v128"))
        return type == ENGINE_V128 && vector_matches(expected, cells);
    const spec_number_type *number_type = find_number_type(wanted_type);
    if (number_type)
        return number_type->type == type && number_matches(member(expected, "value"), number_type, cells[0]);
    return engine_is_ref(type) && reference_matches(expected, type, cells[0]);
}

bool spec_result_matches(base_bytes expected, engine_valtype type, const uint64_t *cells) {
    if (!json_string_equals_text(member(expected, "type"), "either"))
        return one_matches(expected, type, cells);
    json_iterator alternatives = json_iterate(member(expected, "values"));
    base_bytes alternative;
    while (json_next_element(&alternatives, &alternative))
        if (one_matches(alternative, type, cells)) return true;
    return false;
}
