/* Owns making and dropping a task's sandbox: store, instance, run; and the pool of those that are used again. Every task
 * gets one that is new, or as good as new. */
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
    if (host_provides(import)) return wasi_link(&task->sandbox->wasi, task->store, import->name, out);
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

/* What a store is made of, some twenty small things, lies in one block with its sandbox: that is quicker, and leaves no
 * crumbs in the embedder's memory when thousands of sandboxes go.
 *
 *     | host_sandbox | store | host functions | instance | exec | ... room |
 *
 * What does not fit, and everything that the store asks for once it is made, comes from the runtime's allocator. */
enum { SANDBOX_SIZE = 4096, ROOM_SIZE = SANDBOX_SIZE - sizeof(host_sandbox) };

static void *take_room(host_sandbox *sandbox, size_t size) {
    const size_t unit = _Alignof(max_align_t);
    if (sandbox->is_made || size > ROOM_SIZE - sandbox->room_used) return NULL;
    void *place = (uint8_t *)sandbox->room + sandbox->room_used;
    size_t whole = (size + unit - 1) / unit * unit, left = ROOM_SIZE - sandbox->room_used;
    sandbox->room_used += whole < left ? whole : left;
    return place;
}

static bool is_in_room(const host_sandbox *sandbox, const void *pointer) {
    return (uintptr_t)pointer - (uintptr_t)sandbox->room < ROOM_SIZE;
}

static void *sandbox_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    host_sandbox *sandbox = user;
    if (pointer && !is_in_room(sandbox, pointer))
        return base_resize(sandbox->outer, pointer, old_size, new_size);
    if (new_size == 0) return NULL;
    void *made = take_room(sandbox, new_size);
    if (!made) made = base_alloc(sandbox->outer, new_size);
    if (made && pointer) memcpy(made, pointer, old_size < new_size ? old_size : new_size);
    return made;
}

static void free_sandbox(const base_allocator *allocator, host_sandbox *sandbox) {
    engine_exec_free(sandbox->exec);
    if (sandbox->store) engine_store_free(sandbox->store);
    if (sandbox->is_member) host_plugin_drop(sandbox->plugin);
    base_free(allocator, sandbox, SANDBOX_SIZE);
}

static void take_over(host_task *task, host_sandbox *sandbox) {
    sandbox->wasi = &task->wasi;
    task->sandbox = sandbox;
    task->store = sandbox->store;
    task->instance = sandbox->instance;
    task->exec = sandbox->exec;
}

/* An empty one: with a store in which nothing is yet. */
static wplug_status begin_sandbox(host_task *task, const engine_limits *limits, wplug_error *error) {
    const base_allocator *allocator = &task->runtime->allocator;
    host_sandbox *sandbox = base_alloc(allocator, SANDBOX_SIZE);
    if (!sandbox) return host_no_memory(error);
    memset(sandbox, 0, sizeof *sandbox);
    sandbox->allocator = (base_allocator){sandbox_resize, sandbox};
    sandbox->outer = allocator;
    if (engine_store_new(&sandbox->allocator, limits, &sandbox->store) != BASE_OK) {
        free_sandbox(allocator, sandbox);
        return host_no_memory(error);
    }
    sandbox->plugin = task->plugin;
    take_over(task, sandbox);
    return WPLUG_OK;
}

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

/* A sandbox from the beginning. */
static wplug_status acquire_fresh(host_task *task, const engine_limits *limits, wplug_error *error) {
    wplug_status status = check_initial(task, limits, error);
    if (!status) status = begin_sandbox(task, limits, error);
    if (!status) status = instantiate(task, error);
    if (!status && engine_exec_new(task->store, &task->exec) != BASE_OK) status = host_no_memory(error);
    if (task->sandbox) {
        task->sandbox->instance = task->instance;
        task->sandbox->exec = task->exec;
        task->sandbox->is_made = true;
    }
    return status;
}

/* ---- The pool ---- */

/* Takes an idle sandbox out of the list: the one of that plugin that was used last; for NULL the one that was not used
 * for the longest time. */
