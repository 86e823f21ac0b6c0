/* wplug.h: the host kit. Load WebAssembly plugins, call their methods, answer the methods they call.
 *
 * This is the whole public interface (docs/embedding.md teaches it, by concept). In the shortest program that
 * uses it there are four steps:
 *
 *     wplug_runtime *runtime;
 *     wplug_plugin *plugin;
 *     wplug_result *result;
 *     wplug_error error;
 *
 *     if (wplug_runtime_new(NULL, &runtime, &error) == WPLUG_OK &&
 *         wplug_plugin_load_file("hello.wasm", NULL, &plugin, &error) == WPLUG_OK &&
 *         wplug_call(runtime, plugin, "greet", "{\"name\":\"Ada\"}", NULL, &result, &error) == WPLUG_OK)
 *         puts(result->json);
 *
 * A PLUGIN is a WebAssembly module built as a `wasm32-wasip1` command, together with the options it is run
 * with. It is immutable and may be shared by threads. A RUNTIME belongs to one thread and runs TASKS: a call
 * of a plugin's method, a whole WASI command, or one exported function. Every task has a fresh sandbox of its
 * own. While a task runs, its plugin may call HOST METHODS: functions of the embedding program that get a
 * REQUEST and answer it at once or later.
 *
 * Conventions that hold throughout:
 *
 * - Functions that can fail return a wplug_status, WPLUG_OK being 0. Results go out through the last
 *   parameters and are not touched on failure, but for pointers, which are set to NULL. A `wplug_error *` may
 *   always be NULL.
 * - Text is UTF-8. Text handed in ends with a 0 byte and is copied where it is needed after the function
 *   returns. Text handed out ends with a 0 byte too; where it may be long its size (without that byte) comes
 *   with it.
 * - JSON is handed over as text (RFC 8259) and passes through untouched: numbers keep all their digits.
 * - Times are nanoseconds in 64 bits, on the clock of wplug_monotonic_ns. Sizes are bytes.
 * - Structs that are filled in by the embedder start with `size`. Set them up with their init function;
 *   members that later versions add then have their defaults. Structs handed out by the library may grow at
 *   their end.
 * - Callbacks run on the runtime's thread, inside the function that steps the runtime (or frees it), one at a
 *   time, never while guest code is on the C stack. They may call any function of this header except where it
 *   is said otherwise. The wake callback is the exception: it runs anywhere and may call nothing.
 * - The library prints nothing, exits never, installs no signal handler and has no global state. It starts no
 *   thread, but for those of a wplug_pool.
 * - What an embedder does wrong (a NULL where an object must be, a handle that was freed, a call from another
 *   thread, a second answer to one request) is answered with WPLUG_MISUSE, and a sentence where there is an
 *   `error` to put it in, wherever C lets the library notice.
 *
 * Where behaviour comes from: "protocol" is docs/protocol.md; "JSON-RPC" is the JSON-RPC 2.0 Specification
 * (jsonrpc.org); "WASI" is WASI preview 1, the module `wasi_snapshot_preview1`; "core" is the WebAssembly
 * Core Specification. */
#ifndef WPLUG_H
#define WPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(WPLUG_USE_SHARED)
#define WPLUG_API __declspec(dllimport)
#elif defined(_WIN32)
#define WPLUG_API /* what the DLL exports is in its module definition, which is made from this header */
#elif defined(__GNUC__) || defined(__clang__)
#define WPLUG_API __attribute__((visibility("default")))
#else
#define WPLUG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ----------------------------------------------------------------------------------------- */

/* The version of this header. Before 1.0 a new minor version may break programs; afterwards only a
 * major one. */
#define WPLUG_VERSION_MAJOR 0
#define WPLUG_VERSION_MINOR 1
#define WPLUG_VERSION_PATCH 0
#define WPLUG_VERSION       "0.1.0"

/* The version of the library that is linked, like "0.1.0". Any thread. */
WPLUG_API const char *wplug_version(void);

/* ---- Statuses and errors ----------------------------------------------------------------------------- */

/* How anything can end. The numbers are part of the interface and never change; later versions add some. */
typedef enum wplug_status {
    WPLUG_OK = 0,

    /* The program and its surroundings. */
    WPLUG_MISUSE = 1,    /* the embedder broke a rule of this header; the message says which */
    WPLUG_NO_MEMORY = 2, /* the host ran out of memory (a guest at its limit is WPLUG_MEMORY_LIMIT) */
    WPLUG_SYSTEM = 3,    /* the operating system refused something, such as randomness */
    WPLUG_GONE = 4,      /* the task that this is about has ended already; harmless, nothing happened */
    WPLUG_TOO_DEEP = 5,  /* callbacks that step or block inside each other, over WPLUG_NESTING_MAX */
    WPLUG_BAD_JSON = 6,  /* text handed in as JSON is not JSON; the message says where */
    WPLUG_NOT_FOUND = 7, /* wplug_json_find: there is nothing at that place; wplug_disassemble: no such
                            function */
    WPLUG_BUSY = 8,      /* a pool's queue is full: try again when calls have ended */

    /* Ways in which loading a plugin fails. */
    WPLUG_FILE_NOT_FOUND = 20,
    WPLUG_FILE_UNREADABLE = 21,  /* it is there, but cannot be read: a directory, no permission... */
    WPLUG_FILE_EMPTY = 22,       /* no bytes at all */
    WPLUG_NOT_WASM = 23,         /* does not start as a module does: a text file, an ELF file, anything */
    WPLUG_COMPONENT = 24,        /* a component of the component model, not a core module */
    WPLUG_WASM_VERSION = 25,     /* a core module of a version other than 1 */
    WPLUG_TRUNCATED = 26,        /* the file ends within a section: it was cut off */
    WPLUG_MALFORMED = 27,        /* breaks the binary format (core, chapter 5) */
    WPLUG_INVALID = 28,          /* breaks a rule of validation (core, chapter 3) */
    WPLUG_UNSUPPORTED = 29,      /* needs a proposal that is off or not there; the message names it */
    WPLUG_MODULE_TOO_LARGE = 30, /* over max_module_bytes, or over one of the engine's own limits */
    WPLUG_UNKNOWN_IMPORTS = 31,  /* imports that nobody provides; the message names them all */
    WPLUG_IMPORT_TYPE = 32,      /* imports a WASI function under a type that it does not have */
    WPLUG_NO_START = 33,         /* no `_start` export: not a WASI command */
    WPLUG_REACTOR = 34,          /* `_initialize` instead of `_start`: a WASI reactor */

    /* Ways in which a task ends, besides WPLUG_OK. */
    WPLUG_RPC_ERROR = 50,       /* the plugin answered with an error: code, error_message, data */
    WPLUG_TRAP = 51,            /* the guest trapped; the result's backtrace says where */
    WPLUG_EXITED = 52,          /* proc_exit before the answer: exit_code */
    WPLUG_RAISED = 53,          /* proc_raise with a terminating signal: exit_code is 128 + signal */
    WPLUG_RETURNED = 54,        /* `_start` returned before the answer */
    WPLUG_BAD_OUTPUT = 55,      /* a line on stdout is not a JSON-RPC message; the message quotes it */
    WPLUG_NO_ANSWER = 56,       /* waits for input, and none can come any more: no host call is open */
    WPLUG_FUEL_LIMIT = 57,      /* limits.fuel is spent */
    WPLUG_TIME_LIMIT = 58,      /* limits.time_ns is over */
    WPLUG_MEMORY_LIMIT = 59,    /* limits.memory_bytes: the guest wanted more, and then failed */
    WPLUG_TABLE_LIMIT = 60,     /* limits.table_elements, likewise */
    WPLUG_STACK_LIMIT = 61,     /* limits.stack_bytes or limits.depth: endless recursion, as a rule */
    WPLUG_MESSAGE_LIMIT = 62,   /* limits.message_bytes: a message, either way, is longer; or four times
                                   that much waits at stdin and the guest does not read it */
    WPLUG_LOG_LIMIT = 63,       /* limits.log_bytes: the guest wrote more than that to stderr */
    WPLUG_HOST_CALL_LIMIT = 64, /* limits.host_calls: more requests open at once */
    WPLUG_CANCELLED = 65,       /* wplug_task_cancel, or the runtime was freed */
    WPLUG_NO_EXPORT = 66,       /* wplug_invoke: no exported function of that name */
    WPLUG_BAD_ARGUMENT = 67     /* a wrong number of arguments, or text not of the type wanted */
} wplug_status;

