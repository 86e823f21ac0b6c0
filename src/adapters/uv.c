/* Owns the tie between a runtime and a libuv loop. Sees the public headers and nothing else.
 *
 *     any thread:  wake callback ---> uv_async_t --.
 *     the loop:    wake callback ------------------+---> uv_idle_t: one step in this iteration or the next
 *                  uv_timer_t at a time -----------'          |
 *                        ^        ^                           v
 *                        |        `------------- plan: what the step said of the next one
 *
 * Steps are taken by the idle handle alone, so that there is at most one in an iteration. It comes before the
 * loop polls for I/O, without waiting while the handle is active. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wplug/wplug_uv.h"

#define DEFAULT_BUDGET_NS 1000000

struct wplug_uv {
    wplug_runtime *runtime;
    wplug_allocator allocator;
    uint64_t budget_ns;
    uv_thread_t thread; /* the loop's */
    wplug_status status;
    bool is_detached;
    int open_handles;
    wplug_uv_detached_fn detached;
    void *user;
    uv_async_t async;
    uv_timer_t timer;
    uv_idle_t idle;
};

static void *resize_default(void *user, void *pointer, size_t old_size, size_t new_size) {
    if (new_size > 0) return realloc(pointer, new_size);
    free(pointer);
    return NULL;
}

static wplug_status fail(wplug_error *error, wplug_status status, const char *what, const char *why) {
    if (error != NULL) {
        error->status = status;
        snprintf(error->message, sizeof error->message, "wplug_uv_attach: %s%s", what, why);
    }
    return status;
}

void wplug_uv_options_init_sized(wplug_uv_options *options, size_t size) {
    if (options == NULL || size < sizeof options->size) return;
    memset(options, 0, size);
    options->size = size;
}

/* A program that was compiled with an older header has a shorter struct, and the defaults for the rest. */
static bool read_options(wplug_uv_options *own, const wplug_uv_options *options) {
    wplug_uv_options_init(own);
    if (options == NULL) return true;
    if (options->size < sizeof options->size) return false;
    memcpy(own, options, options->size < sizeof *own ? options->size : sizeof *own);
    return true;
}

/* ---- In the loop ---- */

static void on_idle(uv_idle_t *idle);

static void on_timer(uv_timer_t *timer) {
    wplug_uv *self = timer->data;
    uv_idle_start(&self->idle, on_idle);
}

static void on_async(uv_async_t *async) {
    wplug_uv *self = async->data;
    uv_idle_start(&self->idle, on_idle);
}

/* On the loop's own thread the idle handle is started at once: that keeps the loop alive, which a message to an
 * unreferenced uv_async_t would not, and spares the system call. */
static void wake(void *user) {
    wplug_uv *self = user;
    uv_thread_t here = uv_thread_self();
    if (uv_thread_equal(&here, &self->thread))
        uv_idle_start(&self->idle, on_idle);
    else
        uv_async_send(&self->async);
}

static void plan(wplug_uv *self, const wplug_next *next) {
    if (next->when == WPLUG_NOW)
        uv_idle_start(&self->idle, on_idle);
    else
        uv_idle_stop(&self->idle);
    if (next->when == WPLUG_AT) {
        /* Timers count from the loop's idea of the time, which is as old as the iteration. */
        uv_update_time(self->timer.loop);
        uv_timer_start(&self->timer, on_timer, (uint64_t)wplug_next_timeout_ms(next), 0);
    } else {
        uv_timer_stop(&self->timer);
    }
    if (next->when == WPLUG_WOKEN)
        uv_ref((uv_handle_t *)&self->async);
    else
        uv_unref((uv_handle_t *)&self->async);
}

static void on_idle(uv_idle_t *idle) {
    wplug_uv *self = idle->data;
    wplug_next next;
    self->status = wplug_runtime_step(self->runtime, self->budget_ns, &next);
    /* A failed step leaves `next` at idle. The step's callbacks may have detached the runtime. */
    if (!self->is_detached) plan(self, &next);
}

/* ---- Attaching and detaching ---- */

wplug_status wplug_uv_attach(uv_loop_t *loop, wplug_runtime *runtime, const wplug_uv_options *options,
                             wplug_uv **out, wplug_error *error) {
    if (out == NULL) return fail(error, WPLUG_MISUSE, "out is NULL", "");
    *out = NULL;
    if (loop == NULL) return fail(error, WPLUG_MISUSE, "the loop is NULL", "");
    wplug_uv_options own;
    if (!read_options(&own, options))
        return fail(error, WPLUG_MISUSE, "call wplug_uv_options_init for the options first", "");
    /* A question about no task changes nothing, and on a wrong thread it is refused. */
    if (wplug_task_cancel(runtime, 0) == WPLUG_MISUSE)
        return fail(error, WPLUG_MISUSE, "the runtime is NULL, was freed, or belongs to another thread", "");
    wplug_allocator allocator = {resize_default, NULL};
    if (own.allocator != NULL) allocator = *own.allocator;
    wplug_uv *self = allocator.resize(allocator.user, NULL, 0, sizeof *self);
    if (self == NULL) return fail(error, WPLUG_NO_MEMORY, "out of memory", "");
    memset(self, 0, sizeof *self);
    int problem = uv_async_init(loop, &self->async, on_async);
    if (problem != 0) {
        allocator.resize(allocator.user, self, sizeof *self, 0);
        return fail(error, problem == UV_ENOMEM ? WPLUG_NO_MEMORY : WPLUG_SYSTEM,
                    "libuv gives no async handle: ", uv_strerror(problem));
    }
    /* These two cannot fail. */
    uv_timer_init(loop, &self->timer);
    uv_idle_init(loop, &self->idle);
    self->async.data = self->timer.data = self->idle.data = self;
    self->open_handles = 3;
    self->runtime = runtime;
    self->allocator = allocator;
    self->budget_ns = own.budget_ns != 0 ? own.budget_ns : DEFAULT_BUDGET_NS;
    self->thread = uv_thread_self();
    uv_unref((uv_handle_t *)&self->async);
    wplug_runtime_set_wake(runtime, wake, self);
    /* The first step finds what was started before, and says how to go on. */
    uv_idle_start(&self->idle, on_idle);
    *out = self;
    if (error != NULL) {
        error->status = WPLUG_OK;
        error->message[0] = 0;
    }
    return WPLUG_OK;
}

static void on_closed(uv_handle_t *handle) {
    wplug_uv *self = handle->data;
    if (--self->open_handles > 0) return;
    wplug_uv_detached_fn detached = self->detached;
    void *user = self->user;
    wplug_allocator allocator = self->allocator;
    allocator.resize(allocator.user, self, sizeof *self, 0);
    if (detached != NULL) detached(user);
}

wplug_status wplug_uv_detach(wplug_uv *self, wplug_uv_detached_fn detached, void *user) {
    if (self == NULL) return WPLUG_OK;
    if (self->is_detached) return WPLUG_MISUSE;
    /* Other threads that are just waking the runtime are waited for. */
    wplug_status status = wplug_runtime_set_wake(self->runtime, NULL, NULL);
    if (status != WPLUG_OK) return status;
    self->is_detached = true;
    self->runtime = NULL;
    self->detached = detached;
    self->user = user;
    uv_close((uv_handle_t *)&self->async, on_closed);
    uv_close((uv_handle_t *)&self->timer, on_closed);
    uv_close((uv_handle_t *)&self->idle, on_closed);
    return WPLUG_OK;
}

wplug_status wplug_uv_status(const wplug_uv *self) {
    return self != NULL ? self->status : WPLUG_MISUSE;
}
