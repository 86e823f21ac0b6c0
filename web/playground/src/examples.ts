// The plugins that come with the page, and parameters to begin with.

export interface Example {
    file: string;
    name: string;
    about: string;
    params: Record<string, unknown>;
}

export const examples: Example[] = [
    {
        file: 'hello.wasm',
        name: 'hello',
        about: 'Ten lines of C, one method',
        params: { hello: { name: 'Ada' } },
    },
    {
        file: 'test-plugin.wasm',
        name: 'test-plugin',
        about: 'Clock, timers, randomness, host calls, work',
        params: { sleep: { ms: 500 }, many_echo: { n: 20 }, prime_sieve: { limit: 1000000 } },
    },
    {
        file: 'textstats.wasm',
        name: 'textstats',
        about: 'Asks the page for a file, piece by piece',
        params: { analyze: { path: 'lighthouse.txt', piece_size: 512 } },
    },
    {
        file: 'qrcode.wasm',
        name: 'qrcode',
        about: 'QR codes as pictures, text or bits',
        params: {
            svg: { text: 'https://example.org' },
            text: { text: 'https://example.org' },
            modules: { text: 'https://example.org' },
        },
    },
];
