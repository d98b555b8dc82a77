public import Tensors

/// Root-mean-square normalisation over the last axis: `y = x / rms(x) * (weight + offset)`.
///
/// Statistics are computed in f32 whatever the input's type (Zhang & Sennrich 2019, §3).
public final class RMSNorm: Layer {
    public var weight: Tensor  // [dimensions]
    public let epsilon: Double
    /// Added to the weight: 1 for families that store `w - 1` (Gemma).
    public let offset: Double

    public init(dimensions: Int, epsilon: Double = 1e-6, offset: Double = 0) {
        weight = offset == 0 ? .ones([dimensions]) : .zeros([dimensions])
        self.epsilon = epsilon
        self.offset = offset
    }

    /// - Parameter x: `[..., dimensions]`.
    /// - Returns: the same shape and type as `x`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.rmsNormalized(weight: offset == 0 ? weight : weight + offset, epsilon: epsilon)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { visit(path / "weight", &weight) }
}

/// Normalisation to mean 0 and variance 1 over the last axis, then `weight` and `bias` (Ba et al. 2016).
public final class LayerNorm: Layer {
    public var weight: Tensor  // [dimensions]
    public var bias: Tensor  // [dimensions]
    public let epsilon: Double

    public init(dimensions: Int, epsilon: Double = 1e-5) {
        weight = .ones([dimensions])
        bias = .zeros([dimensions])
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.layerNormalized(weight: weight.cast(to: x.dtype), bias: bias.cast(to: x.dtype), epsilon: epsilon)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "weight", &weight)
        visit(path / "bias", &bias)
    }
}
