#!/usr/bin/env bash
# The shared library needs the C library (of which the maths library is a part), and nothing else.
source "$(dirname "$0")/lib.sh"
readelf -d "$(find_installed libwplug.so)/libwplug.so" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' >needed
! grep -vE '^(libc|libm|ld-linux[-a-z0-9_]*)\.so' needed || broken "needs more than libc: $(cat needed)"
readelf -d "$(find_installed libwplug.so)/libwplug.so" | grep -q 'SONAME.*libwplug\.so\.0\.1\]' ||
    broken "the soname is not libwplug.so.0.1"
