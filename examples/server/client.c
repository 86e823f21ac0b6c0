/* A connection: lines in, calls, answers out.
 *
 *     socket --> input --line--> exchange --> calls (one, or one for each request of a batch)
 *        ^                          |           |  each ends: its answer is put into the exchange's text
 *        '------ uv_write ----------'<----------'  all have ended: the text is sent
 *
 * A client is not read from while it has CALL_MAX calls or UNSENT_MAX bytes of answers; then its socket fills up, and the
 * client has to wait. Others do not notice. */
#include "message.h"
#include "server.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_SIZE = 4096 }; /* at first; it doubles for lines that are longer */

/* What one line asked for. */
struct exchange {
    struct client *client;
    size_t waiting; /* calls that have not ended */
    bool is_batch;
    struct text answer;
    uv_write_t write;
};

struct call {
    struct exchange *exchange;
    struct call *previous, *next; /* of the client */
    wplug_task task;
    bool is_notification;
    size_t id_size;
    char id[]; /* as the client wrote it */
};

struct client {
    struct server *server;
    struct client *newer, *older;
    union any_socket socket;
    char *input; /* from input_start on: what no call was started for yet */
    size_t input_start, input_end, input_capacity;
    struct call *calls;
    size_t call_count;
    bool is_reading, has_ended; /* ended: nothing more comes from it */
    bool is_unheard;            /* what it says is dropped; that it goes is noticed */
    bool is_closed;
};

static void client_go_on(struct client *self);

/* ---- The list of clients, and a client's end ---- */

static void unlink_client(struct client *self) {
    *(self->newer != NULL ? &self->newer->older : &self->server->newest) = self->older;
    *(self->older != NULL ? &self->older->newer : &self->server->oldest) = self->newer;
}

static void link_newest(struct client *self) {
    self->newer = NULL;
    self->older = self->server->newest;
    *(self->older != NULL ? &self->older->newer : &self->server->oldest) = self;
    self->server->newest = self;
}

static void free_if_over(struct client *self) {
    if (!self->is_closed || self->call_count > 0) return;
    struct server *server = self->server;
    unlink_client(self);
    server->client_count--;
    free(self->input);
    free(self);
    server->client_gone();
}

static void on_closed(uv_handle_t *handle) {
    struct client *self = handle->data;
    self->is_closed = true;
    free_if_over(self);
}

static bool is_closing(const struct client *self) {
    return uv_is_closing(&self->socket.handle) != 0;
}

static void cancel_calls(struct client *self) {
    for (struct call *call = self->calls; call != NULL; call = call->next)
        wplug_task_cancel(self->server->runtime, call->task);
}

static void client_close(struct client *self) {
    if (is_closing(self)) return;
    cancel_calls(self);
    uv_close(&self->socket.handle, on_closed);
}

/* ---- Answers ---- */

static void on_sent(uv_write_t *write, int status) {
    struct exchange *exchange = write->data;
    struct client *self = exchange->client;
    free(exchange->answer.bytes);
    free(exchange);
    if (status < 0) client_close(self); /* nobody is there to read the answers */
    client_go_on(self);
}

/* One call less to wait for; the last one sends the answer, if there is any. */
static void exchange_go_on(struct exchange *exchange) {
    if (--exchange->waiting > 0) return;
    struct client *self = exchange->client;
    struct text *answer = &exchange->answer;
    bool is_wanted = answer->size > 0 && !is_closing(self);
    if (is_wanted) put(answer, exchange->is_batch ? "]\n" : "\n");
    exchange->write.data = exchange;
    uv_buf_t buffer = uv_buf_init(answer->bytes, (unsigned)answer->size);
    if (is_wanted && !answer->has_failed &&
        uv_write(&exchange->write, &self->socket.stream, &buffer, 1, on_sent) == 0)
        return;
    free(answer->bytes);
    free(exchange);
    if (is_wanted) client_close(self);
}

/* Where the next answer goes. */
static struct text *next_answer(struct exchange *exchange) {
    struct text *answer = &exchange->answer;
    if (exchange->is_batch) put(answer, answer->size == 0 ? "[" : ",");
    return answer;
}

/* ---- Calls ---- */

