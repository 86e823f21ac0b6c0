/* Owns execs: starting, running in slices, stopping; and the services that handlers call when something is
 * too slow or too rare to stand in a handler. The machine itself is in interpreter.c. */
#include "engine/interpreter.h"
#include "engine/opcodes.h"
#include "engine/translate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    BULK_PIECE = 1 << 20,     /* bytes moved before a slice's end is looked for */
    BULK_BYTES_PER_UNIT = 64, /* what one unit of fuel moves */
    /* Vectors in slots that lie across the end of a page are slow to load and store, several times over: the first frames
     * of a run, where a plugin's hot loops often are, shall have none. */
    STACK_ALIGNMENT = 4096
};

static size_t stack_block_size(size_t slots) {
    return slots ? (slots + ENGINE_STACK_SLACK) * sizeof(uint64_t) + STACK_ALIGNMENT - 8 : 0;
}

/* ---- Life ---------------------------------------------------------------------------------------------- */

base_status engine_exec_new(engine_store *store, engine_exec **out) {
    *out = NULL;
    engine_exec *exec = base_alloc_zeroed(store->allocator, 1, sizeof *exec);
    if (!exec) return BASE_NO_MEMORY;
    exec->store = store;
    exec->stack_slots_max = engine_stack_slots(&store->limits);
    engine_fixed_prepare(exec->own_fixed);
    exec->next = store->execs;
    if (exec->next) exec->next->previous = exec;
    store->execs = exec;
    *out = exec;
    return BASE_OK;
}

void engine_exec_free(engine_exec *exec) {
    if (!exec) return;
    const base_allocator *allocator = exec->store->allocator;
    if (exec->next) exec->next->previous = exec->previous;
    if (exec->previous)
        exec->previous->next = exec->next;
    else
        exec->store->execs = exec->next;
    base_free(allocator, exec->stack_block, stack_block_size(exec->stack_slots));
    base_free(allocator, exec->boundaries, exec->boundary_capacity * sizeof *exec->boundaries);
    base_free(allocator, exec, sizeof *exec);
}

void engine_exec_set_limits(engine_exec *exec, const engine_limits *limits) {
    engine_store *store = exec->store;
    const uint32_t depth = store->limits.depth;
    store->limits = engine_limits_resolve(limits);
    exec->depth_left += (int64_t)store->limits.depth - depth;
    exec->stack_slots_max = engine_stack_slots(&store->limits);
}

base_status engine_exec_new_stack(engine_exec *exec, size_t slots, size_t kept) {
    const base_allocator *allocator = exec->store->allocator;
    const size_t all = slots + ENGINE_STACK_SLACK;
    void *block = base_alloc(allocator, stack_block_size(slots));
    if (!block) return BASE_NO_MEMORY;
    const uintptr_t page_mask = STACK_ALIGNMENT - 1;
    uint64_t *stack = (uint64_t *)(((uintptr_t)block + page_mask) & ~page_mask);
    if (kept) memcpy(stack, exec->stack, kept * sizeof *stack);
    memset(stack + kept, 0, (all - kept) * sizeof *stack);
    base_free(allocator, exec->stack_block, stack_block_size(exec->stack_slots));
    exec->stack_block = block;
    exec->stack = stack;
    exec->stack_slots = slots;
    exec->stack_end = stack + slots;
    return BASE_OK;
}

/* Gives the stack at least `slots`. Everything that points into it but `fp` is by slot number. */
static base_status reserve_stack(engine_exec *exec, size_t slots) {
    if (slots <= exec->stack_slots) return BASE_OK;
    if (slots > exec->stack_slots_max) return BASE_LIMIT;
    size_t wanted = exec->stack_slots ? exec->stack_slots * 2 : ENGINE_FIRST_STACK_SLOTS;
    while (wanted < slots) wanted *= 2;
    if (wanted > exec->stack_slots_max) wanted = exec->stack_slots_max;
    const size_t frame = exec->stack ? (size_t)(exec->fp - exec->stack) : 0;
    const size_t kept = exec->stack ? exec->stack_slots + ENGINE_STACK_SLACK : 0;
    const base_status status = engine_exec_new_stack(exec, wanted, kept);
    if (!status) exec->fp = exec->stack + frame;
    return status;
}

static void refresh_memory(engine_exec *exec) {
    const engine_instance *instance = exec->instance;
    const engine_memory *memory =
        instance && engine_module_count(instance->module, ENGINE_MEMORY) ? instance->memories[0] : NULL;
    exec->memory = memory ? memory->data : NULL;
    exec->memory_size = memory ? memory->size : 0;
}

