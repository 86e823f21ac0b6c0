// A plugin that answers every method with an error that has data.
#include <stdio.h>

int main(void) {
    char line[4096];
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32602,\"message\":\"no such "
         "colour\",\"data\":{\"colour\":\"octarine\"}}}");
    return 0;
}
