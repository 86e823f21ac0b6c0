/* Stores and instances, as far as they can be seen without running code: limits, linking, tokens, constant
 * expressions, segments, and what happens when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/features.h"
#include "engine/loader.h"
#include "engine/store.h"
#include "test_heap.h"

#include <stdio.h>

/* ---- Modules byte by byte
 * ----------------------------------------------------------------------------------- */

#define HEADER           0, 'a', 's', 'm', 1, 0, 0, 0
#define SECTION(id, ...) id, sizeof((const uint8_t[]){__VA_ARGS__}), __VA_ARGS__
#define ENV              3, 'e', 'n', 'v'
#define MODULE(...)                                                                                          \
    ((base_bytes){(const uint8_t[]){HEADER, __VA_ARGS__}, sizeof((const uint8_t[]){HEADER, __VA_ARGS__})})

/* Section numbers. */
enum { TYPE = 1, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEM, CODE, DATA, DATA_COUNT, TAG };

enum { ALL_FEATURES = (ENGINE_FEATURE_FUNCTION_REFERENCES << 1) - 1 };

static engine_module *load_with(const base_allocator *allocator, base_bytes bytes) {
    engine_module *module;
    base_error error = {0};
    if (engine_module_load_as(allocator, bytes, ALL_FEATURES, &module, &error) != BASE_OK)
        fail_msg("module refused: %s", error.message);
    return module;
}

static engine_store *new_store(const engine_limits *limits) {
    engine_store *store;
    assert_int_equal(engine_store_new(NULL, limits, &store), BASE_OK);
    return store;
}

/* ---- Imports by name
 * ---------------------------------------------------------------------------------------- */

typedef struct offer {
    const char *name;
    engine_extern item;
} offer;

typedef struct offers {
    offer list[16];
    size_t count;
} offers;

static void add_offer(offers *all, const char *name, engine_extern item) {
    all->list[all->count++] = (offer){name, item};
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    const offers *all = user;
    for (size_t i = 0; i < all->count; i++) {
        if (!base_bytes_equal_text(import->name, all->list[i].name)) continue;
        *out = all->list[i].item;
        return true;
    }
    return false;
}

/* An instance that must succeed. The store alone keeps the module. */
static engine_instance *instantiate(engine_store *store, base_bytes bytes, offers *all) {
    static offers none;
    engine_module *module = load_with(NULL, bytes);
    engine_instance *instance;
    base_error error = {0};
    if (engine_instantiate(store, module, resolve, all ? all : &none, &instance, NULL, &error) != BASE_OK)
        fail_msg("not instantiated: %s", error.message);
    engine_module_release(module);
    return instance;
}

static base_status try_instantiate(engine_store *store, base_bytes bytes, offers *all, engine_trap_code *trap,
                                   base_error *error) {
    static offers none;
    engine_module *module = load_with(NULL, bytes);
    engine_instance *instance;
    *error = (base_error){0};
    base_status status =
        engine_instantiate(store, module, resolve, all ? all : &none, &instance, trap, error);
    assert_true((status == BASE_OK) == (instance != NULL));
    engine_module_release(module);
    return status;
}

static engine_extern exported(const engine_instance *instance, const char *name) {
    engine_extern found;
    assert_true(engine_instance_export(instance, base_bytes_from_text(name), &found, NULL));
    return found;
}

static engine_host_result do_nothing(void *user, engine_exec *exec, uint64_t *cells) {
    return ENGINE_HOST_DONE;
}

static engine_extern host_func(engine_store *store, const engine_valtype *params, uint32_t param_count) {
    engine_extern func;
    assert_int_equal(
        engine_host_func_new(store, "host", params, param_count, NULL, 0, do_nothing, NULL, &func), BASE_OK);
    return func;
}

static engine_extern new_memory(engine_store *store, uint64_t min, uint64_t max) {
    engine_extern memory;
    engine_limits_type limits = {.min = min, .max = max, .has_max = max != UINT64_MAX};
    assert_int_equal(engine_memory_new(store, limits, &memory, NULL), BASE_OK);
    return memory;
}

static engine_extern new_table(engine_store *store, uint64_t min, uint64_t max) {
    engine_extern table;
    engine_limits_type limits = {.min = min, .max = max, .has_max = max != UINT64_MAX};
    assert_int_equal(engine_table_new(store, ENGINE_FUNCREF, limits, &table, NULL), BASE_OK);
    return table;
}

static void assert_message(const base_error *error, const char *part) {
    if (!strstr(error->message, part)) fail_msg("\"%s\" does not say \"%s\"", error->message, part);
}

/* ---- Memories and tables
 * ------------------------------------------------------------------------------------ */

static void all_memories_together_stay_within_the_stores_pages(void **state) {
    engine_store *store = new_store(&(engine_limits){.memory_pages = 5});
    engine_memory *first = new_memory(store, 2, UINT64_MAX).memory,
                  *second = new_memory(store, 1, UINT64_MAX).memory;
    assert_int_equal(engine_store_memory_pages(store), 3);
    assert_int_equal(engine_memory_grow(second, 2), 1);
    assert_int_equal(engine_memory_grow(first, 1), UINT64_MAX);
    assert_int_equal(engine_store_memory_denials(store), 1);
    assert_int_equal(engine_store_memory_pages(store), 5);
    assert_int_equal(engine_memory_size(first), 2 * 65536);
    assert_int_equal(engine_memory_size(second), 3 * 65536);

    engine_extern third;
    base_error error;
    assert_int_equal(engine_memory_new(store, (engine_limits_type){.min = 4}, &third, &error), BASE_LIMIT);
    assert_message(&error, "4 pages");
    assert_message(&error, "the limit is 5 pages");
    engine_store_free(store);
}

