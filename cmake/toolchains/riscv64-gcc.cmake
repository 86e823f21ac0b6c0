# 64-bit RISC-V, with GCC.
set(WPLUG_TRIPLE riscv64-linux-gnu)
set(WPLUG_PROCESSOR riscv64)
set(WPLUG_QEMU qemu-riscv64)
set(WPLUG_CROSS_CC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
