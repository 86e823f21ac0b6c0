/* Motion search as video encoders do it: where was this block of 16 by 16 pixels in the frame before? By the
 * sum of absolute differences, over all places around. With vectors, a row of the block at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define WIDTH  96
#define HEIGHT 64
#define BLOCK  16
#define REACH  6

static uint8_t before[HEIGHT][WIDTH], now[HEIGHT][WIDTH];

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

/* Each block of `now` was elsewhere in `before`, never outside of it; how far is what the search must find.
 *  */
static void motion_of(int x, int y, int *dx, int *dy) {
    int column = x / BLOCK, row = y / BLOCK;
    int far_x = (column * 5 + row * 3) % (2 * REACH + 1) - REACH,
        far_y = (column * 7 + row * 4) % (2 * REACH + 1) - REACH;
    *dx = clamp(far_x, -BLOCK * column, WIDTH - BLOCK * (column + 1));
    *dy = clamp(far_y, -BLOCK * row, HEIGHT - BLOCK * (row + 1));
}

static void kernel_prepare(void) {
    uint32_t seed = 31;
    kernel_random_bytes(&before[0][0], sizeof before, 32);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int dx, dy;
            motion_of(x, y, &dx, &dy);
            now[y][x] = (uint8_t)(before[y + dy][x + dx] ^ (kernel_random(&seed) & 3)); /* and some noise */
        }
    }
}

static KERNEL_NOINLINE uint32_t difference(const uint8_t *a, const uint8_t *b) {
#ifdef __wasm_simd128__
    v128_t sums = wasm_i16x8_const_splat(0);
    for (int y = 0; y < BLOCK; y++, a += WIDTH, b += WIDTH) {
        v128_t x = wasm_v128_load(a), z = wasm_v128_load(b);
        v128_t apart = wasm_v128_or(wasm_u8x16_sub_sat(x, z), wasm_u8x16_sub_sat(z, x));
        sums =
            wasm_i16x8_add(sums, wasm_u16x8_extadd_pairwise_u8x16(apart)); /* at most 16 * 2 * 255 a lane */
    }
    v128_t wide = wasm_u32x4_extadd_pairwise_u16x8(sums);
    wide = wasm_i32x4_add(wide, wasm_i32x4_shuffle(wide, wide, 2, 3, 0, 1));
    return (uint32_t)(wasm_i32x4_extract_lane(wide, 0) + wasm_i32x4_extract_lane(wide, 1));
#else
    uint32_t sum = 0;
    for (int y = 0; y < BLOCK; y++, a += WIDTH, b += WIDTH) {
        for (int x = 0; x < BLOCK; x++) sum += (uint32_t)abs(a[x] - b[x]);
    }
    return sum;
#endif
}

static KERNEL_NOINLINE uint32_t search(int x, int y, int *best_dx, int *best_dy) {
    uint32_t best = UINT32_MAX;
    for (int dy = -REACH; dy <= REACH; dy++) {
        if (y + dy < 0 || y + dy + BLOCK > HEIGHT) continue;
        for (int dx = -REACH; dx <= REACH; dx++) {
            if (x + dx < 0 || x + dx + BLOCK > WIDTH) continue;
            uint32_t sum = difference(&now[y][x], &before[y + dy][x + dx]);
            if (sum < best) best = sum, *best_dx = dx, *best_dy = dy;
        }
    }
    return best;
}

static int kernel_round(void) {
    for (int y = 0; y < HEIGHT; y += BLOCK) {
        for (int x = 0; x < WIDTH; x += BLOCK) {
            int dx = 0, dy = 0, right_dx, right_dy;
            motion_of(x, y, &right_dx, &right_dy);
            uint32_t sum = search(x, y, &dx, &dy);
            if (dx != right_dx || dy != right_dy) return 1;
            if (sum == 0 || sum > 3 * BLOCK * BLOCK) return 2; /* the noise, and no more than it */
        }
    }
    return 0;
}
