/* Owns instances: linking, making what a module defines, constant expressions, segments.
 *
 * An instance is one block, so that making one costs one allocation beside its memories and tables:
 *
 *     engine_instance | func_imports | global_cells | own_globals | memories | tables | globals | tags |
 * own_tags | type_ids | data_dropped | elem_dropped
 */
#include "engine/loader.h"
#include "engine/opcodes.h"
#include "engine/store.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Layout -------------------------------------------------------------------------------------------- */

/* Cuts arrays off a block, one after the other; with `base` NULL it only adds up their sizes. Arrays come in
 * the order of falling alignment. */
typedef struct block_cutter {
    uint8_t *base;
    uint64_t used;
} block_cutter;

static void *cut(block_cutter *cutter, uint64_t count, size_t size) {
    cutter->used = (cutter->used + 7) & ~(uint64_t)7;
    void *array = cutter->base ? cutter->base + cutter->used : NULL;
    cutter->used += count * size;
    return array;
}

static uint32_t own_global_cells(const engine_module *module) {
    uint32_t cells = 0;
    for (uint32_t i = module->global_import_count; i < module->global_count; i++)
        cells += engine_cells(module->globals[i].type);
    return cells;
}

/* Only modules with references to types need to know their types' numbers. */
static bool needs_type_ids(const engine_module *module) {
    return (module->features_used & ENGINE_FEATURE_FUNCTION_REFERENCES) != 0;
}

/* Sets the arrays of `instance`, which is at the start of `base`; with `base` NULL, what it sets means
 * nothing. */
static uint64_t lay_out(engine_instance *instance, const engine_module *module, uint8_t *base) {
    block_cutter cutter = {base, 0};
    instance->global_cell_count = own_global_cells(module);
    cut(&cutter, 1, sizeof *instance);
    instance->func_imports = cut(&cutter, module->func_import_count, sizeof *instance->func_imports);
    instance->global_cells = cut(&cutter, instance->global_cell_count, sizeof *instance->global_cells);
    instance->own_globals =
        cut(&cutter, module->global_count - module->global_import_count, sizeof *instance->own_globals);
    instance->memories = cut(&cutter, module->memory_count, sizeof *instance->memories);
    instance->tables = cut(&cutter, module->table_count, sizeof *instance->tables);
    instance->globals = cut(&cutter, module->global_count, sizeof *instance->globals);
    instance->tags = cut(&cutter, module->tag_count, sizeof *instance->tags);
    instance->own_tags =
        cut(&cutter, module->tag_count - module->tag_import_count, sizeof *instance->own_tags);
    uint32_t *type_ids =
        cut(&cutter, needs_type_ids(module) ? module->type_count : 0, sizeof *instance->type_ids);
    instance->type_ids = needs_type_ids(module) ? type_ids : NULL;
    instance->data_dropped = cut(&cutter, module->data_count, 1);
    instance->elem_dropped = cut(&cutter, module->elem_count, 1);
    return cutter.used;
}

static base_status instance_new(engine_store *store, engine_module *module, engine_instance **out) {
    engine_instance measure;
    uint64_t size = lay_out(&measure, module, NULL);
    if (size > SIZE_MAX) return BASE_NO_MEMORY;
    engine_instance *instance = base_alloc_zeroed(store->allocator, 1, (size_t)size);
    if (!instance) return BASE_NO_MEMORY;
    lay_out(instance, module, (uint8_t *)instance);
    instance->store = store;
    instance->module = engine_module_retain(module);
    *out = instance;
    return BASE_OK;
}

void engine_instance_free(engine_instance *instance) {
    engine_instance measure;
    engine_module *module = instance->module;
    uint64_t size = lay_out(&measure, module, NULL);
    base_free(instance->store->allocator, instance, (size_t)size);
    engine_module_release(module);
}

/* ---- Types as text, for messages ----------------------------------------------------------------------- */

/* Text that is cut where it does not fit. */
typedef struct message {
    char *data;
    size_t size, capacity; /* the terminator is counted in the capacity alone */
} message;

