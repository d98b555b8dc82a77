import Foundation

/// RecBole's atomic files: tab-separated, each header cell `name:type`, the values of sequences separated by a space or by
/// what the reader says.
public struct AtomicFiles: Sendable {
    public let interactions: FeatureTable
    public let users: FeatureTable?
    public let items: FeatureTable?

    /// Reads `NAME.inter` and, where they exist, `NAME.user` and `NAME.item` of a folder; each may also end in `.gz`.
    /// - Parameters:
    ///   - missing: what empty cells and numbers that are not finite become.
    ///   - keys: columns that have a value in every row, whatever `missing` says.
    ///   - separator: what stands between the values of a sequence; one ASCII character.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(
        folder: URL, name: String, missing: MissingRule = .refuse, keys: Set<String> = [],
        separator: Unicode.Scalar = " "
    ) throws {
        func table(_ kind: String) throws -> FeatureTable? {
            for ending in ["", ".gz"] {
                let file = folder.appending(path: "\(name).\(kind)\(ending)")
                if FileManager.default.fileExists(atPath: file.path) {
                    return try Self.table(file, missing: missing, keys: keys, separator: separator)
                }
            }
            return nil
        }
        guard let interactions = try table("inter") else {
            throw CorpusError.missing(
                dataSet: name, wanted: "\(name).inter", searched: [folder.path],
                advice: "Put the atomic files of the data set into this folder.")
        }
        self.interactions = interactions
        users = try table("user")
        items = try table("item")
    }

    /// Reads one atomic file; the columns are declared by its header.
    /// - Parameters:
    ///   - missing: what empty cells and numbers that are not finite become.
    ///   - keys: columns that have a value in every row, whatever `missing` says.
    ///   - separator: what stands between the values of a sequence; one ASCII character.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func table(
        _ file: URL, missing: MissingRule = .refuse, keys: Set<String> = [], separator: Unicode.Scalar = " "
    ) throws -> FeatureTable {
        try table(
            FileContents.data(file), file: file.lastPathComponent, missing: missing, keys: keys, separator: separator)
    }

    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func table(
        _ data: Data, file: String, missing: MissingRule = .refuse, keys: Set<String> = [],
        separator: Unicode.Scalar = " "
    ) throws -> FeatureTable {
        let allowed: [FeatureKind] = [.token, .tokenSequence, .float, .floatSequence]
        return try FeatureTable.read(data, file: file, layout: .tabSeparated) { header in
            try header.map { cell in
                let parts = cell.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                let kind = parts.count == 2 ? String(parts[1]) : ""
                guard let known = FeatureKind(rawValue: kind), allowed.contains(known) else {
                    throw InteractionError.unknownKind(
                        file: file, column: String(parts[0]), found: kind, allowed: allowed.map(\.rawValue))
                }
                let name = String(parts[0])
                return FeatureField(
                    name, known, missing: keys.contains(name) ? .refuse : missing, separator: separator)
            }
        }
    }

    /// The log of the interactions by the usual column names.
    /// - Throws: ``InteractionError``.
    public func log(
        user: String = "user_id", item: String = "item_id", time: String? = "timestamp",
        order: InteractionOrder = .byTime, keep: ((Int) -> Bool)? = nil
    ) throws -> InteractionLog {
        try InteractionLog(table: interactions, user: user, item: item, time: time, order: order, keep: keep)
    }
}
