# CMake toolchain file for the host as WebAssembly (scripts/web.sh). What is built with it has no operating system below:
# what it needs of its surroundings it imports from the module "wplug" (src/base/os_wasm.c). Needs clang, lld, wasi-libc and
# clang's builtins for wasm32.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
if(NOT CMAKE_C_COMPILER)
    find_program(CMAKE_C_COMPILER NAMES clang-19 clang REQUIRED)
endif()
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_C_FLAGS_INIT "-mbulk-memory -mmutable-globals -mnontrapping-fptoint -msign-ext")
# Where clang links with an -O, it runs binaryen's optimizer if there is one, and what comes out depends on the machine.
add_link_options(-O0)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
