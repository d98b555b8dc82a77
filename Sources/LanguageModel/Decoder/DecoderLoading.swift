public import Layers
public import Tensors

extension TransformerDecoder {
    /// Reads a stored model; parameters become f32.
    /// - Throws: `WeightFileError` where a parameter cannot be read.
    public static func load(_ source: WeightSource, precision: Precision = .auto) throws -> TransformerDecoder {
        let decoder = TransformerDecoder(source.configuration, precision: precision, from: RandomSource(seed: 0))
        for parameter in decoder.parameters {
            try parameter.tensor.withUnsafeMutableBytes { bytes in
                try source.read(parameter.name, into: bytes.bindMemory(to: Float.self))
            }
        }
        return decoder
    }

    /// Writes a folder that transformers and ``WeightSource`` load: weights, configuration.
    /// - Parameters:
    ///   - classifier: stands in the language head's place: transformers loads the folder as a sequence classification
    ///     model, and ``ScalarHead/load(_:dimensions:)`` finds the head in it. Like that model it is read at the last token
    ///     that is not padding, so `tokens` should name the padding.
    /// - Throws: `WeightFileError`.
    /// - Precondition: no adapter is attached; merge them first.
    public func save(
        to folder: String, dtype: DType = .float32, tokens: SpecialTokens, classifier: ScalarHead? = nil
    ) throws {
        precondition(linears.allSatisfy { $0.layer.adapter == nil }, "merge the adapters before saving a whole model")
        precondition(
            classifier.map { $0.score.inputDimensions == configuration.hiddenDimensions } ?? true,
            "a head for \(classifier?.score.inputDimensions ?? 0) dimensions with a decoder of \(configuration.hiddenDimensions)"
        )
        let all = parameters + (classifier?.parameters ?? [])
        let tensors = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.tensor) })
        let writer = ModelWriter(
            configuration: configuration, dtype: dtype, tokens: tokens, labels: classifier?.labels)
        try writer.write(to: folder) { name, write in
            let plain = tensors[name]!.detached().cast(to: dtype).contiguous()
            try plain.withUnsafeBytes { try write($0) }
        }
    }

    /// Every linear map with its path, the head excluded where it is tied.
    package var linears: [(path: String, layer: Linear)] {
        var found: [(String, Linear)] = []
        for (index, block) in blocks.enumerated() {
            found += block.linears.map { ("model.layers.\(index).\($0.path)", $0.layer) }
        }
        if let head { found.append(("lm_head", head)) }
        return found
    }

    /// Puts a low-rank adapter beside every linear map whose last name is in `targets`, freezes everything else, and
    /// makes the adapters trainable.
    public func attachAdapters(
        rank: Int, alpha: Double, dropout: Double = 0, targets: Set<String> = TransformerDecoder.adapterTargets,
        from source: RandomSource
    ) {
        for (path, layer) in linears where targets.contains(String(path.split(separator: ".").last!)) {
            layer.adapter = LowRankAdapter(
                inputDimensions: layer.inputDimensions, outputDimensions: layer.outputDimensions, rank: rank,
                alpha: alpha, dropout: dropout, from: source)
        }
        train { $0.contains(".lora_") }
    }

    /// All projections of attention and feed-forward blocks.
    public static let adapterTargets: Set<String> = [
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    ]

    /// Merges every adapter into its weight.
    public func mergeAdapters() { linears.forEach { $0.layer.merge() } }

    /// Runs `body` as if no adapter were attached: the reference of a preference objective, for one.
    public func withoutAdapters<Result>(_ body: () throws -> Result) rethrows -> Result {
        let enabled = linears.compactMap(\.layer.adapter).filter(\.isEnabled)
        enabled.forEach { $0.isEnabled = false }
        defer { enabled.forEach { $0.isEnabled = true } }
        return try body()
    }
}
