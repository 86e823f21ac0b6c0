/* Owns the binary format: the sections of a module, read in order into struct engine_module, with all the
 * rules that are not about code (validate.c has those). The first rule broken, in the order of the bytes, is
 * what is reported.
 *
 * Index spaces begin with the imports. A space is made when its section is met, or passed by, since only then
 * is it known how many entries it has: after the import section, in the order of the sections, functions,
 * tables, memories, tags, globals. */
#include "engine/features.h"
#include "engine/loader.h"
#include "engine/translate.h"

#define NO_FUNCTION UINT32_MAX
#define NO_IMPORT   UINT32_MAX
/* Stands for a type's reference to itself until the whole type is known. No type has this index. */
#define SELF_TYPE (ENGINE_HEAP_ABSTRACT - 1)

uint32_t engine_features_available(void) {
    return ENGINE_FEATURES_AVAILABLE;
}

const char *engine_feature_name(engine_feature feature) {
    switch (feature) {
    case ENGINE_FEATURE_MUTABLE_GLOBALS: return "mutable-globals";
    case ENGINE_FEATURE_SIGN_EXTENSION: return "sign-extension";
    case ENGINE_FEATURE_SATURATING_CONVERSIONS: return "nontrapping-float-to-int-conversions";
    case ENGINE_FEATURE_MULTI_VALUE: return "multi-value";
    case ENGINE_FEATURE_BULK_MEMORY: return "bulk-memory";
    case ENGINE_FEATURE_REFERENCE_TYPES: return "reference-types";
    case ENGINE_FEATURE_EXTENDED_CONST: return "extended-const";
    case ENGINE_FEATURE_SIMD: return "simd";
    case ENGINE_FEATURE_RELAXED_SIMD: return "relaxed-simd";
    case ENGINE_FEATURE_TAIL_CALLS: return "tail-call";
    case ENGINE_FEATURE_MULTI_MEMORY: return "multi-memory";
    case ENGINE_FEATURE_MEMORY64: return "memory64";
    case ENGINE_FEATURE_EXCEPTIONS: return "exception-handling";
    case ENGINE_FEATURE_FUNCTION_REFERENCES: return "function-references";
    case ENGINE_FEATURE_GC: return "gc";
    case ENGINE_FEATURE_THREADS: return "threads";
    }
    return "";
}

/* ---- Reports ------------------------------------------------------------------------------------------- */

/* A function's name for a message: cut short, and free of characters that do things to a terminal. */
static void printable_name(base_bytes name, char *out, size_t size) {
    size_t length = name.size < size - 1 ? name.size : size - 1;
    while (length < name.size && length > 0 && (name.data[length] & 0xC0) == 0x80) length--;
    for (size_t i = 0; i < length; i++)
        out[i] = name.data[i] < 0x20 || name.data[i] == 0x7F ? '?' : (char)name.data[i];
    out[length] = '\0';
}

static void report_in_function(engine_loader *loader, base_status status, uint32_t offset,
                               const char *message) {
    char name[80];
    engine_load_names(loader->module);
    printable_name(engine_module_func_name(loader->module, loader->function), name, sizeof name);
    if (name[0] != '\0')
        base_fail(loader->error, status, "function %u (%s) at 0x%x: %s", loader->function, name, offset,
                  message);
    else
        base_fail(loader->error, status, "function %u at 0x%x: %s", loader->function, offset, message);
}

void engine_load_report(engine_loader *loader, base_status status, const uint8_t *at, const char *format,
                        ...) {
    base_error inner;
    va_list arguments;
    va_start(arguments, format);
    base_fail_va(&inner, status, format, arguments);
    va_end(arguments);
    loader->status = status;
    uint32_t offset = (uint32_t)(at - loader->module->bytes);
    if (loader->function != NO_FUNCTION)
        report_in_function(loader, status, offset, inner.message);
    else if (loader->section != NULL)
        base_fail(loader->error, status, "at 0x%x: %s section: %s", offset, loader->section, inner.message);
    else
        base_fail(loader->error, status, "at 0x%x: %s", offset, inner.message);
}

void engine_load_report_read(engine_loader *loader, const engine_reader *reader) {
    bool cut = strstr(reader->problem, ENGINE_UNEXPECTED_END) != NULL && reader->end != reader->module_end;
    engine_load_report(loader, BASE_MALFORMED, reader->at, "%s%s", cut ? "section size mismatch: " : "",
                       reader->problem);
}

void engine_load_report_feature(engine_loader *loader, engine_feature feature, const uint8_t *at,
                                const char *what) {
    engine_load_report(loader, BASE_UNSUPPORTED, at, "%s needs the proposal '%s', which is not enabled", what,
                       engine_feature_name(feature));
}

/* ---- Reads that report --------------------------------------------------------------------------------- */

static bool read_byte(engine_loader *loader, engine_reader *reader, uint8_t *out) {
    return engine_read_byte(reader, out) || engine_load_fail_read(loader, reader);
}

static bool read_u32(engine_loader *loader, engine_reader *reader, uint32_t *out) {
    return engine_read_u32(reader, out) || engine_load_fail_read(loader, reader);
}

static bool read_name(engine_loader *loader, engine_reader *reader, base_bytes *out) {
    return engine_read_name(reader, out) || engine_load_fail_read(loader, reader);
}

static bool check_limit(engine_loader *loader, const uint8_t *at, uint64_t count, uint32_t limit,
                        const char *what) {
    if (count <= limit) return true;
    return engine_load_fail(loader, BASE_LIMIT, at, "%llu %s are more than the limit of %u",
                            (unsigned long long)count, what, limit);
}

/* The length of a vector of things of which there may be `limit`. */
static bool read_count(engine_loader *loader, engine_reader *reader, uint32_t limit, const char *what,
                       uint32_t *out) {
    const uint8_t *at = reader->at;
    if (!engine_read_length(reader, out)) return engine_load_fail_read(loader, reader);
    return check_limit(loader, at, *out, limit, what);
}

static uint32_t offset_of(const engine_loader *loader, const uint8_t *at) {
    return (uint32_t)(at - loader->module->bytes);
}

/* ---- Sets of byte strings ------------------------------------------------------------------------------ */

/* Finds equal byte strings among many. A crit-bit tree: an inner node names the first bit in which the
 * strings on its two sides differ. What an addition costs is bounded by the string's length, whatever strings
 * are in the set, so that no module is slow to load. A string's length counts as its first four bytes; so
 * none begins another. */
#define SET_LEAF 0x80000000u

typedef struct string_set_node {
    uint32_t child[2]; /* a node, or SET_LEAF and an item */
    uint32_t byte;
    uint8_t bit; /* a mask with one bit set */
} string_set_node;

