/* Numbers with units, as people write them on a command line. Each parser takes the whole text or refuses it.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_parse_u64(const char *text, uint64_t *out) {
    /* strtoull takes signs and spaces, which no number here has. */
    if (text[0] < '0' || text[0] > '9') return false;
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, is_hex ? 16 : 10);
    if (errno != 0 || *end != 0) return false;
    *out = value;
    return true;
}

/* Digits and perhaps one of K, M, G, each `step` times the one before. */
static bool parse_scaled(const char *text, uint64_t step, uint64_t *out) {
    if (strcmp(text, "none") == 0) {
        *out = WPLUG_UNLIMITED;
        return true;
    }
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (at == text) return false;
    if (*at != 0) {
        static const char units[] = "KMG";
        const char *unit = strchr(units, *at);
        if (unit == NULL || at[1] != 0) return false;
        for (const char *power = units; power <= unit; power++) {
            if (value > UINT64_MAX / step) return false;
            value *= step;
        }
    }
    *out = value;
    return value != 0;
}

bool cli_parse_count(const char *text, uint64_t *out) {
    return parse_scaled(text, 1000, out);
}

bool cli_parse_bytes(const char *text, uint64_t *out) {
    return parse_scaled(text, 1024, out);
}

bool cli_parse_duration(const char *text, uint64_t *out) {
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    if (strcmp(text, "none") == 0) {
        *out = WPLUG_UNLIMITED;
        return true;
    }
    /* strtod also reads "inf", "nan", signs, spaces and hexadecimal. */
    size_t digits = strspn(text, "0123456789.");
    char *end;
    double value = strtod(text, &end);
    if (digits == 0 || end != text + digits) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0) continue;
        double ns = ceil(value * units[i].ns);
        if (!(ns >= 1 && ns < 18e18)) return false;
        *out = (uint64_t)ns;
        return true;
    }
    return false;
}
