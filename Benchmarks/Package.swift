// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that neither `swift build` nor `swift test` of the main one builds it.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wallfacer", path: "..")],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                .product(name: "Tensors", package: "wallfacer"), .product(name: "Layers", package: "wallfacer"),
                .product(name: "LanguageModel", package: "wallfacer"),
                .product(name: "Recommendation", package: "wallfacer"),
                .product(name: "Training", package: "wallfacer"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20)