/* The status in a few words ("out of fuel"), for people. Never NULL, "unknown status" for other numbers. Any
 * thread. */
WPLUG_API const char *wplug_status_text(wplug_status status);
/* The status's name in this header ("WPLUG_FUEL_LIMIT"), for logs and bindings. Likewise. */
WPLUG_API const char *wplug_status_name(wplug_status status);

/* What went wrong, in storage of the caller's: it can be filled in when memory has run out. */
typedef struct wplug_error {
    wplug_status status;
    char message[2044]; /* a sentence that says what to do about it; always terminated; cut where longer */
} wplug_error;

/* The error codes that JSON-RPC reserves (section 5.1), for wplug_request_error and wplug_result.code. */
#define WPLUG_CODE_PARSE_ERROR      (-32700)
#define WPLUG_CODE_INVALID_REQUEST  (-32600)
#define WPLUG_CODE_METHOD_NOT_FOUND (-32601)
#define WPLUG_CODE_INVALID_PARAMS   (-32602)
#define WPLUG_CODE_INTERNAL_ERROR   (-32603)
#define WPLUG_CODE_SERVER_ERROR     (-32000) /* an error of the method's own that has no code */

/* ---- Memory ------------------------------------------------------------------------------------------ */

/* Where the library gets memory. `resize` works as realloc does: pointer NULL allocates, new_size 0 frees and
 * returns NULL, `old_size` is the size the block at `pointer` was asked for with. On failure it returns NULL
 * and leaves the old block as it was; the library then cleans up and reports WPLUG_NO_MEMORY. The allocator
 * of a plugin is called from every thread that uses the plugin; that of a runtime from the runtime's thread
 * and from threads that answer its requests. The struct is copied; `user` must stay valid as long as objects
 * made with it.
 *
 * Guests' linear memories do not come from here: they are pages of the operating system, reserved without
 * being touched. */
typedef struct wplug_allocator {
    void *(*resize)(void *user, void *pointer, size_t old_size, size_t new_size);
    void *user;
} wplug_allocator;

/* ---- Limits ------------------------------------------------------------------------------------------ */

#define WPLUG_UNLIMITED UINT64_MAX

/* What one task may use. A field that is 0 takes its value from the level below: a call's limits from the
 * plugin's, the plugin's from the library's defaults, which are given here. WPLUG_UNLIMITED takes a limit
 * away. Each limit has its own status when it is reached. */
typedef struct wplug_limits {
    size_t size;      /* of this struct; set by wplug_limits_init */
    uint64_t fuel;    /* one unit is about one WebAssembly instruction (protocol, Fuel). Default unlimited */
    uint64_t time_ns; /* from the task's start to its end, waiting included. Default 60 s */
    uint64_t memory_bytes;   /* all linear memories together, in whole pages of 64 KiB. Default 256 MiB */
    uint64_t table_elements; /* all tables together. Default 1,000,000 */
    uint64_t stack_bytes;    /* the engine's stack of guest frames (not the C stack). Default 1 MiB */
    uint64_t depth;          /* guest calls within calls. Default 100,000 */
    uint64_t message_bytes;  /* one message, either direction. Default 16 MiB */
    uint64_t message_depth;  /* arrays and objects within each other in one message. Default 128 */
    uint64_t log_bytes;      /* all of stderr. Default 16 MiB */
    uint64_t log_line_bytes; /* a longer line is cut, which is not an error. Default 8 KiB */
    uint64_t host_calls;     /* requests of the guest open at once. Default 1,024 */
    /* After its answer the guest may go on a little, so that its last log lines arrive; the result is not
     * kept waiting. What it does then has no effect on the result. Defaults 10,000,000 units and 100 ms. */
    uint64_t linger_fuel;
    uint64_t linger_ns;
} wplug_limits;

/* `size` set, everything else 0. The inline function passes the size that the program was compiled with;
 * bindings call the other one. The same goes for every pair of init functions below. */
WPLUG_API void wplug_limits_init_sized(wplug_limits *limits, size_t size);
static inline void wplug_limits_init(wplug_limits *limits) {
    wplug_limits_init_sized(limits, sizeof *limits);
}

/* ---- Plugin ids -------------------------------------------------------------------------------------- */

/* A UUID (RFC 9562). */
typedef struct wplug_id {
    uint8_t bytes[16];
} wplug_id;

/* "6ba7b810-9dad-41d1-80b4-00c04fd430c8": writes 36 characters and a 0 byte. Any thread, as the next two. */
WPLUG_API void wplug_id_text(const wplug_id *id, char out[37]);
/* The short form, the last six hex digits ("d430c8"): writes 6 characters and a 0 byte. */
WPLUG_API void wplug_id_short(const wplug_id *id, char out[7]);
/* Reads the long form, in either case. WPLUG_BAD_ARGUMENT where `text` is anything else. */
WPLUG_API wplug_status wplug_id_parse(const char *text, wplug_id *out);

