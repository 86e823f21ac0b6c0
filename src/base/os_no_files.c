/* Files, where there are none: a web page hands over bytes. */
#include "base/os.h"

base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error) {
    return base_fail(error, BASE_IO, "cannot read '%s': there are no files here; load the bytes instead",
                     path);
}
