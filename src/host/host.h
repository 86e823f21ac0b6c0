/* What the files of the host room share. The host joins the other rooms: it loads plugins, and its runtime
 * runs tasks, each of which is a guest in the engine, its WASI context and, for calls, a JSON-RPC peer.
 *
 *     wplug_runtime ---- ready queue ----> task -> task -> task        one slice each, round and round
 *          |        ---- timer heap -----> tasks that wait for a time
 *          |        ---- mailbox <-------- answers from other threads
 *          |
 *        task:   engine_exec <-> wasi_context <-> rpc_peer <-> requests <-> host methods
 *                   (guest)        (stdio)        (messages)
 *
 * A task's turn: run a slice of guest code; take away what it wrote; hand log lines, messages and the end, if
 * it came, to the embedder's callbacks; then queue the task again, or leave it until a time or an answer. The
 * engine is never on the C stack while a callback runs, so callbacks may do anything, even step the runtime.
 */
#ifndef WPLUG_HOST_H
#define WPLUG_HOST_H

#include "base/os.h"
#include "base/os_sync.h"
#include "rpc/rpc.h"
#include "wasi/wasi.h"
#include "wplug/wplug.h"

#include <stdatomic.h>

typedef struct host_task host_task;
typedef struct host_worker host_worker;

/* ---- Magic numbers ----
 *
 * Every handle carries one, and HOST_DEAD once it is freed. Where freed memory was not used again yet, a
 * stale handle is noticed. They do not come first: allocators like to keep their lists there. */
enum { HOST_PLUGIN_MAGIC = 0x57504C47, HOST_RUNTIME_MAGIC = 0x5750524E, HOST_REQUEST_MAGIC = 0x57505251 };
enum { HOST_POOL_MAGIC = 0x5750504F };
enum { HOST_RESULT_MAGIC = 0x57505253, HOST_TEXT_MAGIC = 0x57505458, HOST_DEAD = 0x44454144 };

/* ---- Errors and texts (status.c, text.c) ---- */

/* Fills `error` (may be NULL) and returns `status`. */
wplug_status host_fail(wplug_error *error, wplug_status status, const char *format, ...) BASE_PRINTF(3, 4);
wplug_status host_fail_va(wplug_error *error, wplug_status status, const char *format, va_list arguments);
wplug_status host_no_memory(wplug_error *error);
static inline wplug_status host_ok(wplug_error *error) {
    if (error) {
        error->status = WPLUG_OK;
        error->message[0] = 0;
    }
    return WPLUG_OK;
}

/* printf's "%.*s" arguments of a span, cut at a length that suits a message. */
#define HOST_SPAN(bytes) host_span_length(bytes), (const char *)(bytes).data
static inline int host_span_length(base_bytes bytes) {
    return bytes.size < 200 ? (int)bytes.size : 200;
}

/* Text for the embedder to free with wplug_text_free; NULL where there is no memory. */
char *host_text_new(const base_allocator *allocator, base_bytes content);

base_allocator host_allocator(const wplug_allocator *allocator); /* NULL: the default one */

/* Copies a struct of the embedder's into one of ours, whichever of the two is longer; both start with their
 * size, and what the embedder's does not have becomes 0. False where its size is not set. `from` NULL gives
 * zeros. */
bool host_read_struct(void *to, size_t to_size, const void *from);

/* The other way: fills in a struct of the embedder's, as far as its size goes. */
void host_write_struct(void *to, const void *from, size_t from_size);

/* ---- Limits (limits.c) ---- */

/* `own`, where its fields are 0 `below`, where those are 0 the defaults. Either may be NULL. False where a
 * size is not set. */
bool host_limits_resolve(const wplug_limits *own, const wplug_limits *below, wplug_limits *out);

/* ---- Plugins (plugin.c, inspect.c) ---- */

/* An import that nobody provides, of a plugin that may have such. */
typedef struct host_unknown_import {
    base_bytes module, name; /* in the module's bytes */
    char text[128];          /* "env.foo" */
} host_unknown_import;

