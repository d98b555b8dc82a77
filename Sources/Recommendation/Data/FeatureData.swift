import Corpora
import Evaluation
public import Training

/// What a model of features reads and predicts.
public struct FeatureDataRecipe: Codable, Sendable, Equatable {
    public var interactions = InteractionDataRecipe()
    /// One task each, the first of which ranks.
    public var labels = ["click"]
    /// A label is positive from here on.
    public var minimumLabel = 1.0
    /// Empty: one domain.
    public var domain = ""
    public var historyLength = 20
    public var ignored: [String] = []

    public init() {
        interactions.split = .byTime
    }

    public static let fields =
        [
            RecipeField("labels", "Columns of numbers to predict, one task each; the first one ranks."),
            RecipeField("minimumLabel", "A label is positive from this value on."),
            RecipeField("domain", "A column of names whose values are the domains of a multi-domain model."),
            RecipeField(
                "historyLength", "Positive items strictly before a row that the model reads; 0 for none.",
                range: .between(0, 1000)),
            RecipeField(
                "ignored", "Columns that are not read as features, of the interactions, of users and of items."),
        ] + InteractionDataRecipe.fields.nested(in: "interactions")
}

/// Rows of features in three parts, and the encoder that made them.
struct FeatureData {
    let encoder: FeatureEncoder
    let train: FeatureRows
    let validation: FeatureRows
    let test: FeatureRows
    /// The user of each row of the parts as the table counts them, for grouped metrics: a stranger is a user too.
    let validationUsers: [Int32]
    let testUsers: [Int32]
    /// Likewise the item of each test row.
    let testItems: [Int32]
    /// The names by which the table counts.
    let users: IdentifierMap
    let items: IdentifierMap
    let name: String
    /// Columns that no feature, label or key is made of.
    let unread: [String]
}

extension FeatureDataRecipe {
    /// Reads, divides and encodes. Vocabularies and means come from the training part.
    /// - Parameter stored: the encoder of a trained model, for measuring it.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``, ``RecommendationError``.
    func data(seed: UInt64, stored: FeatureEncoder? = nil) throws -> FeatureData {
        let tables = try interactions.tables(numbers: labels, tokens: [domain], seed: seed)
        guard let rows = tables.rows else { throw RecommendationDataError.noTable(tables.name) }
        let (isLeft, name) = try interactions.core(rows, tables.name)
        let parts = try divided(rows, isLeft)
        let encoder = try stored ?? encoder(tables, rows, parts[0])
        let encoded = try encode(tables, rows, isLeft, parts: parts, with: encoder)
        return FeatureData(
            encoder: encoder, train: encoded[0].rows, validation: encoded[1].rows, test: encoded[2].rows,
            validationUsers: encoded[1].users, testUsers: encoded[2].users, testItems: encoded[2].items,
            users: try rows.tokens(interactions.user).vocabulary, items: try rows.tokens(interactions.item).vocabulary,
            name: name, unread: try unread(tables, rows))
    }

    /// The rows whose first label is positive.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``.
    func liked(seed: UInt64) throws -> InteractionLog {
        let tables = try interactions.tables(numbers: labels, tokens: [domain], seed: seed)
        guard let rows = tables.rows else { throw RecommendationDataError.noTable(tables.name) }
        let answers = try rows.numbers(labels[0])
        let isLeft = try interactions.core(rows, tables.name).rows
        return try InteractionLog(
            table: rows, user: interactions.user, item: interactions.item,
            time: interactions.time.isEmpty ? nil : interactions.time,
            keep: { answers[$0] >= minimumLabel && isLeft?[$0] != false })
    }

    /// Rows of train, validation and test: by time, or the last two of each user.
    private func divided(_ table: FeatureTable, _ isLeft: [Bool]?) throws -> [[Int]] {
        let log = try InteractionLog(
            table: table, user: interactions.user, item: interactions.item,
            time: interactions.time.isEmpty ? nil : interactions.time, keep: isLeft.map { rows in { rows[$0] } })
        let split: InteractionSplit =
            switch interactions.split {
            case .leaveOneOut: .leaveOneOut(log)
            case .byTime:
                try .byTime(log, validation: interactions.validationShare, test: interactions.testShare)
            }
        let parts = InteractionSplit.Part.allCases.map { part in
            (0..<log.userCount).flatMap { split.rows(part, user: $0) }.map { Int(log.sourceRows[$0]) }
        }
        for (part, rows) in zip(InteractionSplit.Part.allCases, parts) where rows.isEmpty {
            throw RecommendationDataError.noRows(source: table.name, part: part.rawValue)
        }
        return parts
    }

    /// The columns of the interactions that are features.
    private func context(_ table: FeatureTable) throws -> FeatureColumns {
        var reserved: Set = [interactions.user, interactions.item, interactions.time, interactions.rating, domain]
        reserved.formUnion(labels)
        return try FeatureColumns(table, except: reserved, ignored: ignored)
    }

    private func unread(_ tables: InteractionTables, _ rows: FeatureTable) throws -> [String] {
        var names = try context(rows).unread
        let rating = interactions.rating
        if !labels.contains(rating), rows.columnNames.contains(rating) { names.append(rating) }
        for (side, key, name) in [
            (tables.users, interactions.user, FeatureEncoder.userField),
            (tables.items, interactions.item, FeatureEncoder.itemField),
        ] {
            guard let side else { continue }
            names += try FeatureColumns(side, except: [key], ignored: ignored).unread.map { "\(name).\($0)" }
        }
        return names
    }

