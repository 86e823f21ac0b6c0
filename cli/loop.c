/* The loop: steps the runtime, and in between waits for whatever it can wait for: interruptions, the host
 * methods' processes, the process's own stdio, a time. */
#include "cli.h"
#include "system.h"

#include <errno.h>
#include <string.h>

/* How long the runtime may step before the loop looks at its descriptors again. */
#define STEP_BUDGET_NS 5000000u

bool cli_loop_open(cli_loop *loop) {
    wplug_error error;
    if (!system_catch_interruptions()) {
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

/* Waits for anything that can happen and hands it on. */
static bool wait_for_events(cli_loop *loop, int timeout_ms) {
    system_events events = {0};
    for (int fd = 0; fd < 3; fd++) events.wants_stdio[fd] = loop->wants_fd[fd];
    if (loop->commands != NULL) events.child_count = cli_commands_children(loop->commands, events.children);

    if (!system_wait(&events, timeout_ms)) {
        cli_complain("cannot wait: %s", strerror(errno));
        return false;
    }
    if (events.signal != 0) {
        loop->signal = events.signal;
        wplug_task_cancel(loop->runtime, loop->task);
    }
    bool is_stdio_ready = false;
    for (int fd = 0; fd < 3; fd++) {
        if (!events.is_stdio_ready[fd]) continue;
        loop->wants_fd[fd] = false;
        is_stdio_ready = true;
    }
    if (is_stdio_ready) wplug_task_stdio_ready(loop->runtime, loop->task);
    if (loop->commands != NULL && (events.has_child_moved || events.has_child_ended))
        cli_commands_handle(loop->commands, events.has_child_ended);
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