typedef struct string_set {
    base_bytes (*string)(const void *context, uint32_t item);
    const void *context;
    const base_allocator *allocator;
    string_set_node *nodes;
    uint32_t capacity, count, root;
    bool is_empty;
} string_set;

static bool string_set_init(string_set *set, const base_allocator *allocator, uint32_t capacity,
                            base_bytes (*string)(const void *context, uint32_t item), const void *context) {
    *set = (string_set){.string = string, .context = context, .allocator = allocator, .is_empty = true};
    set->nodes = base_alloc_zeroed(allocator, capacity, sizeof *set->nodes);
    set->capacity = capacity;
    return set->nodes != NULL;
}

static void string_set_free(string_set *set) {
    base_free(set->allocator, set->nodes, set->capacity * sizeof *set->nodes);
}

static uint8_t string_byte(base_bytes string, uint32_t index) {
    if (index < 4) return (uint8_t)(string.size >> (8 * index));
    return index - 4 < string.size ? string.data[index - 4] : 0;
}

static uint32_t first_difference(base_bytes a, base_bytes b) {
    uint32_t index = 0;
    while (index < a.size + 4 && string_byte(a, index) == string_byte(b, index)) index++;
    return index;
}

static uint8_t highest_bit(uint8_t value) {
    uint8_t bit = 0x80;
    while ((value & bit) == 0) bit >>= 1;
    return bit;
}

/* Adds `item` unless the set has an equal string; returns the item that has it now. */
static uint32_t string_set_add(string_set *set, uint32_t item) {
    if (set->is_empty) {
        set->is_empty = false;
        set->root = SET_LEAF | item;
        return item;
    }
    base_bytes string = set->string(set->context, item);
    uint32_t at = set->root;
    while ((at & SET_LEAF) == 0) {
        const string_set_node *node = &set->nodes[at];
        at = node->child[(string_byte(string, node->byte) & node->bit) != 0];
    }
    base_bytes nearest = set->string(set->context, at & ~SET_LEAF);
    uint32_t byte = first_difference(string, nearest);
    if (byte == string.size + 4) return at & ~SET_LEAF;
    uint8_t bit = highest_bit(string_byte(string, byte) ^ string_byte(nearest, byte));

    uint32_t *link = &set->root;
    while ((*link & SET_LEAF) == 0) {
        string_set_node *node = &set->nodes[*link];
        if (node->byte > byte || (node->byte == byte && node->bit < bit)) break;
        link = &node->child[(string_byte(string, node->byte) & node->bit) != 0];
    }
    string_set_node *added = &set->nodes[set->count];
    unsigned side = (string_byte(string, byte) & bit) != 0;
    added->byte = byte;
    added->bit = bit;
    added->child[side] = SET_LEAF | item;
    added->child[!side] = *link;
    *link = set->count++;
    return item;
}

/* ---- Types --------------------------------------------------------------------------------------------- */

static bool fail_type(engine_loader *loader, const engine_reader *reader, const char *what) {
    if (*reader->at >= 0x80)
        return engine_load_fail(loader, BASE_MALFORMED, reader->at, "integer representation too long: %s",
                                what);
    return engine_load_fail(loader, BASE_MALFORMED, reader->at, "%s 0x%02x", what, *reader->at);
}

engine_valtype engine_heap_of_code(uint8_t code) {
    switch (code) {
    case 0x70: return ENGINE_HEAP_FUNC;
    case 0x6F: return ENGINE_HEAP_EXTERN;
    case 0x73: return ENGINE_HEAP_NOFUNC;
    case 0x72: return ENGINE_HEAP_NOEXTERN;
    case 0x69: return ENGINE_HEAP_EXN;
    case 0x74: return ENGINE_HEAP_NOEXN;
    default: return 0;
    }
}

/* An abstract heap type's code; reports those that are none. The reader stays before it. */
static bool abstract_heap_type(engine_loader *loader, const engine_reader *reader, const char *what,
                               engine_valtype *out) {
    *out = engine_heap_of_code(*reader->at);
    switch (*out) {
    case ENGINE_HEAP_FUNC:
    case ENGINE_HEAP_EXTERN: return true;
    case ENGINE_HEAP_EXN:
    case ENGINE_HEAP_NOEXN:
        return engine_load_need(loader, ENGINE_FEATURE_EXCEPTIONS, reader->at, "an exception reference");
    case ENGINE_HEAP_NOFUNC:
    case ENGINE_HEAP_NOEXTERN:
        return engine_load_need(loader, ENGINE_FEATURE_FUNCTION_REFERENCES, reader->at, "an empty heap type");
    default: break;
    }
    switch (*reader->at) {
    case 0x6A:
    case 0x6B:
    case 0x6C:
    case 0x6D:
    case 0x6E:
    case 0x71: return engine_load_refuse(loader, ENGINE_FEATURE_GC, reader->at, "a heap type of objects");
    default: return fail_type(loader, reader, what);
    }
}

bool engine_read_heap_type(engine_loader *loader, engine_reader *reader, engine_valtype *out) {
    const uint8_t *at = reader->at;
    engine_valtype heap;
    int64_t index;
    if (at == reader->end) {
        reader->problem = ENGINE_UNEXPECTED_END;
        return engine_load_fail_read(loader, reader);
    }
    if (*at >= 0x40 && *at < 0x80) {
        if (!abstract_heap_type(loader, reader, "malformed heap type", &heap)) return false;
        reader->at++;
    } else {
        if (!engine_read_s33_long(reader, &index)) return engine_load_fail_read(loader, reader);
        if (index < 0) return engine_load_fail(loader, BASE_MALFORMED, at, "malformed heap type");
        if (index >= loader->module->type_count)
            return engine_load_fail(loader, BASE_INVALID, at, "unknown type %u", (unsigned)index);
        if (!engine_load_need(loader, ENGINE_FEATURE_FUNCTION_REFERENCES, at,
                              "a reference to a function type"))
            return false;
        heap = loader->module->canonical_types[index];
    }
    *out = ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE | heap;
    return true;
}

/* A reference type; that of functions is WebAssembly 1.0 where it is a table's element type. */
static bool read_reftype(engine_loader *loader, engine_reader *reader, engine_valtype *out) {
    const uint8_t *at = reader->at;
    if (at < reader->end && (*at == 0x63 || *at == 0x64)) {
        if (!engine_load_need(loader, ENGINE_FEATURE_FUNCTION_REFERENCES, at, "a typed reference"))
            return false;
        reader->at++;
        if (!engine_read_heap_type(loader, reader, out)) return false;
        if (*at == 0x64) *out &= ~ENGINE_TYPE_NULLABLE;
        return true;
    }
    if (at == reader->end) {
        reader->problem = ENGINE_UNEXPECTED_END;
        return engine_load_fail_read(loader, reader);
    }
    if (!abstract_heap_type(loader, reader, "malformed reference type", out)) return false;
    reader->at++;
    *out |= ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE;
    return *out == ENGINE_FUNCREF || *at != 0x6F ||
           engine_load_need(loader, ENGINE_FEATURE_REFERENCE_TYPES, at, "externref");
}

