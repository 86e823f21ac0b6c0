/* Owns what system.h promises. */
#include "system.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <fcntl.h>
#include <io.h>

size_t system_page_size(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwPageSize;
}

int system_open_descriptors(void) {
    DWORD count;
    return GetProcessHandleCount(GetCurrentProcess(), &count) ? (int)count : -1;
}

bool system_pipe(int ends[2]) {
    return _pipe(ends, 4096, _O_BINARY) == 0;
}
#else
#include <dirent.h>
#include <unistd.h>

size_t system_page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

int system_open_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return -1;
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

bool system_pipe(int ends[2]) {
    return pipe(ends) == 0;
}
#endif
