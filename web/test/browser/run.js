/* Runs one part of the tests in one browser:
 *
 *      node run.js chromium|firefox suite|page|playground|measure
 *
 *      suite       web/test/suite.js, which Node runs too, in a page
 *      page        what only a page can show: frames while a plugin computes, stopping
 *      playground  the playground's flows; pictures of it go to $WPLUG_PICTURES, where that is set
 *      measure     no test: tells how frames, stopping and calls do in time
 *
 * A line a test; status 1 where one failed, 77 where something that the part needs is not there.               */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { browserNames, launch } from './browsers.js';
import { guestFolders, playground, serve, wplugPackage } from './server.js';

const SKIPPED = 77;
const TEST_MS = 120000;

function skip(why) {
    console.log(`skipped: ${why}`);
    process.exit(SKIPPED);
}

/** Runs tests, {name, run}, one after the other; resolves to how many failed. */
async function runTests(tests) {
    let failed = 0;
    for (const { name, run } of tests) {
        let timer;
        const late = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`no end after ${TEST_MS / 1000} s`)), TEST_MS);
        });
        const started = performance.now();
        try {
            await Promise.race([run(), late]);
            console.log(`ok      ${name} (${Math.round(performance.now() - started)} ms)`);
        } catch (error) {
            failed++;
            console.log(
                `FAILED  ${name}\n        ${String(error?.stack ?? error).replace(/\n/g, '\n        ')}`,
            );
        }
        clearTimeout(timer);
    }
    console.log(`${tests.length - failed} of ${tests.length} passed`);
    return failed;
}

const [browserName, part] = process.argv.slice(2);
const parts = ['suite', 'page', 'playground', 'measure'];
if (!browserNames.includes(browserName) || !parts.includes(part)) {
    console.error(`usage: node run.js ${browserNames.join('|')} ${parts.join('|')}`);
    process.exit(2);
}
if (!existsSync(join(wplugPackage, 'index.js'))) skip('the package is not built: scripts/web.sh');
if (!guestFolders.every((folder) => existsSync(folder))) skip('the guests of the tests are not built');
if (part === 'playground' && !existsSync(join(playground, 'index.html')))
    skip('the playground is not built: scripts/playground.sh --build-only');
if (!existsSync(new URL('node_modules/playwright-core', import.meta.url)))
    skip('playwright-core is not there: npm ci in web/test/browser');
const browser = await launch(browserName);
if (!browser) skip(`${browserName} is not installed`);

console.log(`${browserName} ${browser.version()}`);
const server = await serve();
let failed = 0;
try {
    const { tests } = await import(`./${part}.js`);
    failed = await runTests(await tests({ browser, browserName, address: server.address }));
} finally {
    await browser.close();
    server.close();
}
process.exit(failed === 0 ? 0 : 1);
