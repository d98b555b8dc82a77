public import Tensors

/// `y = x W^T + b`, computed in the type of `x`.
public final class Linear: Layer {
    public var weight: Tensor  // [outputDimensions, inputDimensions]
    public var bias: Tensor?  // [outputDimensions]
    /// A low-rank change beside the weight; nil for none.
    public var adapter: LowRankAdapter?
    private var castWeight = CastCache()

    public init(weight: Tensor, bias: Tensor? = nil) {
        self.weight = weight
        self.bias = bias
    }

    /// Weights from N(0, `standardDeviation`²), biases 0.
    public convenience init(
        inputDimensions: Int, outputDimensions: Int, hasBias: Bool = false, standardDeviation: Double = 0.02,
        from source: RandomSource
    ) {
        self.init(
            weight: .normal([outputDimensions, inputDimensions], standardDeviation: standardDeviation, from: source),
            bias: hasBias ? .zeros([outputDimensions]) : nil)
    }

    public var inputDimensions: Int { weight.size(1) }
    public var outputDimensions: Int { weight.size(0) }

    /// - Parameter x: `[..., inputDimensions]`.
    /// - Returns: `[..., outputDimensions]` in the type of `x`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = x.mixedLinear(weight, bias) ?? x.linear(castWeight(weight, to: x.dtype), bias?.cast(to: x.dtype))
        guard let adapter, adapter.isEnabled else { return y }
        return y + adapter(x)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "weight", &weight)
        if var bias {
            visit(path / "bias", &bias)
            self.bias = bias
        }
        adapter?.visitParameters(path, visit)
    }
}

/// A converted copy of a weight that does not train, made again only when the weight has been written.
package struct CastCache {
    /// Held, so that no other tensor can take its address.
    private var source: Tensor?
    private var version = 0
    private var converted: Tensor?

    package init() {}

    package mutating func callAsFunction(_ weight: Tensor, to dtype: DType) -> Tensor {
        guard weight.dtype != dtype else { return weight }
        guard !weight.requiresGradient else {
            converted = nil
            let cast = weight.cast(to: dtype)
            let plain = weight.detached()
            cast.recomputation = Recomputation(reading: [plain]) { plain.cast(to: dtype) }
            return cast
        }
        if let converted, source === weight, version == weight.version, converted.dtype == dtype {
            return converted
        }
        let fresh = withoutGradients { weight.cast(to: dtype) }
        (source, version, converted) = (weight, weight.version, fresh)
        return fresh
    }
}
