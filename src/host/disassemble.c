/* Owns listings: the code of a module as text for the embedder, whether the module would load or not. */
#include "host/host.h"

typedef struct listing {
    wplug_line_fn write;
    void *user;
    bool is_stopped;
    bool is_first; /* no function was written yet */
    engine_disassembler *disassembler;
} listing;

static bool write_line(void *user, base_bytes line) {
    listing *self = user;
    const char *text = line.size > 0 ? (const char *)line.data : "";
    self->is_stopped = !self->write(self->user, text, line.size);
    return !self->is_stopped;
}

static base_status write_function(listing *self, uint32_t index) {
    if (!self->is_first && !write_line(self, (base_bytes){NULL, 0})) return BASE_OK;
    self->is_first = false;
    return engine_disassemble(self->disassembler, index);
}

/* Decimal digits and nothing else, for a number that fits. */
static bool is_index(const char *text, uint32_t *out) {
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++) value = value * 10 + (unsigned)(*at - '0');
    *out = (uint32_t)value;
    return at != text && *at == 0 && value <= UINT32_MAX;
}

/* BASE_NOT_FOUND where there is no such function. */
static base_status write_named(listing *self, uint32_t count, const char *name) {
    uint32_t index;
    if (is_index(name, &index)) return index < count ? write_function(self, index) : BASE_NOT_FOUND;
    base_status status = BASE_OK;
    base_bytes wanted = base_bytes_from_text(name);
    for (index = 0; index < count && !status && !self->is_stopped; index++) {
        if (engine_disassembler_knows_as(self->disassembler, index, wanted))
            status = write_function(self, index);
    }
    return !status && self->is_first ? BASE_NOT_FOUND : status;
}

static base_status write_all(listing *self, const engine_module *module, uint32_t count) {
    base_status status = BASE_OK;
    for (uint32_t i = engine_module_func_import_count(module); i < count && !status && !self->is_stopped; i++)
        status = write_function(self, i);
    return status;
}

static wplug_status write_listing(const engine_module *module, const base_allocator *allocator,
                                  const char *function, wplug_line_fn write, void *user, wplug_error *error) {
    listing self = {.write = write, .user = user, .is_first = true};
    uint32_t count = engine_module_count(module, ENGINE_FUNC);
    base_status status = engine_disassembler_new(allocator, module, write_line, &self, &self.disassembler);
    if (!status) status = function ? write_named(&self, count, function) : write_all(&self, module, count);
    engine_disassembler_free(self.disassembler);
    if (status == BASE_NO_MEMORY) return host_no_memory(error);
    if (status != BASE_NOT_FOUND) return WPLUG_OK;
    return host_fail(error, WPLUG_NOT_FOUND,
                     "the module has no function \"%.200s\": give an index below %u, or a name as the name "
                     "section or an export has it",
                     function, count);
}

static bool keep_first(void *user, wplug_status status, const char *message) {
    wplug_error *first = user;
    host_fail(first, status, "%s", message);
    return false;
}

static wplug_status disassemble(base_bytes bytes, const wplug_plugin_options *options, const char *function,
                                wplug_line_fn write, void *user, wplug_error *error) {
    base_allocator allocator = host_allocator(options->allocator);
    wplug_error problem = {WPLUG_OK, ""};
    engine_module *module = NULL;
    base_error why;
    if (!host_check_bytes(bytes, options->max_module_bytes, keep_first, &problem))
        return host_fail(error, problem.status, "%s", problem.message);
    base_status status = engine_module_load(&allocator, bytes, engine_features_available(), &module, &why);
    /* What is wrong with code is best seen in the code. */
    if (status) {
        host_fail(&problem, host_load_status(status, bytes), "%s", why.message);
        if (status != BASE_NO_MEMORY) status = engine_module_load_unchecked(&allocator, bytes, &module, NULL);
        if (status == BASE_NO_MEMORY) return host_no_memory(error);
    }
    if (module) {
        wplug_status result = write_listing(module, &allocator, function, write, user, error);
        engine_module_release(module);
        if (result) return result;
    }
    return problem.status ? host_fail(error, problem.status, "%s", problem.message) : host_ok(error);
}

wplug_status wplug_disassemble(const void *bytes, size_t size, const wplug_plugin_options *options,
                               const char *function, wplug_line_fn write, void *user, wplug_error *error) {
    wplug_plugin_options own;
    if (!write || (!bytes && size > 0) || !host_plugin_options_read(options, &own)) {
        return host_fail(error, WPLUG_MISUSE,
                         "wplug_disassemble: bytes or write is NULL, or options were not initialised");
    }
    return disassemble((base_bytes){bytes, size}, &own, function, write, user, error);
}
