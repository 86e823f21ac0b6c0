/* Owns the soak: calls of all kinds and ends, and what the process holds meanwhile. */
#include "host_bench.h"
#include "measure.h"

enum { SAMPLES = 20, KINDS = 20, MOST_STEPS = 1000 };

typedef struct soak {
    const char *test_plugin_path, *bench_plugin_path;
    wplug_plugin *test_plugin, *bench_plugin;
    wplug_runtime *runtime;
    size_t echoes, cancelled;
} soak;

static void set_up(soak *s) {
    s->test_plugin = load(s->test_plugin_path, NULL);
    s->bench_plugin = load(s->bench_plugin_path, NULL);
    s->runtime = new_runtime(NULL);
    if (wplug_runtime_set_method(s->runtime, "echo", echo, &s->echoes) != WPLUG_OK) stop("no memory");
}

static void tear_down(soak *s) {
    wplug_runtime_free(s->runtime);
    wplug_plugin_release(s->bench_plugin);
    wplug_plugin_release(s->test_plugin);
}

static void on_cancelled(void *user, wplug_task task, wplug_result *result) {
    size_t *count = user;
    if (result->status != WPLUG_CANCELLED)
        stop("a cancelled call ended with %s", wplug_status_name(result->status));
    ++*count;
}

/* A call that is cancelled while it sleeps. */
static void cancel_one(soak *s) {
    wplug_task task;
    wplug_error error;
    size_t before = s->cancelled;
    if (wplug_call_start(s->runtime, s->test_plugin, "sleep", "{\"ms\":30000}", NULL, on_cancelled,
                         &s->cancelled, &task, &error) != WPLUG_OK)
        stop("%s", error.message);
    wplug_task_info info = {.size = sizeof info};
    int step = 0;
    do {
        wplug_runtime_step(s->runtime, 0, NULL);
        if (wplug_task_inspect(s->runtime, task, &info) != WPLUG_OK || ++step == MOST_STEPS)
            stop("a call of sleep does not sleep");
    } while (info.state != WPLUG_TASK_SLEEPING);
    if (wplug_task_cancel(s->runtime, task) != WPLUG_OK) stop("a call that sleeps cannot be cancelled");
    wplug_runtime_run(s->runtime);
    if (s->cancelled != before + 1) stop("a cancelled call did not end");
}

/* Endless loops, until their fuel is spent. */
static void out_of_fuel(soak *s) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 200000;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    wplug_status status = wplug_call(s->runtime, s->bench_plugin, "spin", NULL, &options, NULL, NULL);
    if (status != WPLUG_FUEL_LIMIT) stop("spin ended with %s", wplug_status_name(status));
}

typedef enum end { ANSWERED, ERROR, TRAPPED, LEFT, CANCELLED, LIMITED, ENDS } end;

static end one_call(soak *s, size_t i) {
    size_t kind = i % KINDS;
    switch (kind) {
    case 10:
    case 11: call(s->runtime, s->test_plugin, "many_echo", "{\"n\":3}", WPLUG_OK, "null"); return ANSWERED;
    case 12: call(s->runtime, s->test_plugin, "get_random_number", NULL, WPLUG_OK, NULL); return ANSWERED;
    case 13:
        call(s->runtime, s->bench_plugin, "give_back", "[1,{\"a\":\"b\"}]", WPLUG_OK, "[1,{\"a\":\"b\"}]");
        return ANSWERED;
    case 14: call(s->runtime, s->test_plugin, "no_such_method", NULL, WPLUG_RPC_ERROR, NULL); return ERROR;
    case 15:
        call(s->runtime, s->test_plugin, "prime_sieve", "{\"limit\":-1}", WPLUG_RPC_ERROR, NULL);
        return ERROR;
    case 16: call(s->runtime, s->bench_plugin, "trap", NULL, WPLUG_TRAP, NULL); return TRAPPED;
    case 17: call(s->runtime, s->bench_plugin, "leave", "{\"code\":3}", WPLUG_EXITED, NULL); return LEFT;
    case 18: cancel_one(s); return CANCELLED;
    case 19: out_of_fuel(s); return LIMITED;
    default: call(s->runtime, s->test_plugin, "ping", NULL, WPLUG_OK, "\"pong\""); return ANSWERED;
    }
}

void measure_soak(const char *test_plugin_path, const char *bench_plugin_path, size_t calls) {
    static const char *const words[ENDS] = {"answered", "errors", "trapped", "left", "cancelled", "limited"};
    soak s = {.test_plugin_path = test_plugin_path, .bench_plugin_path = bench_plugin_path};
    size_t ends[ENDS] = {0}, batch = (calls + SAMPLES - 1) / SAMPLES;
    uint64_t start = cpu_ns();
    set_up(&s);
    for (size_t i = 0; i < calls; i++) {
        ends[one_call(&s, i)]++;
        if ((i + 1) % batch != 0 && i + 1 != calls) continue;
        print("rss", resident_bytes());
        print("descriptors", descriptor_count());
        tear_down(&s);
        set_up(&s);
    }
    tear_down(&s);
    print("cpu", (cpu_ns() - start) / calls);
    for (int e = 0; e < ENDS; e++) print(words[e], ends[e]);
}
