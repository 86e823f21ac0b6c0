/* Owns the bookkeeping that needs neither clocks nor threads: queues by priority, timers, ids; and with
 * them where a runtime keeps its tasks. Room is made when a task is added, so that nothing later can fail. */
#include "host/host.h"

#include <assert.h>

/* ---- Queues by priority ----
 *
 * One list a level, the most urgent first. `taken` counts how many a level has given since the levels below it
 * had their last turn; after HOST_LEVEL_SHARE they have the next one, which they share by the same rule. So a
 * level gets that many turns for each one of all those below it together, and none of them waits for ever. */

enum { HOST_LEVEL_SHARE = 4 };

void host_levels_push(host_levels *levels, host_place *place) {
    assert(!place->is_queued && place->level < HOST_LEVELS);
    place->is_queued = true;
    place->next = NULL;
    place->previous = levels->last[place->level];
    if (place->previous)
        place->previous->next = place;
    else
        levels->first[place->level] = place;
    levels->last[place->level] = place;
    levels->count++;
}

void host_levels_remove(host_levels *levels, host_place *place) {
    if (!place->is_queued) return;
    if (place->previous)
        place->previous->next = place->next;
    else
        levels->first[place->level] = place->next;
    if (place->next)
        place->next->previous = place->previous;
    else
        levels->last[place->level] = place->previous;
    place->is_queued = false;
    levels->count--;
}

host_place *host_levels_pop(host_levels *levels) {
    if (levels->count == 0) return NULL;
    unsigned lowest = HOST_LEVELS - 1;
    while (!levels->first[lowest]) lowest--;
    unsigned level = 0;
    for (; level < lowest; level++) {
        if (levels->first[level] && levels->taken[level] < HOST_LEVEL_SHARE) break;
        levels->taken[level] = 0;
    }
    if (levels->taken[level] < HOST_LEVEL_SHARE) levels->taken[level]++;
    host_place *place = levels->first[level];
    host_levels_remove(levels, place);
    return place;
}

/* ---- Timers. The heap: a parent's time is never later than its children's ---- */

base_status host_timers_reserve(host_timers *timers, size_t count, const base_allocator *allocator) {
    if (count <= timers->heap_capacity) return BASE_OK;
    size_t capacity = timers->heap_capacity ? timers->heap_capacity * 2 : 16;
    while (capacity < count) capacity *= 2;
    host_timer **heap = base_resize(allocator, timers->heap, timers->heap_capacity * sizeof(host_timer *),
                                    capacity * sizeof(host_timer *));
    if (!heap) return BASE_NO_MEMORY;
    timers->heap = heap;
    timers->heap_capacity = capacity;
    return BASE_OK;
}

void host_timers_free(host_timers *timers, const base_allocator *allocator) {
    base_free(allocator, timers->heap, timers->heap_capacity * sizeof(host_timer *));
    *timers = (host_timers){0};
}

static void heap_put(host_timers *timers, size_t index, host_timer *timer) {
    timers->heap[index] = timer;
    timer->index = index;
}

static void heap_up(host_timers *timers, size_t index) {
    host_timer *timer = timers->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (timers->heap[parent]->at <= timer->at) break;
        heap_put(timers, index, timers->heap[parent]);
        index = parent;
    }
    heap_put(timers, index, timer);
}

static void heap_down(host_timers *timers, size_t index) {
    host_timer *timer = timers->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= timers->heap_size) break;
        if (child + 1 < timers->heap_size && timers->heap[child + 1]->at < timers->heap[child]->at) child++;
        if (timer->at <= timers->heap[child]->at) break;
        heap_put(timers, index, timers->heap[child]);
        index = child;
    }
    heap_put(timers, index, timer);
}

static void heap_remove(host_timers *timers, const host_timer *timer) {
    size_t index = timer->index;
    host_timer *last = timers->heap[--timers->heap_size];
    if (last == timer) return;
    heap_put(timers, index, last);
    heap_up(timers, index);
    heap_down(timers, last->index);
}

static void row_append(host_timers *timers, host_timer *timer) {
    timer->index = HOST_IN_ROW;
    timer->previous = timers->last;
    timer->next = NULL;
    if (timers->last)
        timers->last->next = timer;
    else
        timers->first = timer;
    timers->last = timer;
}

static void row_remove(host_timers *timers, const host_timer *timer) {
    if (timer->previous)
        timer->previous->next = timer->next;
    else
        timers->first = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
    else
        timers->last = timer->previous;
}

void host_timers_clear(host_timers *timers, host_timer *timer) {
    if (timer->index == HOST_NO_TIMER) return;
    if (timer->index == HOST_IN_ROW)
        row_remove(timers, timer);
    else
        heap_remove(timers, timer);
    timer->index = HOST_NO_TIMER;
}

void host_timers_set(host_timers *timers, host_timer *timer, uint64_t at) {
    host_timers_clear(timers, timer);
    timer->at = at;
    if (at == UINT64_MAX) return;
    if (!timers->last || timers->last->at <= at) {
        row_append(timers, timer);
        return;
    }
    assert(timers->heap_size < timers->heap_capacity);
    heap_put(timers, timers->heap_size++, timer);
    heap_up(timers, timer->index);
}

host_timer *host_timers_pop_due(host_timers *timers, uint64_t now) {
    host_timer *first = host_timers_first(timers);
    if (!first || first->at > now) return NULL;
    host_timers_clear(timers, first);
    return first;
}

