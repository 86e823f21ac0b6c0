/* What the tests on Windows make host commands of, where there is no `cat` and the like.
 *
 *     child cat                  copies its input
 *     child count                prints how many bytes its input has
 *     child say TEXT             prints the text
 *     child variables            prints WPLUG_METHOD, WPLUG_PLUGIN and WPLUG_PLUGIN_ID as one JSON text
 *     child fail STATUS TEXT     writes the text to stderr and exits with the status
 *     child repeat COUNT         writes that many x to stderr and exits with 1
 *     child flood                prints 1s without end
 *     child meet MINE THEIRS     makes the file MINE, waits until there is the file THEIRS, and prints 1
 *     child stay FILE            makes the file and stays for ever
 *     child leave FILE           starts a `child stay FILE`, waits until it stays, prints 1 and ends
 *     child family FILE          the same, but stays too */
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static void make_file(const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) exit(98);
    fclose(file);
}

static void wait_for_file(const char *path) {
    while (_access(path, 0) != 0) Sleep(10);
}

static int copy_input(void) {
    char bytes[65536];
    size_t got;
    while ((got = fread(bytes, 1, sizeof bytes, stdin)) != 0) fwrite(bytes, 1, got, stdout);
    return 0;
}

static int count_input(void) {
    char bytes[65536];
    size_t got, total = 0;
    while ((got = fread(bytes, 1, sizeof bytes, stdin)) != 0) total += got;
    printf("%lu\n", (unsigned long)total);
    return 0;
}

static int print_variables(void) {
    printf("\"%s %s %s\"\n", getenv("WPLUG_METHOD"), getenv("WPLUG_PLUGIN"), getenv("WPLUG_PLUGIN_ID"));
    return 0;
}

static int repeat(long count) {
    while (count-- > 0) fputc('x', stderr);
    return 1;
}

static int flood(void) {
    while (puts("1") >= 0) continue;
    return 1;
}

static int stay(const char *path) {
    make_file(path);
    Sleep(INFINITE);
    return 1;
}

/* The new process has this one's stdio too. */
static void start_one_that_stays(const char *program, const char *path) {
    if (_spawnl(_P_NOWAIT, program, program, "stay", path, NULL) == -1) exit(98);
    wait_for_file(path);
}

int main(int count, char **arguments) {
    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "cat") == 0) return copy_input();
    if (strcmp(what, "count") == 0) return count_input();
    if (strcmp(what, "variables") == 0) return print_variables();
    if (strcmp(what, "flood") == 0) return flood();
    if (count < 3) return 99;
    if (strcmp(what, "say") == 0) return puts(arguments[2]) < 0;
    if (strcmp(what, "repeat") == 0) return repeat(atol(arguments[2]));
    if (strcmp(what, "stay") == 0) return stay(arguments[2]);
    if (strcmp(what, "leave") == 0) {
        start_one_that_stays(arguments[0], arguments[2]);
        return puts("1") < 0;
    }
    if (strcmp(what, "family") == 0) {
        start_one_that_stays(arguments[0], arguments[2]);
        Sleep(INFINITE);
    }
    if (count < 4) return 99;
    if (strcmp(what, "fail") == 0) {
        fputs(arguments[3], stderr);
        return atoi(arguments[2]);
    }
    if (strcmp(what, "meet") == 0) {
        make_file(arguments[2]);
        wait_for_file(arguments[3]);
        return puts("1") < 0;
    }
    return 99;
}
