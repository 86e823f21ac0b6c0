/* Steps: what the handlers of handlers.def do, as text. A handler is one step, or two, one after the other (pairs.def),
 * and then goes on to the next. Included by interpreter.c, under whose dispatch scheme the words used here have a meaning.
 *
 * STEP_family(operation, shape, destination) is a step of a family; OP_operation says what makes one operation different
 * from the others of its family. WORDS_family says how long the instruction is, NAME_family what its handler is called.
 * `destination` is empty, or _D where the result also goes to a slot. Operand x and y are named in OP_ definitions. */
#ifndef WPLUG_ENGINE_STEPS_H
#define WPLUG_ENGINE_STEPS_H

#include "engine/simd_steps.h"

/* ---- Classes of values ---------------------------------------------------------------------------------- */

/* For each: the C type, how slot n is read, the accumulator, the constant, the words of an instruction with a constant, and
 * how a result goes to the accumulator and from there to a slot. */
#define TYPE_I32        uint32_t
#define SLOT_I32(n)     READ_U32(n)
#define ACC_I32         (uint32_t)a
#define CONST_I32       U32(1)
#define CONST_WORDS_I32 2
#define RESULT_I32(...) a = (uint32_t)(__VA_ARGS__)
#define KEEP_I32        SET_I

#define TYPE_I64        uint64_t
#define SLOT_I64(n)     READ_U64(n)
#define ACC_I64         a
#define CONST_I64       K64
#define CONST_WORDS_I64 2
#define RESULT_I64(...) a = (uint64_t)(__VA_ARGS__)
#define KEEP_I64        SET_I

#define TYPE_F32        float
#define SLOT_F32(n)     READ_F32(n)
#define ACC_F32         s
#define CONST_F32       KF32
#define CONST_WORDS_F32 2
#define RESULT_F32(...) s = (__VA_ARGS__)
#define KEEP_F32        SET_S

#define TYPE_F64        double
#define SLOT_F64(n)     READ_F64(n)
#define ACC_F64         d
#define CONST_F64       KF64
#define CONST_WORDS_F64 3
#define RESULT_F64(...) d = (__VA_ARGS__)
#define KEEP_F64        SET_D

/* Floats that are computed, other than those that are only moved, may be a NaN, which is then made canonical (machine.h says
 * why), when the result is where it belongs already: in a branch that is hardly ever taken and that nothing waits for. A
 * choice between two numbers, before they are kept, would be waited for. */
#define RESULT_COMPUTED_F32(...) RESULT_F32(__VA_ARGS__)
#define KEEP_COMPUTED_F32        KEEP_F32
#define RESULT_COMPUTED_F64(...) RESULT_F64(__VA_ARGS__)
#define KEEP_COMPUTED_F64        KEEP_F64

#define CANONICAL_I32(destination)
#define CANONICAL_I64(destination)
#define CANONICAL_F32(destination)
#define CANONICAL_F64(destination)
#define CANONICAL_COMPUTED_F32(destination)                                                                  \
    if (UNLIKELY(s != s)) {                                                                                  \
        COMPILER_STAYS_OUT;                                                                                  \
        s = engine_f32(ENGINE_NAN_F32);                                                                      \
        DESTINATION_##destination(F32)                                                                       \
    }
#define CANONICAL_COMPUTED_F64(destination)                                                                  \
    if (UNLIKELY(d != d)) {                                                                                  \
        COMPILER_STAYS_OUT;                                                                                  \
        d = engine_f64(ENGINE_NAN_F64);                                                                      \
        DESTINATION_##destination(F64)                                                                       \
    }

#define DESTINATION_(class)
#define DESTINATION__D(class) KEEP_##class;

#define SHAPED_NAME(operation, shape, destination) operation##_##shape##destination

/* ---- Computing ------------------------------------------------------------------------------------------ */

#define X_SS(class) SLOT_##class(1)
#define Y_SS(class) SLOT_##class(2)
#define X_SK(class) SLOT_##class(1)
#define Y_SK(class) CONST_##class
#define X_AS(class) ACC_##class
#define Y_AS(class) SLOT_##class(1)
#define X_AK(class) ACC_##class
#define Y_AK(class) CONST_##class
#define X_SA(class) SLOT_##class(1)
#define Y_SA(class) ACC_##class
#define X_KS(class) CONST_##class
#define Y_KS(class) SLOT_##class(1)
#define X_KA(class) CONST_##class
#define Y_KA(class) ACC_##class
#define X_S(class)  SLOT_##class(1)
#define X_A(class)  ACC_##class

#define SHAPE_WORDS_SS(class) 2
#define SHAPE_WORDS_AS(class) 2
#define SHAPE_WORDS_SA(class) 2
#define SHAPE_WORDS_SK(class) CONST_WORDS_##class
#define SHAPE_WORDS_AK(class) CONST_WORDS_##class
#define SHAPE_WORDS_KS(class) CONST_WORDS_##class
#define SHAPE_WORDS_KA(class) CONST_WORDS_##class

/* Binary operations: OP_ is the class of the operands, that of the result, checks, the result in terms of x and y. */
#define STEP_BINARY(operation, shape, destination) STEP_BINARY_WITH(OP_##operation, shape, destination)
#define STEP_BINARY_WITH(...)                      STEP_BINARY_OF(__VA_ARGS__)
#define STEP_BINARY_OF(in, out, check, result, shape, destination)                                           \
    {                                                                                                        \
        const TYPE_##in x = X_##shape(in);                                                                   \
        const TYPE_##in y = Y_##shape(in);                                                                   \
        check;                                                                                               \
        RESULT_##out(result);                                                                                \
        DESTINATION_##destination(out) CANONICAL_##out(destination)                                          \
    }
