/* Counts what is in a text: lines, words, characters, and how often each word comes. Fed in pieces, so that a
 * text may be larger than memory; knows nothing of plugins. */
#ifndef TEXTSTATS_STATS_H
#define TEXTSTATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_TOP_WORDS        10
#define STATS_LONGEST_RANKED   120 /* bytes; longer words are counted, but not ranked */
#define STATS_WORDS_PER_MINUTE 200

typedef struct stats stats;

/* One word and how often it came. The text belongs to the stats. */
typedef struct stats_word {
    const char *text; /* lower case, not zero-terminated */
    size_t size;
    uint64_t count;
} stats_word;

stats *stats_new(void); /* NULL where there is no memory */
void stats_free(stats *counts);

/* Takes the next piece of the text, UTF-8; a piece may end in the middle of a word, or of a character. False
 * where there is no memory. */
bool stats_feed(stats *counts, const char *text, size_t size);

/* The text is over. Needed before the counts are read. False where there is no memory. */
bool stats_end(stats *counts);

uint64_t stats_bytes(const stats *counts);
uint64_t stats_lines(const stats *counts);      /* a last line without line end counts */
uint64_t stats_characters(const stats *counts); /* Unicode code points, line ends too */
uint64_t stats_words(const stats *counts);
uint64_t stats_reading_seconds(const stats *counts); /* at 200 words a minute, rounded up */

/* The most frequent words, most frequent first, those that are equally frequent in alphabetical order (of
 * their code points). Returns how many there are, STATS_TOP_WORDS at most. */
size_t stats_top_words(const stats *counts, stats_word top[STATS_TOP_WORDS]);

#endif
