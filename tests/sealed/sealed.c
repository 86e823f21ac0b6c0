/* Runs a program and stops it with SIGSYS when it makes memory executable after its start:
 *
 *     sealed REPORT PROGRAM ARGUMENT...
 *
 * The dynamic loader has to map libraries executable, so the seal is set where the program itself begins: at the entry
 * point, to which the loader jumps when all that the program is linked with is in place. A tracer watches:
 *
 *   loading   from exec to the entry point (a breakpoint there); everything is allowed
 *   sealed    the program, its threads and the processes that it forks: no executable mapping, in no way; nor may the
 *             program's own process be replaced by another program. At the seal no page is writable and executable
 *   free      what such a process starts by exec, a host command for example: another program, none of ours
 *
 * Where PROGRAM is executed again further down, it is loaded and sealed again. A seccomp filter hands just the system
 * calls in question to the tracer, so that everything else runs at its own speed.
 *
 * PROGRAM runs in the process that was started as `sealed`, so signals and waiting mean the same; the tracer is a process
 * of its own, no child of PROGRAM. For each seal and for each violation it appends a line to REPORT:
 * "sealed PROGRAM" or "violation: WHAT". Exits with 77 where the system does not let one process watch another.
 * For Linux on x86-64. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, X32_BIT = 0x40000000, BREAKPOINT = 0xCC };

/* ---- The filter ----------------------------------------------------------------------------------------- */

#define LOAD(field)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what)      BPF_STMT(BPF_RET | BPF_K, what)
#define TELL_WITH(reason) RETURN(SECCOMP_RET_TRACE | (reason))
/* The low half of the argument, where these flags are. */
#define CALL_WITH_FLAG(name, argument, flag, reason)                                                         \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD(args[argument]),                             \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, 1), TELL_WITH(reason), RETURN(SECCOMP_RET_ALLOW)
#define CALL(name, reason) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), TELL_WITH(reason)

typedef enum reason {
    OTHER_CALLS = 1,
    MMAP,
    MPROTECT,
    PKEY_MPROTECT,
    SHMAT,
    PERSONALITY,
    EXECVE,
    EXECVEAT
} reason;

static const char *const reasons[] = {
    [OTHER_CALLS] = "a system call of another architecture",
    [MMAP] = "mmap with PROT_EXEC",
    [MPROTECT] = "mprotect with PROT_EXEC",
    [PKEY_MPROTECT] = "pkey_mprotect with PROT_EXEC",
    [SHMAT] = "shmat with SHM_EXEC",
    [PERSONALITY] = "personality with READ_IMPLIES_EXEC",
    [EXECVE] = "execve in the program's own process",
    [EXECVEAT] = "execveat in the program's own process",
};