/* ---- Plugins ----------------------------------------------------------------------------------------- */

/* A module that was decoded and validated, and the options it runs with. Immutable and reference counted: it
 * may be used by any number of runtimes on any threads at once. Every task that runs it holds a reference of
 * its own. */
typedef struct wplug_plugin wplug_plugin;

/* Whether calls start from a snapshot: the plugin's state at the moment when it first asks for input, taken once, in the
 * first call that gets there. Every later call begins as a copy of it, in a sandbox that no other call can tell from a
 * new one: what the plugin wrote to its log until then is in each call's log, the fuel that it spent counts for each. A
 * call with limits under which the plugin might not have got there starts from the beginning. */
typedef enum wplug_snapshot_mode {
    WPLUG_SNAPSHOT_AUTO, /* no call can tell the difference: the snapshot is taken before the plugin first draws
                             randomness, looks at a clock or waits for a time, should it do that before it asks for input,
                             and before it writes to stdout */
    WPLUG_SNAPSHOT_NEVER, /* every call starts from the beginning */
    WPLUG_SNAPSHOT_ALWAYS /* for those who know their plugin: randomness that it drew, and times that it saw, before it
                             first asked for input are the same in all calls (the seed of a hash table, for example) */
} wplug_snapshot_mode;

/* How a plugin is loaded and run. Everything pointed to is copied by the load. */
typedef struct wplug_plugin_options {
    size_t size;
    const wplug_allocator *allocator; /* NULL: malloc and its family */
    const char *name;   /* for logs and messages. NULL: the file's name without folder and ".wasm", or
                           "plugin" */
    const wplug_id *id; /* NULL: a random UUID (version 4) */

    /* What the guest sees as its command line (the program's name, args[0], included) and environment
     * ("NAME=value"). Both are empty by default; nothing of the embedding process is passed on. */
    const char *const *args;
    size_t arg_count;
    const char *const *env;
    size_t env_count;

    /* The host methods that this plugin may see. For all others it gets "method not found", as if they did
     * not exist. NULL: all of them. An empty list is not NULL: it allows none. */
    const char *const *allow;
    size_t allow_count;

    /* A read of an empty stdin answers EAGAIN instead of waiting: what guests built on an async runtime
     * expect (the Rust kit's, on tokio). Their polling backs off, so that it costs next to nothing (protocol,
     * "stdin at the guest"). */
    bool async_guest;

    /* Imported functions that nobody provides are no error at load: they trap when they are called. */
    bool trap_unknown_imports;

    /* The module needs no `_start` and may be a reactor: it is loaded for wplug_invoke. */
    bool library;

    /* Runs are repeatable bit for bit. random_get draws from a generator seeded with `seed`. The realtime
     * clock starts at `start_time_ns` (since 1970-01-01 UTC) in each task, the monotonic one at 0, and both
     * go on by 1 ns for each unit of fuel; a sleep moves them to its end without any real waiting, unless
     * host calls are open: then it also takes as long as it would. What host methods answer, and in which
     * order, is the embedder's part. */
    bool deterministic;
    uint64_t seed;
    uint64_t start_time_ns;

    uint64_t max_module_bytes;  /* larger modules are refused. 0: 256 MiB */
    const wplug_limits *limits; /* of each task, where it names none of its own. NULL: the defaults */
    wplug_snapshot_mode
        snapshot; /* of calls; commands and single functions start from the beginning. 0: AUTO */
} wplug_plugin_options;

WPLUG_API void wplug_plugin_options_init_sized(wplug_plugin_options *options, size_t size);
static inline void wplug_plugin_options_init(wplug_plugin_options *options) {
    wplug_plugin_options_init_sized(options, sizeof *options);
}

/* Decodes and validates a module (the bytes are copied) and makes a plugin of it, which the caller owns one
 * reference of. `options` NULL means the defaults. No guest code runs. Each way this can fail is a status
 * from WPLUG_FILE_EMPTY to WPLUG_REACTOR, or one of the first group; in `error` is a sentence to act on. Any
 * thread. */
WPLUG_API wplug_status wplug_plugin_load(const void *bytes, size_t size, const wplug_plugin_options *options,
                                         wplug_plugin **out, wplug_error *error);
/* The same from a file, which is read whole; WPLUG_FILE_NOT_FOUND and WPLUG_FILE_UNREADABLE besides. */
WPLUG_API wplug_status wplug_plugin_load_file(const char *path, const wplug_plugin_options *options,
                                              wplug_plugin **out, wplug_error *error);

/* One more reference, one less. The last release frees the plugin; what runtimes keep of it for their next calls is freed
 * when each next steps, is trimmed or is freed. Both accept NULL. Any thread. */
WPLUG_API wplug_plugin *wplug_plugin_retain(wplug_plugin *plugin);
WPLUG_API void wplug_plugin_release(wplug_plugin *plugin);

/* Valid as long as the plugin. "" and NULL where `plugin` is NULL. Any thread. */
WPLUG_API const char *wplug_plugin_name(const wplug_plugin *plugin);
WPLUG_API const wplug_id *wplug_plugin_id(const wplug_plugin *plugin);

/* Describes a module, also one that would not load, as a JSON object (`options` as for loading; NULL the
 * defaults):
 *
 * - "size": bytes
 * - "loads": true where wplug_plugin_load would accept it with these options
 * - "kind": "command", "reactor", "library", "component" or "unknown"
 * - "problems": array of {"status": "WPLUG_...", "message": "..."}: what would be refused, and why
 *
 * and, where the module could be decoded (else these are not there):
 *
 * - "functions": how many it defines itself
 * - "imports": array of {"module", "name", "kind", "type", "provided"}; types are text: "(i32, i64) -> (i32)"
 * - "exports": array of {"name", "kind", "type"}
 * - "memories": array of {"min_pages", "max_pages" or null, "imported"}
 * - "features": array of names of the proposals beyond WebAssembly 1.0 that it uses
 * - "wasi": array of names of the WASI functions that it imports
 * - "module_name": the module's own name from its name section, or null
 * - "custom_sections": array of {"name", "size"}
 *
 * Sets *json to text that the caller frees with wplug_text_free. WPLUG_OK also for modules that are refused;
 * else WPLUG_NO_MEMORY or WPLUG_MISUSE. Any thread. */
WPLUG_API wplug_status wplug_inspect(const void *bytes, size_t size, const wplug_plugin_options *options,
                                     char **json, wplug_error *error);

/* Takes a line of text, without its end; lent for the duration of the callback. False: no more lines. */
typedef bool (*wplug_line_fn)(void *user, const char *line, size_t size);

