/* A 32-bit memory as large as they get: its last bytes are read and written like any others, also where the constants
 * of an access add up to all of 2^32, and the byte after them is out of bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

/*
(module
  (memory 65536)
  (func (export "load") (param i32) (result i32) local.get 0 i32.load offset=0xfffffffc)
  (func (export "load_constant") (result i32) i32.const 0xfffffffc i32.load)
  (func (export "store") (param i32 i32) local.get 0 local.get 1 i32.store offset=0xfffffffc)
  (func (export "store_constant") (param i32) i32.const 0xfffffff8 local.get 0 i32.store offset=4)
  (func (export "vector") (param i32) (result i32)
    local.get 0 v128.load offset=0xfffffff0 i32x4.extract_lane 3)
  (func (export "vector_store") (param i32 i32)
    local.get 0 local.get 1 i32x4.splat v128.store offset=0xfffffff0))
*/
static const uint8_t module_bytes[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x13, 0x04, 0x60, 0x01, 0x7F, 0x01, 0x7F, 0x60,
    0x00, 0x01, 0x7F, 0x60, 0x02, 0x7F, 0x7F, 0x00, 0x60, 0x01, 0x7F, 0x00, 0x03, 0x07, 0x06, 0x00, 0x01,
    0x02, 0x03, 0x00, 0x02, 0x05, 0x05, 0x01, 0x00, 0x80, 0x80, 0x04, 0x07, 0x49, 0x06, 0x04, 0x6C, 0x6F,
    0x61, 0x64, 0x00, 0x00, 0x0D, 0x6C, 0x6F, 0x61, 0x64, 0x5F, 0x63, 0x6F, 0x6E, 0x73, 0x74, 0x61, 0x6E,
    0x74, 0x00, 0x01, 0x05, 0x73, 0x74, 0x6F, 0x72, 0x65, 0x00, 0x02, 0x0E, 0x73, 0x74, 0x6F, 0x72, 0x65,
    0x5F, 0x63, 0x6F, 0x6E, 0x73, 0x74, 0x61, 0x6E, 0x74, 0x00, 0x03, 0x06, 0x76, 0x65, 0x63, 0x74, 0x6F,
    0x72, 0x00, 0x04, 0x0C, 0x76, 0x65, 0x63, 0x74, 0x6F, 0x72, 0x5F, 0x73, 0x74, 0x6F, 0x72, 0x65, 0x00,
    0x05, 0x0A, 0x4E, 0x06, 0x0B, 0x00, 0x20, 0x00, 0x28, 0x02, 0xFC, 0xFF, 0xFF, 0xFF, 0x0F, 0x0B, 0x07,
    0x00, 0x41, 0x7C, 0x28, 0x02, 0x00, 0x0B, 0x0D, 0x00, 0x20, 0x00, 0x20, 0x01, 0x36, 0x02, 0xFC, 0xFF,
    0xFF, 0xFF, 0x0F, 0x0B, 0x09, 0x00, 0x41, 0x78, 0x20, 0x00, 0x36, 0x02, 0x04, 0x0B, 0x0F, 0x00, 0x20,
    0x00, 0xFD, 0x00, 0x04, 0xF0, 0xFF, 0xFF, 0xFF, 0x0F, 0xFD, 0x1B, 0x03, 0x0B, 0x10, 0x00, 0x20, 0x00,
    0x20, 0x01, 0xFD, 0x11, 0xFD, 0x0B, 0x04, 0xF0, 0xFF, 0xFF, 0xFF, 0x0F, 0x0B,
};

typedef struct world {
    engine_module *module;
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
} world;

static int set_up(void **state) {
    static world w;
    base_error error;
    const base_bytes bytes = {module_bytes, sizeof module_bytes};
    *state = NULL;
    if (engine_module_load(NULL, bytes, engine_features_available(), &w.module, &error) != BASE_OK) return -1;
    if (engine_store_new(NULL, NULL, &w.store) != BASE_OK) return -1;
    const base_status status = engine_instantiate(w.store, w.module, NULL, NULL, &w.instance, NULL, &error);
    if (status == BASE_NO_MEMORY || (status == BASE_LIMIT && sizeof(size_t) < 8))
        return 0; /* a machine that has no 4 GiB of addresses to give: the tests skip */
    if (status != BASE_OK || engine_exec_new(w.store, &w.exec) != BASE_OK) return -1;
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    if (!w) return 0;
    engine_exec_free(w->exec);
    engine_store_free(w->store);
    engine_module_release(w->module);
    return 0;
}

static engine_outcome run(world *w, const char *name, uint64_t first, uint64_t second) {
    engine_extern found;
    base_error error;
    const uint64_t arguments[2] = {first, second};
    assert_true(engine_instance_export(w->instance, base_bytes_from_text(name), &found, NULL));
    assert_int_equal(engine_exec_start(w->exec, found.func, arguments, &error), BASE_OK);
    return engine_exec_run(w->exec, 1000);
}

static void expect(world *w, const char *name, uint64_t first, uint32_t result) {
    assert_int_equal(run(w, name, first, 0), ENGINE_FINISHED);
    assert_int_equal(engine_i32(engine_exec_results(w->exec)[0]), result);
}

static void expect_out_of_bounds(world *w, const char *name, uint64_t first) {
    assert_int_equal(run(w, name, first, 0), ENGINE_TRAPPED);
    assert_int_equal(engine_exec_trap(w->exec), ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
}

/* Writes to the memory from outside, which is not what is tested. */
static uint8_t *last_word(world *w) {
    return engine_memory_range(engine_instance_memory(w->instance, 0), UINT64_C(0xFFFFFFFC), 4);
}

static void the_last_bytes_are_read(void **state) {
    if (!*state) skip();
    world *w = *state;
    memcpy(last_word(w), "\x11\x22\x33\x44", 4);
    expect(w, "load", 0, 0x44332211);
    expect(w, "load_constant", 0, 0x44332211);
    expect(w, "vector", 0, 0x44332211);
}

static void the_last_bytes_are_written(void **state) {
    if (!*state) skip();
    world *w = *state;
    const char *const names[] = {"store", "vector_store"};
    for (size_t i = 0; i < 2; i++) {
        memset(last_word(w), 0, 4);
        assert_int_equal(run(w, names[i], 0, 0x0D0C0B0A), ENGINE_FINISHED);
        assert_memory_equal(last_word(w), "\x0A\x0B\x0C\x0D", 4);
    }
    assert_int_equal(run(w, "store_constant", 0x04030201, 0), ENGINE_FINISHED);
    assert_memory_equal(last_word(w), "\x01\x02\x03\x04", 4);
}

static void the_byte_after_them_is_out_of_bounds(void **state) {
    if (!*state) skip();
    world *w = *state;
    const uint64_t addresses[] = {1, 4, 0x80000000u, 0xFFFFFFFFu};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        expect_out_of_bounds(w, "load", addresses[i]);
        expect_out_of_bounds(w, "store", addresses[i]);
        expect_out_of_bounds(w, "vector", addresses[i]);
        expect_out_of_bounds(w, "vector_store", addresses[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_bytes_are_read),
        cmocka_unit_test(the_last_bytes_are_written),
        cmocka_unit_test(the_byte_after_them_is_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
