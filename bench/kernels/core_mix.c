/* A mix like that of CoreMark, after its public description: work on a linked list (find, sort, reverse), on
 * matrices of 16-bit numbers, and on text with a state machine, each result folded into a CRC of 16 bits.
 * Code and data are ours, so its numbers are not CoreMark's. */
#include "kernel.h"

#define ITEMS 60
#define SIZE  12
#define TEXT  "5012,1.5,-874,+122,3.7e12,-.123,x,110e-3,0..5,7e,12a,+,-0.0,55e+2,"

static uint16_t crc_byte(uint16_t crc, uint8_t byte) {
    crc ^= byte;
    for (int i = 0; i < 8; i++) crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    return crc;
}

static KERNEL_NOINLINE uint16_t crc16(uint16_t crc, uint32_t value) {
    for (int i = 0; i < 32; i += 8) crc = crc_byte(crc, (uint8_t)(value >> i));
    return crc;
}

/* ---- The list ------------------------------------------------------------------------------------------ */

typedef struct item {
    struct item *next;
    int16_t value;
    uint16_t place; /* where it was at first */
} item;

typedef int32_t item_order(const item *a, const item *b);

static item items[ITEMS];

static int32_t by_value(const item *a, const item *b) {
    return a->value - b->value;
}

static int32_t by_place(const item *a, const item *b) {
    return a->place - b->place;
}

static item *make_list(uint32_t seed) {
    for (uint16_t i = 0; i < ITEMS; i++) {
        items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
        items[i].value = (int16_t)(kernel_random(&seed) >> 20);
        items[i].place = i;
    }
    return items;
}

static KERNEL_NOINLINE item *reverse(item *list) {
    item *reversed = NULL;
    while (list != NULL) {
        item *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static KERNEL_NOINLINE item *merge(item *a, item *b, item_order *order) {
    item *first = NULL, **link = &first;
    while (a != NULL && b != NULL) {
        item **smaller = order(a, b) <= 0 ? &a : &b;
        *link = *smaller;
        link = &(*smaller)->next;
        *smaller = *link;
    }
    *link = a != NULL ? a : b;
    return first;
}

static item *sort(item *list, item_order *order) {
    if (list == NULL || list->next == NULL) return list;
    item *middle = list;
    for (item *end = list->next; end != NULL && end->next != NULL; end = end->next->next)
        middle = middle->next;
    item *second = middle->next;
    middle->next = NULL;
    return merge(sort(list, order), sort(second, order), order);
}

static KERNEL_NOINLINE uint16_t list_crc(uint16_t crc, const item *list) {
    for (; list != NULL; list = list->next) crc = crc16(crc, (uint32_t)list->value << 16 | list->place);
    return crc;
}

/* How many steps to the first item with one of the values; -1 for those that are not there. */
static KERNEL_NOINLINE int32_t find_all(const item *list) {
    int32_t sum = 0;
    for (int16_t value = 0; value < 64; value++) {
        int32_t steps = 0;
        const item *at = list;
        while (at != NULL && (at->value & 63) != value) at = at->next, steps++;
        sum += at == NULL ? -1 : steps;
    }
    return sum;
}

/* ---- The matrices -------------------------------------------------------------------------------------- */

typedef int16_t matrix[SIZE][SIZE];

static matrix a, b;
static int32_t c[SIZE][SIZE];

static void make_matrices(uint32_t seed) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (int16_t)(kernel_random(&seed) >> 16);
            b[i][j] = (int16_t)(kernel_random(&seed) >> 24);
        }
    }
}

static KERNEL_NOINLINE void multiply(bool some_bits) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < SIZE; k++) {
                uint32_t product = (uint32_t)a[i][k] * (uint32_t)b[k][j];
                sum += some_bits ? (product >> 2 & 15) * (product >> 5 & 127) : product;
            }
            c[i][j] = (int32_t)sum;
        }
    }
}

static KERNEL_NOINLINE void add_constant(int16_t constant) {
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) a[i][j] = (int16_t)(a[i][j] + constant);
    }
}

static KERNEL_NOINLINE uint16_t matrix_crc(uint16_t crc) {
    int32_t largest = INT32_MIN;
    uint32_t sum = 0;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            sum += (uint32_t)c[i][j];
            if (c[i][j] > largest) largest = c[i][j];
        }
    }
    return crc16(crc16(crc, sum), (uint32_t)largest);
}

/* ---- The state machine --------------------------------------------------------------------------------- */

typedef enum state {
    START,
    SIGN,
    INTEGER,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    SCIENTIFIC,
    INVALID,
    STATES
} state;

/* The state after a character; a comma ends a number. Digits are wanted before an exponent, and after its
 * sign. */
static KERNEL_NOINLINE state next_state(state now, char ch) {
    bool digit = ch >= '0' && ch <= '9', sign = ch == '+' || ch == '-';
    switch (now) {
    case START: return digit ? INTEGER : sign ? SIGN : ch == '.' ? POINT : INVALID;
    case SIGN: return digit ? INTEGER : ch == '.' ? POINT : INVALID;
    case INTEGER: return digit ? INTEGER : ch == '.' ? POINT : ch == 'e' ? EXPONENT : INVALID;
    case POINT:
    case FRACTION: return digit ? FRACTION : ch == 'e' && now == FRACTION ? EXPONENT : INVALID;
    case EXPONENT: return digit ? SCIENTIFIC : sign ? EXPONENT_SIGN : INVALID;
    case EXPONENT_SIGN:
    case SCIENTIFIC: return digit ? SCIENTIFIC : INVALID;
    default: return INVALID;
    }
}

static KERNEL_NOINLINE void scan(const char *text, uint32_t ends[STATES], uint32_t visits[STATES]) {
    state now = START;
    for (; *text; text++) {
        if (*text == ',') {
            ends[now]++;
            now = START;
        } else {
            now = next_state(now, *text);
            visits[now]++;
        }
    }
}

/* ---- The kernel ---------------------------------------------------------------------------------------- */

static void kernel_prepare(void) {}

static int kernel_round(void) {
    uint16_t crc = 0;
    for (uint32_t i = 1; i <= 10; i++) {
        item *list = make_list(i);
        crc = crc16(crc, (uint32_t)find_all(list));
        list = sort(list, by_value);
        crc = list_crc(crc, list);
        list = reverse(list);
        crc = crc16(crc, (uint32_t)find_all(list));
        list = sort(list, by_place);
        crc = list_crc(crc, list);

        make_matrices(i + 100);
        multiply(false);
        crc = matrix_crc(crc);
        add_constant((int16_t)(i * 1000));
        multiply(true);
        crc = matrix_crc(crc);

        char text[] = TEXT;
        uint32_t ends[STATES] = {0}, visits[STATES] = {0};
        text[i * 3 % (sizeof text - 1)] = ','; /* another text each time */
        scan(text, ends, visits);
        for (int s = 0; s < STATES; s++) crc = crc16(crc, ends[s] << 16 | visits[s]);
    }
    return crc != 0xA2E3; /* expected.py: sorted(), integers cut to size, and regular expressions */
}
