#!/usr/bin/env bash
# The Debian packages, installed into a folder: together they have what an installation has, each file once; the command and a
# program that is linked with the library run; and nothing is left when they are removed.
source "$(dirname "$0")/lib.sh"
for program in dpkg-shlibdeps file; do
    command -v $program >/dev/null || {
        echo "skipped: needs $program (Debian: dpkg-dev, file)"
        exit 77
    }
done
cpack --config "$BUILD/CPackConfig.cmake" -B "$folder/packed" >log 2>&1 || broken "$(cat log)"
packages=(packed/*.deb)
version=$(sed -nE 's/^set\(CPACK_PACKAGE_VERSION "(.*)"\)/\1/p' "$BUILD/CPackConfig.cmake")-1

root=$folder/root
mkdir -p root/var/lib/dpkg/{info,updates,triggers}
touch root/var/lib/dpkg/status
run_dpkg() {
    # What the packages depend on is on this machine, not in the folder.
    dpkg --root="$root" --force-depends --force-not-root --force-script-chrootless --log=/dev/null "$@" >log 2>&1 ||
        broken "$(cat log)"
}
run_dpkg -i "${packages[@]}"

# As pkg-config, CMake and man find it. What is documentation differs: see cmake/packages.cmake.
list_files() {
    (cd "$1" && find . ! -type d ! -path './share/doc/*' | sed -E 's@(man1/.*)\.gz$@\1@' | sort)
}
diff <(list_files "$PREFIX") <(list_files root/usr) || broken "the packages (>) have other files than an installation (<)"
for package in "${packages[@]}"; do
    dpkg-deb -c "$package" | awk '/^[^d]/ {print $6}'
done | sort | uniq -d >twice
[ ! -s twice ] || broken "in more than one package: $(cat twice)"

# field PACKAGE NAME
field() {
    dpkg-deb -f packed/"$1"_*.deb "$2"
}
expect_field() {
    [[ "$(field "$1" "$2")" =~ $3 ]] || broken "$2 of $1 is: $(field "$1" "$2")"
}
expect_field libwplug0.1 Depends '^libc6 \(>= [0-9.]+\)$'
expect_field libwplug-dev Depends "^libwplug0\.1 \(= ${version//./\\.}\), libc6-dev$"
expect_field wplug Depends '^libc6 \(>= [0-9.]+\)$'
for package in libwplug0.1 libwplug-dev wplug; do
    expect_field $package Version "^${version//./\\.}$"
    [ -s "root/usr/share/doc/$package/copyright" ] || broken "$package does not tell its licence"
    gzip -dc "root/usr/share/doc/$package/changelog.Debian.gz" | grep -q "^wplug ($version)" || broken "$package: changelog"
done
[ "$(dpkg-deb -I packed/libwplug0.1_*.deb triggers)" = "activate-noawait ldconfig" ] || broken "no trigger for ldconfig"
[ "$(dpkg-deb -I packed/libwplug0.1_*.deb shlibs)" = "libwplug 0.1 libwplug0.1 (>= ${version%-*})" ] || broken "shlibs"
if [ -e packed/libwplug-uv-dev_*.deb ]; then
    expect_field libwplug-uv0.1 Depends '(^|, )libwplug0\.1 .*libuv1 '
    expect_field libwplug-uv-dev Depends "^libwplug-uv0\.1 \(= .*, libwplug-dev \(= .*, libuv1-dev$"
fi

[ "$(root/usr/bin/wplug call "$PLUGINS/hello.wasm" hello '{"name":"Ada"}')" = '"Hello, Ada!"' ] || broken "wplug call"
PREFIX=$root/usr
PKG_CONFIG_PATH=$(find_installed wplug.pc)
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # several words
"$CC" -Wall -Werror "$ROOT/examples/minimal.c" -o shared $(pkg-config --cflags --libs wplug)
LD_LIBRARY_PATH=$(pkg-config --variable=libdir wplug) expect_greeting ./shared

mapfile -t names < <(dpkg --root="$root" --get-selections | cut -f 1)
[ ${#names[@]} -eq ${#packages[@]} ] || broken "installed: ${names[*]}"
run_dpkg --purge "${names[@]}"
[ -z "$(find root ! -type d ! -path 'root/var/lib/dpkg/*')" ] || broken "left: $(find root ! -type d)"
[ ! -e root/usr ] || broken "folders are left: $(find root/usr)"
