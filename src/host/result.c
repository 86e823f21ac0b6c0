/* Owns results: made when their task starts, filled in when it ends, then immutable and counted. */
#include "host/host.h"

host_result *host_result_new(const base_allocator *allocator) {
    host_result *result = base_alloc_zeroed(allocator, 1, sizeof *result);
    if (!result) return NULL;
    atomic_init(&result->references, 1);
    result->magic = HOST_RESULT_MAGIC;
    result->allocator = *allocator;
    base_buffer_init(&result->text, &result->allocator);
    wplug_result *public = &result->public;
    public->message = public->json = public->error_message = public->data = public->backtrace = "";
    return result;
}

bool host_result_is_alive(const wplug_result *result) {
    return result && ((const host_result *)(const void *)result)->magic == HOST_RESULT_MAGIC;
}

wplug_result *wplug_result_retain(wplug_result *result) {
    if (!host_result_is_alive(result)) return NULL;
    host_result *own = (host_result *)(void *)result;
    atomic_fetch_add_explicit(&own->references, 1, memory_order_relaxed);
    return result;
}

void wplug_result_release(wplug_result *result) {
    if (!host_result_is_alive(result)) return;
    host_result *own = (host_result *)(void *)result;
    if (atomic_fetch_sub_explicit(&own->references, 1, memory_order_acq_rel) != 1) return;
    base_allocator allocator = own->allocator;
    base_buffer_free(&own->text);
    base_free(&allocator, own->values, own->value_capacity * sizeof *own->values);
    own->magic = HOST_DEAD;
    base_free(&allocator, own, sizeof *own);
}
