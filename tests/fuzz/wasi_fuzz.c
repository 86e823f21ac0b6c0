/* Fuzz target: a guest calls the functions of WASI preview 1 with any arguments, in any order, over a memory filled with
 * any bytes, while its host feeds, empties and ends its descriptors, or does nothing. With deterministic clocks and
 * randomness the same calls in slices of another size must answer the same and leave the same memory; then they are
 * repeated with allocations that fail. */
#include "unit/test_heap.h"
#include "wasi/wasi.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*  byte    0: flags below   1: size of a slice   2: which allocation fails (0: none)   3: how much input there is
 *          4...: steps: a number, then for a function its arguments, for the host's turn its own choices */
enum { CONTROL_SIZE = 4, WITHOUT_MEMORY = 1, ASYNC_GUEST = 2, REAL_CLOCKS = 4, WITHOUT_STRINGS = 8 };
enum { PAGE = 65536, PLENTY = 1000000, MAX_STEPS = 60, MAX_STOPS = 200, LAST_ERRNO = 76 };

#define require(condition) ((condition) ? (void)0 : broken(__LINE__, #condition))

static void broken(int line, const char *condition) {
    fprintf(stderr, "wasi_fuzz.c:%d: this does not hold: %s\n", line, condition);
    abort();
}

/* ---- The guest ---- */

typedef struct function {
    const char *name, *params; /* letters: i or I */
} function;

static const function functions[] = {
    {"args_get", "ii"},
    {"args_sizes_get", "ii"},
    {"clock_res_get", "ii"},
    {"clock_time_get", "iIi"},
    {"environ_get", "ii"},
    {"environ_sizes_get", "ii"},
    {"fd_advise", "iIIi"},
    {"fd_allocate", "iII"},
    {"fd_close", "i"},
    {"fd_datasync", "i"},
    {"fd_fdstat_get", "ii"},
    {"fd_fdstat_set_flags", "ii"},
    {"fd_fdstat_set_rights", "iII"},
    {"fd_filestat_get", "ii"},
    {"fd_filestat_set_size", "iI"},
    {"fd_filestat_set_times", "iIIi"},
    {"fd_pread", "iiiIi"},
    {"fd_prestat_dir_name", "iii"},
    {"fd_prestat_get", "ii"},
    {"fd_pwrite", "iiiIi"},
    {"fd_read", "iiii"},
    {"fd_readdir", "iiiIi"},
    {"fd_renumber", "ii"},
    {"fd_seek", "iIii"},
    {"fd_sync", "i"},
    {"fd_tell", "ii"},
    {"fd_write", "iiii"},
    {"path_create_directory", "iii"},
    {"path_filestat_get", "iiiii"},
    {"path_filestat_set_times", "iiiiIIi"},
    {"path_link", "iiiiiii"},
    {"path_open", "iiiiiIIii"},
    {"path_readlink", "iiiiii"},
    {"path_remove_directory", "iii"},
    {"path_rename", "iiiiii"},
    {"path_symlink", "iiiii"},
    {"path_unlink_file", "iii"},
    {"poll_oneoff", "iiii"},
    {"proc_exit", "i"},
    {"proc_raise", "i"},
    {"random_get", "ii"},
    {"sched_yield", ""},
    {"sock_accept", "iii"},
    {"sock_recv", "iiiiii"},
    {"sock_send", "iiiii"},
    {"sock_shutdown", "ii"},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

static bool has_result(unsigned index) {
    return strcmp(functions[index].name, "proc_exit") != 0;
}

static void put(base_buffer *out, uint8_t byte) {
    require(base_buffer_append_byte(out, byte) == BASE_OK);
}

static void put_name(base_buffer *out, const char *name) {
    put(out, (uint8_t)strlen(name));
    require(base_buffer_append_text(out, name) == BASE_OK);
}

static void put_section(base_buffer *out, uint8_t id, base_buffer *content) {
    put(out, id);
    put(out, (uint8_t)(content->size & 0x7F) | 0x80);
    put(out, (uint8_t)(content->size >> 7));
    require(content->size < 1 << 14 && base_buffer_append(out, content->data, content->size) == BASE_OK);
    base_buffer_free(content);
}

/* A module that imports them all and exports for each a function, named by a letter, that passes its parameters on. */
static base_buffer make_module(bool has_memory) {
    base_buffer module = {0}, types = {0}, imports = {0}, funcs = {0}, memory = {0}, exports = {0},
                code = {0};
    put(&types, FUNCTION_COUNT), put(&imports, FUNCTION_COUNT), put(&funcs, FUNCTION_COUNT);
    put(&exports, FUNCTION_COUNT), put(&code, FUNCTION_COUNT);
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) {
        const char *params = functions[i].params;
        uint8_t count = (uint8_t)strlen(params);
        put(&types, 0x60), put(&types, count);
        for (unsigned j = 0; j < count; j++) put(&types, params[j] == 'I' ? 0x7E : 0x7F);
        put(&types, has_result(i));
        if (has_result(i)) put(&types, 0x7F);
        put_name(&imports, WASI_MODULE), put_name(&imports, functions[i].name);
        put(&imports, 0), put(&imports, (uint8_t)i);
        put(&funcs, (uint8_t)i);
        put(&exports, 1), put(&exports, (uint8_t)('0' + i)), put(&exports, 0);
        put(&exports, (uint8_t)(FUNCTION_COUNT + i));
        put(&code, (uint8_t)(2 * count + 4)), put(&code, 0);
        for (unsigned j = 0; j < count; j++) put(&code, 0x20), put(&code, (uint8_t)j);
        put(&code, 0x10), put(&code, (uint8_t)i), put(&code, 0x0B);
    }
    put(&memory, has_memory);
    if (has_memory) put(&memory, 1), put(&memory, 2), put(&memory, 2);
    require(base_buffer_append(&module, "\0asm\1\0\0\0", 8) == BASE_OK);
    put_section(&module, 1, &types), put_section(&module, 2, &imports), put_section(&module, 3, &funcs);
    put_section(&module, 5, &memory), put_section(&module, 7, &exports), put_section(&module, 10, &code);
    return module;
}

