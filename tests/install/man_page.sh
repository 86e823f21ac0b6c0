#!/usr/bin/env bash
# The manual page has every option of every subcommand, and nothing that the page's language does not know.
source "$(dirname "$0")/lib.sh"
page=$PREFIX/share/man/man1/wplug.1
[ -s "$page" ] || broken "there is no manual page"
for subcommand in "" call run inspect; do
    # shellcheck disable=SC2086 # no subcommand is no word
    "$PREFIX/bin/wplug" $subcommand --help | sed -nE 's/^  (--[a-z-]+).*/\1/p'
done | sort >options
[ "$(wc -l <options)" -gt 30 ] || broken "found too few options"
sed 's/\\-/-/g' "$page" | sed -nE 's/^\.B (--[a-z-]+).*/\1/p' | sort >in_page
diff options in_page || broken "the manual page (>) has other options than --help (<)"
if command -v man >/dev/null; then
    man --warnings -l "$page" 2>warnings >/dev/null
    [ ! -s warnings ] || broken "$(cat warnings)"
fi
