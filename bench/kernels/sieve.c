/* The sieve of Eratosthenes over odd numbers, once with a byte and once with a bit a number. */
#include "kernel.h"

#define LIMIT 200000

static uint8_t bytes[LIMIT / 2];
static uint32_t bits[LIMIT / 64 + 1];

static void kernel_prepare(void) {}

static KERNEL_NOINLINE int sieve_bytes(void) {
    memset(bytes, 1, sizeof bytes);
    int count = 1; /* 2 */
    for (uint32_t i = 1; i < LIMIT / 2; i++) {
        if (!bytes[i]) continue;
        count++;
        uint32_t prime = 2 * i + 1;
        for (uint64_t j = (uint64_t)prime * prime / 2; j < LIMIT / 2; j += prime) bytes[j] = 0;
    }
    return count;
}

static KERNEL_NOINLINE int sieve_bits(void) {
    memset(bits, 0, sizeof bits);
    for (uint32_t prime = 3; prime * prime < LIMIT; prime += 2) {
        if (bits[prime / 64] >> prime / 2 % 32 & 1) continue;
        for (uint32_t multiple = prime * prime; multiple < LIMIT; multiple += 2 * prime) {
            bits[multiple / 64] |= 1u << multiple / 2 % 32;
        }
    }
    int count = 0; /* 1 stands in for 2: both are one number */
    for (uint32_t i = 0; i < LIMIT / 64; i++) count += __builtin_popcount(~bits[i]);
    return count;
}

static int kernel_round(void) {
    /* 17984 primes are below 200,000 (expected.py, by trial division). */
    if (sieve_bytes() != 17984) return 1;
    return sieve_bits() != 17984 ? 2 : 0;
}
