/* Owns scripts: what each command does, and whether what happens is what it says.
 *
 * Modules that the engine refuses for a proposal are no failure but counted under the proposal's name, and so
 * is whatever depends on them: their instances, what is asserted about those, and what imports from those. */
#include "spec.h"

#include "answers/answers.h"
#include "base/os.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>

/* Whether a module or an instance can be used. */
typedef enum state_kind { READY, BROKEN, UNSUPPORTED, TEXT } state_kind;

typedef struct spec_state {
    state_kind kind;
    unsigned feature; /* number of the feature's bit, where it is UNSUPPORTED */
} spec_state;

typedef struct spec_definition {
    char *name; /* as all names here: NULL for none */
    spec_state state;
    engine_module *module;
} spec_definition;

/* An instance, by the name the script gives it or by the one it is registered under. */
typedef struct spec_named_instance {
    char *name;
    spec_state state;
    engine_instance *instance;
} spec_named_instance;

typedef enum verdict_kind { PASSED, FAILED, SKIPPED, LACKING } verdict_kind;

typedef struct spec_verdict {
    verdict_kind kind;
    unsigned feature;  /* of LACKING */
    char detail[1000]; /* why it did not pass */
} spec_verdict;

typedef struct spec_script {
    const spec_options *options;
    const char *folder, *label;
    engine_store *store;
    engine_exec *exec;
    spec_host host;
    spec_definition *definitions;
    size_t definition_count;
    spec_named_instance *instances, *registered;
    size_t instance_count, registered_count;
    const spec_state *lacking_import; /* what the resolver met last that cannot be used */
    spec_state not_run;  /* the last module that would have been instantiated, were it supported */
    bool acts_on_shared; /* the command acts on an instance that others may import from */
    base_bytes command;
    uint64_t line;
    uint32_t number; /* of the command */
} spec_script;

/* ---- Verdicts
 * ----------------------------------------------------------------------------------------------- */

static spec_verdict passed(void) {
    return (spec_verdict){.kind = PASSED};
}

static spec_verdict failed(const char *format, ...) BASE_PRINTF(1, 2);
static spec_verdict failed(const char *format, ...) {
    spec_verdict verdict = {.kind = FAILED};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict.detail, sizeof verdict.detail, format, arguments);
    va_end(arguments);
    return verdict;
}

/* What becomes of a command that needs something that cannot be used. */
static spec_verdict unusable(const spec_state *state, const char *what) {
    if (state->kind == TEXT) return (spec_verdict){.kind = SKIPPED};
    if (state->kind == UNSUPPORTED) return (spec_verdict){.kind = LACKING, .feature = state->feature};
    return failed("%s was not made", what);
}

static const char *status_name(base_status status) {
    static const char *const names[] = {"ok",         "no memory", "malformed", "invalid", "unsupported",
                                        "unlinkable", "limit",     "not found", "io",      "misuse"};
    return names[status];
}

/* The feature that a refusal names, in quotes. */
static unsigned feature_named_in(const char *message) {
    for (unsigned bit = 0; bit < SPEC_FEATURES - 1; bit++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", engine_feature_name((engine_feature)(1u << bit)));
        if (strstr(message, quoted)) return bit;
    }
    return SPEC_FEATURES - 1;
}

/* Whether an error's message has the suite's words in it. What follows a colon in those is the reference
 * interpreter's own detail. */
static bool says(const char *message, base_bytes words) {
    const uint8_t *colon = words.size ? memchr(words.data, ':', words.size) : NULL;
    size_t size = colon ? (size_t)(colon - words.data) : words.size;
    for (const char *at = message; *at; at++)
        if (strncmp(at, (const char *)words.data, size) == 0) return true;
    return false;
}

/* An error passes that is of the expected kind and says what is expected. */
static spec_verdict judge_error(base_status wanted, base_bytes words, base_status status,
                                const base_error *error) {
    if (status == BASE_UNSUPPORTED)
        return (spec_verdict){.kind = LACKING, .feature = feature_named_in(error->message)};
    if (status == wanted && says(error->message, words)) return passed();
    return failed("expected %s (%.*s), got %s: %s", status_name(wanted), (int)words.size,
                  (const char *)words.data, status_name(status), error->message);
}

/* ---- Names and members
 * -------------------------------------------------------------------------------------- */

