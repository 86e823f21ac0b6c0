/* Commands with the embedder's stdio, and single functions. */
#include "helper.h"

/* A program's stdio: text goes in piece by piece, what comes out is kept. */
typedef struct stdio {
    const char *input;
    size_t input_size, piece; /* what a read gives at most; 0: all */
    int blocks;               /* every other read and write would block first */
    int toggle, would_block;
    ptrdiff_t read_error, write_error; /* after the input; 0: none */
    record out, err;
    size_t out_size;
} stdio;

static ptrdiff_t read_input(void *user, void *buffer, size_t size) {
    stdio *self = user;
    if (self->blocks && (self->toggle = !self->toggle)) {
        self->would_block++;
        return WPLUG_IO_WOULD_BLOCK;
    }
    if (self->input_size == 0 && self->read_error) return self->read_error;
    if (size > self->input_size) size = self->input_size;
    if (self->piece && size > self->piece) size = self->piece;
    memcpy(buffer, self->input, size);
    self->input += size;
    self->input_size -= size;
    return (ptrdiff_t)size;
}

static ptrdiff_t write_output(void *user, int fd, const void *bytes, size_t size) {
    stdio *self = user;
    if (fd == 1 && self->write_error) return self->write_error;
    if (self->blocks && (self->toggle = !self->toggle)) {
        self->would_block++;
        return WPLUG_IO_WOULD_BLOCK;
    }
    if (self->blocks && size > 1000) size = 1000;
    record *to = fd == 1 ? &self->out : &self->err;
    assert_true(fd == 1 || fd == 2);
    note(to, "%.*s", (int)size, (const char *)bytes);
    if (fd == 1) self->out_size += size;
    return (ptrdiff_t)size;
}

typedef struct fixture {
    wplug_runtime *runtime;
    wplug_plugin *shout, *numbers;
    stdio stdio;
} fixture;

static int set_up(void **state) {
    fixture *self = calloc(1, sizeof *self);
    self->runtime = new_runtime();
    self->shout = load(GUESTS "/shout.wasm", NULL);
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.library = true;
    self->numbers = load(GUESTS "/numbers.wasm", &options);
    self->stdio.input = "Hello, world!\n";
    self->stdio.input_size = 14;
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    fixture *self = *state;
    assert_int_equal(wplug_runtime_task_count(self->runtime), 0);
    assert_int_equal(wplug_runtime_free(self->runtime), WPLUG_OK);
    wplug_plugin_release(self->shout);
    wplug_plugin_release(self->numbers);
    free(self);
    return 0;
}

#define FIXTURE fixture *self = *state

static wplug_command_options options_for(fixture *self, const char *const *args, size_t arg_count) {
    wplug_command_options options;
    wplug_command_options_init(&options);
    options.read = read_input;
    options.write = write_output;
    options.stdio_user = &self->stdio;
    options.args = args;
    options.arg_count = arg_count;
    return options;
}

static void expect_command(fixture *self, const wplug_command_options *options, wplug_status status,
                           int exit_code) {
    wplug_result *result;
    wplug_error error;
    wplug_status got = wplug_command(self->runtime, self->shout, options, &result, &error);
    if (got != status) fail_msg("%s: %s", wplug_status_name(got), error.message);
    assert_int_equal(result->exit_code, exit_code);
    wplug_result_release(result);
}

/* ---- Commands ---- */

static void a_command_reads_and_writes_through_the_callbacks(void **state) {
    FIXTURE;
    wplug_command_options options = options_for(self, NULL, 0);
    expect_command(self, &options, WPLUG_OK, 0);
    assert_string_equal(self->stdio.out.text, "HELLO, WORLD!\n");
    assert_string_equal(self->stdio.err.text, "done\n");
}

static void without_callbacks_input_is_empty_and_output_dropped(void **state) {
    FIXTURE;
    expect_command(self, NULL, WPLUG_OK, 0);
}

static void exit_codes_are_results(void **state) {
    FIXTURE;
    static const char *const args[] = {"shout", "exit", "42"};
    wplug_command_options options = options_for(self, args, 3);
    expect_command(self, &options, WPLUG_OK, 42);
    assert_string_equal(self->stdio.out.text, "HELLO, WORLD!\n");
}

