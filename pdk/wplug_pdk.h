/* wplug plugin kit: write a wplug plugin in C.
 *
 * A whole plugin:
 *
 *     #include <wplug_pdk.h>
 *
 *     static void hello(wplug_request *request) {
 *         wplug_text name = wplug_param_text_or(request, "name", "world");
 *         wplug_result_textf(request, "Hello, %.*s!", WPLUG_TEXT(name));
 *     }
 *
 *     WPLUG_PLUGIN("hello", "1.0.0") {
 *         wplug_method("hello", hello, .summary = "Greets someone",
 *                      .params = {{"name", WPLUG_STRING, "Whom to greet", .optional = true}},
 *                      .result = WPLUG_STRING);
 *     }
 *
 * Build it (PDK is the folder of this file), then call it:
 *
 *     clang-19 --config=PDK/wplug.cfg -o hello.wasm hello.c
 *     wplug call hello.wasm hello '{"name":"Ada"}'
 *
 *
 * How a plugin lives
 *
 * A plugin is a program of its own, in a sandbox. The host starts it, sends it one request on standard input,
 * and reads the answer from standard output; each call runs in a fresh instance, so nothing that a handler
 * leaves in memory is there at the next call. The kit is the program's `main`: it runs the block after
 * WPLUG_PLUGIN once, which registers the methods, then reads requests and runs their handlers. When the
 * request is answered and nothing that was started is left to do, the program ends.
 *
 * Everything runs on one thread, and nothing runs inside anything else: while a handler or a callback runs,
 * even while it waits for the host, no other handler or callback begins. Requests, answers and timers that
 * come meanwhile queue up in the order in which they came.
 *
 * There are three ways to answer a request:
 *   - in the handler, before it returns;
 *   - in the handler, after waiting in it for the host (wplug_call_host, wplug_host_result), for time to pass
 *     (wplug_sleep), or for whatever comes first of many calls and timers (wplug_wait_any);
 *   - later: the handler starts host calls (wplug_host_then) or timers (wplug_after), returns, and one of
 *     their callbacks answers.
 * A request that nobody can answer any more (its handler has returned, no callback of it is outstanding) is
 * answered by the kit with error -32603, so that a forgotten answer is noticed and not waited for.
 *
 * What a request has started ends with it: once it is answered, with a result or an error, and its handler or
 * the callback that answered it has returned, its calls that the host has not answered and its timers are
 * cancelled. Their callbacks are not called, and answers that the host still sends are ignored without a
 * word. What is to go on after that is started without a request (NULL).
 *
 *
 * How errors go
 *
 * Reading a parameter that is missing or of the wrong type fails the request: the caller gets error -32602
 * with a sentence that names the parameter and what was expected. The reading function returns zero or an
 * empty text, and the handler may just go on: whatever it still does for that request is ignored, results
 * are dropped and host calls are not sent. So a handler needs no check after each parameter; one that has
 * costly work to do asks wplug_failed first. The same goes for an error that the host answers with, and for
 * memory that runs out (-32603).
 *
 *
 * What memory belongs to whom
 *
 * Texts, values, host calls, timers and memory from wplug_alloc belong to the request that they were made
 * for. They live until it is answered and its handler, or the callback that answered it, has returned; the
 * kit then frees them all. Texts passed to the kit are copied, except where it says that they are not
 * (registration, wplug_parse).
 *
 *
 * What the host sees
 *
 * The kit never uses stdio, and a plugin built with it imports from wasi_snapshot_preview1 nothing but
 * args_get, args_sizes_get, clock_time_get, environ_get, environ_sizes_get, fd_close, fd_fdstat_get, fd_read,
 * fd_write, poll_oneoff, proc_exit, proc_raise, random_get, sched_yield. Calling printf, fopen or strtod in a
 * plugin brings in more (fd_seek above all), which wplug's own host also links but others may not. printf
 * would also write into the middle of the conversation on standard output: log with wplug_log.
 *
 * Exit codes: 0 all was answered, or standard input ended; WPLUG_EXIT_... below otherwise, each after a log
 * line that says what happened.
 *
 * When standard input ends, requests that came before are still served; host calls that wait for an answer
 * get error WPLUG_HOST_GONE; timers run out; then the plugin exits.
 */
