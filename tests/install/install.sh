#!/usr/bin/env bash
# Installs the build into PREFIX, anew.
set -euo pipefail
rm -rf "$PREFIX"
cmake --install "$BUILD" --prefix "$PREFIX" >/dev/null
