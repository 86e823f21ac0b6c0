/* The handlers: what the C text of generate.py means. A handler is a function that ends in a tail call of the next; the
 * window, the register locals and the machine are its parameters, and so the processor's registers. */
#include "window.h"

#include <math.h>

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Any float: an f32 or f64 is the lowest lane. */
typedef double V __attribute__((vector_size(16)));
typedef float V32 __attribute__((vector_size(16)));

#include "window_handlers.h"

#define PARAMETERS                                                                                           \
    const uint8_t *pc, uint64_t *fp, uint8_t *mem, window_exec *ex, int64_t fuel, int64_t depth,             \
        WINDOW_PARAMETERS
#define MACHINE pc, fp, mem, ex, fuel, depth, WINDOW_REGISTERS
typedef __attribute__((preserve_none)) void handler_fn(PARAMETERS);
#define HANDLER(name) static __attribute__((preserve_none)) void name(PARAMETERS)
#define JUMP          __attribute__((musttail)) return (*(handler_fn *const *)(const void *)pc)(MACHINE)
#define TAIL(name)    __attribute__((musttail)) return name(MACHINE)
#define NEXT(bytes)                                                                                          \
    do {                                                                                                     \
        pc += (bytes);                                                                                       \
        JUMP;                                                                                                \
    } while (0)

typedef uint16_t __attribute__((may_alias)) any16;
typedef uint32_t __attribute__((may_alias)) any32;
typedef uint64_t __attribute__((may_alias)) any64;
typedef double __attribute__((may_alias)) any_f64;
#define U16(offset) (*(const any16 *)(pc + (offset)))
#define U32(offset) (*(const any32 *)(pc + (offset)))
#define U64(offset) (*(const any64 *)(pc + (offset)))

#define READ_FLOAT(at)         ((V){*(const any_f64 *)(at), 0})
#define WRITE_FLOAT(at, value) (*(any_f64 *)(at) = (value)[0])
#define ZERO_FLOAT             (V){0, 0}
#define FLOAT_OF_BITS32(bits)  ((V)(V32){engine_f32(bits), 0, 0, 0})
#define FLOAT_OF_BITS64(bits)  ((V){engine_f64(bits), 0})

/* ---- Computing: the OP_ lists of the engine, so that both designs compute with the same text ---------------- */

#define engine_read_16(at)     (*(const any16 *)(at))
#define engine_read_32(at)     (*(const any32 *)(at))
#define engine_read_64(at)     (*(const any64 *)(at))
#define engine_write_16(at, v) (*(any16 *)(at) = (v))
#define engine_write_32(at, v) (*(any32 *)(at) = (v))
#define engine_write_64(at, v) (*(any64 *)(at) = (v))
#define engine_abs_f32         __builtin_fabsf
#define engine_abs_f64         __builtin_fabs
#define engine_neg_f32(x)      (-(x))
#define engine_neg_f64(x)      (-(x))
#define engine_copysign_f32    __builtin_copysignf
#define engine_copysign_f64    __builtin_copysign
#define engine_ceil_f32        ceilf
#define engine_floor_f32       floorf
#define engine_trunc_f32       truncf
#define engine_nearest_f32     rintf
#define engine_ceil_f64        ceil
#define engine_floor_f64       floor
#define engine_trunc_f64       trunc
#define engine_nearest_f64     rint
#define engine_min_f64(x, y)                                                                                 \
    ((x) != (x) || (y) != (y) ? (double)NAN : (x) < (y) || ((x) == (y) && signbit(x)) ? (x) : (y))
#define engine_max_f64(x, y)                                                                                 \
    ((x) != (x) || (y) != (y) ? (double)NAN : (x) > (y) || ((x) == (y) && !signbit(x)) ? (x) : (y))
#define engine_min_f32(x, y) (float)engine_min_f64(x, y)
#define engine_max_f32(x, y) (float)engine_max_f64(x, y)
#define ENGINE_SQRT_F32      __builtin_elementwise_sqrt
#define ENGINE_SQRT_F64      __builtin_elementwise_sqrt
static inline float engine_canonical_f32(float x) {
    return UNLIKELY(x != x) ? (float)NAN : x;
}
static inline double engine_canonical_f64(double x) {
    return UNLIKELY(x != x) ? (double)NAN : x;
}
#define CLZ32(x) ((x) ? (uint32_t)__builtin_clz(x) : 32u)
#define CTZ32(x) ((x) ? (uint32_t)__builtin_ctz(x) : 32u)
#define CLZ64(x) ((x) ? (uint64_t)__builtin_clzll(x) : 64u)
#define CTZ64(x) ((x) ? (uint64_t)__builtin_ctzll(x) : 64u)
#define REM_S32  ((int32_t)y == -1 ? 0 : (int32_t)x % (int32_t)y)
#define REM_S64  ((int64_t)y == -1 ? 0 : (uint64_t)((int64_t)x % (int64_t)y))
#define CHECK_MEM(end)                                                                                       \
    if (UNLIKELY((end) > ex->memory_size)) TRAP(MEMORY_OUT_OF_BOUNDS)
