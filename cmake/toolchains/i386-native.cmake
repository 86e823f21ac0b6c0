# A 64-bit x86 runs programs for 32-bit ones itself, where its kernel lets it; qemu is for others.
set(loader /usr/${WPLUG_TRIPLE}/lib/ld-linux.so.2)
execute_process(COMMAND ${loader} --version RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
if(status EQUAL 0)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${loader};--library-path;/usr/${WPLUG_TRIPLE}/lib")
endif()
