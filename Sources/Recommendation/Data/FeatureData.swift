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
    let name: String
}

extension FeatureDataRecipe {
    /// Reads, divides and encodes. Vocabularies and means come from the training part.
    /// - Parameter stored: the encoder of a trained model, for measuring it.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``, ``RecommendationError``.
    func data(seed: UInt64, stored: FeatureEncoder? = nil) throws -> FeatureData {
        let tables = try interactions.tables(numbers: labels, tokens: [domain], seed: seed)
        guard let rows = tables.rows else { throw RecommendationDataError.noTable(tables.name) }
        let parts = try divided(rows)
        let encoder = try stored ?? encoder(rows, parts[0], users: tables.users, items: tables.items)
        let encoded = try encode(rows, parts: parts, with: encoder)
        return FeatureData(
            encoder: encoder, train: encoded[0].rows, validation: encoded[1].rows, test: encoded[2].rows,
            validationUsers: encoded[1].users, testUsers: encoded[2].users, name: tables.name)
    }

    /// Rows of train, validation and test: by time, or the last two of each user.
    private func divided(_ table: FeatureTable) throws -> [[Int]] {
        let log = try InteractionLog(
            table: table, user: interactions.user, item: interactions.item,
            time: interactions.time.isEmpty ? nil : interactions.time)
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

    private func encoder(
        _ table: FeatureTable, _ train: [Int], users: FeatureTable?, items: FeatureTable?
    ) throws -> FeatureEncoder {
        var reserved: Set = [interactions.user, interactions.item, interactions.time, interactions.rating, domain]
        reserved.formUnion(labels)
        let context = table.fields.filter { $0.kind == .token && !reserved.contains($0.name) }.map(\.name)
        let numbers = table.fields.filter { $0.kind == .float && !reserved.contains($0.name) }.map(\.name)
        let people = try Self.vocabulary(table, interactions.user, rows: train)
        let things = try Self.vocabulary(table, interactions.item, rows: train)
        return FeatureEncoder(
            users: people, items: things, context: context,
            contextVocabularies: try context.map { try Self.vocabulary(table, $0, rows: train) },
            contextNumbers: numbers,
            contextMoments: try numbers.map { name in
                let values = try table.numbers(name)
                return FeatureEncoder.Moments(train.map { values[$0] })
            },
            userSide: try users.map { try Self.side($0, names: people, key: interactions.user) } ?? .init(),
            itemSide: try items.map { try Self.side($0, names: things, key: interactions.item) } ?? .init(),
            domains: domain.isEmpty ? [] : try Self.vocabulary(table, domain, rows: train), tasks: labels,
            historyLength: historyLength)
    }

    private static func vocabulary(_ table: FeatureTable, _ column: String, rows: [Int]) throws -> [String] {
        let (values, vocabulary) = try table.tokens(column)
        var seen = Set<Int32>()
        for row in rows where values[row] >= 0 { seen.insert(values[row]) }
        return seen.sorted().map { vocabulary.tokens[Int($0)] }
    }

    private static func side(_ table: FeatureTable, names: [String], key: String) throws -> FeatureEncoder.Side {
        var side = FeatureEncoder.Side()
        let rows = try table.rows(alignedTo: IdentifierMap(names), key: key)
        let known = rows.filter { $0 >= 0 }.map(Int.init)
        side.categories = table.fields.filter { $0.kind == .token && $0.name != key }.map(\.name)
        side.numbers = table.fields.filter { $0.kind == .float }.map(\.name)
        side.vocabularies = try side.categories.map { try vocabulary(table, $0, rows: known) }
        let columns = try zip(side.categories, side.vocabularies).map { name, vocabulary in
            (try table.tokens(name), IdentifierMap(vocabulary))
        }
        let numbers = try side.numbers.map { try table.numbers($0) }
        side.moments = numbers.map { values in FeatureEncoder.Moments(known.map { values[$0] }) }
        for row in [-1] + rows.map(Int.init) {
            for ((values, all), map) in columns {
                let token = row >= 0 && values[row] >= 0 ? all.tokens[Int(values[row])] : nil
                side.indices.append(token.flatMap { map[$0] }.map { $0 + 1 } ?? 0)
            }
            for (values, moments) in zip(numbers, side.moments) {
                side.values.append(row >= 0 ? moments.scaled(values[row]) : 0)
            }
        }
        return side
    }

    private func encode(
        _ table: FeatureTable, parts: [[Int]], with encoder: FeatureEncoder
    ) throws -> [(rows: FeatureRows, users: [Int32])] {
        let own = try table.tokens(interactions.user).values
        let people = try Translation(table, interactions.user, to: encoder.users)
        let things = try Translation(table, interactions.item, to: encoder.items)
        let context = try zip(encoder.context, encoder.contextVocabularies).map {
            try Translation(table, $0, to: $1)
        }
        let numbers = try encoder.contextNumbers.map { try table.numbers($0) }
        let answers = try labels.map { try table.numbers($0) }
        let domains = domain.isEmpty ? nil : try Translation(table, domain, to: encoder.domains)
        let schema = encoder.schema
        let histories = try Histories(
            table, recipe: self, liked: { answers[0][$0] >= minimumLabel }, item: { things[$0] })
        return try parts.map { part in
            var rows = FeatureRows(schema: schema)
            let values = rows.appendSequenceValues(histories.items)
            precondition(values.lowerBound == 0, "histories stand first")
            var users: [Int32] = []
            for row in part {
                let (user, item) = (people[row], things[row])
                var (categories, amounts) = encoder.row(user: user, item: item)
                for (place, column) in context.enumerated() { categories[2 + place] = (column[row] ?? -1) + 1 }
                for (place, column) in numbers.enumerated() {
                    amounts[place] = encoder.contextMoments[place].scaled(column[row])
                }
                try rows.append(
                    categories: categories, numbers: amounts,
                    ranges: schema.sequences.isEmpty ? [] : [histories.ranges[row]],
                    labels: answers.map { $0[row].isNaN ? .nan : $0[row] >= minimumLabel ? 1 : 0 },
                    domain: domains.map { Int($0[row] ?? -1) + 1 } ?? 0)
                users.append(own[row])
            }
            return (rows, users)
        }
    }
}

/// A token column by the indices of another vocabulary.
private struct Translation {
    private let values: [Int32]
    private let indices: [Int32?]

    init(_ table: FeatureTable, _ column: String, to names: [String]) throws {
        let (values, vocabulary) = try table.tokens(column)
        let map = IdentifierMap(names)
        self.values = values
        indices = vocabulary.tokens.map { map[$0] }
    }

    /// Nil for what is missing or unknown.
    subscript(row: Int) -> Int32? { values[row] < 0 ? nil : indices[Int(values[row])] }
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
