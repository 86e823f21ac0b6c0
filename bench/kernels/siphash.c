/* SipHash-2-4 (Aumasson and Bernstein): 64-bit arithmetic, on many short keys and on one long message. */
#include "kernel.h"

#define MESSAGE_SIZE 32000
#define SHORT_KEYS   1500

static uint8_t message[MESSAGE_SIZE];

typedef struct siphash {
    uint64_t v0, v1, v2, v3;
} siphash;

static inline void rounds(siphash *s, int count) {
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1, s->v2 += s->v3;
        s->v1 = kernel_rotate_64(s->v1, 13) ^ s->v0, s->v3 = kernel_rotate_64(s->v3, 16) ^ s->v2;
        s->v0 = kernel_rotate_64(s->v0, 32);
        s->v2 += s->v1, s->v0 += s->v3;
        s->v1 = kernel_rotate_64(s->v1, 17) ^ s->v2, s->v3 = kernel_rotate_64(s->v3, 21) ^ s->v0;
        s->v2 = kernel_rotate_64(s->v2, 32);
    }
}

static KERNEL_NOINLINE uint64_t siphash24(const uint8_t key[16], const uint8_t *bytes, size_t size) {
    uint64_t k0 = kernel_read_64(key), k1 = kernel_read_64(key + 8);
    siphash s = {k0 ^ UINT64_C(0x736F6D6570736575), k1 ^ UINT64_C(0x646F72616E646F6D),
                 k0 ^ UINT64_C(0x6C7967656E657261), k1 ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)size << 56;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word = kernel_read_64(bytes);
        s.v3 ^= word;
        rounds(&s, 2);
        s.v0 ^= word;
    }
    for (size_t i = 0; i < size; i++) last |= (uint64_t)bytes[i] << 8 * i;
    s.v3 ^= last;
    rounds(&s, 2);
    s.v0 ^= last;
    s.v2 ^= 0xFF;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static void kernel_prepare(void) {
    kernel_random_bytes(message, sizeof message, 7);
}

static int kernel_round(void) {
    static const uint8_t counting[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    /* The paper's example (appendix A), and the first of the vectors that come with the reference. */
    if (siphash24(counting, counting, 15) != UINT64_C(0xA129CA6149BE45E5)) return 1;
    if (siphash24(counting, counting, 0) != UINT64_C(0x726FDB47DD0E0E31)) return 2;
    /* expected.py, with a SipHash of its own that gives these two as well. */
    if (siphash24(message, message, MESSAGE_SIZE) != UINT64_C(0xD1C4B85B264C60B3)) return 3;
    uint64_t sum = 0;
    for (int i = 0; i < SHORT_KEYS; i++) sum += siphash24(counting, message + i * 20, (size_t)i % 20);
    return sum != UINT64_C(0xF97167E27D32A4B2) ? 4 : 0;
}
