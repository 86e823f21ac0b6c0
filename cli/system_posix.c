/* The command on POSIX systems. Owns the signal handlers and the pipe that they write to. */
#include "system.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a pipe takes without blocking once poll says that it is writable. */
#define WRITE_AT_ONCE 4096

/* ---- The start ---------------------------------------------------------------------------------------------
 */

/* A descriptor 0, 1 or 2 that is closed would be given to the next file or pipe that is opened, and then
 * taken for stdio. Each is filled with one that fails when it is used, as the closed one does. */
static void fill_closed_stdio(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(CLI_FAILED);
}

void system_start(int *count, char ***arguments) {
    fill_closed_stdio();
    /* A line at a time, so that lines of the log and of host commands do not run into each other. */
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
}

/* ---- Interruptions -----------------------------------------------------------------------------------------
 */

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

bool system_catch_interruptions(void) {
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

/* Empties the signal pipe. */
static void take_signals(system_events *events) {
    unsigned char bytes[64];
    ssize_t got;
    while ((got = read(signal_pipe[0], bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == SIGCHLD)
                events->has_child_ended = true;
            else
                events->signal = bytes[i];
        }
    }
}

/* ---- Stdio -------------------------------------------------------------------------------------------------
 */

/* Asks whether a read or write would go through now. */
static bool is_ready(int fd, short events) {
    struct pollfd ask = {.fd = fd, .events = events};
    return poll(&ask, 1, 0) > 0;
}

/* What a failed read or write means. Descriptors that came to us non-blocking can say EAGAIN in spite of
 * poll. */
static ptrdiff_t failed_io(void) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return SYSTEM_WOULD_BLOCK;
    return errno == EPIPE ? SYSTEM_NOBODY_READS : SYSTEM_FAILED;
}

ptrdiff_t system_read_stdin(void *buffer, size_t size) {
    if (!is_ready(0, POLLIN)) return SYSTEM_WOULD_BLOCK;
    ssize_t got = read(0, buffer, size);
    return got < 0 ? failed_io() : got;
}

ptrdiff_t system_write_stdio(int fd, const void *bytes, size_t size) {
    if (!is_ready(fd, POLLOUT)) return SYSTEM_WOULD_BLOCK;
    struct stat about;
    bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    ssize_t put = write(fd, bytes, is_file || size < WRITE_AT_ONCE ? size : WRITE_AT_ONCE);
    return put < 0 ? failed_io() : put;
}

/* ---- Child processes ---------------------------------------------------------------------------------------
 */

struct system_child {
    pid_t pid;
    int fds[SYSTEM_CHILD_PIPES]; /* our ends; -1: closed */
    bool has_ended;
    int wait_status;
};

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Makes the pipes: ours[] does not block and is not inherited, theirs[] is for the process. */
static bool make_pipes(int ours[SYSTEM_CHILD_PIPES], int theirs[SYSTEM_CHILD_PIPES]) {
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) ours[i] = theirs[i] = -1;
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) {
        int ends[2];
        if (pipe(ends) != 0) return false;
        ours[i] = ends[i == SYSTEM_CHILD_STDIN ? 1 : 0];
        theirs[i] = ends[i == SYSTEM_CHILD_STDIN ? 0 : 1];
        if (fcntl(ours[i], F_SETFD, FD_CLOEXEC) != 0 || fcntl(theirs[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
            return false;
    }
    return true;
}

/* In the new process: becomes the command, or exits as a shell does when it cannot. */
CLI_NORETURN static void become_command(const char *command, const system_variable *variables,
                                        size_t variable_count, const int theirs[SYSTEM_CHILD_PIPES]) {
    bool is_ready_to_go = true;
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < variable_count; i++)
        is_ready_to_go = is_ready_to_go && setenv(variables[i].name, variables[i].value, 1) == 0;
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) is_ready_to_go = is_ready_to_go && dup2(theirs[i], i) == i;
    if (is_ready_to_go) execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

bool system_child_start(const char *command, const system_variable *variables, size_t variable_count,
                        system_child **out) {
    system_child *child = cli_resize(NULL, 1, sizeof *child);
    int theirs[SYSTEM_CHILD_PIPES];
    *child = (system_child){0};
    if (make_pipes(child->fds, theirs)) {
        pid_t pid = fork();
        if (pid == 0) become_command(command, variables, variable_count, theirs);
        if (pid > 0) {
            /* Both sides set the group, so that it is there whichever runs first. */
            setpgid(pid, pid);
            child->pid = pid;
        }
    }
    int saved = errno;
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) close_fd(&theirs[i]);
    bool is_started = child->pid > 0;
    *out = is_started ? child : NULL;
    if (!is_started) system_child_free(child);
    errno = saved;
    return is_started;
}

ptrdiff_t system_child_write(system_child *child, const void *bytes, size_t size) {
    ssize_t put;
    do put = write(child->fds[SYSTEM_CHILD_STDIN], bytes, size);
    while (put < 0 && errno == EINTR);
    if (put >= 0) return put;
    return errno == EAGAIN ? SYSTEM_WOULD_BLOCK : SYSTEM_FAILED;
}

