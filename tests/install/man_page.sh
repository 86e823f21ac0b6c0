#!/usr/bin/env bash
# The manual page has every option of every subcommand, and nothing that the page's language does not know.
source "$(dirname "$0")/lib.sh"
page=$PREFIX/share/man/man1/wplug.1
[ -s "$page" ] || broken "there is no manual page"
sed 's/\\-/-/g' "$page" >plain
for subcommand in "" call run inspect; do
    # shellcheck disable=SC2086 # no subcommand is no word
    "$PREFIX/bin/wplug" $subcommand --help | sed -nE 's/^  (--[a-z-]+).*/\1/p'
done | sort -u >options
[ "$(wc -l <options)" -gt 15 ] || broken "found too few options"
while read -r option; do
    grep -qE "^\.B $option( |\$)" plain || broken "$option is not in the manual page"
done <options
if command -v man >/dev/null; then
    man --warnings -l "$page" 2>warnings >/dev/null
    [ ! -s warnings ] || broken "$(cat warnings)"
fi
