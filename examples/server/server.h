/* What the parts of the example server share. main.c has the options, the listening sockets and the end; client.c the
 * connections and their calls; message.c the text of JSON-RPC. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <wplug/wplug_uv.h>

/* What one client can make the server keep in memory: a line, the answers of its calls, and what it does not read. */
enum {
    LINE_MAX_SIZE = 1 << 20, /* bytes of a request, and of each message of a plugin's */
    CALL_MAX = 64,           /* calls at once before the next line is taken; requests in a batch */
    UNSENT_MAX = 1 << 18,    /* bytes of unread answers before the next line is taken */
    PLUGIN_MAX = 8
};

union any_socket {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct server {
    uv_loop_t *loop;
    wplug_runtime *runtime;
    wplug_plugin *plugins[PLUGIN_MAX]; /* the first one has all methods that name none of them */
    size_t plugin_count;
    wplug_call_options call_options;
    struct client *newest, *oldest; /* by when they last asked for something */
    uint64_t client_count, client_max;
    bool is_ending;
    void (*client_gone)(void); /* there is a place more */
};

/* A new connection waits at `listener`. False where all places are taken by clients that have calls running; it goes on
 * waiting then, and so do those behind it, until client_gone says that there is a place. */
bool client_accept(struct server *server, uv_stream_t *listener);

/* The server is ending: clients get the answers of what runs, and are closed then. */
void clients_finish(struct server *server);
/* Ends the calls that run; their clients are told. */
void clients_cancel(struct server *server);
/* Closes all connections at once. */
void clients_close(struct server *server);

#endif
