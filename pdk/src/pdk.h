/* The plugin kit's inner interface: what its files know of each other.
 *
 *     os_*.c      the operating system: WASI in a plugin, a made-up world in tests
 *     runtime.c   the loop: reads lines, feeds the peer, queues and runs what is ready
 *     request.c   requests and how they are answered
 *     value.c     reading params, answers and other JSON
 *     writer.c    writing JSON
 *     hostcall.c  calls and notifications to the host
 *     timer.c     timers, and waiting for several things
 *     registry.c  methods, and what rpc.discover says of them
 *     system.c    logging, clocks, randomness, texts, memory
 *
 * The kit keeps its state in one static variable (pdk): a plugin is one program with one thread, and handlers
 * and macros would gain nothing from a context that everybody passes along. wplug_run sets it up and takes it
 * down whole, so that tests can run any number of plugins after each other in one process. */
#ifndef WPLUG_PDK_INNER_H
#define WPLUG_PDK_INNER_H

#include "base/base.h"
#include "rpc/rpc.h"
#include "wplug_pdk.h"
#include "json/json.h"

/* ---- The operating system (os_wasi.c) ---- */

#define PDK_NO_DEADLINE UINT64_MAX

typedef enum pdk_io {
    PDK_IO_DONE,
    PDK_IO_AGAIN, /* nothing there yet (read); time is up (wait) */
    PDK_IO_END,   /* end of file */
    PDK_IO_FAILED
} pdk_io;

/* Reads at most `capacity` bytes from standard input. Waits until there are some, or says PDK_IO_AGAIN: hosts
 * differ in that. */
pdk_io pdk_os_read(void *bytes, size_t capacity, size_t *count);

/* Writes all of it, to standard output (1) or standard error (2). False on failure. */
bool pdk_os_write(int stream, const void *bytes, size_t size);

/* Waits until standard input can be read (PDK_IO_DONE) or the time is up (PDK_IO_AGAIN). Not called where
 * pdk_os_polls_input is false. */
pdk_io pdk_os_wait_for_input(uint64_t timeout_ns);

/* Whether this host's poll_oneoff takes subscriptions to streams, not to clocks alone. */
bool pdk_os_polls_input(void);

/* Waits, perhaps less long than asked for. */
void pdk_os_sleep(uint64_t duration_ns);

/* Lets the host do something else. */
void pdk_os_yield(void);

uint64_t pdk_os_monotonic_ns(void);
uint64_t pdk_os_realtime_ns(void);
bool pdk_os_random(void *bytes, size_t size);
const char *pdk_os_environment(const char *name); /* NULL where it is not set */
_Noreturn void pdk_os_exit(int code);

/* Whether the plugin's memory goes with the plugin, so that it need not be freed at its end. */
bool pdk_os_takes_memory_back(void);

/* ---- Memory ---- */

/* Many small pieces that are freed together. */
typedef struct pdk_chunk pdk_chunk;
typedef struct pdk_arena {
    pdk_chunk *chunks; /* the newest first; the rest of that one is free */
} pdk_arena;

void *pdk_arena_alloc(pdk_arena *arena, size_t size); /* zeroed; NULL where there is no memory */
char *pdk_arena_copy(pdk_arena *arena, const void *data, size_t size); /* zero-terminated */
void pdk_arena_free(pdk_arena *arena);
void pdk_arena_empty(pdk_arena *arena); /* keeps a chunk of the usual size for what comes next */

/* Bytes read from standard input, shared by all that has a message in them, so that no message is copied. A
 * block that has more than one owner keeps its place.
 *
 *     data  {"jsonrpc":...}\n{"jsonrpc":...}\n{"json              |
 *           |              ^ a request's params point in here     |
 *           0                                  start    size      capacity
 */
typedef struct pdk_block {
    size_t owners;
    size_t capacity;
    size_t size; /* bytes read */
    uint8_t data[];
} pdk_block;

pdk_block *pdk_block_share(pdk_block *block);
void pdk_block_release(pdk_block *block); /* NULL is fine */

/* ---- What waits to be run ---- */

typedef enum pdk_task_kind { PDK_TASK_REQUEST, PDK_TASK_ANSWER, PDK_TASK_TIMER } pdk_task_kind;

/* The head of a request, a host call or a timer: its place in the queue of what is ready. */
typedef struct pdk_task {
    struct pdk_task *next;
    pdk_task_kind kind;
    bool queued;
} pdk_task;

void pdk_enqueue(pdk_task *task);
void pdk_dequeue(pdk_task *task); /* where it is queued */