/* ---- Ids ----
 *
 *     63                      22 21          0
 *    +--------------------------+-------------+
 *    | sequence number, 1 and up| slot        |
 *    +--------------------------+-------------+
 *
 * The slot finds what the id stands for, the sequence number tells it from what had the slot before. A pool's
 * own ids have the highest bit set (HOST_POOL_ID); the runtimes of one pool count in steps, each from a number
 * of its own, so that no two of them give the same id. */
enum { SLOT_BITS = 22 };
#define SLOT_LIMIT ((uint32_t)1 << SLOT_BITS)

static uint32_t slot_of(uint64_t id) {
    return (uint32_t)(id & (SLOT_LIMIT - 1));
}

void host_ids_init(host_ids *ids, uint64_t mark, uint64_t first, uint64_t step) {
    *ids = (host_ids){.free_slot = UINT32_MAX, .mark = mark, .sequence = first, .step = step};
}

void host_ids_free(host_ids *ids, const base_allocator *allocator) {
    base_free(allocator, ids->slots, ids->capacity * sizeof *ids->slots);
    ids->slots = NULL;
    ids->count = ids->capacity = 0;
    ids->free_slot = UINT32_MAX;
}

static base_status grow_slots(host_ids *ids, const base_allocator *allocator) {
    if (ids->count < ids->capacity) return BASE_OK;
    uint32_t capacity = ids->capacity ? ids->capacity * 2 : 16;
    if (capacity > SLOT_LIMIT) return BASE_NO_MEMORY;
    host_slot *slots =
        base_resize(allocator, ids->slots, ids->capacity * sizeof *slots, capacity * sizeof *slots);
    if (!slots) return BASE_NO_MEMORY;
    ids->slots = slots;
    ids->capacity = capacity;
    return BASE_OK;
}

uint64_t host_ids_add(host_ids *ids, void *object, const base_allocator *allocator) {
    uint32_t slot = ids->free_slot;
    if (slot == UINT32_MAX) {
        if (grow_slots(ids, allocator) != BASE_OK) return 0;
        slot = ids->count++;
    } else {
        ids->free_slot = ids->slots[slot].next_free;
    }
    uint64_t id = ids->mark | ids->sequence << SLOT_BITS | slot;
    ids->sequence += ids->step;
    ids->slots[slot] = (host_slot){id, object, UINT32_MAX};
    return id;
}

void host_ids_drop(host_ids *ids, uint64_t id) {
    if (!host_ids_find(ids, id)) return;
    uint32_t slot = slot_of(id);
    ids->slots[slot] = (host_slot){0, NULL, ids->free_slot};
    ids->free_slot = slot;
}

void *host_ids_find(const host_ids *ids, uint64_t id) {
    uint32_t slot = slot_of(id);
    if (id == 0 || slot >= ids->count || ids->slots[slot].id != id) return NULL;
    return ids->slots[slot].object;
}

/* ---- A runtime's tasks ---- */

wplug_status host_queue_add_task(wplug_runtime *runtime, host_task *task) {
    if (host_timers_reserve(&runtime->timers, runtime->task_count + 1, &runtime->allocator) != BASE_OK)
        return WPLUG_NO_MEMORY;
    if (!task->id) task->id = host_ids_add(&runtime->ids, task, &runtime->allocator);
    if (!task->id) return WPLUG_NO_MEMORY;
    task->timer.index = HOST_NO_TIMER;
    task->next_task = runtime->tasks;
    if (runtime->tasks) runtime->tasks->previous_task = task;
    runtime->tasks = task;
    runtime->task_count++;
    if (runtime->task_count > runtime->most_tasks) runtime->most_tasks = runtime->task_count;
    return WPLUG_OK;
}

void host_queue_drop_id(wplug_runtime *runtime, host_task *task) {
    host_ids_drop(&runtime->ids, task->id);
}

void host_queue_free(wplug_runtime *runtime) {
    host_ids_free(&runtime->ids, &runtime->allocator);
    host_timers_free(&runtime->timers, &runtime->allocator);
}

host_task *host_queue_find(const wplug_runtime *runtime, wplug_task id) {
    return host_ids_find(&runtime->ids, id);
}

void host_queue_push_ready(wplug_runtime *runtime, host_task *task) {
    if (task->place.is_queued) return;
    host_levels_push(&runtime->ready, &task->place);
    if (runtime->ready.count > runtime->stats.ready_high) runtime->stats.ready_high = runtime->ready.count;
}

host_task *host_queue_pop_ready(wplug_runtime *runtime) {
    host_place *place = host_levels_pop(&runtime->ready);
    return place ? HOST_TASK_OF(place, place) : NULL;
}

void host_queue_set_timer(wplug_runtime *runtime, host_task *task, uint64_t at) {
    host_timers_set(&runtime->timers, &task->timer, at);
}

void host_queue_clear_timer(wplug_runtime *runtime, host_task *task) {
    host_timers_clear(&runtime->timers, &task->timer);
}

host_task *host_queue_pop_due(wplug_runtime *runtime, uint64_t now) {
    host_timer *timer = host_timers_pop_due(&runtime->timers, now);
    return timer ? HOST_TASK_OF(timer, timer) : NULL;
}

void host_queue_remove_task(wplug_runtime *runtime, host_task *task) {
    host_levels_remove(&runtime->ready, &task->place);
    host_queue_clear_timer(runtime, task);
    host_queue_drop_id(runtime, task);
    if (task->previous_task)
        task->previous_task->next_task = task->next_task;
    else
        runtime->tasks = task->next_task;
    if (task->next_task) task->next_task->previous_task = task->previous_task;
    runtime->task_count--;
}
