/* Owns the ways in for the embedder: calls, commands and single functions, started or waited for. */
#include "host/host.h"

/* ---- What they have in common ---- */

/* Checks everything that does not depend on the kind of task. */
static wplug_status check(wplug_runtime *runtime, const wplug_plugin *plugin, const char *function,
                          wplug_error *error) {
    wplug_status status = host_enter(runtime, function, error);
    if (status) return status;
    if (!host_plugin_is_alive(plugin)) {
        return host_fail(error, WPLUG_MISUSE, "%s: the plugin is %s", function,
                         plugin ? "freed, or none" : "NULL");
    }
    if (runtime->is_closing) return host_fail(error, WPLUG_GONE, "%s: the runtime is being freed", function);
    return WPLUG_OK;
}

static wplug_status set_priority(host_task *task, int priority, wplug_error *error) {
    if (priority < WPLUG_PRIORITY_LOWEST || priority > WPLUG_PRIORITY_HIGHEST) {
        return host_fail(error, WPLUG_MISUSE, "the priority is %d, which is not from %d to %d", priority,
                         WPLUG_PRIORITY_LOWEST, WPLUG_PRIORITY_HIGHEST);
    }
    task->place.level = (uint8_t)(WPLUG_PRIORITY_HIGHEST - priority);
    return WPLUG_OK;
}

static wplug_status copy_name(host_task *task, const char *name, wplug_error *error) {
    size_t size = strlen(name) + 1;
    task->method = task->short_method;
    if (size > sizeof task->short_method) task->method = base_alloc(task->allocator, size);
    if (!task->method) return host_no_memory(error);
    memcpy(task->method, name, size);
    return WPLUG_OK;
}

/* A task that is complete goes to the queue; one that could not be completed goes away. */
static wplug_status launch(host_task *task, wplug_status status, wplug_done_fn done, void *user,
                           wplug_task *id, wplug_error *error) {
    if (status) {
        host_task_free(task);
        return status;
    }
    task->done = done;
    task->done_user = user;
    if (id) *id = task->id;
    host_task_launch(task);
    host_runtime_news(task->runtime);
    return host_ok(error);
}

/* A task that its starter waits for. */
typedef struct waiter {
    bool is_over;
    wplug_result *result;
} waiter;

static void keep_result(void *user, wplug_task task, wplug_result *result) {
    waiter *own = user;
    own->result = wplug_result_retain(result);
}

/* Whether a blocking function may be used here and now; *result is NULL afterwards. */
static wplug_status check_blocking(wplug_runtime *runtime, const wplug_plugin *plugin, const char *function,
                                   wplug_result **result, wplug_error *error) {
    if (result) *result = NULL;
    wplug_status status = check(runtime, plugin, function, error);
    if (status || runtime->depth < WPLUG_NESTING_MAX) return status;
    return host_fail(error, WPLUG_TOO_DEEP, "%s: %d blocking calls are nested in each other already",
                     function, WPLUG_NESTING_MAX);
}

/* Waits until the task, which was started with keep_result, is gone, its last log lines included. */
static wplug_status wait_for(wplug_runtime *runtime, wplug_task id, waiter *own, wplug_result **result,
                             wplug_error *error) {
    host_task *task = host_queue_find(runtime, id);
    task->is_freed = &own->is_over;
    wplug_status status = host_runtime_run_until(runtime, &own->is_over);
    if (!own->is_over) {
        task->is_freed = NULL;
        task->done = NULL;
        wplug_task_cancel(runtime, id);
    }
    if (status || !own->result) {
        wplug_result_release(own->result);
        return host_fail(error, status, "the runtime could not go on: %s", wplug_status_text(status));
    }
    status = own->result->status;
    host_fail(error, status, "%s", own->result->message);
    if (result)
        *result = own->result;
    else
        wplug_result_release(own->result);
    return status;
}

/* ---- Calls ---- */

static wplug_status read_params(const char *params, base_bytes *out, wplug_error *error) {
    *out = BASE_LITERAL("null");
    if (!params) return WPLUG_OK;
    base_error why;
    if (json_validate(base_bytes_from_text(params), JSON_DEPTH_CEILING, out, &why) == BASE_OK)
        return WPLUG_OK;
    return host_fail(error, WPLUG_BAD_JSON, "the params are not JSON: %s", why.message);
}

