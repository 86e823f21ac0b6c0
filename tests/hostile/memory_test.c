/* Memory that runs out: every single allocation of loading, calling and describing fails in turn. What cannot be done is
 * then told with WPLUG_NO_MEMORY, nothing leaks, nothing crashes, and completion callbacks still run exactly once. */
#include "helper.h"
#include "meter.h"

static char *module_bytes;
static size_t module_size;

static int read_module(void **state) {
    FILE *file = fopen(ACTOR, "rb");
    if (!file) return 1;
    module_bytes = malloc(1 << 20);
    module_size = fread(module_bytes, 1, 1 << 20, file);
    fclose(file);
    return 0;
}

static int free_module(void **state) {
    free(module_bytes);
    return 0;
}

static wplug_status load_metered(meter *self, wplug_plugin **plugin, wplug_error *error) {
    wplug_allocator allocator = {metered_resize, self};
    static const char *const words[] = {"echo", "A=1", "keep"};
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.allocator = &allocator;
    options.args = options.env = options.allow = words;
    options.arg_count = options.env_count = options.allow_count = 3;
    options.name = "actor";
    return wplug_plugin_load(module_bytes, module_size, &options, plugin, error);
}

static wplug_status new_metered_runtime(meter *self, wplug_runtime **runtime) {
    wplug_allocator allocator = {metered_resize, self};
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    options.allocator = &allocator;
    return wplug_runtime_new(&options, runtime, NULL);
}

static void every_allocation_of_a_load_fails_in_turn(void **state) {
    for (long fail_at = 1;; fail_at++) {
        meter self = {.fail_at = fail_at, .fail_for = 1};
        wplug_plugin *plugin;
        wplug_error error;
        wplug_status status = load_metered(&self, &plugin, &error);
        if (status == WPLUG_OK) {
            wplug_plugin_release(plugin);
            assert_int_equal(self.blocks, 0);
            assert_int_equal(self.bytes, 0);
            if (self.count < fail_at) break;
            continue; /* something that can be done without */
        }
        assert_int_equal(status, WPLUG_NO_MEMORY);
        assert_null(plugin);
        assert_int_equal(self.blocks, 0);
        assert_int_equal(self.bytes, 0);
    }
}

static void every_allocation_of_a_description_fails_in_turn(void **state) {
    for (long fail_at = 1;; fail_at++) {
        meter self = {.fail_at = fail_at, .fail_for = 1};
        wplug_allocator allocator = {metered_resize, &self};
        wplug_plugin_options options;
        wplug_plugin_options_init(&options);
        options.allocator = &allocator;
        char *json;
        wplug_status status = wplug_inspect(module_bytes, module_size, &options, &json, NULL);
        if (status != WPLUG_OK) assert_int_equal(status, WPLUG_NO_MEMORY);
        wplug_text_free(json);
        assert_int_equal(self.blocks, 0);
        if (self.count < fail_at) break;
    }
}

static bool drop_line(void *user, const char *line, size_t size) {
    return true;
}

/* Also of a module whose code is refused: an i32.add that finds no operands. */
static void every_allocation_of_a_listing_fails_in_turn(void **state) {
    if (!HAS_DISASSEMBLER) skip();
    static const char refused[] = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\5\1\3\0\x6a\x0b";
    struct {
        const char *bytes;
        size_t size;
        wplug_status status;
    } modules[] = {{module_bytes, module_size, WPLUG_OK}, {refused, sizeof refused - 1, WPLUG_INVALID}};
    for (size_t i = 0; i < 2; i++) {
        for (long fail_at = 1;; fail_at++) {
            meter self = {.fail_at = fail_at, .fail_for = 1};
            wplug_allocator allocator = {metered_resize, &self};
            wplug_plugin_options options;
            wplug_plugin_options_init(&options);
            options.allocator = &allocator;
            wplug_status status =
                wplug_disassemble(modules[i].bytes, modules[i].size, &options, "0", drop_line, NULL, NULL);
            assert_int_equal(self.blocks, 0);
            bool is_done = self.count < fail_at;
            assert_int_equal(status, is_done ? modules[i].status : WPLUG_NO_MEMORY);
            if (is_done) break;
        }
    }
}

/* ---- Calls ---- */

static wplug_request *kept;
static void keep(void *user, wplug_request *request) {
    kept = wplug_request_retain(request);
}

/* Answers as a careful embedder does: with an error where there is no memory for the result, which drops it at worst. */
static void answer_kept(void) {
    if (!kept) return;
    if (wplug_request_result(kept, "[1,2,3]") == WPLUG_NO_MEMORY)
        wplug_request_error(kept, 1, "no memory", NULL);
    wplug_request_release(kept);
    kept = NULL;
}

static void careful_echo(void *user, wplug_request *request) {
    if (wplug_request_result(request, wplug_request_params(request, NULL)) == WPLUG_NO_MEMORY) {
        wplug_request_error(request, 1, "no memory", NULL);
    }
}

static void ignore_log(void *user, const wplug_log *line) {}
static void ignore_trace(void *user, const wplug_trace *message) {}

