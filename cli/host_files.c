/* The host method read_file (--files FOLDER): files in one folder and below, read only, in pieces.
 *
 *     params   {"path": "a/b.txt", "offset": 0, "length": 262144}      or just "a/b.txt"
 *     result   {"content": "...", "next": 262140, "size": 1000000, "eof": false}
 *
 * The path is relative to the folder. `content` holds whole characters: a piece that would end within one
 * ends before it, and `next` says where the next piece begins. Bytes that are not UTF-8 become U+FFFD, as
 * JSON is text. */
#include "cli.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* However much is asked for. Escapes make content up to six times as long, and the message must stay below
 * its limit. */
#define PIECE_MAX (1024 * 1024)
/* A character takes up to four bytes, so a piece of fewer might hold none. */
#define PIECE_MIN 4

char *cli_files_root(const char *folder) {
    char *root = system_folder(folder);
    if (root == NULL)
        cli_complain("--files %s: %s", folder, errno == ENOTDIR ? "not a folder" : strerror(errno));
    return root;
}

/* How much of `bytes` is whole characters: without the first bytes of a character that is cut off at the end.
 */
static size_t whole_characters(const unsigned char *bytes, size_t size) {
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char byte = bytes[size - back];
        if ((byte & 0xC0) == 0x80) continue; /* in the middle of one: look further back for its first byte */
        size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > back ? size - back : size;
    }
    return size;
}

/* Builds the result from the piece at `offset`. False, with errno, where reading fails. */
static bool read_piece(system_file file, uint64_t offset, uint64_t length, cli_text *result) {
    uint64_t size;
    if (!system_file_size(file, &size)) return false;
    size_t wanted = length > PIECE_MAX ? PIECE_MAX : length < PIECE_MIN ? PIECE_MIN : (size_t)length;
    cli_text piece = {0};
    ptrdiff_t got = system_file_read(file, cli_text_space(&piece, wanted), wanted, offset);
    if (got < 0) {
        cli_text_free(&piece);
        return false;
    }
    bool is_end = (size_t)got < wanted || offset + (uint64_t)got >= size;
    size_t used = is_end ? (size_t)got : whole_characters((const unsigned char *)piece.data, (size_t)got);
    size_t quoted;
    char rest[128];
    cli_text_append(result, "{\"content\":", 11);
    wplug_json_encode_string(piece.data, used, NULL, 0, &quoted);
    wplug_json_encode_string(piece.data, used, cli_text_space(result, quoted), quoted + 1, NULL);
    result->size += quoted;
    int written =
        snprintf(rest, sizeof rest, ",\"next\":%llu,\"size\":%llu,\"eof\":%s}",
                 (unsigned long long)(offset + used), (unsigned long long)size, is_end ? "true" : "false");
    cli_text_append(result, rest, (size_t)written);
    cli_text_free(&piece);
    return true;
}

/* A member that is a whole number, or `fallback` where there is none. False where it is something else. */
static bool get_number(cli_json params, const char *pointer, uint64_t fallback, uint64_t *out) {
    cli_json value = cli_json_get(params, pointer);
    *out = fallback;
    if (value.data == NULL || cli_json_is(value, "null")) return true;
    cli_text text = cli_json_text(value);
    bool is_number = value.data[0] != '"' && cli_parse_u64(text.data, out);
    cli_text_free(&text);
    return is_number;
}

static void answer_path(wplug_request *request, const char *root, cli_text *path, uint64_t offset,
                        uint64_t length) {
    const char *why;
    cli_text result = {0};
    /* A name with a zero in it would be cut there. */
    bool is_whole = memchr(path->data, 0, path->size) == NULL;
    system_file file = system_open_below(root, is_whole ? path->data : "", &why);
    if (file != SYSTEM_NO_FILE && !read_piece(file, offset, length, &result)) {
        why = strerror(errno);
        cli_text_free(&result);
    }
    if (file != SYSTEM_NO_FILE) system_file_close(file);
    if (result.data == NULL) {
        static const char start[] = "cannot read ";
        cli_text_append(&result, start, sizeof start - 1);
        cli_text_append(&result, path->data, path->size);
        cli_text_append(&result, ": ", 2);
        cli_text_append(&result, why, strlen(why));
        wplug_request_error(request, WPLUG_CODE_SERVER_ERROR, result.data, NULL);
    } else {
        wplug_request_result(request, result.data);
    }
    cli_text_free(&result);
}

static void on_read_file(void *user, wplug_request *request) {
    cli_json params = {0};
    uint64_t offset, length;
    params.data = wplug_request_params(request, &params.size);
    bool is_bare = params.data[0] == '"';
    cli_json path = cli_json_get(params, is_bare ? "" : "/path");
    if (path.data == NULL || path.data[0] != '"' || !get_number(params, "/offset", 0, &offset) ||
        !get_number(params, "/length", UINT64_MAX, &length)) {
        wplug_request_error(request, WPLUG_CODE_INVALID_PARAMS,
                            "read_file takes {\"path\": text, \"offset\": number, \"length\": number}", NULL);
        return;
    }
    cli_text text = cli_json_text(path);
    answer_path(request, user, &text, offset, length);
    cli_text_free(&text);
}

void cli_files_provide(wplug_runtime *runtime, char *root) {
    wplug_runtime_set_method(runtime, "read_file", on_read_file, root);
}