void engine_exec_enter_instance(engine_exec *exec, engine_instance *instance) {
    exec->instance = instance;
    exec->globals = instance ? instance->global_cells : NULL;
    exec->funcs = instance ? instance->module->funcs : NULL;
    exec->token_base = instance ? engine_token(instance->id, 0) - 1 : 0;
    refresh_memory(exec);
}

/* i32 values that come from the host are zero-extended, as slots have them, whatever was left above them. */
static void narrow(const engine_valtype *types, uint32_t count, uint64_t *cells) {
    for (uint32_t i = 0; i < count; i++) {
        if (types[i] == ENGINE_I32 || types[i] == ENGINE_F32) *cells = (uint32_t)*cells;
        cells += engine_cells(types[i]);
    }
}

base_status engine_exec_start(engine_exec *exec, uint64_t func, const uint64_t *arguments,
                              base_error *error) {
    const engine_functype *type = engine_token_type(exec->store, func);
    if (!type) return base_fail(error, BASE_MISUSE, "the reference names no function of this store");
    if (exec->running)
        return base_fail(error, BASE_MISUSE, "the run is in a host function: it cannot start over");
    const size_t cells = type->param_cells > type->result_cells ? type->param_cells : type->result_cells;
    exec->fp = exec->stack;
    const base_status status = reserve_stack(exec, cells + 1 > ENGINE_FIRST_STACK_SLOTS ? cells + 1 : 1);
    if (status == BASE_NO_MEMORY) return base_fail_no_memory(error);
    if (status != BASE_OK)
        return base_fail(error, BASE_LIMIT,
                         "the function's %zu arguments and results do not fit the stack limit", cells);
    exec->fp = exec->stack;
    exec->func = func;
    exec->type = type;
    exec->started = true;
    exec->trap = ENGINE_TRAP_NONE;
    exec->trap_message[0] = 0;
    exec->boundary_count = 0;
    exec->depth_left = exec->store->limits.depth;
    exec->fuel = 0;
    exec->fuel_used = 0;
    exec->fuel_granted = 0;
    exec->outcome = ENGINE_OUT_OF_FUEL;
    if (type->param_cells) memcpy(exec->stack, arguments, type->param_cells * sizeof *arguments);
    narrow(type->params, type->param_count, exec->stack);
    const uint32_t instance = engine_token_instance(func);
    const bool is_host = instance == ENGINE_HOST_INSTANCE;
    exec->fixed = is_host ? exec->own_fixed : exec->store->instances[instance]->module->fixed;
    exec->a = (uint64_t)(uintptr_t)(exec->fixed + ENGINE_FIXED_FINISH);
    exec->s = 0;
    exec->d = 0;
    if (is_host) {
        engine_exec_enter_instance(exec, NULL);
        exec->foreign = func;
        exec->pc = exec->fixed + ENGINE_FIXED_FOREIGN;
    } else {
        engine_exec_enter_instance(exec, exec->store->instances[instance]);
        exec->pc = atomic_load_explicit(&exec->funcs[engine_token_func(func)].entry, memory_order_acquire);
    }
    return BASE_OK;
}

static engine_outcome run(engine_exec *exec) {
    refresh_memory(exec);
    exec->running = true;
    engine_interpret(exec);
    exec->running = false;
    exec->fuel_used += (uint64_t)(exec->fuel_granted - exec->fuel);
    exec->fuel_granted = exec->fuel;
    if (exec->outcome == ENGINE_TRAPPED && !exec->trap_message[0])
        snprintf(exec->trap_message, sizeof exec->trap_message, "%s", engine_trap_text(exec->trap));
    return exec->outcome;
}

engine_outcome engine_exec_run(engine_exec *exec, int64_t fuel) {
    if (!exec->started || exec->outcome == ENGINE_FINISHED || exec->outcome == ENGINE_TRAPPED ||
        exec->running)
        return exec->outcome;
    if (exec->fuel > 0) exec->fuel = 0;
    if (fuel > 0) exec->fuel += fuel;
    exec->fuel_granted = exec->fuel;
    if (exec->fuel < 0) return exec->outcome = ENGINE_OUT_OF_FUEL;
    return run(exec);
}

