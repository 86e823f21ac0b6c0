// A plugin that passes its params to the host method `read_file` and answers with the whole response, in an
// array.
#include <stdio.h>
#include <string.h>

int main(void) {
    char *line = NULL;
    size_t capacity = 0;
    if (getline(&line, &capacity, stdin) < 0) return 0;
    char *params = strstr(line, "\"params\":");
    char *end = strrchr(line, '}');
    if (params == NULL || end == NULL) return 1;
    *end = 0;
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"read_file\",\"params\":%s}\n", params + 9);
    fflush(stdout);
    if (getline(&line, &capacity, stdin) < 0) return 1;
    line[strcspn(line, "\n")] = 0;
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[%s]}\n", line);
    return 0;
}
