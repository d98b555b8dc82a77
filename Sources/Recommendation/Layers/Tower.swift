public import Layers
public import Tensors

/// Layers of `activation(W dropout(x) + b)` on top of one another, the usual tower of a recommender.
public final class Tower: Layer {
    /// What follows each linear map.
    public enum Activation: String, Sendable, Codable, CaseIterable {
        case relu, tanh, sigmoid, dice
    }

    public let layers: [Linear]
    public let activation: Activation
    public let dropout: Double
    private let gates: [Dice]
    private let source: RandomSource

    /// Weights from Glorot's normal distribution (Glorot & Bengio 2010), biases 0.
    /// - Parameters:
    ///   - widths: of each layer; none makes the tower the identity.
    ///   - dropout: the share of each layer's inputs that is zeroed while gradients are recorded.
    public init(
        inputDimensions: Int, widths: [Int], activation: Activation = .relu, dropout: Double = 0,
        from source: RandomSource
    ) {
        layers = zip([inputDimensions] + widths, widths).map { .glorot($0, $1, from: source) }
        self.activation = activation
        self.dropout = dropout
        self.source = source
        gates = activation == .dice ? widths.map { Dice(dimensions: $0) } : []
    }

    /// - Parameter x: `[..., inputDimensions]`; with ``Activation/dice`` all leading axes are rows of one batch.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        var x = x
        for (place, layer) in layers.enumerated() {
            if dropout > 0, Tensor.recordsGradients { x = x.dropout(dropout, from: source) }
            x = activated(layer(x), place)
        }
        return x
    }

    /// What follows the first linear map, for callers that compute that one in parts; without gradients.
    /// - Parameter x: `[..., widths[0]]`.
    func continued(after x: Tensor) -> Tensor {
        var x = activated(x, 0)
        for place in layers.indices.dropFirst() { x = activated(layers[place](x), place) }
        return x
    }

    private func activated(_ x: Tensor, _ place: Int) -> Tensor {
        switch activation {
        case .relu: x.relu()
        case .tanh: x.tanh()
        case .sigmoid: x.sigmoid()
        case .dice: gates[place](x)
        }
    }

    /// Running moments of ``Activation/dice``.
    public func buffers(_ path: ParameterPath) -> [NamedParameter] {
        gates.enumerated().flatMap { $1.moments.buffers(path / "gates" / $0) }
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for (place, layer) in layers.enumerated() { layer.visitParameters(path / "layers" / place, visit) }
        for (place, gate) in gates.enumerated() { gate.visitParameters(path / "gates" / place, visit) }
    }
}

extension Linear {
    /// A map with Glorot's normal weights and a bias of 0.
    static func glorot(_ inputs: Int, _ outputs: Int, hasBias: Bool = true, from source: RandomSource) -> Linear {
        Linear(
            inputDimensions: inputs, outputDimensions: outputs, hasBias: hasBias,
            standardDeviation: (2 / Double(inputs + outputs)).squareRoot(), from: source)
    }
}

/// Means and variances of a batch, and their running averages for serving.
public final class BatchMoments {
    public let mean: Tensor  // [dimensions]
    public let variance: Tensor  // [dimensions]
    /// The share of a new batch in the running averages.
    public let momentum: Double

    public init(dimensions: Int, momentum: Double = 0.1) {
        mean = .zeros([dimensions])
        variance = .ones([dimensions])
        self.momentum = momentum
    }

    /// The moments to normalise with: the batch's own while gradients are recorded and it has at least two rows (its
    /// gradients pass through them), the running ones otherwise.
    /// - Parameter x: `[rows, dimensions]`.
    public func callAsFunction(_ x: Tensor) -> (mean: Tensor, variance: Tensor) {
        let rows = x.size(0)
        guard Tensor.recordsGradients, rows > 1 else { return (mean, variance) }
        let own = (mean: x.mean(along: 0), variance: x.variance(along: 0, correction: 0))
        mean.moveTowards(own.mean.detached(), weight: momentum)
        let unbiased = withoutGradients { own.variance.detached() * (Double(rows) / Double(rows - 1)) }
        variance.moveTowards(unbiased, weight: momentum)
        return own
    }

    public func buffers(_ path: ParameterPath) -> [NamedParameter] {
        [
            NamedParameter(name: (path / "mean").name, tensor: mean),
            NamedParameter(name: (path / "variance").name, tensor: variance),
        ]
    }
}

/// The data-adaptive activation of the deep interest network (Zhou et al. 2018, eq. 4):
/// `f(s) = p(s) s + (1 - p(s)) α s` with `p(s) = σ((s - E[s]) / √(Var[s] + ε))`.
public final class Dice: Layer {
    public var slope: Tensor  // α: [dimensions]
    public let moments: BatchMoments
    public let epsilon = 1e-8

    /// The slope starts at 0, as in the authors' code.
    public init(dimensions: Int) {
        slope = .zeros([dimensions])
        moments = BatchMoments(dimensions: dimensions)
    }

    private enum Handles {
        static let addedProduct = Operator("addcmul")
        static let sigmoid = Operator("sigmoid_")
        static let multiply = Operator("mul_", "Tensor")
    }

    /// - Parameter x: `[..., dimensions]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard Tensor.recordsGradients else { return served(x) }
        let (mean, variance) = moments(x.reshaped(-1, x.size(-1)))
        let gate = ((x - mean) * (variance + epsilon).reciprocalSquareRoot()).sigmoid()
        return (gate + (1 - gate) * slope) * x
    }

    /// The same with the running moments, in four passes over the memory.
    private func served(_ x: Tensor) -> Tensor {
        let scale = (moments.variance + epsilon).reciprocalSquareRoot()
        let gate = Handles.addedProduct(moments.mean * scale * -1, x, scale)
        Handles.sigmoid.run(gate)
        let factor = Handles.addedProduct(slope, gate, 1 - slope)
        Handles.multiply.run(factor, x)
        return factor
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { visit(path / "slope", &slope) }
}
