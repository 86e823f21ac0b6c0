# IBM Z, which is big-endian, with clang 19.
set(WPLUG_TRIPLE s390x-linux-gnu)
set(WPLUG_PROCESSOR s390x)
set(WPLUG_QEMU qemu-s390x)
set(WPLUG_CROSS_CC clang)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
