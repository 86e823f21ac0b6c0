// A plugin in AssemblyScript, without a kit: lines of JSON-RPC on standard input and output, by two functions
// of WASI.

@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, pieces: usize, count: i32, done: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, pieces: usize, count: i32, done: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

// What these functions take: the address and size of a piece of memory; behind it, how much of it was done.
const piece = memory.data(12);

// What was read and is not used yet: `filled` bytes at `input`.
let capacity: usize = 4096;
let input: usize = heap.alloc(capacity);
let filled: usize = 0;

function readLine(): string {
  let length: usize = 0;
  while (true) {
    while (length < filled && load<u8>(input + length) != 10) length++;
    if (length < filled) break;
    if (filled == capacity) input = heap.realloc(input, (capacity *= 2));
    store<usize>(piece, input + filled);
    store<usize>(piece, capacity - filled, 4);
    if (fd_read(0, piece, 1, piece + 8) != 0 || load<usize>(piece, 8) == 0) proc_exit(1);
    filled += load<usize>(piece, 8);
  }
  const line = String.UTF8.decodeUnsafe(input, length);
  filled -= length + 1;
  memory.copy(input, input + length + 1, filled);
  return line;
}

function writeLine(fd: i32, text: string): void {
  const bytes = String.UTF8.encode(text + "\n");
  store<usize>(piece, changetype<usize>(bytes));
  store<usize>(piece, bytes.byteLength, 4);
  fd_write(fd, piece, 1, piece + 8);
}

// The JSON value of a member. The host writes its messages without blanks, `params` and `result` last, and
// ids and names of methods contain no comma; so this takes no parser.
function member(line: string, name: string): string {
  const key = '"' + name + '":';
  const start = line.indexOf(key);
  if (start < 0) return "";
  const last = name == "params" || name == "result";
  const end = last ? line.lastIndexOf("}") : line.indexOf(",", start);
  return line.substring(start + key.length, end);
}

let calls = 0; // of the host, so far

function callHost(method: string, params: string): string {
  writeLine(1, `{"jsonrpc":"2.0","id":${calls++},"method":"${method}","params":${params}}`);
  return member(readLine(), "result"); // empty where it is an error
}

function handle(method: string, params: string): string {
  if (method == '"ping"') return '"pong"';
  if (method == '"hello"' && params.startsWith('"')) return '"Hello, ' + params.slice(1, -1) + '!"';
  if (method == '"echo"') return callHost("echo", params); // what the host's method of that name makes of it
  return "";
}

function run(): void {
  const request = readLine();
  const id = member(request, "id");
  const result = handle(member(request, "method"), member(request, "params"));
  writeLine(2, "answering " + member(request, "method"));
  writeLine(1, result.length > 0
    ? `{"jsonrpc":"2.0","id":${id},"result":${result}}`
    : `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"no such method, or not with these params"}}`);
}

// In place of AssemblyScript's own, which would be one more import.
function abort(_message: string, _file: string, line: u32, _column: u32): void {
  writeLine(2, "aborted in line " + line.toString());
  proc_exit(70);
}

run();
