/* Owns making and dropping a task's sandbox: store, instance, run. Every task gets a new one; snapshots and
 * pools will go behind the same two functions. */
#include "host/host.h"

/* ---- Imports ---- */

/* Stands for an imported function that nobody provides. */
static engine_host_result call_unknown(void *user, engine_exec *exec, uint64_t *cells) {
    const host_unknown_import *unknown = user;
    engine_exec_trap_set(exec, "the guest called the import %s, which nobody provides", unknown->text);
    return ENGINE_HOST_TRAP;
}

static host_unknown_import *find_unknown(const wplug_plugin *plugin, const engine_import *import) {
    for (size_t i = 0; i < plugin->unknown_count; i++) {
        host_unknown_import *unknown = &plugin->unknown[i];
        if (base_bytes_equal(unknown->name, import->name) &&
            base_bytes_equal(unknown->module, import->module)) {
            return unknown;
        }
    }
    return NULL;
}

static base_status link_import(host_task *task, const engine_import *import, engine_extern *out) {
    if (host_provides(import)) return wasi_link(&task->wasi, task->store, import->name, out);
    host_unknown_import *unknown = find_unknown(task->plugin, import);
    if (!unknown || import->type.kind != ENGINE_FUNC) return BASE_NOT_FOUND;
    const engine_functype *type = import->type.func;
    return engine_host_func_new(task->store, unknown->text, type->params, type->param_count, type->results,
                                type->result_count, call_unknown, unknown, out);
}

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    host_task *task = user;
    base_status status = link_import(task, import, out);
    if (status == BASE_NO_MEMORY) task->link_no_memory = true;
    return status == BASE_OK;
}

/* ---- Limits ---- */

static uint64_t at_most(uint64_t value, uint64_t most) {
    return value < most ? value : most;
}

static engine_limits engine_limits_of(const wplug_limits *limits) {
    enum { PAGE_BITS = 16 };
    const uint64_t largest_stack = (uint64_t)1 << 30; /* what "unlimited" comes to */
    uint64_t pages = limits->memory_bytes >> PAGE_BITS;
    return (engine_limits){
        .memory_pages = pages > 0 ? pages : 1, /* 0 would mean the engine's own default */
        .table_elements = limits->table_elements,
        .stack_bytes = (size_t)at_most(limits->stack_bytes, largest_stack),
        .depth = (uint32_t)at_most(limits->depth, UINT32_MAX),
    };
}

/* What the module wants from the start, all memories (in pages) or tables (in elements) together. */
static uint64_t initial_total(const engine_module *module, engine_kind kind) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < engine_module_count(module, kind); i++) {
        uint64_t min = engine_module_type(module, kind, i).limits.min;
        total = total > UINT64_MAX - min ? UINT64_MAX : total + min;
    }
    return total;
}

static wplug_status check_initial(const host_task *task, const engine_limits *limits, wplug_error *error) {
    uint64_t pages = initial_total(task->plugin->module, ENGINE_MEMORY);
    if (pages > limits->memory_pages) {
        return host_fail(error, WPLUG_MEMORY_LIMIT,
                         "the plugin needs %llu pages of memory from the start, and its limit is %llu",
                         (unsigned long long)pages, (unsigned long long)limits->memory_pages);
    }
    uint64_t elements = initial_total(task->plugin->module, ENGINE_TABLE);
    if (elements > limits->table_elements) {
        return host_fail(error, WPLUG_TABLE_LIMIT,
                         "the plugin needs tables of %llu elements from the start, and its limit is %llu",
                         (unsigned long long)elements, (unsigned long long)limits->table_elements);
    }
    return WPLUG_OK;
}

/* ---- Sandboxes ---- */

static wplug_status instantiate(host_task *task, wplug_error *error) {
    base_error why;
    engine_trap_code trap = ENGINE_TRAP_NONE;
    base_status status =
        engine_instantiate(task->store, task->plugin->module, resolve, task, &task->instance, &trap, &why);
    if (task->link_no_memory || status == BASE_NO_MEMORY) return host_no_memory(error);
    switch (status) {
    case BASE_OK: return WPLUG_OK;
    case BASE_LIMIT: return host_fail(error, WPLUG_MEMORY_LIMIT, "%s", why.message);
    case BASE_UNLINKABLE: return host_fail(error, WPLUG_UNKNOWN_IMPORTS, "%s", why.message);
    default: return host_fail(error, trap ? WPLUG_TRAP : WPLUG_INVALID, "%s", why.message);
    }
}

wplug_status host_sandbox_acquire(host_task *task, wplug_error *error) {
    engine_limits limits = engine_limits_of(&task->limits);
    wplug_status status = check_initial(task, &limits, error);
    if (status) return status;
    if (engine_store_new(&task->runtime->allocator, &limits, &task->store) != BASE_OK)
        return host_no_memory(error);
    status = instantiate(task, error);
    if (!status && engine_exec_new(task->store, &task->exec) != BASE_OK) status = host_no_memory(error);
    return status;
}

void host_sandbox_release(host_task *task) {
    engine_exec_free(task->exec);
    if (task->store) engine_store_free(task->store);
    task->exec = NULL;
    task->store = NULL;
    task->instance = NULL;
}
