/* JSON-RPC: single messages, and the peer. Expected texts come from the JSON-RPC 2.0 specification (its
 * examples are all here, with members in the order we write them) and from our own protocol. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/rpc.h"
#include "unit/test_heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Helpers ---- */

static base_bytes bytes(const char *text) {
    return base_bytes_from_text(text);
}

static void assert_span(base_bytes span, const char *text) {
    if (!base_bytes_equal_text(span, text))
        fail_msg("'%.*s' is not '%s'", (int)span.size, (const char *)span.data, text);
}

static rpc_peer *new_peer(const rpc_config *config) {
    rpc_peer *peer = NULL;
    base_error error;
    assert_int_equal(rpc_peer_new(config, &peer, &error), BASE_OK);
    return peer;
}

static void feed(rpc_peer *peer, const char *text) {
    assert_int_equal(rpc_peer_feed(peer, bytes(text)), BASE_OK);
}

static rpc_event next(rpc_peer *peer) {
    rpc_event event;
    assert_int_equal(rpc_peer_next(peer, &event), BASE_OK);
    return event;
}

static rpc_event next_of(rpc_peer *peer, rpc_event_kind kind) {
    rpc_event event = next(peer);
    if (event.kind != kind) fail_msg("event %d, expected %d", (int)event.kind, (int)kind);
    return event;
}

/* What the peer has to send, all of it, and that it is gone then. */
static void assert_sends(rpc_peer *peer, const char *text) {
    assert_span(rpc_peer_output(peer), text);
    rpc_peer_sent(peer, strlen(text));
    assert_int_equal(rpc_peer_output(peer).size, 0);
}

static void answer(rpc_peer *peer, uint64_t request, const char *result) {
    base_error error;
    if (rpc_peer_answer(peer, request, bytes(result), &error) != BASE_OK) fail_msg("%s", error.message);
}

static void answer_error(rpc_peer *peer, uint64_t request, int64_t code, const char *text, const char *data) {
    base_error error;
    if (rpc_peer_answer_error(peer, request, code, bytes(text), bytes(data), &error) != BASE_OK)
        fail_msg("%s", error.message);
}

static uint64_t call(rpc_peer *peer, const char *method, const char *params, void *user) {
    uint64_t id;
    base_error error;
    if (rpc_peer_call(peer, bytes(method), bytes(params), user, &id, &error) != BASE_OK)
        fail_msg("%s", error.message);
    return id;
}

/* One event as a line of text, so that whole conversations can be compared. */
static void describe(base_buffer *out, const rpc_event *event) {
    static const char *const names[] = {"none",  "request", "notification", "result",
                                        "error", "stray",   "refused",      "invalid"};
    base_buffer_appendf(out, "%s", names[event->kind]);
    if (event->request) base_buffer_appendf(out, " #%" PRIu64, event->request);
    const struct {
        const char *name;
        base_bytes value;
    } spans[] = {
        {"id", event->id},           {"method", event->method},         {"params", event->params},
        {"result", event->result},   {"message", event->error_message}, {"data", event->error_data},
        {"excerpt", event->excerpt}, {"text", event->message},
    };
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        if (spans[i].value.size == 0) continue;
        base_buffer_appendf(out, " %s=%.*s", spans[i].name, (int)spans[i].value.size,
                            (const char *)spans[i].value.data);
    }
    if (event->has_call) base_buffer_appendf(out, " call=%" PRIu64, event->call);
    if (event->kind == RPC_EVENT_ERROR) base_buffer_appendf(out, " code=%" PRId64, event->error_code);
    if (event->why.status)
        base_buffer_appendf(out, " code=%d why=%d:%s", (int)event->code, event->why.status,
                            event->why.message);
    base_buffer_append_byte(out, '\n');
}

/* ---- Classifying ---- */

static rpc_message classify(const char *line) {
    rpc_message message;
    rpc_classify(bytes(line), 0, &message);
    return message;
}

static void a_request_is_taken_apart(void **state) {
    (void)state;
    rpc_message m = classify(
        " {\"jsonrpc\": \"2.0\", \"method\": \"sub\\u0074ract\", \"params\": [42, 23], \"id\": 1}\r");
    assert_int_equal(m.kind, RPC_REQUEST);
    assert_span(m.id, "1");
    assert_span(m.method_json, "\"sub\\u0074ract\"");
    assert_span(m.params, "[42, 23]");
    assert_span(m.value,
                "{\"jsonrpc\": \"2.0\", \"method\": \"sub\\u0074ract\", \"params\": [42, 23], \"id\": 1}");
    m = classify("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"x\"}");
    assert_int_equal(m.kind, RPC_REQUEST);
    assert_span(m.id, "\"x\"");
    assert_int_equal(m.params.size, 0);
    m = classify("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":null,\"params\":null}");
    assert_int_equal(m.kind, RPC_REQUEST);
    assert_span(m.id, "null");
    assert_span(m.params, "null");
}

static void a_notification_is_a_request_without_id(void **state) {
    (void)state;
    rpc_message m = classify("{\"jsonrpc\":\"2.0\",\"method\":\"update\",\"params\":{\"a\":1}}");
    assert_int_equal(m.kind, RPC_NOTIFICATION);
    assert_int_equal(m.id.size, 0);
    assert_span(m.params, "{\"a\":1}");
}

static void responses_are_taken_apart(void **state) {
    (void)state;
    rpc_message m = classify("{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":0}");
    assert_int_equal(m.kind, RPC_RESULT);
    assert_span(m.result, "null");
    assert_span(m.id, "0");
    m = classify("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"no\\n\",\"data\":[1e400]},"
                 "\"id\":\"1\"}");
    assert_int_equal(m.kind, RPC_ERROR);
    assert_int_equal(m.error_code, -32601);
    assert_span(m.error_message_json, "\"no\\n\"");
    assert_span(m.error_data, "[1e400]");
    assert_span(m.error_json, "{\"code\":-32601,\"message\":\"no\\n\",\"data\":[1e400]}");
    m = classify("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"},\"id\":null}");
    assert_int_equal(m.kind, RPC_ERROR);
    assert_int_equal(m.error_data.size, 0);
}

static void names_are_compared_decoded_and_the_last_of_several_wins(void **state) {
    (void)state;
    rpc_message m = classify(
        "{\"\\u006asonrpc\":\"2\\u002e0\",\"id\":1,\"m\\u0065thod\":\"a\",\"method\":\"b\",\"\\u0069d\":2}");
    assert_int_equal(m.kind, RPC_REQUEST);
    assert_span(m.method_json, "\"b\"");
    assert_span(m.id, "2");
    m = classify("{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}");
    assert_int_equal(m.kind, RPC_INVALID);
}

static void an_array_is_a_batch(void **state) {
    (void)state;
    rpc_message m = classify(" [1] ");
    assert_int_equal(m.kind, RPC_BATCH);
    assert_span(m.value, "[1]");
    m = classify("[]");
    assert_int_equal(m.kind, RPC_INVALID);
    assert_int_equal(m.code, RPC_INVALID_REQUEST);
    rpc_classify_value(bytes("[{}]"), &m); /* a batch in a batch */
    assert_int_equal(m.kind, RPC_INVALID);
    assert_int_equal(m.code, RPC_INVALID_REQUEST);
}

static void what_is_no_message_is_said_to_be_none_and_why(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int32_t code;
        base_status status;
        const char *why;
    } cases[] = {
        {"hello", RPC_PARSE_ERROR, BASE_MALFORMED, "not JSON: at byte 0"},
        {"", RPC_PARSE_ERROR, BASE_MALFORMED, "not JSON: at byte 0"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\"", RPC_PARSE_ERROR, BASE_MALFORMED,
         "at byte 29: the text ends"},
        {"{\"a\":\"\xff\"}", RPC_PARSE_ERROR, BASE_MALFORMED, "not valid UTF-8"},
        {"1", RPC_INVALID_REQUEST, BASE_INVALID, "expected an object, found a number"},
        {"\"text\"", RPC_INVALID_REQUEST, BASE_INVALID, "found a string"},
        {"null", RPC_INVALID_REQUEST, BASE_INVALID, "found null"},
        {"{}", RPC_INVALID_REQUEST, BASE_INVALID, "'jsonrpc'"},
        {"{\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, BASE_INVALID, "'jsonrpc'"},
        {"{\"jsonrpc\":2.0,\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, BASE_INVALID, "'jsonrpc'"},
        {"{\"jsonrpc\":\"2\",\"method\":\"m\",\"id\":1}", RPC_INVALID_REQUEST, BASE_INVALID, "'jsonrpc'"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, BASE_INVALID,
         "no 'method', 'result' or 'error'"},
        {"{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}", RPC_INVALID_REQUEST, BASE_INVALID,
         "'method' must be a string, not a number"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[1]}", RPC_INVALID_REQUEST, BASE_INVALID,
         "'id' must be"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":{}}", RPC_INVALID_REQUEST, BASE_INVALID,
         "not an object"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":true}", RPC_INVALID_REQUEST, BASE_INVALID,
         "not a boolean"},
        {"{\"jsonrpc\":\"2.0\",\"result\":1}", RPC_INVALID_REQUEST, BASE_INVALID, "without 'id'"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
         RPC_INVALID_REQUEST, BASE_INVALID, "both"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"bad\"}", RPC_INVALID_REQUEST, BASE_INVALID,
         "'error' must be an object, not a string"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"message\":\"\"}}", RPC_INVALID_REQUEST, BASE_INVALID,
         "'code'"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}", RPC_INVALID_REQUEST,
         BASE_INVALID, "'code'"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}", RPC_INVALID_REQUEST,
         BASE_INVALID, "'code'"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}", RPC_INVALID_REQUEST, BASE_INVALID,
         "'message' must be a string"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":2}}", RPC_INVALID_REQUEST,
         BASE_INVALID, "'message' must be a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rpc_message m = classify(cases[i].line);
        if (m.kind != RPC_INVALID) fail_msg("accepted: %s", cases[i].line);
        assert_int_equal(m.code, cases[i].code);
        assert_int_equal(m.why.status, cases[i].status);
        if (!strstr(m.why.message, cases[i].why)) fail_msg("'%s' lacks '%s'", m.why.message, cases[i].why);
    }
}