/* What calls of a plugin start from: its guest, held by the context just before it first did something that can differ
 * from call to call. Immutable once it is published. */
typedef struct host_snapshot {
    base_allocator allocator;
    engine_snapshot *engine;
    wasi_state wasi;
    int phase;            /* host_phase */
    uint64_t fuel_before; /* of earlier phases */
    uint64_t fuel_needed; /* a limit on fuel that is higher would not have stopped it before */
    uint64_t slice_spent; /* in the slice that was running */
    base_buffer log;      /* what it wrote to stderr that was taken away, */
    base_buffer output;   /* and that was not */
} host_snapshot;

/* Who keeps a plugin:
 *
 *     holders      the embedder's handles
 *     holds        tasks and requests, which come and go with every call on every thread: each counts in one of several
 *                  places, a cache line apart, so that threads do not wait for each other's writes
 *     references   one for each of those counts that is not 0, one for each sandbox in the pool of a runtime: the memory
 *
 * As long as the embedder has handles, each place has one for them in it too, so that tasks leave `references` alone. When
 * nobody has a handle or a hold any more, nothing new can begin. */
enum { HOST_HOLD_PLACES = 16 };

typedef struct host_holds {
    atomic_uint count;
    uint8_t apart[BASE_APART - sizeof(atomic_uint)];
} host_holds;

struct wplug_plugin {
    base_allocator allocator;
    base_allocator shared; /* for what calls on all threads read: the module, its code, the snapshot */
    uint32_t magic;
    bool is_command; /* has a `_start` that can be run */
    bool async_guest, trap_unknown_imports, library, deterministic, allows_all;
    uint64_t seed, start_time_ns;
    engine_module *module;
    char *name;
    wplug_id id;
    char id_short[8];
    wasi_strings args, env, allow;
    wplug_limits limits; /* resolved */
    host_unknown_import *unknown;
    size_t unknown_count;
    wplug_snapshot_mode snapshot_mode;
    _Atomic(host_snapshot *) snapshot; /* NULL until the first call has got there */

    atomic_uint references, holders;
    uint8_t apart[BASE_APART]; /* from what every thread reads */
    host_holds holds[HOST_HOLD_PLACES];
};

bool host_plugin_is_alive(const wplug_plugin *plugin);
/* One more hold on a plugin that is alive and stays so meanwhile; the place where it counts, for letting go. */
unsigned host_plugin_hold(wplug_plugin *plugin);
void host_plugin_let_go(wplug_plugin *plugin, unsigned place);
/* Keeps the memory of a plugin that is alive; lets go of it. */
void host_plugin_keep(wplug_plugin *plugin);
void host_plugin_drop(wplug_plugin *plugin);
bool host_plugin_allows(const wplug_plugin *plugin, base_bytes method);

/* Plugin options as the library works with them: all there, whatever the embedder was compiled with. */
bool host_plugin_options_read(const wplug_plugin_options *from, wplug_plugin_options *to);

/* Calls `report` for each reason why a module would be refused, until it returns false. */
typedef bool (*host_problem_fn)(void *user, wplug_status status, const char *message);
/* What can be told from the first bytes and the section sizes. False where decoding makes no sense. */
bool host_check_bytes(base_bytes bytes, uint64_t max_size, host_problem_fn report, void *user);
/* What the decoder or validator said; WPLUG_NO_MEMORY is a problem like others here. */
wplug_status host_load_status(base_status status, base_bytes bytes);
/* What can be told from a module that was loaded. */
void host_check_module(const engine_module *module, const wplug_plugin_options *options,
                       host_problem_fn report, void *user);
/* Whether wasi or nobody provides an import. */
bool host_provides(const engine_import *import);

/* ---- Results (result.c) ---- */

typedef struct host_result {
    wplug_result public; /* first: handles point at it */
    atomic_uint references;
    uint32_t magic;
    base_allocator allocator;
    char message[512];
    base_buffer text; /* what `public` points to */
    wplug_value *values;
    size_t value_capacity;
} host_result;

