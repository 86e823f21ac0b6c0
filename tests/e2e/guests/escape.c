// A plugin whose log tries to steer the terminal.
#include <stdio.h>

int main(void) {
    char line[256];
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    fputs("\033[31mred\a\n", stderr);
    puts("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}");
    return 0;
}