void system_child_close_stdin(system_child *child) {
    close_fd(&child->fds[SYSTEM_CHILD_STDIN]);
}

ptrdiff_t system_child_read(system_child *child, int which, void *buffer, size_t size) {
    if (child->fds[which] < 0) return 0;
    ssize_t got;
    do got = read(child->fds[which], buffer, size);
    while (got < 0 && errno == EINTR);
    if (got > 0) return got;
    if (got < 0 && errno == EAGAIN) return SYSTEM_WOULD_BLOCK;
    close_fd(&child->fds[which]);
    return 0;
}

bool system_child_has_ended(system_child *child, system_end *end) {
    if (!child->has_ended) child->has_ended = waitpid(child->pid, &child->wait_status, WNOHANG) == child->pid;
    if (!child->has_ended) return false;
    bool is_exit = WIFEXITED(child->wait_status);
    end->is_signal = !is_exit;
    end->number = (unsigned)(is_exit ? WEXITSTATUS(child->wait_status) : WTERMSIG(child->wait_status));
    return true;
}

void system_child_kill(system_child *child) {
    if (child->has_ended) return;
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR) continue;
    child->has_ended = true;
}

void system_child_free(system_child *child) {
    if (child == NULL) return;
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) close_fd(&child->fds[i]);
    free(child);
}

/* ---- Waiting -----------------------------------------------------------------------------------------------
 */

bool system_wait(system_events *events, int timeout_ms) {
    struct pollfd fds[4 + SYSTEM_CHILD_PIPES * SYSTEM_CHILDREN_MAX];
    size_t count = 0;
    fds[count++] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
    for (int fd = 0; fd < 3; fd++)
        if (events->wants_stdio[fd])
            fds[count++] = (struct pollfd){.fd = fd, .events = fd == 0 ? POLLIN : POLLOUT};
    size_t first_of_children = count;
    for (size_t i = 0; i < events->child_count; i++)
        for (int which = 0; which < SYSTEM_CHILD_PIPES; which++)
            if (events->children[i]->fds[which] >= 0)
                fds[count++] = (struct pollfd){.fd = events->children[i]->fds[which],
                                               .events = which == SYSTEM_CHILD_STDIN ? POLLOUT : POLLIN};

    int ready = poll(fds, (nfds_t)count, timeout_ms);
    if (ready < 0 && errno != EINTR) return false;
    /* After EINTR the events are not filled in, but the pipe has the signal. */
    take_signals(events);
    for (size_t i = 1; ready > 0 && i < count; i++) {
        if (fds[i].revents == 0) continue;
        if (i < first_of_children)
            events->is_stdio_ready[fds[i].fd] = true;
        else
            events->has_child_moved = true;
    }
    return true;
}

/* ---- Files -------------------------------------------------------------------------------------------------
 */

FILE *system_open(const char *path) {
    return fopen(path, "rb");
}

char *system_folder(const char *path) {
    struct stat about;
    char *folder = realpath(path, NULL);
    if (folder != NULL && stat(folder, &about) == 0) {
        if (S_ISDIR(about.st_mode)) return folder;
        errno = ENOTDIR;
    }
    int saved = errno;
    free(folder);
    errno = saved;
    return NULL;
}

system_file system_open_below(const char *folder, const char *path, const char **why) {
    *why = "there is no such file in the folder";
    if (path[0] == 0 || path[0] == '/') return SYSTEM_NO_FILE;
    cli_text joined = {0};
    cli_text_append(&joined, folder, strlen(folder));
    cli_text_append(&joined, "/", 1);
    cli_text_append(&joined, path, strlen(path));
    char *real = realpath(joined.data, NULL);
    cli_text_free(&joined);
    /* With all links and dots resolved, it is below the folder if it begins with the folder's name and a
     * slash. */
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    bool is_below = real != NULL && strncmp(real, folder, length) == 0 && real[length] == '/';
    /* Opening must not wait for the writer of a fifo. */
    int fd = is_below ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) : -1;
    if (is_below && fd < 0) *why = strerror(errno);
    free(real);
    struct stat about;
    if (fd >= 0 && (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))) {
        *why = "it is not a regular file";
        close_fd(&fd);
    }
    return fd;
}

bool system_file_size(system_file file, uint64_t *size) {
    struct stat about;
    if (fstat((int)file, &about) != 0) return false;
    *size = (uint64_t)about.st_size;
    return true;
}

ptrdiff_t system_file_read(system_file file, void *buffer, size_t size, uint64_t offset) {
    size_t total = 0;
    if (offset > (uint64_t)INT64_MAX - size) return 0;
    while (total < size) {
        ssize_t got = pread((int)file, (char *)buffer + total, size - total, (off_t)(offset + total));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return SYSTEM_FAILED;
        if (got == 0) break;
        total += (size_t)got;
    }
    return (ptrdiff_t)total;
}

void system_file_close(system_file file) {
    close((int)file);
}
