/** What the host's module exports and imports; `glue.c` says what each of them does. Pointers and sizes are numbers. */

export interface HostExports {
    memory: WebAssembly.Memory;
    _initialize?(): void;
    web_alloc(size: number): number;
    web_free(pointer: number): void;
    web_allocated(): number;
    web_error_status(): number;
    web_error_message(): number;
    web_status_name(status: number): number;
    web_version(): number;
    web_start(): number;
    web_set_trace(on: number): void;
    web_step(budgetMs: number): number;
    web_load_options_size(): number;
    web_load(bytes: number, size: number, options: number): number;
    web_inspect(bytes: number, size: number, options: number): number;
    web_text_free(text: number): void;
    web_plugin_name(plugin: number): number;
    web_plugin_id(plugin: number): number;
    web_plugin_release(plugin: number): void;
    web_call(plugin: number, method: number, params: number, limits: number, call: number): bigint;
    web_cancel(task: bigint): void;
    web_result_text(result: number, which: number): number;
    web_result_number(result: number, which: number): number;
    web_result_fuel(result: number): bigint;
    web_request_result(request: number, json: number): number;
    web_request_error(request: number, code: number, message: number, data: number): number;
    web_request_release(request: number): void;
}

/** The arguments of `web_result_text` and `web_result_number`. */
export const resultText = { errorMessage: 0, data: 1, backtrace: 2 } as const;
export const resultNumber = { code: 0, exitCode: 1, timeMs: 2, memoryBytes: 3 } as const;

export interface HostImports {
    now_monotonic(): number;
    now_realtime(): number;
    random(pointer: number, size: number): number;
    done(call: number, status: number, text: number, size: number, result: number): void;
    request(
        call: number,
        request: number,
        method: number,
        methodSize: number,
        params: number,
        paramsSize: number,
        isNotification: number,
    ): void;
    log(plugin: number, source: number, text: number, size: number): void;
    trace(plugin: number, toPlugin: number, text: number, size: number): void;
}
