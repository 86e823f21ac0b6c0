/* Owns the peer: lines out of chunks, events out of lines, answers into the queue.
 *
 * Input. Two segments, read one after the other: what the peer had to keep, and the caller's chunk.
 *
 *     kept   |=== done ===|--- start of a line, or lines ---|        a buffer of ours
 *                         ^kept_start
 *     chunk                                                  |--- borrowed ---|
 *
 * A line that lies whole in one segment is read where it is; one that begins in `kept` and ends in the chunk
 * is first completed in `kept`. Nothing is consumed before its event is complete, so that a call that ran out
 * of memory can be repeated.
 *
 * Batches. While the messages of a batch are given out, its text is in `batch_text` and no line is read. The
 * batch lives on until its last request is answered:
 *
 *     batch.answers   [{"jsonrpc":...},{"jsonrpc":...          closed and queued when complete */
#include "rpc/rpc.h"
#include "rpc/table.h"

#include <string.h>

enum {
    EXCERPT_SIZE = 120,
    KEPT_CAPACITY = 64 * 1024 /* an empty buffer larger than this is given back */
};

typedef struct rpc_batch {
    base_buffer answers; /* empty, or '[' and answers separated by commas */
    size_t open;         /* requests that wait for their answer */
    bool dispatched;     /* all its messages were given out */
} rpc_batch;

/* An incoming request that waits for its answer. */
typedef struct rpc_pending {
    rpc_batch *batch; /* NULL: came alone */
    size_t id_size;
    size_t id_capacity; /* at least SMALL_ID */
    uint8_t id[];
} rpc_pending;

enum { SMALL_ID = 24 };

/* Keeps sums with a line's size from overflowing. */
#define MAX_LINE_CEILING (SIZE_MAX / 4)

struct rpc_peer {
    const base_allocator *allocator;
    size_t max_line;
    uint32_t max_depth;
    uint32_t max_in_flight;
    uint32_t max_batch;

    base_buffer kept;
    size_t kept_start;
    size_t kept_searched; /* up to here there is no line end after kept_start */
    base_bytes chunk;
    size_t expected; /* bytes that are about to be fed, for whose line `kept` gets room at once */
    bool skipping;   /* the rest of a line that was too long */
    bool ended;

    rpc_batch *batch; /* whose messages are being given out, or NULL */
    base_buffer batch_text;
    json_iterator batch_next;

    base_buffer out;
    size_t out_start; /* before it: sent */

    rpc_table calls; /* to user pointers */
    uint64_t next_call;
    rpc_table requests;    /* to rpc_pending */
    rpc_pending *spare;    /* of a request that was answered, with a small id; or NULL */
    uint64_t next_request; /* from 1, so that a zeroed handle is none */

    base_buffer text; /* decoded for the last event */
    uint8_t excerpt[EXCERPT_SIZE];
};

/* ---- Making and freeing ---- */

void rpc_config_init(rpc_config *config) {
    config->allocator = NULL;
    config->max_line = RPC_DEFAULT_MAX_LINE;
    config->max_depth = JSON_DEFAULT_DEPTH;
    config->max_in_flight = RPC_DEFAULT_MAX_IN_FLIGHT;
    config->max_batch = RPC_DEFAULT_MAX_BATCH;
}

base_status rpc_peer_new(const rpc_config *config, rpc_peer **peer, base_error *error) {
    rpc_config chosen;
    rpc_config_init(&chosen);
    if (config) {
        chosen.allocator = config->allocator;
        if (config->max_line > 0)
            chosen.max_line = config->max_line < MAX_LINE_CEILING ? config->max_line : MAX_LINE_CEILING;
        if (config->max_depth > 0) chosen.max_depth = config->max_depth;
        if (config->max_in_flight > 0) chosen.max_in_flight = config->max_in_flight;
        if (config->max_batch > 0) chosen.max_batch = config->max_batch;
    }
    rpc_peer *made = base_alloc_zeroed(chosen.allocator, 1, sizeof *made);
    if (!made) return base_fail_no_memory(error);
    made->allocator = chosen.allocator;
    made->max_line = chosen.max_line;
    made->max_depth = chosen.max_depth;
    made->max_in_flight = chosen.max_in_flight;
    made->max_batch = chosen.max_batch;
    made->next_request = 1;
    base_buffer_init(&made->kept, chosen.allocator);
    base_buffer_init(&made->batch_text, chosen.allocator);
    base_buffer_init(&made->out, chosen.allocator);
    base_buffer_init(&made->text, chosen.allocator);
    rpc_table_init(&made->calls, chosen.allocator);
    rpc_table_init(&made->requests, chosen.allocator);
    *peer = made;
    return BASE_OK;
}

