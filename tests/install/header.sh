#!/usr/bin/env bash
# The public header compiles by itself, in each version of C from C99 on and as C++, without a warning.
source "$(dirname "$0")/lib.sh"
echo '#include <wplug/wplug.h>' >alone.c
for standard in c99 c11 c17 gnu11; do
    "$CC" -std=$standard -Wall -Wextra -pedantic -Wstrict-prototypes -Werror -I"$PREFIX/include" -fsyntax-only alone.c
done
cp alone.c alone.cc
for standard in c++11 c++20; do
    clang-19 -x c++ -std=$standard -Wall -Wextra -pedantic -Werror -I"$PREFIX/include" -fsyntax-only alone.cc
done
