/** Files, where there are some: in Node. */
import { LoadError } from './errors.js';

interface FileSystem {
    readFile(url: URL | string): Promise<Uint8Array<ArrayBuffer>>;
}

declare const process: { versions?: { node?: string } } | undefined;

/** In a browser, also in one whose bundler brings a `process`, there are no files. */
export const hasFiles =
    typeof process === 'object' && typeof process.versions?.node === 'string' && typeof WebAssembly === 'object';

export function isFile(url: URL): boolean {
    return url.protocol === 'file:' && hasFiles;
}

export async function readFile(path: URL | string): Promise<Uint8Array<ArrayBuffer>> {
    /* The name is in a variable so that bundlers for browsers do not look for it. */
    const name = 'node:fs/promises';
    const files = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as FileSystem;
    try {
        return await files.readFile(path);
    } catch (error) {
        const isThere = (error as { code?: string }).code !== 'ENOENT';
        const status = isThere ? 'WPLUG_FILE_UNREADABLE' : 'WPLUG_FILE_NOT_FOUND';
        throw new LoadError(status, `cannot read '${String(path)}': ${(error as Error).message}`, { cause: error });
    }
}
