/* Owns the making of a symbol, in the order of the standard: segments, codewords, error correction,
 * placement, masking. Section numbers are those of ISO/IEC 18004:2015. */
#include "qr.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ERROR_CORRECTION = 30, MOST_DATA_CODEWORDS = 2956 };

/* ---- Capacities (7.4, tables 1 and 9) ---- */

/* Error correction codewords in each block, and the number of blocks, by level and version. */
static const uint8_t correction_per_block[4][QR_VERSIONS] = {
    {7,  10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
     28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
     26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28},
    {13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
     28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30},
    {17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
     30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30}};

static const uint8_t block_count[4][QR_VERSIONS] = {
    {1, 1, 1, 1,  1,  2,  2,  2,  2,  4,  4,  4,  4,  4,  6,  6,  6,  6,  7,  8,
     8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25},
    {1,  1,  1,  2,  2,  4,  4,  4,  5,  5,  5,  8,  9,  9,  10, 10, 11, 13, 14, 16,
     17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49},
    {1,  1,  2,  2,  4,  4,  6,  6,  8,  8,  8,  10, 12, 16, 12, 17, 16, 18, 21, 20,
     23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68},
    {1,  1,  2,  4,  4,  4,  5,  6,  8,  8,  11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
     25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81}};

static int symbol_size(int version) {
    return 17 + 4 * version;
}

/* Number of alignment patterns along a side; their centres are given by alignment_position. */
static int alignment_count(int version) {
    return version == 1 ? 0 : version / 7 + 2;
}

/* The first centre is at 6, the others are evenly spaced up to 7 from the far edge (annex E; version 32 is
 * the one that does not follow the rule of the others). */
static int alignment_position(int version, int index) {
    int count = alignment_count(version);
    if (index == 0) return 6;
    int span = symbol_size(version) - 13;
    int step = version == 32 ? 26 : (span + count * 2 - 3) / (count * 2 - 2) * 2;
    return symbol_size(version) - 7 - (count - 1 - index) * step;
}

/* Modules that are left for codewords when all function patterns are taken out, divided into codewords. */
static size_t total_codewords(int version) {
    int size = symbol_size(version), along = alignment_count(version);
    int modules = size * size - 3 * 64 - 2 * 15 - 1 - 2 * (size - 16);
    if (version > 1) {
        int patterns = along * along - 3; /* none where the finder patterns are */
        int on_timing = 2 * (along - 2);  /* these share five modules with a timing pattern */
        modules -= patterns * 25 - on_timing * 5;
    }
    if (version >= 7) modules -= 2 * 18;
    return (size_t)modules / 8;
}

static size_t data_codeword_count(int version, qr_level level) {
    return total_codewords(version) -
           (size_t)correction_per_block[level][version - 1] * block_count[level][version - 1];
}

size_t qr_capacity_bits(int version, qr_level level) {
    return data_codeword_count(version, level) * 8;
}

/* ---- Segments (7.4.2 to 7.4.7) ---- */

typedef enum mode { MODE_NUMERIC, MODE_ALPHANUMERIC, MODE_BYTE, MODE_COUNT } mode;

static const uint8_t mode_indicator[MODE_COUNT] = {1, 2, 4};

/* Width of the character count, by mode, for versions 1 to 9, 10 to 26, 27 to 40. */
static unsigned count_bits(mode kind, int version) {
    static const uint8_t bits[MODE_COUNT][3] = {{10, 12, 14}, {9, 11, 13}, {8, 16, 16}};
    return bits[kind][version < 10 ? 0 : version < 27 ? 1 : 2];
}

/* The value of a character in the alphanumeric set, or -1. */
static int alphanumeric_value(char character) {
    static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    const char *found = character ? strchr(set, character) : NULL;
    return found ? (int)(found - set) : -1;
}

static bool mode_takes(mode kind, char character) {
    if (kind == MODE_NUMERIC) return character >= '0' && character <= '9';
    return kind == MODE_BYTE || alphanumeric_value(character) >= 0;
}

typedef struct bit_writer {
    uint8_t *bytes;
    size_t capacity; /* bits */
    size_t size;     /* bits; counts on where there is no room */
} bit_writer;

static void put_bits(bit_writer *out, uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0; out->size++) {
        if (out->size >= out->capacity) continue;
        if (out->size % 8 == 0) out->bytes[out->size / 8] = 0;
        out->bytes[out->size / 8] |= (uint8_t)((value >> i & 1) << (7 - out->size % 8));
    }
}

