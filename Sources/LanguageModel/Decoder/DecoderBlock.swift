public import Layers
public import Tensors

/// What all layers of one pass share.
struct PassPlan {
    var pass: DecoderPass
    /// Of full layers and of layers with a window.
    var rotary: (full: RotaryTable, windowed: RotaryTable)
    /// What a query sees, per distinct window.
    var visibility: [Int?: Visibility]
    /// `[batch or 1, 1, time, 1]` factors on the queries; nil for 1.
    var queryFactors: Tensor?
    /// Keys in the cache after this pass.
    var keyTime: Int
}

/// Grouped-query self-attention with rotary positions (Vaswani et al. 2017; Ainslie et al. 2023).
public final class SelfAttention: Layer {
    public let query: Linear
    public let key: Linear
    public let value: Linear
    public let output: Linear
    public let queryNorm: RMSNorm?
    public let keyNorm: RMSNorm?
    let shape: (heads: Int, keyValueHeads: Int, dimensions: Int)
    let scale: Double
    let softCap: Double?

    init(_ configuration: DecoderConfiguration, from source: RandomSource) {
        let c = configuration
        let inner = c.heads * c.headDimensions
        let keyInner = c.keyValueHeads * c.headDimensions
        func linear(_ inputs: Int, _ outputs: Int, _ hasBias: Bool, _ deviation: Double = 0.02) -> Linear {
            Linear(
                inputDimensions: inputs, outputDimensions: outputs, hasBias: hasBias, standardDeviation: deviation,
                from: source)
        }
        query = linear(c.hiddenDimensions, inner, c.hasQueryKeyValueBiases)
        key = linear(c.hiddenDimensions, keyInner, c.hasQueryKeyValueBiases)
        value = linear(c.hiddenDimensions, keyInner, c.hasQueryKeyValueBiases)
        output = linear(inner, c.hiddenDimensions, c.hasAttentionOutputBias, c.residualDeviation)
        func norm() -> RMSNorm {
            RMSNorm(dimensions: c.headDimensions, epsilon: c.normEpsilon, offset: c.normWeightOffset)
        }
        queryNorm = c.hasQueryKeyNorms ? norm() : nil
        keyNorm = c.hasQueryKeyNorms ? norm() : nil
        shape = (c.heads, c.keyValueHeads, c.headDimensions)
        scale = c.attentionScale
        softCap = c.attentionLogitSoftCap
    }

    /// - Parameter x: `[batch, time, dimensions]`.
    func callAsFunction(_ x: Tensor, layer: Int, window: Int?, plan: PassPlan) -> Tensor {
        let (batch, time) = (x.size(0), x.size(1))
        func heads(_ tensor: Tensor, _ count: Int) -> Tensor {
            tensor.reshaped(batch, time, count, shape.dimensions)
        }
        var queries = heads(query(x), shape.heads)
        var keys = heads(key(x), shape.keyValueHeads)
        let values = heads(value(x), shape.keyValueHeads)
        if let queryNorm, let keyNorm { (queries, keys) = (queryNorm(queries), keyNorm(keys)) }
        let rotary = window == nil ? plan.rotary.full : plan.rotary.windowed
        queries = rotary(queries)
        keys = rotary(keys)
        if let factors = plan.queryFactors { queries = (queries * factors.transposed(1, 2)).cast(to: x.dtype) }
        let attended = attended(queries, keys, values, layer: layer, window: window, plan: plan)
        return output(attended.reshaped(batch, time, shape.heads * shape.dimensions))
    }

