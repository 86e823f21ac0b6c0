/* What a decoded and validated module is made of. Private to the engine; written by decode.c and validate.c,
 * read by all others. Immutable once engine_module_load has returned, but for what is marked atomic. */
#ifndef WPLUG_ENGINE_MODULE_H
#define WPLUG_ENGINE_MODULE_H

#include "engine/engine.h"

#include <stdatomic.h>

/* One word of translated code: a handler's address (or number) or packed operands. See translate.h. */
typedef uint64_t engine_word;

typedef struct engine_func engine_func;

/* A block of translated code, made by translate.c at a function's first call. */
typedef struct engine_code engine_code;

struct engine_func {
    /* Where a call jumps: `stub` until the function is translated, then its code. Published with release
     * order; translated code is never freed before the module. */
    _Atomic(const engine_word *) entry;
    engine_word stub[1];         /* the handler that translates, or the one that calls an import */
    _Atomic(engine_code *) code; /* NULL until translated */
    engine_module *module;
    uint32_t index;       /* in the module's function index space */
    uint32_t type_index;  /* into module->types */
    uint32_t canonical;   /* the lowest type index with an equal type: equal types, equal numbers */
    uint32_t body_offset; /* of the locals vector, in module->bytes; imports have 0 */
    uint32_t body_size;
    uint32_t import; /* function imports: which of module->imports; else UINT32_MAX */
};

typedef struct engine_const_expr { /* bytes of a constant expression, `end` included */
    uint32_t offset, size;
} engine_const_expr;

typedef struct engine_global_def {
    engine_valtype type;
    bool is_mutable;
    uint32_t import; /* into module->imports, or UINT32_MAX */
    uint32_t cell;   /* globals the module defines: their place in engine_instance.global_cells */
    engine_const_expr init;
} engine_global_def;

typedef struct engine_table_def {
    engine_valtype element;
    engine_limits_type limits;
    uint32_t import;
    bool has_init; /* function-references: a table with an initialiser expression */
    engine_const_expr init;
} engine_table_def;

typedef struct engine_memory_def {
    engine_limits_type limits;
    uint32_t import;
} engine_memory_def;

typedef struct engine_tag_def {
    uint32_t type_index;
    uint32_t import;
} engine_tag_def;

typedef enum engine_segment_mode { ENGINE_ACTIVE, ENGINE_PASSIVE, ENGINE_DECLARATIVE } engine_segment_mode;

typedef struct engine_data_segment {
    engine_segment_mode mode;
    uint32_t memory;
    engine_const_expr offset;
    uint32_t bytes_offset, bytes_size; /* in module->bytes */
} engine_data_segment;

typedef struct engine_elem_segment {
    engine_segment_mode mode;
    uint32_t table;
    engine_valtype type;
    engine_const_expr offset;
    uint32_t count;
    /* Exactly one of the two, `count` long: function indices, or constant expressions. */
    const uint32_t *funcs;
    const engine_const_expr *exprs;
} engine_elem_segment;

/* Pieces of code that belong to no function: what a bottom frame and a call into another instance return to, each with
 * a call site of base 0 before it, and the call of exec->foreign. They are the module's, like all code, so that frames
 * mean the same in every run. */
enum { ENGINE_FIXED_FINISH = 1, ENGINE_FIXED_LEAVE = 3, ENGINE_FIXED_FOREIGN = 4, ENGINE_FIXED_WORDS = 5 };

struct engine_module {
    const base_allocator *allocator;
    atomic_uint references;
    engine_word fixed[ENGINE_FIXED_WORDS];
    uint8_t *bytes; /* the module's own copy */
    size_t size;
    bool is_unchecked; /* nobody has looked at its bodies */
    uint32_t features_used;

    engine_functype *types;
    uint32_t type_count;
    uint32_t *canonical_types; /* per type index: the lowest index of an equal type */

    engine_import *imports; /* in the order of the import section */
    uint32_t import_count;
    engine_export *exports;
    uint32_t export_count;

    engine_func *funcs; /* index space: imports first. So with the following */
    uint32_t func_count, func_import_count;
    engine_table_def *tables;
    uint32_t table_count, table_import_count;
    engine_memory_def *memories;
    uint32_t memory_count, memory_import_count;
    engine_global_def *globals;
    uint32_t global_count, global_import_count;
    engine_tag_def *tags;
    uint32_t tag_count, tag_import_count;

    engine_data_segment *data;
    uint32_t data_count;
    engine_elem_segment *elems;
    uint32_t elem_count;

    bool has_start;
    uint32_t start; /* function index */

    base_bytes func_names; /* the function subsection of the name section, checked; empty where none */
    uint32_t code_section_offset;
};

#endif
