/* Vectors where the official suite does not look: beside scalars in frames, globals and calls, in code that the
 * translator shortens, and what the relaxed instructions give here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/opcodes.h"

/* ---- Guests --------------------------------------------------------------------------------------------- */

/*
(module
  (import "env" "swap" (func $swap (param i32 v128) (result v128)))
  (import "env" "shared" (global $shared (mut v128)))
  (global $before (mut i32) (i32.const 7))
  (global $own (mut v128) (v128.const i64x2 1 2))
  (global $after (mut i32) (i32.const 9))
  (memory 1)
  (func (export "set_two") (param v128 v128) (result v128 v128) (local v128 v128)
    local.get 0 local.get 1 i64x2.add
    local.get 0 local.get 1 i64x2.sub
    local.set 2
    local.set 3
    local.get 2 local.get 3)
  (func (export "set_below_a_dropped_one") (param v128 v128) (result v128) (local v128)
    local.get 0 local.get 1 i64x2.add
    v128.const i64x2 5 5
    drop
    local.set 2
    local.get 2)
  (func (export "add_below_a_constant_set") (param v128 v128) (result v128 v128) (local v128)
    local.get 0 local.get 0 i64x2.add
    local.get 1 local.get 1 i64x2.add
    v128.const i64x2 5 5
    local.set 2
    i64x2.add
    local.get 2)
  (func (export "constants") (param v128) (result v128 v128 v128)
    local.get 0 v128.const i64x2 10 20 i64x2.sub
    v128.const i64x2 10 20 local.get 0 i64x2.sub
    v128.const i64x2 10 20 v128.const i64x2 1 2 i64x2.sub)
  (func (export "globals") (param v128) (result i32 v128 v128 i32)
    global.get $own
    local.get 0 global.set $own
    global.set $shared
    global.get $before global.get $shared global.get $own global.get $after)
  (func (export "ask") (param v128) (result v128)
    i32.const 3
    local.get 0 local.get 0 i64x2.add
    call $swap)
  (func $both (param i32 v128 v128) (result v128 i32)
    local.get 1 local.get 2 local.get 0 select
    local.get 0)
  (func (export "carried") (param i32 v128 v128) (result i32 v128)
    block (result v128 i32)
      i64.const 1
      local.get 0 local.get 1 local.get 2 call $both
      local.get 0
      br_if 0
      br 0
    end
    local.set 0
    local.set 1
    local.get 0
    local.get 1)
  (func (export "reused_slots") (param i32 v128) (result i32)
    local.get 0 i32.const 1 i32.add
    local.get 0 i32.const 2 i32.add
    i32.mul
    local.get 1 local.get 1 i32x4.add
    i32x4.extract_lane 1
    i32.add)
)
*/
static const uint8_t guest_bytes[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x43, 0x0A, 0x60, 0x02, 0x7F, 0x7B, 0x01, 0x7B,
    0x60, 0x02, 0x7B, 0x7B, 0x02, 0x7B, 0x7B, 0x60, 0x02, 0x7B, 0x7B, 0x01, 0x7B, 0x60, 0x01, 0x7B, 0x03,
    0x7B, 0x7B, 0x7B, 0x60, 0x01, 0x7B, 0x04, 0x7F, 0x7B, 0x7B, 0x7F, 0x60, 0x01, 0x7B, 0x01, 0x7B, 0x60,
    0x03, 0x7F, 0x7B, 0x7B, 0x02, 0x7B, 0x7F, 0x60, 0x03, 0x7F, 0x7B, 0x7B, 0x02, 0x7F, 0x7B, 0x60, 0x00,
    0x02, 0x7B, 0x7F, 0x60, 0x02, 0x7F, 0x7B, 0x01, 0x7F, 0x02, 0x1A, 0x02, 0x03, 0x65, 0x6E, 0x76, 0x04,
    0x73, 0x77, 0x61, 0x70, 0x00, 0x00, 0x03, 0x65, 0x6E, 0x76, 0x06, 0x73, 0x68, 0x61, 0x72, 0x65, 0x64,
    0x03, 0x7B, 0x01, 0x03, 0x0A, 0x09, 0x01, 0x02, 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x09, 0x05, 0x03,
    0x01, 0x00, 0x01, 0x06, 0x20, 0x03, 0x7F, 0x01, 0x41, 0x07, 0x0B, 0x7B, 0x01, 0xFD, 0x0C, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0B, 0x7F, 0x01,
    0x41, 0x09, 0x0B, 0x07, 0x75, 0x08, 0x07, 0x73, 0x65, 0x74, 0x5F, 0x74, 0x77, 0x6F, 0x00, 0x01, 0x17,
    0x73, 0x65, 0x74, 0x5F, 0x62, 0x65, 0x6C, 0x6F, 0x77, 0x5F, 0x61, 0x5F, 0x64, 0x72, 0x6F, 0x70, 0x70,
    0x65, 0x64, 0x5F, 0x6F, 0x6E, 0x65, 0x00, 0x02, 0x18, 0x61, 0x64, 0x64, 0x5F, 0x62, 0x65, 0x6C, 0x6F,
    0x77, 0x5F, 0x61, 0x5F, 0x63, 0x6F, 0x6E, 0x73, 0x74, 0x61, 0x6E, 0x74, 0x5F, 0x73, 0x65, 0x74, 0x00,
    0x03, 0x09, 0x63, 0x6F, 0x6E, 0x73, 0x74, 0x61, 0x6E, 0x74, 0x73, 0x00, 0x04, 0x07, 0x67, 0x6C, 0x6F,
    0x62, 0x61, 0x6C, 0x73, 0x00, 0x05, 0x03, 0x61, 0x73, 0x6B, 0x00, 0x06, 0x07, 0x63, 0x61, 0x72, 0x72,
    0x69, 0x65, 0x64, 0x00, 0x08, 0x0C, 0x72, 0x65, 0x75, 0x73, 0x65, 0x64, 0x5F, 0x73, 0x6C, 0x6F, 0x74,
    0x73, 0x00, 0x09, 0x0A, 0xA7, 0x02, 0x09, 0x1A, 0x01, 0x02, 0x7B, 0x20, 0x00, 0x20, 0x01, 0xFD, 0xCE,
    0x01, 0x20, 0x00, 0x20, 0x01, 0xFD, 0xD1, 0x01, 0x21, 0x02, 0x21, 0x03, 0x20, 0x02, 0x20, 0x03, 0x0B,
    0x22, 0x01, 0x01, 0x7B, 0x20, 0x00, 0x20, 0x01, 0xFD, 0xCE, 0x01, 0xFD, 0x0C, 0x05, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1A, 0x21, 0x02, 0x20, 0x02,
    0x0B, 0x2B, 0x01, 0x01, 0x7B, 0x20, 0x00, 0x20, 0x00, 0xFD, 0xCE, 0x01, 0x20, 0x01, 0x20, 0x01, 0xFD,
    0xCE, 0x01, 0xFD, 0x0C, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x21, 0x02, 0xFD, 0xCE, 0x01, 0x20, 0x02, 0x0B, 0x57, 0x00, 0x20, 0x00, 0xFD, 0x0C,
    0x0A, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFD,
    0xD1, 0x01, 0xFD, 0x0C, 0x0A, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x20, 0x00, 0xFD, 0xD1, 0x01, 0xFD, 0x0C, 0x0A, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFD, 0x0C, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFD, 0xD1, 0x01, 0x0B, 0x12, 0x00, 0x23,
    0x02, 0x20, 0x00, 0x24, 0x02, 0x24, 0x00, 0x23, 0x01, 0x23, 0x00, 0x23, 0x02, 0x23, 0x03, 0x0B, 0x0D,
    0x00, 0x41, 0x03, 0x20, 0x00, 0x20, 0x00, 0xFD, 0xCE, 0x01, 0x10, 0x00, 0x0B, 0x0B, 0x00, 0x20, 0x01,
    0x20, 0x02, 0x20, 0x00, 0x1B, 0x20, 0x00, 0x0B, 0x1D, 0x00, 0x02, 0x08, 0x42, 0x01, 0x20, 0x00, 0x20,
    0x01, 0x20, 0x02, 0x10, 0x07, 0x20, 0x00, 0x0D, 0x00, 0x0C, 0x00, 0x0B, 0x21, 0x00, 0x21, 0x01, 0x20,
    0x00, 0x20, 0x01, 0x0B, 0x18, 0x00, 0x20, 0x00, 0x41, 0x01, 0x6A, 0x20, 0x00, 0x41, 0x02, 0x6A, 0x6C,
    0x20, 0x01, 0x20, 0x01, 0xFD, 0xAE, 0x01, 0xFD, 0x1B, 0x01, 0x6A, 0x0B,
};

