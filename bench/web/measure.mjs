/* Measures the host as WebAssembly, in browsers, for scripts/bench.sh web, which builds what it needs;
 * bench/README.md says how.
 *
 *      node bench/web/measure.mjs [--quick] [--repetitions N] [--figure kernels|calls]... [--kernel NAME]...
 *                                 [--in chromium|firefox|node]... [--peer NAME=MODULE.js[?QUERY]]...
 *
 * Without --in it is in the browsers that are installed, in Node where there is none. Leaves all samples in
 * build/bench/web.json. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openPlace, openServer } from './places.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
    options: {
        quick: { type: 'boolean', default: false },
        repetitions: { type: 'string' },
        figure: { type: 'string', multiple: true, default: ['kernels', 'calls'] },
        kernel: { type: 'string', multiple: true },
        in: { type: 'string', multiple: true },
        peer: { type: 'string', multiple: true, default: [] },
    },
});
const repetitions = Number(options.repetitions ?? (options.quick ? 1 : 5));
/* What one sample takes at least, and how long calls are made before the first: browsers compile what is hot
 * while it runs. */
const SAMPLE_MS = options.quick ? 30 : 100;
const WARM_UP_MS = options.quick ? 100 : 500;
/* The rounds of kernels.txt are a third of a second of an interpreter that is native. */
const ROUNDS_SHARE = options.quick ? 24 : 4;

/* ---- What is measured ---------------------------------------------------------------------------------- */

const kernelNames = readFileSync(`${root}bench/kernels/kernels.txt`, 'utf8')
    .split('\n')
    .filter((line) => / c /.test(line) && !line.startsWith('#'))
    .map((line) => line.split(' '))
    .map(([name, , rounds]) => ({ name, rounds: Math.ceil(Number(rounds) / ROUNDS_SHARE) }));

/** A plugin's method with its params and the answer that is right, both as JSON. */
const kernels = kernelNames
    .filter(({ name }) => options.kernel?.includes(name) ?? true)
    .map(({ name, rounds }) => ({
        name,
        plugin: name,
        file: `${root}build/bench/kernel-plugins/${name}.wasm`,
        method: 'run',
        params: { rounds },
        answer: '0',
    }));
const test = { plugin: 'test-plugin', file: `${root}build/release/plugins/test-plugin.wasm` };
const calls = [
    { ...test, name: 'ping', method: 'ping', params: null, answer: '"pong"' },
    { ...test, name: 'many_echo(200)', method: 'many_echo', params: { n: 200 }, answer: 'null' },
    {
        ...test,
        name: 'prime_sieve(100,000)',
        method: 'prime_sieve',
        params: { limit: 100000 },
        answer: '{"count":9592,"limit":100000}',
    },
];

const wplug = [
    { name: 'wplug', file: `${root}bench/web/wplug.js`, query: '' },
    { name: 'tail', file: `${root}bench/web/wplug.js`, query: '?build=tail' },
];
const machineCode = { name: 'own', file: `${root}bench/web/machine_code.js`, query: '' };
const peers = options.peer.map((text) => {
    const [, name, file, query = ''] = /^([\w.-]+)=([^?]+)(\?.*)?$/.exec(text) ?? [];
    if (!name || !existsSync(file)) throw new Error(`--peer ${text}: NAME=MODULE.js[?QUERY] is wanted`);
    return { name, file: resolve(file), query };
});

/* ---- Native -------------------------------------------------------------------------------------------- */

/** The same call of the same plugin by the host as a native library: what a process of its own measured. */
function callNatively({ file, method, params, answer }, count) {
    const program = `${root}build/bench/wplug/bench/host_bench`;
    const args = ['call', 'wplug', file, method, JSON.stringify(params), answer, String(count)];
    const lines = execFileSync(program, args, { encoding: 'utf8' }).trim().split('\n');
    const numbers = Object.fromEntries(lines.map((line) => line.split(' ')));
    return { wallMs: [numbers.wall_median / 1e6], cpuMs: numbers.cpu_median / 1e6 };
}

/* ---- Samples ------------------------------------------------------------------------------------------- */

const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/* By "PLACE ENGINE" and the name of what is called: {samples: [{cpuMs, wallMs}], problem}. */
const rows = new Map();

function rowOf(column, what) {
    const key = `${column} ${what.name}`;
    if (!rows.has(key)) rows.set(key, { column, what: what.name, samples: [] });
    return rows.get(key);
}

