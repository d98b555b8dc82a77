import Evaluation

/// Items of one type, with attributes that no other type has.
public struct TypedItems: Sendable, Equatable {
    public let name: String
    public let count: Int
    /// The number of values of each categorical field.
    public let vocabularySizes: [Int]
    /// `[count, fields]`, each below the size of its vocabulary.
    public let fields: [Int32]
    /// Numbers of each item.
    public let numberCount: Int
    /// `[count, numberCount]`, of a scale around 1.
    public let numbers: [Float]
    /// Columns of the source that say something else, such as lists.
    public let unreadColumns: [String]

    /// - Precondition: the lengths of the lists agree with the counts.
    public init(
        name: String, count: Int, vocabularySizes: [Int] = [], fields: [Int32] = [], numberCount: Int = 0,
        numbers: [Float] = [], unreadColumns: [String] = []
    ) {
        precondition(
            fields.count == count * vocabularySizes.count && numbers.count == count * numberCount,
            "items of type \(name): \(fields.count) field values and \(numbers.count) numbers for \(count) items")
        self.name = name
        self.count = count
        self.vocabularySizes = vocabularySizes
        self.fields = fields
        self.numberCount = numberCount
        self.numbers = numbers
        self.unreadColumns = unreadColumns
    }
}

/// Labelled pairs of a user and an item of one type.
public struct LabelledPairs: Sendable, Equatable {
    public private(set) var users: [Int32] = []
    public private(set) var items: [Int32] = []
    /// 1 for liked, 0 for not.
    public private(set) var labels: [Float] = []

    public init() {}

    public var count: Int { users.count }

    public mutating func append(user: Int32, item: Int32, liked: Bool) {
        users.append(user)
        items.append(item)
        labels.append(liked ? 1 : 0)
    }

    /// The first `share` of the pairs.
    public func prefix(share: Double) -> LabelledPairs {
        let kept = Int((Double(count) * share).rounded())
        var result = LabelledPairs()
        result.users = Array(users.prefix(kept))
        result.items = Array(items.prefix(kept))
        result.labels = Array(labels.prefix(kept))
        return result
    }
}

/// Several types of items that share their users, split into training, validation and test pairs of each type.
public struct HeterogeneousData: Sendable, Equatable {
    public let userCount: Int
    public let types: [TypedItems]
    public var train: [LabelledPairs]
    public var validation: [LabelledPairs]
    public var test: [LabelledPairs]
    /// Whether pairs that are not liked were drawn at random, so that nobody ever met them.
    public let samplesNegatives: Bool

    /// - Precondition: one list of pairs for each type and part.
    public init(
        userCount: Int, types: [TypedItems], train: [LabelledPairs], validation: [LabelledPairs],
        test: [LabelledPairs], samplesNegatives: Bool = false
    ) {
        precondition(
            [train, validation, test].allSatisfy { $0.count == types.count }, "\(types.count) types need as many lists")
        self.userCount = userCount
        self.types = types
        self.train = train
        self.validation = validation
        self.test = test
        self.samplesNegatives = samplesNegatives
    }

    public var itemCount: Int { types.reduce(0) { $0 + $1.count } }

    /// Where the items of each type begin when all items are numbered in a row.
    public var firstItems: [Int] {
        var next = 0
        return types.map { type in
            defer { next += type.count }
            return next
        }
    }

    /// The type with the fewest training pairs.
    public var sparseType: Int { train.indices.min { train[$0].count < train[$1].count } ?? 0 }

    /// The same data with a share of the training pairs of one type.
    public func thinned(type: Int, share: Double) -> HeterogeneousData {
        var data = self
        data.train[type] = train[type].prefix(share: share)
        return data
    }

    /// One type alone, as a model of its own sees it.
    public func only(type: Int) -> HeterogeneousData {
        HeterogeneousData(
            userCount: userCount, types: [types[type]], train: [train[type]], validation: [validation[type]],
            test: [test[type]], samplesNegatives: samplesNegatives)
    }
}

/// Which interactions stand in the multi-hot inputs of users and items.
public enum InteractionInputs: String, Sendable, Codable, CaseIterable {
    /// Liked training pairs, without the pair that is being scored.
    case train
    /// The released code's: every interaction of training, validation and test whatever its label, the scored pair among
    /// them. It leaks the answer wherever negatives are sampled, which are no interactions; it is here to show by how much.
    case released
}

