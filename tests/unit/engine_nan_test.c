/* Which NaN a computation gives: the specification leaves that open, this engine always gives the positive canonical one, as in
 * the specification's deterministic profile. Modules are put together here, one for each operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/features.h"
#include "run_export.h"

enum {
    F64 = 0x7C,
    F32 = 0x7D,
    V128 = 0x7B,
    LOCAL_GET = 0x20,
    LOCAL_SET = 0x21,
    LOCAL_TEE = 0x22,
    VECTOR = 0xFD
};

/* ---- Modules -------------------------------------------------------------------------------------------- */

typedef struct code {
    uint8_t bytes[100];
    uint8_t size;
} code;

static void put(code *c, unsigned byte) {
    assert_in_range(c->size, 0, sizeof c->bytes - 1);
    c->bytes[c->size++] = (uint8_t)byte;
}
static void put_local(code *c, unsigned how, unsigned local) {
    put(c, how);
    put(c, local);
}
/* A number from 0x100 on is a vector instruction's. */
static void put_operation(code *c, unsigned number) {
    if (number < 0x100) {
        put(c, number);
        return;
    }
    number -= 0x100;
    put(c, VECTOR);
    if (number < 0x80) {
        put(c, number);
        return;
    }
    put(c, (number & 0x7F) | 0x80);
    put(c, number >> 7);
}

/* Runs `body` as a function of three parameters, with two more locals, all of `type`. */
static exported_run run_body(unsigned type, unsigned results, unsigned result_type, const code *body,
                             const uint64_t *arguments) {
    uint8_t bytes[200] = {0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00};
    uint8_t size = 8;
    const uint8_t types[] = {
        0x01,          (uint8_t)(7 + results), 0x01, 0x60, 0x03, (uint8_t)type, (uint8_t)type,
        (uint8_t)type, (uint8_t)results};
    const uint8_t functions[] = {0x03, 0x02, 0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 'f', 0x00, 0x00};
    const uint8_t head[] = {
        0x0A, (uint8_t)(body->size + 6), 0x01, (uint8_t)(body->size + 4), 0x01, 0x02, (uint8_t)type};
    memcpy(bytes + size, types, sizeof types);
    size += sizeof types;
    memset(bytes + size, (int)result_type, results);
    size += (uint8_t)results;
    memcpy(bytes + size, functions, sizeof functions);
    size += sizeof functions;
    memcpy(bytes + size, head, sizeof head);
    size += sizeof head;
    memcpy(bytes + size, body->bytes, body->size);
    size += body->size;
    bytes[size++] = 0x0B;
    const exported_run run = run_export((base_bytes){bytes, size}, "f", arguments);
    assert_int_equal(run.outcome, ENGINE_FINISHED);
    return run;
}

/* ---- Operands ------------------------------------------------------------------------------------------- */

/* Of each type: NaNs that are not the canonical one, or are. */
static const uint64_t nans_32[] = {0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFA00000, 0x7FC12345, 0xFFFFFFFF};
static const uint64_t nans_64[] = {0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001,
                                   0xFFF4000000000000, 0x7FF8000000012345, 0xFFFFFFFFFFFFFFFF};
enum { NANS = 6 };
#define CANONICAL_32 UINT64_C(0x7FC00000)
#define CANONICAL_64 UINT64_C(0x7FF8000000000000)

typedef struct float_type {
    unsigned type; /* as in a module */
    const uint64_t *nans;
    uint64_t canonical, one, minus_one, infinity, minus_infinity;
    uint8_t first_unary;  /* ceil; floor, trunc, nearest and sqrt follow */
    uint8_t first_binary; /* add; sub, mul, div, min and max follow */
} float_type;

static const float_type types[] = {
    {F32, nans_32, CANONICAL_32, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x8D, 0x92},
    {F64, nans_64, CANONICAL_64, 0x3FF0000000000000, 0xBFF0000000000000, 0x7FF0000000000000,
     0xFFF0000000000000, 0x9B, 0xA0},
};
enum { UNARY_OPERATIONS = 5, BINARY_OPERATIONS = 6, ARITHMETIC = 4, SQRT = 4 };

/* ---- Scalars -------------------------------------------------------------------------------------------- */

static uint64_t unary(unsigned type, unsigned result_type, unsigned operation, uint64_t x) {
    code body = {.size = 0};
    put_local(&body, LOCAL_GET, 0);
    put_operation(&body, operation);
    return run_body(type, 1, result_type, &body, (const uint64_t[]){x, 0, 0}).results[0];
}

static uint64_t binary(const float_type *type, unsigned operation, uint64_t x, uint64_t y) {
    code body = {.size = 0};
    put_local(&body, LOCAL_GET, 0);
    put_local(&body, LOCAL_GET, 1);
    put_operation(&body, type->first_binary + operation);
    return run_body(type->type, 1, type->type, &body, (const uint64_t[]){x, y, 0}).results[0];
}

