/* Owns the module `spectest`, which the scripts import from. Its functions print; here they are silent. */
#include "spec.h"

static engine_host_result print(void *user, engine_exec *exec, uint64_t *cells) {
    spec_host *host = user;
    (void)exec, (void)cells;
    host->has_pended = host->pends && !host->has_pended;
    return host->has_pended ? ENGINE_HOST_PENDING : ENGINE_HOST_DONE;
}

typedef struct host_func {
    const char *name;
    engine_valtype params[2];
    uint32_t param_count;
} host_func;

static const host_func funcs[] = {
    {"print", {0}, 0},
    {"print_i32", {ENGINE_I32}, 1},
    {"print_i64", {ENGINE_I64}, 1},
    {"print_f32", {ENGINE_F32}, 1},
    {"print_f64", {ENGINE_F64}, 1},
    {"print_i32_f32", {ENGINE_I32, ENGINE_F32}, 2},
    {"print_f64_f64", {ENGINE_F64, ENGINE_F64}, 2},
};
enum { FUNC_COUNT = sizeof funcs / sizeof *funcs };

/* The items after the functions, in this order. */
static const char *const other_names[] = {"global_i32", "global_i64", "global_f32", "global_f64",
                                          "table",      "table64",    "memory"};
enum { OTHER_COUNT = sizeof other_names / sizeof *other_names };

_Static_assert(FUNC_COUNT + OTHER_COUNT <= sizeof((spec_host *)0)->items / sizeof(engine_extern),
               "room for all");

base_status spec_host_init(spec_host *host, engine_store *store, base_error *error) {
    engine_extern *next = host->items;
    for (uint32_t i = 0; i < FUNC_COUNT; i++) {
        base_status status = engine_host_func_new(store, funcs[i].name, funcs[i].params, funcs[i].param_count,
                                                  NULL, 0, print, host, next++);
        if (status != BASE_OK) return base_fail(error, status, "cannot make %s", funcs[i].name);
    }
    const engine_valtype types[] = {ENGINE_I32, ENGINE_I64, ENGINE_F32, ENGINE_F64};
    const uint64_t values[] = {666, 666, engine_cell_f32(666.6f), engine_cell_f64(666.6)};
    for (uint32_t i = 0; i < 4; i++) {
        base_status status = engine_global_new(store, types[i], false, &values[i], next++, error);
        if (status != BASE_OK) return status;
    }
    for (uint32_t i = 0; i < 2; i++) {
        engine_limits_type limits = {.min = 10, .max = 20, .has_max = true, .is_64 = i == 1};
        base_status status = engine_table_new(store, ENGINE_FUNCREF, limits, next++, error);
        if (status != BASE_OK) return status;
    }
    engine_limits_type limits = {.min = 1, .max = 2, .has_max = true};
    return engine_memory_new(store, limits, next++, error);
}

bool spec_host_find(const spec_host *host, base_bytes name, engine_extern *out) {
    for (uint32_t i = 0; i < FUNC_COUNT + OTHER_COUNT; i++) {
        const char *candidate = i < FUNC_COUNT ? funcs[i].name : other_names[i - FUNC_COUNT];
        if (!base_bytes_equal_text(name, candidate)) continue;
        *out = host->items[i];
        return true;
    }
    return false;
}