host_result *host_result_new(const base_allocator *allocator);
bool host_result_is_alive(const wplug_result *result);

/* ---- Requests (request.c) ---- */

typedef enum host_request_state {
    HOST_REQUEST_OPEN,
    HOST_REQUEST_ANSWERED,
    HOST_REQUEST_GONE /* its task ended first */
} host_request_state;

typedef struct host_mailbox host_mailbox;

struct wplug_request {
    atomic_uint references, holders; /* see request.c */
    atomic_int state;                /* host_request_state */
    uint32_t magic;
    host_mailbox *mailbox; /* retained */
    wplug_plugin *plugin;  /* held, */
    unsigned plugin_hold;  /* in this place */
    wplug_task task_id;
    void *context;
    bool is_notification;
    bool is_in_method; /* its host method is on the C stack */
    uint64_t asked_at;
    uint64_t rpc_request; /* the peer's handle */
    char *method, *params;
    size_t method_size, params_size;
    size_t size; /* of this block: method and params are at its end */

    /* Runtime's thread only: the task's list of open requests. */
    host_task *task; /* NULL where it is not in a list */
    wplug_request *previous, *next;

    /* An answer on its way through the mailbox. */
    wplug_request *next_answer;
    bool is_error;
    int64_t code;
    base_buffer answer; /* JSON result, or the error's message */
    base_buffer data;   /* the error's data */
};

/* Makes a request of a task's and puts it into its list; the caller has the first reference. NULL: no memory.
 */
wplug_request *host_request_new(host_task *task, const rpc_event *event);
/* Runs a host method for it. */
void host_request_handle(wplug_runtime *runtime, wplug_request *request, wplug_method_fn method, void *user);
/* The task has ended: its requests answer WPLUG_GONE from now on. */
void host_requests_abandon(host_task *task);

/* Where other threads leave answers, and what outlives the runtime as long as requests are held. The signal's
 * lock guards everything that is not atomic. */
struct host_mailbox {
    atomic_uint references;
    _Atomic(uintptr_t) owner; /* the thread that the runtime belongs to */
    base_allocator allocator;
    os_signal *signal;
    wplug_runtime *runtime; /* NULL: it was freed */
    wplug_wake_fn wake;
    void *wake_user;
    _Atomic(uintptr_t) waking; /* the thread that runs `wake` now; 0 none */
    bool is_armed;             /* the embedder has been told to wait: news calls `wake` */
    wplug_request *first_answer, **last_answer;
};

host_mailbox *host_mailbox_new(const base_allocator *allocator, wplug_status *status);
void host_mailbox_release(host_mailbox *mailbox);
/* News for the runtime: whoever waits or was told to wait gets to know. Any thread. */
void host_mailbox_wake(host_mailbox *mailbox);
/* Whether this thread is inside the wake callback, where the library must not be called. */
bool host_mailbox_is_waking(const host_mailbox *mailbox);
/* Gives the answers that lie there to their tasks. */
void host_mailbox_deliver(wplug_runtime *runtime);

/* ---- Sandboxes (sandbox.c) ---- */

/* A store with an instance and a run. Those made from a snapshot may be members of their runtime's pool, and serve one
 * call after the other. */
typedef struct host_sandbox host_sandbox;
struct host_sandbox {
    base_allocator allocator;    /* of the store: see sandbox.c */
    const base_allocator *outer; /* the runtime's */
    size_t room_used;
    bool is_made;
    host_sandbox *next; /* in the pool's list of idle ones */
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    wasi_context *wasi;            /* of the task that has it */
    wplug_plugin *plugin;          /* members keep it */
    const host_snapshot *snapshot; /* the plugin's; members have one */
    bool is_member;
    max_align_t room[];
};

/* Idle sandboxes are what they were when they were made, to the last byte. */
typedef struct host_pool {
    host_sandbox *idle; /* those used last come first */
    size_t member_count, member_limit;
} host_pool;

