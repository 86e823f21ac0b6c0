# The example server (examples/server): JSON-RPC over sockets, answered by plugins.

ping='{"jsonrpc":"2.0","id":#,"method":"ping"}'
forever='{"jsonrpc":"2.0","id":"long","method":"sleep","params":{"ms":36000000}}'

# serve ARGUMENT...: starts the server, listening on the Unix socket `socket` and, with --tcp among the arguments, on the port
# $port; its output goes to server.out and server.err, its process is $server. Calls may take ten hours.
serve() {
    last_command="server $*"
    # shellcheck disable=SC2086 # the runner is a command with its options
    ${WPLUG_RUNNER:-} "$EXAMPLES/server" --unix socket --time 36000000 "$@" >server.out 2>server.err &
    server=$!
    await_line server.out '^listening on unix'
    [[ " $* " != *" --tcp "* ]] || await_line server.out '^listening on tcp'
    port=$(sed -n 's/^listening on tcp .*:\([1-9][0-9]*\)$/\1/p' server.out)
}

# await_line FILE PATTERN: waits until a line of the file matches.
await_line() {
    until grep -qE -e "$2" "$1" 2>/dev/null; do
        kill -0 "$server" 2>/dev/null || broken "the server has ended: $(cat server.err)"
        sleep 0.02
    done
}

# await_file FILE, await_no_file FILE
await_file() {
    until [ -e "$1" ]; do sleep 0.02; done
}

await_no_file() {
    while [ -e "$1" ]; do sleep 0.02; done
}

# expect_server_ends STATUS: it ends by itself now, and its socket is gone.
expect_server_ends() {
    status=0
    wait "$server" || status=$?
    [ "$status" -eq "$1" ] || broken "the server ended with $status: $(cat server.err)"
    [ ! -e socket ] || broken "the server left its socket behind"
}

stop() {
    kill -TERM "$server"
    expect_server_ends 0
}

# client COMMAND...: a client of the Unix socket, whose output is then in the file out. client_at ADDRESS COMMAND...
client_at() {
    last_command="client $*"
    status=0
    "$LINE_CLIENT" "$@" >out 2>err || status=$?
}

client() {
    client_at unix:socket "$@"
}

# ask REQUEST ANSWER: on a new connection.
ask() {
    client send "$1" lines 1
    expect_out "$2"
}

test_the_six_methods_on_both_transports() {
    serve --tcp 127.0.0.1:0 "$PLUGINS/test-plugin.wasm"
    local address
    for address in unix:socket "tcp:$port"; do
        client_at "$address" \
            send '{"jsonrpc":"2.0","id":1,"method":"ping"}' lines 1 \
            send '{"jsonrpc":"2.0","id":2,"method":"get_random_number"}' lines 1 \
            send '{"jsonrpc":"2.0","id":3,"method":"get_time"}' lines 1 \
            send '{"jsonrpc":"2.0","id":4,"method":"sleep","params":{"ms":1}}' lines 1 \
            send '{"jsonrpc":"2.0","id":5,"method":"many_echo","params":{"n":20}}' lines 1 \
            send '{"jsonrpc":"2.0","id":6,"method":"prime_sieve","params":{"limit":1000}}' lines 1 half end
        expect_status 0
        expect_out_has '{"jsonrpc":"2.0","id":1,"result":"pong"}'
        expect_out_matches '^\{"jsonrpc":"2.0","id":2,"result":[0-9]+\}$'
        expect_out_matches '^\{"jsonrpc":"2.0","id":3,"result":[0-9]{10,}\}$'
        expect_out_has '{"jsonrpc":"2.0","id":4,"result":null}'
        expect_out_has '{"jsonrpc":"2.0","id":5,"result":null}'
        expect_out_has '{"jsonrpc":"2.0","id":6,"result":{"count":168,"limit":1000}}'
        [ "$(tail -n 1 out)" = "the end" ] || broken "the connection was not closed"
    done
    stop
}

test_ids_come_back_as_they_were_written() {
    serve "$PLUGINS/test-plugin.wasm"
    local id
    for id in 0 -7 18446744073709551617 1.50e1 '"a\/b\u00e9"' '""' null; do
        ask "{\"method\":\"ping\",\"id\": $id ,\"jsonrpc\":\"2.0\"}" "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":\"pong\"}"
    done
    stop
}

test_methods_are_found_by_the_name_of_their_plugin() {
    serve "$PLUGINS/test-plugin.wasm" "$PLUGINS/hello.wasm"
    ask '{"jsonrpc":"2.0","id":1,"method":"hello.hello","params":{"name":"Ada"}}' \
        '{"jsonrpc":"2.0","id":1,"result":"Hello, Ada!"}'
    ask '{"jsonrpc":"2.0","id":1,"method":"test-plugin.ping"}' '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    client send '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}' lines 1
    expect_out_has prime_sieve
    client send '{"jsonrpc":"2.0","id":1,"method":"hello.ping"}' lines 1
    expect_out_has '"code":-32601'
    stop
}

