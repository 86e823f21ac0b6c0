/* The product of two matrices in single precision. With vectors, four columns at a time. All values are small
 * integers, so that the sums are exact and Freivalds' test ((A B) x is A (B x)) holds exactly. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE 64

static float a[SIZE][SIZE], b[SIZE][SIZE], product[SIZE][SIZE];
static int32_t x[SIZE], abx[SIZE]; /* A (B x), with integers */

static void kernel_prepare(void) {
    uint32_t seed = 26;
    int64_t bx[SIZE];
    for (int i = 0; i < SIZE; i++) {
        x[i] = (int32_t)(kernel_random(&seed) % 19) - 9;
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (float)((int32_t)(kernel_random(&seed) % 101) - 50);
            b[i][j] = (float)((int32_t)(kernel_random(&seed) % 101) - 50);
        }
    }
    for (int i = 0; i < SIZE; i++) {
        bx[i] = 0;
        for (int j = 0; j < SIZE; j++) bx[i] += (int32_t)b[i][j] * x[j];
    }
    for (int i = 0; i < SIZE; i++) {
        int64_t sum = 0;
        for (int j = 0; j < SIZE; j++) sum += (int32_t)a[i][j] * bx[j];
        abx[i] = (int32_t)sum;
    }
}

/* Four rows of the result at a time share what they read of the right matrix. */
static KERNEL_NOINLINE void multiply_rows(int row, int column) {
#ifdef __wasm_simd128__
    v128_t sums[4] = {wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0),
                      wasm_f32x4_const_splat(0)};
    for (int k = 0; k < SIZE; k++) {
        v128_t right = wasm_v128_load(&b[k][column]);
        for (int i = 0; i < 4; i++) {
            sums[i] = wasm_f32x4_add(sums[i], wasm_f32x4_mul(wasm_v128_load32_splat(&a[row + i][k]), right));
        }
    }
    for (int i = 0; i < 4; i++) wasm_v128_store(&product[row + i][column], sums[i]);
#else
    for (int j = column; j < column + 4; j++) {
        float sums[4] = {0, 0, 0, 0};
        for (int k = 0; k < SIZE; k++) {
            float right = b[k][j];
            for (int i = 0; i < 4; i++) sums[i] += a[row + i][k] * right;
        }
        for (int i = 0; i < 4; i++) product[row + i][j] = sums[i];
    }
#endif
}

static int kernel_round(void) {
    for (int row = 0; row < SIZE; row += 4) {
        for (int column = 0; column < SIZE; column += 4) multiply_rows(row, column);
    }
    for (int i = 0; i < SIZE; i++) {
        int32_t sum = 0;
        for (int j = 0; j < SIZE; j++) sum += (int32_t)product[i][j] * x[j];
        if (sum != abx[i]) return 1;
    }
    return 0;
}
