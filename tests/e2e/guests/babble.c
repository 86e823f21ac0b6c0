// A plugin that fills its log for ever.
#include <stdio.h>

int main(void) {
    for (;;) fputs("and another thing about nothing in particular\n", stderr);
}
