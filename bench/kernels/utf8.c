/* Is this UTF-8 (Unicode 15, table 3-7), and how many characters is it? With vectors by table look-up, as
 * Keiser and Lemire describe it ("Validating UTF-8 In Less Than One Instruction Per Byte", 2021). */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE 30000

static uint8_t text[SIZE + 16]; /* ends in zeros */
static size_t text_size, text_characters;

static size_t put_character(uint8_t *out, uint32_t point) {
    if (point < 0x80) return out[0] = (uint8_t)point, 1;
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t leads[4] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (uint8_t)(leads[more] | point >> 6 * more);
    for (size_t i = 1; i <= more; i++) out[i] = (uint8_t)(0x80 | (point >> 6 * (more - i) & 0x3F));
    return more + 1;
}

/* Runs of letters of one alphabet each, separated by spaces. */
static void kernel_prepare(void) {
    static const uint32_t first[6] = {'a', 0xC0, 0x3B1, 0x4E00, 0xAC00, 0x1F600};
    uint32_t seed = 11;
    while (text_size + 4 * 16 < SIZE) {
        uint32_t r = kernel_random(&seed) >> 8, alphabet = r % 12 < 6 ? 0 : r % 12 - 6;
        for (uint32_t letters = r / 16 % 8 + 3; letters > 0; letters--) {
            text_size += put_character(text + text_size, first[alphabet] + (kernel_random(&seed) >> 8) % 24);
            text_characters++;
        }
        text[text_size++] = ' ';
        text_characters++;
    }
}

#ifdef __wasm_simd128__
/* What can be wrong with two bytes that follow each other, a bit each. TOO_LONG to CARRY are found by looking
 * at the halves of the first byte and at the high half of the second: wrong is what all three tables say. */
enum {
    TOO_SHORT = 1 << 0,     /* a lead, then something that does not continue it */
    TOO_LONG = 1 << 1,      /* ASCII, then a continuation */
    OVERLONG_3 = 1 << 2,    /* E0, then less than A0 */
    TOO_LARGE = 1 << 3,     /* F4, then more than 8F, or F5 and above */
    SURROGATE = 1 << 4,     /* ED, then more than 9F */
    OVERLONG_2 = 1 << 5,    /* C0 or C1 */
    OVERLONG_4 = 1 << 6,    /* F0, then less than 90; F5 and above then 8x */
    TWO_CONTINUED = 1 << 7, /* two continuations: right only within a longer character */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTINUED
};

