/* The wplug command, from the inside: what its files share. The command knows the library only by its public
 * header.
 *
 *   main.c          which subcommand; the overall help
 *   options.c       the one table of options, from which parsing and help come
 *   values.c        numbers with units, as people write them
 *   text.c          a growable text, whole files, and what may be shown on a terminal
 *   call.c          wplug call          run.c   wplug run
 *   inspect.c       wplug inspect       json_walk.c   walking over JSON that the library wrote
 *   loop.c          the loop that drives the runtime and waits for everything else
 *   host_command.c  host methods that are shell commands
 *   host_files.c    the host method read_file
 *   system.h        the door to the operating system: system_posix.c, system_windows.c */
#ifndef WPLUG_CLI_H
#define WPLUG_CLI_H

#include "wplug/wplug.h"

#include <stdio.h>

#if defined(__GNUC__) || defined(__clang__)
#define CLI_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#define CLI_NORETURN                             __attribute__((noreturn))
#else
#define CLI_PRINTF(format_index, first_argument)
#define CLI_NORETURN
#endif

/* Exit statuses; docs/command-line.md and --help say the same. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,     /* wplug itself could not do its work */
    CLI_USAGE = 2,      /* it was asked wrongly */
    CLI_NOT_LOADED = 3, /* the plugin was refused */
    CLI_ANSWERED_ERROR = 4,
    CLI_TRAPPED = 5,
    CLI_NO_ANSWER = 6,
    CLI_LIMIT = 7,
    /* `wplug run` passes on the exit code of the program that it runs, so its own are where shells have
       theirs. */
    CLI_RUN_LIMIT = 124,
    CLI_RUN_FAILED = 125,
    CLI_RUN_NOT_LOADED = 126,
    CLI_RUN_TRAPPED = 134, /* 128 + SIGABRT, which is what a native program's abort gives */
    CLI_SIGNAL = 128       /* + the number of the signal that ended it */
};

/* ---- text.c
 * --------------------------------------------------------------------------------------------------- */

/* A growable text, always terminated once something was appended. Zero-initialised it is empty. A program may
 * end where memory does: out of memory is a message and CLI_FAILED, so no caller has to ask. */
typedef struct cli_text {
    char *data;
    size_t size;
    size_t capacity;
} cli_text;

void cli_text_append(cli_text *text, const char *bytes, size_t size);
void cli_text_free(cli_text *text);
/* Makes room for `more` bytes behind the text and returns where they go; the caller then adds to `size`. */
char *cli_text_space(cli_text *text, size_t more);

/* realloc that does not fail. */
void *cli_resize(void *block, size_t count, size_t size);

/* "wplug: " and a sentence, on stderr. */
void cli_complain(const char *format, ...) CLI_PRINTF(1, 2);
/* The same with the subcommand's name and where help is to be had; returns CLI_USAGE. */
int cli_wrong_usage(const char *command, const char *format, ...) CLI_PRINTF(2, 3);

/* Reads all of a file, or of standard input where `path` is "-". False after a complaint. */
bool cli_read_file(const char *path, cli_text *out);

/* Prints bytes from outside so that they cannot steer a terminal: control characters appear as \x1b and the
 * like. */
void cli_print_safely(FILE *file, const char *bytes, size_t size);

/* Flushes stdout. False after a complaint where anything written to it was lost. */
bool cli_finish_stdout(void);

/* ---- values.c
 * ------------------------------------------------------------------------------------------------- */

/* A whole number with K, M or G for thousands (1000), or "none" for WPLUG_UNLIMITED. False where it is
 * anything else, or 0, which in limits means "the default". */
bool cli_parse_count(const char *text, uint64_t *out);
/* Bytes: K, M and G are 1024, 1024² and 1024³. */
bool cli_parse_bytes(const char *text, uint64_t *out);
/* Seconds, with a fraction if need be, or with ns, us, ms, s, m or h behind; in nanoseconds. */
bool cli_parse_duration(const char *text, uint64_t *out);
/* Any whole number that fits, 0 too; decimal or 0x. */
bool cli_parse_u64(const char *text, uint64_t *out);

/* ---- options.c
 * ------------------------------------------------------------------------------------------------ */

typedef struct cli_list {
    const char **items;
    size_t count;
} cli_list;

void cli_list_add(cli_list *list, const char *item);

/* One --host NAME=COMMAND. */
typedef struct cli_host {
    char *method;
    const char *command;
} cli_host;

