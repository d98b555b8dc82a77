/// The columns that a feature model reads: categories, numbers, sequences, bags, and the labels it predicts.
///
/// Index 0 of every category stands for unknown, missing and padding; the values of the data are `1 ..< count`.
public struct FeatureSchema: Sendable, Hashable, Codable {
    /// A field with one of `count` values in each row, among them index 0.
    public struct Category: Sendable, Hashable, Codable {
        public var name: String
        public var count: Int

        public init(_ name: String, count: Int) {
            self.name = name
            self.count = count
        }
    }

    /// A field with a list of values in each row, such as the items a user met. It shares the embeddings of `category`,
    /// which is also what target attention compares it with.
    public struct Sequence: Sendable, Hashable, Codable {
        public var name: String
        public var category: String
        /// The newest values that are kept.
        public var length: Int

        public init(_ name: String, of category: String, length: Int) {
            self.name = name
            self.category = category
            self.length = length
        }
    }

    /// A field with any number of `count` values in each row, such as the tags of an item, in no order and with embeddings
    /// of its own; index 0 is never among the values.
    public struct Bag: Sendable, Hashable, Codable {
        public var name: String
        public var count: Int

        public init(_ name: String, count: Int) {
            self.name = name
            self.count = count
        }
    }

    public var categories: [Category]
    /// Names of numbers; scale them to about 1 before.
    public var numbers: [String]
    public var sequences: [Sequence]
    public var bags: [Bag]
    /// Names of the labels, one task each.
    public var tasks: [String]
    /// Domains (regions, scenarios) of multi-domain models; 1 where there are none.
    public var domainCount: Int

    /// - Precondition: names differ; each sequence names a category.
    public init(
        categories: [Category], numbers: [String] = [], sequences: [Sequence] = [], bags: [Bag] = [],
        tasks: [String] = ["label"], domainCount: Int = 1
    ) {
        precondition(!tasks.isEmpty && domainCount > 0, "a schema needs a task and a domain")
        precondition(
            categories.allSatisfy { $0.count > 0 } && bags.allSatisfy { $0.count > 0 },
            "index 0 of a category is always there")
        precondition(
            sequences.allSatisfy { part in part.length > 0 && categories.contains { $0.name == part.category } },
            "a sequence shares the embeddings of a category")
        self.categories = categories
        self.numbers = numbers
        self.sequences = sequences
        self.bags = bags
        self.tasks = tasks
        self.domainCount = domainCount
    }

    /// The place of a category by its name.
    public func place(ofCategory name: String) -> Int? { categories.firstIndex { $0.name == name } }

    /// Fields that are embedded: categories, numbers, sequences and bags.
    public var fieldCount: Int { categories.count + numbers.count + sequences.count + bags.count }

    /// Their names, in this order.
    public var fieldNames: [String] {
        categories.map(\.name) + numbers + sequences.map(\.name) + bags.map(\.name)
    }
}

extension KeyedDecodingContainer {
    /// Files from before there were bags hold none.
    func decode(_ type: [FeatureSchema.Bag].Type, forKey key: Key) throws -> [FeatureSchema.Bag] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}
