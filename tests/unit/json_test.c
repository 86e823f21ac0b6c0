/* JSON: what is accepted and refused, walking, strings, numbers, writing. The public vectors are in
 * tests/json-suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/test_heap.h"
#include "json/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Helpers ---- */

static base_bytes bytes(const char *text) {
    return base_bytes_from_text(text);
}

/* The validated value of a text that must be JSON. */
static base_bytes parse(const char *text) {
    base_bytes value;
    base_error error;
    if (json_validate(bytes(text), 0, &value, &error) != BASE_OK) fail_msg("%s: %s", text, error.message);
    return value;
}

static void assert_accepted(const char *text) {
    parse(text);
}

/* The message must contain `what`, which begins with the offset. */
static void assert_refused(const char *text, const char *what) {
    base_error error;
    base_bytes value = {NULL, 77};
    base_status status = json_validate(bytes(text), 0, &value, &error);
    if (status != BASE_MALFORMED) fail_msg("accepted: %s", text);
    if (!strstr(error.message, what)) fail_msg("%s: '%s' lacks '%s'", text, error.message, what);
    assert_int_equal(error.status, BASE_MALFORMED);
    assert_int_equal(value.size, 77); /* untouched */
}

static void assert_span(base_bytes span, const char *text) {
    if (!base_bytes_equal_text(span, text))
        fail_msg("'%.*s' is not '%s'", (int)span.size, (const char *)span.data, text);
}

/* ---- Validation ---- */

static void every_kind_of_value_is_accepted_at_the_top(void **state) {
    (void)state;
    assert_accepted("null");
    assert_accepted("true");
    assert_accepted("false");
    assert_accepted("0");
    assert_accepted("-0");
    assert_accepted("-12.5e+30");
    assert_accepted("1E400");
    assert_accepted("\"\"");
    assert_accepted("[]");
    assert_accepted("{}");
    assert_accepted(" \t\r\n[ 1 , { \"a\" : [ ] , \"b\" : { } } ] \n");
    assert_accepted("[[],{},[{}],\"\"]");
}

static void the_value_is_given_without_the_white_space_around_it(void **state) {
    (void)state;
    assert_span(parse(" \r\n\t{ \"a\": 1 }  "), "{ \"a\": 1 }");
    assert_span(parse("  12 "), "12");
    assert_span(parse("12"), "12");
}

static void broken_structure_is_refused_where_it_breaks(void **state) {
    (void)state;
    assert_refused("", "at byte 0: the text ends where a value was expected");
    assert_refused("   ", "at byte 3: the text ends where a value was expected");
    assert_refused("[", "at byte 1: the text ends where a value was expected");
    assert_refused("[1", "at byte 2: the text ends where ',' or ']'");
    assert_refused("[1,", "at byte 3: the text ends where a value");
    assert_refused("[1,]", "at byte 3: expected a value");
    assert_refused("[,1]", "at byte 1: expected a value");
    assert_refused("[1 2]", "at byte 3: expected ',' or ']'");
    assert_refused("[1}", "at byte 2: expected ',' or ']'");
    assert_refused("]", "at byte 0: expected a value");
    assert_refused("{", "at byte 1: the text ends where a key");
    assert_refused("{1:2}", "at byte 1: expected a key");
    assert_refused("{a:2}", "at byte 1: expected a key");
    assert_refused("{'a':2}", "at byte 1: expected a key");
    assert_refused("{\"a\"}", "at byte 4: expected ':'");
    assert_refused("{\"a\":}", "at byte 5: expected a value");
    assert_refused("{\"a\":1", "at byte 6: the text ends where ',' or '}'");
    assert_refused("{\"a\":1,}", "at byte 7: expected a key");
    assert_refused("{\"a\":1]", "at byte 6: expected ',' or '}'");
    assert_refused("{\"a\":1 \"b\":2}", "at byte 7: expected ',' or '}'");
    assert_refused("{\"a\":1,,\"b\":2}", "at byte 7: expected a key");
    assert_refused("1 2", "at byte 2: there is more");
    assert_refused("{} []", "at byte 3: there is more");
    assert_refused("[1]]", "at byte 3: there is more");
    assert_refused("nul", "at byte 3: the text ends");
    assert_refused("nulL", "at byte 3: expected a value");
    assert_refused("True", "at byte 0: expected a value");
    assert_refused("truefalse", "at byte 4: there is more");
    assert_refused("NaN", "at byte 0: expected a value");
    assert_refused("Infinity", "at byte 0: expected a value");
    assert_refused("// c\n1", "at byte 0: expected a value");
    assert_refused("\x0c[]", "at byte 0: expected a value");
    assert_refused("\xEF\xBB\xBF[]", "at byte 0: the text starts with a byte order mark");
    assert_refused("[\xEF\xBB\xBF]", "at byte 1: expected a value");
}

static void a_zero_byte_is_refused_everywhere(void **state) {
    (void)state;
    base_error error;
    assert_int_equal(json_validate(BASE_LITERAL("\0"), 0, NULL, &error), BASE_MALFORMED);
    assert_int_equal(json_validate(BASE_LITERAL("1\0"), 0, NULL, &error), BASE_MALFORMED);
    assert_int_equal(json_validate(BASE_LITERAL("\"\0\""), 0, NULL, &error), BASE_MALFORMED);
    assert_int_equal(json_validate(BASE_LITERAL("\"\\\0\""), 0, NULL, &error), BASE_MALFORMED);
}

static void broken_numbers_are_refused(void **state) {
    (void)state;
    assert_refused("01", "at byte 1: a number has a leading zero");
    assert_refused("-01", "at byte 2: a number has a leading zero");
    assert_refused("00", "at byte 1: a number has a leading zero");
    assert_refused("-", "at byte 1: the text ends where a digit");
    assert_refused("--1", "at byte 1: expected a digit");
    assert_refused("+1", "at byte 0: expected a value");
    assert_refused(".5", "at byte 0: expected a value");
    assert_refused("-.5", "at byte 1: expected a digit");
    assert_refused("1.", "at byte 2: the text ends where a digit after the decimal point");
    assert_refused("1.e5", "at byte 2: expected a digit after the decimal point");
    assert_refused("1e", "at byte 2: the text ends where a digit in the exponent");
    assert_refused("1e+", "at byte 3: the text ends where a digit in the exponent");
    assert_refused("1e+-1", "at byte 3: expected a digit in the exponent");
    assert_refused("1e1.5", "at byte 3: there is more");
    assert_refused("0x10", "at byte 1: there is more");
    assert_refused("1_000", "at byte 1: there is more");
    assert_refused("-Infinity", "at byte 1: expected a digit");
}

