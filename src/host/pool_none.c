/* Pools where there are no threads: none can be made, so there is never one to do anything with. Stands in for pool.c. */
#include "host/host.h"

wplug_status wplug_pool_new(const wplug_pool_options *options, wplug_pool **out, wplug_error *error) {
    if (!out) return host_fail(error, WPLUG_MISUSE, "wplug_pool_new: out is NULL");
    *out = NULL;
    return host_fail(error, WPLUG_SYSTEM, "wplug_pool_new: this build of wplug has no threads");
}

static wplug_status fail_no_pool(const char *function, wplug_error *error) {
    return host_fail(error, WPLUG_MISUSE, "%s: this is no pool: this build of wplug has no threads",
                     function);
}

wplug_status wplug_pool_call_start(wplug_pool *pool, wplug_plugin *plugin, const char *method,
                                   const char *params, const wplug_call_options *options, wplug_done_fn done,
                                   void *user, wplug_task *task, wplug_error *error) {
    return fail_no_pool("wplug_pool_call_start", error);
}

wplug_status wplug_pool_call(wplug_pool *pool, wplug_plugin *plugin, const char *method, const char *params,
                             const wplug_call_options *options, wplug_result **result, wplug_error *error) {
    if (result) *result = NULL;
    return fail_no_pool("wplug_pool_call", error);
}

wplug_status wplug_pool_cancel(wplug_pool *pool, wplug_task task) {
    return WPLUG_MISUSE;
}

size_t wplug_pool_dispatch(wplug_pool *pool) {
    return 0;
}

wplug_status wplug_pool_shutdown(wplug_pool *pool, bool drain) {
    return WPLUG_MISUSE;
}

wplug_status wplug_pool_free(wplug_pool *pool) {
    return pool ? WPLUG_MISUSE : WPLUG_OK;
}

wplug_status wplug_pool_stats(const wplug_pool *pool, wplug_stats *out) {
    return WPLUG_MISUSE;
}

/* No runtime has a worker. */
void host_worker_poll(host_worker *worker) {}

bool host_worker_rest(host_worker *worker, uint64_t *until) {
    return true;
}

host_task *host_worker_find(const wplug_runtime *runtime, wplug_task id) {
    return NULL;
}