/** Something that makes calls, as a column of the tables. */
function nativeColumn() {
    const counts = new Map();
    return {
        name: 'native',
        isFor: () => true,
        prepare: async (what) => {
            const { cpuMs } = callNatively(what, 1);
            counts.set(what.name, Math.max(1, Math.ceil(SAMPLE_MS / cpuMs)));
        },
        sample: async (what) => callNatively(what, counts.get(what.name)),
    };
}

function columnOf(place, engine) {
    const counts = new Map();
    const wanted = ({ plugin, method, params, answer }) => ({
        engine: engine.name,
        plugin,
        method,
        params,
        answer,
    });
    return {
        name: `${place.name} ${engine.name}`,
        isFor: (what) => engine !== machineCode || what.method === 'run',
        /* Loads the plugin and calls until the browser has compiled what is hot. */
        prepare: async (what) => {
            await place.addPlugin(engine.name, what.plugin, what.file);
            const { wallMs } = await place.makeCalls({ ...wanted(what), ms: WARM_UP_MS, calls: 3 });
            /* The last ones are as quick as the samples will be. */
            const late = wallMs.slice(-Math.ceil(wallMs.length / 4));
            counts.set(what.name, Math.max(1, Math.ceil(SAMPLE_MS / Math.max(median(late), 0.02))));
        },
        sample: async (what) => {
            const count = counts.get(what.name);
            const { wallMs, cpuMs } = await place.makeCalls({ ...wanted(what), calls: count });
            return { wallMs, cpuMs: cpuMs === undefined ? median(wallMs) : cpuMs / count };
        },
    };
}

