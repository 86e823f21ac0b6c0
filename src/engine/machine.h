/* What the bodies of handlers are written in: operands, checks, fuel, and the arithmetic that C leaves undefined or has no
 * word for. Private to the interpreters (interpreter.c, compact.c), which define the machine's registers under these names
 * (pc, fp, mem, ms, ex, fuel, depth, a, s, d) and how to get from one handler to another: JUMP, TAIL(name), LEAVE. */
#ifndef WPLUG_ENGINE_MACHINE_H
#define WPLUG_ENGINE_MACHINE_H

#include "engine/interpreter.h"
#include "engine/simd.h"

#ifndef WPLUG_METERING
#define WPLUG_METERING 1
#endif

/* Here the compiler shall not make something else of the code around: no call of memset of a loop that clears a few slots, no
 * choice of a branch. */
#if defined(__GNUC__)
#define COMPILER_STAYS_OUT __asm__ volatile("")
#else
#define COMPILER_STAYS_OUT
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

/* Where the specification leaves it to the engine which NaN an operation gives, processors differ: in the sign, in which
 * operand's payload is kept, or whether any is. So what computes a float gives the one NaN of the deterministic profile,
 * positive and canonical, and a guest has the same bits everywhere. What only moves a float, or changes its sign, keeps all
 * of them. */
static inline float engine_canonical_f32(float x) {
    return UNLIKELY(x != x) ? engine_f32(ENGINE_NAN_F32) : x;
}
static inline double engine_canonical_f64(double x) {
    return UNLIKELY(x != x) ? engine_f64(ENGINE_NAN_F64) : x;
}

/* -0 is less than +0. */
static inline float engine_min_f32(float x, float y) {
    if (UNLIKELY(x != x || y != y)) return engine_f32(ENGINE_NAN_F32);
    if (x == y) return engine_f32(engine_cell_f32(x) | engine_cell_f32(y));
    return x < y ? x : y;
}
static inline float engine_max_f32(float x, float y) {
    if (UNLIKELY(x != x || y != y)) return engine_f32(ENGINE_NAN_F32);
    if (x == y) return engine_f32(engine_cell_f32(x) & engine_cell_f32(y));
    return x > y ? x : y;
}
static inline double engine_min_f64(double x, double y) {
    if (UNLIKELY(x != x || y != y)) return engine_f64(ENGINE_NAN_F64);
    if (x == y) return engine_f64(engine_cell_f64(x) | engine_cell_f64(y));
    return x < y ? x : y;
}
static inline double engine_max_f64(double x, double y) {
    if (UNLIKELY(x != x || y != y)) return engine_f64(ENGINE_NAN_F64);
    if (x == y) return engine_f64(engine_cell_f64(x) & engine_cell_f64(y));
    return x > y ? x : y;
}

/* Rounding to integers without a libm: above 2^23 (2^52) every float is one. Adding and taking away that
 * number rounds to nearest, ties to even; the others correct by one. The sign is kept, also that of
 * zero. */
static inline float engine_nearest_f32(float x) {
    const float big = 8388608.0f;
    const float magnitude = engine_abs_f32(x);
    if (!(magnitude < big)) return engine_canonical_f32(x);
    const float sum = magnitude + big; /* rounded, also where expressions keep more digits (s390x) */
    return engine_copysign_f32(sum - big, x);
}
static inline double engine_nearest_f64(double x) {
    const double big = 4503599627370496.0;
    const double magnitude = engine_abs_f64(x);
    if (!(magnitude < big)) return engine_canonical_f64(x);
    return engine_copysign_f64(magnitude + big - big, x);
}
#define ROUND_BY_CONVERTING(rounding, type, bits, big, adjust)                                               \
    static inline type engine_##rounding##_f##bits(type x) {                                                 \
        if (!(engine_abs_f##bits(x) < big)) return engine_canonical_f##bits(x);                              \
        const type whole = (type)(int##bits##_t)x;                                                           \
        return engine_copysign_f##bits(adjust, x);                                                           \
    }
#define ROUND_ALL_WAYS(type, bits, big)                                                                      \
    ROUND_BY_CONVERTING(trunc, type, bits, big, whole)                                                       \
    ROUND_BY_CONVERTING(floor, type, bits, big, whole > x ? whole - 1 : whole)                               \
    ROUND_BY_CONVERTING(ceil, type, bits, big, whole < x ? whole + 1 : whole)
ROUND_ALL_WAYS(float, 32, 8388608.0f)
ROUND_ALL_WAYS(double, 64, 4503599627370496.0)
#undef ROUND_BY_CONVERTING
#undef ROUND_ALL_WAYS

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

#endif