static void on_call_done(void *user, wplug_task task, wplug_result *result) {
    struct call *call = user;
    struct exchange *exchange = call->exchange;
    struct client *self = exchange->client;
    *(call->previous != NULL ? &call->previous->next : &self->calls) = call->next;
    if (call->next != NULL) call->next->previous = call->previous;
    self->call_count--;
    if (!call->is_notification)
        put_result(next_answer(exchange), (struct piece){call->id, call->id_size}, result);
    free(call);
    exchange_go_on(exchange);
    client_go_on(self);
}

/* "plugin.method" is that plugin's method; anything else is one of the first plugin's. */
static wplug_plugin *find_plugin(const struct server *server, const char **method) {
    const char *dot = strchr(*method, '.');
    for (size_t i = 0; dot != NULL && i < server->plugin_count; i++) {
        const char *name = wplug_plugin_name(server->plugins[i]);
        if (strlen(name) != (size_t)(dot - *method) || strncmp(name, *method, strlen(name)) != 0) continue;
        *method = dot + 1;
        return server->plugins[i];
    }
    return server->plugins[0];
}

/* The calls of notifications go the same way; their results go nowhere. */
static void start_call(struct exchange *exchange, const struct message *asked) {
    struct client *self = exchange->client;
    const struct server *server = self->server;
    const char *method = asked->method;
    wplug_plugin *plugin = find_plugin(server, &method);
    wplug_error error = {.status = WPLUG_NO_MEMORY, .message = "out of memory"};
    struct call *call = malloc(sizeof *call + asked->id.size);
    char *params = strndup(asked->params.text, asked->params.size);
    if (call == NULL || params == NULL ||
        wplug_call_start(server->runtime, plugin, method, params, &server->call_options, on_call_done, call,
                         &call->task, &error) != WPLUG_OK) {
        if (!asked->is_notification)
            put_error(next_answer(exchange), asked->id, WPLUG_CODE_SERVER_ERROR, error.message, "");
        free(call);
        free(params);
        return;
    }
    free(params);
    call->exchange = exchange;
    call->is_notification = asked->is_notification;
    call->id_size = asked->id.size;
    memcpy(call->id, asked->id.text, asked->id.size);
    call->previous = NULL;
    call->next = self->calls;
    if (call->next != NULL) call->next->previous = call;
    self->calls = call;
    self->call_count++;
    exchange->waiting++;
}

static void take_request(struct exchange *exchange, struct piece request) {
    struct message asked;
    read_message(request, &asked);
    if (asked.problem == NULL)
        start_call(exchange, &asked);
    else
        put_error(next_answer(exchange), asked.id, WPLUG_CODE_INVALID_REQUEST, asked.problem, "");
}

static void refuse(struct exchange *exchange, int64_t code, const char *why) {
    put_error(&exchange->answer, (struct piece){"null", 4}, code, why, "");
}

/* A line, which ends with a 0 byte; `problem` is said of it where it is not NULL. */
static void take_line(struct client *self, struct piece line, const char *problem) {
    if (problem == NULL && line.text[strspn(line.text, "\r")] == 0 && strlen(line.text) == line.size) return;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        client_close(self);
        return;
    }
    exchange->client = self;
    exchange->waiting = 1; /* so that it does not end before all of it was read */
    wplug_error error;
    if (problem != NULL) {
        refuse(exchange, WPLUG_CODE_INVALID_REQUEST, problem);
    } else if (wplug_json_check(line.text, line.size, &error) != WPLUG_OK) {
        refuse(exchange, WPLUG_CODE_PARSE_ERROR, error.message);
    } else if (!is_array(line)) {
        take_request(exchange, line);
    } else if (count_elements(line) == 0 || count_elements(line) > CALL_MAX) {
        _Static_assert(CALL_MAX == 64, "as the sentence says");
        refuse(exchange, WPLUG_CODE_INVALID_REQUEST, "a batch has from 1 to 64 requests");
    } else {
        exchange->is_batch = true;
        for (struct piece request; next_element(&line, &request);) take_request(exchange, request);
    }
    exchange_go_on(exchange);
}

/* ---- Reading ---- */

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
    struct client *self = handle->data;
    if (self->input_start > 0) {
        self->input_end -= self->input_start;
        memmove(self->input, self->input + self->input_start, self->input_end);
        self->input_start = 0;
    }
    if (self->input_end == self->input_capacity) {
        char *input = realloc(self->input, 2 * self->input_capacity);
        if (input != NULL) self->input = input, self->input_capacity *= 2;
    }
    /* Without room libuv tells UV_ENOBUFS, and the client is closed. */
    *room = uv_buf_init(self->input + self->input_end, (unsigned)(self->input_capacity - self->input_end));
}

