/* Sorting numbers in place without a comparator: quicksort with the median of three and insertion sort below
 * 16, and radix sort. Both must agree and keep every element. */
#include "kernel.h"

#define COUNT 6000

static uint32_t input[COUNT], quick[COUNT], radix[COUNT], spare[COUNT];
static uint64_t input_sum, input_mix;

static inline uint64_t mixed(uint32_t x) {
    uint64_t y = (x + UINT64_C(1)) * UINT64_C(0x9E3779B97F4A7C15);
    return y ^ y >> 29;
}

static void kernel_prepare(void) {
    uint32_t seed = 17;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t r = kernel_random(&seed);
        input[i] = i % 3 == 0 ? r % 100 : i % 3 == 1 ? i * 1000 : r; /* equal ones, ascending ones, any */
        input_sum += input[i];
        input_mix += mixed(input[i]);
    }
}

static inline void swap(uint32_t *a, uint32_t *b) {
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static KERNEL_NOINLINE void insertion_sort(uint32_t *a, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint32_t x = a[i];
        size_t at = i;
        for (; at > 0 && a[at - 1] > x; at--) a[at] = a[at - 1];
        a[at] = x;
    }
}

static void quicksort(uint32_t *a, size_t count) {
    while (count > 16) {
        size_t middle = count / 2, last = count - 1;
        if (a[middle] < a[0]) swap(&a[middle], &a[0]);
        if (a[last] < a[0]) swap(&a[last], &a[0]);
        if (a[last] < a[middle]) swap(&a[last], &a[middle]);
        uint32_t pivot = a[middle];
        size_t i = 0, j = last; /* the ends are on their sides already: both searches stop */
        for (;;) {
            do i++;
            while (a[i] < pivot);
            do j--;
            while (a[j] > pivot);
            if (i >= j) break;
            swap(&a[i], &a[j]);
        }
        /* a[0..j] <= pivot <= a[j + 1..]: the shorter part by recursion. */
        size_t left = j + 1;
        if (left < count - left) {
            quicksort(a, left);
            a += left, count -= left;
        } else {
            quicksort(a + left, count - left);
            count = left;
        }
    }
    insertion_sort(a, count);
}

static KERNEL_NOINLINE void radix_sort(uint32_t *a, uint32_t *b, size_t count) {
    for (int shift = 0; shift < 32; shift += 8) {
        uint32_t places[256] = {0}, place = 0;
        for (size_t i = 0; i < count; i++) places[a[i] >> shift & 255]++;
        for (int i = 0; i < 256; i++) {
            uint32_t here = places[i];
            places[i] = place;
            place += here;
        }
        for (size_t i = 0; i < count; i++) b[places[a[i] >> shift & 255]++] = a[i];
        uint32_t *kept = a;
        a = b;
        b = kept;
    }
}

static int kernel_round(void) {
    memcpy(quick, input, sizeof input);
    memcpy(radix, input, sizeof input);
    quicksort(quick, COUNT);
    radix_sort(radix, spare, COUNT);
    uint64_t sum = 0, mix = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (i > 0 && quick[i - 1] > quick[i]) return 1;
        if (quick[i] != radix[i]) return 2;
        sum += quick[i];
        mix += mixed(quick[i]);
    }
    return sum != input_sum || mix != input_mix ? 3 : 0;
}
