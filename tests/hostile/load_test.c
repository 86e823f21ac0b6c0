/* Loading: each way it can fail has its own status and a sentence to act on. Also ids, options and descriptions. */
#include "helper.h"

#include <sys/stat.h>
#include <unistd.h>

static char *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void expect_refused_with(const void *bytes, size_t size, const wplug_plugin_options *options,
                                wplug_status status, const char *message) {
    wplug_plugin *plugin = (wplug_plugin *)1;
    wplug_error error;
    wplug_status got = wplug_plugin_load(bytes, size, options, &plugin, &error);
    if (got != status)
        fail_msg("expected %s, got %s: %s", wplug_status_name(status), wplug_status_name(got), error.message);
    assert_int_equal(error.status, status);
    expect_contains(error.message, message);
    assert_null(plugin);
    /* A description tells the same. */
    char *json;
    assert_int_equal(wplug_inspect(bytes, size, options, &json, NULL), WPLUG_OK);
    expect_contains(json, "\"loads\":false");
    expect_contains(json, wplug_status_name(status));
    assert_int_equal(wplug_json_check(json, strlen(json), NULL), WPLUG_OK);
    wplug_text_free(json);
}

static void expect_refused(const void *bytes, size_t size, wplug_status status, const char *message) {
    expect_refused_with(bytes, size, NULL, status, message);
}

static void expect_file_refused_with(const char *name, const wplug_plugin_options *options,
                                     wplug_status status, const char *message) {
    char path[1000];
    size_t size;
    snprintf(path, sizeof path, "%s/%s.wasm", GUESTS, name);
    char *bytes = read_whole(path, &size);
    expect_refused_with(bytes, size, options, status, message);
    free(bytes);
}

static void expect_file_refused(const char *name, wplug_status status, const char *message) {
    expect_file_refused_with(name, NULL, status, message);
}

#define TEXT(text) text, sizeof(text) - 1

/* ---- Files ---- */

static void a_missing_file_is_named(void **state) {
    wplug_plugin *plugin;
    wplug_error error;
    assert_int_equal(wplug_plugin_load_file("/nowhere/at-all.wasm", NULL, &plugin, &error),
                     WPLUG_FILE_NOT_FOUND);
    expect_contains(error.message, "/nowhere/at-all.wasm");
    assert_null(plugin);
}

static void a_directory_cannot_be_read(void **state) {
    wplug_plugin *plugin;
    wplug_error error;
    assert_int_equal(wplug_plugin_load_file(GUESTS, NULL, &plugin, &error), WPLUG_FILE_UNREADABLE);
    expect_contains(error.message, GUESTS);
}

static void an_error_of_the_content_names_the_file_too(void **state) {
    char path[1000];
    snprintf(path, sizeof path, "%s/empty-%d.wasm", GUESTS, (int)getpid());
    fclose(fopen(path, "wb"));
    wplug_error error;
    wplug_plugin *plugin;
    assert_int_equal(wplug_plugin_load_file(path, NULL, &plugin, &error), WPLUG_FILE_EMPTY);
    expect_contains(error.message, path);
    unlink(path);
}

static void a_file_over_the_size_allowed_is_refused(void **state) {
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.max_module_bytes = 100;
    wplug_plugin *plugin;
    wplug_error error;
    assert_int_equal(wplug_plugin_load_file(ACTOR, &options, &plugin, &error), WPLUG_MODULE_TOO_LARGE);
    expect_file_refused_with("actor", &options, WPLUG_MODULE_TOO_LARGE, "100 are allowed");
}

/* ---- What is no module ---- */

static void nothing_is_empty(void **state) {
    expect_refused(NULL, 0, WPLUG_FILE_EMPTY, "empty");
    expect_refused("", 0, WPLUG_FILE_EMPTY, "empty");
}

