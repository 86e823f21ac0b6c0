/* Owns descriptions of modules as JSON, also of those that are refused. */
#include "host/host.h"

/* Where problems are collected. */
typedef struct inspection {
    json_writer writer;
    bool has_problems;
    wplug_status first;
} inspection;

static bool write_problem(void *user, wplug_status status, const char *message) {
    inspection *self = user;
    json_begin_object(&self->writer);
    json_write_key(&self->writer, "status");
    json_write_text(&self->writer, wplug_status_name(status));
    json_write_key(&self->writer, "message");
    json_write_text(&self->writer, message);
    json_end_object(&self->writer);
    if (!self->has_problems) self->first = status;
    self->has_problems = true;
    return true;
}

/* ---- What a module is ---- */

static const char *kind_of(const engine_module *module, wplug_status first_problem) {
    if (first_problem == WPLUG_COMPONENT) return "component";
    if (!module) return "unknown";
    engine_export export;
    if (engine_module_find_export(module, BASE_LITERAL("_start"), &export)) return "command";
    if (engine_module_find_export(module, BASE_LITERAL("_initialize"), &export)) return "reactor";
    return "library";
}

/* The type of anything as text: "(i32) -> ()", "memory 2..", "mut i32". */
static base_status write_type(const engine_extern_type *type, base_buffer *out) {
    switch (type->kind) {
    case ENGINE_FUNC:
    case ENGINE_TAG: return host_functype_write(type->func, out);
    case ENGINE_GLOBAL:
        return base_buffer_appendf(out, "%s%s", type->is_mutable ? "mut " : "",
                                   engine_type_name(type->value).text);
    default: break;
    }
    const engine_limits_type *limits = &type->limits;
    base_status status = base_buffer_appendf(out, "%llu..", (unsigned long long)limits->min);
    if (!status && limits->has_max)
        status = base_buffer_appendf(out, "%llu", (unsigned long long)limits->max);
    if (!status && type->kind == ENGINE_TABLE)
        status = base_buffer_appendf(out, " %s", engine_type_name(type->value).text);
    if (!status && limits->is_64) status = base_buffer_append_text(out, " i64");
    return status;
}

static void write_kind_and_type(json_writer *writer, const engine_extern_type *type, base_buffer *scratch) {
    static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
    json_write_key(writer, "kind");
    json_write_text(writer, kinds[type->kind]);
    scratch->size = 0;
    json_write_key(writer, "type");
    if (write_type(type, scratch) == BASE_OK)
        json_write_string(writer, base_buffer_bytes(scratch));
    else
        json_write_null(writer);
}

static void write_imports(json_writer *writer, const engine_module *module, base_buffer *scratch) {
    json_write_key(writer, "imports");
    json_begin_array(writer);
    for (uint32_t i = 0; i < engine_module_import_count(module); i++) {
        engine_import import = engine_module_import(module, i);
        json_begin_object(writer);
        json_write_key(writer, "module");
        json_write_string(writer, import.module);
        json_write_key(writer, "name");
        json_write_string(writer, import.name);
        write_kind_and_type(writer, &import.type, scratch);
        json_write_key(writer, "provided");
        json_write_bool(writer, host_provides(&import));
        json_end_object(writer);
    }
    json_end_array(writer);
    json_write_key(writer, "wasi");
    json_begin_array(writer);
    for (uint32_t i = 0; i < engine_module_import_count(module); i++) {
        engine_import import = engine_module_import(module, i);
        if (host_provides(&import)) json_write_string(writer, import.name);
    }
    json_end_array(writer);
}

static void write_exports(json_writer *writer, const engine_module *module, base_buffer *scratch) {
    json_write_key(writer, "exports");
    json_begin_array(writer);
    for (uint32_t i = 0; i < engine_module_export_count(module); i++) {
        engine_export export = engine_module_export(module, i);
        json_begin_object(writer);
        json_write_key(writer, "name");
        json_write_string(writer, export.name);
        write_kind_and_type(writer, &export.type, scratch);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static uint32_t count_imports(const engine_module *module, engine_kind kind) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine_module_import_count(module); i++) {
        count += engine_module_import(module, i).type.kind == kind;
    }
    return count;
}