/* Writes the code of a module as text, a line each for its instructions and for what is to be said of each
 * function: index, name, exports, type, size and locals. Functions are apart by an empty line.
 * Instructions are in the words of the text format (core, chapter 6) behind their offset in the module, as
 * traps and errors of loading name it:
 *
 *     function 5 $grow
 *       export  "grow"
 *       type    2 (param i32) (result i32)
 *       code    14 bytes at 0x52
 *       local   1 i32
 *       0x55      block (result i32)
 *       0x57        call 3  ;; $allocate
 *
 * Names are as the module has them, but for bytes below 0x20 and 0x7F, which appear as \0a and the like.
 *
 * `function` NULL: all functions that the module defines. Decimal digits: the function with that index,
 * also an imported one. Anything else: every function that goes by that name in the name section, as an
 * export, or, where it has neither, as an import. `options` as for loading, NULL the defaults; only
 * `allocator` and `max_module_bytes` matter.
 *
 * WPLUG_OK where the module is valid, whether it is a plugin or not, and also where `write` wanted no
 * more. Where only the code of functions is refused, they are written all the same, each as far as its
 * bytes can be read, and then the status and `error` are those of wplug_plugin_load. Whatever else is
 * refused has no lines, and the same status and `error`. WPLUG_NOT_FOUND: there is no such function.
 * WPLUG_NO_MEMORY, perhaps after some of the lines; WPLUG_MISUSE. Any thread. */
WPLUG_API wplug_status wplug_disassemble(const void *bytes, size_t size, const wplug_plugin_options *options,
                                         const char *function, wplug_line_fn write, void *user,
                                         wplug_error *error);

/* Frees text that a function of this header handed over to the caller. NULL is fine. Any thread. */
WPLUG_API void wplug_text_free(char *text);

/* ---- Runtimes ---------------------------------------------------------------------------------------- */

/* Runs tasks, many at once, on the thread that it belongs to: the one that made it. Everything that takes a
 * runtime is for that thread alone unless it says "any thread"; other threads get WPLUG_MISUSE. Any number of
 * runtimes can be in use; they share nothing but plugins. */
typedef struct wplug_runtime wplug_runtime;

typedef struct wplug_runtime_options {
    size_t size;
    const wplug_allocator *allocator; /* NULL: malloc and its family */
    uint64_t slice_fuel; /* how long a task runs before the next has its turn, in units of fuel. 0: 100,000, a
                            fraction of a millisecond. Smaller: fairer, and callbacks sooner; larger: a little
                            faster */
    uint64_t
        pool_size; /* sandboxes kept for further calls (see wplug_snapshot_mode), all plugins together, idle or
                           in use; more are made and dropped as needed. An idle one holds up to half a MiB, or as much
                           as the plugin's memory where that is less. 0: 32; WPLUG_NO_POOL: none */
} wplug_runtime_options;

#define WPLUG_NO_POOL UINT64_MAX

WPLUG_API void wplug_runtime_options_init_sized(wplug_runtime_options *options, size_t size);
static inline void wplug_runtime_options_init(wplug_runtime_options *options) {
    wplug_runtime_options_init_sized(options, sizeof *options);
}

/* `options` NULL means the defaults. The caller owns the runtime. */
WPLUG_API wplug_status wplug_runtime_new(const wplug_runtime_options *options, wplug_runtime **out,
                                         wplug_error *error);

/* Ends all tasks (their completion callbacks run, with WPLUG_CANCELLED; starting tasks there fails with
 * WPLUG_GONE) and frees the runtime. Requests that are still held stay valid until they are released;
 * answering them then is harmless (WPLUG_GONE). WPLUG_MISUSE, and nothing happens, inside a callback of the
 * same runtime. NULL is fine. */
WPLUG_API wplug_status wplug_runtime_free(wplug_runtime *runtime);

/* Makes the calling thread the one that the runtime belongs to. The former owner must be done with it, and
 * the program must order the two (a mutex, a queue). */
WPLUG_API wplug_status wplug_runtime_move_here(wplug_runtime *runtime);

/* When a runtime next has something to do. */
typedef enum wplug_when {
    WPLUG_NOW,   /* a task is ready: step again at once (after other work of the thread, if need be) */
    WPLUG_AT,    /* at `at_ns`, or sooner if woken */
    WPLUG_WOKEN, /* not before the wake callback: everything waits for host methods, or for commands' stdio */
    WPLUG_IDLE   /* there is nothing at all: no tasks, and no guests that go on after their answer */
} wplug_when;

typedef struct wplug_next {
    wplug_when when;
    uint64_t at_ns; /* for WPLUG_AT, on the clock of wplug_monotonic_ns */
} wplug_next;

/* Runs the tasks that are ready, in turn, a slice each, with all callbacks that come of it; never waits.
 * `budget_ns` 0: returns after as many slices as there were tasks ready at the start, so that each has had one
 * where all have the same priority. Else: goes on taking
 * turns until none is ready or that much time has passed, which a last slice or a callback may exceed. *next
 * (may be NULL) says when to step again. A host method or completion callback may step the same runtime: the
 * tasks that are on the C stack already are left out then; WPLUG_TOO_DEEP beyond WPLUG_NESTING_MAX levels.
 * WPLUG_MISUSE otherwise only. */
WPLUG_API wplug_status wplug_runtime_step(wplug_runtime *runtime, uint64_t budget_ns, wplug_next *next);

#define WPLUG_NESTING_MAX 32

/* For poll(2) and its kin: 0 for WPLUG_NOW, -1 (no timeout) for WPLUG_WOKEN and WPLUG_IDLE, else the
 * milliseconds from now until at_ns, rounded up. Any thread. */
WPLUG_API int wplug_next_timeout_ms(const wplug_next *next);

/* Called when a runtime that had said WPLUG_AT, WPLUG_WOKEN or WPLUG_IDLE has something to do sooner: a task
 * was started or cancelled, a request was answered, stdio became ready, wplug_runtime_wake. At most once
 * between two steps. It runs on whichever thread caused it, and so must be quick and thread-safe (write to a
 * pipe, uv_async_send), and must not call into the library. Steps' own consequences are told by their *next
 * instead. */
typedef void (*wplug_wake_fn)(void *user);
/* `wake` NULL takes it away. */
WPLUG_API wplug_status wplug_runtime_set_wake(wplug_runtime *runtime, wplug_wake_fn wake, void *user);

/* Makes wplug_runtime_wait return, and the wake callback run. Any thread, as long as the runtime is not
 * freed. */
WPLUG_API wplug_status wplug_runtime_wake(wplug_runtime *runtime);