static void free_batch(rpc_peer *peer, rpc_batch *batch) {
    base_buffer_free(&batch->answers);
    base_free(peer->allocator, batch, sizeof *batch);
}

static void free_pending(rpc_peer *peer, rpc_pending *pending) {
    if (!pending) return;
    base_free(peer->allocator, pending, sizeof *pending + pending->id_capacity);
}

/* Memory for a request with an id of that size: the spare one where it will do. */
static rpc_pending *new_pending(rpc_peer *peer, size_t id_size) {
    rpc_pending *pending = peer->spare;
    if (pending && id_size <= pending->id_capacity) {
        peer->spare = NULL;
        return pending;
    }
    size_t capacity = id_size > SMALL_ID ? id_size : SMALL_ID;
    pending = base_alloc(peer->allocator, sizeof *pending + capacity);
    if (pending) pending->id_capacity = capacity;
    return pending;
}

/* Forgets a request; its batch goes with its last reference. */
static void free_request(rpc_peer *peer, uint64_t request, rpc_pending *pending) {
    rpc_batch *batch = pending->batch;
    rpc_table_remove(&peer->requests, request);
    if (!peer->spare && pending->id_capacity == SMALL_ID)
        peer->spare = pending;
    else
        free_pending(peer, pending);
    if (batch && --batch->open == 0 && batch->dispatched) free_batch(peer, batch);
}

void rpc_peer_free(rpc_peer *peer) {
    if (!peer) return;
    const rpc_slot *slot;
    while ((slot = rpc_table_any(&peer->requests)) != NULL) free_request(peer, slot->key, slot->value);
    if (peer->batch) free_batch(peer, peer->batch);
    free_pending(peer, peer->spare);
    rpc_table_free(&peer->requests);
    rpc_table_free(&peer->calls);
    base_buffer_free(&peer->kept);
    base_buffer_free(&peer->batch_text);
    base_buffer_free(&peer->out);
    base_buffer_free(&peer->text);
    base_free(peer->allocator, peer, sizeof *peer);
}

void rpc_peer_prepare(rpc_peer *peer) {
    enum { SMALL_MESSAGE = 256 };
    (void)rpc_table_reserve(&peer->requests);
    (void)base_buffer_reserve(&peer->out, SMALL_MESSAGE);
    if (!peer->spare) peer->spare = new_pending(peer, 0);
}

/* ---- Input ---- */

static void empty_buffer(base_buffer *buffer) {
    buffer->size = 0;
    if (buffer->capacity > KEPT_CAPACITY) base_buffer_free(buffer);
}

static base_bytes kept_rest(const rpc_peer *peer) {
    size_t size = peer->kept.size - peer->kept_start;
    return (base_bytes){size > 0 ? peer->kept.data + peer->kept_start : NULL, size};
}

static void drop_from_chunk(rpc_peer *peer, size_t count) {
    peer->chunk.size -= count;
    peer->chunk.data = peer->chunk.size > 0 ? peer->chunk.data + count : NULL;
}

/* The first `count` bytes of the first segment that has any are done with. */
static void consume(rpc_peer *peer, size_t count) {
    if (kept_rest(peer).size > 0) {
        peer->kept_start += count;
        peer->kept_searched = peer->kept_start;
    } else {
        drop_from_chunk(peer, count);
    }
}

