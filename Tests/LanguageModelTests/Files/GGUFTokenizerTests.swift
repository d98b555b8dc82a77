import LanguageModel
import Tensors
import Testing

@Suite("The tokenizer inside a GGUF file")
struct GGUFTokenizerTests {
    static func vocabulary(_ metadata: [(key: String, value: GGUFValue)]) throws -> TokenizerVocabulary? {
        let scratch = try ScratchFolder()
        let path = "\(scratch.path)/m.gguf"
        try GGUFWriter(path: path, metadata: metadata.map { ("tokenizer.\($0.key)", $0.value) }, tensors: []).finish()
        return try GGUFFile(path: path).tokenizerVocabulary()
    }

    static let model: (key: String, value: GGUFValue) = ("ggml.model", .string("gpt2"))
    static let tokens: (key: String, value: GGUFValue) = ("ggml.tokens", .array(.strings(["a", "Ġb", "ü"])))

    @Test("All fields are carried over, integers of any width")
    func fields() throws {
        let found = try #require(
            try Self.vocabulary([
                Self.model, Self.tokens, ("ggml.pre", .string("smollm")),
                ("ggml.scores", .array(.float32s([0, -1, -2]))),
                ("ggml.token_type", .array(.int32s([1, 3, 6]))), ("ggml.merges", .array(.strings(["Ġ b"]))),
                ("ggml.bos_token_id", .uint32(1)), ("ggml.eos_token_id", .uint64(2)), ("ggml.eot_token_id", .int8(0)),
                ("ggml.padding_token_id", .uint32(.max)), ("ggml.add_bos_token", .bool(false)),
                ("ggml.add_space_prefix", .bool(true)), ("chat_template", .string("{{ x }}")),
            ]))
        #expect(found.model == "gpt2" && found.pre == "smollm" && found.tokens == ["a", "Ġb", "ü"])
        #expect(found.scores == [0, -1, -2] && found.tokenTypes == [1, 3, 6] && found.merges == ["Ġ b"])
        #expect(found.beginningOfSequence == 1 && found.endOfSequence == 2 && found.endOfTurn == 0)
        #expect(found.padding == nil && found.unknown == nil && found.chatTemplate == "{{ x }}")
        #expect(
            found.addsBeginningOfSequence == false && found.addsEndOfSequence == nil && found.addsSpacePrefix == true)
    }

    @Test("A file without a tokenizer has none")
    func absent() throws {
        #expect(try Self.vocabulary([]) == nil)
    }

    @Test(
        "Fields that are wrong are named",
        arguments: [
            ("ggml.scores", GGUFValue.array(.float32s([1])), "must be a list of 3 numbers"),
            ("ggml.token_type", .array(.strings(["1", "1", "1"])), "must be a list of 3 integers"),
            ("ggml.merges", .string("a b"), "must be a list of strings"),
            ("ggml.eos_token_id", .uint32(3), "tokenizer.ggml.eos_token_id is 3, but must be an id below 3"),
            ("ggml.add_bos_token", .uint8(1), "must be true or false"), ("ggml.pre", .bool(true), "must be a string"),
        ])
    func wrong(key: String, value: GGUFValue, says: String) {
        let error = #expect(throws: WeightFileError.self) {
            try Self.vocabulary([Self.model, Self.tokens, (key, value)])
        }
        #expect(error?.description.contains(says) == true, "\(error?.description ?? "no error")")
    }

    @Test("A tokenizer without tokens is refused")
    func noTokens() {
        #expect(throws: WeightFileError.self) { try Self.vocabulary([Self.model]) }
        #expect(throws: WeightFileError.self) {
            try Self.vocabulary([Self.model, ("ggml.tokens", .array(.strings([])))])
        }
    }
}
