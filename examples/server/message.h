/* JSON-RPC 2.0 as text: requests are taken apart in place, answers are put together. Knows nothing of sockets. */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include <wplug/wplug.h>

/* A part of some text, not terminated. */
struct piece {
    const char *text;
    size_t size;
};

enum { METHOD_MAX = 256 };

/* One request. It is valid where `problem` is NULL; the id is "null" where there is none. */
struct message {
    const char *problem;
    bool is_notification;
    struct piece id, params;
    char method[METHOD_MAX];
};

/* `text` is valid JSON. */
void read_message(struct piece text, struct message *out);

/* Whether valid JSON is an array, and how many elements that has. */
bool is_array(struct piece text);
size_t count_elements(struct piece array);
/* The next element of an array that is valid JSON; *rest starts as the whole of it. False after the last. */
bool next_element(struct piece *rest, struct piece *element);

/* Text that grows. Where memory has run out it says so at the end instead of at each step. */
struct text {
    char *bytes;
    size_t size, capacity;
    bool has_failed;
};

void put(struct text *to, const char *words);
/* An answer to the request with that id: what came of the call, or an error. `data` is JSON, or "" for none. */
void put_result(struct text *to, struct piece id, const wplug_result *result);
void put_error(struct text *to, struct piece id, int64_t code, const char *message, const char *data);

#endif
