/* What the differential tests (tests/differential) found wrong in the engine, each reduced to a few instructions. The
 * expected values follow from the specification; wasmtime agrees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

/*
(module
  (func (export "set_twice") (result v128 v128) (local v128 v128)
    v128.const i64x2 1 2
    v128.const i64x2 3 4
    local.set 0
    local.set 1
    local.get 0 local.get 1)
  (func (export "set_after_drop") (result v128) (local v128)
    v128.const i64x2 1 2
    v128.const i64x2 3 4
    drop
    local.set 0
    local.get 0))
*/
static const uint8_t vectors_to_locals[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0A, 0x02, 0x60, 0x00, 0x02, 0x7B, 0x7B,
    0x60, 0x00, 0x01, 0x7B, 0x03, 0x03, 0x02, 0x00, 0x01, 0x07, 0x1E, 0x02, 0x09, 0x73, 0x65, 0x74,
    0x5F, 0x74, 0x77, 0x69, 0x63, 0x65, 0x00, 0x00, 0x0E, 0x73, 0x65, 0x74, 0x5F, 0x61, 0x66, 0x74,
    0x65, 0x72, 0x5F, 0x64, 0x72, 0x6F, 0x70, 0x00, 0x01, 0x0A, 0x60, 0x02, 0x30, 0x01, 0x02, 0x7B,
    0xFD, 0x0C, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xFD, 0x0C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x21, 0x01, 0x20, 0x00, 0x20, 0x01, 0x0B, 0x2D, 0x01, 0x01,
    0x7B, 0xFD, 0x0C, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xFD, 0x0C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x1A, 0x21, 0x00, 0x20, 0x00, 0x0B,
};

/* Calls an export without parameters in a fresh store and copies `count` result cells. */
static void call_export(base_bytes bytes, const char *name, uint64_t *results, size_t count) {
    base_error error = {.status = BASE_OK};
    engine_module *module = NULL;
    engine_store *store = NULL;
    engine_instance *instance = NULL;
    engine_exec *exec = NULL;
    assert_int_equal(engine_module_load(NULL, bytes, engine_features_available(), &module, &error), BASE_OK);
    assert_int_equal(engine_store_new(NULL, NULL, &store), BASE_OK);
    assert_int_equal(engine_instantiate(store, module, NULL, NULL, &instance, NULL, &error), BASE_OK);
    engine_extern found;
    engine_extern_type type;
    assert_true(engine_instance_export(instance, base_bytes_from_text(name), &found, &type));
    assert_int_equal(engine_exec_new(store, &exec), BASE_OK);
    assert_int_equal(engine_exec_start(exec, found.func, NULL, &error), BASE_OK);
    assert_int_equal(engine_exec_run(exec, 1000), ENGINE_FINISHED);
    assert_int_equal(engine_exec_type(exec)->result_cells, count);
    memcpy(results, engine_exec_results(exec), count * sizeof *results);
    engine_exec_free(exec);
    engine_store_free(store);
    engine_module_release(module);
}

static void two_vectors_set_one_after_the_other_go_to_two_locals(void **state) {
    (void)state;
    uint64_t cells[4];
    call_export((base_bytes){vectors_to_locals, sizeof vectors_to_locals}, "set_twice", cells, 4);
    assert_int_equal(cells[0], 3);
    assert_int_equal(cells[1], 4);
    assert_int_equal(cells[2], 1);
    assert_int_equal(cells[3], 2);
}

static void a_vector_below_a_dropped_one_goes_to_its_local(void **state) {
    (void)state;
    uint64_t cells[2];
    call_export((base_bytes){vectors_to_locals, sizeof vectors_to_locals}, "set_after_drop", cells, 2);
    assert_int_equal(cells[0], 1);
    assert_int_equal(cells[1], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_vectors_set_one_after_the_other_go_to_two_locals),
        cmocka_unit_test(a_vector_below_a_dropped_one_goes_to_its_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