#ifndef WPLUG_PDK_H
#define WPLUG_PDK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__MINGW32__) && !defined(__clang__)
/* A plugin's tests may be built for Windows too, where GCC's `printf` means the one of Windows. */
#define WPLUG_PRINTF(format_index, first_argument)                                                           \
    __attribute__((format(gnu_printf, format_index, first_argument)))
#elif defined(__GNUC__) || defined(__clang__)
#define WPLUG_PRINTF(format_index, first_argument)                                                           \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define WPLUG_PRINTF(format_index, first_argument)
#endif

/* One request of the host to be answered, or a notification to be acted on. Made and freed by the kit. */
typedef struct wplug_request wplug_request;

/* Writes one JSON value piece by piece. Made and freed by the kit. */
typedef struct wplug_writer wplug_writer;

/* One call of a method of the host. */
typedef struct wplug_host_call wplug_host_call;

/* A timer: one with a callback, that has not gone off, or one that is waited for. */
typedef struct wplug_timer wplug_timer;

/* Error codes. The first five are those of JSON-RPC 2.0; a plugin's own errors use any other number,
 * best outside -32768..-32000, which JSON-RPC keeps for itself. */
enum {
    WPLUG_PARSE_ERROR = -32700,
    WPLUG_INVALID_REQUEST = -32600,
    WPLUG_METHOD_NOT_FOUND = -32601,
    WPLUG_INVALID_PARAMS = -32602,
    WPLUG_INTERNAL_ERROR = -32603,
    WPLUG_PLUGIN_ERROR = -32000, /* the plugin's own error, with a message of its own and no special code */
    WPLUG_HOST_GONE = -32001     /* a host call that can get no answer: standard input has ended */
};

/* Exit codes of a plugin that could not do its work. */
enum {
    WPLUG_EXIT_REGISTRATION = 64, /* the block after WPLUG_PLUGIN registered something that cannot be */
    WPLUG_EXIT_IO = 65,           /* standard input or output failed */
    WPLUG_EXIT_NO_MEMORY = 66,    /* not even an error could be sent */
    WPLUG_EXIT_NO_RANDOM = 67     /* the host refused to give random bytes */
};

/* ---- Texts ---- */

/* A run of bytes, UTF-8 as a rule, that is not zero-terminated: it may point into the middle of a message.
 * Texts from JSON may contain any character, U+0000 too. */
typedef struct wplug_text {
    const char *data;
    size_t size; /* bytes */
} wplug_text;

/* The two arguments for "%.*s". */
#define WPLUG_TEXT(text) (int)(text).size, (text).data

/* The text of a zero-terminated string; NULL gives an empty one. Nothing is copied. */
wplug_text wplug_str(const char *string);

bool wplug_text_equal(wplug_text a, wplug_text b);
bool wplug_text_is(wplug_text text, const char *string);

/* Formatted text that belongs to `request`. What this and all functions with `format` understand: flags,
 * width and precision as printf has them, the lengths hh h l ll z t j, and the conversions d i u o x X c s p
 * %. Not floating point: write numbers as numbers (wplug_write_double). Empty where memory ran out, which
 * fails the request. */
wplug_text wplug_format(wplug_request *request, const char *format, ...) WPLUG_PRINTF(2, 3);

/* A zero-terminated copy that belongs to `request`, for functions of the C library. "" where memory ran out.
 */
const char *wplug_c_string(wplug_request *request, wplug_text text);

/* ---- Registration: the block after WPLUG_PLUGIN ---- */

/* Opens the definition of the plugin; a block follows in which methods are registered. Used once, outside of
 * functions. `name` and `version` are shown to people and tools (the title and version of rpc.discover). */
#define WPLUG_PLUGIN(name, version)                                                                          \
    static void wplug_plugin_register(void);                                                                 \
    int main(void) {                                                                                         \
        return wplug_run(name, version, wplug_plugin_register);                                              \
    }                                                                                                        \
    static void wplug_plugin_register(void)

/* What WPLUG_PLUGIN calls: registers, serves, and returns the program's exit code. */
int wplug_run(const char *name, const char *version, void (*register_methods)(void));

/* Answers one request. Called with a request whose method is the one it was registered for. */
typedef void wplug_handler(wplug_request *request);

/* JSON as C source, without quoting the quotes: WPLUG_JSON({"type": "integer", "minimum": 0}). */
#define WPLUG_JSON(...) #__VA_ARGS__