bool engine_read_valtype(engine_loader *loader, engine_reader *reader, engine_valtype *out) {
    const uint8_t *at = reader->at;
    if (at < reader->end && *at >= ENGINE_V128 && *at <= ENGINE_I32) {
        *out = *at;
        reader->at++;
        return *out != ENGINE_V128 || engine_load_need(loader, ENGINE_FEATURE_SIMD, at, "v128");
    }
    if (!read_reftype(loader, reader, out)) return false;
    return *out != ENGINE_FUNCREF || engine_load_need(loader, ENGINE_FEATURE_REFERENCE_TYPES, at, "funcref");
}

static bool read_limits(engine_loader *loader, engine_reader *reader, bool is_memory,
                        engine_limits_type *out) {
    const uint8_t *at = reader->at;
    uint8_t flags;
    if (!read_byte(loader, reader, &flags)) return false;
    if (is_memory && (flags & ~7u) == 0 && (flags & 2) != 0)
        return engine_load_refuse(loader, ENGINE_FEATURE_THREADS, at, "a shared memory");
    if ((flags & ~5u) != 0)
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed limits flags 0x%02x", flags);
    *out = (engine_limits_type){.max = UINT64_MAX, .has_max = (flags & 1) != 0, .is_64 = (flags & 4) != 0};
    if (out->is_64 &&
        !engine_load_need(loader, ENGINE_FEATURE_MEMORY64, at,
                          is_memory ? "a memory with 64-bit addresses" : "a table with 64-bit indices"))
        return false;
    at = reader->at;
    if (!engine_read_u64(reader, &out->min) || (out->has_max && !engine_read_u64(reader, &out->max)))
        return engine_load_fail_read(loader, reader);
    uint64_t largest = out->has_max && out->max > out->min ? out->max : out->min;
    if (is_memory && !out->is_64 && largest > 65536)
        return engine_load_fail(loader, BASE_INVALID, at, "memory size must be at most 65536 pages (4 GiB)");
    if (is_memory && largest > (uint64_t)1 << 48)
        return engine_load_fail(loader, BASE_INVALID, at, "memory size must be at most 2^48 pages");
    if (!is_memory && !out->is_64 && largest > UINT32_MAX)
        return engine_load_fail(loader, BASE_INVALID, at, "table size must be at most 2^32 - 1 elements");
    if (out->min > out->max)
        return engine_load_fail(loader, BASE_INVALID, at, "size minimum must not be greater than maximum");
    return true;
}

static bool read_tabletype(engine_loader *loader, engine_reader *reader, engine_table_def *out) {
    return read_reftype(loader, reader, &out->element) && read_limits(loader, reader, false, &out->limits);
}

static bool read_globaltype(engine_loader *loader, engine_reader *reader, engine_valtype *type,
                            bool *is_mutable) {
    if (!engine_read_valtype(loader, reader, type)) return false;
    const uint8_t *at = reader->at;
    uint8_t mutability;
    if (!read_byte(loader, reader, &mutability)) return false;
    if (mutability > 1)
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed mutability 0x%02x", mutability);
    *is_mutable = mutability == 1;
    return true;
}

static bool read_type_index(engine_loader *loader, engine_reader *reader, uint32_t *out) {
    const uint8_t *at = reader->at;
    if (!read_u32(loader, reader, out)) return false;
    if (*out >= loader->module->type_count)
        return engine_load_fail(loader, BASE_INVALID, at, "unknown type %u", *out);
    return true;
}

static bool read_tagtype(engine_loader *loader, engine_reader *reader, uint32_t *type_index) {
    const uint8_t *at = reader->at;
    uint8_t attribute;
    if (!engine_load_need(loader, ENGINE_FEATURE_EXCEPTIONS, at, "a tag") ||
        !read_byte(loader, reader, &attribute))
        return false;
    if (attribute != 0) return engine_load_fail(loader, BASE_MALFORMED, at, "zero byte expected");
    at = reader->at;
    if (!read_type_index(loader, reader, type_index)) return false;
    if (loader->module->types[*type_index].result_count != 0)
        return engine_load_fail(loader, BASE_INVALID, at, "non-empty tag result type");
    return true;
}

/* ---- Type section -------------------------------------------------------------------------------------- */

/* While the section is read. A type's words are the number of its parameters, the parameters and the results,
 * so that types are equal where their words are. */
typedef struct type_list {
    base_buffer words;
    uint32_t *starts; /* of each type in `words`, in words; and where the last one ends */
    uint32_t capacity;
    bool has_self_reference;
} type_list;

static base_bytes type_words(const void *context, uint32_t item) {
    const type_list *list = context;
    const uint8_t *words = list->words.data;
    return (base_bytes){words + (size_t)list->starts[item] * 4,
                        (size_t)(list->starts[item + 1] - list->starts[item]) * 4};
}

static bool read_result_type(engine_loader *loader, engine_reader *reader, type_list *list, uint32_t limit,
                             const char *what, uint32_t *count) {
    if (!read_count(loader, reader, limit, what, count)) return false;
    for (uint32_t i = 0; i < *count; i++) {
        engine_valtype type;
        if (!engine_read_valtype(loader, reader, &type)) return false;
        if (engine_is_ref(type) && (type & ENGINE_HEAP_MASK) == SELF_TYPE) list->has_self_reference = true;
        if (base_buffer_append(&list->words, &type, sizeof type) != BASE_OK)
            return engine_load_no_memory(loader);
    }
    return true;
}

static bool read_functype(engine_loader *loader, engine_reader *reader, type_list *list,
                          engine_functype *out) {
    size_t start = list->words.size;
    uint32_t zero = 0;
    if (base_buffer_append(&list->words, &zero, sizeof zero) != BASE_OK) return engine_load_no_memory(loader);
    if (!read_result_type(loader, reader, list, ENGINE_MAX_PARAMS, "parameters", &out->param_count))
        return false;
    const uint8_t *at = reader->at;
    if (!read_result_type(loader, reader, list, ENGINE_MAX_RESULTS, "results", &out->result_count))
        return false;
    memcpy(list->words.data + start, &out->param_count, sizeof out->param_count);
    return out->result_count <= 1 ||
           engine_load_need(loader, ENGINE_FEATURE_MULTI_VALUE, at, "a function with several results");
}

