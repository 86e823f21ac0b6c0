/* A hash table with open addressing and string keys: counts words, grows, deletes. */
#include "kernel.h"

#define VOCABULARY 700
#define WORDS      5000

typedef struct slot {
    const char *key; /* not terminated; NULL where the slot is free */
    uint32_t key_size, hash;
    uint32_t value;
} slot;

typedef struct table {
    slot *slots;
    uint32_t capacity; /* a power of two */
    uint32_t count;
} table;

static char text[WORDS * 12];
static size_t text_size;
static char vocabulary[VOCABULARY][12];
static uint32_t expected[VOCABULARY]; /* how often kernel_prepare wrote each word */

/* Words are different because each ends in its number, written with the letters a to j. */
static void make_word(uint32_t number, uint32_t *seed, char out[12]) {
    uint32_t at = 0;
    for (uint32_t letters = kernel_random(seed) % 6 + 1; letters > 0; letters--) {
        out[at++] = (char)('k' + (kernel_random(seed) >> 8) % 16);
    }
    do out[at++] = (char)('a' + number % 10);
    while ((number /= 10) > 0);
    out[at] = 0;
}

static void kernel_prepare(void) {
    uint32_t seed = 15;
    for (uint32_t i = 0; i < VOCABULARY; i++) make_word(i, &seed, vocabulary[i]);
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t a = (kernel_random(&seed) >> 8) % VOCABULARY, b = (kernel_random(&seed) >> 8) % VOCABULARY;
        uint32_t word = a < b ? a : b; /* low numbers are more frequent */
        if (i < VOCABULARY) word = i;
        size_t size = strlen(vocabulary[word]);
        memcpy(text + text_size, vocabulary[word], size);
        text[text_size + size] = ' ';
        text_size += size + 1;
        expected[word]++;
    }
}

/* FNV-1a. */
static inline uint32_t hash_string(const char *key, uint32_t size) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)key[i]) * 16777619u;
    return hash;
}

/* The slot of the key, or the free one where it belongs. */
static KERNEL_NOINLINE slot *find(const table *t, const char *key, uint32_t size, uint32_t hash) {
    for (uint32_t at = hash;; at++) {
        slot *s = &t->slots[at & (t->capacity - 1)];
        if (s->key == NULL) return s;
        if (s->hash == hash && s->key_size == size && memcmp(s->key, key, size) == 0) return s;
    }
}

static KERNEL_NOINLINE bool grow(table *t) {
    table larger = {.capacity = t->capacity == 0 ? 16 : t->capacity * 2, .count = t->count};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL) return false;
    for (uint32_t i = 0; i < t->capacity; i++) {
        const slot *s = &t->slots[i];
        if (s->key != NULL) *find(&larger, s->key, s->key_size, s->hash) = *s;
    }
    free(t->slots);
    *t = larger;
    return true;
}

static KERNEL_NOINLINE uint32_t *insert(table *t, const char *key, uint32_t size) {
    if ((t->count + 1) * 4 > t->capacity * 3 && !grow(t)) return NULL;
    uint32_t hash = hash_string(key, size);
    slot *s = find(t, key, size, hash);
    if (s->key == NULL) {
        *s = (slot){.key = key, .key_size = size, .hash = hash};
        t->count++;
    }
    return &s->value;
}

static KERNEL_NOINLINE bool delete_key(table *t, const char *key, uint32_t size) {
    slot *s = find(t, key, size, hash_string(key, size));
    if (s->key == NULL) return false;
    t->count--;
    /* What follows without a gap moves up where it may, so that it is still found. */
    uint32_t mask = t->capacity - 1, hole = (uint32_t)(s - t->slots);
    for (uint32_t at = (hole + 1) & mask; t->slots[at].key != NULL; at = (at + 1) & mask) {
        if (((at - t->slots[at].hash) & mask) >= ((at - hole) & mask)) {
            t->slots[hole] = t->slots[at];
            hole = at;
        }
    }
    t->slots[hole].key = NULL;
    return true;
}

static const uint32_t *look_up(const table *t, const char *key) {
    uint32_t size = (uint32_t)strlen(key);
    const slot *s = find(t, key, size, hash_string(key, size));
    return s->key == NULL ? NULL : &s->value;
}

static int check(table *t) {
    const char *end = text + text_size;
    for (const char *at = text; at < end;) {
        const char *start = at;
        while (*at != ' ') at++;
        uint32_t *count = insert(t, start, (uint32_t)(at - start));
        if (count == NULL) return 1;
        ++*count;
        at++;
    }
    if (t->count != VOCABULARY) return 2;
    for (int i = 0; i < VOCABULARY; i++) {
        const uint32_t *count = look_up(t, vocabulary[i]);
        if (count == NULL || *count != expected[i]) return 3;
    }
    for (int i = 0; i < VOCABULARY; i += 2) {
        if (!delete_key(t, vocabulary[i], (uint32_t)strlen(vocabulary[i]))) return 4;
    }
    for (int i = 0; i < VOCABULARY; i++) {
        if ((look_up(t, vocabulary[i]) == NULL) != (i % 2 == 0)) return 5;
    }
    return 0;
}

static int kernel_round(void) {
    table t = {0};
    int wrong = check(&t);
    free(t.slots);
    return wrong;
}
