/* Calls that start from a snapshot cannot be told from calls that start from the beginning: results, fuel, memory, logs,
 * messages, requests, traps and backtraces are the same, for every plugin of this repository and for guests that do all
 * kinds of things before they ask for input. Compared are: calls from the beginning; calls of which the first records a
 * snapshot and the others start from it, in a pooled sandbox; and the same without a pool. */
#include "watch.h"

typedef struct guest {
    const char *path;
    const char *args[8]; /* behind the program's name */
    bool async_guest, deterministic;
} guest;

typedef struct call {
    const char *method, *params;
    const wplug_limits *limits;
} call;

static wplug_plugin *load_guest(const guest *what, wplug_snapshot_mode mode) {
    static const wplug_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    const char *args[9] = {"guest"};
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.arg_count = 1;
    while (options.arg_count < 9 && what->args[options.arg_count - 1]) {
        args[options.arg_count] = what->args[options.arg_count - 1];
        options.arg_count++;
    }
    options.args = args;
    options.name = "guest";
    options.id = &id;
    options.async_guest = what->async_guest;
    options.deterministic = what->deterministic;
    options.seed = 42;
    options.start_time_ns = UINT64_C(1700000000000000000);
    options.snapshot = mode;
    return load(what->path, &options);
}

static transcript transcripts[3];

enum { ROUNDS = 3 };

static void watch(const guest *what, wplug_snapshot_mode mode, uint64_t pool_size, const call *calls,
                  size_t count, transcript *to, bool *had_snapshot) {
    to->size = 0;
    to->text[0] = 0;
    wplug_plugin *plugin = load_guest(what, mode);
    wplug_runtime *runtime = new_watched_runtime(to, pool_size);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < count; i++)
            watch_call(runtime, plugin, calls[i].method, calls[i].params, calls[i].limits, to);
    *had_snapshot = has_snapshot(plugin);
    assert_int_equal(idle_count(runtime), *had_snapshot && pool_size != WPLUG_NO_POOL ? 1 : 0);
    wplug_plugin_release(plugin);
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
}

static bool compare(const guest *what, const call *calls, size_t count) {
    bool had_snapshot, never;
    watch(what, WPLUG_SNAPSHOT_NEVER, 0, calls, count, &transcripts[0], &never);
    assert_false(never);
    watch(what, WPLUG_SNAPSHOT_AUTO, 0, calls, count, &transcripts[1], &had_snapshot);
    expect_same(&transcripts[0], &transcripts[1], what->args[0] ? what->args[0] : what->path);
    watch(what, WPLUG_SNAPSHOT_AUTO, WPLUG_NO_POOL, calls, count, &transcripts[2], &had_snapshot);
    expect_same(&transcripts[0], &transcripts[2], "without a pool");
    return had_snapshot;
}

/* ---- The plugins of this repository ---- */

#ifdef HAS_PLUGINS
#define WRONG_CALLS                                                                                          \
    {"no such method", NULL, NULL}, {                                                                        \
        "rpc.discover", NULL, NULL                                                                           \
    }

static const call hello_calls[] = {{"hello", NULL, NULL},
                                   {"hello", "{\"name\":\"Ada\"}", NULL},
                                   {"hello", "{\"name\":5}", NULL},
                                   WRONG_CALLS};
static const call test_plugin_calls[] = {{"ping", NULL, NULL},
                                         {"get_random_number", NULL, NULL},
                                         {"get_time", NULL, NULL},
                                         {"sleep", "{\"ms\":2}", NULL},
                                         {"many_echo", "{\"n\":20}", NULL},
                                         {"prime_sieve", "{\"limit\":300000}", NULL},
                                         WRONG_CALLS};
static const call qrcode_calls[] = {{"svg", "{\"text\":\"https://example.org\"}", NULL},
                                    {"text", "[\"hello\",\"H\"]", NULL},
                                    {"modules", "{\"text\":\"1234567\",\"version\":7}", NULL},
                                    {"modules", "{\"text\":\"x\",\"version\":70}", NULL},
                                    WRONG_CALLS};
static const call textstats_calls[] = {
    {"analyze", "{\"path\":\"a file\"}", NULL}, {"analyze", NULL, NULL}, WRONG_CALLS};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *path;
    const call *calls;
    size_t count;
} plugins[] = {
    {PLUGINS "/hello.wasm", hello_calls, COUNT(hello_calls)},
    {PLUGINS "/test-plugin.wasm", test_plugin_calls, COUNT(test_plugin_calls)},
    {PLUGINS "/qrcode.wasm", qrcode_calls, COUNT(qrcode_calls)},
    {PLUGINS "/textstats.wasm", textstats_calls, COUNT(textstats_calls)},
};

