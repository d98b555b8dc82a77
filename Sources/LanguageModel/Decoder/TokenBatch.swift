public import Tensors

/// Rows of tokens with what is to be predicted.
public struct TokenBatch {
    /// `[batch, time]`, `int64`.
    public var tokens: Tensor
    /// `[batch, time]`, `int64`: the token that follows each one; ``TokenBatch/ignored`` where none is to be predicted.
    public var labels: Tensor
    /// `[batch, time]`, f32: the weight of each prediction; nil for 1 each.
    public var weights: Tensor?
    /// `[batch, time]`, `int64`: documents of packed rows.
    public var segments: Tensor?
    /// `[batch, time]`, `int64`: positions that start anew with each document.
    public var positions: Tensor?

    /// The label of a position that predicts nothing.
    public static let ignored = -100

    public init(
        tokens: Tensor, labels: Tensor, weights: Tensor? = nil, segments: Tensor? = nil, positions: Tensor? = nil
    ) {
        self.tokens = tokens
        self.labels = labels
        self.weights = weights
        self.segments = segments
        self.positions = positions
    }

    /// Tokens in the batch, padding included.
    public var tokenCount: Int { tokens.count }

    /// The sum of the weights of all predictions.
    public var weight: Double {
        let counted = labels.isNotEqual(to: Double(Self.ignored)).cast(to: .float32)
        return (weights.map { $0 * counted } ?? counted).sum().item
    }
}
