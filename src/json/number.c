/* Owns the conversions between decimal digits and binary numbers. They are exact: a small arithmetic of large
 * integers (no tables to get wrong, no locale, no C library), with short cuts for the numbers that are
 * common. */
#include "json/internal.h"

#include <float.h>

/* ---- Large integers ---- */

/* words[0] is the least significant; words[size - 1] is not 0; size 0 is zero.
 *
 * The largest numbers that occur: reading, 5^1096 (the divisor for 771 digits that start at 10^-325), 2545
 * bits, or 771 digits, 2562 bits; writing, 2^1076 times 10. Both may be doubled once. */
enum { BIG_WORDS = 84 };
typedef struct big {
    uint32_t words[BIG_WORDS];
    int size;
} big;

static void big_set(big *number, uint64_t value) {
    number->size = 0;
    for (; value > 0; value >>= 32) number->words[number->size++] = (uint32_t)value;
}

/* number = number * factor + more */
static void big_multiply_add(big *number, uint32_t factor, uint32_t more) {
    uint64_t carry = more;
    for (int i = 0; i < number->size; i++) {
        carry += (uint64_t)number->words[i] * factor;
        number->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        json_assert(number->size < BIG_WORDS);
        number->words[number->size++] = (uint32_t)carry;
    }
}

static void big_multiply_power_of_5(big *number, int power) {
    enum { STEP = 13, FIVE_TO_STEP = 1220703125 };
    for (; power >= STEP; power -= STEP) big_multiply_add(number, FIVE_TO_STEP, 0);
    for (; power > 0; power--) big_multiply_add(number, 5, 0);
}

static void big_shift_left(big *number, int bits) {
    int whole = bits / 32, rest = bits % 32;
    if (number->size == 0) return;
    json_assert(number->size + whole + (rest > 0) <= BIG_WORDS);
    if (rest > 0) {
        uint32_t carry = 0;
        for (int i = 0; i < number->size; i++) {
            uint32_t word = number->words[i];
            number->words[i] = word << rest | carry;
            carry = word >> (32 - rest);
        }
        if (carry > 0) number->words[number->size++] = carry;
    }
    if (whole > 0) {
        memmove(number->words + whole, number->words, (size_t)number->size * sizeof number->words[0]);
        memset(number->words, 0, (size_t)whole * sizeof number->words[0]);
        number->size += whole;
    }
}

static int big_compare(const big *a, const big *b) {
    if (a->size != b->size) return a->size < b->size ? -1 : 1;
    for (int i = a->size - 1; i >= 0; i--)
        if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

/* a = a - b, where a >= b */
static void big_subtract(big *a, const big *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < a->size; i++) {
        uint64_t word = (uint64_t)a->words[i] - (i < b->size ? b->words[i] : 0) - borrow;
        a->words[i] = (uint32_t)word;
        borrow = word >> 63;
    }
    while (a->size > 0 && a->words[a->size - 1] == 0) a->size--;
}

