/* JSON-RPC 2.0, one message a line: tell what a line is, build messages, and route them.
 *
 * The peer is one end of a conversation as a state machine without I/O. Bytes that arrived go in, events come
 * out; what it has to say collects in a queue of bytes that the caller sends as it can. The host runs one
 * peer for each instance, the plugin kit one for its stdin and stdout: the same code at both ends.
 *
 *     bytes read -> rpc_peer_feed -> rpc_peer_next -> event: request, notification, response, ...
 *     rpc_peer_call, rpc_peer_notify, rpc_peer_answer -> rpc_peer_output -> bytes to write -> rpc_peer_sent
 *
 * Spans named `..._json` and `params`, `result`, `error_data`, `id` are JSON values as they were written (see
 * json.h: a string has its quotes and escapes); `method` and `error_message` are decoded text. The empty span
 * means that there is none.
 *
 * Departures from the specification, all on the lenient side: `params` may be any JSON value (null above
 * all), not an array or object alone; requests with id null are requests, answered with id null. */
#ifndef WPLUG_RPC_H
#define WPLUG_RPC_H

#include "base/base.h"
#include "json/json.h"

#define RPC_PARSE_ERROR      (-32700)
#define RPC_INVALID_REQUEST  (-32600)
#define RPC_METHOD_NOT_FOUND (-32601)
#define RPC_INVALID_PARAMS   (-32602)
#define RPC_INTERNAL_ERROR   (-32603)
#define RPC_SERVER_ERROR     (-32000) /* a handler's own error that names no code; a request over the limit */

#define RPC_DEFAULT_MAX_LINE      ((size_t)16 << 20)
#define RPC_DEFAULT_MAX_IN_FLIGHT 1024u
#define RPC_DEFAULT_MAX_BATCH     1024u

/* ---- One message ---- */

typedef enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION, /* a request without id */
    RPC_RESULT,       /* a response with a result */
    RPC_ERROR,        /* a response with an error */
    RPC_BATCH,        /* an array of at least one element; classify each with rpc_classify_value */
    RPC_INVALID       /* none of these: `code` and `why` say why */
} rpc_kind;

/* A message taken apart. All spans point into the classified text. */
typedef struct rpc_message {
    rpc_kind kind;
    base_bytes value;       /* the message itself, without white space around it; empty where it is no JSON */
    base_bytes id;          /* string, number or null; empty: none, or one of a kind that cannot be an id */
    base_bytes method_json; /* request, notification */
    base_bytes params;      /* request, notification; empty where left out */
    base_bytes result;      /* result */
    base_bytes error_json;  /* error: the whole error object */
    int64_t error_code;     /* error */
    base_bytes error_message_json; /* error */
    base_bytes error_data;         /* error; empty where left out */
    bool response_like;            /* invalid: has a result or an error and no method, so it gets no answer */
    int32_t code;                  /* invalid: RPC_PARSE_ERROR or RPC_INVALID_REQUEST */
    base_error why;                /* invalid: what is wrong, for a person. BASE_LIMIT: nested too deep */
} rpc_message;

/* Validates one line (without its line end) and takes it apart. `max_depth` as for json_validate. What is
 * wrong with the line is the message's business (RPC_INVALID), so this cannot fail. An empty array is
 * RPC_INVALID. */
void rpc_classify(base_bytes line, uint32_t max_depth, rpc_message *message);

/* The same for a span of JSON that is validated already: an element of a batch (a batch in a batch is
 * RPC_INVALID) or a message that is kept. */
void rpc_classify_value(base_bytes value, rpc_message *message);

/* Builders. Each appends one message without a line end to `out`, whole or (on error) not at all. `method`
 * and `text` are plain text (bytes that are not UTF-8 become U+FFFD); `params`, `result`, `data` and `id` are
 * validated JSON spans that go in as they are, but for line ends in their white space, which become blanks.
 * Empty `params` and `result` are written as null, empty `data` is left out, empty `id` (of an answer) is
 * null. */