wplug_status host_call_make(const base_allocator *allocator, wplug_plugin *plugin, const char *method,
                            const char *params, const wplug_call_options *options, host_task **out,
                            wplug_error *error) {
    wplug_call_options own;
    if (!host_read_struct(&own, sizeof own, options)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_call_options: call wplug_call_options_init first");
    }
    if (!plugin->is_command) {
        return host_fail(error, WPLUG_NO_START,
                         "plugin \"%s\" has no `_start` export: it has no methods to call", plugin->name);
    }
    base_bytes value;
    wplug_status status = read_params(params, &value, error);
    if (status) return status;
    host_task *task;
    status = host_task_make(allocator, plugin, HOST_CALL, own.limits, &task, error);
    if (status) return status;
    task->context = own.context;
    status = set_priority(task, own.priority, error);
    if (!status) status = copy_name(task, method, error);
    if (!status) status = host_conversation_start(task, base_bytes_from_text(method), value, error);
    if (status)
        host_task_free(task);
    else
        *out = task;
    return status;
}

wplug_status wplug_call_start(wplug_runtime *runtime, wplug_plugin *plugin, const char *method,
                              const char *params, const wplug_call_options *options, wplug_done_fn done,
                              void *user, wplug_task *id, wplug_error *error) {
    if (id) *id = 0;
    wplug_status status = check(runtime, plugin, "wplug_call_start", error);
    if (status) return status;
    if (!method) return host_fail(error, WPLUG_MISUSE, "a call's method is NULL");
    host_task *task;
    status = host_call_make(&runtime->allocator, plugin, method, params, options, &task, error);
    if (status) return status;
    if (host_task_join(task, runtime) != WPLUG_OK) status = host_no_memory(error);
    return launch(task, status, done, user, id, error);
}

wplug_status wplug_call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method, const char *params,
                        const wplug_call_options *options, wplug_result **result, wplug_error *error) {
    wplug_status status = check_blocking(runtime, plugin, "wplug_call", result, error);
    if (status) return status;
    waiter own = {false, NULL};
    wplug_task id;
    status = wplug_call_start(runtime, plugin, method, params, options, keep_result, &own, &id, error);
    return status ? status : wait_for(runtime, id, &own, result, error);
}

/* ---- Commands and single functions ---- */

static wplug_status set_up_stdio(host_task *task, const wplug_command_options *options, wplug_error *error) {
    wplug_status priority = set_priority(task, options->priority, error);
    if (priority) return priority;
    task->read = options->read;
    task->write = options->write;
    task->stdio_user = options->stdio_user;
    if (!options->args) return WPLUG_OK;
    base_error why;
    base_status status =
        wasi_strings_make(&task->runtime->allocator, options->args, options->arg_count, &task->args, &why);
    task->has_args = true;
    if (status == BASE_NO_MEMORY) return host_no_memory(error);
    return status ? host_fail(error, WPLUG_MISUSE, "%s", why.message) : WPLUG_OK;
}

static wplug_status read_options(const wplug_command_options *options, wplug_command_options *own,
                                 wplug_error *error) {
    if (host_read_struct(own, sizeof *own, options) && (own->args || own->arg_count == 0)) return WPLUG_OK;
    return host_fail(
        error, WPLUG_MISUSE,
        "wplug_command_options: call wplug_command_options_init first, and give no count without a list");
}

wplug_status wplug_command_start(wplug_runtime *runtime, wplug_plugin *plugin,
                                 const wplug_command_options *options, wplug_done_fn done, void *user,
                                 wplug_task *id, wplug_error *error) {
    if (id) *id = 0;
    wplug_status status = check(runtime, plugin, "wplug_command_start", error);
    if (status) return status;
    wplug_command_options own;
    status = read_options(options, &own, error);
    if (status) return status;
    if (!plugin->is_command) {
        return host_fail(error, WPLUG_NO_START, "plugin \"%s\" has no `_start` export: it is no command",
                         plugin->name);
    }
    host_task *task;
    status = host_task_new(runtime, plugin, HOST_COMMAND, own.limits, &task, error);
    if (status) return status;
    status = set_up_stdio(task, &own, error);
    return launch(task, status, done, user, id, error);
}

