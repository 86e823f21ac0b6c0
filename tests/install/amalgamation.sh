#!/usr/bin/env bash
# The library as one C file (scripts/amalgamate.sh) compiles without a warning, defines the names of the public header and no
# others, and a program with it loads plugins and calls them.
source "$(dirname "$0")/lib.sh"
"$ROOT/scripts/amalgamate.sh" "$folder/one" >log 2>&1 || broken "$(cat log)"
grep -q "^/\* wplug $(sed -nE 's/^#define WPLUG_VERSION +"(.*)"/\1/p' "$ROOT/include/wplug/wplug.h"), commit " one/wplug.c ||
    broken "the file does not say what it was made of: $(head -n 1 one/wplug.c)"
grep -q 'Permission is hereby granted' one/wplug.c || broken "the licence is not in it"
cmp one/wplug.h "$ROOT/include/wplug/wplug.h"
[ "$(find one -type f | wc -l)" -eq 2 ] || broken "there are more than two files"

# All that the program needs is in this folder: not one include of the project's own.
! grep -nE '^ *# *include "' one/wplug.c | grep -v '"wplug\.h"$' || broken "it includes files that are not there"
"$CC" -std=c11 -O2 -DNDEBUG -Wall -Wextra -Werror -c one/wplug.c -o wplug.o

sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/\1/p' one/wplug.h | sort -u >declared
nm -g --defined-only wplug.o | awk '{print $3}' | sort -u >defined
diff declared defined || broken "it does not define (>) just what wplug.h declares (<)"

sed 's@<wplug/wplug\.h>@"one/wplug.h"@' "$ROOT/examples/minimal.c" >minimal.c
"$CC" -Wall -Werror minimal.c wplug.o -o minimal -lm -pthread
expect_greeting ./minimal
said=$(./minimal "$PLUGINS/test-plugin.wasm" prime_sieve '{"limit":1000}')
[ "$said" = '{"count":168,"limit":1000}' ] || broken "primes up to 1000: $said"
