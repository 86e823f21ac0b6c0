// A plugin on nothing but standard input and output: every method answers with its params. Its log tells the
// method. It relies on the order of members in which this host writes a request: jsonrpc, id, method, params.
#include <stdio.h>
#include <string.h>

int main(void) {
    char *line = NULL;
    size_t capacity = 0;
    if (getline(&line, &capacity, stdin) < 0) return 0;
    char *params = strstr(line, "\"params\":");
    char *end = strrchr(line, '}');
    if (params == NULL || end == NULL || end < params) return 1;
    *end = 0;
    fprintf(stderr, "mirroring %zu bytes\n", strlen(params + 9));
    fputs("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":", stdout);
    fputs(params + 9, stdout);
    fputs("}\n", stdout);
    return 0;
}
