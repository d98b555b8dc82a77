import Foundation
import LanguageModel
import Testing

@Suite("Decoding")
struct DecodingTests {
    @Test(
        "A stream never emits half a character, and joins to the whole text", arguments: ["small-qwen", "small-gemma"])
    func streaming(name: String) throws {
        let tokenizer = try TokenizerFixtures.small(name)
        for line in try TokenizerFixtures.lines().prefix(1500) {
            let ids = tokenizer.encode(line)
            var decoder = tokenizer.makeStreamDecoder()
            var joined = ""
            for id in ids {
                let part = decoder.append(id)
                #expect(!part.unicodeScalars.contains("\u{FFFD}"))
                joined += part
            }
            #expect(decoder.flush().isEmpty)
            #expect(Array(joined.utf8) == Array(tokenizer.decode(ids).utf8))
        }
    }

    @Test("An unfinished or broken character becomes the replacement character, as in the whole")
    func broken() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let bytes: [UInt8] = [
            0x61, 0xF0, 0x9F, 0x98, 0x62, 0xE4, 0xBD, 0xFF, 0xED, 0xA0, 0x80, 0xC0, 0xE0, 0x9F, 0xF0, 0x9F,
        ]
        let ids = try bytes.map { byte in
            try #require((0..<TokenID(tokenizer.vocabularySize)).first { tokenizer.bytes(of: $0) == [byte] })
        }
        for end in 0...ids.count {
            var decoder = tokenizer.makeStreamDecoder()
            var joined = ids[..<end].map { decoder.append($0) }.joined()
            joined += decoder.flush()
            #expect(Array(joined.utf8) == Array(String(decoding: bytes[..<end], as: UTF8.self).utf8))
            #expect(joined == tokenizer.decode(Array(ids[..<end])))
        }
    }

    @Test("Control tokens can be left out, of the whole and of a stream")
    func skipping() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let ids = tokenizer.encode("<|im_start|>a<think>b</think><|im_end|>", allowingControlTokens: true)
        #expect(tokenizer.decode(ids, skippingControlTokens: true) == "a<think>b</think>")
        var decoder = tokenizer.makeStreamDecoder(skippingControlTokens: true)
        #expect(ids.map { decoder.append($0) }.joined() == "a<think>b</think>")
    }

    @Test("Ids outside the vocabulary stand for nothing")
    func outside() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        #expect(tokenizer.decode([-1, TokenID.max, TokenID.min, TokenID(tokenizer.vocabularySize)]).isEmpty)
        #expect(tokenizer.bytes(of: -5).isEmpty)
        #expect(tokenizer.spelling(of: 1_000_000) == nil)
    }

    @Test("Tokens are found by their text in either spelling")
    func lookUp() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let the = try #require(tokenizer.id(of: "Ġthe"))
        #expect(tokenizer.id(of: " the") == the)
        #expect(tokenizer.spelling(of: the) == "Ġthe")
        #expect(tokenizer.decode([the]) == " the")
        #expect(tokenizer.id(of: "<|im_end|>") == tokenizer.controlTokens["<|im_end|>"])
        #expect(tokenizer.id(of: "no such token, surely") == nil)
        let gemma = try TokenizerFixtures.small("small-gemma")
        let marked = try #require(gemma.id(of: "▁the"))
        #expect(gemma.bytes(of: marked) == Array(" the".utf8))
        #expect(try gemma.bytes(of: #require(gemma.id(of: "<0x41>"))) == [0x41])
    }
}
