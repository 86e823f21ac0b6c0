#!/usr/bin/env bash
# The main job on real input: builds wplug, then calls plugins and checks what they answer. Ends with a status
# other than 0 if anything is not as it should be.
source "$(dirname "$0")/common.sh"

scripts/build.sh

wplug=build/release/bin/wplug
plugins=build/release/plugins
shown=0

# Prints a command line as a person would type it.
print_command() {
    local word
    printf '$ wplug'
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./=-]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
    done
    printf '\n'
}

# show SENTENCE PATTERN ARGUMENT...: says what this call shows, makes it, prints what came, and compares the
# result with an extended regular expression.
show() {
    local sentence=$1 pattern=$2 result
    shift 2
    say "$sentence"
    print_command "$@"
    result=$("$wplug" "$@") || fail "this call ended with status $?"
    printf '%s\n' "$result"
    grep -qE -e "$pattern" <<<"$result" || fail "that is not what should have come (a match of $pattern)"
    shown=$((shown + 1))
}

call() {
    local sentence=$1 pattern=$2
    shift 2
    show "$sentence" "$pattern" call "$@"
}

test_plugin=$plugins/test-plugin.wasm
call "A plugin answers a call; each runs in a sandbox of its own" '^"pong"$' "$test_plugin" ping
call "It gets randomness from the host" '^[0-9]{1,20}$' "$test_plugin" get_random_number
call "It gets the time from the host, in seconds since 1970" '^[0-9]{10,}$' "$test_plugin" get_time
call "It sleeps for 250 ms without keeping the host's thread busy" '^null$' "$test_plugin" sleep 250
call "It calls a host method 20 times while it answers; here that is the shell command cat" '^null$' \
    --host echo=cat "$test_plugin" many_echo 20
call "It computes: there are 78498 primes below a million" '^\{"count":78498,"limit":1000000\}$' \
    "$test_plugin" prime_sieve 1000000
call "Another plugin reads this repository's README, in pieces that the host hands it, and counts" \
    "\"bytes\":$(wc -c <README.md),\"lines\":$(wc -l <README.md),\"words\":[1-9][0-9]*" \
    --files . "$plugins/textstats.wasm" analyze '{"path":"README.md","piece_size":4000}'

say "A limit ends a call that wants too much, with a status of its own"
too_much=(call --fuel 1M "$test_plugin" prime_sieve 100000000)
print_command "${too_much[@]}"
status=0
"$wplug" "${too_much[@]}" || status=$?
[ "$status" -eq 7 ] || fail "expected status 7, a limit, and got $status"

show "What a plugin offers and needs can be seen before it is used" 'prime_sieve' inspect "$test_plugin"

say "All $((shown + 1)) calls did what they should"
