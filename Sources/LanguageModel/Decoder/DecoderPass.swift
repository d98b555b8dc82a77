public import Tensors

/// What one pass through a decoder does beyond the plain one. Every field has a default that changes nothing; methods
/// that alter the inside of a decoder fill in a field and subclass nothing.
public struct DecoderPass {
    /// `[batch, time]`, `int64`: the place of each token in its text. Default: counted on from the cache.
    public var positions: Tensor?
    /// `[batch, time]`, `int64`: the document of each token in packed rows. A token sees only its own document.
    public var segments: Tensor?
    /// `[batch, 1, time, keyTime]`, `bool`, true = visible: takes the place of the causal mask (tree attention over a
    /// shared prefix, for one). Windows are not added to it.
    public var mask: Tensor?
    /// Keys and values of earlier tokens, to which this pass appends.
    public var cache: KeyValueCache?
    /// How many tokens of each row are real, where rows of different length are padded on the right.
    public var rowLengths: [Int]?
    /// Receives the gate of a feed-forward block after its activation, `[batch, time, feedForward]`, with the layer's
    /// input `[batch, time, dimensions]` and number, and returns what is multiplied with the other branch.
    public var gate: ((_ gate: Tensor, _ input: Tensor, _ layer: Int) -> Tensor)?
    /// Receives the hidden state after each layer, before the final norm: `[batch, time, dimensions]`.
    public var observe: ((_ hidden: Tensor, _ layer: Int) -> Void)?
    /// The layers that run. An upper bound below the depth exits early (the final norm is still applied unless
    /// ``skipsFinalNorm``); a lower bound above 0 resumes from ``hidden``.
    public var layers: Range<Int>?
    /// The residual stream to start from in place of embeddings: `[batch, time, dimensions]`.
    public var hidden: Tensor?
    public var skipsFinalNorm = false
    /// Maps the hidden states before the head (with a latent, for one).
    public var mapHidden: ((_ hidden: Tensor) -> Tensor)?
    /// Keeps only each layer's input for the backward pass and computes the rest again.
    public var recomputesActivations = false
    /// Whether the configuration's context extension (dynamic NTK, LogN) is in force; training leaves it off.
    public var extendsContext = true
    /// `[batch or 1, 1, time, 1]`: factors on the queries, in the place of LogN's.
    public var queryFactors: Tensor?
    /// The type in which rotary frequencies are held; the Qwen report stresses f32 (spec of the report, §2.3).
    public var rotaryFrequencyType = DType.float32

    public init() {}

    public init(cache: KeyValueCache) { self.cache = cache }
}
