/* The standard library of Rust 1.96 refers to these where it joins a thread that it cannot have started.
 * Debian's wasi-libc has none of them, because there are no threads. For scripts/interop.sh. */
#include <errno.h>

int pthread_join(void *thread, void **result);
int pthread_join(void *thread, void **result) {
    (void)thread, (void)result;
    return ENOTSUP;
}

int pthread_detach(void *thread);
int pthread_detach(void *thread) {
    (void)thread;
    return ENOTSUP;
}