/* a = a + b */
static void big_add(big *a, const big *b) {
    uint64_t carry = 0;
    for (int i = 0; i < a->size || i < b->size || carry > 0; i++) {
        if (i == a->size) {
            json_assert(a->size < BIG_WORDS);
            a->words[a->size++] = 0;
        }
        carry += (uint64_t)a->words[i] + (i < b->size ? b->words[i] : 0);
        a->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static int bit_length(uint64_t value) {
    int length = 0;
    for (; value > 0; value >>= 1) length++;
    return length;
}

static int big_bit_length(const big *number) {
    return number->size == 0 ? 0 : (number->size - 1) * 32 + bit_length(number->words[number->size - 1]);
}

/* ---- Decimal text ---- */

/* A number's text taken apart, without zeros at either end:
 *
 *     -00120.3400e+5   digits "12034", exponent 3: -12034 * 10^3
 *      first-^    ^-last+1
 *
 * The digits stay in the text, with the point perhaps among them. */
typedef struct decimal {
    bool negative;
    const uint8_t *first; /* first significant digit */
    const uint8_t *last;  /* after the last one; first == last for zero */
    size_t count;         /* digits between them, the point not counted */
    int64_t exponent;     /* power of ten of the last digit */
} decimal;

enum { EXPONENT_CEILING = 1000000000 };

/* The written exponent; beyond the ceiling it no longer matters how far. */
static int64_t parse_exponent(const uint8_t *next, const uint8_t *end) {
    bool negative = next < end && *next == '-';
    if (next < end && (*next == '-' || *next == '+')) next++;
    int64_t exponent = 0;
    for (; next < end; next++)
        if (exponent < EXPONENT_CEILING) exponent = exponent * 10 + (*next - '0');
    return negative ? -exponent : exponent;
}

static void parse_decimal(base_bytes text, decimal *number) {
    const uint8_t *next = text.data, *end = text.data + text.size;
    memset(number, 0, sizeof *number);
    if (*next == '-') {
        number->negative = true;
        next++;
    }
    const uint8_t *digits_end = next, *point = NULL;
    for (; digits_end < end && *digits_end != 'e' && *digits_end != 'E'; digits_end++)
        if (*digits_end == '.') point = digits_end;
    int64_t written = digits_end < end ? parse_exponent(digits_end + 1, end) : 0;
    while (next < digits_end && (*next == '0' || *next == '.')) next++;
    while (digits_end > next && (digits_end[-1] == '0' || digits_end[-1] == '.')) digits_end--;
    number->first = next;
    number->last = digits_end;
    number->count = (size_t)(digits_end - next);
    if (number->count == 0) return;
    if (!point) {
        const uint8_t *zeros_end = digits_end;
        while (zeros_end < end && *zeros_end == '0') zeros_end++;
        number->exponent = written + (zeros_end - digits_end);
    } else if (point < next || point >= digits_end) {
        number->exponent = written + (point >= digits_end ? point - digits_end : point + 1 - digits_end);
    } else {
        number->count--;
        number->exponent = written - (digits_end - (point + 1));
    }
}

/* ---- Integers ---- */

static base_status fail_no_number(base_bytes value, const char *wanted, base_error *error) {
    return base_fail(error, BASE_INVALID, "expected %s, found %s", wanted,
                     json_kind_name(json_kind_of(value)));
}

static base_status fail_range(base_bytes value, const char *type, base_error *error) {
    int shown = value.size > 40 ? 40 : (int)value.size;
    return base_fail(error, BASE_LIMIT, "%.*s%s is out of the range of %s", shown, (const char *)value.data,
                     value.size > 40 ? "..." : "", type);
}

/* Reads a number that is digits and nothing else, and not so many that it could be too large. */
static bool read_plain_digits(base_bytes value, uint64_t *magnitude) {
    enum { ALWAYS_FIT = 18 };
    uint64_t result = 0;
    if (value.size > ALWAYS_FIT) return false;
    for (size_t i = 0; i < value.size; i++) {
        unsigned digit = value.data[i] - (unsigned)'0';
        if (digit > 9) return false;
        result = result * 10 + digit;
    }
    *magnitude = result;
    return value.size > 0;
}

/* The absolute value of a whole number that is at most `limit`. */
static base_status read_magnitude(base_bytes value, const decimal *number, uint64_t limit, const char *type,
                                  uint64_t *magnitude, base_error *error) {
    enum { MAX_DIGITS = 20 };
    uint64_t result = 0;
    if (number->exponent < 0) {
        int shown = value.size > 40 ? 40 : (int)value.size;
        return base_fail(error, BASE_INVALID, "expected a whole number, found %.*s", shown,
                         (const char *)value.data);
    }
    if (number->count > MAX_DIGITS || number->exponent > MAX_DIGITS) return fail_range(value, type, error);
    const uint8_t *next = number->first;
    for (int64_t left = (int64_t)number->count + number->exponent; left > 0; left--) {
        if (next < number->last && *next == '.') next++;
        uint64_t digit = next < number->last ? *next++ - (uint64_t)'0' : 0;
        if (digit > limit || result > (limit - digit) / 10) return fail_range(value, type, error);
        result = result * 10 + digit;
    }
    *magnitude = result;
    return BASE_OK;
}

base_status json_read_int64(base_bytes value, int64_t *out, base_error *error) {
    static const char type[] = "a signed 64-bit integer";
    uint64_t magnitude = 0;
    if (read_plain_digits(value, &magnitude)) {
        *out = (int64_t)magnitude;
        return BASE_OK;
    }
    if (json_kind_of(value) != JSON_NUMBER) return fail_no_number(value, "a whole number", error);
    decimal number;
    parse_decimal(value, &number);
    uint64_t limit = (uint64_t)INT64_MAX + (number.negative ? 1 : 0);
    base_status status = read_magnitude(value, &number, limit, type, &magnitude, error);
    if (status != BASE_OK) return status;
    *out = number.negative && magnitude > 0 ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return BASE_OK;
}

base_status json_read_uint64(base_bytes value, uint64_t *out, base_error *error) {
    static const char type[] = "an unsigned 64-bit integer";
    if (read_plain_digits(value, out)) return BASE_OK;
    if (json_kind_of(value) != JSON_NUMBER) return fail_no_number(value, "a whole number", error);
    decimal number;
    parse_decimal(value, &number);
    return read_magnitude(value, &number, number.negative ? 0 : UINT64_MAX, type, out, error);
}

/* ---- Doubles from text ---- */

enum {
    FRACTION_BITS = 52,      /* stored; the leading bit of normal numbers is not */
    MIN_EXPONENT = -1074,    /* of the last bit of subnormal numbers */
    MAX_EXPONENT = 971,      /* of the last bit of the largest numbers */
    MAX_POINT = 310,         /* 0.1 * 10^310 is infinite, */
    MIN_POINT = -324,        /* and all below 10^-324 is zero */
    SIGNIFICANT_DIGITS = 770 /* no number halfway between two doubles has more (767) */
};

static double double_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* (quotient + a bit more, where `rest`) * 2^exponent, rounded to the nearest, ties to even. quotient has at
 * least 55 bits, so that at least two go. Infinite where it is too large. */
static double round_to_double(uint64_t quotient, bool rest, int exponent) {
    int surplus = bit_length(quotient) - (FRACTION_BITS + 1);
    if (exponent + surplus < MIN_EXPONENT) surplus = MIN_EXPONENT - exponent;
    if (surplus > 63) return 0;
    uint64_t kept = quotient >> surplus;
    uint64_t dropped = quotient & (((uint64_t)1 << surplus) - 1);
    uint64_t half = (uint64_t)1 << (surplus - 1);
    if (dropped > half || (dropped == half && (rest || (kept & 1)))) kept++;
    exponent += surplus;
    if (kept >> (FRACTION_BITS + 1)) {
        kept >>= 1;
        exponent++;
    }
    if (exponent > MAX_EXPONENT) return double_from_bits((uint64_t)0x7FF << FRACTION_BITS);
    uint64_t biased = kept >> FRACTION_BITS ? (uint64_t)(exponent - MIN_EXPONENT + 1) : 0;
    return double_from_bits(biased << FRACTION_BITS | (kept & (((uint64_t)1 << FRACTION_BITS) - 1)));
}

/* The digits as one integer; of more than decide, the surplus becomes one last 1, and `dropped` says how many
 * went without it. */
static void big_set_digits(big *result, const decimal *number, int64_t *dropped) {
    big_set(result, 0);
    size_t used = 0;
    for (const uint8_t *next = number->first; next < number->last && used < SIGNIFICANT_DIGITS; next++) {
        if (*next == '.') continue;
        big_multiply_add(result, 10, *next - (uint32_t)'0');
        used++;
    }
    *dropped = (int64_t)(number->count - used);
    if (*dropped == 0) return;
    big_multiply_add(result, 10, 1);
    *dropped -= 1;
}

/* Divides two large integers as far as a double needs: value = above / below * 2^shift. */
static double divide_to_double(big *above, big *below, int shift) {
    int lead = big_bit_length(above) - big_bit_length(below);
    if (lead > 0) big_shift_left(below, lead);
    if (lead < 0) big_shift_left(above, -lead);
    /* Now 1/2 < above / below < 2, which gives 57 bits, the first of them perhaps 0. */
    uint64_t quotient = 0;
    for (int i = 0; i < 57; i++) {
        quotient <<= 1;
        if (big_compare(above, below) >= 0) {
            big_subtract(above, below);
            quotient |= 1;
        }
        big_shift_left(above, 1);
    }
    return round_to_double(quotient, above->size > 0, shift + lead - 56);
}

static double convert_exactly(const decimal *number) {
    big above, below;
    int64_t dropped;
    big_set_digits(&above, number, &dropped);
    big_set(&below, 1);
    int power = (int)(number->exponent + dropped);
    big_multiply_power_of_5(power > 0 ? &above : &below, power > 0 ? power : -power);
    return divide_to_double(&above, &below, power); /* 10^power = 5^power * 2^power */
}

/* Up to 15 digits and 22 powers of ten are exact doubles, and one operation on exact doubles is correctly
 * rounded, unless the processor computes in a wider format. */
static bool convert_short(const decimal *number, double *value) {
#if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 1)
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (number->count > 15 || number->exponent < -22 || number->exponent > 22) return false;
    uint64_t digits = 0;
    for (const uint8_t *next = number->first; next < number->last; next++)
        if (*next != '.') digits = digits * 10 + (*next - (uint64_t)'0');
    *value = (double)digits;
    if (number->exponent < 0)
        *value /= powers[-number->exponent];
    else
        *value *= powers[number->exponent];
    return true;
#else
    (void)number;
    (void)value;
    return false;
#endif
}

base_status json_read_double(base_bytes value, double *out, base_error *error) {
    static const char type[] = "a double";
    if (json_kind_of(value) != JSON_NUMBER) return fail_no_number(value, "a number", error);
    decimal number;
    double result = 0;
    parse_decimal(value, &number);
    int64_t point = (int64_t)number.count + number.exponent;
    if (number.count == 0 || point < MIN_POINT)
        result = 0;
    else if (point > MAX_POINT)
        return fail_range(value, type, error);
    else if (!convert_short(&number, &result))
        result = convert_exactly(&number);
    if (result > DBL_MAX) return fail_range(value, type, error);
    *out = number.negative ? -result : result;
    return BASE_OK;
}

/* ---- Doubles to digits ---- */

/* Steele and White's free-format algorithm on exact fractions:
 *
 *     value = rest / scale, and it reads back from anything between (rest - low) / scale and (rest + high) /
 * scale
 *
 * Digits come out of rest / scale one by one until what is left is within low or high. */
typedef struct digit_maker {
    big rest, scale, low, high;
    bool even; /* the ends of the interval read back as the value too, because ties go to even */
} digit_maker;

static void maker_init(digit_maker *maker, uint64_t mantissa, int exponent) {
    /* Below a power of two, doubles lie twice as dense. */
    int uneven = mantissa == (uint64_t)1 << FRACTION_BITS && exponent > MIN_EXPONENT ? 1 : 0;
    int up = exponent > 0 ? exponent : 0;
    big_set(&maker->rest, mantissa);
    big_shift_left(&maker->rest, up + 1 + uneven);
    big_set(&maker->scale, 1);
    big_shift_left(&maker->scale, up - exponent + 1 + uneven);
    big_set(&maker->low, 1);
    big_shift_left(&maker->low, up);
    big_set(&maker->high, 1);
    big_shift_left(&maker->high, up + uneven);
    maker->even = (mantissa & 1) == 0;
}

static void big_multiply_power_of_10(big *number, int power) {
    big_multiply_power_of_5(number, power);
    big_shift_left(number, power);
}

static bool below_high_end(const digit_maker *maker) {
    big sum = maker->rest;
    big_add(&sum, &maker->high);
    int order = big_compare(&sum, &maker->scale);
    return maker->even ? order < 0 : order <= 0;
}

static bool above_low_end(const digit_maker *maker) {
    int order = big_compare(&maker->rest, &maker->low);
    return maker->even ? order > 0 : order >= 0;
}

/* Scales so that the next digit is the first one, and returns its place. `top_bit` is floor(log2(value)). */
static int maker_scale(digit_maker *maker, int top_bit) {
    /* floor(top_bit * log10(2)) + 1, which is the place or one too small. */
    int product = top_bit * 78913;
    int point = (product >= 0 ? product >> 18 : -((-product + (1 << 18) - 1) >> 18)) + 1;
    if (point > 0) {
        big_multiply_power_of_10(&maker->scale, point);
    } else {
        big_multiply_power_of_10(&maker->rest, -point);
        big_multiply_power_of_10(&maker->low, -point);
        big_multiply_power_of_10(&maker->high, -point);
    }
    if (below_high_end(maker)) return point;
    big_multiply_add(&maker->scale, 10, 0);
    return point + 1;
}

static uint8_t next_digit(digit_maker *maker) {
    uint8_t digit = 0;
    big_multiply_add(&maker->rest, 10, 0);
    big_multiply_add(&maker->low, 10, 0);
    big_multiply_add(&maker->high, 10, 0);
    while (big_compare(&maker->rest, &maker->scale) >= 0) {
        big_subtract(&maker->rest, &maker->scale);
        digit++;
    }
    return digit;
}

/* The last digit goes up where that is the only way, or the nearer one. */
static bool rounds_up(const digit_maker *maker, bool low_done, bool high_done) {
    if (low_done != high_done) return high_done;
    big twice = maker->rest;
    big_shift_left(&twice, 1);
    return big_compare(&twice, &maker->scale) >= 0;
}

void json_shortest_digits(double value, json_digits *result) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & (((uint64_t)1 << FRACTION_BITS) - 1);
    int biased = (int)(bits >> FRACTION_BITS & 0x7FF);
    if (biased > 0) mantissa |= (uint64_t)1 << FRACTION_BITS;
    int exponent = MIN_EXPONENT + (biased > 0 ? biased - 1 : 0);

    digit_maker maker;
    maker_init(&maker, mantissa, exponent);
    result->point = maker_scale(&maker, exponent + bit_length(mantissa) - 1);
    result->count = 0;
    for (;;) {
        uint8_t digit = next_digit(&maker);
        bool low_done = !above_low_end(&maker), high_done = !below_high_end(&maker);
        bool done = low_done || high_done;
        if (done && rounds_up(&maker, low_done, high_done)) digit++;
        json_assert(result->count < JSON_DOUBLE_DIGITS && digit <= 9);
        result->digits[result->count++] = digit;
        if (done) return;
    }
}
