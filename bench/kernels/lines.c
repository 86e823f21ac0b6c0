/* Looking for separators in text: how many lines and fields, how long the longest line is, and where a byte
 * comes first. With vectors, sixteen bytes at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE 48000 /* a multiple of 16 */

typedef struct counts {
    uint32_t lines, fields, longest;
} counts;

static uint8_t text[SIZE];
static counts expected; /* by what kernel_prepare wrote */

static void kernel_prepare(void) {
    uint32_t seed = 12, at = 0, start = 0;
    while (at < SIZE) {
        uint32_t r = kernel_random(&seed) >> 8;
        for (uint32_t word = r % 40 + 4; word > 0 && at < SIZE - 1; word--)
            text[at++] = (uint8_t)('a' + word % 26);
        if (r / 64 % 6 == 0 || at == SIZE - 1) {
            if (at - start > expected.longest) expected.longest = at - start;
            text[at++] = '\n';
            start = at;
            expected.lines++;
        } else {
            text[at++] = ',';
            expected.fields++;
        }
    }
    expected.fields += expected.lines;
}

#ifdef __wasm_simd128__
static KERNEL_NOINLINE uint32_t count(const uint8_t *bytes, size_t size, uint8_t what) {
    v128_t wanted = wasm_u8x16_splat(what), total = wasm_i32x4_const_splat(0);
    while (size > 0) {
        size_t blocks = size / 16 < 255 ? size / 16 : 255; /* as many as a byte can count */
        v128_t found = wasm_i8x16_const_splat(0);
        for (size_t i = 0; i < blocks; i++, bytes += 16) {
            found = wasm_i8x16_sub(found, wasm_i8x16_eq(wasm_v128_load(bytes), wanted));
        }
        total =
            wasm_i32x4_add(total, wasm_u32x4_extadd_pairwise_u16x8(wasm_u16x8_extadd_pairwise_u8x16(found)));
        size -= blocks * 16;
    }
    uint32_t sums[4];
    wasm_v128_store(sums, total);
    return sums[0] + sums[1] + sums[2] + sums[3];
}

static KERNEL_NOINLINE uint32_t longest_line(const uint8_t *bytes, size_t size) {
    v128_t newline = wasm_u8x16_const_splat('\n');
    uint32_t longest = 0, start = 0;
    for (uint32_t at = 0; at < size; at += 16) {
        uint32_t found = wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(bytes + at), newline));
        for (; found != 0; found &= found - 1) {
            uint32_t end = at + (uint32_t)__builtin_ctz(found);
            if (end - start > longest) longest = end - start;
            start = end + 1;
        }
    }
    return longest;
}

static KERNEL_NOINLINE size_t find(const uint8_t *bytes, size_t size, uint8_t what) {
    v128_t wanted = wasm_u8x16_splat(what);
    for (size_t at = 0; at < size; at += 16) {
        uint32_t found = wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(bytes + at), wanted));
        if (found != 0) return at + (size_t)__builtin_ctz(found);
    }
    return size;
}
#else
static KERNEL_NOINLINE uint32_t count(const uint8_t *bytes, size_t size, uint8_t what) {
    uint32_t total = 0;
    for (size_t i = 0; i < size; i++) total += bytes[i] == what;
    return total;
}

static KERNEL_NOINLINE uint32_t longest_line(const uint8_t *bytes, size_t size) {
    uint32_t longest = 0, start = 0;
    for (uint32_t at = 0; at < size; at++) {
        if (bytes[at] != '\n') continue;
        if (at - start > longest) longest = at - start;
        start = at + 1;
    }
    return longest;
}

static KERNEL_NOINLINE size_t find(const uint8_t *bytes, size_t size, uint8_t what) {
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] == what) return at;
    }
    return size;
}
#endif

static int kernel_round(void) {
    counts found = {.lines = count(text, SIZE, '\n'), .longest = longest_line(text, SIZE)};
    found.fields = found.lines + count(text, SIZE, ',');
    if (found.lines != expected.lines || found.fields != expected.fields) return 1;
    if (found.longest != expected.longest) return 2;
    text[SIZE - 77] = 0;
    size_t zero = find(text, SIZE, 0);
    text[SIZE - 77] = 'x';
    if (zero != SIZE - 77) return 3;
    return find(text, SIZE, 0) != SIZE ? 4 : 0;
}
