#!/usr/bin/env bash
# The shared library needs the C library (of which the maths library is a part), and nothing else; and of it those functions
# that docs/mobile.md lists.
source "$(dirname "$0")/lib.sh"
source "$ROOT/tests/install/system_functions.sh"
readelf -d "$(find_installed libwplug.so)/libwplug.so" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' >needed
! grep -vE '^(libc|libm|ld-linux[-a-z0-9_]*)\.so' needed || broken "needs more than libc: $(cat needed)"
readelf -d "$(find_installed libwplug.so)/libwplug.so" | grep -q 'SONAME.*libwplug\.so\.0\.1\]' ||
    broken "the soname is not libwplug.so.0.1"

nm -D -u "$(find_installed libwplug.so)/libwplug.so" | awk '{print $NF}' | sort >functions
[ "$(wc -l <functions)" -gt 30 ] || broken "found too few functions"
check_system_functions "$ROOT/docs/mobile.md" "every C library" maths POSIX Linux glibc <functions >missing ||
    broken "docs/mobile.md does not list: $(cat missing)"
# The check finds one that is not listed.
! { cat functions && echo fork; } | check_system_functions "$ROOT/docs/mobile.md" "every C library" maths POSIX Linux glibc \
    >missing || broken "the check lets anything pass"
