/* Counts which two instructions run one after the other, for the choice of pairs.def: included by
 * src/engine/interpreter.c under WPLUG_COUNT_PAIRS (count.sh builds that), and part of no other build. For
 * one thread that runs code: nothing here is atomic.
 *
 * When the process ends, the file that WPLUG_PAIRS_OUT names gets a line `dispatches N` and, of each pair that
 * ran, a line `N FIRST | SECOND`, the steps as pairs.def writes them. */
#ifndef WPLUG_BENCH_COUNT_PAIRS_H
#define WPLUG_BENCH_COUNT_PAIRS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#if WPLUG_DISPATCH != DISPATCH_SWITCH
#error "pairs are counted under the switch scheme"
#endif

/* handlers.def once more, for the steps alone: what is not one step of a family gives nothing. */
#pragma push_macro("ONE")
#undef ONE
#define HANDLER(...)

/* Steps are numbered from 1; 0 is every other handler. */
#define ONE(family, operation, shape, destination) COUNTED(NAME_##family(operation, shape, destination))
#define COUNTED(name)                              COUNTED_OF(name)
#define COUNTED_OF(name)                           COUNTED_##name,
enum {
    NOT_COUNTED,
#include "engine/handlers.def"
    COUNTED_STEPS
};
#undef ONE

typedef struct counted_step {
    const char *text;
    unsigned number;
    unsigned words; /* 0: nothing runs behind it */
} counted_step;

#define ONE(family, operation, shape, destination)                                                           \
    DESCRIBED(NAME_##family(operation, shape, destination),                                                  \
              #family ", " #operation ", " #shape ", " #destination, WORDS_##family(operation, shape))
#define DESCRIBED(...)                  DESCRIBED_OF(__VA_ARGS__)
#define DESCRIBED_OF(name, text, words) [ENGINE_H_##name] = {text, COUNTED_##name, words},
static const counted_step counted_steps[ENGINE_HANDLER_COUNT] = {
#include "engine/handlers.def"
};
#undef ONE

/* Every step that is in a pair now has to be counted. */
#define ONE(family, operation, shape, destination) KNOWN(NAME_##family(operation, shape, destination))
#define KNOWN(name)                                KNOWN_OF(name)
#define KNOWN_OF(name)                             _Static_assert(COUNTED_##name != NOT_COUNTED, #name);
#define PAIRS_OF(...)
#define PAIR(f1, op1, shape1, d1, f2, op2, shape2, d2) ONE(f1, op1, shape1, d1) ONE(f2, op2, shape2, d2)
#include "engine/pairs.def"
#undef PAIR
#undef PAIRS_OF
#undef ONE
#undef HANDLER
#pragma pop_macro("ONE")

static uint64_t dispatches;
static uint64_t pairs_run[COUNTED_STEPS][COUNTED_STEPS];

/* Only what stands right behind the instruction before it could share its handler: no branch's target. */
static inline void count_pair(const engine_word *pc) {
    static const engine_word *behind;
    static unsigned before;
    const counted_step *const step = &counted_steps[pc[0]];
    dispatches++;
    if (pc == behind) pairs_run[before][step->number]++;
    before = step->number;
    behind = step->words ? pc + step->words : NULL;
}

__attribute__((destructor)) static void write_pairs(void) {
    const char *const path = getenv("WPLUG_PAIRS_OUT");
    if (!path) return;
    FILE *const file = fopen(path, "w");
    if (!file) {
        perror(path);
        return;
    }
    const char *texts[COUNTED_STEPS] = {0};
    for (size_t i = 0; i < ENGINE_HANDLER_COUNT; i++) texts[counted_steps[i].number] = counted_steps[i].text;
    fprintf(file, "dispatches %" PRIu64 "\n", dispatches);
    for (size_t first = 1; first < COUNTED_STEPS; first++) {
        for (size_t second = 1; second < COUNTED_STEPS; second++) {
            const uint64_t count = pairs_run[first][second];
            if (count) fprintf(file, "%" PRIu64 " %s | %s\n", count, texts[first], texts[second]);
        }
    }
    if (fclose(file)) perror(path);
}

#endif
