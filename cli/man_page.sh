#!/bin/sh
# Makes the manual page wplug(1) of what the command says in its --help, so that the two cannot differ.
# usage: man_page.sh WPLUG OUTPUT
set -eu
wplug=$1
output=$2

# From the lines of one --help: "usage:" lines, then paragraphs, then lists under headings such as "Options:", whose items
# begin two spaces in and go on further in.
page='
function escaped(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.'"'"']/) text = "\\&" text
    return text
}
BEGIN { paragraph = 1 }
/^usage: / || (usage && /^       [^ ]/) {
    if (!usage) print synopsis_heading
    usage = 1
    sub(/^usage: */, "")
    sub(/^ */, "")
    print ".br"
    print escaped($0)
    next
}
/^$/ { usage = 0; paragraph = 1; next }
/^[A-Z][A-Za-z ]*:$/ {
    sub(/:$/, "")
    print list_heading " " toupper($0)
    in_list = 1
    next
}
in_list && /^  [^ ]/ {
    at = match(substr($0, 3), /  +[^ ]/)
    if (!at) {
        print "man_page.sh: no two spaces between the item and its text: " $0 >"/dev/stderr"
        exit 1
    }
    print ".TP"
    print ".B " escaped(substr($0, 3, at - 1))
    print escaped(substr($0, 3 + at + RLENGTH - 2))
    next
}
{
    if (paragraph && !in_list) print text_heading
    text_heading = ".PP"
    paragraph = 0
    sub(/^ +/, "")
    print escaped($0)
}'

section() {
    awk -v synopsis_heading="$1" -v text_heading="$2" -v list_heading="$3" "$page"
}

version=$("$wplug" --version | sed 's/.* //')
{
    printf '.TH WPLUG 1 "" "wplug %s" "User Commands"\n' "$version"
    printf '.SH NAME\nwplug \\- run WebAssembly plugins and commands in a sandbox\n'
    "$wplug" --help | section '.SH SYNOPSIS' '.SH DESCRIPTION' '.SH'
    for subcommand in call run inspect; do
        printf '.SH WPLUG %s\n' "$(printf %s "$subcommand" | tr '[:lower:]' '[:upper:]')"
        "$wplug" "$subcommand" --help | section '.PP' '.PP' '.SS'
    done
} >"$output.new"
mv "$output.new" "$output"
