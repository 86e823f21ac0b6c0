/* What the package must do, in Node and in a page alike. suite() gives a list of {name, run}; run() rejects where the
 * behaviour is not as its name says.
 *
 *      suite({ wplug, url, wasmUrl })
 *          wplug    what the package exports
 *          url      where a guest lies: url('test-plugin'), a URL
 *          wasmUrl  where the package's module lies, a URL                                                           */

function assert(condition, message) {
    if (!condition) throw new Error(message ?? 'it is not so');
}

function assertEqual(actual, expected) {
    const [is, should] = [actual, expected].map((value) => JSON.stringify(value));
    if (is !== should) throw new Error(`is ${is}, should be ${should}`);
}

/** The error that a promise rejects with, which must be of that class. */
async function assertRejects(promise, kind) {
    let value;
    try {
        value = await promise;
    } catch (error) {
        if (!(error instanceof kind)) throw new Error(`rejected with ${error?.stack}, should be ${kind.name}`);
        return error;
    }
    throw new Error(`resolved to ${JSON.stringify(value)}, should reject with ${kind.name}`);
}

/** Some turns of the event loop's timers. */
async function ticks(count) {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

function wait(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

export function suite({ wplug, url, wasmUrl }) {
    const { Plugin } = wplug;
    const tests = [];
    const test = (name, run) => tests.push({ name, run });

    const load = (name, options) => Plugin.load(url(name), options);
    /** Runs `body` with a plugin that is disposed afterwards. */
    async function using(name, options, body) {
        const plugin = await load(name, options);
        try {
            return await body(plugin);
        } finally {
            plugin.dispose();
        }
    }
    /** A call of the guest that does what its params say: tests/hostile/guests/actor.c. */
    const act = (lines, options, callOptions) =>
        using('actor', options, (plugin) => plugin.call('act', lines.join('\n'), callOptions));

    /* ---- Calls ---- */

    test('ping answers pong', () =>
        using('test-plugin', {}, async (plugin) => assertEqual(await plugin.call('ping'), 'pong')));

    test('prime_sieve counts primes, and says so in its log', async () => {
        const lines = [];
        await using('test-plugin', { onLog: (line) => lines.push(line) }, async (plugin) => {
            assertEqual(await plugin.call('prime_sieve', { limit: 1000 }), { count: 168, limit: 1000 });
        });
        assertEqual(lines, [
            { text: 'info: found 168 primes up to 1000', source: 'guest', pluginName: 'test-plugin' },
        ]);
    });

    test('get_random_number has all its digits as text', () =>
        using('test-plugin', {}, async (plugin) => {
            const numbers = new Set();
            for (let i = 0; i < 20; i++) {
                const text = await plugin.callText('get_random_number', 'null');
                assert(/^\d+$/.test(text) && BigInt(text) < 1n << 64n, text);
                numbers.add(text);
            }
            assertEqual(numbers.size, 20);
        }));

    test('get_time is the time', () =>
        using('test-plugin', {}, async (plugin) => {
            const before = Math.floor(Date.now() / 1000) - 1;
            const time = await plugin.call('get_time');
            assert(time >= before && time <= Date.now() / 1000 + 1, `${time}`);
        }));

    test('sleep takes as long as it says, and others go on meanwhile', () =>
        using('test-plugin', {}, async (plugin) => {
            const order = [];
            const start = performance.now();
            const sleeping = plugin.call('sleep', { ms: 50 }).then((result) => {
                assertEqual(result, null);
                order.push('sleep');
            });
            await plugin.call('ping');
            order.push('ping');
            await sleeping;
            /* Pages' clocks are coarse. */
            assert(performance.now() - start >= 45);
            assertEqual(order, ['ping', 'sleep']);
        }));

    test('many_echo calls a host method many times', async () => {
        const seen = [];
        const echo = (params) => (seen.push(params), params);
        await using('test-plugin', { methods: { echo } }, async (plugin) => {
            assertEqual(await plugin.call('many_echo', { n: 100 }), null);
        });
        assertEqual(seen, [...Array(100).keys()]);
    });

    test('a hundred calls at once all get their answers', () =>
        using('test-plugin', { methods: { echo: async (n) => (await wait(n % 2), n) } }, async (plugin) => {
            const calls = [];
            for (let i = 0; i < 100; i++) {
                calls.push(i % 2 ? plugin.call('prime_sieve', { limit: i }) : plugin.call('many_echo', { n: 3 }));
            }
            const results = await Promise.all(calls);
            results.forEach((result, i) => (i % 2 ? assertEqual(result.limit, i) : assertEqual(result, null)));
        }));

    test('text of every kind arrives as it was', () =>
        using('mirror', {}, async (plugin) => {
            const values = ['', 'a', 'ä€😀'.repeat(30), '\u0000\ud800"\\', { 'ключ': [1, null, true, -0.5, {}] }];
            for (const value of values) assertEqual(await plugin.call('mirror', value), value);
            const digits = '[18446744073709551615,1e400,0.10]';
            assertEqual(await plugin.callText('mirror', digits), digits);
        }));

    test('long text arrives as it was', () =>
        using('mirror', {}, async (plugin) => {
            const text = 'x😀é'.repeat(100000);
            assertEqual((await plugin.call('mirror', text)) === text, true);
        }));

    test('every call has a fresh sandbox', () =>
        using('actor', {}, async (plugin) => {
            /* The actor counts its requests from 0, in a variable of its own. */
            for (let i = 0; i < 3; i++) assertEqual((await plugin.call('act', 'ask who null\nwait\nlast')).id, 0);
        }));

    test('the plugin sees the arguments and environment that it was given', async () => {
        const args = await act(['args'], { args: ['one', 'two words'] });
        assert(JSON.stringify(args).includes('two words'), JSON.stringify(args));
        const env = await act(['env'], { env: { COLOUR: 'blue' } });
        assert(JSON.stringify(env).includes('COLOUR=blue'), JSON.stringify(env));
    });

    test('runs with a seed are the same', async () => {
        const draw = (seed) => using('test-plugin', { seed }, (plugin) => plugin.callText('get_random_number', 'null'));
        assertEqual(await draw(7), await draw(7n));
        assert((await draw(7)) !== (await draw(8)));
    });

    test('an async guest is told to come again where others wait', async () => {
        const read = (asyncGuest) => using('eagain', { asyncGuest }, (plugin) => plugin.call('go'));
        assertEqual(await read(true), 'again');
        const error = await assertRejects(read(false), wplug.ProtocolError);
        assertEqual(error.status, 'WPLUG_NO_ANSWER');
    });

    test('calls from a snapshot are no different', async () => {
        const runs = [];
        for (const snapshot of ['never', 'auto', 'always']) {
            await using('test-plugin', { snapshot }, async (plugin) => {
                for (let i = 0; i < 2; i++) {
                    let fuel;
                    const onResult = (stats) => (fuel = String(stats.fuel));
                    runs.push([await plugin.call('prime_sieve', { limit: 50 }, { onResult }), fuel]);
                }
            });
        }
        for (const run of runs) assertEqual(run, runs[0]);
    });

    test('onResult tells what a call took', () =>
        using('test-plugin', {}, async (plugin) => {
            const stats = [];
            await plugin.call('ping', null, { onResult: (each) => stats.push(each) });
            await plugin.call('ping', null, { onResult: (each) => stats.push(each) });
            assertEqual(stats.length, 2);
            assert(stats[0].fuel > 0n && stats[0].fuel === stats[1].fuel, 'fuel');
            assert(stats[0].memoryBytes > 0 && stats[0].memoryBytes % 65536 === 0, 'memory');
            assert(stats[0].timeMs >= 0, 'time');
        }));

    test('onMessage sees what goes over standard input and output', async () => {
        const messages = [];
        await using('test-plugin', { onMessage: (message) => messages.push(message) }, (plugin) => plugin.call('ping'));
        assertEqual(
            messages.map(({ toPlugin, text }) => [toPlugin, JSON.parse(text)]),
            [
                [true, { jsonrpc: '2.0', id: 0, method: 'ping', params: null }],
                [false, { jsonrpc: '2.0', id: 0, result: 'pong' }],
            ],
        );
    });

    test('describe is what rpc.discover answers, or null', async () => {
        const description = await using('test-plugin', {}, (plugin) => plugin.describe());
        assertEqual(
            description.methods.map((method) => method.name).slice(0, 2),
            ['ping', 'get_random_number'],
        );
        assertEqual(await using('no_methods', {}, (plugin) => plugin.describe()), null);
    });

    test('describe has the options of a call', async () => {
        let spent;
        await using('test-plugin', {}, (plugin) => plugin.describe({ onResult: (stats) => (spent = stats) }));
        assert(spent.fuel > 0n);
        await using('spin', {}, async (plugin) => {
            const limited = await assertRejects(plugin.describe({ limits: { fuel: 1e6 } }), wplug.LimitError);
            assertEqual(limited.limit, 'fuel');
            await assertRejects(plugin.describe({ timeoutMs: 20 }), wplug.TimeoutError);
            const controller = new AbortController();
            const stopped = plugin.describe({ signal: controller.signal });
            controller.abort('enough');
            assertEqual((await assertRejects(stopped, wplug.CancelledError)).cause, 'enough');
        });
    });

    test('inspect tells about the module', () =>
        using('test-plugin', { name: 'tester' }, async (plugin) => {
            const info = plugin.inspect();
            assertEqual([info.name, info.id, info.loads, info.kind], ['tester', plugin.id, true, 'command']);
            assert(info.wasi.includes('fd_read'));
        }));

    test('wasmUrl says where the host is, and each address has an instance of its own', async () => {
        const other = new URL('?other', wasmUrl);
        await using('test-plugin', { wasmUrl: other }, async (plugin) => assertEqual(await plugin.call('ping'), 'pong'));
        assert((await wplug.hostUsage(other)).memoryBytes > 0);
        const nowhere = load('test-plugin', { wasmUrl: new URL('nowhere.wasm', wasmUrl) });
        assertEqual((await assertRejects(nowhere, wplug.LoadError)).status, 'WPLUG_FILE_NOT_FOUND');
    });

    test('an engine without vectors is told what is missing and who has it', async () => {
        const { validate } = WebAssembly;
        /* The package asks with the bytes of a module in which a vector is made: i8x16.splat. */
        WebAssembly.validate = (bytes) => !/,253,15,/.test(`,${bytes},`) && validate(bytes);
        try {
            const error = await assertRejects(load('test-plugin', { wasmUrl: 'another.wasm' }), wplug.LoadError);
            assertEqual(error.status, 'WPLUG_UNSUPPORTED');
            for (const word of ['SIMD', 'Chrome 91', 'Firefox 90', 'Safari 16.4', 'SSE4.1'])
                assert(error.message.includes(word), error.message);
        } finally {
            WebAssembly.validate = validate;
        }
    });

    /* ---- Host methods ---- */

    test('host methods answer later, in any order', async () => {
        let release;
        const first = () => new Promise((resolve) => (release = resolve));
        const second = () => (queueMicrotask(() => release('late')), 'at once');
        const answers = await using('ask', { methods: { first, second } }, (plugin) => plugin.call('go', 5));
        assertEqual(
            answers.map((answer) => answer.result),
            ['at once', 'late'],
        );
    });

    test('a host method is told who asks', async () => {
        let seen;
        const who = (params, request) => {
            seen = [params, request.method, request.pluginName, request.paramsText, request.signal.aborted];
        };
        const answer = await act(['ask who {"a":1.0}', 'wait', 'last'], { name: 'me', methods: { who } });
        assertEqual(seen, [{ a: 1 }, 'who', 'me', '{"a":1.0}', false]);
        assertEqual(answer.result, null);
    });

    test('what a host method throws is an error to the plugin', async () => {
        const ask = async (method) => (await act(['ask m 1', 'wait', 'last'], { methods: { m: method } })).error;
        const error = new wplug.RpcError(42, 'no tea', { cups: 0 });
        assertEqual(await ask(() => { throw error; }), { code: 42, message: 'no tea', data: { cups: 0 } });
        assertEqual(await ask(async () => { throw error; }), { code: 42, message: 'no tea', data: { cups: 0 } });
        assertEqual(await ask(() => { throw new Error('oh'); }), { code: -32000, message: 'oh' });
        assertEqual((await ask(() => 1n)).code, -32603);
    });

    test('methods that are not there, or not allowed, are not found', async () => {
        const code = async (options) => (await act(['ask toString 1', 'wait', 'last'], options)).error?.code;
        assertEqual(await code({}), -32601);
        assertEqual(await code({ methods: { toString: () => 1 }, allow: [] }), -32601);
        assertEqual(await code({ methods: { toString: () => 1 }, allow: ['toString'] }), undefined);
    });

    test('the default method gets what the others are not for', async () => {
        const defaultMethod = (params, request) => `${request.method}?`;
        const answer = await act(['ask tea 1', 'wait', 'last'], { methods: { coffee: () => 1 }, defaultMethod });
        assertEqual(answer.result, 'tea?');
    });

    test('notifications reach host methods', async () => {
        const notes = [];
        const methods = { note: (params) => notes.push(params), ready: () => true };
        assertEqual(await using('notify', { methods }, (plugin) => plugin.call('go')), 'done');
        assertEqual(notes, [['hello']]);
    });

    test('a host method may call a plugin', async () => {
        await using('test-plugin', {}, async (other) => {
            const methods = { work: async (n) => ((await other.call('ping')) === 'pong' ? n : -1) };
            assertEqual(await using('fan', { methods }, (plugin) => plugin.call('go', 50)), 1225);
        });
    });

    test('a host method learns that nobody waits any more', async () => {
        const controller = new AbortController();
        let signal;
        const slow = (params, request) => {
            signal = request.signal;
            controller.abort();
            return new Promise(() => {});
        };
        const call = act(['ask slow 1', 'wait', 'last'], { methods: { slow } }, { signal: controller.signal });
        await assertRejects(call, wplug.CancelledError);
        assert(signal.aborted);
    });

    /* ---- Ends ---- */

    test('an error of the plugin has code, message and data', () =>
        using('refuse', {}, async (plugin) => {
            const error = await assertRejects(plugin.call('paint'), wplug.RpcError);
            assertEqual([error.code, error.message, error.data], [-32602, 'no such colour', { colour: 'octarine' }]);
            assert(error instanceof wplug.WplugError && error instanceof Error);
        }));

    test('a trap has a backtrace with names', () =>
        using('crash', {}, async (plugin) => {
            const error = await assertRejects(plugin.call('go'), wplug.TrapError);
            assert(/^\s*at crash_here \(function \d+, offset 0x[0-9a-f]+\)/.test(error.backtrace), error.backtrace);
            assert(error.message.includes('unreachable'), error.message);
        }));

    test('a plugin that leaves without an answer says how', async () => {
        await using('silent', {}, async (plugin) => {
            const exit = await assertRejects(plugin.call('go', 3), wplug.ExitError);
            assertEqual([exit.status, exit.exitCode], ['WPLUG_EXITED', 3]);
            const returned = await assertRejects(plugin.call('go', 0), wplug.ExitError);
            assertEqual(returned.exitCode, 0);
        });
        await using('raise', {}, async (plugin) => {
            const raised = await assertRejects(plugin.call('go'), wplug.ExitError);
            assertEqual([raised.status, raised.exitCode], ['WPLUG_RAISED', 128 + 15]);
        });
    });

    test('a plugin that breaks the protocol says how', async () => {
        const garbage = await assertRejects(using('garbage', {}, (plugin) => plugin.call('go')), wplug.ProtocolError);
        assert(garbage.message.includes('hello, I am not JSON'), garbage.message);
        const deaf = await assertRejects(using('deaf', {}, (plugin) => plugin.call('go')), wplug.ProtocolError);
        assertEqual(deaf.status, 'WPLUG_NO_ANSWER');
    });

    test('every limit has its error', async () => {
        const limited = async (lines, limits, options) => {
            const error = await assertRejects(act(lines, { ...options, limits }), wplug.LimitError);
            return error.limit;
        };
        assertEqual(await limited(['spin'], { fuel: 1e6 }), 'fuel');
        assertEqual(await limited(['spin'], { fuel: 1000000n }), 'fuel');
        assertEqual(await limited(['spin'], { timeMs: 20 }), 'time');
        assertEqual(await limited(['grow', 'trap'], { memoryBytes: 4 << 20 }), 'memory');
        assertEqual(await limited(['recurse'], { depth: 1000 }), 'stack');
        assertEqual(await limited(['big 100000'], { messageBytes: 10000 }), 'message');
        assertEqual(await limited(['flood 100000'], { logBytes: 10000 }), 'log');
        const methods = { never: () => new Promise(() => {}) };
        const asks = ['ask never 1', 'ask never 1', 'ask never 1', 'wait'];
        assertEqual(await limited(asks, { hostCalls: 2 }, { methods }), 'hostCalls');
        const table = await assertRejects(
            using('tables', { limits: { tableElements: 100 } }, (plugin) => plugin.call('go')),
            wplug.LimitError,
        );
        assertEqual(table.limit, 'table');
    });

    test("a call's limits come before its plugin's", () =>
        using('actor', { limits: { fuel: Infinity, timeMs: 1e6 } }, async (plugin) => {
            const error = await assertRejects(plugin.call('act', 'spin', { limits: { fuel: 1e5 } }), wplug.LimitError);
            assertEqual(error.status, 'WPLUG_FUEL_LIMIT');
        }));

    test('a timeout is an error of its own, busy or waiting', async () => {
        const busy = await assertRejects(act(['spin'], {}, { timeoutMs: 20 }), wplug.TimeoutError);
        assert(busy instanceof wplug.LimitError && busy.limit === 'time');
        const methods = { never: () => new Promise(() => {}) };
        const call = act(['ask never 1', 'wait', 'last'], { methods }, { timeoutMs: 20 });
        await assertRejects(call, wplug.TimeoutError);
    });

    test('hostile guests end in errors, and others do not notice', async () => {
        await using('test-plugin', {}, async (plugin) => {
            for (const name of ['trap', 'recurse', 'babble', 'start_trap']) {
                const limits = { fuel: 1e8, logBytes: 1e5 };
                await assertRejects(using(name, { limits }, (guest) => guest.call('go')), wplug.WplugError);
                assertEqual(await plugin.call('ping'), 'pong');
            }
        });
    });

    /* ---- Cancelling, and the page ---- */

    test('timers go on while a guest spins, and a stop is soon', () =>
        using('spin', {}, async (plugin) => {
            const controller = new AbortController();
            let ended = false;
            const call = plugin.call('go', null, { signal: controller.signal }).finally(() => (ended = true));
            const caught = assertRejects(call, wplug.CancelledError);
            await ticks(20);
            assert(!ended);
            controller.abort(new Error('enough'));
            await ticks(5);
            assert(ended, 'not stopped five timers later');
            assertEqual((await caught).cause.message, 'enough');
        }));

    test('a call is fair to others: short ones end while a guest spins', () =>
        using('spin', {}, (spinner) =>
            using('test-plugin', {}, async (plugin) => {
                const controller = new AbortController();
                const spinning = assertRejects(
                    spinner.call('go', null, { signal: controller.signal }),
                    wplug.CancelledError,
                );
                for (let i = 0; i < 20; i++) assertEqual(await plugin.call('ping'), 'pong');
                controller.abort();
                await spinning;
            }),
        ));

    test('many short calls in a row leave time for timers', () =>
        using('test-plugin', {}, async (plugin) => {
            let fired = false;
            setTimeout(() => (fired = true), 0);
            while (!fired) await plugin.call('ping');
        }));

    test('a signal that is aborted already starts nothing', () =>
        using('test-plugin', {}, async (plugin) => {
            const call = plugin.call('ping', null, { signal: AbortSignal.abort('why') });
            assertEqual((await assertRejects(call, wplug.CancelledError)).cause, 'why');
        }));

    test('dispose cancels calls, and later ones are refused', async () => {
        const plugin = await load('spin');
        const call = plugin.call('go');
        plugin.dispose();
        plugin.dispose();
        await assertRejects(call, wplug.CancelledError);
        const error = await assertRejects(plugin.call('go'), wplug.WplugError);
        assertEqual(error.status, 'WPLUG_MISUSE');
        assertEqual(typeof plugin[Symbol.dispose], 'function');
    });

    /* ---- Loading ---- */

    test('bytes, views, responses and blobs load', async () => {
        const bytes = await wplugBytes(url('test-plugin'));
        const larger = new Uint8Array(bytes.length + 7);
        larger.set(bytes, 5);
        const sources = [
            bytes,
            bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
            new DataView(larger.buffer, 5, bytes.length),
            new Response(bytes),
            new Blob([bytes]),
        ];
        for (const source of sources) {
            const plugin = await Plugin.load(source);
            assertEqual([await plugin.call('ping'), plugin.name], ['pong', 'plugin']);
            plugin.dispose();
        }
    });

    test('a plugin has a name and an id', () =>
        using('test-plugin', {}, async (plugin) => {
            assertEqual(plugin.name, 'test-plugin');
            assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(plugin.id), plugin.id);
        }));

    test('what cannot be loaded says why', async () => {
        const status = async (source) => (await assertRejects(Plugin.load(source), wplug.LoadError)).status;
        assertEqual(await status(new Uint8Array(0)), 'WPLUG_FILE_EMPTY');
        assertEqual(await status(new TextEncoder().encode('hello')), 'WPLUG_NOT_WASM');
        assertEqual(await status(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), 'WPLUG_NO_START');
        assertEqual(await status(url('no_start')), 'WPLUG_NO_START');
        assertEqual(await status(url('unknown_imports')), 'WPLUG_UNKNOWN_IMPORTS');
        assertEqual(await status(url('no-such-guest')), 'WPLUG_FILE_NOT_FOUND');
    });

    test('mistakes are told', async () => {
        const refused = async (promise) => (await assertRejects(promise, wplug.WplugError)).status;
        assertEqual(await refused(Plugin.load(42)), 'WPLUG_MISUSE');
        assertEqual(await refused(load('test-plugin', { limits: { fuel: -1 } })), 'WPLUG_MISUSE');
        assertEqual(await refused(load('test-plugin', { limits: { feul: 1 } })), 'WPLUG_MISUSE');
        assertEqual(await refused(load('test-plugin', { methods: { a: 1 } })), 'WPLUG_MISUSE');
        assertEqual(await refused(load('test-plugin', { snapshot: 'maybe' })), 'WPLUG_MISUSE');
        await using('test-plugin', {}, async (plugin) => {
            assertEqual(await refused(plugin.call('ping', () => {})), 'WPLUG_MISUSE');
            assertEqual(await refused(plugin.call('ping', 1n)), 'WPLUG_MISUSE');
            assertEqual(await refused(plugin.call(7)), 'WPLUG_MISUSE');
            assertEqual(await refused(plugin.call('ping', null, { timeoutMs: NaN })), 'WPLUG_MISUSE');
            assertEqual(await refused(plugin.callText('ping', '{')), 'WPLUG_BAD_JSON');
        });
    });

    test('memory is free again after plugins were disposed', async () => {
        const bytes = await wplugBytes(url('test-plugin'));
        const cycle = async () => {
            const plugin = await Plugin.load(bytes);
            await plugin.call('ping');
            plugin.dispose();
        };
        for (let i = 0; i < 20; i++) await cycle();
        await ticks(2);
        const before = await wplug.hostUsage();
        for (let i = 0; i < 1000; i++) await cycle();
        await ticks(2);
        assertEqual(await wplug.hostUsage(), before);
    });

    return tests;

    async function wplugBytes(from) {
        if (from.protocol !== 'file:') return new Uint8Array(await (await fetch(from)).arrayBuffer());
        const files = await import('node:fs/promises');
        return new Uint8Array(await files.readFile(from));
    }
}
