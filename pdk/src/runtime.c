/* Owns the plugin's life: registration, then the loop that reads lines, feeds them to the peer, and runs what
 * is ready, one thing at a time. */
#include "pdk.h"

#include <string.h>

/* One plugin, one thread, one conversation: see pdk.h. */
pdk_runtime pdk;

enum {
    FIRST_BLOCK = 4096,
    MAX_LINE = 1 << 30, /* the host has limits of its own, this one only keeps sizes in range */
    QUICK_RETRIES = 16  /* reads that find nothing before the plugin sleeps between them */
};
#define SHORTEST_PAUSE_NS ((uint64_t)250000)
#define LONGEST_PAUSE_NS  ((uint64_t)4000000)

/* ---- The queue of what is ready ---- */

void pdk_enqueue(pdk_task *task) {
    if (task->queued) return;
    task->queued = true;
    task->next = NULL;
    if (pdk.ready)
        pdk.ready_last->next = task;
    else
        pdk.ready = task;
    pdk.ready_last = task;
}

void pdk_dequeue(pdk_task *task) {
    if (!task->queued) return;
    task->queued = false;
    pdk_task *previous = NULL;
    for (pdk_task *each = pdk.ready; each; previous = each, each = each->next) {
        if (each != task) continue;
        if (previous)
            previous->next = task->next;
        else
            pdk.ready = task->next;
        if (pdk.ready_last == task) pdk.ready_last = previous;
        return;
    }
}

static void run_ready(void) {
    pdk_timers_collect();
    while (pdk.ready && !pdk.exit_code) {
        pdk_task *task = pdk.ready;
        pdk_dequeue(task);
        /* The task is the head of what it stands for. */
        switch (task->kind) {
        case PDK_TASK_REQUEST: pdk_request_run((wplug_request *)task); break;
        case PDK_TASK_ANSWER: pdk_host_call_run((wplug_host_call *)task); break;
        case PDK_TASK_TIMER: pdk_timer_run((wplug_timer *)task); break;
        }
        pdk_notifications_sweep();
        pdk_timers_collect();
    }
}

/* ---- Output ---- */

void pdk_give_up(int exit_code) {
    if (pdk.exit_code == 0) pdk.exit_code = exit_code;
    if (pdk.ended) return;
    pdk.ended = true;
    pdk_host_gone();
}

void pdk_flush(void) {
    base_bytes output = rpc_peer_output(pdk.peer);
    if (output.size == 0) return;
    bool written = pdk.exit_code != WPLUG_EXIT_IO && pdk_os_write(1, output.data, output.size);
    rpc_peer_sent(pdk.peer, output.size);
    if (written || pdk.exit_code == WPLUG_EXIT_IO) return;
    wplug_log(WPLUG_LOG_ERROR, "cannot write to standard output");
    pdk_give_up(WPLUG_EXIT_IO);
}

/* ---- Input ---- */

static void no_memory_for_input(size_t size) {
    wplug_log(WPLUG_LOG_ERROR, "out of memory: cannot take in a message of %zu bytes or more", size);
    pdk_give_up(WPLUG_EXIT_NO_MEMORY);
}

/* Takes note of what the peer has read. */
static bool accept_event(const rpc_event *event) {
    switch (event->kind) {
    case RPC_EVENT_REQUEST:
    case RPC_EVENT_NOTIFICATION: return pdk_request_accept(event, pdk.input);
    case RPC_EVENT_RESULT:
    case RPC_EVENT_ERROR: pdk_host_answered(event, pdk.input); break;
    case RPC_EVENT_STRAY:
        if (pdk_host_was_cancelled(event->id)) break;
        wplug_log(WPLUG_LOG_WARNING, "ignored an answer to no call: id %.*s", (int)event->id.size,
                  (const char *)event->id.data);
        break;
    case RPC_EVENT_REFUSED: wplug_log(WPLUG_LOG_WARNING, "refused a request: %s", event->why.message); break;
    case RPC_EVENT_INVALID:
        wplug_log(WPLUG_LOG_ERROR, "not a JSON-RPC message: %s: %.*s", event->why.message,
                  (int)event->excerpt.size, (const char *)event->excerpt.data);
        if (event->has_call) pdk_host_answered(event, NULL);
        break;
    case RPC_EVENT_NONE: break;
    }
    return true;
}

/* Lines are fed whole and the peer is drained at once, so that what it reports lies in our block and can stay
 * there. */
