#!/usr/bin/env bash
# Builds wplug for systems that are not here, as far as that goes, and looks at what came of it:
#
#   macos-arm64, macos-x86_64   libwplug, static and shared, the command and the examples, compiled and linked by zig, which
#                               brings the headers and the linker (PyPI: ziglang, in build/zig)
#   ios-arm64                   libwplug's objects, compiled by clang with Apple's headers of zig's. They are not linked:
#                               there is no iOS library to link with
#   android-arm64, -x86_64, -armv7   libwplug's objects and those of the Java binding, compiled by clang for Android, but
#                               with the headers of another C library, musl (zig's, too). So they show that the sources
#                               compile for that target, and what they need; they are not for use. With the NDK's own
#                               headers it is docs/mobile.md that tells how
#
# usage: scripts/foreign.sh [NAME...]     all but android-armv7, where none is named: there clang has no tail calls, and
#                                         takes minutes over the interpreter
#
# Nothing of this can run here, so nothing is tested but its form: format, processor, names offered, names needed. Exits
# with 77 where there is no zig to be had.
source "$(dirname "$0")/common.sh"

source tests/install/system_functions.sh

ZIG_VERSION=0.17.1
IOS_VERSION=13.0
ANDROID_LEVEL=24

get_zig() {
    if ! build/zig/bin/python -m ziglang version 2>/dev/null | grep -qx "$ZIG_VERSION"; then
        say "Installing zig $ZIG_VERSION in build/zig"
        if ! { python3 -m venv --clear build/zig && build/zig/bin/pip install -q "ziglang==$ZIG_VERSION"; }; then
            say "SKIPPED: ziglang $ZIG_VERSION could not be installed"
            exit 77
        fi
    fi
}

# The functions that the public header declares, as Mach-O writes names.
declared_names() {
    sed -nE 's/^WPLUG_API .*\b(wplug_[a-z0-9_]+)\(.*/_\1/p' include/wplug/wplug.h | sort -u
}

# expect_names WHAT: the names on stdin are those of the header, and no others.
expect_names() {
    diff <(declared_names) <(sort -u) || fail "$1 does not offer just what wplug.h declares (<)"
}

# expect_system_functions NAME ROW...: the names on stdin are listed in docs/mobile.md.
expect_system_functions() {
    local name=$1 missing
    shift
    missing=$(check_system_functions docs/mobile.md "every C library" maths POSIX "$@") ||
        fail "docs/mobile.md does not list what $name needs: $missing"
}

check_macos() {
    local folder=build/$1 arch=${1#macos-} file
    local shared=$folder/lib/libwplug.dylib
    [ "$(declared_names | wc -l)" -gt 20 ] || fail "found too few declarations"
    for file in "$(readlink -f $shared)" "$folder/bin/wplug" "$folder/examples/minimal" "$folder/examples/console"; do
        llvm-objdump-19 --macho --private-header "$file" | grep -qiE "^ *MH_MAGIC_64 +${arch/x86_64/X86_64} " ||
            fail "$file is not for $arch"
        # No executable page can be written to, as the file has it.
        ! llvm-objdump-19 --macho --private-headers "$file" | grep -E '(init|max)prot +(0x0*7|rwx)$' ||
            fail "$file has pages that can be written and executed"
        llvm-otool-19 -L "$file" | sed 1d | awk '{print $1}' |
            grep -vx -e /usr/lib/libSystem.B.dylib -e @rpath/libwplug.0.1.dylib &&
            fail "$file needs more than the system's library"
    done
    # The two names of its own are the linker's (zig's; Apple's keeps them back).
    llvm-objdump-19 --macho --exports-trie "$shared" | awk '/^0x/ {print $2}' |
        grep -vx -e ___dso_handle -e __mh_dylib_header | expect_names "$shared"
    llvm-nm-19 -gU "$folder/lib/libwplug.a" 2>/dev/null | awk 'NF == 3 {print $3}' | expect_names "$folder/lib/libwplug.a"
    # The interpreter that is fast: its handlers are functions that end in a jump to the next, and keep the machine in
    # registers, so that a branch touches no stack.
    llvm-objdump-19 -d --no-show-raw-insn --no-leading-addr --disassemble-symbols=_handle_BR \
        "$folder/src/engine/CMakeFiles/wplug_engine.dir/interpreter.c.o" >"$folder/handle_BR"
    grep -qE $'\t(br\tx|jmpq\t\\*)' "$folder/handle_BR" || fail "handlers do not end in tail calls: $folder/handle_BR"
    ! grep -E '\b(sp|rsp|pushq)\b' "$folder/handle_BR" || fail "handlers use the stack: $folder/handle_BR"
    llvm-nm-19 -u "$shared" | tr -d ' ' | sed 's/^_//' | expect_system_functions "$1" Darwin
    say "$1: libwplug.dylib and libwplug.a offer the $(declared_names | wc -l) functions of wplug.h and no others"
}

build_macos() {
    say "Building $1"
    cmake -G Ninja -S . -B "build/$1" --toolchain "$PWD/cmake/toolchains/$1.cmake" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DWPLUG_TESTS=OFF -DWPLUG_UV=OFF -DWPLUG_WERROR=ON >/dev/null
    cmake --build "build/$1" --target wplug_shared wplug_static wplug example_minimal example_console
    check_macos "$1"
}

zig_headers() {
    build/zig/bin/python -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__) + "/lib/libc/include")'
}