static void growing_beyond_a_memorys_own_maximum_is_no_denial(void **state) {
    engine_store *store = new_store(NULL);
    engine_memory *memory = new_memory(store, 1, 2).memory;
    assert_int_equal(engine_memory_grow(memory, 2), UINT64_MAX);
    assert_int_equal(engine_memory_grow(memory, UINT64_MAX), UINT64_MAX);
    assert_int_equal(engine_memory_grow(memory, 1), 1);
    assert_int_equal(engine_memory_grow(memory, 0), 2);
    assert_int_equal(engine_store_memory_denials(store), 0);
    engine_store_free(store);
}

static void a_memory_of_32_bits_never_has_more_than_65536_pages(void **state) {
    engine_store *store = new_store(&(engine_limits){.memory_pages = 1 << 20});
    engine_memory *memory = new_memory(store, 1, UINT64_MAX).memory;
    assert_int_equal(engine_memory_grow(memory, 65536), UINT64_MAX);
    assert_int_equal(engine_store_memory_denials(store), 0);
    engine_store_free(store);
}

static void a_grown_memory_keeps_its_bytes_and_adds_zeros(void **state) {
    engine_store *store = new_store(NULL);
    engine_memory *memory = new_memory(store, 0, UINT64_MAX).memory;
    assert_int_equal(engine_memory_grow(memory, 1), 0);
    memset(engine_memory_range(memory, 0, 65536), 0xA5, 65536);
    assert_int_equal(engine_memory_grow(memory, 3), 1);
    const uint8_t *data = engine_memory_range(memory, 0, 4 * 65536);
    for (size_t i = 0; i < 4 * 65536; i++) assert_int_equal(data[i], i < 65536 ? 0xA5 : 0);
    engine_store_free(store);
}

static void a_range_is_given_out_only_where_all_of_it_is_inside(void **state) {
    engine_store *store = new_store(NULL);
    engine_memory *memory = new_memory(store, 1, UINT64_MAX).memory;
    assert_non_null(engine_memory_range(memory, 0, 65536));
    assert_non_null(engine_memory_range(memory, 65535, 1));
    assert_non_null(engine_memory_range(memory, 65536, 0));
    assert_null(engine_memory_range(memory, 65536, 1));
    assert_null(engine_memory_range(memory, 1, 65536));
    assert_null(engine_memory_range(memory, UINT64_MAX, 1));
    assert_null(engine_memory_range(memory, 1, UINT64_MAX));
    assert_null(engine_memory_range(memory, UINT64_MAX, 0));
    engine_memory *empty = new_memory(store, 0, UINT64_MAX).memory;
    assert_non_null(engine_memory_range(empty, 0, 0));
    assert_null(engine_memory_range(empty, 0, 1));
    engine_store_free(store);
}

static void all_tables_together_stay_within_the_stores_elements(void **state) {
    engine_store *store = new_store(&(engine_limits){.table_elements = 10});
    engine_table *first = new_table(store, 4, UINT64_MAX).table, *second = new_table(store, 4, 5).table;
    assert_int_equal(engine_table_grow(second, 2, 0), UINT64_MAX);
    assert_int_equal(engine_store_table_denials(store), 0);
    assert_int_equal(engine_table_grow(first, 3, 0), UINT64_MAX);
    assert_int_equal(engine_store_table_denials(store), 1);
    assert_int_equal(engine_table_grow(first, 2, 0), 4);
    engine_extern third;
    base_error error;
    assert_int_equal(engine_table_new(store, ENGINE_FUNCREF, (engine_limits_type){.min = 1}, &third, &error),
                     BASE_LIMIT);
    assert_message(&error, "the limit is 10 elements");
    engine_store_free(store);
}

static void a_grown_table_holds_the_given_value_in_the_new_elements_alone(void **state) {
    engine_store *store = new_store(NULL);
    engine_table *table = new_table(store, 1, UINT64_MAX).table;
    uint64_t value;
    for (uint64_t i = 1; i < 40; i++) assert_int_equal(engine_table_grow(table, 1, i), i);
    assert_int_equal(engine_table_grow(table, 100, 77), 40);
    for (uint64_t i = 0; i < 140; i++) {
        assert_true(engine_table_get(table, i, &value));
        assert_int_equal(value, i < 40 ? i : 77);
    }
    assert_false(engine_table_get(table, 140, &value));
    assert_false(engine_table_set(table, 140, 0));
    assert_int_equal(engine_table_grow(table, UINT64_MAX - 10, 0), UINT64_MAX);
    engine_store_free(store);
}

static void limits_that_contradict_themselves_are_misuse(void **state) {
    engine_store *store = new_store(NULL);
    engine_extern out;
    engine_limits_type limits = {.min = 3, .max = 2, .has_max = true};
    assert_int_equal(engine_memory_new(store, limits, &out, NULL), BASE_MISUSE);
    assert_int_equal(engine_table_new(store, ENGINE_FUNCREF, limits, &out, NULL), BASE_MISUSE);
    engine_store_free(store);
}

/* ---- Linking
 * ------------------------------------------------------------------------------------------------ */

