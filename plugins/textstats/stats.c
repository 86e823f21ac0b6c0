/* Owns the counting: a decoder that survives being cut anywhere, the rules of what a word is, and a hash
 * table of words.
 *
 * A word is a run of letters and digits; an apostrophe or hyphen between two of them belongs to it (don't,
 * well-known). Each Han character, Hiragana or Katakana is a word of its own, as those scripts put no spaces
 * between words. Words that differ in case alone are the same. */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

/* ---- Characters ---- */

typedef enum character_kind { KIND_OTHER, KIND_JOINER, KIND_LETTER, KIND_IDEOGRAPH } character_kind;

typedef struct range {
    uint32_t first, last;
} range;

/* Above ASCII, what is not punctuation, a symbol or a space. Coarse on purpose: whole blocks of symbols. */
static const range not_letters[] = {
    {0x0080, 0x00A9},   {0x00AB, 0x00B1},   {0x00B4, 0x00B4}, {0x00B6, 0x00B8}, {0x00BB, 0x00BB},
    {0x00BF, 0x00BF},   {0x00D7, 0x00D7},   {0x00F7, 0x00F7}, {0x02C2, 0x02DF}, {0x037E, 0x037E},
    {0x0387, 0x0387},   {0x055A, 0x055F},   {0x0589, 0x058F}, {0x05BE, 0x05BE}, {0x05F3, 0x05F4},
    {0x0606, 0x060F},   {0x061B, 0x061F},   {0x066A, 0x066D}, {0x06D4, 0x06D4}, {0x0964, 0x0965},
    {0x0E3F, 0x0E3F},   {0x104A, 0x104F},   {0x1680, 0x1680}, {0x2000, 0x206F}, {0x207A, 0x207E},
    {0x208A, 0x208E},   {0x20A0, 0x20CF},   {0x2190, 0x245F}, {0x2500, 0x2BFF}, {0x2E00, 0x2E7F},
    {0x2FF0, 0x3004},   {0x3007, 0x3030},   {0x3036, 0x3037}, {0x303D, 0x303F}, {0x30FB, 0x30FB},
    {0x3200, 0x33FF},   {0xE000, 0xF8FF},   {0xFD3E, 0xFD3F}, {0xFE10, 0xFE6F}, {0xFEFF, 0xFEFF},
    {0xFF01, 0xFF0F},   {0xFF1A, 0xFF20},   {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF},
    {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};

static const range ideographs[] = {{0x3041, 0x30FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},
                                   {0xF900, 0xFAFF}, {0xFF66, 0xFF9D}, {0x20000, 0x3FFFF}};

static bool is_in(uint32_t character, const range *ranges, size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && character >= ranges[low].first;
}

static character_kind kind_of(uint32_t character) {
    if (character < 0x80) {
        bool digit = character >= '0' && character <= '9';
        uint32_t lower = character | 0x20;
        if (digit || (lower >= 'a' && lower <= 'z')) return KIND_LETTER;
        return character == '\'' || character == '-' ? KIND_JOINER : KIND_OTHER;
    }
    if (character == 0x2019 || character == 0x2010 || character == 0x2011) return KIND_JOINER;
    if (is_in(character, not_letters, sizeof not_letters / sizeof *not_letters)) return KIND_OTHER;
    return is_in(character, ideographs, sizeof ideographs / sizeof *ideographs) ? KIND_IDEOGRAPH
                                                                                : KIND_LETTER;
}

/* Lower case of Latin, Greek, Cyrillic and Armenian letters. */
static uint32_t lower_case(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xFF;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x1E00 && c <= 0x1E95) ||
        (c >= 0x1EA0 && c <= 0x1EFF) || (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
        (c >= 0x4D0 && c <= 0x52F))
        return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
    if (c == 0x386) return 0x3AC;
    if (c >= 0x388 && c <= 0x38A) return c + 37;
    if (c == 0x38C) return 0x3CC;
    if (c == 0x38E || c == 0x38F) return c + 63;
    if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
    if (c == 0x3C2) return 0x3C3; /* the sigma that ends a word */
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    if (c >= 0x410 && c <= 0x42F) return c + 32;
    if (c >= 0x4C1 && c <= 0x4CE) return c + (c & 1);
    if (c >= 0x531 && c <= 0x556) return c + 48;
    return c;
}

