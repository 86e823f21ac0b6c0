/* Runs, seen through the engine's interface: suspended, resumed, dropped and started over; host functions that answer
 * now, later or never; limits; fuel; backtraces; and what happens when memory runs out in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "test_heap.h"

#include <stdio.h>

/* ---- Guests ------------------------------------------------------------------------------------------------- */

/*
(module
  (import "env" "ask" (func $ask (param i32 i64) (result i64)))
  (memory (export "memory") 1 4)
  (table (export "table") 2 8 funcref)
  (func (export "grow") (param i32) (result i32)
    local.get 0 memory.grow)
  (func (export "grow_table") (param i32) (result i32)
    ref.null func local.get 0 table.grow 0)
  (func $ask_twice (export "ask_twice") (param i32) (result i64)
    local.get 0 i64.const 5 call $ask
    local.get 0 i64.const 7 call $ask
    i64.add)
  (func $through (export "through") (param i32) (result i64)
    local.get 0 call $ask_twice)
  (func (export "count") (param i32) (result i32) (local i32)
    loop
      local.get 1 i32.const 1 i32.add local.tee 1
      local.get 0 i32.lt_u br_if 0
    end
    local.get 1)
  (func $descend (export "descend") (param i32) (result i32)
    local.get 0
    if (result i32)
      local.get 0 i32.const 1 i32.sub call $descend
      i32.const 1 i32.add
    else
      i32.const 0
    end)
  (func $fail (export "fail") unreachable)
  (func (export "peek") (param i32) (result i32)
    local.get 0 i32.load)
  (func (export "size_after_asking") (result i32)
    i32.const 0 i64.const 0 call $ask drop
    memory.size)
)
*/
static const uint8_t guest_bytes[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x18, 0x05, 0x60, 0x02, 0x7F, 0x7E, 0x01, 0x7E,
    0x60, 0x01, 0x7F, 0x01, 0x7F, 0x60, 0x01, 0x7F, 0x01, 0x7E, 0x60, 0x00, 0x00, 0x60, 0x00, 0x01, 0x7F,
    0x02, 0x0B, 0x01, 0x03, 0x65, 0x6E, 0x76, 0x03, 0x61, 0x73, 0x6B, 0x00, 0x00, 0x03, 0x0A, 0x09, 0x01,
    0x01, 0x02, 0x02, 0x01, 0x01, 0x03, 0x01, 0x04, 0x04, 0x05, 0x01, 0x70, 0x01, 0x02, 0x08, 0x05, 0x04,
    0x01, 0x01, 0x01, 0x04, 0x07, 0x70, 0x0B, 0x06, 0x6D, 0x65, 0x6D, 0x6F, 0x72, 0x79, 0x02, 0x00, 0x05,
    0x74, 0x61, 0x62, 0x6C, 0x65, 0x01, 0x00, 0x04, 0x67, 0x72, 0x6F, 0x77, 0x00, 0x01, 0x0A, 0x67, 0x72,
    0x6F, 0x77, 0x5F, 0x74, 0x61, 0x62, 0x6C, 0x65, 0x00, 0x02, 0x09, 0x61, 0x73, 0x6B, 0x5F, 0x74, 0x77,
    0x69, 0x63, 0x65, 0x00, 0x03, 0x07, 0x74, 0x68, 0x72, 0x6F, 0x75, 0x67, 0x68, 0x00, 0x04, 0x05, 0x63,
    0x6F, 0x75, 0x6E, 0x74, 0x00, 0x05, 0x07, 0x64, 0x65, 0x73, 0x63, 0x65, 0x6E, 0x64, 0x00, 0x06, 0x04,
    0x66, 0x61, 0x69, 0x6C, 0x00, 0x07, 0x04, 0x70, 0x65, 0x65, 0x6B, 0x00, 0x08, 0x11, 0x73, 0x69, 0x7A,
    0x65, 0x5F, 0x61, 0x66, 0x74, 0x65, 0x72, 0x5F, 0x61, 0x73, 0x6B, 0x69, 0x6E, 0x67, 0x00, 0x09, 0x0A,
    0x6C, 0x09, 0x06, 0x00, 0x20, 0x00, 0x40, 0x00, 0x0B, 0x09, 0x00, 0xD0, 0x70, 0x20, 0x00, 0xFC, 0x0F,
    0x00, 0x0B, 0x0F, 0x00, 0x20, 0x00, 0x42, 0x05, 0x10, 0x00, 0x20, 0x00, 0x42, 0x07, 0x10, 0x00, 0x7C,
    0x0B, 0x06, 0x00, 0x20, 0x00, 0x10, 0x03, 0x0B, 0x15, 0x01, 0x01, 0x7F, 0x03, 0x40, 0x20, 0x01, 0x41,
    0x01, 0x6A, 0x22, 0x01, 0x20, 0x00, 0x49, 0x0D, 0x00, 0x0B, 0x20, 0x01, 0x0B, 0x14, 0x00, 0x20, 0x00,
    0x04, 0x7F, 0x20, 0x00, 0x41, 0x01, 0x6B, 0x10, 0x06, 0x41, 0x01, 0x6A, 0x05, 0x41, 0x00, 0x0B, 0x0B,
    0x03, 0x00, 0x00, 0x0B, 0x07, 0x00, 0x20, 0x00, 0x28, 0x02, 0x00, 0x0B, 0x0B, 0x00, 0x41, 0x00, 0x42,
    0x00, 0x10, 0x00, 0x1A, 0x3F, 0x00, 0x0B, 0x00, 0x47, 0x04, 0x6E, 0x61, 0x6D, 0x65, 0x01, 0x29, 0x05,
    0x00, 0x03, 0x61, 0x73, 0x6B, 0x03, 0x09, 0x61, 0x73, 0x6B, 0x5F, 0x74, 0x77, 0x69, 0x63, 0x65, 0x04,
    0x07, 0x74, 0x68, 0x72, 0x6F, 0x75, 0x67, 0x68, 0x06, 0x07, 0x64, 0x65, 0x73, 0x63, 0x65, 0x6E, 0x64,
    0x07, 0x04, 0x66, 0x61, 0x69, 0x6C, 0x02, 0x15, 0x0A, 0x00, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00,
    0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00, 0x08, 0x00, 0x09, 0x00,
};

