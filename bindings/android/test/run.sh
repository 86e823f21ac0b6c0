#!/usr/bin/env bash
# Compiles the Java classes, as Android's minimum wants them, and runs HostTest.java on this machine's Java, which checks
# every use that the glue makes of it.
# usage: run.sh LIBRARY PLUGINS GUESTS    LIBRARY: libwplug_jni.so, or nothing where it was not built
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
library=$1
if [ -z "$library" ]; then
    echo "SKIPPED: the Java binding was not built: there is no JDK (Debian: openjdk-17-jdk-headless), or sanitizers are on"
    exit 77
fi
jdk=${WPLUG_JDK:?the folder of the JDK that the library was built for}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$jdk/bin/javac" --release 8 -Xlint:all,-options -Werror -d "$folder" "$here"/../java/dev/wplug/*.java
"$jdk/bin/javac" -Xlint:all,-try -Werror -cp "$folder" -d "$folder" "$here/HostTest.java"

# JNI_OnLoad and JNI_OnUnload are all that the library offers.
nm -D --defined-only "$library" | awk '{print $3}' | sort >"$folder/names"
printf '%s\n' JNI_OnLoad JNI_OnUnload | diff - "$folder/names"

status=0
"$jdk/bin/java" -Xcheck:jni -XX:-UsePerfData -Djava.library.path="$(dirname "$library")" -cp "$folder" HostTest "$2" "$3" \
    >"$folder/log" 2>&1 || status=$?
cat "$folder/log"
if grep -nE 'WARNING: JNI|WARNING in native method|FATAL ERROR in native method' "$folder/log"; then
    echo "the glue breaks a rule of JNI" >&2
    exit 1
fi
exit "$status"