async function measure(columns, list) {
    const rotated = (by) => [...columns.slice(by % columns.length), ...columns.slice(0, by % columns.length)];
    for (let repetition = -1; repetition < repetitions; repetition++) {
        for (const [i, what] of list.entries()) {
            for (const column of rotated(repetition + 1 + i)) {
                const row = rowOf(column.name, what);
                if (!column.isFor(what) || row.problem) continue;
                try {
                    if (repetition < 0) await column.prepare(what);
                    else row.samples.push(await column.sample(what));
                } catch (error) {
                    row.problem = error.message;
                }
            }
            if (process.stderr.isTTY)
                process.stderr.write(`\r\x1b[K${repetition + 1} of ${repetitions}: ${what.name}`);
        }
    }
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

/* ---- Tables -------------------------------------------------------------------------------------------- */

const cpuOf = (column, what) => {
    const { samples } = rowOf(column, what);
    return samples.length ? median(samples.map(({ cpuMs }) => cpuMs)) : undefined;
};
/* The median call of the median sample, on the clock. */
const wallOf = (column, what) => {
    const { samples } = rowOf(column, what);
    return samples.length ? median(samples.map(({ wallMs }) => median(wallMs))) : undefined;
};
/** How far the samples lie apart: half of them lie within so much of the median. */
const spreadOf = (column, what) => {
    const times = rowOf(column, what).samples.map(({ cpuMs }) => cpuMs);
    const middle = median(times);
    return times.length > 1 ? median(times.map((time) => Math.abs(time - middle))) / middle : undefined;
};
const mean = (numbers) =>
    numbers.length ? Math.exp(numbers.reduce((sum, n) => sum + Math.log(n), 0) / numbers.length) : undefined;

const digits = (number, count = 3) =>
    number === undefined || !Number.isFinite(number) ? '-' : Number(number.toPrecision(count)).toString();
const percent = (number) => (number === undefined ? '-' : `${(100 * number).toFixed(1)} %`);

function print(table) {
    const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
    for (const cells of table)
        console.log(
            cells
                .map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
                .join('  ')
                .trimEnd(),
        );
    console.log();
}

/** `base` is the column that the others are divided by. */
function printKernels(columns, base) {
    const names = columns.map(({ name }) => name);
    const ratio = (name, what) => {
        const [time, own] = [cpuOf(name, what), cpuOf(base, what)];
        return time && own ? time / own : undefined;
    };
    console.log(`Kernels: milliseconds of processor time natively; the others as times of ${base}\n`);
    print([
        ['kernel', `${base}, ms`, ...names.filter((name) => name !== base)],
        ...kernels.map((what) => [
            what.name,
            digits(cpuOf(base, what)),
            ...names.filter((name) => name !== base).map((name) => digits(ratio(name, what))),
        ]),
    ]);
    const line = (title, list) => (name) => {
        const ratios = list.map((what) => ratio(name, what)).filter((number) => number !== undefined);
        return [
            title,
            name,
            String(ratios.length),
            digits(mean(ratios)),
            digits(Math.min(...ratios)),
            digits(Math.max(...ratios)),
        ];
    };
    const scalar = kernels.filter(({ name }) => !name.endsWith('_simd'));
    const vector = kernels.filter(({ name }) => name.endsWith('_simd'));
    print([
        ['times as long as native', 'where', 'kernels', 'mean', 'least', 'most'],
        ...names.map(line('without vectors', scalar)),
        ...(vector.length ? names.map(line('with vectors', vector)) : []),
    ]);
    /* All others in a browser against the package in the same one. */
    const pairs = names
        .filter((name) => name.endsWith(' wplug'))
        .flatMap((wplug) => {
            const place = wplug.slice(0, -'wplug'.length);
            return names
                .filter((name) => name.startsWith(place) && name !== wplug)
                .map((name) => [name, wplug]);
        });
    print([
        ['times as long as', 'kernels', 'mean', 'least', 'most', 'mean on the clock'],
        ...pairs.map(([name, wplug]) => {
            const both = kernels.filter((what) => cpuOf(name, what) && cpuOf(wplug, what));
            const ratios = both.map((what) => cpuOf(name, what) / cpuOf(wplug, what));
            const onTheClock = both.map((what) => wallOf(name, what) / wallOf(wplug, what));
            return [
                `${name} : ${wplug}`,
                String(ratios.length),
                digits(mean(ratios)),
                digits(Math.min(...ratios)),
                digits(Math.max(...ratios)),
                digits(mean(onTheClock)),
            ];
        }),
    ]);
}

function printCalls(columns) {
    const rowsOf = columns.flatMap((column) =>
        calls
            .filter((what) => column.isFor(what))
            .map((what) => [
                what.name,
                column.name,
                digits((cpuOf(column.name, what) ?? NaN) * 1000),
                digits((wallOf(column.name, what) ?? NaN) * 1000),
                percent(spreadOf(column.name, what)),
            ]),
    );
    rowsOf.sort(
        (a, b) => calls.findIndex(({ name }) => name === a[0]) - calls.findIndex(({ name }) => name === b[0]),
    );
    print([['call, microseconds', 'where', 'processor', 'on the clock', 'spread'], ...rowsOf]);
}

/* ---- All of it ----------------------------------------------------------------------------------------- */

const server = await openServer();
const places = [];
for (const name of options.in ?? ['chromium', 'firefox']) {
    const place = await openPlace(name, server);
    if (place) places.push(place);
    else console.log(`${name} is not installed: left out`);
}
if (places.length === 0) places.push(await openPlace('node', server));

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const header = {
    date: new Date().toISOString(),
    revision: git('log', '-1', '--format=%h'),
    processor: `${cpus()[0].model}, ${cpus().length} of them`,
    load: loadavg()
        .map((load) => load.toFixed(2))
        .join(' '),
    places: places.map(({ name, version }) => `${name} ${version}`).join(', '),
    repetitions,
};
for (const [name, text] of Object.entries(header)) console.log(`${name.padEnd(12)} ${text}`);
console.log();

let failed = false;
try {
    const columns = [nativeColumn()];
    for (const place of places) {
        for (const engine of [...wplug, machineCode, ...peers]) {
            await place.addEngine(engine.name, engine.file, engine.query);
            columns.push(columnOf(place, engine));
        }
    }
    if (options.figure.includes('calls')) {
        await measure(columns, calls);
        printCalls(columns);
    }
    if (options.figure.includes('kernels')) {
        await measure(columns, kernels);
        printKernels(columns, 'native');
    }
    const all = [...rows.values()];
    const spreads = all
        .map(({ column, what }) => spreadOf(column, { name: what }))
        .filter((one) => one !== undefined);
    if (spreads.length) console.log(`spread, median over all rows: ${percent(median(spreads))}`);
    console.log(
        `load at the end: ${loadavg()
            .map((load) => load.toFixed(2))
            .join(' ')}`,
    );
    for (const { column, what, problem } of all) {
        if (!problem) continue;
        failed = true;
        console.log(`${column}: ${what}: ${problem}`);
    }
    writeFileSync(`${root}build/bench/web.json`, JSON.stringify({ header, rows: all }, null, 1));
} finally {
    for (const place of places) await place.close();
    server.close();
}
process.exit(failed ? 1 : 0);
