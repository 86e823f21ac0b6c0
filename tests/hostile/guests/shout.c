/* A WASI command without JSON-RPC: copies stdin to stdout in capitals, a word on stderr, arguments decide how it ends. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char buffer[5000];
    ssize_t count;
    if (argc > 1 && strcmp(argv[1], "poll") == 0) {
        /* Says whether there is input, without waiting, until there is. */
        struct pollfd ask = {.fd = 0, .events = POLLRDNORM};
        while (poll(&ask, 1, 0) == 0) continue;
        fputs("input\n", stderr);
    }
    while ((count = read(0, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < count; i++) buffer[i] = (char)toupper((unsigned char)buffer[i]);
        for (ssize_t done = 0; done < count;) {
            ssize_t written = write(1, buffer + done, (size_t)(count - done));
            if (written < 0) {
                fprintf(stderr, "write: %s\n", strerror(errno));
                return 3;
            }
            done += written;
        }
    }
    if (count < 0) {
        fprintf(stderr, "read: %s\n", strerror(errno));
        return 4;
    }
    fprintf(stderr, "done\n");
    if (argc > 1 && strcmp(argv[1], "exit") == 0) exit(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "spin") == 0)
        for (volatile int i = 0;; i++) continue;
    if (argc > 1 && strcmp(argv[1], "trap") == 0) __builtin_trap();
    return 0;
}
