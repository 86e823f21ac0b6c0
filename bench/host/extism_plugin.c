/* The test plugin's ping and many_echo for Extism. Its interface is not standard input and output: a method
 * is an export that takes its input from the host's kernel and leaves its output there, and all that goes
 * over is copied into and out of blocks of the kernel's memory, eight bytes or one at a time. Input and
 * output are JSON, as they are for the test plugin. */
#include <stdbool.h>
#include <stdint.h>

#define KERNEL(name) __attribute__((import_module("extism:host/env"), import_name(name)))
#define HOST(name)   __attribute__((import_module("extism:host/user"), import_name(name)))
#define METHOD(name) __attribute__((export_name(name)))

/* A block of the kernel's memory, by its offset. */
typedef uint64_t block;

KERNEL("alloc") block kernel_alloc(uint64_t size);
KERNEL("free") void kernel_free(block memory);
KERNEL("length") uint64_t kernel_length(block memory);
KERNEL("load_u8") uint32_t kernel_load_u8(uint64_t offset);
KERNEL("store_u8") void kernel_store_u8(uint64_t offset, uint32_t byte);
KERNEL("store_u64") void kernel_store_u64(uint64_t offset, uint64_t bytes);
KERNEL("load_u64") uint64_t kernel_load_u64(uint64_t offset);
KERNEL("input_length") uint64_t kernel_input_length(void);
KERNEL("input_load_u8") uint32_t kernel_input_load_u8(uint64_t offset);
KERNEL("output_set") void kernel_output_set(block memory, uint64_t size);
KERNEL("error_set") void kernel_error_set(block memory);

HOST("echo") block host_echo(block params);

static block block_from(const char *text, uint64_t size) {
    block memory = kernel_alloc(size);
    uint64_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t bytes;
        __builtin_memcpy(&bytes, text + i, 8);
        kernel_store_u64(memory + i, bytes);
    }
    for (; i < size; i++) kernel_store_u8(memory + i, (uint8_t)text[i]);
    return memory;
}

static void read_block(block memory, uint64_t size, char *out) {
    uint64_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t bytes = kernel_load_u64(memory + i);
        __builtin_memcpy(out + i, &bytes, 8);
    }
    for (; i < size; i++) out[i] = (char)kernel_load_u8(memory + i);
}

static int32_t answer(const char *text, uint64_t size) {
    kernel_output_set(block_from(text, size), size);
    return 0;
}

static int32_t fail(const char *text, uint64_t size) {
    kernel_error_set(block_from(text, size));
    return 1;
}

#define ANSWER(text) answer(text, sizeof(text) - 1)
#define FAIL(text)   fail(text, sizeof(text) - 1)

/* A number without sign that takes up all of `text`. */
static bool parse_number(const char *text, uint64_t size, uint64_t *out) {
    uint64_t number = 0;
    for (uint64_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *out = number;
    return size > 0;
}

/* Writes at the end of the 20 characters and answers where the number starts. */
static const char *print_number(uint64_t number, char text[20]) {
    char *start = text + 20;
    do *--start = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return start;
}

/* Reads {"n":NUMBER}, which is what the measurement sends. */
static bool read_count(uint64_t *out) {
    static const char head[] = "{\"n\":";
    enum { HEAD = sizeof head - 1, LARGEST = 64 };
    char text[LARGEST];
    uint64_t size = kernel_input_length();
    if (size <= HEAD + 1 || size > LARGEST) return false;
    for (uint64_t i = 0; i < size; i++) text[i] = (char)kernel_input_load_u8(i);
    for (uint64_t i = 0; i < HEAD; i++) {
        if (text[i] != head[i]) return false;
    }
    return text[size - 1] == '}' && parse_number(text + HEAD, size - HEAD - 1, out);
}

METHOD("ping") int32_t ping(void) {
    return ANSWER("\"pong\"");
}

METHOD("many_echo") int32_t many_echo(void) {
    uint64_t count;
    if (!read_count(&count)) return FAIL("n is missing");
    for (uint64_t i = 0; i < count; i++) {
        char text[20];
        const char *start = print_number(i, text);
        block params = block_from(start, (uint64_t)(text + 20 - start));
        block result = host_echo(params);
        uint64_t size = kernel_length(result), echo;
        if (size > sizeof text) return FAIL("the echo is too long");
        read_block(result, size, text);
        kernel_free(params);
        kernel_free(result);
        if (!parse_number(text, size, &echo) || echo != i) return FAIL("the echo is another number");
    }
    return ANSWER("null");
}
