/* The loader: what it reads into a module, what it refuses, with which status and sentence, and that no input and no
 * lack of memory makes it crash or leak. Expected values come from the WebAssembly specification and the limits of
 * loader.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/loader.h"
#include "engine/opcodes.h"
#include "test_heap.h"

/* ---- Modules byte by byte --------------------------------------------------------------------------------- */

#define COUNT_OF(array)  (sizeof(array) / sizeof(array)[0])
#define HEADER           0, 'a', 's', 'm', 1, 0, 0, 0
#define SIZED(...)       sizeof((const uint8_t[]){__VA_ARGS__}), __VA_ARGS__
#define SECTION(id, ...) id, SIZED(__VA_ARGS__)
#define BYTES(...)       ((base_bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})
#define MODULE(...)      BYTES(HEADER, __VA_ARGS__)
/* The section that gives as many functions the type 0 (or other) and nothing to do. */
#define ONE_FUNCTION SECTION(FUNCTION, 1, 0)
#define EMPTY_BODY   SECTION(CODE, 1, SIZED(0, OP_END))
#define TYPE_NOTHING SECTION(TYPE, 1, 0x60, 0, 0)

enum {
    CUSTOM,
    TYPE,
    IMPORT,
    FUNCTION,
    TABLE,
    MEMORY,
    GLOBAL,
    EXPORT,
    START,
    ELEM,
    CODE,
    DATA,
    DATA_COUNT,
    TAG
};
enum {
    I32 = 0x7F,
    I64 = 0x7E,
    F32 = 0x7D,
    F64 = 0x7C,
    V128 = 0x7B,
    FUNCREF = 0x70,
    EXTERNREF = 0x6F,
    EXNREF = 0x69
};
enum { REF = 0x64, REF_NULL = 0x63 };
enum { OP_END = 0x0B, OP_I32_CONST = 0x41, OP_I64_CONST = 0x42, OP_F64_CONST = 0x44, OP_DROP = 0x1A };
#define F64_ZERO OP_F64_CONST, 0, 0, 0, 0, 0, 0, 0, 0

enum { ALL_FEATURES = (ENGINE_FEATURE_FUNCTION_REFERENCES << 1) - 1 };

static engine_module *load_from(const base_allocator *allocator, base_bytes bytes) {
    engine_module *module = NULL;
    base_error error = {0};
    if (engine_module_load_as(allocator, bytes, ALL_FEATURES, &module, &error) != BASE_OK)
        fail_msg("refused: %s", error.message);
    return module;
}

static engine_module *load(base_bytes bytes) {
    return load_from(NULL, bytes);
}

static void assert_loads(base_bytes bytes) {
    engine_module_release(load(bytes));
}

static void assert_refused_with(base_bytes bytes, uint32_t features, base_status status, const char *text) {
    engine_module *module = NULL;
    base_error error = {0};
    base_status found = engine_module_load_as(NULL, bytes, features, &module, &error);
    if (found == BASE_OK) {
        engine_module_release(module);
        fail_msg("loaded, where \"%s\" was to be found", text);
    }
    if (found != status || error.status != status || strstr(error.message, text) == NULL)
        fail_msg("status %d: \"%s\", where status %d and \"%s\" were expected", (int)found, error.message,
                 (int)status, text);
    assert_null(module);
}

static void assert_refused(base_bytes bytes, base_status status, const char *text) {
    assert_refused_with(bytes, ALL_FEATURES, status, text);
}

static void assert_text(base_bytes bytes, const char *text) {
    if (!base_bytes_equal_text(bytes, text))
        fail_msg("\"%.*s\", where \"%s\" was expected", (int)bytes.size, (const char *)bytes.data, text);
}

/* Modules too large to be written down. */
static void put_u32(base_buffer *out, uint32_t value) {
    for (; value >= 0x80; value >>= 7)
        assert_int_equal(base_buffer_append_byte(out, (uint8_t)(value | 0x80)), BASE_OK);
    assert_int_equal(base_buffer_append_byte(out, (uint8_t)value), BASE_OK);
}

static void put(base_buffer *out, base_bytes bytes) {
    assert_int_equal(base_buffer_append(out, bytes.data, bytes.size), BASE_OK);
}

static void put_repeated(base_buffer *out, base_bytes bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) put(out, bytes);
}

static void put_section(base_buffer *out, uint8_t id, const base_buffer *contents) {
    put(out, BYTES(id));
    put_u32(out, (uint32_t)contents->size);
    put(out, base_buffer_bytes(contents));
}

/* A module that has some of everything, and a function [] -> [] with the body that is given (locals included):
 *
 *     (type $0 (func))  (type $1 (func (param i32) (result i32)))  (type $2 (func (result i32 i64)))
 *     (type $3 (func (param i32 i64)))
 *     (import "env" "f" (func (type 1)))                 function 0; the body is function 1
 *     (table 1 funcref) (table 1 externref) (memory 1) (memory i64 1)
 *     (tag (type 3)) (global (mut i32) (i32.const 0)) (global i64 (i64.const 0))
 *     (elem declare func 0) (data "")  */
#define WITH_BODY(...)                                                                                       \
    MODULE(SECTION(TYPE, 4, 0x60, 0, 0, 0x60, 1, I32, 1, I32, 0x60, 0, 2, I32, I64, 0x60, 2, I32, I64, 0),   \
           SECTION(IMPORT, 1, SIZED('e', 'n', 'v'), SIZED('f'), 0, 1), ONE_FUNCTION,                         \
           SECTION(TABLE, 2, FUNCREF, 0, 1, EXTERNREF, 0, 1), SECTION(MEMORY, 2, 0, 1, 4, 1),                \
           SECTION(TAG, 1, 0, 3),                                                                            \
           SECTION(GLOBAL, 2, I32, 1, OP_I32_CONST, 0, OP_END, I64, 0, OP_I64_CONST, 0, OP_END),             \
           SECTION(ELEM, 1, 3, 0, 1, 0), SECTION(DATA_COUNT, 1), SECTION(CODE, 1, SIZED(__VA_ARGS__)),       \
           SECTION(DATA, 1, 1, 0))

/* ---- The table of instructions ---------------------------------------------------------------------------- */

static void instructions_are_found_by_number(void **state) {
    assert_string_equal(engine_op_get(0x6A)->name, "i32.add");
    assert_string_equal(engine_op_get(0x6A)->signature, "ii:i");
    assert_string_equal(engine_op_get(ENGINE_OP_MEMORY_FILL)->name, "memory.fill");
    assert_int_equal(ENGINE_OP_MEMORY_FILL, 0x10B);
    assert_int_equal(ENGINE_OP_I8X16_SHUFFLE, 0x20D);
    assert_int_equal(ENGINE_OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S, 0x313);
    if (ENGINE_KNOWS_VECTORS) assert_int_equal(engine_op_get(ENGINE_OP_V128_LOAD32_ZERO)->access, 2);
    assert_int_equal(engine_op_get(ENGINE_OP_I64_STORE)->immediate, ENGINE_IMM_MEMARG);
    assert_null(engine_op_get(0xFF)->name);
    assert_null(engine_op_get(ENGINE_OP_LIMIT)->name);
    assert_null(engine_op_get(UINT32_MAX)->name);
}

static void there_are_as_many_instructions_as_the_specification_has(void **state) {
    unsigned one_byte = 0, fc = 0, simd = 0, relaxed = 0;
    for (uint32_t op = 0; op < ENGINE_OP_LIMIT; op++) {
        const engine_op_info *info = engine_op_get(op);
        if (info->name == NULL) continue;
        one_byte += op < 0x100;
        fc += op >= 0x100 && op < 0x200;
        simd += info->feature == ENGINE_FEATURE_SIMD;
        relaxed += info->feature == ENGINE_FEATURE_RELAXED_SIMD;
    }
    assert_int_equal(simd, ENGINE_KNOWS_VECTORS ? 236 : 0);
    assert_int_equal(relaxed, ENGINE_KNOWS_VECTORS ? 20 : 0);
    assert_int_equal(fc, 18);
    /* 172 of WebAssembly 1.0; 5 sign extensions; typed select, 3 on references, 2 on tables; 2 tail calls; try_table,
     * throw, throw_ref; call_ref, return_call_ref, ref.as_non_null, br_on_null, br_on_non_null. */
    assert_int_equal(one_byte, 172 + 5 + 6 + 2 + 3 + 5);
}

/* ---- The frame of a module -------------------------------------------------------------------------------- */

static void what_is_no_module_is_named_so(void **state) {
    assert_refused((base_bytes){NULL, 0}, BASE_MALFORMED, "at 0x0: unexpected end");
    assert_refused(BYTES(0, 'a', 's'), BASE_MALFORMED, "unexpected end");
    assert_refused(BYTES(0, 'a', 's', 'm', 1, 0), BASE_MALFORMED, "unexpected end");
    assert_refused(BYTES('(', 'm', 'o', 'd', 'u', 'l', 'e', ')'), BASE_MALFORMED, "text format");
    assert_refused(BYTES('M', 'Z', 0, 0, 0, 0, 0, 0), BASE_MALFORMED, "at 0x0: magic header not detected");
    assert_refused(BYTES(0, 'a', 's', 'm', 2, 0, 0, 0), BASE_MALFORMED, "at 0x4: unknown binary version 0x2");
    assert_refused(BYTES(0, 'a', 's', 'm', 13, 0, 1, 0), BASE_MALFORMED, "component");
    assert_loads(BYTES(HEADER));
}

static void sections_come_in_order_and_once(void **state) {
    assert_refused(MODULE(SECTION(MEMORY, 0), SECTION(TABLE, 0)), BASE_MALFORMED,
                   "at 0xb: table section: unexpected content after last section");
    assert_refused(MODULE(SECTION(TYPE, 0), SECTION(TYPE, 0)), BASE_MALFORMED,
                   "unexpected content after last section");
    assert_refused(MODULE(SECTION(DATA_COUNT, 0), SECTION(ELEM, 0)), BASE_MALFORMED,
                   "unexpected content after last section");
    assert_refused(MODULE(14, 0), BASE_MALFORMED, "at 0x8: malformed section id 14");
    /* By rank, not by number: tags stand before globals, the data count before code. */
    assert_loads(MODULE(SECTION(MEMORY, 0), SECTION(TAG, 0), SECTION(GLOBAL, 0), SECTION(ELEM, 0),
                        SECTION(DATA_COUNT, 0), SECTION(CODE, 0), SECTION(DATA, 0)));
}

static void a_section_fills_its_size(void **state) {
    assert_refused(MODULE(TYPE, 2, 0, 0), BASE_MALFORMED, "at 0xb: type section: section size mismatch");
    assert_refused(MODULE(TYPE, 1, 1, SECTION(IMPORT, 0)), BASE_MALFORMED, "type section");
    assert_refused(MODULE(TYPE, 9, 0), BASE_MALFORMED, "length out of bounds");
    assert_refused(MODULE(TYPE), BASE_MALFORMED, "unexpected end");
}

