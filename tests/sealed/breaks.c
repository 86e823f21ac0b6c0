/* Does what `sealed` is there to notice: breaks WAY. With the way `none`, and with those that are allowed, it exits with 0; so
 * it does too where nobody stops it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void *map(int rights) {
    return mmap(NULL, PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *map_executable(void *unused) {
    (void)unused;
    map(PROT_READ | PROT_WRITE | PROT_EXEC);
    return NULL;
}

/* The process's status becomes ours, as a shell does it. */
static int await(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A program that the loader maps executable, in a process of its own. */
static int run_host_command(void) {
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "cat </dev/null", (char *)NULL);
        _exit(1);
    }
    return await(child);
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    if (!strcmp(way, "none")) {
        map(PROT_READ | PROT_WRITE);
    } else if (!strcmp(way, "host_command")) {
        return run_host_command();
    } else if (!strcmp(way, "mmap")) {
        map_executable(NULL);
    } else if (!strcmp(way, "mprotect")) {
        mprotect(map(PROT_READ | PROT_WRITE), PAGE, PROT_READ | PROT_EXEC);
    } else if (!strcmp(way, "pkey_mprotect")) {
        syscall(SYS_pkey_mprotect, map(PROT_READ | PROT_WRITE), PAGE, PROT_READ | PROT_EXEC, -1);
    } else if (!strcmp(way, "shmat")) {
        const int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
        shmctl(id, IPC_RMID, NULL); /* refuses the attachment too, but only after it has been noticed */
        shmat(id, NULL, SHM_EXEC);
    } else if (!strcmp(way, "personality")) {
        personality(PER_LINUX | READ_IMPLIES_EXEC);
    } else if (!strcmp(way, "exec")) {
        execl("/bin/true", "true", (char *)NULL);
    } else if (!strcmp(way, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, map_executable, NULL);
        pthread_join(thread, NULL);
    } else if (!strcmp(way, "child")) {
        const pid_t child = fork();
        if (child == 0) {
            map_executable(NULL);
            _exit(0);
        }
        return await(child);
    } else if (!strcmp(way, "again")) {
        /* Itself, with the next argument. */
        const pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", argv[0], argc > 2 ? argv[2] : "none", (char *)NULL);
            _exit(1);
        }
        return await(child);
    } else {
        fprintf(stderr, "usage: breaks WAY\n");
        return 2;
    }
    return 0;
}
