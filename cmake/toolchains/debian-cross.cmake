# What the toolchain files of Debian's cross compilers share. A file of those sets, before it includes this one:
#   WPLUG_TRIPLE     as the cross compiler's packages name the target
#   WPLUG_PROCESSOR  CMake's name of it
#   WPLUG_QEMU       the emulator of user programs, of the package qemu-user
#   WPLUG_CROSS_CC   gcc or clang; clang uses what the cross compiler brings with it: libc, libgcc, binutils
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${WPLUG_PROCESSOR})
if(WPLUG_CROSS_CC STREQUAL "clang")
    set(CMAKE_C_COMPILER clang-19)
    set(CMAKE_C_COMPILER_TARGET ${WPLUG_TRIPLE})
    # Clang looks for headers in /usr/include, where those of this machine are, before it looks where the target's are.
    set(CMAKE_C_FLAGS_INIT "-isystem /usr/${WPLUG_TRIPLE}/include")
else()
    set(CMAKE_C_COMPILER ${WPLUG_TRIPLE}-gcc)
endif()
set(CMAKE_CROSSCOMPILING_EMULATOR "${WPLUG_QEMU};-L;/usr/${WPLUG_TRIPLE}")
set(CMAKE_FIND_ROOT_PATH /usr/${WPLUG_TRIPLE})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