/* An end of the stream may be half of one: a client that has said all it wants and waits for the answers. On Unix sockets
 * one that is gone can be told from it. With TCP that is found out when the first answer cannot be delivered. */
static bool is_gone(struct client *self) {
    struct pollfd state = {.fd = -1};
    uv_fileno(&self->socket.handle, &state.fd);
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *room) {
    struct client *self = stream->data;
    if (size >= 0) {
        self->input_end += (size_t)size;
    } else if (size == UV_EOF && !is_gone(self)) {
        self->has_ended = true;
        /* What comes after the last line feed is a line, too. There is room, or libuv would not have read. */
        if (self->input_end > self->input_start) self->input[self->input_end++] = '\n';
    } else {
        client_close(self);
    }
    client_go_on(self);
}

static bool is_full(const struct client *self) {
    return self->call_count >= CALL_MAX || uv_stream_get_write_queue_size(&self->socket.stream) >= UNSENT_MAX;
}

static void take_lines(struct client *self) {
    while (!is_full(self) && !is_closing(self)) {
        char *line = self->input + self->input_start, *feed;
        size_t size = self->input_end - self->input_start;
        if ((feed = memchr(line, '\n', size)) == NULL) {
            if (size < LINE_MAX_SIZE) return;
            take_line(self, (struct piece){"", 0}, "the line is too long");
            self->is_unheard = true; /* where the next one begins is not known */
            return;
        }
        *feed = 0;
        self->input_start += (size_t)(feed + 1 - line);
        unlink_client(self);
        link_newest(self);
        take_line(self, (struct piece){line, (size_t)(feed - line)}, NULL);
    }
}

static bool is_idle(const struct client *self) {
    return self->call_count == 0 && uv_stream_get_write_queue_size(&self->socket.stream) == 0;
}

/* Whatever has happened to a client: takes more lines if it may, reads if more are wanted, ends it if nothing is left. */
static void client_go_on(struct client *self) {
    self->is_unheard = self->is_unheard || self->server->is_ending;
    if (!self->is_unheard) take_lines(self);
    if (self->is_unheard) self->input_start = self->input_end;
    bool is_over = self->is_unheard || (self->has_ended && self->input_start == self->input_end);
    if (is_over && is_idle(self)) client_close(self);
    bool may_read = !self->has_ended && (self->is_unheard || !is_full(self));
    if (may_read != self->is_reading && !is_closing(self)) {
        self->is_reading = may_read;
        if (!may_read)
            uv_read_stop(&self->socket.stream);
        else if (uv_read_start(&self->socket.stream, give_room, on_read) != 0)
            client_close(self);
    }
    free_if_over(self);
}

/* ---- Clients come, and all of them go ---- */

/* When all places are taken, one is made by closing the client that has asked for nothing for the longest time. */
static bool make_place(struct server *server) {
    if (server->client_count < server->client_max) return true;
    struct client *idle = server->oldest;
    while (idle != NULL && !is_idle(idle)) idle = idle->newer;
    if (idle != NULL) client_close(idle);
    return false; /* its place is free when it is closed */
}

bool client_accept(struct server *server, uv_stream_t *listener) {
    if (!make_place(server)) return false;
    struct client *self = calloc(1, sizeof *self);
    char *input = malloc(INPUT_SIZE);
    if (self == NULL || input == NULL) {
        free(self);
        free(input);
        return false;
    }
    self->server = server;
    self->input = input;
    self->input_capacity = INPUT_SIZE;
    if (listener->type == UV_TCP)
        uv_tcp_init(server->loop, &self->socket.tcp);
    else
        uv_pipe_init(server->loop, &self->socket.pipe, 0);
    self->socket.handle.data = self;
    link_newest(self);
    server->client_count++;
    if (uv_accept(listener, &self->socket.stream) != 0) client_close(self);
    if (listener->type == UV_TCP) uv_tcp_nodelay(&self->socket.tcp, 1);
    client_go_on(self);
    return true;
}

void clients_finish(struct server *server) {
    for (struct client *self = server->newest, *older; self != NULL; self = older) {
        older = self->older;
        client_go_on(self);
    }
}

void clients_cancel(struct server *server) {
    for (struct client *self = server->newest; self != NULL; self = self->older) cancel_calls(self);
}

void clients_close(struct server *server) {
    for (struct client *self = server->newest; self != NULL; self = self->older) client_close(self);
}
