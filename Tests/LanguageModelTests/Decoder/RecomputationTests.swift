import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Recomputed activations")
struct RecomputationTests {
    static var batch: TokenBatch {
        let tokens = DecoderFixtures.tokens([2, 11])
        return TokenBatch(tokens: tokens, labels: tokens.rolled(by: -1, along: 1))
    }

    private func compare(
        _ one: (loss: Double, gradients: [Tensor]), _ other: (loss: Double, gradients: [Tensor])
    ) {
        #expect(one.loss == other.loss)
        #expect(one.gradients.count == other.gradients.count && !one.gradients.isEmpty)
        for (first, second) in zip(one.gradients, other.gradients) {
            #expect(first.isClose(to: second, absoluteTolerance: 1e-5))
        }
    }

    @Test("Loss and gradients are those of kept activations")
    func whole() throws {
        func run(_ recomputes: Bool) throws -> (Double, [Tensor]) {
            let decoder = DecoderFixtures.tiny()
            decoder.train()
            var pass = DecoderPass()
            pass.recomputesActivations = recomputes
            let loss = decoder.loss(Self.batch, pass)
            try loss.backward()
            return (loss.item, try decoder.parameters.map { try #require($0.tensor.gradient) })
        }
        try compare(run(true), run(false))
    }

    /// Two steps with dropout in the adapters; the gradients of the second.
    private func dropoutSteps(_ recomputes: Bool, seed: UInt64 = 5) throws -> (loss: Double, gradients: [Tensor]) {
        let decoder = DecoderFixtures.tiny()
        let source = RandomSource(seed: seed)
        decoder.attachAdapters(rank: 4, alpha: 8, dropout: 0.3, from: source)
        for (index, (_, layer)) in decoder.linears.enumerated() {
            guard let adapter = layer.adapter else { continue }
            adapter.up.assign(
                .normal(adapter.up.shape, standardDeviation: 0.3, from: RandomSource(seed: UInt64(index))))
        }
        var pass = DecoderPass()
        pass.recomputesActivations = recomputes
        var loss = Tensor(Float(0))
        for _ in 0..<2 {
            decoder.trainableParameters.forEach { $0.tensor.gradient = nil }
            loss = decoder.loss(Self.batch, pass)
            try loss.backward()
        }
        return (loss.item, try decoder.trainableParameters.map { try #require($0.tensor.gradient) })
    }

    @Test("With dropout, both runs of a layer draw the same masks, and the generator goes on as if there were one")
    func dropout() throws {
        let kept = try dropoutSteps(false)
        compare(try dropoutSteps(true), kept)
        // Masks matter: another seed gives another loss.
        #expect(try dropoutSteps(false, seed: 6).loss != kept.loss)
    }

    @Test("A hook's own parameters get their gradients on a frozen decoder, with the hook's dropout repeated")
    func hooks() throws {
        func run(_ recomputes: Bool) throws -> (Double, [Tensor]) {
            let decoder = DecoderFixtures.tiny()
            decoder.train { _ in false }
            let source = RandomSource(seed: 2)
            let signal = Tensor.zeros([48, 32]).requiringGradient()
            var pass = DecoderPass()
            pass.recomputesActivations = recomputes
            pass.randomSources = [source]
            pass.gate = { gate, input, _ in
                gate * (gate * (input.dropout(0.5, from: source).matmul(signal.transposed()) + 1)).sigmoid()
            }
            let loss = decoder.loss(Self.batch, pass)
            try loss.backward()
            return (loss.item, [try #require(signal.gradient)])
        }
        let kept = try run(false)
        #expect(kept.1[0].norm().item > 0)
        compare(try run(true), kept)
    }
}