static host_sandbox *take_idle(host_pool *pool, const wplug_plugin *plugin) {
    host_sandbox **link = &pool->idle;
    while (*link && (plugin ? (*link)->plugin != plugin : (*link)->next != NULL)) link = &(*link)->next;
    host_sandbox *sandbox = *link;
    if (sandbox) *link = sandbox->next;
    return sandbox;
}

static void drop_member(wplug_runtime *runtime, host_sandbox *sandbox) {
    runtime->pool.member_count--;
    free_sandbox(&runtime->allocator, sandbox);
}

/* Whether there is room for one more member, if need be in place of an idle one. The members are those sandboxes that were
 * made first: others come and go with a crowd of calls, and leave no holes in the allocator's memory. */
static bool make_room(wplug_runtime *runtime) {
    host_pool *pool = &runtime->pool;
    if (pool->member_count < pool->member_limit) return true;
    host_sandbox *idle = take_idle(pool, NULL);
    if (idle) drop_member(runtime, idle);
    return idle != NULL;
}

void host_pool_trim(wplug_runtime *runtime) {
    host_sandbox *idle;
    while ((idle = take_idle(&runtime->pool, NULL)) != NULL) drop_member(runtime, idle);
}

void host_pool_sweep(wplug_runtime *runtime) {
    host_sandbox **link = &runtime->pool.idle;
    while (*link) {
        host_sandbox *sandbox = *link;
        if (host_plugin_is_alive(sandbox->plugin)) {
            link = &sandbox->next;
            continue;
        }
        *link = sandbox->next;
        drop_member(runtime, sandbox);
    }
}

/* A sandbox as the snapshot has it: an idle one, or one more. */
static wplug_status acquire_copy(host_task *task, const host_snapshot *snapshot, const engine_limits *limits,
                                 wplug_error *error) {
    wplug_runtime *runtime = task->runtime;
    host_sandbox *sandbox = take_idle(&runtime->pool, task->plugin);
    if (sandbox) {
        runtime->stats.reused_sandboxes++;
        engine_exec_set_limits(sandbox->exec, limits);
        take_over(task, sandbox);
        return WPLUG_OK;
    }
    bool is_member = make_room(runtime);
    wplug_status status = begin_sandbox(task, limits, error);
    if (status) return status;
    sandbox = task->sandbox;
    base_error why;
    if (engine_snapshot_open(snapshot->engine, sandbox->store, is_member, resolve, task, &sandbox->instance,
                             &sandbox->exec, &why) != BASE_OK) {
        return host_no_memory(error);
    }
    sandbox->is_made = true;
    take_over(task, sandbox);
    if (!is_member) return WPLUG_OK;
    sandbox->snapshot = snapshot;
    sandbox->is_member = true;
    host_plugin_keep(task->plugin);
    runtime->pool.member_count++;
    return WPLUG_OK;
}

/* ---- What tasks ask for ---- */

wplug_status host_sandbox_acquire(host_task *task, wplug_error *error) {
    engine_limits limits = engine_limits_of(&task->limits);
    const host_snapshot *snapshot = host_snapshot_find(task, &limits);
    if (!snapshot) {
        task->runtime->stats.fresh_starts++;
        wplug_status status = acquire_fresh(task, &limits, error);
        if (!status) host_snapshot_begin(task);
        return status;
    }
    task->runtime->stats.snapshot_starts++;
    wplug_status status = acquire_copy(task, snapshot, &limits, error);
    if (!status && host_snapshot_replay(task, snapshot) != WPLUG_OK) status = host_no_memory(error);
    return status;
}

void host_sandbox_release(host_task *task) {
    host_sandbox *sandbox = task->sandbox;
    if (!sandbox) return;
    wplug_runtime *runtime = task->runtime;
    task->sandbox = NULL;
    task->store = NULL;
    task->instance = NULL;
    task->exec = NULL;
    sandbox->wasi = NULL;
    if (!sandbox->is_member) {
        free_sandbox(&runtime->allocator, sandbox);
    } else if (engine_snapshot_reset(sandbox->snapshot->engine, sandbox->exec)) {
        sandbox->next = runtime->pool.idle;
        runtime->pool.idle = sandbox;
    } else {
        drop_member(runtime, sandbox);
    }
}
