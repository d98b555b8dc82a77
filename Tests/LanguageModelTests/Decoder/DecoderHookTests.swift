import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Decoder hooks")
struct DecoderHookTests {
    let decoder = DecoderFixtures.tiny()
    let tokens = DecoderFixtures.tokens([2, 11])

    @Test("An early exit and its resumption together are the whole pass")
    func earlyExit() {
        let plain = decoder(tokens)
        var seen: [Tensor] = []
        var whole = DecoderPass()
        whole.observe = { hidden, _ in seen.append(hidden) }
        _ = decoder(tokens, whole)
        #expect(seen.count == 3)

        var lower = DecoderPass()
        lower.layers = 0..<2
        lower.skipsFinalNorm = true
        let middle = decoder.hiddenStates(tokens, lower)
        #expect(middle.isIdentical(to: seen[1]))
        var upper = DecoderPass()
        upper.layers = 2..<3
        upper.hidden = middle
        #expect(decoder(tokens, upper).isIdentical(to: plain))
        var exit = DecoderPass()
        exit.layers = 0..<2
        #expect(decoder(tokens, exit).isIdentical(to: decoder.logits(decoder.finalNorm(seen[1]))))
    }

    @Test("A map before the head sees the hidden states and what it returns is used")
    func mapHidden() {
        var pass = DecoderPass()
        pass.mapHidden = { -$0 }
        #expect(decoder(tokens, pass).isClose(to: -decoder(tokens), absoluteTolerance: 1e-5))
    }

    @Test("The fused loss and its gradients are those of plain cross-entropy", arguments: [nil, 5.0])
    func fusedLoss(cap: Double?) throws {
        let decoder = DecoderFixtures.tiny {
            $0.finalLogitSoftCap = cap
            $0.isEmbeddingTied = cap == nil
        }
        decoder.train()
        let source = RandomSource(seed: 5)
        let hidden = Tensor.normal([40, 32], from: source).requiringGradient()
        var labels = DecoderFixtures.tokens([40]).integers
        labels[3] = TokenBatch.ignored
        labels[17] = TokenBatch.ignored
        let weights = Tensor.uniform([40], from: source)
        let weight = decoder.head?.weight ?? decoder.embedding.weight

        let fused = decoder.linearCrossEntropy(hidden, labels: Tensor(labels), weights: weights, chunkRows: 7)
        let plain =
            (decoder.logits(hidden).crossEntropy(Tensor(labels), reduction: .none) * weights).sum()
        #expect(abs(fused.item - plain.item) < 1e-3)
        let found = try (fused * 0.5).gradients(withRespectTo: [hidden, weight])
        let expected = try (plain * 0.5).gradients(withRespectTo: [hidden, weight])
        for (one, other) in zip(found, expected) {
            #expect(try #require(one).isClose(to: #require(other), relativeTolerance: 1e-4, absoluteTolerance: 1e-4))
        }
    }

