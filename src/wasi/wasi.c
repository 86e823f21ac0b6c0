/* Owns the table of preview 1's functions, the context, and the functions that are about the process:
 * arguments, environment, randomness, exit. Descriptors are in stdio.c, clocks in poll.c. */
#include "wasi/private.h"

#include "base/os.h"

/* ---- Helpers of the room ---- */

wasi_call wasi_enter(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_context *context = *(wasi_context *const *)user;
    const engine_instance *caller = engine_exec_caller(exec);
    wasi_call call = {context, exec, caller ? engine_instance_memory(caller, 0) : NULL, cells,
                      context->again};
    context->again = false;
    context->is_held = false;
    context->wait = 0;
    return call;
}

bool wasi_is_held(wasi_call *call, unsigned why) {
    if (!(call->context->hold & why) || call->again) return false;
    call->context->is_held = true;
    return true;
}

engine_host_result wasi_pending(wasi_call *call, unsigned wait) {
    call->context->again = true;
    call->context->wait = wait;
    return ENGINE_HOST_PENDING;
}

engine_host_result wasi_end_guest(wasi_call *call, wasi_end end, uint32_t exit_code, const char *why) {
    call->context->end = end;
    call->context->exit_code = exit_code;
    engine_exec_trap_set(call->exec, "%s", why);
    return ENGINE_HOST_TRAP;
}

uint8_t *wasi_range(const wasi_call *call, uint64_t pointer, uint64_t size) {
    if (!call->memory) return NULL;
    return engine_memory_range(call->memory, pointer, size);
}

/* ---- Strings ---- */

enum { STRINGS_LIMIT = 1 << 20 };

base_status wasi_strings_make(const base_allocator *allocator, const char *const *strings, size_t count,
                              wasi_strings *out, base_error *error) {
    *out = (wasi_strings){NULL, 0, 0};
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!strings[i]) return base_fail(error, BASE_MISUSE, "string %zu of %zu is NULL", i, count);
        size += strlen(strings[i]) + 1;
        if (size > STRINGS_LIMIT) {
            return base_fail(error, BASE_LIMIT, "arguments or environment take more than %d bytes",
                             STRINGS_LIMIT);
        }
    }
    if (size == 0) return BASE_OK;
    uint8_t *bytes = base_alloc(allocator, size);
    if (!bytes) return base_fail_no_memory(error);
    uint8_t *to = bytes;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(strings[i]) + 1;
        memcpy(to, strings[i], length);
        to += length;
    }
    *out = (wasi_strings){bytes, (uint32_t)size, (uint32_t)count};
    return BASE_OK;
}

void wasi_strings_free(const base_allocator *allocator, wasi_strings *strings) {
    base_free(allocator, strings->bytes, strings->size);
    *strings = (wasi_strings){NULL, 0, 0};
}

/* args_sizes_get, environ_sizes_get: (count *u32, size *u32). */
static engine_host_result strings_sizes(wasi_call *call, const wasi_strings *strings) {
    uint8_t *count = wasi_range(call, wasi_u32(call, 0), 4);
    uint8_t *size = wasi_range(call, wasi_u32(call, 1), 4);
    if (!count || !size) return wasi_done(call, WASI_EFAULT);
    wasi_put32(count, strings ? strings->count : 0);
    wasi_put32(size, strings ? strings->size : 0);
    return wasi_done(call, WASI_SUCCESS);
}

/* args_get, environ_get: (pointers **u8, bytes *u8). */
static engine_host_result strings_get(wasi_call *call, const wasi_strings *strings) {
    if (!strings || strings->count == 0) return wasi_done(call, WASI_SUCCESS);
    uint32_t address = wasi_u32(call, 1);
    uint8_t *pointers = wasi_range(call, wasi_u32(call, 0), (uint64_t)strings->count * 4);
    uint8_t *bytes = wasi_range(call, address, strings->size);
    if (!pointers || !bytes) return wasi_done(call, WASI_EFAULT);
    memcpy(bytes, strings->bytes, strings->size);
    uint32_t offset = 0;
    for (uint32_t i = 0; i < strings->count; i++) {
        wasi_put32(pointers + (size_t)i * 4, address + offset);
        offset += (uint32_t)strlen((const char *)strings->bytes + offset) + 1;
    }
    return wasi_done(call, WASI_SUCCESS);
}

