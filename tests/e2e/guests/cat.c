// Copies standard input to standard output and says on stderr how much that was.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    static char buffer[65536];
    unsigned long total = 0;
    ssize_t got;
    while ((got = read(0, buffer, sizeof buffer)) > 0) {
        total += (unsigned long)got;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(1, buffer + done, (size_t)(got - done));
            if (put < 0) return 1;
            done += put;
        }
    }
    fprintf(stderr, "copied %lu bytes\n", total);
    return got < 0;
}
