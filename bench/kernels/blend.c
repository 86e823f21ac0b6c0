/* A layer of pixels (red, green, blue, alpha; colours already multiplied by alpha) laid over another one.
 * With vectors, four pixels at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define PIXELS 8000 /* a multiple of 4 */

static uint8_t top[4 * PIXELS], bottom[4 * PIXELS], out[4 * PIXELS];

static void kernel_prepare(void) {
    uint32_t seed = 29;
    kernel_random_bytes(bottom, sizeof bottom, 30);
    for (int i = 0; i < PIXELS; i++) {
        bottom[4 * i + 3] = 255;
        uint32_t r = kernel_random(&seed), alpha = r >> 30 == 0 ? 0 : r >> 30 == 1 ? 255 : r & 255;
        uint32_t limit =
            alpha == 0 ? 255 : alpha; /* without alpha a colour only makes what is below it brighter */
        for (int c = 0; c < 3; c++) top[4 * i + c] = (uint8_t)((kernel_random(&seed) >> 24) * limit / 255);
        top[4 * i + 3] = (uint8_t)alpha;
    }
}

#ifdef __wasm_simd128__
/* Rounded division of products of two bytes by 255: (x + 128 + (x + 128) / 256) / 256. */
static inline v128_t by255(v128_t x) {
    x = wasm_i16x8_add(x, wasm_i16x8_const_splat(128));
    return wasm_u16x8_shr(wasm_i16x8_add(x, wasm_u16x8_shr(x, 8)), 8);
}

static KERNEL_NOINLINE void blend(const uint8_t *over, const uint8_t *under, uint8_t *to, size_t pixels) {
    for (size_t i = 0; i < 4 * pixels; i += 16) {
        v128_t o = wasm_v128_load(over + i), u = wasm_v128_load(under + i);
        v128_t alpha = wasm_i8x16_shuffle(o, o, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
        v128_t rest = wasm_v128_not(alpha); /* 255 - alpha */
        v128_t low = by255(wasm_u16x8_extmul_low_u8x16(u, rest)),
               high = by255(wasm_u16x8_extmul_high_u8x16(u, rest));
        wasm_v128_store(to + i, wasm_u8x16_add_sat(o, wasm_u8x16_narrow_i16x8(low, high)));
    }
}
#else
static KERNEL_NOINLINE void blend(const uint8_t *over, const uint8_t *under, uint8_t *to, size_t pixels) {
    for (size_t i = 0; i < 4 * pixels; i += 4) {
        uint32_t rest = 255 - over[i + 3];
        for (int c = 0; c < 4; c++) {
            uint32_t x = under[i + c] * rest + 128, sum = over[i + c] + ((x + (x >> 8)) >> 8);
            to[i + c] = (uint8_t)(sum > 255 ? 255 : sum);
        }
    }
}
#endif

static int kernel_round(void) {
    blend(top, bottom, out, PIXELS);
    return kernel_hash(out, sizeof out) !=
           UINT64_C(0xD3CF705366964AC6); /* expected.py, rounding the exact quotient by 255 */
}
