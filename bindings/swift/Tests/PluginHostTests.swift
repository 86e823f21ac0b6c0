import Foundation
import XCTest

@testable import Wplug

/// With the example plugin test-plugin, whose file WPLUG_TEST_PLUGIN names.
final class PluginHostTests: XCTestCase {
    private func tester() throws -> Plugin {
        guard let path = ProcessInfo.processInfo.environment["WPLUG_TEST_PLUGIN"] else {
            throw XCTSkip("WPLUG_TEST_PLUGIN does not name test-plugin.wasm")
        }
        return try Plugin(Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private struct Primes: Codable, Equatable {
        var count: Int?
        let limit: Int
    }

    func testACallAnswersWithAValue() async throws {
        let host = try PluginHost()
        let pong: String = try await host.call(tester(), "ping")
        XCTAssertEqual(pong, "pong")
        let primes: Primes = try await host.call(tester(), "prime_sieve", Primes(limit: 1000))
        XCTAssertEqual(primes, Primes(count: 168, limit: 1000))
    }

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

    func testErrorsAreTyped() async throws {
        let host = try PluginHost()
        do {
            _ = try await host.call(tester(), "no_such", json: nil)
            XCTFail("there is no such method")
        } catch let error as RPCError {
            XCTAssertEqual(error.code, RPCError.methodNotFound)
        }
        var limits = Limits()
        limits.fuel = 1_000_000
        do {
            _ = try await host.call(tester(), "prime_sieve", json: Data("100000000".utf8), limits: limits)
            XCTFail("that needs more fuel")
        } catch let error as CallError {
            XCTAssertEqual(error.status, .fuelLimit)
        }
        XCTAssertThrowsError(try Plugin(Data("#!/bin/sh".utf8))) { error in
            XCTAssertEqual((error as? WplugError)?.status, .notWasm)
        }
    }

    func testCancellingTheTaskEndsTheCall() async throws {
        let host = try PluginHost()
        let plugin = try tester()
        let task = Task { try await host.call(plugin, "sleep", json: Data("3600000".utf8)) }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("it sleeps for an hour")
        } catch is CancellationError {
        }
    }
}
