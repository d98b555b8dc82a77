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
        if !Tensor.recordsGradients, let first = layers.first { return served(x, first.weight, first.bias) }
        var x = x
        for (place, layer) in layers.enumerated() {
            if dropout > 0 { x = x.dropout(dropout, from: source) }
            x = activated(layer(x), place)
        }
        return x
    }

    /// - Parameters:
    ///   - input: rows of `inputDimensions` columns.
    ///   - head: a linear map of the result.
    public func callAsFunction(_ input: TowerInput, head: Linear? = nil) -> Tensor {
        guard !Tensor.recordsGradients, let first = layers.first else {
            let y = self(input.whole)
            return head.map { $0(y) } ?? y
        }
        let (weight, bias) = input.part(of: first)
        return served(input.rows, weight, bias, head: head)
    }

    /// Without gradients.
    /// - Parameters:
    ///   - weight: of the first layer, like `bias`.
    private func served(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?, head: Linear? = nil) -> Tensor {
        let last = head.map { Tensor.TowerLayer(weight: $0.weight, bias: $0.bias, activation: .none) }
        if let parts = kernelLayers(weight, bias), let y = x.through(parts + (last.map { [$0] } ?? [])) { return y }
        let y = continued(after: x.linear(weight, bias))
        return head.map { $0(y) } ?? y
    }

    /// What follows the first linear map, for callers that compute that one in parts; without gradients.
    /// - Parameter x: `[..., widths[0]]`.
    func continued(after x: Tensor) -> Tensor {
        layers.indices.dropFirst().reduce(activated(x, 0)) { activated(layers[$1]($0), $1) }
    }

    private func activated(_ x: Tensor, _ place: Int) -> Tensor {
        switch activation {
        case .relu: x.relu()
        case .tanh: x.tanh()
        case .sigmoid: x.sigmoid()
        case .dice: Tensor.recordsGradients ? gates[place](x) : gates[place].served(x)
        }
    }

    /// The layers for a kernel; nil where it lacks the activation.
    /// - Parameters:
    ///   - weight: of the first layer, like `bias`.
    func kernelLayers(_ weight: Tensor, _ bias: Tensor?) -> [Tensor.TowerLayer]? {
        guard activation == .relu || activation == .dice else { return nil }
        return layers.enumerated().map { place, layer in
            Tensor.TowerLayer(
                weight: place == 0 ? weight : layer.weight, bias: place == 0 ? bias : layer.bias,
                activation: activation == .relu ? .relu : .dice(gates[place].served))
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

    /// - Parameter x: `[..., dimensions]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let (mean, variance) = moments(x.reshaped(-1, x.size(-1)))
        let gate = ((x - mean) * (variance + epsilon).reciprocalSquareRoot()).sigmoid()
        return (gate + (1 - gate) * slope) * x
    }

    /// The same with the running moments, where it may be in place: `x` is overwritten.
    func served(_ x: Tensor) -> Tensor {
        let dice = served
        if x.apply(dice) { return x }
        let gate = (x * dice.scale + dice.shift).sigmoid()
        return (gate + (1 - gate) * slope) * x
    }

    /// The same as a scale, a shift and a slope of each column.
    var served: Tensor.Dice {
        let scale = (moments.variance + epsilon).reciprocalSquareRoot()
        return .init(scale: scale, shift: moments.mean * scale * -1, slope: slope.detached())
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { visit(path / "slope", &slope) }
}