static void a_message_nested_too_deep_is_a_limit(void **state) {
    (void)state;
    rpc_message m;
    rpc_classify(bytes("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[1]]}"), 3, &m);
    assert_int_equal(m.kind, RPC_NOTIFICATION);
    rpc_classify(bytes("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[1]]}"), 2, &m);
    assert_int_equal(m.kind, RPC_INVALID);
    assert_int_equal(m.why.status, BASE_LIMIT);
}

/* ---- Building ---- */

static void messages_are_built_as_the_protocol_shows_them(void **state) {
    (void)state;
    base_buffer out = {0};
    base_bytes none = {NULL, 0};
    assert_int_equal(rpc_write_request(&out, 0, bytes("ping"), none), BASE_OK);
    assert_span(base_buffer_bytes(&out),
                "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\",\"params\":null}");
    out.size = 0;
    assert_int_equal(rpc_write_request(&out, UINT64_MAX, bytes("a\"b\n"), bytes("[1e400,\n2]")), BASE_OK);
    assert_span(
        base_buffer_bytes(&out),
        "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551615,\"method\":\"a\\\"b\\n\",\"params\":[1e400, 2]}");
    out.size = 0;
    assert_int_equal(rpc_write_notification(&out, bytes("m\xff"), bytes("{}")), BASE_OK);
    assert_span(base_buffer_bytes(&out), "{\"jsonrpc\":\"2.0\",\"method\":\"m\xEF\xBF\xBD\",\"params\":{}}");
    out.size = 0;
    assert_int_equal(rpc_write_result(&out, bytes("\"a\\u0041\""), bytes("18446744073709551615")), BASE_OK);
    assert_span(base_buffer_bytes(&out),
                "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0041\",\"result\":18446744073709551615}");
    out.size = 0;
    assert_int_equal(rpc_write_result(&out, none, none), BASE_OK);
    assert_span(base_buffer_bytes(&out), "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":null}");
    out.size = 0;
    assert_int_equal(rpc_write_error(&out, bytes("7"), -32000, bytes("it \"broke\""), none), BASE_OK);
    assert_span(
        base_buffer_bytes(&out),
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":\"it \\\"broke\\\"\"}}");
    out.size = 0;
    assert_int_equal(rpc_write_error(&out, none, INT64_MIN, none, bytes("{\"x\":0.10}")), BASE_OK);
    assert_span(base_buffer_bytes(&out), "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-"
                                         "9223372036854775808,\"message\":\"\",\"data\":{\"x\":0.10}}}");
    base_buffer_free(&out);
}

static void a_message_that_finds_no_memory_is_not_begun(void **state) {
    (void)state;
    char method[600];
    memset(method, '\n',
           sizeof method - 1); /* doubles in size when escaped, so that the buffer grows twice */
    method[sizeof method - 1] = '\0';
    for (size_t fail_at = 1;; fail_at++) {
        test_heap heap;
        test_heap_init(&heap);
        base_buffer out;
        base_buffer_init(&out, &heap.allocator);
        assert_int_equal(base_buffer_append_text(&out, "kept"), BASE_OK);
        heap.fail_at = heap.requests + fail_at;
        base_status status = rpc_write_request(&out, 0, bytes(method), bytes("[1]"));
        bool failed = heap.requests >= heap.fail_at;
        assert_int_equal(status, failed ? BASE_NO_MEMORY : BASE_OK);
        if (failed) assert_span(base_buffer_bytes(&out), "kept");
        base_buffer_free(&out);
        assert_true(test_heap_clean(&heap));
        if (failed) continue;
        assert_true(fail_at > 2);
        return;
    }
}

/* ---- The specification's examples (section 7) ---- */

/* The server of the examples. Answers each request as it comes. */
static void serve(rpc_peer *peer, const rpc_event *event) {
    base_bytes first, second;
    int64_t a, b, c;
    char result[32];
    if (base_bytes_equal_text(event->method, "subtract")) {
        if (json_kind_of(event->params) == JSON_ARRAY) {
            assert_true(json_at(event->params, 0, &first));
            assert_true(json_at(event->params, 1, &second));
        } else {
            assert_true(json_find_text(event->params, "minuend", &first));
            assert_true(json_find_text(event->params, "subtrahend", &second));
        }
        assert_int_equal(json_read_int64(first, &a, NULL), BASE_OK);
        assert_int_equal(json_read_int64(second, &b, NULL), BASE_OK);
        snprintf(result, sizeof result, "%d", (int)(a - b));
        answer(peer, event->request, result);
    } else if (base_bytes_equal_text(event->method, "sum")) {
        json_iterator iterator = json_iterate(event->params);
        for (a = 0; json_next_element(&iterator, &first); a += c)
            assert_int_equal(json_read_int64(first, &c, NULL), BASE_OK);
        snprintf(result, sizeof result, "%d", (int)a);
        answer(peer, event->request, result);
    } else if (base_bytes_equal_text(event->method, "get_data")) {
        answer(peer, event->request, "[\"hello\", 5]");
    } else {
        answer_error(peer, event->request, RPC_METHOD_NOT_FOUND, rpc_code_text(RPC_METHOD_NOT_FOUND), NULL);
    }
}

/* `notified` is the methods that arrive as notifications, each followed by a blank. */
static void assert_example(const char *sent, const char *received, const char *notified) {
    rpc_peer *peer = new_peer(NULL);
    base_buffer names = {0};
    feed(peer, sent);
    for (;;) {
        rpc_event event = next(peer);
        if (event.kind == RPC_EVENT_NONE) break;
        if (event.kind == RPC_EVENT_REQUEST) serve(peer, &event);
        if (event.kind == RPC_EVENT_NOTIFICATION)
            base_buffer_appendf(&names, "%.*s ", (int)event.method.size, (const char *)event.method.data);
    }
    assert_sends(peer, received);
    assert_span(base_buffer_bytes(&names), notified);
    assert_int_equal(rpc_peer_requests(peer), 0);
    base_buffer_free(&names);
    rpc_peer_free(peer);
}

static void spec_example_call_with_positional_parameters(void **state) {
    (void)state;
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}\n",
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":19}\n", "");
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [23, 42], \"id\": 2}\n",
                   "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":-19}\n", "");
}

static void spec_example_call_with_named_parameters(void **state) {
    (void)state;
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, "
                   "\"minuend\": 42}, \"id\": 3}\n",
                   "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":19}\n", "");
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"minuend\": 42, "
                   "\"subtrahend\": 23}, \"id\": 4}\n",
                   "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":19}\n", "");
}

static void spec_example_notifications(void **state) {
    (void)state;
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1,2,3,4,5]}\n", "",
                   "update ");
    assert_example("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}\n", "", "foobar ");
}

static void spec_example_non_existent_method(void **state) {
    (void)state;
    assert_example(
        "{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n",
        "");
}

static void spec_example_invalid_json(void **state) {
    (void)state;
    assert_example(
        "{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}\n", "");
}

static void spec_example_invalid_request_object(void **state) {
    (void)state;
    assert_example(
        "{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n",
        "");
}

static void spec_example_batch_with_invalid_json(void **state) {
    (void)state;
    /* In the specification the text has a line break, which in our protocol would end the message. */
    assert_example(
        "[ {\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"}, {\"jsonrpc\": "
        "\"2.0\", \"method\" ]\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}\n", "");
}

static void spec_example_empty_array(void **state) {
    (void)state;
    assert_example(
        "[]\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n",
        "");
}

static void spec_example_invalid_batch_that_is_not_empty(void **state) {
    (void)state;
    assert_example(
        "[1]\n",
        "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}]\n",
        "");
}

static void spec_example_invalid_batch(void **state) {
    (void)state;
    assert_example(
        "[1,2,3]\n",
        "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}},"
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}},"
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}]\n",
        "");
}