/* Room for `count` bytes behind what is kept, and for those that are expected, as far as one line can be that
 * long. Without memory for the latter it grows as it must. */
static base_status reserve_kept(rpc_peer *peer, size_t count) {
    size_t line = kept_rest(peer).size + count, most = peer->max_line + 2;
    size_t more = line < most ? most - line : 0;
    if (more > peer->expected) more = peer->expected;
    if (more > 0 && base_buffer_reserve(&peer->kept, count + more) == BASE_OK) return BASE_OK;
    return base_buffer_reserve(&peer->kept, count);
}

/* Moves the first `count` bytes of the chunk behind what is kept. */
static base_status keep_from_chunk(rpc_peer *peer, size_t count) {
    if (count == 0) return BASE_OK;
    if (peer->kept_start > peer->kept.size / 2 || peer->kept_start == peer->kept.size) {
        base_buffer_consume(&peer->kept, peer->kept_start);
        peer->kept_searched -= peer->kept_start;
        peer->kept_start = 0;
    }
    base_status status = reserve_kept(peer, count);
    if (status != BASE_OK) return status;
    base_buffer_append(&peer->kept, peer->chunk.data, count);
    drop_from_chunk(peer, count);
    return BASE_OK;
}

base_status rpc_peer_keep(rpc_peer *peer) {
    return keep_from_chunk(peer, peer->chunk.size);
}

base_status rpc_peer_feed(rpc_peer *peer, base_bytes bytes) {
    if (peer->ended) return BASE_MISUSE;
    base_status status = rpc_peer_keep(peer);
    if (status == BASE_OK) peer->chunk = bytes;
    return status;
}

void rpc_peer_expect(rpc_peer *peer, size_t more) {
    peer->expected = more;
}

void rpc_peer_end(rpc_peer *peer) {
    peer->ended = true;
}

bool rpc_peer_take_text(rpc_peer *peer, base_bytes span, base_buffer *out) {
    const base_buffer *kept = &peer->kept;
    if (!kept->data || kept_rest(peer).size > 0 || span.size < kept->capacity / 3) return false;
    if ((uintptr_t)span.data - (uintptr_t)kept->data >= kept->size) return false;
    *out = *kept;
    base_buffer_init(&peer->kept, peer->allocator);
    peer->kept_start = peer->kept_searched = 0;
    return true;
}

/* Length of the line at the start of `bytes`, with its line end; 0 where that is not among them. */
static size_t line_length(base_bytes bytes, size_t searched) {
    const uint8_t *line_end = NULL;
    if (bytes.size > searched) line_end = memchr(bytes.data + searched, '\n', bytes.size - searched);
    return line_end ? (size_t)(line_end - bytes.data) + 1 : 0;
}

/* Drops the rest of a line that was too long, as far as it is here. */
static void skip_line(rpc_peer *peer) {
    while (peer->skipping) {
        base_bytes segment = kept_rest(peer);
        if (segment.size == 0) segment = peer->chunk;
        if (segment.size == 0) return;
        size_t length = line_length(segment, 0);
        if (length > 0) peer->skipping = false;
        consume(peer, length > 0 ? length : segment.size);
    }
}

/* Whether a line that begins with (or is) `line` is over the limit. A last CR may yet be part of the line
 * end. */
static bool too_long(const rpc_peer *peer, base_bytes line) {
    if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
    return line.size > peer->max_line;
}

typedef struct line_search {
    base_bytes line; /* without its line end */
    size_t consumes; /* bytes of its segment that go when it is dealt with; 0: there is no whole line */
    bool too_long;   /* it is, or is only the beginning of, a line over the limit */
} line_search;

/* Looks at the first segment for a whole line. `searched` bytes at its start have no line end. */
static line_search search_segment(const rpc_peer *peer, base_bytes segment, size_t searched) {
    line_search found = {segment, line_length(segment, searched), false};
    if (found.consumes > 0) found.line.size = found.consumes - 1;
    found.too_long = too_long(peer, found.line);
    return found;
}