/* What precedes the one form of type there is without garbage collection: nothing, "final, with no
 * supertypes" (which means the same), or a group of one (likewise). */
static bool read_type_prefix(engine_loader *loader, engine_reader *reader) {
    const uint8_t *at = reader->at;
    uint32_t count;
    if (at < reader->end && *at == 0x4E) {
        reader->at++;
        if (!read_u32(loader, reader, &count)) return false;
        if (count != 1)
            return engine_load_refuse(loader, ENGINE_FEATURE_GC, at, "a group of recursive types");
    }
    at = reader->at;
    if (at < reader->end && *at == 0x50)
        return engine_load_refuse(loader, ENGINE_FEATURE_GC, at, "a type with subtypes");
    if (at < reader->end && *at == 0x4F) {
        reader->at++;
        if (!read_u32(loader, reader, &count)) return false;
        if (count != 0) return engine_load_refuse(loader, ENGINE_FEATURE_GC, at, "a type with a supertype");
    }
    return true;
}

static bool read_type(engine_loader *loader, engine_reader *reader, type_list *list, engine_functype *out) {
    const uint8_t *start = reader->at;
    if (!read_type_prefix(loader, reader)) return false;
    if (reader->at != start && !engine_load_need(loader, ENGINE_FEATURE_FUNCTION_REFERENCES, start,
                                                 "a type declared as final or recursive"))
        return false;
    const uint8_t *at = reader->at;
    uint8_t form;
    if (!read_byte(loader, reader, &form)) return false;
    if (form == 0x5E || form == 0x5F)
        return engine_load_refuse(loader, ENGINE_FEATURE_GC, at,
                                  form == 0x5E ? "an array type" : "a struct type");
    reader->at = at;
    if (form != 0x60) return fail_type(loader, reader, "malformed definition type");
    reader->at++;
    return read_functype(loader, reader, list, out);
}

static bool read_types(engine_loader *loader, engine_reader *reader, type_list *list, string_set *set,
                       uint32_t count) {
    engine_module *module = loader->module;
    for (uint32_t i = 0; i < count; i++) {
        module->canonical_types[i] = SELF_TYPE;
        module->type_count = i + 1;
        if (!read_type(loader, reader, list, &module->types[i])) return false;
        list->starts[i + 1] = (uint32_t)(list->words.size / 4);
        module->canonical_types[i] = string_set_add(set, i);
    }
    return true;
}

static uint32_t count_cells(const engine_valtype *types, uint32_t count) {
    uint32_t cells = 0;
    for (uint32_t i = 0; i < count; i++) cells += engine_cells(types[i]);
    return cells;
}

/* Gives the types their parameters and results, now that the words stay where they are. */
static bool keep_types(engine_loader *loader, const type_list *list) {
    engine_module *module = loader->module;
    uint32_t *words = engine_load_new(loader, list->words.size, 1);
    if (words == NULL) return false;
    if (list->words.size > 0) memcpy(words, list->words.data, list->words.size);
    for (uint32_t i = 0; i < module->type_count; i++) {
        engine_functype *type = &module->types[i];
        uint32_t *own = words + list->starts[i] + 1;
        uint32_t count = type->param_count + type->result_count;
        for (uint32_t j = 0; list->has_self_reference && j < count; j++)
            if (engine_is_ref(own[j]) && (own[j] & ENGINE_HEAP_MASK) == SELF_TYPE)
                own[j] = (own[j] & ~ENGINE_HEAP_MASK) | module->canonical_types[i];
        type->params = own;
        type->results = own + type->param_count;
        type->param_cells = count_cells(type->params, type->param_count);
        type->result_cells = count_cells(type->results, type->result_count);
    }
    return true;
}

static bool read_type_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_TYPES, "types", &count)) return false;
    module->types = engine_load_new(loader, count, sizeof *module->types);
    if (module->types == NULL) return false;
    module->canonical_types = engine_load_new(loader, count, sizeof *module->canonical_types);
    if (module->canonical_types == NULL) return false;

    type_list list = {.capacity = count + 1};
    string_set set = {0};
    base_buffer_init(&list.words, module->allocator);
    list.starts = base_alloc_zeroed(module->allocator, list.capacity, sizeof *list.starts);
    bool ok = list.starts != NULL && string_set_init(&set, module->allocator, count, type_words, &list);
    if (!ok)
        engine_load_no_memory(loader);
    else
        ok = read_types(loader, reader, &list, &set, count) && keep_types(loader, &list);
    string_set_free(&set);
    base_free(module->allocator, list.starts, list.capacity * sizeof *list.starts);
    base_buffer_free(&list.words);
    return ok;
}

/* ---- Imports and index spaces -------------------------------------------------------------------------- */

static bool read_import_type(engine_loader *loader, engine_reader *reader, engine_extern_type *out) {
    const uint8_t *at = reader->at;
    engine_table_def table;
    uint32_t type_index;
    uint8_t kind;
    if (!read_byte(loader, reader, &kind)) return false;
    out->kind = (engine_kind)kind;
    switch (kind) {
    case ENGINE_FUNC:
        if (!read_type_index(loader, reader, &type_index)) return false;
        out->func = &loader->module->types[type_index];
        return true;
    case ENGINE_TABLE:
        if (!read_tabletype(loader, reader, &table)) return false;
        out->value = table.element;
        out->limits = table.limits;
        return true;
    case ENGINE_MEMORY: return read_limits(loader, reader, true, &out->limits);
    case ENGINE_GLOBAL:
        if (!read_globaltype(loader, reader, &out->value, &out->is_mutable)) return false;
        return !out->is_mutable ||
               engine_load_need(loader, ENGINE_FEATURE_MUTABLE_GLOBALS, at, "the import of a mutable global");
    case ENGINE_TAG:
        if (!read_tagtype(loader, reader, &type_index)) return false;
        out->func = &loader->module->types[type_index];
        return true;
    default: return engine_load_fail(loader, BASE_MALFORMED, at, "malformed import kind 0x%02x", kind);
    }
}

static bool read_import_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_IMPORTS, "imports", &count)) return false;
    module->imports = engine_load_new(loader, count, sizeof *module->imports);
    if (module->imports == NULL) return false;
    for (uint32_t i = 0; i < count; i++) {
        engine_import *import = &module->imports[i];
        if (!read_name(loader, reader, &import->module) || !read_name(loader, reader, &import->name) ||
            !read_import_type(loader, reader, &import->type))
            return false;
        module->import_count++;
        switch (import->type.kind) {
        case ENGINE_FUNC: module->func_import_count++; break;
        case ENGINE_TABLE: module->table_import_count++; break;
        case ENGINE_MEMORY: module->memory_import_count++; break;
        case ENGINE_GLOBAL: module->global_import_count++; break;
        case ENGINE_TAG: module->tag_import_count++; break;
        }
    }
    return true;
}