#define WORDS_BINARY(operation, shape)                 WORDS_BINARY_WITH(OP_##operation, shape)
#define WORDS_BINARY_WITH(...)                         WORDS_BINARY_OF(__VA_ARGS__)
#define WORDS_BINARY_OF(in, out, check, result, shape) SHAPE_WORDS_##shape(in)
#define NAME_BINARY(operation, shape, destination)     SHAPED_NAME(operation, shape, destination)

/* Unary operations: the same, of x alone. */
#define STEP_UNARY(operation, shape, destination) STEP_UNARY_WITH(OP_##operation, shape, destination)
#define STEP_UNARY_WITH(...)                      STEP_UNARY_OF(__VA_ARGS__)
#define STEP_UNARY_OF(in, out, check, result, shape, destination)                                            \
    {                                                                                                        \
        const TYPE_##in x = X_##shape(in);                                                                   \
        check;                                                                                               \
        RESULT_##out(result);                                                                                \
        DESTINATION_##destination(out) CANONICAL_##out(destination)                                          \
    }
#define WORDS_UNARY(operation, shape)             2
#define NAME_UNARY(operation, shape, destination) SHAPED_NAME(operation, shape, destination)

#define OP_I32_ADD   I32, I32, , x + y
#define OP_I32_SUB   I32, I32, , x - y
#define OP_I32_MUL   I32, I32, , (x * y)
#define OP_I32_DIV_S I32, I32, CHECK_DIV_S32, (int32_t)x / (int32_t)y
#define OP_I32_DIV_U I32, I32, CHECK_DIV, x / y
#define OP_I32_REM_S I32, I32, CHECK_DIV, REM_S32
#define OP_I32_REM_U I32, I32, CHECK_DIV, x % y
#define OP_I32_AND   I32, I32, , (x & y)
#define OP_I32_OR    I32, I32, , x | y
#define OP_I32_XOR   I32, I32, , x ^ y
#define OP_I32_SHL   I32, I32, , x << (y & 31)
#define OP_I32_SHR_S I32, I32, , (int32_t)x >> (y & 31)
#define OP_I32_SHR_U I32, I32, , x >> (y & 31)
#define OP_I32_ROTL  I32, I32, , x << (y & 31) | x >> (-y & 31)
#define OP_I32_ROTR  I32, I32, , x >> (y & 31) | x << (-y & 31)

#define OP_I64_ADD   I64, I64, , x + y
#define OP_I64_SUB   I64, I64, , x - y
#define OP_I64_MUL   I64, I64, , (x * y)
#define OP_I64_DIV_S I64, I64, CHECK_DIV_S64, (int64_t)x / (int64_t)y
#define OP_I64_DIV_U I64, I64, CHECK_DIV, x / y
#define OP_I64_REM_S I64, I64, CHECK_DIV, REM_S64
#define OP_I64_REM_U I64, I64, CHECK_DIV, x % y
#define OP_I64_AND   I64, I64, , (x & y)
#define OP_I64_OR    I64, I64, , x | y
#define OP_I64_XOR   I64, I64, , x ^ y
#define OP_I64_SHL   I64, I64, , x << (y & 63)
#define OP_I64_SHR_S I64, I64, , (int64_t)x >> (y & 63)
#define OP_I64_SHR_U I64, I64, , x >> (y & 63)
#define OP_I64_ROTL  I64, I64, , x << (y & 63) | x >> (-y & 63)
#define OP_I64_ROTR  I64, I64, , x >> (y & 63) | x << (-y & 63)

#define OP_I32_EQ   I32, I32, , x == y
#define OP_I32_NE   I32, I32, , x != y
#define OP_I32_LT_S I32, I32, , (int32_t)x < (int32_t)y
#define OP_I32_LT_U I32, I32, , x < y
#define OP_I32_GT_S I32, I32, , (int32_t)x > (int32_t)y
#define OP_I32_GT_U I32, I32, , x > y
#define OP_I32_LE_S I32, I32, , (int32_t)x <= (int32_t)y
#define OP_I32_LE_U I32, I32, , x <= y
#define OP_I32_GE_S I32, I32, , (int32_t)x >= (int32_t)y
#define OP_I32_GE_U I32, I32, , x >= y
#define OP_I64_EQ   I64, I32, , x == y
#define OP_I64_NE   I64, I32, , x != y
#define OP_I64_LT_S I64, I32, , (int64_t)x < (int64_t)y
#define OP_I64_LT_U I64, I32, , x < y
#define OP_I64_GT_S I64, I32, , (int64_t)x > (int64_t)y
#define OP_I64_GT_U I64, I32, , x > y
#define OP_I64_LE_S I64, I32, , (int64_t)x <= (int64_t)y
#define OP_I64_LE_U I64, I32, , x <= y
#define OP_I64_GE_S I64, I32, , (int64_t)x >= (int64_t)y
#define OP_I64_GE_U I64, I32, , x >= y

#define OP_I32_CLZ          I32, I32, , CLZ32(x)
#define OP_I32_CTZ          I32, I32, , CTZ32(x)
#define OP_I32_POPCNT       I32, I32, , __builtin_popcount(x)
#define OP_I32_EXTEND8_S    I32, I32, , (int32_t)(int8_t)x
#define OP_I32_EXTEND16_S   I32, I32, , (int32_t)(int16_t)x
#define OP_I64_CLZ          I64, I64, , CLZ64(x)
#define OP_I64_CTZ          I64, I64, , CTZ64(x)
#define OP_I64_POPCNT       I64, I64, , __builtin_popcountll(x)
#define OP_I64_EXTEND8_S    I64, I64, , (int64_t)(int8_t)x
#define OP_I64_EXTEND16_S   I64, I64, , (int64_t)(int16_t)x
#define OP_I64_EXTEND32_S   I64, I64, , (int64_t)(int32_t)x
#define OP_I32_WRAP_I64     I64, I32, , x
#define OP_I64_EXTEND_I32_S I32, I64, , (int64_t)(int32_t)x
#define OP_I64_EXTEND_I32_U I32, I64, , x

