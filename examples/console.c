/* A host with an event loop of its own. It loads the plugins named on its command line, reads calls from
 * standard input, one a line, runs all of them at once on its one thread, and prints each result when it
 * comes:
 *
 *     $ console test-plugin.wasm textstats.wasm qrcode.wasm
 *     test-plugin sleep 1000
 *     test-plugin ping
 *     textstats analyze {"path":"README.md"}
 *
 * Plugins may call three methods of this host: echo, which answers a little later, as one would that asks a
 * server; read_file, which answers at once; and progress, a notification. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wplug/wplug.h>

enum { PLUGIN_MAX = 8, LATER_MAX = 64, LATER_NS = 2000000 };

static wplug_runtime *runtime;
static wplug_plugin *plugins[PLUGIN_MAX];
static struct later { /* echoes that are to be answered, the first due first */
    wplug_request *request;
    uint64_t due_ns;
} later[LATER_MAX];
static size_t plugin_count, later_count, call_count, failure_count;

static void echo(void *user, wplug_request *request) {
    if (later_count == LATER_MAX) return; /* released without an answer, it gets an error */
    later[later_count++] = (struct later){wplug_request_retain(request), wplug_monotonic_ns() + LATER_NS};
}

static void answer_echoes(void) {
    size_t done = 0;
    for (; done < later_count && later[done].due_ns <= wplug_monotonic_ns(); done++) {
        wplug_request_result(later[done].request, wplug_request_params(later[done].request, NULL));
        wplug_request_release(later[done].request);
    }
    later_count -= done;
    memmove(later, later + done, later_count * sizeof *later);
}

/* Gives whole files, of the folder that the host was started in and no other. */
static void read_file(void *user, wplug_request *request) {
    static char path[256], bytes[1 << 20], quoted[6 * sizeof bytes + 3];
    size_t size, path_size = 0;
    const char *value, *params = wplug_request_params(request, &size);
    FILE *file = NULL;
    if (wplug_json_find(params, size, "/path", &value, &size) == WPLUG_OK &&
        wplug_json_decode_string(value, size, path, sizeof path, &path_size) == WPLUG_OK &&
        path_size < sizeof path && strchr(path, '/') == NULL)
        file = fopen(path, "rb");
    if (file == NULL) {
        wplug_request_error(request, WPLUG_CODE_INVALID_PARAMS, "no such file here", NULL);
        return;
    }
    size_t got = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (got == sizeof bytes) {
        wplug_request_error(request, WPLUG_CODE_SERVER_ERROR, "the file is too large for one piece", NULL);
        return;
    }
    wplug_json_encode_string(bytes, got, quoted, sizeof quoted, NULL);
    wplug_request_result(request, quoted);
}

static void progress(void *user, wplug_request *request) {
    printf("%s: %s\n", wplug_plugin_name(wplug_request_plugin(request)), wplug_request_params(request, NULL));
}

static void print_log(void *user, const wplug_log *line) {
    fprintf(stderr, "%s[%s] %.*s\n", line->name, line->id, (int)line->text_size, line->text);
}

static void print_result(void *user, wplug_task task, wplug_result *result) {
    if (result->status != WPLUG_OK) failure_count++;
    printf("#%zu %s\n", (size_t)user, result->status == WPLUG_OK ? result->json : result->message);
}

/* Starts the call that a line asks for: PLUGIN METHOD [PARAMS]. */
static void start_call(char *line) {
    wplug_error error = {.message = "no such plugin"};
    wplug_plugin *plugin = NULL;
    char *rest = line, *name = strsep(&rest, " "), *method = strsep(&rest, " ");
    for (size_t i = 0; i < plugin_count; i++)
        if (strcmp(wplug_plugin_name(plugins[i]), name) == 0) plugin = plugins[i];
    call_count++;
    if (plugin != NULL && wplug_call_start(runtime, plugin, method, rest, NULL, print_result,
                                           (void *)call_count, NULL, &error) == WPLUG_OK)
        return;
    failure_count++;
    printf("#%zu %s\n", call_count, error.message);
}

/* Reads what there is and starts a call for each whole line. False at the end of input. */
static bool read_lines(void) {
    static char input[65536];
    static size_t size;
    ssize_t got = read(0, input + size, sizeof input - 1 - size);
    if (got <= 0) return false;
    size += (size_t)got;
    char *line = input, *end;
    for (; (end = memchr(line, '\n', size - (size_t)(line - input))) != NULL; line = end + 1) {
        *end = 0;
        start_call(line);
    }
    size -= (size_t)(line - input);
    memmove(input, line, size);
    return true;
}

/* The loop: steps the runtime, then waits for input or for a time, whichever is first. */
static void run(void) {
    bool has_input = true;
    wplug_next next = {.when = WPLUG_IDLE};
    while (has_input || next.when != WPLUG_IDLE) {
        struct pollfd input = {.fd = has_input ? 0 : -1, .events = POLLIN};
        int timeout = wplug_next_timeout_ms(&next);
        if (later_count != 0 && timeout != 0) {
            wplug_next echoes = {WPLUG_AT, later[0].due_ns};
            int until_echo = wplug_next_timeout_ms(&echoes);
            timeout = timeout < 0 || until_echo < timeout ? until_echo : timeout;
        }
        if (poll(&input, 1, timeout) > 0) has_input = read_lines();
        answer_echoes();
        wplug_runtime_step(runtime, 1000000, &next);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    wplug_error error;
    bool is_ready = argc > 1 && wplug_runtime_new(NULL, &runtime, &error) == WPLUG_OK;
    for (int i = 1; is_ready && i < argc && plugin_count < PLUGIN_MAX; i++, plugin_count += is_ready)
        is_ready = wplug_plugin_load_file(argv[i], NULL, &plugins[plugin_count], &error) == WPLUG_OK;
    if (is_ready) {
        wplug_runtime_set_log(runtime, print_log, NULL);
        wplug_runtime_set_method(runtime, "echo", echo, NULL);
        wplug_runtime_set_method(runtime, "read_file", read_file, NULL);
        wplug_runtime_set_method(runtime, "progress", progress, NULL);
        run();
    } else {
        fprintf(stderr, "%s\n", argc > 1 ? error.message : "usage: console PLUGIN.wasm...");
    }
    wplug_runtime_free(runtime);
    while (plugin_count > 0) wplug_plugin_release(plugins[--plugin_count]);
    return !is_ready || failure_count != 0;
}