static void operations_on_a_nan_give_the_canonical_one(void **state) {
    (void)state;
    for (const float_type *t = types; t < types + 2; t++)
        for (int i = 0; i < NANS; i++) {
            for (unsigned operation = 0; operation < UNARY_OPERATIONS; operation++)
                assert_int_equal(unary(t->type, t->type, t->first_unary + operation, t->nans[i]),
                                 t->canonical);
            for (unsigned operation = 0; operation < BINARY_OPERATIONS; operation++) {
                assert_int_equal(binary(t, operation, t->nans[i], t->one), t->canonical);
                assert_int_equal(binary(t, operation, t->one, t->nans[i]), t->canonical);
                assert_int_equal(binary(t, operation, t->nans[i], t->nans[NANS - 1 - i]), t->canonical);
            }
        }
}

static void operations_that_have_no_result_give_the_canonical_nan(void **state) {
    (void)state;
    for (const float_type *t = types; t < types + 2; t++) {
        assert_int_equal(binary(t, 0, t->infinity, t->minus_infinity), t->canonical); /* add */
        assert_int_equal(binary(t, 1, t->infinity, t->infinity), t->canonical);       /* sub */
        assert_int_equal(binary(t, 2, t->infinity, 0), t->canonical);                 /* mul */
        assert_int_equal(binary(t, 3, 0, 0), t->canonical);                           /* div */
        assert_int_equal(unary(t->type, t->type, t->first_unary + SQRT, t->minus_one), t->canonical);
    }
}

static void a_nan_of_the_other_width_is_the_canonical_one(void **state) {
    (void)state;
    for (int i = 0; i < NANS; i++) {
        assert_int_equal(unary(F64, F32, 0xB6, nans_64[i]), CANONICAL_32);
        assert_int_equal(unary(F32, F64, 0xBB, nans_32[i]), CANONICAL_64);
    }
}

/* abs, neg and copysign, which are defined bit by bit, and locals. */
static void a_nan_that_is_moved_keeps_its_bits(void **state) {
    (void)state;
    for (const float_type *t = types; t < types + 2; t++) {
        const uint64_t sign = t->one ^ t->minus_one;
        for (int i = 0; i < NANS; i++) {
            const uint64_t nan = t->nans[i];
            assert_int_equal(unary(t->type, t->type, t->first_unary - 2u, nan), nan & ~sign);
            assert_int_equal(unary(t->type, t->type, t->first_unary - 1u, nan), nan ^ sign);
            assert_int_equal(binary(t, 6, nan, t->one), nan & ~sign);
            assert_int_equal(binary(t, 6, nan, t->minus_one), nan | sign);
            code body = {.size = 0};
            put_local(&body, LOCAL_GET, 1);
            put_local(&body, LOCAL_TEE, 3);
            assert_int_equal(run_body(t->type, 1, t->type, &body, (const uint64_t[]){0, nan, 0}).results[0],
                             nan);
        }
    }
}

/* ---- Two operations that share a handler ------------------------------------------------------------------ */

/* Ways to write two operations so that the translator finds the operands of the second in other places: with the first's
 * result on the stack, in a local too, or in a local that the second does not look at. Local 3 and the result of the second are
 * what the body returns. */
enum { FIRST_OPERAND, SECOND_OPERAND, FIRST_AND_KEPT, SECOND_AND_KEPT, APART, AFTER_ANOTHER, WAYS };

static code two_operations(int way, unsigned first, unsigned second) {
    code body = {.size = 0};
    if (way == SECOND_OPERAND || way == SECOND_AND_KEPT) put_local(&body, LOCAL_GET, 2);
    put_local(&body, LOCAL_GET, 0);
    put_local(&body, LOCAL_GET, 1);
    put_operation(&body, first);
    if (way == FIRST_AND_KEPT || way == SECOND_AND_KEPT) put_local(&body, LOCAL_TEE, 3);
    if (way == APART) {
        put_local(&body, LOCAL_SET, 3);
        put_local(&body, LOCAL_GET, 2);
    }
    if (way != SECOND_OPERAND && way != SECOND_AND_KEPT) put_local(&body, LOCAL_GET, 2);
    put_operation(&body, second);
    if (way == AFTER_ANOTHER) {
        put_local(&body, LOCAL_GET, 2);
        put_operation(&body, first);
        put_local(&body, LOCAL_TEE, 3);
        put_local(&body, LOCAL_GET, 2);
        put_operation(&body, second);
    }
    put_local(&body, LOCAL_SET, 4);
    put_local(&body, LOCAL_GET, 3);
    put_local(&body, LOCAL_GET, 4);
    return body;
}

