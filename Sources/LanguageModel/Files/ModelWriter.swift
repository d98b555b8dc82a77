import Foundation
import Tensors

/// Writes a model as a folder in Hugging Face's layout: `config.json` and `model.safetensors`, or several files with an
/// index where the weights are large. The tokenizer's files are written by the tokenizer.
///
/// Every file appears when it is complete, `config.json` last, so that a folder that has one can be loaded.
public struct ModelWriter {
    public var configuration: DecoderConfiguration
    /// The type that the weights are stored in: f32, f16 or bf16.
    public var dtype: DType
    public var tokens: SpecialTokens
    /// Of a sequence classifier, whose `score.weight` (``ScalarHead``) stands in the language head's place; nil for a
    /// language model.
    public var labels: Int?
    /// Weights are split into files of at most this size (one tensor may be larger).
    public var maximumShardBytes: Int

    public init(
        configuration: DecoderConfiguration, dtype: DType, tokens: SpecialTokens = .init(), labels: Int? = nil,
        maximumShardBytes: Int = 5_000_000_000
    ) {
        self.configuration = configuration
        self.dtype = dtype
        self.tokens = tokens
        self.labels = labels
        self.maximumShardBytes = maximumShardBytes
    }

    /// Writes the folder; it is made where it does not exist.
    ///
    /// - Parameter supply: calls its second argument once with the bytes of the named parameter in ``dtype``, row-major.
    ///   It is asked for one parameter after another, in canonical order.
    /// - Throws: `WeightFileError.unwritable` and what `supply` throws; files that were begun are removed.
    public func write(
        to folder: String, supply: (String, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let text = try configuration.configurationText(dtype: dtype, tokens: tokens, labels: labels)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw WeightFileError.unwritable(file: folder, reason: error.localizedDescription)
        }
        let shards = shards()
        let names = shards.indices.map { index in
            shards.count == 1
                ? "model.safetensors"
                : String(format: "model-%05d-of-%05d.safetensors", index + 1, shards.count)
        }
        for (name, shard) in zip(names, shards) {
            let writer = try SafetensorsWriter(path: "\(folder)/\(name)", tensors: shard)
            for tensor in shard {
                try supply(tensor.name) { try writer.append(tensor.name, bytes: $0) }
            }
            try writer.finish()
        }
        if shards.count > 1 { try writeIndex(shards, names: names, to: folder) }
        try removeOthers(than: names, in: folder)
        let file = try AtomicFile(path: "\(folder)/config.json")
        try file.write(text)
        try file.commit()
    }

    private func shards() -> [[SafetensorsWriter.Description]] {
        var shards: [[SafetensorsWriter.Description]] = [[]]
        var bytes = 0
        var weights = configuration.weights.map { (name: $0.name, shape: $0.shape) }
        if let labels {
            weights.removeAll { $0.name == "lm_head.weight" }
            weights.append((ScalarHead.weightName, [labels, configuration.hiddenDimensions]))
        }
        for weight in weights {
            let tensor = SafetensorsWriter.Description(name: weight.name, dtype: dtype, shape: weight.shape)
            if bytes + tensor.byteCount > maximumShardBytes, !shards[shards.count - 1].isEmpty {
                shards.append([])
                bytes = 0
            }
            shards[shards.count - 1].append(tensor)
            bytes += tensor.byteCount
        }
        return shards
    }

    private func writeIndex(_ shards: [[SafetensorsWriter.Description]], names: [String], to folder: String) throws {
        var map: [String: StrictJSON] = [:]
        for (name, shard) in zip(names, shards) {
            for tensor in shard { map[tensor.name] = .string(name) }
        }
        let total = shards.joined().reduce(0) { $0 + $1.byteCount }
        let index: StrictJSON = .object([
            "metadata": .object(["total_size": .integer(total)]), "weight_map": .object(map),
        ])
        let file = try AtomicFile(path: "\(folder)/model.safetensors.index.json")
        try file.write(JSONText.pretty(index) + "\n")
        try file.commit()
    }

    /// Weights of an earlier model in the same folder would be found first.
    private func removeOthers(than names: [String], in folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let isWeights = name.hasPrefix("model") && name.hasSuffix(".safetensors") && !names.contains(name)
            let isIndex = name == "model.safetensors.index.json" && names.count == 1
            if isWeights || isIndex { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
        }
    }
}

extension WeightSource {
    /// Writes the model as a folder in Hugging Face's layout, its weights converted to `dtype` (f32, f16 or bf16).
    public func save(to folder: String, dtype: DType, maximumShardBytes: Int = 5_000_000_000) throws {
        let formats: [DType: BlockFormat] = [.float32: .float32, .float16: .float16, .bfloat16: .bfloat16]
        guard let format = formats[dtype] else {
            throw WeightFileError.unwritable(file: folder, reason: "weights are written as F32, F16 or BF16")
        }
        let writer = ModelWriter(
            configuration: configuration, dtype: dtype, tokens: specialTokens, maximumShardBytes: maximumShardBytes)
        try writer.write(to: folder) { name, write in
            try withUnsafeBlocks(of: name) { stored, blocks in
                if stored == format { return try write(blocks) }
                let values = try values(of: name)
                try values.withUnsafeBufferPointer { values in
                    try format.quantize(values)!.withUnsafeBytes { try write($0) }
                }
            }
        }
    }
}
