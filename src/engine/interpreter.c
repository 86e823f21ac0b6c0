/* The interpreter: the handlers of handlers.def under one of three dispatch schemes.
 *
 *   tail    every handler is a function that ends in a tail call of the next (clang: musttail). With preserve_none
 *           the machine's registers stay in the processor's across all of them.
 *   goto    every handler is a labelled block of one function that ends in a computed goto (GCC).
 *   switch  every handler is a case of one switch (any C11 compiler; clang takes minutes over it). */
#include "engine/machine.h"

#define DISPATCH_TAIL   1
#define DISPATCH_GOTO   2
#define DISPATCH_SWITCH 3

/* Tail calls need an architecture that passes the machine in registers, or an engine that has them (WebAssembly's may
 * not). Of the others, 32-bit Arm and MIPS make clang fail; for s390x clang 19 makes calls of them that are not tail calls and
 * says nothing; and 32-bit x86 moves all of the machine through the stack, floats by way of a unit that changes NaNs. */
#ifndef WPLUG_DISPATCH
#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(musttail) &&                                                                             \
    (defined(__x86_64__) || defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64) ||              \
     defined(__loongarch64) || defined(__wasm_tail_call__))
#define WPLUG_DISPATCH DISPATCH_TAIL
#endif
#endif
#ifndef WPLUG_DISPATCH
#if defined(__GNUC__) && !defined(__clang__)
#define WPLUG_DISPATCH DISPATCH_GOTO
#else
#define WPLUG_DISPATCH DISPATCH_SWITCH
#endif
#endif
#endif

#if WPLUG_DISPATCH == DISPATCH_GOTO && defined(__clang__)
#error "clang does not get done with this many computed gotos: use tail or switch"
#endif

/* The vector that was made last: a register like the others in one function, and where functions have vectors for
 * parameters at no cost; elsewhere it lies in the exec. Nobody relies on it across a stop. As WebAssembly the one function
 * has it in the exec too: a local that is alive everywhere costs Firefox a seventh of its speed with guests that have no vectors,
 * more than it gives to those that have. */
#if WPLUG_DISPATCH != DISPATCH_TAIL && !defined(__wasm__)
#define VECTOR_REGISTER vec
#define VECTOR_VARIABLE                                                                                      \
    ;                                                                                                        \
    engine_u64x2 vec = {0}
#elif defined(__x86_64__) || defined(__aarch64__) || defined(__wasm_tail_call__)
#define VECTOR_REGISTER  vec
#define VECTOR_PARAMETER , engine_u64x2 vec
#define VECTOR_ARGUMENT  , vec
#define NO_VECTOR        , (engine_u64x2){0}
#else
typedef engine_u64x2 __attribute__((aligned(8), may_alias)) engine_stored_vector;
#define VECTOR_REGISTER (*(engine_stored_vector *)ex->vector)
#define VECTOR_PARAMETER
#define VECTOR_ARGUMENT
#define NO_VECTOR
#define VECTOR_VARIABLE
#endif

#define ENGINE_MACHINE_PARAMETERS                                                                            \
    const engine_word *pc, uint64_t *fp, uint8_t *mem, uint64_t ms, engine_exec *ex, int64_t fuel,           \
        int64_t depth, uint64_t a, float s, double d VECTOR_PARAMETER

/* ---- Tail calls ---------------------------------------------------------------------------------------- */
#if WPLUG_DISPATCH == DISPATCH_TAIL

#if __has_attribute(preserve_none) && (defined(__x86_64__) || defined(__aarch64__))
#define HANDLER_CONVENTION __attribute__((preserve_none))
#else
#define HANDLER_CONVENTION
#endif
typedef HANDLER_CONVENTION void engine_handler_fn(ENGINE_MACHINE_PARAMETERS);
#define MACHINE    pc, fp, mem, ms, ex, fuel, depth, a, s, d VECTOR_ARGUMENT
#define JUMP       __attribute__((musttail)) return ((engine_handler_fn *)(uintptr_t)pc[0])(MACHINE)
#define TAIL(name) __attribute__((musttail)) return handle_##name(MACHINE)
#define LEAVE      return

