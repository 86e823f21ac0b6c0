/* The runner of the official WebAssembly test suite, on the engine's interface alone.
 *
 *   main.c      options, folders and files, totals
 *   script.c    one script: its modules, instances and commands
 *   values.c    values as the scripts write them, and how results are matched
 *   spectest.c  the suite's host module
 *   run.c       one run of guest code, whole or in slices, on one thread or on two
 *   relay.c     the second thread; no_relay.c where there can be none
 *   wasi.c      files, where the runner itself is WebAssembly
 */
#ifndef WPLUG_TESTS_SPEC_H
#define WPLUG_TESTS_SPEC_H

#include "engine/engine.h"

#include <stdio.h>

typedef struct spec_relay spec_relay;

typedef struct spec_options {
    int64_t slice;      /* fuel of each slice; 0: all at once */
    bool load_only;     /* load modules, run nothing */
    bool verbose;       /* tell every command that did not pass, and why */
    const char *filter; /* run the scripts whose folder/name contains this, or one of these between commas */
    FILE *answers;      /* NULL, or where each run's outcome and fuel go */
    spec_relay *relay;  /* NULL, or where every other slice runs */
} spec_options;

/* Features are counted by the number of their bit; one more for what names none. */
enum { SPEC_FEATURES = 17 };

typedef struct spec_totals {
    uint64_t passed, failed, skipped;
    uint64_t unsupported[SPEC_FEATURES];
} spec_totals;

/* Runs one script and adds to the totals. `label` is folder/name, for messages. False where the script itself
 * cannot be read. */
bool spec_script_run(const spec_options *options, const char *folder, const char *path, const char *label,
                     spec_totals *totals);

/* Reads an argument: its cells, one or two, go to `cells`. Returns how many, 0 where it is no value. */
unsigned spec_read_argument(base_bytes value, uint64_t cells[2]);
/* Whether the cells of a result of that type are what the script expects. */
bool spec_result_matches(base_bytes expected, engine_valtype type, const uint64_t *cells);

/* The suite's host module, made in a store. */
typedef struct spec_host {
    bool pends; /* every function answers ENGINE_HOST_PENDING before it answers */
    bool has_pended;
    engine_extern items[16];
} spec_host;

base_status spec_host_init(spec_host *host, engine_store *store, base_error *error);
bool spec_host_find(const spec_host *host, base_bytes name, engine_extern *out);

/* Runs an exec that was started to its end. An outcome other than finished or trapped means that it does not
 * end. */
engine_outcome spec_run(const spec_options *options, engine_exec *exec);

/* A run on its way. */
typedef struct spec_progress {
    engine_exec *exec;
    int64_t slice;
    uint64_t used; /* fuel, at the last look */
    uint32_t idle; /* slices since it changed */
    engine_outcome outcome;
    bool ended;
} spec_progress;

/* Runs as many slices, or fewer where the run ends. */
void spec_run_slices(spec_progress *run, uint32_t slices);

/* A second thread that runs slices when asked. NULL where there is none to be had. */
spec_relay *spec_relay_new(void);
void spec_relay_free(spec_relay *relay);
/* The same as spec_run_slices, on that thread. */
void spec_relay_run(spec_relay *relay, spec_progress *run, uint32_t slices);

#endif