/* Imports a function (i32) -> (), a memory of 1 to 3 pages, a table of 2 functions or more, a mutable i64. */
#define NEEDS_FOUR                                                                                           \
    MODULE(SECTION(TYPE, 1, 0x60, 1, 0x7F, 0),                                                               \
           SECTION(IMPORT, 4, ENV, 1, 'f', 0, 0, ENV, 1, 'm', 2, 1, 1, 3, ENV, 1, 't', 1, 0x70, 0, 2, ENV,   \
                   1, 'g', 3, 0x7E, 1))

static engine_extern new_global(engine_store *store, engine_valtype type, bool is_mutable) {
    engine_extern global;
    uint64_t cells[2] = {41, 42};
    assert_int_equal(engine_global_new(store, type, is_mutable, cells, &global, NULL), BASE_OK);
    return global;
}

static void every_missing_import_is_named_with_its_kind(void **state) {
    engine_store *store = new_store(NULL);
    offers some = {0};
    add_offer(&some, "t", new_table(store, 2, UINT64_MAX));
    base_error error;
    assert_int_equal(try_instantiate(store, NEEDS_FOUR, &some, NULL, &error), BASE_UNLINKABLE);
    assert_string_equal(error.message,
                        "missing imports: env.f (func), env.m (memory), env.g (global) (unknown import)");
    engine_store_free(store);
}

static void an_import_of_another_type_is_named_with_both_types(void **state) {
    engine_store *store = new_store(NULL);
    offers wrong = {0};
    add_offer(&wrong, "f", host_func(store, (engine_valtype[]){ENGINE_I64, ENGINE_F32}, 2));
    add_offer(&wrong, "m", new_memory(store, 1, UINT64_MAX));
    add_offer(&wrong, "t", new_memory(store, 1, 2));
    base_error error;
    assert_int_equal(try_instantiate(store, NEEDS_FOUR, &wrong, NULL, &error), BASE_UNLINKABLE);
    assert_message(&error, "missing imports: env.g (global) (unknown import); incompatible import type: ");
    assert_message(&error, "env.f (needs func (i32) -> (), found func (i64 f32) -> ())");
    assert_message(&error, "env.m (needs memory 1..3 pages, found memory 1 or more pages)");
    assert_message(&error, "env.t (needs table funcref 2 or more elements, found memory 1..2 pages)");
    engine_store_free(store);
}

static void a_long_list_of_missing_imports_ends_with_their_number(void **state) {
    enum { COUNT = 100 };
    uint8_t bytes[64 + COUNT * 8] = {HEADER, SECTION(TYPE, 1, 0x60, 0, 0), IMPORT};
    size_t at = 8 + 6 + 1, size = 1 + COUNT * 8;
    bytes[at++] = (uint8_t)(size & 0x7F) | 0x80;
    bytes[at++] = (uint8_t)(size >> 7);
    bytes[at++] = COUNT;
    for (int i = 0; i < COUNT; i++) {
        const uint8_t import[8] = {ENV, 1, (uint8_t)('!' + i % 90), 0, 0};
        memcpy(bytes + at, import, sizeof import);
        at += sizeof import;
    }
    engine_store *store = new_store(NULL);
    base_error error;
    assert_int_equal(try_instantiate(store, (base_bytes){bytes, at}, NULL, NULL, &error), BASE_UNLINKABLE);
    unsigned named = 0, unnamed = 0;
    for (const char *name = error.message; (name = strstr(name, "env.")); name++) named++;
    const char *more = strstr(error.message, " and ");
    assert_non_null(more);
    assert_int_equal(sscanf(more, " and %u more (unknown import)", &unnamed), 1);
    assert_true(named > 10);
    assert_int_equal(named + unnamed, COUNT);
    engine_store_free(store);
}

static void control_characters_of_a_name_do_not_reach_the_message(void **state) {
    engine_store *store = new_store(NULL);
    base_error error;
    base_bytes bytes =
        MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 3, 'a', 0x1B, '\n', 0, 0));
    assert_int_equal(try_instantiate(store, bytes, NULL, NULL, &error), BASE_UNLINKABLE);
    assert_string_equal(error.message, "missing imports: env.a?? (func) (unknown import)");
    engine_store_free(store);
}

static void a_failed_link_leaves_the_store_as_it_was(void **state) {
    /* A memory of 3 pages and a table of 4 of its own, and an import that is not there. */
    base_bytes bytes = MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'f', 0, 0),
                              SECTION(TABLE, 1, 0x70, 0, 4), SECTION(MEMORY, 1, 0, 3));
    engine_store *store = new_store(NULL);
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, NULL, NULL, &error), BASE_UNLINKABLE);
    assert_int_equal(engine_store_memory_pages(store), 0);
    assert_int_equal(store->table_elements, 0);
    assert_int_equal(store->instance_count, 1);
    engine_store_free(store);
}

static void a_limit_reached_by_the_second_memory_takes_back_the_first(void **state) {
    base_bytes bytes = MODULE(SECTION(MEMORY, 2, 0, 3, 0, 4));
    engine_store *store = new_store(&(engine_limits){.memory_pages = 6});
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, NULL, NULL, &error), BASE_LIMIT);
    assert_int_equal(engine_store_memory_pages(store), 0);
    assert_int_equal(store->instance_count, 1);
    engine_store_free(store);
}