static size_t encode(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[size] | c);
    return size;
}

/* ---- The table of words ---- */

typedef struct entry {
    struct entry *next; /* in the same slot */
    uint64_t count;
    uint32_t hash;
    uint32_t size;
    char text[];
} entry;

struct stats {
    uint64_t bytes, lines, characters, words;
    bool line_open; /* something stands after the last line end */

    uint32_t partial; /* bits of a character that is not complete yet */
    unsigned missing; /* bytes that it still needs */

    /* The word that is being read: its beginning in lower case, and the joiner that may be inside it. */
    bool in_word;
    bool ranked; /* it fits `word` */
    char word[STATS_LONGEST_RANKED];
    size_t word_size;
    uint32_t joiner; /* 0: none */

    entry **slots;
    size_t slot_count; /* a power of two */
    size_t entry_count;
};

static uint32_t hash_of(const char *text, size_t size) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static bool grow_table(stats *counts) {
    size_t count = counts->slot_count ? counts->slot_count * 2 : 256;
    entry **slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < counts->slot_count; i++) {
        for (entry *each = counts->slots[i], *next; each; each = next) {
            next = each->next;
            entry **slot = &slots[each->hash & (count - 1)];
            each->next = *slot;
            *slot = each;
        }
    }
    free(counts->slots);
    counts->slots = slots;
    counts->slot_count = count;
    return true;
}

static bool count_word(stats *counts, const char *text, size_t size) {
    uint32_t hash = hash_of(text, size);
    for (entry *each = counts->slot_count ? counts->slots[hash & (counts->slot_count - 1)] : NULL; each;
         each = each->next) {
        if (each->hash == hash && each->size == size && memcmp(each->text, text, size) == 0) {
            each->count++;
            return true;
        }
    }
    if (counts->entry_count >= counts->slot_count && !grow_table(counts)) return false;
    entry *fresh = malloc(sizeof *fresh + size);
    if (!fresh) return false;
    entry **slot = &counts->slots[hash & (counts->slot_count - 1)];
    *fresh = (entry){.next = *slot, .count = 1, .hash = hash, .size = (uint32_t)size};
    memcpy(fresh->text, text, size);
    *slot = fresh;
    counts->entry_count++;
    return true;
}

/* ---- Words ---- */

static void append_to_word(stats *counts, uint32_t character) {
    char bytes[4];
    size_t size = encode(lower_case(character), bytes);
    if (!counts->ranked || size > sizeof counts->word - counts->word_size) {
        counts->ranked = false;
        return;
    }
    memcpy(counts->word + counts->word_size, bytes, size);
    counts->word_size += size;
}

static bool end_word(stats *counts) {
    if (!counts->in_word) return true;
    counts->in_word = false;
    counts->joiner = 0;
    return !counts->ranked || count_word(counts, counts->word, counts->word_size);
}

static void begin_word(stats *counts) {
    counts->in_word = true;
    counts->ranked = true;
    counts->word_size = 0;
    counts->joiner = 0;
    counts->words++;
}

static bool take_character(stats *counts, uint32_t character) {
    switch (kind_of(character)) {
    case KIND_LETTER:
        if (!counts->in_word) begin_word(counts);
        if (counts->joiner) append_to_word(counts, counts->joiner);
        counts->joiner = 0;
        append_to_word(counts, character);
        return true;
    case KIND_JOINER:
        if (counts->in_word && !counts->joiner) {
            /* The typographic apostrophe and hyphens count as the plain ones. */
            counts->joiner = character == '\'' || character == 0x2019 ? '\'' : '-';
            return true;
        }
        return end_word(counts);
    case KIND_IDEOGRAPH:
        if (!end_word(counts)) return false;
        begin_word(counts);
        append_to_word(counts, character);
        return end_word(counts);
    default: return end_word(counts);
    }
}

/* ---- The text ---- */

stats *stats_new(void) {
    return calloc(1, sizeof(stats));
}

