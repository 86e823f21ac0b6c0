/* Nothing of one call reaches another: a guest plants a secret in its memories, table, globals, stack, log and messages;
 * then another call of the same plugin looks for it everywhere it can, and the test looks behind: an idle sandbox must be
 * what a new one is, to the last byte of its memories, tables and stack, and no block of the library's memory may hold the
 * secret. */
#include "watch.h"

#include "engine/interpreter.h"

#define SECRET       "S3cretS3"
#define PLANT        "\"S3cretS3\""
#define SEARCH       "\"T4dsfuT4\""          /* each byte one higher */
#define SEARCH_FOUND "\"T4dsfuT4 S3cretS3\"" /* the request has it too */

/* ---- An allocator that knows its blocks ---- */

typedef struct block {
    struct block *previous, *next;
    size_t size;
    max_align_t contents[];
} block;

static block all_blocks = {&all_blocks, &all_blocks, 0};

static void *resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    block *old = pointer ? (block *)((char *)pointer - offsetof(block, contents)) : NULL, *made = NULL;
    if (new_size > 0) {
        made = malloc(sizeof *made + new_size);
        if (!made) abort();
        made->size = new_size;
        memset(made->contents, 0, new_size);
        if (old) memcpy(made->contents, old->contents, old_size < new_size ? old_size : new_size);
        made->previous = &all_blocks;
        made->next = all_blocks.next;
        made->next->previous = made;
        all_blocks.next = made;
    }
    if (old) {
        old->previous->next = old->next;
        old->next->previous = old->previous;
        free(old);
    }
    return made ? made->contents : NULL;
}

static bool contains(const void *bytes, size_t size, const char *text) {
    size_t length = strlen(text);
    for (const char *at = bytes; size >= length; at++, size--)
        if (memcmp(at, text, length) == 0) return true;
    return false;
}

static void expect_no_secret_in_blocks(void) {
    for (const block *each = all_blocks.next; each != &all_blocks; each = each->next)
        if (contains(each->contents, each->size, SECRET)) fail_msg("a block of %zu bytes has it", each->size);
}

/* ---- Behind the scenes ---- */

static engine_host_result never_called(void *user, engine_exec *exec, uint64_t *cells) {
    return ENGINE_HOST_TRAP;
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    const engine_functype *type = import->type.func;
    return engine_host_func_new(user, "x", type->params, type->param_count, type->results, type->result_count,
                                never_called, NULL, out) == BASE_OK;
}

static void expect_zeros(const void *from, size_t size) {
    const char *bytes = from;
    for (size_t i = 0; i < size; i++)
        if (bytes[i]) fail_msg("byte %zu of %zu is %d", i, size, bytes[i]);
}

static void expect_same_instances(const engine_instance *a, const engine_instance *b) {
    for (uint32_t i = 0; i < a->module->memory_count; i++) {
        const engine_memory *x = a->memories[i], *y = b->memories[i];
        assert_int_equal(x->size, y->size);
        assert_memory_equal(x->data, y->data, (size_t)x->size);
        expect_zeros(x->data + x->size, (size_t)(x->capacity - x->size));
    }
    for (uint32_t i = 0; i < a->module->table_count; i++) {
        const engine_table *x = a->tables[i], *y = b->tables[i];
        assert_int_equal(x->size, y->size);
        assert_memory_equal(x->elements, y->elements, (size_t)x->size * sizeof *x->elements);
        expect_zeros(x->elements + x->size, (size_t)(x->capacity - x->size) * sizeof *x->elements);
    }
    assert_memory_equal(a->global_cells, b->global_cells, a->global_cell_count * sizeof *a->global_cells);
    if (a->module->data_count) assert_memory_equal(a->data_dropped, b->data_dropped, a->module->data_count);
    if (a->module->elem_count) assert_memory_equal(a->elem_dropped, b->elem_dropped, a->module->elem_count);
}

static void expect_same_runs(const engine_exec *a, const engine_exec *b) {
    assert_int_equal(a->stack_slots, b->stack_slots);
    assert_memory_equal(a->stack, b->stack, (a->stack_slots + ENGINE_STACK_SLACK) * sizeof *a->stack);
    assert_ptr_equal(a->pc, b->pc);
    assert_int_equal(a->fp - a->stack, b->fp - b->stack);
    assert_int_equal(a->stack_end - a->stack, b->stack_end - b->stack);
    assert_int_equal(a->a, b->a);
    assert_memory_equal(&a->s, &b->s, sizeof a->s);
    assert_memory_equal(&a->d, &b->d, sizeof a->d);
    assert_memory_equal(a->vector, b->vector, sizeof a->vector);
    assert_int_equal(a->depth_left, b->depth_left);
    assert_int_equal(a->fuel, b->fuel);
    assert_int_equal(engine_exec_fuel_used(a), engine_exec_fuel_used(b));
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->foreign, b->foreign);
    assert_int_equal(a->trap, b->trap);
    assert_memory_equal(a->trap_message, b->trap_message, sizeof a->trap_message);
    assert_int_equal(a->store->memory_pages, b->store->memory_pages);
    assert_int_equal(a->store->table_elements, b->store->table_elements);
    assert_int_equal(a->store->memory_denials + a->store->table_denials, 0);
    assert_int_equal(a->store->exception_live, b->store->exception_live);
}