static void a_command_that_traps_or_spins_ends_with_its_status(void **state) {
    FIXTURE;
    static const char *const traps[] = {"shout", "trap"}, *const spins[] = {"shout", "spin"};
    wplug_command_options options = options_for(self, traps, 2);
    expect_command(self, &options, WPLUG_TRAP, 0);
    assert_string_equal(self->stdio.err.text, "done\n"); /* what it wrote before is not lost */
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 1000000;
    options = options_for(self, spins, 2);
    options.limits = &limits;
    expect_command(self, &options, WPLUG_FUEL_LIMIT, 0);
    limits.fuel = 0;
    limits.time_ns = 20000000;
    expect_command(self, &options, WPLUG_TIME_LIMIT, 0);
}

static void stdio_that_would_block_is_asked_again_when_it_is_ready(void **state) {
    FIXTURE;
    static char large[30001];
    memset(large, 'a', sizeof large - 1);
    self->stdio.input = large;
    self->stdio.input_size = sizeof large - 1;
    self->stdio.piece = 7000;
    self->stdio.blocks = 1;
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.time_ns = WPLUG_UNLIMITED;
    wplug_command_options options = options_for(self, NULL, 0);
    options.limits = &limits;
    call_end ending = {0, 0, NULL};
    wplug_task task;
    assert_int_equal(
        wplug_command_start(self->runtime, self->shout, &options, keep_ending, &ending, &task, NULL),
        WPLUG_OK);
    int waits = 0;
    while (ending.count == 0) {
        wplug_next next;
        assert_int_equal(wplug_runtime_step(self->runtime, 0, &next), WPLUG_OK);
        if (next.when == WPLUG_NOW || ending.count) continue;
        assert_int_equal(next.when, WPLUG_WOKEN);
        wplug_task_info info = {.size = sizeof info};
        assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
        assert_int_equal(wplug_task_stdio_ready(self->runtime, task), WPLUG_OK);
        waits++;
    }
    expect_ending(&ending, WPLUG_OK);
    assert_int_equal(self->stdio.out_size, 30000);
    assert_int_equal(strspn(self->stdio.out.text, "A"), 30000);
    assert_string_equal(self->stdio.err.text, "done\n");
    assert_true(waits > 10 && self->stdio.would_block >= waits);
}

static void a_command_that_polls_for_input_finds_it(void **state) {
    FIXTURE;
    static const char *const args[] = {"shout", "poll"};
    wplug_command_options options = options_for(self, args, 2);
    expect_command(self, &options, WPLUG_OK, 0);
    assert_string_equal(self->stdio.err.text, "input\ndone\n");
    assert_string_equal(self->stdio.out.text, "HELLO, WORLD!\n");
}

static void errors_of_stdio_are_errors_of_the_guest(void **state) {
    FIXTURE;
    wplug_command_options options = options_for(self, NULL, 0);
    self->stdio.read_error = WPLUG_IO_FAILED;
    expect_command(self, &options, WPLUG_OK, 4);
    assert_string_equal(self->stdio.err.text, "read: I/O error\n");
    /* An error of a write is that of the next one, as with a pipe: the host takes a little in advance. */
    static char large[200001];
    memset(large, 'a', sizeof large - 1);
    self->stdio = (stdio){.input = large, .input_size = sizeof large - 1, .write_error = WPLUG_IO_CLOSED};
    expect_command(self, &options, WPLUG_OK, 3);
}

static void cancel_ends_a_command_that_waits(void **state) {
    FIXTURE;
    self->stdio.read_error = WPLUG_IO_WOULD_BLOCK;
    wplug_command_options options = options_for(self, NULL, 0);
    call_end ending = {0, 0, NULL};
    wplug_task task;
    assert_int_equal(
        wplug_command_start(self->runtime, self->shout, &options, keep_ending, &ending, &task, NULL),
        WPLUG_OK);
    wplug_next next;
    do wplug_runtime_step(self->runtime, 0, &next);
    while (next.when == WPLUG_NOW);
    wplug_task_info info = {.size = sizeof info};
    assert_int_equal(wplug_task_inspect(self->runtime, task, &info), WPLUG_OK);
    assert_int_equal(info.state, WPLUG_TASK_WAITING_STDIO);
    assert_int_equal(wplug_task_cancel(self->runtime, task), WPLUG_OK);
    wplug_runtime_run(self->runtime);
    expect_ending(&ending, WPLUG_CANCELLED);
}

static void the_start_section_runs_first(void **state) {
    FIXTURE;
    wplug_plugin *plugin = load(GUESTS "/start_section.wasm", NULL);
    wplug_command_options options = options_for(self, NULL, 0);
    assert_int_equal(wplug_command(self->runtime, plugin, &options, NULL, NULL), WPLUG_OK);
    assert_string_equal(self->stdio.out.text, "A\n");
    wplug_plugin_release(plugin);
}

