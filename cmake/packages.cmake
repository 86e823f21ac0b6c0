# Debian packages, by CPack: scripts/package.sh makes them, and so does `cpack` in a build folder. One for each component of the
# installation:
#
#   runtime         libwplug0.1         the shared library; the name has what programs are linked with
#   development     libwplug-dev        header, static library, pkg-config, CMake, and the plugin kit
#   command         wplug
#   uv_runtime      libwplug-uv0.1      the libuv adapter, where it is built
#   uv_development  libwplug-uv-dev
if(NOT TARGET wplug OR WPLUG_SANITIZE)
    return()
endif()
set(WPLUG_PACKAGER "The wplug authors <wplug@localhost>" CACHE STRING "Maintainer of the packages: NAME <ADDRESS>")
set(WPLUG_PACKAGE_REVISION 1 CACHE STRING "The packages' revision: counts packages of the same version")
set(WPLUG_PACKAGE_HOMEPAGE "" CACHE STRING "The packages' homepage, where there is one")

set(abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(full_version ${PROJECT_VERSION}-${WPLUG_PACKAGE_REVISION})
set(about "wplug runs plugins that are ordinary wasm32-wasip1 programs in an
interpreter of its own, each call in a fresh sandbox with limits on fuel,
time, memory, messages and log. Host and plugin call each other's methods
in JSON-RPC over the plugin's standard input and output.
")

# The lists and scripts of a package with a shared library: what others that use it depend on, and that the loader's cache is
# made anew.
macro(library_package component name library)
    set(control ${CMAKE_CURRENT_BINARY_DIR}/package/${name}.control)
    file(WRITE ${control}/shlibs "${library} ${abi} ${name} (>= ${PROJECT_VERSION})\n")
    file(WRITE ${control}/triggers "activate-noawait ldconfig\n")
    set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA ${control}/shlibs ${control}/triggers)
endmacro()

# package(COMPONENT NAME SECTION SUMMARY TEXT [CPACK_DEBIAN_COMPONENT_... VALUE]...)
macro(package component name section summary text)
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    string(TOUPPER ${component} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
    # The lines are the control file's, so a paragraph's end is a dot.
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${about}.\n${text}")
    set(doc ${CMAKE_CURRENT_BINARY_DIR}/package/${name})
    configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/copyright.in ${doc}/copyright @ONLY)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${doc}/changelog.Debian @ONLY)
    execute_process(COMMAND gzip -9nf ${doc}/changelog.Debian COMMAND_ERROR_IS_FATAL ANY)
    # For packages alone: other installations have the licence once.
    install(FILES ${doc}/copyright ${doc}/changelog.Debian.gz DESTINATION share/doc/${name}
        COMPONENT ${component} EXCLUDE_FROM_ALL)
endmacro()

find_program(gzip gzip)
mark_as_advanced(gzip)
if(NOT gzip)
    return()
endif()
# The changelog's date is the commit's, so that the same sources make the same package.
execute_process(COMMAND git log -1 --format=%cD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE package_date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR package_date STREQUAL "")
    string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
endif()
file(READ ${PROJECT_SOURCE_DIR}/LICENSE licence)
string(REGEX REPLACE "^MIT License\n\n[^\n]*\n\n" "" licence "${licence}")
string(STRIP "${licence}" licence)
string(REPLACE "\n\n" "\n.\n" licence "${licence}")
string(REPLACE "\n" "\n " licence "${licence}")
file(STRINGS ${PROJECT_SOURCE_DIR}/LICENSE holder REGEX "^Copyright ")
string(REGEX REPLACE "^Copyright \\(c\\) " "" holder "${holder}")

package(runtime libwplug${abi} libs "host kit of a WebAssembly plugin framework (library)"
    "This package has the shared library.\n")
library_package(RUNTIME libwplug${abi} libwplug)
package(development libwplug-dev libdevel "host kit of a WebAssembly plugin framework (development)"
    "This package has what programs are built with that load plugins: the header,
the static library, and files for pkg-config and CMake. And it has the plugin
kit, in /usr/share/wplug/pdk: the C sources that plugins are built with.\n")
package(command wplug devel "runs WebAssembly plugins and commands in a sandbox"
    "This package has the command, which calls plugins' methods, runs WASI commands
and tells what a module is.\n")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libwplug${abi} (= ${full_version}), libc6-dev")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "wplug, clang-19, lld-19, wasi-libc, libclang-rt-19-dev-wasm32")
if(TARGET wplug_uv_shared)
    package(uv_runtime libwplug-uv${abi} libs "WebAssembly plugins in a libuv loop (library)"
        "This package has the adapter that runs plugins in a libuv loop.\n")
    library_package(UV_RUNTIME libwplug-uv${abi} libwplug_uv)
    package(uv_development libwplug-uv-dev libdevel "WebAssembly plugins in a libuv loop (development)"
        "This package has what programs are built with that run plugins so.\n")
    set(CPACK_DEBIAN_UV_RUNTIME_PACKAGE_DEPENDS "libwplug${abi} (>= ${PROJECT_VERSION})")
    set(CPACK_DEBIAN_UV_DEVELOPMENT_PACKAGE_DEPENDS
        "libwplug-uv${abi} (= ${full_version}), libwplug-dev (= ${full_version}), libuv1-dev")
endif()

# What is needed is read from the programs. Where this build's own library is, dpkg-shlibdeps cannot know: see above.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_UV_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_NAME wplug)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_VENDOR "The wplug authors")
set(CPACK_PACKAGE_CONTACT "${WPLUG_PACKAGER}")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${WPLUG_PACKAGER}")
set(CPACK_DEBIAN_PACKAGE_RELEASE ${WPLUG_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
if(WPLUG_PACKAGE_HOMEPAGE)
    set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "${WPLUG_PACKAGE_HOMEPAGE}")
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/stage.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/finish.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
