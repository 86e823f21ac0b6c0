import CWplug
import Foundation

/// What a plugin answered, and what that took.
public struct Answer: Sendable {
    /// As the plugin wrote it.
    public let json: Data
    public let fuelUsed: UInt64
    public let timeNanoseconds: UInt64
    public let memoryBytes: UInt64
}

public struct LogLine: Sendable {
    public let plugin: String
    /// The last six digits of the plugin's id.
    public let id: String
    public let text: String
    /// It is not of the plugin, but a remark of the library's about it.
    public let isRemark: Bool
}

/// Runs calls of plugins, on threads of its own, and has the methods that plugins may call.
///
///     let plugin = try Plugin(Data(contentsOf: url))
///     let host = try PluginHost(methods: ["echo": { request in request.params }])
///     let pong: String = try await host.call(plugin, "ping")
public final class PluginHost: Sendable {
    /// Answers with JSON, or throws: an `RPCError` to answer with that, anything else becomes one with the code -32000.
    public typealias Method = @Sendable (Request) async throws -> Data

    private let pool: Pool

    /// - Parameters:
    ///   - threads: 0 means as many as there are processors
    ///   - log: each line that plugins write to their stderr, on the thread that runs the call: be quick
    public init(threads: Int = 0, methods: [String: Method] = [:], log: (@Sendable (LogLine) -> Void)? = nil) throws {
        pool = try Pool(threads: threads, Callbacks(methods: methods, log: log))
    }

    /// Ends the threads, in the background. No call can be running: it would hold the host.
    deinit {
        pool.free()
    }

    /// A call in a fresh sandbox. `params` and the answer are JSON; nil means null. Cancelling the task ends it.
    ///
    /// Throws `RPCError` where the plugin answered with an error, `CallError` where it did not answer, `WplugError` where the
    /// call could not be started, `CancellationError` where it was cancelled.
    public func call(_ plugin: Plugin, _ method: String, json params: Data?, limits: Limits = Limits(), priority: Int = 0)
        async throws -> Answer
    {
        if method.contains("\0") || params?.contains(0) == true {
            throw WplugError(WPLUG_BAD_JSON, "there is a character U+0000 in the method's name or in the params")
        }
        let call = Call(pool)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                call.start(continuation, plugin, method, params, limits, priority)
            }
        } onCancel: {
            call.cancel()
        }
    }

    /// The same with values for params and answer.
    public func call<Params: Encodable, Value: Decodable>(
        _ plugin: Plugin, _ method: String, _ params: Params, limits: Limits = Limits(), priority: Int = 0,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        let json = try JSONEncoder().encode(params)
        let answer = try await call(plugin, method, json: json, limits: limits, priority: priority)
        return try JSONDecoder().decode(type, from: answer.json)
    }

    /// The same without params.
    public func call<Value: Decodable>(
        _ plugin: Plugin, _ method: String, limits: Limits = Limits(), priority: Int = 0, as type: Value.Type = Value.self
    ) async throws -> Value {
        let answer = try await call(plugin, method, json: nil, limits: limits, priority: priority)
        return try JSONDecoder().decode(type, from: answer.json)
    }
}

/// What the threads of a pool call.
private final class Callbacks: Sendable {
    let methods: [String: PluginHost.Method]
    let log: (@Sendable (LogLine) -> Void)?

    init(methods: [String: PluginHost.Method], log: (@Sendable (LogLine) -> Void)?) {
        self.methods = methods
        self.log = log
    }

    static func from(_ user: UnsafeMutableRawPointer?) -> Callbacks {
        Unmanaged<Callbacks>.fromOpaque(user!).takeUnretainedValue()
    }

    /// On each thread, when it has made its runtime.
    func setUp(_ runtime: OpaquePointer?, _ user: UnsafeMutableRawPointer?) -> wplug_status {
        if log != nil {
            let status = wplug_runtime_set_log(
                runtime, { user, line in Callbacks.from(user).write(line!.pointee) }, user)
            if status != WPLUG_OK { return status }
        }
        for name in methods.keys {
            let status = wplug_runtime_set_method(
                runtime, name, { user, request in Callbacks.from(user).receive(Request(request!)) }, user)
            if status != WPLUG_OK { return status }
        }
        return WPLUG_OK
    }

    private func write(_ line: wplug_log) {
        let bytes = UnsafeRawBufferPointer(start: line.text, count: line.text_size)
        log?(
            LogLine(
                plugin: String(cString: line.name), id: String(cString: line.id), text: String(decoding: bytes, as: UTF8.self),
                isRemark: line.source == WPLUG_LOG_HOST))
    }

