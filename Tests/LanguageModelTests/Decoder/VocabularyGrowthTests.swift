import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("New tokens")
struct VocabularyGrowthTests {
    static let new = ["<|doubt_0|>", "<|doubt_1|>", "<|doubt_2|>"]

    static func decoder(_ vocabulary: Int, isTied: Bool) -> TransformerDecoder {
        DecoderFixtures.tiny {
            $0.vocabularySize = vocabulary
            $0.isEmbeddingTied = isTied
        }
    }

    @Test("Logits of old tokens stay; new rows are the mean, a copy, or the mean of some", arguments: [true, false])
    func rows(isTied: Bool) throws {
        let decoder = Self.decoder(61, isTied: isTied)
        decoder.embedding.weight.requiringGradient()
        let tokens = DecoderFixtures.tokens([2, 9])
        let before = decoder(tokens)
        let tables = { [decoder.embedding.weight] + (decoder.head.map { [$0.weight] } ?? []) }
        let old = tables().map { $0.detached().copy() }
        try decoder.addTokens([.mean, .meanOf([7]), .meanOf([1, 2])], at: 61, from: RandomSource(seed: 1))
        #expect(decoder.configuration.vocabularySize == 64)
        let after = decoder(tokens)
        #expect(after.shape == [2, 9, 64])
        #expect(after.slice(0..<61, along: 2).isClose(to: before, absoluteTolerance: 1e-5))
        for (table, old) in zip(tables(), old) {
            let table = table.detached()
            #expect(table.slice(0..<61, along: 0).isIdentical(to: old))
            #expect(table.select(61, along: 0).isClose(to: old.mean(along: 0), absoluteTolerance: 1e-6))
            #expect(table.select(62, along: 0).isIdentical(to: old.select(7, along: 0)))
            let pair = (old.select(1, along: 0) + old.select(2, along: 0)) / 2
            #expect(table.select(63, along: 0).isClose(to: pair, absoluteTolerance: 1e-6))
        }
        // A copied row reads as its source does.
        #expect(after.select(62, along: 2).isClose(to: after.select(7, along: 2), absoluteTolerance: 1e-5))
        #expect(decoder.embedding.weight.requiresGradient)
        // The new rows train.
        decoder.train()
        try decoder(Tensor([61, 62, 63], shape: [1, 3])).squared().mean().backward()
        let gradient = try #require(decoder.embedding.weight.gradient)
        #expect((61..<64).allSatisfy { gradient.select($0, along: 0).norm().item > 0 })
    }

    @Test("Padding rows are taken first, noise parts equal rows, and both precisions see the new head")
    func padding() throws {
        let decoder = Self.decoder(61, isTied: false)
        decoder.precision = .bf16
        let tokens = DecoderFixtures.tokens([1, 4])
        _ = decoder(tokens)
        try decoder.addTokens([.mean, .mean], at: 58, noise: 0.1, from: RandomSource(seed: 1))
        #expect(decoder.configuration.vocabularySize == 61)
        let table = decoder.embedding.weight
        let difference = table.select(58, along: 0) - table.select(59, along: 0)
        #expect(abs(difference.standardDeviation(along: 0).item - 0.1 * 2.0.squareRoot()) < 0.06)
        let head = try #require(decoder.head)
        let expected = decoder.hiddenStates(tokens).linear(head.weight.cast(to: .bfloat16)).cast(to: .float32)
        #expect(decoder(tokens).isIdentical(to: expected))
        try decoder.addTokens([.mean, .mean, .mean], at: 60, from: RandomSource(seed: 1))
        #expect(decoder(tokens).shape == [1, 4, 63])
    }

    @Test("Gaps and sources that are no tokens are errors")
    func errors() {
        let decoder = Self.decoder(61, isTied: true)
        let source = RandomSource(seed: 1)
        #expect(throws: VocabularyGrowthError.firstToken(62, vocabulary: 61)) {
            try decoder.addTokens([.mean], at: 62, from: source)
        }
        #expect(throws: VocabularyGrowthError.unknownSource([60, 61], allowed: 61)) {
            try decoder.addTokens([.meanOf([60, 61])], at: 61, from: source)
        }
        #expect(throws: VocabularyGrowthError.unknownSource([], allowed: 61)) {
            try decoder.addTokens([.meanOf([])], at: 61, from: source)
        }
        #expect(decoder.configuration.vocabularySize == 61)
    }

    @Test(
        "A tokenizer knows its new control tokens, and everything else is encoded as before",
        arguments: ["small-qwen", "small-gemma"])
    func tokenizer(name: String) throws {
        let old = try TokenizerFixtures.small(name)
        let grown = try old.adding(controlTokens: Self.new)
        #expect(grown.vocabularySize == old.vocabularySize + 3)
        for (index, token) in Self.new.enumerated() {
            let id = TokenID(old.vocabularySize + index)
            #expect(grown.id(of: token) == id && grown.isControl(id))
            #expect(grown.encode("a\(token)b", allowingControlTokens: true).contains(id))
            #expect(!grown.encode("a\(token)b").contains(id))
            #expect(grown.decode([id]) == token && grown.decode([id], skippingControlTokens: true) == "")
        }
        for line in try TokenizerFixtures.lines().prefix(500) {
            #expect(grown.encode(line, allowingControlTokens: true) == old.encode(line, allowingControlTokens: true))
        }
        #expect(throws: TokenizerError.self) { try grown.adding(controlTokens: [Self.new[0]]) }
        #expect(throws: TokenizerError.self) { try old.adding(controlTokens: ["<x>", "<x>"]) }
        #expect(throws: TokenizerError.self) { try old.adding(controlTokens: [""]) }
    }

    @Test("Saved with its tokenizer and read again, the grown model is the same")
    func saved() throws {
        let folder = try ScratchFolder()
        let model = try SavedModelTests.grownModel("small-qwen", isTied: false)
        let (old, tokenizer, decoder) = (model.old, model.tokenizer, model.decoder)
        try model.save(to: folder.path)
        let read = try TransformerDecoder.load(WeightSource(path: folder.path), precision: .f32)
        let readTokenizer = try Tokenizer.load(directory: URL(filePath: folder.path))
        #expect(read.configuration.vocabularySize == tokenizer.vocabularySize)
        #expect(readTokenizer.controlTokens == tokenizer.controlTokens)
        let ids = readTokenizer.encode("sea\(Self.new[2]) and sky\(Self.new[0])", allowingControlTokens: true)
        #expect(ids.filter { $0 >= TokenID(old.vocabularySize) } == [2, 0].map { TokenID(old.vocabularySize + $0) })
        let tokens = Tensor(ids.map(Int64.init), shape: [1, ids.count])
        #expect(read(tokens).isIdentical(to: decoder(tokens)))
    }
}
