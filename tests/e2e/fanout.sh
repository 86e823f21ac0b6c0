# The example plugin fanout: many host calls and two timers under way in one handler of the C kit.

fanout=$PLUGINS/fanout.wasm

# Ten host methods in $hosts, m0 to m9, each of which answers only when the next one has: the last comes first.
make_hosts() {
    local i
    hosts=()
    for i in 0 1 2 3 4 5 6 7 8 9; do
        mkfifo "gate$i"
        hosts+=(--host "m$i=read -r x <gate$i; echo $i; echo go >gate$((i - 1))")
    done
    hosts[1]="m0=read -r x <gate0; echo 0"
    hosts[19]="m9=echo 9; echo go >gate8"
}

test_ten_calls_are_answered_out_of_order() {
    make_hosts
    wplug call --timeout 120 "${hosts[@]}" "$fanout" gather \
        '{"methods":["m0","m1","m2","m3","m4","m5","m6","m7","m8","m9"],"ms":100000,"report_ms":100000}'
    expect_status 0
    expect_out '{"m0":{"result":0},"m1":{"result":1},"m2":{"result":2},"m3":{"result":3},"m4":{"result":4},"m5":{"result":5},"m6":{"result":6},"m7":{"result":7},"m8":{"result":8},"m9":{"result":9}}'
    expect_empty err
}

test_what_is_late_is_cancelled_and_the_rest_is_used() {
    mkfifo never
    wplug call --timeout 120 --host 'never=read -r x <never; echo 1' "$fanout" gather \
        '{"methods":["never","nobody"],"ms":500,"report_ms":200}'
    expect_status 0
    expect_out '{"never":{"late":true},"nobody":{"error":"Method not found: nobody"}}'
    expect_err_has "1 of 2 have answered"
    expect_err_lacks "ignored"
}

test_the_first_answer_ends_the_call() {
    mkfifo never
    wplug call --timeout 120 --host 'never=read -r x <never; echo 1' --host 'fails=false' --host 'second=cat' \
        "$fanout" first '{"methods":["never","fails","second"],"params":"it"}'
    expect_status 0
    expect_out '"it"'
    expect_err_lacks "ignored"
}

test_it_works_the_same_where_reads_answer_eagain() {
    make_hosts
    wplug call --async --timeout 120 "${hosts[@]}" "$fanout" first \
        '{"methods":["m0","m1","m2","m3","m4","m5","m6","m7","m8","m9"]}'
    expect_status 0
    expect_out_matches '^[0-9]$'
}
