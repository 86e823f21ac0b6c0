/* Owns single messages: telling what a text is, and building them. No state. */
#include "rpc/rpc.h"

/* ---- Classifying ---- */

BASE_PRINTF(2, 3) static void set_invalid(rpc_message *message, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_fail_va(&message->why, BASE_INVALID, format, arguments);
    va_end(arguments);
    message->kind = RPC_INVALID;
    message->code = RPC_INVALID_REQUEST;
}

static bool is_response(const rpc_message *message) {
    return message->method_json.size == 0 && (message->result.size > 0 || message->error_json.size > 0);
}

static void classify_request(rpc_message *message) {
    json_kind method = json_kind_of(message->method_json);
    if (method != JSON_STRING)
        set_invalid(message, "not a JSON-RPC message: 'method' must be a string, not %s",
                    json_kind_name(method));
    else
        message->kind = message->id.size > 0 ? RPC_REQUEST : RPC_NOTIFICATION;
}

static void classify_error(rpc_message *message) {
    enum { CODE, TEXT, DATA, COUNT };
    static const char *const names[COUNT] = {"code", "message", "data"};
    base_bytes members[COUNT];
    json_kind kind = json_kind_of(message->error_json);
    if (kind != JSON_OBJECT) {
        set_invalid(message, "not a JSON-RPC message: 'error' must be an object, not %s",
                    json_kind_name(kind));
        return;
    }
    json_find_all(message->error_json, names, members, COUNT);
    base_error reason;
    if (json_read_int64(members[CODE], &message->error_code, &reason) != BASE_OK) {
        set_invalid(message, "not a JSON-RPC message: the error's 'code': %s", reason.message);
    } else if (json_kind_of(members[TEXT]) != JSON_STRING) {
        set_invalid(message, "not a JSON-RPC message: the error's 'message' must be a string, not %s",
                    json_kind_name(json_kind_of(members[TEXT])));
    } else {
        message->kind = RPC_ERROR;
        message->error_message_json = members[TEXT];
        message->error_data = members[DATA];
    }
}

static void classify_response(rpc_message *message) {
    if (message->id.size == 0) {
        set_invalid(message, "not a JSON-RPC message: a response without 'id'");
    } else if (message->result.size > 0 && message->error_json.size > 0) {
        set_invalid(message, "not a JSON-RPC message: a response with both 'result' and 'error'");
    } else if (message->error_json.size > 0) {
        classify_error(message);
    } else {
        message->kind = RPC_RESULT;
    }
}

/* The members of a message. */
enum { VERSION, ID, RESULT, METHOD, PARAMS, ERROR, MEMBER_COUNT };
static const char *const member_names[MEMBER_COUNT] = {"jsonrpc", "id",     "result",
                                                       "method",  "params", "error"};

static void classify_object(rpc_message *message, const base_bytes members[MEMBER_COUNT]) {
    json_kind id = json_kind_of(members[ID]);
    bool id_fits = id == JSON_NONE || id == JSON_STRING || id == JSON_NUMBER || id == JSON_NULL;
    if (id_fits) message->id = members[ID];
    message->method_json = members[METHOD];
    message->params = members[PARAMS];
    message->result = members[RESULT];
    message->error_json = members[ERROR];
    message->response_like = is_response(message);
    if (!json_string_equals(members[VERSION], BASE_LITERAL("2.0")))
        set_invalid(message, "not a JSON-RPC message: 'jsonrpc' must be \"2.0\"");
    else if (!id_fits)
        set_invalid(message, "not a JSON-RPC message: 'id' must be a string, a number or null, not %s",
                    json_kind_name(id));
    else if (message->method_json.size > 0)
        classify_request(message);
    else if (message->response_like)
        classify_response(message);
    else
        set_invalid(message, "not a JSON-RPC message: there is no 'method', 'result' or 'error'");
}

static void classify_no_object(rpc_message *message) {
    set_invalid(message, "not a JSON-RPC message: expected an object, found %s",
                json_kind_name(json_kind_of(message->value)));
}

void rpc_classify_value(base_bytes value, rpc_message *message) {
    *message = (rpc_message){.kind = RPC_INVALID, .value = value};
    if (json_kind_of(value) != JSON_OBJECT) {
        classify_no_object(message);
        return;
    }
    base_bytes members[MEMBER_COUNT];
    json_find_all(value, member_names, members, MEMBER_COUNT);
    classify_object(message, members);
}

void rpc_classify(base_bytes line, uint32_t max_depth, rpc_message *message) {
    base_error reason;
    base_bytes value, members[MEMBER_COUNT];
    base_status status =
        json_validate_members(line, max_depth, &value, member_names, members, MEMBER_COUNT, &reason);
    if (status != BASE_OK) {
        *message = (rpc_message){.kind = RPC_INVALID, .code = RPC_PARSE_ERROR};
        base_fail(&message->why, status, "%s: %s", status == BASE_LIMIT ? "JSON refused" : "not JSON",
                  reason.message);
        return;
    }
    *message = (rpc_message){.kind = RPC_INVALID, .value = value};
    json_kind kind = json_kind_of(value);
    if (kind == JSON_OBJECT) {
        classify_object(message, members);
    } else if (kind != JSON_ARRAY) {
        classify_no_object(message);
    } else {
        message->kind = RPC_BATCH;
        if (json_count(value, 1) == 0) set_invalid(message, "not a JSON-RPC message: an empty batch");
    }
}