static void add(message *text, const char *format, ...) BASE_PRINTF(2, 3);
static void add(message *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->data + text->size, text->capacity - text->size, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    size_t room = text->capacity - text->size - 1;
    text->size += (size_t)length < room ? (size_t)length : room;
}

/* A name from a module may be long and hold any character. */
static void add_name(message *text, base_bytes name) {
    enum { LONGEST = 80 };
    size_t size = name.size;
    if (size > LONGEST) {
        size = LONGEST;
        while (size > 0 && (name.data[size] & 0xC0) == 0x80) size--; /* not in the middle of a character */
    }
    for (size_t i = 0; i < size; i++)
        add(text, "%c", name.data[i] < 0x20 || name.data[i] == 0x7F ? '?' : name.data[i]);
    if (size < name.size) add(text, "...");
}

static void add_valtype(message *text, engine_valtype type) {
    add(text, "%s", engine_type_name(type).text);
}

static void add_functype(message *text, const engine_functype *type) {
    add(text, "(");
    for (uint32_t i = 0; i < type->param_count; i++) {
        if (i) add(text, " ");
        add_valtype(text, type->params[i]);
    }
    add(text, ") -> (");
    for (uint32_t i = 0; i < type->result_count; i++) {
        if (i) add(text, " ");
        add_valtype(text, type->results[i]);
    }
    add(text, ")");
}

static void add_limits(message *text, const engine_limits_type *limits, const char *unit) {
    add(text, "%s%" PRIu64, limits->is_64 ? "64-bit, " : "", limits->min);
    if (limits->has_max)
        add(text, "..%" PRIu64 " %s", limits->max, unit);
    else
        add(text, " or more %s", unit);
}

static const char *kind_name(engine_kind kind) {
    static const char *const names[] = {"func", "table", "memory", "global", "tag"};
    return names[kind];
}

static void add_extern_type(message *text, const engine_extern_type *type) {
    add(text, "%s ", kind_name(type->kind));
    switch (type->kind) {
    case ENGINE_FUNC:
    case ENGINE_TAG: add_functype(text, type->func); return;
    case ENGINE_TABLE:
        add_valtype(text, type->value);
        add(text, " ");
        add_limits(text, &type->limits, "elements");
        return;
    case ENGINE_MEMORY: add_limits(text, &type->limits, "pages"); return;
    case ENGINE_GLOBAL:
        add(text, "%s", type->is_mutable ? "mut " : "");
        add_valtype(text, type->value);
        return;
    }
}

/* ---- Linking ------------------------------------------------------------------------------------------- */

/* What the imports come to: the first so many of each kind are bound, and what cannot be is told in one
 * message. */
typedef struct link_state {
    engine_instance *instance;
    uint32_t bound[ENGINE_TAG + 1];
    char missing_data[320], mismatched_data[400];
    message missing, mismatched;
    uint32_t missing_count, missing_listed, mismatch_count, mismatch_listed;
} link_state;

/* The type of what a resolver answered, with sizes as they are now. False where it is nothing of this store.
 */
static bool type_of_extern(const engine_store *store, const engine_extern *external,
                           engine_extern_type *type) {
    *type = (engine_extern_type){.kind = external->kind};
    switch (external->kind) {
    case ENGINE_FUNC: type->func = engine_token_type(store, external->func); return type->func != NULL;
    case ENGINE_TABLE:
        if (!external->table || external->table->store != store) return false;
        type->value = external->table->element;
        type->limits = external->table->limits;
        type->limits.min = external->table->size;
        return true;
    case ENGINE_MEMORY:
        if (!external->memory || external->memory->store != store) return false;
        type->limits = external->memory->limits;
        type->limits.min = engine_memory_size(external->memory) / ENGINE_PAGE_SIZE;
        return true;
    case ENGINE_GLOBAL:
        if (!external->global) return false;
        type->value = external->global->type;
        type->is_mutable = external->global->is_mutable;
        return true;
    case ENGINE_TAG:
        if (!external->tag) return false;
        type->func = ((const engine_tag *)external->tag)->type;
        return true;
    }
    return false;
}

static bool limits_match(const engine_limits_type *found, const engine_limits_type *needed) {
    if (found->is_64 != needed->is_64 || found->shared != needed->shared || found->min < needed->min)
        return false;
    return !needed->has_max || (found->has_max && found->max <= needed->max);
}