/* ---- Its host ---- */

typedef struct world {
    const uint8_t *next, *end; /* of the steps */
    wasi_context wasi;
    wasi_context *context; /* &wasi */
    size_t input_size;     /* that waits; what it says does not matter */
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    engine_memory *memory;
    base_buffer trace;
} world;

static const uint8_t all_input[1000] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";

static unsigned decide(world *w) {
    return w->next < w->end ? *w->next++ : 0;
}

static void note(world *w, uint64_t number) {
    require(base_buffer_append(&w->trace, &number, sizeof number) == BASE_OK);
}

static base_bytes input(void *owner) {
    const world *w = owner;
    return (base_bytes){all_input, w->input_size};
}

static void input_taken(void *owner, size_t size) {
    world *w = owner;
    require(size <= w->input_size);
    w->input_size -= size;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    world *w = user;
    require(wasi_has(import->name));
    require(wasi_type_matches(import->name, import->type.func));
    return wasi_link(&w->context, w->store, import->name, out) == BASE_OK;
}

static void take_output(world *w) {
    note(w, w->wasi.output.size);
    if (w->wasi.output.size > 0) {
        require(w->wasi.output_fd == 1 || w->wasi.output_fd == 2);
        note(w, w->wasi.output_fd);
        for (size_t i = 0; i < w->wasi.output.size; i += 977) note(w, w->wasi.output.data[i]);
    }
    w->wasi.output.size = 0;
}

static void host_turn(world *w) {
    unsigned choice = decide(w);
    switch (choice % 8) {
    case 0:
    case 1: w->input_size = choice * 3; break;
    case 2: w->wasi.input_ended = choice % 16 == 2; break;
    case 3: w->wasi.output_error = choice % 16 == 3 ? 64 : 0; break;
    case 4: w->wasi.input_error = choice % 16 == 4 ? 29 : 0; break;
    case 5: w->wasi.async_guest = !w->wasi.async_guest; break;
    case 6: w->wasi.wants_input = false; break;
    default: take_output(w);
    }
}

