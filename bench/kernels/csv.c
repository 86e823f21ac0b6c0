/* CSV (RFC 4180): quoted fields with doubled quotes, commas and line breaks in them, decimals; rows grouped
 * by one column. The generator keeps the sums that the parser must find. */
#include "kernel.h"

#define ROWS      400
#define TEXT_SIZE 40000
#define CITIES    8
#define COLUMNS   6

typedef struct reader {
    const char *at, *end;
    char *field; /* the field read last, unquoted, in a buffer of this size */
    size_t field_size;
    char buffer[256];
} reader;

typedef enum token { FIELD, LAST_FIELD, END_OF_TEXT, BROKEN } token;

typedef struct group {
    char city[32];
    uint32_t rows;
    int64_t cents;
    uint32_t quotes; /* in the remarks */
} group;

static const char *const cities[CITIES] = {"Oslo",           "Paris, France", "New York",   "\"Berlin\"",
                                           "Rio de Janeiro", "Lima",          "Two\nlines", "Kyoto"};
static char text[TEXT_SIZE];
static size_t text_size;
static group expected[CITIES];

static char *put_quoted(char *out, const char *string) {
    *out++ = '"';
    for (; *string; string++) {
        if (*string == '"') *out++ = '"';
        *out++ = *string;
    }
    *out++ = '"';
    return out;
}

static char *put_number(char *out, uint32_t number) {
    char digits[10];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) *out++ = digits[--count];
    return out;
}

static char *put_string(char *out, const char *string) {
    size_t size = strlen(string);
    memcpy(out, string, size);
    return out + size;
}

static void kernel_prepare(void) {
    uint32_t seed = 13;
    char *out = text;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t r = kernel_random(&seed) >> 8, city = r % CITIES, quotes = r / 8 % 3;
        int32_t cents = (int32_t)(kernel_random(&seed) % 2000000) - 1000000;
        uint32_t amount = (uint32_t)(cents < 0 ? -cents : cents);
        out = put_number(out, row);
        *out++ = ',';
        out = strpbrk(cities[city], ",\"\n") ? put_quoted(out, cities[city]) : put_string(out, cities[city]);
        out = put_string(out, cents < 0 ? ",-" : ",");
        out = put_number(out, amount / 100);
        *out++ = '.', *out++ = (char)('0' + amount / 10 % 10), *out++ = (char)('0' + amount % 10);
        *out++ = ',';
        out = put_quoted(out, quotes == 0   ? "nothing to say"
                              : quotes == 1 ? "he said \", then left"
                                            : "\"quoted\", she said");
        out = put_string(out, row % 4 == 0 ? ",,\r\n" : ",2024-11-22,x\r\n");
        expected[city].rows++;
        expected[city].cents += cents;
        expected[city].quotes += quotes;
    }
    text_size = (size_t)(out - text);
}

static KERNEL_NOINLINE token next_field(reader *r) {
    size_t size = 0;
    r->field = r->buffer;
    if (r->at >= r->end) return END_OF_TEXT;
    if (*r->at == '"') {
        for (r->at++;; r->at++) {
            if (r->at >= r->end || size == sizeof r->buffer - 1) return BROKEN;
            if (*r->at == '"' && (++r->at >= r->end || *r->at != '"')) break;
            r->buffer[size++] = *r->at;
        }
    } else {
        while (r->at < r->end && *r->at != ',' && *r->at != '\r') {
            if (size == sizeof r->buffer - 1 || *r->at == '"') return BROKEN;
            r->buffer[size++] = *r->at++;
        }
    }
    r->buffer[size] = 0;
    r->field_size = size;
    if (r->at < r->end && *r->at == ',') return r->at++, FIELD;
    if (r->end - r->at >= 2 && r->at[0] == '\r' && r->at[1] == '\n') return r->at += 2, LAST_FIELD;
    return BROKEN;
}

/* A decimal number with two places; false for anything else. */
static KERNEL_NOINLINE bool parse_cents(const char *string, int64_t *out) {
    bool negative = *string == '-';
    int64_t cents = 0;
    int places = -1;
    for (string += negative; *string; string++) {
        if (*string == '.' && places < 0) {
            places = 0;
        } else if (*string >= '0' && *string <= '9') {
            cents = cents * 10 + (*string - '0');
            if (places >= 0) places++;
        } else {
            return false;
        }
    }
    *out = negative ? -cents : cents;
    return places == 2;
}

static KERNEL_NOINLINE group *find_group(group *groups, uint32_t *count, const char *city) {
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(groups[i].city, city) == 0) return &groups[i];
    }
    if (*count == CITIES || strlen(city) >= sizeof groups->city) return NULL;
    group *added = &groups[(*count)++];
    memset(added, 0, sizeof *added);
    strcpy(added->city, city);
    return added;
}

static int kernel_round(void) {
    reader r = {.at = text, .end = text + text_size};
    group groups[CITIES];
    uint32_t count = 0, row = 0, column = 0;
    group *current = NULL;
    for (;;) {
        token end = next_field(&r);
        if (end == END_OF_TEXT) break;
        if (end == BROKEN || (end == LAST_FIELD) != (column == COLUMNS - 1)) return 1;
        if (column == 0 && strtoul(r.field, NULL, 10) != row++) return 2;
        if (column == 1 && (current = find_group(groups, &count, r.field)) == NULL) return 3;
        if (column == 2) {
            int64_t cents;
            if (!parse_cents(r.field, &cents)) return 4;
            current->cents += cents;
            current->rows++;
        }
        if (column == 3) {
            for (size_t i = 0; i < r.field_size; i++) current->quotes += r.field[i] == '"';
        }
        column = end == LAST_FIELD ? 0 : column + 1;
    }
    if (row != ROWS || count != CITIES) return 5;
    for (uint32_t i = 0; i < CITIES; i++) {
        const group *found = find_group(groups, &count, cities[i]);
        if (found == NULL || found->rows != expected[i].rows || found->cents != expected[i].cents ||
            found->quotes != expected[i].quotes) {
            return 6;
        }
    }
    return 0;
}
