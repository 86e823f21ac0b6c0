// What plugins may ask this page for. Each method is off or on at any time, on the user's word: a plugin has
// no other way out of its sandbox.

import { RpcError, type HostMethod as Handler } from 'wplug';
import { find, formatBytes, make } from './dom';

const methodNotFound = -32601;
const invalidParams = -32602;
const refused = -32000;
const largestFetch = 1 << 20;
const largestPiece = 16 << 20;

interface HostMethod {
    name: string;
    about: string;
    on: boolean;
    /** Controls of its own, shown under the switch. */
    controls?: HTMLElement;
    handle: Handler;
}

export interface HostMethods {
    methods: Record<string, Handler>;
    /** Marks what a plugin says it will ask for. */
    wanted(names: { name: string; summary: string }[]): void;
}

function member(params: unknown, name: string): unknown {
    if (typeof params === 'object' && params !== null && !Array.isArray(params))
        return (params as Record<string, unknown>)[name];
    return undefined;
}

/** Same-origin text whose path is on the list that the user sees. */
function createFetch(): HostMethod {
    const list = make('textarea', {
        id: 'allowed-paths',
        class: 'code',
        rows: 3,
        spellcheck: 'false',
    });
    list.value = 'samples/greeting.txt\nsamples/lighthouse.txt';
    return {
        name: 'fetch',
        about: 'text of this site: {"url": "samples/greeting.txt"}',
        on: true,
        controls: make(
            'div',
            {},
            make('label', { class: 'field', for: 'allowed-paths' }, 'Allowed, one a line'),
            list,
        ),
        async handle(params, { signal }) {
            const wanted = typeof params === 'string' ? params : member(params, 'url');
            if (typeof wanted !== 'string') throw new RpcError(invalidParams, 'fetch wants {"url": string}');
            // Both sides become whole addresses before they are compared, so that ../ and the like lead
            // nowhere.
            const resolve = (text: string) => {
                try {
                    return new URL(text.trim(), document.baseURI);
                } catch {
                    return undefined;
                }
            };
            const url = resolve(wanted);
            const allowed = list.value
                .split('\n')
                .filter((line) => line.trim() !== '')
                .map((line) => resolve(line)?.href);
            if (!url || url.origin !== location.origin || !allowed.includes(url.href))
                throw new RpcError(refused, `${wanted} is not on the list of what plugins may fetch`);
            const response = await fetch(url, { signal, redirect: 'error', credentials: 'omit' });
            if (!response.ok) throw new RpcError(refused, `${wanted}: HTTP status ${response.status}`);
            const blob = await response.blob();
            if (blob.size > largestFetch)
                throw new RpcError(
                    refused,
                    `${wanted} has ${formatBytes(blob.size)}: more than a plugin may fetch`,
                );
            return blob.text();
        },
    };
}

// How many of the bytes are whole UTF-8 characters, the last of which may be cut off by the end of a piece.
function wholeCharacters(bytes: Uint8Array): number {
    for (let back = 1; back <= Math.min(4, bytes.length); back++) {
        const byte = bytes[bytes.length - back]!;
        if ((byte & 0xc0) === 0x80) continue;
        const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return length > back ? bytes.length - back : bytes.length;
    }
    return bytes.length;
}

