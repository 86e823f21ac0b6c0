/* Owns plugins: loading with a clear error for each way that fails, options, references. */
#include "host/host.h"

#include <stdio.h>

#define DEFAULT_MAX_MODULE_BYTES ((uint64_t)256 << 20)

/* ---- What the bytes tell ---- */

static const uint8_t wasm_magic[4] = {0, 'a', 's', 'm'};

typedef struct known_format {
    const char *start;
    size_t size;
    const char *message;
} known_format;

#define FORMAT(start, message) {start, sizeof(start) - 1, message}

/* What people hand over by mistake. */
static const known_format formats[] = {
    FORMAT("\x7f"
           "ELF",
           "this is a native program or library (ELF): build the plugin for wasm32-wasip1"),
    FORMAT("\xcf\xfa\xed\xfe", "this is a native program or library (Mach-O): build the plugin for "
                               "wasm32-wasip1"),
    FORMAT("MZ", "this is a Windows program or library: build the plugin for wasm32-wasip1"),
    FORMAT("!<arch>", "this is a static library: link it to a program with `_start`"),
    FORMAT("BC\xc0\xde", "this is LLVM bitcode: compile and link it to a WebAssembly module"),
    FORMAT("\x1f\x8b", "this is a gzip archive: unpack it first"),
    FORMAT("PK\x03\x04", "this is a zip archive: unpack it first"),
    FORMAT("\xfd"
           "7zXZ",
           "this is an xz archive: unpack it first"),
    FORMAT("\x28\xb5\x2f\xfd", "this is a zstd archive: unpack it first"),
};

static bool starts_with(base_bytes bytes, const void *start, size_t size) {
    return bytes.size >= size && memcmp(bytes.data, start, size) == 0;
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool looks_like_text(base_bytes bytes) {
    size_t end = bytes.size < 512 ? bytes.size : 512;
    for (size_t i = 0; i < end; i++) {
        if (bytes.data[i] < ' ' && !is_space(bytes.data[i])) return false;
        if (bytes.data[i] == 0x7f) return false;
    }
    return true;
}

/* How a text begins: its first line, as much as suits a message. */
static base_bytes first_line(base_bytes bytes) {
    base_bytes line = {bytes.data, 0};
    while (line.size < bytes.size && line.size < 40 && line.data[line.size] >= ' ') line.size++;
    /* Do not cut within a UTF-8 sequence. */
    while (line.size > 0 && line.size < bytes.size && (line.data[line.size] & 0xC0) == 0x80) line.size--;
    return line;
}

static void report_not_wasm(base_bytes bytes, host_problem_fn report, void *user) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (starts_with(bytes, formats[i].start, formats[i].size)) {
            report(user, WPLUG_NOT_WASM, formats[i].message);
            return;
        }
    }
    if (!looks_like_text(bytes)) {
        report(user, WPLUG_NOT_WASM, "this is not a WebAssembly module: it does not start with \\0asm");
        return;
    }
    base_bytes text = bytes;
    while (text.size > 0 && is_space(*text.data)) text.data++, text.size--;
    char message[200];
    if (starts_with(text, "(module", 7) || starts_with(text, "(component", 10) ||
        starts_with(text, ";;", 2)) {
        snprintf(message, sizeof message,
                 "this is a text file in the WebAssembly text format: translate it first (wat2wasm)");
    } else {
        base_bytes line = first_line(text);
        snprintf(message, sizeof message,
                 "this is a text file, not a WebAssembly module; it starts with \"%.*s\"", HOST_SPAN(line));
    }
    report(user, WPLUG_NOT_WASM, message);
}

