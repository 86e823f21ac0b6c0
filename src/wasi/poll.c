/* Owns the guest's clocks and poll_oneoff. */
#include "wasi/private.h"

#include "base/os.h"

enum { CLOCK_REALTIME_ID = 0, CLOCK_MONOTONIC_ID = 1 };

/* ---- Clocks ---- */

uint64_t wasi_now(const wasi_context *context, const engine_exec *exec) {
    if (!context->is_deterministic) return os_monotonic_ns();
    return context->time_skipped + context->fuel_before + engine_exec_fuel_used(exec);
}

static uint64_t realtime(const wasi_context *context, const engine_exec *exec) {
    if (!context->is_deterministic) return os_realtime_ns();
    return context->start_time_ns + wasi_now(context, exec);
}

void wasi_drop_wait(wasi_context *context) {
    context->again = false;
}

void wasi_skip_to(wasi_context *context, const engine_exec *exec, uint64_t to) {
    uint64_t now = wasi_now(context, exec);
    if (context->is_deterministic && to > now) context->time_skipped += to - now;
}

/* (clock u32, resolution *u64) */
engine_host_result wasi_clock_res_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    if (wasi_u32(&call, 0) > CLOCK_MONOTONIC_ID) return wasi_done(&call, WASI_EINVAL);
    uint8_t *to = wasi_range(&call, wasi_u32(&call, 1), 8);
    if (!to) return wasi_done(&call, WASI_EFAULT);
    wasi_put64(to, 1);
    return wasi_done(&call, WASI_SUCCESS);
}

/* (clock u32, precision u64, time *u64) */
engine_host_result wasi_clock_time_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    uint32_t clock = wasi_u32(&call, 0);
    if (clock > CLOCK_MONOTONIC_ID) return wasi_done(&call, WASI_EINVAL);
    uint8_t *to = wasi_range(&call, wasi_u32(&call, 2), 8);
    if (!to) return wasi_done(&call, WASI_EFAULT);
    if (wasi_is_held(&call, WASI_HOLD_CHANCE)) return ENGINE_HOST_PENDING;
    wasi_put64(to, clock == CLOCK_REALTIME_ID ? realtime(call.context, exec) : wasi_now(call.context, exec));
    return wasi_done(&call, WASI_SUCCESS);
}

/* ---- poll_oneoff ----
 *
 *     subscription, 48 bytes                            event, 32 bytes
 *      0  userdata u64                                   0  userdata u64
 *      8  type u8                                        8  error u16
 *     16  clock: id u32         or  descriptor u32      10  type u8
 *     24         timeout u64                            16  nbytes u64  (of descriptors)
 *     32         precision u64                          24  flags u16
 *     40         flags u16                                                                  */
enum { SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32 };
enum { TYPE_CLOCK = 0, TYPE_FD_READ = 1, TYPE_FD_WRITE = 2 };
enum { CLOCK_FLAG_ABSOLUTE = 1, EVENT_FLAG_HANGUP = 1 };

/* What has become of one subscription. */
typedef struct poll_event {
    bool is_due;
    wasi_errno error;
    uint64_t bytes;
    uint16_t flags;
    uint64_t due_at; /* clocks that are not due: on the monotonic clock */
} poll_event;

