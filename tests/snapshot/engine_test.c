/* The engine's snapshots alone: memories that are copied and memories that are mapped, grown out of their place, in a child
 * process, without descriptors; exceptions that are held; allocations that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os.h"
#include "engine/interpreter.h"
#include "system.h"
#include "unit/test_heap.h"

#include <stdio.h>
#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

/*
(module
  (import "env" "wait" (func $wait))
  (tag $t (param i32 i64))
  (global $held (mut exnref) (ref.null exn))
  (func $make (param i32 i64)
    (block $caught (result i32 i64 exnref)
      (try_table (catch_ref $t $caught) (throw $t (local.get 0) (local.get 1)))
      unreachable)
    global.set $held
    drop drop)
  (func (export "run") (result i64) (local i64)
    (call $make (i32.const 7) (i64.const 9))
    (call $wait)
    (block $caught (result i32 i64)
      (try_table (catch $t $caught) (throw_ref (global.get $held)))
      unreachable)
    local.set 0
    i64.extend_i32_u i64.const 1000 i64.mul local.get 0 i64.add))
*/
static const uint8_t exception_guest[] = {
    0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x18, 0x05, 0x60, 0x00, 0x00, 0x60, 0x02,
    0x7F, 0x7E, 0x00, 0x60, 0x00, 0x01, 0x7E, 0x60, 0x00, 0x03, 0x7F, 0x7E, 0x69, 0x60, 0x00, 0x02,
    0x7F, 0x7E, 0x02, 0x0C, 0x01, 0x03, 0x65, 0x6E, 0x76, 0x04, 0x77, 0x61, 0x69, 0x74, 0x00, 0x00,
    0x03, 0x03, 0x02, 0x01, 0x02, 0x0D, 0x03, 0x01, 0x00, 0x01, 0x06, 0x06, 0x01, 0x69, 0x01, 0xD0,
    0x69, 0x0B, 0x07, 0x07, 0x01, 0x03, 0x72, 0x75, 0x6E, 0x00, 0x02, 0x0A, 0x3E, 0x02, 0x17, 0x00,
    0x02, 0x03, 0x1F, 0x40, 0x01, 0x01, 0x00, 0x00, 0x20, 0x00, 0x20, 0x01, 0x08, 0x00, 0x0B, 0x00,
    0x0B, 0x24, 0x00, 0x1A, 0x1A, 0x0B, 0x24, 0x01, 0x01, 0x7E, 0x41, 0x07, 0x42, 0x09, 0x10, 0x01,
    0x10, 0x00, 0x02, 0x04, 0x1F, 0x40, 0x01, 0x00, 0x00, 0x00, 0x23, 0x00, 0x0A, 0x0B, 0x00, 0x0B,
    0x21, 0x00, 0xAD, 0x42, 0xE8, 0x07, 0x7E, 0x20, 0x00, 0x7C, 0x0B,
};

/* ---- Guests ---- */

typedef struct guest {
    engine_module *module;
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    bool is_open;   /* the host function answers */
    uint32_t pages; /* with this */
} guest;

static engine_host_result wait_for_test(void *user, engine_exec *exec, uint64_t *cells) {
    guest *self = user;
    if (!self->is_open) return ENGINE_HOST_PENDING;
    cells[0] = engine_cell_i32(self->pages);
    return ENGINE_HOST_DONE;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    guest *self = user;
    const engine_functype *type = import->type.func;
    return engine_host_func_new(self->store, "wait", NULL, 0, type->results, type->result_count,
                                wait_for_test, self, out) == BASE_OK;
}

static engine_module *load(base_bytes bytes) {
    engine_module *module;
    base_error error;
    if (engine_module_load(NULL, bytes, engine_features_available(), &module, &error) != BASE_OK)
        fail_msg("%s", error.message);
    return module;
}

static engine_module *load_pages(void) {
    base_buffer bytes;
    base_buffer_init(&bytes, NULL);
    assert_int_equal(os_read_file(GUESTS "/pages.wasm", SIZE_MAX, &bytes, NULL), BASE_OK);
    engine_module *module = load(base_buffer_bytes(&bytes));
    base_buffer_free(&bytes);
    return module;
}