/* (module (func (export "f") (param v128 v128 v128) (result v128) ...)) up to the size of the code section. */
static const uint8_t operation_bytes[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x01, 0x60, 0x03, 0x7B, 0x7B,
    0x7B, 0x01, 0x7B, 0x03, 0x02, 0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0A,
};

/* ---- The world they run in ------------------------------------------------------------------------------ */

typedef struct vector {
    uint64_t low, high;
} vector;

typedef struct world {
    engine_store *store;
    engine_exec *exec;
    engine_instance *instance;
    engine_extern swap, shared;
} world;

/* env.swap: the halves change places, and the i32 is added to both. */
static engine_host_result swap(void *user, engine_exec *exec, uint64_t *cells) {
    (void)user;
    (void)exec;
    const uint64_t number = cells[0], low = cells[1], high = cells[2];
    cells[0] = high + number;
    cells[1] = low + number;
    return ENGINE_HOST_DONE;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    const world *w = user;
    *out = import->type.kind == ENGINE_FUNC ? w->swap : w->shared;
    return true;
}

static world open_world(base_bytes bytes) {
    static const engine_valtype params[] = {ENGINE_I32, ENGINE_V128}, results[] = {ENGINE_V128};
    static const uint64_t nothing[2] = {0, 0};
    world w = {0};
    engine_module *module = NULL;
    assert_int_equal(engine_module_load(NULL, bytes, engine_features_available(), &module, NULL), BASE_OK);
    assert_int_equal(engine_store_new(NULL, NULL, &w.store), BASE_OK);
    assert_int_equal(engine_host_func_new(w.store, "swap", params, 2, results, 1, swap, NULL, &w.swap),
                     BASE_OK);
    assert_int_equal(engine_global_new(w.store, ENGINE_V128, true, nothing, &w.shared, NULL), BASE_OK);
    assert_int_equal(engine_instantiate(w.store, module, resolve, &w, &w.instance, NULL, NULL), BASE_OK);
    assert_int_equal(engine_exec_new(w.store, &w.exec), BASE_OK);
    engine_module_release(module);
    return w;
}