    @Test("In bf16 the fused loss has the gradients of f32 up to its rounding, and twice as much after a second pass")
    func narrowLoss() throws {
        let decoder = DecoderFixtures.tiny { $0.isEmbeddingTied = true }
        decoder.train()
        let hidden = Tensor.normal([200, 32], from: RandomSource(seed: 6)).cast(to: .bfloat16).requiringGradient()
        let labels = Tensor(DecoderFixtures.tokens([200]).integers)
        let weight = decoder.embedding.weight
        // The whole, and chunks whose gradients are added up.
        for rows in [nil, 70] {
            weight.gradient = nil
            hidden.gradient = nil
            let loss = decoder.linearCrossEntropy(hidden, labels: labels, weights: nil, chunkRows: rows)
            try (loss * 0.5).backward(keepGraph: true)
            let once = try #require(weight.gradient).copy()
            try (loss * 0.5).backward()
            #expect(
                try #require(weight.gradient).isClose(to: once * 2.0, relativeTolerance: 1e-5, absoluteTolerance: 1e-6))
            let full = hidden.detached().cast(to: .float32).requiringGradient()
            let plain = decoder.logits(full).crossEntropy(labels, reduction: .sum)
            #expect(abs(loss.item - plain.item) < 0.002 * plain.item)
            let expected = try (plain * 0.5).gradients(withRespectTo: [full, weight])
            // Slopes are rounded to 8 bits, so are the products' factors: errors of 2⁻⁸ of the largest numbers.
            let found = try [#require(hidden.gradient).cast(to: .float32) / 2.0, once]
            for (one, other) in zip(found, expected) {
                let other = try #require(other)
                #expect((one - other).absolute().maximum().item < other.absolute().maximum().item / 64)
            }
        }
    }

    @Test("Packed documents score as each document alone")
    func packed() {
        let first = DecoderFixtures.tokens([1, 6], seed: 1)
        let second = DecoderFixtures.tokens([1, 5], seed: 2)
        var pass = DecoderPass()
        pass.segments = Tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1], shape: [1, 11])
        pass.positions = Tensor([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4], shape: [1, 11])
        let packed = decoder(.concatenated([first, second], along: 1), pass)
        #expect(packed.slice(0..<6, along: 1).isClose(to: decoder(first), absoluteTolerance: 1e-4))
        #expect(packed.slice(6..<11, along: 1).isClose(to: decoder(second), absoluteTolerance: 1e-4))
    }

    @Test("A tree mask scores two continuations of one prefix in one pass")
    func treeMask() {
        let prefix = DecoderFixtures.tokens([1, 4], seed: 1)
        let options = [DecoderFixtures.tokens([1, 2], seed: 2), DecoderFixtures.tokens([1, 2], seed: 4)]
        var pass = DecoderPass()
        pass.positions = Tensor([0, 1, 2, 3, 4, 5, 4, 5], shape: [1, 8])
        let rows = (0..<8).map { query in
            (0..<8).map { key in key <= query && (key < 4 || key / 2 == query / 2) }
        }
        pass.mask = Tensor(rows.flatMap { $0 }, shape: [1, 1, 8, 8])
        let tree = decoder(.concatenated([prefix] + options, along: 1), pass)
        for (index, option) in options.enumerated() {
            let alone = decoder(.concatenated([prefix, option], along: 1))
            #expect(
                tree.slice(4 + 2 * index..<6 + 2 * index, along: 1)
                    .isClose(to: alone.slice(4..<6, along: 1), absoluteTolerance: 1e-4))
        }
    }

    @Test("A copy shares no memory: training one leaves the other")
    func copies() throws {
        decoder.train()
        let target = decoder.copy()
        let before = target(tokens)
        decoder.parameters.forEach { $0.tensor.scale(by: 1.5) }
        #expect(target(tokens).isIdentical(to: before))
        #expect(!decoder(tokens).isClose(to: before, absoluteTolerance: 1e-3))
        target.moveParameters(towards: decoder, weight: 1)
        #expect(target(tokens).isClose(to: decoder(tokens), absoluteTolerance: 1e-4))
    }

    @Test("Adapters start at nothing, train alone, switch off per call and merge exactly")
    func adapters() throws {
        let plain = decoder(tokens)
        decoder.attachAdapters(rank: 4, alpha: 8, from: RandomSource(seed: 2))
        #expect(decoder(tokens).isIdentical(to: plain))
        #expect(decoder.trainableParameters.allSatisfy { $0.name.contains("lora_") })
        #expect(decoder.trainableParameters.count == 3 * 7 * 2)
        for (_, layer) in decoder.linears {
            guard let adapter = layer.adapter else { continue }
            adapter.up.assign(.normal(adapter.up.shape, from: RandomSource(seed: 9)))
        }
        let adapted = decoder(tokens)
        #expect(!adapted.isClose(to: plain, absoluteTolerance: 1e-2))
        #expect(decoder.withoutAdapters { decoder(tokens) }.isIdentical(to: plain))
        let copied = decoder.copy()
        #expect(copied(tokens).isIdentical(to: adapted))
        decoder.mergeAdapters()
        #expect(decoder(tokens).isClose(to: adapted, relativeTolerance: 1e-4, absoluteTolerance: 1e-4))
    }

    @Test("Precision bf16 stays near f32")
    func bfloat16() {
        let plain = decoder(tokens)
        decoder.precision = .bf16
        let error = (decoder(tokens) - plain).norm().item / plain.norm().item
        #expect(error > 0 && error < 0.03)
    }
}
