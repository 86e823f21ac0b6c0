/* Allocations that fail when a test wants them to. */
#ifndef TESTS_PDK_MEMORY_H
#define TESTS_PDK_MEMORY_H

#include <stddef.h>

/* The allocation after `count` more fails, once; or all from then on. */
void memory_fail_one_after(size_t count);
void memory_fail_all_after(size_t count);

/* Back to normal. Returns whether any allocation failed. */
int memory_stop_failing(void);

#endif
