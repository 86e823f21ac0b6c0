/* Runs the suite's runner where it is WebAssembly itself, in Node:
 *
 *      node in_node.mjs RUNNER.wasm [OPTION]... SUITE
 *
 * The runner is a WASI command. Of the host kit in it come three more imports: src/base/os_wasm.c. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';

/* Node warns that its WASI is an experiment each time. */
process.removeAllListeners('warning');
const { WASI } = await import('node:wasi');

const [runner, ...args] = process.argv.slice(2);
/* Paths are as the caller sees them; the guest gets the folders in which they lie. */
const folders = new Set();
const guestArgs = args.map((arg, i) => {
    const isPath = i === args.length - 1 || args[i - 1] === '--fuel-report';
    if (!isPath) return arg;
    const path = resolve(arg);
    folders.add(dirname(path));
    return path;
});
const wasi = new WASI({
    version: 'preview1',
    args: ['spec-runner', ...guestArgs],
    preopens: Object.fromEntries([...folders].map((folder) => [folder, folder])),
    returnOnExit: true,
});
let memory;
const wplug = {
    now_monotonic: () => performance.now(),
    now_realtime: () => Date.now(),
    random: (pointer, size) => (crypto.getRandomValues(new Uint8Array(memory.buffer, pointer, size)), 1),
};
const module = await WebAssembly.compile(readFileSync(runner));
const instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), wplug });
memory = instance.exports.memory;
process.exitCode = wasi.start(instance);
