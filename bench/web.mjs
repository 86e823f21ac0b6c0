/* Measures the host as WebAssembly in Node, for scripts/bench.sh web, which builds what it needs.
 *
 *      node bench/web.mjs [--repetitions N] [--kernel NAME]...
 *
 * Kernels: processor time of the best of N runs, natively interpreted, interpreted by each of the two builds, and compiled
 * by V8 itself. Calls: the time of `ping`, one call after the other, with each build. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Plugin } from '../web/dist/index.js';

const root = new URL('..', import.meta.url);
const path = (name) => new URL(name, root).pathname;
const { values } = parseArgs({
    options: { repetitions: { type: 'string', default: '7' }, kernel: { type: 'string', multiple: true } },
});
const repetitions = values.repetitions;
const kernels = values.kernel ?? ['base64', 'base64_simd', 'binary_trees', 'fib', 'json', 'sha256', 'sieve', 'vtable'];
const builds = ['tail', 'switch'];

/* In a process of its own: V8's first tier shall be done with it as it is for the others. */
const inV8 = `
    const { readFileSync } = require('node:fs');
    const [file, rounds, repeats] = process.argv.slice(1);
    const module = new WebAssembly.Module(readFileSync(file));
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
    const { run } = new WebAssembly.Instance(module, imports).exports;
    for (let i = -1; i < Number(repeats); i++) {
        const start = process.cpuUsage();
        if (run(i < 0 ? 1 : Number(rounds)) !== 0) process.exit(1);
        const { user, system } = process.cpuUsage(start);
        if (i >= 0) console.log('run', (user + system) * 1000);
    }`;

/** In ms. */
function best(program, args) {
    const lines = execFileSync(program, args, { encoding: 'utf8' }).split('\n');
    const times = lines.filter((line) => line.startsWith('run ')).map((line) => Number(line.slice(4)));
    return Math.min(...times) / 1e6;
}

const rounds = new Map(
    readFileSync(path('bench/kernels/kernels.txt'), 'utf8')
        .split('\n')
        .filter((line) => line && !line.startsWith('#'))
        .map((line) => line.split(' '))
        .map(([name, , count]) => [name, count]),
);

const print = (cells) => console.log(cells.map((cell, i) => (i ? cell.padStart(10) : cell.padEnd(14))).join(''));

print(['kernel, ms', 'native', ...builds, 'V8']);
for (const name of kernels) {
    const module = path(`build/bench/kernels/${name}.wasm`);
    const run = ['run', 'wplug', module, rounds.get(name), repetitions];
    const times = [
        best(path('build/bench/wplug/bench/wplug_bench'), run),
        ...builds.map((build) =>
            best('node', [path('web/tools/in_node.mjs'), path(`build/web-${build}/web/wplug_bench.wasm`), ...run]),
        ),
        best('node', ['-e', inV8, module, rounds.get(name), repetitions]),
    ];
    print([name, ...times.map((time) => time.toPrecision(3))]);
}

console.log();
print(['ping, us', 'median', '10 %', '99 %']);
for (const build of builds) {
    const plugin = await Plugin.load(path('build/release/plugins/test-plugin.wasm'), {
        wasmUrl: new URL(`web/dist/wplug-${build}.wasm`, root),
    });
    const times = [];
    for (let i = 0; i < 30000; i++) {
        const start = performance.now();
        await plugin.call('ping');
        times.push(performance.now() - start);
    }
    plugin.dispose();
    /* Once V8 has compiled what is hot. */
    const late = times.slice(10000).sort((a, b) => a - b);
    print([build, ...[0.5, 0.1, 0.99].map((part) => (late[Math.floor(part * late.length)] * 1000).toPrecision(3))]);
}