/* Finds the next whole line. Where there is none, what there is moves into `kept`. */
static base_status find_line(rpc_peer *peer, line_search *found) {
    for (;;) {
        base_bytes kept = kept_rest(peer);
        if (kept.size == 0) {
            *found = search_segment(peer, peer->chunk, 0);
            if (found->consumes > 0 || found->too_long) return BASE_OK;
            base_status status = rpc_peer_keep(peer);
            if (status != BASE_OK) return status;
            if (kept_rest(peer).size == 0) return BASE_OK;
            peer->kept_searched = peer->kept.size;
            continue;
        }
        *found = search_segment(peer, kept, peer->kept_searched - peer->kept_start);
        if (found->consumes > 0 || found->too_long) return BASE_OK;
        peer->kept_searched = peer->kept.size;
        if (peer->chunk.size == 0) break;
        /* No more of the chunk than can belong to the line, or than it takes to be too long. */
        size_t length = line_length(peer->chunk, 0);
        size_t wanted = length > 0 ? length : peer->chunk.size;
        size_t room = peer->max_line + 2 - kept.size;
        base_status status = keep_from_chunk(peer, wanted < room ? wanted : room);
        if (status != BASE_OK) return status;
        /* What was looked through in the chunk is not looked through again. */
        peer->kept_searched = peer->kept.size;
        if (length > 0 && wanted <= room) peer->kept_searched--;
    }
    if (peer->ended) found->consumes = found->line.size;
    return BASE_OK;
}

static base_bytes trim(base_bytes line) {
    while (line.size > 0 && (line.data[line.size - 1] == '\r' || line.data[line.size - 1] == ' ' ||
                             line.data[line.size - 1] == '\t'))
        line.size--;
    return line;
}

/* ---- Output ---- */

base_bytes rpc_peer_output(const rpc_peer *peer) {
    size_t size = peer->out.size - peer->out_start;
    return (base_bytes){size > 0 ? peer->out.data + peer->out_start : NULL, size};
}

void rpc_peer_sent(rpc_peer *peer, size_t count) {
    size_t size = peer->out.size - peer->out_start;
    peer->out_start += count < size ? count : size;
    if (peer->out_start < peer->out.size) return;
    empty_buffer(&peer->out);
    peer->out_start = 0;
}

/* Before a message is queued: where more was sent than is left, the rest moves to the front. Only here, so
 * that a large message that is sent in pieces stays where it is. */
static void close_gap(rpc_peer *peer) {
    if (peer->out_start <= peer->out.size / 2) return;
    base_buffer_consume(&peer->out, peer->out_start);
    peer->out_start = 0;
}

/* Ends the message that was written from `start` on as a line; takes it back where that cannot be. */
static base_status end_line(rpc_peer *peer, size_t start, base_status status) {
    if (status == BASE_OK) status = base_buffer_append_byte(&peer->out, '\n');
    if (status != BASE_OK) peer->out.size = start;
    return status;
}

static base_status fail_too_long(const rpc_peer *peer, size_t size, base_error *error) {
    return base_fail(error, BASE_LIMIT, "a message of %zu bytes is over the limit of %zu", size,
                     peer->max_line);
}

/* ---- Answers ---- */

/* An answer: a result, or where `is_error` an error. */
typedef struct answer {
    bool is_error;
    base_bytes result;
    int64_t code;
    base_bytes text;
    base_bytes data;
} answer;

static base_status write_answer(base_buffer *out, base_bytes id, const answer *what) {
    if (what->is_error) return rpc_write_error(out, id, what->code, what->text, what->data);
    return rpc_write_result(out, id, what->result);
}

/* Queues the answers of a batch whose last one is there. */
static base_status queue_batch(rpc_peer *peer, rpc_batch *batch) {
    if (batch->answers.size == 0) return BASE_OK;
    close_gap(peer);
    size_t start = peer->out.size;
    if (base_buffer_reserve(&peer->out, batch->answers.size + 2) != BASE_OK) return BASE_NO_MEMORY;
    base_status status = base_buffer_append(&peer->out, batch->answers.data, batch->answers.size);
    if (status == BASE_OK) status = base_buffer_append_byte(&peer->out, ']');
    return end_line(peer, start, status);
}

