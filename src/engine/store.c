/* Owns stores and what lives in them: host functions, memories, tables, globals, and the identity of types
 * across modules. Instances are made in instance.c. */
#include "engine/store.h"

#include "base/os.h"

#include <assert.h>
#include <inttypes.h>

#define DEFAULT_MEMORY_PAGES   65536u
#define DEFAULT_TABLE_ELEMENTS 10000000u
#define DEFAULT_STACK_BYTES    ((size_t)1 << 20)
#define DEFAULT_DEPTH          100000u

const char *engine_trap_text(engine_trap_code code) {
    switch (code) {
    case ENGINE_TRAP_NONE: return "";
    case ENGINE_TRAP_UNREACHABLE: return "unreachable";
    case ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS: return "out of bounds memory access";
    case ENGINE_TRAP_TABLE_OUT_OF_BOUNDS: return "out of bounds table access";
    case ENGINE_TRAP_UNDEFINED_ELEMENT: return "undefined element";
    case ENGINE_TRAP_UNINITIALIZED_ELEMENT: return "uninitialized element";
    case ENGINE_TRAP_INDIRECT_CALL_TYPE_MISMATCH: return "indirect call type mismatch";
    case ENGINE_TRAP_INTEGER_DIVIDE_BY_ZERO: return "integer divide by zero";
    case ENGINE_TRAP_INTEGER_OVERFLOW: return "integer overflow";
    case ENGINE_TRAP_INVALID_CONVERSION_TO_INTEGER: return "invalid conversion to integer";
    case ENGINE_TRAP_CALL_STACK_EXHAUSTED: return "call stack exhausted";
    case ENGINE_TRAP_NULL_REFERENCE: return "null reference";
    case ENGINE_TRAP_NULL_FUNCTION_REFERENCE: return "null function reference";
    case ENGINE_TRAP_UNCAUGHT_EXCEPTION: return "uncaught exception";
    case ENGINE_TRAP_OUT_OF_MEMORY: return "out of memory";
    case ENGINE_TRAP_HOST: return "trap in a host function";
    }
    return "unknown trap";
}

/* ---- The store ----------------------------------------------------------------------------------------- */

engine_limits engine_limits_resolve(const engine_limits *limits) {
    engine_limits resolved = {0};
    if (limits) resolved = *limits;
    if (!resolved.memory_pages) resolved.memory_pages = DEFAULT_MEMORY_PAGES;
    if (!resolved.table_elements) resolved.table_elements = DEFAULT_TABLE_ELEMENTS;
    if (!resolved.stack_bytes) resolved.stack_bytes = DEFAULT_STACK_BYTES;
    if (!resolved.depth) resolved.depth = DEFAULT_DEPTH;
    return resolved;
}

base_status engine_store_new(const base_allocator *allocator, const engine_limits *limits,
                             engine_store **out) {
    *out = NULL;
    engine_store *store = base_alloc_zeroed(allocator, 1, sizeof *store);
    if (!store) return BASE_NO_MEMORY;
    store->allocator = allocator;
    store->limits = engine_limits_resolve(limits);
    if (engine_store_reserve_instance(store) != BASE_OK) {
        base_free(allocator, store, sizeof *store);
        return BASE_NO_MEMORY;
    }
    store->instances[0] = NULL;
    store->instance_count = 1;
    *out = store;
    return BASE_OK;
}

/* Makes room for one more element in an array that grows one by one. */
static base_status make_room(const base_allocator *allocator, void **array, uint32_t count,
                             uint32_t *capacity, size_t size) {
    if (count < *capacity) return BASE_OK;
    uint32_t roomy = *capacity ? *capacity * 2 : 2;
    if (roomy > UINT32_MAX / 4 || roomy > SIZE_MAX / size) return BASE_NO_MEMORY;
    void *grown = base_resize(allocator, *array, *capacity * size, roomy * size);
    if (!grown) return BASE_NO_MEMORY;
    *array = grown;
    *capacity = roomy;
    return BASE_OK;
}

base_status engine_store_reserve_instance(engine_store *store) {
    void *array = store->instances;
    base_status status = make_room(store->allocator, &array, store->instance_count, &store->instance_capacity,
                                   sizeof *store->instances);
    store->instances = array;
    return status;
}

