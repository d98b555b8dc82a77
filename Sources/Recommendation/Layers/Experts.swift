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

    /// - Parameter x: `[rows, inputDimensions]`.
    /// - Returns: `[rows, experts, width]`.
    public func callAsFunction(_ x: Tensor) -> Tensor { .stacked(towers.map { $0(x) }, along: 1) }

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
    public func weights(_ x: Tensor) -> Tensor { output(tower(x)).softmax() }

    /// - Parameters:
    ///   - x: what the gate looks at, `[rows, inputDimensions]`.
    ///   - experts: `[rows, experts, width]`.
    /// - Returns: `[rows, width]`.
    public func callAsFunction(_ x: Tensor, mixing experts: Tensor) -> Tensor {
        // Served, one pass over the experts is much faster than a product for each row.
        guard Tensor.recordsGradients else { return (weights(x).expanded(axis: 2) * experts).sum(along: 1) }
        return weights(x).expanded(axis: 1).matmul(experts).squeezed(axis: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        tower.visitParameters(path / "tower", visit)
        output.visitParameters(path / "output", visit)
    }
}
