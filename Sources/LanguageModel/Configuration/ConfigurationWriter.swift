import Tensors

extension DecoderConfiguration {
    /// The text of a `config.json` that transformers and other readers of its older spelling load.
    ///
    /// The architecture is chosen by what the decoder has, so a first-generation Qwen is written as qwen2, whose layers
    /// are the same. What transformers has no field for (context extension of that model, windows of their own for each
    /// layer) is kept in fields that only this package reads.
    /// - Parameters:
    ///   - dtype: the type of the weights stored beside it.
    ///   - tokens: ids that other tools look for here.
    ///   - labels: of a sequence classifier (``ScalarHead``), which has no language head; nil for a language model.
    /// - Throws: `WeightFileError.unwritable` for a combination that no architecture has.
    public func configurationText(
        dtype: DType, tokens: SpecialTokens = .init(), labels: Int? = nil
    ) throws -> String {
        let text = JSONText.pretty(.object(members(dtype: dtype, tokens: tokens, labels: labels))) + "\n"
        // Reading it back is the proof that nothing was lost.
        let bytes = Array(text.utf8)
        var read = try bytes.withUnsafeBytes {
            try DecoderConfiguration(fields: ConfigurationFields(file: "config.json", parsing: $0))
        }
        read.family = family
        if labels != nil { read.isEmbeddingTied = isEmbeddingTied }
        guard read == self else {
            throw WeightFileError.unwritable(
                file: "config.json", reason: "no architecture has this combination of features")
        }
        return text
    }

    private enum Architecture: String {
        case llama, qwen2, qwen3
        case gemma3 = "gemma3_text"

        var languageModel: String {
            switch self {
            case .llama: "LlamaForCausalLM"
            case .qwen2: "Qwen2ForCausalLM"
            case .qwen3: "Qwen3ForCausalLM"
            case .gemma3: "Gemma3ForCausalLM"
            }
        }

        var classifier: String {
            switch self {
            case .llama: "LlamaForSequenceClassification"
            case .qwen2: "Qwen2ForSequenceClassification"
            case .qwen3: "Qwen3ForSequenceClassification"
            case .gemma3: "Gemma3TextForSequenceClassification"
            }
        }
    }

    private var architecture: Architecture {
        if hasPostNorms { return .gemma3 }
        if hasQueryKeyNorms { return .qwen3 }
        return hasQueryKeyValueBiases && !hasAttentionOutputBias ? .qwen2 : .llama
    }

    private func members(dtype: DType, tokens: SpecialTokens, labels: Int?) -> [String: StrictJSON] {
        let architecture = architecture
        let className = labels == nil ? architecture.languageModel : architecture.classifier
        var members: [String: StrictJSON] = [
            "architectures": .array([.string(className)]),
            "model_type": .string(architecture.rawValue),
            "hidden_size": .integer(hiddenDimensions),
            "intermediate_size": .integer(feedForwardDimensions),
            "num_hidden_layers": .integer(layers),
            "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(keyValueHeads),
            "head_dim": .integer(headDimensions),
            "vocab_size": .integer(vocabularySize),
            "max_position_embeddings": .integer(maximumPositions),
            "rms_norm_eps": .number(normEpsilon),
            "rope_theta": .number(rotaryBase),
            "tie_word_embeddings": .bool(isEmbeddingTied),
            "torch_dtype": .string(dtype.torchName),
        ]
        members["num_labels"] = labels.map { .integer($0) }
        members["rope_scaling"] = rotaryScaling.member
        if architecture != .qwen2 { members["attention_bias"] = .bool(hasAttentionOutputBias) }
        let activation = activation == .silu ? "silu" : "gelu_pytorch_tanh"
        members[architecture == .gemma3 ? "hidden_activation" : "hidden_act"] = .string(activation)
        switch architecture {
        case .llama: members["mlp_bias"] = .bool(hasFeedForwardBiases)
        case .qwen2, .qwen3:
            members["use_sliding_window"] = .bool(uniformWindow != nil)
            if let window = uniformWindow {
                members["max_window_layers"] = .integer(layerWindows.firstIndex { $0 != nil } ?? layers)
                members["sliding_window"] = .integer(window)
            }
        case .gemma3:
            let scalar = 1 / (attentionScale * attentionScale)
            let whole = scalar.rounded()
            members["query_pre_attn_scalar"] =
                abs(scalar - whole) < 1e-6 * scalar ? .integer(Int(whole)) : .number(scalar)
            members["rope_local_base_freq"] = .number(windowedRotaryBase ?? rotaryBase)
            members["sliding_window"] = .integer(uniformWindow ?? 4096)
            members["final_logit_softcapping"] = finalLogitSoftCap.map { .number($0) } ?? .null
            members["attn_logit_softcapping"] = attentionLogitSoftCap.map { .number($0) } ?? .null
        }
        if uniformWindow != nil || architecture == .gemma3, architecture != .llama {
            members["layer_types"] = .array(
                layerWindows.map { .string($0 == nil ? "full_attention" : "sliding_attention") })
        }
        if layerWindows.contains(where: { $0 != nil }), uniformWindow == nil || architecture == .llama {
            members["layer_windows"] = .array(layerWindows.map { $0.map { .integer($0) } ?? .null })
        }
        if usesDynamicNTK || usesLogN {
            members["use_dynamic_ntk"] = .bool(usesDynamicNTK)
            members["use_logn_attn"] = .bool(usesLogN)
        }
        members["seq_length"] = trainingLength.map { .integer($0) }
        members["bos_token_id"] = tokens.beginning.map { .integer($0) }
        members["pad_token_id"] = tokens.padding.map { .integer($0) }
        if let first = tokens.ends.first {
            members["eos_token_id"] =
                tokens.ends.count == 1 ? .integer(first) : .array(tokens.ends.map { .integer($0) })
        }
        return members
    }

    /// The one window that all windowed layers share.
    private var uniformWindow: Int? {
        let windows = Set(layerWindows.compactMap { $0 })
        return windows.count == 1 ? windows.first : nil
    }
}

extension RotaryScaling {
    fileprivate var member: StrictJSON? {
        switch self {
        case .none, .divisors: nil
        case .linear(let factor): .object(["rope_type": .string("linear"), "factor": .number(factor)])
        case .dynamic(let factor, _): .object(["rope_type": .string("dynamic"), "factor": .number(factor)])
        case .llama3(let factor, let low, let high, let original):
            .object([
                "rope_type": .string("llama3"), "factor": .number(factor), "low_freq_factor": .number(low),
                "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(original),
            ])
        case .yarn(let factor, let original, let betaFast, let betaSlow, let attentionFactor, let rounds):
            .object([
                "rope_type": .string("yarn"), "factor": .number(factor), "beta_fast": .number(betaFast),
                "beta_slow": .number(betaSlow), "original_max_position_embeddings": .integer(original),
                "attention_factor": .number(attentionFactor), "truncate": .bool(rounds),
            ])
        }
    }
}

extension DType {
    /// PyTorch's name, as configuration files use it.
    package var torchName: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .bfloat16: "bfloat16"
        }
    }
}