/* Heap types with the store's type numbers. All types a module can define are function types. */
static bool heap_is_subtype(uint32_t sub, uint32_t super) {
    if (sub == super) return true;
    bool sub_is_index = !(sub & ENGINE_HEAP_ABSTRACT), super_is_index = !(super & ENGINE_HEAP_ABSTRACT);
    switch (sub) {
    case ENGINE_HEAP_NOFUNC: return super_is_index || super == ENGINE_HEAP_FUNC;
    case ENGINE_HEAP_NOEXTERN: return super == ENGINE_HEAP_EXTERN;
    case ENGINE_HEAP_NOEXN: return super == ENGINE_HEAP_EXN;
    default: return sub_is_index && super == ENGINE_HEAP_FUNC;
    }
}

static bool value_is_subtype(engine_valtype sub, engine_valtype super) {
    if (sub == super) return true;
    if (!engine_is_ref(sub) || !engine_is_ref(super)) return false;
    if ((sub & ENGINE_TYPE_NULLABLE) && !(super & ENGINE_TYPE_NULLABLE)) return false;
    return heap_is_subtype(sub & ENGINE_HEAP_MASK, super & ENGINE_HEAP_MASK);
}

static bool tag_has_type(const engine_instance *instance, uint32_t type_index, const engine_tag *tag) {
    if (instance->type_ids && tag->type_id != ENGINE_NO_TYPE_ID)
        return tag->type_id == instance->type_ids[type_index];
    return engine_functype_equal(tag->type, &instance->module->types[type_index]);
}

/* Import matching (core specification, "Matching" and "Instantiation"). `nth` counts the imports of the kind.
 */
static bool import_matches(const engine_instance *instance, const engine_extern_type *needed, uint32_t nth,
                           const engine_extern *external, const engine_extern_type *found) {
    if (needed->kind != found->kind) return false;
    const engine_module *module = instance->module;
    engine_valtype value = engine_store_valtype(instance, needed->value);
    switch (needed->kind) {
    case ENGINE_FUNC: return engine_token_has_type(instance, module->funcs[nth].type_index, external->func);
    case ENGINE_TABLE: return found->value == value && limits_match(&found->limits, &needed->limits);
    case ENGINE_MEMORY: return limits_match(&found->limits, &needed->limits);
    case ENGINE_GLOBAL:
        if (found->is_mutable != needed->is_mutable) return false;
        return needed->is_mutable ? found->value == value : value_is_subtype(found->value, value);
    case ENGINE_TAG: return tag_has_type(instance, module->tags[nth].type_index, external->tag);
    }
    return false;
}

static void bind_import(engine_instance *instance, uint32_t nth, const engine_extern *external) {
    switch (external->kind) {
    case ENGINE_FUNC: instance->func_imports[nth] = external->func; return;
    case ENGINE_TABLE: instance->tables[nth] = external->table; return;
    case ENGINE_MEMORY: instance->memories[nth] = external->memory; return;
    case ENGINE_GLOBAL: instance->globals[nth] = external->global; return;
    case ENGINE_TAG: instance->tags[nth] = external->tag; return;
    }
}

/* Adds to a list of imports, or only counts where the list is long enough already. */
static void list_import(message *list, uint32_t *count, uint32_t *listed, const engine_import *import,
                        const engine_extern_type *found) {
    ++*count;
    char entry_data[200];
    message entry = {entry_data, 0, sizeof entry_data};
    add_name(&entry, import->module);
    add(&entry, ".");
    add_name(&entry, import->name);
    if (found) {
        add(&entry, " (needs ");
        add_extern_type(&entry, &import->type);
        add(&entry, ", found ");
        add_extern_type(&entry, found);
        add(&entry, ")");
    } else {
        add(&entry, " (%s)", kind_name(import->type.kind));
    }
    if (list->size + entry.size + 2 >= list->capacity) return;
    add(list, "%s%s", *listed ? ", " : "", entry.data);
    ++*listed;
}

static void add_unlisted(message *list, uint32_t count, uint32_t listed) {
    if (count > listed) add(list, " and %" PRIu32 " more", count - listed);
}

