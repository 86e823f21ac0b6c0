/* Owns reading JSON: the validator, and the walk over text that it has accepted. */
#include "json/internal.h"

/* ---- Validation ---- */

/* Members that are looked for in the outermost object. */
typedef struct member_search {
    const char *const *names;
    base_bytes *members;
    size_t count;
    base_bytes key;       /* of the member that is being read */
    const uint8_t *value; /* where its value begins */
} member_search;

/* Invariant: start <= next <= end; all before `next` is correct. */
typedef struct scanner {
    const uint8_t *start;
    const uint8_t *next;
    const uint8_t *end;
    base_error *error;
    base_bytes key;        /* the last that was read */
    member_search *search; /* may be NULL */
} scanner;

static bool at_end(const scanner *scan) {
    return scan->next == scan->end;
}

/* Whether the next byte is `byte`. */
static bool next_is(const scanner *scan, uint8_t byte) {
    return scan->next < scan->end && *scan->next == byte;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(uint8_t byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static const uint8_t *skip_space(const uint8_t *next, const uint8_t *end) {
    while (next < end && is_space(*next)) next++;
    return next;
}

static base_status fail_here(scanner *scan, const char *what) {
    return base_fail(scan->error, BASE_MALFORMED, "at byte %zu: %s", (size_t)(scan->next - scan->start),
                     what);
}

static base_status fail_expected(scanner *scan, const char *what) {
    return base_fail(scan->error, BASE_MALFORMED,
                     at_end(scan) ? "at byte %zu: the text ends where %s was expected"
                                  : "at byte %zu: expected %s",
                     (size_t)(scan->next - scan->start), what);
}

/* scan->next is at the backslash. */
static base_status scan_escape(scanner *scan) {
    scan->next++;
    if (at_end(scan)) return fail_here(scan, "the text ends inside a string");
    uint8_t letter = *scan->next;
    if (letter != 'u') {
        if (!memchr("\"\\/bfnrt", letter, 8)) return fail_here(scan, "no such escape in a string");
        scan->next++;
        return BASE_OK;
    }
    scan->next++;
    for (int i = 0; i < 4; i++) {
        if (at_end(scan)) return fail_here(scan, "the text ends inside a string");
        if (!is_hex_digit(*scan->next)) return fail_here(scan, "expected four hexadecimal digits after \\u");
        scan->next++;
    }
    return BASE_OK;
}

/* scan->next is at the opening quote. */
static base_status scan_string(scanner *scan) {
    scan->next++;
    for (;;) {
        scan->next = json_skip_plain(scan->next, scan->end);
        if (at_end(scan)) return fail_here(scan, "the text ends inside a string");
        uint8_t byte = *scan->next;
        if (byte == '"') {
            scan->next++;
            return BASE_OK;
        }
        if (byte == '\\') {
            base_status status = scan_escape(scan);
            if (status != BASE_OK) return status;
            continue;
        }
        if (byte < 0x20) return fail_here(scan, "a control character in a string is not escaped");
        while (scan->next < scan->end && *scan->next >= 0x80) {
            bool valid;
            size_t length = json_utf8_length(scan->next, scan->end, &valid);
            if (!valid) return fail_here(scan, "a string is not valid UTF-8");
            scan->next += length;
        }
    }
}

static base_status scan_digits(scanner *scan, const char *what) {
    if (at_end(scan) || !is_digit(*scan->next)) return fail_expected(scan, what);
    while (scan->next < scan->end && is_digit(*scan->next)) scan->next++;
    return BASE_OK;
}

static base_status scan_number(scanner *scan) {
    base_status status = BASE_OK;
    if (next_is(scan, '-')) scan->next++;
    if (next_is(scan, '0')) {
        scan->next++;
        if (scan->next < scan->end && is_digit(*scan->next))
            return fail_here(scan, "a number has a leading zero");
    } else {
        status = scan_digits(scan, "a digit");
    }
    if (status == BASE_OK && next_is(scan, '.')) {
        scan->next++;
        status = scan_digits(scan, "a digit after the decimal point");
    }
    if (status == BASE_OK && (next_is(scan, 'e') || next_is(scan, 'E'))) {
        scan->next++;
        if (next_is(scan, '+') || next_is(scan, '-')) scan->next++;
        status = scan_digits(scan, "a digit in the exponent");
    }
    return status;
}

static base_status scan_word(scanner *scan, const char *word) {
    for (; *word; word++) {
        if (!next_is(scan, (uint8_t)*word)) return fail_expected(scan, "a value (true, false or null)");
        scan->next++;
    }
    return BASE_OK;
}

static base_status scan_scalar(scanner *scan) {
    static const uint8_t byte_order_mark[] = {0xEF, 0xBB, 0xBF};
    if (at_end(scan)) return fail_expected(scan, "a value");
    switch (*scan->next) {
    case '"': return scan_string(scan);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    case '-': return scan_number(scan);
    default: break;
    }
    if (is_digit(*scan->next)) return scan_number(scan);
    if (scan->next == scan->start && scan->end - scan->next >= 3 && !memcmp(scan->next, byte_order_mark, 3))
        return fail_here(scan, "the text starts with a byte order mark");
    return fail_expected(scan, "a value");
}

/* A key and its colon. */
static base_status scan_key(scanner *scan) {
    scan->next = skip_space(scan->next, scan->end);
    if (!next_is(scan, '"')) return fail_expected(scan, "a key in double quotes");
    const uint8_t *key = scan->next + 1;
    base_status status = scan_string(scan);
    if (status != BASE_OK) return status;
    scan->key = (base_bytes){key, (size_t)(scan->next - 1 - key)};
    scan->next = skip_space(scan->next, scan->end);
    if (!next_is(scan, ':')) return fail_expected(scan, "':' after a key");
    scan->next++;
    return BASE_OK;
}

/* The open containers: bit d of `is_object` tells what the one at depth d + 1 is. */
typedef struct nesting {
    uint32_t depth;
    uint32_t max_depth;
    uint8_t is_object[JSON_DEPTH_CEILING / 8];
} nesting;

static bool in_object(const nesting *open) {
    uint32_t level = open->depth - 1;
    return (open->is_object[level / 8] >> (level % 8)) & 1;
}

static base_status scan_open(scanner *scan, nesting *open) {
    if (open->depth == open->max_depth)
        return base_fail(scan->error, BASE_LIMIT, "at byte %zu: nested more than %u deep",
                         (size_t)(scan->next - scan->start), (unsigned)open->max_depth);
    uint8_t bit = (uint8_t)(1u << (open->depth % 8));
    uint8_t *bits = &open->is_object[open->depth / 8];
    if (open->depth % 8 == 0) *bits = 0;
    *bits = *scan->next == '{' ? *bits | bit : *bits & (uint8_t)~bit;
    open->depth++;
    scan->next++;
    return BASE_OK;
}

/* json_key_equals for the common case, in which neither has escapes: no lengths, one pass. */
static bool key_is(base_bytes key, const char *name) {
    for (size_t i = 0; i < key.size; i++) {
        if (key.data[i] == '\\') return json_key_equals(key, base_bytes_from_text(name));
        if (key.data[i] != (uint8_t)name[i] || name[i] == '\0') return false;
    }
    return name[key.size] == '\0';
}

/* The value of a member of the outermost object has been read. */
static void note_member(member_search *search, const uint8_t *end) {
    size_t i = 0;
    while (i < search->count && !key_is(search->key, search->names[i])) i++;
    if (i < search->count) search->members[i] = (base_bytes){search->value, (size_t)(end - search->value)};
}

/* After a value: closes the containers that end here, up to the next sibling or the end of the outermost
 * value. In an object the sibling's key is scanned too. */
static base_status scan_after_value(scanner *scan, nesting *open) {
    while (open->depth > 0) {
        bool object = in_object(open);
        if (open->depth == 1 && object && scan->search) note_member(scan->search, scan->next);
        scan->next = skip_space(scan->next, scan->end);
        if (next_is(scan, ',')) {
            scan->next++;
            return object ? scan_key(scan) : BASE_OK;
        }
        if (!next_is(scan, object ? '}' : ']'))
            return fail_expected(scan, object ? "',' or '}' after an object member"
                                              : "',' or ']' after an array element");
        scan->next++;
        open->depth--;
    }
    return BASE_OK;
}

/* One value with all that is in it. */
static base_status scan_value(scanner *scan, uint32_t max_depth) {
    nesting open;
    open.depth = 0;
    open.max_depth = max_depth; /* the bits are written as containers open */
    do {
        base_status status;
        scan->next = skip_space(scan->next, scan->end);
        if (open.depth == 1 && scan->search) {
            scan->search->key = scan->key;
            scan->search->value = scan->next;
        }
        if (next_is(scan, '{') || next_is(scan, '[')) {
            status = scan_open(scan, &open);
            if (status != BASE_OK) return status;
            scan->next = skip_space(scan->next, scan->end);
            bool object = in_object(&open);
            if (!next_is(scan, object ? '}' : ']')) {
                if (object) status = scan_key(scan);
                if (status != BASE_OK) return status;
                continue;
            }
            scan->next++;
            open.depth--;
        } else {
            status = scan_scalar(scan);
            if (status != BASE_OK) return status;
        }
        status = scan_after_value(scan, &open);
        if (status != BASE_OK) return status;
    } while (open.depth > 0);
    return BASE_OK;
}

static base_status validate(base_bytes text, uint32_t max_depth, base_bytes *value, member_search *search,
                            base_error *error) {
    static const uint8_t nothing[1] = {0};
    if (max_depth == 0) max_depth = JSON_DEFAULT_DEPTH;
    if (max_depth > JSON_DEPTH_CEILING) max_depth = JSON_DEPTH_CEILING;
    const uint8_t *start = text.size > 0 ? text.data : nothing;
    scanner scan = {
        .start = start, .next = start, .end = start + text.size, .error = error, .search = search};
    const uint8_t *first = skip_space(scan.next, scan.end);
    scan.next = first;
    base_status status = scan_value(&scan, max_depth);
    if (status != BASE_OK) return status;
    base_bytes found = {first, (size_t)(scan.next - first)};
    scan.next = skip_space(scan.next, scan.end);
    if (!at_end(&scan)) return fail_here(&scan, "there is more after the end of the value");
    if (value) *value = found;
    return BASE_OK;
}

base_status json_validate(base_bytes text, uint32_t max_depth, base_bytes *value, base_error *error) {
    return validate(text, max_depth, value, NULL, error);
}

base_status json_validate_members(base_bytes text, uint32_t max_depth, base_bytes *value,
                                  const char *const *names, base_bytes *members, size_t count,
                                  base_error *error) {
    for (size_t i = 0; i < count; i++) members[i] = (base_bytes){NULL, 0};
    member_search search = {.names = names, .members = members, .count = count};
    return validate(text, max_depth, value, &search, error);
}

/* ---- Kinds ---- */

json_kind json_kind_of(base_bytes value) {
    if (value.size == 0) return JSON_NONE;
    switch (value.data[0]) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    case '-': return JSON_NUMBER;
    default: return is_digit(value.data[0]) ? JSON_NUMBER : JSON_NONE;
    }
}

const char *json_kind_name(json_kind kind) {
    switch (kind) {
    case JSON_NULL: return "null";
    case JSON_BOOL: return "a boolean";
    case JSON_NUMBER: return "a number";
    case JSON_STRING: return "a string";
    case JSON_ARRAY: return "an array";
    case JSON_OBJECT: return "an object";
    default: return "nothing";
    }
}

base_status json_read_bool(base_bytes value, bool *out, base_error *error) {
    json_kind kind = json_kind_of(value);
    if (kind != JSON_BOOL)
        return base_fail(error, BASE_INVALID, "expected a boolean, found %s", json_kind_name(kind));
    *out = value.data[0] == 't';
    return BASE_OK;
}

/* ---- Walking ----
 *
 * Over validated text, which needs no checks of grammar; but every step is checked against the end and moves
 * on, so that any other text is harmless. */

/* The first quote or backslash, or the end. */
static const uint8_t *find_quote_or_backslash(const uint8_t *next, const uint8_t *end) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    while (end - next >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        uint64_t quote = word ^ (ones * '"');
        uint64_t backslash = word ^ (ones * '\\');
        uint64_t marks = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & highs;
        if (marks) {
            next += json_first_marked(marks);
            break;
        }
        next += 8;
    }
    while (next < end && *next != '"' && *next != '\\') next++;
    return next;
}

