/* Fuzz target: modules are loaded, instantiated and run. The first bytes choose how; the rest is a module, or what
 * generate.c makes one of. Each module runs in two stores, in one slice and in many: results, traps, fuel, memories,
 * tables and globals must be the same. Then, for some inputs, again with allocations that fail. */
#include "engine/interpreter.h"
#include "generate.h"
#include "unit/test_heap.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/*  byte    0: bit 0 the rest is a module as it stands; bit 1 exact slices for the second store, else growing ones
 *          1: size of a slice   2: which allocation fails (0: none)   3: limits   4: arguments   5: the host's mood */
enum { CONTROL_SIZE = 6, IS_RAW = 1, IS_EXACT = 2 };
enum { FUEL = 4000, MAX_CELLS = 1024, MAX_CALLS = 20, MAX_BACKTRACES = 40 };

typedef struct plan {
    engine_limits limits;
    int64_t slice; /* 0: all at once */
    bool grows;
    bool looks; /* at backtraces */
    uint8_t arguments, mood;
} plan;

/* A store, what is in it, and what its host functions remember. */
typedef struct world {
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    uint8_t mood;
    uint32_t host_calls;
    const engine_functype *pending; /* of the host function that did not answer yet */
    uint64_t pending_cells[MAX_CELLS];
    base_buffer trace; /* what happened, to be compared */
} world;

#define require(condition) ((condition) ? (void)0 : broken(__LINE__, #condition))

static void broken(int line, const char *condition) {
    fprintf(stderr, "run_fuzz.c:%d: this does not hold: %s\n", line, condition);
    abort();
}

static void note(world *w, uint64_t number) {
    require(base_buffer_append(&w->trace, &number, sizeof number) == BASE_OK);
}

/* ---- The host's functions ---- */

typedef struct host_func {
    world *world;
    const engine_functype *type;
} host_func;

static uint64_t invent(engine_valtype type, uint64_t number) {
    if (!engine_is_ref(type)) return number * 0x9E3779B9u;
    return type == ENGINE_EXTERNREF ? number : 0;
}

static bool answerable(const engine_functype *type) {
    if (type->result_cells > MAX_CELLS || type->param_cells > MAX_CELLS) return false;
    for (uint32_t i = 0; i < type->result_count; i++) {
        if (engine_is_ref(type->results[i]) && (type->results[i] & ENGINE_TYPE_NULLABLE) == 0) return false;
    }
    return true;
}

static void check_backtrace(world *w) {
    engine_frame frames[6];
    uint32_t count = engine_exec_backtrace(w->exec, frames, 6);
    require(count <= w->store->limits.depth + 2u);
    for (uint32_t i = 0; i < count && i < 6; i++) {
        if (!frames[i].module) continue;
        require(frames[i].func_index < engine_module_count(frames[i].module, ENGINE_FUNC));
        require(frames[i].code_offset <= engine_module_size(frames[i].module));
    }
    base_buffer text = {0};
    require(engine_exec_backtrace_text(w->exec, 5, &text) == BASE_OK);
    base_buffer_free(&text);
}

static engine_host_result host_function(void *user, engine_exec *exec, uint64_t *cells) {
    host_func *self = user;
    world *w = self->world;
    require(exec == w->exec && engine_exec_store(exec) == w->store);
    if (w->pending) { /* called again: by the same function, with the same arguments */
        require(w->pending == self->type);
        require(memcmp(cells, w->pending_cells, self->type->param_cells * sizeof *cells) == 0);
        w->pending = NULL;
    } else {
        uint32_t turn = (w->host_calls++ * 7 + w->mood) % 13;
        if (turn == 3) engine_exec_charge(exec, 11);
        if (turn == 4) {
            w->pending = self->type;
            memcpy(w->pending_cells, cells, self->type->param_cells * sizeof *cells);
            return ENGINE_HOST_PENDING;
        }
        if (turn == 5) check_backtrace(w);
        if (turn == 6 || !answerable(self->type)) {
            engine_exec_trap_set(exec, "the host had enough after %u calls", w->host_calls);
            return ENGINE_HOST_TRAP;
        }
    }
    uint64_t first = self->type->param_cells > 0 ? cells[0] : 0;
    for (uint32_t i = 0, cell = 0; i < self->type->result_count; i++) {
        engine_valtype type = self->type->results[i];
        cells[cell] = invent(type, first + w->host_calls + i);
        if (type == ENGINE_V128) cells[cell + 1] = ~cells[cell];
        cell += engine_cells(type);
    }
    return w->host_calls % 5 == 2 ? ENGINE_HOST_YIELD : ENGINE_HOST_DONE;
}