static base_status link_failure(link_state *linker, base_error *error) {
    char missing_data[400] = "", mismatched_data[440] = "";
    message missing = {missing_data, 0, sizeof missing_data},
            mismatched = {mismatched_data, 0, sizeof mismatched_data};
    if (linker->missing_count) {
        add(&missing, "missing imports: %s", linker->missing.data);
        add_unlisted(&missing, linker->missing_count, linker->missing_listed);
        add(&missing, " (unknown import)");
    }
    if (linker->mismatch_count) {
        add(&mismatched, "%sincompatible import type: %s", linker->missing_count ? "; " : "",
            linker->mismatched.data);
        add_unlisted(&mismatched, linker->mismatch_count, linker->mismatch_listed);
    }
    return base_fail(error, BASE_UNLINKABLE, "%s%s", missing.data, mismatched.data);
}

static base_status resolve_imports(engine_instance *instance, engine_resolver resolver, void *user,
                                   base_error *error) {
    const engine_module *module = instance->module;
    link_state linker = {.instance = instance};
    linker.missing = (message){linker.missing_data, 0, sizeof linker.missing_data};
    linker.mismatched = (message){linker.mismatched_data, 0, sizeof linker.mismatched_data};
    for (uint32_t i = 0; i < module->import_count; i++) {
        const engine_import *import = &module->imports[i];
        uint32_t nth = linker.bound[import->type.kind]++;
        engine_extern external = {0};
        engine_extern_type found;
        if (!resolver || !resolver(user, import, &external)) {
            list_import(&linker.missing, &linker.missing_count, &linker.missing_listed, import, NULL);
        } else if (!type_of_extern(instance->store, &external, &found)) {
            return base_fail(error, BASE_MISUSE,
                             "import %" PRIu32 " was resolved to nothing that is in the store", i);
        } else if (!import_matches(instance, &import->type, nth, &external, &found)) {
            list_import(&linker.mismatched, &linker.mismatch_count, &linker.mismatch_listed, import, &found);
        } else {
            bind_import(instance, nth, &external);
        }
    }
    return linker.missing_count || linker.mismatch_count ? link_failure(&linker, error) : BASE_OK;
}

/* ---- Constant expressions ------------------------------------------------------------------------------ */

/* Reading what the validator has read before: nothing can fail, so nothing is checked. */
static uint32_t read_index(engine_reader *reader) {
    uint32_t value = 0;
    engine_read_u32(reader, &value);
    return value;
}

static uint64_t read_little_endian(engine_reader *reader, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) value |= (uint64_t)reader->at[i] << (8 * i);
    reader->at += size;
    return value;
}

static uint32_t read_opcode(engine_reader *reader) {
    uint32_t byte = *reader->at++;
    if (byte == 0xFC) return 0x100 + read_index(reader);
    if (byte == 0xFD) return 0x200 + read_index(reader);
    return byte;
}

/* Runs the expression on `stack` and returns the stack's top. */
static const uint64_t *run_const_expr(const engine_instance *instance, engine_const_expr expr,
                                      uint64_t *stack) {
    const uint8_t *start = instance->module->bytes + expr.offset;
    engine_reader reader = engine_reader_of((base_bytes){start, expr.size});
    uint64_t *top = stack; /* the next free cell */
    for (;;) {
        switch (read_opcode(&reader)) {
        case ENGINE_OP_I32_CONST: {
            int32_t value = 0;
            engine_read_s32(&reader, &value);
            *top++ = (uint32_t)value;
            break;
        }
        case ENGINE_OP_I64_CONST: {
            int64_t value = 0;
            engine_read_s64(&reader, &value);
            *top++ = (uint64_t)value;
            break;
        }
        case ENGINE_OP_F32_CONST: *top++ = read_little_endian(&reader, 4); break;
        case ENGINE_OP_F64_CONST: *top++ = read_little_endian(&reader, 8); break;
        case ENGINE_OP_V128_CONST:
            *top++ = read_little_endian(&reader, 8);
            *top++ = read_little_endian(&reader, 8);
            break;
        case ENGINE_OP_REF_NULL: {
            int64_t heap_type;
            engine_read_s33_long(&reader, &heap_type);
            *top++ = 0;
            break;
        }
        case ENGINE_OP_REF_FUNC: *top++ = engine_instance_func(instance, read_index(&reader)); break;
        case ENGINE_OP_GLOBAL_GET: {
            const engine_global *global = instance->globals[read_index(&reader)];
            engine_global_get(global, top);
            top += engine_cells(global->type);
            break;
        }
        case ENGINE_OP_I32_ADD: top--, top[-1] = (uint32_t)(top[-1] + top[0]); break;
        case ENGINE_OP_I32_SUB: top--, top[-1] = (uint32_t)(top[-1] - top[0]); break;
        case ENGINE_OP_I32_MUL:
            top--, top[-1] = (uint32_t)((uint64_t)(uint32_t)top[-1] * (uint32_t)top[0]);
            break;
        case ENGINE_OP_I64_ADD: top--, top[-1] += top[0]; break;
        case ENGINE_OP_I64_SUB: top--, top[-1] -= top[0]; break;
        case ENGINE_OP_I64_MUL: top--, top[-1] *= top[0]; break;
        default: return top; /* `end`: the validator lets no other instruction through */
        }
    }
}

