/// One parameter of a decoder: its canonical name (that of Hugging Face's llama), its shape, and why it has that shape.
public struct WeightSpecification: Hashable, Sendable {
    /// Where a size comes from.
    public enum Size: Hashable, Sendable {
        case vocabulary, hidden, feedForward, queryHeads, keyValueHeads, head
    }

    public let name: String
    public let shape: [Int]
    public let sizes: [Size]
}

extension DecoderConfiguration {
    /// Every parameter of the decoder in canonical order. Linear weights are `[out, in]`; a tied head is not listed.
    public var weights: [WeightSpecification] {
        var list: [WeightSpecification] = []
        func add(_ name: String, _ sizes: WeightSpecification.Size...) {
            list.append(WeightSpecification(name: name, shape: sizes.map(self.size), sizes: sizes))
        }
        add("model.embed_tokens.weight", .vocabulary, .hidden)
        for layer in 0..<layers {
            let path = "model.layers.\(layer)"
            add("\(path).input_layernorm.weight", .hidden)
            for (name, rows) in [
                ("q", WeightSpecification.Size.queryHeads), ("k", .keyValueHeads), ("v", .keyValueHeads),
            ] {
                add("\(path).self_attn.\(name)_proj.weight", rows, .hidden)
                if hasQueryKeyValueBiases { add("\(path).self_attn.\(name)_proj.bias", rows) }
            }
            if hasQueryKeyNorms {
                add("\(path).self_attn.q_norm.weight", .head)
                add("\(path).self_attn.k_norm.weight", .head)
            }
            add("\(path).self_attn.o_proj.weight", .hidden, .queryHeads)
            if hasAttentionOutputBias { add("\(path).self_attn.o_proj.bias", .hidden) }
            add("\(path).post_attention_layernorm.weight", .hidden)
            if hasPostNorms {
                add("\(path).pre_feedforward_layernorm.weight", .hidden)
                add("\(path).post_feedforward_layernorm.weight", .hidden)
            }
            for name in ["gate", "up"] {
                add("\(path).mlp.\(name)_proj.weight", .feedForward, .hidden)
                if hasFeedForwardBiases { add("\(path).mlp.\(name)_proj.bias", .feedForward) }
            }
            add("\(path).mlp.down_proj.weight", .hidden, .feedForward)
            if hasFeedForwardBiases { add("\(path).mlp.down_proj.bias", .hidden) }
        }
        add("model.norm.weight", .hidden)
        if !isEmbeddingTied { add("lm_head.weight", .vocabulary, .hidden) }
        return list
    }

    private func size(_ size: WeightSpecification.Size) -> Int {
        switch size {
        case .vocabulary: vocabularySize
        case .hidden: hiddenDimensions
        case .feedForward: feedForwardDimensions
        case .queryHeads: heads * headDimensions
        case .keyValueHeads: keyValueHeads * headDimensions
        case .head: headDimensions
        }
    }
}