# sources OS_FILE...: the library's sources, for a system that these files of src/base are for.
sources() {
    find src/base src/json src/rpc src/engine src/wasi src/host -name '*.c' ! -name 'os_*' ! -name '*_none.c' ! -name compact.c |
        sort
    printf 'src/base/%s.c\n' "$@"
}

# compile NAME FLAGS... -- SOURCE...: objects in build/NAME, without a warning.
compile() {
    local folder=build/$1 source extra flags=()
    shift
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    flags+=(-std=gnu11 -O2 -DNDEBUG -fvisibility=hidden -Iinclude -Isrc -Wall -Wextra -Wshadow -Wstrict-prototypes
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wno-unused-parameter -Werror)
    rm -rf "$folder"
    mkdir -p "$folder"
    for source in "$@"; do
        extra=()
        # As src/engine/CMakeLists.txt has it.
        [[ $source != */interpreter.c ]] || extra=(-fno-math-errno -ffp-contract=off)
        ${CMAKE_C_COMPILER_LAUNCHER:-} clang-19 "${flags[@]}" "${extra[@]}" -c "$source" \
            -o "$folder/$(basename "$(dirname "$source")")_$(basename "$source" .c).o"
    done
}

# check_objects NAME PREFIX ROW...: the objects offer what wplug.h declares, and need nothing of each other that is not there,
# and of the system what docs/mobile.md lists. PREFIX is what names begin with in this format.
check_objects() {
    local folder=build/$1
    llvm-nm-19 -u "$folder"/*.o 2>/dev/null | awk '/ U / {print $2}; NF == 1 && /^_/ {print $1}' | sort -u >"$folder/needed"
    llvm-nm-19 -U "$folder"/*.o 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u >"$folder/offered"
    comm -13 "$folder/offered" "$folder/needed" | sed "s/^$2//" >"$folder/system"
    ! grep -E '^(base|os|posix|json|rpc|engine|wasi|host|glue)_' "$folder/system" || fail "a file is missing"
    ! comm -23 <(declared_names | sed "s/^_/$2/") "$folder/offered" | grep . || fail "functions of wplug.h are missing"
    expect_system_functions "$1" "${@:3}" <"$folder/system"
    say "$1: $(find "$folder" -name '*.o' | wc -l) objects in build/$1"
}

# Functions that this version of iOS does not have yet are errors.
build_ios() {
    local files
    mapfile -t files < <(sources os_posix os_sync_posix os_darwin os_image_none)
    say "Compiling $1"
    compile "$1" --target="arm64-apple-ios$IOS_VERSION" -isystem "$(zig_headers)/any-darwin-any" \
        -Wunguarded-availability -- "${files[@]}"
    llvm-objdump-19 --macho --private-headers "build/$1/base_base.o" | grep -A 3 LC_BUILD_VERSION | grep -q 'platform ios' ||
        fail "the objects are not iOS'"
    llvm-ar-19 rcs "build/$1/libwplug.a" "build/$1"/*.o
    check_objects "$1" _ Darwin
}

build_android() {
    local files headers stand_in=build/android-headers triple musl linux
    case $1 in
    *-arm64) triple=aarch64-linux-android musl=aarch64 linux=aarch64 ;;
    *-x86_64) triple=x86_64-linux-android musl=x86_64 linux=x86 ;;
    *-armv7) triple=armv7a-linux-androideabi musl=arm linux=arm ;;
    esac
    headers=$(zig_headers)
    # What Android has and musl does not.
    mkdir -p $stand_in/android
    echo 'int android_get_device_api_level(void);' >$stand_in/android/api-level.h
    mapfile -t files < <(sources os_posix os_sync_posix os_linux os_clock_posix os_image_linux)
    if jni=$(dirname "$(readlink -f "$(command -v javac)")")/../include && [ -e "$jni/jni.h" ]; then
        files+=(bindings/android/jni/*.c)
    else
        say "WITHOUT the Java binding: there is no JDK, whose jni.h it needs here"
    fi
    say "Compiling $1"
    compile "$1" --target=$triple$ANDROID_LEVEL -fPIC -isystem $stand_in -isystem "$headers/$musl-linux-musl" \
        -isystem "$headers/generic-musl" -isystem "$headers/$linux-linux-any" -isystem "$headers/any-linux-any" \
        -isystem "$jni" -isystem "$jni/linux" -- "${files[@]}"
    check_objects "$1" "" Linux Android
    # Joined as cmake/libwplug.cmake does it.
    clang-19 --target=$triple$ANDROID_LEVEL -r -nostdlib -o "build/$1/joined" "build/$1"/*.o
    llvm-objcopy-19 --localize-hidden "build/$1/joined"
    llvm-nm-19 -g --defined-only "build/$1/joined" | awk '{print "_" $3}' | grep -v '^_JNI_On' | expect_names "build/$1/joined"
}

install_missing clang-19 lld-19 llvm-19 cmake ninja-build python3-venv
[ $# -gt 0 ] || set -- macos-arm64 macos-x86_64 ios-arm64 android-arm64 android-x86_64
get_zig
for name in "$@"; do
    case $name in
    macos-arm64 | macos-x86_64) build_macos "$name" ;;
    ios-arm64) build_ios "$name" ;;
    android-arm64 | android-x86_64 | android-armv7) build_android "$name" ;;
    *) fail "there is no $name: macos-arm64, macos-x86_64, ios-arm64, android-arm64, android-x86_64, android-armv7" ;;
    esac
done
