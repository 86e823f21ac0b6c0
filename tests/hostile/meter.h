/* An allocator for the embedder's place in tests: counts what it is asked for, fails where it is told to, and knows what was
 * not given back. Any number of threads may use one. */
#ifndef WPLUG_TESTS_METER_H
#define WPLUG_TESTS_METER_H

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct meter {
    atomic_long count;  /* requests so far: allocations, and changes of size */
    long fail_at;       /* that one fails, counted from 1; 0: none */
    long fail_for;      /* how many in a row fail then; 0: just that one */
    atomic_long blocks; /* that are out, */
    atomic_size_t bytes;
} meter;

/* A block always moves, so that whoever goes on with the old one is found out. */
static inline void *metered_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    meter *self = user;
    if (new_size > 0) {
        long past = atomic_fetch_add(&self->count, 1) + 1 - self->fail_at;
        if (self->fail_at > 0 && past >= 0 && (past == 0 || past < self->fail_for)) return NULL;
    }
    void *fresh = NULL;
    if (new_size > 0) {
        fresh = malloc(new_size);
        if (!fresh) abort();
        atomic_fetch_add(&self->blocks, 1);
        atomic_fetch_add(&self->bytes, new_size);
    }
    if (pointer) {
        if (fresh) memcpy(fresh, pointer, old_size < new_size ? old_size : new_size);
        atomic_fetch_sub(&self->blocks, 1);
        atomic_fetch_sub(&self->bytes, old_size);
        free(pointer);
    }
    return fresh;
}

#endif
