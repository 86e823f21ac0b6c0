/* The spectral norm of the infinite matrix 1 / ((i + j)(i + j + 1) / 2 + i + 1), cut to 100 rows, by the
 * power method: divisions of doubles. */
#include "kernel.h"

#include <math.h>

#define SIZE 100

static void kernel_prepare(void) {}

static inline double element(int i, int j) {
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static KERNEL_NOINLINE void multiply(const double *v, double *out) {
    for (int i = 0; i < SIZE; i++) {
        double sum = 0;
        for (int j = 0; j < SIZE; j++) sum += element(i, j) * v[j];
        out[i] = sum;
    }
}

static KERNEL_NOINLINE void multiply_transposed(const double *v, double *out) {
    for (int i = 0; i < SIZE; i++) {
        double sum = 0;
        for (int j = 0; j < SIZE; j++) sum += element(j, i) * v[j];
        out[i] = sum;
    }
}

static int kernel_round(void) {
    double u[SIZE], v[SIZE], between[SIZE];
    for (int i = 0; i < SIZE; i++) u[i] = 1;
    for (int i = 0; i < 10; i++) {
        multiply(u, between);
        multiply_transposed(between, v);
        multiply(v, between);
        multiply_transposed(between, u);
    }
    double uv = 0, vv = 0;
    for (int i = 0; i < SIZE; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    /* As the Computer Language Benchmarks Game prints it for 100. */
    return !(fabs(sqrt(uv / vv) - 1.274219991) <= 1e-9); /* not a number is wrong too */
}
