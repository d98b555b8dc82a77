/// The shape of a decoder of the Llama kind: everything that turns weights into logits.
///
/// One value covers the families qwen, qwen2 (also 2.5), qwen3, llama and gemma3; the differences between them are
/// ordinary fields, so that a new combination needs no new type.
public struct DecoderConfiguration: Hashable, Sendable {
    /// Whose names and conventions the weights follow.
    public enum Family: String, Hashable, Sendable, CaseIterable {
        case qwen, qwen2, qwen3, llama, gemma3
    }

    public enum Activation: String, Hashable, Sendable, CaseIterable {
        case silu
        /// GELU in its tanh approximation.
        case geluTanh
    }

    public var family: Family
    public var layers: Int
    /// Width of the residual stream.
    public var hiddenDimensions: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var headDimensions: Int
    /// Width of one branch of the gated feed-forward block. The first Qwen's files state the sum of both.
    public var feedForwardDimensions: Int
    /// Rows of the embedding, padding included.
    public var vocabularySize: Int

    public var rotaryBase: Double = 10_000
    public var rotaryScaling: RotaryScaling = .none
    /// The base of layers that have a window, where it differs (Gemma 3); their frequencies are never scaled.
    public var windowedRotaryBase: Double?
    public var maximumPositions: Int = 2048

    public var normEpsilon: Double = 1e-6
    /// Added to every norm weight when it is applied: 1 for Gemma, whose files store `w - 1`.
    public var normWeightOffset: Double = 0
    /// Two more norms, after attention and after the feed-forward block (Gemma).
    public var hasPostNorms = false
    /// Norms over each head of query and key.
    public var hasQueryKeyNorms = false

    public var isEmbeddingTied = false
    /// Biases of the query, key and value projections.
    public var hasQueryKeyValueBiases = false
    public var hasAttentionOutputBias = false
    public var hasFeedForwardBiases = false

    public var activation: Activation = .silu
    /// Factor on embeddings: the square root of the width for Gemma.
    public var embeddingScale: Double = 1
    /// Factor on attention scores.
    public var attentionScale: Double
    /// Logits become `cap * tanh(logits / cap)`.
    public var finalLogitSoftCap: Double?
    /// The same for attention scores before the softmax.
    public var attentionLogitSoftCap: Double?

    /// Per layer, how many keys a query sees, itself included: key j is visible to query i iff `i - window < j <= i`.
    /// Nil: all of them.
    public var layerWindows: [Int?]

    /// The length of training, where context extension refers to it (the first Qwen's `seq_length`).
    public var trainingLength: Int?
    /// The rotary base grows in steps with the prefilled length; see ``RotaryScaling/qwenGrowth(length:trainingLength:)``.
    public var usesDynamicNTK = false
    /// Queries at one-based position i beyond the training length L0 are multiplied by `ln i / ln L0`.
    public var usesLogN = false

    /// A plain decoder; the other fields start at the values of a llama model.
    public init(
        family: Family, layers: Int, hiddenDimensions: Int, heads: Int, keyValueHeads: Int? = nil,
        headDimensions: Int? = nil, feedForwardDimensions: Int, vocabularySize: Int
    ) {
        self.family = family
        self.layers = layers
        self.hiddenDimensions = hiddenDimensions
        self.heads = heads
        self.keyValueHeads = keyValueHeads ?? heads
        let headDimensions = headDimensions ?? hiddenDimensions / max(heads, 1)
        self.headDimensions = headDimensions
        self.feedForwardDimensions = feedForwardDimensions
        self.vocabularySize = vocabularySize
        attentionScale = 1 / Double(headDimensions).squareRoot()
        layerWindows = Array(repeating: nil, count: max(layers, 0))
        hasQueryKeyValueBiases = family == .qwen || family == .qwen2
        hasQueryKeyNorms = family == .qwen3 || family == .gemma3
        if family == .gemma3 {
            normWeightOffset = 1
            hasPostNorms = true
            isEmbeddingTied = true
            activation = .geluTanh
            embeddingScale = Double(hiddenDimensions).squareRoot()
        }
    }

    /// The number of parameters, a tied head counted once.
    public var parameterCount: Int {
        weights.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    /// What contradicts itself, as "field, found, allowed"; nil for a decoder that can be built.
    package var contradiction: (field: String, found: String, allowed: String)? {
        if heads % keyValueHeads != 0 {
            return ("the number of heads", "\(heads)", "a multiple of the \(keyValueHeads) key-value heads")
        }
        if headDimensions < 1 || heads * headDimensions > ConfigurationFields.maximumSize {
            return (
                "heads × head width", "\(heads) × \(headDimensions)", "from 1 to \(ConfigurationFields.maximumSize)"
            )
        }
        if headDimensions % 2 != 0 { return ("the head width", "\(headDimensions)", "even (rotary pairs)") }
        if layerWindows.count != layers {
            return ("the number of layer windows", "\(layerWindows.count)", "the number of layers, \(layers)")
        }
        if usesDynamicNTK || usesLogN, trainingLength == nil {
            return ("the training length", "absent", "given where the context is extended")
        }
        if case .divisors(let divisors) = rotaryScaling, divisors.count != headDimensions / 2 {
            return ("the number of rotary divisors", "\(divisors.count)", "half the head width, \(headDimensions / 2)")
        }
        return nil
    }
}
