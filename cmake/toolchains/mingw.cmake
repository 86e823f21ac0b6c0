# What the toolchain files for Windows share: Debian's mingw-w64. A file of those sets WPLUG_CROSS_CC, gcc or clang, before it
# includes this one.
set(WPLUG_TRIPLE x86_64-w64-mingw32)
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
if(WPLUG_CROSS_CC STREQUAL "clang")
    # Its headers, libraries, start files and linker are found by the name of mingw-w64's GCC. The linker is named, because
    # clang would take this machine's.
    set(CMAKE_C_COMPILER clang-19)
    set(CMAKE_C_COMPILER_TARGET x86_64-w64-windows-gnu)
    set(linker "--ld-path=/usr/bin/${WPLUG_TRIPLE}-ld ")
else()
    set(CMAKE_C_COMPILER ${WPLUG_TRIPLE}-gcc-posix)
endif()
set(CMAKE_RC_COMPILER ${WPLUG_TRIPLE}-windres)
set(CMAKE_OBJDUMP /usr/bin/${WPLUG_TRIPLE}-objdump) # the tests read what it prints
set(CMAKE_CROSSCOMPILING_EMULATOR wine)
# Programs need no libraries of the compiler's beside them.
set(CMAKE_EXE_LINKER_FLAGS_INIT "${linker}-static")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${linker}-static-libgcc")
set(CMAKE_FIND_ROOT_PATH /usr/${WPLUG_TRIPLE})
# Libraries that pkg-config tells of are the target's, not this machine's: those of $PKG_CONFIG_LIBDIR, where it is set.
if(DEFINED ENV{PKG_CONFIG_LIBDIR})
    get_filename_component(prefix $ENV{PKG_CONFIG_LIBDIR}/../.. ABSOLUTE)
    list(APPEND CMAKE_FIND_ROOT_PATH ${prefix})
else()
    set(ENV{PKG_CONFIG_LIBDIR} /usr/${WPLUG_TRIPLE}/lib/pkgconfig)
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
