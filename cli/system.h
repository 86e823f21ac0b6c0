/* The command's only door to the operating system: what it is started with, interruptions, its stdio, waiting, child
 * processes and files. system_posix.c and system_windows.c have the same functions, and nothing else of the command
 * asks which system it is on.
 *
 * Where a function fails that does not say otherwise, errno has the reason. */
#ifndef WPLUG_CLI_SYSTEM_H
#define WPLUG_CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What ends a command from outside, with the numbers that POSIX systems give them. */
enum { SYSTEM_SIGINT = 2, SYSTEM_SIGPIPE = 13, SYSTEM_SIGTERM = 15 };

/* What reading and writing without waiting come to, other than a number of bytes. */
enum { SYSTEM_FAILED = -1, SYSTEM_WOULD_BLOCK = -2, SYSTEM_NOBODY_READS = -3 };

/* Makes stdio what the rest of the command takes it for: there, binary, and with whole lines on stderr. Arguments become
 * UTF-8 and last as long as the process. */
void system_start(int *count, char ***arguments);

/* From now on interruptions do not end the process, but are news of system_wait. */
bool system_catch_interruptions(void);

/* ---- Stdio -------------------------------------------------------------------------------------------------
 *
 * Neither waits. After SYSTEM_WOULD_BLOCK the descriptor belongs among those that system_wait is told of; then the same is
 * asked again, with the same bytes. */

ptrdiff_t system_read_stdin(void *buffer, size_t size);
/* `fd`: 1 or 2. May write fewer bytes. */
ptrdiff_t system_write_stdio(int fd, const void *bytes, size_t size);

/* ---- Child processes ---------------------------------------------------------------------------------------
 *
 * A child is a shell with a command, and has a pipe for each of its stdio. It is the head of what it starts, so that
 * all of that can be ended at once, and a Ctrl-C at the terminal does not reach it. */

typedef struct system_child system_child;

/* More are not waited for. */
#define SYSTEM_CHILDREN_MAX 64

enum { SYSTEM_CHILD_STDIN, SYSTEM_CHILD_STDOUT, SYSTEM_CHILD_STDERR, SYSTEM_CHILD_PIPES };

typedef struct system_variable {
    const char *name, *value;
} system_variable;

/* How a child ended: with an exit status, or by a signal. */
typedef struct system_end {
    bool is_signal;
    unsigned number;
} system_end;

/* The variables are added to the environment. */
bool system_child_start(const char *command, const system_variable *variables, size_t variable_count,
                        system_child **out);
/* Bytes that its stdin has taken; SYSTEM_WOULD_BLOCK; SYSTEM_FAILED where it does not read. */
ptrdiff_t system_child_write(system_child *child, const void *bytes, size_t size);
/* What was written still arrives. */
void system_child_close_stdin(system_child *child);
/* Bytes; 0 at the end, after which there is nothing to be read any more; SYSTEM_WOULD_BLOCK. What a child wrote
 * before it ended can be read at once as soon as it has ended. */
ptrdiff_t system_child_read(system_child *child, int which, void *buffer, size_t size);
/* Whether it has ended, and then how. */
bool system_child_has_ended(system_child *child, system_end *end);
/* Ends it and what it started, and waits for it: it cannot refuse. */
void system_child_kill(system_child *child);
/* What it left behind goes on. NULL is fine. */
void system_child_free(system_child *child);

/* ---- Waiting ----------------------------------------------------------------------------------------------- */

typedef struct system_events {
    /* What is waited for: stdio that would block, and all that can happen to children. */
    bool wants_stdio[3];
    system_child *children[SYSTEM_CHILDREN_MAX];
    size_t child_count;
    /* What has happened. */
    bool is_stdio_ready[3];
    bool has_child_moved; /* a pipe can be read or written */
    bool has_child_ended;
    int signal; /* an interruption; 0: none */
} system_events;

/* Waits for any of that, for at most `timeout_ms` (-1: for ever). */
bool system_wait(system_events *events, int timeout_ms);

/* ---- Files -------------------------------------------------------------------------------------------------- */

/* fopen for reading, of a path in UTF-8. */
FILE *system_open(const char *path);

typedef intptr_t system_file;
#define SYSTEM_NO_FILE ((system_file) - 1)

/* The real path of a folder, with all links resolved; the caller frees it. NULL, with ENOTDIR for what is no folder. */
char *system_folder(const char *path);
/* Opens a regular file by its path relative to such a folder, if it is in it or below. SYSTEM_NO_FILE with a sentence in
 * *why: what is outside gets the same one as what is not there, so that nothing can be learnt about it. */
system_file system_open_below(const char *folder, const char *path, const char **why);
bool system_file_size(system_file file, uint64_t *size);
/* Bytes, fewer only at the end of the file; SYSTEM_FAILED. */
ptrdiff_t system_file_read(system_file file, void *buffer, size_t size, uint64_t offset);
void system_file_close(system_file file);

#endif
