/* The poll loop: steps the runtime, and in between waits for whatever it can wait for: signals, the host
 * methods' processes, the process's own stdio, a time. Owns the signal handlers and the pipe that they write
 * to. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How long the runtime may step before the loop looks at its descriptors again. */
#define STEP_BUDGET_NS 5000000u

/* Signals arrive as bytes in this pipe: the only thing that a handler and the loop share. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    /* A full pipe holds enough signals already. */
    ssize_t written = write(signal_pipe[1], &byte, 1);
    (void)written;
    errno = saved;
}

static bool catch_signals(void) {
    if (pipe(signal_pipe) != 0) return false;
    for (int i = 0; i < 2; i++)
        if (fcntl(signal_pipe[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK) != 0)
            return false;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        struct sigaction old;
        if (sigaction(caught[i], NULL, &old) != 0) return false;
        /* What nohup and its kin switched off stays off; children's ends are always of interest. */
        if (old.sa_handler == SIG_IGN && caught[i] != SIGCHLD) continue;
        if (sigaction(caught[i], &action, NULL) != 0) return false;
    }
    /* A reader that went away is an error of a write, with a message, and not a silent death. */
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR;
}

bool cli_loop_open(cli_loop *loop) {
    wplug_error error;
    if (!catch_signals()) {
        cli_complain("cannot catch signals: %s", strerror(errno));
        return false;
    }
    if (wplug_runtime_new(NULL, &loop->runtime, &error) == WPLUG_OK) return true;
    cli_complain("%s", error.message);
    return false;
}

void cli_loop_done(void *user, wplug_task task, wplug_result *result) {
    cli_loop *loop = user;
    loop->result = wplug_result_retain(result);
}

/* Empties the signal pipe. True where a child has ended; other signals cancel the task. */
static bool take_signals(cli_loop *loop) {
    unsigned char bytes[64];
    bool has_child_ended = false;
    ssize_t got;
    while ((got = read(signal_pipe[0], bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == SIGCHLD) {
                has_child_ended = true;
                continue;
            }
            loop->signal = bytes[i];
            wplug_task_cancel(loop->runtime, loop->task);
        }
    }
    return has_child_ended;
}

/* Waits for anything that can happen and hands it on. */
static bool wait_for_events(cli_loop *loop, int timeout_ms) {
    static const short stdio_events[3] = {POLLIN, POLLOUT, POLLOUT};
    struct pollfd fds[4 + CLI_COMMANDS_POLL_MAX];
    size_t count = 0;
    fds[count++] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
    for (int fd = 0; fd < 3; fd++)
        if (loop->wants_fd[fd]) fds[count++] = (struct pollfd){.fd = fd, .events = stdio_events[fd]};
    size_t first_command = count;
    if (loop->commands != NULL) count += cli_commands_poll(loop->commands, fds + count);

    int ready = poll(fds, (nfds_t)count, timeout_ms);
    if (ready < 0 && errno != EINTR) {
        cli_complain("cannot wait: %s", strerror(errno));
        return false;
    }
    /* After EINTR the events are not filled in, but the pipe has the signal. */
    bool has_child_ended = take_signals(loop);
    if (ready < 0) ready = 0;
    bool is_stdio_ready = false;
    for (size_t i = 1; ready > 0 && i < first_command; i++) {
        if (fds[i].revents == 0) continue;
        loop->wants_fd[fds[i].fd] = false;
        is_stdio_ready = true;
    }
    if (is_stdio_ready) wplug_task_stdio_ready(loop->runtime, loop->task);
    if (loop->commands != NULL && (ready > 0 || has_child_ended))
        cli_commands_handle(loop->commands, fds + first_command, ready > 0 ? count - first_command : 0,
                            has_child_ended);
    return true;
}

bool cli_loop_run(cli_loop *loop) {
    while (loop->result == NULL) {
        wplug_next next;
        wplug_status status = wplug_runtime_step(loop->runtime, STEP_BUDGET_NS, &next);
        if (status != WPLUG_OK) {
            cli_complain("the runtime stopped: %s", wplug_status_text(status));
            return false;
        }
        if (loop->result == NULL && !wait_for_events(loop, wplug_next_timeout_ms(&next))) return false;
    }
    return true;
}

void cli_loop_close(cli_loop *loop) {
    if (loop->commands != NULL) cli_commands_stop(loop->commands);
    /* The guest's last lines of log may come after its answer; how long it has for them is limited. */
    if (loop->result != NULL) wplug_runtime_run(loop->runtime);
    wplug_runtime_free(loop->runtime);
    cli_commands_free(loop->commands);
    wplug_result_release(loop->result);
}