static void a_library_is_no_command(void **state) {
    FIXTURE;
    wplug_error error;
    assert_int_equal(wplug_command(self->runtime, self->numbers, NULL, NULL, &error), WPLUG_NO_START);
    assert_int_equal(wplug_call(self->runtime, self->numbers, "x", NULL, NULL, NULL, &error), WPLUG_NO_START);
    expect_contains(error.message, "numbers");
}

/* ---- Single functions ---- */

static wplug_status invoke(fixture *self, const char *name, const char *const *arguments, size_t count,
                           char *out) {
    wplug_result *result;
    wplug_error error;
    wplug_status status =
        wplug_invoke(self->runtime, self->numbers, name, arguments, count, NULL, &result, &error);
    out[0] = 0;
    if (status) {
        strcpy(out, error.message);
    } else {
        for (size_t i = 0; i < result->value_count; i++) {
            sprintf(out + strlen(out), "%s%s %s", i ? ", " : "", result->values[i].type,
                    result->values[i].text);
        }
    }
    wplug_result_release(result);
    return status;
}

static void expect_echo(fixture *self, const char *name, const char *argument, const char *expected) {
    char out[2048], full[100];
    snprintf(full, sizeof full, "%s %s", name, expected);
    if (invoke(self, name, &argument, 1, out) != WPLUG_OK) fail_msg("%s(%s): %s", name, argument, out);
    assert_string_equal(out, full);
}

static void expect_bad_argument(fixture *self, const char *name, const char *argument) {
    char out[2048];
    if (invoke(self, name, &argument, 1, out) != WPLUG_BAD_ARGUMENT)
        fail_msg("%s(%s): %s", name, argument, out);
    expect_contains(out, argument);
    expect_contains(out, name);
}

static void integers_are_read_signed_unsigned_and_in_hex(void **state) {
    FIXTURE;
    expect_echo(self, "i32", "0", "0");
    expect_echo(self, "i32", "-2147483648", "-2147483648");
    expect_echo(self, "i32", "2147483647", "2147483647");
    expect_echo(self, "i32", "4294967295", "-1");
    expect_echo(self, "i32", "+7", "7");
    expect_echo(self, "i32", "0x80000000", "-2147483648");
    expect_echo(self, "i64", "-9223372036854775808", "-9223372036854775808");
    expect_echo(self, "i64", "18446744073709551615", "-1");
    expect_echo(self, "i64", "0xffffffffffffffff", "-1");
    static const char *const bad32[] = {"",   "-",   "x",  "1.0", "4294967296", "-2147483649",
                                        "0x", "0xg", "1 ", " 1",  "--1"};
    for (size_t i = 0; i < sizeof bad32 / sizeof bad32[0]; i++) expect_bad_argument(self, "i32", bad32[i]);
    expect_bad_argument(self, "i64", "18446744073709551616");
    expect_bad_argument(self, "i64", "-9223372036854775809");
}

static void floats_are_read_and_written_exactly(void **state) {
    FIXTURE;
    expect_echo(self, "f64", "0.1", "0.1");
    expect_echo(self, "f64", "-0", "-0");
    expect_echo(self, "f64", "1e308", "1e+308");
    expect_echo(self, "f64", "5e-324", "5e-324");
    expect_echo(self, "f64", "inf", "inf");
    expect_echo(self, "f64", "-inf", "-inf");
    expect_echo(self, "f64", "nan", "nan");
    expect_echo(self, "f64", "3", "3");
    expect_echo(self, "f32", "0.1", "0.1");
    expect_echo(self, "f32", "16777217", "16777216"); /* rounded to the type */
    expect_echo(self, "f32", "3.4028234663852886e38", "3.4028235e+38");
    expect_echo(self, "f32", "1e-45", "1e-45");
    expect_echo(self, "f32", "-0", "-0");
    expect_echo(self, "f32", "1e39", "inf");
    expect_bad_argument(self, "f64", "1,5");
    expect_bad_argument(self, "f64", "abc");
}

static void references_can_only_be_null(void **state) {
    FIXTURE;
    expect_echo(self, "externref", "null", "null");
    expect_bad_argument(self, "externref", "1");
}

