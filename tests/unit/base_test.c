/* The ground floor: messages, allocation, buffers, and the operating system's door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/os.h"
#include "system.h"
#include "unit/test_heap.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Messages ---- */

BASE_PRINTF(1, 2) static void assert_formats_as_printf(const char *format, ...) {
    char expected[300];
    base_error error;
    va_list first, second;
    va_start(first, format);
    va_copy(second, first);
    vsnprintf(expected, sizeof expected, format, first);
    base_fail_va(&error, BASE_IO, format, second);
    va_end(second);
    va_end(first);
    assert_string_equal(error.message, expected);
}

static void messages_are_formatted_as_printf_does(void **state) {
    (void)state;
    assert_formats_as_printf("plain, 100%%");
    assert_formats_as_printf("%d %i %d %d", 0, -1, INT_MAX, INT_MIN);
    assert_formats_as_printf("%u %x %X %o", UINT_MAX, 0xbeefu, 0xBEEFu, 8u);
    assert_formats_as_printf("%ld %lu %lx", LONG_MIN, ULONG_MAX, 0x123ul);
    assert_formats_as_printf("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, 0x123456789abcdefull);
    assert_formats_as_printf("%zu %zx %zd %td", SIZE_MAX, (size_t)255, (ptrdiff_t)-3, (ptrdiff_t)-4);
    assert_formats_as_printf("%" PRIu64 " %" PRId64 " %" PRIx64 " %" PRIu32, UINT64_MAX, INT64_MIN,
                             UINT64_MAX, 7u);
    assert_formats_as_printf("%jd %ju", INTMAX_MIN, UINTMAX_MAX);
    assert_formats_as_printf("%hhu %hd %hhd", (unsigned char)200, (short)-5, (signed char)-6);
    assert_formats_as_printf("[%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%-8.3d]", 42, 42, -42, 42, 42,
                             7, 7, 7);
    assert_formats_as_printf("[%08x] [%#x] [%#010x] [%2x]", 0xabcu, 0xabcu, 0xabcu, 0xabcu);
    assert_formats_as_printf("[%.0d] [%.0d] [%*d] [%-*d] [%*d]", 0, 5, 6, 1, 6, 2, -6, 3);
    assert_formats_as_printf("[%s] [%.2s] [%10s] [%-10s] [%10.1s] [%.*s] [%.*s]", "abc", "abc", "abc", "abc",
                             "abc", 1, "abc", -1, "abc");
    assert_formats_as_printf("[%c] [%3c] [%-3c]", 'x', 'y', 'z');
}

static void a_message_may_hold_text_that_is_not_terminated(void **state) {
    (void)state;
    base_error error;
    const char text[3] = {'a', 'b', 'c'};
    base_fail(&error, BASE_IO, "%.*s", 3, text);
    assert_string_equal(error.message, "abc");
}

static void a_null_string_does_no_harm(void **state) {
    (void)state;
    base_error error;
    const char *volatile none = NULL;
    base_fail(&error, BASE_IO, "<%s>", none);
    assert_string_equal(error.message, "<(null)>");
}

/* Hidden from the compiler's format check, which would rightly complain. */
static base_status fail_unchecked(base_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_status status = base_fail_va(error, BASE_IO, format, arguments);
    va_end(arguments);
    return status;
}

static void an_unknown_conversion_shows_the_format_and_reads_no_argument(void **state) {
    (void)state;
    base_error error;
    fail_unchecked(&error, "%d then %f and %s", 5);
    assert_string_equal(error.message, "5 then %f and %s");
    fail_unchecked(&error, "cut %");
    assert_string_equal(error.message, "cut %");
}

static void failing_returns_the_status_and_needs_no_error(void **state) {
    (void)state;
    base_error error;
    assert_int_equal(base_fail(&error, BASE_LIMIT, "%d", 1), BASE_LIMIT);
    assert_int_equal(error.status, BASE_LIMIT);
    assert_int_equal(base_fail(NULL, BASE_IO, "%d", 1), BASE_IO);
    assert_int_equal(base_fail_no_memory(NULL), BASE_NO_MEMORY);
    assert_int_equal(base_fail_no_memory(&error), BASE_NO_MEMORY);
    assert_int_equal(error.status, BASE_NO_MEMORY);
    assert_true(strlen(error.message) > 0);
}

static void a_message_that_fits_exactly_is_whole(void **state) {
    (void)state;
    base_error error;
    char text[sizeof error.message];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    base_fail(&error, BASE_IO, "%s", text);
    assert_string_equal(error.message, text);
}

static void a_long_message_is_cut_and_ends_in_dots(void **state) {
    (void)state;
    base_error error;
    char text[600];
    memset(text, 'x', sizeof text);
    text[sizeof error.message] = '\0'; /* one more than fits */
    base_fail(&error, BASE_IO, "%s", text);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_string_equal(error.message + sizeof error.message - 5, "x...");
}

static void a_message_is_not_cut_inside_a_character(void **state) {
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        base_error error;
        char text[700] = "abc";
        size_t size = (size_t)shift;
        while (size < 600) {
            memcpy(text + size, "\xF0\x9F\x98\x80", 4);
            size += 4;
        }
        text[size] = '\0';
        base_fail(&error, BASE_IO, "%s", text);
        size_t cut = strlen(error.message) - 3;
        assert_string_equal(error.message + cut, "...");
        assert_int_equal((cut - (size_t)shift) % 4, 0);
        assert_memory_equal(error.message, text, cut);
        assert_true(cut > sizeof error.message - 10);
    }
}