/* What the command line said. */
typedef struct cli_settings {
    const char *command; /* the subcommand's name */
    wplug_plugin_options plugin;
    wplug_limits limits;
    wplug_id id;
    cli_list args, argv, env; /* argv: the whole command line that the guest sees */
    cli_host *hosts;
    size_t host_count;
    const char *files; /* --files */
    const char *invoke;
    bool shows_code;      /* --code, --function */
    const char *function; /* --function */
    bool trace, quiet, stats, json, is_static, wants_help;
    cli_list words; /* everything that is no option */
} cli_settings;

/* Which subcommands know an option. */
enum { CLI_CALL = 1, CLI_RUN = 2, CLI_INSPECT = 4 };

/* Reads the arguments behind the subcommand's name. CLI_OK, or CLI_USAGE after a complaint. `run` stops at
 * the first word, because what follows belongs to the program that it runs. */
int cli_parse(cli_settings *settings, int which, const char *command, int count, char **arguments);
/* Gives the guest a command line: the program's name, then the arguments. */
void cli_set_args(cli_settings *settings, const char *program, const cli_list *arguments);
void cli_settings_free(cli_settings *settings);
/* The option part of a subcommand's help. */
void cli_print_options(int which);

/* ---- loop.c
 * --------------------------------------------------------------------------------------------------- */

typedef struct cli_loop cli_loop;
typedef struct cli_commands cli_commands;

/* One task driven to its end, with the host methods' processes, the process's stdio and interruptions. */
struct cli_loop {
    wplug_runtime *runtime;
    cli_commands *commands; /* NULL: none */
    bool wants_fd[3];       /* the guest would read stdin, write stdout, write stderr */
    wplug_task task;
    wplug_result *result; /* set when the task has ended */
    int signal;           /* the signal that cancelled it, or 0 */
};

/* Makes the runtime and catches interruptions. False after a complaint. */
bool cli_loop_open(cli_loop *loop);
/* The completion callback for the task; `user` is the loop. */
void cli_loop_done(void *user, wplug_task task, wplug_result *result);
/* Runs until the task has ended. False after a complaint. */
bool cli_loop_run(cli_loop *loop);
/* Goes on until the guest has said its last words in the log, then frees everything. */
void cli_loop_close(cli_loop *loop);

/* ---- host_command.c
 * ------------------------------------------------------------------------------------------- */

struct system_child;

/* Registers a host method for each --host. The hosts stay the caller's. */
cli_commands *cli_commands_new(wplug_runtime *runtime, const cli_settings *settings);
/* The processes that run: fills up to SYSTEM_CHILDREN_MAX and returns how many. */
size_t cli_commands_children(const cli_commands *commands, struct system_child **children);
/* After something has happened to them: moves bytes; with `reap` also asks which processes have ended. */
void cli_commands_handle(cli_commands *commands, bool reap);
/* Kills what still runs: the call has ended. */
void cli_commands_stop(cli_commands *commands);
void cli_commands_free(cli_commands *commands);

/* ---- host_files.c
 * --------------------------------------------------------------------------------------------- */

/* The folder's real path, which the caller frees. NULL after a complaint. */
char *cli_files_root(const char *folder);
/* Registers read_file for the files in and below `root`, which stays the caller's. */
void cli_files_provide(wplug_runtime *runtime, char *root);

/* ---- json_walk.c
 * ---------------------------------------------------------------------------------------------- */

/* A value in JSON text that is known to be valid. `data` NULL: no such value. */
typedef struct cli_json {
    const char *data;
    size_t size;
} cli_json;

cli_json cli_json_get(cli_json value, const char *pointer);
/* Steps through an array: *at starts as {0}. Linear in the array's size, unlike asking for each index. */
bool cli_json_next(cli_json array, size_t *at, cli_json *element);
bool cli_json_is(cli_json value, const char *text);
/* A string's text decoded, or another value as it stands; "" for none. */
cli_text cli_json_text(cli_json value);
uint64_t cli_json_u64(cli_json value);

/* ---- Subcommands
 * ---------------------------------------------------------------------------------------------- */

int cli_call(int count, char **arguments);
int cli_run(int count, char **arguments);
int cli_inspect(int count, char **arguments);

/* What a status means as an exit status of `wplug call`. */
int cli_exit_status(wplug_status status);
/* --stats: what a task used, on stderr. */
void cli_print_stats(const wplug_result *result);

#endif
