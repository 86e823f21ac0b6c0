#include "measure.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Noreturn void stop(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("host_bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_WRONG);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) stop("no memory");
    return memory;
}

uint64_t number(const char *text) {
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || value < 1) stop("not a number above 0: %s", text);
    return (uint64_t)value;
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) stop("there is no clock for processor time");
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t cpu_ns(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t thread_cpu_ns(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- Statistics ---- */

void samples_init(samples *s, size_t capacity) {
    *s = (samples){.values = allocate(capacity, sizeof *s->values), .capacity = capacity};
    /* Touched now, so that no sample pays for a page of its own list. */
    for (size_t i = 0; i < capacity; i++) ((volatile uint64_t *)s->values)[i] = 0;
}

void samples_add(samples *s, uint64_t value) {
    if (s->count == s->capacity) stop("more samples than were announced");
    s->values[s->count++] = value;
}

void samples_free(samples *s) {
    free(s->values);
    *s = (samples){0};
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

uint64_t samples_at(samples *s, double share) {
    if (s->count == 0) stop("there are no samples");
    qsort(s->values, s->count, sizeof *s->values, compare);
    return s->values[(size_t)(share * (double)(s->count - 1) + 0.5)];
}

void print(const char *word, uint64_t value) {
    printf("%s %" PRIu64 "\n", word, value);
    fflush(stdout);
}

static void print_under(const char *name, const char *word, uint64_t value) {
    char line[60];
    snprintf(line, sizeof line, "%s_%s", name, word);
    print(line, value);
}

void print_rate(const char *name, unsigned threads, uint64_t calls, uint64_t cpu, uint64_t wall) {
    if (calls == 0) stop("%s: no call ended", name);
    print_under(name, "rate", (uint64_t)((double)calls * 1e9 / (double)wall));
    print_under(name, "cpu", cpu / calls);
    print_under(name, "share", cpu * 1000 / wall / threads);
}

void sleep_ms(uint64_t ms) {
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
    while (nanosleep(&time, &time) != 0) continue;
}

/* ---- The process ---- */

size_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total, resident;
    if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) stop("cannot read /proc/self/statm");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

size_t page_table_bytes(void) {
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) stop("cannot read /proc/self/status");
    char line[256];
    unsigned long kilobytes = 0;
    while (fgets(line, sizeof line, file) && sscanf(line, "VmPTE: %lu", &kilobytes) != 1) continue;
    fclose(file);
    return kilobytes * 1024;
}

unsigned descriptor_count(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) stop("cannot read /proc/self/fd");
    unsigned count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count - 3; /* ".", "..", and the folder's own */
}

/* ---- Memory ---- */

static void *counting_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    counted *count = user;
    if (new_size == 0) {
        free(pointer);
        count->now -= old_size;
        return NULL;
    }
    void *resized = realloc(pointer, new_size);
    if (!resized) return NULL;
    count->now += new_size - old_size;
    if (count->now > count->most) count->most = count->now;
    return resized;
}

wplug_allocator counting_allocator(counted *count) {
    return (wplug_allocator){counting_resize, count};
}

/* ---- wplug ---- */

wplug_plugin *load(const char *path, const wplug_allocator *allocator) {
    wplug_plugin_options options;
    wplug_plugin *plugin;
    wplug_error error;
    wplug_plugin_options_init(&options);
    options.allocator = allocator;
    if (wplug_plugin_load_file(path, &options, &plugin, &error) != WPLUG_OK) stop("%s", error.message);
    return plugin;
}

wplug_runtime *new_runtime(const wplug_allocator *allocator) {
    wplug_runtime_options options;
    wplug_runtime *runtime;
    wplug_error error;
    wplug_runtime_options_init(&options);
    options.allocator = allocator;
    if (wplug_runtime_new(&options, &runtime, &error) != WPLUG_OK) stop("%s", error.message);
    return runtime;
}

uint64_t call(wplug_runtime *runtime, wplug_plugin *plugin, const char *method, const char *params,
              wplug_status status, const char *answer) {
    wplug_result *result;
    wplug_error error;
    wplug_status ended = wplug_call(runtime, plugin, method, params, NULL, &result, &error);
    if (ended != status)
        stop("%s ended with %s instead of %s: %s", method, wplug_status_name(ended),
             wplug_status_name(status), error.message);
    if (answer && strcmp(result->json, answer) != 0) stop("%s answered %.100s", method, result->json);
    uint64_t time = result->time_ns;
    wplug_result_release(result);
    return time;
}

void echo(void *user, wplug_request *request) {
    size_t *count = user;
    ++*count;
    if (wplug_request_result(request, wplug_request_params(request, NULL)) != WPLUG_OK)
        stop("echo could not answer");
}