/* `next` is after the opening quote. Returns the closing quote, or `end`. */
static const uint8_t *find_string_end(const uint8_t *next, const uint8_t *end) {
    for (;;) {
        next = find_quote_or_backslash(next, end);
        if (next == end || *next == '"') return next;
        next += end - next >= 2 ? 2 : 1;
    }
}

static const uint8_t *skip_string(const uint8_t *next, const uint8_t *end) {
    next = find_string_end(next + 1, end);
    return next < end ? next + 1 : end;
}

static const uint8_t *skip_container(const uint8_t *next, const uint8_t *end) {
    size_t depth = 0;
    while (next < end) {
        switch (*next) {
        case '"': next = skip_string(next, end); continue;
        case '{':
        case '[': depth++; break;
        case '}':
        case ']':
            if (--depth == 0) return next + 1;
            break;
        default: break;
        }
        next++;
    }
    return end;
}

/* Past the value that starts at `next`, which is before `end`. */
static const uint8_t *skip_value(const uint8_t *next, const uint8_t *end) {
    if (*next == '"') return skip_string(next, end);
    if (*next == '{' || *next == '[') return skip_container(next, end);
    do next++;
    while (next < end && !is_space(*next) && *next != ',' && *next != ']' && *next != '}');
    return next;
}

/* To the next member or element; false at the end. */
static bool skip_to_sibling(json_iterator *iterator) {
    while (iterator->next < iterator->end && (is_space(*iterator->next) || *iterator->next == ','))
        iterator->next++;
    return iterator->next < iterator->end;
}

