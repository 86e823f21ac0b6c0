/* Owns what a call's guest and the host say to each other: messages on stdin and stdout, log lines on stderr.
 */
#include "host/host.h"

/* How much may wait at a guest's stdin, in messages of the largest size. */
enum { UNREAD_MESSAGES_MAX = 4 };

static size_t size_limit(uint64_t limit) {
    return limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
}

/* ---- The log ---- */

static void deliver_log(host_task *task, wplug_log_source source, const char *text, size_t size,
                        bool is_cut) {
    const wplug_runtime *runtime = task->runtime;
    if (!runtime->log) return;
    wplug_log line = {
        .source = source,
        .plugin = task->plugin,
        .name = task->plugin->name,
        .id = task->plugin->id_short,
        .task = task->id,
        .text = text,
        .text_size = size,
        .is_cut = is_cut,
    };
    runtime->log(runtime->log_user, &line);
}

void host_log_remark(host_task *task, const char *format, ...) {
    wplug_error remark;
    va_list arguments;
    va_start(arguments, format);
    host_fail_va(&remark, WPLUG_OK, format, arguments);
    va_end(arguments);
    deliver_log(task, WPLUG_LOG_HOST, remark.message, strlen(remark.message), false);
}

static void finish_log_line(host_task *task) {
    base_buffer *line = &task->log_line;
    if (line->size > 0 && line->data[line->size - 1] == '\r') line->size--;
    bool is_cut = task->log_line_is_cut;
    size_t size = line->size;
    if (base_buffer_append_byte(line, 0) == BASE_OK) {
        deliver_log(task, WPLUG_LOG_GUEST, (const char *)line->data, size, is_cut);
    }
    line->size = 0;
    task->log_line_is_cut = false;
}

void host_log_flush(host_task *task) {
    if (task->log_line.size > 0 || task->log_line_is_cut) finish_log_line(task);
    base_buffer_free(&task->log_line);
}

/* Adds to the line what still fits into one. */
static void extend_log_line(host_task *task, base_bytes piece) {
    size_t limit = size_limit(task->limits.log_line_bytes);
    size_t room = limit > task->log_line.size ? limit - task->log_line.size : 0;
    if (piece.size > room) {
        piece.size = room;
        task->log_line_is_cut = true;
    }
    if (base_buffer_append(&task->log_line, piece.data, piece.size) != BASE_OK) task->log_line_is_cut = true;
}

/* Limits hold whether or not somebody listens. */
static void take_log(host_task *task, base_bytes output) {
    uint64_t room = task->limits.log_bytes - task->log_bytes;
    bool is_too_much = output.size > room;
    if (is_too_much) output.size = (size_t)room;
    task->log_bytes += output.size;
    task->runtime->stats.log_bytes += output.size;
    while (task->runtime->log && output.size > 0) {
        const uint8_t *end = memchr(output.data, '\n', output.size);
        size_t size = end ? (size_t)(end - output.data) : output.size;
        extend_log_line(task, (base_bytes){output.data, size});
        if (!end) break;
        finish_log_line(task);
        output.data += size + 1;
        output.size -= size + 1;
    }
    if (is_too_much) {
        host_task_end(task, WPLUG_LOG_LIMIT, "it wrote more than %llu bytes to its log",
                      (unsigned long long)task->limits.log_bytes);
    }
}

/* ---- Traces ---- */

static void trace(host_task *task, bool to_plugin, const uint8_t *text, size_t size) {
    const wplug_runtime *runtime = task->runtime;
    if (!runtime->trace) return;
    wplug_trace message = {to_plugin, task->plugin, task->id, (const char *)text, size};
    runtime->trace(runtime->trace_user, &message);
}

/* ---- Messages to the guest ---- */

static base_bytes waiting_input(void *owner) {
    const host_task *task = owner;
    return rpc_peer_output(task->peer);
}

static void input_taken(void *owner, size_t size) {
    host_task *task = owner;
    rpc_peer_sent(task->peer, size);
}

void host_conversation_sent(host_task *task, size_t from) {
    base_bytes all = rpc_peer_output(task->peer);
    task->runtime->stats.messages_to_plugins += all.size > from;
    task->runtime->stats.bytes_to_plugins += all.size - from;
    /* The callback may answer more, which is then traced there, but the guest must not run and read
     * meanwhile. */
    bool was_busy = task->is_busy;
    task->is_busy = true;
    for (size_t to = all.size; task->runtime->trace && from < to; all = rpc_peer_output(task->peer)) {
        const uint8_t *line = all.data + from;
        const uint8_t *end = memchr(line, '\n', to - from);
        size_t size = end ? (size_t)(end - line) : to - from;
        trace(task, true, line, size);
        from += size + 1;
    }
    task->is_busy = was_busy;
    uint64_t limit = task->limits.message_bytes;
    limit = limit > UINT64_MAX / UNREAD_MESSAGES_MAX ? UINT64_MAX : limit * UNREAD_MESSAGES_MAX;
    if (all.size > limit) {
        host_task_end(task, WPLUG_MESSAGE_LIMIT, "it does not read its input: %zu bytes of answers wait",
                      all.size);
    }
}

