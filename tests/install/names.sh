#!/usr/bin/env bash
# The libraries offer the names of the public header and no others, so that they get on with any program.
source "$(dirname "$0")/lib.sh"
check_names libwplug wplug.h
[ "$(wc -l <declared)" -gt 20 ] || broken "found too few declarations"
