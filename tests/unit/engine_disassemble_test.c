/* Code as text. Expected lines are those of the text format (core, chapter 6), with the numbers that the
 * bytes of the tests encode; the layout around them is what wplug.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/loader.h"
#include "engine/opcodes.h"
#include "test_heap.h"

#include <math.h>
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define BYTES(...)      ((base_bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})
#define TEXT(text)      BASE_LITERAL(text)

enum { I32 = 0x7F, I64 = 0x7E, FUNCREF = 0x70 };

/* ---- Modules and lines ----------------------------------------------------------------------------------- */

static void put(base_buffer *out, base_bytes bytes) {
    assert_int_equal(base_buffer_append(out, bytes.data, bytes.size), BASE_OK);
}

static void put_u32(base_buffer *out, uint32_t value) {
    for (; value >= 0x80; value >>= 7) put(out, BYTES((uint8_t)(value | 0x80)));
    put(out, BYTES((uint8_t)value));
}

static void put_sized(base_buffer *out, base_bytes bytes) {
    put_u32(out, (uint32_t)bytes.size);
    put(out, bytes);
}

/*     (type $0 (func))  (type $1 (func (param i32) (result i64)))  (type $2 (func (param 40 * i64)))
 *     (import "env" "f" (func (type 1)))
 *
 * and function 1 of type `type` with `body`, exported as "run" and "again\n" and named `name` in the name
 * section unless that is empty. The body's first byte is at *body_at. */
static void build(base_buffer *out, uint8_t type, base_bytes body, base_bytes name, uint32_t *body_at) {
    base_buffer part = {0};
    put(out, BYTES(0, 'a', 's', 'm', 1, 0, 0, 0));
    put(&part, BYTES(3, 0x60, 0, 0, 0x60, 1, I32, 1, I64, 0x60, 40));
    for (int i = 0; i < 40; i++) put(&part, BYTES(I64));
    put(&part, BYTES(0));
    put(out, BYTES(1));
    put_sized(out, base_buffer_bytes(&part));
    put(out, BYTES(2, 9, 1, 3, 'e', 'n', 'v', 1, 'f', 0, 1));
    put(out, BYTES(3, 2, 1, type));
    put(out, BYTES(7, 16, 2, 3, 'r', 'u', 'n', 0, 1, 6, 'a', 'g', 'a', 'i', 'n', '\n', 0, 1));
    part.size = 0;
    put(&part, BYTES(1));
    put_sized(&part, body);
    put(out, BYTES(10));
    put_sized(out, base_buffer_bytes(&part));
    *body_at = (uint32_t)(out->size - body.size);
    if (name.size > 0) {
        base_buffer names = {0}, section = {0};
        put(&names, BYTES(1, 1));
        put_sized(&names, name);
        put(&section, BYTES(4, 'n', 'a', 'm', 'e', 1));
        put_sized(&section, base_buffer_bytes(&names));
        put(out, BYTES(0));
        put_sized(out, base_buffer_bytes(&section));
        base_buffer_free(&names);
        base_buffer_free(&section);
    }
    base_buffer_free(&part);
}

typedef struct lines {
    base_buffer text;
    size_t count;
    size_t stop_after; /* this many lines; 0: never */
} lines;

static bool keep_line(void *user, base_bytes line) {
    lines *self = user;
    assert_true(line.size == 0 || memchr(line.data, '\n', line.size) == NULL);
    put(&self->text, line);
    put(&self->text, TEXT("\n"));
    return ++self->count != self->stop_after;
}

static base_status disassemble_with(const base_allocator *allocator, const engine_module *module,
                                    uint32_t function, lines *out) {
    engine_disassembler *disassembler;
    base_status status = engine_disassembler_new(allocator, module, keep_line, out, &disassembler);
    if (status == BASE_OK) status = engine_disassemble(disassembler, function);
    engine_disassembler_free(disassembler);
    return status;
}

static engine_module *load(const base_buffer *bytes) {
    engine_module *module = NULL;
    base_error error = {0};
    if (engine_module_load_unchecked(NULL, base_buffer_bytes(bytes), &module, &error) != BASE_OK)
        fail_msg("refused: %s", error.message);
    return module;
}

