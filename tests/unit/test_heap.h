/* An allocator for tests: counts what is outstanding, checks the sizes that come back, and fails on command.
 */
#ifndef WPLUG_TESTS_UNIT_TEST_HEAP_H
#define WPLUG_TESTS_UNIT_TEST_HEAP_H

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

typedef struct test_heap {
    base_allocator allocator; /* give this to what is tested */
    size_t bytes;             /* outstanding */
    size_t blocks;            /* outstanding */
    size_t requests;          /* allocations and growths asked for so far */
    size_t fail_at;           /* this request fails, counted from 1; 0: none does */
    bool fail_on;             /* so do all after it */
    bool wrong_size;          /* a block came back with another size than it was asked for with */
} test_heap;

enum { TEST_HEAP_HEADER = 16 };

static inline void *test_heap_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    test_heap *heap = user;
    uint8_t *block = pointer ? (uint8_t *)pointer - TEST_HEAP_HEADER : NULL;
    size_t known = 0;
    if (block) memcpy(&known, block, sizeof known);
    if (known != old_size) heap->wrong_size = true;
    if (new_size > 0) {
        heap->requests++;
        if (heap->fail_at > 0 &&
            (heap->requests == heap->fail_at || (heap->fail_on && heap->requests > heap->fail_at)))
            return NULL;
    }
    heap->bytes += new_size - known;
    if (new_size == 0) {
        if (block) heap->blocks--;
        free(block);
        return NULL;
    }
    /* Always to another place, so that a stale pointer is caught under the sanitizer. */
    uint8_t *moved = malloc(TEST_HEAP_HEADER + new_size);
    if (!moved) abort();
    memset(moved + TEST_HEAP_HEADER, 0xA5, new_size);
    memcpy(moved, &new_size, sizeof new_size);
    if (block)
        memcpy(moved + TEST_HEAP_HEADER, pointer, known < new_size ? known : new_size);
    else
        heap->blocks++;
    free(block);
    return moved + TEST_HEAP_HEADER;
}

static inline void test_heap_init(test_heap *heap) {
    memset(heap, 0, sizeof *heap);
    heap->allocator = (base_allocator){test_heap_resize, heap};
}

/* Whether all came back, and rightly. */
static inline bool test_heap_clean(const test_heap *heap) {
    return heap->bytes == 0 && heap->blocks == 0 && !heap->wrong_size;
}

#endif