bool host_check_bytes(base_bytes bytes, uint64_t max_size, host_problem_fn report, void *user) {
    char message[200];
    if (bytes.size == 0) {
        report(user, WPLUG_FILE_EMPTY, "the module is empty: there are no bytes in it");
        return false;
    }
    if (bytes.size < 8 && starts_with(bytes, wasm_magic, bytes.size < 4 ? bytes.size : 4)) {
        snprintf(message, sizeof message,
                 "the module is truncated: it ends after %zu bytes, within its header", bytes.size);
        report(user, WPLUG_TRUNCATED, message);
        return false;
    }
    if (!starts_with(bytes, wasm_magic, 4)) {
        report_not_wasm(bytes, report, user);
        return false;
    }
    /* version u16, layer u16: the component model's encoding counts layers behind the version. */
    const uint8_t *version = bytes.data + 4;
    if (version[2] == 1 && version[3] == 0) {
        report(user, WPLUG_COMPONENT,
               "this is a component (of the WebAssembly component model), not a core module: "
               "build the plugin for wasm32-wasip1");
        return false;
    }
    if (version[0] != 1 || version[1] || version[2] || version[3]) {
        snprintf(
            message, sizeof message,
            "unknown version of WebAssembly: the bytes after the magic number are %02x %02x %02x %02x, not "
            "01 00 00 00",
            version[0], version[1], version[2], version[3]);
        report(user, WPLUG_WASM_VERSION, message);
        return false;
    }
    if (bytes.size > max_size) {
        snprintf(message, sizeof message, "the module has %zu bytes; %llu are allowed", bytes.size,
                 (unsigned long long)max_size);
        report(user, WPLUG_MODULE_TOO_LARGE, message);
        return false;
    }
    return true;
}

/* Whether the last section says that it is longer than what is there. */
static bool is_truncated(base_bytes bytes) {
    size_t at = 8;
    while (at < bytes.size) {
        uint64_t size = 0;
        at++;
        for (int shift = 0;; shift += 7) {
            if (at >= bytes.size) return true;
            if (shift > 28) return false;
            uint8_t byte = bytes.data[at++];
            size |= (uint64_t)(byte & 0x7F) << shift;
            if (!(byte & 0x80)) break;
        }
        if (size > bytes.size - at) return true;
        at += (size_t)size;
    }
    return false;
}

wplug_status host_load_status(base_status status, base_bytes bytes) {
    switch (status) {
    case BASE_OK: return WPLUG_OK;
    case BASE_NO_MEMORY: return WPLUG_NO_MEMORY;
    case BASE_INVALID: return WPLUG_INVALID;
    case BASE_UNSUPPORTED: return WPLUG_UNSUPPORTED;
    case BASE_LIMIT: return WPLUG_MODULE_TOO_LARGE;
    default: return is_truncated(bytes) ? WPLUG_TRUNCATED : WPLUG_MALFORMED;
    }
}

/* ---- What the module tells ---- */

bool host_provides(const engine_import *import) {
    return import->type.kind == ENGINE_FUNC && base_bytes_equal_text(import->module, WASI_MODULE) &&
           wasi_has(import->name);
}

static const char *kind_name(engine_kind kind) {
    static const char *const names[] = {"function", "table", "memory", "global", "tag"};
    return names[kind];
}

/* A message that grows piece by piece; what does not fit is counted. */
typedef struct import_list {
    char text[1800]; /* what leaves room for the rest of the sentence in a wplug_error */
    size_t size;
    unsigned left_out;
} import_list;

static void list_import(import_list *list, const engine_import *import) {
    size_t room = sizeof list->text - list->size;
    char entry[300];
    const char *kind = import->type.kind == ENGINE_FUNC ? "" : kind_name(import->type.kind);
    int length =
        snprintf(entry, sizeof entry, "%s%.*s.%.*s%s%s%s", list->size ? ", " : "", HOST_SPAN(import->module),
                 HOST_SPAN(import->name), *kind ? " (" : "", kind, *kind ? ")" : "");
    if (length >= (int)sizeof entry) length = sizeof entry - 1;
    if (length < 0 || (size_t)length >= room) {
        list->left_out++;
        return;
    }
    memcpy(list->text + list->size, entry, (size_t)length + 1);
    list->size += (size_t)length;
}

/* What to do about it, where the names give that away. */
static const char *import_advice(const engine_module *module) {
    if (engine_module_custom_section(module, "linking").data) {
        return ". This is an object file: link it first";
    }
    for (uint32_t i = 0; i < engine_module_import_count(module); i++) {
        engine_import import = engine_module_import(module, i);
        if (base_bytes_equal_text(import.module, "wasi_unstable")) {
            return ". wasi_unstable is the predecessor of preview 1: build for wasm32-wasip1";
        }
        if (starts_with(import.module, "wasi:", 5)) {
            return ". These are of WASI preview 2: build for wasm32-wasip1";
        }
    }
    return "";
}

