/* The suite that Node runs, in a page. */

export async function tests({ browser, address }) {
    const page = await browser.newPage();
    await page.goto(`${address}/test/browser/page.html`);
    const names = await page.evaluate(async () => {
        const wplug = await import('/package/index.js');
        const { suite } = await import('/test/suite.js');
        const url = (name) => new URL(`/guests/${name}.wasm`, location);
        window.tests = suite({ wplug, url, wasmUrl: new URL('/package/wplug.wasm', location) });
        return window.tests.map((test) => test.name);
    });
    // An error of the page's has its stack in the page.
    const runInPage = (i) =>
        window.tests[i].run().then(
            () => undefined,
            (error) => error.stack || String(error),
        );
    return names.map((name, i) => ({
        name,
        run: async () => {
            const problem = await page.evaluate(runInPage, i);
            if (problem) throw new Error(problem);
        },
    }));
}