/* Imports from the guest above and has a memory of its own, which begins with 42.

(module
  (import "env" "through" (func $through (param i32) (result i64)))
  (import "env" "table" (table 2 funcref))
  (memory (export "memory") 1)
  (data (i32.const 0) "\2A")
  (func (export "call") (param i32) (result i64)
    local.get 0 call $through
    i32.const 0 i64.load
    i64.add)
  (type $number (func (result i32)))
  (func $mine (type $number)
    i32.const 0 i32.load)
  (elem (i32.const 1) $mine)
  (func (export "indirect") (param i32) (result i32)
    local.get 0 call_indirect (type $number))
)
*/
static const uint8_t other_bytes[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0F, 0x03, 0x60, 0x00, 0x01, 0x7F, 0x60, 0x01,
    0x7F, 0x01, 0x7E, 0x60, 0x01, 0x7F, 0x01, 0x7F, 0x02, 0x1D, 0x02, 0x03, 0x65, 0x6E, 0x76, 0x07, 0x74,
    0x68, 0x72, 0x6F, 0x75, 0x67, 0x68, 0x00, 0x01, 0x03, 0x65, 0x6E, 0x76, 0x05, 0x74, 0x61, 0x62, 0x6C,
    0x65, 0x01, 0x70, 0x00, 0x02, 0x03, 0x04, 0x03, 0x01, 0x00, 0x02, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07,
    0x1C, 0x03, 0x06, 0x6D, 0x65, 0x6D, 0x6F, 0x72, 0x79, 0x02, 0x00, 0x04, 0x63, 0x61, 0x6C, 0x6C, 0x00,
    0x01, 0x08, 0x69, 0x6E, 0x64, 0x69, 0x72, 0x65, 0x63, 0x74, 0x00, 0x03, 0x09, 0x07, 0x01, 0x00, 0x41,
    0x01, 0x0B, 0x01, 0x02, 0x0A, 0x1E, 0x03, 0x0C, 0x00, 0x20, 0x00, 0x10, 0x00, 0x41, 0x00, 0x29, 0x03,
    0x00, 0x7C, 0x0B, 0x07, 0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x0B, 0x07, 0x00, 0x20, 0x00, 0x11, 0x00,
    0x00, 0x0B, 0x0B, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0B, 0x01, 0x2A, 0x00, 0x2D, 0x04, 0x6E, 0x61, 0x6D,
    0x65, 0x01, 0x10, 0x02, 0x00, 0x07, 0x74, 0x68, 0x72, 0x6F, 0x75, 0x67, 0x68, 0x02, 0x04, 0x6D, 0x69,
    0x6E, 0x65, 0x02, 0x09, 0x04, 0x00, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x09, 0x01, 0x00,
    0x06, 0x6E, 0x75, 0x6D, 0x62, 0x65, 0x72,
};