engine_outcome engine_exec_go_on(engine_exec *exec) {
    return exec->outcome == ENGINE_WAITING && !exec->running ? run(exec) : exec->outcome;
}

uint64_t engine_exec_fuel_used(const engine_exec *exec) {
    return exec->fuel_used + (uint64_t)(exec->fuel_granted - exec->fuel);
}

void engine_exec_charge(engine_exec *exec, uint64_t fuel) {
    exec->fuel -= fuel < INT64_MAX / 4 ? (int64_t)fuel : INT64_MAX / 4;
}

const engine_functype *engine_exec_type(const engine_exec *exec) {
    return exec->type;
}
const uint64_t *engine_exec_results(const engine_exec *exec) {
    return exec->stack;
}
engine_trap_code engine_exec_trap(const engine_exec *exec) {
    return exec->trap;
}
const char *engine_exec_trap_message(const engine_exec *exec) {
    return exec->trap_message;
}
engine_instance *engine_exec_caller(const engine_exec *exec) {
    return exec->host_running ? exec->instance : NULL;
}
engine_store *engine_exec_store(const engine_exec *exec) {
    return exec->store;
}

static void trap(engine_exec *exec, engine_trap_code code) {
    exec->trap = code;
    exec->outcome = ENGINE_TRAPPED;
}

