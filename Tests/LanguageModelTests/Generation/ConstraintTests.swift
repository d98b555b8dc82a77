import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Constrained decoding")
struct ConstraintTests {
    static let text = TokenSet(0..<50)
    static let levels = TokenSet([50, 52, 54])
    static let parity = TokenConstraint.alternating([text, levels])

    static func decoder() -> TransformerDecoder { DecoderFixtures.tiny() }

    /// The same network as a local model, without a text to stop at.
    static func model() throws -> (LocalModel, TransformerDecoder) {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let make = {
            var shape = DecoderConfiguration(
                family: .qwen2, layers: 2, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
                vocabularySize: tokenizer.vocabularySize + 5)
            shape.isEmbeddingTied = true
            return TransformerDecoder(shape, precision: .f32, from: RandomSource(seed: 11))
        }
        let model = try LocalModel(
            name: "random", decoder: make(), tokenizer: tokenizer, template: .qwen2, contextLength: 256, threads: 1)
        return (model, make())
    }

    @Test("Sets of tokens are joined, cut and asked")
    func sets() {
        let set = TokenSet([5, 3, 4, 9, 4])
        #expect(set.ranges == [3..<6, 9..<10] && set.count == 4)
        #expect([2, 3, 5, 6, 9, 10].map { set.contains($0) } == [false, true, true, false, true, false])
        #expect(set.union(TokenSet(6..<9)).ranges == [3..<10])
        #expect(TokenSet(0..<10).subtracting(set).ranges == [0..<3, 6..<9])
        #expect(TokenSet(3..<6).subtracting(set).isEmpty)
        #expect(TokenSet(4..<4).isEmpty && TokenSet([]).isEmpty)
        #expect(TokenSet([1, .max]).ranges == [1..<2])
    }

    @Test("A set is read as it was written, and ranges in disorder become a set")
    func codedSets() throws {
        let set = TokenSet([5, 3, 4, 9])
        let text = try JSONEncoder().encode(set)
        #expect(try JSONDecoder().decode(TokenSet.self, from: text) == set)
        let disorder = Data(#"{"ranges": [[9, 10], [4, 6], [3, 5], [7, 7]]}"#.utf8)
        #expect(try JSONDecoder().decode(TokenSet.self, from: disorder) == set)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(TokenSet.self, from: Data(#"{"ranges": [[5, 3]]}"#.utf8))
        }
    }

    @Test(
        "Steps alternate between two sets, greedy and drawn, in the kernels and in tensors",
        arguments: [
            GenerationOptions(maximumTokens: 40),
            GenerationOptions(maximumTokens: 40, repetitionPenalty: 1.4, temperature: 1.5, seed: 3),
            GenerationOptions(maximumTokens: 40, temperature: 2, topK: 3, topP: 0.9, minP: 0.01, seed: 4),
        ])
    func parity(options: GenerationOptions) async throws {
        let (model, decoder) = try Self.model()
        var options = options
        options.constraint = Self.parity
        let prompts: [[TokenID]] = [[60, 61, 62], [7], [50, 50, 50, 50, 3]]
        let kernels = try await model.generate(prompts, options: options).map(\.tokens)
        let tensors = try decoder.write(after: prompts, options: options).map(\.tokens)
        for tokens in kernels + tensors {
            #expect(tokens.count == 40)
            for (step, token) in tokens.enumerated() {
                #expect((step % 2 == 0 ? Self.text : Self.levels).contains(token))
            }
        }
        // The choice within a set is the model's: more than one token of each occurs over all texts.
        #expect(Set(kernels.flatMap { $0 }).count > 3)
        if options.isGreedy {
            #expect(kernels == tensors)
            // Greedy is the likeliest of the allowed ones.
            var text = prompts[0]
            for (step, token) in kernels[0].prefix(6).enumerated() {
                let ids = text.map(Int64.init)
                let logits = withoutGradients { decoder(Tensor(ids, shape: [1, ids.count])) }
                    .select(0, along: 0).select(-1, along: 0).floats
                let allowed = logits.indices.filter {
                    (step % 2 == 0 ? Self.text : Self.levels).contains(TokenID($0))
                }
                #expect(TokenID(allowed.max { logits[$0] < logits[$1] }!) == token)
                text.append(token)
            }
        } else {
            #expect(kernels[0] == tensors[0])
        }
    }

