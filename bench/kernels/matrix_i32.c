/* Products of matrices of integers: a plain one through rows of pointers, and powers modulo a prime, which
 * must be what Fermat's theorem and a linear recurrence say. */
#include "kernel.h"

#define SIZE  48
#define PRIME 46337 /* its square is below 2^31 */
#define ORDER 4

static int32_t a_cells[SIZE * SIZE], b_cells[SIZE * SIZE], c_cells[SIZE * SIZE];
static int32_t *a[SIZE], *b[SIZE], *c[SIZE];

static void kernel_prepare(void) {
    uint32_t seed = 25;
    for (int i = 0; i < SIZE; i++) {
        a[i] = a_cells + i * SIZE, b[i] = b_cells + i * SIZE, c[i] = c_cells + i * SIZE;
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (int32_t)(kernel_random(&seed) % 20001) - 10000;
            b[i][j] = (int32_t)(kernel_random(&seed) % 201) - 100;
        }
    }
}

static KERNEL_NOINLINE void multiply(int32_t **l, int32_t **r, int32_t **out) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) out[i][j] = 0;
        for (int k = 0; k < SIZE; k++) {
            int32_t factor = l[i][k];
            for (int j = 0; j < SIZE; j++) out[i][j] += factor * r[k][j];
        }
    }
}

typedef struct small {
    uint32_t at[ORDER][ORDER];
} small;

static KERNEL_NOINLINE small multiply_small(const small *l, const small *r) {
    small out;
    for (int i = 0; i < ORDER; i++) {
        for (int j = 0; j < ORDER; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < ORDER; k++) sum = (sum + l->at[i][k] * r->at[k][j]) % PRIME;
            out.at[i][j] = sum;
        }
    }
    return out;
}

static small power(small base, uint32_t exponent) {
    small result = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = multiply_small(&result, &base);
        base = multiply_small(&base, &base);
    }
    return result;
}

static int kernel_round(void) {
    multiply(a, b, c);
    /* Freivalds' test with ones: the rows' sums of C are A times the rows' sums of B. */
    int32_t sums[SIZE];
    for (int i = 0; i < SIZE; i++) {
        sums[i] = 0;
        for (int j = 0; j < SIZE; j++) sums[i] += b[i][j] * (j % 5 - 2);
    }
    for (int i = 0; i < SIZE; i++) {
        int32_t row = 0, expected = 0;
        for (int j = 0; j < SIZE; j++) {
            row += c[i][j] * (j % 5 - 2);
            expected += a[i][j] * sums[j];
        }
        if (row != expected) return 1;
    }

    /* x(n) = x(n-1) + 2 x(n-2) + x(n-4) from 1, 1, 1, 1: by the power of its matrix, and step by step. */
    const small recurrence = {{{1, 2, 0, 1}, {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
    uint32_t steps = 1000, x[4] = {1, 1, 1, 1};
    KERNEL_HIDE(steps);
    small last = power(recurrence, steps);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t next = (x[0] + 2 * x[1] + x[3]) % PRIME;
        x[3] = x[2], x[2] = x[1], x[1] = x[0], x[0] = next;
    }
    for (int i = 0; i < ORDER; i++) {
        if ((last.at[i][0] + last.at[i][1] + last.at[i][2] + last.at[i][3]) % PRIME != x[i]) return 2;
    }
    /* A matrix with different eigenvalues, here those on its diagonal, gives 1 to the power p - 1. */
    const small triangular = {{{3, 1, 4, 1}, {0, 5, 9, 2}, {0, 0, 6, 5}, {0, 0, 0, 7}}};
    last = power(triangular, PRIME - 1);
    for (int i = 0; i < ORDER; i++) {
        for (int j = 0; j < ORDER; j++) {
            if (last.at[i][j] != (i == j)) return 3;
        }
    }
    return 0;
}
