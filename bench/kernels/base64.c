/* Base64 (RFC 4648), there and back. With vectors, twelve bytes or sixteen characters at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE 24000 /* a multiple of 24 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static uint8_t values[256]; /* of characters; 0xFF for those outside the alphabet */
static uint8_t data[SIZE + 16], back[SIZE + 16];
static char encoded[SIZE / 3 * 4 + 16];

static void kernel_prepare(void) {
    memset(values, 0xFF, sizeof values);
    for (uint8_t i = 0; i < 64; i++) values[(uint8_t)alphabet[i]] = i;
    kernel_random_bytes(data, SIZE, 9);
}

#ifdef __wasm_simd128__
/* Twelve bytes to sixteen characters. Reads sixteen bytes. */
static inline void encode12(const uint8_t *in, char *out) {
    v128_t bytes = wasm_v128_load(in);
    /* Each lane becomes the number that three bytes make, then its four sixths, the first one lowest. */
    v128_t x = wasm_i8x16_shuffle(bytes, wasm_i8x16_const_splat(0), 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11,
                                  10, 9, 16);
    v128_t six =
        wasm_v128_or(wasm_v128_or(wasm_u32x4_shr(x, 18),
                                  wasm_v128_and(wasm_u32x4_shr(x, 4), wasm_i32x4_const_splat(0x3F00))),
                     wasm_v128_or(wasm_v128_and(wasm_i32x4_shl(x, 10), wasm_i32x4_const_splat(0x3F0000)),
                                  wasm_v128_and(wasm_i32x4_shl(x, 24), wasm_i32x4_const_splat(0x3F000000))));
    /* What to add: 0 to 25 take place 13 of the table, 26 to 51 place 0, the digits 1 to 10, + and / the
     * next. */
    v128_t offsets = wasm_i8x16_const('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    v128_t place = wasm_v128_or(
        wasm_u8x16_sub_sat(six, wasm_i8x16_const_splat(51)),
        wasm_v128_and(wasm_i8x16_lt(six, wasm_i8x16_const_splat(26)), wasm_i8x16_const_splat(13)));
    wasm_v128_store(out, wasm_i8x16_add(six, wasm_i8x16_swizzle(offsets, place)));
}

static inline v128_t between(v128_t x, int8_t low, int8_t high) {
    return wasm_v128_and(wasm_i8x16_ge(x, wasm_i8x16_splat(low)), wasm_i8x16_le(x, wasm_i8x16_splat(high)));
}

/* Sixteen characters to twelve bytes; false where one is outside the alphabet. Writes sixteen bytes. */
static inline bool decode16(const char *in, uint8_t *out) {
    v128_t x = wasm_v128_load(in);
    v128_t upper = between(x, 'A', 'Z'), lower = between(x, 'a', 'z'), digit = between(x, '0', '9');
    v128_t plus = wasm_i8x16_eq(x, wasm_i8x16_const_splat('+')),
           slash = wasm_i8x16_eq(x, wasm_i8x16_const_splat('/'));
    v128_t offset = wasm_v128_or(wasm_v128_and(upper, wasm_i8x16_const_splat(-'A')),
                                 wasm_v128_and(lower, wasm_i8x16_const_splat(26 - 'a')));
    offset = wasm_v128_or(offset, wasm_v128_and(digit, wasm_i8x16_const_splat(52 - '0')));
    offset = wasm_v128_or(offset, wasm_v128_and(plus, wasm_i8x16_const_splat(62 - '+')));
    offset = wasm_v128_or(offset, wasm_v128_and(slash, wasm_i8x16_const_splat(63 - '/')));
    if (!wasm_i8x16_all_true(offset)) return false; /* every kind adds something else than 0 */
    v128_t six = wasm_i8x16_add(x, offset);
    v128_t number =
        wasm_v128_or(wasm_v128_or(wasm_i32x4_shl(wasm_v128_and(six, wasm_i32x4_const_splat(0x3F)), 18),
                                  wasm_i32x4_shl(wasm_v128_and(six, wasm_i32x4_const_splat(0x3F00)), 4)),
                     wasm_v128_or(wasm_u32x4_shr(wasm_v128_and(six, wasm_i32x4_const_splat(0x3F0000)), 10),
                                  wasm_u32x4_shr(six, 24)));
    wasm_v128_store(out,
                    wasm_i8x16_shuffle(number, number, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 7, 11, 15));
    return true;
}
#endif

