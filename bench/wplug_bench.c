/* Runs benchmark kernels and loads modules on the engine, with the command line of the program in peers/, and
 * measures what only this engine has: suspending a run, translating functions one by one, and a plugin without its
 * host. One process is
 * one measurement; engine.py starts them in turn. */
#include "base/os.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const char help[] =
    "usage: wplug_bench run wplug KERNEL.wasm ROUNDS REPEATS\n"
    "       wplug_bench load wplug MODULE.wasm REPEATS\n"
    "       wplug_bench suspend KERNEL.wasm ROUNDS SLICE REPEATS\n"
    "       wplug_bench translate MODULE.wasm REPEATS\n"
    "       wplug_bench replay PLUGIN.wasm LINES REPEATS\n"
    "       wplug_bench list\n"
    "\n"
    "run        calls run(1) once, then run(ROUNDS) REPEATS times, and prints a line each time: run "
    "NANOSECONDS, and\n"
    "           once: fuel UNITS, those of one call. Exits with 1 where a call gives anything but 0, or "
    "traps.\n"
    "load       prints, REPEATS times: load NANOSECONDS, from bytes to ready to instantiate. Then once: "
    "memory\n"
    "           BYTES, what the loaded module holds as the difference of what malloc has given out (uordblks "
    "and\n"
    "           hblkhd of mallinfo2). Then, REPEATS times: first NANOSECONDS, from ready to instantiate to "
    "the\n"
    "           end of a call of _initialize or _start, where the module has one of them.\n"
    "suspend    prints, REPEATS times: whole NANOSECONDS, run(ROUNDS) without a stop, and: sliced "
    "NANOSECONDS, the same\n"
    "           in slices of SLICE units. Then once: suspensions NUMBER, those of one sliced call.\n"
    "translate  starts each exported function and stops it at its entry, which translates it, and prints, "
    "REPEATS\n"
    "           times: translate NANOSECONDS, and: again NANOSECONDS, the same once more with nothing to "
    "translate.\n"
    "           Then once: functions NUMBER.\n"
    "replay     runs _start, which gets the file LINES on standard input, a line with each read, and prints, "
    "REPEATS times:\n"
    "           run NANOSECONDS. Then once: fuel UNITS, those of one run, and: writes NUMBER, "
    "to standard output.\n"
    "list       prints how this program was built.\n"
    "\n"
    "Times are processor time. Exits with 3, and says `unsupported: ...`, where the engine lacks what the "
    "module needs.\n";

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_UNSUPPORTED = 3 };

static _Noreturn void stop(int status, const char *reason) {
    fprintf(stderr, "%s: %s\n", status == EXIT_UNSUPPORTED ? "unsupported" : "wplug_bench", reason);
    exit(status);
}