/* Answers any import with something of its type. */
typedef struct linker {
    world *world;
    host_func functions[32];
    uint32_t count;
} linker;

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    linker *self = user;
    engine_store *store = self->world->store;
    static const uint64_t zeros[2] = {0, 0};
    const engine_functype *type = import->type.func;
    engine_limits_type limits = import->type.limits;
    switch (import->type.kind) {
    case ENGINE_FUNC:
        if (self->count == 32 || type->param_cells > MAX_CELLS) return false;
        self->functions[self->count] = (host_func){self->world, type};
        return engine_host_func_new(store, "host", type->params, type->param_count, type->results,
                                    type->result_count, host_function, &self->functions[self->count++],
                                    out) == BASE_OK;
    case ENGINE_MEMORY: return engine_memory_new(store, limits, out, NULL) == BASE_OK;
    case ENGINE_TABLE: return engine_table_new(store, import->type.value, limits, out, NULL) == BASE_OK;
    case ENGINE_GLOBAL:
        return engine_global_new(store, import->type.value, import->type.is_mutable, zeros, out, NULL) ==
               BASE_OK;
    default: return false;
    }
}

/* ---- A run ---- */

/* Of an f32 the low half counts: what is above it is left over. Exceptions' tokens say in which order they were swept, so
 * a reference to one counts as there or not. */
static void note_values(world *w, const engine_valtype *types, uint32_t count, const uint64_t *cells) {
    for (uint32_t i = 0; i < count; i++) {
        bool is_exception = engine_is_ref(types[i]) && (types[i] & ENGINE_HEAP_MASK) == ENGINE_HEAP_EXN;
        note(w, is_exception ? *cells != 0 : types[i] == ENGINE_F32 ? (uint32_t)*cells : *cells);
        if (types[i] == ENGINE_V128) note(w, cells[1]);
        if (types[i] == ENGINE_I32) require(*cells <= UINT32_MAX);
        cells += engine_cells(types[i]);
    }
}

static void note_end(world *w, engine_outcome outcome) {
    note(w, (uint64_t)outcome);
    note(w, engine_exec_fuel_used(w->exec));
    if (outcome == ENGINE_FINISHED) {
        const engine_functype *type = engine_exec_type(w->exec);
        note_values(w, type->results, type->result_count, engine_exec_results(w->exec));
    } else if (outcome == ENGINE_TRAPPED) {
        note(w, (uint64_t)engine_exec_trap(w->exec));
        const char *message = engine_exec_trap_message(w->exec);
        require(engine_exec_trap(w->exec) != ENGINE_TRAP_NONE && message[0] != '\0');
        require(base_buffer_append(&w->trace, message, strlen(message)) == BASE_OK);
        require(engine_exec_run(w->exec, 100) == ENGINE_TRAPPED);
    }
    if (outcome != ENGINE_FINISHED) {
        engine_frame frame;
        note(w, engine_exec_backtrace(w->exec, &frame, 1));
    }
}

/* Runs what was started until it ends, or until more than FUEL is used. However it is sliced, no more than FUEL is ever
 * granted, so that it stops at the same place. */
static void run(world *w, const plan *how) {
    int64_t granted = 0, slice = how->slice > 0 ? how->slice : FUEL;
    engine_outcome outcome = ENGINE_OUT_OF_FUEL;
    for (int stops = 0;; stops++) {
        int64_t grant = FUEL - granted < slice ? FUEL - granted : slice;
        outcome = engine_exec_run(w->exec, grant);
        granted += grant;
        int64_t used = (int64_t)engine_exec_fuel_used(w->exec);
        require(outcome != ENGINE_WAITING || w->pending);
        if (outcome == ENGINE_FINISHED || outcome == ENGINE_TRAPPED) break;
        if (how->looks && stops < MAX_BACKTRACES) check_backtrace(w);
        if (used > FUEL) break;
        if (used < granted) granted = used; /* it stopped of itself: the rest is dropped */
        if (how->grows) slice += slice / 2 + 1;
    }
    w->pending = NULL;
    note_end(w, outcome);
}

