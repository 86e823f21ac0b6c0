/* Asks many methods of the host at once, within a time limit: several calls and timers under way in one
 * handler. */
#include <wplug_pdk.h>

#define MOST_METHODS 64

/* The questions of a request. */
typedef struct inquiry {
    size_t count;
    wplug_text names[MOST_METHODS];
    wplug_host_call *calls[MOST_METHODS];
    bool answered[MOST_METHODS]; /* with a result or an error, in time */
} inquiry;

/* Calls all the methods that the parameter "methods" names, each with "params". NULL where that cannot be:
 * the request has failed then. */
static inquiry *ask(wplug_request *request) {
    wplug_value names = wplug_param(request, "methods");
    inquiry *asked = wplug_alloc(request, sizeof *asked);
    if (wplug_value_count(names) > MOST_METHODS)
        wplug_error(request, WPLUG_INVALID_PARAMS, "more than %d methods", MOST_METHODS);
    for (wplug_each each = wplug_each_in(names); !wplug_failed(request) && wplug_next(&each);) {
        wplug_text name = wplug_value_text(each.value);
        wplug_host_call *call = wplug_call_host(request, wplug_c_string(request, name));
        wplug_write_value(wplug_host_params(call), wplug_param(request, "params"));
        wplug_host_start(call);
        asked->names[asked->count] = name;
        asked->calls[asked->count++] = call;
    }
    return wplug_failed(request) ? NULL : asked;
}

/* Waits for all answers, but no longer than `limit_ms`, and says in the log every `report_ms` how many there
 * are. */
static void collect(wplug_request *request, inquiry *asked, uint64_t limit_ms, uint64_t report_ms) {
    wplug_wait set[MOST_METHODS + 2] = {
        {0}}; /* what has not come yet; the two timers stand behind the calls */
    wplug_wait *limit = &set[asked->count], *report = limit + 1;
    size_t answers = 0;
    for (size_t i = 0; i < asked->count; i++) set[i].call = asked->calls[i];
    limit->timer = wplug_timer_start(request, limit_ms);
    report->timer = wplug_timer_start(request, report_ms);
    while (answers < asked->count && !limit->ready) {
        wplug_wait_any(set, asked->count + 2, WPLUG_FOREVER);
        for (size_t i = 0; i < asked->count; i++) {
            if (!set[i].ready) continue;
            asked->answered[i] = true;
            set[i] = (wplug_wait){0};
            answers++;
        }
        if (report->ready) {
            wplug_log(WPLUG_LOG_INFO, "%zu of %zu have answered", answers, asked->count);
            wplug_timer_cancel(report->timer);
            report->timer = wplug_timer_start(request, report_ms);
        }
    }
}

/* What is late is cancelled by the answer. */
static void gather(wplug_request *request) {
    uint64_t limit_ms = wplug_param_uint64_or(request, "ms", 10000);
    uint64_t report_ms = wplug_param_uint64_or(request, "report_ms", 1000);
    inquiry *asked = ask(request);
    if (!asked) return;
    collect(request, asked, limit_ms, report_ms);

    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    for (size_t i = 0; i < asked->count; i++) {
        const wplug_host_error *error = asked->answered[i] ? wplug_host_error_of(asked->calls[i]) : NULL;
        wplug_key_text(result, asked->names[i]);
        wplug_begin_object(result);
        if (error)
            wplug_member_text(result, "error", error->message);
        else if (asked->answered[i])
            wplug_member_value(result, "result", wplug_host_result(asked->calls[i]));
        else
            wplug_member_bool(result, "late", true);
        wplug_end_object(result);
    }
    wplug_end_object(result);
}

/* The first answer that is no error; the others are cancelled. */
static void first(wplug_request *request) {
    inquiry *asked = ask(request);
    if (!asked) return;
    wplug_wait set[MOST_METHODS] = {{0}};
    for (size_t i = 0; i < asked->count; i++) set[i].call = asked->calls[i];
    while (wplug_wait_any(set, asked->count, WPLUG_FOREVER) > 0) {
        for (size_t i = 0; i < asked->count; i++) {
            if (!set[i].ready) continue;
            if (!wplug_host_error_of(asked->calls[i])) {
                wplug_result_value(request, wplug_host_result(asked->calls[i]));
                return;
            }
            set[i] = (wplug_wait){0};
        }
    }
    wplug_fail(request, "none of %zu methods has a result", asked->count);
}

WPLUG_PLUGIN("fanout", "1.0.0") {
    wplug_describe("Asks many methods of the host at once.");
    wplug_method(
        "gather", gather, .summary = "What each host method answers within a time limit",
        .params = {{"methods", WPLUG_ARRAY, "names of host methods, 64 at most"},
                   {"params", WPLUG_ANY, "passed to each", .optional = true},
                   {"ms", WPLUG_INTEGER, "how long to wait; 10000 where not given", .optional = true},
                   {"report_ms", WPLUG_INTEGER, "how often to log how far it is", .optional = true}},
        .result = WPLUG_OBJECT);
    wplug_method("first", first, .summary = "The first answer of several host methods",
                 .params = {{"methods", WPLUG_ARRAY, "names of host methods, 64 at most"},
                            {"params", WPLUG_ANY, "passed to each", .optional = true}});
}
