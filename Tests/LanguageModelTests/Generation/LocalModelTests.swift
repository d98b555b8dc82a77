import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Local model")
struct LocalModelTests {
    /// A random network with the vocabulary of a fixture's tokenizer.
    static func model(contextLength: Int = 512, threads: Int = 1) throws -> LocalModel {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        var configuration = DecoderConfiguration(
            family: .qwen2, layers: 2, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
            vocabularySize: tokenizer.vocabularySize + 9)
        configuration.maximumPositions = 512
        configuration.isEmbeddingTied = true
        let decoder = TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 11))
        return try LocalModel(
            name: "random", decoder: decoder, tokenizer: tokenizer, template: .qwen2, contextLength: contextLength,
            threads: threads)
    }

    static let messages = [Message(.user, "What floats on water?")]

    private func text(_ events: AsyncThrowingStream<ChatEvent, any Error>) async throws -> String {
        try await ChatReply(collecting: events).message.content
    }

    @Test("A stream ends once, with the tokens counted, and its pieces are the whole text")
    func stream() async throws {
        let model = try Self.model()
        var options = GenerationOptions(maximumTokens: 30, temperature: 1, seed: 5)
        options.logProbabilities = 2
        var pieces = ""
        var chosen: [TokenLogProbability] = []
        var ends: [TokenUsage?] = []
        for try await event in model.reply(to: Self.messages, options: options) {
            #expect(ends.isEmpty)
            switch event {
            case .text(let piece): pieces += piece
            case .logProbabilities(let tokens): chosen += tokens
            case .finished(let reason, let usage):
                #expect(reason == .length || reason == .stop)
                ends.append(usage)
            default: Issue.record("\(event)")
            }
        }
        let usage = try #require(ends.first ?? nil)
        #expect(usage.promptTokens == (try model.prompt(Self.messages).count))
        #expect(usage.completionTokens == chosen.count)
        #expect(pieces == String(decoding: chosen.flatMap { $0.bytes ?? [] }, as: UTF8.self))
        for token in chosen {
            #expect(token.logProbability < 0 && token.alternatives.count == 2)
            #expect(token.alternatives[0].logProbability >= token.alternatives[1].logProbability)
            #expect(token.alternatives[0].logProbability >= token.logProbability)
        }
    }

    @Test("Texts written side by side are those written alone")
    func batchedEqualsSingle() async throws {
        let model = try Self.model()
        let options = GenerationOptions(maximumTokens: 24, temperature: 0.8, topK: 40, seed: 9)
        let prompts = ["The boat", "A stone sank to the ground of the lake, and then", "x"].map {
            model.tokenizer.encodePrompt($0)
        }
        let together = try await model.generate(prompts, options: options)
        for (prompt, written) in zip(prompts, together) {
            #expect(try await text(model.continuation(of: prompt, options: options)) == written.text)
            #expect(written.tokens.count <= 24)
        }
        #expect(Set(together.map(\.text)).count == 3)
    }

    @Test("Replies that are asked for at the same time are those asked for one after another")
    func concurrent() async throws {
        let model = try Self.model()
        let options = GenerationOptions(maximumTokens: 16, temperature: 1, seed: 4)
        let questions = (0..<4).map { [Message(.user, "Question \($0)?")] }
        var alone: [String] = []
        for question in questions { alone.append(try await text(model.reply(to: question, options: options))) }
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (index, question) in questions.enumerated() {
                group.addTask {
                    (index, try await model.complete(question, options: options).message.content)
                }
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        #expect((0..<4).map { together[$0] } == alone)
    }

    @Test("The next turn of a conversation is the same whether its beginning was kept or not")
    func keptPrefix() async throws {
        let model = try Self.model()
        let options = GenerationOptions(maximumTokens: 12)
        let first = try await model.complete(Self.messages, options: options)
        let turns = Self.messages + [first.message, Message(.user, "And why?")]
        let kept = try await model.complete(turns, options: options)
        await model.reset()
        #expect(try await model.complete(turns, options: options) == kept)
        // The same question again has nothing new but its last token.
        #expect(try await model.complete(turns, options: options) == kept)
    }

    @Test("Scores of options are the log-probabilities of writing them")
    func scores() async throws {
        let model = try Self.model()
        let prefix = model.tokenizer.encodePrompt("The ship")
        var options = GenerationOptions(maximumTokens: 5)
        options.logProbabilities = 0
        let written = try await model.generate([prefix], options: options)[0]
        let other = Array(written.tokens.prefix(2)) + [7]
        let scores = try await model.score([written.tokens, other, [other[0]]], after: prefix)
        for (score, reported) in zip(scores[0].logProbabilities, written.logProbabilities) {
            #expect(abs(score - reported.logProbability) < 1e-4)
        }
        #expect(abs(scores[1].logProbabilities[1] - scores[0].logProbabilities[1]) < 1e-6)
        #expect(abs(scores[2].logProbability - scores[0].logProbabilities[0]) < 1e-9)
        #expect(abs(scores[2].probability - exp(scores[2].logProbability)) < 1e-12)
        let loss = try await model.loss(of: prefix + other)
        let whole = try await model.loss(of: prefix)
        #expect(abs(-(loss.sum - whole.sum) - scores[1].logProbability) < 1e-3)
    }

    @Test("Windows that overlap predict every token once, from no less than the rest of a window")
    func windows() async throws {
        let model = try Self.model()
        let tokens = (0..<90).map { TokenID(($0 * 37) % 1500) }
        let whole = try await model.loss(of: tokens, window: 512)
        #expect(whole.tokens == 89)
        let parts = try await model.loss(of: tokens, window: 32, stride: 16)
        #expect(parts.tokens == 89)
        var expected = 0.0
        for (start, first, end) in [(0, 1, 32), (16, 32, 48), (32, 48, 64), (48, 64, 80), (64, 80, 90)] {
            let longer = try await model.loss(of: Array(tokens[start..<end]), window: 512)
            let shorter =
                try await first - start > 1 ? model.loss(of: Array(tokens[start..<first]), window: 512).sum : 0
            expected += longer.sum - shorter
        }
        #expect(abs(parts.sum - expected) < 1e-2)
        #expect(abs(parts.perplexity - exp(parts.sum / 89)) < 1e-9)
    }

    @Test("A long prompt read through LibTorch gives what the kernels give")
    func longPrompt() async throws {
        let model = try Self.model()
        let tokens = (0..<300).map { TokenID(($0 * 53) % 1500) }
        let long = try await model.score([[5, 6]], after: tokens)[0]
        await model.reset()
        // In small steps, so that every one is left to the kernels.
        for end in stride(from: 30, through: 300, by: 30) {
            _ = try await model.score([[1]], after: Array(tokens.prefix(end)))
        }
        let short = try await model.score([[5, 6]], after: tokens)[0]
        for (a, b) in zip(long.logits, short.logits) { #expect(abs(a - b) < 1e-4) }
    }

    @Test("A full context, an empty prompt and options that are not allowed are refused")
    func refusals() async throws {
        let model = try Self.model(contextLength: 24)
        await #expect(throws: GenerationError.contextFull(tokens: 24, contextLength: 24)) {
            try await model.generate([Array(repeating: 3, count: 24)])
        }
        await #expect(throws: GenerationError.emptyPrompt) {
            for try await _ in model.continuation(of: [TokenID]()) {}
        }
        await #expect(throws: GenerationOptionsError.self) {
            for try await _ in model.continuation(of: "a", options: GenerationOptions(temperature: -1)) {}
        }
        let written = try await model.generate(
            [Array(repeating: 3, count: 20)], options: GenerationOptions(maximumTokens: 100))[0]
        #expect(written.tokens.count <= 4)
        if written.tokens.count == 4 { #expect(written.finishReason == .length) }
    }

    @Test("A task that is cancelled stops the work, and the model goes on with the next")
    func cancellation() async throws {
        let model = try Self.model()
        let endless = GenerationOptions(maximumTokens: 400, temperature: 1, seed: 1)
        let task = Task { try await model.complete(Self.messages, options: endless) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await model.complete(Self.messages, options: GenerationOptions(maximumTokens: 3)).usage != nil)
    }
}
