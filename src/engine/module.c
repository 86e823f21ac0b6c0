/* Owns a loaded module's life (its memory, its reference count), its names, and what other rooms may ask of
 * it. */
#include "engine/loader.h"
#include "engine/translate.h"

struct engine_block {
    engine_block *next;
    size_t size;
    max_align_t contents[];
};

/* ---- Life ---------------------------------------------------------------------------------------------- */

engine_loaded *engine_module_new(const base_allocator *allocator, base_bytes bytes) {
    engine_loaded *loaded = base_alloc_zeroed(allocator, 1, sizeof *loaded);
    if (loaded == NULL) return NULL;
    loaded->module.allocator = allocator;
    atomic_init(&loaded->module.references, 1);
    loaded->module.bytes = base_alloc(allocator, bytes.size);
    if (loaded->module.bytes == NULL) {
        base_free(allocator, loaded, sizeof *loaded);
        return NULL;
    }
    loaded->module.size = bytes.size;
    if (bytes.size > 0) memcpy(loaded->module.bytes, bytes.data, bytes.size);
    return loaded;
}

void *engine_load_new(engine_loader *loader, size_t count, size_t size) {
    if (count > (SIZE_MAX - sizeof(engine_block)) / size) {
        engine_load_no_memory(loader);
        return NULL;
    }
    size_t whole = sizeof(engine_block) + count * size;
    engine_block *block = base_alloc_zeroed(loader->module->allocator, 1, whole);
    if (block == NULL) {
        engine_load_no_memory(loader);
        return NULL;
    }
    block->size = whole;
    block->next = loader->loaded->blocks;
    loader->loaded->blocks = block;
    return block->contents;
}

void engine_module_free(engine_loaded *loaded) {
    engine_module *module = &loaded->module;
    const base_allocator *allocator = module->allocator;
    for (uint32_t i = 0; i < module->func_count; i++)
        engine_code_free(module, atomic_load_explicit(&module->funcs[i].code, memory_order_relaxed));
    while (loaded->blocks != NULL) {
        engine_block *block = loaded->blocks;
        loaded->blocks = block->next;
        base_free(allocator, block, block->size);
    }
    base_free(allocator, module->bytes, module->size);
    base_free(allocator, loaded, sizeof *loaded);
}

engine_module *engine_module_retain(engine_module *module) {
    atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
    return module;
}

void engine_module_release(engine_module *module) {
    if (module != NULL && atomic_fetch_sub_explicit(&module->references, 1, memory_order_acq_rel) == 1)
        engine_module_free((engine_loaded *)module);
}

/* ---- Accessors ----------------------------------------------------------------------------------------- */

uint32_t engine_module_import_count(const engine_module *module) {
    return module->import_count;
}

engine_import engine_module_import(const engine_module *module, uint32_t index) {
    return module->imports[index];
}

uint32_t engine_module_export_count(const engine_module *module) {
    return module->export_count;
}

engine_export engine_module_export(const engine_module *module, uint32_t index) {
    return module->exports[index];
}

bool engine_module_find_export(const engine_module *module, base_bytes name, engine_export *out) {
    for (uint32_t i = 0; i < module->export_count; i++) {
        if (base_bytes_equal(module->exports[i].name, name)) {
            *out = module->exports[i];
            return true;
        }
    }
    return false;
}

uint32_t engine_module_features_used(const engine_module *module) {
    return module->features_used;
}

size_t engine_module_size(const engine_module *module) {
    return module->size;
}

uint32_t engine_module_count(const engine_module *module, engine_kind kind) {
    switch (kind) {
    case ENGINE_FUNC: return module->func_count;
    case ENGINE_TABLE: return module->table_count;
    case ENGINE_MEMORY: return module->memory_count;
    case ENGINE_GLOBAL: return module->global_count;
    case ENGINE_TAG: return module->tag_count;
    }
    return 0;
}

uint32_t engine_module_func_import_count(const engine_module *module) {
    return module->func_import_count;
}

