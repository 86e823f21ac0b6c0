// A plugin that sends the notification `note`, waits until the host method `ready` answers, and then answers
// itself.
#include <stdio.h>

int main(void) {
    char line[4096];
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    puts("{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":[\"hello\"]}");
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ready\"}");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) return 1;
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"done\"}");
    return 0;
}
