/* An adaptive binary range coder as LZMA's: bytes as paths through a tree of probabilities, which depend on
 * the byte before. Every bit is one multiplication and a branch that nobody can predict. */
#include "kernel.h"

#define TEXT_SIZE 5000
#define TOP       (1u << 24)
#define BITS      11 /* of a probability */
#define SHIFT     5  /* how fast they adapt */

static uint8_t text[TEXT_SIZE], packed[TEXT_SIZE + 256], unpacked[TEXT_SIZE];
static uint16_t probabilities[256][256]; /* that a bit is 0, by the byte before and the bits so far */

/* Letters that follow each other in part: half the time the one after the one before. */
static void kernel_prepare(void) {
    uint32_t seed = 37, before = 0;
    for (int i = 0; i < TEXT_SIZE; i++) {
        uint32_t r = kernel_random(&seed) >> 8;
        before = r % 2 ? (before + 1) % 26 : r / 2 % 26;
        text[i] = (uint8_t)('a' + before);
    }
}

static void reset(void) {
    for (int i = 0; i < 256; i++) {
        for (int j = 0; j < 256; j++) probabilities[i][j] = 1 << (BITS - 1);
    }
}

typedef struct encoder {
    uint64_t low;
    uint32_t range;
    uint32_t waiting; /* bytes that a carry may still change: one, then this many less one of 0xFF */
    uint8_t held;
    uint8_t *out;
} encoder;

static KERNEL_NOINLINE void shift_out(encoder *e) {
    if ((uint32_t)e->low < 0xFF000000 || e->low >> 32 != 0) {
        uint8_t carry = (uint8_t)(e->low >> 32);
        for (; e->waiting > 0; e->waiting--) {
            *e->out++ = (uint8_t)(e->held + carry);
            e->held = 0xFF;
        }
        e->held = (uint8_t)(e->low >> 24);
    }
    e->waiting++;
    e->low = (uint32_t)e->low << 8;
}

static inline void encode_bit(encoder *e, uint16_t *probability, unsigned bit) {
    uint32_t bound = (e->range >> BITS) * *probability;
    if (bit == 0) {
        e->range = bound;
        *probability += (uint16_t)(((1 << BITS) - *probability) >> SHIFT);
    } else {
        e->low += bound;
        e->range -= bound;
        *probability -= *probability >> SHIFT;
    }
    while (e->range < TOP) {
        e->range <<= 8;
        shift_out(e);
    }
}

static KERNEL_NOINLINE size_t encode(const uint8_t *in, size_t size, uint8_t *out) {
    encoder e = {.range = UINT32_MAX, .waiting = 1, .out = out};
    uint8_t before = 0;
    reset();
    for (size_t i = 0; i < size; i++) {
        unsigned path = 1;
        for (int bit = 7; bit >= 0; bit--) {
            unsigned b = in[i] >> bit & 1;
            encode_bit(&e, &probabilities[before][path], b);
            path = path << 1 | b;
        }
        before = in[i];
    }
    for (int i = 0; i < 5; i++) shift_out(&e);
    return (size_t)(e.out - out);
}

typedef struct decoder {
    uint32_t code, range;
    const uint8_t *in;
} decoder;

static inline unsigned decode_bit(decoder *d, uint16_t *probability) {
    uint32_t bound = (d->range >> BITS) * *probability;
    unsigned bit = d->code >= bound;
    if (bit == 0) {
        d->range = bound;
        *probability += (uint16_t)(((1 << BITS) - *probability) >> SHIFT);
    } else {
        d->code -= bound;
        d->range -= bound;
        *probability -= *probability >> SHIFT;
    }
    while (d->range < TOP) {
        d->range <<= 8;
        d->code = d->code << 8 | *d->in++;
    }
    return bit;
}

static KERNEL_NOINLINE void decode(const uint8_t *in, uint8_t *out, size_t size) {
    decoder d = {.range = UINT32_MAX, .in = in};
    for (int i = 0; i < 5; i++) d.code = d.code << 8 | *d.in++;
    uint8_t before = 0;
    reset();
    for (size_t i = 0; i < size; i++) {
        unsigned path = 1;
        while (path < 256) path = path << 1 | decode_bit(&d, &probabilities[before][path]);
        out[i] = before = (uint8_t)path;
    }
}

static int kernel_round(void) {
    size_t size = encode(text, TEXT_SIZE, packed);
    /* A letter has 3.23 bits: one follows with 27/52, the other 25 with 1/52 each. And adapting costs
     * something. */
    if (size < TEXT_SIZE * 4 / 10 || size > TEXT_SIZE * 5 / 8) return 1;
    memset(unpacked, 0, TEXT_SIZE);
    decode(packed, unpacked, TEXT_SIZE);
    return memcmp(text, unpacked, TEXT_SIZE) != 0 ? 2 : 0;
}
