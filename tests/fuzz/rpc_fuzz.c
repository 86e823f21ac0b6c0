/* Fuzz target: the JSON-RPC peer. The first bytes choose limits, how the rest is cut into chunks, when requests are
 * answered and which allocations fail. Whatever comes: no crash, no leak, all it sends is valid, and the same input in one
 * chunk gives the same events. */
#include "rpc/rpc.h"
#include "unit/test_heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTROL_SIZE = 5, WAITING = 16 };

typedef struct plan {
    rpc_config config;
    size_t chunk_size;    /* 0: all at once */
    unsigned answer_late; /* of so many requests, all but the first wait for a while */
} plan;

static void require(bool condition) {
    if (!condition) abort();
}

/* A number that changes with the events, their order and their content. */
static uint64_t mix(uint64_t hash, const void *data, size_t size) {
    const uint8_t *next = data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ next[i]) * 0x100000001B3u;
    return hash;
}

static uint64_t mix_event(uint64_t hash, const rpc_event *event) {
    const base_bytes spans[] = {event->message,   event->id,      event->method,     event->params,
                                event->result,    event->excerpt, event->error_json, event->error_message,
                                event->error_data};
    hash = mix(hash, &event->kind, sizeof event->kind);
    hash = mix(hash, &event->request, sizeof event->request);
    hash = mix(hash, &event->code, sizeof event->code);
    hash = mix(hash, &event->error_code, sizeof event->error_code);
    hash = mix(hash, &event->has_call, sizeof event->has_call);
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        hash = mix(hash, &spans[i].size, sizeof spans[i].size);
        if (spans[i].size > 0) hash = mix(hash, spans[i].data, spans[i].size);
    }
    return hash;
}

static void check_output(rpc_peer *peer, uint64_t *hash) {
    base_bytes out = rpc_peer_output(peer);
    if (out.size == 0) return;
    *hash = mix(*hash, out.data, out.size);
    require(out.data[out.size - 1] == '\n');
    while (out.size > 0) {
        const uint8_t *line_end = memchr(out.data, '\n', out.size);
        size_t length = (size_t)(line_end - out.data);
        rpc_message message;
        rpc_classify((base_bytes){out.data, length}, 0, &message);
        require(message.kind != RPC_INVALID);
        out.data += length + 1;
        out.size -= length + 1;
    }
    rpc_peer_sent(peer, SIZE_MAX);
}

static void answer(rpc_peer *peer, uint64_t request) {
    base_status status;
    if (request % 3 == 0)
        status =
            rpc_peer_answer_error(peer, request, -32000, BASE_LITERAL("no\xff"), BASE_LITERAL("[1]"), NULL);
    else
        status = rpc_peer_answer(peer, request, BASE_LITERAL("{\"a\":\n1e400}"), NULL);
    if (status == BASE_LIMIT)
        status = rpc_peer_answer_error(peer, request, -32603, BASE_LITERAL(""), BASE_LITERAL(""), NULL);
    if (status == BASE_NO_MEMORY) return; /* stays open */
    require(status == BASE_OK);
    require(rpc_peer_answer(peer, request, BASE_LITERAL("1"), NULL) == BASE_MISUSE);
}

/* All events that are there; false where memory ran out. */
static bool drain(rpc_peer *peer, const plan *how, uint64_t waiting[WAITING], size_t *waits, uint64_t *hash) {
    for (;;) {
        rpc_event event;
        if (rpc_peer_next(peer, &event) != BASE_OK) return false;
        if (event.kind == RPC_EVENT_NONE) return true;
        *hash = mix_event(*hash, &event);
        if (event.kind != RPC_EVENT_REQUEST) continue;
        if (how->answer_late > 0 && event.request % how->answer_late != 0 && *waits < WAITING) {
            waiting[(*waits)++] = event.request;
            continue;
        }
        answer(peer, event.request);
        while (*waits > 0) answer(peer, waiting[--*waits]);
    }
}

/* A whole conversation; returns its hash, or 0 where memory ran out. Each chunk is a block of its own. */
static uint64_t converse(const plan *how, base_bytes input) {
    rpc_peer *peer;
    uint64_t hash = 1, waiting[WAITING];
    size_t waits = 0;
    bool whole = true;
    if (rpc_peer_new(&how->config, &peer, NULL) != BASE_OK) return 0;
    for (int i = 0; i < 3; i++)
        whole =
            whole && rpc_peer_call(peer, BASE_LITERAL("m"), BASE_LITERAL("[]"), NULL, NULL, NULL) == BASE_OK;
    while (whole && input.size > 0) {
        size_t size = how->chunk_size > 0 && how->chunk_size < input.size ? how->chunk_size : input.size;
        uint8_t *chunk = malloc(size);
        if (!chunk) abort();
        memcpy(chunk, input.data, size);
        input.data += size;
        input.size -= size;
        whole = rpc_peer_feed(peer, (base_bytes){chunk, size}) == BASE_OK &&
                (size % 2 == 0 ? rpc_peer_keep(peer) == BASE_OK : drain(peer, how, waiting, &waits, &hash));
        if (whole && size % 2 == 1) require(rpc_peer_keep(peer) == BASE_OK); /* nothing is left to keep */
        free(chunk);
    }
    if (whole) {
        rpc_peer_end(peer);
        whole = drain(peer, how, waiting, &waits, &hash);
    }
    while (waits > 0) answer(peer, waiting[--waits]);
    check_output(peer, &hash);
    rpc_peer_free(peer);
    return whole ? hash : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < CONTROL_SIZE) return 0;
    base_bytes input = {data + CONTROL_SIZE, size - CONTROL_SIZE};
    plan how = {.chunk_size = data[0], .answer_late = data[1] % 4};
    rpc_config_init(&how.config);
    /* No shorter than our own calls. */
    how.config.max_line = data[2] >= 128 ? RPC_DEFAULT_MAX_LINE : 60u + data[2];
    how.config.max_in_flight = data[3] % 8 + 1;
    how.config.max_batch = data[3] / 8 + 1;

    uint64_t cut = converse(&how, input);
    size_t chunk_size = how.chunk_size;
    how.chunk_size = 0;
    require(converse(&how, input) == cut);

    test_heap heap;
    test_heap_init(&heap);
    heap.fail_at = data[4];
    heap.fail_on = data[4] % 2;
    how.config.allocator = &heap.allocator;
    how.chunk_size = chunk_size;
    converse(&how, input);
    require(test_heap_clean(&heap));
    return 0;
}
