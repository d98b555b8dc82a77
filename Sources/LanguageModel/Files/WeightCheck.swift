import Tensors

/// Compares what is stored with what a configuration needs.
struct WeightCheck {
    let path: String
    let configuration: DecoderConfiguration
    let isGGUF: Bool
    let tensors: StoredTensors
    let places: [String: WeightPlace]

    /// - Throws: `WeightFileError` that names missing tensors, unexpected ones, or the first whose shape differs.
    func run() throws {
        var missing: [String] = []
        var used: Set<String> = []
        for weight in configuration.weights {
            guard let place = places[weight.name], let stored = try tensors.description(of: place.stored) else {
                let name = places[weight.name]?.stored ?? weight.name
                if !missing.contains(name) { missing.append(name) }
                continue
            }
            used.insert(place.stored)
            try checkShape(weight, place: place, stored: stored)
        }
        let origin = isGGUF ? "the metadata" : "config.json"
        guard missing.isEmpty else {
            throw WeightFileError.missingTensors(file: path, tensors: missing, from: origin)
        }
        let unexpected = tensors.names.filter { !used.contains($0) && !isIgnorable($0) }
        guard unexpected.isEmpty else {
            throw WeightFileError.unexpectedTensors(file: path, tensors: unexpected.sorted(), from: origin)
        }
    }

    private func checkShape(_ weight: WeightSpecification, place: WeightPlace, stored: StoredTensors.Description) throws
    {
        var expected = weight.shape
        if place.rows != nil {
            expected[0] = (configuration.heads + 2 * configuration.keyValueHeads) * configuration.headDimensions
        }
        guard stored.shape != expected else {
            // A bias is moved element by element, which blocks do not allow.
            if place.interleavedHeadSize != nil || place.rows != nil, weight.shape.count == 1, stored.format.isQuantized
            {
                throw WeightFileError.malformed(
                    file: stored.file, field: "type of \(place.stored)", found: stored.format.name,
                    allowed: "not quantised")
            }
            return
        }
        var sizes = weight.sizes
        if stored.shape.count == expected.count {
            let differing = expected.indices.filter { stored.shape[$0] != expected[$0] }
            sizes = differing.map { weight.sizes[$0] }
        }
        let reasons = sizes.map(reason).joined(separator: ", ")
        throw WeightFileError.shapeMismatch(
            file: stored.file, tensor: place.stored, found: stored.shape, expected: expected,
            from: "\(isGGUF ? "metadata" : "config.json") \(reasons)")
    }

    /// The field that gives a size, under the name that the user's file has for it.
    private func reason(_ size: WeightSpecification.Size) -> String {
        let c = configuration
        let prefix = "\(c.family.rawValue)."
        return switch (size, isGGUF) {
        case (.vocabulary, false): "vocab_size = \(c.vocabularySize)"
        case (.vocabulary, true): "rows of token_embd = \(c.vocabularySize)"
        case (.hidden, false): "hidden_size = \(c.hiddenDimensions)"
        case (.hidden, true): "\(prefix)embedding_length = \(c.hiddenDimensions)"
        case (.feedForward, false):
            c.family == .qwen
                ? "intermediate_size / 2 = \(c.feedForwardDimensions)"
                : "intermediate_size = \(c.feedForwardDimensions)"
        case (.feedForward, true): "\(prefix)feed_forward_length = \(c.feedForwardDimensions)"
        case (.queryHeads, false): "num_attention_heads × head_dim = \(c.heads) × \(c.headDimensions)"
        case (.queryHeads, true):
            "\(prefix)attention.head_count × key_length = \(c.heads) × \(c.headDimensions)"
        case (.keyValueHeads, false): "num_key_value_heads × head_dim = \(c.keyValueHeads) × \(c.headDimensions)"
        case (.keyValueHeads, true):
            "\(prefix)attention.head_count_kv × key_length = \(c.keyValueHeads) × \(c.headDimensions)"
        case (.head, false): "head_dim = \(c.headDimensions)"
        case (.head, true): "\(prefix)attention.key_length = \(c.headDimensions)"
        }
    }

    /// Tensors that some files hold beside the parameters: tables that the configuration gives as well, a copy of a tied
    /// head, the head of a sequence classifier, and the other parts of multimodal models.
    private func isIgnorable(_ name: String) -> Bool {
        if isGGUF { return name == "rope_freqs.weight" }
        if name.hasSuffix("lm_head.weight") { return configuration.isEmbeddingTied }
        if name == ScalarHead.weightName { return true }
        return name.hasSuffix("rotary_emb.inv_freq") || name.hasSuffix(".attn.masked_bias")
            || ["vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."]
                .contains { name.hasPrefix($0) }
    }
}
