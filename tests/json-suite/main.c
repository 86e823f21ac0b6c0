/* Runs the JSON reader over a folder of JSONTestSuite vectors: y_ files must be accepted, n_ files refused, i_ files may be
 * either. Whatever is accepted is walked and read to the last value, which must not go wrong either.
 *
 *     json-suite FOLDER
 *
 * Prints what failed and the counts; exits with 0 where nothing failed and there was something to do. */
#include "base/os.h"
#include "json/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_SIZE = 64 << 20, MAX_PATH_SIZE = 4096 };

/* Counts of one letter's files. */
typedef struct tally {
    size_t accepted;
    size_t refused;
} tally;

static void read_scalar(base_bytes value) {
    int64_t whole;
    uint64_t natural;
    double number;
    bool truth;
    base_buffer text = {0};
    json_read_int64(value, &whole, NULL);
    json_read_uint64(value, &natural, NULL);
    json_read_double(value, &number, NULL);
    json_read_bool(value, &truth, NULL);
    json_read_string(value, &text, NULL);
    base_buffer_free(&text);
}

/* Visits every value; the walk keeps its own stack, as deep as the validator lets values be. */
static void walk(base_bytes value) {
    json_iterator stack[JSON_DEFAULT_DEPTH];
    bool objects[JSON_DEFAULT_DEPTH];
    size_t depth = 0;
    for (;;) {
        json_kind kind = json_kind_of(value);
        if (kind == JSON_ARRAY || kind == JSON_OBJECT) {
            stack[depth] = json_iterate(value);
            objects[depth++] = kind == JSON_OBJECT;
        } else {
            read_scalar(value);
        }
        for (;; depth--) {
            base_bytes key;
            if (depth == 0) return;
            if (objects[depth - 1] ? json_next_member(&stack[depth - 1], &key, &value)
                                   : json_next_element(&stack[depth - 1], &value))
                break;
        }
    }
}

/* Whether the text is accepted. It is read from a block of exactly its size, so that sanitizers see a step too far. */
static bool accepts(base_bytes text, base_error *error) {
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    base_bytes value;
    if (!copy) abort();
    if (text.size > 0) memcpy(copy, text.data, text.size);
    bool accepted = json_validate((base_bytes){copy, text.size}, 0, &value, error) == BASE_OK;
    if (accepted) walk(value);
    free(copy);
    return accepted;
}

/* Runs one file; false where it went otherwise than its name says. */
static bool run_file(const char *folder, const char *name, tally *counts) {
    char path[MAX_PATH_SIZE];
    base_buffer text = {0};
    base_error error = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (os_read_file(path, MAX_FILE_SIZE, &text, &error) != BASE_OK) {
        printf("FAILED %s\n", error.message);
        return false;
    }
    bool accepted = accepts(base_buffer_bytes(&text), &error);
    base_buffer_free(&text);
    if (accepted)
        counts->accepted++;
    else
        counts->refused++;
    if (name[0] == 'y' && !accepted) printf("FAILED %s was refused: %s\n", name, error.message);
    if (name[0] == 'n' && accepted) printf("FAILED %s was accepted\n", name);
    return name[0] == 'i' || accepted == (name[0] == 'y');
}

static bool is_vector(const char *name) {
    return (name[0] == 'y' || name[0] == 'n' || name[0] == 'i') && name[1] == '_';
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: json-suite FOLDER\n");
        return 2;
    }
    DIR *folder = opendir(argv[1]);
    if (!folder) {
        fprintf(stderr, "json-suite: cannot open the folder '%s'\n", argv[1]);
        return 2;
    }
    tally y = {0, 0}, n = {0, 0}, i = {0, 0};
    size_t failed = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!is_vector(entry->d_name)) continue;
        tally *counts = entry->d_name[0] == 'y' ? &y : entry->d_name[0] == 'n' ? &n : &i;
        if (!run_file(argv[1], entry->d_name, counts)) failed++;
    }
    closedir(folder);
    size_t total = y.accepted + y.refused + n.accepted + n.refused + i.accepted + i.refused;
    printf("json-suite: %zu files, %zu failed. Must be accepted: %zu of %zu were; must be refused: %zu of "
           "%zu were; "
           "either: %zu accepted, %zu refused\n",
           total, failed, y.accepted, y.accepted + y.refused, n.refused, n.accepted + n.refused, i.accepted,
           i.refused);
    return failed == 0 && total > 0 ? 0 : 1;
}
