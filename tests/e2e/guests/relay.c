// A plugin that asks the host method `blob` for a value, passes it to `check`, and answers with what that
// says.
#include <stdio.h>
#include <string.h>

static char *line;
static size_t capacity;

/* The result in the next line from the host, without the brace at its end. */
static const char *next_result(void) {
    if (getline(&line, &capacity, stdin) < 0) return "null";
    char *result = strstr(line, "\"result\":");
    char *end = strrchr(line, '}');
    if (result == NULL || end == NULL) return "null";
    *end = 0;
    return result + 9;
}

int main(void) {
    if (getline(&line, &capacity, stdin) < 0) return 0;
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"blob\"}");
    fflush(stdout);
    printf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"check\",\"params\":%s}\n", next_result());
    fflush(stdout);
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%s}\n", next_result());
    return 0;
}
