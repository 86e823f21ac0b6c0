/* The suite in Node. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as wplug from '../dist/index.js';
import { suite } from './suite.js';

const build = process.env.WPLUG_BUILD ?? new URL('../../build/release', import.meta.url).pathname;
const folders = ['plugins', 'tests/e2e/guests', 'tests/hostile/guests'];

function url(name) {
    const paths = folders.map((folder) => `${build}/${folder}/${name}.wasm`);
    return pathToFileURL(paths.find((path) => existsSync(path)) ?? paths[0]);
}

for (const { name, run } of suite({ wplug, url, wasmUrl: new URL('../dist/wplug.wasm', import.meta.url) })) it(name, { timeout: 120000 }, run);

/* V8 has vectors only on processors with SSE4.1, and can be told that this one has none. */
const onX86 = ['x64', 'ia32'].includes(process.arch);
it('an engine that has no vectors is told so', { skip: !onX86 && 'only for x86 there is such an engine here' }, () => {
    const script = `
        import { LoadError, Plugin } from '${new URL('../dist/index.js', import.meta.url)}';
        const error = await Plugin.load('${url('test-plugin')}').catch((error) => error);
        console.log(error instanceof LoadError, error.message);`;
    const args = ['--no-enable-sse4-1', '--input-type=module', '--eval', script];
    assert.match(execFileSync(process.execPath, args, { encoding: 'utf8' }), /^true wplug needs WebAssembly with vectors/);
});

it('a plugin that nobody holds any more is freed in the end', { timeout: 60000 }, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const use = async () => {
        /* A host method that holds its plugin is no reason to keep it. */
        const methods = { echo: (n) => (plugin ? n : 0) };
        const plugin = await wplug.Plugin.load(url('test-plugin'), { methods });
        await plugin.call('many_echo', { n: 1 });
    };
    await use();
    const before = (await wplug.hostUsage()).allocatedBytes;
    for (let i = 0; i < 10; i++) await use();
    /* Several are held now; the first one may be gone or not. */
    while ((await wplug.hostUsage()).allocatedBytes > before) {
        collect();
        await wait(1);
    }
});
