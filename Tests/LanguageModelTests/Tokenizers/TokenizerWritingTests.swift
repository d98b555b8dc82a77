import Foundation
import LanguageModel
import Testing

@Suite("Written tokenizers")
struct TokenizerWritingTests {
    /// Writes, reads back, and compares everything that the library asks of a tokenizer.
    private func check(_ tokenizer: Tokenizer) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try tokenizer.writeTokenizerJSON(to: folder)
        let read = try Tokenizer.load(directory: folder)
        #expect(read.vocabularySize == tokenizer.vocabularySize)
        #expect(read.controlTokens == tokenizer.controlTokens)
        #expect(read.beginningOfSequence == tokenizer.beginningOfSequence)
        #expect(read.endOfSequence == tokenizer.endOfSequence)
        #expect(read.padding == tokenizer.padding)
        #expect(read.addsBeginningOfSequence == tokenizer.addsBeginningOfSequence)
        #expect(read.chatTemplateSource == tokenizer.chatTemplateSource)
        #expect(read.stopTokens == tokenizer.stopTokens)
        for line in try TokenizerFixtures.lines() {
            for allowed in [false, true] {
                let ids = tokenizer.encode(line, allowingControlTokens: allowed)
                #expect(read.encode(line, allowingControlTokens: allowed) == ids)
                #expect(read.decode(ids) == tokenizer.decode(ids))
            }
        }
    }

    @Test(
        "What is read back is the same tokenizer",
        arguments: ["small-qwen", "small-llama3", "small-smollm", "small-gemma"])
    func roundTrip(name: String) throws { try check(TokenizerFixtures.small(name)) }

    @Test("A GGUF vocabulary becomes the same tokenizer")
    func vocabulary() throws {
        var vocabulary = try TokenizerFixtures.vocabulary("small-smollm.vocabulary.json")
        vocabulary.chatTemplate = "{{ '<|im_start|>' }}\n\"quoted\""
        try check(Tokenizer(vocabulary: vocabulary))
    }

    @Test("Ranks become the same tokenizer", .enabled(if: TokenizerFixtures.hasQwen))
    func ranks() throws { try check(TokenizerFixtures.qwen()) }

    @Test("A vocabulary with scores is refused")
    func scores() throws {
        let tokenizer = try Tokenizer(vocabulary: TokenizerFixtures.vocabulary("small-sentencepiece.vocabulary.json"))
        #expect(throws: TokenizerError.self) {
            try tokenizer.writeTokenizerJSON(to: FileManager.default.temporaryDirectory)
        }
    }
}
