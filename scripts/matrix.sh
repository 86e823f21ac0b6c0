#!/usr/bin/env bash
# wplug on every architecture: builds it for each, runs the tests there, and compares the answers.
#
#     scripts/matrix.sh [--only STEP,...] [--sample] [--whole] [--quick] [--reference FOLDER] [CELL]...
#     scripts/matrix.sh --list
#
# A cell is an architecture with a compiler; without a CELL all are done. Installs what they need (Debian 12, root or
# sudo) and builds each in build/matrix/CELL; what it prints goes to build/matrix/CELL.log, what is printed here is one
# line: green or red, and the counts. Exits with 1 where a cell is red. The steps:
#
#   unit      the unit tests of all rooms, and JSONTestSuite
#   host      the tests of the host kit with guests, of snapshots and of the plugin kit
#   e2e       the end-to-end tests, through the command
#   spec      the WebAssembly test suite: whole, or where emulation is slow those scripts that SAMPLE below names;
#             --sample and --whole decide for all cells
#   kernels   each kernel of the benchmarks, one round
#   files     the library as two files (scripts/amalgamate.sh), in a program that calls a plugin
#   swift     the Swift package: scripts/swift.sh
#
# With --quick it is compiled with -O1, for which GCC takes a quarter of the time that the interpreter takes it with -O2.
#
# What spec and kernels answer (results, traps with their places, fuel, and the memories at the end) must be, line by
# line, what the cell REFERENCE answers in the same run; with --reference, what a native build in that folder does.
source "$(dirname "$0")/common.sh"
exec </dev/null

REFERENCE=x86_64-clang
SAMPLE=/f32,/f64,/float_,/i32,/i64,/int_,/conversions,/memory,/endianness,/align,/address,/call,/br_table,/simd_conv,/simd_lane,/simd_load,/simd_store,/simd_f32x4_arith

# The cells, one a line: NAME | PACKAGES | TOOLCHAIN | OPTIONS | SPEC | STEPS
#   TOOLCHAIN  a file in cmake/toolchains, without its end, or - for this machine. It says what programs are run
#              through (CMAKE_CROSSCOMPILING_EMULATOR). Or the script that does all of it: foreign, swift.
#   OPTIONS    for CMake. s390x computes floats as doubles in C11 without GNU's extensions, and here with them too: the
#              two files may be compiled so.
#   SPEC       whole or sample
#   STEPS      those that can be run; - where nothing can: it is built, linked and looked at
cells() {
    local all=unit,host,e2e,spec,kernels,files
    cat <<END
x86_64-clang  |                                                         | -             | -DCMAKE_C_COMPILER=clang-19 -DWPLUG_DISPATCH=tail | whole  | $all
x86_64-gcc    | gcc                                                     | -             | -DCMAKE_C_COMPILER=gcc-12 -DWPLUG_DISPATCH=goto   | whole  | $all
x86_64-switch | gcc                                                     | -             | -DCMAKE_C_COMPILER=gcc-12 -DWPLUG_DISPATCH=switch | whole  | $all
x86_64-compact| gcc                                                     | -             | -DCMAKE_C_COMPILER=gcc-12 -DWPLUG_DISPATCH=compact | whole | $all
x86_64-musl   | musl-tools                                              | x86_64-musl   |                                                   | whole  | $all
i386-gcc      | gcc-i686-linux-gnu libc6-dev-i386-cross qemu-user       | i386-gcc      |                                                   | whole  | $all
i386-clang    | gcc-i686-linux-gnu libc6-dev-i386-cross qemu-user       | i386-clang    |                                                   | whole  | $all
arm64-gcc     | gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user   | arm64-gcc     |                                                   | sample | $all
arm64-clang   | gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user   | arm64-clang   |                                                   | sample | $all
armhf-gcc     | gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user | armhf-gcc     |                                                   | sample | $all
riscv64-gcc   | gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user | riscv64-gcc   |                                                   | sample | $all
riscv64-clang | gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user | riscv64-clang |                                                   | sample | $all
s390x-gcc     | gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user     | s390x-gcc     | -DCMAKE_C_FLAGS=-fexcess-precision=standard       | sample | $all
s390x-clang   | gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user     | s390x-clang   |                                                   | sample | $all
windows-x86_64     | gcc-mingw-w64-x86-64-posix wine wine64             | windows-x86_64     |                                         | whole  | $all
windows-x86_64-gcc | gcc-mingw-w64-x86-64-posix wine wine64             | windows-x86_64-gcc |                                         | whole  | $all
macos-arm64   | clang-19 lld-19 llvm-19 python3-venv                    | foreign       |                                                   | -      | -
macos-x86_64  | clang-19 lld-19 llvm-19 python3-venv                    | foreign       |                                                   | -      | -
swift         |                                                         | swift         |                                                   | -      | swift
END
}

