/* Owns the made-up host: see world.h. */
#include "world.h"

#include "pdk.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Text that arrives later. */
typedef struct arrival {
    struct arrival *next;
    uint64_t at_ns;
    char *text;
} arrival;

static struct {
    world_kind kind;
    base_buffer input, output, log;
    size_t taken;      /* of the input */
    size_t line;       /* in the output: the beginning of the line that is being written */
    arrival *arrivals; /* by time */
    size_t most;
    bool input_ended, starved, reads_fail, writes_fail, random_fails;
    uint64_t now_ns;
    size_t reads, clock_reads, random_reads, pauses, log_writes;
    void (*on_line)(const char *line);
    const char *variable, *value;
    const uint64_t *numbers;
    size_t number_count;
    jmp_buf exit_point;
} world;

/* The world's own memory is not the plugin's: tests that let allocations fail leave it alone. */
static void append(base_buffer *buffer, const void *data, size_t size) {
    if (base_buffer_append(buffer, data, size) != BASE_OK) abort();
}

static void *world_resize(void *user, void *pointer, size_t old_size, size_t new_size);
static const base_allocator world_allocator = {world_resize, NULL};

void *__real_realloc(void *pointer, size_t size);

static void *world_resize(void *user, void *pointer, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    if (new_size > 0) return __real_realloc(pointer, new_size);
    free(pointer);
    return NULL;
}

void world_begin(void) {
    memset(&world, 0, sizeof world);
    base_buffer_init(&world.input, &world_allocator);
    base_buffer_init(&world.output, &world_allocator);
    base_buffer_init(&world.log, &world_allocator);
    world.now_ns = UINT64_C(5000000000);
}

void world_end(void) {
    base_buffer_free(&world.input);
    base_buffer_free(&world.output);
    base_buffer_free(&world.log);
    while (world.arrivals) {
        arrival *next = world.arrivals;
        world.arrivals = next->next;
        free(next->text);
        free(next);
    }
}

void world_is(world_kind kind) {
    world.kind = kind;
}

void world_read_at_most(size_t bytes) {
    world.most = bytes;
}

void world_send_bytes(const void *bytes, size_t size) {
    append(&world.input, bytes, size);
}

void world_send(const char *text) {
    world_send_bytes(text, strlen(text));
}

void world_send_after(uint64_t milliseconds, const char *text) {
    arrival *fresh = __real_realloc(NULL, sizeof *fresh);
    size_t size = strlen(text) + 1;
    *fresh = (arrival){.at_ns = world.now_ns + milliseconds * 1000000, .text = __real_realloc(NULL, size)};
    memcpy(fresh->text, text, size);
    arrival **place = &world.arrivals;
    while (*place && (*place)->at_ns <= fresh->at_ns) place = &(*place)->next;
    fresh->next = *place;
    *place = fresh;
}

void world_on_line(void (*on_line)(const char *line)) {
    world.on_line = on_line;
}

int world_run(void (*register_methods)(void)) {
    int code = setjmp(world.exit_point);
    return code ? code : wplug_run("test", "1.0", register_methods);
}

int world_run_main(int (*main_function)(void)) {
    int code = setjmp(world.exit_point);
    return code ? code : main_function();
}

static const char *as_text(base_buffer *buffer) {
    append(buffer, "", 1);
    buffer->size--;
    return (const char *)buffer->data;
}

const char *world_output(void) {
    return as_text(&world.output);
}

const char *world_log(void) {
    return as_text(&world.log);
}

size_t world_log_writes(void) {
    return world.log_writes;
}

uint64_t world_now_ms(void) {
    return (world.now_ns - UINT64_C(5000000000)) / 1000000;
}

bool world_was_starved(void) {
    return world.starved;
}

size_t world_reads(void) {
    return world.reads;
}

size_t world_clock_reads(void) {
    return world.clock_reads;
}

size_t world_random_reads(void) {
    return world.random_reads;
}

size_t world_pauses(void) {
    return world.pauses;
}

void world_fail_reads(void) {
    world.reads_fail = true;
}

void world_fail_writes(void) {
    world.writes_fail = true;
}

void world_fail_random(void) {
    world.random_fails = true;
}

