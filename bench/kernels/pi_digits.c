/* Digits of pi with Machin's formula, pi = 16 atan(1/5) - 4 atan(1/239), in fixed point of base 10^9: long
 * division and addition of numbers with many limbs. */
#include "kernel.h"

#define DIGITS 450
#define LIMBS  (DIGITS / 9 + 2) /* one before the point, one to guard against rounding */
#define BASE   1000000000u

typedef struct fixed { /* the highest limb first */
    uint32_t limb[LIMBS];
} fixed;

static void kernel_prepare(void) {}

/* Answers whether anything is left. `from` says how many leading limbs are zero already, and is moved. */
static KERNEL_NOINLINE bool divide(fixed *a, uint32_t by, int *from) {
    uint64_t rest = 0;
    for (int i = *from; i < LIMBS; i++) {
        rest = rest * BASE + a->limb[i];
        a->limb[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    while (*from < LIMBS && a->limb[*from] == 0) ++*from;
    return *from < LIMBS;
}

static KERNEL_NOINLINE void add_quotient(fixed *sum, const fixed *term, uint32_t by, bool subtract,
                                         int from) {
    fixed quotient = *term;
    divide(&quotient, by, &(int){from});
    int32_t carry = 0;
    for (int i = LIMBS - 1; i >= 0 && (i >= from || carry != 0); i--) {
        int64_t limb =
            (int64_t)sum->limb[i] + carry + (subtract ? -(int64_t)quotient.limb[i] : quotient.limb[i]);
        carry = limb < 0 ? -1 : limb >= BASE;
        sum->limb[i] = (uint32_t)(limb - (int64_t)carry * BASE);
    }
}

/* sum += factor atan(1/x), or minus that. */
static KERNEL_NOINLINE void add_arctangent(fixed *sum, uint32_t factor, uint32_t x, bool negative) {
    fixed term = {{factor}};
    int from = 0;
    divide(&term, x, &from);
    for (uint32_t k = 1;; k += 2) {
        add_quotient(sum, &term, k, negative != (k % 4 == 3), from);
        if (!divide(&term, x * x, &from)) break;
    }
}

static int kernel_round(void) {
    fixed pi = {{0}};
    add_arctangent(&pi, 16, 5, false);
    add_arctangent(&pi, 4, 239, true);
    if (pi.limb[0] != 3 || pi.limb[1] != 141592653 || pi.limb[2] != 589793238) return 1;
    /* All limbs but the last, whose end is rounded: expected.py, with another series. */
    uint32_t sum = 0;
    for (int i = 0; i < LIMBS - 1; i++) sum = sum * 31 + pi.limb[i];
    return sum != 3890584453 ? 2 : 0;
}
