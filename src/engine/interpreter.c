/* The interpreter: the handlers of handlers.def under one of three dispatch schemes.
 *
 *   tail    every handler is a function that ends in a tail call of the next (clang: musttail). With preserve_none
 *           the machine's registers stay in the processor's across all of them.
 *   goto    every handler is a labelled block of one function that ends in a computed goto (GCC).
 *   switch  every handler is a case of one switch (any C11 compiler; clang takes minutes over it). */
#include "engine/interpreter.h"
#include "engine/simd.h"

#define DISPATCH_TAIL   1
#define DISPATCH_GOTO   2
#define DISPATCH_SWITCH 3

/* Tail calls need an architecture that passes the machine in registers (32-bit Arm does not, and clang fails on it) or
 * an engine that has them (WebAssembly's may not). */
#ifndef WPLUG_DISPATCH
#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(musttail) && (!defined(__wasm__) || defined(__wasm_tail_call__)) && !defined(__arm__)
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

#ifndef WPLUG_METERING
#define WPLUG_METERING 1
#endif

#if defined(__GNUC__)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define UNLIKELY(condition) (condition)
#endif

/* ---- Arithmetic that C leaves undefined or has no word for --------------------------------------------- */

#define CLZ32(x) ((x) ? (uint32_t)__builtin_clz(x) : 32u)
#define CTZ32(x) ((x) ? (uint32_t)__builtin_ctz(x) : 32u)
#define CLZ64(x) ((x) ? (uint64_t)__builtin_clzll(x) : 64u)
#define CTZ64(x) ((x) ? (uint64_t)__builtin_ctzll(x) : 64u)

/* The smallest integer by -1: division overflows (a trap), the remainder is 0. */
#define REM_S32 ((int32_t)y == -1 ? 0 : (int32_t)x % (int32_t)y)
#define REM_S64 ((int64_t)y == -1 ? 0 : (uint64_t)((int64_t)x % (int64_t)y))

/* Memory is little-endian. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LITTLE_ENDIAN_OF(bits, value) __builtin_bswap##bits(value)
#else
#define LITTLE_ENDIAN_OF(bits, value) (value)
#endif

#define READ_AND_WRITE(bits)                                                                                 \
    static inline uint##bits##_t engine_read_##bits(const uint8_t *at) {                                     \
        uint##bits##_t value;                                                                                \
        memcpy(&value, at, sizeof value);                                                                    \
        return LITTLE_ENDIAN_OF(bits, value);                                                                \
    }                                                                                                        \
    static inline void engine_write_##bits(uint8_t *at, uint##bits##_t value) {                              \
        value = LITTLE_ENDIAN_OF(bits, value);                                                               \
        memcpy(at, &value, sizeof value);                                                                    \
    }
READ_AND_WRITE(16)
READ_AND_WRITE(32)
READ_AND_WRITE(64)
#undef READ_AND_WRITE
#undef LITTLE_ENDIAN_OF

static inline float engine_abs_f32(float x) {
    return engine_f32(engine_cell_f32(x) & 0x7FFFFFFFu);
}
static inline float engine_neg_f32(float x) {
    return engine_f32(engine_cell_f32(x) ^ 0x80000000u);
}
static inline double engine_abs_f64(double x) {
    return engine_f64(engine_cell_f64(x) & ~(UINT64_C(1) << 63));
}
static inline double engine_neg_f64(double x) {
    return engine_f64(engine_cell_f64(x) ^ UINT64_C(1) << 63);
}
static inline float engine_copysign_f32(float x, float y) {
    return engine_f32((engine_cell_f32(x) & 0x7FFFFFFFu) | (engine_cell_f32(y) & 0x80000000u));
}
static inline double engine_copysign_f64(double x, double y) {
    return engine_f64((engine_cell_f64(x) & ~(UINT64_C(1) << 63)) | (engine_cell_f64(y) & UINT64_C(1) << 63));
}

/* A NaN operand gives a quiet NaN (adding quiets it); -0 is less than +0. */
static inline float engine_min_f32(float x, float y) {
    if (UNLIKELY(x != x || y != y)) return x + y;
    if (x == y) return engine_f32(engine_cell_f32(x) | engine_cell_f32(y));
    return x < y ? x : y;
}
static inline float engine_max_f32(float x, float y) {
    if (UNLIKELY(x != x || y != y)) return x + y;
    if (x == y) return engine_f32(engine_cell_f32(x) & engine_cell_f32(y));
    return x > y ? x : y;
}
static inline double engine_min_f64(double x, double y) {
    if (UNLIKELY(x != x || y != y)) return x + y;
    if (x == y) return engine_f64(engine_cell_f64(x) | engine_cell_f64(y));
    return x < y ? x : y;
}
static inline double engine_max_f64(double x, double y) {
    if (UNLIKELY(x != x || y != y)) return x + y;
    if (x == y) return engine_f64(engine_cell_f64(x) & engine_cell_f64(y));
    return x > y ? x : y;
}

/* Rounding to integers without a libm: above 2^23 (2^52) every float is one. Adding and taking away that
 * number rounds to nearest, ties to even; the others correct by one. The sign is kept, also that of zero; a
 * NaN is quieted. */
static inline float engine_nearest_f32(float x) {
    const float big = 8388608.0f;
    const float magnitude = engine_abs_f32(x);
    if (!(magnitude < big)) return x != x ? x + x : x;
    return engine_copysign_f32(magnitude + big - big, x);
}
static inline double engine_nearest_f64(double x) {
    const double big = 4503599627370496.0;
    const double magnitude = engine_abs_f64(x);
    if (!(magnitude < big)) return x != x ? x + x : x;
    return engine_copysign_f64(magnitude + big - big, x);
}
#define ROUND_BY_CONVERTING(name, type, integer, big, abs, copysign, adjust)                                 \
    static inline type name(type x) {                                                                        \
        if (!(abs(x) < big)) return x != x ? x + x : x;                                                      \
        const type whole = (type)(integer)x;                                                                 \
        return copysign(adjust, x);                                                                          \
    }
