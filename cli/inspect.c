/* wplug inspect: what a module is, needs and offers, as text for people or as JSON. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a plugin may use to describe itself. */
#define DISCOVER_TIME_NS 2000000000u
#define DISCOVER_FUEL    500000000u

enum { LABEL_WIDTH = 12 };

static int print_help(void) {
    puts("usage: wplug inspect [OPTION...] PLUGIN\n"
         "\n"
         "Says what the module in the file PLUGIN is: its size and kind, the features and memory it needs, "
         "its imports\n"
         "and exports, and what a host would refuse and why. A plugin that loads is also asked for its "
         "methods\n"
         "(rpc.discover), for which it runs in a sandbox for a moment. Or prints the module's code, and runs "
         "nothing.\n");
    cli_print_options(CLI_INSPECT);
    puts("\n"
         "Exit status:\n"
         "  0    the plugin would load; with --code and --function, the code is valid\n"
         "  1    wplug itself failed: the file cannot be read, stdout cannot be written\n"
         "  2    wrong usage; no such function\n"
         "  3    the plugin would be refused; the output says why. With --code and --function, the code is "
         "refused,\n"
         "       and stderr says why");
    return cli_finish_stdout() ? CLI_OK : CLI_FAILED;
}

/* ---- Text for people --------------------------------------------------------------------------------------
 */

static void print_value(cli_json value) {
    cli_text text = cli_json_text(value);
    cli_print_safely(stdout, text.data, text.size);
    cli_text_free(&text);
}

static void print_label(const char *label) {
    printf("%-*s", LABEL_WIDTH, label);
}

/* One line: a label and the strings of an array. */
static void print_names(const char *label, cli_json names) {
    cli_json name;
    bool is_first = true;
    print_label(label);
    for (size_t at = 0; cli_json_next(names, &at, &name); is_first = false) {
        if (!is_first) fputs(", ", stdout);
        print_value(name);
    }
    puts(is_first ? "none" : "");
}

static void print_problems(cli_json problems) {
    cli_json problem;
    for (size_t at = 0; cli_json_next(problems, &at, &problem);) {
        print_label("  refused");
        print_value(cli_json_get(problem, "/message"));
        fputs(" (", stdout);
        print_value(cli_json_get(problem, "/status"));
        puts(")");
    }
}

static void print_memories(cli_json memories) {
    cli_json memory;
    bool has_any = false;
    for (size_t at = 0; cli_json_next(memories, &at, &memory); has_any = true) {
        cli_json max = cli_json_get(memory, "/max_pages");
        uint64_t min_pages = cli_json_u64(cli_json_get(memory, "/min_pages"));
        print_label("memory");
        printf("%" PRIu64 " KiB at the start, ", min_pages * 64);
        if (cli_json_is(max, "null"))
            fputs("no maximum of its own", stdout);
        else
            printf("at most %" PRIu64 " KiB", cli_json_u64(max) * 64);
        puts(cli_json_is(cli_json_get(memory, "/imported"), "true") ? ", imported" : "");
    }
    if (!has_any) {
        print_label("memory");
        puts("none");
    }
}

/* The imports or exports of a module, one a line: where it comes from if it does, name, kind and type. */
static void print_externs(const char *heading, cli_json externs) {
    cli_json each;
    puts(heading);
    for (size_t at = 0; cli_json_next(externs, &at, &each);) {
        cli_json module = cli_json_get(each, "/module");
        fputs("  ", stdout);
        print_value(module);
        if (module.data != NULL) putchar('.');
        print_value(cli_json_get(each, "/name"));
        putchar(' ');
        print_value(cli_json_get(each, "/kind"));
        putchar(' ');
        print_value(cli_json_get(each, "/type"));
        puts(cli_json_is(cli_json_get(each, "/provided"), "false") ? "   NOT PROVIDED" : "");
    }
}

/* The methods of an OpenRPC document: "  name(a, b?) -> result   what it does". */
static void print_methods(cli_json document) {
    cli_json methods = cli_json_get(document, "/methods"), method, param;
    puts("methods");
    for (size_t at = 0; cli_json_next(methods, &at, &method);) {
        const char *separator = "";
        fputs("  ", stdout);
        print_value(cli_json_get(method, "/name"));
        putchar('(');
        for (size_t i = 0; cli_json_next(cli_json_get(method, "/params"), &i, &param); separator = ", ") {
            fputs(separator, stdout);
            print_value(cli_json_get(param, "/name"));
            if (!cli_json_is(cli_json_get(param, "/required"), "true")) putchar('?');
        }
        putchar(')');
        cli_json about = cli_json_get(method, "/summary");
        if (about.data == NULL) about = cli_json_get(method, "/description");
        if (about.data != NULL) fputs("   ", stdout);
        print_value(about);
        putchar('\n');
    }
}

static void print_text(const char *path, cli_json facts, cli_json document, const char *why_not) {
    cli_json functions = cli_json_get(facts, "/functions");
    bool loads = cli_json_is(cli_json_get(facts, "/loads"), "true");
    print_label("file");
    cli_print_safely(stdout, path, strlen(path));
    fputs("\n", stdout);
    print_label("kind");
    print_value(cli_json_get(facts, "/kind"));
    putchar('\n');
    print_label("size");
    print_value(cli_json_get(facts, "/size"));
    fputs(" bytes", stdout);
    if (functions.data != NULL) {
        fputs(", ", stdout);
        print_value(functions);
        fputs(" functions", stdout);
    }
    putchar('\n');
    print_label("loads");
    puts(loads ? "yes" : "no");
    print_problems(cli_json_get(facts, "/problems"));
    if (functions.data == NULL) return;
    print_names("features", cli_json_get(facts, "/features"));
    print_memories(cli_json_get(facts, "/memories"));
    if (document.data != NULL) {
        print_methods(document);
    } else if (why_not[0] != 0) {
        print_label("methods");
        fputs("unknown: ", stdout);
        cli_print_safely(stdout, why_not, strlen(why_not));
        putchar('\n');
    }
    print_externs("imports", cli_json_get(facts, "/imports"));
    print_externs("exports", cli_json_get(facts, "/exports"));
}