static void broken_strings_are_refused(void **state) {
    (void)state;
    assert_refused("\"", "at byte 1: the text ends inside a string");
    assert_refused("\"abcdefghijklmnopqrst", "at byte 21: the text ends inside a string");
    assert_refused("\"a\\", "at byte 3: the text ends inside a string");
    assert_refused("\"\\x41\"", "at byte 2: no such escape");
    assert_refused("\"\\'\"", "at byte 2: no such escape");
    assert_refused("\"\\U0041\"", "at byte 2: no such escape");
    assert_refused("\"\\u004\"", "at byte 6: expected four hexadecimal digits");
    assert_refused("\"\\u00g0\"", "at byte 5: expected four hexadecimal digits");
    assert_refused("\"\\u004", "at byte 6: the text ends inside a string");
    assert_refused("\"a\nb\"", "at byte 2: a control character");
    assert_refused("\"0123456789\tb\"", "at byte 11: a control character");
    assert_refused("\"\x1f\"", "at byte 1: a control character");
    assert_accepted("\"\x7f\""); /* DEL is no control character to JSON */
    assert_accepted("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\uabCD\"");
    assert_accepted("\"\\ud800\""); /* half a pair is grammatical */
}

/* A control character is found at each place of a long string, whatever words it is read in. */
static void a_bad_byte_is_found_at_every_place_of_a_long_string(void **state) {
    (void)state;
    for (size_t at = 1; at < 40; at++) {
        char text[44], what[64];
        memset(text, 'a', 41);
        text[0] = text[40] = '"';
        text[41] = '\0';
        assert_accepted(text);
        text[at] = 0x01;
        if (at < 40) {
            snprintf(what, sizeof what, "at byte %zu: a control character", at);
            assert_refused(text, what);
        }
        text[at] = (char)0xFF;
        snprintf(what, sizeof what, "at byte %zu: a string is not valid UTF-8", at);
        assert_refused(text, what);
        text[at] = '"';
        snprintf(what, sizeof what, "at byte %zu: there is more", at + 1);
        assert_refused(text, what);
    }
}

/* Unicode 15, table 3-7, at its edges. */
static void utf8_is_accepted_and_refused_as_unicode_says(void **state) {
    (void)state;
    static const char *const valid[] = {
        "\xC2\x80",         "\xDF\xBF",         "\xE0\xA0\x80",     "\xE0\xBF\xBF",     "\xE1\x80\x80",
        "\xEC\xBF\xBF",     "\xED\x80\x80",     "\xED\x9F\xBF",     "\xEE\x80\x80",     "\xEF\xBF\xBF",
        "\xEF\xBB\xBF",     "\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF", "\xF1\x80\x80\x80", "\xF3\xBF\xBF\xBF",
        "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF",
    };
    static const char *const invalid[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x7F",
        "\xC2\xC0",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE0\xA0",
        "\xE1\x80\x7F",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xEF\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80",
        "\xF0\x90\x80\xC0",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80",
        "\xFE",
        "\xFF",
    };
    char text[32];
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        snprintf(text, sizeof text, "\"%s\"", valid[i]);
        assert_accepted(text);
        snprintf(text, sizeof text, "{\"%sabcdefgh\":1}", valid[i]);
        assert_accepted(text);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        snprintf(text, sizeof text, "\"%s\"", invalid[i]);
        assert_refused(text, "at byte 1: a string is not valid UTF-8");
        snprintf(text, sizeof text, "{\"abcdefghij%s\":1}", invalid[i]);
        assert_refused(text, "at byte 12: a string is not valid UTF-8");
        snprintf(text, sizeof text, "\"%s", invalid[i]); /* cut off by the end of the text */
        assert_refused(text, "at byte 1: a string is not valid UTF-8");
    }
}

/* Puts `text` where `next` is and returns its end. */
static char *put(char *next, const char *text) {
    const size_t size = strlen(text);
    memcpy(next, text, size + 1);
    return next + size;
}

static char *nested(size_t depth, const char *open, const char *close, const char *inside) {
    size_t size = depth * (strlen(open) + strlen(close)) + strlen(inside) + 1;
    char *text = malloc(size), *next = text;
    assert_non_null(text);
    for (size_t i = 0; i < depth; i++) next = put(next, open);
    next = put(next, inside);
    for (size_t i = 0; i < depth; i++) next = put(next, close);
    return text;
}

/* What json_validate_members finds is what json_validate and then json_find_all do. */
static void members_are_found_while_a_text_is_checked(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "longer name", "\"", ""};
    static const char *const texts[] = {
        "{}",
        " { \"a\" : 1 , \"b\" : [ { \"a\" : 2 } ] , \"c\":{\"a\":3,\"b\":4} } ",
        "{\"b\":{\"b\":{\"b\":0}},\"longer name\":\"\",\"\":null}",
        "{\"\\u0061\":1,\"\\\"\":\"\\\"\",\"aa\":2,\"longer nam\":3}",
        "{\"a\":1,\"a\":2,\"\\u0061\":3,\"b\":[],\"b\":{}}",
        "[{\"a\":1}]",
        "[\"a\",1]",
        "\"a\"",
        "1"};
    enum { COUNT = sizeof names / sizeof *names };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_bytes value, members[COUNT], expected_value = parse(texts[i]), expected[COUNT];
        assert_int_equal(json_validate_members(bytes(texts[i]), 0, &value, names, members, COUNT, NULL),
                         BASE_OK);
        json_find_all(expected_value, names, expected, COUNT);
        assert_ptr_equal(value.data, expected_value.data);
        assert_int_equal(value.size, expected_value.size);
        for (size_t j = 0; j < COUNT; j++) {
            assert_int_equal(members[j].size, expected[j].size);
            if (expected[j].size > 0) assert_ptr_equal(members[j].data, expected[j].data);
        }
    }
}

static void what_is_no_json_has_no_members_to_trust(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b"};
    static const char *const texts[] = {
        "", "{", "{\"a\":1", "{\"a\":1,", "{\"a\":1,\"b\":[}", "{\"a\":1} 2", "{1:2}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        base_bytes value = {NULL, 0}, members[2];
        base_error error;
        base_status expected = json_validate(bytes(texts[i]), 0, NULL, NULL);
        assert_int_not_equal(expected, BASE_OK);
        assert_int_equal(json_validate_members(bytes(texts[i]), 0, &value, names, members, 2, &error),
                         expected);
        assert_int_equal(value.size, 0);
        for (size_t j = 0; j < 2; j++) assert_true(members[j].size <= strlen(texts[i]));
    }
}

static base_status validate_nested(size_t depth, uint32_t limit, base_error *error) {
    char *text = nested(depth, "[", "]", "");
    base_status status = json_validate(bytes(text), limit, NULL, error);
    free(text);
    return status;
}

static void nesting_is_limited(void **state) {
    (void)state;
    base_error error;
    assert_int_equal(validate_nested(128, 0, &error), BASE_OK);
    assert_int_equal(validate_nested(129, 0, &error), BASE_LIMIT);
    assert_non_null(strstr(error.message, "at byte 128: nested more than 128 deep"));
    assert_int_equal(validate_nested(1, 1, &error), BASE_OK);
    assert_int_equal(validate_nested(2, 1, &error), BASE_LIMIT);
    assert_int_equal(validate_nested(JSON_DEPTH_CEILING, JSON_DEPTH_CEILING, &error), BASE_OK);
    assert_int_equal(validate_nested(JSON_DEPTH_CEILING + 1, UINT32_MAX, &error), BASE_LIMIT);
    assert_int_equal(json_validate(bytes("1"), 1, NULL, NULL), BASE_OK);
    assert_int_equal(json_validate(bytes("[[]]"), 1, NULL, NULL), BASE_LIMIT); /* and no error is wanted */
}

