/* Where calls are made: in the page, or in a process of Node. Owns the engines, the plugins that each has
 * loaded, and the clock on the wall; who reads the processor's time stands outside (places.mjs). */
const engines = new Map();
const plugins = new Map();
const echo = (params) => params;

/** An engine is a module with load(): bench/README.md. */
export async function addEngine({ engine, address }) {
    engines.set(engine, await import(address));
}

export async function addPlugin({ engine, plugin, address }) {
    const bytes = await (await fetch(address)).arrayBuffer();
    plugins.set(`${engine} ${plugin}`, await engines.get(engine).load(bytes, { echo }));
}

/** Makes calls one after the other, `calls` of them and for `ms` milliseconds at least; gives the milliseconds
 *  that each took. An answer that is not the right one ends the measurement. */
export async function makeCalls({ engine, plugin, method, params, answer, ms = 0, calls = 1 }) {
    const loaded = plugins.get(`${engine} ${plugin}`);
    const times = [];
    const begin = performance.now();
    do {
        const start = performance.now();
        const result = await loaded.call(method, params);
        times.push(performance.now() - start);
        const text = JSON.stringify(result ?? null);
        if (text !== answer) throw new Error(`${engine}: ${plugin}: ${method} gave ${text}, not ${answer}`);
    } while (times.length < calls || performance.now() - begin < ms);
    return times;
}
