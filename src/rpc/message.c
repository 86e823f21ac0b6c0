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

static void classify_object(rpc_message *message) {
    enum { VERSION, ID, METHOD, PARAMS, RESULT, ERROR, COUNT };
    static const char *const names[COUNT] = {"jsonrpc", "id", "method", "params", "result", "error"};
    base_bytes members[COUNT];
    json_find_all(message->value, names, members, COUNT);
    json_kind id = json_kind_of(members[ID]);
    bool id_fits = id == JSON_NONE || id == JSON_STRING || id == JSON_NUMBER || id == JSON_NULL;
    if (id_fits) message->id = members[ID];
    message->method_json = members[METHOD];
    message->params = members[PARAMS];
    message->result = members[RESULT];
    message->error_json = members[ERROR];
    message->response_like = is_response(message);
    if (!json_string_equals_text(members[VERSION], "2.0"))
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

void rpc_classify_value(base_bytes value, rpc_message *message) {
    *message = (rpc_message){.kind = RPC_INVALID, .value = value};
    json_kind kind = json_kind_of(value);
    if (kind == JSON_OBJECT)
        classify_object(message);
    else
        set_invalid(message, "not a JSON-RPC message: expected an object, found %s", json_kind_name(kind));
}

void rpc_classify(base_bytes line, uint32_t max_depth, rpc_message *message) {
    base_error reason;
    base_bytes value;
    base_status status = json_validate(line, max_depth, &value, &reason);
    if (status != BASE_OK) {
        *message = (rpc_message){.kind = RPC_INVALID, .code = RPC_PARSE_ERROR};
        base_fail(&message->why, status, "%s: %s", status == BASE_LIMIT ? "JSON refused" : "not JSON",
                  reason.message);
    } else if (json_kind_of(value) != JSON_ARRAY) {
        rpc_classify_value(value, message);
    } else {
        *message = (rpc_message){.kind = RPC_BATCH, .value = value};
        if (json_count(value, 1) == 0) set_invalid(message, "not a JSON-RPC message: an empty batch");
    }
}

/* ---- Building ---- */

/* The members' names, punctuation and numbers of the longest message, with room to spare. */
enum { ENVELOPE_SIZE = 128 };

/* Room for the whole message at once: large values are copied once and never moved. */
static base_status begin_message(json_writer *writer, base_buffer *out, size_t size) {
    if (size > SIZE_MAX - ENVELOPE_SIZE || base_buffer_reserve(out, size + ENVELOPE_SIZE) != BASE_OK)
        return BASE_NO_MEMORY;
    json_writer_init(writer, out);
    json_begin_object(writer);
    json_write_key(writer, "jsonrpc");
    json_write_text(writer, "2.0");
    return BASE_OK;
}

static base_status end_message(json_writer *writer) {
    json_end_object(writer);
    return json_writer_finish(writer, NULL);
}

static void write_raw_or_null(json_writer *writer, const char *key, base_bytes value) {
    json_write_key(writer, key);
    if (value.size > 0)
        json_write_raw(writer, value);
    else
        json_write_null(writer);
}

base_status rpc_write_request(base_buffer *out, uint64_t id, base_bytes method, base_bytes params) {
    json_writer writer;
    base_status status = begin_message(&writer, out, method.size + params.size);
    if (status != BASE_OK) return status;
    json_write_key(&writer, "id");
    json_write_uint64(&writer, id);
    json_write_key(&writer, "method");
    json_write_string(&writer, method);
    write_raw_or_null(&writer, "params", params);
    return end_message(&writer);
}

base_status rpc_write_notification(base_buffer *out, base_bytes method, base_bytes params) {
    json_writer writer;
    base_status status = begin_message(&writer, out, method.size + params.size);
    if (status != BASE_OK) return status;
    json_write_key(&writer, "method");
    json_write_string(&writer, method);
    write_raw_or_null(&writer, "params", params);
    return end_message(&writer);
}

base_status rpc_write_result(base_buffer *out, base_bytes id, base_bytes result) {
    json_writer writer;
    base_status status = begin_message(&writer, out, id.size + result.size);
    if (status != BASE_OK) return status;
    write_raw_or_null(&writer, "id", id);
    write_raw_or_null(&writer, "result", result);
    return end_message(&writer);
}

base_status rpc_write_error(base_buffer *out, base_bytes id, int64_t code, base_bytes text, base_bytes data) {
    json_writer writer;
    base_status status = begin_message(&writer, out, id.size + text.size + data.size);
    if (status != BASE_OK) return status;
    write_raw_or_null(&writer, "id", id);
    json_write_key(&writer, "error");
    json_begin_object(&writer);
    json_write_key(&writer, "code");
    json_write_int64(&writer, code);
    json_write_key(&writer, "message");
    json_write_string(&writer, text);
    if (data.size > 0) {
        json_write_key(&writer, "data");
        json_write_raw(&writer, data);
    }
    json_end_object(&writer);
    return end_message(&writer);
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
