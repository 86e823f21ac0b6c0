/* Owns statistics: counting into them, and handing them out. */
#include "host/host.h"

void host_histogram_add(wplug_histogram *histogram, uint64_t value) {
    unsigned bucket = 0;
    for (unsigned step = 32; step > 0; step /= 2) {
        if (value >> bucket >> step) bucket += step;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += value;
}

void host_stats_ended(wplug_stats *stats, const host_task *task) {
    const wplug_result *result = &task->result->public;
    stats->ended[result->status]++;
    host_histogram_add(&stats->call_ns, result->time_ns);
    host_histogram_add(&stats->guest, task->guest_ns);
    host_histogram_add(&stats->fuel_used, result->fuel_used);
}

void host_stats_memory(host_task *task, uint64_t bytes) {
    wplug_stats *stats = &task->runtime->stats;
    stats->memory_bytes += bytes - task->memory_counted;
    task->memory_counted = bytes;
    if (stats->memory_bytes > stats->memory_high) stats->memory_high = stats->memory_bytes;
}

/* Behind `size` there is nothing but 64-bit numbers. */
void host_stats_add(wplug_stats *sum, const wplug_stats *stats) {
    const size_t start = offsetof(wplug_stats, started);
    uint64_t *to = (void *)((uint8_t *)sum + start);
    const uint64_t *from = (const void *)((const uint8_t *)stats + start);
    size_t count = (sizeof *sum - start) / sizeof *to;
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

void host_stats_look(const wplug_runtime *runtime, wplug_stats *out) {
    *out = runtime->stats;
    out->tasks = runtime->task_count - runtime->reported_count;
    out->ready = runtime->ready.count;
    out->suspended = runtime->task_count - runtime->ready.count - runtime->turning;
    out->lingering = runtime->reported_count;
}

wplug_status wplug_runtime_stats(const wplug_runtime *runtime, wplug_stats *out) {
    wplug_status status = host_enter(runtime, "wplug_runtime_stats", NULL);
    if (status) return status;
    if (!out || out->size < sizeof out->size) return WPLUG_MISUSE;
    wplug_stats stats;
    host_stats_look(runtime, &stats);
    host_write_struct(out, &stats, sizeof stats);
    return WPLUG_OK;
}