static void close_world(world *w) {
    engine_exec_free(w->exec);
    engine_store_free(w->store);
}

/* Calls an export and gives its results. */
static const uint64_t *call(world *w, const char *name, const uint64_t *arguments) {
    engine_extern function;
    assert_true(engine_instance_export(w->instance, base_bytes_from_text(name), &function, NULL));
    assert_int_equal(engine_exec_start(w->exec, function.func, arguments, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(w->exec, 1000), ENGINE_FINISHED);
    return engine_exec_results(w->exec);
}

/* The relaxed instruction 0xFD 0x100 + `number` with so many operands. */
static vector relaxed(uint8_t number, unsigned operands, vector x, vector y, vector z) {
    uint8_t bytes[64];
    size_t size = sizeof operation_bytes;
    memcpy(bytes, operation_bytes, size);
    bytes[size++] = (uint8_t)(7 + 2 * operands); /* of the section: one body without locals */
    bytes[size++] = 1;
    bytes[size++] = (uint8_t)(5 + 2 * operands);
    bytes[size++] = 0;
    for (uint8_t i = 0; i < operands; i++) {
        bytes[size++] = 0x20;
        bytes[size++] = i;
    }
    bytes[size++] = 0xFD;
    bytes[size++] = number | 0x80;
    bytes[size++] = 0x02;
    bytes[size++] = 0x0B;
    world w = open_world((base_bytes){bytes, size});
    const uint64_t arguments[] = {x.low, x.high, y.low, y.high, z.low, z.high};
    const uint64_t *results = call(&w, "f", arguments);
    const vector result = {results[0], results[1]};
    close_world(&w);
    return result;
}

static void assert_vector(vector actual, uint64_t low, uint64_t high) {
    assert_int_equal(actual.low, low);
    assert_int_equal(actual.high, high);
}

static vector f32x4(float x0, float x1, float x2, float x3) {
    return (vector){engine_cell_f32(x0) | engine_cell_f32(x1) << 32, engine_cell_f32(x2) | engine_cell_f32(x3)
                                                                                               << 32};
}
static vector f64x2(double x0, double x1) {
    return (vector){engine_cell_f64(x0), engine_cell_f64(x1)};
}

static const vector nothing = {0, 0};

/* ---- In code that the translator shortens --------------------------------------------------------------- */

static world guest;

static int open_guest(void **state) {
    (void)state;
    guest = open_world((base_bytes){guest_bytes, sizeof guest_bytes});
    return 0;
}
static int close_guest(void **state) {
    (void)state;
    close_world(&guest);
    return 0;
}

static void each_of_two_locals_gets_its_own_vector(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "set_two", (const uint64_t[]){100, 200, 1, 2});
    assert_int_equal(results[0], 99);
    assert_int_equal(results[1], 198);
    assert_int_equal(results[2], 101);
    assert_int_equal(results[3], 202);
}

