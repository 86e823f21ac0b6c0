/* Listings in a build without the disassembler. Stands in for disassemble.c, here and in the engine. */
#include "host/host.h"

wplug_status wplug_disassemble(const void *bytes, size_t size, const wplug_plugin_options *options,
                               const char *function, wplug_line_fn write, void *user, wplug_error *error) {
    wplug_plugin_options own;
    if (!write || (!bytes && size > 0) || !host_plugin_options_read(options, &own)) {
        return host_fail(error, WPLUG_MISUSE,
                         "wplug_disassemble: bytes or write is NULL, or options were not initialised");
    }
    return host_fail(error, WPLUG_UNSUPPORTED, "wplug_disassemble: this build of wplug has no disassembler");
}