/* The value of a constant expression, one cell or two. */
static base_status eval(const engine_instance *instance, engine_const_expr expr, uint64_t *out,
                        engine_valtype type) {
    uint64_t few[16], *stack = few;
    /* An instruction that pushes one cell has two bytes or more, one that pushes two has as many or more. */
    size_t capacity = (size_t)expr.size * 2;
    if (capacity > sizeof few / sizeof *few) {
        stack = base_alloc(instance->store->allocator, capacity * sizeof *stack);
        if (!stack) return BASE_NO_MEMORY;
    }
    const uint64_t *top = run_const_expr(instance, expr, stack);
    unsigned cells = engine_cells(type);
    memcpy(out, top - cells, cells * sizeof *out);
    if (stack != few) base_free(instance->store->allocator, stack, capacity * sizeof *stack);
    return BASE_OK;
}

/* A reference's expression is a single instruction, so it is never out of memory. */
static uint64_t eval_reference(const engine_instance *instance, engine_const_expr expr) {
    uint64_t stack[2] = {0};
    run_const_expr(instance, expr, stack);
    return stack[0];
}

/* ---- Segments ------------------------------------------------------------------------------------------ */

static bool in_range(uint64_t start, uint64_t count, uint64_t size) {
    return count <= size && start <= size - count;
}

bool engine_table_init(engine_instance *instance, uint32_t table_index, uint32_t segment_index,
                       uint64_t destination, uint64_t source, uint64_t count) {
    const engine_elem_segment *segment = &instance->module->elems[segment_index];
    engine_table *table = instance->tables[table_index];
    uint64_t size = instance->elem_dropped[segment_index] ? 0 : segment->count;
    if (!in_range(source, count, size) || !in_range(destination, count, table->size)) return false;
    for (uint64_t i = 0; i < count; i++)
        table->elements[destination + i] = segment->funcs
                                               ? engine_instance_func(instance, segment->funcs[source + i])
                                               : eval_reference(instance, segment->exprs[source + i]);
    return true;
}

bool engine_memory_init(engine_instance *instance, uint32_t memory_index, uint32_t segment_index,
                        uint64_t destination, uint64_t source, uint64_t count) {
    const engine_data_segment *segment = &instance->module->data[segment_index];
    engine_memory *memory = instance->memories[memory_index];
    uint64_t size = instance->data_dropped[segment_index] ? 0 : segment->bytes_size;
    if (!in_range(source, count, size) || !in_range(destination, count, memory->size)) return false;
    if (count)
        memcpy(memory->data + destination, instance->module->bytes + segment->bytes_offset + source,
               (size_t)count);
    return true;
}

/* An active segment's offset, which is unsigned. */
static base_status eval_offset(const engine_instance *instance, engine_const_expr expr, bool is_64,
                               uint64_t *out) {
    base_status status = eval(instance, expr, out, is_64 ? ENGINE_I64 : ENGINE_I32);
    if (!is_64) *out = engine_i32(*out);
    return status;
}

