/* Takes requests apart and puts answers together. */
#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r\n"

static bool find(struct piece in, const char *pointer, struct piece *out) {
    return wplug_json_find(in.text, in.size, pointer, &out->text, &out->size) == WPLUG_OK;
}

static bool is_text(struct piece value, const char *words) {
    return value.size == strlen(words) && memcmp(value.text, words, value.size) == 0;
}

void read_message(struct piece text, struct message *out) {
    static const struct piece null = {"null", 4};
    struct piece version, method;
    size_t method_size;
    *out = (struct message){.id = null, .params = null};
    bool has_id = find(text, "/id", &out->id);
    if (has_id && strchr("[{tf", out->id.text[0]) != NULL) {
        out->id = null;
        out->problem = "an id is a string, a number or null";
    } else if (!find(text, "/jsonrpc", &version) || !is_text(version, "\"2.0\"")) {
        out->problem = "a request is an object with \"jsonrpc\":\"2.0\"";
    } else if (!find(text, "/method", &method) || method.text[0] != '"') {
        out->problem = "a request has a \"method\", a string";
    } else if (wplug_json_decode_string(method.text, method.size, out->method, METHOD_MAX, &method_size) !=
                   WPLUG_OK ||
               strlen(out->method) != method_size) {
        out->problem = "no method has such a name"; /* too long, or with a 0 byte */
    }
    find(text, "/params", &out->params);
    out->is_notification = !has_id && out->problem == NULL;
}

bool is_array(struct piece text) {
    return text.text[strspn(text.text, SPACE)] == '[';
}

/* `rest` stands at the opening bracket, later behind an element. In valid JSON an element ends at the first comma
 * or closing bracket that is in no string and in no bracket of its own. */
bool next_element(struct piece *rest, struct piece *element) {
    const char *end = rest->text + rest->size, *at = rest->text + strspn(rest->text, SPACE);
    if (*at == ']') return false;
    at++; /* the opening bracket, or a comma */
    at += strspn(at, SPACE);
    if (*at == ']') return false;
    const char *start = at;
    bool in_string = false;
    for (int depth = 0; at < end; at++) {
        if (in_string) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                in_string = false;
        } else if (depth == 0 && (*at == ',' || *at == ']')) {
            break;
        } else {
            in_string = *at == '"';
            depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
        }
    }
    *element = (struct piece){start, (size_t)(at - start)};
    *rest = (struct piece){at, (size_t)(end - at)};
    return true;
}

size_t count_elements(struct piece array) {
    struct piece element;
    size_t count = 0;
    while (next_element(&array, &element)) count++;
    return count;
}

/* ---- Answers ---- */

/* Room for `size` more bytes, which the caller fills. NULL where there is no memory. */
static char *extend(struct text *to, size_t size) {
    if (to->size + size > to->capacity) {
        size_t capacity = 2 * (to->size + size);
        char *bytes = realloc(to->bytes, capacity);
        if (bytes == NULL) {
            to->has_failed = true;
            return NULL;
        }
        to->bytes = bytes;
        to->capacity = capacity;
    }
    char *end = to->bytes + to->size;
    to->size += size;
    return end;
}

static void put_bytes(struct text *to, const char *bytes, size_t size) {
    char *end = extend(to, size);
    if (end != NULL) memcpy(end, bytes, size);
}

void put(struct text *to, const char *words) {
    put_bytes(to, words, strlen(words));
}

static void put_string(struct text *to, const char *words) {
    size_t size, length = strlen(words);
    wplug_json_encode_string(words, length, NULL, 0, &size);
    char *end = extend(to, size + 1); /* and its 0 byte, which the next piece overwrites */
    if (end == NULL) return;
    wplug_json_encode_string(words, length, end, size + 1, NULL);
    to->size--;
}

static void put_head(struct text *to, struct piece id) {
    put(to, "{\"jsonrpc\":\"2.0\",\"id\":");
    put_bytes(to, id.text, id.size);
}

void put_error(struct text *to, struct piece id, int64_t code, const char *message, const char *data) {
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, code);
    put_head(to, id);
    put(to, ",\"error\":{\"code\":");
    put(to, number);
    put(to, ",\"message\":");
    put_string(to, message);
    if (data[0] != 0) {
        put(to, ",\"data\":");
        put(to, data);
    }
    put(to, "}}");
}

void put_result(struct text *to, struct piece id, const wplug_result *result) {
    if (result->status == WPLUG_OK) {
        put_head(to, id);
        put(to, ",\"result\":");
        put_bytes(to, result->json, result->json_size);
        put(to, "}");
    } else if (result->status == WPLUG_RPC_ERROR) {
        put_error(to, id, result->code, result->error_message, result->data);
    } else {
        char data[64];
        snprintf(data, sizeof data, "{\"status\":\"%s\"}", wplug_status_name(result->status));
        put_error(to, id, WPLUG_CODE_SERVER_ERROR, result->message, data);
    }
}