/* The processor time of this process: what another process does meanwhile is not in it. */
static uint64_t cpu_ns(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        stop(EXIT_WRONG, "there is no clock for processor time");
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void check(base_status status, const base_error *error) {
    if (status == BASE_UNSUPPORTED || status == BASE_UNLINKABLE) stop(EXIT_UNSUPPORTED, error->message);
    if (status != BASE_OK) stop(EXIT_WRONG, error ? error->message : "no memory");
}

/* ---- Imports -------------------------------------------------------------------------------------------
 * wasi_snapshot_preview1 in which nothing happens; the answers are those of peers/src/preview1.rs. */

enum { WASI_SUCCESS = 0, WASI_EBADF = 8, WASI_EFAULT = 21, WASI_ENOSYS = 52 };

typedef uint32_t (*import_fn)(engine_memory *memory, const uint64_t *args);

typedef struct import_entry {
    const char *name, *params;
    import_fn function;
} import_entry;

static bool exited; /* proc_exit was called: the trap that ended the run is its doing */

/* Little-endian, as all of the guest's numbers. */
static bool store(engine_memory *memory, uint64_t offset, uint64_t value, unsigned size) {
    uint8_t *bytes = engine_memory_range(memory, (uint32_t)offset, size);
    if (!bytes) return false;
    for (unsigned i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> 8 * i);
    return true;
}

static uint32_t load_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t answer_nothing(engine_memory *memory, const uint64_t *args) {
    return WASI_SUCCESS;
}
static uint32_t answer_no_file(engine_memory *memory, const uint64_t *args) {
    return WASI_EBADF;
}
static uint32_t answer_not_there(engine_memory *memory, const uint64_t *args) {
    return WASI_ENOSYS;
}

static uint32_t answer_no_strings(engine_memory *memory, const uint64_t *args) {
    return store(memory, args[0], 0, 4) && store(memory, args[1], 0, 4) ? WASI_SUCCESS : WASI_EFAULT;
}

static uint32_t answer_resolution(engine_memory *memory, const uint64_t *args) {
    return store(memory, args[1], 1000000, 8) ? WASI_SUCCESS : WASI_EFAULT;
}

/* A millisecond later at each look. */
static uint32_t answer_time(engine_memory *memory, const uint64_t *args) {
    static uint64_t now = UINT64_C(1700000000000000000);
    uint64_t answer = now;
    now += 1000000;
    return store(memory, args[2], answer, 8) ? WASI_SUCCESS : WASI_EFAULT;
}

static uint32_t answer_random(engine_memory *memory, const uint64_t *args) {
    uint32_t size = (uint32_t)args[1];
    uint8_t *bytes = engine_memory_range(memory, (uint32_t)args[0], size);
    if (!bytes) return WASI_EFAULT;
    for (uint32_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 167 + 13);
    return WASI_SUCCESS;
}

/* Standard input, a line with each read, and how often standard output was written to: of `replay` alone. */
static base_bytes input;
static uint64_t writes;

static uint32_t answer_write(engine_memory *memory, const uint64_t *args) {
    writes += (uint32_t)args[0] == 1;
    uint32_t count = (uint32_t)args[2], total = 0;
    const uint8_t *pieces = engine_memory_range(memory, (uint32_t)args[1], (uint64_t)count * 8);
    if (!pieces) return WASI_EFAULT;
    for (uint32_t i = 0; i < count; i++) {
        total += load_u32(pieces + (size_t)i * 8 + 4);
    }
    return store(memory, args[3], total, 4) ? WASI_SUCCESS : WASI_EFAULT;
}

static uint32_t answer_read(engine_memory *memory, const uint64_t *args) {
    if (input.size == 0) return store(memory, args[3], 0, 4) ? WASI_SUCCESS : WASI_EFAULT;
    const uint8_t *piece = engine_memory_range(memory, (uint32_t)args[1], 8);
    if (!piece || (uint32_t)args[2] != 1) return WASI_EFAULT;
    uint32_t address = load_u32(piece), size = load_u32(piece + 4);
    const uint8_t *end = memchr(input.data, '\n', input.size);
    size_t line = end ? (size_t)(end + 1 - input.data) : input.size;
    if (size > line) size = (uint32_t)line;
    uint8_t *to = engine_memory_range(memory, address, size);
    if (!to) return WASI_EFAULT;
    memcpy(to, input.data, size);
    input = (base_bytes){input.data + size, input.size - size};
    return store(memory, args[3], size, 4) ? WASI_SUCCESS : WASI_EFAULT;
}

/* A character device, no flags, all rights. */
static uint32_t answer_stdio(engine_memory *memory, const uint64_t *args) {
    if ((uint32_t)args[0] > 2) return WASI_EBADF;
    uint64_t stat = args[1];
    bool stored = store(memory, stat, 2, 8) && store(memory, stat + 8, UINT64_MAX, 8) &&
                  store(memory, stat + 16, UINT64_MAX, 8);
    return stored ? WASI_SUCCESS : WASI_EFAULT;
}

/* All that is waited for has happened. */
static uint32_t answer_poll(engine_memory *memory, const uint64_t *args) {
    uint32_t count = (uint32_t)args[2];
    const uint8_t *subscription = engine_memory_range(memory, (uint32_t)args[0], (uint64_t)count * 48);
    uint8_t *event = engine_memory_range(memory, (uint32_t)args[1], (uint64_t)count * 32);
    if (!subscription || !event) return WASI_EFAULT;
    for (uint32_t i = 0; i < count; i++, subscription += 48, event += 32) {
        memset(event, 0, 32);
        memcpy(event, subscription, 8);
        event[10] = subscription[8];
    }
    return store(memory, args[3], count, 4) ? WASI_SUCCESS : WASI_EFAULT;
}

static uint32_t answer_exit(engine_memory *memory, const uint64_t *args) {
    exited = true;
    return WASI_SUCCESS;
}

static import_fn import_function(const char *name) {
    static const struct {
        const char *name;
        import_fn function;
    } answers[] = {
        {"args_get", answer_nothing},
        {"args_sizes_get", answer_no_strings},
        {"clock_res_get", answer_resolution},
        {"clock_time_get", answer_time},
        {"environ_get", answer_nothing},
        {"environ_sizes_get", answer_no_strings},
        {"fd_close", answer_nothing},
        {"fd_fdstat_get", answer_stdio},
        {"fd_fdstat_set_flags", answer_nothing},
        {"fd_prestat_dir_name", answer_no_file},
        {"fd_prestat_get", answer_no_file},
        {"fd_read", answer_read},
        {"fd_write", answer_write},
        {"poll_oneoff", answer_poll},
        {"proc_exit", answer_exit},
        {"random_get", answer_random},
        {"sched_yield", answer_nothing},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(answers[i].name, name) == 0) return answers[i].function;
    }
    return answer_not_there;
}