/* A call with everything in it. Returns false where not even the runtime could be made. */
static bool make_call(meter *self, wplug_plugin *plugin, const char *commands, wplug_status *status,
                      int *completions) {
    wplug_runtime *runtime;
    *status = new_metered_runtime(self, &runtime);
    *completions = 0;
    if (*status) return false;
    wplug_runtime_set_log(runtime, ignore_log, NULL);
    wplug_runtime_set_trace(runtime, ignore_trace, NULL);
    wplug_runtime_set_method(runtime, "echo", careful_echo, NULL);
    wplug_runtime_set_method(runtime, "keep", keep, NULL);
    wplug_call_options options;
    wplug_call_options_init(&options);
    call_end ending = {0, 0, NULL};
    char *params = script(commands);
    *status = wplug_call_start(runtime, plugin, "act", params, &options, keep_ending, &ending, NULL, NULL);
    free(params);
    if (*status == WPLUG_OK) {
        for (;;) {
            wplug_next next;
            wplug_runtime_step(runtime, 0, &next);
            if (next.when == WPLUG_IDLE) break;
            if (next.when != WPLUG_NOW) answer_kept();
        }
        *status = ending.result->status;
        *completions = ending.count;
        wplug_result_release(ending.result);
    } else {
        *completions = 1;
    }
    answer_kept();
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
    return true;
}

static void fail_each_in_turn(const char *commands, wplug_status expected, long fail_for) {
    for (long fail_at = 1;; fail_at++) {
        /* The plugin is fresh each time, so that translation on the first call is part of it. */
        meter plugin_meter = {.fail_at = 0}, self = {.fail_at = fail_at, .fail_for = fail_for};
        wplug_plugin *plugin;
        assert_int_equal(load_metered(&plugin_meter, &plugin, NULL), WPLUG_OK);
        wplug_status status;
        int completions;
        if (make_call(&self, plugin, commands, &status, &completions)) assert_int_equal(completions, 1);
        if (status != expected && status != WPLUG_RPC_ERROR) {
            if (status != WPLUG_NO_MEMORY) fail_msg("allocation %ld: %s", fail_at, wplug_status_name(status));
        }
        wplug_plugin_release(plugin);
        assert_int_equal(self.blocks, 0);
        assert_int_equal(self.bytes, 0);
        assert_int_equal(plugin_meter.blocks, 0);
        if (self.count < fail_at) {
            assert_int_equal(status, expected);
            return;
        }
    }
}

static void every_allocation_of_a_call_fails_in_turn(void **state) {
    fail_each_in_turn(
        "err hello\nask echo 1\nask keep 2\nask nothing 3\ntell echo 4\nwait\nwait\nwait\nerrraw x\nanswer 5",
        WPLUG_OK, 1);
    fail_each_in_turn("out {\"jsonrpc\":\"2.0\",\"id\":9,\"result\":1}\nfail 7 seven", WPLUG_RPC_ERROR, 1);
    fail_each_in_turn("out {\"jsonrpc\":\nout garbage", WPLUG_BAD_OUTPUT, 1);
    fail_each_in_turn("err x\ntrap", WPLUG_TRAP, 1);
    fail_each_in_turn("big 300000", WPLUG_OK, 1);
}

static void memory_that_stays_away_ends_calls_too(void **state) {
    fail_each_in_turn("err hello\nask echo 1\nask keep 2\nwait\nwait\nanswer 5", WPLUG_OK, 1000000);
}

static void every_allocation_of_a_translation_fails_in_turn(void **state) {
    for (long more = 1;; more++) {
        meter plugin_meter = {.fail_at = 0}, self = {.fail_at = 0};
        wplug_plugin *plugin;
        assert_int_equal(load_metered(&plugin_meter, &plugin, NULL), WPLUG_OK);
        plugin_meter.fail_at = plugin_meter.count + more;
        plugin_meter.fail_for = 1;
        wplug_status status;
        int completions;
        assert_true(make_call(&self, plugin, "ask echo 1\nwait\nanswer 1", &status, &completions));
        assert_int_equal(completions, 1);
        bool has_failed = plugin_meter.count >= plugin_meter.fail_at;
        if (has_failed && status != WPLUG_OK) assert_int_equal(status, WPLUG_NO_MEMORY);
        /* What failed once for lack of memory works when there is some again. */
        plugin_meter.fail_at = 0;
        assert_true(make_call(&self, plugin, "ask echo 1\nwait\nanswer 1", &status, &completions));
        assert_int_equal(status, WPLUG_OK);
        wplug_plugin_release(plugin);
        assert_int_equal(self.blocks, 0);
        assert_int_equal(plugin_meter.blocks, 0);
        if (!has_failed) break;
    }
}

static void many_calls_leave_memory_as_it_was(void **state) {
    meter self = {.fail_at = 0};
    wplug_plugin *plugin;
    assert_int_equal(load_metered(&self, &plugin, NULL), WPLUG_OK);
    wplug_runtime *runtime;
    assert_int_equal(new_metered_runtime(&self, &runtime), WPLUG_OK);
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    long blocks = 0;
    size_t bytes = 0;
    for (int round = 0; round < 50; round++) {
        wplug_result *result = act(runtime, plugin, "err x\nask echo 1\nwait\nbig 100000");
        assert_int_equal(result->status, WPLUG_OK);
        wplug_result_release(result);
        if (round == 1) blocks = self.blocks, bytes = self.bytes;
    }
    assert_int_equal(self.blocks, blocks);
    assert_int_equal(self.bytes, bytes);
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
    assert_int_equal(self.blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_load_fails_in_turn),
        cmocka_unit_test(every_allocation_of_a_description_fails_in_turn),
        cmocka_unit_test(every_allocation_of_a_listing_fails_in_turn),
        cmocka_unit_test(every_allocation_of_a_call_fails_in_turn),
        cmocka_unit_test(memory_that_stays_away_ends_calls_too),
        cmocka_unit_test(every_allocation_of_a_translation_fails_in_turn),
        cmocka_unit_test(many_calls_leave_memory_as_it_was),
    };
    return cmocka_run_group_tests(tests, read_module, free_module);
}