void engine_exec_trap_set(engine_exec *exec, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(exec->trap_message, sizeof exec->trap_message, format, arguments);
    va_end(arguments);
    exec->trap = ENGINE_TRAP_HOST;
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

static engine_func *func_of_stub(const engine_word *stub) {
    return (engine_func *)(uintptr_t)((uintptr_t)stub - offsetof(engine_func, stub));
}

const engine_word *engine_exec_translate(engine_exec *exec, const engine_word *stub) {
    const engine_word *code;
    base_error error;
    const base_status status = engine_translate(func_of_stub(stub), &code, &error);
    if (status == BASE_OK) return code;
    trap(exec, status == BASE_NO_MEMORY ? ENGINE_TRAP_OUT_OF_MEMORY : ENGINE_TRAP_HOST);
    snprintf(exec->trap_message, sizeof exec->trap_message, "%.*s", (int)sizeof exec->trap_message - 1,
             error.message);
    return NULL;
}

uint64_t *engine_exec_grow_stack(engine_exec *exec, uint64_t *fp, size_t slots) {
    exec->fp = fp;
    const base_status status = reserve_stack(exec, (size_t)(fp - exec->stack) + slots);
    if (status == BASE_OK) return exec->fp;
    trap(exec, status == BASE_LIMIT ? ENGINE_TRAP_CALL_STACK_EXHAUSTED : ENGINE_TRAP_OUT_OF_MEMORY);
    return NULL;
}

bool engine_exec_check_foreign(const engine_exec *exec, uint64_t token, uint32_t type) {
    return engine_token_has_type(exec->instance, type, token);
}

uint64_t engine_exec_import_token(const engine_exec *exec, const engine_word *stub) {
    return exec->instance->func_imports[func_of_stub(stub)->index];
}

static engine_import_outcome call_host(engine_exec *exec, const engine_host_func *host) {
    exec->host_running = true;
    const engine_host_result result = host->function(host->user, exec, exec->fp);
    exec->host_running = false;
    refresh_memory(exec);
    if (result == ENGINE_HOST_DONE || result == ENGINE_HOST_YIELD)
        narrow(host->type.results, host->type.result_count, exec->fp);
    switch (result) {
    case ENGINE_HOST_DONE: return ENGINE_IMPORT_RETURN;
    case ENGINE_HOST_YIELD: return ENGINE_IMPORT_YIELD;
    case ENGINE_HOST_PENDING: exec->outcome = ENGINE_WAITING; return ENGINE_IMPORT_STOP;
    case ENGINE_HOST_TRAP: break;
    }
    trap(exec, ENGINE_TRAP_HOST);
    return ENGINE_IMPORT_STOP;
}

/* Makes the function's instance the running one, remembering who to return to. */
static engine_import_outcome call_instance(engine_exec *exec, const engine_word **back,
                                           const engine_word **pc) {
    /* A tail call from a function that itself was called from another instance returns to that one. */
    const bool tail = *back == exec->fixed + ENGINE_FIXED_LEAVE;
    if (!tail && exec->boundary_count == exec->boundary_capacity) {
        const uint32_t wanted = exec->boundary_capacity ? exec->boundary_capacity * 2 : 8;
        engine_boundary *moved = base_resize(exec->store->allocator, exec->boundaries,
                                             exec->boundary_capacity * sizeof *moved, wanted * sizeof *moved);
        if (!moved) {
            trap(exec, ENGINE_TRAP_OUT_OF_MEMORY);
            return ENGINE_IMPORT_STOP;
        }
        exec->boundaries = moved;
        exec->boundary_capacity = wanted;
    }
    if (!tail) exec->boundaries[exec->boundary_count++] = (engine_boundary){*back, exec->instance};
    engine_exec_enter_instance(exec, exec->store->instances[engine_token_instance(exec->foreign)]);
    *back = exec->fixed + ENGINE_FIXED_LEAVE;
    *pc = atomic_load_explicit(&exec->funcs[engine_token_func(exec->foreign)].entry, memory_order_acquire);
    return ENGINE_IMPORT_CALL;
}

engine_import_outcome engine_exec_call_foreign(engine_exec *exec, const engine_word **back,
                                               const engine_word **pc) {
    if (engine_token_instance(exec->foreign) != ENGINE_HOST_INSTANCE) return call_instance(exec, back, pc);
    return call_host(exec, exec->store->host_funcs[engine_token_func(exec->foreign)]);
}

const engine_word *engine_exec_leave_instance(engine_exec *exec) {
    assert(exec->boundary_count);
    const engine_boundary boundary = exec->boundaries[--exec->boundary_count];
    engine_exec_enter_instance(exec, boundary.instance);
    return boundary.return_pc;
}

/* ---- Whole tables and memories ------------------------------------------------------------------------- */

static bool in_range(uint64_t start, uint64_t count, uint64_t size) {
    return count <= size && start <= size - count;
}

static engine_bulk_outcome bulk_trap(engine_exec *exec, engine_trap_code code) {
    trap(exec, code);
    return ENGINE_BULK_TRAP;
}

/* How much of `count` to do now; charges for it. */
static uint64_t piece_of(engine_exec *exec, uint64_t count, uint64_t element_size) {
    const uint64_t most = BULK_PIECE / element_size;
    const uint64_t piece = count < most ? count : most;
    engine_exec_charge(exec, piece * element_size / BULK_BYTES_PER_UNIT);
    return piece;
}

/* The operands of what is left after `piece` of cells[2] units: the front was done, or (for copies upwards)
 * the end. */
static engine_bulk_outcome after_piece(uint64_t *cells, uint64_t piece, bool front, bool source_moves) {
    cells[2] -= piece;
    if (!cells[2]) return ENGINE_BULK_DONE;
    if (front) {
        cells[0] += piece;
        if (source_moves) cells[1] += piece;
    }
    return ENGINE_BULK_AGAIN;
}

static engine_bulk_outcome memory_fill(engine_exec *exec, uint64_t *cells, engine_memory *memory) {
    if (!in_range(cells[0], cells[2], memory->size)) return bulk_trap(exec, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    if (!cells[2]) return ENGINE_BULK_DONE;
    const uint64_t piece = piece_of(exec, cells[2], 1);
    memset(memory->data + cells[0], (uint8_t)cells[1], (size_t)piece);
    return after_piece(cells, piece, true, false);
}

static engine_bulk_outcome memory_copy(engine_exec *exec, uint64_t *cells, engine_memory *to,
                                       engine_memory *from) {
    if (!in_range(cells[0], cells[2], to->size) || !in_range(cells[1], cells[2], from->size))
        return bulk_trap(exec, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    if (!cells[2]) return ENGINE_BULK_DONE;
    const uint64_t piece = piece_of(exec, cells[2], 1);
    const bool front = to != from || cells[0] <= cells[1];
    const uint64_t skip = front ? 0 : cells[2] - piece;
    memmove(to->data + cells[0] + skip, from->data + cells[1] + skip, (size_t)piece);
    return after_piece(cells, piece, front, true);
}

static engine_bulk_outcome memory_init(engine_exec *exec, uint64_t *cells, uint32_t segment,
                                       uint32_t memory) {
    if (!engine_memory_init(exec->instance, memory, segment, cells[0], cells[1], cells[2]))
        return bulk_trap(exec, ENGINE_TRAP_MEMORY_OUT_OF_BOUNDS);
    engine_exec_charge(exec, cells[2] / BULK_BYTES_PER_UNIT);
    return ENGINE_BULK_DONE;
}

static engine_bulk_outcome table_fill(engine_exec *exec, uint64_t *cells, engine_table *table) {
    if (!in_range(cells[0], cells[2], table->size)) return bulk_trap(exec, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    if (!cells[2]) return ENGINE_BULK_DONE;
    const uint64_t piece = piece_of(exec, cells[2], sizeof *table->elements);
    for (uint64_t i = 0; i < piece; i++) table->elements[cells[0] + i] = cells[1];
    return after_piece(cells, piece, true, false);
}

static engine_bulk_outcome table_copy(engine_exec *exec, uint64_t *cells, engine_table *to,
                                      engine_table *from) {
    if (!in_range(cells[0], cells[2], to->size) || !in_range(cells[1], cells[2], from->size))
        return bulk_trap(exec, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    if (!cells[2]) return ENGINE_BULK_DONE;
    const uint64_t piece = piece_of(exec, cells[2], sizeof *to->elements);
    const bool front = to != from || cells[0] <= cells[1];
    const uint64_t skip = front ? 0 : cells[2] - piece;
    memmove(to->elements + cells[0] + skip, from->elements + cells[1] + skip,
            (size_t)piece * sizeof *to->elements);
    return after_piece(cells, piece, front, true);
}

static engine_bulk_outcome table_init(engine_exec *exec, uint64_t *cells, uint32_t segment, uint32_t table) {
    if (!engine_table_init(exec->instance, table, segment, cells[0], cells[1], cells[2]))
        return bulk_trap(exec, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    engine_exec_charge(exec, cells[2] * sizeof(uint64_t) / BULK_BYTES_PER_UNIT);
    return ENGINE_BULK_DONE;
}

/* A size, or -1 for a refusal, as wide as the memory's or table's addresses. */
static uint64_t size_cell(uint64_t size, bool is_64) {
    return is_64 ? size : (uint32_t)size;
}

static engine_bulk_outcome memory_grow(engine_exec *exec, uint64_t *cells, engine_memory *memory) {
    cells[0] = size_cell(engine_memory_grow(memory, cells[0]), memory->limits.is_64);
    refresh_memory(exec);
    return ENGINE_BULK_DONE;
}

engine_bulk_outcome engine_exec_bulk(engine_exec *exec, uint32_t op, uint64_t *cells, uint32_t first,
                                     uint32_t second) {
    engine_instance *instance = exec->instance;
    switch (op) {
    case ENGINE_OP_MEMORY_SIZE: cells[0] = instance->memories[first]->size >> 16; return ENGINE_BULK_DONE;
    case ENGINE_OP_MEMORY_GROW: return memory_grow(exec, cells, instance->memories[first]);
    case ENGINE_OP_MEMORY_FILL: return memory_fill(exec, cells, instance->memories[first]);
    case ENGINE_OP_MEMORY_COPY:
        return memory_copy(exec, cells, instance->memories[first], instance->memories[second]);
    case ENGINE_OP_MEMORY_INIT: return memory_init(exec, cells, first, second);
    case ENGINE_OP_DATA_DROP: instance->data_dropped[first] = 1; return ENGINE_BULK_DONE;
    case ENGINE_OP_ELEM_DROP: instance->elem_dropped[first] = 1; return ENGINE_BULK_DONE;
    case ENGINE_OP_TABLE_FILL: return table_fill(exec, cells, instance->tables[first]);
    case ENGINE_OP_TABLE_COPY:
        return table_copy(exec, cells, instance->tables[first], instance->tables[second]);
    case ENGINE_OP_TABLE_INIT: return table_init(exec, cells, first, second);
    case ENGINE_OP_TABLE_SIZE: cells[0] = instance->tables[first]->size; return ENGINE_BULK_DONE;
    case ENGINE_OP_TABLE_GROW:
        cells[0] = size_cell(engine_table_grow(instance->tables[first], cells[1], cells[0]),
                             instance->tables[first]->limits.is_64);
        return ENGINE_BULK_DONE;
    case ENGINE_OP_TABLE_GET:
        if (engine_table_get(instance->tables[first], cells[0], &cells[0])) return ENGINE_BULK_DONE;
        return bulk_trap(exec, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    default:
        assert(op == ENGINE_OP_TABLE_SET);
        if (engine_table_set(instance->tables[first], cells[0], cells[1])) return ENGINE_BULK_DONE;
        return bulk_trap(exec, ENGINE_TRAP_TABLE_OUT_OF_BOUNDS);
    }
}