static void custom_sections_stand_anywhere_and_need_a_name(void **state) {
    engine_module *module = load(MODULE(SECTION(CUSTOM, SIZED('a'), 1, 2), SECTION(TYPE, 0),
                                        SECTION(CUSTOM, SIZED('b')), SECTION(CUSTOM, SIZED('a'), 3)));
    base_bytes contents = engine_module_custom_section(module, "a");
    assert_int_equal(contents.size, 2);
    assert_int_equal(contents.data[0], 1);
    assert_int_equal(engine_module_custom_section(module, "b").size, 0);
    assert_non_null(engine_module_custom_section(module, "b").data);
    assert_null(engine_module_custom_section(module, "c").data);
    engine_module_release(module);
    assert_refused(MODULE(CUSTOM, 0), BASE_MALFORMED, "unexpected end");
    assert_refused(MODULE(SECTION(CUSTOM, 5, 'a')), BASE_MALFORMED, "length out of bounds");
    assert_refused(MODULE(SECTION(CUSTOM, SIZED(0xFF))), BASE_MALFORMED, "malformed UTF-8 encoding");
}

static void integers_are_no_longer_and_no_larger_than_their_width(void **state) {
    assert_loads(MODULE(TYPE, 0x81, 0x80, 0x80, 0x80, 0, 0));
    assert_refused(MODULE(TYPE, 0x81, 0x80, 0x80, 0x80, 0x80, 0, 0), BASE_MALFORMED,
                   "integer representation too long");
    assert_refused(MODULE(TYPE, 0x81, 0x80, 0x80, 0x80, 0x10, 0), BASE_MALFORMED, "integer too large");
    assert_loads(WITH_BODY(0, OP_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x78, OP_DROP, OP_END)); /* -2^31 */
    assert_refused(WITH_BODY(0, OP_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x70, OP_DROP, OP_END), BASE_MALFORMED,
                   "integer too large");
    assert_refused(WITH_BODY(0, OP_I32_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0, OP_DROP, OP_END),
                   BASE_MALFORMED, "integer representation too long");
    assert_loads(WITH_BODY(0, OP_I64_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7F,
                           OP_DROP, OP_END));
    assert_refused(WITH_BODY(0, OP_I64_CONST, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7E,
                             OP_DROP, OP_END),
                   BASE_MALFORMED, "integer too large");
}

static void names_are_utf8(void **state) {
    /* The borders of table 3-7 of the Unicode standard. */
    assert_loads(
        MODULE(SECTION(CUSTOM, SIZED(0x7F, 0xC2, 0x80, 0xDF, 0xBF, 0xE0, 0xA0, 0x80, 0xED, 0x9F, 0xBF, 0xEE,
                                     0x80, 0x80, 0xF0, 0x90, 0x80, 0x80, 0xF4, 0x8F, 0xBF, 0xBF, 0))));
    const base_bytes bad[] = {BYTES(0x80),
                              BYTES(0xC1, 0xBF),
                              BYTES(0xC2),
                              BYTES(0xE0, 0x9F, 0xBF),
                              BYTES(0xED, 0xA0, 0x80),
                              BYTES(0xE1, 0x80),
                              BYTES(0xF0, 0x8F, 0xBF, 0xBF),
                              BYTES(0xF4, 0x90, 0x80, 0x80),
                              BYTES(0xF5, 0x80, 0x80, 0x80),
                              BYTES(0xC2, 'a')};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        base_buffer out = {0};
        put(&out, MODULE(CUSTOM, (uint8_t)(bad[i].size + 1), (uint8_t)bad[i].size));
        put(&out, bad[i]);
        assert_refused(base_buffer_bytes(&out), BASE_MALFORMED, "malformed UTF-8 encoding");
        base_buffer_free(&out);
    }
}

/* ---- What is read ----------------------------------------------------------------------------------------- */

static void types_know_their_cells_and_their_equals(void **state) {
    /* (type (func (param v128 i32) (result f64))) (type (func)) and the first again. */
    engine_module *module =
        load(MODULE(SECTION(TYPE, 3, 0x60, 2, V128, I32, 1, F64, 0x60, 0, 0, 0x60, 2, V128, I32, 1, F64)));
    assert_int_equal(module->type_count, 3);
    const engine_functype *type = &module->types[2];
    assert_int_equal(type->param_count, 2);
    assert_int_equal(type->result_count, 1);
    assert_int_equal(type->param_cells, 3);
    assert_int_equal(type->result_cells, 1);
    assert_int_equal(type->params[0], ENGINE_V128);
    assert_int_equal(type->params[1], ENGINE_I32);
    assert_ptr_equal(type->results, type->params + 2);
    assert_int_equal(type->results[0], ENGINE_F64);
    assert_int_equal(module->canonical_types[0], 0);
    assert_int_equal(module->canonical_types[1], 1);
    assert_int_equal(module->canonical_types[2], 0);
    engine_module_release(module);
}

static void parameters_and_results_do_not_run_together(void **state) {
    /* (func (param i32)) and (func (result i32)) have the same types in them, in the same order. */
    engine_module *module = load(MODULE(SECTION(TYPE, 2, 0x60, 1, I32, 0, 0x60, 0, 1, I32)));
    assert_int_equal(module->canonical_types[1], 1);
    engine_module_release(module);
}

static void types_that_refer_to_equal_types_are_equal(void **state) {
    /* $0 and $1 are (func); $2 takes (ref $0), $3 takes (ref $1); $4 and $5 take a reference to themselves; $6 takes
     * (ref $4), which is not the same as referring to itself. */
    engine_module *module =
        load(MODULE(SECTION(TYPE, 7, 0x60, 0, 0, 0x60, 0, 0, 0x60, 1, REF, 0, 0, 0x60, 1, REF, 1, 0, 0x60, 1,
                            REF, 4, 0, 0x60, 1, REF, 5, 0, 0x60, 1, REF, 4, 0)));
    const uint32_t expected[] = {0, 0, 2, 2, 4, 4, 6};
    for (uint32_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(module->canonical_types[i], expected[i]);
    assert_int_equal(module->types[3].params[0], ENGINE_TYPE_REF | 0);
    assert_int_equal(module->types[5].params[0], ENGINE_TYPE_REF | 4);
    engine_module_release(module);
    assert_refused(MODULE(SECTION(TYPE, 1, 0x60, 1, REF, 1, 0)), BASE_INVALID, "unknown type 1");
}

static void many_types_are_told_apart(void **state) {
    /* All types of up to three parameters of four types, twice. */
    base_buffer types = {0}, out = {0};
    uint32_t count = 0;
    put_u32(&types, 2 * (4 + 16 + 64));
    for (int round = 0; round < 2; round++) {
        for (uint32_t params = 1, all = 4; params <= 3; params++, all *= 4) {
            for (uint32_t n = 0; n < all; n++, count++) {
                put(&types, BYTES(0x60, (uint8_t)params));
                for (uint32_t p = 0, rest = n; p < params; p++, rest /= 4)
                    put(&types, BYTES((uint8_t)(F64 + rest % 4)));
                put(&types, BYTES(0));
            }
        }
    }
    put(&out, BYTES(HEADER));
    put_section(&out, TYPE, &types);
    engine_module *module = load(base_buffer_bytes(&out));
    for (uint32_t i = 0; i < count; i++) assert_int_equal(module->canonical_types[i], i % (count / 2));
    engine_module_release(module);
    base_buffer_free(&types);
    base_buffer_free(&out);
}

static void index_spaces_begin_with_the_imports(void **state) {
    engine_module *module =
        load(MODULE(SECTION(TYPE, 2, 0x60, 0, 0, 0x60, 1, I32, 0),
                    SECTION(IMPORT, 6, SIZED('m'), SIZED('g'), 3, I64, 1, SIZED('m'), SIZED('f'), 0, 1,
                            SIZED('m'), SIZED('t'), 1, EXTERNREF, 1, 2, 3, SIZED('m'), SIZED('h'), 3, F32, 0,
                            SIZED('n'), SIZED('e'), 4, 0, 1, SIZED('n'), SIZED('y'), 2, 1, 1, 0x80, 0x80, 4),
                    ONE_FUNCTION, SECTION(TABLE, 1, FUNCREF, 0, 7), SECTION(MEMORY, 1, 5, 1, 2),
                    SECTION(TAG, 1, 0, 0), SECTION(GLOBAL, 1, F64, 0, F64_ZERO, OP_END), EMPTY_BODY));

    assert_int_equal(engine_module_count(module, ENGINE_FUNC), 2);
    assert_int_equal(module->funcs[0].import, 1);
    assert_int_equal(module->funcs[0].type_index, 1);
    assert_int_equal(module->funcs[0].body_offset, 0);
    assert_int_equal(module->funcs[1].import, UINT32_MAX);
    assert_int_equal(module->funcs[1].index, 1);
    assert_int_equal(module->funcs[1].body_size, 2);
    assert_int_equal(module->bytes[module->funcs[1].body_offset + 1], OP_END);
    assert_ptr_equal(module->funcs[1].module, module);

    assert_int_equal(engine_module_count(module, ENGINE_TABLE), 2);
    assert_int_equal(module->tables[0].import, 2);
    assert_int_equal(module->tables[0].element, ENGINE_EXTERNREF);
    assert_int_equal(module->tables[0].limits.min, 2);
    assert_int_equal(module->tables[0].limits.max, 3);
    assert_true(module->tables[0].limits.has_max);
    assert_int_equal(module->tables[1].import, UINT32_MAX);
    assert_int_equal(module->tables[1].limits.min, 7);
    assert_false(module->tables[1].limits.has_max);
    assert_true(module->tables[1].limits.max == UINT64_MAX);

    assert_int_equal(engine_module_count(module, ENGINE_MEMORY), 2);
    assert_int_equal(module->memories[0].limits.max, 65536);
    assert_false(module->memories[0].limits.is_64);
    assert_true(module->memories[1].limits.is_64);

    assert_int_equal(engine_module_count(module, ENGINE_GLOBAL), 3);
    assert_int_equal(module->globals[0].type, ENGINE_I64);
    assert_true(module->globals[0].is_mutable);
    assert_int_equal(module->globals[1].type, ENGINE_F32);
    assert_false(module->globals[1].is_mutable);
    assert_int_equal(module->globals[2].import, UINT32_MAX);
    assert_int_equal(module->globals[2].init.size, 10);
    assert_int_equal(module->bytes[module->globals[2].init.offset], OP_F64_CONST);

    assert_int_equal(engine_module_count(module, ENGINE_TAG), 2);
    assert_int_equal(module->tags[0].type_index, 1);
    assert_int_equal(module->tags[1].type_index, 0);

    assert_int_equal(engine_module_import_count(module), 6);
    engine_import import = engine_module_import(module, 1);
    assert_text(import.module, "m");
    assert_text(import.name, "f");
    assert_int_equal(import.type.kind, ENGINE_FUNC);
    assert_ptr_equal(import.type.func, &module->types[1]);
    engine_extern_type type = engine_module_type(module, ENGINE_TABLE, 1);
    assert_int_equal(type.kind, ENGINE_TABLE);
    assert_int_equal(type.value, ENGINE_FUNCREF);
    assert_int_equal(type.limits.min, 7);
    engine_module_release(module);
}

static void globals_of_the_module_itself_are_numbered_by_cells(void **state) {
    engine_module *module = load(MODULE(SECTION(IMPORT, 1, 0, 0, 3, V128, 0),
                                        SECTION(GLOBAL, 3, I32, 0, OP_I32_CONST, 0, OP_END, V128, 0, 0x23, 0,
                                                OP_END, I64, 0, OP_I64_CONST, 0, OP_END)));
    assert_int_equal(module->globals[1].cell, 0);
    assert_int_equal(module->globals[2].cell, 1);
    assert_int_equal(module->globals[3].cell, 3);
    engine_module_release(module);
}

static void exports_are_found_by_name(void **state) {
    engine_module *module =
        load(MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(MEMORY, 1, 0, 3),
                    SECTION(EXPORT, 3, SIZED('m', 'e', 'm'), 2, 0, 0, 0, 0, SIZED('m'), 0, 0), EMPTY_BODY));
    engine_export found;
    assert_int_equal(engine_module_export_count(module), 3);
    assert_text(engine_module_export(module, 2).name, "m");
    assert_true(engine_module_find_export(module, BASE_LITERAL("mem"), &found));
    assert_int_equal(found.type.kind, ENGINE_MEMORY);
    assert_int_equal(found.type.limits.min, 3);
    assert_true(engine_module_find_export(module, BASE_LITERAL(""), &found));
    assert_int_equal(found.type.kind, ENGINE_FUNC);
    assert_ptr_equal(found.type.func, &module->types[0]);
    assert_false(engine_module_find_export(module, BASE_LITERAL("me"), &found));
    engine_module_release(module);
    assert_refused(MODULE(TYPE_NOTHING, ONE_FUNCTION,
                          SECTION(EXPORT, 3, SIZED('a', 'b'), 0, 0, SIZED('a'), 0, 0, SIZED('a', 'b'), 0, 0),
                          EMPTY_BODY),
                   BASE_INVALID, "duplicate export name \"ab\"");
    assert_refused(MODULE(SECTION(EXPORT, 1, SIZED('a'), 3, 0)), BASE_INVALID, "unknown global 0");
    assert_refused(MODULE(SECTION(EXPORT, 1, SIZED('a'), 5, 0)), BASE_MALFORMED, "malformed export kind");
}

