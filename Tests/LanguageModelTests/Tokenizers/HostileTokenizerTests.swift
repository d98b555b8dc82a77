import Foundation
import LanguageModel
import Testing

@Suite("Broken tokenizer files")
struct HostileTokenizerTests {
    private static let byteLevel = #""pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}"#

    private func error(_ json: String) -> TokenizerError? {
        do {
            _ = try Tokenizer(tokenizerJSON: Data(json.utf8))
            return nil
        } catch {
            return error as? TokenizerError
        }
    }

    @Test("A small sound file is read")
    func sound() throws {
        let json = #"{"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, \#(Self.byteLevel)}"#
        #expect(try Tokenizer(tokenizerJSON: Data(json.utf8)).encode("abba") == [2, 1, 0])
    }

    @Test("Each fault of the model is named")
    func model() {
        let file = "tokenizer.json"
        func model(_ text: String) -> TokenizerError? { error("{\"model\": {\(text)}, \(Self.byteLevel)}") }
        #expect(model(#""vocab": {"a": 0}"#) == .missingField(file: file, field: "model.merges"))
        #expect(model(#""merges": []"#) == .missingField(file: file, field: "model.vocab"))
        #expect(error("{}") == .missingField(file: file, field: "model"))
        #expect(
            model(#""vocab": {"a": 0, "b": 1}, "merges": ["a b"]"#)
                == .unknownTokenInMerge(file: file, merge: 0, token: "ab"))
        #expect(
            model(#""vocab": {"a": 0, "ac": 1}, "merges": [["a", "c"]]"#)
                == .unknownTokenInMerge(file: file, merge: 0, token: "c"))
        #expect(
            model(#""vocab": {"a": 0, "b": 0}, "merges": []"#)
                == .duplicateIdentifier(file: file, id: 0, first: "a", second: "b"))
        #expect(
            model(#""vocab": {"a": 0, "a": 1}, "merges": []"#)
                == .duplicateToken(file: file, token: "a", first: 0, second: 1))
        for id in [-1, 4_000_000_000, 999_999_999_999] {
            #expect(
                model(#""vocab": {"a": \#(id)}, "merges": []"#)
                    == .identifierOutOfRange(file: file, token: "a", found: id, allowed: 1028))
        }
        #expect(
            model(#""type": "Unigram", "vocab": [], "merges": []"#)
                == .unsupported(file: file, field: "model.type", found: "Unigram", allowed: "BPE"))
        #expect(
            model(#""vocab": {"a": 0}, "merges": [], "unk_token": "u""#)
                == .unknownSpecialToken(file: file, field: "model.unk_token", token: "u"))
        for bad in [
            #""vocab": {"a": 0}, "merges": ["ab"]"#, #""vocab": {"a": 0}, "merges": [["a"]]"#,
            #""vocab": {"a": 0}, "merges": [["a", "b", "c"]]"#, #""vocab": {"a": 0}, "merges": [["", "a"]]"#,
            #""vocab": {"a": 1.5}, "merges": []"#, #""vocab": {"a": "0"}, "merges": []"#,
            #""vocab": {"a": 0}, "merges": [3]"#,
            #""vocab": [], "merges": []"#, #""vocab": {"a": 0}, "merges": {}"#,
        ] {
            guard case .malformed = model(bad) else {
                Issue.record("\(bad): \(String(describing: model(bad)))")
                continue
            }
        }
    }