static void put_segment(bit_writer *out, mode kind, const char *text, size_t size, int version) {
    put_bits(out, mode_indicator[kind], 4);
    put_bits(out, (uint32_t)size, count_bits(kind, version));
    for (size_t i = 0; i < size;) {
        size_t left = size - i;
        if (kind == MODE_NUMERIC) { /* three digits in 10 bits, the last two in 7, the last one in 4 */
            unsigned digits = left < 3 ? (unsigned)left : 3, value = 0;
            for (unsigned j = 0; j < digits; j++) value = value * 10 + (unsigned)(text[i++] - '0');
            put_bits(out, value, digits * 3 + 1);
        } else if (kind == MODE_ALPHANUMERIC &&
                   left >= 2) { /* two characters in 11 bits, the last one in 6 */
            unsigned value = (unsigned)(alphanumeric_value(text[i]) * 45 + alphanumeric_value(text[i + 1]));
            put_bits(out, value, 11);
            i += 2;
        } else if (kind == MODE_ALPHANUMERIC) {
            put_bits(out, (unsigned)alphanumeric_value(text[i++]), 6);
        } else {
            put_bits(out, (uint8_t)text[i++], 8);
        }
    }
}

/* The mode of each character for which the whole text takes the fewest bits: the cheapest way to end in each
 * mode after each character, then backwards along the way that was cheapest. Costs are in sixths of a bit, so
 * that a digit (10/3 bits) and an alphanumeric character (11/2 bits) have whole costs. */
static bool choose_modes(const char *text, size_t size, int version, uint8_t *modes) {
    static const unsigned character_cost[MODE_COUNT] = {20, 33, 48};
    uint8_t(*came_from)[MODE_COUNT] = malloc((size + 1) * sizeof *came_from);
    if (!came_from) return false;
    uint32_t cost[MODE_COUNT];
    for (int m = 0; m < MODE_COUNT; m++) cost[m] = (4 + count_bits((mode)m, version)) * 6;
    for (size_t i = 0; i < size; i++) {
        uint32_t after[MODE_COUNT];
        for (int m = 0; m < MODE_COUNT; m++) {
            after[m] = mode_takes((mode)m, text[i]) ? cost[m] + character_cost[m] : UINT32_MAX;
            came_from[i][m] = (uint8_t)m;
        }
        /* A change of mode after this character rounds up to whole bits and pays for a new header. */
        for (int m = 0; m < MODE_COUNT; m++) {
            cost[m] = after[m];
            for (int from = 0; from < MODE_COUNT; from++) {
                if (from == m || after[from] == UINT32_MAX) continue;
                uint32_t changed = (after[from] + 5) / 6 * 6 + (4 + count_bits((mode)m, version)) * 6;
                if (changed >= cost[m]) continue;
                cost[m] = changed;
                came_from[i][m] = (uint8_t)from;
            }
        }
    }
    mode best = MODE_BYTE;
    for (int m = 0; m < MODE_COUNT; m++) {
        if (cost[m] < cost[best]) best = (mode)m;
    }
    for (size_t i = size; i-- > 0;) {
        best = (mode)came_from[i][best];
        modes[i] = (uint8_t)best;
    }
    free(came_from);
    return true;
}

/* Writes all segments. The character count of a mode limits how long a segment can be, but not below what a
 * symbol of that version holds. */
static void put_segments(bit_writer *out, const char *text, size_t size, const uint8_t *modes, int version,
                         bool declare_utf8) {
    if (declare_utf8) put_bits(out, 7 << 8 | 26, 12); /* ECI 26 is UTF-8 (7.4.2.2) */
    for (size_t i = 0, end; i < size; i = end) {
        for (end = i + 1; end < size && modes[end] == modes[i];) end++;
        put_segment(out, (mode)modes[i], text + i, end - i, version);
    }
}

/* Terminator and padding (7.4.9, 7.4.10). */
static void put_padding(bit_writer *out) {
    size_t left = out->capacity - out->size;
    put_bits(out, 0, left < 4 ? (unsigned)left : 4);
    while (out->size % 8) put_bits(out, 0, 1);
    for (uint32_t pad = 0xEC; out->size < out->capacity; pad ^= 0xEC ^ 0x11) put_bits(out, pad, 8);
}

qr_status qr_data_codewords(const char *text, size_t size, int version, qr_level level, bool declare_utf8,
                            uint8_t *codewords) {
    uint8_t *modes = malloc(size + 1);
    if (!modes || !choose_modes(text, size, version, modes)) {
        free(modes);
        return QR_NO_MEMORY;
    }
    bit_writer out = {codewords, qr_capacity_bits(version, level), 0};
    put_segments(&out, text, size, modes, version, declare_utf8);
    free(modes);
    if (out.size > out.capacity) return QR_TOO_LONG;
    put_padding(&out);
    return QR_OK;
}

