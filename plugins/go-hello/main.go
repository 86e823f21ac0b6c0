// A plugin in Go, without a kit: lines of JSON-RPC on standard input and output, and nothing but the standard library.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
}

type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

var (
	input = bufio.NewReader(os.Stdin)
	calls int // of the host, so far
)

func receive() (message, error) {
	var received message
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &received)
	}
	return received, err
}

// send writes a message as one line, in one write.
func send(sent message) error {
	sent.Version = "2.0"
	line, err := json.Marshal(sent)
	if err == nil {
		_, err = os.Stdout.Write(append(line, '\n'))
	}
	return err
}

// callHost calls a method of the host and waits for its answer.
func callHost(method string, params any) (json.RawMessage, error) {
	id := fmt.Sprint(calls)
	calls++
	text, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if err := send(message{ID: json.RawMessage(id), Method: method, Params: text}); err != nil {
		return nil, err
	}
	for {
		answer, err := receive()
		if err != nil {
			return nil, err
		}
		if string(answer.ID) != id {
			continue
		}
		if answer.Error != nil {
			return nil, answer.Error
		}
		return answer.Result, nil
	}
}

// handle returns the result of a request: something to be written as JSON.
func handle(method string, params json.RawMessage) (any, error) {
	switch method {
	case "ping":
		return "pong", nil
	case "hello":
		var name string
		if err := json.Unmarshal(params, &name); err != nil {
			return nil, &failure{-32602, "Invalid params: expected a name"}
		}
		fmt.Fprintln(os.Stderr, "greeting", name)
		return "Hello, " + name + "!", nil
	case "echo": // what the host's method of that name makes of it
		return callHost("echo", params)
	default:
		return nil, &failure{-32601, "Method not found: " + method}
	}
}

func main() {
	request, err := receive()
	if err != nil {
		fmt.Fprintln(os.Stderr, "no request:", err)
		os.Exit(1)
	}
	answer := message{ID: request.ID}
	result, err := handle(request.Method, request.Params)
	if err == nil {
		answer.Result, err = json.Marshal(result)
	}
	if failed, ok := err.(*failure); ok {
		answer.Error = failed
	} else if err != nil {
		answer.Error = &failure{-32000, err.Error()}
	}
	if err := send(answer); err != nil {
		os.Exit(1)
	}
}