/* With a name for each type of reference: parameters may be null here or not, of an abstract type or of type 0. */
static void references_are_called_by_their_types(void **state) {
    FIXTURE;
    static const char module[] = "\0asm\1\0\0\0"
                                 "\1\x11\2\x60\0\0\x60\3\x63\0\x70\x63\x69\3\x63\0\x70\x63\x69"
                                 "\3\2\1\1"
                                 "\7\7\1\3"
                                 "all\0\0"
                                 "\x0a\x0a\1\x08\0\x20\0\x20\1\x20\2\x0b";
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.library = true;
    wplug_plugin *numbers = self->numbers;
    wplug_error error;
    if (wplug_plugin_load(module, sizeof module - 1, &options, &self->numbers, &error) != WPLUG_OK)
        fail_msg("%s", error.message);
    wplug_plugin_release(numbers);
    char out[2048];
    const char *arguments[] = {"null", "null", "null"};
    assert_int_equal(invoke(self, "all", arguments, 3, out), WPLUG_OK);
    assert_string_equal(out, "(ref null 0) null, funcref null, exnref null");
    arguments[0] = "5";
    assert_int_equal(invoke(self, "all", arguments, 3, out), WPLUG_BAD_ARGUMENT);
    expect_contains(out, "which is no (ref null 0)");
    char *json;
    assert_int_equal(wplug_inspect(module, sizeof module - 1, &options, &json, NULL), WPLUG_OK);
    expect_contains(json, "\"((ref null 0), funcref, exnref) -> ((ref null 0), funcref, exnref)\"");
    wplug_text_free(json);
}

static void several_results_and_none(void **state) {
    FIXTURE;
    char out[2048];
    static const char *const arguments[] = {"7", "2.5"};
    assert_int_equal(invoke(self, "swap", arguments, 2, out), WPLUG_OK);
    assert_string_equal(out, "f64 2.5, i32 7");
    assert_int_equal(invoke(self, "nothing", NULL, 0, out), WPLUG_OK);
    assert_string_equal(out, "");
}

static void wrong_names_and_counts_are_told(void **state) {
    FIXTURE;
    char out[2048];
    static const char *const arguments[] = {"7", "0", NULL};
    assert_int_equal(invoke(self, "nope", NULL, 0, out), WPLUG_NO_EXPORT);
    expect_contains(out, "nope");
    assert_int_equal(invoke(self, "memory", NULL, 0, out), WPLUG_NO_EXPORT);
    expect_contains(out, "not a function");
    assert_int_equal(invoke(self, "divide", arguments, 1, out), WPLUG_BAD_ARGUMENT);
    expect_contains(out, "takes 2 arguments, not 1");
    assert_int_equal(invoke(self, "divide", arguments + 1, 2, out), WPLUG_MISUSE);
    assert_int_equal(invoke(self, "divide", NULL, 2, out), WPLUG_MISUSE);
    assert_int_equal(invoke(self, NULL, NULL, 0, out), WPLUG_MISUSE);
}

static void traps_and_limits_of_functions_are_told(void **state) {
    FIXTURE;
    char out[2048];
    static const char *const arguments[] = {"7", "0"};
    assert_int_equal(invoke(self, "divide", arguments, 2, out), WPLUG_TRAP);
    expect_contains(out, "integer divide by zero");
    expect_contains(out, "\"divide\"");
    assert_int_equal(invoke(self, "recurse", NULL, 0, out), WPLUG_STACK_LIMIT);
    expect_contains(out, "in deep");
    wplug_command_options options;
    wplug_command_options_init(&options);
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 1000;
    options.limits = &limits;
    wplug_error error;
    assert_int_equal(wplug_invoke(self->runtime, self->numbers, "spin", NULL, 0, &options, NULL, &error),
                     WPLUG_FUEL_LIMIT);
}

static void a_reactor_is_initialised_first(void **state) {
    FIXTURE;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.library = true;
    wplug_plugin *reactor = load(GUESTS "/reactor.wasm", &options);
    wplug_result *result;
    assert_int_equal(wplug_invoke(self->runtime, reactor, "get", NULL, 0, NULL, &result, NULL), WPLUG_OK);
    assert_string_equal(result->values[0].text, "42");
    wplug_result_release(result);
    assert_int_equal(wplug_invoke(self->runtime, reactor, "_initialize", NULL, 0, NULL, NULL, NULL),
                     WPLUG_OK);
    wplug_plugin_release(reactor);
}

