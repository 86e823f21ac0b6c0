/* wplug call: one method of one plugin, its result on stdout. */
#include "cli.h"
#include "system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int print_help(void) {
    puts("usage: wplug call [OPTION...] PLUGIN METHOD [PARAMS]\n"
         "\n"
         "Calls METHOD of the plugin in the file PLUGIN and prints its result as JSON. PARAMS are JSON as "
         "they stand,\n"
         "or from the file F with @F, or from standard input with -. Without PARAMS they are null. The "
         "plugin's log\n"
         "goes to stderr, each line with the plugin's name and short id. An option may stand anywhere; after "
         "-- there\n"
         "are none.\n");
    cli_print_options(CLI_CALL);
    puts("\n"
         "Exit status:\n"
         "  0    the method answered, and its result is on stdout\n"
         "  1    wplug itself failed: a file of params that cannot be read, stdout that cannot be written\n"
         "  2    wrong usage, params that are not JSON\n"
         "  3    the plugin could not be loaded\n"
         "  4    the method answered with an error\n"
         "  5    the plugin trapped\n"
         "  6    the plugin ended, or wrote something else, without answering\n"
         "  7    a limit was reached\n"
         "  130  interrupted with Ctrl-C (128 + 2; other signals likewise)");
    return cli_finish_stdout() ? CLI_OK : CLI_FAILED;
}

int cli_exit_status(wplug_status status) {
    switch (status) {
    case WPLUG_OK: return CLI_OK;
    case WPLUG_BAD_JSON:
    case WPLUG_NO_EXPORT:
    case WPLUG_BAD_ARGUMENT: return CLI_USAGE;
    case WPLUG_FILE_NOT_FOUND:
    case WPLUG_FILE_UNREADABLE:
    case WPLUG_FILE_EMPTY:
    case WPLUG_NOT_WASM:
    case WPLUG_COMPONENT:
    case WPLUG_WASM_VERSION:
    case WPLUG_TRUNCATED:
    case WPLUG_MALFORMED:
    case WPLUG_INVALID:
    case WPLUG_UNSUPPORTED:
    case WPLUG_MODULE_TOO_LARGE:
    case WPLUG_UNKNOWN_IMPORTS:
    case WPLUG_IMPORT_TYPE:
    case WPLUG_NO_START:
    case WPLUG_REACTOR: return CLI_NOT_LOADED;
    case WPLUG_RPC_ERROR: return CLI_ANSWERED_ERROR;
    case WPLUG_TRAP: return CLI_TRAPPED;
    case WPLUG_EXITED:
    case WPLUG_RAISED:
    case WPLUG_RETURNED:
    case WPLUG_BAD_OUTPUT:
    case WPLUG_NO_ANSWER: return CLI_NO_ANSWER;
    case WPLUG_FUEL_LIMIT:
    case WPLUG_TIME_LIMIT:
    case WPLUG_MEMORY_LIMIT:
    case WPLUG_TABLE_LIMIT:
    case WPLUG_STACK_LIMIT:
    case WPLUG_MESSAGE_LIMIT:
    case WPLUG_LOG_LIMIT:
    case WPLUG_HOST_CALL_LIMIT: return CLI_LIMIT;
    case WPLUG_CANCELLED: return CLI_SIGNAL + SYSTEM_SIGINT;
    default: return CLI_FAILED;
    }
}

/* "name[a1b2c3] " in front of what one plugin says. */
static void print_origin(const char *name, const char *short_id) {
    cli_print_safely(stderr, name, strlen(name));
    fprintf(stderr, "[%s] ", short_id);
}

static void print_log(void *user, const wplug_log *line) {
    print_origin(line->name, line->id);
    if (line->source == WPLUG_LOG_HOST) fputs("(wplug) ", stderr);
    cli_print_safely(stderr, line->text, line->text_size);
    fputs(line->is_cut ? "...\n" : "\n", stderr);
}

static void print_trace(void *user, const wplug_trace *message) {
    char short_id[7];
    wplug_id_short(wplug_plugin_id(message->plugin), short_id);
    print_origin(wplug_plugin_name(message->plugin), short_id);
    fputs(message->to_plugin ? "<- " : "-> ", stderr);
    cli_print_safely(stderr, message->text, message->text_size);
    fputc('\n', stderr);
}

