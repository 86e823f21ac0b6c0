#!/usr/bin/env bash
# The libraries offer the names of the public header and no others, so that they get on with any program.
source "$(dirname "$0")/lib.sh"

grep -oE '\bwplug_[a-z0-9_]+\(' "$PREFIX/include/wplug/wplug.h" | tr -d '(' | sort -u >in_header
check() {
    [ -s names ] || broken "$1 offers nothing"
    ! grep -v '^wplug_' names || broken "$1 offers names that are not the library's"
    # What is offered and not declared is nobody's to use.
    comm -23 names in_header >undeclared
    [ ! -s undeclared ] || broken "$1 offers what the header does not declare: $(cat undeclared)"
}

nm -D --defined-only "$(find_installed libwplug.so)/libwplug.so" | awk '{print $3}' | sort -u >names
check libwplug.so
# Each function that the header declares is there. Inline ones are the header's own.
sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/\1/p' "$PREFIX/include/wplug/wplug.h" | sort -u >declared
[ "$(wc -l <declared)" -gt 20 ] || broken "found too few declarations"
comm -13 names declared >missing
[ ! -s missing ] || broken "declared but not there: $(cat missing)"

nm -g --defined-only "$(find_installed libwplug.a)/libwplug.a" | awk 'NF == 3 {print $3}' | sort -u >names
check libwplug.a
