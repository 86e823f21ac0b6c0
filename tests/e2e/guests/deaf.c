// A plugin that waits for input that never comes.
#include <stdio.h>

int main(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) continue;
    return 0;
}