static void spec_example_batch(void **state) {
    (void)state;
    assert_example(
        "[ {\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
        " {\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
        " {\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": \"2\"},"
        " {\"foo\": \"boo\"},"
        " {\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": \"myself\"}, \"id\": \"5\"},"
        " {\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"9\"} ]\n",
        "[{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":7},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"result\":19},"
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"5\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}},"
        "{\"jsonrpc\":\"2.0\",\"id\":\"9\",\"result\":[\"hello\", 5]}]\n",
        "notify_hello ");
}

static void spec_example_batch_of_notifications(void **state) {
    (void)state;
    assert_example("[ {\"jsonrpc\": \"2.0\", \"method\": \"notify_sum\", \"params\": [1,2,4]},"
                   " {\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]} ]\n",
                   "", "notify_sum notify_hello ");
}

/* ---- Requests ---- */

static void every_id_is_echoed_as_it_was_written(void **state) {
    (void)state;
    static const char *const ids[] = {
        "0",
        "-0",
        "1",
        "1.0",
        "1.50",
        "1e400",
        "-1E-5",
        "18446744073709551615",
        "123456789012345678901234567890",
        "\"\"",
        "\"1\"",
        "\"\\u0041\\n\\/\"",
        "\"\\ud800\"",
        "\"\xC3\xA9\"",
        "null",
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        rpc_peer *peer = new_peer(NULL);
        base_buffer text = {0};
        base_buffer_appendf(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":%s}\n", ids[i]);
        assert_int_equal(rpc_peer_feed(peer, base_buffer_bytes(&text)), BASE_OK);
        rpc_event event = next_of(peer, RPC_EVENT_REQUEST);
        assert_span(event.id, ids[i]);
        next_of(peer, RPC_EVENT_NONE);
        memset(text.data, 'x', text.size); /* the id must have been copied */
        answer(peer, event.request, "true");
        text.size = 0;
        base_buffer_appendf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":true}\n", ids[i]);
        base_buffer_append_byte(&text, 0);
        assert_sends(peer, (const char *)text.data);
        base_buffer_free(&text);
        rpc_peer_free(peer);
    }
}

static void values_pass_through_untouched(void **state) {
    (void)state;
    const char *value = "{\"big\":18446744073709551615,\"huge\":1e400,\"d\":0.10,\"s\":\"\\u0041\\/"
                        "\\ud800\",\"a\":1,\"a\":2}";
    rpc_peer *peer = new_peer(NULL);
    base_buffer text = {0};
    base_buffer_appendf(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1,\"params\":%s}\n", value);
    assert_int_equal(rpc_peer_feed(peer, base_buffer_bytes(&text)), BASE_OK);
    rpc_event event = next_of(peer, RPC_EVENT_REQUEST);
    assert_span(event.params, value);
    assert_int_equal(rpc_peer_answer(peer, event.request, event.params, NULL), BASE_OK);
    base_bytes out = rpc_peer_output(peer);
    rpc_message message;
    rpc_classify(out, 0, &message);
    assert_int_equal(message.kind, RPC_RESULT);
    assert_span(message.result, value);
    base_buffer_free(&text);
    rpc_peer_free(peer);
}

static void method_names_are_decoded(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\\u00e9\\n\\\"\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"\","
               "\"id\":1}\n");
    assert_span(next_of(peer, RPC_EVENT_NOTIFICATION).method, "a\xC3\xA9\n\"");
    assert_span(next_of(peer, RPC_EVENT_REQUEST).method, "");
    rpc_peer_free(peer);
}

static void requests_can_be_answered_later_and_in_any_order(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}\n{\"jsonrpc\":\"2.0\",\"method\":\"b\","
               "\"id\":\"x\"}\n"
               "{\"jsonrpc\":\"2.0\",\"method\":\"c\",\"id\":1}\n");
    uint64_t a = next_of(peer, RPC_EVENT_REQUEST).request, b = next_of(peer, RPC_EVENT_REQUEST).request;
    uint64_t c = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_NONE);
    assert_int_equal(rpc_peer_requests(peer), 3);
    answer(peer, c, "\"c\"");
    answer_error(peer, a, 5, "a failed", "[1]");
    answer(peer, b, NULL);
    assert_int_equal(rpc_peer_requests(peer), 0);
    assert_sends(
        peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"c\"}\n"
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":5,\"message\":\"a failed\",\"data\":[1]}}\n"
              "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":null}\n");
    rpc_peer_free(peer);
}

static void answering_twice_or_without_a_request_is_misuse(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    base_error error;
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}\n");
    uint64_t request = next_of(peer, RPC_EVENT_REQUEST).request;
    assert_int_equal(rpc_peer_answer(peer, 0, bytes("1"), &error), BASE_MISUSE);
    assert_int_equal(rpc_peer_answer(peer, request + 1, bytes("1"), &error), BASE_MISUSE);
    assert_string_equal(error.message, "there is no such request to answer");
    answer(peer, request, "1");
    assert_int_equal(rpc_peer_answer(peer, request, bytes("2"), &error), BASE_MISUSE);
    assert_string_equal(error.message, "the request has been answered already");
    assert_int_equal(rpc_peer_answer_error(peer, request, 1, bytes("no"), bytes(""), &error), BASE_MISUSE);
    assert_sends(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n");
    rpc_peer_free(peer);
}

static void requests_over_the_limit_are_refused_and_room_comes_with_answers(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_in_flight = 2;
    rpc_peer *peer = new_peer(&config);
    feed(peer,
         "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}\n{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":2}\n"
         "{\"jsonrpc\":\"2.0\",\"method\":\"b\",\"id\":3}\n{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n"
         "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":4}\n");
    uint64_t first = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_REQUEST);
    rpc_event refused = next_of(peer, RPC_EVENT_REFUSED);
    assert_span(refused.id, "3");
    assert_span(refused.method, "b");
    assert_int_equal(refused.why.status, BASE_LIMIT);
    assert_int_equal(refused.request, 0);
    assert_sends(peer, "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000,\"message\":\"more than 2 "
                       "requests at once\"}}\n");
    next_of(peer, RPC_EVENT_NOTIFICATION); /* takes no place */
    answer(peer, first, "1");
    assert_span(next_of(peer, RPC_EVENT_REQUEST).id, "4");
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_free(peer);
}

/* ---- Our calls ---- */

static void calls_are_numbered_from_zero_and_have_all_four_members(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    assert_int_equal(call(peer, "ping", NULL, NULL), 0);
    assert_int_equal(call(peer, "add", "[1, 2]", NULL), 1);
    assert_int_equal(rpc_peer_calls(peer), 2);
    assert_int_equal(rpc_peer_notify(peer, bytes("log"), bytes("\"x\""), NULL), BASE_OK);
    assert_sends(peer, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\",\"params\":null}\n"
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\",\"params\":[1, 2]}\n"
                       "{\"jsonrpc\":\"2.0\",\"method\":\"log\",\"params\":\"x\"}\n");
    rpc_peer_free(peer);
}

static void answers_find_their_calls_in_any_order(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    int users[3];
    for (int i = 0; i < 3; i++) call(peer, "m", NULL, &users[i]);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"two\"}\n"
               "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-5,\"message\":\"n\\u006f\",\"data\":{"
               "\"k\":1.0}}}\n"
               "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"result\":null}\n");
    rpc_event event = next_of(peer, RPC_EVENT_RESULT);
    assert_true(event.has_call);
    assert_int_equal(event.call, 2);
    assert_ptr_equal(event.user, &users[2]);
    assert_span(event.result, "\"two\"");
    event = next_of(peer, RPC_EVENT_ERROR);
    assert_int_equal(event.call, 0);
    assert_ptr_equal(event.user, &users[0]);
    assert_int_equal(event.error_code, -5);
    assert_span(event.error_message, "no");
    assert_span(event.error_data, "{\"k\":1.0}");
    assert_span(event.error_json, "{\"code\":-5,\"message\":\"n\\u006f\",\"data\":{\"k\":1.0}}");
    event = next_of(peer, RPC_EVENT_RESULT); /* the same number, written otherwise */
    assert_ptr_equal(event.user, &users[1]);
    assert_int_equal(rpc_peer_calls(peer), 0);
    rpc_peer_free(peer);
}

static void an_answer_to_no_call_is_stray_and_changes_nothing(void **state) {
    (void)state;
    static const char *const lines[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":\"0\",\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":0.5,\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1e400,\"result\":7}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"result\":7}\n",
    };
    rpc_peer *peer = new_peer(NULL);
    call(peer, "m", NULL, NULL);
    rpc_peer_sent(peer, SIZE_MAX);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        feed(peer, lines[i]);
        rpc_event event = next_of(peer, RPC_EVENT_STRAY);
        assert_false(event.has_call);
        assert_span(event.result, "7");
        next_of(peer, RPC_EVENT_NONE);
    }
    feed(peer, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}\n");
    rpc_event event = next_of(peer, RPC_EVENT_STRAY);
    assert_span(event.id, "null");
    assert_int_equal(event.error_code, -32700);
    assert_span(event.error_message, "Parse error");
    assert_int_equal(rpc_peer_calls(peer), 1);
    assert_sends(peer, ""); /* responses are never answered */
    rpc_peer_free(peer);
}

