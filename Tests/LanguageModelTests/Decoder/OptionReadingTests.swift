import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Options after a shared prefix, with gradients")
struct OptionReadingTests {
    static let questions = [
        OptionQuestion(prefix: [5, 9, 33, 2, 17, 40], options: [[3], [8, 1, 22], [8, 2], [60, 0, 4, 4]]),
        OptionQuestion(prefix: [11, 7], options: [[8, 1], [50]]),
    ]

    static func decoder(_ family: DecoderConfiguration.Family) -> TransformerDecoder {
        var shape = DecoderConfiguration(
            family: family, layers: 3, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
            vocabularySize: 61)
        // Narrower than a prefix: options must not see further than alone.
        shape.layerWindows = [nil, 4, nil]
        shape.windowedRotaryBase = family == .gemma3 ? 5_000 : nil
        let decoder = TransformerDecoder(shape, precision: .f32, from: RandomSource(seed: 7))
        for parameter in decoder.parameters where parameter.tensor.rank == 2 { parameter.tensor.scale(by: 4) }
        decoder.train()
        return decoder
    }

    /// Each text of prefix and option in a pass of its own, score by score from the definition.
    static func plain(
        _ decoder: TransformerDecoder, _ prefix: [TokenID], _ option: [TokenID], _ reading: OptionReading
    ) -> Tensor {
        let text = (prefix + option).map(Int64.init)
        let logits = decoder(Tensor(text, shape: [1, text.count])).select(0, along: 0)
        var values: [Tensor] = []
        for (place, token) in option.enumerated() {
            let row = logits.select(prefix.count - 1 + place, along: 0)
            let logit = row.select(Int(token), along: 0)
            values.append(reading == .meanLogit ? logit : logit - row.exponential().sum().logarithm())
        }
        let total = values.dropFirst().reduce(values[0], +)
        switch reading {
        case .meanLogit, .meanLogProbability: return total / Double(option.count)
        case .logProbability: return total
        case .probability: return total.exponential()
        }
    }

    static func plain(
        _ decoder: TransformerDecoder, _ questions: [OptionQuestion], _ reading: OptionReading
    ) -> Tensor {
        .stacked(
            questions.flatMap { question in
                question.options.map { plain(decoder, question.prefix, $0, reading) }
            })
    }

    @Test(
        "Scores and gradients are those of each option alone", arguments: OptionReading.allCases,
        [DecoderConfiguration.Family.llama, .gemma3])
    func equalsPlain(reading: OptionReading, family: DecoderConfiguration.Family) throws {
        let decoder = Self.decoder(family)
        let parameters = decoder.parameters.map(\.tensor)
        // Probabilities are small: compared in their own measure.
        let weights = Tensor([1, -2, 0.5, 3, -1, 2] as [Float])
        let expected = Self.plain(decoder, Self.questions, reading)
        let found = try decoder.scores(of: Self.questions, as: reading)
        #expect(found.shape == [6])
        let size = expected.absolute().maximum().item
        #expect(found.isClose(to: expected, relativeTolerance: 1e-3, absoluteTolerance: 1e-4 * size))
        let wanted = try (expected * weights).sum().gradients(withRespectTo: parameters)
        let gradients = try (found * weights).sum().gradients(withRespectTo: parameters)
        for (one, other) in zip(gradients, wanted) {
            let (one, other) = (try #require(one), try #require(other))
            let scale = other.absolute().maximum().item
            #expect(scale > 0)
            #expect(one.isClose(to: other, relativeTolerance: 1e-3, absoluteTolerance: 1e-3 * scale))
        }
    }

    @Test("A gradient is the finite difference", arguments: OptionReading.allCases)
    func finiteDifference(reading: OptionReading) throws {
        let decoder = Self.decoder(.llama)
        let weight = decoder.blocks[1].feedForward.up.weight
        let score = { try decoder.scores(of: Self.questions, as: reading).select(2, along: 0) }
        let gradient = try #require(try score().gradients(withRespectTo: [weight])[0])
        let direction = Tensor.normal(weight.shape, from: RandomSource(seed: 4))
        let slope = (gradient * direction).sum().item
        func moved(_ step: Double) throws -> Double {
            weight.accumulate(direction, scale: step)
            defer { weight.accumulate(direction, scale: -step) }
            return try withoutGradients { try score().item }
        }
        let step = 2e-3
        let difference = (try moved(step) - moved(-step)) / (2 * step)
        #expect(abs(difference - slope) < 0.02 * abs(slope) + 1e-7)
    }

    @Test("After a cached text the scores are those of the whole, and the cache is as before")
    func cached() throws {
        let decoder = Self.decoder(.gemma3)
        let document: [Int64] = [4, 8, 15, 16, 23, 42, 7]
        let cache = KeyValueCache(decoder.configuration, rows: 1, capacity: 4)
        withoutGradients { _ = decoder(Tensor(document, shape: [1, 7]), DecoderPass(cache: cache)) }
        let shared = cache.fork(rows: 2)
        let found = try decoder.scores(of: Self.questions, as: .logProbability, DecoderPass(cache: shared))
        #expect(shared.lengths == [7, 7])
        let whole = Self.questions.map {
            OptionQuestion(prefix: document.map(TokenID.init) + $0.prefix, options: $0.options)
        }
        let expected = Self.plain(decoder, whole, .logProbability)
        #expect(found.isClose(to: expected, relativeTolerance: 1e-3, absoluteTolerance: 1e-3))
        let again = try decoder.scores(of: Self.questions, as: .logProbability, DecoderPass(cache: shared))
        #expect(again.isClose(to: found, absoluteTolerance: 1e-5))
    }

    @Test("After a cached text, gradients still reach every token that was not cached")
    func cachedGradients() throws {
        let decoder = Self.decoder(.llama)
        let document: [TokenID] = [4, 18, 15, 16, 23, 42]
        let cache = KeyValueCache(decoder.configuration, rows: 2)
        let ids = (document + document).map(Int64.init)
        withoutGradients { _ = decoder(Tensor(ids, shape: [2, 6]), DecoderPass(cache: cache)) }
        let weight = decoder.embedding.weight
        let found = try decoder.scores(of: Self.questions, as: .logProbability, DecoderPass(cache: cache))
        let whole = Self.questions.map { OptionQuestion(prefix: document + $0.prefix, options: $0.options) }
        let expected = Self.plain(decoder, whole, .logProbability)
        let gradient = try #require(try found.sum().gradients(withRespectTo: [weight])[0])
        let wanted = try #require(try expected.sum().gradients(withRespectTo: [weight])[0])
        // Rows of tokens that the document does not have: nothing of theirs was cached.
        for token in [5, 9, 33, 2, 17, 40, 11, 7, 8, 1] {
            let row = wanted.select(token, along: 0)
            #expect(row.norm().item > 0)
            #expect(
                gradient.select(token, along: 0).isClose(
                    to: row, relativeTolerance: 1e-3, absoluteTolerance: 1e-4 * row.absolute().maximum().item))
        }
    }