/* Runs from the beginning until it waits. */
static void begin(guest *self, const base_allocator *allocator) {
    engine_extern run;
    base_error error;
    assert_int_equal(engine_store_new(allocator, NULL, &self->store), BASE_OK);
    assert_int_equal(
        engine_instantiate(self->store, self->module, resolve, self, &self->instance, NULL, &error), BASE_OK);
    assert_int_equal(engine_exec_new(self->store, &self->exec), BASE_OK);
    assert_true(engine_instance_export(self->instance, BASE_LITERAL("run"), &run, NULL));
    assert_int_equal(engine_exec_start(self->exec, run.func, NULL, &error), BASE_OK);
    assert_int_equal(engine_exec_run(self->exec, 1000000), ENGINE_WAITING);
}

static bool open_copy(guest *self, const engine_snapshot *snapshot, bool may_map,
                      const base_allocator *allocator) {
    self->instance = NULL;
    self->exec = NULL;
    self->is_open = false;
    if (engine_store_new(allocator, NULL, &self->store) != BASE_OK) return false;
    return engine_snapshot_open(snapshot, self->store, may_map, resolve, self, &self->instance, &self->exec,
                                NULL) == BASE_OK;
}

static void end(guest *self) {
    engine_exec_free(self->exec);
    if (self->store) engine_store_free(self->store);
    self->exec = NULL;
    self->store = NULL;
}

static uint64_t finish(guest *self, uint32_t pages) {
    self->is_open = true;
    self->pages = pages;
    assert_int_equal(engine_exec_run(self->exec, 1000000000), ENGINE_FINISHED);
    return engine_exec_results(self->exec)[0];
}

static engine_snapshot *take(const guest *self, uint64_t copy_max) {
    engine_snapshot *snapshot;
    assert_int_equal(engine_snapshot_take(NULL, self->exec, copy_max, &snapshot), BASE_OK);
    return snapshot;
}

/* ---- Memories ---- */

/* The guest's own sum finds everything that is not as it was. */
enum { PAGES_SUM = 4321 };

static bool system_has_images(void) {
    os_image *image;
    bool has = os_image_new(NULL, "x", 1, &image) == BASE_OK;
    os_image_free(image);
    return has;
}

static void use_again_and_again(bool may_map, uint64_t copy_max) {
    guest first = {.module = load_pages()};
    begin(&first, NULL);
    engine_snapshot *snapshot = take(&first, copy_max);
    uint64_t fuel = engine_exec_fuel_used(first.exec);
    assert_int_equal(finish(&first, 3), PAGES_SUM);
    uint64_t whole = engine_exec_fuel_used(first.exec);
    end(&first);

    guest copy = {.module = first.module};
    assert_true(open_copy(&copy, snapshot, may_map, NULL));
    assert_int_equal(copy.instance->memories[0]->is_mapped, may_map && copy_max == 0 && system_has_images());
    /* Growing in place, out of it, and not at all; a lot, so that what is kept is given back. */
    static const uint32_t pages[] = {3, 0, 3, 300, 1, 60, 800, 3};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_int_equal(engine_exec_fuel_used(copy.exec), fuel);
        assert_int_equal(engine_snapshot_fuel_used(snapshot), fuel);
        assert_int_equal(engine_store_memory_pages(copy.store), 40);
        assert_int_equal(finish(&copy, pages[i]), PAGES_SUM);
        if (pages[i] == 3) assert_int_equal(engine_exec_fuel_used(copy.exec), whole);
        assert_int_equal(engine_store_memory_pages(copy.store), 40 + pages[i]);
        assert_true(engine_snapshot_reset(snapshot, copy.exec));
        copy.is_open = false;
    }
    end(&copy);
    engine_snapshot_free(snapshot);
    engine_module_release(first.module);
}

static void memories_that_are_mapped_are_as_new_after_a_reset(void **state) {
    use_again_and_again(true, 0);
}

static void memories_that_could_be_mapped_but_may_not_are_copied(void **state) {
    use_again_and_again(false, 0);
}

static void memories_that_are_copied_are_as_new_after_a_reset(void **state) {
    use_again_and_again(true, UINT64_MAX);
}

