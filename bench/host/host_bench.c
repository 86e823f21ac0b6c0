/* Measures the host through its public header. One process is one measurement; ../host.py starts them in
 * turn. */
#include "host_bench.h"
#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: host_bench ping wplug TEST-PLUGIN.wasm CALLS\n"
    "       host_bench echo wplug TEST-PLUGIN.wasm N CALLS\n"
    "       host_bench call wplug PLUGIN.wasm METHOD PARAMS ANSWER CALLS\n"
    "       host_bench record TEST-PLUGIN.wasm N FILE\n"
    "       host_bench suspended TEST-PLUGIN.wasm COUNT\n"
    "       host_bench threads TEST-PLUGIN.wasm MILLISECONDS ROUNDS\n"
    "       host_bench soak TEST-PLUGIN.wasm BENCH-PLUGIN.wasm CALLS\n"
    "       host_bench list\n"
    "\n"
    "ping       calls ping CALLS times, each in a sandbox of its own, after as many calls that are not timed "
    "as\n"
    "           make up a tenth of that, and prints a line each: cpu_median, cpu_min, wall_median, wall_p99 "
    "and\n"
    "           wall_min NANOSECONDS, of one call from its start until its sandbox is gone, answer_median, "
    "until\n"
    "           the answer, and load and first, from the file to the plugin and of the very first call.\n"
    "echo       the same with many_echo(N), for which the plugin calls the host N times, and: fuel UNITS.\n"
    "call       the same with any method of any plugin, which must give that ANSWER and may call the host's "
    "echo.\n"
    "record     calls many_echo(N) once and writes all lines that the plugin read to FILE, for wplug_bench "
    "replay.\n"
    "suspended  has COUNT calls of sleep suspended at once, with durations that do not grow with their "
    "start, and\n"
    "           prints: suspended NUMBER, less than COUNT where no more could be started, and then refused "
    "STATUS;\n"
    "           start_cpu NANOSECONDS, of starting one; rss_..., tables_... and allocated_... BYTES before, "
    "at\n"
    "           the peak, and after the last one has ended: resident, in page tables, given out by the "
    "library's\n"
    "           allocator; rss_freed, with the runtime freed; disorder NUMBER, calls that ended before one "
    "that\n"
    "           was due earlier; early NUMBER, calls that ended before they were due; late_median and "
    "late_max\n"
    "           NANOSECONDS, from due to ended; guest BYTES, linear memory of one.\n"
    "threads    ROUNDS times, ping as often as possible for MILLISECONDS on one thread, then on two with a "
    "runtime\n"
    "           each and one plugin, and prints: one_rate and two_rate, calls a second on the clock; one_cpu "
    "and\n"
    "           two_cpu NANOSECONDS of processor time for a call; one_share and two_share, how much of the "
    "time\n"
    "           on the clock the threads had a processor, in thousandths. The same with pool_ before it, "
    "through a\n"
    "           pool; and with apart_, of one process and of two, which share nothing.\n"
    "soak       CALLS calls that end in all ways: answers, errors, traps, exits, limits, cancelled ones. "
    "Prints\n"
    "           every twentieth of the way, where runtime and plugins are replaced too: rss BYTES, "
    "descriptors\n"
    "           NUMBER; and in the end: cpu NANOSECONDS for a call, and for each way of ending its number.\n"
    "list       prints how this program was built.\n"
    "\n"
    "Exits with 1 where an answer or an end is not the one that is due.\n";

/* Two clocks: that of the processor's time is the outer one, because it is the slower one to read. */
typedef struct timing {
    samples cpu, wall, answer;
} timing;

static void timing_init(timing *t, size_t calls) {
    samples_init(&t->cpu, calls);
    samples_init(&t->wall, calls);
    samples_init(&t->answer, calls);
}

static void print_timing(timing *t) {
    print("cpu_median", samples_at(&t->cpu, 0.5));
    print("cpu_min", samples_at(&t->cpu, 0));
    print("wall_median", samples_at(&t->wall, 0.5));
    print("wall_p99", samples_at(&t->wall, 0.99));
    print("wall_min", samples_at(&t->wall, 0));
    print("answer_median", samples_at(&t->answer, 0.5));
    samples_free(&t->cpu);
    samples_free(&t->wall);
    samples_free(&t->answer);
}

static void time_calls(wplug_runtime *runtime, wplug_plugin *plugin, const char *method, const char *params,
                       const char *answer, size_t calls) {
    timing t;
    timing_init(&t, calls);
    for (size_t i = 0; i < (calls + 9) / 10; i++) call(runtime, plugin, method, params, WPLUG_OK, answer);
    for (size_t i = 0; i < calls; i++) {
        uint64_t cpu_start = cpu_ns(), wall_start = wplug_monotonic_ns();
        uint64_t until_answer = call(runtime, plugin, method, params, WPLUG_OK, answer);
        uint64_t wall_end = wplug_monotonic_ns(), cpu_end = cpu_ns();
        samples_add(&t.cpu, cpu_end - cpu_start);
        samples_add(&t.wall, wall_end - wall_start);
        samples_add(&t.answer, until_answer);
    }
    print_timing(&t);
}

