import Evaluation
import LanguageModel
import Layers
import Tensors
import Training

extension ContextExtensionConfiguration {
    /// A decoder trained for `tokens` tokens at the training length, with context extension off.
    /// - Throws: `CancellationError` where `isInterrupted` says so, `TrainingError`, `BatchSourceError`.
    package func trainedDecoder(
        on rows: [[TokenSequence]], tokens: Int, seed: Int, isInterrupted: @escaping () -> Bool
    ) throws -> TransformerDecoder {
        let steps = steps(tokens: tokens)
        let decoder = TransformerDecoder(decoder, precision: .f32, from: RandomSource(seed: UInt64(seed)))
        decoder.train()
        let learner = LanguageModelLearner(decoder)
        let source = try TokenRowSource(
            [.init(rows: rows)], rowsPerBatch: rowsPerBatch, length: trainingLength, seed: UInt64(seed))
        let optimizer = AdamW(
            ParameterGroup.standard(learner.trainedParameters, weightDecay: weightDecay), beta1: beta1, beta2: beta2,
            epsilon: epsilon)
        var limits = TrainingLimits(steps: steps)
        limits.maximumGradientNorm = maximumGradientNorm
        let loop = TrainingLoop(
            learner: learner, source: source, optimizer: optimizer, schedule: schedule(steps: steps), limits: limits)
        loop.isInterrupted = isInterrupted
        if try loop.run().reason == .interrupted { throw CancellationError() }
        decoder.train { _ in false }
        return decoder
    }
}

/// Measures how a decoder reads held-out texts of one length.
///
/// The texts are cut into neighbouring windows of that length, so that every length scores the very same tokens, each
/// once; a longer window only gives them more to look back to.
package struct LengthMeasurement {
    package let heldOut: [TokenSequence]
    /// Bounds the memory of one pass.
    private static let tokensPerPass = 4096

    package init(_ heldOut: [TokenSequence]) { self.heldOut = heldOut }

    /// The mean loss of a token in nats, the logarithm of perplexity.
    package func meanLoss(
        of decoder: TransformerDecoder, _ extension: ContextExtension, length: Int, using generator: SeededGenerator
    ) -> Double {
        let pass = `extension`.configure(decoder, length: length, using: generator)
        let windows = heldOut.flatMap { $0.pieces(of: length) }
        let rowsPerPass = max(1, Self.tokensPerPass / length)
        var tally = PerplexityTally()
        for start in stride(from: 0, to: windows.count, by: rowsPerPass) {
            let rows = TokenRows(windows[start..<min(start + rowsPerPass, windows.count)].map { [$0] })
            let losses = withoutGradients { decoder.logProbabilities(TokenBatch(rows), pass).floats }
            tally.add(loss: -losses.reduce(0.0) { $0 + Double($1) }, tokens: losses.count)
        }
        return tally.meanLoss
    }
}
