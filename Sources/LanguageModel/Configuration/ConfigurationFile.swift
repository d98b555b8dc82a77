import Tensors

/// Reads `config.json` in the spellings of the transformers library, old and new, and of the first Qwen models.
extension DecoderConfiguration {
    /// - Parameter path: a `config.json`.
    /// - Throws: `WeightFileError` for a file that is absent, a field of the wrong type or out of range, a family that is
    ///   not supported, or fields that contradict each other.
    public init(configurationFile path: String) throws {
        try self.init(fields: ConfigurationFields(file: path))
    }

    package init(fields: ConfigurationFields) throws {
        let type = try fields.string("model_type")
        // Weights that are packed by another program have other tensors than those listed here.
        guard !fields.contains("quantization_config") else {
            throw fields.malformed(
                "quantization_config", found: "present", allowed: "absent: only plain weights are read")
        }
        switch type {
        case "qwen": self = try Self.firstQwen(fields)
        case "llama": self = try Self.plain(fields, family: .llama)
        case "qwen2": self = try Self.plain(fields, family: .qwen2)
        case "qwen3": self = try Self.plain(fields, family: .qwen3)
        case "gemma3_text": self = try Self.gemma(fields)
        case "gemma3":
            guard let text = try fields.object("text_config") else {
                throw fields.malformed("text_config", found: "absent", allowed: "an object")
            }
            self = try Self.gemma(text)
        default:
            throw fields.malformed(
                "model_type", found: type.map { "\"\($0)\"" } ?? "absent",
                allowed: "one of qwen, qwen2, qwen3, llama, gemma3_text, gemma3")
        }
        // Windows that no family's own fields can say; see ConfigurationWriter.
        if let windows = try fields.optionalIntegers("layer_windows") { layerWindows = windows }
        // A sequence classifier has no language head: its logits are those of the embedding, which nobody asks for.
        let architectures = try fields.strings("architectures") ?? []
        if architectures.contains(where: { $0.hasSuffix("ForSequenceClassification") }) { isEmbeddingTied = true }
        if let (field, found, allowed) = contradiction { throw fields.malformed(field, found: found, allowed: allowed) }
    }

    private static let layerRange = 1...ConfigurationFields.maximumLayers
    private static let positionRange = 1...ConfigurationFields.maximumPositions

    private static func firstQwen(_ fields: ConfigurationFields) throws -> DecoderConfiguration {
        let sum = try fields.required("intermediate_size", "ffn_hidden_size")
        guard sum % 2 == 0 else {
            throw fields.malformed("intermediate_size", found: "\(sum)", allowed: "even: the sum of two branches")
        }
        var result = DecoderConfiguration(
            family: .qwen, layers: try fields.required("num_hidden_layers", "n_layer", in: layerRange),
            hiddenDimensions: try fields.required("hidden_size", "n_embd"),
            heads: try fields.required("num_attention_heads", "n_head"),
            headDimensions: try fields.integer("kv_channels"),
            feedForwardDimensions: sum / 2, vocabularySize: try fields.required("vocab_size", "padded_vocab_size"))
        if let rotated = try fields.number("rotary_pct"), rotated != 1 {
            throw fields.malformed("rotary_pct", found: "\(rotated)", allowed: "1")
        }
        result.normEpsilon = try fields.number("layer_norm_epsilon") ?? 1e-6
        result.rotaryBase = try fields.number("rotary_emb_base") ?? 10_000
        result.isEmbeddingTied = try fields.bool("tie_word_embeddings") ?? false
        result.hasAttentionOutputBias = try fields.bool("no_bias") == false
        result.hasFeedForwardBiases = result.hasAttentionOutputBias
        result.trainingLength = try fields.integer("seq_length", in: positionRange) ?? 2048
        result.maximumPositions =
            try fields.integer("max_position_embeddings", "n_positions", in: positionRange) ?? 8192
        result.usesDynamicNTK = try fields.bool("use_dynamic_ntk") ?? true
        result.usesLogN = try fields.bool("use_logn_attn") ?? true
        return result
    }

