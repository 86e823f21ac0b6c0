/* Owns snapshots: taking them, and making stores from them again and again.
 *
 * References are tokens and return addresses point into the module's code, so everything in a store can be copied as
 * bytes. A snapshot is one instance and one run that waits in a host function:
 *
 *     memories    size, pieces of 4 KiB that are not all zero     copied, or an image of the system's that is mapped
 *     tables      elements
 *     instance    global cells, dropped segments
 *     exceptions  tag (by index), cells, place in the store's list
 *     exec        |== live slots ==|....|    pc, fp, accumulators, fuel, depth
 *                 ^stack           ^fp + the host function's cells: nothing above it is ever read before it is written
 */
#include "engine/interpreter.h"

#include "base/os.h"

enum {
    PIECE = 4096,
    TABLE_ROOM = 1 << 14 /* elements that a table keeps room for, beyond its own, when it is reset */
};
/* What a mapped memory keeps resident of its own when it is reset, and the least it can grow by in its place. */
#define KEEP_MAPPED ((size_t)512 << 10)
#define GROWTH_ROOM ((uint64_t)1 << 20)

typedef struct memory_state {
    uint64_t size;
    os_image *image; /* or */
    uint8_t *copy;   /* os_pages of `size` bytes, in which only pieces that are not zero are written */
    uint8_t *pieces; /* a bit for each: whether it is other than zero */
} memory_state;

typedef struct table_state {
    uint64_t size;
    uint64_t *elements;
} table_state;

typedef struct exception_state {
    uint32_t place, tag, cell_count;
    uint64_t *cells;
} exception_state;

struct engine_snapshot {
    base_allocator allocator;
    engine_module *module; /* retained */
    uint64_t copy_max;
    memory_state *memories;
    uint32_t memory_count;
    table_state *tables;
    uint32_t table_count;
    uint64_t *global_cells;
    uint32_t global_cell_count;
    uint8_t *dropped; /* data segments, then element segments */
    uint32_t data_count, elem_count;
    exception_state *exceptions;
    uint32_t exception_live;
    uint32_t exception_count, exception_place, exception_sweep_at; /* as in the store */
    uint64_t memory_pages, table_elements;

    uint64_t *stack;
    size_t live_slots;
    size_t stack_slots; /* as many as the stack had: not less than it ever needed */
    const engine_word *pc;
    size_t fp;
    uint64_t a;
    float s;
    double d;
    int64_t depth_used;
    uint64_t foreign, func, fuel_used;
    int64_t fuel; /* a debt, or 0 */
};

/* ---- Memories ------------------------------------------------------------------------------------------ */

