public import Tensors

/// What one pass through a decoder does beyond the plain one. Every field has a default that changes nothing; methods
/// that alter the inside of a decoder fill in a field and subclass nothing.
public struct DecoderPass {
    /// `[batch, time]`, `int64`: the place of each token in its text. Default: counted on from the cache.
    public var positions: Tensor?
    /// `[batch, time]`, `int64`: the document of each token in packed rows. A token sees only its own document.
    public var segments: Tensor?
    /// `[batch, 1, time, keyTime]`, `bool`, true = visible: takes the place of the causal mask (tree attention over a
    /// shared prefix, for one). Windows are added to it, by position; with a cache, its rows must be of one length.
    public var mask: Tensor?
    /// Keys and values of earlier tokens, to which this pass appends.
    public var cache: KeyValueCache?
    /// How many tokens of each row are real, where rows of different length are padded on the right.
    public var rowLengths: [Int]?
    /// Takes the place of the activation in the feed-forward blocks: receives the gate before it, `[batch, time,
    /// feedForward]`, with the block's input `[batch, time, dimensions]` (normalised) and the layer's number, and returns
    /// what is multiplied with the other branch. ``DecoderConfiguration/Activation/callAsFunction(_:slope:)`` is what a
    /// decoder does by itself.
    public var gate: ((_ gate: Tensor, _ input: Tensor, _ layer: Int) -> Tensor)?
    /// Receives the hidden state after each layer, before the final norm: `[batch, time, dimensions]`.
    public var observe: ((_ hidden: Tensor, _ layer: Int) -> Void)?
    /// The layers that run. An upper bound below the depth exits early (the final norm is still applied unless
    /// ``skipsFinalNorm``); a lower bound above 0 resumes from ``hidden``. A cache counts tokens for the layers that ran,
    /// and ``TransformerDecoder/resume(_:through:_:)`` runs the others later.
    public var layers: Range<Int>?
    /// The residual stream to start from in place of embeddings: `[batch, time, dimensions]`.
    public var hidden: Tensor?
    public var skipsFinalNorm = false
    /// Maps the hidden states before the head (with a latent, for one).
    public var mapHidden: ((_ hidden: Tensor) -> Tensor)?
    /// Keeps only each layer's input for the backward pass and computes the rest again, with the same random numbers.
    ///
    /// Gradients are added to the parameters by `backward`; a hook may hold parameters of its own, but what it computed
    /// from them outside of itself gets none. Without effect where there is a cache.
    public var recomputesActivations = false
    /// Generators that hooks draw from. Those of the decoder's own adapters need not be named.
    public var randomSources: [RandomSource] = []
    /// Whether the configuration's context extension (dynamic NTK, LogN) is in force; training leaves it off.
    public var extendsContext = true
    /// `[batch or 1, 1, time, 1]`: factors on the queries, in the place of LogN's.
    public var queryFactors: Tensor?
    /// The type in which rotary frequencies are held; the Qwen report stresses f32 (spec of the report, §2.3).
    public var rotaryFrequencyType = DType.float32

    public init() {}

    public init(cache: KeyValueCache) { self.cache = cache }
}