#define HANDLER(name, ...) static engine_handler_fn handle_##name;
#include "engine/handlers.def"
#undef HANDLER

#define HANDLER(name, ...) static HANDLER_CONVENTION void handle_##name(ENGINE_MACHINE_PARAMETERS) __VA_ARGS__
#include "engine/handlers.def"
#undef HANDLER

static engine_handler_fn *const handlers[ENGINE_HANDLER_COUNT] = {
#define HANDLER(name, ...) handle_##name,
#include "engine/handlers.def"
#undef HANDLER
};

engine_word engine_handler_word(engine_handler handler) {
    return (engine_word)(uintptr_t)handlers[handler];
}

void engine_interpret(engine_exec *exec) {
    ((engine_handler_fn *)(uintptr_t)exec->pc[0])(exec->pc, exec->fp, exec->memory, exec->memory_size, exec,
                                                  exec->fuel, exec->depth_left, exec->a, exec->s,
                                                  exec->d NO_VECTOR);
}

const char *engine_dispatch_name(void) {
    return "tail";
}

#else
/* ---- One function -------------------------------------------------------------------------------------- */

/* In a function of this size gcc does not see what deserves a register, and keeps `pc` in memory. So it is told: these are
 * registers that calls preserve. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define KEPT_IN(x86_64, aarch64, riscv64) __asm__(x86_64)
#elif defined(__GNUC__) && !defined(__clang__) && defined(__aarch64__)
#define KEPT_IN(x86_64, aarch64, riscv64) __asm__(aarch64)
#elif defined(__GNUC__) && !defined(__clang__) && defined(__riscv) && __riscv_xlen == 64
#define KEPT_IN(x86_64, aarch64, riscv64) __asm__(riscv64)
#else
#define KEPT_IN(x86_64, aarch64, riscv64)
#endif

#define MACHINE_FROM_EXEC                                                                                    \
    engine_exec *const ex = exec;                                                                            \
    register const engine_word *pc KEPT_IN("rbx", "x19", "s1") = exec->pc;                                   \
    register uint64_t *fp KEPT_IN("rbp", "x20", "s2") = exec->fp;                                            \
    register uint8_t *mem KEPT_IN("r12", "x21", "s3") = exec->memory;                                        \
    register uint64_t ms KEPT_IN("r13", "x22", "s4") = exec->memory_size;                                    \
    register int64_t fuel KEPT_IN("r14", "x23", "s5") = exec->fuel;                                          \
    register uint64_t a KEPT_IN("r15", "x24", "s6") = exec->a;                                               \
    int64_t depth = exec->depth_left;                                                                        \
    float s = exec->s;                                                                                       \
    double d = exec->d VECTOR_VARIABLE
#define TAIL(name) goto handle_##name
#define LEAVE      return

#if WPLUG_DISPATCH == DISPATCH_GOTO

#define JUMP               goto *(void *)(uintptr_t)pc[0]

/* With exec NULL hands out the table of labels instead. */
static void interpret(engine_exec *exec, const void *const **labels) {
    static const void *const handlers[ENGINE_HANDLER_COUNT] = {
#define HANDLER(name, ...) &&handle_##name,
#include "engine/handlers.def"
#undef HANDLER
    };
    if (!exec) {
        *labels = handlers;
        return;
    }
    MACHINE_FROM_EXEC;
    JUMP;
#define HANDLER(name, ...) handle_##name : __VA_ARGS__
#include "engine/handlers.def"
#undef HANDLER
}

engine_word engine_handler_word(engine_handler handler) {
    const void *const *labels;
    interpret(NULL, &labels);
    return (engine_word)(uintptr_t)labels[handler];
}

void engine_interpret(engine_exec *exec) {
    interpret(exec, NULL);
}

const char *engine_dispatch_name(void) {
    return "goto";
}