static void set_func(engine_loader *loader, uint32_t index, uint32_t type_index, uint32_t import) {
    engine_module *module = loader->module;
    engine_func *func = &module->funcs[index];
    atomic_init(&func->entry, NULL);
    atomic_init(&func->code, NULL);
    func->module = module;
    func->index = index;
    func->type_index = type_index;
    func->canonical = module->canonical_types[type_index];
    func->import = import;
}

/* Puts the imports of one kind at the head of its index space. */
static void fill_imports(engine_loader *loader, engine_kind kind) {
    engine_module *module = loader->module;
    uint32_t index = 0;
    for (uint32_t i = 0; i < module->import_count; i++) {
        const engine_extern_type *type = &module->imports[i].type;
        if (type->kind != kind) continue;
        switch (kind) {
        case ENGINE_FUNC: set_func(loader, index, (uint32_t)(type->func - module->types), i); break;
        case ENGINE_TABLE:
            module->tables[index] =
                (engine_table_def){.element = type->value, .limits = type->limits, .import = i};
            break;
        case ENGINE_MEMORY:
            module->memories[index] = (engine_memory_def){.limits = type->limits, .import = i};
            break;
        case ENGINE_GLOBAL:
            module->globals[index] =
                (engine_global_def){.type = type->value, .is_mutable = type->is_mutable, .import = i};
            break;
        case ENGINE_TAG:
            module->tags[index] =
                (engine_tag_def){.type_index = (uint32_t)(type->func - module->types), .import = i};
            break;
        }
        index++;
    }
}

/* An index space's room and limits; what the spaces have in common. */
static bool make_space(engine_loader *loader, engine_kind kind, const uint8_t *at, uint32_t defined) {
    engine_module *module = loader->module;
    switch (kind) {
    case ENGINE_FUNC: {
        uint32_t count = module->func_import_count + defined;
        if (!check_limit(loader, at, count, ENGINE_MAX_FUNCTIONS, "functions")) return false;
        module->funcs = engine_load_new(loader, count, sizeof *module->funcs);
        if (module->funcs == NULL) return false;
        loader->declared = base_alloc_zeroed(module->allocator, count, 1);
        if (loader->declared == NULL) return engine_load_no_memory(loader);
        module->func_count = count;
        break;
    }
    case ENGINE_TABLE:
        module->table_count = module->table_import_count + defined;
        if (!check_limit(loader, at, module->table_count, ENGINE_MAX_TABLES, "tables")) return false;
        if (module->table_count > 1 &&
            !engine_load_need(loader, ENGINE_FEATURE_REFERENCE_TYPES, at, "a module with several tables"))
            return false;
        module->tables = engine_load_new(loader, module->table_count, sizeof *module->tables);
        if (module->tables == NULL) return false;
        break;
    case ENGINE_MEMORY:
        module->memory_count = module->memory_import_count + defined;
        if (!check_limit(loader, at, module->memory_count, ENGINE_MAX_MEMORIES, "memories")) return false;
        if (module->memory_count > 1 &&
            !engine_load_need(loader, ENGINE_FEATURE_MULTI_MEMORY, at, "a module with several memories"))
            return false;
        module->memories = engine_load_new(loader, module->memory_count, sizeof *module->memories);
        if (module->memories == NULL) return false;
        break;
    case ENGINE_GLOBAL: {
        uint32_t count = module->global_import_count + defined;
        if (!check_limit(loader, at, count, ENGINE_MAX_GLOBALS, "globals")) return false;
        module->globals = engine_load_new(loader, count, sizeof *module->globals);
        if (module->globals == NULL) return false;
        module->global_count = module->global_import_count; /* a global's initialiser sees those before it */
        break;
    }
    case ENGINE_TAG:
        module->tag_count = module->tag_import_count + defined;
        if (!check_limit(loader, at, module->tag_count, ENGINE_MAX_TAGS, "tags")) return false;
        module->tags = engine_load_new(loader, module->tag_count, sizeof *module->tags);
        if (module->tags == NULL) return false;
        break;
    }
    fill_imports(loader, kind);
    return true;
}

/* ---- Sections of definitions --------------------------------------------------------------------------- */

static bool read_function_section(engine_loader *loader, engine_reader *reader) {
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_FUNCTIONS, "functions", &count) ||
        !make_space(loader, ENGINE_FUNC, at, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t type_index;
        if (!read_type_index(loader, reader, &type_index)) return false;
        set_func(loader, loader->module->func_import_count + i, type_index, NO_IMPORT);
    }
    return true;
}

static bool read_table(engine_loader *loader, engine_reader *reader, engine_table_def *out) {
    const uint8_t *at = reader->at;
    if (at < reader->end && *at == 0x40) {
        uint8_t zero;
        if (!engine_load_need(loader, ENGINE_FEATURE_FUNCTION_REFERENCES, at, "a table with an initialiser"))
            return false;
        reader->at++;
        if (!read_byte(loader, reader, &zero)) return false;
        if (zero != 0) return engine_load_fail(loader, BASE_MALFORMED, at + 1, "zero byte expected");
        out->has_init = true;
    }
    if (!read_tabletype(loader, reader, out)) return false;
    if (out->has_init) {
        /* A table's initialiser sees the imported globals alone. Where there are more, their section makes
         * the space again; this one is then left to be freed with the module. */
        if (loader->module->globals == NULL && !make_space(loader, ENGINE_GLOBAL, at, 0)) return false;
        return engine_validate_const(loader, reader, out->element, &out->init);
    }
    if ((out->element & ENGINE_TYPE_NULLABLE) == 0)
        return engine_load_fail(loader, BASE_INVALID, at, "type mismatch: a table of %s needs an initialiser",
                                engine_type_name(out->element).text);
    return true;
}

static bool read_table_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_TABLES, "tables", &count) ||
        !make_space(loader, ENGINE_TABLE, at, count))
        return false;
    for (uint32_t i = module->table_import_count; i < module->table_count; i++) {
        module->tables[i].import = NO_IMPORT;
        if (!read_table(loader, reader, &module->tables[i])) return false;
    }
    return true;
}

