/* What can be registered, and what rpc.discover says of it. */
#include "tests.h"

static void handler(wplug_request *request) {
    wplug_result_null(request);
}

static void register_described(void) {
    wplug_describe("For \"tests\".");
    wplug_uses_host_method("read_file", "reads");
    wplug_uses_host_method("progress", NULL);
    wplug_method("plain", handler);
    wplug_method("full", handler, .summary = "Short", .description = "Long",
                 .params = {{"a", WPLUG_INTEGER, "first"},
                            {"b", "{\"type\":[\"string\",\"null\"]}", .optional = true},
                            {"c", .optional = true}},
                 .result = "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}",
                 .errors = {{1, "too much"}, {2, "too little"}});
}

/* The shape is that of OpenRPC 1.3: openrpc, info with title and version, methods with name, params and result. */
static void rpc_discover_answers_an_openrpc_document(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"rpc.discover\",\"params\":null}\n");
    assert_int_equal(world_run(register_described), 0);
    assert_string_equal(
        world_output(),
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"openrpc\":\"1.3.2\","
        "\"info\":{\"title\":\"test\",\"description\":\"For \\\"tests\\\".\",\"version\":\"1.0\"},"
        "\"methods\":["
        "{\"name\":\"plain\",\"paramStructure\":\"either\",\"params\":[],\"result\":{\"name\":\"result\","
        "\"schema\":true}},"
        "{\"name\":\"full\",\"summary\":\"Short\",\"description\":\"Long\",\"paramStructure\":\"either\","
        "\"params\":["
        "{\"name\":\"a\",\"description\":\"first\",\"required\":true,\"schema\":{\"type\":\"integer\"}},"
        "{\"name\":\"b\",\"required\":false,\"schema\":{\"type\":[\"string\",\"null\"]}},"
        "{\"name\":\"c\",\"required\":false,\"schema\":true}],"
        "\"result\":{\"name\":\"result\",\"schema\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"number\"}}},"
        "\"errors\":[{\"code\":1,\"message\":\"too much\"},{\"code\":2,\"message\":\"too little\"}]}],"
        "\"x-host-methods\":[{\"name\":\"read_file\",\"summary\":\"reads\"},{\"name\":\"progress\"}]}}\n");
}

static void assert_refused(void (*register_methods)(void), const char *reason) {
    world_end();
    world_begin();
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m\",\"params\":null}\n");
    assert_int_equal(world_run(register_methods), WPLUG_EXIT_REGISTRATION);
    assert_string_equal(world_output(), "");
    assert_int_equal(world_reads(), 0);
    if (!strstr(world_log(), reason)) assert_string_equal(world_log(), reason);
}

static void register_nothing(void) {}

static void register_no_handler(void) {
    wplug_method("m", NULL);
}

static void register_no_name(void) {
    wplug_method("", handler);
}

static void register_reserved(void) {
    wplug_method("rpc.mine", handler);
}

static void register_twice(void) {
    wplug_method("m", handler);
    wplug_method("m", handler);
}

static void register_schema_that_is_no_json(void) {
    wplug_method("m", handler, .result = "{\"type\":");
}

static void register_schema_that_is_no_schema(void) {
    wplug_method("m", handler, .params = {{"p", "[]"}});
}

static void register_schema_of_unknown_type(void) {
    wplug_method("m", handler, .params = {{"p", WPLUG_JSON({"type" : "int"})}});
}

static void register_schema_of_unknown_types(void) {
    wplug_method("m", handler, .params = {{"p", "{\"type\":[\"string\",\"text\"]}"}});
}

static void register_same_params(void) {
    wplug_method("m", handler, .params = {{"p"}, {"p"}});
}

static void register_required_after_optional(void) {
    wplug_method("m", handler, .params = {{"a", .optional = true}, {"b"}});
}

/* Other methods are served; rpc.discover is not, and says why, as the log does. */
static void assert_not_described(void (*register_methods)(void), const char *reason) {
    world_end();
    world_begin();
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m\"}\n"
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}\n");
    assert_int_equal(world_run(register_methods), 0);
    assert_non_null(strstr(world_output(), "\"id\":0,\"result\":null}"));
    assert_non_null(strstr(world_output(),
                           "\"id\":1,\"error\":{\"code\":-32603,\"message\":\"method \\\"m\\\": "
                           "the schema of "));
    assert_non_null(strstr(world_log(), reason));
}

static void schemas_that_cannot_be_used_are_named_when_they_are_asked_for(void **state) {
    assert_not_described(register_schema_that_is_no_json,
                         "method \"m\": the schema of \"result\" is not valid JSON: at byte 8");
    assert_not_described(
        register_schema_that_is_no_schema,
        "method \"m\": the schema of parameter \"p\" must be an object, true or false, but is an array");
    assert_not_described(register_schema_of_unknown_type,
                         "method \"m\": the schema of parameter \"p\" has an unknown type: \"int\"");
    assert_not_described(register_schema_of_unknown_types, "has an unknown type: [\"string\",\"text\"]");
}

static void what_cannot_be_registered_is_named_before_anything_is_served(void **state) {
    assert_refused(register_nothing, "error: plugin \"test\": no method is registered");
    assert_refused(register_no_handler, "error: plugin \"test\": method \"m\" has no handler");
    assert_refused(register_no_name, "error: plugin \"test\": a method has no name");
    assert_refused(register_reserved,
                   "method \"rpc.mine\": names beginning with \"rpc.\" are reserved by JSON-RPC");
    assert_refused(register_twice, "two methods are called \"m\"");
    assert_refused(register_same_params, "method \"m\": two parameters are called \"p\"");
    assert_refused(register_required_after_optional,
                   "method \"m\": parameter \"b\" is required, so it must come before the optional ones");
}

static void register_two_mistakes(void) {
    wplug_method("m", NULL);
    wplug_method("n", handler, .params = {{"p"}, {"p"}});
}

static void all_mistakes_are_named_at_once(void **state) {
    assert_refused(register_two_mistakes, "\"m\" has no handler");
    assert_non_null(strstr(world_log(), "method \"n\": two parameters are called \"p\""));
}

static void register_many(void) {
    static char names[100][8];
    for (int i = 0; i < 100; i++) {
        strcpy(names[i], "m00");
        names[i][1] = (char)('0' + i / 10);
        names[i][2] = (char)('0' + i % 10);
        wplug_method(names[i], handler);
    }
}

static void a_hundred_methods_can_be_registered(void **state) {
    world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m99\"}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
               "\"m00\"}\n");
    assert_int_equal(world_run(register_many), 0);
    assert_string_equal(
        world_output(),
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(rpc_discover_answers_an_openrpc_document),
        WORLD_TEST(schemas_that_cannot_be_used_are_named_when_they_are_asked_for),
        WORLD_TEST(what_cannot_be_registered_is_named_before_anything_is_served),
        WORLD_TEST(all_mistakes_are_named_at_once),
        WORLD_TEST(a_hundred_methods_can_be_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