/// Interaction multi-hots of users and items as lists: row r has its ones at `columns[offsets[r] ..< offsets[r + 1]]`.
package struct MultiHots: Sendable {
    package let offsets: [Int32]
    package let columns: [Int32]

    package init(rows: Int, pairs: [(row: Int32, column: Int32)]) {
        var offsets: [Int32] = [0]
        var columns: [Int32] = []
        let sorted = pairs.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
        var next = 0
        for row in 0..<Int32(rows) {
            let first = columns.count
            while next < sorted.count, sorted[next].row == row {
                // A multi-hot entry is 1 however often the pair occurs.
                if columns.count == first || columns[columns.count - 1] != sorted[next].column {
                    columns.append(sorted[next].column)
                }
                next += 1
            }
            offsets.append(Int32(columns.count))
        }
        self.offsets = offsets
        self.columns = columns
    }

    /// The lists of some rows one after the other, each without its masked column.
    /// - Parameter dropout: drops other columns at random; nil keeps them all.
    package func bags(
        _ rows: [Int32], masking masked: [Int32]?, dropout: inout EdgeDropout?
    ) -> (columns: [Int], starts: [Int]) {
        var found: [Int] = []
        var starts: [Int] = []
        starts.reserveCapacity(rows.count)
        for (place, row) in rows.enumerated() {
            starts.append(found.count)
            let hidden = masked?[place] ?? -1
            for index in Int(offsets[Int(row)])..<Int(offsets[Int(row) + 1]) where columns[index] != hidden {
                if dropout?.drops() != true { found.append(Int(columns[index])) }
            }
        }
        return (found, starts)
    }
}

/// Drops interactions from the inputs while training.
///
/// Without it, masking the scored pair gives the answer away in another manner: the inputs of a liked pair then lack one
/// interaction that those of a disliked pair of the same user have, which a network can memorise.
package struct EdgeDropout {
    private let threshold: UInt64
    private var generator: SeededGenerator
    private var word: UInt64 = 0
    private var left = 0

    /// - Parameter share: of the interactions that are dropped, to 1/65536.
    package init(share: Double, seed: UInt64) {
        threshold = UInt64(share * 65_536)
        generator = SeededGenerator(seed: seed)
    }

    package mutating func drops() -> Bool {
        if left == 0 {
            word = generator.next()
            left = 4
        }
        defer {
            word >>= 16
            left -= 1
        }
        return word & 0xFFFF < threshold
    }
}

/// All multi-hot inputs of one data set.
package struct InteractionTable: Sendable {
    package let inputs: InteractionInputs
    /// Users over all items in a row.
    package let users: MultiHots
    /// Items of each type over users.
    package let items: [MultiHots]
    let firstItems: [Int]

    package init(_ data: HeterogeneousData, inputs: InteractionInputs) {
        self.inputs = inputs
        firstItems = data.firstItems
        let takesAll = inputs == .released && !data.samplesNegatives
        let parts = inputs == .train ? [data.train] : [data.train, data.validation, data.test]
        var ofUsers: [(row: Int32, column: Int32)] = []
        var ofItems = [[(row: Int32, column: Int32)]](repeating: [], count: data.types.count)
        for part in parts {
            for (type, pairs) in part.enumerated() {
                for index in 0..<pairs.count where takesAll || pairs.labels[index] > 0 {
                    let (user, item) = (pairs.users[index], pairs.items[index])
                    ofUsers.append((user, item + Int32(firstItems[type])))
                    ofItems[type].append((item, user))
                }
            }
        }
        users = MultiHots(rows: data.userCount, pairs: ofUsers)
        items = zip(data.types, ofItems).map { MultiHots(rows: $0.count, pairs: $1) }
    }

    package func userBags(_ batch: PairBatch, dropout: inout EdgeDropout?) -> (columns: [Int], starts: [Int]) {
        let first = Int32(firstItems[batch.type])
        return users.bags(
            batch.users, masking: inputs == .train ? batch.items.map { $0 + first } : nil, dropout: &dropout)
    }

    package func itemBags(_ batch: PairBatch, dropout: inout EdgeDropout?) -> (columns: [Int], starts: [Int]) {
        items[batch.type].bags(batch.items, masking: inputs == .train ? batch.users : nil, dropout: &dropout)
    }
}
