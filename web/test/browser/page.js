/* What only a page can show: that it lives while plugins compute on its one thread. Counted in frames, not in
 * milliseconds, so that a slow machine gets the same answers. */

async function open(browser, address) {
    const page = await browser.newPage();
    await page.goto(`${address}/test/browser/page.html`);
    await page.evaluate(async () => {
        window.wplug = await import('/package/index.js');
        window.load = (name, options) =>
            window.wplug.Plugin.load(new URL(`/guests/${name}.wasm`, location), options);
        window.frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    });
    return page;
}

function assert(condition, message) {
    if (!condition) throw new Error(message);
}

export async function tests({ browser, address }) {
    const page = await open(browser, address);
    return [
        {
            name: 'frames go on while a plugin computes, and a stop comes within two of them',
            run: async () => {
                const [endedEarly, frames, error] = await page.evaluate(async () => {
                    const plugin = await window.load('spin');
                    const controller = new AbortController();
                    let error;
                    plugin
                        .call('go', null, { signal: controller.signal })
                        .catch((caught) => (error = caught.name));
                    for (let i = 0; i < 60; i++) await window.frame();
                    const endedEarly = error;
                    controller.abort();
                    let frames = 0;
                    while (!error && frames < 100) {
                        await window.frame();
                        frames++;
                    }
                    plugin.dispose();
                    return [endedEarly, frames, error];
                });
                assert(endedEarly === undefined, `ended with ${endedEarly} before it was stopped`);
                assert(error === 'CancelledError', `ended with ${error}`);
                assert(frames <= 2, `stopped after ${frames} frames`);
            },
        },
        {
            name: 'input is handled while a plugin computes',
            run: async () => {
                await page.setContent('<button id="stop">Stop</button>');
                await page.evaluate(async () => {
                    const plugin = await window.load('spin');
                    const controller = new AbortController();
                    document.getElementById('stop').onclick = () => controller.abort();
                    window.ending = plugin
                        .call('go', null, { signal: controller.signal })
                        .catch((error) => error.name)
                        .finally(() => plugin.dispose());
                });
                await page.click('#stop');
                const ending = await page.evaluate(() => window.ending);
                assert(ending === 'CancelledError', `ended with ${ending}`);
            },
        },
        {
            name: 'frames go on while a hundred calls are in flight',
            run: async () => {
                const frames = await page.evaluate(async () => {
                    const plugin = await window.load('test-plugin', { methods: { echo: (value) => value } });
                    let done = false;
                    const calls = Array.from({ length: 100 }, (_, i) =>
                        i % 2 ? plugin.call('prime_sieve', 1000000) : plugin.call('many_echo', 100),
                    );
                    const all = Promise.all(calls).then(() => (done = true));
                    let frames = 0;
                    while (!done) {
                        await window.frame();
                        frames++;
                    }
                    await all;
                    plugin.dispose();
                    return frames;
                });
                assert(frames > 5, `only ${frames} frames`);
            },
        },
        {
            name: 'calls go on where no frames are drawn, as in a page that nobody sees',
            run: async () => {
                const hidden = await open(browser, address);
                const result = await hidden.evaluate(async () => {
                    window.requestAnimationFrame = () => 0;
                    const plugin = await window.load('test-plugin');
                    const result = await plugin.call('prime_sieve', 3000000);
                    plugin.dispose();
                    return result;
                });
                assert(result.count === 216816, `${result.count} primes below three million`);
                await hidden.close();
            },
        },
        {
            name: 'a flood of log lines does not hold the page up',
            run: async () => {
                const [frames, lines, limit] = await page.evaluate(async () => {
                    let lines = 0;
                    const plugin = await window.load('babble', {
                        onLog: () => lines++,
                        limits: { logBytes: 16 << 20 },
                    });
                    let limit;
                    plugin.call('go').catch((error) => (limit = error.limit));
                    let frames = 0;
                    while (!limit && frames < 10000) {
                        await window.frame();
                        frames++;
                    }
                    plugin.dispose();
                    return [frames, lines, limit];
                });
                assert(limit === 'log', `ended by ${limit} after ${frames} frames and ${lines} lines`);
                assert(lines > 100000, `${lines} lines`);
                assert(frames > 3, `only ${frames} frames`);
            },
        },
    ];
}
