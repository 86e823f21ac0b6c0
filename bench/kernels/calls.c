/* Functions that call each other and themselves: Takeuchi's (as McCarthy remembered it), Ackermann's, even
 * and odd, and Hofstadter's female and male sequences. */
#include "kernel.h"

#include <math.h>

static void kernel_prepare(void) {}

static KERNEL_NOINLINE int32_t tak(int32_t x, int32_t y, int32_t z) {
    return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static KERNEL_NOINLINE uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

/* Not tail calls: the result is used, and the depth is n. */
static uint32_t odd_steps(uint32_t n);

static KERNEL_NOINLINE uint32_t even_steps(uint32_t n) {
    return n == 0 ? 0 : odd_steps(n - 1) + 2;
}

static KERNEL_NOINLINE uint32_t odd_steps(uint32_t n) {
    return n == 0 ? 1 : even_steps(n - 1) + 2;
}

static uint32_t male(uint32_t n);

static KERNEL_NOINLINE uint32_t female(uint32_t n) {
    return n == 0 ? 1 : n - male(female(n - 1));
}

static KERNEL_NOINLINE uint32_t male(uint32_t n) {
    return n == 0 ? 0 : n - female(male(n - 1));
}

static int kernel_round(void) {
    int32_t x = 18, y = 12, z = 6;
    KERNEL_HIDE(x);
    KERNEL_HIDE(y);
    KERNEL_HIDE(z);
    if (tak(x, y, z) != 7) return 1; /* Gabriel, Performance and Evaluation of Lisp Systems, 1985 */
    uint32_t n = 40;
    KERNEL_HIDE(n);
    if (ackermann(2, n) != 2 * n + 3) return 2; /* A(2, n) = 2 n + 3 */
    if (ackermann(3, n / 10) != (1u << (n / 10 + 3)) - 3) return 3;
    for (n = 396; n < 400; n++) { /* not deeper: some engines stop at 1000 calls */
        if (even_steps(n) != 2 * n + n % 2 || odd_steps(n) != 2 * n + 1 - n % 2) return 4;
    }
    /* Both sequences stay beside (n + 1) over the golden ratio, rounded down, and are one apart at most. */
    double ratio = (sqrt(5) - 1) / 2;
    for (uint32_t i = 0; i < 34; i++) {
        uint32_t f = female(i), m = male(i), line = (uint32_t)((i + 1) * ratio);
        if (f - m > 1 || m > line || f < line) return 5;
    }
    return 0;
}
