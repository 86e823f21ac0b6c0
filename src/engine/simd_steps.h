/* Steps of vector instructions (steps.h says what steps are): those of which pairs are made. The other vector instructions are
 * written out in simd.def, which also says where operands are.
 *
 * Whatever makes a vector stores it in its slot and leaves it in the machine's vector register too. An instruction that
 * knows its operand to be there takes it from there: the way through memory takes longer than most instructions.
 * Shapes say so with X (it is operand x) or Y (operand y) before V (operands in slots) or K (one in the instruction). */
#ifndef WPLUG_ENGINE_SIMD_STEPS_H
#define WPLUG_ENGINE_SIMD_STEPS_H

#define VECTOR(type, name, n)                                                                                \
    type name;                                                                                               \
    memcpy(&name, fp + U16(n), sizeof name)
/* In two words of the instruction, from `word` on. */
#define CONSTANT(type, name, word)                                                                           \
    type name;                                                                                               \
    memcpy(&name, pc + (word), sizeof name)
/* The vector that an instruction makes. */
#define MAKE(...)                                                                                            \
    do {                                                                                                     \
        VECTOR_REGISTER = (engine_u64x2)(__VA_ARGS__);                                                       \
        memcpy(fp + U16(0), &VECTOR_REGISTER, sizeof(engine_u64x2));                                         \
    } while (0)
/* The one that was made last. */
#define MADE(type, name) const type name = (type)VECTOR_REGISTER

/* Of two vectors: shapes V, and K where the second is in the instruction. OP_ is their type and the result. */
#define VECTORS_V(type)                                                                                      \
    VECTOR(type, x, 1);                                                                                      \
    VECTOR(type, y, 2)
#define VECTORS_K(type)                                                                                      \
    VECTOR(type, x, 1);                                                                                      \
    CONSTANT(type, y, 2)
#define VECTORS_XV(type)                                                                                     \
    MADE(type, x);                                                                                           \
    VECTOR(type, y, 2)
#define VECTORS_YV(type)                                                                                     \
    VECTOR(type, x, 1);                                                                                      \
    MADE(type, y)
#define VECTORS_XK(type)                                                                                     \
    MADE(type, x);                                                                                           \
    CONSTANT(type, y, 2)
#define STEP_VECTORS(operation, shape, destination) STEP_VECTORS_WITH(shape, OP_##operation)
#define STEP_VECTORS_WITH(...)                      STEP_VECTORS_OF(__VA_ARGS__)
#define STEP_VECTORS_OF(shape, type, ...)                                                                    \
    {                                                                                                        \
        VECTORS_##shape(type);                                                                               \
        MAKE(__VA_ARGS__);                                                                                   \
    }
#define WORDS_VECTORS(operation, shape)             WORDS_VECTORS_##shape
#define WORDS_VECTORS_V                             2
#define WORDS_VECTORS_XV                            2
#define WORDS_VECTORS_YV                            2
#define WORDS_VECTORS_K                             4
#define WORDS_VECTORS_XK                            4
#define NAME_VECTORS(operation, shape, destination) NAME_VECTORS_##shape(operation)
#define NAME_VECTORS_V(operation)                   operation
#define NAME_VECTORS_XV(operation)                  operation##_X
#define NAME_VECTORS_YV(operation)                  operation##_Y
#define NAME_VECTORS_K(operation)                   operation##_K
#define NAME_VECTORS_XK(operation)                  operation##_K_X

/* Arithmetic of floats: the same. OP_ is their type, what makes NaNs canonical, and the result before that. */
#define STEP_FLOAT_VECTORS(operation, shape, destination) STEP_FLOAT_VECTORS_WITH(shape, OP_##operation)
#define STEP_FLOAT_VECTORS_WITH(...)                      STEP_FLOAT_VECTORS_OF(__VA_ARGS__)
#define STEP_FLOAT_VECTORS_OF(shape, type, canonical, ...)                                                   \
    STEP_VECTORS_OF(shape, type, canonical(__VA_ARGS__))
