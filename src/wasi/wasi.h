/* The WASI preview 1 subset of docs/protocol.md as host functions of the engine, over a context that the room
 * above owns: it has the arguments, says what waits at stdin and takes away what was written. Nothing here
 * waits or performs I/O; where a guest must wait, its run ends ENGINE_WAITING and the context says for what.
 *
 *                 input, input_taken
 *     host  ------------------------------>  context  <---- fd_read, poll_oneoff ----  guest
 *           <------------------------------           <---- fd_write ----------------
 *                 output (with its fd)
 *
 * Terms and numbers are those of the preview 1 witx files. Pointers from the guest are checked on every use;
 * memory is read and written bytewise, so neither alignment nor the host's byte order matter. */
#ifndef WPLUG_WASI_H
#define WPLUG_WASI_H

#include "engine/engine.h"

#define WASI_MODULE "wasi_snapshot_preview1"

/* Zero-terminated strings one after the other: arguments, or environment variables as NAME=value. */
typedef struct wasi_strings {
    uint8_t *bytes;
    uint32_t size;
    uint32_t count;
} wasi_strings;

/* BASE_LIMIT where they take more than 1 MiB together. */
base_status wasi_strings_make(const base_allocator *allocator, const char *const *strings, size_t count,
                              wasi_strings *out, base_error *error);
void wasi_strings_free(const base_allocator *allocator, wasi_strings *strings);

/* What a waiting guest waits for; any of them is enough. None of them: for nothing, it only wanted to give
 * the host a turn and can be resumed at once. */
typedef enum wasi_wait {
    WASI_WAIT_INPUT = 1,  /* something at stdin, or its end */
    WASI_WAIT_TIME = 2,   /* wake_at */
    WASI_WAIT_OUTPUT = 4, /* that the host empties `output` */
    WASI_WAIT_POLLING =
        8 /* besides TIME and INPUT: it asks for input again and again, and is only slowed down */
} wasi_wait;

/* What a guest is kept from doing for the time being (wasi_context.hold). */
typedef enum wasi_hold {
    WASI_HOLD_STDIO = 1, /* asking for input, writing to stdout */
    WASI_HOLD_CHANCE = 2 /* what differs from run to run: clocks, and randomness; waiting for a time */
} wasi_hold;

/* How the guest ended its own life, told by a trap (ENGINE_TRAP_HOST). */
typedef enum wasi_end {
    WASI_RUNNING,
    WASI_EXITED,   /* proc_exit: exit_code */
    WASI_RAISED,   /* proc_raise: exit_code is 128 + signal */
    WASI_NO_MEMORY /* the host had none for what the guest wrote */
} wasi_end;

/* A file descriptor: 0, 1 and 2 are all there are. */
typedef struct wasi_fd {
    bool is_closed;
    uint16_t flags; /* fdflags, as set by the guest */
} wasi_fd;

/* What a context knows of its guest between two calls of host functions, apart from what the owner sets. */
typedef struct wasi_state {
    wasi_fd fds[3];
    uint64_t random_state[4];
    uint64_t time_skipped;
} wasi_state;

typedef struct wasi_context {
    /* Set by the owner before the first run. */
    const wasi_strings *args, *env;
    base_bytes (*input)(void *owner);              /* what waits at stdin; valid until it is called again */
    void (*input_taken)(void *owner, size_t size); /* the guest has read that much of it */
    void *owner;
    bool async_guest; /* a read of an empty stdin answers EAGAIN, as if the guest had asked for NONBLOCK */
    bool is_deterministic; /* clocks count fuel, randomness is drawn from random_state */
    uint64_t start_time_ns;
    uint64_t random_state[4];

    /* May be set by the owner at any time. */
    unsigned hold; /* set of wasi_hold: before it does any of that the guest waits, for nothing, with is_held
                              set. Resumed, it calls the same function as if for the first time */
    bool input_ended;      /* nothing comes after what `input` gives now */
    uint16_t output_error; /* errno for all writes from now on; 0: none */
    uint16_t input_error;  /* errno for reads when `input` is empty; 0: none */
    uint64_t fuel_before;  /* of earlier runs of the same guest; deterministic clocks count it */

    /* What the guest wrote, all of it to output_fd; the owner takes it away (sets output.size to 0) whenever
     * the engine is not running. */
    base_buffer output;
    uint32_t output_fd;
    uint64_t output_more; /* how much of the same write follows when that has been taken away */

    /* The guest looked for input and found none. The owner clears it. */
    bool wants_input;

    /* After ENGINE_WAITING. */
    bool is_held;     /* because of `hold` */
    unsigned wait;    /* set of wasi_wait */
    uint64_t wake_at; /* on the clock of wasi_now */

    /* After ENGINE_TRAPPED. */
    wasi_end end;
    uint32_t exit_code;

    /* Private to this room. */
    wasi_fd fds[3];
    bool again;               /* the host function that waited is called again */
    uint64_t time_skipped;    /* by wasi_skip_to */
    uint64_t polls;           /* fruitless reads of a non-blocking stdin, one after the other */
    uint64_t began_monotonic; /* when the poll_oneoff that waits was called, on both clocks */
    uint64_t began_realtime;
    uint64_t done_bytes;    /* of the fd_write or random_get that waits */
    uint32_t done_iovecs;   /* of the fd_write that waits: whole ones, */
    uint32_t done_in_iovec; /* and bytes of the next */
} wasi_context;

/* `output` takes its memory from `allocator`; everything else is zero and to be set. */
void wasi_context_init(wasi_context *context, const base_allocator *allocator);
void wasi_context_free(wasi_context *context);
/* Fills random_state. */
void wasi_seed(wasi_context *context, uint64_t seed);

/* Whether preview 1 has a function of that name, and whether that is its type. */
bool wasi_has(base_bytes name);
bool wasi_type_matches(base_bytes name, const engine_functype *type);

/* Makes the host function for an import of module WASI_MODULE in the store of a guest. It works on the context that
 * *context is when it is called, so that a store can serve one guest after another. BASE_NOT_FOUND, BASE_NO_MEMORY. */
base_status wasi_link(wasi_context **context, engine_store *store, base_bytes name, engine_extern *out);

/* What is to be kept of a guest that is held, and a context as it was then. */
wasi_state wasi_save(const wasi_context *context);
void wasi_restore(wasi_context *context, const wasi_state *state);

/* The guest's monotonic clock; `exec` is its run. */
uint64_t wasi_now(const wasi_context *context, const engine_exec *exec);
/* Deterministic clocks: it is `to` now, if it was earlier before. */
void wasi_skip_to(wasi_context *context, const engine_exec *exec, uint64_t to);

/* The run whose call waits is dropped, or started over: the next call is another one. */
void wasi_drop_wait(wasi_context *context);

/* True where a guest that waits would go on if it were resumed now, time apart. */
bool wasi_is_ready(const wasi_context *context);

#endif
