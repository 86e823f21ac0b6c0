/* JSON: text to a tree and back. The text is written so that there is one way to write it; the round trip
 * must give it again, and the tree's numbers must have the sum that was put into it. */
#include "kernel.h"

#define RECORDS   120
#define TEXT_SIZE 40000
#define MAX_NODES 6000

typedef enum kind { NIL, BOOLEAN, NUMBER, STRING, ARRAY, OBJECT } kind;

typedef struct node {
    kind kind;
    const char *key; /* of an object's member, unescaped */
    union {
        bool boolean;
        double number;
        const char *string;
        struct node *first; /* of an array or object */
    } value;
    struct node *next;
} node;

typedef struct parser {
    const char *at, *end;
    node *nodes;
    uint32_t node_count;
    char *strings; /* where unescaped text goes */
} parser;

static char text[TEXT_SIZE], again[TEXT_SIZE], string_space[TEXT_SIZE];
static node node_space[MAX_NODES];
static size_t text_size;
static double number_sum;

/* ---- Writing ------------------------------------------------------------------------------------------- */

typedef struct writer {
    char *at;
} writer;

static void put(writer *w, const char *string) {
    while (*string) *w->at++ = *string++;
}

/* Numbers here are multiples of a quarter. */
static void put_number(writer *w, double number) {
    char digits[24];
    int count = 0;
    if (number < 0) *w->at++ = '-', number = -number;
    uint64_t whole = (uint64_t)number;
    int quarters = (int)((number - (double)whole) * 4);
    do digits[count++] = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    while (count > 0) *w->at++ = digits[--count];
    put(w, quarters == 1 ? ".25" : quarters == 2 ? ".5" : quarters == 3 ? ".75" : "");
}

static void put_string(writer *w, const char *string) {
    *w->at++ = '"';
    for (; *string; string++) {
        switch (*string) {
        case '"': put(w, "\\\""); break;
        case '\\': put(w, "\\\\"); break;
        case '\n': put(w, "\\n"); break;
        case '\t': put(w, "\\t"); break;
        case 1: put(w, "\\u0001"); break;
        default: *w->at++ = *string;
        }
    }
    *w->at++ = '"';
}

static void put_node(writer *w, const node *n) {
    switch (n->kind) {
    case NIL: put(w, "null"); break;
    case BOOLEAN: put(w, n->value.boolean ? "true" : "false"); break;
    case NUMBER: put_number(w, n->value.number); break;
    case STRING: put_string(w, n->value.string); break;
    case ARRAY:
    case OBJECT:
        *w->at++ = n->kind == ARRAY ? '[' : '{';
        for (const node *child = n->value.first; child != NULL; child = child->next) {
            if (child != n->value.first) *w->at++ = ',';
            if (n->kind == OBJECT) put_string(w, child->key), *w->at++ = ':';
            put_node(w, child);
        }
        *w->at++ = n->kind == ARRAY ? ']' : '}';
    }
}

/* ---- Parsing ------------------------------------------------------------------------------------------- */

static node *parse_value(parser *p);

static void skip_space(parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r')) p->at++;
}

static bool take(parser *p, char c) {
    skip_space(p);
    if (p->at >= p->end || *p->at != c) return false;
    p->at++;
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to U+07FF, which is what the text has. */
static bool parse_escape(parser *p) {
    unsigned point = 0;
    switch (*p->at++) {
    case 'n': *p->strings++ = '\n'; return true;
    case 't': *p->strings++ = '\t'; return true;
    case '"': *p->strings++ = '"'; return true;
    case '\\': *p->strings++ = '\\'; return true;
    case 'u':
        for (int i = 0; i < 4; i++) {
            int digit = hex_digit(*p->at++);
            if (digit < 0) return false;
            point = point << 4 | (unsigned)digit;
        }
        if (point >= 0x800) return false;
        if (point >= 0x80) *p->strings++ = (char)(0xC0 | point >> 6), point = 0x80 | (point & 0x3F);
        *p->strings++ = (char)point;
        return true;
    default: return false;
    }
}

static KERNEL_NOINLINE const char *parse_string(parser *p) {
    if (!take(p, '"')) return NULL;
    const char *start = p->strings;
    while (p->at < p->end && *p->at != '"') {
        char c = *p->at++;
        if ((unsigned char)c < 0x20) return NULL;
        if (c != '\\')
            *p->strings++ = c;
        else if (!parse_escape(p))
            return NULL;
    }
    if (p->at++ >= p->end) return NULL;
    *p->strings++ = 0;
    return start;
}

static KERNEL_NOINLINE bool parse_number(parser *p, double *out) {
    bool negative = take(p, '-');
    double number = 0, scale = 1;
    const char *start = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') number = number * 10 + (*p->at++ - '0');
    if (p->at == start) return false;
    if (p->at < p->end && *p->at == '.') {
        for (p->at++; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
            number = number * 10 + (*p->at - '0');
            scale *= 10;
        }
    }
    *out = (negative ? -number : number) / scale;
    return true;
}

static bool parse_word(parser *p, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) return false;
    p->at += size;
    return true;
}