/* What a guest waits for comes, or else it never goes on. */
static void fulfil(world *w) {
    unsigned wait = w->wasi.wait;
    require((wait & ~15u) == 0);
    if (wait & WASI_WAIT_POLLING) require((wait & WASI_WAIT_TIME) && (wait & WASI_WAIT_INPUT));
    if (wait & WASI_WAIT_OUTPUT) require(w->wasi.output.size > 0);
    if (wait == 0) return;
    take_output(w);
    if (wait & WASI_WAIT_TIME) wasi_skip_to(&w->wasi, w->exec, w->wasi.wake_at);
    if ((wait & WASI_WAIT_INPUT) && w->input_size == 0) w->input_size = 5;
    require(!(wait & ~(unsigned)WASI_WAIT_TIME) || wasi_is_ready(&w->wasi));
}

static void call(world *w, unsigned index, const uint64_t *arguments, int64_t slice) {
    char name = (char)('0' + index);
    engine_extern found;
    require(engine_instance_export(w->instance, (base_bytes){(const uint8_t *)&name, 1}, &found, NULL));
    if (engine_exec_start(w->exec, found.func, arguments, NULL) != BASE_OK) return;
    engine_outcome outcome = ENGINE_OUT_OF_FUEL;
    for (int stops = 0; stops < MAX_STOPS; stops++) {
        outcome = engine_exec_run(w->exec, slice);
        slice = slice < PLENTY ? slice + slice / 4 + 1 : slice;
        if (outcome == ENGINE_FINISHED || outcome == ENGINE_TRAPPED) break;
        base_buffer text = {0};
        require(engine_exec_backtrace_text(w->exec, 4, &text) == BASE_OK);
        base_buffer_free(&text);
        if (outcome == ENGINE_WAITING) {
            if (w->wasi.is_deterministic) note(w, w->wasi.wait);
            fulfil(w);
            if (w->wasi.wait & WASI_WAIT_TIME && !w->wasi.is_deterministic) break; /* would take real time */
        }
    }
    if (outcome == ENGINE_FINISHED && has_result(index)) {
        require(engine_exec_results(w->exec)[0] <= LAST_ERRNO);
        note(w, engine_exec_results(w->exec)[0]);
    } else if (outcome == ENGINE_TRAPPED) {
        require(w->wasi.end != WASI_RUNNING || engine_exec_trap(w->exec) == ENGINE_TRAP_OUT_OF_MEMORY);
        require(engine_exec_trap_message(w->exec)[0] != '\0');
        note(w, w->wasi.exit_code);
        w->wasi.end = WASI_RUNNING;
    } else if (outcome == ENGINE_FINISHED) {
        require(!has_result(index));
    } else {
        wasi_drop_wait(&w->wasi);
    }
    note(w, engine_exec_fuel_used(w->exec));
}

/* Small numbers, places in the memory, places around its end, or any. */
static uint64_t choose_argument(world *w, char letter) {
    unsigned choice = decide(w);
    if (choice < 96) return choice % 8;
    if (choice < 160) return (choice - 96) * 8;
    if (choice < 192) return decide(w) * 256u + choice;
    if (choice < 208) return PAGE + 8 - choice % 16;
    if (choice < 224) return UINT32_MAX - choice % 16;
    uint64_t number = 0;
    for (int i = letter == 'I' ? 8 : 4; i > 0; i--) number = number << 8 | decide(w);
    return number;
}

static void fill_memory(world *w) {
    unsigned place = decide(w) * 8, count = decide(w) % 64;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *to = w->memory ? engine_memory_range(w->memory, (uint64_t)place + i, 1) : NULL;
        unsigned byte = decide(w);
        if (to) *to = (uint8_t)byte;
    }
}

/* An iovec or a subscription that makes sense, mostly. */
static void write_struct(world *w) {
    unsigned place = decide(w) * 8;
    uint32_t words[12] = {0};
    for (unsigned i = 0, count = 2 + decide(w) % 11; i < count && i < 12; i++)
        words[i] = (uint32_t)choose_argument(w, 'i');
    for (unsigned i = 0; i < 48; i++) {
        uint8_t *to = w->memory ? engine_memory_range(w->memory, (uint64_t)place + i, 1) : NULL;
        if (to) *to = (uint8_t)(words[i / 4] >> i % 4 * 8);
    }
}