static void a_text_file_is_recognised_and_quoted(void **state) {
    expect_refused(TEXT("#include <stdio.h>\nint main(void) {}\n"), WPLUG_NOT_WASM, "text file");
    expect_refused(TEXT("#include <stdio.h>\nint main(void) {}\n"), WPLUG_NOT_WASM, "\"#include <stdio.h>\"");
    expect_refused(TEXT("  (module\n)"), WPLUG_NOT_WASM, "wat2wasm");
    expect_refused(TEXT("hi"), WPLUG_NOT_WASM, "\"hi\"");
    expect_refused(TEXT("\xc3\xa4\xc3\xb6\n"), WPLUG_NOT_WASM, "\"\xc3\xa4\xc3\xb6\"");
}

static void other_binaries_are_recognised(void **state) {
    expect_refused(TEXT("\x7f"
                        "ELF\2\1\1\0\0\0\0\0"),
                   WPLUG_NOT_WASM, "ELF");
    expect_refused(TEXT("!<arch>\n_______"), WPLUG_NOT_WASM, "static library");
    expect_refused(TEXT("PK\3\4________"), WPLUG_NOT_WASM, "zip");
    expect_refused(TEXT("\1\2\3\4\5\6\7\0"), WPLUG_NOT_WASM, "\\0asm");
}

static void a_component_is_told_from_a_module(void **state) {
    expect_refused(TEXT("\0asm\x0d\0\1\0"), WPLUG_COMPONENT, "component");
    expect_refused(TEXT("\0asm\x0d\0\1\0\7\1\0"), WPLUG_COMPONENT, "wasm32-wasip1");
}

static void another_version_is_named(void **state) {
    expect_refused(TEXT("\0asm\2\0\0\0"), WPLUG_WASM_VERSION, "02 00 00 00");
}

static void a_truncated_module_is_told_from_a_corrupt_one(void **state) {
    size_t size;
    char *bytes = read_whole(ACTOR, &size);
    const size_t cuts[] = {1, 4, 7, 9, 10, 100, size / 2, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        expect_refused(bytes, cuts[i], WPLUG_TRUNCATED, "truncated");
    }
    expect_refused(TEXT("\0asm\1\0\0\0\x63\0"), WPLUG_MALFORMED, "");
    free(bytes);
}

static void an_invalid_module_names_what_is_wrong(void **state) {
    /* (func (export "_start") i32.const 0): a result that the type does not have. */
    expect_refused(TEXT("\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7\x0a\1\6_start\0\0\x0a\6\1\4\0\x41\0\x0b"),
                   WPLUG_INVALID, "");
}

static void an_unsupported_feature_is_named(void **state) {
    /* (memory 1 1 shared) */
    expect_refused(TEXT("\0asm\1\0\0\0\5\4\1\3\1\1"), WPLUG_UNSUPPORTED, "threads");
    /* (type (struct)) */
    expect_refused(TEXT("\0asm\1\0\0\0\1\3\1\x5f\0"), WPLUG_UNSUPPORTED, "gc");
}

/* Every prefix and many single flipped bits of a real module: a status, or a plugin that ends with one. */
static void corrupt_modules_never_do_harm(void **state) {
    size_t size;
    char *bytes = read_whole(ACTOR, &size);
    for (size_t cut = 8; cut < size; cut += 1 + size / 300) {
        wplug_plugin *plugin;
        wplug_error error;
        wplug_status status = wplug_plugin_load(bytes, cut, NULL, &plugin, &error);
        assert_true(status == WPLUG_TRUNCATED || status == WPLUG_NO_START || status == WPLUG_MALFORMED);
    }
    wplug_runtime *runtime = new_runtime();
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 3000000;
    limits.time_ns = 2000000000;
    limits.log_bytes = 1 << 16;
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = &limits;
    uint32_t random = 1;
    for (int round = 0; round < 300; round++) {
        random = random * 1664525 + 1013904223;
        size_t at = 8 + (random >> 8) % (size - 8);
        bytes[at] ^= (char)(1 << (random & 7));
        wplug_plugin *plugin;
        if (wplug_plugin_load(bytes, size, NULL, &plugin, NULL) == WPLUG_OK) {
            wplug_call(runtime, plugin, "act", "\"answer 1\"", &options, NULL, NULL);
            wplug_plugin_release(plugin);
        }
        bytes[at] ^= (char)(1 << (random & 7));
    }
    assert_int_equal(wplug_runtime_free(runtime), WPLUG_OK);
    free(bytes);
}