static KERNEL_NOINLINE bool parse_children(parser *p, node *parent, char close) {
    node **link = &parent->value.first;
    *link = NULL;
    if (take(p, close)) return true;
    do {
        const char *key = NULL;
        if (parent->kind == OBJECT && ((key = parse_string(p)) == NULL || !take(p, ':'))) return false;
        node *child = parse_value(p);
        if (child == NULL) return false;
        child->key = key;
        *link = child;
        link = &child->next;
    } while (take(p, ','));
    return take(p, close);
}

static node *parse_value(parser *p) {
    skip_space(p);
    if (p->at >= p->end || p->node_count == MAX_NODES) return NULL;
    node *n = &p->nodes[p->node_count++];
    n->next = NULL;
    bool good;
    switch (*p->at) {
    case '{': p->at++, n->kind = OBJECT, good = parse_children(p, n, '}'); break;
    case '[': p->at++, n->kind = ARRAY, good = parse_children(p, n, ']'); break;
    case '"': n->kind = STRING, good = (n->value.string = parse_string(p)) != NULL; break;
    case 't': n->kind = BOOLEAN, n->value.boolean = true, good = parse_word(p, "true"); break;
    case 'f': n->kind = BOOLEAN, n->value.boolean = false, good = parse_word(p, "false"); break;
    case 'n': n->kind = NIL, good = parse_word(p, "null"); break;
    default: n->kind = NUMBER, good = parse_number(p, &n->value.number);
    }
    return good ? n : NULL;
}

static double sum(const node *n) {
    double total = n->kind == NUMBER ? n->value.number : 0;
    if (n->kind >= ARRAY) {
        for (const node *child = n->value.first; child != NULL; child = child->next) total += sum(child);
    }
    return total;
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

static void kernel_prepare(void) {
    static const char *const names[] = {
        "Ada", "Gr\303\274n \\\"x\\\"", "line\\nbreak", "Zo\303\253", "tab\\t", "\\u0001"};
    uint32_t seed = 5;
    writer w = {text};
    put(&w, "{\"records\":[");
    for (int i = 0; i < RECORDS; i++) {
        double score = (double)(int32_t)kernel_random(&seed) / 4;
        put(&w, i == 0 ? "{\"id\":" : ",{\"id\":"), put_number(&w, i);
        put(&w, ",\"name\":\""), put(&w, names[kernel_random(&seed) % 6]);
        put(&w, "\",\"score\":"), put_number(&w, score);
        put(&w, ",\"active\":"), put(&w, i % 3 == 0 ? "true" : "false");
        put(&w, ",\"tags\":[\"alpha\",\"beta\"");
        for (int tag = 0; tag < i % 4; tag++) put(&w, ",\"another tag that is somewhat longer\"");
        put(&w, "],\"parent\":"), put(&w, i % 5 == 0 ? "null" : "{\"depth\":{\"value\":-7},\"list\":[]}");
        put(&w, "}");
        number_sum += i + score + (i % 5 == 0 ? 0 : -7);
    }
    put(&w, "],\"version\":1}");
    number_sum += 1;
    text_size = (size_t)(w.at - text);
}

static int kernel_round(void) {
    parser p = {.at = text, .end = text + text_size, .nodes = node_space, .strings = string_space};
    const node *root = parse_value(&p);
    if (root == NULL || p.at != p.end) return 1;
    if (sum(root) != number_sum) return 2; /* quarters add up exactly */
    writer w = {again};
    put_node(&w, root);
    if ((size_t)(w.at - again) != text_size || memcmp(again, text, text_size) != 0) return 3;
    static const char escaped[] = "\"\\u00e9\\u0416 \\u0021\"";
    p = (parser){
        .at = escaped, .end = escaped + sizeof escaped - 1, .nodes = node_space, .strings = string_space};
    root = parse_value(&p);
    if (root == NULL || strcmp(root->value.string, "\303\251\320\226 !") != 0) return 5; /* in UTF-8 */
    p = (parser){.at = text, .end = text + text_size - 1, .nodes = node_space, .strings = string_space};
    return parse_value(&p) != NULL ? 4 : 0; /* the last brace is missing */
}
