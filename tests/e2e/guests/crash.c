// A plugin that reads its request, says so in its log, and traps.
#include <stdio.h>

__attribute__((noinline)) static void crash_here(volatile int *reason) {
    *reason += 1;
    __builtin_trap();
}

int main(void) {
    char line[256];
    volatile int reason = 0;
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    fputs("about to crash\n", stderr);
    crash_here(&reason);
    return 0;
}