/* ---- What is no plugin ---- */

static void unknown_imports_are_all_named_at_once(void **state) {
    expect_file_refused("unknown", WPLUG_UNKNOWN_IMPORTS, "env.launch");
    expect_file_refused("unknown", WPLUG_UNKNOWN_IMPORTS, "wasi_snapshot_preview1.fd_teleport");
    expect_file_refused("unknown", WPLUG_UNKNOWN_IMPORTS, "wasi_unstable.fd_write");
    expect_file_refused("unknown", WPLUG_UNKNOWN_IMPORTS, "wasm32-wasip1");
    expect_file_refused("unknown_kinds", WPLUG_UNKNOWN_IMPORTS,
                        "env.memory (memory), env.table (table), env.base (global)");
}

/* A module with more imports than a message has room for. */
static void unknown_imports_without_end_are_counted(void **state) {
    enum { COUNT = 500 };
    static unsigned char bytes[COUNT * 50 + 100];
    size_t size = 0;
    memcpy(bytes, "\0asm\1\0\0\0\1\4\1\x60\0\0\2", 15);
    size = 15;
    size_t content = 2 + COUNT * (1 + 3 + 1 + 27 + 2);
    bytes[size++] = (content & 0x7F) | 0x80, bytes[size++] = (content >> 7 & 0x7F) | 0x80,
    bytes[size++] = content >> 14;
    bytes[size++] = (COUNT & 0x7F) | 0x80, bytes[size++] = COUNT >> 7;
    for (int i = 0; i < COUNT; i++) {
        char name[28];
        snprintf(name, sizeof name, "a_function_with_a_name_%04d", i);
        memcpy(bytes + size, "\3env\x1b", 5);
        memcpy(bytes + size + 5, name, 27);
        memcpy(bytes + size + 32, "\0\0", 2);
        size += 34;
    }
    expect_refused(bytes, size, WPLUG_UNKNOWN_IMPORTS, "env.a_function_with_a_name_0000, env.a_");
    expect_refused(bytes, size, WPLUG_UNKNOWN_IMPORTS, " more");
}

static void unknown_functions_trap_where_that_was_asked_for(void **state) {
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.trap_unknown_imports = true;
    wplug_plugin *plugin = load(GUESTS "/unknown.wasm", &options);
    wplug_runtime *runtime = new_runtime();
    wplug_error error;
    assert_int_equal(wplug_call(runtime, plugin, "x", NULL, NULL, NULL, &error), WPLUG_TRAP);
    expect_contains(error.message, "env.launch");
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    expect_file_refused_with("unknown_kinds", &options, WPLUG_UNKNOWN_IMPORTS, "env.memory");
}

static void an_import_of_the_wrong_type_is_told(void **state) {
    expect_file_refused("wrong_type", WPLUG_IMPORT_TYPE, "fd_write");
}

static void a_module_without_start_is_told_what_to_do(void **state) {
    expect_refused(TEXT("\0asm\1\0\0\0"), WPLUG_NO_START, "no `_start` export");
    expect_file_refused("numbers", WPLUG_NO_START, "main function");
    expect_file_refused("wrong_start", WPLUG_NO_START, "without parameters");
}

static void a_reactor_is_told_what_to_do(void **state) {
    expect_file_refused("reactor", WPLUG_REACTOR, "_initialize");
}

/* ---- What only shows when it runs ---- */

static void expect_call_fails(const char *path, const wplug_limits *limits, wplug_status status,
                              const char *message) {
    wplug_plugin *plugin = load(path, NULL);
    wplug_runtime *runtime = new_runtime();
    wplug_call_options options;
    wplug_call_options_init(&options);
    options.limits = limits;
    wplug_error error;
    wplug_status got = wplug_call(runtime, plugin, "x", NULL, &options, NULL, &error);
    if (got != status)
        fail_msg("expected %s, got %s: %s", wplug_status_name(status), wplug_status_name(got), error.message);
    expect_contains(error.message, message);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
}