/* ---- The world they run in ---------------------------------------------------------------------------------- */

typedef struct test_world test_world;

struct test_world {
    const base_allocator *allocator;
    engine_store *store;
    engine_exec *exec;
    engine_instance *guest, *other;
    engine_extern ask;
    /* What env.ask does: */
    engine_host_result answers; /* it multiplies its arguments where it answers at all */
    void (*also)(test_world *world, engine_exec *exec);
    /* What it saw: */
    unsigned calls;
    uint64_t arguments[2];
    engine_instance *caller;
};

static engine_host_result ask(void *user, engine_exec *exec, uint64_t *cells) {
    test_world *world = user;
    world->calls++;
    world->arguments[0] = cells[0];
    world->arguments[1] = cells[1];
    world->caller = engine_exec_caller(exec);
    if (world->also) world->also(world, exec);
    if (world->answers == ENGINE_HOST_TRAP) engine_exec_trap_set(exec, "asked for %u", engine_i32(cells[0]));
    if (world->answers == ENGINE_HOST_DONE || world->answers == ENGINE_HOST_YIELD) cells[0] *= cells[1];
    return world->answers;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    test_world *world = user;
    if (!base_bytes_equal_text(import->name, "ask"))
        return world->guest && engine_instance_export(world->guest, import->name, out, NULL);
    *out = world->ask;
    return true;
}

static base_status instantiate(test_world *world, base_bytes bytes, engine_instance **out) {
    engine_module *module;
    base_error error;
    base_status status =
        engine_module_load(world->allocator, bytes, engine_features_available(), &module, &error);
    if (status == BASE_OK)
        status = engine_instantiate(world->store, module, resolve, world, out, NULL, &error);
    engine_module_release(module);
    return status;
}

#define BYTES(array) ((base_bytes){array, sizeof array})

static base_status open_world(test_world *world, const base_allocator *allocator,
                              const engine_limits *limits) {
    static const engine_valtype params[] = {ENGINE_I32, ENGINE_I64}, result = ENGINE_I64;
    world->allocator = allocator;
    base_status status = engine_store_new(allocator, limits, &world->store);
    if (status == BASE_OK)
        status = engine_host_func_new(world->store, "ask", params, 2, &result, 1, ask, world, &world->ask);
    if (status == BASE_OK) status = instantiate(world, BYTES(guest_bytes), &world->guest);
    if (status == BASE_OK) status = instantiate(world, BYTES(other_bytes), &world->other);
    if (status == BASE_OK) status = engine_exec_new(world->store, &world->exec);
    return status;
}

static void close_world(test_world *world) {
    engine_exec_free(world->exec);
    if (world->store) engine_store_free(world->store);
}

static void begin(test_world *world, const engine_limits *limits) {
    *world = (struct test_world){0};
    assert_int_equal(open_world(world, NULL, limits), BASE_OK);
}

static uint64_t exported(const engine_instance *instance, const char *name) {
    engine_extern found;
    assert_true(engine_instance_export(instance, base_bytes_from_text(name), &found, NULL));
    return found.func;
}

static void start(test_world *world, const engine_instance *instance, const char *name, uint64_t argument) {
    assert_int_equal(engine_exec_start(world->exec, exported(instance, name), &argument, NULL), BASE_OK);
}

enum { PLENTY = 1000000 };

/* Calls to the end and returns the one result. */
static uint64_t call(test_world *world, const engine_instance *instance, const char *name,
                     uint64_t argument) {
    start(world, instance, name, argument);
    assert_int_equal(engine_exec_run(world->exec, PLENTY), ENGINE_FINISHED);
    return engine_exec_results(world->exec)[0];
}

static void assert_trapped(const test_world *world, engine_trap_code code, const char *message) {
    assert_int_equal(engine_exec_trap(world->exec), code);
    assert_string_equal(engine_exec_trap_message(world->exec), message);
}

/* "inner outer outermost", with * for host functions. */
static void assert_backtrace(const engine_exec *exec, const char *expected) {
    engine_frame frames[16];
    uint32_t count = engine_exec_backtrace(exec, frames, 16);
    char names[256] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < count && i < 16; i++)
        size += (size_t)snprintf(names + size, sizeof names - size, "%s%s%.*s", i ? " " : "",
                                 frames[i].module ? "" : "*", (int)frames[i].name.size, frames[i].name.data);
    assert_string_equal(names, expected);
}

