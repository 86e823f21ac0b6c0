/* What the tests of snapshots share: calls of which everything that anybody can see is written down, to be compared. */
#ifndef WPLUG_TESTS_WATCH_H
#define WPLUG_TESTS_WATCH_H

#include "hostile/helper.h"

#include "host/host.h"

#define HOSTILE_ACTOR HOSTILE_GUESTS "/actor.wasm"

/* Everything that is seen of calls, in order. */
typedef struct transcript {
    char text[1 << 20];
    size_t size;
} transcript;

static UNUSED void tell(transcript *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(to->text + to->size, sizeof to->text - to->size, format, arguments);
    va_end(arguments);
    to->size += (size_t)size;
    assert_true(to->size < sizeof to->text);
}

static UNUSED void tell_log(void *user, const wplug_log *line) {
    tell(user, "log %d %s[%s] task %llx: %.*s%s\n", line->source, line->name, line->id,
         (unsigned long long)line->task, (int)line->text_size, line->text, line->is_cut ? " (cut)" : "");
}

static UNUSED void tell_trace(void *user, const wplug_trace *message) {
    tell(user, "%s task %llx: %.*s\n", message->to_plugin ? "<" : ">", (unsigned long long)message->task,
         (int)message->text_size, message->text);
}

/* The host method of all names: tells of the request, and answers with its params. */
static UNUSED void tell_request(void *user, wplug_request *request) {
    tell(user, "host method %s(%s) of task %llx\n", wplug_request_method(request),
         wplug_request_params(request, NULL), (unsigned long long)wplug_request_task(request));
    wplug_request_result(request, wplug_request_params(request, NULL));
}

static UNUSED void tell_result(transcript *to, const wplug_result *result) {
    tell(to, "%s: %s\n  json %s\n  error %lld %s %s\n  exit %d fuel %llu memory %llu\n%s",
         wplug_status_name(result->status), result->message, result->json, (long long)result->code,
         result->error_message, result->data, result->exit_code, (unsigned long long)result->fuel_used,
         (unsigned long long)result->memory_bytes, result->backtrace);
}

/* A runtime that tells everything. Calls are numbered alike in all of them, so that transcripts can be compared. */
static UNUSED wplug_runtime *new_watched_runtime(transcript *to, uint64_t pool_size) {
    wplug_runtime *runtime;
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    options.pool_size = pool_size;
    assert_int_equal(wplug_runtime_new(&options, &runtime, NULL), WPLUG_OK);
    wplug_runtime_set_log(runtime, tell_log, to);
    wplug_runtime_set_trace(runtime, tell_trace, to);
    wplug_runtime_set_default_method(runtime, tell_request, to);
    return runtime;
}

static UNUSED void watch_call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method,
                              const char *params, const wplug_limits *limits, transcript *to) {
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = limits;
    wplug_result *result;
    tell(to, "---- %s(%s)\n", method, params ? params : "");
    wplug_call(runtime, plugin, method, params, &options, &result, NULL);
    assert_non_null(result);
    tell_result(to, result);
    wplug_result_release(result);
}

/* The first line that differs is worth more than both texts. */
static UNUSED void expect_same(const transcript *expected, const transcript *found, const char *what) {
    const char *a = expected->text, *b = found->text;
    while (*a && *b) {
        size_t a_size = strcspn(a, "\n"), b_size = strcspn(b, "\n");
        if (a_size != b_size || memcmp(a, b, a_size) != 0)
            fail_msg("%s: from the beginning it is\n%.*s\nbut from the snapshot\n%.*s\nafter %.*s", what,
                     (int)a_size, a, (int)b_size, b,
                     (int)(a - expected->text < 600 ? a - expected->text : 600),
                     a - (a - expected->text < 600 ? a - expected->text : 600));
        a += a_size + (a[a_size] != 0);
        b += b_size + (b[b_size] != 0);
    }
    assert_string_equal(expected->text, found->text);
}

static UNUSED bool has_snapshot(const wplug_plugin *plugin) {
    return atomic_load(&plugin->snapshot) != NULL;
}

static UNUSED size_t idle_count(const wplug_runtime *runtime) {
    size_t count = 0;
    for (const host_sandbox *idle = runtime->pool.idle; idle; idle = idle->next) count++;
    return count;
}

#endif
