/* Host methods that are shell commands (--host NAME=COMMAND). Owns the processes: each request starts one,
 * with three pipes that never block, and is answered when it has ended.
 *
 *   request --> queue --> job: params -> stdin,  stdout -> result,  stderr -> ours, and its start into the
 * error
 *                          |
 *                          +-- exited 0: its stdout is the result          else: an error with what it said
 *
 * Requests beyond as many processes as can run at once wait for their turn. */
#include "cli.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXCERPT_MAX = 1000,                    /* bytes of stderr that an error message quotes */
    RESULT_MAX_DEFAULT = 16 * 1024 * 1024, /* the library's own default for messages */
};

typedef struct cli_job {
    struct cli_job *next;
    wplug_request *request;
    const cli_host *host;
    system_child *child; /* NULL: not started yet */
    bool is_fed;         /* its stdin is closed */
    size_t params_size;
    size_t params_done;
    cli_text output;
    cli_text excerpt;
} cli_job;

/* What the library calls back with: one --host of one set. */
typedef struct cli_provider {
    cli_commands *commands;
    const cli_host *host;
} cli_provider;

struct cli_commands {
    wplug_runtime *runtime;
    cli_provider *providers;
    cli_job *jobs; /* in the order in which they were asked for; the first SYSTEM_CHILDREN_MAX of them run */
    size_t result_max;
    bool is_quiet;
    bool is_stopped;
};

/* ---- Starting ---------------------------------------------------------------------------------------------
 */

/* Starts the job's process. False, with errno, where the system refuses. */
static bool start(cli_job *job) {
    char id[37];
    wplug_plugin *plugin = wplug_request_plugin(job->request);
    wplug_id_text(wplug_plugin_id(plugin), id);
    const system_variable variables[] = {{"WPLUG_METHOD", wplug_request_method(job->request)},
                                         {"WPLUG_PLUGIN", wplug_plugin_name(plugin)},
                                         {"WPLUG_PLUGIN_ID", id}};
    return system_child_start(job->host->command, variables, sizeof variables / sizeof *variables,
                              &job->child);
}

/* ---- Answering --------------------------------------------------------------------------------------------
 */

/* Answers with an error whose sentence is `what` and then what the command wrote to stderr. */
static void answer_error(cli_job *job, int64_t code, const char *what) {
    cli_text message = {0};
    cli_text_append(&message, what, strlen(what));
    size_t size = job->excerpt.size;
    while (size != 0 && (job->excerpt.data[size - 1] == '\n' || job->excerpt.data[size - 1] == '\r')) size--;
    if (size != 0) {
        cli_text_append(&message, ": ", 2);
        cli_text_append(&message, job->excerpt.data, size);
    }
    wplug_request_error(job->request, code, message.data, NULL);
    cli_text_free(&message);
}

/* Answers with what the command printed, if it is JSON. */
static void answer_output(cli_job *job) {
    static const char blanks[] = " \t\r\n";
    char sentence[256];
    wplug_error error;
    cli_text_append(&job->output, "", 0);
    /* A command that prints nothing, as one that only does something, answers null. */
    bool is_blank = strspn(job->output.data, blanks) == job->output.size;
    const char *result = is_blank ? "null" : job->output.data;
    size_t size = is_blank ? 4 : job->output.size;
    if (wplug_json_check(result, size, &error) != WPLUG_OK) {
        snprintf(sentence, sizeof sentence, "the command for %s printed something that is not JSON (%.120s)",
                 job->host->method, error.message);
        answer_error(job, WPLUG_CODE_INTERNAL_ERROR, sentence);
    } else if (wplug_request_result(job->request, result) == WPLUG_NO_MEMORY) {
        answer_error(job, WPLUG_CODE_INTERNAL_ERROR, "no memory for the result");
    }
}

static void answer(cli_job *job, const system_end *end) {
    char sentence[256];
    if (!end->is_signal && end->number == 0) {
        answer_output(job);
        return;
    }
    snprintf(sentence, sizeof sentence,
             end->is_signal ? "the command for %.120s was ended by signal %u"
                            : "the command for %.120s exited with status %u",
             job->host->method, end->number);
    answer_error(job, WPLUG_CODE_SERVER_ERROR, sentence);
}

static void free_job(cli_job *job) {
    system_child_free(job->child);
    wplug_request_release(job->request);
    cli_text_free(&job->output);
    cli_text_free(&job->excerpt);
    free(job);
}

/* ---- Moving bytes -----------------------------------------------------------------------------------------
 */

static void feed(cli_job *job) {
    const char *params = wplug_request_params(job->request, NULL);
    /* A line feed behind the params makes them a line, which the shell's `read` and its kin want. */
    while (job->params_done <= job->params_size) {
        bool is_end = job->params_done == job->params_size;
        ptrdiff_t put = system_child_write(job->child, is_end ? "\n" : params + job->params_done,
                                           is_end ? 1 : job->params_size - job->params_done);
        if (put == SYSTEM_WOULD_BLOCK) return;
        /* A command may well not read its params: that is its own affair. */
        if (put < 0) break;
        job->params_done += (size_t)put;
    }
    system_child_close_stdin(job->child);
    job->is_fed = true;
}