    /// - Parameters:
    ///   - queries: `[batch, time, heads, headDimensions]`.
    ///   - keys: `[batch, time, keyValueHeads, headDimensions]`, like `values`.
    /// - Returns: as `queries`.
    private func attended(
        _ queries: Tensor, _ keys: Tensor, _ values: Tensor, layer: Int, window: Int?, plan: PassPlan
    ) -> Tensor {
        let time = queries.size(1)
        let visibility = plan.visibility[window] ?? Visibility()
        if let cache = plan.pass.cache {
            cache.write(
                keys: keys.detached().transposed(1, 2), values: values.detached().transposed(1, 2), layer: layer)
        }
        // A fresh cache holds nothing but these tokens, and theirs may carry gradients.
        let isFresh = plan.keyTime == time
        if isFresh, softCap == nil, let starts = visibility.starts,
            let attended = queries.causallyAttended(
                keys: keys, values: values, starts: starts.tensor, scale: scale)
        {
            return attended
        }
        var (keys, values) = (keys.transposed(1, 2), values.transposed(1, 2))
        if !isFresh, let cache = plan.pass.cache {
            let lengths = cache.lengths(of: layer..<layer + 1)
            keys = joined(keys, cached: cache.keys[layer], plan.keyTime, lengths)
            values = joined(values, cached: cache.values[layer], plan.keyTime, lengths)
        }
        let mask = visibility.mask
        let heads = queries.transposed(1, 2)
        let attended =
            softCap == nil
            ? heads.attention(keys: keys, values: values, mask: mask, causal: mask == nil && time > 1, scale: scale)
            : capped(heads, keys, values, mask)
        return attended.transposed(1, 2)
    }

    /// Keys or values of earlier and new tokens; gradients reach the new ones.
    private func joined(_ new: Tensor, cached: Tensor, _ keyTime: Int, _ lengths: [Int]) -> Tensor {
        guard new.requiresGradient else { return cached.slice(0..<keyTime, along: 2).cast(to: new.dtype) }
        precondition(Set(lengths).count == 1, "gradients behind cached rows of different length")
        let earlier = cached.slice(0..<keyTime - new.size(2), along: 2)
        return .concatenated([earlier.cast(to: new.dtype), new], along: 2)
    }

    /// Attention with a soft cap on its scores, in plain operators.
    private func capped(_ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ mask: Tensor?) -> Tensor {
        let group = shape.heads / shape.keyValueHeads
        let keys = keys.repeatedEach(group, along: 1)
        let values = values.repeatedEach(group, along: 1)
        var scores = queries.matmul(keys.transposed()).cast(to: .float32) * scale
        if let softCap { scores = (scores / softCap).tanh() * softCap }
        let visible = mask ?? Tensor.ones([queries.size(2), keys.size(2)], dtype: .bool).lowerTriangle()
        return scores.filled(where: !visible, with: -.infinity).softmax().cast(to: values.dtype).matmul(values)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        query.visitParameters(path / "q_proj", visit)
        key.visitParameters(path / "k_proj", visit)
        value.visitParameters(path / "v_proj", visit)
        output.visitParameters(path / "o_proj", visit)
        queryNorm?.visitParameters(path / "q_norm", visit)
        keyNorm?.visitParameters(path / "k_norm", visit)
    }
}

/// The gated feed-forward block `down(activation(gate(x)) * up(x))` (Shazeer 2020).
public final class FeedForward: Layer {
    public let gate: Linear
    public let up: Linear
    public let down: Linear
    let activation: DecoderConfiguration.Activation

    init(_ configuration: DecoderConfiguration, from source: RandomSource) {
        let c = configuration
        func linear(_ inputs: Int, _ outputs: Int, _ deviation: Double = 0.02) -> Linear {
            Linear(
                inputDimensions: inputs, outputDimensions: outputs, hasBias: c.hasFeedForwardBiases,
                standardDeviation: deviation, from: source)
        }
        gate = linear(c.hiddenDimensions, c.feedForwardDimensions)
        up = linear(c.hiddenDimensions, c.feedForwardDimensions)
        down = linear(c.feedForwardDimensions, c.hiddenDimensions, c.residualDeviation)
        activation = c.activation
    }

    func callAsFunction(_ x: Tensor, layer: Int, hook: ((Tensor, Tensor, Int) -> Tensor)?) -> Tensor {
        if activation == .silu, hook == nil { return down(gate(x).siluGated(up(x))) }
        let closed = gate(x)
        return down((hook?(closed, x, layer) ?? activation(closed)) * up(x))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        gate.visitParameters(path / "gate_proj", visit)
        up.visitParameters(path / "up_proj", visit)
        down.visitParameters(path / "down_proj", visit)
    }
}

