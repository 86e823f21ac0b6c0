/* Owns the measurement of calls per second in one process and in two at once, which share nothing: how much more the
 * machine itself gives to two, which is what two threads can be compared with. */
#include "host_bench.h"
#include "measure.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 200, MOST_PROCESSES = 2, POLL_MS = 1, CALLS_UNWATCHED = 1024 };

typedef struct process {
    atomic_bool is_ready;
    uint64_t calls, cpu_ns, wall_ns;
    uint8_t apart[128];
} process;

/* In memory that the processes have in common. */
typedef struct shared_round {
    atomic_bool begins, over;
    uint8_t apart[128]; /* from what each writes */
    process processes[MOST_PROCESSES];
} shared_round;

/* `parent` is gone: nobody will end the round. */
static void follow(pid_t parent) {
    if (getppid() != parent) _exit(1);
}

static void work(shared_round *r, process *self, const char *plugin_path, pid_t parent) {
    wplug_plugin *plugin = load(plugin_path, NULL);
    wplug_runtime *runtime = new_runtime(NULL);
    for (int i = 0; i < WARM_UP; i++) call(runtime, plugin, "ping", NULL, WPLUG_OK, "\"pong\"");
    atomic_store(&self->is_ready, true);
    while (!atomic_load(&r->begins)) {
        sleep_ms(POLL_MS);
        follow(parent);
    }
    const uint64_t cpu = thread_cpu_ns(), wall = wplug_monotonic_ns();
    uint64_t calls = 0;
    for (; !atomic_load_explicit(&r->over, memory_order_relaxed); calls++) {
        call(runtime, plugin, "ping", NULL, WPLUG_OK, "\"pong\"");
        if (calls % CALLS_UNWATCHED == 0) follow(parent);
    }
    self->calls = calls;
    self->cpu_ns = thread_cpu_ns() - cpu;
    self->wall_ns = wplug_monotonic_ns() - wall;
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
}

static bool all_are_ready(shared_round *r, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (!atomic_load(&r->processes[i].is_ready)) return false;
    return true;
}

static void run_round(const char *plugin_path, unsigned count, uint64_t ms) {
    static const char *const names[MOST_PROCESSES + 1] = {"", "apart_one", "apart_two"};
    shared_round *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED) stop("no memory to share");
    const pid_t parent = getpid();
    pid_t children[MOST_PROCESSES];
    for (unsigned i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] < 0) stop("no process");
        if (children[i] == 0) {
            work(r, &r->processes[i], plugin_path, parent);
            _exit(0);
        }
    }
    /* One that stops does not get ready, nor to its end. */
    while (!all_are_ready(r, count)) {
        sleep_ms(POLL_MS);
        if (waitpid(-1, NULL, WNOHANG) != 0) stop("a process has ended before it was ready");
    }
    atomic_store(&r->begins, true);
    sleep_ms(ms);
    atomic_store(&r->over, true);
    uint64_t calls = 0, cpu = 0, wall = 0;
    for (unsigned i = 0; i < count; i++) {
        int status;
        if (waitpid(children[i], &status, 0) < 0 || status != 0) stop("a process has not ended well");
        calls += r->processes[i].calls;
        cpu += r->processes[i].cpu_ns;
        wall += r->processes[i].wall_ns / count;
    }
    munmap(r, sizeof *r);
    print_rate(names[count], count, calls, cpu, wall);
}

void measure_apart(const char *plugin_path, uint64_t round_ms, size_t rounds) {
    for (size_t i = 0; i < rounds; i++) {
        for (unsigned count = 1; count <= MOST_PROCESSES; count++) run_round(plugin_path, count, round_ms);
    }
}