static void failing_instantiation_ends_the_call(void **state) {
    expect_call_fails(GUESTS "/start_trap.wasm", NULL, WPLUG_TRAP, "unreachable");
    expect_call_fails(GUESTS "/segment_trap.wasm", NULL, WPLUG_TRAP, "out of bounds");
    expect_call_fails(GUESTS "/large_memory.wasm", NULL, WPLUG_MEMORY_LIMIT, "65536 pages");
}

static void a_table_that_grows_for_ever_reaches_its_limit(void **state) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.table_elements = 50000;
    expect_call_fails(GUESTS "/table.wasm", &limits, WPLUG_TABLE_LIMIT, "50000");
    expect_call_fails(GUESTS "/table.wasm", NULL, WPLUG_TABLE_LIMIT, "1000000");
}

/* ---- Options and ids ---- */

static void a_plugin_has_a_name_and_a_random_id(void **state) {
    wplug_plugin *first = load(ACTOR, NULL), *second = load(ACTOR, NULL);
    assert_string_equal(wplug_plugin_name(first), "actor");
    assert_memory_not_equal(wplug_plugin_id(first), wplug_plugin_id(second), sizeof(wplug_id));
    char text[37], short_text[7];
    wplug_id_text(wplug_plugin_id(first), text);
    wplug_id_short(wplug_plugin_id(first), short_text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '4');           /* version 4 */
    assert_non_null(strchr("89ab", text[19])); /* variant of RFC 9562 */
    assert_string_equal(text + 36 - 6, short_text);
    wplug_id back;
    assert_int_equal(wplug_id_parse(text, &back), WPLUG_OK);
    assert_memory_equal(&back, wplug_plugin_id(first), sizeof back);
    wplug_plugin_release(first);
    wplug_plugin_release(second);
}

