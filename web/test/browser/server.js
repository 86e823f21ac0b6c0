/* A static server for the tests, on localhost, on a port that is free:
 *
 *      /playground/...     the built playground
 *      /package/...        the package, web/dist
 *      /test/...           web/test: the suite that Node runs too
 *      /guests/NAME.wasm   a plugin or a guest of the tests, from the build                                      */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const build = process.env.WPLUG_BUILD ?? join(root, 'build/release');
export const playground = join(root, 'web/playground/dist');
export const wplugPackage = join(root, 'web/dist');
export const guestFolders = ['plugins', 'tests/e2e/guests', 'tests/hostile/guests'].map((folder) =>
    join(build, folder),
);

const types = {
    '.css': 'text/css',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.wasm': 'application/wasm',
};

/* So that browsers give pages a clock of microseconds. */
const isolation = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
};

const testFolders = {
    playground: [playground],
    package: [wplugPackage],
    test: [join(root, 'web/test')],
    guests: guestFolders,
};

function findFile(pathname, folders) {
    const [, room, ...rest] = pathname.split('/');
    const inside = normalize(rest.join('/') || 'index.html');
    if (inside.startsWith('..')) return undefined;
    return (folders[room] ?? []).map((folder) => join(folder, inside)).find((path) => existsSync(path));
}

/** Starts it; resolves to its address and a way to stop it. `folders`: by the first part of the path, where to look for the
 *  rest. */
export async function serve(folders = testFolders) {
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url, 'http://localhost');
        const path = findFile(decodeURIComponent(pathname), folders);
        try {
            const body = await readFile(path ?? '');
            response.writeHead(200, {
                'Content-Type': types[extname(path)] ?? 'application/octet-stream',
                ...isolation,
            });
            response.end(body);
        } catch {
            response.writeHead(404, { 'Content-Type': 'text/plain' });
            response.end(`${pathname} is not here\n`);
        }
    });
    await new Promise((resolve) => server.listen(0, 'localhost', resolve));
    return { address: `http://localhost:${server.address().port}`, close: () => server.close() };
}