static void the_second_answer_to_a_call_is_stray(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    call(peer, "m", NULL, NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}\n{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":2}\n");
    next_of(peer, RPC_EVENT_RESULT);
    next_of(peer, RPC_EVENT_STRAY);
    rpc_peer_free(peer);
}

static void a_broken_answer_ends_its_call_and_is_not_answered(void **state) {
    (void)state;
    static const char *const lines[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":\"bad\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1,\"error\":null}\n",
        "{\"id\":0,\"result\":1}\n",
        "[{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":1}}]\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int user;
        rpc_peer *peer = new_peer(NULL);
        call(peer, "m", NULL, &user);
        rpc_peer_sent(peer, SIZE_MAX);
        feed(peer, lines[i]);
        rpc_event event = next_of(peer, RPC_EVENT_INVALID);
        assert_true(event.has_call);
        assert_ptr_equal(event.user, &user);
        assert_int_equal(rpc_peer_calls(peer), 0);
        next_of(peer, RPC_EVENT_NONE);
        assert_sends(peer, "");
        rpc_peer_free(peer);
    }
}

static void calls_can_be_forgotten_or_taken(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    int users[3];
    void *user = NULL;
    uint64_t id;
    for (int i = 0; i < 3; i++) call(peer, "m", NULL, &users[i]);
    assert_int_equal(rpc_peer_forget(peer, 1, &user), BASE_OK);
    assert_ptr_equal(user, &users[1]);
    assert_int_equal(rpc_peer_forget(peer, 1, NULL), BASE_NOT_FOUND);
    assert_int_equal(rpc_peer_forget(peer, 3, NULL), BASE_NOT_FOUND);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n");
    next_of(peer, RPC_EVENT_STRAY);
    bool seen[3] = {false, true, false};
    for (int i = 0; i < 2; i++) {
        assert_true(rpc_peer_take_call(peer, &id, &user));
        assert_true(id < 3 && !seen[id]);
        assert_ptr_equal(user, &users[id]);
        seen[id] = true;
    }
    assert_false(rpc_peer_take_call(peer, &id, &user));
    assert_int_equal(call(peer, "m", NULL, NULL), 3); /* ids are not used again */
    rpc_peer_free(peer);
}

/* Many calls open at once, answered in a scattered order with gaps, against a plain list of what must be
 * open. */
static void many_calls_in_flight_keep_their_users(void **state) {
    (void)state;
    enum { CALLS = 3000 };
    static int users[CALLS];
    static bool open[CALLS];
    rpc_peer *peer = new_peer(NULL);
    uint64_t random = 88172645463325252u;
    int made = 0, answered = 0;
    while (answered < CALLS) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        if (made < CALLS && random % 5 < 3) {
            assert_int_equal(call(peer, "m", NULL, &users[made]), made);
            open[made++] = true;
            rpc_peer_sent(peer, SIZE_MAX);
        } else if (made > 0) {
            int id = (int)(random / 5 % (uint64_t)made);
            while (!open[id] && id < made - 1) id++;
            if (!open[id] && made < CALLS) continue;
            while (!open[id]) id = (id + 1) % made;
            char line[80];
            snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%d}\n", id, id);
            feed(peer, line);
            rpc_event event = next_of(peer, RPC_EVENT_RESULT);
            assert_int_equal(event.call, id);
            assert_ptr_equal(event.user, &users[id]);
            next_of(peer, RPC_EVENT_NONE);
            open[id] = false;
            answered++;
        }
        assert_int_equal(rpc_peer_calls(peer), made - answered);
    }
    rpc_peer_free(peer);
}

/* Few calls open among many that came and went, so that their places collide in every way. */
static void few_calls_among_many_keep_their_users(void **state) {
    (void)state;
    enum { OPEN = 4 };
    static int users[20000];
    uint64_t open[OPEN], random = 88172645463325252u;
    size_t count = 0;
    rpc_peer *peer = new_peer(NULL);
    for (int made = 0; made < 20000;) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        if (count < OPEN && random % 2 == 0) {
            open[count++] = call(peer, "m", NULL, &users[made]);
            made++;
            rpc_peer_sent(peer, SIZE_MAX);
        } else if (count > 0) {
            size_t which = random / 2 % count;
            void *user = NULL;
            assert_int_equal(rpc_peer_forget(peer, open[which], &user), BASE_OK);
            assert_ptr_equal(user, &users[open[which]]);
            open[which] = open[--count];
        }
        assert_int_equal(rpc_peer_calls(peer), count);
    }
    rpc_peer_free(peer);
}

/* ---- Batches ---- */

static void a_batch_is_answered_as_one_array_when_its_last_answer_is_there(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"n\"},"
               "{\"jsonrpc\":\"2.0\",\"method\":\"b\",\"id\":2},5,{\"jsonrpc\":\"2.0\",\"method\":\"c\","
               "\"id\":3}]\n");
    uint64_t a = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_NOTIFICATION);
    uint64_t b = next_of(peer, RPC_EVENT_REQUEST).request;
    answer(peer, b, "\"b\""); /* while the batch is being given out */
    next_of(peer, RPC_EVENT_INVALID);
    uint64_t c = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_NONE);
    answer(peer, c, "\"c\"");
    assert_sends(peer, "");
    answer_error(peer, a, 1, "a", NULL);
    assert_sends(
        peer, "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"b\"},"
              "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}},"
              "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"c\"},"
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"a\"}}]\n");
    rpc_peer_free(peer);
}

static void a_batch_is_not_answered_before_all_of_it_was_given_out(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"b\","
               "\"id\":2}]\n");
    answer(peer, next_of(peer, RPC_EVENT_REQUEST).request, "1");
    assert_sends(peer, "");
    answer(peer, next_of(peer, RPC_EVENT_REQUEST).request, "2");
    assert_sends(peer, "");
    next_of(peer, RPC_EVENT_NONE);
    assert_sends(
        peer, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}]\n");
    rpc_peer_free(peer);
}

static void batches_can_overlap(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer,
         "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":2}]\n"
         "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":3},{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":4}]\n"
         "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":5}\n");
    uint64_t requests[5];
    for (int i = 0; i < 5; i++) requests[i] = next_of(peer, RPC_EVENT_REQUEST).request;
    answer(peer, requests[3], "4");
    answer(peer, requests[0], "1");
    answer(peer, requests[4], "5");
    answer(peer, requests[2], "3");
    answer(peer, requests[1], "2");
    assert_sends(
        peer, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":5}\n"
              "[{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":4},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":3}]\n"
              "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}]\n");
    rpc_peer_free(peer);
}

static void a_batch_of_answers_is_answered_with_nothing(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    call(peer, "m", NULL, NULL);
    rpc_peer_sent(peer, SIZE_MAX);
    feed(peer, "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":1}]\n");
    next_of(peer, RPC_EVENT_RESULT);
    next_of(peer, RPC_EVENT_STRAY);
    next_of(peer, RPC_EVENT_NONE);
    assert_sends(peer, "");
    rpc_peer_free(peer);
}

static void a_batch_in_a_batch_is_invalid(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "[[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}]]\n");
    assert_span(next_of(peer, RPC_EVENT_INVALID).excerpt,
                "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}]");
    next_of(peer, RPC_EVENT_NONE);
    assert_sends(
        peer,
        "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}]\n");
    rpc_peer_free(peer);
}

static void a_batch_over_its_limit_is_refused_whole(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_batch = 2;
    rpc_peer *peer = new_peer(&config);
    feed(peer, "[1,2,{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}]\n[1,2]\n");
    rpc_event event = next_of(peer, RPC_EVENT_INVALID);
    assert_int_equal(event.why.status, BASE_LIMIT);
    assert_string_equal(event.why.message, "a batch of more than 2 messages");
    assert_sends(
        peer,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n");
    next_of(peer, RPC_EVENT_INVALID);
    next_of(peer, RPC_EVENT_INVALID);
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_free(peer);
}

static void requests_refused_in_a_batch_are_answered_in_it(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_in_flight = 1;
    rpc_peer *peer = new_peer(&config);
    feed(peer, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"b\","
               "\"id\":2}]\n");
    uint64_t first = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_REFUSED);
    next_of(peer, RPC_EVENT_NONE);
    answer(peer, first, "1");
    assert_sends(peer, "[{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32000,\"message\":\"more than 1 "
                       "requests at once\"}},"
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}]\n");
    rpc_peer_free(peer);
}

/* ---- Lines and chunks ---- */

