/* The table of options. Parsing and the option part of --help both come from it, so that they cannot differ.
 */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct cli_option {
    int which;
    const char *name;
    const char *value; /* what the value is called in the help; NULL for a flag */
    const char *help;
    /* Stores the value. NULL on success, else what a right value would be. */
    const char *(*set)(cli_settings *settings, const char *value);
} cli_option;

void cli_list_add(cli_list *list, const char *item) {
    list->items = cli_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = item;
}

/* ---- Setting each -----------------------------------------------------------------------------------------
 */

static const char count_wanted[] = "a whole number from 1 up, perhaps with K, M or G (1000 each), or none";
static const char bytes_wanted[] = "a number of bytes from 1 up, perhaps with K, M or G (1024 each), or none";
static const char duration_wanted[] = "a time over 0 such as 2, 0.5, 250ms, 3m, or none";

static const char *set_fuel(cli_settings *settings, const char *value) {
    return cli_parse_count(value, &settings->limits.fuel) ? NULL : count_wanted;
}

static const char *set_timeout(cli_settings *settings, const char *value) {
    return cli_parse_duration(value, &settings->limits.time_ns) ? NULL : duration_wanted;
}

static const char *set_memory(cli_settings *settings, const char *value) {
    return cli_parse_bytes(value, &settings->limits.memory_bytes) ? NULL : bytes_wanted;
}

/* --limit NAME=VALUE: the limits that few people ever touch share one option. */
static const char *set_limit(cli_settings *settings, const char *value) {
    wplug_limits *limits = &settings->limits;
    const struct {
        const char *name;
        uint64_t *limit;
        bool (*parse)(const char *text, uint64_t *out);
        const char *wanted;
    } known[] = {{"table", &limits->table_elements, cli_parse_count, count_wanted},
                 {"stack", &limits->stack_bytes, cli_parse_bytes, bytes_wanted},
                 {"depth", &limits->depth, cli_parse_count, count_wanted},
                 {"message", &limits->message_bytes, cli_parse_bytes, bytes_wanted},
                 {"message-depth", &limits->message_depth, cli_parse_count, count_wanted},
                 {"log", &limits->log_bytes, cli_parse_bytes, bytes_wanted},
                 {"log-line", &limits->log_line_bytes, cli_parse_bytes, bytes_wanted},
                 {"host-calls", &limits->host_calls, cli_parse_count, count_wanted}};
    const char *equals = strchr(value, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - value);
    for (size_t i = 0; equals != NULL && i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) != length || memcmp(known[i].name, value, length) != 0) continue;
        return known[i].parse(equals + 1, known[i].limit) ? NULL : known[i].wanted;
    }
    return "NAME=VALUE with one of the names table, stack, depth, message, message-depth, log, log-line, "
           "host-calls";
}

static const char *set_host(cli_settings *settings, const char *value) {
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == 0) return "NAME=COMMAND";
    size_t length = (size_t)(equals - value);
    for (size_t i = 0; i < settings->host_count; i++) {
        const char *method = settings->hosts[i].method;
        if (strlen(method) == length && memcmp(method, value, length) == 0)
            return "a method not given before";
    }
    char *method = cli_resize(NULL, length + 1, 1);
    memcpy(method, value, length);
    method[length] = 0;
    settings->hosts = cli_resize(settings->hosts, settings->host_count + 1, sizeof *settings->hosts);
    settings->hosts[settings->host_count++] = (cli_host){method, equals + 1};
    return NULL;
}

static const char *set_files(cli_settings *settings, const char *value) {
    settings->files = value;
    return NULL;
}

static const char *set_env(cli_settings *settings, const char *value) {
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value) return "NAME=VALUE";
    cli_list_add(&settings->env, value);
    return NULL;
}

static const char *set_arg(cli_settings *settings, const char *value) {
    cli_list_add(&settings->args, value);
    return NULL;
}

static const char *set_name(cli_settings *settings, const char *value) {
    settings->plugin.name = value;
    return value[0] != 0 ? NULL : "a name that is not empty";
}

static const char *set_id(cli_settings *settings, const char *value) {
    settings->plugin.id = &settings->id;
    return wplug_id_parse(value, &settings->id) == WPLUG_OK
               ? NULL
               : "a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8";
}

static const char *set_seed(cli_settings *settings, const char *value) {
    settings->plugin.deterministic = true;
    return cli_parse_u64(value, &settings->plugin.seed) ? NULL : "a whole number below 2^64";
}

