/* Vectors for the handlers of simd.def. Private to interpreter.c and translate.c.
 *
 * A v128 lives in two slots, the low 64 bits in the first. As a number, each slot holds its lanes from the low
 * bits up:
 *
 *      slot          first                              second
 *      bits     63 ........... 0                   63 ........... 0
 *     +-----------------------------------+-----------------------------------+
 *     | 7   6   5   4   3   2   1   0     | 15  14  13  12  11  10  9   8     |    lanes of i8x16
 *     |   3       2       1       0       |   7       6       5       4       |    of i16x8
 *     |       1               0           |       3               2           |    of i32x4
 *     |               0                   |               1                   |    of i64x2
 *     +-----------------------------------+-----------------------------------+
 *
 * In a C vector that is copied from the two slots, lane n is element n on a little-endian machine; on a
 * big-endian one the lanes of each slot stand in reverse. Whatever works lane by lane need not know. What
 * names a lane goes through ENGINE_LANE_8, _16 or _32; pairs of neighbours are taken apart as the halves of
 * one wider number, which is the same everywhere.
 *
 * Everything is written with the vector extensions that GCC and clang share, so that it runs on any machine;
 * where a compiler has a better word for something, it stands beside the common form.
 *
 * RELAXED SIMD. Of the results that the specification lets an engine choose from, this one always gives the
 * same, on every machine:
 *     relaxed_swizzle      0 for every index past 15                       as i8x16.swizzle
 *     relaxed_trunc        saturates, NaN gives 0                          as trunc_sat
 *     relaxed_madd, nmadd  rounds twice: the product, then the sum
 *     relaxed_laneselect   chooses bit by bit                              as v128.bitselect
 *     relaxed_min, max     a NaN gives the canonical one, -0 is less than +0   as min, max
 *     relaxed_q15mulr_s    saturates                                       as q15mulr_sat_s
 *     relaxed_dot          both operands are signed; sums of products wrap around in 16 bits */
#ifndef WPLUG_ENGINE_SIMD_H
#define WPLUG_ENGINE_SIMD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__GNUC__)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define UNLIKELY(condition) (condition)
#endif

/* The NaN that arithmetic gives, in a float's bits: positive and canonical (machine.h says why). */
#define ENGINE_NAN_F32 INT32_C(0x7FC00000)
#define ENGINE_NAN_F64 INT64_C(0x7FF8000000000000)

typedef int8_t engine_i8x16 __attribute__((vector_size(16)));
typedef uint8_t engine_u8x16 __attribute__((vector_size(16)));
typedef int16_t engine_i16x8 __attribute__((vector_size(16)));
typedef uint16_t engine_u16x8 __attribute__((vector_size(16)));
typedef int32_t engine_i32x4 __attribute__((vector_size(16)));
typedef uint32_t engine_u32x4 __attribute__((vector_size(16)));
typedef int64_t engine_i64x2 __attribute__((vector_size(16)));
typedef uint64_t engine_u64x2 __attribute__((vector_size(16)));
typedef float engine_f32x4 __attribute__((vector_size(16)));
typedef double engine_f64x2 __attribute__((vector_size(16)));

