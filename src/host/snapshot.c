/* Owns plugins' snapshots. The first call that gets there records one: its WASI context holds the guest before anything
 * that could be seen from outside, or could differ in another call; what the guest is then, and what it wrote to its log
 * until then, is where later calls start from.
 *
 *     first call     _start ---- log lines ----|held|---- reads the request, answers
 *                                              |
 *                                              v  published once, with release order
 *                                          plugin->snapshot
 *                                              |
 *     later calls           the same log lines |---- reads the request, answers */
#include "host/host.h"

/* A plugin that writes more than that before it asks for input starts from the beginning each time. */
#define MOST_LOG ((size_t)64 << 10)

static bool wants_snapshot(const host_task *task) {
    return task->kind == HOST_CALL && task->plugin->snapshot_mode != WPLUG_SNAPSHOT_NEVER;
}

const host_snapshot *host_snapshot_find(host_task *task, const engine_limits *limits) {
    if (!wants_snapshot(task)) return NULL;
    const host_snapshot *snapshot = atomic_load_explicit(&task->plugin->snapshot, memory_order_acquire);
    if (!snapshot || snapshot->fuel_needed >= task->fuel_limit ||
        snapshot->log.size > task->limits.log_bytes || !engine_snapshot_fits(snapshot->engine, limits)) {
        return NULL;
    }
    return snapshot;
}

void host_snapshot_begin(host_task *task) {
    const wplug_plugin *plugin = task->plugin;
    if (!wants_snapshot(task) || atomic_load_explicit(&plugin->snapshot, memory_order_relaxed)) return;
    task->is_recording = true;
    task->wasi.hold = WASI_HOLD_STDIO;
    /* Deterministic clocks and randomness are part of the state. */
    if (plugin->snapshot_mode == WPLUG_SNAPSHOT_AUTO && !plugin->deterministic)
        task->wasi.hold |= WASI_HOLD_CHANCE;
}

void host_snapshot_record_log(host_task *task, base_bytes output) {
    /* What is missing, for lack of memory or because it is too much, is found out by the number of bytes. */
    if (output.size <= MOST_LOG && task->recorded.size <= MOST_LOG)
        base_buffer_append(&task->recorded, output.data, output.size);
}

void host_snapshot_free(host_snapshot *snapshot) {
    if (!snapshot) return;
    base_allocator allocator = snapshot->allocator;
    engine_snapshot_free(snapshot->engine);
    base_buffer_free(&snapshot->log);
    base_buffer_free(&snapshot->output);
    base_free(&allocator, snapshot, sizeof *snapshot);
}

/* NULL where it cannot be made, which is no harm: another call will try. */
static host_snapshot *make(const host_task *task) {
    const base_allocator *allocator = &task->plugin->shared;
    host_snapshot *snapshot = base_alloc_zeroed(allocator, 1, sizeof *snapshot);
    if (!snapshot) return NULL;
    snapshot->allocator = *allocator;
    snapshot->wasi = wasi_save(&task->wasi);
    snapshot->phase = task->phase;
    snapshot->fuel_before = task->fuel_before;
    snapshot->fuel_needed = task->most_fuel;
    snapshot->slice_spent = host_task_fuel_used(task) - task->slice_start;
    base_buffer_init(&snapshot->log, &snapshot->allocator);
    base_buffer_init(&snapshot->output, &snapshot->allocator);
    const base_buffer *output = &task->wasi.output;
    if (base_buffer_append(&snapshot->log, task->recorded.data, task->recorded.size) == BASE_OK &&
        base_buffer_append(&snapshot->output, output->data, output->size) == BASE_OK &&
        engine_snapshot_take(allocator, task->exec, ENGINE_SNAPSHOT_COPY_MAX, &snapshot->engine) == BASE_OK) {
        return snapshot;
    }
    host_snapshot_free(snapshot);
    return NULL;
}

engine_outcome host_snapshot_record(host_task *task) {
    wplug_plugin *plugin = task->plugin;
    bool is_whole = task->recorded.size == task->log_bytes;
    if (is_whole && !atomic_load_explicit(&plugin->snapshot, memory_order_relaxed)) {
        host_snapshot *made = make(task), *none = NULL;
        /* Another thread's call may have been first. */
        if (made && !atomic_compare_exchange_strong_explicit(&plugin->snapshot, &none, made,
                                                             memory_order_acq_rel, memory_order_relaxed)) {
            host_snapshot_free(made);
        }
    }
    task->is_recording = false;
    task->wasi.hold = 0;
    base_buffer_free(&task->recorded);
    return engine_exec_go_on(task->exec);
}

wplug_status host_snapshot_replay(host_task *task, const host_snapshot *snapshot) {
    task->phase = (host_phase)snapshot->phase;
    task->fuel_before = task->wasi.fuel_before = snapshot->fuel_before;
    task->slice_spent = snapshot->slice_spent;
    task->has_run = task->is_waiting = true;
    wasi_restore(&task->wasi, &snapshot->wasi);
    task->wasi.output_fd = 2;
    if (base_buffer_append(&task->wasi.output, snapshot->output.data, snapshot->output.size) != BASE_OK)
        return WPLUG_NO_MEMORY;
    if (snapshot->log.size > 0) host_conversation_take(task, 2, base_buffer_bytes(&snapshot->log));
    return WPLUG_OK;
}
