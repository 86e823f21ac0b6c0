/* Owns a runtime's bookkeeping of tasks: their ids, the queue of those that are ready, the heap of those that
 * wait for a time. All of it is made large enough when a task starts, so that nothing here can fail later. */
#include "host/host.h"

/* ---- Ids ----
 *
 *     63                      22 21          0
 *    +--------------------------+-------------+
 *    | sequence number, 1 and up| slot        |
 *    +--------------------------+-------------+
 *
 * The slot finds the task, the sequence number tells it from those that had the slot before. */
enum { SLOT_BITS = 22 };
#define SLOT_LIMIT ((uint32_t)1 << SLOT_BITS)

static uint32_t slot_of(wplug_task id) {
    return (uint32_t)(id & (SLOT_LIMIT - 1));
}

static base_status grow_slots(wplug_runtime *runtime) {
    if (runtime->slot_count < runtime->slot_capacity) return BASE_OK;
    uint32_t capacity = runtime->slot_capacity ? runtime->slot_capacity * 2 : 16;
    if (capacity > SLOT_LIMIT) return BASE_NO_MEMORY;
    host_slot *slots = base_resize(&runtime->allocator, runtime->slots,
                                   runtime->slot_capacity * sizeof *slots, capacity * sizeof *slots);
    if (!slots) return BASE_NO_MEMORY;
    runtime->slots = slots;
    runtime->slot_capacity = capacity;
    return BASE_OK;
}

static base_status grow_heap(wplug_runtime *runtime) {
    if (runtime->task_count < runtime->heap_capacity) return BASE_OK;
    size_t capacity = runtime->heap_capacity ? runtime->heap_capacity * 2 : 16;
    host_task **heap = base_resize(&runtime->allocator, runtime->heap, runtime->heap_capacity * sizeof *heap,
                                   capacity * sizeof *heap);
    if (!heap) return BASE_NO_MEMORY;
    runtime->heap = heap;
    runtime->heap_capacity = capacity;
    return BASE_OK;
}

wplug_status host_queue_add_task(wplug_runtime *runtime, host_task *task) {
    if (grow_heap(runtime) != BASE_OK) return WPLUG_NO_MEMORY;
    uint32_t slot = runtime->free_slot;
    if (slot == UINT32_MAX) {
        if (grow_slots(runtime) != BASE_OK) return WPLUG_NO_MEMORY;
        slot = runtime->slot_count++;
    } else {
        runtime->free_slot = runtime->slots[slot].next_free;
    }
    task->id = ++runtime->next_sequence << SLOT_BITS | slot;
    runtime->slots[slot] = (host_slot){task->id, task, UINT32_MAX};
    task->heap_index = HOST_NO_TIMER;
    task->next_task = runtime->tasks;
    if (runtime->tasks) runtime->tasks->previous_task = task;
    runtime->tasks = task;
    runtime->task_count++;
    if (runtime->task_count > runtime->most_tasks) runtime->most_tasks = runtime->task_count;
    return WPLUG_OK;
}

void host_queue_drop_id(wplug_runtime *runtime, host_task *task) {
    uint32_t slot = slot_of(task->id);
    if (runtime->slots[slot].id != task->id) return;
    runtime->slots[slot] = (host_slot){0, NULL, runtime->free_slot};
    runtime->free_slot = slot;
}

void host_queue_free(wplug_runtime *runtime) {
    base_free(&runtime->allocator, runtime->slots, runtime->slot_capacity * sizeof *runtime->slots);
    base_free(&runtime->allocator, runtime->heap, runtime->heap_capacity * sizeof(host_task *));
    runtime->slots = NULL;
    runtime->heap = NULL;
    runtime->slot_count = runtime->slot_capacity = 0;
    runtime->heap_size = runtime->heap_capacity = 0;
    runtime->free_slot = UINT32_MAX;
}

host_task *host_queue_find(const wplug_runtime *runtime, wplug_task id) {
    uint32_t slot = slot_of(id);
    if (id == 0 || slot >= runtime->slot_count || runtime->slots[slot].id != id) return NULL;
    return runtime->slots[slot].task;
}

/* ---- The ready queue ---- */

void host_queue_push_ready(wplug_runtime *runtime, host_task *task) {
    if (task->is_queued) return;
    task->is_queued = true;
    task->next_ready = NULL;
    *runtime->ready_last = task;
    runtime->ready_last = &task->next_ready;
    runtime->ready_count++;
}

host_task *host_queue_pop_ready(wplug_runtime *runtime) {
    host_task *task = runtime->ready_first;
    if (!task) return NULL;
    runtime->ready_first = task->next_ready;
    if (!runtime->ready_first) runtime->ready_last = &runtime->ready_first;
    task->is_queued = false;
    runtime->ready_count--;
    return task;
}

static void remove_ready(wplug_runtime *runtime, host_task *task) {
    if (!task->is_queued) return;
    host_task **link = &runtime->ready_first;
    while (*link != task) link = &(*link)->next_ready;
    *link = task->next_ready;
    if (runtime->ready_last == &task->next_ready) runtime->ready_last = link;
    task->is_queued = false;
    runtime->ready_count--;
}

/* ---- The timer heap: a parent's time is never later than its children's ---- */

static void heap_put(wplug_runtime *runtime, size_t index, host_task *task) {
    runtime->heap[index] = task;
    task->heap_index = index;
}

static void heap_up(wplug_runtime *runtime, size_t index) {
    host_task *task = runtime->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (runtime->heap[parent]->timer_at <= task->timer_at) break;
        heap_put(runtime, index, runtime->heap[parent]);
        index = parent;
    }
    heap_put(runtime, index, task);
}

static void heap_down(wplug_runtime *runtime, size_t index) {
    host_task *task = runtime->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= runtime->heap_size) break;
        if (child + 1 < runtime->heap_size &&
            runtime->heap[child + 1]->timer_at < runtime->heap[child]->timer_at) {
            child++;
        }
        if (task->timer_at <= runtime->heap[child]->timer_at) break;
        heap_put(runtime, index, runtime->heap[child]);
        index = child;
    }
    heap_put(runtime, index, task);
}

void host_queue_clear_timer(wplug_runtime *runtime, host_task *task) {
    size_t index = task->heap_index;
    if (index == HOST_NO_TIMER) return;
    task->heap_index = HOST_NO_TIMER;
    host_task *last = runtime->heap[--runtime->heap_size];
    if (last == task) return;
    heap_put(runtime, index, last);
    heap_up(runtime, index);
    heap_down(runtime, last->heap_index);
}

void host_queue_set_timer(wplug_runtime *runtime, host_task *task, uint64_t at) {
    host_queue_clear_timer(runtime, task);
    task->timer_at = at;
    if (at == UINT64_MAX) return;
    heap_put(runtime, runtime->heap_size++, task);
    heap_up(runtime, task->heap_index);
}

host_task *host_queue_pop_due(wplug_runtime *runtime, uint64_t now) {
    if (runtime->heap_size == 0 || runtime->heap[0]->timer_at > now) return NULL;
    host_task *task = runtime->heap[0];
    host_queue_clear_timer(runtime, task);
    return task;
}

/* ---- The end ---- */

void host_queue_remove_task(wplug_runtime *runtime, host_task *task) {
    remove_ready(runtime, task);
    host_queue_clear_timer(runtime, task);
    host_queue_drop_id(runtime, task);
    if (task->previous_task)
        task->previous_task->next_task = task->next_task;
    else
        runtime->tasks = task->next_task;
    if (task->next_task) task->next_task->previous_task = task->previous_task;
    runtime->task_count--;
}
