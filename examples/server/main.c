/* A server that answers JSON-RPC requests, one a line, from plugins. Each request is a call in a fresh sandbox:
 *
 *     $ server --unix /tmp/plugins.sock --tcp 127.0.0.1:0 test-plugin.wasm textstats.wasm
 *     listening on unix /tmp/plugins.sock
 *     listening on tcp 127.0.0.1:39127
 *
 *     {"jsonrpc":"2.0","id":1,"method":"ping"}                                    a method of the first plugin
 *     {"jsonrpc":"2.0","id":2,"method":"textstats.analyze","params":{...}}        one of another plugin
 *
 * One thread serves all of it. SIGTERM and SIGINT end it in order: it takes no more requests, answers those that it has,
 * cancels what takes longer than --grace, and goes; a second signal ends it at once. It asks nobody who they are: what may
 * connect is for the socket's permissions and the address to say. */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENER_MAX = 2, BACKLOG = 128, CLOSE_MS = 1000 };

struct listener {
    union any_socket socket;
    bool has_waiting; /* a connection that there was no place for */
};

static struct server app = {.client_max = 256};
static struct listener listeners[LISTENER_MAX];
static int listener_count;
static const char *unix_path, *tcp_address;
static wplug_limits limits; /* of each call */
static uv_signal_t signals[2];
static uv_timer_t grace;
static uint64_t grace_ms = 5000, time_ms = 60000;
static bool is_cancelled, is_cut;

/* ---- Listening ---- */

static void accept_waiting(void) {
    for (struct listener *it = listeners; it < listeners + listener_count; it++)
        if (it->has_waiting) it->has_waiting = !client_accept(&app, &it->socket.stream);
}

static void on_connection(uv_stream_t *stream, int status) {
    struct listener *self = stream->data;
    self->has_waiting = status == 0;
    accept_waiting();
}

static bool listen_on(struct listener *self, int problem, const char *kind, const char *where) {
    self->socket.handle.data = self;
    if (problem == 0) problem = uv_listen(&self->socket.stream, BACKLOG, on_connection);
    if (problem == 0)
        printf("listening on %s %s\n", kind, where);
    else
        fprintf(stderr, "cannot listen on %s %s: %s\n", kind, where, uv_strerror(problem));
    fflush(stdout);
    return problem == 0;
}

static bool listen_unix(void) {
    if (unix_path == NULL) return true;
    struct listener *self = &listeners[listener_count++];
    uv_pipe_init(app.loop, &self->socket.pipe, 0);
    return listen_on(self, uv_pipe_bind(&self->socket.pipe, unix_path), "unix", unix_path);
}

/* HOST:PORT, or [HOST]:PORT for IPv6. Port 0 is any that is free; which one is printed. */
static bool listen_tcp(void) {
    if (tcp_address == NULL) return true;
    struct listener *self = &listeners[listener_count++];
    uv_tcp_init(app.loop, &self->socket.tcp);
    const char *colon = strrchr(tcp_address, ':');
    int host_size = colon != NULL ? (int)(colon - tcp_address) : 0;
    bool in_brackets = host_size > 2 && tcp_address[0] == '[' && colon[-1] == ']';
    char host[256], shown[300], port[16];
    snprintf(host, sizeof host, "%.*s", host_size - 2 * in_brackets, tcp_address + in_brackets);

    uv_getaddrinfo_t found = {.addrinfo = NULL};
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct sockaddr_storage bound;
    int problem = UV_EINVAL, size = sizeof bound;
    if (host_size > 0) problem = uv_getaddrinfo(app.loop, &found, NULL, host, colon + 1, &wanted);
    if (problem == 0) problem = uv_tcp_bind(&self->socket.tcp, found.addrinfo->ai_addr, 0);
    if (problem == 0) problem = uv_tcp_getsockname(&self->socket.tcp, (struct sockaddr *)&bound, &size);
    uv_freeaddrinfo(found.addrinfo);
    if (problem != 0) return listen_on(self, problem, "tcp", tcp_address);
    getnameinfo((struct sockaddr *)&bound, (socklen_t)size, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    snprintf(shown, sizeof shown, "%.*s:%s", host_size, tcp_address, port);
    return listen_on(self, 0, "tcp", shown);
}

/* ---- The end ---- */

static void close_signals(void) {
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&signals[i], NULL);
    uv_close((uv_handle_t *)&grace, NULL);
}

/* When there are no clients any more nothing is left in the loop, and it ends. */
static void on_client_gone(void) {
    if (!app.is_ending)
        accept_waiting();
    else if (app.client_count == 0)
        close_signals();
}

