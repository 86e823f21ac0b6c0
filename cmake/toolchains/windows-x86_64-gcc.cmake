# Windows on x86-64, with mingw-w64's GCC; what is built runs in wine.
set(WPLUG_CROSS_CC gcc)
include(${CMAKE_CURRENT_LIST_DIR}/mingw.cmake)
