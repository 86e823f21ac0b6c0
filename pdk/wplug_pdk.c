/* The whole plugin kit as one source file: compile it together with your plugin, with this folder and the
 * folder of the rooms (../src) on the include path. wplug.cfg and wplug-pdk-toolchain.cmake do just that.
 *
 * The rooms base, json and rpc are the ones that the host is made of. All these files share one scope here,
 * so the names of their static functions differ. */
/* What runs once a message is made small; JSON, which looks at every byte, is made fast. */
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#include "base/base.c"

#include "rpc/message.c"
#include "rpc/peer.c"
#include "rpc/table.c"

#include "src/hostcall.c"
#include "src/os_wasi.c"
#include "src/registry.c"
#include "src/request.c"
#include "src/runtime.c"
#include "src/system.c"
#include "src/timer.c"
#include "src/value.c"
#include "src/writer.c"
#pragma clang attribute pop

#include "json/number.c"
#include "json/read.c"
#include "json/string.c"
#include "json/write.c"