static void a_local_gets_the_vector_below_a_dropped_one(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "set_below_a_dropped_one", (const uint64_t[]){100, 200, 1, 2});
    assert_int_equal(results[0], 101);
    assert_int_equal(results[1], 202);
}

static void a_constant_that_is_not_an_operand_stays_out_of_the_addition(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "add_below_a_constant_set", (const uint64_t[]){100, 200, 1, 2});
    assert_int_equal(results[0], 202);
    assert_int_equal(results[1], 404);
    assert_int_equal(results[2], 5);
    assert_int_equal(results[3], 5);
}

static void constants_may_be_either_operand_or_both(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "constants", (const uint64_t[]){100, 200});
    assert_int_equal(results[0], 90);
    assert_int_equal(results[1], 180);
    assert_int_equal(results[2], (uint64_t)-90);
    assert_int_equal(results[3], (uint64_t)-180);
    assert_int_equal(results[4], 9);
    assert_int_equal(results[5], 18);
}

/* ---- Beside scalars ------------------------------------------------------------------------------------- */

static void globals_of_vectors_take_two_cells_and_leave_their_neighbours_alone(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "globals", (const uint64_t[]){3, 4});
    assert_int_equal(results[0], 7);
    assert_int_equal(results[1], 1);
    assert_int_equal(results[2], 2);
    assert_int_equal(results[3], 3);
    assert_int_equal(results[4], 4);
    assert_int_equal(results[5], 9);
    uint64_t shared[2];
    engine_global_get(guest.shared.global, shared);
    assert_int_equal(shared[0], 1);
    assert_int_equal(shared[1], 2);
}

static void a_host_function_finds_the_low_half_of_a_vector_first(void **state) {
    (void)state;
    const uint64_t *results = call(&guest, "ask", (const uint64_t[]){10, 20});
    assert_int_equal(results[0], 43);
    assert_int_equal(results[1], 23);
}

