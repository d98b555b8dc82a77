import Foundation

/// The values of the seeds that an interrupted study has already measured: one JSON line a seed in one file.
///
/// The first line says what the values depend on (budget, commit, build, machine). Where that differs, the file starts
/// anew, so values of another build are never mixed in. A last line that was cut off by a crash is ignored.
struct SeedCache: Sendable {
    /// What cached values depend on.
    struct Conditions: Codable, Equatable, Sendable {
        let study: String
        let scale: Scale
        let ablated: Bool
        let tokens: Int?
        let steps: Int?
        let commit: String
        let build: String
        let environment: RunEnvironment
    }

    struct Entry: Codable, Equatable, Sendable {
        let seed: Int
        let seconds: Double
        let values: SeedValues
    }

    let file: URL
    let conditions: Conditions

    init(folder: URL, conditions: Conditions) {
        let name = [conditions.study, conditions.scale.rawValue] + (conditions.ablated ? ["ablated"] : [])
        file = folder.appending(path: name.joined(separator: "-") + ".jsonl")
        self.conditions = conditions
    }

    /// The measured seeds, none where the conditions differ or there is no file.
    func entries() -> [Int: Entry] {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [:] }
        let lines = text.split(separator: "\n").map { Data($0.utf8) }
        guard let first = lines.first, decoded(Conditions.self, first) == conditions else { return [:] }
        let entries = lines.dropFirst().compactMap { decoded(Entry.self, $0) }
        return Dictionary(entries.map { ($0.seed, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// Adds a seed. A file made under other conditions is replaced.
    func append(_ entry: Entry) throws {
        if entries().isEmpty {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try StableJSON.data(conditions, indented: false).write(to: file, options: .atomic)
        }
        let handle = try FileHandle(forUpdating: file)
        defer { try? handle.close() }
        let end = try handle.seekToEnd()
        // A crash may have left half a line; the new one must not join it.
        try handle.seek(toOffset: end - 1)
        let needsLineEnd = try handle.read(upToCount: 1) != Data("\n".utf8)
        let line = try StableJSON.data(entry, indented: false)
        try handle.write(contentsOf: needsLineEnd ? Data("\n".utf8) + line : line)
        try handle.synchronize()
    }

    /// Forgets the values, when the result they were for has been handed over.
    func remove() {
        try? FileManager.default.removeItem(at: file)
    }

    private func decoded<Value: Decodable>(_ type: Value.Type, _ line: Data) -> Value? {
        try? StableJSON.value(type, from: line)
    }

    /// Tells builds of the same commit apart: size and time of the running program.
    static func currentBuild() -> String {
        let path = Bundle.main.executablePath ?? CommandLine.arguments[0]
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(size)-\(time)"
    }
}
