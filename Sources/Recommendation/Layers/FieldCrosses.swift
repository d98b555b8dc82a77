public import Layers
public import Tensors

/// Weights for pairs of categories: the cross-product features of a wide model (Cheng et al. 2016, §3.1).
public final class FieldCrosses: Layer {
    /// Two categories whose values are looked at together.
    public struct Pair: Sendable, Hashable, Codable {
        public var first: String
        public var second: String

        public init(_ first: String, _ second: String) {
            self.first = first
            self.second = second
        }
    }

    public let pairs: [Pair]
    public var weights: Tensor  // [sum of buckets, tasks]
    private let places: [(first: Int, second: Int, factor: Int, buckets: Int, offset: Int)]

    /// All weights start at 0.
    /// - Parameter maximumBuckets: of one pair; pairs of more values share them by remainder.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` for a category that the schema does not have.
    public init(_ pairs: [Pair], schema: FeatureSchema, maximumBuckets: Int = 1 << 18) throws {
        self.pairs = pairs
        var offset = 0
        places = try pairs.map { pair in
            guard let first = schema.place(ofCategory: pair.first), let second = schema.place(ofCategory: pair.second)
            else {
                throw RecommendationError.mismatch(
                    reason: "cross \(pair.first) × \(pair.second): the data have the categories "
                        + schema.categories.map(\.name).joined(separator: ", "))
            }
            let factor = schema.categories[second].count
            let buckets = min(schema.categories[first].count * factor, maximumBuckets)
            defer { offset += buckets }
            return (first, second, factor, buckets, offset)
        }
        weights = .zeros([offset, schema.tasks.count])
    }

    /// - Returns: `[rows, tasks]`, 0 without pairs.
    public func callAsFunction(_ batch: FeatureBatch) -> Tensor {
        guard !pairs.isEmpty else { return .zeros([batch.rowCount, weights.size(1)]) }
        let indices = places.map { place in
            (batch.categories.select(place.first, along: 1).scaled(by: place.factor)
                + batch.categories.select(place.second, along: 1))
                .remainder(dividingBy: place.buckets).shifted(by: place.offset)
        }
        return weights.rows(Tensor.stacked(indices, along: 1)).sum(along: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { visit(path / "weights", &weights) }
}