wplug_status wplug_command(wplug_runtime *runtime, wplug_plugin *plugin, const wplug_command_options *options,
                           wplug_result **result, wplug_error *error) {
    wplug_status status = check_blocking(runtime, plugin, "wplug_command", result, error);
    if (status) return status;
    waiter own = {false, NULL};
    wplug_task id;
    status = wplug_command_start(runtime, plugin, options, keep_result, &own, &id, error);
    return status ? status : wait_for(runtime, id, &own, result, error);
}

static wplug_status find_function(const wplug_plugin *plugin, const char *name, const engine_functype **type,
                                  wplug_error *error) {
    *type = NULL;
    engine_export export;
    if (!engine_module_find_export(plugin->module, base_bytes_from_text(name), &export)) {
        return host_fail(error, WPLUG_NO_EXPORT, "plugin \"%s\" exports nothing called \"%.200s\"",
                         plugin->name, name);
    }
    if (export.type.kind != ENGINE_FUNC) {
        return host_fail(error, WPLUG_NO_EXPORT, "the export \"%.200s\" of plugin \"%s\" is not a function",
                         name, plugin->name);
    }
    *type = export.type.func;
    return WPLUG_OK;
}

static wplug_status read_arguments(host_task *task, const engine_functype *type, const char *const *arguments,
                                   wplug_error *error) {
    if (type->param_cells == 0) return WPLUG_OK;
    task->arguments =
        base_alloc_zeroed(&task->runtime->allocator, type->param_cells, sizeof *task->arguments);
    if (!task->arguments) return host_no_memory(error);
    task->argument_cells = type->param_cells;
    uint64_t *cell = task->arguments;
    for (uint32_t i = 0; i < type->param_count; i++) {
        if (!arguments[i]) return host_fail(error, WPLUG_MISUSE, "wplug_invoke: argument %u is NULL", i + 1);
        if (!host_value_read(type->params[i], arguments[i], cell)) {
            return host_fail(error, WPLUG_BAD_ARGUMENT,
                             "argument %u of \"%.200s\" is \"%.100s\", which is no %s", i + 1, task->method,
                             arguments[i], engine_type_name(type->params[i]).text);
        }
        cell += engine_cells(type->params[i]);
    }
    return WPLUG_OK;
}

wplug_status wplug_invoke_start(wplug_runtime *runtime, wplug_plugin *plugin, const char *export_name,
                                const char *const *arguments, size_t argument_count,
                                const wplug_command_options *options, wplug_done_fn done, void *user,
                                wplug_task *id, wplug_error *error) {
    if (id) *id = 0;
    wplug_status status = check(runtime, plugin, "wplug_invoke_start", error);
    if (status) return status;
    if (!export_name || (argument_count > 0 && !arguments)) {
        return host_fail(error, WPLUG_MISUSE, "the export to invoke, or its arguments, are NULL");
    }
    wplug_command_options own;
    status = read_options(options, &own, error);
    if (status) return status;
    const engine_functype *type;
    status = find_function(plugin, export_name, &type, error);
    if (status) return status;
    if (argument_count != type->param_count) {
        return host_fail(error, WPLUG_BAD_ARGUMENT, "\"%.200s\" takes %u arguments, not %zu", export_name,
                         type->param_count, argument_count);
    }
    host_task *task;
    status = host_task_new(runtime, plugin, HOST_INVOKE, own.limits, &task, error);
    if (status) return status;
    status = copy_name(task, export_name, error);
    if (!status) status = set_up_stdio(task, &own, error);
    if (!status) status = read_arguments(task, type, arguments, error);
    return launch(task, status, done, user, id, error);
}

wplug_status wplug_invoke(wplug_runtime *runtime, wplug_plugin *plugin, const char *export_name,
                          const char *const *arguments, size_t argument_count,
                          const wplug_command_options *options, wplug_result **result, wplug_error *error) {
    wplug_status status = check_blocking(runtime, plugin, "wplug_invoke", result, error);
    if (status) return status;
    waiter own = {false, NULL};
    wplug_task id;
    status = wplug_invoke_start(runtime, plugin, export_name, arguments, argument_count, options, keep_result,
                                &own, &id, error);
    return status ? status : wait_for(runtime, id, &own, result, error);
}