static bool keeps_the_first(int way) {
    return way == FIRST_AND_KEPT || way == SECOND_AND_KEPT || way == APART || way == AFTER_ANOTHER;
}

static void two_operations_look_for_nans_as_one_does(void **state) {
    (void)state;
    for (const float_type *t = types; t < types + 2; t++)
        for (int way = 0; way < WAYS; way++)
            for (unsigned pair = 0; pair < ARITHMETIC * ARITHMETIC; pair++) {
                const code body = two_operations(way, t->first_binary + pair / ARITHMETIC,
                                                 t->first_binary + pair % ARITHMETIC);
                /* a NaN from the first on */
                exported_run run =
                    run_body(t->type, 2, t->type, &body, (const uint64_t[]){t->nans[1], t->one, t->one});
                assert_int_equal(run.results[0], keeps_the_first(way) ? t->canonical : 0);
                const bool is_number = way == APART;
                if (!is_number) assert_int_equal(run.results[1], t->canonical);
                if (is_number) assert_int_not_equal(run.results[1], t->canonical);
                /* only from the second */
                run = run_body(t->type, 2, t->type, &body, (const uint64_t[]){t->one, t->one, t->nans[3]});
                assert_int_equal(run.results[1], t->canonical);
                if (way != AFTER_ANOTHER && keeps_the_first(way))
                    assert_int_not_equal(run.results[0], t->canonical);
            }
}

/* ---- Vectors ---------------------------------------------------------------------------------------------- */

#if WPLUG_SIMD

typedef struct vector_type {
    const float_type *lane;
    unsigned lanes;
    unsigned unary[UNARY_OPERATIONS];
    unsigned first_binary; /* as in float_type; pmin and pmax follow */
    unsigned relaxed[4];   /* madd, nmadd, min, max */
} vector_type;

static const vector_type vector_types[] = {
    {&types[0], 4, {0x167, 0x168, 0x169, 0x16A, 0x1E3}, 0x1E4, {0x205, 0x206, 0x20D, 0x20E}},
    {&types[1], 2, {0x174, 0x175, 0x17A, 0x194, 0x1EF}, 0x1F0, {0x207, 0x208, 0x20F, 0x210}},
};

typedef struct vector {
    uint64_t cells[2];
} vector;

static vector splat(const vector_type *t, uint64_t lane) {
    const uint64_t cell = t->lanes == 4 ? lane << 32 | lane : lane;
    return (vector){{cell, cell}};
}
static uint64_t lane_of(const vector_type *t, const uint64_t *cells, unsigned n) {
    return t->lanes == 4 ? (uint32_t)(cells[n / 2] >> 32 * (n % 2)) : cells[n];
}
/* `lane` in lane n, ones elsewhere. */
static vector one_lane(const vector_type *t, unsigned n, uint64_t lane) {
    vector v = splat(t, t->lane->one);
    if (t->lanes == 2)
        v.cells[n] = lane;
    else
        v.cells[n / 2] =
            n % 2 ? (v.cells[n / 2] & UINT32_MAX) | lane << 32 : v.cells[n / 2] >> 32 << 32 | lane;
    return v;
}

static exported_run run_vectors(const code *body, unsigned results, vector x, vector y, vector z) {
    const uint64_t arguments[] = {x.cells[0], x.cells[1], y.cells[0], y.cells[1], z.cells[0], z.cells[1]};
    return run_body(V128, results, V128, body, arguments);
}

static void assert_only_nan(const vector_type *t, const uint64_t *cells, unsigned n) {
    for (unsigned i = 0; i < t->lanes; i++) {
        if (i == n)
            assert_int_equal(lane_of(t, cells, i), t->lane->canonical);
        else
            assert_int_not_equal(lane_of(t, cells, i), t->lane->canonical);
    }
}

static code with_operands(unsigned count, unsigned operation) {
    code body = {.size = 0};
    for (unsigned i = 0; i < count; i++) put_local(&body, LOCAL_GET, i);
    put_operation(&body, operation);
    return body;
}

