/* Owns what the plugin asks of the host: calls and notifications. */
#include "pdk.h"

#include <string.h>

/* ---- Host calls ---- */

static void link_call(wplug_host_call *call, wplug_host_call **list) {
    call->next = *list;
    if (*list) (*list)->previous = call;
    *list = call;
}

static void unlink_call(wplug_host_call *call, wplug_host_call **list) {
    if (call->previous)
        call->previous->next = call->next;
    else
        *list = call->next;
    if (call->next) call->next->previous = call->previous;
}

static void free_call(wplug_host_call *call) {
    base_buffer_free(&call->params.out);
    pdk_arena_free(&call->arena);
    base_free(NULL, call, sizeof *call);
}

/* Keeps the memory of a call that is over for the next one, with its arena and the buffer of its params. */
static void keep_spare(wplug_host_call *call) {
    pdk_arena_empty(&call->arena);
    pdk_writer_rest(&call->params);
    pdk_arena arena = call->arena;
    base_buffer out = call->params.out;
    memset(call, 0, sizeof *call);
    call->arena = arena;
    call->params.out = out;
    pdk.spare_call = call;
}

void pdk_spare_call_free(void) {
    if (pdk.spare_call) free_call(pdk.spare_call);
    pdk.spare_call = NULL;
}

wplug_host_call *wplug_call_host(wplug_request *request, const char *method) {
    wplug_host_call *call = pdk.spare_call ? pdk.spare_call : base_alloc_zeroed(NULL, 1, sizeof *call);
    pdk.spare_call = NULL;
    char *name = call ? pdk_arena_copy(&call->arena, method, strlen(method)) : NULL;
    if (!name) {
        if (call) free_call(call);
        pdk_request_no_memory(request);
        return &pdk.no_call;
    }
    call->task.kind = PDK_TASK_ANSWER;
    call->request = request;
    call->method = name;
    call->id = UINT64_MAX;
    call->source =
        (wplug_source){.kind = PDK_SOURCE_ANSWER, .request = request, .arena = &call->arena, .what = name};
    link_call(call, request ? &request->calls : &pdk.loose_calls);
    return call;
}

wplug_writer *wplug_host_params(wplug_host_call *call) {
    if (call == &pdk.no_call || call->state != PDK_CALL_PREPARED || call->has_params)
        return pdk_writer_none();
    call->has_params = true;
    pdk_writer_begin(&call->params, PDK_WRITE_HOST_PARAMS, NULL, call);
    return &call->params;
}

/* Ends a call that the host did not answer, with an error as if it had. `message` is static text. */
static void finish_with_error(wplug_host_call *call, int64_t code, const char *message) {
    call->state = PDK_CALL_FINISHED;
    call->has_error = true;
    call->error = (wplug_host_error){.code = code, .message = wplug_str(message)};
    if (call->callback) pdk_enqueue(&call->task);
}

void pdk_host_params_broken(wplug_host_call *call, const char *mistake) {
    wplug_log(WPLUG_LOG_ERROR, "params of host method \"%s\" cannot be written: %s", call->method, mistake);
    pdk_writer_rest(&call->params);
    finish_with_error(call, WPLUG_INTERNAL_ERROR, "the params of a host call cannot be written");
    if (call->request)
        pdk_request_refuse(call->request, WPLUG_INTERNAL_ERROR,
                           "the params of host method \"%s\" cannot be written: %s", call->method, mistake);
}