/// One layer: `h = x + attention(norm(x))`, `y = h + feedForward(norm(h))`, with two more norms for Gemma.
public final class DecoderBlock: Layer {
    public let attentionNorm: RMSNorm
    public let attention: SelfAttention
    public let postAttentionNorm: RMSNorm?
    public let feedForwardNorm: RMSNorm
    public let feedForward: FeedForward
    public let postFeedForwardNorm: RMSNorm?
    let layer: Int

    init(_ configuration: DecoderConfiguration, layer: Int, from source: RandomSource) {
        func norm() -> RMSNorm {
            RMSNorm(
                dimensions: configuration.hiddenDimensions, epsilon: configuration.normEpsilon,
                offset: configuration.normWeightOffset)
        }
        attentionNorm = norm()
        attention = SelfAttention(configuration, from: source)
        postAttentionNorm = configuration.hasPostNorms ? norm() : nil
        feedForwardNorm = norm()
        feedForward = FeedForward(configuration, from: source)
        postFeedForwardNorm = configuration.hasPostNorms ? norm() : nil
        self.layer = layer
    }

    /// - Parameter x: `[batch, time, dimensions]`.
    func callAsFunction(_ x: Tensor, window: Int?, plan: PassPlan) -> Tensor {
        var attended = attention(attentionNorm(x), layer: layer, window: window, plan: plan)
        if let postAttentionNorm { attended = postAttentionNorm(attended) }
        let hidden = x + attended
        var forwarded = feedForward(feedForwardNorm(hidden), layer: layer, hook: plan.pass.gate)
        if let postFeedForwardNorm { forwarded = postFeedForwardNorm(forwarded) }
        return hidden + forwarded
    }

    /// Every linear map with its path below the layer's.
    package var linears: [(path: String, layer: Linear)] {
        [
            ("self_attn.q_proj", attention.query), ("self_attn.k_proj", attention.key),
            ("self_attn.v_proj", attention.value), ("self_attn.o_proj", attention.output),
            ("mlp.gate_proj", feedForward.gate), ("mlp.up_proj", feedForward.up), ("mlp.down_proj", feedForward.down),
        ]
    }

    /// The generators that the layer's adapters draw from while they train.
    var randomSources: [RandomSource] { linears.compactMap { $0.layer.adapter?.dropoutSource } }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        attentionNorm.visitParameters(path / "input_layernorm", visit)
        attention.visitParameters(path / "self_attn", visit)
        // With post-norms (Gemma), `post_attention_layernorm` names what its words say; without, the norm before the
        // feed-forward block.
        if let postAttentionNorm, let postFeedForwardNorm {
            postAttentionNorm.visitParameters(path / "post_attention_layernorm", visit)
            feedForwardNorm.visitParameters(path / "pre_feedforward_layernorm", visit)
            feedForward.visitParameters(path / "mlp", visit)
            postFeedForwardNorm.visitParameters(path / "post_feedforward_layernorm", visit)
        } else {
            feedForwardNorm.visitParameters(path / "post_attention_layernorm", visit)
            feedForward.visitParameters(path / "mlp", visit)
        }
    }
}

extension DecoderConfiguration {
    /// Of the two projections that write to the residual stream: `0.02 / sqrt(2 layers)` (Qwen report, §2.4).
    var residualDeviation: Double { 0.02 / Double(2 * layers).squareRoot() }
}

extension DecoderConfiguration.Activation {
    /// The activation `a` with a slope: `a(slope x) / slope`, so that 1 changes nothing.
    ///
    /// For SiLU it is `x σ(slope x)`, the Swish of Ramachandran et al. 2017 with its slope free.
    /// - Parameter slope: not 0; broadcast to the shape of `x`; nil for 1.
    public func callAsFunction(_ x: Tensor, slope: Tensor? = nil) -> Tensor {
        switch (self, slope) {
        case (.silu, nil): x.silu()
        case (.silu, let slope?): x * (slope * x).sigmoid()
        case (.geluTanh, nil): x.gelu(approximate: true)
        case (.geluTanh, let slope?): (slope * x).gelu(approximate: true) / slope
        }
    }
}
