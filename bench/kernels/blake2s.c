/* BLAKE2s (RFC 7693), with and without a key. */
#include "kernel.h"

#define MESSAGE_SIZE 20000

typedef struct blake2s {
    uint32_t state[8];
    uint64_t counter; /* bytes compressed */
    uint8_t block[64];
    size_t used;
} blake2s;

static const uint32_t initial[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

static const uint8_t sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint8_t message[MESSAGE_SIZE];

static inline uint32_t rotate(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

static inline void mix(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y) {
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 7);
}

static KERNEL_NOINLINE void compress(blake2s *hash, bool last) {
    uint32_t v[16], m[16];
    memcpy(m, hash->block, sizeof m); /* little-endian, as WebAssembly is */
    memcpy(v, hash->state, sizeof hash->state);
    memcpy(v + 8, initial, sizeof initial);
    v[12] ^= (uint32_t)hash->counter;
    v[13] ^= (uint32_t)(hash->counter >> 32);
    if (last) v[14] = ~v[14];
    for (int round = 0; round < 10; round++) {
        const uint8_t *s = sigma[round];
        mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) hash->state[i] ^= v[i] ^ v[i + 8];
}

static KERNEL_NOINLINE void blake2s_update(blake2s *hash, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    while (size > 0) {
        if (hash->used == 64) { /* not before more comes: the last block is compressed as such */
            hash->counter += 64;
            compress(hash, false);
            hash->used = 0;
        }
        size_t take = size < 64 - hash->used ? size : 64 - hash->used;
        memcpy(hash->block + hash->used, from, take);
        from += take, size -= take, hash->used += take;
    }
}

static void blake2s_init(blake2s *hash, const void *key, size_t key_size) {
    memset(hash, 0, sizeof *hash);
    memcpy(hash->state, initial, sizeof initial);
    hash->state[0] ^= 0x01010000 ^ (uint32_t)key_size << 8 ^ 32;
    if (key_size > 0) {
        memcpy(hash->block, key, key_size);
        hash->used = 64;
    }
}

static void blake2s_finish(blake2s *hash, uint8_t digest[32]) {
    hash->counter += hash->used;
    memset(hash->block + hash->used, 0, 64 - hash->used);
    compress(hash, true);
    memcpy(digest, hash->state, 32);
}

static void kernel_prepare(void) {
    kernel_random_bytes(message, sizeof message, 6);
}

static int kernel_round(void) {
    /* RFC 7693, appendix B. */
    static const uint8_t abc[32] = {0x50, 0x8C, 0x5E, 0x8C, 0x32, 0x7C, 0x14, 0xE2, 0xE1, 0xA7, 0x2B,
                                    0xA3, 0x4E, 0xEB, 0x45, 0x2F, 0x37, 0x45, 0x8B, 0x20, 0x9E, 0xD6,
                                    0x3A, 0x29, 0x4D, 0x99, 0x9B, 0x4C, 0x86, 0x67, 0x59, 0x82};
    /* expected.py, with Python's hashlib. */
    static const uint8_t plain[8] = {0x37, 0xA3, 0x37, 0xC3, 0x89, 0x0E, 0xDD, 0x92};
    static const uint8_t keyed[8] = {0x77, 0xF5, 0x93, 0x3E, 0x6D, 0x96, 0x65, 0x21};
    blake2s hash;
    uint8_t digest[32];
    blake2s_init(&hash, NULL, 0);
    blake2s_update(&hash, "abc", 3);
    blake2s_finish(&hash, digest);
    if (memcmp(digest, abc, 32) != 0) return 1;

    blake2s_init(&hash, NULL, 0);
    for (size_t at = 0; at < MESSAGE_SIZE; at += 100) blake2s_update(&hash, message + at, 100);
    blake2s_finish(&hash, digest);
    if (memcmp(digest, plain, 8) != 0) return 2;

    blake2s_init(&hash, "a key of the kernel", 19);
    blake2s_update(&hash, message, MESSAGE_SIZE);
    blake2s_finish(&hash, digest);
    return memcmp(digest, keyed, 8) != 0 ? 3 : 0;
}
