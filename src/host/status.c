/* Owns the words for statuses, and filling in errors. */
#include "host/host.h"

#include <stdio.h>

typedef struct status_words {
    wplug_status status;
    const char *name;
    const char *text;
} status_words;

#define WORDS(status, text) {status, #status, text}

static const status_words words[] = {
    WORDS(WPLUG_OK, "ok"),
    WORDS(WPLUG_MISUSE, "misuse of the interface"),
    WORDS(WPLUG_NO_MEMORY, "out of memory"),
    WORDS(WPLUG_SYSTEM, "the operating system refused"),
    WORDS(WPLUG_GONE, "ended already"),
    WORDS(WPLUG_TOO_DEEP, "calls nested too deep"),
    WORDS(WPLUG_BAD_JSON, "not JSON"),
    WORDS(WPLUG_NOT_FOUND, "not found"),
    WORDS(WPLUG_BUSY, "queue full"),
    WORDS(WPLUG_FILE_NOT_FOUND, "file not found"),
    WORDS(WPLUG_FILE_UNREADABLE, "file cannot be read"),
    WORDS(WPLUG_FILE_EMPTY, "empty file"),
    WORDS(WPLUG_NOT_WASM, "not a WebAssembly module"),
    WORDS(WPLUG_COMPONENT, "a component, not a core module"),
    WORDS(WPLUG_WASM_VERSION, "unknown WebAssembly version"),
    WORDS(WPLUG_TRUNCATED, "truncated module"),
    WORDS(WPLUG_MALFORMED, "malformed module"),
    WORDS(WPLUG_INVALID, "invalid module"),
    WORDS(WPLUG_UNSUPPORTED, "unsupported WebAssembly feature"),
    WORDS(WPLUG_MODULE_TOO_LARGE, "module too large"),
    WORDS(WPLUG_UNKNOWN_IMPORTS, "unknown imports"),
    WORDS(WPLUG_IMPORT_TYPE, "import of the wrong type"),
    WORDS(WPLUG_NO_START, "no _start export"),
    WORDS(WPLUG_REACTOR, "a reactor, not a command"),
    WORDS(WPLUG_RPC_ERROR, "the plugin answered with an error"),
    WORDS(WPLUG_TRAP, "trapped"),
    WORDS(WPLUG_EXITED, "exited before it answered"),
    WORDS(WPLUG_RAISED, "ended by a signal"),
    WORDS(WPLUG_RETURNED, "returned before it answered"),
    WORDS(WPLUG_BAD_OUTPUT, "wrote something else than JSON-RPC"),
    WORDS(WPLUG_NO_ANSWER, "waits for ever"),
    WORDS(WPLUG_FUEL_LIMIT, "out of fuel"),
    WORDS(WPLUG_TIME_LIMIT, "out of time"),
    WORDS(WPLUG_MEMORY_LIMIT, "memory limit reached"),
    WORDS(WPLUG_TABLE_LIMIT, "table limit reached"),
    WORDS(WPLUG_STACK_LIMIT, "stack limit reached"),
    WORDS(WPLUG_MESSAGE_LIMIT, "message too large"),
    WORDS(WPLUG_LOG_LIMIT, "log too large"),
    WORDS(WPLUG_HOST_CALL_LIMIT, "too many host calls open"),
    WORDS(WPLUG_CANCELLED, "cancelled"),
    WORDS(WPLUG_NO_EXPORT, "no such export"),
    WORDS(WPLUG_BAD_ARGUMENT, "bad argument"),
};

static const status_words *find_words(wplug_status status) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].status == status) return &words[i];
    }
    return NULL;
}

const char *wplug_status_text(wplug_status status) {
    const status_words *found = find_words(status);
    return found ? found->text : "unknown status";
}

const char *wplug_status_name(wplug_status status) {
    const status_words *found = find_words(status);
    return found ? found->name : "unknown status";
}

const char *wplug_version(void) {
    return WPLUG_VERSION;
}

wplug_status host_fail_va(wplug_error *error, wplug_status status, const char *format, va_list arguments) {
    if (!error) return status;
    error->status = status;
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    if (length < 0) error->message[0] = 0;
    if (length >= (int)sizeof error->message) memcpy(error->message + sizeof error->message - 4, "...", 4);
    return status;
}

wplug_status host_fail(wplug_error *error, wplug_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    host_fail_va(error, status, format, arguments);
    va_end(arguments);
    return status;
}

wplug_status host_no_memory(wplug_error *error) {
    return host_fail(error, WPLUG_NO_MEMORY, "out of memory");
}