/* Schemas for the plain cases. */
#define WPLUG_ANY     "true"
#define WPLUG_NULL    "{\"type\":\"null\"}"
#define WPLUG_BOOLEAN "{\"type\":\"boolean\"}"
#define WPLUG_INTEGER "{\"type\":\"integer\"}"
#define WPLUG_NUMBER  "{\"type\":\"number\"}"
#define WPLUG_STRING  "{\"type\":\"string\"}"
#define WPLUG_ARRAY   "{\"type\":\"array\"}"
#define WPLUG_OBJECT  "{\"type\":\"object\"}"

#define WPLUG_MAX_PARAMS 16
#define WPLUG_MAX_ERRORS 8

/* One parameter, as it is described to callers. The order matters: a caller may pass params as an object
 * ({"name":"Ada"}), by position (["Ada"]), or, for a method whose first parameter is all it needs, as a bare
 * value ("Ada", but not an object or array). Parameters are read by name in the handler in all three cases.
 */
typedef struct wplug_param_info {
    const char *name;
    const char *schema;      /* JSON Schema (draft 7) as text; NULL: anything */
    const char *description; /* may be NULL */
    bool optional;           /* optional ones come after all others */
} wplug_param_info;

/* One of a method's own errors, as it is described to callers. */
typedef struct wplug_error_info {
    int64_t code;
    const char *message;
} wplug_error_info;

/* One method. The texts are not copied: string literals are right. */
typedef struct wplug_method_info {
    const char *name; /* not beginning with "rpc.", which JSON-RPC keeps for itself */
    wplug_handler *handler;
    const char *summary;     /* a few words; may be NULL */
    const char *description; /* the whole story, Markdown if you like; may be NULL */
    wplug_param_info params[WPLUG_MAX_PARAMS];
    const char *result; /* JSON Schema (draft 7) of the result; NULL: anything */
    wplug_error_info errors[WPLUG_MAX_ERRORS];
} wplug_method_info;

/* Registers a method:
 *
 *     wplug_method("sum", sum, .summary = "Adds two numbers",
 *                  .params = {{"a", WPLUG_NUMBER}, {"b", WPLUG_NUMBER}}, .result = WPLUG_NUMBER);
 *
 * Description and schemas are optional; they are what rpc.discover answers, as an OpenRPC 1.3 document, which
 * the kit serves by itself. They describe: the kit does not check params against schemas, handlers do by how
 * they read them.
 *
 * What cannot be registered (no handler, a name taken or reserved, a parameter named twice, a required
 * parameter after an optional one) is logged, each with its reason, and the plugin exits with
 * WPLUG_EXIT_REGISTRATION before it serves anything. Schemas are read when they are asked for, so that other
 * calls do not pay for it: rpc.discover logs each that is no JSON or no schema, and answers with the first as
 * an error. `wplug inspect` calls it: look at a plugin with that when it is built. */
#define wplug_method(method_name, ...)                                                                       \
    wplug_add_method(&(const wplug_method_info){.name = (method_name), .handler = __VA_ARGS__})

/* The function behind wplug_method. `info` is copied, its texts are not. */
void wplug_add_method(const wplug_method_info *info);

/* What the plugin is about, for rpc.discover. */
void wplug_describe(const char *description);

/* Names a method of the host that this plugin calls, for rpc.discover (member "x-host-methods"), so that
 * people and tools see what a plugin wants before they run it. `summary` may be NULL. Texts are not copied.
 */
void wplug_uses_host_method(const char *name, const char *summary);

/* Goes on reading requests until standard input ends. Without this the plugin ends when it has answered what
 * it read and has nothing left to do, as hosts that make an instance for each call expect. */
void wplug_serve_until_end(void);

/* ---- Reading parameters ---- */

/* The method that was called. */
wplug_text wplug_request_method(const wplug_request *request);

/* True where the host wants no answer. Handlers need not care: answers are dropped. */
bool wplug_is_notification(const wplug_request *request);

/* True once the request has been answered with an error, by the kit or by the plugin. */
bool wplug_failed(const wplug_request *request);

/* True where the parameter is there and not null. */
bool wplug_param_given(wplug_request *request, const char *name);

