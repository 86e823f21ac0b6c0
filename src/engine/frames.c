/* Owns the way back along the frames of a stopped run: backtraces, and exceptions on their way to a handler.
 *
 * A frame is found from the one above it: its return address follows a call site that names the caller and says how far
 * below its frame begins (interpreter.h). Calls between instances have left a boundary beside the stack. */
#include "engine/interpreter.h"
#include "engine/opcodes.h"
#include "engine/translate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* Where we are on the way: a guest frame, unless `func` is NULL (only the innermost can be the host's). */
typedef struct walk {
    const engine_exec *exec;
    engine_instance *instance;
    uint64_t *fp;
    engine_func *func;
    const engine_code *code; /* NULL in a function that is not translated */
    size_t word;             /* in the code, of the instruction */
    const engine_word *back; /* the return address */
    uint32_t boundary;       /* boundaries not yet crossed */
    uint32_t entered;        /* frames left behind whose ENTER counted against the depth */
    bool counted;            /* whether this frame's did */
} walk;

static const engine_code *code_of(const engine_func *func) {
    return func ? atomic_load_explicit(&func->code, memory_order_acquire) : NULL;
}

/* The function whose code or stub `pc` is in, or NULL for the fixed pieces. */
static engine_func *func_at(const engine_instance *instance, const engine_word *pc) {
    if (!instance) return NULL;
    engine_module *module = instance->module;
    for (uint32_t i = 0; i < module->func_count; i++) {
        engine_func *func = &module->funcs[i];
        const engine_code *code = code_of(func);
        if (pc == func->stub || (code && pc >= code->words && pc < code->words + code->word_count))
            return func;
    }
    return NULL;
}

/* The innermost frame; `func` where it is known. */
static walk walk_begin(const engine_exec *exec, engine_func *func) {
    walk w = {.exec = exec, .instance = exec->instance, .fp = exec->fp, .boundary = exec->boundary_count};
    w.func = func ? func : func_at(exec->instance, exec->pc);
    w.code = code_of(w.func);
    w.counted = w.code && exec->pc > w.code->words && exec->pc < w.code->words + w.code->word_count;
    /* Until ENTER, the function's first instruction, has run, the return address is still in the accumulator. */
    if (w.counted) {
        w.word = (size_t)(exec->pc - w.code->words);
        engine_word enter;
        memcpy(&enter, &w.code->words[1], sizeof enter);
        uint16_t operands[4];
        memcpy(operands, &enter, sizeof operands);
        w.back = (const engine_word *)(uintptr_t)w.fp[operands[1]];
    } else if (exec->pc == exec->fixed + ENGINE_FIXED_FINISH ||
               exec->pc == exec->fixed + ENGINE_FIXED_LEAVE) {
        w.back =
            exec->pc; /* a host function has returned there already, and left its result in the accumulator */
    } else {
        w.back = (const engine_word *)(uintptr_t)exec->a;
    }
    return w;
}

/* The caller's frame; false where there is none. */
static bool walk_out(walk *w) {
    if (w->counted) w->entered++;
    while (w->back == w->exec->fixed + ENGINE_FIXED_LEAVE) {
        const engine_boundary *boundary = &w->exec->boundaries[--w->boundary];
        w->instance = boundary->instance;
        w->back = boundary->return_pc;
    }
    if (w->back == w->exec->fixed + ENGINE_FIXED_FINISH) return false;
    engine_call_site site;
    memcpy(&site, w->back - 1, sizeof site);
    w->func = &w->instance->module->funcs[site.caller_func];
    w->code = code_of(w->func);
    w->word = (size_t)(w->back - 1 - w->code->words);
    w->counted = true;
    w->fp -= site.base;
    w->back = (const engine_word *)(uintptr_t)w->fp[site.header];
    return true;
}

/* ---- Backtraces ---------------------------------------------------------------------------------------- */

static engine_frame guest_frame(const walk *w, bool locate) {
    const engine_module *module = w->func->module;
    return (engine_frame){module, w->func->index, engine_module_func_name(module, w->func->index),
                          locate && w->code ? engine_translate_locate(w->func, w->word)
                                            : w->func->body_offset};
}

/* The host function that the run is in, or NULL. */
static const engine_host_func *host_func_at(const walk *w) {
    const engine_exec *exec = w->exec;
    const bool calling = exec->pc == exec->fixed + ENGINE_FIXED_FOREIGN ||
                         (w->func && exec->pc == w->func->stub && w->func->import != UINT32_MAX);
    if (!calling || engine_token_instance(exec->foreign) != ENGINE_HOST_INSTANCE) return NULL;
    return exec->store->host_funcs[engine_token_func(exec->foreign)];
}

