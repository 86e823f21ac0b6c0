/* wplug run: a WASI command with the process's own stdio, or one exported function. */
#include "cli.h"
#include "system.h"

static int print_help(void) {
    puts("usage: wplug run [OPTION...] FILE.wasm [ARG...]\n"
         "       wplug run [OPTION...] --invoke EXPORT FILE.wasm [ARG...]\n"
         "\n"
         "Runs a WASI command with this process's standard input, output and error. It sees the arguments "
         "and the\n"
         "environment that it is given here, and nothing else: no files, no network. With --invoke, calls "
         "one exported\n"
         "function with numbers as arguments and prints its results, one a line. Options come before "
         "FILE.wasm; what\n"
         "follows it belongs to the command.\n");
    cli_print_options(CLI_RUN);
    puts("\n"
         "Exit status: that of the command (255 where it is greater than that), or\n"
         "  2    wrong usage, also a missing export or arguments that do not fit it\n"
         "  124  a limit was reached\n"
         "  125  wplug itself failed\n"
         "  126  the module could not be loaded\n"
         "  134  the command trapped; stderr says where\n"
         "  130  interrupted with Ctrl-C (128 + 2; other signals, also those that the command raises, "
         "likewise)");
    return cli_finish_stdout() ? CLI_OK : CLI_RUN_FAILED;
}

/* ---- Stdio that never blocks ------------------------------------------------------------------------------
 */

/* What a read or write means for the guest; where it would block, the loop is to wait for it. */
static ptrdiff_t stdio_result(cli_loop *loop, int fd, ptrdiff_t moved) {
    switch (moved) {
    case SYSTEM_WOULD_BLOCK: loop->wants_fd[fd] = true; return WPLUG_IO_WOULD_BLOCK;
    case SYSTEM_FAILED: return WPLUG_IO_FAILED;
    case SYSTEM_NOBODY_READS:
        /* A native program would get SIGPIPE now. */
        loop->signal = SYSTEM_SIGPIPE;
        wplug_task_cancel(loop->runtime, loop->task);
        return WPLUG_IO_CLOSED;
    default: return moved;
    }
}

static ptrdiff_t read_stdin(void *user, void *buffer, size_t size) {
    return stdio_result(user, 0, system_read_stdin(buffer, size));
}

static ptrdiff_t write_stdio(void *user, int fd, const void *bytes, size_t size) {
    return stdio_result(user, fd, system_write_stdio(fd, bytes, size));
}

/* ---- The end ----------------------------------------------------------------------------------------------
 */

static int run_exit_status(wplug_status status) {
    switch (cli_exit_status(status)) {
    case CLI_OK: return CLI_OK;
    case CLI_USAGE: return CLI_USAGE;
    case CLI_NOT_LOADED: return CLI_RUN_NOT_LOADED;
    case CLI_TRAPPED: return CLI_RUN_TRAPPED;
    case CLI_LIMIT: return CLI_RUN_LIMIT;
    default: return CLI_RUN_FAILED;
    }
}

/* Codes that do not fit into the eight bits that the system passes on must not turn into success. */
static int guest_exit_status(int code) {
    return code < 0 || code > 255 ? 255 : code;
}

static int report(const cli_loop *loop, const cli_settings *settings) {
    const wplug_result *result = loop->result;
    int status;
    if (result->status == WPLUG_OK) {
        for (size_t i = 0; i < result->value_count; i++) puts(result->values[i].text);
        status = guest_exit_status(result->exit_code);
        if (!cli_finish_stdout()) status = CLI_RUN_FAILED;
    } else if (result->status == WPLUG_CANCELLED && loop->signal != 0) {
        status = CLI_SIGNAL + loop->signal;
    } else {
        cli_complain("%s", result->message);
        fputs(result->backtrace, stderr);
        bool is_guests = result->status == WPLUG_RAISED || result->status == WPLUG_EXITED;
        status = is_guests ? guest_exit_status(result->exit_code) : run_exit_status(result->status);
    }
    if (settings->stats) cli_print_stats(result);
    return status;
}

static int run(wplug_plugin *plugin, const cli_settings *settings) {
    cli_loop loop = {0};
    if (!cli_loop_open(&loop)) return CLI_RUN_FAILED;
    wplug_command_options options;
    wplug_command_options_init(&options);
    options.read = read_stdin;
    options.write = write_stdio;
    options.stdio_user = &loop;
    wplug_error error;
    wplug_status started =
        settings->invoke == NULL
            ? wplug_command_start(loop.runtime, plugin, &options, cli_loop_done, &loop, &loop.task, &error)
            : wplug_invoke_start(loop.runtime, plugin, settings->invoke, settings->words.items + 1,
                                 settings->words.count - 1, &options, cli_loop_done, &loop, &loop.task,
                                 &error);
    int exit_status = CLI_RUN_FAILED;
    if (started != WPLUG_OK) {
        cli_complain("%s", error.message);
        exit_status = run_exit_status(started);
    } else if (cli_loop_run(&loop)) {
        exit_status = report(&loop, settings);
    }
    cli_loop_close(&loop);
    return exit_status;
}

int cli_run(int count, char **arguments) {
    cli_settings settings;
    wplug_plugin *plugin = NULL;
    wplug_error error;
    int status = cli_parse(&settings, CLI_RUN, "run", count, arguments);
    if (status != CLI_OK) goto end;
    if (settings.wants_help) {
        status = print_help();
        goto end;
    }
    if (settings.words.count == 0) {
        status = cli_wrong_usage("run", "FILE.wasm is missing");
        goto end;
    }
    /* A program at a shell runs until it is done, like any other, unless it is told otherwise. */
    if (settings.limits.time_ns == 0) settings.limits.time_ns = WPLUG_UNLIMITED;
    if (settings.limits.memory_bytes == 0) settings.limits.memory_bytes = WPLUG_UNLIMITED;
    const cli_list rest = {settings.words.items + 1, settings.words.count - 1};
    cli_set_args(&settings, settings.words.items[0], &rest);
    wplug_status loaded = wplug_plugin_load_file(settings.words.items[0], &settings.plugin, &plugin, &error);
    if (loaded != WPLUG_OK) {
        cli_complain("%s", error.message);
        status = run_exit_status(loaded);
        goto end;
    }
    status = run(plugin, &settings);
end:
    wplug_plugin_release(plugin);
    cli_settings_free(&settings);
    return status;
}
