# add_guests(TARGET FOLDER): what tests run. Builds each FOLDER/*.wat (text format, with names) and FOLDER/*.c
# (against wasi-libc alone) into NAME.wasm of the current build folder's `guests`, as part of TARGET.
function(add_guests target folder)
    find_program(WAT2WASM wat2wasm REQUIRED)
    find_program(GUEST_CC clang-19 REQUIRED)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/guests)
    set(guests)
    file(MAKE_DIRECTORY ${out})
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.wat ${folder}/*.c)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        set(guest ${out}/${name}.wasm)
        if(source MATCHES "\\.wat$")
            set(command ${WAT2WASM} --debug-names --enable-all ${source} -o ${guest})
        else()
            # In two steps: clang that links with -O runs binaryen's optimizer where there is one, and the names are gone.
            set(command ${GUEST_CC} --target=wasm32-wasi -O2 -Wall -Wextra -Werror -c ${source} -o ${guest}.o
                COMMAND ${GUEST_CC} --target=wasm32-wasi ${guest}.o -o ${guest})
        endif()
        add_custom_command(OUTPUT ${guest} COMMAND ${command} DEPENDS ${source} VERBATIM COMMENT "Guest ${name}")
        list(APPEND guests ${guest})
    endforeach()
    add_custom_target(${target} ALL DEPENDS ${guests})
endfunction()