/* ---- Error correction (7.5) ---- */

/* Product in GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t multiply(uint8_t a, uint8_t b) {
    unsigned product = 0;
    for (int bit = 7; bit >= 0; bit--) {
        product = product << 1 ^ (product >> 7) * 0x11D;
        if (b >> bit & 1) product ^= a;
    }
    return (uint8_t)product;
}

/* The coefficients of (x - 2^0)(x - 2^1)...(x - 2^(count-1)), highest first, without the leading 1. */
static void make_generator(size_t count, uint8_t *generator) {
    memset(generator, 0, count);
    generator[count - 1] = 1;
    uint8_t root = 1;
    for (size_t i = 0; i < count; i++, root = multiply(root, 2)) {
        for (size_t j = 0; j < count; j++) {
            generator[j] = multiply(generator[j], root);
            if (j + 1 < count) generator[j] ^= generator[j + 1];
        }
    }
}

static void divide(const uint8_t *data, size_t size, const uint8_t *generator, size_t count,
                   uint8_t *remainder) {
    memset(remainder, 0, count);
    for (size_t i = 0; i < size; i++) {
        uint8_t factor = data[i] ^ remainder[0];
        memmove(remainder, remainder + 1, count - 1);
        remainder[count - 1] = 0;
        for (size_t j = 0; factor && j < count; j++) remainder[j] ^= multiply(generator[j], factor);
    }
}

void qr_error_correction(const uint8_t *data, size_t size, size_t count, uint8_t *out) {
    uint8_t generator[MOST_ERROR_CORRECTION];
    make_generator(count, generator);
    divide(data, size, generator, count, out);
}

/* The final sequence (7.6): the blocks' data codewords in turn, then their error correction codewords in
 * turn. The last blocks may be one codeword longer than the first. */
static void interleave(const uint8_t *data, int version, qr_level level, uint8_t *out) {
    size_t blocks = block_count[level][version - 1];
    size_t correction = correction_per_block[level][version - 1];
    size_t total = data_codeword_count(version, level);
    size_t short_size = total / blocks, long_blocks = total % blocks;
    uint8_t generator[MOST_ERROR_CORRECTION], remainder[MOST_ERROR_CORRECTION];
    make_generator(correction, generator);
    for (size_t block = 0, start = 0; block < blocks; block++) {
        bool is_long = block >= blocks - long_blocks;
        size_t size = short_size + is_long;
        for (size_t i = 0; i < short_size; i++) out[i * blocks + block] = data[start + i];
        if (is_long) out[short_size * blocks + block - (blocks - long_blocks)] = data[start + short_size];
        divide(data + start, size, generator, correction, remainder);
        for (size_t i = 0; i < correction; i++) out[total + i * blocks + block] = remainder[i];
        start += size;
    }
}

/* ---- Placement (6.3, 7.7, 7.9, 7.10) ---- */

/* What the symbol is made of while it is made: which modules belong to function patterns. */
typedef struct canvas {
    qr_code *code;
    uint8_t reserved[QR_MAX_SIZE][QR_MAX_SIZE];
} canvas;

static void set_function(canvas *draft, int x, int y, bool dark) {
    draft->code->dark[y][x] = dark;
    draft->reserved[y][x] = 1;
}

/* A finder pattern and the light separator around it, as far as that is inside the symbol. */
static void draw_finder(canvas *draft, int centre_x, int centre_y) {
    int size = draft->code->size;
    for (int dy = -4; dy <= 4; dy++) {
        for (int dx = -4; dx <= 4; dx++) {
            int x = centre_x + dx, y = centre_y + dy;
            if (x < 0 || y < 0 || x >= size || y >= size) continue;
            int distance = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
            set_function(draft, x, y, distance != 2 && distance != 4);
        }
    }
}

static void draw_alignment(canvas *draft, int centre_x, int centre_y) {
    for (int dy = -2; dy <= 2; dy++) {
        for (int dx = -2; dx <= 2; dx++) {
            bool ring = abs(dx) == 2 || abs(dy) == 2;
            set_function(draft, centre_x + dx, centre_y + dy, ring || (dx == 0 && dy == 0));
        }
    }
}

