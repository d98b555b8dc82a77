import Tensors

/// Writes a decoder as a GGUF file that llama.cpp loads.
public struct GGUFExport {
    public var configuration: DecoderConfiguration
    /// The format of matrices; vectors stay in f32.
    public var format: BlockFormat
    /// Keys that begin with `tokenizer.`, as another GGUF of the same vocabulary has them.
    public var tokenizer: [(key: String, value: GGUFValue)]

    public init(
        configuration: DecoderConfiguration, format: BlockFormat, tokenizer: [(key: String, value: GGUFValue)]
    ) {
        self.configuration = configuration
        self.format = format
        self.tokenizer = tokenizer
    }

    /// - Parameter values: the values of a canonical parameter in f32.
    /// - Throws: `WeightFileError.unwritable` and what `values` throws.
    public func write(to path: String, values: (String) throws -> [Float]) throws {
        let groups = storedGroups()
        let tensors = groups.map { group in
            let rows = group.weights.reduce(0) { $0 + $1.shape[0] }
            let shape = [rows] + group.weights[0].shape.dropFirst()
            return GGUFWriter.Description(name: group.stored, format: shape.count > 1 ? format : .float32, shape: shape)
        }
        let writer = try GGUFWriter(path: path, metadata: try metadata(path: path) + tokenizer, tensors: tensors)
        for (group, tensor) in zip(groups, tensors) {
            var stored = [Float](repeating: 0, count: tensor.elementCount)
            for weight in group.weights {
                let place = group.places[weight.name]!
                let source = try values(weight.name)
                let columns = weight.shape.dropFirst().reduce(1, *)
                for row in 0..<weight.shape[0] {
                    let start = place.storedRow(row) * columns
                    for column in 0..<columns { stored[start + column] = source[row * columns + column] + place.added }
                }
            }
            try stored.withUnsafeBufferPointer { try writer.append(tensor.name, values: $0) }
        }
        try writer.finish()
    }

    private struct Group {
        let stored: String
        var weights: [WeightSpecification]
        var places: [String: WeightPlace]
    }

    /// Canonical parameters by the stored tensor they go into.
    private func storedGroups() -> [Group] {
        let places = configuration.ggufPlaces
        var groups: [Group] = []
        var indices: [String: Int] = [:]
        for weight in configuration.weights {
            let place = places[weight.name]!
            if let index = indices[place.stored] {
                groups[index].weights.append(weight)
                groups[index].places[weight.name] = place
            } else {
                indices[place.stored] = groups.count
                groups.append(Group(stored: place.stored, weights: [weight], places: [weight.name: place]))
            }
        }
        return groups
    }

    private func metadata(path: String) throws -> [(key: String, value: GGUFValue)] {
        let c = configuration
        let name = c.family.rawValue
        var keys: [(key: String, value: GGUFValue)] = [
            ("general.architecture", .string(name)), ("general.type", .string("model")),
            ("\(name).block_count", .uint32(UInt32(c.layers))),
            ("\(name).context_length", .uint32(UInt32(clamping: c.maximumPositions))),
            ("\(name).embedding_length", .uint32(UInt32(c.hiddenDimensions))),
            (
                "\(name).feed_forward_length",
                .uint32(UInt32(c.family == .qwen ? 2 * c.feedForwardDimensions : c.feedForwardDimensions))
            ),
            ("\(name).attention.head_count", .uint32(UInt32(c.heads))),
            ("\(name).attention.head_count_kv", .uint32(UInt32(c.keyValueHeads))),
            ("\(name).attention.key_length", .uint32(UInt32(c.headDimensions))),
            ("\(name).attention.value_length", .uint32(UInt32(c.headDimensions))),
            ("\(name).attention.layer_norm_rms_epsilon", .float32(Float(c.normEpsilon))),
            ("\(name).rope.dimension_count", .uint32(UInt32(c.headDimensions))),
            ("\(name).rope.freq_base", .float32(Float(c.rotaryBase))),
            ("\(name).vocab_size", .uint32(UInt32(c.vocabularySize))),
        ]
        switch c.rotaryScaling {
        case .none: break
        case .linear(let factor):
            keys.append(("\(name).rope.scaling.type", .string("linear")))
            keys.append(("\(name).rope.scaling.factor", .float32(Float(factor))))
        case .yarn(let factor, let original, _, _, _, _):
            keys.append(("\(name).rope.scaling.type", .string("yarn")))
            keys.append(("\(name).rope.scaling.factor", .float32(Float(factor))))
            keys.append(("\(name).rope.scaling.original_context_length", .uint32(UInt32(clamping: original))))
        case .dynamic, .llama3, .divisors:
            throw WeightFileError.unwritable(file: path, reason: "this rotary scaling is not written to GGUF files")
        }
        if c.family == .gemma3 {
            keys.append(
                (
                    "gemma3.attention.sliding_window",
                    .uint32(UInt32(clamping: c.layerWindows.compactMap { $0 }.max() ?? 0))
                ))
            keys.append(("gemma3.attention.sliding_window_pattern", .array(.bools(c.layerWindows.map { $0 != nil }))))
            keys.append(("gemma3.rope.freq_base_swa", .float32(Float(c.windowedRotaryBase ?? c.rotaryBase))))
        }
        return keys
    }
}

extension GGUFFile {
    /// The tokenizer's part of the metadata, to be written into another file.
    public var tokenizerMetadata: [(key: String, value: GGUFValue)] {
        metadata.filter { $0.key.hasPrefix("tokenizer.") }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