static void lanes_that_become_nans_become_the_canonical_one(void **state) {
    (void)state;
    for (const vector_type *t = vector_types; t < vector_types + 2; t++) {
        const vector ones = splat(t, t->lane->one);
        for (unsigned n = 0; n < t->lanes * NANS; n++) {
            const unsigned lane = n % t->lanes;
            const vector nan = one_lane(t, lane, t->lane->nans[n / t->lanes]);
            for (unsigned i = 0; i < UNARY_OPERATIONS; i++) {
                const code body = with_operands(1, t->unary[i]);
                assert_only_nan(t, run_vectors(&body, 1, nan, ones, ones).results, lane);
            }
            for (unsigned i = 0; i < BINARY_OPERATIONS + 2; i++) {
                const code body = with_operands(
                    2, i < BINARY_OPERATIONS ? t->first_binary + i : t->relaxed[i - BINARY_OPERATIONS + 2]);
                assert_only_nan(t, run_vectors(&body, 1, nan, ones, ones).results, lane);
                assert_only_nan(t, run_vectors(&body, 1, ones, nan, ones).results, lane);
            }
            for (unsigned i = 0; i < 2; i++) {
                const code body = with_operands(3, t->relaxed[i]);
                assert_only_nan(t, run_vectors(&body, 1, nan, ones, ones).results, lane);
                assert_only_nan(t, run_vectors(&body, 1, ones, ones, nan).results, lane);
            }
        }
        const code root = with_operands(1, t->unary[SQRT]), quotient = with_operands(2, t->first_binary + 3);
        assert_only_nan(t, run_vectors(&root, 1, one_lane(t, 1, t->lane->minus_one), ones, ones).results, 1);
        const vector zero = one_lane(t, 1, 0);
        assert_only_nan(t, run_vectors(&quotient, 1, zero, zero, ones).results, 1);
    }
}

static void lanes_of_the_other_width_become_the_canonical_nan(void **state) {
    (void)state;
    const vector_type *narrow = &vector_types[0], *wide = &vector_types[1];
    const code demote = with_operands(1, 0x15E), promote = with_operands(1, 0x15F);
    for (unsigned n = 0; n < 2 * NANS; n++) {
        const vector x = one_lane(wide, n % 2, nans_64[n / 2]), y = one_lane(narrow, n % 2, nans_32[n / 2]);
        assert_only_nan(narrow, run_vectors(&demote, 1, x, x, x).results, n % 2);
        assert_only_nan(wide, run_vectors(&promote, 1, y, y, y).results, n % 2);
    }
}

/* The smaller and the larger one as C's < has it, one of the two operands with all its bits. */
static void pmin_and_pmax_move_nans(void **state) {
    (void)state;
    for (const vector_type *t = vector_types; t < vector_types + 2; t++)
        for (unsigned i = 0; i < 2 * NANS; i++) {
            const code body = with_operands(2, t->first_binary + BINARY_OPERATIONS + i % 2);
            const vector nan = one_lane(t, 0, t->lane->nans[i / 2]), ones = splat(t, t->lane->one);
            assert_int_equal(lane_of(t, run_vectors(&body, 1, nan, ones, ones).results, 0),
                             t->lane->nans[i / 2]);
            assert_int_equal(lane_of(t, run_vectors(&body, 1, ones, nan, ones).results, 0), t->lane->one);
        }
}

static void two_vector_operations_look_for_nans_as_one_does(void **state) {
    (void)state;
    for (const vector_type *t = vector_types; t < vector_types + 2; t++)
        for (int way = 0; way < WAYS; way++)
            for (unsigned pair = 0; pair < ARITHMETIC * ARITHMETIC; pair++) {
                const code body = two_operations(way, t->first_binary + pair / ARITHMETIC,
                                                 t->first_binary + pair % ARITHMETIC);
                const vector ones = splat(t, t->lane->one), nan = one_lane(t, 1, t->lane->nans[3]);
                exported_run run = run_vectors(&body, 2, nan, ones, ones);
                if (keeps_the_first(way)) assert_int_equal(lane_of(t, run.results, 1), t->lane->canonical);
                if (way != APART) assert_int_equal(lane_of(t, run.results + 2, 1), t->lane->canonical);
                if (way == APART) assert_int_not_equal(lane_of(t, run.results + 2, 1), t->lane->canonical);
                run = run_vectors(&body, 2, ones, ones, nan);
                assert_int_equal(lane_of(t, run.results + 2, 1), t->lane->canonical);
                if (way != AFTER_ANOTHER && keeps_the_first(way))
                    assert_int_not_equal(lane_of(t, run.results, 1), t->lane->canonical);
            }
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_on_a_nan_give_the_canonical_one),
        cmocka_unit_test(operations_that_have_no_result_give_the_canonical_nan),
        cmocka_unit_test(a_nan_of_the_other_width_is_the_canonical_one),
        cmocka_unit_test(a_nan_that_is_moved_keeps_its_bits),
        cmocka_unit_test(two_operations_look_for_nans_as_one_does),
#if WPLUG_SIMD
        cmocka_unit_test(lanes_that_become_nans_become_the_canonical_one),
        cmocka_unit_test(lanes_of_the_other_width_become_the_canonical_nan),
        cmocka_unit_test(pmin_and_pmax_move_nans),
        cmocka_unit_test(two_vector_operations_look_for_nans_as_one_does),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
