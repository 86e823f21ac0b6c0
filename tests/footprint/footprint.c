/* How much memory a call takes beside the guest's own: footprint PLUGIN METHOD CALLS LIMIT. Loads the plugin, runs the method
 * so many times, one after the other, and prints what was in use at most:
 *
 *   heap     what the library had from its allocator, all of it: module, translated code, runtime, sandbox, messages
 *   stack    of C: the program's own stack is painted before and looked at after
 *   guest    the guest's linear memory, which is not counted: it is as large as the plugin wants it. Where the library takes it
 *            from the allocator (no operating system with pages), the heap has it too
 *
 * Exits with 1 where heap and stack together are more than LIMIT bytes. Static data is the linker's to tell. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <wplug/wplug.h>

enum { PAINT = 0xA5, STACK_SIZE = 256 * 1024 };

typedef struct counter {
    size_t now, most, blocks;
} counter;

static void *count(void *user, void *pointer, size_t old_size, size_t new_size) {
    counter *self = user;
    if (new_size == 0) {
        free(pointer);
        self->now -= old_size;
        self->blocks -= pointer != NULL;
        return NULL;
    }
    void *moved = realloc(pointer, new_size);
    if (!moved) return NULL;
    /* While a block moves there may be two of it. */
    if (self->now + new_size > self->most) self->most = self->now + new_size;
    self->now += new_size - old_size;
    self->blocks += pointer == NULL;
    return moved;
}

/* How much of the stack was written to; it grows downwards. */
static size_t stack_used(const uint8_t *stack) {
    size_t untouched = 0;
    while (untouched < STACK_SIZE && stack[untouched] == PAINT) untouched++;
    return STACK_SIZE - untouched;
}

static bool call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method, uint64_t *guest,
                 wplug_error *error) {
    wplug_result *result = NULL;
    const bool ok = wplug_call(runtime, plugin, method, NULL, NULL, &result, error) == WPLUG_OK;
    if (ok) *guest = result->memory_bytes;
    wplug_result_release(result);
    return ok;
}

static bool run(const char *path, const char *method, int calls, counter *heap, uint64_t *guest,
                wplug_error *error) {
    const wplug_allocator allocator = {count, heap};
    wplug_runtime_options runtime_options;
    wplug_plugin_options plugin_options;
    wplug_runtime *runtime = NULL;
    wplug_plugin *plugin = NULL;
    wplug_runtime_options_init(&runtime_options);
    runtime_options.allocator = &allocator;
    wplug_plugin_options_init(&plugin_options);
    plugin_options.allocator = &allocator;
    plugin_options.snapshot = WPLUG_SNAPSHOT_NEVER;
    bool ok = wplug_runtime_new(&runtime_options, &runtime, error) == WPLUG_OK &&
              wplug_plugin_load_file(path, &plugin_options, &plugin, error) == WPLUG_OK;
    if (ok) printf("loaded  %8zu bytes, at most %zu\n", heap->now, heap->most);
    for (int i = 0; ok && i < calls; i++) ok = call(runtime, plugin, method, guest, error);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    return ok;
}

/* What runs on the painted stack: it takes no parameters. */
static struct {
    char **arguments;
    counter heap;
    uint64_t guest;
    wplug_error error;
    bool ok;
} job;

static void run_job(void) {
    job.ok =
        run(job.arguments[1], job.arguments[2], atoi(job.arguments[3]), &job.heap, &job.guest, &job.error);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: footprint PLUGIN METHOD CALLS LIMIT\n");
        return 2;
    }
    static uint8_t stack_space[STACK_SIZE];
    static ucontext_t here, there;
    memset(stack_space, PAINT, sizeof stack_space);
    if (getcontext(&there) != 0) return 2;
    there.uc_stack.ss_sp = stack_space;
    there.uc_stack.ss_size = sizeof stack_space;
    there.uc_link = &here;
    job.arguments = argv;
    makecontext(&there, run_job, 0);
    if (swapcontext(&here, &there) != 0) return 2;
    const size_t stack = stack_used(stack_space);
    const counter *heap = &job.heap;
    if (!job.ok) {
        fprintf(stderr, "footprint: %s\n", job.error.message);
        return 1;
    }
    printf("heap    %8zu bytes at most\n", heap->most);
    printf("stack   %8zu bytes at most\n", stack);
    printf("guest   %8llu bytes\n", (unsigned long long)job.guest);
    if (heap->now || heap->blocks) fprintf(stderr, "footprint: %zu bytes were not freed\n", heap->now);
    const bool fits = heap->most + stack <= (size_t)atol(argv[4]);
    if (!fits) fprintf(stderr, "footprint: more than %s bytes\n", argv[4]);
    return fits && !heap->now && !heap->blocks ? 0 : 1;
}
