# 64-bit Arm, with GCC.
set(WPLUG_TRIPLE aarch64-linux-gnu)
set(WPLUG_PROCESSOR aarch64)
set(WPLUG_QEMU qemu-aarch64)
set(WPLUG_CROSS_CC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