out=build/matrix

# Programs for Windows run in wine, in a Windows of their own.
export WINEPREFIX=${WINEPREFIX:-$PWD/$out/wine} WINEDEBUG=${WINEDEBUG:--all}

# field CELL NUMBER: a column of the cell's line.
field() {
    cells | awk -F'|' -v cell="$1" -v number="$2" '
        { name = $1; gsub(/ /, "", name) }
        name == cell { gsub(/^ +| +$/, "", $number); print $number }'
}

# ---- What the tests need, built for the cell --------------------------------------------------------------

# The sources of libraries are Debian's, of these versions, fetched by apt with a list of its own.
CMOCKA_SOURCE=cmocka=1.1.5-2.1
LIBUV_SOURCE=libuv1=1.44.2-1+deb12u1

fetch_sources() {
    local folder=$PWD/$out/sources options
    [ ! -f "$folder/done" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder/lists" "$folder/cache/archives/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
        >"$folder/sources.list"
    options=(-q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache")
    apt-get "${options[@]}" update &&
        (cd "$folder" && apt-get "${options[@]}" source --download-only "$CMOCKA_SOURCE" "$LIBUV_SOURCE") &&
        tar -xf "$folder"/cmocka_*.orig.tar.xz -C "$folder" &&
        tar -xf "$folder"/libuv1_*.orig.tar.gz -C "$folder" &&
        touch "$folder/done"
}

# build_library PREFIX TOOLCHAIN FOLDER OPTION...: installs it there.
build_library() {
    local prefix=$1 toolchain=$2 source=$3 build
    shift 3
    build=$prefix/build-$(basename "$source")
    cmake -G Ninja -S "$source" -B "$build" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF "$@" &&
        cmake --build "$build" && cmake --install "$build"
}

# build_libraries PREFIX TOOLCHAIN
build_libraries() {
    local prefix=$1 toolchain=$2
    [ ! -f "$prefix/done" ] || return 0
    fetch_sources &&
        build_library "$prefix" "$toolchain" "$out"/sources/cmocka-*/ -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF &&
        mv "$prefix/lib/libcmocka-static.a" "$prefix/lib/libcmocka.a" &&
        rm -f "$prefix"/lib/libcmocka.so* "$prefix/lib/libcmocka.dll.a" && touch "$prefix/done"
}

# program CELL PATH: a program of the cell's.
program() {
    local file
    file=$(folder_of "$1")/$2
    [ ! -f "$file.exe" ] || file=$file.exe
    echo "$file"
}

# Where a cell is built.
folder_of() {
    if [ "$1" = $REFERENCE ] && [ -n "$reference_build" ]; then
        echo "$reference_build"
    else
        echo "$out/$1"
    fi
}

# ---- One cell ---------------------------------------------------------------------------------------------

# For 32-bit Arm GCC 12 with -O1 makes the default depth of calls, 100,000, one of 34,464: it leaves out half of the constant.
optimise_for() {
    [ "$1" != armhf-gcc ] && echo "$optimise" || echo -O2
}

build_cell() {
    local cell=$1 options toolchain libraries targets=()
    [[ ",$only," != *,spec,* ]] || targets+=(spec-runner)
    [[ ",$only," != *,kernels,* ]] || targets+=(kernel-answers)
    [[ ",$only," != *,unit,* ]] || targets+=(unit_tests)
    [[ ",$only," != *,files,* ]] || targets+=(plugins)
    [[ ",$only," != *,host,* && ",$only," != *,e2e,* ]] || targets=(all)
    if [ "$(folder_of "$cell")" != "$out/$cell" ]; then
        cmake --build "$(folder_of "$cell")" -j "$(nproc)" --target "${targets[@]}"
        return
    fi
    read -r -a options <<<"$(field "$cell" 4)"
    toolchain=$(field "$cell" 3)
    case $toolchain in
    foreign)
        scripts/foreign.sh "$cell"
        return
        ;;
    swift) return ;;
    esac
    if [ "$toolchain" != - ]; then
        toolchain=$PWD/cmake/toolchains/$toolchain.cmake
        options+=("-DCMAKE_TOOLCHAIN_FILE=$toolchain")
        # The compilers for one machine share them.
        libraries=$PWD/$out/${cell%-*}-libraries
        build_libraries "$libraries" "$toolchain" || return 1
        export PKG_CONFIG_LIBDIR=$libraries/lib/pkgconfig
        [[ $cell != windows-* ]] || wineboot --init || return 1
    fi
    cmake -G Ninja -S . -B "$out/$cell" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="$(optimise_for "$cell") -DNDEBUG" \
        -DWPLUG_WERROR=ON "${options[@]}" && cmake --build "$out/$cell" -j "$(nproc)" --target "${targets[@]}"
}

