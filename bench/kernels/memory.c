/* Memory that is moved, copied and filled: an editor's buffer with insertions and deletions, and rectangles
 * that are filled and copied on a screen. */
#include "kernel.h"

#define TEXT_SIZE 16384
#define EDITS     60
#define WIDTH     320
#define HEIGHT    120
#define DRAWN     40

static char source[4096], text[TEXT_SIZE];
static uint8_t screen[HEIGHT][WIDTH];

static void kernel_prepare(void) {
    kernel_random_bytes((uint8_t *)source, sizeof source, 34);
}

static KERNEL_NOINLINE size_t edit(uint32_t seed) {
    size_t size = 0;
    for (int i = 0; i < EDITS; i++) {
        size_t at = kernel_random(&seed) % (size + 1), amount = (kernel_random(&seed) >> 8) % 600;
        if (i % 4 == 3) {
            if (amount > size - at) amount = size - at;
            memmove(text + at, text + at + amount, size - at - amount);
            size -= amount;
        } else {
            if (amount > TEXT_SIZE - size) amount = TEXT_SIZE - size;
            memmove(text + at + amount, text + at, size - at);
            memcpy(text + at, source + (kernel_random(&seed) >> 8) % (sizeof source - 600), amount);
            size += amount;
        }
    }
    memset(text + size, 0, TEXT_SIZE - size);
    return size;
}

typedef struct rectangle {
    uint32_t x, y, width, height;
} rectangle;

static rectangle any_rectangle(uint32_t *seed) {
    rectangle r;
    r.x = (kernel_random(seed) >> 8) % (WIDTH - 100);
    r.y = (kernel_random(seed) >> 8) % (HEIGHT - 40);
    r.width = (kernel_random(seed) >> 8) % 100 + 1;
    r.height = (kernel_random(seed) >> 8) % 40 + 1;
    return r;
}

static KERNEL_NOINLINE void fill(rectangle r, uint8_t colour) {
    for (uint32_t y = r.y; y < r.y + r.height; y++) memset(&screen[y][r.x], colour, r.width);
}

/* To (x, y); the places may overlap. */
static KERNEL_NOINLINE void copy(rectangle r, uint32_t x, uint32_t y) {
    for (uint32_t i = 0; i < r.height; i++) {
        uint32_t row = y > r.y ? r.height - 1 - i : i;
        memmove(&screen[y + row][x], &screen[r.y + row][r.x], r.width);
    }
}

static KERNEL_NOINLINE void draw(uint32_t seed) {
    memset(screen, 0, sizeof screen);
    for (int i = 0; i < DRAWN; i++) {
        rectangle r = any_rectangle(&seed), to = any_rectangle(&seed);
        if (i % 2 == 0)
            fill(r, (uint8_t)(i + 1));
        else
            copy(r, to.x, to.y);
    }
}

static int kernel_round(void) {
    size_t size = edit(35);
    /* expected.py, with slices of Python's bytes and with single pixels. */
    if (size != 10954) return 1;
    if (kernel_hash(text, TEXT_SIZE) != UINT64_C(0x80E9F36B8233A254)) return 2;
    draw(36);
    return kernel_hash(screen, sizeof screen) != UINT64_C(0x81382F2D668C30CD) ? 3 : 0;
}