static bool read_memory_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_MEMORIES, "memories", &count) ||
        !make_space(loader, ENGINE_MEMORY, at, count))
        return false;
    for (uint32_t i = module->memory_import_count; i < module->memory_count; i++) {
        module->memories[i].import = NO_IMPORT;
        if (!read_limits(loader, reader, true, &module->memories[i].limits)) return false;
    }
    return true;
}

static bool read_tag_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!engine_load_need(loader, ENGINE_FEATURE_EXCEPTIONS, at, "a tag section") ||
        !read_count(loader, reader, ENGINE_MAX_TAGS, "tags", &count) ||
        !make_space(loader, ENGINE_TAG, at, count))
        return false;
    for (uint32_t i = module->tag_import_count; i < module->tag_count; i++) {
        module->tags[i].import = NO_IMPORT;
        if (!read_tagtype(loader, reader, &module->tags[i].type_index)) return false;
    }
    return true;
}

static bool read_global_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_GLOBALS, "globals", &count) ||
        !make_space(loader, ENGINE_GLOBAL, at, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        engine_global_def *global = &module->globals[module->global_count];
        global->import = NO_IMPORT;
        if (!read_globaltype(loader, reader, &global->type, &global->is_mutable) ||
            !engine_validate_const(loader, reader, global->type, &global->init))
            return false;
        global->cell = i ? global[-1].cell + engine_cells(global[-1].type) : 0;
        module->global_count++;
    }
    return true;
}

static base_bytes export_name(const void *context, uint32_t item) {
    const engine_module *module = context;
    return module->exports[item].name;
}

static const char *const kind_names[] = {"function", "table", "memory", "global", "tag"};

static bool read_export(engine_loader *loader, engine_reader *reader, engine_export *out) {
    engine_module *module = loader->module;
    if (!read_name(loader, reader, &out->name)) return false;
    const uint8_t *at = reader->at;
    uint8_t kind;
    if (!read_byte(loader, reader, &kind)) return false;
    if (kind > ENGINE_TAG)
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed export kind 0x%02x", kind);
    at = reader->at;
    if (!read_u32(loader, reader, &out->index)) return false;
    if (out->index >= engine_module_count(module, (engine_kind)kind))
        return engine_load_fail(loader, BASE_INVALID, at, "unknown %s %u", kind_names[kind], out->index);
    out->type = engine_module_type(module, (engine_kind)kind, out->index);
    if (kind == ENGINE_FUNC) loader->declared[out->index] = 1;
    return kind != ENGINE_GLOBAL || !out->type.is_mutable ||
           engine_load_need(loader, ENGINE_FEATURE_MUTABLE_GLOBALS, at, "the export of a mutable global");
}

static bool read_exports(engine_loader *loader, engine_reader *reader, string_set *names, uint32_t count) {
    engine_module *module = loader->module;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = reader->at;
        if (!read_export(loader, reader, &module->exports[i])) return false;
        module->export_count++;
        if (string_set_add(names, i) != i) {
            char name[80];
            printable_name(module->exports[i].name, name, sizeof name);
            return engine_load_fail(loader, BASE_INVALID, at, "duplicate export name \"%s\"", name);
        }
    }
    return true;
}

static bool read_export_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_EXPORTS, "exports", &count)) return false;
    module->exports = engine_load_new(loader, count, sizeof *module->exports);
    if (module->exports == NULL) return false;
    string_set names;
    if (!string_set_init(&names, module->allocator, count, export_name, module))
        return engine_load_no_memory(loader);
    bool ok = read_exports(loader, reader, &names, count);
    string_set_free(&names);
    return ok;
}

static bool read_function_index(engine_loader *loader, engine_reader *reader, uint32_t *out) {
    const uint8_t *at = reader->at;
    if (!read_u32(loader, reader, out)) return false;
    if (*out >= loader->module->func_count)
        return engine_load_fail(loader, BASE_INVALID, at, "unknown function %u", *out);
    return true;
}

static bool read_start_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    if (!read_function_index(loader, reader, &module->start)) return false;
    const engine_functype *type = &module->types[module->funcs[module->start].type_index];
    if (type->param_count != 0 || type->result_count != 0)
        return engine_load_fail(loader, BASE_INVALID, at,
                                "start function %u must take nothing and return nothing", module->start);
    module->has_start = true;
    return true;
}

/* ---- Segments ------------------------------------------------------------------------------------------ */

/* An element segment's kind is three bits: passive or declarative; an index (active) or declarative (else);
 * and expressions rather than function indices. */
enum { ELEM_NOT_ACTIVE = 1, ELEM_INDEX_OR_DECLARATIVE = 2, ELEM_EXPRESSIONS = 4 };

static bool read_elem_target(engine_loader *loader, engine_reader *reader, uint32_t flags,
                             engine_elem_segment *out) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    if ((flags & ELEM_NOT_ACTIVE) != 0) {
        out->mode = (flags & ELEM_INDEX_OR_DECLARATIVE) != 0 ? ENGINE_DECLARATIVE : ENGINE_PASSIVE;
        return true;
    }
    out->mode = ENGINE_ACTIVE;
    if ((flags & ELEM_INDEX_OR_DECLARATIVE) != 0 && !read_u32(loader, reader, &out->table)) return false;
    if (out->table >= module->table_count)
        return engine_load_fail(loader, BASE_INVALID, at, "unknown table %u", out->table);
    engine_valtype address = module->tables[out->table].limits.is_64 ? ENGINE_I64 : ENGINE_I32;
    return engine_validate_const(loader, reader, address, &out->offset);
}

/* Function references, none of them null: what segments of indices hold. */
#define ELEM_FUNCTIONS (ENGINE_FUNCREF & ~ENGINE_TYPE_NULLABLE)

static bool read_elem_type(engine_loader *loader, engine_reader *reader, uint32_t flags,
                           engine_elem_segment *out) {
    const uint8_t *at = reader->at;
    uint8_t kind;
    out->type = (flags & ELEM_EXPRESSIONS) != 0 ? ENGINE_FUNCREF : ELEM_FUNCTIONS;
    if ((flags & (ELEM_NOT_ACTIVE | ELEM_INDEX_OR_DECLARATIVE)) == 0)
        return true; /* the type is not written */
    if ((flags & ELEM_EXPRESSIONS) != 0) return read_reftype(loader, reader, &out->type);
    if (!read_byte(loader, reader, &kind)) return false;
    return kind == 0 || engine_load_fail(loader, BASE_MALFORMED, at, "malformed element kind 0x%02x", kind);
}

static bool read_elem_functions(engine_loader *loader, engine_reader *reader, engine_elem_segment *out) {
    uint32_t *funcs = engine_load_new(loader, out->count, sizeof *funcs);
    if (funcs == NULL) return false;
    for (uint32_t i = 0; i < out->count; i++) {
        if (!read_function_index(loader, reader, &funcs[i])) return false;
        loader->declared[funcs[i]] = 1;
    }
    out->funcs = funcs;
    return true;
}

