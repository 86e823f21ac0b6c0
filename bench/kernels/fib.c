/* Fibonacci numbers the slow way: calls, and next to nothing between them. */
#include "kernel.h"

static void kernel_prepare(void) {}

static KERNEL_NOINLINE uint32_t fibonacci(uint32_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static int kernel_round(void) {
    uint32_t n = 24;
    KERNEL_HIDE(n);
    return fibonacci(n) != 46368; /* OEIS A000045 */
}
