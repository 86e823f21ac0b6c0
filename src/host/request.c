/* Owns requests of guests to host methods, and the mailbox through which other threads answer them.
 *
 * Two counts: `holders` are the embedder's (the handler while it runs, and who retained); when there are none
 * left, an open request is answered with an error. `references` keep the memory: one for all holders
 * together, one for the task's list of requests that it waits for, one for the mailbox while an answer lies
 * there.
 *
 *     OPEN ---- answered (any thread) ----> ANSWERED     the answer goes to the peer, at once or by the
 * mailbox
 *       \------ the task ends -----------> GONE          answers go nowhere */
#include "host/host.h"

/* ---- The mailbox ---- */

host_mailbox *host_mailbox_new(const base_allocator *allocator, wplug_status *status) {
    const base_allocator apart = base_apart(allocator);
    host_mailbox *mailbox = base_alloc_zeroed(&apart, 1, sizeof *mailbox);
    *status = WPLUG_NO_MEMORY;
    if (!mailbox) return NULL;
    base_status made = os_signal_new(allocator, &mailbox->signal);
    if (made) {
        base_free(&apart, mailbox, sizeof *mailbox);
        *status = made == BASE_NO_MEMORY ? WPLUG_NO_MEMORY : WPLUG_SYSTEM;
        return NULL;
    }
    atomic_init(&mailbox->references, 1);
    atomic_init(&mailbox->owner, os_thread_id());
    mailbox->allocator = *allocator;
    mailbox->is_armed = true;
    mailbox->last_answer = &mailbox->first_answer;
    *status = WPLUG_OK;
    return mailbox;
}

void host_mailbox_release(host_mailbox *mailbox) {
    if (atomic_fetch_sub_explicit(&mailbox->references, 1, memory_order_acq_rel) != 1) return;
    const base_allocator allocator = mailbox->allocator, apart = base_apart(&allocator);
    os_signal_free(mailbox->signal);
    base_free(&apart, mailbox, sizeof *mailbox);
}

/* With the lock held. */
static void wake(host_mailbox *mailbox) {
    os_signal_set(mailbox->signal);
    if (!mailbox->is_armed || !mailbox->wake) return;
    mailbox->is_armed = false;
    atomic_store(&mailbox->waking, os_thread_id());
    mailbox->wake(mailbox->wake_user);
    atomic_store(&mailbox->waking, 0);
}

bool host_mailbox_is_waking(const host_mailbox *mailbox) {
    return atomic_load(&mailbox->waking) == os_thread_id();
}

void host_mailbox_wake(host_mailbox *mailbox) {
    os_signal_lock(mailbox->signal);
    wake(mailbox);
    os_signal_unlock(mailbox->signal);
}

/* ---- Requests ---- */

static bool is_alive(const wplug_request *request) {
    return request && request->magic == HOST_REQUEST_MAGIC;
}

static void free_request(wplug_request *request) {
    host_mailbox *mailbox = request->mailbox;
    base_buffer_free(&request->answer);
    base_buffer_free(&request->data);
    host_plugin_let_go(request->plugin, request->plugin_hold);
    request->magic = HOST_DEAD;
    base_free(&mailbox->allocator, request, request->size);
    host_mailbox_release(mailbox);
}

static void keep(wplug_request *request) {
    atomic_fetch_add_explicit(&request->references, 1, memory_order_relaxed);
}

static void drop(wplug_request *request) {
    if (atomic_fetch_sub_explicit(&request->references, 1, memory_order_acq_rel) == 1) free_request(request);
}

static bool put_answer(host_mailbox *mailbox, wplug_request *request) {
    os_signal_lock(mailbox->signal);
    bool is_there = mailbox->runtime != NULL;
    if (is_there) {
        keep(request);
        request->next_answer = NULL;
        *mailbox->last_answer = request;
        mailbox->last_answer = &request->next_answer;
        wake(mailbox);
    }
    os_signal_unlock(mailbox->signal);
    return is_there;
}

static void link_request(host_task *task, wplug_request *request) {
    keep(request);
    request->task = task;
    request->next = task->requests;
    if (task->requests) task->requests->previous = request;
    task->requests = request;
    task->request_count++;
}

static void unlink_request(wplug_request *request) {
    host_task *task = request->task;
    if (!task) return;
    if (request->previous)
        request->previous->next = request->next;
    else
        task->requests = request->next;
    if (request->next) request->next->previous = request->previous;
    request->task = NULL;
    request->previous = request->next = NULL;
    task->request_count--;
    drop(request);
}

/* Appends bytes and a 0 byte to the block. */
static char *place(char *to, base_bytes bytes) {
    if (bytes.size > 0) memcpy(to, bytes.data, bytes.size);
    to[bytes.size] = 0;
    return to + bytes.size + 1;
}

