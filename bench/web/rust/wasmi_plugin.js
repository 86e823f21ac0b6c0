/* The Rust framework, wasmi-plugin-hdk, as an engine of the measurement. Its `echo` is its own, in Rust. In the query:
 *
 *      fuel=UNITS       what a plugin spends until the framework yields; else 100,000, as it has it
 *      yields=messages  it yields by timers of no milliseconds, which browsers make four; here messages take their place  */
import init, { Framework } from './framework.js';
import { bytesOf } from './files.js';

const query = new URL(import.meta.url).searchParams;
const fuel = query.get('fuel');

await init({ module_or_path: await bytesOf('framework_bg.wasm') });

export function load(bytes) {
    const plugin = new Framework(new Uint8Array(bytes), fuel === null ? undefined : BigInt(fuel));
    const call = async (method, params) => JSON.parse(await plugin.call(method, JSON.stringify(params)));
    if (query.get('yields') !== 'messages') return { call };
    return { call: (method, params) => withoutTimers(() => call(method, params)) };
}

const channel = new MessageChannel();
const queue = [];
channel.port1.onmessage = () => queue.shift().run?.();
/* Node waits for messages while there is work, and not for ever. */
channel.port1.unref?.();

/** Until `work` is done, timers of no milliseconds are messages. */
async function withoutTimers(work) {
    const { setTimeout, clearTimeout } = globalThis;
    globalThis.setTimeout = (run, ms, ...rest) => {
        if (ms > 0) return setTimeout(run, ms, ...rest);
        const timer = { run };
        queue.push(timer);
        channel.port2.postMessage(null);
        return timer;
    };
    globalThis.clearTimeout = (timer) => {
        if (queue.includes(timer)) timer.run = undefined;
        else clearTimeout(timer);
    };
    channel.port1.ref?.();
    try {
        return await work();
    } finally {
        channel.port1.unref?.();
        Object.assign(globalThis, { setTimeout, clearTimeout });
    }
}
