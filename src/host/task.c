/* Owns tasks: a turn from its beginning to its end, waiting, limits, and every way in which a task can end.
 */
#include "host/host.h"

#include <stdio.h>

enum { BACKTRACE_FRAMES = 32, WASI_EPIPE = 64, WASI_EIO_ = 29 };
#define INPUT_PIECE      ((size_t)64 << 10)
#define KEEP_OUTPUT_SIZE ((size_t)4 << 10) /* larger buffers are given back while a task waits */

/* ---- Making and freeing ---- */

static uint64_t add_saturating(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void set_up_wasi(host_task *task) {
    const wplug_plugin *plugin = task->plugin;
    wasi_context *wasi = &task->wasi;
    wasi_context_init(wasi, task->allocator);
    wasi->args = &plugin->args;
    wasi->env = &plugin->env;
    wasi->async_guest = plugin->async_guest;
    wasi->is_deterministic = plugin->deterministic;
    wasi->start_time_ns = plugin->start_time_ns;
    if (plugin->deterministic) wasi_seed(wasi, plugin->seed);
}

wplug_status host_task_make(const base_allocator *allocator, wplug_plugin *plugin, host_kind kind,
                            const wplug_limits *limits, host_task **out, wplug_error *error) {
    wplug_limits resolved;
    if (!host_limits_resolve(limits, &plugin->limits, &resolved)) {
        return host_fail(error, WPLUG_MISUSE, "wplug_limits: call wplug_limits_init before setting fields");
    }
    host_task *task = base_alloc_zeroed(allocator, 1, sizeof *task);
    if (!task) return host_no_memory(error);
    task->result = host_result_new(allocator);
    if (!task->result) {
        base_free(allocator, task, sizeof *task);
        return host_no_memory(error);
    }
    task->allocator = allocator;
    task->timer.index = HOST_NO_TIMER;
    task->plugin = plugin;
    task->plugin_hold = host_plugin_hold(plugin);
    task->kind = kind;
    task->limits = resolved;
    task->fuel_limit = resolved.fuel;
    task->started_at = os_monotonic_ns();
    task->deadline = add_saturating(task->started_at, resolved.time_ns);
    base_buffer_init(&task->log_line, allocator);
    base_buffer_init(&task->trace_line, allocator);
    base_buffer_init(&task->input, allocator);
    base_buffer_init(&task->recorded, allocator);
    set_up_wasi(task);
    *out = task;
    return WPLUG_OK;
}

wplug_status host_task_join(host_task *task, wplug_runtime *runtime) {
    wplug_status status = host_queue_add_task(runtime, task);
    if (!status) task->runtime = runtime;
    return status;
}

wplug_status host_task_new(wplug_runtime *runtime, wplug_plugin *plugin, host_kind kind,
                           const wplug_limits *limits, host_task **out, wplug_error *error) {
    wplug_status status = host_task_make(&runtime->allocator, plugin, kind, limits, out, error);
    if (status || host_task_join(*out, runtime) == WPLUG_OK) return status;
    host_task_free(*out);
    return host_no_memory(error);
}

void host_task_launch(host_task *task) {
    wplug_runtime *runtime = task->runtime;
    size_t count = runtime->task_count - runtime->reported_count;
    runtime->stats.started++;
    if (count > runtime->stats.tasks_high) runtime->stats.tasks_high = count;
    host_queue_push_ready(runtime, task);
}

static void leave_runtime(host_task *task) {
    wplug_runtime *runtime = task->runtime;
    task->is_busy = true; /* the last log line's callback may step the runtime */
    host_log_flush(task);
    host_requests_abandon(task);
    host_queue_remove_task(runtime, task);
    if (task->is_reported) runtime->reported_count--;
    host_stats_memory(task, 0);
    host_sandbox_release(task);
}

void host_task_free(host_task *task) {
    const base_allocator *allocator = task->allocator;
    if (task->runtime) leave_runtime(task);
    rpc_peer_free(task->peer);
    wasi_context_free(&task->wasi);
    wasi_strings_free(allocator, &task->args);
    base_buffer_free(&task->trace_line);
    base_buffer_free(&task->input);
    base_buffer_free(&task->recorded);
    if (task->method && task->method != task->short_method)
        base_free(allocator, task->method, strlen(task->method) + 1);
    base_free(allocator, task->arguments, task->argument_cells * sizeof *task->arguments);
    wplug_result_release(&task->result->public);
    host_plugin_let_go(task->plugin, task->plugin_hold);
    if (task->is_freed) *task->is_freed = true;
    base_free(allocator, task, sizeof *task);
}

/* ---- The end ---- */

uint64_t host_task_fuel_used(const host_task *task) {
    return task->fuel_before + (task->has_run ? engine_exec_fuel_used(task->exec) : 0);
}

static uint64_t memory_bytes(const host_task *task) {
    return task->store ? engine_store_memory_pages(task->store) << 16 : 0;
}

void host_task_subject(const host_task *task, char *out, size_t capacity) {
    const wplug_plugin *plugin = task->plugin;
    const char *what = task->kind == HOST_CALL ? ", method " : ", function ";
    const char *name = task->method ? task->method : "";
    const char *quote = task->method ? "\"" : "";
    snprintf(out, capacity, "plugin \"%.80s\" (%s)%s%s%.80s%s", plugin->name, plugin->id_short,
             task->method ? what : "", quote, name, quote);
}

static bool has_backtrace(wplug_status status) {
    return status != WPLUG_OK && status != WPLUG_RPC_ERROR && status != WPLUG_RETURNED &&
           status != WPLUG_NO_MEMORY;
}

static void keep_backtrace(host_task *task) {
    if (!task->has_run) return;
    base_buffer *text = &task->result->text;
    size_t at = text->size;
    if (engine_exec_backtrace_text(task->exec, BACKTRACE_FRAMES, text) != BASE_OK) return;
    if (base_buffer_append_byte(text, 0) != BASE_OK) return;
    task->result->public.backtrace = (const char *)text->data + at;
}

/* After its answer the guest reads the end of file and may go on a little. */
static void begin_to_linger(host_task *task) {
    task->lingers = true;
    task->wasi.input_ended = true;
    task->fuel_limit = add_saturating(host_task_fuel_used(task), task->limits.linger_fuel);
    task->deadline = add_saturating(task->runtime->now, task->limits.linger_ns);
}

void host_task_end(host_task *task, wplug_status status, const char *format, ...) {
    if (task->is_ended) return;
    task->is_ended = true;
    host_result *result = task->result;
    result->public.status = status;
    result->public.fuel_used = host_task_fuel_used(task);
    result->public.time_ns =
        (task->runtime ? host_clock(task->runtime) : os_monotonic_ns()) - task->started_at;
    result->public.memory_bytes = memory_bytes(task);
    if (status != WPLUG_OK) {
        char subject[220], words[sizeof result->message];
        host_task_subject(task, subject, sizeof subject);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(words, sizeof words, format, arguments);
        va_end(arguments);
        snprintf(result->message, sizeof result->message, "%s: %.*s", subject,
                 (int)(sizeof words - sizeof subject - 3), words);
        result->public.message = result->message;
    }
    if (has_backtrace(status)) keep_backtrace(task);
    if (task->runtime) host_stats_ended(&task->runtime->stats, task);
    host_requests_abandon(task);
    if (task->kind == HOST_CALL && (status == WPLUG_OK || status == WPLUG_RPC_ERROR)) begin_to_linger(task);
}

void host_task_report(host_task *task) {
    if (task->is_reported) return;
    if (!task->lingers) host_log_flush(task);
    task->is_reported = true;
    task->runtime->reported_count++;
    if (task->done) task->done(task->done_user, task->id, &task->result->public);
    host_queue_drop_id(task->runtime, task);
}

/* ---- Ends that the guest brings about ---- */

/* A guest that was refused memory and then failed: that is why. */
static bool end_for_denial(host_task *task, const char *how) {
    if (engine_store_memory_denials(task->store) > 0) {
        host_task_end(task, WPLUG_MEMORY_LIMIT, "it reached its memory limit of %llu bytes, and then %s",
                      (unsigned long long)task->limits.memory_bytes, how);
        return true;
    }
    if (engine_store_table_denials(task->store) > 0) {
        host_task_end(task, WPLUG_TABLE_LIMIT, "it reached its limit of %llu table elements, and then %s",
                      (unsigned long long)task->limits.table_elements, how);
        return true;
    }
    return false;
}

/* " in name (function 12, offset 0x1a3f)" */
static void describe_place(const host_task *task, char *out, size_t capacity) {
    engine_frame frame;
    out[0] = 0;
    if (engine_exec_backtrace(task->exec, &frame, 1) == 0) return;
    const char *name = frame.name.size ? (const char *)frame.name.data : "a function without name";
    int length = frame.name.size ? host_span_length(frame.name) : (int)strlen(name);
    if (frame.module) {
        snprintf(out, capacity, " in %.*s (function %u, offset 0x%llx)", length, name, frame.func_index,
                 (unsigned long long)frame.code_offset);
    } else {
        snprintf(out, capacity, " in %.*s", length, name);
    }
}

static void end_by_trap(host_task *task) {
    char place[300];
    const char *message = engine_exec_trap_message(task->exec);
    describe_place(task, place, sizeof place);
    switch (engine_exec_trap(task->exec)) {
    case ENGINE_TRAP_CALL_STACK_EXHAUSTED:
        host_task_end(task, WPLUG_STACK_LIMIT, "it reached its stack limit of %llu bytes or %llu calls%s",
                      (unsigned long long)task->limits.stack_bytes, (unsigned long long)task->limits.depth,
                      place);
        return;
    case ENGINE_TRAP_OUT_OF_MEMORY:
        host_task_end(task, WPLUG_NO_MEMORY, "the host is out of memory: %s", message);
        return;
    default: break;
    }
    char how[400];
    snprintf(how, sizeof how, "trapped: %s%s", message, place);
    if (!end_for_denial(task, how)) host_task_end(task, WPLUG_TRAP, "it %s", how);
}

static void end_by_exit(host_task *task, bool is_raised) {
    uint32_t code = task->wasi.exit_code;
    char how[100];
    if (task->kind == HOST_CALL) host_conversation_close(task);
    task->result->public.exit_code = (int)code;
    if (is_raised) {
        snprintf(how, sizeof how, "raised signal %u", code - 128);
        if (!end_for_denial(task, how)) host_task_end(task, WPLUG_RAISED, "it %s", how);
    } else if (task->kind == HOST_COMMAND) {
        host_task_end(task, WPLUG_OK, "%s", "");
    } else {
        snprintf(how, sizeof how, "exited with code %u", code);
        if (code != 0 && end_for_denial(task, how)) return;
        host_task_end(task, WPLUG_EXITED, "it %s before it %s", how,
                      task->kind == HOST_CALL ? "answered" : "returned");
    }
}

static void end_trapped(host_task *task) {
    switch (task->wasi.end) {
    case WASI_RUNNING: end_by_trap(task); break;
    case WASI_EXITED: end_by_exit(task, false); break;
    case WASI_RAISED: end_by_exit(task, true); break;
    case WASI_NO_MEMORY:
        host_task_end(task, WPLUG_NO_MEMORY, "the host is out of memory for what it wrote");
        break;
    }
}

/* The results of a single function become text. Pointers into the text come last: it may move while it grows.
 */
static base_status keep_values(host_task *task) {
    host_result *result = task->result;
    const engine_functype *type = engine_exec_type(task->exec);
    const uint64_t *cells = engine_exec_results(task->exec);
    if (type->result_count == 0) return BASE_OK;
    result->values = base_alloc_zeroed(&result->allocator, type->result_count, sizeof *result->values);
    if (!result->values) return BASE_NO_MEMORY;
    result->value_capacity = type->result_count;
    size_t start = result->text.size;
    for (uint32_t i = 0; i < type->result_count; i++) {
        engine_type_text name = engine_type_name(type->results[i]);
        base_status status = base_buffer_append(&result->text, name.text, strlen(name.text) + 1);
        if (!status) status = host_value_write(type->results[i], cells, &result->text);
        if (!status) status = base_buffer_append_byte(&result->text, 0);
        if (status) return status;
        cells += engine_cells(type->results[i]);
    }
    const char *text = (const char *)result->text.data + start;
    for (uint32_t i = 0; i < type->result_count; i++) {
        const char *name = text;
        text += strlen(text) + 1;
        result->values[i] = (wplug_value){name, text};
        text += strlen(text) + 1;
    }
    result->public.values = result->values;
    result->public.value_count = type->result_count;
    return BASE_OK;
}

static void end_returned(host_task *task) {
    switch (task->kind) {
    case HOST_CALL:
        host_conversation_close(task);
        if (!task->is_ended && end_for_denial(task, "returned")) return;
        host_task_end(task, WPLUG_RETURNED, "it returned before it answered%s",
                      task->has_stray ? " (it answered, but to an id that no request has)" : "");
        break;
    case HOST_COMMAND: host_task_end(task, WPLUG_OK, "%s", ""); break;
    case HOST_INVOKE:
        if (keep_values(task) == BASE_OK)
            host_task_end(task, WPLUG_OK, "%s", "");
        else
            host_task_end(task, WPLUG_NO_MEMORY, "out of memory for the results");
        break;
    }
}

static void end_waiting_in_vain(host_task *task) {
    const char *hint = "";
    if (task->has_stray)
        hint = " (it answered, but to an id that no request has)";
    else if (task->mid_line)
        hint = " (its last line on stdout has no end)";
    host_task_end(
        task, WPLUG_NO_ANSWER,
        "it waits for input without having answered, and no input can come: it has no request open%s", hint);
}

/* ---- Stdio of commands and single functions ---- */

static void fail_output(host_task *task, uint16_t error) {
    task->wasi.output_error = error;
    task->wasi.output.size = 0;
}

static void flush_output(host_task *task) {
    base_buffer *output = &task->wasi.output;
    if (!task->write) output->size = 0;
    while (output->size > 0 && !task->is_stdio_blocked) {
        ptrdiff_t count =
            task->write(task->stdio_user, (int)task->wasi.output_fd, output->data, output->size);
        if (count > 0 && (size_t)count <= output->size)
            base_buffer_consume(output, (size_t)count);
        else if (count == WPLUG_IO_WOULD_BLOCK)
            task->is_stdio_blocked = true;
        else if (count == WPLUG_IO_CLOSED)
            fail_output(task, WASI_EPIPE);
        else
            fail_output(task, WASI_EIO_);
    }
}

static base_bytes command_input(void *owner) {
    const host_task *task = owner;
    size_t size = task->input.size - task->input_start;
    return (base_bytes){size > 0 ? task->input.data + task->input_start : NULL, size};
}

static void command_input_taken(void *owner, size_t size) {
    host_task *task = owner;
    task->input_start += size;
    if (task->input_start == task->input.size) task->input_start = task->input.size = 0;
}

static void pull_input(host_task *task) {
    wasi_context *wasi = &task->wasi;
    base_buffer *input = &task->input;
    wasi->wants_input = false;
    if (input->size > 0 || wasi->input_ended || task->is_stdio_blocked) return;
    if (!task->read) {
        wasi->input_ended = true;
        return;
    }
    if (base_buffer_reserve(input, INPUT_PIECE) != BASE_OK) {
        host_task_end(task, WPLUG_NO_MEMORY, "out of memory for its input");
        return;
    }
    ptrdiff_t count = task->read(task->stdio_user, input->data, INPUT_PIECE);
    if (count > 0 && (size_t)count <= INPUT_PIECE)
        input->size = (size_t)count;
    else if (count == 0)
        wasi->input_ended = true;
    else if (count == WPLUG_IO_WOULD_BLOCK)
        task->is_stdio_blocked = true;
    else
        wasi->input_error = WASI_EIO_;
}

/* ---- A turn ---- */

/* Takes away what the guest wrote. Callbacks run. */
static void take_output(host_task *task) {
    base_buffer *output = &task->wasi.output;
    if (task->kind != HOST_CALL) {
        flush_output(task);
        if (task->wasi.wants_input) pull_input(task);
    } else if (output->size > 0) {
        host_conversation_take(task, task->wasi.output_fd, base_buffer_bytes(output));
        output->size = 0;
    }
    if (output->size == 0 && output->capacity > KEEP_OUTPUT_SIZE) base_buffer_free(output);
}

/* What the guest runs next: the start function, `_initialize`, what the task is for. False where nothing is
 * left, or on failure, which has ended the task. */
static bool start_next_phase(host_task *task) {
    base_bytes name = task->kind == HOST_INVOKE ? base_bytes_from_text(task->method) : BASE_LITERAL("_start");
    engine_extern export;
    engine_extern_type type;
    uint64_t function = 0;
    const uint64_t *arguments = NULL;
    if (task->has_run) task->fuel_before += engine_exec_fuel_used(task->exec);
    task->wasi.fuel_before = task->fuel_before;
    task->has_run = false;
    while (!function) {
        switch (task->phase) {
        case HOST_NEW:
            task->phase = HOST_START_SECTION;
            function = engine_instance_start(task->instance);
            break;
        case HOST_START_SECTION:
            task->phase = HOST_INITIALIZE;
            if (task->kind != HOST_INVOKE || base_bytes_equal_text(name, "_initialize")) break;
            if (engine_instance_export(task->instance, BASE_LITERAL("_initialize"), &export, &type) &&
                type.kind == ENGINE_FUNC && type.func->param_count == 0) {
                function = export.func;
            }
            break;
        case HOST_INITIALIZE:
            task->phase = HOST_MAIN;
            if (!engine_instance_export(task->instance, name, &export, &type) || type.kind != ENGINE_FUNC) {
                host_task_end(task, WPLUG_NO_EXPORT, "it has no such function");
                return false;
            }
            function = export.func;
            arguments = task->arguments;
            break;
        case HOST_MAIN: return false;
        }
    }
    base_error why;
    if (engine_exec_start(task->exec, function, arguments, &why) != BASE_OK) {
        host_task_end(task, WPLUG_NO_MEMORY, "it could not be started: %s", why.message);
        return false;
    }
    task->has_run = true;
    return true;
}

static void begin(host_task *task) {
    wplug_error error;
    if (task->kind == HOST_CALL) {
        host_conversation_sent(task, 0);
    } else {
        task->wasi.input = command_input;
        task->wasi.input_taken = command_input_taken;
        task->wasi.owner = task;
        if (task->has_args) task->wasi.args = &task->args;
    }
    if (task->is_ended) return;
    host_histogram_add(&task->runtime->stats.wait_ns, host_clock(task->runtime) - task->started_at);
    wplug_status status = host_sandbox_acquire(task, &error);
    if (status)
        host_task_end(task, status, "%s", error.message);
    else if (!task->has_run)
        start_next_phase(task);
}

/* Deterministic clocks do not wait where nothing else can happen meanwhile. Returns true where the time has
 * come. */
static bool skip_wait(host_task *task) {
    wasi_context *wasi = &task->wasi;
    if (!wasi->is_deterministic || !(wasi->wait & WASI_WAIT_TIME) || wasi->wake_at == UINT64_MAX)
        return false;
    if (task->request_count > 0 || task->is_stdio_blocked) return false;
    wasi_skip_to(wasi, task->exec, wasi->wake_at);
    return true;
}

/* The guest waits: whether it can go on at once. */
static bool can_go_on(host_task *task) {
    const wasi_context *wasi = &task->wasi;
    if (wasi_is_ready(wasi)) return true;
    if (wasi->wait & WASI_WAIT_OUTPUT) return false;
    if (task->kind == HOST_CALL && wasi->wait == WASI_WAIT_INPUT && task->request_count == 0) {
        end_waiting_in_vain(task);
        return false;
    }
    return skip_wait(task);
}

static void end_out_of_fuel(host_task *task) {
    host_task_end(task, WPLUG_FUEL_LIMIT, "it has used up its fuel of %llu units",
                  (unsigned long long)task->limits.fuel);
}

void host_task_end_out_of_time(host_task *task) {
    host_task_end(task, WPLUG_TIME_LIMIT, "it ran out of time after %llu ms",
                  (unsigned long long)(task->limits.time_ns / 1000000));
}

static bool is_over(engine_outcome outcome) {
    return outcome == ENGINE_FINISHED || outcome == ENGINE_TRAPPED;
}

/* The outcome of one run of guest code. */
static host_turn handle_outcome(host_task *task, engine_outcome outcome) {
    bool is_flushed = task->kind == HOST_CALL || task->wasi.output.size == 0;
    switch (outcome) {
    case ENGINE_OUT_OF_FUEL: return HOST_AGAIN;
    case ENGINE_WAITING: return can_go_on(task) ? HOST_AGAIN : HOST_SLEEP;
    case ENGINE_FINISHED:
        if (!is_flushed) return HOST_SLEEP;
        if (task->phase != HOST_MAIN) return start_next_phase(task) ? HOST_AGAIN : HOST_STOP;
        end_returned(task);
        return HOST_STOP;
    case ENGINE_TRAPPED:
        if (!is_flushed) return HOST_SLEEP;
        end_trapped(task);
        return HOST_STOP;
    }
    return HOST_STOP;
}

static engine_outcome run_guest(host_task *task, uint64_t since, uint64_t fuel) {
    engine_outcome outcome = engine_exec_run(task->exec, (int64_t)fuel);
    if (task->wasi.is_held) outcome = host_snapshot_record(task);
    uint64_t spent = host_clock(task->runtime) - since;
    task->guest_ns += spent;
    task->runtime->stats.guest_ns += spent;
    task->is_waiting = outcome == ENGINE_WAITING;
    return outcome;
}

/* Runs a slice of guest code, through as many host calls as it lasts for. */
static host_turn run_slice(host_task *task) {
    bool was_ended = task->is_ended;
    uint64_t now = host_clock(task->runtime), start = host_task_fuel_used(task) - task->slice_spent;
    task->slice_start = start;
    task->slice_spent = 0;
    if (now >= task->deadline) {
        host_task_end_out_of_time(task);
        return HOST_STOP;
    }
    if (task->skip_to && now >= task->skip_at) wasi_skip_to(&task->wasi, task->exec, task->skip_to);
    task->skip_to = 0;
    for (;;) {
        uint64_t used = host_task_fuel_used(task);
        if (used >= task->fuel_limit) {
            end_out_of_fuel(task);
            return HOST_STOP;
        }
        uint64_t spent = used - start, slice = task->runtime->slice_fuel;
        if (spent >= slice) return HOST_AGAIN;
        uint64_t left = task->fuel_limit - used;
        if (slice - spent < left) left = slice - spent;
        if (task->is_recording && used + left > task->most_fuel) task->most_fuel = used + left;
        engine_outcome outcome = run_guest(task, now, left);
        take_output(task);
        if (task->is_ended != was_ended) return is_over(outcome) ? HOST_STOP : HOST_AGAIN;
        host_turn turn = handle_outcome(task, outcome);
        if (turn != HOST_AGAIN || outcome == ENGINE_OUT_OF_FUEL || task->is_ended != was_ended) return turn;
        now = host_clock(task->runtime);
    }
}

static host_turn run_counted_slice(host_task *task) {
    wplug_stats *stats = &task->runtime->stats;
    uint64_t before = host_task_fuel_used(task);
    host_turn turn = run_slice(task);
    stats->slices++;
    stats->fuel += host_task_fuel_used(task) - before;
    host_stats_memory(task, memory_bytes(task));
    return turn;
}

static void sleep_until_event(host_task *task) {
    const wasi_context *wasi = &task->wasi;
    uint64_t at = task->deadline;
    if (task->is_waiting && (wasi->wait & WASI_WAIT_TIME) && wasi->wake_at != UINT64_MAX) {
        uint64_t wake_at = wasi->wake_at;
        if (wasi->is_deterministic) {
            uint64_t guest_now = wasi_now(wasi, task->exec);
            uint64_t wait = wake_at > guest_now ? wake_at - guest_now : 0;
            task->skip_to = wake_at;
            wake_at = task->skip_at = add_saturating(os_monotonic_ns(), wait);
        }
        if (wake_at < at) at = wake_at;
    }
    host_queue_set_timer(task->runtime, task, at);
}

void host_task_turn(host_task *task) {
    wplug_runtime *runtime = task->runtime;
    if (task->is_busy) {
        task->missed_turn = true;
        return;
    }
    task->is_busy = true;
    runtime->turning++;
    host_queue_clear_timer(runtime, task);
    host_turn turn = HOST_STOP;
    if (!task->is_ended && task->phase == HOST_NEW) begin(task);
    if (!task->is_ended || (task->lingers && task->has_run)) turn = run_counted_slice(task);
    if (task->is_ended) host_task_report(task);
    task->is_busy = false;
    runtime->turning--;
    if (task->is_ended && (!task->lingers || turn == HOST_STOP)) {
        host_task_free(task);
        return;
    }
    if (turn == HOST_SLEEP) {
        sleep_until_event(task);
        host_task_notice(task);
    } else {
        host_queue_push_ready(runtime, task);
    }
}

void host_task_notice(host_task *task) {
    if (task->is_busy || task->place.is_queued) return;
    bool missed_turn = task->missed_turn;
    task->missed_turn = false;
    bool can_flush = task->kind != HOST_CALL && !task->is_stdio_blocked && task->wasi.output.size > 0;
    bool is_ready = task->is_waiting && wasi_is_ready(&task->wasi);
    bool has_ended = task->is_ended && !task->is_reported;
    if (is_ready || has_ended || can_flush || missed_turn) host_queue_push_ready(task->runtime, task);
}

/* ---- What the embedder asks of tasks ---- */

static wplug_status find(const wplug_runtime *runtime, wplug_task id, const char *function,
                         host_task **task) {
    wplug_status status = host_enter(runtime, function, NULL);
    if (status) return status;
    *task = id & HOST_POOL_ID ? host_worker_find(runtime, id) : host_queue_find(runtime, id);
    return *task && !(*task)->is_reported ? WPLUG_OK : WPLUG_GONE;
}

wplug_status wplug_task_cancel(wplug_runtime *runtime, wplug_task id) {
    host_task *task;
    wplug_status status = find(runtime, id, "wplug_task_cancel", &task);
    if (status) return status;
    if (task->is_ended) return WPLUG_GONE;
    host_task_end(task, WPLUG_CANCELLED, "it was cancelled");
    host_task_notice(task);
    host_runtime_news(runtime);
    return WPLUG_OK;
}

wplug_status wplug_task_stdio_ready(wplug_runtime *runtime, wplug_task id) {
    host_task *task;
    wplug_status status = find(runtime, id, "wplug_task_stdio_ready", &task);
    if (status) return status;
    task->is_stdio_blocked = false;
    if (!task->is_busy) host_queue_push_ready(runtime, task);
    host_runtime_news(runtime);
    return WPLUG_OK;
}

static wplug_task_state state_of(const host_task *task) {
    if (task->is_ended) return WPLUG_TASK_ENDING;
    if (task->is_busy || task->place.is_queued || !task->is_waiting) return WPLUG_TASK_READY;
    unsigned wait = task->wasi.wait;
    if (wait & WASI_WAIT_OUTPUT) return WPLUG_TASK_WAITING_STDIO;
    if (!(wait & WASI_WAIT_INPUT)) return WPLUG_TASK_SLEEPING;
    return task->kind == HOST_CALL ? WPLUG_TASK_WAITING_HOST : WPLUG_TASK_WAITING_STDIO;
}

wplug_status wplug_task_inspect(const wplug_runtime *runtime, wplug_task id, wplug_task_info *out) {
    host_task *task;
    wplug_status status = find(runtime, id, "wplug_task_inspect", &task);
    if (status) return status;
    if (!out || out->size < sizeof out->size) return WPLUG_MISUSE;
    wplug_task_info info = {
        .size = out->size,
        .state = state_of(task),
        .fuel_used = host_task_fuel_used(task),
        .time_ns = os_monotonic_ns() - task->started_at,
        .memory_bytes = memory_bytes(task),
        .host_calls = task->request_count,
        .log_bytes = task->log_bytes,
    };
    memcpy(out, &info, info.size < sizeof info ? info.size : sizeof info);
    return WPLUG_OK;
}

wplug_status wplug_task_backtrace(const wplug_runtime *runtime, wplug_task id, char **text) {
    if (!text) return WPLUG_MISUSE;
    *text = NULL;
    host_task *task;
    wplug_status status = find(runtime, id, "wplug_task_backtrace", &task);
    if (status) return status;
    base_buffer buffer;
    base_buffer_init(&buffer, &runtime->allocator);
    if (!task->has_run || engine_exec_backtrace_text(task->exec, BACKTRACE_FRAMES, &buffer) == BASE_OK) {
        *text = host_text_new(&runtime->allocator, base_buffer_bytes(&buffer));
    }
    base_buffer_free(&buffer);
    return *text ? WPLUG_OK : WPLUG_NO_MEMORY;
}