static void an_import_matches_by_the_size_of_now_and_the_maximum(void **state) {
    base_bytes needs_2_to_4 = MODULE(SECTION(IMPORT, 1, ENV, 1, 'm', 2, 1, 2, 4));
    base_bytes needs_2 = MODULE(SECTION(IMPORT, 1, ENV, 1, 'm', 2, 0, 2));
    const struct {
        uint64_t min, max, grow;
        bool bounded, unbounded; /* whether it is good enough for the two modules */
    } cases[] = {
        {2, 4, 0, true, true},   {3, 3, 0, true, true},           {2, 5, 0, false, true},
        {1, 4, 0, false, false}, {2, UINT64_MAX, 0, false, true}, {1, 4, 1, true, true},
    };
    engine_store *store = new_store(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        offers one = {0};
        engine_extern memory = new_memory(store, cases[i].min, cases[i].max);
        engine_memory_grow(memory.memory, cases[i].grow);
        add_offer(&one, "m", memory);
        base_error error;
        assert_int_equal(try_instantiate(store, needs_2_to_4, &one, NULL, &error),
                         cases[i].bounded ? BASE_OK : BASE_UNLINKABLE);
        assert_int_equal(try_instantiate(store, needs_2, &one, NULL, &error),
                         cases[i].unbounded ? BASE_OK : BASE_UNLINKABLE);
    }
    engine_store_free(store);
}

static void a_64_bit_memory_is_no_32_bit_memory(void **state) {
    base_bytes needs_64 = MODULE(SECTION(IMPORT, 1, ENV, 1, 'm', 2, 4, 1));
    engine_store *store = new_store(NULL);
    engine_extern narrow = new_memory(store, 1, UINT64_MAX), wide;
    assert_int_equal(engine_memory_new(store, (engine_limits_type){.min = 1, .is_64 = true}, &wide, NULL),
                     BASE_OK);
    base_error error;
    offers one = {{{"m", narrow}}, 1};
    assert_int_equal(try_instantiate(store, needs_64, &one, NULL, &error), BASE_UNLINKABLE);
    one.list[0].item = wide;
    assert_int_equal(try_instantiate(store, needs_64, &one, NULL, &error), BASE_OK);
    engine_store_free(store);
}

static void globals_match_in_mutability_and_mutable_ones_in_the_exact_type(void **state) {
    base_bytes needs_const = MODULE(SECTION(IMPORT, 1, ENV, 1, 'g', 3, 0x70, 0));
    base_bytes needs_mut = MODULE(SECTION(IMPORT, 1, ENV, 1, 'g', 3, 0x70, 1));
    const engine_valtype not_null_func = ENGINE_TYPE_REF | ENGINE_HEAP_FUNC;
    const struct {
        engine_valtype type;
        bool is_mutable, for_const, for_mut;
    } cases[] = {
        {ENGINE_FUNCREF, false, true, false},    {ENGINE_FUNCREF, true, false, true},
        {not_null_func, false, true, false},     {not_null_func, true, false, false},
        {ENGINE_EXTERNREF, false, false, false}, {ENGINE_I32, false, false, false},
    };
    engine_store *store = new_store(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        offers one = {{{"g", new_global(store, cases[i].type, cases[i].is_mutable)}}, 1};
        base_error error;
        assert_int_equal(try_instantiate(store, needs_const, &one, NULL, &error),
                         cases[i].for_const ? BASE_OK : BASE_UNLINKABLE);
        assert_int_equal(try_instantiate(store, needs_mut, &one, NULL, &error),
                         cases[i].for_mut ? BASE_OK : BASE_UNLINKABLE);
    }
    engine_store_free(store);
}

static void what_belongs_to_another_store_is_misuse(void **state) {
    engine_store *store = new_store(NULL), *other = new_store(NULL);
    base_bytes bytes = MODULE(SECTION(IMPORT, 1, ENV, 1, 'm', 2, 0, 1));
    offers one = {{{"m", new_memory(other, 1, UINT64_MAX)}}, 1};
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, &one, NULL, &error), BASE_MISUSE);
    engine_store_free(store);
    engine_store_free(other);
}

static void a_host_function_cannot_speak_of_a_modules_types(void **state) {
    engine_store *store = new_store(NULL);
    engine_extern out;
    const engine_valtype indexed = ENGINE_TYPE_REF | 0;
    assert_int_equal(engine_host_func_new(store, "f", &indexed, 1, NULL, 0, do_nothing, NULL, &out),
                     BASE_MISUSE);
    assert_int_equal(engine_host_func_new(store, "f", NULL, 0, &indexed, 1, do_nothing, NULL, &out),
                     BASE_MISUSE);
    engine_store_free(store);
}

/* ---- Tokens
 * ------------------------------------------------------------------------------------------------- */

/* Imports env.f and exports it as "f". */
#define PASSES_ON                                                                                            \
    MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'f', 0, 0),                              \
           SECTION(EXPORT, 1, 1, 'f', 0, 0))

/* Two functions () -> (), the second exported as "f". */
#define DEFINES                                                                                              \
    MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(FUNCTION, 2, 0, 0), SECTION(EXPORT, 1, 1, 'f', 0, 1),       \
           SECTION(CODE, 2, 2, 0, 0x0B, 2, 0, 0x0B))

static void a_function_keeps_its_token_however_often_it_is_passed_on(void **state) {
    engine_store *store = new_store(NULL);
    engine_instance *definer = instantiate(store, DEFINES, NULL);
    uint64_t token = exported(definer, "f").func;
    assert_int_equal(token, engine_token(definer->id, 1));
    engine_extern host = host_func(store, NULL, 0);
    assert_int_equal(engine_token_instance(host.func), ENGINE_HOST_INSTANCE);
    for (int i = 0; i < 3; i++) {
        offers one = {{{"f", (engine_extern){.kind = ENGINE_FUNC, .func = token}}}, 1};
        engine_instance *passer = instantiate(store, PASSES_ON, &one);
        assert_int_equal(exported(passer, "f").func, token);
        one.list[0].item = host;
        passer = instantiate(store, PASSES_ON, &one);
        assert_int_equal(exported(passer, "f").func, host.func);
    }
    engine_store_free(store);
}