static void every_form_of_element_segment_is_read(void **state) {
#define FUNCS     2, 0, 1
#define REF_FUNCS 2, 0xD2, 0, OP_END, 0xD0, FUNCREF, OP_END
#define AT_4      OP_I32_CONST, 4, OP_END
    engine_module *module = load(MODULE(
        TYPE_NOTHING, SECTION(FUNCTION, 2, 0, 0), SECTION(TABLE, 2, FUNCREF, 0, 9, FUNCREF, 0, 9),
        SECTION(ELEM, 8, 0, AT_4, FUNCS, 1, 0, FUNCS, 2, 1, AT_4, 0, FUNCS, 3, 0, FUNCS, 4, AT_4, REF_FUNCS,
                5, FUNCREF, REF_FUNCS, 6, 1, AT_4, FUNCREF, REF_FUNCS, 7, FUNCREF, REF_FUNCS),
        SECTION(CODE, 2, SIZED(0, OP_END), SIZED(0, OP_END))));
    const engine_segment_mode modes[] = {ENGINE_ACTIVE, ENGINE_PASSIVE, ENGINE_ACTIVE, ENGINE_DECLARATIVE};
    assert_int_equal(module->elem_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        const engine_elem_segment *segment = &module->elems[i];
        assert_int_equal(segment->mode, modes[i % 4]);
        assert_int_equal(segment->table, i % 4 == 2);
        assert_int_equal(segment->count, 2);
        assert_int_equal(segment->offset.size, segment->mode == ENGINE_ACTIVE ? 3 : 0);
        if (i < 4) {
            assert_int_equal(segment->type, ENGINE_FUNCREF & ~ENGINE_TYPE_NULLABLE);
            assert_int_equal(segment->funcs[0], 0);
            assert_int_equal(segment->funcs[1], 1);
            assert_null(segment->exprs);
        } else {
            assert_int_equal(segment->type, ENGINE_FUNCREF);
            assert_null(segment->funcs);
            assert_int_equal(module->bytes[segment->exprs[0].offset], 0xD2);
            assert_int_equal(module->bytes[segment->exprs[1].offset], 0xD0);
            assert_int_equal(segment->exprs[1].size, 3);
        }
    }
    engine_module_release(module);
    assert_refused(MODULE(SECTION(ELEM, 1, 8)), BASE_MALFORMED, "malformed element segment kind 8");
    assert_refused(MODULE(SECTION(ELEM, 1, 0, AT_4, 0)), BASE_INVALID, "unknown table 0");
    assert_refused(MODULE(SECTION(TABLE, 1, EXTERNREF, 0, 9), SECTION(ELEM, 1, 0, AT_4, 0)), BASE_INVALID,
                   "type mismatch");
}

static void every_form_of_data_segment_is_read(void **state) {
    engine_module *module = load(MODULE(SECTION(MEMORY, 2, 0, 1, 4, 1), SECTION(DATA_COUNT, 3),
                                        SECTION(DATA, 3, 0, OP_I32_CONST, 8, OP_END, 2, 'h', 'i', 1, 0, 2, 1,
                                                OP_I64_CONST, 9, OP_END, 1, 'x')));
    assert_int_equal(module->data_count, 3);
    assert_int_equal(module->data[0].mode, ENGINE_ACTIVE);
    assert_int_equal(module->data[0].bytes_size, 2);
    assert_int_equal(module->bytes[module->data[0].bytes_offset], 'h');
    assert_int_equal(module->data[1].mode, ENGINE_PASSIVE);
    assert_int_equal(module->data[2].memory, 1);
    assert_int_equal(module->bytes[module->data[2].offset.offset], OP_I64_CONST);
    engine_module_release(module);
    assert_refused(MODULE(SECTION(DATA, 1, 0, OP_I32_CONST, 8, OP_END, 0)), BASE_INVALID, "unknown memory 0");
    assert_refused(MODULE(SECTION(DATA, 1, 3)), BASE_MALFORMED, "malformed data segment kind 3");
    assert_refused(MODULE(SECTION(DATA_COUNT, 2), SECTION(DATA, 1, 1, 0)), BASE_MALFORMED,
                   "data count and data section have inconsistent lengths");
    assert_refused(MODULE(SECTION(DATA_COUNT, 2)), BASE_MALFORMED,
                   "data count and data section have inconsistent lengths");
    /* A memory with 64-bit addresses takes a 64-bit offset. */
    assert_refused(MODULE(SECTION(MEMORY, 1, 4, 1), SECTION(DATA, 1, 0, OP_I32_CONST, 8, OP_END, 0)),
                   BASE_INVALID, "type mismatch");
}

static void the_start_function_is_kept(void **state) {
    engine_module *module = load(MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(START, 0), EMPTY_BODY));
    assert_true(module->has_start);
    assert_int_equal(module->start, 0);
    engine_module_release(module);
    module = load(MODULE(TYPE_NOTHING));
    assert_false(module->has_start);
    engine_module_release(module);
    assert_refused(MODULE(SECTION(TYPE, 1, 0x60, 1, I32, 0), ONE_FUNCTION, SECTION(START, 0), EMPTY_BODY),
                   BASE_INVALID, "start function 0 must take nothing and return nothing");
    assert_refused(MODULE(SECTION(START, 0)), BASE_INVALID, "unknown function 0");
}

static void functions_and_bodies_are_as_many(void **state) {
    assert_refused(MODULE(TYPE_NOTHING, ONE_FUNCTION), BASE_MALFORMED,
                   "function and code section have inconsistent lengths");
    assert_refused(MODULE(TYPE_NOTHING, SECTION(FUNCTION, 2, 0, 0), EMPTY_BODY), BASE_MALFORMED,
                   "function and code section have inconsistent lengths");
    assert_refused(MODULE(EMPTY_BODY), BASE_MALFORMED, "function and code section have inconsistent lengths");
    assert_refused(MODULE(ONE_FUNCTION, EMPTY_BODY), BASE_INVALID, "function section: unknown type 0");
}

static void limits_of_memories_and_tables_are_checked(void **state) {
    assert_loads(MODULE(SECTION(MEMORY, 1, 1, 0, 0x80, 0x80, 4))); /* 65536 */
    assert_refused(MODULE(SECTION(MEMORY, 1, 0, 0x81, 0x80, 4)), BASE_INVALID, "memory size");
    assert_refused(MODULE(SECTION(MEMORY, 1, 1, 2, 1)), BASE_INVALID,
                   "size minimum must not be greater than maximum");
    assert_loads(MODULE(SECTION(MEMORY, 1, 4, 0x81, 0x80, 4)));
    assert_loads(MODULE(SECTION(TABLE, 1, FUNCREF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)));
    assert_refused(MODULE(SECTION(TABLE, 1, FUNCREF, 0, 0x80, 0x80, 0x80, 0x80, 0x10)), BASE_INVALID,
                   "table size");
    assert_loads(MODULE(SECTION(TABLE, 1, FUNCREF, 4, 0x80, 0x80, 0x80, 0x80, 0x10)));
    assert_refused(MODULE(SECTION(TABLE, 1, FUNCREF, 1, 2, 1)), BASE_INVALID,
                   "size minimum must not be greater");
    assert_refused(MODULE(SECTION(MEMORY, 1, 8, 1)), BASE_MALFORMED, "malformed limits flags 0x08");
    assert_refused(MODULE(SECTION(TABLE, 1, FUNCREF, 2, 1, 1)), BASE_MALFORMED,
                   "malformed limits flags 0x02");
}

static void a_table_of_references_that_are_never_null_needs_an_initialiser(void **state) {
    assert_refused(MODULE(SECTION(TABLE, 1, REF, FUNCREF, 0, 1)), BASE_INVALID, "type mismatch");
    engine_module *module =
        load(MODULE(TYPE_NOTHING, ONE_FUNCTION,
                    SECTION(TABLE, 1, 0x40, 0, REF, FUNCREF, 0, 1, 0xD2, 0, OP_END), EMPTY_BODY));
    assert_true(module->tables[0].has_init);
    assert_int_equal(module->tables[0].init.size, 3);
    engine_module_release(module);
    /* Its initialiser sees imported globals, not the module's own. */
    assert_loads(MODULE(SECTION(IMPORT, 1, SIZED('m'), SIZED('g'), 3, FUNCREF, 0),
                        SECTION(TABLE, 1, 0x40, 0, FUNCREF, 0, 1, 0x23, 0, OP_END),
                        SECTION(GLOBAL, 1, FUNCREF, 0, 0x23, 0, OP_END)));
    assert_refused(MODULE(SECTION(TABLE, 1, 0x40, 0, FUNCREF, 0, 1, 0x23, 0, OP_END),
                          SECTION(GLOBAL, 1, FUNCREF, 0, 0xD0, FUNCREF, OP_END)),
                   BASE_INVALID, "unknown global 0");
}

/* ---- Features --------------------------------------------------------------------------------------------- */

