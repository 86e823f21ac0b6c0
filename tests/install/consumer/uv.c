/* Calls a method of a plugin from a libuv loop and prints the result. usage: uv PLUGIN METHOD PARAMS */
#include <stdio.h>
#include <wplug/wplug_uv.h>

static void print_result(void *user, wplug_task task, wplug_result *result) {
    *(bool *)user = result->status == WPLUG_OK;
    puts(*(bool *)user ? result->json : result->message);
}

int main(int argc, char **argv) {
    uv_loop_t *loop = uv_default_loop();
    wplug_error error = {.message = "usage: uv PLUGIN METHOD PARAMS"};
    wplug_runtime *runtime = NULL;
    wplug_plugin *plugin = NULL;
    wplug_uv *attachment = NULL;
    bool is_good = false;
    if (argc != 4 || wplug_runtime_new(NULL, &runtime, &error) != WPLUG_OK ||
        wplug_plugin_load_file(argv[1], NULL, &plugin, &error) != WPLUG_OK ||
        wplug_uv_attach(loop, runtime, NULL, &attachment, &error) != WPLUG_OK ||
        wplug_call_start(runtime, plugin, argv[2], argv[3], NULL, print_result, &is_good, NULL, &error) !=
            WPLUG_OK)
        fprintf(stderr, "%s\n", error.message);
    uv_run(loop, UV_RUN_DEFAULT);
    wplug_uv_detach(attachment, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    wplug_runtime_free(runtime);
    wplug_plugin_release(plugin);
    return uv_loop_close(loop) != 0 || !is_good;
}