/** Files that the user picked, by name; the sample text is there from the beginning. */
function createReadFile(): HostMethod {
    const files = new Map<string, () => Promise<Blob>>();
    const names = make('ul', { class: 'files code', 'aria-label': 'Files that plugins may read' });
    const input = make('input', { id: 'picked-files', type: 'file', multiple: true });

    const sample = 'lighthouse.txt';
    let sampleText: Promise<Blob> | undefined;
    files.set(sample, () => {
        sampleText ??= fetch(`samples/${sample}`).then((response) => response.blob());
        return sampleText;
    });
    const show = () => names.replaceChildren(...[...files.keys()].map((name) => make('li', {}, name)));
    input.addEventListener('change', () => {
        for (const file of input.files ?? []) files.set(file.name, () => Promise.resolve(file));
        show();
    });
    show();

    return {
        name: 'read_file',
        about: 'the files that you pick here, piece by piece',
        on: true,
        controls: make(
            'div',
            {},
            names,
            make('label', { class: 'field', for: 'picked-files' }, 'Add files'),
            input,
        ),
        async handle(params) {
            const path = typeof params === 'string' ? params : member(params, 'path');
            if (typeof path !== 'string')
                throw new RpcError(invalidParams, 'read_file wants {"path": string}');
            const file = await files.get(path)?.();
            if (!file) throw new RpcError(refused, `${path} is not among the files that were picked`);
            const offset = Number(member(params, 'offset') ?? 0);
            const length = Number(member(params, 'length') ?? largestPiece);
            if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 1)
                throw new RpcError(invalidParams, 'offset and length are whole numbers of bytes');
            // Whole characters only, and at least one, however small a piece was asked for.
            const end = Math.min(file.size, offset + Math.min(Math.max(length, 4), largestPiece));
            const bytes = new Uint8Array(await file.slice(offset, end).arrayBuffer());
            const taken = end === file.size ? bytes.length : wholeCharacters(bytes);
            return {
                content: new TextDecoder().decode(bytes.subarray(0, taken)),
                next: offset + taken,
                eof: offset + taken >= file.size,
                size: file.size,
            };
        },
    };
}

function createProgress(show: (text: string) => void): HostMethod {
    return {
        name: 'progress',
        about: 'notification: how far something has come; shown with the result',
        on: true,
        handle(params) {
            const done = member(params, 'done');
            const total = member(params, 'total');
            if (typeof done === 'number')
                show(
                    typeof total === 'number' && total > 0
                        ? `${Math.round((done / total) * 100)} %`
                        : `${done}`,
                );
            return null;
        },
    };
}

export function createHostMethods(showProgress: (text: string) => void): HostMethods {
    const all: HostMethod[] = [
        { name: 'echo', about: 'gives back its params', on: true, handle: (params) => params ?? null },
        {
            name: 'now',
            about: 'milliseconds since 1970, as this page has them',
            on: true,
            handle: () => Date.now(),
        },
        createFetch(),
        createReadFile(),
        createProgress(showProgress),
    ];
    const pane = find('pane-host');
    const list = make('ul', { class: 'host-methods' });
    const unknown = make('p', { class: 'note' });
    const marks = new Map<string, HTMLElement>();
    for (const method of all) {
        const box = make('input', { type: 'checkbox', id: `host-${method.name}` });
        const mark = make('span', { class: 'mark' });
        marks.set(method.name, mark);
        box.checked = method.on;
        box.addEventListener('change', () => {
            method.on = box.checked;
            if (method.controls) method.controls.hidden = !box.checked;
        });
        list.append(
            make(
                'li',
                {},
                make(
                    'div',
                    { class: 'switch' },
                    box,
                    make(
                        'label',
                        { for: `host-${method.name}` },
                        make('span', { class: 'code' }, method.name),
                        mark,
                    ),
                ),
                make('p', { class: 'note' }, method.about),
                method.controls,
            ),
        );
    }
    pane.append(
        make('p', { class: 'note' }, 'A plugin reaches nothing but these, and only while they are on.'),
        list,
        unknown,
    );

    const methods: Record<string, Handler> = {};
    for (const method of all)
        methods[method.name] = (params, request) => {
            if (!method.on) throw new RpcError(methodNotFound, `${method.name} is switched off`);
            return method.handle(params, request);
        };
    return {
        methods,
        wanted(names) {
            for (const mark of marks.values()) mark.textContent = '';
            for (const { name } of names) {
                const mark = marks.get(name);
                if (mark) mark.textContent = 'the plugin asks for it';
            }
            const missing = names.filter(({ name }) => !marks.has(name)).map(({ name }) => name);
            unknown.textContent = missing.length
                ? `The plugin also asks for ${missing.join(', ')}: not here.`
                : '';
        },
    };
}
