/* The pool of a runtime: how many sandboxes it keeps, and for how long; plugins that are released while it has some of them;
 * many calls at once, on many threads, and for a long time; memory that runs out. */
#include "hostile/meter.h"
#include "system.h"
#include "watch.h"

#include <pthread.h>

#define EARLY GUESTS "/early.wasm"

static wplug_runtime *runtime_with(meter *self, uint64_t pool_size) {
    wplug_runtime *runtime;
    wplug_allocator allocator = {metered_resize, self};
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    if (self) options.allocator = &allocator;
    options.pool_size = pool_size;
    return wplug_runtime_new(&options, &runtime, NULL) == WPLUG_OK ? runtime : NULL;
}

static wplug_plugin *plugin_with(meter *self, const char *path) {
    wplug_plugin *plugin;
    wplug_allocator allocator = {metered_resize, self};
    static const char *const args[] = {"early", "log x", "grow 20"};
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    if (self) options.allocator = &allocator;
    options.args = args;
    options.arg_count = 3;
    return wplug_plugin_load_file(path, &options, &plugin, NULL) == WPLUG_OK ? plugin : NULL;
}

static void call_once(wplug_runtime *runtime, wplug_plugin *plugin) {
    wplug_error error;
    if (wplug_call(runtime, plugin, "x", NULL, NULL, NULL, &error) != WPLUG_OK) fail_msg("%s", error.message);
}

/* ---- How many, and for how long ---- */

static void hold(void *user, wplug_request *request) {
    wplug_request **held = user;
    while (*held) held++;
    *held = wplug_request_retain(request);
}

enum { MANY = 200 };

static void a_crowd_of_calls_leaves_no_more_than_the_pool_size(void **state) {
    static const struct {
        uint64_t pool_size;
        size_t kept;
    } cases[] = {{0, 32}, {5, 5}, {MANY * 2, MANY}, {WPLUG_NO_POOL, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        static wplug_request *held[MANY + 1];
        memset(held, 0, sizeof held);
        call_end endings[MANY] = {0};
        wplug_runtime *runtime = runtime_with(NULL, cases[c].pool_size);
        wplug_plugin *actor = load(HOSTILE_ACTOR, NULL);
        wplug_runtime_set_method(runtime, "hold", hold, held);
        expect_result(runtime, actor, "answer 1", "1");
        for (int i = 0; i < MANY; i++) start(runtime, actor, "ask hold 1\nwait\nlast", &endings[i]);
        wplug_next next;
        do assert_int_equal(wplug_runtime_step(runtime, 0, &next), WPLUG_OK);
        while (next.when == WPLUG_NOW);
        assert_non_null(held[MANY - 1]);
        for (int i = 0; i < MANY; i++) {
            char answer[20];
            snprintf(answer, sizeof answer, "%d", i);
            assert_int_equal(wplug_request_result(held[i], answer), WPLUG_OK);
            wplug_request_release(held[i]);
        }
        assert_int_equal(wplug_runtime_run(runtime), WPLUG_OK);
        /* Each got its own answer. */
        for (int i = 0; i < MANY; i++) {
            char json[60];
            snprintf(json, sizeof json, "\"result\":%d", i);
            expect_contains(endings[i].result->json, json);
            expect_ending(&endings[i], WPLUG_OK);
        }
        assert_int_equal(idle_count(runtime), cases[c].kept);
        assert_int_equal(runtime->pool.member_count, cases[c].kept);
        assert_int_equal(wplug_runtime_trim(runtime), WPLUG_OK);
        assert_int_equal(idle_count(runtime), 0);
        assert_int_equal(runtime->pool.member_count, 0);
        expect_result(runtime, actor, "answer 2", "2");
        wplug_plugin_release(actor);
        wplug_runtime_free(runtime);
    }
}

static void the_plugin_that_was_not_called_for_the_longest_time_makes_room(void **state) {
    wplug_runtime *runtime = runtime_with(NULL, 2);
    wplug_plugin *plugins[3];
    for (int i = 0; i < 3; i++) {
        plugins[i] = plugin_with(NULL, EARLY);
        call_once(runtime, plugins[i]); /* from the beginning */
        call_once(runtime, plugins[i]);
    }
    assert_int_equal(idle_count(runtime), 2);
    assert_ptr_equal(runtime->pool.idle->plugin, plugins[2]);
    assert_ptr_equal(runtime->pool.idle->next->plugin, plugins[1]);
    call_once(runtime, plugins[1]);
    call_once(runtime, plugins[0]);
    assert_ptr_equal(runtime->pool.idle->plugin, plugins[0]);
    assert_ptr_equal(runtime->pool.idle->next->plugin, plugins[1]);
    for (int i = 0; i < 3; i++) wplug_plugin_release(plugins[i]);
    wplug_runtime_free(runtime);
}

static void a_released_plugin_goes_with_the_next_step(void **state) {
    meter ours = {0};
    wplug_runtime *runtime = runtime_with(NULL, 0);
    wplug_plugin *other = load(HOSTILE_ACTOR, NULL), *plugin = plugin_with(&ours, EARLY);
    call_once(runtime, plugin);
    call_once(runtime, plugin);
    assert_int_equal(idle_count(runtime), 1);
    wplug_plugin_release(plugin);
    assert_int_equal(wplug_runtime_step(runtime, 0, NULL), WPLUG_OK);
    assert_int_equal(idle_count(runtime), 0);
    assert_int_equal(ours.blocks, 0);
    expect_result(runtime, other, "answer 1", "1");
    wplug_plugin_release(other);
    wplug_runtime_free(runtime);
}

static void a_released_plugin_goes_with_its_runtime(void **state) {
    meter ours = {0};
    wplug_runtime *runtime = runtime_with(NULL, 0);
    wplug_plugin *plugin = plugin_with(&ours, EARLY);
    call_once(runtime, plugin);
    call_once(runtime, plugin);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    assert_int_equal(ours.blocks, 0);
}

static void a_snapshot_mode_that_is_none_is_refused(void **state) {
    wplug_plugin *plugin;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.snapshot = (wplug_snapshot_mode)3;
    assert_int_equal(wplug_plugin_load_file(EARLY, &options, &plugin, NULL), WPLUG_MISUSE);
    assert_null(plugin);
    assert_int_equal(wplug_runtime_trim(NULL), WPLUG_MISUSE);
}

/* ---- For a long time ---- */

static void thousands_of_calls_leave_nothing_behind(void **state) {
    meter ours = {0};
    int before = system_open_descriptors();
    wplug_runtime *runtime = runtime_with(&ours, 0);
    wplug_plugin *plugin = plugin_with(&ours, EARLY), *actor = plugin_with(&ours, HOSTILE_ACTOR);
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    size_t bytes = 0;
    long blocks = 0;
    int descriptors = 0;
    for (int i = 0; i < 3000; i++) {
        call_once(runtime, plugin);
        expect_result(runtime, actor, "err x\nask echo [1]\nwait\nanswer 5", "5");
        expect_end(runtime, actor, i % 2 ? "trap" : "exit 4", i % 2 ? WPLUG_TRAP : WPLUG_EXITED, "act");
        if (i == 10) {
            bytes = ours.bytes;
            blocks = ours.blocks;
            descriptors = system_open_descriptors();
        }
    }
    assert_int_equal(ours.bytes, bytes);
    assert_int_equal(ours.blocks, blocks);
    assert_int_equal(system_open_descriptors(), descriptors);
    wplug_plugin_release(plugin);
    wplug_plugin_release(actor);
    wplug_runtime_free(runtime);
    assert_int_equal(ours.blocks, 0);
    assert_int_equal(system_open_descriptors(), before);
}

/* ---- Many threads ---- */

typedef struct worker {
    pthread_t thread;
    wplug_plugin *plugin;
    bool ok;
} worker;

static void *call_often(void *user) {
    worker *self = user;
    wplug_runtime *runtime = runtime_with(NULL, 0);
    self->ok = runtime != NULL;
    for (int i = 0; i < 50 && self->ok; i++) {
        wplug_result *result;
        self->ok = wplug_call(runtime, self->plugin, "x", NULL, NULL, &result, NULL) == WPLUG_OK &&
                   strstr(result->json, "\"read\":52") != NULL;
        wplug_result_release(result);
    }
    wplug_plugin_release(self->plugin);
    wplug_runtime_free(runtime);
    return NULL;
}

static void threads_share_one_snapshot(void **state) {
    if (!HAS_THREADS) skip();
    enum { THREADS = 8 };
    for (int round = 0; round < 5; round++) {
        wplug_plugin *plugin = plugin_with(NULL, EARLY);
        worker workers[THREADS];
        for (int i = 0; i < THREADS; i++) {
            workers[i] = (worker){.plugin = wplug_plugin_retain(plugin)};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, call_often, &workers[i]), 0);
        }
        wplug_plugin_release(plugin);
        for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
        for (int i = 0; i < THREADS; i++) assert_true(workers[i].ok);
    }
}

