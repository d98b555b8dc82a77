import CKernels

/// Gathers the weights of a decoder in the form that the kernels take.
struct DecoderAssembly {
    /// Every matrix so far: the kernels borrow them.
    private(set) var matrices: [KernelMatrix] = []
    private let configuration: DecoderConfiguration
    private let load: (String) throws -> KernelMatrix
    private let loadVector: (String) throws -> [Float]
    private var vectors: [UnsafeMutablePointer<Float>] = []

    init(
        _ configuration: DecoderConfiguration, matrix: @escaping (String) throws -> KernelMatrix,
        vector: @escaping (String) throws -> [Float]
    ) {
        self.configuration = configuration
        load = matrix
        loadVector = vector
    }

    /// The kernels copy vectors when the decoder is created; after that they can go.
    mutating func releaseVectors() {
        vectors.forEach { $0.deallocate() }
        vectors = []
    }

    mutating func matrix(_ name: String) throws -> KernelMatrix {
        let matrix = try load(name)
        matrices.append(matrix)
        return matrix
    }

    /// A norm's weight with what the family adds to it.
    mutating func norm(_ name: String, if isPresent: Bool = true) throws -> UnsafePointer<Float>? {
        let offset = Float(configuration.normWeightOffset)
        return try vector(name, if: isPresent) { $0 + offset }
    }

    private mutating func vector(
        _ name: String, if isPresent: Bool, _ transform: (Float) -> Float = { $0 }
    ) throws -> UnsafePointer<Float>? {
        guard isPresent else { return nil }
        let values = try loadVector(name).map(transform)
        let pointer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
        pointer.initialize(from: values, count: values.count)
        vectors.append(pointer)
        return UnsafePointer(pointer)
    }

    mutating func layer(_ index: Int, table: Int) throws -> wf_decoder_layer {
        let path = "model.layers.\(index)"
        let c = configuration
        var layer = wf_decoder_layer()
        layer.query = try matrix("\(path).self_attn.q_proj.weight").pointer
        layer.key = try matrix("\(path).self_attn.k_proj.weight").pointer
        layer.value = try matrix("\(path).self_attn.v_proj.weight").pointer
        layer.output = try matrix("\(path).self_attn.o_proj.weight").pointer
        layer.gate = try matrix("\(path).mlp.gate_proj.weight").pointer
        layer.up = try matrix("\(path).mlp.up_proj.weight").pointer
        layer.down = try matrix("\(path).mlp.down_proj.weight").pointer
        layer.query_bias = try vector("\(path).self_attn.q_proj.bias", if: c.hasQueryKeyValueBiases)
        layer.key_bias = try vector("\(path).self_attn.k_proj.bias", if: c.hasQueryKeyValueBiases)
        layer.value_bias = try vector("\(path).self_attn.v_proj.bias", if: c.hasQueryKeyValueBiases)
        layer.output_bias = try vector("\(path).self_attn.o_proj.bias", if: c.hasAttentionOutputBias)
        layer.attention_norm = try norm("\(path).input_layernorm.weight")
        layer.query_norm = try norm("\(path).self_attn.q_norm.weight", if: c.hasQueryKeyNorms)
        layer.key_norm = try norm("\(path).self_attn.k_norm.weight", if: c.hasQueryKeyNorms)
        // With norms after the blocks too, the name of the second norm means another place.
        layer.post_attention_norm = try norm("\(path).post_attention_layernorm.weight", if: c.hasPostNorms)
        layer.feed_forward_norm = try norm(
            c.hasPostNorms ? "\(path).pre_feedforward_layernorm.weight" : "\(path).post_attention_layernorm.weight")
        layer.post_feed_forward_norm = try norm("\(path).post_feedforward_layernorm.weight", if: c.hasPostNorms)
        layer.window = Int32(clamping: c.layerWindows[index] ?? 0)
        layer.rotary_table = Int32(table)
        return layer
    }
}

extension DecoderConfiguration {
    func kernelShape(rotaryTables: Int) -> wf_decoder_shape {
        wf_decoder_shape(
            layers: Int32(layers), dimensions: Int32(hiddenDimensions), heads: Int32(heads),
            key_value_heads: Int32(keyValueHeads), head_dimensions: Int32(headDimensions),
            feed_forward: Int32(feedForwardDimensions), vocabulary: Int32(vocabularySize),
            rotary_dimensions: Int32(headDimensions), rotary_tables: Int32(rotaryTables),
            // Stored rows are brought into canonical order, in which pairs are the halves of a head.
            rotary_pairs: WF_ROTARY_HALVES,
            activation: activation == .silu ? WF_ACTIVATION_SILU : WF_ACTIVATION_GELU_TANH,
            epsilon: Float(normEpsilon), attention_scale: Float(attentionScale),
            attention_soft_cap: Float(attentionLogitSoftCap ?? 0), logit_soft_cap: Float(finalLogitSoftCap ?? 0),
            embedding_scale: Float(embeddingScale))
    }
}
