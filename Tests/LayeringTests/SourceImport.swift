import Foundation

/// One `import` line of a target's sources.
struct SourceImport: Equatable {
    let target: String
    let module: String
    let file: String
    let line: Int
    var isTestable = false
}

extension SourceImport {
    /// The imports of all Swift files below `folder`, whose subfolders are the targets.
    static func all(below folder: URL) throws -> [SourceImport] {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var found: [SourceImport] = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let path = file.pathComponents.dropFirst(folder.pathComponents.count)
            guard let target = path.first else { continue }
            found += all(
                in: try String(contentsOf: file, encoding: .utf8), target: target, file: path.joined(separator: "/"))
        }
        return found
    }

    /// The imports of one file, whatever stands before them: attributes, access levels, the kind of a declaration.
    static func all(in text: String, target: String, file: String) -> [SourceImport] {
        let pattern =
            /^\s*(?<attributes>(?:@\w+(?:\([^)]*\))?\s+)*)(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:typealias|struct|class|enum|protocol|let|var|func)\s+)?(?<module>\w+)/
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            guard line.contains("import"), let match = try? pattern.firstMatch(in: line) else { return nil }
            return SourceImport(
                target: target, module: String(match.module), file: file, line: index + 1,
                isTestable: match.attributes.contains("@testable"))
        }
    }
}