void wplug_host_start(wplug_host_call *call) {
    if (call->state != PDK_CALL_PREPARED) return;
    if (call == &pdk.no_call || (call->request && call->request->refused)) {
        finish_with_error(call, WPLUG_INTERNAL_ERROR, "not sent: the request that it was for has failed");
        return;
    }
    base_bytes params = {0};
    if (call->has_params) {
        if (!call->params.json.complete || call->params.text_open) {
            pdk_host_params_broken(call, "the value is not complete");
            return;
        }
        params = base_buffer_bytes(&call->params.out);
    }
    if (pdk.ended) {
        finish_with_error(call, WPLUG_HOST_GONE, "the host has closed standard input");
        return;
    }
    base_error error;
    base_status status =
        rpc_peer_call(pdk.peer, base_bytes_from_text(call->method), params, call, &call->id, &error);
    pdk_writer_rest(&call->params);
    if (status == BASE_OK) {
        pdk.next_call = call->id + 1;
        call->state = PDK_CALL_SENT;
        pdk_flush();
        return;
    }
    if (status == BASE_NO_MEMORY) pdk_request_no_memory(call->request);
    wplug_log(WPLUG_LOG_ERROR, "cannot call host method \"%s\": %s", call->method, error.message);
    char *reason = pdk_arena_copy(&call->arena, error.message, strlen(error.message));
    finish_with_error(call, WPLUG_INTERNAL_ERROR, reason ? reason : "out of memory");
}

/* Keeps `bytes` with the call: where they are if the block holds them, else as a copy. */
static bool keep_answer(wplug_host_call *call, pdk_block *block, base_bytes *bytes) {
    if (bytes->size == 0) return true;
    if (block && bytes->data >= block->data && bytes->data < block->data + block->size) {
        if (!call->block) call->block = pdk_block_share(block);
        return true;
    }
    bytes->data = (const uint8_t *)pdk_arena_copy(&call->arena, bytes->data, bytes->size);
    return bytes->data != NULL;
}

void pdk_host_answered(const rpc_event *event, pdk_block *block) {
    wplug_host_call *call = event->user;
    if (event->kind == RPC_EVENT_RESULT) {
        call->result = event->result;
        if (!keep_answer(call, block, &call->result)) {
            finish_with_error(call, WPLUG_INTERNAL_ERROR, "out of memory");
            return;
        }
        call->source.root = call->result;
    } else {
        bool valid = event->kind == RPC_EVENT_ERROR;
        base_bytes data = valid ? event->error_data : (base_bytes){0};
        base_bytes message = valid ? event->error_message : base_bytes_from_text(event->why.message);
        char *copy = pdk_arena_copy(&call->arena, message.data, message.size);
        if (!copy || !keep_answer(call, block, &data)) {
            finish_with_error(call, WPLUG_INTERNAL_ERROR, "out of memory");
            return;
        }
        call->source.root = data;
        call->has_error = true;
        call->error = (wplug_host_error){.code = valid ? event->error_code : WPLUG_INTERNAL_ERROR,
                                         .message = {copy, message.size},
                                         .data = pdk_value_make(&call->source, data)};
    }
    call->state = PDK_CALL_FINISHED;
    if (call->callback) pdk_enqueue(&call->task);
}

void pdk_host_gone(void) {
    void *user;
    uint64_t id;
    while (rpc_peer_take_call(pdk.peer, &id, &user))
        finish_with_error(user, WPLUG_HOST_GONE, "the host has closed standard input");
}

void wplug_host_then(wplug_host_call *call, wplug_host_callback *callback, void *user) {
    if (call == &pdk.no_call || call->callback) return;
    call->callback = callback;
    call->user = user;
    if (call->request) call->request->outstanding++;
    if (call->state == PDK_CALL_PREPARED)
        wplug_host_start(call);
    else if (call->state == PDK_CALL_FINISHED)
        pdk_enqueue(&call->task);
}

static void wait_for(wplug_host_call *call) {
    wplug_host_start(call);
    while (call->state == PDK_CALL_SENT) pdk_pump(PDK_NO_DEADLINE);
}

const wplug_host_error *wplug_host_error_of(wplug_host_call *call) {
    wait_for(call);
    return call->has_error ? &call->error : NULL;
}