static bool read_elem_expressions(engine_loader *loader, engine_reader *reader, engine_elem_segment *out) {
    engine_const_expr *exprs = engine_load_new(loader, out->count, sizeof *exprs);
    if (exprs == NULL) return false;
    for (uint32_t i = 0; i < out->count; i++)
        if (!engine_validate_const(loader, reader, out->type, &exprs[i])) return false;
    out->exprs = exprs;
    return true;
}

static bool read_elem(engine_loader *loader, engine_reader *reader, engine_elem_segment *out) {
    const uint8_t *at = reader->at;
    uint32_t flags;
    if (!read_u32(loader, reader, &flags)) return false;
    if (flags > 7)
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed element segment kind %u", flags);
    if (flags != 0 &&
        !engine_load_need(loader, ENGINE_FEATURE_BULK_MEMORY, at, "this form of element segment"))
        return false;
    if (!read_elem_target(loader, reader, flags, out) || !read_elem_type(loader, reader, flags, out))
        return false;
    if (out->mode == ENGINE_ACTIVE &&
        !engine_type_matches(out->type, loader->module->tables[out->table].element))
        return engine_load_fail(loader, BASE_INVALID, at, "type mismatch: a segment of %s for a table of %s",
                                engine_type_name(out->type).text,
                                engine_type_name(loader->module->tables[out->table].element).text);
    if (!read_count(loader, reader, ENGINE_MAX_ELEM_ENTRIES, "elements", &out->count)) return false;
    return (flags & ELEM_EXPRESSIONS) != 0 ? read_elem_expressions(loader, reader, out)
                                           : read_elem_functions(loader, reader, out);
}

static bool read_elem_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_ELEM_SEGMENTS, "element segments", &count)) return false;
    module->elems = engine_load_new(loader, count, sizeof *module->elems);
    if (module->elems == NULL) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_elem(loader, reader, &module->elems[i])) return false;
    module->elem_count = count;
    return true;
}

static bool read_data_count_section(engine_loader *loader, engine_reader *reader) {
    const uint8_t *at = reader->at;
    if (!engine_load_need(loader, ENGINE_FEATURE_BULK_MEMORY, at, "a data count section")) return false;
    loader->has_data_count = true;
    return read_u32(loader, reader, &loader->data_count) &&
           check_limit(loader, at, loader->data_count, ENGINE_MAX_DATA_SEGMENTS, "data segments");
}

static bool read_data(engine_loader *loader, engine_reader *reader, engine_data_segment *out) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t flags;
    if (!read_u32(loader, reader, &flags)) return false;
    if (flags > 2)
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed data segment kind %u", flags);
    if (flags != 0 && !engine_load_need(loader, ENGINE_FEATURE_BULK_MEMORY, at, "this form of data segment"))
        return false;
    out->mode = flags == 1 ? ENGINE_PASSIVE : ENGINE_ACTIVE;
    at = reader->at;
    if (flags == 2 && !read_u32(loader, reader, &out->memory)) return false;
    if (out->mode == ENGINE_ACTIVE) {
        if (out->memory >= module->memory_count)
            return engine_load_fail(loader, BASE_INVALID, at, "unknown memory %u", out->memory);
        engine_valtype address = module->memories[out->memory].limits.is_64 ? ENGINE_I64 : ENGINE_I32;
        if (!engine_validate_const(loader, reader, address, &out->offset)) return false;
    }
    base_bytes bytes;
    if (!engine_read_length(reader, &out->bytes_size) || !engine_read_bytes(reader, out->bytes_size, &bytes))
        return engine_load_fail_read(loader, reader);
    out->bytes_offset = offset_of(loader, bytes.data);
    return true;
}

static bool check_data_count(engine_loader *loader, const uint8_t *at, uint32_t found) {
    if (!loader->has_data_count || found == loader->data_count) return true;
    return engine_load_fail(
        loader, BASE_MALFORMED, at,
        "data count and data section have inconsistent lengths: %u segments announced, %u there",
        loader->data_count, found);
}

static bool read_data_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    uint32_t count;
    if (!read_count(loader, reader, ENGINE_MAX_DATA_SEGMENTS, "data segments", &count) ||
        !check_data_count(loader, at, count))
        return false;
    module->data = engine_load_new(loader, count, sizeof *module->data);
    if (module->data == NULL) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_data(loader, reader, &module->data[i])) return false;
    module->data_count = count;
    return true;
}

/* ---- Code ---------------------------------------------------------------------------------------------- */

static bool fail_code_count(engine_loader *loader, const uint8_t *at) {
    return engine_load_fail(loader, BASE_MALFORMED, at,
                            "function and code section have inconsistent lengths: %u functions, %u bodies",
                            loader->module->func_count - loader->module->func_import_count,
                            loader->code_count);
}

static bool read_body(engine_loader *loader, engine_reader *reader, engine_func *func) {
    const uint8_t *at = reader->at;
    if (!engine_read_length(reader, &func->body_size)) return engine_load_fail_read(loader, reader);
    func->body_offset = offset_of(loader, reader->at);
    loader->function = func->index;
    bool ok = check_limit(loader, at, func->body_size, ENGINE_MAX_BODY_SIZE, "bytes of code") &&
              (loader->skips_bodies || engine_validate_body(loader, reader, func));
    loader->function = ok ? NO_FUNCTION : loader->function;
    reader->at += func->body_size;
    return ok;
}

static bool read_code_section(engine_loader *loader, engine_reader *reader) {
    engine_module *module = loader->module;
    const uint8_t *at = reader->at;
    if (!read_count(loader, reader, ENGINE_MAX_FUNCTIONS, "functions", &loader->code_count)) return false;
    if (loader->code_count > module->func_count - module->func_import_count)
        return fail_code_count(loader, at);
    engine_validate_begin_code(loader);
    for (uint32_t i = 0; i < loader->code_count; i++)
        if (!read_body(loader, reader, &module->funcs[module->func_import_count + i])) return false;
    return true;
}

/* ---- The module ---------------------------------------------------------------------------------------- */

static bool skip_custom_section(engine_loader *loader, engine_reader *reader) {
    base_bytes name;
    if (!read_name(loader, reader, &name)) return false;
    reader->at = reader->end;
    return true;
}

typedef struct section_kind {
    const char *name;
    bool (*read)(engine_loader *loader, engine_reader *reader);
    unsigned rank; /* sections come in the order of their ranks; 0 comes anywhere */
} section_kind;

