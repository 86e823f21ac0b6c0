#!/usr/bin/env bash
# Plants wrong includes in a copy of the layout and expects arrows.sh to name each.
# usage: arrows_finds_a_wrong_include.sh ARROWS_SH
set -euo pipefail
arrows=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/src/{base,json,engine,host,adapters} "$root"/{cli,pdk,bindings/android} "$root"/include/wplug
touch "$root/src/host/host.h"
echo '#include <wasi/api.h>' >"$root/pdk/system.c"
echo '#include "base/base.h"' >"$root/src/json/right.c"
printf '#include <uv.h>\n#include "wplug/wplug_uv.h"\n' >"$root/src/adapters/right.c"
bash "$arrows" "$root"

# expect_refusal FILE LINE: with this line in the file, arrows.sh fails and names the file.
expect_refusal() {
    local said
    echo "$2" >"$root/$1"
    if said=$(bash "$arrows" "$root" 2>&1); then
        echo "not refused: $2 in $1" >&2
        exit 1
    fi
    if [[ $said != *"$1"* ]]; then
        echo "refused without naming $1: $said" >&2
        exit 1
    fi
    rm "$root/$1"
}

expect_refusal src/base/up.c '#include "json/json.h"'
expect_refusal src/json/sideways.c '#include "engine/engine.h"'
expect_refusal src/json/system.c '#include "base/os.h"'
expect_refusal src/engine/up.h '#  include "wasi/wasi.h"'
expect_refusal bindings/android/inside.c '#include "host/host.h"'
expect_refusal cli/inside.c '#include <host/host.h>'
expect_refusal cli/around.c '#include "../src/base/base.h"'
expect_refusal include/wplug/wplug.h '#include "base/base.h"'
expect_refusal src/adapters/inside.c '#include "host/host.h"'
expect_refusal src/host/loop.c '#include <uv.h>'
expect_refusal cli/loop.c '#include "wplug/wplug_uv.h"'
echo "each wrong include was named"
