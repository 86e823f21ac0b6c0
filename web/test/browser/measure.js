/* No tests, though they run as such: how the page, stopping and calls do in time. What is told depends on the machine and
 * on what else it does, so nothing is asserted. */

const quantile = (values, p) => {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
};

function tell(what, values, digits = 1) {
    const [median, most, largest] = [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)];
    const text = [median, most, largest].map((value) => value.toFixed(digits));
    console.log(
        `        ${what}: median ${text[0]} ms, 99 % ${text[1]} ms, largest ${text[2]} ms, of ${values.length}`,
    );
}

export async function tests({ browser, address }) {
    const page = await browser.newPage();
    await page.goto(`${address}/test/browser/page.html`);
    await page.evaluate(async () => {
        const { Plugin } = await import('/package/index.js');
        window.load = (name, options) => Plugin.load(new URL(`/guests/${name}.wasm`, location), options);
        /** The gaps between frames during `ms` milliseconds. */
        window.gaps = async (ms) => {
            const gaps = [];
            const start = performance.now();
            let last;
            while (performance.now() - start < ms) {
                const now = await new Promise((resolve) =>
                    requestAnimationFrame(() => resolve(performance.now())),
                );
                if (last !== undefined) gaps.push(now - last);
                last = now;
            }
            return gaps;
        };
    });
    return [
        {
            name: 'gaps between frames while nothing runs, for five seconds',
            run: async () => tell('gap', await page.evaluate(() => window.gaps(5000))),
        },
        {
            name: 'gaps between frames while a plugin computes, for five seconds',
            run: async () =>
                tell(
                    'gap',
                    await page.evaluate(async () => {
                        const plugin = await window.load('spin');
                        const controller = new AbortController();
                        const call = plugin.call('go', null, { signal: controller.signal }).catch(() => {});
                        const gaps = await window.gaps(5000);
                        controller.abort();
                        await call;
                        plugin.dispose();
                        return gaps;
                    }),
                ),
        },
        {
            name: 'from a stop to the end of the call',
            run: async () =>
                tell(
                    'stop',
                    await page.evaluate(async () => {
                        const plugin = await window.load('spin');
                        const times = [];
                        for (let i = 0; i < 100; i++) {
                            const controller = new AbortController();
                            const call = plugin
                                .call('go', null, { signal: controller.signal })
                                .catch(() => {});
                            await window.gaps(30);
                            const start = performance.now();
                            controller.abort();
                            await call;
                            times.push(performance.now() - start);
                        }
                        plugin.dispose();
                        return times;
                    }),
                    3,
                ),
        },
        {
            name: 'calls of ping, one after the other',
            run: async () =>
                tell(
                    'ping',
                    await page.evaluate(async () => {
                        const plugin = await window.load('test-plugin');
                        const times = [];
                        for (let i = 0; i < 22000; i++) {
                            const start = performance.now();
                            await plugin.call('ping');
                            // The first ones warm the browser's compiler up.
                            if (i >= 2000) times.push(performance.now() - start);
                        }
                        plugin.dispose();
                        return times;
                    }),
                    3,
                ),
        },
        {
            name: 'work that takes many frames',
            run: async () =>
                tell(
                    'prime_sieve of 10 million',
                    await page.evaluate(async () => {
                        const plugin = await window.load('test-plugin');
                        const times = [];
                        for (let i = 0; i < 5; i++) {
                            const start = performance.now();
                            await plugin.call('prime_sieve', 10000000);
                            times.push(performance.now() - start);
                        }
                        plugin.dispose();
                        return times;
                    }),
                    0,
                ),
        },
        {
            name: 'calls of a host method',
            run: async () => {
                const [n, ms] = await page.evaluate(async () => {
                    const plugin = await window.load('test-plugin', { methods: { echo: (value) => value } });
                    const n = 20000;
                    await plugin.call('many_echo', n);
                    const start = performance.now();
                    await plugin.call('many_echo', n);
                    const ms = performance.now() - start;
                    plugin.dispose();
                    return [n, ms];
                });
                console.log(`        host method: ${((ms * 1000) / n).toFixed(1)} µs each, of ${n}`);
            },
        },
    ];
}