    @Test("A drawn token follows the model's probabilities among the allowed ones")
    func shares() {
        let logits: [Float] = [3, 1, 2, 0, 5]
        var options = GenerationOptions(temperature: 1, seed: 8)
        options.constraint = .alternating([TokenSet([1, 2])])
        var sampler = Sampler(options, vocabulary: 5, context: [])
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<4000 {
            if let token = sampler.next(logits[...]) { counts[Int(token)] += 1 }
        }
        #expect(counts.reduce(0, +) == 4000)
        #expect(counts[0] + counts[3] + counts[4] == 0)
        // σ(1) of the draws, within four standard errors.
        #expect(abs(Double(counts[2]) / 4000 - 0.7310586) < 4 * (0.2 / 4000).squareRoot())
    }

    @Test("One of some texts is written whole, then the end; texts may begin alike, or be the beginning of another")
    func oneOf() throws {
        let decoder = Self.decoder()
        let options: [[TokenID]] = [[3, 4, 5], [3, 4], [7, 8, 9, 10], [3, 6]]
        var generation = GenerationOptions(maximumTokens: 12, temperature: 1)
        generation.constraint = .oneOf(options, ends: TokenSet([1]))
        var found = Set<[TokenID]>()
        for seed in 0..<40 {
            generation.seed = UInt64(seed)
            let written = try decoder.write(after: [[20, 21]], options: generation, stopTokens: [1])[0]
            #expect(options.contains(written.tokens) && written.end == 1)
            found.insert(written.tokens)
        }
        #expect(found.count > 1)
    }

    @Test("Where nothing may be chosen a text ends, and says why; others go on, in the kernels and in tensors")
    func nothingAllowed() async throws {
        let (model, decoder) = try Self.model()
        // The penalty keeps a random network from writing one token over and over.
        var options = GenerationOptions(maximumTokens: 8, repetitionPenalty: 10)
        let prompts: [[TokenID]] = [[5], [9, 8, 7], [60, 61]]
        let free = try await model.generate(prompts, options: options)
        #expect(free.allSatisfy { $0.finishReason == .length && $0.tokens.count == 8 })
        // After the first row's third token there is nothing; after all others everything.
        let dead = free[0].tokens[2]
        #expect(!free[0].tokens[..<2].contains(dead))
        options.constraint = TokenConstraint(states: [
            .init(allowed: TokenSet(0..<10_000), next: 0, exceptions: [dead: 1]), .init(allowed: TokenSet([]), next: 0),
        ])
        let padding = model.tokenizer.vocabularySize
        let kernels = try await model.generate(prompts, options: options)
        let tensors = try decoder.write(after: prompts, options: options, vocabulary: padding)
        for (row, whole) in free.enumerated() {
            let end = whole.tokens.firstIndex(of: dead)
            let reason: FinishReason = end.map { $0 < 7 } ?? false ? .constraint : .length
            for (tokens, found) in [
                (kernels[row].tokens, kernels[row].finishReason), (tensors[row].tokens, tensors[row].finishReason),
            ] {
                #expect(tokens == Array(whole.tokens.prefix(end.map { $0 + 1 } ?? 8)))
                #expect(found == reason)
            }
        }
        #expect(kernels[0].finishReason == .constraint && kernels[0].tokens.count == 3)
        #expect(kernels.contains { $0.finishReason == .length })
        let reply = try await ChatReply(collecting: model.continuation(of: [5], options: options))
        #expect(reply.finishReason == .constraint)
        #expect(reply.message.content == kernels[0].text)
        #expect(reply.usage == TokenUsage(promptTokens: 1, completionTokens: 3))
        // Rows of the embedding that the tokenizer has no token for cannot be chosen either.
        options.constraint = .alternating([TokenSet(TokenID(padding)..<TokenID(padding) + 5)])
        let none = try await model.generate([[5]], options: options)[0]
        #expect(none.tokens.isEmpty && none.finishReason == .constraint)
        #expect(
            try decoder.write(after: [[5]], options: options, vocabulary: padding) == [
                WrittenTokens(tokens: [], end: nil, finishReason: .constraint)
            ])
        // Allowed, but no number.
        options.constraint = .alternating([TokenSet([2])])
        var sampler = Sampler(options, vocabulary: 3, context: [])
        #expect(sampler.next([0, 1, -.infinity]) == nil)
    }

    @Test("An automaton that leads nowhere is refused")
    func validation() {
        for constraint in [
            TokenConstraint(states: []), TokenConstraint(states: [.init(allowed: Self.text, next: 1)]),
            TokenConstraint(states: [.init(allowed: Self.text, next: 0, exceptions: [4: -1])]),
        ] {
            #expect(throws: GenerationOptionsError.self) { try GenerationOptions(constraint: constraint).validate() }
        }
    }
}

