/* QR Code symbols (ISO/IEC 18004, model 2): from a text to the modules of a symbol. Knows nothing of plugins.
 *
 * All 40 versions and 4 levels. A text is cut into numeric, alphanumeric and byte segments so that it takes
 * the fewest bits; Kanji mode is not used, such text goes as UTF-8 bytes. */
#ifndef QRCODE_QR_H
#define QRCODE_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QR_VERSIONS       40
#define QR_MAX_SIZE       177  /* modules on a side of version 40 */
#define QR_MAX_CODEWORDS  3706 /* in version 40, data and error correction */
#define QR_MASK_AUTOMATIC (-1)

/* How much damage a symbol survives: about 7, 15, 25, 30 percent. */
typedef enum qr_level { QR_LEVEL_L, QR_LEVEL_M, QR_LEVEL_Q, QR_LEVEL_H } qr_level;

typedef struct qr_options {
    qr_level level;    /* at least this */
    bool raise_level;  /* a higher level where that needs no larger symbol */
    int least_version; /* 1 to 40 */
    int mask;          /* 0 to 7, or QR_MASK_AUTOMATIC: the one that is easiest to read */
    bool declare_utf8; /* begin with the ECI for UTF-8; few readers need it, some do not know it */
} qr_options;

typedef struct qr_code {
    int version;
    int size; /* modules on a side, without a border */
    qr_level level;
    int mask;
    uint8_t dark[QR_MAX_SIZE][QR_MAX_SIZE]; /* [y][x], 1 is dark */
} qr_code;

typedef enum qr_status { QR_OK, QR_TOO_LONG, QR_NO_MEMORY } qr_status;

/* Makes a symbol. QR_TOO_LONG: the text fits no version at the level asked for. */
qr_status qr_encode(const char *text, size_t size, const qr_options *options, qr_code *code);

/* Bits that a version holds at a level, for segments and their headers. */
size_t qr_capacity_bits(int version, qr_level level);

/* ---- The steps of encoding, as the standard has them, so that they can be checked one by one ---- */

/* Writes the data codewords of a text: segments, terminator, padding. `codewords` has room for the version's
 * capacity. QR_TOO_LONG: it does not fit. */
qr_status qr_data_codewords(const char *text, size_t size, int version, qr_level level, bool declare_utf8,
                            uint8_t *codewords);

/* The remainder of `data` after division by the Reed-Solomon generator of degree `count` (at most 30). */
void qr_error_correction(const uint8_t *data, size_t size, size_t count, uint8_t *out);

/* The 15 bits of format information and the 18 bits of version information, error correction and mask
 * applied. */
uint32_t qr_format_bits(qr_level level, int mask);
uint32_t qr_version_bits(int version);

#endif
