/* Stores and what is in them. Private to the engine; written by store.c and instance.c, read by the
 * interpreter.
 *
 * A function reference is a token, never a pointer, so that tables, globals and stacks can be copied as
 * bytes:
 *
 *     63            32 31             0
 *    +----------------+----------------+
 *    | instance id    | func index + 1 |      0 is null; id 0 is the store's list of host functions
 *    +----------------+----------------+
 *
 * Tokens in tables, globals and on stacks are resolved: they name the instance that defines the function (or
 * the host list), never an import of it. */
#ifndef WPLUG_ENGINE_STORE_H
#define WPLUG_ENGINE_STORE_H

#include "engine/module.h"

#define ENGINE_HOST_INSTANCE 0u
static inline uint64_t engine_token(uint32_t instance_id, uint32_t func_index) {
    return (uint64_t)instance_id << 32 | (func_index + 1u);
}
static inline uint32_t engine_token_instance(uint64_t token) {
    return (uint32_t)(token >> 32);
}
static inline uint32_t engine_token_func(uint64_t token) {
    return (uint32_t)token - 1u;
}

#define ENGINE_PAGE_SIZE 65536u

struct engine_memory {
    uint8_t
        *data; /* os_pages of `capacity` bytes, zero from `size` on; NULL where there are none. May move when
                          it grows */
    uint64_t size;     /* in bytes, a multiple of 64 KiB */
    uint64_t capacity; /* not below the size */
    bool is_mapped;    /* a copy of a snapshot's image (os_image_map), which cannot be resized */
    engine_limits_type limits;
    engine_store *store;
    engine_memory *next; /* the store's list */
};

struct engine_table {
    uint64_t *elements;
    uint64_t size;
    uint64_t capacity;
    engine_valtype element;
    engine_limits_type limits;
    engine_store *store;
    engine_table *next;
};

/* A tag's identity is its address. */
typedef struct engine_tag {
    const engine_functype *type; /* in the module of the instance that defines it */
    uint32_t type_id;            /* see engine_store_types */
} engine_tag;

struct engine_global {
    uint64_t *cells; /* one, or two for v128: in the instance's `global_cells`, or own_cells for the host's */
    uint64_t own_cells[2];
    engine_valtype type;
    bool is_mutable;
    engine_global *next; /* the store's list, for globals the host made */
};

/* Function types that refer to other types ((ref $t)) mean something in their own module only. So the store
 * keeps a list of its own, in which equal types have one number: a module that uses such references has all
 * its types entered when it is instantiated (instance->type_ids). Element types of tables, types of globals
 * and tags are kept with these numbers in place of type indices. The types of other modules compare by their
 * plain structure. */
#define ENGINE_NO_TYPE_ID UINT32_MAX
typedef struct engine_store_types {
    engine_functype *types; /* an index to the type itself is ENGINE_HEAP_MASK & ~ENGINE_HEAP_ABSTRACT */
    uint32_t count, capacity;
    uint32_t *slots; /* hash table of type numbers + 1, 0 is empty; slot_count is a power of two, or 0 */
    uint32_t slot_count;
} engine_store_types;

typedef struct engine_host_func {
    engine_host_fn function;
    void *user;
    engine_functype type;
    char *name;
} engine_host_func;

struct engine_instance {
    engine_store *store;
    engine_module *module;
    uint32_t id; /* 1 and up; store->instances[id] */
    /* By index space of the module, imports first. */
    uint64_t *func_imports; /* resolved tokens, func_import_count of them */
    engine_memory **memories;
    engine_table **tables;
    engine_global **globals;
    engine_global *own_globals; /* those the module defines, behind `globals` */
    engine_tag **tags;
    engine_tag *own_tags;
    uint32_t *
        type_ids; /* per type index of the module its number in the store; NULL where the module needs none */
    /* The cells of the globals that the module defines, in order, v128 taking two: translated code reaches
     * them by offset. */
    uint64_t *global_cells;
    uint32_t global_cell_count;
    uint8_t *data_dropped; /* one byte a data segment */
    uint8_t *elem_dropped;
};

/* An exception that guest code holds a reference to. Such a reference (exnref) is ENGINE_EXCEPTION_TOKEN plus its place
 * in the store's list; the store sweeps those nobody holds any more. See frames.c. */