/* Blocks until the runtime has something to do, is woken, or the monotonic clock reads `until_ns`
 * (UINT64_MAX: no such time). Returns at once where something is ready; where nothing can ever come it waits
 * for wplug_runtime_wake. For programs without an event loop of their own. */
WPLUG_API wplug_status wplug_runtime_wait(wplug_runtime *runtime, uint64_t until_ns);

/* Steps and waits until there are no tasks (within a callback: none but those on the C stack). */
WPLUG_API wplug_status wplug_runtime_run(wplug_runtime *runtime);

/* Gives back memory that the runtime holds for later: idle sandboxes of its pool and, with no tasks left, the room for
 * their numbers. Where it has the default allocator, the C library is asked to give the system back what it holds free
 * (with glibc, malloc_trim). The runtime does this by itself when it has had 10,000 tasks at once or more, and none is
 * left. */
WPLUG_API wplug_status wplug_runtime_trim(wplug_runtime *runtime);

/* How many tasks have not ended. */
WPLUG_API size_t wplug_runtime_task_count(const wplug_runtime *runtime);

/* The clock of all times in this header: never goes back, no fixed origin. Any thread. */
WPLUG_API uint64_t wplug_monotonic_ns(void);

/* ---- Tasks ------------------------------------------------------------------------------------------- */

/* A task of one runtime, from its start until its completion callback returns. Just a number, never used
 * twice by one runtime: to ask about a task that has ended is harmless and answers WPLUG_GONE. 0 is no
 * task. */
typedef uint64_t wplug_task;

/* A value of a WebAssembly type, as text. Integers are decimal, signed. Floats are decimal with as many
 * digits as it takes to read the same value back, or "inf", "-inf", "nan". */
typedef struct wplug_value {
    const char *type; /* in the words of the text format: "i32", "externref", "(ref null 3)" */
    const char *text;
} wplug_value;

/* How a task ended. Immutable and reference counted. Text that does not apply is "", and its size 0. */
typedef struct wplug_result {
    wplug_status status; /* WPLUG_OK, or one from WPLUG_RPC_ERROR on, or WPLUG_NO_MEMORY, WPLUG_SYSTEM */
    const char *message; /* a sentence that names plugin and method; "" for WPLUG_OK */

    const char *json; /* calls, WPLUG_OK: the result, as the plugin wrote it */
    size_t json_size;

    int64_t code;              /* WPLUG_RPC_ERROR: the code, */
    const char *error_message; /* the message */
    const char *data;          /* and the data of the plugin's error, as JSON; "" where it gave none */
    size_t data_size;

    int exit_code; /* WPLUG_EXITED, WPLUG_RAISED; commands also for WPLUG_OK */
    /* Where the guest stood (WPLUG_TRAP, limits, WPLUG_CANCELLED...), innermost frame first, one a line:
     * "    at name (function 12, offset 0x1a3f)\n". "" before it ran. */
    const char *backtrace;

    const wplug_value *values; /* wplug_invoke, WPLUG_OK: the function's results */
    size_t value_count;

    uint64_t fuel_used;    /* up to the end or the answer */
    uint64_t time_ns;      /* from the start to the end or the answer */
    uint64_t memory_bytes; /* linear memory at that time, all memories together */
} wplug_result;

/* One more reference, one less. Both accept NULL. Any thread. */
WPLUG_API wplug_result *wplug_result_retain(wplug_result *result);
WPLUG_API void wplug_result_release(wplug_result *result);

/* The completion callback: runs exactly once for every task that was started, while the runtime is stepped or
 * freed, never inside the function that starts or cancels. `result` is lent; retain it to keep it. */
typedef void (*wplug_done_fn)(void *user, wplug_task task, wplug_result *result);

/* How urgent a task is. While tasks of different priorities are ready, a priority gets four slices for each one
 * that all those below it together get (and which they share by the same rule), so that even the least urgent
 * task goes on. Among equals each has its slice in turn. */
#define WPLUG_PRIORITY_LOWEST  (-2)
#define WPLUG_PRIORITY_NORMAL  0
#define WPLUG_PRIORITY_HIGHEST 2

typedef struct wplug_call_options {
    size_t size;
    const wplug_limits *limits; /* NULL: the plugin's */
    void *context;              /* for wplug_request_context: what host methods should know about this call */
    int priority;               /* WPLUG_PRIORITY_LOWEST to WPLUG_PRIORITY_HIGHEST */
} wplug_call_options;

WPLUG_API void wplug_call_options_init_sized(wplug_call_options *options, size_t size);
static inline void wplug_call_options_init(wplug_call_options *options) {
    wplug_call_options_init_sized(options, sizeof *options);
}

/* Starts a call of a plugin's method in a fresh sandbox. `params` is any JSON value; NULL means null. Nothing
 * runs before the next step. The call holds a reference of the plugin. `options` NULL means the defaults;
 * `done` NULL is allowed; `task` may be NULL. On failure (WPLUG_BAD_JSON, WPLUG_MESSAGE_LIMIT,
 * WPLUG_NO_MEMORY, WPLUG_MISUSE, WPLUG_GONE while the runtime is being freed) there is no task and `done`
 * does not run. */
WPLUG_API wplug_status wplug_call_start(wplug_runtime *runtime, wplug_plugin *plugin, const char *method,
                                        const char *params, const wplug_call_options *options,
                                        wplug_done_fn done, void *user, wplug_task *task, wplug_error *error);

/* The same, and steps and waits until that call has ended and its last log lines have arrived (limits.linger_ns);
 * other tasks of the runtime go on meanwhile. Returns the call's status. *result, which the caller releases, is
 * set whenever the call was started, also when it ended in an error; it may be NULL for callers who do not want
 * it. `error` has the status and its sentence. May be used in host methods and completion callbacks too,
 * WPLUG_NESTING_MAX levels deep: WPLUG_TOO_DEEP. */
WPLUG_API wplug_status wplug_call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method,
                                  const char *params, const wplug_call_options *options,
                                  wplug_result **result, wplug_error *error);

/* Ends a task with WPLUG_CANCELLED, whatever it is doing; its callback runs in the next step. WPLUG_GONE
 * where it has ended already or was cancelled before. */
WPLUG_API wplug_status wplug_task_cancel(wplug_runtime *runtime, wplug_task task);

typedef enum wplug_task_state {
    WPLUG_TASK_READY,         /* wants to run, or runs */
    WPLUG_TASK_SLEEPING,      /* in poll_oneoff, until a time */
    WPLUG_TASK_WAITING_HOST,  /* for the answer of a host method (and a time, perhaps) */
    WPLUG_TASK_WAITING_STDIO, /* a command: for stdin or stdout */
    WPLUG_TASK_ENDING         /* its end is decided; the callback comes in the next step */
} wplug_task_state;