static void write_memories(json_writer *writer, const engine_module *module) {
    uint32_t imported = count_imports(module, ENGINE_MEMORY);
    json_write_key(writer, "memories");
    json_begin_array(writer);
    for (uint32_t i = 0; i < engine_module_count(module, ENGINE_MEMORY); i++) {
        engine_limits_type limits = engine_module_type(module, ENGINE_MEMORY, i).limits;
        json_begin_object(writer);
        json_write_key(writer, "min_pages");
        json_write_uint64(writer, limits.min);
        json_write_key(writer, "max_pages");
        if (limits.has_max)
            json_write_uint64(writer, limits.max);
        else
            json_write_null(writer);
        json_write_key(writer, "imported");
        json_write_bool(writer, i < imported);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_features(json_writer *writer, const engine_module *module) {
    uint32_t used = engine_module_features_used(module);
    json_write_key(writer, "features");
    json_begin_array(writer);
    for (int bit = 0; bit < 32; bit++) {
        if (used >> bit & 1) json_write_text(writer, engine_feature_name((engine_feature)(1u << bit)));
    }
    json_end_array(writer);
}

/* ---- Custom sections: a walk over section headers, which loading has checked ---- */

static bool read_u32(base_bytes *bytes, uint32_t *out) {
    uint32_t value = 0;
    for (int shift = 0; shift < 35 && bytes->size > 0; shift += 7) {
        uint8_t byte = *bytes->data;
        bytes->data++, bytes->size--;
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Takes a length and that many bytes. */
static bool read_run(base_bytes *bytes, base_bytes *out) {
    uint32_t size;
    if (!read_u32(bytes, &size) || size > bytes->size) return false;
    *out = (base_bytes){bytes->data, size};
    bytes->data += size, bytes->size -= size;
    return true;
}

static void write_custom_sections(json_writer *writer, base_bytes bytes) {
    json_write_key(writer, "custom_sections");
    json_begin_array(writer);
    bytes.data += 8, bytes.size -= 8;
    while (bytes.size > 0) {
        uint8_t section_id = *bytes.data;
        bytes.data++, bytes.size--;
        base_bytes content, name;
        if (!read_run(&bytes, &content)) break;
        if (section_id != 0) continue;
        uint64_t size = content.size;
        if (!read_run(&content, &name)) continue;
        json_begin_object(writer);
        json_write_key(writer, "name");
        json_write_string(writer, name);
        json_write_key(writer, "size");
        json_write_uint64(writer, size);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* Subsection 0 of the name section is the module's name (core, appendix "Name Section"). */
static void write_module_name(json_writer *writer, const engine_module *module) {
    base_bytes section = engine_module_custom_section(module, "name"), content, name;
    json_write_key(writer, "module_name");
    bool is_first = section.size > 0 && *section.data == 0;
    if (is_first) section.data++, section.size--;
    if (is_first && read_run(&section, &content) && read_run(&content, &name))
        json_write_string(writer, name);
    else
        json_write_null(writer);
}

/* ---- The whole ---- */

static void write_facts(json_writer *writer, const engine_module *module, base_bytes bytes,
                        base_buffer *scratch) {
    uint32_t functions = engine_module_count(module, ENGINE_FUNC);
    json_write_key(writer, "functions");
    json_write_uint64(writer, functions - count_imports(module, ENGINE_FUNC));
    write_imports(writer, module, scratch);
    write_exports(writer, module, scratch);
    write_memories(writer, module);
    write_features(writer, module);
    write_module_name(writer, module);
    write_custom_sections(writer, bytes);
}

/* Loads the module as far as it goes. False where there was no memory. */
static bool write_problems(inspection *self, base_bytes bytes, const wplug_plugin_options *options,
                           const base_allocator *allocator, engine_module **module) {
    json_write_key(&self->writer, "problems");
    json_begin_array(&self->writer);
    base_status status = BASE_OK;
    if (host_check_bytes(bytes, options->max_module_bytes, write_problem, self)) {
        base_error why;
        status = engine_module_load(allocator, bytes, engine_features_available(), module, &why);
        if (status == BASE_OK)
            host_check_module(*module, options, write_problem, self);
        else
            write_problem(self, host_load_status(status, bytes), why.message);
    }
    json_end_array(&self->writer);
    return status != BASE_NO_MEMORY;
}

static base_status inspect(base_bytes bytes, const wplug_plugin_options *options,
                           const base_allocator *allocator, base_buffer *out, base_buffer *scratch) {
    inspection self = {.has_problems = false};
    json_writer *writer = &self.writer;
    engine_module *module = NULL;
    json_writer_init(writer, out);
    json_begin_object(writer);
    json_write_key(writer, "size");
    json_write_uint64(writer, bytes.size);
    bool has_memory = write_problems(&self, bytes, options, allocator, &module);
    json_write_key(writer, "loads");
    json_write_bool(writer, !self.has_problems);
    json_write_key(writer, "kind");
    json_write_text(writer, kind_of(module, self.first));
    if (module) write_facts(writer, module, bytes, scratch);
    json_end_object(writer);
    engine_module_release(module);
    base_status status = json_writer_finish(writer, NULL);
    return has_memory ? status : BASE_NO_MEMORY;
}

wplug_status wplug_inspect(const void *bytes, size_t size, const wplug_plugin_options *options, char **json,
                           wplug_error *error) {
    if (!json) return host_fail(error, WPLUG_MISUSE, "wplug_inspect: json is NULL");
    *json = NULL;
    wplug_plugin_options own;
    if ((!bytes && size > 0) || !host_plugin_options_read(options, &own)) {
        return host_fail(error, WPLUG_MISUSE,
                         "wplug_inspect: bytes is NULL, or options were not initialised");
    }
    base_allocator allocator = host_allocator(own.allocator);
    base_buffer out, scratch;
    base_buffer_init(&out, &allocator);
    base_buffer_init(&scratch, &allocator);
    if (inspect((base_bytes){bytes, size}, &own, &allocator, &out, &scratch) == BASE_OK) {
        *json = host_text_new(&allocator, base_buffer_bytes(&out));
    }
    base_buffer_free(&out);
    base_buffer_free(&scratch);
    return *json ? host_ok(error) : host_no_memory(error);
}
