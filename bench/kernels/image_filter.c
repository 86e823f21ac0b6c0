/* Image filters on eight-bit gray: a Gaussian blur in two passes of five taps, then Sobel's edges, cut at
 * 255; borders repeat the outermost pixel. */
#include "kernel.h"

#define WIDTH  96
#define HEIGHT 64

typedef struct image {
    uint8_t pixels[HEIGHT][WIDTH];
} image;

static image input, blurred, edges;

/* A gradient, a disc and noise. */
static void kernel_prepare(void) {
    uint32_t seed = 27;
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            bool disc = (x - 40) * (x - 40) + (y - 30) * (y - 30) < 400;
            input.pixels[y][x] = (uint8_t)((disc ? 200 : x + y / 2) + (kernel_random(&seed) >> 8) % 32);
        }
    }
}

static inline int clamp(int value, int limit) {
    return value < 0 ? 0 : value >= limit ? limit - 1 : value;
}

static KERNEL_NOINLINE void blur(const image *from, image *to) {
    static const int taps[5] = {1, 4, 6, 4, 1};
    static uint16_t rows[HEIGHT][WIDTH];
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int sum = 0;
            if (x >= 2 && x < WIDTH - 2) {
                const uint8_t *p = &from->pixels[y][x - 2];
                sum = p[0] + p[4] + 4 * (p[1] + p[3]) + 6 * p[2];
            } else {
                for (int i = 0; i < 5; i++) sum += taps[i] * from->pixels[y][clamp(x + i - 2, WIDTH)];
            }
            rows[y][x] = (uint16_t)sum;
        }
    }
    for (int y = 0; y < HEIGHT; y++) {
        const uint16_t *r[5];
        for (int i = 0; i < 5; i++) r[i] = rows[clamp(y + i - 2, HEIGHT)];
        for (int x = 0; x < WIDTH; x++) {
            int sum = r[0][x] + r[4][x] + 4 * (r[1][x] + r[3][x]) + 6 * r[2][x];
            to->pixels[y][x] = (uint8_t)((sum + 128) >> 8);
        }
    }
}

static KERNEL_NOINLINE void sobel(const image *from, image *to) {
    for (int y = 0; y < HEIGHT; y++) {
        const uint8_t *above = from->pixels[clamp(y - 1, HEIGHT)], *here = from->pixels[y],
                      *below = from->pixels[clamp(y + 1, HEIGHT)];
        for (int x = 0; x < WIDTH; x++) {
            int l = clamp(x - 1, WIDTH), r = clamp(x + 1, WIDTH);
            int dx = above[r] + 2 * here[r] + below[r] - above[l] - 2 * here[l] - below[l];
            int dy = below[l] + 2 * below[x] + below[r] - above[l] - 2 * above[x] - above[r];
            int strength = abs(dx) + abs(dy);
            to->pixels[y][x] = (uint8_t)(strength > 255 ? 255 : strength);
        }
    }
}

static int kernel_round(void) {
    blur(&input, &blurred);
    sobel(&blurred, &edges);
    /* expected.py, by the definition of a convolution in two dimensions. */
    if (kernel_hash(&blurred, sizeof blurred) != UINT64_C(0x6CE1E855C39D48EF)) return 1;
    return kernel_hash(&edges, sizeof edges) != UINT64_C(0x8535433FDE0A14B2) ? 2 : 0;
}