static void a_feature_that_is_off_is_named(void **state) {
    const struct {
        engine_feature feature;
        const char *name;
        base_bytes module;
    } cases[] = {
        {ENGINE_FEATURE_MUTABLE_GLOBALS, "mutable-globals",
         MODULE(SECTION(IMPORT, 1, SIZED('m'), SIZED('g'), 3, I32, 1))},
        {ENGINE_FEATURE_MUTABLE_GLOBALS, "mutable-globals",
         MODULE(SECTION(GLOBAL, 1, I32, 1, OP_I32_CONST, 0, OP_END), SECTION(EXPORT, 1, SIZED('g'), 3, 0))},
        {ENGINE_FEATURE_SIGN_EXTENSION, "sign-extension",
         MODULE(TYPE_NOTHING, ONE_FUNCTION,
                SECTION(CODE, 1, SIZED(0, OP_I32_CONST, 0, 0xC0, OP_DROP, OP_END)))},
        {ENGINE_FEATURE_SATURATING_CONVERSIONS, "nontrapping-float-to-int-conversions",
         MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(CODE, 1, SIZED(0, F64_ZERO, 0xFC, 2, OP_DROP, OP_END)))},
        {ENGINE_FEATURE_MULTI_VALUE, "multi-value", MODULE(SECTION(TYPE, 1, 0x60, 0, 2, I32, I32))},
        {ENGINE_FEATURE_MULTI_VALUE, "multi-value",
         MODULE(SECTION(TYPE, 1, 0x60, 1, I32, 0), ONE_FUNCTION,
                SECTION(CODE, 1, SIZED(0, OP_I32_CONST, 0, 2, 0, OP_DROP, OP_END, OP_END)))},
        {ENGINE_FEATURE_BULK_MEMORY, "bulk-memory", MODULE(SECTION(DATA, 1, 1, 0))},
        {ENGINE_FEATURE_BULK_MEMORY, "bulk-memory", MODULE(SECTION(DATA_COUNT, 0))},
        {ENGINE_FEATURE_BULK_MEMORY, "bulk-memory", MODULE(SECTION(ELEM, 1, 1, 0, 0))},
        {ENGINE_FEATURE_REFERENCE_TYPES, "reference-types", MODULE(SECTION(TYPE, 1, 0x60, 1, EXTERNREF, 0))},
        {ENGINE_FEATURE_REFERENCE_TYPES, "reference-types", MODULE(SECTION(TYPE, 1, 0x60, 1, FUNCREF, 0))},
        {ENGINE_FEATURE_REFERENCE_TYPES, "reference-types",
         MODULE(SECTION(TABLE, 2, FUNCREF, 0, 0, FUNCREF, 0, 0))},
        {ENGINE_FEATURE_EXTENDED_CONST, "extended-const",
         MODULE(SECTION(GLOBAL, 1, I32, 0, OP_I32_CONST, 1, OP_I32_CONST, 2, 0x6A, OP_END))},
        {ENGINE_FEATURE_SIMD, "simd", MODULE(SECTION(TYPE, 1, 0x60, 1, V128, 0))},
        {ENGINE_FEATURE_RELAXED_SIMD, "relaxed-simd",
         MODULE(SECTION(TYPE, 1, 0x60, 2, V128, V128, 1, V128), ONE_FUNCTION,
                SECTION(CODE, 1, SIZED(0, 0x20, 0, 0x20, 1, 0xFD, 0x80, 2, OP_END)))},
        {ENGINE_FEATURE_TAIL_CALLS, "tail-call",
         MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(CODE, 1, SIZED(0, 0x12, 0, OP_END)))},
        {ENGINE_FEATURE_MULTI_MEMORY, "multi-memory", MODULE(SECTION(MEMORY, 2, 0, 0, 0, 0))},
        {ENGINE_FEATURE_MULTI_MEMORY, "multi-memory",
         MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(MEMORY, 1, 0, 0),
                SECTION(CODE, 1, SIZED(0, OP_I32_CONST, 0, 0x28, 0x42, 0, 0, OP_DROP, OP_END)))},
        {ENGINE_FEATURE_MEMORY64, "memory64", MODULE(SECTION(MEMORY, 1, 4, 0))},
        {ENGINE_FEATURE_MEMORY64, "memory64", MODULE(SECTION(TABLE, 1, FUNCREF, 4, 0))},
        {ENGINE_FEATURE_EXCEPTIONS, "exception-handling", MODULE(TYPE_NOTHING, SECTION(TAG, 1, 0, 0))},
        {ENGINE_FEATURE_EXCEPTIONS, "exception-handling", MODULE(SECTION(TYPE, 1, 0x60, 1, EXNREF, 0))},
        {ENGINE_FEATURE_FUNCTION_REFERENCES, "function-references",
         MODULE(SECTION(TYPE, 2, 0x60, 0, 0, 0x60, 1, REF, 0, 0))},
        {ENGINE_FEATURE_FUNCTION_REFERENCES, "function-references",
         MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(CODE, 1, SIZED(0, 0x00, 0x14, 0, OP_END)))},
    };
    uint32_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        seen |= cases[i].feature;
        if ((engine_features_available() & cases[i].feature) == 0) continue; /* tested below */
        engine_module *module = load(cases[i].module);
        if ((engine_module_features_used(module) & cases[i].feature) == 0)
            fail_msg("case %zu does not count as %s", i, cases[i].name);
        engine_module_release(module);
        char quoted[64] = "'";
        strcat(strcat(quoted, cases[i].name), "'");
        assert_refused_with(cases[i].module, ALL_FEATURES & ~(uint32_t)cases[i].feature, BASE_UNSUPPORTED,
                            quoted);
        assert_string_equal(engine_feature_name(cases[i].feature), cases[i].name);
    }
    assert_int_equal(seen, ALL_FEATURES);
}

static void webassembly_1_needs_no_feature(void **state) {
    base_bytes bytes =
        MODULE(SECTION(TYPE, 1, 0x60, 1, I32, 1, I32), ONE_FUNCTION, SECTION(TABLE, 1, FUNCREF, 0, 1),
               SECTION(MEMORY, 1, 0, 1), SECTION(GLOBAL, 1, I32, 1, OP_I32_CONST, 0, OP_END),
               SECTION(EXPORT, 1, SIZED('f'), 0, 0), SECTION(ELEM, 1, 0, OP_I32_CONST, 0, OP_END, 1, 0),
               SECTION(CODE, 1, SIZED(0, 0x20, 0, 0x20, 0, 0x11, 0, 0, OP_END)),
               SECTION(DATA, 1, 0, OP_I32_CONST, 0, OP_END, 0));
    engine_module *module;
    assert_int_equal(engine_module_load_as(NULL, bytes, 0, &module, NULL), BASE_OK);
    assert_int_equal(engine_module_features_used(module), 0);
    engine_module_release(module);
}

static void objects_and_threads_are_refused_whatever_is_asked_for(void **state) {
    const base_bytes objects[] = {
        MODULE(SECTION(TYPE, 1, 0x5F, 0)),                            /* struct */
        MODULE(SECTION(TYPE, 1, 0x5E, I32, 0)),                       /* array */
        MODULE(SECTION(TYPE, 1, 0x4E, 2, 0x60, 0, 0, 0x60, 0, 0)),    /* a group of two */
        MODULE(SECTION(TYPE, 1, 0x50, 0, 0x60, 0, 0)),                /* open to subtypes */
        MODULE(SECTION(TYPE, 2, 0x60, 0, 0, 0x4F, 1, 0, 0x60, 0, 0)), /* with a supertype */
        MODULE(SECTION(TYPE, 1, 0x60, 1, 0x6E, 0)),                   /* anyref */
        MODULE(SECTION(TYPE, 1, 0x60, 1, REF, 0x6C, 0)),              /* (ref i31) */
        WITH_BODY(0, 0xFB, 0, 0, OP_END),                             /* struct.new */
        WITH_BODY(0, 0x00, 0xD3, OP_END),                             /* ref.eq */
    };
    for (size_t i = 0; i < COUNT_OF(objects); i++)
        assert_refused_with(objects[i], UINT32_MAX, BASE_UNSUPPORTED, "'gc'");
    assert_refused_with(MODULE(SECTION(MEMORY, 1, 3, 1, 1)), UINT32_MAX, BASE_UNSUPPORTED, "'threads'");
    assert_refused_with(WITH_BODY(0, 0xFE, 3, 0, OP_END), UINT32_MAX, BASE_UNSUPPORTED, "'threads'");
    /* What says "final", or is a group of its own, is a plain type. */
    engine_module *module =
        load(MODULE(SECTION(TYPE, 3, 0x60, 0, 0, 0x4F, 0, 0x60, 0, 0, 0x4E, 1, 0x60, 0, 0)));
    assert_int_equal(module->canonical_types[1], 0);
    assert_int_equal(module->canonical_types[2], 0);
    engine_module_release(module);
}

static void features_that_the_engine_cannot_run_are_off(void **state) {
    base_error error;
    engine_module *module;
    for (uint32_t bit = 1; bit < ENGINE_FEATURE_GC; bit <<= 1) {
        if ((engine_features_available() & bit) != 0) continue;
        assert_true(bit == ENGINE_FEATURE_SIMD || bit > ENGINE_FEATURE_SIMD);
    }
    assert_int_equal(engine_features_available() & (ENGINE_FEATURE_GC | ENGINE_FEATURE_THREADS), 0);
    assert_int_equal(
        engine_module_load(NULL, MODULE(SECTION(MEMORY, 1, 3, 1, 1)), UINT32_MAX, &module, &error),
        BASE_UNSUPPORTED);
    assert_string_equal(engine_feature_name((engine_feature)(1u << 30)), "");
}

/* ---- Names ------------------------------------------------------------------------------------------------ */

/* (import "env" "f" (func)) (func) (func) (func), the second exported as "run". */
#define FOUR_FUNCTIONS                                                                                       \
    TYPE_NOTHING, SECTION(IMPORT, 1, SIZED('e', 'n', 'v'), SIZED('f'), 0, 0), SECTION(FUNCTION, 3, 0, 0, 0), \
        SECTION(EXPORT, 1, SIZED('r', 'u', 'n'), 0, 1),                                                      \
        SECTION(CODE, 3, SIZED(0, OP_END), SIZED(0, OP_END), SIZED(0, OP_END))
#define NAME_SECTION(...) SECTION(CUSTOM, SIZED('n', 'a', 'm', 'e'), __VA_ARGS__)

static void functions_have_the_name_sections_names_or_their_exports_or_imports(void **state) {
    engine_module *module =
        load(MODULE(FOUR_FUNCTIONS, NAME_SECTION(0, SIZED(SIZED('m')), 1, SIZED(1, 2, SIZED('x', 'y')))));
    assert_text(engine_module_func_name(module, 0), "f");
    assert_text(engine_module_func_name(module, 1), "run");
    assert_text(engine_module_func_name(module, 2), "xy");
    assert_int_equal(engine_module_func_name(module, 3).size, 0);
    assert_int_equal(engine_module_func_name(module, 99).size, 0);
    engine_module_release(module);
}

static void a_broken_name_section_is_ignored(void **state) {
    const base_bytes modules[] = {
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(1, SIZED(2, 2, SIZED('x')))),    /* a name is missing */
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(1, SIZED(1, 2, SIZED('x'), 0))), /* a byte too many */
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(1, SIZED(1, 2, SIZED(0xFF)))),   /* not UTF-8 */
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(1, 50, 1, 2, SIZED('x'))),       /* longer than it is */
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(0x80)),
        MODULE(FOUR_FUNCTIONS, NAME_SECTION(0xFF, 0xFF, 0xFF, 0xFF)),
    };
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        engine_module *module = load(modules[i]);
        assert_int_equal(module->func_names.size, 0);
        assert_int_equal(engine_module_func_name(module, 2).size, 0);
        assert_text(engine_module_func_name(module, 1), "run");
        engine_module_release(module);
    }
}

static void a_refusal_names_function_byte_and_rule(void **state) {
    /* (func (i32.const 0) (f64.const 0) i32.add drop), called "head". */
#define BROKEN                                                                                               \
    TYPE_NOTHING, ONE_FUNCTION, SECTION(CODE, 1, SIZED(0, OP_I32_CONST, 0, F64_ZERO, 0x6A, OP_DROP, OP_END))
    assert_refused(MODULE(BROKEN, NAME_SECTION(1, SIZED(1, 0, SIZED('h', 'e', 'a', 'd')))), BASE_INVALID,
                   "function 0 (head) at 0x22: type mismatch: i32.add needs i32, found f64");
    assert_refused(MODULE(BROKEN), BASE_INVALID,
                   "function 0 at 0x22: type mismatch: i32.add needs i32, found f64");
    /* What would do things to a terminal does not get there. */
    assert_refused(MODULE(BROKEN, NAME_SECTION(1, SIZED(1, 0, SIZED('a', 0x1B, '[')))), BASE_INVALID,
                   "function 0 (a?[) at");
}