static void a_table_holds_the_token_of_the_defining_instance(void **state) {
    /* Imports env.f and defines g; element 0 is f, element 1 is g; the table is exported as "t". */
    base_bytes bytes =
        MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'f', 0, 0), SECTION(FUNCTION, 1, 0),
               SECTION(TABLE, 1, 0x70, 0, 3), SECTION(EXPORT, 1, 1, 't', 1, 0),
               SECTION(ELEM, 1, 0, 0x41, 0, 0x0B, 2, 0, 1), SECTION(CODE, 1, 2, 0, 0x0B));
    engine_store *store = new_store(NULL);
    engine_instance *definer = instantiate(store, DEFINES, NULL);
    offers one = {{{"f", exported(definer, "f")}}, 1};
    engine_instance *instance = instantiate(store, bytes, &one);
    engine_table *table = exported(instance, "t").table;
    uint64_t cells[3];
    for (uint64_t i = 0; i < 3; i++) assert_true(engine_table_get(table, i, &cells[i]));
    assert_int_equal(cells[0], engine_token(definer->id, 1));
    assert_int_equal(cells[1], engine_token(instance->id, 1));
    assert_int_equal(cells[2], 0);
    engine_store_free(store);
}

static void a_token_that_names_nothing_has_no_type(void **state) {
    engine_store *store = new_store(NULL);
    engine_instance *instance = instantiate(store, DEFINES, NULL);
    host_func(store, NULL, 0);
    assert_non_null(engine_token_type(store, engine_token(ENGINE_HOST_INSTANCE, 0)));
    assert_non_null(engine_token_type(store, engine_token(instance->id, 1)));
    assert_null(engine_token_type(store, 0));
    assert_null(engine_token_type(store, engine_token(ENGINE_HOST_INSTANCE, 1)));
    assert_null(engine_token_type(store, engine_token(instance->id, 2)));
    assert_null(engine_token_type(store, engine_token(instance->id + 1, 0)));
    assert_null(engine_token_type(store, UINT64_MAX));
    assert_null(engine_token_type(store, (uint64_t)instance->id << 32));
    engine_store_free(store);
}

static void function_types_are_equal_across_modules_by_structure(void **state) {
    /* Both define "f" of type (func (param (ref null $a))) with $a = (func (param i32)); the types' order
     * differs. The third module's $a takes an i64. */
    base_bytes first =
        MODULE(SECTION(TYPE, 2, 0x60, 1, 0x7F, 0, 0x60, 1, 0x63, 0, 0), SECTION(FUNCTION, 1, 1),
               SECTION(EXPORT, 1, 1, 'f', 0, 0), SECTION(CODE, 1, 2, 0, 0x0B));
    base_bytes second = MODULE(SECTION(TYPE, 3, 0x60, 0, 0, 0x60, 1, 0x7F, 0, 0x60, 1, 0x63, 1, 0),
                               SECTION(IMPORT, 1, ENV, 1, 'f', 0, 2));
    base_bytes third = MODULE(SECTION(TYPE, 2, 0x60, 1, 0x7E, 0, 0x60, 1, 0x63, 0, 0),
                              SECTION(IMPORT, 1, ENV, 1, 'f', 0, 1));
    engine_store *store = new_store(NULL);
    engine_instance *definer = instantiate(store, first, NULL);
    offers one = {{{"f", exported(definer, "f")}}, 1};
    instantiate(store, second, &one);
    base_error error;
    assert_int_equal(try_instantiate(store, third, &one, NULL, &error), BASE_UNLINKABLE);
    engine_store_free(store);
}

static void tags_are_linked_by_identity_and_matched_by_type(void **state) {
    base_bytes defines = MODULE(SECTION(TYPE, 1, 0x60, 1, 0x7F, 0), SECTION(TAG, 2, 0, 0, 0, 0),
                                SECTION(EXPORT, 1, 1, 'e', 4, 1));
    base_bytes imports = MODULE(SECTION(TYPE, 1, 0x60, 1, 0x7F, 0), SECTION(IMPORT, 1, ENV, 1, 'e', 4, 0, 0),
                                SECTION(EXPORT, 1, 1, 'e', 4, 0));
    base_bytes imports_other = MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'e', 4, 0, 0));
    engine_store *store = new_store(NULL);
    engine_instance *definer = instantiate(store, defines, NULL);
    offers one = {{{"e", exported(definer, "e")}}, 1};
    engine_instance *importer = instantiate(store, imports, &one);
    assert_ptr_equal(exported(importer, "e").tag, definer->tags[1]);
    assert_ptr_not_equal(definer->tags[0], definer->tags[1]);
    base_error error;
    assert_int_equal(try_instantiate(store, imports_other, &one, NULL, &error), BASE_UNLINKABLE);
    engine_store_free(store);
}

/* ---- Constant expressions
 * ----------------------------------------------------------------------------------- */