#define OP_F32_ADD      F32, COMPUTED_F32, , x + y
#define OP_F32_SUB      F32, COMPUTED_F32, , x - y
#define OP_F32_MUL      F32, COMPUTED_F32, , (x * y)
#define OP_F32_DIV      F32, COMPUTED_F32, , x / y
#define OP_F32_MIN      F32, F32, , engine_min_f32(x, y)
#define OP_F32_MAX      F32, F32, , engine_max_f32(x, y)
#define OP_F32_COPYSIGN F32, F32, , engine_copysign_f32(x, y)
#define OP_F64_ADD      F64, COMPUTED_F64, , x + y
#define OP_F64_SUB      F64, COMPUTED_F64, , x - y
#define OP_F64_MUL      F64, COMPUTED_F64, , (x * y)
#define OP_F64_DIV      F64, COMPUTED_F64, , x / y
#define OP_F64_MIN      F64, F64, , engine_min_f64(x, y)
#define OP_F64_MAX      F64, F64, , engine_max_f64(x, y)
#define OP_F64_COPYSIGN F64, F64, , engine_copysign_f64(x, y)

#define OP_F32_EQ F32, I32, , x == y
#define OP_F32_NE F32, I32, , x != y
#define OP_F32_LT F32, I32, , x < y
#define OP_F32_GT F32, I32, , x > y
#define OP_F32_LE F32, I32, , x <= y
#define OP_F32_GE F32, I32, , x >= y
#define OP_F64_EQ F64, I32, , x == y
#define OP_F64_NE F64, I32, , x != y
#define OP_F64_LT F64, I32, , x < y
#define OP_F64_GT F64, I32, , x > y
#define OP_F64_LE F64, I32, , x <= y
#define OP_F64_GE F64, I32, , x >= y

#define OP_F32_ABS     F32, F32, , engine_abs_f32(x)
#define OP_F32_NEG     F32, F32, , engine_neg_f32(x)
#define OP_F32_CEIL    F32, F32, , engine_ceil_f32(x)
#define OP_F32_FLOOR   F32, F32, , engine_floor_f32(x)
#define OP_F32_TRUNC   F32, F32, , engine_trunc_f32(x)
#define OP_F32_NEAREST F32, F32, , engine_nearest_f32(x)
#define OP_F32_SQRT    F32, COMPUTED_F32, , ENGINE_SQRT_F32(x)
#define OP_F64_ABS     F64, F64, , engine_abs_f64(x)
#define OP_F64_NEG     F64, F64, , engine_neg_f64(x)
#define OP_F64_CEIL    F64, F64, , engine_ceil_f64(x)
#define OP_F64_FLOOR   F64, F64, , engine_floor_f64(x)
#define OP_F64_TRUNC   F64, F64, , engine_trunc_f64(x)
#define OP_F64_NEAREST F64, F64, , engine_nearest_f64(x)
#define OP_F64_SQRT    F64, COMPUTED_F64, , ENGINE_SQRT_F64(x)

#define OP_F32_CONVERT_I32_S   I32, F32, , (float)(int32_t)x
#define OP_F32_CONVERT_I32_U   I32, F32, , (float)x
#define OP_F32_CONVERT_I64_S   I64, F32, , (float)(int64_t)x
#define OP_F32_CONVERT_I64_U   I64, F32, , (float)x
#define OP_F64_CONVERT_I32_S   I32, F64, , (double)(int32_t)x
#define OP_F64_CONVERT_I32_U   I32, F64, , (double)x
#define OP_F64_CONVERT_I64_S   I64, F64, , (double)(int64_t)x
#define OP_F64_CONVERT_I64_U   I64, F64, , (double)x
#define OP_F32_DEMOTE_F64      F64, COMPUTED_F32, , (float)x
#define OP_F64_PROMOTE_F32     F32, COMPUTED_F64, , (double)x
#define OP_I32_REINTERPRET_F32 F32, I32, , engine_cell_f32(x)
#define OP_I64_REINTERPRET_F64 F64, I64, , engine_cell_f64(x)
#define OP_F32_REINTERPRET_I32 I32, F32, , engine_f32(x)
#define OP_F64_REINTERPRET_I64 I64, F64, , engine_f64(x)

/* The bounds are the floats next outside the target's range, so that what lies between them truncates into it. */
#define OP_I32_TRUNC_F32_S F32, I32, CHECK_TRUNC(x >= -2147483648.0f && x < 2147483648.0f), (int32_t)x
#define OP_I32_TRUNC_F32_U F32, I32, CHECK_TRUNC(x > -1.0f && x < 4294967296.0f), (uint32_t)x
#define OP_I32_TRUNC_F64_S F64, I32, CHECK_TRUNC(x > -2147483649.0 && x < 2147483648.0), (int32_t)x
#define OP_I32_TRUNC_F64_U F64, I32, CHECK_TRUNC(x > -1.0 && x < 4294967296.0), (uint32_t)x
#define OP_I64_TRUNC_F32_S                                                                                   \
    F32, I64, CHECK_TRUNC(x >= -9223372036854775808.0f && x < 9223372036854775808.0f), (int64_t)x