/* The params that the third word asks for. CLI_OK, or another status after a complaint. */
static int read_params(const char *word, cli_text *params) {
    bool is_file = word[0] == '@';
    if (!is_file && strcmp(word, "-") != 0) {
        cli_text_append(params, word, strlen(word));
    } else if (!cli_read_file(is_file ? word + 1 : word, params)) {
        return CLI_FAILED;
    }
    wplug_error error;
    wplug_status status = wplug_json_check(params->data, params->size, &error);
    if (status == WPLUG_OK) return CLI_OK;
    if (status != WPLUG_BAD_JSON) {
        cli_complain("%s", error.message);
        return CLI_FAILED;
    }
    return cli_wrong_usage("call", "PARAMS are not JSON: %s", error.message);
}

/* Says on stderr how the call went wrong. */
static void print_failure(const wplug_result *result) {
    cli_complain("%s", result->message);
    if (result->status == WPLUG_RPC_ERROR && result->data_size != 0) {
        fputs("data: ", stderr);
        cli_print_safely(stderr, result->data, result->data_size);
        fputc('\n', stderr);
    }
    fputs(result->backtrace, stderr);
}

void cli_print_stats(const wplug_result *result) {
    fprintf(stderr, "wplug: fuel %" PRIu64 ", time %.3f ms, memory %" PRIu64 " KiB\n", result->fuel_used,
            (double)result->time_ns / 1e6, result->memory_bytes / 1024);
}

/* Prints how the call ended and returns the exit status. */
static int report(const cli_loop *loop, const cli_settings *settings) {
    const wplug_result *result = loop->result;
    int status = cli_exit_status(result->status);
    if (result->status == WPLUG_OK) {
        fwrite(result->json, 1, result->json_size, stdout);
        putchar('\n');
        if (!cli_finish_stdout()) status = CLI_FAILED;
    } else {
        print_failure(result);
    }
    if (settings->stats) cli_print_stats(result);
    return loop->signal != 0 && result->status == WPLUG_CANCELLED ? CLI_SIGNAL + loop->signal : status;
}

/* Gives the runtime everything that the settings ask for. */
static void prepare(cli_loop *loop, const cli_settings *settings, char *files_root) {
    if (!settings->quiet) wplug_runtime_set_log(loop->runtime, print_log, NULL);
    if (settings->trace) wplug_runtime_set_trace(loop->runtime, print_trace, NULL);
    if (files_root != NULL) cli_files_provide(loop->runtime, files_root);
    loop->commands = cli_commands_new(loop->runtime, settings);
}

static int call(wplug_plugin *plugin, const cli_settings *settings, const char *method, const char *params) {
    wplug_error error;
    cli_loop loop = {0};
    char *files_root = settings->files != NULL ? cli_files_root(settings->files) : NULL;
    if (settings->files != NULL && files_root == NULL) return CLI_FAILED;
    int exit_status = CLI_FAILED;
    if (cli_loop_open(&loop)) {
        prepare(&loop, settings, files_root);
        wplug_status status = wplug_call_start(loop.runtime, plugin, method, params, NULL, cli_loop_done,
                                               &loop, &loop.task, &error);
        if (status != WPLUG_OK) {
            cli_complain("%s", error.message);
            exit_status = cli_exit_status(status);
        } else if (cli_loop_run(&loop)) {
            exit_status = report(&loop, settings);
        }
    }
    cli_loop_close(&loop);
    free(files_root);
    return exit_status;
}

int cli_call(int count, char **arguments) {
    cli_settings settings;
    cli_text params = {0};
    wplug_plugin *plugin = NULL;
    wplug_error error;
    int status = cli_parse(&settings, CLI_CALL, "call", count, arguments);
    const cli_list *words = &settings.words;
    if (status != CLI_OK) goto end;
    if (settings.wants_help) {
        status = print_help();
        goto end;
    }
    if (words->count < 2) {
        status = cli_wrong_usage("call", "%s is missing", words->count == 0 ? "PLUGIN" : "METHOD");
        goto end;
    }
    if (words->count > 3) {
        status = cli_wrong_usage("call", "unexpected word \"%s\" after PARAMS", words->items[3]);
        goto end;
    }
    status = read_params(words->count == 3 ? words->items[2] : "null", &params);
    if (status != CLI_OK) goto end;
    if (settings.args.count != 0) cli_set_args(&settings, words->items[0], &settings.args);
    wplug_status loaded = wplug_plugin_load_file(words->items[0], &settings.plugin, &plugin, &error);
    if (loaded != WPLUG_OK) {
        cli_complain("%s", error.message);
        status = cli_exit_status(loaded);
        goto end;
    }
    status = call(plugin, &settings, words->items[1], params.data);
end:
    wplug_plugin_release(plugin);
    cli_text_free(&params);
    cli_settings_free(&settings);
    return status;
}