void stats_free(stats *counts) {
    if (!counts) return;
    for (size_t i = 0; i < counts->slot_count; i++) {
        for (entry *each = counts->slots[i], *next; each; each = next) {
            next = each->next;
            free(each);
        }
    }
    free(counts->slots);
    free(counts);
}

static bool count_character(stats *counts, uint32_t character) {
    counts->characters++;
    counts->line_open = character != '\n';
    if (character == '\n') counts->lines++;
    return take_character(counts, character);
}

/* Takes a byte of a character beyond ASCII. Broken UTF-8 counts as one character, and no letter, for each
 * byte that begins none. */
static bool take_byte(stats *counts, uint8_t byte) {
    if (counts->missing > 0 && (byte & 0xC0) == 0x80) {
        counts->partial = counts->partial << 6 | (byte & 0x3F);
        return --counts->missing > 0 || count_character(counts, counts->partial);
    }
    if (counts->missing > 0) {
        counts->missing = 0;
        if (!count_character(counts, 0xFFFD)) return false;
    }
    if (byte < 0x80) return count_character(counts, byte);
    if (byte < 0xC2 || byte > 0xF4) return count_character(counts, 0xFFFD);
    counts->missing = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    counts->partial = byte & (0x3F >> counts->missing);
    return true;
}

/* Takes the letters and digits that a word goes on with, as far as they are ASCII: most of most texts.
 * Returns how many those are. */
static size_t take_plain_letters(stats *counts, const char *text, size_t size) {
    if (!counts->in_word || counts->joiner || !counts->ranked || counts->missing > 0) return 0;
    size_t room = sizeof counts->word - counts->word_size;
    size_t most = size < room ? size : room, count = 0;
    for (char *word = counts->word + counts->word_size; count < most; count++) {
        uint8_t byte = (uint8_t)text[count], lower = byte | 0x20;
        if (lower >= 'a' && lower <= 'z')
            word[count] = (char)lower;
        else if (byte >= '0' && byte <= '9')
            word[count] = (char)byte;
        else
            break;
    }
    counts->word_size += count;
    counts->characters += count;
    return count;
}

bool stats_feed(stats *counts, const char *text, size_t size) {
    counts->bytes += size;
    for (size_t i = 0; i < size; i++) {
        i += take_plain_letters(counts, text + i, size - i);
        if (i < size && !take_byte(counts, (uint8_t)text[i])) return false;
    }
    return true;
}

bool stats_end(stats *counts) {
    if (counts->missing > 0) {
        counts->missing = 0;
        if (!count_character(counts, 0xFFFD)) return false;
    }
    if (counts->line_open) counts->lines++;
    counts->line_open = false;
    return end_word(counts);
}

/* ---- The counts ---- */

uint64_t stats_bytes(const stats *counts) {
    return counts->bytes;
}

uint64_t stats_lines(const stats *counts) {
    return counts->lines;
}

uint64_t stats_characters(const stats *counts) {
    return counts->characters;
}

uint64_t stats_words(const stats *counts) {
    return counts->words;
}

uint64_t stats_reading_seconds(const stats *counts) {
    return (counts->words * 60 + STATS_WORDS_PER_MINUTE - 1) / STATS_WORDS_PER_MINUTE;
}

static bool comes_before(const stats_word *a, const stats_word *b) {
    if (a->count != b->count) return a->count > b->count;
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order != 0 ? order < 0 : a->size < b->size;
}

size_t stats_top_words(const stats *counts, stats_word top[STATS_TOP_WORDS]) {
    size_t count = 0;
    for (size_t i = 0; i < counts->slot_count; i++) {
        for (const entry *each = counts->slots[i]; each; each = each->next) {
            stats_word word = {each->text, each->size, each->count};
            size_t place = count;
            while (place > 0 && comes_before(&word, &top[place - 1])) place--;
            if (place == STATS_TOP_WORDS) continue;
            if (count < STATS_TOP_WORDS) count++;
            memmove(&top[place + 1], &top[place], (count - 1 - place) * sizeof *top);
            top[place] = word;
        }
    }
    return count;
}