uint32_t engine_exec_backtrace(const engine_exec *exec, engine_frame *frames, uint32_t capacity) {
    if (!exec->started || exec->outcome == ENGINE_FINISHED) return 0;
    uint32_t count = 0;
    walk w = walk_begin(exec, NULL);
    const engine_host_func *host = host_func_at(&w);
    if (host) {
        if (capacity)
            frames[0] = (engine_frame){.func_index = engine_token_func(exec->foreign),
                                       .name = base_bytes_from_text(host->name)};
        count = 1;
    } else if (w.func) {
        if (capacity) frames[0] = guest_frame(&w, true);
        count = 1;
    }
    while (walk_out(&w)) {
        if (count < capacity) frames[count] = guest_frame(&w, true);
        count++;
    }
    return count;
}

base_status engine_exec_backtrace_text(const engine_exec *exec, uint32_t max_frames, base_buffer *out) {
    enum { MOST = 64 };
    engine_frame frames[MOST];
    if (max_frames > MOST) max_frames = MOST;
    const uint32_t count = engine_exec_backtrace(exec, frames, max_frames);
    base_status status = BASE_OK;
    for (uint32_t i = 0; i < count && i < max_frames && status == BASE_OK; i++) {
        const engine_frame *f = &frames[i];
        const base_bytes name = f->name.size ? f->name : BASE_LITERAL("(no name)");
        if (f->module)
            status =
                base_buffer_appendf(out, "    at %.*s (function %u, offset 0x%" PRIx64 ")\n", (int)name.size,
                                    (const char *)name.data, f->func_index, f->code_offset);
        else
            status = base_buffer_appendf(out, "    at %.*s (host function)\n", (int)name.size,
                                         (const char *)name.data);
    }
    if (count > max_frames && status == BASE_OK)
        status = base_buffer_appendf(out, "    and %u more\n", count - max_frames);
    return status;
}

/* ---- Exceptions held by reference ---------------------------------------------------------------------- */

static engine_exception *exception_of(const engine_store *store, uint64_t token) {
    const uint64_t place = token - ENGINE_EXCEPTION_TOKEN;
    return place < store->exception_count ? store->exceptions[place] : NULL;
}

/* Marks what the cells refer to; what is newly marked joins the list of those whose own values are still to be seen. */
static void mark(engine_store *store, const uint64_t *cells, size_t count, engine_exception **unseen) {
    for (size_t i = 0; i < count; i++) {
        engine_exception *held = exception_of(store, cells[i]);
        if (!held || held->marked) continue;
        held->marked = true;
        held->unseen = *unseen;
        *unseen = held;
    }
}

void engine_exception_free(const base_allocator *allocator, engine_exception *exception) {
    if (exception)
        base_free(allocator, exception, sizeof *exception + exception->cell_count * sizeof *exception->cells);
}

engine_exception *engine_exception_new(const base_allocator *allocator, const engine_tag *tag,
                                       uint32_t cell_count, const uint64_t *cells) {
    engine_exception *exception = base_alloc(allocator, sizeof *exception + cell_count * sizeof *cells);
    if (!exception) return NULL;
    *exception = (engine_exception){.tag = tag, .cell_count = cell_count};
    if (cell_count) memcpy(exception->cells, cells, cell_count * sizeof *cells);
    return exception;
}

/* Frees the exceptions that no stack, global, table or other such exception mentions. A number that happens to look like
 * a reference keeps one alive a little longer, no more. */
static void sweep(engine_store *store) {
    engine_exception *unseen = NULL;
    for (const engine_exec *exec = store->execs; exec; exec = exec->next)
        mark(store, exec->stack, exec->stack_slots, &unseen);
    for (uint32_t i = 1; i < store->instance_count; i++)
        mark(store, store->instances[i]->global_cells, store->instances[i]->global_cell_count, &unseen);
    for (const engine_global *global = store->globals; global; global = global->next)
        mark(store, global->cells, 1, &unseen);
    for (const engine_table *table = store->tables; table; table = table->next)
        mark(store, table->elements, (size_t)table->size, &unseen);
    while (unseen) {
        engine_exception *exception = unseen;
        unseen = exception->unseen;
        mark(store, exception->cells, exception->cell_count, &unseen);
    }
    for (uint32_t i = 0; i < store->exception_count; i++) {
        engine_exception *exception = store->exceptions[i];
        if (!exception) continue;
        if (!exception->marked) {
            engine_exception_free(store->allocator, exception);
            store->exceptions[i] = NULL;
            store->exception_live--;
        } else {
            exception->marked = false;
        }
    }
    store->exception_place = 0;
}

void engine_exceptions_free(engine_store *store) {
    for (uint32_t i = 0; i < store->exception_count; i++)
        engine_exception_free(store->allocator, store->exceptions[i]);
    base_free(store->allocator, store->exceptions, store->exception_capacity * sizeof *store->exceptions);
}