static void branches_carry_vectors_past_what_they_leave_behind(void **state) {
    (void)state;
    for (uint64_t number = 0; number < 2; number++) {
        const uint64_t *results = call(&guest, "carried", (const uint64_t[]){number, 1, 2, 3, 4});
        assert_int_equal(results[0], number);
        assert_int_equal(results[1], number ? 1 : 3);
        assert_int_equal(results[2], number ? 2 : 4);
    }
}

static void a_vector_in_the_slots_of_former_numbers_is_not_taken_for_them(void **state) {
    (void)state;
    const uint64_t lanes = UINT64_C(1000) << 32 | 77;
    assert_int_equal(call(&guest, "reused_slots", (const uint64_t[]){5, lanes, lanes})[0], 6 * 7 + 2000);
}

/* ---- In memories other than a 32-bit memory 0 ------------------------------------------------------------ */

enum { ACCESS_OFFSET = 4, ACCESS_LANE = 1, PAGE = 65536 };

/* (module (memory 1) (memory i64 1) (func (export "f") (param i64 v128) (result v128) ...)) up to the code section. The
 * function makes the access `op` at the address it is given, in memory 0 or, far, in memory 1, and returns what it
 * loads, or else its argument. */
static world open_access(uint32_t op, bool far) {
    static const uint8_t head[] = {
        0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0x01, 0x60,
        0x02, 0x7E, 0x7B, 0x01, 0x7B, 0x03, 0x02, 0x01, 0x00, 0x05, 0x05, 0x02,
        0x00, 0x01, 0x04, 0x01, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0A,
    };
    const engine_op_info *info = engine_op_get(op);
    uint8_t body[32];
    size_t size = 0;
    body[size++] = 0; /* locals */
    body[size++] = 0x20;
    body[size++] = 0;
    if (!far) body[size++] = 0xA7; /* i32.wrap_i64 */
    if (info->signature[1] == 'v') {
        body[size++] = 0x20;
        body[size++] = 1;
    }
    body[size++] = 0xFD;
    body[size++] = (uint8_t)(op - 0x200);
    body[size++] = far ? 0x40 : 0;
    if (far) body[size++] = 1;
    body[size++] = ACCESS_OFFSET;
    if (info->immediate == ENGINE_IMM_MEMARG_LANE) body[size++] = ACCESS_LANE;
    if (info->signature[strlen(info->signature) - 1] == ':') {
        body[size++] = 0x20;
        body[size++] = 1;
    }
    body[size++] = 0x0B;
    uint8_t bytes[sizeof head + 3 + sizeof body];
    memcpy(bytes, head, sizeof head);
    bytes[sizeof head] = (uint8_t)(size + 2);
    bytes[sizeof head + 1] = 1;
    bytes[sizeof head + 2] = (uint8_t)size;
    memcpy(bytes + sizeof head + 3, body, size);
    world w = open_world((base_bytes){bytes, sizeof head + 3 + size});
    for (uint32_t memory = 0; memory < 2; memory++) {
        uint8_t *data = engine_memory_range(engine_instance_memory(w.instance, memory), 0, PAGE);
        for (uint32_t i = 0; i < PAGE; i++) data[i] = (uint8_t)(i * 7 + 131);
    }
    return w;
}

