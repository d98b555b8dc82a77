import Foundation

/// Softmax, losses, normalisation, attention.
extension Tensor {
    private enum Handles {
        static let softmax = Operator("softmax", "int")
        static let logSoftmax = Operator("log_softmax", "int")
        static let crossEntropy = Operator("cross_entropy_loss")
        static let binaryCrossEntropy = Operator("binary_cross_entropy_with_logits")
        static let mse = Operator("mse_loss")
        static let smoothL1 = Operator("smooth_l1_loss")
        static let layerNorm = Operator("layer_norm")
        static let rmsNorm = Operator("rms_norm")
        static let attention = Operator("scaled_dot_product_attention")
        static let cosineSimilarity = Operator("cosine_similarity")
    }

    /// What a loss does with its per-element values.
    public enum LossReduction: Int, Sendable {
        case none = 0
        case mean = 1
        case sum = 2
    }

    public func softmax(along axis: Int = -1, dtype: DType? = nil) -> Tensor { Handles.softmax(self, axis, dtype) }
    public func logSoftmax(along axis: Int = -1, dtype: DType? = nil) -> Tensor {
        Handles.logSoftmax(self, axis, dtype)
    }

    /// Cross-entropy of logits `[rows, classes]` with class indices `[rows]`; rows of `ignoring` do not count.
    public func crossEntropy(
        _ classes: Tensor, ignoring: Int = -100, smoothing: Double = 0, reduction: LossReduction = .mean
    ) -> Tensor {
        Handles.crossEntropy(self, classes, Tensor?.none, reduction.rawValue, ignoring, smoothing)
    }
    /// Binary cross-entropy of logits with targets of `[0, 1]`.
    public func binaryCrossEntropy(_ targets: Tensor, reduction: LossReduction = .mean) -> Tensor {
        Handles.binaryCrossEntropy(self, targets, Tensor?.none, Tensor?.none, reduction.rawValue)
    }
    public func meanSquaredError(_ targets: Tensor) -> Tensor { Handles.mse(self, targets) }
    /// Huber's loss with its knee at `beta`.
    public func smoothL1(_ targets: Tensor, beta: Double = 1) -> Tensor {
        Handles.smoothL1(self, targets, LossReduction.mean.rawValue, beta)
    }
    public func cosineSimilarity(_ other: Tensor, along axis: Int = -1) -> Tensor {
        Handles.cosineSimilarity(self, other, axis)
    }

    public func layerNormalized(weight: Tensor?, bias: Tensor?, epsilon: Double) -> Tensor {
        Handles.layerNorm(self, [size(-1)], weight, bias, epsilon)
    }

    /// `x / rms(x) * weight` over the last axis; statistics in f32, the result in the type of `x`
    /// (Zhang & Sennrich 2019). With `weight` in f32 the product with it is taken in f32 too.
    public func rmsNormalized(weight: Tensor, epsilon: Double) -> Tensor {
        if dtype == .float32 { return Handles.rmsNorm(self, [size(-1)], weight, epsilon) }
        if let fused = kernelNormalized(weight: weight, epsilon: epsilon) { return fused }
        let plain = cast(to: .float32)
        let scale = (plain.squared().mean(along: -1, keepingAxes: true) + epsilon).reciprocalSquareRoot()
        return (plain * scale).cast(to: dtype) * weight.cast(to: dtype)
    }

    /// `softmax(q k^T * scale + mask) v` (Vaswani et al. 2017).
    /// - Parameters:
    ///   - keys: `[batch, keyHeads, keyTime, dimensions]` for queries `[batch, heads, time, dimensions]`; `heads` is a
    ///     multiple of `keyHeads`.
    ///   - mask: `bool` (true = visible) or additive, broadcast to `[batch, heads, time, keyTime]`.
    ///   - causal: query `i` sees keys up to `i`; only without a mask and with equal times.
    public func attention(
        keys: Tensor, values: Tensor, mask: Tensor? = nil, causal: Bool = false, scale: Double? = nil
    ) -> Tensor {
        Handles.attention(self, keys, values, mask, 0.0, causal, scale, size(1) != keys.size(1))
    }
}
