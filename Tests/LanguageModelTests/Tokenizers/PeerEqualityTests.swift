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

    @Test("Llama-2's ways of putting a space in front", arguments: ["small-llama2", "small-metaspace"])
    func spacePrefix(name: String) throws {
        let text = String(decoding: try TokenizerFixtures.data("small-gemma.json"), as: UTF8.self)
        let replace = #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#
        let split = #"{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}"#
        let prepend = #"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},\#(replace)]}"#
        let metaspace = #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}"#
        let isMetaspace = name == "small-metaspace"
        let changed = text.replacing(
            "\"normalizer\":" + replace, with: "\"normalizer\":" + (isMetaspace ? "null" : prepend)
        )
        .replacing(split, with: isMetaspace ? metaspace : "null")
        let tokenizer = try Tokenizer(tokenizerJSON: Data(changed.utf8))
        for (mode, allowed) in [("plain", false), ("control", true)] {
            let expected = try TokenizerFixtures.hashes("\(name).\(mode).fnv")
            for (index, line) in try TokenizerFixtures.lines().enumerated() {
                let ids = tokenizer.encode(line, allowingControlTokens: allowed)
                #expect(TokenizerFixtures.hash(ids) == expected[index], "\(mode) \(index): \(line.debugDescription)")
            }
        }
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

    @Test("SmolLM2's published vocabulary", .enabled(if: TokenizerFixtures.smolLM2 != nil))
    func smolLM2() throws {
        let file = try GGUFFile(path: #require(TokenizerFixtures.smolLM2))
        let tokenizer = try Tokenizer.load(gguf: file)
        #expect(tokenizer.vocabularySize == 49_152)
        #expect(tokenizer.stopTokens == [0, 2])
        #expect(ChatTemplate.detect(jinja: tokenizer.chatTemplateSource) == .smolLM2)
        // As transformers' apply_chat_template gives them.
        let prompt = try ChatTemplate.smolLM2.prompt([Message(.user, "Hi")], with: tokenizer)
        #expect(
            prompt == [
                1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712,
                8182,
                2, 198, 1, 4093, 198, 26843, 2, 198, 1, 520, 9531, 198,
            ])
        try Self.compare(tokenizer, "smollm2")
    }

    @Test("Qwen's published ranks", .enabled(if: TokenizerFixtures.hasQwen))
    func qwen() throws {
        try Self.compare(TokenizerFixtures.qwen(), "qwen", composed: true)
    }
}
