/* Building text: a buffer that grows, numbers in several forms, escaping, replacing, joining; a report in
 * HTML, as a plugin that renders something makes it. */
#include "kernel.h"

#define ROWS 120

typedef struct builder {
    char *text;
    size_t size, capacity;
    bool failed; /* memory was short: nothing more is added */
} builder;

static KERNEL_NOINLINE bool reserve(builder *b, size_t more) {
    if (b->failed) return false;
    if (b->size + more <= b->capacity) return true;
    size_t capacity = b->capacity * 2 > b->size + more ? b->capacity * 2 : b->size + more + 64;
    char *text = realloc(b->text, capacity);
    if (text == NULL) return b->failed = true, false;
    b->text = text;
    b->capacity = capacity;
    return true;
}

static KERNEL_NOINLINE void add_bytes(builder *b, const char *bytes, size_t size) {
    if (!reserve(b, size)) return;
    memcpy(b->text + b->size, bytes, size);
    b->size += size;
}

static void add(builder *b, const char *string) {
    add_bytes(b, string, strlen(string));
}

static inline void add_char(builder *b, char c) {
    if (b->size < b->capacity || reserve(b, 1)) b->text[b->size++] = c;
}

static KERNEL_NOINLINE void add_unsigned(builder *b, uint64_t number, unsigned base, int width) {
    char digits[64];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while ((number /= base) > 0);
    for (; width > count; width--) add_char(b, '0');
    while (count > 0) add_char(b, digits[--count]);
}

/* Groups of three digits with commas, two decimals. */
static KERNEL_NOINLINE void add_money(builder *b, int64_t cents) {
    uint64_t amount = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents, unit = 1;
    if (cents < 0) add_char(b, '-');
    while (amount / 100 / unit >= 1000) unit *= 1000;
    add_unsigned(b, amount / 100 / unit, 10, 1);
    for (unit /= 1000; unit > 0; unit /= 1000) {
        add_char(b, ',');
        add_unsigned(b, amount / 100 / unit % 1000, 10, 3);
    }
    add_char(b, '.');
    add_unsigned(b, amount % 100, 10, 2);
}

static KERNEL_NOINLINE void add_escaped(builder *b, const char *string) {
    for (; *string; string++) {
        switch (*string) {
        case '&': add(b, "&amp;"); break;
        case '<': add(b, "&lt;"); break;
        case '>': add(b, "&gt;"); break;
        case '"': add(b, "&quot;"); break;
        default: add_char(b, *string);
        }
    }
}

/* A template: %s a string (escaped), %d a number, %x one with eight hexadecimal digits, %m money. */
typedef struct value {
    const char *string;
    int64_t number;
} value;

static KERNEL_NOINLINE void add_template(builder *b, const char *template, const value *values) {
    for (; *template; template ++) {
        if (*template != '%') {
            add_char(b, *template);
            continue;
        }
        const value *v = values++;
        switch (*++template) {
        case 's': add_escaped(b, v->string); break;
        case 'd': add_unsigned(b, (uint64_t)v->number, 10, 1); break;
        case 'x': add_unsigned(b, (uint64_t)v->number, 16, 8); break;
        case 'm': add_money(b, v->number); break;
        default: b->failed = true; return;
        }
    }
}

static KERNEL_NOINLINE void replace(builder *out, const char *text, size_t size, const char *from,
                                    const char *to) {
    size_t from_size = strlen(from), start = 0;
    for (size_t at = 0; at + from_size <= size;) {
        if (text[at] == *from && memcmp(text + at, from, from_size) == 0) {
            add_bytes(out, text + start, at - start);
            add(out, to);
            start = at += from_size;
        } else {
            at++;
        }
    }
    add_bytes(out, text + start, size - start);
}

static void kernel_prepare(void) {}

static void render(builder *page, builder *final) {
    static const char *const names[] = {"Fish & Chips", "<b>bold</b>", "say \"yes\"", "plain words", "a > b"};
    uint32_t seed = 16;
    add(page, "<table>\n");
    for (int row = 0; row < ROWS; row++) {
        uint32_t r = kernel_random(&seed);
        int64_t cents = (int64_t)(int32_t)kernel_random(&seed) * (row % 7 + 1);
        value values[] = {{.number = row}, {.string = names[r % 5]}, {.number = r}, {.number = cents}};
        add_template(page, "<tr><td>%d</td><td class=\"name\">%s</td><td>0x%x</td><td>%m</td></tr>\n",
                     values);
    }
    add(page, "</table>\n");
    replace(final, page->text, page->size, "td>", "TD >");
}

static int kernel_round(void) {
    builder page = {0}, final = {0};
    render(&page, &final);
    while (final.size % 8 != 0) add_char(&final, '\n');
    bool failed = page.failed || final.failed;
    size_t size = final.size;
    uint64_t hash = failed ? 0 : kernel_hash(final.text, size);
    free(page.text);
    free(final.text);
    if (failed) return 1;
    /* expected.py, with Python's formats. */
    if (size != 12784) return 2;
    return hash != UINT64_C(0xB4955CD4E6E4FE72) ? 3 : 0;
}