/* The element that holds a lane; the lane that an element holds. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ENGINE_LANE_8(n)  ((n) ^ 7)
#define ENGINE_LANE_16(n) ((n) ^ 3)
#define ENGINE_LANE_32(n) ((n) ^ 1)
#else
#define ENGINE_LANE_8(n)  (n)
#define ENGINE_LANE_16(n) (n)
#define ENGINE_LANE_32(n) (n)
#endif

/* The lanes of x and y (numbered on from x's) that become the lanes of the result, all of them constants. */
#if defined(__clang__)
#define ENGINE_ELEMENTS(indices, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define ENGINE_ELEMENTS(indices, x, y, ...) __builtin_shuffle(x, y, (indices){__VA_ARGS__})
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ENGINE_LANES_8(x, y, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                 \
    ENGINE_ELEMENTS(engine_u8x16, x, y, (h) ^ 7, (g) ^ 7, (f) ^ 7, (e) ^ 7, (d) ^ 7, (c) ^ 7, (b) ^ 7,       \
                    (a) ^ 7, (p) ^ 7, (o) ^ 7, (n) ^ 7, (m) ^ 7, (l) ^ 7, (k) ^ 7, (j) ^ 7, (i) ^ 7)
#define ENGINE_LANES_16(x, y, a, b, c, d, e, f, g, h)                                                        \
    ENGINE_ELEMENTS(engine_u16x8, x, y, (d) ^ 3, (c) ^ 3, (b) ^ 3, (a) ^ 3, (h) ^ 3, (g) ^ 3, (f) ^ 3,       \
                    (e) ^ 3)
#define ENGINE_LANES_32(x, y, a, b, c, d)                                                                    \
    ENGINE_ELEMENTS(engine_u32x4, x, y, (b) ^ 1, (a) ^ 1, (d) ^ 1, (c) ^ 1)
#else
#define ENGINE_LANES_8(x, y, ...)  ENGINE_ELEMENTS(engine_u8x16, x, y, __VA_ARGS__)
#define ENGINE_LANES_16(x, y, ...) ENGINE_ELEMENTS(engine_u16x8, x, y, __VA_ARGS__)
#define ENGINE_LANES_32(x, y, ...) ENGINE_ELEMENTS(engine_u32x4, x, y, __VA_ARGS__)
#endif

/* The bits of x where the mask's are set, of y elsewhere. All operands are vectors of one type. */
#define ENGINE_CHOOSE(mask, x, y) (((mask) & (x)) | (~(mask) & (y)))

/* ---- Splats ------------------------------------------------------------------------------------------------ */

static inline engine_u8x16 engine_splat_8(uint8_t x) {
    return (engine_u8x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
static inline engine_u16x8 engine_splat_16(uint16_t x) {
    return (engine_u16x8){x, x, x, x, x, x, x, x};
}
static inline engine_u32x4 engine_splat_32(uint32_t x) {
    return (engine_u32x4){x, x, x, x};
}
static inline engine_u64x2 engine_splat_64(uint64_t x) {
    return (engine_u64x2){x, x};
}
static inline engine_f32x4 engine_splat_f32(float x) {
    return (engine_f32x4){x, x, x, x};
}
static inline engine_f64x2 engine_splat_f64(double x) {
    return (engine_f64x2){x, x};
}

/* ---- Integers ---------------------------------------------------------------------------------------------- */

/* min, max and abs for each pair of a signed and an unsigned type. Comparisons give all ones where they hold. */
#define ENGINE_INTEGER_VECTOR(shape)                                                                         \
    static inline engine_u##shape engine_min_i##shape(engine_i##shape x, engine_i##shape y) {                \
        const engine_u##shape less = (engine_u##shape)(x < y);                                               \
        return ENGINE_CHOOSE(less, (engine_u##shape)x, (engine_u##shape)y);                                  \
    }                                                                                                        \
    static inline engine_u##shape engine_max_i##shape(engine_i##shape x, engine_i##shape y) {                \
        const engine_u##shape more = (engine_u##shape)(x > y);                                               \
        return ENGINE_CHOOSE(more, (engine_u##shape)x, (engine_u##shape)y);                                  \
    }                                                                                                        \
    static inline engine_u##shape engine_min_u##shape(engine_u##shape x, engine_u##shape y) {                \
        const engine_u##shape less = (engine_u##shape)(x < y);                                               \
        return ENGINE_CHOOSE(less, x, y);                                                                    \
    }                                                                                                        \
    static inline engine_u##shape engine_max_u##shape(engine_u##shape x, engine_u##shape y) {                \
        const engine_u##shape more = (engine_u##shape)(x > y);                                               \
        return ENGINE_CHOOSE(more, x, y);                                                                    \
    }                                                                                                        \
    static inline engine_u##shape engine_abs_i##shape(engine_i##shape x) {                                   \
        const engine_u##shape sign = (engine_u##shape)(x < (engine_i##shape){0});                            \
        return ((engine_u##shape)x ^ sign) - sign;                                                           \
    }
ENGINE_INTEGER_VECTOR(8x16)
ENGINE_INTEGER_VECTOR(16x8)
ENGINE_INTEGER_VECTOR(32x4)

static inline engine_u64x2 engine_abs_i64x2(engine_i64x2 x) {
    const engine_u64x2 sign = (engine_u64x2)(x < (engine_i64x2){0});
    return ((engine_u64x2)x ^ sign) - sign;
}

/* Saturating addition and subtraction. Signed: the sum has overflowed where both operands' signs differ from
 * its own (a difference: where theirs differ, and its from the first's); then it becomes the largest number of
 * the first one's sign. `largest` is the lane type's largest signed number. */
#if defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_add_sat)
#define ENGINE_HAS_SATURATING
#endif
#endif
#if defined(ENGINE_HAS_SATURATING)
#define ENGINE_SATURATING(shape, largest)                                                                    \
    static inline engine_u##shape engine_add_sat_i##shape(engine_i##shape x, engine_i##shape y) {            \
        return (engine_u##shape)__builtin_elementwise_add_sat(x, y);                                         \
    }                                                                                                        \
    static inline engine_u##shape engine_sub_sat_i##shape(engine_i##shape x, engine_i##shape y) {            \
        return (engine_u##shape)__builtin_elementwise_sub_sat(x, y);                                         \
    }                                                                                                        \
    static inline engine_u##shape engine_add_sat_u##shape(engine_u##shape x, engine_u##shape y) {            \
        return __builtin_elementwise_add_sat(x, y);                                                          \
    }                                                                                                        \
    static inline engine_u##shape engine_sub_sat_u##shape(engine_u##shape x, engine_u##shape y) {            \
        return __builtin_elementwise_sub_sat(x, y);                                                          \
    }
#else
#define ENGINE_SATURATING(shape, largest)                                                                    \
    static inline engine_u##shape engine_add_sat_i##shape(engine_i##shape x, engine_i##shape y) {            \
        const engine_u##shape ux = (engine_u##shape)x, uy = (engine_u##shape)y, sum = ux + uy;               \
        const engine_u##shape over =                                                                         \
            (engine_u##shape)((engine_i##shape)((ux ^ sum) & (uy ^ sum)) < (engine_i##shape){0});            \
        const engine_u##shape limit = (engine_u##shape)(x < (engine_i##shape){0}) ^ (largest);               \
        return ENGINE_CHOOSE(over, limit, sum);                                                              \
    }                                                                                                        \
    static inline engine_u##shape engine_sub_sat_i##shape(engine_i##shape x, engine_i##shape y) {            \
        const engine_u##shape ux = (engine_u##shape)x, uy = (engine_u##shape)y, difference = ux - uy;        \
        const engine_u##shape over =                                                                         \
            (engine_u##shape)((engine_i##shape)((ux ^ uy) & (ux ^ difference)) < (engine_i##shape){0});      \
        const engine_u##shape limit = (engine_u##shape)(x < (engine_i##shape){0}) ^ (largest);               \
        return ENGINE_CHOOSE(over, limit, difference);                                                       \
    }                                                                                                        \
    static inline engine_u##shape engine_add_sat_u##shape(engine_u##shape x, engine_u##shape y) {            \
        const engine_u##shape sum = x + y;                                                                   \
        return sum | (engine_u##shape)(sum < x);                                                             \
    }                                                                                                        \
    static inline engine_u##shape engine_sub_sat_u##shape(engine_u##shape x, engine_u##shape y) {            \
        return (x - y) & (engine_u##shape)(x > y);                                                           \
    }
#endif
ENGINE_SATURATING(8x16, (uint8_t)0x7F)
ENGINE_SATURATING(16x8, (uint16_t)0x7FFF)

/* Shifts of bytes: shifts of 16 bits, without what came from the neighbour. */
static inline engine_u8x16 engine_shl_8x16(engine_u8x16 x, unsigned n) {
    return (engine_u8x16)((engine_u16x8)x << n) & engine_splat_8((uint8_t)(0xFFu << n));
}
static inline engine_u8x16 engine_shr_u8x16(engine_u8x16 x, unsigned n) {
    return (engine_u8x16)((engine_u16x8)x >> n) & engine_splat_8((uint8_t)(0xFFu >> n));
}
static inline engine_u8x16 engine_shr_i8x16(engine_u8x16 x, unsigned n) {
    const engine_u8x16 sign = engine_splat_8((uint8_t)(0x80u >> n));
    return (engine_shr_u8x16(x, n) ^ sign) - sign;
}

/* (x + y + 1) / 2, with no bit lost: the sum is (x | y) + (x & y), and the half rounded up takes away half of
 * what differs. */
static inline engine_u8x16 engine_avgr_u8x16(engine_u8x16 x, engine_u8x16 y) {
    return (x | y) - ((x ^ y) >> 1);
}
static inline engine_u16x8 engine_avgr_u16x8(engine_u16x8 x, engine_u16x8 y) {
    return (x | y) - ((x ^ y) >> 1);
}

/* Bits are summed in groups of two, four, eight. */
static inline engine_u8x16 engine_popcnt_8x16(engine_u8x16 bytes) {
    engine_u64x2 x = (engine_u64x2)bytes;
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    return (engine_u8x16)((x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F));
}

/* Whether no bit is set. */
static inline uint32_t engine_none_true(engine_u64x2 x) {
#if defined(__SSE2__)
    return _mm_movemask_epi8(_mm_cmpeq_epi8((__m128i)x, _mm_setzero_si128())) == 0xFFFF;
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
    return vmaxvq_u32((uint32x4_t)x) == 0;
#else
    return !(x[0] | x[1]);
#endif
}

/* Whether any element of a comparison's result is all ones. */
static inline bool engine_any_holds(engine_u64x2 x) {
#if defined(__SSE2__)
    return _mm_movemask_epi8((__m128i)x) != 0;
#elif defined(__wasm_simd128__)
    return __builtin_wasm_any_true_v128((engine_i8x16)x);
#else
    return !engine_none_true(x);
#endif
}

/* The lanes' sign bits side by side. The common form: the multiplication brings those of one slot together at its upper
 * end. */
#if defined(__SSE2__)
static inline uint32_t engine_bitmask_8x16(engine_u64x2 x) {
    return (uint32_t)_mm_movemask_epi8((__m128i)x);
}
static inline uint32_t engine_bitmask_16x8(engine_u64x2 x) {
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16((__m128i)x, _mm_setzero_si128()));
}
static inline uint32_t engine_bitmask_32x4(engine_u64x2 x) {
    return (uint32_t)_mm_movemask_ps((__m128)x);
}
static inline uint32_t engine_bitmask_64x2(engine_u64x2 x) {
    return (uint32_t)_mm_movemask_pd((__m128d)x);
}
#else
static inline uint32_t engine_bitmask_8x16(engine_u64x2 x) {
    x = (x >> 7) & UINT64_C(0x0101010101010101);
    const uint64_t gather = UINT64_C(0x0102040810204080);
    return (uint32_t)((x[0] * gather) >> 56 | (x[1] * gather) >> 56 << 8);
}
static inline uint32_t engine_bitmask_16x8(engine_u64x2 x) {
    x = (x >> 15) & UINT64_C(0x0001000100010001);
    const uint64_t gather = UINT64_C(0x1000200040008000);
    return (uint32_t)((x[0] * gather) >> 60 | (x[1] * gather) >> 60 << 4);
}
static inline uint32_t engine_bitmask_32x4(engine_u64x2 x) {
    return (uint32_t)((x[0] >> 31 & 1) | x[0] >> 63 << 1 | (x[1] >> 31 & 1) << 2 | x[1] >> 63 << 3);
}
static inline uint32_t engine_bitmask_64x2(engine_u64x2 x) {
    return (uint32_t)(x[0] >> 63 | x[1] >> 63 << 1);
}
#endif

/* ---- From lanes to lanes of another width ------------------------------------------------------------------ */

/* Each lane of the lower (upper) half twice, one beside the other: a wider lane whose upper half is the value. */
static inline engine_u16x8 engine_double_low_8(engine_u8x16 x) {
    return (engine_u16x8)ENGINE_LANES_8(x, x, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
}
static inline engine_u16x8 engine_double_high_8(engine_u8x16 x) {
    return (engine_u16x8)ENGINE_LANES_8(x, x, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
}
static inline engine_u32x4 engine_double_low_16(engine_u16x8 x) {
    return (engine_u32x4)ENGINE_LANES_16(x, x, 0, 0, 1, 1, 2, 2, 3, 3);
}
static inline engine_u32x4 engine_double_high_16(engine_u16x8 x) {
    return (engine_u32x4)ENGINE_LANES_16(x, x, 4, 4, 5, 5, 6, 6, 7, 7);
}
static inline engine_u64x2 engine_double_low_32(engine_u32x4 x) {
    return (engine_u64x2)ENGINE_LANES_32(x, x, 0, 0, 1, 1);
}
static inline engine_u64x2 engine_double_high_32(engine_u32x4 x) {
    return (engine_u64x2)ENGINE_LANES_32(x, x, 2, 2, 3, 3);
}

/* extend, of the low and the high half, signed and unsigned. */
#define ENGINE_EXTEND(half, from, from_shape, to_shape)                                                      \
    static inline engine_u##to_shape engine_extend_##half##_i##from_shape(engine_u##from_shape x) {          \
        return (engine_u##to_shape)((engine_i##to_shape)engine_double_##half##_##from(x) >> from);           \
    }                                                                                                        \
    static inline engine_u##to_shape engine_extend_##half##_u##from_shape(engine_u##from_shape x) {          \
        return engine_double_##half##_##from(x) >> from;                                                     \
    }
ENGINE_EXTEND(low, 8, 8x16, 16x8)
ENGINE_EXTEND(high, 8, 8x16, 16x8)
ENGINE_EXTEND(low, 16, 16x8, 32x4)
ENGINE_EXTEND(high, 16, 16x8, 32x4)
ENGINE_EXTEND(low, 32, 32x4, 64x2)
ENGINE_EXTEND(high, 32, 32x4, 64x2)

/* The even and the odd lanes, extended. */
static inline engine_i16x8 engine_even_i8(engine_u8x16 x) {
    return (engine_i16x8)((engine_u16x8)x << 8) >> 8;
}
static inline engine_i16x8 engine_odd_i8(engine_u8x16 x) {
    return (engine_i16x8)x >> 8;
}
static inline engine_i32x4 engine_even_i16(engine_u16x8 x) {
    return (engine_i32x4)((engine_u32x4)x << 16) >> 16;
}
static inline engine_i32x4 engine_odd_i16(engine_u16x8 x) {
    return (engine_i32x4)x >> 16;
}

static inline engine_u16x8 engine_extadd_pairwise_i8x16(engine_u8x16 x) {
    return (engine_u16x8)(engine_even_i8(x) + engine_odd_i8(x));
}
static inline engine_u16x8 engine_extadd_pairwise_u8x16(engine_u8x16 x) {
    return ((engine_u16x8)x & 0xFF) + ((engine_u16x8)x >> 8);
}
static inline engine_u32x4 engine_extadd_pairwise_i16x8(engine_u16x8 x) {
    return (engine_u32x4)(engine_even_i16(x) + engine_odd_i16(x));
}
static inline engine_u32x4 engine_extadd_pairwise_u16x8(engine_u16x8 x) {
    return ((engine_u32x4)x & 0xFFFF) + ((engine_u32x4)x >> 16);
}

/* Products of neighbours, summed. -32768 squared twice is 2^31, which wraps. */
static inline engine_u32x4 engine_dot_i16x8(engine_u16x8 x, engine_u16x8 y) {
    return (engine_u32x4)engine_even_i16(x) * (engine_u32x4)engine_even_i16(y) +
           (engine_u32x4)engine_odd_i16(x) * (engine_u32x4)engine_odd_i16(y);
}
static inline engine_u16x8 engine_dot_i8x16(engine_u8x16 x, engine_u8x16 y) {
    return (engine_u16x8)engine_even_i8(x) * (engine_u16x8)engine_even_i8(y) +
           (engine_u16x8)engine_odd_i8(x) * (engine_u16x8)engine_odd_i8(y);
}

/* Products of numbers with 15 bits behind the point, rounded. Only -1 by -1 is out of range. */
static inline engine_u32x4 engine_q15mulr(engine_i32x4 x, engine_i32x4 y) {
    const engine_i32x4 product = (x * y + 0x4000) >> 15;
    return engine_min_i32x4(product, (engine_i32x4){0x7FFF, 0x7FFF, 0x7FFF, 0x7FFF});
}
static inline engine_u16x8 engine_q15mulr_sat_i16x8(engine_u16x8 x, engine_u16x8 y) {
    const engine_u32x4 even = engine_q15mulr(engine_even_i16(x), engine_even_i16(y));
    const engine_u32x4 odd = engine_q15mulr(engine_odd_i16(x), engine_odd_i16(y));
    return (engine_u16x8)((even & 0xFFFF) | odd << 16);
}

/* narrow: every lane into the range of the narrower type, then the lower halves of all. */
static inline engine_u16x8 engine_clamp_i16x8(engine_i16x8 x, int16_t low, int16_t high) {
    const engine_i16x8 lows = (engine_i16x8)engine_splat_16((uint16_t)low);
    const engine_i16x8 highs = (engine_i16x8)engine_splat_16((uint16_t)high);
    return engine_min_i16x8((engine_i16x8)engine_max_i16x8(x, lows), highs);
}
static inline engine_u8x16 engine_narrow_i16x8(engine_i16x8 x, engine_i16x8 y, int16_t low, int16_t high) {
    const engine_u8x16 bx = (engine_u8x16)engine_clamp_i16x8(x, low, high);
    const engine_u8x16 by = (engine_u8x16)engine_clamp_i16x8(y, low, high);
    return ENGINE_LANES_8(bx, by, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
static inline engine_u32x4 engine_clamp_i32x4(engine_i32x4 x, int32_t low, int32_t high) {
    const engine_i32x4 lows = (engine_i32x4)engine_splat_32((uint32_t)low);
    const engine_i32x4 highs = (engine_i32x4)engine_splat_32((uint32_t)high);
    return engine_min_i32x4((engine_i32x4)engine_max_i32x4(x, lows), highs);
}
static inline engine_u16x8 engine_narrow_i32x4(engine_i32x4 x, engine_i32x4 y, int32_t low, int32_t high) {
    const engine_u16x8 bx = (engine_u16x8)engine_clamp_i32x4(x, low, high);
    const engine_u16x8 by = (engine_u16x8)engine_clamp_i32x4(y, low, high);
    return ENGINE_LANES_16(bx, by, 0, 2, 4, 6, 8, 10, 12, 14);
}

/* Lane n of the result is lane y[n] of x, 0 where there is none. */
static inline engine_u8x16 engine_swizzle(engine_u8x16 x, engine_u8x16 y) {
    uint8_t lanes[32] = {0}, indices[16];
    engine_u8x16 result = {0};
    const engine_u8x16 bounded = engine_min_u8x16(y, engine_splat_8(16));
    memcpy(lanes, &x, 16);
    memcpy(indices, &bounded, 16);
    for (int n = 0; n < 16; n++) result[n] = lanes[ENGINE_LANE_8(indices[n])];
    return result;
}

/* The same in one instruction of the processor. Indices are below 16, or have their highest bit set and give
 * 0. Where engine_has_lookup says no, the translator does without. On x86 this is newer than what compilers
 * take for granted, and therefore asked for when the engine runs. */
static inline bool engine_has_lookup(void) {
#if defined(__SSSE3__) || (defined(__aarch64__) && !defined(__AARCH64EB__)) || defined(__wasm_simd128__)
    return true;
#elif defined(__SSE2__) && !defined(_MSC_VER)
    return __builtin_cpu_supports("ssse3");
#else
    return false;
#endif
}
static inline engine_u8x16 engine_lookup(engine_u8x16 x, engine_u8x16 indices) {
#if defined(__aarch64__) && !defined(__AARCH64EB__)
    return (engine_u8x16)vqtbl1q_u8((uint8x16_t)x, (uint8x16_t)indices);
#elif defined(__wasm_simd128__)
    return (engine_u8x16)__builtin_wasm_swizzle_i8x16((engine_i8x16)x, (engine_i8x16)indices);
#elif defined(__AVX__)
    __asm__("vpshufb %1, %0, %0" : "+x"(x) : "x"(indices));
    return x;
#elif defined(__SSE2__)
    __asm__("pshufb %1, %0" : "+x"(x) : "x"(indices));
    return x;
#else
    return engine_swizzle(x, indices);
#endif
}

/* ---- Floats ------------------------------------------------------------------------------------------------ */

/* For each of the two float types. As in the scalar helpers of machine.h: what computes a NaN gives the canonical one, -0 is less
 * than +0, and rounding to integers needs no libm: above `big` every float is one, and adding and taking away that number rounds
 * to the nearest, ties to even. */
#define ENGINE_FLOAT_VECTOR(shape, bits, big)                                                                \
    static inline engine_f##shape engine_canonical_f##shape(engine_f##shape x) {                             \
        const engine_i##shape nan = x != x;                                                                  \
        if (UNLIKELY(engine_any_holds((engine_u64x2)nan)))                                                   \
            x = (engine_f##shape)ENGINE_CHOOSE(nan, ENGINE_NAN_F##bits, (engine_i##shape)x);                 \
        return x;                                                                                            \
    }                                                                                                        \
    static inline engine_f##shape engine_magnitude_f##shape(engine_f##shape x) {                             \
        return (engine_f##shape)((engine_u##shape)x & (UINT##bits##_MAX >> 1));                              \
    }                                                                                                        \
    static inline engine_f##shape engine_negate_f##shape(engine_f##shape x) {                                \
        return (engine_f##shape)((engine_u##shape)x ^ (UINT##bits##_C(1) << (bits - 1)));                    \
    }                                                                                                        \
    static inline engine_f##shape engine_choose_f##shape(engine_i##shape mask, engine_f##shape x,            \
                                                         engine_f##shape y) {                                \
        return (engine_f##shape)ENGINE_CHOOSE(mask, (engine_i##shape)x, (engine_i##shape)y);                 \
    }                                                                                                        \
    /* `result` where neither x nor y is a NaN */                                                            \
    static inline engine_f##shape engine_unless_nan_f##shape(engine_f##shape x, engine_f##shape y,           \
                                                             engine_f##shape result) {                       \
        return (engine_f##shape)ENGINE_CHOOSE((x != x) | (y != y), ENGINE_NAN_F##bits,                       \
                                              (engine_i##shape)result);                                      \
    }                                                                                                        \
    static inline engine_f##shape engine_min_f##shape(engine_f##shape x, engine_f##shape y) {                \
        const engine_f##shape least = (engine_f##shape)(                                                     \
            (engine_i##shape)engine_choose_f##shape(x < y, x, y) | ((x == y) & (engine_i##shape)x));         \
        return engine_unless_nan_f##shape(x, y, least);                                                      \
    }                                                                                                        \
    static inline engine_f##shape engine_max_f##shape(engine_f##shape x, engine_f##shape y) {                \
        const engine_f##shape most = (engine_f##shape)(                                                      \
            (engine_i##shape)engine_choose_f##shape(x > y, x, y) & ((x != y) | (engine_i##shape)x));         \
        return engine_unless_nan_f##shape(x, y, most);                                                       \
    }                                                                                                        \
    static inline engine_f##shape engine_pmin_f##shape(engine_f##shape x, engine_f##shape y) {               \
        return engine_choose_f##shape(y < x, y, x);                                                          \
    }                                                                                                        \
    static inline engine_f##shape engine_pmax_f##shape(engine_f##shape x, engine_f##shape y) {               \
        return engine_choose_f##shape(x < y, y, x);                                                          \
    }                                                                                                        \
    /* `whole` with the sign of x where x has a fraction, else x */                                          \
    static inline engine_f##shape engine_rounded_f##shape(engine_f##shape x, engine_f##shape whole) {        \
        const engine_i##shape sign = (engine_i##shape)x & INT##bits##_MIN;                                   \
        const engine_f##shape signed_whole =                                                                 \
            (engine_f##shape)((engine_i##shape)engine_magnitude_f##shape(whole) | sign);                     \
        return engine_choose_f##shape(engine_magnitude_f##shape(x) < (big), signed_whole,                    \
                                      engine_canonical_f##shape(x));                                         \
    }                                                                                                        \
    static inline engine_f##shape engine_nearest_f##shape(engine_f##shape x) {                               \
        return engine_rounded_f##shape(x, engine_magnitude_f##shape(x) + (big) - (big));                     \
    }                                                                                                        \
    static inline engine_f##shape engine_one_if_f##shape(engine_i##shape mask) {                             \
        return (engine_f##shape)(mask & (engine_i##shape)((engine_f##shape){0} + 1));                        \
    }                                                                                                        \
    static inline engine_f##shape engine_trunc_f##shape(engine_f##shape x) {                                 \
        const engine_f##shape magnitude = engine_magnitude_f##shape(x);                                      \
        const engine_f##shape near = magnitude + (big) - (big);                                              \
        return engine_rounded_f##shape(x, near - engine_one_if_f##shape(near > magnitude));                  \
    }                                                                                                        \
    static inline engine_f##shape engine_floor_f##shape(engine_f##shape x) {                                 \
        const engine_f##shape near = engine_nearest_f##shape(x);                                             \
        return engine_rounded_f##shape(x, near - engine_one_if_f##shape(near > x));                          \
    }                                                                                                        \
    static inline engine_f##shape engine_ceil_f##shape(engine_f##shape x) {                                  \
        const engine_f##shape near = engine_nearest_f##shape(x);                                             \
        return engine_rounded_f##shape(x, near + engine_one_if_f##shape(near < x));                          \
    }