static void a_message_can_wrap_itself(void **state) {
    (void)state;
    base_error error;
    base_fail(&error, BASE_IO, "inner");
    base_fail(&error, BASE_LIMIT, "outer (%s)", error.message);
    assert_string_equal(error.message, "outer (inner)");
}

/* ---- Allocation ---- */

static void an_empty_block_has_an_address_and_can_be_freed(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    void *a = base_alloc(&heap.allocator, 0), *b = base_alloc_zeroed(&heap.allocator, 0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    a = base_resize(&heap.allocator, a, 0, 10);
    assert_non_null(a);
    base_free(&heap.allocator, a, 10);
    base_free(&heap.allocator, b, 0);
    base_free(&heap.allocator, NULL, 0);
    assert_true(test_heap_clean(&heap));
}

static void zeroed_memory_is_zero_with_every_allocator(void **state) {
    (void)state;
    static const uint8_t zeros[40] = {0};
    test_heap heap;
    test_heap_init(&heap);
    const base_allocator *allocators[] = {NULL, base_default_allocator(), &heap.allocator};
    for (size_t i = 0; i < 3; i++) {
        void *block = base_alloc_zeroed(allocators[i], 5, 8);
        assert_memory_equal(block, zeros, sizeof zeros);
        base_free(allocators[i], block, 40);
        block = base_alloc_zeroed(allocators[i], 1 << 20, 1);
        for (int at = 0; at < 1 << 20; at++) assert_int_equal(((uint8_t *)block)[at], 0);
        base_free(allocators[i], block, 1 << 20);
    }
    assert_true(test_heap_clean(&heap));
}

static void a_count_that_overflows_is_a_failed_allocation(void **state) {
    (void)state;
    assert_null(base_alloc_zeroed(NULL, SIZE_MAX / 2, 3));
    assert_null(base_alloc_zeroed(NULL, 3, SIZE_MAX / 2));
}

static void resizing_to_nothing_frees(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    void *block = base_resize(&heap.allocator, NULL, 0, 12);
    assert_non_null(block);
    assert_null(base_resize(&heap.allocator, block, 12, 0));
    assert_null(base_resize(&heap.allocator, NULL, 0, 0));
    assert_true(test_heap_clean(&heap));
}

static void blocks_apart_share_no_line_and_work_like_others(void **state) {
    (void)state;
#if defined(WPLUG_THREADS) && !WPLUG_THREADS
    enum { LINE = 0 }; /* nobody to be apart from */
#else
    enum { LINE = 64 };
#endif
    test_heap heap;
    test_heap_init(&heap);
    const base_allocator apart = base_apart(&heap.allocator);
    uint8_t *block = base_alloc(&apart, 100);
    assert_non_null(block);
    assert_true(heap.bytes >= 100 + 2 * LINE);
    assert_int_equal((uintptr_t)block % _Alignof(max_align_t), 0);
    memset(block, 7, 100);
    block = base_resize(&apart, block, 100, 5000);
    for (int i = 0; i < 100; i++) assert_int_equal(block[i], 7);
    heap.fail_at = heap.requests + 1;
    assert_null(base_resize(&apart, block, 5000, 6000));
    assert_int_equal(block[99], 7);
    assert_null(base_resize(&apart, NULL, 0, SIZE_MAX - 1));
    base_free(&apart, block, 5000);
    assert_true(test_heap_clean(&heap));
    const base_allocator standard = base_apart(NULL);
    block = base_alloc_zeroed(&standard, 3, 3);
    for (int i = 0; i < 9; i++) assert_int_equal(block[i], 0);
    base_free(&standard, block, 9);
}

/* ---- Spans and buffers ---- */

static void spans_compare_by_their_bytes(void **state) {
    (void)state;
    base_bytes none = base_bytes_from_text(NULL);
    assert_int_equal(none.size, 0);
    assert_true(base_bytes_equal(none, BASE_LITERAL("")));
    assert_true(base_bytes_equal(BASE_LITERAL("a\0b"), BASE_LITERAL("a\0b")));
    assert_false(base_bytes_equal(BASE_LITERAL("a\0b"), BASE_LITERAL("a\0c")));
    assert_false(base_bytes_equal(BASE_LITERAL("a"), BASE_LITERAL("ab")));
    assert_true(base_bytes_equal_text(BASE_LITERAL("ab"), "ab"));
    assert_false(base_bytes_equal_text(BASE_LITERAL("ab"), "abc"));
    assert_true(base_bytes_equal_text(none, NULL));
}

static void assert_holds(const base_buffer *buffer, const char *text) {
    assert_int_equal(buffer->size, strlen(text));
    assert_memory_equal(buffer->data, text, buffer->size);
}

static void a_buffer_grows_as_it_is_appended_to(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    base_buffer buffer;
    base_buffer_init(&buffer, &heap.allocator);
    assert_int_equal(base_buffer_bytes(&buffer).size, 0);
    for (int i = 0; i < 1000; i++) assert_int_equal(base_buffer_append(&buffer, "0123456789", 10), BASE_OK);
    assert_int_equal(buffer.size, 10000);
    for (size_t i = 0; i < buffer.size; i++) assert_int_equal(buffer.data[i], '0' + i % 10);
    assert_true(heap.requests < 20); /* doubling, not one growth an append */
    base_buffer_free(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(base_buffer_append(&buffer, "again", 5), BASE_OK);
    assert_holds(&buffer, "again");
    base_buffer_free(&buffer);
    assert_true(test_heap_clean(&heap));
}

static void a_buffer_takes_text_bytes_and_formats(void **state) {
    (void)state;
    base_buffer buffer = {0};
    assert_int_equal(base_buffer_append(&buffer, NULL, 0), BASE_OK);
    assert_int_equal(base_buffer_append_text(&buffer, NULL), BASE_OK);
    assert_int_equal(base_buffer_append_text(&buffer, "one "), BASE_OK);
    assert_int_equal(base_buffer_append_byte(&buffer, '2'), BASE_OK);
    assert_int_equal(base_buffer_appendf(&buffer, " %s%5d|%s", "three", 4, ""), BASE_OK);
    assert_int_equal(base_buffer_appendf(&buffer, "%s", ""), BASE_OK);
    assert_holds(&buffer, "one 2 three    4|");
    base_buffer_free(&buffer);
}

static void a_formatted_append_has_no_limit(void **state) {
    (void)state;
    base_buffer buffer = {0};
    assert_int_equal(base_buffer_appendf(&buffer, "%5000d", 1), BASE_OK);
    assert_int_equal(buffer.size, 5000);
    assert_int_equal(buffer.data[4998], ' ');
    assert_int_equal(buffer.data[4999], '1');
    base_buffer_free(&buffer);
}

static void a_failed_append_changes_nothing(void **state) {
    (void)state;
    test_heap heap;
    test_heap_init(&heap);
    base_buffer buffer;
    base_buffer_init(&buffer, &heap.allocator);
    assert_int_equal(base_buffer_append_text(&buffer, "kept"), BASE_OK);
    heap.fail_at = heap.requests + 1;
    heap.fail_on = true;
    char large[1000];
    memset(large, 'x', sizeof large);
    assert_int_equal(base_buffer_append(&buffer, large, sizeof large), BASE_NO_MEMORY);
    assert_int_equal(base_buffer_appendf(&buffer, "%1000d", 1), BASE_NO_MEMORY);
    assert_int_equal(base_buffer_reserve(&buffer, SIZE_MAX), BASE_NO_MEMORY);
    assert_int_equal(base_buffer_reserve(&buffer, SIZE_MAX - 4), BASE_NO_MEMORY);
    assert_holds(&buffer, "kept");
    base_buffer_free(&buffer);
    assert_true(test_heap_clean(&heap));
}

static void consuming_drops_bytes_from_the_front(void **state) {
    (void)state;
    base_buffer buffer = {0};
    base_buffer_append_text(&buffer, "abcdef");
    base_buffer_consume(&buffer, 0);
    assert_holds(&buffer, "abcdef");
    base_buffer_consume(&buffer, 2);
    assert_holds(&buffer, "cdef");
    base_buffer_consume(&buffer, 100);
    assert_int_equal(buffer.size, 0);
    base_buffer_free(&buffer);
}

/* ---- The operating system ---- */

static void the_monotonic_clock_never_goes_back(void **state) {
    (void)state;
    uint64_t last = os_monotonic_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = os_monotonic_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void the_real_clock_is_in_this_century(void **state) {
    (void)state;
    uint64_t seconds = os_realtime_ns() / 1000000000;
    assert_true(seconds > 1700000000); /* November 2023 */
    assert_true(seconds < 4102444800); /* the year 2100 */
}

static void sleeping_until_the_past_returns_at_once_and_a_deadline_is_reached(void **state) {
    (void)state;
    os_sleep_until(0);
    uint64_t deadline = os_monotonic_ns() + 2000000;
    while (os_monotonic_ns() < deadline) os_sleep_until(deadline);
    assert_true(os_monotonic_ns() >= deadline);
}

static void randomness_fills_everything_and_differs(void **state) {
    (void)state;
    uint8_t first[1000] = {0}, second[1000] = {0};
    assert_int_equal(os_random(first, sizeof first), BASE_OK);
    assert_int_equal(os_random(second, sizeof second), BASE_OK);
    assert_memory_not_equal(first, second, sizeof first);
    /* Each part of it was written: 16 zero bytes in a row come up once in 2^128. */
    static const uint8_t zeros[16] = {0};
    for (size_t i = 0; i + 16 <= sizeof first; i += 8) assert_memory_not_equal(first + i, zeros, 16);
    assert_int_equal(os_random(first, 0), BASE_OK);
}

static void assert_zero(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0) fail_msg("byte %zu is not zero", i);
}

static void pages_are_zero_and_keep_their_bytes_when_resized(void **state) {
    (void)state;
    size_t page = system_page_size();
    uint8_t *pages = os_pages_alloc(3 * page);
    assert_non_null(pages);
    assert_int_equal((uintptr_t)pages % page, 0);
    assert_zero(pages, 3 * page);
    memset(pages, 7, 3 * page);
    pages = os_pages_resize(pages, 3 * page, 50 * page);
    assert_non_null(pages);
    for (size_t i = 0; i < 3 * page; i++) assert_int_equal(pages[i], 7);
    assert_zero(pages + 3 * page, 47 * page);
    os_pages_free(pages, 50 * page);
    os_pages_free(NULL, page);
}

static void pages_that_shrink_and_grow_again_come_back_zero(void **state) {
    (void)state;
    size_t page = system_page_size();
    uint8_t *pages = os_pages_alloc(2 * page);
    memset(pages, 7, 2 * page);
    pages = os_pages_resize(pages, 2 * page, 100);
    pages = os_pages_resize(pages, 100, 50);
    pages = os_pages_resize(pages, 50, 2 * page);
    for (size_t i = 0; i < 50; i++) assert_int_equal(pages[i], 7);
    assert_zero(pages + 50, 2 * page - 50);
    os_pages_free(pages, 2 * page);
}

static void a_block_of_no_pages_can_grow(void **state) {
    (void)state;
    uint8_t *pages = os_pages_alloc(0);
    assert_non_null(pages);
    pages = os_pages_resize(pages, 0, 10);
    assert_non_null(pages);
    pages[9] = 1;
    os_pages_free(pages, 10);
}

static void impossible_page_sizes_fail_and_leave_the_block(void **state) {
    (void)state;
    assert_null(os_pages_alloc(SIZE_MAX));
    assert_null(os_pages_alloc(SIZE_MAX / 2));
    uint8_t *pages = os_pages_alloc(10);
    pages[0] = 1;
    assert_null(os_pages_resize(pages, 10, SIZE_MAX));
    assert_null(os_pages_resize(pages, 10, SIZE_MAX / 2));
    assert_int_equal(pages[0], 1);
    os_pages_free(pages, 10);
}

static void make_file(char *path, size_t size) {
    strcpy(path, "wplug-base-test-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (size_t i = 0; i < size; i++) assert_int_equal(write(file, &"0123456789"[i % 10], 1), 1);
    close(file);
}

static void a_file_is_appended_whole(void **state) {
    (void)state;
    char path[40];
    base_error error;
    base_buffer buffer = {0};
    make_file(path, 1000);
    base_buffer_append_text(&buffer, "before ");
    assert_int_equal(os_read_file(path, 1000, &buffer, &error), BASE_OK);
    assert_int_equal(buffer.size, 1007);
    assert_memory_equal(buffer.data, "before 0123", 11);
    assert_int_equal(buffer.data[1006], '9');
    unlink(path);
    base_buffer_free(&buffer);
}

static void an_empty_file_is_no_bytes(void **state) {
    (void)state;
    char path[40];
    base_error error;
    base_buffer buffer = {0};
    make_file(path, 0);
    assert_int_equal(os_read_file(path, 0, &buffer, &error), BASE_OK);
    assert_int_equal(buffer.size, 0);
    unlink(path);
    base_buffer_free(&buffer);
}

static void assert_cannot_read(const char *path, size_t max_size, base_status status) {
    base_error error;
    base_buffer buffer = {0};
    base_buffer_append_text(&buffer, "kept");
    assert_int_equal(os_read_file(path, max_size, &buffer, &error), status);
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.message, path));
    assert_holds(&buffer, "kept");
    base_buffer_free(&buffer);
}

static void a_file_that_cannot_be_read_is_an_error_that_names_it(void **state) {
    (void)state;
    char path[40];
    assert_cannot_read("/nonexistent/file", SIZE_MAX, BASE_NOT_FOUND);
    assert_cannot_read(".", SIZE_MAX, BASE_IO);
    make_file(path, 11);
    assert_cannot_read(path, 10, BASE_LIMIT);
#if !defined(_WIN32)
    assert_cannot_read("/dev/zero", 100000,
                       BASE_LIMIT); /* has no size, and no end; Windows has none of the kind */
#endif
    unlink(path);
}

static void reading_a_file_without_memory_fails_cleanly(void **state) {
    (void)state;
    char path[40];
    make_file(path, 1000);
    test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = 1;
    base_error error;
    base_buffer buffer;
    base_buffer_init(&buffer, &heap.allocator);
    assert_int_equal(os_read_file(path, 1000, &buffer, &error), BASE_NO_MEMORY);
    assert_int_equal(buffer.size, 0);
    base_buffer_free(&buffer);
    assert_true(test_heap_clean(&heap));
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_formatted_as_printf_does),
        cmocka_unit_test(a_message_may_hold_text_that_is_not_terminated),
        cmocka_unit_test(a_null_string_does_no_harm),
        cmocka_unit_test(an_unknown_conversion_shows_the_format_and_reads_no_argument),
        cmocka_unit_test(failing_returns_the_status_and_needs_no_error),
        cmocka_unit_test(a_message_that_fits_exactly_is_whole),
        cmocka_unit_test(a_long_message_is_cut_and_ends_in_dots),
        cmocka_unit_test(a_message_is_not_cut_inside_a_character),
        cmocka_unit_test(a_message_can_wrap_itself),
        cmocka_unit_test(an_empty_block_has_an_address_and_can_be_freed),
        cmocka_unit_test(zeroed_memory_is_zero_with_every_allocator),
        cmocka_unit_test(a_count_that_overflows_is_a_failed_allocation),
        cmocka_unit_test(blocks_apart_share_no_line_and_work_like_others),
        cmocka_unit_test(resizing_to_nothing_frees),
        cmocka_unit_test(spans_compare_by_their_bytes),
        cmocka_unit_test(a_buffer_grows_as_it_is_appended_to),
        cmocka_unit_test(a_buffer_takes_text_bytes_and_formats),
        cmocka_unit_test(a_formatted_append_has_no_limit),
        cmocka_unit_test(a_failed_append_changes_nothing),
        cmocka_unit_test(consuming_drops_bytes_from_the_front),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_real_clock_is_in_this_century),
        cmocka_unit_test(sleeping_until_the_past_returns_at_once_and_a_deadline_is_reached),
        cmocka_unit_test(randomness_fills_everything_and_differs),
        cmocka_unit_test(pages_are_zero_and_keep_their_bytes_when_resized),
        cmocka_unit_test(pages_that_shrink_and_grow_again_come_back_zero),
        cmocka_unit_test(a_block_of_no_pages_can_grow),
        cmocka_unit_test(impossible_page_sizes_fail_and_leave_the_block),
        cmocka_unit_test(a_file_is_appended_whole),
        cmocka_unit_test(an_empty_file_is_no_bytes),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_that_names_it),
        cmocka_unit_test(reading_a_file_without_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