static engine_host_result args_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return strings_get(&call, call.context->args);
}

static engine_host_result args_sizes_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return strings_sizes(&call, call.context->args);
}

static engine_host_result environ_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return strings_get(&call, call.context->env);
}

static engine_host_result environ_sizes_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return strings_sizes(&call, call.context->env);
}

/* ---- Randomness ---- */

/* SplitMix64 (Steele, Lea, Flood 2014) spreads a seed over the state of xoshiro256** (Blackman, Vigna 2018).
 */
void wasi_seed(wasi_context *context, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15u;
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
        context->random_state[i] = mixed ^ mixed >> 31;
    }
}

static uint64_t rotate_left(uint64_t value, int count) {
    return value << count | value >> (64 - count);
}

static uint64_t seeded_next(uint64_t state[4]) {
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

static void seeded_fill(wasi_context *context, uint8_t *to, size_t size) {
    while (size > 0) {
        uint64_t number = seeded_next(context->random_state);
        for (int i = 0; i < 8 && size > 0; i++, size--) {
            *to++ = (uint8_t)number;
            number >>= 8;
        }
    }
}

/* (buffer *u8, size u32). A large buffer is filled in pieces between which other guests have a turn. */
static engine_host_result random_get(void *user, engine_exec *exec, uint64_t *cells) {
    enum { PIECE = 64 << 10 };
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_context *context = call.context;
    uint32_t size = wasi_u32(&call, 1);
    uint8_t *to = wasi_range(&call, wasi_u32(&call, 0), size);
    if (!to) return wasi_done(&call, WASI_EFAULT);
    if (wasi_is_held(&call, WASI_HOLD_CHANCE)) return ENGINE_HOST_PENDING;
    if (!call.again) context->done_bytes = 0;
    uint64_t rest = size - context->done_bytes;
    size_t piece = rest < PIECE ? (size_t)rest : PIECE;
    to += context->done_bytes;
    if (context->is_deterministic) {
        seeded_fill(context, to, piece);
    } else if (os_random(to, piece) != BASE_OK) {
        return wasi_done(&call, WASI_EIO);
    }
    context->done_bytes += piece;
    wasi_charge_bytes(&call, piece);
    if (piece < rest) return wasi_pending(&call, 0);
    return wasi_done(&call, WASI_SUCCESS);
}

/* ---- The process ---- */

static engine_host_result sched_yield_(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_done(&call, WASI_SUCCESS);
    return ENGINE_HOST_YIELD;
}

static engine_host_result proc_exit(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return wasi_end_guest(&call, WASI_EXITED, wasi_u32(&call, 0), "the guest called proc_exit");
}

/* Whether a signal (witx: $signal) ends a process that has no handler for it. Signals that stop a process are
 * ignored: nothing could continue it. */
static bool signal_terminates(uint32_t number) {
    switch (number) {
    case 0:  /* NONE */
    case 16: /* CHLD */
    case 17: /* CONT */
    case 18: /* STOP */
    case 19: /* TSTP */
    case 20: /* TTIN */
    case 21: /* TTOU */
    case 22: /* URG */
    case 27: /* WINCH */ return false;
    default: return true;
    }
}

static engine_host_result proc_raise(void *user, engine_exec *exec, uint64_t *cells) {
    enum { SIGNAL_LAST = 30 /* SYS */ };
    wasi_call call = wasi_enter(user, exec, cells);
    uint32_t number = wasi_u32(&call, 0);
    if (number > SIGNAL_LAST) return wasi_done(&call, WASI_EINVAL);
    if (!signal_terminates(number)) return wasi_done(&call, WASI_SUCCESS);
    return wasi_end_guest(&call, WASI_RAISED, 128 + number, "the guest called proc_raise");
}

/* (target string, fd, path string): the one function whose first argument is no descriptor. */
static engine_host_result path_symlink(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return wasi_done(&call, wasi_get_fd(call.context, wasi_u32(&call, 2)) ? WASI_ENOTCAPABLE : WASI_EBADF);
}

/* ---- The table ---- */

typedef struct wasi_function {
    const char *name;
    const char *signature; /* i: i32, I: i64; parameters, then ':' and the result */
    engine_host_fn function;
} wasi_function;

/* All of wasi_snapshot_preview1, in the order of their names, for binary search. Functions for which a guest
 * lacks every right answer EBADF or ENOTCAPABLE by their first argument, which is a descriptor in all of them
 * but path_symlink. */
static const wasi_function functions[] = {
    {"args_get", "ii:i", args_get},
    {"args_sizes_get", "ii:i", args_sizes_get},
    {"clock_res_get", "ii:i", wasi_clock_res_get},
    {"clock_time_get", "iIi:i", wasi_clock_time_get},
    {"environ_get", "ii:i", environ_get},
    {"environ_sizes_get", "ii:i", environ_sizes_get},
    {"fd_advise", "iIIi:i", wasi_fd_not_capable},
    {"fd_allocate", "iII:i", wasi_fd_not_capable},
    {"fd_close", "i:i", wasi_fd_close},
    {"fd_datasync", "i:i", wasi_fd_not_capable},
    {"fd_fdstat_get", "ii:i", wasi_fd_fdstat_get},
    {"fd_fdstat_set_flags", "ii:i", wasi_fd_fdstat_set_flags},
    {"fd_fdstat_set_rights", "iII:i", wasi_fd_not_capable},
    {"fd_filestat_get", "ii:i", wasi_fd_filestat_get},
    {"fd_filestat_set_size", "iI:i", wasi_fd_not_capable},
    {"fd_filestat_set_times", "iIIi:i", wasi_fd_not_capable},
    {"fd_pread", "iiiIi:i", wasi_fd_no_seek},
    {"fd_prestat_dir_name", "iii:i", wasi_fd_no_prestat},
    {"fd_prestat_get", "ii:i", wasi_fd_no_prestat},
    {"fd_pwrite", "iiiIi:i", wasi_fd_no_seek},
    {"fd_read", "iiii:i", wasi_fd_read},
    {"fd_readdir", "iiiIi:i", wasi_fd_not_capable},
    {"fd_renumber", "ii:i", wasi_fd_not_capable},
    {"fd_seek", "iIii:i", wasi_fd_no_seek},
    {"fd_sync", "i:i", wasi_fd_not_capable},
    {"fd_tell", "ii:i", wasi_fd_no_seek},
    {"fd_write", "iiii:i", wasi_fd_write},
    {"path_create_directory", "iii:i", wasi_fd_not_capable},
    {"path_filestat_get", "iiiii:i", wasi_fd_not_capable},
    {"path_filestat_set_times", "iiiiIIi:i", wasi_fd_not_capable},
    {"path_link", "iiiiiii:i", wasi_fd_not_capable},
    {"path_open", "iiiiiIIii:i", wasi_fd_not_capable},
    {"path_readlink", "iiiiii:i", wasi_fd_not_capable},
    {"path_remove_directory", "iii:i", wasi_fd_not_capable},
    {"path_rename", "iiiiii:i", wasi_fd_not_capable},
    {"path_symlink", "iiiii:i", path_symlink},
    {"path_unlink_file", "iii:i", wasi_fd_not_capable},
    {"poll_oneoff", "iiii:i", wasi_poll_oneoff},
    {"proc_exit", "i:", proc_exit},
    {"proc_raise", "i:i", proc_raise},
    {"random_get", "ii:i", random_get},
    {"sched_yield", ":i", sched_yield_},
    {"sock_accept", "iii:i", wasi_fd_not_capable},
    {"sock_recv", "iiiiii:i", wasi_fd_not_capable},
    {"sock_send", "iiiii:i", wasi_fd_not_capable},
    {"sock_shutdown", "ii:i", wasi_fd_not_capable},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0], PARAM_MAX = 9 };