static bool check_imports(const engine_module *module, const wplug_plugin_options *options,
                          host_problem_fn report, void *user) {
    import_list list = {"", 0, 0};
    bool go_on = true;
    for (uint32_t i = 0; i < engine_module_import_count(module) && go_on; i++) {
        engine_import import = engine_module_import(module, i);
        if (!host_provides(&import)) {
            bool can_trap = options->trap_unknown_imports && import.type.kind == ENGINE_FUNC;
            if (!can_trap) list_import(&list, &import);
        } else if (!wasi_type_matches(import.name, import.type.func)) {
            char message[300];
            snprintf(message, sizeof message,
                     "the module imports %s.%.*s with a type that this function does not have", WASI_MODULE,
                     HOST_SPAN(import.name));
            go_on = report(user, WPLUG_IMPORT_TYPE, message);
        }
    }
    if (list.size == 0 || !go_on) return go_on;
    char message[sizeof list.text + 240];
    const char *advice = import_advice(module);
    if (list.left_out > 0) {
        snprintf(message, sizeof message, "nobody provides these imports: %s, and %u more%s", list.text,
                 list.left_out, advice);
    } else {
        snprintf(message, sizeof message, "nobody provides these imports: %s%s", list.text, advice);
    }
    return report(user, WPLUG_UNKNOWN_IMPORTS, message);
}

static bool is_plain_function(const engine_export *export) {
    return export->type.kind == ENGINE_FUNC && export->type.func->param_count == 0 &&
           export->type.func->result_count == 0;
}

void host_check_module(const engine_module *module, const wplug_plugin_options *options,
                       host_problem_fn report, void *user) {
    if (!check_imports(module, options, report, user) || options->library) return;
    engine_export export;
    if (engine_module_find_export(module, BASE_LITERAL("_start"), &export)) {
        if (is_plain_function(&export)) return;
        report(user, WPLUG_NO_START, "the export `_start` is not a function without parameters and results");
    } else if (engine_module_find_export(module, BASE_LITERAL("_initialize"), &export)) {
        report(user, WPLUG_REACTOR,
               "the plugin is a WASI reactor (it exports `_initialize`): build it as a command, "
               "with a main function and without -mexec-model=reactor");
    } else {
        report(user, WPLUG_NO_START,
               "the plugin has no `_start` export: build it as a WASI command, with a main "
               "function, for wasm32-wasip1");
    }
}

/* ---- Options ---- */

bool host_plugin_options_read(const wplug_plugin_options *from, wplug_plugin_options *to) {
    if (!host_read_struct(to, sizeof *to, from)) return false;
    if (to->max_module_bytes == 0) to->max_module_bytes = DEFAULT_MAX_MODULE_BYTES;
    if ((to->arg_count > 0 && !to->args) || (to->env_count > 0 && !to->env)) return false;
    return to->allow_count == 0 || to->allow;
}

