#!/usr/bin/env bash
# usage: size.sh MOST-BYTES FILE
set -euo pipefail
size=$(wc -c <"$2")
echo "$2: $size bytes"
[ "$size" -gt 0 ] && [ "$size" -le "$1" ]
