/// <reference lib="esnext.disposable" preserve="true" />
/** The class that embedders use. */
import { CancelledError, LoadError, RpcError, WplugError, misuse } from './errors.js';
import { Host, type Call, type PluginHooks } from './host.js';
import type { CallOptions, HostMethod, PluginOptions } from './options.js';
import { readSource, type Source } from './source.js';

/** What is to be known about a module without running it. */
export interface PluginInfo {
    name: string;
    id: string;
    size: number;
    loads: boolean;
    kind: 'command' | 'reactor' | 'library' | 'component' | 'unknown';
    problems: { status: string; message: string }[];
    functions: number;
    imports: { module: string; name: string; kind: string; type: string; provided: boolean }[];
    exports: { name: string; kind: string; type: string }[];
    memories: { min_pages: number; max_pages: number | null; imported: boolean }[];
    features: string[];
    wasi: string[];
    module_name: string | null;
    custom_sections: { name: string; size: number }[];
}

/* What is left to do for a plugin that nobody holds any more. It must not hold the plugin itself. */
interface Remains {
    host: Host;
    pointer: number;
    traces: boolean;
}

const forgotten = new FinalizationRegistry<Remains>((remains) => remains.host.release(remains.pointer, remains.traces));

/* Loading fails in ways that all have statuses of their own; what the embedder did wrong stays what it is. */
function loadError(error: unknown): unknown {
    if (!(error instanceof WplugError) || error instanceof LoadError || error.status === 'WPLUG_MISUSE') return error;
    return new LoadError(error.status, error.message, { cause: error.cause });
}

function methodMap(methods: PluginOptions['methods']): Map<string, HostMethod> {
    const map = new Map(Object.entries(methods ?? {}));
    for (const [name, method] of map) {
        if (typeof method !== 'function') throw misuse(`methods: "${name}" is not a function`);
    }
    return map;
}

const METHOD_NOT_FOUND = -32601;
const hidden = Symbol('only Plugin.load makes plugins');

/** A WebAssembly plugin. Every call runs in a fresh sandbox of its own; any number of calls may be on their way. */
export class Plugin {
    readonly name: string;
    /** A UUID. */
    readonly id: string;
    readonly #host: Host;
    readonly #pointer: number;
    readonly #bytes: Uint8Array;
    readonly #options: PluginOptions;
    readonly #hooks: PluginHooks;
    readonly #calls = new Set<Call>();
    #isDisposed = false;

    /** Loads a plugin: from a URL (a path, in Node), a response, or bytes. Rejects with a LoadError that says why where it
     *  cannot be used. */
    static async load(source: Source, options: PluginOptions = {}): Promise<Plugin> {
        const methods = methodMap(options.methods);
        const [module, host] = await Promise.all([readSource(source), Host.at(options.wasmUrl)]);
        const name = options.name ?? module.name;
        try {
            const pointer = host.load(module.bytes, name, options);
            return new Plugin(hidden, host, pointer, module.bytes, { ...options }, methods);
        } catch (error) {
            throw loadError(error);
        }
    }

    /** @internal */
    constructor(
        key: symbol,
        host: Host,
        pointer: number,
        bytes: Uint8Array,
        options: PluginOptions,
        methods: ReadonlyMap<string, HostMethod>,
    ) {
        if (key !== hidden) throw misuse('plugins are made by Plugin.load');
        this.#host = host;
        this.#pointer = pointer;
        this.#bytes = bytes;
        this.#options = options;
        this.name = host.nameOf(pointer);
        this.id = host.idOf(pointer);
        const { defaultMethod, onLog, onMessage } = options;
        this.#hooks = { name: this.name, id: this.id, methods, defaultMethod, onLog, onMessage };
        host.attach(pointer, this.#hooks);
        forgotten.register(this, { host, pointer, traces: onMessage !== undefined }, this);
    }

    /** Calls a method. Parameters and result are what JSON can be; left out, the parameters are null. */
    async call<T = unknown>(method: string, params?: unknown, options?: CallOptions): Promise<T> {
        let json: string | undefined;
        try {
            json = JSON.stringify(params ?? null);
        } catch (error) {
            throw misuse(`the parameters of "${method}" are not JSON: ${(error as Error).message}`);
        }
        if (json === undefined) throw misuse(`the parameters of "${method}" are not JSON: a ${typeof params}`);
        return JSON.parse(await this.callText(method, json, options)) as T;
    }

    /** The same with JSON as text, untouched: numbers keep all their digits. */
    callText(method: string, paramsJson: string, options: CallOptions = {}): Promise<string> {
        return new Promise((resolve, reject) => {
            if (this.#isDisposed) throw misuse(`the plugin "${this.name}" was disposed`);
            if (typeof method !== 'string' || method.includes('\0')) throw misuse('a method is named by text');
            if (typeof paramsJson !== 'string' || paramsJson.includes('\0')) throw misuse('the parameters are not JSON');
            const { signal, timeoutMs, onResult } = options;
            if (signal?.aborted) {
                const message = `the call of "${method}" was cancelled before it began`;
                throw new CancelledError('WPLUG_CANCELLED', message, { cause: signal.reason });
            }
            const limits = timeoutMs === undefined ? options.limits : { ...options.limits, timeMs: timeoutMs };
            const abort = (): void => this.#host.cancel(call, signal?.reason);
            const end = (): void => {
                this.#calls.delete(call);
                signal?.removeEventListener('abort', abort);
            };
            const call: Call = {
                plugin: this.#hooks,
                task: 0n,
                isCancelled: false,
                requests: undefined,
                onResult,
                resolve: (json) => {
                    end();
                    resolve(json);
                },
                reject: (error) => {
                    end();
                    reject(error);
                },
            };
            this.#host.start(this.#pointer, method, paramsJson, limits, call);
            this.#calls.add(call);
            signal?.addEventListener('abort', abort);
        });
    }

    /** What the plugin says about itself: its answer to `rpc.discover`; null where it has no such method. It is a call like
     *  any other, with the same options. */
    async describe(options?: CallOptions): Promise<unknown> {
        try {
            return await this.call('rpc.discover', null, options);
        } catch (error) {
            if (error instanceof RpcError && error.code === METHOD_NOT_FOUND) return null;
            throw error;
        }
    }

    /** What the module says about itself, without running it. */
    inspect(): PluginInfo {
        if (this.#isDisposed) throw misuse(`the plugin "${this.name}" was disposed`);
        const info = JSON.parse(this.#host.inspect(this.#bytes, this.name, this.#options)) as PluginInfo;
        return { ...info, name: this.name, id: this.id };
    }

    /** Cancels its calls and frees it. Once is enough; more does no harm. */
    dispose(): void {
        if (this.#isDisposed) return;
        this.#isDisposed = true;
        forgotten.unregister(this);
        for (const call of this.#calls) this.#host.cancel(call);
        this.#host.release(this.#pointer, this.#hooks.onMessage !== undefined);
    }

    [Symbol.dispose](): void {
        this.dispose();
    }
}