static void *must(void *pointer) {
    if (!pointer) {
        fprintf(stderr, "spec: out of memory\n");
        exit(2);
    }
    return pointer;
}

static base_bytes member(base_bytes object, const char *name) {
    base_bytes value;
    json_find_text(object, name, &value);
    return value;
}

/* A string member decoded, to be freed; NULL where it is absent or null. `size` may be NULL. */
static char *string_member(base_bytes object, const char *name, size_t *size) {
    base_bytes value = member(object, name);
    if (json_kind_of(value) != JSON_STRING) return NULL;
    base_buffer buffer = {0};
    if (json_read_string(value, &buffer, NULL) != BASE_OK) must(NULL);
    char *text = must(malloc(buffer.size + 1));
    if (buffer.size) memcpy(text, buffer.data, buffer.size);
    text[buffer.size] = 0;
    if (size) *size = buffer.size;
    base_buffer_free(&buffer);
    return text;
}

static void *grow(void *array, size_t count, size_t size) {
    return must(realloc(array, (count + 1) * size));
}

static spec_definition *add_definition(spec_script *script) {
    script->definitions = grow(script->definitions, script->definition_count, sizeof *script->definitions);
    spec_definition *added = &script->definitions[script->definition_count++];
    *added = (spec_definition){.name = string_member(script->command, "name", NULL)};
    return added;
}

static bool same_name(const char *a, const char *b) {
    return a && strcmp(a, b) == 0;
}

/* The last definition of that name, or the last of all where the name is NULL. */
static spec_definition *find_definition(spec_script *script, const char *name) {
    for (size_t i = script->definition_count; i-- > 0;)
        if (!name || same_name(script->definitions[i].name, name)) return &script->definitions[i];
    return NULL;
}

static spec_named_instance *find_instance(spec_named_instance *list, size_t count, const char *name) {
    for (size_t i = count; i-- > 0;)
        if (!name || same_name(list[i].name, name)) return &list[i];
    return NULL;
}

/* The definition or instance that a member of the command names. */
static spec_definition *named_definition(spec_script *script, const char *member_name) {
    char *name = string_member(script->command, member_name, NULL);
    spec_definition *found = find_definition(script, name);
    free(name);
    return found;
}

static spec_named_instance *instance_named_in(spec_script *script, base_bytes object,
                                              const char *member_name) {
    char *name = string_member(object, member_name, NULL);
    spec_named_instance *found = find_instance(script->instances, script->instance_count, name);
    free(name);
    return found;
}

/* ---- Modules
 * ------------------------------------------------------------------------------------------------ */

static base_status load(spec_script *script, engine_module **module, base_error *error) {
    char *filename = string_member(script->command, "filename", NULL), path[1024];
    snprintf(path, sizeof path, "%s/%s", script->folder, filename ? filename : "");
    free(filename);
    *module = NULL;
    base_buffer bytes = {0};
    base_status status = os_read_file(path, 64 << 20, &bytes, error);
    if (status == BASE_OK)
        status =
            engine_module_load(NULL, base_buffer_bytes(&bytes), engine_features_available(), module, error);
    base_buffer_free(&bytes);
    return status;
}

static bool is_text(const spec_script *script) {
    return json_string_equals_text(member(script->command, "module_type"), "text");
}

static spec_verdict run_module_definition(spec_script *script) {
    spec_definition *definition = add_definition(script);
    if (is_text(script)) {
        definition->state.kind = TEXT;
        return (spec_verdict){.kind = SKIPPED};
    }
    base_error error = {0};
    base_status status = load(script, &definition->module, &error);
    if (status == BASE_OK) return passed();
    if (status == BASE_UNSUPPORTED) {
        definition->state = (spec_state){UNSUPPORTED, feature_named_in(error.message)};
        return unusable(&definition->state, "module");
    }
    definition->state.kind = BROKEN;
    return failed("module refused: %s: %s", status_name(status), error.message);
}

static spec_verdict run_assert_refused(spec_script *script, base_status wanted) {
    if (is_text(script)) return (spec_verdict){.kind = SKIPPED};
    base_error error = {0};
    engine_module *module;
    base_status status = load(script, &module, &error);
    engine_module_release(module);
    base_bytes words = {0};
    json_string_plain(member(script->command, "text"), &words);
    return judge_error(wanted, words, status, &error);
}

/* ---- Instances
 * ---------------------------------------------------------------------------------------------- */