static engine_host_result call_import(void *user, engine_exec *exec, uint64_t *cells) {
    const import_entry *entry = user;
    engine_memory *memory = engine_instance_memory(engine_exec_caller(exec), 0);
    if (!memory) {
        engine_exec_trap_set(exec, "%s: the guest has no memory", entry->name);
        return ENGINE_HOST_TRAP;
    }
    uint32_t errno_value = entry->function(memory, cells);
    if (entry->function == answer_exit) {
        engine_exec_trap_set(exec, "exit");
        return ENGINE_HOST_TRAP;
    }
    cells[0] = engine_cell_i32(errno_value);
    return ENGINE_HOST_DONE;
}

/* An engine_resolver; `user` is the store. */
static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    static import_entry entries[] = {
#define FUNCTION(name, params) {#name, params, NULL},
#include "preview1.def"
#undef FUNCTION
    };
    if (!base_bytes_equal_text(import->module, "wasi_snapshot_preview1")) return false;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        import_entry *entry = &entries[i];
        if (!base_bytes_equal_text(import->name, entry->name)) continue;
        entry->function = import_function(entry->name);
        engine_valtype params[16];
        const engine_valtype result = ENGINE_I32;
        uint32_t count = (uint32_t)strlen(entry->params);
        for (uint32_t p = 0; p < count; p++) params[p] = entry->params[p] == 'i' ? ENGINE_I32 : ENGINE_I64;
        uint32_t result_count = entry->function == answer_exit ? 0 : 1;
        return engine_host_func_new(user, entry->name, params, count, &result, result_count, call_import,
                                    entry, out) == BASE_OK;
    }
    return false;
}

/* ---- A guest ------------------------------------------------------------------------------------------- */

typedef struct guest {
    engine_module *module;
    engine_store *store;
    engine_instance *instance;
    engine_exec *exec;
} guest;

static void load_file(const char *path, base_buffer *out) {
    base_error error;
    base_buffer_init(out, NULL);
    check(os_read_file(path, UINT32_MAX, out, &error), &error);
}

static engine_module *load(const base_buffer *bytes) {
    base_error error;
    engine_module *module;
    check(engine_module_load(NULL, base_buffer_bytes(bytes), engine_features_available(), &module, &error),
          &error);
    return module;
}

/* Runs what was started to its end in slices of `slice` units, and answers how often it was suspended. */
static uint64_t run_to_end(engine_exec *exec, int64_t slice) {
    uint64_t suspensions = 0;
    engine_outcome outcome;
    while ((outcome = engine_exec_run(exec, slice)) == ENGINE_OUT_OF_FUEL) suspensions++;
    if (outcome == ENGINE_TRAPPED && !exited) stop(EXIT_WRONG, engine_exec_trap_message(exec));
    return suspensions;
}

static void start(guest *g, uint64_t function, const uint64_t *arguments) {
    base_error error;
    check(engine_exec_start(g->exec, function, arguments, &error), &error);
}

static void instantiate(guest *g, engine_module *module) {
    base_error error;
    g->module = module;
    check(engine_store_new(NULL, NULL, &g->store), NULL);
    check(engine_instantiate(g->store, module, resolve, g->store, &g->instance, NULL, &error), &error);
    check(engine_exec_new(g->store, &g->exec), NULL);
    uint64_t start_function = engine_instance_start(g->instance);
    if (start_function) {
        start(g, start_function, NULL);
        run_to_end(g->exec, INT64_MAX);
    }
}

static void free_guest(guest *g) {
    engine_exec_free(g->exec);
    engine_store_free(g->store);
    engine_module_release(g->module);
}