/* ---- Memory that runs out ---- */

/* Three calls: one that records, one that opens a sandbox, one that has it from the pool. */
static void every_allocation_fails_in_turn(void **state) {
    for (long fail_at = 1;; fail_at++) {
        meter ours = {.fail_at = fail_at};
        wplug_plugin *plugin = plugin_with(&ours, EARLY);
        wplug_runtime *runtime = plugin ? runtime_with(&ours, 0) : NULL;
        bool has_failed = false;
        for (int i = 0; i < 4 && runtime; i++) {
            wplug_status status = wplug_call(runtime, plugin, "x", NULL, NULL, NULL, NULL);
            has_failed |= status != WPLUG_OK;
            /* A guest that wants its memory to grow and gets none has no way to say so. */
            if (status != WPLUG_OK && status != WPLUG_NO_MEMORY) assert_int_equal(status, WPLUG_TRAP);
        }
        wplug_plugin_release(plugin);
        wplug_runtime_free(runtime);
        assert_int_equal(ours.blocks, 0);
        assert_int_equal(ours.bytes, 0);
        if (ours.count < fail_at) {
            assert_false(has_failed);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_of_calls_leaves_no_more_than_the_pool_size),
        cmocka_unit_test(the_plugin_that_was_not_called_for_the_longest_time_makes_room),
        cmocka_unit_test(a_released_plugin_goes_with_the_next_step),
        cmocka_unit_test(a_released_plugin_goes_with_its_runtime),
        cmocka_unit_test(a_snapshot_mode_that_is_none_is_refused),
        cmocka_unit_test(thousands_of_calls_leave_nothing_behind),
        cmocka_unit_test(threads_share_one_snapshot),
        cmocka_unit_test(every_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