static bool resolve(void *user, const engine_import *import, engine_extern *out) {
    spec_script *script = user;
    for (size_t i = script->registered_count; i-- > 0;) {
        spec_named_instance *candidate = &script->registered[i];
        if (!base_bytes_equal_text(import->module, candidate->name)) continue;
        if (candidate->state.kind == READY)
            return engine_instance_export(candidate->instance, import->name, out, NULL);
        script->lacking_import = &candidate->state;
        return false;
    }
    return base_bytes_equal_text(import->module, "spectest") &&
           spec_host_find(&script->host, import->name, out);
}

static void report_run(spec_script *script, engine_outcome outcome) {
    FILE *to = script->options->answers;
    if (!to) return;
    fprintf(to, "%s:%" PRIu64 " command %" PRIu32 ": ", script->label, script->line, script->number);
    answers_write_run(to, outcome, script->exec);
}

/* What the script leaves in the memories of its instances. */
static void report_memories(const spec_script *script) {
    for (size_t i = 0; script->options->answers && i < script->instance_count; i++) {
        char label[1100];
        snprintf(label, sizeof label, "%s instance %zu", script->label, i);
        if (script->instances[i].instance)
            answers_write_memories(script->options->answers, label, script->instances[i].instance);
    }
}

static bool trap_text_matches(const char *text, base_bytes wanted) {
    if (strncmp(text, (const char *)wanted.data, wanted.size) == 0) return true;
    /* One script wants the index that the reference interpreter adds: "uninitialized element 2". */
    size_t length = strlen(text);
    if (wanted.size <= length + 1 || memcmp(text, wanted.data, length) != 0 || wanted.data[length] != ' ')
        return false;
    for (size_t i = length + 1; i < wanted.size; i++)
        if (wanted.data[i] < '0' || wanted.data[i] > '9') return false;
    return true;
}

/* How making an instance ended. */
typedef struct spec_making {
    base_status status; /* of engine_instantiate */
    engine_trap_code trap;
    char text[600]; /* the trap's or the error's */
    engine_instance *instance;
    bool endless;
} spec_making;

static spec_making make_instance(spec_script *script, spec_definition *definition) {
    spec_making making = {0};
    base_error error = {0};
    script->lacking_import = NULL;
    making.status = engine_instantiate(script->store, definition->module, resolve, script, &making.instance,
                                       &making.trap, &error);
    snprintf(making.text, sizeof making.text, "%s", error.message);
    uint64_t start = making.instance ? engine_instance_start(making.instance) : 0;
    if (making.status != BASE_OK || !start) return making;
    making.status = engine_exec_start(script->exec, start, NULL, &error);
    if (making.status != BASE_OK) return making;
    engine_outcome outcome = spec_run(script->options, script->exec);
    report_run(script, outcome);
    making.endless = outcome != ENGINE_FINISHED && outcome != ENGINE_TRAPPED;
    if (outcome == ENGINE_TRAPPED) {
        making.trap = engine_exec_trap(script->exec);
        snprintf(making.text, sizeof making.text, "%s", engine_exec_trap_message(script->exec));
    }
    return making;
}

static spec_verdict run_module_instance(spec_script *script) {
    spec_definition *definition = named_definition(script, "module");
    if (!definition) return failed("no such definition");
    script->instances = grow(script->instances, script->instance_count, sizeof *script->instances);
    spec_named_instance *added = &script->instances[script->instance_count++];
    *added = (spec_named_instance){.name = string_member(script->command, "name", NULL),
                                   .state = definition->state};
    if (added->state.kind != READY) return unusable(&added->state, "module");
    spec_making making = make_instance(script, definition);
    added->instance = making.instance;
    if (making.status == BASE_OK && making.trap == ENGINE_TRAP_NONE && !making.endless) return passed();
    if (script->lacking_import) {
        added->state = *script->lacking_import;
        return unusable(&added->state, "an instance it imports from");
    }
    added->state.kind = BROKEN;
    return failed("%s: %s", making.endless ? "the start function does not end" : status_name(making.status),
                  making.text);
}

