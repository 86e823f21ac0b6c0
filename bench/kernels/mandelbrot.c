/* The Mandelbrot set in single precision: how many points of a grid stay bounded, and how long the others
 * take. With vectors, four points at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define WIDTH      64
#define HEIGHT     48
#define ITERATIONS 50

static void kernel_prepare(void) {}

/* Steps until |z| > 2, for the four points from (x, y) to the right. All steps are exact operations rounded
 * once, in the same order with and without vectors, so that the counts are the same everywhere. */
#ifdef __wasm_simd128__
static KERNEL_NOINLINE void steps(float x, float y, float pitch, int32_t out[4]) {
    v128_t cx = wasm_f32x4_add(wasm_f32x4_splat(x),
                               wasm_f32x4_mul(wasm_f32x4_const(0, 1, 2, 3), wasm_f32x4_splat(pitch)));
    v128_t cy = wasm_f32x4_splat(y);
    v128_t zx = wasm_f32x4_const_splat(0), zy = zx, count = zx;
    for (int i = 0; i < ITERATIONS; i++) {
        v128_t xx = wasm_f32x4_mul(zx, zx), yy = wasm_f32x4_mul(zy, zy), xy = wasm_f32x4_mul(zx, zy);
        v128_t inside = wasm_f32x4_le(wasm_f32x4_add(xx, yy), wasm_f32x4_const_splat(4));
        if (!wasm_v128_any_true(inside)) break;
        count = wasm_i32x4_sub(count, inside);
        zx = wasm_f32x4_add(wasm_f32x4_sub(xx, yy), cx);
        zy = wasm_f32x4_add(wasm_f32x4_add(xy, xy), cy);
    }
    wasm_v128_store(out, count);
}
#else
static KERNEL_NOINLINE void steps(float x, float y, float pitch, int32_t out[4]) {
    for (int lane = 0; lane < 4; lane++) {
        float cx = x + (float)lane * pitch, cy = y, zx = 0, zy = 0;
        int32_t count = 0;
        while (count < ITERATIONS) {
            float xx = zx * zx, yy = zy * zy, xy = zx * zy;
            if (!(xx + yy <= 4)) break;
            count++;
            zx = xx - yy + cx;
            zy = xy + xy + cy;
        }
        out[lane] = count;
    }
}
#endif

static int kernel_round(void) {
    const float pitch = 0.046875f; /* 3 / 64 */
    int inside = 0, total = 0;
    for (int row = 0; row < HEIGHT; row++) {
        for (int column = 0; column < WIDTH; column += 4) {
            int32_t counts[4];
            steps(-2.25f + (float)column * pitch, -1.125f + (float)row * pitch, pitch, counts);
            for (int i = 0; i < 4; i++) {
                inside += counts[i] == ITERATIONS;
                total += counts[i];
            }
        }
    }
    /* expected.py, which rounds to single precision after each operation as IEEE 754 asks. */
    if (inside != 730) return 1;
    return total != 48273 ? 2 : 0;
}
