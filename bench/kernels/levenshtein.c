/* Levenshtein's edit distance between words: with one row of the table, and suggestions from a list by the
 * smallest distance. */
#include "kernel.h"

#define WORDS    60
#define MAX_SIZE 24

static char words[WORDS][MAX_SIZE + 1];

static void kernel_prepare(void) {
    uint32_t seed = 22;
    for (int i = 0; i < WORDS; i++) {
        uint32_t size = 6 + (kernel_random(&seed) >> 8) % (MAX_SIZE - 5);
        for (uint32_t j = 0; j < size; j++) words[i][j] = (char)('a' + (kernel_random(&seed) >> 8) % 6);
    }
}

static inline uint32_t min(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static KERNEL_NOINLINE uint32_t distance(const char *a, const char *b) {
    uint32_t row[MAX_SIZE + 1], width = (uint32_t)strlen(b);
    for (uint32_t j = 0; j <= width; j++) row[j] = j;
    for (uint32_t i = 0; a[i] != 0; i++) {
        uint32_t diagonal = row[0]; /* the row above, one to the left */
        row[0] = i + 1;
        for (uint32_t j = 0; j < width; j++) {
            uint32_t above = row[j + 1];
            row[j + 1] = min(min(above, row[j]) + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[width];
}

static int kernel_round(void) {
    if (distance("kitten", "sitting") != 3 || distance("", "abc") != 3) return 1; /* everyone's example */
    uint32_t total = 0, nearest_total = 0;
    for (int i = 0; i < WORDS; i++) {
        uint32_t nearest = UINT32_MAX;
        for (int j = 0; j < WORDS; j++) {
            uint32_t d = distance(words[i], words[j]);
            if ((i == j) != (d == 0)) return 2;
            total += d;
            if (i != j) nearest = min(nearest, d);
        }
        nearest_total += nearest;
    }
    /* expected.py, by recursion over prefixes. */
    if (total != 45700) return 3;
    return nearest_total != 496 ? 4 : 0;
}