#define OP_I64_TRUNC_F32_U F32, I64, CHECK_TRUNC(x > -1.0f && x < 18446744073709551616.0f), (uint64_t)x
#define OP_I64_TRUNC_F64_S                                                                                   \
    F64, I64, CHECK_TRUNC(x >= -9223372036854775808.0 && x < 9223372036854775808.0), (int64_t)x
#define OP_I64_TRUNC_F64_U F64, I64, CHECK_TRUNC(x > -1.0 && x < 18446744073709551616.0), (uint64_t)x
/* Below the range the smallest, above it the largest, for a NaN 0. */
#define SATURATED(signed_type, low, high, min, max) (low ? high ? (signed_type)x : max : x < 0 ? min : 0)
#define OP_I32_TRUNC_SAT_F32_S                                                                               \
    F32, I32, , SATURATED(int32_t, x >= -2147483648.0f, x < 2147483648.0f, INT32_MIN, INT32_MAX)
#define OP_I32_TRUNC_SAT_F32_U F32, I32, , SATURATED(uint32_t, x > -1.0f, x < 4294967296.0f, 0, UINT32_MAX)
#define OP_I32_TRUNC_SAT_F64_S                                                                               \
    F64, I32, , SATURATED(int32_t, x > -2147483649.0, x < 2147483648.0, INT32_MIN, INT32_MAX)
#define OP_I32_TRUNC_SAT_F64_U F64, I32, , SATURATED(uint32_t, x > -1.0, x < 4294967296.0, 0, UINT32_MAX)
#define OP_I64_TRUNC_SAT_F32_S                                                                               \
    F32, I64, ,                                                                                              \
        SATURATED(int64_t, x >= -9223372036854775808.0f, x < 9223372036854775808.0f, INT64_MIN, INT64_MAX)
#define OP_I64_TRUNC_SAT_F32_U                                                                               \
    F32, I64, , SATURATED(uint64_t, x > -1.0f, x < 18446744073709551616.0f, 0, UINT64_MAX)
#define OP_I64_TRUNC_SAT_F64_S                                                                               \
    F64, I64, ,                                                                                              \
        SATURATED(int64_t, x >= -9223372036854775808.0, x < 9223372036854775808.0, INT64_MIN, INT64_MAX)
#define OP_I64_TRUNC_SAT_F64_U                                                                               \
    F64, I64, , SATURATED(uint64_t, x > -1.0, x < 18446744073709551616.0, 0, UINT64_MAX)

/* ---- Memory --------------------------------------------------------------------------------------------- */

/* Loads: OP_ is the class of the result and the value in terms of `end`, where the access ends. Shapes S (address in a slot), A, K
 * (address and offset summed by the translator). U32(1) is the offset plus the size, so that one addition and one
 * comparison check the bounds. (Accesses whose constants alone reach beyond 32 bits are left to the far handlers.) */
#define ADDRESS_S                                (uint64_t)READ_U32(1)
#define ADDRESS_A                                (uint64_t)(uint32_t)a
#define ADDRESS_K                                (uint64_t)0
#define STEP_LOAD(operation, shape, destination) STEP_LOAD_WITH(OP_##operation, shape, destination)
#define STEP_LOAD_WITH(...)                      STEP_LOAD_OF(__VA_ARGS__)
#define STEP_LOAD_OF(out, result, shape, destination)                                                        \
    {                                                                                                        \
        const uint64_t end = ADDRESS_##shape + U32(1);                                                       \
        CHECK_MEM(end);                                                                                      \
        RESULT_##out(result);                                                                                \
        DESTINATION_##destination(out)                                                                       \
    }
#define WORDS_LOAD(operation, shape)             2
#define NAME_LOAD(operation, shape, destination) SHAPED_NAME(operation, shape, destination)

#define OP_I32_LOAD     I32, engine_read_32(mem + end - 4)
#define OP_I64_LOAD     I64, engine_read_64(mem + end - 8)
#define OP_F32_LOAD     F32, engine_f32(engine_read_32(mem + end - 4))
#define OP_F64_LOAD     F64, engine_f64(engine_read_64(mem + end - 8))
#define OP_I32_LOAD8_S  I32, (int32_t)(int8_t)mem[end - 1]
#define OP_I32_LOAD8_U  I32, mem[end - 1]
#define OP_I32_LOAD16_S I32, (int32_t)(int16_t)engine_read_16(mem + end - 2)
#define OP_I32_LOAD16_U I32, engine_read_16(mem + end - 2)
#define OP_I64_LOAD8_S  I64, (int64_t)(int8_t)mem[end - 1]
#define OP_I64_LOAD16_S I64, (int64_t)(int16_t)engine_read_16(mem + end - 2)
#define OP_I64_LOAD32_S I64, (int64_t)(int32_t)engine_read_32(mem + end - 4)

/* Stores: OP_ is the accumulator and the writing of `v`. Shapes: the address's, then the value's. The address is in U16(0), the value
 * in U16(1), U32(1) is the offset plus the size, a constant value is word 2. */