static bool find_function(const guest *g, const char *name, engine_extern *out, engine_extern_type *type) {
    return engine_instance_export(g->instance, base_bytes_from_text(name), out, type) &&
           out->kind == ENGINE_FUNC;
}

/* Calls an export without parameters and results, where there is one of that name. */
static bool call_export(guest *g, const char *name) {
    engine_extern function;
    engine_extern_type type;
    if (!find_function(g, name, &function, &type)) return false;
    if (type.func->param_count != 0 || type.func->result_count != 0) return false;
    start(g, function.func, NULL);
    run_to_end(g->exec, INT64_MAX);
    return true;
}

static uint64_t find_run(const guest *g) {
    engine_extern function;
    engine_extern_type type;
    if (!find_function(g, "run", &function, &type) || type.func->param_count != 1 ||
        type.func->params[0] != ENGINE_I32 || type.func->result_count != 1 ||
        type.func->results[0] != ENGINE_I32)
        stop(EXIT_WRONG, "there is no export \"run\" of type i32 -> i32");
    return function.func;
}

/* Calls run(rounds), checks its result, and answers the time. */
static uint64_t time_run(guest *g, uint64_t run, int32_t rounds, int64_t slice, uint64_t *suspensions) {
    uint64_t argument = engine_cell_i32((uint32_t)rounds);
    uint64_t begin = cpu_ns();
    start(g, run, &argument);
    *suspensions = run_to_end(g->exec, slice);
    uint64_t end = cpu_ns();
    if (exited) stop(EXIT_WRONG, "the kernel called proc_exit");
    uint32_t result = engine_i32(engine_exec_results(g->exec)[0]);
    if (result != 0) {
        char text[80];
        snprintf(text, sizeof text, "run(%" PRId32 ") gave %" PRIu32 ": a wrong result", rounds, result);
        stop(EXIT_WRONG, text);
    }
    return end - begin;
}

/* A guest that has run once, with its functions translated. */
static uint64_t warm_up(guest *g, const char *path) {
    uint64_t suspensions;
    base_buffer bytes;
    load_file(path, &bytes);
    instantiate(g, load(&bytes));
    base_buffer_free(&bytes);
    call_export(g, "_initialize");
    uint64_t run = find_run(g);
    time_run(g, run, 1, INT64_MAX, &suspensions);
    return run;
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

static int32_t number(const char *text) {
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || value < 1 || value > INT32_MAX) stop(EXIT_USAGE, "a number above 0 is wanted");
    return (int32_t)value;
}

static void command_run(const char *path, int32_t rounds, int32_t repeats) {
    guest g;
    uint64_t suspensions, run = warm_up(&g, path);
    for (int32_t i = 0; i < repeats; i++) {
        printf("run %" PRIu64 "\n", time_run(&g, run, rounds, INT64_MAX, &suspensions));
    }
    uint64_t fuel = engine_exec_fuel_used(g.exec);
    if (fuel != 0) printf("fuel %" PRIu64 "\n", fuel);
    free_guest(&g);
}

