/* What tests ask of the operating system, on each of them. */
#ifndef TESTS_SYSTEM_H
#define TESTS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

size_t system_page_size(void);
/* How many files and the like the process has open; -1 where that cannot be told. */
int system_open_descriptors(void);
/* As pipe(2): read from ends[0] what was written to ends[1]. */
bool system_pipe(int ends[2]);

#endif