# ctest's last line has the counts: "100% tests passed, 0 tests failed out of 34".
run_ctest() {
    local cell=$1 status=0
    shift
    ctest --test-dir "$(folder_of "$cell")" --parallel "$(nproc)" --output-on-failure --no-tests=error \
        --timeout 1800 "$@" >"$out/$cell.step" 2>&1 || status=$?
    cat "$out/$cell.step"
    note "$(sed -nE 's/.*tests passed, ([0-9]+) tests failed out of ([0-9]+)/\1 of \2 failed/p' "$out/$cell.step")"
    return $status
}

# note TEXT: for the cell's line.
note() {
    printf '%s\n' "$1" >>"$out/$cell.notes"
}

run_unit() {
    run_ctest "$1" --tests-regex '^(unit|json-suite)'
}

# What the plugins are made of is the same everywhere.
run_host() {
    run_ctest "$1" --tests-regex '^(host|snapshot|pdk|adapters)' \
        --exclude-regex '^pdk\.(plugins_import|test_plugin_is_small|toolchain_file)'
}

run_e2e() {
    run_ctest "$1" --label-regex '^e2e$'
}

# compare_answers CELL WHAT: those of the cell with those of the reference, which may be more.
compare_answers() {
    local cell=$1 what=$2 reference=$out/$REFERENCE.$2-answers
    [ -s "$out/$cell.$what-answers" ] || return 1
    sed -i 's/\r$//' "$out/$cell.$what-answers" # as Windows ends lines
    if [ "$what" = spec ] && [ "$(spec_extent "$cell")" = sample ] && [ "$(spec_extent $REFERENCE)" != sample ]; then
        # Only the scripts of the sample.
        awk -v texts="$SAMPLE" 'BEGIN { n = split(texts, text, ",") }
            { split($0, part, /[: ]/); for (i = 1; i <= n; i++) if (index(part[1], text[i])) { print; next } }' \
            "$reference" >"$out/$cell.$what-expected"
        reference=$out/$cell.$what-expected
    fi
    if ! cmp "$reference" "$out/$cell.$what-answers"; then
        diff "$reference" "$out/$cell.$what-answers" | head -n 40
        note "other answers ($(diff "$reference" "$out/$cell.$what-answers" | grep -c '^>') lines)"
        return 1
    fi
    note "$(wc -l <"$out/$cell.$what-answers") answers the same"
}

spec_extent() {
    [ -n "$extent" ] && echo "$extent" || field "$1" 5
}

run_spec() {
    local cell=$1 status=0 folder options=()
    folder=$(folder_of "$cell")
    [ "$(spec_extent "$cell")" = whole ] || options=(--filter "$SAMPLE")
    scripts/spec.sh --build "$out" --runner "$(program "$cell" tests/spec/spec-runner)" \
        --through "$(cat "$folder/emulator")" --answers "$out/$cell.spec-answers" "${options[@]}" \
        >"$out/$cell.step" 2>&1 || status=$?
    cat "$out/$cell.step"
    if [ $status -eq 77 ]; then
        note "not there: skipped"
        return 0
    fi
    note "$(spec_extent "$cell"), $(sed -nE 's/^spec: (.*)/\1/p' "$out/$cell.step")"
    compare_answers "$cell" spec && return $status
}

# Those in C, which need no other compiler and import nothing.
c_kernels() {
    awk '$2 == "c" { print $1 }' bench/kernels/kernels.txt
}

run_kernels() {
    local cell=$1 status=0 folder runner modules
    folder=$(folder_of "$cell")
    read -r -a runner <"$folder/emulator"
    mapfile -t modules < <(c_kernels | sed "s|.*|$out/kernels/&.wasm|")
    "${runner[@]}" "$(program "$cell" tests/answers/kernel-answers)" "${modules[@]}" >"$out/$cell.kernels-answers" ||
        status=$?
    note "$(grep -c ': fuel' "$out/$cell.kernels-answers") run"
    compare_answers "$cell" kernels && return $status
}

run_files() {
    local cell=$1 folder=$out/$1-files options toolchain emulator said
    read -r -a options <<<"$(field "$cell" 4)"
    toolchain=$(field "$cell" 3)
    [ "$toolchain" = - ] || options+=("-DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/toolchains/$toolchain.cmake")
    read -r -a emulator <"$(folder_of "$cell")/emulator"
    scripts/amalgamate.sh "$folder/source" &&
        sed 's@<wplug/wplug\.h>@"wplug.h"@' examples/minimal.c >"$folder/source/minimal.c" &&
        cmake -G Ninja -S tests/install/two_files -B "$folder/build" -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_C_FLAGS_RELEASE="$(optimise_for "$cell") -DNDEBUG" -DFOLDER="$PWD/$folder/source" "${options[@]}" &&
        cmake --build "$folder/build" || return 1
    [ ! -f "$folder/build/minimal.exe" ] || mv "$folder/build/minimal.exe" "$folder/build/minimal"
    said=$("${emulator[@]}" "$folder/build/minimal" "$(folder_of "$cell")/plugins/test-plugin.wasm" prime_sieve '{"limit":1000}') ||
        return 1
    if [ "${said%$'\r'}" != '{"count":168,"limit":1000}' ]; then
        echo "the plugin said: $said"
        return 1
    fi
    note "a plugin answers"
}