static char *copy_text(const base_allocator *allocator, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = base_alloc(allocator, size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

/* RFC 9562, section 5.4. */
static base_status random_id(wplug_id *out) {
    base_status status = os_random(out->bytes, sizeof out->bytes);
    out->bytes[6] = (uint8_t)((out->bytes[6] & 0x0F) | 0x40);
    out->bytes[8] = (uint8_t)((out->bytes[8] & 0x3F) | 0x80);
    return status;
}

static wplug_status fail_from(wplug_error *error, base_status status, const base_error *why) {
    wplug_status public = status == BASE_NO_MEMORY ? WPLUG_NO_MEMORY : WPLUG_MISUSE;
    return host_fail(error, public, "%s", why->message);
}

static wplug_status copy_options(wplug_plugin *plugin, const wplug_plugin_options *options,
                                 wplug_error *error) {
    const base_allocator *allocator = &plugin->allocator;
    plugin->async_guest = options->async_guest;
    plugin->trap_unknown_imports = options->trap_unknown_imports;
    plugin->library = options->library;
    plugin->deterministic = options->deterministic;
    plugin->seed = options->seed;
    plugin->start_time_ns = options->start_time_ns;
    plugin->allows_all = !options->allow;
    plugin->snapshot_mode = options->snapshot;
    if (options->snapshot < WPLUG_SNAPSHOT_AUTO || options->snapshot > WPLUG_SNAPSHOT_ALWAYS) {
        return host_fail(error, WPLUG_MISUSE, "wplug_plugin_options: %d is no wplug_snapshot_mode",
                         (int)options->snapshot);
    }
    if (!host_limits_resolve(options->limits, NULL, &plugin->limits)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_limits: call wplug_limits_init before setting fields");
    }
    plugin->name = copy_text(allocator, options->name ? options->name : "plugin");
    if (!plugin->name) return host_no_memory(error);
    if (options->id)
        plugin->id = *options->id;
    else if (random_id(&plugin->id) != BASE_OK) {
        return host_fail(error, WPLUG_SYSTEM, "the system gives no randomness for the plugin's id");
    }
    wplug_id_short(&plugin->id, plugin->id_short);

    base_error why;
    base_status status = wasi_strings_make(allocator, options->args, options->arg_count, &plugin->args, &why);
    if (!status) status = wasi_strings_make(allocator, options->env, options->env_count, &plugin->env, &why);
    if (!status)
        status = wasi_strings_make(allocator, options->allow, options->allow_count, &plugin->allow, &why);
    return status ? fail_from(error, status, &why) : WPLUG_OK;
}

/* Remembers the imports that nobody provides, so that the functions that stand for them can say their names.
 */
static wplug_status collect_unknown(wplug_plugin *plugin, wplug_error *error) {
    uint32_t count = engine_module_import_count(plugin->module), unknown = 0;
    for (uint32_t i = 0; i < count; i++) {
        engine_import import = engine_module_import(plugin->module, i);
        if (!host_provides(&import)) unknown++;
    }
    if (unknown == 0) return WPLUG_OK;
    plugin->unknown = base_alloc_zeroed(&plugin->allocator, unknown, sizeof *plugin->unknown);
    if (!plugin->unknown) return host_no_memory(error);
    plugin->unknown_count = unknown;
    host_unknown_import *to = plugin->unknown;
    for (uint32_t i = 0; i < count; i++) {
        engine_import import = engine_module_import(plugin->module, i);
        if (host_provides(&import)) continue;
        to->module = import.module;
        to->name = import.name;
        snprintf(to->text, sizeof to->text, "%.*s.%.*s", HOST_SPAN(import.module), HOST_SPAN(import.name));
        to++;
    }
    return WPLUG_OK;
}

/* ---- Loading ---- */

/* Keeps the first problem that is reported. */
typedef struct first_problem {
    wplug_status status;
    wplug_error *error;
} first_problem;

static bool keep_first(void *user, wplug_status status, const char *message) {
    first_problem *first = user;
    first->status = host_fail(first->error, status, "%s", message);
    return false;
}

static wplug_status load_module(wplug_plugin *plugin, base_bytes bytes, const wplug_plugin_options *options,
                                wplug_error *error) {
    first_problem problem = {WPLUG_OK, error};
    host_check_bytes(bytes, options->max_module_bytes, keep_first, &problem);
    if (problem.status) return problem.status;
    base_error why;
    base_status status =
        engine_module_load(&plugin->shared, bytes, engine_features_available(), &plugin->module, &why);
    if (status) {
        wplug_status public = host_load_status(status, bytes);
        const char *prefix = public == WPLUG_TRUNCATED ? "the module is truncated: " : "";
        return host_fail(error, public, "%s%s", prefix, why.message);
    }
    host_check_module(plugin->module, options, keep_first, &problem);
    if (problem.status) return problem.status;
    engine_export start;
    plugin->is_command = engine_module_find_export(plugin->module, BASE_LITERAL("_start"), &start) &&
                         is_plain_function(&start);
    return collect_unknown(plugin, error);
}

static void free_plugin(wplug_plugin *plugin) {
    base_allocator allocator = plugin->allocator;
    host_snapshot_free(atomic_load_explicit(&plugin->snapshot, memory_order_relaxed));
    engine_module_release(plugin->module);
    if (plugin->name) base_free(&allocator, plugin->name, strlen(plugin->name) + 1);
    wasi_strings_free(&allocator, &plugin->args);
    wasi_strings_free(&allocator, &plugin->env);
    wasi_strings_free(&allocator, &plugin->allow);
    base_free(&allocator, plugin->unknown, plugin->unknown_count * sizeof *plugin->unknown);
    plugin->magic = HOST_DEAD;
    const base_allocator apart = base_apart(&allocator);
    base_free(&apart, plugin, sizeof *plugin);
}

static wplug_status load(base_bytes bytes, const wplug_plugin_options *options, wplug_plugin **out,
                         wplug_error *error) {
    base_allocator allocator = host_allocator(options->allocator);
    const base_allocator apart = base_apart(&allocator);
    wplug_plugin *plugin = base_alloc_zeroed(&apart, 1, sizeof *plugin);
    if (!plugin) return host_no_memory(error);
    atomic_init(&plugin->references, 1 + HOST_HOLD_PLACES);
    atomic_init(&plugin->holders, 1);
    for (unsigned i = 0; i < HOST_HOLD_PLACES; i++) atomic_init(&plugin->holds[i].count, 1);
    atomic_init(&plugin->snapshot, NULL);
    plugin->allocator = allocator;
    plugin->shared = base_apart(&plugin->allocator);
    plugin->magic = HOST_PLUGIN_MAGIC;
    wplug_status status = copy_options(plugin, options, error);
    if (!status) status = load_module(plugin, bytes, options, error);
    if (status) {
        free_plugin(plugin);
        return status;
    }
    *out = plugin;
    return host_ok(error);
}

static wplug_status read_options(const wplug_plugin_options *options, wplug_plugin_options *own,
                                 wplug_error *error) {
    if (host_plugin_options_read(options, own)) return WPLUG_OK;
    return host_fail(
        error, WPLUG_MISUSE,
        "wplug_plugin_options: call wplug_plugin_options_init first, and give no count without a list");
}

wplug_status wplug_plugin_load(const void *bytes, size_t size, const wplug_plugin_options *options,
                               wplug_plugin **out, wplug_error *error) {
    if (!out) return host_fail(error, WPLUG_MISUSE, "wplug_plugin_load: out is NULL");
    *out = NULL;
    if (!bytes && size > 0) return host_fail(error, WPLUG_MISUSE, "wplug_plugin_load: bytes is NULL");
    wplug_plugin_options own;
    wplug_status status = read_options(options, &own, error);
    if (status) return status;
    return load((base_bytes){bytes, size}, &own, out, error);
}

/* "dir/hello.wasm" to "hello". Returns a copy. */
static char *name_from_path(const base_allocator *allocator, const char *path) {
    const char *start = path;
    for (const char *at = path; *at; at++) {
        if (*at == '/' || *at == '\\') start = at + 1;
    }
    size_t length = strlen(start);
    if (length > 5 && strcmp(start + length - 5, ".wasm") == 0) length -= 5;
    char *name = base_alloc(allocator, length + 1);
    if (!name) return NULL;
    memcpy(name, start, length);
    name[length] = 0;
    return name;
}

static wplug_status read_file(const char *path, uint64_t max_bytes, base_buffer *out, wplug_error *error) {
    base_error why;
    size_t max_size = max_bytes < SIZE_MAX ? (size_t)max_bytes : SIZE_MAX;
    switch (os_read_file(path, max_size, out, &why)) {
    case BASE_OK: return WPLUG_OK;
    case BASE_NO_MEMORY: return host_no_memory(error);
    case BASE_NOT_FOUND: return host_fail(error, WPLUG_FILE_NOT_FOUND, "%s", why.message);
    case BASE_LIMIT: return host_fail(error, WPLUG_MODULE_TOO_LARGE, "%s", why.message);
    default: return host_fail(error, WPLUG_FILE_UNREADABLE, "%s", why.message);
    }
}

/* The error of a file says which file. */
static void add_path(const char *path, wplug_error *error) {
    if (!error) return;
    char message[sizeof error->message];
    memcpy(message, error->message, sizeof message);
    host_fail(error, error->status, "%.300s: %s", path, message);
}

wplug_status wplug_plugin_load_file(const char *path, const wplug_plugin_options *options, wplug_plugin **out,
                                    wplug_error *error) {
    if (!out) return host_fail(error, WPLUG_MISUSE, "wplug_plugin_load_file: out is NULL");
    *out = NULL;
    if (!path) return host_fail(error, WPLUG_MISUSE, "wplug_plugin_load_file: path is NULL");
    wplug_plugin_options own;
    wplug_status status = read_options(options, &own, error);
    if (status) return status;
    base_allocator allocator = host_allocator(own.allocator);
    base_buffer bytes;
    base_buffer_init(&bytes, &allocator);
    char *name = name_from_path(&allocator, path);
    if (!name) return host_no_memory(error);
    if (!own.name) own.name = name;
    status = read_file(path, own.max_module_bytes, &bytes, error);
    if (!status) {
        status = load(base_buffer_bytes(&bytes), &own, out, error);
        if (status) add_path(path, error);
    }
    base_buffer_free(&bytes);
    base_free(&allocator, name, strlen(name) + 1);
    return status;
}

/* ---- Handles ---- */

bool host_plugin_is_alive(const wplug_plugin *plugin) {
    if (!plugin || plugin->magic != HOST_PLUGIN_MAGIC) return false;
    if (atomic_load_explicit(&plugin->holders, memory_order_relaxed) > 0) return true;
    for (unsigned i = 0; i < HOST_HOLD_PLACES; i++) {
        if (atomic_load_explicit(&plugin->holds[i].count, memory_order_relaxed) > 0) return true;
    }
    return false;
}

void host_plugin_keep(wplug_plugin *plugin) {
    atomic_fetch_add_explicit(&plugin->references, 1, memory_order_relaxed);
}

void host_plugin_drop(wplug_plugin *plugin) {
    if (atomic_fetch_sub_explicit(&plugin->references, 1, memory_order_acq_rel) == 1) free_plugin(plugin);
}

/* The caller's own hold or handle has its reference until this comes back, so a count may be above 0 for a moment before
 * its reference is there. */
static void add_hold(wplug_plugin *plugin, atomic_uint *count) {
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) == 0) host_plugin_keep(plugin);
}

