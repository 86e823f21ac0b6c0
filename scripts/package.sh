#!/usr/bin/env bash
# Makes the Debian packages of the library, the command and the libuv adapter, in build/package/packages.
# usage: scripts/package.sh [--test] [CMAKE_OPTION...]
#
#   --test    then installs them into a new Debian 12 in a folder, builds and runs programs with them there, and removes them
#             again; needs root, and the network for debootstrap
#
# A package that is given to others names who made it: -DWPLUG_PACKAGER="NAME <ADDRESS>". -DWPLUG_PACKAGE_REVISION=2 counts.
source "$(dirname "$0")/common.sh"
exec </dev/null

is_test=
if [ "${1:-}" = --test ]; then
    is_test=1
    shift
fi
command -v dpkg-deb >/dev/null || fail "this makes packages for Debian, and needs its dpkg"
install_missing "${BUILD_PACKAGES[@]}" dpkg-dev file

# As scripts/build.sh builds it, but for where libraries go in Debian, and for tables that cannot be written to once the program
# has started.
say "Building"
cmake --preset release -B build/package -DWPLUG_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_LIBDIR="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)" \
    -DCMAKE_SHARED_LINKER_FLAGS=-Wl,-z,relro,-z,now -DCMAKE_EXE_LINKER_FLAGS=-Wl,-z,relro,-z,now "$@" >/dev/null
cmake --build build/package

say "Packing"
rm -rf build/package/packages
(cd build/package && cpack) >build/package/cpack.log 2>&1 || fail "$(cat build/package/cpack.log)"
rm -rf build/package/packages/_CPack_Packages
ls -l build/package/packages
[ -n "$is_test" ] || exit 0

say "A new Debian 12"
[ "$(id -u)" -eq 0 ] || fail "--test needs root, for chroot"
install_missing debootstrap
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config,libuv1-dev bookworm "$root" \
    >build/package/debootstrap.log 2>&1 || fail "$(tail -n 20 build/package/debootstrap.log)"
# Inside of /usr, /etc, /opt and /var, but for the package manager's own books and the loader's cache.
list_files() {
    (cd "$root" && find etc opt usr var -path var/lib/dpkg -prune -o -path var/log -prune -o -path var/cache/ldconfig -prune -o \
        -path etc/ld.so.cache -prune -o -path var/cache/debconf -prune -o -print | sort)
}
list_files >build/package/files_before
mkdir "$root/test"
cp build/package/packages/*.deb build/package/plugins/hello.wasm examples/minimal.c tests/install/consumer/uv.c "$root/test"

say "Installing, using and removing the packages in it"
cat >"$root/test/run" <<'END'
set -eux
cd /test
# "!" would hide a failure from set -e.
refute() {
    if "$@"; then exit 1; fi
}
# dpkg refuses packages whose dependencies are not there.
dpkg -i ./*.deb
dpkg --audit
ldconfig -p | grep -q 'libwplug\.so\.0\.1'
greet() {
    test "$("$@")" = '"Hello, Ada!"'
}
greet wplug call hello.wasm hello '{"name":"Ada"}'
gcc minimal.c -o minimal $(pkg-config --cflags --libs wplug)
greet ./minimal hello.wasm hello '{"name":"Ada"}'
readelf -d minimal | grep -q 'NEEDED.*libwplug\.so\.0\.1'
gcc minimal.c -o minimal_static $(pkg-config --cflags wplug) -Wl,-Bstatic -lwplug -Wl,-Bdynamic -lm -pthread
greet ./minimal_static hello.wasm hello '{"name":"Ada"}'
readelf -d minimal_static >needed
refute grep 'NEEDED.*libwplug' needed
if [ -e /usr/include/wplug/wplug_uv.h ]; then
    gcc uv.c -o uv $(pkg-config --cflags --libs wplug_uv)
    greet ./uv hello.wasm hello '{"name":"Ada"}'
fi
dpkg --purge $(dpkg-query -W -f '${Package}\n' '*wplug*')
ldconfig -p >libraries
refute grep libwplug libraries
refute dpkg-query -W '*wplug*'
END
chroot "$root" sh /test/run 2>build/package/test.log || fail "$(tail -n 30 build/package/test.log)"
rm -rf "$root/test"
list_files >build/package/files_after
diff build/package/files_before build/package/files_after || fail "this is left of the packages"
say "The packages work, and leave nothing behind"