static base_bytes take_value(json_iterator *iterator) {
    const uint8_t *start = iterator->next;
    iterator->next = skip_value(start, iterator->end);
    return (base_bytes){start, (size_t)(iterator->next - start)};
}

json_iterator json_iterate(base_bytes container) {
    json_kind kind = json_kind_of(container);
    if ((kind != JSON_ARRAY && kind != JSON_OBJECT) || container.size < 2) return (json_iterator){NULL, NULL};
    return (json_iterator){container.data + 1, container.data + container.size - 1};
}

bool json_next_member(json_iterator *iterator, base_bytes *key, base_bytes *value) {
    if (!skip_to_sibling(iterator)) return false;
    if (*iterator->next == '"') {
        const uint8_t *start = iterator->next + 1;
        const uint8_t *end = find_string_end(start, iterator->end);
        iterator->next = end < iterator->end ? skip_space(end + 1, iterator->end) : end;
        if (iterator->next < iterator->end && *iterator->next == ':')
            iterator->next = skip_space(iterator->next + 1, iterator->end);
        if (iterator->next < iterator->end) {
            *key = (base_bytes){start, (size_t)(end - start)};
            *value = take_value(iterator);
            return true;
        }
    }
    iterator->next = iterator->end; /* not an object's inside */
    return false;
}

