/* The steps of making a QR code, against the values that ISO/IEC 18004:2015 prints. */
#include "tests.h"

#include "qr.h"

static qr_status data_of(const char *text, int version, qr_level level, uint8_t *data) {
    return qr_data_codewords(text, strlen(text), version, level, false, data);
}

/* Annex I: "01234567" in version 1-M. */
static void digits_become_the_codewords_of_annex_i(void **state) {
    static const uint8_t expected[] = {0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, 0xEC, 0x11,
                                       0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11};
    static const uint8_t correction[] = {0xA5, 0x24, 0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55};
    uint8_t data[16], remainder[10];
    assert_int_equal(data_of("01234567", 1, QR_LEVEL_M, data), QR_OK);
    assert_memory_equal(data, expected, sizeof expected);
    qr_error_correction(data, sizeof data, sizeof remainder, remainder);
    assert_memory_equal(remainder, correction, sizeof correction);
}

/* 7.4.5: "AC-42" is 0010 000000101 00111001110 11100111001 000010. */
static void alphanumeric_text_becomes_the_bits_of_the_standard(void **state) {
    static const uint8_t expected[] = {0x20, 0x29, 0xCE, 0xE7, 0x21, 0x00, 0xEC, 0x11, 0xEC};
    uint8_t data[9];
    assert_int_equal(data_of("AC-42", 1, QR_LEVEL_H, data), QR_OK);
    assert_memory_equal(data, expected, sizeof expected);
}

/* Annex C: level M, mask 101 is 100000011001110. Table C.1 has all of them. */
static void format_information_is_that_of_annex_c(void **state) {
    assert_int_equal(qr_format_bits(QR_LEVEL_M, 5), 0x40CE);
    assert_int_equal(qr_format_bits(QR_LEVEL_M, 0), 0x5412);
    assert_int_equal(qr_format_bits(QR_LEVEL_M, 1), 0x5125);
    assert_int_equal(qr_format_bits(QR_LEVEL_L, 0), 0x77C4);
    assert_int_equal(qr_format_bits(QR_LEVEL_L, 7), 0x6976);
    assert_int_equal(qr_format_bits(QR_LEVEL_H, 0), 0x1689);
    assert_int_equal(qr_format_bits(QR_LEVEL_Q, 0), 0x355F);
    assert_int_equal(qr_format_bits(QR_LEVEL_Q, 7), 0x2BED);
}

/* Annex D: version 7 is 000111110010010100. Table D.1 has all of them. */
static void version_information_is_that_of_annex_d(void **state) {
    assert_int_equal(qr_version_bits(7), 0x07C94);
    assert_int_equal(qr_version_bits(8), 0x085BC);
    assert_int_equal(qr_version_bits(21), 0x15683);
    assert_int_equal(qr_version_bits(40), 0x28C69);
}

/* Table 7: how much fits. */
static void capacities_are_those_of_table_7(void **state) {
    const struct {
        int version;
        qr_level level;
        size_t digits, alphanumeric, bytes;
    } rows[] = {{1, QR_LEVEL_L, 41, 25, 17},        {1, QR_LEVEL_M, 34, 20, 14},
                {1, QR_LEVEL_Q, 27, 16, 11},        {1, QR_LEVEL_H, 17, 10, 7},
                {9, QR_LEVEL_L, 552, 335, 230},     {10, QR_LEVEL_L, 652, 395, 271},
                {10, QR_LEVEL_M, 513, 311, 213},    {10, QR_LEVEL_Q, 364, 221, 151},
                {10, QR_LEVEL_H, 288, 174, 119},    {27, QR_LEVEL_L, 3517, 2132, 1465},
                {40, QR_LEVEL_L, 7089, 4296, 2953}, {40, QR_LEVEL_M, 5596, 3391, 2331},
                {40, QR_LEVEL_Q, 3993, 2420, 1663}, {40, QR_LEVEL_H, 3057, 1852, 1273}};
    static char text[7200];
    static uint8_t data[QR_MAX_CODEWORDS];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct {
            char character;
            size_t most;
        } kinds[] = {{'7', rows[i].digits}, {'Z', rows[i].alphanumeric}, {'z', rows[i].bytes}};
        for (size_t j = 0; j < 3; j++) {
            memset(text, kinds[j].character, sizeof text);
            size_t most = kinds[j].most;
            assert_int_equal(qr_data_codewords(text, most, rows[i].version, rows[i].level, false, data),
                             QR_OK);
            assert_int_equal(qr_data_codewords(text, most + 1, rows[i].version, rows[i].level, false, data),
                             QR_TOO_LONG);
        }
    }
}

