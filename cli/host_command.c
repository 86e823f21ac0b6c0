/* Host methods that are shell commands (--host NAME=COMMAND). Owns the processes: each request starts one,
 * with three pipes that never block, and is answered when it has ended.
 *
 *   request --> queue --> job: params -> stdin,  stdout -> result,  stderr -> ours, and its start into the
 * error
 *                          |
 *                          +-- exited 0: its stdout is the result          else: an error with what it said
 *
 * A process leads a group of its own, so that killing it kills what it started, and a Ctrl-C at the terminal
 * ends the call rather than a command that would then look as if it had failed. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EXCERPT_MAX = 1000,                    /* bytes of stderr that an error message quotes */
    RESULT_MAX_DEFAULT = 16 * 1024 * 1024, /* the library's own default for messages */
};

/* The three pipes' ends on our side. */
enum { TO_STDIN, FROM_STDOUT, FROM_STDERR, PIPE_COUNT };

typedef struct cli_job {
    struct cli_job *next;
    wplug_request *request;
    const cli_host *host;
    pid_t pid;           /* 0: not started yet */
    int fds[PIPE_COUNT]; /* -1: closed */
    size_t params_size;
    size_t params_done;
    cli_text output;
    cli_text excerpt;
    bool has_exited;
    int wait_status;
} cli_job;

/* What the library calls back with: one --host of one set. */
typedef struct cli_provider {
    cli_commands *commands;
    const cli_host *host;
} cli_provider;

struct cli_commands {
    wplug_runtime *runtime;
    cli_provider *providers;
    cli_job *jobs; /* in the order in which they were asked for; the first CLI_COMMANDS_AT_ONCE of them run */
    size_t result_max;
    bool is_quiet;
    bool is_stopped;
};

