import Foundation

/// Two kinds of items that share their users, as DisenCDR publishes the Amazon pairs: a folder `FIRST_SECOND` with
/// `train.txt` and `test.txt` for the first kind, and `SECOND_FIRST` for the second. Each line is user, item and 1.
public struct CrossDomainPair: Sendable {
    /// One kind of items with the published split.
    public struct Domain: Sendable {
        public let name: String
        /// Training interactions of all users of the pair; users without one have an empty range.
        public let train: InteractionLog
        /// Test interactions over the same users and items.
        public let test: InteractionLog
    }

    public let first: Domain
    public let second: Domain

    /// - Parameter pair: two names, for example ("cloth", "sport").
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(folder: URL, pair: (String, String)) throws {
        let tables = try [pair, (pair.1, pair.0)].map { names in
            let place = folder.appending(path: "\(names.0)_\(names.1)", directoryHint: .isDirectory)
            return try ["train.txt", "test.txt"].map { file in
                try FeatureTable.read(
                    UserSequenceSet.file(file, in: place, set: "\(names.0)_\(names.1)"),
                    layout: TableLayout(delimiter: "\t", quotes: false, hasHeader: false),
                    fields: [
                        FeatureField("user", .token), FeatureField("item", .token), FeatureField("value", .float),
                    ])
            }
        }
        // The published numbers are dense; both directions count the same users.
        var users = IdentifierMap()
        for table in tables.joined() { for token in try table.tokens("user").vocabulary.tokens { users.insert(token) } }
        first = try Self.domain(pair.0, tables[0], users)
        second = try Self.domain(pair.1, tables[1], users)
    }

    private static func domain(_ name: String, _ tables: [FeatureTable], _ users: IdentifierMap) throws -> Domain {
        var items = IdentifierMap()
        for table in tables { for token in try table.tokens("item").vocabulary.tokens { items.insert(token) } }
        func log(_ table: FeatureTable) throws -> InteractionLog {
            func indices(_ column: String, _ map: IdentifierMap) throws -> [Int32] {
                let (values, vocabulary) = try table.tokens(column)
                let shared = try vocabulary.tokens.map { try map.index(of: $0, kind: column) }
                return values.map { shared[Int($0)] }
            }
            return try InteractionLog(
                users: users, items: items, userIndices: indices("user", users), itemIndices: indices("item", items),
                order: .asGiven, name: table.name)
        }
        return Domain(name: name, train: try log(tables[0]), test: try log(tables[1]))
    }
}