test_requests_that_are_none_get_the_standard_errors() {
    serve "$PLUGINS/test-plugin.wasm"
    local request
    for request in '{"jsonrpc":"2.0","id":1,' 'hello' '{"a":1}}' '[1,' "$(printf '"\xff"')" '  '; do
        client send "$request" lines 1 send "${ping/\#/1}" lines 1
        [[ $(head -n 1 out) == '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,'* ]] || broken "to: $request"
        expect_out_has '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    done
    for request in 1 '{}' '"ping"' null '[]' '{"jsonrpc":"1.0","method":"ping"}' '{"jsonrpc":"2.0","method":5}' \
        '{"jsonrpc":"2.0","id":[1],"method":"ping"}' '{"jsonrpc":"2.0","id":true,"method":"ping"}' \
        '{"jsonrpc":"2.0","method":"pi\u0000ng"}' '{"jsonrpc":"2.0","result":1}'; do
        client send "$request" lines 1 send "${ping/\#/1}" lines 1
        [[ $(head -n 1 out) == '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,'* ]] || broken "to: $request"
        expect_out_has '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    done
    # An empty line is no request at all.
    client raw $'\n\r\n' send "${ping/\#/1}" lines 1
    expect_out '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    stop
}

test_ends_of_calls_are_told() {
    serve "$PLUGINS/test-plugin.wasm" "$GUESTS/trap.wasm" "$GUESTS/spin.wasm"
    client send '{"jsonrpc":"2.0","id":1,"method":"nonsense"}' lines 1
    expect_out_matches '^\{"jsonrpc":"2.0","id":1,"error":\{"code":-32601,.*\}\}$'
    client send '{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":"long"}}' lines 1
    expect_out_matches '^\{"jsonrpc":"2.0","id":1,"error":\{"code":-32602,.*\}\}$'
    client send '{"jsonrpc":"2.0","id":1,"method":"trap.x"}' lines 1
    expect_out_matches '^\{"jsonrpc":"2.0","id":1,"error":\{"code":-32000,.*"data":\{"status":"WPLUG_TRAP"\}\}\}$'
    stop
}

test_notifications_get_no_answer() {
    serve "$PLUGINS/test-plugin.wasm"
    client send '{"jsonrpc":"2.0","method":"prime_sieve","params":{"limit":10}}' \
        send '[{"jsonrpc":"2.0","method":"prime_sieve","params":{"limit":11}}]' \
        send '{"jsonrpc":"2.0","method":"nonsense"}' send "${ping/\#/1}" half end
    expect_out $'{"jsonrpc":"2.0","id":1,"result":"pong"}\nthe end'
    # But the method runs.
    await_line server.err 'found 4 primes up to 10$'
    await_line server.err 'found 5 primes up to 11$'
    stop
}

test_a_batch_gets_one_array() {
    serve "$PLUGINS/test-plugin.wasm"
    ask '[{"jsonrpc":"2.0","id":"],[\"","method":"ping","params":[[1],{"a":"]"}]}]' \
        '[{"jsonrpc":"2.0","id":"],[\"","result":"pong"}]'
    client send '[{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":300}} , {"jsonrpc":"2.0","method":"ping"},[7],{"jsonrpc":"2.0","id":2,"method":"ping"} ]' \
        send "${ping/\#/3}" half end
    # Each as it ends; the whole when the last has ended, so after the request that came behind it.
    [ "$(head -n 1 out)" = '{"jsonrpc":"2.0","id":3,"result":"pong"}' ] || broken "the batch was waited for"
    [ "$(wc -l <out)" -eq 3 ] || broken "expected a line for the request and one for the batch"
    expect_out_matches '^\[\{"jsonrpc":"2.0","id":null,"error":\{"code":-32600,.*\}\},\{"jsonrpc":"2.0","id":2,"result":"pong"\},\{"jsonrpc":"2.0","id":1,"result":null\}\]$'
    local batch
    batch=$(printf '{"jsonrpc":"2.0","id":%d,"method":"ping"},' $(seq 65))
    client send "[${batch%,}]" lines 1
    expect_out_has '"code":-32600'
    batch=$(printf '{"jsonrpc":"2.0","id":%d,"method":"ping"},' $(seq 64))
    client send "[${batch%,}]" lines 1
    [ "$(grep -o '"result":"pong"' out | wc -l)" -eq 64 ] || broken "expected 64 answers"
    stop
}