static void arrays_and_objects_can_be_nested_in_each_other(void **state) {
    (void)state;
    char *text = nested(64, "[{\"a\":", "}]", "1");
    assert_accepted(text);
    text[strlen(text) - 1] = '}';
    assert_refused(text, "expected ',' or ']'");
    free(text);
    assert_accepted("[{},[],{\"a\":[{}]},[[{}]]]");
    assert_accepted("{\"a\":[[]],\"b\":{\"c\":[]},\"d\":[]}");
}

/* ---- Walking ---- */

static void a_value_tells_its_kind(void **state) {
    (void)state;
    assert_int_equal(json_kind_of(parse("null")), JSON_NULL);
    assert_int_equal(json_kind_of(parse("true")), JSON_BOOL);
    assert_int_equal(json_kind_of(parse("false")), JSON_BOOL);
    assert_int_equal(json_kind_of(parse("-1")), JSON_NUMBER);
    assert_int_equal(json_kind_of(parse("0")), JSON_NUMBER);
    assert_int_equal(json_kind_of(parse("9")), JSON_NUMBER);
    assert_int_equal(json_kind_of(parse("\"\"")), JSON_STRING);
    assert_int_equal(json_kind_of(parse("[]")), JSON_ARRAY);
    assert_int_equal(json_kind_of(parse("{}")), JSON_OBJECT);
    assert_int_equal(json_kind_of((base_bytes){NULL, 0}), JSON_NONE);
    assert_int_equal(json_kind_of(bytes("x")), JSON_NONE);
    assert_string_equal(json_kind_name(JSON_OBJECT), "an object");
    assert_string_equal(json_kind_name(JSON_NONE), "nothing");
}

static void members_come_in_their_order_as_they_were_written(void **state) {
    (void)state;
    base_bytes key, value;
    json_iterator iterator = json_iterate(
        parse("{ \"a\" : 1e400 ,\"b\\u0062\":[1,{\"x\":2}],\"\":{\"y\":[]} , \"a\":\"\\\"}\\\\\" }"));
    assert_true(json_next_member(&iterator, &key, &value));
    assert_span(key, "a");
    assert_span(value, "1e400");
    assert_true(json_next_member(&iterator, &key, &value));
    assert_span(key, "b\\u0062");
    assert_span(value, "[1,{\"x\":2}]");
    assert_true(json_next_member(&iterator, &key, &value));
    assert_span(key, "");
    assert_span(value, "{\"y\":[]}");
    assert_true(json_next_member(&iterator, &key, &value));
    assert_span(key, "a");
    assert_span(value, "\"\\\"}\\\\\"");
    assert_false(json_next_member(&iterator, &key, &value));
    assert_false(json_next_member(&iterator, &key, &value));
}

static void elements_come_in_their_order(void **state) {
    (void)state;
    base_bytes value;
    json_iterator iterator = json_iterate(parse("[1, [2,3] ,\"4,]\" , null,{\"a\":[5]},true]"));
    static const char *const expected[] = {"1", "[2,3]", "\"4,]\"", "null", "{\"a\":[5]}", "true"};
    for (size_t i = 0; i < 6; i++) {
        assert_true(json_next_element(&iterator, &value));
        assert_span(value, expected[i]);
    }
    assert_false(json_next_element(&iterator, &value));
}

static void what_is_no_container_has_nothing_in_it(void **state) {
    (void)state;
    static const char *const texts[] = {"[]", "{}", "[ ]", "{\n}", "1", "\"[1]\"", "null", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        base_bytes key, value;
        json_iterator iterator = json_iterate(bytes(texts[i]));
        assert_false(json_next_element(&iterator, &value));
        iterator = json_iterate(bytes(texts[i]));
        assert_false(json_next_member(&iterator, &key, &value));
        assert_int_equal(json_count(bytes(texts[i]), SIZE_MAX), 0);
    }
}

static void containers_are_counted_up_to_a_stop(void **state) {
    (void)state;
    assert_int_equal(json_count(parse("[1,[2,3],4]"), SIZE_MAX), 3);
    assert_int_equal(json_count(parse("[1,[2,3],4]"), 2), 2);
    assert_int_equal(json_count(parse("{\"a\":1,\"b\":{\"c\":2},\"a\":3}"), SIZE_MAX), 3);
    assert_int_equal(json_count(parse("[1]"), 0), 0);
}

static void a_member_is_found_by_its_decoded_name(void **state) {
    (void)state;
    base_bytes object = parse(
        "{\"m\\u0065thod\":1,\"\\ud83d\\ude00\":2,\"a\\/b\":3,\"\":4,\"x\\u0000y\":5,\"n\":{\"in\":6}}");
    base_bytes value;
    assert_true(json_find_text(object, "method", &value));
    assert_span(value, "1");
    assert_true(json_find_text(object, "\xF0\x9F\x98\x80", &value));
    assert_span(value, "2");
    assert_true(json_find_text(object, "a/b", &value));
    assert_span(value, "3");
    assert_true(json_find_text(object, "", &value));
    assert_span(value, "4");
    assert_true(json_find(object, BASE_LITERAL("x\0y"), &value));
    assert_span(value, "5");
    assert_false(json_find_text(object, "x", &value));
    assert_int_equal(value.size, 0);
    assert_false(json_find_text(object, "metho", &value));
    assert_false(json_find_text(object, "methods", &value));
    assert_false(json_find_text(object, "m\\u0065thod", &value));
    assert_false(json_find_text(object, "in", &value));
}

static void of_members_with_the_same_name_the_last_wins(void **state) {
    (void)state;
    base_bytes object = parse("{\"a\":1,\"b\":2,\"\\u0061\":3}"), value, values[3];
    static const char *const names[] = {"b", "c", "a"};
    assert_true(json_find_text(object, "a", &value));
    assert_span(value, "3");
    json_find_all(object, names, values, 3);
    assert_span(values[0], "2");
    assert_int_equal(values[1].size, 0);
    assert_span(values[2], "3");
}

static void nothing_is_found_in_what_is_no_object(void **state) {
    (void)state;
    static const char *const names[] = {"a"};
    base_bytes value = bytes("x");
    assert_false(json_find_text(parse("[\"a\",1]"), "a", &value));
    assert_int_equal(value.size, 0);
    assert_false(json_find_text((base_bytes){NULL, 0}, "a", &value));
    value = bytes("x");
    json_find_all(parse("[\"a\",1]"), names, &value, 1);
    assert_int_equal(value.size, 0);
    assert_false(json_at(parse("{\"a\":1}"), 0, &value));
}

static void elements_are_found_by_index(void **state) {
    (void)state;
    base_bytes value, array = parse("[10,[20],30]");
    assert_true(json_at(array, 0, &value));
    assert_span(value, "10");
    assert_true(json_at(array, 2, &value));
    assert_span(value, "30");
    assert_false(json_at(array, 3, &value));
    assert_int_equal(value.size, 0);
}

/* Walking text that was never validated must stay inside of it. The bytes are at the end of their block, so
 * that the sanitizers see a step too far. */