/* A conversation with everything in it that input can bring. */
static const char sample[] =
    "{\"jsonrpc\":\"2.0\",\"method\":\"a\\u0062\",\"id\":1,\"params\":[1, 2]}\r\n"
    "\n\r\n  \t\r\n"
    " {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"caf\xC3\xA9\"} \n"
    "garbage \x01\xff\xC3\xA9 here\n"
    "[{\"jsonrpc\":\"2.0\",\"method\":\"c\",\"id\":\"x\"},{\"jsonrpc\":\"2.0\",\"method\":\"d\"},17,"
    "\n" /* cut:
                                                                                                           no
                                                                                                           JSON
                                                                                                         */
    "[{\"jsonrpc\":\"2.0\",\"method\":\"c\",\"id\":\"x\"},{\"jsonrpc\":\"2.0\",\"method\":\"d\"},17,{"
    "\"jsonrpc\":\"2.0\",\"id\":1,"
    "\"error\":{\"code\":3,\"message\":\"m\\t\",\"data\":null}}]\n"
    "[]\n"
    "{\"jsonrpc\":\"2.0\",\"id\":44,\"result\":[]}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"long\",\"params\":"
    "\"0123456789012345678901234567890123456789012345678901234567890123456789"
    "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
    "67890123"
    "4567890123456789"
    "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
    "67890123"
    "4567890123456789"
    "\xC3\xA9\"}\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"after\"}\r\n"
    "{\"jsonrpc\":\"2.0\",\"method\":\"unfinished\"}";

static rpc_config sample_config(const base_allocator *allocator) {
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = allocator;
    config.max_line = 250;
    return config;
}

/* Retries what ran out of memory, as the interface says one can. */
static void drain(rpc_peer *peer, base_buffer *transcript, size_t *failures) {
    for (;;) {
        rpc_event event;
        base_status status = rpc_peer_next(peer, &event);
        if (status == BASE_NO_MEMORY && failures && (*failures)++ < 2) continue;
        assert_int_equal(status, BASE_OK);
        if (event.kind == RPC_EVENT_NONE) return;
        describe(transcript, &event);
        if (event.kind != RPC_EVENT_REQUEST) continue;
        uint64_t request = event.request;
        status = rpc_peer_answer(peer, request, BASE_LITERAL("[\"answered\"]"), NULL);
        if (status == BASE_NO_MEMORY && failures && (*failures)++ < 2)
            status = rpc_peer_answer(peer, request, BASE_LITERAL("[\"answered\"]"), NULL);
        assert_int_equal(status, BASE_OK);
    }
}

/* The whole sample in chunks of `size` bytes; each chunk is a block of its own that is gone when the peer is
 * done. */
static void converse(size_t chunk_size, bool drain_each, base_buffer *transcript) {
    rpc_config config = sample_config(NULL);
    rpc_peer *peer = new_peer(&config);
    call(peer, "first", NULL, NULL);
    call(peer, "second", "{}", NULL);
    for (size_t at = 0; at < sizeof sample - 1; at += chunk_size) {
        size_t size = sizeof sample - 1 - at < chunk_size ? sizeof sample - 1 - at : chunk_size;
        uint8_t *chunk = malloc(size);
        assert_non_null(chunk);
        memcpy(chunk, sample + at, size);
        assert_int_equal(rpc_peer_feed(peer, (base_bytes){chunk, size}), BASE_OK);
        if (drain_each)
            drain(peer, transcript, NULL);
        else
            assert_int_equal(rpc_peer_keep(peer), BASE_OK);
        free(chunk);
    }
    rpc_peer_end(peer);
    drain(peer, transcript, NULL);
    base_bytes out = rpc_peer_output(peer);
    base_buffer_append(transcript, out.data, out.size);
    rpc_peer_free(peer);
}

static const char sample_transcript[] =
    "request #1 id=1 method=ab params=[1, 2] "
    "text={\"jsonrpc\":\"2.0\",\"method\":\"a\\u0062\",\"id\":1,\"params\":[1, 2]}\n"
    "result id=0 result=\"caf\xC3\xA9\" text={\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"caf\xC3\xA9\"} "
    "call=0\n"
    "invalid excerpt=garbage ??\xC3\xA9 here code=-32700 why=2:not JSON: at byte 0: expected a value\n"
    "invalid "
    "excerpt=[{\"jsonrpc\":\"2.0\",\"method\":\"c\",\"id\":\"x\"},{\"jsonrpc\":\"2.0\",\"method\":\"d\"},17, "
    "code=-32700 "
    "why=2:not JSON: at byte 75: the text ends where a value was expected\n"
    "request #2 id=\"x\" method=c text={\"jsonrpc\":\"2.0\",\"method\":\"c\",\"id\":\"x\"}\n"
    "notification method=d text={\"jsonrpc\":\"2.0\",\"method\":\"d\"}\n"
    "invalid excerpt=17 text=17 code=-32600 why=3:not a JSON-RPC message: expected an object, found a "
    "number\n"
    "error id=1 message=m\t data=null "
    "text={\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"m\\t\",\"data\":null}} "
    "call=1 code=3\n"
    "invalid excerpt=[] text=[] code=-32600 why=3:not a JSON-RPC message: an empty batch\n"
    "stray id=44 result=[] text={\"jsonrpc\":\"2.0\",\"id\":44,\"result\":[]}\n"
    "invalid "
    "excerpt={\"jsonrpc\":\"2.0\",\"method\":\"long\",\"params\":"
    "\"012345678901234567890123456789012345678901234567890123456789"
    "01234567890123... code=-32600 why=6:a line is over the limit of 250 bytes\n"
    "notification method=after text={\"jsonrpc\":\"2.0\",\"method\":\"after\"}\n"
    "notification method=unfinished text={\"jsonrpc\":\"2.0\",\"method\":\"unfinished\"}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"first\",\"params\":null}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"second\",\"params\":{}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[\"answered\"]}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}\n"
    "[{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":[\"answered\"]},"
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}]\n"
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n"
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n";

static void a_conversation_gives_the_same_events_however_it_is_cut(void **state) {
    (void)state;
    for (size_t chunk_size = 1; chunk_size <= sizeof sample; chunk_size++) {
        for (int drain_each = 0; drain_each < 2; drain_each++) {
            base_buffer transcript = {0};
            converse(chunk_size, drain_each, &transcript);
            if (!base_bytes_equal_text(base_buffer_bytes(&transcript), sample_transcript))
                fail_msg("chunks of %zu:\n%.*s", chunk_size, (int)transcript.size,
                         (const char *)transcript.data);
            base_buffer_free(&transcript);
        }
    }
}

static void a_message_that_arrives_whole_is_read_in_place(void **state) {
    (void)state;
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1]}\n{\"jsonrpc\":\"2.0\","
                               "\"method\":\"n\"}\n{\"half";
    rpc_peer *peer = new_peer(NULL);
    assert_int_equal(rpc_peer_feed(peer, (base_bytes){(const uint8_t *)text, sizeof text - 1}), BASE_OK);
    rpc_event event = next_of(peer, RPC_EVENT_NOTIFICATION);
    assert_ptr_equal(event.params.data, text + 39);
    assert_ptr_equal(event.method.data, text + 27);
    event = next_of(peer, RPC_EVENT_NOTIFICATION);
    assert_true((const char *)event.method.data > text &&
                (const char *)event.method.data < text + sizeof text);
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_free(peer);
}

static void chunks_can_be_fed_while_a_batch_is_being_given_out(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    char first[] = "[{\"jsonrpc\":\"2.0\",\"method\":\"a\"},{\"jsonrpc\":\"2.0\",\"method\":\"b\"}]\n{"
                   "\"jsonrpc\":\"2.0\",\"meth";
    feed(peer, first);
    assert_span(next_of(peer, RPC_EVENT_NOTIFICATION).method, "a");
    feed(peer, "od\":\"c\"}\n");
    memset(first, 'x', sizeof first);
    assert_span(next_of(peer, RPC_EVENT_NOTIFICATION).method, "b");
    assert_span(next_of(peer, RPC_EVENT_NOTIFICATION).method, "c");
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_free(peer);
}

static void answering_leaves_the_events_spans_alone(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"meth");
    next_of(peer, RPC_EVENT_NONE);
    feed(peer, "od\":\"\\u0061\",\"id\":1,\"params\":[5]}\n");
    rpc_event event = next_of(peer, RPC_EVENT_REQUEST);
    for (int i = 0; i < 100; i++) call(peer, "m", "\"some parameters\"", NULL);
    answer(peer, event.request, "1");
    assert_span(event.method, "a");
    assert_span(event.params, "[5]");
    assert_span(event.id, "1");
    rpc_peer_free(peer);
}

static void half_a_line_at_the_end_is_a_line(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n{\"jsonrpc\":\"2.0\",\"meth");
    next_of(peer, RPC_EVENT_NOTIFICATION);
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_end(peer);
    rpc_event event = next_of(peer, RPC_EVENT_INVALID);
    assert_int_equal(event.code, RPC_PARSE_ERROR);
    assert_span(event.excerpt, "{\"jsonrpc\":\"2.0\",\"meth");
    next_of(peer, RPC_EVENT_NONE);
    assert_int_equal(rpc_peer_feed(peer, bytes("x")), BASE_MISUSE);
    rpc_peer_free(peer);
}

