/* Compression by references to what came before, and its undoing. The format is bytewise: a token with the
 * number of literals (high half) and of bytes to repeat less four (low half), 15 meaning that more length
 * bytes follow, then the literals, then the distance in two bytes. Matches are found with hash chains. */
#include "kernel.h"

#define TEXT_SIZE 24000
#define WINDOW    16384
#define MIN_MATCH 4
#define MAX_MATCH 2000
#define CHAIN     8
#define HASH_BITS 12

static uint8_t text[TEXT_SIZE];
static uint8_t packed[TEXT_SIZE + TEXT_SIZE / 8 + 64];
static uint8_t unpacked[TEXT_SIZE];

/* Words drawn from a small vocabulary, with numbers in between. */
static void kernel_prepare(void) {
    static const char *const words[] = {"plugin ",  "module ", "the ",   "memory ", "of ",      "instance ",
                                        "function", "a ",      "table ", "\n",      "returns ", "value ",
                                        "(",        ") ",      ", ",     "error ",  "is ",      "not "};
    uint32_t seed = 4;
    size_t at = 0;
    while (at < TEXT_SIZE) {
        uint32_t r = kernel_random(&seed) >> 8;
        char number[2] = {(char)('0' + r % 10), ' '};
        const char *word = words[r / 16 % (sizeof words / sizeof *words)];
        size_t size = strlen(word);
        if (r % 16 == 0) word = number, size = 2;
        if (size > TEXT_SIZE - at) size = TEXT_SIZE - at;
        memcpy(text + at, word, size);
        at += size;
    }
}

static inline uint32_t hash_at(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, 4);
    return word * 2654435761u >> (32 - HASH_BITS);
}

static KERNEL_NOINLINE size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end) {
    const uint8_t *start = b;
    if (end - b > MAX_MATCH) end = b + MAX_MATCH;
    while (b < end && *a == *b) a++, b++;
    return (size_t)(b - start);
}

static uint8_t *put_length(uint8_t *out, size_t length) {
    for (; length >= 255; length -= 255) *out++ = 255;
    *out++ = (uint8_t)length;
    return out;
}

static uint8_t *put_sequence(uint8_t *out, const uint8_t *literals, size_t count, size_t match,
                             size_t distance) {
    size_t repeat = match == 0 ? 0 : match - MIN_MATCH;
    *out++ = (uint8_t)((count < 15 ? count : 15) << 4 | (repeat < 15 ? repeat : 15));
    if (count >= 15) out = put_length(out, count - 15);
    memcpy(out, literals, count);
    out += count;
    if (match == 0) return out; /* the last one has literals only */
    if (repeat >= 15) out = put_length(out, repeat - 15);
    *out++ = (uint8_t)distance;
    *out++ = (uint8_t)(distance >> 8);
    return out;
}

static KERNEL_NOINLINE size_t compress(const uint8_t *in, size_t size, uint8_t *out) {
    static int32_t head[1 << HASH_BITS], previous[WINDOW];
    memset(head, 0xFF, sizeof head);
    uint8_t *to = out;
    size_t literals = 0, at = 0;
    while (at + MIN_MATCH <= size) {
        uint32_t hash = hash_at(in + at);
        size_t best = 0, distance = 0;
        int32_t candidate = head[hash];
        for (int tries = 0; tries < CHAIN && candidate >= 0 && at - (size_t)candidate < WINDOW; tries++) {
            size_t length = match_length(in + candidate, in + at, in + size);
            if (length > best) best = length, distance = at - (size_t)candidate;
            candidate = previous[candidate % WINDOW];
        }
        size_t step = best < MIN_MATCH ? 1 : best;
        if (best >= MIN_MATCH) {
            to = put_sequence(to, in + literals, at - literals, best, distance);
            literals = at + best;
        }
        for (; step > 0; step--, at++) {
            if (at + MIN_MATCH > size) continue;
            hash = hash_at(in + at);
            previous[at % WINDOW] = head[hash];
            head[hash] = (int32_t)at;
        }
    }
    to = put_sequence(to, in + literals, size - literals, 0, 0);
    return (size_t)(to - out);
}

static const uint8_t *get_length(const uint8_t *in, size_t *length) {
    if (*length < 15) return in;
    do *length += *in;
    while (*in++ == 255);
    return in;
}

/* Answers the size, or SIZE_MAX for what does not fit or reaches behind the start. */
static KERNEL_NOINLINE size_t decompress(const uint8_t *in, size_t size, uint8_t *out, size_t capacity) {
    const uint8_t *end = in + size;
    size_t at = 0;
    while (in < end) {
        uint8_t token = *in++;
        size_t count = token >> 4, repeat = token & 15;
        in = get_length(in, &count);
        if (count > capacity - at) return SIZE_MAX;
        memcpy(out + at, in, count);
        in += count, at += count;
        if (in >= end) break;
        in = get_length(in, &repeat);
        repeat += MIN_MATCH;
        size_t distance = in[0] | (size_t)in[1] << 8;
        in += 2;
        if (distance == 0 || distance > at || repeat > capacity - at) return SIZE_MAX;
        for (; repeat > 0; repeat--, at++) out[at] = out[at - distance]; /* may overlap itself */
    }
    return at;
}

static int kernel_round(void) {
    size_t size = compress(text, TEXT_SIZE, packed);
    if (size >= TEXT_SIZE / 2) return 1; /* a vocabulary of 18 words must do better than that */
    memset(unpacked, 0, sizeof unpacked);
    if (decompress(packed, size, unpacked, TEXT_SIZE) != TEXT_SIZE) return 2;
    return memcmp(text, unpacked, TEXT_SIZE) != 0 ? 3 : 0;
}