/* Gives a task a sandbox: as the plugin's snapshot has it, the task then has run; or a new one. */
wplug_status host_sandbox_acquire(host_task *task, wplug_error *error);
void host_sandbox_release(host_task *task);
/* Drops idle sandboxes: all, or those of plugins that nobody holds any more. */
void host_pool_trim(wplug_runtime *runtime);
void host_pool_sweep(wplug_runtime *runtime);

/* ---- Snapshots (snapshot.c) ---- */

/* The plugin's snapshot, where the task may start from it. Else NULL; the task may then be recording one. */
const host_snapshot *host_snapshot_find(host_task *task, const engine_limits *limits);
/* Before its first run: makes it a recording one where there is something to record. */
void host_snapshot_begin(host_task *task);
void host_snapshot_record_log(host_task *task, base_bytes output);
/* The guest is held: this is where later calls start from. It then goes on as if it had not been. */
engine_outcome host_snapshot_record(host_task *task);
/* Makes all of the task but the sandbox what the snapshot says. Callbacks run: the log is written again. */
wplug_status host_snapshot_replay(host_task *task, const host_snapshot *snapshot);
void host_snapshot_free(host_snapshot *snapshot);

/* ---- Queues, heaps, ids (queue.c) ---- */

/* A place in a queue by priority; part of what is queued. Zeroed it is in none. */
typedef struct host_place {
    struct host_place *previous, *next;
    uint8_t level;
    bool is_queued;
} host_place;

enum { HOST_LEVELS = WPLUG_PRIORITY_HIGHEST - WPLUG_PRIORITY_LOWEST + 1 };

/* First in, first out on each level; zeroed it is empty. */
typedef struct host_levels {
    host_place *first[HOST_LEVELS], *last[HOST_LEVELS]; /* the most urgent level first */
    uint8_t taken[HOST_LEVELS];
    size_t count;
} host_levels;

/* What is pushed is in no queue yet. */
void host_levels_push(host_levels *levels, host_place *place);
host_place *host_levels_pop(host_levels *levels);                /* NULL: none */
void host_levels_remove(host_levels *levels, host_place *place); /* does nothing where it is not in it */

/* A time that is waited for; part of what waits. */
typedef struct host_timer {
    uint64_t at;
    size_t index; /* in the heap; or one of these: */
    struct host_timer *previous, *next;
} host_timer;

#define HOST_NO_TIMER SIZE_MAX       /* it is not set */
#define HOST_IN_ROW   (SIZE_MAX - 1) /* it is in the row */

/* Timers by their times. One that is set for no earlier time than all of the row goes to its end, and costs the same
 * however many there are: deadlines of calls with the same limit do that. The others are in the heap. */
typedef struct host_timers {
    host_timer *first, *last; /* the row */
    host_timer **heap;
    size_t heap_size, heap_capacity;
} host_timers;

/* For so many timers. */
base_status host_timers_reserve(host_timers *timers, size_t count, const base_allocator *allocator);
void host_timers_free(host_timers *timers, const base_allocator *allocator);
/* Sets a timer that may be set already; UINT64_MAX is never, and clears it. There is room. */
void host_timers_set(host_timers *timers, host_timer *timer, uint64_t at);
void host_timers_clear(host_timers *timers, host_timer *timer);
/* The next one that is due; NULL where none is set. */
static inline host_timer *host_timers_first(const host_timers *timers) {
    if (timers->heap_size == 0) return timers->first;
    return timers->first && timers->first->at <= timers->heap[0]->at ? timers->first : timers->heap[0];
}
/* Its time, or UINT64_MAX. */
static inline uint64_t host_timers_next(const host_timers *timers) {
    const host_timer *first = host_timers_first(timers);
    return first ? first->at : UINT64_MAX;
}
/* The first timer, if it is not later than `now`; it is cleared then. NULL: none. */
host_timer *host_timers_pop_due(host_timers *timers, uint64_t now);

typedef struct host_slot {
    uint64_t id; /* 0: free */
    void *object;
    uint32_t next_free;
} host_slot;

