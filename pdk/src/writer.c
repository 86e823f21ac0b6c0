/* Owns the writing of JSON: the public functions over json_writer, texts in pieces, and what becomes of a
 * value that is complete or cannot be. */
#include "pdk.h"

#include <string.h>

wplug_writer *pdk_writer_none(void) {
    return &pdk.nothing;
}

wplug_writer *pdk_writer_new(pdk_purpose purpose, wplug_request *request, wplug_host_call *call) {
    wplug_writer *writer = base_alloc_zeroed(NULL, 1, sizeof *writer);
    if (!writer) return pdk_writer_none();
    pdk_writer_begin(writer, purpose, request, call);
    return writer;
}

void pdk_writer_begin(wplug_writer *writer, pdk_purpose purpose, wplug_request *request,
                      wplug_host_call *call) {
    writer->purpose = purpose;
    writer->request = request;
    writer->call = call;
    writer->text_open = false;
    json_writer_init(&writer->json, &writer->out);
}

void pdk_writer_rest(wplug_writer *writer) {
    enum { SMALL_BUFFER = 1024 };
    writer->purpose = PDK_WRITE_NOTHING;
    writer->out.size = 0;
    if (writer->message.data) base_buffer_free(&writer->message);
    if (writer->out.capacity > SMALL_BUFFER) base_buffer_free(&writer->out);
}

void pdk_writer_free(wplug_writer *writer) {
    if (!writer || writer == pdk_writer_none()) return;
    base_buffer_free(&writer->message);
    base_buffer_free(&writer->out);
    base_free(NULL, writer, sizeof *writer);
}

void pdk_writer_drop(wplug_writer *writer) {
    if (!writer) return;
    writer->purpose = PDK_WRITE_NOTHING;
    base_buffer_free(&writer->message);
    base_buffer_free(&writer->out);
}

static void deliver(wplug_writer *writer, const char *mistake) {
    switch (writer->purpose) {
    case PDK_WRITE_NOTHING: break;
    case PDK_WRITE_RESULT:
    case PDK_WRITE_ERROR_DATA: pdk_request_written(writer->request, writer, mistake); break;
    case PDK_WRITE_HOST_PARAMS:
        if (mistake) pdk_host_params_broken(writer->call, mistake);
        break;
    case PDK_WRITE_NOTIFICATION: pdk_notification_written(writer, mistake); break;
    }
}

/* Whether the writer takes anything now. A text that is open takes only pieces. */
static bool takes_value(wplug_writer *writer) {
    if (writer->purpose == PDK_WRITE_NOTHING) return false;
    if (!writer->text_open) return true;
    deliver(writer, "wplug_end_text is missing");
    return false;
}

/* After each write: hands on a value that is complete, or the mistake that was made. */
static void written(wplug_writer *writer) {
    if (writer->json.status != BASE_OK)
        deliver(writer, writer->json.status == BASE_NO_MEMORY ? "out of memory" : writer->json.message);
    else if (writer->json.complete)
        deliver(writer, NULL);
}

void wplug_begin_object(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_begin_object(&writer->json);
    written(writer);
}

void wplug_end_object(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_end_object(&writer->json);
    written(writer);
}

void wplug_begin_array(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_begin_array(&writer->json);
    written(writer);
}

void wplug_end_array(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_end_array(&writer->json);
    written(writer);
}

void wplug_key(wplug_writer *writer, const char *name) {
    wplug_key_text(writer, wplug_str(name));
}

void wplug_key_text(wplug_writer *writer, wplug_text name) {
    if (!takes_value(writer)) return;
    json_write_key_bytes(&writer->json, (base_bytes){(const uint8_t *)name.data, name.size});
    written(writer);
}

void wplug_write_null(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_write_null(&writer->json);
    written(writer);
}

void wplug_write_bool(wplug_writer *writer, bool value) {
    if (!takes_value(writer)) return;
    json_write_bool(&writer->json, value);
    written(writer);
}

void wplug_write_int64(wplug_writer *writer, int64_t value) {
    if (!takes_value(writer)) return;
    json_write_int64(&writer->json, value);
    written(writer);
}

void wplug_write_uint64(wplug_writer *writer, uint64_t value) {
    if (!takes_value(writer)) return;
    json_write_uint64(&writer->json, value);
    written(writer);
}

void wplug_write_double(wplug_writer *writer, double value) {
    if (!takes_value(writer)) return;
    json_write_double(&writer->json, value);
    written(writer);
}

void wplug_write_text(wplug_writer *writer, wplug_text value) {
    if (!takes_value(writer)) return;
    json_write_string(&writer->json, (base_bytes){(const uint8_t *)value.data, value.size});
    written(writer);
}

void wplug_write_string(wplug_writer *writer, const char *value) {
    if (value)
        wplug_write_text(writer, wplug_str(value));
    else
        wplug_write_null(writer);
}