/* A required parameter. If it is missing, null, or not what it should be, the request fails with -32602, and
 * zero, false or an empty text is returned.
 *
 * Integers may be written in any way whose value is whole (1e3, 5.0). */
bool wplug_param_bool(wplug_request *request, const char *name);
int64_t wplug_param_int64(wplug_request *request, const char *name);
uint64_t wplug_param_uint64(wplug_request *request, const char *name);
int64_t wplug_param_int64_in(wplug_request *request, const char *name, int64_t least, int64_t most);
double wplug_param_double(wplug_request *request, const char *name);
wplug_text wplug_param_text(wplug_request *request, const char *name);

/* An optional parameter: `fallback` where it is missing or null. Of the wrong type it fails the request, as
 * above. */
bool wplug_param_bool_or(wplug_request *request, const char *name, bool fallback);
int64_t wplug_param_int64_or(wplug_request *request, const char *name, int64_t fallback);
uint64_t wplug_param_uint64_or(wplug_request *request, const char *name, uint64_t fallback);
double wplug_param_double_or(wplug_request *request, const char *name, double fallback);
wplug_text wplug_param_text_or(wplug_request *request, const char *name, const char *fallback);

/* ---- JSON values: arrays, objects, and whatever has no fixed type ---- */

typedef enum wplug_type {
    WPLUG_TYPE_ABSENT = 0, /* there is no value: a parameter that was not given, a member that is not there */
    WPLUG_TYPE_NULL,
    WPLUG_TYPE_BOOL,
    WPLUG_TYPE_NUMBER,
    WPLUG_TYPE_STRING,
    WPLUG_TYPE_ARRAY,
    WPLUG_TYPE_OBJECT
} wplug_type;

/* A JSON value: a piece of the message that it came in, not a copy. Pass it by value. Values know where they
 * came from, so that errors can say so: `Invalid params: "points[3].x" must be a number, but is a string`. */
typedef struct wplug_value {
    const char *json;                  /* the value as it was written; not zero-terminated */
    size_t size;                       /* 0 where absent */
    const struct wplug_source *source; /* the kit's: the message it is part of */
    const char *parent; /* the kit's: where the container that an absent value is missed from begins */
    const char *name;   /* the kit's: what an absent value would be called */
} wplug_value;

/* The params as they came: an object, an array, null, or anything else. */
wplug_value wplug_params(wplug_request *request);

/* One parameter; absent where it was not given. Never fails. */
wplug_value wplug_param(wplug_request *request, const char *name);

wplug_type wplug_value_type(wplug_value value);

/* Conversions, with the rules of the wplug_param_ functions: what is absent, null or of another type fails
 * the request that the value belongs to; the `_or` variants take the fallback for absent and null. Values of
 * an answer of the host fail it with WPLUG_PLUGIN_ERROR and a sentence that names the host method. */
bool wplug_value_bool(wplug_value value);
int64_t wplug_value_int64(wplug_value value);
uint64_t wplug_value_uint64(wplug_value value);
int64_t wplug_value_int64_in(wplug_value value, int64_t least, int64_t most);
double wplug_value_double(wplug_value value);
wplug_text wplug_value_text(wplug_value value);
bool wplug_value_bool_or(wplug_value value, bool fallback);
int64_t wplug_value_int64_or(wplug_value value, int64_t fallback);
uint64_t wplug_value_uint64_or(wplug_value value, uint64_t fallback);
double wplug_value_double_or(wplug_value value, double fallback);
wplug_text wplug_value_text_or(wplug_value value, const char *fallback);

/* The member of an object, the element of an array. Absent where there is none, and where the container
 * itself is absent or null, so that optional things can be looked up in optional things; any other kind of
 * container fails the request. Of several members with one name the last counts. A look-up reads through the
 * container from its start: to visit all, walk. */
wplug_value wplug_value_member(wplug_value object, const char *name);
wplug_value wplug_value_at(wplug_value array, size_t index);

/* Number of elements or members; 0 where absent or null; any other kind fails the request. */
size_t wplug_value_count(wplug_value container);

/* A walk over an array or an object:
 *
 *     for (wplug_each each = wplug_each_in(value); wplug_next(&each);)
 *         total += wplug_value_double(each.value);
 *
 * An absent or null value has nothing to walk over; any other kind fails the request. */