ENGINE_FLOAT_VECTOR(32x4, 32, 8388608.0f)
ENGINE_FLOAT_VECTOR(64x2, 64, 4503599627370496.0)

/* Square roots that set no errno. GCC has no such word and needs to be told (-fno-math-errno), as older clangs. */
#if defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
#define ENGINE_SQRT_F32(x) __builtin_elementwise_sqrt((float)(x))
#define ENGINE_SQRT_F64(x) __builtin_elementwise_sqrt((double)(x))
#endif
#endif
#ifndef ENGINE_SQRT_F32
#define ENGINE_SQRT_F32(x) __builtin_sqrtf(x)
#define ENGINE_SQRT_F64(x) __builtin_sqrt(x)
#endif

static inline engine_f32x4 engine_sqrt_f32x4(engine_f32x4 x) {
    return engine_canonical_f32x4((engine_f32x4){ENGINE_SQRT_F32(x[0]), ENGINE_SQRT_F32(x[1]),
                                                 ENGINE_SQRT_F32(x[2]), ENGINE_SQRT_F32(x[3])});
}
static inline engine_f64x2 engine_sqrt_f64x2(engine_f64x2 x) {
    return engine_canonical_f64x2((engine_f64x2){ENGINE_SQRT_F64(x[0]), ENGINE_SQRT_F64(x[1])});
}