/* ---- Host functions ----------------------------------------------------------------------------------------- */

static void a_host_function_gets_its_arguments_and_gives_its_result(void **state) {
    test_world world;
    begin(&world, NULL);
    assert_int_equal(call(&world, world.guest, "ask_twice", 10), 10 * 5 + 10 * 7);
    assert_int_equal(world.calls, 2);
    assert_int_equal(world.arguments[0], 10);
    assert_int_equal(world.arguments[1], 7);
    assert_ptr_equal(world.caller, world.guest);
    assert_null(engine_exec_caller(world.exec));
    close_world(&world);
}

static void a_pending_call_is_made_again_with_the_same_arguments(void **state) {
    test_world world;
    begin(&world, NULL);
    call(&world, world.guest, "ask_twice", 10);
    const uint64_t fuel = engine_exec_fuel_used(world.exec);

    world.calls = 0;
    world.answers = ENGINE_HOST_PENDING;
    start(&world, world.guest, "ask_twice", 10);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_WAITING);
        assert_int_equal(world.calls, i);
        assert_int_equal(world.arguments[0], 10);
        assert_int_equal(world.arguments[1], 5);
    }
    world.answers = ENGINE_HOST_DONE;
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(world.calls, 5);
    assert_int_equal(engine_exec_results(world.exec)[0], 120);
    assert_int_equal(engine_exec_fuel_used(world.exec), fuel);
    close_world(&world);
}

static void a_call_that_yields_ends_the_slice_and_keeps_its_result(void **state) {
    test_world world;
    begin(&world, NULL);
    world.answers = ENGINE_HOST_YIELD;
    start(&world, world.guest, "ask_twice", 10);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_OUT_OF_FUEL);
    assert_int_equal(world.calls, 1);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_OUT_OF_FUEL);
    assert_int_equal(world.calls, 2);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(world.calls, 2);
    assert_int_equal(engine_exec_results(world.exec)[0], 120);
    close_world(&world);
}

static void paying_a_debt_of_fuel_is_not_counted_as_using_it(void **state) {
    test_world world;
    begin(&world, NULL);
    start(&world, world.guest, "count", 1000);
    assert_int_equal(engine_exec_run(world.exec, 0), ENGINE_OUT_OF_FUEL);
    const uint64_t used = engine_exec_fuel_used(world.exec); /* all of it is owed */
    assert_true(used > 2);
    for (uint64_t paid = 1; paid < used; paid++) {
        assert_int_equal(engine_exec_run(world.exec, 1), ENGINE_OUT_OF_FUEL);
        assert_int_equal(engine_exec_fuel_used(world.exec), used);
    }
    close_world(&world);
}