static void assert_access_traps(world *w, uint64_t address) {
    engine_extern function;
    const uint64_t arguments[] = {address, 0, 0};
    assert_true(engine_instance_export(w->instance, base_bytes_from_text("f"), &function, NULL));
    assert_int_equal(engine_exec_start(w->exec, function.func, arguments, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(w->exec, 1000), ENGINE_TRAPPED);
    assert_int_equal(engine_exec_trap(w->exec), ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
}

static void far_accesses_do_what_near_ones_do(void **state) {
    (void)state;
    unsigned accesses = 0;
    for (uint32_t op = 0x200; op < 0x300; op++) {
        const engine_op_info *info = engine_op_get(op);
        if (info->immediate != ENGINE_IMM_MEMARG && info->immediate != ENGINE_IMM_MEMARG_LANE) continue;
        accesses++;
        world near = open_access(op, false), far = open_access(op, true);
        const uint64_t last = PAGE - ACCESS_OFFSET - (1u << info->access);
        const uint64_t arguments[] = {last, UINT64_C(0x8877665544332211), UINT64_C(0xFFEEDDCCBBAA9988)};
        const uint64_t *expected = call(&near, "f", arguments), *actual = call(&far, "f", arguments);
        assert_memory_equal(actual, expected, 16);
        assert_memory_equal(engine_memory_range(engine_instance_memory(far.instance, 1), 0, PAGE),
                            engine_memory_range(engine_instance_memory(near.instance, 0), 0, PAGE), PAGE);
        assert_access_traps(&far, last + 1);
        assert_access_traps(&far, last + (UINT64_C(1) << 32));
        assert_access_traps(&far, UINT64_MAX);
        close_world(&near);
        close_world(&far);
    }
    assert_int_equal(accesses, 22);
}

/* ---- Relaxed instructions: what simd.h promises --------------------------------------------------------- */

static void relaxed_swizzle_gives_0_for_every_index_past_15(void **state) {
    (void)state;
    const vector bytes = {UINT64_C(0x0807060504030201), UINT64_C(0x100F0E0D0C0B0A09)};
    const vector indices = {UINT64_C(0xFF8F80407F100F00), UINT64_C(0x0102030405060708)};
    assert_vector(relaxed(0x00, 2, bytes, indices, nothing), 0x1001, UINT64_C(0x0203040506070809));
}

static void relaxed_truncation_saturates(void **state) {
    (void)state;
    const float nan = engine_f32(0x7FC00000);
    assert_vector(relaxed(0x01, 1, f32x4(nan, 3e9f, -3e9f, -1.9f), nothing, nothing),
                  UINT64_C(0x7FFFFFFF00000000), UINT64_C(0xFFFFFFFF80000000));
    assert_vector(relaxed(0x02, 1, f32x4(nan, 5e9f, -1.0f, 1.9f), nothing, nothing),
                  UINT64_C(0xFFFFFFFF00000000), UINT64_C(0x0000000100000000));
    assert_vector(relaxed(0x03, 1, f64x2(-3e9, 3e9), nothing, nothing), UINT64_C(0x7FFFFFFF80000000), 0);
    assert_vector(relaxed(0x04, 1, f64x2(-3e9, 5e9), nothing, nothing), UINT64_C(0xFFFFFFFF00000000), 0);
}

/* The exact square has one bit more than fits, so that only a product rounded by itself leaves nothing. */
static void relaxed_madd_rounds_the_product_before_it_adds(void **state) {
    (void)state;
    const float f = 1.0f + 0x1p-12f, square = 1.0f + 0x1p-11f;
    const vector x = f32x4(f, f, f, f), z = f32x4(square, square, square, square);
    const vector minus_z = f32x4(-square, -square, -square, -square);
    assert_vector(relaxed(0x05, 3, x, x, minus_z), 0, 0);
    assert_vector(relaxed(0x06, 3, x, x, z), 0, 0);
    const double d = 1.0 + 0x1p-27, square_of_d = 1.0 + 0x1p-26;
    assert_vector(relaxed(0x07, 3, f64x2(d, d), f64x2(d, d), f64x2(-square_of_d, -square_of_d)), 0, 0);
    assert_vector(relaxed(0x08, 3, f64x2(d, d), f64x2(d, d), f64x2(square_of_d, square_of_d)), 0, 0);
}

static void relaxed_laneselect_chooses_bit_by_bit(void **state) {
    (void)state;
    const vector x = {UINT64_MAX, UINT64_MAX}, mask = {UINT64_C(0x8001F00F12345678), 1};
    for (uint8_t number = 0x09; number <= 0x0C; number++)
        assert_vector(relaxed(number, 3, x, nothing, mask), mask.low, mask.high);
}

static void relaxed_min_and_max_know_signed_zeros_and_nan(void **state) {
    (void)state;
    const float nan = engine_f32(0x7FC00000);
    const vector x = f32x4(0.0f, -0.0f, 1.0f, 2.0f), y = f32x4(-0.0f, 0.0f, 3.0f, -1.0f);
    assert_vector(relaxed(0x0D, 2, x, y, nothing), f32x4(-0.0f, -0.0f, 1.0f, -1.0f).low,
                  f32x4(0, 0, 1.0f, -1.0f).high);
    assert_vector(relaxed(0x0E, 2, x, y, nothing), 0, f32x4(0, 0, 3.0f, 2.0f).high);
    assert_vector(relaxed(0x0F, 2, f64x2(0.0, 1.0), f64x2(-0.0, 3.0), nothing), UINT64_C(1) << 63,
                  f64x2(1.0, 0).low);
    assert_vector(relaxed(0x10, 2, f64x2(-0.0, 1.0), f64x2(0.0, 3.0), nothing), 0, f64x2(3.0, 0).low);
    for (uint8_t number = 0x0D; number <= 0x0E; number++) {
        const vector result =
            relaxed(number, 2, f32x4(nan, 1.0f, 1.0f, 1.0f), f32x4(1.0f, nan, 1.0f, 1.0f), nothing);
        const float first = engine_f32(result.low), second = engine_f32(result.low >> 32);
        assert_true(first != first);
        assert_true(second != second);
    }
}

static void relaxed_q15mulr_saturates(void **state) {
    (void)state;
    const vector least = {UINT64_C(0x8000800080008000), UINT64_C(0x8000800080008000)};
    assert_vector(relaxed(0x11, 2, least, least, nothing), UINT64_C(0x7FFF7FFF7FFF7FFF),
                  UINT64_C(0x7FFF7FFF7FFF7FFF));
}

static void relaxed_dot_products_are_signed_and_wrap_around(void **state) {
    (void)state;
    const vector least = {UINT64_C(0x8080808080808080), UINT64_C(0x8080808080808080)};
    const vector one = {UINT64_C(0x0000000100000001), UINT64_C(0x0000000100000001)};
    assert_vector(relaxed(0x12, 2, least, least, nothing), UINT64_C(0x8000800080008000),
                  UINT64_C(0x8000800080008000));
    assert_vector(relaxed(0x13, 3, least, least, one), UINT64_C(0xFFFF0001FFFF0001),
                  UINT64_C(0xFFFF0001FFFF0001));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_two_locals_gets_its_own_vector),
        cmocka_unit_test(a_local_gets_the_vector_below_a_dropped_one),
        cmocka_unit_test(a_constant_that_is_not_an_operand_stays_out_of_the_addition),
        cmocka_unit_test(constants_may_be_either_operand_or_both),
        cmocka_unit_test(globals_of_vectors_take_two_cells_and_leave_their_neighbours_alone),
        cmocka_unit_test(a_host_function_finds_the_low_half_of_a_vector_first),
        cmocka_unit_test(branches_carry_vectors_past_what_they_leave_behind),
        cmocka_unit_test(a_vector_in_the_slots_of_former_numbers_is_not_taken_for_them),
        cmocka_unit_test(far_accesses_do_what_near_ones_do),
        cmocka_unit_test(relaxed_swizzle_gives_0_for_every_index_past_15),
        cmocka_unit_test(relaxed_truncation_saturates),
        cmocka_unit_test(relaxed_madd_rounds_the_product_before_it_adds),
        cmocka_unit_test(relaxed_laneselect_chooses_bit_by_bit),
        cmocka_unit_test(relaxed_min_and_max_know_signed_zeros_and_nan),
        cmocka_unit_test(relaxed_q15mulr_saturates),
        cmocka_unit_test(relaxed_dot_products_are_signed_and_wrap_around),
    };
    return cmocka_run_group_tests(tests, open_guest, close_guest);
}
