/** The options of loading and calling, and how they reach the host. */
import { misuse } from './errors.js';
import type { Memory } from './memory.js';

/** What one call may use. What is left out is the plugin's limit, and where that is left out too, wplug's own, which is
 *  given here. `Infinity` takes a limit away. */
export interface Limits {
    /** One unit is about one WebAssembly instruction. Unlimited. */
    fuel?: number | bigint;
    /** From start to end, waiting included. 60 s. */
    timeMs?: number;
    /** All linear memories together. 256 MiB. */
    memoryBytes?: number;
    /** All tables together. 1,000,000. */
    tableElements?: number;
    /** The stack of guest functions. 1 MiB. */
    stackBytes?: number;
    /** Guest calls within calls. 100,000. */
    depth?: number;
    /** One message, in either direction. 16 MiB. */
    messageBytes?: number;
    /** Arrays and objects within each other in one message. 128. */
    messageDepth?: number;
    /** All that the plugin logs. 16 MiB. */
    logBytes?: number;
    /** A longer line is cut, which is not an error. 8 KiB. */
    logLineBytes?: number;
    /** Calls of host methods that are open at once. 1,024. */
    hostCalls?: number;
    /** What the plugin may spend after its answer. 10,000,000. */
    lingerFuel?: number | bigint;
    /** And how long that may take. 100 ms. */
    lingerMs?: number;
}

/** Who calls a host method. */
export interface HostRequest {
    method: string;
    pluginName: string;
    pluginId: string;
    /** The parameters as the plugin wrote them, where numbers have all their digits. */
    paramsText: string;
    /** Aborted once nobody waits for the answer any more. */
    signal: AbortSignal;
}

/** A host method: what it returns, or what its promise resolves to, is the answer. What it throws is an error to the
 *  plugin: an RpcError with its code and data, anything else with code -32000. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type HostMethod = (params: any, request: HostRequest) => unknown;

export interface LogLine {
    text: string;
    /** The plugin's standard error, or a remark of wplug's. */
    source: 'guest' | 'host';
    pluginName: string;
}

export interface Message {
    toPlugin: boolean;
    text: string;
}

export interface PluginOptions {
    /** For logs and messages. From the file's name where it is left out. */
    name?: string;
    /** What the plugin sees as its command line, its own name included. */
    args?: readonly string[];
    /** What it sees as its environment. */
    env?: Readonly<Record<string, string>>;
    /** What it can call. */
    methods?: Readonly<Record<string, HostMethod>>;
    /** Gets what `methods` has not. */
    defaultMethod?: HostMethod;
    /** The only methods that the plugin may see, whatever there is. */
    allow?: readonly string[];
    /** Of each call. */
    limits?: Limits;
    onLog?: (line: LogLine) => void;
    /** Every message, as it goes over standard input and output. */
    onMessage?: (message: Message) => void;
    /** For plugins on an async runtime (the Rust kit's): reading an empty standard input does not wait. */
    asyncGuest?: boolean;
    /** Whether calls start from where the plugin first asked for input. 'auto': where no call can tell. */
    snapshot?: 'auto' | 'never' | 'always';
    /** Makes runs repeatable: randomness comes from the seed, time from the fuel spent. */
    seed?: number | bigint;
    /** Where the host's module is, where that is not beside this package's files. */
    wasmUrl?: string | URL;
}

/** What a call took. */
export interface CallStats {
    fuel: bigint;
    timeMs: number;
    memoryBytes: number;
}

export interface CallOptions {
    /** Cancels the call, also one whose plugin is busy. */
    signal?: AbortSignal;
    timeoutMs?: number;
    limits?: Limits;
    /** Called when the call has ended, well or not. */
    onResult?: (stats: CallStats) => void;
}

/* In the order of wplug_limits. */
const limitNames = [
    'fuel',
    'timeMs',
    'memoryBytes',
    'tableElements',
    'stackBytes',
    'depth',
    'messageBytes',
    'messageDepth',
    'logBytes',
    'logLineBytes',
    'hostCalls',
    'lingerFuel',
    'lingerMs',
] as const satisfies readonly (keyof Limits)[];

export const LIMITS_SIZE = limitNames.length * 8;
const UNLIMITED = 0xffffffffffffffffn;
const NS_PER_MS = 1e6;

function limitValue(name: string, value: number | bigint): bigint {
    if (typeof value === 'bigint' ? value > 0n : typeof value === 'number' && value > 0) {
        if (value >= UNLIMITED) return UNLIMITED;
        if (typeof value === 'bigint') return value;
        return BigInt(Math.max(Math.round(name.endsWith('Ms') ? value * NS_PER_MS : value), 1));
    }
    throw misuse(`limits: ${name} must be a number above 0, or Infinity; it is ${String(value)}`);
}

/** Where there is nothing to write it says so. */
export function writeLimits(memory: Memory, pointer: number, limits: Limits | undefined): boolean {
    if (!limits) return false;
    for (const name of Object.keys(limits)) {
        if (!(limitNames as readonly string[]).includes(name)) throw misuse(`limits: there is no limit "${name}"`);
    }
    const values = limitNames.map((name) => {
        const value = limits[name];
        return value === undefined ? 0n : limitValue(name, value);
    });
    const view = memory.view;
    values.forEach((value, i) => view.setBigUint64(pointer + i * 8, value, true));
    return true;
}

const snapshotModes = ['auto', 'never', 'always'];

function checkText(what: string, text: unknown): string {
    if (typeof text !== 'string') throw misuse(`${what} must be text; it is ${typeof text}`);
    if (text.includes('\0')) throw misuse(`${what} must not contain 0 characters`);
    return text;
}

function listText(what: string, list: readonly string[]): string {
    return list.map((text) => `${checkText(what, text)}\0`).join('');
}

/** Lends web_load_options of glue.c to `use`:
 *
 *      0 name  4 args  8 their count  12 env  16 count  20 allow  24 count  28 has allow  32 async guest  36 snapshot
 *      40 deterministic  44 has limits  48 seed  56 start time  64 limits */
export function lendLoadOptions<T>(
    memory: Memory,
    size: number,
    name: string | undefined,
    options: PluginOptions,
    use: (pointer: number) => T,
): T {
    const args = options.args ?? [];
    const env = Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${checkText(`env.${key}`, value)}`);
    const allow = options.allow ?? [];
    const snapshot = snapshotModes.indexOf(options.snapshot ?? 'auto');
    if (snapshot < 0) throw misuse(`snapshot is 'auto', 'never' or 'always'; it is ${String(options.snapshot)}`);
    const seed = options.seed === undefined ? undefined : BigInt.asUintN(64, BigInt(options.seed));
    const texts = [
        name === undefined ? undefined : checkText('name', name),
        listText('args', args),
        listText('env', env),
        listText('allow', allow),
    ];
    const block = memory.alloc(size);
    try {
        const hasLimits = writeLimits(memory, block + 64, options.limits);
        return memory.lend(texts, (nameAt, argsAt, envAt, allowAt) => {
            const view = memory.view;
            const words = [
                nameAt,
                argsAt,
                args.length,
                envAt,
                env.length,
                allowAt,
                allow.length,
                options.allow ? 1 : 0,
                options.asyncGuest ? 1 : 0,
                snapshot,
                seed === undefined ? 0 : 1,
                hasLimits ? 1 : 0,
            ];
            words.forEach((word, i) => view.setUint32(block + i * 4, word as number, true));
            view.setBigUint64(block + 48, seed ?? 0n, true);
            view.setBigUint64(block + 56, 0n, true);
            return use(block);
        });
    } finally {
        memory.free(block);
    }
}
