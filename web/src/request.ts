/** A call of a host method, from when the plugin makes it until it is answered or nobody waits any more. */
import { RpcError } from './errors.js';
import { reportException, type Call } from './host.js';
import type { HostMethod, HostRequest } from './options.js';

/** The codes that JSON-RPC reserves, and the one for errors that have none. */
const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;
const SERVER_ERROR = -32000;

/** Where answers go. */
export interface RequestDoor {
    /** The status where the answer was refused, and another may be given. */
    answer(request: number, json: string): string | undefined;
    answerError(request: number, code: number, message: string, data: string | undefined): void;
    releaseRequest(request: number): void;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

export class OpenRequest implements HostRequest {
    readonly #door: RequestDoor;
    readonly #pointer: number;
    readonly #call: Call;
    readonly method: string;
    readonly paramsText: string;
    #controller: AbortController | undefined;
    #isOpen = true;
    #isNotification = false;

    constructor(door: RequestDoor, pointer: number, call: Call, method: string, paramsText: string) {
        this.#door = door;
        this.#pointer = pointer;
        this.#call = call;
        this.method = method;
        this.paramsText = paramsText;
    }

    get pluginName(): string {
        return this.#call.plugin.name;
    }

    get pluginId(): string {
        return this.#call.plugin.id;
    }

    /** Made when it is asked for: few methods do. */
    get signal(): AbortSignal {
        this.#controller ??= new AbortController();
        if (!this.#isOpen) this.#controller.abort();
        return this.#controller.signal;
    }

    run(method: HostMethod | undefined, isNotification: boolean): void {
        this.#isNotification = isNotification;
        if (!method) {
            this.#refuse(METHOD_NOT_FOUND, 'Method not found', undefined);
            return;
        }
        try {
            const value = method(JSON.parse(this.paramsText), this);
            if (!isPromise(value)) this.#answer(value);
            else
                value.then(
                    (result) => this.#answer(result),
                    (error: unknown) => this.#fail(error),
                );
        } catch (error) {
            this.#fail(error);
        }
    }

    /** The call has ended: whoever still works on the answer can stop. */
    close(): void {
        if (!this.#isOpen) return;
        this.#settle();
        try {
            this.#controller?.abort();
        } catch (error) {
            reportException(error);
        }
    }

    #settle(): void {
        this.#isOpen = false;
        this.#call.requests?.delete(this);
        this.#door.releaseRequest(this.#pointer);
    }

    #answer(value: unknown): void {
        if (!this.#isOpen) return;
        let json: string;
        try {
            json = JSON.stringify(value) ?? 'null';
        } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            this.#refuse(INTERNAL_ERROR, `the result of "${this.method}" is not JSON: ${reason}`, undefined);
            return;
        }
        const refused = this.#door.answer(this.#pointer, json);
        if (refused === undefined) this.#settle();
        else this.#refuse(INTERNAL_ERROR, `the result of "${this.method}" was refused: ${refused}`, undefined);
    }

    #fail(error: unknown): void {
        if (!this.#isOpen) return;
        if (this.#isNotification) reportException(error); /* the plugin does not learn of it */
        if (error instanceof RpcError) {
            const data = error.data === undefined ? undefined : JSON.stringify(error.data);
            this.#refuse(error.code, error.message, data);
        } else {
            this.#refuse(SERVER_ERROR, error instanceof Error ? error.message : String(error), undefined);
        }
    }

    #refuse(code: number, message: string, data: string | undefined): void {
        this.#door.answerError(this.#pointer, code, message.replaceAll('\0', '\ufffd'), data);
        this.#settle();
    }
}