run_swift() {
    local cell=$1 status=0
    scripts/swift.sh >"$out/$cell.step" 2>&1 || status=$?
    cat "$out/$cell.step"
    note "$(sed -nE 's/.*Executed ([0-9]+) tests, with ([0-9]+) failures.*/\2 of \1 failed/p' "$out/$cell.step" | uniq | head -n 1)"
    [ $status -ne 77 ] || note "no Swift to be had: skipped"
    [ $status -eq 0 ] || [ $status -eq 77 ]
}

# run_cell CELL: builds it and runs its steps, all of them even where one fails. Prints the cell's line.
run_cell() {
    local cell=$1 step started=$SECONDS line='' colour=green
    # shellcheck disable=SC2046 # the packages are words
    install_missing "${TEST_PACKAGES[@]}" $(field "$cell" 2) >"$out/$cell.log" 2>&1 || colour=red
    if ! (build_cell "$cell") >>"$out/$cell.log" 2>&1; then
        printf '%-6s %-14s %s\n' red "$cell" "does not build, see $out/$cell.log"
        return 1
    fi
    [ "$(field "$cell" 6)" != - ] || line='  built and linked, not run'
    for step in $(field "$cell" 6 | tr , ' '); do
        [[ ",$only," == *",$step,"* ]] || continue
        : >"$out/$cell.notes"
        if ! "run_$step" "$cell" >>"$out/$cell.log" 2>&1; then
            colour=red
            note FAILED
        fi
        line+="  $step: $(paste -s -d , "$out/$cell.notes" | sed 's/,/, /g')"
    done
    rm -f "$out/$cell.notes" "$out/$cell.step"
    [ -n "$line" ] || line="  has none of the steps that are asked for"
    printf '%-6s %-14s%s  (%d s)\n' $colour "$cell" "$line" $((SECONDS - started))
    [ $colour = green ]
}

only=unit,host,e2e,spec,kernels,files,swift
extent=
optimise=-O2
reference_build=
chosen=()
while [ $# -gt 0 ]; do
    case $1 in
    --list)
        cells | sed 's/ *|.*//'
        exit
        ;;
    --only)
        only=${2:?steps are wanted}
        shift
        ;;
    --reference)
        reference_build=${2:?a folder is wanted}
        shift
        ;;
    --quick) optimise=-O1 ;;
    --sample | --whole) extent=${1#--} ;;
    -*) fail "scripts/matrix.sh has no option $1; its first lines say which it has" ;;
    *)
        [ -n "$(field "$1" 6)" ] || fail "there is no cell $1; --list names them"
        chosen+=("$1")
        ;;
    esac
    shift
done
[ ${#chosen[@]} -gt 0 ] || mapfile -t chosen < <(cells | sed 's/ *|.*//')

find_conformance
mkdir -p "$out"
if [[ ",$only," == *,kernels,* ]]; then
    stale=()
    for kernel in $(c_kernels); do
        for source in "bench/kernels/${kernel%_simd}.c" bench/kernels/kernel.h bench/kernels/build.sh; do
            [ "$out/kernels/$kernel.wasm" -nt "$source" ] || stale+=("$kernel")
        done
    done
    [ ${#stale[@]} -eq 0 ] || bench/kernels/build.sh "$out/kernels" "${stale[@]}" >"$out/kernels.log" 2>&1 ||
        fail "the kernels do not compile, see $out/kernels.log"
fi

# The reference comes first. Where it is not asked for, only what is compared with it is run, and that only once.
failed=()
asked=$only
if [[ " ${chosen[*]} " != *" $REFERENCE "* ]]; then
    only=$(tr , '\n' <<<"$asked" | { grep -E '^(spec|kernels)$' || true; } | paste -s -d ,)
    [ -z "$only" ] || run_cell $REFERENCE || failed+=($REFERENCE)
    only=$asked
else
    run_cell $REFERENCE || failed+=($REFERENCE)
fi
for cell in "${chosen[@]}"; do
    [ "$cell" = $REFERENCE ] || run_cell "$cell" || failed+=("$cell")
done
[ ${#failed[@]} -eq 0 ] || fail "red: ${failed[*]}"