static void walking_text_that_is_no_json_is_harmless(void **state) {
    (void)state;
    static const char *const texts[] = {"[",           "{",         "[\"",       "{\"a",         "{\"a\"",
                                        "{\"a\":",     "{\"a\":[",  "[\\",       "[\"\\",        "{\"\\",
                                        "]",           "[]]]]",     "{}}",       "[:::]",        "{:::}",
                                        "{\"a\":}",    "{\"a\" 1}", "{\"a\":\"", "[\"\\u12",     "[,,,,]",
                                        "{\"a\":1,b}", "\"\\u12",   "\"\\",      "\"a\\ud800\\u"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i]);
        uint8_t *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, texts[i], size);
        base_bytes text = {copy, size}, key, value;
        json_iterator iterator = json_iterate(text);
        size_t steps = 0;
        while (json_next_member(&iterator, &key, &value)) steps++;
        iterator = json_iterate(text);
        while (json_next_element(&iterator, &value)) steps++;
        assert_true(steps <= 2 * size);
        json_find_text(text, "a", &value);
        json_count(text, SIZE_MAX);
        json_string_size(text);
        json_string_equals_text(text, "ab");
        base_buffer out = {0};
        json_read_string(text, &out, NULL);
        base_buffer_free(&out);
        free(copy);
    }
}

/* ---- Strings ---- */

static void assert_decodes(const char *json, const char *expected, size_t expected_size) {
    base_buffer out = {0};
    base_error error;
    base_bytes value = parse(json);
    assert_int_equal(json_string_size(value), expected_size);
    assert_int_equal(base_buffer_append_text(&out, "> "), BASE_OK);
    assert_int_equal(json_read_string(value, &out, &error), BASE_OK);
    assert_int_equal(out.size, expected_size + 2);
    assert_memory_equal(out.data, "> ", 2);
    if (expected_size > 0) assert_memory_equal(out.data + 2, expected, expected_size);
    base_buffer_free(&out);
    assert_true(json_string_equals(value, (base_bytes){(const uint8_t *)expected, expected_size}));

    char *copy = malloc(expected_size + 1);
    size_t size;
    assert_non_null(copy);
    assert_int_equal(json_copy_string(value, copy, expected_size, &size, &error), BASE_OK);
    assert_int_equal(size, expected_size);
    if (size > 0) assert_memory_equal(copy, expected, size);
    if (expected_size > 0) {
        assert_int_equal(json_copy_string(value, copy, expected_size - 1, &size, &error), BASE_LIMIT);
        assert_int_equal(size, expected_size);
    }
    free(copy);
}

#define ASSERT_DECODES(json, expected) assert_decodes(json, expected, sizeof(expected) - 1)

static void strings_are_decoded(void **state) {
    (void)state;
    ASSERT_DECODES("\"\"", "");
    ASSERT_DECODES("\"plain\"", "plain");
    ASSERT_DECODES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    ASSERT_DECODES("\"a\\u0041b\\u00e9c\\u20aCd\"", "aAb\xC3\xA9"
                                                    "c\xE2\x82\xAC"
                                                    "d");
    ASSERT_DECODES("\"\\u0000\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
                   "\0\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF");
    ASSERT_DECODES("\"\xC3\xA9\\n\xF0\x9F\x98\x80\"", "\xC3\xA9\n\xF0\x9F\x98\x80");
}

static void surrogate_pairs_are_one_character(void **state) {
    (void)state;
    ASSERT_DECODES("\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80");
    ASSERT_DECODES("\"\\uD800\\uDC00\"", "\xF0\x90\x80\x80");
    ASSERT_DECODES("\"\\udbff\\udfff\"", "\xF4\x8F\xBF\xBF");
}

