/* The framework's engine alone, with the least that calls plugins, as an engine of the measurement. In the query:
 *
 *      version=1|2    of wasmi
 *      fuel           with fuel metered */
import { bytesOf } from './files.js';

const query = new URL(import.meta.url).searchParams;
const version = Number(query.get('version'));
const isMetered = query.has('fuel');

const module = await WebAssembly.compile(await bytesOf('engine.wasm'));

export async function load(bytes) {
    const { memory, input, output, output_size, load, call } = (await WebAssembly.instantiate(module)).exports;
    const put = (bytes) => {
        const pointer = input(bytes.length);
        new Uint8Array(memory.buffer, pointer, bytes.length).set(bytes);
    };
    const text = () => new TextDecoder().decode(new Uint8Array(memory.buffer, output(), output_size()));
    const check = (isDone) => {
        if (!isDone) throw new Error(`wasmi ${version}: ${text()}`);
    };
    put(new Uint8Array(bytes));
    check(load(version, isMetered));
    return {
        call(method, params) {
            put(new TextEncoder().encode(`${JSON.stringify({ jsonrpc: '2.0', id: 0, method, params })}\n`));
            check(call());
            return JSON.parse(text());
        },
    };
}
