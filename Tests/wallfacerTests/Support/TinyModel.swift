import Foundation
import LanguageModel
import Layers
import Tensors

/// A folder with a tokenizer whose every token a reader can check: the 256 bytes, three merges and ChatML's marks.
struct TinyModel {
    let folder: URL
    let tokenizer: Tokenizer

    init(in home: URL) throws {
        folder = home.appending(path: "tiny")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var vocabulary: [String: Int] = [:]
        for (id, letter) in Self.byteLetters.enumerated() { vocabulary[String(letter)] = id }
        let merges = [("a", "b"), ("ab", "c"), ("Ġ", "d")]
        for (index, merge) in merges.enumerated() { vocabulary[merge.0 + merge.1] = 256 + index }
        let marks = ["<|im_start|>", "<|im_end|>"]
        let added: [[String: Any]] = marks.enumerated().map { index, mark in
            [
                "id": 259 + index, "content": mark, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false,
            ]
        }
        let file: [String: Any] = [
            "version": "1.0", "added_tokens": added, "normalizer": NSNull(),
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
            "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            "model": [
                "type": "BPE", "vocab": vocabulary, "merges": merges.map { "\($0.0) \($0.1)" },
                "dropout": NSNull(), "unk_token": NSNull(), "fuse_unk": false, "byte_fallback": false,
            ] as [String: Any],
        ]
        let configuration: [String: Any] = [
            "chat_template": "<|im_start|>", "eos_token": "<|im_end|>",
        ]
        for (name, content) in [("tokenizer.json", file), ("tokenizer_config.json", configuration)] {
            try JSONSerialization.data(withJSONObject: content).write(to: folder.appending(path: name))
        }
        tokenizer = try Tokenizer.load(directory: folder)
    }

    /// Adds weights drawn by a seed, so that the folder is a model that reads and writes. They are large, so that what it
    /// writes depends on what it read.
    /// - Returns: the same network in memory.
    @discardableResult
    func addWeights(seed: UInt64 = 5, maximumPositions: Int = 256) throws -> TransformerDecoder {
        var configuration = DecoderConfiguration(
            family: .llama, layers: 1, hiddenDimensions: 32, heads: 2, feedForwardDimensions: 64,
            vocabularySize: tokenizer.vocabularySize)
        // A tied head would say the last token again.
        configuration.isEmbeddingTied = false
        configuration.maximumPositions = maximumPositions
        let decoder = TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: seed))
        for parameter in decoder.parameters where parameter.tensor.rank == 2 { parameter.tensor.scale(by: 6) }
        try decoder.save(to: folder.path, tokens: SpecialTokens(ends: [260]))
        return decoder
    }

    /// The printable letter of each byte in byte-level vocabularies: printable bytes stand for themselves, the others
    /// for the letters from U+0100 on, in order.
    private static let byteLetters: [Character] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
                return Character(Unicode.Scalar(byte)!)
            }
            defer { next += 1 }
            return Character(Unicode.Scalar(next)!)
        }
    }()
}