static void the_first_rule_broken_is_reported(void **state) {
    /* Two bad functions, and a bad section behind them. */
    assert_refused(MODULE(TYPE_NOTHING, SECTION(FUNCTION, 2, 0, 0),
                          SECTION(CODE, 2, SIZED(0, 0x20, 7, OP_DROP, OP_END), SIZED(0, 0xFF, OP_END)),
                          SECTION(DATA, 1, 9)),
                   BASE_INVALID, "function 0 at 0x18: unknown local 7");
}

/* ---- Limits ----------------------------------------------------------------------------------------------- */

/* An allocator that notes the largest block asked for. */
static size_t largest_request;
static void *watch_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    (void)user;
    if (new_size > largest_request) largest_request = new_size;
    return base_resize(NULL, pointer, old_size, new_size);
}
static const base_allocator watching = {watch_resize, NULL};

static void counts_alone_allocate_nothing(void **state) {
    const base_bytes bombs[] = {
        /* 2^32 - 1 locals; as many and two more; a vector of 2^32 - 1 types, imports, functions, elements. */
        WITH_BODY(1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, I32, OP_END),
        WITH_BODY(2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, I32, 2, I64, OP_END),
        MODULE(SECTION(TYPE, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)),
        MODULE(SECTION(IMPORT, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)),
        MODULE(SECTION(FUNCTION, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)),
        MODULE(SECTION(ELEM, 1, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)),
        MODULE(SECTION(DATA_COUNT, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)),
        WITH_BODY(0, OP_I32_CONST, 0, 0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, OP_END),
    };
    const base_status statuses[] = {BASE_LIMIT,     BASE_MALFORMED, BASE_MALFORMED, BASE_MALFORMED,
                                    BASE_MALFORMED, BASE_MALFORMED, BASE_LIMIT,     BASE_MALFORMED};
    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        engine_module *module;
        base_error error;
        largest_request = 0;
        assert_int_equal(engine_module_load_as(&watching, bombs[i], ALL_FEATURES, &module, &error),
                         statuses[i]);
        assert_in_range(largest_request, 1, 64 * 1024);
    }
    assert_refused(bombs[1], BASE_MALFORMED, "too many locals");
    assert_refused(bombs[0], BASE_LIMIT, "4294967295 locals are more than the limit of 50000");
}

/* A module of one section, `count` times the same bytes. */
static void assert_repeated_section_refused(base_bytes before, uint8_t id, base_bytes entry, uint32_t count,
                                            const char *text) {
    base_buffer contents = {0}, out = {0};
    put_u32(&contents, count);
    put_repeated(&contents, entry, count);
    put(&out, BYTES(HEADER));
    put(&out, before);
    put_section(&out, id, &contents);
    assert_refused(base_buffer_bytes(&out), BASE_LIMIT, text);
    base_buffer_free(&contents);
    base_buffer_free(&out);
}

static void each_limit_is_named(void **state) {
    base_bytes none = {NULL, 0};
    assert_repeated_section_refused(none, TYPE, BYTES(0x60, 0, 0), 1000001,
                                    "1000001 types are more than the limit of 1000000");
    assert_repeated_section_refused(none, IMPORT, BYTES(0, 0, 3, I32, 0), 1000001, "1000001 imports");
    assert_repeated_section_refused(BYTES(TYPE_NOTHING), FUNCTION, BYTES(0), 1000001, "1000001 functions");
    assert_repeated_section_refused(none, GLOBAL, BYTES(I32, 0, OP_I32_CONST, 0, OP_END), 1000001,
                                    "1000001 globals");
    assert_repeated_section_refused(none, EXPORT, BYTES(0, 0, 0), 1000001, "1000001 exports");
    assert_repeated_section_refused(BYTES(TYPE_NOTHING), TAG, BYTES(0, 0), 1000001, "1000001 tags");
    assert_repeated_section_refused(none, TABLE, BYTES(FUNCREF, 0, 0), 101,
                                    "101 tables are more than the limit of 100");
    assert_repeated_section_refused(none, MEMORY, BYTES(0, 0), 101,
                                    "101 memories are more than the limit of 100");
    assert_repeated_section_refused(none, ELEM, BYTES(1, 0, 0), 100001, "100001 element segments");
    assert_repeated_section_refused(none, DATA, BYTES(1, 0), 100001, "100001 data segments");
    /* The spaces count imports too. */
    assert_repeated_section_refused(BYTES(SECTION(IMPORT, 1, 0, 0, 2, 0, 0)), MEMORY, BYTES(0, 0), 100,
                                    "101 memories");
    /* Larger than a module may be: nothing of it is looked at. */
    assert_refused((base_bytes){(const uint8_t *)"", (size_t)0x40000001}, BASE_LIMIT,
                   "larger than the limit of 1073741824");
}

static void parameters_and_results_are_limited(void **state) {
    for (int results = 0; results < 2; results++) {
        for (uint32_t count = 1000; count <= 1001; count++) {
            base_buffer type = {0}, out = {0};
            put(&type, BYTES(1, 0x60));
            if (results) put_u32(&type, 0);
            put_u32(&type, count);
            put_repeated(&type, BYTES(I32), count);
            if (!results) put_u32(&type, 0);
            put(&out, BYTES(HEADER));
            put_section(&out, TYPE, &type);
            if (count == 1000)
                assert_loads(base_buffer_bytes(&out));
            else
                assert_refused(base_buffer_bytes(&out), BASE_LIMIT,
                               results ? "1001 results are more than the limit of 1000"
                                       : "1001 parameters are more");
            base_buffer_free(&type);
            base_buffer_free(&out);
        }
    }
}

/* A module with one function of type [] -> [] with this body. */
static void put_function(base_buffer *out, const base_buffer *body) {
    base_buffer code = {0};
    put_u32(&code, 1);
    put_u32(&code, (uint32_t)body->size);
    put(&code, base_buffer_bytes(body));
    put(out, MODULE(TYPE_NOTHING, ONE_FUNCTION));
    put_section(out, CODE, &code);
    base_buffer_free(&code);
}

static void the_limits_of_a_body_are_the_last_that_load(void **state) {
    enum { BODY_SIZE, TARGETS };
    for (int what = BODY_SIZE; what <= TARGETS; what++) {
        for (uint32_t over = 0; over < 2; over++) {
            base_buffer body = {0}, out = {0};
            put(&body, BYTES(0));
            if (what == BODY_SIZE)
                put_repeated(&body, BYTES(0x01), ENGINE_MAX_BODY_SIZE - 2 + over);
            else {
                put(&body, BYTES(OP_I32_CONST, 0, 0x0E));
                put_u32(&body, ENGINE_MAX_BRANCH_TARGETS + over);
                put_repeated(&body, BYTES(0), ENGINE_MAX_BRANCH_TARGETS + over + 1);
            }
            put(&body, BYTES(OP_END));
            put_function(&out, &body);
            if (over == 0)
                assert_loads(base_buffer_bytes(&out));
            else
                assert_refused(base_buffer_bytes(&out), BASE_LIMIT,
                               what == BODY_SIZE
                                   ? "7654322 bytes of code are more than the limit of 7654321"
                                   : "65521 targets of br_table are more than the limit of 65520");
            base_buffer_free(&body);
            base_buffer_free(&out);
        }
    }
    assert_loads(WITH_BODY(1, 0xD0, 0x86, 3, I32, OP_END)); /* 50000 locals */
    assert_refused(WITH_BODY(1, 0xD1, 0x86, 3, I32, OP_END), BASE_LIMIT, "50001 locals");
}

static void the_operand_stack_is_limited(void **state) {
    base_buffer body = {0}, out = {0};
    put(&body, BYTES(0));
    put_repeated(&body, BYTES(OP_I32_CONST, 0), ENGINE_MAX_OPERANDS + 1);
    put(&body, BYTES(0x00, OP_END));
    put_function(&out, &body);
    assert_refused(base_buffer_bytes(&out), BASE_LIMIT,
                   "more operands on the stack than the limit of 1000000");
    base_buffer_free(&body);
    base_buffer_free(&out);
}

static void blocks_nest_as_deep_as_a_body_is_long(void **state) {
    enum { DEPTH = 1000000 };
    base_buffer body = {0}, out = {0};
    put(&body, BYTES(0));
    put_repeated(&body, BYTES(0x02, 0x40), DEPTH);
    put_repeated(&body, BYTES(OP_END), DEPTH + 1);
    put_function(&out, &body);
    assert_loads(base_buffer_bytes(&out));
    base_buffer_free(&body);
    base_buffer_free(&out);
}

/* ---- Code ------------------------------------------------------------------------------------------------- */

static void locals_beyond_the_first_are_found_in_their_runs(void **state) {
    /* 300 i32, 2 i64, 1000 f32, 1 f64: locals 299, 300, 301, 302, 1301, 1302. */
#define MANY_LOCALS 4, 0xAC, 2, I32, 2, I64, 0xE8, 7, F32, 1, F64
    assert_loads(WITH_BODY(MANY_LOCALS, 0x20, 0xAB, 2, 0x45, OP_DROP, 0x20, 0xAC, 2, 0x50, OP_DROP, 0x20,
                           0xAD, 2, 0x50, OP_DROP, 0x20, 0xAE, 2, 0x8C, OP_DROP, 0x20, 0x95, 0x0A, 0x8C,
                           OP_DROP, 0x20, 0x96, 0x0A, 0x9A, OP_DROP, OP_END));
    assert_refused(WITH_BODY(MANY_LOCALS, 0x20, 0x97, 0x0A, OP_DROP, OP_END), BASE_INVALID,
                   "unknown local 1303");
    assert_refused(WITH_BODY(MANY_LOCALS, 0x20, 0xAE, 2, 0x50, OP_DROP, OP_END), BASE_INVALID,
                   "type mismatch: i64.eqz needs i64, found f32");
}

static void parameters_beyond_the_first_are_found_too(void **state) {
    /* 300 parameters i32, one i64; two locals f32 (301 and 302). */
    for (unsigned local = 299; local <= 303; local++) {
        base_buffer type = {0}, out = {0};
        put(&type, BYTES(1, 0x60, 0xAD, 2));
        put_repeated(&type, BYTES(I32), 300);
        put(&type, BYTES(I64, 0));
        put(&out, BYTES(HEADER));
        put_section(&out, TYPE, &type);
        /* Reading the local and taking it as i32, i64 and twice f32. */
        const uint8_t ops[] = {0x45, 0x50, 0x8C, 0x8C, 0x8C};
        put(&out, BYTES(ONE_FUNCTION, SECTION(CODE, 1,
                                              SIZED(1, 2, F32, 0x20, (uint8_t)(local | 0x80), 2,
                                                    ops[local - 299], OP_DROP, OP_END))));
        if (local < 303)
            assert_loads(base_buffer_bytes(&out));
        else
            assert_refused(base_buffer_bytes(&out), BASE_INVALID, "unknown local 303");
        base_buffer_free(&type);
        base_buffer_free(&out);
    }
}

typedef struct body_case {
    base_bytes module;
    const char *text;   /* of the refusal; NULL where it loads */
    base_status status; /* BASE_OK means BASE_INVALID */
} body_case;

