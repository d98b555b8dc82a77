import Corpora
import Evaluation

/// Turns tables into rows of a schema, and users and items asked for at serving time into the same rows.
///
/// Everything it knows (vocabularies, means, features of users and items) comes from the training rows; a name that it has
/// not met there becomes index 0, and is left out of a list. Histories hold the interactions strictly before a row.
public struct FeatureEncoder: Codable, Sendable {
    /// Features of users or of items: one row of indices and numbers each, the first for a stranger.
    struct Side: Codable, Sendable {
        var categories: [String] = []
        var vocabularies: [[String]] = []
        var numbers: [String] = []
        var moments: [Moments] = []
        /// `[names + 1, categories]`.
        var indices: [Int32] = []
        /// `[names + 1, numbers]`.
        var values: [Float] = []
        /// Each with `names + 1` lists.
        var bags: [Bag] = []

        func indices(of row: Int) -> ArraySlice<Int32> {
            indices[(row * categories.count)..<((row + 1) * categories.count)]
        }
        func values(of row: Int) -> ArraySlice<Float> { values[(row * numbers.count)..<((row + 1) * numbers.count)] }
    }

    /// A column with a list of names in each row, and the lists of users or of items; none of the context.
    struct Bag: Codable, Sendable {
        var name: String
        var vocabulary: [String]
        /// Category indices, from 1 up; list l is `values[offsets[l] ..< offsets[l + 1]]`.
        var values: [Int32] = []
        var offsets: [Int32] = [0]

        /// The lists of some rows.
        func lists(_ rows: some Collection<Int>) -> FeatureBatch.Bag {
            FeatureBatch.Bag(values, ranges: rows.map { offsets[$0]..<offsets[$0 + 1] })
        }
    }

    struct Moments: Codable, Sendable {
        var mean: Double
        var deviation: Double

        init(_ values: [Double]) {
            let finite = values.filter(\.isFinite)
            let count = Double(max(1, finite.count))
            let mean = finite.reduce(0, +) / count
            let variance = finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
            self.mean = mean
            // The sum of equal numbers is rounded: their variance is a tiny number that would blow up all others.
            deviation = variance > 0 && finite.min() != finite.max() ? variance.squareRoot() : 1
        }

        /// The mean stands for what is missing.
        func scaled(_ value: Double) -> Float { value.isFinite ? Float((value - mean) / deviation) : 0 }
    }

    public static let userField = "user"
    public static let itemField = "item"
    public static let historyField = "history"

    /// Names of the users and items of the training rows; dense index i is category index i + 1.
    public internal(set) var users: [String]
    public internal(set) var items: [String]
    /// Columns of the interactions themselves: context.
    var context: [String]
    var contextVocabularies: [[String]]
    var contextNumbers: [String]
    var contextMoments: [Moments]
    var contextBags: [Bag]
    var userSide: Side
    var itemSide: Side
    /// Tokens of the domain column; empty for one domain.
    var domains: [String]
    public let tasks: [String]
    /// 0 for none.
    public let historyLength: Int

    /// Categories: user, item, context, features of the user, features of the item; numbers and bags likewise.
    public var schema: FeatureSchema {
        var categories = [
            FeatureSchema.Category(Self.userField, count: users.count + 1),
            FeatureSchema.Category(Self.itemField, count: items.count + 1),
        ]
        var bags = contextBags.map { FeatureSchema.Bag($0.name, count: $0.vocabulary.count + 1) }
        categories += zip(context, contextVocabularies).map { .init($0, count: $1.count + 1) }
        for (side, name) in [(userSide, Self.userField), (itemSide, Self.itemField)] {
            categories += zip(side.categories, side.vocabularies).map { .init("\(name).\($0)", count: $1.count + 1) }
            bags += side.bags.map { .init("\(name).\($0.name)", count: $0.vocabulary.count + 1) }
        }
        return FeatureSchema(
            categories: categories,
            numbers: contextNumbers + userSide.numbers.map { "\(Self.userField).\($0)" }
                + itemSide.numbers.map { "\(Self.itemField).\($0)" },
            sequences: historyLength > 0 ? [.init(Self.historyField, of: Self.itemField, length: historyLength)] : [],
            bags: bags, tasks: tasks, domainCount: max(1, domains.count + (domains.isEmpty ? 0 : 1)))
    }

    /// Places of the categories, numbers and bags of items.
    var itemFields: (categories: [Int], numbers: [Int], bags: [Int]) {
        let schema = schema
        return (
            [1] + schema.categories.indices.suffix(itemSide.categories.count),
            Array(schema.numbers.indices.suffix(itemSide.numbers.count)),
            Array(schema.bags.indices.suffix(itemSide.bags.count))
        )
    }

    /// The categories and numbers of a user and an item without context; nil for a stranger.
    /// - Parameter sides: the rows of their features, where these are not those of the names.
    func row(user: Int32?, item: Int32?, sides: (user: Int, item: Int)? = nil) -> (
        categories: [Int32], numbers: [Float]
    ) {
        let (userRow, itemRow) = sides ?? (Int((user ?? -1) + 1), Int((item ?? -1) + 1))
        return (
            [(user ?? -1) + 1, (item ?? -1) + 1] + [Int32](repeating: 0, count: context.count)
                + userSide.indices(of: userRow) + itemSide.indices(of: itemRow),
            [Float](repeating: 0, count: contextNumbers.count) + userSide.values(of: userRow)
                + itemSide.values(of: itemRow)
        )
    }

    /// The bags that all rows of a user share, empty ones of the context before the user's own; nil for a stranger.
    func bags(user: Int32?) -> [FeatureBatch.Bag] {
        contextBags.map { _ in FeatureBatch.Bag([], ranges: [0..<0]) }
            + userSide.bags.map { $0.lists([Int((user ?? -1) + 1)]) }
    }

    /// The bags of items, one row each.
    func bags(items: [Int32]) -> [FeatureBatch.Bag] {
        itemSide.bags.map { $0.lists(items.map { Int($0) + 1 }) }
    }
}

extension KeyedDecodingContainer {
    /// Files from before there were bags hold none.
    func decode(_ type: [FeatureEncoder.Bag].Type, forKey key: Key) throws -> [FeatureEncoder.Bag] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}
