# 64-bit Arm, with clang 19.
set(WPLUG_TRIPLE aarch64-linux-gnu)
set(WPLUG_PROCESSOR aarch64)
set(WPLUG_QEMU qemu-aarch64)
set(WPLUG_CROSS_CC clang)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