static size_t functype_size(const engine_functype *type) {
    return ((size_t)type->param_count + type->result_count) * sizeof *type->params;
}

/* A host function is one block: itself, its types, its name with the terminator. */
static size_t host_func_size(const engine_host_func *func) {
    return sizeof *func + functype_size(&func->type) + strlen(func->name) + 1;
}

static void free_memory(engine_memory *memory) {
    engine_store *store = memory->store;
    store->memory_pages -= memory->size / ENGINE_PAGE_SIZE;
    if (memory->data) os_pages_free(memory->data, (size_t)memory->capacity);
    base_free(store->allocator, memory, sizeof *memory);
}

static void free_table(engine_table *table) {
    engine_store *store = table->store;
    store->table_elements -= table->size;
    base_free(store->allocator, table->elements, (size_t)table->capacity * sizeof *table->elements);
    base_free(store->allocator, table, sizeof *table);
}

void engine_store_rewind(engine_store *store, const engine_memory *memories, const engine_table *tables) {
    while (store->memories != memories) {
        engine_memory *memory = store->memories;
        store->memories = memory->next;
        free_memory(memory);
    }
    while (store->tables != tables) {
        engine_table *table = store->tables;
        store->tables = table->next;
        free_table(table);
    }
}

static void free_types(engine_store *store) {
    const base_allocator *allocator = store->allocator;
    engine_store_types *types = &store->types;
    for (uint32_t i = 0; i < types->count; i++)
        base_free(allocator, (void *)(uintptr_t)types->types[i].params, functype_size(&types->types[i]));
    base_free(allocator, types->types, types->capacity * sizeof *types->types);
    base_free(allocator, types->slots, types->slot_count * sizeof *types->slots);
}

void engine_store_free(engine_store *store) {
    if (!store) return;
    const base_allocator *allocator = store->allocator;
    for (uint32_t i = 1; i < store->instance_count; i++) engine_instance_free(store->instances[i]);
    base_free(allocator, store->instances, store->instance_capacity * sizeof *store->instances);
    engine_store_rewind(store, NULL, NULL);
    while (store->globals) {
        engine_global *global = store->globals;
        store->globals = global->next;
        base_free(allocator, global, sizeof *global);
    }
    for (uint32_t i = 0; i < store->host_func_count; i++)
        base_free(allocator, store->host_funcs[i], host_func_size(store->host_funcs[i]));
    engine_exceptions_free(store);
    base_free(allocator, store->host_funcs, store->host_func_capacity * sizeof *store->host_funcs);
    free_types(store);
    base_free(allocator, store, sizeof *store);
}

uint64_t engine_store_memory_denials(const engine_store *store) {
    return store->memory_denials;
}
uint64_t engine_store_table_denials(const engine_store *store) {
    return store->table_denials;
}
uint64_t engine_store_memory_pages(const engine_store *store) {
    return store->memory_pages;
}

/* ---- Host functions ------------------------------------------------------------------------------------ */

static uint32_t cells_of(const engine_valtype *types, uint32_t count) {
    uint32_t cells = 0;
    for (uint32_t i = 0; i < count; i++) cells += engine_cells(types[i]);
    return cells;
}

/* Types of a host function name no type of any module. */
static bool has_type_index(const engine_valtype *types, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (engine_is_ref(types[i]) && !(types[i] & ENGINE_HEAP_ABSTRACT)) return true;
    return false;
}