static uint64_t argument(engine_valtype type, uint32_t number) {
    static const uint64_t values[] = {0, 1, 7, 0xFFFFFFFF, 0x80000000, 65536, UINT64_MAX, 0x3FF0000000000000};
    if (engine_is_ref(type)) return type == ENGINE_EXTERNREF ? number : 0;
    return values[number % 8];
}

static void call(world *w, const plan *how, uint64_t func, uint32_t number) {
    const engine_functype *type = engine_token_type(w->store, func);
    uint64_t cells[MAX_CELLS];
    require(type != NULL);
    if (type->param_cells > MAX_CELLS || type->result_cells > MAX_CELLS) return;
    for (uint32_t i = 0, cell = 0; i < type->param_count; i++) {
        if (engine_is_ref(type->params[i]) && (type->params[i] & ENGINE_TYPE_NULLABLE) == 0) return;
        cells[cell++] = argument(type->params[i], number + how->arguments + i);
        if (type->params[i] == ENGINE_V128) cells[cell++] = number;
    }
    if (engine_exec_start(w->exec, func, cells, NULL) == BASE_OK) run(w, how);
}

static void call_exports(world *w, const plan *how) {
    engine_module *module = engine_instance_module(w->instance);
    uint32_t calls = 0;
    uint64_t start = engine_instance_start(w->instance);
    if (start != 0) call(w, how, start, 0);
    for (uint32_t i = 0; i < engine_module_export_count(module) && calls < MAX_CALLS; i++) {
        engine_export export = engine_module_export(module, i);
        engine_extern found;
        if (export.type.kind != ENGINE_FUNC) continue;
        require(engine_instance_export(w->instance, export.name, &found, NULL));
        call(w, how, found.func, 0);
        call(w, how, found.func, 1 + (uint32_t)how->arguments / 8);
        calls += 2;
    }
}

/* A whole life. False where memory ran out before anything ran. */
static bool live(world *w, const plan *how, engine_module *module, linker *links,
                 const base_allocator *allocator) {
    engine_trap_code trap = ENGINE_TRAP_NONE;
    base_error error;
    w->mood = how->mood;
    *links = (linker){.world = w};
    if (engine_store_new(allocator, &how->limits, &w->store) != BASE_OK) return false;
    base_status status = engine_instantiate(w->store, module, resolve, links, &w->instance, &trap, &error);
    note(w, status);
    note(w, trap);
    if (status != BASE_OK) require(error.message[0] != '\0');
    if (engine_exec_new(w->store, &w->exec) != BASE_OK) return false;
    if (status == BASE_OK) call_exports(w, how);
    return true;
}

static void end(world *w) {
    engine_exec_free(w->exec);
    engine_store_free(w->store);
    base_buffer_free(&w->trace);
}

/* ---- Two worlds side by side ---- */

static void compare_memories(const world *a, const world *b) {
    const engine_memory *one = a->store->memories, *other = b->store->memories;
    for (; one && other; one = one->next, other = other->next) {
        require(one->size == other->size);
        if (one->size > 0) require(memcmp(one->data, other->data, one->size) == 0);
    }
    require(!one && !other);
}

static void compare_tables(const world *a, const world *b) {
    const engine_table *one = a->store->tables, *other = b->store->tables;
    for (; one && other; one = one->next, other = other->next) {
        require(one->size == other->size);
        for (uint64_t i = 0; i < one->size; i++) {
            if ((one->element & ENGINE_HEAP_MASK) == ENGINE_HEAP_EXN)
                require((one->elements[i] == 0) == (other->elements[i] == 0));
            else
                require(one->elements[i] == other->elements[i]);
        }
    }
    require(!one && !other);
}

static void note_globals(world *w) {
    engine_module *module = engine_instance_module(w->instance);
    for (uint32_t i = 0; i < engine_module_count(module, ENGINE_GLOBAL); i++) {
        uint64_t cells[2] = {0, 0};
        engine_global_get(w->instance->globals[i], cells);
        note_values(w, &w->instance->globals[i]->type, 1, cells);
    }
}

