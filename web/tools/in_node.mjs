/* Runs a WASI command that has the engine in it, in Node: the runner of the WebAssembly suite (scripts/spec.sh --wasm).
 *
 *      node in_node.mjs COMMAND.wasm [ARGUMENT]...
 *
 * Besides those of WASI it has three more imports: src/base/os_wasm.c. Arguments that are files or folders can be read. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';

/* Node warns that its WASI is an experiment each time. */
process.removeAllListeners('warning');
const { WASI } = await import('node:wasi');

const [command, ...args] = process.argv.slice(2);
/* Paths are as the caller sees them; the guest gets the folders in which they lie. */
const folders = new Set();
const guestArgs = args.map((arg, i) => {
    const isPath = existsSync(arg) || args[i - 1] === '--answers'; /* which is to be written */
    if (!isPath) return arg;
    const path = resolve(arg);
    folders.add(dirname(path));
    return path;
});
const wasi = new WASI({
    version: 'preview1',
    args: [command, ...guestArgs],
    preopens: Object.fromEntries([...folders].map((folder) => [folder, folder])),
    returnOnExit: true,
});
let memory;
const wplug = {
    now_monotonic: () => performance.now(),
    now_realtime: () => Date.now(),
    random: (pointer, size) => (crypto.getRandomValues(new Uint8Array(memory.buffer, pointer, size)), 1),
};
const module = await WebAssembly.compile(readFileSync(command));
const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), wplug });
memory = instance.exports.memory;
process.exitCode = wasi.start(instance);
