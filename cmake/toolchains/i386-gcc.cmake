# 32-bit x86, with GCC.
set(WPLUG_TRIPLE i686-linux-gnu)
set(WPLUG_PROCESSOR i686)
set(WPLUG_QEMU qemu-i386)
set(WPLUG_CROSS_CC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/i386-native.cmake)