static void ids_are_read_and_written(void **state) {
    wplug_id id;
    char text[37];
    assert_int_equal(wplug_id_parse("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", &id), WPLUG_OK);
    wplug_id_text(&id, text);
    assert_string_equal(text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    static const char *const wrong[] = {"",
                                        "6ba7b810",
                                        "6ba7b8109dad11d180b400c04fd430c8",
                                        "6ba7b810-9dad-11d1-80b4-00c04fd430c",
                                        "6ba7b810-9dad-11d1-80b4-00c04fd430c8x",
                                        "6ba7b810-9dad-11d1-80b4-00c04fd430g8",
                                        "6ba7b810+9dad-11d1-80b4-00c04fd430c8"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(wplug_id_parse(wrong[i], &id), WPLUG_BAD_ARGUMENT);
    }
    assert_int_equal(wplug_id_parse(NULL, &id), WPLUG_MISUSE);
}

static void name_id_arguments_and_environment_can_be_given(void **state) {
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    wplug_id id;
    wplug_id_parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8", &id);
    static const char *const args[] = {"prog", "-x", "\xc3\xa4"}, *const env[] = {"A=1", "B="};
    options.name = "given";
    options.id = &id;
    options.args = args;
    options.arg_count = 3;
    options.env = env;
    options.env_count = 2;
    wplug_plugin *actor = load(ACTOR, &options);
    assert_string_equal(wplug_plugin_name(actor), "given");
    assert_memory_equal(wplug_plugin_id(actor), &id, sizeof id);
    wplug_runtime *runtime = new_runtime();
    expect_result(runtime, actor, "args", "[\"prog\",\"-x\",\"\xc3\xa4\"]");
    expect_result(runtime, actor, "env", "[\"A=1\",\"B=\"]");
    wplug_plugin_release(actor);
    actor = load(ACTOR, NULL);
    expect_result(runtime, actor, "args", "[]");
    expect_result(runtime, actor, "env", "[]");
    wplug_plugin_release(actor);
    wplug_runtime_free(runtime);
}

static void limits_of_the_plugin_hold_where_the_call_names_none(void **state) {
    wplug_limits limits;
    wplug_limits_init(&limits);
    limits.fuel = 100000;
    limits.log_line_bytes = 3;
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.limits = &limits;
    wplug_plugin *actor = load(ACTOR, &options);
    wplug_runtime *runtime = new_runtime();
    record log = {""};
    wplug_runtime_set_log(runtime, record_log, &log);
    expect_end(runtime, actor, "err 12345\nspin", WPLUG_FUEL_LIMIT, "100000");
    wplug_limits own;
    wplug_limits_init(&own);
    own.fuel = 200000;
    expect_end_within(runtime, actor, &own, "err 12345\nspin", WPLUG_FUEL_LIMIT, "200000");
    assert_string_equal(log.text, "123 (cut)\n123 (cut)\n");
    wplug_plugin_release(actor);
    wplug_runtime_free(runtime);
}

static void options_of_an_older_header_get_defaults(void **state) {
    /* As if the program had been compiled when the struct ended after `env_count`. */
    wplug_plugin_options options;
    memset(&options, 0xFF, sizeof options);
    wplug_plugin_options_init_sized(&options, offsetof(wplug_plugin_options, allow));
    wplug_plugin *actor = load(ACTOR, &options);
    wplug_runtime *runtime = new_runtime();
    wplug_runtime_set_method(runtime, "echo", echo, NULL);
    expect_result(runtime, actor, "ask echo 1\nwait\nlast", "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":1}");
    wplug_plugin_release(actor);
    wplug_runtime_free(runtime);
}

static void misuse_of_loading_is_told(void **state) {
    wplug_error error;
    wplug_plugin *plugin;
    wplug_plugin_options options = {0};
    assert_int_equal(wplug_plugin_load("x", 1, NULL, NULL, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_plugin_load(NULL, 1, NULL, &plugin, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_plugin_load_file(NULL, NULL, &plugin, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_plugin_load_file(ACTOR, NULL, NULL, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_plugin_load_file(ACTOR, &options, &plugin, &error), WPLUG_MISUSE);
    expect_contains(error.message, "wplug_plugin_options_init");
    wplug_plugin_options_init(&options);
    options.arg_count = 2;
    assert_int_equal(wplug_plugin_load_file(ACTOR, &options, &plugin, &error), WPLUG_MISUSE);
    static const char *const args[] = {"a", NULL};
    options.args = args;
    assert_int_equal(wplug_plugin_load_file(ACTOR, &options, &plugin, &error), WPLUG_MISUSE);
    assert_null(wplug_plugin_retain(NULL));
    wplug_plugin_release(NULL);
    assert_string_equal(wplug_plugin_name(NULL), "");
    assert_null(wplug_plugin_id(NULL));
    char *json;
    assert_int_equal(wplug_inspect(NULL, 1, NULL, &json, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_inspect("x", 1, NULL, NULL, &error), WPLUG_MISUSE);
    assert_int_equal(wplug_disassemble("x", 1, NULL, NULL, NULL, NULL, &error), WPLUG_MISUSE);
}

/* ---- Descriptions ---- */

static void expect_at(const char *json, const char *pointer, const char *expected) {
    const char *value;
    size_t size;
    if (wplug_json_find(json, strlen(json), pointer, &value, &size) != WPLUG_OK)
        fail_msg("no %s in %s", pointer, json);
    if (size != strlen(expected) || memcmp(value, expected, size) != 0) {
        fail_msg("%s is %.*s, expected %s", pointer, (int)size, value, expected);
    }
}

static char *inspect_file(const char *path) {
    size_t size;
    char *bytes = read_whole(path, &size), *json;
    assert_int_equal(wplug_inspect(bytes, size, NULL, &json, NULL), WPLUG_OK);
    free(bytes);
    return json;
}

static void a_description_tells_what_a_module_needs_and_offers(void **state) {
    char *json = inspect_file(GUESTS "/numbers.wasm");
    expect_at(json, "/kind", "\"library\"");
    expect_at(json, "/loads", "false");
    expect_at(json, "/problems/0/status", "\"WPLUG_NO_START\"");
    expect_at(json, "/functions", "11");
    expect_at(json, "/imports", "[]");
    expect_at(json, "/exports/0", "{\"name\":\"memory\",\"kind\":\"memory\",\"type\":\"1..\"}");
    expect_at(json, "/exports/1", "{\"name\":\"answer\",\"kind\":\"global\",\"type\":\"i32\"}");
    expect_at(json, "/exports/7",
              "{\"name\":\"swap\",\"kind\":\"function\",\"type\":\"(i32, f64) -> (f64, i32)\"}");
    expect_at(json, "/memories", "[{\"min_pages\":1,\"max_pages\":null,\"imported\":false}]");
    expect_at(json, "/custom_sections/0/name", "\"name\"");
    wplug_text_free(json);

    json = inspect_file(GUESTS "/unknown.wasm");
    expect_at(json, "/kind", "\"command\"");
    expect_at(json, "/imports/0",
              "{\"module\":\"env\",\"name\":\"launch\",\"kind\":\"function\",\"type\":\"(i32) -> (i32)\","
              "\"provided\":false}");
    expect_at(json, "/imports/1/provided", "true");
    expect_at(json, "/wasi", "[\"proc_exit\"]");
    wplug_text_free(json);

    json = inspect_file(ACTOR);
    expect_at(json, "/loads", "true");
    expect_at(json, "/problems", "[]");
    expect_at(json, "/kind", "\"command\"");
    wplug_text_free(json);

    assert_int_equal(wplug_inspect("\0asm\x0d\0\1\0", 8, NULL, &json, NULL), WPLUG_OK);
    expect_at(json, "/kind", "\"component\"");
    wplug_text_free(json);
    assert_int_equal(wplug_inspect("junk", 4, NULL, &json, NULL), WPLUG_OK);
    expect_at(json, "/kind", "\"unknown\"");
    expect_at(json, "/size", "4");
    wplug_text_free(json);
}

static void a_description_lists_every_problem(void **state) {
    /* (module (import "env" "f" (func))): an unknown import, and no `_start`. */
    char *json;
    assert_int_equal(
        wplug_inspect(TEXT("\0asm\1\0\0\0\1\4\1\x60\0\0\2\x09\1\3env\1f\0\0"), NULL, &json, NULL), WPLUG_OK);
    expect_at(json, "/problems/0/status", "\"WPLUG_UNKNOWN_IMPORTS\"");
    expect_at(json, "/problems/1/status", "\"WPLUG_NO_START\"");
    wplug_text_free(json);
}

/* ---- Listings ---- */

typedef struct lines {
    char text[4000];
    size_t size, count;
} lines;

static bool keep_line(void *user, const char *line, size_t size) {
    lines *self = user;
    assert_true(self->size + size + 2 < sizeof self->text);
    memcpy(self->text + self->size, line, size);
    self->size += size;
    self->text[self->size++] = '\n';
    self->text[self->size] = 0;
    self->count++;
    return true;
}

static bool want_no_more(void *user, const char *line, size_t size) {
    lines *self = user;
    self->count++;
    return false;
}

/* (module (func) (func nop unreachable) (export "f" (func 1))): the bodies begin at 0x1e and 0x21. */
#define TWO_FUNCTIONS(code)                                                                                  \
    "\0asm\1\0\0\0\1\4\1\x60\0\0\3\3\2\0\0\7\5\1\1f\0\1\x0a\x09\2\2\0\x0b\4\0\1" code "\x0b"

static void a_listing_has_the_functions_asked_for(void **state) {
    if (!HAS_DISASSEMBLER) skip();
    static const char first[] = "function 0\n"
                                "  type    0\n"
                                "  code    2 bytes at 0x1e\n"
                                "  0x1f      end\n";
    static const char second[] = "function 1 $f\n"
                                 "  export  \"f\"\n"
                                 "  type    0\n"
                                 "  code    4 bytes at 0x21\n"
                                 "  0x22      nop\n"
                                 "  0x23      unreachable\n"
                                 "  0x24      end\n";
    wplug_error error;
    lines found = {0};
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), NULL, "0", keep_line, &found, &error),
                     WPLUG_OK);
    assert_string_equal(found.text, first);
    found = (lines){0};
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), NULL, "f", keep_line, &found, &error),
                     WPLUG_OK);
    assert_string_equal(found.text, second);
    found = (lines){0};
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), NULL, NULL, keep_line, &found, &error),
                     WPLUG_OK);
    assert_memory_equal(found.text, first, sizeof first - 1);
    assert_string_equal(found.text + sizeof first, second); /* behind an empty line */
    found = (lines){0};
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), NULL, "g", keep_line, &found, &error),
                     WPLUG_NOT_FOUND);
    assert_non_null(strstr(error.message, "\"g\""));
    assert_int_equal(found.count, 0);
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), NULL, NULL, want_no_more, &found, &error),
                     WPLUG_OK);
    assert_int_equal(found.count, 1);
}