static void an_end_without_a_half_line_is_silent(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n \r");
    next_of(peer, RPC_EVENT_NOTIFICATION);
    rpc_peer_end(peer);
    next_of(peer, RPC_EVENT_NONE);
    next_of(peer, RPC_EVENT_NONE);
    rpc_peer_free(peer);
}

/* ---- Limits ---- */

/* {"jsonrpc":"2.0","method":"<n letters>"} has 29 + n bytes. */
static char *line_of(size_t size, const char *line_end) {
    char *text = malloc(size + strlen(line_end) + 1);
    assert_non_null(text);
    memset(text, 'm', size);
    memcpy(text, "{\"jsonrpc\":\"2.0\",\"method\":\"", 27);
    memcpy(text + size - 2, "\"}", 2);
    strcpy(text + size, line_end);
    return text;
}

static void a_line_may_be_as_long_as_the_limit_and_no_longer(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_line = 100;
    static const char *const line_ends[] = {"\n", "\r\n"};
    for (int e = 0; e < 2; e++) {
        for (size_t size = 99; size <= 102; size++) {
            for (size_t cut = 1; cut < size + 2; cut++) {
                char *text = line_of(size, line_ends[e]);
                rpc_peer *peer = new_peer(&config);
                assert_int_equal(rpc_peer_feed(peer, (base_bytes){(uint8_t *)text,
                                                                  cut < strlen(text) ? cut : strlen(text)}),
                                 BASE_OK);
                rpc_event event = next(peer);
                if (event.kind == RPC_EVENT_NONE) {
                    feed(peer, text + cut);
                    event = next(peer);
                }
                if (event.kind != (size <= 100 ? RPC_EVENT_NOTIFICATION : RPC_EVENT_INVALID))
                    fail_msg("size %zu, cut %zu", size, cut);
                if (event.kind == RPC_EVENT_INVALID) assert_int_equal(event.why.status, BASE_LIMIT);
                rpc_peer_free(peer);
                free(text);
            }
        }
    }
}

static void a_line_that_is_too_long_is_reported_once_before_its_end_and_skipped(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_line = 50;
    rpc_peer *peer = new_peer(&config);
    feed(peer, "012345678901234567890123456789012345678901234567890");
    rpc_event event = next_of(peer, RPC_EVENT_INVALID);
    assert_int_equal(event.why.status, BASE_LIMIT);
    assert_int_equal(event.code, RPC_INVALID_REQUEST);
    assert_span(event.excerpt, "01234567890123456789012345678901234567890123456789...");
    next_of(peer, RPC_EVENT_NONE);
    for (int i = 0; i < 100; i++) {
        feed(peer, "the same line goes on and on");
        next_of(peer, RPC_EVENT_NONE);
    }
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"not me\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"me\"}\n");
    assert_span(next_of(peer, RPC_EVENT_NOTIFICATION).method, "me");
    next_of(peer, RPC_EVENT_NONE);
    assert_sends(
        peer,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"}}\n");
    rpc_peer_free(peer);
}

static void a_message_too_deep_is_reported_as_a_limit(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_depth = 3;
    rpc_peer *peer = new_peer(&config);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[[]]}\n{\"jsonrpc\":\"2.0\",\"method\":"
               "\"m\",\"params\":[[[]]]}\n");
    next_of(peer, RPC_EVENT_NOTIFICATION);
    rpc_event event = next_of(peer, RPC_EVENT_INVALID);
    assert_int_equal(event.why.status, BASE_LIMIT);
    assert_non_null(strstr(event.why.message, "nested more than 3 deep"));
    rpc_peer_free(peer);
}

static void a_message_of_ours_over_the_limit_is_not_sent(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_line = 60;
    rpc_peer *peer = new_peer(&config);
    base_error error;
    const char *params = "\"0123456789\""; /* the request then has 61 bytes */
    assert_int_equal(rpc_peer_call(peer, bytes("mmm"), bytes(params), NULL, NULL, &error), BASE_LIMIT);
    assert_non_null(strstr(error.message, "61 bytes"));
    assert_int_equal(rpc_peer_notify(peer, bytes("m"), bytes("\"012345678901234567890123\""), &error),
                     BASE_LIMIT);
    assert_int_equal(rpc_peer_calls(peer), 0);
    assert_sends(peer, "");
    assert_int_equal(call(peer, "mm", params, NULL), 0); /* exactly 60; no id was used up */
    assert_sends(peer, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"mm\",\"params\":\"0123456789\"}\n");
    rpc_peer_free(peer);
}

static void a_result_over_the_limit_leaves_the_request_to_be_answered(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_line = 100;
    rpc_peer *peer = new_peer(&config);
    base_error error;
    char large[90];
    memset(large, '1', sizeof large);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}\n"
               "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":2},{\"jsonrpc\":\"2.0\",\"method\":\"a\","
               "\"id\":3}]\n");
    uint64_t single = next_of(peer, RPC_EVENT_REQUEST).request;
    uint64_t first = next_of(peer, RPC_EVENT_REQUEST).request,
             second = next_of(peer, RPC_EVENT_REQUEST).request;
    next_of(peer, RPC_EVENT_NONE);
    assert_int_equal(rpc_peer_answer(peer, single, (base_bytes){(uint8_t *)large, sizeof large}, &error),
                     BASE_LIMIT);
    assert_non_null(strstr(error.message, "100"));
    assert_sends(peer, "");
    answer_error(peer, single, -32603, "too much", NULL);
    assert_sends(peer,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"too much\"}}\n");
    /* In a batch, what counts is the array. */
    assert_int_equal(rpc_peer_answer(peer, first, (base_bytes){(uint8_t *)large, 40}, &error), BASE_OK);
    assert_int_equal(rpc_peer_answer(peer, second, (base_bytes){(uint8_t *)large, 40}, &error), BASE_LIMIT);
    answer_error(peer, second, 1, "", NULL);
    assert_sends(peer, "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1111111111111111111111111111111111111111},"
                       "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":1,\"message\":\"\"}}]\n");
    rpc_peer_free(peer);
}

static void an_excerpt_is_short_and_printable(void **state) {
    (void)state;
    char text[400];
    rpc_peer *peer = new_peer(NULL);
    memset(text, 'x', sizeof text);
    memcpy(text + 117 - 3, "\xE2\x82\xAC", 3); /* fits to the last byte */
    text[130] = '\n';
    text[131] = '\0';
    feed(peer, text);
    base_bytes excerpt = next_of(peer, RPC_EVENT_INVALID).excerpt;
    assert_int_equal(excerpt.size, 120);
    assert_memory_equal(excerpt.data + 114, "\xE2\x82\xAC...", 6);
    memcpy(text + 114, "x\xE2\x82\xAC", 4); /* does not */
    feed(peer, text);
    excerpt = next_of(peer, RPC_EVENT_INVALID).excerpt;
    assert_int_equal(excerpt.size, 118);
    assert_memory_equal(excerpt.data + 114, "x...", 4);
    feed(peer, "\x1b[31m\x7f \xC3( \xF0\x9F\x98\x80 \xE2\x82\n");
    assert_span(next_of(peer, RPC_EVENT_INVALID).excerpt, "?[31m? ?( \xF0\x9F\x98\x80 ?");
    rpc_peer_free(peer);
}

static void the_excerpt_of_a_line_that_is_too_long_ends_between_characters(void **state) {
    (void)state;
    rpc_config config;
    rpc_config_init(&config);
    config.max_line = 10;
    rpc_peer *peer = new_peer(&config);
    feed(peer, "01234567\xE2\x82\xAC and more\n");
    assert_span(next_of(peer, RPC_EVENT_INVALID).excerpt, "01234567...");
    feed(peer, "0123456\xE2\x82\xAC and more\n");
    assert_span(next_of(peer, RPC_EVENT_INVALID).excerpt, "0123456\xE2\x82\xAC...");
    rpc_peer_free(peer);
}

/* ---- Output ---- */

static void output_can_be_sent_in_pieces(void **state) {
    (void)state;
    rpc_peer *peer = new_peer(NULL);
    base_buffer received = {0};
    base_buffer expected = {0};
    for (int i = 0; i < 200; i++) {
        call(peer, "method", "[1,2,3]", NULL);
        base_buffer_appendf(&expected,
                            "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"method\",\"params\":[1,2,3]}\n", i);
        base_bytes out = rpc_peer_output(peer);
        size_t some = out.size < (size_t)i ? out.size : (size_t)i;
        base_buffer_append(&received, out.data, some);
        rpc_peer_sent(peer, some);
    }
    while (rpc_peer_output(peer).size > 0) {
        base_buffer_append_byte(&received, rpc_peer_output(peer).data[0]);
        rpc_peer_sent(peer, 1);
    }
    assert_true(base_bytes_equal(base_buffer_bytes(&received), base_buffer_bytes(&expected)));
    base_buffer_free(&received);
    base_buffer_free(&expected);
    rpc_peer_free(peer);
}