static void check_bodies(const body_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (cases[i].text == NULL)
            assert_loads(cases[i].module);
        else
            assert_refused(cases[i].module, cases[i].status == BASE_OK ? BASE_INVALID : cases[i].status,
                           cases[i].text);
    }
}

static void operands_have_the_types_that_instructions_take(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x6A, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x6A, OP_DROP, OP_END),
         "type mismatch: i32.add needs i32, found nothing", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, OP_I32_CONST, 0, 0x6A, OP_DROP, OP_END),
         "i32.add needs i32, found i64", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_END), "type mismatch: 1 values more than the type says are left",
         0},
        {WITH_BODY(0, OP_DROP, OP_END), "type mismatch: drop needs a value, found nothing", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I64_CONST, 0, OP_I32_CONST, 0, 0x1B, OP_DROP, OP_END),
         "type mismatch: select", 0},
        {WITH_BODY(0, 0xD0, FUNCREF, 0xD0, FUNCREF, OP_I32_CONST, 0, 0x1B, OP_DROP, OP_END),
         "type mismatch: select of references", 0},
        {WITH_BODY(0, 0xD0, FUNCREF, 0xD0, FUNCREF, OP_I32_CONST, 0, 0x1C, 1, FUNCREF, OP_DROP, OP_END), NULL,
         0},
        {WITH_BODY(0, 0x1C, 0, OP_END), "invalid result arity", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xD1, OP_DROP, OP_END), "ref.is_null needs a reference, found i32", 0},
        {WITH_BODY(0, 0x10, 0, OP_DROP, OP_END), "call needs i32, found nothing", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x10, 0, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x10, 2, OP_END), "unknown function 2", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x11, 1, 0, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x11, 1, 1, OP_DROP, OP_END),
         "through a table of externref", 0},
        {WITH_BODY(0, 0x23, 2, OP_DROP, OP_END), "unknown global 2", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, 0x24, 1, OP_END), "immutable global 1", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x24, 0, OP_END), NULL, 0},
        {WITH_BODY(0, 0xD2, 1, OP_DROP, OP_END), "undeclared function reference 1", 0},
        {WITH_BODY(0, 0xD2, 0, OP_DROP, OP_END), NULL, 0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void vectors_are_operands_and_lanes_are_counted(void **state) {
    if (!WPLUG_SIMD) skip();
    const body_case cases[] = {
        {WITH_BODY(0, 0xFD, 15, OP_END), "i8x16.splat needs i32, found nothing", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xFD, 15, 0xFD, 21, 15, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xFD, 15, 0xFD, 21, 16, OP_DROP, OP_END), "invalid lane index 16", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xFD, 15, 0xFD, 29, 2, OP_DROP, OP_END), "invalid lane index 2", 0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

/* By the name of the proposal, also where more is asked for than there is. */
static void vectors_are_refused_by_a_build_without(void **state) {
    if (WPLUG_SIMD) skip();
    assert_refused_with(WITH_BODY(0, 0xFD, 15, OP_END), UINT32_MAX, BASE_UNSUPPORTED, "'simd'");
    assert_refused_with(WITH_BODY(0, 0xFD, 0x80, 2, OP_END), UINT32_MAX, BASE_UNSUPPORTED, "'relaxed-simd'");
    assert_false(engine_features_available() & ENGINE_FEATURES_OF_SIMD);
    engine_module *module;
    base_error error;
    assert_int_equal(
        engine_module_load(NULL, MODULE(SECTION(TYPE, 1, 0x60, 1, V128, 0)), UINT32_MAX, &module, &error),
        BASE_UNSUPPORTED);
    assert_non_null(strstr(error.message, "'simd'"));
}

static void memory_accesses_keep_to_their_memory(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 2, 0, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 3, 0, OP_DROP, OP_END),
         "alignment must not be larger than natural", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, 0x28, 2, 0, OP_DROP, OP_END),
         "type mismatch: i32.load needs i32, found i64", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, 0x28, 0x42, 1, 0, OP_DROP, OP_END), NULL,
         0}, /* memory 1 has 64-bit addresses */
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 0x42, 1, 0, OP_DROP, OP_END), "i32.load needs i64, found i32",
         0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 0x42, 2, 0, OP_DROP, OP_END), "unknown memory 2", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 0x80, 1, 0, OP_DROP, OP_END), "malformed memop flags",
         BASE_MALFORMED},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x28, 0, 0x80, 0x80, 0x80, 0x80, 0x10, OP_DROP, OP_END),
         "offset out of range", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, 0x28, 0x40, 1, 0x80, 0x80, 0x80, 0x80, 0x10, OP_DROP, OP_END), NULL,
         0},
        {WITH_BODY(0, 0x3F, 0, 0x45, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x3F, 1, 0x50, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x3F, 2, OP_DROP, OP_END), "unknown memory 2", 0},
        /* memory.copy between memories of different widths: the length has the smaller one. */
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I64_CONST, 0, OP_I32_CONST, 0, 0xFC, 10, 0, 1, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I64_CONST, 0, OP_I64_CONST, 0, 0xFC, 10, 0, 1, OP_END),
         "type mismatch: memory.copy", 0},
        {WITH_BODY(0, OP_I64_CONST, 0, OP_I32_CONST, 0, OP_I64_CONST, 0, 0xFC, 11, 1, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I64_CONST, 0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0xFC, 8, 0, 1, OP_END), NULL, 0},
        {WITH_BODY(0, 0xFC, 9, 1, OP_END), "unknown data segment 1", 0},
        {WITH_BODY(0, 0xFC, 13, 1, OP_END), "unknown elem segment 1", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0xFC, 12, 0, 1, OP_END),
         "type mismatch: table.init", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0xFC, 14, 1, 0, OP_END),
         "type mismatch: table.copy", 0},
    };
    check_bodies(cases, COUNT_OF(cases));
    assert_refused(MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(MEMORY, 1, 0, 1),
                          SECTION(CODE, 1, SIZED(0, 0xFC, 9, 0, OP_END)), SECTION(DATA, 1, 1, 0)),
                   BASE_MALFORMED, "data count section required");
}