uint32_t qr_format_bits(qr_level level, int mask) {
    static const uint8_t level_bits[] = {1, 0, 3, 2};
    uint32_t data = (uint32_t)level_bits[level] << 3 | (uint32_t)mask;
    uint32_t remainder = data << 10;
    for (int bit = 14; bit >= 10; bit--) {
        if (remainder >> bit & 1) remainder ^= 0x537u << (bit - 10);
    }
    return (data << 10 | remainder) ^ 0x5412;
}

uint32_t qr_version_bits(int version) {
    uint32_t remainder = (uint32_t)version << 12;
    for (int bit = 17; bit >= 12; bit--) {
        if (remainder >> bit & 1) remainder ^= 0x1F25u << (bit - 12);
    }
    return (uint32_t)version << 12 | remainder;
}

/* Both copies of the format information, least bit first: one around the upper left finder pattern, the other
 * below the upper right and beside the lower left one. */
static void draw_format(canvas *draft, uint32_t bits) {
    int size = draft->code->size;
    for (int i = 0; i < 15; i++) {
        bool dark = bits >> i & 1;
        if (i < 8)
            set_function(draft, 8, i < 6 ? i : i + 1, dark);
        else
            set_function(draft, i == 8 ? 7 : 14 - i, 8, dark);
        if (i < 8)
            set_function(draft, size - 1 - i, 8, dark);
        else
            set_function(draft, 8, size - 15 + i, dark);
    }
    set_function(draft, 8, size - 8, true);
}

static void draw_version(canvas *draft, int version) {
    if (version < 7) return;
    uint32_t bits = qr_version_bits(version);
    for (int i = 0; i < 18; i++) {
        int across = draft->code->size - 11 + i % 3, along = i / 3;
        set_function(draft, across, along, bits >> i & 1);
        set_function(draft, along, across, bits >> i & 1);
    }
}

static void draw_function_patterns(canvas *draft, int version) {
    int size = draft->code->size;
    for (int i = 0; i < size; i++) {
        set_function(draft, 6, i, i % 2 == 0);
        set_function(draft, i, 6, i % 2 == 0);
    }
    draw_finder(draft, 3, 3);
    draw_finder(draft, size - 4, 3);
    draw_finder(draft, 3, size - 4);
    int count = alignment_count(version), last = count - 1;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            bool at_finder = (i == 0 && (j == 0 || j == last)) || (i == last && j == 0);
            if (!at_finder)
                draw_alignment(draft, alignment_position(version, i), alignment_position(version, j));
        }
    }
    draw_format(draft, 0); /* reserves its place */
    draw_version(draft, version);
}

/* Codewords go in columns two modules wide, from the right, upwards and downwards in turn; the column of the
 * vertical timing pattern is left out. What remains at the end is light. */
static void draw_codewords(canvas *draft, const uint8_t *codewords, size_t count) {
    int size = draft->code->size;
    size_t bit = 0;
    bool upwards = true;
    for (int right = size - 1; right > 0; right -= 2, upwards = !upwards) {
        if (right == 6) right = 5;
        for (int i = 0; i < size; i++) {
            int y = upwards ? size - 1 - i : i;
            for (int x = right; x >= right - 1; x--) {
                if (draft->reserved[y][x]) continue;
                draft->code->dark[y][x] = bit < count * 8 && (codewords[bit / 8] >> (7 - bit % 8) & 1);
                bit++;
            }
        }
    }
}

/* ---- Masking (7.8) ---- */

static bool mask_inverts(int mask, int x, int y) {
    switch (mask) {
    case 0: return (x + y) % 2 == 0;
    case 1: return y % 2 == 0;
    case 2: return x % 3 == 0;
    case 3: return (x + y) % 3 == 0;
    case 4: return (x / 3 + y / 2) % 2 == 0;
    case 5: return x * y % 2 + x * y % 3 == 0;
    case 6: return (x * y % 2 + x * y % 3) % 2 == 0;
    default: return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

/* Applies a mask; applied again, it is taken off. */
static void apply_mask(canvas *draft, int mask) {
    int size = draft->code->size;
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            if (!draft->reserved[y][x]) draft->code->dark[y][x] ^= mask_inverts(mask, x, y);
        }
    }
}

/* A module of the symbol, rows and columns swapped where `turned`, light outside. */
static bool module_at(const qr_code *code, int x, int y, bool turned) {
    if (x < 0 || x >= code->size) return false;
    return turned ? code->dark[x][y] : code->dark[y][x];
}

/* Points for runs of five and more, and for what looks like a finder pattern with four light modules beside
 * it, in one row or column. */