/* ---- Size and memory ---- */

static void a_large_message_in_small_chunks_costs_few_allocations(void **state) {
    (void)state;
    enum { SIZE = 8 << 20, CHUNK = 4096 };
    test_heap heap;
    test_heap_init(&heap);
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = &heap.allocator;
    rpc_peer *peer = new_peer(&config);
    char *text = line_of(SIZE, "\n");
    for (size_t at = 0; at <= SIZE; at += CHUNK) {
        size_t size = SIZE + 1 - at < CHUNK ? SIZE + 1 - at : CHUNK;
        assert_int_equal(rpc_peer_feed(peer, (base_bytes){(uint8_t *)text + at, size}), BASE_OK);
        rpc_event event = next(peer);
        assert_int_equal(event.kind, at + CHUNK > SIZE ? RPC_EVENT_NOTIFICATION : RPC_EVENT_NONE);
        if (event.kind == RPC_EVENT_NOTIFICATION) assert_int_equal(event.method.size, SIZE - 29);
    }
    next_of(peer, RPC_EVENT_NONE);
    assert_true(heap.requests < 30);  /* growth by doubling */
    assert_true(heap.bytes < 100000); /* and nothing large is kept */
    rpc_peer_free(peer);
    free(text);
    assert_true(test_heap_clean(&heap));
}

static void a_large_message_is_copied_once_on_its_way_out(void **state) {
    (void)state;
    enum { SIZE = 8 << 20 };
    test_heap heap;
    test_heap_init(&heap);
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = &heap.allocator;
    rpc_peer *peer = new_peer(&config);
    char *params = malloc(SIZE);
    assert_non_null(params);
    memset(params, 'p', SIZE);
    params[0] = params[SIZE - 1] = '"';
    size_t before = heap.requests;
    assert_int_equal(rpc_peer_call(peer, bytes("m"), (base_bytes){(uint8_t *)params, SIZE}, NULL, NULL, NULL),
                     BASE_OK);
    assert_int_equal(heap.requests - before, 2); /* the table of calls and the queue */
    assert_true(heap.bytes < SIZE + 10000);
    rpc_peer_sent(peer, SIZE_MAX);
    assert_true(heap.bytes < 10000);
    rpc_peer_free(peer);
    free(params);
    assert_true(test_heap_clean(&heap));
}

static void a_large_message_that_is_sent_in_pieces_stays_where_it_is(void **state) {
    (void)state;
    enum { SIZE = 1 << 20, PIECE = 1000 };
    rpc_peer *peer = new_peer(NULL);
    char *params = malloc(SIZE);
    assert_non_null(params);
    memset(params, '1', SIZE);
    assert_int_equal(rpc_peer_call(peer, bytes("m"), (base_bytes){(uint8_t *)params, SIZE}, NULL, NULL, NULL),
                     BASE_OK);
    base_bytes out = rpc_peer_output(peer);
    const uint8_t *end = out.data + out.size;
    for (; out.size > PIECE; out = rpc_peer_output(peer)) {
        assert_ptr_equal(out.data + out.size, end);
        rpc_peer_sent(peer, PIECE);
    }
    /* The next one takes the place of what was sent. */
    size_t left = out.size;
    call(peer, "n", "2", NULL);
    out = rpc_peer_output(peer);
    assert_int_equal(out.data[left - 1], '\n');
    rpc_peer_sent(peer, left);
    assert_sends(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"n\",\"params\":2}\n");
    rpc_peer_free(peer);
    free(params);
}

/* Feeds `text` in pieces, saying each time how much follows; gives the last event. */
static rpc_event feed_expected(rpc_peer *peer, const char *text, size_t size, size_t piece) {
    rpc_event event = {.kind = RPC_EVENT_NONE};
    for (size_t at = 0; at < size; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        rpc_peer_expect(peer, size - at - count);
        assert_int_equal(rpc_peer_feed(peer, (base_bytes){(const uint8_t *)text + at, count}), BASE_OK);
        event = next(peer);
    }
    return event;
}

static void an_expected_message_finds_room_at_once(void **state) {
    (void)state;
    enum { SIZE = 1 << 20, PIECE = 1 << 16 };
    test_heap heap;
    test_heap_init(&heap);
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = &heap.allocator;
    rpc_peer *peer = new_peer(&config);
    char *text = line_of(SIZE, "\n");
    size_t before = heap.requests;
    assert_int_equal(feed_expected(peer, text, SIZE + 1, PIECE).kind, RPC_EVENT_NOTIFICATION);
    assert_int_equal(heap.requests - before, 1);
    assert_true(heap.bytes < SIZE + 10000);
    rpc_peer_free(peer);
    /* Nobody gets more room for an announcement than a line may take. */
    config.max_line = 1000;
    peer = new_peer(&config);
    rpc_peer_expect(peer, SIZE_MAX);
    assert_int_equal(rpc_peer_feed(peer, bytes("{")), BASE_OK);
    next_of(peer, RPC_EVENT_NONE);
    assert_true(heap.bytes < 4000);
    rpc_peer_free(peer);
    /* One that cannot be had does no harm. */
    config.max_line = SIZE;
    peer = new_peer(&config);
    heap.fail_at = heap.requests + 1;
    rpc_peer_expect(peer, SIZE_MAX);
    feed(peer, "{\"jsonrpc\":\"2.0\",");
    next_of(peer, RPC_EVENT_NONE);
    feed(peer, "\"method\":\"m\"}\n");
    next_of(peer, RPC_EVENT_NOTIFICATION);
    rpc_peer_free(peer);
    free(text);
    assert_true(test_heap_clean(&heap));
}

static void the_buffer_of_a_large_result_can_be_taken(void **state) {
    (void)state;
    enum { SIZE = 100000 };
    rpc_peer *peer = new_peer(NULL);
    base_buffer line = {0};
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":";
    base_buffer_append_text(&line, head);
    base_buffer_append_byte(&line, '1');
    while (line.size < SIZE) base_buffer_append_byte(&line, '0');
    base_buffer_append_text(&line, "}\n");
    call(peer, "m", "1", NULL);
    rpc_event event = feed_expected(peer, (char *)line.data, line.size, 1000);
    assert_int_equal(event.kind, RPC_EVENT_RESULT);
    base_buffer taken;
    assert_false(rpc_peer_take_text(peer, event.id, &taken));                 /* small against the buffer */
    assert_false(rpc_peer_take_text(peer, base_buffer_bytes(&line), &taken)); /* not the peer's */
    assert_true(rpc_peer_take_text(peer, event.result, &taken));
    assert_true(event.result.data > taken.data &&
                event.result.data + event.result.size < taken.data + taken.size);
    assert_int_equal(event.result.size,
                     line.size - strlen(head) - 2); /* but for the brace and the line's end */
    assert_int_equal(event.result.data[0], '1');
    base_buffer_free(&taken);
    /* The peer goes on as if it were new. */
    call(peer, "m", "1", NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,");
    next_of(peer, RPC_EVENT_NONE);
    feed(peer, "\"result\":7}\n");
    event = next_of(peer, RPC_EVENT_RESULT);
    assert_span(event.result, "7");
    /* Where other bytes wait behind the line the buffer stays. */
    call(peer, "m", "1", NULL);
    line.data[strlen(head) - strlen("0,\"result\":")] = '2';
    assert_int_equal(rpc_peer_feed(peer, base_buffer_bytes(&line)), BASE_OK);
    feed(peer, "{\"jsonrpc\":\"2.0\",");
    assert_int_equal(rpc_peer_keep(peer), BASE_OK);
    event = next_of(peer, RPC_EVENT_RESULT);
    assert_false(rpc_peer_take_text(peer, event.result, &taken));
    base_buffer_free(&line);
    rpc_peer_free(peer);
}

/* Runs the sample with an allocation failing; whatever says so is tried again, and all comes out the same. */
static void every_failed_allocation_can_be_tried_again(void **state) {
    (void)state;
    for (size_t fail_at = 2;; fail_at++) { /* the first is the peer itself */
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        rpc_config config = sample_config(&heap.allocator);
        rpc_peer *peer = new_peer(&config);
        base_buffer transcript = {0};
        size_t failures = 0;
        if (rpc_peer_call(peer, bytes("first"), bytes(""), NULL, NULL, NULL) != BASE_OK) {
            failures++;
            assert_int_equal(call(peer, "first", NULL, NULL), 0);
        }
        if (rpc_peer_call(peer, bytes("second"), bytes("{}"), NULL, NULL, NULL) != BASE_OK) {
            failures++;
            assert_int_equal(call(peer, "second", "{}", NULL), 1);
        }
        for (size_t at = 0; at < sizeof sample - 1; at += 50) {
            base_bytes chunk = {(const uint8_t *)sample + at,
                                sizeof sample - 1 - at < 50 ? sizeof sample - 1 - at : 50};
            if (rpc_peer_feed(peer, chunk) != BASE_OK) {
                failures++;
                assert_int_equal(rpc_peer_feed(peer, chunk), BASE_OK);
            }
            if (at % 100 == 0) drain(peer, &transcript, &failures);
        }
        rpc_peer_end(peer);
        drain(peer, &transcript, &failures);
        base_bytes out = rpc_peer_output(peer);
        base_buffer_append(&transcript, out.data, out.size);
        bool reached = heap.requests >= fail_at;
        assert_int_equal(failures, reached ? 1 : 0);
        assert_span(base_buffer_bytes(&transcript), sample_transcript);
        rpc_peer_free(peer);
        base_buffer_free(&transcript);
        assert_true(test_heap_clean(&heap));
        if (reached) continue;
        assert_true(fail_at > 10);
        return;
    }
}

/* The answer fits into its batch, but the batch not into the queue: it is not there twice when tried again. */
static void the_last_answer_of_a_batch_can_be_tried_again(void **state) {
    (void)state;
    size_t failures = 0;
    for (size_t fail_at = 1;; fail_at++) {
        test_heap heap;
        test_heap_init(&heap);
        rpc_config config;
        rpc_config_init(&config);
        config.allocator = &heap.allocator;
        rpc_peer *peer = new_peer(&config);
        feed(peer, "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"a\","
                   "\"id\":2}]\n");
        uint64_t first = next_of(peer, RPC_EVENT_REQUEST).request,
                 last = next_of(peer, RPC_EVENT_REQUEST).request;
        next_of(peer, RPC_EVENT_NONE);
        answer(peer, first, "1");
        heap.fail_at = heap.requests + fail_at;
        base_status status = rpc_peer_answer(peer, last, bytes("2"), NULL);
        bool reached = heap.requests >= heap.fail_at;
        assert_int_equal(status, reached ? BASE_NO_MEMORY : BASE_OK);
        if (reached) {
            failures++;
            assert_sends(peer, "");
            answer(peer, last, "2");
        }
        assert_sends(
            peer,
            "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1},{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":2}]\n");
        rpc_peer_free(peer);
        assert_true(test_heap_clean(&heap));
        if (!reached) break;
    }
    assert_true(failures > 0);
}