typedef struct engine_exception {
    const engine_tag *tag;
    uint32_t cell_count;
    bool marked;
    struct engine_exception *unseen; /* during a sweep */
    uint64_t cells[];
} engine_exception;
#define ENGINE_EXCEPTION_TOKEN UINT64_C(0x45786E0000000001)

struct engine_store {
    const base_allocator *allocator;
    engine_limits limits;        /* defaults filled in */
    engine_instance **instances; /* [0] is NULL: the host's id */
    uint32_t instance_count;     /* [0] counted */
    uint32_t instance_capacity;
    engine_host_func **host_funcs; /* each a block of its own, so that one may run while others are made */
    uint32_t host_func_count, host_func_capacity;
    engine_memory *memories;
    engine_table *tables;
    engine_global *globals;
    engine_store_types types;
    uint64_t memory_pages, table_elements; /* in use */
    uint64_t memory_denials, table_denials;
    bool was_short;     /* the host had no memory for a guest that wanted its memory or table to grow */
    engine_exec *execs; /* all of them, for the sweep */
    engine_exception **exceptions;
    uint32_t exception_count, exception_capacity; /* places used so far, some empty again; places there are */
    uint32_t exception_place;                     /* where to look for an empty one */
    uint32_t exception_live, exception_sweep_at;  /* places not empty; when that many are, sweep */
};

/* Frees the exceptions and their list. */
void engine_exceptions_free(engine_store *store);

/* Plain equality: type indices inside are compared as numbers, so both types must be of one module, or have
 * none. */
bool engine_functype_equal(const engine_functype *a, const engine_functype *b);

/* Whether the function that a token names has the type `type_index` of the instance's module: the slow way of
 * call_indirect, right across modules. False for a token that names none. */
bool engine_token_has_type(const engine_instance *instance, uint32_t type_index, uint64_t token);

/* Enters all types of the instance's module into the store's list and fills instance->type_ids (not NULL). */
base_status engine_store_enter_types(engine_instance *instance);

/* `type` with the store's type number in place of the module's type index. */
engine_valtype engine_store_valtype(const engine_instance *instance, engine_valtype type);

/* Fills in the defaults. */
engine_limits engine_limits_resolve(const engine_limits *limits);

/* Makes a memory of a new size, which its own limits and the store's allow; new bytes are zero. False without memory:
 * it is then as it was. */
bool engine_memory_resize(engine_memory *memory, uint64_t size);
/* Gives a table room for that many elements, which are not fewer than it has. False without memory. */
bool engine_table_set_capacity(engine_table *table, uint64_t capacity);

/* A copy of an exception in the store, and its freeing. NULL without memory. */
engine_exception *engine_exception_new(const base_allocator *allocator, const engine_tag *tag,
                                       uint32_t cell_count, const uint64_t *cells);
void engine_exception_free(const base_allocator *allocator, engine_exception *exception);

/* Makes room for one more in store->instances. */
base_status engine_store_reserve_instance(engine_store *store);
/* What engine_instantiate does before it writes to memories and tables: links an instance and makes what it defines, the
 * memories empty where `is_bare`. */
base_status engine_instance_link(engine_store *store, engine_module *module, bool is_bare,
                                 engine_resolver resolver, void *user, engine_instance **out,
                                 base_error *error);
/* Frees the instance alone, not what it made in the store. */
void engine_instance_free(engine_instance *instance);
/* Frees the memories and tables made since these were the newest ones. */
void engine_store_rewind(engine_store *store, const engine_memory *memories, const engine_table *tables);

/* The type of the function a token names; NULL for a token that names none. */
const engine_functype *engine_token_type(const engine_store *store, uint64_t token);

/* The token of a function of the instance's index space (imports resolved). */
uint64_t engine_instance_func(const engine_instance *instance, uint32_t func_index);

/* memory.grow and table.grow: the old size, or UINT64_MAX where refused (by the maximum, by the store's
 * limits, which count as denials, or for lack of memory). */
uint64_t engine_memory_grow(engine_memory *memory, uint64_t pages);
uint64_t engine_table_grow(engine_table *table, uint64_t count, uint64_t value);

/* table.init and memory.init for translated code and instantiation: false where a range is out of bounds
 * (nothing is written then). Dropped segments count as empty. */
bool engine_table_init(engine_instance *instance, uint32_t table, uint32_t segment, uint64_t destination,
                       uint64_t source, uint64_t count);
bool engine_memory_init(engine_instance *instance, uint32_t memory, uint32_t segment, uint64_t destination,
                        uint64_t source, uint64_t count);

#endif