/* Everything about one function, which the caller frees. */
static char *listing(uint32_t function, uint8_t type, base_bytes body, base_bytes name, uint32_t *body_at) {
    base_buffer bytes = {0};
    lines out = {0};
    build(&bytes, type, body, name, body_at);
    engine_module *module = load(&bytes);
    assert_int_equal(disassemble_with(NULL, module, function, &out), BASE_OK);
    engine_module_release(module);
    base_buffer_free(&bytes);
    put(&out.text, BYTES(0));
    return (char *)out.text.data;
}

/* The lines of a body's instructions, without their offsets: "block\n  nop\nend\n". The body's locals are
 * left out of `code`. */
static void assert_code(base_bytes code, const char *expected) {
    base_buffer body = {0}, found = {0};
    uint32_t body_at;
    put(&body, BYTES(0));
    put(&body, code);
    char *all = listing(1, 0, base_buffer_bytes(&body), TEXT("main"), &body_at);
    for (char *line = strtok(all, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "  0x", 4) != 0) continue;
        assert_true(strlen(line) >= 12);
        put(&found, base_bytes_from_text(line + 12));
        put(&found, TEXT("\n"));
    }
    put(&found, BYTES(0));
    assert_string_equal((const char *)found.data, expected);
    free(all);
    base_buffer_free(&body);
    base_buffer_free(&found);
}

/* ---- Every instruction ----------------------------------------------------------------------------------- */

/* Immediates as bytes and as text. Indices of two bytes show that LEB128 is read; two different ones show the
 * order, which is not the binary format's where a segment comes before its table or memory. */
static const struct {
    uint8_t size, bytes[20];
    const char *text;
} immediates[] = {
    [ENGINE_IMM_NONE] = {0, {0}, ""},
    [ENGINE_IMM_BLOCK] = {1, {I64}, " (result i64)"},
    [ENGINE_IMM_LABEL] = {2, {0x83, 1}, " 131"},
    [ENGINE_IMM_LABEL_TABLE] = {5, {2, 7, 0x80, 1, 5}, " 7 128 5"},
    [ENGINE_IMM_FUNC] = {1, {1}, " 1  ;; $main"},
    [ENGINE_IMM_CALL_INDIRECT] = {2, {1, 3}, " 3 (type 1)  ;; (param i32) (result i64)"},
    [ENGINE_IMM_TYPE] = {1, {1}, " 1  ;; (param i32) (result i64)"},
    [ENGINE_IMM_SELECT] = {2, {1, FUNCREF}, " (result funcref)"},
    [ENGINE_IMM_LOCAL] = {2, {0x80, 2}, " 256"},
    [ENGINE_IMM_GLOBAL] = {1, {9}, " 9"},
    [ENGINE_IMM_TABLE] = {1, {0}, " 0"},
    [ENGINE_IMM_TABLE_TABLE] = {2, {1, 2}, " 1 2"},
    [ENGINE_IMM_ELEM_TABLE] = {2, {4, 5}, " 5 4"},
    [ENGINE_IMM_ELEM] = {1, {6}, " 6"},
    [ENGINE_IMM_MEMARG] = {4, {0x40, 3, 0xAC, 2}, " 3 offset=300"},
    [ENGINE_IMM_MEMARG_LANE] = {5, {0x40, 3, 0xAC, 2, 1}, " 3 offset=300"},
    [ENGINE_IMM_MEMORY] = {1, {2}, " 2"},
    [ENGINE_IMM_MEMORY_MEMORY] = {2, {1, 2}, " 1 2"},
    [ENGINE_IMM_DATA_MEMORY] = {2, {4, 5}, " 5 4"},
    [ENGINE_IMM_DATA] = {1, {8}, " 8"},
    [ENGINE_IMM_I32] = {5, {0x80, 0x80, 0x80, 0x80, 0x78}, " -2147483648"},
    [ENGINE_IMM_I64] = {10,
                        {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7F},
                        " -9223372036854775808"},
    [ENGINE_IMM_F32] = {4, {0, 0, 0xC0, 0x3F}, " 1.5"},
    [ENGINE_IMM_F64] = {8, {0, 0, 0, 0, 0, 0, 4, 0xC0}, " -2.5"},
    [ENGINE_IMM_V128] = {16,
                         {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF},
                         " i32x4 0x03020100 0x07060504 0x0b0a0908 0xff0e0d0c"},
    [ENGINE_IMM_SHUFFLE] = {16,
                            {31, 30, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0},
                            " 31 30 2 3 4 5 6 7 8 9 10 11 12 13 14 0"},
    [ENGINE_IMM_LANE] = {1, {1}, " 1"},
    [ENGINE_IMM_HEAP_TYPE] = {1, {0x6F}, " extern"},
    [ENGINE_IMM_TAG] = {1, {3}, " 3"},
    [ENGINE_IMM_TRY_TABLE] = {11,
                              {0x40, 4, 0, 3, 1, 1, 4, 2, 2, 5, 3},
                              " (catch 3 1) (catch_ref 4 2) (catch_all 5)"},
};