/* Answers the number of characters. */
static KERNEL_NOINLINE size_t encode(const uint8_t *in, size_t size, char *out) {
    char *to = out;
#ifdef __wasm_simd128__
    for (; size >= 16; in += 12, size -= 12, to += 16) encode12(in, to);
#endif
    for (; size >= 3; in += 3, size -= 3) {
        uint32_t three = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *to++ = alphabet[three >> 18];
        *to++ = alphabet[three >> 12 & 63];
        *to++ = alphabet[three >> 6 & 63];
        *to++ = alphabet[three & 63];
    }
    if (size > 0) {
        uint32_t rest = (uint32_t)in[0] << 16 | (size == 2 ? (uint32_t)in[1] << 8 : 0);
        *to++ = alphabet[rest >> 18];
        *to++ = alphabet[rest >> 12 & 63];
        *to++ = size == 2 ? alphabet[rest >> 6 & 63] : '=';
        *to++ = '=';
    }
    return (size_t)(to - out);
}

/* Answers the number of bytes, or SIZE_MAX for what is not Base64. */
static KERNEL_NOINLINE size_t decode(const char *in, size_t size, uint8_t *out) {
    uint8_t *to = out;
    if (size % 4 != 0) return SIZE_MAX;
    if (size == 0) return 0;
    size_t padding = in[size - 1] != '=' ? 0 : in[size - 2] != '=' ? 1 : 2;
    size_t whole = padding == 0 ? size : size - 4;
#ifdef __wasm_simd128__
    for (; whole >= 16; in += 16, whole -= 16, to += 12) {
        if (!decode16(in, to)) return SIZE_MAX;
    }
#endif
    for (; whole > 0; in += 4, whole -= 4) {
        uint32_t a = values[(uint8_t)in[0]], b = values[(uint8_t)in[1]], c = values[(uint8_t)in[2]],
                 d = values[(uint8_t)in[3]];
        if ((a | b | c | d) > 63) return SIZE_MAX;
        uint32_t three = a << 18 | b << 12 | c << 6 | d;
        *to++ = (uint8_t)(three >> 16);
        *to++ = (uint8_t)(three >> 8);
        *to++ = (uint8_t)three;
    }
    if (padding > 0) {
        uint32_t a = values[(uint8_t)in[0]], b = values[(uint8_t)in[1]],
                 c = padding == 1 ? values[(uint8_t)in[2]] : 0;
        if ((a | b | c) > 63) return SIZE_MAX;
        *to++ = (uint8_t)(a << 2 | b >> 4);
        if (padding == 1) *to++ = (uint8_t)(b << 4 | c >> 2);
    }
    return (size_t)(to - out);
}

static int kernel_round(void) {
    /* RFC 4648, section 10. */
    static const char *const vectors[7][2] = {{"", ""},
                                              {"f", "Zg=="},
                                              {"fo", "Zm8="},
                                              {"foo", "Zm9v"},
                                              {"foob", "Zm9vYg=="},
                                              {"fooba", "Zm9vYmE="},
                                              {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < 7; i++) {
        size_t size = encode((const uint8_t *)vectors[i][0], i, encoded);
        if (size != strlen(vectors[i][1]) || memcmp(encoded, vectors[i][1], size) != 0) return 1;
        if (decode(encoded, size, back) != i || memcmp(back, vectors[i][0], i) != 0) return 2;
    }
    size_t size = encode(data, SIZE, encoded);
    if (size != SIZE / 3 * 4) return 3;
    /* expected.py, with Python's base64. */
    if (kernel_hash(encoded, size) != UINT64_C(0xD8C19FA9E2B6CF8E)) return 4;
    if (decode(encoded, size, back) != SIZE || kernel_hash(back, SIZE) != UINT64_C(0x9123EA65F0BDE237))
        return 5;
    encoded[size / 2] = '-';
    return decode(encoded, size, back) != SIZE_MAX ? 6 : 0;
}
