/* Files for the runner as a WASI command: the host's own build for WebAssembly has none. */
#include "base/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

base_status os_read_file(const char *path, size_t max_size, base_buffer *out, base_error *error) {
    FILE *file = fopen(path, "rb");
    if (!file) return base_fail(error, errno == ENOENT ? BASE_NOT_FOUND : BASE_IO, "cannot open '%s'", path);
    enum { PIECE = 64 * 1024 };
    base_status status = BASE_OK;
    size_t count = 0;
    do {
        status = base_buffer_reserve(out, PIECE);
        if (status != BASE_OK) break;
        count = fread(out->data + out->size, 1, PIECE, file);
        out->size += count;
        if (out->size > max_size) status = base_fail(error, BASE_LIMIT, "'%s' is too large", path);
    } while (count > 0 && status == BASE_OK);
    if (status == BASE_OK && ferror(file)) status = base_fail(error, BASE_IO, "cannot read '%s'", path);
    fclose(file);
    return status;
}