/* With deterministic clocks everything can be compared, random numbers and times too. */
static void every_method_of_every_plugin_sees_no_difference(void **state) {
    for (size_t i = 0; i < COUNT(plugins); i++) {
        guest what = {.path = plugins[i].path, .deterministic = true};
        assert_true(compare(&what, plugins[i].calls, plugins[i].count));
        what.async_guest = true;
        assert_true(compare(&what, plugins[i].calls, plugins[i].count));
    }
}

static bool depends_on_chance(const call *each) {
    return strcmp(each->method, "get_time") == 0 || strcmp(each->method, "get_random_number") == 0;
}

static void with_real_clocks_every_other_method_sees_no_difference(void **state) {
    for (size_t i = 0; i < COUNT(plugins); i++) {
        guest what = {.path = plugins[i].path};
        for (size_t j = 0; j < plugins[i].count; j++)
            if (!depends_on_chance(&plugins[i].calls[j]))
                assert_true(compare(&what, &plugins[i].calls[j], 1));
    }
}

/* So that a new method or plugin is not forgotten above. */
static void the_plugins_have_no_other_methods(void **state) {
    for (size_t i = 0; i < COUNT(plugins); i++) {
        wplug_plugin *plugin = load(plugins[i].path, NULL);
        wplug_runtime *runtime = new_runtime();
        wplug_result *result;
        assert_int_equal(wplug_call(runtime, plugin, "rpc.discover", NULL, NULL, &result, NULL), WPLUG_OK);
        const char *value;
        size_t size, needed;
        for (int number = 0;; number++) {
            char pointer[40], name[100];
            snprintf(pointer, sizeof pointer, "/methods/%d/name", number);
            if (wplug_json_find(result->json, result->json_size, pointer, &value, &size) != WPLUG_OK) break;
            assert_int_equal(wplug_json_decode_string(value, size, name, sizeof name, &needed), WPLUG_OK);
            bool found = false;
            for (size_t j = 0; j < plugins[i].count; j++)
                found |= strcmp(plugins[i].calls[j].method, name) == 0;
            if (!found) fail_msg("%s has a method %s", plugins[i].path, name);
        }
        wplug_result_release(result);
        wplug_plugin_release(plugin);
        wplug_runtime_free(runtime);
    }
}

static void random_numbers_of_calls_from_a_snapshot_differ(void **state) {
    wplug_plugin *plugin = load(PLUGINS "/test-plugin.wasm", NULL);
    wplug_runtime *runtime = new_runtime();
    char numbers[3][40];
    for (int i = 0; i < 3; i++) {
        wplug_result *result;
        assert_int_equal(wplug_call(runtime, plugin, "get_random_number", NULL, NULL, &result, NULL),
                         WPLUG_OK);
        snprintf(numbers[i], sizeof numbers[i], "%s", result->json);
        wplug_result_release(result);
    }
    assert_true(has_snapshot(plugin));
    assert_string_not_equal(numbers[0], numbers[1]);
    assert_string_not_equal(numbers[1], numbers[2]);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
}
#endif

/* ---- What guests do before they ask for input ---- */

static const call plain[] = {{"x", NULL, NULL}};

#define EARLY GUESTS "/early.wasm"

static void nothing_done_early_makes_a_difference(void **state) {
    if (!HAS_SIMD) skip();
    static const guest guests[] = {
        {EARLY, {NULL}, false, false},
        {EARLY, {"log one", "log two"}, false, false},
        {EARLY, {"part one, ", "part still one"}, false, false},
        {EARLY, {"log a", "part b", "yield", "part c"}, false, false},
        {EARLY, {"flood 3000", "yield", "log x"}, false, false},
        {EARLY, {"grow 3"}, false, false},
        {EARLY, {"grow 40"}, false, false}, /* to where memories are mapped, not copied */
        {EARLY, {"deep 1000"}, false, false},
        {EARLY, {"poll"}, false, false},
        {EARLY, {"log a", "poll", "log b"}, false, false},
        {EARLY, {"pollclock"}, false, false},
        {EARLY, {"nonblock"}, false, false},
        {EARLY, {"noerr", "log lost"}, false, false},
        {EARLY, {"log before", "out", "log after"}, false, false},
        {EARLY, {"sleep", "log slept"}, false, false},
        {EARLY, {NULL}, true, false},
        {EARLY, {"poll"}, true, false},
        {EARLY, {"grow 2", "log x"}, true, false},
        /* Chance that can be foretold. */
        {EARLY, {"random", "clock", "sleep", "log x", "clock", "random"}, false, true},
        {EARLY, {"pollclock"}, false, true},
        {EARLY, {"clock", "out"}, true, true},
        {GUESTS "/state.wasm", {NULL}, false, false},
    };
    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) assert_true(compare(&guests[i], plain, 1));
}

