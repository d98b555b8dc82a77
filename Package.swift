// swift-tools-version: 6.2
import Foundation
import PackageDescription

// LibTorch is found through `.deps/libtorch` under this package (filled by Scripts/bootstrap), through `LIBTORCH=DIR`,
// or through `WALLFACER_HOME/libtorch` when the package is a dependency of another one.
let environment = ProcessInfo.processInfo.environment
let packagedLibTorch = "\(Context.packageDirectory)/.deps/libtorch"
let libTorch: String = {
    if let given = environment["LIBTORCH"], !given.isEmpty { return given }
    if FileManager.default.fileExists(atPath: packagedLibTorch) { return packagedLibTorch }
    if let home = environment["WALLFACER_HOME"], FileManager.default.fileExists(atPath: "\(home)/libtorch") {
        return "\(home)/libtorch"
    }
    return packagedLibTorch
}()

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let orderedCollections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")

/// The pages that stand beside the code of a method.
func pages(_ target: String) -> [String] {
    let folder = "\(Context.packageDirectory)/Sources/\(target)"
    return (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
        .filter { $0 == "README.md" || $0.hasSuffix("/README.md") }.sorted()
}

func library(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: pages(name), resources: resources,
        swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, resources: resources,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "wallfacer",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "wallfacer", targets: ["wallfacer"]),
        .library(name: "Tensors", targets: ["Tensors"]),
        .library(name: "Layers", targets: ["Layers"]),
        .library(name: "LanguageModel", targets: ["LanguageModel"]),
        .library(name: "Training", targets: ["Training"]),
        .library(name: "Reinforcement", targets: ["Reinforcement"]),
        .library(name: "Experiments", targets: ["Experiments", "Evaluation"]),
        .library(name: "Recommendation", targets: ["Recommendation"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        // The bridge to LibTorch and the C kernels.
        .target(
            name: "CLibTorch",
            cxxSettings: [
                .unsafeFlags([
                    "-isystem", "\(libTorch)/include", "-isystem", "\(libTorch)/include/torch/csrc/api/include",
                    "-O2", "-fvisibility=hidden",
                ])
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(libTorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libTorch)/lib"]),
                .linkedLibrary("torch_cpu"), .linkedLibrary("c10"), .linkedLibrary("gomp"), .linkedLibrary("m"),
            ]),
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("m")]),
        // Linked into executables only: it acts before anything else of the process.
        .target(name: "CLaunch"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLzma", providers: [.apt(["liblzma-dev"])]),

        // No tensors.
        library("Evaluation"),
        library("Corpora", ["Evaluation", "CZlib", "CLzma", asyncHTTPClient, nioCore, nioHTTP1]),
        library("Worlds", ["Evaluation", "Corpora"]),
        library("Experiments", ["Evaluation"]),

        // The core.
        library("Tensors", ["CLibTorch", "CKernels"]),
        library("Layers", ["Tensors"]),
        library("Training", ["Layers", "Evaluation", "Corpora", "Experiments", grdb, yams, logging]),
        library("LanguageModel", ["Layers", "CKernels", "Evaluation", orderedCollections]),
        library("Reinforcement", ["Layers", "Evaluation", "Training"]),
        library("RemoteModels", ["LanguageModel", asyncHTTPClient, nioCore, nioHTTP1]),

        // The families.
        library("PostTraining", ["Training", "LanguageModel", "Worlds"]),
        library(
            "Recommendation",
            ["Training", "Reinforcement", "Layers", "Tensors", "Evaluation", "Corpora", "Worlds", "Experiments"]),
        library("Studies", ["PostTraining", "Recommendation"]),

        .executableTarget(
            name: "wallfacer", dependencies: ["CLaunch", "Studies", "RemoteModels", argumentParser, logging],
            swiftSettings: swiftSettings),
        // Ours beside the peers in `make bench`; the tool does not know it.
        .executableTarget(
            name: "Benchmarks", dependencies: ["CLaunch", "LanguageModel", "Recommendation"],
            path: "Benchmarks/Sources", swiftSettings: swiftSettings),

        tests("CKernels"),
        tests("Corpora", ["Evaluation", "CZlib"]),
        tests("Evaluation", resources: [.copy("Fixtures")]),
        tests("Experiments"),
        tests("LanguageModel", resources: [.copy("Fixtures")]),
        .testTarget(name: "LayeringTests", swiftSettings: swiftSettings),
        tests("Layers", resources: [.copy("Fixtures")]),
        tests("PostTraining", ["Training"]),
        tests("Reinforcement"),
        tests("Recommendation", ["Worlds"], resources: [.copy("Fixtures")]),
        tests("RemoteModels", ["LanguageModel"]),
        tests("Tensors", ["CKernels"], resources: [.copy("Fixtures")]),
        tests("Training"),
        tests("Worlds", ["Evaluation", "Corpora"]),
        tests(
            "wallfacer", ["Corpora", "Experiments", "LanguageModel", "Studies", "Training"],
            resources: [.copy("Snapshots")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
