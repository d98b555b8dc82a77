public import Tensors

/// A low-rank change of a linear map: `x -> (alpha / rank) * dropout(x) A^T B^T` (LoRA, Hu et al. 2021).
///
/// `B` starts at zero, so a new adapter changes nothing.
public final class LowRankAdapter: Layer {
    public var down: Tensor  // A: [rank, inputDimensions]
    public var up: Tensor  // B: [outputDimensions, rank]
    public let alpha: Double
    public let dropout: Double
    /// Off: the layer behaves as if it had no adapter (a preference reference, for one).
    public var isEnabled = true
    /// What dropout draws from; nil without dropout.
    package let dropoutSource: RandomSource?

    /// - Parameters:
    ///   - alpha: the change is scaled by `alpha / rank`.
    ///   - dropout: the share of inputs zeroed while training; needs `source` at every call.
    public init(
        inputDimensions: Int, outputDimensions: Int, rank: Int, alpha: Double, dropout: Double = 0,
        from source: RandomSource
    ) {
        // Uniform with the variance of Kaiming's initialisation at slope √5, as in the reference implementation.
        let bound = 1 / Double(inputDimensions).squareRoot()
        down = .uniform([rank, inputDimensions], in: -bound..<bound, from: source)
        up = .zeros([outputDimensions, rank])
        self.alpha = alpha
        self.dropout = dropout
        dropoutSource = dropout > 0 ? source : nil
    }

    public var rank: Int { down.size(0) }
    public var scale: Double { alpha / Double(rank) }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        var input = x
        if let dropoutSource, down.requiresGradient, Tensor.recordsGradients {
            input = x.dropout(dropout, from: dropoutSource)
        }
        return input.linear(down.cast(to: x.dtype)).linear((up * scale).cast(to: x.dtype))
    }

    /// What a merge adds to the weight: `[outputDimensions, inputDimensions]`.
    public var weightChange: Tensor { withoutGradients { up.matmul(down) * scale } }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "lora_A.weight", &down)
        visit(path / "lora_B.weight", &up)
    }
}

extension Linear {
    /// Adds the adapter's change to the weight and takes the adapter off; returns it for ``unmerge(_:)``.
    @discardableResult
    public func merge() -> LowRankAdapter? {
        guard let adapter else { return nil }
        weight.accumulate(adapter.weightChange)
        self.adapter = nil
        return adapter
    }

    /// Takes a merged adapter's change out of the weight and puts the adapter back.
    public func unmerge(_ adapter: LowRankAdapter) {
        weight.accumulate(adapter.weightChange, scale: -1)
        self.adapter = adapter
    }
}