static void act(world *w, int64_t slice) {
    /* These do most, and have their turn more often. */
    static const char *const busy[] = {"fd_read", "fd_write", "poll_oneoff", "random_get"};
    uint64_t arguments[9];
    for (unsigned step = 0; step < MAX_STEPS && w->next < w->end; step++) {
        unsigned choice = decide(w), index = choice % 64;
        if (choice < 32) {
            host_turn(w);
            continue;
        }
        if (choice >= 192) {
            choice % 2 == 0 ? write_struct(w) : fill_memory(w);
            continue;
        }
        if (index >= FUNCTION_COUNT) {
            const char *name = busy[index % 4];
            for (index = 0; strcmp(functions[index].name, name) != 0;) index++;
        }
        const char *params = functions[index].params;
        for (unsigned i = 0; params[i]; i++) arguments[i] = choose_argument(w, params[i]);
        call(w, index, arguments, slice);
    }
    take_output(w);
}

/* ---- Lives ---- */

typedef struct life {
    uint8_t flags;
    size_t input_size;
    int64_t slice;
    const base_allocator *allocator;
    base_bytes steps;
    engine_module *module;
} life;

static void live(world *w, const life *how) {
    static const char *const texts[] = {"plugin", "", "a=b", "\xff"};
    wasi_strings strings = {0};
    base_error error;
    *w = (world){
        .next = how->steps.data, .end = how->steps.data + how->steps.size, .input_size = how->input_size};
    if (!(how->flags & WITHOUT_STRINGS)) wasi_strings_make(how->allocator, texts, 4, &strings, &error);
    wasi_context_init(&w->wasi, how->allocator);
    w->context = &w->wasi;
    w->wasi.owner = w;
    w->wasi.input = input;
    w->wasi.input_taken = input_taken;
    w->wasi.args = w->wasi.env = strings.bytes ? &strings : NULL;
    w->wasi.async_guest = (how->flags & ASYNC_GUEST) != 0;
    w->wasi.is_deterministic = (how->flags & REAL_CLOCKS) == 0;
    wasi_seed(&w->wasi, how->flags);
    if (engine_store_new(how->allocator, NULL, &w->store) == BASE_OK) {
        base_status status =
            engine_instantiate(w->store, how->module, resolve, w, &w->instance, NULL, &error);
        if (status == BASE_OK && engine_exec_new(w->store, &w->exec) == BASE_OK) {
            w->memory = engine_instance_memory(w->instance, 0);
            act(w, how->slice);
        }
        require(status == BASE_OK || how->allocator);
    }
    w->wasi.args = w->wasi.env = NULL;
    wasi_strings_free(how->allocator, &strings);
}

static void end(world *w) {
    engine_exec_free(w->exec);
    if (w->store) engine_store_free(w->store);
    wasi_context_free(&w->wasi);
    base_buffer_free(&w->trace);
}

static void compare(const world *a, const world *b) {
    require(a->trace.size == b->trace.size);
    if (a->trace.size > 0) require(memcmp(a->trace.data, b->trace.data, a->trace.size) == 0);
    if (!a->memory) return;
    const uint8_t *one = engine_memory_range(a->memory, 0, PAGE),
                  *other = engine_memory_range(b->memory, 0, PAGE);
    require(one && other && memcmp(one, other, PAGE) == 0);
}

/* Made once: modules do not change. */
static engine_module *the_module(bool has_memory) {
    static engine_module *modules[2];
    if (!modules[has_memory]) {
        base_buffer bytes = make_module(has_memory);
        base_error error;
        base_status status = engine_module_load(NULL, base_buffer_bytes(&bytes), engine_features_available(),
                                                &modules[has_memory], &error);
        if (status != BASE_OK) fprintf(stderr, "%s\n", error.message);
        require(status == BASE_OK);
        base_buffer_free(&bytes);
    }
    return modules[has_memory];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < CONTROL_SIZE) return 0;
    life how = {.flags = data[0], .input_size = data[3], .slice = PLENTY};
    how.steps = (base_bytes){data + CONTROL_SIZE, size - CONTROL_SIZE};
    how.module = the_module((data[0] & WITHOUT_MEMORY) == 0);
    world a, b;
    live(&a, &how);
    how.slice = data[1] + 1;
    live(&b, &how);
    if ((how.flags & REAL_CLOCKS) == 0) compare(&a, &b);
    end(&a);
    end(&b);
    if (data[2] < 128) return 0;
    test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = data[2] - 127u;
    heap.fail_on = data[2] % 2;
    how.allocator = &heap.allocator;
    live(&a, &how);
    end(&a);
    require(test_heap_clean(&heap));
    return 0;
}