static void blocks_leave_what_their_types_say(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, 0x02, 2, OP_I32_CONST, 0, OP_I64_CONST, 0, OP_END, OP_DROP, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, 2, OP_I32_CONST, 0, OP_END, OP_DROP, OP_DROP, OP_END),
         "type mismatch: the end of a block needs i64, found i32", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x02, 0x40, OP_DROP, OP_END, OP_END), "type mismatch: drop",
         0}, /* not below the block */
        {WITH_BODY(0, OP_I32_CONST, 0, 0x03, 1, OP_END, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x04, I32, OP_I32_CONST, 0, OP_END, OP_DROP, OP_END),
         "if without else", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x04, 1, 0x45, OP_END, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x04, I32, OP_I32_CONST, 0, 0x05, OP_I32_CONST, 1, OP_END, OP_DROP,
                   OP_END),
         NULL, 0},
        {WITH_BODY(0, 0x02, 0x40, 0x05, OP_END, OP_END), "misplaced ELSE opcode", BASE_MALFORMED},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x04, 0x40, 0x05, 0x05, OP_END, OP_END), "misplaced ELSE opcode",
         BASE_MALFORMED},
        {WITH_BODY(0, 0x0C, 1, OP_END), "unknown label 1", 0},
        {WITH_BODY(0, 0x02, 9, OP_END, OP_END), "unknown type 9", 0},
        {WITH_BODY(0, 0x02, I32, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x0D, 0, OP_END, OP_DROP, OP_END), NULL,
         0},
        /* A branch to a loop takes its parameters; a branch to a block its results. */
        {WITH_BODY(0, OP_I32_CONST, 0, 0x03, 1, OP_I32_CONST, 0, 0x0C, 0, OP_END, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x03, I32, 0x0C, 0, OP_END, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, I32, 0x0C, 0, OP_END, OP_DROP, OP_END),
         "type mismatch: br needs i32, found nothing", 0},
        /* br_table's labels take as many values each. */
        {WITH_BODY(0, 0x02, I32, 0x02, 0x40, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x0E, 1, 0, 1, OP_END,
                   OP_I32_CONST, 0, OP_END, OP_DROP, OP_END),
         "type mismatch: br_table", 0},
        {WITH_BODY(0, 0x02, I32, 0x02, I32, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x0E, 1, 0, 1, OP_END, OP_END,
                   OP_DROP, OP_END),
         NULL, 0},
        {WITH_BODY(0, 0x02, I64, 0x02, I32, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x0E, 1, 0, 1, OP_END, OP_DROP,
                   OP_I64_CONST, 0, OP_END, OP_DROP, OP_END),
         "type mismatch: br_table needs i64, found i32", 0},
        {WITH_BODY(0, OP_END, 0x01), "section size mismatch", BASE_MALFORMED},
        {WITH_BODY(0, 0x01), "END opcode expected", BASE_MALFORMED},
        {WITH_BODY(0, 0x06, 0x40, OP_END, OP_END), "illegal opcode 06", BASE_MALFORMED},
        {WITH_BODY(0, 0xFC, 18, OP_END), "illegal opcode fc 12", BASE_MALFORMED},
        {WITH_BODY(0, 0xFD, 0x94, 2, OP_END), "illegal opcode fd 114", BASE_MALFORMED},
        {WITH_BODY(0, 0xFD, 0x80, 0x80, 0x80, 0x80, 0x08, OP_END), "illegal opcode fd 80000000",
         BASE_MALFORMED},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void unreachable_code_takes_any_operands_but_no_wrong_ones(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, 0x00, 0x6A, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x00, OP_I64_CONST, 0, 0x6A, OP_DROP, OP_END), "i32.add needs i32, found i64", 0},
        {WITH_BODY(0, 0x00, 0x1B, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x00, 0x1B, 0xD1, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x00, 0x6A, 0x50, OP_DROP, OP_END), "i64.eqz needs i64, found i32", 0},
        {WITH_BODY(0, 0x00, 0xD4, 0x45, OP_DROP, OP_END), "i32.eqz needs i32, found any reference", 0},
        {WITH_BODY(0, 0x00, 0xD4, 0x26, 0, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, I32, 0x00, OP_END, 0x50, OP_DROP, OP_END), "i64.eqz needs i64, found i32", 0},
        {WITH_BODY(0, 0x00, OP_I32_CONST, 0, OP_END), "1 values more", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x04, 0x40, 0x00, 0x05, 0x6A, OP_DROP, OP_END, OP_END),
         "i32.add needs i32, found nothing", 0},
        {WITH_BODY(0, 0x0F, 0x6A, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, I64, 0x02, I32, 0x00, 0x0E, 1, 0, 1, OP_END, OP_DROP, OP_I64_CONST, 0, OP_END,
                   OP_DROP, OP_END),
         NULL, 0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void locals_without_a_default_are_set_before_they_are_read(void **state) {
    /* (local (ref func)); ref.func 0 is declared. */
#define LOCAL_REF 1, 1, REF, FUNCREF
#define SET_IT    0xD2, 0, 0x21, 0
#define GET_IT    0x20, 0, OP_DROP
    const body_case cases[] = {
        {WITH_BODY(LOCAL_REF, GET_IT, OP_END), "uninitialized local 0", 0},
        {WITH_BODY(LOCAL_REF, SET_IT, GET_IT, OP_END), NULL, 0},
        {WITH_BODY(LOCAL_REF, 0xD2, 0, 0x22, 0, OP_DROP, GET_IT, OP_END), NULL, 0},
        {WITH_BODY(LOCAL_REF, SET_IT, 0x02, 0x40, GET_IT, OP_END, OP_END), NULL, 0},
        {WITH_BODY(LOCAL_REF, 0x02, 0x40, SET_IT, OP_END, GET_IT, OP_END), "uninitialized local 0", 0},
        {WITH_BODY(LOCAL_REF, OP_I32_CONST, 0, 0x04, 0x40, SET_IT, 0x05, GET_IT, OP_END, OP_END),
         "uninitialized local 0", 0},
        {WITH_BODY(LOCAL_REF, SET_IT, 0x02, 0x40, SET_IT, OP_END, GET_IT, OP_END), NULL, 0},
        {WITH_BODY(1, 1, FUNCREF, GET_IT, OP_END), NULL, 0}, /* null is a default */
    };
    check_bodies(cases, COUNT_OF(cases));
    /* Parameters are set, and what one function set another has not. */
    assert_loads(MODULE(SECTION(TYPE, 1, 0x60, 1, REF, FUNCREF, 0), ONE_FUNCTION,
                        SECTION(CODE, 1, SIZED(LOCAL_REF, GET_IT, OP_END))));
    assert_refused(
        MODULE(TYPE_NOTHING, SECTION(FUNCTION, 2, 0, 0), SECTION(ELEM, 1, 3, 0, 1, 0),
               SECTION(CODE, 2, SIZED(LOCAL_REF, SET_IT, GET_IT, OP_END), SIZED(LOCAL_REF, GET_IT, OP_END))),
        BASE_INVALID, "function 1 at 0x2f: uninitialized local 0");
}

static void references_match_up_their_hierarchy(void **state) {
    const struct {
        uint8_t actual[2], expected[2]; /* (ref or ref null, heap type) */
        bool matches;
    } cases[] = {
        {{REF, FUNCREF}, {REF_NULL, FUNCREF}, true},
        {{REF_NULL, FUNCREF}, {REF, FUNCREF}, false},
        {{REF, 0}, {REF, FUNCREF}, true},
        {{REF, FUNCREF}, {REF, 0}, false},
        {{REF, 0}, {REF, 1}, true},
        /* equal types */ {{REF, 0}, {REF, 2}, false},
        {{REF_NULL, 0x73}, {REF_NULL, 0}, true},
        {{REF_NULL, 0x73}, {REF_NULL, FUNCREF}, true},
        {{REF_NULL, 0x73}, {REF_NULL, EXTERNREF}, false},
        {{REF_NULL, 0x72}, {REF_NULL, EXTERNREF}, true},
        {{REF_NULL, 0x72}, {REF_NULL, FUNCREF}, false},
        {{REF_NULL, 0x74}, {REF_NULL, EXNREF}, true},
        {{REF_NULL, EXTERNREF}, {REF_NULL, 0x72}, false},
        {{REF_NULL, 0x74}, {REF_NULL, FUNCREF}, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        /* (type 0 and 1: (func)) (type 2: (func (result i32))) (type 3: (func (param actual) (result expected)));
         * its body is local.get 0. */
        base_bytes bytes =
            MODULE(SECTION(TYPE, 4, 0x60, 0, 0, 0x60, 0, 0, 0x60, 0, 1, I32, 0x60, 1, cases[i].actual[0],
                           cases[i].actual[1], 1, cases[i].expected[0], cases[i].expected[1]),
                   SECTION(FUNCTION, 1, 3), SECTION(CODE, 1, SIZED(0, 0x20, 0, OP_END)));
        if (cases[i].matches)
            assert_loads(bytes);
        else
            assert_refused(bytes, BASE_INVALID, "type mismatch");
    }
}

static void typed_references_are_called_and_branched_on(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, OP_I32_CONST, 0, 0xD2, 0, 0x14, 1, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xD0, 1, 0x14, 1, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xD0, FUNCREF, 0x14, 1, OP_DROP, OP_END),
         "call_ref needs (ref null 1), found funcref", 0},
        {WITH_BODY(0, 0xD0, 1, 0xD4, OP_DROP, OP_END), NULL, 0},
        /* br_on_null leaves a reference that is not null; br_on_non_null hands it to the label. */
        {WITH_BODY(0, 0xD0, 1, 0xD5, 0, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, REF, 1, 0xD0, 1, 0xD6, 0, 0x00, OP_END, OP_DROP, OP_END), NULL, 0},
        {WITH_BODY(0, 0xD0, 1, 0xD6, 0, OP_END), "br_on_non_null needs a label that takes a reference", 0},
        {WITH_BODY(0, 0x02, REF, 1, 0xD0, FUNCREF, 0xD6, 0, 0x00, OP_END, OP_DROP, OP_END), "type mismatch",
         0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0xD5, 0, OP_DROP, OP_END), "br_on_null needs a reference, found i32",
         0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void tail_calls_return_what_their_function_returns(void **state) {
    const body_case cases[] = {
        {WITH_BODY(0, 0x12, 1, OP_END), NULL, 0},
        {WITH_BODY(0, 0x12, 1, 0x6A, OP_DROP, OP_END), NULL, 0}, /* what follows is not reached */
        {WITH_BODY(0, OP_I32_CONST, 0, 0x12, 0, OP_END),
         "type mismatch: return_call of a function with other results", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x13, 0, 0, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I32_CONST, 0, 0x13, 1, 0, OP_END), "type mismatch", 0},
        {WITH_BODY(0, 0xD0, 0, 0x15, 0, OP_END), NULL, 0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void catch_clauses_match_their_labels(void **state) {
    /* Tag 0 carries i32 i64. Type 2 is [] -> [i32 i64]. Labels count from outside the try_table. */
    const body_case cases[] = {
        {WITH_BODY(0, 0x02, 2, 0x1F, 0x40, 1, 0, 0, 0, OP_END, 0x00, OP_END, OP_DROP, OP_DROP, OP_END), NULL,
         0},
        {WITH_BODY(0, 0x02, I32, 0x1F, 0x40, 1, 0, 0, 0, OP_END, 0x00, OP_END, OP_DROP, OP_END),
         "type mismatch: a catch clause", 0},
        {WITH_BODY(0, 0x02, 2, 0x1F, 0x40, 1, 1, 0, 0, OP_END, 0x00, OP_END, OP_DROP, OP_DROP, OP_END),
         "type mismatch: a catch clause", 0},
        {WITH_BODY(0, 0x1F, 0x40, 1, 2, 0, OP_END, OP_END), NULL, 0},
        {WITH_BODY(0, 0x02, REF, EXNREF, 0x1F, 0x40, 1, 3, 0, OP_END, 0x00, OP_END, OP_DROP, OP_END), NULL,
         0},
        {WITH_BODY(0, 0x02, EXNREF, 0x1F, 0x40, 1, 3, 0, OP_END, 0x00, OP_END, 0x0A, OP_END), NULL, 0},
        {WITH_BODY(0, 0x1F, 0x40, 1, 2, 1, OP_END, OP_END), "unknown label 1", 0},
        {WITH_BODY(0, 0x1F, 0x40, 1, 0, 1, 0, OP_END, OP_END), "unknown tag 1", 0},
        {WITH_BODY(0, 0x1F, 0x40, 1, 4, 0, OP_END, OP_END), "malformed catch clause 0x04", BASE_MALFORMED},
        {WITH_BODY(0, OP_I32_CONST, 0, OP_I64_CONST, 0, 0x08, 0, OP_END), NULL, 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x08, 0, OP_END), "throw needs i64, found i32", 0},
        {WITH_BODY(0, OP_I32_CONST, 0, 0x0A, OP_END), "throw_ref needs exnref, found i32", 0},
    };
    check_bodies(cases, COUNT_OF(cases));
    assert_refused(MODULE(SECTION(TYPE, 1, 0x60, 0, 1, I32), SECTION(TAG, 1, 0, 0)), BASE_INVALID,
                   "non-empty tag result type");
}

static void constant_expressions_are_constant_and_of_their_type(void **state) {
#define GLOBAL_I32(...)                                                                                      \
    MODULE(SECTION(IMPORT, 2, 0, 0, 3, I32, 0, 0, 0, 3, I32, 1), SECTION(GLOBAL, 1, I32, 0, __VA_ARGS__))
    const body_case cases[] = {
        {GLOBAL_I32(OP_I32_CONST, 1, OP_END), NULL, 0},
        {GLOBAL_I32(OP_I64_CONST, 1, OP_END), "at 0x1c: global section: type mismatch", 0},
        {GLOBAL_I32(OP_END), "type mismatch", 0},
        {GLOBAL_I32(OP_I32_CONST, 1, OP_I32_CONST, 1, OP_END), "type mismatch", 0},
        {GLOBAL_I32(0x23, 0, OP_END), NULL, 0},
        {GLOBAL_I32(0x23, 1, OP_END), "constant expression required", 0}, /* mutable */
        {GLOBAL_I32(0x23, 2, OP_END), "unknown global 2", 0},             /* itself */
        {GLOBAL_I32(0x23, 0, OP_I32_CONST, 1, 0x6C, OP_END), NULL, 0},
        {GLOBAL_I32(OP_I32_CONST, 1, 0x45, OP_END), "constant expression required: i32.eqz", 0},
        {GLOBAL_I32(0x01, OP_END), "constant expression required: nop", 0},
        {GLOBAL_I32(0x02, I32, OP_I32_CONST, 1, OP_END, OP_END), "constant expression required: block", 0},
        {GLOBAL_I32(OP_I32_CONST, 1), "unexpected end", BASE_MALFORMED},
        {MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(GLOBAL, 1, FUNCREF, 0, 0xD2, 1, OP_END)),
         "unknown function 1", 0},
        /* A function that a global names is declared, and so code may name it. */
        {MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(GLOBAL, 1, FUNCREF, 0, 0xD2, 0, OP_END),
                SECTION(CODE, 1, SIZED(0, 0xD2, 0, OP_DROP, OP_END))),
         NULL, 0},
        {MODULE(SECTION(GLOBAL, 2, I32, 0, OP_I32_CONST, 1, OP_END, I32, 0, 0x23, 0, OP_END)), NULL, 0},
    };
    check_bodies(cases, COUNT_OF(cases));
}

static void sixty_four_bit_memory_zero_has_sixty_four_bit_addresses(void **state) {
#define MEMORY64(...)                                                                                        \
    MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(MEMORY, 1, 4, 1), SECTION(CODE, 1, SIZED(__VA_ARGS__)))
    assert_loads(MEMORY64(0, OP_I64_CONST, 0, 0x28, 2, 0, OP_DROP, OP_END));
    assert_refused(MEMORY64(0, OP_I32_CONST, 0, 0x28, 2, 0, OP_DROP, OP_END), BASE_INVALID,
                   "i32.load needs i64, found i32");
    assert_loads(MEMORY64(0, OP_I64_CONST, 0, 0x40, 0, 0x50, OP_DROP, OP_END));
}

/* ---- Whatever comes --------------------------------------------------------------------------------------- */