static void constant_expressions_give_globals_their_values(void **state) {
    if (!WPLUG_SIMD) skip();
    base_bytes bytes = MODULE(
        SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'g', 3, 0x7E, 0), SECTION(FUNCTION, 1, 0),
        SECTION(GLOBAL, 9,                                      /* from global 1: */
                0x7F, 0, 0x41, 0x7F, 0x0B,                      /* i32.const -1 */
                0x7E, 0, 0x42, 0x7E, 0x0B,                      /* i64.const -2 */
                0x7D, 0, 0x43, 0, 0, 0x80, 0x3F, 0x0B,          /* f32.const 1 */
                0x7C, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0x0B, /* f64.const -2 */
                0x7B, 0, 0xFD, 0x0C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                0x0B,                                                 /* v128.const */
                0x70, 0, 0xD2, 0, 0x0B,                               /* ref.func 0 */
                0x6F, 0, 0xD0, 0x6F, 0x0B,                            /* ref.null extern */
                0x7E, 0, 0x23, 0, 0x42, 1, 0x7C, 0x42, 3, 0x7E, 0x0B, /* (global 0 + 1) * 3 */
                0x7F, 0, 0x41, 0, 0x41, 7, 0x6B, 0x0B),               /* 0 - 7 */
        SECTION(CODE, 1, 2, 0, 0x0B));
    engine_store *store = new_store(NULL);
    offers one = {{{"g", new_global(store, ENGINE_I64, false)}}, 1}; /* 41 */
    engine_instance *instance = instantiate(store, bytes, &one);
    const uint64_t expected[] = {0xFFFFFFFF,
                                 UINT64_MAX - 1,
                                 0x3F800000,
                                 0xC000000000000000,
                                 0x0807060504030201,
                                 0x100F0E0D0C0B0A09,
                                 engine_token(instance->id, 0),
                                 0,
                                 126,
                                 0xFFFFFFF9};
    assert_int_equal(instance->global_cell_count, 10);
    for (size_t i = 0; i < 10; i++) assert_int_equal(instance->global_cells[i], expected[i]);
    uint64_t cells[2];
    engine_global_get(instance->globals[5], cells);
    assert_int_equal(cells[1], 0x100F0E0D0C0B0A09);
    engine_global_get(instance->globals[6], cells);
    assert_int_equal(cells[0], engine_token(instance->id, 0));
    engine_store_free(store);
}

static void a_deep_constant_expression_has_room(void **state) {
    enum { DEPTH = 60 }; /* values pushed before the first is added; the section stays below 256 bytes */
    uint8_t bytes[300] = {HEADER, GLOBAL};
    size_t size = 1 + 2 + DEPTH * 2 + (DEPTH - 1) + 1, at = 9;
    bytes[at++] = (uint8_t)(size & 0x7F) | 0x80;
    bytes[at++] = (uint8_t)(size >> 7);
    bytes[at++] = 1;
    bytes[at++] = 0x7F;
    bytes[at++] = 0;
    for (uint8_t i = 1; i <= DEPTH; i++) {
        bytes[at++] = 0x41;
        bytes[at++] = i;
    }
    for (int i = 1; i < DEPTH; i++) bytes[at++] = 0x6A;
    bytes[at++] = 0x0B;
    engine_store *store = new_store(NULL);
    engine_instance *instance = instantiate(store, (base_bytes){bytes, at}, NULL);
    assert_int_equal(instance->global_cells[0], DEPTH * (DEPTH + 1) / 2);
    engine_store_free(store);
}

/* ---- Segments
 * ----------------------------------------------------------------------------------------------- */

static void a_segment_out_of_bounds_traps_and_leaves_earlier_writes(void **state) {
    /* Writes "ab" at 0 of env.m, then "cd" at 65535. */
    base_bytes bytes =
        MODULE(SECTION(IMPORT, 1, ENV, 1, 'm', 2, 0, 1),
               SECTION(DATA, 2, 0, 0x41, 0, 0x0B, 2, 'a', 'b', 0, 0x41, 0xFF, 0xFF, 3, 0x0B, 2, 'c', 'd'));
    engine_store *store = new_store(NULL);
    engine_extern memory = new_memory(store, 1, UINT64_MAX);
    offers one = {{{"m", memory}}, 1};
    engine_trap_code trap;
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, &one, &trap, &error), BASE_INVALID);
    assert_int_equal(trap, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    assert_message(&error, "out of bounds memory access");
    assert_memory_equal(engine_memory_range(memory.memory, 0, 3), "ab", 3);
    assert_int_equal(*engine_memory_range(memory.memory, 65535, 1), 0);
    engine_store_free(store);
}

static void functions_of_an_instance_that_trapped_stay_in_imported_tables(void **state) {
    /* Puts its function in element 0 of env.t, then writes one byte to a memory without pages. */
    base_bytes bytes =
        MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 't', 1, 0x70, 0, 1),
               SECTION(FUNCTION, 1, 0), SECTION(MEMORY, 1, 0, 0), SECTION(ELEM, 1, 0, 0x41, 0, 0x0B, 1, 0),
               SECTION(CODE, 1, 2, 0, 0x0B), SECTION(DATA, 1, 0, 0x41, 0, 0x0B, 1, 'x'));
    engine_store *store = new_store(NULL);
    engine_extern table = new_table(store, 1, UINT64_MAX);
    offers one = {{{"t", table}}, 1};
    engine_trap_code trap;
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, &one, &trap, &error), BASE_INVALID);
    assert_int_equal(trap, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    uint64_t token;
    assert_true(engine_table_get(table.table, 0, &token));
    assert_non_null(engine_token_type(store, token));
    engine_store_free(store);
}

