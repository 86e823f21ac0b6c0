/* A client that does what its arguments say, for tests of servers that speak in lines.
 * usage: line_client unix:PATH|tcp:PORT COMMAND...
 *
 *     send TEXT       sends TEXT and a line feed
 *     raw TEXT        sends TEXT alone
 *     repeat N TEXT   sends TEXT and a line feed N times, each "#" in it being the number, from 0 up
 *     long N          sends N bytes without a line feed
 *     fill TEXT       sends TEXT and a line feed without reading until nothing more is taken for a while; prints
 *                     how often it was sent whole
 *     lines N         reads and prints N lines (0: as many as `fill` sent whole)
 *     half            ends its own half of the connection
 *     end             reads the rest, which it prints, up to the end, for which it prints "the end"
 *     reset           breaks the connection off, so that the other side gets an error
 *     touch FILE      makes FILE
 *     await FILE      waits until FILE is there                                                              */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILL_MAX = 16 << 20, FILL_WAIT_MS = 2000, ALARM_S = 240 };

static int server;
static FILE *answers;
static size_t filled;

static int connect_to(const char *where) {
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (strncmp(where, "unix:", 5) == 0) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s", where + 5);
        server = socket(AF_UNIX, SOCK_STREAM, 0);
        return connect(server, (struct sockaddr *)&path, sizeof path);
    }
    port.sin_port = htons((uint16_t)atoi(where + 4));
    server = socket(AF_INET, SOCK_STREAM, 0);
    return connect(server, (struct sockaddr *)&port, sizeof port);
}

/* A server that has closed already is noticed when its answers are read. */
static void send_bytes(const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = write(server, bytes, size);
        if (count <= 0) return;
        bytes += count;
        size -= (size_t)count;
    }
}

static void send_line(const char *text) {
    send_bytes(text, strlen(text));
    send_bytes("\n", 1);
}

static void send_numbered(const char *text, long number) {
    char line[4096];
    size_t size = 0;
    for (; *text != 0 && size < sizeof line - 32; text++) {
        if (*text == '#')
            size += (size_t)sprintf(line + size, "%ld", number);
        else
            line[size++] = *text;
    }
    line[size++] = '\n';
    send_bytes(line, size);
}

static void send_long(size_t size) {
    static char bytes[65536];
    memset(bytes, 'a', sizeof bytes);
    for (; size > sizeof bytes; size -= sizeof bytes) send_bytes(bytes, sizeof bytes);
    send_bytes(bytes, size);
}

static void fill(const char *text) {
    size_t size = strlen(text) + 1, sent = 0;
    char *line = malloc(size + 1);
    sprintf(line, "%s\n", text);
    fcntl(server, F_SETFL, O_NONBLOCK);
    struct pollfd room = {.fd = server, .events = POLLOUT};
    while (sent < FILL_MAX && poll(&room, 1, FILL_WAIT_MS) > 0) {
        ssize_t count = write(server, line + sent % size, size - sent % size);
        if (count > 0) sent += (size_t)count;
        if (count < 0 && errno != EAGAIN) break;
    }
    fcntl(server, F_SETFL, 0);
    free(line);
    filled = sent / size;
    printf("%zu\n", filled);
}

static int print_line(void) {
    static char *line;
    static size_t capacity;
    ssize_t size = getline(&line, &capacity, answers);
    if (size > 0) fwrite(line, 1, (size_t)size, stdout);
    return size > 0;
}

static void await(const char *file) {
    while (access(file, F_OK) != 0) usleep(10000);
}

static void reset(void) {
    struct linger at_once = {1, 0};
    setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fclose(answers);
}

/* Does one command and returns how many arguments it took, 0 where there is no such. */
static int act(char **command) {
    const char *name = command[0], *first = command[1] ? command[1] : "";
#define IS(word) (strcmp(name, word) == 0)
    if (IS("half")) return shutdown(server, SHUT_WR), 1;
    if (IS("reset")) return reset(), 1;
    if (IS("end")) {
        while (print_line()) continue;
        puts("the end");
        return 1;
    }
    if (IS("repeat")) {
        for (long i = 0; i < atol(first); i++) send_numbered(command[2], i);
        return 3;
    }
    if (IS("lines")) {
        size_t count = atol(first) > 0 ? (size_t)atol(first) : filled;
        while (count > 0 && print_line()) count--;
        if (count > 0) printf("%zu lines did not come\n", count);
        return 2;
    }
    if (IS("send"))
        send_line(first);
    else if (IS("raw"))
        send_bytes(first, strlen(first));
    else if (IS("long"))
        send_long((size_t)atol(first));
    else if (IS("fill"))
        fill(first);
    else if (IS("touch"))
        close(open(first, O_CREAT | O_WRONLY, 0666));
    else if (IS("await"))
        await(first);
    else
        return 0;
    return 2;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    alarm(ALARM_S); /* a test that waits in vain fails */
    if (argc < 2 || connect_to(argv[1]) != 0) {
        puts("no connection");
        return 1;
    }
    answers = fdopen(server, "r");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2, taken; i < argc; i += taken) {
        taken = act(argv + i);
        if (taken == 0) return 2;
    }
    return 0;
}