/* A module with every section, and most kinds of immediates. */
static base_bytes everything(void) {
    static const uint8_t bytes[] = {
        HEADER,
        SECTION(CUSTOM, SIZED('c'), 1, 2, 3),
        SECTION(TYPE, 5, 0x60, 0, 0, 0x60, 1, I32, 1, I32, 0x60, 0, 2, I32, I64, 0x60, 2, I32, I64, 0, 0x60,
                1, REF, 0, 0),
        SECTION(IMPORT, 4, SIZED('e', 'n', 'v'), SIZED('f'), 0, 1, SIZED('e', 'n', 'v'), SIZED('g'), 3, I32,
                1, SIZED('e', 'n', 'v'), SIZED('h'), 3, I32, 0, SIZED('e'), SIZED('t'), 4, 0, 0),
        SECTION(FUNCTION, 2, 0, 1),
        SECTION(TABLE, 2, FUNCREF, 1, 1, 5, 0x40, 0, REF, FUNCREF, 0, 1, 0xD2, 0, OP_END),
        SECTION(MEMORY, 2, 1, 1, 2, 4, 1),
        SECTION(TAG, 1, 0, 3),
        SECTION(GLOBAL, 2, I32, 1, 0x23, 1, OP_I32_CONST, 4, 0x6A, OP_END, FUNCREF, 0, 0xD0, FUNCREF, OP_END),
        SECTION(EXPORT, 3, SIZED('_', 's', 't', 'a', 'r', 't'), 0, 1, SIZED('m'), 2, 0, SIZED('x'), 0, 2),
        SECTION(START, 1),
        SECTION(ELEM, 2, 0, OP_I32_CONST, 0, OP_END, 1, 0, 5, FUNCREF, 1, 0xD2, 2, OP_END),
        SECTION(DATA_COUNT, 2),
        SECTION(CODE, 2,
                SIZED(3, 1, I32, 0x80, 2, V128, 1, REF, 0, 0x02, 0x40, 0x20, 0, 0x20, 0, 0x0E, 2, 0, 1, 0,
                      OP_END, 0x20, 0, 0x04, I64, OP_I64_CONST, 0xFF, 0x7E, 0x05, OP_I64_CONST, 1, OP_END,
                      OP_DROP, 0x20, 0, 0x28, 2, 0x80, 1, 0x1A, 0xFD, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                      12, 13, 14, 15, 16, 0x1A, 0x02, 2, 0x1F, 0x40, 1, 0, 1, 0, OP_END, 0x00, OP_END, 0x1A,
                      0x1A, 0xD0, 0, 0xD5, 0, 0x1A, 0x0F, OP_END),
                SIZED(0, 0x20, 0, 0x45, 0x12, 2, OP_END)),
        SECTION(DATA, 2, 0, OP_I32_CONST, 8, OP_END, 2, 'h', 'i', 1, 1, 'p'),
        SECTION(CUSTOM, SIZED('n', 'a', 'm', 'e'), 1, SIZED(1, 1, SIZED('g', 'o'))),
    };
    return (base_bytes){bytes, sizeof bytes};
}

/* Whether the module may end at `size`: with a whole section. */
static bool is_section_end(base_bytes bytes, size_t size) {
    size_t at = 8;
    while (at < size) at += 2 + bytes.data[at + 1]; /* their sizes are one byte */
    return at == size;
}

static void a_module_cut_anywhere_is_refused(void **state) {
    if (!WPLUG_SIMD) skip();
    base_bytes whole = everything();
    assert_loads(whole);
    for (size_t size = 0; size < whole.size; size++) {
        /* A block of its own, so that reading on is noticed. */
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, whole.data, size);
        engine_module *module = NULL;
        base_error error = {0};
        base_status status =
            engine_module_load_as(NULL, (base_bytes){cut, size}, ALL_FEATURES, &module, &error);
        if (status == BASE_OK) {
            engine_module_release(module);
            if (size < 8 || !is_section_end(whole, size)) fail_msg("%zu bytes are enough", size);
        } else {
            assert_true(error.message[0] != '\0');
        }
        free(cut);
    }
}

static void no_changed_byte_makes_the_loader_crash(void **state) {
    base_bytes whole = everything();
    const uint8_t values[] = {0x00, 0x01, 0x3F, 0x40, 0x63, 0x70, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFF};
    test_heap heap;
    test_heap_init(&heap);
    uint8_t *changed = malloc(whole.size);
    unsigned refused = 0;
    for (size_t at = 0; at < whole.size; at++) {
        for (unsigned change = 0; change < 8 + COUNT_OF(values); change++) {
            memcpy(changed, whole.data, whole.size);
            changed[at] = change < 8 ? whole.data[at] ^ (uint8_t)(1u << change) : values[change - 8];
            engine_module *module = NULL;
            base_error error = {0};
            if (engine_module_load_as(&heap.allocator, (base_bytes){changed, whole.size}, ALL_FEATURES,
                                      &module, &error) == BASE_OK)
                engine_module_release(module);
            else
                refused++;
        }
    }
    assert_true(test_heap_clean(&heap));
    assert_true(refused > whole.size * 8);
    free(changed);
}

static void each_allocation_may_fail(void **state) {
    if (!WPLUG_SIMD) skip();
    test_heap heap;
    test_heap_init(&heap);
    engine_module_release(load_from(&heap.allocator, everything()));
    assert_true(test_heap_clean(&heap));
    size_t requests = heap.requests;
    assert_in_range(requests, 15, 200);
    for (size_t fail_at = 1; fail_at <= requests; fail_at++) {
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        engine_module *module = NULL;
        base_error error = {0};
        assert_int_equal(engine_module_load_as(&heap.allocator, everything(), ALL_FEATURES, &module, &error),
                         BASE_NO_MEMORY);
        assert_int_equal(error.status, BASE_NO_MEMORY);
        assert_null(module);
        assert_true(test_heap_clean(&heap));
    }
}

static void stacks_that_cannot_grow_are_lack_of_memory(void **state) {
    /* More operands, blocks, runs of locals and set locals than there is room for at first. */
    base_buffer body = {0}, out = {0};
    put_u32(&body, 200);
    put_repeated(&body, BYTES(1, I32, 1, REF, FUNCREF), 100);
    for (uint8_t local = 1; local < 100; local += 2) put(&body, BYTES(0xD2, 0, 0x21, local));
    put_repeated(&body, BYTES(OP_I32_CONST, 0), 2000);
    put_repeated(&body, BYTES(0x02, 0x40), 200);
    put_repeated(&body, BYTES(OP_END), 200);
    put(&body, BYTES(0x0F, OP_END));
    put(&out, MODULE(TYPE_NOTHING, ONE_FUNCTION, SECTION(EXPORT, 1, 0, 0, 0)));
    base_buffer code = {0};
    put_u32(&code, 1);
    put_u32(&code, (uint32_t)body.size);
    put(&code, base_buffer_bytes(&body));
    put_section(&out, CODE, &code);

    test_heap heap;
    test_heap_init(&heap);
    engine_module_release(load_from(&heap.allocator, base_buffer_bytes(&out)));
    assert_true(test_heap_clean(&heap));
    size_t requests = heap.requests;
    for (size_t fail_at = 1; fail_at <= requests; fail_at++) {
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        engine_module *module;
        assert_int_equal(
            engine_module_load_as(&heap.allocator, base_buffer_bytes(&out), ALL_FEATURES, &module, NULL),
            BASE_NO_MEMORY);
        assert_true(test_heap_clean(&heap));
    }
    base_buffer_free(&code);
    base_buffer_free(&body);
    base_buffer_free(&out);
}

static void a_module_lives_until_its_last_release(void **state) {
    if (!WPLUG_SIMD) skip();
    test_heap heap;
    test_heap_init(&heap);
    base_bytes bytes = everything();
    uint8_t *copy = malloc(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    engine_module *module = load_from(&heap.allocator, (base_bytes){copy, bytes.size});
    free(copy); /* the module has its own */
    assert_int_equal(engine_module_size(module), bytes.size);
    assert_ptr_equal(engine_module_retain(module), module);
    engine_module_release(module);
    assert_text(engine_module_func_name(module, 1), "go");
    engine_module_release(module);
    assert_true(test_heap_clean(&heap));
    engine_module_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_are_found_by_number),
        cmocka_unit_test(there_are_as_many_instructions_as_the_specification_has),
        cmocka_unit_test(what_is_no_module_is_named_so),
        cmocka_unit_test(sections_come_in_order_and_once),
        cmocka_unit_test(a_section_fills_its_size),
        cmocka_unit_test(custom_sections_stand_anywhere_and_need_a_name),
        cmocka_unit_test(integers_are_no_longer_and_no_larger_than_their_width),
        cmocka_unit_test(names_are_utf8),
        cmocka_unit_test(types_know_their_cells_and_their_equals),
        cmocka_unit_test(parameters_and_results_do_not_run_together),
        cmocka_unit_test(types_that_refer_to_equal_types_are_equal),
        cmocka_unit_test(many_types_are_told_apart),
        cmocka_unit_test(index_spaces_begin_with_the_imports),
        cmocka_unit_test(globals_of_the_module_itself_are_numbered_by_cells),
        cmocka_unit_test(exports_are_found_by_name),
        cmocka_unit_test(every_form_of_element_segment_is_read),
        cmocka_unit_test(every_form_of_data_segment_is_read),
        cmocka_unit_test(the_start_function_is_kept),
        cmocka_unit_test(functions_and_bodies_are_as_many),
        cmocka_unit_test(limits_of_memories_and_tables_are_checked),
        cmocka_unit_test(a_table_of_references_that_are_never_null_needs_an_initialiser),
        cmocka_unit_test(a_feature_that_is_off_is_named),
        cmocka_unit_test(webassembly_1_needs_no_feature),
        cmocka_unit_test(objects_and_threads_are_refused_whatever_is_asked_for),
        cmocka_unit_test(features_that_the_engine_cannot_run_are_off),
        cmocka_unit_test(functions_have_the_name_sections_names_or_their_exports_or_imports),
        cmocka_unit_test(a_broken_name_section_is_ignored),
        cmocka_unit_test(a_refusal_names_function_byte_and_rule),
        cmocka_unit_test(the_first_rule_broken_is_reported),
        cmocka_unit_test(counts_alone_allocate_nothing),
        cmocka_unit_test(each_limit_is_named),
        cmocka_unit_test(parameters_and_results_are_limited),
        cmocka_unit_test(the_limits_of_a_body_are_the_last_that_load),
        cmocka_unit_test(the_operand_stack_is_limited),
        cmocka_unit_test(blocks_nest_as_deep_as_a_body_is_long),
        cmocka_unit_test(locals_beyond_the_first_are_found_in_their_runs),
        cmocka_unit_test(parameters_beyond_the_first_are_found_too),
        cmocka_unit_test(operands_have_the_types_that_instructions_take),
        cmocka_unit_test(vectors_are_operands_and_lanes_are_counted),
        cmocka_unit_test(vectors_are_refused_by_a_build_without),
        cmocka_unit_test(memory_accesses_keep_to_their_memory),
        cmocka_unit_test(blocks_leave_what_their_types_say),
        cmocka_unit_test(unreachable_code_takes_any_operands_but_no_wrong_ones),
        cmocka_unit_test(locals_without_a_default_are_set_before_they_are_read),
        cmocka_unit_test(references_match_up_their_hierarchy),
        cmocka_unit_test(typed_references_are_called_and_branched_on),
        cmocka_unit_test(tail_calls_return_what_their_function_returns),
        cmocka_unit_test(catch_clauses_match_their_labels),
        cmocka_unit_test(constant_expressions_are_constant_and_of_their_type),
        cmocka_unit_test(sixty_four_bit_memory_zero_has_sixty_four_bit_addresses),
        cmocka_unit_test(a_module_cut_anywhere_is_refused),
        cmocka_unit_test(no_changed_byte_makes_the_loader_crash),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(stacks_that_cannot_grow_are_lack_of_memory),
        cmocka_unit_test(a_module_lives_until_its_last_release),
    };
    return cmocka_run_group_tests_name("engine_load", tests, NULL, NULL);
}
