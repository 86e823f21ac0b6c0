/* A made-up host and operating system for plugins that run natively in a test: the functions of pdk.h that
 * os_wasi.c has in a real plugin. Time passes only where the plugin waits, so nothing here depends on the machine.
 *
 *     world_begin();
 *     world_send("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}\n");
 *     assert_int_equal(world_run(register_methods), 0);
 *     assert_string_equal(world_output(), "{...}\n");
 *     world_end();
 *
 * Where a plugin waits for input and nothing is on its way, standard input ends; world_was_starved tells. */
#ifndef TESTS_PDK_WORLD_H
#define TESTS_PDK_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How this host treats reads that find nothing. */
typedef enum world_kind {
    WORLD_READS_WAIT,  /* wplug: a read waits; a poll can wait for input and time */
    WORLD_READS_AGAIN, /* wplug with that option: a read says EAGAIN; a poll waits */
    WORLD_CLOCKS_ONLY  /* the Rust host: a read says EAGAIN, a poll takes clocks alone */
} world_kind;

void world_begin(void);
void world_end(void);

void world_is(world_kind kind);
void world_read_at_most(size_t bytes); /* in one read */

/* Puts text on standard input: now, or when the clock has got that much further. */
void world_send(const char *text);
void world_send_bytes(const void *bytes, size_t size);
void world_send_after(uint64_t milliseconds, const char *text);

/* Called with each whole line that the plugin writes to standard output, without its line end, zero-terminated. */
void world_on_line(void (*on_line)(const char *line));

/* Runs a plugin called "test", version "1.0", to its end; gives its exit code. */
int world_run(void (*register_methods)(void));

/* Runs a plugin by its main function, which the test's build has given another name. */
int world_run_main(int (*main_function)(void));

const char *world_output(void); /* all of standard output */
const char *world_log(void);    /* all of standard error */
size_t world_log_writes(void);
uint64_t world_now_ms(void); /* since world_begin */
bool world_was_starved(void);
size_t world_reads(void);
size_t world_clock_reads(void);
size_t world_random_reads(void);
size_t world_pauses(void); /* sleeps and yields */

/* Trouble. */
void world_fail_reads(void);
void world_fail_writes(void); /* to standard output */
void world_fail_random(void); /* world_run then returns the code that the plugin exits with */
void world_environment(const char *name, const char *value);
void world_random_is(const uint64_t *numbers, size_t count); /* what randomness gives, in turn */

#endif