    private func receive(_ request: Request) {
        guard let method = methods[request.method] else { return }
        Task {
            do {
                request.answer(try await method(request))
            } catch {
                request.fail(error)
            }
        }
    }
}

/// Owns the wplug_pool, which may be used by any thread until it is freed.
private final class Pool: @unchecked Sendable {
    let pointer: OpaquePointer
    private let user: UnsafeMutableRawPointer

    init(threads: Int, _ callbacks: Callbacks) throws {
        var options = wplug_pool_options()
        wplug_pool_options_init(&options)
        options.threads = UInt32(clamping: threads)
        options.start = { user, runtime, _ in Callbacks.from(user).setUp(runtime, user) }
        let user = Unmanaged.passRetained(callbacks).toOpaque()
        options.thread_user = user
        var pool: OpaquePointer?
        var error = wplug_error()
        guard wplug_pool_new(&options, &pool, &error) == WPLUG_OK, let pool else {
            Unmanaged<Callbacks>.fromOpaque(user).release()
            throw WplugError(error)
        }
        pointer = pool
        self.user = user
    }

    /// Waits for the threads, so it must not be on one of them; and a host may end anywhere.
    func free() {
        DispatchQueue.global().async { [self] in
            wplug_pool_free(pointer)
            Unmanaged<Callbacks>.fromOpaque(user).release()
        }
    }
}

/// One call: from its start to the end that its continuation is told.
private final class Call: @unchecked Sendable {
    private let pool: Pool
    private let lock = NSLock()
    private var continuation: CheckedContinuation<Answer, Error>?
    private var task: wplug_task = 0
    private var isCancelled = false

    init(_ pool: Pool) {
        self.pool = pool
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    func start(
        _ continuation: CheckedContinuation<Answer, Error>, _ plugin: Plugin, _ method: String, _ params: Data?,
        _ limits: Limits, _ priority: Int
    ) {
        let isTooLate = locked {
            self.continuation = continuation
            return isCancelled
        }
        if isTooLate { return end(.failure(CancellationError())) }

        var limits = limits.native()
        var task: wplug_task = 0
        var error = wplug_error()
        let text = (params ?? Data("null".utf8)).map { CChar(truncatingIfNeeded: $0) } + [0]
        let user = Unmanaged.passRetained(self).toOpaque()
        let status = withUnsafePointer(to: &limits) { limits in
            var options = wplug_call_options()
            wplug_call_options_init(&options)
            options.limits = limits
            options.priority = Int32(clamping: priority)
            return wplug_pool_call_start(
                pool.pointer, plugin.pointer, method, text, &options,
                { user, _, result in
                    Unmanaged<Call>.fromOpaque(user!).takeRetainedValue().ended(result!.pointee)
                }, user, &task, &error)
        }
        guard status == WPLUG_OK else {
            Unmanaged<Call>.fromOpaque(user).release()
            return end(.failure(WplugError(error)))
        }
        // It may have been cancelled while there was no number to cancel it by.
        let isCancelledNow = locked {
            self.task = task
            return isCancelled
        }
        if isCancelledNow { wplug_pool_cancel(pool.pointer, task) }
    }

    func cancel() {
        let task = locked {
            isCancelled = true
            return self.task
        }
        if task != 0 { wplug_pool_cancel(pool.pointer, task) }
    }

    private func ended(_ result: wplug_result) {
        switch result.status {
        case WPLUG_OK:
            end(
                .success(
                    Answer(
                        json: Data(bytes: result.json, count: result.json_size), fuelUsed: result.fuel_used,
                        timeNanoseconds: result.time_ns, memoryBytes: result.memory_bytes)))
        case WPLUG_RPC_ERROR:
            let data = result.data_size > 0 ? Data(bytes: result.data, count: result.data_size) : nil
            end(.failure(RPCError(code: result.code, message: String(cString: result.error_message), data: data)))
        case WPLUG_CANCELLED where locked({ isCancelled }):
            end(.failure(CancellationError()))
        default:
            end(
                .failure(
                    CallError(
                        status: Status(result.status), message: String(cString: result.message),
                        backtrace: String(cString: result.backtrace), exitCode: Int(result.exit_code))))
        }
    }

    private func end(_ result: Result<Answer, Error>) {
        let continuation = locked {
            let continuation = self.continuation
            self.continuation = nil
            return continuation
        }
        continuation?.resume(with: result)
    }
}