base_status rpc_write_request(base_buffer *out, uint64_t id, base_bytes method, base_bytes params);
base_status rpc_write_notification(base_buffer *out, base_bytes method, base_bytes params);
base_status rpc_write_result(base_buffer *out, base_bytes id, base_bytes result);
base_status rpc_write_error(base_buffer *out, base_bytes id, int64_t code, base_bytes text, base_bytes data);

/* The usual sentence for one of the codes above ("Method not found"); "Server error" for all others. Static
 * text. */
const char *rpc_code_text(int64_t code);

/* ---- The peer ---- */

typedef struct rpc_peer rpc_peer;

typedef struct rpc_config {
    const base_allocator *allocator; /* NULL: the default one */
    size_t max_line;                 /* bytes in a line, both ways, without its line end */
    uint32_t max_depth;              /* nesting of a line */
    uint32_t max_in_flight;          /* incoming requests that are not answered yet */
    uint32_t max_batch;              /* messages in one incoming batch */
} rpc_config;

/* Fills in the defaults above. */
void rpc_config_init(rpc_config *config);

/* `config` may be NULL; a limit of 0 means its default. Free with rpc_peer_free (NULL is fine), which forgets
 * all calls and requests; take the calls' user pointers first with rpc_peer_take_call where they own
 * something. */
base_status rpc_peer_new(const rpc_config *config, rpc_peer **peer, base_error *error);
void rpc_peer_free(rpc_peer *peer);

/* Makes memory for the first request and its answer before it comes, as far as there is some: for a peer whose
 * first request is to be quick. */
void rpc_peer_prepare(rpc_peer *peer);

/* Bytes in. `bytes` are borrowed, not copied, so that a message that arrives whole is read where it is. They
 * must stay until rpc_peer_next has said RPC_EVENT_NONE, rpc_peer_keep was called, or the peer is freed.
 * Chunks may be cut anywhere. Feeding again before the last chunk is used up is fine too: the peer then keeps
 * a copy of the rest. BASE_NO_MEMORY: nothing was taken. BASE_MISUSE after rpc_peer_end. Ends the life of the
 * last event's spans. */
base_status rpc_peer_feed(rpc_peer *peer, base_bytes bytes);

/* Copies what is left of the last chunk, so that the caller can use its memory again before all events are
 * out. Ends the life of the last event's spans. BASE_NO_MEMORY: nothing changed, the chunk is still borrowed.
 */
base_status rpc_peer_keep(rpc_peer *peer);

/* Says that about `more` bytes will be fed after the next chunk, most likely of the same line, so that room for
 * them can be made at once. A hint that stands until the next one; 0 takes it back. */
void rpc_peer_expect(rpc_peer *peer, size_t more);

/* No more bytes will come: what stands after the last line end counts as a line. */
void rpc_peer_end(rpc_peer *peer);

typedef enum rpc_event_kind {
    RPC_EVENT_NONE,         /* nothing left: feed more */
    RPC_EVENT_REQUEST,      /* request, id, method, params: answer `request` now or later */
    RPC_EVENT_NOTIFICATION, /* method, params */
    RPC_EVENT_RESULT,       /* answer to a call of ours. call, user, id, result */
    RPC_EVENT_ERROR,        /* answer to a call of ours. call, user, id, error_... */
    RPC_EVENT_STRAY,        /* an answer to no call of ours: log and ignore. id, result or error_... */
    RPC_EVENT_REFUSED, /* a request over max_in_flight; it has been answered with an error. id, method, why */
    RPC_EVENT_INVALID  /* not a message. code, why, excerpt; has_call, call, user */
} rpc_event_kind;

/* All spans are valid until the next call of rpc_peer_feed, _keep, _next or _free on this peer, whichever
 * comes first; who needs them longer copies them. Calling, notifying, answering and sending leave them alone.
 */
