import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

private let seedCount = Int(ProcessInfo.processInfo.environment["WALLFACER_PARITY_SEEDS"] ?? "") ?? 0

/// A few epochs on LastFM beside RecBole's (Scripts/fixtures/recommender_training.py): the same structure, batch, rate,
/// negatives and ranking, but other random numbers. It needs the data and some minutes:
/// `WALLFACER_DATA=… WALLFACER_PARITY_SEEDS=5 swift test --filter LastFM`.
@Suite("LastFM parity", .serialized, .enabled(if: seedCount > 1))
struct LastFMParityTests {
    private let split: InteractionSplit

    init() throws {
        let folder = try #require(DataDirectory().folder(dataSet: "s3rec-sequences"))
        split = InteractionSplit.leaveOneOut(try UserSequenceSet(folder: folder, name: "LastFM").log)
    }

    /// Trains and measures with every seed, and compares the mean nDCG@10 with RecBole's.
    private func compare(
        _ peer: [Double], excludesHistory: Bool, _ train: (UInt64) throws -> any Recommender
    ) throws {
        let test = RankingMeasurement(split, part: .test, excludesHistory: excludesHistory, data: "LastFM")
        func measured(_ model: some Recommender) throws -> [String: Double] { try test.metrics(model) }
        var gains: [Double] = []
        for seed in 1...seedCount {
            let metrics = try measured(train(UInt64(seed)))
            gains.append(try #require(metrics["nDCG@10"]))
            print("seed \(seed): nDCG@10 \(gains[seed - 1]), HR@10 \(metrics["HR@10"] ?? .nan)")
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        func squaredError(_ values: [Double]) -> Double {
            values.reduce(0) { $0 + ($1 - mean(values)) * ($1 - mean(values)) }
                / Double((values.count - 1) * values.count)
        }
        let error = (squaredError(gains) + squaredError(peer)).squareRoot()
        print("ours \(mean(gains)), RecBole \(mean(peer)), standard error of the difference \(error)")
        #expect(abs(mean(gains) - mean(peer)) < 2 * error)
    }

    private func options(epochs: Int) -> FittingOptions {
        var options = FittingOptions()
        options.epochs = epochs
        return options
    }

    @Test("SASRec after three epochs agrees with RecBole's within two standard errors")
    func selfAttention() throws {
        var configuration = SelfAttentiveSequence.Configuration.recBole
        configuration.length = 20
        // RecBole 1.2.1 (torch 2.15.0), seeds 1 to 5.
        try compare([0.01395, 0.018392, 0.017744, 0.018212, 0.018371], excludesHistory: false) { seed in
            let model = SelfAttentiveSequence(
                configuration, itemCount: split.log.itemCount, from: RandomSource(seed: seed))
            let source = try InteractionSource(split, layout: configuration.layout, rowsPerBatch: 2048, seed: seed)
            try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options(epochs: 3))
            return model
        }
    }

    @Test("BPR after sixty epochs, the first ones of which learn next to nothing, agrees with RecBole's")
    func pairwiseRanking() throws {
        var configuration = MatrixFactorization.Configuration()
        configuration.hasBiases = false
        try compare([0.042628, 0.04252, 0.042776, 0.043493, 0.041898], excludesHistory: true) { seed in
            let model = MatrixFactorization(
                configuration, userCount: split.log.userCount, itemCount: split.log.itemCount,
                from: RandomSource(seed: seed))
            let source = try InteractionSource(
                split, layout: .pairs, rowsPerBatch: 2048, sampler: NegativeSampler(split, exclusion: .trainOnly),
                seed: seed)
            try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options(epochs: 60))
            return model
        }
    }

    @Test("DeepFM of users and items after three epochs agrees with RecBole's")
    func factorizationMachine() throws {
        try compare([0.016724, 0.013965, 0.016999, 0.014099, 0.013785], excludesHistory: true) { seed in
            let pairs = LabelledPairs(
                try InteractionSource(
                    split, layout: .pairs, rowsPerBatch: 1024,
                    sampler: NegativeSampler(split, exclusion: .trainOnly), seed: seed))
            let scorer = PairScorer(split, from: RandomSource(seed: seed))
            try Fitting.run(
                scorer.model, on: pairs, batchesPerPass: pairs.source.batchesPerPass, options: options(epochs: 3))
            return scorer
        }
    }
}

/// Users with an item they met (1) and one they did not (0), as RecBole samples for models of single rows.
private final class LabelledPairs: BatchSource {
    let source: InteractionSource

    init(_ source: InteractionSource) { self.source = source }

    func next() throws -> FeatureBatch? {
        guard let batch = try source.next(), let negatives = batch.negatives else { return nil }
        let users = batch.users + 1
        let rows = batch.targetCount
        let pairs = [batch.targets, negatives].map { Tensor.stacked([users, $0], along: 1) }
        return FeatureBatch(
            categories: .concatenated(pairs), labels: .concatenated([.ones([rows, 1]), .zeros([rows, 1])]),
            knownLabels: 2 * rows)
    }

    var position: InteractionSource.Position { source.position }
    func restore(_ position: InteractionSource.Position) throws { try source.restore(position) }
}

/// A DeepFM of a user and an item that ranks items.
private final class PairScorer: Recommender {
    let model: DeepFM
    let itemCount: Int

    init(_ split: InteractionSplit, from source: RandomSource) {
        itemCount = split.log.itemCount
        model = DeepFM(
            FeatureSchema(categories: [
                .init("user", count: split.log.userCount + 1), .init("item", count: split.log.itemCount + 1),
            ]), from: source)
    }

    func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        let items = Tensor(candidates.map { Int($0) + 1 })
        return withoutGradients {
            .stacked(
                users.map { user in
                    let row = Tensor.full([candidates.count], Double((user.user ?? -1) + 1)).cast(to: .int64)
                    let batch = FeatureBatch(
                        categories: .stacked([row, items], along: 1), labels: .zeros([candidates.count, 1]),
                        knownLabels: 0)
                    return model.logits(batch).select(0, along: 1)
                })
        }
    }
}
