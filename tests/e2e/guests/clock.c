// Sleeps as many milliseconds as its argument says, by the monotonic clock, and says that it woke.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    long ms = argc > 1 ? atol(argv[1]) : 1;
    struct timespec before, after, pause = {ms / 1000, ms % 1000 * 1000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long passed = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    puts(passed >= ms - 1 ? "slept" : "woke early");
    return 0;
}
