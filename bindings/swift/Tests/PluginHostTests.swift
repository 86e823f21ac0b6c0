import Foundation
import XCTest

@testable import Wplug

/// With the example plugins, which are in the folder that WPLUG_TEST_PLUGINS names.
final class PluginHostTests: XCTestCase {
    private func module(_ name: String) throws -> Data {
        guard let folder = ProcessInfo.processInfo.environment["WPLUG_TEST_PLUGINS"] else {
            throw XCTSkip("WPLUG_TEST_PLUGINS does not name the folder of the example plugins")
        }
        return try Data(contentsOf: URL(fileURLWithPath: folder).appendingPathComponent(name + ".wasm"))
    }

    private func tester(_ options: PluginOptions = PluginOptions()) throws -> Plugin {
        try Plugin(module("test-plugin"), options: options)
    }

    /// What `body` throws, which has to be of that type.
    private func error<Failure: Error>(_ type: Failure.Type, _ body: () async throws -> Void) async throws -> Failure {
        do {
            try await body()
        } catch let error as Failure {
            return error
        }
        throw Missing(what: "\(type)")
    }

    private struct Missing: Error {
        let what: String
    }

    private struct Primes: Codable, Equatable {
        var count: Int?
        let limit: Int
    }

    // MARK: Calls

    func testACallAnswersWithAValue() async throws {
        let host = try PluginHost()
        let pong: String = try await host.call(tester(), "ping")
        XCTAssertEqual(pong, "pong")
        let primes: Primes = try await host.call(tester(), "prime_sieve", Primes(limit: 1000))
        XCTAssertEqual(primes, Primes(count: 168, limit: 1000))
    }