/* Not zero in the lanes where `bytes`, which come after `before`, are wrong. */
static inline v128_t check(v128_t bytes, v128_t before) {
    const v128_t first_high =
        wasm_u8x16_const(TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
                         TWO_CONTINUED, TWO_CONTINUED, TWO_CONTINUED, TWO_CONTINUED, TOO_SHORT | OVERLONG_2,
                         TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | OVERLONG_4);
    const v128_t first_low = wasm_u8x16_const(
        CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY, CARRY, CARRY | TOO_LARGE,
        CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
        CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
        CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
        CARRY | TOO_LARGE | OVERLONG_4 | SURROGATE, CARRY | TOO_LARGE | OVERLONG_4,
        CARRY | TOO_LARGE | OVERLONG_4);
    const v128_t second_high =
        wasm_u8x16_const(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
                         TOO_SHORT, TOO_LONG | OVERLONG_2 | TWO_CONTINUED | OVERLONG_3 | OVERLONG_4,
                         TOO_LONG | OVERLONG_2 | TWO_CONTINUED | OVERLONG_3 | TOO_LARGE,
                         TOO_LONG | OVERLONG_2 | TWO_CONTINUED | SURROGATE | TOO_LARGE,
                         TOO_LONG | OVERLONG_2 | TWO_CONTINUED | SURROGATE | TOO_LARGE, TOO_SHORT, TOO_SHORT,
                         TOO_SHORT, TOO_SHORT);
    v128_t one =
        wasm_i8x16_shuffle(before, bytes, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
    v128_t two =
        wasm_i8x16_shuffle(before, bytes, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
    v128_t three =
        wasm_i8x16_shuffle(before, bytes, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
    v128_t wrong = wasm_v128_and(
        wasm_v128_and(wasm_i8x16_swizzle(first_high, wasm_u8x16_shr(one, 4)),
                      wasm_i8x16_swizzle(first_low, wasm_v128_and(one, wasm_i8x16_const_splat(0x0F)))),
        wasm_i8x16_swizzle(second_high, wasm_u8x16_shr(bytes, 4)));
    /* The third byte of a character and the fourth have to be the second of two continuations, and no other
     * may. */
    v128_t third = wasm_u8x16_sub_sat(two, wasm_i8x16_const_splat(0xE0 - 0x80));
    v128_t fourth = wasm_u8x16_sub_sat(three, wasm_i8x16_const_splat(0xF0 - 0x80));
    v128_t inside = wasm_v128_and(wasm_v128_or(third, fourth), wasm_i8x16_const_splat((int8_t)0x80));
    return wasm_v128_xor(wrong, inside);
}

static KERNEL_NOINLINE bool validate(const uint8_t *bytes, size_t size, size_t *characters) {
    v128_t before = wasm_i8x16_const_splat(0), wrong = before;
    size_t count = 0;
    for (; size > 0; bytes += 16) {
        v128_t block = wasm_v128_load(bytes);
        if (size < 16) { /* the rest, and zeros */
            uint8_t rest[16] = {0};
            for (size_t i = 0; i < size; i++) rest[i] = bytes[i];
            block = wasm_v128_load(rest);
            count -= 16 - size;
        }
        if (wasm_v128_any_true(
                wasm_v128_and(wasm_v128_or(block, before), wasm_i8x16_const_splat((int8_t)0x80)))) {
            wrong = wasm_v128_or(wrong, check(block, before));
        }
        v128_t starts =
            wasm_i8x16_gt(block, wasm_i8x16_const_splat(-65)); /* all but continuations, 80 to BF */
        count += (size_t)__builtin_popcount(wasm_i8x16_bitmask(starts));
        before = block;
        size -= size < 16 ? size : 16;
    }
    wrong = wasm_v128_or(wrong, check(wasm_i8x16_const_splat(0), before)); /* nothing may be left open */
    *characters = count;
    return !wasm_v128_any_true(wrong);
}
#else
static KERNEL_NOINLINE bool validate(const uint8_t *bytes, size_t size, size_t *characters) {
    const uint8_t *end = bytes + size;
    size_t count = 0;
    while (bytes < end) {
        uint8_t lead = *bytes++;
        count++;
        if (lead < 0x80) continue;
        size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - bytes) < more) return false;
        /* The second byte has its own limits after some leads. */
        uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (*bytes < low || *bytes > high) return false;
        bytes++;
        for (; more > 1; more--) {
            if ((*bytes++ & 0xC0) != 0x80) return false;
        }
    }
    *characters = count;
    return true;
}
#endif

static int kernel_round(void) {
    /* From the table: the last right ones, and the first wrong ones beside them. */
    static const char *const good[] = {
        "\x7F",         "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2\x7F",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xEF\xBF",
                                      "\xEF\xBF\xC0",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF1\x80\x80",
                                      "\xF1\x80\x80\x80\x80",
                                      "\xFF"};
    size_t characters;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!validate((const uint8_t *)good[i], strlen(good[i]), &characters) || characters != 1) return 1;
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (validate((const uint8_t *)bad[i], strlen(bad[i]), &characters)) return 2;
    }
    if (!validate(text, text_size, &characters) || characters != text_characters) return 3;
    uint8_t kept = text[text_size - 100];
    text[text_size - 100] = 0xFE;
    bool found = !validate(text, text_size, &characters);
    text[text_size - 100] = kept;
    return !found ? 4 : 0;
}