test_a_thousand_requests_in_flight_on_one_connection() {
    serve --tcp 127.0.0.1:0 "$PLUGINS/test-plugin.wasm"
    client_at "tcp:$port" send '{"jsonrpc":"2.0","id":"last","method":"sleep","params":{"ms":1000}}' \
        repeat 1000 "$ping" lines 1001 half end
    expect_status 0
    expect_out_has '{"jsonrpc":"2.0","id":"last","result":null}'
    seq 0 999 >wanted
    sed -nE 's/^\{"jsonrpc":"2.0","id":([0-9]+),"result":"pong"\}$/\1/p' out | sort -n | cmp -s - wanted ||
        broken "not each request got its answer"
    stop
}

test_a_client_that_does_not_read_is_not_read_from() {
    serve "$GUESTS/bulk.wasm" "$PLUGINS/test-plugin.wasm"
    "$LINE_CLIENT" unix:socket fill '{"jsonrpc":"2.0","id":1,"method":"x"}' touch full await go_on lines 0 half end >slow &
    local slow=$!
    await_file full
    # What it has sent fits into the socket's buffers and one of the server's; the calls that were made for it are those
    # whose answers fit into such, too. Without back-pressure it would have been some 400,000 of both.
    [ "$(head -n 1 slow)" -lt 100000 ] || broken "it could send $(head -n 1 slow) requests"
    [ "$(grep -c called server.err)" -lt 2000 ] || broken "$(grep -c called server.err) calls were made"
    ask '{"jsonrpc":"2.0","id":1,"method":"test-plugin.ping"}' '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    kill -TERM "$slow"
    wait "$slow" || true
    ask '{"jsonrpc":"2.0","id":1,"method":"test-plugin.ping"}' '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    stop
}

test_a_client_that_reads_late_gets_all_its_answers() {
    serve "$GUESTS/bulk.wasm"
    # Each request is long, so that few of them are enough.
    local spaces request
    spaces=$(printf '%60000s' '')
    request='{"jsonrpc":"2.0","id":1,"method":"x"'$spaces'}'
    client fill "$request" raw '' lines 0
    [ "$(($(wc -l <out) - 1))" -eq "$(head -n 1 out)" ] || broken "$(head -n 1 out) requests, $(wc -l <out) lines"
    ! grep -v '^[0-9]*$' out | grep -qvE '^\{"jsonrpc":"2.0","id":1,"result":"b{4096}"\}$' || broken "a wrong answer"
    stop
}

test_a_line_that_is_too_long() {
    serve --tcp 127.0.0.1:0 "$PLUGINS/test-plugin.wasm"
    client long 1048576 lines 1 end
    expect_out_matches '^\{"jsonrpc":"2.0","id":null,"error":\{"code":-32600,"message":"the line is too long"\}\}$'
    [ "$(tail -n 1 out)" = "the end" ] || broken "the connection was not closed"
    client long 3000000 end
    # One byte less is a line like others.
    local spaces
    spaces=$(printf '%1000s' '')
    client raw "{\"jsonrpc\":\"2.0\",\"id\":\"" long 1040000 send '","method":"ping"}' lines 1
    expect_out_has '"result":"pong"'
    ask "${ping/\#/1$spaces}" '{"jsonrpc":"2.0","id":1,"result":"pong"}'
    stop
}

test_a_client_that_has_said_all_still_gets_its_answers() {
    serve --tcp 127.0.0.1:0 "$PLUGINS/test-plugin.wasm"
    local address
    for address in unix:socket "tcp:$port"; do
        client_at "$address" send '{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":300}}' \
            send '{"jsonrpc":"2.0","id":2,"method":"sleep","params":{"ms":200}}' \
            raw '{"jsonrpc":"2.0","id":3,"method":"ping"}' half end
        expect_out_has '{"jsonrpc":"2.0","id":1,"result":null}'
        expect_out_has '{"jsonrpc":"2.0","id":2,"result":null}'
        expect_out_has '{"jsonrpc":"2.0","id":3,"result":"pong"}'
        [ "$(tail -n 1 out)" = "the end" ] || broken "the connection was not closed"
    done
    stop
}

test_calls_of_a_client_that_goes_are_cancelled() {
    serve --grace 36000000 --tcp 127.0.0.1:0 "$PLUGINS/test-plugin.wasm"
    "$LINE_CLIENT" unix:socket send "$forever" await go &
    "$LINE_CLIENT" "tcp:$port" send "$forever" await go reset &
    until [ "$(grep -c 'sleeping for' server.err)" -eq 2 ]; do sleep 0.02; done
    touch go
    # If the calls went on, the server would wait for them.
    stop
}