/* ---- Where a value comes from ---- */

typedef enum pdk_source_kind { PDK_SOURCE_PARAMS, PDK_SOURCE_ANSWER, PDK_SOURCE_TEXT } pdk_source_kind;

typedef struct wplug_source {
    pdk_source_kind kind;
    wplug_request *request; /* fails where a value is not what it should be; NULL: that is logged */
    pdk_arena *arena;       /* holds decoded texts */
    base_bytes root;        /* the whole value */
    const char *what;       /* answer: the host method; text: what it is */
} wplug_source;

/* `json` may be the empty span: an absent value. */
wplug_value pdk_value_make(const wplug_source *source, base_bytes json);

/* ---- Writers ---- */

typedef enum pdk_purpose {
    PDK_WRITE_NOTHING, /* whatever is written is dropped: the answer is given, or nobody wants it */
    PDK_WRITE_RESULT,
    PDK_WRITE_ERROR_DATA,
    PDK_WRITE_HOST_PARAMS,
    PDK_WRITE_NOTIFICATION
} pdk_purpose;

struct wplug_writer {
    wplug_writer *next; /* notifications: the one begun before */
    pdk_purpose purpose;
    wplug_request *request; /* result, error data; NULL otherwise */
    wplug_host_call *call;  /* host params */
    base_buffer message;    /* error data: the error's message; notification: the method */
    int64_t code;           /* error data */
    bool text_open;         /* between wplug_begin_text and wplug_end_text */
    base_buffer out;
    json_writer json;
};

/* A writer that is new, or the one that drops everything where there is no memory for it. */
wplug_writer *pdk_writer_new(pdk_purpose purpose, wplug_request *request, wplug_host_call *call);
void pdk_writer_free(wplug_writer *writer); /* NULL and the dropping one are fine */
wplug_writer *pdk_writer_none(void);
void pdk_writer_drop(wplug_writer *writer); /* forgets what was written, drops what still will be */
/* For a writer that is part of something else. `rest` is a drop that keeps a small buffer for the next time.
 * */
void pdk_writer_begin(wplug_writer *writer, pdk_purpose purpose, wplug_request *request,
                      wplug_host_call *call);
void pdk_writer_rest(wplug_writer *writer);
void pdk_write_json(wplug_writer *writer, base_bytes json);

/* Called when a writer's value is complete or broken (writer.c calls these, their owners have them). */
void pdk_request_written(wplug_request *request, wplug_writer *writer, const char *mistake);
void pdk_host_params_broken(wplug_host_call *call, const char *mistake);
void pdk_notification_written(wplug_writer *writer, const char *mistake);

/* ---- Requests ---- */

typedef struct pdk_method {
    wplug_method_info info;
    size_t param_count;
    size_t error_count;
} pdk_method;

struct wplug_request {
    pdk_task task;                  /* first */
    wplug_request *previous, *next; /* all that are open */
    uint64_t handle;                /* the peer's */
    bool notification;
    bool answered;
    bool failed;              /* answered with an error */
    bool refused;             /* by the kit: what the handler does from here on has no effect */
    unsigned outstanding;     /* callbacks that are still to come */
    wplug_text name;          /* of the method, as called */
    const pdk_method *method; /* NULL: no such method */
    pdk_block *block;         /* holds the params, unless the arena does */
    pdk_arena arena;
    wplug_source params;
    bool looked_up;                     /* `given` is filled in */
    base_bytes given[WPLUG_MAX_PARAMS]; /* the declared parameters */
    wplug_writer *writer;               /* the newest */
    wplug_writer first_writer;          /* mostly the only one */
    bool first_writer_used;
    wplug_writer *writers; /* all others, kept for handlers that still hold them */
    wplug_host_call *calls;
    wplug_timer *timers;
};

/* Takes a request that the peer has read; queued to be run. False where there is no memory. */
bool pdk_request_accept(const rpc_event *event, pdk_block *block);
void pdk_request_run(wplug_request *request);

/* Makes memory for a request before the first one comes, as far as there is some. A host that starts calls from
 * a snapshot of the plugin, taken where it first reads, spares each of them that work. */
void pdk_request_prepare(void);
void pdk_spare_request_free(void);

/* After a handler or callback: answers what nobody can answer any more and frees what is done. */
void pdk_request_settle(wplug_request *request);
void pdk_request_free(wplug_request *request);

/* Fails the request on the kit's own account. */
void pdk_request_refuse(wplug_request *request, int64_t code, const char *format, ...) BASE_PRINTF(3, 4);
void pdk_request_no_memory(wplug_request *request); /* NULL is fine */

