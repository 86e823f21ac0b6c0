/* RSA's arithmetic: powers modulo a number of 512 bits by Montgomery's multiplication, with 32-bit limbs and
 * 64-bit products. */
#include "kernel.h"

#define LIMBS 16

typedef struct number { /* the lowest limb first */
    uint32_t limb[LIMBS];
} number;

typedef struct field {
    number modulus;     /* odd */
    uint32_t inverse;   /* -1 / modulus modulo 2^32 */
    number one, square; /* 2^512 and 2^1024, modulo the modulus */
} field;

static field rsa;
static number message, modulus;

static int compare(const number *a, const number *b) {
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    }
    return 0;
}

/* Answers the borrow. */
static KERNEL_NOINLINE uint32_t subtract(number *a, const number *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t difference = (uint64_t)a->limb[i] - b->limb[i] - borrow;
        a->limb[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return (uint32_t)borrow;
}

/* a = 2 a modulo the modulus. */
static KERNEL_NOINLINE void twice(number *a, const number *m) {
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t limb = a->limb[i];
        a->limb[i] = limb << 1 | carry;
        carry = limb >> 31;
    }
    if (carry || compare(a, m) >= 0) subtract(a, m);
}

/* out = a b / 2^512 modulo the modulus; out may be a or b. */
static KERNEL_NOINLINE void multiply(const field *f, const number *a, const number *b, number *out) {
    uint32_t t[LIMBS + 2] = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            carry += (uint64_t)a->limb[j] * b->limb[i] + t[j];
            t[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS] = (uint32_t)carry;
        t[LIMBS + 1] = (uint32_t)(carry >> 32);
        uint32_t m = t[0] * f->inverse; /* t + m modulus is a multiple of 2^32 */
        carry = ((uint64_t)m * f->modulus.limb[0] + t[0]) >> 32;
        for (int j = 1; j < LIMBS; j++) {
            carry += (uint64_t)m * f->modulus.limb[j] + t[j];
            t[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS - 1] = (uint32_t)carry;
        t[LIMBS] = t[LIMBS + 1] + (uint32_t)(carry >> 32);
    }
    memcpy(out, t, sizeof *out);
    if (t[LIMBS] != 0 || compare(out, &f->modulus) >= 0) subtract(out, &f->modulus);
}

static void field_init(field *f, const number *m) {
    f->modulus = *m;
    uint32_t inverse = 1;
    for (int i = 0; i < 5; i++) inverse *= 2 - m->limb[0] * inverse; /* Newton: doubles the right bits */
    f->inverse = 0 - inverse;
    memset(&f->one, 0, sizeof f->one);
    f->one.limb[0] = 1;
    for (int i = 0; i < 32 * LIMBS; i++) twice(&f->one, m);
    f->square = f->one;
    for (int i = 0; i < 32 * LIMBS; i++) twice(&f->square, m);
}

/* Four bits of the exponent at a time. */
static KERNEL_NOINLINE void power(const field *f, const number *base, const number *exponent, number *out) {
    number powers[16], result = f->one;
    powers[0] = f->one;
    multiply(f, base, &f->square, &powers[1]);
    for (int i = 2; i < 16; i++) multiply(f, &powers[i - 1], &powers[1], &powers[i]);
    for (int bit = 32 * LIMBS - 4; bit >= 0; bit -= 4) {
        for (int i = 0; i < 4; i++) multiply(f, &result, &result, &result);
        multiply(f, &result, &powers[exponent->limb[bit / 32] >> bit % 32 & 15], &result);
    }
    number plain_one = {{1}};
    multiply(f, &result, &plain_one, out);
}

static void kernel_prepare(void) {
    uint32_t seed = 24;
    for (int i = 0; i < LIMBS; i++) modulus.limb[i] = kernel_random(&seed);
    for (int i = 0; i < LIMBS; i++) message.limb[i] = kernel_random(&seed);
    modulus.limb[0] |= 1;
    modulus.limb[LIMBS - 1] |= 0x80000000;
    message.limb[LIMBS - 1] &= 0x7FFFFFFF;
}

static int kernel_round(void) {
    number result;
    field_init(&rsa, &modulus);
    power(&rsa, &message, &message, &result);
    /* expected.py, with Python's pow. */
    return kernel_hash(&result, sizeof result) != UINT64_C(0x8E9E401D60C8A342);
}
