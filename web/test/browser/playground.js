/* The playground as its users use it: with mouse, keyboard and files, on a desk and on a phone. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './browsers.js';
import { guestFolders } from './server.js';

const PATIENCE_MS = 60000;

function assert(condition, message) {
    if (!condition) throw new Error(message);
}

function assertEqual(actual, expected) {
    const [is, should] = [actual, expected].map((value) => JSON.stringify(value));
    assert(is === should, `is ${is}, should be ${should}`);
}

const guest = (name) =>
    guestFolders.map((folder) => join(folder, `${name}.wasm`)).find((path) => existsSync(path));

/** The page, by what one sees of it. */
class Playground {
    constructor(page) {
        this.page = page;
        this.problems = [];
        // Errors of the page, and what its own content security policy forbade.
        page.on('pageerror', (error) => this.problems.push(String(error)));
        page.on('console', (message) => message.type() === 'error' && this.problems.push(message.text()));
    }

    async open(address) {
        await this.page.goto(`${address}/playground/`);
        await this.methodShown('hello');
    }

    methodShown(name) {
        return this.page.locator(`[data-method="${name}"]`).waitFor();
    }

    async example(name, firstMethod) {
        await this.page.locator('.example', { has: this.page.getByText(name, { exact: true }) }).click();
        await this.methodShown(firstMethod);
    }

    async pick(path) {
        await this.page.locator('#plugin-file').setInputFiles(path);
    }

    /** Picks a guest that does not describe itself. */
    async pickPlain(name) {
        await this.pick(guest(name));
        await this.page.getByText('does not describe itself').waitFor();
        await this.page.locator('#inspect').waitFor();
    }

    async method(name) {
        await this.page.locator(`[data-method="${name}"]`).click();
    }

    params(text) {
        return this.page.fill('#params', text);
    }

    idle() {
        return this.page.locator('#stop[disabled]').waitFor({ state: 'attached' });
    }

    /** Calls, and gives what is shown when the call has ended. */
    async call() {
        await this.page.evaluate(() => document.getElementById('result').replaceChildren());
        await this.page.click('#run');
        return this.result();
    }

    async result() {
        await this.page.locator('#result > *').first().waitFor();
        await this.idle();
        return this.page.locator('#result').innerText();
    }

    async tab(id) {
        await this.page.click(`#tab-${id}`);
    }

    /** Waits until the page says so. */
    until(condition, argument) {
        return this.page.waitForFunction(condition, argument, { timeout: PATIENCE_MS });
    }

    async picture(name, browserName) {
        const folder = process.env.WPLUG_PICTURES;
        if (!folder) return;
        await this.page.screenshot({ path: join(folder, `${browserName}-${name}.png`), fullPage: true });
        this.isPictured = true;
    }

    async close() {
        await this.page.context().close();
        // For a picture the driver injects a style, which the page's policy forbids.
        const isOurs = (problem) => !(this.isPictured && problem.includes('inline style'));
        assertEqual(this.problems.filter(isOurs), []);
    }
}

