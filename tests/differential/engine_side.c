/* The engine's side of the comparison, as plain functions that the Rust program calls: load a module, make a side (a
 * store with one instance of it), call its exports, look at its state.
 *
 * Everything a module may import is answered here, by rules that wasmtime's side shares (side_answer): functions answer
 * numbers mixed from their arguments, globals start with such numbers, memories and tables are as small as they may be.
 *
 * A side with a slice runs everything in pieces of that many units of fuel, and its host functions let the guest wait
 * before they answer. That must change nothing. */
#include "engine/engine.h"

#include <stdlib.h>

typedef struct side side;

/* How a call ended; main.rs has the same. */
enum { SIDE_DONE, SIDE_TRAP, SIDE_SPENT, SIDE_REFUSED };
typedef struct side_end {
    uint32_t kind;
    uint32_t trap; /* engine_trap_code */
    uint64_t fuel;
    char message[256];
} side_end;

typedef struct side_import {
    side *owner;
    uint32_t index;
    const engine_functype *type;
} side_import;

struct side {
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    int64_t slice; /* 0: all in one piece */
    uint64_t host_calls;
    bool asked; /* the host function that is being called has let the guest wait */
    uint32_t next_import;
    side_import *imports;
};

uint32_t side_features(void);
uint32_t side_load(const uint8_t *bytes, size_t size, uint32_t features, engine_module **out, char *message);
void side_unload(engine_module *module);
uint32_t side_features_used(const engine_module *module);
const char *side_feature_name(uint32_t feature);
const char *side_trap_text(uint32_t trap);
uint64_t side_answer(uint64_t import, uint64_t call, const uint64_t *words, size_t count, uint32_t result,
                     uint32_t bits);
bool side_answer_traps(uint64_t import, uint64_t call, const uint64_t *words, size_t count);
side *side_open(engine_module *module, int64_t slice, uint64_t budget, side_end *end);
void side_close(side *s);
void side_call(side *s, const uint8_t *name, size_t name_size, const uint64_t *arguments, uint64_t *results,
               uint64_t budget, side_end *end);
uint64_t side_function(side *s, const uint8_t *name, size_t name_size);
const uint8_t *side_memory(side *s, const uint8_t *name, size_t name_size, uint64_t *size);
bool side_global_get(side *s, const uint8_t *name, size_t name_size, uint64_t *cells);
bool side_global_set(side *s, const uint8_t *name, size_t name_size, const uint64_t *cells);
uint64_t side_table_size(side *s, const uint8_t *name, size_t name_size);
bool side_table_has(side *s, const uint8_t *name, size_t name_size, uint64_t index);

/* ---- Modules ------------------------------------------------------------------------------------------- */

uint32_t side_features(void) {
    return engine_features_available();
}

/* Answers the base_status; `message` takes 512 bytes. */
uint32_t side_load(const uint8_t *bytes, size_t size, uint32_t features, engine_module **out, char *message) {
    base_error error = {.status = BASE_OK};
    base_status status = engine_module_load(NULL, (base_bytes){bytes, size}, features, out, &error);
    memcpy(message, error.message, sizeof error.message);
    return status;
}

void side_unload(engine_module *module) {
    engine_module_release(module);
}

uint32_t side_features_used(const engine_module *module) {
    return engine_module_features_used(module);
}

const char *side_feature_name(uint32_t feature) {
    return engine_feature_name((engine_feature)feature);
}

const char *side_trap_text(uint32_t trap) {
    return engine_trap_text((engine_trap_code)trap);
}

/* ---- What the host answers ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t digest(uint64_t import, uint64_t call, const uint64_t *words, size_t count) {
    uint64_t state = mix(import + UINT64_C(0x9E3779B97F4A7C15)) + call;
    for (size_t i = 0; i < count; i++) state = mix(state ^ words[i]) + i;
    return mix(state);
}

/* A number for `result` of a call, cut to `bits`: small ones and all bits equally often. */
uint64_t side_answer(uint64_t import, uint64_t call, const uint64_t *words, size_t count, uint32_t result,
                     uint32_t bits) {
    uint64_t state = mix(digest(import, call, words, count) + result);
    if (state & 1) state = (state >> 1) % 40;
    return bits == 32 ? (uint32_t)state : state;
}

