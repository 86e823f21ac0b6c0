/* Measures long messages: what they cost, and how often they are copied.
 *
 * This program is linked so that all calls of memcpy and memmove come by here (-Wl,--wrap). The library's
 * blocks of a megabyte and more, the caller's params and the guest's side are told apart by address:
 * whatever is read from or written to one of the host's blocks is a copy on the message's way, and what the
 * guest copies within its own memory is not.
 *
 *     way in:   caller's params ->  host's blocks -> guest's memory
 *     way out:  guest's memory  ->  host's blocks */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 64, LARGE = 1 << 20 };

typedef struct range {
    const char *start;
    size_t size;
} range;

static range blocks[BLOCKS]; /* [0] is the caller's params */
static size_t copied, allocated, most_allocated;
static size_t moved; /* by realloc, that is from one of the host's blocks to another */

/* ---- The host's large blocks ---- */

static void replace_block(const void *old, const void *new, size_t size) {
    for (int i = 1; i < BLOCKS; i++) {
        if (blocks[i].start != old) continue;
        blocks[i] = (range){new, size};
        return;
    }
    stop("more than %d large blocks at once", BLOCKS - 1);
}

static bool in_a_block(const void *address) {
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].start && (size_t)((const char *)address - blocks[i].start) < blocks[i].size)
            return true;
    }
    return false;
}

static void *watched_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    void *resized = NULL;
    if (new_size == 0) {
        free(pointer);
    } else {
        resized = realloc(pointer, new_size);
        if (!resized) return NULL;
    }
    bool was_large = old_size >= LARGE, is_large = new_size >= LARGE;
    if (was_large || is_large) replace_block(was_large ? pointer : NULL, is_large ? resized : NULL, new_size);
    if (was_large && is_large && resized != pointer) moved += old_size;
    allocated += new_size - old_size;
    if (allocated > most_allocated) most_allocated = allocated;
    return resized;
}

/* ---- Copies ---- */

void *__real_memcpy(void *to, const void *from, size_t size);
void *__real_memmove(void *to, const void *from, size_t size);
void *__wrap_memcpy(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size);

static void watch(const void *to, const void *from, size_t size) {
    if (in_a_block(to) || in_a_block(from)) copied += size;
}

void *__wrap_memcpy(void *to, const void *from, size_t size) {
    watch(to, from, size);
    return __real_memcpy(to, from, size);
}

void *__wrap_memmove(void *to, const void *from, size_t size) {
    watch(to, from, size);
    return __real_memmove(to, from, size);
}

/* ---- The measurement ---- */

static char *make_params(size_t size) {
    char *text = malloc(size + 1);
    if (!text) stop("no memory");
    for (size_t i = 0; i < size; i++) text[i] = (char)('a' + i % 26);
    text[0] = text[size - 1] = '"';
    text[size] = '\0';
    blocks[0] = (range){text, size};
    return text;
}

typedef struct big {
    wplug_runtime *runtime;
    wplug_plugin *plugin;
    wplug_call_options options;
    size_t size;
} big;

/* Calls a method, prints what it took under the words NAME_..., and gives the result. */
static wplug_result *measure(const big *b, const char *name, const char *params) {
    wplug_result *result;
    wplug_error error;
    char word[40];
    copied = moved = 0;
    most_allocated = allocated;
    size_t allocated_before = allocated;
    uint64_t cpu = cpu_ns(), wall = wplug_monotonic_ns();
    if (wplug_call(b->runtime, b->plugin, name, params, &b->options, &result, &error) != WPLUG_OK)
        stop("%s", error.message);
    wall = wplug_monotonic_ns() - wall;
    cpu = cpu_ns() - cpu;
    snprintf(word, sizeof word, "%s_cpu", name);
    print(word, cpu);
    snprintf(word, sizeof word, "%s_wall", name);
    print(word, wall);
    snprintf(word, sizeof word, "%s_copied", name);
    print(word, copied);
    snprintf(word, sizeof word, "%s_moved", name);
    print(word, moved);
    snprintf(word, sizeof word, "%s_allocated", name);
    print(word, most_allocated - allocated_before);
    snprintf(word, sizeof word, "%s_rss", name);
    print(word, resident_bytes());
    snprintf(word, sizeof word, "%s_guest", name);
    print(word, result->memory_bytes);
    return result;
}

static void measure_all(const big *b, const char *params) {
    char text[40];
    wplug_result *result = measure(b, "take", params);
    snprintf(text, sizeof text, "%zu", b->size);
    if (strcmp(result->json, text) != 0) stop("take saw %.40s bytes", result->json);
    wplug_result_release(result);

    snprintf(text, sizeof text, "{\"size\":%zu}", b->size - 2);
    result = measure(b, "make", text);
    if (result->json_size != b->size || strspn(result->json + 1, "x") != b->size - 2)
        stop("make gave %zu bytes, or wrong ones", result->json_size);
    wplug_result_release(result);

    result = measure(b, "give_back", params);
    if (result->json_size != b->size || memcmp(result->json, params, b->size) != 0)
        stop("give_back gave %zu bytes, or wrong ones", result->json_size);
    wplug_result_release(result);

    char *copy = malloc(b->size);
    if (!copy) stop("no memory");
    uint64_t start = cpu_ns();
    memcpy(copy, params, b->size);
    uint64_t end = cpu_ns();
    if (memcmp(copy, params, b->size) != 0) stop("memcpy does not copy");
    print("copy_cpu", end - start);
    free(copy);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: host_big BENCH-PLUGIN.wasm BYTES REPEATS\n"
              "\n"
              "Calls take (long params), make (a long result) and give_back (both) REPEATS times and prints "
              "for each,\n"
              "after its name and an underscore: cpu and wall NANOSECONDS; copied BYTES, from and to the "
              "host's\n"
              "blocks; moved BYTES, by realloc from one place to another; allocated BYTES, the most the "
              "library held\n"
              "above what it held before; rss BYTES, resident afterwards, with the result; guest BYTES, "
              "linear\n"
              "memory. And: copy_cpu NANOSECONDS, for one memcpy of that size into new memory.\n",
              stderr);
        return EXIT_USAGE;
    }
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.message_bytes = (uint64_t)1 << 30;
    limits.memory_bytes = (uint64_t)4 << 30;
    big b = {.size = number(argv[2])};
    wplug_call_options_init(&b.options);
    b.options.limits = &limits;
    wplug_allocator allocator = {watched_resize, NULL};
    b.plugin = load(argv[1], &allocator);
    b.runtime = new_runtime(&allocator);
    char *params = make_params(b.size);
    for (uint64_t i = number(argv[3]); i > 0; i--) measure_all(&b, params);
    wplug_runtime_free(b.runtime);
    wplug_plugin_release(b.plugin);
    free(params);
    if (allocated != 0) stop("%zu bytes were not given back", allocated);
    return 0;
}
