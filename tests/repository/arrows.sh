#!/usr/bin/env bash
# Checks that the rooms include only what is below them (docs/architecture.md draws the arrows).
# usage: arrows.sh ROOT    prints each include that goes the wrong way, and then fails
set -euo pipefail
cd "$1"

# room: the folders whose headers it may include, as they are written in the include line
arrows='
include/wplug: wplug
src/base: base
src/json: base json
src/rpc: base json rpc
src/engine: base engine
src/wasi: base engine wasi
src/host: base json rpc engine wasi host wplug
src/adapters: wplug
pdk: base json rpc
plugins:
cli: wplug
web: wplug
examples: wplug
bindings: wplug
'
# Rooms that also compile for the guest, where there is no such operating system.
no_os='src/json src/rpc pdk'
# Those that may use libuv. The library itself depends on libc alone.
sees_loops='include/wplug src/adapters examples'

wrong=0
complain() {
    printf '%s\n' "$*" >&2
    wrong=1
}

# Prints "FILE QUOTE NAME" for each include in a room.
includes() {
    find "$1" -name '*.[ch]' -print0 |
        xargs -0 -r sed -nE 's@^[[:space:]]*#[[:space:]]*include[[:space:]]*(["<])([^">]+)[">].*@\1 \2@;T;F;p' |
        paste -d ' ' - -
}

checked=0
while IFS=: read -r room allowed; do
    [ -n "$room" ] && [ -d "$room" ] || continue
    while read -r file quote name; do
        checked=$((checked + 1))
        folder=${name%%/*}
        if [[ $name == uv.h || $name == wplug/wplug_uv.h ]] && [[ " $sees_loops " != *" $room "* ]]; then
            complain "$file: $room may not depend on libuv"
        fi
        # A bare name is a neighbour in the same folder, the plugin kit's public header, or the system's; so
        # is what stands in angle brackets and is not ours, such as <wasi/api.h>.
        [[ $name == */* ]] || continue
        [[ $quote == '"' || -e src/$name || -e include/$name ]] || continue
        case $folder in
        base | json | rpc | engine | wasi | host | wplug) ;;
        *) continue ;; # <sys/...> and the like
        esac
        if [[ " $allowed " != *" $folder "* ]]; then
            complain "$file: $room may not include $name (it may see:${allowed:- nothing})"
        fi
        if [[ $name == base/os.h && " $no_os " == *" $room "* ]]; then
            complain "$file: $room compiles for the guest too, which has no $name"
        fi
    done < <(includes "$room")
done <<<"$arrows"

# A way around the check would be a relative path out of the room.
around=$(grep -rnE '#[[:space:]]*include[[:space:]]*"\.\./' --include='*.[ch]' --exclude-dir=build . || true)
if [ -n "$around" ]; then
    complain "$around"
    complain "an include with ../ hides where its arrow goes: name the room instead"
fi
[ "$checked" -gt 0 ] || complain "found no includes at all: is $1 the project?"
[ "$wrong" -eq 0 ] && printf '%d includes, none against the arrows\n' "$checked"
exit "$wrong"