    private static func plain(_ fields: ConfigurationFields, family: Family) throws -> DecoderConfiguration {
        let layers = try fields.required("num_hidden_layers", in: layerRange)
        let hidden = try fields.required("hidden_size")
        let heads = try fields.required("num_attention_heads")
        let stated = try fields.integer("head_dim")
        if stated == nil, family != .qwen3, hidden % heads != 0 {
            throw fields.malformed(
                "hidden_size", found: "\(hidden)", allowed: "a multiple of num_attention_heads = \(heads)")
        }
        var result = DecoderConfiguration(
            family: family, layers: layers, hiddenDimensions: hidden, heads: heads,
            keyValueHeads: try fields.integer("num_key_value_heads"),
            headDimensions: stated ?? (family == .qwen3 ? 128 : nil),
            feedForwardDimensions: try fields.required("intermediate_size"),
            vocabularySize: try fields.required("vocab_size"))
        result.normEpsilon = try fields.number("rms_norm_eps") ?? 1e-6
        result.maximumPositions =
            try fields.integer("max_position_embeddings", in: positionRange) ?? (family == .llama ? 2048 : 32_768)
        result.isEmbeddingTied = try fields.bool("tie_word_embeddings") ?? false
        result.activation = try activation(fields, names: ["hidden_act"]) ?? .silu
        if family != .qwen2 {
            result.hasAttentionOutputBias = try fields.bool("attention_bias") ?? false
            result.hasQueryKeyValueBiases = result.hasAttentionOutputBias
        }
        if family == .llama { result.hasFeedForwardBiases = try fields.bool("mlp_bias") ?? false }
        let rotary = try RotaryFields(fields, defaultBase: 10_000, maximumPositions: result.maximumPositions)
        result.rotaryBase = rotary.base
        result.rotaryScaling = rotary.scaling
        if family != .llama { try result.readQwenWindows(fields) }
        // Context extension of the first Qwen models, kept when such a model is saved in this layout.
        result.trainingLength = try fields.integer("seq_length", in: positionRange)
        result.usesDynamicNTK = try fields.bool("use_dynamic_ntk") ?? false
        result.usesLogN = try fields.bool("use_logn_attn") ?? false
        return result
    }

    private mutating func readQwenWindows(_ fields: ConfigurationFields) throws {
        guard try fields.bool("use_sliding_window") ?? false, let window = try fields.integer("sliding_window") else {
            return
        }
        let first = try fields.integer("max_window_layers", in: 0...ConfigurationFields.maximumSize) ?? 28
        layerWindows = try Self.windows(fields, layers: layers, window: window) { $0 >= first }
    }

    private static func gemma(_ fields: ConfigurationFields) throws -> DecoderConfiguration {
        // Released files leave out what equals the defaults of transformers' Gemma3TextConfig.
        var result = DecoderConfiguration(
            family: .gemma3, layers: try fields.required("num_hidden_layers", in: layerRange),
            hiddenDimensions: try fields.required("hidden_size"),
            heads: try fields.integer("num_attention_heads") ?? 8,
            keyValueHeads: try fields.integer("num_key_value_heads") ?? 4,
            headDimensions: try fields.integer("head_dim") ?? 256,
            feedForwardDimensions: try fields.required("intermediate_size"),
            vocabularySize: try fields.integer("vocab_size") ?? 262_208)
        if try fields.bool("use_bidirectional_attention") == true {
            throw fields.malformed("use_bidirectional_attention", found: "true", allowed: "false")
        }
        result.normEpsilon = try fields.number("rms_norm_eps") ?? 1e-6
        result.maximumPositions = try fields.integer("max_position_embeddings", in: positionRange) ?? 131_072
        result.isEmbeddingTied = try fields.bool("tie_word_embeddings") ?? true
        result.activation = try activation(fields, names: ["hidden_activation", "hidden_act"]) ?? .geluTanh
        result.hasAttentionOutputBias = try fields.bool("attention_bias") ?? false
        result.hasQueryKeyValueBiases = result.hasAttentionOutputBias
        result.attentionScale = 1 / (try fields.number("query_pre_attn_scalar") ?? 256).squareRoot()
        result.finalLogitSoftCap = try fields.number("final_logit_softcapping")
        result.attentionLogitSoftCap = try fields.number("attn_logit_softcapping")
        let pattern = try fields.integer("sliding_window_pattern", "_sliding_window_pattern") ?? 6
        let window = try fields.integer("sliding_window") ?? 4096
        result.layerWindows = try windows(fields, layers: result.layers, window: window) { ($0 + 1) % pattern != 0 }
        let rotary = try RotaryFields(
            fields, kind: "full_attention", defaultBase: 1e6, maximumPositions: result.maximumPositions)
        result.rotaryBase = rotary.base
        result.rotaryScaling = rotary.scaling
        result.windowedRotaryBase = try RotaryFields(
            fields, kind: "sliding_attention", defaultBase: 1e4, maximumPositions: result.maximumPositions
        ).base
        return result
    }

    /// `layer_types` decides where it is present, otherwise the family's rule.
    private static func windows(
        _ fields: ConfigurationFields, layers: Int, window: Int, rule: (Int) -> Bool
    ) throws -> [Int?] {
        guard let types = try fields.strings("layer_types") else {
            return (0..<layers).map { rule($0) ? window : nil }
        }
        guard types.count == layers else {
            throw fields.malformed(
                "layer_types", found: "\(types.count) long", allowed: "\(layers) long (num_hidden_layers)")
        }
        return try types.map { type in
            switch type {
            case "sliding_attention": window
            case "full_attention": nil
            default:
                throw fields.malformed(
                    "layer_types", found: "\"\(type)\"", allowed: "full_attention or sliding_attention")
            }
        }
    }

    private static func activation(_ fields: ConfigurationFields, names: [String]) throws -> Activation? {
        for name in names {
            guard let found = try fields.string(name) else { continue }
            switch found {
            case "silu", "swish": return .silu
            case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
            default: throw fields.malformed(name, found: "\"\(found)\"", allowed: "silu or gelu_pytorch_tanh")
            }
        }
        return nil
    }
}