base_status engine_host_func_new(engine_store *store, const char *name, const engine_valtype *params,
                                 uint32_t param_count, const engine_valtype *results, uint32_t result_count,
                                 engine_host_fn function, void *user, engine_extern *out) {
    if (!function || has_type_index(params, param_count) || has_type_index(results, result_count))
        return BASE_MISUSE;
    if (!name) name = "";
    void *array = store->host_funcs;
    base_status status = make_room(store->allocator, &array, store->host_func_count,
                                   &store->host_func_capacity, sizeof *store->host_funcs);
    store->host_funcs = array;
    if (status != BASE_OK) return status;

    engine_functype type = {.param_count = param_count, .result_count = result_count};
    type.param_cells = cells_of(params, param_count);
    type.result_cells = cells_of(results, result_count);
    engine_host_func *func =
        base_alloc(store->allocator, sizeof *func + functype_size(&type) + strlen(name) + 1);
    if (!func) return BASE_NO_MEMORY;
    engine_valtype *types = (engine_valtype *)(func + 1);
    if (param_count) memcpy(types, params, param_count * sizeof *types);
    if (result_count) memcpy(types + param_count, results, result_count * sizeof *types);
    type.params = types;
    type.results = types + param_count;
    char *name_copy = (char *)(types + param_count + result_count);
    memcpy(name_copy, name, strlen(name) + 1);
    *func = (engine_host_func){.function = function, .user = user, .type = type, .name = name_copy};

    *out = (engine_extern){.kind = ENGINE_FUNC,
                           .func = engine_token(ENGINE_HOST_INSTANCE, store->host_func_count)};
    store->host_funcs[store->host_func_count++] = func;
    return BASE_OK;
}

/* ---- Memories ------------------------------------------------------------------------------------------ */

/* The pages that a memory may ever have: its own maximum, what its addresses reach, what a size_t holds. */
static uint64_t page_limit(const engine_limits_type *limits) {
    uint64_t most = limits->is_64 ? (uint64_t)1 << 48 : ENGINE_PAGE_SIZE;
    if (most > SIZE_MAX / ENGINE_PAGE_SIZE) most = SIZE_MAX / ENGINE_PAGE_SIZE;
    return limits->has_max && limits->max < most ? limits->max : most;
}

base_status engine_memory_new(engine_store *store, engine_limits_type limits, engine_extern *out,
                              base_error *error) {
    if (limits.has_max && limits.min > limits.max)
        return base_fail(error, BASE_MISUSE,
                         "a memory's minimum of %" PRIu64 " pages is over its maximum of %" PRIu64,
                         limits.min, limits.max);
    if (limits.min > page_limit(&limits))
        return base_fail(error, BASE_LIMIT,
                         "a memory of %" PRIu64 " pages of 64 KiB is more than can be addressed", limits.min);
    uint64_t allowed = store->limits.memory_pages;
    if (limits.min > allowed - store->memory_pages)
        return base_fail(error, BASE_LIMIT,
                         "a memory starts with %" PRIu64 " pages of 64 KiB, but the limit is %" PRIu64
                         " pages, of "
                         "which %" PRIu64 " are in use",
                         limits.min, allowed, store->memory_pages);
    engine_memory *memory = base_alloc_zeroed(store->allocator, 1, sizeof *memory);
    if (!memory) return base_fail_no_memory(error);
    memory->limits = limits;
    memory->store = store;
    if (limits.min > 0) {
        memory->data = os_pages_alloc((size_t)limits.min * ENGINE_PAGE_SIZE);
        if (!memory->data) {
            base_free(store->allocator, memory, sizeof *memory);
            return base_fail(error, BASE_NO_MEMORY, "out of memory: a memory of %" PRIu64 " pages of 64 KiB",
                             limits.min);
        }
    }
    memory->size = memory->capacity = limits.min * ENGINE_PAGE_SIZE;
    store->memory_pages += limits.min;
    memory->next = store->memories;
    store->memories = memory;
    *out = (engine_extern){.kind = ENGINE_MEMORY, .memory = memory};
    return BASE_OK;
}

/* A copy of an image moves to pages of its own, which can be resized. */
static bool leave_image(engine_memory *memory, size_t size) {
    uint8_t *data = os_pages_alloc(size);
    if (!data) return false;
    memcpy(data, memory->data, (size_t)memory->size);
    os_pages_free(memory->data, (size_t)memory->capacity);
    memory->data = data;
    memory->capacity = size;
    memory->is_mapped = false;
    return true;
}

