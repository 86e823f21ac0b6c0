/* wplug_uv.h: runs a wplug runtime on a libuv loop. A library of its own, libwplug_uv, which needs libuv.
 *
 *     wplug_uv *attachment;
 *     if (wplug_uv_attach(loop, runtime, NULL, &attachment, &error) == WPLUG_OK) {
 *         wplug_call_start(runtime, plugin, "greet", NULL, NULL, print_result, NULL, NULL, &error);
 *         uv_run(loop, UV_RUN_DEFAULT);            (returns when the call has ended: nothing is left to do)
 *         wplug_uv_detach(attachment, NULL, NULL);
 *         uv_run(loop, UV_RUN_DEFAULT);            (lets the attachment's handles close)
 *     }
 *
 * From wplug_uv_attach to wplug_uv_detach the loop steps the runtime: calls are started with wplug_call_start
 * and its kin from anywhere on the loop's thread, and their callbacks run from inside the loop. What holds in
 * wplug.h holds here: statuses, errors, ownership, options.
 *
 * The loop goes on. In each iteration of the loop the runtime is stepped at most once, and everything else that
 * the loop has to do gets its turn between two steps, however busy guests are. Three things bound what a step
 * adds to an iteration: `budget_ns` below, after which no further slice begins; one slice, which a step may
 * exceed its budget by (wplug_runtime_options.slice_fuel; as it comes, a fraction of a millisecond); and the
 * embedder's own callbacks. A loop that has to answer its other handles fast wants both small; one that does
 * nothing but run plugins may have them larger, and spends less time in the system's poll.
 *
 * The loop ends. The attachment keeps the loop alive exactly as long as the runtime has something to do:
 *
 *     the runtime's `next`    what the attachment has in the loop
 *     WPLUG_NOW               an active uv_idle_t, which steps it in the next iteration and makes poll not wait
 *     WPLUG_AT                an active uv_timer_t
 *     WPLUG_WOKEN             a referenced uv_async_t: the answer of a host method may come from any thread
 *     WPLUG_IDLE              nothing that is active and referenced: uv_run returns unless there is more
 *
 * Threads: everything here is for the thread that runs the loop, which has to be the runtime's thread as well.
 * To move both to another thread, detach, move (wplug_runtime_move_here), and attach there. Requests are answered
 * from any thread, as always. Any number of runtimes may be attached to one loop. */
#ifndef WPLUG_UV_H
#define WPLUG_UV_H

#include <uv.h>

#include "wplug/wplug.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The tie between one runtime and one loop. */
typedef struct wplug_uv wplug_uv;

typedef struct wplug_uv_options {
    size_t size;
    const wplug_allocator *allocator; /* NULL: malloc and its family. One block is all that is asked for */
    uint64_t budget_ns;               /* for one step, see above. 0: 1,000,000 (1 ms) */
} wplug_uv_options;

/* As the init functions of wplug.h. */
WPLUG_API void wplug_uv_options_init_sized(wplug_uv_options *options, size_t size);
static inline void wplug_uv_options_init(wplug_uv_options *options) {
    wplug_uv_options_init_sized(options, sizeof *options);
}

/* Lets the loop step the runtime. `options` NULL means the defaults. Takes over the runtime's wake callback
 * (wplug_runtime_set_wake). While it is attached the runtime must not be freed, nor be stepped by hand; blocking
 * functions (wplug_call) may be used, and block the loop. Neither the loop nor the runtime is owned: both must
 * outlive the attachment. WPLUG_NO_MEMORY; WPLUG_SYSTEM where libuv could not make a handle, which `error` says
 * in libuv's words; WPLUG_MISUSE, as on a thread that is not the runtime's. Then nothing has changed. */
WPLUG_API wplug_status wplug_uv_attach(uv_loop_t *loop, wplug_runtime *runtime,
                                       const wplug_uv_options *options, wplug_uv **out, wplug_error *error);

/* Called by the loop when all handles of the attachment are closed and its memory is free. */
typedef void (*wplug_uv_detached_fn)(void *user);

/* Ends it: when this returns nothing here touches the runtime any more. Its tasks are neither ended nor stepped;
 * the runtime may be freed, stepped by hand or attached again, to any loop. The handles close as libuv's do,
 * asynchronously: the loop has to run once more before it can be closed, and `detached` (may be NULL) runs then.
 * May be called in callbacks of the runtime. NULL is fine, and then `detached` never runs. WPLUG_MISUSE, and
 * nothing happens: it is being detached already, or this is not the runtime's thread. */
WPLUG_API wplug_status wplug_uv_detach(wplug_uv *attachment, wplug_uv_detached_fn detached, void *user);

/* How the last step went: WPLUG_OK unless the loop runs on another thread than the one that the runtime belongs
 * to. Then WPLUG_MISUSE, and nothing is stepped any more: detach, and attach on the right thread. WPLUG_MISUSE
 * also where `attachment` is NULL. */
WPLUG_API wplug_status wplug_uv_status(const wplug_uv *attachment);

#ifdef __cplusplus
}
#endif

#endif
