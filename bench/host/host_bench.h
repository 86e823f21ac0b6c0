/* The measurements of host_bench that are large enough for a file of their own. Each prints a word and a
 * number a line. */
#ifndef WPLUG_BENCH_HOST_BENCH_H
#define WPLUG_BENCH_HOST_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Many calls that sleep at the same time: suspended.c. */
void measure_suspended(const char *plugin_path, size_t count);
/* Calls per second on one thread and on two: threads.c. */
void measure_threads(const char *plugin_path, uint64_t round_ms, size_t rounds);
/* The same through a pool: pool.c. */
void measure_pool(const char *plugin_path, uint64_t round_ms, size_t rounds);
/* The same in one process and in two: apart.c. */
void measure_apart(const char *plugin_path, uint64_t round_ms, size_t rounds);
/* Whether many calls of all kinds leave something behind: soak.c. */
void measure_soak(const char *test_plugin_path, const char *bench_plugin_path, size_t calls);

#endif
