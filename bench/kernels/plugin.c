/* Makes a plugin of a kernel (build.sh --plugins): its method `run` does as many rounds as it is told to and answers what the
 * kernel's `run` does. The module still exports `run`, so that an engine without a host can run the very same code. */
#include <wplug_pdk.h>

int run(int rounds);

static void run_rounds(wplug_request *request) {
    int64_t rounds = wplug_param_int64_in(request, "rounds", 1, INT32_MAX);
    if (!wplug_failed(request)) wplug_result_int64(request, run((int)rounds));
}

WPLUG_PLUGIN("kernel", "1.0.0") {
    wplug_method("run", run_rounds, .summary = "Does the kernel's work and answers 0, or what was wrong",
                 .params = {{"rounds", WPLUG_JSON({"type" : "integer", "minimum" : 1}), "how often"}},
                 .result = WPLUG_JSON({"type" : "integer"}));
}