static const char *set_start_time(cli_settings *settings, const char *value) {
    uint64_t seconds;
    bool fits = cli_parse_u64(value, &seconds) && seconds <= UINT64_MAX / 1000000000u;
    if (fits) settings->plugin.start_time_ns = seconds * 1000000000u;
    settings->plugin.deterministic = true;
    return fits ? NULL : "whole seconds since 1970-01-01 UTC";
}

static const char *set_invoke(cli_settings *settings, const char *value) {
    settings->invoke = value;
    settings->plugin.library = true;
    return NULL;
}

static const char *set_async(cli_settings *settings, const char *value) {
    settings->plugin.async_guest = true;
    return NULL;
}

static const char *set_trap_unknown(cli_settings *settings, const char *value) {
    settings->plugin.trap_unknown_imports = true;
    return NULL;
}

static const char *set_trace(cli_settings *settings, const char *value) {
    settings->trace = true;
    return NULL;
}

static const char *set_quiet(cli_settings *settings, const char *value) {
    settings->quiet = true;
    return NULL;
}

static const char *set_stats(cli_settings *settings, const char *value) {
    settings->stats = true;
    return NULL;
}

static const char *set_json(cli_settings *settings, const char *value) {
    settings->json = true;
    return NULL;
}

static const char *set_static(cli_settings *settings, const char *value) {
    settings->is_static = true;
    return NULL;
}

static const char *set_code(cli_settings *settings, const char *value) {
    settings->shows_code = true;
    return NULL;
}

static const char *set_function(cli_settings *settings, const char *value) {
    settings->shows_code = true;
    settings->function = value;
    return value[0] != 0 ? NULL : "an index or a name";
}

static const char *set_help(cli_settings *settings, const char *value) {
    settings->wants_help = true;
    return NULL;
}

/* ---- The table --------------------------------------------------------------------------------------------
 */

static const cli_option options[] = {
    {CLI_CALL, "--host", "NAME=COMMAND",
     "answer the plugin's calls of the host method NAME with a shell command: params as JSON on its stdin, "
     "result as "
     "JSON on its stdout (nothing means null). The name * stands for all others. May be given many times; up "
     "to 64 "
     "commands run at once",
     set_host},
    {CLI_CALL, "--files", "FOLDER",
     "provide the host method read_file, for the files in FOLDER and below, read only", set_files},
    {CLI_RUN, "--invoke", "EXPORT", "call this exported function with the arguments and print its results",
     set_invoke},
    {CLI_CALL | CLI_RUN, "--fuel", "N", "end it after N units, about one instruction each (K, M, G)",
     set_fuel},
    {CLI_CALL | CLI_RUN, "--timeout", "TIME",
     "end it after this many seconds, or 250ms, 2m... (default: call 60, run none)", set_timeout},
    {CLI_CALL | CLI_RUN, "--memory", "SIZE",
     "let it have this many bytes of memory (default: call 256M, run none)", set_memory},
    {CLI_CALL | CLI_RUN, "--limit", "NAME=VALUE",
     "another limit: table, stack, depth, message, message-depth, log, log-line, host-calls", set_limit},
    {CLI_CALL | CLI_RUN, "--env", "NAME=VALUE", "put this into the environment, which is empty otherwise",
     set_env},
    {CLI_CALL, "--arg", "ARG", "append to the plugin's command line arguments", set_arg},
    {CLI_CALL | CLI_RUN, "--seed", "N", "run repeatably: randomness from this seed, clocks that count fuel",
     set_seed},
    {CLI_CALL | CLI_RUN, "--start-time", "SECONDS", "run repeatably, the clock starting here (default 0)",
     set_start_time},
    {CLI_CALL, "--async", NULL, "for plugins on an async runtime: empty stdin answers EAGAIN", set_async},
    {CLI_CALL | CLI_RUN | CLI_INSPECT, "--trap-unknown-imports", NULL,
     "accept imports that nobody provides; they trap when they are called", set_trap_unknown},
    {CLI_CALL, "--name", "NAME", "the plugin's name in logs (default: the file's)", set_name},
    {CLI_CALL, "--id", "UUID", "the plugin's id (default: a random one)", set_id},
    {CLI_CALL, "--trace", NULL, "show each message, both directions, on stderr", set_trace},
    {CLI_CALL, "--quiet", NULL, "leave out the plugin's log and what host commands write to stderr",
     set_quiet},
    {CLI_CALL | CLI_RUN, "--stats", NULL, "at the end show fuel, time and memory used, on stderr", set_stats},
    {CLI_INSPECT, "--json", NULL, "print it as JSON", set_json},
    {CLI_INSPECT, "--static", NULL, "run nothing: do not ask the plugin for its methods", set_static},
    {CLI_INSPECT, "--code", NULL, "print the code of all its functions instead, an instruction a line",
     set_code},
    {CLI_INSPECT, "--function", "INDEX|NAME", "print the code of this function instead", set_function},
    {CLI_CALL | CLI_RUN | CLI_INSPECT, "--help", NULL, "show this", set_help},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static const cli_option *find_option(int which, const char *name, size_t length) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const cli_option *option = &options[i];
        if ((option->which & which) != 0 && strlen(option->name) == length &&
            memcmp(option->name, name, length) == 0)
            return option;
    }
    return NULL;
}