static base_status add_to_batch(rpc_peer *peer, rpc_batch *batch, base_bytes id, const answer *what,
                                base_error *error) {
    size_t start = batch->answers.size;
    base_status status = base_buffer_append_byte(&batch->answers, start == 0 ? '[' : ',');
    if (status == BASE_OK) status = write_answer(&batch->answers, id, what);
    if (status == BASE_OK && !what->is_error && batch->answers.size + 1 > peer->max_line)
        status = fail_too_long(peer, batch->answers.size + 1, error);
    else if (status != BASE_OK)
        base_fail_no_memory(error);
    if (status != BASE_OK) batch->answers.size = start;
    return status;
}

static base_status queue_answer(rpc_peer *peer, base_bytes id, const answer *what, base_error *error) {
    close_gap(peer);
    size_t start = peer->out.size;
    base_status status = write_answer(&peer->out, id, what);
    size_t size = peer->out.size - start;
    if (status == BASE_OK && !what->is_error && size > peer->max_line) {
        peer->out.size = start;
        return fail_too_long(peer, size, error);
    }
    status = end_line(peer, start, status);
    return status == BASE_OK ? BASE_OK : base_fail_no_memory(error);
}

/* Answers a message that never becomes a request: invalid, or one too many. */
static base_status refuse(rpc_peer *peer, base_bytes id, int64_t code, const char *text) {
    answer what = {.is_error = true, .code = code, .text = base_bytes_from_text(text)};
    if (peer->batch) return add_to_batch(peer, peer->batch, id, &what, NULL);
    return queue_answer(peer, id, &what, NULL);
}

static base_status answer_request(rpc_peer *peer, uint64_t request, const answer *what, base_error *error) {
    const rpc_slot *slot = rpc_table_find(&peer->requests, request);
    if (!slot) {
        bool was_there = request > 0 && request < peer->next_request;
        return base_fail(error, BASE_MISUSE,
                         was_there ? "the request has been answered already"
                                   : "there is no such request to answer");
    }
    rpc_pending *pending = slot->value;
    base_bytes id = {pending->id, pending->id_size};
    rpc_batch *batch = pending->batch;
    base_status status;
    if (!batch) {
        status = queue_answer(peer, id, what, error);
    } else {
        size_t start = batch->answers.size;
        status = add_to_batch(peer, batch, id, what, error);
        if (status == BASE_OK && batch->open == 1 && batch->dispatched &&
            queue_batch(peer, batch) != BASE_OK) {
            batch->answers.size = start;
            status = base_fail_no_memory(error);
        }
    }
    if (status == BASE_OK) free_request(peer, request, pending);
    return status;
}

base_status rpc_peer_answer(rpc_peer *peer, uint64_t request, base_bytes result, base_error *error) {
    answer what = {.result = result};
    return answer_request(peer, request, &what, error);
}

base_status rpc_peer_answer_error(rpc_peer *peer, uint64_t request, int64_t code, base_bytes text,
                                  base_bytes data, base_error *error) {
    answer what = {.is_error = true, .code = code, .text = text, .data = data};
    return answer_request(peer, request, &what, error);
}

/* ---- Our own calls ---- */

/* Ends and checks an outgoing request or notification, written from `start` on. */
static base_status finish_outgoing(rpc_peer *peer, size_t start, base_status status, base_error *error) {
    size_t size = peer->out.size - start;
    if (status == BASE_OK && size > peer->max_line) {
        peer->out.size = start;
        return fail_too_long(peer, size, error);
    }
    status = end_line(peer, start, status);
    return status == BASE_OK ? BASE_OK : base_fail_no_memory(error);
}

