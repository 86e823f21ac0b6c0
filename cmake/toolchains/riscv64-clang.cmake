# 64-bit RISC-V, with clang 19.
set(WPLUG_TRIPLE riscv64-linux-gnu)
set(WPLUG_PROCESSOR riscv64)
set(WPLUG_QEMU qemu-riscv64)
set(WPLUG_CROSS_CC clang)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