    func testACallAnswersWithWhatItTook() async throws {
        let answer = try await PluginHost().call(tester(), "ping", json: nil)
        XCTAssertEqual(answer.json, Data(#""pong""#.utf8))
        XCTAssertGreaterThan(answer.fuelUsed, 1000)
        XCTAssertGreaterThan(answer.timeNanoseconds, 0)
        XCTAssertEqual(answer.memoryBytes % 65536, 0)
        XCTAssertGreaterThan(answer.memoryBytes, 0)
    }

    func testManyCallsAtOnce() async throws {
        let host = try PluginHost(threads: 2)
        let plugin = try tester()
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for limit in 1...200 {
                group.addTask {
                    let primes: Primes = try await host.call(
                        plugin, "prime_sieve", Primes(limit: limit * 10), priority: limit % 3 - 1)
                    return primes.count ?? 0
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 }
        }
        // As many primes as there are up to 10, 20, ... 2000, counted here.
        let primes = (2...2000).filter { n in !(2..<n).contains { $0 * $0 <= n && n % $0 == 0 } }
        XCTAssertEqual(counts, (1...200).reduce(0) { sum, i in sum + primes.filter { $0 <= i * 10 }.count })
    }

    func testACallThatHasBegunEndsWithoutItsHost() async throws {
        let plugin = try tester()
        let task = Task {
            let pong: String = try await PluginHost().call(plugin, "ping")
            return pong
        }
        let pong = try await task.value
        XCTAssertEqual(pong, "pong")
    }

    // MARK: Host methods

    func testAHostMethodAnswersLater() async throws {
        let host = try PluginHost(
            threads: 1,
            methods: [
                "echo": { request in
                    try await Task.sleep(nanoseconds: 1_000_000)
                    return request.params
                }
            ])
        let answer = try await host.call(tester(), "many_echo", json: Data("20".utf8))
        XCTAssertEqual(answer.json, Data("null".utf8))
    }

    func testAHostMethodKnowsWhoAsks() async throws {
        let seen = Box<[String]>([])
        let host = try PluginHost(methods: [
            "echo": { request in
                seen.change {
                    $0.append("\(request.method) \(request.pluginName) \(request.pluginID) \(request.isNotification) \(request.isOpen)")
                }
                return request.params
            }
        ])
        var options = PluginOptions()
        options.name = "someone"
        options.id = UUID(uuidString: "01234567-89AB-4DEF-8123-456789ABCDEF")
        let plugin = try tester(options)
        XCTAssertEqual(plugin.name, "someone")
        XCTAssertEqual(plugin.id, options.id)
        _ = try await host.call(plugin, "many_echo", json: Data("1".utf8))
        XCTAssertEqual(seen.value, ["echo someone 01234567-89AB-4DEF-8123-456789ABCDEF false true"])
    }

    func testWhatAHostMethodThrowsIsThePluginsError() async throws {
        let host = try PluginHost(methods: [
            "echo": { _ in throw RPCError(code: 7, message: "not \0 today", data: Data(#"{"until":"Monday"}"#.utf8)) }
        ])
        let thrown = try await error(RPCError.self) {
            _ = try await host.call(self.tester(), "many_echo", json: Data("1".utf8))
        }
        XCTAssertTrue(thrown.message.contains("not \u{FFFD} today"), thrown.message)
        let odd = try PluginHost(methods: ["echo": { _ in throw Missing(what: "answer") }])
        _ = try await error(RPCError.self) { _ = try await odd.call(self.tester(), "many_echo", json: Data("1".utf8)) }
        let loose = try PluginHost(methods: ["echo": { _ in Data("no json".utf8) }])
        let refused = try await error(RPCError.self) {
            _ = try await loose.call(self.tester(), "many_echo", json: Data("1".utf8))
        }
        XCTAssertTrue(refused.message.contains("is not JSON"), refused.message)
    }

    func testParamsThatAreNoSuchValueAreThePluginsError() async throws {
        let host = try PluginHost(methods: [
            "echo": { request in try JSONEncoder().encode(request.decode(Primes.self)) }
        ])
        let thrown = try await error(RPCError.self) {
            _ = try await host.call(self.tester(), "many_echo", json: Data("1".utf8))
        }
        XCTAssertTrue(thrown.message.contains("invalid params"), thrown.message)
    }

    func testAPluginSeesOnlyWhatItMay() async throws {
        let host = try PluginHost(methods: ["echo": { $0.params }])
        var options = PluginOptions()
        options.allow = []
        let plugin = try tester(options)
        let thrown = try await error(RPCError.self) { _ = try await host.call(plugin, "many_echo", json: Data("1".utf8)) }
        XCTAssertTrue(thrown.message.lowercased().contains("method not found"), thrown.message)
        options.allow = ["echo"]
        _ = try await host.call(tester(options), "many_echo", json: Data("1".utf8))
    }

    func testLinesOfTheLogComeInOrder() async throws {
        let lines = Box<[LogLine]>([])
        let host = try PluginHost(threads: 1, log: { line in lines.change { $0.append(line) } })
        var options = PluginOptions()
        options.name = "loud"
        options.id = UUID(uuidString: "01234567-89AB-4DEF-8123-456789ABCDEF")
        let plugin = try tester(options)
        for limit in [10, 1000] { _ = try await host.call(plugin, "prime_sieve", json: Data("\(limit)".utf8)) }
        XCTAssertEqual(lines.value.count, 2)
        for (line, text) in zip(lines.value, ["found 4 primes up to 10", "found 168 primes up to 1000"]) {
            XCTAssertTrue(line.text.contains(text), line.text)
            XCTAssertEqual(line.plugin, "loud")
            XCTAssertEqual(line.id.uppercased(), "ABCDEF")
            XCTAssertFalse(line.isRemark)
        }
    }

    // MARK: Errors

    /// (module (memory (export "memory") 1) (func (export "_start") unreachable))
    private static let trapping: [UInt8] = [
        0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03,
        0x01, 0x00, 0x01, 0x07, 0x13, 0x02, 0x06, 0x6D, 0x65, 0x6D, 0x6F, 0x72, 0x79, 0x02, 0x00, 0x06, 0x5F, 0x73, 0x74, 0x61,
        0x72, 0x74, 0x00, 0x00, 0x0A, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0B,
    ]

    func testATrapHasABacktrace() async throws {
        let host = try PluginHost()
        let plugin = try Plugin(Data(Self.trapping))
        let thrown = try await error(CallError.self) { _ = try await host.call(plugin, "any", json: nil) }
        XCTAssertEqual(thrown.status, .trap)
        XCTAssertEqual(thrown.status.description, "WPLUG_TRAP")
        XCTAssertTrue(thrown.message.contains("unreachable"), thrown.message)
        XCTAssertFalse(thrown.backtrace.isEmpty)
    }

    func testErrorsAreTyped() async throws {
        let host = try PluginHost()
        let unknown = try await error(RPCError.self) { _ = try await host.call(self.tester(), "no_such", json: nil) }
        XCTAssertEqual(unknown.code, RPCError.methodNotFound)
        var limits = Limits()
        limits.fuel = 1_000_000
        let spent = try await error(CallError.self) {
            _ = try await host.call(self.tester(), "prime_sieve", json: Data("100000000".utf8), limits: limits)
        }
        XCTAssertEqual(spent.status, .fuelLimit)
        XCTAssertThrowsError(try Plugin(Data("#!/bin/sh".utf8))) { error in
            XCTAssertEqual((error as? WplugError)?.status, .notWasm)
            XCTAssertFalse(error.localizedDescription.isEmpty)
        }
    }

    func testCallsThatCannotBeStartedSayWhy() async throws {
        let host = try PluginHost()
        let bad = try await error(WplugError.self) { _ = try await host.call(self.tester(), "ping", json: Data("{".utf8)) }
        XCTAssertEqual(bad.status, .badJSON)
        let zero = try await error(WplugError.self) { _ = try await host.call(self.tester(), "pi\0ng", json: nil) }
        XCTAssertEqual(zero.status, .badJSON)
    }

    func testThePluginsLimitsHoldForItsCalls() async throws {
        var options = PluginOptions()
        options.limits.fuel = 100
        let plugin = try tester(options)
        let spent = try await error(CallError.self) { _ = try await PluginHost().call(plugin, "ping", json: nil) }
        XCTAssertEqual(spent.status, .fuelLimit)
        var limits = Limits()
        limits.fuel = .max
        _ = try await PluginHost().call(plugin, "ping", json: nil, limits: limits)
    }

    // MARK: Cancelling

    func testCancellingTheTaskEndsTheCall() async throws {
        let host = try PluginHost()
        let plugin = try tester()
        for delay in [0, 1_000, 1_000_000, 20_000_000] as [UInt64] {
            let task = Task { try await host.call(plugin, "sleep", json: Data("3600000".utf8)) }
            if delay > 0 { try await Task.sleep(nanoseconds: delay) }
            task.cancel()
            _ = try await error(CancellationError.self) { _ = try await task.value }
        }
    }

    func testCancellingACallThatComputesEndsIt() async throws {
        let host = try PluginHost(threads: 1)
        let plugin = try tester()
        let task = Task { try await host.call(plugin, "prime_sieve", json: Data("100000000".utf8)) }
        try await Task.sleep(nanoseconds: 5_000_000)
        task.cancel()
        _ = try await error(CancellationError.self) { _ = try await task.value }
        let pong: String = try await host.call(plugin, "ping")
        XCTAssertEqual(pong, "pong")
    }
}

/// A value for several threads.
private final class Box<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var inside: Value

    init(_ value: Value) {
        inside = value
    }

    var value: Value {
        lock.lock()
        defer { lock.unlock() }
        return inside
    }

    func change(_ body: (inout Value) -> Void) {
        lock.lock()
        defer { lock.unlock() }
        body(&inside)
    }
}