static void a_run_of_a_host_function_that_yields_stands_nowhere(void **state) {
    test_world world;
    begin(&world, NULL);
    const uint64_t arguments[] = {6, 7};
    world.answers = ENGINE_HOST_YIELD;
    assert_int_equal(engine_exec_start(world.exec, world.ask.func, arguments, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_OUT_OF_FUEL);
    assert_backtrace(world.exec, "");
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(world.calls, 1);
    assert_int_equal(engine_exec_results(world.exec)[0], 42);
    close_world(&world);
}

static void a_host_functions_trap_carries_its_own_sentence(void **state) {
    test_world world;
    begin(&world, NULL);
    world.answers = ENGINE_HOST_TRAP;
    start(&world, world.guest, "through", 17);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_trapped(&world, ENGINE_TRAP_HOST, "asked for 17");
    assert_backtrace(world.exec, "*ask ask_twice through");
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_int_equal(world.calls, 1);
    close_world(&world);
}

static void a_host_function_can_be_started_itself(void **state) {
    test_world world;
    begin(&world, NULL);
    const uint64_t arguments[] = {6, 7};
    world.answers = ENGINE_HOST_PENDING;
    assert_int_equal(engine_exec_start(world.exec, world.ask.func, arguments, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_WAITING);
    assert_null(world.caller);
    assert_backtrace(world.exec, "*ask");
    world.answers = ENGINE_HOST_DONE;
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(engine_exec_results(world.exec)[0], 42);
    assert_int_equal(engine_exec_type(world.exec)->result_count, 1);
    close_world(&world);
}

static void make_host_functions(test_world *world, engine_exec *exec) {
    engine_extern out;
    for (int i = 0; i < 100; i++)
        assert_int_equal(engine_host_func_new(world->store, "more", NULL, 0, NULL, 0, ask, world, &out),
                         BASE_OK);
}

static void host_functions_can_be_made_while_one_runs(void **state) {
    test_world world;
    begin(&world, NULL);
    world.also = make_host_functions;
    assert_int_equal(call(&world, world.guest, "ask_twice", 10), 120);
    const uint64_t arguments[] = {6, 7};
    assert_int_equal(engine_exec_start(world.exec, world.ask.func, arguments, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(engine_exec_type(world.exec)->param_count, 2);
    close_world(&world);
}

static void make_instances(test_world *world, engine_exec *exec) {
    engine_instance *out;
    for (int i = 0; i < 10; i++) assert_int_equal(instantiate(world, BYTES(other_bytes), &out), BASE_OK);
}

static void instances_can_be_made_while_a_host_function_runs(void **state) {
    test_world world;
    begin(&world, NULL);
    world.also = make_instances;
    assert_int_equal(call(&world, world.other, "call", 10), 120 + 42);
    close_world(&world);
}

static void grow_the_guests_memory(test_world *world, engine_exec *exec) {
    engine_extern memory;
    assert_true(engine_instance_export(world->guest, BASE_LITERAL("memory"), &memory, NULL));
    engine_exec *nested;
    assert_int_equal(engine_exec_new(world->store, &nested), BASE_OK);
    const uint64_t one = 1;
    assert_int_equal(engine_exec_start(nested, exported(world->guest, "grow"), &one, NULL), BASE_OK);
    assert_int_equal(engine_exec_run(nested, PLENTY), ENGINE_FINISHED);
    engine_exec_free(nested);
}

static void a_run_inside_a_host_function_may_grow_the_memory_of_the_run_outside(void **state) {
    test_world world;
    begin(&world, NULL);
    world.also = grow_the_guests_memory;
    assert_int_equal(call(&world, world.guest, "size_after_asking", 0), 2);
    assert_int_equal(call(&world, world.guest, "peek", 0x1FFFC), 0);
    close_world(&world);
}

static void start_over(test_world *world, engine_exec *exec) {
    const uint64_t arguments[] = {6, 7};
    assert_int_equal(engine_exec_start(exec, world->ask.func, arguments, NULL), BASE_MISUSE);
}

static void a_run_cannot_start_over_inside_its_own_host_function(void **state) {
    test_world world;
    begin(&world, NULL);
    world.also = start_over;
    assert_int_equal(call(&world, world.guest, "ask_twice", 10), 120);
    close_world(&world);
}

/* ---- Across instances --------------------------------------------------------------------------------------- */

static void each_function_runs_in_its_own_instance(void **state) {
    test_world world;
    begin(&world, NULL);
    assert_int_equal(call(&world, world.other, "call", 10), 120 + 42);
    assert_ptr_equal(world.caller, world.guest);
    assert_int_equal(call(&world, world.other, "indirect", 1), 42);
    close_world(&world);
}

static void a_run_may_stop_and_go_on_inside_another_instance(void **state) {
    test_world world;
    begin(&world, NULL);
    world.answers = ENGINE_HOST_PENDING;
    start(&world, world.other, "call", 10);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_WAITING);
    assert_backtrace(world.exec, "*ask ask_twice through call");
    world.answers = ENGINE_HOST_DONE;
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(engine_exec_results(world.exec)[0], 162);
    close_world(&world);
}

static void a_null_entry_and_one_beyond_the_end_are_different_traps(void **state) {
    test_world world;
    begin(&world, NULL);
    start(&world, world.other, "indirect", 0);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_int_equal(engine_exec_trap(world.exec), ENGINE_TRAP_UNINITIALIZED_ELEMENT);
    start(&world, world.other, "indirect", 2);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_int_equal(engine_exec_trap(world.exec), ENGINE_TRAP_UNDEFINED_ELEMENT);
    close_world(&world);
}

/* ---- Stopping and starting ---------------------------------------------------------------------------------- */

static void a_finished_run_answers_the_same_again(void **state) {
    test_world world;
    begin(&world, NULL);
    assert_int_equal(call(&world, world.guest, "count", 50), 50);
    const uint64_t fuel = engine_exec_fuel_used(world.exec);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_FINISHED);
    assert_int_equal(engine_exec_results(world.exec)[0], 50);
    assert_int_equal(engine_exec_fuel_used(world.exec), fuel);
    close_world(&world);
}

static void a_run_can_start_over_from_every_state(void **state) {
    test_world world;
    begin(&world, NULL);
    start(&world, world.guest, "count", 1000); /* not run at all */
    start(&world, world.guest, "count", 1000);
    assert_int_equal(engine_exec_run(world.exec, 10), ENGINE_OUT_OF_FUEL);
    assert_int_equal(call(&world, world.guest, "count", 5), 5);
    start(&world, world.guest, "fail", 0);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_int_equal(call(&world, world.guest, "count", 6), 6);
    assert_int_equal(engine_exec_trap(world.exec), ENGINE_TRAP_NONE);
    world.answers = ENGINE_HOST_PENDING;
    start(&world, world.other, "call", 1);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_WAITING);
    assert_int_equal(call(&world, world.other, "indirect", 1), 42);
    close_world(&world);
}

static void a_run_can_be_dropped_in_every_state(void **state) {
    for (int stop = 0; stop < 5; stop++) {
        test_world world;
        begin(&world, NULL);
        world.answers = ENGINE_HOST_PENDING;
        if (stop == 1) start(&world, world.other, "call", 1);
        if (stop == 2) start(&world, world.guest, "count", 1000);
        if (stop == 3) start(&world, world.other, "call", 1);
        if (stop == 4) start(&world, world.guest, "fail", 0);
        if (stop >= 2) engine_exec_run(world.exec, 100);
        close_world(&world);
    }
}

static void runs_of_one_store_take_turns(void **state) {
    enum { RUNS = 5 };
    test_world world;
    begin(&world, NULL);
    engine_exec *execs[RUNS];
    for (uint64_t i = 0; i < RUNS; i++) {
        const uint64_t depth = 50 + i;
        assert_int_equal(engine_exec_new(world.store, &execs[i]), BASE_OK);
        assert_int_equal(engine_exec_start(execs[i], exported(world.guest, "descend"), &depth, NULL),
                         BASE_OK);
    }
    for (unsigned running = RUNS; running > 0;) {
        running = 0;
        for (int i = 0; i < RUNS; i++) running += engine_exec_run(execs[i], 13) != ENGINE_FINISHED;
    }
    for (uint64_t i = 0; i < RUNS; i++) {
        assert_int_equal(engine_exec_results(execs[i])[0], 50 + i);
        engine_exec_free(execs[i]);
    }
    close_world(&world);
}

static void a_token_that_names_no_function_cannot_be_started(void **state) {
    test_world world;
    begin(&world, NULL);
    const uint64_t argument = 0;
    base_error error;
    assert_int_equal(engine_exec_start(world.exec, 0, &argument, &error), BASE_MISUSE);
    assert_int_equal(engine_exec_start(world.exec, UINT64_MAX, &argument, &error), BASE_MISUSE);
    assert_int_equal(engine_exec_start(world.exec, world.ask.func + 1, &argument, &error), BASE_MISUSE);
    close_world(&world);
}

/* ---- Fuel --------------------------------------------------------------------------------------------------- */

static void fuel_is_the_same_however_it_is_sliced(void **state) {
    test_world world;
    begin(&world, NULL);
    call(&world, world.guest, "descend", 40);
    const uint64_t whole = engine_exec_fuel_used(world.exec);
    assert_true(whole >= 40);
    for (int64_t slice = 1; slice < 60; slice += 3) {
        start(&world, world.guest, "descend", 40);
        while (engine_exec_run(world.exec, slice) == ENGINE_OUT_OF_FUEL) {
        }
        assert_int_equal(engine_exec_results(world.exec)[0], 40);
        assert_int_equal(engine_exec_fuel_used(world.exec), whole);
    }
    close_world(&world);
}

static void a_slice_without_fuel_makes_no_headway(void **state) {
    test_world world;
    begin(&world, NULL);
    start(&world, world.guest, "count", 1000);
    assert_int_equal(engine_exec_run(world.exec, 10), ENGINE_OUT_OF_FUEL);
    const uint64_t used = engine_exec_fuel_used(world.exec);
    for (int i = 0; i < 10; i++) assert_int_equal(engine_exec_run(world.exec, 0), ENGINE_OUT_OF_FUEL);
    assert_true(engine_exec_fuel_used(world.exec) <= used + 100);
    close_world(&world);
}

static void charge(test_world *world, engine_exec *exec) {
    engine_exec_charge(exec, 5000);
}

static void what_a_host_function_charges_counts_and_is_paid_before_going_on(void **state) {
    test_world world;
    begin(&world, NULL);
    call(&world, world.guest, "ask_twice", 10);
    const uint64_t plain = engine_exec_fuel_used(world.exec);
    world.also = charge;
    call(&world, world.guest, "ask_twice", 10);
    assert_int_equal(engine_exec_fuel_used(world.exec), plain + 10000);
    start(&world, world.guest, "ask_twice", 10);
    unsigned slices = 1;
    while (engine_exec_run(world.exec, 100) == ENGINE_OUT_OF_FUEL) slices++;
    assert_int_equal(engine_exec_results(world.exec)[0], 120);
    assert_int_equal(engine_exec_fuel_used(world.exec), plain + 10000);
    assert_true(slices >= 50);
    close_world(&world);
}

/* ---- Limits ------------------------------------------------------------------------------------------------- */

static void a_guest_is_refused_pages_beyond_the_stores_limit(void **state) {
    test_world world;
    begin(&world, &(engine_limits){.memory_pages = 4});
    assert_int_equal(call(&world, world.guest, "grow", 2), 1);
    assert_int_equal(call(&world, world.guest, "grow", 1), 0xFFFFFFFF);
    assert_int_equal(engine_store_memory_denials(world.store), 1);
    assert_int_equal(engine_store_memory_pages(world.store), 4);
    assert_int_equal(call(&world, world.guest, "peek", 3 * 65536 - 4), 0);
    start(&world, world.guest, "peek", 3 * 65536 - 3);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_trapped(&world, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS, "out of bounds memory access");
    close_world(&world);
}

static void a_guest_is_refused_elements_beyond_the_stores_limit(void **state) {
    test_world world;
    begin(&world, &(engine_limits){.table_elements = 5});
    assert_int_equal(call(&world, world.guest, "grow_table", 3), 2);
    assert_int_equal(call(&world, world.guest, "grow_table", 1), 0xFFFFFFFF);
    assert_int_equal(engine_store_table_denials(world.store), 1);
    close_world(&world);
}

static void calls_nest_as_deep_as_the_limit_and_no_deeper(void **state) {
    test_world world;
    begin(&world, &(engine_limits){.depth = 100});
    assert_int_equal(call(&world, world.guest, "descend", 99), 99);
    start(&world, world.guest, "descend", 100);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    assert_trapped(&world, ENGINE_TRAP_CALL_STACK_EXHAUSTED, "call stack exhausted");
    assert_int_equal(call(&world, world.guest, "descend", 99), 99);
    close_world(&world);
}

static void a_stack_out_of_bytes_traps_like_one_too_deep(void **state) {
    test_world world;
    begin(&world, &(engine_limits){.stack_bytes = 64 * 1024});
    start(&world, world.guest, "descend", 1000000);
    assert_int_equal(engine_exec_run(world.exec, INT64_MAX), ENGINE_TRAPPED);
    assert_trapped(&world, ENGINE_TRAP_CALL_STACK_EXHAUSTED, "call stack exhausted");
    assert_true(engine_exec_backtrace(world.exec, NULL, 0) > 100);
    close_world(&world);
}

/* ---- Backtraces --------------------------------------------------------------------------------------------- */

static void a_backtrace_tells_names_indices_and_offsets(void **state) {
    test_world world;
    begin(&world, NULL);
    world.answers = ENGINE_HOST_PENDING;
    start(&world, world.guest, "through", 1);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_WAITING);
    engine_frame frames[3];
    assert_int_equal(engine_exec_backtrace(world.exec, frames, 3), 3);
    assert_null(frames[0].module);
    assert_ptr_equal(frames[1].module, engine_instance_module(world.guest));
    assert_int_equal(frames[1].func_index, 3);
    assert_int_equal(frames[2].func_index, 4);
    /* The calls, in the bytes above: `call $ask` the first time, `call $ask_twice`. */
    assert_int_equal(frames[1].code_offset, 0xD4);
    assert_int_equal(guest_bytes[frames[1].code_offset], 0x10);
    assert_int_equal(frames[2].code_offset, 0xE2);
    assert_int_equal(engine_exec_backtrace(world.exec, frames, 1), 3);
    base_buffer text = {0};
    assert_int_equal(engine_exec_backtrace_text(world.exec, 2, &text), BASE_OK);
    assert_int_equal(base_buffer_append_byte(&text, 0), BASE_OK);
    assert_string_equal((const char *)text.data, "    at ask (host function)\n"
                                                 "    at ask_twice (function 3, offset 0xd4)\n"
                                                 "    and 1 more\n");
    base_buffer_free(&text);
    close_world(&world);
}