#define WORDS_FLOAT_VECTORS(operation, shape)             WORDS_VECTORS_##shape
#define NAME_FLOAT_VECTORS(operation, shape, destination) NAME_VECTORS_##shape(operation)
/* Two of them, one after the other (FLOAT_PAIR_HANDLER in steps.h). */
#define FLOAT_STEPS_FLOAT_VECTORS(...) FLOAT_VECTORS_OF(__VA_ARGS__)
#define FLOAT_VECTORS_OF(shape1, d1, shape2, d2, type, canonical, result1, type2, canonical2, result2)       \
    {                                                                                                        \
        type first, second;                                                                                  \
        {                                                                                                    \
            VECTORS_##shape1(type);                                                                          \
            first = result1;                                                                                 \
        }                                                                                                    \
        MAKE(first);                                                                                         \
        pc += WORDS_VECTORS_##shape1;                                                                        \
        {                                                                                                    \
            VECTORS_##shape2(type);                                                                          \
            second = result2;                                                                                \
        }                                                                                                    \
        if (UNLIKELY(engine_any_holds((engine_u64x2)((first != first) | (second != second))))) {             \
            pc -= WORDS_VECTORS_##shape1;                                                                    \
            MAKE(canonical(first));                                                                          \
            pc += WORDS_VECTORS_##shape1;                                                                    \
            second = canonical(second);                                                                      \
        }                                                                                                    \
        MAKE(second);                                                                                        \
        NEXT(WORDS_VECTORS_##shape2);                                                                        \
    }

#define OP_V128_AND       engine_u64x2, (x & y)
#define OP_V128_ANDNOT    engine_u64x2, (x & ~y)
#define OP_V128_OR        engine_u64x2, (x | y)
#define OP_V128_XOR       engine_u64x2, (x ^ y)
#define OP_I8X16_ADD      engine_u8x16, (x + y)
#define OP_I16X8_ADD      engine_u16x8, (x + y)
#define OP_I32X4_ADD      engine_u32x4, (x + y)
#define OP_I64X2_ADD      engine_u64x2, (x + y)
#define OP_I8X16_SUB      engine_u8x16, (x - y)
#define OP_I16X8_SUB      engine_u16x8, (x - y)
#define OP_I32X4_SUB      engine_u32x4, (x - y)
#define OP_I64X2_SUB      engine_u64x2, (x - y)
#define OP_I16X8_MUL      engine_u16x8, (x * y)
#define OP_I32X4_MUL      engine_u32x4, (x * y)
#define OP_I64X2_MUL      engine_u64x2, (x * y)
#define OP_F32X4_ADD      engine_f32x4, engine_canonical_f32x4, (x + y)
#define OP_F32X4_SUB      engine_f32x4, engine_canonical_f32x4, (x - y)
#define OP_F32X4_MUL      engine_f32x4, engine_canonical_f32x4, (x * y)
#define OP_F32X4_DIV      engine_f32x4, engine_canonical_f32x4, (x / y)
#define OP_F64X2_ADD      engine_f64x2, engine_canonical_f64x2, (x + y)
#define OP_F64X2_SUB      engine_f64x2, engine_canonical_f64x2, (x - y)
#define OP_F64X2_MUL      engine_f64x2, engine_canonical_f64x2, (x * y)
#define OP_F64X2_DIV      engine_f64x2, engine_canonical_f64x2, (x / y)
#define OP_SWIZZLE_LOOKUP engine_u8x16, engine_lookup(x, y | (engine_u8x16)(y > 15))
#define OP_I8X16_EQ       engine_u8x16, (x == y)
#define OP_I8X16_NE       engine_u8x16, (x != y)
#define OP_I8X16_LT_S     engine_i8x16, (x < y)
#define OP_I8X16_LT_U     engine_u8x16, (x < y)
#define OP_I8X16_GT_S     engine_i8x16, (x > y)
#define OP_I8X16_GT_U     engine_u8x16, (x > y)
#define OP_I8X16_LE_S     engine_i8x16, (x <= y)
#define OP_I8X16_LE_U     engine_u8x16, (x <= y)
#define OP_I8X16_GE_S     engine_i8x16, (x >= y)
#define OP_I8X16_GE_U     engine_u8x16, (x >= y)
#define OP_F32X4_EQ       engine_f32x4, (x == y)
#define OP_F32X4_NE       engine_f32x4, (x != y)
#define OP_F32X4_LT       engine_f32x4, (x < y)
#define OP_F32X4_GT       engine_f32x4, (x > y)
#define OP_F32X4_LE       engine_f32x4, (x <= y)
#define OP_F32X4_GE       engine_f32x4, (x >= y)
#define OP_F64X2_EQ       engine_f64x2, (x == y)
#define OP_F64X2_NE       engine_f64x2, (x != y)
#define OP_F64X2_LT       engine_f64x2, (x < y)
#define OP_F64X2_GT       engine_f64x2, (x > y)
#define OP_F64X2_LE       engine_f64x2, (x <= y)
#define OP_F64X2_GE       engine_f64x2, (x >= y)

/* Of a vector x and a number n: below the lane's width, in a slot (shape V), or U16(2) (shape K). OP_ is the type, the width, and
 * the result. */
#define SHIFTED_V(type, bits)                                                                                \
    VECTOR(type, x, 1);                                                                                      \
    const unsigned n = READ_U32(2) & (bits - 1)
#define SHIFTED_K(type, bits)                                                                                \
    VECTOR(type, x, 1);                                                                                      \
    const unsigned n = U16(2) & (bits - 1)
#define SHIFTED_XV(type, bits)                                                                               \
    MADE(type, x);                                                                                           \
    const unsigned n = READ_U32(2) & (bits - 1)
#define SHIFTED_XK(type, bits)                                                                               \
    MADE(type, x);                                                                                           \
    const unsigned n = U16(2) & (bits - 1)
#define STEP_SHIFT(operation, shape, destination) STEP_SHIFT_WITH(shape, OP_##operation)
#define STEP_SHIFT_WITH(...)                      STEP_SHIFT_OF(__VA_ARGS__)
#define STEP_SHIFT_OF(shape, type, bits, ...)                                                                \
    {                                                                                                        \
        SHIFTED_##shape(type, bits);                                                                         \
        MAKE(__VA_ARGS__);                                                                                   \
    }
#define WORDS_SHIFT(operation, shape)             2
#define NAME_SHIFT(operation, shape, destination) NAME_VECTORS_##shape(operation)

#define OP_I8X16_SHL   engine_u8x16, 8, engine_shl_8x16(x, n)
#define OP_I8X16_SHR_S engine_u8x16, 8, engine_shr_i8x16(x, n)
#define OP_I8X16_SHR_U engine_u8x16, 8, engine_shr_u8x16(x, n)
#define OP_I16X8_SHL   engine_u16x8, 16, x << n
#define OP_I16X8_SHR_S engine_i16x8, 16, x >> n
#define OP_I16X8_SHR_U engine_u16x8, 16, x >> n
#define OP_I32X4_SHL   engine_u32x4, 32, x << n
#define OP_I32X4_SHR_S engine_i32x4, 32, x >> n
#define OP_I32X4_SHR_U engine_u32x4, 32, x >> n
#define OP_I64X2_SHL   engine_u64x2, 64, x << n
#define OP_I64X2_SHR_S engine_i64x2, 64, x >> n
#define OP_I64X2_SHR_U engine_u64x2, 64, x >> n
/* Not instructions of WebAssembly's, and never by 0: what shifts in both directions make together. */
#define OP_I32X4_ROTL engine_u32x4, 32, x << n | x >> (32 - n)
#define OP_I64X2_ROTL engine_u64x2, 64, x << n | x >> (64 - n)

/* A scalar out of a vector: OP_ is the type and the result. */
#define STEP_TEST(operation, shape, destination) STEP_TEST_WITH(shape, destination, OP_##operation)
#define STEP_TEST_WITH(...)                      STEP_TEST_OF(__VA_ARGS__)
#define STEP_TEST_OF(shape, destination, type, ...)                                                          \
    {                                                                                                        \
        VECTOR_1_##shape(type, x);                                                                           \
        a = (uint32_t)(__VA_ARGS__);                                                                         \
        DESTINATION_##destination(I32)                                                                       \
    }
#define WORDS_TEST(operation, shape)             2
#define NAME_TEST(operation, shape, destination) NAME_TEST_##shape(operation, destination)
#define NAME_TEST_V(operation, destination)      operation##destination
#define NAME_TEST_XV(operation, destination)     operation##_X##destination

#define OP_V128_ANY_TRUE  engine_u64x2, !engine_none_true(x)
#define OP_I8X16_ALL_TRUE engine_u8x16, engine_none_true((engine_u64x2)(x == 0))
#define OP_I8X16_BITMASK  engine_u64x2, engine_bitmask_8x16(x)

/* Others: shape V, and X or Y with the first or second vector made before. OP_ is the words and what is done, with VECTOR_1 and
 * VECTOR_2 for the operands. */
#define VECTOR_1_V(type, name)  VECTOR(type, name, 1)
#define VECTOR_1_XV(type, name) MADE(type, name)
#define VECTOR_1_YV(type, name) VECTOR(type, name, 1)
#define VECTOR_2_V(type, name)  VECTOR(type, name, 2)
#define VECTOR_2_XV(type, name) VECTOR(type, name, 2)
#define VECTOR_2_YV(type, name) MADE(type, name)
#define STEP_VECTOR(operation, shape, destination)                                                           \
    {                                                                                                        \
        OP_##operation(shape);                                                                               \
    }
#define WORDS_VECTOR(operation, shape)             WORDS_##operation
#define NAME_VECTOR(operation, shape, destination) NAME_VECTORS_##shape(operation)

#define WORDS_COPY128 2
#define OP_COPY128(shape)                                                                                    \
    VECTOR_1_##shape(engine_u64x2, x);                                                                       \
    MAKE(x)
/* Words 2 and 3 are the value. At once: a load cannot be forwarded from two stores. */
#define WORDS_V128_CONST 4
#define OP_V128_CONST(shape)                                                                                 \
    CONSTANT(engine_u64x2, x, 2);                                                                            \
    MAKE(x)
/* Words 2 and 3 are indices into x, words 4 and 5 into y, and each lane has one of the two. */
#define WORDS_SHUFFLE_LOOKUP 6
#define OP_SHUFFLE_LOOKUP(shape)                                                                             \
    VECTOR_1_##shape(engine_u8x16, x);                                                                       \
    VECTOR_2_##shape(engine_u8x16, y);                                                                       \
    CONSTANT(engine_u8x16, from_x, 2);                                                                       \
    CONSTANT(engine_u8x16, from_y, 4);                                                                       \
    MAKE(engine_lookup(x, from_x) | engine_lookup(y, from_y))
/* Of one vector alone: words 2 and 3 are indices into x. */
#define WORDS_SHUFFLE_ONE 4
#define OP_SHUFFLE_ONE(shape)                                                                                \
    VECTOR_1_##shape(engine_u8x16, x);                                                                       \
    CONSTANT(engine_u8x16, from_x, 2);                                                                       \
    MAKE(engine_lookup(x, from_x))
/* Whole vectors in memory: the address in a slot, in the accumulator (_A), in the instruction (_K), or a pointer to the bytes in the
 * accumulator (_P). Of a load it is in U16(1), of a store in U16(0), with the value in U16(1). */
#define WORDS_V128_LOAD   2
#define WORDS_V128_LOAD_A 2
#define WORDS_V128_LOAD_K 2
#define WORDS_V128_LOAD_P 2
#define OP_V128_LOAD(shape)                                                                                  \
    VECTOR_PLACE(READ_U32(1));                                                                               \
    VECTOR_READ
#define OP_V128_LOAD_A(shape)                                                                                \
    VECTOR_PLACE((uint32_t)a);                                                                               \
    VECTOR_READ
#define OP_V128_LOAD_K(shape)                                                                                \
    VECTOR_PLACE(0);                                                                                         \
    VECTOR_READ
#define OP_V128_LOAD_P(shape)                                                                                \
    VECTOR_POINTER;                                                                                          \
    VECTOR_READ
#define WORDS_V128_STORE   2
#define WORDS_V128_STORE_A 2
#define WORDS_V128_STORE_K 2
#define WORDS_V128_STORE_P 2
#define OP_V128_STORE(shape)                                                                                 \
    VECTOR_PLACE(READ_U32(0));                                                                               \
    VECTOR_WRITE(shape)
#define OP_V128_STORE_A(shape)                                                                               \
    VECTOR_PLACE((uint32_t)a);                                                                               \
    VECTOR_WRITE(shape)
#define OP_V128_STORE_K(shape)                                                                               \
    VECTOR_PLACE(0);                                                                                         \
    VECTOR_WRITE(shape)
#define OP_V128_STORE_P(shape)                                                                               \
    VECTOR_POINTER;                                                                                          \
    VECTOR_WRITE(shape)
#define VECTOR_PLACE(address)                                                                                \
    const uint64_t end = (uint64_t)(address) + U32(1);                                                       \
    CHECK_MEM(end);                                                                                          \
    uint8_t *const at = mem + end - 16
#define VECTOR_POINTER uint8_t *const at = (uint8_t *)(uintptr_t)a
#define VECTOR_READ    MAKE((engine_u64x2){engine_read_64(at), engine_read_64(at + 8)})
#define VECTOR_WRITE(shape)                                                                                  \
    VECTOR_1_##shape(engine_u64x2, x);                                                                       \
    engine_write_64(at, x[0]);                                                                               \
    engine_write_64(at + 8, x[1])

/* ---- Handlers of one step ------------------------------------------------------------------------------- */

#define VECTOR_ONE(family, operation, shape) ONE(family, operation, shape, )
#define VECTOR_BINARY(operation)             VECTOR_BINARY_OF(VECTORS, operation)
#define FLOAT_VECTOR_BINARY(operation)       VECTOR_BINARY_OF(FLOAT_VECTORS, operation)
#define VECTOR_BINARY_OF(family, operation)                                                                  \
    VECTOR_ONE(family, operation, V)                                                                         \
    VECTOR_ONE(family, operation, K)                                                                         \
    VECTOR_ONE(family, operation, XV)                                                                        \
    VECTOR_ONE(family, operation, YV)                                                                        \
    VECTOR_ONE(family, operation, XK)
#define VECTOR_SHIFT(operation)                                                                              \
    VECTOR_ONE(SHIFT, operation, V)                                                                          \
    VECTOR_ONE(SHIFT, operation, K)                                                                          \
    VECTOR_ONE(SHIFT, operation, XV)                                                                         \
    VECTOR_ONE(SHIFT, operation, XK)
#define VECTOR_TEST(operation) BOTH(TEST, operation, V) BOTH(TEST, operation, XV)

#endif