#define CHECK_DIV                                                                                            \
    if (UNLIKELY(!y)) TRAP(INTEGER_DIVIDE_BY_ZERO)
#define CHECK_DIV_S32                                                                                        \
    CHECK_DIV;                                                                                               \
    if (UNLIKELY(x == 0x80000000u && y == 0xFFFFFFFFu)) TRAP(INTEGER_OVERFLOW)
#define CHECK_DIV_S64                                                                                        \
    CHECK_DIV;                                                                                               \
    if (UNLIKELY(x == UINT64_C(1) << 63 && y == UINT64_MAX)) TRAP(INTEGER_OVERFLOW)
#define CHECK_TRUNC(in_range)                                                                                \
    if (UNLIKELY(!(in_range))) {                                                                             \
        if (x != x) TRAP(INVALID_CONVERSION_TO_INTEGER);                                                     \
        TRAP(INTEGER_OVERFLOW);                                                                              \
    }
#include "engine/steps.h"

#define OF_I32(v)               (uint32_t)(v)
#define OF_I64(v)               (v)
#define OF_F32(v)               ((V32)(v))[0]
#define OF_F64(v)               (v)[0]
#define PUT_I32(r, base, value) r = (uint32_t)(value)
#define PUT_I64(r, base, value) r = (uint64_t)(value)
#define PUT_F32(r, base, value)                                                                              \
    V32 lanes = (V32)(base);                                                                                 \
    lanes[0] = (value);                                                                                      \
    r = (V)lanes
#define PUT_F64(r, base, value)                                                                              \
    V lanes = (base);                                                                                        \
    lanes[0] = (value);                                                                                      \
    r = lanes
#define PUT_COMPUTED_F32(r, base, value) PUT_F32(r, base, engine_canonical_f32(value))
#define PUT_COMPUTED_F64(r, base, value) PUT_F64(r, base, engine_canonical_f64(value))

#define ZERO_LANES(v)    ((V){0})
#define OPERAND(v)       (v)
#define BINARY_WITH(...) BINARY_OF(__VA_ARGS__)
#define BINARY_OF(in, out, check, result, r, base, xv, yv)                                                   \
    {                                                                                                        \
        const TYPE_##in x = OF_##in(xv);                                                                     \
        const TYPE_##in y = OF_##in(yv);                                                                     \
        check;                                                                                               \
        PUT_##out(r, base(xv), result);                                                                      \
    }
#define UNARY_WITH(...) UNARY_OF(__VA_ARGS__)
#define UNARY_OF(in, out, check, result, r, base, xv)                                                        \
    {                                                                                                        \
        const TYPE_##in x = OF_##in(xv);                                                                     \
        check;                                                                                               \
        PUT_##out(r, base(xv), result);                                                                      \
    }
#define BINARY_ii(op, r, x, y) BINARY_WITH(op, r, ZERO_LANES, x, y)
#define BINARY_fi(op, r, x, y) BINARY_WITH(op, r, ZERO_LANES, x, y)
#define BINARY_ff(op, r, x, y) BINARY_WITH(op, r, OPERAND, x, y)
#define UNARY_ii(op, r, x)     UNARY_WITH(op, r, ZERO_LANES, x)
#define UNARY_fi(op, r, x)     UNARY_WITH(op, r, ZERO_LANES, x)
#define UNARY_if(op, r, x)     UNARY_WITH(op, r, ZERO_LANES, x)
#define UNARY_ff(op, r, x)     UNARY_WITH(op, r, OPERAND, x)

#define LOAD_FROM(...)      LOAD_FROM_WITH(__VA_ARGS__)
#define LOAD_FROM_WITH(...) LOAD_FROM_OF(__VA_ARGS__)
#define LOAD_FROM_OF(out, result, r, address, reach)                                                         \
    {                                                                                                        \
        const uint64_t end = (address) + (uint64_t)(reach); /* an i32 is kept zero-extended */               \
        CHECK_MEM(end);                                                                                      \
        PUT_##out(r, (V){0}, result);                                                                        \
    }
