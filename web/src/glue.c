/* The host kit as the TypeScript half of the package sees it: functions of numbers and pointers, on the
 * public header alone. There is one runtime in an instance of the module. Text goes in as UTF-8 that ends
 * with a 0 byte, in blocks of web_alloc that stay the caller's, and comes out as a pointer and a size, lent
 * until the function or import returns.
 *
 *      wplug.done(call, status, text, size, result)     a call has ended: its JSON, or its error's sentence
 *      wplug.request(call, request, method, method_size, params, params_size, is_notification)
 *                                                       a host method is called; release the request then
 *      wplug.log(plugin, source, text, size)            a line of a log; source is a wplug_log_source
 *      wplug.trace(plugin, to_plugin, text, size)       a message, where web_set_trace asked for them
 *
 * Besides these the module imports the three functions of src/base/os_wasm.c. */
#include "wplug/wplug.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IMPORTED(name) __attribute__((import_module("wplug"), import_name(#name))) extern
#define EXPORTED(name) __attribute__((export_name(#name)))

IMPORTED(done)
void import_done(uint32_t call, int status, const char *text, size_t size, wplug_result *result);
IMPORTED(request)
void import_request(uint32_t call, wplug_request *request, const char *method, size_t method_size,
                    const char *params, size_t params_size, int is_notification);
IMPORTED(log) void import_log(const wplug_plugin *plugin, int source, const char *text, size_t size);
IMPORTED(trace) void import_trace(const wplug_plugin *plugin, int to_plugin, const char *text, size_t size);

#define NS_PER_MS 1000000.0

/* A turn of the page's loop is a few milliseconds; a slice of one task is a small part of that. */
#define SLICE_FUEL 50000

/* ---- Memory and errors --------------------------------------------------------------------------------- */

static wplug_runtime *runtime;
static wplug_error last_error;
static size_t allocated; /* bytes that the host holds now, linear memories of guests apart */

static void *counting_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    if (new_size == 0) {
        free(pointer);
        allocated -= old_size;
        return NULL;
    }
    void *moved = realloc(pointer, new_size);
    if (moved) allocated += new_size - (pointer ? old_size : 0);
    return moved;
}

static const wplug_allocator counting_allocator = {counting_resize, NULL};

EXPORTED(web_alloc) void *web_alloc(size_t size) {
    return malloc(size ? size : 1);
}
EXPORTED(web_free) void web_free(void *pointer) {
    free(pointer);
}
EXPORTED(web_allocated) size_t web_allocated(void) {
    return allocated;
}
/* What the last function that failed had to say. */
EXPORTED(web_error_status) int web_error_status(void) {
    return last_error.status;
}
EXPORTED(web_error_message) const char *web_error_message(void) {
    return last_error.message;
}
EXPORTED(web_status_name) const char *web_status_name(int status) {
    return wplug_status_name((wplug_status)status);
}
EXPORTED(web_version) const char *web_version(void) {
    return wplug_version();
}

/* ---- The runtime --------------------------------------------------------------------------------------- */

static void on_request(void *user, wplug_request *request) {
    size_t params_size;
    const char *method = wplug_request_method(request);
    const char *params = wplug_request_params(request, &params_size);
    import_request((uint32_t)(uintptr_t)wplug_request_context(request), wplug_request_retain(request), method,
                   strlen(method), params, params_size, wplug_request_is_notification(request));
}

static void on_log(void *user, const wplug_log *line) {
    import_log(line->plugin, (int)line->source, line->text, line->text_size);
}

static void on_trace(void *user, const wplug_trace *message) {
    import_trace(message->plugin, message->to_plugin, message->text, message->text_size);
}

EXPORTED(web_start) int web_start(void) {
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    options.allocator = &counting_allocator;
    options.slice_fuel = SLICE_FUEL;
    wplug_status status = wplug_runtime_new(&options, &runtime, &last_error);
    if (status) return (int)status;
    wplug_runtime_set_log(runtime, on_log, NULL);
    return (int)wplug_runtime_set_default_method(runtime, on_request, NULL);
}

