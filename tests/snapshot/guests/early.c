/* A guest that does things before it asks for input: one for each of its arguments. Then it reads its request and answers
 * with what it has become: how many bytes it has read, a random number and a time if it took one, sums over its memory.
 *
 *     log TEXT, part TEXT      a line on stderr, a piece of one
 *     flood N                  so many bytes of log
 *     random, clock            draws, looks
 *     sleep, yield
 *     out                      a notification on stdout
 *     grow N                   grows its memory by N pages and writes to each
 *     greedy                   grows its memory by 4 MiB until it gets no more
 *     deep N                   calls itself N deep, and returns
 *     poll                     waits in poll_oneoff for stdin
 *     pollclock                waits there for stdin or a time
 *     nonblock, noerr          sets stdin to answer at once, closes stderr
 *     exit, trap, return                                                                                    */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t drawn;
static long long seen;
static unsigned sum;
static int polled;
static size_t grown;

static void put(int fd, const char *text) {
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t count = write(fd, text, size);
        if (count <= 0) return;
        text += count;
        size -= (size_t)count;
    }
}

static volatile unsigned never;
static unsigned deep(unsigned depth) {
    volatile unsigned here = depth;
    return depth == 0 ? never : deep(depth - 1) + here;
}

static void grow(size_t pages) {
    size_t before = __builtin_wasm_memory_grow(0, pages);
    if (before == SIZE_MAX) return;
    for (size_t i = 0; i < pages; i++) memset((char *)((before + i) << 16), (int)(i % 255) + 1, 100);
    grown = before;
}

static void flood(size_t size) {
    char line[65];
    memset(line, 'x', 63);
    line[63] = '\n';
    line[64] = 0;
    for (; size >= 64; size -= 64) put(2, line);
}

static void wait_for_input(int timeout) {
    struct pollfd stdin_only = {.fd = 0, .events = POLLIN};
    polled = poll(&stdin_only, 1, timeout) * 10 + (stdin_only.revents & POLLIN ? 1 : 0);
}

static void act(char *command) {
    char *rest = strchr(command, ' ');
    size_t size = rest ? (size_t)(rest++ - command) : strlen(command);
#define IS(name) (strlen(name) == size && strncmp(command, name, size) == 0)
    if (IS("log"))
        put(2, rest), put(2, "\n");
    else if (IS("part"))
        put(2, rest);
    else if (IS("flood"))
        flood((size_t)atol(rest));
    else if (IS("random"))
        getentropy(&drawn, sizeof drawn);
    else if (IS("clock")) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seen = (long long)now.tv_sec * 1000000000 + now.tv_nsec;
    } else if (IS("sleep")) {
        struct timespec time = {0, 1000000};
        nanosleep(&time, NULL);
    } else if (IS("yield"))
        sched_yield();
    else if (IS("out"))
        put(1, "{\"jsonrpc\":\"2.0\",\"method\":\"early\",\"params\":[1]}\n");
    else if (IS("grow"))
        grow((size_t)atol(rest));
    else if (IS("greedy"))
        while (__builtin_wasm_memory_grow(0, 64) != SIZE_MAX) continue;
    else if (IS("deep"))
        sum += deep((unsigned)atol(rest));
    else if (IS("poll"))
        wait_for_input(-1);
    else if (IS("pollclock"))
        wait_for_input(60000);
    else if (IS("nonblock"))
        fcntl(0, F_SETFL, O_NONBLOCK);
    else if (IS("noerr"))
        close(2);
    else if (IS("exit"))
        _Exit(3);
    else
        __builtin_trap();
}

int main(int argc, char **argv) {
    static char request[1 << 16];
    static char answer[512];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "return") == 0) return 0;
        act(argv[i]);
    }
    size_t size = 0;
    while (!memchr(request, '\n', size)) {
        ssize_t count = read(0, request + size, sizeof request - size);
        if (count <= 0) return 1;
        size += (size_t)count;
    }
    put(2, "read\n");
    size_t pages = __builtin_wasm_memory_size(0);
    for (size_t at = grown << 16; at < pages << 16; at += 16) sum += *(uint8_t *)at;
    struct timespec now = {0, 0};
    if (strstr(request, "\"time\"")) clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(answer, sizeof answer,
             "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"read\":%zu,\"drawn\":%llu,\"seen\":%lld,\"sum\":%u,"
             "\"polled\":%d,"
             "\"pages\":%zu,\"flags\":%d,\"now\":%lld}}\n",
             size, (unsigned long long)drawn, seen, sum, polled, pages, fcntl(0, F_GETFL),
             (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    put(1, answer);
    put(2, "answered\nno end");
    return 0;
}
