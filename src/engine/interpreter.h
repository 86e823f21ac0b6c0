/* Translated code, frames and the machine that runs them. Private to the engine.
 *
 * CODE. A function's code is a run of 64-bit words. An instruction is a handler's address (with the switch
 * scheme: its number) followed by operand words:
 *
 *      word 0          word 1                                   word 2 ...
 *     +---------------+----------+----------+------------------+------------------------------
 *     | handler       | U16(0)   | U16(1)   | U16(2) | U16(3)  | more, by instruction
 *     +---------------+----------+----------+------------------+
 *                                           | I32(1)           |
 *
 * U16 operands are slots, numbered from the frame's first. The destination, where there is one, is always
 * U16(0), so that the translator can send a result somewhere else after the fact. Branches hold their
 * distance in bytes from their own word 0 in I32(1), and in I32(2) the fuel they charge (backwards) or give
 * back (forwards).
 *
 * FRAMES. One exec has one stack of 64-bit slots; `fp` points at the running frame:
 *
 *      fp[0]                                                                       next frame's fp[0]
 *     +-----------+--------------+-----------------+----------------------------+--+-----------
 *     | params    | other locals | return address  | operand stack ...          | arguments ...
 *     +-----------+--------------+-----------------+----------------------------+--+-----------
 *
 * The arguments of a call, on top of the caller's operand stack, become the callee's first locals: nothing is
 * copied. Results are left where the arguments were. The return address is the caller's next instruction; the
 * word before it is the call site (engine_call_site), which says how far below the caller's frame begins.
 * Every operand-stack position has one home slot; v128 takes two slots. i32 values are stored zero-extended;
 * of an f32 only the low half of the slot is defined.
 *
 * REGISTERS. Handlers carry `pc`, `fp`, base and size of memory 0, the exec, the fuel balance and three
 * accumulators: `a` for integers and references, `s` for f32, `d` for f64. An instruction that computes
 * something always leaves it in the accumulator of its class; the variant with a destination also stores it
 * in a slot. Vectors always go to a slot, and the last one made is in a register besides. */
#ifndef WPLUG_ENGINE_INTERPRETER_H
#define WPLUG_ENGINE_INTERPRETER_H

#include "engine/features.h"
#include "engine/store.h"

/* The word before a return address. */
typedef struct engine_call_site {
    uint16_t base;        /* slots from the caller's frame to the callee's */
    uint16_t header;      /* the slot of the caller's own return address */
    uint32_t caller_func; /* the caller's index in its module */
} engine_call_site;

/* A call that went from one instance into another: what to restore when it returns. */
typedef struct engine_boundary {
    const engine_word *return_pc;
    engine_instance *instance;
} engine_boundary;

enum {
    ENGINE_FIRST_STACK_SLOTS = 512, /* grows by doubling, so that thousands of waiting runs cost little */
    ENGINE_STACK_SLACK = 4          /* slots past stack_end, for results where a call has no arguments */
};

struct engine_exec {
    /* What handlers read. */
    uint64_t *stack_end;
    engine_instance *instance; /* whose code runs */
    uint64_t *globals;         /* instance->global_cells */
    engine_func *funcs;        /* instance->module->funcs */
    uint64_t token_base;       /* engine_token of the instance's function 0, less 1 */
    uint64_t foreign;          /* the token that the code at ENGINE_FIXED_FOREIGN calls */
    uint8_t *memory;           /* memory 0 of the instance, NULL where it has none */
    uint64_t memory_size;

    /* The machine while it is stopped. */
    const engine_word *pc;
    uint64_t *fp;
    uint64_t a;
    float s;
    double d;
    int64_t fuel;
    int64_t depth_left; /* calls that may still be nested */
    uint64_t vector[2]; /* see VECTOR_REGISTER in interpreter.c */

    engine_outcome outcome;
    bool started, running;
    bool host_running; /* inside a host function */
    engine_trap_code trap;
    char trap_message[200];

    engine_store *store;
    engine_exec *previous, *next; /* the store's list */
    const engine_word *fixed; /* of the module whose function was started, or own_fixed for a host function */
    engine_word own_fixed[ENGINE_FIXED_WORDS];
    void *stack_block; /* what was allocated; the stack begins somewhere in it */
    uint64_t *stack;
    size_t stack_slots, stack_slots_max;
    engine_boundary *boundaries;
    uint32_t boundary_count, boundary_capacity;
    uint64_t func; /* the token that was started */
    const engine_functype *type;
    uint64_t fuel_used;   /* without the running slice */
    int64_t fuel_granted; /* to the running slice */
};

