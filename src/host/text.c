/* Owns what passes between the embedder's memory and ours: texts that are handed over, structs that may
 * differ in length, allocators, ids, times. */
#include "host/host.h"

/* ---- Texts ----
 *
 *     | head: size, magic, allocator | bytes... 0 |
 *                                    ^ what the embedder gets                */
typedef struct text_head {
    base_allocator allocator;
    size_t size; /* of the whole block */
    uint32_t magic;
} text_head;

char *host_text_new(const base_allocator *allocator, base_bytes content) {
    size_t size = sizeof(text_head) + content.size + 1;
    text_head *head = size > content.size ? base_alloc(allocator, size) : NULL;
    if (!head) return NULL;
    *head = (text_head){*allocator, size, HOST_TEXT_MAGIC};
    char *text = (char *)(head + 1);
    if (content.size > 0) memcpy(text, content.data, content.size);
    text[content.size] = 0;
    return text;
}

void wplug_text_free(char *text) {
    if (!text) return;
    text_head *head = (text_head *)(void *)text - 1;
    if (head->magic != HOST_TEXT_MAGIC) return;
    head->magic = HOST_DEAD;
    base_allocator allocator = head->allocator;
    base_free(&allocator, head, head->size);
}

/* ---- Structs ---- */

base_allocator host_allocator(const wplug_allocator *allocator) {
    if (!allocator) return *base_default_allocator();
    return (base_allocator){allocator->resize, allocator->user};
}

bool host_read_struct(void *to, size_t to_size, const void *from) {
    memset(to, 0, to_size);
    if (!from) return true;
    size_t size;
    memcpy(&size, from, sizeof size);
    if (size < sizeof size) return false;
    memcpy(to, from, size < to_size ? size : to_size);
    return true;
}

void host_write_struct(void *to, const void *from, size_t from_size) {
    size_t size;
    memcpy(&size, to, sizeof size);
    memset(to, 0, size);
    memcpy(to, from, size < from_size ? size : from_size);
    memcpy(to, &size, sizeof size);
}

static void init_struct(void *to, size_t size) {
    if (!to || size < sizeof size) return;
    memset(to, 0, size);
    memcpy(to, &size, sizeof size);
}

void wplug_limits_init_sized(wplug_limits *limits, size_t size) {
    init_struct(limits, size);
}

void wplug_pool_options_init_sized(wplug_pool_options *options, size_t size) {
    init_struct(options, size);
}

void wplug_plugin_options_init_sized(wplug_plugin_options *options, size_t size) {
    init_struct(options, size);
}

void wplug_runtime_options_init_sized(wplug_runtime_options *options, size_t size) {
    init_struct(options, size);
}

void wplug_call_options_init_sized(wplug_call_options *options, size_t size) {
    init_struct(options, size);
}

void wplug_command_options_init_sized(wplug_command_options *options, size_t size) {
    init_struct(options, size);
}

/* ---- Ids ---- */

static const char hex_digits[] = "0123456789abcdef";

void wplug_id_text(const wplug_id *id, char out[37]) {
    if (!out) return;
    out[0] = 0;
    if (!id) return;
    char *to = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        *to++ = hex_digits[id->bytes[i] >> 4];
        *to++ = hex_digits[id->bytes[i] & 15];
    }
    *to = 0;
}

void wplug_id_short(const wplug_id *id, char out[7]) {
    if (!out) return;
    out[0] = 0;
    if (!id) return;
    for (int i = 0; i < 3; i++) {
        out[2 * i] = hex_digits[id->bytes[13 + i] >> 4];
        out[2 * i + 1] = hex_digits[id->bytes[13 + i] & 15];
    }
    out[6] = 0;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

wplug_status wplug_id_parse(const char *text, wplug_id *out) {
    if (!text || !out) return WPLUG_MISUSE;
    wplug_id id;
    const char *at = text;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *at++ != '-') return WPLUG_BAD_ARGUMENT;
        int high = hex_value(at[0]);
        int low = high < 0 ? -1 : hex_value(at[1]);
        if (low < 0) return WPLUG_BAD_ARGUMENT;
        id.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    if (*at) return WPLUG_BAD_ARGUMENT;
    *out = id;
    return WPLUG_OK;
}

/* ---- Times ---- */

uint64_t wplug_monotonic_ns(void) {
    return os_monotonic_ns();
}

int wplug_next_timeout_ms(const wplug_next *next) {
    enum { NS_PER_MS = 1000000 };
    if (!next || next->when == WPLUG_NOW) return 0;
    if (next->when != WPLUG_AT) return -1;
    uint64_t now = os_monotonic_ns();
    if (next->at_ns <= now) return 0;
    uint64_t wait = (next->at_ns - now - 1) / NS_PER_MS + 1;
    return wait > INT32_MAX ? INT32_MAX : (int)wait;
}