static bool is_zero(const uint8_t *bytes, size_t size) {
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static size_t pieces_size(uint64_t size) {
    return (size_t)(size / PIECE + 7) / 8;
}

static bool has_piece(const memory_state *state, size_t piece) {
    return state->pieces[piece / 8] >> piece % 8 & 1;
}

/* The end of the run of pieces of one kind that begins at `piece`. */
static size_t run_end(const memory_state *state, size_t piece) {
    const bool kind = has_piece(state, piece);
    const size_t count = (size_t)(state->size / PIECE);
    while (piece < count && has_piece(state, piece) == kind) piece++;
    return piece;
}

static const uint8_t *bytes_of(const memory_state *state) {
    return state->image ? os_image_bytes(state->image) : state->copy;
}

static base_status take_memory(const engine_snapshot *snapshot, const engine_memory *memory,
                               memory_state *state) {
    state->size = memory->size;
    if (!memory->size) return BASE_OK;
    state->pieces = base_alloc_zeroed(&snapshot->allocator, pieces_size(memory->size), 1);
    if (!state->pieces) return BASE_NO_MEMORY;
    uint64_t end = 0;
    for (uint64_t at = 0; at < memory->size; at += PIECE) {
        if (is_zero(memory->data + at, PIECE)) continue;
        state->pieces[at / PIECE / 8] |= (uint8_t)(1u << at / PIECE % 8);
        end = at + PIECE;
    }
    if (memory->size > snapshot->copy_max) {
        const base_status status =
            os_image_new(&snapshot->allocator, memory->data, (size_t)end, &state->image);
        if (status != BASE_UNSUPPORTED) return status;
    }
    state->copy = os_pages_alloc((size_t)memory->size);
    if (!state->copy) return BASE_NO_MEMORY;
    const size_t count = (size_t)(memory->size / PIECE);
    for (size_t piece = 0, next; piece < count; piece = next) {
        next = run_end(state, piece);
        if (has_piece(state, piece))
            memcpy(state->copy + piece * PIECE, memory->data + piece * PIECE, (next - piece) * PIECE);
    }
    return BASE_OK;
}

static void free_memory_state(const engine_snapshot *snapshot, memory_state *state) {
    os_image_free(state->image);
    os_pages_free(state->copy, (size_t)state->size);
    base_free(&snapshot->allocator, state->pieces, pieces_size(state->size));
}

static void set_size(engine_memory *memory, uint64_t size) {
    memory->store->memory_pages += size / ENGINE_PAGE_SIZE;
    memory->store->memory_pages -= memory->size / ENGINE_PAGE_SIZE;
    memory->size = size;
}

static void drop_pages(engine_memory *memory) {
    if (memory->data) os_pages_free(memory->data, (size_t)memory->capacity);
    memory->data = NULL;
    memory->capacity = 0;
    memory->is_mapped = false;
    set_size(memory, 0);
}

static bool map_memory(engine_memory *memory, const memory_state *state) {
    const uint64_t room = (state->size - os_image_size(state->image)) + state->size / 2 + GROWTH_ROOM;
    if (room > SIZE_MAX / 2) return false;
    memory->data = os_image_map(state->image, (size_t)room);
    if (!memory->data) return false;
    memory->capacity = os_image_size(state->image) + room;
    memory->is_mapped = true;
    set_size(memory, state->size);
    return true;
}

/* Fills a memory that has no pages. */
static bool open_memory(engine_memory *memory, const memory_state *state, bool may_map) {
    if (!state->size) return true;
    if (state->image && may_map && map_memory(memory, state)) return true;
    if (!engine_memory_resize(memory, state->size)) return false;
    const size_t count = (size_t)(state->size / PIECE);
    for (size_t piece = 0, next; piece < count; piece = next) {
        next = run_end(state, piece);
        if (has_piece(state, piece))
            memcpy(memory->data + piece * PIECE, bytes_of(state) + piece * PIECE, (next - piece) * PIECE);
    }
    return true;
}

static bool reset_memory(const engine_snapshot *snapshot, engine_memory *memory, const memory_state *state) {
    if (memory->is_mapped) {
        if (!os_image_reset(state->image, memory->data, (size_t)memory->size, KEEP_MAPPED)) return false;
        set_size(memory, state->size);
        return true;
    }
    /* To copy a small memory costs less than to find out what was changed. */
    if (memory->capacity > state->size + snapshot->copy_max || state->size > snapshot->copy_max) {
        drop_pages(memory);
        return open_memory(memory, state, true);
    }
    if (memory->size > state->size)
        memset(memory->data + state->size, 0, (size_t)(memory->size - state->size));
    set_size(memory, state->size);
    const size_t count = (size_t)(state->size / PIECE);
    for (size_t piece = 0, next; piece < count; piece = next) {
        next = run_end(state, piece);
        if (has_piece(state, piece))
            memcpy(memory->data + piece * PIECE, bytes_of(state) + piece * PIECE, (next - piece) * PIECE);
        else
            memset(memory->data + piece * PIECE, 0, (next - piece) * PIECE);
    }
    return true;
}

/* ---- Tables -------------------------------------------------------------------------------------------- */

static base_status take_table(const engine_snapshot *snapshot, const engine_table *table,
                              table_state *state) {
    state->size = table->size;
    if (!table->size) return BASE_OK;
    const size_t size = (size_t)table->size * sizeof *table->elements;
    state->elements = base_alloc(&snapshot->allocator, size);
    if (!state->elements) return BASE_NO_MEMORY;
    memcpy(state->elements, table->elements, size);
    return BASE_OK;
}

static void free_table_state(const engine_snapshot *snapshot, table_state *state) {
    base_free(&snapshot->allocator, state->elements, (size_t)state->size * sizeof *state->elements);
}

static bool reset_table(engine_table *table, const table_state *state) {
    const uint64_t old_size = table->size;
    table->store->table_elements += state->size;
    table->store->table_elements -= old_size;
    table->size = state->size < old_size ? state->size : old_size;
    const bool is_roomy = table->capacity > state->size + TABLE_ROOM;
    if ((is_roomy || table->capacity < state->size) && !engine_table_set_capacity(table, state->size))
        return false;
    table->size = state->size;
    if (state->size) memcpy(table->elements, state->elements, (size_t)state->size * sizeof *table->elements);
    const uint64_t end = old_size < table->capacity ? old_size : table->capacity;
    if (end > state->size)
        memset(table->elements + state->size, 0, (size_t)(end - state->size) * sizeof *table->elements);
    return true;
}

/* ---- Exceptions ---------------------------------------------------------------------------------------- */

static base_status take_exceptions(engine_snapshot *snapshot, const engine_store *store,
                                   const engine_instance *instance) {
    snapshot->exception_count = store->exception_count;
    snapshot->exception_place = store->exception_place;
    snapshot->exception_sweep_at = store->exception_sweep_at;
    if (!store->exception_live) return BASE_OK;
    snapshot->exceptions =
        base_alloc_zeroed(&snapshot->allocator, store->exception_live, sizeof *snapshot->exceptions);
    if (!snapshot->exceptions) return BASE_NO_MEMORY;
    snapshot->exception_live = store->exception_live;
    exception_state *to = snapshot->exceptions;
    for (uint32_t place = 0; place < store->exception_count; place++) {
        const engine_exception *from = store->exceptions[place];
        if (!from) continue;
        to->place = place;
        to->tag = (uint32_t)(from->tag - instance->own_tags);
        to->cells = base_alloc(&snapshot->allocator, from->cell_count * sizeof *to->cells);
        if (!to->cells) return BASE_NO_MEMORY;
        to->cell_count = from->cell_count;
        if (to->cell_count) memcpy(to->cells, from->cells, to->cell_count * sizeof *to->cells);
        to++;
    }
    return BASE_OK;
}

static void free_exception_states(engine_snapshot *snapshot) {
    for (uint32_t i = 0; i < snapshot->exception_live; i++) {
        exception_state *state = &snapshot->exceptions[i];
        base_free(&snapshot->allocator, state->cells, state->cell_count * sizeof *state->cells);
    }
    base_free(&snapshot->allocator, snapshot->exceptions,
              snapshot->exception_live * sizeof *snapshot->exceptions);
}

static bool reset_exceptions(const engine_snapshot *snapshot, engine_store *store,
                             const engine_instance *instance) {
    if (store->exceptions) {
        engine_exceptions_free(store);
        store->exceptions = NULL;
    }
    store->exception_count = store->exception_capacity = store->exception_live = 0;
    store->exception_place = snapshot->exception_place;
    store->exception_sweep_at = snapshot->exception_sweep_at;
    if (!snapshot->exception_count) return true;
    store->exceptions =
        base_alloc_zeroed(store->allocator, snapshot->exception_count, sizeof *store->exceptions);
    if (!store->exceptions) return false;
    store->exception_count = store->exception_capacity = snapshot->exception_count;
    for (uint32_t i = 0; i < snapshot->exception_live; i++) {
        const exception_state *from = &snapshot->exceptions[i];
        engine_exception *made = engine_exception_new(store->allocator, &instance->own_tags[from->tag],
                                                      from->cell_count, from->cells);
        if (!made) return false;
        store->exceptions[from->place] = made;
        store->exception_live++;
    }
    return true;
}

/* ---- The run ------------------------------------------------------------------------------------------- */

static base_status take_run(engine_snapshot *snapshot, const engine_exec *exec) {
    /* The host function's arguments, and room for its results, are the top of what is live. */
    const engine_functype *type = engine_token_type(exec->store, exec->foreign);
    const uint32_t cells = type->param_cells > type->result_cells ? type->param_cells : type->result_cells;
    snapshot->fp = (size_t)(exec->fp - exec->stack);
    snapshot->live_slots = snapshot->fp + cells;
    snapshot->stack = base_alloc(&snapshot->allocator, snapshot->live_slots * sizeof *snapshot->stack);
    if (!snapshot->stack) return BASE_NO_MEMORY;
    if (snapshot->live_slots)
        memcpy(snapshot->stack, exec->stack, snapshot->live_slots * sizeof *snapshot->stack);
    snapshot->stack_slots = exec->stack_slots;
    snapshot->pc = exec->pc;
    snapshot->a = exec->a;
    snapshot->s = exec->s;
    snapshot->d = exec->d;
    snapshot->depth_used = exec->store->limits.depth - exec->depth_left;
    snapshot->foreign = exec->foreign;
    snapshot->func = exec->func;
    snapshot->fuel_used = engine_exec_fuel_used(exec);
    snapshot->fuel = exec->fuel < 0 ? exec->fuel : 0;
    return BASE_OK;
}

/* A stack that has grown goes: the next run shall have as much, and grow it under its own limits. */
static bool reset_stack(const engine_snapshot *snapshot, engine_exec *exec) {
    if (!exec->stack || exec->stack_slots != snapshot->stack_slots)
        if (engine_exec_new_stack(exec, snapshot->stack_slots, 0) != BASE_OK) return false;
    const size_t all = snapshot->stack_slots + ENGINE_STACK_SLACK;
    memcpy(exec->stack, snapshot->stack, snapshot->live_slots * sizeof *exec->stack);
    memset(exec->stack + snapshot->live_slots, 0, (all - snapshot->live_slots) * sizeof *exec->stack);
    return true;
}

static bool reset_run(const engine_snapshot *snapshot, engine_exec *exec) {
    engine_store *store = exec->store;
    if (!reset_stack(snapshot, exec)) return false;
    exec->fixed = snapshot->module->fixed;
    exec->pc = snapshot->pc;
    exec->fp = exec->stack + snapshot->fp;
    exec->a = snapshot->a;
    exec->s = snapshot->s;
    exec->d = snapshot->d;
    /* Nobody looks at it across a stop, but it is the last call's. */
    memset(exec->vector, 0, sizeof exec->vector);
    exec->depth_left = store->limits.depth - snapshot->depth_used;
    exec->foreign = snapshot->foreign;
    exec->func = snapshot->func;
    exec->type = engine_token_type(store, snapshot->func);
    exec->fuel = exec->fuel_granted = snapshot->fuel;
    exec->fuel_used = snapshot->fuel_used;
    exec->outcome = ENGINE_WAITING;
    exec->started = true;
    exec->running = exec->host_running = false;
    exec->trap = ENGINE_TRAP_NONE;
    memset(exec->trap_message, 0, sizeof exec->trap_message);
    exec->boundary_count = 0;
    engine_exec_enter_instance(exec, store->instances[1]);
    return true;
}

/* ---- Whole snapshots ----------------------------------------------------------------------------------- */

/* Whether everything in the store is the instance's own, and what the guest saw does not depend on limits. */
static bool can_take(const engine_exec *exec) {
    const engine_store *store = exec->store;
    if (exec->outcome != ENGINE_WAITING || exec->running || exec->boundary_count) return false;
    if (store->instance_count != 2 || store->globals || exec->next || exec->previous) return false;
    if (store->memory_denials || store->table_denials || store->was_short) return false;
    const engine_module *module = store->instances[1]->module;
    if (engine_token_instance(exec->func) == ENGINE_HOST_INSTANCE || exec->instance != store->instances[1])
        return false;
    return !module->memory_import_count && !module->table_import_count && !module->global_import_count &&
           !module->tag_import_count;
}

static base_status take_instance(engine_snapshot *snapshot, const engine_instance *instance) {
    const engine_module *module = instance->module;
    const base_allocator *allocator = &snapshot->allocator;
    snapshot->memories = base_alloc_zeroed(allocator, module->memory_count, sizeof *snapshot->memories);
    if (!snapshot->memories) return BASE_NO_MEMORY;
    snapshot->memory_count = module->memory_count;
    snapshot->tables = base_alloc_zeroed(allocator, module->table_count, sizeof *snapshot->tables);
    if (!snapshot->tables) return BASE_NO_MEMORY;
    snapshot->table_count = module->table_count;
    base_status status = BASE_OK;
    for (uint32_t i = 0; i < module->memory_count && !status; i++)
        status = take_memory(snapshot, instance->memories[i], &snapshot->memories[i]);
    for (uint32_t i = 0; i < module->table_count && !status; i++)
        status = take_table(snapshot, instance->tables[i], &snapshot->tables[i]);
    if (status) return status;
    const size_t cells_size = instance->global_cell_count * sizeof *snapshot->global_cells;
    snapshot->global_cells = base_alloc(allocator, cells_size);
    if (!snapshot->global_cells) return BASE_NO_MEMORY;
    snapshot->global_cell_count = instance->global_cell_count;
    if (cells_size) memcpy(snapshot->global_cells, instance->global_cells, cells_size);
    snapshot->dropped = base_alloc(allocator, (size_t)module->data_count + module->elem_count);
    if (!snapshot->dropped) return BASE_NO_MEMORY;
    snapshot->data_count = module->data_count;
    snapshot->elem_count = module->elem_count;
    if (module->data_count) memcpy(snapshot->dropped, instance->data_dropped, module->data_count);
    if (module->elem_count)
        memcpy(snapshot->dropped + module->data_count, instance->elem_dropped, module->elem_count);
    return BASE_OK;
}

base_status engine_snapshot_take(const base_allocator *allocator, const engine_exec *exec, uint64_t copy_max,
                                 engine_snapshot **out) {
    *out = NULL;
    if (!can_take(exec)) return BASE_UNSUPPORTED;
    engine_snapshot *snapshot = base_alloc_zeroed(allocator, 1, sizeof *snapshot);
    if (!snapshot) return BASE_NO_MEMORY;
    const engine_store *store = exec->store;
    const engine_instance *instance = store->instances[1];
    snapshot->allocator = allocator ? *allocator : *base_default_allocator();
    snapshot->module = engine_module_retain(instance->module);
    snapshot->copy_max = copy_max;
    snapshot->memory_pages = store->memory_pages;
    snapshot->table_elements = store->table_elements;
    base_status status = take_instance(snapshot, instance);
    if (!status) status = take_exceptions(snapshot, store, instance);
    if (!status) status = take_run(snapshot, exec);
    if (status) {
        engine_snapshot_free(snapshot);
        return status;
    }
    *out = snapshot;
    return BASE_OK;
}

void engine_snapshot_free(engine_snapshot *snapshot) {
    if (!snapshot) return;
    const base_allocator allocator = snapshot->allocator;
    for (uint32_t i = 0; i < snapshot->memory_count; i++) free_memory_state(snapshot, &snapshot->memories[i]);
    for (uint32_t i = 0; i < snapshot->table_count; i++) free_table_state(snapshot, &snapshot->tables[i]);
    free_exception_states(snapshot);
    base_free(&allocator, snapshot->memories, snapshot->memory_count * sizeof *snapshot->memories);
    base_free(&allocator, snapshot->tables, snapshot->table_count * sizeof *snapshot->tables);
    base_free(&allocator, snapshot->global_cells,
              snapshot->global_cell_count * sizeof *snapshot->global_cells);
    base_free(&allocator, snapshot->dropped, (size_t)snapshot->data_count + snapshot->elem_count);
    base_free(&allocator, snapshot->stack, snapshot->live_slots * sizeof *snapshot->stack);
    engine_module_release(snapshot->module);
    base_free(&allocator, snapshot, sizeof *snapshot);
}

uint64_t engine_snapshot_fuel_used(const engine_snapshot *snapshot) {
    return snapshot->fuel_used;
}

bool engine_snapshot_fits(const engine_snapshot *snapshot, const engine_limits *limits) {
    const engine_limits resolved = engine_limits_resolve(limits);
    /* The stack never needed more than it had room for, and each call has at least a slot of its own. */
    return resolved.memory_pages >= snapshot->memory_pages &&
           resolved.table_elements >= snapshot->table_elements &&
           engine_stack_slots(&resolved) >= snapshot->stack_slots &&
           resolved.depth >= snapshot->stack_slots + ENGINE_STACK_SLACK;
}

static void reset_instance(const engine_snapshot *snapshot, engine_instance *instance) {
    if (snapshot->global_cell_count)
        memcpy(instance->global_cells, snapshot->global_cells,
               snapshot->global_cell_count * sizeof *instance->global_cells);
    if (snapshot->data_count) memcpy(instance->data_dropped, snapshot->dropped, snapshot->data_count);
    if (snapshot->elem_count)
        memcpy(instance->elem_dropped, snapshot->dropped + snapshot->data_count, snapshot->elem_count);
}

/* All but the memories. */
static bool reset_rest(const engine_snapshot *snapshot, engine_exec *exec) {
    engine_store *store = exec->store;
    engine_instance *instance = store->instances[1];
    for (uint32_t i = 0; i < snapshot->table_count; i++)
        if (!reset_table(instance->tables[i], &snapshot->tables[i])) return false;
    store->memory_denials = store->table_denials = 0;
    store->was_short = false;
    reset_instance(snapshot, instance);
    return reset_exceptions(snapshot, store, instance) && reset_run(snapshot, exec);
}

base_status engine_snapshot_open(const engine_snapshot *snapshot, engine_store *store, bool may_map,
                                 engine_resolver resolver, void *user, engine_instance **instance,
                                 engine_exec **exec, base_error *error) {
    base_status status = engine_instance_link(store, snapshot->module, true, resolver, user, instance, error);
    if (status) return status;
    if (engine_exec_new(store, exec) != BASE_OK) return base_fail_no_memory(error);
    for (uint32_t i = 0; i < snapshot->memory_count; i++)
        if (!open_memory((*instance)->memories[i], &snapshot->memories[i], may_map))
            return base_fail_no_memory(error);
    return reset_rest(snapshot, *exec) ? BASE_OK : base_fail_no_memory(error);
}

bool engine_snapshot_reset(const engine_snapshot *snapshot, engine_exec *exec) {
    const engine_instance *instance = exec->store->instances[1];
    for (uint32_t i = 0; i < snapshot->memory_count; i++)
        if (!reset_memory(snapshot, instance->memories[i], &snapshot->memories[i])) return false;
    return reset_rest(snapshot, exec);
}