    @Test("Scores are those that a local model gives without gradients")
    func localModel() async throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let make = {
            var shape = DecoderConfiguration(
                family: .qwen2, layers: 2, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
                vocabularySize: tokenizer.vocabularySize)
            shape.isEmbeddingTied = true
            return TransformerDecoder(shape, precision: .f32, from: RandomSource(seed: 11))
        }
        let question = Self.questions[0]
        let model = try LocalModel(
            name: "random", decoder: make(), tokenizer: tokenizer, template: .qwen2, contextLength: 64, threads: 1)
        let scores = try await model.score(question.options, after: question.prefix)
        let decoder = make()
        for (reading, expected) in [
            (OptionReading.meanLogit, scores.map(\.meanLogit)), (.logProbability, scores.map(\.logProbability)),
            (.meanLogProbability, scores.map(\.meanLogProbability)),
        ] {
            let found = try withoutGradients { try decoder.scores(of: [question], as: reading) }
            #expect(found.isClose(to: Tensor(expected), absoluteTolerance: 1e-4))
        }
    }

    @Test("Empty texts and strange tokens are errors")
    func errors() {
        let decoder = Self.decoder(.llama)
        func scores(_ question: OptionQuestion) throws { _ = try decoder.scores(of: [question], as: .meanLogit) }
        #expect(throws: GenerationError.emptyPrompt) { try scores(OptionQuestion(prefix: [], options: [[1]])) }
        #expect(throws: GenerationError.emptyPrompt) { try scores(OptionQuestion(prefix: [1], options: [[]])) }
        #expect(throws: GenerationError.tokenOutOfRange(61, vocabulary: 61)) {
            try scores(OptionQuestion(prefix: [1], options: [[61]]))
        }
        let cache = KeyValueCache(decoder.configuration)
        var pass = DecoderPass(cache: cache)
        pass.layers = 0..<1
        _ = withoutGradients { decoder.hiddenStates(Tensor([1, 2], shape: [1, 2]), pass) }
        #expect(throws: GenerationError.unfinishedCache(layers: 1, depth: decoder.configuration.layers)) {
            try decoder.scores(
                of: [OptionQuestion(prefix: [1], options: [[2]])], as: .meanLogit, DecoderPass(cache: cache))
        }
    }

    @Test("No questions and no options have no scores")
    func nothing() throws {
        let decoder = Self.decoder(.llama)
        #expect(try decoder.scores(of: [], as: .probability).shape == [0])
        #expect(try decoder.scores(of: [OptionQuestion(prefix: [1], options: [])], as: .meanLogit).shape == [0])
    }
}
