/* Six small methods that between them use everything a host has to provide: answers, randomness, the clock,
 * time that passes, host methods, and plain computing. Hosts are tested with it. */
#include <wplug_pdk.h>

#include <stdlib.h>

#define MOST_PRIMES 100000000 /* a byte for each odd number up to the limit: 50 MB */

static void ping(wplug_request *request) {
    wplug_result_string(request, "pong");
}

static void get_random_number(wplug_request *request) {
    wplug_result_uint64(request, wplug_random_uint64());
}

static void get_time(wplug_request *request) {
    wplug_result_uint64(request, wplug_realtime_ns() / 1000000000);
}

static void sleep_for(wplug_request *request) {
    uint64_t milliseconds = wplug_param_uint64(request, "ms");
    if (wplug_failed(request)) return;
    wplug_log(WPLUG_LOG_INFO, "sleeping for %llu ms", (unsigned long long)milliseconds);
    wplug_sleep(milliseconds);
    wplug_result_null(request);
}

static void many_echo(wplug_request *request) {
    uint64_t count = wplug_param_uint64(request, "n");
    for (uint64_t i = 0; i < count && !wplug_failed(request); i++) {
        wplug_host_call *call = wplug_call_host(request, "echo");
        wplug_write_uint64(wplug_host_params(call),
                           i); /* params that are a bare number: echo gives them back */
        uint64_t echo = wplug_value_uint64(wplug_host_result(call));
        uint64_t id = wplug_host_id(call);
        wplug_host_free(call);
        if (id != i)
            wplug_fail(request, "call %llu has id %llu", (unsigned long long)i, (unsigned long long)id);
        else if (echo != i && !wplug_failed(request))
            wplug_fail(request, "the echo of %llu is %llu", (unsigned long long)i, (unsigned long long)echo);
    }
    if (!wplug_failed(request)) wplug_result_null(request);
}

/* Counts primes with the sieve of Eratosthenes over odd numbers: composite[i] stands for 2i + 1. */
static size_t count_primes(uint8_t *composite, size_t limit) {
    size_t size = (limit + 1) / 2;
    for (size_t i = 1; (2 * i + 1) * (2 * i + 1) <= limit; i++) {
        if (composite[i]) continue;
        for (size_t j = 2 * i * (i + 1); j < size; j += 2 * i + 1) composite[j] = 1;
    }
    size_t count = limit >= 2; /* 2 itself */
    for (size_t i = 1; i < size; i++) count += !composite[i];
    return count;
}

static void prime_sieve(wplug_request *request) {
    size_t limit = (size_t)wplug_param_int64_in(request, "limit", 0, MOST_PRIMES);
    uint8_t *composite = wplug_alloc(request, limit / 2 + 1);
    if (wplug_failed(request)) return;
    size_t count = count_primes(composite, limit);
    wplug_log(WPLUG_LOG_INFO, "found %zu primes up to %zu", count, limit);
    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    wplug_member_uint64(result, "count", count);
    wplug_member_uint64(result, "limit", limit);
    wplug_end_object(result);
}

WPLUG_PLUGIN("test-plugin", "1.0.0") {
    wplug_describe("Methods that exercise a plugin host.");
    wplug_uses_host_method("echo", "gives back its params; many_echo calls it");
    wplug_method("ping", ping, .summary = "Answers \"pong\"", .result = WPLUG_JSON({"const" : "pong"}));
    wplug_method("get_random_number", get_random_number, .summary = "A random unsigned 64-bit number",
                 .result = WPLUG_JSON({"type" : "integer", "minimum" : 0, "maximum" : 18446744073709551615}));
    wplug_method("get_time", get_time, .summary = "Seconds since 1970-01-01 UTC",
                 .result = WPLUG_JSON({"type" : "integer", "minimum" : 0}));
    wplug_method("sleep", sleep_for, .summary = "Answers null after at least that long",
                 .params = {{"ms", WPLUG_JSON({"type" : "integer", "minimum" : 0}), "milliseconds"}},
                 .result = WPLUG_NULL);
    wplug_method("many_echo", many_echo, .summary = "Calls the host's echo n times, one after the other",
                 .description = "Checks that each answer has the right id and value.",
                 .params = {{"n", WPLUG_JSON({"type" : "integer", "minimum" : 0}), "how often"}},
                 .result = WPLUG_NULL);
    wplug_method(
        "prime_sieve", prime_sieve, .summary = "Counts the primes up to a limit",
        .params = {{"limit", WPLUG_JSON({"type" : "integer", "minimum" : 0, "maximum" : 100000000})}},
        .result = WPLUG_JSON({
            "type" : "object",
            "properties" : {"count" : {"type" : "integer"}, "limit" : {"type" : "integer"}},
            "required" : [ "count", "limit" ]
        }));
}
