/* Walking over JSON that the library wrote or checked, so it is known to be valid. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

cli_json cli_json_get(cli_json value, const char *pointer) {
    cli_json found = {0};
    if (value.data != NULL &&
        wplug_json_find(value.data, value.size, pointer, &found.data, &found.size) != WPLUG_OK)
        found = (cli_json){0};
    return found;
}

/* The end of the value that starts at `at`: strings are skipped whole, brackets are counted. */
static size_t value_end(cli_json text, size_t at) {
    int depth = 0;
    for (; at < text.size; at++) {
        char c = text.data[at];
        if (c == '"') {
            for (at++; at < text.size && text.data[at] != '"'; at++)
                if (text.data[at] == '\\') at++;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ',' || c == ']' || c == '}') && depth == 0) {
            break;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return at < text.size ? at : text.size;
}

bool cli_json_next(cli_json array, size_t *at, cli_json *element) {
    if (array.data == NULL || array.size == 0 || array.data[0] != '[') return false;
    /* *at is 0, or on the comma or bracket behind the element before. */
    size_t start = *at + 1;
    while (start < array.size && strchr(" \t\r\n", array.data[start]) != NULL) start++;
    if (start >= array.size || array.data[start] == ']') return false;
    *at = value_end(array, start);
    *element = (cli_json){array.data + start, *at - start};
    return true;
}

bool cli_json_is(cli_json value, const char *text) {
    return value.data != NULL && value.size == strlen(text) && memcmp(value.data, text, value.size) == 0;
}

cli_text cli_json_text(cli_json value) {
    cli_text text = {0};
    size_t needed;
    cli_text_append(&text, "", 0);
    if (value.data == NULL) return text;
    if (wplug_json_decode_string(value.data, value.size, NULL, 0, &needed) == WPLUG_OK) {
        char *room = cli_text_space(&text, needed);
        wplug_json_decode_string(value.data, value.size, room, needed + 1, NULL);
        text.size = needed;
    } else {
        cli_text_append(&text, value.data, value.size);
    }
    return text;
}

uint64_t cli_json_u64(cli_json value) {
    uint64_t number = 0;
    for (size_t i = 0; i < value.size && value.data[i] >= '0' && value.data[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    return number;
}