    private func encoder(
        _ tables: InteractionTables, _ table: FeatureTable, _ train: [Int]
    ) throws -> FeatureEncoder {
        let columns = try context(table)
        let people = try table.vocabulary(of: interactions.user, rows: train)
        let things = try table.vocabulary(of: interactions.item, rows: train)
        func side(_ table: FeatureTable?, _ names: [String], _ key: String) throws -> FeatureEncoder.Side {
            try table.map { try .init($0, names: names, key: key, ignored: ignored) } ?? .init()
        }
        return FeatureEncoder(
            users: people, items: things, context: columns.categories,
            contextVocabularies: try columns.categories.map { try table.vocabulary(of: $0, rows: train) },
            contextNumbers: columns.numbers.map(\.name),
            contextMoments: columns.numbers.map { number in .init(train.map { number.column[$0] }) },
            contextBags: try columns.bags.map {
                .init(name: $0, vocabulary: try table.vocabulary(ofLists: $0, rows: train))
            },
            userSide: try side(tables.users, people, interactions.user),
            itemSide: try side(tables.items, things, interactions.item),
            domains: domain.isEmpty ? [] : try table.vocabulary(of: domain, rows: train), tasks: labels,
            historyLength: historyLength)
    }

    private func encode(
        _ tables: InteractionTables, _ table: FeatureTable, _ isLeft: [Bool]?, parts: [[Int]],
        with encoder: FeatureEncoder
    ) throws -> [(rows: FeatureRows, users: [Int32], items: [Int32])] {
        let own = (
            users: try table.tokens(interactions.user).values, items: try table.tokens(interactions.item).values
        )
        let people = try Translation(table, interactions.user, to: encoder.users)
        let things = try Translation(table, interactions.item, to: encoder.items)
        let context = try zip(encoder.context, encoder.contextVocabularies).map {
            try Translation(table, $0, to: $1)
        }
        let numbers = try FeatureColumns.numbers(encoder.contextNumbers, of: table)
        let lists = try encoder.contextBags.map { try ListTranslation(table, $0.name, to: $0.vocabulary) }
        // Users and items who are new have no identity, but the tables may have their features.
        var encoder = encoder
        let userRows = try encoder.userSide.rows(of: people, in: tables.users, key: interactions.user)
        let itemRows = try encoder.itemSide.rows(of: things, in: tables.items, key: interactions.item)
        let answers = try labels.map { try table.numbers($0) }
        let domains = domain.isEmpty ? nil : try Translation(table, domain, to: encoder.domains)
        let schema = encoder.schema
        let histories = try Histories(
            table, recipe: self, liked: { answers[0][$0] >= minimumLabel && isLeft?[$0] != false },
            item: { things[$0] })
        return try parts.map { part in
            var rows = FeatureRows(schema: schema)
            let values = rows.appendSequenceValues(histories.items)
            precondition(values.lowerBound == 0, "histories stand first")
            let userBags = encoder.userSide.bags.map { BagRanges($0, in: &rows) }
            let itemBags = encoder.itemSide.bags.map { BagRanges($0, in: &rows) }
            for row in part {
                let (user, item) = (people[row], things[row])
                let sides = (user: userRows[people.token(row)], item: itemRows[things.token(row)])
                var (categories, amounts) = encoder.row(user: user, item: item, sides: sides)
                for (place, column) in context.enumerated() { categories[2 + place] = (column[row] ?? -1) + 1 }
                for (place, column) in numbers.enumerated() {
                    amounts[place] = encoder.contextMoments[place].scaled(column[row])
                }
                let bags =
                    lists.map { rows.appendSequenceValues($0[row]) } + userBags.map { $0[sides.user] }
                    + itemBags.map { $0[sides.item] }
                try rows.append(
                    categories: categories, numbers: amounts,
                    ranges: schema.sequences.isEmpty ? [] : [histories.ranges[row]], bagRanges: bags,
                    labels: answers.map { $0[row].isNaN ? .nan : $0[row] >= minimumLabel ? 1 : 0 },
                    domain: domains.map { Int($0[row] ?? -1) + 1 } ?? 0)
            }
            return (rows, part.map { own.users[$0] }, part.map { own.items[$0] })
        }
    }
}

/// For each row of a table, the liked items of its user strictly before it, as a range of one list.
private struct Histories {
    private(set) var items: [Int32] = []
    private(set) var ranges: [Range<Int32>] = []

    /// - Parameter item: the dense index of a row's item; unknown ones are left out of histories.
    init(
        _ table: FeatureTable, recipe: FeatureDataRecipe, liked: (Int) -> Bool, item: (Int) -> Int32?
    ) throws {
        let (users, vocabulary) = try table.tokens(recipe.interactions.user)
        let times =
            recipe.interactions.time.isEmpty
            ? (0..<table.rowCount).map(Double.init) : try table.numbers(recipe.interactions.time)
        var byUser = [[Int]](repeating: [], count: vocabulary.count)
        for row in 0..<table.rowCount where users[row] >= 0 { byUser[Int(users[row])].append(row) }
        ranges = [Range<Int32>](repeating: 0..<0, count: table.rowCount)
        for rows in byUser {
            let ordered = rows.sorted { (times[$0], $0) < (times[$1], $1) }
            let start = Int32(items.count)
            var end = start  // of what happened strictly before
            var now = -Double.infinity
            for row in ordered {
                if times[row] > now {
                    now = times[row]
                    end = Int32(items.count)
                }
                ranges[row] = start..<end
                if liked(row), let index = item(row) { items.append(index + 1) }
            }
        }
    }
}