static void compare(world *a, world *b) {
    require((a->instance == NULL) == (b->instance == NULL));
    if (!a->instance) return;
    note_globals(a);
    note_globals(b);
    require(a->trace.size == b->trace.size);
    require(memcmp(a->trace.data, b->trace.data, a->trace.size) == 0);
    compare_memories(a, b);
    compare_tables(a, b);
    require(a->store->memory_pages == b->store->memory_pages);
    require(a->store->memory_denials == b->store->memory_denials);
    require(a->store->table_denials == b->store->table_denials);
}

static void without_memory(const plan *how, base_bytes bytes, uint8_t fail_at) {
    test_heap heap;
    world w = {.store = NULL};
    linker links;
    engine_module *module;
    base_error error;
    test_heap_init(&heap);
    heap.fail_at = fail_at;
    heap.fail_on = fail_at % 2;
    base_status status =
        engine_module_load(&heap.allocator, bytes, engine_features_available(), &module, &error);
    if (status == BASE_OK) {
        heap.fail_at = heap.requests + fail_at / 2; /* later, once that loading went well */
        live(&w, how, module, &links, &heap.allocator);
        end(&w);
        engine_module_release(module);
    } else {
        require(status == BASE_NO_MEMORY);
    }
    require(test_heap_clean(&heap));
}

static plan make_plan(const uint8_t *control) {
    static const uint64_t pages[] = {3, 2, 5, 1};
    static const uint64_t elements[] = {100, 20, 40, 1000};
    static const size_t stacks[] = {64 << 10, 2000, 9000, 30000};
    static const uint32_t depths[] = {50, 5, 200, 1000};
    plan how = {.looks = true, .arguments = control[4], .mood = control[5]};
    how.limits = (engine_limits){pages[control[3] % 4], elements[control[3] / 4 % 4],
                                 stacks[control[3] / 16 % 4], depths[control[3] / 64]};
    how.slice = 1 + control[1];
    how.grows = (control[0] & IS_EXACT) == 0;
    return how;
}

static void play(const plan *sliced, base_bytes bytes, bool is_generated, uint8_t fail_at) {
    engine_module *module;
    base_error error = {0};
    base_status status = engine_module_load(NULL, bytes, engine_features_available(), &module, &error);
    if (status != BASE_OK) {
        if (is_generated) fprintf(stderr, "generated, but refused: %s\n", error.message);
        require(!is_generated && error.message[0] != '\0');
        return;
    }
    plan whole = *sliced;
    whole.slice = 0;
    whole.looks = false;
    world a = {.store = NULL}, b = {.store = NULL};
    linker links_of_a, links_of_b;
    require(live(&a, &whole, module, &links_of_a, NULL));
    require(live(&b, sliced, module, &links_of_b, NULL));
    compare(&a, &b);
    end(&a);
    end(&b);
    engine_module_release(module);
    if (fail_at > 0) without_memory(sliced, bytes, fail_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < CONTROL_SIZE) return 0;
    plan how = make_plan(data);
    base_bytes bytes = {data + CONTROL_SIZE, size - CONTROL_SIZE};
    base_buffer generated = {0};
    bool is_generated = (data[0] & IS_RAW) == 0;
    if (is_generated) {
        fuzz_generate(bytes, &generated);
        bytes = base_buffer_bytes(&generated);
    }
    play(&how, bytes, is_generated, data[2] < 160 ? 0 : data[2] - 159);
    base_buffer_free(&generated);
    return 0;
}

/* Now and then what was generated goes on as a raw module, so that changed bytes of valid modules are tried, too. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    if (size >= CONTROL_SIZE && (data[0] & IS_RAW) == 0 && seed % 64 == 0) {
        base_buffer module = {0};
        fuzz_generate((base_bytes){data + CONTROL_SIZE, size - CONTROL_SIZE}, &module);
        bool fits = CONTROL_SIZE + module.size <= max_size;
        if (fits) {
            memcpy(data + CONTROL_SIZE, module.data, module.size);
            data[0] |= IS_RAW;
            size = CONTROL_SIZE + module.size;
        }
        base_buffer_free(&module);
    }
    return LLVMFuzzerMutate(data, size, max_size);
}