static void write_text_va(wplug_writer *writer, const char *format, va_list arguments) {
    if (!takes_value(writer)) return;
    base_buffer text = {0};
    if (base_buffer_append_va(&text, format, arguments) == BASE_OK) {
        json_write_string(&writer->json, base_buffer_bytes(&text));
        written(writer);
    } else {
        deliver(writer, "out of memory");
    }
    base_buffer_free(&text);
}

void wplug_write_textf(wplug_writer *writer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_text_va(writer, format, arguments);
    va_end(arguments);
}

void pdk_write_json(wplug_writer *writer, base_bytes json) {
    if (!takes_value(writer)) return;
    if (json.size > 0)
        json_write_raw(&writer->json, json);
    else
        json_write_null(&writer->json);
    written(writer);
}

void wplug_write_value(wplug_writer *writer, wplug_value value) {
    pdk_write_json(writer, (base_bytes){(const uint8_t *)value.json, value.size});
}

/* ---- Texts in pieces ---- */

/* A text is begun as the empty string. A piece is written as a string of its own behind it, whose quote
 * closes the text from then on; the two quotes between them are taken out:
 *
 *     "first"  +  "second"   ->   "firstsecond"
 *           ^^^^^ cut             */
void wplug_begin_text(wplug_writer *writer) {
    if (!takes_value(writer)) return;
    json_write_string(&writer->json, (base_bytes){NULL, 0});
    if (writer->json.status != BASE_OK)
        written(writer);
    else
        writer->text_open = true;
}

void wplug_add_text(wplug_writer *writer, wplug_text piece) {
    if (writer->purpose == PDK_WRITE_NOTHING || piece.size == 0) return;
    if (!writer->text_open) {
        deliver(writer, "wplug_begin_text is missing");
        return;
    }
    size_t seam = writer->out.size;
    json_writer piece_writer;
    json_writer_init(&piece_writer, &writer->out);
    json_write_string(&piece_writer, (base_bytes){(const uint8_t *)piece.data, piece.size});
    if (json_writer_finish(&piece_writer, NULL) != BASE_OK) {
        deliver(writer, "out of memory");
        return;
    }
    uint8_t *data = writer->out.data;
    memmove(data + seam - 1, data + seam + 1, writer->out.size - seam - 1);
    writer->out.size -= 2;
}

void wplug_add_string(wplug_writer *writer, const char *piece) {
    wplug_add_text(writer, wplug_str(piece));
}

void wplug_end_text(wplug_writer *writer) {
    if (writer->purpose == PDK_WRITE_NOTHING) return;
    if (!writer->text_open) {
        deliver(writer, "wplug_begin_text is missing");
        return;
    }
    writer->text_open = false;
    written(writer);
}

/* ---- Members ---- */

void wplug_member_null(wplug_writer *writer, const char *name) {
    wplug_key(writer, name);
    wplug_write_null(writer);
}

void wplug_member_bool(wplug_writer *writer, const char *name, bool value) {
    wplug_key(writer, name);
    wplug_write_bool(writer, value);
}

void wplug_member_int64(wplug_writer *writer, const char *name, int64_t value) {
    wplug_key(writer, name);
    wplug_write_int64(writer, value);
}

void wplug_member_uint64(wplug_writer *writer, const char *name, uint64_t value) {
    wplug_key(writer, name);
    wplug_write_uint64(writer, value);
}

void wplug_member_double(wplug_writer *writer, const char *name, double value) {
    wplug_key(writer, name);
    wplug_write_double(writer, value);
}

void wplug_member_text(wplug_writer *writer, const char *name, wplug_text value) {
    wplug_key(writer, name);
    wplug_write_text(writer, value);
}

void wplug_member_string(wplug_writer *writer, const char *name, const char *value) {
    wplug_key(writer, name);
    wplug_write_string(writer, value);
}

void wplug_member_value(wplug_writer *writer, const char *name, wplug_value value) {
    wplug_key(writer, name);
    wplug_write_value(writer, value);
}

/* ---- Results in one piece ---- */

void wplug_result_null(wplug_request *request) {
    wplug_write_null(wplug_result(request));
}

void wplug_result_bool(wplug_request *request, bool value) {
    wplug_write_bool(wplug_result(request), value);
}

void wplug_result_int64(wplug_request *request, int64_t value) {
    wplug_write_int64(wplug_result(request), value);
}

void wplug_result_uint64(wplug_request *request, uint64_t value) {
    wplug_write_uint64(wplug_result(request), value);
}

void wplug_result_double(wplug_request *request, double value) {
    wplug_write_double(wplug_result(request), value);
}

void wplug_result_text(wplug_request *request, wplug_text value) {
    wplug_write_text(wplug_result(request), value);
}

void wplug_result_string(wplug_request *request, const char *value) {
    wplug_write_string(wplug_result(request), value);
}

void wplug_result_textf(wplug_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_text_va(wplug_result(request), format, arguments);
    va_end(arguments);
}

void wplug_result_value(wplug_request *request, wplug_value value) {
    wplug_write_value(wplug_result(request), value);
}