bool engine_memory_resize(engine_memory *memory, uint64_t size) {
    if (size > SIZE_MAX) return false;
    if (size > memory->capacity && memory->is_mapped && !leave_image(memory, (size_t)size)) return false;
    if (size > memory->capacity) {
        uint8_t *data = memory->data ? os_pages_resize(memory->data, (size_t)memory->capacity, (size_t)size)
                                     : os_pages_alloc((size_t)size);
        if (!data) return false;
        memory->data = data;
        memory->capacity = size;
    }
    memory->store->memory_pages += size / ENGINE_PAGE_SIZE;
    memory->store->memory_pages -= memory->size / ENGINE_PAGE_SIZE;
    memory->size = size;
    return true;
}

uint64_t engine_memory_grow(engine_memory *memory, uint64_t pages) {
    engine_store *store = memory->store;
    uint64_t old_pages = memory->size / ENGINE_PAGE_SIZE;
    assert(old_pages <= page_limit(&memory->limits));
    if (pages == 0) return old_pages;
    if (pages > page_limit(&memory->limits) - old_pages) return UINT64_MAX;
    if (pages > store->limits.memory_pages - store->memory_pages) {
        store->memory_denials++;
        return UINT64_MAX;
    }
    if (engine_memory_resize(memory, (old_pages + pages) * ENGINE_PAGE_SIZE)) return old_pages;
    store->was_short = true;
    return UINT64_MAX;
}

uint8_t *engine_memory_range(engine_memory *memory, uint64_t offset, uint64_t length) {
    static uint8_t nothing[1]; /* an empty range of an empty memory is not outside, so it needs an address */
    if (length > memory->size || offset > memory->size - length) return NULL;
    return memory->data ? memory->data + offset : nothing;
}

uint64_t engine_memory_size(const engine_memory *memory) {
    return memory->size;
}

/* ---- Tables -------------------------------------------------------------------------------------------- */

/* The elements that a table may ever have. */
static uint64_t element_limit(const engine_limits_type *limits) {
    uint64_t most = limits->is_64 ? UINT64_MAX : UINT32_MAX;
    if (most > SIZE_MAX / sizeof(uint64_t)) most = SIZE_MAX / sizeof(uint64_t);
    return limits->has_max && limits->max < most ? limits->max : most;
}

bool engine_table_set_capacity(engine_table *table, uint64_t capacity) {
    if (capacity > SIZE_MAX / sizeof *table->elements) return false;
    uint64_t *elements = base_resize(table->store->allocator, table->elements,
                                     (size_t)table->capacity * sizeof *table->elements,
                                     (size_t)capacity * sizeof *table->elements);
    if (!elements && capacity > 0) return false;
    table->elements = elements;
    table->capacity = capacity;
    return true;
}

base_status engine_table_new(engine_store *store, engine_valtype element, engine_limits_type limits,
                             engine_extern *out, base_error *error) {
    if (!engine_is_ref(element) || (limits.has_max && limits.min > limits.max))
        return base_fail(error, BASE_MISUSE,
                         "a table holds references and its minimum is not over its maximum");
    uint64_t allowed = store->limits.table_elements;
    if (limits.min > allowed - store->table_elements)
        return base_fail(error, BASE_LIMIT,
                         "a table starts with %" PRIu64 " elements, but the limit is %" PRIu64
                         " elements, of which "
                         "%" PRIu64 " are in use",
                         limits.min, allowed, store->table_elements);
    engine_table *table = base_alloc_zeroed(store->allocator, 1, sizeof *table);
    if (!table) return base_fail_no_memory(error);
    table->element = element;
    table->limits = limits;
    table->store = store;
    if (limits.min > 0) {
        if (!engine_table_set_capacity(table, limits.min)) {
            base_free(store->allocator, table, sizeof *table);
            return base_fail_no_memory(error);
        }
        memset(table->elements, 0, (size_t)limits.min * sizeof *table->elements);
    }
    table->size = limits.min;
    store->table_elements += limits.min;
    table->next = store->tables;
    store->tables = table;
    *out = (engine_extern){.kind = ENGINE_TABLE, .table = table};
    return BASE_OK;
}

