/* Fuzz target: the JSON reader and writer. Whatever is accepted must be walked to its end, written again as spans, read
 * back the same, and its numbers and strings must survive a round trip. */
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) abort();
}

static void check_number(base_bytes value, base_buffer *scratch) {
    int64_t whole;
    uint64_t natural;
    double number, again;
    bool is_whole = json_read_int64(value, &whole, NULL) == BASE_OK;
    bool is_natural = json_read_uint64(value, &natural, NULL) == BASE_OK;
    if (is_whole && is_natural) require((uint64_t)whole == natural);
    if (json_read_double(value, &number, NULL) != BASE_OK) return;
    if (is_whole) require((double)whole == number);
    if (is_natural) require((double)natural == number);
    json_writer writer;
    scratch->size = 0;
    json_writer_init(&writer, scratch);
    json_write_double(&writer, number);
    require(json_writer_finish(&writer, NULL) == BASE_OK);
    require(json_read_double(base_buffer_bytes(scratch), &again, NULL) == BASE_OK);
    require(memcmp(&number, &again, sizeof number) == 0);
}

/* Decoded text, written and decoded again, is the same text. */
static void check_string(base_bytes value, base_buffer *scratch) {
    scratch->size = 0;
    require(json_read_string(value, scratch, NULL) == BASE_OK);
    require(scratch->size == json_string_size(value));
    require(json_string_equals(value, base_buffer_bytes(scratch)));
    size_t decoded_size = scratch->size;
    base_buffer decoded = {0};
    require(base_buffer_append(&decoded, scratch->data, decoded_size) == BASE_OK);
    json_writer writer;
    scratch->size = 0;
    json_writer_init(&writer, scratch);
    json_write_string(&writer, base_buffer_bytes(&decoded));
    require(json_writer_finish(&writer, NULL) == BASE_OK);
    require(json_validate(base_buffer_bytes(scratch), 0, NULL, NULL) == BASE_OK);
    require(json_string_equals(base_buffer_bytes(scratch), base_buffer_bytes(&decoded)));
    base_buffer_free(&decoded);
}

/* Writes a copy of the value from its parts. */
static void rebuild(base_bytes value, json_writer *writer, base_buffer *scratch) {
    json_iterator iterator = json_iterate(value);
    base_bytes key, inner;
    size_t count = 0;
    switch (json_kind_of(value)) {
    case JSON_OBJECT:
        json_begin_object(writer);
        for (; json_next_member(&iterator, &key, &inner); count++) {
            base_buffer name = {0};
            base_bytes found;
            require(json_read_key(key, &name, NULL) == BASE_OK);
            require(json_key_equals(key, base_buffer_bytes(&name)));
            require(json_find(value, base_buffer_bytes(&name), &found) && found.size > 0);
            json_write_key_bytes(writer, base_buffer_bytes(&name));
            rebuild(inner, writer, scratch);
            base_buffer_free(&name);
        }
        json_end_object(writer);
        require(count == json_count(value, SIZE_MAX));
        break;
    case JSON_ARRAY:
        json_begin_array(writer);
        for (; json_next_element(&iterator, &inner); count++) rebuild(inner, writer, scratch);
        json_end_array(writer);
        require(count == json_count(value, SIZE_MAX));
        break;
    case JSON_NUMBER:
        check_number(value, scratch);
        json_write_raw(writer, value);
        break;
    case JSON_STRING:
        check_string(value, scratch);
        json_write_raw(writer, value);
        break;
    case JSON_BOOL:
    case JSON_NULL: json_write_raw(writer, value); break;
    default: abort();
    }
}

/* Walks text that nobody validated. */
static void walk_anything(base_bytes text) {
    json_iterator iterator = json_iterate(text);
    base_bytes key, value;
    size_t steps = 0;
    while (json_next_member(&iterator, &key, &value)) require(++steps <= text.size);
    iterator = json_iterate(text);
    for (steps = 0; json_next_element(&iterator, &value);) require(++steps <= text.size);
    json_find_text(text, "a", &value);
    json_string_size(text);
}

/* Members are found the same in every way that there is. */
static void check_members(base_bytes text, base_status expected) {
    static const char *const names[] = {"a", "b", "", "id", "params", "\xC3\xA9"};
    enum { COUNT = sizeof names / sizeof *names };
    base_bytes value, early[COUNT], late[COUNT], alone;
    require(json_validate_members(text, 0, &value, names, early, COUNT, NULL) == expected);
    if (expected != BASE_OK) return;
    json_find_all(value, names, late, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        require(early[i].size == late[i].size && (late[i].size == 0 || early[i].data == late[i].data));
        require(json_find_text(value, names[i], &alone) == (late[i].size > 0));
        require(alone.size == late[i].size && (alone.size == 0 || alone.data == late[i].data));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_bytes text = {data, size}, value;
    base_error error;
    walk_anything(text);
    base_status status = json_validate(text, 0, &value, &error);
    check_members(text, status);
    if (status != BASE_OK) return 0;
    base_buffer out = {0}, scratch = {0};
    json_writer writer;
    json_writer_init(&writer, &out);
    rebuild(value, &writer, &scratch);
    require(json_writer_finish(&writer, &error) == BASE_OK);
    require(json_validate(base_buffer_bytes(&out), 0, NULL, &error) == BASE_OK);
    require(json_count(value, SIZE_MAX) == json_count(base_buffer_bytes(&out), SIZE_MAX));
    base_buffer_free(&out);
    base_buffer_free(&scratch);
    return 0;
}
