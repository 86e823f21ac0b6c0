/* The smallest plugin: one method, one optional parameter. */
#include <wplug_pdk.h>

static void hello(wplug_request *request) {
    wplug_text name = wplug_param_text_or(request, "name", "world");
    wplug_result_textf(request, "Hello, %.*s!", WPLUG_TEXT(name));
}

WPLUG_PLUGIN("hello", "1.0.0") {
    wplug_method("hello", hello, .summary = "Greets someone",
                 .params = {{"name", WPLUG_STRING, "Whom to greet", .optional = true}},
                 .result = WPLUG_STRING);
}
