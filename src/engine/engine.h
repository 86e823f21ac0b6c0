/* The engine's interface to the rooms above it: load a module, make instances in a store, run them in slices.
 *
 *   engine_module    bytes decoded and validated; immutable, shared by stores and threads (reference counted)
 *   engine_store     everything one sandbox owns: instances, memories, tables, globals, host functions. One
 * thread at a time; freed as a whole engine_instance  a module instantiated in a store engine_exec      one
 * run of guest code: its stack, its fuel, where it stands. Stops and resumes anywhere
 *
 * Values travel as 64-bit cells: i32 and f32 in the low 32 bits (read them with the helpers below), v128 in
 * two cells, references as 64-bit tokens in which 0 is null. Terms are those of the WebAssembly core
 * specification. */
#ifndef WPLUG_ENGINE_H
#define WPLUG_ENGINE_H

#include "base/base.h"

#include <string.h>

typedef struct engine_module engine_module;
typedef struct engine_store engine_store;
typedef struct engine_instance engine_instance;
typedef struct engine_exec engine_exec;
typedef struct engine_memory engine_memory;
typedef struct engine_table engine_table;
typedef struct engine_global engine_global;

/* ---- Types --------------------------------------------------------------------------------------------- */

/* A value type. Numbers are their binary code; references carry the ENGINE_TYPE_REF bit, the nullable bit and
 * a heap type: an abstract one below, or the index of a type in the module. */
typedef uint32_t engine_valtype;
#define ENGINE_I32           0x7Fu
#define ENGINE_I64           0x7Eu
#define ENGINE_F32           0x7Du
#define ENGINE_F64           0x7Cu
#define ENGINE_V128          0x7Bu
#define ENGINE_TYPE_REF      0x80000000u
#define ENGINE_TYPE_NULLABLE 0x40000000u
#define ENGINE_HEAP_MASK     0x01FFFFFFu
#define ENGINE_HEAP_ABSTRACT 0x01000000u /* set in the abstract heap types; type indices are below it */
#define ENGINE_HEAP_FUNC     0x01000000u
#define ENGINE_HEAP_EXTERN   0x01000001u
#define ENGINE_HEAP_EXN      0x01000002u
#define ENGINE_HEAP_NOFUNC   0x01000003u
#define ENGINE_HEAP_NOEXTERN 0x01000004u
#define ENGINE_HEAP_NOEXN    0x01000005u
#define ENGINE_FUNCREF       (ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE | ENGINE_HEAP_FUNC)
#define ENGINE_EXTERNREF     (ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE | ENGINE_HEAP_EXTERN)
#define ENGINE_EXNREF        (ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE | ENGINE_HEAP_EXN)

static inline bool engine_is_ref(engine_valtype type) {
    return (type & ENGINE_TYPE_REF) != 0;
}
static inline unsigned engine_cells(engine_valtype type) {
    return type == ENGINE_V128 ? 2 : 1;
}

/* In the words of the text format, with the shortest name that there is: "i32", "funcref", "(ref null 3)". */
typedef struct engine_type_text {
    char text[32];
} engine_type_text;
engine_type_text engine_type_name(engine_valtype type);

typedef struct engine_functype {
    uint32_t param_count, result_count;
    uint32_t param_cells, result_cells;
    const engine_valtype *params; /* results follow in the same array */
    const engine_valtype *results;
} engine_functype;

typedef struct engine_limits_type { /* of a memory (in pages of 64 KiB) or a table (in elements) */
    uint64_t min, max;              /* max is UINT64_MAX where the module gives none */
    bool has_max, is_64, shared;
} engine_limits_type;

typedef enum engine_kind { ENGINE_FUNC, ENGINE_TABLE, ENGINE_MEMORY, ENGINE_GLOBAL, ENGINE_TAG } engine_kind;

typedef struct engine_extern_type {
    engine_kind kind;
    const engine_functype *func; /* functions and tags */
    engine_limits_type limits;   /* tables and memories */
    engine_valtype value;        /* tables' element type, globals' type */
    bool is_mutable;             /* globals */
} engine_extern_type;

typedef struct engine_import {
    base_bytes module, name;
    engine_extern_type type;
} engine_import;

typedef struct engine_export {
    base_bytes name;
    uint32_t index; /* in the index space of its kind */
    engine_extern_type type;
} engine_export;