static void a_listing_shows_code_that_is_refused(void **state) {
    if (!HAS_DISASSEMBLER) skip();
    wplug_error error;
    lines found = {0};
    /* i32.add finds no operands. */
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\x6a")), NULL, NULL, keep_line, &found, &error),
                     WPLUG_INVALID);
    assert_non_null(strstr(found.text, "  0x23      i32.add\n"));
    assert_non_null(strstr(error.message, "0x23"));
    found = (lines){0};
    assert_int_equal(wplug_disassemble("junk", 4, NULL, NULL, keep_line, &found, &error), WPLUG_NOT_WASM);
    assert_int_equal(wplug_disassemble("", 0, NULL, NULL, keep_line, &found, &error), WPLUG_FILE_EMPTY);
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    options.max_module_bytes = 10;
    assert_int_equal(wplug_disassemble(TEXT(TWO_FUNCTIONS("\0")), &options, NULL, keep_line, &found, &error),
                     WPLUG_MODULE_TOO_LARGE);
    assert_int_equal(found.count, 0);
}

/* ---- Statuses ---- */

static void every_status_has_words_and_a_name(void **state) {
    int count = 0;
    for (int status = 0; status < 200; status++) {
        const char *name = wplug_status_name((wplug_status)status),
                   *text = wplug_status_text((wplug_status)status);
        if (strcmp(name, "unknown status") == 0) {
            assert_string_equal(text, "unknown status");
            continue;
        }
        assert_int_equal(strncmp(name, "WPLUG_", 6), 0);
        assert_true(strlen(text) >= 2);
        count++;
    }
    assert_int_equal(count, 42);
    assert_string_equal(wplug_version(), WPLUG_VERSION);
}