uint64_t engine_table_grow(engine_table *table, uint64_t count, uint64_t value) {
    engine_store *store = table->store;
    uint64_t old_size = table->size;
    assert(old_size <= element_limit(&table->limits));
    uint64_t most = element_limit(&table->limits);
    if (count > most - old_size) return UINT64_MAX;
    if (count > store->limits.table_elements - store->table_elements) {
        store->table_denials++;
        return UINT64_MAX;
    }
    uint64_t size = old_size + count;
    if (size > table->capacity) {
        /* A guest that grows one by one shall not copy the table each time. */
        uint64_t roomy = table->capacity + table->capacity / 2;
        if (roomy > most) roomy = most;
        if ((roomy <= size || !engine_table_set_capacity(table, roomy)) &&
            !engine_table_set_capacity(table, size)) {
            store->was_short = true;
            return UINT64_MAX;
        }
    }
    for (uint64_t i = old_size; i < size; i++) table->elements[i] = value;
    table->size = size;
    store->table_elements += count;
    return old_size;
}

uint64_t engine_table_size(const engine_table *table) {
    return table->size;
}

bool engine_table_get(const engine_table *table, uint64_t index, uint64_t *out) {
    if (index >= table->size) return false;
    *out = table->elements[index];
    return true;
}

bool engine_table_set(engine_table *table, uint64_t index, uint64_t reference) {
    if (index >= table->size) return false;
    table->elements[index] = reference;
    return true;
}

/* ---- Globals ------------------------------------------------------------------------------------------- */

base_status engine_global_new(engine_store *store, engine_valtype type, bool is_mutable,
                              const uint64_t *cells, engine_extern *out, base_error *error) {
    if (has_type_index(&type, 1))
        return base_fail(error, BASE_MISUSE, "a global of the host cannot have a type of a module");
    engine_global *global = base_alloc_zeroed(store->allocator, 1, sizeof *global);
    if (!global) return base_fail_no_memory(error);
    global->cells = global->own_cells;
    global->type = type;
    global->is_mutable = is_mutable;
    engine_global_set(global, cells);
    global->next = store->globals;
    store->globals = global;
    *out = (engine_extern){.kind = ENGINE_GLOBAL, .global = global};
    return BASE_OK;
}

void engine_global_get(const engine_global *global, uint64_t *cells) {
    memcpy(cells, global->cells, engine_cells(global->type) * sizeof *cells);
}

void engine_global_set(engine_global *global, const uint64_t *cells) {
    memcpy(global->cells, cells, engine_cells(global->type) * sizeof *cells);
}

/* ---- Functions and their types ------------------------------------------------------------------------- */

bool engine_functype_equal(const engine_functype *a, const engine_functype *b) {
    if (a == b) return true;
    if (a->param_count != b->param_count || a->result_count != b->result_count) return false;
    for (uint32_t i = 0; i < a->param_count; i++)
        if (a->params[i] != b->params[i]) return false;
    for (uint32_t i = 0; i < a->result_count; i++)
        if (a->results[i] != b->results[i]) return false;
    return true;
}

/* The function that a token names: its instance (NULL for the host's) and its type. False where it names
 * none. */
static bool find_func(const engine_store *store, uint64_t token, const engine_instance **instance,
                      uint32_t *type_index, const engine_functype **type) {
    uint32_t id = engine_token_instance(token), index = engine_token_func(token);
    *instance = NULL;
    if (id == ENGINE_HOST_INSTANCE) {
        if (index >= store->host_func_count) return false; /* this catches null, whose index is UINT32_MAX */
        *type = &store->host_funcs[index]->type;
        return true;
    }
    if (id >= store->instance_count) return false;
    *instance = store->instances[id];
    const engine_module *module = (*instance)->module;
    if (index >= module->func_count) return false;
    *type_index = module->funcs[index].type_index;
    *type = &module->types[*type_index];
    return true;
}

const engine_functype *engine_token_type(const engine_store *store, uint64_t token) {
    const engine_instance *instance;
    uint32_t type_index;
    const engine_functype *type;
    return find_func(store, token, &instance, &type_index, &type) ? type : NULL;
}

bool engine_token_has_type(const engine_instance *instance, uint32_t type_index, uint64_t token) {
    const engine_instance *owner;
    uint32_t owner_index;
    const engine_functype *type;
    if (!find_func(instance->store, token, &owner, &owner_index, &type)) return false;
    /* Where only one of the two has numbers, the other refers to no type, and plain equality tells them
     * apart. */
    if (owner && owner->type_ids && instance->type_ids)
        return owner->type_ids[owner_index] == instance->type_ids[type_index];
    return engine_functype_equal(type, &instance->module->types[type_index]);
}

