/* A whole host, the one that README.md shows: calls a method of a plugin and prints the result. The plugin
 * may call one method of this host, `echo`. usage: minimal PLUGIN METHOD [PARAMS] */
#include <stdio.h>
#include <wplug/wplug.h>

static void echo(void *user, wplug_request *request) {
    wplug_request_result(request, wplug_request_params(request, NULL));
}

static void print_log(void *user, const wplug_log *line) {
    fprintf(stderr, "%s[%s] %.*s\n", line->name, line->id, (int)line->text_size, line->text);
}

int main(int argc, char **argv) {
    wplug_error error = {.message = "usage: host PLUGIN METHOD [PARAMS]"};
    wplug_runtime *runtime = NULL;
    wplug_plugin *plugin = NULL;
    wplug_result *result = NULL;
    bool ok = argc > 2 && wplug_runtime_new(NULL, &runtime, &error) == WPLUG_OK &&
              wplug_plugin_load_file(argv[1], NULL, &plugin, &error) == WPLUG_OK &&
              wplug_runtime_set_log(runtime, print_log, NULL) == WPLUG_OK &&
              wplug_runtime_set_method(runtime, "echo", echo, NULL) == WPLUG_OK &&
              wplug_call(runtime, plugin, argv[2], argv[3], NULL, &result, &error) == WPLUG_OK;
    if (ok)
        puts(result->json);
    else
        fprintf(stderr, "%s\n", error.message);
    wplug_result_release(result);
    wplug_plugin_release(plugin);
    wplug_runtime_free(runtime);
    return ok ? 0 : 1;
}