// Ratios of luminance as WCAG 2 defines them, of the pairs of colours that text is set in.
function contrasts() {
    const style = getComputedStyle(document.documentElement);
    const luminance = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => {
            const c = parseInt(hex.slice(i, i + 2), 16) / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const pairs = [
        ['--text', '--page'],
        ['--text', '--panel'],
        ['--text', '--sunken'],
        ['--text', '--accent-soft'],
        ['--text', '--bad-soft'],
        ['--text', '--warn-soft'],
        ['--soft', '--page'],
        ['--soft', '--panel'],
        ['--soft', '--sunken'],
        ['--soft', '--accent-soft'],
        ['--accent', '--panel'],
        ['--accent', '--sunken'],
        ['--accent-text', '--accent'],
        ['--good', '--panel'],
        ['--good', '--sunken'],
        ['--bad', '--panel'],
        ['--bad', '--bad-soft'],
        ['--warn', '--panel'],
        ['--warn', '--warn-soft'],
    ];
    return pairs.map(([text, ground]) => {
        const [a, b] = [luminance(text), luminance(ground)];
        return { text, ground, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
    });
}

export async function tests({ browser, browserName, address }) {
    const all = [];

    /** A test with a page of its own, on which nothing may go wrong unseen. */
    const test = (name, body, options = {}) =>
        all.push({
            name,
            run: async () => {
                const context = await browser.newContext({
                    viewport: { width: 1400, height: 900 },
                    ...options,
                });
                context.setDefaultTimeout(PATIENCE_MS);
                const playground = new Playground(await context.newPage());
                await playground.open(address);
                await body(playground, playground.page);
                await playground.close();
            },
        });

    test('the first example is there from the beginning, and Ctrl+Enter calls it', async (playground, page) => {
        await page.locator('#params').press('Control+Enter');
        assert((await playground.result()).includes('"Hello, Ada!"'), 'no greeting');
        await playground.picture('hello', browserName);
    });

    test('every example has its methods and answers', async (playground) => {
        for (const [name, method, expected] of [
            ['test-plugin', 'ping', '"pong"'],
            ['textstats', 'analyze', '"lines": 16'],
            ['qrcode', 'svg', 'As JSON'],
            ['hello', 'hello', 'Hello, Ada!'],
        ]) {
            await playground.example(name, method);
            const result = await playground.call();
            assert(result.includes(expected), `${name}: ${result}`);
            assert(/time.*fuel.*memory/s.test(result), `${name}: ${result}`);
        }
    });

    test('a picture is shown as one, and so is text of blocks', async (playground, page) => {
        await playground.example('qrcode', 'svg');
        await playground.call();
        await playground.until(() => document.querySelector('#result img')?.naturalWidth > 0);
        await playground.picture('picture', browserName);
        await playground.method('text');
        await playground.call();
        assert((await page.locator('#result pre.blocks').innerText()).includes('█'), 'no blocks');
    });

    test('a 64-bit number is shown with all its digits', async (playground, page) => {
        await playground.pickPlain('mirror');
        await page.fill('#method', 'mirror');
        await playground.params('{"n": 18446744073709551615, "e": 1e400, "d": 0.10}');
        const result = await playground.call();
        for (const digits of ['18446744073709551615', '1e400', '0.10'])
            assert(result.includes(digits), result);
    });

    test('wrong JSON is pointed at and cannot be called', async (playground, page) => {
        for (const [text, where] of [
            ['{"name": }', 'Line 1, column 10: a value is missing'],
            ['{\n  "name": "Ada",\n}', 'Line 3, column 1: no comma before }'],
            ["{'name': 1}", 'Line 1, column 2: expected a name in double quotes'],
            ['[01]', 'Line 1, column 3: not a number'],
            ['"abc', 'Line 1, column 1: the string has no end'],
            ['{} {}', 'Line 1, column 4: there is more after the value'],
        ]) {
            await playground.params(text);
            assertEqual(await page.locator('#params-problem').innerText(), where);
            assert(await page.locator('#run').isDisabled(), `${text} can be called`);
        }
        await page.locator('#params-problem button').click();
        assertEqual(await page.evaluate(() => document.getElementById('params').selectionStart), 3);
        await playground.params('');
        assert((await playground.call()).includes('Hello, world!'), 'empty params are not null');
    });

    test('params that differ from the description are remarked on, and can be called', async (playground, page) => {
        await playground.example('qrcode', 'svg');
        await playground.params('{"level": "X", "border": 65, "size": 1}');
        const problems = (await page.locator('#params-problem li').allInnerTexts()).sort();
        assertEqual(problems, [
            'border should be at most 64',
            'level should be one of "L", "M", "Q", "H"',
            'svg knows no size',
            'text is required',
        ]);
        const result = await playground.call();
        assert(result.includes('The plugin answered with an error') && result.includes('-32602'), result);
        await playground.picture('error', browserName);
    });

    test('a parameter is inserted from the list', async (playground, page) => {
        await playground.example('qrcode', 'svg');
        await page.getByLabel('Insert parameter border').click();
        assertEqual(JSON.parse(await page.inputValue('#params')), { text: 'https://example.org', border: 0 });
    });

    test('Escape stops a plugin that computes, and the page can call again', async (playground, page) => {
        await playground.pickPlain('spin');
        await page.fill('#method', 'go');
        await page.click('#run');
        await page.getByText('longest frame').waitFor();
        await playground.picture('running', browserName);
        await page.keyboard.press('Escape');
        assert((await playground.result()).includes('Stopped'), 'not stopped');
        await playground.example('hello', 'hello');
        assert((await playground.call()).includes('Hello, Ada!'), 'no greeting');
    });

    test('the stop button stops what is repeated', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await playground.method('sleep');
        await playground.params('{"ms": 20}');
        await page.fill('#times', '100000');
        await page.click('#repeat');
        await playground.until(() => document.querySelectorAll('.chart rect').length > 2);
        await page.click('#stop');
        await playground.idle();
        assert((await page.locator('#result').innerText()).includes('Stopped'), 'not stopped');
    });

    test('repeated calls are charted, some at once too', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await page.fill('#times', '30');
        await page.fill('#at-once', '4');
        await page.click('#repeat');
        await playground.until(() => document.querySelectorAll('.chart rect').length === 30);
        await page.getByText('calls a second').waitFor();
        const label = await page.locator('.chart svg').getAttribute('aria-label');
        assert(/^Times of 30 calls, median \d/.test(label), label);
        await playground.picture('timings', browserName);
    });

    test('the log is live', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await playground.method('prime_sieve');
        await playground.params('{"limit": 1000}');
        await playground.call();
        await page.locator('#pane-log li', { hasText: 'found 168 primes up to 1000' }).waitFor();
    });

    test('a flooded log shows its end, and the page goes on', async (playground, page) => {
        await playground.pickPlain('babble');
        await page.fill('#method', 'go');
        const result = await playground.call();
        assert(result.includes('A limit was reached') && result.includes('log'), result);
        assert((await page.locator('#pane-log li').count()) === 500, 'not its last 500 lines');
    });

    test('every message of a call is shown', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await playground.method('many_echo');
        await playground.params('{"n": 3}');
        await playground.call();
        await playground.tab('messages');
        await playground.until(() => document.querySelectorAll('#pane-messages li').length === 8);
        const last = page.locator('#pane-messages li').last();
        await last.locator('summary').click();
        assertEqual(JSON.parse(await last.locator('pre', { hasText: 'result' }).innerText()), {
            jsonrpc: '2.0',
            id: 0,
            result: null,
        });
        await playground.picture('messages', browserName);
    });

    test('log and messages show their end, also where they came while another pane was shown', async (playground, page) => {
        const isAtEnd = (id) =>
            page.waitForFunction(
                (id) => {
                    const pane = document.getElementById(id);
                    const scroller = pane.querySelector('.scroller, .lines');
                    const isFull = scroller.scrollHeight > scroller.clientHeight && scroller.clientHeight > 0;
                    return isFull && scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
                },
                id,
                { timeout: PATIENCE_MS },
            );
        await playground.example('test-plugin', 'ping');
        await playground.method('many_echo');
        await playground.params('{"n": 50}');
        await playground.tab('host');
        await playground.call();
        await playground.tab('messages');
        await isAtEnd('pane-messages');
        await playground.call();
        await playground.until(() => document.querySelectorAll('#pane-messages li').length === 204);
        await isAtEnd('pane-messages');
        // Who has scrolled away stays there.
        await page.locator('#pane-messages .scroller').evaluate((scroller) => (scroller.scrollTop = 10));
        await playground.call();
        await playground.until(() => document.querySelectorAll('#pane-messages li').length === 306);
        assertEqual(
            await page.locator('#pane-messages .scroller').evaluate((scroller) => scroller.scrollTop),
            10,
        );
        await playground.method('prime_sieve');
        await playground.params('{"limit": 100}');
        await page.fill('#times', '60');
        await page.click('#repeat');
        await playground.until(() => document.querySelectorAll('#pane-log li').length === 60);
        await playground.idle();
        await playground.tab('log');
        await isAtEnd('pane-log');
    });

    test('a host method that is switched off is not found', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await playground.method('many_echo');
        await playground.tab('host');
        await page.uncheck('#host-echo');
        assert((await playground.call()).includes('echo is switched off'), 'it was answered');
        await page.check('#host-echo');
        assert((await playground.call()).startsWith('null'), 'it was not answered');
    });

    test('plugins fetch what is on the list and nothing else', async (playground, page) => {
        await playground.pickPlain('actor');
        await page.fill('#method', 'act');
        const ask = async (url) => {
            await playground.params(JSON.stringify(`ask fetch ${JSON.stringify({ url })}\nwait\nlast`));
            return playground.call();
        };
        assert((await ask('samples/greeting.txt')).includes('a plugin has no network'), 'not fetched');
        assert(
            (await ask('samples/../samples/greeting.txt')).includes('a plugin has no network'),
            'not the same',
        );
        for (const url of [
            'index.html',
            '../test/browser/page.html',
            'http://example.org/',
            '//example.org/',
            'data:,x',
        ])
            assert((await ask(url)).includes('is not on the list'), `${url} was fetched`);
        await playground.tab('host');
        await page.fill('#allowed-paths', 'http://example.org/\n');
        for (const url of ['http://example.org/', 'samples/greeting.txt', ''])
            assert((await ask(url)).includes('is not on the list'), `${url} was fetched`);
        await page.fill('#allowed-paths', 'icon.svg');
        assert((await ask('icon.svg')).includes('<svg'), 'a path that was added is not fetched');
        await playground.picture('host', browserName);
    });

    test('plugins read the files that were picked, in pieces of whole characters', async (playground, page) => {
        const folder = await mkdtemp(join(tmpdir(), 'wplug-'));
        try {
            // Each piece is a round trip to another process of the browser's: a busy machine takes its time for them.
            const text = 'Übergrößen für Ämter: 1 €, 😀.\n'.repeat(40);
            await writeFile(join(folder, 'notes.txt'), text);
            await playground.example('textstats', 'analyze');
            await playground.tab('host');
            await page.locator('#picked-files').setInputFiles(join(folder, 'notes.txt'));
            await playground.params('{"path": "notes.txt", "piece_size": 7}');
            await playground.call();
            const shown = JSON.parse(await page.locator('#result pre.json').innerText());
            assertEqual(
                [shown.bytes, shown.lines, shown.characters],
                [Buffer.byteLength(text), 40, [...text].length],
            );
            await playground.params('{"path": "other.txt"}');
            assert((await playground.call()).includes('not among the files that were picked'), 'it was read');
        } finally {
            await rm(folder, { recursive: true });
        }
    });

    test('a trap is shown with where it happened', async (playground, page) => {
        await playground.pickPlain('crash');
        await page.fill('#method', 'go');
        const result = await playground.call();
        assert(result.includes('The plugin trapped') && result.includes('at crash_here'), result);
        await playground.picture('trap', browserName);
    });

    test('limits hold', async (playground, page) => {
        await playground.pickPlain('spin');
        await page.fill('#method', 'go');
        await page.click('.limits summary');
        await page.fill('#limit-fuel', '100000');
        assert((await playground.call()).includes('WPLUG_FUEL_LIMIT'), 'no fuel limit');
        await page.fill('#limit-fuel', '');
        await page.fill('#limit-time', '50');
        assert((await playground.call()).includes('Out of time'), 'no time limit');
    });

    test('what is no plugin is refused with a reason, and the next one loads', async (playground, page) => {
        await playground.pick(guest('no_start'));
        await page.getByText('Not a plugin that can be loaded').waitFor();
        assert(await page.locator('#run').isDisabled(), 'it can be called');
        await playground.example('hello', 'hello');
        assert((await playground.call()).includes('Hello, Ada!'), 'no greeting');
    });

    test('a plugin can be dropped anywhere', async (playground, page) => {
        await page.evaluate(async () => {
            const bytes = await (await fetch('plugins/qrcode.wasm')).arrayBuffer();
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], 'dropped.wasm'));
            for (const type of ['dragover', 'drop'])
                document
                    .querySelector('h1')
                    .dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        });
        await playground.methodShown('svg');
        assert(await page.locator('#drop-cover').isHidden(), 'the cover stays');
    });

    test('another plugin may be chosen while one computes', async (playground, page) => {
        await playground.pickPlain('spin');
        await page.fill('#method', 'go');
        await page.click('#run');
        await page.getByText('longest frame').waitFor();
        await playground.example('hello', 'hello');
        await playground.idle();
        assert((await playground.call()).includes('Hello, Ada!'), 'no greeting');
    });

    test('all of it can be reached with the keyboard', async (playground, page) => {
        await playground.example('test-plugin', 'ping');
        await page.locator('#theme').focus();
        const reached = new Set();
        for (let i = 0; i < 60; i++) {
            await page.keyboard.press('Tab');
            reached.add(
                await page.evaluate(() => document.activeElement.id || document.activeElement.dataset.method),
            );
        }
        for (const id of [
            'plugin-file',
            'ping',
            'prime_sieve',
            'method',
            'params',
            'run',
            'repeat',
            'times',
            'tab-log',
        ])
            assert(reached.has(id), `${id} is not reached`);
        await page.locator('#tab-log').focus();
        await page.keyboard.press('ArrowRight');
        assertEqual(await page.evaluate(() => document.activeElement.id), 'tab-messages');
        assert(await page.locator('#pane-messages').isVisible(), 'the pane is not shown');
        await page.keyboard.press('ArrowLeft');
        await page.keyboard.press('ArrowLeft');
        assertEqual(await page.evaluate(() => document.activeElement.id), 'tab-host');
    });

    test('every control has a name', async (playground, page) => {
        const nameless = await page.evaluate(() =>
            [...document.querySelectorAll('button, input, textarea')]
                .filter(
                    (one) =>
                        !(one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()),
                )
                .map((one) => one.outerHTML),
        );
        assertEqual(nameless, []);
    });

    test('colours are chosen with a button, and text is legible in all', async (playground, page) => {
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const grounds = [];
        for (const theme of ['light', 'dark']) {
            await page.click('#theme');
            assertEqual(await page.evaluate(() => document.documentElement.dataset.theme), theme);
            grounds.push(await ground());
            for (const { text, ground, ratio } of await page.evaluate(contrasts))
                assert(ratio >= 4.5, `${theme}: ${text} on ${ground} has ${ratio.toFixed(2)}`);
        }
        assert(grounds[0] !== grounds[1], 'light and dark are the same');
        await page.reload();
        await playground.methodShown('hello');
        assertEqual(await ground(), grounds[1]);
        await playground.picture('dark', browserName);
    });

    all.push({
        name: 'the colours of the system are taken',
        run: async () => {
            // Firefox takes no word for it from the driver, so it is one whose system is dark by its
            // preferences.
            const preferences = { 'layout.css.prefers-color-scheme.content-override': 0 };
            const dark =
                browserName === 'firefox' && (await launch('firefox', { firefoxUserPrefs: preferences }));
            const context = await (dark || browser).newContext({ colorScheme: 'dark' });
            const page = await context.newPage();
            await page.goto(`${address}/playground/`);
            const [r] = await page.evaluate(() =>
                getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number),
            );
            assert(r < 64, `the page is not dark: ${r}`);
            await (dark || context).close();
        },
    });

    test(
        'a phone shows all of it without scrolling sideways',
        async (playground, page) => {
            await playground.example('qrcode', 'svg');
            await playground.call();
            for (const tab of ['log', 'messages', 'timings', 'host']) {
                await playground.tab(tab);
                const [wide, width] = await page.evaluate(() => [
                    document.documentElement.scrollWidth,
                    window.innerWidth,
                ]);
                assert(wide <= width, `${tab}: ${wide} pixels in ${width}`);
            }
            // All four tabs too, with the longest numbers that they can have.
            const [wide, width] = await page.evaluate(() => {
                for (const badge of document.querySelectorAll('#tab-log .badge, #tab-messages .badge'))
                    badge.textContent = '999+';
                const tabs = document.getElementById('tabs');
                return [tabs.scrollWidth, tabs.clientWidth];
            });
            assert(wide <= width, `tabs: ${wide} pixels in ${width}`);
            await playground.tab('messages');
            await playground.picture('phone', browserName);
        },
        { viewport: { width: 360, height: 740 } },
    );

    return all;
}