typedef struct wplug_each {
    wplug_value value;
    wplug_text key;                    /* object: the member's name; array: empty */
    size_t index;                      /* counts from 0 */
    const char *next;                  /* the kit's */
    const char *end;                   /* the kit's */
    bool started;                      /* the kit's */
    bool is_object;                    /* the kit's */
    const struct wplug_source *source; /* the kit's */
} wplug_each;

wplug_each wplug_each_in(wplug_value container);
bool wplug_next(wplug_each *each);

/* Reads a JSON text that came as a text: the content of a file, a parameter. `what` says in errors what the
 * text is ("settings.json"). A text that is no JSON fails the request (WPLUG_PLUGIN_ERROR) and gives an
 * absent value. `json` and `what` must live as long as the request. */
wplug_value wplug_parse(wplug_request *request, const char *what, wplug_text json);

/* ---- Answering ---- */

/* An answer is a JSON value, and it is sent when that value is complete: at once for these, ... */
void wplug_result_null(wplug_request *request);
void wplug_result_bool(wplug_request *request, bool value);
void wplug_result_int64(wplug_request *request, int64_t value);
void wplug_result_uint64(wplug_request *request, uint64_t value);
void wplug_result_double(wplug_request *request, double value);
void wplug_result_text(wplug_request *request, wplug_text value);
void wplug_result_string(wplug_request *request, const char *value);
void wplug_result_textf(wplug_request *request, const char *format, ...) WPLUG_PRINTF(2, 3);
void wplug_result_value(wplug_request *request, wplug_value value);

/* ... and for an object or array when it is closed:
 *
 *     wplug_writer *result = wplug_result(request);
 *     wplug_begin_object(result);
 *     wplug_member_uint64(result, "count", count);
 *     wplug_end_object(result);
 *
 * Answering twice is a mistake: the first answer stands, the second is dropped and logged. An error may
 * replace a result that is not complete. */
wplug_writer *wplug_result(wplug_request *request);

/* Answers with an error. `code` is one of those above or the plugin's own. */
void wplug_error(wplug_request *request, int64_t code, const char *format, ...) WPLUG_PRINTF(3, 4);

/* wplug_error with WPLUG_PLUGIN_ERROR. */
void wplug_fail(wplug_request *request, const char *format, ...) WPLUG_PRINTF(2, 3);

/* An error with data: the value that is written next. Sent when that is complete. */
wplug_writer *wplug_error_with_data(wplug_request *request, int64_t code, const char *format, ...)
    WPLUG_PRINTF(3, 4);

/* ---- Writing JSON ---- */

/* Writers need no checks in between: the first mistake (a value in an object without a key, a begin that is
 * not ended, an infinite number) or lack of memory is remembered, and the request is then answered with error
 * -32603 and a log line that says what it was. Text that is not UTF-8 is repaired with U+FFFD. */
void wplug_begin_object(wplug_writer *writer);
void wplug_end_object(wplug_writer *writer);
void wplug_begin_array(wplug_writer *writer);
void wplug_end_array(wplug_writer *writer);
void wplug_key(wplug_writer *writer, const char *name);
void wplug_key_text(wplug_writer *writer, wplug_text name);

void wplug_write_null(wplug_writer *writer);
void wplug_write_bool(wplug_writer *writer, bool value);
void wplug_write_int64(wplug_writer *writer, int64_t value);
void wplug_write_uint64(wplug_writer *writer, uint64_t value);
void wplug_write_double(wplug_writer *writer, double value); /* the shortest digits that read back the same */
void wplug_write_text(wplug_writer *writer, wplug_text value);
void wplug_write_string(wplug_writer *writer, const char *value); /* NULL writes null */
void wplug_write_textf(wplug_writer *writer, const char *format, ...) WPLUG_PRINTF(2, 3);
void wplug_write_value(wplug_writer *writer, wplug_value value); /* as it was written; absent writes null */

/* A long text in pieces, without putting it together first. Each piece holds whole characters. */
void wplug_begin_text(wplug_writer *writer);
void wplug_add_text(wplug_writer *writer, wplug_text piece);
void wplug_add_string(wplug_writer *writer, const char *piece);
void wplug_end_text(wplug_writer *writer);