static void lone_surrogates_decode_to_the_replacement_character(void **state) {
    (void)state;
    ASSERT_DECODES("\"\\ud800\"", "\xEF\xBF\xBD");
    ASSERT_DECODES("\"\\udfff\"", "\xEF\xBF\xBD");
    ASSERT_DECODES("\"\\ud800x\"", "\xEF\xBF\xBDx");
    ASSERT_DECODES("\"\\ud800\\n\"", "\xEF\xBF\xBD\n");
    ASSERT_DECODES("\"\\ud800\\u0041\"", "\xEF\xBF\xBD"
                                         "A");
    ASSERT_DECODES("\"\\ud800\\ud800\\udc00\"", "\xEF\xBF\xBD\xF0\x90\x80\x80");
    ASSERT_DECODES("\"\\udc00\\ud800\"", "\xEF\xBF\xBD\xEF\xBF\xBD");
    ASSERT_DECODES("\"\\udc00\\udc00\"", "\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void strings_compare_decoded(void **state) {
    (void)state;
    assert_true(json_string_equals_text(parse("\"m\\u0065thod\""), "method"));
    assert_true(json_string_equals_text(parse("\"\""), ""));
    assert_false(json_string_equals_text(parse("\"method\""), "metho"));
    assert_false(json_string_equals_text(parse("\"metho\""), "method"));
    assert_false(json_string_equals_text(parse("\"m\\u0065thod\""), "mfthod"));
    assert_false(json_string_equals_text(parse("\"\\u0065\""), ""));
    assert_false(json_string_equals_text(parse("\"\\u20ac\""), "\xE2\x82"));
    assert_false(json_string_equals_text(parse("1"), "1"));
    assert_false(json_string_equals_text((base_bytes){NULL, 0}, ""));
}

static void a_string_without_escapes_needs_no_copy(void **state) {
    (void)state;
    base_bytes inside, value = parse("\"pl\xC3\xA4in\"");
    assert_true(json_string_plain(value, &inside));
    assert_ptr_equal(inside.data, value.data + 1);
    assert_span(inside, "pl\xC3\xA4in");
    assert_true(json_string_plain(parse("\"\""), &inside));
    assert_int_equal(inside.size, 0);
    assert_false(json_string_plain(parse("\"a\\nb\""), &inside));
    assert_false(json_string_plain(parse("12"), &inside));
}

static void keys_are_decoded(void **state) {
    (void)state;
    base_bytes key, value;
    base_buffer out = {0};
    json_iterator iterator = json_iterate(parse("{\"\\u00e9\\n\":1,\"\":2}"));
    assert_true(json_next_member(&iterator, &key, &value));
    assert_int_equal(json_read_key(key, &out, NULL), BASE_OK);
    assert_span(base_buffer_bytes(&out), "\xC3\xA9\n");
    assert_true(json_next_member(&iterator, &key, &value));
    assert_int_equal(json_read_key(key, &out, NULL), BASE_OK);
    assert_span(base_buffer_bytes(&out), "\xC3\xA9\n");
    base_buffer_free(&out);
}

static void reading_another_kind_names_what_was_found(void **state) {
    (void)state;
    base_error error;
    base_buffer out = {0};
    int64_t whole;
    double number;
    bool truth;
    size_t size;
    assert_int_equal(json_read_string(parse("[1]"), &out, &error), BASE_INVALID);
    assert_string_equal(error.message, "expected a string, found an array");
    assert_int_equal(json_read_string((base_bytes){NULL, 0}, &out, &error), BASE_INVALID);
    assert_string_equal(error.message, "expected a string, found nothing");
    assert_int_equal(json_copy_string(parse("1"), NULL, 0, &size, &error), BASE_INVALID);
    assert_int_equal(json_read_int64(parse("\"1\""), &whole, &error), BASE_INVALID);
    assert_string_equal(error.message, "expected a whole number, found a string");
    assert_int_equal(json_read_double(parse("null"), &number, &error), BASE_INVALID);
    assert_string_equal(error.message, "expected a number, found null");
    assert_int_equal(json_read_bool(parse("0"), &truth, &error), BASE_INVALID);
    assert_string_equal(error.message, "expected a boolean, found a number");
}

static void booleans_are_read(void **state) {
    (void)state;
    bool truth = false;
    assert_int_equal(json_read_bool(parse("true"), &truth, NULL), BASE_OK);
    assert_true(truth);
    assert_int_equal(json_read_bool(parse("false"), &truth, NULL), BASE_OK);
    assert_false(truth);
}

static void a_string_that_finds_no_memory_leaves_the_buffer(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    base_buffer out;
    base_error error;
    base_buffer_init(&out, &heap.allocator);
    assert_int_equal(json_read_string(parse("\"abc\""), &out, &error), BASE_NO_MEMORY);
    assert_int_equal(out.size, 0);
    assert_int_equal(json_read_string(parse("\"abc\""), &out, &error), BASE_OK);
    base_buffer_free(&out);
    assert_true(test_heap_clean(&heap));
}

/* ---- Integers ---- */

static void assert_int64(const char *json, int64_t expected) {
    int64_t value = 99;
    base_error error;
    if (json_read_int64(parse(json), &value, &error) != BASE_OK) fail_msg("%s: %s", json, error.message);
    if (value != expected) fail_msg("%s", json);
}

static void assert_uint64(const char *json, uint64_t expected) {
    uint64_t value = 99;
    base_error error;
    if (json_read_uint64(parse(json), &value, &error) != BASE_OK) fail_msg("%s: %s", json, error.message);
    if (value != expected) fail_msg("%s", json);
}

static void assert_not_int64(const char *json, base_status expected) {
    int64_t value = 99;
    base_error error;
    if (json_read_int64(parse(json), &value, &error) != expected) fail_msg("%s", json);
    assert_int_equal(value, 99);
    assert_true(strlen(error.message) > 0);
}

static void assert_not_uint64(const char *json, base_status expected) {
    uint64_t value = 99;
    base_error error;
    if (json_read_uint64(parse(json), &value, &error) != expected) fail_msg("%s", json);
    assert_int_equal(value, 99);
    assert_true(strlen(error.message) > 0);
}

static void integers_are_read_up_to_their_limits(void **state) {
    (void)state;
    assert_int64("0", 0);
    assert_int64("-0", 0);
    assert_int64("12345", 12345);
    assert_int64("-1", -1);
    assert_int64("9223372036854775807", INT64_MAX);
    assert_int64("-9223372036854775808", INT64_MIN);
    assert_not_int64("9223372036854775808", BASE_LIMIT);
    assert_not_int64("-9223372036854775809", BASE_LIMIT);
    assert_not_int64("18446744073709551616", BASE_LIMIT);
    assert_not_int64("1e400", BASE_LIMIT);
    assert_uint64("0", 0);
    assert_uint64("-0", 0);
    assert_uint64("18446744073709551615", UINT64_MAX);
    assert_uint64("9007199254740993", 9007199254740993u); /* no double in between */
    assert_not_uint64("18446744073709551616", BASE_LIMIT);
    assert_not_uint64("99999999999999999999", BASE_LIMIT);
    assert_not_uint64("184467440737095516150", BASE_LIMIT);
    assert_not_uint64("-1", BASE_LIMIT);
    assert_not_uint64("-9", BASE_LIMIT);
    assert_not_uint64("1e99999999999999999999", BASE_LIMIT);
}

static void whole_numbers_are_read_however_they_are_written(void **state) {
    (void)state;
    assert_int64("1e3", 1000);
    assert_int64("5.0", 5);
    assert_int64("-5.000", -5);
    assert_int64("1.5e1", 15);
    assert_int64("120e-1", 12);
    assert_int64("0.0", 0);
    assert_int64("0e99999999999", 0);
    assert_int64("-0.0e-5", 0);
    assert_int64("0.00012e5", 12);
    assert_int64("100.0e-2", 1);
    assert_int64("9223372036854775807.000", INT64_MAX);
    assert_int64("9.223372036854775807e18", INT64_MAX);
    assert_uint64("1844674407370955161.5E+1", UINT64_MAX);
    assert_uint64("10000000000000000000", 10000000000000000000u);
    assert_uint64("1e19", 10000000000000000000u);
    assert_not_uint64("2e19", BASE_LIMIT);
    assert_not_uint64("1e20", BASE_LIMIT);
    assert_not_int64("0.5", BASE_INVALID);
    assert_not_int64("1e-1", BASE_INVALID);
    assert_not_int64("1.5", BASE_INVALID);
    assert_not_int64("123e-99999999999999", BASE_INVALID);
    assert_not_int64("9223372036854775806.5", BASE_INVALID);
    assert_not_uint64("1.23e1", BASE_INVALID);
}

/* ---- Doubles ---- */

static void assert_double(const char *json, double expected) {
    double value = 99;
    base_error error;
    if (json_read_double(parse(json), &value, &error) != BASE_OK) fail_msg("%s: %s", json, error.message);
    if (memcmp(&value, &expected, sizeof value) != 0)
        fail_msg("%.60s: %a, expected %a", json, value, expected);
}

static void assert_not_double(const char *json) {
    double value = 99;
    base_error error;
    if (json_read_double(parse(json), &value, &error) != BASE_LIMIT) fail_msg("%.60s", json);
    assert_true(value == 99);
    assert_true(strlen(error.message) > 0);
}

/* The binary values are exact by definition of the format (IEEE 754 binary64). */
static void doubles_are_rounded_to_the_nearest(void **state) {
    (void)state;
    assert_double("0", 0.0);
    assert_double("-0", -0.0);
    assert_double("-0.0e10", -0.0);
    assert_double("1", 1.0);
    assert_double("0.1", 0x1.999999999999ap-4);
    assert_double("0.3", 0x1.3333333333333p-2);
    assert_double("123456789012345678", 0x1.b69b4ba630f35p+56);
    assert_double("1e22", 0x1.0f0cf064dd592p+73);
    assert_double("1e23", 0x1.52d02c7e14af6p+76);
    assert_double("8.5e22", 0x1.1ffdbf6b2b2ebp+76);
    assert_double("9007199254740993", 0x1p+53); /* halfway: to even */
    assert_double("9007199254740995", 0x1.0000000000002p+53);
    assert_double("9007199254740993.00000000000000000000000000001", 0x1.0000000000001p+53);
    assert_double("9007199254740992.99999999999999999999999999999", 0x1p+53);
    assert_double("1.7976931348623157e308", DBL_MAX);
    assert_double("2.2250738585072014e-308", DBL_MIN);
    assert_double("2.2250738585072011e-308", 0x0.fffffffffffffp-1022);
    assert_double("2.2250738585072012e-308", DBL_MIN); /* nearer to the smallest normal number */
    assert_double("5e-324", 0x1p-1074);
    assert_double("4.9406564584124654e-324", 0x1p-1074);
    assert_double("1e-323", 0x1p-1073);
}

/* 1 + 2^-53 and 1 + 3 * 2^-53, written out, are halfway between two doubles. */
static void ties_go_to_even_and_the_last_digit_decides(void **state) {
    (void)state;
    char text[2000];
    assert_double("1.00000000000000011102230246251565404236316680908203125", 1.0);
    assert_double("1.00000000000000011102230246251565404236316680908203124", 1.0);
    assert_double("1.00000000000000011102230246251565404236316680908203126", 0x1.0000000000001p+0);
    assert_double("1.00000000000000033306690738754696212708950042724609375", 0x1.0000000000002p+0);
    assert_double("1.00000000000000033306690738754696212708950042724609374", 0x1.0000000000001p+0);
    snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125%01000d1", 0);
    assert_double(text, 0x1.0000000000001p+0); /* the digit that decides is the 1054th */
    snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125%01000d", 0);
    assert_double(text, 1.0);
}

static void numbers_too_small_become_zero_with_their_sign(void **state) {
    (void)state;
    assert_double("1e-400", 0.0);
    assert_double("-1e-400", -0.0);
    assert_double("1e-99999999999999999999", 0.0);
    assert_double("2.4703282292062327e-324", 0.0);       /* just below half of the smallest */
    assert_double("2.4703282292062328e-324", 0x1p-1074); /* just above */
    assert_double("-2.4703282292062327e-324", -0.0);
}

static void numbers_too_large_are_errors(void **state) {
    (void)state;
    assert_not_double("1e400");
    assert_not_double("-1e400");
    assert_not_double("1e309");
    assert_not_double("1.7976931348623159e308");
    assert_not_double("1e99999999999999999999");
    /* Halfway between the largest double and the next power of two: rounds to even, which would be infinite.
     */
    assert_not_double(
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587"
        "207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711"
        "531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093"
        "042880177904174497792");
    assert_double(
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587"
        "207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711"
        "531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093"
        "042880177904174497791",
        DBL_MAX);
}

static void the_place_of_the_point_does_not_matter(void **state) {
    (void)state;
    char text[3000];
    assert_double("123.456", 0x1.edd2f1a9fbe77p+6);
    assert_double("0.00123456e5", 0x1.edd2f1a9fbe77p+6);
    assert_double("123456e-3", 0x1.edd2f1a9fbe77p+6);
    assert_double("123456000000.000e-9", 0x1.edd2f1a9fbe77p+6);
    snprintf(text, sizeof text, "0.%01000d123456e1003", 0);
    assert_double(text, 0x1.edd2f1a9fbe77p+6);
    snprintf(text, sizeof text, "123456%01000de-1003", 0);
    assert_double(text, 0x1.edd2f1a9fbe77p+6);
}

/* A generator for tests that must see the same numbers each time (Marsaglia's xorshift). */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double random_double(uint64_t *state, int i) {
    uint64_t bits = next_random(state);
    if (i % 4 == 1) bits &= 0x800FFFFFFFFFFFFF; /* subnormal */
    if (i % 4 == 2) bits &= 0xFFF0000000000000; /* powers of two */
    if (i % 4 == 3)
        bits = (bits & 0x800FFFFFFFFFFFFF) | (983 + next_random(state) % 100) << 52; /* middling */
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* glibc's strtod is correctly rounded, so it may judge. */
static void random_decimals_are_read_as_the_c_library_reads_them(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        char text[1000];
        size_t size = 0, digits = 1 + next_random(&random) % (i % 50 == 0 ? 900 : 25);
        size_t point = 1 + next_random(&random) % digits;
        text[size++] = (char)('1' + next_random(&random) % 9);
        for (size_t k = 1; k < digits; k++) {
            if (k == point) text[size++] = '.';
            text[size++] = (char)('0' + next_random(&random) % 10);
        }
        snprintf(text + size, sizeof text - size, "e%d", (int)(next_random(&random) % 700) - 360);
        double expected = strtod(text, NULL);
        if (isinf(expected))
            assert_not_double(text);
        else
            assert_double(text, expected);
    }
}

/* ---- Writing ---- */

static void assert_writes_double(double value, const char *expected) {
    base_buffer out = {0};
    base_error error;
    json_writer writer;
    json_writer_init(&writer, &out);
    json_write_double(&writer, value);
    assert_int_equal(json_writer_finish(&writer, &error), BASE_OK);
    assert_span(base_buffer_bytes(&out), expected);
    base_buffer_free(&out);
}

/* Expected: ECMA-262, Number::toString. */
static void doubles_are_written_with_the_fewest_digits(void **state) {
    (void)state;
    assert_writes_double(0.0, "0");
    assert_writes_double(-0.0, "-0");
    assert_writes_double(1.0, "1");
    assert_writes_double(-1.5, "-1.5");
    assert_writes_double(0.1, "0.1");
    assert_writes_double(0.1 + 0.2, "0.30000000000000004");
    assert_writes_double(1.0 / 3, "0.3333333333333333");
    assert_writes_double(100.0, "100");
    assert_writes_double(123456.789, "123456.789");
    assert_writes_double(1e-6, "0.000001");
    assert_writes_double(1.5e-6, "0.0000015");
    assert_writes_double(1e-7, "1e-7");
    assert_writes_double(1.25e-7, "1.25e-7");
    assert_writes_double(1e20, "100000000000000000000");
    assert_writes_double(123456789012345680000.0, "123456789012345680000");
    assert_writes_double(1e21, "1e+21");
    assert_writes_double(1.5e300, "1.5e+300");
    assert_writes_double(9007199254740991.0, "9007199254740991");
    assert_writes_double(9007199254740992.0, "9007199254740992");
    assert_writes_double(9007199254740994.0, "9007199254740994");
    assert_writes_double(1e23, "1e+23");
    assert_writes_double(5e-324, "5e-324");
    assert_writes_double(DBL_MAX, "1.7976931348623157e+308");
    assert_writes_double(DBL_MIN, "2.2250738585072014e-308");
    assert_writes_double(9.5e-3, "0.0095");
    assert_writes_double(2.0 / 3, "0.6666666666666666");
    assert_writes_double(4.35, "4.35");
    assert_writes_double(0x1p+54, "18014398509481984"); /* the doubles below lie denser than those above */
    assert_writes_double(0x1p-1022, "2.2250738585072014e-308");
}

static size_t significant_digits(const char *text) {
    size_t count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') continue;
        if (count == 0 && *text == '0') continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

/* What the C library makes of a text. mingw-w64's takes some for their neighbours, 4.920126228925448e+260 for 2^866, so there
 * our own reading, which other systems check, has to do. */
static double library_double(const char *text) {
#if defined(__MINGW32__)
    double value;
    assert_int_equal(json_read_double(parse(text), &value, NULL), BASE_OK);
    return value;
#else
    return strtod(text, NULL);
#endif
}

static void written_doubles_read_back_and_no_shorter_text_does(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    base_buffer out = {0};
    for (int i = 0; i < 20000; i++) {
        double value = random_double(&random, i), back;
        if (!isfinite(value)) continue;
        out.size = 0;
        json_writer writer;
        json_writer_init(&writer, &out);
        json_write_double(&writer, value);
        assert_int_equal(json_writer_finish(&writer, NULL), BASE_OK);
        assert_int_equal(base_buffer_append_byte(&out, 0), BASE_OK);
        const char *text = (const char *)out.data;
        assert_int_equal(json_read_double(parse(text), &back, NULL), BASE_OK);
        if (memcmp(&back, &value, sizeof back) != 0) fail_msg("%a was written as %s", value, text);
        back = library_double(text);
        if (memcmp(&back, &value, sizeof back) != 0) fail_msg("%a was written as %s", value, text);
        char shorter[64];
        int digits = (int)significant_digits(text);
        if (digits < 2) continue;
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        if (library_double(shorter) == value) fail_msg("%s could be %s", text, shorter);
    }
    base_buffer_free(&out);
}

static void a_nested_value_is_written_compactly(void **state) {
    (void)state;
    base_buffer out = {0};
    base_error error;
    json_writer writer;
    base_buffer_append_text(&out, "before:");
    json_writer_init(&writer, &out);
    json_begin_object(&writer);
    json_write_key(&writer, "list");
    json_begin_array(&writer);
    json_write_int64(&writer, INT64_MIN);
    json_write_int64(&writer, INT64_MAX);
    json_write_uint64(&writer, UINT64_MAX);
    json_write_double(&writer, 0.5);
    json_begin_array(&writer);
    json_write_null(&writer);
    json_end_array(&writer);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_end_array(&writer);
    json_write_key_bytes(&writer, BASE_LITERAL("k\"\n"));
    json_write_bool(&writer, true);
    json_write_key(&writer, "");
    json_write_bool(&writer, false);
    json_write_key(&writer, "none");
    json_write_null(&writer);
    json_write_key(&writer, "text");
    json_write_text(&writer, "x");
    json_write_key(&writer, "no text");
    json_write_text(&writer, NULL);
    json_write_key(&writer, "raw");
    json_write_raw(&writer, bytes("1e400"));
    json_end_object(&writer);
    assert_int_equal(json_writer_finish(&writer, &error), BASE_OK);
    assert_span(
        base_buffer_bytes(&out),
        "before:{\"list\":[-9223372036854775808,9223372036854775807,18446744073709551615,0.5,[null],[],{}],"
        "\"k\\\"\\n\":true,\"\":false,\"none\":null,\"text\":\"x\",\"no text\":null,\"raw\":1e400}");
    base_buffer_free(&out);
}

static void assert_writes_string(const char *text, size_t size, const char *expected) {
    base_buffer out = {0};
    base_error error;
    json_writer writer;
    json_writer_init(&writer, &out);
    json_write_string(&writer, (base_bytes){(const uint8_t *)text, size});
    assert_int_equal(json_writer_finish(&writer, &error), BASE_OK);
    assert_span(base_buffer_bytes(&out), expected);
    assert_int_equal(json_validate(base_buffer_bytes(&out), 0, NULL, &error), BASE_OK);
    base_buffer_free(&out);
}

#define ASSERT_WRITES_STRING(text, expected) assert_writes_string(text, sizeof(text) - 1, expected)

static void strings_are_escaped_as_json_needs(void **state) {
    (void)state;
    ASSERT_WRITES_STRING("", "\"\"");
    ASSERT_WRITES_STRING("plain / text, long enough for a word", "\"plain / text, long enough for a word\"");
    ASSERT_WRITES_STRING("\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    ASSERT_WRITES_STRING("\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\x7f\"");
    ASSERT_WRITES_STRING("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    assert_writes_string(NULL, 0, "\"\"");
}

/* Unicode 15, chapter 3, "U+FFFD Substitution of Maximal Subparts", with its examples (tables 3-8 to 3-11).
 */
static void bytes_that_are_not_utf8_are_replaced(void **state) {
    (void)state;
#define R "\xEF\xBF\xBD"
    ASSERT_WRITES_STRING("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\"" R R R R R R R R "A\"");
    ASSERT_WRITES_STRING("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "\"" R R R R R R R R "A\"");
    ASSERT_WRITES_STRING("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\"" R R R R R "A" R R "B\"");
    ASSERT_WRITES_STRING("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\"" R R R R "A\"");
    ASSERT_WRITES_STRING("abc\xE2\x82", "\"abc" R "\"");
#undef R
}

static void a_raw_value_stays_on_one_line(void **state) {
    (void)state;
    base_buffer out = {0};
    json_writer writer;
    json_writer_init(&writer, &out);
    json_write_raw(&writer, bytes("{\n  \"a\": [1,\r\n 2.50],\n \"b\\n\": \"\\u0041\"\n}"));
    assert_int_equal(json_writer_finish(&writer, NULL), BASE_OK);
    assert_span(base_buffer_bytes(&out), "{   \"a\": [1,   2.50],  \"b\\n\": \"\\u0041\" }");
    base_buffer_free(&out);
}

/* Each of these breaks the writer's rules in its own way. */
static void misuse_value_without_key(json_writer *writer) {
    json_begin_object(writer);
    json_write_null(writer);
}
static void misuse_key_in_array(json_writer *writer) {
    json_begin_array(writer);
    json_write_key(writer, "a");
}
static void misuse_key_at_top(json_writer *writer) {
    json_write_key(writer, "a");
}
static void misuse_two_keys(json_writer *writer) {
    json_begin_object(writer);
    json_write_key(writer, "a");
    json_write_key(writer, "b");
}
static void misuse_key_without_value(json_writer *writer) {
    json_begin_object(writer);
    json_write_key(writer, "a");
    json_end_object(writer);
}
static void misuse_two_values(json_writer *writer) {
    json_write_null(writer);
    json_write_null(writer);
}
static void misuse_container_after_value(json_writer *writer) {
    json_write_null(writer);
    json_begin_array(writer);
    json_end_array(writer);
}
static void misuse_wrong_end(json_writer *writer) {
    json_begin_object(writer);
    json_end_array(writer);
}
static void misuse_end_without_begin(json_writer *writer) {
    json_end_object(writer);
}
static void misuse_unfinished(json_writer *writer) {
    json_begin_array(writer);
    json_write_null(writer);
}
static void misuse_nothing_written(json_writer *writer) {
    (void)writer;
}
static void misuse_raw_nothing(json_writer *writer) {
    json_write_raw(writer, (base_bytes){NULL, 0});
}

static void misuse_of_the_writer_is_reported_and_nothing_is_written(void **state) {
    (void)state;
    static void (*const misuses[])(json_writer *) = {
        misuse_value_without_key, misuse_key_in_array,
        misuse_key_at_top,        misuse_two_keys,
        misuse_key_without_value, misuse_two_values,
        misuse_wrong_end,         misuse_end_without_begin,
        misuse_unfinished,        misuse_container_after_value,
        misuse_raw_nothing,       misuse_nothing_written,
    };
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
        base_buffer out = {0};
        base_error error = {0};
        json_writer writer;
        base_buffer_append_text(&out, "kept");
        json_writer_init(&writer, &out);
        misuses[i](&writer);
        assert_int_equal(json_writer_finish(&writer, &error), BASE_MISUSE);
        assert_int_equal(error.status, BASE_MISUSE);
        assert_true(strlen(error.message) > 0);
        assert_span(base_buffer_bytes(&out), "kept");
        base_buffer_free(&out);
    }
}

static void the_first_error_is_the_one_reported(void **state) {
    (void)state;
    base_buffer out = {0};
    base_error error;
    json_writer writer;
    json_writer_init(&writer, &out);
    json_begin_array(&writer);
    json_write_double(&writer, (double)NAN);
    json_end_object(&writer);
    json_write_key(&writer, "a");
    assert_int_equal(json_writer_finish(&writer, &error), BASE_INVALID);
    assert_non_null(strstr(error.message, "NaN"));
    assert_int_equal(out.size, 0);
    base_buffer_free(&out);
}

static void numbers_without_a_json_form_are_refused(void **state) {
    (void)state;
    const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < 3; i++) {
        base_buffer out = {0};
        json_writer writer;
        json_writer_init(&writer, &out);
        json_write_double(&writer, values[i]);
        assert_int_equal(json_writer_finish(&writer, NULL), BASE_INVALID);
        assert_int_equal(out.size, 0);
        base_buffer_free(&out);
    }
}