static void put_op(base_buffer *out, uint32_t op) {
    if (op < 0x100) {
        put(out, BYTES((uint8_t)op));
    } else {
        put(out, BYTES(op < 0x200 ? 0xFC : 0xFD));
        put_u32(out, op < 0x200 ? op - 0x100 : op - 0x200);
    }
}

static void every_instruction_is_written_with_its_immediates(void **state) {
    unsigned count = 0;
    for (uint32_t op = 0; op < ENGINE_OP_LIMIT; op++) {
        const engine_op_info *info = engine_op_get(op);
        if (info->name == NULL) continue;
        assert_true(info->immediate < COUNT_OF(immediates));
        base_buffer code = {0}, expected = {0};
        put_op(&code, op);
        put(&code, (base_bytes){immediates[info->immediate].bytes, immediates[info->immediate].size});
        put(&expected, base_bytes_from_text(info->name));
        put(&expected, base_bytes_from_text(immediates[info->immediate].text));
        bool is_access = info->immediate == ENGINE_IMM_MEMARG || info->immediate == ENGINE_IMM_MEMARG_LANE;
        /* The sample's alignment is one byte: natural, and so unsaid, for accesses of one byte. */
        if (is_access && info->access != 0) put(&expected, TEXT(" align=1"));
        if (info->immediate == ENGINE_IMM_MEMARG_LANE) put(&expected, TEXT(" 1"));
        if (info->immediate == ENGINE_IMM_TRY_TABLE) {
            put(&code, BYTES(7));
            put(&expected, TEXT(" (catch_all_ref 7)"));
        }
        put(&expected, BYTES('\n', 0));
        assert_code(base_buffer_bytes(&code), (const char *)expected.data);
        base_buffer_free(&code);
        base_buffer_free(&expected);
        count++;
    }
    /* WebAssembly 1.0 has 172 instructions, vectors add 236, relaxed ones 20. */
    assert_true(count > 172 + 236 + 20);
}

static void numbers_that_are_no_instructions_end_the_body(void **state) {
    for (uint32_t op = 0; op < ENGINE_OP_LIMIT; op++) {
        if (engine_op_get(op)->name != NULL || op == 0xFC || op == 0xFD) continue;
        base_buffer code = {0};
        char expected[100];
        uint32_t body_at = 0;
        put(&code, BYTES(0, 0x01));
        put_op(&code, op);
        put(&code, BYTES(0x01));
        char *all = listing(1, 0, base_buffer_bytes(&code), TEXT(""), &body_at);
        snprintf(expected, sizeof expected,
                 ";; cannot be read on from 0x%x: no instruction that is known here\n", body_at + 2);
        assert_non_null(strstr(all, expected));
        assert_string_equal(strstr(all, expected), expected); /* nothing follows */
        assert_non_null(strstr(all, "nop\n"));
        free(all);
        base_buffer_free(&code);
    }
}

/* ---- Immediates ------------------------------------------------------------------------------------------ */

static void what_goes_without_saying_is_not_said(void **state) {
    assert_code(BYTES(0x28, 2, 0), "i32.load\n");
    assert_code(BYTES(0x28, 1, 4), "i32.load offset=4 align=2\n");
    assert_code(BYTES(0x2C, 0, 0), "i32.load8_s\n");
    assert_code(BYTES(0x37, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F), "i64.store offset=4294967295\n");
    assert_code(BYTES(0x28, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1),
                "i32.load offset=18446744073709551615\n");
    assert_code(BYTES(0x28, 0x42, 0, 0), "i32.load\n");
    assert_code(BYTES(0xFD, 0x00, 4, 0), "v128.load\n");
    assert_code(BYTES(0x3F, 0), "memory.size\n");
    assert_code(BYTES(0xFC, 10, 0, 0), "memory.copy\n");
    assert_code(BYTES(0xFC, 10, 0, 1), "memory.copy 0 1\n");
    assert_code(BYTES(0xFC, 8, 7, 0), "memory.init 7\n");
    assert_code(BYTES(0x11, 0, 0), "call_indirect (type 0)\n");
    assert_code(BYTES(0x02, 0x40), "block\n");
    assert_code(BYTES(0x10, 0), "call 0  ;; $f\n");
    assert_code(BYTES(0x10, 9), "call 9\n");
}

