import Foundation

/// The package's targets and what they declare, as `swift package dump-package` prints them.
struct Manifest {
    struct Target {
        let name: String
        var isTest = false
        var targetDependencies: [String] = []
        var products: [String] = []
    }

    let targets: [Target]

    subscript(name: String) -> Target? { targets.first { $0.name == name } }

    /// All targets that `name` stands on, directly or through others.
    func reachable(from name: String) -> Set<String> {
        var found: Set<String> = []
        var open = self[name]?.targetDependencies ?? []
        while let next = open.popLast() {
            guard found.insert(next).inserted else { continue }
            open += self[next]?.targetDependencies ?? []
        }
        return found
    }
}

extension Manifest {
    enum ReadingError: Error {
        case dumpFailed(status: Int32)
    }

    /// Has the package manager evaluate the manifest. Its scratch folder is a temporary one: the package's own is
    /// locked while tests are built.
    init(packageAt root: URL) throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "layering-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "swift", "package", "--package-path", root.path, "--scratch-path", scratch.path, "dump-package",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let dump = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ReadingError.dumpFailed(status: process.terminationStatus)
        }
        try self.init(dump: dump)
    }

    init(dump: Data) throws {
        targets = try JSONDecoder().decode(Dump.self, from: dump).targets.map { target in
            var found = Target(name: target.name, isTest: target.type == "test")
            for dependency in target.dependencies {
                // A dependency is `{"byName": [name, condition]}`, `{"product": [name, package, …]}` or
                // `{"target": [name, condition]}`.
                for (kind, values) in dependency {
                    guard let name = values.first?.text else { continue }
                    if kind == "product" { found.products.append(name) } else { found.targetDependencies.append(name) }
                }
            }
            return found
        }
    }

    private struct Dump: Decodable {
        struct Target: Decodable {
            let name: String
            let type: String
            let dependencies: [[String: [Value]]]
        }

        /// A string, or something that is of no interest here (a condition, nothing).
        struct Value: Decodable {
            let text: String?

            init(from decoder: any Decoder) throws {
                text = try? decoder.singleValueContainer().decode(String.self)
            }
        }

        let targets: [Target]
    }
}