#define STORE_INTEGER(...) STORE_TO_WITH(__VA_ARGS__)
#define STORE_TO_WITH(...) STORE_TO(__VA_ARGS__)
#define STORE_TO(accumulator, write, address, value, reach)                                                  \
    {                                                                                                        \
        const uint64_t end = (address) + (uint64_t)(reach); /* an i32 is kept zero-extended */               \
        CHECK_MEM(end);                                                                                      \
        const uint64_t v = (value);                                                                          \
        write;                                                                                               \
    }
#define STORE_FLOAT(...)      STORE_FLOAT_WITH(__VA_ARGS__)
#define STORE_FLOAT_WITH(...) STORE_FLOAT_TO(__VA_ARGS__)
#define STORE_FLOAT_TO(accumulator, write, address, value, reach)                                            \
    {                                                                                                        \
        const uint64_t end = (address) + (uint64_t)(reach); /* an i32 is kept zero-extended */               \
        CHECK_MEM(end);                                                                                      \
        const float s = OF_F32(value);                                                                       \
        const double d = OF_F64(value);                                                                      \
        (void)s, (void)d;                                                                                    \
        const uint64_t v = accumulator;                                                                      \
        write;                                                                                               \
    }

/* ---- Going elsewhere ------------------------------------------------------------------------------------------ */

HANDLER(save) {
    ex->pc = pc;
    ex->fp = fp;
    ex->fuel = fuel;
    ex->depth = depth;
    WINDOW_SAVE
}

HANDLER(pause) {
    ex->outcome = WINDOW_OUT_OF_FUEL;
    TAIL(save);
}

#define TRAP_HANDLER(code)                                                                                   \
    HANDLER(trap_##code) {                                                                                   \
        ex->outcome = WINDOW_TRAPPED;                                                                        \
        ex->trap = ENGINE_TRAP_##code;                                                                       \
        TAIL(save);                                                                                          \
    }
TRAP_HANDLER(UNREACHABLE)
TRAP_HANDLER(MEMORY_OUT_OF_BOUNDS)
TRAP_HANDLER(UNDEFINED_ELEMENT)
TRAP_HANDLER(UNINITIALIZED_ELEMENT)
TRAP_HANDLER(INDIRECT_CALL_TYPE_MISMATCH)
TRAP_HANDLER(INTEGER_DIVIDE_BY_ZERO)
TRAP_HANDLER(INTEGER_OVERFLOW)
TRAP_HANDLER(INVALID_CONVERSION_TO_INTEGER)
TRAP_HANDLER(CALL_STACK_EXHAUSTED)
#define TRAP(code) TAIL(trap_##code)

HANDLER(finish) {
    ex->outcome = WINDOW_FINISHED;
    ex->result = t0;
    TAIL(save);
}

HANDLER(translate) {
    window_func *func = (window_func *)(uintptr_t)(pc - offsetof(window_func, stub));
    pc = window_translate(ex, func);
    JUMP;
}

/* Distances count from the instruction's first byte. */
#define TAKE(distance, cost)                                                                                 \
    do {                                                                                                     \
        fuel -= (int32_t)(cost);                                                                             \
        pc += (int32_t)(distance);                                                                           \
        if (UNLIKELY(fuel < 0)) TAIL(pause);                                                                 \
        JUMP;                                                                                                \
    } while (0)

/* `count` labels and the default lie behind the instruction: distance, fuel. */
#define CHOOSE(value, count)                                                                                 \
    do {                                                                                                     \
        const uint32_t index = (value), labels = (count);                                                    \
        const uint64_t label = index < labels ? index : labels;                                              \
        TAKE(U32(SIZE + 8 * label), U32(SIZE + 8 * label + 4));                                              \
    } while (0)

/* Behind a call lies how far the callee's frame is from the caller's, and there it returns to. */
#define ENTER_CALL(callee)                                                                                   \
    do {                                                                                                     \
        fp += U16(SIZE);                                                                                     \
        t0 = (uint64_t)(uintptr_t)(pc + SIZE + 8);                                                           \
        pc = (callee)->entry;                                                                                \
        JUMP;                                                                                                \
    } while (0)
