/* Formatting a number into a buffer is part of wasi-libc's stdio, which at its end flushes streams that
 * nobody opened. These stand for the calls of WASI that it would import for that, so that the module imports
 * nothing but what is ours. */
#include <wasi/api.h>

__wasi_errno_t __wasi_fd_close(__wasi_fd_t fd) {
    return __WASI_ERRNO_BADF;
}

__wasi_errno_t __wasi_fd_seek(__wasi_fd_t fd, __wasi_filedelta_t offset, __wasi_whence_t whence,
                              __wasi_filesize_t *position) {
    return __WASI_ERRNO_BADF;
}

__wasi_errno_t __wasi_fd_write(__wasi_fd_t fd, const __wasi_ciovec_t *pieces, size_t count,
                               __wasi_size_t *written) {
    return __WASI_ERRNO_BADF;
}