static void remove_hold(wplug_plugin *plugin, atomic_uint *count) {
    if (atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1) host_plugin_drop(plugin);
}

/* A thread always counts in the same place. Ids of threads are addresses at regular distances, which the
 * multiplication (by 2^64 over the golden ratio) spreads over the upper bits. */
unsigned host_plugin_hold(wplug_plugin *plugin) {
    unsigned place = (unsigned)(((uint64_t)os_thread_id() * UINT64_C(0x9e3779b97f4a7c15)) >> 60);
    _Static_assert(HOST_HOLD_PLACES == 1 << (64 - 60), "the place is of four bits");
    add_hold(plugin, &plugin->holds[place].count);
    return place;
}

void host_plugin_let_go(wplug_plugin *plugin, unsigned place) {
    remove_hold(plugin, &plugin->holds[place].count);
}

wplug_plugin *wplug_plugin_retain(wplug_plugin *plugin) {
    if (!host_plugin_is_alive(plugin)) return NULL;
    if (atomic_fetch_add_explicit(&plugin->holders, 1, memory_order_relaxed) > 0) return plugin;
    /* The first handle again, made inside a task that held the plugin when all handles had gone. */
    host_plugin_keep(plugin);
    for (unsigned i = 0; i < HOST_HOLD_PLACES; i++) add_hold(plugin, &plugin->holds[i].count);
    return plugin;
}