wplug_status host_conversation_start(host_task *task, base_bytes method, base_bytes params,
                                     wplug_error *error) {
    rpc_config config;
    rpc_config_init(&config);
    config.allocator = task->allocator;
    config.max_line = size_limit(task->limits.message_bytes);
    uint64_t depth = task->limits.message_depth, calls = task->limits.host_calls;
    config.max_depth = depth < UINT32_MAX ? (uint32_t)depth : UINT32_MAX;
    config.max_in_flight = calls < UINT32_MAX ? (uint32_t)calls : UINT32_MAX;
    base_error why;
    base_status status = rpc_peer_new(&config, &task->peer, &why);
    if (!status) status = rpc_peer_call(task->peer, method, params, NULL, NULL, &why);
    task->wasi.input = waiting_input;
    task->wasi.input_taken = input_taken;
    task->wasi.owner = task;
    switch (status) {
    case BASE_OK: return WPLUG_OK;
    case BASE_NO_MEMORY: return host_no_memory(error);
    default: return host_fail(error, WPLUG_MESSAGE_LIMIT, "the request is too long: %s", why.message);
    }
}

/* ---- Messages from the guest ---- */

/* The peer may be left with half a chunk that it borrowed: it is not used any more. */
static void end_without_memory(host_task *task) {
    host_task_end(task, WPLUG_NO_MEMORY, "out of memory for the plugin's messages");
    task->lingers = false;
}

static void refuse_request(host_task *task, const rpc_event *event) {
    if (event->kind == RPC_EVENT_NOTIFICATION) return;
    size_t before = rpc_peer_output(task->peer).size;
    char text[200];
    base_buffer words;
    base_buffer_init(&words, task->allocator);
    base_bytes sentence = BASE_LITERAL("Method not found");
    if (base_buffer_appendf(&words, "Method not found: %.*s", HOST_SPAN(event->method)) == BASE_OK) {
        sentence.size = words.size < sizeof text ? words.size : sizeof text;
        memcpy(text, words.data, sentence.size);
        sentence.data = (const uint8_t *)text;
    }
    base_buffer_free(&words);
    base_status status = rpc_peer_answer_error(task->peer, event->request, RPC_METHOD_NOT_FOUND, sentence,
                                               (base_bytes){NULL, 0}, NULL);
    if (status)
        end_without_memory(task);
    else
        host_conversation_sent(task, before);
}

/* Methods with a 0 byte in their name exist nowhere: handlers see names as terminated text. */
static bool may_call(const host_task *task, base_bytes method) {
    if (method.size > 0 && memchr(method.data, 0, method.size)) return false;
    return host_plugin_allows(task->plugin, method);
}

static void handle_request(host_task *task, const rpc_event *event) {
    wplug_method_fn method;
    void *user;
    if (!may_call(task, event->method) ||
        !host_runtime_find_method(task->runtime, event->method, &method, &user)) {
        refuse_request(task, event);
        return;
    }
    wplug_request *request = host_request_new(task, event);
    if (!request) {
        end_without_memory(task);
        return;
    }
    host_request_handle(task->runtime, request, method, user);
    wplug_request_release(request);
}

/* Keeps a span in the result; "" where there is no memory, which the end then says. */
static bool keep_text(base_buffer *text, base_bytes span, size_t *at) {
    *at = text->size;
    return base_buffer_append(text, span.data, span.size) == BASE_OK &&
           base_buffer_append_byte(text, 0) == BASE_OK;
}

/* A large result is not copied once more: its line's buffer becomes the result's. The result may outlive the
 * peer, so the buffer gets the result's allocator, which is the same by another address. */
static bool keep_line(host_task *task, base_bytes result, size_t *at) {
    base_buffer line, *text = &task->result->text;
    if (text->capacity > 0 || !rpc_peer_take_text(task->peer, result, &line)) return false;
    line.allocator = text->allocator;
    *text = line;
    *at = (size_t)(result.data - line.data);
    text->data[*at + result.size] = 0; /* at least the message's brace was there */
    text->size = *at + result.size + 1;
    return true;
}