#define HOST_POOL_ID ((uint64_t)1 << 63)

typedef struct host_ids {
    host_slot *slots;
    uint32_t count, capacity, free_slot; /* free_slot: UINT32_MAX none */
    uint64_t mark, sequence, step;
} host_ids;

void host_ids_init(host_ids *ids, uint64_t mark, uint64_t first, uint64_t step);
void host_ids_free(host_ids *ids, const base_allocator *allocator);
/* A new id for an object; 0 where there is no memory. */
uint64_t host_ids_add(host_ids *ids, void *object, const base_allocator *allocator);
void host_ids_drop(host_ids *ids, uint64_t id);
void *host_ids_find(const host_ids *ids, uint64_t id); /* NULL: none */

/* ---- Tasks (task.c, conversation.c) ---- */

typedef enum host_kind { HOST_CALL, HOST_COMMAND, HOST_INVOKE } host_kind;

/* What of the guest runs: a sandbox starts with the module's start function and ends with what it was made
 * for. */
typedef enum host_phase {
    HOST_NEW,           /* no sandbox yet */
    HOST_START_SECTION, /* the start function */
    HOST_INITIALIZE,    /* a reactor's `_initialize` */
    HOST_MAIN           /* `_start`, or the function to invoke */
} host_phase;

/* What the end of a turn says about the next one. */
typedef enum host_turn {
    HOST_AGAIN, /* ready */
    HOST_SLEEP, /* until the timer or an event */
    HOST_STOP   /* the guest will not run any more */
} host_turn;

struct host_task {
    wplug_task id;
    wplug_runtime *runtime; /* NULL: it waits in a pool */
    const base_allocator *allocator;
    wplug_plugin *plugin; /* held, */
    unsigned plugin_hold; /* in this place */
    host_kind kind;
    host_phase phase;
    wplug_limits limits;
    wplug_done_fn done;
    void *done_user;
    void *context;
    host_task *previous_task, *next_task; /* all of the runtime's */

    /* Scheduling. */
    host_place place; /* in the ready queue */
    bool is_busy;     /* its turn, or another use of it that calls back, is on the C stack */
    bool missed_turn; /* it was busy when it should have had one */
    host_timer timer;
    uint64_t started_at, deadline; /* UINT64_MAX: none */
    uint64_t guest_ns;             /* so far */
    uint64_t memory_counted;       /* what the statistics know of */
    uint64_t skip_to, skip_at; /* deterministic clocks: the guest's shows skip_to when ours shows skip_at */

    /* The sandbox, and what is in it. */
    host_sandbox *sandbox;
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    wasi_context wasi;
    bool is_waiting;      /* the last run ended ENGINE_WAITING */
    bool has_run;         /* there is a place where it stands */
    bool link_no_memory;  /* what the resolver could not say */
    uint64_t fuel_before; /* of earlier phases */
    uint64_t fuel_limit;
    uint64_t slice_start; /* what it had used when its slice began */
    uint64_t slice_spent; /* of its next slice, before that begins */
    bool is_recording;    /* it may become the plugin's snapshot */
    uint64_t most_fuel;   /* while it is recording: how far it was ever allowed to go; */
    base_buffer recorded; /* its log that was taken away */

    /* Calls: the conversation. */
    rpc_peer *peer;
    wplug_request *requests; /* open ones */
    size_t request_count;
    char *method; /* or the export to invoke; NULL for commands */
    char short_method[48];
    base_buffer log_line;
    bool log_line_is_cut;
    uint64_t log_bytes;
    base_buffer trace_line;
    bool has_stray; /* an answer with an unknown id came */
    bool mid_line;  /* stdout's last byte was no line end */

    /* Commands and single functions: stdio. */
    wplug_read_fn read;
    wplug_write_fn write;
    void *stdio_user;
    base_buffer input;
    size_t input_start; /* before it: read by the guest */
    wasi_strings args;  /* where it has its own */
    bool has_args;
    bool is_stdio_blocked; /* a callback would block: it is not asked again before wplug_task_stdio_ready */

