import CWplug
import Foundation

/// What one call may use. What is nil comes from the plugin's limits, and what is nil there from the defaults, which wplug.h
/// names. `UInt64.max` takes a limit away.
public struct Limits: Sendable {
    /// One unit is about one WebAssembly instruction.
    public var fuel: UInt64?
    /// From the call's start to its end, waiting included.
    public var timeNanoseconds: UInt64?
    public var memoryBytes: UInt64?
    public var tableElements: UInt64?
    public var stackBytes: UInt64?
    public var depth: UInt64?
    public var messageBytes: UInt64?
    public var messageDepth: UInt64?
    public var logBytes: UInt64?
    public var logLineBytes: UInt64?
    public var hostCalls: UInt64?

    public init() {}

    func native() -> wplug_limits {
        var limits = wplug_limits()
        wplug_limits_init(&limits)
        limits.fuel = fuel ?? 0
        limits.time_ns = timeNanoseconds ?? 0
        limits.memory_bytes = memoryBytes ?? 0
        limits.table_elements = tableElements ?? 0
        limits.stack_bytes = stackBytes ?? 0
        limits.depth = depth ?? 0
        limits.message_bytes = messageBytes ?? 0
        limits.message_depth = messageDepth ?? 0
        limits.log_bytes = logBytes ?? 0
        limits.log_line_bytes = logLineBytes ?? 0
        limits.host_calls = hostCalls ?? 0
        return limits
    }
}

/// How a plugin is loaded and run; `wplug_plugin_options` of wplug.h tells more.
public struct PluginOptions: Sendable {
    /// For logs and messages.
    public var name: String?
    /// A random one, where it is nil.
    public var id: UUID?
    public var arguments: [String] = []
    /// Each "NAME=value".
    public var environment: [String] = []
    /// The host methods that the plugin may see. nil: all.
    public var allow: [String]?
    /// A read of an empty stdin does not wait: for guests built on an async runtime.
    public var isAsyncGuest = false
    /// Of each call that names none of its own.
    public var limits = Limits()

    public init() {}
}

/// A WebAssembly module that was decoded and validated, with the options that it runs with. It never changes and is for any
/// thread. Calls that run keep what they need of it.
public final class Plugin: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Throws `WplugError`, which says what is wrong with the module.
    public init(_ module: Data, options: PluginOptions = PluginOptions()) throws {
        pointer = try withTexts(options.arguments, options.environment, options.allow ?? []) { arguments, environment, allow in
            var native = wplug_plugin_options()
            wplug_plugin_options_init(&native)
            native.args = arguments.baseAddress
            native.arg_count = arguments.count
            native.env = environment.baseAddress
            native.env_count = environment.count
            if options.allow != nil {
                native.allow = allow.baseAddress
                native.allow_count = allow.count
            }
            native.async_guest = options.isAsyncGuest
            var limits = options.limits.native()
            var id = wplug_id()
            if let uuid = options.id { id.bytes = uuid.uuid }
            return try withUnsafePointer(to: &limits) { limits in
                try withUnsafePointer(to: &id) { id in
                    native.limits = limits
                    if options.id != nil { native.id = id }
                    guard let name = options.name else { return try load(module, native) }
                    return try name.withCString { name in
                        native.name = name
                        return try load(module, native)
                    }
                }
            }
        }
    }

    deinit {
        wplug_plugin_release(pointer)
    }

    public var name: String {
        String(cString: wplug_plugin_name(pointer))
    }

    public var id: UUID {
        UUID(uuid: wplug_plugin_id(pointer).pointee.bytes)
    }
}

private func load(_ module: Data, _ options: wplug_plugin_options) throws -> OpaquePointer {
    var options = options
    var plugin: OpaquePointer?
    var error = wplug_error()
    let status = module.withUnsafeBytes { bytes in
        wplug_plugin_load(bytes.baseAddress, bytes.count, &options, &plugin, &error)
    }
    guard status == WPLUG_OK, let plugin else { throw WplugError(error) }
    return plugin
}

private typealias Texts = UnsafeBufferPointer<UnsafePointer<CChar>?>

/// Three lists of texts as C has them, for as long as `body` runs. None is NULL, because an empty list is not no list.
private func withTexts<Value>(
    _ first: [String], _ second: [String], _ third: [String], _ body: (Texts, Texts, Texts) throws -> Value
) rethrows -> Value {
    let copies = [first, second, third].map { $0.map { strdup($0) } }
    defer { copies.joined().forEach { free($0) } }
    // One more, so that there is an address.
    let lists = copies.map { $0.map { UnsafePointer<CChar>($0) } + [nil] }
    return try lists[0].withUnsafeBufferPointer { first in
        try lists[1].withUnsafeBufferPointer { second in
            try lists[2].withUnsafeBufferPointer { third in
                try body(
                    Texts(rebasing: first.dropLast()), Texts(rebasing: second.dropLast()), Texts(rebasing: third.dropLast()))
            }
        }
    }
}
