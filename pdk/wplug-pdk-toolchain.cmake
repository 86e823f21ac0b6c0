# CMake toolchain file for wplug plugins. A plugin's whole CMakeLists.txt:
#
#     cmake_minimum_required(VERSION 3.25)
#     project(my_plugin C)
#     wplug_add_plugin(my_plugin my_plugin.c)
#
#     cmake -B build -DCMAKE_TOOLCHAIN_FILE=PDK/wplug-pdk-toolchain.cmake
#     cmake --build build                                                    build/my_plugin.wasm
#
# Needs clang, lld, wasi-libc and clang's builtins for wasm32; on Debian: clang-19 lld-19 wasi-libc
# libclang-rt-19-dev-wasm32. CMAKE_C_COMPILER chooses another clang.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
if(NOT CMAKE_C_COMPILER)
    find_program(CMAKE_C_COMPILER NAMES clang-19 clang REQUIRED)
endif()
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel")
endif()
set(CMAKE_C_FLAGS_RELEASE_INIT -O2)
# Programs run here, the rest is the guest's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(WPLUG_PDK_DIR ${CMAKE_CURRENT_LIST_DIR})

# wplug_add_plugin(NAME SOURCE...): the executable target NAME, built as NAME.wasm, with the kit in it. Add libraries,
# definitions and options to the target as usual. Names of functions stay in the file, for backtraces of traps; link
# with -Wl,--strip-all to leave them out.
function(wplug_add_plugin name)
    add_executable(${name} ${ARGN} ${WPLUG_PDK_DIR}/wplug_pdk.c)
    set_target_properties(${name} PROPERTIES SUFFIX .wasm)
    target_include_directories(${name} PRIVATE ${WPLUG_PDK_DIR} ${WPLUG_PDK_DIR}/../src)
    target_compile_options(${name} PRIVATE -mbulk-memory -mmutable-globals -mnontrapping-fptoint -msign-ext)
    # Linking with another -O, clang runs binaryen's optimizer where there is one, which takes the names away.
    target_link_options(${name} PRIVATE -Wl,--gc-sections -O0)
    if(NOT CMAKE_BUILD_TYPE STREQUAL Debug AND NOT CMAKE_BUILD_TYPE STREQUAL RelWithDebInfo)
        target_link_options(${name} PRIVATE -Wl,--strip-debug)
    endif()
endfunction()