static void a_trap_is_located(void **state) {
    test_world world;
    begin(&world, NULL);
    start(&world, world.guest, "fail", 0);
    assert_int_equal(engine_exec_run(world.exec, PLENTY), ENGINE_TRAPPED);
    engine_frame frame;
    assert_int_equal(engine_exec_backtrace(world.exec, &frame, 1), 1);
    assert_int_equal(frame.code_offset, 0x112);
    assert_true(base_bytes_equal_text(frame.name, "fail"));
    close_world(&world);
}

/* ---- Running out of memory ---------------------------------------------------------------------------------- */

/* Loads, links and runs: deep enough to grow the stack, across instances, with a table that grows. */
static base_status do_everything(const base_allocator *allocator) {
    static const char *const names[] = {"descend", "grow_table", "call"};
    test_world world = {0};
    base_status status = open_world(&world, allocator, NULL);
    for (int i = 0; i < 3 && status == BASE_OK; i++) {
        const uint64_t argument = i == 0 ? 300 : 3;
        const engine_instance *instance = i == 2 ? world.other : world.guest;
        status = engine_exec_start(world.exec, exported(instance, names[i]), &argument, NULL);
        if (status != BASE_OK) break;
        if (engine_exec_run(world.exec, PLENTY) == ENGINE_TRAPPED) {
            assert_int_equal(engine_exec_trap(world.exec), ENGINE_TRAP_OUT_OF_MEMORY);
            status = BASE_NO_MEMORY;
        } else if (i == 1 && engine_i32(engine_exec_results(world.exec)[0]) == UINT32_MAX) {
            status = BASE_NO_MEMORY; /* what a guest sees of it */
        }
    }
    if (status == BASE_OK) assert_int_equal(engine_exec_results(world.exec)[0], 3 * 5 + 3 * 7 + 42);
    close_world(&world);
    return status;
}