/* What malloc has given out; 0 where nobody tells. */
static size_t heap_bytes(void) {
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

static void command_load(const char *path, int32_t repeats) {
    base_buffer bytes;
    load_file(path, &bytes);
    for (int32_t i = 0; i < repeats; i++) {
        uint64_t begin = cpu_ns();
        engine_module *module = load(&bytes);
        uint64_t end = cpu_ns();
        printf("load %" PRIu64 "\n", end - begin);
        engine_module_release(module);
    }
    size_t before = heap_bytes();
    engine_module *module = load(&bytes);
    size_t after = heap_bytes();
    if (after != 0) printf("memory %zu\n", after - before);
    engine_module_release(module);
    for (int32_t i = 0; i < repeats; i++) {
        guest g;
        module = load(&bytes);
        uint64_t begin = cpu_ns();
        instantiate(&g, module);
        bool called = call_export(&g, "_initialize") || call_export(&g, "_start");
        uint64_t end = cpu_ns();
        if (called) printf("first %" PRIu64 "\n", end - begin);
        free_guest(&g);
    }
    base_buffer_free(&bytes);
}

static void command_suspend(const char *path, int32_t rounds, int32_t slice, int32_t repeats) {
    guest g;
    uint64_t suspensions = 0, run = warm_up(&g, path);
    for (int32_t i = 0; i < repeats; i++) {
        printf("whole %" PRIu64 "\n", time_run(&g, run, rounds, INT64_MAX, &suspensions));
        printf("sliced %" PRIu64 "\n", time_run(&g, run, rounds, slice, &suspensions));
    }
    if (suspensions == 0)
        stop(EXIT_WRONG, "it was never suspended: a slice too large, or an engine without meter");
    printf("suspensions %" PRIu64 "\n", suspensions);
    free_guest(&g);
}

/* Starts each function without any fuel, and answers how many of them that stopped. */
static uint32_t touch_functions(guest *g, const uint64_t *functions, uint32_t count) {
    static const uint64_t no_arguments[64];
    uint32_t stopped = 0;
    for (uint32_t i = 0; i < count; i++) {
        start(g, functions[i], no_arguments);
        if (engine_exec_run(g->exec, 0) == ENGINE_OUT_OF_FUEL) stopped++;
    }
    return stopped;
}

static void command_translate(const char *path, int32_t repeats) {
    uint32_t stopped = 0;
    base_buffer bytes;
    load_file(path, &bytes);
    for (int32_t i = 0; i < repeats; i++) {
        guest g;
        instantiate(&g, load(&bytes));
        uint32_t exports = engine_module_export_count(g.module), count = 0;
        uint64_t *functions = calloc(exports + 1, sizeof *functions);
        if (!functions) stop(EXIT_WRONG, "no memory");
        for (uint32_t e = 0; e < exports; e++) {
            engine_export export = engine_module_export(g.module, e);
            engine_extern function;
            engine_extern_type type;
            if (export.type.kind != ENGINE_FUNC || export.type.func->param_cells > 64) continue;
            if (engine_instance_export(g.instance, export.name, &function, &type))
                functions[count++] = function.func;
        }
        uint64_t begin = cpu_ns();
        stopped = touch_functions(&g, functions, count);
        uint64_t translated = cpu_ns();
        touch_functions(&g, functions, count);
        uint64_t end = cpu_ns();
        printf("translate %" PRIu64 "\nagain %" PRIu64 "\n", translated - begin, end - translated);
        free(functions);
        free_guest(&g);
    }
    printf("functions %" PRIu32 "\n", stopped);
    base_buffer_free(&bytes);
}

static void command_replay(const char *path, const char *lines_path, int32_t repeats) {
    uint64_t fuel = 0;
    base_buffer bytes, lines;
    load_file(path, &bytes);
    load_file(lines_path, &lines);
    engine_module *module = load(&bytes);
    for (int32_t i = 0; i < repeats; i++) {
        guest g;
        instantiate(&g, engine_module_retain(module));
        input = base_buffer_bytes(&lines);
        writes = fuel = 0;
        exited = false;
        uint64_t begin = cpu_ns();
        if (!call_export(&g, "_start")) stop(EXIT_WRONG, "there is no export \"_start\"");
        printf("run %" PRIu64 "\n", cpu_ns() - begin);
        fuel = engine_exec_fuel_used(g.exec);
        free_guest(&g);
        if (input.size != 0) stop(EXIT_WRONG, "it did not read all lines");
    }
    printf("fuel %" PRIu64 "\nwrites %" PRIu64 "\n", fuel, writes);
    engine_module_release(module);
    base_buffer_free(&lines);
    base_buffer_free(&bytes);
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    bool wplug = argc > 2 && strcmp(argv[2], "wplug") == 0;
    if (strcmp(command, "run") == 0 && argc == 6 && wplug) {
        command_run(argv[3], number(argv[4]), number(argv[5]));
    } else if (strcmp(command, "load") == 0 && argc == 5 && wplug) {
        command_load(argv[3], number(argv[4]));
    } else if (strcmp(command, "suspend") == 0 && argc == 6) {
        command_suspend(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
    } else if (strcmp(command, "translate") == 0 && argc == 4) {
        command_translate(argv[2], number(argv[3]));
    } else if (strcmp(command, "replay") == 0 && argc == 5) {
        command_replay(argv[2], argv[3], number(argv[4]));
    } else if (strcmp(command, "list") == 0 && argc == 2) {
        printf("wplug\t%s\t%s\n", WPLUG_BENCH_VERSION, WPLUG_BENCH_BUILD);
    } else if (strcmp(command, "--help") == 0) {
        fputs(help, stdout);
    } else {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    return 0;
}
