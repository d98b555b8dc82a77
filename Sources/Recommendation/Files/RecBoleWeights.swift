import Layers
public import Tensors

/// Takes over the parameters of models that RecBole trained, by the names of its state dictionaries. Export them as
/// safetensors; row 0 of RecBole's tables is padding, as in the sequence models here.
public enum RecBoleWeights {
    /// `SASRec`, for a model with ``SelfAttentiveSequence/Configuration/recBole``'s structure.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where a tensor is missing or has another shape.
    public static func load(_ weights: [String: Tensor], into model: SelfAttentiveSequence) throws {
        let source = Source(weights: weights)
        try source.assign(model.itemVectors, "item_embedding.weight")
        try source.assign(model.places, "position_embedding.weight")
        try source.assign(model.norm.weight, "LayerNorm.weight")
        try source.assign(model.norm.bias, "LayerNorm.bias")
        for (number, block) in model.blocks.enumerated() {
            let attention = "trm_encoder.layer.\(number).multi_head_attention"
            let forward = "trm_encoder.layer.\(number).feed_forward"
            for (part, tensor) in [("weight", block.attentionWeight), ("bias", block.attentionBias)] {
                let joined = try ["query", "key", "value"].map { try source.tensor("\(attention).\($0).\(part)") }
                try source.assign(tensor, .concatenated(joined), name: "\(attention).\(part)")
            }
            for (linear, name) in [
                (block.output, "\(attention).dense"), (block.inner, "\(forward).dense_1"),
                (block.outer, "\(forward).dense_2"),
            ] {
                try source.assign(linear.weight, "\(name).weight")
                if let bias = linear.bias { try source.assign(bias, "\(name).bias") }
            }
            for (norm, name) in [(block.attentionNorm, attention), (block.innerNorm, forward)] {
                try source.assign(norm.weight, "\(name).LayerNorm.weight")
                try source.assign(norm.bias, "\(name).LayerNorm.bias")
            }
        }
    }

    /// `BPR`, for a model without biases.
    /// - Throws: ``RecommendationError/mismatch(reason:)``.
    public static func load(_ weights: [String: Tensor], into model: MatrixFactorization) throws {
        let source = Source(weights: weights)
        for (table, name) in [(model.users, "user_embedding.weight"), (model.items, "item_embedding.weight")] {
            let all = try source.tensor(name)
            try source.assign(table, all.slice(1..<all.size(0), along: 0), name: name)
        }
    }

    /// `DeepFM` on token and token_seq fields (categories and bags), one task.
    /// - Throws: ``RecommendationError/mismatch(reason:)``.
    public static func load(_ weights: [String: Tensor], into model: DeepFM) throws {
        let source = Source(weights: weights)
        guard model.schema.numbers.isEmpty, model.schema.sequences.isEmpty else {
            throw RecommendationError.mismatch(
                reason: "RecBole weights: DeepFM is taken over without numbers and histories, found "
                    + (model.schema.numbers + model.schema.sequences.map(\.name)).joined(separator: ", "))
        }
        for (part, prefix) in [(model.embeddings, ""), (model.linear.weights, "first_order_linear.")] {
            try source.assign(part.table, "\(prefix)token_embedding_table.embedding.weight")
            if let bags = part.bagTable {
                let tables = try model.schema.bags.indices.map {
                    try source.tensor("\(prefix)token_seq_embedding_table.\($0).weight")
                }
                try source.assign(bags, .concatenated(tables), name: "\(prefix)token_seq_embedding_table")
            }
        }
        try source.assign(model.linear.bias, "first_order_linear.bias")
        // RecBole's tower reads the bags before the categories.
        let bagWidth = model.schema.bags.count * model.embeddings.dimensions
        for (number, layer) in (model.tower?.layers ?? []).enumerated() {
            // Dropout, map and activation take a number each.
            let name = "mlp_layers.mlp_layers.\(3 * number + 1)"
            let weight = try source.tensor("\(name).weight")
            let turned =
                number > 0 || bagWidth == 0 || weight.shape != layer.weight.shape
                ? weight
                : .concatenated(
                    [
                        weight.slice(bagWidth..<weight.size(1), along: 1), weight.slice(0..<bagWidth, along: 1),
                    ], along: 1)
            try source.assign(layer.weight, turned, name: "\(name).weight")
            if let bias = layer.bias { try source.assign(bias, "\(name).bias") }
        }
        if let head = model.head, let bias = head.bias {
            try source.assign(head.weight, "deep_predict_layer.weight")
            try source.assign(bias, "deep_predict_layer.bias")
        }
    }

    private struct Source {
        let weights: [String: Tensor]

        func tensor(_ name: String) throws -> Tensor {
            guard let found = weights[name] else {
                throw RecommendationError.mismatch(reason: "RecBole weights: \(name) is missing")
            }
            return found
        }

        func assign(_ own: Tensor, _ name: String) throws { try assign(own, tensor(name), name: name) }

        func assign(_ own: Tensor, _ values: Tensor, name: String) throws {
            guard own.shape == values.shape else {
                throw RecommendationError.mismatch(
                    reason: "RecBole weights: \(name) has shape \(values.shape), the model needs \(own.shape)")
            }
            own.assign(values)
        }
    }
}