#define CALL(callee) ENTER_CALL((const window_func *)(uintptr_t)(callee))
#define CALL_TABLE(value, table_index, type)                                                                 \
    do {                                                                                                     \
        const uint64_t index = (value);                                                                      \
        const engine_table *table = ex->instance->tables[table_index];                                       \
        if (UNLIKELY(index >= table->size)) TRAP(UNDEFINED_ELEMENT);                                         \
        const uint64_t func_index = table->elements[index] - 1 - ex->token_base;                             \
        if (UNLIKELY(func_index >> 32)) TRAP(UNINITIALIZED_ELEMENT);                                         \
        const window_func *callee = &ex->funcs[func_index];                                                  \
        if (UNLIKELY(callee->canonical != (type))) TRAP(INDIRECT_CALL_TYPE_MISMATCH);                        \
        ENTER_CALL(callee);                                                                                  \
    } while (0)

/* A function's first step. Out of fuel, it is not charged, and is done again: the grants of slices add up. */
#define ENTER(count, first, slots, header, cost)                                                             \
    do {                                                                                                     \
        const int64_t whole = (int32_t)(cost);                                                               \
        if (UNLIKELY((size_t)((const char *)ex->stack_end - (const char *)fp) < (size_t)(slots) * 8) ||      \
            UNLIKELY(depth <= 0))                                                                            \
            TRAP(CALL_STACK_EXHAUSTED);                                                                      \
        if (UNLIKELY(fuel < whole)) TAIL(pause);                                                             \
        fuel -= whole;                                                                                       \
        depth--;                                                                                             \
        for (uint64_t *local = fp + (first), *end = local + (count); local < end; local += 2) {              \
            local[0] = local[1] = 0;                                                                         \
            __asm__ volatile("");                                                                            \
        }                                                                                                    \
        fp[header] = t0;                                                                                     \
    } while (0)

#define RETURN(header, rest)                                                                                 \
    do {                                                                                                     \
        fuel += (rest);                                                                                      \
        depth++;                                                                                             \
        pc = (const uint8_t *)(uintptr_t)fp[header];                                                         \
        fp -= *(const any16 *)(pc - 8);                                                                      \
        JUMP;                                                                                                \
    } while (0)

/* ---- memory.grow, memory.fill, memory.copy ---------------------------------------------------------------------- */

#define RELOAD_MEMORY mem = ex->memory

static void refresh_memory(window_exec *ex) {
    if (ex->instance->module->memory_count == 0) return;
    ex->memory = ex->instance->memories[0]->data;
    ex->memory_size = ex->instance->memories[0]->size;
}

static __attribute__((noinline)) uint64_t window_grow(window_exec *ex, uint64_t pages) {
    const uint64_t old = engine_memory_grow(ex->instance->memories[0], (uint32_t)pages);
    refresh_memory(ex);
    return (uint32_t)old;
}

/* Both answer what they cost, or -1 where a range is out of bounds. */
static __attribute__((noinline)) int64_t window_fill(window_exec *ex, const uint64_t *cells) {
    if (cells[2] > ex->memory_size || cells[0] > ex->memory_size - cells[2]) return -1;
    memset(ex->memory + cells[0], (uint8_t)cells[1], cells[2]);
    return (int64_t)(cells[2] / 64);
}
static __attribute__((noinline)) int64_t window_copy(window_exec *ex, const uint64_t *cells) {
    if (cells[2] > ex->memory_size || cells[0] > ex->memory_size - cells[2] ||
        cells[1] > ex->memory_size - cells[2])
        return -1;
    memmove(ex->memory + cells[0], ex->memory + cells[1], cells[2]);
    return (int64_t)(cells[2] / 64);
}
#define BULK(function, slot)                                                                                 \
    do {                                                                                                     \
        const int64_t units = function(ex, fp + (slot));                                                     \
        if (units < 0) TRAP(MEMORY_OUT_OF_BOUNDS);                                                           \
        fuel -= units;                                                                                       \
        pc += SIZE;                                                                                          \
        if (fuel < 0) TAIL(pause);                                                                           \
        JUMP;                                                                                                \
    } while (0)

/* ---- The handlers, and running ---------------------------------------------------------------------------------- */

#include "window_handlers.h"

const window_sequence *const window_sequences = sequence_table;
const size_t window_sequence_count = sizeof sequence_table / sizeof *sequence_table;

uint64_t window_handler_word(enum window_special which) {
    handler_fn *const handlers[] = {translate, finish};
    return (uint64_t)(uintptr_t)handlers[which];
}

void window_run(window_exec *ex) {
    refresh_memory(ex);
    (*(handler_fn *const *)(const void *)ex->pc)(ex->pc, ex->fp, ex->memory, ex, ex->fuel, ex->depth,
                                                 WINDOW_SAVED);
}
