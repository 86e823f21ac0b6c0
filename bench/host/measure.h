/* What the programs that measure the host share: how they stop, their clocks and statistics, what the system
 * says of the process, and an allocator that counts. They see the public header and nothing else of wplug. */
#ifndef WPLUG_BENCH_MEASURE_H
#define WPLUG_BENCH_MEASURE_H

#include <wplug/wplug.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_WRONG = 1, EXIT_USAGE = 2 };

/* A measurement in which something is wrong has no result. */
_Noreturn void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *allocate(size_t count, size_t size); /* zeroed, never NULL */
uint64_t number(const char *text);         /* at least 1 */

/* The processor time of the process, or of the calling thread: what others do meanwhile is not in it. */
uint64_t cpu_ns(void);
uint64_t thread_cpu_ns(void);

/* ---- Statistics ---- */

typedef struct samples {
    uint64_t *values;
    size_t count, capacity;
} samples;

void samples_init(samples *s, size_t capacity);
void samples_add(samples *s, uint64_t value); /* no more than `capacity` */
void samples_free(samples *s);
uint64_t samples_at(samples *s, double share); /* 0 the least, 0.5 the median, 1 the most */

/* One line of output: a word and a number. */
void print(const char *word, uint64_t value);

/* A round of calls on so many threads, as NAME_rate, calls a second on the clock; NAME_cpu, nanoseconds of processor
 * time for each; and NAME_share, how much of the time on the clock the threads had a processor, in thousandths. */
void print_rate(const char *name, unsigned threads, uint64_t calls, uint64_t cpu, uint64_t wall);

void sleep_ms(uint64_t ms);

/* ---- The process ---- */

size_t resident_bytes(void);   /* /proc/self/statm */
size_t page_table_bytes(void); /* VmPTE: memory too, and of many small mappings a large part of it */
unsigned descriptor_count(void);

/* ---- Memory ---- */

typedef struct counted {
    size_t now, most; /* bytes given out */
} counted;

wplug_allocator counting_allocator(counted *count);

/* ---- wplug ---- */

/* `allocator` may be NULL. */
wplug_plugin *load(const char *path, const wplug_allocator *allocator);
wplug_runtime *new_runtime(const wplug_allocator *allocator);

/* Calls a method and insists on how that ends, and on the answer, where one is given. Gives the result's time
 * until the answer. */
uint64_t call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method, const char *params,
              wplug_status status, const char *answer);

/* The host method that many_echo calls: answers with its params. `user` is a size_t that counts. */
void echo(void *user, wplug_request *request);

#endif
