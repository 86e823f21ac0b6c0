import CWplug
import Foundation

/// What a plugin asks.
public final class Request: @unchecked Sendable {
    public let method: String
    /// JSON as the plugin wrote it, "null" where there are none.
    public let params: Data
    /// It wants no answer; one that is given goes nowhere.
    public let isNotification: Bool
    public let pluginName: String
    public let pluginID: UUID

    private let pointer: OpaquePointer

    init(_ request: OpaquePointer) {
        var size = 0
        let text = wplug_request_params(request, &size)
        let plugin = wplug_request_plugin(request)
        pointer = wplug_request_retain(request)
        method = String(cString: wplug_request_method(request))
        params = text.map { Data(bytes: $0, count: size) } ?? Data("null".utf8)
        isNotification = wplug_request_is_notification(request)
        pluginName = String(cString: wplug_plugin_name(plugin))
        pluginID = UUID(uuid: wplug_plugin_id(plugin).pointee.bytes)
    }

    /// A request that nobody answered is answered here, with an error.
    deinit {
        wplug_request_release(pointer)
    }

    /// The params as a value. Where they are none of that type, the plugin gets an error that says so, unless it is caught.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: params)
        } catch {
            throw RPCError(code: RPCError.invalidParams, message: "invalid params: \(error)")
        }
    }

    /// False once it was answered or its call has ended: work on an answer can stop.
    public var isOpen: Bool {
        wplug_request_is_open(pointer)
    }

    func answer(_ json: Data) {
        if wplug_request_result(pointer, text(json)) == WPLUG_BAD_JSON {
            let message = "what the host method \(method) returned is not JSON"
            wplug_request_error(pointer, RPCError.internalError, message, nil)
        }
    }

    func fail(_ error: Error) {
        let rpc = error as? RPCError ?? RPCError(code: RPCError.serverError, message: error.localizedDescription)
        let message = rpc.message.replacingOccurrences(of: "\0", with: "\u{FFFD}")
        if let data = rpc.data, wplug_request_error(pointer, rpc.code, message, text(data)) != WPLUG_BAD_JSON { return }
        // Better without data, or without data that is not JSON, than not at all.
        wplug_request_error(pointer, rpc.code, message, nil)
    }

    /// JSON has no 0 bytes; a text that has some is made one that is not JSON.
    private func text(_ json: Data) -> [CChar] {
        json.contains(0) ? [0] : json.map { CChar(truncatingIfNeeded: $0) } + [0]
    }
}
