import Evaluation
import Foundation

/// Constants of the world of heterogeneous items: one hidden space, three kinds of items that show it differently.
public struct ItemTypeConfiguration: Sendable, Hashable {
    public var hiddenDimensions = 8
    /// Observable numbers of each type.
    public var attributeCounts = [24, 16, 12]
    /// Categorical fields of each type.
    public var fieldCounts = [6, 4, 3]
    /// Values of a categorical field.
    public var fieldValues = 6
    public var itemCounts = [1_000, 600, 300]
    /// Interactions of the types, 10 : 3 : 1 in all.
    public var interactionShares = [10.0, 3, 1]
    public var userCount = 2_000
    /// Share of users who are seen in the first type only.
    public var richOnlyShare = 0.3
    public var noise: Float = 0.3
    public var slope: Float = 4
    public var offset: Float = -1
    /// Spread of the hidden vectors, whose product with a unit taste is the match (our fill-in).
    public var hiddenSpread: Float = 0.5
    /// The null control: every type has a hidden space of its own. Users have another, independent taste in each, and all
    /// hidden vectors are equally long, since longer ones are liked by more users: that law is the same for all types, and
    /// a model could learn it on one for another.
    public var independentTypes = false

    public init() {}

    public static var null: ItemTypeConfiguration {
        var configuration = ItemTypeConfiguration()
        configuration.independentTypes = true
        return configuration
    }

    public var typeCount: Int { attributeCounts.count }

    /// - Throws: `WorldError.invalid` naming the first value outside its range.
    public func validate() throws {
        func check(_ holds: Bool, _ field: String, _ found: some CustomStringConvertible, _ allowed: String) throws {
            if !holds {
                throw WorldError.invalid(world: "item type", field: field, found: "\(found)", allowed: allowed)
            }
        }
        try check(typeCount >= 1, "attributeCounts", attributeCounts, "one number per type, at least one type")
        for (name, count) in [
            ("fieldCounts", fieldCounts.count), ("itemCounts", itemCounts.count),
            ("interactionShares", interactionShares.count),
        ] {
            try check(count == typeCount, name, count, "one number per type (\(typeCount))")
        }
        try check(itemCounts.allSatisfy { $0 > 0 }, "itemCounts", itemCounts, "1 or more each")
        try check(
            interactionShares.allSatisfy { $0 >= 0 } && interactionShares[0] > 0, "interactionShares",
            interactionShares, "0 or more each, the first above 0")
        try check(userCount >= 1, "userCount", userCount, "1 or more")
        try check((0...1).contains(richOnlyShare), "richOnlyShare", richOnlyShare, "0 to 1")
        try check(fieldValues >= 2, "fieldValues", fieldValues, "2 or more")
        try check(hiddenDimensions >= 1, "hiddenDimensions", hiddenDimensions, "1 or more")
    }
}

/// Items of several types whose attributes are different views of one hidden space; users like what lies in their
/// direction of it.
public struct ItemTypeWorld: Sendable {
    /// The items of one type as a recommender sees them.
    public struct Items: Sendable {
        public let count: Int
        public let attributeCount: Int
        /// `[items, attributeCount]`: `A tanh(h) + noise`.
        public var attributes: [Float] = []
        public let fieldCount: Int
        /// `[items, fieldCount]`, each below `fieldValues`: quantised projections of the hidden vector.
        public var fields: [Int32] = []
    }

    public let configuration: ItemTypeConfiguration
    public let seed: UInt64
    public let types: [Items]
    /// Whether a user is seen in the first type only.
    public let richOnly: [Bool]
    /// Hidden vectors of each type's items, `[items, hiddenDimensions]`.
    public let hidden: [[Float]]
    /// Tastes of the users, for each type `[users, hiddenDimensions]`; equal for all types unless they are independent.
    public let tastes: [[Float]]