static void ends_before_asking_for_input_are_the_same_and_leave_no_snapshot(void **state) {
    static const guest guests[] = {
        {EARLY, {"log x", "exit"}, false, false},
        {EARLY, {"log x", "trap"}, false, false},
        {EARLY, {"part x", "return"}, false, false},
    };
    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) assert_false(compare(&guests[i], plain, 1));
}

static void dropped_segments_stay_dropped(void **state) {
    if (!HAS_SIMD) skip();
    static const call calls[] = {{"data", NULL, NULL}, {"x", NULL, NULL}, {"element", NULL, NULL}};
    assert_true(compare(&(guest){.path = GUESTS "/state.wasm"}, calls, 3));
    expect_contains(transcripts[1].text, "out of bounds memory access");
    expect_contains(transcripts[1].text, "out of bounds table access");
}

/* The hostile guest reads its orders first, so all that it does comes after the snapshot. */
static void whatever_a_guest_does_then_ends_the_same(void **state) {
    static const char *const scripts[] = {
        "answer 1",
        "err hello\nerrraw hel\nanswer [1,2]\nerr after",
        "ask echo [1]\nask echo 2\nwait\nwait\nlast",
        "tell note {}\nanswer 1",
        "fail 7 no",
        "trap",
        "exit 3",
        "raise 6",
        "return",
        "recurse",
        "out {\"nonsense\":1}",
        "raw {\"jsonrpc\"",
        "wait",
        "big 100000",
        "flood 5000\nanswer 1",
        "sleep 2\nanswer 1",
        "yield\nanswer 1",
        "try\nanswer 1",
        "answer 1\neof\nerr seen",
    };
    call calls[sizeof scripts / sizeof *scripts];
    char *params[sizeof scripts / sizeof *scripts];
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        params[i] = script(scripts[i]);
        calls[i] = (call){"act", params[i], NULL};
    }
    guest what = {.path = HOSTILE_ACTOR};
    /* "try" counts its fruitless attempts, which take as long as they take, and would wait in vain. */
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (strncmp(scripts[i], "try", 3) != 0) assert_true(compare(&what, &calls[i], 1));
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) free(params[i]);
}

/* ---- Chance ---- */

/* A member of the result's object, as text. */
static void member(wplug_runtime *runtime, wplug_plugin *plugin, const char *pointer, char *out,
                   size_t capacity) {
    wplug_result *result;
    const char *value;
    size_t size;
    assert_int_equal(wplug_call(runtime, plugin, "x", NULL, NULL, &result, NULL), WPLUG_OK);
    assert_int_equal(wplug_json_find(result->json, result->json_size, pointer, &value, &size), WPLUG_OK);
    snprintf(out, capacity, "%.*s", (int)size, value);
    wplug_result_release(result);
}

/* Three calls: whether the member was the same in the last two, which started from the snapshot. */
static bool is_shared(const char *command, wplug_snapshot_mode mode, const char *pointer) {
    guest what = {.path = EARLY, .args = {command}};
    wplug_plugin *plugin = load_guest(&what, mode);
    wplug_runtime *runtime = new_runtime();
    char values[3][40];
    for (int i = 0; i < 3; i++) member(runtime, plugin, pointer, values[i], sizeof values[i]);
    assert_int_equal(has_snapshot(plugin), mode != WPLUG_SNAPSHOT_NEVER);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    return strcmp(values[1], values[2]) == 0;
}

static void early_randomness_and_times_are_shared_only_where_that_was_asked_for(void **state) {
    assert_false(is_shared("random", WPLUG_SNAPSHOT_NEVER, "/drawn"));
    assert_false(is_shared("random", WPLUG_SNAPSHOT_AUTO, "/drawn"));
    assert_true(is_shared("random", WPLUG_SNAPSHOT_ALWAYS, "/drawn"));
    assert_false(is_shared("clock", WPLUG_SNAPSHOT_NEVER, "/seen"));
    assert_false(is_shared("clock", WPLUG_SNAPSHOT_AUTO, "/seen"));
    assert_true(is_shared("clock", WPLUG_SNAPSHOT_ALWAYS, "/seen"));
}