/* ---- Building ----
 *
 * Messages have few shapes, so their fixed parts are written as they stand, and only what goes in between is
 * written as JSON. */

/* More than the fixed parts and the numbers of the longest message. */
enum { ENVELOPE_SIZE = 128 };

/* Room for the whole message at once, as far as its size is known: large values are copied once and never
 * moved. */
static base_status begin_message(base_buffer *out, size_t size) {
    if (size > SIZE_MAX - ENVELOPE_SIZE) return BASE_NO_MEMORY;
    return base_buffer_reserve(out, size + ENVELOPE_SIZE);
}

static base_status put_string(base_buffer *out, base_bytes text) {
    json_writer writer;
    json_writer_init(&writer, out);
    json_write_string(&writer, text);
    return json_writer_finish(&writer, NULL);
}

static base_status put_unsigned(base_buffer *out, uint64_t value) {
    json_writer writer;
    json_writer_init(&writer, out);
    json_write_uint64(&writer, value);
    return json_writer_finish(&writer, NULL);
}

static base_status put_signed(base_buffer *out, int64_t value) {
    json_writer writer;
    json_writer_init(&writer, out);
    json_write_int64(&writer, value);
    return json_writer_finish(&writer, NULL);
}

static base_status put_raw_or_null(base_buffer *out, base_bytes value) {
    if (value.size == 0) value = BASE_LITERAL("null");
    json_writer writer;
    json_writer_init(&writer, out);
    json_write_raw(&writer, value);
    return json_writer_finish(&writer, NULL);
}

/* Of the steps that write a message the first that fails ends it. */
#define PUT(status, step)                                                                                    \
    do {                                                                                                     \
        if ((status) == BASE_OK) (status) = (step);                                                          \
    } while (0)
#define PUT_TEXT(status, out, text) PUT(status, base_buffer_append(out, text, sizeof(text) - 1))

/* Takes back what there is of a message that could not be written whole. */
static base_status end_message(base_buffer *out, size_t start, base_status status) {
    PUT_TEXT(status, out, "}");
    if (status != BASE_OK) out->size = start;
    return status;
}

base_status rpc_write_request(base_buffer *out, uint64_t id, base_bytes method, base_bytes params) {
    size_t start = out->size;
    base_status status = begin_message(out, method.size + params.size);
    PUT_TEXT(status, out, "{\"jsonrpc\":\"2.0\",\"id\":");
    PUT(status, put_unsigned(out, id));
    PUT_TEXT(status, out, ",\"method\":");
    PUT(status, put_string(out, method));
    PUT_TEXT(status, out, ",\"params\":");
    PUT(status, put_raw_or_null(out, params));
    return end_message(out, start, status);
}

base_status rpc_write_notification(base_buffer *out, base_bytes method, base_bytes params) {
    size_t start = out->size;
    base_status status = begin_message(out, method.size + params.size);
    PUT_TEXT(status, out, "{\"jsonrpc\":\"2.0\",\"method\":");
    PUT(status, put_string(out, method));
    PUT_TEXT(status, out, ",\"params\":");
    PUT(status, put_raw_or_null(out, params));
    return end_message(out, start, status);
}

base_status rpc_write_result(base_buffer *out, base_bytes id, base_bytes result) {
    size_t start = out->size;
    base_status status = begin_message(out, id.size + result.size);
    PUT_TEXT(status, out, "{\"jsonrpc\":\"2.0\",\"id\":");
    PUT(status, put_raw_or_null(out, id));
    PUT_TEXT(status, out, ",\"result\":");
    PUT(status, put_raw_or_null(out, result));
    return end_message(out, start, status);
}

base_status rpc_write_error(base_buffer *out, base_bytes id, int64_t code, base_bytes text, base_bytes data) {
    size_t start = out->size;
    base_status status = begin_message(out, id.size + text.size + data.size);
    PUT_TEXT(status, out, "{\"jsonrpc\":\"2.0\",\"id\":");
    PUT(status, put_raw_or_null(out, id));
    PUT_TEXT(status, out, ",\"error\":{\"code\":");
    PUT(status, put_signed(out, code));
    PUT_TEXT(status, out, ",\"message\":");
    PUT(status, put_string(out, text));
    if (data.size > 0) {
        PUT_TEXT(status, out, ",\"data\":");
        PUT(status, put_raw_or_null(out, data));
    }
    PUT_TEXT(status, out, "}");
    return end_message(out, start, status);
}

const char *rpc_code_text(int64_t code) {
    switch (code) {
    case RPC_PARSE_ERROR: return "Parse error";
    case RPC_INVALID_REQUEST: return "Invalid Request";
    case RPC_METHOD_NOT_FOUND: return "Method not found";
    case RPC_INVALID_PARAMS: return "Invalid params";
    case RPC_INTERNAL_ERROR: return "Internal error";
    default: return "Server error";
    }
}
