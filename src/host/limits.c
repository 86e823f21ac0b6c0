/* Owns the default limits, and how those of a call, a plugin and the library combine. */
#include "host/host.h"

static const wplug_limits defaults = {
    .size = sizeof(wplug_limits),
    .fuel = WPLUG_UNLIMITED,
    .time_ns = 60ull * 1000 * 1000 * 1000,
    .memory_bytes = 256ull << 20,
    .table_elements = 1000000,
    .stack_bytes = 1ull << 20,
    .depth = 100000,
    .message_bytes = 16ull << 20,
    .message_depth = 128,
    .log_bytes = 16ull << 20,
    .log_line_bytes = 8ull << 10,
    .host_calls = 1024,
    .linger_fuel = 10 * 1000 * 1000,
    .linger_ns = 100ull * 1000 * 1000,
};

static uint64_t pick(uint64_t own, uint64_t below, uint64_t otherwise) {
    if (own) return own;
    return below ? below : otherwise;
}

bool host_limits_resolve(const wplug_limits *own, const wplug_limits *below, wplug_limits *out) {
    wplug_limits a, b;
    if (!host_read_struct(&a, sizeof a, own) || !host_read_struct(&b, sizeof b, below)) return false;
    *out = (wplug_limits){
        .size = sizeof *out,
        .fuel = pick(a.fuel, b.fuel, defaults.fuel),
        .time_ns = pick(a.time_ns, b.time_ns, defaults.time_ns),
        .memory_bytes = pick(a.memory_bytes, b.memory_bytes, defaults.memory_bytes),
        .table_elements = pick(a.table_elements, b.table_elements, defaults.table_elements),
        .stack_bytes = pick(a.stack_bytes, b.stack_bytes, defaults.stack_bytes),
        .depth = pick(a.depth, b.depth, defaults.depth),
        .message_bytes = pick(a.message_bytes, b.message_bytes, defaults.message_bytes),
        .message_depth = pick(a.message_depth, b.message_depth, defaults.message_depth),
        .log_bytes = pick(a.log_bytes, b.log_bytes, defaults.log_bytes),
        .log_line_bytes = pick(a.log_line_bytes, b.log_line_bytes, defaults.log_line_bytes),
        .host_calls = pick(a.host_calls, b.host_calls, defaults.host_calls),
        .linger_fuel = pick(a.linger_fuel, b.linger_fuel, defaults.linger_fuel),
        .linger_ns = pick(a.linger_ns, b.linger_ns, defaults.linger_ns),
    };
    return true;
}