void wplug_plugin_release(wplug_plugin *plugin) {
    if (!host_plugin_is_alive(plugin)) return;
    unsigned holders = atomic_load_explicit(&plugin->holders, memory_order_relaxed);
    do {
        if (holders == 0) return; /* released once too often, while tasks hold it */
    } while (!atomic_compare_exchange_weak_explicit(&plugin->holders, &holders, holders - 1,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if (holders > 1) return;
    for (unsigned i = 0; i < HOST_HOLD_PLACES; i++) remove_hold(plugin, &plugin->holds[i].count);
    host_plugin_drop(plugin);
}

const char *wplug_plugin_name(const wplug_plugin *plugin) {
    return host_plugin_is_alive(plugin) ? plugin->name : "";
}

const wplug_id *wplug_plugin_id(const wplug_plugin *plugin) {
    return host_plugin_is_alive(plugin) ? &plugin->id : NULL;
}

bool host_plugin_allows(const wplug_plugin *plugin, base_bytes method) {
    if (plugin->allows_all) return true;
    size_t at = 0;
    for (uint32_t i = 0; i < plugin->allow.count; i++) {
        const char *name = (const char *)plugin->allow.bytes + at;
        size_t length = strlen(name);
        if (length == method.size && memcmp(name, method.data, length) == 0) return true;
        at += length + 1;
    }
    return false;
}