static uint64_t add_saturating(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static poll_event poll_clock(const wasi_call *call, const uint8_t *subscription, uint64_t now) {
    const wasi_context *context = call->context;
    uint32_t clock = wasi_get32(subscription + 16);
    uint64_t time = wasi_get64(subscription + 24);
    uint16_t flags = wasi_get16(subscription + 40);
    if (clock > CLOCK_MONOTONIC_ID || (flags & ~CLOCK_FLAG_ABSOLUTE)) {
        return (poll_event){.is_due = true, .error = WASI_EINVAL};
    }
    /* All times become monotonic ones, counted from when the guest called: a sleep that is relative stays as
     * long as it was asked for, however often the host looks. */
    uint64_t due_at = time;
    if (!(flags & CLOCK_FLAG_ABSOLUTE)) {
        due_at = add_saturating(context->began_monotonic, time);
    } else if (clock == CLOCK_REALTIME_ID) {
        uint64_t wait = time > context->began_realtime ? time - context->began_realtime : 0;
        due_at = add_saturating(context->began_monotonic, wait);
    }
    return (poll_event){.is_due = due_at <= now, .due_at = due_at};
}

static poll_event poll_fd(const wasi_call *call, uint8_t type, uint32_t number) {
    wasi_context *context = call->context;
    bool is_stdin = number == 0;
    if (!wasi_get_fd(context, number) || is_stdin != (type == TYPE_FD_READ)) {
        return (poll_event){.is_due = true, .error = WASI_EBADF};
    }
    if (!is_stdin) return (poll_event){.is_due = true, .bytes = WASI_OUTPUT_CHUNK};
    size_t waiting = context->input(context->owner).size;
    if (waiting > 0) return (poll_event){.is_due = true, .bytes = waiting};
    if (context->input_ended) return (poll_event){.is_due = true, .flags = EVENT_FLAG_HANGUP};
    context->wants_input = true;
    if (context->input_error) return (poll_event){.is_due = true, .error = context->input_error};
    return (poll_event){.is_due = false};
}

static void write_event(uint8_t *to, uint64_t userdata, uint8_t type, const poll_event *event) {
    memset(to, 0, EVENT_SIZE);
    wasi_put64(to, userdata);
    wasi_put16(to + 8, (uint16_t)event->error);
    to[10] = type;
    wasi_put64(to + 16, event->bytes);
    wasi_put16(to + 24, event->flags);
}

/* Looks at every subscription and writes the events that are due. Returns how many, or UINT32_MAX for a type
 * that does not exist; *wait and the context's wake_at say what to wait for where it is none. */
static uint32_t look(wasi_call *call, const uint8_t *in, uint8_t *out, uint32_t count, unsigned *wait) {
    wasi_context *context = call->context;
    uint64_t now = wasi_now(context, call->exec);
    uint32_t due = 0;
    *wait = 0;
    context->wake_at = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *subscription = in + (size_t)i * SUBSCRIPTION_SIZE;
        uint64_t userdata = wasi_get64(subscription);
        uint8_t type = subscription[8];
        poll_event event;
        if (type == TYPE_CLOCK) {
            event = poll_clock(call, subscription, now);
            if (!event.is_due && event.due_at < context->wake_at) context->wake_at = event.due_at;
            *wait |= WASI_WAIT_TIME;
        } else if (type == TYPE_FD_READ || type == TYPE_FD_WRITE) {
            event = poll_fd(call, type, wasi_get32(subscription + 16));
            *wait |= WASI_WAIT_INPUT;
        } else {
            return UINT32_MAX;
        }
        if (event.is_due) write_event(out + (size_t)due++ * EVENT_SIZE, userdata, type, &event);
    }
    return due;
}

/* What the guest asks for, as a set of wasi_hold. */
static unsigned asked_for(const uint8_t *in, uint32_t count) {
    unsigned asked = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t type = in[(size_t)i * SUBSCRIPTION_SIZE + 8];
        if (type == TYPE_CLOCK) asked |= WASI_HOLD_CHANCE;
        if (type == TYPE_FD_READ) asked |= WASI_HOLD_STDIO;
    }
    return asked;
}

/* (in *subscription, out *event, count u32, nevents *u32) */
engine_host_result wasi_poll_oneoff(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_context *context = call.context;
    uint32_t count = wasi_u32(&call, 2);
    if (count == 0) return wasi_done(&call, WASI_EINVAL);
    const uint8_t *in = wasi_range(&call, wasi_u32(&call, 0), (uint64_t)count * SUBSCRIPTION_SIZE);
    uint8_t *out = wasi_range(&call, wasi_u32(&call, 1), (uint64_t)count * EVENT_SIZE);
    if (!in || !out || !wasi_range(&call, wasi_u32(&call, 3), 4)) return wasi_done(&call, WASI_EFAULT);
    if (wasi_is_held(&call, asked_for(in, count))) return ENGINE_HOST_PENDING;
    if (!call.again) {
        context->began_monotonic = wasi_now(context, exec);
        context->began_realtime = realtime(context, exec);
        engine_exec_charge(exec, count);
    }
    unsigned wait;
    uint32_t due = look(&call, in, out, count, &wait);
    if (due == UINT32_MAX) return wasi_done(&call, WASI_EINVAL);
    if (due == 0) return wasi_pending(&call, wait);
    wasi_put32(wasi_range(&call, wasi_u32(&call, 3), 4), due);
    return wasi_done(&call, WASI_SUCCESS);
}
