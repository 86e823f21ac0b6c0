/* Runs benchmark kernels on the prototype of the window design: `wplug_window --help`. */
#include "window.h"

#include "base/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char help[] =
    "usage: wplug_window run window KERNEL.wasm ROUNDS REPEATS [SLICE]\n"
    "       wplug_window profile KERNEL.wasm ROUNDS PROFILE\n"
    "       wplug_window list\n"
    "\n"
    "run      calls run(1) once, then run(ROUNDS) REPEATS times, in slices of SLICE units where that is "
    "given, and prints\n"
    "         a line each time: run NANOSECONDS, and once: fuel UNITS, those of one call.\n"
    "profile  calls run(1) and run(ROUNDS) without fused handlers, and writes what ran to PROFILE, for "
    "generate.py.\n"
    "\n"
    "Exits with 1 where a call gives anything but 0, or traps; with 3 where the prototype lacks what the "
    "kernel needs.\n";

static _Noreturn void stop(int status, const char *reason) {
    fprintf(stderr, "%s: %s\n", status == 3 ? "unsupported" : "wplug_window", reason);
    exit(status);
}

static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool resolve_nothing(void *user, const engine_import *import, engine_extern *out) {
    return false;
}

typedef struct guest {
    window_exec ex;
    uint32_t run;
    uint64_t fuel_used;
} guest;

static void load(guest *g, const char *path) {
    enum { STACK_SLOTS = 131072, DEPTH = 100000 }; /* the engine's defaults */
    base_error error;
    base_buffer bytes;
    engine_module *module;
    engine_store *store;
    engine_extern function;
    base_buffer_init(&bytes, NULL);
    if (os_read_file(path, UINT32_MAX, &bytes, &error) != BASE_OK) stop(1, error.message);
    if (engine_module_load(NULL, base_buffer_bytes(&bytes), engine_features_available(), &module, &error) !=
            BASE_OK ||
        engine_store_new(NULL, NULL, &store) != BASE_OK)
        stop(1, error.message);
    window_exec *ex = &g->ex;
    if (engine_instantiate(store, module, resolve_nothing, NULL, &ex->instance, NULL, &error) != BASE_OK)
        stop(3, error.message);
    if (!engine_instance_export(ex->instance, base_bytes_from_text("run"), &function, NULL) ||
        module->has_start)
        stop(3, "a module that is no kernel");
    g->run = engine_token_func(function.func);
    ex->globals = ex->instance->global_cells;
    ex->token_base = engine_token(ex->instance->id, 0) - 1;
    ex->fp = calloc(STACK_SLOTS, 8);
    ex->funcs = calloc(module->func_count, sizeof *ex->funcs);
    if (!ex->fp || !ex->funcs) stop(1, "no memory");
    ex->stack_end = ex->fp + STACK_SLOTS;
    ex->depth = DEPTH;
    for (uint32_t i = 0; i < module->func_count; i++) {
        window_func *func = &ex->funcs[i];
        *func = (window_func){(const uint8_t *)&func->stub, window_handler_word(WINDOW_TRANSLATE),
                              module->funcs[i].canonical, &module->funcs[i]};
    }
}

/* Calls run(rounds), checks its result, and answers the time. */
static uint64_t time_run(guest *g, uint32_t rounds, int64_t slice) {
    window_exec *ex = &g->ex;
    const uint64_t finish[2] = {
        0, window_handler_word(WINDOW_FINISH)}; /* the distance between frames, then code */
    const uint64_t begin = cpu_ns();
    ex->fp[0] = rounds;
    ex->integers[0] = (uint64_t)(uintptr_t)&finish[1];
    ex->pc = ex->funcs[g->run].entry;
    ex->fuel = 0;
    int64_t granted = 0;
    do {
        ex->fuel += slice;
        granted += slice;
        window_run(ex);
    } while (ex->outcome == WINDOW_OUT_OF_FUEL);
    const uint64_t end = cpu_ns();
    if (ex->outcome == WINDOW_TRAPPED) stop(1, engine_trap_text(ex->trap));
    if ((uint32_t)ex->result != 0) stop(1, "a wrong result");
    g->fuel_used = (uint64_t)(granted - ex->fuel);
    return end - begin;
}

static uint32_t number(const char *text) {
    char *end;
    const long long value = strtoll(text, &end, 10);
    if (*end != '\0' || value < 1 || value > INT32_MAX) stop(2, "a number above 0 is wanted");
    return (uint32_t)value;
}

int main(int argc, char **argv) {
    static guest g;
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "run") == 0 && (argc == 6 || argc == 7)) {
        const int64_t slice = argc == 7 ? number(argv[6]) : INT64_MAX / 4;
        load(&g, argv[3]);
        time_run(&g, 1, slice);
        for (uint32_t repeats = number(argv[5]); repeats; repeats--)
            printf("run %" PRIu64 "\n", time_run(&g, number(argv[4]), slice));
        printf("fuel %" PRIu64 "\n", g.fuel_used);
    } else if (strcmp(command, "profile") == 0 && argc == 5) {
        window_profiling = true;
        load(&g, argv[2]);
        time_run(&g, 1, INT64_MAX / 4);
        time_run(&g, number(argv[3]), INT64_MAX / 4);
        window_write_profile(argv[4]);
    } else if (strcmp(command, "list") == 0) {
        printf("window\tprototype\tclang, tail calls, fuel\n");
    } else {
        fputs(help, stderr);
        return 2;
    }
    return 0;
}
