import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

/// Three epochs of SASRec on LastFM beside RecBole's (Scripts/fixtures/recommender_training.py SEED 3): the same
/// structure, batch, rate and ranking, but other random numbers. It needs the data and a minute a seed:
/// `WALLFACER_DATA=… WALLFACER_PARITY_SEEDS=5 swift test --filter LastFM`.
@Suite("LastFM parity")
struct LastFMParityTests {
    private static let seeds = Int(ProcessInfo.processInfo.environment["WALLFACER_PARITY_SEEDS"] ?? "") ?? 0

    /// nDCG@10 of RecBole 1.2.1 (torch 2.15.0) after three epochs, seeds 1 to 5.
    private static let peer = [0.01395, 0.018392, 0.017744, 0.018212, 0.018371]

    @Test("nDCG@10 after three epochs agrees with RecBole's within two standard errors", .enabled(if: seeds > 1))
    func trains() throws {
        let data = DataDirectory()
        let folder = try #require(data.folder(dataSet: "s3rec-sequences"))
        let split = InteractionSplit.leaveOneOut(try UserSequenceSet(folder: folder, name: "LastFM").log)
        let test = RankingMeasurement(split, part: .test, excludesHistory: false, data: "LastFM")
        var configuration = SelfAttentiveSequence.Configuration.recBole
        configuration.length = 20
        var options = FittingOptions()
        options.epochs = 3
        options.rowsPerBatch = 2048
        var gains: [Double] = []
        for seed in 1...Self.seeds {
            let model = SelfAttentiveSequence(
                configuration, itemCount: split.log.itemCount, from: RandomSource(seed: UInt64(seed)))
            let source = try InteractionSource(
                split, layout: configuration.layout, rowsPerBatch: options.rowsPerBatch, seed: UInt64(seed))
            let begin = ContinuousClock.now
            try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options)
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            let metrics = try test.metrics(model)
            gains.append(try #require(metrics["nDCG@10"]))
            print("seed \(seed): \(source.count) examples an epoch, \(seconds) s, \(metrics)")
        }
        let peer = Self.peer
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        func squaredError(_ values: [Double]) -> Double {
            values.reduce(0) { $0 + ($1 - mean(values)) * ($1 - mean(values)) }
                / Double((values.count - 1) * values.count)
        }
        let error = (squaredError(gains) + squaredError(peer)).squareRoot()
        print("ours \(mean(gains)), RecBole \(mean(peer)), standard error of the difference \(error)")
        #expect(abs(mean(gains) - mean(peer)) < 2 * error)
    }
}