EXPORTED(web_set_trace) void web_set_trace(int on) {
    wplug_runtime_set_trace(runtime, on ? on_trace : NULL, NULL);
}

/* Runs what is ready for about `budget_ms`. Returns when to come again: 0 at once, infinity not before there
 * is news, else the time of wplug.now_monotonic. -1: that failed. */
EXPORTED(web_step) double web_step(double budget_ms) {
    wplug_next next;
    wplug_status status = wplug_runtime_step(runtime, (uint64_t)(budget_ms * NS_PER_MS), &next);
    if (status) {
        last_error.status = status;
        return -1;
    }
    if (next.when == WPLUG_NOW) return 0;
    return next.when == WPLUG_AT ? (double)next.at_ns / NS_PER_MS : INFINITY;
}

/* ---- Plugins ------------------------------------------------------------------------------------------- */

enum { LIMIT_COUNT = 13 };

/* In the order of wplug_limits; 0 is not set. */
static const wplug_limits *read_limits(const uint64_t *from, wplug_limits *out) {
    if (!from) return NULL;
    wplug_limits_init(out);
    uint64_t *const fields[LIMIT_COUNT] = {&out->fuel,           &out->time_ns,       &out->memory_bytes,
                                           &out->table_elements, &out->stack_bytes,   &out->depth,
                                           &out->message_bytes,  &out->message_depth, &out->log_bytes,
                                           &out->log_line_bytes, &out->host_calls,    &out->linger_fuel,
                                           &out->linger_ns};
    for (int i = 0; i < LIMIT_COUNT; i++) *fields[i] = from[i];
    return out;
}

/* Texts one after the other, each with its 0 byte. */
typedef struct web_list {
    const char *texts;
    uint32_t count;
} web_list;

/* What the other half writes: 32-bit numbers, then 64-bit ones. */
typedef struct web_load_options {
    const char *name; /* NULL: none */
    web_list args, env, allow;
    uint32_t has_allow;
    uint32_t async_guest;
    uint32_t snapshot;
    uint32_t deterministic;
    uint32_t has_limits;
    uint64_t seed;
    uint64_t start_time_ns;
    uint64_t limits[LIMIT_COUNT];
} web_load_options;

EXPORTED(web_load_options_size) size_t web_load_options_size(void) {
    return sizeof(web_load_options);
}

static bool read_list(const web_list *list, const char ***out) {
    const char **texts = malloc((list->count + 1) * sizeof *texts);
    *out = texts;
    if (!texts) return false;
    const char *next = list->texts;
    for (uint32_t i = 0; i < list->count; i++) {
        texts[i] = next;
        next += strlen(next) + 1;
    }
    return true;
}

/* Their plugin; NULL, and web_error_status, where it does not load. With `describe` the text of wplug_inspect
 * instead. */
static void *load(const void *bytes, size_t size, const web_load_options *from, bool describe) {
    wplug_plugin_options options;
    wplug_limits limits;
    const char **args = NULL, **env = NULL, **allow = NULL;
    void *out = NULL;
    wplug_plugin_options_init(&options);
    if (read_list(&from->args, &args) && read_list(&from->env, &env) && read_list(&from->allow, &allow)) {
        options.allocator = &counting_allocator;
        options.name = from->name;
        options.args = args;
        options.arg_count = from->args.count;
        options.env = env;
        options.env_count = from->env.count;
        options.allow = from->has_allow ? allow : NULL;
        options.allow_count = from->allow.count;
        options.async_guest = from->async_guest;
        options.snapshot = (wplug_snapshot_mode)from->snapshot;
        options.deterministic = from->deterministic;
        options.seed = from->seed;
        options.start_time_ns = from->start_time_ns;
        options.limits = read_limits(from->has_limits ? from->limits : NULL, &limits);
        if (describe)
            wplug_inspect(bytes, size, &options, (char **)&out, &last_error);
        else
            wplug_plugin_load(bytes, size, &options, (wplug_plugin **)&out, &last_error);
    } else {
        last_error = (wplug_error){WPLUG_NO_MEMORY, "out of memory"};
    }
    free(args);
    free(env);
    free(allow);
    return out;
}