/* A place in the list, or UINT32_MAX without memory. */
static uint32_t free_place(engine_store *store) {
    enum { FIRST_SWEEP = 1024 };
    if (store->exception_live >= store->exception_sweep_at && store->exception_sweep_at) {
        sweep(store);
        store->exception_sweep_at = store->exception_live * 2 + FIRST_SWEEP;
    }
    if (!store->exception_sweep_at) store->exception_sweep_at = FIRST_SWEEP;
    /* Places become empty in sweeps only, so each is looked at once between two of them. */
    while (store->exception_place < store->exception_count) {
        const uint32_t place = store->exception_place++;
        if (!store->exceptions[place]) return place;
    }
    if (store->exception_count == store->exception_capacity) {
        const uint32_t wanted = store->exception_capacity ? store->exception_capacity * 2 : 16;
        engine_exception **moved =
            base_resize(store->allocator, store->exceptions, store->exception_capacity * sizeof *moved,
                        wanted * sizeof *moved);
        if (!moved) return UINT32_MAX;
        store->exceptions = moved;
        store->exception_capacity = wanted;
    }
    store->exceptions[store->exception_count] = NULL;
    store->exception_place = store->exception_count + 1;
    return store->exception_count++;
}

/* A new exception's reference, or 0 without memory. */
static uint64_t hold(engine_store *store, const engine_tag *tag, const uint64_t *cells) {
    const uint32_t place = free_place(store);
    if (place == UINT32_MAX) return 0;
    engine_exception *exception = engine_exception_new(store->allocator, tag, tag->type->param_cells, cells);
    if (!exception) return 0;
    store->exceptions[place] = exception;
    store->exception_live++;
    return ENGINE_EXCEPTION_TOKEN + place;
}

/* ---- Throwing ------------------------------------------------------------------------------------------ */

/* The innermost clause of the frame that takes the tag, or NULL, and what taking it costs. */
static const engine_clause *find_clause(const walk *w, const engine_tag *tag, uint32_t *cost) {
    for (uint32_t i = 0; i < w->code->region_count; i++) {
        const engine_region *region = &w->code->regions[i];
        if (w->word < region->start || w->word >= region->end) continue;
        *cost = region->cost;
        for (uint32_t j = 0; j < region->clause_count; j++) {
            const engine_clause *clause = &w->code->clauses[region->first_clause + j];
            if (clause->kind >= ENGINE_CATCH_ALL || w->instance->tags[clause->tag] == tag) return clause;
        }
    }
    return NULL;
}

static const engine_word *no_handler(engine_exec *exec, engine_trap_code code) {
    exec->trap = code;
    return NULL;
}

/* Goes out to the clause that takes the exception. `token` is its reference where it has one, else 0. */
static const engine_word *throw_exception(engine_exec *exec, const engine_tag *tag, const uint64_t *cells,
                                          uint64_t token, uint32_t func) {
    walk w = walk_begin(exec, &exec->instance->module->funcs[func]);
    uint32_t cost = 0;
    const engine_clause *clause = find_clause(&w, tag, &cost);
    while (!clause) {
        if (!walk_out(&w)) return no_handler(exec, ENGINE_TRAP_UNCAUGHT_EXCEPTION);
        clause = find_clause(&w, tag, &cost);
    }
    exec->fuel -= cost;
    const bool by_reference = clause->kind == ENGINE_CATCH_REF || clause->kind == ENGINE_CATCH_ALL_REF;
    if (by_reference && !token) token = hold(exec->store, tag, cells);
    if (by_reference && !token) return no_handler(exec, ENGINE_TRAP_OUT_OF_MEMORY);
    uint64_t *values = w.fp + clause->slot;
    if (clause->kind <= ENGINE_CATCH_REF) {
        const uint32_t count = tag->type->param_cells;
        if (count) memmove(values, cells, count * sizeof *cells);
        values += count;
    }
    if (by_reference) *values = token;
    exec->fp = w.fp;
    exec->depth_left += w.entered;
    exec->boundary_count = w.boundary;
    if (w.instance != exec->instance) engine_exec_enter_instance(exec, w.instance);
    return w.code->words + clause->target;
}

const engine_word *engine_exec_throw(engine_exec *exec, uint32_t tag, uint32_t func) {
    uint16_t slot;
    memcpy(&slot, exec->pc + 1, sizeof slot);
    return throw_exception(exec, exec->instance->tags[tag], exec->fp + slot, 0, func);
}

const engine_word *engine_exec_throw_ref(engine_exec *exec, uint64_t reference, uint32_t func) {
    const engine_exception *exception = exception_of(exec->store, reference);
    if (!exception) return no_handler(exec, ENGINE_TRAP_NULL_REFERENCE);
    return throw_exception(exec, exception->tag, exception->cells, reference, func);
}
