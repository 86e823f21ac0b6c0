#!/usr/bin/env bash
# Builds the Swift package (Package.swift, bindings/swift) on Linux, and runs its tests: as they are, and under the thread
# and the address sanitizer.
#
# With the swift that is there (5.9 or later). Debian 12 has none; there, as root, a Debian 13 is put into build/swift/debian
# (debootstrap; 3 GB), which has Swift 6.0, and the package is built in it. Exits with 77 where neither can be had.
source "$(dirname "$0")/common.sh"
exec </dev/null

out=$PWD/build/swift
debian=$out/debian
mkdir -p "$out"

skip() {
    say "SKIPPED: $*"
    exit 77
}

make_debian() {
    [ ! -f "$debian/done" ] || return 0
    [ "$(id -u)" -eq 0 ] || skip "there is no swift, and making a Debian that has it needs root"
    install_missing debootstrap
    say "Installing Debian 13 with Swift in build/swift/debian"
    rm -rf "$debian"
    debootstrap --variant=minbase --include=ca-certificates trixie "$debian" http://deb.debian.org/debian &&
        chroot "$debian" apt-get update -q &&
        chroot "$debian" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends swiftlang libc6-dev g++ git &&
        chroot "$debian" apt-get clean && touch "$debian/done" || fail "there is no Debian 13 with Swift to be had"
}

# in_debian COMMAND...: with the project as /wplug and the build folder as /build, by mounts that are gone with the command.
in_debian() {
    mkdir -p "$debian/wplug" "$debian/build" "$out/scratch"
    unshare --mount --propagation private bash -euc '
        mount -t proc proc "$1/proc"
        mount --bind /dev "$1/dev"
        mount --bind "$2" "$1/wplug"
        mount --bind "$3" "$1/build"
        exec chroot "$1" env WPLUG_TEST_PLUGINS=/wplug/build/release/plugins "${@:4}"' \
        bash "$debian" "$PWD" "$out/scratch" "$@"
}

install_missing "${BUILD_PACKAGES[@]}"
run_cmake_build release plugins
if command -v swift >/dev/null 2>&1; then
    package=$PWD scratch=$out/scratch
    run=(env "WPLUG_TEST_PLUGINS=$PWD/build/release/plugins")
else
    make_debian
    package=/wplug scratch=/build
    run=(in_debian)
fi
say "$("${run[@]}" swift --version 2>&1 | head -n 1)"
for sanitizer in none thread address; do
    options=(--package-path "$package" --scratch-path "$scratch/$sanitizer")
    [ $sanitizer = none ] || options+=("--sanitize=$sanitizer")
    say "Testing (sanitizer: $sanitizer)"
    rm -rf "$out/scratch/$sanitizer" # what a run that was stopped leaves there can keep the next one waiting
    # Leaks are looked for with ptrace, which is not everywhere allowed, and Swift's own run-time library has some.
    "${run[@]}" env ASAN_OPTIONS=detect_leaks=0 swift test "${options[@]}" 2>&1 | tee "$out/$sanitizer.log" | grep -vE '^\[[0-9]' ||
        fail "the Swift tests fail, see $out/$sanitizer.log"
    grep -qE 'Executed [1-9][0-9]* tests, with 0 failures' "$out/$sanitizer.log" || fail "no test was run, see $out/$sanitizer.log"
    ! grep -qE 'Sanitizer|skipped' "$out/$sanitizer.log" || fail "a sanitizer found something, or a test was skipped: $out/$sanitizer.log"
done
say "The Swift package works"
