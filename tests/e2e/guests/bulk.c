/* Notes each call in its log and answers with a string of 4096 bytes. */
#include <stdio.h>
#include <string.h>

int main(void) {
    static char line[4096], bytes[4097];
    if (!fgets(line, sizeof line, stdin)) return 1;
    fputs("called\n", stderr);
    memset(bytes, 'b', 4096);
    printf("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"%s\"}\n", bytes);
    return 0;
}
