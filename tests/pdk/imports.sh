#!/usr/bin/env bash
# Plugins built with the kit import only what every host links, the Rust one too: no stdio in them.
# usage: imports.sh WASM-OBJDUMP PLUGIN...
set -euo pipefail

allowed=' args_get args_sizes_get clock_time_get environ_get environ_sizes_get fd_close fd_fdstat_get fd_read fd_write
 poll_oneoff proc_exit proc_raise random_get sched_yield '
allowed=${allowed//$'\n'/}

objdump=$1
shift
failed=0
for plugin in "$@"; do
    imports=$("$objdump" -x -j Import "$plugin" | sed -n 's/.*<- \(.*\)/\1/p')
    if [ -z "$imports" ]; then
        echo "$plugin: found no imports, though a plugin has to read and write" >&2
        failed=1
    fi
    for import in $imports; do
        if [[ $import != wasi_snapshot_preview1.* || $allowed != *" ${import#*.} "* ]]; then
            echo "$plugin imports $import" >&2
            failed=1
        fi
    done
done
exit $failed
