/* Owns requests: from the peer's event to the answer that is sent, and everything that is freed with them. */
#include "pdk.h"

#include <string.h>

/* Keeps `bytes` for as long as the request lives: where they are if `block` holds them, else as a copy. */
static bool keep_params(wplug_request *request, pdk_block *block, base_bytes bytes, base_bytes *kept) {
    *kept = bytes;
    if (bytes.size == 0) return true;
    if (block && bytes.data >= block->data && bytes.data < block->data + block->size) {
        if (!request->block) request->block = pdk_block_share(block);
        return true;
    }
    kept->data = (const uint8_t *)pdk_arena_copy(&request->arena, bytes.data, bytes.size);
    return kept->data != NULL;
}

static wplug_request *take_spare(void) {
    wplug_request *request = pdk.spare_request;
    pdk.spare_request = NULL;
    return request ? request : base_alloc_zeroed(NULL, 1, sizeof *request);
}

/* Keeps the memory of a request that is over for the next one, with its arena and the buffer of its answer. */
static void keep_spare_request(wplug_request *request) {
    pdk_arena_empty(&request->arena);
    pdk_writer_rest(&request->first_writer);
    pdk_arena arena = request->arena;
    base_buffer out = request->first_writer.out;
    memset(request, 0, sizeof *request);
    request->arena = arena;
    request->first_writer.out = out;
    pdk.spare_request = request;
}

static void free_request_memory(wplug_request *request) {
    base_buffer_free(&request->first_writer.message);
    base_buffer_free(&request->first_writer.out);
    pdk_arena_free(&request->arena);
    base_free(NULL, request, sizeof *request);
}

void pdk_request_prepare(void) {
    enum { SMALL_ANSWER = 64 };
    wplug_request *request = take_spare();
    if (!request) return;
    (void)!pdk_arena_alloc(&request->arena, 1);
    (void)base_buffer_reserve(&request->first_writer.out, SMALL_ANSWER);
    keep_spare_request(request);
}

void pdk_spare_request_free(void) {
    if (pdk.spare_request) free_request_memory(pdk.spare_request);
    pdk.spare_request = NULL;
}

bool pdk_request_accept(const rpc_event *event, pdk_block *block) {
    wplug_request *request = take_spare();
    if (!request) return false;
    request->task.kind = PDK_TASK_REQUEST;
    request->notification = event->kind == RPC_EVENT_NOTIFICATION;
    request->handle = event->request;
    request->next = pdk.requests;
    if (pdk.requests) pdk.requests->previous = request;
    pdk.requests = request;

    base_bytes params;
    char *name = pdk_arena_copy(&request->arena, event->method.data, event->method.size);
    if (!name || !keep_params(request, block, event->params, &params)) {
        pdk_request_free(request);
        return false;
    }
    request->name = (wplug_text){name, event->method.size};
    request->params = (wplug_source){
        .kind = PDK_SOURCE_PARAMS, .request = request, .arena = &request->arena, .root = params};
    pdk_enqueue(&request->task);
    return true;
}

void pdk_request_free(wplug_request *request) {
    pdk_dequeue(&request->task);
    while (request->calls) pdk_host_call_dispose(request->calls);
    while (request->timers) wplug_timer_cancel(request->timers);
    while (request->writers) {
        wplug_writer *writer = request->writers;
        request->writers = writer->next;
        pdk_writer_free(writer);
    }
    if (request->previous)
        request->previous->next = request->next;
    else
        pdk.requests = request->next;
    if (request->next) request->next->previous = request->previous;
    pdk_block_release(request->block);
    if (pdk.spare_request)
        free_request_memory(request);
    else
        keep_spare_request(request);
}

/* ---- Answers ---- */

static void mark_answered(wplug_request *request, bool failed) {
    request->answered = true;
    request->failed = failed;
    if (!request->notification) pdk.answers++;
    if (request->writer == &request->first_writer)
        pdk_writer_rest(request->writer);
    else
        pdk_writer_drop(request->writer);
    pdk_flush();
}

/* Sends an error, and if there is no memory for that, gives up: the exit code is then all the host gets. */
static void answer_error(wplug_request *request, int64_t code, base_bytes message, base_bytes data) {
    if (request->answered) return;
    if (request->notification) {
        wplug_log(WPLUG_LOG_WARNING, "notification \"%.*s\" failed: %.*s", WPLUG_TEXT(request->name),
                  (int)message.size, (const char *)message.data);
    } else {
        base_error error;
        base_status status = rpc_peer_answer_error(pdk.peer, request->handle, code, message, data, &error);
        if (status == BASE_LIMIT)
            status = rpc_peer_answer_error(pdk.peer, request->handle, WPLUG_INTERNAL_ERROR,
                                           BASE_LITERAL("the error is too large to be sent"), (base_bytes){0},
                                           &error);
        if (status != BASE_OK) {
            wplug_log(WPLUG_LOG_ERROR, "cannot answer \"%.*s\": %s", WPLUG_TEXT(request->name),
                      error.message);
            pdk_give_up(WPLUG_EXIT_NO_MEMORY);
        }
    }
    mark_answered(request, true);
}

static void answer_result(wplug_request *request, base_bytes result) {
    if (!request->notification) {
        base_error error;
        base_status status = rpc_peer_answer(pdk.peer, request->handle, result, &error);
        if (status == BASE_NO_MEMORY) {
            pdk_request_no_memory(request);
            return;
        }
        if (status != BASE_OK) {
            pdk_request_refuse(request, WPLUG_INTERNAL_ERROR, "the result cannot be sent: %s", error.message);
            return;
        }
    }
    mark_answered(request, false);
}