static void the_writer_nests_up_to_its_ceiling(void **state) {
    (void)state;
    base_buffer out = {0};
    base_error error;
    for (uint32_t extra = 0; extra < 2; extra++) {
        json_writer writer;
        out.size = 0;
        json_writer_init(&writer, &out);
        for (uint32_t i = 0; i < JSON_DEPTH_CEILING + extra; i++) {
            if (i % 3 == 1)
                json_begin_object(&writer);
            else
                json_begin_array(&writer);
            if (i % 3 == 1) json_write_key(&writer, "k");
        }
        for (uint32_t i = JSON_DEPTH_CEILING + extra; i-- > 0;) {
            if (i == JSON_DEPTH_CEILING - 1 && i % 3 == 1) json_write_null(&writer);
            if (i % 3 == 1)
                json_end_object(&writer);
            else
                json_end_array(&writer);
        }
        assert_int_equal(json_writer_finish(&writer, &error), extra == 0 ? BASE_OK : BASE_LIMIT);
        if (extra == 0)
            assert_int_equal(json_validate(base_buffer_bytes(&out), JSON_DEPTH_CEILING, NULL, &error),
                             BASE_OK);
    }
    base_buffer_free(&out);
}

static void write_sample(json_writer *writer) {
    json_begin_object(writer);
    json_write_key(writer, "a key that is long enough to need memory of its own, and then some more of it");
    json_write_text(writer, "and a value that is as long, so that the buffer must grow again and again");
    json_write_key(writer, "n");
    json_write_double(writer, 0.1);
    json_end_object(writer);
}