typedef struct wplug_task_info {
    size_t size;
    wplug_task_state state;
    uint64_t fuel_used;
    uint64_t time_ns;      /* since it was started */
    uint64_t memory_bytes; /* linear memory now */
    uint64_t host_calls;   /* open now */
    uint64_t log_bytes;    /* so far */
} wplug_task_info;

/* Looks at a task. `out->size` must be set: sizeof(wplug_task_info). WPLUG_GONE where it has ended. */
WPLUG_API wplug_status wplug_task_inspect(const wplug_runtime *runtime, wplug_task task,
                                          wplug_task_info *out);
/* Where the guest stands, in the form of wplug_result.backtrace; "" before it ran. The caller frees *text
 * with wplug_text_free. WPLUG_GONE where the task has ended. */
WPLUG_API wplug_status wplug_task_backtrace(const wplug_runtime *runtime, wplug_task task, char **text);

/* ---- Host methods ------------------------------------------------------------------------------------ */

/* A request or notification that a guest sent. It is lent to the handler for as long as that runs. A handler
 * that answers later retains it and releases it when it has answered. A request that is released for the last
 * time without an answer is answered by the library, with WPLUG_CODE_INTERNAL_ERROR ("the host method gave no
 * answer"), so that no guest waits in vain. All functions on requests are for any thread but for
 * wplug_request_runtime. */
typedef struct wplug_request wplug_request;

/* A host method. Runs on the runtime's thread, between two slices of the guest. */
typedef void (*wplug_method_fn)(void *user, wplug_request *request);

/* Registers a host method of all plugins that run here (each plugin's `allow` list may hide it), or replaces
 * it; `method` NULL takes it away. It holds for requests that arrive from now on. WPLUG_NO_MEMORY. */
WPLUG_API wplug_status wplug_runtime_set_method(wplug_runtime *runtime, const char *name,
                                                wplug_method_fn method, void *user);
/* The handler for all names that have none of their own (and are allowed). NULL, as at the beginning: such
 * requests get "method not found". */
WPLUG_API wplug_status wplug_runtime_set_default_method(wplug_runtime *runtime, wplug_method_fn method,
                                                        void *user);

/* What is asked. The text is valid as long as the request is held. `size` may be NULL. Params are JSON as the
 * guest wrote it, "null" where there are none. */
WPLUG_API const char *wplug_request_method(const wplug_request *request);
WPLUG_API const char *wplug_request_params(const wplug_request *request, size_t *size);
/* A notification wants no answer; one that is given all the same goes nowhere, and that is WPLUG_OK. */
WPLUG_API bool wplug_request_is_notification(const wplug_request *request);

/* Who asks: the plugin (lent; valid as long as the request), the task, what the call was started with as
 * `context`. */
WPLUG_API wplug_plugin *wplug_request_plugin(const wplug_request *request);
WPLUG_API wplug_task wplug_request_task(const wplug_request *request);
WPLUG_API void *wplug_request_context(const wplug_request *request);
/* The runtime, for handlers that start calls of their own. NULL where it was freed. On its thread only. */
WPLUG_API wplug_runtime *wplug_request_runtime(const wplug_request *request);

/* False once it has been answered or its task has ended: work on an answer can stop. */
WPLUG_API bool wplug_request_is_open(const wplug_request *request);

/* One more reference, one less. Both accept NULL. */
WPLUG_API wplug_request *wplug_request_retain(wplug_request *request);
WPLUG_API void wplug_request_release(wplug_request *request);

/* Answers with a result (any JSON value; NULL means null), or with an error: code, message, and data as JSON
 * or NULL. Text is copied. A request takes one answer: WPLUG_MISUSE for a second one. WPLUG_GONE: the task
 * has ended in the meantime, and the answer went nowhere. WPLUG_BAD_JSON, WPLUG_NO_MEMORY: it is still open
 * and may be answered again. An answer longer than limits.message_bytes ends the task with
 * WPLUG_MESSAGE_LIMIT. */
WPLUG_API wplug_status wplug_request_result(wplug_request *request, const char *result);
WPLUG_API wplug_status wplug_request_error(wplug_request *request, int64_t code, const char *message,
                                           const char *data);

/* ---- Logs and traces --------------------------------------------------------------------------------- */

typedef enum wplug_log_source {
    WPLUG_LOG_GUEST, /* a line of the guest's stderr */
    WPLUG_LOG_HOST   /* a remark of the library's: an answer with an unknown id was ignored, and such */
} wplug_log_source;

/* One line of a task's log. Everything is lent for the duration of the callback. */
typedef struct wplug_log {
    wplug_log_source source;
    wplug_plugin *plugin;
    const char *name; /* the plugin's */
    const char *id;   /* the plugin's, short form */
    wplug_task task;
    const char *text; /* without the line's end; bytes as the guest wrote them, not checked to be UTF-8, and 0
                         bytes are possible */
    size_t text_size;
    bool is_cut; /* the line was longer than limits.log_line_bytes; the rest of it is dropped */
} wplug_log;

/* Called for every line of calls' logs, in order. Lines written before the answer come before the completion
 * callback, those that the guest writes while it lingers after it, with the task's number of before. A last line
 * without an end is delivered when the guest is gone. (A command's stderr goes to its `write`.) */
typedef void (*wplug_log_fn)(void *user, const wplug_log *line);
/* `log` NULL, as at the beginning: lines are dropped. */
WPLUG_API wplug_status wplug_runtime_set_log(wplug_runtime *runtime, wplug_log_fn log, void *user);

/* One message of a call, as it went over stdin or stdout. Lent for the duration of the callback. */
typedef struct wplug_trace {
    bool to_plugin; /* else: from the plugin */
    wplug_plugin *plugin;
    wplug_task task;
    const char *text; /* without the line's end */
    size_t text_size;
} wplug_trace;

typedef void (*wplug_trace_fn)(void *user, const wplug_trace *message);
/* `trace` NULL, as at the beginning: messages are not traced. */
WPLUG_API wplug_status wplug_runtime_set_trace(wplug_runtime *runtime, wplug_trace_fn trace, void *user);

/* ---- Statistics -------------------------------------------------------------------------------------- */

/* Sizes of something that was measured again and again. buckets[0] counts the values 0 and 1, buckets[i] those
 * from 2^i up to but not including 2^(i + 1). */
typedef struct wplug_histogram {
    uint64_t count;
    uint64_t sum; /* of all values; sum / count is the mean */
    uint64_t buckets[64];
} wplug_histogram;

/* More than any status's number, now and in later versions with the same number here. */
#define WPLUG_STATUS_END 96