void pdk_request_refuse(wplug_request *request, int64_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_error error;
    base_fail_va(&error, BASE_INVALID, format, arguments);
    va_end(arguments);
    if (request->answered && !request->failed)
        wplug_log(WPLUG_LOG_WARNING, "method \"%.*s\", after it was answered: %s", WPLUG_TEXT(request->name),
                  error.message);
    request->refused = true;
    pdk_writer_drop(request->writer); /* gives back memory that the answer may need */
    answer_error(request, code, base_bytes_from_text(error.message), (base_bytes){0});
}

void pdk_request_no_memory(wplug_request *request) {
    if (request && request->refused) return;
    if (!request) {
        wplug_log(WPLUG_LOG_ERROR, "out of memory");
        return;
    }
    wplug_log(WPLUG_LOG_ERROR, "out of memory in method \"%.*s\"", WPLUG_TEXT(request->name));
    pdk_request_refuse(request, WPLUG_INTERNAL_ERROR, "out of memory");
}

void pdk_request_written(wplug_request *request, wplug_writer *writer, const char *mistake) {
    if (mistake) {
        const char *part = writer->purpose == PDK_WRITE_RESULT ? "result" : "error data";
        wplug_log(WPLUG_LOG_ERROR, "method \"%.*s\" cannot write its %s: %s", WPLUG_TEXT(request->name), part,
                  mistake);
        pdk_request_refuse(request, WPLUG_INTERNAL_ERROR, "the %s cannot be written: %s", part, mistake);
        return;
    }
    if (writer->purpose == PDK_WRITE_RESULT)
        answer_result(request, base_buffer_bytes(&writer->out));
    else
        answer_error(request, writer->code, base_buffer_bytes(&writer->message),
                     base_buffer_bytes(&writer->out));
}

/* A writer for an answer, or the one that drops everything where there is nothing to be answered any more.
 * Writers stay until the request is freed, because the plugin may still hold them. */
static wplug_writer *begin_answer(wplug_request *request, pdk_purpose purpose) {
    if (request->answered) {
        if (!request->refused)
            wplug_log(WPLUG_LOG_ERROR, "method \"%.*s\" answers twice: the first answer was sent",
                      WPLUG_TEXT(request->name));
        return pdk_writer_none();
    }
    if (request->writer && purpose == PDK_WRITE_RESULT)
        wplug_log(WPLUG_LOG_ERROR, "method \"%.*s\" begins a second answer before the first is complete",
                  WPLUG_TEXT(request->name));
    pdk_writer_drop(request->writer);
    request->writer = NULL;
    if (!request->first_writer_used) {
        request->first_writer_used = true;
        request->writer = &request->first_writer;
        pdk_writer_begin(request->writer, purpose, request, NULL);
        return request->writer;
    }
    wplug_writer *writer = pdk_writer_new(purpose, request, NULL);
    if (writer == pdk_writer_none()) {
        pdk_request_no_memory(request);
        return writer;
    }
    writer->next = request->writers;
    request->writers = writer;
    request->writer = writer;
    return writer;
}

wplug_writer *wplug_result(wplug_request *request) {
    return begin_answer(request, PDK_WRITE_RESULT);
}

static wplug_writer *begin_error(wplug_request *request, int64_t code, const char *format,
                                 va_list arguments) {
    wplug_writer *writer = begin_answer(request, PDK_WRITE_ERROR_DATA);
    if (writer == pdk_writer_none()) return writer;
    writer->code = code;
    if (base_buffer_append_va(&writer->message, format, arguments) == BASE_OK) return writer;
    pdk_request_no_memory(request);
    return pdk_writer_none();
}

static void answer_formatted_error(wplug_request *request, int64_t code, const char *format,
                                   va_list arguments) {
    wplug_writer *writer = begin_error(request, code, format, arguments);
    if (writer != pdk_writer_none())
        answer_error(request, writer->code, base_buffer_bytes(&writer->message), (base_bytes){0});
}

void wplug_error(wplug_request *request, int64_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    answer_formatted_error(request, code, format, arguments);
    va_end(arguments);
}

void wplug_fail(wplug_request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    answer_formatted_error(request, WPLUG_PLUGIN_ERROR, format, arguments);
    va_end(arguments);
}

wplug_writer *wplug_error_with_data(wplug_request *request, int64_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wplug_writer *writer = begin_error(request, code, format, arguments);
    va_end(arguments);
    return writer;
}

/* ---- Running ---- */

void pdk_request_run(wplug_request *request) {
    if (wplug_text_is(request->name, "rpc.discover")) {
        pdk_discover(request);
    } else {
        request->method = pdk_registry_find(request->name);
        if (request->method)
            request->method->info.handler(request);
        else
            pdk_request_refuse(request, WPLUG_METHOD_NOT_FOUND, "Method not found: \"%.*s\"",
                               WPLUG_TEXT(request->name));
    }
    pdk_request_settle(request);
}

void pdk_request_settle(wplug_request *request) {
    if (request->outstanding > 0 && !request->answered) return;
    if (!request->answered && !request->notification) {
        const char *what = request->writer ? "left its answer unfinished" : "returned without an answer";
        wplug_log(WPLUG_LOG_ERROR, "method \"%.*s\" %s", WPLUG_TEXT(request->name), what);
        pdk_request_refuse(request, WPLUG_INTERNAL_ERROR, "method \"%.*s\" %s", WPLUG_TEXT(request->name),
                           what);
    }
    pdk_request_free(request);
}

wplug_text wplug_request_method(const wplug_request *request) {
    return request->name;
}

bool wplug_is_notification(const wplug_request *request) {
    return request->notification;
}

bool wplug_failed(const wplug_request *request) {
    return request->failed;
}