/* Cells. */
static inline uint64_t engine_cell_i32(uint32_t value) {
    return value;
}
static inline uint32_t engine_i32(uint64_t cell) {
    return (uint32_t)cell;
}
static inline uint64_t engine_cell_f32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
static inline uint64_t engine_cell_f64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}
static inline float engine_f32(uint64_t cell) {
    uint32_t bits = (uint32_t)cell;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
static inline double engine_f64(uint64_t cell) {
    double value;
    memcpy(&value, &cell, 8);
    return value;
}

/* ---- Modules ------------------------------------------------------------------------------------------- */

/* Feature flags: what the loader accepts beyond WebAssembly 1.0. A module that needs one that is off is
 * refused with the proposal's name (BASE_UNSUPPORTED). */
typedef enum engine_feature {
    ENGINE_FEATURE_MUTABLE_GLOBALS = 1u << 0,
    ENGINE_FEATURE_SIGN_EXTENSION = 1u << 1,
    ENGINE_FEATURE_SATURATING_CONVERSIONS = 1u << 2,
    ENGINE_FEATURE_MULTI_VALUE = 1u << 3,
    ENGINE_FEATURE_BULK_MEMORY = 1u << 4,
    ENGINE_FEATURE_REFERENCE_TYPES = 1u << 5,
    ENGINE_FEATURE_EXTENDED_CONST = 1u << 6,
    ENGINE_FEATURE_SIMD = 1u << 7,
    ENGINE_FEATURE_RELAXED_SIMD = 1u << 8,
    ENGINE_FEATURE_TAIL_CALLS = 1u << 9,
    ENGINE_FEATURE_MULTI_MEMORY = 1u << 10,
    ENGINE_FEATURE_MEMORY64 = 1u << 11,
    ENGINE_FEATURE_EXCEPTIONS = 1u << 12,
    ENGINE_FEATURE_FUNCTION_REFERENCES = 1u << 13,
    ENGINE_FEATURE_GC = 1u << 14,     /* never accepted; named so that a refusal can name it */
    ENGINE_FEATURE_THREADS = 1u << 15 /* likewise */
} engine_feature;

/* What this build of the engine can run. */
uint32_t engine_features_available(void);
/* The proposal's name, "" for an unknown bit. */
const char *engine_feature_name(engine_feature feature);

/* Decodes and validates `bytes` (copied). Statuses: BASE_MALFORMED, BASE_INVALID, BASE_UNSUPPORTED,
 * BASE_LIMIT, BASE_NO_MEMORY; the error's sentence names function and byte offset. `features` is a set of
 * engine_feature; those not available are refused all the same. *out is NULL on failure. */
base_status engine_module_load(const base_allocator *allocator, base_bytes bytes, uint32_t features,
                               engine_module **out, base_error *error);
/* The same without a look at function bodies, for engine_disassemble and what may be asked of modules, all
 * features being on; engine_instantiate refuses such a module. */
base_status engine_module_load_unchecked(const base_allocator *allocator, base_bytes bytes,
                                         engine_module **out, base_error *error);
engine_module *engine_module_retain(engine_module *module); /* any thread */
void engine_module_release(engine_module *module);          /* any thread; NULL is fine */

uint32_t engine_module_import_count(const engine_module *module);
engine_import engine_module_import(const engine_module *module, uint32_t index);
uint32_t engine_module_export_count(const engine_module *module);
engine_export engine_module_export(const engine_module *module, uint32_t index);
/* False where there is no export of that name. */
bool engine_module_find_export(const engine_module *module, base_bytes name, engine_export *out);
/* The set of features that the module uses beyond WebAssembly 1.0. */
uint32_t engine_module_features_used(const engine_module *module);
/* Every function, table, memory and global of the module's index spaces, imports first. */
uint32_t engine_module_count(const engine_module *module, engine_kind kind);
uint32_t engine_module_func_import_count(const engine_module *module); /* how many functions are imports */
engine_extern_type engine_module_type(const engine_module *module, engine_kind kind, uint32_t index);
/* The name that the name section gives a function; else that of its export or import; else an empty span. */
base_bytes engine_module_func_name(const engine_module *module, uint32_t func_index);
/* The contents of the first custom section of that name, or an empty span with data NULL. */
base_bytes engine_module_custom_section(const engine_module *module, const char *name);
size_t engine_module_size(const engine_module *module); /* of the bytes loaded */

/* ---- Code as text -------------------------------------------------------------------------------------- */

/* Takes a line, without an end, that is valid for the duration of the call. False: no more, please. */
typedef bool (*engine_line_fn)(void *user, base_bytes line);

/* Writes functions of one module as text; disassemble.c shows how that looks. The module must outlive it.
 * One thread at a time. BASE_NO_MEMORY. */
typedef struct engine_disassembler engine_disassembler;
base_status engine_disassembler_new(const base_allocator *allocator, const engine_module *module,
                                    engine_line_fn write, void *user, engine_disassembler **out);
void engine_disassembler_free(engine_disassembler *disassembler); /* NULL is fine */
/* Writes a function: its index, names and type, and, if it is no import, its instructions, as far as they
 * can be read. BASE_NO_MEMORY after some of the lines. */
base_status engine_disassemble(engine_disassembler *disassembler, uint32_t func_index);
/* Whether that is the name of a function in the name section, or of one of its exports; else of its
 * import. */
bool engine_disassembler_knows_as(const engine_disassembler *disassembler, uint32_t func_index,
                                  base_bytes name);

/* ---- Stores -------------------------------------------------------------------------------------------- */

/* Limits of one store. Zero in a field means its default. */
typedef struct engine_limits {
    uint64_t memory_pages;   /* of 64 KiB, all memories together; default 65536 */
    uint64_t table_elements; /* all tables together; default 10,000,000 */
    size_t stack_bytes;      /* of each exec's stack; default 1 MiB */
    uint32_t depth;          /* nested calls in each exec; default 100,000 */
} engine_limits;

base_status engine_store_new(const base_allocator *allocator, const engine_limits *limits,
                             engine_store **out);
/* Frees everything in it. No exec of the store may be used afterwards: free them first. */
void engine_store_free(engine_store *store);
/* How often a memory.grow or table.grow was refused because of the store's limits (not because of the
 * module's own maximum). */
uint64_t engine_store_memory_denials(const engine_store *store);
uint64_t engine_store_table_denials(const engine_store *store);
uint64_t engine_store_memory_pages(const engine_store *store); /* in use now, all memories together */

/* What a host function answers. */
typedef enum engine_host_result {
    ENGINE_HOST_DONE,    /* results are in cells[0...]; go on */
    ENGINE_HOST_PENDING, /* not yet: the run ends ENGINE_WAITING and the function is called again at resume
                            with the same arguments */
    ENGINE_HOST_YIELD,   /* results are in cells[0...], but the run ends ENGINE_OUT_OF_FUEL now, whatever is
                            left */
    ENGINE_HOST_TRAP     /* the function called engine_exec_trap_set */
} engine_host_result;

/* A host function. `cells` holds the arguments and takes the results; it has room for the larger of the two.
 * It is valid for the duration of the call only. `exec` says who calls (engine_exec_caller). */
typedef engine_host_result (*engine_host_fn)(void *user, engine_exec *exec, uint64_t *cells);

/* Something an instance imports or exports. */
typedef struct engine_extern {
    engine_kind kind;
    uint64_t func; /* a function reference token (never 0) */
    engine_table *table;
    engine_memory *memory;
    engine_global *global;
    void *tag;
} engine_extern;

/* Makes a host function of the store. `params` and `results` are copied. `name` (copied) appears in
 * backtraces. */
base_status engine_host_func_new(engine_store *store, const char *name, const engine_valtype *params,
                                 uint32_t param_count, const engine_valtype *results, uint32_t result_count,
                                 engine_host_fn function, void *user, engine_extern *out);
base_status engine_memory_new(engine_store *store, engine_limits_type limits, engine_extern *out,
                              base_error *error);
base_status engine_table_new(engine_store *store, engine_valtype element, engine_limits_type limits,
                             engine_extern *out, base_error *error);
base_status engine_global_new(engine_store *store, engine_valtype type, bool is_mutable,
                              const uint64_t *cells, engine_extern *out, base_error *error);

/* Answers an import. Returns false where there is no such thing; the linker then collects the name. */
typedef bool (*engine_resolver)(void *user, const engine_import *import, engine_extern *out);

/* Makes an instance: imports resolved and matched (all that are missing in one message, BASE_UNLINKABLE),
 * tables, memories and globals made, active segments copied. A segment out of bounds is a trap: BASE_INVALID
 * with the trap's text, *trap set (may be NULL). The start function is not run: see engine_instance_start. */
typedef enum engine_trap_code {
    ENGINE_TRAP_NONE = 0,
    ENGINE_TRAP_UNREACHABLE,
    ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS,
    ENGINE_TRAP_TABLE_OUT_OF_BOUNDS,
    ENGINE_TRAP_UNDEFINED_ELEMENT,     /* call_indirect beyond the table's end */
    ENGINE_TRAP_UNINITIALIZED_ELEMENT, /* call_indirect of a null entry */
    ENGINE_TRAP_INDIRECT_CALL_TYPE_MISMATCH,
    ENGINE_TRAP_INTEGER_DIVIDE_BY_ZERO,
    ENGINE_TRAP_INTEGER_OVERFLOW,
    ENGINE_TRAP_INVALID_CONVERSION_TO_INTEGER,
    ENGINE_TRAP_CALL_STACK_EXHAUSTED,
    ENGINE_TRAP_NULL_REFERENCE,
    ENGINE_TRAP_NULL_FUNCTION_REFERENCE,
    ENGINE_TRAP_UNCAUGHT_EXCEPTION,
    ENGINE_TRAP_OUT_OF_MEMORY, /* the host's memory, while translating or growing the stack */
    ENGINE_TRAP_HOST           /* raised by a host function; its own text */
} engine_trap_code;
/* The specification's text for a trap ("integer divide by zero"), as the official test suite expects it. */
const char *engine_trap_text(engine_trap_code code);

base_status engine_instantiate(engine_store *store, engine_module *module, engine_resolver resolver,
                               void *user, engine_instance **out, engine_trap_code *trap, base_error *error);
engine_module *engine_instance_module(const engine_instance *instance);
/* False where there is no export of that name. */
bool engine_instance_export(const engine_instance *instance, base_bytes name, engine_extern *out,
                            engine_extern_type *type);
/* The start function's token, or 0 where the module has none: run it before anything else. */
uint64_t engine_instance_start(const engine_instance *instance);
/* NULL where there is no such memory. */
engine_memory *engine_instance_memory(const engine_instance *instance, uint32_t index);

/* `length` bytes at `offset` of a memory, or NULL where any of them is outside. Valid until guest code runs
 * or the memory grows. */
uint8_t *engine_memory_range(engine_memory *memory, uint64_t offset, uint64_t length);
uint64_t engine_memory_size(const engine_memory *memory); /* in bytes */

void engine_global_get(const engine_global *global, uint64_t *cells);
void engine_global_set(engine_global *global,
                       const uint64_t *cells); /* the caller checked that it is mutable */
uint64_t engine_table_size(const engine_table *table);
bool engine_table_get(const engine_table *table, uint64_t index, uint64_t *out);
bool engine_table_set(engine_table *table, uint64_t index, uint64_t reference);

/* ---- Runs ---------------------------------------------------------------------------------------------- */

typedef enum engine_outcome {
    ENGINE_FINISHED,    /* results: engine_exec_results */
    ENGINE_OUT_OF_FUEL, /* the slice is spent: resume with more */
    ENGINE_WAITING, /* a host function answered ENGINE_HOST_PENDING: resume when it would answer otherwise */
    ENGINE_TRAPPED  /* engine_exec_trap, engine_exec_backtrace */
} engine_outcome;

base_status engine_exec_new(engine_store *store, engine_exec **out);
/* Free in any state. NULL is fine. */
void engine_exec_free(engine_exec *exec);

/* Prepares a call of the function `func` (a token) with `arguments` (cells, copied). An exec that was used
 * before starts over. Nothing runs yet. BASE_MISUSE for a token that names no function of the store. */
base_status engine_exec_start(engine_exec *exec, uint64_t func, const uint64_t *arguments, base_error *error);

/* Runs until an end, or until `fuel` more units are spent (fuel left over from an earlier slice is dropped, a
 * debt is kept: a stretch of code is charged whole before it runs, so a slice may overshoot). Calling it
 * again after ENGINE_FINISHED or ENGINE_TRAPPED answers the same again. */
engine_outcome engine_exec_run(engine_exec *exec, int64_t fuel);

/* After ENGINE_WAITING: runs on with what is left of the slice, as if the host function had not been pending. */
engine_outcome engine_exec_go_on(engine_exec *exec);

/* Units spent since engine_exec_start, the same whatever the slices. */
uint64_t engine_exec_fuel_used(const engine_exec *exec);
/* Charges for work a host function did on the guest's behalf. */
void engine_exec_charge(engine_exec *exec, uint64_t fuel);

const engine_functype *engine_exec_type(const engine_exec *exec); /* of the function that was started */
const uint64_t *engine_exec_results(const engine_exec *exec);     /* after ENGINE_FINISHED */
engine_trap_code engine_exec_trap(const engine_exec *exec);       /* after ENGINE_TRAPPED */
const char *
engine_exec_trap_message(const engine_exec *exec); /* the sentence; engine_trap_text or a host's own */
/* For host functions, before they answer ENGINE_HOST_TRAP. The text is copied and cut at 200 bytes. */
void engine_exec_trap_set(engine_exec *exec, const char *format, ...) BASE_PRINTF(2, 3);
/* The instance whose code called the host function that is running (NULL outside of one). */
engine_instance *engine_exec_caller(const engine_exec *exec);
engine_store *engine_exec_store(const engine_exec *exec);

/* Limits for a store that is in use already, of which `exec` is the only run. They must not be below what is in use: see
 * engine_snapshot_fits. */
void engine_exec_set_limits(engine_exec *exec, const engine_limits *limits);

/* ---- Snapshots ----------------------------------------------------------------------------------------- */

/* The state of a store with one instance and one run, which waits in a host function: memories, tables, globals, dropped
 * segments, exceptions, stack, fuel used. What host functions keep outside of the store is not part of it. Immutable;
 * any number of stores may be made from it, by several threads at once. */
typedef struct engine_snapshot engine_snapshot;

/* Memories of up to this size are copied as a whole; larger ones are mapped, and share what they do not change. */
#define ENGINE_SNAPSHOT_COPY_MAX ((uint64_t)256 << 10)

/* Takes one. BASE_UNSUPPORTED where the store holds more than one instance and what it defines; or where the host refused
 * the guest memory or table elements, so that with other limits it might stand elsewhere. */
base_status engine_snapshot_take(const base_allocator *allocator, const engine_exec *exec, uint64_t copy_max,
                                 engine_snapshot **out);
/* NULL is fine. Stores that were made from it stay as they are, but cannot be reset any more. */
void engine_snapshot_free(engine_snapshot *snapshot);

uint64_t engine_snapshot_fuel_used(const engine_snapshot *snapshot);
/* Whether a run within these limits would have come to the same state. (It may say no where the run would have, but
 * narrowly.) */
bool engine_snapshot_fits(const engine_snapshot *snapshot, const engine_limits *limits);

/* Makes an instance and a run in a new store, whose limits it fits, that are what they were: to be resumed, or looked
 * at. The resolver is asked as by engine_instantiate and must give host functions alone. `may_map`: as the system has a
 * limit on mappings, not to be said for tens of thousands at once. On failure the store can only be freed. */
base_status engine_snapshot_open(const engine_snapshot *snapshot, engine_store *store, bool may_map,
                                 engine_resolver resolver, void *user, engine_instance **instance,
                                 engine_exec **exec, base_error *error);
/* Makes a run that engine_snapshot_open made, and its store, what they were, whatever has happened to them; nothing of
 * that stays readable anywhere in them. Costs no allocation where little has happened. False where that cannot be: they
 * can only be freed then. */
bool engine_snapshot_reset(const engine_snapshot *snapshot, engine_exec *exec);

/* One entry of a backtrace, innermost first. */
typedef struct engine_frame {
    const engine_module *module; /* NULL for a host function */
    uint32_t func_index;
    base_bytes name;      /* empty where it has none */
    uint64_t code_offset; /* of the instruction, in bytes from the start of the module */
} engine_frame;

/* Where a run stands, in every state but finished: fills up to `capacity` frames and returns how many there
 * are. */
uint32_t engine_exec_backtrace(const engine_exec *exec, engine_frame *frames, uint32_t capacity);
/* Appends the backtrace as text, one indented line a frame: "    at name (function 12, offset 0x1a3f)\n", at
 * most `max_frames` and then how many more there are. */
base_status engine_exec_backtrace_text(const engine_exec *exec, uint32_t max_frames, base_buffer *out);

#endif