    @Test("A merge of a token with itself, and merges in a ring of spellings, end")
    func cycles() throws {
        let json = #"""
            {"model": {"vocab": {"a": 0, "aa": 1, "aaa": 2, "aaaa": 3}, "merges": [["a", "aa"], ["aa", "a"], ["a", "a"],
            ["aa", "aa"], ["a", "aaa"]]}, \#(Self.byteLevel)}
            """#
        let tokenizer = try Tokenizer(tokenizerJSON: Data(json.utf8))
        let text = String(repeating: "a", count: 1001)
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    }

    @Test("A pipeline that is not known is refused by name")
    func pipeline() {
        let model = #""model": {"vocab": {"a": 0}, "merges": []}"#
        let pattern = #"{"type": "Split", "pattern": {"Regex": "\\w+|x"}, "behavior": "Isolated"}"#
        guard
            case .unsupported(_, "pre_tokenizer pattern", #"\w+|x"#, _) = error(
                "{\(model), \"pre_tokenizer\": \(pattern)}")
        else {
            Issue.record("an unknown pattern passed")
            return
        }
        for (field, value, name) in [
            ("normalizer", #"{"type": "Lowercase"}"#, "Lowercase"), ("normalizer", "[]", "absent"),
            ("pre_tokenizer", #"{"type": "Whitespace"}"#, "Whitespace"),
        ] {
            guard case .unsupported(_, field, name, _) = error("{\(model), \"\(field)\": \(value)}") else {
                Issue.record("\(value) passed as \(field)")
                continue
            }
        }
        let added = #""added_tokens": [{"id": 7, "content": "a", "special": true}]"#
        #expect(
            error("{\(model), \(added)}") == .duplicateToken(file: "tokenizer.json", token: "a", first: 0, second: 7))
        #expect(
            error(#"{\#(model), "added_tokens": [{"id": 1}]}"#)
                == .missingField(file: "tokenizer.json", field: "added_tokens[0] id or content"))
        #expect(
            error(#"{\#(model), "added_tokens": [{"id": 99999999, "content": "x"}]}"#)
                == .identifierOutOfRange(file: "tokenizer.json", token: "x", found: 99_999_999, allowed: 1032))
    }

    @Test("Text that is no JSON is refused with its place")
    func syntax() {
        for bad in [
            "", " ", "{", "{\"a\"}", "{\"model\": }", "{\"model\": 01}", "{\"model\": \"\\x\"}",
            "{\"model\": \"\\u12\"}",
            "{\"model\": \"\n\"}", "{\"model\": tru}", "{} {}", "{\"a\": -}", "{\"a\": 1e}", "{\"a\": 1.}", "[1,]",
            "\u{FEFF}",
            String(repeating: "[", count: 100_000), "{\"x\": " + String(repeating: "{\"a\": ", count: 100_000),
        ] {
            guard case .malformed = error(bad) else {
                Issue.record("\(bad.prefix(20)) passed: \(String(describing: error(bad)))")
                continue
            }
        }
        #expect(
            error(String(repeating: "[", count: 100_000))
                == .malformed(file: "tokenizer.json", offset: 0, reason: "expected '{'"))
        #expect(
            error("{\"x\": " + String(repeating: "[", count: 100_000))?.description
                == "tokenizer.json: nesting deeper than 128 at byte 133.")
    }

    @Test("Broken rank files are refused with the line")
    func ranks() {
        func error(_ text: String) -> TokenizerError? {
            do {
                _ = try Tokenizer(tiktoken: Data(text.utf8), file: "r.tiktoken")
                return nil
            } catch { return error as? TokenizerError }
        }
        #expect(error("IQ== 0\nIg== 1\n") == nil)
        #expect(error("IQ== 0\r\n\r\nIg== 1") == nil)
        let expected = "expected base64 text, a space and a rank"
        #expect(error("") == .malformedLine(file: "r.tiktoken", line: 1, reason: expected))
        #expect(error("IQ== 0\n!! 1\n") == .malformedLine(file: "r.tiktoken", line: 2, reason: expected))
        #expect(error("IQ== 0\nIg==1\n") == .malformedLine(file: "r.tiktoken", line: 2, reason: expected))
        #expect(
            error("IQ== x") == .malformedLine(file: "r.tiktoken", line: 1, reason: "the rank is not a whole number"))
        #expect(
            error("IQ== 1 2") == .malformedLine(file: "r.tiktoken", line: 1, reason: "the rank is not a whole number"))
        #expect(
            error("IQ== 0\nIg== 0") == .duplicateIdentifier(file: "r.tiktoken", id: 0, first: "!", second: "\""))
        #expect(error("IQ== 0\nIQ== 1") == .duplicateToken(file: "r.tiktoken", token: "!", first: 0, second: 1))
        #expect(
            error("IQ== 9999999999")
                == .identifierOutOfRange(file: "r.tiktoken", token: "!", found: 9_999_999_999, allowed: 1028))
    }

    @Test("Faults of a GGUF vocabulary are named")
    func vocabulary() {
        func error(_ change: (inout TokenizerVocabulary) -> Void) -> TokenizerError? {
            var vocabulary = TokenizerVocabulary(
                model: "gpt2", pre: "smollm", tokens: ["a", "b", "ab"], merges: ["a b"])
            change(&vocabulary)
            do {
                _ = try Tokenizer(vocabulary: vocabulary, file: "m.gguf")
                return nil
            } catch { return error as? TokenizerError }
        }
        #expect(error { _ in } == nil)
        #expect(error { $0.tokens = [] } == .missingField(file: "m.gguf", field: "tokenizer.ggml.tokens"))
        #expect(error { $0.merges = nil } == .missingField(file: "m.gguf", field: "tokenizer.ggml.merges"))
        #expect(
            error { $0.model = "bert" }
                == .unsupported(file: "m.gguf", field: "tokenizer.ggml.model", found: "bert", allowed: "gpt2, llama"))
        #expect(error { $0.merges = ["a c"] } == .unknownTokenInMerge(file: "m.gguf", merge: 0, token: "c"))
        #expect(error { $0.merges = ["ab"] } == .unknownTokenInMerge(file: "m.gguf", merge: 0, token: "ab"))
        #expect(error { $0.merges = [" "] } != nil)
        #expect(
            error { $0.tokenTypes = [1] }
                == .lengthMismatch(file: "m.gguf", field: "tokenizer.ggml.token_type", found: 1, expected: 3))
        #expect(
            error { $0.endOfSequence = 3 }
                == .identifierOutOfRange(file: "m.gguf", token: "tokenizer.ggml.eos_token_id", found: 3, allowed: 3))
        #expect(error { $0.model = "llama" } == .missingField(file: "m.gguf", field: "tokenizer.ggml.scores"))
        for id in [-7, 3, Int.max] {
            for model in ["gpt2", "llama"] {
                let found = error {
                    $0.model = model
                    $0.scores = [0, -1, -2]
                    $0.unknown = id
                }
                #expect(
                    found
                        == .identifierOutOfRange(
                            file: "m.gguf", token: "tokenizer.ggml.unknown_token_id", found: id, allowed: 3))
            }
        }
        guard case .unsupported(_, "tokenizer.ggml.pre", "new", _) = error({ $0.pre = "new" }) else {
            Issue.record("an unknown pre-tokenizer passed")
            return
        }
    }

    @Test("A directory without a tokenizer, and broken files beside one, are refused")
    func directory() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        #expect(throws: TokenizerError.noTokenizer(directory: folder.path)) { try Tokenizer.load(directory: folder) }
        let json = try TokenizerFixtures.data("small-qwen.json")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("{}".utf8).write(to: folder.appending(path: "tokenizer.json"))
        #expect(throws: TokenizerError.missingField(file: "\(folder.path)/tokenizer.json", field: "model")) {
            try Tokenizer.load(directory: folder)
        }
        try json.write(to: folder.appending(path: "tokenizer.json"))
        try Data("{\"eos_token\": \"</s>\"}".utf8).write(to: folder.appending(path: "tokenizer_config.json"))
        #expect(
            throws: TokenizerError.unknownSpecialToken(
                file: "\(folder.path)/tokenizer_config.json", field: "eos_token", token: "</s>")
        ) { try Tokenizer.load(directory: folder) }
        #expect(
            throws: TokenizerError.unknownSpecialToken(file: "tokenizer_config.json", field: "eos_token", token: "</s>")
        ) {
            try Tokenizer(tokenizerJSON: json, configuration: Data(#"{"eos_token": "</s>"}"#.utf8))
        }
        #expect(throws: TokenizerError.self) {
            try Tokenizer(tokenizerJSON: json, generation: Data(#"{"eos_token_id": [1, 999999]}"#.utf8))
        }
        let stops = try Tokenizer(tokenizerJSON: json, generation: Data(#"{"eos_token_id": [5, 9]}"#.utf8)).stopTokens
        #expect(stops == [5, 9])
    }

    @Test("No change of a file makes the reader fall, and what it accepts encodes and decodes")
    func fuzz() throws {
        #if DEBUG
            let rounds = 1_000
        #else
            let rounds = 200_000  // half of them tokenizer.json, a quarter ranks
        #endif
        var source = SplitMix(state: 7)
        let seeds = [
            Self.tiny(byteLevel: true), Self.tiny(byteLevel: false), Data("IQ== 0\nIg== 1\nISI= 2\nYQ== 3\n".utf8),
            Data(
                #"{"messages": [{"role": "user", "content": "a\u00e9"}, {"from": "gpt", "value": [{"text": "b"}]}]}"#
                    .utf8),
        ]
        let words = [
            #"""#, "{", "}", "[", "]", ",", ":", "null", "-1", "99999999999", "0", "\\u", "\\ud800", "\u{0}", "\u{FF}",
            "é", "<0x41>",
        ]
        var accepted = 0
        for round in 0..<rounds {
            let kind = round % seeds.count
            var bytes = [UInt8](seeds[kind])
            for _ in 0...Int(source.next() % 3) {
                let place = Int(source.next() % UInt64(bytes.count + 1))
                switch source.next() % 5 {
                case 0 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: source.next())
                case 1 where place < bytes.count: bytes.remove(at: place)
                case 2: bytes.insert(contentsOf: words[Int(source.next() % UInt64(words.count))].utf8, at: place)
                case 3:
                    let end = min(bytes.count, place + Int(source.next() % 40))
                    bytes.insert(contentsOf: bytes[place..<end], at: Int(source.next() % UInt64(bytes.count + 1)))
                default: bytes.removeSubrange(place..<min(bytes.count, place + Int(source.next() % 20)))
                }
            }
            do {
                switch kind {
                case 3: _ = try ChatFile.parse(Data(bytes), file: "f")
                case 2: Self.exercise(try Tokenizer(tiktoken: Data(bytes)))
                default: Self.exercise(try Tokenizer(tokenizerJSON: Data(bytes)))
                }
                accepted += 1
            } catch is TokenizerError {
            } catch is ChatFileError {}
        }
        #expect(accepted > rounds / 50)
        #expect(accepted < rounds)
    }

    private static func exercise(_ tokenizer: Tokenizer) {
        for text in ["!\"a ab\u{E9}你🤗<|x|>", String(repeating: "ab ", count: 50)] {
            let ids = tokenizer.encode(text, allowingControlTokens: true)
            _ = tokenizer.decode(ids)
            _ = tokenizer.encodePrompt(text)
        }
        _ = tokenizer.decode(Array(-2..<TokenID(min(tokenizer.vocabularySize, 40))))
    }

    private static func tiny(byteLevel: Bool) -> Data {
        let vocabulary =
            #""<|x|>": 0, "a": 1, "b": 2, "ab": 3, "!": 4, "\"": 5, "Ġ": 6, "\u0120a": 7, "<0x41>": 8, "<0xE4>": 9, "▁": 10"#
        let pipeline =
            byteLevel
            ? #""normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false}]}"#
            : #""normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, "decoder": {"type": "Sequence", "decoders": [{"type": "Strip", "content": " ", "start": 1}]}"#
        return Data(
            #"""
            {"added_tokens": [{"id": 0, "content": "<|x|>", "special": true, "lstrip": true, "rstrip": true}], \#(pipeline),
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|x|>"}}, {"Sequence": {"id": "A"}}]},
            "model": {"type": "BPE", "byte_fallback": true, "unk_token": "!", "fuse_unk": true, "vocab": {\#(vocabulary)}, "merges": ["a b", ["Ġ", "a"]]}}
            """#.utf8)
    }
}

/// A repeatable source of numbers (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