/* Every handler's number: ENGINE_H_name. */
typedef enum engine_handler {
#define ENGINE_NUMBERS_OF_HANDLERS
#define HANDLER(name, ...) ENGINE_H_##name,
#include "engine/handlers.def"
#undef HANDLER
#undef ENGINE_NUMBERS_OF_HANDLERS
    ENGINE_HANDLER_COUNT
} engine_handler;

/* The word that stands for a handler in translated code. */
engine_word engine_handler_word(engine_handler handler);
/* The handler that does the work of two that follow one another, or ENGINE_HANDLER_COUNT where there is none. */
engine_handler engine_handler_pair(engine_handler first, engine_handler second);
/* Which dispatch scheme this build uses: "tail", "goto" or "switch". */
const char *engine_dispatch_name(void);

/* Runs from the stopped state until the next stop, which is left in exec->outcome. */
void engine_interpret(engine_exec *exec);

/* How large a stack may become. */
static inline size_t engine_stack_slots(const engine_limits *limits) {
    const size_t slots = limits->stack_bytes / sizeof(uint64_t), least = 64;
    return slots < least ? least : slots;
}

/* Another stack in place of the one there is: `slots` long, the first `kept` as they were, the others zero. fp is the caller's
 * to set. On BASE_NO_MEMORY the old one stays. */
base_status engine_exec_new_stack(engine_exec *exec, size_t slots, size_t kept);

/* Makes `instance` (NULL: the host) the running one: refreshes what hangs off it. */
void engine_exec_enter_instance(engine_exec *exec, engine_instance *instance);

/* ---- Services of the handlers, in exec.c: whatever is too slow or too rare to stand in a handler ------- */

/* The code of the function whose stub is `stub`, translated if need be; NULL after a trap (exec->trap). */
const engine_word *engine_exec_translate(engine_exec *exec, const engine_word *stub);

/* Makes room for `slots` from `fp` on; the stack may move. NULL after a trap; exec->fp is then `fp`. */
uint64_t *engine_exec_grow_stack(engine_exec *exec, uint64_t *fp, size_t slots);

/* Whether the function a token names has the running module's canonical type `type`. */
bool engine_exec_check_foreign(const engine_exec *exec, uint64_t token, uint32_t type);

/* The token of the imported function whose stub is `stub`. */
uint64_t engine_exec_import_token(const engine_exec *exec, const engine_word *stub);

typedef enum engine_import_outcome {
    ENGINE_IMPORT_RETURN, /* results are in place: go on at the return address */
    ENGINE_IMPORT_YIELD,  /* likewise, but the slice ends */
    ENGINE_IMPORT_CALL,   /* a function of another instance, now the running one: jump to *pc, return to *back
                           */
    ENGINE_IMPORT_STOP    /* exec->outcome says why; the call is made again at resume */
} engine_import_outcome;
/* Calls exec->foreign. The machine is in the exec, but for the accumulators s and d. */
engine_import_outcome engine_exec_call_foreign(engine_exec *exec, const engine_word **back,
                                               const engine_word **pc);

/* Returns from another instance: makes the caller's the running one and gives the address to return to. */
const engine_word *engine_exec_leave_instance(engine_exec *exec);

/* throw and throw_ref: finds the handler, puts the exception's values where it wants them, and gives its code; exec->fp
 * is its frame. `func` is the function that throws; its frame and pc are in the exec. NULL after a trap. */
const engine_word *engine_exec_throw(engine_exec *exec, uint32_t tag, uint32_t func);
const engine_word *engine_exec_throw_ref(engine_exec *exec, uint64_t reference, uint32_t func);

typedef enum engine_bulk_outcome {
    ENGINE_BULK_DONE,
    ENGINE_BULK_AGAIN, /* a piece is done, the operands say what is left */
    ENGINE_BULK_TRAP   /* exec->trap */
} engine_bulk_outcome;
/* The instructions that work on whole tables and memories. `cells` are the operands and take the results.
 * Work beyond one unit is charged to exec->fuel. */
engine_bulk_outcome engine_exec_bulk(engine_exec *exec, uint32_t op, uint64_t *cells, uint32_t first,
                                     uint32_t second);

#endif
