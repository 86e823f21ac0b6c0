// A plugin that prints something that is no message.
#include <stdio.h>

int main(void) {
    puts("hello, I am not JSON");
    return 0;
}
