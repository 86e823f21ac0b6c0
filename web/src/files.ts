/** Files, where there are some: in Node. */
import { LoadError } from './errors.js';

interface FileSystem {
    readFile(url: URL | string): Promise<Uint8Array<ArrayBuffer>>;
}

declare const process: { versions?: { node?: string }; cwd(): string } | undefined;

/** In a browser, also in one whose bundler brings a `process`, there are no files. */
export const hasFiles =
    typeof process === 'object' && typeof process.versions?.node === 'string' && typeof WebAssembly === 'object';

export function isFile(url: URL): boolean {
    return url.protocol === 'file:' && hasFiles;
}

/** The name is a variable here, so that bundlers for browsers do not look for it. */
function importOfNode(name: string): Promise<unknown> {
    return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
}

/** What relative addresses are relative to: the page, the worker's script, or the working folder. */
export async function baseUrl(): Promise<string> {
    if (typeof document === 'object') return document.baseURI;
    if (typeof location === 'object') return location.href;
    if (!hasFiles || !process) return import.meta.url;
    const { pathToFileURL } = (await importOfNode('node:url')) as { pathToFileURL(path: string): URL };
    return pathToFileURL(`${process.cwd()}/`).href;
}

export async function readFile(path: URL | string): Promise<Uint8Array<ArrayBuffer>> {
    const files = (await importOfNode('node:fs/promises')) as FileSystem;
    try {
        return await files.readFile(path);
    } catch (error) {
        const isThere = (error as { code?: string }).code !== 'ENOENT';
        const status = isThere ? 'WPLUG_FILE_UNREADABLE' : 'WPLUG_FILE_NOT_FOUND';
        throw new LoadError(status, `cannot read '${String(path)}': ${(error as Error).message}`, { cause: error });
    }
}