/* ---- Host calls ---- */

typedef enum pdk_call_state { PDK_CALL_PREPARED, PDK_CALL_SENT, PDK_CALL_FINISHED } pdk_call_state;

struct wplug_host_call {
    pdk_task task;                    /* first */
    wplug_host_call *previous, *next; /* the request's, or those without one */
    wplug_request *request;
    pdk_call_state state;
    bool running; /* its callback is being run */
    bool freed;   /* by its own callback */
    const char *method;
    bool has_params;
    wplug_writer params;
    uint64_t id;
    wplug_host_callback *callback;
    void *user;
    pdk_block *block; /* holds the answer, unless the arena does */
    pdk_arena arena;
    wplug_source source;
    base_bytes result; /* empty where there is an error */
    bool has_error;
    wplug_host_error error;
};

void pdk_host_answered(const rpc_event *event, pdk_block *block);
void pdk_host_gone(void); /* every call that waits gets an error */
void pdk_host_call_run(wplug_host_call *call);
void pdk_host_call_dispose(wplug_host_call *call);
void pdk_spare_call_free(void);
/* Whether an answer to no call is one to a call that was cancelled. Each is taken for that once. */
bool pdk_host_was_cancelled(base_bytes id);
void pdk_notifications_sweep(void); /* frees those that are sent, drops those that were never finished */

/* ---- Timers ---- */

struct wplug_timer {
    pdk_task task;                /* first */
    wplug_timer *previous, *next; /* the request's, or those without one */
    wplug_timer *later;           /* with a callback: the next to go off */
    uint64_t deadline_ns;
    wplug_request *request;
    wplug_timer_callback *callback; /* NULL: it is waited for */
    void *user;
};

void pdk_timer_run(wplug_timer *timer);
void pdk_timers_collect(void); /* queues those that are due */

/* ---- The registry ---- */

void pdk_registry_check(const char *name, const char *version);
void pdk_registry_free(void);
const pdk_method *pdk_registry_find(wplug_text name);
void pdk_discover(wplug_request *request);

/* ---- The runtime ---- */

typedef struct pdk_runtime {
    /* registry */
    const char *name;
    const char *version;
    const char *description;
    pdk_method *methods; /* does not move once they are all registered */
    size_t method_count, method_capacity;
    struct pdk_host_need *needs;
    bool serve_until_end;
    unsigned mistakes; /* of registration, then of schemas */
    base_error first_mistake;

    /* conversation */
    rpc_peer *peer;
    pdk_block *input;
    size_t start;   /* in `input`: the first byte of the line that is being read */
    size_t scanned; /* in `input`: no line end from `start` to here */
    bool ended;     /* no more input */
    enum { PDK_POLLING_UNKNOWN, PDK_POLLING_INPUT, PDK_POLLING_CLOCKS } polling; /* what poll_oneoff takes */
    unsigned again; /* reads in a row that found nothing */
    int exit_code;

    /* work */
    pdk_task *ready, *ready_last;
    wplug_request *requests;
    wplug_request *spare_request; /* the last that was freed, or one that was prepared */
    wplug_host_call *loose_calls; /* without a request */
    wplug_host_call *spare_call; /* the last that was freed: a handler that makes many needs memory for one */
    wplug_timer *loose_timers;   /* without a request */
    wplug_timer *next_timer;     /* with a callback, by deadline, then age */
    uint64_t next_call;          /* its id */
    uint64_t cancelled;          /* calls whose answer may yet come */
    wplug_writer *notifications;
    wplug_writer nothing;    /* the writer that drops everything */
    wplug_host_call no_call; /* what wplug_call_host returns where there is no memory */
    uint64_t answers;        /* requests answered, notifications not counted */

    wplug_level log_level;
    bool log_level_fixed; /* by the environment */
} pdk_runtime;

extern pdk_runtime pdk;

/* Sends what the peer has to send. */
void pdk_flush(void);

/* Waits for input, until `deadline_ns` at most, and takes in what one read gives, also where that time has
 * passed. False where there was none. */
bool pdk_pump(uint64_t deadline_ns);

/* The same, but when there can be no more input, only time passes. Then not without a deadline. */
void pdk_wait_until(uint64_t deadline_ns);

/* Gives up the conversation: the loop ends as soon as what runs has returned. The first code counts. */
void pdk_give_up(int exit_code);

uint64_t pdk_deadline_in_ms(uint64_t milliseconds);

#endif
