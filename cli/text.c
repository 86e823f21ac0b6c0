/* Text: growing it, reading it from files, and showing it. Owns the rule that memory running out ends the
 * program. */
#include "cli.h"
#include "system.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void *cli_resize(void *block, size_t count, size_t size) {
    void *moved = size != 0 && count > SIZE_MAX / size ? NULL : realloc(block, count * size);
    if (moved == NULL) {
        fputs("wplug: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    return moved;
}

char *cli_text_space(cli_text *text, size_t more) {
    size_t needed = text->size + more + 1;
    if (needed > text->capacity) {
        text->capacity = needed > 2 * text->capacity ? needed : 2 * text->capacity;
        text->data = cli_resize(text->data, text->capacity, 1);
    }
    return text->data + text->size;
}

void cli_text_append(cli_text *text, const char *bytes, size_t size) {
    char *end = cli_text_space(text, size);
    if (size != 0) memcpy(end, bytes, size);
    end[size] = 0;
    text->size += size;
}

void cli_text_free(cli_text *text) {
    free(text->data);
    *text = (cli_text){0};
}

void cli_complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("wplug: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int cli_wrong_usage(const char *command, const char *format, ...) {
    const char *space = command[0] != 0 ? " " : "";
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "wplug%s%s: ", space, command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nTry `wplug%s%s --help`.\n", space, command);
    va_end(arguments);
    return CLI_USAGE;
}

bool cli_read_file(const char *path, cli_text *out) {
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : system_open(path);
    if (file == NULL) {
        cli_complain("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    cli_text_append(out, "", 0);
    size_t got;
    do {
        size_t room = out->size < 4096 ? 4096 : out->size;
        got = fread(cli_text_space(out, room), 1, room, file);
        out->size += got;
    } while (got != 0);
    out->data[out->size] = 0;
    bool failed = ferror(file) != 0;
    if (failed) cli_complain("cannot read %s: %s", is_stdin ? "standard input" : path, strerror(errno));
    if (!is_stdin) fclose(file);
    return !failed;
}

void cli_print_safely(FILE *file, const char *bytes, size_t size) {
    const char *end = bytes + size;
    for (const char *at = bytes; at < end;) {
        unsigned char byte = (unsigned char)*at;
        /* The second row of control characters, U+0080 to U+009F, is C2 80 to C2 9F in UTF-8; a terminal that
         * is not set to UTF-8 takes the second byte alone, which is part of other characters too and so
         * cannot be kept out. */
        bool is_c1 = byte == 0xC2 && at + 1 < end && (unsigned char)at[1] < 0xA0;
        if (is_c1) {
            fprintf(file, "\\u00%02x", (unsigned char)at[1]);
            at += 2;
        } else {
            if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
                fprintf(file, "\\x%02x", byte);
            else
                fputc(byte, file);
            at++;
        }
    }
}

bool cli_finish_stdout(void) {
    if (fflush(stdout) == 0 && ferror(stdout) == 0) return true;
    cli_complain("cannot write to standard output: %s", strerror(errno));
    return false;
}