static int line_penalty(const qr_code *code, int y, bool turned) {
    int points = 0, run = 0;
    unsigned window = 0; /* the last eleven modules */
    bool before = false;
    for (int x = 0; x < code->size + 4; x++) {
        bool dark = module_at(code, x, y, turned);
        window = (window << 1 | dark) & 0x7FF;
        /* A symbol's edge is followed by the quiet zone: light modules count there too. */
        if (x >= 6 && window == 0x5D0) points += 40;                   /* 1011101 0000 */
        if (x >= 6 && x < code->size && window == 0x05D) points += 40; /* 0000 1011101 */
        if (x >= code->size) continue;
        run = x > 0 && dark == before ? run + 1 : 1;
        if (run == 5) points += 3;
        if (run > 5) points++;
        before = dark;
    }
    return points;
}

static int penalty(const qr_code *code) {
    int points = 0, dark_count = 0;
    for (int y = 0; y < code->size; y++) {
        points += line_penalty(code, y, false) + line_penalty(code, y, true);
        for (int x = 0; x < code->size; x++) {
            bool dark = code->dark[y][x];
            dark_count += dark;
            if (x > 0 && y > 0 && code->dark[y - 1][x] == dark && code->dark[y][x - 1] == dark &&
                code->dark[y - 1][x - 1] == dark)
                points += 3;
        }
    }
    /* Ten points for each full five percent that the share of dark modules is away from one half. */
    int total = code->size * code->size;
    return points + abs(dark_count * 20 - total * 10) / total * 10;
}

static int choose_mask(canvas *draft) {
    int best = 0, least = 0;
    for (int mask = 0; mask < 8; mask++) {
        apply_mask(draft, mask);
        draw_format(draft, qr_format_bits(draft->code->level, mask));
        int points = penalty(draft->code);
        apply_mask(draft, mask);
        if (mask > 0 && points >= least) continue;
        best = mask;
        least = points;
    }
    return best;
}

/* ---- The symbol ---- */

static void draw(canvas *draft, const uint8_t *data, int mask) {
    qr_code *code = draft->code;
    uint8_t codewords[QR_MAX_CODEWORDS];
    interleave(data, code->version, code->level, codewords);
    draw_function_patterns(draft, code->version);
    draw_codewords(draft, codewords, total_codewords(code->version));
    code->mask = mask == QR_MASK_AUTOMATIC ? choose_mask(draft) : mask;
    apply_mask(draft, code->mask);
    draw_format(draft, qr_format_bits(code->level, code->mask));
}

/* No text takes fewer bits than this, however it is cut into segments. */
static size_t fewest_bits(const char *text, size_t size) {
    size_t sixths = 0;
    for (size_t i = 0; i < size; i++)
        sixths += mode_takes(MODE_NUMERIC, text[i]) ? 20 : mode_takes(MODE_ALPHANUMERIC, text[i]) ? 33 : 48;
    return sixths / 6;
}

/* The smallest version that takes the text, then the highest level that this version takes it at. */
static qr_status fit(const char *text, size_t size, const qr_options *options, qr_code *code, uint8_t *data) {
    size_t fewest = fewest_bits(text, size);
    bool eci = options->declare_utf8;
    qr_status status = QR_TOO_LONG;
    for (int version = options->least_version; version <= QR_VERSIONS && status == QR_TOO_LONG; version++) {
        if (qr_capacity_bits(version, options->level) < fewest) continue;
        status = qr_data_codewords(text, size, version, options->level, eci, data);
        code->version = version;
        code->level = options->level;
    }
    if (status != QR_OK) return status;
    while (options->raise_level && code->level < QR_LEVEL_H && status == QR_OK) {
        status = qr_data_codewords(text, size, code->version, (qr_level)(code->level + 1), eci, data);
        if (status == QR_OK) code->level = (qr_level)(code->level + 1);
    }
    if (status == QR_TOO_LONG) status = qr_data_codewords(text, size, code->version, code->level, eci, data);
    return status;
}

qr_status qr_encode(const char *text, size_t size, const qr_options *options, qr_code *code) {
    canvas *draft = calloc(1, sizeof *draft);
    uint8_t *data = malloc(MOST_DATA_CODEWORDS);
    memset(code, 0, sizeof *code);
    qr_status status = draft && data ? fit(text, size, options, code, data) : QR_NO_MEMORY;
    if (status == QR_OK) {
        code->size = symbol_size(code->version);
        draft->code = code;
        draw(draft, data, options->mask);
    }
    free(data);
    free(draft);
    return status;
}
