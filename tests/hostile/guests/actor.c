/* A guest that does what the host's tests tell it: its params are a string with a command a line. Speaks the protocol by
 * hand, without a kit, so that it can also break it.
 *
 *     out TEXT / raw TEXT      writes TEXT to stdout, with / without a line end
 *     err TEXT / errraw TEXT   the same to stderr
 *     ask METHOD PARAMS        sends a request; ids count from 0
 *     tell METHOD PARAMS       sends a notification
 *     wait                     reads a line
 *     answer JSON / last       answers with JSON / with the line read last
 *     fail CODE TEXT           answers with an error
 *     flood N / unread N       writes N bytes of log / asks N times without reading the answers
 *     big N                    answers with a string of N bytes
 *     sleep MS, yield, eof (reads up to the end), try (reads without waiting until a line is there, counts the attempts)
 *     exit N, raise N, trap, return, spin, recurse, grow, table, random, time, args, env        */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* wasi-libc has no way to it. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_raise"))) uint32_t
proc_raise(uint32_t);

enum { INPUT_MAX = 1 << 20 };
static char input[INPUT_MAX];
static size_t input_size;
static char last[INPUT_MAX];
static unsigned next_id, attempts;
static char **arguments;

static void put_bytes(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count <= 0) return;
        bytes += count;
        size -= (size_t)count;
    }
}

static void put(int fd, const char *text) {
    put_bytes(fd, text, strlen(text));
}

/* Takes a line into `last`; "EOF" at the end of input. */
static void wait_line(void) {
    for (;;) {
        char *end = memchr(input, '\n', input_size);
        if (end) {
            size_t size = (size_t)(end - input);
            memcpy(last, input, size);
            last[size] = 0;
            input_size -= size + 1;
            memmove(input, end + 1, input_size);
            return;
        }
        ssize_t count = read(0, input + input_size, INPUT_MAX - input_size);
        if (count < 0 && errno == EAGAIN) {
            attempts++;
            continue;
        }
        if (count <= 0) {
            strcpy(last, "\"EOF\"");
            return;
        }
        input_size += (size_t)count;
    }
}

static void answer(const char *json) {
    put(1, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":");
    put(1, json);
    put(1, "}\n");
}

/* One write each, so that the host sees whole lines. */
static void send(const char *id, const char *call) {
    static char line[INPUT_MAX];
    const char *space = strchr(call, ' ');
    int method_size = space ? (int)(space - call) : (int)strlen(call);
    int size = snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",%s\"method\":\"%.*s\",\"params\":%s}\n", id,
                        method_size, call, space ? space + 1 : "null");
    put_bytes(1, line, (size_t)size);
}

static void ask(const char *call) {
    char id[32];
    snprintf(id, sizeof id, "\"id\":%u,", next_id++);
    send(id, call);
}

static void flood(size_t size) {
    char line[64];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (; size >= sizeof line; size -= sizeof line) put_bytes(2, line, sizeof line);
}

static void big(size_t size) {
    char piece[4096];
    memset(piece, 'y', sizeof piece);
    put(1, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"");
    for (; size > 0; size -= size < sizeof piece ? size : sizeof piece) {
        put_bytes(1, piece, size < sizeof piece ? size : sizeof piece);
    }
    put(1, "\"}\n");
}

static volatile unsigned never;
static unsigned recurse(unsigned depth) {
    return never ? depth : recurse(depth + 1) * 3 + depth;
}

static void grow(void) {
    while (__builtin_wasm_memory_grow(0, 1) != SIZE_MAX) continue;
    __builtin_trap();
}

static void answer_random(void) {
    uint8_t bytes[16];
    char text[40] = "\"";
    if (getentropy(bytes, sizeof bytes) != 0) abort();
    for (int i = 0; i < 16; i++) snprintf(text + 1 + 2 * i, 3, "%02x", bytes[i]);
    strcat(text, "\"");
    answer(text);
}

static void answer_time(void) {
    struct timespec now;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof text, "%lld", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    answer(text);
}

static void answer_strings(char **strings) {
    put(1, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[");
    for (int i = 0; strings && strings[i]; i++) {
        put(1, i ? ",\"" : "\"");
        put(1, strings[i]);
        put(1, "\"");
    }
    put(1, "]}\n");
}

static void sleep_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Returns false at the end of the script. */
static int act(char *command) {
    char *rest = strchr(command, ' ');
    if (rest)
        *rest++ = 0;
    else
        rest = command + strlen(command);
#define IS(name) (strcmp(command, name) == 0)
    if (IS("out"))
        put(1, rest), put(1, "\n");
    else if (IS("raw"))
        put(1, rest);
    else if (IS("err"))
        put(2, rest), put(2, "\n");
    else if (IS("errraw"))
        put(2, rest);
    else if (IS("ask"))
        ask(rest);
    else if (IS("tell"))
        send("", rest);
    else if (IS("wait"))
        wait_line();
    else if (IS("answer"))
        answer(rest);
    else if (IS("last"))
        answer(last);
    else if (IS("fail")) {
        char *message = strchr(rest, ' ');
        *message++ = 0;
        printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":%s,\"message\":\"%s\",\"data\":[1e400]}}\n",
               rest, message);
        fflush(stdout);
    } else if (IS("flood"))
        flood((size_t)atol(rest));
    else if (IS("big"))
        big((size_t)atol(rest));
    else if (IS("unread"))
        for (long i = atol(rest); i > 0; i--) ask("echo \"0123456789012345678901234567890123456789\"");
    else if (IS("sleep"))
        sleep_ms(atol(rest));
    else if (IS("yield"))
        sched_yield();
    else if (IS("eof"))
        while (strcmp(last, "\"EOF\"")) wait_line();
    else if (IS("try")) {
        fcntl(0, F_SETFL, O_NONBLOCK);
        wait_line();
        if (attempts == 0) abort();
    } else if (IS("exit"))
        _Exit(atoi(rest));
    else if (IS("raise"))
        proc_raise((uint32_t)atoi(rest));
    else if (IS("trap"))
        __builtin_trap();
    else if (IS("return"))
        return 0;
    else if (IS("spin"))
        while (!never) continue;
    else if (IS("recurse"))
        never = recurse(1);
    else if (IS("grow"))
        grow();
    else if (IS("random"))
        answer_random();
    else if (IS("time"))
        answer_time();
    else if (IS("args"))
        answer_strings(arguments);
    else if (IS("env"))
        answer_strings(environ);
    else
        abort();
    return 1;
}

/* Decodes the string behind "params": in place: the escapes \n, \" and \\ are all that the tests use. */
static char *script_of(char *request) {
    char *from = strstr(request, "\"params\":\"");
    if (!from) return NULL;
    from += strlen("\"params\":\"");
    char *script = from, *to = from;
    for (; *from && *from != '"'; from++) {
        if (*from == '\\') {
            from++;
            *to++ = *from == 'n' ? '\n' : *from;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return script;
}

int main(int argc, char **argv) {
    static char request[INPUT_MAX];
    arguments = argc > 0 ? argv : NULL;
    wait_line();
    strcpy(request, last);
    for (char *line = script_of(request); line && *line;) {
        char *end = strchr(line, '\n');
        if (end) *end = 0;
        if (!act(line)) return 0;
        line = end ? end + 1 : NULL;
    }
    return 0;
}
