import Experiments
public import LanguageModel
import Layers

/// The decoder of the study, its training and its measurements. Where the report has a value at its own scale, that value
/// stands here; the rest is ours, because a decoder of 1.4 million parameters needs other sizes and rates.
public struct ContextExtensionConfiguration: Sendable, Equatable {
    /// L0, tokens. The report's models: 2048.
    public var trainingLength = 128
    /// Texts are read at these multiples of the training length.
    public var lengthRatios = [1, 2, 4, 8]

    public var vocabularySize = 2048
    public var layers = 4
    public var hiddenDimensions = 128
    /// Two heads of 64: dynamic NTK stretches a head the more evenly, the wider it is (the report's have 128).
    public var heads = 2
    /// 8/3 of the width, rounded up to a multiple of 128, as in the report.
    public var feedForwardDimensions = 384

    public var rowsPerBatch = 8
    /// The report's 3e-4 is for 1.8 billion parameters and more.
    public var peakLearningRate = 3e-3
    public var warmUpShare = 0.1
    /// Cosine to a tenth of the peak, as in the report (§2.4), like all that follows.
    public var finalLearningRateShare = 0.1
    public var beta1 = 0.9
    public var beta2 = 0.95
    public var epsilon = 1e-8
    public var weightDecay = 0.1
    public var maximumGradientNorm = 1.0

    public init() {}

    /// Tokens of the longest text.
    public var longestLength: Int { trainingLength * (lengthRatios.max() ?? 1) }

    /// Training steps of a budget.
    func steps(tokens: Int) -> Int { max(1, tokens / (rowsPerBatch * trainingLength)) }

    /// A first-generation Qwen in small: untied head, biases on query, key and value only.
    public var decoder: DecoderConfiguration {
        var decoder = DecoderConfiguration(
            family: .qwen, layers: layers, hiddenDimensions: hiddenDimensions, heads: heads,
            feedForwardDimensions: feedForwardDimensions, vocabularySize: vocabularySize)
        decoder.trainingLength = trainingLength
        decoder.maximumPositions = longestLength
        return decoder
    }

    func schedule(steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            peak: peakLearningRate, warmUpSteps: max(1, Int(Double(steps) * warmUpShare)), totalSteps: steps,
            finalShare: finalLearningRateShare)
    }
}

/// What one scale of the study reads.
package struct ContextExtensionScale: Sendable {
    package let seeds: Int
    /// Training tokens of one seed.
    package let trainingTokens: Int
    /// Held-out texts of the longest length; every length scores all their tokens.
    package let heldOutTexts: Int
    /// Built-in tales only, so that the scale needs no data.
    package let isBuiltIn: Bool

    package init(_ scale: Scale) {
        switch scale {
        case .smoke: (seeds, trainingTokens, heldOutTexts, isBuiltIn) = (2, 20_480, 2, true)
        case .quick: (seeds, trainingTokens, heldOutTexts, isBuiltIn) = (5, 600_064, 24, false)
        case .full: (seeds, trainingTokens, heldOutTexts, isBuiltIn) = (10, 6_000_640, 96, false)
        }
    }
}
