/* ChaCha20 (RFC 8439). With vectors, four blocks at a time. */
#include "kernel.h"
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#define SIZE 16384

static uint8_t data[SIZE];

static void kernel_prepare(void) {
    kernel_random_bytes(data, sizeof data, 10);
}

static void set_up(uint32_t state[16], const uint8_t key[32], const uint8_t nonce[12], uint32_t counter) {
    memcpy(state, "expand 32-byte k", 16); /* words are little-endian, as WebAssembly is */
    memcpy(state + 4, key, 32);
    state[12] = counter;
    memcpy(state + 13, nonce, 12);
}

static inline uint32_t rotate(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

static inline void quarter(uint32_t x[16], int a, int b, int c, int d) {
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

static KERNEL_NOINLINE void block(const uint32_t state[16], uint32_t out[16]) {
    uint32_t x[16];
    memcpy(x, state, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter(x, 0, 4, 8, 12), quarter(x, 1, 5, 9, 13), quarter(x, 2, 6, 10, 14), quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15), quarter(x, 1, 6, 11, 12), quarter(x, 2, 7, 8, 13), quarter(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++) out[i] = x[i] + state[i];
}

#ifdef __wasm_simd128__
/* Left by 16 and by 8 bits are whole bytes. */
static inline v128_t rotate16(v128_t x) {
    return wasm_i8x16_shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

static inline v128_t rotate8(v128_t x) {
    return wasm_i8x16_shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}

static inline v128_t rotate_bits(v128_t x, uint32_t n) {
    return wasm_v128_or(wasm_i32x4_shl(x, n), wasm_u32x4_shr(x, 32 - n));
}

static inline void quarter4(v128_t x[16], int a, int b, int c, int d) {
    x[a] = wasm_i32x4_add(x[a], x[b]), x[d] = rotate16(wasm_v128_xor(x[d], x[a]));
    x[c] = wasm_i32x4_add(x[c], x[d]), x[b] = rotate_bits(wasm_v128_xor(x[b], x[c]), 12);
    x[a] = wasm_i32x4_add(x[a], x[b]), x[d] = rotate8(wasm_v128_xor(x[d], x[a]));
    x[c] = wasm_i32x4_add(x[c], x[d]), x[b] = rotate_bits(wasm_v128_xor(x[b], x[c]), 7);
}

/* XORs the four blocks from state[12] on into 256 bytes. Lane i of each vector belongs to block i. */
static KERNEL_NOINLINE void crypt4(const uint32_t state[16], uint8_t *bytes) {
    v128_t start[16], x[16];
    for (int i = 0; i < 16; i++) start[i] = wasm_u32x4_splat(state[i]);
    start[12] = wasm_i32x4_add(start[12], wasm_i32x4_const(0, 1, 2, 3));
    memcpy(x, start, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter4(x, 0, 4, 8, 12), quarter4(x, 1, 5, 9, 13), quarter4(x, 2, 6, 10, 14),
            quarter4(x, 3, 7, 11, 15);
        quarter4(x, 0, 5, 10, 15), quarter4(x, 1, 6, 11, 12), quarter4(x, 2, 7, 8, 13),
            quarter4(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i += 4) { /* four words of each block: a four by four transposition */
        v128_t a = wasm_i32x4_add(x[i], start[i]), b = wasm_i32x4_add(x[i + 1], start[i + 1]);
        v128_t c = wasm_i32x4_add(x[i + 2], start[i + 2]), d = wasm_i32x4_add(x[i + 3], start[i + 3]);
        v128_t ab01 = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), ab23 = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
        v128_t cd01 = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), cd23 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
        v128_t rows[4] = {wasm_i64x2_shuffle(ab01, cd01, 0, 2), wasm_i64x2_shuffle(ab01, cd01, 1, 3),
                          wasm_i64x2_shuffle(ab23, cd23, 0, 2), wasm_i64x2_shuffle(ab23, cd23, 1, 3)};
        for (int row = 0; row < 4; row++) {
            uint8_t *at = bytes + 64 * row + 4 * i;
            wasm_v128_store(at, wasm_v128_xor(wasm_v128_load(at), rows[row]));
        }
    }
}
#endif

static KERNEL_NOINLINE void crypt(uint32_t state[16], uint8_t *bytes, size_t size) {
#ifdef __wasm_simd128__
    for (; size >= 256; bytes += 256, size -= 256, state[12] += 4) crypt4(state, bytes);
#endif
    while (size > 0) {
        uint32_t stream[16];
        block(state, stream);
        state[12]++;
        size_t take = size < 64 ? size : 64;
        size_t i = 0;
        for (; i + 4 <= take; i += 4) {
            uint32_t word;
            memcpy(&word, bytes + i, 4);
            word ^= stream[i / 4];
            memcpy(bytes + i, &word, 4);
        }
        for (; i < take; i++) bytes[i] ^= (uint8_t)(stream[i / 4] >> i % 4 * 8);
        bytes += take, size -= take;
    }
}

static int kernel_round(void) {
    /* RFC 8439, section 2.4.2: the beginning and the end of the ciphertext. */
    static const char sunscreen[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    static const uint8_t nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0x4A};
    static const uint8_t first[16] = {0x6E, 0x2E, 0x35, 0x9A, 0x25, 0x68, 0xF9, 0x80,
                                      0x41, 0xBA, 0x07, 0x28, 0xDD, 0x0D, 0x69, 0x81};
    static const uint8_t last[8] = {0x5E, 0x42, 0x87, 0x4D};
    uint32_t state[16];
    uint8_t key[32], text[114];
    for (uint8_t i = 0; i < 32; i++) key[i] = i;
    memcpy(text, sunscreen, sizeof text);
    set_up(state, key, nonce, 1);
    crypt(state, text, sizeof text);
    if (memcmp(text, first, 16) != 0 || memcmp(text + 110, last, 4) != 0) return 1;

    uint64_t before = kernel_hash(data, SIZE);
    set_up(state, key, nonce, 0xFFFFFFF0); /* the counter overflows on the way */
    crypt(state, data, SIZE);
    /* expected.py, with a ChaCha20 of its own that passes the test of the RFC too. */
    if (kernel_hash(data, SIZE) != UINT64_C(0x9D87F76173738F8F)) return 2;
    set_up(state, key, nonce, 0xFFFFFFF0);
    crypt(state, data, SIZE);
    return kernel_hash(data, SIZE) != before ? 3 : 0;
}
