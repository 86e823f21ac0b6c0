/* What the kernels share: the frame around their rounds, and numbers to work on.
 *
 * A kernel is one file that includes this header and defines
 *     kernel_prepare    makes the input, once; not part of what is measured
 *     kernel_round      does the work once, checks its result, and answers 0 or a small number that says what was wrong
 * For WebAssembly the frame is the export `run`. Anywhere else it is a program, so that a kernel's own check can be tried
 * without an engine: cc -O2 NAME.c -lm && ./a.out ROUNDS */
#ifndef WPLUG_KERNEL_H
#define WPLUG_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void kernel_prepare(void);
static int kernel_round(void);

/* For functions that would be functions in a larger program too. */
#define KERNEL_NOINLINE __attribute__((noinline))

/* The compiler has to take the integer `x` for unknown from here on: without this it would work out some
 * results itself. */
#define KERNEL_HIDE(x) __asm__ volatile("" : "+r"(x))

/* Marsaglia's xorshift with 32 bits of state. expected.py has the same, so that it can make the same inputs. */
static inline uint32_t kernel_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static inline void kernel_random_bytes(uint8_t *bytes, size_t size, uint32_t seed) {
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(kernel_random(&seed) >> 24);
}

static inline uint64_t kernel_read_64(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8); /* little-endian, as WebAssembly is */
    return word;
}

static inline uint64_t kernel_rotate_64(uint64_t x, int n) {
    return x << n | x >> (64 - n);
}

/* A quick hash of a result, `size` a multiple of 8: FNV-1a's step with words instead of bytes. expected.py
 * has it too. */
static inline uint64_t kernel_hash(const void *bytes, size_t size) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i += 8)
        hash = (hash ^ kernel_read_64((const uint8_t *)bytes + i)) * UINT64_C(0x100000001B3);
    return hash;
}

#ifdef __wasm__
__attribute__((export_name("run")))
#endif
int run(int rounds);

int run(int rounds) {
    static bool prepared;
    if (!prepared) {
        kernel_prepare();
        prepared = true;
    }
    for (int i = 0; i < rounds; i++) {
        int wrong = kernel_round();
        if (wrong != 0) return wrong;
        __asm__ volatile("" ::: "memory"); /* the next round may not reuse what this one worked out */
    }
    return 0;
}

#ifndef __wasm__
#include <stdio.h>

int main(int argc, char **argv) {
    int wrong = run(argc > 1 ? atoi(argv[1]) : 1);
    if (wrong != 0) fprintf(stderr, "%s: wrong result (%d)\n", argv[0], wrong);
    return wrong != 0;
}
#endif
#endif
