# 32-bit Arm (ARMv7 with floats in hardware), with GCC.
set(WPLUG_TRIPLE arm-linux-gnueabihf)
set(WPLUG_PROCESSOR armv7l)
set(WPLUG_QEMU qemu-arm)
set(WPLUG_CROSS_CC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