    /// - Throws: `WorldError.invalid`.
    public init(_ configuration: ItemTypeConfiguration = ItemTypeConfiguration(), seed: UInt64) throws {
        try configuration.validate()
        self.configuration = configuration
        self.seed = seed
        let base = SeededGenerator(seed: seed).split("item types")
        let dimensions = configuration.hiddenDimensions
        func normals(_ generator: inout SeededGenerator, _ count: Int, _ scale: Float = 1) -> [Float] {
            (0..<count).map { _ in scale * Float(generator.normal()) }
        }
        func scaled(_ vector: [Float], to length: Float) -> [Float] {
            let norm = vector.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
            return vector.map { $0 * (length / norm) }
        }
        var types: [Items] = []
        var hidden: [[Float]] = []
        for type in 0..<configuration.typeCount {
            var generator = base.split("type").split(UInt64(type))
            let attributeCount = configuration.attributeCounts[type]
            let fieldCount = configuration.fieldCounts[type]
            let mixing = normals(&generator, attributeCount * dimensions)
            let projections = normals(&generator, fieldCount * dimensions)
            var items = Items(
                count: configuration.itemCounts[type], attributeCount: attributeCount, fieldCount: fieldCount)
            var vectors: [Float] = []
            for _ in 0..<items.count {
                var vector = normals(&generator, dimensions, configuration.hiddenSpread)
                if configuration.independentTypes {
                    let wanted = configuration.hiddenSpread * Float(dimensions).squareRoot()
                    vector = scaled(vector, to: wanted)
                }
                vectors += vector
                for row in 0..<attributeCount {
                    var sum = configuration.noise * Float(generator.normal())
                    for axis in 0..<dimensions { sum += mixing[row * dimensions + axis] * tanhf(vector[axis]) }
                    items.attributes.append(sum)
                }
                for field in 0..<fieldCount {
                    var sum: Float = 0
                    var squares: Float = 0
                    for axis in 0..<dimensions {
                        let weight = projections[field * dimensions + axis]
                        sum += weight * vector[axis]
                        squares += weight * weight
                    }
                    let share = logistic(1.7 * sum / (configuration.hiddenSpread * squares.squareRoot()))
                    items.fields.append(
                        min(Int32(share * Float(configuration.fieldValues)), Int32(configuration.fieldValues - 1)))
                }
            }
            types.append(items)
            hidden.append(vectors)
        }
        self.types = types
        self.hidden = hidden

        var tastes = [[Float]](repeating: [], count: configuration.typeCount)
        var richOnly: [Bool] = []
        for user in 0..<configuration.userCount {
            var generator = base.split("user").split(UInt64(user))
            richOnly.append(generator.bernoulli(configuration.richOnlyShare))
            var shared: [Float] = []
            for type in 0..<configuration.typeCount {
                if type == 0 || configuration.independentTypes {
                    shared = scaled(normals(&generator, dimensions), to: 1)
                }
                tastes[type] += shared
            }
        }
        self.tastes = tastes
        self.richOnly = richOnly
    }

    /// `sigmoid(4 <u, h> - 1)`.
    public func likeProbability(user: Int, type: Int, item: Int) -> Float {
        let dimensions = configuration.hiddenDimensions
        var product: Float = 0
        for axis in 0..<dimensions {
            product += tastes[type][user * dimensions + axis] * hidden[type][item * dimensions + axis]
        }
        return logistic(configuration.slope * product + configuration.offset)
    }

    /// One labelled meeting of a user and an item.
    public struct Interaction: Sendable, Equatable {
        public let user: Int32
        public let type: Int32
        public let item: Int32
        public let liked: Bool
        /// For scoring.
        public let probability: Float
    }

    /// Interaction `index` of a stream. Types come by their shares; users who are seen in the first type only are drawn
    /// for that type alone.
    public func interaction(_ index: Int, stream: UInt64) -> Interaction {
        var generator = SeededGenerator(seed: seed, 0x7E9A, stream, UInt64(index))
        let type = generator.index(weights: configuration.interactionShares)
        var user = generator.integer(below: configuration.userCount)
        // At most 64 draws: a world of rich-only users has nobody else to draw.
        for _ in 0..<64 where type > 0 && richOnly[user] { user = generator.integer(below: configuration.userCount) }
        let item = generator.integer(below: types[type].count)
        let probability = likeProbability(user: user, type: type, item: item)
        return Interaction(
            user: Int32(user), type: Int32(type), item: Int32(item), liked: generator.bernoulli(Double(probability)),
            probability: probability)
    }
}
