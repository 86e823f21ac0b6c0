/* Pixels of three bytes (red, green, blue) to gray, with the weights of ITU-R BT.601 in 256ths. With vectors,
 * sixteen pixels at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define PIXELS 16000 /* a multiple of 16 */

enum { RED = 77, GREEN = 150, BLUE = 29 };

static uint8_t colours[3 * PIXELS], gray[PIXELS];

static void kernel_prepare(void) {
    kernel_random_bytes(colours, sizeof colours, 28);
}

#ifdef __wasm_simd128__
static KERNEL_NOINLINE void to_gray(const uint8_t *in, uint8_t *out, size_t pixels) {
    const v128_t red = wasm_u8x16_const_splat(RED), green = wasm_u8x16_const_splat(GREEN),
                 blue = wasm_u8x16_const_splat(BLUE), half = wasm_u16x8_const_splat(128);
    for (size_t i = 0; i < pixels; i += 16, in += 48, out += 16) {
        v128_t a = wasm_v128_load(in), b = wasm_v128_load(in + 16), c = wasm_v128_load(in + 32);
        /* What the first two have of each colour, then the rest from the third. */
        v128_t r = wasm_i8x16_shuffle(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
        v128_t g = wasm_i8x16_shuffle(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
        v128_t bl = wasm_i8x16_shuffle(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
        r = wasm_i8x16_shuffle(r, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
        g = wasm_i8x16_shuffle(g, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
        bl = wasm_i8x16_shuffle(bl, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
        v128_t low =
            wasm_i16x8_add(wasm_u16x8_extmul_low_u8x16(r, red), wasm_u16x8_extmul_low_u8x16(g, green));
        v128_t high =
            wasm_i16x8_add(wasm_u16x8_extmul_high_u8x16(r, red), wasm_u16x8_extmul_high_u8x16(g, green));
        low = wasm_i16x8_add(wasm_i16x8_add(low, wasm_u16x8_extmul_low_u8x16(bl, blue)), half);
        high = wasm_i16x8_add(wasm_i16x8_add(high, wasm_u16x8_extmul_high_u8x16(bl, blue)), half);
        wasm_v128_store(out, wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(low, 8), wasm_u16x8_shr(high, 8)));
    }
}
#else
static KERNEL_NOINLINE void to_gray(const uint8_t *in, uint8_t *out, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, in += 3) {
        out[i] = (uint8_t)((RED * in[0] + GREEN * in[1] + BLUE * in[2] + 128) >> 8);
    }
}
#endif

static int kernel_round(void) {
    to_gray(colours, gray, PIXELS);
    return kernel_hash(gray, PIXELS) != UINT64_C(0x63703D19C8754D61); /* expected.py */
}
