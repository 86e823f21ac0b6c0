# Sourced by the tests of this folder, after tests/e2e/lib.sh. INTEROP is the folder of what
# scripts/interop.sh builds.

# need FILE: skips the test where that could not be built, because its language is not here.
need() {
    if [ ! -e "$INTEROP/$1" ]; then
        echo "skipped: there is no $1, scripts/interop.sh builds it where its language is installed"
        exit 77
    fi
}

# What came out is an integer from $1 to $2.
expect_integer() {
    local number
    number=$(cat out)
    [[ $number =~ ^[0-9]+$ ]] || broken "expected an integer on stdout"
    [ "$number" -ge "$1" ] && [ "$number" -le "$2" ] || broken "expected a number from $1 to $2"
}

# expect_six_methods COMMAND...: the test plugin's six methods, called by COMMAND... METHOD PARAMS.
expect_six_methods() {
    local before first
    "$@" ping null
    expect_status 0
    expect_out '"pong"'

    "$@" get_random_number null
    expect_status 0
    expect_out_matches '^[0-9]{1,20}$'
    first=$(cat out)
    "$@" get_random_number null
    expect_out_lacks "$first"

    before=$(date +%s)
    "$@" get_time null
    expect_status 0
    expect_integer "$before" "$(date +%s)"

    before=$(date +%s%N)
    "$@" sleep 60
    expect_status 0
    expect_out null
    expect_err_has "sleeping for 60 ms"
    [ $(($(date +%s%N) - before)) -ge 60000000 ] || broken "it slept less than 60 ms"

    "$@" many_echo 25
    expect_status 0
    expect_out null

    "$@" prime_sieve 100000
    expect_status 0
    expect_out '{"count":9592,"limit":100000}'
    expect_err_has "found 9592 primes up to 100000"
}