static void an_element_segment_out_of_bounds_traps_before_any_data_is_written(void **state) {
    base_bytes bytes = MODULE(SECTION(TYPE, 1, 0x60, 0, 0), SECTION(IMPORT, 1, ENV, 1, 'm', 2, 0, 1),
                              SECTION(FUNCTION, 1, 0), SECTION(TABLE, 1, 0x70, 0, 1),
                              SECTION(ELEM, 1, 0, 0x41, 1, 0x0B, 1, 0), SECTION(CODE, 1, 2, 0, 0x0B),
                              SECTION(DATA, 1, 0, 0x41, 0, 0x0B, 1, 'x'));
    engine_store *store = new_store(NULL);
    engine_extern memory = new_memory(store, 1, UINT64_MAX);
    offers one = {{{"m", memory}}, 1};
    engine_trap_code trap;
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, &one, &trap, &error), BASE_INVALID);
    assert_int_equal(trap, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    assert_message(&error, "out of bounds table access");
    assert_int_equal(*engine_memory_range(memory.memory, 0, 1), 0);
    engine_store_free(store);
}

static void an_offset_is_unsigned(void **state) {
    base_bytes bytes = MODULE(SECTION(MEMORY, 1, 0, 1), SECTION(DATA, 1, 0, 0x41, 0x7F, 0x0B, 1, 'x'));
    engine_store *store = new_store(NULL);
    engine_trap_code trap;
    base_error error;
    assert_int_equal(try_instantiate(store, bytes, NULL, &trap, &error), BASE_INVALID);
    assert_int_equal(trap, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    engine_store_free(store);
}

static void dropped_segments_count_as_empty(void **state) {
    /* Data: active "ab" at 0, passive "cdef". Elements: active, passive (by expression), declarative. */
    base_bytes bytes = MODULE(
        SECTION(TYPE, 1, 0x60, 0, 0), SECTION(FUNCTION, 1, 0), SECTION(TABLE, 1, 0x70, 0, 4),
        SECTION(MEMORY, 1, 0, 1),
        SECTION(ELEM, 3, 0, 0x41, 0, 0x0B, 1, 0, 5, 0x70, 2, 0xD2, 0, 0x0B, 0xD0, 0x70, 0x0B, 3, 0, 1, 0),
        SECTION(CODE, 1, 2, 0, 0x0B),
        SECTION(DATA, 2, 0, 0x41, 0, 0x0B, 2, 'a', 'b', 1, 4, 'c', 'd', 'e', 'f'));
    engine_store *store = new_store(NULL);
    engine_instance *instance = instantiate(store, bytes, NULL);
    engine_memory *memory = engine_instance_memory(instance, 0);
    assert_true(engine_memory_init(instance, 0, 0, 65536, 0, 0));
    assert_false(engine_memory_init(instance, 0, 0, 0, 0, 1));
    assert_false(engine_memory_init(instance, 0, 0, 0, 1, 0));
    assert_true(engine_memory_init(instance, 0, 1, 65534, 2, 2));
    assert_memory_equal(engine_memory_range(memory, 65534, 2), "ef", 2);
    assert_false(engine_memory_init(instance, 0, 1, 65534, 0, 3));
    assert_false(engine_memory_init(instance, 0, 1, 0, 3, 2));
    assert_false(engine_memory_init(instance, 0, 1, UINT64_MAX, 0, 2));
    assert_memory_equal(engine_memory_range(memory, 0, 3), "ab", 3);

    assert_false(engine_table_init(instance, 0, 0, 0, 0, 1));
    assert_true(engine_table_init(instance, 0, 1, 2, 0, 2));
    assert_false(engine_table_init(instance, 0, 1, 3, 0, 2));
    assert_false(engine_table_init(instance, 0, 2, 0, 0, 1));
    uint64_t cell;
    assert_true(engine_table_get(instance->tables[0], 2, &cell));
    assert_int_equal(cell, engine_token(instance->id, 0));
    assert_true(engine_table_get(instance->tables[0], 3, &cell));
    assert_int_equal(cell, 0);
    engine_store_free(store);
}

/* ---- Running out of memory
 * ---------------------------------------------------------------------------------- */

/* Makes all there is to make. Every failure must be BASE_NO_MEMORY. */
static base_status make_everything(const base_allocator *allocator, engine_module *module) {
    const engine_valtype param = ENGINE_I32;
    engine_store *store;
    engine_extern func, global, memory, table;
    engine_instance *instance;
    const uint64_t zero = 0;
    base_error error = {0};
    base_status status = engine_store_new(allocator, NULL, &store);
    if (status != BASE_OK) return status;
    status = engine_host_func_new(store, "a", &param, 1, NULL, 0, do_nothing, NULL, &func);
    if (status == BASE_OK) status = engine_global_new(store, ENGINE_I64, false, &zero, &global, &error);
    if (status == BASE_OK) status = engine_memory_new(store, (engine_limits_type){.min = 1}, &memory, &error);
    if (status == BASE_OK)
        status = engine_table_new(store, ENGINE_FUNCREF, (engine_limits_type){.min = 8}, &table, &error);
    for (int i = 0; i < 3 && status == BASE_OK; i++) {
        uint64_t pages = store->memory_pages, elements = store->table_elements;
        offers all = {{{"f", func}, {"g", global}}, 2};
        status = engine_instantiate(store, module, resolve, &all, &instance, NULL, &error);
        if (status != BASE_OK) {
            assert_null(instance);
            assert_int_equal(store->memory_pages, pages);
            assert_int_equal(store->table_elements, elements);
        }
    }
    if (status == BASE_OK && engine_table_grow(table.table, 1, 0) == UINT64_MAX) status = BASE_NO_MEMORY;
    engine_store_free(store);
    return status;
}

static void every_allocation_can_fail_and_nothing_is_lost(void **state) {
    /* A function type that refers to another, imports, a memory, two tables (one with an initialiser), a
     * global with an expression deep enough to need its own stack, a tag. */
    base_bytes bytes =
        MODULE(SECTION(TYPE, 2, 0x60, 1, 0x7F, 0, 0x60, 1, 0x63, 0, 0),
               SECTION(IMPORT, 2, ENV, 1, 'f', 0, 0, ENV, 1, 'g', 3, 0x7E, 0), SECTION(FUNCTION, 1, 0),
               SECTION(TABLE, 2, 0x70, 0, 3, 0x40, 0, 0x63, 0, 0, 3, 0xD2, 0, 0x0B), SECTION(MEMORY, 1, 0, 1),
               SECTION(TAG, 1, 0, 0),
               SECTION(GLOBAL, 1, 0x7E, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0x7C, 0x7C, 0x7C,
                       0x7C, 0x0B),
               SECTION(CODE, 1, 2, 0, 0x0B));
    engine_module *module = load_with(NULL, bytes);
    base_status status = BASE_NO_MEMORY;
    size_t failures = 0;
    while (status != BASE_OK) {
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = ++failures;
        assert_true(failures < 1000);
        status = make_everything(&heap.allocator, module);
        assert_true(status == BASE_OK || status == BASE_NO_MEMORY);
        assert_true(test_heap_clean(&heap));
    }
    assert_true(failures > 20);
    engine_module_release(module);
}

static void trap_texts_are_the_suites(void **state) {
    assert_string_equal(engine_trap_text(ENGINE_TRAP_UNREACHABLE), "unreachable");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS), "out of bounds memory access");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_TABLE_OUT_OF_BOUNDS), "out of bounds table access");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_UNDEFINED_ELEMENT), "undefined element");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_UNINITIALIZED_ELEMENT), "uninitialized element");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_INDIRECT_CALL_TYPE_MISMATCH),
                        "indirect call type mismatch");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_INTEGER_DIVIDE_BY_ZERO), "integer divide by zero");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_INTEGER_OVERFLOW), "integer overflow");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_INVALID_CONVERSION_TO_INTEGER),
                        "invalid conversion to integer");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_CALL_STACK_EXHAUSTED), "call stack exhausted");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_NULL_REFERENCE), "null reference");
    assert_string_equal(engine_trap_text(ENGINE_TRAP_NULL_FUNCTION_REFERENCE), "null function reference");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_memories_together_stay_within_the_stores_pages),
        cmocka_unit_test(growing_beyond_a_memorys_own_maximum_is_no_denial),
        cmocka_unit_test(a_memory_of_32_bits_never_has_more_than_65536_pages),
        cmocka_unit_test(a_grown_memory_keeps_its_bytes_and_adds_zeros),
        cmocka_unit_test(a_range_is_given_out_only_where_all_of_it_is_inside),
        cmocka_unit_test(all_tables_together_stay_within_the_stores_elements),
        cmocka_unit_test(a_grown_table_holds_the_given_value_in_the_new_elements_alone),
        cmocka_unit_test(limits_that_contradict_themselves_are_misuse),
        cmocka_unit_test(every_missing_import_is_named_with_its_kind),
        cmocka_unit_test(an_import_of_another_type_is_named_with_both_types),
        cmocka_unit_test(a_long_list_of_missing_imports_ends_with_their_number),
        cmocka_unit_test(control_characters_of_a_name_do_not_reach_the_message),
        cmocka_unit_test(a_failed_link_leaves_the_store_as_it_was),
        cmocka_unit_test(a_limit_reached_by_the_second_memory_takes_back_the_first),
        cmocka_unit_test(an_import_matches_by_the_size_of_now_and_the_maximum),
        cmocka_unit_test(a_64_bit_memory_is_no_32_bit_memory),
        cmocka_unit_test(globals_match_in_mutability_and_mutable_ones_in_the_exact_type),
        cmocka_unit_test(what_belongs_to_another_store_is_misuse),
        cmocka_unit_test(a_host_function_cannot_speak_of_a_modules_types),
        cmocka_unit_test(a_function_keeps_its_token_however_often_it_is_passed_on),
        cmocka_unit_test(a_table_holds_the_token_of_the_defining_instance),
        cmocka_unit_test(a_token_that_names_nothing_has_no_type),
        cmocka_unit_test(function_types_are_equal_across_modules_by_structure),
        cmocka_unit_test(tags_are_linked_by_identity_and_matched_by_type),
        cmocka_unit_test(constant_expressions_give_globals_their_values),
        cmocka_unit_test(a_deep_constant_expression_has_room),
        cmocka_unit_test(a_segment_out_of_bounds_traps_and_leaves_earlier_writes),
        cmocka_unit_test(functions_of_an_instance_that_trapped_stay_in_imported_tables),
        cmocka_unit_test(an_element_segment_out_of_bounds_traps_before_any_data_is_written),
        cmocka_unit_test(an_offset_is_unsigned),
        cmocka_unit_test(dropped_segments_count_as_empty),
        cmocka_unit_test(every_allocation_can_fail_and_nothing_is_lost),
        cmocka_unit_test(trap_texts_are_the_suites),
    };
    return cmocka_run_group_tests_name("engine_store", tests, NULL, NULL);
}
