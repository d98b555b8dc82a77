public import Layers
public import Tensors

/// Several towers on one input, mixed by gates.
public final class Experts: Layer {
    public let towers: [Tower]

    public init(
        count: Int, inputDimensions: Int, widths: [Int], dropout: Double = 0, from source: RandomSource
    ) {
        towers = (0..<count).map { _ in
            Tower(inputDimensions: inputDimensions, widths: widths, dropout: dropout, from: source)
        }
    }

    public var count: Int { towers.count }

    /// - Parameter x: rows of `inputDimensions` columns.
    /// - Returns: of each expert, `[rows, width]`.
    public func callAsFunction(_ x: TowerInput) -> [Tensor] { towers.map { $0(x) } }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for (place, tower) in towers.enumerated() { tower.visitParameters(path / place, visit) }
    }
}

/// A softmax over experts, computed from the input by an optional tower and a linear map without bias.
public final class ExpertGate: Layer {
    public let tower: Tower
    public let output: Linear

    public init(inputDimensions: Int, widths: [Int] = [], experts: Int, from source: RandomSource) {
        tower = Tower(inputDimensions: inputDimensions, widths: widths, from: source)
        output = .glorot(widths.last ?? inputDimensions, experts, hasBias: false, from: source)
    }

    /// The weights `[rows, experts]`; each row sums to 1.
    public func weights(_ x: TowerInput) -> Tensor {
        let logits = tower.layers.isEmpty ? x.mapped(by: output) : tower(x, head: output)
        return logits.softmax()
    }

    /// - Parameters:
    ///   - x: what the gate looks at, rows of `inputDimensions` columns.
    ///   - experts: of each, `[rows, width]`.
    /// - Returns: `[rows, width]`.
    public func callAsFunction(_ x: TowerInput, mixing experts: [Tensor]) -> Tensor {
        let weights = weights(x)
        guard Tensor.recordsGradients else {
            // Served, a pass over each expert is much faster than a product for each row.
            let shares = weights.chunks(experts.count, along: 1)
            let result = experts[0] * shares[0]
            for (expert, share) in zip(experts, shares).dropFirst() { result.accumulate(productOf: expert, share) }
            return result
        }
        return weights.expanded(axis: 1).matmul(.stacked(experts, along: 1)).squeezed(axis: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        tower.visitParameters(path / "tower", visit)
        output.visitParameters(path / "output", visit)
    }
}
