public import Tensors

/// Linear maps with a nonlinearity between them and none after the last: `[..., sizes.first]` to `[..., sizes.last]`.
public final class MultilayerPerceptron: Network {
    /// What stands between two linear maps.
    public enum Activation: String, Sendable, CaseIterable, Codable {
        case relu, tanh, silu, gelu

        func callAsFunction(_ x: Tensor) -> Tensor {
            switch self {
            case .relu: x.relu()
            case .tanh: x.tanh()
            case .silu: x.silu()
            case .gelu: x.gelu()
            }
        }

        /// Keeps the variance of activations from layer to layer (He et al. 2015; Glorot & Bengio 2010).
        var gain: Double { self == .tanh ? 1 : 2 }
    }

    public let activation: Activation
    private let layers: [Linear]

    /// - Parameters:
    ///   - sizes: of the input, the hidden layers and the output; at least two.
    ///   - outputScale: multiplies the initial weights of the last map; small values start near 0.
    public init(_ sizes: [Int], activation: Activation = .relu, outputScale: Double = 1, from source: RandomSource) {
        precondition(sizes.count >= 2, "sizes \(sizes) name no input and output")
        self.activation = activation
        layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, pair in
            let isLast = index == sizes.count - 2
            let deviation = ((isLast ? 1 : activation.gain) / Double(pair.0)).squareRoot()
            return Linear(
                inputDimensions: pair.0, outputDimensions: pair.1, hasBias: true,
                standardDeviation: deviation * (isLast ? outputScale : 1), from: source)
        }
    }

    private init(copying other: MultilayerPerceptron) {
        activation = other.activation
        layers = other.layers.map {
            Linear(weight: $0.weight.detached().copy(), bias: $0.bias.map { $0.detached().copy() })
        }
    }

    public func copy() -> MultilayerPerceptron { MultilayerPerceptron(copying: self) }

    public var inputDimensions: Int { layers[0].inputDimensions }
    public var outputDimensions: Int { layers[layers.count - 1].outputDimensions }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        var y = x
        for (index, layer) in layers.enumerated() { y = layer(index == 0 ? y : activation(y)) }
        return y
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for (index, layer) in layers.enumerated() { layer.visitParameters(path / index, visit) }
    }
}