static void take_result(host_task *task, const rpc_event *event) {
    size_t at;
    if (!keep_line(task, event->result, &at) && !keep_text(&task->result->text, event->result, &at)) {
        host_task_end(task, WPLUG_NO_MEMORY, "out of memory for the result");
        return;
    }
    host_task_end(task, WPLUG_OK, "%s", "");
    wplug_result *result = &task->result->public;
    result->json = (const char *)task->result->text.data + at;
    result->json_size = event->result.size;
}

static void take_error(host_task *task, const rpc_event *event) {
    size_t message, data;
    base_buffer *text = &task->result->text;
    if (!keep_text(text, event->error_message, &message) || !keep_text(text, event->error_data, &data)) {
        host_task_end(task, WPLUG_NO_MEMORY, "out of memory for the error that it answered");
        return;
    }
    host_task_end(task, WPLUG_RPC_ERROR, "it answered with error %lld: %.*s", (long long)event->error_code,
                  HOST_SPAN(event->error_message));
    wplug_result *result = &task->result->public;
    result->code = event->error_code;
    result->error_message = (const char *)text->data + message;
    result->data = (const char *)text->data + data;
    result->data_size = event->error_data.size;
}

static void handle_stray(host_task *task, const rpc_event *event) {
    task->has_stray = true;
    if (event->id.size > 0) {
        host_log_remark(
            task, "an answer with the id %.*s was ignored: no request has it, or it was answered before",
            HOST_SPAN(event->id));
    } else {
        host_log_remark(task, "an answer without an id was ignored");
    }
}

static void handle_invalid(host_task *task, const rpc_event *event) {
    if (event->why.status == BASE_LIMIT) {
        host_task_end(task, WPLUG_MESSAGE_LIMIT, "it wrote a message that is too large: %s",
                      event->why.message);
    } else {
        host_task_end(task, WPLUG_BAD_OUTPUT,
                      "it wrote a line to stdout that is not a JSON-RPC message (%s): %.*s",
                      event->why.message, HOST_SPAN(event->excerpt));
    }
}

static void handle_event(host_task *task, const rpc_event *event) {
    /* After the end only answers that came too late are worth a word. */
    if (task->is_ended && event->kind != RPC_EVENT_STRAY) return;
    switch (event->kind) {
    case RPC_EVENT_REQUEST:
    case RPC_EVENT_NOTIFICATION: handle_request(task, event); break;
    case RPC_EVENT_RESULT: take_result(task, event); break;
    case RPC_EVENT_ERROR: take_error(task, event); break;
    case RPC_EVENT_STRAY: handle_stray(task, event); break;
    case RPC_EVENT_INVALID: handle_invalid(task, event); break;
    case RPC_EVENT_REFUSED:
        host_task_end(task, WPLUG_HOST_CALL_LIMIT, "it has more than %llu requests open",
                      (unsigned long long)task->limits.host_calls);
        break;
    case RPC_EVENT_NONE: break;
    }
}

/* Everything that the bytes fed so far say. */
static void handle_events(host_task *task) {
    for (;;) {
        rpc_event event;
        if (rpc_peer_next(task->peer, &event) != BASE_OK) {
            end_without_memory(task);
            return;
        }
        if (event.kind == RPC_EVENT_NONE) return;
        task->runtime->stats.messages_from_plugins++;
        handle_event(task, &event);
    }
}

static void feed(host_task *task, base_bytes bytes) {
    rpc_peer_expect(task->peer, size_limit(task->wasi.output_more));
    if (rpc_peer_feed(task->peer, bytes) == BASE_OK)
        handle_events(task);
    else
        end_without_memory(task);
}

/* With a trace, line by line: each is shown before what comes of it happens. */
static void feed_traced(host_task *task, base_bytes output) {
    while (output.size > 0) {
        const uint8_t *end = memchr(output.data, '\n', output.size);
        size_t size = end ? (size_t)(end - output.data) + 1 : output.size;
        base_bytes piece = {output.data, size};
        base_buffer *line = &task->trace_line;
        if (line->size < size_limit(task->limits.message_bytes)) {
            base_buffer_append(line, piece.data, end ? size - 1 : size);
        }
        if (end) {
            if (line->size > 0) trace(task, false, line->data, line->size);
            base_buffer_free(line);
        }
        feed(task, piece);
        output.data += size;
        output.size -= size;
    }
}

void host_conversation_take(host_task *task, uint32_t fd, base_bytes output) {
    if (fd == 2) {
        if (task->is_recording) host_snapshot_record_log(task, output);
        take_log(task, output);
        return;
    }
    if (task->is_ended && !task->lingers) return;
    task->runtime->stats.bytes_from_plugins += output.size;
    task->mid_line = output.data[output.size - 1] != '\n';
    if (task->runtime->trace)
        feed_traced(task, output);
    else
        feed(task, output);
}

void host_conversation_close(host_task *task) {
    rpc_peer_end(task->peer);
    handle_events(task);
}