static void on_grace_over(uv_timer_t *timer) {
    if (is_cancelled) {
        clients_close(&app); /* they do not read their answers */
        return;
    }
    is_cancelled = true;
    clients_cancel(&app);
    uv_timer_start(timer, on_grace_over, CLOSE_MS, 0);
}

static void begin_to_end(void) {
    app.is_ending = true;
    /* Closing a Unix socket that listens removes its file. */
    for (int i = 0; i < listener_count; i++) uv_close(&listeners[i].socket.handle, NULL);
    uv_timer_start(&grace, on_grace_over, grace_ms, 0);
    if (app.client_count == 0)
        close_signals();
    else
        clients_finish(&app);
}

static void on_signal(uv_signal_t *handle, int number) {
    if (!app.is_ending) {
        begin_to_end();
    } else {
        is_cut = true;
        clients_close(&app);
    }
}

/* ---- The beginning ---- */

static void echo(void *user, wplug_request *request) {
    wplug_request_result(request, wplug_request_params(request, NULL));
}

static void print_log(void *user, const wplug_log *line) {
    fprintf(stderr, "%s[%s] %.*s\n", line->name, line->id, (int)line->text_size, line->text);
}

static bool read_number(const char *text, uint64_t *out) {
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0;
}

/* Returns the index of the first plugin, or 0 where the arguments are wrong. */
static int read_options(int argc, char **argv) {
    bool is_good = true;
    int i = 1;
    for (; is_good && i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--unix") == 0)
            unix_path = argv[i + 1];
        else if (strcmp(argv[i], "--tcp") == 0)
            tcp_address = argv[i + 1];
        else if (strcmp(argv[i], "--clients") == 0)
            is_good = read_number(argv[i + 1], &app.client_max) && app.client_max > 0;
        else if (strcmp(argv[i], "--time") == 0)
            is_good = read_number(argv[i + 1], &time_ms) && time_ms > 0 && time_ms < UINT64_MAX / 1000000;
        else
            is_good = strcmp(argv[i], "--grace") == 0 && read_number(argv[i + 1], &grace_ms);
    }
    is_good = is_good && i < argc && argc - i <= PLUGIN_MAX && (unix_path != NULL || tcp_address != NULL);
    return is_good ? i : 0;
}

static bool start(char **plugins, wplug_uv **attachment, wplug_error *error) {
    wplug_limits_init(&limits);
    limits.message_bytes = LINE_MAX_SIZE;
    limits.memory_bytes = 64 << 20;
    limits.time_ns = time_ms * 1000000;
    wplug_call_options_init(&app.call_options);
    app.call_options.limits = &limits;
    if (wplug_runtime_new(NULL, &app.runtime, error) != WPLUG_OK) return false;
    wplug_runtime_set_log(app.runtime, print_log, NULL);
    if (wplug_runtime_set_method(app.runtime, "echo", echo, NULL) != WPLUG_OK) return false;
    for (; *plugins != NULL; plugins++, app.plugin_count++)
        if (wplug_plugin_load_file(*plugins, NULL, &app.plugins[app.plugin_count], error) != WPLUG_OK)
            return false;
    return wplug_uv_attach(app.loop, app.runtime, NULL, attachment, error) == WPLUG_OK;
}

int main(int argc, char **argv) {
    wplug_error error = {.message = "out of memory"};
    wplug_uv *attachment = NULL;
    int first = read_options(argc, argv);
    if (first == 0) {
        fputs("usage: server [OPTION VALUE]... PLUGIN.wasm...\n"
              "  --unix PATH, --tcp HOST:PORT   where to listen, at least one; port 0 is any that is free\n"
              "  --clients COUNT                connections at once (256)\n"
              "  --time MS                      how long a call may take (60000)\n"
              "  --grace MS                     how long calls may take to end after SIGTERM (5000)\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a write to a client that is gone is an error like others */
    app.loop = uv_default_loop();
    app.client_gone = on_client_gone;
    uv_timer_init(app.loop, &grace);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(app.loop, &signals[i]);
        uv_signal_start(&signals[i], on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    bool is_ready = start(argv + first, &attachment, &error);
    if (!is_ready) fprintf(stderr, "%s\n", error.message);
    is_ready = is_ready && listen_unix() && listen_tcp();
    if (!is_ready) begin_to_end();
    uv_run(app.loop, UV_RUN_DEFAULT);

    wplug_uv_detach(attachment, NULL, NULL);
    uv_run(app.loop, UV_RUN_DEFAULT);
    wplug_runtime_free(app.runtime);
    while (app.plugin_count > 0) wplug_plugin_release(app.plugins[--app.plugin_count]);
    /* A handle that is still open would be a mistake of this program. */
    return uv_loop_close(app.loop) != 0 || !is_ready || is_cut;
}