static void functions_may_write_and_exit(void **state) {
    FIXTURE;
    static const char *const args[] = {"shout", "exit", "5"};
    wplug_command_options options = options_for(self, args, 3);
    wplug_result *result;
    assert_int_equal(wplug_invoke(self->runtime, self->shout, "_start", NULL, 0, &options, &result, NULL),
                     WPLUG_EXITED);
    assert_int_equal(result->exit_code, 5);
    wplug_result_release(result);
    assert_string_equal(self->stdio.out.text, "HELLO, WORLD!\n");
}

/* ---- Determinism, and guests that poll ---- */

static void deterministic_runs_are_the_same_to_the_last_unit_of_fuel(void **state) {
    FIXTURE;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.deterministic = true;
    options.seed = 7;
    options.start_time_ns = 1700000000000000000;
    char random[100] = "", time[100] = "";
    uint64_t fuel = 0;
    for (int round = 0; round < 4; round++) {
        if (round == 3) options.seed = 8;
        wplug_plugin *actor = load(ACTOR, &options);
        wplug_result *result = act(self->runtime, actor, "random");
        assert_int_equal(result->status, WPLUG_OK);
        if (round == 0) strcpy(random, result->json);
        if (round < 3)
            assert_string_equal(result->json, random);
        else
            assert_string_not_equal(result->json, random);
        wplug_result_release(result);
        uint64_t before = wplug_monotonic_ns();
        result = act(self->runtime, actor, "sleep 3600000\ntime");
        assert_true(wplug_monotonic_ns() - before < 60000000000); /* an hour that takes no time */
        if (round == 0) strcpy(time, result->json), fuel = result->fuel_used;
        assert_string_equal(result->json, time);
        assert_int_equal(result->fuel_used, fuel);
        uint64_t told = strtoull(time, NULL, 10) - options.start_time_ns;
        assert_true(told >= 3600000000000 && told < 3600000000000 + 100000000);
        wplug_result_release(result);
        wplug_plugin_release(actor);
    }
}

static void answer_now(void *user, wplug_task task, wplug_result *result) {
    wplug_request_result(user, "1");
    wplug_request_release(user);
}

/* Answers when another call has slept for some milliseconds. */
static void answer_after_a_while(void *user, wplug_request *request) {
    fixture *self = user;
    assert_int_equal(wplug_call_start(self->runtime, wplug_request_plugin(request), "act",
                                      "\"sleep 15\\nanswer 1\"", NULL, answer_now,
                                      wplug_request_retain(request), NULL, NULL),
                     WPLUG_OK);
}

static void guests_that_poll_are_served_and_cost_next_to_nothing(void **state) {
    FIXTURE;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    wplug_runtime_set_method(self->runtime, "slow", answer_after_a_while, self);
    uint64_t fuel[2];
    for (int round = 0; round < 2; round++) {
        /* NONBLOCK set by the guest itself, and the option of the plugin. */
        options.async_guest = round == 1;
        wplug_plugin *actor = load(ACTOR, &options);
        wplug_result *result =
            act(self->runtime, actor, round == 0 ? "ask slow 1\ntry\nlast" : "ask slow 1\nwait\nlast");
        if (result->status) fail_msg("%s", result->message);
        assert_string_equal(result->json, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}");
        fuel[round] = result->fuel_used;
        wplug_result_release(result);
        wplug_plugin_release(actor);
    }
    assert_true(fuel[0] < 500000 && fuel[1] < 500000); /* without pauses it would be millions */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_command_reads_and_writes_through_the_callbacks),
        TEST(without_callbacks_input_is_empty_and_output_dropped),
        TEST(exit_codes_are_results),
        TEST(a_command_that_traps_or_spins_ends_with_its_status),
        TEST(stdio_that_would_block_is_asked_again_when_it_is_ready),
        TEST(a_command_that_polls_for_input_finds_it),
        TEST(errors_of_stdio_are_errors_of_the_guest),
        TEST(cancel_ends_a_command_that_waits),
        TEST(the_start_section_runs_first),
        TEST(a_library_is_no_command),
        TEST(integers_are_read_signed_unsigned_and_in_hex),
        TEST(floats_are_read_and_written_exactly),
        TEST(references_can_only_be_null),
        TEST(references_are_called_by_their_types),
        TEST(several_results_and_none),
        TEST(wrong_names_and_counts_are_told),
        TEST(traps_and_limits_of_functions_are_told),
        TEST(a_reactor_is_initialised_first),
        TEST(functions_may_write_and_exit),
        TEST(deterministic_runs_are_the_same_to_the_last_unit_of_fuel),
        TEST(guests_that_poll_are_served_and_cost_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
