public import Layers
public import Tensors

/// Rows that towers read. Where one user is asked about many items, most columns are the same in every row and are kept
/// once: what the first linear map makes of them is then computed once, and is its bias for the others.
public struct TowerInput {
    /// The columns that may differ between rows, `[rows, columns]`.
    let rows: Tensor
    /// The columns that all rows have alike, `[1, columns]`; nil where there are none.
    let shared: Tensor?
    /// Where the columns of both stand in a whole row: `int64`.
    private let places: (rows: Tensor, shared: Tensor)?

    /// - Parameter rows: `[rows, inputDimensions]`.
    public init(_ rows: Tensor) {
        self.rows = rows
        shared = nil
        places = nil
    }

    init(rows: Tensor, at rowPlaces: Tensor, shared: Tensor, at sharedPlaces: Tensor) {
        self.rows = rows
        self.shared = shared
        places = (rowPlaces, sharedPlaces)
    }

    /// `[rows, inputDimensions]`.
    var whole: Tensor {
        guard let shared, let places else { return rows }
        let result = Tensor.zeros([rows.size(0), rows.size(1) + shared.size(1)])
        return result.indexAdded(rows, at: places.rows, along: 1)
            .indexAdded(shared.broadcast(to: [rows.size(0), shared.size(1)]), at: places.shared, along: 1)
    }

    /// Weight and bias of a linear map for ``rows`` alone.
    func part(of map: Linear) -> (weight: Tensor, bias: Tensor?) {
        guard let shared, let places else { return (map.weight, map.bias) }
        let bias = shared.linear(map.weight.selected(places.shared, along: 1), map.bias).squeezed(axis: 0)
        return (map.weight.selected(places.rows, along: 1), bias)
    }

    /// What a linear map makes of the rows: `[rows, outputDimensions]`.
    func mapped(by map: Linear) -> Tensor {
        let (weight, bias) = part(of: map)
        return rows.linear(weight, bias)
    }
}

extension TowerInput {
    /// The same rows with more columns behind.
    /// - Parameter columns: `[rows, columns]`; where some are shared, so are these, and one row of them is enough.
    func followed(by columns: Tensor) -> TowerInput {
        guard let shared, let places else { return TowerInput(.concatenated([rows, columns], along: 1)) }
        let width = rows.size(1) + shared.size(1)
        let more = Tensor(Array(width..<(width + columns.size(1))))
        return TowerInput(
            rows: rows, at: places.rows, shared: .concatenated([shared, columns.slice(0..<1, along: 0)], along: 1),
            at: .concatenated([places.shared, more]))
    }
}

extension FieldEmbeddings {
    /// All fields side by side, `[rows, fieldCount * dimensions]`; those that the batch's rows are known to share are kept
    /// once.
    public func towerInput(_ batch: FeatureBatch) -> TowerInput {
        guard let varying = batch.varying, !Tensor.recordsGradients, batch.rowCount > 1 else {
            return TowerInput(self(batch).flattened(from: 1))
        }
        let columns = varying.columns(dimensions: dimensions)
        return TowerInput(
            rows: fields(varying, of: batch), at: columns.own,
            shared: self(batch.firstRow).selected(varying.sharedFields, along: 1).flattened(from: 1),
            at: columns.shared)
    }

    private func fields(_ varying: VaryingFields, of batch: FeatureBatch) -> Tensor {
        var parts: [Tensor] = []
        if let places = varying.categories { parts.append(categories(batch, at: places).flattened(from: 1)) }
        if let places = varying.numbers, let vectors = numberVectors, let numbers = batch.numbers {
            let own = numbers.selected(places, along: 1).expanded(axis: -1) * vectors.selected(places, along: 0)
            parts.append(own.flattened(from: 1))
        }
        for place in varying.bags { parts.append(pooledBag(place, of: batch)) }
        return parts.count == 1 ? parts[0] : .concatenated(parts, along: 1)
    }
}
