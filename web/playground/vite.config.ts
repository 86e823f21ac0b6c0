// Builds the page into dist, which works from any folder of any static server.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import { examples } from './src/examples';

const pluginFolder =
    process.env.WPLUG_PLUGINS ?? fileURLToPath(new URL('../../build/release/plugins', import.meta.url));

function readExample(file: string): Buffer {
    const path = join(pluginFolder, file);
    if (!existsSync(path))
        throw new Error(`${path} is not there: run scripts/build.sh first, or set WPLUG_PLUGINS`);
    return readFileSync(path);
}

// The example plugins come from the project's build: they are copied to plugins/, never committed.
function examplePlugins(): Plugin {
    return {
        name: 'wplug-example-plugins',
        configureServer(server) {
            server.middlewares.use((request, response, next) => {
                const found = examples.find((example) => request.url === `/plugins/${example.file}`);
                if (!found) return next();
                response.setHeader('Content-Type', 'application/wasm');
                response.end(readExample(found.file));
            });
        },
        generateBundle() {
            for (const { file } of examples)
                this.emitFile({ type: 'asset', fileName: `plugins/${file}`, source: readExample(file) });
        },
    };
}

// The built page says what it needs and nothing else: its own files, and WebAssembly. In development Vite
// injects styles and opens a socket, so the policy is left out there.
function contentSecurityPolicy(): Plugin {
    const policy = [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self' blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
    ].join('; ');
    return {
        name: 'wplug-content-security-policy',
        apply: 'build',
        transformIndexHtml: () => [
            {
                tag: 'meta',
                attrs: { 'http-equiv': 'Content-Security-Policy', content: policy },
                injectTo: 'head-prepend',
            },
        ],
    };
}

// With these the page is isolated from others, and browsers give it a clock of microseconds; without them the
// timings are only coarser.
const isolation = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
    base: './',
    plugins: [examplePlugins(), contentSecurityPolicy()],
    // The package finds its WebAssembly file beside its own module, which bundling it beforehand would move.
    optimizeDeps: { exclude: ['wplug'] },
    build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
    preview: { host: 'localhost', port: 4173, headers: isolation },
    server: { host: 'localhost', headers: isolation, fs: { allow: ['..'] } },
});