wplug_request *host_request_new(host_task *task, const rpc_event *event) {
    wplug_runtime *runtime = task->runtime;
    base_bytes params = event->params.size ? event->params : BASE_LITERAL("null");
    size_t size = sizeof(wplug_request) + event->method.size + params.size + 2;
    wplug_request *request = base_alloc(&runtime->allocator, size);
    if (!request) return NULL;
    memset(request, 0, sizeof *request);
    atomic_init(&request->references, 1);
    atomic_init(&request->holders, 1);
    atomic_init(&request->state, HOST_REQUEST_OPEN);
    request->magic = HOST_REQUEST_MAGIC;
    request->mailbox = runtime->mailbox;
    atomic_fetch_add_explicit(&runtime->mailbox->references, 1, memory_order_relaxed);
    request->plugin = task->plugin;
    request->plugin_hold = host_plugin_hold(task->plugin);
    request->task_id = task->id;
    request->context = task->context;
    request->is_notification = event->kind == RPC_EVENT_NOTIFICATION;
    request->rpc_request = event->request;
    request->size = size;
    request->method = (char *)(request + 1);
    request->method_size = event->method.size;
    request->params = place(request->method, event->method);
    request->params_size = params.size;
    place(request->params, params);
    base_buffer_init(&request->answer, &runtime->mailbox->allocator);
    base_buffer_init(&request->data, &runtime->mailbox->allocator);
    if (!request->is_notification) link_request(task, request);
    return request;
}

void host_requests_abandon(host_task *task) {
    while (task->requests) {
        wplug_request *request = task->requests;
        int open = HOST_REQUEST_OPEN;
        atomic_compare_exchange_strong(&request->state, &open, HOST_REQUEST_GONE);
        unlink_request(request);
    }
}

static bool is_on_runtime_thread(const wplug_request *request) {
    return atomic_load(&request->mailbox->owner) == os_thread_id();
}

wplug_request *wplug_request_retain(wplug_request *request) {
    if (!is_alive(request)) return NULL;
    atomic_fetch_add_explicit(&request->holders, 1, memory_order_relaxed);
    return request;
}

/* ---- What is asked ---- */

const char *wplug_request_method(const wplug_request *request) {
    return is_alive(request) ? request->method : "";
}

const char *wplug_request_params(const wplug_request *request, size_t *size) {
    if (size) *size = is_alive(request) ? request->params_size : 0;
    return is_alive(request) ? request->params : "";
}

bool wplug_request_is_notification(const wplug_request *request) {
    return is_alive(request) && request->is_notification;
}

wplug_plugin *wplug_request_plugin(const wplug_request *request) {
    return is_alive(request) ? request->plugin : NULL;
}

wplug_task wplug_request_task(const wplug_request *request) {
    return is_alive(request) ? request->task_id : 0;
}

void *wplug_request_context(const wplug_request *request) {
    return is_alive(request) ? request->context : NULL;
}

wplug_runtime *wplug_request_runtime(const wplug_request *request) {
    if (!is_alive(request) || !is_on_runtime_thread(request)) return NULL;
    return request->mailbox->runtime;
}

bool wplug_request_is_open(const wplug_request *request) {
    return is_alive(request) && atomic_load(&request->state) == HOST_REQUEST_OPEN;
}

/* ---- Answers ---- */

typedef struct host_answer {
    bool is_error;
    int64_t code;
    base_bytes text; /* JSON result, or the error's message */
    base_bytes data;
} host_answer;

static void count_answer(wplug_runtime *runtime, const wplug_request *request, uint64_t now) {
    host_histogram_add(&runtime->stats.answer_ns, now - request->asked_at);
}

void host_request_handle(wplug_runtime *runtime, wplug_request *request, wplug_method_fn method, void *user) {
    wplug_stats *stats = &runtime->stats;
    request->asked_at = host_clock(runtime);
    request->is_in_method = true;
    stats->host_calls++;
    method(user, request);
    request->is_in_method = false;
    uint64_t now = host_clock(runtime);
    stats->method_ns += now - request->asked_at;
    bool is_answered =
        !request->is_notification && !request->task && atomic_load(&request->state) == HOST_REQUEST_ANSWERED;
    if (is_answered) count_answer(runtime, request, now);
}

/* Writes the answer into what the guest reads. Without memory nothing happens; else the request leaves the
 * list. */
static wplug_status give_to_peer(wplug_request *request, const host_answer *answer) {
    host_task *task = request->task;
    size_t before = rpc_peer_output(task->peer).size;
    base_error why;
    base_status status = answer->is_error
                             ? rpc_peer_answer_error(task->peer, request->rpc_request, answer->code,
                                                     answer->text, answer->data, &why)
                             : rpc_peer_answer(task->peer, request->rpc_request, answer->text, &why);
    if (status == BASE_NO_MEMORY) return WPLUG_NO_MEMORY;
    if (!request->is_in_method) count_answer(task->runtime, request, host_clock(task->runtime));
    unlink_request(request);
    if (status) {
        host_task_end(task, WPLUG_MESSAGE_LIMIT, "the answer of host method \"%.100s\" is too long: %s",
                      request->method, why.message);
    } else {
        host_conversation_sent(task, before);
    }
    host_task_notice(task);
    return WPLUG_OK;
}

