/* The suite in Node, with both builds of the host. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import * as wplug from '../dist/index.js';
import { suite } from './suite.js';

const build = process.env.WPLUG_BUILD ?? new URL('../../build/release', import.meta.url).pathname;
const folders = ['plugins', 'tests/e2e/guests', 'tests/hostile/guests'];

function url(name) {
    const paths = folders.map((folder) => `${build}/${folder}/${name}.wasm`);
    return pathToFileURL(paths.find((path) => existsSync(path)) ?? paths[0]);
}

for (const name of ['tail', 'switch']) {
    const wasmUrl = new URL(`../dist/wplug-${name}.wasm`, import.meta.url);
    const skip = name === 'tail' && !wplug.hasTailCalls() && 'this Node has no tail calls';
    describe(`the host built for ${name}`, { skip }, () => {
        for (const { name, run } of suite({ wplug, url, wasmUrl })) it(name, { timeout: 120000 }, run);
    });
}