test_calls_of_a_client_that_goes_at_the_end_are_cancelled() {
    serve --grace 36000000 "$PLUGINS/test-plugin.wasm"
    "$LINE_CLIENT" unix:socket send "$forever" await go &
    await_line server.err 'sleeping for'
    kill -TERM "$server"
    await_no_file socket
    touch go
    expect_server_ends 0
}

test_the_end_waits_for_calls_in_flight() {
    serve --grace 36000000 "$PLUGINS/test-plugin.wasm"
    "$LINE_CLIENT" unix:socket send '{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":1500}}' end >answers &
    local waiting=$!
    "$LINE_CLIENT" unix:socket end >idle &
    await_line server.err 'sleeping for'
    kill -TERM "$server"
    await_no_file socket
    client end
    expect_out "no connection"
    wait "$waiting"
    printf '{"jsonrpc":"2.0","id":1,"result":null}\nthe end\n' | cmp -s - answers || broken "it got: $(cat answers)"
    expect_server_ends 0
    [ "$(cat idle)" = "the end" ] || broken "the idle client was not closed"
}

test_the_end_cuts_calls_that_are_stuck() {
    serve --grace 100 "$PLUGINS/test-plugin.wasm" "$GUESTS/spin.wasm"
    "$LINE_CLIENT" unix:socket send "$forever" send '{"jsonrpc":"2.0","id":2,"method":"spin.x"}' end >answers &
    local waiting=$!
    await_line server.err 'sleeping for'
    kill -INT "$server"
    wait "$waiting"
    grep -q '^{"jsonrpc":"2.0","id":"long","error":{"code":-32000,.*"WPLUG_CANCELLED"' answers || broken "it got: $(cat answers)"
    grep -q '^{"jsonrpc":"2.0","id":2,"error":{"code":-32000,.*"WPLUG_CANCELLED"' answers || broken "it got: $(cat answers)"
    [ "$(tail -n 1 answers)" = "the end" ] || broken "the connection was not closed"
    expect_server_ends 0
}

test_a_second_signal_ends_it_at_once() {
    serve --grace 36000000 "$PLUGINS/test-plugin.wasm"
    "$LINE_CLIENT" unix:socket send "$forever" end >answers &
    local waiting=$!
    await_line server.err 'sleeping for'
    kill -TERM "$server"
    await_no_file socket
    kill -INT "$server"
    expect_server_ends 1
    wait "$waiting"
    [ "$(cat answers)" = "the end" ] || broken "it got: $(cat answers)"
}

test_there_is_a_most_of_clients() {
    serve --clients 2 "$PLUGINS/test-plugin.wasm"
    # Two idle ones: the one that is idle for longer makes place.
    "$LINE_CLIENT" unix:socket send "${ping/\#/1}" lines 1 touch first end >first_out &
    local first=$!
    await_file first
    "$LINE_CLIENT" unix:socket send "$forever" touch second await go >second_out &
    await_line server.err 'sleeping for'
    ask "${ping/\#/3}" '{"jsonrpc":"2.0","id":3,"result":"pong"}'
    wait "$first"
    [ "$(tail -n 1 first_out)" = "the end" ] || broken "the first client is still there"
    # Two busy ones: the next has to wait until one of them goes.
    "$LINE_CLIENT" unix:socket send "$forever" await go_too >third_out &
    until [ "$(grep -c 'sleeping for' server.err)" -eq 2 ]; do sleep 0.02; done
    "$LINE_CLIENT" unix:socket touch fourth send "${ping/\#/4}" lines 1 >fourth_out &
    local fourth=$!
    await_file fourth
    [ ! -s fourth_out ] || broken "there were three at once"
    touch go
    wait "$fourth"
    [ "$(cat fourth_out)" = '{"jsonrpc":"2.0","id":4,"result":"pong"}' ] || broken "it got: $(cat fourth_out)"
    touch go_too
    stop
}

test_wrong_arguments_are_refused() {
    launch "$EXAMPLES/server"
    expect_status 2
    expect_err_has usage
    launch "$EXAMPLES/server" --unix socket --clients none "$PLUGINS/test-plugin.wasm"
    expect_status 2
    launch "$EXAMPLES/server" --unix socket nothing.wasm
    expect_status 1
    expect_err_has nothing.wasm
    launch "$EXAMPLES/server" --unix missing/socket "$PLUGINS/test-plugin.wasm"
    expect_status 1
    expect_err_has missing/socket
    launch "$EXAMPLES/server" --unix socket --tcp nowhere "$PLUGINS/test-plugin.wasm"
    expect_status 1
    expect_err_has nowhere
    [ ! -e socket ] || broken "the server left its socket behind"
    : >socket
    launch "$EXAMPLES/server" --unix socket "$PLUGINS/test-plugin.wasm"
    expect_status 1
    expect_err_has "in use"
    [ -e socket ] || broken "the server removed a file that is not its own"
}
