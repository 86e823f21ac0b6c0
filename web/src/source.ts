/** Where a plugin's module comes from. */
import { LoadError, misuse } from './errors.js';
import { hasFiles, isFile, readFile } from './files.js';

export type Source = string | URL | Response | ArrayBuffer | ArrayBufferView | Blob;

export interface Module {
    bytes: Uint8Array;
    /** From the file's name, where there is one. */
    name: string | undefined;
}

/** "https://example.org/a/hello.wasm?v=2" is "hello". */
function nameFrom(path: string): string | undefined {
    const file = path.replace(/[?#].*$/s, '').split(/[/\\]/).pop() ?? '';
    return file.replace(/\.wasm$/i, '') || undefined;
}

async function bytesOf(response: Response): Promise<Module> {
    if (!response.ok) {
        const status = response.status === 404 ? 'WPLUG_FILE_NOT_FOUND' : 'WPLUG_FILE_UNREADABLE';
        throw new LoadError(status, `cannot load '${response.url}': HTTP status ${response.status}`);
    }
    try {
        return { bytes: new Uint8Array(await response.arrayBuffer()), name: nameFrom(response.url) };
    } catch (error) {
        const message = `cannot load '${response.url}': ${(error as Error).message}`;
        throw new LoadError('WPLUG_FILE_UNREADABLE', message, { cause: error });
    }
}

async function fetchBytes(url: URL | string): Promise<Module> {
    let response: Response;
    try {
        response = await fetch(url);
    } catch (error) {
        const message = `cannot load '${String(url)}': ${(error as Error).message}`;
        throw new LoadError('WPLUG_FILE_UNREADABLE', message, { cause: error });
    }
    return bytesOf(response);
}

async function fromUrl(url: URL): Promise<Module> {
    if (isFile(url)) return { bytes: await readFile(url), name: nameFrom(url.pathname) };
    return fetchBytes(url);
}

/** Reads all of it. Bytes that are handed over are copied: what happens to them later is of no consequence. */
export async function readSource(source: Source): Promise<Module> {
    if (typeof source === 'string') {
        /* One letter before the colon is a drive of Windows. */
        if (/^[a-z][a-z0-9+.-]+:/i.test(source)) return fromUrl(new URL(source));
        if (hasFiles) return { bytes: await readFile(source), name: nameFrom(source) };
        return fetchBytes(source);
    }
    if (source instanceof URL) return fromUrl(source);
    if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source.slice(0)), name: undefined };
    if (ArrayBuffer.isView(source)) {
        const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
        return { bytes: bytes.slice(), name: undefined };
    }
    if (typeof Response === 'function' && source instanceof Response) return bytesOf(source);
    if (typeof Blob === 'function' && source instanceof Blob) {
        const name = 'name' in source ? nameFrom(String(source.name)) : undefined;
        return { bytes: new Uint8Array(await source.arrayBuffer()), name };
    }
    throw misuse('a plugin is loaded from a URL, a path, a Response, a Blob or bytes');
}