/* ---- Starting ---------------------------------------------------------------------------------------------
 */

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Makes the pipes: ours[] does not block and is not inherited, theirs[] is for the process. */
static bool make_pipes(int ours[PIPE_COUNT], int theirs[PIPE_COUNT]) {
    for (int i = 0; i < PIPE_COUNT; i++) ours[i] = theirs[i] = -1;
    for (int i = 0; i < PIPE_COUNT; i++) {
        int ends[2];
        if (pipe(ends) != 0) return false;
        ours[i] = ends[i == TO_STDIN ? 1 : 0];
        theirs[i] = ends[i == TO_STDIN ? 0 : 1];
        if (fcntl(ours[i], F_SETFD, FD_CLOEXEC) != 0 || fcntl(theirs[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
            return false;
    }
    return true;
}

/* In the new process: becomes the command, or exits as a shell does when it cannot. */
CLI_NORETURN static void become_command(const cli_job *job, const int theirs[PIPE_COUNT]) {
    char id[37];
    wplug_plugin *plugin = wplug_request_plugin(job->request);
    wplug_id_text(wplug_plugin_id(plugin), id);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (setenv("WPLUG_METHOD", wplug_request_method(job->request), 1) == 0 &&
        setenv("WPLUG_PLUGIN", wplug_plugin_name(plugin), 1) == 0 && setenv("WPLUG_PLUGIN_ID", id, 1) == 0 &&
        dup2(theirs[TO_STDIN], 0) == 0 && dup2(theirs[FROM_STDOUT], 1) == 1 &&
        dup2(theirs[FROM_STDERR], 2) == 2)
        execl("/bin/sh", "sh", "-c", job->host->command, (char *)NULL);
    _exit(127);
}

/* Starts the job's process. False, with errno, where the system refuses. */
static bool start(cli_job *job) {
    int theirs[PIPE_COUNT];
    bool is_started = false;
    if (make_pipes(job->fds, theirs)) {
        pid_t pid = fork();
        if (pid == 0) become_command(job, theirs);
        is_started = pid > 0;
        if (is_started) {
            /* Both sides set the group, so that it is there whichever runs first. */
            setpgid(pid, pid);
            job->pid = pid;
        }
    }
    int saved = errno;
    for (int i = 0; i < PIPE_COUNT; i++) {
        close_fd(&theirs[i]);
        if (!is_started) close_fd(&job->fds[i]);
    }
    errno = saved;
    return is_started;
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

static void answer(cli_job *job) {
    char sentence[256];
    if (WIFEXITED(job->wait_status) && WEXITSTATUS(job->wait_status) == 0) {
        answer_output(job);
        return;
    }
    if (WIFEXITED(job->wait_status))
        snprintf(sentence, sizeof sentence, "the command for %.120s exited with status %d", job->host->method,
                 WEXITSTATUS(job->wait_status));
    else
        snprintf(sentence, sizeof sentence, "the command for %.120s was ended by signal %d",
                 job->host->method, WTERMSIG(job->wait_status));
    answer_error(job, WPLUG_CODE_SERVER_ERROR, sentence);
}

static void free_job(cli_job *job) {
    for (int i = 0; i < PIPE_COUNT; i++) close_fd(&job->fds[i]);
    wplug_request_release(job->request);
    cli_text_free(&job->output);
    cli_text_free(&job->excerpt);
    free(job);
}

/* Ends a process and what it started, and waits for it: it cannot refuse. */
static void kill_job(cli_job *job) {
    if (job->pid == 0 || job->has_exited) return;
    kill(-job->pid, SIGKILL);
    while (waitpid(job->pid, &job->wait_status, 0) < 0 && errno == EINTR) continue;
    job->has_exited = true;
}

/* ---- Moving bytes -----------------------------------------------------------------------------------------
 */

static void feed(cli_job *job) {
    const char *params = wplug_request_params(job->request, NULL);
    /* A line feed behind the params makes them a line, which the shell's `read` and its kin want. */
    while (job->params_done <= job->params_size) {
        bool is_end = job->params_done == job->params_size;
        ssize_t put = write(job->fds[TO_STDIN], is_end ? "\n" : params + job->params_done,
                            is_end ? 1 : job->params_size - job->params_done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) return;
        /* A command may well not read its params: that is its own affair. */
        if (put < 0) break;
        job->params_done += (size_t)put;
    }
    close_fd(&job->fds[TO_STDIN]);
}

/* Reads what there is now from one of the process's outputs. */
static void drain(cli_commands *commands, cli_job *job, int which) {
    char bytes[16384];
    while (job->fds[which] >= 0) {
        ssize_t got = read(job->fds[which], bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            close_fd(&job->fds[which]);
            return;
        }
        size_t size = (size_t)got;
        if (which == FROM_STDOUT) {
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
    if (job->fds[TO_STDIN] >= 0) feed(job);
    drain(commands, job, FROM_STDOUT);
    drain(commands, job, FROM_STDERR);
    if (job->output.size > commands->result_max) {
        kill_job(job);
        answer_error(job, WPLUG_CODE_SERVER_ERROR, "the command printed more than a message may be long");
        return true;
    }
    if (reap && waitpid(job->pid, &job->wait_status, WNOHANG) == job->pid) job->has_exited = true;
    if (!job->has_exited) return false;
    /* What it wrote before its end is in the pipes now. What a process that it left behind may yet write is
     * not waited for. */
    drain(commands, job, FROM_STDOUT);
    drain(commands, job, FROM_STDERR);
    answer(job);
    return true;
}

/* ---- The set of commands ----------------------------------------------------------------------------------
 */

/* Starts jobs that wait for their turn, as many as may run at once. */
static void start_more(cli_commands *commands) {
    size_t running = 0;
    for (cli_job **link = &commands->jobs; *link != NULL && running < CLI_COMMANDS_AT_ONCE;) {
        cli_job *job = *link;
        if (job->pid == 0 && !start(job)) {
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
    *fresh = (cli_job){.request = wplug_request_retain(request), .host = provider->host, .fds = {-1, -1, -1}};
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

size_t cli_commands_poll(cli_commands *commands, struct pollfd *fds) {
    size_t count = 0;
    for (const cli_job *job = commands->jobs; job != NULL; job = job->next)
        for (int i = 0; i < PIPE_COUNT && job->pid != 0; i++)
            if (job->fds[i] >= 0)
                fds[count++] = (struct pollfd){.fd = job->fds[i], .events = i == TO_STDIN ? POLLOUT : POLLIN};
    return count;
}

void cli_commands_handle(cli_commands *commands, const struct pollfd *fds, size_t count, bool reap) {
    bool has_news = reap;
    for (size_t i = 0; i < count; i++) has_news |= fds[i].revents != 0;
    if (!has_news) return;
    for (cli_job **link = &commands->jobs; *link != NULL;) {
        cli_job *job = *link;
        if (job->pid != 0 && advance(commands, job, reap)) {
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
        kill_job(job);
        free_job(job);
    }
}

void cli_commands_free(cli_commands *commands) {
    if (commands == NULL) return;
    free(commands->providers);
    free(commands);
}