    /* Single functions. */
    uint64_t *arguments; /* cells */
    size_t argument_cells;

    /* The end. */
    host_result *result; /* made at the start, so that an end can always be reported */
    bool is_ended;       /* the result is decided */
    bool is_reported;    /* the completion callback has run; the id is no longer valid */
    bool lingers;        /* it has answered and may go on a little */
    bool *is_freed;      /* set when the task is; NULL: nobody wants to know */
};

/* The task that a member (place, timer) at `pointer` is part of. */
#define HOST_TASK_OF(pointer, member)                                                                        \
    ((host_task *)(void *)((uint8_t *)(pointer) - offsetof(host_task, member)))

/* A task that belongs to no runtime yet, with a result and limits. `allocator` must outlive it, and be that of
 * the runtime that it joins. */
wplug_status host_task_make(const base_allocator *allocator, wplug_plugin *plugin, host_kind kind,
                            const wplug_limits *limits, host_task **out, wplug_error *error);
/* Gives it its place among a runtime's tasks; WPLUG_NO_MEMORY leaves it as it was. */
wplug_status host_task_join(host_task *task, wplug_runtime *runtime);
/* Both. It is in no queue yet. */
wplug_status host_task_new(wplug_runtime *runtime, wplug_plugin *plugin, host_kind kind,
                           const wplug_limits *limits, host_task **out, wplug_error *error);
/* It is complete: it gets its turns. */
void host_task_launch(host_task *task);
/* Frees a task that is not busy; it leaves all queues of its runtime, where it has one. */
void host_task_free(host_task *task);

/* One turn; the task may be gone afterwards. It is in no queue when it is called. */
void host_task_turn(host_task *task);

/* Decides the result; only the first end counts. The task still has to have a turn. */
void host_task_end(host_task *task, wplug_status status, const char *format, ...) BASE_PRINTF(3, 4);
void host_task_end_out_of_time(host_task *task);
/* Something happened that the task may wait for: queues it if it can go on (or has ended). */
void host_task_notice(host_task *task);
/* Runs the completion callback, once. */
void host_task_report(host_task *task);

uint64_t host_task_fuel_used(const host_task *task);
/* "plugin "x" (d430c8), method "ping"", for messages. */
void host_task_subject(const host_task *task, char *out, size_t capacity);

/* conversation.c: what a call's guest wrote, and what it gets to read. */
wplug_status host_conversation_start(host_task *task, base_bytes method, base_bytes params,
                                     wplug_error *error);
/* Takes away the guest's output with all callbacks that come of it. */
void host_conversation_take(host_task *task, uint32_t fd, base_bytes output);
/* The guest has ended: what stands after the last line end counts. */
void host_conversation_close(host_task *task);
void host_log_flush(host_task *task);
void host_log_remark(host_task *task, const char *format, ...) BASE_PRINTF(2, 3);
/* Traces what the peer has queued behind its first `from` bytes, and lets the guest read it. */
void host_conversation_sent(host_task *task, size_t from);

/* ---- The runtime (runtime.c, queue.c) ---- */

typedef struct host_method {
    char *name;
    size_t name_size;
    wplug_method_fn method;
    void *user;
} host_method;

struct wplug_runtime {
    base_allocator allocator;
    host_mailbox *mailbox;
    uint64_t slice_fuel;
    uint32_t magic;
    unsigned depth;      /* steps on the C stack */
    host_worker *worker; /* of a pool; NULL: of none */
    bool is_closing;     /* wplug_runtime_free is at work */

    wplug_log_fn log;
    void *log_user;
    wplug_trace_fn trace;
    void *trace_user;
    host_method *methods; /* sorted by name */
    size_t method_count, method_capacity;
    wplug_method_fn default_method;
    void *default_user;

    host_task *tasks;      /* all of them, also those that linger */
    size_t task_count;     /* all */
    size_t reported_count; /* those that linger */
    size_t turning;        /* whose turns are on the C stack */

