/* What the parts of the loader share. Private to decode.c (sections), validate.c (code) and module.c (a
 * loaded module's life, names and accessors).
 *
 * Functions that return bool return false after they have reported the first rule broken with
 * engine_load_fail. */
#ifndef WPLUG_ENGINE_LOADER_H
#define WPLUG_ENGINE_LOADER_H

#include "engine/module.h"
#include "engine/reader.h"

/* Limits on what a module may hold. Where the JavaScript interface of WebAssembly names a limit, it is the
 * same. */
#define ENGINE_MAX_MODULE_SIZE    0x40000000u
#define ENGINE_MAX_TYPES          1000000u
#define ENGINE_MAX_FUNCTIONS      1000000u
#define ENGINE_MAX_IMPORTS        1000000u
#define ENGINE_MAX_EXPORTS        1000000u
#define ENGINE_MAX_GLOBALS        1000000u
#define ENGINE_MAX_TAGS           1000000u
#define ENGINE_MAX_TABLES         100u
#define ENGINE_MAX_MEMORIES       100u
#define ENGINE_MAX_DATA_SEGMENTS  100000u
#define ENGINE_MAX_ELEM_SEGMENTS  100000u
#define ENGINE_MAX_ELEM_ENTRIES   10000000u
#define ENGINE_MAX_PARAMS         1000u
#define ENGINE_MAX_RESULTS        1000u
#define ENGINE_MAX_BODY_SIZE      7654321u
#define ENGINE_MAX_LOCALS         50000u /* parameters included */
#define ENGINE_MAX_BRANCH_TARGETS 65520u
#define ENGINE_MAX_OPERANDS       1000000u

/* A piece of memory that the module owns; all are freed with it. */
typedef struct engine_block engine_block;

/* A module and what only its freeing needs. engine_module pointers point at the first member. */
typedef struct engine_loaded {
    engine_module module;
    engine_block *blocks;
} engine_loaded;

typedef struct engine_validator engine_validator;

typedef struct engine_loader {
    engine_loaded *loaded;
    engine_module *module; /* &loaded->module */
    uint32_t features;     /* what the module may use */
    base_status status;    /* of the failure, once there is one */
    base_error *error;
    bool skips_bodies;   /* function bodies are not looked at */
    const char *section; /* the section being read, for messages; NULL before the first */
    uint32_t function;   /* the function whose body is being read, or UINT32_MAX */
    uint32_t code_count; /* bodies found */
    uint32_t data_count; /* of the data count section */
    bool has_data_count;
    uint8_t *declared; /* one byte a function: whether ref.func may name it in code */
    engine_validator *validator;
} engine_loader;

/* Reports that the byte at `at` breaks a rule, and is false. (A macro and inline functions, so that the
 * compiler sees that: what a failed read would have given is then known not to be used.) */
#define engine_load_fail(loader, status, at, ...) (engine_load_report(loader, status, at, __VA_ARGS__), false)
void engine_load_report(engine_loader *loader, base_status status, const uint8_t *at, const char *format, ...)
    BASE_PRINTF(4, 5);

/* Reports a read that failed. */
void engine_load_report_read(engine_loader *loader, const engine_reader *reader);
static inline bool engine_load_fail_read(engine_loader *loader, const engine_reader *reader) {
    engine_load_report_read(loader, reader);
    return false;
}

static inline bool engine_load_no_memory(engine_loader *loader) {
    loader->status = base_fail_no_memory(loader->error);
    return false;
}

/* Notes that the module uses a feature, and reports it where it is off. `what` says what needs it. */
void engine_load_report_feature(engine_loader *loader, engine_feature feature, const uint8_t *at,
                                const char *what);
/* For GC and threads, which are never on. */
static inline bool engine_load_refuse(engine_loader *loader, engine_feature feature, const uint8_t *at,
                                      const char *what) {
    engine_load_report_feature(loader, feature, at, what);
    return false;
}
static inline bool engine_load_need(engine_loader *loader, engine_feature feature, const uint8_t *at,
                                    const char *what) {
    if ((loader->features & feature) == 0) {
        engine_load_report_feature(loader, feature, at, what);
        return false;
    }
    loader->module->features_used |= feature;
    return true;
}

/* Zeroed memory that the module owns; NULL after having reported that there is none. */
void *engine_load_new(engine_loader *loader, size_t count, size_t size);

/* decode.c: types, as code uses them too. A type index in them is replaced by the lowest index of an equal
 * type, so that equal types are equal numbers. */
bool engine_read_valtype(engine_loader *loader, engine_reader *reader, engine_valtype *out);
/* The heap type alone: ENGINE_TYPE_REF and the nullable bit are set, as ref.null needs them. */
bool engine_read_heap_type(engine_loader *loader, engine_reader *reader, engine_valtype *out);
/* The abstract heap type of a code (ENGINE_HEAP_FUNC...), or 0 where there is none of that code here. */
engine_valtype engine_heap_of_code(uint8_t code);

/* validate.c. */
bool engine_validator_new(engine_loader *loader);
void engine_validator_free(engine_validator *validator);
/* Reads a constant expression, `end` included, that must give one value of type `expected`. */
bool engine_validate_const(engine_loader *loader, engine_reader *reader, engine_valtype expected,
                           engine_const_expr *out);
/* To be called once, when all but code and data is known. */
void engine_validate_begin_code(engine_loader *loader);
/* Checks the body at func->body_offset, which is within what `reader` reads. */
bool engine_validate_body(engine_loader *loader, const engine_reader *reader, const engine_func *func);
/* "func" and so on; NULL where `heap` is no abstract heap type. */
const char *engine_heap_name(engine_valtype heap);

/* Subtyping: whether a value of type `actual` may stand where `expected` is asked for. */
bool engine_type_matches(engine_valtype actual, engine_valtype expected);

/* module.c. */
/* A module with a copy of `bytes` and nothing else in it; NULL for lack of memory. */
engine_loaded *engine_module_new(const base_allocator *allocator, base_bytes bytes);
void engine_module_free(engine_loaded *loaded);
/* Sets module->func_names from the name section where there is one and it is sound. */
void engine_load_names(engine_module *module);
/* engine_module_func_name of every function, in one go. `out` has room for all, and is empty spans. */
void engine_module_func_names(const engine_module *module, base_bytes *out);

/* As engine_module_load, with `features` taken as they are: whether this build can run them is the caller's
 * matter. For tests of the loader alone. */
base_status engine_module_load_as(const base_allocator *allocator, base_bytes bytes, uint32_t features,
                                  engine_module **out, base_error *error);

#endif
