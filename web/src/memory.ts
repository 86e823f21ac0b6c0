/** Text and bytes in and out of the host's memory. */
import { WplugError } from './errors.js';
import type { HostExports } from './exports.js';

const encoder = new TextEncoder();
/* A byte order mark is as good as any character. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const SCRATCH_SIZE = 64 * 1024;
const SHORT = 24;

export class Memory {
    readonly #exports: HostExports;
    readonly #scratch: number;
    #bytes: Uint8Array<ArrayBuffer>;

    constructor(exports: HostExports) {
        this.#exports = exports;
        this.#bytes = new Uint8Array(exports.memory.buffer as ArrayBuffer);
        this.#scratch = this.alloc(SCRATCH_SIZE);
    }

    /** All of the memory as it is now: it moves when it grows, so keep it over no call of an export. */
    get bytes(): Uint8Array<ArrayBuffer> {
        const buffer = this.#exports.memory.buffer as ArrayBuffer;
        if (this.#bytes.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
        return this.#bytes;
    }

    get view(): DataView {
        return new DataView(this.#exports.memory.buffer);
    }

    /** A block of the host's heap, for `free`. */
    alloc(size: number): number {
        const pointer = this.#exports.web_alloc(size) >>> 0;
        if (pointer === 0) throw new WplugError('WPLUG_NO_MEMORY', `out of memory: no room for ${size} bytes`);
        return pointer;
    }

    free(pointer: number): void {
        this.#exports.web_free(pointer);
    }

    text(pointer: number, size: number): string {
        const start = pointer >>> 0;
        const bytes = this.bytes;
        const end = start + (size >>> 0);
        if (end - start > SHORT) return decoder.decode(bytes.subarray(start, end));
        /* The decoder's start takes longer than a few letters do. */
        let text = '';
        for (let i = start; i < end; i++) {
            const byte = bytes[i] as number;
            if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
            text += String.fromCharCode(byte);
        }
        return text;
    }

    /** Text that ends with a 0 byte. */
    textAt(pointer: number): string {
        const start = pointer >>> 0;
        return this.text(start, this.bytes.indexOf(0, start) - start);
    }

    /** Lends the texts, each with its 0 byte, to `use`. One that is undefined is NULL. */
    lend<T>(texts: readonly (string | undefined)[], use: (...pointers: number[]) => T): T {
        /* A unit of UTF-16 takes at most three bytes. */
        let room = 0;
        for (const text of texts) room += text === undefined ? 0 : text.length * 3 + 1;
        const isLarge = room > SCRATCH_SIZE;
        const block = isLarge ? this.alloc(room) : this.#scratch;
        try {
            let next = block;
            const bytes = this.bytes;
            const pointers = texts.map((text) => {
                if (text === undefined) return 0;
                const pointer = next;
                next += encoder.encodeInto(text, bytes.subarray(pointer, block + room)).written;
                bytes[next++] = 0;
                return pointer;
            });
            return use(...pointers);
        } finally {
            if (isLarge) this.free(block);
        }
    }
}