/* ---- JSON -------------------------------------------------------------------------------------------------
 */

/* The library's object with one member more: "discover", the plugin's own description, or null; and where
 * that is null although it was asked for, "discover_error". */
static void print_json(cli_json facts, cli_json document, const char *why_not) {
    size_t size = facts.size;
    while (size != 0 && facts.data[size - 1] != '}') size--;
    fwrite(facts.data, 1, size - 1, stdout);
    fputs(",\"discover\":", stdout);
    if (document.data != NULL)
        fwrite(document.data, 1, document.size, stdout);
    else
        fputs("null", stdout);
    if (why_not[0] != 0) {
        size_t needed, length = strlen(why_not);
        cli_text quoted = {0};
        wplug_json_encode_string(why_not, length, NULL, 0, &needed);
        wplug_json_encode_string(why_not, length, cli_text_space(&quoted, needed), needed + 1, NULL);
        printf(",\"discover_error\":%s", quoted.data);
        cli_text_free(&quoted);
    }
    puts("}");
}

/* ---- The subcommand ---------------------------------------------------------------------------------------
 */

/* Asks a plugin for its description. NULL where it gives none, and then `error` says why. */
static wplug_result *discover(const cli_text *bytes, const cli_settings *settings, wplug_error *error) {
    wplug_plugin *plugin = NULL;
    wplug_runtime *runtime = NULL;
    wplug_result *result = NULL;
    wplug_limits limits;
    wplug_call_options options;
    wplug_limits_init(&limits);
    limits.time_ns = DISCOVER_TIME_NS;
    limits.fuel = DISCOVER_FUEL;
    wplug_call_options_init(&options);
    options.limits = &limits;
    bool is_answered =
        wplug_plugin_load(bytes->data, bytes->size, &settings->plugin, &plugin, error) == WPLUG_OK &&
        wplug_runtime_new(NULL, &runtime, error) == WPLUG_OK &&
        wplug_call(runtime, plugin, "rpc.discover", NULL, &options, &result, error) == WPLUG_OK;
    if (!is_answered) {
        wplug_result_release(result);
        result = NULL;
    }
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
    return result;
}

/* Everything about the module in `bytes`; returns the exit status. */
static int inspect(const char *path, const cli_text *bytes, const cli_settings *settings) {
    char *json;
    wplug_error error = {0};
    if (wplug_inspect(bytes->data, bytes->size, &settings->plugin, &json, &error) != WPLUG_OK) {
        cli_complain("%s", error.message);
        return CLI_FAILED;
    }
    cli_json facts = {json, strlen(json)};
    cli_json document = {0};
    wplug_result *described = NULL;
    bool loads = cli_json_is(cli_json_get(facts, "/loads"), "true");
    if (loads && !settings->is_static) {
        described = discover(bytes, settings, &error);
        if (described != NULL) document = (cli_json){described->json, described->json_size};
    }
    if (settings->json)
        print_json(facts, document, error.message);
    else
        print_text(path, facts, document, error.message);
    bool is_written = cli_finish_stdout();
    wplug_result_release(described);
    wplug_text_free(json);
    if (!is_written) return CLI_FAILED;
    return loads ? CLI_OK : CLI_NOT_LOADED;
}

/* ---- Code -------------------------------------------------------------------------------------------------
 */

static bool print_line(void *user, const char *line, size_t size) {
    cli_print_safely(stdout, line, size);
    putchar('\n');
    return ferror(stdout) == 0;
}

/* Prints code; returns the exit status. */
static int show_code(const cli_text *bytes, const cli_settings *settings) {
    wplug_error error = {0};
    wplug_status status = wplug_disassemble(bytes->data, bytes->size, &settings->plugin, settings->function,
                                            print_line, NULL, &error);
    if (!cli_finish_stdout()) return CLI_FAILED;
    if (status == WPLUG_OK) return CLI_OK;
    cli_complain("%s", error.message);
    if (status == WPLUG_NOT_FOUND) return CLI_USAGE;
    return status == WPLUG_MISUSE || status == WPLUG_NO_MEMORY ? CLI_FAILED : CLI_NOT_LOADED;
}

int cli_inspect(int count, char **arguments) {
    cli_settings settings;
    cli_text bytes = {0};
    int status = cli_parse(&settings, CLI_INSPECT, "inspect", count, arguments);
    if (status == CLI_OK) {
        if (settings.wants_help)
            status = print_help();
        else if (settings.words.count == 0)
            status = cli_wrong_usage("inspect", "PLUGIN is missing");
        else if (settings.words.count > 1)
            status =
                cli_wrong_usage("inspect", "unexpected word \"%s\" after PLUGIN", settings.words.items[1]);
        else if (settings.shows_code && settings.json)
            status = cli_wrong_usage("inspect", "--json has no form for code");
        else if (!cli_read_file(settings.words.items[0], &bytes))
            status = CLI_FAILED;
        else if (settings.shows_code)
            status = show_code(&bytes, &settings);
        else
            status = inspect(settings.words.items[0], &bytes, &settings);
    }
    cli_text_free(&bytes);
    cli_settings_free(&settings);
    return status;
}
