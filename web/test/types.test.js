/* The package's types, as the compilers of its users see them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax'];

function compile(...options) {
    const files = ['test/consumer/consumer.ts'];
    const args = ['node_modules/typescript/bin/tsc', '--noEmit', ...strict, '--target', 'ES2022', ...options, ...files];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
}

for (const [module, resolution] of [
    ['ESNext', 'bundler'],
    ['Node16', 'node16'],
]) {
    /* Without skipLibCheck, and without the library that has Symbol.dispose: what the types need they bring along. */
    it(`are good under moduleResolution ${resolution}`, { timeout: 120000 }, () =>
        compile('--module', module, '--moduleResolution', resolution, '--lib', 'ES2022,DOM'));
}
