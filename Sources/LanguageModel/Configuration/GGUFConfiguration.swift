import Tensors

/// Reads the metadata of a GGUF file.
extension DecoderConfiguration {
    /// - Throws: `WeightFileError` for metadata that is absent, of the wrong type, out of range or contradictory, and for
    ///   architectures that are not supported.
    public init(_ file: GGUFFile) throws {
        let fields = try GGUFFields(file)
        let families: [String: Family] = [
            "llama": .llama, "qwen": .qwen, "qwen2": .qwen2, "qwen3": .qwen3, "gemma3": .gemma3,
        ]
        guard let family = families[fields.architecture] else {
            throw fields.malformed("general.architecture", allowed: "one of llama, qwen, qwen2, qwen3, gemma3")
        }
        if let experts = try fields.integer("expert_count", in: 0...ConfigurationFields.maximumSize), experts > 0 {
            throw fields.malformed(
                fields.key("expert_count"), allowed: "absent or 0: mixtures of experts are not supported")
        }
        let heads = try fields.required("attention.head_count")
        let hidden = try fields.required("embedding_length")
        guard let embedding = file["token_embd.weight"], embedding.shape.count == 2 else {
            throw WeightFileError.missingTensors(
                file: file.path, tensors: ["token_embd.weight"], from: "the architecture \(fields.architecture)")
        }
        self.init(
            family: family,
            layers: try fields.required("block_count", in: 1...ConfigurationFields.maximumLayers),
            hiddenDimensions: hidden, heads: heads, keyValueHeads: try fields.integer("attention.head_count_kv"),
            headDimensions: try fields.integer("attention.key_length"),
            feedForwardDimensions: try fields.required("feed_forward_length"),
            // Not the key vocab_size: converters that cut unused rows leave it as it was.
            vocabularySize: embedding.shape[0])
        if let value = try fields.integer("attention.value_length"), value != headDimensions {
            throw fields.malformed(fields.key("attention.value_length"), allowed: "the key length, \(headDimensions)")
        }
        if let rotated = try fields.integer("rope.dimension_count"), rotated != headDimensions {
            throw fields.malformed(fields.key("rope.dimension_count"), allowed: "the head width, \(headDimensions)")
        }
        normEpsilon = try fields.number("attention.layer_norm_rms_epsilon").map(Self.decimal) ?? 1e-6
        maximumPositions = try fields.integer("context_length", in: 1...ConfigurationFields.maximumPositions) ?? 2048
        isEmbeddingTied = file["output.weight"] == nil
        rotaryBase = try fields.number("rope.freq_base") ?? (family == .gemma3 ? 1e6 : 10_000)
        rotaryScaling = try Self.scaling(fields, file: file, maximumPositions: maximumPositions)
        switch family {
        case .llama:
            hasQueryKeyValueBiases = file["blk.0.attn_q.bias"] != nil
            hasAttentionOutputBias = file["blk.0.attn_output.bias"] != nil
            hasFeedForwardBiases = file["blk.0.ffn_up.bias"] != nil
        case .qwen:
            // Converters store the sum of both branches, as the model's own files do; the tensors decide.
            if let up = file["blk.0.ffn_up.weight"], up.shape.first == feedForwardDimensions / 2 {
                feedForwardDimensions /= 2
            }
            // The training length is stored nowhere: what the file calls its context is what it was released for.
            trainingLength = maximumPositions
        case .gemma3: try readGemma(fields)
        case .qwen2, .qwen3: break
        }
        if let (field, found, allowed) = contradiction {
            throw WeightFileError.malformed(file: file.path, field: field, found: found, allowed: allowed)
        }
    }

    /// Numbers are stored as f32; `1e-5` should not become `9.999999747378752e-06`.
    private static func decimal(_ number: Double) -> Double { Double("\(Float(number))") ?? number }

    private mutating func readGemma(_ fields: GGUFFields) throws {
        windowedRotaryBase = try fields.number("rope.freq_base_swa", "rope.local.freq_base") ?? 10_000
        finalLogitSoftCap = try fields.number("final_logit_softcapping")
        attentionLogitSoftCap = try fields.number("attn_logit_softcapping")
        // The scale is stored nowhere; the 27B model, known by its 62 layers, is the one whose scale is not the head width's.
        if layers == 62 { attentionScale = 1 / (Double(hiddenDimensions) / Double(heads)).squareRoot() }
        let window = try fields.integer("attention.sliding_window") ?? 1024
        let key = "attention.sliding_window_pattern"
        let pattern = fields.metadata[fields.key(key)]
        if let flags = pattern?.array?.bools {
            guard flags.count == layers else { throw fields.malformed(fields.key(key), allowed: "\(layers) long") }
            layerWindows = flags.map { $0 ? window : nil }
        } else {
            let period = try fields.integer(key) ?? 6
            layerWindows = (0..<layers).map { ($0 + 1) % period == 0 ? nil : window }
        }
    }

    private static func scaling(_ fields: GGUFFields, file: GGUFFile, maximumPositions: Int) throws -> RotaryScaling {
        if let tensor = file["rope_freqs.weight"] {
            let divisors = try file.dequantized(tensor).map(Double.init)
            guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw WeightFileError.malformed(
                    file: file.path, field: "rope_freqs.weight", found: "not positive", allowed: "positive numbers")
            }
            return named(divisors, base: try fields.number("rope.freq_base") ?? 10_000)
        }
        let key = "rope.scaling.type"
        let type = fields.metadata[fields.key(key)]?.string ?? "none"
        let factor = try fields.number("rope.scaling.factor") ?? 1
        switch type {
        case "none": return .none
        case "linear": return factor == 1 ? .none : .linear(factor: factor)
        case "yarn":
            let original = try fields.integer(
                "rope.scaling.original_context_length", in: 1...ConfigurationFields.maximumPositions)
            return .yarn(
                factor: factor, originalMaximumPositions: original ?? maximumPositions,
                attentionFactor: RotaryScaling.yarnAttentionFactor(factor))
        default: throw fields.malformed(fields.key(key), allowed: "one of none, linear, yarn")
        }
    }

    /// Divisors that Llama 3's published scaling gives are recognised as such, so that the model can be written again
    /// with its configuration.
    private static func named(_ divisors: [Double], base: Double) -> RotaryScaling {
        let dimensions = 2 * divisors.count
        let scaling = RotaryScaling.llama3(
            factor: (divisors.max() ?? 1).rounded(), lowFrequencyFactor: 1, highFrequencyFactor: 4,
            originalMaximumPositions: 8192)
        let plain = RotaryScaling.none.frequencies(base: base, dimensions: dimensions).perStep
        let scaled = scaling.frequencies(base: base, dimensions: dimensions).perStep
        let agrees = zip(divisors, zip(plain, scaled)).allSatisfy { divisor, frequencies in
            abs(frequencies.0 / frequencies.1 - divisor) < 1e-3 * divisor
        }
        return agrees ? scaling : .divisors(divisors)
    }
}

extension SpecialTokens {
    /// From the metadata of a GGUF file: the end of text and, where it is another one, the end of a turn.
    public init(_ file: GGUFFile) {
        func id(_ name: String) -> Int? { file.metadata["tokenizer.ggml.\(name)"]?.integer }
        var ends: [Int] = []
        for name in ["eos_token_id", "eot_token_id"] {
            if let end = id(name), !ends.contains(end) { ends.append(end) }
        }
        self.init(beginning: id("bos_token_id"), ends: ends, padding: id("padding_token_id"))
    }
}
