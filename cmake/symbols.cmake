# wplug_export_symbols(TARGET HEADER NODE): the shared library TARGET offers what HEADER declares with WPLUG_API and nothing
# else. What the linker is told is made from the header, so that the two cannot differ.
#
#   ELF       under the symbol version NODE, which programs that are linked with it then ask for: a version script
#   Windows   a module definition, not attributes in the header: the same objects serve the static library, whose
#             users should not export anything
#
# Elsewhere (macOS) the visibility of the objects' names does it.
function(wplug_export_symbols target header node)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(STRINGS ${header} declarations REGEX "^WPLUG_API ")
    set(names)
    foreach(declaration IN LISTS declarations)
        if(NOT declaration MATCHES "[ *](wplug_[a-z0-9_]+)\\(")
            message(FATAL_ERROR "${header}: the function's name has to be on the line of its WPLUG_API: ${declaration}")
        endif()
        list(APPEND names ${CMAKE_MATCH_1})
    endforeach()
    if(WIN32)
        list(JOIN names "\n    " lines)
        set(file ${CMAKE_CURRENT_BINARY_DIR}/${target}.def)
        file(CONFIGURE OUTPUT ${file} CONTENT "; Made by cmake/symbols.cmake.\nEXPORTS\n    ${lines}\n" @ONLY)
        target_sources(${target} PRIVATE ${file})
        target_compile_definitions(${target} INTERFACE WPLUG_USE_SHARED)
    elseif(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
        list(JOIN names ";\n    " lines)
        set(file ${CMAKE_CURRENT_BINARY_DIR}/${target}.map)
        set(script "# Made by cmake/symbols.cmake.\n${node} {\nglobal:\n    ${lines};\nlocal:\n    *;\n};\n")
        file(CONFIGURE OUTPUT ${file} CONTENT "${script}" @ONLY)
        target_link_options(${target} PRIVATE LINKER:--version-script=${file})
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${file})
    endif()
endfunction()