/* mremap cannot make what it moves executable, and remap_file_pages neither. */
static bool install_filter(void) {
    struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        TELL_WITH(OTHER_CALLS),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1),
        TELL_WITH(OTHER_CALLS),
        CALL_WITH_FLAG(mmap, 2, PROT_EXEC, MMAP),
        CALL_WITH_FLAG(mprotect, 2, PROT_EXEC, MPROTECT),
        CALL_WITH_FLAG(pkey_mprotect, 2, PROT_EXEC, PKEY_MPROTECT),
        CALL_WITH_FLAG(shmat, 2, SHM_EXEC, SHMAT),
        CALL_WITH_FLAG(personality, 0, READ_IMPLIES_EXEC, PERSONALITY),
        CALL(execve, EXECVE),
        CALL(execveat, EXECVEAT),
        RETURN(SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* ---- What is watched ------------------------------------------------------------------------------------ */

typedef enum state {
    UNKNOWN, /* new, and its parent has not told of it yet */
    LOADING,
    SEALED,
    FREE
} state;

typedef struct task {
    pid_t id;
    state state;
    bool is_first; /* of the process that was started as PROGRAM */
    bool waits;    /* UNKNOWN, and stopped until more is known */
    uint64_t entry;
    long replaced; /* the code at the entry point, a breakpoint now */
} task;

typedef struct watch {
    int report;
    struct stat program;
    char path[4096];
    task *tasks;
    size_t count, capacity;
} watch;

static void give_up(const char *what) {
    fprintf(stderr, "sealed: %s: %s\n", what, strerror(errno));
    _exit(SKIPPED);
}

static void report(watch *w, const char *format, const char *text) {
    char line[5000];
    const int size = snprintf(line, sizeof line, format, text);
    if (write(w->report, line, (size_t)size) != size) abort();
}

static task *find(watch *w, pid_t id) {
    for (size_t i = 0; i < w->count; i++)
        if (w->tasks[i].id == id) return &w->tasks[i];
    if (w->count == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 16;
        w->tasks = realloc(w->tasks, w->capacity * sizeof *w->tasks);
        if (!w->tasks) abort();
    }
    w->tasks[w->count] = (task){.id = id};
    return &w->tasks[w->count++];
}

static void forget(watch *w, pid_t id) {
    task *t = find(w, id);
    *t = w->tasks[--w->count];
}

static void go_on(pid_t id, int signal) {
    ptrace(PTRACE_CONT, id, NULL, (void *)(intptr_t)signal); /* it may have been killed meanwhile */
}

/* The call, if it is in one, is not made. */
static void violation(watch *w, const task *t, const char *what) {
    struct user_regs_struct registers;
    report(w, "violation: %s\n", what);
    kill(t->id, SIGSYS);
    if (ptrace(PTRACE_GETREGS, t->id, NULL, &registers) == 0) {
        registers.orig_rax = (unsigned long long)-1;
        ptrace(PTRACE_SETREGS, t->id, NULL, &registers);
    }
    go_on(t->id, 0);
}

/* ---- From exec to the entry point ----------------------------------------------------------------------- */

static uint64_t entry_point(pid_t id) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)id);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    Elf64_auxv_t value = {0};
    while (read(file, &value, sizeof value) == (ssize_t)sizeof value && value.a_type != AT_NULL)
        if (value.a_type == AT_ENTRY) break;
    close(file);
    return value.a_type == AT_ENTRY ? value.a_un.a_val : 0;
}

/* Whether the process runs PROGRAM. */
static bool runs_program(watch *w, pid_t id) {
    char path[64];
    struct stat it;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)id);
    return stat(path, &it) == 0 && it.st_dev == w->program.st_dev && it.st_ino == w->program.st_ino;
}

static void executed(watch *w, task *t) {
    t->state = FREE;
    if (runs_program(w, t->id)) {
        t->entry = entry_point(t->id);
        errno = 0;
        t->replaced = ptrace(PTRACE_PEEKTEXT, t->id, (void *)t->entry, NULL);
        const long trapping = (t->replaced & ~0xFFL) | BREAKPOINT;
        if (errno || ptrace(PTRACE_POKETEXT, t->id, (void *)t->entry, (void *)trapping) != 0) {
            violation(w, t, "the entry point cannot be found");
            return;
        }
        t->state = LOADING;
    }
    go_on(t->id, 0);
}

/* Whether a page is writable and executable. */
static bool has_writable_code(pid_t id) {
    char path[64], line[5000], rights[5];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)id);
    FILE *maps = fopen(path, "re");
    bool found = !maps;
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%*x-%*x %4s", rights) == 1 && rights[1] == 'w' && rights[2] == 'x') found = true;
    if (maps) fclose(maps);
    return found;
}

/* At a SIGTRAP: true where it was the breakpoint, which is then removed. */
static bool at_entry(task *t) {
    struct user_regs_struct registers;
    if (t->state != LOADING || ptrace(PTRACE_GETREGS, t->id, NULL, &registers) != 0) return false;
    if (registers.rip != t->entry + 1) return false;
    registers.rip = t->entry;
    ptrace(PTRACE_POKETEXT, t->id, (void *)t->entry, (void *)t->replaced);
    ptrace(PTRACE_SETREGS, t->id, NULL, &registers);
    return true;
}

static void seal(watch *w, task *t) {
    t->state = SEALED;
    if (has_writable_code(t->id)) {
        violation(w, t, "a page that is writable and executable");
        return;
    }
    report(w, "sealed %s\n", w->path);
    go_on(t->id, 0);
}