base_status rpc_peer_call(rpc_peer *peer, base_bytes method, base_bytes params, void *user, uint64_t *call,
                          base_error *error) {
    if (params.size > peer->max_line) return fail_too_long(peer, params.size, error);
    if (rpc_table_reserve(&peer->calls) != BASE_OK) return base_fail_no_memory(error);
    close_gap(peer);
    size_t start = peer->out.size;
    base_status status = rpc_write_request(&peer->out, peer->next_call, method, params);
    status = finish_outgoing(peer, start, status, error);
    if (status != BASE_OK) return status;
    if (call) *call = peer->next_call;
    rpc_table_put(&peer->calls, peer->next_call++, user);
    return BASE_OK;
}

base_status rpc_peer_notify(rpc_peer *peer, base_bytes method, base_bytes params, base_error *error) {
    if (params.size > peer->max_line) return fail_too_long(peer, params.size, error);
    close_gap(peer);
    size_t start = peer->out.size;
    base_status status = rpc_write_notification(&peer->out, method, params);
    return finish_outgoing(peer, start, status, error);
}

base_status rpc_peer_forget(rpc_peer *peer, uint64_t call, void **user) {
    const rpc_slot *slot = rpc_table_find(&peer->calls, call);
    if (!slot) return BASE_NOT_FOUND;
    if (user) *user = slot->value;
    rpc_table_remove(&peer->calls, call);
    return BASE_OK;
}

bool rpc_peer_take_call(rpc_peer *peer, uint64_t *call, void **user) {
    const rpc_slot *slot = rpc_table_any(&peer->calls);
    if (!slot) return false;
    *call = slot->key;
    *user = slot->value;
    rpc_table_remove(&peer->calls, slot->key);
    return true;
}

size_t rpc_peer_calls(const rpc_peer *peer) {
    return peer->calls.count;
}

size_t rpc_peer_requests(const rpc_peer *peer) {
    return peer->requests.count;
}

/* ---- Events ---- */

/* The decoded text of a JSON string, in place where it has no escapes. */
static base_status decode_text(rpc_peer *peer, base_bytes json, base_bytes *text) {
    if (json_string_plain(json, text)) return BASE_OK;
    empty_buffer(&peer->text);
    base_status status = json_read_string(json, &peer->text, NULL);
    *text = base_buffer_bytes(&peer->text);
    return status;
}

/* Copies the start of a text for a log: control characters and what is not UTF-8 become question marks.
 * `more` says that the text goes on after its end. */
static base_bytes make_excerpt(rpc_peer *peer, base_bytes text, bool more) {
    size_t size = 0, room = EXCERPT_SIZE;
    if (more || text.size > room) {
        more = true;
        room -= 3;
    }
    while (text.size > 0) {
        bool valid;
        size_t length = json_utf8_size(text, &valid);
        bool printable = valid && text.data[0] >= 0x20 && text.data[0] != 0x7F;
        if (more && !valid && length == text.size) break; /* a character that is cut off */
        if (size + (printable ? length : 1) > room) break;
        if (printable)
            memcpy(peer->excerpt + size, text.data, length);
        else
            peer->excerpt[size] = '?';
        size += printable ? length : 1;
        text.data += length;
        text.size -= length;
    }
    if (more) {
        memcpy(peer->excerpt + size, "...", 3);
        size += 3;
    }
    return (base_bytes){peer->excerpt, size};
}

/* Our call that `id` names, or NULL. */
static const rpc_slot *find_call(const rpc_peer *peer, base_bytes id) {
    uint64_t number;
    if (json_read_uint64(id, &number, NULL) != BASE_OK) return NULL;
    return rpc_table_find(&peer->calls, number);
}

/* Ends our call that `id` names, where there is one. */
static void end_call(rpc_peer *peer, base_bytes id, rpc_event *event) {
    const rpc_slot *slot = find_call(peer, id);
    if (!slot) return;
    event->has_call = true;
    event->call = slot->key;
    event->user = slot->value;
    rpc_table_remove(&peer->calls, slot->key);
}