#define INTO_SS                                   READ_U32(0)
#define INTO_SA                                   READ_U32(0)
#define INTO_SK                                   READ_U32(0)
#define INTO_AS                                   (uint32_t)a
#define INTO_AA                                   (uint32_t)a
#define INTO_AK                                   (uint32_t)a
#define INTO_KS                                   0
#define INTO_KA                                   0
#define INTO_KK                                   0
#define VALUE_SS(accumulator)                     READ_U64(1)
#define VALUE_AS(accumulator)                     READ_U64(1)
#define VALUE_KS(accumulator)                     READ_U64(1)
#define VALUE_SA(accumulator)                     accumulator
#define VALUE_AA(accumulator)                     accumulator
#define VALUE_KA(accumulator)                     accumulator
#define VALUE_SK(accumulator)                     WORD(2)
#define VALUE_AK(accumulator)                     WORD(2)
#define VALUE_KK(accumulator)                     WORD(2)
#define STEP_STORE(operation, shape, destination) STEP_STORE_WITH(OP_##operation, shape)
#define STEP_STORE_WITH(...)                      STEP_STORE_OF(__VA_ARGS__)
#define STEP_STORE_OF(accumulator, write, shape)                                                             \
    {                                                                                                        \
        const uint64_t end = (uint64_t)(INTO_##shape) + U32(1);                                              \
        CHECK_MEM(end);                                                                                      \
        const uint64_t v = VALUE_##shape(accumulator);                                                       \
        write;                                                                                               \
    }
#define WORDS_STORE(operation, shape)             STORE_WORDS_##shape
#define STORE_WORDS_SS                            2
#define STORE_WORDS_SA                            2
#define STORE_WORDS_SK                            3
#define STORE_WORDS_AS                            2
#define STORE_WORDS_AA                            2
#define STORE_WORDS_AK                            3
#define STORE_WORDS_KS                            2
#define STORE_WORDS_KA                            2
#define STORE_WORDS_KK                            3
#define NAME_STORE(operation, shape, destination) SHAPED_NAME(operation, shape, )

#define OP_STORE8    a, mem[end - 1] = (uint8_t)v
#define OP_STORE16   a, engine_write_16(mem + end - 2, (uint16_t)v)
#define OP_STORE32   a, engine_write_32(mem + end - 4, (uint32_t)v)
#define OP_STORE64   a, engine_write_64(mem + end - 8, v)
#define OP_STORE_F32 engine_cell_f32(s), engine_write_32(mem + end - 4, (uint32_t)v)
#define OP_STORE_F64 engine_cell_f64(d), engine_write_64(mem + end - 8, v)

/* ---- Moves ---------------------------------------------------------------------------------------------- */

/* OP_ is the words, and what is done. */
#define STEP_MOVE(operation, shape, destination) STEP_MOVE_WITH(OP_##operation)
#define STEP_MOVE_WITH(...)                      STEP_MOVE_OF(__VA_ARGS__)
#define STEP_MOVE_OF(words, move)                                                                            \
    {                                                                                                        \
        move;                                                                                                \
    }
#define WORDS_MOVE(operation, shape)             WORDS_MOVE_WITH(OP_##operation)
#define WORDS_MOVE_WITH(...)                     WORDS_MOVE_OF(__VA_ARGS__)
#define WORDS_MOVE_OF(words, move)               words
#define NAME_MOVE(operation, shape, destination) operation

#define OP_COPY32       2, fp[U16(0)] = READ_U32(1)
#define OP_COPY64       2, fp[U16(0)] = fp[U16(1)]
#define OP_SET_A        2, SET_I
#define OP_SET_AS       2, SET_S
#define OP_SET_AD       2, SET_D
#define OP_SET_K32      2, fp[U16(0)] = U32(1)
#define OP_SET_K64      3, fp[U16(0)] = WORD(2)
#define OP_GLOBAL_SET_S 2, ex->globals[U32(1)] = fp[U16(1)]
#define OP_GLOBAL_SET_A 2, ex->globals[U32(1)] = a

/* A function's first instruction. U16(0) slots in the frame, U16(1) the header's slot, U16(2) locals to zero from slot
 * U16(3) on (two at a time, perhaps with the header's slot, which is written after that), U32(2) fuel for the whole body.
 * Out of fuel, the run stops behind it. */
#define ENTER_FUNCTION                                                                                       \
    {                                                                                                        \
        if (UNLIKELY((size_t)((const char *)ex->stack_end - (const char *)fp) < (size_t)U16(0) * 8))         \
            TAIL(GROW_STACK);                                                                                \
        if (UNLIKELY(depth <= 0)) TRAP(CALL_STACK_EXHAUSTED);                                                \
        depth--;                                                                                             \
        for (uint64_t *local = fp + U16(3), *end = local + U16(2); local < end; local += 2) {                \
            local[0] = local[1] = 0;                                                                         \
            COMPILER_STAYS_OUT;                                                                              \
        }                                                                                                    \
        fp[U16(1)] = a;                                                                                      \
        CHARGE(I32(2));                                                                                      \
        if (OUT_OF_FUEL) {                                                                                   \
            pc += 3;                                                                                         \
            TAIL(PAUSE);                                                                                     \
        }                                                                                                    \
    }
#define OP_ENTER 3, ENTER_FUNCTION

/* slot[U16(1)] ? slot[U16(2)] : slot[U16(3)], the condition in a slot or in the accumulator. OP_ is the class. */
#define CONDITION_S                                READ_U32(1)
#define CONDITION_A                                (uint32_t)a
#define STEP_SELECT(operation, shape, destination) STEP_SELECT_WITH(OP_##operation, shape, destination)
#define STEP_SELECT_WITH(...)                      STEP_SELECT_OF(__VA_ARGS__)
#define STEP_SELECT_OF(class, shape, destination)                                                            \
    {                                                                                                        \
        RESULT_##class(CONDITION_##shape ? SLOT_##class(2) : SLOT_##class(3));                               \
        DESTINATION_##destination(class)                                                                     \
    }
#define WORDS_SELECT(operation, shape)             2
#define NAME_SELECT(operation, shape, destination) SHAPED_NAME(operation, shape, destination)

#define OP_SELECT_I32 I32
#define OP_SELECT_I64 I64
#define OP_SELECT_F32 F32
#define OP_SELECT_F64 F64

/* Globals that the module defines: U32(1) is the cell. OP_ is the class and its value. */
#define STEP_GLOBAL_GET(operation, shape, destination) STEP_GLOBAL_GET_WITH(OP_##operation, destination)
#define STEP_GLOBAL_GET_WITH(...)                      STEP_GLOBAL_GET_OF(__VA_ARGS__)
#define STEP_GLOBAL_GET_OF(class, value, destination)                                                        \
    {                                                                                                        \
        RESULT_##class(value);                                                                               \
        DESTINATION_##destination(class)                                                                     \
    }
#define WORDS_GLOBAL_GET(operation, shape)             2
#define NAME_GLOBAL_GET(operation, shape, destination) operation##destination

#define OP_GLOBAL_GET_I   I64, ex->globals[U32(1)]
#define OP_GLOBAL_GET_F32 F32, engine_f32(ex->globals[U32(1)])
#define OP_GLOBAL_GET_F64 F64, engine_f64(ex->globals[U32(1)])

/* ---- Branches ------------------------------------------------------------------------------------------- */

/* Compare and branch: x in U16(0), y in U16(1), or a constant in I32(3); of floats, in word 3. OP_ is the class and the
 * condition. Shapes SS SK AS AK; of one operand S and A. */
#define BRANCH_X_SS(class)                         SLOT_##class(0)
#define BRANCH_Y_SS(class)                         SLOT_##class(1)
#define BRANCH_X_SK(class)                         SLOT_##class(0)
#define BRANCH_Y_SK(class)                         BRANCH_CONST_##class
#define BRANCH_X_AS(class)                         ACC_##class
#define BRANCH_Y_AS(class)                         SLOT_##class(0)
#define BRANCH_X_AK(class)                         ACC_##class
#define BRANCH_Y_AK(class)                         BRANCH_CONST_##class
#define BRANCH_X_S(class)                          SLOT_##class(0)
#define BRANCH_Y_S(class)                          0
#define BRANCH_X_A(class)                          ACC_##class
#define BRANCH_Y_A(class)                          0
#define BRANCH_CONST_I32                           U32(3)
#define BRANCH_CONST_I64                           (uint64_t)(int64_t)I32(3)
#define BRANCH_CONST_F32                           engine_f32(WORD(3))
#define BRANCH_CONST_F64                           engine_f64(WORD(3))
#define STEP_BRANCH(operation, shape, destination) STEP_BRANCH_WITH(OP_##operation, shape)
#define STEP_BRANCH_WITH(...)                      STEP_BRANCH_OF(__VA_ARGS__)
#define STEP_BRANCH_OF(class, condition, shape)                                                              \
    {                                                                                                        \
        const TYPE_##class x = BRANCH_X_##shape(class);                                                      \
        const TYPE_##class y = BRANCH_Y_##shape(class);                                                      \
        if (condition) TAKE;                                                                                 \
    }
#define WORDS_BRANCH(operation, shape)             WORDS_BRANCH_WITH(OP_##operation, shape)
#define WORDS_BRANCH_WITH(...)                     WORDS_BRANCH_OF(__VA_ARGS__)
#define WORDS_BRANCH_OF(class, condition, shape)   BRANCH_WORDS_##shape(class)
#define BRANCH_WORDS_SS(class)                     3
#define BRANCH_WORDS_AS(class)                     3
#define BRANCH_WORDS_S(class)                      3
#define BRANCH_WORDS_A(class)                      3
#define BRANCH_WORDS_SK(class)                     BRANCH_CONST_WORDS_##class
#define BRANCH_WORDS_AK(class)                     BRANCH_CONST_WORDS_##class
#define BRANCH_CONST_WORDS_I32                     3
#define BRANCH_CONST_WORDS_I64                     3
#define BRANCH_CONST_WORDS_F32                     4
#define BRANCH_CONST_WORDS_F64                     4
#define NAME_BRANCH(operation, shape, destination) SHAPED_NAME(operation, shape, )

#define OP_BRNZ I32, x != y
#define OP_BRZ  I32, x == y

#define OP_BR_I32_EQ   I32, x == y
#define OP_BR_I32_NE   I32, x != y
#define OP_BR_I32_LT_S I32, (int32_t)x < (int32_t)y
#define OP_BR_I32_LT_U I32, x < y
#define OP_BR_I32_GT_S I32, (int32_t)x > (int32_t)y
#define OP_BR_I32_GT_U I32, x > y
#define OP_BR_I32_LE_S I32, (int32_t)x <= (int32_t)y
#define OP_BR_I32_LE_U I32, x <= y
#define OP_BR_I32_GE_S I32, (int32_t)x >= (int32_t)y
#define OP_BR_I32_GE_U I32, x >= y
#define OP_BR_I64_EQ   I64, x == y
#define OP_BR_I64_NE   I64, x != y
#define OP_BR_I64_LT_S I64, (int64_t)x < (int64_t)y
#define OP_BR_I64_LT_U I64, x < y
#define OP_BR_I64_GT_S I64, (int64_t)x > (int64_t)y
#define OP_BR_I64_GT_U I64, x > y
#define OP_BR_I64_LE_S I64, (int64_t)x <= (int64_t)y
#define OP_BR_I64_LE_U I64, x <= y
#define OP_BR_I64_GE_S I64, (int64_t)x >= (int64_t)y
#define OP_BR_I64_GE_U I64, x >= y
/* Tests of bits. */
#define OP_BR_I32_AND  I32, (x & y) != 0
#define OP_BR_I32_NAND I32, (x & y) == 0
/* Not-less is not greater-or-equal (NaN), so each comparison of floats has its negation. */
#define OP_BR_F32_EQ  F32, x == y
#define OP_BR_F32_NE  F32, x != y
#define OP_BR_F32_LT  F32, x < y
#define OP_BR_F32_GT  F32, x > y
#define OP_BR_F32_LE  F32, x <= y
#define OP_BR_F32_GE  F32, x >= y
#define OP_BR_F32_NLT F32, !(x < y)
#define OP_BR_F32_NGT F32, !(x > y)
#define OP_BR_F32_NLE F32, !(x <= y)
#define OP_BR_F32_NGE F32, !(x >= y)
#define OP_BR_F64_EQ  F64, x == y
#define OP_BR_F64_NE  F64, x != y
#define OP_BR_F64_LT  F64, x < y
#define OP_BR_F64_GT  F64, x > y
#define OP_BR_F64_LE  F64, x <= y
#define OP_BR_F64_GE  F64, x >= y
#define OP_BR_F64_NLT F64, !(x < y)
#define OP_BR_F64_NGT F64, !(x > y)
#define OP_BR_F64_NLE F64, !(x <= y)
#define OP_BR_F64_NGE F64, !(x >= y)

/* ---- Jumps: what ends a run of instructions; nothing follows it ------------------------------------------- */

/* OP_ is all that is done. */
#define STEP_FINAL(operation, shape, destination) OP_##operation
#define WORDS_FINAL(operation, shape)             0
#define NAME_FINAL(operation, shape, destination) operation

#define OP_BR TAKE

/* Word 1 is the callee's engine_func, word 2 the call site. The return address travels in `a`. */
#define OP_CALL                                                                                              \
    {                                                                                                        \
        const engine_func *callee = (const engine_func *)(uintptr_t)WORD(1);                                 \
        fp += U16(4);                                                                                        \
        a = (uint64_t)(uintptr_t)(pc + 3);                                                                   \
        pc = atomic_load_explicit(&callee->entry, memory_order_acquire);                                     \
        JUMP;                                                                                                \
    }

/* The index is in U16(0) or `a`; U16(1) is the table, U32(1) the canonical type, word 2 the call site. */
#define CALL_INDIRECT(value)                                                                                 \
    {                                                                                                        \
        const uint64_t index = value;                                                                        \
        const engine_table *table = ex->instance->tables[U16(1)];                                            \
        if (UNLIKELY(index >= table->size)) TRAP(UNDEFINED_ELEMENT);                                         \
        const uint64_t token = table->elements[index];                                                       \
        const uint64_t func_index = token - 1 - ex->token_base;                                              \
        if (UNLIKELY(func_index >> 32)) { /* null, or of another instance, or the host's */                  \
            if (!token) TRAP(UNINITIALIZED_ELEMENT);                                                         \
            a = token;                                                                                       \
            TAIL(CALL_FOREIGN);                                                                              \
        }                                                                                                    \
        const engine_func *callee = &ex->funcs[func_index];                                                  \
        if (UNLIKELY(callee->canonical != U32(1))) TRAP(INDIRECT_CALL_TYPE_MISMATCH);                        \
        fp += U16(4);                                                                                        \
        a = (uint64_t)(uintptr_t)(pc + 3);                                                                   \
        pc = atomic_load_explicit(&callee->entry, memory_order_acquire);                                     \
        JUMP;                                                                                                \
    }
#define OP_CALL_INDIRECT_S  CALL_INDIRECT(READ_U32(0))
#define OP_CALL_INDIRECT_A  CALL_INDIRECT((uint32_t)a)
#define OP_CALL_INDIRECT_64 CALL_INDIRECT(READ_U64(0))

/* U32(1) labels and the default follow, one word each: distance in bytes from this instruction, fuel. */
#define CHOOSE_LABEL(value)                                                                                  \
    {                                                                                                        \
        const uint32_t index = value;                                                                        \
        const uint32_t count = U32(1);                                                                       \
        const uint32_t chosen = index < count ? index : count;                                               \
        const int32_t distance = I32(2 + 2 * (size_t)chosen);                                                \
        CHARGE(I32(3 + 2 * (size_t)chosen));                                                                 \
        pc = (const engine_word *)(const void *)((const char *)pc + distance);                               \
        CHECK_FUEL;                                                                                          \
        JUMP;                                                                                                \
    }
#define OP_BR_TABLE_S CHOOSE_LABEL(READ_U32(0))
#define OP_BR_TABLE_A CHOOSE_LABEL((uint32_t)a)

/* Returns: U16(1) is the header's slot, U32(1) the fuel given back, U16(0) where the value is. The value goes to the
 * frame's first slot and to the accumulator of its class. */
#define RETURN_AFTER(result)                                                                                 \
    {                                                                                                        \
        const engine_word *back = (const engine_word *)(uintptr_t)fp[U16(1)];                                \
        result;                                                                                              \
        GIVE_BACK(U32(1));                                                                                   \
        depth++;                                                                                             \
        pc = back;                                                                                           \
        fp -= CALL_BASE(pc);                                                                                 \
        JUMP;                                                                                                \
    }
#define OP_RETURN       RETURN_AFTER()
#define OP_RETURN_I_S   RETURN_AFTER(fp[0] = a = fp[U16(0)])
#define OP_RETURN_I_A   RETURN_AFTER(fp[0] = a)
#define OP_RETURN_F32_S RETURN_AFTER(s = READ_F32(0); fp[0] = engine_cell_f32(s))
#define OP_RETURN_F32_A RETURN_AFTER(fp[0] = engine_cell_f32(s))
#define OP_RETURN_F64_S RETURN_AFTER(d = READ_F64(0); fp[0] = engine_cell_f64(d))
#define OP_RETURN_F64_A RETURN_AFTER(fp[0] = engine_cell_f64(d))

/* ---- Handlers of steps ------------------------------------------------------------------------------------ */

/* Expands the name and the body before HANDLER sees them. */
#define STEP_HANDLER(name, ...) HANDLER(name, __VA_ARGS__)
#define ONE(family, operation, shape, destination)                                                           \
    STEP_HANDLER(NAME_##family(operation, shape, destination), {                                             \
        STEP_##family(operation, shape, destination);                                                        \
        NEXT(WORDS_##family(operation, shape));                                                              \
    })
#define BOTH(family, operation, shape) ONE(family, operation, shape, ) ONE(family, operation, shape, _D)
/* clang-format off */
#define COMMUTATIVE(operation)                                                                               \
    BOTH(BINARY, operation, SS) BOTH(BINARY, operation, SK) BOTH(BINARY, operation, AS) BOTH(BINARY, operation, AK)
#define BINARY(operation)                                                                                    \
    COMMUTATIVE(operation) BOTH(BINARY, operation, SA) BOTH(BINARY, operation, KS) BOTH(BINARY, operation, KA)
#define UNARY(operation) BOTH(UNARY, operation, S) BOTH(UNARY, operation, A)
#define LOAD(operation)  BOTH(LOAD, operation, S) BOTH(LOAD, operation, A) BOTH(LOAD, operation, K)
#define STORE(operation)                                                                                     \
    ONE(STORE, operation, SS, ) ONE(STORE, operation, SA, ) ONE(STORE, operation, SK, ) ONE(STORE, operation, AS, )\
    ONE(STORE, operation, AK, ) ONE(STORE, operation, KS, ) ONE(STORE, operation, KA, ) ONE(STORE, operation, KK, )
#define FLOAT_STORE(operation)                                                                               \
    ONE(STORE, operation, SA, ) ONE(STORE, operation, AA, ) ONE(STORE, operation, KA, )
#define SELECT(operation) BOTH(SELECT, operation, S) BOTH(SELECT, operation, A)
#define BRANCH(operation)                                                                                    \
    ONE(BRANCH, operation, SS, ) ONE(BRANCH, operation, SK, ) ONE(BRANCH, operation, AS, ) ONE(BRANCH, operation, AK, )
/* clang-format on */

/* Two steps in one handler: see pairs.def. */
#define PAIR_HANDLER(f1, op1, shape1, d1, f2, op2, shape2, d2)                                               \
    PAIR_NAMED(NAME_##f1(op1, shape1, d1), NAME_##f2(op2, shape2, d2),                                       \
               TWO_STEPS(f1, op1, shape1, d1, f2, op2, shape2, d2))
#define TWO_STEPS(f1, op1, shape1, d1, f2, op2, shape2, d2)                                                  \
    {                                                                                                        \
        STEP_##f1(op1, shape1, d1);                                                                          \
        pc += WORDS_##f1(op1, shape1);                                                                       \
        STEP_##f2(op2, shape2, d2);                                                                          \
        NEXT(WORDS_##f2(op2, shape2));                                                                       \
    }
/* Two steps of one type's arithmetic, which look for NaNs once. The first may keep any NaN until then, for the second gives a NaN
 * for it, whichever it is. */
#define FLOAT_PAIR_HANDLER(f1, op1, shape1, d1, f2, op2, shape2, d2)                                         \
    PAIR_NAMED(NAME_##f1(op1, shape1, d1), NAME_##f2(op2, shape2, d2),                                       \
               FLOAT_STEPS_##f1(shape1, d1, shape2, d2, OP_##op1, OP_##op2))
#define FLOAT_STEPS_BINARY(...) FLOAT_STEPS_OF(__VA_ARGS__)
#define FLOAT_STEPS_OF(shape1, d1, shape2, d2, in1, out1, check1, result1, in2, out2, check2, result2)       \
    {                                                                                                        \
        TYPE_##in1 first, second;                                                                            \
        {                                                                                                    \
            const TYPE_##in1 x = X_##shape1(in1);                                                            \
            const TYPE_##in1 y = Y_##shape1(in1);                                                            \
            first = result1;                                                                                 \
        }                                                                                                    \
        RESULT_##in1(first);                                                                                 \
        DESTINATION_##d1(in1);                                                                               \
        pc += SHAPE_WORDS_##shape1(in1);                                                                     \
        {                                                                                                    \
            const TYPE_##in1 x = X_##shape2(in1);                                                            \
            const TYPE_##in1 y = Y_##shape2(in1);                                                            \
            second = result2;                                                                                \
        }                                                                                                    \
        RESULT_##in1(second);                                                                                \
        DESTINATION_##d2(in1);                                                                               \
        if (UNLIKELY(NAN_AMONG_##d1(first, second))) {                                                       \
            pc -= SHAPE_WORDS_##shape1(in1);                                                                 \
            RESULT_##in1(first);                                                                             \
            CANONICAL_##out1(d1);                                                                            \
            pc += SHAPE_WORDS_##shape1(in1);                                                                 \
            RESULT_##in1(second);                                                                            \
            DESTINATION_##d2(in1);                                                                           \
            CANONICAL_##out2(d2);                                                                            \
        }                                                                                                    \
        NEXT(SHAPE_WORDS_##shape2(in1));                                                                     \
    }
/* A result that goes to the accumulator alone is the second step's operand. */
#define NAN_AMONG_(first, second)   second != second
#define NAN_AMONG__D(first, second) __builtin_isunordered(first, second)

#define PAIR_NAMED(first, second, ...)  PAIR_PASTED(first, second, __VA_ARGS__)
#define PAIR_PASTED(first, second, ...) HANDLER(first##__##second, __VA_ARGS__)

#endif
