/* SHA-256 (FIPS 180-4) of a short and of a long message. */
#include "kernel.h"

#define MESSAGE_SIZE 20000

typedef struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t length; /* in bytes */
} sha256;

static const uint32_t constants[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2};

static inline uint32_t rotate(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

static KERNEL_NOINLINE void compress(uint32_t state[8], const uint8_t *block) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void sha256_init(sha256 *hash) {
    static const uint32_t initial[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                        0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
    memcpy(hash->state, initial, sizeof initial);
    hash->length = 0;
}

static KERNEL_NOINLINE void sha256_update(sha256 *hash, const uint8_t *bytes, size_t size) {
    size_t used = hash->length % 64;
    hash->length += size;
    while (size > 0) {
        size_t take = size < 64 - used ? size : 64 - used;
        memcpy(hash->block + used, bytes, take);
        bytes += take, size -= take, used += take;
        if (used == 64) {
            compress(hash->state, hash->block);
            used = 0;
        }
    }
}

static void sha256_finish(sha256 *hash, uint8_t digest[32]) {
    uint64_t bits = hash->length * 8;
    static const uint8_t padding[64] = {0x80};
    size_t used = hash->length % 64;
    sha256_update(hash, padding, used < 56 ? 56 - used : 120 - used);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_update(hash, length, sizeof length);
    for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - i % 4 * 8));
}

static uint8_t message[MESSAGE_SIZE];

static void kernel_prepare(void) {
    kernel_random_bytes(message, sizeof message, 1);
}

static int kernel_round(void) {
    /* FIPS 180-4's example. */
    static const uint8_t abc[32] = {0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA, 0x41, 0x41, 0x40,
                                    0xDE, 0x5D, 0xAE, 0x22, 0x23, 0xB0, 0x03, 0x61, 0xA3, 0x96, 0x17,
                                    0x7A, 0x9C, 0xB4, 0x10, 0xFF, 0x61, 0xF2, 0x00, 0x15, 0xAD};
    /* expected.py, with Python's hashlib. */
    static const uint8_t expected[8] = {0x6A, 0xFD, 0x70, 0x42, 0x58, 0xDF, 0xEB, 0xF0};
    sha256 hash;
    uint8_t digest[32];
    sha256_init(&hash);
    sha256_update(&hash, (const uint8_t *)"abc", 3);
    sha256_finish(&hash, digest);
    if (memcmp(digest, abc, 32) != 0) return 1;

    sha256_init(&hash);
    for (size_t at = 0; at < MESSAGE_SIZE; at += 1000) sha256_update(&hash, message + at, 1000);
    sha256_finish(&hash, digest);
    return memcmp(digest, expected, sizeof expected) != 0 ? 2 : 0;
}
