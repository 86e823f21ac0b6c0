/* Owns the C library's allocation functions, by way of the linker's --wrap. */
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static struct {
    bool armed, all, failed;
    size_t left;
} memory;

static void arm(size_t count, bool all) {
    memory.armed = true;
    memory.all = all;
    memory.failed = false;
    memory.left = count;
}

void memory_fail_one_after(size_t count) {
    arm(count, false);
}

void memory_fail_all_after(size_t count) {
    arm(count, true);
}

int memory_stop_failing(void) {
    memory.armed = false;
    return memory.failed;
}

static bool fails_now(void) {
    if (!memory.armed) return false;
    if (memory.left > 0) {
        memory.left--;
        return false;
    }
    bool fails = memory.all || !memory.failed;
    memory.failed = memory.failed || fails;
    return fails;
}

void *__wrap_malloc(size_t size) {
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size) {
    return fails_now() ? NULL : __real_realloc(pointer, size);
}