/* Digits in a numeric segment of their own save more than the second header costs: 20 digits take 67 bits instead
 * of 160. */
static void a_mixed_text_is_cut_where_that_saves_bits(void **state) {
    const char *text = "https://e.org/12345678901234567890";
    uint8_t data[QR_MAX_CODEWORDS];
    /* 4 + 8 + 14 * 8 bits and 4 + 10 + 67 bits are 205 of the 224 in version 2-M; 34 bytes would need 284. */
    assert_int_equal(data_of(text, 2, QR_LEVEL_M, data), QR_OK);
    assert_int_equal(data[0] >> 4, 4); /* bytes first */
}

static bool is_finder_at(const qr_code *code, int left, int top) {
    for (int y = 0; y < 7; y++) {
        for (int x = 0; x < 7; x++) {
            bool ring = x == 0 || y == 0 || x == 6 || y == 6;
            bool core = x >= 2 && x <= 4 && y >= 2 && y <= 4;
            if (code->dark[top + y][left + x] != (ring || core)) return false;
        }
    }
    return true;
}

/* Reads the format information back from beside the upper left finder pattern (7.9.1). */
static uint32_t read_format(const qr_code *code) {
    uint32_t bits = 0;
    for (int i = 0; i <= 5; i++) bits |= (uint32_t)code->dark[i][8] << i;
    bits |=
        (uint32_t)code->dark[7][8] << 6 | (uint32_t)code->dark[8][8] << 7 | (uint32_t)code->dark[8][7] << 8;
    for (int i = 9; i < 15; i++) bits |= (uint32_t)code->dark[8][14 - i] << i;
    return bits;
}

static void every_version_and_level_has_its_function_patterns(void **state) {
    static qr_code code;
    for (int version = 1; version <= 40; version++) {
        for (int level = 0; level < 4; level++) {
            qr_options options = {
                .level = (qr_level)level, .least_version = version, .mask = QR_MASK_AUTOMATIC};
            assert_int_equal(qr_encode("wplug", 5, &options, &code), QR_OK);
            assert_int_equal(code.version, version);
            assert_int_equal(code.size, 17 + 4 * version);
            assert_true(is_finder_at(&code, 0, 0));
            assert_true(is_finder_at(&code, code.size - 7, 0));
            assert_true(is_finder_at(&code, 0, code.size - 7));
            for (int i = 8; i < code.size - 8; i++) {
                assert_int_equal(code.dark[6][i], i % 2 == 0);
                assert_int_equal(code.dark[i][6], i % 2 == 0);
            }
            assert_int_equal(code.dark[code.size - 8][8], 1);
            assert_int_equal(read_format(&code), qr_format_bits(code.level, code.mask));
        }
    }
}