static spec_verdict run_assert_not_made(spec_script *script, bool unlinkable) {
    spec_definition *definition = named_definition(script, "module");
    if (!definition) return failed("no such definition");
    if (definition->state.kind != READY) return unusable(&definition->state, "module");
    spec_making making = make_instance(script, definition);
    if (script->lacking_import) return unusable(script->lacking_import, "an instance it imports from");
    base_bytes words = {0};
    json_string_plain(member(script->command, "text"), &words);
    if (unlinkable) {
        base_error error = {.status = making.status};
        snprintf(error.message, sizeof error.message, "%.400s", making.text);
        return judge_error(BASE_UNLINKABLE, words, making.status, &error);
    }
    if (making.trap != ENGINE_TRAP_NONE && trap_text_matches(making.text, words)) return passed();
    return failed("expected a trap (%.*s), got %s: %s", (int)words.size, words.data,
                  status_name(making.status), making.text);
}

static spec_verdict run_register(spec_script *script) {
    spec_named_instance *instance = instance_named_in(script, script->command, "name");
    if (!instance) return failed("no such instance");
    script->registered = grow(script->registered, script->registered_count, sizeof *script->registered);
    spec_named_instance *added = &script->registered[script->registered_count++];
    *added = *instance;
    added->name = must(string_member(script->command, "as", NULL));
    return instance->state.kind == READY ? passed() : unusable(&instance->state, "instance");
}

/* ---- Actions
 * ------------------------------------------------------------------------------------------------ */

/* How an action ended. */
typedef struct spec_result {
    enum { RETURNED, TRAPPED, NOT_DONE } kind;
    spec_verdict why_not; /* NOT_DONE */
    const engine_valtype *types;
    uint32_t count;
    const uint64_t *cells;
    engine_trap_code trap;
    const char *message; /* of the trap */
    engine_valtype global_type;
    uint64_t global_cells[2];
} spec_result;

static void invoke(spec_script *script, base_bytes action, uint64_t func, const engine_functype *type,
                   spec_result *result) {
    result->kind = NOT_DONE;
    uint64_t *arguments = must(calloc((size_t)type->param_cells + 2, sizeof *arguments));
    uint32_t cells = 0;
    json_iterator list = json_iterate(member(action, "args"));
    base_bytes value;
    while (json_next_element(&list, &value) && cells < type->param_cells)
        cells += spec_read_argument(value, arguments + cells);
    base_error error = {0};
    if (cells != type->param_cells || json_count(member(action, "args"), SIZE_MAX) != type->param_count) {
        result->why_not = failed("arguments do not fit the function's type");
    } else if (engine_exec_start(script->exec, func, arguments, &error) != BASE_OK) {
        result->why_not = failed("cannot start: %s", error.message);
    } else {
        engine_outcome outcome = spec_run(script->options, script->exec);
        report_run(script, outcome);
        if (outcome == ENGINE_FINISHED) {
            result->kind = RETURNED;
            result->types = type->results;
            result->count = type->result_count;
            result->cells = engine_exec_results(script->exec);
        } else if (outcome == ENGINE_TRAPPED) {
            result->kind = TRAPPED;
            result->trap = engine_exec_trap(script->exec);
            result->message = engine_exec_trap_message(script->exec);
        } else {
            result->why_not = failed("does not end: %" PRIu64 " units of fuel spent, outcome %d",
                                     engine_exec_fuel_used(script->exec), (int)outcome);
        }
    }
    free(arguments);
}

/* Does the command's action. */
static void act(spec_script *script, spec_result *result) {
    *result = (struct spec_result){.kind = NOT_DONE};
    base_bytes action = member(script->command, "action");
    spec_named_instance *instance = instance_named_in(script, action, "module");
    if (!instance || instance->state.kind != READY) {
        result->why_not = instance ? unusable(&instance->state, "instance") : failed("no such instance");
        return;
    }
    base_bytes name = {0};
    char *field = must(string_member(action, "field", &name.size));
    name.data = (const uint8_t *)field;
    engine_extern found;
    engine_extern_type type;
    bool is_get = json_string_equals_text(member(action, "type"), "get");
    if (!engine_instance_export(instance->instance, name, &found, &type) ||
        type.kind != (is_get ? ENGINE_GLOBAL : ENGINE_FUNC)) {
        result->why_not = failed("no such export: %s", field);
    } else if (is_get) {
        result->kind = RETURNED;
        result->global_type = type.value;
        engine_global_get(found.global, result->global_cells);
        result->types = &result->global_type;
        result->count = 1;
        result->cells = result->global_cells;
    } else {
        invoke(script, action, found.func, type.func, result);
    }
    free(field);
}

