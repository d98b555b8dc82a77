public import Layers
public import Tensors

/// Vectors for every field of a schema: one table holds all categories one behind the other, a number scales a vector of
/// its own, and a sequence takes rows of its category's part of the table.
public final class FieldEmbeddings: Layer {
    public let schema: FeatureSchema
    public var table: Tensor  // [sum of counts, dimensions]
    public var numberVectors: Tensor?  // [numbers, dimensions]
    /// Where each category's rows begin in the table.
    public let offsets: [Int]
    private let offsetRow: Tensor  // [1, categories], int64

    /// Vectors from N(0, `standardDeviation`²).
    public init(_ schema: FeatureSchema, dimensions: Int, standardDeviation: Double = 0.01, from source: RandomSource) {
        self.schema = schema
        var offsets: [Int] = []
        var total = 0
        for field in schema.categories {
            offsets.append(total)
            total += field.count
        }
        self.offsets = offsets
        offsetRow = Tensor(offsets, shape: [1, offsets.count])
        table = .normal([total, dimensions], standardDeviation: standardDeviation, from: source)
        if !schema.numbers.isEmpty {
            numberVectors = .normal(
                [schema.numbers.count, dimensions], standardDeviation: standardDeviation, from: source)
        }
    }

    public var dimensions: Int { table.size(1) }

    /// - Returns: `[rows, categories, dimensions]`.
    public func categories(_ batch: FeatureBatch) -> Tensor { table.rows(batch.categories + offsetRow) }

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
        let means = (values * weights).sum(along: 1) / weights.sum(along: 1).clamped(from: 1)
        return means.size(0) == batch.rowCount ? means : means.broadcast(to: [batch.rowCount, dimensions])
    }

    /// All fields in the order categories, numbers, sequences (their means).
    /// - Returns: `[rows, fieldCount, dimensions]`.
    public func callAsFunction(_ batch: FeatureBatch) -> Tensor {
        var parts: [Tensor] = schema.categories.isEmpty ? [] : [categories(batch)]
        if let numbers = numbers(batch) { parts.append(numbers) }
        for place in schema.sequences.indices { parts.append(pooledSequence(place, of: batch).expanded(axis: 1)) }
        return parts.count == 1 ? parts[0] : .concatenated(parts, along: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "table", &table)
        if var numberVectors {
            visit(path / "numbers", &numberVectors)
            self.numberVectors = numberVectors
        }
    }
}

/// The linear part of a feature model: a weight for every value of every field, a weight for each number, a bias for
/// each task.
public final class FieldWeights: Layer {
    public let weights: FieldEmbeddings
    public var bias: Tensor  // [tasks]

    /// All weights start at 0.
    public init(_ schema: FeatureSchema, from source: RandomSource) {
        weights = FieldEmbeddings(schema, dimensions: schema.tasks.count, standardDeviation: 0, from: source)
        bias = .zeros([schema.tasks.count])
    }

    /// - Returns: `[rows, tasks]`.
    public func callAsFunction(_ batch: FeatureBatch) -> Tensor { weights(batch).sum(along: 1) + bias }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        weights.visitParameters(path, visit)
        visit(path / "bias", &bias)
    }
}