EXPORTED(web_load)
wplug_plugin *web_load(const void *bytes, size_t size, const web_load_options *options) {
    return load(bytes, size, options, false);
}
/* Text for web_text_free. */
EXPORTED(web_inspect) char *web_inspect(const void *bytes, size_t size, const web_load_options *options) {
    return load(bytes, size, options, true);
}
EXPORTED(web_text_free) void web_text_free(char *text) {
    wplug_text_free(text);
}
EXPORTED(web_plugin_name) const char *web_plugin_name(const wplug_plugin *plugin) {
    return wplug_plugin_name(plugin);
}
EXPORTED(web_plugin_id) const char *web_plugin_id(const wplug_plugin *plugin) {
    static char text[37];
    wplug_id_text(wplug_plugin_id(plugin), text);
    return text;
}
EXPORTED(web_plugin_release) void web_plugin_release(wplug_plugin *plugin) {
    wplug_plugin_release(plugin);
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

static void on_done(void *user, wplug_task task, wplug_result *result) {
    const bool well = result->status == WPLUG_OK;
    import_done((uint32_t)(uintptr_t)user, (int)result->status, well ? result->json : result->message,
                well ? result->json_size : strlen(result->message), result);
}

/* The task; 0, and web_error_status, where there is none. `call` is the other half's number for it. */
EXPORTED(web_call)
uint64_t web_call(wplug_plugin *plugin, const char *method, const char *params, const uint64_t *limits,
                  uint32_t call) {
    wplug_call_options options;
    wplug_limits own;
    wplug_call_options_init(&options);
    options.limits = read_limits(limits, &own);
    options.context = (void *)(uintptr_t)call;
    wplug_task task;
    if (wplug_call_start(runtime, plugin, method, params, &options, on_done, options.context, &task,
                         &last_error))
        return 0;
    return task;
}

EXPORTED(web_cancel) void web_cancel(uint64_t task) {
    wplug_task_cancel(runtime, task);
}

typedef enum web_result_text { WEB_ERROR_MESSAGE, WEB_DATA, WEB_BACKTRACE } web_result_text;

EXPORTED(web_result_text) const char *web_get_result_text(const wplug_result *result, web_result_text which) {
    if (which == WEB_ERROR_MESSAGE) return result->error_message;
    return which == WEB_DATA ? result->data : result->backtrace;
}

typedef enum web_result_number { WEB_CODE, WEB_EXIT_CODE, WEB_TIME_MS, WEB_MEMORY_BYTES } web_result_number;

EXPORTED(web_result_number)
double web_get_result_number(const wplug_result *result, web_result_number which) {
    if (which == WEB_CODE) return (double)result->code;
    if (which == WEB_EXIT_CODE) return result->exit_code;
    return which == WEB_TIME_MS ? (double)result->time_ns / NS_PER_MS : (double)result->memory_bytes;
}

EXPORTED(web_result_fuel) uint64_t web_result_fuel(const wplug_result *result) {
    return result->fuel_used;
}

/* ---- Host methods -------------------------------------------------------------------------------------- */

EXPORTED(web_request_result) int web_request_result(wplug_request *request, const char *json) {
    return (int)wplug_request_result(request, json);
}
EXPORTED(web_request_error)
int web_request_error(wplug_request *request, double code, const char *message, const char *data) {
    return (int)wplug_request_error(request, (int64_t)code, message, data);
}
EXPORTED(web_request_release) void web_request_release(wplug_request *request) {
    wplug_request_release(request);
}