/* The results as cells in hexadecimal, for a message. */
static spec_verdict wrong_results(base_bytes expected, const spec_result *result) {
    char got[400] = "";
    size_t size = 0, cell = 0;
    for (uint32_t i = 0; i < result->count && size + 60 < sizeof got; i++) {
        unsigned cells = engine_cells(result->types[i]);
        for (unsigned j = cells; j-- > 0;) {
            uint64_t bits = result->cells[cell + j];
            if (result->types[i] == ENGINE_I32 || result->types[i] == ENGINE_F32) bits = (uint32_t)bits;
            size += (size_t)snprintf(got + size, sizeof got - size, "%s%" PRIx64,
                                     j + 1 == cells ? " 0x" : "_", bits);
        }
        cell += cells;
    }
    return failed("expected %.*s, got%s", expected.size < 400 ? (int)expected.size : 400, expected.data, got);
}

static spec_verdict trapped_instead(const spec_result *result, const char *wanted) {
    return failed("expected %s, got a trap: %s", wanted, result->message);
}

static spec_verdict run_assert_return(spec_script *script) {
    spec_result result;
    act(script, &result);
    if (result.kind == NOT_DONE) return result.why_not;
    if (result.kind == TRAPPED) return trapped_instead(&result, "results");
    base_bytes expected = member(script->command, "expected"), value;
    json_iterator list = json_iterate(expected);
    uint32_t count = 0;
    const uint64_t *cells = result.cells;
    for (; json_next_element(&list, &value); count++) {
        if (count >= result.count || !spec_result_matches(value, result.types[count], cells))
            return wrong_results(expected, &result);
        cells += engine_cells(result.types[count]);
    }
    return count == result.count ? passed() : wrong_results(expected, &result);
}

static spec_verdict run_action(spec_script *script) {
    spec_result result;
    act(script, &result);
    if (result.kind == NOT_DONE) return result.why_not;
    return result.kind == RETURNED ? passed() : trapped_instead(&result, "no trap");
}

static spec_verdict run_assert_trap(spec_script *script) {
    spec_result result;
    act(script, &result);
    if (result.kind == NOT_DONE) return result.why_not;
    base_bytes words = {0};
    json_string_plain(member(script->command, "text"), &words);
    if (result.kind == RETURNED)
        return failed("expected a trap (%.*s), got results", (int)words.size, words.data);
    if (trap_text_matches(result.message, words)) return passed();
    return failed("expected a trap (%.*s), got: %s", (int)words.size, words.data, result.message);
}

static spec_verdict run_assert_exception(spec_script *script) {
    spec_result result;
    act(script, &result);
    if (result.kind == NOT_DONE) return result.why_not;
    if (result.kind == RETURNED) return failed("expected an exception, got results");
    return result.trap == ENGINE_TRAP_UNCAUGHT_EXCEPTION ? passed()
                                                         : trapped_instead(&result, "an exception");
}

/* ---- The script
 * --------------------------------------------------------------------------------------------- */

typedef enum command_kind {
    MODULE,
    MODULE_DEFINITION,
    MODULE_INSTANCE,
    REGISTER,
    ACTION,
    ASSERT_RETURN,
    ASSERT_TRAP,
    ASSERT_EXHAUSTION,
    ASSERT_EXCEPTION,
    ASSERT_INVALID,
    ASSERT_MALFORMED,
    ASSERT_UNLINKABLE,
    ASSERT_UNINSTANTIABLE,
    COMMAND_COUNT
} command_kind;

static const char *const command_names[COMMAND_COUNT] = {
    "module",           "module_definition", "module_instance",       "register",         "action",
    "assert_return",    "assert_trap",       "assert_exhaustion",     "assert_exception", "assert_invalid",
    "assert_malformed", "assert_unlinkable", "assert_uninstantiable",
};

static bool only_loads(command_kind kind) {
    return kind == MODULE || kind == MODULE_DEFINITION || kind == ASSERT_INVALID || kind == ASSERT_MALFORMED;
}

static spec_verdict run_module(spec_script *script) {
    spec_verdict verdict = run_module_definition(script);
    return verdict.kind == PASSED && !script->options->load_only ? run_module_instance(script) : verdict;
}