/* A key and its value. */
void wplug_member_null(wplug_writer *writer, const char *name);
void wplug_member_bool(wplug_writer *writer, const char *name, bool value);
void wplug_member_int64(wplug_writer *writer, const char *name, int64_t value);
void wplug_member_uint64(wplug_writer *writer, const char *name, uint64_t value);
void wplug_member_double(wplug_writer *writer, const char *name, double value);
void wplug_member_text(wplug_writer *writer, const char *name, wplug_text value);
void wplug_member_string(wplug_writer *writer, const char *name, const char *value);
void wplug_member_value(wplug_writer *writer, const char *name, wplug_value value);

/* ---- Calling the host ---- */

/* Prepares a call of a host method on behalf of `request`. Nothing is sent yet. Write the params, if it takes
 * any, then either wait or be called back:
 *
 *     wplug_host_call *call = wplug_call_host(request, "read_file");
 *     wplug_writer *params = wplug_host_params(call);
 *     wplug_begin_object(params);
 *     wplug_member_text(params, "path", path);
 *     wplug_end_object(params);
 *     wplug_text content = wplug_value_text(wplug_host_result(call));       to wait, or
 *     wplug_host_then(call, on_content, NULL);                              to go on in on_content
 *
 * Several calls can be under way at once: start each with wplug_host_start, then wait for one after the
 * other, or for whichever comes first (see Waiting for several things).
 *
 * `request` NULL: a call that belongs to no request, such as one that a notification's callback makes. Errors
 * are then logged, and the call lives until wplug_host_free or the end of its callback.
 *
 * Never returns NULL. A call for a request that has failed is not sent, and its result is absent. */
wplug_host_call *wplug_call_host(wplug_request *request, const char *method);

/* Where the params go; null where nothing is written. Before the call is sent. */
wplug_writer *wplug_host_params(wplug_host_call *call);

/* Sends the call and returns. What has been sent already is not sent again. A call that is not answered when
 * its request is done is cancelled. */
void wplug_host_start(wplug_host_call *call);

/* Is called when the answer is there, with what was passed to wplug_host_then. `request` is NULL for a call
 * without one. */
typedef void wplug_host_callback(wplug_request *request, wplug_host_call *call, void *user);

/* Sends the call, if that was not done, and has `callback` called when the answer is there, or can no longer
 * come. Never calls it before returning. Where memory ran out before the call could be made, the request has
 * failed and the callback is not called. */
void wplug_host_then(wplug_host_call *call, wplug_host_callback *callback, void *user);

/* The result. Sends the call, if that was not done, and waits for the answer, if it is not there yet. If the
 * host answered with an error, the request fails with the same code and message, and the result is absent. */
wplug_value wplug_host_result(wplug_host_call *call);

/* What the host answered instead of a result. */
typedef struct wplug_host_error {
    int64_t code;
    wplug_text message;
    wplug_value data; /* absent where there was none */
} wplug_host_error;

/* For a plugin that wants to see the error itself, before wplug_host_result passes it on: NULL where there is
 * a result. Sends and waits like wplug_host_result. */
const wplug_host_error *wplug_host_error_of(wplug_host_call *call);

/* True where the answer is there, so that nothing would wait. */
bool wplug_host_finished(const wplug_host_call *call);

/* The number of the call: the id of its message. Calls count up from 0 as they are sent. Before that:
 * UINT64_MAX. */
uint64_t wplug_host_id(const wplug_host_call *call);

/* Gives the call and its answer back before its request is done: for a handler that makes many. A call that
 * is not answered is cancelled by that: the answer that is still to come is ignored, and the callback is not
 * called. Values and texts of the answer are gone. */
void wplug_host_free(wplug_host_call *call);

/* Tells the host something without wanting an answer. The notification is sent when the value written, its
 * params, is complete (params that JSON-RPC accepts everywhere are objects and arrays):
 *
 *     wplug_writer *params = wplug_notify_host("progress");
 *     wplug_begin_object(params); ... wplug_end_object(params);
 */
wplug_writer *wplug_notify_host(const char *method);

/* ---- Time ---- */

/* Nanoseconds since 1970-01-01 UTC; nanoseconds on a clock that never goes back and starts anywhere. */
uint64_t wplug_realtime_ns(void);
uint64_t wplug_monotonic_ns(void);

/* Waits at least that long. Other requests and callbacks wait too. */
void wplug_sleep(uint64_t milliseconds);

/* `request` is NULL for a timer without one. */
typedef void wplug_timer_callback(wplug_request *request, void *user);

