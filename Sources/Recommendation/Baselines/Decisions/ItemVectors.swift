import Corpora
import Evaluation
import Layers
public import Tensors
import Training

/// Vectors of items that stay as they are while an agent learns to act among them.
///
/// Spec 05 §1.3 has vectors learned beforehand from which items stand together; these are the factors of Bayesian
/// personalised ranking on the liked training rows, scaled to a mean length of `√dimensions`, so that a coordinate is of
/// size 1, which noise and learning rates are published for.
public final class ItemVectors {
    /// `[items + 1, dimensions]`; row 0 is 0, for empty places.
    public let table: Tensor

    /// - Parameter table: `[items + 1, dimensions]`.
    public init(table: Tensor) { self.table = table }

    /// Places for vectors that a file fills.
    public convenience init(itemCount: Int, dimensions: Int) { self.init(table: .zeros([itemCount + 1, dimensions])) }

    public var itemCount: Int { table.size(0) - 1 }
    public var dimensions: Int { table.size(1) }
    /// The mean length.
    public var norm: Double { Double(dimensions).squareRoot() }
    /// `[items, dimensions]`.
    public var items: Tensor { table.slice(1..<table.size(0), along: 0) }

    /// Learns the vectors of a split's liked training rows.
    /// - Parameter epochs: at most so many passes; training ends earlier where the validation part gains nothing.
    /// - Throws: `BatchSourceError`, `TrainingError`, `CancellationError` where interrupted.
    public static func learned(
        from split: InteractionSplit, dimensions: Int, epochs: Int, seed: UInt64
    ) throws -> ItemVectors {
        var configuration = MatrixFactorization.Configuration()
        configuration.dimensions = dimensions
        configuration.hasBiases = false
        var options = FittingOptions()
        options.learningRate = 5e-3
        options.epochs = epochs
        options.patience = 5
        let factors = try MatrixFactorization.learned(from: split, configuration, options, seed: seed)
        return withoutGradients {
            let items = factors.items.detached()
            let mean: Double = items.norm(along: 1).mean().item
            let scaled = items * (Double(dimensions).squareRoot() / max(mean, 1e-12))
            return ItemVectors(table: .concatenated([.zeros([1, dimensions]), scaled]))
        }
    }
}

extension MatrixFactorization {
    /// Factors of a split's training rows by pairs, with the best parameters by nDCG@10 of the validation part.
    /// - Throws: `BatchSourceError`, `TrainingError`, `CancellationError` where interrupted.
    static func learned(
        from split: InteractionSplit, _ configuration: Configuration, _ options: FittingOptions, seed: UInt64
    ) throws -> MatrixFactorization {
        let model = MatrixFactorization(
            configuration, userCount: split.log.userCount, itemCount: split.log.itemCount,
            from: RandomSource(seed: seed))
        let batches = try InteractionSource(
            split, layout: .pairs, rowsPerBatch: options.rowsPerBatch,
            sampler: NegativeSampler(split, exclusion: .trainOnly), seed: seed)
        let validation = RankingMeasurement(split, part: .validation)
        try Fitting.run(
            model, on: batches, batchesPerPass: batches.batchesPerPass, options: options,
            watching: WatchedMetric("nDCG@10", isHigherBetter: true), measure: { try validation.metrics($0) })
        return model
    }
}