/* What a runtime, or all runtimes of a pool together, have done since they were made, and what they do now. "..._high"
 * is the most that there ever was at once; of a pool it is the sum of what its runtimes had, each at a time of its
 * own. Counting is always on. */
typedef struct wplug_stats {
    size_t size;

    uint64_t started;                 /* tasks */
    uint64_t ended[WPLUG_STATUS_END]; /* tasks by their status: ended[WPLUG_OK], ended[WPLUG_TRAP]... */
    uint64_t slices;                  /* of guest code */
    uint64_t fuel;                    /* spent in them */
    uint64_t guest_ns;                /* that they took, host methods and other callbacks not included */
    uint64_t fresh_starts;            /* tasks that started from the module, */
    uint64_t snapshot_starts;         /* and from a snapshot of their plugin; */
    uint64_t reused_sandboxes;        /* of the latter those in a sandbox that was kept */

    uint64_t host_calls; /* requests and notifications that reached a host method */
    uint64_t method_ns;  /* that host methods took, until they returned; tasks that they ran included */

    uint64_t messages_from_plugins, messages_to_plugins;
    uint64_t bytes_from_plugins, bytes_to_plugins; /* on calls' stdout and stdin, line ends included */
    uint64_t log_bytes;                            /* on calls' stderr */

    /* Tasks now. Those that have answered and go on a little are `lingering` and not among the others, but for
     * `ready` and `suspended`. */
    uint64_t tasks, tasks_high;
    uint64_t ready, ready_high; /* wait for their slice */
    uint64_t suspended;         /* wait for a time, an answer, or stdio */
    uint64_t lingering;
    uint64_t memory_bytes, memory_high; /* linear memory of all tasks together, as of their last slice */

    /* Of a pool: calls in its queue, and calls that it refused with WPLUG_BUSY. */
    uint64_t queued, queued_high;
    uint64_t refused;

    wplug_histogram call_ns;   /* from a task's start to its end */
    wplug_histogram wait_ns;   /* from a task's start to its first slice */
    wplug_histogram guest;     /* guest_ns of each task */
    wplug_histogram fuel_used; /* of each task */
    wplug_histogram answer_ns; /* from a request to its answer */
} wplug_stats;

/* Fills in *out, whose size must be set: sizeof(wplug_stats). What a single task has used is in its result. */
WPLUG_API wplug_status wplug_runtime_stats(const wplug_runtime *runtime, wplug_stats *out);

/* ---- Commands and single functions ------------------------------------------------------------------- */

/* What a stdio callback answers besides a number of bytes. */
#define WPLUG_IO_WOULD_BLOCK (-1) /* nothing now: ask again after wplug_task_stdio_ready */
#define WPLUG_IO_FAILED      (-2) /* the guest gets EIO */
#define WPLUG_IO_CLOSED      (-3) /* writing: nobody reads any more; the guest gets EPIPE */

/* Puts up to `size` bytes (at least 1) of the command's stdin into `buffer` and returns how many, 0 at end of
 * file. */
typedef ptrdiff_t (*wplug_read_fn)(void *user, void *buffer, size_t size);
/* Takes bytes of the command's stdout (fd 1) or stderr (fd 2); returns how many of them, which is at least
 * 1. */
typedef ptrdiff_t (*wplug_write_fn)(void *user, int fd, const void *bytes, size_t size);

typedef struct wplug_command_options {
    size_t size;
    const wplug_limits *limits; /* NULL: the plugin's. The ones about messages and logs do not apply */
    const char *const *args;    /* NULL: the plugin's. As in wplug_plugin_options */
    size_t arg_count;
    wplug_read_fn read;   /* NULL: stdin is at end of file */
    wplug_write_fn write; /* NULL: what is written is dropped */
    void *stdio_user;     /* for both */
    int priority;         /* as in wplug_call_options */
} wplug_command_options;

WPLUG_API void wplug_command_options_init_sized(wplug_command_options *options, size_t size);
static inline void wplug_command_options_init(wplug_command_options *options) {
    wplug_command_options_init_sized(options, sizeof *options);
}

/* Runs a plugin's `_start` as the WASI command that it is, without JSON-RPC. Return and proc_exit are both
 * WPLUG_OK, with the exit code in the result. A callback that blocks (a read of a terminal) blocks the
 * runtime; one that answers WPLUG_IO_WOULD_BLOCK does not. Otherwise as wplug_call_start and wplug_call.
 * WPLUG_NO_START for a `library`. */
WPLUG_API wplug_status wplug_command_start(wplug_runtime *runtime, wplug_plugin *plugin,
                                           const wplug_command_options *options, wplug_done_fn done,
                                           void *user, wplug_task *task, wplug_error *error);
WPLUG_API wplug_status wplug_command(wplug_runtime *runtime, wplug_plugin *plugin,
                                     const wplug_command_options *options, wplug_result **result,
                                     wplug_error *error);

/* Stdio of a command that had answered WPLUG_IO_WOULD_BLOCK may be ready: its callbacks are asked again in
 * the next step. WPLUG_GONE where the task has ended. */
WPLUG_API wplug_status wplug_task_stdio_ready(wplug_runtime *runtime, wplug_task task);

/* Calls one exported function with `arguments`, text in the forms of wplug_value (integers also unsigned, or
 * 0x...; v128 as 0x and 32 hex digits; references only as "null"). A reactor's `_initialize` runs before. The
 * results are in result->values. `options` gives limits, and stdio for what the function writes.
 * WPLUG_NO_EXPORT and WPLUG_BAD_ARGUMENT are found at the start. Otherwise as wplug_call_start and
 * wplug_call. */
WPLUG_API wplug_status wplug_invoke_start(wplug_runtime *runtime, wplug_plugin *plugin,
                                          const char *export_name, const char *const *arguments,
                                          size_t argument_count, const wplug_command_options *options,
                                          wplug_done_fn done, void *user, wplug_task *task,
                                          wplug_error *error);
WPLUG_API wplug_status wplug_invoke(wplug_runtime *runtime, wplug_plugin *plugin, const char *export_name,
                                    const char *const *arguments, size_t argument_count,
                                    const wplug_command_options *options, wplug_result **result,
                                    wplug_error *error);

/* ---- Pools ------------------------------------------------------------------------------------------- */

/* Runtimes on threads of their own, which take calls from one queue. For programs that have more calls than one
 * thread can run; everything that they know of runtimes and tasks holds, but for what is said here. All
 * functions are for any thread, callbacks included, but for wplug_pool_shutdown and wplug_pool_free. */
typedef struct wplug_pool wplug_pool;

/* Runs on each of the pool's threads when it has made its runtime, to give it its host methods, log and trace
 * callbacks. They run on that thread. `thread` counts from 0. Anything but WPLUG_OK makes wplug_pool_new fail
 * with it. */
