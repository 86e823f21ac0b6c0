/* Large messages: how often they are copied on their way in and out, and that their size is their only cost.
 *
 * A copy needs a place to go to. So what is counted is the large blocks that the host allocates while a call runs; the
 * copies into and out of the guest's own memory come on top, one each. */
#include "helper.h"

#define BULK GUESTS "/bulk.wasm"

enum { MESSAGE = 24 << 20 };

/* Counts blocks that could hold the message, and moves of such blocks. */
typedef struct scale {
    int large, moves;
    size_t bytes, most;
} scale;

static void *weigh(void *user, void *pointer, size_t old_size, size_t new_size) {
    scale *self = user;
    self->bytes += new_size - (pointer ? old_size : 0);
    if (self->bytes > self->most) self->most = self->bytes;
    if (new_size >= MESSAGE) self->large++;
    if (pointer && new_size > old_size && old_size >= MESSAGE / 4) self->moves++;
    if (new_size > 0) return realloc(pointer, new_size);
    free(pointer);
    return NULL;
}

/* A JSON string of MESSAGE bytes. */
static char *new_message(void) {
    char *text = malloc(MESSAGE + 1);
    memset(text, 'm', MESSAGE);
    text[0] = text[MESSAGE - 1] = '"';
    text[MESSAGE] = 0;
    return text;
}

static wplug_plugin *load_bulk(const char *how) {
    const char *env[] = {how};
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.message_bytes = 2 * (uint64_t)MESSAGE;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.env = env;
    options.env_count = 1;
    options.limits = &limits;
    return load(BULK, &options);
}

static wplug_result *echo_bulk(scale *heap, const char *how, const char *message) {
    wplug_allocator allocator = {weigh, heap};
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    options.allocator = &allocator;
    wplug_runtime *runtime;
    assert_int_equal(wplug_runtime_new(&options, &runtime, NULL), WPLUG_OK);
    wplug_plugin *plugin = load_bulk(how);
    wplug_result *result;
    wplug_error error;
    if (wplug_call(runtime, plugin, "echo", message, NULL, &result, &error) != WPLUG_OK)
        fail_msg("%s", error.message);
    wplug_plugin_release(plugin);
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
    return result; /* outlives the runtime, whose peer had its buffer */
}

static void expect_message(wplug_result *result, const char *message) {
    assert_int_equal(result->json_size, MESSAGE);
    assert_memory_equal(result->json, message, MESSAGE + 1);
    wplug_result_release(result);
}

static void a_large_message_is_copied_twice_each_way(void **state) {
    char *message = new_message();
    scale heap = {0};
    wplug_result *result = echo_bulk(&heap, "HOW=whole", message);
    /* In: the line that waits at stdin, and from there the guest's memory. Out: pieces of 64 KiB, and the line made of
     * them, which the result then has. Neither grew by steps, and the first was gone before the second came. */
    assert_int_equal(heap.large, 2);
    assert_int_equal(heap.moves, 0);
    assert_true(heap.most < MESSAGE + (1 << 20));
    expect_message(result, message);
    assert_int_equal(heap.bytes, 0);
    free(message);
}

static void a_large_message_in_pieces_is_collected_in_one_buffer(void **state) {
    char *message = new_message();
    scale heap = {0};
    wplug_result *result = echo_bulk(&heap, "HOW=4096", message);
    /* Nobody could know how long it would become: the buffer has grown by doubling. */
    assert_in_range(heap.large, 2, 3);
    assert_in_range(heap.moves, 1, 4);
    assert_true(heap.most < 2 * (size_t)MESSAGE + (1 << 20));
    expect_message(result, message);
    assert_int_equal(heap.bytes, 0);
    free(message);
}

static void a_message_over_the_limit_is_refused_before_it_is_copied(void **state) {
    char *message = new_message();
    scale heap = {0};
    wplug_allocator allocator = {weigh, &heap};
    wplug_runtime_options options;
    wplug_runtime_options_init(&options);
    options.allocator = &allocator;
    wplug_runtime *runtime;
    assert_int_equal(wplug_runtime_new(&options, &runtime, NULL), WPLUG_OK);
    wplug_plugin *plugin = load(ACTOR, NULL); /* with the default limit of 16 MiB */
    assert_int_equal(wplug_call(runtime, plugin, "echo", message, NULL, NULL, NULL), WPLUG_MESSAGE_LIMIT);
    assert_int_equal(heap.large, 0);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    free(message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_message_is_copied_twice_each_way),
        cmocka_unit_test(a_large_message_in_pieces_is_collected_in_one_buffer),
        cmocka_unit_test(a_message_over_the_limit_is_refused_before_it_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