typedef struct rpc_event {
    rpc_event_kind kind;
    base_bytes message; /* all of it as it was written, for a trace; empty where it is no JSON */
    uint64_t request;   /* handle for rpc_peer_answer; never used twice by one peer */
    base_bytes id;      /* as it was written; empty where there is none */
    base_bytes method;  /* decoded */
    base_bytes params;  /* empty where left out */
    bool has_call;      /* `call` and `user` are set: that call is over. Always true for RESULT and ERROR */
    uint64_t call;      /* id of our call */
    void *user;         /* what was given to rpc_peer_call */
    base_bytes result;
    base_bytes error_json; /* the whole error object */
    int64_t error_code;
    base_bytes error_message; /* decoded */
    base_bytes error_data;    /* empty where left out */
    int32_t code;             /* INVALID: the JSON-RPC error code that stands for it */
    base_error why;     /* INVALID, REFUSED. BASE_LIMIT: line too long, too deep, batch too large, too many
                           requests;     BASE_MALFORMED: no JSON; BASE_INVALID: JSON, but no JSON-RPC message */
    base_bytes excerpt; /* INVALID: how the line or batch element began, made printable, for a log. At most
                           120 bytes, ending in "..." where cut */
} rpc_event;

/* The next event. INVALID and REFUSED are answered by the peer as the specification asks (with the id where
 * one could be made out, null otherwise); invalid lines that look like responses are not answered at all, but
 * where their id is that of a call of ours, the call is over (has_call), as no better answer will come. A
 * line over max_line is reported as soon as it is too long; the rest of it is skipped.
 *
 * The messages of a batch come as one event each. Their answers collect and are sent as one array when the
 * last of them is answered; a batch of notifications and responses sends nothing.
 *
 * BASE_NO_MEMORY: nothing was consumed, the same call can be tried again. */
base_status rpc_peer_next(rpc_peer *peer, rpc_event *event);

/* Hands over the buffer that `span`, a large part of the last event, lies in, so that it need not be copied;
 * the bytes before and behind the span in it are of no meaning, and there is at least one behind it. False,
 * and `out` is left alone, where the span lies in the caller's own chunk, or is small against the buffer, or
 * other bytes wait there: then it is copied. Ends the life of all other spans of the event. */
bool rpc_peer_take_text(rpc_peer *peer, base_bytes span, base_buffer *out);

/* Calls a method of the other side. `user` comes back with the answer; `call` (may be NULL) gets the id,
 * which counts up from 0. The message is in the queue on return; spans given are not kept. BASE_LIMIT: the
 * message is longer than max_line. On any error nothing was queued and no id used. */
base_status rpc_peer_call(rpc_peer *peer, base_bytes method, base_bytes params, void *user, uint64_t *call,
                          base_error *error);

/* Sends a notification. Errors as rpc_peer_call. */
base_status rpc_peer_notify(rpc_peer *peer, base_bytes method, base_bytes params, base_error *error);

/* Answers a request, once. BASE_MISUSE: this peer has no such request, or it is answered already. BASE_LIMIT
 * (of a result only): the answer, together with those that wait in its batch, is longer than max_line. On
 * every error the request stays as it was; after BASE_LIMIT or BASE_NO_MEMORY it is still to be answered, if
 * only with an error. */
base_status rpc_peer_answer(rpc_peer *peer, uint64_t request, base_bytes result, base_error *error);
base_status rpc_peer_answer_error(rpc_peer *peer, uint64_t request, int64_t code, base_bytes text,
                                  base_bytes data, base_error *error);

/* Forgets a call: its answer, should it come, is a stray one. BASE_NOT_FOUND where the call is over or never
 * was. `user` (may be NULL) gets the pointer back. */
base_status rpc_peer_forget(rpc_peer *peer, uint64_t call, void **user);

/* Forgets some call that is still open and gives back its id and pointer; false where none is left. For
 * winding down. */
bool rpc_peer_take_call(rpc_peer *peer, uint64_t *call, void **user);

size_t rpc_peer_calls(const rpc_peer *peer);    /* our calls that wait for an answer */
size_t rpc_peer_requests(const rpc_peer *peer); /* incoming requests that wait for ours */

/* Bytes to send, whole lines, oldest first; they stay where they are until the next call, notification,
 * answer, next or sent. rpc_peer_sent drops the first `count` of them. The queue has no limit of its own: a
 * caller that does not trust the other side to read watches its size. */
base_bytes rpc_peer_output(const rpc_peer *peer);
void rpc_peer_sent(rpc_peer *peer, size_t count);

#endif