static base_status give_invalid(rpc_peer *peer, const rpc_message *message, base_bytes text,
                                rpc_event *event) {
    if (!message->response_like) {
        base_status status = refuse(peer, message->id, message->code, rpc_code_text(message->code));
        if (status != BASE_OK) return status;
    }
    event->kind = RPC_EVENT_INVALID;
    event->id = message->id;
    event->code = message->code;
    event->why = message->why;
    event->excerpt = make_excerpt(peer, text, false);
    if (message->response_like) end_call(peer, message->id, event);
    return BASE_OK;
}

static base_status give_refused(rpc_peer *peer, const rpc_message *message, rpc_event *event) {
    base_fail(&event->why, BASE_LIMIT, "more than %u requests at once", (unsigned)peer->max_in_flight);
    base_status status = refuse(peer, message->id, RPC_SERVER_ERROR, event->why.message);
    if (status != BASE_OK) return status;
    event->kind = RPC_EVENT_REFUSED;
    event->id = message->id;
    return BASE_OK;
}

static base_status give_request(rpc_peer *peer, const rpc_message *message, rpc_event *event) {
    base_status status = decode_text(peer, message->method_json, &event->method);
    if (status != BASE_OK) return status;
    event->params = message->params;
    if (peer->requests.count >= peer->max_in_flight) return give_refused(peer, message, event);
    status = rpc_table_reserve(&peer->requests);
    if (status != BASE_OK) return status;
    rpc_pending *pending = new_pending(peer, message->id.size);
    if (!pending) return BASE_NO_MEMORY;
    pending->batch = peer->batch;
    pending->id_size = message->id.size;
    memcpy(pending->id, message->id.data, message->id.size);
    rpc_table_put(&peer->requests, peer->next_request, pending);
    if (peer->batch) peer->batch->open++;
    event->kind = RPC_EVENT_REQUEST;
    event->request = peer->next_request++;
    event->id = message->id;
    return BASE_OK;
}

static base_status give_notification(rpc_peer *peer, const rpc_message *message, rpc_event *event) {
    base_status status = decode_text(peer, message->method_json, &event->method);
    if (status != BASE_OK) return status;
    event->kind = RPC_EVENT_NOTIFICATION;
    event->params = message->params;
    return BASE_OK;
}

static base_status give_response(rpc_peer *peer, const rpc_message *message, rpc_event *event) {
    if (message->kind == RPC_ERROR) {
        base_status status = decode_text(peer, message->error_message_json, &event->error_message);
        if (status != BASE_OK) return status;
        event->error_json = message->error_json;
        event->error_code = message->error_code;
        event->error_data = message->error_data;
    } else {
        event->result = message->result;
    }
    event->id = message->id;
    end_call(peer, message->id, event);
    if (!event->has_call)
        event->kind = RPC_EVENT_STRAY;
    else
        event->kind = message->kind == RPC_ERROR ? RPC_EVENT_ERROR : RPC_EVENT_RESULT;
    return BASE_OK;
}

/* Makes the event of a single message. `text` is its line or batch element. */
static base_status give(rpc_peer *peer, const rpc_message *message, base_bytes text, rpc_event *event) {
    event->message = message->value;
    switch (message->kind) {
    case RPC_REQUEST: return give_request(peer, message, event);
    case RPC_NOTIFICATION: return give_notification(peer, message, event);
    case RPC_RESULT:
    case RPC_ERROR: return give_response(peer, message, event);
    default: return give_invalid(peer, message, text, event);
    }
}

static base_status give_too_long(rpc_peer *peer, const line_search *found, rpc_event *event) {
    base_status status =
        refuse(peer, (base_bytes){NULL, 0}, RPC_INVALID_REQUEST, rpc_code_text(RPC_INVALID_REQUEST));
    if (status != BASE_OK) return status;
    event->kind = RPC_EVENT_INVALID;
    event->code = RPC_INVALID_REQUEST;
    base_fail(&event->why, BASE_LIMIT, "a line is over the limit of %zu bytes", peer->max_line);
    /* No more of it than every way of cutting chunks shows. */
    size_t shown = found->line.size < peer->max_line ? found->line.size : peer->max_line;
    event->excerpt = make_excerpt(peer, (base_bytes){found->line.data, shown}, true);
    peer->skipping = found->consumes == 0;
    consume(peer, peer->skipping ? found->line.size : found->consumes);
    return BASE_OK;
}

