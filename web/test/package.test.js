/* What the package is made of. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const folder = new URL('..', import.meta.url);
const host = 'dist/wplug.wasm';
const read = (name) => readFileSync(new URL(name, folder));

it('the host imports seven functions of its own and nothing else', () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(read(host)));
    const names = imports.map(({ module, name, kind }) => `${kind} ${module}.${name}`).sort();
    const own = ['done', 'log', 'now_monotonic', 'now_realtime', 'random', 'request', 'trace'];
    assert.deepEqual(names, own.map((name) => `function wplug.${name}`));
});

it('the host is under 200 KB compressed', (t) => {
    const bytes = read(host);
    const sizes = [gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
    t.diagnostic(`${bytes.length} bytes, gzip ${sizes[0]}, brotli ${sizes[1]}`);
    for (const size of sizes) assert.ok(size < 200_000, `${size} bytes`);
});

it('npm packs the host, the code, its types and what there is to read', () => {
    const [report] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: folder, encoding: 'utf8' }));
    const sources = readdirSync(new URL('src', folder)).filter((name) => name.endsWith('.ts'));
    const stems = sources.map((name) => name.slice(0, -3));
    const code = stems.flatMap((stem) => [`dist/${stem}.js`, `dist/${stem}.d.ts`]);
    const expected = ['LICENSE', 'README.md', 'package.json', host, ...code];
    assert.deepEqual(report.files.map((file) => file.path).sort(), expected.sort());
});

it('depends on no other package', () => {
    const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(read('package.json'));
    assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
});