ROUND_BY_CONVERTING(engine_trunc_f32, float, int32_t, 8388608.0f, engine_abs_f32, engine_copysign_f32, whole)
ROUND_BY_CONVERTING(engine_floor_f32, float, int32_t, 8388608.0f, engine_abs_f32, engine_copysign_f32,
                    whole > x ? whole - 1 : whole)
ROUND_BY_CONVERTING(engine_ceil_f32, float, int32_t, 8388608.0f, engine_abs_f32, engine_copysign_f32,
                    whole < x ? whole + 1 : whole)
ROUND_BY_CONVERTING(engine_trunc_f64, double, int64_t, 4503599627370496.0, engine_abs_f64,
                    engine_copysign_f64, whole)
ROUND_BY_CONVERTING(engine_floor_f64, double, int64_t, 4503599627370496.0, engine_abs_f64,
                    engine_copysign_f64, whole > x ? whole - 1 : whole)
ROUND_BY_CONVERTING(engine_ceil_f64, double, int64_t, 4503599627370496.0, engine_abs_f64, engine_copysign_f64,
                    whole < x ? whole + 1 : whole)

/* ---- What handler bodies are written in ---------------------------------------------------------------- */

typedef uint16_t __attribute__((may_alias)) engine_u16;
typedef uint32_t __attribute__((may_alias)) engine_u32;
typedef int32_t __attribute__((may_alias)) engine_i32_operand;

#define WORD(n)     (pc[n])
#define U16(n)      (((const engine_u16 *)(pc + 1))[n])
#define U32(n)      (((const engine_u32 *)(pc + 1))[n])
#define I32(n)      (((const engine_i32_operand *)(pc + 1))[n])
#define K64         ((uint64_t)(int64_t)I32(1))
#define KF32        (engine_f32(U32(1)))
#define KF64        (engine_f64(WORD(2)))
#define READ_U32(n) ((uint32_t)fp[U16(n)])
#define READ_U64(n) (fp[U16(n)])
#define READ_F32(n) (engine_f32(fp[U16(n)]))
#define READ_F64(n) (engine_f64(fp[U16(n)]))
#define SET_I       fp[U16(0)] = a
#define SET_S       (*(engine_u32 *)SLOT_LOW(U16(0)) = (uint32_t)engine_cell_f32(s))
#define SET_D       fp[U16(0)] = engine_cell_f64(d)

/* The half of a slot that holds the low 32 bits. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SLOT_LOW(slot) ((char *)&fp[slot] + 4)
#else
#define SLOT_LOW(slot) ((char *)&fp[slot])
#endif

#define CHECK_MEM(end)                                                                                       \
    if (UNLIKELY((end) > ms)) TRAP(MEMORY_OUT_OF_BOUNDS)
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

/* In a loop that clears a few slots: calling memset would cost more. */
#if defined(__GNUC__)
#define NOT_A_MEMSET __asm__ volatile("")
#else
#define NOT_A_MEMSET
#endif

#if WPLUG_METERING
#define CHARGE(units)    fuel -= (units)
#define GIVE_BACK(units) fuel += (units)
#define OUT_OF_FUEL      UNLIKELY(fuel < 0)
#else
#define CHARGE(units)
#define GIVE_BACK(units)
#define OUT_OF_FUEL 0
#endif
#define CHECK_FUEL                                                                                           \
    if (OUT_OF_FUEL) TAIL(PAUSE)

#define TAKE                                                                                                 \
    do {                                                                                                     \
        const int32_t distance = I32(1);                                                                     \
        CHARGE(I32(2));                                                                                      \
        pc = (const engine_word *)(const void *)((const char *)pc + distance);                               \
        CHECK_FUEL;                                                                                          \
        JUMP;                                                                                                \
    } while (0)

#define CALL_BASE(back) (((const engine_call_site *)(const void *)((back) - 1))->base)
#define RELOAD_MEMORY   (mem = ex->memory, ms = ex->memory_size)
#define TRAP(code)      TAIL(TRAP_##code)
#define STOP(how)                                                                                            \
    do {                                                                                                     \
        ex->outcome = how;                                                                                   \
        TAIL(SAVE);                                                                                          \
    } while (0)
#define NEXT(words)                                                                                          \
    do {                                                                                                     \
        pc += (words);                                                                                       \
        JUMP;                                                                                                \
    } while (0)

/* The vector that was made last: a register like the others in one function, and where functions have vectors for
 * parameters at no cost; elsewhere it lies in the exec. Nobody relies on it across a stop. */
#if WPLUG_DISPATCH != DISPATCH_TAIL
#define VECTOR_REGISTER vec
#elif defined(__x86_64__) || defined(__aarch64__) || defined(__wasm_simd128__)
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
    double d = exec->d;                                                                                      \
    engine_u64x2 vec = {0}
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

const char *engine_dispatch_name(void) {
    return "switch";
}

#endif
#endif

const char *engine_handler_name(engine_handler handler) {
    static const char *const names[ENGINE_HANDLER_COUNT] = {
#define HANDLER(name, ...) #name,
#include "engine/handlers.def"
#undef HANDLER
    };
    return handler < ENGINE_HANDLER_COUNT ? names[handler] : "?";
}

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