static void types_are_written_in_the_text_formats_words(void **state) {
    assert_code(BYTES(0x02, 0x7B), "block (result v128)\n");
    assert_code(BYTES(0x02, 0x6F), "block (result externref)\n");
    assert_code(BYTES(0x02, 0x69), "block (result exnref)\n");
    assert_code(BYTES(0x03, 0x64, 0x70), "loop (result (ref func))\n");
    assert_code(BYTES(0x04, 0x63, 1), "if (result (ref null 1))\n");
    assert_code(BYTES(0x04, 0x64, 0xE4, 0), "if (result (ref 100))\n");
    assert_code(BYTES(0x02, 0x73), "block (result (ref null nofunc))\n");
    assert_code(BYTES(0x02, 1), "block (type 1)  ;; (param i32) (result i64)\n");
    assert_code(BYTES(0x02, 0), "block (type 0)\n");
    assert_code(BYTES(0x02, 0xE4, 0), "block (type 100)\n");
    assert_code(BYTES(0x1C, 2, I32, I64), "select (result i32 i64)\n");
    assert_code(BYTES(0xD0, 0x70), "ref.null func\n");
    assert_code(BYTES(0xD0, 0x69), "ref.null exn\n");
    assert_code(BYTES(0xD0, 0x73), "ref.null nofunc\n");
    assert_code(BYTES(0xD0, 0x72), "ref.null noextern\n");
    assert_code(BYTES(0xD0, 0x74), "ref.null noexn\n");
    assert_code(BYTES(0xD0, 2), "ref.null 2\n");
    assert_code(BYTES(0x1F, 1, 1, 2, 0), "try_table (type 1) (catch_all 0)  ;; (param i32) (result i64)\n");
}

static void remarks_are_cut_where_they_are_long(void **state) {
    base_buffer expected = {0};
    put(&expected, TEXT("block (type 2)  ;; (param"));
    /* 120 bytes, the first of which is the blank before "(param": 6 of them, and " i64" 28 times and a half. */
    for (int i = 0; i < 28; i++) put(&expected, TEXT(" i64"));
    put(&expected, TEXT(" ...\n"));
    put(&expected, BYTES(0));
    assert_code(BYTES(0x02, 2), (const char *)expected.data);
    base_buffer_free(&expected);
}

typedef struct constant {
    uint64_t bits;
    const char *text;
} constant;

/* Sign, exponent and fraction put together by hand; decimals are the shortest that round to the number. */
static void floats_read_back_as_the_same_bits(void **state) {
    static const constant singles[] = {
        {0x00000000, "0"},
        {0x80000000, "-0"},
        {0x3F800000, "1"},
        {0xC2C80000, "-100"},
        {0x3DCCCCCD, "0.1"},
        {0x00000001, "1e-45"},
        {0x7F7FFFFF, "3.4028235e+38"},
        {0x7F800000, "inf"},
        {0xFF800000, "-inf"},
        {0x7FC00000, "nan"},
        {0xFFC00000, "-nan"},
        {0x7F800001, "nan:0x1"},
        {0x7FA00000, "nan:0x200000"},
        {0xFFFFFFFF, "-nan:0x7fffff"},
        {0x4B800000, "16777216"},
    };
    static const constant doubles[] = {
        {0x0000000000000000, "0"},      {0x8000000000000000, "-0"},
        {0x3FB999999999999A, "0.1"},    {0x3FD3333333333334, "0.30000000000000004"},
        {0x0000000000000001, "5e-324"}, {0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"},
        {0x7FF0000000000000, "inf"},    {0x7FF8000000000000, "nan"},
        {0xFFF8000000000000, "-nan"},   {0x7FF4000000000001, "nan:0x4000000000001"},
    };
    char expected[80];
    for (size_t i = 0; i < COUNT_OF(singles); i++) {
        uint64_t bits = singles[i].bits;
        snprintf(expected, sizeof expected, "f32.const %s\n", singles[i].text);
        assert_code(
            BYTES(0x43, (uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)),
            expected);
    }
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        uint8_t code[9] = {0x44};
        for (int byte = 0; byte < 8; byte++) code[1 + byte] = (uint8_t)(doubles[i].bits >> 8 * byte);
        snprintf(expected, sizeof expected, "f64.const %s\n", doubles[i].text);
        assert_code((base_bytes){code, sizeof code}, expected);
    }
}

