// A plugin that calls the host method `work` as often as its params say, all at once, with 0, 1, 2..., and
// answers with the sum of the results.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char line[4096];
    unsigned long sum = 0;
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    char *params = strstr(line, "\"params\":");
    int count = params == NULL ? 0 : atoi(params + 9);
    for (int i = 0; i < count; i++)
        printf("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"work\",\"params\":%d}\n", i, i);
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        if (fgets(line, sizeof line, stdin) == NULL) return 1;
        char *result = strstr(line, "\"result\":");
        if (result == NULL) {
            fputs(line, stderr);
            return 1;
        }
        sum += strtoul(result + 9, NULL, 10);
    }
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":%lu}\n", sum);
    return 0;
}
