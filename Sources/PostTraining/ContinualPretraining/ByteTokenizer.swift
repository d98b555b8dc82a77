import Foundation
public import LanguageModel

/// A tokenizer without a vocabulary to learn: every byte is a token, and two control tokens begin and end turns, with a
/// third that ends texts. For models trained from nothing.
public enum ByteTokenizer {
    /// - Throws: `TokenizerError`, which would be a mistake of ours.
    public static func make() throws -> Tokenizer {
        var vocabulary: [String: Int] = [:]
        // The printable alphabet of byte-level vocabularies, in order of the bytes.
        var next: UInt32 = 0x100
        for byte in 0..<256 {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            let code = isPrintable ? UInt32(byte) : next
            if !isPrintable { next += 1 }
            if let scalar = Unicode.Scalar(code) { vocabulary[String(Character(scalar))] = byte }
        }
        let controls = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        let added: [[String: Any]] = controls.enumerated().map {
            [
                "id": 256 + $0.offset, "content": $0.element, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false,
            ]
        }
        let byteLevel: [String: Any] = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        let model: [String: Any] = ["type": "BPE", "vocab": vocabulary, "merges": [String]()]
        let file: [String: Any] = [
            "version": "1.0", "added_tokens": added, "pre_tokenizer": byteLevel, "decoder": byteLevel, "model": model,
        ]
        let configuration: [String: Any] = ["eos_token": controls[0], "pad_token": controls[0]]
        return try Tokenizer(
            tokenizerJSON: JSONSerialization.data(withJSONObject: file, options: .sortedKeys),
            configuration: JSONSerialization.data(withJSONObject: configuration))
    }
}