/* Doubles of all magnitudes, drawn by a generator with a fixed start. */
static void any_double_reads_back(void **state) {
    uint64_t drawn = 0x9E3779B97F4A7C15;
    for (int i = 0; i < 300; i++) {
        drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
        if (!isfinite(engine_f64(drawn))) continue;
        uint8_t code[10] = {0, 0x44};
        uint32_t body_at;
        for (int byte = 0; byte < 8; byte++) code[2 + byte] = (uint8_t)(drawn >> 8 * byte);
        char *all = listing(1, 0, (base_bytes){code, sizeof code}, TEXT(""), &body_at);
        const char *number = strstr(all, "f64.const ");
        assert_non_null(number);
        assert_true(engine_cell_f64(strtod(number + 10, NULL)) == drawn);
        free(all);
    }
}

/* ---- Layout ---------------------------------------------------------------------------------------------- */

static void blocks_are_indented(void **state) {
    assert_code(BYTES(0x02, 0x40, 0x03, 0x40, 0x01, 0x0B, 0x04, 0x40, 0x01, 0x05, 0x01, 0x0B, 0x1F, 0x40, 0,
                      0x01, 0x0B, 0x0B, 0x01, 0x0B),
                "block\n"
                "  loop\n"
                "    nop\n"
                "  end\n"
                "  if\n"
                "    nop\n"
                "  else\n"
                "    nop\n"
                "  end\n"
                "  try_table\n"
                "    nop\n"
                "  end\n"
                "end\n"
                "nop\n"
                "end\n");
    assert_code(BYTES(0x0B, 0x0B, 0x05, 0x01), "end\nend\nelse\n  nop\n");
}

static void indentation_ends_somewhere(void **state) {
    enum { DEPTH = 20000 };
    base_buffer body = {0};
    uint32_t body_at;
    put(&body, BYTES(0));
    for (int i = 0; i < DEPTH; i++) put(&body, BYTES(0x02, 0x40));
    char *all = listing(1, 0, base_buffer_bytes(&body), TEXT(""), &body_at);
    assert_true(strlen(all) < (size_t)DEPTH * 100);
    free(all);
    base_buffer_free(&body);
}

static void a_function_is_introduced(void **state) {
    uint32_t body_at;
    char expected[400];
    /* Two runs of locals behind the parameter, one of them of none. */
    char *all =
        listing(1, 1, BYTES(4, 1, I32, 0, I32, 2, I64, 1, 0x63, 1, 0x42, 0, 0x0B), TEXT("main"), &body_at);
    snprintf(expected, sizeof expected,
             "function 1 $main\n"
             "  export  \"run\", \"again\\0a\"\n"
             "  type    1 (param i32) (result i64)\n"
             "  code    13 bytes at 0x%x\n"
             "  local   1 i32, 2..3 i64, 4 (ref null 1)\n"
             "  0x%-7x i64.const 0\n"
             "  0x%-7x end\n",
             body_at, body_at + 10, body_at + 12);
    assert_string_equal(all, expected);
    free(all);
}

static void an_import_is_introduced_and_has_no_code(void **state) {
    uint32_t body_at;
    char *all = listing(0, 0, BYTES(0, 0x0B), TEXT(""), &body_at);
    assert_string_equal(all, "function 0 $f\n"
                             "  import  \"env\" \"f\"\n"
                             "  type    1 (param i32) (result i64)\n");
    free(all);
}

static void names_are_written_as_identifiers(void **state) {
    static const struct {
        const char *name, *text;
    } names[] = {
        {"_ZN4core3fmt5write17h0E", "function 1 $_ZN4core3fmt5write17h0E\n"},
        {"a<b>::c", "function 1 $a<b>::c\n"},
        {"operator new(unsigned)", "function 1 $\"operator new(unsigned)\"\n"},
        {"say \"\\\"\n", "function 1 $\"say \\22\\5c\\22\\0a\"\n"},
        {"gr\xC3\xBC\xC3\x9F", "function 1 $\"gr\xC3\xBC\xC3\x9F\"\n"},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        uint32_t body_at;
        char *all = listing(1, 0, BYTES(0, 0x0B), base_bytes_from_text(names[i].name), &body_at);
        assert_memory_equal(all, names[i].text, strlen(names[i].text));
        free(all);
    }
}