static void measure_ping(const char *path, size_t calls) {
    uint64_t start = cpu_ns();
    wplug_plugin *plugin = load(path, NULL);
    uint64_t loaded = cpu_ns();
    wplug_runtime *runtime = new_runtime(NULL);
    call(runtime, plugin, "ping", NULL, WPLUG_OK, "\"pong\"");
    uint64_t called = cpu_ns();
    print("load", loaded - start);
    print("first", called - loaded);
    time_calls(runtime, plugin, "ping", NULL, "\"pong\"", calls);
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
}

static uint64_t fuel_of(wplug_runtime *runtime, wplug_plugin *plugin, const char *method,
                        const char *params) {
    wplug_result *result;
    wplug_error error;
    if (wplug_call(runtime, plugin, method, params, NULL, &result, &error) != WPLUG_OK)
        stop("%s", error.message);
    uint64_t fuel = result->fuel_used;
    wplug_result_release(result);
    return fuel;
}

static wplug_runtime *new_runtime_with_echo(size_t *echoes) {
    wplug_runtime *runtime = new_runtime(NULL);
    *echoes = 0;
    if (wplug_runtime_set_method(runtime, "echo", echo, echoes) != WPLUG_OK) stop("no memory");
    return runtime;
}

static void measure_echo(const char *path, uint64_t n, size_t calls) {
    char params[40];
    snprintf(params, sizeof params, "{\"n\":%" PRIu64 "}", n);
    size_t echoes;
    wplug_plugin *plugin = load(path, NULL);
    wplug_runtime *runtime = new_runtime_with_echo(&echoes);
    time_calls(runtime, plugin, "many_echo", params, "null", calls);
    print("fuel", fuel_of(runtime, plugin, "many_echo", params));
    size_t all_calls = calls + (calls + 9) / 10 + 1;
    if (echoes != all_calls * n)
        stop("the host was called %zu times, not %zu", echoes, (size_t)(all_calls * n));
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
}

static void measure_call(const char *path, const char *method, const char *params, const char *answer,
                         size_t calls) {
    size_t echoes;
    wplug_plugin *plugin = load(path, NULL);
    wplug_runtime *runtime = new_runtime_with_echo(&echoes);
    time_calls(runtime, plugin, method, params, answer, calls);
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
}

static void write_line(void *user, const wplug_trace *message) {
    FILE *file = user;
    if (message->to_plugin) fprintf(file, "%.*s\n", (int)message->text_size, message->text);
}

static void record(const char *path, uint64_t n, const char *file_path) {
    FILE *file = fopen(file_path, "w");
    if (!file) stop("cannot write %s", file_path);
    char params[40];
    snprintf(params, sizeof params, "{\"n\":%" PRIu64 "}", n);
    size_t echoes;
    wplug_plugin *plugin = load(path, NULL);
    wplug_runtime *runtime = new_runtime_with_echo(&echoes);
    wplug_runtime_set_trace(runtime, write_line, file);
    call(runtime, plugin, "many_echo", params, WPLUG_OK, "null");
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
    if (fclose(file) != 0) stop("cannot write %s", file_path);
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    bool wplug = argc > 2 && strcmp(argv[2], "wplug") == 0;
    if (strcmp(command, "ping") == 0 && argc == 5 && wplug) {
        measure_ping(argv[3], number(argv[4]));
    } else if (strcmp(command, "echo") == 0 && argc == 6 && wplug) {
        measure_echo(argv[3], number(argv[4]), number(argv[5]));
    } else if (strcmp(command, "call") == 0 && argc == 8 && wplug) {
        measure_call(argv[3], argv[4], argv[5], argv[6], number(argv[7]));
    } else if (strcmp(command, "record") == 0 && argc == 5) {
        record(argv[2], number(argv[3]), argv[4]);
    } else if (strcmp(command, "suspended") == 0 && argc == 4) {
        measure_suspended(argv[2], number(argv[3]));
    } else if (strcmp(command, "threads") == 0 && argc == 5) {
        measure_threads(argv[2], number(argv[3]), number(argv[4]));
        measure_pool(argv[2], number(argv[3]), number(argv[4]));
        measure_apart(argv[2], number(argv[3]), number(argv[4]));
    } else if (strcmp(command, "soak") == 0 && argc == 5) {
        measure_soak(argv[2], argv[3], number(argv[4]));
    } else if (strcmp(command, "list") == 0 && argc == 2) {
        printf("wplug\t%s\t%s\n", wplug_version(), WPLUG_BENCH_BUILD);
    } else if (strcmp(command, "--help") == 0) {
        fputs(help, stdout);
    } else {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    return 0;
}
