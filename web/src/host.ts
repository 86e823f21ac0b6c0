/** One instance of the host's module with its runtime: what crosses between it and JavaScript. */
import { WplugError, errorOfCall } from './errors.js';
import { resultNumber, resultText, type HostExports, type HostImports } from './exports.js';
import { baseUrl } from './files.js';
import { Loop } from './loop.js';
import { Memory } from './memory.js';
import { compileHost, defaultModuleUrl } from './module.js';
import { LIMITS_SIZE, lendLoadOptions, writeLimits } from './options.js';
import type { CallStats, HostMethod, Limits, PluginOptions } from './options.js';
import { OpenRequest, type RequestDoor } from './request.js';

/** What the host needs to know of a plugin while it may run. */
export interface PluginHooks {
    readonly name: string;
    readonly id: string;
    readonly methods: ReadonlyMap<string, HostMethod>;
    readonly defaultMethod: HostMethod | undefined;
    readonly onLog: PluginOptions['onLog'];
    readonly onMessage: PluginOptions['onMessage'];
}

/** A call on its way. */
export interface Call {
    readonly plugin: PluginHooks;
    task: bigint;
    cancelCause?: unknown;
    isCancelled: boolean;
    requests: Set<OpenRequest> | undefined;
    resolve(json: string): void;
    reject(error: Error): void;
    onResult: ((stats: CallStats) => void) | undefined;
}

/** An exception of the embedder's own function has no caller to go to: it is reported as one of an event listener is. */
export function reportException(error: unknown): void {
    if (typeof reportError === 'function') reportError(error);
    else
        queueMicrotask(() => {
            throw error;
        });
}

/* One instance for all plugins, by the module's address. */
const hosts = new Map<string, Promise<Host>>();

export class Host implements RequestDoor {
    readonly #exports: HostExports;
    readonly memory: Memory;
    readonly #loop: Loop;
    /* Weakly, so that a plugin that nobody holds can go: the Plugin and its calls hold the hooks. */
    readonly #plugins = new Map<number, WeakRef<PluginHooks>>();
    readonly #calls = new Map<number, Call>();
    readonly #statusNames = new Map<number, string>();
    readonly #limits: number;
    #lastCall = 0;
    #tracers = 0;
    #broken: WplugError | undefined;