static spec_verdict run_command(spec_script *script, command_kind kind) {
    switch (kind) {
    case MODULE: return run_module(script);
    case MODULE_DEFINITION: return run_module_definition(script);
    case MODULE_INSTANCE: return run_module_instance(script);
    case REGISTER: return run_register(script);
    case ACTION: return run_action(script);
    case ASSERT_RETURN: return run_assert_return(script);
    case ASSERT_TRAP:
    case ASSERT_EXHAUSTION: return run_assert_trap(script);
    case ASSERT_EXCEPTION: return run_assert_exception(script);
    case ASSERT_INVALID: return run_assert_refused(script, BASE_INVALID);
    case ASSERT_MALFORMED: return run_assert_refused(script, BASE_MALFORMED);
    case ASSERT_UNLINKABLE: return run_assert_not_made(script, true);
    case ASSERT_UNINSTANTIABLE: return run_assert_not_made(script, false);
    case COMMAND_COUNT: break;
    }
    return failed("unknown command");
}

static void tell(const spec_script *script, const char *what, const spec_verdict *verdict) {
    base_bytes type = {0}, field = {0};
    json_string_plain(member(script->command, "type"), &type);
    json_string_plain(member(member(script->command, "action"), "field"), &field);
    printf("%s %s:%" PRIu64 " %.*s %.*s: %s\n", what, script->label, script->line, (int)type.size,
           (const char *)type.data, (int)field.size, (const char *)field.data, verdict->detail);
}

static void count(const spec_script *script, const spec_verdict *verdict, spec_totals *totals) {
    const spec_options *options = script->options;
    switch (verdict->kind) {
    case PASSED: totals->passed++; return;
    case FAILED:
        totals->failed++;
        tell(script, "FAIL", verdict);
        return;
    case SKIPPED:
        totals->skipped++;
        if (options->verbose) tell(script, "skip", verdict);
        return;
    case LACKING:
        totals->unsupported[verdict->feature]++;
        if (options->verbose) tell(script, "unsupported", verdict);
        return;
    }
}

static bool open_script(spec_script *script, base_error *error) {
    /* The scripts make many memories in one store; what is tested is the modules' limits, not the store's. */
    engine_limits limits = {.memory_pages = UINT64_C(1) << 32, .table_elements = UINT64_C(1) << 40};
    if (engine_store_new(NULL, &limits, &script->store) != BASE_OK) return false;
    script->host.pends = script->options->slice != 0;
    return spec_host_init(&script->host, script->store, error) == BASE_OK &&
           engine_exec_new(script->store, &script->exec) == BASE_OK;
}

static void close_script(spec_script *script) {
    engine_exec_free(script->exec);
    engine_store_free(script->store);
    for (size_t i = 0; i < script->definition_count; i++) {
        free(script->definitions[i].name);
        engine_module_release(script->definitions[i].module);
    }
    for (size_t i = 0; i < script->instance_count; i++) free(script->instances[i].name);
    for (size_t i = 0; i < script->registered_count; i++) free(script->registered[i].name);
    free(script->definitions);
    free(script->instances);
    free(script->registered);
}

static void run_commands(spec_script *script, base_bytes commands, spec_totals *totals) {
    json_iterator list = json_iterate(commands);
    for (; json_next_element(&list, &script->command); script->number++) {
        base_bytes type = member(script->command, "type");
        unsigned kind = 0;
        while (kind < COMMAND_COUNT && !json_string_equals_text(type, command_names[kind])) kind++;
        if (script->options->load_only && !only_loads((command_kind)kind)) continue;
        if (json_read_uint64(member(script->command, "line"), &script->line, NULL) != BASE_OK)
            script->line = 0;
        spec_verdict verdict = run_command(script, (command_kind)kind);
        count(script, &verdict, totals);
    }
}

bool spec_script_run(const spec_options *options, const char *folder, const char *path, const char *label,
                     spec_totals *totals) {
    base_buffer text = {0};
    base_bytes value;
    base_error error = {0};
    if (os_read_file(path, 256 << 20, &text, &error) != BASE_OK ||
        json_validate(base_buffer_bytes(&text), 0, &value, &error) != BASE_OK) {
        printf("FAIL %s: %s\n", label, error.message);
        base_buffer_free(&text);
        return false;
    }
    spec_script script = {.options = options, .folder = folder, .label = label};
    bool opened = options->load_only || open_script(&script, &error);
    if (opened)
        run_commands(&script, member(value, "commands"), totals);
    else
        printf("FAIL %s: no store: %s\n", label, error.message);
    report_memories(&script);
    close_script(&script);
    base_buffer_free(&text);
    return opened;
}
