/* Sorting records with a comparator that the caller brings: a stable merge sort of pointers, three times, the
 * most important key last. */
#include "kernel.h"

#define COUNT 1500

typedef struct record {
    char name[16];
    double score;
    uint32_t year;
    uint32_t place; /* in the input */
} record;

typedef int comparator(const record *a, const record *b);

static record records[COUNT];
static const record *sorted[COUNT], *spare[COUNT];

static void kernel_prepare(void) {
    uint32_t seed = 18;
    for (uint32_t i = 0; i < COUNT; i++) {
        record *r = &records[i];
        for (int letter = 0; letter < 5; letter++)
            r->name[letter] = (char)('a' + (kernel_random(&seed) >> 8) % 4);
        r->score = (double)((kernel_random(&seed) >> 8) % 50) / 8;
        r->year = 1970 + (kernel_random(&seed) >> 8) % 40;
        r->place = i;
    }
}

static int by_name(const record *a, const record *b) {
    return strcmp(a->name, b->name);
}

static int by_score(const record *a, const record *b) {
    return a->score < b->score ? 1 : a->score > b->score ? -1 : 0; /* high ones first */
}

static int by_year(const record *a, const record *b) {
    return a->year < b->year ? -1 : a->year > b->year;
}

/* Runs are doubled from bottom to top; `from` and `to` change their parts each time. */
static KERNEL_NOINLINE void merge_sort(const record **from, const record **to, size_t count,
                                       comparator *compare) {
    const record **result = from;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            size_t middle = start + run < count ? start + run : count;
            size_t end = middle + run < count ? middle + run : count;
            size_t left = start, right = middle;
            for (size_t out = start; out < end; out++) {
                bool take_left = left < middle && (right >= end || compare(from[left], from[right]) <= 0);
                to[out] = take_left ? from[left++] : from[right++];
            }
        }
        const record **kept = from;
        from = to;
        to = kept;
    }
    if (from != result) memcpy(result, from, count * sizeof *from);
}

static int kernel_round(void) {
    static comparator *const order[] = {by_name, by_score, by_year};
    static bool seen[COUNT];
    for (size_t i = 0; i < COUNT; i++) sorted[i] = &records[i];
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) merge_sort(sorted, spare, COUNT, order[i]);
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < COUNT; i++) {
        if (seen[sorted[i]->place]) return 1;
        seen[sorted[i]->place] = true;
        if (i == 0) continue;
        const record *a = sorted[i - 1], *b = sorted[i];
        if (a->year > b->year) return 2;
        if (a->year == b->year && a->score < b->score) return 3;
        if (a->year == b->year && a->score == b->score) {
            int names = strcmp(a->name, b->name);
            if (names > 0) return 4;
            if (names == 0 && a->place > b->place) return 5; /* not stable */
        }
    }
    return 0;
}
