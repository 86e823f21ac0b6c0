/* Images of memory, where the system has none: callers copy. */
#include "base/os.h"

base_status os_image_new(const base_allocator *allocator, const void *bytes, size_t size, os_image **out) {
    *out = NULL;
    return BASE_UNSUPPORTED;
}

void os_image_free(os_image *image) {}

const uint8_t *os_image_bytes(const os_image *image) {
    return NULL;
}

size_t os_image_size(const os_image *image) {
    return 0;
}

void *os_image_map(const os_image *image, size_t reserve) {
    return NULL;
}

bool os_image_reset(const os_image *image, void *pages, size_t size, size_t keep) {
    return false;
}
