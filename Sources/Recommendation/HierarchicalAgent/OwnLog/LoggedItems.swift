import Corpora
import Foundation
import Tensors
import Training

extension FeedCatalogue {
    /// The items of a log as vectors, learned from its training rows: the factors of BPR, how often an item was liked, and
    /// the share of its views that was.
    ///
    /// The parts stand for content, topic, and past click rate of the feed world, with its weights: factors have a mean
    /// length of 1, the other two a spread of 0.3 [inf].
    ///
    /// - Throws: `InteractionError`, `TrainingError`, `BatchSourceError` where there is nothing to learn from,
    ///   `CancellationError`.
    static func learned(from data: FeedbackData, _ settings: LogSettings, seed: UInt64) throws -> FeedCatalogue {
        var configuration = MatrixFactorization.Configuration()
        configuration.dimensions = settings.dimensions
        var options = FittingOptions()
        options.learningRate = settings.vectorRate
        options.epochs = settings.vectorEpochs
        let model = try MatrixFactorization.learned(from: data.split, configuration, options, seed: seed)
        return FeedCatalogue(
            factors: withoutGradients { model.items.floats }, dimensions: settings.dimensions,
            counts: try counts(of: data))
    }

    /// Training views of each item, and those that were liked.
    static func counts(of data: FeedbackData) throws -> (views: [Float], likes: [Float]) {
        let counts = try CountedFeedback(data)
        return (counts.shown.map(Float.init), counts.liked.map(Float.init))
    }

    /// Numbers of an item beside its factors.
    static let countedParts = 2

    /// - Parameter factors: `[items, dimensions]`, row by row, of any scale.
    package init(factors: [Float], dimensions: Int, counts: (views: [Float], likes: [Float])) {
        let items = counts.views.count
        var length = 0.0
        for item in 0..<items {
            let own = factors[(item * dimensions)..<((item + 1) * dimensions)]
            length += Double(own.reduce(0) { $0 + $1 * $1 }.squareRoot()) / Double(items)
        }
        let scale = length > 0 ? Float(1 / length) : 0
        let popularity = Self.popularity(counts.likes.map { log1p($0) })
        let rates = Self.popularity(Self.smoothedRates(clicks: counts.likes, views: counts.views))
        var table: [Float] = []
        table.reserveCapacity(items * (dimensions + Self.countedParts))
        for item in 0..<items {
            for axis in 0..<dimensions { table.append(scale * factors[item * dimensions + axis]) }
            table.append(popularity[item])
            table.append(rates[item])
        }
        self.init(table: table, dimensions: dimensions + Self.countedParts)
    }

    /// The direction of the mean of some items, with the length of options; 0 where they cancel.
    package func direction(of items: [Int32]) -> [Float] {
        var sum = [Float](repeating: 0, count: dimensions)
        for item in items { for (axis, value) in row(Int(item)).enumerated() { sum[axis] += value } }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? sum.map { $0 / length * Float(meanNorm) } : sum
    }
}