static void expect_idle_sandbox_is_as_new(const wplug_runtime *runtime, const wplug_plugin *plugin) {
    const host_sandbox *idle = runtime->pool.idle;
    assert_non_null(idle);
    const host_snapshot *snapshot = atomic_load(&plugin->snapshot);
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
    engine_limits limits = idle->store->limits;
    assert_int_equal(engine_store_new(NULL, &limits, &store), BASE_OK);
    assert_int_equal(
        engine_snapshot_open(snapshot->engine, store, false, resolve, store, &instance, &exec, NULL),
        BASE_OK);
    expect_same_instances(idle->instance, instance);
    expect_same_runs(idle->exec, exec);
    engine_exec_free(exec);
    engine_store_free(store);
}

/* ---- Tests ---- */

static void note_nothing(void *user, const wplug_log *line) {}
static void keep_nothing(void *user, wplug_request *request) {}

typedef struct world {
    wplug_runtime *runtime;
    wplug_plugin *plugin;
} world;

static world new_world(bool is_large) {
    world self;
    wplug_allocator allocator = {resize, NULL};
    static const char *const args[] = {"keeper", "large"};
    wplug_runtime_options runtime_options;
    wplug_runtime_options_init(&runtime_options);
    runtime_options.allocator = &allocator;
    assert_int_equal(wplug_runtime_new(&runtime_options, &self.runtime, NULL), WPLUG_OK);
    wplug_runtime_set_log(self.runtime, note_nothing, NULL);
    wplug_runtime_set_default_method(self.runtime, keep_nothing, NULL);
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.allocator = &allocator;
    options.args = args;
    options.arg_count = is_large ? 2 : 1;
    self.plugin = load(GUESTS "/keeper.wasm", &options);
    return self;
}

static void free_world(world *self) {
    wplug_plugin_release(self->plugin);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    assert_ptr_equal(all_blocks.next, &all_blocks);
}

static void expect_call(const world *self, const char *method, const char *params, wplug_status status,
                        const char *json) {
    wplug_result *result;
    wplug_call(self->runtime, self->plugin, method, params, NULL, &result, NULL);
    if (result->status != status) fail_msg("%s: %s", wplug_status_name(result->status), result->message);
    assert_string_equal(result->json, json);
    wplug_result_release(result);
}

static void plant_and_search(bool is_large) {
    world self = new_world(is_large);
    expect_call(&self, "s", SEARCH, WPLUG_OK, "0");
    assert_true(has_snapshot(self.plugin));
    static const char *const methods[] = {"p", "q", "t", "p", "t", "q"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        bool traps = *methods[i] == 't';
        expect_call(&self, methods[i], PLANT, traps ? WPLUG_TRAP : WPLUG_OK, traps ? "" : "0");
        expect_no_secret_in_blocks();
        expect_idle_sandbox_is_as_new(self.runtime, self.plugin);
        expect_call(&self, "s", SEARCH, WPLUG_OK, "0");
        expect_idle_sandbox_is_as_new(self.runtime, self.plugin);
        assert_int_equal(idle_count(self.runtime), 1);
    }
    free_world(&self);
}

static void a_secret_in_a_small_plugin_is_gone_with_its_call(void **state) {
    plant_and_search(false);
}

static void a_secret_in_a_large_plugin_is_gone_with_its_call(void **state) {
    plant_and_search(true);
}

static void the_search_would_find_it(void **state) {
    world self = new_world(false);
    expect_call(&self, "s", SEARCH_FOUND, WPLUG_OK, "1");
    expect_call(&self, "s", SEARCH_FOUND, WPLUG_OK, "1");
    free_world(&self);
}

/* The guest is stopped wherever its fuel ends, in the middle of planting too. */
static void a_secret_of_a_call_that_was_stopped_is_gone(void **state) {
    world self = new_world(true);
    expect_call(&self, "s", SEARCH, WPLUG_OK, "0");
    for (uint64_t fuel = 200000; fuel < 4000000; fuel += 333333) {
        wplug_limits limits;
        wplug_limits_init(&limits);
        limits.fuel = fuel;
        wplug_call_options options;
        wplug_call_options_init(&options);
        options.limits = &limits;
        wplug_call(self.runtime, self.plugin, "p", PLANT, &options, NULL, NULL);
        expect_no_secret_in_blocks();
        expect_idle_sandbox_is_as_new(self.runtime, self.plugin);
    }
    free_world(&self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_in_a_small_plugin_is_gone_with_its_call),
        cmocka_unit_test(a_secret_in_a_large_plugin_is_gone_with_its_call),
        cmocka_unit_test(the_search_would_find_it),
        cmocka_unit_test(a_secret_of_a_call_that_was_stopped_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