/* For answers that nobody can be asked to give again. */
static void give_or_end(wplug_request *request, const host_answer *answer) {
    host_task *task = request->task;
    if (!task || give_to_peer(request, answer) != WPLUG_NO_MEMORY) return;
    unlink_request(request);
    host_task_end(task, WPLUG_NO_MEMORY, "out of memory for the answer of a host method");
    host_task_notice(task);
}

void host_mailbox_deliver(wplug_runtime *runtime) {
    host_mailbox *mailbox = runtime->mailbox;
    os_signal_lock(mailbox->signal);
    wplug_request *request = mailbox->first_answer;
    mailbox->first_answer = NULL;
    mailbox->last_answer = &mailbox->first_answer;
    os_signal_unlock(mailbox->signal);
    while (request) {
        wplug_request *next = request->next_answer;
        host_answer answer = {request->is_error, request->code, base_buffer_bytes(&request->answer),
                              base_buffer_bytes(&request->data)};
        give_or_end(request, &answer);
        drop(request);
        request = next;
    }
}

/* Answers from the runtime's own thread go straight to the peer. */
static wplug_status answer_here(wplug_request *request, const host_answer *answer) {
    wplug_runtime *runtime = request->mailbox->runtime;
    if (!runtime || !request->task) return WPLUG_GONE;
    wplug_status status = give_to_peer(request, answer);
    if (status == WPLUG_NO_MEMORY)
        atomic_store(&request->state, HOST_REQUEST_OPEN);
    else
        host_runtime_news(runtime);
    return status;
}

static wplug_status answer_from_afar(wplug_request *request, const host_answer *answer) {
    request->is_error = answer->is_error;
    request->code = answer->code;
    return put_answer(request->mailbox, request) ? WPLUG_OK : WPLUG_GONE;
}

static wplug_status give_answer(wplug_request *request, const host_answer *answer) {
    if (request->is_notification) return WPLUG_OK;
    bool is_here = is_on_runtime_thread(request);
    /* Copies are made before anybody can see them; a second thread that answers at the same time must not
     * touch them. */
    base_buffer text, data;
    base_buffer_init(&text, &request->mailbox->allocator);
    base_buffer_init(&data, &request->mailbox->allocator);
    if (host_mailbox_is_waking(request->mailbox)) return WPLUG_MISUSE;
    if (!is_here && (base_buffer_append(&text, answer->text.data, answer->text.size) != BASE_OK ||
                     base_buffer_append(&data, answer->data.data, answer->data.size) != BASE_OK)) {
        base_buffer_free(&text);
        return WPLUG_NO_MEMORY;
    }
    int state = HOST_REQUEST_OPEN;
    if (!atomic_compare_exchange_strong(&request->state, &state, HOST_REQUEST_ANSWERED)) {
        base_buffer_free(&text);
        base_buffer_free(&data);
        return state == HOST_REQUEST_GONE ? WPLUG_GONE : WPLUG_MISUSE;
    }
    if (is_here) return answer_here(request, answer);
    request->answer = text;
    request->data = data;
    return answer_from_afar(request, answer);
}

static wplug_status read_json(const char *text, base_bytes *out) {
    base_bytes whole = text ? base_bytes_from_text(text) : BASE_LITERAL("null");
    return json_validate(whole, JSON_DEPTH_CEILING, out, NULL) == BASE_OK ? WPLUG_OK : WPLUG_BAD_JSON;
}

wplug_status wplug_request_result(wplug_request *request, const char *result) {
    if (!is_alive(request)) return WPLUG_MISUSE;
    host_answer answer = {.is_error = false};
    wplug_status status = read_json(result, &answer.text);
    return status ? status : give_answer(request, &answer);
}

wplug_status wplug_request_error(wplug_request *request, int64_t code, const char *message,
                                 const char *data) {
    if (!is_alive(request)) return WPLUG_MISUSE;
    host_answer answer = {.is_error = true, .code = code, .text = base_bytes_from_text(message)};
    wplug_status status = data ? read_json(data, &answer.data) : WPLUG_OK;
    return status ? status : give_answer(request, &answer);
}

/* Nobody will answer any more. Works without memory: the words are constant. */
static void answer_for_nobody(wplug_request *request) {
    int state = HOST_REQUEST_OPEN;
    if (!atomic_compare_exchange_strong(&request->state, &state, HOST_REQUEST_ANSWERED)) return;
    static const char words[] = "the host method gave no answer";
    host_answer answer = {true, WPLUG_CODE_INTERNAL_ERROR, BASE_LITERAL(words), {NULL, 0}};
    if (is_on_runtime_thread(request)) {
        wplug_runtime *runtime = request->mailbox->runtime;
        if (!runtime || !request->task) return;
        give_or_end(request, &answer);
        host_runtime_news(runtime);
        return;
    }
    base_buffer_append(&request->answer, words, sizeof words - 1);
    answer_from_afar(request, &answer);
}

void wplug_request_release(wplug_request *request) {
    if (!is_alive(request)) return;
    if (atomic_fetch_sub_explicit(&request->holders, 1, memory_order_acq_rel) != 1) return;
    if (!request->is_notification) answer_for_nobody(request);
    drop(request);
}
