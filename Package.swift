// swift-tools-version:5.9
// wplug for Swift: the library as a C target, and the wrapper in bindings/swift over its public header. docs/mobile.md says
// what of this was tried, and what was not.
import Foundation
import PackageDescription

// The sources are named one by one, because src/base has files for other systems too.
// tests/repository/swift_package.sh compares them with what is there.
#if os(Linux)
let system = ["os_linux.c", "os_clock_posix.c", "os_image_linux.c"]
#else
let system = ["os_darwin.c", "os_image_none.c"]
#endif
let base = ["base.c", "os_posix.c", "os_sync_posix.c"] + system

// CMake's builds, where there are any: SwiftPM would look through all of them for sources.
let builds = ["build"].filter { FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + $0) }

let package = Package(
    name: "wplug",
    platforms: [.macOS(.v11), .iOS(.v13)],
    products: [.library(name: "Wplug", targets: ["Wplug"])],
    targets: [
        .target(
            name: "CWplug",
            path: ".",
            exclude: [
                "bench", "bindings", "cli", "cmake", "docs", "examples", "pdk", "plugins", "scripts", "tests", "web",
                "CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md",
                // In place of others, in the build for small devices.
                "src/engine/compact.c", "src/host/disassemble_none.c", "src/host/pool_none.c",
                // SwiftPM would compile these as well.
                "src/json/CMakeLists.txt", "src/rpc/CMakeLists.txt", "src/engine/CMakeLists.txt", "src/wasi/CMakeLists.txt",
                "src/host/CMakeLists.txt",
            ] + builds,
            sources: base.map { "src/base/" + $0 } + [
                "src/json", "src/rpc", "src/engine", "src/wasi", "src/host",
            ],
            publicHeadersPath: "include",
            cSettings: [
                .headerSearchPath("src"),
                .define("NDEBUG", .when(configuration: .release)),
            ]
        ),
        .target(name: "Wplug", dependencies: ["CWplug"], path: "bindings/swift/Sources"),
        .testTarget(name: "WplugTests", dependencies: ["Wplug"], path: "bindings/swift/Tests"),
    ],
    cLanguageStandard: .gnu11
)
