/** The errors of the package. Each has the name of its status in `wplug.h`, such as `WPLUG_FUEL_LIMIT`. */

/** What an error knows besides its sentence. */
export interface ErrorDetails {
    backtrace?: string;
    cause?: unknown;
}

/** Anything that went wrong, and the class of all other errors here. */
export class WplugError extends Error {
    override name = 'WplugError';
    /** The status, by its name in `wplug.h`. */
    readonly status: string;
    /** Where the guest stood, innermost frame first, one a line; empty where it did not run. */
    readonly backtrace: string;

    constructor(status: string, message: string, details: ErrorDetails = {}) {
        super(message, 'cause' in details ? { cause: details.cause } : undefined);
        this.status = status;
        this.backtrace = details.backtrace ?? '';
    }
}

/** The plugin answered with an error; or, thrown by a host method, the error that the plugin gets. */
export class RpcError extends WplugError {
    override name = 'RpcError';
    readonly code: number;
    readonly data: unknown;

    constructor(code: number, message: string, data?: unknown, details?: ErrorDetails) {
        super('WPLUG_RPC_ERROR', message, details);
        this.code = code;
        this.data = data;
    }
}

/** The guest trapped: `backtrace` says where. */
export class TrapError extends WplugError {
    override name = 'TrapError';
}

/** What a limit is about. */
export type LimitName = 'fuel' | 'time' | 'memory' | 'table' | 'stack' | 'message' | 'log' | 'hostCalls';

/** The call reached one of its limits. */
export class LimitError extends WplugError {
    override name = 'LimitError';
    readonly limit: LimitName;

    constructor(status: string, limit: LimitName, message: string, details?: ErrorDetails) {
        super(status, message, details);
        this.limit = limit;
    }
}

/** The call took longer than `timeoutMs`, or than `limits.timeMs`. */
export class TimeoutError extends LimitError {
    override name = 'TimeoutError';
}

/** The call was cancelled: by its signal (whose reason is `cause`), or because its plugin was disposed. */
export class CancelledError extends WplugError {
    override name = 'CancelledError';
}

/** The plugin cannot be loaded. */
export class LoadError extends WplugError {
    override name = 'LoadError';
}

/** The plugin ended without an answer: it exited, raised a signal, or returned. */
export class ExitError extends WplugError {
    override name = 'ExitError';
    readonly exitCode: number;

    constructor(status: string, exitCode: number, message: string, details?: ErrorDetails) {
        super(status, message, details);
        this.exitCode = exitCode;
    }
}

/** The plugin broke the protocol: it wrote something else than messages, or waits for input that cannot come. */
export class ProtocolError extends WplugError {
    override name = 'ProtocolError';
}

const limits: Record<string, LimitName> = {
    WPLUG_FUEL_LIMIT: 'fuel',
    WPLUG_TIME_LIMIT: 'time',
    WPLUG_MEMORY_LIMIT: 'memory',
    WPLUG_TABLE_LIMIT: 'table',
    WPLUG_STACK_LIMIT: 'stack',
    WPLUG_MESSAGE_LIMIT: 'message',
    WPLUG_LOG_LIMIT: 'log',
    WPLUG_HOST_CALL_LIMIT: 'hostCalls',
};

/** How a call ended that did not end well. */
export interface Ending {
    status: string;
    message: string;
    backtrace: string;
    code: number;
    errorMessage: string;
    data: string;
    exitCode: number;
    cause?: unknown;
}

export function errorOfCall(ending: Ending): WplugError {
    const { status, message } = ending;
    const details: ErrorDetails = { backtrace: ending.backtrace };
    if ('cause' in ending) details.cause = ending.cause;
    const limit = limits[status];
    if (status === 'WPLUG_TIME_LIMIT') return new TimeoutError(status, 'time', message, details);
    if (limit) return new LimitError(status, limit, message, details);
    switch (status) {
        case 'WPLUG_RPC_ERROR': {
            const data: unknown = ending.data === '' ? undefined : JSON.parse(ending.data);
            return new RpcError(ending.code, ending.errorMessage, data, details);
        }
        case 'WPLUG_TRAP':
            return new TrapError(status, message, details);
        case 'WPLUG_CANCELLED':
            return new CancelledError(status, message, details);
        case 'WPLUG_EXITED':
        case 'WPLUG_RAISED':
        case 'WPLUG_RETURNED':
            return new ExitError(status, ending.exitCode, message, details);
        case 'WPLUG_BAD_OUTPUT':
        case 'WPLUG_NO_ANSWER':
            return new ProtocolError(status, message, details);
        default:
            return new WplugError(status, message, details);
    }
}

export function misuse(message: string): WplugError {
    return new WplugError('WPLUG_MISUSE', message);
}