    /** The instance for that module, made at the first request. */
    static async at(wasmUrl: string | URL | undefined): Promise<Host> {
        const url = wasmUrl === undefined ? defaultModuleUrl() : new URL(wasmUrl, await baseUrl());
        const known = hosts.get(url.href);
        if (known) {
            const host = await known;
            if (!host.#broken) return host;
        }
        const made = compileHost(url).then((module) => Host.#new(module));
        hosts.set(url.href, made);
        made.catch(() => hosts.delete(url.href));
        return made;
    }

    static async #new(module: WebAssembly.Module): Promise<Host> {
        let host: Host | undefined;
        const late = (): Host => host as Host;
        const imports: HostImports = {
            now_monotonic: () => performance.now(),
            now_realtime: () => Date.now(),
            random: (pointer, size) => late().#random(pointer, size),
            done: (...args) => late().#done(...args),
            request: (...args) => late().#request(...args),
            log: (...args) => late().#log(...args),
            trace: (...args) => late().#trace(...args),
        };
        const instance = await WebAssembly.instantiate(module, { wplug: { ...imports } });
        host = new Host(instance.exports as unknown as HostExports);
        return host;
    }

    private constructor(exports: HostExports) {
        this.#exports = exports;
        exports._initialize?.();
        this.memory = new Memory(exports);
        this.#limits = this.memory.alloc(LIMITS_SIZE);
        if (exports.web_start() !== 0) throw this.#lastError();
        this.#loop = new Loop((budgetMs) => this.#step(budgetMs));
    }

    get version(): string {
        return this.memory.textAt(this.#exports.web_version());
    }

    /** What the heap holds, guests' linear memories apart, and the size of the instance's memory. */
    get usage(): { allocatedBytes: number; memoryBytes: number } {
        return {
            allocatedBytes: this.#exports.web_allocated() >>> 0,
            memoryBytes: this.#exports.memory.buffer.byteLength,
        };
    }

    #statusName(status: number): string {
        let name = this.#statusNames.get(status);
        if (name === undefined) {
            name = this.memory.textAt(this.#exports.web_status_name(status));
            this.#statusNames.set(status, name);
        }
        return name;
    }

    #lastError(): WplugError {
        const status = this.#statusName(this.#exports.web_error_status());
        return new WplugError(status, this.memory.textAt(this.#exports.web_error_message()));
    }

    /* ---- Turns ---- */

    #step(budgetMs: number): number {
        if (this.#broken) return Infinity;
        try {
            const next = this.#exports.web_step(budgetMs);
            if (next < 0) throw this.#lastError();
            return next;
        } catch (error) {
            this.#break(error);
            return Infinity;
        }
    }

    /** The host itself failed, which no plugin can make it do. Nothing of it can be relied on any more. */
    #break(cause: unknown): void {
        const reason = cause instanceof Error ? cause.message : String(cause);
        this.#broken = new WplugError('WPLUG_SYSTEM', `the host failed: ${reason}`, { cause });
        const calls = [...this.#calls.values()];
        this.#calls.clear();
        for (const call of calls) {
            for (const request of call.requests ?? []) request.close();
            call.reject(this.#broken);
        }
    }

    #check(): void {
        if (this.#broken) throw this.#broken;
    }

    #random(pointer: number, size: number): number {
        /* As much as the crypto functions give at once. */
        const most = 65536;
        try {
            for (let done = 0; done < size; done += most) {
                const start = (pointer >>> 0) + done;
                crypto.getRandomValues(this.memory.bytes.subarray(start, start + Math.min(most, size - done)));
            }
            return 1;
        } catch {
            return 0;
        }
    }

    /* ---- Plugins ---- */

    /** Its pointer. */
    load(bytes: Uint8Array, name: string | undefined, options: PluginOptions): number {
        this.#check();
        return this.#lendModule(bytes, name, options, (at, size, from) => {
            const plugin = this.#exports.web_load(at, size, from) >>> 0;
            if (plugin === 0) throw this.#lastError();
            return plugin;
        });
    }

    nameOf(plugin: number): string {
        return this.memory.textAt(this.#exports.web_plugin_name(plugin));
    }

    idOf(plugin: number): string {
        return this.memory.textAt(this.#exports.web_plugin_id(plugin));
    }

    /** The text of wplug_inspect. */
    inspect(bytes: Uint8Array, name: string | undefined, options: PluginOptions): string {
        this.#check();
        return this.#lendModule(bytes, name, options, (at, size, from) => {
            const text = this.#exports.web_inspect(at, size, from) >>> 0;
            if (text === 0) throw this.#lastError();
            try {
                return this.memory.textAt(text);
            } finally {
                this.#exports.web_text_free(text);
            }
        });
    }

    #lendModule<T>(
        bytes: Uint8Array,
        name: string | undefined,
        options: PluginOptions,
        use: (at: number, size: number, options: number) => T,
    ): T {
        const at = this.memory.alloc(bytes.length);
        try {
            this.memory.bytes.set(bytes, at);
            const size = this.#exports.web_load_options_size();
            return lendLoadOptions(this.memory, size, name, options, (from) => use(at, bytes.length, from));
        } finally {
            this.memory.free(at);
        }
    }

