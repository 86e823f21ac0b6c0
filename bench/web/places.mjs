/* The places in which engines are measured: a page of Chromium, one of Firefox, a process of Node. A place has
 *
 *      name, version
 *      addEngine(name, file, query)      file: the engine's module
 *      addPlugin(engine, plugin, file)
 *      makeCalls(what)                   {wallMs: of each call, cpuMs: of all}; cpuMs is undefined where the
 *                                        system does not tell
 *      close()
 *
 * PROCESSOR TIME is that of the thread that worked most meanwhile, of all threads of the place's processes: the
 * page's own, on which plugins run. What other programs do at that time is not in it, nor what the browser does
 * elsewhere; what asking for the calls costs on that thread is, so ask for many. */
import { fork } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launch } from '../../web/test/browser/browsers.js';
import { serve } from '../../web/test/browser/server.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/* ---- Processor time ------------------------------------------------------------------------------------ */

function numbersIn(folder) {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
}

function parentOf(process) {
    // The name, in brackets, may have anything in it.
    const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
}

/** All processes that descend from those. */
function familyOf(ancestors) {
    const children = new Map();
    for (const process of numbersIn('/proc')) {
        try {
            const parent = parentOf(process);
            children.set(parent, [...(children.get(parent) ?? []), process]);
        } catch {
            /* It has just ended. */
        }
    }
    const family = [...ancestors];
    for (const member of family) family.push(...(children.get(member) ?? []));
    return family;
}

const childrenOfThis = () =>
    familyOf([String(process.pid)])
        .slice(1)
        .filter((one) => parentOf(one) === `${process.pid}`);

/** Nanoseconds by thread; undefined where there is no /proc that tells. */
function threadTimes(ancestors) {
    const times = new Map();
    try {
        for (const process of familyOf(ancestors)) {
            for (const thread of numbersIn(`/proc/${process}/task`)) {
                try {
                    const path = `/proc/${process}/task/${thread}/schedstat`;
                    times.set(thread, Number(readFileSync(path, 'utf8').split(' ')[0]));
                } catch {
                    /* It has just ended. */
                }
            }
        }
    } catch {
        return undefined;
    }
    return times.size > 0 ? times : undefined;
}

function mostOf(before, after) {
    if (!before || !after) return undefined;
    return Math.max(...[...after].map(([thread, time]) => time - (before.get(thread) ?? 0))) / 1e6;
}

/** `before` are the children that this process had before it started the place. */
function meter(before) {
    const ancestors = childrenOfThis().filter((child) => !before.includes(child));
    return async (work) => {
        const start = threadTimes(ancestors);
        const wallMs = await work();
        return { wallMs, cpuMs: mostOf(start, threadTimes(ancestors)) };
    };
}

/* ---- Places -------------------------------------------------------------------------------------------- */

/** A server for all places, which gives out bench/, build/, web/, and the folders of what else they are asked to
 *  load. */
export async function openServer() {
    const folders = Object.fromEntries(['bench', 'build', 'web'].map((name) => [name, [`${root}${name}`]]));
    const { address, close } = await serve(folders);
    const addressOf = (file) => {
        const inside = relative(root, file);
        if (/^(bench|build|web)[/\\]/.test(inside)) return `${address}/${inside.replaceAll('\\', '/')}`;
        const room = `folder-${Buffer.from(dirname(file)).toString('hex')}`;
        folders[room] = [dirname(file)];
        return `${address}/${room}/${basename(file)}`;
    };
    return { address, addressOf, close };
}

/** What places have in common. `ask` has one of the functions of calls.js done there. */
function place(name, version, before, server, ask, moduleAddress, close) {
    const measure = meter(before);
    return {
        name,
        version,
        addEngine: (engine, file, query) =>
            ask('addEngine', { engine, address: moduleAddress(file) + query }),
        addPlugin: (engine, plugin, file) =>
            ask('addPlugin', { engine, plugin, address: server.addressOf(file) }),
        makeCalls: (args) => measure(() => ask('makeCalls', args)),
        close,
    };
}

async function openNode(server) {
    const before = childrenOfThis();
    const child = fork(new URL('in_node.mjs', import.meta.url));
    const waiting = new Map();
    child.on('message', ({ id, value, problem }) => {
        const { resolve, reject } = waiting.get(id);
        waiting.delete(id);
        if (problem) reject(new Error(problem));
        else resolve(value);
    });
    child.on('exit', () => waiting.forEach(({ reject }) => reject(new Error('the process of Node ended'))));
    let last = 0;
    const ask = (what, args) =>
        new Promise((resolve, reject) => {
            waiting.set(++last, { resolve, reject });
            child.send({ id: last, what, args });
        });
    return place(
        'node',
        process.version,
        before,
        server,
        ask,
        (file) => pathToFileURL(file).href,
        () => child.kill(),
    );
}

async function openBrowser(name, server) {
    const before = childrenOfThis();
    const browser = await launch(name);
    if (!browser) return undefined;
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(`${name}: ${error.stack}`));
    await page.goto(`${server.address}/bench/web/page.html`);
    await page.evaluate(async () => {
        window.calls = await import('/bench/web/calls.js');
    });
    const ask = (what, args) => page.evaluate(([what, args]) => window.calls[what](args), [what, args]);
    return place(name, browser.version(), before, server, ask, server.addressOf, () => browser.close());
}

/** Resolves to undefined where that browser is not installed. */
export const openPlace = (name, server) => (name === 'node' ? openNode(server) : openBrowser(name, server));
