import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Training

/// Runs `body` with a new folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString, directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

extension BaseModel {
    /// A random model that reads bytes.
    static func tiny(seed: UInt64 = 3) throws -> BaseModel {
        let tokenizer = try ByteTokenizer.make()
        var configuration = DecoderConfiguration(
            family: .llama, layers: 2, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 64,
            vocabularySize: tokenizer.vocabularySize)
        configuration.isEmbeddingTied = true
        configuration.maximumPositions = 4096
        return BaseModel(
            name: "tiny", path: URL(fileURLWithPath: "/nowhere"),
            decoder: TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: seed)),
            tokenizer: tokenizer, template: .chatML(), specialTokens: SpecialTokens(ends: [256]), fingerprint: "tiny")
    }

    /// The same, written to a folder.
    static func write(to folder: URL) throws {
        try tiny().write(to: folder)
    }
}

/// Documents of different length made of numbers.
func documents(_ lengths: [Int]) -> [TokenSequence] {
    lengths.enumerated().map { index, length in
        TokenSequence(
            (0...length).map { Int32((37 * $0 + 11 * index) % 250) },
            weights: (0...length).map { $0 % 3 == 0 ? 0 : ($0 % 3 == 1 ? 1 : 0.5) })
    }
}

extension TransformerDecoder {
    /// Gradients of all trainable parameters for a loss.
    func gradients(_ loss: Tensor) throws -> [Tensor] {
        for parameter in trainableParameters { parameter.tensor.gradient = nil }
        try loss.backward()
        return trainableParameters.map { $0.tensor.gradient ?? Tensor.zeros(like: $0.tensor) }
    }
}
