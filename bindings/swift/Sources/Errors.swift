import CWplug
import Foundation

/// How anything can end: `wplug_status` of wplug.h. A later version of the library may have others than those named here.
public struct Status: Equatable, Hashable, Sendable, CustomStringConvertible {
    public let number: Int

    init(_ status: wplug_status) {
        number = Int(status.rawValue)
    }

    /// The name in the header, such as "WPLUG_FUEL_LIMIT".
    public var description: String {
        String(cString: wplug_status_name(wplug_status(rawValue: UInt32(number))))
    }

    public static let misuse = Status(WPLUG_MISUSE)
    public static let noMemory = Status(WPLUG_NO_MEMORY)
    public static let system = Status(WPLUG_SYSTEM)
    public static let gone = Status(WPLUG_GONE)
    public static let badJSON = Status(WPLUG_BAD_JSON)
    public static let busy = Status(WPLUG_BUSY)

    public static let fileEmpty = Status(WPLUG_FILE_EMPTY)
    public static let notWasm = Status(WPLUG_NOT_WASM)
    public static let component = Status(WPLUG_COMPONENT)
    public static let wasmVersion = Status(WPLUG_WASM_VERSION)
    public static let truncated = Status(WPLUG_TRUNCATED)
    public static let malformed = Status(WPLUG_MALFORMED)
    public static let invalid = Status(WPLUG_INVALID)
    public static let unsupported = Status(WPLUG_UNSUPPORTED)
    public static let moduleTooLarge = Status(WPLUG_MODULE_TOO_LARGE)
    public static let unknownImports = Status(WPLUG_UNKNOWN_IMPORTS)
    public static let importType = Status(WPLUG_IMPORT_TYPE)
    public static let noStart = Status(WPLUG_NO_START)
    public static let reactor = Status(WPLUG_REACTOR)

    public static let trap = Status(WPLUG_TRAP)
    public static let exited = Status(WPLUG_EXITED)
    public static let raised = Status(WPLUG_RAISED)
    public static let returned = Status(WPLUG_RETURNED)
    public static let badOutput = Status(WPLUG_BAD_OUTPUT)
    public static let noAnswer = Status(WPLUG_NO_ANSWER)
    public static let fuelLimit = Status(WPLUG_FUEL_LIMIT)
    public static let timeLimit = Status(WPLUG_TIME_LIMIT)
    public static let memoryLimit = Status(WPLUG_MEMORY_LIMIT)
    public static let tableLimit = Status(WPLUG_TABLE_LIMIT)
    public static let stackLimit = Status(WPLUG_STACK_LIMIT)
    public static let messageLimit = Status(WPLUG_MESSAGE_LIMIT)
    public static let logLimit = Status(WPLUG_LOG_LIMIT)
    public static let hostCallLimit = Status(WPLUG_HOST_CALL_LIMIT)
    public static let cancelled = Status(WPLUG_CANCELLED)
}

/// Something could not be done: a plugin not loaded, a host not made, a call not started. The message is a sentence that says
/// what to do about it.
public struct WplugError: Error, LocalizedError, Sendable {
    public let status: Status
    public let message: String

    public var errorDescription: String? { message }

    init(_ status: wplug_status, _ message: String) {
        self.status = Status(status)
        self.message = message
    }

    init(_ error: wplug_error) {
        var message = error.message
        let text = withUnsafeBytes(of: &message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.init(error.status, text)
    }
}

/// A call ended without an answer: a trap, a limit. (A call that was cancelled with its task throws `CancellationError`.)
public struct CallError: Error, LocalizedError, Sendable {
    public let status: Status
    public let message: String
    /// Where the guest stood, innermost frame first, a line each.
    public let backtrace: String
    /// Of `exited`, and of `raised` 128 + signal.
    public let exitCode: Int

    public var errorDescription: String? { message }
}

/// An error of JSON-RPC. Calls throw it where the plugin answered with one; host methods throw it to answer with one.
public struct RPCError: Error, LocalizedError, Sendable {
    public static let methodNotFound: Int64 = -32601
    public static let invalidParams: Int64 = -32602
    public static let internalError: Int64 = -32603
    /// Of an error that has no code of its own.
    public static let serverError: Int64 = -32000

    public let code: Int64
    public let message: String
    /// JSON.
    public let data: Data?

    public var errorDescription: String? { message }

    public init(code: Int64, message: String, data: Data? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}