static void take_in_line(base_bytes line) {
    rpc_event event;
    base_status status = rpc_peer_feed(pdk.peer, line);
    while (status == BASE_OK && (status = rpc_peer_next(pdk.peer, &event)) == BASE_OK) {
        if (event.kind == RPC_EVENT_NONE) {
            pdk_flush(); /* what the peer answered by itself */
            return;
        }
        if (!accept_event(&event)) break;
    }
    no_memory_for_input(line.size);
}

static void take_in_lines(void) {
    while (!pdk.exit_code) {
        pdk_block *block = pdk.input;
        const uint8_t *from = block->data + pdk.scanned;
        const uint8_t *end = memchr(from, '\n', block->size - pdk.scanned);
        if (!end) {
            pdk.scanned = block->size;
            return;
        }
        size_t next = (size_t)(end + 1 - block->data);
        base_bytes line = {block->data + pdk.start, next - pdk.start};
        pdk.start = pdk.scanned = next;
        take_in_line(line);
    }
}

static void take_in_end(void) {
    pdk.ended = true;
    pdk_block *block = pdk.input;
    rpc_event event;
    base_status status = BASE_OK;
    if (block && pdk.start < block->size)
        status = rpc_peer_feed(pdk.peer, (base_bytes){block->data + pdk.start, block->size - pdk.start});
    if (status == BASE_OK) {
        pdk.start = pdk.scanned = block ? block->size : 0;
        rpc_peer_end(pdk.peer);
        while ((status = rpc_peer_next(pdk.peer, &event)) == BASE_OK && event.kind != RPC_EVENT_NONE) {
            if (!accept_event(&event)) status = BASE_NO_MEMORY;
            if (status != BASE_OK) break;
        }
    }
    if (status != BASE_OK) no_memory_for_input(block ? block->size - pdk.start : 0);
    pdk_flush();
    pdk_host_gone();
}

/* Makes room to read into, and keeps the line that is not complete yet: by moving it to the front of the
 * block, by making the block larger, or, where the block must stay because messages in it are in use, in a
 * new one. */
static bool make_room(void) {
    pdk_block *block = pdk.input;
    size_t rest = block ? block->size - pdk.start : 0;
    if (block && block->owners == 1 && pdk.start > 0) {
        memmove(block->data, block->data + pdk.start, rest);
        block->size = rest;
        pdk.scanned -= pdk.start;
        pdk.start = 0;
    }
    if (block && block->size < block->capacity) return true;

    bool grows = block && block->owners == 1;
    size_t capacity = FIRST_BLOCK;
    while (capacity < rest * 2) capacity *= 2;
    if (rest > MAX_LINE) return false;
    pdk_block *roomy = base_resize(NULL, grows ? block : NULL, grows ? sizeof *block + block->capacity : 0,
                                   sizeof *block + capacity);
    if (!roomy) return false;
    if (!grows) {
        *roomy = (pdk_block){.owners = 1, .size = rest};
        if (rest > 0) memcpy(roomy->data, block->data + pdk.start, rest);
        pdk.scanned -= pdk.start;
        pdk.start = 0;
        pdk_block_release(block);
    }
    roomy->capacity = capacity;
    pdk.input = roomy;
    return true;
}

static pdk_io read_once(void) {
    if (!make_room()) {
        no_memory_for_input(pdk.input ? pdk.input->size - pdk.start : 0);
        return PDK_IO_END;
    }
    size_t count = 0;
    pdk_io result =
        pdk_os_read(pdk.input->data + pdk.input->size, pdk.input->capacity - pdk.input->size, &count);
    if (result == PDK_IO_DONE) {
        pdk.again = 0;
        pdk.input->size += count;
        take_in_lines();
    } else if (result == PDK_IO_END) {
        take_in_end();
    } else if (result == PDK_IO_FAILED) {
        wplug_log(WPLUG_LOG_ERROR, "cannot read standard input");
        pdk_give_up(WPLUG_EXIT_IO);
    }
    return result;
}

static bool polls_input(void) {
    if (pdk.polling == PDK_POLLING_UNKNOWN)
        pdk.polling = pdk_os_polls_input() ? PDK_POLLING_INPUT : PDK_POLLING_CLOCKS;
    return pdk.polling == PDK_POLLING_INPUT;
}

/* Time until the deadline; 0 where it has passed. */
static uint64_t remaining(uint64_t deadline_ns) {
    if (deadline_ns == PDK_NO_DEADLINE) return PDK_NO_DEADLINE;
    uint64_t now = pdk_os_monotonic_ns();
    return now < deadline_ns ? deadline_ns - now : 0;
}

/* A host whose reads do not wait and that cannot be asked to wait for input: try again after a pause, which
 * grows while nothing comes. */