engine_extern_type engine_module_type(const engine_module *module, engine_kind kind, uint32_t index) {
    engine_extern_type type = {.kind = kind};
    switch (kind) {
    case ENGINE_FUNC: type.func = &module->types[module->funcs[index].type_index]; break;
    case ENGINE_TABLE:
        type.value = module->tables[index].element;
        type.limits = module->tables[index].limits;
        break;
    case ENGINE_MEMORY: type.limits = module->memories[index].limits; break;
    case ENGINE_GLOBAL:
        type.value = module->globals[index].type;
        type.is_mutable = module->globals[index].is_mutable;
        break;
    case ENGINE_TAG: type.func = &module->types[module->tags[index].type_index]; break;
    }
    return type;
}

/* Lenient, since it also serves modules whose later sections are not sound, for messages. */
base_bytes engine_module_custom_section(const engine_module *module, const char *name) {
    if (module->size < 8) return (base_bytes){0};
    engine_reader reader = engine_reader_of((base_bytes){module->bytes + 8, module->size - 8});
    uint8_t id;
    uint32_t size;
    while (engine_read_byte(&reader, &id) && engine_read_length(&reader, &size)) {
        engine_reader inner = engine_reader_of((base_bytes){reader.at, size});
        reader.at = inner.end;
        base_bytes found;
        if (id == 0 && engine_read_name(&inner, &found) && base_bytes_equal_text(found, name))
            return (base_bytes){inner.at, (size_t)(inner.end - inner.at)};
    }
    return (base_bytes){0};
}

/* ---- Names --------------------------------------------------------------------------------------------- */

enum { NAMES_OF_FUNCTIONS = 1 };

/* A map of indices to names, which must end where it ends. */
static bool name_map_is_sound(base_bytes map) {
    engine_reader reader = engine_reader_of(map);
    uint32_t count, index;
    base_bytes name;
    if (!engine_read_length(&reader, &count)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!engine_read_u32(&reader, &index) || !engine_read_name(&reader, &name)) return false;
    return reader.at == reader.end;
}

void engine_load_names(engine_module *module) {
    base_bytes section = engine_module_custom_section(module, "name");
    if (section.data == NULL) return;
    engine_reader reader = engine_reader_of(section);
    uint8_t id;
    uint32_t size;
    base_bytes contents;
    while (engine_read_byte(&reader, &id) && engine_read_length(&reader, &size) &&
           engine_read_bytes(&reader, size, &contents)) {
        if (id == NAMES_OF_FUNCTIONS) {
            if (name_map_is_sound(contents)) module->func_names = contents;
            return;
        }
    }
}

static bool find_in_name_section(const engine_module *module, uint32_t func_index, base_bytes *out) {
    base_bytes names = module->func_names;
    if (names.size == 0) return false;
    engine_reader reader = engine_reader_of(names);
    uint32_t count, index;
    if (!engine_read_length(&reader, &count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!engine_read_u32(&reader, &index) || !engine_read_name(&reader, out)) return false;
        if (index == func_index) return true;
    }
    return false;
}

static void spread_name_section(const engine_module *module, base_bytes *out) {
    if (module->func_names.size == 0) return;
    engine_reader reader = engine_reader_of(module->func_names);
    uint32_t count, index;
    base_bytes name;
    if (!engine_read_length(&reader, &count)) return;
    while (count-- > 0 && engine_read_u32(&reader, &index) && engine_read_name(&reader, &name))
        if (index < module->func_count && out[index].data == NULL) out[index] = name;
}

void engine_module_func_names(const engine_module *module, base_bytes *out) {
    spread_name_section(module, out);
    for (uint32_t i = 0; i < module->export_count; i++) {
        const engine_export *export = &module->exports[i];
        if (export->type.kind == ENGINE_FUNC && out[export->index].data == NULL)
            out[export->index] = export->name;
    }
    for (uint32_t i = 0; i < module->func_import_count; i++)
        if (out[i].data == NULL) out[i] = module->imports[module->funcs[i].import].name;
}

base_bytes engine_module_func_name(const engine_module *module, uint32_t func_index) {
    base_bytes name;
    if (find_in_name_section(module, func_index, &name)) return name;
    for (uint32_t i = 0; i < module->export_count; i++)
        if (module->exports[i].type.kind == ENGINE_FUNC && module->exports[i].index == func_index)
            return module->exports[i].name;
    if (func_index < module->func_import_count) return module->imports[module->funcs[func_index].import].name;
    return (base_bytes){0};
}
