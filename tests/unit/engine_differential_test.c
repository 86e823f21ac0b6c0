/* What the differential tests (tests/differential) found wrong in the engine, each reduced to a few instructions. The
 * expected values follow from the specification; wasmtime agrees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/features.h"
#include "run_export.h"

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

/*
(module
  (tag)
  (func (export "forever")
    loop $again
      try_table (catch_all $again)
        block
          br 0
          i32.const 0 drop
        end
        throw 0
      end
    end)
  (func (export "once")
    block $caught
      try_table (catch_all $caught)
        i32.const 1 drop
        throw 0
        i32.const 1 drop
      end
      i32.const 7 drop
    end))
*/
static const uint8_t throws_and_catches[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x03,
    0x02, 0x00, 0x00, 0x0D, 0x03, 0x01, 0x00, 0x00, 0x07, 0x12, 0x02, 0x07, 0x66, 0x6F, 0x72, 0x65,
    0x76, 0x65, 0x72, 0x00, 0x00, 0x04, 0x6F, 0x6E, 0x63, 0x65, 0x00, 0x01, 0x0A, 0x2E, 0x02, 0x15,
    0x00, 0x03, 0x40, 0x1F, 0x40, 0x01, 0x02, 0x00, 0x02, 0x40, 0x0C, 0x00, 0x41, 0x00, 0x1A, 0x0B,
    0x08, 0x00, 0x0B, 0x0B, 0x0B, 0x16, 0x00, 0x02, 0x40, 0x1F, 0x40, 0x01, 0x02, 0x00, 0x41, 0x01,
    0x1A, 0x08, 0x00, 0x41, 0x01, 0x1A, 0x0B, 0x41, 0x07, 0x1A, 0x0B, 0x0B,
};

static void two_vectors_set_one_after_the_other_go_to_two_locals(void **state) {
    if (!WPLUG_SIMD) skip();
    (void)state;
    const base_bytes bytes = {vectors_to_locals, sizeof vectors_to_locals};
    const exported_run run = run_export(bytes, "set_twice", NULL);
    assert_int_equal(run.outcome, ENGINE_FINISHED);
    assert_int_equal(run.cells, 4);
    assert_int_equal(run.results[0], 3);
    assert_int_equal(run.results[1], 4);
    assert_int_equal(run.results[2], 1);
    assert_int_equal(run.results[3], 2);
}

static void a_vector_below_a_dropped_one_goes_to_its_local(void **state) {
    if (!WPLUG_SIMD) skip();
    (void)state;
    const base_bytes bytes = {vectors_to_locals, sizeof vectors_to_locals};
    const exported_run run = run_export(bytes, "set_after_drop", NULL);
    assert_int_equal(run.outcome, ENGINE_FINISHED);
    assert_int_equal(run.cells, 2);
    assert_int_equal(run.results[0], 1);
    assert_int_equal(run.results[1], 2);
}

static void throwing_and_catching_for_ever_runs_out_of_fuel(void **state) {
    (void)state;
    const base_bytes bytes = {throws_and_catches, sizeof throws_and_catches};
    const exported_run run = run_export(bytes, "forever", NULL);
    assert_int_equal(run.outcome, ENGINE_OUT_OF_FUEL);
    assert_int_equal(run.cells, 0);
    assert_true(run.fuel > 1000);
}

/* try_table, and the five instructions in it; not the two that are jumped over (docs/engine.md, "Fuel"). */
static void an_exception_that_is_caught_costs_the_body_of_the_try_table(void **state) {
    (void)state;
    const base_bytes bytes = {throws_and_catches, sizeof throws_and_catches};
    const exported_run run = run_export(bytes, "once", NULL);
    assert_int_equal(run.outcome, ENGINE_FINISHED);
    assert_int_equal(run.cells, 0);
    assert_int_equal(run.fuel, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_vectors_set_one_after_the_other_go_to_two_locals),
        cmocka_unit_test(a_vector_below_a_dropped_one_goes_to_its_local),
        cmocka_unit_test(throwing_and_catching_for_ever_runs_out_of_fuel),
        cmocka_unit_test(an_exception_that_is_caught_costs_the_body_of_the_try_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
