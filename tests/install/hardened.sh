#!/usr/bin/env bash
# Nothing that is installed asks for memory that is writable and executable: no executable stack, no relocation of code, no
# segment with both rights; nor does an object of the static library make the program that it is linked into ask for it.
source "$(dirname "$0")/lib.sh"

# check_file FILE: a program or a shared library.
check_file() {
    readelf -lW "$1" >segments
    grep -qE '^ *GNU_STACK .* RW +0x' segments || broken "$1: the stack is executable"
    ! grep -qE '^ *LOAD .* R?WE +0x' segments || broken "$1: a segment is writable and executable"
    ! readelf -dW "$1" | grep -q TEXTREL || broken "$1: code is relocated"
}

check_file "$(find_installed libwplug.so)/libwplug.so"
check_file "$PREFIX/bin/wplug"

readelf -SW "$(find_installed libwplug.a)/libwplug.a" >sections
grep -qE ' \.note\.GNU-stack +PROGBITS' sections || broken "libwplug.a: no note about the stack"
! grep -E ' \.note\.GNU-stack +PROGBITS' sections | grep -qE ' [0-9a-f]+ +00 +[A-Z]*X[A-Z]* +0 ' ||
    broken "libwplug.a: the stack is to be executable"

# The checks notice what they are for.
expect_noticed() {
    if (check_file "$1") 2>said || ! grep -qF "$1: $2" said; then broken "not noticed: $1: $2"; fi
}
echo 'int main(void) { return 0; }' >main.c
clang-19 -z execstack main.c -o executable_stack
expect_noticed ./executable_stack "the stack is executable"
clang-19 -nostdlib -static -Wl,--omagic,-z,noexecstack,--no-warn-rwx-segments,-e,main main.c -o writable_code
expect_noticed ./writable_code "a segment is writable and executable"
echo '__asm__(".text\n.quad puts\n");' >relocated.c
clang-19 -shared -Wl,-z,notext relocated.c -o relocated_code 2>/dev/null
expect_noticed ./relocated_code "code is relocated"
