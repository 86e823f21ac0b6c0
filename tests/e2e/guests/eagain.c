// A plugin that reads its request, reads on though nothing more has come, and answers with what that read said.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    char bytes[4096];
    if (read(0, bytes, sizeof bytes) <= 0) return 1;
    ssize_t got = read(0, bytes, sizeof bytes);
    const char *said = got < 0 && errno == EAGAIN ? "again" : got < 0 ? "failed" : got == 0 ? "end" : "more";
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"%s\"}\n", said);
    return 0;
}