#else

/* A build that counts what follows what, to choose pairs.def by (bench/README.md): it names the header that counts. */
#ifdef WPLUG_COUNT_PAIRS
#include WPLUG_COUNT_PAIRS
#define COUNT_PAIR count_pair(pc)
#else
#define COUNT_PAIR (void)0
#endif

#define JUMP goto next
#if defined(__GNUC__)
#define UNUSED_LABEL __attribute__((unused)) /* few are the target of a TAIL */
#else
#define UNUSED_LABEL
#endif

engine_word engine_handler_word(engine_handler handler) {
    return handler;
}

/* What a variable may be before it is set, clang works out block by block, for each variable in each block: over one function
 * of all handlers it does not get done. It says it of the same code where each handler is a function. */
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wuninitialized"
#endif

void engine_interpret(engine_exec *exec) {
    MACHINE_FROM_EXEC;
next:
    COUNT_PAIR;
    switch ((engine_handler)pc[0]) {
#define HANDLER(name, ...)                                                                                   \
    case ENGINE_H_##name: handle_##name : UNUSED_LABEL; __VA_ARGS__
#include "engine/handlers.def"
#undef HANDLER
    case ENGINE_HANDLER_COUNT: break;
    }
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

const char *engine_dispatch_name(void) {
    return "switch";
}

#endif
#endif

/* ---- Pairs --------------------------------------------------------------------------------------------- */

typedef struct handler_pair {
    uint16_t first, second, both;
} handler_pair;

#define PAIR_NAMES(name, f1, op1, shape1, d1, f2, op2, shape2, d2)                                           \
    PAIR_EXPANDED(name, NAME_##f1(op1, shape1, d1), NAME_##f2(op2, shape2, d2))
#define PAIR_EXPANDED(name, first, second) name(first, second)

static const handler_pair pairs[] = {
#define PAIRS_OF(...)
#define ENTRY(first, second) {ENGINE_H_##first, ENGINE_H_##second, ENGINE_H_##first##__##second},
#define PAIR(...)            PAIR_NAMES(ENTRY, __VA_ARGS__)
#include "engine/pairs.def"
#undef PAIR
#undef PAIRS_OF
};

/* Numbers the pairs; FIRST_PAIR_name is that of the first pair that begins with the handler. */
enum {
#define PAIRS_OF(f1, op1, shape1, d1) GROUP(NAME_##f1(op1, shape1, d1))
#define GROUP(first)                  GROUP_OF(first)
#define GROUP_OF(first)               FIRST_PAIR_##first, BEFORE_PAIR_##first = FIRST_PAIR_##first - 1,
#define NUMBER(first, second)         PAIR_##first##__##second,
#define PAIR(...)                     PAIR_NAMES(NUMBER, __VA_ARGS__)
#include "engine/pairs.def"
#undef PAIR
#undef PAIRS_OF
#undef GROUP_OF
};

/* By the first handler: the number of its first pair, plus one. */
static const uint16_t first_pairs[ENGINE_HANDLER_COUNT] = {
#define PAIRS_OF(f1, op1, shape1, d1) GROUP(NAME_##f1(op1, shape1, d1))
#define GROUP_OF(first)               [ENGINE_H_##first] = FIRST_PAIR_##first + 1,
#define PAIR(...)
#include "engine/pairs.def"
#undef PAIR
#undef PAIRS_OF
};

engine_handler engine_handler_pair(engine_handler first, engine_handler second) {
#ifdef WPLUG_COUNT_PAIRS
    return ENGINE_HANDLER_COUNT; /* it counts single instructions */
#endif
    const size_t start = first_pairs[first];
    if (!start) return ENGINE_HANDLER_COUNT;
    for (size_t i = start - 1; i < sizeof pairs / sizeof *pairs && pairs[i].first == first; i++)
        if (pairs[i].second == second) return (engine_handler)pairs[i].both;
    return ENGINE_HANDLER_COUNT;
}