/* A batch over the limit becomes an invalid message. */
static void check_batch_size(const rpc_peer *peer, rpc_message *message) {
    if (json_count(message->value, (size_t)peer->max_batch + 1) <= peer->max_batch) return;
    message->kind = RPC_INVALID;
    message->code = RPC_INVALID_REQUEST;
    base_fail(&message->why, BASE_LIMIT, "a batch of more than %u messages", (unsigned)peer->max_batch);
}

static base_status begin_batch(rpc_peer *peer, base_bytes array) {
    rpc_batch *batch = base_alloc_zeroed(peer->allocator, 1, sizeof *batch);
    if (!batch) return BASE_NO_MEMORY;
    empty_buffer(&peer->batch_text);
    if (base_buffer_append(&peer->batch_text, array.data, array.size) != BASE_OK) {
        base_free(peer->allocator, batch, sizeof *batch);
        return BASE_NO_MEMORY;
    }
    base_buffer_init(&batch->answers, peer->allocator);
    peer->batch = batch;
    peer->batch_next = json_iterate(base_buffer_bytes(&peer->batch_text));
    return BASE_OK;
}

/* All messages of the batch were given out; it goes, or lives on with its open requests. */
static base_status end_batch(rpc_peer *peer) {
    rpc_batch *batch = peer->batch;
    if (batch->open == 0) {
        if (queue_batch(peer, batch) != BASE_OK) return BASE_NO_MEMORY;
        free_batch(peer, batch);
    } else {
        batch->dispatched = true;
    }
    peer->batch = NULL;
    empty_buffer(&peer->batch_text);
    return BASE_OK;
}

/* The next message of the batch, or its end (event->kind stays NONE). */
static base_status next_in_batch(rpc_peer *peer, rpc_event *event) {
    json_iterator next = peer->batch_next;
    base_bytes element;
    if (!json_next_element(&next, &element)) return end_batch(peer);
    rpc_message message;
    rpc_classify_value(element, &message);
    base_status status = give(peer, &message, element, event);
    if (status == BASE_OK) peer->batch_next = next;
    return status;
}

/* The event of a whole line, if it has one. */
static base_status take_line(rpc_peer *peer, const line_search *found, rpc_event *event) {
    base_bytes line = trim(found->line);
    base_status status = BASE_OK;
    if (line.size > 0) {
        rpc_message message;
        rpc_classify(line, peer->max_depth, &message);
        if (message.kind == RPC_BATCH) check_batch_size(peer, &message);
        if (message.kind == RPC_BATCH)
            status = begin_batch(peer, message.value);
        else
            status = give(peer, &message, line, event);
    }
    if (status == BASE_OK) consume(peer, found->consumes);
    return status;
}

base_status rpc_peer_next(rpc_peer *peer, rpc_event *event) {
    base_status status = BASE_OK;
    memset(event, 0, sizeof *event);
    if (kept_rest(peer).size == 0) {
        empty_buffer(&peer->kept);
        peer->kept_start = peer->kept_searched = 0;
    }
    while (status == BASE_OK && event->kind == RPC_EVENT_NONE) {
        if (peer->batch) {
            status = next_in_batch(peer, event);
            continue;
        }
        line_search found;
        skip_line(peer);
        status = find_line(peer, &found);
        if (status != BASE_OK) break;
        if (found.too_long)
            status = give_too_long(peer, &found, event);
        else if (found.consumes > 0)
            status = take_line(peer, &found, event);
        else
            break;
    }
    if (status != BASE_OK) memset(event, 0, sizeof *event);
    return status;
}
