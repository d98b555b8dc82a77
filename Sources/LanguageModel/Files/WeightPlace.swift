/// Where the values of a canonical parameter are in a stored model, and what was done to them there.
struct WeightPlace: Hashable, Sendable {
    /// The stored tensor's name.
    var stored: String
    /// The part of its rows, where several parameters are stored as one.
    var rows: Range<Int>?
    /// Rows of every head are stored in another order: `(head, 2p + s)` holds the row `(head, s * size / 2 + p)`, so that
    /// rotary pairs are neighbours. Nil: in canonical order.
    var interleavedHeadSize: Int?
    /// What was added to the stored values.
    var added: Float = 0

    /// The stored row that holds canonical row `row` (before `rows` is applied).
    func storedRow(_ row: Int) -> Int {
        let first = rows?.lowerBound ?? 0
        guard let size = interleavedHeadSize else { return first + row }
        let (head, inside) = row.quotientAndRemainder(dividingBy: size)
        let (half, pair) = inside.quotientAndRemainder(dividingBy: size / 2)
        return first + head * size + 2 * pair + half
    }
}

extension DecoderConfiguration {
    /// The places of all canonical parameters in a safetensors model of this family, by its own names.
    ///
    /// - Parameter stored: the names that are there; decides on prefixes.
    func safetensorsPlaces(stored: (String) -> Bool) -> [String: WeightPlace] {
        if stored("transformer.wte.weight") { return firstQwenPlaces() }
        // Multimodal files keep the text model under a prefix; newer ones put it inside `model`.
        let prefixes = ["", "language_model.", "model.language_model."]
        let prefix = prefixes.first { stored($0 == prefixes[2] ? "\($0)norm.weight" : "\($0)model.norm.weight") } ?? ""
        var places: [String: WeightPlace] = [:]
        for weight in weights {
            var name = weight.name
            if prefix == prefixes[2], name.hasPrefix("model.") { name.removeFirst("model.".count) }
            if prefix == prefixes[2], weight.name.hasPrefix("lm_head.") {
                places[weight.name] = WeightPlace(stored: weight.name)
            } else {
                places[weight.name] = WeightPlace(stored: prefix + name)
            }
        }
        return places
    }

    /// The first Qwen's own names: one fused projection, `w2` for the gate and `w1` for its partner.
    private func firstQwenPlaces() -> [String: WeightPlace] {
        var places = [
            "model.embed_tokens.weight": WeightPlace(stored: "transformer.wte.weight"),
            "model.norm.weight": WeightPlace(stored: "transformer.ln_f.weight"),
            "lm_head.weight": WeightPlace(stored: "lm_head.weight"),
        ]
        for layer in 0..<layers {
            let (path, own) = ("model.layers.\(layer)", "transformer.h.\(layer)")
            for ending in ["weight", "bias"] {
                for (name, rows) in fusedRows {
                    places["\(path).self_attn.\(name)_proj.\(ending)"] = WeightPlace(
                        stored: "\(own).attn.c_attn.\(ending)", rows: rows)
                }
                for (name, stored) in [
                    ("self_attn.o_proj", "attn.c_proj"), ("mlp.gate_proj", "mlp.w2"), ("mlp.up_proj", "mlp.w1"),
                    ("mlp.down_proj", "mlp.c_proj"), ("input_layernorm", "ln_1"), ("post_attention_layernorm", "ln_2"),
                ] {
                    places["\(path).\(name).\(ending)"] = WeightPlace(stored: "\(own).\(stored).\(ending)")
                }
            }
        }
        return places
    }

    /// The rows of query, key and value in a fused projection.
    private var fusedRows: [(name: String, rows: Range<Int>)] {
        let (query, key) = (heads * headDimensions, keyValueHeads * headDimensions)
        return [("q", 0..<query), ("k", query..<query + key), ("v", query + key..<query + 2 * key)]
    }

    /// The places of all canonical parameters in a GGUF file.
    var ggufPlaces: [String: WeightPlace] {
        var places = [
            "model.embed_tokens.weight": WeightPlace(stored: "token_embd.weight"),
            "model.norm.weight": WeightPlace(stored: "output_norm.weight", added: Float(normWeightOffset)),
            "lm_head.weight": WeightPlace(stored: "output.weight"),
        ]
        let norms =
            [
                ("input_layernorm", "attn_norm"), ("self_attn.q_norm", "attn_q_norm"),
                ("self_attn.k_norm", "attn_k_norm"),
            ]
            + (hasPostNorms
                ? [
                    ("post_attention_layernorm", "post_attention_norm"), ("pre_feedforward_layernorm", "ffn_norm"),
                    ("post_feedforward_layernorm", "post_ffw_norm"),
                ] : [("post_attention_layernorm", "ffn_norm")])
        let linears = [
            ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
            ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
            ("mlp.down_proj", "ffn_down"),
        ]
        for layer in 0..<layers {
            let (path, own) = ("model.layers.\(layer)", "blk.\(layer)")
            for (name, stored) in norms {
                places["\(path).\(name).weight"] = WeightPlace(
                    stored: "\(own).\(stored).weight", added: Float(normWeightOffset))
            }
            for ending in ["weight", "bias"] {
                for (name, stored) in linears {
                    var place = WeightPlace(stored: "\(own).\(stored).\(ending)")
                    if family == .llama, stored == "attn_q" || stored == "attn_k" {
                        place.interleavedHeadSize = headDimensions
                    }
                    places["\(path).\(name).\(ending)"] = place
                }
                guard family == .qwen else { continue }
                for (name, rows) in fusedRows {
                    places["\(path).self_attn.\(name)_proj.\(ending)"] = WeightPlace(
                        stored: "\(own).attn_qkv.\(ending)", rows: rows)
                }
            }
        }
        return places
    }
}
