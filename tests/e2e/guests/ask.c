// A plugin that calls two host methods at once, `first` and `second`, passing on its params to both, and
// answers with the two responses in the order in which they came.
#include <stdio.h>
#include <string.h>

static void chomp(char *line) {
    line[strcspn(line, "\r\n")] = 0;
}

int main(void) {
    static char request[65536], one[65536], two[65536];
    if (fgets(request, sizeof request, stdin) == NULL) return 0;
    char *params = strstr(request, "\"params\":");
    char *end = strrchr(request, '}');
    if (params == NULL || end == NULL) return 1;
    *end = 0;
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"first\",\"params\":%s}\n", params + 9);
    printf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"second\",\"params\":%s}\n", params + 9);
    fflush(stdout);
    if (fgets(one, sizeof one, stdin) == NULL || fgets(two, sizeof two, stdin) == NULL) return 1;
    chomp(one);
    chomp(two);
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":[%s,%s]}\n", one, two);
    return 0;
}