bool side_answer_traps(uint64_t import, uint64_t call, const uint64_t *words, size_t count) {
    return digest(import, call, words, count) % 61 == 0;
}

static void fill(engine_valtype type, uint64_t import, uint64_t call, const uint64_t *words, size_t count,
                 uint32_t result, uint64_t *cells) {
    if (engine_is_ref(type)) {
        cells[0] = 0;
        return;
    }
    uint32_t bits = type == ENGINE_I32 || type == ENGINE_F32 ? 32 : 64;
    cells[0] = side_answer(import, call, words, count, result, bits);
    if (type == ENGINE_V128) cells[1] = side_answer(import, call, words, count, result + 1000, bits);
}

/* What the digest is made of: the arguments' cells, the undefined halves cut off, references only null or not. */
static size_t argument_words(const engine_functype *type, const uint64_t *cells, uint64_t *words) {
    size_t at = 0;
    for (uint32_t i = 0; i < type->param_count; i++) {
        engine_valtype param = type->params[i];
        if (engine_is_ref(param))
            words[at] = cells[at] != 0;
        else if (param == ENGINE_I32 || param == ENGINE_F32)
            words[at] = (uint32_t)cells[at];
        else
            words[at] = cells[at];
        at++;
        if (param == ENGINE_V128) {
            words[at] = cells[at];
            at++;
        }
    }
    return at;
}

static engine_host_result host_function(void *user, engine_exec *exec, uint64_t *cells) {
    side_import *import = user;
    side *s = import->owner;
    if (s->slice != 0 && !s->asked && s->host_calls % 3 != 0) {
        s->asked = true;
        return ENGINE_HOST_PENDING;
    }
    s->asked = false;
    uint64_t call = s->host_calls++;
    uint64_t words[2048];
    if (import->type->param_cells > 2048) abort();
    size_t count = argument_words(import->type, cells, words);
    if (side_answer_traps(import->index, call, words, count)) {
        engine_exec_trap_set(exec, "the host says no");
        return ENGINE_HOST_TRAP;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < import->type->result_count; i++) {
        fill(import->type->results[i], import->index, call, words, count, i, cells + at);
        at += engine_cells(import->type->results[i]);
    }
    return s->slice != 0 && call % 2 == 0 ? ENGINE_HOST_YIELD : ENGINE_HOST_DONE;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    side *s = user;
    uint32_t index = s->next_import++;
    const engine_extern_type *type = &import->type;
    uint64_t cells[2] = {0, 0};
    switch (type->kind) {
    case ENGINE_FUNC:
        s->imports[index] = (side_import){s, index, type->func};
        return engine_host_func_new(s->store, "host", type->func->params, type->func->param_count,
                                    type->func->results, type->func->result_count, host_function,
                                    &s->imports[index], out) == BASE_OK;
    case ENGINE_MEMORY: return engine_memory_new(s->store, type->limits, out, NULL) == BASE_OK;
    case ENGINE_TABLE: return engine_table_new(s->store, type->value, type->limits, out, NULL) == BASE_OK;
    case ENGINE_GLOBAL:
        fill(type->value, index, 0, NULL, 0, 0, cells);
        return engine_global_new(s->store, type->value, type->is_mutable, cells, out, NULL) == BASE_OK;
    default: return false; /* no such module is generated */
    }
}

/* ---- Running ------------------------------------------------------------------------------------------- */

/* As much of it as there is room for. */
static void keep_message(side_end *end, const char *message) {
    const size_t size = strlen(message), most = sizeof end->message - 1;
    memset(end->message, 0, sizeof end->message);
    memcpy(end->message, message, size < most ? size : most);
}

