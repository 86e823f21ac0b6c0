// A program that uses all of the package's interface: types.test.js compiles it as its users' compilers do, and runs none of it.
import {
    CancelledError,
    ExitError,
    LimitError,
    LoadError,
    Plugin,
    ProtocolError,
    RpcError,
    TimeoutError,
    TrapError,
    WplugError,
    hostUsage,
    type CallOptions,
    type CallStats,
    type HostMethod,
    type HostRequest,
    type LimitName,
    type Limits,
    type LogLine,
    type Message,
    type PluginInfo,
    type PluginOptions,
    type Source,
} from 'wplug';

const echo: HostMethod = (params: { n: number }, request: HostRequest): unknown => {
    request.signal.throwIfAborted();
    return [params.n, request.method, request.pluginId, request.pluginName, request.paramsText];
};

const limits: Required<Limits> = {
    fuel: 10n ** 9n,
    timeMs: 100,
    memoryBytes: Infinity,
    tableElements: 1,
    stackBytes: 1,
    depth: 1,
    messageBytes: 1,
    messageDepth: 1,
    logBytes: 1,
    logLineBytes: 1,
    hostCalls: 1,
    lingerFuel: 1,
    lingerMs: 1,
};

const options: Required<PluginOptions> = {
    name: 'consumer',
    methods: { echo },
    defaultMethod: async () => 1,
    allow: ['echo'],
    limits,
    onLog: (line: LogLine) => console.log(line.text, line.source, line.pluginName),
    onMessage: (message: Message) => console.log(message.toPlugin, message.text),
    args: ['consumer'],
    env: { NAME: 'value' },
    asyncGuest: false,
    snapshot: 'auto',
    seed: 1n,
    wasmUrl: new URL('https://example.org/wplug.wasm'),
};

export async function use(source: Source): Promise<void> {
    const plugin = await Plugin.load(source, options);
    let stats: CallStats | undefined;
    const call: Required<CallOptions> = {
        signal: AbortSignal.timeout(10),
        timeoutMs: 5,
        limits,
        onResult: (spent) => (stats = spent),
    };
    const greeting: string = await plugin.call<string>('hello', { name: 'Ada' }, call);
    const unknown: unknown = await plugin.call('hello');
    const text: string = await plugin.callText('hello', '{}', call);
    const description: unknown = await plugin.describe(call);
    const info: PluginInfo = plugin.inspect();
    const usage: { allocatedBytes: number; memoryBytes: number } = await hostUsage();
    console.log(greeting, unknown, text, description, info.wasi, stats?.fuel, usage);
    plugin.dispose();
}

export function tell(error: unknown): string {
    if (error instanceof RpcError) return `${error.code} ${String(error.data)}`;
    if (error instanceof TrapError) return error.backtrace;
    if (error instanceof TimeoutError) return error.limit;
    if (error instanceof LimitError) {
        const limit: LimitName = error.limit;
        return limit;
    }
    if (error instanceof CancelledError) return String(error.cause);
    if (error instanceof ExitError) return String(error.exitCode);
    if (error instanceof ProtocolError || error instanceof LoadError || error instanceof WplugError) return error.status;
    return '';
}
