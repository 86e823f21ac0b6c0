// A plugin that knows no method.
#include <stdio.h>

int main(void) {
    char line[4096];
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}");
    return 0;
}