/* Memory runs out for good at each allocation in turn; then the peer is freed as it stands. */
static void a_peer_out_of_memory_can_be_freed_as_it_stands(void **state) {
    (void)state;
    for (size_t fail_at = 1;; fail_at++) {
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        heap.fail_on = true;
        rpc_config config = sample_config(&heap.allocator);
        rpc_peer *peer = NULL;
        base_error error;
        rpc_event event = {.kind = RPC_EVENT_NONE};
        base_status status = rpc_peer_new(&config, &peer, &error);
        if (status == BASE_OK) status = rpc_peer_call(peer, bytes("first"), bytes(""), NULL, NULL, &error);
        if (status == BASE_OK) status = rpc_peer_feed(peer, BASE_LITERAL(sample));
        do {
            if (status == BASE_OK) status = rpc_peer_next(peer, &event);
            if (status == BASE_OK && event.kind == RPC_EVENT_REQUEST && event.request % 2 == 1)
                status = rpc_peer_answer(peer, event.request, bytes("1"), &error);
        } while (status == BASE_OK && event.kind != RPC_EVENT_NONE);
        bool reached = heap.requests >= fail_at;
        assert_int_equal(status, reached ? BASE_NO_MEMORY : BASE_OK);
        rpc_peer_free(peer);
        assert_true(test_heap_clean(&heap));
        if (reached) continue;
        assert_true(fail_at > 10);
        return;
    }
}

static void a_peer_is_freed_with_all_that_is_open(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = &heap.allocator;
    rpc_peer *peer = new_peer(&config);
    call(peer, "m", NULL, NULL);
    feed(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1}\n"
               "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":2},{\"jsonrpc\":\"2.0\",\"method\":\"a\","
               "\"id\":3},7]\n"
               "[8,{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":4},9]\n");
    for (int i = 0; i < 3; i++) next_of(peer, RPC_EVENT_REQUEST);
    next_of(peer, RPC_EVENT_INVALID);
    next_of(peer, RPC_EVENT_INVALID);
    next_of(peer, RPC_EVENT_REQUEST); /* in the middle of the second batch */
    rpc_peer_free(peer);
    assert_true(test_heap_clean(&heap));
    rpc_peer_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(a_notification_is_a_request_without_id),
        cmocka_unit_test(responses_are_taken_apart),
        cmocka_unit_test(names_are_compared_decoded_and_the_last_of_several_wins),
        cmocka_unit_test(an_array_is_a_batch),
        cmocka_unit_test(what_is_no_message_is_said_to_be_none_and_why),
        cmocka_unit_test(a_message_nested_too_deep_is_a_limit),
        cmocka_unit_test(messages_are_built_as_the_protocol_shows_them),
        cmocka_unit_test(a_message_that_finds_no_memory_is_not_begun),
        cmocka_unit_test(spec_example_call_with_positional_parameters),
        cmocka_unit_test(spec_example_call_with_named_parameters),
        cmocka_unit_test(spec_example_notifications),
        cmocka_unit_test(spec_example_non_existent_method),
        cmocka_unit_test(spec_example_invalid_json),
        cmocka_unit_test(spec_example_invalid_request_object),
        cmocka_unit_test(spec_example_batch_with_invalid_json),
        cmocka_unit_test(spec_example_empty_array),
        cmocka_unit_test(spec_example_invalid_batch_that_is_not_empty),
        cmocka_unit_test(spec_example_invalid_batch),
        cmocka_unit_test(spec_example_batch),
        cmocka_unit_test(spec_example_batch_of_notifications),
        cmocka_unit_test(every_id_is_echoed_as_it_was_written),
        cmocka_unit_test(values_pass_through_untouched),
        cmocka_unit_test(method_names_are_decoded),
        cmocka_unit_test(requests_can_be_answered_later_and_in_any_order),
        cmocka_unit_test(answering_twice_or_without_a_request_is_misuse),
        cmocka_unit_test(requests_over_the_limit_are_refused_and_room_comes_with_answers),
        cmocka_unit_test(calls_are_numbered_from_zero_and_have_all_four_members),
        cmocka_unit_test(answers_find_their_calls_in_any_order),
        cmocka_unit_test(an_answer_to_no_call_is_stray_and_changes_nothing),
        cmocka_unit_test(the_second_answer_to_a_call_is_stray),
        cmocka_unit_test(a_broken_answer_ends_its_call_and_is_not_answered),
        cmocka_unit_test(calls_can_be_forgotten_or_taken),
        cmocka_unit_test(many_calls_in_flight_keep_their_users),
        cmocka_unit_test(few_calls_among_many_keep_their_users),
        cmocka_unit_test(a_batch_is_answered_as_one_array_when_its_last_answer_is_there),
        cmocka_unit_test(a_batch_is_not_answered_before_all_of_it_was_given_out),
        cmocka_unit_test(batches_can_overlap),
        cmocka_unit_test(a_batch_of_answers_is_answered_with_nothing),
        cmocka_unit_test(a_batch_in_a_batch_is_invalid),
        cmocka_unit_test(a_batch_over_its_limit_is_refused_whole),
        cmocka_unit_test(requests_refused_in_a_batch_are_answered_in_it),
        cmocka_unit_test(a_conversation_gives_the_same_events_however_it_is_cut),
        cmocka_unit_test(a_message_that_arrives_whole_is_read_in_place),
        cmocka_unit_test(chunks_can_be_fed_while_a_batch_is_being_given_out),
        cmocka_unit_test(answering_leaves_the_events_spans_alone),
        cmocka_unit_test(half_a_line_at_the_end_is_a_line),
        cmocka_unit_test(an_end_without_a_half_line_is_silent),
        cmocka_unit_test(a_line_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(a_line_that_is_too_long_is_reported_once_before_its_end_and_skipped),
        cmocka_unit_test(a_message_too_deep_is_reported_as_a_limit),
        cmocka_unit_test(a_message_of_ours_over_the_limit_is_not_sent),
        cmocka_unit_test(a_result_over_the_limit_leaves_the_request_to_be_answered),
        cmocka_unit_test(an_excerpt_is_short_and_printable),
        cmocka_unit_test(the_excerpt_of_a_line_that_is_too_long_ends_between_characters),
        cmocka_unit_test(output_can_be_sent_in_pieces),
        cmocka_unit_test(a_large_message_in_small_chunks_costs_few_allocations),
        cmocka_unit_test(a_large_message_is_copied_once_on_its_way_out),
        cmocka_unit_test(a_large_message_that_is_sent_in_pieces_stays_where_it_is),
        cmocka_unit_test(an_expected_message_finds_room_at_once),
        cmocka_unit_test(the_buffer_of_a_large_result_can_be_taken),
        cmocka_unit_test(every_failed_allocation_can_be_tried_again),
        cmocka_unit_test(the_last_answer_of_a_batch_can_be_tried_again),
        cmocka_unit_test(a_peer_out_of_memory_can_be_freed_as_it_stands),
        cmocka_unit_test(a_peer_is_freed_with_all_that_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