/* What stands for the type itself inside a type of the store's list. */
#define SELF (ENGINE_HEAP_MASK & ~ENGINE_HEAP_ABSTRACT)

engine_valtype engine_store_valtype(const engine_instance *instance, engine_valtype type) {
    if (!instance->type_ids || !engine_is_ref(type) || (type & ENGINE_HEAP_ABSTRACT)) return type;
    return (type & ~ENGINE_HEAP_MASK) | instance->type_ids[type & ENGINE_HEAP_MASK];
}

static uint32_t hash_functype(const engine_functype *type) {
    uint32_t hash = 2166136261u ^ type->param_count; /* FNV-1a by word: collisions cost time only */
    uint32_t count = type->param_count + type->result_count;
    for (uint32_t i = 0; i < count; i++) hash = (hash ^ type->params[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* The slot where the type is, or the empty one where it would be. */
static uint32_t *find_slot(engine_store_types *types, const engine_functype *type) {
    uint32_t mask = types->slot_count - 1;
    for (uint32_t at = hash_functype(type) & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &types->slots[at];
        if (*slot == 0 || engine_functype_equal(&types->types[*slot - 1], type)) return slot;
    }
}

/* Keeps a quarter of the slots empty. */
static base_status grow_slots(const base_allocator *allocator, engine_store_types *types) {
    if (types->count < types->slot_count / 4 * 3) return BASE_OK;
    uint32_t old_count = types->slot_count, slot_count = old_count ? old_count * 2 : 16;
    uint32_t *slots = base_alloc_zeroed(allocator, slot_count, sizeof *slots);
    if (!slots) return BASE_NO_MEMORY;
    base_free(allocator, types->slots, old_count * sizeof *slots);
    types->slots = slots;
    types->slot_count = slot_count;
    for (uint32_t i = 0; i < types->count; i++) *find_slot(types, &types->types[i]) = i + 1;
    return BASE_OK;
}

/* Finds the type in the store's list or enters it; takes over the array of `type` where it succeeds. */
static base_status enter_type(engine_store *store, const engine_functype *type, uint32_t *id) {
    engine_store_types *types = &store->types;
    if (types->count >= SELF || grow_slots(store->allocator, types) != BASE_OK) return BASE_NO_MEMORY;
    uint32_t *slot = find_slot(types, type);
    if (*slot) {
        *id = *slot - 1;
        base_free(store->allocator, (void *)(uintptr_t)type->params, functype_size(type));
        return BASE_OK;
    }
    void *array = types->types;
    base_status status =
        make_room(store->allocator, &array, types->count, &types->capacity, sizeof *types->types);
    types->types = array;
    if (status != BASE_OK) return status;
    *id = types->count;
    types->types[types->count++] = *type;
    *slot = *id + 1;
    return BASE_OK;
}

base_status engine_store_enter_types(engine_instance *instance) {
    engine_store *store = instance->store;
    for (uint32_t i = 0; i < instance->module->type_count; i++) {
        engine_functype type = instance->module->types[i];
        engine_valtype *array = base_alloc(store->allocator, functype_size(&type));
        if (!array) return BASE_NO_MEMORY;
        /* A type refers to earlier types and to itself only, so all the numbers it needs are known. */
        uint32_t count = type.param_count + type.result_count;
        for (uint32_t j = 0; j < count; j++) {
            engine_valtype value = type.params[j];
            bool is_self = engine_is_ref(value) && (value & ENGINE_HEAP_MASK) == i;
            array[j] = is_self ? (value & ~ENGINE_HEAP_MASK) | SELF : engine_store_valtype(instance, value);
        }
        type.params = array;
        type.results = array + type.param_count;
        base_status status = enter_type(store, &type, &instance->type_ids[i]);
        if (status != BASE_OK) {
            base_free(store->allocator, array, functype_size(&type));
            return status;
        }
    }
    return BASE_OK;
}