static base_status segment_trap(engine_trap_code code, const char *what, uint32_t index,
                                engine_trap_code *trap, base_error *error) {
    if (trap) *trap = code;
    return base_fail(error, BASE_INVALID, "%s: active %s segment %" PRIu32, engine_trap_text(code), what,
                     index);
}

static base_status copy_active_elems(engine_instance *instance, engine_trap_code *trap, base_error *error) {
    for (uint32_t i = 0; i < instance->module->elem_count; i++) {
        const engine_elem_segment *segment = &instance->module->elems[i];
        if (segment->mode == ENGINE_ACTIVE) {
            uint64_t offset;
            bool is_64 = instance->tables[segment->table]->limits.is_64;
            if (eval_offset(instance, segment->offset, is_64, &offset) != BASE_OK)
                return base_fail_no_memory(error);
            if (!engine_table_init(instance, segment->table, i, offset, 0, segment->count))
                return segment_trap(ENGINE_TRAP_TABLE_OUT_OF_BOUNDS, "element", i, trap, error);
        }
        if (segment->mode != ENGINE_PASSIVE) instance->elem_dropped[i] = 1;
    }
    return BASE_OK;
}

static base_status copy_active_data(engine_instance *instance, engine_trap_code *trap, base_error *error) {
    for (uint32_t i = 0; i < instance->module->data_count; i++) {
        const engine_data_segment *segment = &instance->module->data[i];
        if (segment->mode != ENGINE_ACTIVE) continue;
        uint64_t offset;
        bool is_64 = instance->memories[segment->memory]->limits.is_64;
        if (eval_offset(instance, segment->offset, is_64, &offset) != BASE_OK)
            return base_fail_no_memory(error);
        if (!engine_memory_init(instance, segment->memory, i, offset, 0, segment->bytes_size))
            return segment_trap(ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS, "data", i, trap, error);
        instance->data_dropped[i] = 1;
    }
    return BASE_OK;
}

/* ---- Instantiation ------------------------------------------------------------------------------------- */

static base_status make_globals(engine_instance *instance, base_error *error) {
    const engine_module *module = instance->module;
    uint64_t *cells = instance->global_cells;
    for (uint32_t i = module->global_import_count; i < module->global_count; i++) {
        const engine_global_def *def = &module->globals[i];
        engine_global *global = &instance->own_globals[i - module->global_import_count];
        global->cells = cells;
        global->type = engine_store_valtype(instance, def->type);
        global->is_mutable = def->is_mutable;
        if (eval(instance, def->init, cells, def->type) != BASE_OK) return base_fail_no_memory(error);
        instance->globals[i] = global;
        cells += engine_cells(def->type);
    }
    return BASE_OK;
}

static base_status make_memories(engine_instance *instance, bool is_bare, base_error *error) {
    const engine_module *module = instance->module;
    for (uint32_t i = module->memory_import_count; i < module->memory_count; i++) {
        engine_extern external;
        engine_limits_type limits = module->memories[i].limits;
        if (is_bare) limits.min = 0;
        base_status status = engine_memory_new(instance->store, limits, &external, error);
        if (status != BASE_OK) return status;
        external.memory->limits = module->memories[i].limits;
        instance->memories[i] = external.memory;
    }
    return BASE_OK;
}

static base_status make_tables(engine_instance *instance, base_error *error) {
    const engine_module *module = instance->module;
    for (uint32_t i = module->table_import_count; i < module->table_count; i++) {
        const engine_table_def *def = &module->tables[i];
        engine_extern external;
        engine_valtype element = engine_store_valtype(instance, def->element);
        base_status status = engine_table_new(instance->store, element, def->limits, &external, error);
        if (status != BASE_OK) return status;
        engine_table *table = instance->tables[i] = external.table;
        uint64_t value = def->has_init ? eval_reference(instance, def->init) : 0;
        for (uint64_t j = 0; value && j < table->size; j++) table->elements[j] = value;
    }
    return BASE_OK;
}

