/* What the host's tests share: the guest that acts out a script (guests/actor.c), a record of logs and messages, host
 * methods, and calls in one line. */
#ifndef WPLUG_TESTS_HELPER_H
#define WPLUG_TESTS_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wplug/wplug.h"

#define ACTOR  GUESTS "/actor.wasm"
#define UNUSED __attribute__((unused))

/* Text that grows; lines are separated by '\n'. */
typedef struct record {
    char text[1 << 16];
} record;

static UNUSED void note(record *to, const char *format, ...) {
    size_t size = strlen(to->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to->text + size, sizeof to->text - size, format, arguments);
    va_end(arguments);
}

static UNUSED void record_log(void *user, const wplug_log *line) {
    assert_string_equal(line->text + line->text_size,
                        ""); /* terminated, and no 0 byte inside in these tests */
    note(user, "%s%.*s%s\n", line->source == WPLUG_LOG_HOST ? "host: " : "", (int)line->text_size, line->text,
         line->is_cut ? " (cut)" : "");
}

static UNUSED void record_trace(void *user, const wplug_trace *message) {
    note(user, "%s %.*s\n", message->to_plugin ? "<" : ">", (int)message->text_size, message->text);
}

static UNUSED wplug_plugin *load(const char *path, const wplug_plugin_options *options) {
    wplug_plugin *plugin;
    wplug_error error;
    if (wplug_plugin_load_file(path, options, &plugin, &error) != WPLUG_OK) fail_msg("%s", error.message);
    return plugin;
}

static UNUSED wplug_runtime *new_runtime(void) {
    wplug_runtime *runtime;
    wplug_error error;
    if (wplug_runtime_new(NULL, &runtime, &error) != WPLUG_OK) fail_msg("%s", error.message);
    return runtime;
}

/* A script as params: a JSON string. The caller frees it. */
static UNUSED char *script(const char *commands) {
    size_t needed;
    assert_int_equal(wplug_json_encode_string(commands, strlen(commands), NULL, 0, &needed), WPLUG_OK);
    char *json = malloc(needed + 1);
    assert_int_equal(wplug_json_encode_string(commands, strlen(commands), json, needed + 1, NULL), WPLUG_OK);
    return json;
}

/* Calls the actor and waits. The caller releases the result. */
static UNUSED wplug_result *act_within(wplug_runtime *runtime, wplug_plugin *actor,
                                       const wplug_limits *limits, const char *commands) {
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = limits;
    wplug_result *result;
    wplug_error error;
    char *params = script(commands);
    wplug_status status = wplug_call(runtime, actor, "act", params, &options, &result, &error);
    free(params);
    if (!result) fail_msg("%s", error.message);
    assert_int_equal(status, result->status);
    assert_int_equal(error.status, status);
    assert_string_equal(error.message, result->message);
    return result;
}

static UNUSED wplug_result *act(wplug_runtime *runtime, wplug_plugin *actor, const char *commands) {
    return act_within(runtime, actor, NULL, commands);
}

static UNUSED void expect_contains(const char *text, const char *piece) {
    if (!strstr(text, piece)) fail_msg("expected \"%s\" in: %s", piece, text);
}

/* The call must end with this status, and a message that contains this. */
static UNUSED void expect_end_within(wplug_runtime *runtime, wplug_plugin *actor, const wplug_limits *limits,
                                     const char *commands, wplug_status status, const char *message) {
    wplug_result *result = act_within(runtime, actor, limits, commands);
    if (result->status != status) {
        fail_msg("expected %s, got %s: %s", wplug_status_name(status), wplug_status_name(result->status),
                 result->message);
    }
    expect_contains(result->message, message);
    wplug_result_release(result);
}

static UNUSED void expect_end(wplug_runtime *runtime, wplug_plugin *actor, const char *commands,
                              wplug_status status, const char *message) {
    expect_end_within(runtime, actor, NULL, commands, status, message);
}

/* The call must give this result. */
static UNUSED void expect_result(wplug_runtime *runtime, wplug_plugin *actor, const char *commands,
                                 const char *json) {
    wplug_result *result = act(runtime, actor, commands);
    if (result->status != WPLUG_OK) fail_msg("%s: %s", wplug_status_name(result->status), result->message);
    assert_string_equal(result->json, json);
    assert_int_equal(result->json_size, strlen(json));
    wplug_result_release(result);
}

/* A host method that answers with its params. */
static UNUSED void echo(void *user, wplug_request *request) {
    assert_int_equal(wplug_request_result(request, wplug_request_params(request, NULL)), WPLUG_OK);
}

/* ---- A completion callback that keeps what it gets ---- */

typedef struct call_end {
    int count;
    wplug_task task;
    wplug_result *result;
} call_end;

static UNUSED void keep_ending(void *user, wplug_task task, wplug_result *result) {
    call_end *own = user;
    own->count++;
    own->task = task;
    wplug_result_release(own->result);
    own->result = wplug_result_retain(result);
}

static UNUSED wplug_task start_with(wplug_runtime *runtime, wplug_plugin *actor,
                                    const wplug_call_options *options, const char *commands,
                                    call_end *ending) {
    wplug_task task;
    wplug_error error;
    char *params = script(commands);
    wplug_status status =
        wplug_call_start(runtime, actor, "act", params, options, keep_ending, ending, &task, &error);
    free(params);
    if (status != WPLUG_OK) fail_msg("%s", error.message);
    return task;
}

static UNUSED wplug_task start(wplug_runtime *runtime, wplug_plugin *actor, const char *commands,
                               call_end *ending) {
    return start_with(runtime, actor, NULL, commands, ending);
}

static UNUSED void expect_ending(call_end *ending, wplug_status status) {
    assert_int_equal(ending->count, 1);
    if (ending->result->status != status) {
        fail_msg("expected %s, got %s: %s", wplug_status_name(status),
                 wplug_status_name(ending->result->status), ending->result->message);
    }
    wplug_result_release(ending->result);
    ending->result = NULL;
}

#endif
