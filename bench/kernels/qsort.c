/* The C library's qsort and bsearch, which know elements only by size and comparator. */
#include "kernel.h"

#define COUNT 1500

typedef struct entry {
    double key;
    uint32_t value;
} entry;

static entry input[COUNT], entries[COUNT];
static uint32_t value_sum;

static void kernel_prepare(void) {
    uint32_t seed = 19;
    for (uint32_t i = 0; i < COUNT; i++) {
        input[i].key = (double)(int32_t)kernel_random(&seed) / 3;
        input[i].value = i;
        value_sum += i;
    }
}

static int compare(const void *left, const void *right) {
    double a = ((const entry *)left)->key, b = ((const entry *)right)->key;
    return (a > b) - (a < b);
}

static int kernel_round(void) {
    memcpy(entries, input, sizeof input);
    qsort(entries, COUNT, sizeof *entries, compare);
    uint32_t sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (i > 0 && entries[i - 1].key > entries[i].key) return 1;
        if (entries[i].key != input[entries[i].value].key) return 2;
        sum += entries[i].value;
    }
    if (sum != value_sum) return 3;
    for (size_t i = 0; i < COUNT; i += 3) {
        const entry *found = bsearch(&input[i], entries, COUNT, sizeof *entries, compare);
        if (found == NULL || found->key != input[i].key) return 4;
    }
    return 0;
}