    attach(plugin: number, hooks: PluginHooks): void {
        this.#plugins.set(plugin, new WeakRef(hooks));
        if (hooks.onMessage && this.#tracers++ === 0) this.#exports.web_set_trace(1);
    }

    release(plugin: number, traces: boolean): void {
        if (this.#broken) return;
        this.#plugins.delete(plugin);
        if (traces && --this.#tracers === 0) this.#exports.web_set_trace(0);
        this.#exports.web_plugin_release(plugin);
        this.#loop.wake();
    }

    /* ---- Calls ---- */

    start(plugin: number, method: string, params: string, limits: Limits | undefined, call: Call): void {
        this.#check();
        const hasLimits = writeLimits(this.memory, this.#limits, limits);
        do this.#lastCall = (this.#lastCall + 1) >>> 0;
        while (this.#lastCall === 0 || this.#calls.has(this.#lastCall));
        const number = this.#lastCall;
        const task = this.memory.lend([method, params], (methodAt, paramsAt) =>
            this.#exports.web_call(plugin, methodAt as number, paramsAt as number, hasLimits ? this.#limits : 0, number),
        );
        if (task === 0n) throw this.#lastError();
        call.task = task;
        this.#calls.set(number, call);
        this.#loop.wake();
    }

    cancel(call: Call, cause?: unknown): void {
        if (this.#broken || call.isCancelled) return;
        call.isCancelled = true;
        if (cause !== undefined) call.cancelCause = cause;
        this.#exports.web_cancel(call.task);
        this.#loop.wake();
    }

    #done(number: number, status: number, text: number, size: number, result: number): void {
        const call = this.#calls.get(number >>> 0);
        if (!call) return;
        this.#calls.delete(number >>> 0);
        for (const request of call.requests ?? []) request.close();
        if (call.onResult) this.#tell(call.onResult, result);
        const words = this.memory.text(text, size);
        if (status === 0) call.resolve(words);
        else call.reject(this.#errorOf(call, status, words, result));
    }

    #tell(onResult: (stats: CallStats) => void, result: number): void {
        const exports = this.#exports;
        try {
            onResult({
                fuel: BigInt.asUintN(64, exports.web_result_fuel(result)),
                timeMs: exports.web_result_number(result, resultNumber.timeMs),
                memoryBytes: exports.web_result_number(result, resultNumber.memoryBytes),
            });
        } catch (error) {
            reportException(error);
        }
    }

    #errorOf(call: Call, status: number, message: string, result: number): Error {
        const exports = this.#exports;
        const text = (which: number): string => this.memory.textAt(exports.web_result_text(result, which));
        try {
            return errorOfCall({
                status: this.#statusName(status),
                message,
                backtrace: text(resultText.backtrace),
                code: exports.web_result_number(result, resultNumber.code),
                errorMessage: text(resultText.errorMessage),
                data: text(resultText.data),
                exitCode: exports.web_result_number(result, resultNumber.exitCode),
                ...(call.cancelCause === undefined ? {} : { cause: call.cancelCause }),
            });
        } catch (error) {
            return error as Error;
        }
    }

    /* ---- Host methods ---- */

    #request(
        number: number,
        pointer: number,
        method: number,
        methodSize: number,
        params: number,
        paramsSize: number,
        isNotification: number,
    ): void {
        const call = this.#calls.get(number >>> 0);
        if (!call) {
            this.#exports.web_request_release(pointer);
            return;
        }
        const name = this.memory.text(method, methodSize);
        const request = new OpenRequest(this, pointer, call, name, this.memory.text(params, paramsSize));
        (call.requests ??= new Set()).add(request);
        request.run(call.plugin.methods.get(name) ?? call.plugin.defaultMethod, isNotification !== 0);
    }

    answer(request: number, json: string): string | undefined {
        return this.memory.lend([json], (at) => this.#answered(this.#exports.web_request_result(request, at as number)));
    }

    answerError(request: number, code: number, message: string, data: string | undefined): void {
        this.memory.lend([message, data], (at, dataAt) =>
            this.#answered(this.#exports.web_request_error(request, code, at as number, dataAt as number)),
        );
    }

    /** The status where the answer was not taken, and the request is still open. */
    #answered(status: number): string | undefined {
        this.#loop.wake();
        const name = this.#statusName(status);
        return name === 'WPLUG_OK' || name === 'WPLUG_GONE' ? undefined : name;
    }

    releaseRequest(request: number): void {
        if (!this.#broken) this.#exports.web_request_release(request);
    }

    /* ---- Logs and messages ---- */

    #log(plugin: number, source: number, text: number, size: number): void {
        const hooks = this.#plugins.get(plugin >>> 0)?.deref();
        if (!hooks?.onLog) return;
        const line = this.memory.text(text, size);
        try {
            hooks.onLog({ text: line, source: source === 0 ? 'guest' : 'host', pluginName: hooks.name });
        } catch (error) {
            reportException(error);
        }
    }

    #trace(plugin: number, toPlugin: number, text: number, size: number): void {
        const hooks = this.#plugins.get(plugin >>> 0)?.deref();
        if (!hooks?.onMessage) return;
        const message = { toPlugin: toPlugin !== 0, text: this.memory.text(text, size) };
        try {
            hooks.onMessage(message);
        } catch (error) {
            reportException(error);
        }
    }
}