/* ---- Events --------------------------------------------------------------------------------------------- */

/* A thread or a process that the task has made is what the task is. */
static void made(watch *w, pid_t parent, pid_t child, bool is_thread) {
    task *c = find(w, child); /* may move the others */
    const task *p = find(w, parent);
    c->state = p->state;
    c->is_first = is_thread && p->is_first;
    if (c->waits) go_on(child, 0);
    c->waits = false;
    go_on(parent, 0);
}

static void called(watch *w, const task *t, reason why) {
    const bool executes = why == EXECVE || why == EXECVEAT;
    if (t->state != SEALED || (executes && !t->is_first))
        go_on(t->id, 0);
    else
        violation(w, t, reasons[why]);
}

static void stopped(watch *w, pid_t id, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, id, NULL, &message);
    task *t = find(w, id);
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK: made(w, id, (pid_t)message, false); break;
    case PTRACE_EVENT_CLONE: made(w, id, (pid_t)message, true); break;
    case PTRACE_EVENT_EXEC:
        if ((pid_t)message != id) { /* a thread did it, and has the process's number now */
            const bool is_first = find(w, (pid_t)message)->is_first;
            forget(w, (pid_t)message);
            t = find(w, id);
            t->is_first = is_first;
        }
        executed(w, t);
        break;
    case PTRACE_EVENT_SECCOMP: called(w, t, (reason)message); break;
    case PTRACE_EVENT_STOP:
        if (t->state == UNKNOWN)
            t->waits = true;
        else if (signal == SIGTRAP)
            go_on(id, 0);
        else
            ptrace(PTRACE_LISTEN, id, NULL, NULL); /* stopped as by SIGSTOP: until SIGCONT */
        break;
    default:
        if (signal == SIGTRAP && at_entry(t))
            seal(w, t);
        else
            go_on(id, signal);
    }
}

/* Watches until all have ended. */
static void watch_all(watch *w) {
    for (;;) {
        int status;
        const pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR) continue;
        if (id < 0) return;
        if (WIFSTOPPED(status))
            stopped(w, id, status);
        else
            forget(w, id);
    }
}

/* ---- Start ---------------------------------------------------------------------------------------------- */

/* The tracer: takes hold of the process `id`, tells it so through the pipe, and holds on to nothing else of its. */
static void trace(watch *w, pid_t id, int ready) {
    const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                         PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    if (setsid() < 0 || ptrace(PTRACE_SEIZE, id, NULL, (void *)options) != 0) _exit(1);
    task *first = find(w, id);
    first->state = FREE;
    first->is_first = true;
    if (write(ready, "r", 1) != 1) _exit(1);
    for (int fd = 0; fd < 1024; fd++)
        if (fd != w->report) close(fd);
    watch_all(w);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: sealed REPORT PROGRAM ARGUMENT...\n");
        return 2;
    }
    watch w = {.report = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
    int ready[2];
    if (w.report < 0 || !realpath(argv[2], w.path) || stat(w.path, &w.program) != 0 || pipe(ready) != 0) {
        fprintf(stderr, "sealed: %s\n", strerror(errno));
        return 2;
    }
    /* By way of a process in between that ends at once, so that PROGRAM has no child that it does not know. */
    const pid_t program = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* where only ancestors may trace otherwise */
    const pid_t between = fork();
    if (between < 0) give_up("fork");
    if (between == 0) {
        close(ready[0]);
        if (fork() == 0) {
            while (getppid() == between) {
            }
            trace(&w, program, ready[1]);
        }
        _exit(0);
    }
    close(ready[1]);
    waitpid(between, NULL, 0);
    char byte;
    if (read(ready[0], &byte, 1) != 1) {
        fprintf(stderr, "sealed: this system does not let one process watch another\n");
        return SKIPPED;
    }
    close(ready[0]);
    close(w.report);
    if (!install_filter()) give_up("seccomp");
    execv(w.path, argv + 2);
    perror("sealed: exec");
    return 2;
}
