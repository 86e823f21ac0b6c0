/* The product of two matrices of doubles, in blocks, checked by Freivalds' test: (A B) x must be A (B x). All
 * values are small integers, so that the sums are exact. */
#include "kernel.h"

#define SIZE  64
#define BLOCK 16

typedef struct matrix {
    double at[SIZE][SIZE];
} matrix;

static matrix a, b, product;
static double x[SIZE];

static void kernel_prepare(void) {
    uint32_t seed = 3;
    for (int i = 0; i < SIZE; i++) {
        x[i] = (int)(kernel_random(&seed) % 199) - 99;
        for (int j = 0; j < SIZE; j++) {
            a.at[i][j] = (int)(kernel_random(&seed) % 2001) - 1000;
            b.at[i][j] = (int)(kernel_random(&seed) % 2001) - 1000;
        }
    }
}

static KERNEL_NOINLINE void multiply(const matrix *l, const matrix *r, matrix *out) {
    memset(out, 0, sizeof *out);
    for (int j0 = 0; j0 < SIZE; j0 += BLOCK) {
        for (int k0 = 0; k0 < SIZE; k0 += BLOCK) {
            for (int i = 0; i < SIZE; i++) {
                for (int j = j0; j < j0 + BLOCK; j++) {
                    double sum = out->at[i][j];
                    for (int k = k0; k < k0 + BLOCK; k++) sum += l->at[i][k] * r->at[k][j];
                    out->at[i][j] = sum;
                }
            }
        }
    }
}

static KERNEL_NOINLINE void apply(const matrix *m, const double *vector, double *out) {
    for (int i = 0; i < SIZE; i++) {
        double sum = 0;
        for (int j = 0; j < SIZE; j++) sum += m->at[i][j] * vector[j];
        out[i] = sum;
    }
}

static int kernel_round(void) {
    double bx[SIZE], abx[SIZE], px[SIZE];
    multiply(&a, &b, &product);
    apply(&product, x, px);
    apply(&b, x, bx);
    apply(&a, bx, abx);
    for (int i = 0; i < SIZE; i++) {
        if (px[i] != abx[i]) return 1;
    }
    return px[0] == 0 && px[1] == 0; /* a matrix of zeros would pass too */
}
