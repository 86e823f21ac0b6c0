/* The suite that Node runs, in a page: with each build of the host that this browser can run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wplugPackage } from './server.js';

/** Opens a page in which `tests` is the list of the suite. */
async function openSuite(browser, address, build) {
    const page = await browser.newPage();
    await page.goto(`${address}/test/browser/page.html`);
    const names = await page.evaluate(async (build) => {
        const wplug = await import('/package/index.js');
        const { suite } = await import('/test/suite.js');
        if (build === 'tail' && !wplug.hasTailCalls()) return undefined;
        const url = (name) => new URL(`/guests/${name}.wasm`, location);
        window.tests = suite({ wplug, url, wasmUrl: new URL(`/package/wplug-${build}.wasm`, location) });
        return window.tests.map((test) => test.name);
    }, build);
    return { page, names };
}

export async function tests({ browser, address }) {
    const all = [];
    for (const build of ['tail', 'switch']) {
        if (!existsSync(join(wplugPackage, `wplug-${build}.wasm`)))
            throw new Error(`wplug-${build}.wasm is not built`);
        const { page, names } = await openSuite(browser, address, build);
        if (!names) {
            console.log('this browser has no tail calls: that build is left out');
            continue;
        }
        names.forEach((name, i) => {
            // An error of the page's has its stack in the page.
            const runInPage = (i) =>
                window.tests[i].run().then(
                    () => undefined,
                    (error) => error.stack || String(error),
                );
            all.push({
                name: `${build}: ${name}`,
                run: async () => {
                    const problem = await page.evaluate(runInPage, i);
                    if (problem) throw new Error(problem);
                },
            });
        });
    }
    return all;
}