void world_environment(const char *name, const char *value) {
    world.variable = name;
    world.value = value;
}

void world_random_is(const uint64_t *numbers, size_t count) {
    world.numbers = numbers;
    world.number_count = count;
}

/* ---- The operating system ---- */

/* Moves what has arrived by now to the input. */
static void receive(void) {
    while (world.arrivals && world.arrivals->at_ns <= world.now_ns) {
        arrival *next = world.arrivals;
        world.arrivals = next->next;
        world_send(next->text);
        free(next->text);
        free(next);
    }
}

static bool has_input(void) {
    receive();
    return world.taken < world.input.size || world.input_ended;
}

/* Lets time pass until something arrives or `end_ns`; where nothing ever will, the input ends. */
static void pass_time_until(uint64_t end_ns) {
    if (has_input()) return;
    if (world.arrivals && world.arrivals->at_ns <= end_ns)
        world.now_ns = world.arrivals->at_ns;
    else if (end_ns != PDK_NO_DEADLINE)
        world.now_ns = end_ns;
    else
        world.input_ended = world.starved = true;
}

pdk_io pdk_os_read(void *bytes, size_t capacity, size_t *count) {
    world.reads++;
    *count = 0;
    if (world.reads_fail) return PDK_IO_FAILED;
    if (!has_input()) {
        bool nothing_will_come = !world.arrivals;
        if (world.kind != WORLD_READS_WAIT && !nothing_will_come) return PDK_IO_AGAIN;
        pass_time_until(PDK_NO_DEADLINE);
    }
    has_input();
    size_t left = world.input.size - world.taken;
    if (left == 0) return PDK_IO_END;
    if (world.most && left > world.most) left = world.most;
    *count = left < capacity ? left : capacity;
    memcpy(bytes, world.input.data + world.taken, *count);
    world.taken += *count;
    return PDK_IO_DONE;
}

bool pdk_os_write(int stream, const void *bytes, size_t size) {
    if (stream == 2) {
        append(&world.log, bytes, size);
        world.log_writes++;
        return true;
    }
    if (world.writes_fail) return false;
    append(&world.output, bytes, size);
    uint8_t *end;
    while (world.on_line && world.line < world.output.size &&
           (end = memchr(world.output.data + world.line, '\n', world.output.size - world.line))) {
        *end = '\0';
        const char *line = (const char *)world.output.data + world.line;
        world.line = (size_t)(end + 1 - world.output.data);
        world.on_line(line);
        *end = '\n';
    }
    return true;
}

bool pdk_os_polls_input(void) {
    return world.kind != WORLD_CLOCKS_ONLY;
}

pdk_io pdk_os_wait_for_input(uint64_t timeout_ns) {
    if (world.kind == WORLD_CLOCKS_ONLY) return PDK_IO_FAILED;
    pass_time_until(timeout_ns == PDK_NO_DEADLINE ? timeout_ns : world.now_ns + timeout_ns);
    return has_input() ? PDK_IO_DONE : PDK_IO_AGAIN;
}

void pdk_os_sleep(uint64_t duration_ns) {
    world.pauses++;
    world.now_ns += duration_ns;
}

void pdk_os_yield(void) {
    world.pauses++;
    world.now_ns += 1000;
}

uint64_t pdk_os_monotonic_ns(void) {
    world.clock_reads++;
    return world.now_ns;
}

uint64_t pdk_os_realtime_ns(void) {
    world.clock_reads++;
    return UINT64_C(1700000000123456789);
}

bool pdk_os_random(void *bytes, size_t size) {
    world.random_reads++;
    if (world.random_fails) return false;
    memset(bytes, 0xA5, size);
    if (world.number_count > 0 && size == sizeof *world.numbers) {
        memcpy(bytes, world.numbers++, size);
        world.number_count--;
    }
    return true;
}

const char *pdk_os_environment(const char *name) {
    return world.variable && strcmp(name, world.variable) == 0 ? world.value : NULL;
}

bool pdk_os_takes_memory_back(void) {
    return false; /* the next test runs in the same process */
}

_Noreturn void pdk_os_exit(int code) {
    longjmp(world.exit_point, code);
}