static void output_before_input_is_written_by_each_call_even_where_chance_is_shared(void **state) {
    bool had_snapshot;
    guest what = {EARLY, {"log a", "out", "log b"}, false, false};
    watch(&what, WPLUG_SNAPSHOT_NEVER, 0, plain, 1, &transcripts[0], &had_snapshot);
    watch(&what, WPLUG_SNAPSHOT_ALWAYS, 0, plain, 1, &transcripts[1], &had_snapshot);
    assert_true(had_snapshot);
    expect_same(&transcripts[0], &transcripts[1], "always");
}

/* ---- Limits ---- */

/* Each limit in turn, at each of the values, over a plugin that has a snapshot already. */
static void compare_limits(const guest *what, const char *method, const char *params, size_t field,
                           const uint64_t *values, size_t count) {
    for (int mode = 0; mode < 2; mode++) {
        transcript *to = &transcripts[mode];
        to->size = 0;
        to->text[0] = 0;
        wplug_plugin *plugin = load_guest(what, mode == 0 ? WPLUG_SNAPSHOT_NEVER : WPLUG_SNAPSHOT_AUTO);
        wplug_runtime *runtime = new_watched_runtime(to, 0);
        watch_call(runtime, plugin, method, params, NULL, to);
        assert_int_equal(has_snapshot(plugin), mode);
        for (size_t i = 0; i < count; i++) {
            wplug_limits limits;
            wplug_limits_init(&limits);
            memcpy((char *)&limits + field, &values[i], sizeof values[i]);
            tell(to, "limit %llu\n", (unsigned long long)values[i]);
            watch_call(runtime, plugin, method, params, &limits, to);
            watch_call(runtime, plugin, method, params, NULL, to);
        }
        wplug_plugin_release(plugin);
        wplug_runtime_free(runtime);
    }
    expect_same(&transcripts[0], &transcripts[1], "limits");
}

static void limits_act_as_they_do_from_the_beginning(void **state) {
    if (!HAS_SIMD) skip();
    static const uint64_t fuel[] = {1,      2,      10,     100,    500,    1000,   2000,  3000,  4000,
                                    5000,   6000,   7000,   8000,   9000,   10000,  12000, 20000, 30000,
                                    40000,  50000,  60000,  70000,  80000,  90000,  99000, 99999, 100000,
                                    100001, 101000, 110000, 150000, 200000, 1000000};
    static const uint64_t depth[] = {1,   2,   3,   4,   5,    6,    8,    10,   20,
                                     100, 500, 516, 520, 1000, 2000, 4000, 50000};
    static const uint64_t stack[] = {1,    64,   512,   1000,  2000,  4000,  4088,   4096,
                                     4100, 5000, 10000, 30000, 65536, 65544, 131072, 500000};
    static const uint64_t memory[] = {1,      65536,  131072, 196607, 196608, 200000,  262144,  300000,
                                      327680, 393216, 400000, 458752, 524288, 1000000, 3000000, 5000000};
    static const uint64_t elements[] = {1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 30, 100};
    static const uint64_t log[] = {1, 2, 5, 9, 10, 11, 12, 17, 18, 19, 20, 29, 30, 60, 100};
    static const uint64_t line[] = {1, 2, 5, 9, 10, 11, 20};
#define EACH(what, field, values)                                                                            \
    compare_limits(what, "x", NULL, offsetof(wplug_limits, field), values, sizeof(values) / sizeof *(values))
    const guest early = {EARLY, {"log number one", "part x", "grow 3", "deep 60"}, false, false};
    const guest deep = {EARLY, {"deep 700"}, false, false};
    const guest long_start = {EARLY, {"deep 5000", "log a", "yield", "log b", "deep 100"}, false, false};
    const guest large = {EARLY, {"grow 60"}, false, false};
    const guest greedy = {EARLY, {"greedy"}, false, false};
    const guest whole_state = {.path = GUESTS "/state.wasm"};
    EACH(&early, fuel, fuel);
    EACH(&early, depth, depth);
    EACH(&early, stack_bytes, stack);
    EACH(&early, memory_bytes, memory);
    EACH(&early, log_bytes, log);
    EACH(&early, log_line_bytes, line);
    EACH(&deep, depth, depth);
    EACH(&deep, stack_bytes, stack);
    EACH(&large, memory_bytes, memory);
    EACH(&whole_state, memory_bytes, memory);
    EACH(&whole_state, table_elements, elements);
    EACH(&whole_state, fuel, fuel);
    EACH(&long_start, fuel, fuel);
    /* What a guest was refused depends on the limit, so it leaves no snapshot. */
    const call within[] = {{"x", NULL, NULL}};
    assert_false(compare(&greedy, within, 1));
}

