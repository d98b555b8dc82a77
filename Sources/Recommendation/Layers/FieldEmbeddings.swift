public import Layers
public import Tensors

/// Vectors for every field of a schema: one table holds all categories one behind the other, a number scales a vector of
/// its own, a sequence takes rows of its category's part of the table, and bags have a table like that of the categories.
public final class FieldEmbeddings: Layer {
    /// What becomes of the vectors of a bag's values; 0 where there are none.
    public enum BagPooling: Sendable {
        case mean
        case sum
    }

    public let schema: FeatureSchema
    public var table: Tensor  // [sum of counts, dimensions]
    public var numberVectors: Tensor?  // [numbers, dimensions]
    public var bagTable: Tensor?  // [sum of the bags' counts, dimensions]
    public let bagPooling: BagPooling
    /// Where each category's rows begin in the table.
    public let offsets: [Int]
    /// Where each bag's rows begin in the table of bags.
    public let bagOffsets: [Int]
    private let offsetRow: Tensor  // [1, categories], int64

    /// Vectors from N(0, `standardDeviation`²).
    public init(
        _ schema: FeatureSchema, dimensions: Int, standardDeviation: Double = 0.01, bagPooling: BagPooling = .mean,
        from source: RandomSource
    ) {
        func places(_ counts: [Int]) -> (each: [Int], total: Int) {
            counts.reduce(into: ([], 0)) { result, count in
                result.0.append(result.1)
                result.1 += count
            }
        }
        self.schema = schema
        self.bagPooling = bagPooling
        let (offsets, total) = places(schema.categories.map(\.count))
        let (bagOffsets, bagTotal) = places(schema.bags.map(\.count))
        self.offsets = offsets
        self.bagOffsets = bagOffsets
        offsetRow = Tensor(offsets, shape: [1, offsets.count])
        table = .normal([total, dimensions], standardDeviation: standardDeviation, from: source)
        if !schema.numbers.isEmpty {
            numberVectors = .normal(
                [schema.numbers.count, dimensions], standardDeviation: standardDeviation, from: source)
        }
        if !schema.bags.isEmpty {
            bagTable = .normal([bagTotal, dimensions], standardDeviation: standardDeviation, from: source)
        }
    }

    public var dimensions: Int { table.size(1) }

    /// - Returns: `[rows, categories, dimensions]`.
    public func categories(_ batch: FeatureBatch) -> Tensor { table.rows(batch.categories + offsetRow) }

    /// Some of the categories: `[rows, places, dimensions]`.
    func categories(_ batch: FeatureBatch, at places: AxisPlaces) -> Tensor {
        table.rows(places(batch.categories, along: 1) + places(offsetRow, along: 1))
    }

    /// - Returns: `[rows, numbers, dimensions]`; nil where the schema has no numbers.
    public func numbers(_ batch: FeatureBatch) -> Tensor? {
        guard let numberVectors, let numbers = batch.numbers else { return nil }
        return numbers.expanded(axis: -1) * numberVectors
    }

    /// The vectors of one sequence and which of its places are filled.
    /// - Returns: `[rows, length, dimensions]` and `[rows, length]` (`bool`); one row where all rows share the sequence.
    public func sequence(_ place: Int, of batch: FeatureBatch) -> (values: Tensor, mask: Tensor) {
        let indices = batch.sequences[place]
        let offset = schema.place(ofCategory: schema.sequences[place].category).map { offsets[$0] } ?? 0
        return (table.rows(indices.shifted(by: offset)), indices.isGreater(than: 0))
    }

    /// The mean of the filled places of one sequence, 0 where there are none.
    /// - Returns: `[rows, dimensions]`.
    public func pooledSequence(_ place: Int, of batch: FeatureBatch) -> Tensor {
        let (values, mask) = sequence(place, of: batch)
        let weights = mask.cast(to: values.dtype).expanded(axis: -1)
        return spread((values * weights).sum(along: 1) / weights.sum(along: 1).clamped(from: 1), over: batch)
    }

    /// One bag by ``bagPooling``, 0 where a row has no value.
    /// - Returns: `[rows, dimensions]`.
    public func pooledBag(_ place: Int, of batch: FeatureBatch) -> Tensor {
        guard let bagTable else { preconditionFailure("the schema has no bags") }
        let bag = batch.bags[place]
        let pooled = bagTable.pooledRows(
            bag.values.shifted(by: bagOffsets[place]), starts: bag.starts, isMean: bagPooling == .mean)
        return spread(pooled, over: batch)
    }

    /// One row that all share as a row for each.
    private func spread(_ rows: Tensor, over batch: FeatureBatch) -> Tensor {
        rows.size(0) == batch.rowCount ? rows : rows.broadcast(to: [batch.rowCount, dimensions])
    }

    /// All fields in the order categories, numbers, sequences, bags.
    /// - Parameters:
    ///   - categories: as of ``categories(_:)``, where the caller has them.
    ///   - sequences: of each, `[rows, dimensions]`; nil for the means.
    /// - Returns: `[rows, fieldCount, dimensions]`.
    public func callAsFunction(
        _ batch: FeatureBatch, categories: Tensor? = nil, sequences: [Tensor]? = nil
    ) -> Tensor {
        var parts: [Tensor] = schema.categories.isEmpty ? [] : [categories ?? self.categories(batch)]
        if let numbers = numbers(batch) { parts.append(numbers) }
        let pooled = sequences ?? schema.sequences.indices.map { pooledSequence($0, of: batch) }
        parts += pooled.map { $0.expanded(axis: 1) }
        for place in schema.bags.indices { parts.append(pooledBag(place, of: batch).expanded(axis: 1)) }
        return parts.count == 1 ? parts[0] : .concatenated(parts, along: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "table", &table)
        if var numberVectors {
            visit(path / "numbers", &numberVectors)
            self.numberVectors = numberVectors
        }
        if var bagTable {
            visit(path / "bags", &bagTable)
            self.bagTable = bagTable
        }
    }
}

/// The linear part of a feature model: a weight for every value of every field, a weight for each number, a bias for
/// each task. A bag adds the weights of all its values, as many ones of `x` in `w · x`.
public final class FieldWeights: Layer {
    public let weights: FieldEmbeddings
    public var bias: Tensor  // [tasks]

    /// All weights start at 0.
    public init(_ schema: FeatureSchema, from source: RandomSource) {
        weights = FieldEmbeddings(
            schema, dimensions: schema.tasks.count, standardDeviation: 0, bagPooling: .sum, from: source)
        bias = .zeros([schema.tasks.count])
    }

    /// - Returns: `[rows, tasks]`.
    public func callAsFunction(_ batch: FeatureBatch) -> Tensor { weights(batch).sum(along: 1) + bias }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        weights.visitParameters(path, visit)
        visit(path / "bias", &bias)
    }
}