static void a_long_name_is_cut_between_characters_in_remarks(void **state) {
    /* A letter and 100 characters of two bytes: the cut after 120 bytes, with " $\"" and the letter before
     * them, would come after 116, which is between characters; a letter more, and it would not be. */
    for (size_t letters = 1; letters <= 2; letters++) {
        base_buffer name = {0}, expected = {0};
        uint32_t body_at;
        for (size_t i = 0; i < letters; i++) put(&name, TEXT("x"));
        for (int i = 0; i < 100; i++) put(&name, TEXT("\xC3\xBC"));
        put(&expected, TEXT("call 1  ;; $\""));
        put(&expected, (base_bytes){name.data, letters + 2 * ((120 - 3 - letters) / 2)});
        put(&expected, TEXT("...\n"));
        put(&expected, BYTES(0));
        char *all = listing(1, 0, BYTES(0, 0x10, 1), base_buffer_bytes(&name), &body_at);
        assert_non_null(strstr(all, (const char *)expected.data));
        free(all);
        base_buffer_free(&name);
        base_buffer_free(&expected);
    }
}

static void names_find_functions(void **state) {
    base_buffer bytes = {0};
    uint32_t body_at;
    engine_disassembler *disassembler;
    build(&bytes, 0, BYTES(0, 0x0B), TEXT("main"), &body_at);
    engine_module *module = load(&bytes);
    assert_int_equal(engine_disassembler_new(NULL, module, keep_line, NULL, &disassembler), BASE_OK);
    assert_true(engine_disassembler_knows_as(disassembler, 1, TEXT("main")));
    assert_true(engine_disassembler_knows_as(disassembler, 1, TEXT("run")));
    assert_true(engine_disassembler_knows_as(disassembler, 1, TEXT("again\n")));
    assert_true(engine_disassembler_knows_as(disassembler, 0, TEXT("f")));
    assert_false(engine_disassembler_knows_as(disassembler, 0, TEXT("main")));
    assert_false(engine_disassembler_knows_as(disassembler, 1, TEXT("mai")));
    assert_false(engine_disassembler_knows_as(disassembler, 1, TEXT("")));
    engine_disassembler_free(disassembler);
    engine_module_release(module);
    base_buffer_free(&bytes);
}

/* ---- What is not as it should be ------------------------------------------------------------------------- */

static void code_that_ends_too_soon_is_written_as_far_as_it_goes(void **state) {
    /* A call and its immediates, cut after each byte; the same for what has vectors. */
    static const struct {
        uint8_t size, bytes[24];
        const char *start;
    } cut[] = {
        {1, {0x10}, "call  ;; cannot be read on from "},
        {2, {0x10, 0x80}, "call  ;; cannot"},
        {1, {0x43}, "f32.const  ;; cannot"},
        {1, {0xFC}, "  ;; cannot"},
        {2, {0x02, 0x64}, "block  ;; cannot"},
        {2, {0x02, 0x41}, "block  ;; cannot be read on from"},
        {3, {0x0E, 2, 0}, "br_table  ;; cannot"},
        {4, {0x0E, 2, 0, 1}, "br_table 0 1  ;; cannot"},
        {3, {0x28, 0x80, 1}, "i32.load  ;; cannot"},
        {3, {0x28, 0x40, 1}, "i32.load 1  ;; cannot"},
        {5, {0x1F, 0x40, 1, 9, 0}, "try_table  ;; cannot"},
        {2, {0xD0, 0x6E}, "ref.null  ;; cannot"},
        {18, {0xFD, 0x0C}, NULL},
        {17, {0xFD, 0x0C}, "v128.const  ;; cannot"},
    };
    for (size_t i = 0; i < COUNT_OF(cut); i++) {
        base_buffer body = {0};
        uint32_t body_at;
        put(&body, BYTES(0, 0x01));
        put(&body, (base_bytes){cut[i].bytes, cut[i].size});
        char *all = listing(1, 0, base_buffer_bytes(&body), TEXT(""), &body_at);
        const char *last = strstr(all, " nop\n");
        assert_non_null(last);
        if (cut[i].start != NULL)
            assert_memory_equal(last + 5 + 12, cut[i].start, strlen(cut[i].start));
        else
            assert_null(strstr(last, "cannot"));
        free(all);
        base_buffer_free(&body);
    }
}