/* Reads what there is now from one of the process's outputs. */
static void drain(cli_commands *commands, cli_job *job, int which) {
    char bytes[16384];
    ptrdiff_t got;
    while ((got = system_child_read(job->child, which, bytes, sizeof bytes)) > 0) {
        size_t size = (size_t)got;
        if (which == SYSTEM_CHILD_STDOUT) {
            cli_text_append(&job->output, bytes, size);
            if (job->output.size > commands->result_max) return;
            continue;
        }
        if (!commands->is_quiet) fwrite(bytes, 1, size, stderr);
        size_t room = EXCERPT_MAX - job->excerpt.size;
        cli_text_append(&job->excerpt, bytes, size < room ? size : room);
    }
}

/* Looks after one job. True where it is over and answered. */
static bool advance(cli_commands *commands, cli_job *job, bool reap) {
    if (!job->is_fed) feed(job);
    drain(commands, job, SYSTEM_CHILD_STDOUT);
    drain(commands, job, SYSTEM_CHILD_STDERR);
    if (job->output.size > commands->result_max) {
        system_child_kill(job->child);
        answer_error(job, WPLUG_CODE_SERVER_ERROR, "the command printed more than a message may be long");
        return true;
    }
    system_end end;
    if (!reap || !system_child_has_ended(job->child, &end)) return false;
    /* What it wrote before its end is in the pipes now. What a process that it left behind may yet write is
     * not waited for. */
    drain(commands, job, SYSTEM_CHILD_STDOUT);
    drain(commands, job, SYSTEM_CHILD_STDERR);
    answer(job, &end);
    return true;
}

/* ---- The set of commands ----------------------------------------------------------------------------------
 */

/* Starts jobs that wait for their turn, as many as may run at once. */
static void start_more(cli_commands *commands) {
    size_t running = 0;
    for (cli_job **link = &commands->jobs; *link != NULL && running < SYSTEM_CHILDREN_MAX;) {
        cli_job *job = *link;
        if (job->child == NULL && !start(job)) {
            /* With others running it is worth another try when one of them has ended. */
            if (running != 0) return;
            char sentence[256];
            snprintf(sentence, sizeof sentence, "cannot start the command for %.120s: %s", job->host->method,
                     strerror(errno));
            answer_error(job, WPLUG_CODE_INTERNAL_ERROR, sentence);
            *link = job->next;
            free_job(job);
            continue;
        }
        running++;
        link = &job->next;
    }
}

/* The host method itself. */
static void on_request(void *user, wplug_request *request) {
    const cli_provider *provider = user;
    cli_commands *commands = provider->commands;
    if (commands->is_stopped) return;
    cli_job *fresh = cli_resize(NULL, 1, sizeof *fresh);
    *fresh = (cli_job){.request = wplug_request_retain(request), .host = provider->host};
    if (fresh->request == NULL) {
        wplug_request_error(request, WPLUG_CODE_INTERNAL_ERROR, "no memory for the request", NULL);
        free(fresh);
        return;
    }
    wplug_request_params(fresh->request, &fresh->params_size);
    cli_job **link = &commands->jobs;
    while (*link != NULL) link = &(*link)->next;
    *link = fresh;
    start_more(commands);
}

cli_commands *cli_commands_new(wplug_runtime *runtime, const cli_settings *settings) {
    cli_commands *commands = cli_resize(NULL, 1, sizeof *commands);
    uint64_t result_max =
        settings->limits.message_bytes != 0 ? settings->limits.message_bytes : RESULT_MAX_DEFAULT;
    *commands = (cli_commands){.runtime = runtime,
                               .result_max = result_max < SIZE_MAX ? (size_t)result_max : SIZE_MAX,
                               .is_quiet = settings->quiet};
    if (settings->host_count == 0) return commands;
    commands->providers = cli_resize(NULL, settings->host_count, sizeof *commands->providers);
    for (size_t i = 0; i < settings->host_count; i++) {
        const cli_host *host = &settings->hosts[i];
        commands->providers[i] = (cli_provider){commands, host};
        if (strcmp(host->method, "*") == 0)
            wplug_runtime_set_default_method(runtime, on_request, &commands->providers[i]);
        else
            wplug_runtime_set_method(runtime, host->method, on_request, &commands->providers[i]);
    }
    return commands;
}

size_t cli_commands_children(const cli_commands *commands, struct system_child **children) {
    size_t count = 0;
    for (const cli_job *job = commands->jobs; job != NULL; job = job->next)
        if (job->child != NULL) children[count++] = job->child;
    return count;
}

void cli_commands_handle(cli_commands *commands, bool reap) {
    for (cli_job **link = &commands->jobs; *link != NULL;) {
        cli_job *job = *link;
        if (job->child != NULL && advance(commands, job, reap)) {
            *link = job->next;
            free_job(job);
        } else {
            link = &job->next;
        }
    }
    start_more(commands);
}

void cli_commands_stop(cli_commands *commands) {
    commands->is_stopped = true;
    while (commands->jobs != NULL) {
        cli_job *job = commands->jobs;
        commands->jobs = job->next;
        if (job->child != NULL) system_child_kill(job->child);
        free_job(job);
    }
}

void cli_commands_free(cli_commands *commands) {
    if (commands == NULL) return;
    free(commands->providers);
    free(commands);
}