wplug_value wplug_host_result(wplug_host_call *call) {
    const wplug_host_error *error = wplug_host_error_of(call);
    if (!error) return pdk_value_make(&call->source, call->result);
    wplug_request *request = call->request;
    bool told = call == &pdk.no_call || (request && request->refused);
    if (told) return (wplug_value){0};
    if (!request || request->answered)
        wplug_log(WPLUG_LOG_ERROR, "host method \"%s\" failed: %.*s", call->method,
                  WPLUG_TEXT(error->message));
    else if (error->data.size > 0)
        wplug_write_value(wplug_error_with_data(request, error->code, "%.*s", WPLUG_TEXT(error->message)),
                          error->data);
    else
        wplug_error(request, error->code, "%.*s", WPLUG_TEXT(error->message));
    if (request) request->refused = true;
    return (wplug_value){0};
}

bool wplug_host_finished(const wplug_host_call *call) {
    return call->state == PDK_CALL_FINISHED;
}

uint64_t wplug_host_id(const wplug_host_call *call) {
    return call->id;
}

/* Frees a call, and cancels it where its answer is still to come. */
void pdk_host_call_dispose(wplug_host_call *call) {
    if (call->state == PDK_CALL_SENT && rpc_peer_forget(pdk.peer, call->id, NULL) == BASE_OK) pdk.cancelled++;
    pdk_dequeue(&call->task);
    unlink_call(call, call->request ? &call->request->calls : &pdk.loose_calls);
    pdk_block_release(call->block);
    if (pdk.spare_call)
        free_call(call);
    else
        keep_spare(call);
}

/* Ids count up from 0, so one below the next is a call that was made: cancelled, or answered already. As many
 * answers as there are calls cancelled pass for theirs. */
bool pdk_host_was_cancelled(base_bytes id) {
    uint64_t number;
    if (pdk.cancelled == 0 || json_read_uint64(id, &number, NULL) != BASE_OK || number >= pdk.next_call)
        return false;
    pdk.cancelled--;
    return true;
}

void wplug_host_free(wplug_host_call *call) {
    if (call == &pdk.no_call) return;
    if (call->running) {
        call->freed = true; /* its callback goes on with it: freed after that */
        return;
    }
    if (call->callback && call->request) call->request->outstanding--;
    pdk_host_call_dispose(call);
}

void pdk_host_call_run(wplug_host_call *call) {
    wplug_request *request = call->request;
    wplug_host_callback *callback = call->callback;
    call->running = true;
    call->callback = NULL;
    callback(request, call, call->user);
    call->running = false;
    if (call->freed || !request) pdk_host_call_dispose(call);
    if (request) {
        request->outstanding--;
        pdk_request_settle(request);
    }
}

/* ---- Notifications ---- */

wplug_writer *wplug_notify_host(const char *method) {
    wplug_writer *writer = pdk_writer_new(PDK_WRITE_NOTIFICATION, NULL, NULL);
    if (writer != pdk_writer_none()) {
        if (base_buffer_append_text(&writer->message, method) == BASE_OK) {
            writer->next = pdk.notifications;
            pdk.notifications = writer;
            return writer;
        }
        pdk_writer_free(writer);
    }
    wplug_log(WPLUG_LOG_ERROR, "out of memory for notification \"%s\"", method);
    return pdk_writer_none();
}

void pdk_notification_written(wplug_writer *writer, const char *mistake) {
    base_error error;
    if (!mistake && rpc_peer_notify(pdk.peer, base_buffer_bytes(&writer->message),
                                    base_buffer_bytes(&writer->out), &error) != BASE_OK)
        mistake = error.message;
    if (mistake)
        wplug_log(WPLUG_LOG_ERROR, "notification \"%.*s\" is not sent: %s", (int)writer->message.size,
                  (const char *)writer->message.data, mistake);
    pdk_writer_drop(writer);
    pdk_flush();
}

void pdk_notifications_sweep(void) {
    while (pdk.notifications) {
        wplug_writer *writer = pdk.notifications;
        if (writer->purpose != PDK_WRITE_NOTHING)
            pdk_notification_written(writer, "its value is not complete");
        pdk.notifications = writer->next;
        pdk_writer_free(writer);
    }
}