/* ---- Between integers and floats --------------------------------------------------------------------------- */

/* Lanes out of range (and NaN) are converted as 0 and then given what they should be. */
static inline engine_i32x4 engine_trunc_sat_i32x4(engine_f32x4 x) {
    const engine_f32x4 lowest = engine_splat_f32(-2147483648.0f);
    const engine_i32x4 above = x >= -lowest, inside = (x >= lowest) & ~above;
    const engine_i32x4 below = x < lowest;
    const engine_f32x4 safe = (engine_f32x4)((engine_i32x4)x & inside);
    return __builtin_convertvector(safe, engine_i32x4) | (above & INT32_MAX) | (below & INT32_MIN);
}
static inline engine_u32x4 engine_trunc_sat_u32x4(engine_f32x4 x) {
    const engine_i32x4 above = x >= 4294967296.0f, inside = (x > engine_splat_f32(-1.0f)) & ~above;
    const engine_f32x4 safe = (engine_f32x4)((engine_i32x4)x & inside);
    return __builtin_convertvector(safe, engine_u32x4) | (engine_u32x4)above;
}

static inline engine_u32x4 engine_pair_32(uint32_t low, uint32_t high) {
    engine_u32x4 result = {0};
    result[ENGINE_LANE_32(0)] = low;
    result[ENGINE_LANE_32(1)] = high;
    return result;
}
static inline engine_u32x4 engine_trunc_sat_i32x4_zero(engine_f64x2 x) {
    const engine_i64x2 above = x >= 2147483648.0, below = x <= -2147483649.0;
    const engine_i64x2 inside = (x > -2147483649.0) & ~above;
    const engine_f64x2 safe = (engine_f64x2)((engine_i64x2)x & inside);
    const engine_i64x2 limit = (above & INT32_MAX) | (below & INT32_MIN);
    return engine_pair_32((uint32_t)((int32_t)safe[0] | (int32_t)limit[0]),
                          (uint32_t)((int32_t)safe[1] | (int32_t)limit[1]));
}
static inline engine_u32x4 engine_trunc_sat_u32x4_zero(engine_f64x2 x) {
    const engine_i64x2 above = x >= 4294967296.0, inside = (x > -1.0) & ~above;
    const engine_f64x2 safe = (engine_f64x2)((engine_i64x2)x & inside);
    return engine_pair_32((uint32_t)safe[0] | (uint32_t)above[0], (uint32_t)safe[1] | (uint32_t)above[1]);
}
static inline engine_f64x2 engine_convert_low_i32x4(engine_i32x4 x) {
    return (engine_f64x2){(double)x[ENGINE_LANE_32(0)], (double)x[ENGINE_LANE_32(1)]};
}
static inline engine_f64x2 engine_convert_low_u32x4(engine_u32x4 x) {
    return (engine_f64x2){(double)x[ENGINE_LANE_32(0)], (double)x[ENGINE_LANE_32(1)]};
}
static inline engine_f32x4 engine_demote_zero_f64x2(engine_f64x2 x) {
    engine_f32x4 result = {0};
    result[ENGINE_LANE_32(0)] = (float)x[0];
    result[ENGINE_LANE_32(1)] = (float)x[1];
    return engine_canonical_f32x4(result);
}
static inline engine_f64x2 engine_promote_low_f32x4(engine_f32x4 x) {
    return engine_canonical_f64x2((engine_f64x2){(double)x[ENGINE_LANE_32(0)], (double)x[ENGINE_LANE_32(1)]});
}

/* Relaxed multiply and add: the product is rounded first. (GCC must be told with -ffp-contract=off.) */
#if defined(__clang__)
#pragma clang fp contract(off)
#endif
static inline engine_f32x4 engine_madd_f32x4(engine_f32x4 x, engine_f32x4 y, engine_f32x4 z) {
    const engine_f32x4 product = x * y;
    return engine_canonical_f32x4(product + z);
}
static inline engine_f64x2 engine_madd_f64x2(engine_f64x2 x, engine_f64x2 y, engine_f64x2 z) {
    const engine_f64x2 product = x * y;
    return engine_canonical_f64x2(product + z);
}

#endif