static void every_failed_allocation_of_the_writer_is_reported(void **state) {
    (void)state;
    for (size_t fail_at = 1;; fail_at++) {
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        base_buffer out;
        base_error error;
        json_writer writer;
        base_buffer_init(&out, &heap.allocator);
        json_writer_init(&writer, &out);
        write_sample(&writer);
        base_status status = json_writer_finish(&writer, &error);
        bool failed = heap.requests >= fail_at;
        assert_int_equal(status, failed ? BASE_NO_MEMORY : BASE_OK);
        if (failed) assert_int_equal(out.size, 0);
        base_buffer_free(&out);
        assert_true(test_heap_clean(&heap));
        if (failed) continue;
        assert_true(fail_at > 2);
        return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_accepted_at_the_top),
        cmocka_unit_test(the_value_is_given_without_the_white_space_around_it),
        cmocka_unit_test(members_are_found_while_a_text_is_checked),
        cmocka_unit_test(what_is_no_json_has_no_members_to_trust),
        cmocka_unit_test(broken_structure_is_refused_where_it_breaks),
        cmocka_unit_test(a_zero_byte_is_refused_everywhere),
        cmocka_unit_test(broken_numbers_are_refused),
        cmocka_unit_test(broken_strings_are_refused),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place_of_a_long_string),
        cmocka_unit_test(utf8_is_accepted_and_refused_as_unicode_says),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(arrays_and_objects_can_be_nested_in_each_other),
        cmocka_unit_test(a_value_tells_its_kind),
        cmocka_unit_test(members_come_in_their_order_as_they_were_written),
        cmocka_unit_test(elements_come_in_their_order),
        cmocka_unit_test(what_is_no_container_has_nothing_in_it),
        cmocka_unit_test(containers_are_counted_up_to_a_stop),
        cmocka_unit_test(a_member_is_found_by_its_decoded_name),
        cmocka_unit_test(of_members_with_the_same_name_the_last_wins),
        cmocka_unit_test(nothing_is_found_in_what_is_no_object),
        cmocka_unit_test(elements_are_found_by_index),
        cmocka_unit_test(walking_text_that_is_no_json_is_harmless),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(surrogate_pairs_are_one_character),
        cmocka_unit_test(lone_surrogates_decode_to_the_replacement_character),
        cmocka_unit_test(strings_compare_decoded),
        cmocka_unit_test(a_string_without_escapes_needs_no_copy),
        cmocka_unit_test(keys_are_decoded),
        cmocka_unit_test(reading_another_kind_names_what_was_found),
        cmocka_unit_test(booleans_are_read),
        cmocka_unit_test(a_string_that_finds_no_memory_leaves_the_buffer),
        cmocka_unit_test(integers_are_read_up_to_their_limits),
        cmocka_unit_test(whole_numbers_are_read_however_they_are_written),
        cmocka_unit_test(doubles_are_rounded_to_the_nearest),
        cmocka_unit_test(ties_go_to_even_and_the_last_digit_decides),
        cmocka_unit_test(numbers_too_small_become_zero_with_their_sign),
        cmocka_unit_test(numbers_too_large_are_errors),
        cmocka_unit_test(the_place_of_the_point_does_not_matter),
        cmocka_unit_test(random_decimals_are_read_as_the_c_library_reads_them),
        cmocka_unit_test(doubles_are_written_with_the_fewest_digits),
        cmocka_unit_test(written_doubles_read_back_and_no_shorter_text_does),
        cmocka_unit_test(a_nested_value_is_written_compactly),
        cmocka_unit_test(strings_are_escaped_as_json_needs),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(a_raw_value_stays_on_one_line),
        cmocka_unit_test(misuse_of_the_writer_is_reported_and_nothing_is_written),
        cmocka_unit_test(the_first_error_is_the_one_reported),
        cmocka_unit_test(numbers_without_a_json_form_are_refused),
        cmocka_unit_test(the_writer_nests_up_to_its_ceiling),
        cmocka_unit_test(every_failed_allocation_of_the_writer_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