static void run(side *s, uint64_t func, const uint64_t *arguments, uint64_t *results, uint64_t budget,
                side_end *end) {
    base_error error = {.status = BASE_OK};
    if (engine_exec_start(s->exec, func, arguments, &error) != BASE_OK) {
        end->kind = SIDE_REFUSED;
        memcpy(end->message, error.message, sizeof end->message);
        return;
    }
    int64_t slice = s->slice != 0 ? s->slice : (int64_t)budget;
    engine_outcome outcome;
    do {
        outcome = engine_exec_run(s->exec, slice);
    } while ((outcome == ENGINE_OUT_OF_FUEL || outcome == ENGINE_WAITING) &&
             engine_exec_fuel_used(s->exec) < budget);
    end->fuel = engine_exec_fuel_used(s->exec);
    if (outcome == ENGINE_FINISHED) {
        end->kind = SIDE_DONE;
        size_t cells = engine_exec_type(s->exec)->result_cells;
        if (cells != 0) memcpy(results, engine_exec_results(s->exec), 8 * cells);
    } else if (outcome == ENGINE_TRAPPED) {
        end->kind = SIDE_TRAP;
        end->trap = engine_exec_trap(s->exec);
        keep_message(end, engine_exec_trap_message(s->exec));
    } else {
        end->kind = SIDE_SPENT;
    }
}

static void refuse(side_end *end, const char *message) {
    end->kind = SIDE_REFUSED;
    keep_message(end, message);
}

/* Instantiates and runs the start function. NULL where that does not end well; `end` says how. */
side *side_open(engine_module *module, int64_t slice, uint64_t budget, side_end *end) {
    memset(end, 0, sizeof *end);
    side *s = calloc(1, sizeof *s);
    if (s == NULL) abort();
    s->slice = slice;
    s->imports = calloc(engine_module_import_count(module) + 1, sizeof *s->imports);
    engine_limits limits = {.stack_bytes = (size_t)64 << 20};
    if (s->imports == NULL || engine_store_new(NULL, &limits, &s->store) != BASE_OK) abort();
    base_error error = {.status = BASE_OK};
    engine_trap_code trap = ENGINE_TRAP_NONE;
    base_status status = engine_instantiate(s->store, module, resolve, s, &s->instance, &trap, &error);
    if (status == BASE_OK && engine_exec_new(s->store, &s->exec) != BASE_OK) abort();
    if (status != BASE_OK && trap != ENGINE_TRAP_NONE) {
        end->kind = SIDE_TRAP;
        end->trap = trap;
    } else if (status != BASE_OK) {
        refuse(end, error.message);
    } else if (engine_instance_start(s->instance) != 0) {
        run(s, engine_instance_start(s->instance), NULL, NULL, budget, end);
    }
    if (end->kind == SIDE_DONE) return s;
    side_close(s);
    return NULL;
}

void side_close(side *s) {
    if (s == NULL) return;
    engine_exec_free(s->exec);
    engine_store_free(s->store);
    free(s->imports);
    free(s);
}

static engine_extern find(side *s, const uint8_t *name, size_t name_size) {
    engine_extern found;
    engine_extern_type type;
    if (!engine_instance_export(s->instance, (base_bytes){name, name_size}, &found, &type)) abort();
    return found;
}

/* `results` takes the cells of all results. */
void side_call(side *s, const uint8_t *name, size_t name_size, const uint64_t *arguments, uint64_t *results,
               uint64_t budget, side_end *end) {
    memset(end, 0, sizeof *end);
    run(s, find(s, name, name_size).func, arguments, results, budget, end);
}

/* ---- State --------------------------------------------------------------------------------------------- */

uint64_t side_function(side *s, const uint8_t *name, size_t name_size) {
    return find(s, name, name_size).func;
}

const uint8_t *side_memory(side *s, const uint8_t *name, size_t name_size, uint64_t *size) {
    engine_memory *memory = find(s, name, name_size).memory;
    *size = engine_memory_size(memory);
    return *size == 0 ? NULL : engine_memory_range(memory, 0, *size);
}

bool side_global_get(side *s, const uint8_t *name, size_t name_size, uint64_t *cells) {
    engine_global *global = find(s, name, name_size).global;
    if (global == NULL) return false;
    engine_global_get(global, cells);
    return true;
}

bool side_global_set(side *s, const uint8_t *name, size_t name_size, const uint64_t *cells) {
    engine_global *global = find(s, name, name_size).global;
    if (global == NULL) return false;
    engine_global_set(global, cells);
    return true;
}

uint64_t side_table_size(side *s, const uint8_t *name, size_t name_size) {
    return engine_table_size(find(s, name, name_size).table);
}

bool side_table_has(side *s, const uint8_t *name, size_t name_size, uint64_t index) {
    uint64_t reference = 0;
    return engine_table_get(find(s, name, name_size).table, index, &reference) && reference != 0;
}
