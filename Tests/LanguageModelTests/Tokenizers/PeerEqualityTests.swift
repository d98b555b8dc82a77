import Foundation
import LanguageModel
import Testing

@Suite("Equality with the reference tokenizers on 5,000 mixed lines")
struct PeerEqualityTests {
    /// Compares with the peer's ids, control tokens as text and as tokens, and demands the text back.
    static func compare(_ tokenizer: Tokenizer, _ name: String, composed: Bool = false) throws {
        let lines = try TokenizerFixtures.lines()
        #expect(lines.count == 5000)
        for (mode, allowed) in [("plain", false), ("control", true)] {
            let expected = try TokenizerFixtures.hashes("\(name).\(mode).fnv")
            #expect(expected.count == lines.count)
            var different: [Int] = []
            for (index, line) in lines.enumerated() {
                let ids = tokenizer.encode(line, allowingControlTokens: allowed)
                if TokenizerFixtures.hash(ids) != expected[index] { different.append(index) }
                let wanted = composed ? line.precomposedStringWithCanonicalMapping : line
                #expect(Array(tokenizer.decode(ids).utf8) == Array(wanted.utf8), "line \(index), \(mode)")
            }
            let first = different.first.map { "first: \(lines[$0].debugDescription)" } ?? ""
            #expect(different.isEmpty, "\(name) \(mode): \(different.count) lines differ, \(first)")
        }
    }

    @Test("Qwen's pipeline: NFC, single numbers, added tokens that are not control tokens")
    func smallQwen() throws {
        try Self.compare(TokenizerFixtures.small("small-qwen"), "small-qwen", composed: true)
    }

    @Test("Qwen3.5's pattern, where marks belong to words")
    func smallQwen35() throws {
        let text = String(decoding: try TokenizerFixtures.data("small-qwen.json"), as: UTF8.self)
        let changed = text.replacing(#"\\p{L}+|"#, with: #"[\\p{L}\\p{M}]+|"#)
            .replacing(#"[^\\s\\p{L}\\p{N}]"#, with: #"[^\\s\\p{L}\\p{M}\\p{N}]"#)
        #expect(changed != text)
        try Self.compare(Tokenizer(tokenizerJSON: Data(changed.utf8)), "small-qwen35", composed: true)
    }

    @Test("Llama-3's pipeline: whole pieces before merges, up to three numbers together")
    func smallLlama3() throws {
        try Self.compare(TokenizerFixtures.small("small-llama3"), "small-llama3")
    }

    @Test("SmolLM2's pipeline: single numbers, then GPT-2's pattern")
    func smallSmolLM() throws {
        try Self.compare(TokenizerFixtures.small("small-smollm"), "small-smollm")
    }

    @Test("SmolLM2's pipeline from the vocabulary of a GGUF file")
    func smallSmolLMVocabulary() throws {
        let vocabulary = try TokenizerFixtures.vocabulary("small-smollm.vocabulary.json")
        try Self.compare(Tokenizer(vocabulary: vocabulary), "small-smollm")
    }

    @Test("Gemma's pipeline: merges over characters, bytes where a character is unknown")
    func smallGemma() throws {
        try Self.compare(TokenizerFixtures.small("small-gemma"), "small-gemma")
    }

    @Test("SentencePiece's scores, from the vocabulary of a GGUF file")
    func smallSentencePiece() throws {
        let vocabulary = try TokenizerFixtures.vocabulary("small-sentencepiece.vocabulary.json")
        let tokenizer = try Tokenizer(vocabulary: vocabulary)
        let expected = try TokenizerFixtures.hashes("small-sentencepiece.plain.fnv")
        for (index, line) in try TokenizerFixtures.lines().enumerated() {
            let ids = tokenizer.encode(line)
            #expect(TokenizerFixtures.hash(ids) == expected[index], "\(index): \(line.debugDescription)")
            #expect(tokenizer.decode(ids) == line)
        }
    }

    @Test("Qwen's published ranks", .enabled(if: TokenizerFixtures.hasQwen))
    func qwen() throws {
        try Self.compare(TokenizerFixtures.qwen(), "qwen", composed: true)
    }
}
