/* What the host's benchmark needs of a plugin and the test plugin does not have: long values in each
 * direction, and the ways of ending that are no answers. */
#include <wplug_pdk.h>

#include <stdlib.h>
#include <string.h>

static void give_back(wplug_request *request) {
    wplug_result_value(request, wplug_params(request));
}

static void take(wplug_request *request) {
    wplug_result_uint64(request, wplug_params(request).size);
}

static void make(wplug_request *request) {
    size_t size = (size_t)wplug_param_int64_in(request, "size", 0, 1000000000);
    char *text = wplug_failed(request) ? NULL : malloc(size + 1);
    if (!text) {
        wplug_fail(request, "there is no memory for %zu bytes", size);
        return;
    }
    memset(text, 'x', size);
    wplug_result_text(request, (wplug_text){text, size});
    free(text);
}

static void trap(wplug_request *request) {
    __builtin_trap();
}

static void leave(wplug_request *request) {
    exit((int)wplug_param_int64_in(request, "code", 0, 125));
}

static void spin(wplug_request *request) {
    for (volatile bool forever = true; forever;) continue;
}

WPLUG_PLUGIN("bench", "1.0.0") {
    wplug_method("give_back", give_back, .summary = "Answers with its params");
    wplug_method("take", take, .summary = "Answers how many bytes its params have",
                 .result = WPLUG_JSON({"type" : "integer"}));
    wplug_method("make", make, .summary = "Answers a text of that many bytes",
                 .params = {{"size", WPLUG_JSON({"type" : "integer", "minimum" : 0}), "bytes"}},
                 .result = WPLUG_STRING);
    wplug_method("trap", trap, .summary = "Traps");
    wplug_method("leave", leave, .summary = "Exits without an answer",
                 .params = {{"code", WPLUG_JSON({"type" : "integer", "minimum" : 0}), "the exit code"}});
    wplug_method("spin", spin, .summary = "Never ends");
}