enum { RANK_FUNCTION = 3, RANK_END = 14 };

static const section_kind section_kinds[] = {
    {"custom", skip_custom_section, 0},
    {"type", read_type_section, 1},
    {"import", read_import_section, 2},
    {"function", read_function_section, RANK_FUNCTION},
    {"table", read_table_section, 4},
    {"memory", read_memory_section, 5},
    {"global", read_global_section, 7},
    {"export", read_export_section, 8},
    {"start", read_start_section, 9},
    {"element", read_elem_section, 10},
    {"code", read_code_section, 12},
    {"data", read_data_section, 13},
    {"data count", read_data_count_section, 11},
    {"tag", read_tag_section, 6},
};

/* Does what the sections between the last one, of rank `from`, and the next, of rank `to`, would have done if
 * they were there and empty. */
static bool pass_absent_sections(engine_loader *loader, const uint8_t *at, unsigned from, unsigned to) {
    static const engine_kind spaces[] = {ENGINE_FUNC, ENGINE_TABLE, ENGINE_MEMORY, ENGINE_TAG, ENGINE_GLOBAL};
    for (unsigned rank = from + 1; rank < to; rank++) {
        if (rank >= RANK_FUNCTION && rank < RANK_FUNCTION + 5 &&
            !make_space(loader, spaces[rank - RANK_FUNCTION], at, 0))
            return false;
    }
    return true;
}

static bool read_section(engine_loader *loader, engine_reader *reader, unsigned *rank) {
    const uint8_t *at = reader->at;
    uint8_t id;
    uint32_t size;
    loader->section = NULL;
    if (!read_byte(loader, reader, &id)) return false;
    if (id >= sizeof section_kinds / sizeof section_kinds[0])
        return engine_load_fail(loader, BASE_MALFORMED, at, "malformed section id %u", id);
    const section_kind *kind = &section_kinds[id];
    loader->section = kind->name;
    if (!engine_read_length(reader, &size)) return engine_load_fail_read(loader, reader);
    if (kind->rank != 0) {
        if (kind->rank <= *rank)
            return engine_load_fail(loader, BASE_MALFORMED, at,
                                    "unexpected content after last section: a second one, or out of order");
        if (!pass_absent_sections(loader, at, *rank, kind->rank)) return false;
        *rank = kind->rank;
    }
    engine_reader inner = engine_reader_within(reader, reader->at, size);
    reader->at = inner.end;
    if (!kind->read(loader, &inner)) return false;
    if (inner.at != inner.end)
        return engine_load_fail(loader, BASE_MALFORMED, inner.at, "section size mismatch: %zu bytes too many",
                                (size_t)(inner.end - inner.at));
    return true;
}

static bool read_header(engine_loader *loader, engine_reader *reader) {
    static const uint8_t magic[4] = {0x00, 'a', 's', 'm'};
    size_t size = loader->module->size;
    const uint8_t *bytes = loader->module->bytes;
    if (size < sizeof magic)
        return engine_load_fail(
            loader, BASE_MALFORMED, bytes + size,
            "unexpected end: %zu bytes are no WebAssembly module (magic header not detected)", size);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return engine_load_fail(loader, BASE_MALFORMED, bytes,
                                "magic header not detected: not a WebAssembly module%s",
                                bytes[0] == '(' ? " (its text format has to be assembled first)" : "");
    if (size < 8) return engine_load_fail(loader, BASE_MALFORMED, bytes + size, "unexpected end: no version");
    uint32_t version =
        bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 24;
    if (version != 1)
        return engine_load_fail(loader, BASE_MALFORMED, bytes + 4, "unknown binary version 0x%x%s", version,
                                bytes[6] == 1 ? " (a component, not a core module)" : "");
    reader->at += 8;
    return true;
}

static bool read_module(engine_loader *loader) {
    engine_module *module = loader->module;
    const uint8_t *end = module->bytes + module->size;
    engine_reader reader = engine_reader_of((base_bytes){module->bytes, module->size});
    unsigned rank = 0;
    if (!read_header(loader, &reader) || !engine_validator_new(loader)) return false;
    while (reader.at < reader.end)
        if (!read_section(loader, &reader, &rank)) return false;
    loader->section = NULL;
    if (!pass_absent_sections(loader, end, rank, RANK_END)) return false;
    if (loader->code_count != module->func_count - module->func_import_count)
        return fail_code_count(loader, end);
    return check_data_count(loader, end, module->data_count);
}

static void free_loader(engine_loader *loader) {
    engine_validator_free(loader->validator);
    base_free(loader->module->allocator, loader->declared, loader->module->func_count);
}

static base_status load(const base_allocator *allocator, base_bytes bytes, uint32_t features,
                        bool skips_bodies, engine_module **out, base_error *error) {
    *out = NULL;
    if (allocator == NULL) allocator = base_default_allocator();
    if (bytes.size > ENGINE_MAX_MODULE_SIZE)
        return base_fail(error, BASE_LIMIT, "a module of %zu bytes is larger than the limit of %u",
                         bytes.size, ENGINE_MAX_MODULE_SIZE);
    engine_loaded *loaded = engine_module_new(allocator, bytes);
    if (loaded == NULL) return base_fail_no_memory(error);
    engine_loader loader = {
        .loaded = loaded,
        .module = &loaded->module,
        .features = features & ~(uint32_t)(ENGINE_FEATURE_GC | ENGINE_FEATURE_THREADS),
        .error = error,
        .skips_bodies = skips_bodies,
        .function = NO_FUNCTION,
    };
    loaded->module.is_unchecked = skips_bodies;
    bool ok = read_module(&loader);
    free_loader(&loader);
    if (!ok) {
        engine_module_free(loaded);
        return loader.status;
    }
    engine_load_names(&loaded->module);
    engine_fixed_prepare(loaded->module.fixed);
    for (uint32_t i = 0; i < loaded->module.func_count; i++) engine_func_prepare(&loaded->module.funcs[i]);
    *out = &loaded->module;
    return BASE_OK;
}

base_status engine_module_load_as(const base_allocator *allocator, base_bytes bytes, uint32_t features,
                                  engine_module **out, base_error *error) {
    return load(allocator, bytes, features, false, out, error);
}

base_status engine_module_load(const base_allocator *allocator, base_bytes bytes, uint32_t features,
                               engine_module **out, base_error *error) {
    return load(allocator, bytes, features & engine_features_available(), false, out, error);
}

base_status engine_module_load_unchecked(const base_allocator *allocator, base_bytes bytes,
                                         engine_module **out, base_error *error) {
    return load(allocator, bytes, UINT32_MAX, true, out, error);
}
