/* Owns what is left open by POSIX (os_posix.h) for systems that have no file of their own, such as the BSDs: with nothing
 * but what POSIX has. */
#include "base/os_posix.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

base_status os_random(void *data, size_t size) {
    return posix_random_from_device(data, size);
}

void *posix_resize_mapping(void *pages, size_t old_mapped, size_t new_mapped) {
    void *moved = os_pages_alloc(new_mapped);
    if (!moved) return NULL;
    memcpy(moved, pages, old_mapped < new_mapped ? old_mapped : new_mapped);
    munmap(pages, old_mapped);
    return moved;
}

void os_heap_trim(void) {}

int posix_mutex_init(pthread_mutex_t *mutex) {
    return pthread_mutex_init(mutex, NULL);
}

unsigned os_processor_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}
