import Layers
public import Tensors

/// Rows that towers read. Where one user is asked about many items, most columns are the same in every row and are kept
/// once: what the first linear map makes of them is then computed once, and is its bias for the others.
public struct TowerInput {
    /// The columns that may differ between rows, `[rows, columns]`.
    let rows: Tensor
    /// A whole row with what all rows have alike, `[1, inputDimensions]`, and zeros where ``rows`` stand; nil where nothing
    /// is alike.
    let shared: Tensor?
    /// Where the columns of ``rows`` stand in a whole row.
    private let places: AxisPlaces

    /// - Parameter rows: `[rows, inputDimensions]`.
    public init(_ rows: Tensor) {
        self.rows = rows
        shared = nil
        places = AxisPlaces(Array(0..<rows.size(1)))
    }

    init(rows: Tensor, at places: AxisPlaces, shared: Tensor) {
        self.rows = rows
        self.places = places
        self.shared = shared
    }

    /// `[rows, inputDimensions]`.
    var whole: Tensor {
        guard let shared else { return rows }
        return Tensor.zeros([rows.size(0), shared.size(1)])
            .indexAdded(rows, at: Tensor(places.places), along: 1) + shared
    }

    /// Weight and bias of a linear map for ``rows`` alone.
    func part(of map: Linear) -> (weight: Tensor, bias: Tensor?) {
        guard let shared else { return (map.weight, map.bias) }
        return (places(map.weight, along: 1), shared.linear(map.weight, map.bias).squeezed(axis: 0))
    }

    /// What a linear map makes of the rows: `[rows, outputDimensions]`.
    func mapped(by map: Linear) -> Tensor {
        let (weight, bias) = part(of: map)
        return rows.linear(weight, bias)
    }

    /// The same rows with more columns behind.
    /// - Parameter columns: `[rows, columns]`; where some are shared, so are these, and one row of them is enough.
    func followed(by columns: Tensor) -> TowerInput {
        guard let shared else { return TowerInput(.concatenated([rows, columns], along: 1)) }
        return TowerInput(
            rows: rows, at: places, shared: .concatenated([shared, columns.slice(0..<1, along: 0)], along: 1))
    }
}

extension FieldEmbeddings {
    /// All fields side by side, `[rows, fieldCount * dimensions]`; those that the batch's rows are known to share are kept
    /// once.
    /// - Parameters:
    ///   - categories: as of ``categories(_:)``, where the caller has them.
    ///   - sequences: of each, `[rows, dimensions]`; nil for the means.
    public func towerInput(_ batch: FeatureBatch, categories: Tensor? = nil, sequences: [Tensor]? = nil) -> TowerInput {
        guard let varying = batch.varying, !Tensor.recordsGradients, batch.rowCount > 1 else {
            return TowerInput(self(batch, categories: categories, sequences: sequences).flattened(from: 1))
        }
        let (places, alike) = varying.columns(dimensions: dimensions, withSequences: sequences != nil)
        let first = self(batch.firstRow, sequences: sequences?.map { $0.slice(0..<1, along: 0) })
        return TowerInput(
            rows: fields(varying, of: batch, categories, sequences ?? []), at: places,
            shared: (first * alike).flattened(from: 1))
    }

    private func fields(
        _ varying: VaryingFields, of batch: FeatureBatch, _ categories: Tensor?, _ sequences: [Tensor]
    ) -> Tensor {
        var parts: [Tensor] = []
        if !varying.categories.isEmpty {
            let own =
                categories.map { varying.categories($0, along: 1) }
                ?? self.categories(batch, at: varying.categories)
            parts.append(own.flattened(from: 1))
        }
        if let vectors = numberVectors, let numbers = batch.numbers, !varying.numbers.isEmpty {
            let own = varying.numbers(numbers, along: 1).expanded(axis: -1) * varying.numbers(vectors, along: 0)
            parts.append(own.flattened(from: 1))
        }
        parts += sequences
        for place in varying.bags { parts.append(pooledBag(place, of: batch)) }
        return parts.count == 1 ? parts[0] : .concatenated(parts, along: 1)
    }
}
