// Prints its arguments and its environment, one a line.
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) printf("arg %s\n", argv[i]);
    for (char **entry = environ; *entry != NULL; entry++) printf("env %s\n", *entry);
    return 0;
}
