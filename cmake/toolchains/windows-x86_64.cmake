# Windows on x86-64, with clang 19 and the headers and libraries of mingw-w64; what is built runs in wine.
set(WPLUG_CROSS_CC clang)
include(${CMAKE_CURRENT_LIST_DIR}/mingw.cmake)