/* The order of strcmp, for a name that is not terminated. */
static int compare_name(base_bytes name, const char *text) {
    size_t length = strlen(text);
    int order = memcmp(name.data, text, name.size < length ? name.size : length);
    if (order) return order;
    return name.size < length ? -1 : name.size > length;
}

static const wasi_function *find_function(base_bytes name) {
    size_t low = 0, high = FUNCTION_COUNT;
    while (name.size > 0 && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_name(name, functions[middle].name);
        if (order == 0) return &functions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* A signature in words of the engine. The array has room for the longest one and its result. */
typedef struct wasi_type {
    engine_valtype types[PARAM_MAX + 1];
    uint32_t param_count, result_count;
} wasi_type;

static wasi_type read_signature(const char *signature) {
    wasi_type type = {{0}, 0, 0};
    bool in_results = false;
    uint32_t count = 0;
    for (const char *at = signature; *at; at++) {
        if (*at == ':') {
            in_results = true;
            continue;
        }
        type.types[count++] = *at == 'I' ? ENGINE_I64 : ENGINE_I32;
        if (in_results)
            type.result_count++;
        else
            type.param_count++;
    }
    return type;
}

bool wasi_has(base_bytes name) {
    return find_function(name) != NULL;
}

bool wasi_type_matches(base_bytes name, const engine_functype *type) {
    const wasi_function *function = find_function(name);
    if (!function) return false;
    wasi_type wanted = read_signature(function->signature);
    if (type->param_count != wanted.param_count || type->result_count != wanted.result_count) return false;
    for (uint32_t i = 0; i < wanted.param_count; i++) {
        if (type->params[i] != wanted.types[i]) return false;
    }
    return wanted.result_count == 0 || type->results[0] == wanted.types[wanted.param_count];
}

base_status wasi_link(wasi_context **context, engine_store *store, base_bytes name, engine_extern *out) {
    const wasi_function *function = find_function(name);
    if (!function) return BASE_NOT_FOUND;
    wasi_type type = read_signature(function->signature);
    return engine_host_func_new(store, function->name, type.types, type.param_count,
                                type.types + type.param_count, type.result_count, function->function, context,
                                out);
}

/* ---- The context ---- */

void wasi_context_init(wasi_context *context, const base_allocator *allocator) {
    *context = (wasi_context){0};
    base_buffer_init(&context->output, allocator);
}

void wasi_context_free(wasi_context *context) {
    base_buffer_free(&context->output);
}

wasi_state wasi_save(const wasi_context *context) {
    wasi_state state = {.time_skipped = context->time_skipped};
    memcpy(state.fds, context->fds, sizeof state.fds);
    memcpy(state.random_state, context->random_state, sizeof state.random_state);
    return state;
}

void wasi_restore(wasi_context *context, const wasi_state *state) {
    memcpy(context->fds, state->fds, sizeof state->fds);
    memcpy(context->random_state, state->random_state, sizeof state->random_state);
    context->time_skipped = state->time_skipped;
    context->again = false;
    context->wait = 0;
    context->is_held = false;
}

bool wasi_is_ready(const wasi_context *context) {
    if (context->wait == 0) return true;
    if ((context->wait & WASI_WAIT_OUTPUT) && context->output.size == 0) return true;
    if (!(context->wait & WASI_WAIT_INPUT)) return false;
    return context->input_ended || context->input_error || context->input(context->owner).size > 0;
}
