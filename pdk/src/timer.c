/* Owns time that passes: timers with a callback, timers that are waited for, and waiting for several things.
 * */
#include "pdk.h"

/* ---- Timers ---- */

static wplug_timer *new_timer(wplug_request *request, uint64_t milliseconds) {
    wplug_timer *timer = base_alloc_zeroed(NULL, 1, sizeof *timer);
    if (!timer) {
        pdk_request_no_memory(request);
        return NULL;
    }
    timer->task.kind = PDK_TASK_TIMER;
    timer->deadline_ns = pdk_deadline_in_ms(milliseconds);
    timer->request = request;
    wplug_timer **list = request ? &request->timers : &pdk.loose_timers;
    timer->next = *list;
    if (*list) (*list)->previous = timer;
    *list = timer;
    return timer;
}

wplug_timer *wplug_timer_start(wplug_request *request, uint64_t milliseconds) {
    return new_timer(request, milliseconds);
}

wplug_timer *wplug_after(wplug_request *request, uint64_t milliseconds, wplug_timer_callback *callback,
                         void *user) {
    wplug_timer *timer = new_timer(request, milliseconds);
    if (!timer) return NULL;
    timer->callback = callback;
    timer->user = user;
    wplug_timer **place = &pdk.next_timer;
    while (*place && (*place)->deadline_ns <= timer->deadline_ns) place = &(*place)->later;
    timer->later = *place;
    *place = timer;
    if (request) request->outstanding++;
    return timer;
}

/* Frees a timer that is in no queue any more. */
static void free_timer(wplug_timer *timer) {
    if (timer->previous)
        timer->previous->next = timer->next;
    else if (timer->request)
        timer->request->timers = timer->next;
    else
        pdk.loose_timers = timer->next;
    if (timer->next) timer->next->previous = timer->previous;
    base_free(NULL, timer, sizeof *timer);
}

void wplug_timer_cancel(wplug_timer *timer) {
    if (!timer) return;
    for (wplug_timer **place = &pdk.next_timer; timer->callback && *place; place = &(*place)->later) {
        if (*place != timer) continue;
        *place = timer->later;
        break;
    }
    pdk_dequeue(&timer->task);
    if (timer->callback && timer->request) timer->request->outstanding--;
    free_timer(timer);
}

void pdk_timers_collect(void) {
    if (!pdk.next_timer) return;
    uint64_t now = pdk_os_monotonic_ns();
    while (pdk.next_timer && pdk.next_timer->deadline_ns <= now) {
        wplug_timer *timer = pdk.next_timer;
        pdk.next_timer = timer->later;
        pdk_enqueue(&timer->task);
    }
}

void pdk_timer_run(wplug_timer *timer) {
    wplug_request *request = timer->request;
    wplug_timer_callback *callback = timer->callback;
    void *user = timer->user;
    free_timer(timer); /* the callback may make the next */
    callback(request, user);
    if (!request) return;
    request->outstanding--;
    pdk_request_settle(request);
}

/* ---- Waiting for several things ---- */

typedef struct readiness {
    size_t ready;
    size_t waiting;
    uint64_t next_deadline_ns; /* of the timers that have not run out */
} readiness;

/* Marks what is ready. The clock is asked only where the set has a timer. */
static readiness look(wplug_wait *set, size_t count) {
    readiness seen = {.next_deadline_ns = PDK_NO_DEADLINE};
    uint64_t now = 0;
    for (size_t i = 0; i < count; i++) {
        wplug_wait *each = &set[i];
        each->ready = false;
        if (!each->call && !each->timer) continue;
        if (each->timer && now == 0) now = pdk_os_monotonic_ns();
        each->ready = (each->call && wplug_host_finished(each->call)) ||
                      (each->timer && each->timer->deadline_ns <= now);
        if (each->ready)
            seen.ready++;
        else
            seen.waiting++;
        if (!each->ready && each->timer && each->timer->deadline_ns < seen.next_deadline_ns)
            seen.next_deadline_ns = each->timer->deadline_ns;
    }
    return seen;
}

/* Waits until one is ready, or all where `all`, or until the deadline. */
static readiness wait_for_set(wplug_wait *set, size_t count, uint64_t milliseconds, bool all) {
    for (size_t i = 0; i < count; i++) {
        if (set[i].call) wplug_host_start(set[i].call);
    }
    bool looks_only = milliseconds == 0;
    uint64_t deadline_ns = PDK_NO_DEADLINE;
    if (!looks_only && milliseconds != WPLUG_FOREVER) deadline_ns = pdk_deadline_in_ms(milliseconds);
    for (bool is_over = false;;) {
        readiness seen = look(set, count);
        if (is_over || seen.waiting == 0 || (seen.ready > 0 && !all)) return seen;
        if (looks_only) {
            is_over = !pdk_pump(0);
        } else {
            pdk_wait_until(seen.next_deadline_ns < deadline_ns ? seen.next_deadline_ns : deadline_ns);
            is_over = deadline_ns != PDK_NO_DEADLINE && pdk_os_monotonic_ns() >= deadline_ns;
        }
    }
}

size_t wplug_wait_any(wplug_wait *set, size_t count, uint64_t milliseconds) {
    return wait_for_set(set, count, milliseconds, false).ready;
}

bool wplug_wait_all(wplug_wait *set, size_t count, uint64_t milliseconds) {
    return wait_for_set(set, count, milliseconds, true).waiting == 0;
}

bool wplug_host_wait(wplug_host_call *call, uint64_t milliseconds) {
    wplug_wait set = {.call = call};
    return wplug_wait_any(&set, 1, milliseconds) > 0;
}
