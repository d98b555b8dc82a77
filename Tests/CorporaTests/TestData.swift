import Foundation

/// Folders that tests write to, and real data sets where there are some.
enum TestData {
    /// `WALLFACER_DATA`, or a `shared/data` folder beside the checkout; nil where there is neither.
    static let folder: URL? = {
        if let given = ProcessInfo.processInfo.environment["WALLFACER_DATA"], !given.isEmpty {
            return URL(fileURLWithPath: given)
        }
        var checkout = URL(filePath: #filePath)
        for _ in 0..<3 { checkout.deleteLastPathComponent() }
        let beside = checkout.deletingLastPathComponent().appending(path: "shared/data")
        return FileManager.default.fileExists(atPath: beside.path) ? beside : nil
    }()

    static func has(_ name: String) -> Bool {
        guard let folder else { return false }
        return FileManager.default.fileExists(atPath: folder.appending(path: name).path)
    }

    /// What lies in a folder, sorted.
    static func names(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    /// Runs with a new empty folder that is removed afterwards.
    static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "corpora-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}
