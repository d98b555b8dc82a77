import Evaluation
import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Testing
import Training

@Suite("Next-token prediction")
struct LanguageModelLearnerTests {
    @Test("Packed rows have the loss and the gradients of padded ones")
    func packedEqualsPadded() throws {
        let decoder = try BaseModel.tiny().decoder
        decoder.train()
        let learner = LanguageModelLearner(decoder)
        let texts = documents([9, 4, 14, 2, 7])
        let packed = TokenRows(Packing.rows(texts, length: 20), length: 20)
        let padded = TokenRows(texts.map { [$0] }, length: nil)
        #expect(packed.rows < padded.rows)
        #expect(packed.isPacked)
        let (one, other) = (learner.loss(packed), learner.loss(padded))
        #expect(one.weight == other.weight)
        #expect(one.tokens == other.tokens)
        #expect(abs(one.sum.item - other.sum.item) < 1e-4 * abs(other.sum.item))
        let first = try decoder.gradients(one.sum)
        let second = try decoder.gradients(other.sum)
        for (one, other) in zip(first, second) { #expect(one.isClose(to: other, absoluteTolerance: 2e-4)) }
        // Without segments, documents would see their neighbours.
        var batch = TokenBatch(packed)
        batch.segments = nil
        batch.positions = nil
        #expect(abs(decoder.loss(batch).item - other.sum.item) > 1e-3)
    }

    @Test("Eight rows at once and eight rows one by one take the same step")
    func accumulation() throws {
        func train(rows: Int, accumulation: Int) throws -> [Tensor] {
            let decoder = try BaseModel.tiny().decoder
            decoder.train()
            let rowsOfTexts = documents([9, 4, 14, 2, 7, 12, 5, 3]).map { [$0] }
            let source = try TokenRowSource([.init(rows: rowsOfTexts)], rowsPerBatch: rows, length: 14, seed: 1)
            var limits = TrainingLimits(steps: 3)
            limits.accumulation = accumulation
            limits.maximumGradientNorm = 1
            let learner = LanguageModelLearner(decoder)
            // Plain steps: AdamW divides rounding errors by themselves where a gradient is next to nothing.
            let loop = TrainingLoop(
                learner: learner, source: source, optimizer: SGD([ParameterGroup(learner.trainedParameters)]),
                schedule: LearningRateSchedule(peak: 0.5, totalSteps: 3, decay: .constant), limits: limits)
            loop.isInterrupted = { false }
            _ = try loop.run()
            return decoder.parameters.map { $0.tensor.detached() }
        }
        let whole = try train(rows: 8, accumulation: 1)
        let parts = try train(rows: 1, accumulation: 8)
        let start = try BaseModel.tiny().decoder.parameters.map { $0.tensor.detached() }
        for ((one, other), start) in zip(zip(whole, parts), start) {
            #expect(one.isClose(to: other, absoluteTolerance: 2e-5))
            #expect(!one.isIdentical(to: start))
        }
    }

    @Test("An adapter with dropout that is trained in two runs equals one trained in one, to the bit")
    func resume() async throws {
        try await withTemporaryFolder { folder in
            func make() throws -> TrainingLoop<LanguageModelLearner, TokenRowSource> {
                let decoder = try BaseModel.tiny().decoder
                let random = RandomSource(seed: 5)
                decoder.attachAdapters(rank: 4, alpha: 8, dropout: 0.2, from: random)
                let texts = documents(Array(3..<19))
                let learner = LanguageModelLearner(decoder, heldOut: documents([6, 8]), dropoutSource: random)
                let source = try TokenRowSource(
                    [.init(rows: Packing.rows(texts, length: 24))], rowsPerBatch: 2, length: 24, seed: 4)
                let loop = TrainingLoop(
                    learner: learner, source: source,
                    optimizer: AdamW(ParameterGroup.standard(learner.trainedParameters, weightDecay: 0.1)),
                    schedule: LearningRateSchedule(peak: 0.01, warmUpSteps: 2, totalSteps: 9),
                    limits: TrainingLimits(steps: 9))
                loop.checkpoint = folder.appending(path: "checkpoint")
                loop.isInterrupted = { false }
                return loop
            }
            let whole = try make()
            let expected = try whole.run()
            let first = try make()
            first.isInterrupted = { first.progress.step == 4 }
            #expect(try first.run().reason == .interrupted)
            let second = try make()
            try second.resume()
            let outcome = try second.run()
            #expect(outcome.progress.evaluation == expected.progress.evaluation)
            for (one, other) in zip(whole.learner.decoder.parameters, second.learner.decoder.parameters) {
                #expect(one.tensor.isIdentical(to: other.tensor), "\(one.name)")
            }
        }
    }

    @Test("Only adapters train, and merging and unmerging gives the weights back")
    func adapters() throws {
        let decoder = try BaseModel.tiny().decoder
        let before = decoder.parameters.map { ($0.name, $0.tensor.detached().copy()) }
        decoder.attachAdapters(rank: 4, alpha: 8, from: RandomSource(seed: 5))
        let learner = LanguageModelLearner(decoder)
        #expect(learner.trainedParameters.allSatisfy { $0.name.contains(".lora_") })
        #expect(learner.trainedParameters.count == 2 * 2 * 7)
        let rows = TokenRows(documents([9, 14, 7]).map { [$0] }, length: nil)
        let optimizer = AdamW([ParameterGroup(learner.trainedParameters)])
        let untrained = learner.loss(rows).sum.item
        for _ in 0..<20 {
            optimizer.clearGradients()
            try learner.loss(rows).sum.backward()
            optimizer.step(learningRate: 0.01)
        }
        let trained = learner.loss(rows).sum.item
        #expect(trained < untrained * 0.98)
        let after = Dictionary(uniqueKeysWithValues: decoder.parameters.map { ($0.name, $0.tensor) })
        for (name, tensor) in before { #expect(after[name]?.isIdentical(to: tensor) == true, "\(name)") }

        let linears = [decoder.blocks[0].attention.query, decoder.blocks[1].feedForward.down]
        let weights = linears.map { $0.weight.detached().copy() }
        let adapters = linears.map { $0.merge() }
        #expect(abs(learner.loss(rows).sum.item - trained) < 1e-3 * trained)
        for (linear, weight) in zip(linears, weights) {
            #expect(!linear.weight.isClose(to: weight, absoluteTolerance: 1e-4))
        }
        for (linear, adapter) in zip(linears, adapters) { linear.unmerge(try #require(adapter)) }
        for (linear, weight) in zip(linears, weights) {
            #expect(linear.weight.isClose(to: weight, absoluteTolerance: 1e-5))
        }
    }

    @Test("Perplexity of documents does not depend on which are computed together")
    func perplexity() throws {
        let decoder = try BaseModel.tiny().decoder
        let texts = documents([9, 0, 14, 3, 7])
        let together = LanguageModelLearner.perplexity(decoder, texts)
        let alone = LanguageModelLearner.perplexity(decoder, texts, tokensPerBatch: 1)
        #expect(together.entries.map(\.tokens) == texts.map(\.trainedCount))
        for (one, other) in zip(together.entries, alone.entries) { #expect(abs(one.loss - other.loss) < 1e-3) }
        #expect(abs(together.meanLoss - log(259)) < 0.5)
    }
}