bool json_next_element(json_iterator *iterator, base_bytes *value) {
    if (!skip_to_sibling(iterator)) return false;
    *value = take_value(iterator);
    return true;
}

size_t json_count(base_bytes container, size_t stop) {
    json_iterator iterator = json_iterate(container);
    bool object = json_kind_of(container) == JSON_OBJECT;
    size_t count = 0;
    base_bytes key, value;
    while (count < stop &&
           (object ? json_next_member(&iterator, &key, &value) : json_next_element(&iterator, &value)))
        count++;
    return count;
}

bool json_find(base_bytes object, base_bytes name, base_bytes *value) {
    *value = (base_bytes){NULL, 0};
    if (json_kind_of(object) != JSON_OBJECT) return false;
    json_iterator iterator = json_iterate(object);
    base_bytes key, member;
    bool found = false;
    while (json_next_member(&iterator, &key, &member)) {
        if (!json_key_equals(key, name)) continue;
        *value = member;
        found = true;
    }
    return found;
}

bool json_find_text(base_bytes object, const char *name, base_bytes *value) {
    return json_find(object, base_bytes_from_text(name), value);
}

void json_find_all(base_bytes object, const char *const *names, base_bytes *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (base_bytes){NULL, 0};
    if (json_kind_of(object) != JSON_OBJECT) return;
    json_iterator iterator = json_iterate(object);
    base_bytes key, member;
    while (json_next_member(&iterator, &key, &member)) {
        size_t i = 0;
        while (i < count && !key_is(key, names[i])) i++;
        if (i < count) values[i] = member;
    }
}

bool json_at(base_bytes array, size_t index, base_bytes *value) {
    json_iterator iterator = json_iterate(array);
    if (json_kind_of(array) == JSON_ARRAY) {
        while (json_next_element(&iterator, value))
            if (index-- == 0) return true;
    }
    *value = (base_bytes){NULL, 0};
    return false;
}
