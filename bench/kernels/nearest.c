/* Search by meaning in small: the vectors of single precision whose scalar product with a question is
 * largest. With vectors of the machine, four numbers at a time in four sums. All values are small integers,
 * so that the sums are exact in any order. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE      128 /* numbers in a vector; a multiple of 16 */
#define DOCUMENTS 80
#define QUESTIONS 4

static float documents[DOCUMENTS][SIZE], questions[QUESTIONS][SIZE];
static int expected[QUESTIONS];
static int32_t expected_products[QUESTIONS];

static void kernel_prepare(void) {
    uint32_t seed = 33;
    for (int i = 0; i < DOCUMENTS; i++) {
        for (int k = 0; k < SIZE; k++)
            documents[i][k] = (float)((int32_t)((kernel_random(&seed) >> 8) % 41) - 20);
    }
    for (int i = 0; i < QUESTIONS; i++) {
        int32_t best = INT32_MIN;
        for (int k = 0; k < SIZE; k++)
            questions[i][k] = (float)((int32_t)((kernel_random(&seed) >> 8) % 41) - 20);
        for (int j = 0; j < DOCUMENTS; j++) { /* with integers */
            int32_t sum = 0;
            for (int k = 0; k < SIZE; k++) sum += (int32_t)questions[i][k] * (int32_t)documents[j][k];
            if (sum > best) best = sum, expected[i] = j;
        }
        expected_products[i] = best;
    }
}

static KERNEL_NOINLINE float product(const float *a, const float *b) {
#ifdef __wasm_simd128__
    v128_t s0 = wasm_f32x4_const_splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (int i = 0; i < SIZE; i += 16) {
        s0 = wasm_f32x4_add(s0, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
        s1 = wasm_f32x4_add(s1, wasm_f32x4_mul(wasm_v128_load(a + i + 4), wasm_v128_load(b + i + 4)));
        s2 = wasm_f32x4_add(s2, wasm_f32x4_mul(wasm_v128_load(a + i + 8), wasm_v128_load(b + i + 8)));
        s3 = wasm_f32x4_add(s3, wasm_f32x4_mul(wasm_v128_load(a + i + 12), wasm_v128_load(b + i + 12)));
    }
    v128_t sum = wasm_f32x4_add(wasm_f32x4_add(s0, s1), wasm_f32x4_add(s2, s3));
    return wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) +
           wasm_f32x4_extract_lane(sum, 2) + wasm_f32x4_extract_lane(sum, 3);
#else
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int i = 0; i < SIZE; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    return s0 + s1 + s2 + s3;
#endif
}

static KERNEL_NOINLINE int nearest(const float *question, float *best) {
    int found = 0;
    *best = product(question, documents[0]);
    for (int i = 1; i < DOCUMENTS; i++) {
        float p = product(question, documents[i]);
        if (p > *best) *best = p, found = i;
    }
    return found;
}

static int kernel_round(void) {
    for (int i = 0; i < QUESTIONS; i++) {
        float best;
        if (nearest(questions[i], &best) != expected[i]) return 1;
        if (best != (float)expected_products[i]) return 2;
    }
    return 0;
}