static void pause_reading(uint64_t longest_ns) {
    if (pdk.again++ < QUICK_RETRIES) {
        pdk_os_yield();
        return;
    }
    unsigned doublings = pdk.again - QUICK_RETRIES;
    uint64_t pause = doublings < 5 ? SHORTEST_PAUSE_NS << doublings : LONGEST_PAUSE_NS;
    pdk_os_sleep(pause < longest_ns ? pause : longest_ns);
}

/* Hosts differ in three ways, and all of them are served: reads that wait (wplug, most others), reads that
 * never wait but a poll that does (wplug asked for that), and neither (the Rust host). Without a deadline a
 * read comes first, so that the plain case needs nothing but reads, and a plugin that has just started asks
 * for no clock. */
bool pdk_pump(uint64_t deadline_ns) {
    bool may_wait = deadline_ns == PDK_NO_DEADLINE;
    while (!pdk.ended) {
        if (may_wait || !polls_input()) {
            if (read_once() != PDK_IO_AGAIN) return true;
            may_wait = false;
        }
        uint64_t timeout = remaining(deadline_ns);
        if (polls_input()) {
            pdk_io input = pdk_os_wait_for_input(timeout);
            if (input == PDK_IO_FAILED) pdk.polling = PDK_POLLING_CLOCKS;
            if (input == PDK_IO_DONE && read_once() != PDK_IO_AGAIN) return true;
        } else if (timeout > 0) {
            pause_reading(timeout);
        }
        if (timeout == 0) break;
    }
    return false;
}

void pdk_wait_until(uint64_t deadline_ns) {
    if (!pdk.ended) {
        pdk_pump(deadline_ns);
        return;
    }
    uint64_t wait = remaining(deadline_ns);
    if (wait > 0) pdk_os_sleep(wait);
}

/* ---- The loop ---- */

/* Nothing is left that the plugin waits for. */
static bool is_idle(void) {
    if (pdk.ready || pdk.requests || pdk.next_timer) return false;
    for (const wplug_host_call *call = pdk.loose_calls; call; call = call->next) {
        if (call->callback) return false;
    }
    return true;
}

static bool is_finished(void) {
    if (pdk.exit_code) return true;
    if (!is_idle()) return false;
    return pdk.ended || (pdk.answers > 0 && !pdk.serve_until_end);
}

static void serve(void) {
    while (true) {
        run_ready();
        if (is_finished()) return;
        if (pdk.ended && !pdk.next_timer) return;
        pdk_wait_until(pdk.next_timer ? pdk.next_timer->deadline_ns : PDK_NO_DEADLINE);
    }
}

static void read_log_level(void) {
    static const char *const names[] = {"debug", "info", "warning", "error"};
    pdk.log_level = WPLUG_LOG_INFO;
    const char *wanted = pdk_os_environment("WPLUG_LOG");
    for (size_t i = 0; wanted && i < sizeof names / sizeof *names; i++) {
        if (strcmp(wanted, names[i]) != 0) continue;
        pdk.log_level = (wplug_level)i;
        pdk.log_level_fixed = true;
    }
}

static void take_down(void) {
    pdk_notifications_sweep();
    if (pdk_os_takes_memory_back()) return;
    while (pdk.requests) pdk_request_free(pdk.requests);
    while (pdk.loose_calls) pdk_host_call_dispose(pdk.loose_calls);
    while (pdk.loose_timers) wplug_timer_cancel(pdk.loose_timers);
    pdk_spare_call_free();
    pdk_spare_request_free();
    pdk_block_release(pdk.input);
    rpc_peer_free(pdk.peer);
    pdk_registry_free();
}

int wplug_run(const char *name, const char *version, void (*register_methods)(void)) {
    pdk = (pdk_runtime){.name = name ? name : "", .version = version ? version : ""};
    pdk.no_call.method = "";
    pdk.no_call.id = UINT64_MAX;
    read_log_level();
    register_methods();
    pdk_registry_check(name, version);
    if (pdk.mistakes > 0) {
        pdk_registry_free();
        return WPLUG_EXIT_REGISTRATION;
    }

    rpc_config config;
    rpc_config_init(&config);
    config.max_line = MAX_LINE;
    base_error error;
    if (rpc_peer_new(&config, &pdk.peer, &error) != BASE_OK) {
        wplug_log(WPLUG_LOG_ERROR, "cannot start: %s", error.message);
        pdk.exit_code = WPLUG_EXIT_NO_MEMORY;
    } else {
        rpc_peer_prepare(pdk.peer);
        pdk_request_prepare();
        serve();
    }
    take_down();
    return pdk.exit_code;
}