/* Every amount of fuel around the points where something happens. */
static void no_amount_of_fuel_makes_a_difference(void **state) {
    guest what = {EARLY, {"log a", "part b"}, false, false};
    wplug_plugin *plugin = load_guest(&what, WPLUG_SNAPSHOT_NEVER);
    wplug_runtime *runtime = new_runtime();
    wplug_result *result;
    assert_int_equal(wplug_call(runtime, plugin, "x", NULL, NULL, &result, NULL), WPLUG_OK);
    uint64_t whole = result->fuel_used;
    wplug_result_release(result);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    enum { STEPS = 60 };
    uint64_t values[2 * STEPS];
    for (uint64_t i = 0; i < STEPS; i++) values[i] = i * whole / STEPS + 1;
    for (uint64_t i = 0; i < STEPS; i++) values[STEPS + i] = whole + i - STEPS / 2;
    compare_limits(&what, "x", NULL, offsetof(wplug_limits, fuel), values, 2 * STEPS);
}

/* With slices of a hundred units the way to the snapshot takes many turns, and limits just above what was used are
 * looked at from the snapshot. */
static void short_slices_make_no_difference(void **state) {
    guest what = {EARLY, {"log a", "part b", "deep 30"}, false, false};
    for (int mode = 0; mode < 2; mode++) {
        transcript *to = &transcripts[mode];
        to->size = 0;
        to->text[0] = 0;
        wplug_plugin *plugin = load_guest(&what, mode == 0 ? WPLUG_SNAPSHOT_NEVER : WPLUG_SNAPSHOT_AUTO);
        wplug_runtime *runtime;
        wplug_runtime_options options;
        wplug_runtime_options_init(&options);
        options.slice_fuel = 100;
        assert_int_equal(wplug_runtime_new(&options, &runtime, NULL), WPLUG_OK);
        wplug_runtime_set_log(runtime, tell_log, to);
        watch_call(runtime, plugin, "x", NULL, NULL, to);
        assert_int_equal(has_snapshot(plugin), mode);
        for (uint64_t fuel = 100; fuel < 30000; fuel += 97) {
            wplug_limits limits;
            wplug_limits_init(&limits);
            limits.fuel = fuel;
            watch_call(runtime, plugin, "x", NULL, &limits, to);
        }
        wplug_plugin_release(plugin);
        wplug_runtime_free(runtime);
    }
    expect_same(&transcripts[0], &transcripts[1], "short slices");
}

/* ---- What is no call ---- */

static void commands_start_from_the_beginning(void **state) {
    guest what = {EARLY, {"log a"}, false, false};
    wplug_plugin *plugin = load_guest(&what, WPLUG_SNAPSHOT_AUTO);
    wplug_runtime *runtime = new_runtime();
    wplug_result *result;
    assert_int_equal(wplug_command(runtime, plugin, NULL, &result, NULL), WPLUG_OK);
    assert_int_equal(result->exit_code, 1); /* it found no request */
    uint64_t alone = result->fuel_used;
    wplug_result_release(result);
    assert_false(has_snapshot(plugin));
    assert_int_equal(wplug_call(runtime, plugin, "x", NULL, NULL, NULL, NULL), WPLUG_OK);
    assert_true(has_snapshot(plugin));
    assert_int_equal(wplug_command(runtime, plugin, NULL, &result, NULL), WPLUG_OK);
    assert_int_equal(result->fuel_used, alone);
    wplug_result_release(result);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef HAS_PLUGINS
        cmocka_unit_test(every_method_of_every_plugin_sees_no_difference),
        cmocka_unit_test(with_real_clocks_every_other_method_sees_no_difference),
        cmocka_unit_test(the_plugins_have_no_other_methods),
        cmocka_unit_test(random_numbers_of_calls_from_a_snapshot_differ),
#endif
        cmocka_unit_test(nothing_done_early_makes_a_difference),
        cmocka_unit_test(ends_before_asking_for_input_are_the_same_and_leave_no_snapshot),
        cmocka_unit_test(dropped_segments_stay_dropped),
        cmocka_unit_test(whatever_a_guest_does_then_ends_the_same),
        cmocka_unit_test(early_randomness_and_times_are_shared_only_where_that_was_asked_for),
        cmocka_unit_test(output_before_input_is_written_by_each_call_even_where_chance_is_shared),
        cmocka_unit_test(limits_act_as_they_do_from_the_beginning),
        cmocka_unit_test(no_amount_of_fuel_makes_a_difference),
        cmocka_unit_test(short_slices_make_no_difference),
        cmocka_unit_test(commands_start_from_the_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