    host_ids ids;
    host_levels ready;
    host_timers timers; /* has room for all tasks */
    host_pool pool;
    size_t most_tasks; /* at once, since memory was last given back */

    uint64_t now;      /* the clock when it was last read by host_clock */
    wplug_stats stats; /* but for what host_stats_look finds elsewhere */
};

static inline uint64_t host_clock(wplug_runtime *runtime) {
    return runtime->now = os_monotonic_ns();
}

/* Checks that a runtime may be used here and now. WPLUG_MISUSE with a sentence where not. */
wplug_status host_enter(const wplug_runtime *runtime, const char *function, wplug_error *error);
/* The runtime got something to do on its own thread: the embedder may have to be told. */
void host_runtime_news(wplug_runtime *runtime);
/* Ends all tasks; their completion callbacks run, and cannot start new ones. */
void host_runtime_end_tasks(wplug_runtime *runtime);
/* Gives back idle memory: of the pool, and with no tasks left of the bookkeeping; the default allocator's too. */
void host_runtime_trim(wplug_runtime *runtime);
/* False where it has no handler for such requests. */
bool host_runtime_find_method(const wplug_runtime *runtime, base_bytes name, wplug_method_fn *method,
                              void **user);

/* Steps and waits until *is_over. */
wplug_status host_runtime_run_until(wplug_runtime *runtime, const bool *is_over);

/* queue.c */
wplug_status host_queue_add_task(wplug_runtime *runtime, host_task *task); /* gives it its id */
void host_queue_remove_task(wplug_runtime *runtime, host_task *task);      /* from everything */
void host_queue_drop_id(wplug_runtime *runtime, host_task *task);
/* Gives back what it holds, which is nothing where there are no tasks. */
void host_queue_free(wplug_runtime *runtime);
host_task *host_queue_find(const wplug_runtime *runtime, wplug_task id);
void host_queue_push_ready(wplug_runtime *runtime, host_task *task);
host_task *host_queue_pop_ready(wplug_runtime *runtime);
void host_queue_set_timer(wplug_runtime *runtime, host_task *task, uint64_t at);
void host_queue_clear_timer(wplug_runtime *runtime, host_task *task);
/* The task whose timer is first, if that is not later than `now`; it has no timer then. NULL: none. */
host_task *host_queue_pop_due(wplug_runtime *runtime, uint64_t now);

/* ---- Pools (pool.c) ---- */

/* Between two turns of a pool's runtime: obeys what other threads want of it, and takes work. */
void host_worker_poll(host_worker *worker);
/* Its thread is about to wait until *until, which may become earlier. False where there is something to do. */
bool host_worker_rest(host_worker *worker, uint64_t *until);
/* The task with one of the pool's ids, if it runs on that runtime. NULL: it does not. */
host_task *host_worker_find(const wplug_runtime *runtime, wplug_task id);

/* A call that is complete, but belongs to no runtime yet (start.c). */
wplug_status host_call_make(const base_allocator *allocator, wplug_plugin *plugin, const char *method,
                            const char *params, const wplug_call_options *options, host_task **out,
                            wplug_error *error);

/* ---- Statistics (stats.c) ---- */

void host_histogram_add(wplug_histogram *histogram, uint64_t value);
/* A task's result is decided. */
void host_stats_ended(wplug_stats *stats, const host_task *task);
/* A task has that much linear memory now. */
void host_stats_memory(host_task *task, uint64_t bytes);
/* Adds what another runtime of the pool has counted. */
void host_stats_add(wplug_stats *sum, const wplug_stats *stats);
/* All of it, as it is now. */
void host_stats_look(const wplug_runtime *runtime, wplug_stats *out);

/* ---- Values (values.c) ---- */

/* Reads `text` as a value of `type` into one or two cells. */
bool host_value_read(engine_valtype type, const char *text, uint64_t *cells);
base_status host_value_write(engine_valtype type, const uint64_t *cells, base_buffer *out);
/* "(i32, i64) -> (i32)" */
base_status host_functype_write(const engine_functype *type, base_buffer *out);

#endif