/* So few that they stay resident: in the image, where it has zeros, and where the memory grew in its place. */
static void a_few_changed_pages_are_put_back_one_by_one(void **state) {
    for (int may_map = 0; may_map < 2; may_map++) {
        guest first = {.module = load_pages()}, copy = {.module = first.module},
              fresh = {.module = first.module};
        begin(&first, NULL);
        engine_snapshot *snapshot = take(&first, 0);
        end(&first);
        assert_true(open_copy(&copy, snapshot, may_map, NULL));
        assert_true(open_copy(&fresh, snapshot, false, NULL));
        engine_memory *memory = copy.instance->memories[0];
        const engine_memory *expected = fresh.instance->memories[0];
        for (int round = 0; round < 3; round++) {
            static const uint32_t places[] = {0, 5000, 100000, 1500000, 2000001, 2621439, 2621440, 2700000};
            assert_int_equal(engine_memory_grow(memory, 2), 40);
            for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                memory->data[places[i] + (uint32_t)round]++;
            assert_true(engine_snapshot_reset(snapshot, copy.exec));
            assert_int_equal(memory->size, expected->size);
            assert_memory_equal(memory->data, expected->data, (size_t)expected->size);
            assert_int_equal(engine_memory_grow(memory, 3), 40);
            for (uint64_t i = expected->size; i < memory->size; i++) assert_int_equal(memory->data[i], 0);
            assert_true(engine_snapshot_reset(snapshot, copy.exec));
        }
        end(&copy);
        end(&fresh);
        engine_snapshot_free(snapshot);
        engine_module_release(first.module);
    }
}

static void no_descriptor_is_left(void **state) {
    int before = system_open_descriptors();
    use_again_and_again(true, 0);
    assert_int_equal(system_open_descriptors(), before);
}

/* Windows knows neither a limit of descriptors nor fork. */
#if !defined(_WIN32)
static void without_descriptors_memories_are_copied(void **state) {
    struct rlimit limit, none;
    engine_module *module = load_pages();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    guest first = {.module = module}, copy = {.module = module};
    begin(&first, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    engine_snapshot *snapshot = take(&first, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    end(&first);
    assert_true(open_copy(&copy, snapshot, true, NULL));
    assert_false(copy.instance->memories[0]->is_mapped);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(&copy, 2), PAGES_SUM);
        assert_true(engine_snapshot_reset(snapshot, copy.exec));
        copy.is_open = false;
    }
    end(&copy);
    engine_snapshot_free(snapshot);
    engine_module_release(module);
}

/* A forked child has the parent's descriptors, which tell of the parent's pages. */
static void a_child_process_resets_its_own_pages(void **state) {
    guest first = {.module = load_pages()}, copy = {.module = first.module};
    begin(&first, NULL);
    engine_snapshot *snapshot = take(&first, 0);
    end(&first);
    assert_true(open_copy(&copy, snapshot, true, NULL));
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool ok = true;
        for (int i = 0; i < 3 && ok; i++) {
            copy.is_open = true;
            ok = engine_exec_run(copy.exec, 1000000000) == ENGINE_FINISHED &&
                 engine_exec_results(copy.exec)[0] == PAGES_SUM && engine_snapshot_reset(snapshot, copy.exec);
            copy.is_open = false;
        }
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(finish(&copy, 0), PAGES_SUM);
    end(&copy);
    engine_snapshot_free(snapshot);
    engine_module_release(first.module);
}

#endif

/* ---- Exceptions ---- */

static void exceptions_that_are_held_are_part_of_it(void **state) {
    guest first = {.module = load((base_bytes){exception_guest, sizeof exception_guest})},
          copy = {.module = first.module};
    begin(&first, NULL);
    engine_snapshot *snapshot = take(&first, 0);
    assert_int_equal(finish(&first, 0), 7009);
    end(&first);
    assert_true(open_copy(&copy, snapshot, true, NULL));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(copy.store->exception_live, 1);
        assert_int_equal(finish(&copy, 0), 7009);
        assert_true(engine_snapshot_reset(snapshot, copy.exec));
        copy.is_open = false;
    }
    end(&copy);
    engine_snapshot_free(snapshot);
    engine_module_release(first.module);
}

/* ---- What cannot be taken ---- */