static void every_allocation_can_fail_and_nothing_is_lost(void **state) {
    base_status status = BASE_NO_MEMORY;
    size_t failures = 0;
    while (status != BASE_OK) {
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = ++failures;
        assert_true(failures < 10000);
        status = do_everything(&heap.allocator);
        assert_true(status == BASE_OK || status == BASE_NO_MEMORY);
        assert_true(test_heap_clean(&heap));
    }
    assert_true(failures > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_function_gets_its_arguments_and_gives_its_result),
        cmocka_unit_test(a_pending_call_is_made_again_with_the_same_arguments),
        cmocka_unit_test(a_call_that_yields_ends_the_slice_and_keeps_its_result),
        cmocka_unit_test(paying_a_debt_of_fuel_is_not_counted_as_using_it),
        cmocka_unit_test(a_run_of_a_host_function_that_yields_stands_nowhere),
        cmocka_unit_test(a_host_functions_trap_carries_its_own_sentence),
        cmocka_unit_test(a_host_function_can_be_started_itself),
        cmocka_unit_test(host_functions_can_be_made_while_one_runs),
        cmocka_unit_test(instances_can_be_made_while_a_host_function_runs),
        cmocka_unit_test(a_run_inside_a_host_function_may_grow_the_memory_of_the_run_outside),
        cmocka_unit_test(a_run_cannot_start_over_inside_its_own_host_function),
        cmocka_unit_test(each_function_runs_in_its_own_instance),
        cmocka_unit_test(a_run_may_stop_and_go_on_inside_another_instance),
        cmocka_unit_test(a_null_entry_and_one_beyond_the_end_are_different_traps),
        cmocka_unit_test(a_finished_run_answers_the_same_again),
        cmocka_unit_test(a_run_can_start_over_from_every_state),
        cmocka_unit_test(a_run_can_be_dropped_in_every_state),
        cmocka_unit_test(runs_of_one_store_take_turns),
        cmocka_unit_test(a_token_that_names_no_function_cannot_be_started),
        cmocka_unit_test(fuel_is_the_same_however_it_is_sliced),
        cmocka_unit_test(a_slice_without_fuel_makes_no_headway),
        cmocka_unit_test(what_a_host_function_charges_counts_and_is_paid_before_going_on),
        cmocka_unit_test(a_guest_is_refused_pages_beyond_the_stores_limit),
        cmocka_unit_test(a_guest_is_refused_elements_beyond_the_stores_limit),
        cmocka_unit_test(calls_nest_as_deep_as_the_limit_and_no_deeper),
        cmocka_unit_test(a_stack_out_of_bytes_traps_like_one_too_deep),
        cmocka_unit_test(a_backtrace_tells_names_indices_and_offsets),
        cmocka_unit_test(a_trap_is_located),
        cmocka_unit_test(every_allocation_can_fail_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("engine_store_run", tests, NULL, NULL);
}
