import Corpora
public import Tensors
import Training

/// `recommend-bpr`: matrix factorisation by pairs.
public enum PairwiseRankingMethod: InteractionMethod {
    public typealias Configuration = MatrixFactorization.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-bpr"
    public static let summary = "Matrix factorisation that ranks what a user met above what they did not (BPR)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> MatrixFactorization {
        guard configuration.objective == .pairs else {
            throw RecommendationError.mismatch(
                reason: "model.objective is ratings; recommend-bpr learns from pairs, and ratings are for the library")
        }
        return MatrixFactorization(configuration, userCount: known.userCount, itemCount: known.itemCount, from: source)
    }

    public static func source(
        _ configuration: Configuration, data: FeedbackData, rowsPerBatch: Int, seed: UInt64
    ) throws -> InteractionSource {
        try InteractionSource(
            data.split, layout: .pairs, rowsPerBatch: rowsPerBatch,
            sampler: NegativeSampler(data.split, exclusion: .trainOnly), seed: seed)
    }
}

/// `recommend-gru4rec`: a recurrent unit over the history.
public enum RecurrentSequenceMethod: InteractionMethod {
    public typealias Configuration = RecurrentSequence.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-gru4rec"
    public static let summary = "A recurrent unit reads the history and predicts the next item (GRU4Rec)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> RecurrentSequence {
        RecurrentSequence(configuration, itemCount: known.itemCount, from: source)
    }

    public static func source(
        _ configuration: Configuration, data: FeedbackData, rowsPerBatch: Int, seed: UInt64
    ) throws -> InteractionSource {
        try InteractionSource(
            data.split, layout: .nextItem(length: configuration.length), rowsPerBatch: rowsPerBatch, seed: seed)
    }
}

/// `recommend-sasrec`: causal self-attention over the history.
public enum SelfAttentiveSequenceMethod: InteractionMethod {
    public typealias Configuration = SelfAttentiveSequence.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-sasrec"
    public static let summary = "Causal self-attention reads the history and predicts the next item (SASRec)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> SelfAttentiveSequence {
        guard configuration.dimensions % configuration.heads == 0 else {
            throw RecommendationError.mismatch(
                reason:
                    "model.dimensions is \(configuration.dimensions), which \(configuration.heads) heads do not divide")
        }
        return SelfAttentiveSequence(configuration, itemCount: known.itemCount, from: source)
    }

    public static func source(
        _ configuration: Configuration, data: FeedbackData, rowsPerBatch: Int, seed: UInt64
    ) throws -> InteractionSource {
        try InteractionSource(
            data.split, layout: configuration.layout, rowsPerBatch: rowsPerBatch,
            sampler: configuration.objective == .binary ? NegativeSampler(data.split, exclusion: .trainOnly) : nil,
            seed: seed)
    }
}
