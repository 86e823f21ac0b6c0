# libwplug: the rooms' objects as a static and a shared library, their installation, and the two ways in which
# another build finds them: pkg-config (wplug) and CMake (find_package(wplug), target wplug::wplug).
include(GNUInstallDirs)
find_package(Threads REQUIRED)
include(CMakePackageConfigHelpers)
include(${CMAKE_CURRENT_LIST_DIR}/symbols.cmake)

# The library is the host kit, so it is made only where that room is there.
if(NOT TARGET wplug_host)
    return()
endif()

set(room_objects)
foreach(room base json rpc engine wasi host)
    list(APPEND room_objects $<TARGET_OBJECTS:wplug_${room}>)
endforeach()

# Inside a static library every function that another file of the library calls is visible to the whole program, and
# an application may well have a json_ or an engine_ function of its own. So the objects are joined into one, in which
# all but the public names are made local: with ELF by objcopy, on macOS by the linker itself.
set(static_objects ${room_objects})
set(joined ${CMAKE_CURRENT_BINARY_DIR}/wplug_joined.o)
set(join ${CMAKE_C_COMPILER} -r -nostdlib -o ${joined})
if(CMAKE_C_COMPILER_TARGET)
    list(APPEND join ${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET})
endif()
if(WPLUG_X86_32 AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # GCC puts small functions into each object that are the same in all of them (get_pc_thunk), of which the last link
    # keeps one; it would throw away those that have just been made local.
    list(APPEND join -Wl,--force-group-allocation)
endif()
set(localize)
if(CMAKE_OBJCOPY AND CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF" AND NOT WPLUG_SANITIZE)
    set(localize COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined})
    set(static_objects ${joined})
elseif(CMAKE_SYSTEM_NAME STREQUAL "Darwin" AND NOT WPLUG_SANITIZE)
    foreach(architecture ${CMAKE_OSX_ARCHITECTURES})
        list(APPEND join -arch ${architecture})
    endforeach()
    set(static_objects ${joined})
endif()
if("${static_objects}" STREQUAL "${joined}")
    add_custom_command(
        OUTPUT ${joined}
        COMMAND ${join} ${room_objects}
        ${localize}
        DEPENDS ${room_objects}
        COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Joining the rooms into one object")
    set_source_files_properties(${joined} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endif()

add_library(wplug_static STATIC ${static_objects})
add_library(wplug_shared SHARED ${room_objects})
foreach(library wplug_static wplug_shared)
    set_target_properties(${library} PROPERTIES
        OUTPUT_NAME wplug
        LINKER_LANGUAGE C
        ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
# 0.x: each minor version may change the binary interface, so it is part of the name that programs are linked
# with.
set_target_properties(wplug_shared PROPERTIES
    EXPORT_NAME shared
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(wplug_static PROPERTIES EXPORT_NAME static)
wplug_export_symbols(wplug_shared ${PROJECT_SOURCE_DIR}/include/wplug/wplug.h
    WPLUG_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
if(APPLE)
    # Programs say where they look for it, wherever it was built. CMake knows this by itself on a Mac alone.
    set_target_properties(wplug_shared PROPERTIES INSTALL_NAME_DIR @rpath BUILD_WITH_INSTALL_NAME_DIR ON)
endif()
set(pc_private "-lm -pthread")
if(WIN32)
    # The same for the name that programs look for at run time.
    set_target_properties(wplug_shared PROPERTIES
        RUNTIME_OUTPUT_NAME wplug-${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    # Where randomness comes from.
    target_link_libraries(wplug_static INTERFACE bcrypt)
    target_link_libraries(wplug_shared PRIVATE bcrypt)
    set(pc_private "-lbcrypt")
endif()
if(UNIX)
    # Some float instructions are calls of the maths library on processors without an instruction for them.
    target_link_libraries(wplug_static INTERFACE m Threads::Threads)
    target_link_libraries(wplug_shared PRIVATE m Threads::Threads)
endif()
if(WPLUG_SANITIZE)
    target_link_options(wplug_static INTERFACE -fsanitize=${WPLUG_SANITIZE})
    target_link_options(wplug_shared PUBLIC -fsanitize=${WPLUG_SANITIZE})
endif()

# Inside this build, programs use the library under the name that it has outside.
add_library(wplug::wplug ALIAS wplug_static)

# ---- Installation ------------------------------------------------------------------------------------------
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wplug)
# By components: what a program needs to run (runtime), to be built (development), and the command; cmake/packages.cmake makes
# packages of them. The licence is for the tree as a whole: packages have a file about it of their own.
install(FILES ${PROJECT_SOURCE_DIR}/include/wplug/wplug.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/wplug
    COMPONENT development)
install(TARGETS wplug_static wplug_shared EXPORT wplug
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(EXPORT wplug FILE wplugTargets.cmake NAMESPACE wplug:: DESTINATION ${package_dir} COMPONENT development)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/wplugConfig.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/wplugConfig.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/wplugConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/wplugConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/wplugConfigVersion.cmake
    DESTINATION ${package_dir} COMPONENT development)

# The file finds its prefix from where it lies, so that the installed tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/wplug.pc.in ${CMAKE_CURRENT_BINARY_DIR}/wplug.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/wplug.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT licence)

# The plugin kit is sources: plugins are compiled with it, by whatever compiler for wasm32-wasip1 is there.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/pdk DESTINATION ${CMAKE_INSTALL_DATADIR}/wplug COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/base ${PROJECT_SOURCE_DIR}/src/json ${PROJECT_SOURCE_DIR}/src/rpc
    DESTINATION ${CMAKE_INSTALL_DATADIR}/wplug/src COMPONENT development
    FILES_MATCHING PATTERN "*.[ch]" PATTERN "os*" EXCLUDE)