@Suite("Writing by passes")
struct DecoderWritingTests {
    @Test("Rows of different length are written as alone, and end each for itself")
    func rows() throws {
        let decoder = DecoderFixtures.tiny()
        let prompts: [[TokenID]] = [[4], [9, 8, 7, 6, 5, 4, 3], [1, 2, 3]]
        let options = GenerationOptions(maximumTokens: 15)
        let free = try decoder.write(after: prompts, options: options)
        for (prompt, row) in zip(prompts, free) {
            #expect(try decoder.write(after: [prompt], options: options)[0] == row)
            #expect(row.tokens.count == 15 && row.end == nil)
        }
        // A token of the first row's middle as the end.
        let stop = free[0].tokens[6]
        let cache = KeyValueCache(decoder.configuration, rows: 3)
        let ended = try decoder.write(
            after: prompts, options: options, stopTokens: [stop], DecoderPass(cache: cache))
        for (row, whole) in zip(ended, free) {
            let end = whole.tokens.firstIndex(of: stop)
            #expect(row.tokens == Array(whole.tokens.prefix(end ?? 15)))
            #expect(row.end == (end == nil ? nil : stop))
        }
        // The cache holds what was read, per row.
        for (row, (prompt, written)) in zip(prompts, ended).enumerated() {
            #expect(cache.lengths[row] == prompt.count + written.tokens.count - (written.end == nil ? 1 : 0))
        }
        #expect(throws: GenerationError.emptyPrompt) { try decoder.write(after: [[]], options: options) }
        #expect(throws: GenerationError.tokenOutOfRange(61, vocabulary: 61)) {
            try decoder.write(after: [[61]], options: options)
        }
    }

    @Test("A middle head writes a thought on the lower layers; resumed, the final head goes on as after a full reading")
    func thoughts() throws {
        let decoder = DecoderFixtures.tiny {
            $0.layers = 4
            $0.layerWindows = [nil, nil, nil, nil]
        }
        let head = LanguageHead(copying: decoder, layer: 2, hasNorm: true)
        let prompts: [[TokenID]] = [[4, 5, 6], [9, 8, 7, 6, 5]]
        let cache = KeyValueCache(decoder.configuration, rows: 2)
        let thoughts = try decoder.write(
            after: prompts, options: GenerationOptions(maximumTokens: 6), head: head, DecoderPass(cache: cache))
        // Step by step with whole passes that end at the layer.
        for (prompt, thought) in zip(prompts, thoughts) {
            var text = prompt
            for token in thought.tokens {
                var exit = DecoderPass()
                exit.layers = 0..<2
                let logits = withoutGradients {
                    decoder(Tensor(text.map(Int64.init), shape: [1, text.count]), exit)
                }
                #expect(logits.select(0, along: 0).select(-1, along: 0).indexOfMaximum(along: 0).item == Double(token))
                text.append(token)
            }
        }
        #expect(cache.completeLayers == 2)
        withoutGradients { _ = decoder.resume(cache) }
        let last = thoughts.map { [$0.tokens.last!] }
        let options = GenerationOptions(maximumTokens: 5)
        let answers = try decoder.write(after: last, options: options, DecoderPass(cache: cache))
        let whole = zip(prompts, thoughts).map { $0 + $1.tokens }
        #expect(try decoder.write(after: whole, options: options) == answers)
    }
}
