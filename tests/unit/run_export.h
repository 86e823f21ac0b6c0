/* Calls one export of a module in a store of its own: all that a test of a few instructions needs. */
#ifndef WPLUG_TESTS_RUN_EXPORT_H
#define WPLUG_TESTS_RUN_EXPORT_H

#include "engine/engine.h"

typedef struct exported_run {
    engine_outcome outcome;
    uint64_t fuel;
    uint32_t cells;      /* of the results that its type has */
    uint64_t results[4]; /* after ENGINE_FINISHED */
} exported_run;

/* With 1,000 units of fuel. `arguments` are cells, NULL where there are none. */
static inline exported_run run_export(base_bytes bytes, const char *name, const uint64_t *arguments) {
    base_error error = {.status = BASE_OK};
    engine_module *module = NULL;
    engine_store *store = NULL;
    engine_instance *instance = NULL;
    engine_exec *exec = NULL;
    engine_extern found;
    exported_run run = {.outcome = ENGINE_TRAPPED};
    assert_int_equal(engine_module_load(NULL, bytes, engine_features_available(), &module, &error), BASE_OK);
    assert_int_equal(engine_store_new(NULL, NULL, &store), BASE_OK);
    assert_int_equal(engine_instantiate(store, module, NULL, NULL, &instance, NULL, &error), BASE_OK);
    assert_true(engine_instance_export(instance, base_bytes_from_text(name), &found, NULL));
    assert_int_equal(engine_exec_new(store, &exec), BASE_OK);
    assert_int_equal(engine_exec_start(exec, found.func, arguments, &error), BASE_OK);
    run.outcome = engine_exec_run(exec, 1000);
    run.fuel = engine_exec_fuel_used(exec);
    run.cells = engine_exec_type(exec)->result_cells;
    assert_in_range(run.cells, 0, sizeof run.results / sizeof *run.results);
    if (run.outcome == ENGINE_FINISHED && run.cells)
        memcpy(run.results, engine_exec_results(exec), run.cells * sizeof *run.results);
    engine_exec_free(exec);
    engine_store_free(store);
    engine_module_release(module);
    return run;
}

#endif
