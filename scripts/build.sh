#!/usr/bin/env bash
# Builds the release: the command build/release/bin/wplug, the libraries in build/release/lib and the plugins
# in build/release/plugins. Installs the Debian packages that are missing.
source "$(dirname "$0")/common.sh"

install_missing "${BUILD_PACKAGES[@]}"
run_cmake_build release product "$@"
say "Built build/release/bin/wplug, build/release/lib and build/release/plugins"