static void make_tags(engine_instance *instance) {
    const engine_module *module = instance->module;
    for (uint32_t i = module->tag_import_count; i < module->tag_count; i++) {
        uint32_t type_index = module->tags[i].type_index;
        engine_tag *tag = &instance->own_tags[i - module->tag_import_count];
        tag->type = &module->types[type_index];
        tag->type_id = instance->type_ids ? instance->type_ids[type_index] : ENGINE_NO_TYPE_ID;
        instance->tags[i] = tag;
    }
}

/* Makes all that the module defines and enters the instance into the store, or leaves the store as it was. */
static base_status make_definitions(engine_instance *instance, bool is_bare, base_error *error) {
    engine_store *store = instance->store;
    if (engine_store_reserve_instance(store) != BASE_OK) return base_fail_no_memory(error);
    instance->id = store->instance_count;
    const engine_memory *memories = store->memories;
    const engine_table *tables = store->tables;
    make_tags(instance);
    base_status status = make_globals(instance, error);
    if (status == BASE_OK) status = make_memories(instance, is_bare, error);
    if (status == BASE_OK) status = make_tables(instance, error);
    if (status == BASE_OK)
        store->instances[store->instance_count++] = instance;
    else
        engine_store_rewind(store, memories, tables);
    return status;
}

base_status engine_instance_link(engine_store *store, engine_module *module, bool is_bare,
                                 engine_resolver resolver, void *user, engine_instance **out,
                                 base_error *error) {
    *out = NULL;
    if (module->is_unchecked)
        return base_fail(error, BASE_MISUSE, "a module that was loaded unchecked cannot be instantiated");
    engine_instance *instance;
    if (instance_new(store, module, &instance) != BASE_OK) return base_fail_no_memory(error);
    base_status status = BASE_OK;
    if (instance->type_ids && engine_store_enter_types(instance) != BASE_OK)
        status = base_fail_no_memory(error);
    if (status == BASE_OK) status = resolve_imports(instance, resolver, user, error);
    if (status == BASE_OK) status = make_definitions(instance, is_bare, error);
    if (status == BASE_OK)
        *out = instance;
    else
        engine_instance_free(instance);
    return status;
}

base_status engine_instantiate(engine_store *store, engine_module *module, engine_resolver resolver,
                               void *user, engine_instance **out, engine_trap_code *trap, base_error *error) {
    *out = NULL;
    if (trap) *trap = ENGINE_TRAP_NONE;
    engine_instance *instance;
    base_status status = engine_instance_link(store, module, false, resolver, user, &instance, error);
    if (status != BASE_OK) return status;
    /* From here on a failure leaves the instance in the store: what was written to imported tables refers to
     * it. */
    status = copy_active_elems(instance, trap, error);
    if (status == BASE_OK) status = copy_active_data(instance, trap, error);
    if (status == BASE_OK) *out = instance;
    return status;
}

/* ---- What an instance offers --------------------------------------------------------------------------- */

uint64_t engine_instance_func(const engine_instance *instance, uint32_t func_index) {
    if (func_index < instance->module->func_import_count) return instance->func_imports[func_index];
    return engine_token(instance->id, func_index);
}

engine_module *engine_instance_module(const engine_instance *instance) {
    return instance->module;
}

bool engine_instance_export(const engine_instance *instance, base_bytes name, engine_extern *out,
                            engine_extern_type *type) {
    engine_export found;
    if (!engine_module_find_export(instance->module, name, &found)) return false;
    *out = (engine_extern){.kind = found.type.kind};
    switch (found.type.kind) {
    case ENGINE_FUNC: out->func = engine_instance_func(instance, found.index); break;
    case ENGINE_TABLE: out->table = instance->tables[found.index]; break;
    case ENGINE_MEMORY: out->memory = instance->memories[found.index]; break;
    case ENGINE_GLOBAL: out->global = instance->globals[found.index]; break;
    case ENGINE_TAG: out->tag = instance->tags[found.index]; break;
    }
    if (type) *type = found.type;
    return true;
}

uint64_t engine_instance_start(const engine_instance *instance) {
    return instance->module->has_start ? engine_instance_func(instance, instance->module->start) : 0;
}

engine_memory *engine_instance_memory(const engine_instance *instance, uint32_t index) {
    return index < instance->module->memory_count ? instance->memories[index] : NULL;
}
