#!/usr/bin/env bash
# Does what a page shows, README.md or one of docs, and compares what comes out with what it says comes out:
#
#   - a code block under a line <!-- NAME --> is the file NAME;
#   - of a block marked `console`, each line behind "$ " is run, and the others are what these commands print on
#     stdout.
#
# usage: page.sh ROOT BUILD PAGE FILES COMMANDS    BUILD is the build folder that stands for build/release; the page has to
#                                                  have at least so many files and commands
set -euo pipefail
root=$1
build=$2
page=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir build
ln -s "$build" build/release
for name in src pdk include plugins; do ln -s "$root/$name" .; done
# A copy: plugins are not given what a link leads to.
cp "$root/README.md" .

files=0
commands=0
block=
name=
expected=
: >said

# The end of a console block: everything that it says comes out has come out, and nothing else.
compare() {
    printf '%s' "$expected" >expected
    if ! diff expected said; then
        echo "$page says otherwise (< as it says, > as it is)" >&2
        exit 1
    fi
    expected=
    : >said
}

while IFS= read -r line; do
    case $block:$line in
    :'<!-- '*' -->')
        name=${line#<!-- }
        name=${name% -->}
        ;;
    :'```console') block=console ;;
    :'```'*)
        block=other
        if [ -n "$name" ]; then
            block=file
            files=$((files + 1))
            : >"$name"
        fi
        ;;
    :*) ;;
    console:'```')
        compare
        block=
        ;;
    *:'```')
        block=
        name=
        ;;
    file:*) printf '%s\n' "$line" >>"$name" ;;
    console:'$ '*)
        commands=$((commands + 1))
        bash -euc "${line#\$ }" </dev/null >>said 2>complaints || {
            cat said complaints
            echo "$page: this command fails: ${line#\$ }" >&2
            exit 1
        }
        ;;
    console:*) expected+=$line$'\n' ;;
    esac
done <"$root/$page"
[ "$files" -ge "$4" ] && [ "$commands" -ge "$5" ] || {
    echo "$page has $files files and $commands commands: too few for this test" >&2
    exit 1
}
# What README.md prints is what is in the repository, too.
if [ "$page" = README.md ]; then
    tail -n +3 "$root/examples/minimal.c" | diff - host.c || {
        echo "the host in README.md is not examples/minimal.c" >&2
        exit 1
    }
fi
echo "$files files and $commands commands do what $page says"