static void a_run_that_does_not_wait_cannot_be_taken(void **state) {
    guest self = {.module = load_pages()};
    engine_snapshot *snapshot;
    begin(&self, NULL);
    finish(&self, 0);
    assert_int_equal(engine_snapshot_take(NULL, self.exec, 0, &snapshot), BASE_UNSUPPORTED);
    assert_null(snapshot);
    end(&self);
    engine_module_release(self.module);
}

static void a_store_with_two_instances_cannot_be_taken(void **state) {
    guest self = {.module = load_pages()};
    engine_snapshot *snapshot;
    engine_instance *second;
    begin(&self, NULL);
    assert_int_equal(engine_instantiate(self.store, self.module, resolve, &self, &second, NULL, NULL),
                     BASE_OK);
    assert_int_equal(engine_snapshot_take(NULL, self.exec, 0, &snapshot), BASE_UNSUPPORTED);
    end(&self);
    engine_module_release(self.module);
}

static void a_guest_that_was_refused_memory_cannot_be_taken(void **state) {
    guest self = {.module = load_pages()};
    engine_snapshot *snapshot;
    begin(&self, NULL);
    assert_int_equal(engine_memory_grow(self.instance->memories[0], 5000),
                     UINT64_MAX); /* its own limit: no harm */
    assert_int_equal(engine_snapshot_take(NULL, self.exec, UINT64_MAX, &snapshot), BASE_OK);
    engine_snapshot_free(snapshot);
    engine_limits limits = {.memory_pages = 41};
    engine_exec_set_limits(self.exec, &limits);
    assert_int_equal(engine_memory_grow(self.instance->memories[0], 2), UINT64_MAX);
    assert_int_equal(engine_snapshot_take(NULL, self.exec, 0, &snapshot), BASE_UNSUPPORTED);
    end(&self);
    engine_module_release(self.module);
}

/* ---- Memory that runs out ---- */

static void every_allocation_fails_in_turn(void **state) {
    static const base_bytes exceptions = {exception_guest, sizeof exception_guest};
    for (int kind = 0; kind < 2; kind++) {
        guest first = {.module = kind ? load(exceptions) : load_pages()};
        begin(&first, NULL);
        bool is_done = false;
        for (size_t fail_at = 1; !is_done; fail_at++) {
            test_heap heap;
            test_heap_init(&heap);
            heap.fail_at = fail_at;
            engine_snapshot *snapshot;
            base_status status = engine_snapshot_take(&heap.allocator, first.exec, 0, &snapshot);
            if (status == BASE_OK) {
                guest copy = {.module = first.module};
                if (open_copy(&copy, snapshot, true, &heap.allocator)) {
                    finish(&copy, 100);
                    bool is_reset = engine_snapshot_reset(snapshot, copy.exec);
                    copy.is_open = false;
                    if (is_reset) assert_int_equal(finish(&copy, 0), kind ? 7009 : PAGES_SUM);
                    is_done = is_reset && heap.requests < fail_at;
                }
                end(&copy);
                engine_snapshot_free(snapshot);
            } else {
                assert_int_equal(status, BASE_NO_MEMORY);
                assert_null(snapshot);
            }
            assert_true(test_heap_clean(&heap));
        }
        end(&first);
        engine_module_release(first.module);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memories_that_are_mapped_are_as_new_after_a_reset),
        cmocka_unit_test(memories_that_could_be_mapped_but_may_not_are_copied),
        cmocka_unit_test(memories_that_are_copied_are_as_new_after_a_reset),
        cmocka_unit_test(a_few_changed_pages_are_put_back_one_by_one),
        cmocka_unit_test(no_descriptor_is_left),
#if !defined(_WIN32)
        cmocka_unit_test(without_descriptors_memories_are_copied),
        cmocka_unit_test(a_child_process_resets_its_own_pages),
#endif
        cmocka_unit_test(exceptions_that_are_held_are_part_of_it),
        cmocka_unit_test(a_run_that_does_not_wait_cannot_be_taken),
        cmocka_unit_test(a_store_with_two_instances_cannot_be_taken),
        cmocka_unit_test(a_guest_that_was_refused_memory_cannot_be_taken),
        cmocka_unit_test(every_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
