/** wplug: WebAssembly plugins that speak JSON-RPC, interpreted inside the page. */
import './symbols.js';

export { Plugin, type PluginInfo } from './plugin.js';
export type { Source } from './source.js';
export type {
    CallOptions,
    CallStats,
    HostMethod,
    HostRequest,
    Limits,
    LogLine,
    Message,
    PluginOptions,
} from './options.js';
export {
    CancelledError,
    ExitError,
    LimitError,
    LoadError,
    ProtocolError,
    RpcError,
    TimeoutError,
    TrapError,
    WplugError,
    type LimitName,
} from './errors.js';
export { hostUsage } from './usage.js';