typedef wplug_status (*wplug_pool_start_fn)(void *user, wplug_runtime *runtime, unsigned thread);
/* Runs on each of these threads at its end, when its runtime was freed. */
typedef void (*wplug_pool_stop_fn)(void *user, unsigned thread);

typedef struct wplug_pool_options {
    size_t size;
    /* Of each runtime; NULL the defaults. The allocator is the pool's too, and is called from any thread. */
    const wplug_runtime_options *runtime;
    uint32_t threads;        /* 0: as many as the system runs at once for this process */
    uint32_t queue_capacity; /* calls that wait to be taken by a thread. 0: 1,024 */
    uint32_t
        calls_per_thread; /* calls that one thread has taken and that have not ended, most of which may be
                                  waiting for host methods. 0: 1,024 */

    wplug_pool_start_fn start; /* may be NULL, as the next */
    wplug_pool_stop_fn stop;
    void *thread_user; /* for both */

    /* Where completion callbacks run: on the thread that ran the call; or, with `dispatch`, in wplug_pool_dispatch,
     * on a thread of the program's choice. `wake` then says (on some other thread) that there is something to
     * dispatch: at most once until it is called. It must not call into the library. */
    bool dispatch;
    wplug_wake_fn wake;
    void *wake_user;
} wplug_pool_options;

WPLUG_API void wplug_pool_options_init_sized(wplug_pool_options *options, size_t size);
static inline void wplug_pool_options_init(wplug_pool_options *options) {
    wplug_pool_options_init_sized(options, sizeof *options);
}

/* Starts the threads and waits until each is ready. `options` NULL means the defaults. WPLUG_SYSTEM where the
 * platform gives no threads, WPLUG_NO_MEMORY, WPLUG_MISUSE, or what `start` said; then all threads have ended
 * again. The caller owns the pool. */
WPLUG_API wplug_status wplug_pool_new(const wplug_pool_options *options, wplug_pool **out,
                                      wplug_error *error);

/* Puts a call into the queue, as wplug_call_start does with a runtime's tasks. The first thread that has nothing to
 * run takes it; where all are busy, they take calls in their order and by their priority, and run them beside those
 * that they have. A call's time limit counts from here. *task, which may be NULL, is an id that no other call of the
 * pool and no task of its runtimes has; logs, traces and requests show it. On the call's thread it is good for
 * wplug_task_inspect, _backtrace and _cancel too.
 * Fails as wplug_call_start does, and with WPLUG_BUSY where the queue is full, WPLUG_GONE where the pool was shut
 * down. */
WPLUG_API wplug_status wplug_pool_call_start(wplug_pool *pool, wplug_plugin *plugin, const char *method,
                                             const char *params, const wplug_call_options *options,
                                             wplug_done_fn done, void *user, wplug_task *task,
                                             wplug_error *error);

/* The same, and waits for the end; no dispatching is needed. Log lines that the plugin writes after its answer may come
 * later. A thread takes no calls from the queue while a callback on it steps its runtime. In a callback on one of the pool's
 * own threads the call does not go through the queue: it is a wplug_call on that thread's runtime, so that a thread
 * never waits for itself. */
WPLUG_API wplug_status wplug_pool_call(wplug_pool *pool, wplug_plugin *plugin, const char *method,
                                       const char *params, const wplug_call_options *options,
                                       wplug_result **result, wplug_error *error);

/* Ends a call with WPLUG_CANCELLED, be it in the queue or on a thread, within a slice. WPLUG_GONE where it has ended
 * already or was cancelled before. A call that ends by itself in that moment may end so all the same. */
WPLUG_API wplug_status wplug_pool_cancel(wplug_pool *pool, wplug_task task);

/* Runs the completion callbacks of the calls that have ended, on this thread and one after the other; returns how
 * many those were. For pools with the option `dispatch`; one thread at a time. */
WPLUG_API size_t wplug_pool_dispatch(wplug_pool *pool);

/* Ends the pool's work: no call can be started any more (WPLUG_GONE). With `drain`, those that were started go on to
 * their ends; else they end with WPLUG_CANCELLED. Returns when all threads have ended. Dispatching goes on to be the
 * program's part. May be called again, without `drain` also by another thread while it waits, to cut a draining
 * short. WPLUG_MISUSE in a callback on one of the pool's threads. */
WPLUG_API wplug_status wplug_pool_shutdown(wplug_pool *pool, bool drain);

/* Shuts the pool down without draining where that was not done, runs the completion callbacks that were not
 * dispatched, and frees it. No other thread may use it any more. WPLUG_MISUSE, and nothing happens, in a callback of
 * the pool. NULL is fine. */
WPLUG_API wplug_status wplug_pool_free(wplug_pool *pool);

/* What the pool's runtimes have counted, all together, each as of its last call's end or a few milliseconds ago.
 * `wait_ns` has the time in the queue in it. out->size must be set, as for wplug_runtime_stats. */
WPLUG_API wplug_status wplug_pool_stats(const wplug_pool *pool, wplug_stats *out);

/* ---- JSON -------------------------------------------------------------------------------------------- */

/* The little JSON that host methods need when their program has no JSON library. No function here allocates.
 * Any thread.
 *
 * Checks that `text` is exactly one JSON value, nested at most 128 deep: WPLUG_BAD_JSON, and `error` says
 * where not. */
WPLUG_API wplug_status wplug_json_check(const char *text, size_t size, wplug_error *error);

/* Finds a value inside a JSON text by JSON Pointer (RFC 6901): "/files/0/name"; "" is the whole. *value
 * points into `text` and is not terminated. WPLUG_NOT_FOUND; WPLUG_BAD_JSON where `text` is not JSON. */
WPLUG_API wplug_status wplug_json_find(const char *text, size_t size, const char *pointer, const char **value,
                                       size_t *value_size);

/* Decodes a JSON string (quotes included) to UTF-8, terminated. Sets *needed (may be NULL) to its size
 * without the 0 byte; where `capacity` is not more than that, `out` gets an empty text instead (and may be
 * NULL where it is 0). WPLUG_BAD_JSON where it is not a string. Lone surrogates become U+FFFD; 0 bytes are
 * possible. */
WPLUG_API wplug_status wplug_json_decode_string(const char *value, size_t size, char *out, size_t capacity,
                                                size_t *needed);

/* The other way: bytes to a JSON string with its quotes, terminated. Bytes that are not UTF-8 become U+FFFD.
 * Sizes as above. */
WPLUG_API wplug_status wplug_json_encode_string(const char *bytes, size_t size, char *out, size_t capacity,
                                                size_t *needed);

#ifdef __cplusplus
}
#endif

#endif