static void locals_that_cannot_be_read_end_the_body(void **state) {
    uint32_t body_at;
    char expected[100];
    char *all = listing(1, 0, BYTES(1, 3, 0x10, 0x01, 0x0B), TEXT(""), &body_at);
    snprintf(expected, sizeof expected, "  ;; cannot be read on from 0x%x: malformed value type\n",
             body_at + 2);
    assert_non_null(strstr(all, expected));
    assert_null(strstr(all, "nop"));
    free(all);
}

static void no_more_lines_come_when_none_are_wanted(void **state) {
    base_buffer bytes = {0};
    uint32_t body_at;
    build(&bytes, 0, BYTES(0, 0x01, 0x01, 0x01, 0x0B), TEXT("main"), &body_at);
    engine_module *module = load(&bytes);
    for (size_t stop_after = 1; stop_after < 8; stop_after++) {
        lines out = {.stop_after = stop_after};
        assert_int_equal(disassemble_with(NULL, module, 1, &out), BASE_OK);
        assert_int_equal(out.count, stop_after);
        base_buffer_free(&out.text);
    }
    engine_module_release(module);
    base_buffer_free(&bytes);
}

static void every_allocation_fails_in_turn(void **state) {
    base_buffer bytes = {0};
    uint32_t body_at;
    /* A br_table whose line grows again and again. */
    base_buffer body = {0};
    put(&body, BYTES(0, 0x02, 2, 0x0E, 200, 1));
    for (int i = 0; i < 201; i++) put(&body, BYTES(100));
    build(&bytes, 0, base_buffer_bytes(&body), TEXT("main"), &body_at);
    engine_module *module = load(&bytes);
    bool is_done = false;
    for (size_t fail_at = 1; !is_done; fail_at++) {
        test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        lines out = {0};
        base_status status = disassemble_with(&heap.allocator, module, 1, &out);
        is_done = heap.requests < fail_at;
        assert_int_equal(status, is_done ? BASE_OK : BASE_NO_MEMORY);
        assert_true(test_heap_clean(&heap));
        base_buffer_free(&out.text);
        assert_true(fail_at < 100);
    }
    engine_module_release(module);
    base_buffer_free(&body);
    base_buffer_free(&bytes);
}

static void a_module_that_nobody_checked_cannot_run(void **state) {
    base_buffer bytes = {0};
    uint32_t body_at;
    engine_store *store;
    engine_instance *instance;
    base_error error;
    build(&bytes, 0, BYTES(0, 0x6A, 0x0B), TEXT(""), &body_at);
    engine_module *module = load(&bytes);
    assert_int_equal(engine_store_new(NULL, NULL, &store), BASE_OK);
    assert_int_equal(engine_instantiate(store, module, NULL, NULL, &instance, NULL, &error), BASE_MISUSE);
    assert_null(instance);
    engine_store_free(store);
    engine_module_release(module);
    base_buffer_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_is_written_with_its_immediates),
        cmocka_unit_test(numbers_that_are_no_instructions_end_the_body),
        cmocka_unit_test(what_goes_without_saying_is_not_said),
        cmocka_unit_test(types_are_written_in_the_text_formats_words),
        cmocka_unit_test(remarks_are_cut_where_they_are_long),
        cmocka_unit_test(floats_read_back_as_the_same_bits),
        cmocka_unit_test(any_double_reads_back),
        cmocka_unit_test(blocks_are_indented),
        cmocka_unit_test(indentation_ends_somewhere),
        cmocka_unit_test(a_function_is_introduced),
        cmocka_unit_test(an_import_is_introduced_and_has_no_code),
        cmocka_unit_test(names_are_written_as_identifiers),
        cmocka_unit_test(a_long_name_is_cut_between_characters_in_remarks),
        cmocka_unit_test(names_find_functions),
        cmocka_unit_test(code_that_ends_too_soon_is_written_as_far_as_it_goes),
        cmocka_unit_test(locals_that_cannot_be_read_end_the_body),
        cmocka_unit_test(no_more_lines_come_when_none_are_wanted),
        cmocka_unit_test(every_allocation_fails_in_turn),
        cmocka_unit_test(a_module_that_nobody_checked_cannot_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
