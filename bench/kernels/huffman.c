/* Huffman's code: count, build the tree with a heap, make it canonical, encode, decode. */
#include "kernel.h"

#define TEXT_SIZE 15001
#define SYMBOLS   256
#define MAX_BITS  32

static uint8_t text[TEXT_SIZE], packed[2 * TEXT_SIZE], unpacked[TEXT_SIZE];

typedef struct code {
    uint8_t length[SYMBOLS]; /* 0: does not occur */
    uint32_t bits[SYMBOLS];
} code;

/* Bytes with a distribution that is anything but even. */
static void kernel_prepare(void) {
    uint32_t seed = 14;
    for (int i = 0; i < TEXT_SIZE; i++) {
        uint32_t r = kernel_random(&seed) >> 8;
        text[i] = (uint8_t)((r & 63) * (r >> 6 & 63) * (r >> 12 & 63) >> 10);
    }
}

typedef struct heap {
    uint16_t nodes[SYMBOLS];
    uint32_t size;
    const uint32_t *weights;
} heap;

static bool lighter(const heap *h, uint16_t a, uint16_t b) {
    return h->weights[a] != h->weights[b] ? h->weights[a] < h->weights[b] : a < b;
}

static KERNEL_NOINLINE void heap_push(heap *h, uint16_t node) {
    uint32_t at = h->size++;
    while (at > 0 && lighter(h, node, h->nodes[(at - 1) / 2])) {
        h->nodes[at] = h->nodes[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->nodes[at] = node;
}

static KERNEL_NOINLINE uint16_t heap_pop(heap *h) {
    uint16_t top = h->nodes[0], last = h->nodes[--h->size];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= h->size) break;
        if (child + 1 < h->size && lighter(h, h->nodes[child + 1], h->nodes[child])) child++;
        if (!lighter(h, h->nodes[child], last)) break;
        h->nodes[at] = h->nodes[child];
        at = child;
    }
    h->nodes[at] = last;
    return top;
}

static KERNEL_NOINLINE void build(const uint8_t *bytes, size_t size, code *out) {
    uint32_t weights[2 * SYMBOLS] = {0};
    uint16_t parents[2 * SYMBOLS], next = SYMBOLS;
    heap h = {.weights = weights};
    for (size_t i = 0; i < size; i++) weights[bytes[i]]++;
    for (uint16_t i = 0; i < SYMBOLS; i++) {
        if (weights[i] > 0) heap_push(&h, i);
    }
    while (h.size > 1) {
        uint16_t a = heap_pop(&h), b = heap_pop(&h);
        weights[next] = weights[a] + weights[b];
        parents[a] = parents[b] = next;
        heap_push(&h, next++);
    }
    uint8_t depth[2 * SYMBOLS];
    depth[next - 1] = 0; /* the root was made last; parents come after their children */
    for (int node = next - 2; node >= 0; node--) {
        if (weights[node] > 0) depth[node] = (uint8_t)(depth[parents[node]] + 1);
    }
    for (int i = 0; i < SYMBOLS; i++) out->length[i] = weights[i] > 0 ? depth[i] : 0;

    /* Canonical: codes of a length follow each other in the order of the symbols. */
    uint32_t bits = 0;
    for (uint8_t length = 1; length < MAX_BITS; length++, bits <<= 1) {
        for (int i = 0; i < SYMBOLS; i++) {
            if (out->length[i] == length) out->bits[i] = bits++;
        }
    }
}

/* Answers the number of bits. */
static KERNEL_NOINLINE size_t encode(const code *c, const uint8_t *bytes, size_t size, uint8_t *out) {
    uint64_t waiting = 0;
    unsigned count = 0;
    size_t total = 0;
    for (size_t i = 0; i < size; i++) {
        waiting = waiting << c->length[bytes[i]] | c->bits[bytes[i]];
        count += c->length[bytes[i]];
        for (; count >= 8; count -= 8) out[total++] = (uint8_t)(waiting >> (count - 8));
    }
    size_t bits = total * 8 + count;
    if (count > 0) out[total] = (uint8_t)(waiting << (8 - count));
    return bits;
}

/* Needs only the lengths. Answers the number of symbols. */
static KERNEL_NOINLINE size_t decode(const uint8_t length[SYMBOLS], const uint8_t *in, size_t bits,
                                     uint8_t *out) {
    uint32_t counts[MAX_BITS + 1] = {0}, starts[MAX_BITS + 1], place = 0;
    uint8_t sorted[SYMBOLS];
    for (int i = 0; i < SYMBOLS; i++) counts[length[i]]++;
    for (uint8_t l = 1; l < MAX_BITS; l++) {
        starts[l] = place;
        for (int i = 0; i < SYMBOLS; i++) {
            if (length[i] == l) sorted[place++] = (uint8_t)i;
        }
    }
    size_t decoded = 0, at = 0;
    while (at < bits) {
        uint32_t value = 0, first = 0;
        for (int l = 1;; l++) {
            if (l >= MAX_BITS || at >= bits) return SIZE_MAX;
            value = value << 1 | (in[at / 8] >> (7 - at % 8) & 1);
            at++;
            if (value - first < counts[l]) {
                out[decoded++] = sorted[starts[l] + value - first];
                break;
            }
            first = (first + counts[l]) << 1;
        }
    }
    return decoded;
}

static int kernel_round(void) {
    code c;
    build(text, TEXT_SIZE, &c);
    double kraft = 0;
    for (int i = 0; i < SYMBOLS; i++) {
        if (c.length[i] > 0) kraft += 1 / (double)(UINT64_C(1) << c.length[i]);
    }
    if (kraft != 1) return 1; /* no code is wasted */
    size_t bits = encode(&c, text, TEXT_SIZE, packed);
    /* No code is shorter: expected.py, with a heap of Python's. The last byte is not full. */
    if (bits != 93502) return 2;
    memset(unpacked, 0, TEXT_SIZE);
    if (decode(c.length, packed, bits, unpacked) != TEXT_SIZE) return 3;
    return memcmp(text, unpacked, TEXT_SIZE) != 0 ? 4 : 0;
}
