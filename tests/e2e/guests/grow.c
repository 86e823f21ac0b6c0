// Asks for memory, a MiB at a time and touching each, until it is refused; then says how much it had.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    unsigned mib = 0;
    /* Volatile, so that the compiler cannot see that nobody needs the blocks. */
    char *volatile block;
    while (mib < 8192 && (block = malloc(1 << 20)) != NULL) {
        memset(block, 1, 1 << 20);
        mib++;
    }
    printf("%s\n", mib < 8192 ? "refused" : "never refused");
    fprintf(stderr, "had %u MiB\n", mib);
    return 0;
}