/* Calls `callback` once, at least that much later, when nothing else runs. Timers due at the same time go off
 * in the order in which they were made. Keeps `request` (may be NULL) open. NULL where memory ran out, which
 * fails the request. */
wplug_timer *wplug_after(wplug_request *request, uint64_t milliseconds, wplug_timer_callback *callback,
                         void *user);

/* A timer without a callback, to be waited for (wplug_wait_any): it has run out when at least that much time
 * has passed. Does not keep `request` open, and ends with it; with `request` NULL it lives until
 * wplug_timer_cancel. NULL where memory ran out, which fails the request. */
wplug_timer *wplug_timer_start(wplug_request *request, uint64_t milliseconds);

/* Stops a timer and frees it. After that the handle is no more; nor is that of a timer whose callback has
 * begun. NULL is fine. */
void wplug_timer_cancel(wplug_timer *timer);

/* ---- Waiting for several things ---- */

/* One thing to wait for: a call of the host or a timer of wplug_timer_start. An entry with neither is left
 * out, so an entry that is dealt with is taken out of the set by clearing it: set[i] = (wplug_wait){0}. */
typedef struct wplug_wait {
    wplug_host_call *call;
    wplug_timer *timer;
    bool ready; /* set by waiting: the call is answered, the timer has run out */
} wplug_wait;

#define WPLUG_FOREVER UINT64_MAX

/* Waits until something in the set is ready, marks all that are, and returns how many these are. Returns 0
 * when `milliseconds` have passed without that, or where the set has no entries to wait for. Calls that were
 * not sent are sent first. 0 milliseconds: does not wait, but takes in the answers that have arrived.
 *
 *     wplug_wait set[] = {{.call = fast}, {.call = thorough}, {.timer = wplug_timer_start(request, 500)}};
 *     wplug_wait_any(set, 3, WPLUG_FOREVER);
 *     if (set[1].ready) wplug_result_value(request, wplug_host_result(thorough));
 *
 * Nothing that is ready waits any more: its result is taken with wplug_host_result, or wplug_host_error_of
 * for a look at the error of the host, which is an answer like another here. What is ready stays ready, and
 * would end the next wait at once: clear its entry first. A call of a request that has failed is ready at
 * once, without having been sent; so is every call that waits when standard input has ended
 * (WPLUG_HOST_GONE).
 *
 * Other requests, answers and timers with callbacks queue up meanwhile, as always while a handler waits. */
size_t wplug_wait_any(wplug_wait *set, size_t count, uint64_t milliseconds);

/* The same, but waits until all are ready; false when the time has passed before that. Those that are ready
 * are marked in both cases. */
bool wplug_wait_all(wplug_wait *set, size_t count, uint64_t milliseconds);

/* Waits for one call, but no longer than that; true when it is answered. It goes on, and may be waited for
 * again, or cancelled with wplug_host_free. */
bool wplug_host_wait(wplug_host_call *call, uint64_t milliseconds);

/* ---- Logging ---- */

typedef enum wplug_level { WPLUG_LOG_DEBUG, WPLUG_LOG_INFO, WPLUG_LOG_WARNING, WPLUG_LOG_ERROR } wplug_level;

/* Writes a line to standard error: "info: 3 files read". A message of several lines gets the level before
 * each. Each call is one write. */
void wplug_log(wplug_level level, const char *format, ...) WPLUG_PRINTF(2, 3);

/* Messages below `level` are dropped. WPLUG_LOG_INFO at start, or what the environment variable WPLUG_LOG
 * names (debug, info, warning, error), which wins over this function. */
void wplug_log_from(wplug_level level);

/* ---- Randomness ---- */

/* From the host's cryptographic source. A host that refuses ends the plugin with WPLUG_EXIT_NO_RANDOM. */
uint64_t wplug_random_uint64(void);
uint64_t wplug_random_below(uint64_t bound); /* 0 to bound - 1, all equally likely; 0 for bound 0 */
void wplug_random_bytes(void *bytes, size_t size);

/* ---- Memory ---- */

/* Zeroed memory that belongs to `request`: state for callbacks. NULL where there is none left, which fails
 * the request. malloc and free work as everywhere. */
void *wplug_alloc(wplug_request *request, size_t size);

#ifdef __cplusplus
}
#endif

#endif