/* ---- JSON helpers ---- */

static void json_is_checked_and_searched(void **state) {
    wplug_error error;
    assert_int_equal(wplug_json_check(TEXT("[1, {}]"), &error), WPLUG_OK);
    assert_int_equal(wplug_json_check(TEXT("[1, {]"), &error), WPLUG_BAD_JSON);
    expect_contains(error.message, "byte 5");
    /* The document of RFC 6901, section 5. */
    static const char document[] =
        "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4, "
        "\"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";
    expect_at(document, "", document);
    expect_at(document, "/foo", "[\"bar\", \"baz\"]");
    expect_at(document, "/foo/0", "\"bar\"");
    expect_at(document, "/", "0");
    expect_at(document, "/a~1b", "1");
    expect_at(document, "/c%d", "2");
    expect_at(document, "/e^f", "3");
    expect_at(document, "/g|h", "4");
    expect_at(document, "/i\\j", "5");
    expect_at(document, "/k\"l", "6");
    expect_at(document, "/ ", "7");
    expect_at(document, "/m~0n", "8");
    const char *value;
    size_t size;
    static const char *const missing[] = {"foo",   "/foo/2",   "/foo/-", "/foo/00", "/foo/x",
                                          "/nope", "/foo/0/x", "/m~n",   "/~2"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        assert_int_equal(wplug_json_find(document, strlen(document), missing[i], &value, &size),
                         WPLUG_NOT_FOUND);
    }
    assert_int_equal(wplug_json_find(TEXT("{"), "", &value, &size), WPLUG_BAD_JSON);
}

