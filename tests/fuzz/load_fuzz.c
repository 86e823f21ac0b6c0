/* Fuzz target: the loader and the disassembler on raw bytes. What is refused must be refused with a
 * sentence; what is accepted must load again with just the features that it says it uses and be refused
 * without any one of them, and all that other rooms may ask of it must be within its bytes. Code is
 * written as text whether it is valid or not; where it is, to its end. */
#include "engine/loader.h"
#include "engine/translate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The loader alone is under test: these stand in for translate.c. */
void engine_func_prepare(engine_func *func) {
    (void)func;
}
void engine_fixed_prepare(engine_word fixed[ENGINE_FIXED_WORDS]) {
    (void)fixed;
}
void engine_code_free(engine_module *module, engine_code *code) {
    (void)module;
    (void)code;
}

static void require(bool condition) {
    if (!condition) abort();
}

static void require_within(const engine_module *module, base_bytes bytes) {
    if (bytes.size == 0) return;
    require(bytes.data >= module->bytes && bytes.size <= module->size);
    require((size_t)(bytes.data - module->bytes) <= module->size - bytes.size);
}

/* A constant expression that is there ends where it says. */
static void require_expression(const engine_module *module, engine_const_expr expr) {
    require(expr.offset <= module->size && expr.size <= module->size - expr.offset);
    require(expr.size == 0 || module->bytes[expr.offset + expr.size - 1] == 0x0B);
}

static void check_functions(const engine_module *module) {
    for (uint32_t i = 0; i < module->func_count; i++) {
        const engine_func *func = &module->funcs[i];
        require(func->module == module && func->index == i && func->type_index < module->type_count);
        require(func->canonical <= func->type_index);
        require_within(module, (base_bytes){module->bytes + func->body_offset, func->body_size});
        require((func->import == UINT32_MAX) == (i >= module->func_import_count));
        if (i < 100) require_within(module, engine_module_func_name(module, i));
    }
}

static void check_module(const engine_module *module) {
    check_functions(module);
    for (uint32_t i = 0; i < engine_module_import_count(module); i++) {
        engine_import import = engine_module_import(module, i);
        require_within(module, import.module);
        require_within(module, import.name);
    }
    for (uint32_t i = 0; i < engine_module_export_count(module) && i < 100; i++) {
        engine_export found, export = engine_module_export(module, i);
        require(export.index < engine_module_count(module, export.type.kind));
        require(engine_module_find_export(module, export.name, &found) && found.index == export.index);
    }
    for (uint32_t i = 0; i < module->global_count; i++) require_expression(module, module->globals[i].init);
    for (uint32_t i = 0; i < module->table_count; i++) require_expression(module, module->tables[i].init);
    for (uint32_t i = 0; i < module->data_count; i++) {
        const engine_data_segment *segment = &module->data[i];
        require_expression(module, segment->offset);
        require_within(module, (base_bytes){module->bytes + segment->bytes_offset, segment->bytes_size});
    }
    for (uint32_t i = 0; i < module->elem_count; i++) {
        const engine_elem_segment *segment = &module->elems[i];
        require_expression(module, segment->offset);
        require((segment->funcs == NULL) != (segment->exprs == NULL));
        for (uint32_t j = 0; j < segment->count && segment->exprs != NULL; j++)
            require_expression(module, segment->exprs[j]);
    }
}

static void check_features(base_bytes bytes, uint32_t used) {
    engine_module *module;
    base_error error;
    require(engine_module_load_as(NULL, bytes, used, &module, &error) == BASE_OK);
    require(engine_module_features_used(module) == used);
    engine_module_release(module);
    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        if ((used & bit) != 0)
            require(engine_module_load_as(NULL, bytes, used & ~bit, &module, &error) == BASE_UNSUPPORTED);
}

/* ---- Code as text ---- */

typedef struct listing {
    size_t count;
    bool ends_in_end;
} listing;

static bool take_line(void *user, base_bytes line) {
    static const char end[] = " end";
    listing *self = user;
    require(line.size == 0 || memchr(line.data, '\n', line.size) == NULL);
    self->ends_in_end = line.size > 4 && memcmp(line.data + line.size - 4, end, 4) == 0;
    return ++self->count < 100000;
}

static void disassemble(const engine_module *module, bool is_valid) {
    engine_disassembler *disassembler;
    listing found = {0};
    require(engine_disassembler_new(NULL, module, take_line, &found, &disassembler) == BASE_OK);
    for (uint32_t i = 0; i < module->func_count && found.count < 100000; i++) {
        require(engine_disassemble(disassembler, i) == BASE_OK);
        bool has_code = i >= module->func_import_count && found.count < 100000;
        if (is_valid && has_code) require(found.ends_in_end);
    }
    engine_disassembler_free(disassembler);
}

static void disassemble_unchecked(base_bytes bytes) {
    engine_module *module;
    if (engine_module_load_unchecked(NULL, bytes, &module, NULL) == BASE_OK) disassemble(module, false);
    engine_module_release(module);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    engine_module *module;
    base_error error = {0};
    base_bytes bytes = {data, size};
    base_status status = engine_module_load_as(NULL, bytes, UINT32_MAX, &module, &error);
    if (status != BASE_OK) {
        require(error.status == status && error.message[0] != '\0');
        disassemble_unchecked(bytes);
        return 0;
    }
    check_module(module);
    disassemble(module, true);
    uint32_t used = engine_module_features_used(module);
    engine_module_release(module);
    check_features(bytes, used);
    return 0;
}