/* Reads the option at arguments[*at] and moves *at past it. */
static int parse_option(cli_settings *settings, int which, int *at, int count, char **arguments) {
    const char *text = arguments[(*at)++];
    const char *equals = strchr(text, '=');
    size_t length = equals == NULL ? strlen(text) : (size_t)(equals - text);
    const cli_option *option = find_option(which, text, length);
    if (option == NULL) return cli_wrong_usage(settings->command, "unknown option %.*s", (int)length, text);
    if (option->value == NULL && equals != NULL)
        return cli_wrong_usage(settings->command, "%s takes no value", option->name);
    const char *value = NULL;
    if (option->value != NULL) {
        if (equals == NULL && *at == count)
            return cli_wrong_usage(settings->command, "%s needs a value: %s %s", option->name, option->name,
                                   option->value);
        value = equals != NULL ? equals + 1 : arguments[(*at)++];
    }
    const char *wanted = option->set(settings, value);
    if (wanted == NULL) return CLI_OK;
    return cli_wrong_usage(settings->command, "%s wants %s, and not \"%s\"", option->name, wanted, value);
}

int cli_parse(cli_settings *settings, int which, const char *command, int count, char **arguments) {
    *settings = (cli_settings){.command = command};
    wplug_plugin_options_init(&settings->plugin);
    wplug_limits_init(&settings->limits);
    int at = 0;
    while (at < count) {
        const char *text = arguments[at];
        /* "-" is standard input and "-5" a number, so one dash alone makes no option. */
        bool is_option = text[0] == '-' && (text[1] == '-' || isalpha((unsigned char)text[1]));
        if (strcmp(text, "-h") == 0) {
            settings->wants_help = true;
            at++;
        } else if (strcmp(text, "--") == 0) {
            at++;
            break;
        } else if (is_option) {
            int status = parse_option(settings, which, &at, count, arguments);
            if (status != CLI_OK) return status;
        } else if (which == CLI_RUN) {
            break;
        } else {
            cli_list_add(&settings->words, text);
            at++;
        }
    }
    while (at < count) cli_list_add(&settings->words, arguments[at++]);
    settings->plugin.limits = &settings->limits;
    settings->plugin.env = settings->env.items;
    settings->plugin.env_count = settings->env.count;
    return CLI_OK;
}

void cli_set_args(cli_settings *settings, const char *program, const cli_list *arguments) {
    cli_list_add(&settings->argv, program);
    for (size_t i = 0; i < arguments->count; i++) cli_list_add(&settings->argv, arguments->items[i]);
    settings->plugin.args = settings->argv.items;
    settings->plugin.arg_count = settings->argv.count;
}

void cli_settings_free(cli_settings *settings) {
    for (size_t i = 0; i < settings->host_count; i++) free(settings->hosts[i].method);
    free(settings->hosts);
    free(settings->args.items);
    free(settings->argv.items);
    free(settings->env.items);
    free(settings->words.items);
}

/* Prints words from column `indent` on, breaking lines before column `width`. */
static void print_wrapped(const char *text, int column, int indent, int width) {
    while (*text != 0) {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > width) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

void cli_print_options(int which) {
    enum { INDENT = 26, WIDTH = 100 };
    puts("Options:");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const cli_option *option = &options[i];
        if ((option->which & which) == 0) continue;
        int column = printf("  %s%s%s", option->name, option->value != NULL ? " " : "",
                            option->value != NULL ? option->value : "");
        if (column > INDENT - 2) {
            putchar('\n');
            column = 0;
        }
        printf("%*s", INDENT - column, "");
        print_wrapped(option->help, INDENT, INDENT, WIDTH);
    }
}