static void json_strings_are_decoded_and_encoded(void **state) {
    char out[64];
    size_t needed;
    static const char json[] = "\"a\\n\\u00e4\\ud83d\\ude00\\\"\\\\\\/\"";
    assert_int_equal(wplug_json_decode_string(json, strlen(json), out, sizeof out, &needed), WPLUG_OK);
    assert_string_equal(out, "a\n\xc3\xa4\xf0\x9f\x98\x80\"\\/");
    assert_int_equal(needed, strlen(out));
    char small[4] = "zzz";
    assert_int_equal(wplug_json_decode_string(json, strlen(json), small, 4, &needed), WPLUG_OK);
    assert_string_equal(small, "");
    assert_int_equal(needed, 11);
    assert_int_equal(wplug_json_decode_string(json, strlen(json), NULL, 0, &needed), WPLUG_OK);
    assert_int_equal(wplug_json_decode_string(TEXT("5"), out, sizeof out, NULL), WPLUG_BAD_JSON);
    assert_int_equal(wplug_json_decode_string(TEXT("\"\\ud800\""), out, sizeof out, NULL), WPLUG_OK);
    assert_string_equal(out, "\xef\xbf\xbd");

    assert_int_equal(
        wplug_json_encode_string(TEXT("a\n\x01\"\\\xc3\xa4\xff\xed\xa0\x80"), out, sizeof out, &needed),
        WPLUG_OK);
    assert_string_equal(out,
                        "\"a\\n\\u0001\\\"\\\\\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_int_equal(needed, strlen(out));
    for (size_t capacity = 0; capacity <= 6; capacity++) {
        memset(out, 'z', sizeof out);
        assert_int_equal(wplug_json_encode_string("ab\n", 3, out, capacity, &needed), WPLUG_OK);
        assert_int_equal(needed, 6);
        if (capacity > 0) assert_string_equal(out, "");
        assert_int_equal(out[capacity], 'z');
    }
    assert_int_equal(wplug_json_encode_string("ab\n", 3, out, 7, &needed), WPLUG_OK);
    assert_string_equal(out, "\"ab\\n\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_directory_cannot_be_read),
        cmocka_unit_test(an_error_of_the_content_names_the_file_too),
        cmocka_unit_test(a_file_over_the_size_allowed_is_refused),
        cmocka_unit_test(nothing_is_empty),
        cmocka_unit_test(a_text_file_is_recognised_and_quoted),
        cmocka_unit_test(other_binaries_are_recognised),
        cmocka_unit_test(a_component_is_told_from_a_module),
        cmocka_unit_test(another_version_is_named),
        cmocka_unit_test(a_truncated_module_is_told_from_a_corrupt_one),
        cmocka_unit_test(an_invalid_module_names_what_is_wrong),
        cmocka_unit_test(an_unsupported_feature_is_named),
        cmocka_unit_test(corrupt_modules_never_do_harm),
        cmocka_unit_test(unknown_imports_are_all_named_at_once),
        cmocka_unit_test(unknown_imports_without_end_are_counted),
        cmocka_unit_test(unknown_functions_trap_where_that_was_asked_for),
        cmocka_unit_test(an_import_of_the_wrong_type_is_told),
        cmocka_unit_test(a_module_without_start_is_told_what_to_do),
        cmocka_unit_test(a_reactor_is_told_what_to_do),
        cmocka_unit_test(failing_instantiation_ends_the_call),
        cmocka_unit_test(a_table_that_grows_for_ever_reaches_its_limit),
        cmocka_unit_test(a_plugin_has_a_name_and_a_random_id),
        cmocka_unit_test(ids_are_read_and_written),
        cmocka_unit_test(name_id_arguments_and_environment_can_be_given),
        cmocka_unit_test(limits_of_the_plugin_hold_where_the_call_names_none),
        cmocka_unit_test(options_of_an_older_header_get_defaults),
        cmocka_unit_test(misuse_of_loading_is_told),
        cmocka_unit_test(a_description_tells_what_a_module_needs_and_offers),
        cmocka_unit_test(a_description_lists_every_problem),
        cmocka_unit_test(a_listing_has_the_functions_asked_for),
        cmocka_unit_test(a_listing_shows_code_that_is_refused),
        cmocka_unit_test(every_status_has_words_and_a_name),
        cmocka_unit_test(json_is_checked_and_searched),
        cmocka_unit_test(json_strings_are_decoded_and_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