/* Takes a version 1 symbol apart again: unmasked modules in the order of 7.7.3 are the codewords. */
static void a_symbol_holds_the_codewords_of_annex_i(void **state) {
    static const uint8_t expected[] = {0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, 0xEC, 0x11, 0xEC,
                                       0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xA5, 0x24,
                                       0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55};
    static qr_code code;
    for (int mask = 0; mask < 2; mask++) {
        qr_options options = {.level = QR_LEVEL_M, .least_version = 1, .mask = mask};
        assert_int_equal(qr_encode("01234567", 8, &options, &code), QR_OK);
        uint8_t codewords[26] = {0};
        size_t bit = 0;
        bool up = true;
        for (int right = 20; right > 0; right -= right == 8 ? 3 : 2, up = !up) {
            for (int i = 0; i < 21; i++) {
                for (int x = right; x > right - 2; x--) {
                    int y = up ? 20 - i : i;
                    bool function =
                        (x < 9 && y < 9) || (x > 12 && y < 9) || (x < 9 && y > 12) || x == 6 || y == 6;
                    if (function) continue;
                    bool inverted = mask == 0 ? (x + y) % 2 == 0 : y % 2 == 0;
                    if (code.dark[y][x] != inverted) codewords[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
                    bit++;
                }
            }
        }
        assert_int_equal(bit, sizeof codewords * 8);
        assert_memory_equal(codewords, expected, sizeof expected);
    }
}

static void a_longer_text_gets_a_larger_symbol_and_too_long_a_text_none(void **state) {
    static char text[3000];
    static qr_code code;
    memset(text, 'a', sizeof text);
    qr_options options = {.level = QR_LEVEL_L, .least_version = 1, .mask = 0};
    assert_int_equal(qr_encode(text, 17, &options, &code), QR_OK);
    assert_int_equal(code.version, 1);
    assert_int_equal(qr_encode(text, 18, &options, &code), QR_OK);
    assert_int_equal(code.version, 2);
    assert_int_equal(qr_encode(text, 2953, &options, &code), QR_OK);
    assert_int_equal(code.version, 40);
    assert_int_equal(qr_encode(text, 2954, &options, &code), QR_TOO_LONG);
}

/* Table 7: version 1 takes 14 bytes at level M, 11 at Q, 7 at H. */
static void the_level_is_raised_where_that_costs_nothing(void **state) {
    static qr_code code;
    qr_options options = {.level = QR_LEVEL_M, .raise_level = true, .least_version = 1, .mask = 0};
    assert_int_equal(qr_encode("abcdefg", 7, &options, &code), QR_OK);
    assert_int_equal(code.level, QR_LEVEL_H);
    assert_int_equal(qr_encode("abcdefghijk", 11, &options, &code), QR_OK);
    assert_int_equal(code.level, QR_LEVEL_Q);
    assert_int_equal(qr_encode("abcdefghijklmn", 14, &options, &code), QR_OK);
    assert_int_equal(code.level, QR_LEVEL_M);
    options.raise_level = false;
    assert_int_equal(qr_encode("abcdefg", 7, &options, &code), QR_OK);
    assert_int_equal(code.level, QR_LEVEL_M);
}

/* 7.4.2.2: mode 0111 and the assignment number 26 in eight bits. */
static void utf8_is_declared_where_asked_for(void **state) {
    uint8_t data[34];
    assert_int_equal(qr_data_codewords("\u00e9", 2, 1, QR_LEVEL_L, true, data), QR_OK);
    assert_int_equal(data[0], 0x71);
    assert_int_equal(data[1], 0xA4); /* 1010 of 26, then byte mode */
}

static void running_out_of_memory_anywhere_is_reported(void **state) {
    static qr_code code;
    qr_options options = {.level = QR_LEVEL_M, .raise_level = true, .least_version = 1, .mask = 0};
    for (size_t allowed = 0;; allowed++) {
        memory_fail_one_after(allowed);
        qr_status status = qr_encode("wplug", 5, &options, &code);
        if (!memory_stop_failing()) {
            assert_int_equal(status, QR_OK);
            assert_true(allowed > 2);
            return;
        }
        assert_int_equal(status, QR_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_become_the_codewords_of_annex_i),
        cmocka_unit_test(alphanumeric_text_becomes_the_bits_of_the_standard),
        cmocka_unit_test(format_information_is_that_of_annex_c),
        cmocka_unit_test(version_information_is_that_of_annex_d),
        cmocka_unit_test(capacities_are_those_of_table_7),
        cmocka_unit_test(a_mixed_text_is_cut_where_that_saves_bits),
        cmocka_unit_test(every_version_and_level_has_its_function_patterns),
        cmocka_unit_test(a_symbol_holds_the_codewords_of_annex_i),
        cmocka_unit_test(a_longer_text_gets_a_larger_symbol_and_too_long_a_text_none),
        cmocka_unit_test(the_level_is_raised_where_that_costs_nothing),
        cmocka_unit_test(utf8_is_declared_where_asked_for),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
